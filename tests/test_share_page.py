"""Links in a real Chromium: a link sets the controls, the address follows them, a reload keeps them, parts are hidden,
and a link can be copied where the clipboard is closed."""

from __future__ import annotations

import re

import pytest
import served
from playwright.sync_api import Page, expect
from served import PATIENCE, data, go, settled, wait_for

pytestmark = [pytest.mark.browser, pytest.mark.slow]
expect.set_options(timeout=PATIENCE * 1000)
STILL = {"reduced_motion": "reduce"}  # the player does not begin by itself, and nothing fades
site, chromium, visit = served.site, served.chromium, served.visit


def query(page: Page) -> str:
    return page.evaluate("location.search")


def weights(page: Page) -> list[str | None]:
    columns = page.locator("#ribbon [data-col]")
    return [columns.nth(k).get_attribute("data-weight") for k in range(columns.count())]


def test_a_link_sets_controls_ribbon_tab_step_and_recorded_run(visit):
    page = visit("?task=maze&supervision=0&scope=full&H_cycles=4&seed=7&step=1", **STILL)
    expect(page.locator("#enable_deep_supervision input")).not_to_be_checked()
    expect(page.locator("#gradient_scope").get_by_label("full")).to_be_checked()
    expect(page.locator("#H_cycles input[type=number]")).to_have_value("4")
    wait_for(page, lambda: weights(page) == ["0", "0", "0", "1"] and data(page, "ribbon", "step") == "1")
    assert data(page, "tasks", "chosen") == "maze" and data(page, "ribbon", "run") == "recorded-maze-on"
    assert query(page) == "?task=maze&supervision=0&scope=full&H_cycles=4&seed=7&step=1"
    expect(page.locator("#share [role=status]").first).not_to_contain_text("left out")


def test_the_address_follows_the_page_and_a_reload_keeps_it(visit):
    page = visit("?", **STILL)
    assert query(page) == ""
    page.locator("#enable_deep_supervision input").uncheck()
    wait_for(page, lambda: query(page) == "?task=maze&supervision=0")
    page.locator("#ribbon [data-col='0']").click()
    wait_for(page, lambda: query(page) == "?task=maze&supervision=0&step=0")
    page.locator("#tasks [data-task='sorting']").click()
    wait_for(page, lambda: query(page) == "?task=sorting")  # a step of another task means nothing here
    page.locator("#ribbon [data-col='0']").click()
    page.locator("#gradient_scope").get_by_label("cycle").check()
    wait_for(page, lambda: query(page) == "?task=sorting&scope=cycle&step=0")
    page.reload()
    settled(page)
    expect(page.locator("#gradient_scope").get_by_label("cycle")).to_be_checked()
    wait_for(page, lambda: data(page, "tasks", "chosen") == "sorting" and data(page, "ribbon", "step") == "0")
    assert query(page) == "?task=sorting&scope=cycle&step=0"


def test_a_tab_is_part_of_the_link_an_uploaded_file_is_not_and_behind_a_proxy_the_path_stays(visit, site, tmp_path):
    page = visit("?tab=compare&seed=2", **STILL)
    expect(page.locator("#tab-compare-button")).to_have_attribute("aria-selected", "true")
    assert query(page) == "?task=sudoku4&seed=2&tab=compare"
    page.locator("#tab-train-button").click()
    wait_for(page, lambda: query(page) == "?task=sudoku4&seed=2")
    page.get_by_text("More settings").click()
    own = tmp_path / "own.csv"
    own.write_text("question,answer\n")
    page.locator("#data input[type=file]").set_input_files(own)
    expect(page.locator("#data")).to_contain_text(re.compile(r"own\s*\.csv"))
    page.get_by_role("button", name="Copy link").click()
    expect(page.locator("#share")).to_contain_text("Your own puzzle file is not part of a link")
    assert query(page) == "?task=sudoku4&seed=2"
    page.evaluate("history.replaceState(history.state, '', '/courses/page/')")  # as the browser sees it there
    page.locator("#enable_deep_supervision input").uncheck()
    wait_for(page, lambda: page.url == f"{site}/courses/page/?task=sudoku4&supervision=0&seed=2")


def test_a_link_that_is_opened_anew_comes_before_the_tabs_run_and_a_reload_after_it(visit):
    page = visit("?updates=2000", **STILL)
    page.locator("#one").click()
    wait_for(page, lambda: data(page, "ribbon", "state") == "paused")
    run = data(page, "ribbon", "run")
    page.reload()
    settled(page)
    wait_for(page, lambda: data(page, "ribbon", "run") == run)  # found again
    go(page, page.url.split("?")[0] + "?task=maze&seed=3")
    wait_for(page, lambda: data(page, "ribbon", "run") == "recorded-maze-on")
    page.reload()
    settled(page)
    wait_for(page, lambda: data(page, "ribbon", "run") == "recorded-maze-on")  # the link still, not the run before it


def test_what_cannot_be_used_is_said_on_the_page_and_goes_from_the_address(visit):
    page = visit("?H_cycles=99&colour=red&seed=4", **STILL)
    said = page.locator("#share")
    expect(said).to_contain_text("H_cycles=99 (give a whole number from 1 to 8)")
    expect(said).to_contain_text("colour=red ('colour' is not a setting of a run")
    assert query(page) == "?task=sudoku4&seed=4"
    said.get_by_role("button", name="Hide this").click()
    expect(said.get_by_text("left out")).to_be_hidden()


def test_hidden_parts_are_gone_the_rest_works_and_without_leave_for_the_clipboard_the_link_is_selected(visit, site):
    page = visit("?hide=schedule,scope,gallery,more,take,tabs&task=maze&__theme=dark", **STILL)
    for gone in ("#deep_supervision_schedule", "#gradient_scope", "#tasks", "#more", "#take", "#tabs > .tab-wrapper"):
        expect(page.locator(gone).first).to_be_hidden()
    expect(page.locator("#enable_deep_supervision")).to_be_visible()
    expect(page.locator("#what")).to_be_visible()
    page.locator("#enable_deep_supervision input").uncheck()
    link = "?task=maze&supervision=0&hide=schedule,scope,gallery,more,take,tabs&__theme=dark"
    wait_for(page, lambda: query(page) == link)
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('no')); }")
    page.get_by_role("button", name="Copy link").click()
    field = page.get_by_label("Link to what you see")
    expect(field).to_have_value(f"{site}/{link}")
    expect(field).to_be_focused()
    whole = "(node) => node.selectionEnd - node.selectionStart === node.value.length"
    assert field.evaluate(whole)
    expect(page.locator("#share")).to_contain_text("Selected: copy it")


def test_embedded_the_page_has_neither_headline_nor_margins(visit):
    page = visit("?embed=1&task=maze", **STILL)
    for gone in ("#intro", "#ways"):
        expect(page.locator(gone)).to_be_hidden()
    expect(page.locator("#ribbon")).to_be_visible()
    box = page.locator("#tasks").bounding_box()
    assert box["y"] < 30 and box["x"] < 30


def test_a_teacher_ticks_boxes_and_gets_a_link_that_does_so(visit):
    page = visit("?task=sorting", **STILL)
    page.get_by_role("button", name="For teachers").click()
    dialog = page.get_by_role("dialog", name="A link for your class")
    dialog.get_by_label("Schedule", exact=True).check()
    dialog.get_by_label("gallery of tasks").check()
    dialog.get_by_label(re.compile("^Embed")).check()
    link = dialog.get_by_label("Link to what you see").last
    expect(link).to_have_value(re.compile(r"\?task=sorting&hide=gallery,schedule&embed=1$"))
    expect(dialog.get_by_label("As a frame").last).to_have_value(re.compile('^<iframe src="http.*&amp;embed=1"'))
    made = link.input_value()
    dialog.get_by_label("Begin with a tour").select_option("cost")
    expect(link).to_have_value(re.compile(r"\?tour=cost&stop=1&hide"))
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    go(page, made)
    expect(page.locator("#tasks")).to_be_hidden()
    wait_for(page, lambda: data(page, "ribbon", "run") == "recorded-sorting-on")
