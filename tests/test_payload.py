"""payload.py: the small JSON that the page draws. The golden files in tests/data are what test_static.py draws."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from trm_explore.tasks import preset, resolve
from trm_explore.training import events as ev
from trm_explore.training import train
from trm_explore.view.palette import both_themes
from trm_explore.view.payload import FRAMES_A_MESSAGE, error_plan, key_of, message_of, plan_of, scope_note, status_text

DATA = Path(__file__).parent / "data"
PLAN = json.loads((DATA / "plan.json").read_text(encoding="utf-8"))
MESSAGE = json.loads((DATA / "message.json").read_text(encoding="utf-8"))
ON = {"enable_deep_supervision": True, "deep_supervision_schedule": "linear_decay"}


def strict(value: Any) -> Any:
    """What the browser gets; ValueError for NaN, TypeError for what is no JSON."""
    return json.loads(json.dumps(value, allow_nan=False))


def kinds(value: Any, path: str = "") -> set[str]:
    """Where which kinds of value stand: {"points[][]: number", "frames[].label: str", ..}."""
    if isinstance(value, dict):
        return {f"{path}: dict"}.union(*(kinds(element, f"{path}.{key}") for key, element in value.items()))
    if isinstance(value, list):
        return {f"{path}: list"}.union(*(kinds(element, f"{path}[]") for element in value))
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return {f"{path}: {'number' if is_number else type(value).__name__}"}


@pytest.fixture(scope="module")
def ran(tiny_run):
    """A small run and its events."""
    config = resolve(tiny_run(updates=6, eval_every=3, frame_every=3, **ON))[1]
    return config, list(train(config))


def update(n: int, loss: float = 0.5, steps: tuple[float, ...] = (0.5, 0.5, 0.5)) -> ev.UpdateDone:
    return ev.UpdateDone(n, loss, list(steps), [1.0] * len(steps), 0.1, 1e-3, 1.0, n / 32)


# ---- golden examples


def test_the_plan_is_the_golden_one_but_for_its_key():
    plan = strict(plan_of(preset("sudoku4", **ON)))
    assert plan == PLAN | {"key": plan["key"]}


def test_a_message_has_the_golden_ones_keys_and_kinds(ran):
    config, events = ran
    message = strict(message_of("run-1", config, [*events, update(7, math.nan, (math.nan, 0.5, 0.25))]))
    assert kinds(message) == kinds(MESSAGE)
    assert [len(point) for point in MESSAGE["points"]] == [len(point) for point in message["points"][:6]]
    assert {len(point) for point in MESSAGE["evals"]} == {len(point) for point in message["evals"]}
    for frame in MESSAGE["frames"]:
        assert frame.keys() == message["frames"][0].keys()
        assert all(step.keys() == message["frames"][0]["steps"][0].keys() for step in frame["steps"])


def test_the_golden_message_could_have_been_made_here(ran):
    """Colours, state's sentence, board and the meaning of `wrong` are as Python makes them."""
    config = ran[0].with_flat(updates=400)
    assert MESSAGE["colors"] == PLAN["colors"] == both_themes(3)
    assert MESSAGE["text"] == status_text(config, "running", 0, ev.UpdateDone(300, 0, [], [], 0, 0, 0, 300 / 32))
    board = resolve(config)[0].board()
    for frame in MESSAGE["frames"]:
        assert frame["board"] == board
        assert frame["given"] == [int(token > 1) for token in frame["inputs"]]
        for step in frame["steps"]:
            assert step["wrong"] == [i for i, token in enumerate(step["ids"]) if token != frame["target"][i]]


# ---- plans


@pytest.mark.parametrize(
    ("flat", "weights", "scope"),
    [
        ({}, [0, 0, 1], "last"),
        ({**ON, "deep_supervision_schedule": "constant"}, [0.5, 0.5, 1], "full"),
        ({**ON, "deep_supervision_schedule": "u_shaped", "gradient_scope": "cycle"}, [1, 0.25, 1], "cycle"),
        (
            {**ON, "deep_supervision_schedule": "custom", "custom_weights": [3, 0, 2], "gradient_scope": "last"},
            [3, 0, 2],
            "last",
        ),
    ],
)
def test_a_plan_has_the_weights_their_sum_and_the_scope_in_force(flat, weights, scope):
    plan = strict(plan_of(preset("sudoku4", **flat)))
    assert plan["weights"] == weights and plan["divisor"] == sum(weights) and plan["scope"] == scope
    assert plan["steps"] == len(plan["colors"]["light"]) == len(plan["colors"]["dark"]) == 3


@pytest.mark.parametrize(
    ("task", "flat", "read", "said"),
    [
        ("sudoku4", {}, 3, []),
        ("sudoku4", {"eval_H_cycles": 2}, 2, []),
        ("sudoku6", {}, 6, ["beyond training"] * 3),
        ("sudoku6", {"H_cycles": 6}, 6, []),
        ("sudoku6", {"H_cycles": 8}, 8, []),  # whoever trains more reads more
        ("sudoku4", {"halt_max_steps": 4}, 12, ["trained in a later pass"] * 9),
        ("reach", {"H_cycles": 2, "eval_H_cycles": 9}, 9, ["trained in a later pass"] * 4 + ["beyond training"] * 3),
    ],
)
def test_what_is_read_beyond_a_training_pass_is_told(task, flat, read, said):
    config = preset(task, **flat)
    for told in (plan_of(config), message_of("run-1", config, [])):
        assert (told["steps"], told["read"], told["beyond"]) == (config.model.H_cycles, read, said)
        assert len(told["colors"]["light"]) == max(read, config.model.H_cycles)
    assert len(plan_of(config)["weights"]) == config.model.H_cycles


def test_an_error_plan_is_only_the_error():
    assert error_plan("seed=-1 is wrong") == {"error": "seed=-1 is wrong"}


def test_the_scope_note_tells_all_combinations_apart():
    notes = {
        (on, scope): scope_note(preset("sudoku4", enable_deep_supervision=on, gradient_scope=scope))
        for on in (False, True)
        for scope in ("last", "one_step", "cycle", "full")
    }
    assert len(set(notes.values())) == 8
    assert all(("off" in note) == (not on) and note.endswith(".") for (on, _), note in notes.items())


# ---- keys


@pytest.mark.parametrize(
    "same",
    [
        {"out": "elsewhere"},
        {"device": "cuda:1"},
        {"threads": 3},
        {"eval_every": 7, "eval_puzzles": 9},
        {"frame_every": 0, "shown_puzzle": 4},
        {"save_every": 0},
        {"gradient_scope": "full"},  # what auto means with supervision on
        {"vocab_size": 6, "seq_len": 16},  # filled in when it starts
    ],
    ids=str,
)
def test_the_same_experiment_has_the_same_key(same):
    assert key_of(preset("sudoku4", **ON)) == key_of(preset("sudoku4", **ON | same))


def test_each_other_experiment_has_a_key_of_its_own():
    others = [
        {},
        {"task": "sudoku6"},
        {"seed": 1},
        {"updates": 401},
        {"lr": 1e-3},
        {"deep_supervision_weight": 0.4},
        {"deep_supervision_schedule": "constant"},
        {"deep_supervision_schedule": "custom", "custom_weights": [1, 1, 1]},
        {"deep_supervision_schedule": "custom", "custom_weights": [1, 1, 2]},
        {"enable_deep_supervision": False},
        {"gradient_scope": "cycle"},
        {"gradient_scope": "last"},
        {"H_cycles": 4},
        {"hidden_size": 32},
        {"difficulty": "hard"},
        {"data": "mine.csv"},
        {"supervision_steps": 2},
    ]
    base = preset("sudoku4", **ON)
    assert len({key_of(base.with_flat(**other)) for other in others}) == len(others)


def test_a_messages_key_is_its_plans(ran):
    assert message_of("x", ran[0], [])["key"] == plan_of(ran[0])["key"] == key_of(ran[0])


# ---- messages


def test_deltas_put_together_are_the_whole(ran):
    config, events = ran
    whole = message_of("x", config, events)
    for cut in range(len(events) + 1):
        parts = [message_of("x", config, events[:cut]), message_of("x", config, events[cut:], start=cut)]
        assert [part["from"] for part in parts] == [0, cut]
        for name in ("points", "evals", "frames"):
            assert parts[0][name] + parts[1][name] == whole[name]


def test_points_are_update_clock_loss_and_step_losses(ran):
    config = ran[0]
    message = message_of("x", config, [update(3, 0.123456789, (math.nan, math.inf, 123456.789))])
    assert strict(message)["points"] == [[3, 0.094, 0.12346, [None, None, 123460.0]]]


def test_nan_in_accuracies_is_null(ran):
    message = message_of("x", ran[0], [ev.Evaluated(3, 9, [math.nan], [math.nan], [1.0])])
    assert strict(message)["evals"] == [[3, [None], [1.0], 9]]


@pytest.mark.parametrize("number", [0, 1, 2, FRAMES_A_MESSAGE, FRAMES_A_MESSAGE + 1, 1000])
def test_frames_are_thinned_in_order_and_keep_first_and_last(ran, number):
    frames = [{"update": i} for i in range(number)]
    kept = message_of("x", ran[0], [ev.Frame(i, frame) for i, frame in enumerate(frames)])["frames"]
    assert len(kept) == min(number, FRAMES_A_MESSAGE)
    assert kept[:1] == frames[:1] and kept[-1:] == frames[-1:]
    places = [frame["update"] for frame in kept]
    gaps = [b - a for a, b in zip(places, places[1:], strict=False)]
    assert not gaps or (min(gaps) > 0 and max(gaps) <= 1 + min(gaps))


def test_text_replaces_the_sentence_made_from_the_state(ran):
    assert message_of("x", ran[0], [], text="Recorded.")["text"] == "Recorded."
    assert message_of("x", ran[0], [], state="queued", position=2)["text"].startswith(
        "Waiting for a free core: place 2"
    )


# ---- sentences


@pytest.mark.parametrize(
    ("state", "position", "latest", "sentence"),
    [
        ("preparing", 0, None, "Starting."),
        ("running", 0, None, "Starting."),
        ("queued", 3, None, "Waiting for a free core: place 3 in line, before the first update."),
        ("queued", 1, update(8), "Waiting for a free core: place 1 in line, before update 8 of 40."),
        ("paused", 0, None, "Paused before the first update."),
        ("paused", 0, update(8), "Paused after update 8 of 40."),
        ("preparing", 0, ev.Preparing("puzzles for sudoku9", 25, 100), "Generating puzzles for sudoku9: 25 of 100."),
        ("running", 0, update(16), "Training: update 16 of 40, 32 a second."),
        ("finished", 0, ev.Finished("done", 40, 1.25), "Done after 40 of 40 updates, 1.2 s of training."),
        ("stopped", 0, ev.Finished("stopped", 7, 0.5), "Stopped after 7 of 40 updates, 0.5 s of training."),
        ("failed", 0, ev.Failed(7, "it diverged", "try less"), "it diverged; try less"),
        ("failed", 0, ev.Failed(0, "There is no file."), "There is no file."),
    ],
)
def test_the_sentence_says_where_the_run_stands(tiny_run, state, position, latest, sentence):
    assert status_text(tiny_run(updates=40), state, position, latest) == sentence
