"""Recording: what one inference looked like, step by step, as plain NumPy on the CPU.

    trajectory = record(model, task_batch, H_cycles=8)     # more cycles than in training: allowed
    trajectory.answers[k]                                  # (B, L) tokens after step k
    frame_of(trajectory, task)                             # one puzzle of it, as JSON for the player

Shapes: S steps, B puzzles, L positions, D width.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from trm_explore.model import Batch, RecursiveModel
from trm_explore.supervision import IGNORE, puzzle_losses
from trm_explore.tasks import Task


@dataclass(frozen=True)
class Trajectory:
    """One recorded inference. All arrays are float32 but the tokens (int64)."""

    inputs: np.ndarray  # (B, L) tokens
    labels: np.ndarray | None  # (B, L) tokens, IGNORE where unlabelled; None: not known
    answers: np.ndarray  # (S, B, L) tokens: the most probable symbol
    confidence: np.ndarray  # (S, B, L) its probability
    entropy: np.ndarray  # (S, B, L) of the symbols' distribution, in nats
    loss: np.ndarray | None  # (S, B) mean cross-entropy over labelled cells, in nats
    halt: np.ndarray  # (S, B) probability that the halting head gives to "the answer is right"
    change_H: np.ndarray  # (S, B) |z_H - z_H before| / |z_H before|, Frobenius norm over (L, D)
    change_L: np.ndarray  # (S, B) the same of z_L
    z_H: np.ndarray | None = None  # (S, B, L, D), where asked for
    z_L: np.ndarray | None = None

    @property
    def n_steps(self) -> int:
        return len(self.answers)


@torch.no_grad()
def record(
    model: RecursiveModel,
    batch: Batch,
    *,
    H_cycles: int | None = None,
    L_cycles: int | None = None,
    keep_states: bool = False,
    before_call: Callable[[], None] | None = None,
) -> Trajectory:
    """Runs the model from fresh states on a batch (tensors or arrays: inputs (B, L), labels if known) and records
    every step.

    The model is left as it was: no gradient, no mode change, no random number. Raises ValueError for batches that do
    not fit.
    """
    for name, value in (("H_cycles", H_cycles), ("L_cycles", L_cycles)):
        if value is not None and value < 1:
            raise ValueError(f"{name}={value} must be at least 1")
    batch = to_device(batch, model.H_init.device)
    labels = batch.get("labels")
    carry = model.start(model.initial_carry(batch), batch)
    before = carry
    kept: dict[str, list[Tensor]] = {}
    for cycle in model.cycles(carry, H_cycles=H_cycles, L_cycles=L_cycles, before_call=before_call):
        log_p = cycle.logits.log_softmax(-1)
        confidence, answers = log_p.exp().max(-1)
        step = {
            "answers": answers,
            "confidence": confidence,
            "entropy": -(log_p.exp() * log_p).sum(-1),
            "halt": cycle.q_halt.sigmoid(),
            "change_H": relative_change(before.z_H, cycle.z_H),
            "change_L": relative_change(before.z_L, cycle.z_L),
        }
        if labels is not None:
            step["loss"] = puzzle_losses(cycle.logits, labels)
        if keep_states:
            step |= {"z_H": cycle.z_H.float(), "z_L": cycle.z_L.float()}
        for name, value in step.items():
            kept.setdefault(name, []).append(value.cpu())
        before = cycle
    arrays = {name: torch.stack(values).numpy() for name, values in kept.items()}
    return Trajectory(
        inputs=batch["inputs"].cpu().numpy(),
        labels=None if labels is None else labels.cpu().numpy(),
        **{"loss": None, **arrays},
    )


def frame_of(
    trajectory: Trajectory, task: Task, *, item: int = 0, label: str = "", update: int | None = None
) -> dict[str, Any]:
    """Puzzle `item` as JSON, for the player and the ribbon: board, given cells, target, and per step tokens,
    confidence, wrong cells, loss, halting."""
    inputs = trajectory.inputs[item]
    labels = None if trajectory.labels is None else trajectory.labels[item]
    if labels is not None and (labels == IGNORE).all():
        labels = None
    steps = []
    for k in range(trajectory.n_steps):
        answers = trajectory.answers[k, item]
        steps.append(
            {
                "ids": answers.tolist(),
                "conf": [round(float(c), 2) for c in trajectory.confidence[k, item]],
                "wrong": task.wrong_cells(inputs, labels, answers),
                "loss": None if trajectory.loss is None or labels is None else _number(trajectory.loss[k, item]),
                "halt": _number(trajectory.halt[k, item]),
                "change": _number(trajectory.change_H[k, item]),
            }
        )
    return {
        "update": update,
        "label": label,
        "board": task.board(),
        "inputs": inputs.tolist(),
        "given": task.given(inputs).astype(int).tolist(),
        "target": None if labels is None else labels.tolist(),
        "steps": steps,
    }


def _number(value: np.floating) -> float | None:
    return float(f"{value:.4g}") if np.isfinite(value) else None


def relative_change(before: Tensor, after: Tensor) -> Tensor:
    """(B,) how far the state moved, in units of its own size: it falls to 0 at a fixed point."""
    before, after = before.float().flatten(1), after.float().flatten(1)
    return (after - before).norm(dim=1) / before.norm(dim=1).clamp(min=1e-12)


def to_device(batch: Batch, device: torch.device | str) -> Batch:
    """The batch with arrays as tensors on the device; other entries (the board's shape) as they are."""

    def move(value: Any) -> Any:
        if isinstance(value, np.ndarray):
            value = torch.from_numpy(value)
        return value.to(device) if isinstance(value, Tensor) else value

    return {name: move(value) for name, value in batch.items()}


def labelled_cells_right(answers: Tensor, labels: Tensor) -> Tensor:
    """(B,) the part of a puzzle's labelled cells that are right."""
    scored = labels != IGNORE
    return ((answers == labels) & scored).sum(1) / scored.sum(1).clamp(min=1)
