"""tasks/sorting.py against Python's own sorted."""

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trm_explore.config.presets import TASK_PRESETS
from trm_explore.tasks.sorting import SortingTask, _is_held_out


def digits(rows):
    """(N, 2n) tokens -> given and lower rows as lists of digits."""
    upper, lower = np.split(np.asarray(rows) - 2, 2, axis=1)
    return upper.tolist(), lower.tolist()


def test_every_label_is_the_upper_row_and_the_same_digits_in_order():
    task = SortingTask(12)
    batch = task.sample(300, np.random.default_rng(0))
    assert batch["inputs"].shape == batch["labels"].shape == (300, 24) == (300, task.seq_len)
    assert batch["inputs"].dtype == batch["labels"].dtype == np.int64
    upper, lower = digits(batch["labels"])
    assert lower == [sorted(row) for row in upper]
    assert digits(batch["inputs"]) == (upper, [[-1] * 12] * 300)  # blanks
    assert {digit for row in upper for digit in row} == set(range(10))


@given(st.lists(st.integers(0, 9), min_size=4, max_size=64), st.sampled_from(["", " ", ",", ", "]))
def test_a_typed_row_is_sorted(row, between):
    task = SortingTask(10)
    puzzle, remark = task.read(between.join(map(str, row)))
    assert digits(puzzle["labels"]) == ([row], [sorted(row)])
    assert task.shape_of(puzzle) == (2, len(row)) and bool(remark) == (len(row) != 10)


@pytest.mark.parametrize("text", ["", "123", "1234x", "-1 2 3 4", "1.5 2 3", "1 2 3 ٣", "1" * 65])
def test_what_is_no_row_of_digits_is_refused_in_one_sentence(text):
    with pytest.raises(ValueError, match=r"is no row to sort; give 4 to 64 digits from 0 to 9, such as [\d ]+$"):
        SortingTask().read(text)


@pytest.mark.parametrize(("name", "value"), [("size", 3), ("size", -1), ("eval_size", 65)])
def test_a_length_that_cannot_be_is_refused(name, value):
    with pytest.raises(ValueError) as error:
        SortingTask(**{name: value})
    assert str(error.value) == (
        f"{name}={value} is no length for a row to sort; allowed are 4 to 64 digits, or 0 for the task's own"
    )


@pytest.mark.parametrize("size", [4, 5, 10])
def test_no_held_out_row_has_the_digits_of_a_training_row_in_any_order(size):
    task = SortingTask(size)
    trained, held = task.sample(20_000, np.random.default_rng(1)), task.held_out(2000)
    there, apart = ({tuple(sorted(row)) for row in digits(batch["inputs"])[0]} for batch in (trained, held))
    assert len(there) > 400 and len(apart) > 40 and not there & apart


def test_about_a_tenth_of_all_rows_is_held_out():
    rows = np.random.default_rng(2).integers(10, size=(20_000, 10))
    assert 0.09 < _is_held_out(rows).mean() < 0.11


def test_the_held_out_rows_are_always_the_same_and_a_smaller_number_is_their_beginning():
    first, again, fewer = SortingTask().held_out(500), SortingTask().held_out(500), SortingTask().held_out(7)
    assert np.array_equal(first["inputs"], again["inputs"]) and np.array_equal(first["inputs"][:7], fewer["inputs"])


def test_the_held_out_rows_may_be_longer_than_those_in_training():
    task = SortingTask(size=6, eval_size=15)
    assert task.sample(2, np.random.default_rng(0))["inputs"].shape == (2, 12)
    held = task.held_out(6)
    assert task.held_out_shape() == (2, 15) and held["inputs"].shape == (6, 30)
    upper, lower = digits(held["labels"])
    assert lower == [sorted(row) for row in upper]


def test_one_generator_gives_the_same_rows_twice_and_another_does_not():
    one, same, other = (SortingTask().sample(50, np.random.default_rng(seed))["inputs"] for seed in (0, 0, 1))
    assert np.array_equal(one, same) and not np.array_equal(one, other)


def test_only_the_lower_row_is_not_given_and_one_wrong_digit_there_makes_the_answer_wrong():
    task = SortingTask(5)
    batch = task.held_out(3)
    assert task.given(batch["inputs"]).tolist() == [[True] * 5 + [False] * 5] * 3
    answers = batch["labels"].copy()
    answers[1, 7] = 2 + (answers[1, 7] - 1) % 10
    assert task.check(batch["inputs"], answers, batch["labels"]).tolist() == [True, False, True]
    assert task.wrong_cells(batch["inputs"][1], batch["labels"][1], answers[1]) == [7]


@pytest.mark.parametrize("size", [4, 10, 23])
def test_the_example_can_be_read_falls_and_is_held_out(size):
    task = SortingTask(size)
    puzzle, remark = task.read(task.example())
    upper, lower = digits(puzzle["labels"])
    assert not remark and lower[0] == upper[0][::-1] and len(upper[0]) == size
    assert _is_held_out(np.array(upper)).all()


def test_the_board_is_two_rows_that_name_every_token():
    board = SortingTask(7).board()
    assert (board["kind"], board["rows"], board["cols"], len(board["symbols"])) == ("grid", 2, 7, 12)
    assert SortingTask(7).vocab_size == 12


def test_data_are_made_far_faster_than_they_are_used():
    task, rng = SortingTask(), np.random.default_rng(0)
    began = time.process_time()
    for _ in range(10):
        task.sample(TASK_PRESETS["sorting"]["batch_size"], rng)
    assert 10 * TASK_PRESETS["sorting"]["batch_size"] / (time.process_time() - began) > 10_000
