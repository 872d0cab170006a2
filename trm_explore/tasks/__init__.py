"""The tasks: what a batch is, what "solved" means, how a board is drawn. One file a task; TASKS is a plain dict.

config = preset("sudoku4", "tiny")                    # a RunConfig that learns it
task, config = resolve(config)                        # the task, and the config with its lengths filled in
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np

from trm_explore.config import RunConfig
from trm_explore.tasks.sudoku import SudokuTask


class Task(Protocol):
    """What every task offers. Arrays are NumPy, tokens int64; N puzzles, L positions."""

    name: str
    title: str
    help: str  # what the task shows, one or two sentences
    rows: int
    cols: int
    seq_len: int
    vocab_size: int

    def prepare(self) -> Iterator[tuple[int, int]]:
        """(done, total) while something must be made first; nothing when all is there."""

    def sample(self, n: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """n training puzzles: inputs (n, L), labels (n, L)."""

    def held_out(self, n: int) -> dict[str, np.ndarray]:
        """At most n held-out puzzles, always the same ones, apart from the training ones up to symmetry."""

    def check(self, inputs: np.ndarray, answers: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
        """(N,) bool: which whole answers are right, by the task's rules."""

    def wrong_cells(self, inputs: np.ndarray, labels: np.ndarray | None, answers: np.ndarray) -> list[int]:
        """One puzzle's (L,): positions to mark."""

    def board(self) -> dict[str, Any]:
        """How it is drawn: rows, cols, box, symbols."""


def _sudoku(size: int) -> Callable[[RunConfig], Task]:
    def make(config: RunConfig) -> Task:
        p = config.puzzles
        return SudokuTask(size, p.data, p.eval_data, p.difficulty, p.pool_size, config.train.seed)

    return make


TASKS: dict[str, Callable[[RunConfig], Task]] = {
    "sudoku4": _sudoku(4),
    "sudoku6": _sudoku(6),
    "sudoku9": _sudoku(9),
}
# What a task needs to be learned, beside the preset's own numbers.
TASK_PRESETS: dict[str, dict[str, Any]] = {
    "sudoku4": {},
    "sudoku6": {"batch_size": 64, "lr": 4e-3, "updates": 600},
    "sudoku9": {"batch_size": 64, "lr": 3e-3, "updates": 1500},
}


def preset(task: str = "sudoku4", size: str = "tiny", **flat: Any) -> RunConfig:
    """The named size's run with the task's own numbers in it; flat fields override both."""
    own = TASK_PRESETS[_known(task)] if size == "tiny" else {}
    return RunConfig.from_preset(size, **{"task": task, **own, **flat})


def resolve(config: RunConfig) -> tuple[Task, RunConfig]:
    """The task, and the config with vocab_size and seq_len filled in; ValueError where they contradict the task."""
    task = TASKS[_known(config.task)](config)
    for name, own in (("vocab_size", task.vocab_size), ("seq_len", task.seq_len)):
        given = getattr(config.model, name)
        if given not in (None, own):
            raise ValueError(f"{name}={given} does not fit the task {task.name}, whose {name} is {own}; leave it out")
    return task, config.with_flat(vocab_size=task.vocab_size, seq_len=task.seq_len)


def _known(name: str) -> str:
    if name not in TASKS:
        raise ValueError(f"task={name!r} is not known; allowed are {', '.join(TASKS)}")
    return name
