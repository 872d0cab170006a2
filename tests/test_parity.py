"""The running-parity task: labels, held-out rows, typed rows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trm_explore.config.presets import TASK_PRESETS
from trm_explore.tasks.parity import SYMBOLS, ParityTask, row_key


def error_of(make, *args, **options) -> str:
    with pytest.raises(ValueError) as error:
        make(*args, **options)
    sentence = str(error.value)
    assert "\n" not in sentence
    return sentence


def running_parity(bits: str) -> str:
    return "".join(str(bits[: i + 1].count("1") % 2) for i in range(len(bits)))


@given(st.text("01", min_size=1, max_size=40))
def test_a_label_counts_the_ones_up_to_each_place(bits):
    task = ParityTask()
    puzzles, remark = task.read(bits)
    inputs, labels = puzzles["inputs"], puzzles["labels"]
    assert remark == "" and task.shape_of(puzzles) == (1, len(bits))
    assert "".join(SYMBOLS[token] for token in inputs[0]) == bits
    assert "".join(SYMBOLS[token] for token in labels[0]) == running_parity(bits)
    assert task.check(inputs, labels).tolist() == [True]
    for i in range(len(bits)):
        answer = labels.copy()
        answer[0, i] = 3 - answer[0, i]
        assert task.check(inputs, answer).tolist() == [False]
        assert task.wrong_cells(inputs[0], labels[0], answer[0]) == [i]


def test_training_rows_are_random_bits_with_their_parities():
    task = ParityTask(12)
    batch = task.sample(2000, np.random.default_rng(0))
    assert batch["inputs"].shape == batch["labels"].shape == (2000, 12)
    assert batch["inputs"].dtype == batch["labels"].dtype == np.int64
    assert set(np.unique(batch["inputs"])) == {1, 2} == set(np.unique(batch["labels"]))
    assert 0.45 < (batch["inputs"] - 1).mean() < 0.55 and 0.45 < (batch["labels"] - 1).mean() < 0.55
    assert task.check(batch["inputs"], batch["labels"]).all()
    again = task.sample(2000, np.random.default_rng(0))
    assert all((batch[name] == again[name]).all() for name in batch)


@pytest.mark.parametrize("size", [8, 12])
def test_no_held_out_row_is_trained_on(size):
    task = ParityTask(size)
    held_out = {row.tobytes() for row in task.held_out(10**5)["inputs"]}
    trained = {row.tobytes() for row in task.sample(30_000, np.random.default_rng(0))["inputs"]}
    assert 2**size / 20 < len(held_out) < 2**size / 5 and not held_out & trained
    if size == 8:
        assert len(held_out) + len(trained) == 2**size  # every row is on one side


def test_different_rows_have_different_keys():
    bits = (np.arange(2**12)[:, None] >> np.arange(12)) & 1
    assert len(np.unique(row_key(bits))) == 2**12


def test_held_out_rows_are_always_the_same_and_few_are_the_first_of_many():
    few, many = ParityTask().held_out(10), ParityTask().held_out(400)
    assert len(np.unique(many["inputs"], axis=0)) == 400
    assert all((few[name] == many[name][:10]).all() for name in few)


def test_held_out_rows_can_be_longer():
    task = ParityTask(8, eval_size=40)
    batch = task.held_out(30)
    assert (task.rows, task.cols, task.seq_len, task.held_out_shape()) == (1, 8, 8, (1, 40))
    assert batch["inputs"].shape == (30, 40) and task.check(batch["inputs"], batch["labels"]).all()


@pytest.mark.parametrize(
    ("options", "start"), [({"size": 7}, "size=7 "), ({"size": 513}, "size=513 "), ({"eval_size": 1}, "eval_size=1 ")]
)
def test_sizes_that_cannot_be_are_refused(options, start):
    expected = "cannot be: a row has bits, 8 to 512; give such a number, or 0 for its own"
    assert error_of(ParityTask, **options) == start + expected


def test_the_task_says_what_it_is_and_no_place_is_given():
    task = ParityTask(10)
    board = task.board()
    assert (board["kind"], board["rows"], board["cols"], board["symbols"]) == ("grid", 1, 10, ["", "0", "1"])
    assert (task.name, TASK_PRESETS["parity"]["mixer"]) == ("parity", "conv") and task.title and task.help
    assert not task.given(task.held_out(2)["inputs"]).any()


def test_the_example_is_the_first_held_out_row():
    task = ParityTask(eval_size=20)
    puzzles, _ = task.read(task.example())
    assert all((puzzles[name] == task.held_out(1)[name]).all() for name in puzzles)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("0121", "'2' stands in the row '0121'; allowed are 0 and 1"),
        (" ", "the row '' has 0 bits; it must have 1 to 512"),
        ("01" * 300, f"the row '{'01' * 20}' has 600 bits; it must have 1 to 512"),
    ],
)
def test_text_that_is_no_row_is_refused_in_one_sentence(text, sentence):
    assert error_of(ParityTask().read, text) == sentence
