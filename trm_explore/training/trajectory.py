"""Recording: what one inference looked like, step by step, as plain NumPy on the CPU.

    trajectory = record(model, task_batch, H_cycles=8)     # more cycles than in training: allowed
    trajectory.answers[k]                                  # (B, L) tokens after step k
    frame_of(trajectory, task)                             # one puzzle of it, as JSON for the player

Shapes: S steps, B puzzles, L positions, D width.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from trm_explore.data.labels import IGNORE, labelled
from trm_explore.model import Batch, Carry, Cycle, RecursiveModel
from trm_explore.model.carry import board_of, to_device
from trm_explore.model.recursion import device_of
from trm_explore.tasks.base import Task
from trm_explore.training.events import Recorded, Step
from trm_explore.training.losses import log_probabilities, puzzle_losses


@dataclass(frozen=True, repr=False)
class Trajectory:
    """One recorded inference. All arrays are float32 but the tokens (int64)."""

    inputs: np.ndarray  # (B, L) tokens, or (B, L, input_size) numbers
    labels: np.ndarray | None  # (B, L) tokens, IGNORE where unlabelled, or (B, L, V) numbers; None: not known
    answers: np.ndarray  # (S, B, L) tokens: the most probable symbol; or (S, B, L, V) numbers
    confidence: np.ndarray | None  # (S, B, L) its probability; None for numbers, as is entropy
    entropy: np.ndarray | None  # (S, B, L) of the symbols' distribution, in nats
    loss: np.ndarray | None  # (S, B) mean cross-entropy over labelled cells, in nats; or mean squared error
    halt: np.ndarray  # (S, B) probability that the halting head gives to "the answer is right"
    change_H: np.ndarray  # (S, B) |z_H - z_H before| / |z_H before|, Frobenius norm over (L, D)
    change_L: np.ndarray  # (S, B) the same of z_L
    z_H: np.ndarray | None = None  # (S, B, L, D), where asked for
    z_L: np.ndarray | None = None
    board: tuple[int, int] | None = None  # (rows, cols); None: the held-out puzzles'

    @property
    def n_steps(self) -> int:
        """S, the number of recorded steps."""
        return len(self.answers)

    def __repr__(self) -> str:
        """Its sizes: the arrays are for reading one by one."""
        S, B, L = self.answers.shape[:3]
        known = "" if self.labels is None else ", labelled"
        states = "" if self.z_H is None else ", with states"
        return f"Trajectory({S} steps of {B} {'puzzle' if B == 1 else 'puzzles'}, {L} positions{known}{states})"


@torch.no_grad()
def record(
    model: RecursiveModel,
    batch: Batch,
    *,
    H_cycles: int | None = None,
    L_cycles: int | None = None,
    keep_states: bool = False,
    loops_over_positions: bool = False,
) -> Trajectory:
    """Runs the model from fresh states on a batch (tensors or arrays: inputs (B, L), labels if known) and records
    every step.

    The model is left as it was: no gradient, no mode change, no random number. `loops_over_positions`: as `unrolled`
    says; states then are those of the last position's pass. Raises ValueError for batches that do not fit.
    """
    for name, count in (("H_cycles", H_cycles), ("L_cycles", L_cycles)):
        if count is not None and count < 1:
            raise ValueError(f"{name}={count} must be at least 1")
    batch = to_device(batch, device_of(model))
    labels = batch.get("labels")
    before: Carry | Cycle = model.start(model.initial_carry(batch), batch)
    recorded: dict[str, list[Tensor]] = {}
    for cycle in unrolled(
        model,
        batch,
        H_cycles=H_cycles,
        L_cycles=L_cycles,
        loops_over_positions=loops_over_positions,
    ):
        if labels is not None and labels.is_floating_point() or model.config.input_size is not None:
            step = {"answers": cycle.logits}
        else:
            log_p = log_probabilities(cycle.logits, model.train_config.loss)
            confidence, answers = log_p.exp().max(-1)
            entropy = -(log_p.exp() * log_p).sum(-1)
            step = {"answers": answers, "confidence": confidence, "entropy": entropy}
        step |= {
            "halt": cycle.q_halt.sigmoid(),
            "change_H": relative_change(before.z_H, cycle.z_H),
            "change_L": relative_change(before.z_L, cycle.z_L),
        }
        if labels is not None:
            step["loss"] = puzzle_losses(cycle.logits, labels, model.train_config.loss)
        if keep_states:
            P = model.config.puzzle_emb_len  # the prefix is no part of the board
            step |= {"z_H": cycle.z_H[:, P:].float(), "z_L": cycle.z_L[:, P:].float()}
        for name, value in step.items():
            recorded.setdefault(name, []).append(value.cpu())
        before = cycle
    arrays = {name: torch.stack(values).numpy() for name, values in recorded.items()}
    return Trajectory(
        inputs=inputs_of(batch).cpu().numpy(),
        labels=None if labels is None else labels.cpu().numpy(),
        answers=arrays["answers"],
        confidence=arrays.get("confidence"),
        entropy=arrays.get("entropy"),
        loss=arrays.get("loss"),
        halt=arrays["halt"],
        change_H=arrays["change_H"],
        change_L=arrays["change_L"],
        z_H=arrays.get("z_H"),
        z_L=arrays.get("z_L"),
        board=board_of(batch),
    )


def unrolled(
    model: RecursiveModel,
    batch: Batch,
    *,
    H_cycles: int | None = None,
    L_cycles: int | None = None,
    loops_over_positions: bool = False,
) -> Iterator[Cycle]:
    """Every step of one inference from fresh states, with the logits of all positions.

    `loops_over_positions`: the guide's own loop, in which each position has a pass of its own and the states go on from
    position to position; its steps come after the last pass.
    """
    carry = model.start(model.initial_carry(batch), batch)
    if not loops_over_positions:
        yield from model.cycles(carry, H_cycles=H_cycles, L_cycles=L_cycles)
        return
    steps: dict[int, tuple[Cycle, list[Tensor]]] = {}
    for t in range(carry.z_H.shape[1] - model.config.puzzle_emb_len):
        for cycle in model.cycles(carry, H_cycles=H_cycles, L_cycles=L_cycles):
            steps[cycle.index] = cycle, [*steps.get(cycle.index, (cycle, []))[1], cycle.logits[:, t : t + 1]]
        carry = carry._replace(z_H=cycle.z_H, z_L=cycle.z_L)
    for cycle, logits in steps.values():
        yield cycle._replace(logits=torch.cat(logits, 1))


def inputs_of(batch: Batch) -> Any:
    """What the network sees of a batch: tokens (B, L), or real vectors (B, L, input_size)."""
    name = next((name for name in ("inputs", "input_embeddings") if name in batch), None)
    if name is None:
        raise ValueError(f"a batch needs inputs or input_embeddings; this one has {sorted(batch)}")
    return batch[name]


def frame_of(
    trajectory: Trajectory,
    task: Task,
    *,
    item: int = 0,
    label: str = "",
    update: int | None = None,
    shape: tuple[int, int] | None = None,
) -> Recorded:
    """Puzzle `item` as JSON, for the player and the ribbon: board, given cells, target, and per step tokens (or
    numbers), confidence, wrong cells, loss, halting. `shape`: (rows, cols) where the
    trajectory does not say and they are not the held-out puzzles'."""
    inputs = trajectory.inputs[item]
    labels = None if trajectory.labels is None else trajectory.labels[item]
    if labels is not None and not labelled(labels[None])[0]:
        labels = None
    real, board = task.loss == "mse", task.board()
    board["rows"], board["cols"] = shape or trajectory.board or task.held_out_shape()
    frame: Recorded = {
        "update": update,
        "label": label,
        "board": board,
        "inputs": _rounded(task.input_for_display(inputs)) if real else inputs.tolist(),
        "given": task.given(inputs).astype(int).tolist(),
        "target": None
        if labels is None
        else _rounded(task.answer_for_display(labels, labels))
        if real
        else labels.tolist(),
        "steps": [],
    }
    for k in range(trajectory.n_steps):
        answers = trajectory.answers[k, item]
        step: Step = {
            "wrong": task.wrong_cells(inputs, labels, answers),
            "loss": None if trajectory.loss is None or labels is None else _number(trajectory.loss[k, item]),
            "halt": _number(trajectory.halt[k, item]),
            "change": _number(trajectory.change_H[k, item]),
        }
        if real:
            step["values"] = _rounded(task.answer_for_display(answers, labels))
        else:
            step["ids"] = answers.tolist()
            if trajectory.confidence is not None:
                step["conf"] = [round(float(c), 2) for c in trajectory.confidence[k, item]]
            if (notes := task.cell_annotations(inputs, answers)) is not None:
                step["notes"] = notes
        frame["steps"].append(step)
    if board.get("kind") == "plane":
        beside = [i for i in range(len(trajectory.inputs)) if i != item]
        frame["others"] = {
            "inputs": [_rounded(trajectory.inputs[i]) for i in beside],
            "steps": [[_rounded(answers[i]) for i in beside] for answers in trajectory.answers],
        }
    return frame


def picture_of(task: Task) -> Recorded:
    """A frame of a held-out puzzle whose one step is the solution: what the task is, drawn without a model."""
    puzzle = {name: value[:1] for name, value in task.held_out(1).items()}
    beside = task.companions()
    if beside is not None:
        puzzle = {name: np.concatenate([value, beside[name]]) for name, value in puzzle.items()}
    inputs, labels = inputs_of(puzzle), puzzle["labels"]
    one, none = np.ones((1, len(labels)), np.float32), np.zeros((1, len(labels)), np.float32)
    solution = labels if task.loss == "mse" else np.where(labels == IGNORE, inputs, labels)
    sure = np.ones((1, *labels.shape[:2]), np.float32)
    solved = Trajectory(inputs, labels, solution[None], sure, None, none, one, none, none)
    return frame_of(solved, task, label="a solved puzzle")


def _rounded(values: np.ndarray) -> list[float | None]:
    """A flat list, to three decimals; a number that is not finite is None."""
    return [round(float(value), 3) if np.isfinite(value) else None for value in values.ravel()]


def _number(value: np.floating) -> float | None:
    return float(f"{value:.4g}") if np.isfinite(value) else None


def relative_change(before: Tensor, after: Tensor) -> Tensor:
    """(B,) how far the state moved, in units of its own size: it falls to 0 at a fixed point."""
    before, after = before.float().flatten(1), after.float().flatten(1)
    change: Tensor = (after - before).norm(dim=1) / before.norm(dim=1).clamp(min=1e-12)
    return change
