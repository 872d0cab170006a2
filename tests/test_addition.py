"""tasks/addition.py against sums that Python does itself."""

import itertools
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trm_explore.config.presets import TASK_PRESETS
from trm_explore.tasks.addition import DIGITS, AdditionTask


def shown(task, row):
    """The three rows of one board as text."""
    return ["".join(task.symbols[token] for token in line) for line in np.asarray(row).reshape(3, -1)]


def written(number, base):
    """A number's digits in a base, as text."""
    digits = ""
    while number or not digits:
        number, digit = divmod(number, base)
        digits = DIGITS[digit] + digits
    return digits


def longest_carry(task, row):
    """The most columns in a row that one carry comes into."""
    a, b, total = ([int(c, 16) for c in line.zfill(task.size + 1)] for line in shown(task, row))
    runs = "".join("1" if (s - x - y) % task.base == 1 else " " for x, y, s in zip(a, b, total, strict=True))
    return max(map(len, runs.split(" ")))


@pytest.mark.parametrize("base", range(2, 17))
def test_every_label_is_the_sum_of_the_numbers_above_it(base):
    task = AdditionTask(size=9, base=base)
    batch = task.sample(200, np.random.default_rng(base))
    assert batch["inputs"].shape == batch["labels"].shape == (200, 30)
    assert batch["inputs"].dtype == batch["labels"].dtype == np.int64
    assert batch["labels"].max() < task.vocab_size == len(task.symbols) == base + 2
    for inputs, labels in zip(batch["inputs"], batch["labels"], strict=True):
        a, b, total = shown(task, labels)
        assert int(a, base) + int(b, base) == int(total, base)
        assert shown(task, inputs) == [a, b, " " * 10]


@given(st.data(), st.integers(2, 16))
def test_a_typed_addition_gives_the_sum(data, base):
    a, b = data.draw(st.integers(0, base**12 - 1)), data.draw(st.integers(0, base**12 - 1))
    task = AdditionTask(size=6, base=base)
    puzzle, remark = task.read(f" {written(a, base)} + {written(b, base).upper()}\n")
    rows, cols = task.shape_of(puzzle)
    digits = max(len(written(a, base)), len(written(b, base)))
    assert rows == 3 and cols == max(digits, 6) + 1 and puzzle["inputs"].shape == (1, 3 * cols)
    assert [int(line, base) for line in shown(task, puzzle["labels"][0])] == [a, b, a + b]
    assert bool(remark) == (digits > 6)


@pytest.mark.parametrize(
    "text", ["", "+", "12", "1+", "+1", "1+2+3", "12+1x", "-1+2", "1 2+3", "1+٣", "1.5+2", "9+a", "1" * 65 + "+1"]
)
def test_what_is_no_addition_is_refused_in_one_sentence(text):
    with pytest.raises(ValueError, match=r"puzzle.*(such as |shorten it)") as error:
        AdditionTask(base=10).read(text)
    assert "\n" not in str(error.value).replace(text, "")


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"base": 1}, "base=1 is no base known here; allowed are 2 to 16, or 0 for base 10"),
        ({"base": 17}, "base=17 is no base known here; allowed are 2 to 16, or 0 for base 10"),
        (
            {"size": 3},
            "size=3 is no length for the numbers to add; allowed are 4 to 64 digits, or 0 for the task's own",
        ),
        (
            {"eval_size": 65},
            "eval_size=65 is no length for the numbers to add; allowed are 4 to 64 digits, or 0 for the task's own",
        ),
    ],
)
def test_a_size_or_base_that_cannot_be_is_refused(wrong, sentence):
    with pytest.raises(ValueError) as error:
        AdditionTask(**wrong)
    assert str(error.value) == sentence


@pytest.mark.parametrize(("size", "base"), [(4, 2), (4, 3), (5, 2), (6, 10), (8, 16)])
def test_no_held_out_sum_can_be_met_in_training_not_even_with_digits_exchanged_within_columns(size, base):
    task = AdditionTask(size, base=base)

    def keys(batch):
        numbers = batch["inputs"].reshape(-1, 3, size + 1)[:, :2]
        return {row.tobytes() for row in np.sort(numbers, axis=1)}

    trained, held = keys(task.sample(5000, np.random.default_rng(1))), keys(task.held_out(500))
    assert trained and held and not trained & held
    if base**size == 16:  # then the two sides can be counted out: three pairs a column
        assert len(held) + len(trained) == 3**4


def test_about_a_tenth_of_all_sums_is_held_out():
    task = AdditionTask(6)
    numbers = np.random.default_rng(2).integers(10, size=(20000, 2, 6))
    assert 0.09 < task._is_held_out(numbers).mean() < 0.11


@given(st.integers(0, 99999), st.integers(0, 99999), st.integers(0, 4))
def test_the_side_of_a_sum_does_not_hang_on_order_or_leading_zeros(a, b, zeros):
    task = AdditionTask(5)

    def side(*numbers, length=5):
        return task._is_held_out(np.array([[[int(c) for c in str(n).zfill(length)] for n in numbers]]))[0]

    assert side(a, b) == side(b, a) == side(a, b, length=5 + zeros)


def test_the_held_out_sums_are_always_the_same_and_a_smaller_number_is_their_beginning():
    first, again, fewer = AdditionTask().held_out(300), AdditionTask().held_out(300), AdditionTask().held_out(7)
    for name in ("inputs", "labels"):
        assert np.array_equal(first[name], again[name]) and np.array_equal(first[name][:7], fewer[name])


def test_a_carry_runs_through_the_whole_first_held_out_sum():
    task = AdditionTask()
    assert longest_carry(task, task.held_out(1)["labels"][0]) == 8


def test_the_held_out_numbers_may_be_longer_than_those_in_training():
    task = AdditionTask(size=5, eval_size=11)
    assert task.sample(2, np.random.default_rng(0))["inputs"].shape == (2, 18) == (2, task.seq_len)
    held = task.held_out(6)
    assert task.held_out_shape() == (3, 12) and held["inputs"].shape == (6, 36)
    assert all(int(a) + int(b) == int(total) for a, b, total in (shown(task, row) for row in held["labels"]))


def test_one_generator_gives_the_same_sums_twice_and_another_does_not():
    task = AdditionTask()
    one, same, other = (task.sample(50, np.random.default_rng(seed))["inputs"] for seed in (0, 0, 1))
    assert np.array_equal(one, same) and not np.array_equal(one, other)


def test_carries_run_far_more_often_than_in_numbers_drawn_by_chance():
    task = AdditionTask(size=8)
    made = [longest_carry(task, row) for row in task.sample(1000, np.random.default_rng(3))["labels"]]
    by_chance = task._batch(np.random.default_rng(3).integers(10, size=(1000, 2, 8)))["labels"]
    chance = [longest_carry(task, row) for row in by_chance]
    assert np.mean(np.array(made) >= 6) > 0.15 > 3 * np.mean(np.array(chance) >= 6)


def test_only_the_sum_is_not_given():
    task = AdditionTask(4)
    assert task.given(task.held_out(1)["inputs"])[0].tolist() == [True] * 10 + [False] * 5


def test_notes_say_where_the_answer_implies_a_carry():
    task = AdditionTask(4)
    puzzle, _ = task.read("0999+0001")
    right, inputs = puzzle["labels"][0], puzzle["inputs"][0]
    assert task.cell_annotations(inputs, right) == ["", "1", "1", "1", ""] + [""] * 10
    without_carries = right.copy()
    without_carries[10:] = np.array([0, 0, 9, 9, 0]) + 2  # only the last column has given its carry nowhere
    assert task.cell_annotations(inputs, without_carries)[:5] == ["", "", "", "", ""]
    two_too_many = right.copy()
    two_too_many[12] = 1 + 2  # 9 + 0 = 11 is no carry
    assert task.cell_annotations(inputs, two_too_many)[:5] == ["", "1", "", "1", ""]
    assert task.cell_annotations(inputs, inputs) == [""] * 15  # a blank says nothing


@pytest.mark.parametrize("base", [2, 10, 16])
def test_the_notes_of_a_right_answer_are_the_carries(base):
    task = AdditionTask(size=7, base=base)
    batch = task.sample(50, np.random.default_rng(8))
    for inputs, labels in zip(batch["inputs"], batch["labels"], strict=True):
        a, b, _ = shown(task, labels)
        for column, note in enumerate(task.cell_annotations(inputs, labels)[:8]):
            behind = [int("0" + number[column:], base) for number in (a, b)]  # they have no digit in column 0
            assert (note == "1") == (sum(behind) >= base ** (7 - column))


def test_one_wrong_digit_makes_the_answer_wrong_there():
    task = AdditionTask(4)
    batch = task.held_out(3)
    answers = batch["labels"].copy()
    assert task.check(batch["inputs"], answers, batch["labels"]).all()
    answers[1, 12] = (answers[1, 12] - 1) % 10 + 2
    assert task.check(batch["inputs"], answers, batch["labels"]).tolist() == [True, False, True]
    assert task.wrong_cells(batch["inputs"][1], batch["labels"][1], answers[1]) == [12]


@pytest.mark.parametrize(("size", "base"), [*itertools.product((4, 7, 8), (2, 3, 10, 16))])
def test_the_example_can_be_read_and_its_carry_runs_through_all_columns(size, base):
    task = AdditionTask(size, base=base)
    puzzle, remark = task.read(task.example())
    assert not remark and puzzle["inputs"].shape == (1, task.seq_len)
    assert longest_carry(task, puzzle["labels"][0]) == size
    if base > 3:
        assert task._is_held_out(puzzle["inputs"].reshape(1, 3, -1)[:, :2, 1:] - 2).all()


def test_the_board_names_every_token():
    board = AdditionTask(6, base=16).board()
    assert (board["kind"], board["rows"], board["cols"]) == ("digits", 3, 7)
    assert board["symbols"] == ["", " ", *"0123456789abcdef"]


def test_data_are_made_far_faster_than_they_are_used():
    task, rng = AdditionTask(), np.random.default_rng(0)
    began = time.process_time()
    for _ in range(10):
        task.sample(TASK_PRESETS["addition"]["batch_size"], rng)
    assert 10 * TASK_PRESETS["addition"]["batch_size"] / (time.process_time() - began) > 10_000
