"""Which held-out puzzle a run records, so that its refinement can be watched."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from trm_explore.config import TrainConfig
from trm_explore.model import Batch
from trm_explore.tasks.base import Task, judged
from trm_explore.training.trajectory import inputs_of


class RecordedExample(NamedTuple):
    """The held-out puzzle whose trajectory a run records, as a batch of one."""

    batch: Batch
    label: str


def recorded_example(task: Task, config: TrainConfig) -> RecordedExample:
    """The chosen held-out puzzle, or the one with the fewest givens: there is most to refine in it."""
    if config.shown_puzzle is None:
        held_out = task.held_out(config.eval_puzzles)
        can = judged(task, held_out)  # of the others nobody could see whether they get better
        i = int(np.where(can, task.given(inputs_of(held_out)).sum(1), np.iinfo(np.int64).max).argmin())
    else:
        held_out = task.held_out(config.shown_puzzle + 1)
        i = config.shown_puzzle
        if i >= len(held_out["labels"]):
            raise ValueError(
                f"shown_puzzle={i} is not there: {len(held_out['labels'])} puzzles are held out, counted from 0"
            )
    one = {name: value[i : i + 1] for name, value in held_out.items()}
    beside = task.companions()
    if beside is not None:
        one = {name: np.concatenate([value, beside[name]]) for name, value in one.items()}
    return RecordedExample(one, f"held-out puzzle {i}")
