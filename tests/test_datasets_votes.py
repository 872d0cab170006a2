"""ARC's boards and the vote over augmented copies, against a count by hand."""

import json
from collections import Counter

import numpy as np
import pytest
from datasets_inputs import arc_tasks, write_arc
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from trm_explore.data.arc import build_arc
from trm_explore.data.arc_grids import (
    SIDE,
    board_of,
    changed,
    copy_name,
    crop,
    grid_of,
    key_of,
    puzzle_key,
    random_change,
    undo,
)
from trm_explore.data.figures import PASSES, Figures
from trm_explore.data.folder import read_part
from trm_explore.data.ratings import by_rating
from trm_explore.data.votes import Votes

grids = st.tuples(st.integers(1, SIDE), st.integers(1, SIDE)).flatmap(
    lambda shape: arrays.arrays(np.uint8, shape, elements=st.integers(0, 9))
)


@given(grids)
def test_a_board_gives_its_grid_back(grid):
    board = board_of(grid)
    assert board.shape == (900,) and np.array_equal(crop(board), grid)
    rows, cols = grid.shape
    assert (board == 1).sum() == (rows if cols < SIDE else 0) + (cols if rows < SIDE else 0)  # the end's two lines
    assert (board > 1).sum() == rows * cols


@given(grids, st.integers(0, SIDE), st.integers(0, SIDE))
def test_a_board_elsewhere_is_the_same_one_moved(grid, top, left):
    top, left = top % (SIDE - grid.shape[0] + 1), left % (SIDE - grid.shape[1] + 1)
    moved = board_of(grid, top, left).reshape(SIDE, SIDE)
    corner = board_of(grid).reshape(SIDE, SIDE)
    assert np.array_equal(moved[top:, left:], corner[: SIDE - top, : SIDE - left])
    assert not moved[:top].any() and not moved[:, :left].any()


@given(st.integers(0, 2**32 - 1), st.floats(0.0, 0.2))
def test_the_crop_is_the_largest_rectangle_of_colours(seed, holes):
    rng = np.random.default_rng(seed)
    board = rng.integers(2, 12, (SIDE, SIDE))
    board[rng.random((SIDE, SIDE)) < holes] = rng.choice([0, 1, 12])
    best, area = (0, 0), 0
    for rows in range(1, SIDE + 1):
        for cols in range(1, SIDE + 1):
            block = board[:rows, :cols]
            if rows * cols > area and ((block >= 2) & (block <= 11)).all():
                best, area = (rows, cols), rows * cols
    assert np.array_equal(crop(board.reshape(-1)), board[: best[0], : best[1]] - 2)
    assert crop(board).dtype == np.uint8


@given(grids, st.integers(0, 2**32 - 1))
def test_a_copys_name_brings_its_grid_back(grid, seed):
    way, colours = random_change(np.random.RandomState(seed))
    assert sorted(colours) == list(range(10)) and colours[0] == 0 and 0 <= way < 8
    name, back = undo(copy_name("abc", way, colours))
    assert name == "abc" and np.array_equal(back(changed(grid, way, colours)), grid)
    name, back = undo("abc")
    assert name == "abc" and back(grid) is grid


@pytest.mark.parametrize(
    "name", ["a|||t8|||0123456789", "a|||x1|||0123456789", "a|||t1|||0123456788", "a|||t1|||01", "a|||t1"]
)
def test_a_name_that_says_no_known_change_is_refused(name):
    with pytest.raises(ValueError, match="does not end in"):
        undo(name)


def test_keys_tell_grids_and_puzzles_apart():
    flat, tall = np.zeros((1, 4), dtype=np.uint8), np.zeros((4, 1), dtype=np.uint8)
    assert key_of(flat) != key_of(tall) and key_of(flat) == key_of(flat.copy())
    one, two = (flat, tall), (tall, flat)
    assert puzzle_key([one, two]) == puzzle_key([two, one])
    assert len({puzzle_key([one]), puzzle_key([two]), puzzle_key([one, one]), puzzle_key([one, two])}) == 4


@pytest.mark.parametrize(
    "cells", [[], [[]], [[1], [1, 2]], [[1] * 31], [[10]], [[-1]], [[0.5]], [["a"]], 3, [[[1]]]], ids=str
)
def test_what_is_no_grid_is_refused(cells):
    with pytest.raises(ValueError, match="^here (is no grid|has a colour)"):
        grid_of(cells, "here")


# ---- votes


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("arc")
    for _ in build_arc([write_arc(path / "json")], path / "data", num_aug=12):
        pass
    return path / "data"


def answered(folder, wrong: float, seed: int = 0):
    """The test part with some answers replaced by those of another copy, and halting probabilities."""
    part = read_part(folder, "test")
    batch = part.batch(np.arange(part.examples))
    answers = np.where(batch["labels"] < 0, 0, batch["labels"])
    rng = np.random.default_rng(seed)
    other = rng.integers(part.examples, size=part.examples)
    answers = np.where(rng.random((part.examples, 1)) < wrong, answers[other], answers)
    return batch["inputs"], answers, rng.random(part.examples), batch["puzzle_identifiers"]


def test_right_answers_to_all_copies_are_one_grid_with_all_votes(folder):
    votes = Votes(folder)
    inputs, answers, halting, identifiers = answered(folder, wrong=0)
    votes.add(inputs, answers, halting, identifiers)
    for name in ("task3", "task4"):
        (only,) = votes.candidates(name, 0)
        assert only.grid.tolist() == arc_tasks()[name]["test"][0]["output"]
        names = json.loads((folder / "identifiers.json").read_text())
        own = [i for i, number in enumerate(identifiers) if names[number].startswith(name)]
        assert only.votes == len(own) == 13 and only.halting == pytest.approx(halting[own].mean())
    assert votes.pass_at((1, 2)) == {1: 1.0, 2: 1.0} and votes.answered() == 2


@pytest.mark.parametrize("seed", range(5))
def test_the_vote_is_the_count_by_hand(folder, seed):
    votes, (inputs, answers, halting, identifiers) = Votes(folder), answered(folder, 0.8, seed)
    for i in range(0, len(inputs), 5):  # in batches
        votes.add(*(array[i : i + 5] for array in (inputs, answers, halting, identifiers)))
    names = json.loads((folder / "identifiers.json").read_text())
    right = Counter()
    for name in ("task3", "task4"):
        counts, sums = Counter(), Counter()
        for row, number in enumerate(identifiers):
            if names[number].split("|||")[0] == name:
                grid = json.dumps(undo(names[number])[1](crop(answers[row])).tolist())
                counts[grid] += 1
                sums[grid] += halting[row]
        ranked = sorted(counts, key=lambda grid: (-counts[grid], -sums[grid] / counts[grid]))
        assert [json.dumps(one.grid.tolist()) for one in votes.candidates(name, 0)] == ranked
        truth = json.dumps(arc_tasks()[name]["test"][0]["output"])
        for K in (1, 2, 5):
            right[K] += truth in ranked[:K]
        said = votes.submission(2)[name][0]
        assert [json.dumps(said[f"attempt_{i}"]) for i in (1, 2)] == (ranked * 2)[:2] if len(ranked) > 1 else True
    assert votes.pass_at((1, 2, 5)) == {K: right[K] / 2 for K in (1, 2, 5)}


def test_the_parts_of_a_task_with_two_questions_count_half(tmp_path):
    folder = write_arc(tmp_path / "json")
    for kind, extra in (("challenges", {"input": [[1, 2]]}), ("solutions", [[2, 1]])):
        path = folder / f"arc-agi_evaluation_{kind}.json"
        said = json.loads(path.read_text())
        (said["task3"]["test"] if kind == "challenges" else said["task3"]).append(extra)
        path.write_text(json.dumps(said))
    for _ in build_arc([folder], tmp_path / "data", num_aug=2):
        pass
    inputs, answers, halting, identifiers = answered(tmp_path / "data", wrong=0)
    names = json.loads((tmp_path / "data" / "identifiers.json").read_text())
    task3 = np.array([names[number].startswith("task3") for number in identifiers])
    second = np.array([min(crop(row).shape) == 1 and max(crop(row).shape) == 2 for row in inputs])
    votes, keep = Votes(tmp_path / "data"), task3 & ~second
    assert second.sum() == 3
    votes.add(inputs[keep], answers[keep], halting[keep], identifiers[keep])
    assert votes.pass_at((1,)) == {1: 0.25}  # half of one of two tasks; the other has no answers and counts as wrong
    assert votes.answered() == 0 and votes.submission()["task4"] == [{"attempt_1": [[0]], "attempt_2": [[0]]}]


def test_rows_that_only_fill_a_batch_have_no_vote(folder):
    votes, (inputs, answers, halting, identifiers) = Votes(folder), answered(folder, wrong=0)
    votes.add(inputs, answers, halting, np.zeros_like(identifiers))
    assert votes.answered() == 0 and votes.pass_at((1,)) == {1: 0.0}


def test_a_folder_without_what_the_vote_needs_is_refused(tmp_path, folder):
    with pytest.raises(ValueError, match="has no identifiers.json, which the vote needs"):
        Votes(tmp_path)
    (tmp_path / "identifiers.json").write_text('["<blank>", "a"]')
    with pytest.raises(ValueError, match="has no test_puzzles.json, which the vote needs"):
        Votes(tmp_path)
    for text in ("[]", '{"a": {}}', '{"a": {"test": [{"input": [[1]]}]}}', '{"a": 3}'):
        (tmp_path / "test_puzzles.json").write_text(text)
        with pytest.raises(ValueError, match="test_puzzles.json must hold tasks by name"):
            Votes(tmp_path)
    (tmp_path / "test_puzzles.json").write_text('{"a": {"test": [{"input": [[1]], "output": [[11]]}]}}')
    with pytest.raises(ValueError, match="task a, output has a colour outside 0 to 9"):
        Votes(tmp_path)
    with pytest.raises(ValueError, match="identifiers.json names [0-9]+ puzzles, but an example has number 999"):
        Votes(folder).add(np.zeros((1, 900)), np.zeros((1, 900)), np.zeros(1), np.array([999]))


# ---- what evaluating says beyond means


def test_figures_are_those_of_all_batches_together(folder):
    votes, figures = Votes(folder), Figures(Votes(folder))
    inputs, answers, halting, identifiers = answered(folder, 0.5)
    exact = np.random.default_rng(1).random((3, len(inputs))) < 0.5
    ratings = np.arange(len(inputs), dtype=np.float32) % 5
    votes.add(inputs, answers, halting, identifiers)
    for i in range(0, len(inputs), 7):
        puzzles = {"inputs": inputs, "labels": inputs, "puzzle_identifiers": identifiers, "ratings": ratings}
        part = {name: array[i : i + 7] for name, array in puzzles.items()}
        figures.take(part, exact[:, i : i + 7], answers[i : i + 7], halting[i : i + 7])
    assert figures.bands() == by_rating(ratings, exact) and figures.passes() == votes.pass_at(PASSES)
    said = json.loads(json.dumps(figures.as_json()))
    assert said["pass_at"]["2"] == votes.pass_at((2,))[2] and [band["count"] for band in said["by_rating"]] == [
        6,
        5,
        5,
        5,
        5,
    ]
    lines = figures.lines()
    assert lines[0].split() == ["rating", "puzzles", "step", "0", "last", "step"] and len(lines) == 1 + 5 + 1
    assert lines[1].split() == ["0", "6", *(f"{100 * exact[k, ratings == 0].mean():.2f}%" for k in (0, 2))]
    assert f"pass@2 {100 * votes.pass_at((2,))[2]:.2f}%" in lines[-1] and lines[-1].endswith("; 2 tasks have answers")


def test_where_there_is_nothing_more_to_say_nothing_is_said():
    figures = Figures()
    figures.take({"inputs": np.ones((2, 4))}, np.ones((1, 2), dtype=bool), np.ones((2, 4)), np.ones(2))
    assert figures.as_json() == {} and figures.lines() == []
