"""analysis/thinking.py: accuracy beyond training, and where each puzzle stops, against counting by hand."""

import json
from dataclasses import replace

import numpy as np
import pytest

from trm_explore.analysis import thinking
from trm_explore.analysis.thinking import AccuracyByCycle, accuracy_by_cycle, halting_by_puzzle, trained_cycles
from trm_explore.training.evaluation import evaluate
from trm_explore.training.trajectory import record


def by_cycle(exact, trained=3, **other):
    scores = {"loss": [1.0] * len(exact), "cell_accuracy": [0.5] * len(exact), "r2": []} | other
    return AccuracyByCycle(trained, 100, exact_accuracy=exact, **scores)


def test_accuracy_goes_to_four_times_trainings_cycles_and_is_what_an_evaluation_says(make_model, task):
    model = make_model(supervision_steps=2)
    assert trained_cycles(model) == 6
    got = accuracy_by_cycle(model, task, puzzles=20)
    expected = evaluate(model, task, task.held_out(20), H_cycles=24)
    assert (got.trained, got.puzzles, len(got.loss)) == (6, 20, 24)
    assert (got.loss, got.cell_accuracy, got.exact_accuracy, got.r2) == tuple(expected)
    own = accuracy_by_cycle(model, task, puzzles=task.held_out(20), H_cycles=2)
    assert own.cell_accuracy == pytest.approx(got.cell_accuracy[:2])


@pytest.mark.parametrize(
    ("exact", "said"),
    [
        (
            [0.2, 0.5, 0.7, 0.8, 0.9, 0.9],
            "After 3 cycles, as in training, 70 % of the answers are right; thinking longer helps: 90 % after 5 (100 "
            "held-out puzzles).",
        ),
        ([0.2, 0.5, 0.7, 0.9, 0.8, 0.4], "helps: 90 % after 4, but 40 % after 6 ("),
        ([0.2, 0.5, 0.7, 0.71, 0.7, 0.69], "thinking longer changes little: 69 % after 6 ("),
        ([0.2, 0.5, 0.7, 0.6, 0.3, 0.1], "thinking longer harms: 10 % after 6 ("),
        ([0.2, 0.5], "After 2 cycles, as in training, 50 % of the answers are right (100"),
        ([0.995], "After 1 cycle, as in training, 99.5 % of the answers"),
    ],
)
def test_the_sentence_says_whether_longer_thought_is_better(exact, said):
    assert said in by_cycle(exact).text


def test_where_hardly_a_whole_answer_is_right_cells_or_R2_are_told():
    assert "50 % of the cells are right" in by_cycle([0.0] * 4).text
    assert "R2 is 0.30; thinking longer helps: 0.45 after 4" in by_cycle([0.0] * 4, r2=[0.1, 0.2, 0.3, 0.45]).text


def test_accuracy_is_ready_for_json_with_four_digits():
    sent = json.loads(json.dumps(by_cycle([1 / 3] * 4, loss=[float("nan")] * 4).to_dict()))
    assert sent["exact_accuracy"] == [0.3333] * 4 and sent["loss"] == [None] * 4 and sent["text"]


@pytest.mark.parametrize(
    ("right", "halt", "verdict", "stop", "first"),
    [
        ([0, 1, 1, 1], [0.1, 0.2, 0.6, 0.9], "stopped right", 2, 1),
        ([0, 0, 0, 1], [0.6, 0.2, 0.6, 0.9], "stopped too early", 0, 3),
        ([1, 0, 0, 0], [0.1, 0.7, 0.1, 0.1], "stopped wrong", 1, 0),
        ([0, 0, 0, 0], [0.1, 0.1, 0.1, 0.7], "stopped wrong", 3, None),
        ([0, 1, 0, 0], [0.1, 0.2, 0.3, 0.5], "never stopped, though right", None, 1),
        ([0, 0, 0, 0], [0.1, 0.2, 0.3, 0.5], "never stopped, never right", None, None),
    ],
)
def test_each_puzzle_gets_the_verdict_that_counting_gives(right, halt, verdict, stop, first):
    one = thinking._one(np.array(right, bool), np.array(halt, np.float32), 0.5)
    assert (one.verdict, one.stop, one.first_right) == (verdict, stop, first)
    assert one.right_at_end == bool(right[-1])
    assert one.right_at_stop == (None if stop is None else bool(right[stop]))


def test_halting_by_puzzle_is_read_off_a_recording(make_model, task):
    model = make_model()
    puzzles = task.held_out(12)
    trajectory = record(model, puzzles | {"board": (4, 4)}, H_cycles=12)
    threshold = float(np.median(trajectory.halt.max(0)))
    got = halting_by_puzzle(model, task, puzzles=12, threshold=threshold)
    assert (got.steps, len(got.puzzles)) == (12, 12)
    for i, one in enumerate(got.puzzles):
        above = [k for k in range(12) if trajectory.halt[k, i] > threshold]
        right = [k for k in range(12) if task.check(puzzles["inputs"][i : i + 1], trajectory.answers[k, i : i + 1])[0]]
        assert one.stop == (above[0] if above else None) and one.first_right == (right[0] if right else None)
        assert one.halt == pytest.approx(trajectory.halt[:, i])
    assert len({one.stop for one in got.puzzles}) > 1, "the above says nothing"


def test_the_sum_names_every_verdict_that_occurs_and_only_those():
    one = thinking._one(np.array([False, True]), np.array([0.1, 0.9]), 0.5)
    halting = thinking.HaltingByPuzzle(0.5, 2, [one, one, replace(one, stop=None, verdict=thinking.VERDICTS[4])])
    assert halting.counts == dict(zip(thinking.VERDICTS, [2, 0, 0, 0, 1], strict=True))
    assert halting.text == (
        "Of 3 puzzles 2 stop where the answer is right, 1 rightly go on: no answer was right; those that stop take 2.0 "
        "of 2 cycles in the mean (threshold 0.5)."
    )
    sent = json.loads(json.dumps(halting.to_dict()))
    assert sent["puzzles"][0]["stop"] == 1 and sent["counts"]["stopped right"] == 2 and sent["text"] == halting.text


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda m, t: accuracy_by_cycle(m, t, H_cycles=0), "H_cycles=0 must be at least 1"),
        (lambda m, t: accuracy_by_cycle(m, t, puzzles=0), "puzzles=0 must be at least 1"),
        (lambda m, t: halting_by_puzzle(m, t, threshold=1.0), "threshold=1.0 must be a probability"),
        (lambda m, t: halting_by_puzzle(m, t, threshold=float("nan")), "threshold=nan must be a probability"),
    ],
)
def test_wrong_wishes_get_one_sentence(make_model, task, call, said):
    with pytest.raises(ValueError, match=said):
        call(make_model(), task)
