"""The tasks: what a batch is, what "solved" means, how a board is drawn. One file a task; TASKS is a plain dict.

config = preset("sudoku4", "tiny")                    # a RunConfig that learns it
task, config = resolve(config)                        # the task, and the config with its lengths filled in
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from trm_explore.config import SIZES, RunConfig, guide_names
from trm_explore.tasks.base import RealTask, Task
from trm_explore.tasks.sudoku import SudokuTask

__all__ = ["TASKS", "TASK_PRESETS", "RealTask", "Task", "preset", "resolve"]


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
    """The named preset's run with the task's own numbers in it; flat fields override both."""
    own = dict(TASK_PRESETS[_known(task)]) if size not in SIZES or size == "tiny" else {}
    if "updates" in flat and "num_epochs" not in flat:
        own["num_epochs"] = None  # whoever says updates means them
    return RunConfig.from_preset(size, **{"task": task, **own, **guide_names(flat)})


def resolve(config: RunConfig) -> tuple[Task, RunConfig]:
    """The task, and the config with vocab_size, seq_len and input_size filled in; ValueError where they contradict the
    task."""
    task = TASKS[_known(config.task)](config)
    lengths = {"vocab_size": task.vocab_size, "seq_len": task.seq_len, "input_size": task.input_size}
    for name, own in lengths.items():
        given = getattr(config.model, name)
        if given not in (None, own):
            raise ValueError(f"{name}={given} does not fit the task {task.name}, whose {name} is {own}; leave it out")
    if config.train.num_epochs is not None and not task.in_epochs:
        raise ValueError(
            f"num_epochs={config.train.num_epochs} has no meaning for the task {task.name}, whose puzzles have no end; "
            "give updates"
        )
    _check_sizes(task, config)
    return task, config.with_flat(**lengths)


def _check_sizes(task: Task, config: RunConfig) -> None:
    """Whether the network can take held-out puzzles of another size."""
    rows, cols = task.held_out_shape()
    m = config.model
    if (rows, cols) != (task.rows, task.cols) and (m.mixer == "mlp" or m.pos_encodings == "learned"):
        bound = "mixer=mlp" if m.mixer == "mlp" else "pos_encodings=learned"
        raise ValueError(
            f"eval_size={config.puzzles.eval_size} is another size than in training, but a network with {bound} is "
            "bound to one length; take mixer=conv or attention with rope, or leave eval_size out"
        )


def _known(name: str) -> str:
    if name not in TASKS:
        raise ValueError(f"task={name!r} is not known; allowed are {', '.join(TASKS)}")
    return name
