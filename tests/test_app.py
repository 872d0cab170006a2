"""app/ without a browser: controls and what they mean, the handlers over real runs, and how the page is wired."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import gradio as gr
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import trm_explore
from trm_explore import cli
from trm_explore.app import feed, handlers
from trm_explore.app.bridge import TURNS
from trm_explore.app.handlers import MARKED, Handlers, buttons, marks
from trm_explore.app.page import build
from trm_explore.app.settings import CONTROLS, LIMITS, check, config_of, shown_config, start_config, too_slow, values_of
from trm_explore.config import (
    PRESETS,
    SCHEDULES,
    SIZES,
    Adaptive,
    Checkpointing,
    Curriculum,
    Difficulty,
    RunConfig,
    Scope,
)
from trm_explore.runs.registry import Runs
from trm_explore.shipped.pairs import KINDS, load_pair, pair_names, text_of
from trm_explore.tasks import GENERATED, preset, resolve
from trm_explore.view.commands import as_command, as_python
from trm_explore.view.payload import plan_of
from trm_explore.view.recorded import recorded_message, recorded_text
from trm_explore.view.settings import SETTINGS
from trm_explore.words import page_controls, run_notes

START = dict(zip(CONTROLS, values_of(shown_config("sudoku4")), strict=True))


LONG = {"updates": 20_000}  # is stopped by the test


def controls(**changes: Any) -> list[Any]:
    """The page's controls as it opens, some of them moved."""
    assert changes.keys() <= START.keys()
    return list((START | changes).values())


@st.composite
def any_controls(draw) -> list[Any]:
    """Everything that the controls can be set to; custom weights as people write them."""
    cycles = draw(st.integers(*LIMITS["H_cycles"]))
    weights = draw(st.lists(st.floats(1e-9, 1e9) | st.integers(1, 9), min_size=cycles, max_size=cycles))
    separator = draw(st.sampled_from([" ", ", ", ";"]))
    schedule, updates = draw(st.sampled_from(list(SCHEDULES))), draw(st.integers(*LIMITS["updates"]))
    return [
        draw(st.sampled_from(list(GENERATED))),
        draw(st.sampled_from(list(PRESETS))),
        draw(st.booleans()),
        schedule,
        draw(st.floats(0, 1)),
        separator.join(map(repr, weights)),
        draw(st.sampled_from(get_args(Scope))),
        draw(st.sampled_from([cycles, float(cycles)])),  # a slider may give 3.0
        draw(st.integers(*LIMITS["L_cycles"])),
        updates,
        draw(st.integers(*LIMITS["seed"])),
        draw(st.sampled_from(get_args(Difficulty))),
        draw(st.sampled_from(get_args(Adaptive))),
        "off" if schedule == "custom" or updates < 2 else draw(st.sampled_from(get_args(Curriculum))),
        draw(st.floats(*LIMITS["L_supervision_weight"])),
        draw(st.sampled_from(get_args(Checkpointing))),
        draw(st.sampled_from([None, "", "/tmp/gradio/1f/my puzzles.csv", "/tmp/gradio/1f/-x.csv"])),
    ]


@pytest.fixture
def no_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


# ---- controls -> run -> controls, command, Python


def test_the_page_opens_with_the_start_config():
    assert config_of(values_of(start_config())) == start_config()


@given(any_controls())
def test_controls_and_config_say_the_same(values):
    config = config_of(values)
    back = values_of(config)
    assert config_of(back) == config and values_of(config_of(back)) == back
    flat = config.to_flat()
    for name, value in zip(CONTROLS, values, strict=True):
        if name not in ("custom_weights", "data", "difficulty"):
            assert flat[name] == value
    takes = resolve(preset(flat["task"]))[
        0
    ].accepted_data_fields  # a control that means nothing to the task does nothing
    chosen = values[CONTROLS.index("difficulty")]
    assert flat["difficulty"] == (chosen if "difficulty" in takes else "any")
    words = re.split("[ ,;]+", values[CONTROLS.index("custom_weights")])
    is_custom = config.supervision.deep_supervision_schedule == "custom"
    assert flat["custom_weights"] == ([float(word) for word in words] if is_custom else [])
    assert config.train.threads == 1  # so that as many runs as cores go side by side


def as_taken_along(config: RunConfig) -> RunConfig:
    """The user's file by its bare name: where it lies on the server is nothing to them."""
    return config.with_flat(data=Path(config.puzzles.data).name)


@settings(max_examples=25)
@given(any_controls())
def test_the_command_gives_the_same_run(values):
    config = config_of(values)
    program, *argv = shlex.split(as_command(config))
    assert program == "trm-explore" and "/tmp" not in as_command(config)
    parsed = cli._parse(cli.training.Train, argv, cli.training.defaults(argv[1:]))
    assert parsed.run == as_taken_along(config)


@settings(max_examples=25)
@given(any_controls())
def test_the_python_gives_the_same_run(values):
    config, trained = config_of(values), []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trm_explore, "train", lambda config: trained.append(config) or ())
        exec(as_python(config), {})
    assert trained == [as_taken_along(config)]


def test_command_and_python_of_the_start_are_short():
    assert len(as_command(start_config())) < 250 and as_python(start_config()).count("\n") < 20
    assert as_command(preset("sudoku4")) == "trm-explore train --task sudoku4"


def test_a_resolved_run_gives_the_same_command():
    assert as_command(resolve(start_config())[1]) == as_command(start_config())


class Something:
    """Nothing of ours, with the same name in every test process."""

    def __repr__(self):
        return "something"


HOSTILE = [
    None,
    "",
    "many",
    "3",
    "3 many",
    "nan nan 1",
    "1e999 1 1",
    "-1 1 1",
    "0 0 0",
    "1e300 1 1",
    "1e-300 0 0",
    "x\ny",
    float("nan"),
    float("inf"),
    -float("inf"),
    -1,
    0,
    2.5,
    1e300,
    10**400,
    True,
    [],
    [1],
    {},
    {"a": 1},
    b"3",
    Something(),
]


def sentence_of(values: list[Any]) -> str:
    """The sentence with which the controls are refused, "" where they are a run; nothing but ValueError comes."""
    try:
        assert isinstance(config_of(values), RunConfig)
    except ValueError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("schedule", ["linear_decay", "custom"])
@pytest.mark.parametrize("name", CONTROLS)
def test_hostile_values_are_refused_with_a_sentence_that_starts_with_the_control(name, schedule):
    base = controls(deep_supervision_schedule=schedule, custom_weights="0.3 0.4 1")
    refused = 0
    for value in HOSTILE:
        values = [*base]
        values[CONTROLS.index(name)] = value
        sentence = sentence_of(values)
        refused += bool(sentence)
        assert not sentence or re.match(rf"{name}\b", sentence), (value, sentence)
        assert "\n" not in sentence and len(sentence) < 700, (value, sentence)
    ignored = name == "custom_weights" and schedule != "custom"
    assert refused == 0 if ignored else refused >= 8


@given(st.data())
def test_two_hostile_values_at_once_are_refused_too(data):
    values = controls()
    for _ in range(2):
        place = data.draw(st.integers(0, len(CONTROLS) - 1))
        values[place] = data.draw(st.sampled_from(HOSTILE) | st.text() | st.floats() | st.integers())
    sentence = sentence_of(values)
    assert not sentence or sentence.startswith(CONTROLS), sentence


@pytest.mark.parametrize("value", [0, 9, 2.5, None])
def test_the_sentence_gives_value_and_limits(value):
    sentence = sentence_of(controls(H_cycles=value))
    assert (
        sentence.endswith("give a whole number from 1 to 8") and ("empty" if value is None else str(value)) in sentence
    )


# ---- what may run here


@pytest.mark.parametrize("task", GENERATED)
@pytest.mark.parametrize("size", ["tiny", "small"])
def test_the_small_sizes_run_here(no_gpu, task, size):
    own = preset(task, size)
    cycles = {"H_cycles": own.model.H_cycles, "L_cycles": own.model.L_cycles}
    config = check(config_of(controls(task=task, preset=size, updates=own.train.updates, **cycles)))
    assert config == resolve(config)[1] and config.model.vocab_size


def test_the_paper_size_is_refused_on_a_cpu_with_the_estimate(no_gpu):
    config = config_of(controls(task="sudoku9", preset="paper", updates=100, L_cycles=6))
    with pytest.raises(ValueError) as error:
        check(config)
    said = re.match(r"preset=paper: about (\d+) s for each of 100 updates here \(([\d,]+) weights", str(error.value))
    assert int(said[1]) > 4 and 6e6 < int(said[2].replace(",", "")) < 8e6
    assert str(error.value) == too_slow(config) and "GPU" in str(error.value)


def test_a_gpu_takes_what_is_too_slow_here(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert too_slow(config_of(controls(preset="paper"))) == ""


def test_a_wrong_file_is_named_as_its_owner_knows_it(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("puzzle,solution\n1,2\n")
    with pytest.raises(ValueError) as error:
        check(config_of(controls(data=str(path))))
    assert str(error.value).startswith("data: ") and "mine.csv" in str(error.value)
    assert str(tmp_path) not in str(error.value)


# ---- marks and buttons


def said_at(update: Any) -> str:
    return update["info"] if isinstance(update, dict) else update


@pytest.mark.parametrize("name", MARKED)
def test_an_error_is_put_at_its_control_and_only_there(name):
    shown = dict(zip(MARKED, map(said_at, marks(f"{name}=1 is wrong")), strict=True))
    assert shown.pop(name) == f"⚠ {name}=1 is wrong"
    assert "⚠" not in "".join(shown.values())


def test_an_error_that_names_two_controls_is_put_at_the_first():
    sentence = sentence_of(controls(deep_supervision_schedule="custom", custom_weights="0.3 1"))
    shown = dict(zip(MARKED, map(said_at, marks(sentence)), strict=True))
    assert "H_cycles=3" in shown["custom_weights"] and "⚠" not in shown["H_cycles"]


def test_without_an_error_every_control_has_its_usual_text():
    assert MARKED[-1] == "data" and "⚠" not in "".join(map(said_at, marks("")))
    assert list(map(said_at, marks(""))) == [*(SETTINGS[name].help for name in MARKED[:-1]), page_controls.DATA_HELP]


@pytest.mark.parametrize(
    ("state", "train", "pause", "one", "stop"),
    [
        ("", True, False, True, False),
        ("queued", False, True, False, True),
        ("preparing", False, True, True, True),
        ("running", False, True, True, True),
        ("paused", False, True, True, True),
        ("finished", True, False, True, False),
        ("stopped", True, False, True, False),
        ("failed", True, False, True, False),
    ],
)
def test_buttons_can_be_pressed_where_they_do_something(state, train, pause, one, stop):
    looks = buttons(state)
    assert [look["interactive"] for look in looks] == [train, pause, one, stop]
    assert looks[1]["value"] == (page_controls.RESUME if state == "paused" else page_controls.PAUSE)


# ---- controls move


@pytest.fixture
def runs():
    runs = Runs(slots=1, lease=60)
    yield runs
    runs.close()


def test_the_plan_command_and_python_follow_the_controls(runs):
    plan, command, python, *said = Handlers(runs).follow("", *controls(gradient_scope="cycle", H_cycles=5))
    config = config_of(controls(gradient_scope="cycle", H_cycles=5))
    assert plan == plan_of(config) and plan["steps"] == 5 and plan["scope"] == "cycle"
    assert (command, python) == (as_command(config), as_python(config)) and said == marks("")


def test_wrong_controls_give_only_the_error(runs, no_gpu):
    plan, command, python, *said = Handlers(runs).follow("", *controls(updates=0))
    assert plan == {"error": "updates=0 is not possible here; give a whole number from 1 to 20000"}
    assert command == python == gr.skip() and said == marks(plan["error"])
    plan, command, *_, said = Handlers(runs).follow("", *controls(preset="paper", task="sudoku9"))
    assert plan["error"] == too_slow(config_of(controls(preset="paper", task="sudoku9"))) != ""
    assert "--preset paper" in command  # it can be taken to a machine with a GPU


@pytest.mark.parametrize("name", CONTROLS)
def test_no_value_of_a_control_breaks_the_page(runs, name):
    for value in HOSTILE:
        Handlers(runs).follow("", *controls(**{name: value}))


def test_another_size_brings_its_own_numbers(runs):
    for task in GENERATED:
        for size in PRESETS:
            config = preset(task, size)
            wanted = [config.model.H_cycles, config.model.L_cycles, config.train.updates]
            assert Handlers(runs).choose(task, size) == wanted
            for name, value in zip(("H_cycles", "L_cycles", "updates"), wanted, strict=True):
                assert LIMITS[name][0] <= value <= LIMITS[name][1]


@pytest.mark.parametrize("enabled", [True, False])
@pytest.mark.parametrize("schedule", list(SCHEDULES))
def test_only_the_controls_that_act_are_shown(runs, enabled, schedule):
    chosen, weight, custom = Handlers(runs).show_schedule(enabled, schedule)
    assert [look["interactive"] for look in (chosen, weight, custom)] == [enabled] * 3
    assert custom["visible"] == (schedule == "custom")
    base_weight_acts = plan_of(_with_base(schedule, 0.5))["weights"] != plan_of(_with_base(schedule, 0.25))["weights"]
    assert weight["visible"] == base_weight_acts


def _with_base(schedule: str, weight: float) -> RunConfig:
    return config_of(
        controls(deep_supervision_schedule=schedule, deep_supervision_weight=weight, custom_weights="3 2 1")
    )


# ---- runs through the handlers


async def pressed(page: Handlers, run_id: str | None, values: list[Any], one: bool = False):
    """What a press of Train or One update brings to the page: (run id, message), wired as page.py does it."""
    begun = await (page.one_update if one else page.train)(run_id, *values)
    async for message in page.watch(begun[1]):
        yield [begun[0], json.loads(message)]


async def found(page: Handlers, run_id: str):
    """What a reload brings."""
    again = page.find_again(run_id)
    async for message in page.watch(again[1]):
        yield [again[0], json.loads(message)]


def press(page: Handlers, run_id: str | None, values: list[Any], one: bool = False) -> list[Any]:
    """Only the answer to the press itself."""
    return asyncio.run((page.one_update if one else page.train)(run_id, *values))


NOTHING = [gr.skip(), handlers.NOBODY, *[gr.skip()] * 3, *marks("")]


def collect(stream, seconds: float = 60.0) -> list[list[Any]]:
    async def all_of() -> list[list[Any]]:
        return [update async for update in stream]

    return asyncio.run(asyncio.wait_for(all_of(), seconds))


def joined(updates: list[list[Any]]) -> dict[str, Any]:
    """The messages put together as the page does."""
    messages = [update[1] for update in updates if "run" in update[1]]
    for before, message in zip(messages, messages[1:], strict=False):
        assert message["from"] > 0 or not before["points"]
    lists = {name: [x for m in messages for x in m[name]] for name in ("points", "evals", "frames")}
    return messages[-1] | {"from": 0} | lists


def test_train_sends_all_of_a_run_and_ends(runs):
    updates = collect(pressed(Handlers(runs), "", controls(updates=23)))
    run_id, whole = updates[0][0], joined(updates)
    run = runs.get(run_id)
    assert {update[0] for update in updates} == {run_id} and whole["run"] == run_id
    assert [point[0] for point in whole["points"]] == list(range(1, 24))
    assert [e[0] for e in whole["evals"]] == [23] and [f["update"] for f in whole["frames"]] == [10, 20, 23]
    assert whole["state"] == run.state == "finished" and whole["text"].startswith("Done after 23 of 23 updates")
    assert whole["key"] == plan_of(config_of(controls(updates=23)))["key"]  # the ribbon knows that it is this plan
    assert len(updates) > 2
    json.dumps([update[1] for update in updates], allow_nan=False)


def test_one_update_begins_a_paused_run_and_goes_on_by_ones(runs):
    page = Handlers(runs)

    async def story() -> None:
        stream = pressed(page, "", controls(**LONG), one=True)
        run_id, points = await reads(stream, lambda m: m["state"] == "paused", 1)
        assert points == [1]
        for wanted in (2, 3):
            assert await page.one_update(run_id, *controls()) == NOTHING
            _, points = await reads(stream, lambda m: m["state"] == "paused", 1)
            assert points == [wanted]
        page.pause(run_id)  # the button says Resume now
        await reads(stream, lambda m: m["state"] == "running", 2)
        page.pause(run_id)
        await reads(stream, lambda m: m["state"] == "paused")
        assert await page.train(run_id, *controls()) == NOTHING  # no second run beside it
        assert runs.active() == 1
        await reads(stream, lambda m: m["state"] == "running")
        page.stop(run_id)
        await reads(stream, lambda m: m["state"] == "stopped")
        assert await anext(stream, None) is None  # the stream ends with its run

    asyncio.run(asyncio.wait_for(story(), 60))


async def reads(stream, until, least: int = 0) -> tuple[str, list[int]]:
    """Reads a stream until a message fits and at least so many updates came on the way: the run's id, and these."""
    points: list[int] = []
    async for update in stream:
        if "run" in update[1]:
            points += [point[0] for point in update[1]["points"]]
            if until(update[1]) and len(points) >= least:
                return update[0], points
    raise AssertionError("the stream ended")


def test_a_second_client_waits_in_line_and_knows_its_place(runs):
    page = Handlers(runs)

    async def story() -> None:
        first, second, third = (pressed(page, "", controls(seed=seed, **LONG)) for seed in range(3))
        ahead, _ = await reads(first, lambda m: m["state"] == "running")
        waiting, _ = await reads(second, lambda m: m["state"] == "queued" and "place 1 in line" in m["text"])
        last, _ = await reads(third, lambda m: m["state"] == "queued" and "place 2 in line" in m["text"])
        assert len({ahead, waiting, last}) == 3
        page.stop(ahead)
        await reads(second, lambda m: m["state"] == "running")
        await reads(third, lambda m: "place 1 in line" in m["text"])  # told although it computed nothing
        page.stop(last)
        await reads(third, lambda m: m["state"] == "stopped")

    asyncio.run(asyncio.wait_for(story(), 60))


def test_a_reload_finds_a_run_again_whole_with_its_settings(runs, monkeypatch):
    page, chosen = Handlers(runs), controls(updates=14, seed=9, gradient_scope="cycle")
    monkeypatch.setattr(feed, "CHUNK", 6)  # so that it comes in pieces
    first = collect(pressed(page, "", chosen))
    run_id = first[0][0]
    assert page.find_again(run_id) == [run_id, run_id, *chosen]
    again = collect(found(page, run_id))
    assert again[0][1]["from"] == 0 and joined(again) == joined(first) and len(again) > 2


def test_a_live_run_found_again_goes_on_beside_its_first_reader(runs):
    page = Handlers(runs)

    async def story() -> None:
        first = pressed(page, "", controls(**LONG))
        run_id, seen = await reads(first, lambda m: True, 3)
        again = found(page, run_id)
        message = (await anext(again))[1]
        assert message["from"] == 0 and [p[0] for p in message["points"]][: len(seen)] == seen
        known = len(message["points"])
        _, points = await reads(again, lambda m: True, 1)
        assert points[0] == known + 1
        page.stop(run_id)
        await reads(first, lambda m: m["state"] == "stopped")
        await reads(again, lambda m: m["state"] == "stopped")

    asyncio.run(asyncio.wait_for(story(), 60))


@pytest.mark.parametrize("run_id", ["", "nobody", None])
def test_an_unknown_run_does_no_harm(runs, run_id):
    page = Handlers(runs)
    page.pause(run_id), page.stop(run_id)
    assert page.find_again(run_id) == [gr.skip(), handlers.NOBODY, *[gr.skip()] * len(CONTROLS)]
    assert collect(page.watch(run_id)) == [gr.skip()]
    assert runs.active() == 0
    assert joined(collect(pressed(page, run_id, controls(updates=1))))["state"] == "finished"  # Train begins a new one


def test_an_ended_runs_buttons_do_no_harm_and_train_begins_another(runs):
    page = Handlers(runs)
    first = collect(pressed(page, "", controls(updates=1)))[0][0]
    page.pause(first), page.stop(first)
    assert collect(pressed(page, first, controls(updates=1)))[0][0] != first


@pytest.mark.parametrize("wrong", [{"updates": None}, {"preset": "paper", "task": "sudoku9"}, {"data": "/no.csv"}])
def test_what_cannot_run_is_refused_at_its_control_and_nothing_starts(runs, no_gpu, wrong):
    run_id, ticket, plan, _, _, *said = press(Handlers(runs), "", controls(**wrong))
    assert run_id == gr.skip() and ticket == handlers.NOBODY
    assert said == marks(plan["error"]) != marks("") and plan.keys() == {"error"}
    assert runs.active() == 0


def test_a_full_line_is_said(runs):
    runs.limits = replace(runs.limits, waiting=0)
    page = Handlers(runs)

    async def story() -> None:
        first = pressed(page, "", controls(**LONG))
        await reads(first, lambda m: m["state"] == "running")
        update = await page.train("", *controls(**LONG))
        assert "all that fit" in update[2]["error"]

    asyncio.run(asyncio.wait_for(story(), 60))


def test_a_run_that_fails_says_why(runs, monkeypatch):
    monkeypatch.setattr("trm_explore.tasks.sudoku.SudokuTask.sample", lambda *_: 1 / 0)
    whole = joined(collect(pressed(Handlers(runs), "", controls())))
    assert whole["state"] == "failed" and whole["text"] == "ZeroDivisionError: division by zero; start the run again"


# ---- the page


@pytest.fixture(scope="module")
def page():
    runs = Runs(slots=1)

    async def built() -> gr.Blocks:  # outside of a loop Gradio makes loops that it never closes
        return build(runs)

    yield asyncio.run(built())
    assert runs.active() == 0  # building it computes nothing


def test_no_listener_but_the_three_endpoints_is_public(page):
    api = page.get_api_info()
    assert set(api["named_endpoints"]) == {"/weights", "/train", "/record"} and not api["unnamed_endpoints"]
    assert [fn.name for fn in page.fns.values() if fn.api_visibility != "private"] == ["weights", "train", "record"]


def listeners(page) -> dict[str, Any]:
    """By what each is asked under: the events of its components."""
    names = {part.elem_id or number: number for number, part in page.blocks.items()}
    by_number = {number: name for name, number in names.items()}
    return {(by_number.get(target, target), event): fn for fn in page.fns.values() for target, event in fn.targets}


def test_every_listener_gets_and_gives_as_many_values_as_it_is_wired_for(page):
    begun, controlled = 5 + len(MARKED), len(CONTROLS)
    sizes = {fn.name: (len(fn.inputs), len(fn.outputs)) for fn in page.fns.values()}
    assert (
        sizes
        | {
            "train": (1 + controlled, begun),
            "one_update": (1 + controlled, begun),
            "watch": (1, 1),  # it repeats ten times a second: every output costs training
            "pause": (1, 1),
            "stop": (1, 0),
        }
        == sizes
    )
    asked = listeners(page)
    follows = len(asked["turns", "settings_follow"].outputs)
    shown = 3 + controlled  # its plan, its commands, the help of the file; of the controls those that something follows
    assert follows < shown + 6 and set(asked["turns", "settings_follow"].outputs) < set(
        asked["turns", "settings_pick"].outputs
    )
    for name, takes in (("follow", 0), ("size", 2), ("pick", 1), ("pair", 2), ("advise", 0), ("visit", 1)):
        assert len(asked["turns", f"settings_{name}"].inputs) == takes + 1 + controlled, name


def test_live_listeners_never_wait_for_each_other(page):
    for fn in page.fns.values():
        if fn.name == "watch":
            assert fn.concurrency_limit is None and fn.queue
        elif isinstance(getattr(fn.fn, "__self__", None), Handlers):
            assert fn.queue is False  # moved controls and Stop are answered at once


def test_an_event_has_one_listener_and_none_that_drops_or_repeats_what_is_asked(page):
    """Two listeners of one event that take the last of many ("always_last") call each other for ever; where there is
    one, it repeats what was said first; and those that take one at a time ("once") drop what comes meanwhile."""
    heard = Counter(target for fn in page.fns.values() for target in fn.targets if target[1] not in ("then", "failure"))
    assert heard.most_common(1)[0][1] == 1, heard.most_common(3)
    for fn in page.fns.values():
        events = {event for _, event in fn.targets}
        assert "change" not in events, fn.name  # it comes with what an answer sets, too
        by_user = events & {"input", "release", "upload", "clear", "delete", "select", "click"}
        if events & set(TURNS):
            assert fn.trigger_mode == "multiple", fn.name
        elif by_user and fn.fn is not None:  # a button that steers what is under way, or a file
            assert fn.name in {
                "pause",
                "stop",
                "pause_group",
                "stop_group",
                "stop_repeat",
                "repeat",
                "bring",
                "<lambda>",
            }
    assert {event for fn in page.fns.values() for _, event in fn.targets} >= set(TURNS)


def test_elements_have_names_of_their_own(page):
    names = Counter(c["props"].get("elem_id") for c in page.config["components"])
    del names[None]
    assert max(names.values()) == 1
    wanted = {
        *CONTROLS,
        "ribbon",
        "curves",
        "player",
        "train",
        "pause",
        "one",
        "stop",
        "command",
        "python",
        "data-help",
    }
    assert wanted <= names.keys()


def test_the_controls_offer_what_a_run_can_be_and_open_as_the_start(page):
    props = {c["props"].get("elem_id"): c["props"] for c in page.config["components"]}
    offered = {name: [choice[1] for choice in props[name]["choices"]] for name in CONTROLS if "choices" in props[name]}
    assert offered == {
        "task": list(GENERATED),
        "deep_supervision_schedule": list(SCHEDULES),
        "gradient_scope": list(get_args(Scope)),
        "preset": list(SIZES),
        "difficulty": list(get_args(Difficulty)),
        "adaptive_weights": list(get_args(Adaptive)),
        "curriculum": list(get_args(Curriculum)),
        "activation_checkpointing": list(get_args(Checkpointing)),
    }
    opened = {name: props[name].get("value") for name in CONTROLS}
    assert opened == dict(zip(CONTROLS, values_of(start_config()), strict=True)) | {"data": None}
    for name in ("H_cycles", "L_cycles"):
        assert (props[name]["minimum"], props[name]["maximum"]) == LIMITS[name]
    assert props["command"]["value"] == as_command(start_config())


def test_before_the_first_click_a_trained_model_refines_a_puzzle(page):
    task = start_config().task
    message = recorded_message(task)
    json.dumps(message, allow_nan=False)
    assert (message["run"], message["state"]) == (f"recorded-{task}-on", "recorded") and message["from"] == 0
    assert message["key"] == plan_of(start_config())["key"]  # recorded with the settings shown
    assert message["total_updates"] == start_config().train.updates
    first, *_, last = message["frames"][-1]["steps"]
    assert first["wrong"] and not last["wrong"]
    values = {c["props"].get("elem_id"): c["props"].get("value") for c in page.config["components"]}
    assert values["link-message"] == message and values["link-plan"] == plan_of(start_config())


# ---- the gallery, the recorded pairs, and folders of the owner's


class Picked:
    """What the gallery's click brings."""

    def __init__(self, task: Any):
        self.task = task


@pytest.fixture
def own_folder(tmp_path):
    """A small task of the owner's own, with a preset."""
    rng, folder = np.random.default_rng(0), tmp_path / "mine"
    folder.mkdir()
    inputs = rng.integers(0, 3, (60, 4))
    said = {"name": "mine", "title": "My own", "help": "Copy a row.", "rows": 1, "cols": 4, "vocab_size": 3}
    (folder / "task.json").write_text(json.dumps(said | {"preset": {"hidden_size": 16, "updates": 7}}))
    np.save(folder / "inputs.npy", inputs)
    np.save(folder / "labels.npy", inputs)
    return str(folder)


@pytest.mark.parametrize("task", GENERATED)
def test_a_picked_task_brings_its_settings_and_its_recorded_run_or_says_that_there_is_none(runs, task):
    *values, message, measured, kind = Handlers(runs).pick("", Picked(task))
    config = config_of(values)
    assert config.task == task and values == values_of(config)
    json.dumps(message, allow_nan=False)
    assert message["key"] == plan_of(config)["key"]  # the ribbon knows that it is this plan
    if task in pair_names():
        assert config.supervision.enable_deep_supervision and kind == "on"
        assert message["state"] == "recorded" and message["points"] and message["evals"] and message["frames"]
        assert measured == text_of(load_pair(task)) and "Measured on" in measured
        assert message["total_updates"] == config.train.updates == message["points"][-1][0] or message["points"]
    else:
        assert message["text"] == run_notes.NOTHING_RECORDED and not message["points"] and measured == ""


@pytest.mark.parametrize("task", pair_names())
def test_each_kind_of_a_pair_has_its_own_settings_figures_and_plan(runs, task):
    shown = {}
    for kind in KINDS:
        *values, message, measured, said = Handlers(runs).show_pair("", task, kind)
        config = config_of(values)
        assert config.supervision.enable_deep_supervision == (kind == "on") and said == kind
        assert config.train.updates == load_pair(task)["runs"][kind]["updates"]
        assert message["key"] == plan_of(config)["key"] and message["run"] == f"recorded-{task}-{kind}"
        assert page_controls.PAIRS[kind] in message["text"] and measured == recorded_text(task)
        shown[kind] = message
    frames = [shown[kind]["frames"][-1]["steps"] for kind in KINDS]
    assert frames[0] != frames[1] != frames[2]
    assert len({json.dumps(shown[kind]["frames"][-1]["inputs"]) for kind in KINDS}) == 1  # the same puzzle


@pytest.mark.parametrize("task", pair_names())
def test_the_shown_puzzle_of_a_pair_is_solved_in_the_end_and_not_at_first(task):
    first, *_, last = recorded_message(task)["frames"][-1]["steps"]
    exact = load_pair(task)["runs"]["on"]["scores"]["exact_accuracy"]
    if exact[-1] > 0.05:  # else hardly any is
        assert not last["wrong"]
    assert len(first["wrong"]) >= len(last["wrong"])


@pytest.mark.parametrize("wrong", [*HOSTILE, "chess", "embeddings", "custom:x", "../assets", "."], ids=repr)
def test_nothing_but_an_offered_task_can_be_picked(runs, own_folder, wrong):
    page, nothing = Handlers(runs), [gr.skip()] * (len(CONTROLS) + 3)
    for task in (wrong, own_folder):
        assert page.pick("", Picked(task)) == nothing == page.show_pair("", task, "on")
        assert page.fit(task) == [gr.update(visible=False)] * 2
    assert page.show_pair("", "sudoku4", wrong) == nothing
    assert page.pick("", object()) == nothing


def test_a_folder_that_the_owner_has_not_offered_is_refused_by_every_handler(runs, own_folder):
    page, values = Handlers(runs), controls(task=own_folder)
    sentence = f"task={own_folder!r} is not known; allowed are {', '.join(GENERATED)}"
    with pytest.raises(ValueError) as error:
        config_of(values)
    short = str(error.value)
    assert short.startswith("task=") and "not known; allowed are" in short and len(short) < len(sentence) + 5
    run_id, ticket, plan, *_ = press(page, "", values)
    assert run_id == gr.skip() and ticket == handlers.NOBODY and plan == {"error": short}
    assert page.follow("", *values)[0] == {"error": short} and runs.active() == 0
    assert page.choose(own_folder, "tiny") == [gr.skip()] * 3  # and not the folder's own numbers


@pytest.mark.parametrize("wrong", [*HOSTILE, "chess", "embeddings", "/nowhere", "/etc", "."], ids=repr)
def test_sizes_and_advice_that_nobody_offers_change_nothing_and_tell_nothing(runs, wrong):
    page, nothing = Handlers(runs), [gr.skip()] * 3
    assert page.choose(wrong, "tiny") == page.choose("sudoku4", wrong) == page.advise(wrong) == nothing


def test_a_folder_that_the_owner_offers_is_in_the_gallery_and_trains(runs, own_folder):
    async def built() -> gr.Blocks:
        return build(runs, (own_folder,))

    blocks = asyncio.run(built())
    props = {c["props"].get("elem_id"): c["props"] for c in blocks.config["components"]}
    assert [choice[1] for choice in props["task"]["choices"]] == [*GENERATED, own_folder]
    gallery = props["link-tasks"]["value"]
    assert [card["name"] for card in gallery] == [*GENERATED, own_folder] and gallery[-1]["title"] == "My own"
    page = Handlers(runs, (*GENERATED, own_folder))
    *values, message, measured, _ = page.pick("", Picked(own_folder))
    config = config_of(values, page.tasks)
    assert (config.task, config.train.updates, config.model.hidden_size) == (own_folder, 7, 16)
    assert message["text"] == run_notes.NOTHING_RECORDED and measured == ""
    assert page.choose(own_folder, "tiny")[-1] == 7
    assert joined(collect(pressed(page, "", values)))["state"] == "finished"


def test_every_card_of_the_gallery_is_a_picture_of_its_task(page):
    props = {c["props"].get("elem_id"): c["props"] for c in page.config["components"]}
    for card, name in zip(props["link-tasks"]["value"], GENERATED, strict=True):
        task, _ = resolve(preset(name))
        assert (card["name"], card["title"], card["help"]) == (name, task.title, task.help)
        (step,) = card["frame"]["steps"]
        assert step["wrong"] == [] and card["frame"]["board"]["kind"] == task.board()["kind"]


def test_a_picture_that_is_picked_does_not_disturb_a_live_run(runs):
    page = Handlers(runs)

    async def story() -> None:
        stream = pressed(page, "", controls(**LONG))
        run_id, _ = await reads(stream, lambda m: m["state"] == "running")
        for task in ("sudoku4", "maze"):
            *values, message, _, _ = page.pick(run_id, Picked(task))
            assert message == gr.skip() and config_of(values).task == task
        page.stop(run_id)
        await reads(stream, lambda m: m["state"] == "stopped")
        assert page.pick(run_id, Picked("sudoku4"))[len(CONTROLS)]["state"] == "recorded"

    asyncio.run(asyncio.wait_for(story(), 60))


def test_only_the_controls_that_mean_something_to_a_task_are_shown(runs):
    for task in GENERATED:
        takes = resolve(preset(task))[0].accepted_data_fields
        shown = [update["visible"] for update in Handlers(runs).fit(task)]
        assert shown == ["difficulty" in takes, "data" in takes] == [task.startswith("sudoku")] * 2


@pytest.mark.parametrize("name", [name for name in PRESETS if name not in SIZES])
def test_a_preset_of_the_guide_sets_what_it_advises(runs, name):
    enabled, schedule, weight = Handlers(runs).advise(name)
    assert {"enable_deep_supervision": enabled}.items() <= PRESETS[name].items()
    if enabled:
        assert (schedule, weight) == (
            PRESETS[name]["deep_supervision_schedule"],
            PRESETS[name]["deep_supervision_weight"],
        )


def test_a_run_begun_on_every_task_is_the_one_that_was_picked(runs):
    page = Handlers(runs)
    for task in GENERATED:
        if task in ("sudoku6", "sudoku9"):  # two updates of these take seconds
            continue
        values = page.pick("", Picked(task))[: len(CONTROLS)]
        values[CONTROLS.index("updates")] = 2
        whole = joined(collect(pressed(page, "", values)))
        assert whole["state"] == "finished" and [point[0] for point in whole["points"]] == [1, 2], task
        json.dumps(whole, allow_nan=False)
        assert whole["frames"][-1]["board"]["kind"] == resolve(preset(task))[0].board()["kind"]
