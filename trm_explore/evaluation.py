"""How good is a model on a set of puzzles, at every step? The one place that decides what "right" means for training
and CLI."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch

from trm_explore.model import RecursiveModel
from trm_explore.supervision import puzzle_losses
from trm_explore.tasks import Task
from trm_explore.trajectory import labelled_cells_right, to_device


class Scores(NamedTuple):
    """Means over puzzles, one number a step, (S,) each."""

    loss: list[float]  # cross-entropy in nats, or squared error
    cell_accuracy: list[float]  # of labelled cells, the given ones included, as the published code counts
    exact_accuracy: list[float]  # whole answers right by the task's rules


@torch.no_grad()
def evaluate(
    model: RecursiveModel,
    task: Task,
    puzzles: dict[str, Any],
    *,
    H_cycles: int | None = None,
    batch_size: int = 256,
    before_call: Callable[[], None] | None = None,
) -> Scores:
    """Scores of `puzzles` (NumPy: inputs (N, L), labels (N, L)) at every one of H_cycles steps (None: the model's
    own)."""
    N = len(puzzles["inputs"])
    sums: np.ndarray | None = None  # (3, S)
    for first in range(0, N, batch_size):
        arrays = {name: value[first : first + batch_size] for name, value in puzzles.items()}
        batch = to_device(arrays, model.H_init.device) | {"board": (task.rows, task.cols)}
        carry = model.start(model.initial_carry(batch), batch)
        rows = []
        for cycle in model.cycles(carry, H_cycles=H_cycles, before_call=before_call):
            answers, labels = cycle.logits.argmax(-1), batch["labels"]
            right = task.check(arrays["inputs"], answers.cpu().numpy(), arrays["labels"])
            losses = puzzle_losses(cycle.logits, labels)
            rows.append([losses.sum().item(), labelled_cells_right(answers, labels).sum().item(), float(right.sum())])
        sums = np.array(rows).T + (0 if sums is None else sums)
    return Scores(*(sums / N).tolist())
