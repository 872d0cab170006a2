"""The tasks: what a batch is, what "solved" means, how a board is drawn. One file a task; TASKS is a plain dict.

config = preset("sudoku4", "tiny")                    # a RunConfig that learns it
task, config = resolve(config)                        # the task, and the config with its lengths filled in
task, config = resolve("sudoku4")                     # the same
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from trm_explore.config import DataConfig, RunConfig, guide_names
from trm_explore.config.checks import nearest, shown
from trm_explore.config.presets import TASK_PRESETS, preset_settings
from trm_explore.data.folder import is_published
from trm_explore.tasks.addition import AdditionTask
from trm_explore.tasks.base import RealTask, Task
from trm_explore.tasks.custom import CustomTask
from trm_explore.tasks.embeddings.task import EmbeddingsTask
from trm_explore.tasks.folder import DESCRIPTION, FolderTask, describe
from trm_explore.tasks.maze import MazeTask
from trm_explore.tasks.parity import ParityTask
from trm_explore.tasks.poisson import PoissonTask
from trm_explore.tasks.published_folder import PublishedTask, published_preset
from trm_explore.tasks.reach import ReachTask
from trm_explore.tasks.sorting import SortingTask
from trm_explore.tasks.sudoku import SudokuTask
from trm_explore.tasks.swirl import SwirlTask

__all__ = ["GENERATED", "TASKS", "TASK_PRESETS", "RealTask", "Task", "preset", "resolve", "as_run_config"]


def _sudoku(size: int) -> Callable[[RunConfig], Task]:
    def make(config: RunConfig) -> Task:
        p = config.puzzles
        return SudokuTask(size, p.data, p.eval_data, p.difficulty, p.pool_size, config.train.seed)

    return make


class _Tasks(dict[str, Callable[[RunConfig], Task]]):
    """A dict whose repr is its names."""

    def __repr__(self) -> str:
        return f"TASKS({', '.join(self)})"


TASKS = _Tasks(
    {
        "sudoku4": _sudoku(4),
        "sudoku6": _sudoku(6),
        "sudoku9": _sudoku(9),
        "maze": lambda config: MazeTask(
            config.puzzles.size, config.puzzles.eval_size, config.puzzles.loops, config.model.seq_len
        ),
        "reach": lambda config: ReachTask(config.puzzles.size, config.puzzles.eval_size),
        "addition": lambda config: AdditionTask(config.puzzles.size, config.puzzles.eval_size, config.puzzles.base),
        "sorting": lambda config: SortingTask(config.puzzles.size, config.puzzles.eval_size),
        "parity": lambda config: ParityTask(config.puzzles.size, config.puzzles.eval_size),
        "swirl": lambda config: SwirlTask(),
        "poisson": lambda config: PoissonTask(config.puzzles.size, config.puzzles.eval_size),
        "embeddings": lambda config: EmbeddingsTask(
            config.puzzles.data, config.model.causal, config.train.seed, config.puzzles.eval_data
        ),
    }
)
GENERATED = tuple(name for name in TASKS if name != "embeddings")  # those that need no files


def preset(task: str | Any = "sudoku4", size: str = "tiny", /, **flat: Any) -> RunConfig:
    """The settings that learn a task: those of the preset `size`, with the task's own numbers in it; flat fields
    override both.

        preset("sudoku4", enable_deep_supervision=True, updates=200)

    `task`: a name, a folder with a task.json, or a task object. `size`: tiny, small or paper, an advice of the guide,
    or a published recipe. ValueError for an unknown task, size or setting, and for a value that is not allowed.
    """
    task, flat = str(task) if isinstance(task, Path) else task, guide_names(flat)
    own = task_preset(task, flat)
    return RunConfig.from_preset(size, **{"task": task, **preset_settings(own, size, flat), **flat})


def task_preset(task: Any, flat: dict[str, Any] | None = None) -> dict[str, Any]:
    """What a task needs to be learned, beside the preset's own numbers."""
    if not isinstance(task, str):
        return _own_preset(task, getattr(task, "preset", {}))
    if task == "embeddings" and flat and flat.get("data"):  # as wide as the data, as in the guide
        width = EmbeddingsTask(flat["data"]).vocab_size
        heads = next((h for h in (16, 8, 4, 2, 1) if width % (2 * h) == 0), 1)  # rope wants an even width a head
        return TASK_PRESETS[task] | {"hidden_size": width, "num_heads": heads}
    if task in TASK_PRESETS:
        return dict(TASK_PRESETS[task])
    if is_published(_known(task)) and not _described(task):
        return published_preset(task)
    return _own_preset(task, describe(task).get("preset", {}))


def _own_preset(task: Any, given: Any) -> dict[str, Any]:
    """The settings that a task of one's own asks for; which task, size and folder a run has is not its to say."""
    if not isinstance(given, dict):
        raise ValueError(f"task={shown(task)}: its preset must be a dict of settings, not {type(given).__name__}")
    for name in ("task", "preset", "out"):
        if name in given:
            raise ValueError(f"task={shown(task)}: its preset may not set {shown(name)}; leave it out")
    return dict(given)


def as_run_config(run: RunConfig | str | Any, /, **flat: Any) -> RunConfig:
    """The config itself; of a task (its name, a folder, an object) its preset. Flat fields override both. ValueError
    where it is neither."""
    if isinstance(run, RunConfig):
        return run.with_flat(**flat) if flat else run
    if isinstance(run, dict):
        raise ValueError(f"{shown(run)} is a dict of settings; give RunConfig.from_flat(...) of it")
    return preset(run, **flat)


def resolve(config: RunConfig | str | Any) -> tuple[Task, RunConfig]:
    """The task of a run, and its config with vocab_size, seq_len and input_size filled in. A task (its name, a folder
    with a task.json, an object) stands for its preset. ValueError where the config contradicts the task."""
    config = as_run_config(config)
    task = _task_of(config)
    defaults = DataConfig()
    for name in DataConfig.__dataclass_fields__:
        value = getattr(config.puzzles, name)
        if name not in task.accepted_data_fields and value != getattr(defaults, name):
            raise ValueError(f"{name}={shown(value)} has no meaning for the task {task.name}; leave it out")
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
    lengths |= _identifiers(task, config)
    if task.loops_over_positions:  # the positions are its steps: a window stays one update, its carry starts anew
        lengths |= {"halt_max_steps": None, "supervision_steps": None}
    return task, config.with_flat(**lengths)


def _task_of(config: RunConfig) -> Task:
    if not isinstance(config.task, str):
        return CustomTask(config.task)
    if config.task.startswith("custom:"):
        raise ValueError(
            f"task={shown(config.task)} was a Python object, which no file can hold; give it again: "
            "resolve(config.with_flat(task=your_object))"
        )
    name = _known(config.task)
    if name in TASKS:
        return TASKS[name](config)
    return FolderTask(name) if _described(name) else PublishedTask(name, config.train.seed)


def _check_sizes(task: Task, config: RunConfig) -> None:
    """Whether the network can take held-out puzzles of another size."""
    rows, cols = task.held_out_shape()
    m = config.model
    if (rows, cols) != (task.rows, task.cols) and m.fixed_length:
        bound = f"mixer={m.mixer}" if m.mixing.fixed_length else "pos_encodings=learned"
        raise ValueError(
            f"eval_size={config.puzzles.eval_size} is another size than in training, but a network with {bound} is "
            "bound to one length; take mixer=conv or attention with rope, or leave eval_size out"
        )


def _identifiers(task: Task, config: RunConfig) -> dict[str, int]:
    """Where puzzles have a vector each: the rows of their table, as the task's folder says."""
    needed, given = getattr(task, "num_puzzle_identifiers", 0), config.model.num_puzzle_identifiers
    if 0 < given < needed:
        raise ValueError(
            f"num_puzzle_identifiers={given} is too small for the task {task.name}, which has {needed}; leave it out"
        )
    return {"num_puzzle_identifiers": needed} if needed and config.model.puzzle_emb_len and not given else {}


def _known(name: str) -> str:
    """A task's name or a folder's path, as it is."""
    if name not in TASKS and not _described(name) and not is_published(name):
        folder = f", and there is no file {Path(name) / DESCRIPTION}" if "/" in name or os.path.isdir(name) else ""
        raise ValueError(
            f"task={shown(name)} is not known; allowed are {', '.join(TASKS)}{folder}{nearest(name, TASKS)}"
        )
    return name


def _described(folder: str) -> bool:
    """Whether a folder has a task.json; one that has is read by it, whatever else it holds."""
    return os.path.isfile(os.path.join(folder, DESCRIPTION))  # whatever the name: no error
