"""The flood-fill task, and the wave that it shares with the mazes (tasks/grids.py)."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trm_explore.config.presets import TASK_PRESETS
from trm_explore.data.grids import distances, eight_copies, wall_key
from trm_explore.tasks.reach import OPEN, REACHED, ROLES, START, SYMBOLS, WALL, ReachTask, fill


def moves_from(free: np.ndarray, start: int) -> np.ndarray:
    """Shortest moves from the start by repeated relaxation, cell by cell: slow and plain; -1 where no way leads."""
    rows, cols = free.shape
    moves = np.full((rows, cols), math.inf)
    moves[divmod(start, cols)] = 0
    for _ in range(rows * cols):
        for r in range(rows):
            for c in range(cols):
                for at in ((r - 1, c), (r + 1, c), (r, c - 1), (r, c + 1)):
                    if free[r, c] and 0 <= at[0] < rows and 0 <= at[1] < cols:
                        moves[r, c] = min(moves[r, c], moves[at] + 1)
    return np.where(np.isinf(moves), -1, moves).astype(int)


def error_of(make, *args, **options) -> str:
    with pytest.raises(ValueError) as error:
        make(*args, **options)
    sentence = str(error.value)
    assert "\n" not in sentence
    return sentence


# The wave


@given(st.integers(1, 5), st.integers(1, 5), st.floats(0, 0.7), st.integers(0, 2**32 - 1))
def test_distances_are_those_of_a_plain_search(rows, cols, walls, seed):
    rng = np.random.default_rng(seed)
    free = rng.random((3, rows, cols)) >= walls
    start = rng.integers(rows * cols, size=3)
    free.reshape(3, -1)[np.arange(3), start] = True
    expected = np.stack([moves_from(f, int(s)) for f, s in zip(free, start, strict=True)])
    assert (distances(free, start) == expected).all()


def test_a_wave_stays_on_its_own_board_and_leaves_its_input_alone():
    free = np.ones((2, 3, 3), dtype=bool)
    free[1, 1] = False
    before = free.copy()
    far = distances(free, np.array([8, 0]))
    assert far[0].tolist() == [[4, 3, 2], [3, 2, 1], [2, 1, 0]]
    assert far[1].tolist() == [[0, 1, 2], [-1, -1, -1], [-1, -1, -1]]
    assert (free == before).all()


@given(st.integers(2, 6), st.integers(0, 2**32 - 1))
def test_a_key_is_shared_by_the_8_copies_and_by_nothing_one_cell_away(side, seed):
    rng = np.random.default_rng(seed)
    walls = rng.random((1, side, side)) < 0.5
    assert {int(wall_key(copy)[0]) for copy in eight_copies(walls)} == {int(wall_key(walls)[0])}
    near = walls.copy()
    near[0, rng.integers(side), rng.integers(side)] ^= True  # one wall more or less: no copy of the same layout
    assert wall_key(near)[0] != wall_key(walls)[0]


# Grids and their labels


@pytest.mark.parametrize("size", [4, 9, 14])
def test_labels_mark_what_a_plain_search_reaches_and_the_wave_runs_far(size):
    task = ReachTask(size)
    batch = task.sample(12, np.random.default_rng(0))
    assert batch["inputs"].shape == batch["labels"].shape == (12, size * size)
    assert batch["inputs"].dtype == batch["labels"].dtype == np.int64
    for inputs, label in zip(batch["inputs"], batch["labels"], strict=True):
        moves = moves_from((inputs != WALL).reshape(size, size), int(inputs.argmax())).ravel()
        assert (inputs == START).sum() == 1 and (inputs <= START).all() and moves.max() >= size
        assert (label == np.where(moves > 0, REACHED, inputs)).all()
    assert task.check(batch["inputs"], batch["labels"]).all()
    assert not task.check(batch["inputs"], batch["inputs"]).any()


def test_most_grids_have_open_cells_that_are_not_reached():
    labels = ReachTask().sample(300, np.random.default_rng(1))["labels"]
    assert (labels == OPEN).any(1).mean() > 0.75


def test_one_wrong_cell_makes_an_answer_wrong_and_is_named():
    task = ReachTask()
    batch = task.sample(5, np.random.default_rng(2))
    for inputs, label in zip(batch["inputs"], batch["labels"], strict=True):
        assert task.wrong_cells(inputs, label, label) == task.wrong_cells(inputs, None, label) == []
        for cell in range(0, 64, 7):
            answer = label.copy()
            answer[cell] = REACHED if answer[cell] != REACHED else OPEN
            assert not task.check(inputs[None], answer[None])[0]
            assert task.wrong_cells(inputs, label, answer) == task.wrong_cells(inputs, None, answer) == [cell]


def test_a_grid_without_a_start_is_answered_by_itself():
    nowhere = np.array([[OPEN, WALL, OPEN, OPEN]])
    assert (fill(nowhere) == nowhere).all()


def test_walls_and_start_are_given():
    task = ReachTask()
    inputs = task.read("S#/..")[0]["inputs"][0]
    assert task.given(inputs).tolist() == [True, True, False, False]


# Held out


@pytest.mark.parametrize("size", [4, 5])
def test_no_held_out_wall_layout_is_trained_on_up_to_symmetry(size):
    task = ReachTask(size)

    def layouts(batch):
        walls = (batch["inputs"] == WALL).reshape(-1, size, size)
        return {min(copy.tobytes() for copy in eight_copies(wall)) for wall in walls}

    held_out, trained = layouts(task.held_out(500)), layouts(task.sample(8000, np.random.default_rng(0)))
    assert len(held_out) > 100 and len(trained) > 1000
    assert not held_out & trained


def test_held_out_grids_are_always_the_same_none_twice_and_few_are_the_first_of_many():
    task, other = ReachTask(), ReachTask()
    few, many = task.held_out(10), task.held_out(300)
    assert len(np.unique(many["inputs"], axis=0)) == 300
    for name in many:
        assert (few[name] == many[name][:10]).all() and (other.held_out(300)[name] == many[name]).all()


def test_held_out_grids_can_have_another_size():
    task = ReachTask(6, eval_size=11)
    assert (task.seq_len, task.held_out_shape()) == (36, (11, 11))
    batch = task.held_out(20)
    assert batch["inputs"].shape == (20, 121) and task.shape_of(batch) == (11, 11)
    assert task.check(batch["inputs"], batch["labels"]).all()


def test_the_same_generator_gives_the_same_grids():
    task = ReachTask()
    a, b = (task.sample(50, np.random.default_rng(5)) for _ in range(2))
    assert all((a[name] == b[name]).all() for name in a)


# Wrong settings, what the task says of itself, typed grids


@pytest.mark.parametrize(
    ("options", "start"), [({"size": 3}, "size=3 "), ({"size": 61}, "size=61 "), ({"eval_size": 1}, "eval_size=1 ")]
)
def test_sizes_that_cannot_be_are_refused(options, start):
    expected = "cannot be: a grid to flood has cells a side, 4 to 60; give such a number, or 0 for its own"
    assert error_of(ReachTask, **options) == start + expected


def test_the_board_names_every_token():
    task = ReachTask(5)
    board = task.board()
    assert (board["kind"], board["rows"], board["cols"], board["box"]) == ("path", 5, 5, None)
    assert len(board["symbols"]) == len(board["roles"]) == task.vocab_size == len(SYMBOLS) == len(ROLES)
    assert (task.name, TASK_PRESETS["reach"]["mixer"]) == ("reach", "conv") and task.title and task.help


def test_the_example_is_the_first_held_out_grid():
    for task in (ReachTask(), ReachTask(6, eval_size=8)):
        puzzles, remark = task.read(task.example())
        held_out = task.held_out(1)
        assert remark == "" and all((puzzles[name] == held_out[name]).all() for name in held_out)


def test_a_typed_grid_may_have_any_shape():
    puzzles, remark = ReachTask().read("S.#\n#.#\n...\n#.#")
    assert remark == "The grid is 4 x 3; walls make it a square of 4 x 4."
    o, w = REACHED, WALL
    assert puzzles["labels"][0].tolist() == [START, o, w, w, w, o, w, w, o, o, o, w, w, o, w, w]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("S.G./....", "'G' stands in the grid 'S.G./....'; allowed are '#', ' ', '.', 'o', 'S'"),
        ("..\n..", "the grid has 0 cells S; it must have exactly one"),
        ("S.\nS.", "the grid has 2 cells S; it must have exactly one"),
    ],
)
def test_text_that_is_no_grid_is_refused_in_one_sentence(text, sentence):
    assert error_of(ReachTask().read, text) == sentence
