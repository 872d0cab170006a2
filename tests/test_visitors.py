"""Whole visits in a real Chromium: two people at once, a keyboard alone, a run taken along and brought back, links into
every tab, and a part that cannot be fetched."""

import pytest
from playwright.sync_api import expect
from served import PATIENCE, chromium, data, site, visit, wait_for  # noqa: F401

from trm_explore.words import compare_tab, drawings, page_controls, run_notes

# ruff: noqa: F811

pytestmark = [pytest.mark.browser, pytest.mark.slow]
expect.set_options(timeout=PATIENCE * 1000)


def tab_to(page, element, most=150):
    """Presses Tab until the element has the focus, as somebody without a mouse does."""
    inside = "(id) => { const e = document.activeElement; return e?.id === id || Boolean(e?.closest('#' + id)); }"
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.evaluate(inside, element):
            return
    raise AssertionError(f"#{element} is not reached by Tab")


def own_run(page):
    run = data(page, "ribbon", "run") or ""
    return "" if run.startswith("recorded-") else run


def test_two_visitors_train_at_once_and_each_sees_only_their_own_run(visit):
    one, two = visit("?task=parity&updates=20"), visit("?task=sudoku4&updates=20&supervision=0")
    for page in (one, two):
        page.locator("#train").click()
    for page in (one, two):
        wait_for(page, lambda page=page: data(page, "ribbon", "state") == "finished")
    runs = own_run(one), own_run(two)
    assert all(runs) and runs[0] != runs[1]
    assert (data(one, "ribbon", "steps"), data(two, "ribbon", "steps")) == ("6", "3")
    for page in (one, two):
        assert data(page, "curves", "points") == "20" and data(page, "curves", "run") == own_run(page)
    seen = [
        page.request.get(f"{page.url.split('?')[0]}keep/{run}/run.csv")
        for page, run in zip((one, two), runs, strict=True)
    ]
    heads = [answer.text().splitlines()[0] for answer in seen]
    assert "loss_step_5" in heads[0] and "loss_step_5" not in heads[1]


def test_a_keyboard_alone_trains_compares_and_takes_the_run_along(visit):
    page = visit("?updates=5", reduced_motion="reduce")
    tab_to(page, "train")
    page.keyboard.press("Enter")
    wait_for(page, lambda: own_run(page) and data(page, "ribbon", "state") == "finished", 40)
    tab_to(page, "take")
    page.keyboard.press("Enter")
    tab_to(page, "keep")
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    assert download.value.suggested_filename == "sudoku4-report.html"
    tab_to(page, "tab-compare-button")
    page.keyboard.press("Enter")
    page.wait_for_selector("#recipe")
    tab_to(page, "recipe")  # on the first question; Gradio's choices are gone through with Tab, and taken with space
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect(page.locator("#compare-note")).to_contain_text(compare_tab.RECIPES["schedule"][1][:40])


def test_a_run_is_taken_along_by_click_brought_back_and_looked_into(visit, tmp_path):
    page = visit("?task=maze&updates=5", reduced_motion="reduce")
    page.locator("#train").click()
    wait_for(page, lambda: own_run(page) and data(page, "ribbon", "state") == "finished", 40)
    first = own_run(page)
    page.locator("#take").get_by_role("button").first.click()
    files = {}
    for words in ("run.zip", "model.safetensors", "run.csv", "report.html"):
        with page.expect_download() as download:
            page.get_by_text(drawings.DRAWING["keep"][words], exact=True).click()
        files[words] = tmp_path / words
        download.value.save_as(files[words])
    page.set_input_files("#bring input[type=file]", files["run.zip"])
    wait_for(page, lambda: own_run(page) not in ("", first))
    expect(page.locator("#bring-help")).to_contain_text("run.zip is shown above: task maze")
    assert data(page, "curves", "points") == "5" and data(page, "ribbon", "state") == "finished"
    page.get_by_role("tab", name=page_controls.TAB_INSIDE).click()
    page.locator("#inside-model").get_by_label("my own run").check()
    wait_for(page, lambda: data(page, "inside-player", "frames") == "1", 40)
    expect(page.locator("#inside-said")).to_have_text("")
    files["report.html"].rename(tmp_path / "page.html")
    report = page.context.browser.new_page()
    report.goto((tmp_path / "page.html").as_uri())
    report.wait_for_selector("#player[data-ready='1']")
    assert report.locator("#curves").get_attribute("data-points") == "5"
    report.close()


def test_a_puzzle_of_a_link_that_is_wrong_is_said(visit):
    wrong = visit("?tab=inside&own=12", reduced_motion="reduce")
    expect(wrong.locator("#inside-said")).to_contain_text("The puzzle has 2 cells")


def test_a_part_that_cannot_be_fetched_says_so(chromium, site):
    page = chromium.new_page()
    page.route("**/curves.js", lambda route: route.abort())
    page.goto(site)
    page.get_by_text(run_notes.NOT_DRAWN).wait_for()
    assert page.get_by_text(run_notes.NOT_DRAWN).count() == 1
    page.close()
