"""The real page in a real Chromium: it opens, trains, plays, stops, is found again; no console error, no request
leaves the machine."""

from __future__ import annotations

import json
import re

import pytest
import served
from conftest import large
from playwright.sync_api import Page, expect
from served import PATIENCE, data, enter, unfold, wait_for

from trm_explore.runs.run import INTERRUPTED
from trm_explore.shipped.pairs import pair_names
from trm_explore.tasks import GENERATED
from trm_explore.view.recorded import recorded_text
from trm_explore.words.drawings import DRAWING

pytestmark = pytest.mark.browser
expect.set_options(timeout=PATIENCE * 1000)
site, chromium, visit = served.site, served.chromium, served.visit


def number(page: Page, name: str, value: str) -> None:
    enter(page, page.locator(f"#{name} input[type=number]"), value)


def open_more(page: Page) -> None:
    unfold(page, "More settings")
    expect(page.locator("#updates input")).to_be_visible()


def test_the_page_opens_with_a_task_that_needs_its_steps_and_a_network_that_answers_without_the_server(visit):
    page = visit("?")
    wait_for(page, lambda: data(page, "stage", "task") == data(page, "tasks", "chosen") == "maze")
    wait_for(page, lambda: data(page, "stage", "fetched") == "1")
    assert data(page, "ribbon", "state") == "recorded" and data(page, "player", "run") == "recorded-maze-on"
    page.context.set_offline(True)
    page.evaluate("trmStore.set('picked', 'sudoku6')")  # what the gallery does beside asking the server
    wait_for(page, lambda: data(page, "stage", "task") == "sudoku6" and int(data(page, "stage", "steps")) > 3)
    page.locator("#stage [data-cell='0']").first.click()
    page.keyboard.press("2")
    wait_for(page, lambda: data(page, "stage", "own") == "1" and int(data(page, "stage", "steps")) > 3)


def test_first_paint_shows_a_trained_model_the_player_plays_and_the_ribbon_follows_pair_and_controls(visit):
    page = visit()
    assert data(page, "ribbon", "state") == "recorded"
    assert int(data(page, "curves", "points")) >= 60  # thinned
    assert int(data(page, "player", "frames")) == 1  # computed here and now from the shipped weights
    wrong = page.locator("#ribbon [data-col='0'] .wrong")
    assert wrong.count() > 0  # the first answer has mistakes,
    assert page.locator("#ribbon [data-col='2'] .wrong").count() == 0  # the last has none
    page.locator("#ribbon [data-col='0']").click()
    wait_for(page, lambda: data(page, "player", "step") == "0" and data(page, "curves", "step") == "0")
    page.locator("#player").get_by_label("Next step").click()
    wait_for(page, lambda: data(page, "player", "step") == "1" and data(page, "ribbon", "step") == "1")
    page.locator("#ribbon [data-col='0']").click()
    page.locator("#player").get_by_label("Play", exact=True).click()
    wait_for(page, lambda: data(page, "player", "step") == "2")

    seen = [columns(page)]
    for name in ("without, as many updates", "without, as much time"):
        page.locator("#pair").get_by_label(name).check()
        wait_for(page, lambda: columns(page) not in seen)
        expect(page.locator("#enable_deep_supervision input")).not_to_be_checked()
        expect(page.locator("#ribbon")).to_contain_text(f"Recorded earlier, {name}")
        seen.append(columns(page))
    page.locator("#pair").get_by_label("with deep supervision").check()
    wait_for(page, lambda: columns(page) == seen[0])
    expect(page.locator("#enable_deep_supervision input")).to_be_checked()

    wait_for(page, lambda: data(page, "ribbon", "scope") == "full")
    page.locator("#enable_deep_supervision input").uncheck()
    wait_for(page, lambda: data(page, "ribbon", "scope") == "last")
    assert [page.locator(f"#ribbon [data-col='{k}']").get_attribute("data-weight") for k in range(3)] == ["0", "0", "1"]
    page.locator("#enable_deep_supervision input").check()
    page.locator("#gradient_scope").get_by_label("cycle").check()
    wait_for(page, lambda: data(page, "ribbon", "scope") == "cycle")
    number(page, "H_cycles", "5")
    wait_for(page, lambda: page.locator("#ribbon [data-col]").count() == 5)
    page.get_by_text("Take this run with you").click()
    expect(page.locator("#command")).to_contain_text("--H_cycles 5")
    expect(page.locator("#python")).to_contain_text("gradient_scope='cycle'")


def test_controls_are_checked_beside_them_set_by_the_guide_and_shown_where_they_mean_something(visit):
    page = visit()
    page.locator("#deep_supervision_schedule input").click()
    page.get_by_role("option", name="custom").click()
    box = page.locator("#custom_weights input, #custom_weights textarea")
    box.fill("0.3 1")
    expect(page.locator("#custom_weights")).to_contain_text(
        "custom_weights has 2 numbers, but H_cycles=3 gives 3 steps"
    )
    page.locator("#train").click()
    page.wait_for_timeout(500)
    assert data(page, "ribbon", "run").startswith("recorded-")  # nothing was started
    box.fill("0.3 -1 1")
    expect(page.locator("#custom_weights")).to_contain_text("at least 0")
    box.fill("0.3 0.4 1")
    expect(page.locator("#custom_weights")).not_to_contain_text("⚠")
    wait_for(page, lambda: page.locator("#ribbon [data-col='1']").get_attribute("data-weight") == "0.4")

    open_more(page)
    switch, weight = (
        page.locator("#enable_deep_supervision input"),
        page.locator("#deep_supervision_weight input[type=number]"),
    )
    page.locator("#advice-prototyping").click()
    expect(switch).not_to_be_checked()
    wait_for(page, lambda: data(page, "ribbon", "scope") == "last")
    page.locator("#advice-generation").click()
    expect(switch).to_be_checked()
    expect(weight).to_have_value("0.3")
    expect(page.locator("#deep_supervision_schedule input")).to_have_value("constant")
    page.locator("#advice-reasoning").click()
    expect(weight).to_have_value("0.6")
    expect(page.locator("#deep_supervision_schedule input")).to_have_value("linear decay")
    wait_for(page, lambda: page.locator("#ribbon [data-col='0']").get_attribute("data-weight") not in ("0", "0.3"))

    page.locator("#preset").get_by_label("paper").check()
    page.wait_for_timeout(300)
    page.locator("#train").click()
    expect(page.locator("#preset")).to_contain_text(re.compile(r"about \d+ s for each of .* too slow"))
    assert data(page, "ribbon", "run").startswith("recorded-")

    expect(page.locator("#difficulty")).to_be_visible()
    card(page, "maze").click()
    expect(page.locator("#difficulty")).to_be_hidden()
    expect(page.locator("#data")).to_be_hidden()
    card(page, "sudoku6").click()
    expect(page.locator("#difficulty")).to_be_visible()


def test_live_training_moves_the_curves_and_a_run_is_paused_made_one_update_resumed_and_stopped(visit):
    page = visit()
    open_more(page)
    number(page, "updates", "120")
    page.locator("#train").click()
    wait_for(
        page,
        lambda: (
            not (data(page, "curves", "run") or "recorded-").startswith("recorded-")
            and int(data(page, "curves", "points")) > 3
        ),
    )
    early = json.loads(data(page, "curves", "lastLosses"))
    wait_for(page, lambda: data(page, "ribbon", "state") == "finished")
    assert int(data(page, "curves", "points")) == 120
    late = json.loads(data(page, "curves", "lastLosses"))
    assert len(late) == 3 and all(b < 0.8 * a for a, b in zip(early, late, strict=True))
    assert int(data(page, "player", "frames")) >= 12
    expect(page.locator("#train")).to_be_enabled()
    page.get_by_role("button", name=DRAWING["stage"]["run"]).click()  # the network that was just trained plays, too
    wait_for(page, lambda: data(page, "stage", "kind") == "run" and int(data(page, "stage", "steps")) > 3)

    number(page, "updates", "20000")
    page.locator("#one").click()
    wait_for(page, lambda: data(page, "ribbon", "state") == "paused" and data(page, "curves", "points") == "1")
    page.locator("#one").click()
    wait_for(page, lambda: data(page, "ribbon", "state") == "paused" and data(page, "curves", "points") == "2")
    page.locator("#pause").click()  # it says Resume
    wait_for(page, lambda: int(data(page, "curves", "points")) > 10)
    page.locator("#pause").click()
    wait_for(page, lambda: data(page, "ribbon", "state") == "paused")
    held = data(page, "curves", "points")
    page.wait_for_timeout(700)
    assert data(page, "curves", "points") == held
    expect(page.locator("#train")).to_be_disabled()
    page.locator("#stop").click()
    wait_for(page, lambda: data(page, "ribbon", "state") == "stopped")
    expect(page.locator("#train")).to_be_enabled()


def test_reload_finds_the_run_and_its_settings_again(visit):
    page = visit("?updates=20000")
    page.locator("#gradient_scope").get_by_label("cycle").check()
    wait_for(page, lambda: data(page, "ribbon", "scope") == "cycle")
    page.locator("#train").click()
    wait_for(
        page,
        lambda: int(data(page, "curves", "points")) > 5 and not data(page, "ribbon", "run").startswith("recorded-"),
    )
    run = data(page, "ribbon", "run")
    page.reload()
    wait_for(
        page,
        lambda: (
            page.locator("#ribbon[data-ready], #ribbon [data-ready]").count() and data(page, "ribbon", "run") == run
        ),
    )
    wait_for(page, lambda: data(page, "ribbon", "scope") == "cycle")
    expect(page.locator("#gradient_scope").get_by_label("cycle")).to_be_checked()
    before = int(data(page, "curves", "points"))
    # Still live, or ended for want of a viewer, where reading the page again took longer than the lease.
    wait_for(page, lambda: int(data(page, "curves", "points")) > before or data(page, "ribbon", "state") == INTERRUPTED)
    newest = int(re.search(r"update (\d+) of", page.locator("#ribbon").inner_text())[1])
    assert int(data(page, "curves", "points")) >= newest  # all of it came again, not only what is new


def test_a_run_that_nobody_watched_says_why_it_ended_and_goes_on_by_one_press(visit):
    page = visit("?updates=20000")
    page.locator("#train").click()
    wait_for(page, lambda: data(page, "ribbon", "state") == "running" and int(data(page, "curves", "points")) > 5)
    run, at_home = data(page, "ribbon", "run"), page.url
    page.goto("about:blank")
    other = visit()  # the only slot is free once the run has ended
    other.locator("#one").click()
    wait_for(other, lambda: data(other, "ribbon", "state") == "paused" and data(other, "curves", "points") == "1")
    other.locator("#stop").click()
    wait_for(other, lambda: data(other, "ribbon", "state") == "stopped")
    served.go(page, at_home)
    wait_for(page, lambda: data(page, "ribbon", "state") == INTERRUPTED)
    assert data(page, "ribbon", "run") == run
    expect(page.locator("#ribbon")).to_contain_text("Resume goes on from there")
    before = int(data(page, "curves", "points"))
    page.get_by_role("button", name="Resume").click()
    wait_for(page, lambda: data(page, "ribbon", "state") == "running" and int(data(page, "curves", "points")) > before)
    assert data(page, "ribbon", "run") == run
    page.locator("#stop").click()
    wait_for(page, lambda: data(page, "ribbon", "state") == "stopped")


def test_a_second_run_waits_in_line_and_a_closed_tab_frees_the_core(visit):
    first, second = visit("?updates=20000"), visit("?updates=20000")
    first.locator("#train").click()
    wait_for(first, lambda: data(first, "ribbon", "state") == "running")
    second.locator("#train").click()
    wait_for(second, lambda: data(second, "ribbon", "state") == "queued")
    expect(second.locator("#ribbon")).to_contain_text("place 1 in line")
    first.context.close()
    wait_for(second, lambda: data(second, "ribbon", "state") == "running")
    second.locator("#stop").click()
    wait_for(second, lambda: data(second, "ribbon", "state") == "stopped")


def test_own_puzzles_train_and_a_wrong_file_is_said_beside_its_control(visit, tmp_path):
    from trm_explore.tasks import preset, resolve

    task, _ = resolve(preset("sudoku4"))
    batch = task.held_out(40)
    rows = ["question,answer"]
    for question, answer in zip(task.decode(batch["inputs"]), task.decode(batch["labels"]), strict=True):
        rows.append("".join(map(str, question)).replace("0", ".") + "," + "".join(map(str, answer)))
    good, bad = tmp_path / "good.csv", tmp_path / "bad.csv"
    good.write_text("\n".join(rows))
    bad.write_text("puzzle,solution\n1,2\n")
    page = visit()
    open_more(page)
    number(page, "updates", "5")
    page.locator("#data input[type=file]").set_input_files(bad)
    expect(page.locator("#data")).to_contain_text(re.compile(r"bad\s*\.csv"))
    page.locator("#train").click()
    expect(page.locator("#data-help")).to_contain_text("question")
    page.reload()
    open_more(page)
    number(page, "updates", "5")
    page.locator("#data input[type=file]").set_input_files(good)
    expect(page.locator("#data")).to_contain_text(re.compile(r"good\s*\.csv"))
    page.locator("#train").click()
    wait_for(page, lambda: data(page, "ribbon", "state") == "finished")


# ---- the gallery, the recorded pairs, other tasks


def card(page: Page, task: str):
    return page.locator(f"#tasks [data-task='{task}']")


def columns(page: Page) -> str:
    """What the ribbon says, step by step."""
    return " | ".join(page.locator("#ribbon [data-col]").all_inner_texts())


def shows(page: Page, task: str) -> bool:
    """Chosen in the gallery, and the answer has come: the ribbon has its recorded run or says that there is none."""
    if data(page, "tasks", "chosen") != task:
        return False
    if task not in pair_names():
        return "No recorded run" in page.locator("#ribbon").inner_text()
    return page.locator("#measured").inner_text().strip() == recorded_text(task)


def test_arrow_keys_go_through_the_gallery_and_of_many_quick_choices_the_last_counts(visit):
    page = visit()
    card(page, "sudoku4").focus()
    for key, task in [
        ("ArrowRight", GENERATED[1]),
        ("ArrowLeft", GENERATED[0]),
        ("ArrowLeft", GENERATED[-1]),
        ("ArrowDown", GENERATED[0]),
        ("End", GENERATED[-1]),
        ("Home", GENERATED[0]),
    ]:
        page.keyboard.press(key)
        wait_for(page, lambda task=task: shows(page, task))
        assert page.evaluate("document.activeElement.dataset.task") == task  # one can go on from there
    assert page.locator("#tasks [tabindex='0']").count() == 1  # one stop for the Tab key

    for task in (*GENERATED[::3], "sudoku4", "parity"):
        card(page, task).click()
    wait_for(page, lambda: shows(page, "parity"))
    page.wait_for_timeout(1500)  # late answers must not bring an earlier one back
    assert data(page, "tasks", "chosen") == "parity"
    page.get_by_text("Take this run with you").click()
    expect(page.locator("#command")).to_contain_text("--task parity")


@pytest.mark.parametrize(
    "tasks",
    [
        ("maze", "addition"),
        *(pytest.param(two, marks=large) for two in (("sudoku4", "swirl"), ("addition", "poisson"))),
    ],
)
def test_a_click_on_a_card_shows_its_recorded_run_and_what_is_trained_then_is_that_task(visit, tasks):
    page = visit()
    assert int(data(page, "tasks", "tasks")) == len(GENERATED)
    open_more(page)
    page.get_by_text("Take this run with you").click()
    for task in tasks:
        other = "sorting" if task == "sudoku4" else task
        card(page, other).click()
        wait_for(page, lambda other=other: shows(page, other))
        card(page, task).click()
        wait_for(page, lambda task=task: shows(page, task))
        expect(card(page, task)).to_have_attribute("aria-checked", "true")
        assert page.locator("#tasks [aria-checked='true']").count() == 1
        if task in pair_names():
            expect(page.locator("#measured")).to_contain_text("Measured on")
            expect(page.locator("#ribbon")).to_contain_text("Recorded earlier")
            wait_for(page, lambda: int(data(page, "curves", "points")) > 10 and int(data(page, "player", "frames")) > 0)
        else:
            expect(page.locator("#ribbon")).to_contain_text("No recorded run of this task")
            wait_for(page, lambda: data(page, "curves", "points") in ("0", None))
        expect(page.locator("#command")).to_contain_text(f"--task {task}")
        number(page, "updates", "11")
        page.wait_for_timeout(300)
        page.locator("#train").click()
        wait_for(page, lambda: data(page, "ribbon", "state") == "finished")
        assert data(page, "curves", "points") == "11" and int(data(page, "player", "frames")) == 2
        steps = int(data(page, "ribbon", "steps"))
        assert page.locator("#ribbon [data-col]").count() == steps
        page.locator("#ribbon [data-col='0']").click()
        page.locator("#player").get_by_label("Play", exact=True).click()
        wait_for(page, lambda steps=steps: data(page, "player", "step") == str(steps - 1))
