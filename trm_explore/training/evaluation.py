"""How good is a model on a set of puzzles, at every step?

What "right" means is said by the task (`Task.check`, `Task.cells_right`), and which puzzles count by tasks/base.py:
those with a label for losses and cells; for whole answers also those without, where the task judges by its rules.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from trm_explore.config.checks import shown
from trm_explore.data.labels import labelled
from trm_explore.model import Batch, Carry, Cycle, RecursiveModel
from trm_explore.model.carry import board_of, to_device
from trm_explore.model.recursion import device_of
from trm_explore.tasks import resolve
from trm_explore.tasks.base import Task, check_judged, judged
from trm_explore.training.distributed import SINGLE_PROCESS, DistributedContext
from trm_explore.training.losses import puzzle_losses
from trm_explore.training.trajectory import inputs_of, unrolled

HELD_OUT = 1000  # held-out puzzles that are evaluated, unless more or fewer are asked for
Watch = Callable[[dict[str, Any], np.ndarray, np.ndarray, np.ndarray], None]


class Scores(NamedTuple):
    """Means over the puzzles that can be judged, one number a step, (S,) each. NaN: no puzzle has a label to compare
    with, and whole answers are judged by the task's rules."""

    loss: list[float]  # cross-entropy in nats, or squared error
    cell_accuracy: list[float]  # of labelled cells, the given ones included, as the published code counts
    exact_accuracy: list[float]  # whole answers right by the task's rules
    r2: list[float]  # tasks of numbers: part of the labels' variance explained, 1 - loss / variance; else empty


class HaltingScores(NamedTuple):
    """Each puzzle that can be judged, answered where its halting head first said stop (or at the last step)."""

    threshold: float
    cell_accuracy: float
    exact_accuracy: float
    mean_steps: float  # H-cycles taken, over puzzles
    stopped: float  # the part of the puzzles that stopped before the last step


def evaluate(
    model: RecursiveModel,
    task: Task | str | Any,
    puzzles: int | dict[str, Any] = HELD_OUT,
    *,
    H_cycles: int | None = None,
    batch_size: int = 256,
    shape: tuple[int, int] | None = None,
) -> Scores:
    """Scores at every one of H_cycles steps (None: the model's own).

        evaluate(model, "maze").exact_accuracy      # whole answers right after each step, on held-out puzzles

    `task`: the task, or its name. `puzzles`: how many held-out ones, or a dict of arrays (inputs (N, L), labels (N, L),
    or numbers). `shape`: the boards' (rows, cols), where the puzzles do not say it and are not like the held-out ones.
    ValueError where the model does not fit the task, or none of the puzzles can be judged.
    """
    task = task_of(model, task)
    return scores_of(model, task, puzzles_of(task, puzzles), H_cycles=H_cycles, batch_size=batch_size, shape=shape)


@torch.no_grad()
def scores_of(
    model: RecursiveModel,
    task: Task,
    puzzles: dict[str, Any],
    *,
    H_cycles: int | None = None,
    batch_size: int = 256,
    shape: tuple[int, int] | None = None,
    watch: Watch | None = None,
    processes: DistributedContext = SINGLE_PROCESS,
) -> Scores:
    """`evaluate` of arrays. `watch` is given every batch once it is judged: its arrays, which answers are known to be
    right (S, B), the last step's answers and its halting probabilities (B,). Of several `processes` each judges its
    part; all return the scores of the whole."""
    check_judged("puzzles", puzzles, task)
    N = len(puzzles["labels"])
    sums = np.zeros((3, H_cycles or model.config.H_cycles))
    counts = np.array([labelled(puzzles["labels"]).sum()] * 2 + [judged(task, puzzles).sum()])
    puzzles, everyone = {name: value[processes.part(N)] for name, value in puzzles.items()}, puzzles
    for arrays, batch in _batches(model, task, puzzles, batch_size, shape):
        rows, exact = [], []
        there, can = labelled(arrays["labels"]), judged(task, arrays)
        for cycle in unrolled(
            model,
            batch,
            H_cycles=H_cycles,
            loops_over_positions=task.loops_over_positions,
        ):
            losses = puzzle_losses(cycle.logits, batch["labels"], model.train_config.loss).cpu().numpy()
            cells, right = _judged(task, arrays, cycle.logits)
            rows.append([losses[there].sum(dtype=float), cells[there].sum(), right[can].sum()])
            exact.append(right & can)
        if watch is not None:
            watch(arrays, np.stack(exact), _answers(task, cycle.logits), cycle.q_halt.sigmoid().cpu().numpy())
        sums += np.array(rows).T
    if processes.count > 1:
        sums = processes.add(torch.from_numpy(sums).to(model.H_init.device)).cpu().numpy()
    with np.errstate(invalid="ignore"):  # judged by rules alone: a loss of no labels is 0 / 0
        scores = (sums / counts[:, None]).tolist()
    r2 = []
    if task.loss == "mse":
        variance = np.square(everyone["labels"] - everyone["labels"].mean((0, 1))).mean()
        r2 = [1 - loss / max(float(variance), 1e-12) for loss in scores[0]]
    loss, cells, exact = scores
    return Scores(loss, cells, exact, r2)


@torch.no_grad()
def evaluate_halting(
    model: RecursiveModel,
    task: Task | str | Any,
    puzzles: int | dict[str, Any] = HELD_OUT,
    *,
    H_cycles: int | None = None,
    threshold: float = 0.5,
    every: int = 1,
    batch_size: int = 256,
    shape: tuple[int, int] | None = None,
) -> HaltingScores:
    """Halting at evaluation, each puzzle for itself: after every `every` steps those stop whose halting probability is
    above `threshold`; only the others are computed further, up to H_cycles steps (None: the model's own). Task, puzzles
    and errors as in `evaluate`."""
    task = task_of(model, task)
    puzzles, H_cycles = puzzles_of(task, puzzles), H_cycles or model.config.H_cycles
    check_judged("puzzles", puzzles, task)
    puzzles = {name: value[judged(task, puzzles)] for name, value in puzzles.items()}
    taken, cells, exact, there, stopped = [], [], [], [], 0
    for arrays, batch in _batches(model, task, puzzles, batch_size, shape):
        carry = model.start(model.initial_carry(batch), batch)
        left = np.arange(len(arrays["labels"]))
        done = 0
        while len(left):
            step = min(every, H_cycles - done)
            *_, cycle = model.cycles(carry, H_cycles=step)
            done += step
            halt = (cycle.q_halt.sigmoid() > threshold).cpu().numpy()
            stopped += int(halt.sum()) if done < H_cycles else 0
            out = halt | (done >= H_cycles)
            if out.any():
                some = {name: value[left[out]] for name, value in arrays.items()}
                some_cells, some_exact = _judged(task, some, cycle.logits[torch.from_numpy(out).to(carry.z_H.device)])
                taken += [done] * int(out.sum())
                cells += some_cells.tolist()
                exact += some_exact.tolist()
                there += labelled(some["labels"]).tolist()
            left = left[~out]
            carry = _rows(carry, cycle, torch.from_numpy(~out).to(carry.z_H.device))
    N = len(taken)
    compared = sum(there)
    of_cells = float(np.dot(cells, there)) / compared if compared else math.nan
    return HaltingScores(threshold, of_cells, sum(exact) / N, sum(taken) / N, stopped / N)


def task_of(model: RecursiveModel, task: Task | str | Any) -> Task:
    """The task itself; of a name (or a folder, an object, a config) the task that it stands for. ValueError where the
    model was made for another."""
    device_of(model)
    if isinstance(task, Task):
        return task
    found, _ = resolve(task)
    for name in ("vocab_size", "input_size", "seq_len"):
        own, needed = getattr(model.config, name), getattr(found, name)
        if own != needed:
            raise ValueError(
                f"the model was made for {name}={own}, the task {found.name} has {needed}; give the task that it was "
                "trained on: resolve(config)[0], with the config that load_checkpoint gave"
            )
    return found


def puzzles_of(task: Task, puzzles: int | dict[str, Any]) -> dict[str, Any]:
    """A number: that many of the task's held-out puzzles, or as many as there are. Given ones as NumPy arrays; a board
    (rows, cols) of all as one a puzzle."""
    if isinstance(puzzles, int):
        if puzzles < 1:
            raise ValueError(f"puzzles={puzzles} must be at least 1")
        for _ in task.prepare():
            pass
        return task.held_out(puzzles)
    if not isinstance(puzzles, dict) or "labels" not in puzzles or not {"inputs", "input_embeddings"} & puzzles.keys():
        raise ValueError(
            f"puzzles={shown(puzzles)} must be a number of held-out puzzles, or a dict with inputs and labels, such as "
            "task.held_out(100)"
        )
    arrays = {
        name: value.cpu().numpy() if isinstance(value, Tensor) else np.asarray(value) for name, value in puzzles.items()
    }
    if (board := board_of(arrays)) is not None:
        arrays["board"] = np.tile(board, (len(arrays["labels"]), 1))
    return arrays


def _batches(
    model: RecursiveModel, task: Task, puzzles: dict[str, Any], size: int, shape: tuple[int, int] | None
) -> Iterator[tuple[dict[str, Any], Batch]]:
    """(arrays, the same on the model's device), `size` puzzles at a time."""
    for first in range(0, len(puzzles["labels"]), size):
        arrays = {name: value[first : first + size] for name, value in puzzles.items()}
        batch = {"board": task.held_out_shape()} | arrays | ({"board": shape} if shape else {})
        yield arrays, to_device(batch, model.H_init.device)


def _judged(task: Task, arrays: dict[str, Any], logits: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """(part of the cells right, whole answer right), (B,) each."""
    answers, labels = _answers(task, logits), arrays["labels"]
    return task.cells_right(answers, labels), task.check(inputs_of(arrays), answers, labels)


def _answers(task: Task, logits: Tensor) -> np.ndarray:
    """(B, L) tokens, or (B, L, V) numbers."""
    return (logits if task.loss == "mse" else logits.argmax(-1)).cpu().numpy()


def _rows(carry: Carry, cycle: Cycle, keep: Tensor) -> Carry:
    """The carry of some of the puzzles, after a cycle."""
    data = {k: v[keep] if isinstance(v, Tensor) else v for k, v in carry.data.items()}
    return Carry(cycle.z_H[keep], cycle.z_L[keep], carry.steps[keep], carry.halted[keep], data)
