"""The Compare tab without a browser: what a question sets, what is refused, groups of real runs, repeats over seeds."""

from __future__ import annotations

import asyncio
import gc
import json
import weakref
from typing import Any, get_args

import gradio as gr
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from trm_explore.app import comparing as comparing_module
from trm_explore.app import seeds
from trm_explore.app.comparing import HERE, NEW, VALUES, Comparing, buttons, recorded_group
from trm_explore.app.page import build
from trm_explore.app.recipes import (
    BY_HAND,
    FIELDS,
    LETTERS,
    RECIPES,
    RECORDED,
    VARIED,
    configs_of,
    names_of,
    variants_from,
    variants_of,
    variants_text,
)
from trm_explore.app.settings import CONTROLS, LIMITS, page_config, shown_config, values_of
from trm_explore.config import Scope
from trm_explore.config.schedules import FORMULAS
from trm_explore.runs.registry import Runs
from trm_explore.shipped.pairs import config_of_pair, load_pair, pair_names
from trm_explore.shipped.recipe_runs import recorded_runs
from trm_explore.tasks import GENERATED, resolve
from trm_explore.training import events as ev
from trm_explore.view.comparison import STYLES, memory_factor, seconds_left, state_of
from trm_explore.words import compare_tab, page_controls

START = values_of(shown_config("sudoku4"))
SMALL = [3 if name == "updates" else value for name, value in zip(CONTROLS, START, strict=True)]


@pytest.fixture
def runs():
    runs = Runs(slots=1, lease=60.0)
    yield runs
    runs.close()


@pytest.fixture
def comparing(runs):
    return Comparing(runs, GENERATED)


def flat(variants: list[list[Any]]) -> list[Any]:
    return [value for variant in variants for value in variant]


async def collect(stream) -> list[dict[str, Any]]:
    return [json.loads(message) async for message in stream]


# ---- what a question sets


@pytest.mark.parametrize("recipe", RECIPES)
def test_runs_of_a_question_differ_in_what_it_asks_and_in_nothing_else(recipe):
    configs = configs_of(variants_of(recipe, START), START, GENERATED)
    assert list(configs) == list(LETTERS[: len(RECIPES[recipe])]) and len(configs) >= 2
    flats = [config.to_flat() for config in configs.values()]
    differ = {name for name in flats[0] if len({json.dumps(one[name]) for one in flats}) > 1}
    asked = {name for change in RECIPES[recipe] for name in change}
    assert differ <= asked & set(VARIED) and differ
    names = names_of(configs)
    assert len(set(names.values())) == len(names) and all(names.values())
    assert recipe in compare_tab.RECIPES


def test_names_say_what_differs_and_the_scope_in_force():
    named = {recipe: names_of(configs_of(variants_of(recipe, START), START, GENERATED)) for recipe in RECIPES}
    assert named["depth"] == {"A": "1 H-cycle", "B": "2 H-cycles", "C": "4 H-cycles", "D": "6 H-cycles"}
    assert named["on-off"]["B"] == "supervision off, scope last" and named["on-off"]["A"].endswith("scope full")
    assert named["schedule"]["A"] == "linear decay, base weight 0.5" and named["schedule"]["D"] == "front-loaded"
    assert [name.split(", ")[-1] for name in named["loss-gradient"].values()] == ["scope full", "scope last"] * 2


def test_a_question_keeps_the_train_tabs_schedule_but_not_custom_weights():
    values = dict(zip(CONTROLS, START, strict=True))
    u_shaped = list((values | {"deep_supervision_schedule": "u_shaped"}).values())
    assert (
        configs_of(variants_of("on-off", u_shaped), u_shaped, GENERATED)["A"].supervision.deep_supervision_schedule
        == "u_shaped"
    )
    custom = list((values | {"deep_supervision_schedule": "custom", "custom_weights": "0.3 0.4 1"}).values())
    for config in configs_of(variants_of("depth", custom), custom, GENERATED).values():
        assert config.supervision.deep_supervision_schedule == "linear_decay" and not config.supervision.custom_weights


# ---- what is refused


@pytest.mark.parametrize(
    "variants, said",
    [
        ([[True, True, "constant", 0.5, "auto", 3]] * 5, "5 runs cannot be compared at once; give at most 4"),
        ([[False, True, "constant", 0.5, "auto", 3]] * 4, "no run is chosen, .* let at least two take part"),
        ([[True, True, "constant", 0.5, "auto", 3]], "1 run is chosen, .* let at least two take part"),
        ([[True, True, "constant", 0.5, "auto", 3]] * 2, "runs A and B have the same settings; change one"),
        ([[True, True, "constant", 0.5, "auto", 3], [True, True, "constant", 0.5, "full", 3]], "A and B have the same"),
        ([[True, True, "constant", 0.5, "auto", 99]], "run A: H_cycles=99 is not possible here; .* from 1 to 8"),
        ([[True, "yes", "constant", 0.5, "auto", 3]], "run A: enable_deep_supervision must be on or off"),
        ([[True, True, "sometimes", 0.5, "auto", 3]], "run A: deep_supervision_schedule='sometimes'"),
        ([[True, True, "constant", -1, "auto", 3]], "run A: deep_supervision_weight=-1"),
        ([[True, True]], "run A is not a list of 6 settings"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_one_sentence(variants, said):
    with pytest.raises(ValueError, match=said) as caught:
        configs_of(variants, START, GENERATED)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("recipe", ["", "sudoku", None, 3, ["on-off"], {"on-off": 1}])
def test_an_unknown_question_is_refused_and_starts_nothing(comparing, recipe):
    group, ticket, note = asyncio.run(comparing.begin_group("", None, recipe, *[None] * VALUES, *SMALL))
    assert ticket == "" and note.startswith("\u26a0 Not started: recipe=") and comparing.runs.active() == 0
    assert comparing.choose_recipe("", recipe, "", *START)[-2].startswith("\u26a0 recipe=")


anything = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.lists(st.integers(), max_size=3)
)
likely = st.sampled_from(["linear_decay", "custom", "auto", "last", 1, 3, 8, 0.5, True, False])


@given(st.lists(st.lists(anything | likely, min_size=6, max_size=6) | anything, max_size=5))
@settings(max_examples=300)
def test_no_value_from_a_browser_gives_more_than_four_runs_or_another_error(variants):
    try:
        configs = configs_of(variants, START, GENERATED)
    except ValueError as error:
        assert str(error) and "\n" not in str(error)
    else:
        assert 2 <= len(configs) <= 4
        assert all(1 <= config.model.H_cycles <= 8 for config in configs.values())


# ---- messages


def test_supervision_off_is_the_measure_of_memory():
    sizes = {}
    for scope in ("last", "cycle", "full"):
        for on in (True, False):
            _, config = resolve(page_config("sudoku4", enable_deep_supervision=on, gradient_scope=scope))
            sizes[on, scope] = memory_factor(config)
    assert sizes[False, "last"] == 1.0 and sizes[True, "last"] == 1.0
    assert sizes[True, "full"] == sizes[False, "full"] > 2
    assert memory_factor(page_config("sudoku4")) is None  # lengths unknown


@pytest.mark.parametrize(
    "states, stands",
    [
        (["finished", "running", "paused"], "running"),
        (["queued", "finished"], "queued"),
        (["paused", "stopped"], "paused"),
        (["finished", "failed", "stopped"], "failed"),
        (["finished", "stopped"], "stopped"),
        (["finished", "finished"], "finished"),
    ],
)
def test_a_group_stands_where_its_liveliest_run_does(states, stands):
    assert state_of(states) == stands


def test_the_time_left_is_that_of_all_updates_left():
    config = page_config("sudoku4", updates=100)
    done = ev.UpdateDone(25, 1.0, [1.0], [1.0], 0.0, 0.0, 0.0, 5.0)
    assert seconds_left([(config, done, False), (config, done, False)]) == pytest.approx(2 * 75 * 0.2)
    assert seconds_left([(config, done, False), (config, done, True)]) == pytest.approx(75 * 0.2)
    assert seconds_left([(config, done, False), (config, None, False)]) is None


@pytest.mark.parametrize("task", pair_names())
@pytest.mark.parametrize("recipe", RECORDED)
def test_recorded_runs_answer_at_once_with_the_figures_that_ship(task, recipe):
    message = json.loads(recorded_group(task, recipe))
    assert message["first"] and message["recorded"] and message["state"] == "recorded"
    at = values_of(shown_config(task, "on"))
    asked, stored = configs_of(variants_of(recipe, at), at, GENERATED), recorded_runs(task)
    if recipe == "on-off":
        stored = load_pair(task)["runs"]
    told, said = names_of(asked), {}
    for run in message["runs"]:
        kept = stored[RECORDED[recipe][run["letter"]]]
        said[run["letter"]] = run["name"]
        assert run["scores"]["exact"] == kept["scores"]["exact_accuracy"]
        assert run["message"]["points"][-1][0] <= kept["updates"] == run["scores"]["updates"]
        assert run["beside"] == (run["letter"] not in asked) and run["style"] == STYLES[run["letter"]]
        (frame,) = run["message"]["frames"]
        assert len(frame["steps"]) == len(kept["scores"]["exact_accuracy"])
        if not run["beside"]:  # the letter is that of the variant which it answers
            config = asked[run["letter"]]
            recorded = config_of_pair(task, RECORDED[recipe][run["letter"]])
            assert recorded.supervision.scope == config.supervision.scope
            assert recorded.supervision.enable_deep_supervision == config.supervision.enable_deep_supervision
            if config.supervision.enable_deep_supervision:
                scheduled = recorded.supervision.deep_supervision_schedule
                assert scheduled == config.supervision.deep_supervision_schedule
            assert recorded.model.H_cycles == config.model.H_cycles
            if recipe in ("schedule", "depth"):
                assert run["name"] == told[run["letter"]]
            else:
                assert run["name"].startswith("with deep" if config.supervision.enable_deep_supervision else "without")
                assert f"scope {config.supervision.scope}" in run["name"]
    assert set(said) >= set(asked) and "not recorded" not in message["text"]


@pytest.mark.parametrize("recipe", ["loss-gradient", "schedule"])
def test_runs_that_are_not_at_hand_are_named_and_fewer_than_two_answer_nothing(recipe, monkeypatch):
    some = {kind: run for kind, run in recorded_runs("sudoku4").items() if kind in ("on", "off")}
    monkeypatch.setattr(comparing_module, "recorded_runs", lambda task: some)
    message = json.loads(recorded_group.__wrapped__("sudoku4", recipe))
    if recipe == "loss-gradient":
        assert [run["letter"] for run in message["runs"]] == ["A", "D"]
        assert "B was not recorded. C was not recorded." in message["text"]
    else:
        assert not message["runs"] and message["text"] == compare_tab.WORDS["no_record"]


def test_a_question_without_recorded_runs_says_so():
    for task, recipe in (("sudoku4", BY_HAND), ("embeddings", "on-off")):
        message = json.loads(recorded_group(task, recipe))
        assert message["runs"] == [] and "press Start" in message["text"]


# ---- groups of real runs


def test_a_group_is_sent_whole_and_ends(comparing):
    group, ticket, note = asyncio.run(comparing.begin_group("", "B", "on-off", *[None] * VALUES, *SMALL))
    assert group == ticket and note == ""
    messages = asyncio.run(collect(comparing.follow_group(ticket)))
    first, last = messages[0], messages[-1]
    assert first["first"] and not any(message["first"] for message in messages[1:])
    assert [run["letter"] for run in first["runs"]] == ["A", "B"] and first["guess"] == "B"
    assert [run["memory"] for run in first["runs"]][1] == 1.0
    points = {letter: [] for letter in "AB"}
    for message in messages:
        for run in message["runs"]:
            points[run["letter"]] += run["message"]["points"]
    assert [[p[0] for p in held] for held in points.values()] == [[1, 2, 3]] * 2
    assert last["state"] == "finished" and last["text"] == "Done: A 3, B 3 of 3 updates."
    assert comparing.runs.viewers == 0
    again = asyncio.run(collect(comparing.follow_group(ticket)))  # a reload
    assert again[0]["first"] and again[-1]["state"] == "finished"


def test_a_question_is_read_from_the_train_tab_as_it_is_now(comparing):
    stale = flat(variants_of("depth", START))
    group, *_ = asyncio.run(comparing.begin_group("", None, "on-off", *stale, *SMALL))
    assert [run.config.model.H_cycles for run in comparing._of(group)] == [3, 3]
    comparing.stop_group(group)
    by_hand, *_ = asyncio.run(comparing.begin_group("", None, BY_HAND, *stale, *SMALL))
    assert [run.config.model.H_cycles for run in comparing._of(by_hand)] == [1, 2, 4, 6]
    comparing.stop_group(by_hand)


def test_pause_and_stop_act_on_all_runs_at_once(comparing):
    long = [500 if name == "updates" else value for name, value in zip(CONTROLS, START, strict=True)]

    async def steer():
        group, *_ = await comparing.begin_group("", None, "on-off", *[None] * VALUES, *long)
        told = []
        async for text in comparing.follow_group(group):
            message = json.loads(text)
            told.append(message["state"])
            if len(told) == 1:
                comparing.pause_group(group)
            elif message["state"] == "paused":
                comparing.pause_group(group)
                comparing.stop_group(group)
        return group, told, message

    group, told, last = asyncio.run(steer())
    assert "paused" in told and told[-1] == "stopped" and last["text"].startswith("Stopped: A ")
    start, pause, stop = buttons("paused")
    assert (start["interactive"], pause["value"], stop["interactive"]) == (False, page_controls.RESUME, True)
    # Start is pressed while a group is under way: nothing new begins.
    live, *_ = asyncio.run(comparing.begin_group("", None, "on-off", *[None] * VALUES, *long))
    assert asyncio.run(comparing.begin_group(live, None, "depth", *[None] * VALUES, *long))[1] == ""
    assert comparing.runs.active() == 2
    comparing.stop_group(live)


def test_a_group_does_not_hold_runs_that_the_page_has_forgotten():
    comparing = Comparing(Runs(slots=1, keep=0), GENERATED)
    group, ticket, _ = asyncio.run(comparing.begin_group("", "B", "on-off", *[None] * VALUES, *SMALL))
    asyncio.run(collect(comparing.follow_group(ticket)))
    runs = [weakref.ref(run) for run in comparing.runs.listed()]
    comparing.runs.close()
    comparing.runs.submit(page_config("sudoku4", updates=1), paused=True)  # the ended ones are forgotten
    gc.collect()
    assert runs and [run() for run in runs] == [None] * len(runs)
    assert comparing.find_group(type("Found", (), {"group": group}))[1] == ""
    comparing.runs.close()


@pytest.mark.parametrize("wrong", ["", "nobody", None, 3, ["a"]])
def test_a_group_that_is_not_there_does_no_harm(comparing, wrong):
    async def watched():
        return [message async for message in comparing.follow_group(wrong)]

    assert len(asyncio.run(watched())) == 1
    comparing.pause_group(wrong)
    comparing.stop_group(wrong)
    assert comparing.find_group(type("Found", (), {"group": wrong}))[1] == ""


def test_own_runs_stay_when_the_tab_is_opened_again(comparing):
    group, *_ = asyncio.run(comparing.begin_group("", None, "on-off", *[None] * VALUES, *SMALL))
    asyncio.run(collect(comparing.follow_group(group)))
    other = flat(variants_of("depth", START))
    seen = comparing.see_recipe(group, "on-off", *other, *START)
    assert "value" not in seen[VALUES + 1]  # skipped: the visitor's own figures stay
    guess, message = comparing.see_recipe("", "on-off", *other, *START)[VALUES : VALUES + 2]
    assert json.loads(message)["recorded"] and guess["choices"] and "value" not in guess  # nor is a guess forgotten
    same = comparing.see_recipe("", "on-off", *flat(variants_of("on-off", START)), *START)
    assert not any("value" in one for one in (*same[: VALUES + 1], same[VALUES + 2])) and json.loads(same[VALUES + 1])
    assert comparing.choose_recipe("", "on-off", "", *START)[VALUES]["value"] is None
    assert comparing.choose_recipe("", BY_HAND, "", *START)[-2] == compare_tab.WORDS["by_hand"]
    for told in (HERE, "1,constant,0.25,cycle,3/0,linear_decay,0.5,full,4"):  # edited here: name_variants answers
        assert not any("value" in one for one in comparing.choose_recipe("", BY_HAND, told, *START))


def test_runs_by_hand_are_set_from_a_link_and_told_again(comparing):
    told = "1,constant,0.25,cycle,3/0,linear_decay,0.5,full,4/-/1,front_loaded,1,auto,2"
    set_by = comparing.choose_recipe("", BY_HAND, NEW + told, *START)
    assert [value for _, value in set_by[VALUES]["choices"]] == ["A", "B", "D", "none"] and set_by[-1] == told
    assert comparing.name_variants(*set_by[:VALUES], *START)[2] == told

    def skipped(one):
        return isinstance(one, dict) and "value" not in one

    # A page may send anything, and what takes no part is not looked at.
    forged = [value if n < 12 else object() for n, value in enumerate(set_by[:VALUES])]
    forged[12] = forged[18] = False
    assert comparing.name_variants(*forged, *START)[2] == "1,constant,0.25,cycle,3/0,linear_decay,0.5,full,4"
    for wrong in (None, 7, ["link:"], {"a": 1}):
        assert all(map(skipped, comparing.choose_recipe("", BY_HAND, wrong, *START)[:VALUES]))
        assert json.loads(comparing.choose_recipe("", "depth", wrong, *START)[VALUES + 1])["recorded"]
    # What was set once, or made here, stays as it is; a question forgets it, and never what a link has just brought.
    assert all(map(skipped, comparing.choose_recipe("", BY_HAND, told, *START)[:VALUES]))
    assert comparing.choose_recipe("", "depth", told, *START)[-1] == ""
    for kept in (NEW + told, ""):
        assert skipped(comparing.choose_recipe("", "depth", kept, *START)[-1])
    assert all(map(skipped, comparing.choose_recipe("", BY_HAND, NEW + "nonsense", *START)[:VALUES]))


@given(
    st.lists(
        st.none()
        | st.tuples(
            st.booleans(),
            st.sampled_from(FORMULAS),
            st.integers(0, 20).map(lambda n: n / 20),
            st.sampled_from(get_args(Scope)),
            st.integers(*LIMITS["H_cycles"]),
        ),
        min_size=4,
        max_size=4,
    )
)
def test_a_link_carries_runs_by_hand_both_ways(runs):
    used = [run for run in runs if run is not None]
    assume(1 < len(used) == len(set(used)))
    unused = [False, *(START[CONTROLS.index(name)] for name in VARIED)]
    variants = [unused if run is None else [True, *run] for run in runs]
    assert variants_from(variants_text(variants), START) == variants


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "1,linear_decay,0.5,full",
        "2,linear_decay,0.5,full,3",
        "1,custom,0.5,full,3",
        "1,linear_decay,1.5,full,3",
        "1,linear_decay,0.5,sky,3",
        "1,linear_decay,0.5,full,999",
        "1,linear_decay,0.5,full,3/" * 5,
        "1,linear_decay,0.5,full,3",
        "1,linear_decay,0.5,full,3/-/1,linear_decay,0.5,full,3",
        "1,linear_decay,-1,full,3",
    ],
)
def test_a_text_that_names_no_runs_says_how_they_are_given(text):
    with pytest.raises(ValueError, match="give 2 to 4 different runs"):
        variants_from(text, START)


def test_variants_by_hand_name_the_guesses_or_say_what_is_wrong(comparing):
    guess, note, told = comparing.name_variants(*flat(variants_of("depth", START)), *START)
    assert [value for _, value in guess["choices"]] == [*LETTERS, "none"] and note == compare_tab.WORDS["by_hand"]
    wrong = flat([[True, True, "constant", 0.5, "auto", 3]] * 4)
    assert "same settings" in comparing.name_variants(*wrong, *START)[1]
    assert len(FIELDS) * len(LETTERS) == VALUES


# ---- repeats


@pytest.mark.slow
def test_a_repeat_gives_a_figure_and_one_sentence_a_difference(comparing, monkeypatch):
    monkeypatch.setattr(seeds, "SEEDS", 2)
    repeats = seeds.Repeats(comparing.runs, comparing)

    async def all_of_it():
        return [out async for out in repeats.repeat("on-off", *[None] * VALUES, *SMALL)]

    told = asyncio.run(all_of_it())
    notes = [note for _, note, *_ in told if isinstance(note, str)]
    assert notes[-1] == "4 runs, seeds 0 to 1." and "0 of 4 runs are done" in notes[0]
    results = [result for _, _, result, *_ in told if isinstance(result, str)]
    assert len(results) == 2 and "at least 2 are needed" in results[0]
    assert results[-1].count("<li>") == 2 and "mean of 2 seeds, paired" in results[-1]
    assert 'src="data:image/svg+xml;base64,' in results[-1] and "http" not in results[-1]
    assert [button["interactive"] for button in told[-1][3:]] == [True, False] and not repeats._stopped


@pytest.mark.slow
def test_a_stopped_repeat_keeps_what_is_done(comparing, monkeypatch):
    monkeypatch.setattr(seeds, "SEEDS", 2)
    repeats = seeds.Repeats(comparing.runs, comparing)

    async def until_the_second_round():
        told = []
        async for out in repeats.repeat("on-off", *[None] * VALUES, *SMALL):
            told.append(out)
            if isinstance(out[2], str):  # the first seed's result
                repeats.stop_repeat("nobody's")
                repeats.stop_repeat(out[0])
        return told

    told = asyncio.run(until_the_second_round())
    assert told[-1][1] == "Stopped: 2 of 4 runs are kept." and "<figure" in told[-1][2]
    for run in comparing.runs.listed():
        run.join(20)
    assert comparing.runs.active() == 0


def test_a_repeat_that_cannot_begin_says_why(comparing):
    repeats = seeds.Repeats(comparing.runs, comparing)

    async def told():
        return [out async for out in repeats.repeat("nothing", *[None] * VALUES, *SMALL)]

    (out,) = asyncio.run(told())
    assert out[0] == "" and out[1].startswith("\u26a0 Not started: recipe='nothing'") and comparing.runs.active() == 0


def test_the_last_seeds_there_are_can_be_repeated():
    config = page_config("sudoku4", seed=2**31 - 2)
    assert list(seeds.seeds_from({"A": config}))[-1] == 2**31 - 1 and len(seeds.seeds_from({"A": config})) == 5


def test_cells_are_compared_where_nobody_solves_anything():
    low = {name: [[ev.Evaluated(3, 8, [], [0.2, share], [0.0, 0.01])]] for name, share in (("a", 0.4), ("b", 0.5))}
    assert list(seeds.scores_of(low).values())[0] == {"a": [0.4], "b": [0.5]}
    assert "cells right" in list(seeds.scores_of(low))[0]
    high = {name: [[ev.Evaluated(3, 8, [], [0.2, 0.9], [0.1, share])]] for name, share in (("a", 0.4), ("b", 0.5))}
    assert list(seeds.scores_of(high).values()) == [{"a": [0.4], "b": [0.5]}, {"a": [0.1], "b": [0.1]}]


def test_the_time_left_follows_what_was_done(monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(seeds.time, "monotonic", lambda: clock[0])
    progress = seeds.Progress(4)
    assert progress.left(0.0) is None
    clock[0] = 110.0
    assert progress.left(0.5) == pytest.approx(70.0)
    progress.took()
    assert progress.left(0.0) == pytest.approx(30.0)


# ---- how the tab is wired


def test_every_listener_of_the_tab_gets_and_gives_as_many_values_as_it_is_wired_for(runs):
    async def built() -> gr.Blocks:  # outside of a loop Gradio makes loops that it never closes
        return build(runs)

    page, train = asyncio.run(built()), len(CONTROLS)
    sizes = {
        "choose_recipe": (3 + train, VALUES + 4),
        "see_recipe": (2 + VALUES + train, VALUES + 4),
        "name_variants": (VALUES + train, 3),
        "begin_group": (3 + VALUES + train, 3),
        "follow_group": (1, 1),  # it repeats ten times a second: every output costs training
        "find_group": (0, 3),
        "pause_group": (1, 1),
        "stop_group": (1, 0),
        "repeat": (1 + VALUES + train, 5),
        "stop_repeat": (1, 0),
    }
    wired = {fn.name: fn for fn in page.fns.values() if fn.name in sizes}
    assert {name: (len(fn.inputs), len(fn.outputs)) for name, fn in wired.items()} == sizes
    for name, fn in wired.items():
        assert fn.api_visibility == "private"
        queued = name in ("follow_group", "repeat")  # the others are answered at once
        assert fn.queue is queued and (not queued or fn.concurrency_limit is None)
