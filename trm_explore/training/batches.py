"""Which puzzles an update works on: a puzzle stays in its place until it has halted, then a fresh one stands there.

Of several processes each has its part of the places; all draw the same fresh puzzles and keep those for their own.
"""

from __future__ import annotations

from typing import Any

from trm_explore.data.labels import labelled
from trm_explore.model import Batch, Carry
from trm_explore.model.carry import to_device
from trm_explore.tasks.base import Task
from trm_explore.training.state import TrainingState

TRIES = 1000  # batches in a row without a label before the data is taken to have none


def next_batch(state: TrainingState, task: Task) -> tuple[Carry, Batch]:
    """The carry, and a batch with fresh puzzles in the places of those that have halted (all of them at first).

    An update learns something: where no puzzle of the batch has a label, another batch is drawn. ValueError where none
    has one in a long row of them.
    """
    carry = state.carry
    for _ in range(TRIES):
        carry, batch = _filled(state, task, carry)
        there = bool(labelled(batch["labels"]).any())
        if state.processes.agree(there, state.device):
            return carry, batch
        carry = None
    B = state.config.train.batch_size
    raise ValueError(
        f"{task.name}: none of {TRIES * B:,} training puzzles in a row has a label, so there is nothing to learn from; "
        "give the puzzles labels"
    )


def _filled(state: TrainingState, task: Task, carry: Carry | None) -> tuple[Carry, Batch]:
    B, processes = state.config.train.batch_size, state.processes
    mine = processes.part(B)
    if carry is None:
        batch = _draw(state, task, B, mine) | {"board": (task.rows, task.cols)}
        return state.model.initial_carry(batch), batch
    batch, halted = dict(carry.data), processes.gather(carry.halted)
    before, here, everywhere = (int(x.sum()) for x in (halted[: mine.start], carry.halted, halted))
    if everywhere:
        for name, value in _draw(state, task, everywhere, slice(before, before + here)).items():
            batch[name] = batch[name].clone()
            batch[name][carry.halted] = value
    return carry, batch


def _draw(state: TrainingState, task: Task, n: int, mine: slice) -> dict[str, Any]:
    """The next n examples of the task; of them those that are this process's."""
    fresh = task.draw(n, state.data_rng, state.drawn)
    state.drawn += n
    return to_device({name: value[mine] for name, value in fresh.items()}, state.device)
