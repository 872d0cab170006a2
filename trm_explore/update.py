"""One optimiser update without the optimiser: what it supervises (`plan_update`), then forward and backward.

    plan = plan_update(run_config, update=120, running=losses_so_far)
    outcome = go_back(model, carry, plan, run_config)          # gradients are in model.parameters() now

In all scopes but `full` backward runs inside the recursion, so that one cycle's activations are alive at a time. Rows
of the table of puzzle vectors collect their gradient in `outcome.rows`. The guide's own loop over embeddings visits the
positions one after the other and keeps the states' graph inside a window of `truncation_length` positions.

Shapes: B puzzles, L positions, V vocabulary, S steps.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from trm_explore.config import RunConfig
from trm_explore.model import Carry, Cycle, RecursiveModel
from trm_explore.puzzle_table import Rows
from trm_explore.supervision import (
    RunningLosses,
    adaptive_factors,
    curriculum_progress,
    curriculum_weights,
    halting_loss,
    puzzle_losses,
    stage,
    weights_for,
)

DEPTH_DRAWS = 1  # names the random numbers of random depth: they follow from seed and update alone


class Plan(NamedTuple):
    """What one update does."""

    H_cycles: int
    L_cycles: int
    weights: Tensor  # (S,) raw, S = H_cycles


class Outcome(NamedTuple):
    """What came of it; everything detached."""

    step_losses: Tensor  # (S,) unweighted
    L_losses: Tensor | None  # (S,) mean over a step's L-cycles, with L-cycle supervision
    halt_losses: Tensor  # (S,)
    puzzle_losses: Tensor  # (S, B)
    last: Cycle  # its states go on in the carry
    rows: Rows | None = None  # of the table of puzzle vectors, with their gradient


def plan_update(config: RunConfig, update: int, running: RunningLosses | None = None) -> Plan:
    """The cycles and the weight vector of the update that follows `update` done ones."""
    s, t, m = config.supervision, config.train, config.model
    on = s.enable_deep_supervision
    curriculum = s.curriculum if on else "off"
    progress = 1.0 if curriculum == "off" else curriculum_progress(update, *config.curriculum_span)
    H = stage(m.H_cycles, progress) if curriculum == "H_cycles" else m.H_cycles
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


def go_back(
    model: RecursiveModel,
    carry: Carry,
    plan: Plan,
    config: RunConfig,
    *,
    tolerance: float = 0.0,
    loops_over_positions: bool = False,
    before_call: Callable[[], None] | None = None,
) -> Outcome:
    """Forward and backward from a started carry; gradients are added to those that the parameters have.

    `tolerance`: squared error up to which an answer of numbers counts as right, for the halting head.
    """
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
    kept: dict[str, list[list[Tensor]]] = {"puzzles": [], "halting": [], "inner": []}  # [pass][step]
    for number, at in enumerate(passes, 1):
        for rows in kept.values():
            rows.append([])
        for cycle in model.cycles(
            carry,
            H_cycles=plan.H_cycles,
            L_cycles=plan.L_cycles,
            gradient_scope=s.scope,
            checkpointing=t.activation_checkpointing,
            read_L=L_weight > 0,
            before_call=before_call,
        ):
            puzzles = puzzle_losses(cycle.logits[:, at], labels[:, at], t.loss)  # (B,)
            halting = halting_loss(cycle.q_halt, cycle.logits[:, at], labels[:, at], tolerance)
            loss = puzzles.mean() + halt_weight * halting
            if L_weight:
                readings = [puzzle_losses(logits[:, at], labels[:, at], t.loss).mean() for logits in cycle.L_logits]
                inner = torch.stack(readings).mean()
                loss = loss + L_weight * inner
                kept["inner"][-1].append(inner.detach())
            # In scope `cycle` a share of 0 goes backward too: that is what frees the cycle's activations.
            if loss.requires_grad and (shares[cycle.index] or not at_once):
                part = shares[cycle.index] * loss
                if at_once:
                    total = part if total is None else total + part
                else:
                    part.backward()
            kept["puzzles"][-1].append(puzzles.detach())
            kept["halting"][-1].append(halting.detach())
        carry = carry._replace(z_H=cycle.z_H, z_L=cycle.z_L)
        if number == len(passes) or number % t.truncation_length == 0:
            if total is not None:
                total.backward()
                total = None
            carry = carry._replace(z_H=cycle.z_H.detach(), z_L=cycle.z_L.detach())
    mean = {name: torch.stack([torch.stack(row) for row in rows]).mean(0) for name, rows in kept.items() if rows[0]}
    return Outcome(
        mean["puzzles"].mean(1),
        mean.get("inner"),
        mean["halting"],
        mean["puzzles"],
        cycle._replace(L_logits=()),
        vectors,
    )


def positions(length: int) -> list[slice]:
    """Each position alone, as a slice of the position axis."""
    return [slice(t, t + 1) for t in range(length)]
