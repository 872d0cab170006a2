"""Look inside on the real page: own puzzles, four times the cycles, interventions, the map; by mouse, keys, phone."""

import pytest
from conftest import large
from playwright.sync_api import expect
from served import PATIENCE, chromium, data, site, visit, wait_for  # noqa: F401

from trm_explore.data.sudoku_rules import parse_puzzle, solve

# ruff: noqa: F811

pytestmark = pytest.mark.browser
expect.set_options(timeout=PATIENCE * 1000)
PUZZLE = ".24.3......44.3."


@pytest.fixture
def look(visit):
    """The tab, opened, with an answer in its player."""

    def open_tab(query="", **settings):
        page = visit(query, reduced_motion="reduce", **settings)
        page.get_by_role("tab", name="Look inside").click()
        wait_for(page, lambda: data(page, "inside-player", "frames") == "1", 40)
        return page

    return open_tab


def cycles(page, number):
    box = page.locator("#inside-cycles input[type=number]")
    box.fill(str(number))
    box.press("Tab")
    wait_for(page, lambda: data(page, "inside-thinking", "steps") == str(number))


def answer(page, player="inside-player"):
    return "".join(page.locator(f"#{player} [data-cell]").all_inner_texts())


def editor(page, i):
    return page.locator(f"#inside-editor [data-cell='{i}']")


@pytest.mark.slow
def test_the_tab_opens_on_a_trained_model_is_asked_for_an_own_run_measures_cost_and_follows_the_gallery(look):
    page = look()
    expect(page.locator("#inside-player")).to_contain_text("solved")
    wait_for(page, lambda: data(page, "inside-thinking", "cycles") == "12", 40)
    wait_for(page, lambda: data(page, "inside-inside", "asked") not in (None, ""), 40)
    assert data(page, "inside-thinking", "trained") == "3"
    page.locator("#inside-model").get_by_label("my own run").check()
    expect(page.locator("#inside-said")).to_contain_text("There is no run of yours with weights yet")
    wait_for(page, lambda: data(page, "inside-player", "frames") == "0")
    page.locator("#inside-model").get_by_label("with deep supervision").check()
    wait_for(page, lambda: data(page, "inside-player", "frames") == "1")
    expect(page.locator("#inside-said")).not_to_contain_text("There is no run")
    expect(page.locator("#inside-cost")).to_contain_text("times")
    page.locator("#inside-measure-button").click()
    expect(page.locator("#inside-measured")).to_contain_text("times as long as without deep supervision")
    page.locator("#tasks [data-task='parity']").click()
    wait_for(page, lambda: data(page, "inside-thinking", "cycles") == "24", 40)
    assert page.locator("#inside-editor [data-cell]").count() == 16
    expect(page.locator("#inside-cycles")).to_contain_text("trained with 6; up to 24 here")


def test_a_conflict_is_marked_at_once_a_sound_puzzle_solved_what_is_none_said_and_keys_alone_do_it_all(look):
    page = look()
    page.get_by_role("button", name="Clear").click()
    for i, digit in enumerate(PUZZLE):
        if digit != ".":
            editor(page, i).click()
            page.keyboard.press(digit)
    editor(page, 0).click()
    page.keyboard.press("2")
    expect(page.locator("#inside-editor")).to_contain_text("2 stands twice in row 1")
    assert page.locator("#inside-editor .clash").count() == 2
    page.keyboard.press("Backspace")
    wait_for(page, lambda: answer(page) == "".join(map(str, solve(parse_puzzle(PUZZLE)))))
    expect(page.locator("#inside-player")).to_contain_text("your own puzzle")
    assert data(page, "inside-editor", "own") == "1" and page.locator("#inside-editor .clash").count() == 0
    box = page.locator("#inside-editor input[type=text]")
    box.fill("12")
    box.press("Enter")
    expect(page.locator("#inside-editor")).to_contain_text("The puzzle has 2 cells, but 16 (4x4) are needed")
    box.fill("1" + "." * 15)
    box.press("Enter")
    expect(page.locator("#inside-editor")).to_contain_text("This puzzle has several solutions")
    expect(page.locator("#inside-thinking")).to_contain_text("nobody knows the solution")
    page.get_by_role("button", name="Back to the held-out puzzle").click()
    wait_for(page, lambda: data(page, "inside-editor", "own") == "0")
    # Keys alone type a puzzle, set a cell and walk the steps.
    editor(page, 0).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("3")
    wait_for(page, lambda: data(page, "inside-editor", "own") == "1" and data(page, "inside-editor", "at") == "1")
    expect(page.locator("#inside-player")).to_contain_text("your own puzzle")
    page.locator("#inside-player .tp-board").focus()
    page.keyboard.press("Home")
    wait_for(page, lambda: data(page, "inside-player", "step") == "0")
    page.keyboard.press("Shift+ArrowRight")
    wait_for(page, lambda: data(page, "inside-intervene", "cell") == "0")
    page.get_by_role("button", name="Let it say 1").focus()
    page.keyboard.press("Enter")
    wait_for(page, lambda: data(page, "inside-intervene", "edits") == "1")


def test_four_times_the_cycles_are_shown_step_by_step_and_marked_in_the_chart(look):
    page = look("?task=maze")
    cycles(page, 12)
    wait_for(page, lambda: page.locator("#inside-thinking [data-step]").count() == 12)
    page.locator("#inside-thinking [data-step='11']").click()
    wait_for(page, lambda: data(page, "inside-player", "step") == "11")
    expect(page.locator("#inside-thinking")).to_contain_text("thinking longer harms")
    expect(page.locator("#inside-thinking")).to_contain_text("as in training")


def test_a_set_cell_is_watched_beside_the_untouched_answer_and_recovers(look):
    page = look()
    cycles(page, 8)
    page.locator("#inside-thinking [data-step='1']").click()
    page.locator("#inside-player [data-cell='5']").click()
    now = page.locator("#inside-player [data-cell='5']").inner_text()
    wanted = "2" if now != "2" else "3"
    page.get_by_role("button", name=f"Let it say {wanted}").click()
    wait_for(page, lambda: data(page, "inside-after-player", "frames") == "1")
    wait_for(page, lambda: data(page, "inside-after-player", "step") == "1")
    assert page.locator("#inside-after-player [data-cell='5']").inner_text() == wanted
    expect(page.locator("#inside-intervene")).to_contain_text("the answer is that of the undisturbed run")
    page.locator("#inside-after-player").get_by_label("Next step").click()
    wait_for(page, lambda: data(page, "inside-player", "step") == "2")  # they step together
    page.get_by_role("button", name="Undo all").click()
    wait_for(page, lambda: page.locator("#inside-after-player").count() == 0)


def test_a_click_into_the_map_asks_about_that_cell_and_the_outcome_of_added_noise_is_said(look):
    page = look()
    wait_for(page, lambda: data(page, "inside-inside", "asked") not in (None, ""), 40)
    canvas = page.locator("#inside-inside canvas").nth(2)
    box = canvas.bounding_box()
    side = min(box["width"], box["height"]) / 4
    left = (box["width"] - 4 * side) / 2
    canvas.click(position={"x": left + 3.5 * side, "y": 2.5 * side})
    wait_for(page, lambda: data(page, "inside-inside", "asked") == "11")
    expect(page.locator("#inside-inside")).to_contain_text("What moves row 3, column 4")
    assert data(page, "inside-player", "ready") == "1" and data(page, "inside-intervene", "cell") == "11"
    page.get_by_role("button", name="Go to step 0").click()
    page.get_by_role("button", name="State z_L").click()
    page.get_by_label("Strength of the noise").fill("3")
    page.get_by_role("button", name="Add noise").click()
    expect(page.locator("#inside-intervene .iv-outcome")).to_contain_text("The edit changed")
    assert data(page, "inside-intervene", "edits") == "1"


@pytest.mark.slow
@pytest.mark.parametrize("task", ["sudoku9", *(pytest.param(task, marks=large) for task in ("addition", "poisson"))])
def test_nothing_scrolls_sideways_on_a_phone(look, task):
    page = look(f"?task={task}", width=390)
    wait_for(page, lambda: data(page, "inside-thinking", "steps") not in (None, ""))
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
