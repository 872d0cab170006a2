"""axe-core looks at every tab, light and dark, with everything unfolded, and with a tour and a dialog open; and what it
cannot see: nothing scrolls sideways on a phone, everything is reached by the Tab key."""

from __future__ import annotations

import pytest
import served
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]
expect.set_options(timeout=60_000)
site, chromium, visit = served.site, served.chromium, served.visit
AROUND_FOCUS = """() => {
  const names = [];
  for (let node = document.activeElement; node; node = node.parentElement) names.push(node.id);
  return names;
}"""
TABS = ("train", "compare", "inside")


def findings(page: Page) -> list[str]:
    """What axe-core calls serious or critical, by rule and element."""
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [
        f"{one['id']}: {node['target']} {node['failureSummary']}"
        for one in found
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]


def unfold(page: Page, tab: str) -> None:
    """Open every section; one that opens may hold others."""
    closed = page.locator(f"#tab-{tab} button.label-wrap:not(.open):visible")
    while closed.count():
        before = closed.count()
        closed.first.click()
        expect(closed).not_to_have_count(before)


def tab(page: Page, name: str) -> None:
    page.locator(f"#tab-{name}-button").click()
    expect(page.locator(f"#tab-{name}")).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_tour_dialog_or_tab_has_a_serious_finding(visit, theme):
    page = visit(f"?tour=recursion&stop=2&__theme={theme}&colour=red", reduced_motion="reduce")
    expect(page.get_by_role("dialog")).to_contain_text("A whole answer at once")
    expect(page.locator("#share")).to_contain_text("is not a setting of a run")
    page.wait_for_timeout(500)
    assert not findings(page)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="For teachers").click()
    dialog = page.get_by_role("dialog", name="A link for your class")
    expect(dialog).to_be_visible()
    assert not findings(page)
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    for name in TABS:
        tab(page, name)
        unfold(page, name)
        page.wait_for_timeout(500)
        expect(page.locator(".gradio-container")).to_have_attribute("data-waiting", "")  # what waits is shown pale
        assert not findings(page), name


def test_on_a_phone_no_tab_scrolls_sideways(visit):
    page = visit("?colour=red", width=390)
    for name in TABS:
        tab(page, name)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, name
        unfold(page, name)
        page.get_by_role("button", name="Copy link").click()
        page.wait_for_timeout(500)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, name


def test_the_tab_key_reaches_every_control(visit):
    page = visit()
    seen = set()
    for _ in range(75):
        page.keyboard.press("Tab")
        seen |= set(page.evaluate(AROUND_FOCUS))
    wanted = (
        "tours share tasks enable_deep_supervision deep_supervision_schedule deep_supervision_weight gradient_scope"
    )
    wanted += " H_cycles train one ribbon pair curves player more take what"
    assert set(wanted.split()) <= seen
