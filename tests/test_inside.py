"""Look inside without a browser: own puzzles, models, what the tab computes, and what is refused."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trm_explore.app.inside import NO_EDITS, Inside
from trm_explore.app.looking import Question, look, typed_puzzle
from trm_explore.app.measuring import cost_text, measure, paths, reading
from trm_explore.app.models import MOST_CYCLES, Seen, model_for, recorded_model
from trm_explore.app.page import build
from trm_explore.app.puzzles import first_puzzle, held_out_puzzle, read_puzzle
from trm_explore.app.settings import CONTROLS
from trm_explore.data.sudoku_rules import conflicts
from trm_explore.data.text_file import lines_of_text
from trm_explore.model import RecursiveModel
from trm_explore.model.carry import board_of
from trm_explore.runs.registry import Runs
from trm_explore.shipped.pairs import pair_names
from trm_explore.tasks import preset, resolve
from trm_explore.training.trajectory import inputs_of
from trm_explore.view.editor import editor_of, text_of
from trm_explore.words import inside_tab, refusals

TYPED = ("sudoku4", "maze", "reach", "addition", "sorting", "parity")  # tasks of symbols that read puzzles
ONE, BROKEN, MANY, NONE = ".24.3......44.3.", "11..............", "................", "123...4........."


@pytest.fixture(scope="module")
def runs():
    return Runs(slots=1)


def asked(task="sudoku4", **more):
    return Question(**{"source": "on", "task": task, "run_id": "", "number": None, "own": "", "cycles": None, **more})


def task_of(name):
    return recorded_model(name, "on").task


# --- own puzzles


@pytest.mark.parametrize("name", TYPED)
def test_what_the_editor_shows_reads_back_as_the_same_puzzle(name):
    task = task_of(name)
    for number in (0, 3):
        batch = held_out_puzzle(task, number, 8)
        shown = editor_of(task, batch, board_of(batch))
        again, _ = read_puzzle(task, text_of(task, shown["cells"], board_of(batch)))
        assert (inputs_of(again) == inputs_of(batch)).all() and board_of(again) == board_of(batch)
        assert shown["text"] == text_of(task, shown["cells"], board_of(batch)) and shown["reads"]


@pytest.mark.parametrize("name", TYPED)
def test_every_symbol_that_the_editor_offers_may_stand_in_every_cell_that_it_lets_edit(name):
    task = task_of(name)
    batch = held_out_puzzle(task, 0, 8)
    shown = editor_of(task, batch, board_of(batch))
    assert any(shown["editable"])
    for token, _ in shown["choices"]:
        if token in shown["unique"]:
            continue
        for cell in np.flatnonzero(shown["editable"])[::5]:
            cells = list(shown["cells"])
            if cells[cell] in shown["unique"]:
                continue
            cells[cell] = token
            batch_of_it, _ = read_puzzle(task, text_of(task, cells, board_of(batch)))
            assert inputs_of(batch_of_it)[0, cell] == token


def test_only_what_is_asked_in_a_row_can_be_edited():
    sorting = editor_of(task_of("sorting"), held_out_puzzle(task_of("sorting"), 0, 8), (2, 8))
    assert sorting["editable"] == [1] * 8 + [0] * 8 and sorting["blank"] is None
    addition = editor_of(task_of("addition"), held_out_puzzle(task_of("addition"), 0, 8), (3, 9))
    assert addition["editable"] == [0, *[1] * 8] * 2 + [0] * 9


def test_a_task_without_typed_puzzles_says_so_and_lets_no_cell_be_edited():
    poisson = editor_of(task_of("poisson"), held_out_puzzle(task_of("poisson"), 0, 8), (8, 8))
    assert poisson["reads"] is False and poisson["cells"] is None
    swirl = editor_of(task_of("swirl"), held_out_puzzle(task_of("swirl"), 0, 8), (1, 1))
    assert swirl["reads"] and len(swirl["text"].split()) == 2


@pytest.mark.parametrize(("text", "said"), [(BROKEN, "breaks a rule"), (NONE, "has no solution")])
def test_a_sudoku_that_breaks_a_rule_is_said_and_answered_all_the_same(text, said):
    batch, remark = read_puzzle(task_of("sudoku4"), text)
    assert said in remark and "labels" not in batch


def test_a_sudoku_with_several_solutions_has_no_labels_and_says_so():
    batch, remark = read_puzzle(task_of("sudoku4"), MANY)
    assert "several solutions" in remark and "labels" not in batch
    assert "labels" in read_puzzle(task_of("sudoku4"), ONE)[0]


@pytest.mark.parametrize(
    ("text", "puzzle"),
    [
        (ONE, ONE),
        (f"\n\n{ONE}\n{MANY}", ONE),
        (f"{ONE},1243342121344312", ONE),
        (f"Question,Answer\n{ONE},1\n{MANY},2", ONE),
        (f"id,puzzle\n7,{ONE}", ONE),
        (".24.\n3...\n...4\n4.3.\n\nnext", ".24.3......44.3."),
        (f"\ufeff{ONE}\r\n", ONE),
    ],
)
def test_the_first_puzzle_of_a_text_or_file_is_taken(text, puzzle):
    assert first_puzzle(task_of("sudoku4"), lines_of_text(text)) == puzzle


def test_a_maze_in_a_file_is_its_lines_up_to_an_empty_one():
    assert first_puzzle(task_of("maze"), lines_of_text("S.#\n..G\n...\n\nS.G")) == "S.#\n..G\n...\n"[:-1]


@pytest.mark.parametrize("text", ["", "   \n ", "question,answer\n", "12", "x" * 200_000, None, 7, ["1"]])
def test_what_is_no_puzzle_is_refused_in_one_sentence(text):
    with pytest.raises(ValueError) as refused:
        read_puzzle(task_of("sudoku4"), text)
    assert len(str(refused.value).splitlines()) == 1 and len(str(refused.value)) < 300


def test_a_board_that_would_make_others_wait_is_refused():
    with pytest.raises(ValueError, match="at most 1024"):
        read_puzzle(task_of("maze"), "/".join(["S" + "." * 39] + ["." * 40] * 38 + ["." * 39 + "G"]))


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 9) | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=6,
)


@given(cells=JUNK | st.lists(st.integers(-1, 7), max_size=20), rows=JUNK, cols=JUNK, text=JUNK)
def test_whatever_the_editor_sends_is_a_puzzle_or_one_sentence(cells, rows, cols, text):
    seen = recorded_model("sudoku4", "on")
    for sent in ({"cells": cells, "rows": rows, "cols": cols}, {"text": text}):
        try:
            puzzle = typed_puzzle(seen, sent)
        except ValueError as error:
            assert "\n" not in str(error)
        else:
            assert puzzle == "" or inputs_of(read_puzzle(seen.task, puzzle)[0]).shape == (1, 16)


@given(edits=JUNK | st.lists(st.fixed_dictionaries({"kind": st.sampled_from(["cell", "noise"])}, optional={
    "step": JUNK, "cell": JUNK, "token": JUNK, "state": JUNK, "scale": JUNK, "seed": JUNK}), max_size=3))  # fmt: skip
def test_whatever_edits_are_sent_are_made_or_refused_in_one_sentence(edits):
    try:
        found = look(asked(), edits, Runs(slots=1))
    except ValueError as error:
        assert "\n" not in str(error)
    else:
        assert found["view"]["edits"] == edits or edits == ""


@pytest.mark.parametrize(("name", "token"), [("swirl", [1e300, 0.0]), ("poisson", -1e30)])
def test_numbers_that_would_make_states_infinite_are_refused(name, token, runs):
    for edit in ({"kind": "cell", "cell": 0, "token": token}, {"kind": "noise", "state": "z_H", "scale": 1e30}):
        with pytest.raises(ValueError, match="too large"):
            look(asked(name), [edit | {"step": 0}], runs)
    largest = [{"kind": "noise", "step": 0, "state": "z_L", "scale": 1000.0}]
    json.dumps(look(asked(name), largest, runs)["after"], allow_nan=False)


@given(
    values=st.lists(JUNK | st.sampled_from(["on", "sudoku4", "run"]), min_size=7, max_size=7), sound=st.integers(0, 127)
)
def test_whatever_the_page_sends_is_shown_or_refused_in_one_sentence(values, sound):
    """Each of the seven values is sound or junk."""
    good = ["on", "sudoku4", "", 0, "", 3, NO_EDITS]
    values = [good[i] if sound >> i & 1 else value for i, value in enumerate(values)]
    shown = call(Inside(Runs(slots=1), ("sudoku4",)).show, *values)
    said = shown[-1]
    assert len(shown) == 12 and "\n" not in said
    if not said:
        json.dumps(shown[:2] + shown[3:4], allow_nan=False)


# --- models


def test_the_own_run_is_looked_at_once_it_has_weights_and_only_under_its_task(runs, tiny_run):
    with pytest.raises(ValueError, match="no run of yours"):
        model_for("run", "sudoku4", "nobody", runs)
    run = runs.submit(tiny_run(updates=2))
    run.join(60)
    seen = model_for("run", "sudoku4", run.id, runs)
    assert seen.trained == 3 and seen.most == 12 and seen.config.task == "sudoku4"
    assert look(asked(source="run", run_id=run.id), NO_EDITS, runs)["message"]["steps"] == 3
    with pytest.raises(ValueError, match="Your run learns sudoku4, the task chosen above is maze"):
        model_for("run", "maze", run.id, runs)


@pytest.mark.parametrize("source", ["off-full", "../x", None, 3])
def test_an_unknown_model_is_refused(source, runs):
    with pytest.raises(ValueError, match="is not known"):
        model_for(source, "sudoku4", "", runs)


@pytest.mark.parametrize("cycles", [0, 13, 2.5, "3", float("nan"), True, 10**9])
def test_cycles_beyond_four_times_training_are_refused(cycles, runs):
    with pytest.raises(ValueError, match="give a whole number from 1 to 12"):
        look(asked(cycles=cycles), NO_EDITS, runs)


@pytest.mark.parametrize("number", [-1, 256, 1.5, "0", float("inf")])
def test_a_puzzle_that_is_not_there_is_refused(number, runs):
    with pytest.raises(ValueError, match="Held-out puzzle"):
        look(asked(number=number), NO_EDITS, runs)


def test_a_model_that_would_take_too_long_is_refused_before_it_computes(runs, monkeypatch):
    config = preset("sudoku4", hidden_size=16, num_heads=2, H_cycles=40)
    task, config = resolve(config)
    seen = Seen(RecursiveModel(config.model), config, task, 0)
    assert seen.most == MOST_CYCLES
    monkeypatch.setattr("trm_explore.app.models.ANSWER_SECONDS", 0.0)
    monkeypatch.setattr("trm_explore.app.looking.model_for", lambda *_: seen)
    with pytest.raises(ValueError, match="This model needs about"):
        look(asked(), NO_EDITS, runs)


# --- what is computed


@pytest.mark.parametrize("name", pair_names())
def test_every_task_can_be_looked_into(name, runs):
    found = look(asked(name, cycles=recorded_model(name, "on").most), NO_EDITS, runs)
    frame = found["message"]["frames"][0]
    assert len(frame["steps"]) == found["message"]["steps"] == found["view"]["steps"] == found["seen"].most
    assert len(found["message"]["colors"]["light"]) == found["seen"].most and found["after"] is None
    way = paths(asked(name), runs)
    assert np.isfinite(np.array(way["mean_path"])).all()
    around = reading(asked(name), 0, runs)
    assert np.array(around["matrix"]).shape == (found["seen"].trained, around["rows"] * around["cols"])
    json.dumps([found["message"], found["view"], found["puzzle"], way, around], allow_nan=False)


def test_the_answer_is_that_of_a_plain_inference_and_longer_thought_begins_with_it(runs):
    short, long = (look(asked(cycles=c), NO_EDITS, runs)["message"]["frames"][0]["steps"] for c in (3, 12))
    assert [step["ids"] for step in long[:3]] == [step["ids"] for step in short]


def test_a_set_cell_says_what_it_was_told_and_the_rest_goes_on_from_there(runs):
    untouched = look(asked(cycles=8), NO_EDITS, runs)["message"]["frames"][0]["steps"]
    wrong = 2 if untouched[1]["ids"][0] != 2 else 3
    found = look(asked(cycles=8), [{"kind": "cell", "step": 1, "cell": 0, "token": wrong}], runs)
    before, after = (found[name]["frames"][0]["steps"] for name in ("message", "after"))
    assert [step["ids"] for step in before] == [step["ids"] for step in untouched]
    assert after[0]["ids"] == before[0]["ids"] and after[1]["ids"][0] == wrong
    assert found["view"]["recovery"]["first_changed"] == 1 and found["view"]["recovery"]["back_at"] is not None


def test_halting_of_an_own_puzzle_without_one_solution_is_said_without_a_verdict(runs):
    halting = look(asked(own=MANY), NO_EDITS, runs)["view"]["halting"]
    assert halting["right"] is None and "nobody knows the solution" in halting["text"]
    known = look(asked(own=ONE), NO_EDITS, runs)["view"]["halting"]
    assert len(known["right"]) == 3 and "nobody" not in known["text"]


def test_a_puzzle_without_a_known_solution_is_judged_by_the_rules_alone(runs):
    frame = look(asked(own=MANY, cycles=12), NO_EDITS, runs)["message"]["frames"][0]
    assert frame["target"] is None
    for step in frame["steps"]:
        digits = np.maximum(np.array(step["ids"]) - 1, 0)
        assert set(step["wrong"]) == set(conflicts(digits)) | set(np.flatnonzero(digits == 0))


def test_a_measurement_goes_to_four_times_training_and_is_kept(runs):
    first = measure(asked(), runs)
    assert len(first["accuracy"]["exact_accuracy"]) == 12 and first["accuracy"]["trained"] == 3
    assert measure(asked(cycles=7), runs)["accuracy"] is first["accuracy"]
    states = first["gradients"]["states"]
    assert len(states) == 3 and states[0][1] == 0 < states[0][0]


def test_attention_maps_are_shown_head_by_head(runs, monkeypatch):
    task, config = resolve(preset("sudoku4", mixer="attention", hidden_size=16, num_heads=2))
    model = RecursiveModel(config.model).eval()
    monkeypatch.setattr("trm_explore.app.measuring.model_for", lambda *_: Seen(model, config, task, 0))
    around = reading(asked(), 5, runs)
    heads = np.array(around["heads"])
    assert heads.shape == (2, 3, 16) and heads.sum(2) == pytest.approx(np.ones((2, 3)), abs=0.02)


@pytest.mark.parametrize("cell", [-1, 16, 0.5, None, "0"])
def test_a_cell_that_is_not_there_is_refused(cell, runs):
    with pytest.raises(ValueError, match="cells are numbered from 0 to 15"):
        reading(asked(), cell, runs)


def test_the_cost_is_that_of_the_settings_against_supervision_off():
    on = preset("sudoku4", enable_deep_supervision=True)
    assert "**1.00 times** the operations" in cost_text(on.with_flat(H_cycles=1))
    assert "times** the memory" in cost_text(on) and "**1.00 times** the operations" not in cost_text(on)
    assert cost_text(preset("sudoku4")) == inside_tab.COST_SAME


# --- handlers


def call(handler, *values):
    return asyncio.run(handler(*values))


def test_a_task_chosen_before_the_tab_was_opened_computes_nothing(runs):
    inside = Inside(runs, ("sudoku4", "maze"))
    assert not any(isinstance(value, dict) and "frames" in value for value in call(inside.begin, "", "on", "maze", ""))
    task, _, message, *_ = call(inside.begin, "sudoku4", "on", "maze", "")
    assert task == "maze" and message["frames"]


def test_a_links_puzzle_stays_where_the_tab_opens_before_its_task_has_changed(runs):
    """A link sets task and tab at once, and the two events may come in either order."""
    inside = Inside(runs, ("sudoku4", "maze"))
    values = ["on", "maze", "", 0, "", 3, NO_EDITS, "5", "9"]
    opened, _, message, *_ = call(inside.open, "", *values)
    assert opened == "maze" and "5" in message["text"] and len(message["frames"][0]["steps"]) == 9
    late = call(inside.begin, opened, "on", "maze", "")
    assert all("frames" not in value for value in late if isinstance(value, dict))
    back = call(inside.begin, call(inside.begin, opened, "on", "sudoku4", "")[0], "on", "maze", "")
    assert back[0] == "maze" and back[2]["frames"]


def test_an_error_is_said_beside_the_controls_and_a_typed_one_in_the_editor(runs):
    inside = Inside(runs, ("sudoku4",))
    shown = call(inside.show, "on", "sudoku4", "", 999, "", 3, NO_EDITS)
    assert "Held-out puzzle 999 is not there" in shown[-1]
    typed = SimpleNamespace(text="12", turn=0)
    shown = call(inside.typed, "on", "sudoku4", "", 0, "", 3, typed)
    assert shown[0]["only"] and "The puzzle has 2 cells" in shown[0]["error"]


def test_a_model_that_is_not_there_leaves_no_answer_of_another_on_the_page(runs):
    shown = call(Inside(runs, ("sudoku4",)).model, "run", "sudoku4", "", 0, "")
    assert shown[1]["frames"] == [] and refusals.NO_RUN in shown[-1]


def test_fewer_cycles_take_along_the_changes_that_still_fit(runs):
    edits = [{"kind": "noise", "step": k, "state": "z_H", "scale": 1.0, "seed": 1} for k in (0, 4)]
    shown = call(Inside(runs, ("sudoku4",)).longer, "on", "sudoku4", "", 0, "", 4, json.dumps(edits))
    assert json.loads(shown[6]) == edits[:1] and shown[-1] == ""


def test_every_listener_gets_and_gives_as_many_values_as_it_is_wired_for(runs):
    async def built():  # outside of a loop Gradio makes loops that it never closes
        return build(runs)

    wired = [fn for fn in asyncio.run(built()).fns.values() if isinstance(getattr(fn.fn, "__self__", None), Inside)]
    sizes = {fn.name: (len(fn.inputs), len(fn.outputs)) for fn in wired}
    shown, controlled = 12, len(CONTROLS)
    assert sizes == {
        "open": (10, 1 + shown),
        "begin": (4, 1 + shown),
        "model": (5, shown),
        "turn": (5, shown),
        "longer": (7, shown),
        "typed": (6, shown),  # and what the event brings
        "edit": (6, shown),
        "measure": (6, 1),
        "paths": (6, 1),
        "ask": (6, 1),
        "measured_cost": (controlled, 2),
        "still": (1 + controlled, 1),
    }
    heavy = {fn.concurrency_id for fn in wired if fn.name in ("measure", "paths", "ask")}
    assert heavy == {"inside"}  # of all visitors together only some compute for seconds at a time
    assert len(call(Inside(runs, ("sudoku4",)).show, "on", "sudoku4", "", None, "", None, NO_EDITS)) == shown
