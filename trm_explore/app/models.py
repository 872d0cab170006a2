"""Which model is looked at: a recorded one of the task, or the visitor's own run; and how long it may compute."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from typing import Any

from trm_explore.analysis.thinking import LONGER, trained_cycles
from trm_explore.config import RunConfig
from trm_explore.config.checks import is_number
from trm_explore.data.assets import asset
from trm_explore.model import RecursiveModel
from trm_explore.model.cancel import cancel_check
from trm_explore.model.checkpoint import load_checkpoint
from trm_explore.model.cost import CPU_SPEED, answer_seconds, estimate
from trm_explore.runs.registry import Runs
from trm_explore.shipped.pairs import KINDS, checkpoint_name, load_pair, pair_names
from trm_explore.tasks import resolve
from trm_explore.tasks.base import Task
from trm_explore.words import refusals

NUMBERS = 256  # held-out puzzles that may be chosen, and that measurements take at most
MOST_CYCLES = 64
ANSWER_SECONDS = 8.0  # estimated, for one answer; a model that needs more is none for a page
PATIENCE = 60.0  # seconds after which a measurement ends whatever was estimated


@dataclass(frozen=True)
class Seen:
    """The model that is looked at, with its task."""

    model: RecursiveModel
    config: RunConfig
    task: Task
    shown: int  # held-out puzzle to begin with

    @property
    def trained(self) -> int:
        return min(trained_cycles(self.model), MOST_CYCLES)

    @property
    def most(self) -> int:
        """Cycles at inference, at most."""
        return min(LONGER * self.trained, MOST_CYCLES)


def model_for(source: Any, task: Any, run_id: Any, runs: Runs) -> Seen:
    """The model that `source` names: a recorded one of the task, or the visitor's own run."""
    if source == "run":
        run = runs.get(run_id) if isinstance(run_id, str) else None
        there = run.model() if run is not None else None
        if there is None:
            raise ValueError(refusals.NO_RUN)
        model, config = there
        if config.task != task:
            raise ValueError(refusals.OTHER_TASK.format(run=config.task, task=task))
        made, config = resolve(config)
        return Seen(model, config, _ready(made), _first_puzzle(task))
    if source not in KINDS:
        raise ValueError(refusals.BAD_SOURCE.format(source=str(source)[:40], allowed=", ".join((*KINDS, "run"))))
    if task not in pair_names():
        raise ValueError(refusals.NO_PAIR.format(task=str(task)[:40]))
    return recorded_model(task, source)


@cache
def recorded_model(task: str, kind: str) -> Seen:
    """A shipped model. Its task is shared by all visitors, so what it makes first is made here."""
    model, config = load_checkpoint(asset(f"{checkpoint_name(task, kind)}.safetensors"))
    made, config = resolve(config)
    return Seen(model, config, _ready(made), _first_puzzle(task))


def _ready(task: Task) -> Task:
    """What the task makes first is made now, and as many held-out puzzles as are asked for."""
    for _ in task.prepare():
        pass
    task.held_out(NUMBERS)
    return task


def _first_puzzle(task: Any) -> int:
    return load_pair(task)["shown_puzzle"] if task in pair_names() else 0


def cycles_of(seen: Seen, cycles: Any) -> int:
    """Cycles at inference; None: as in training."""
    if cycles is None:
        return seen.trained
    if not is_number(cycles) or cycles != int(cycles) or not 1 <= cycles <= seen.most:
        raise ValueError(refusals.BAD_CYCLES.format(cycles=cycles if is_number(cycles) else "?", most=seen.most))
    return int(cycles)


def seconds_of(seen: Seen, cycles: int) -> float:
    """Estimated for one puzzle of many in a batch, on one CPU thread."""
    config = seen.config
    return estimate(config).forward_operations / config.train.batch_size / config.model.H_cycles * cycles / CPU_SPEED


def not_too_slow(seen: Seen, cycles: int) -> None:
    seconds = answer_seconds(seen.config, cycles)
    if seconds > ANSWER_SECONDS:
        raise ValueError(refusals.SLOW_MODEL.format(seconds=seconds, cycles=cycles, most=ANSWER_SECONDS))


def patience() -> AbstractContextManager[None]:
    """Ends what takes too long, before any call of the network."""
    end = time.monotonic() + PATIENCE

    def check() -> None:
        if time.monotonic() > end:
            raise ValueError(refusals.SLOW_MODEL.format(seconds=PATIENCE, cycles="so many", most=PATIENCE))

    return cancel_check(check)
