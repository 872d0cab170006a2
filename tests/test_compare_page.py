"""The Compare tab of the real page in a real Chromium: recorded runs at once, own runs side by side, refusals."""

from __future__ import annotations

import re
from urllib.parse import unquote

import pytest
import served
from playwright.sync_api import Page, expect
from served import PATIENCE, enter, settled, unfold, wait_for

from trm_explore.words import compare_tab, page_controls

pytestmark = [pytest.mark.browser, pytest.mark.slow]
expect.set_options(timeout=PATIENCE * 1000)
site, chromium = served.site, served.chromium
visit = served.visit
WORDS = compare_tab.WORDS


@pytest.fixture
def opened(visit):
    """opened(updates=4): the page's Compare tab."""

    def open_tab(updates: int = 4) -> Page:
        page = visit(reduced_motion="reduce")
        unfold(page, "More settings")
        enter(page, page.locator("#updates input"), updates)
        tab(page)
        return page

    return open_tab


def tab(page: Page) -> None:
    page.get_by_role("tab", name=page_controls.TAB_COMPARE).click()
    page.wait_for_selector("#compare [data-ready='1'], #compare[data-ready='1']")


def data(page: Page, key: str) -> str | None:
    return served.data(page, "compare", key)


def choose(page: Page, recipe: str) -> None:
    page.locator("#recipe").get_by_label(compare_tab.RECIPES[recipe][0], exact=True).check()
    expect(page.locator("#compare-note")).to_contain_text(compare_tab.RECIPES[recipe][1][:40])


def test_recorded_runs_are_there_when_the_tab_opens_and_follow_question_and_task(opened):
    page = opened()
    wait_for(page, lambda: data(page, "group") == "recorded-sudoku4-on-off" and data(page, "runs") == "3")
    expect(page.locator("#compare")).to_contain_text("Recorded earlier")
    page.locator("#guess").get_by_label(WORDS["none"]).check()
    expect(page.locator("#compare")).to_contain_text("You guessed no difference")
    choose(page, "loss-gradient")
    wait_for(page, lambda: data(page, "group") == "recorded-sudoku4-loss-gradient")
    wait_for(page, lambda: data(page, "runs") == "4")
    page.locator("#tasks [data-task='maze']").click()
    wait_for(page, lambda: data(page, "group") == "recorded-maze-loss-gradient")
    choose(page, "depth")
    wait_for(page, lambda: data(page, "group") == "recorded-maze-depth" and data(page, "runs") == "4")


def test_runs_by_hand_come_from_a_link_and_stand_in_it_again(visit):
    page = visit("?tab=compare&recipe=by-hand&runs=1,constant,0.25,cycle,3/0,linear_decay,0.5,full,4")
    expect(page.locator("#guess label")).to_have_count(3)
    unfold(page, WORDS["variants"])
    expect(page.locator("#H_cycles-B input[type=number]")).to_have_value("4")
    expect(page.locator("#used-C input")).not_to_be_checked()
    page.locator("#enable_deep_supervision-B input").check()
    address = "&runs=1,constant,0.25,cycle,3/1,linear_decay,0.5,full,4&recipe=by-hand"
    wait_for(page, lambda: address in unquote(page.evaluate("location.search")))
    choose(page, "schedule")
    wait_for(page, lambda: "recipe=schedule" in page.url and "runs=" not in page.url)


def test_four_runs_side_by_side_to_the_end_found_again_after_a_reload(opened):
    page = opened()
    choose(page, "depth")
    expect(page.locator("#guess label")).to_have_count(5)
    page.locator("#guess").get_by_label("D: 6 H-cycles").check()
    page.locator("#compare-start").click()
    wait_for(page, lambda: data(page, "state") == "finished" and data(page, "points") == "4 4 4 4")
    expect(page.locator("#compare")).to_contain_text("Done: A 4, B 4, C 4, D 4 of 4 updates.")
    expect(page.locator("#compare")).to_contain_text("You guessed D:")
    expect(page.locator("#compare tbody tr")).to_have_count(4)
    expect(page.locator("#compare-start")).to_be_enabled()
    group = data(page, "group")
    page.get_by_role("tab", name=page_controls.TAB_TRAIN).click()
    tab(page)
    page.wait_for_timeout(500)
    assert data(page, "group") == group, "own figures stay when the tab is opened again"
    page.reload()
    settled(page)
    wait_for(page, lambda: page.locator(".gradio-container").get_attribute("data-waiting") == "")
    tab(page)
    wait_for(page, lambda: data(page, "group") == group and data(page, "points") == "4 4 4 4")


def test_a_long_comparison_can_be_paused_and_stopped(opened):
    page = opened(updates=3000)
    choose(page, "on-off")
    page.locator("#compare-start").click()
    wait_for(
        page, lambda: data(page, "state") == "running" and (data(page, "points") or "0").split()[0] not in ("", "0")
    )
    expect(page.locator("#compare")).to_contain_text(re.compile(r"Training in turn: A \d+, B \d+ of 3000 updates"))
    page.locator("#compare-pause").click()
    wait_for(page, lambda: data(page, "state") == "paused")
    page.locator("#compare-stop").click()
    wait_for(page, lambda: data(page, "state") == "stopped", 5)
    expect(page.locator("#compare-stop")).to_be_disabled()


def test_runs_by_hand_and_what_is_wrong_with_them_in_one_sentence_when_the_server_is_slow_too(opened):
    page = opened()
    unfold(page, WORDS["variants"])
    enter(page, page.locator("#H_cycles-A input[type=number]"), 2)
    expect(page.locator("#recipe").get_by_label(WORDS["by_hand_choice"])).to_be_checked()
    expect(page.locator("#guess")).to_contain_text("2 H-cycles")
    expect(page.locator("#compare-note")).to_contain_text(WORDS["by_hand"][:20])
    page.locator("#used-B").get_by_role("checkbox").uncheck()
    expect(page.locator("#compare-note")).to_contain_text("1 run is chosen, which is nothing to compare")
    page.locator("#compare-start").click()
    expect(page.locator("#compare-note")).to_contain_text("Not started: 1 run is chosen")
    assert data(page, "state") == "recorded", "nothing was started"
    page.locator("#used-C").get_by_role("checkbox").check()
    expect(page.locator("#compare-note")).to_contain_text(WORDS["by_hand"][:20])
    page.locator("#compare-start").click()
    wait_for(page, lambda: data(page, "state") == "finished" and data(page, "points") == "4 4", 60)
    assert page.locator("#compare .tq-names b").all_inner_texts() == ["A", "C"]

    # The answer to the first edit comes late: what was edited meanwhile is asked after it.
    late = []

    def keep_back(route):
        if late:
            route.continue_()
        else:
            late.append(route)

    page.route("**/run/**", keep_back)
    page.locator("#used-B").get_by_role("checkbox").check()  # a third run, as good as the others
    wait_for(page, lambda: late)
    page.locator("#used-B").get_by_role("checkbox").uncheck()
    page.locator("#used-C").get_by_role("checkbox").uncheck()
    page.wait_for_timeout(300)  # nothing more is asked before the first answer
    late[0].continue_()
    expect(page.locator("#compare-note")).to_contain_text("1 run is chosen, which is nothing to compare")
    page.wait_for_function("() => document.querySelector('.gradio-container').dataset.waiting === ''")
    expect(page.locator("#compare-note")).to_contain_text("1 run is chosen, which is nothing to compare")


def test_a_repeat_shows_its_figure_and_can_be_stopped(opened):
    page = opened(updates=2)
    choose(page, "on-off")
    page.locator("#compare-seeds").click()
    expect(page.locator("#seeds-note")).to_contain_text("of 10 runs are done")
    expect(page.locator("#seeds img")).to_be_visible(timeout=60_000)
    page.locator("#compare-enough").click()
    expect(page.locator("#seeds-note")).to_contain_text(re.compile(r"Stopped: \d+ of 10 runs are kept|10 runs, seeds"))
    assert page.locator("#seeds img").evaluate("img => img.naturalWidth") > 100
    assert page.locator("#seeds img").get_attribute("alt").startswith("Mean and band over seeds of A supervision on")
