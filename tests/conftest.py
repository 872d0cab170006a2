"""What all tests share: one thread, the same random examples in every run, and a tiny task, batch and run."""

import os

import pytest
import torch
from hypothesis import settings

from trm_explore.config import RunConfig
from trm_explore.model import RecursiveModel
from trm_explore.tasks.sudoku import SudokuTask

# One thread: sums are then the same in every run, and test processes side by side do not fight for the cores.
torch.set_num_threads(1)
# The same examples every time, and no deadline: a busy machine must not turn a test red.
settings.register_profile("trm_explore", derandomize=True, deadline=None, max_examples=50, database=None)
settings.load_profile("trm_explore")

LARGE = bool(os.environ.get("TRM_EXPLORE_LARGE"))  # the few tests, too, that repeat at length what others show
large = pytest.mark.skipif(not LARGE, reason="repeats others at length; TRM_EXPLORE_LARGE=1 runs it")


def examples(count: int) -> settings:
    """So many random examples with TRM_EXPLORE_LARGE=1, else a quarter of them."""
    return settings(max_examples=count if LARGE else count // 4)


TINY = {
    "task": "sudoku4",
    "hidden_size": 16,
    "num_heads": 2,
    "swiglu_multiple": 8,
    "batch_size": 4,
    "updates": 4,
    "eval_puzzles": 6,
    "threads": 1,
    "device": "cpu",
}


def pytest_collection_modifyitems(items):
    """Files that open a browser first: they take longest, and of several test processes none should begin one when the
    others are done."""
    slow = {item.path for item in items if item.get_closest_marker("browser")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session")
def task():
    """4x4 Sudoku, ready."""
    task = SudokuTask(4)
    list(task.prepare())
    return task


@pytest.fixture(scope="session")
def tiny_run():
    """tiny_run(lr=1e-2): the RunConfig of a run that takes milliseconds an update."""
    return lambda **flat: RunConfig.from_flat(TINY | flat)


@pytest.fixture(scope="session")
def batch():
    """Five 4x4 boards of random tokens in which some cells are unlabelled, none in the last."""
    generator = torch.Generator().manual_seed(1)
    inputs, labels = torch.randint(0, 6, (2, 5, 16), generator=generator)
    labels[torch.rand(5, 16, generator=generator) < 0.3] = -100
    labels[-1].clamp_(min=2)
    return {"inputs": inputs, "labels": labels, "board": (4, 4)}


@pytest.fixture(scope="session")
def make_model(tiny_run):
    """make_model(mixer="conv"): a tiny model for `batch`; halting head and norms shaken so that nothing is 0 by
    chance."""

    def make(seed=0, **flat):
        run = tiny_run(vocab_size=6, seq_len=16, **flat)
        model = RecursiveModel(run.model, run.supervision, run.train, seed=seed)
        with torch.no_grad():
            model.q_head.weight.normal_(generator=torch.Generator().manual_seed(seed + 1))
            model.q_head.bias.zero_()
        return model

    return make
