"""tasks/__init__.py: the tasks there are, their presets, and what resolve fills in or refuses."""

import numpy as np
import pytest

from trm_explore.config import PRESETS, RunConfig
from trm_explore.tasks import TASK_PRESETS, TASKS, preset, resolve

BOARDS = {"sudoku4": 4, "sudoku6": 6, "sudoku9": 9}


def test_the_tasks_are_the_three_sudokus():
    assert list(TASKS) == list(BOARDS) == list(TASK_PRESETS)


@pytest.mark.parametrize("name", TASKS)
def test_every_task_offers_what_a_task_must(name):
    task = TASKS[name](RunConfig(task=name))
    n = BOARDS[name]
    assert (task.name, task.rows, task.cols, task.seq_len, task.vocab_size) == (name, n, n, n * n, n + 2)
    assert task.title and task.help and task.board()["rows"] == n
    list(task.prepare())
    batch = task.sample(3, np.random.default_rng(0))
    assert batch["inputs"].shape == batch["labels"].shape == (3, n * n)
    assert task.check(batch["inputs"], batch["labels"]).all()
    assert not task.check(batch["inputs"], batch["inputs"]).any()
    assert task.wrong_cells(batch["inputs"][0], batch["labels"][0], batch["labels"][0]) == []
    assert len(task.held_out(5)["inputs"]) == 5


@pytest.mark.parametrize("name", TASKS)
@pytest.mark.parametrize("size", PRESETS)
def test_a_preset_has_the_sizes_numbers_and_the_tasks_where_it_is_tiny(name, size):
    config = preset(name, size)
    flat = config.to_flat()
    own = TASK_PRESETS[name] if size not in ("small", "paper") else {}
    assert (config.task, config.preset) == (name, size)
    expected = RunConfig().to_flat() | PRESETS[size] | own | {"task": name, "preset": size}
    assert flat == expected


def test_a_presets_numbers_can_be_overridden():
    assert preset("sudoku6").train.batch_size == 64 != preset("sudoku6", batch_size=8).train.batch_size == 8
    assert preset("sudoku4", "paper", hidden_size=256).model.hidden_size == 256


def test_preset_refuses_what_is_not_known():
    with pytest.raises(ValueError, match="^task='chess' is not known; allowed are sudoku4, sudoku6, sudoku9$"):
        preset("chess")
    with pytest.raises(
        ValueError,
        match="^preset='huge' is not known; allowed are tiny, small, paper, reasoning, generation, prototyping$",
    ):
        preset("sudoku4", "huge")
    with pytest.raises(ValueError, match="did you mean hidden_size?"):
        preset("sudoku4", hiden_size=3)


@pytest.mark.parametrize("name", TASKS)
def test_resolve_fills_in_vocabulary_and_length_and_nothing_else(name):
    asked = preset(name, seed=3)
    task, config = resolve(asked)
    assert (config.model.vocab_size, config.model.seq_len) == (task.vocab_size, task.seq_len)
    assert task.name == name
    assert config.with_flat(vocab_size=None, seq_len=None) == asked
    assert resolve(config)[1] == config  # its own numbers are no contradiction


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"vocab_size": 7}, "vocab_size=7 does not fit the task sudoku4, whose vocab_size is 6; leave it out"),
        ({"seq_len": 81}, "seq_len=81 does not fit the task sudoku4, whose seq_len is 16; leave it out"),
        ({"task": "maze"}, "task='maze' is not known; allowed are sudoku4, sudoku6, sudoku9"),
        (
            {"pool_size": 500},
            "pool_size=500 has no effect here: 4x4 puzzles are drawn from all there are; leave it out, or give 0",
        ),
    ],
)
def test_resolve_refuses_what_contradicts_the_task(wrong, sentence):
    with pytest.raises(ValueError) as error:
        resolve(RunConfig.from_flat(wrong))
    assert str(error.value) == sentence


def test_a_pool_size_beside_ones_own_puzzles_is_refused(tmp_path):
    path = tmp_path / "puzzles.csv"
    path.write_text("question,answer\n")
    with pytest.raises(ValueError, match="^pool_size=500 has no effect here: the puzzles come from .*puzzles.csv"):
        resolve(preset("sudoku9", data=str(path), pool_size=500))


def test_the_configs_data_settings_reach_the_task():
    task, _ = resolve(preset("sudoku9", difficulty="easy", pool_size=120, seed=5))
    assert (task.difficulty, task.pool_size, task.seed) == ("easy", 120, 5)
    givens = task.given(task.held_out(20)["inputs"]).sum(1)
    assert len(givens) and givens.min() >= 38
