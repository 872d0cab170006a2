"""One optimiser update without the optimiser: what it supervises (`plan_update`), then forward and backward.

    plan = plan_update(run_config, update=120, running=losses_so_far)
    outcome = forward_backward(model, carry, plan, run_config)          # gradients are in model.parameters() now
    outcome = all_reduce(outcome, model, processes)        # and those of all processes, where there are several

With gradient_accumulation the batch is computed in parts, each going back for itself. In all scopes but `full` backward
runs inside the recursion, so that one cycle's activations are alive at a time. Rows of the table of puzzle vectors
collect their gradient in `outcome.rows`. The guide's own loop over embeddings visits the positions one after the other
and keeps the states' graph inside a window of `truncation_length` positions.

Shapes: B puzzles, L positions, V vocabulary, S steps.
"""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from trm_explore.config import RunConfig
from trm_explore.data.labels import labelled
from trm_explore.model import Carry, Cycle, RecursiveModel
from trm_explore.model.puzzle_embedding import EmbeddingRows
from trm_explore.training.distributed import SINGLE_PROCESS, DistributedContext
from trm_explore.training.losses import (
    RunningLosses,
    active_count,
    adaptive_factors,
    curriculum_progress,
    curriculum_weights,
    halting_loss,
    labelled_mean,
    puzzle_losses,
    weights_for,
)

DEPTH_DRAWS = 1  # names the random numbers of random depth: they follow from seed and update alone


class Plan(NamedTuple):
    """What one update does."""

    H_cycles: int
    L_cycles: int
    weights: Tensor  # (S,) raw, S = H_cycles


class Outcome(NamedTuple):
    """What came of it; everything detached. Losses are means over the puzzles of the whole batch that have a label; a
    part of a batch, or a process, has its share of them."""

    step_losses: Tensor  # (S,) unweighted
    L_losses: Tensor | None  # (S,) mean over a step's L-cycles, with L-cycle supervision
    halt_losses: Tensor  # (S,)
    puzzle_losses: Tensor  # (S, B)
    labelled: Tensor  # (B,) bool: the puzzles that have a label
    last: Cycle  # its states go on in the carry
    rows: EmbeddingRows | None = None  # of the table of puzzle vectors, with their gradient


def plan_update(config: RunConfig, update: int, running: RunningLosses | None = None) -> Plan:
    """The cycles and the weight vector of the update that follows `update` done ones."""
    s, t, m = config.supervision, config.train, config.model
    on = s.enable_deep_supervision
    curriculum = s.curriculum if on else "off"
    progress = 1.0 if curriculum == "off" else curriculum_progress(update, *config.curriculum_span)
    H = active_count(m.H_cycles, progress) if curriculum == "H_cycles" else m.H_cycles
    L = m.L_cycles
    rng = np.random.default_rng([t.seed, DEPTH_DRAWS, update])
    if t.min_H_cycles is not None:
        H = int(rng.integers(min(t.min_H_cycles, H), H + 1))
    if t.min_L_cycles is not None:
        L = int(rng.integers(t.min_L_cycles, L + 1))
    weights = weights_for(s, H)
    if on:
        weights = curriculum_weights(weights, curriculum, progress)
        means = running.mean(H) if running is not None and s.adaptive_weights != "off" else None
        if means is not None:
            weights = weights * adaptive_factors(means, s.adaptive_weights, s.adaptive_strength)
    return Plan(H, L, weights)


def forward_backward(
    model: RecursiveModel,
    carry: Carry,
    plan: Plan,
    config: RunConfig,
    *,
    processes: DistributedContext = SINGLE_PROCESS,
    **how: Any,
) -> Outcome:
    """Forward and backward from a started carry; gradients are added to those that the parameters have. They are the
    batch's: of several `processes` each adds the part that its own puzzles have in them. A puzzle without a label adds
    nothing, and is not counted.

    `how`: `tolerance`, squared error up to which an answer of numbers counts as right, for the halting head;
    `loops_over_positions`.
    """
    B = len(carry.steps)
    number = min(config.train.gradient_accumulation, B)
    count = processes.add(labelled(carry.data["labels"]).sum())
    if number == 1:
        return _part_back(model, carry, plan, config, count, **how)
    parts = [DistributedContext(index, number).part(B) for index in range(number)]
    return _one_outcome([_part_back(model, _puzzles(carry, mine), plan, config, count, **how) for mine in parts])


def _part_back(
    model: RecursiveModel,
    carry: Carry,
    plan: Plan,
    config: RunConfig,
    count: Tensor,
    *,
    tolerance: float = 0.0,
    loops_over_positions: bool = False,
) -> Outcome:
    """Forward and backward of the puzzles in the carry; `count` puzzles of the whole batch have a label."""
    s, t = config.supervision, config.train
    at_once = s.scope == "full"
    L_weight = s.L_supervision_weight if s.enable_deep_supervision else 0.0
    halt_weight = 0.0 if loops_over_positions else t.halt_loss_weight
    labels = carry.data["labels"]
    passes = positions(labels.shape[1]) if loops_over_positions else [slice(None)]
    shares = (plan.weights / plan.weights.sum() / len(passes)).tolist()
    total: Tensor | None = None
    vectors = model.puzzle_rows(carry.data)
    if vectors is not None:
        carry = carry._replace(data=carry.data | {"puzzle_rows": vectors.values})
    collected: dict[str, list[list[Tensor]]] = {"puzzles": [], "answer": [], "halting": [], "inner": []}  # [pass][step]
    for number, at in enumerate(passes, 1):
        for rows in collected.values():
            rows.append([])
        for cycle in model.cycles(
            carry,
            H_cycles=plan.H_cycles,
            L_cycles=plan.L_cycles,
            gradient_scope=s.scope,
            checkpointing=t.activation_checkpointing,
            read_L=L_weight > 0,
        ):
            puzzles = puzzle_losses(cycle.logits[:, at], labels[:, at], t.loss)  # (B,)
            halting = halting_loss(cycle.q_halt, cycle.logits[:, at], labels[:, at], tolerance, count)
            answer = labelled_mean(puzzles, labels, count)
            loss = answer + halt_weight * halting
            if L_weight:
                readings = [puzzle_losses(logits[:, at], labels[:, at], t.loss) for logits in cycle.L_logits]
                inner = torch.stack([labelled_mean(reading, labels, count) for reading in readings]).mean()
                loss = loss + L_weight * inner
                collected["inner"][-1].append(inner.detach())
            # In scope `cycle` a share of 0 goes backward too: that is what frees the cycle's activations.
            if loss.requires_grad and (shares[cycle.index] or not at_once):
                part = shares[cycle.index] * loss
                if at_once:
                    total = part if total is None else total + part
                else:
                    part.backward()
            collected["puzzles"][-1].append(puzzles.detach())
            collected["answer"][-1].append(answer.detach())
            collected["halting"][-1].append(halting.detach())
        carry = carry._replace(z_H=cycle.z_H, z_L=cycle.z_L)
        if number == len(passes) or number % t.truncation_length == 0:
            if total is not None:
                total.backward()
                total = None
            carry = carry._replace(z_H=cycle.z_H.detach(), z_L=cycle.z_L.detach())
    mean = {
        name: torch.stack([torch.stack(row) for row in rows]).mean(0) for name, rows in collected.items() if rows[0]
    }
    return Outcome(
        mean["answer"],
        mean.get("inner"),
        mean["halting"],
        mean["puzzles"],
        labelled(labels),
        cycle._replace(L_logits=()),
        vectors,
    )


def positions(length: int) -> list[slice]:
    """Each position alone, as a slice of the position axis."""
    return [slice(t, t + 1) for t in range(length)]


def all_reduce(outcome: Outcome, model: RecursiveModel, processes: DistributedContext) -> Outcome:
    """What came of the whole batch: losses, and the gradients of the weights and of the rows of puzzle vectors, hold
    what all have added. `last` stays each one's own."""
    if processes.count == 1:
        return outcome
    processes.add_gradients(model.parameters())
    means = {
        name: None if value is None else processes.add(value)
        for name, value in outcome._asdict().items()
        if name in ("step_losses", "L_losses", "halt_losses")
    }
    rows = outcome.rows
    if rows is not None:
        rows = _with_gradient(
            processes.gather(rows.identifiers),
            processes.gather(rows.values.detach()),
            None if rows.values.grad is None else processes.gather(rows.values.grad),
        )
    puzzles = processes.gather(outcome.puzzle_losses.T).T
    there = processes.gather(outcome.labelled)
    return outcome._replace(puzzle_losses=puzzles, labelled=there, rows=rows, **means)


def _puzzles(carry: Carry, which: slice) -> Carry:
    """Some of the puzzles."""
    data = {name: value[which] if isinstance(value, Tensor) else value for name, value in carry.data.items()}
    return Carry(carry.z_H[which], carry.z_L[which], carry.steps[which], carry.halted[which], data)


def _one_outcome(outcomes: list[Outcome]) -> Outcome:
    """The outcomes of the parts of a batch as that of the batch."""

    def added(name: str) -> Tensor | None:
        values = [getattr(outcome, name) for outcome in outcomes]
        return None if values[0] is None else torch.stack(values).sum(0)

    last = [outcome.last for outcome in outcomes]
    states = (torch.cat([getattr(cycle, name) for cycle in last]) for name in ("z_H", "z_L", "logits", "q_halt"))
    rows = None
    if outcomes[0].rows is not None:
        several = [outcome.rows for outcome in outcomes]
        gradients = [part.values.grad for part in several]
        rows = _with_gradient(
            torch.cat([part.identifiers for part in several]),
            torch.cat([part.values.detach() for part in several]),
            None if gradients[0] is None else torch.cat(gradients),
        )
    return Outcome(
        added("step_losses"),
        added("L_losses"),
        added("halt_losses"),
        torch.cat([outcome.puzzle_losses for outcome in outcomes], 1),
        torch.cat([outcome.labelled for outcome in outcomes]),
        Cycle(last[0].index, *states),
        rows,
    )


def _with_gradient(identifiers: Tensor, values: Tensor, gradient: Tensor | None) -> EmbeddingRows:
    values.grad = gradient
    return EmbeddingRows(identifiers, values)


def __getattr__(name: str) -> Any:
    if name != "go_back":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    warnings.warn("go_back is now forward_backward", DeprecationWarning, stacklevel=2)
    return forward_backward
