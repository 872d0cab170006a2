"""Deep supervision: schedules -> weight vector, answers -> step losses, both -> one number. Pure functions.

    supervision_weights("linear_decay", n_steps=3, base_weight=0.5)      # tensor([0.1667, 0.3333, 1.0000])
    deep_supervision_loss(step_losses, weights)                          # sum(w*l) / sum(w)

Steps count from 0; the last is the final answer. "decay" means: going back from the final step. Because the total is
divided by the sum of the weights, only their ratios matter. The schedule gives the weights, a curriculum fades the
early ones in over the run, adaptive weights follow the running losses: w = schedule x curriculum x adaptive.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from trm_explore.config import SCHEDULES, SupervisionConfig
from trm_explore.config.checks import nearest, shown
from trm_explore.data.labels import IGNORE, labelled


def supervision_weights(
    schedule: str, n_steps: int, base_weight: float = 0.5, custom: Sequence[float] | None = None
) -> Tensor:
    """The raw weight of every step, (S,) float32; the total loss divides by their sum.

    Raises ValueError for an unknown schedule, weights that are negative, not finite or all zero, or a custom list
    whose length is not `n_steps`.
    """
    if n_steps < 1:
        raise ValueError(f"n_steps={n_steps} must be at least 1")
    if schedule not in SCHEDULES:
        raise ValueError(
            f"schedule={shown(schedule)} is not known; allowed are {', '.join(SCHEDULES)}{nearest(schedule, SCHEDULES)}"
        )
    formula = SCHEDULES[schedule].weight
    if formula is None:
        weights = [float(w) for w in custom or ()]
        if len(weights) != n_steps:
            raise ValueError(f"custom has {len(weights)} weights for {n_steps} steps; give one weight a step")
    else:
        if not (math.isfinite(base_weight) and base_weight >= 0):
            raise ValueError(f"base_weight={base_weight} must be a finite number of at least 0")
        weights = [formula(i, n_steps, base_weight) for i in range(n_steps)]
    vector = torch.tensor(weights)
    if not (vector >= 0).all() or not 0 < float(vector.sum()) < math.inf:
        raise ValueError(f"weights {weights} must be finite in float32, at least 0, and not all 0")
    return vector


def weights_for(config: SupervisionConfig, n_steps: int) -> Tensor:
    """The weight vector (S,) that a run uses; with supervision off only the final step counts."""
    if not config.enable_deep_supervision:
        return F.one_hot(torch.tensor(n_steps - 1), n_steps).float()
    return supervision_weights(
        config.deep_supervision_schedule, n_steps, config.deep_supervision_weight, config.custom_weights
    )


def gradient_reach(scope: str, weights: Sequence[float]) -> list[str]:
    """What of each step (S weights, NaN: not computed in this update) the gradient passes through, as its piece of an
    arrow that points back: `start` (of an arrow that goes on), `through`, `end`, `inside` (all of its cycle and no
    other), `last_call` (its last L-cycle and its update of z_H only), or `none`. A step that counts 0 sends nothing."""
    S = len(weights)
    if scope == "cycle":
        return ["inside" if weight > 0 else "none" for weight in weights]
    if scope == "full":
        last = max((k for k, weight in enumerate(weights) if weight > 0), default=-1)
        before = ["end", *["through"] * (last - 1), "start"] if last > 0 else ["inside"] * (last + 1)
        return before + ["none"] * (S - last - 1)
    piece = "last_call" if scope == "one_step" else "inside"
    return ["none"] * (S - 1) + [piece if weights[-1] > 0 else "none"]


def curriculum_progress(update: int, start: int, end: int) -> float:
    """How far the curriculum is after `update` updates: 0 up to `start`, then linearly to 1 at `end` (the guide's)."""
    return min(1.0, max(0.0, (update - start) / (end - start)))


def curriculum_weights(weights: Tensor, curriculum: str, progress: float) -> Tensor:
    """The weights (S,) at that point. `weight`: all but the final one times progress, so the base weight goes from 0 to
    its value. `depth`: only the last `active_count(S, progress)` steps are supervised. Other curricula leave them."""
    weights, S = weights.clone(), len(weights)
    if curriculum == "weight":
        weights[:-1] *= progress
    elif curriculum == "depth":
        weights[: S - active_count(S, progress)] = 0
    if not weights.any():  # the final step's own weight is too small for float32; only ratios matter
        weights[-1] = 1
    return weights


def active_count(most: int, progress: float) -> int:
    """How many of `most` are active: 1 at progress 0, then 2, ..., for equal times; all at progress 1 (ours)."""
    return 1 + math.floor((most - 1) * progress + 1e-9)  # 49 * (1 / 49) is a little less than 1


class RunningLosses(NamedTuple):
    """A running mean of every step's loss: sums that fade, divided by the weight they hold (so no start-up bias)."""

    sums: Tensor  # (S,)
    seen: Tensor  # (S,)

    @classmethod
    def none(cls, n_steps: int) -> RunningLosses:
        return cls(torch.zeros(n_steps, dtype=torch.float64), torch.zeros(n_steps, dtype=torch.float64))

    def add(self, step_losses: Tensor, decay: float) -> RunningLosses:
        """With one update's losses; there may be fewer steps than S, the others keep what they had."""
        n = len(step_losses)
        sums, seen = self.sums.clone(), self.seen.clone()
        sums[:n] = decay * sums[:n] + (1 - decay) * step_losses.double()
        seen[:n] = decay * seen[:n] + (1 - decay)
        return RunningLosses(sums, seen)

    def mean(self, n_steps: int) -> Tensor | None:
        """(n_steps,), or None while a step has not been seen yet."""
        return self.sums[:n_steps] / self.seen[:n_steps] if (self.seen[:n_steps] > 0).all() else None


def adaptive_factors(means: Tensor, mode: str, strength: float = 1.0) -> Tensor:
    """What the weights (S,) are multiplied by, from running mean losses m (S,). Ours.

    `hard`: (m_i / e_i)^strength, within 1/4 to 4, where e falls from m_0 to the smallest m by equal ratios over the
    steps: a step that is worse than on a steady descent counts more. `progress`: 1 + strength x stalled_i, where
    stalled_i = 1 - (p_i / best p) within 0 to 1, and p_i = (m_(i-1) - m_i) / m_(i-1) is a step's improvement on the
    step before; step 0 has none and keeps 1; where no step improves all the others are stalled.
    """
    S, m = len(means), means.double().clamp(min=1e-12)
    factors = torch.ones(S, dtype=torch.float64)
    if S > 1 and mode == "hard":
        descent = torch.linspace(0, 1, S, dtype=torch.float64)
        steady = m[0] ** (1 - descent) * m.min() ** descent
        factors = ((m / steady) ** strength).clamp(0.25, 4.0)
    elif S > 1 and mode == "progress":
        improved = 1 - m[1:] / m[:-1]
        best = improved.max()
        stalled = 1 - (improved / best).clamp(0, 1) if best > 0 else torch.ones_like(improved)
        factors[1:] = 1 + strength * stalled
    return factors.float()


def deep_supervision_loss(
    step_losses: Sequence[Tensor] | Tensor,
    weights: Sequence[float] | Tensor,
    L_losses: Sequence[Tensor] | Tensor | None = None,
    L_weight: float = 0.0,
) -> Tensor:
    """sum(w*l) / sum(w) over the steps; with L_losses (each step's mean over its L-cycles) (sum(w*l) + L_weight *
    sum(w*L)) / sum(w). A step of weight 0 is left out, so that it sends exactly no gradient."""
    if len(step_losses) != len(weights):
        raise ValueError(f"{len(step_losses)} step losses but {len(weights)} weights; there must be one weight a step")
    if L_losses is not None and len(L_losses) != len(weights):
        raise ValueError(f"{len(L_losses)} L-cycle losses but {len(weights)} weights; there must be one a step")
    divisor = float(sum(weights))
    if not (math.isfinite(divisor) and divisor > 0):
        raise ValueError(f"the weights' sum {divisor} must be finite and above 0")
    if L_losses is not None and L_weight:
        step_losses = [loss + L_weight * inner for loss, inner in zip(step_losses, L_losses, strict=True)]
    total: Tensor = sum(float(w) / divisor * loss for loss, w in zip(step_losses, weights, strict=True) if float(w))
    return total


def log_probabilities(logits: Tensor, loss: str = "softmax") -> Tensor:
    """log p over the last axis. softmax: p ~ exp(x). stablemax: p ~ s(x), s(x) = x + 1 for x >= 0, else 1 / (1 - x),
    computed in float64 where the device has it (arXiv 2501.04697; HRM's and TRM's loss)."""
    if loss == "softmax":
        return logits.log_softmax(-1)
    wide = logits if logits.device.type == "mps" else logits.double()
    s = torch.where(wide < 0, 1 / (1 - wide.clamp(max=0)), wide + 1)
    return (s.log() - s.sum(-1, keepdim=True).log()).to(logits.dtype)


def puzzle_losses(logits: Tensor, labels: Tensor, loss: str = "softmax") -> Tensor:
    """(B,) loss of each puzzle: the mean over its labelled cells; 0 where it has none.

    Whole-number labels (B, L), IGNORE where unlabelled: cross-entropy of logits (B, L, V), their probabilities by
    `loss`. Real labels (B, L, V): squared error.
    """
    if labels.is_floating_point():
        return (logits - labels).square().mean(dim=(1, 2))
    labels = labels.long()  # published batches are int32
    if loss == "softmax":
        cells = F.cross_entropy(logits.transpose(1, 2), labels, ignore_index=IGNORE, reduction="none")  # (B, L)
    else:
        cells = F.nll_loss(
            log_probabilities(logits, loss).transpose(1, 2), labels, ignore_index=IGNORE, reduction="none"
        )
    return cells.sum(1) / (labels != IGNORE).sum(1).clamp(min=1)


def answer_loss(logits: Tensor, labels: Tensor, loss: str = "softmax") -> Tensor:
    """One step's loss: mean over a puzzle's labelled cells, then over the puzzles that have a label. A scalar, 0 where
    none has one."""
    return labelled_mean(puzzle_losses(logits, labels, loss), labels)


def labelled_mean(values: Tensor, labels: Tensor, count: Tensor | int | None = None) -> Tensor:
    """Mean of values (B,) over the puzzles that have a label; 0 where none has one. `count`: how many these are, where
    the batch is only a part of what the mean is over."""
    there = labelled(labels)
    number = there.sum() if count is None else torch.as_tensor(count)
    return values.where(there, torch.zeros_like(values)).sum() / number.clamp(min=1)


def answers_right(logits: Tensor, labels: Tensor, tolerance: float = 0.0) -> Tensor:
    """(B,) bool: is the whole answer right? Symbols: every labelled cell (without one it means nothing); numbers: a
    squared error of at most `tolerance`."""
    if labels.is_floating_point():
        return puzzle_losses(logits, labels) <= tolerance
    return ((logits.argmax(-1) == labels) | (labels == IGNORE)).all(1)


def halting_loss(
    q_halt: Tensor, logits: Tensor, labels: Tensor, tolerance: float = 0.0, count: Tensor | int | None = None
) -> Tensor:
    """Binary cross-entropy of the halting logit (B,) against "is the whole answer right?" (TRM, arXiv 2510.04871), mean
    over the puzzles that have a label; `count` as in `labelled_mean`."""
    right = answers_right(logits.detach(), labels, tolerance)
    entropy = F.binary_cross_entropy_with_logits(q_halt, right.to(q_halt.dtype), reduction="none")
    return labelled_mean(entropy, labels, count)


def losses_by_depth(losses: Tensor, steps: Tensor, limit: int, there: Tensor | None = None) -> list[list[float]]:
    """Mean loss by true depth, [supervision step][H-cycle], NaN where no puzzle was: puzzles that have halted at
    different times stand side by side in a batch and are not mixed here. losses (S, B), steps (B,): updates that each
    puzzle had before this one; `there` (B,): which puzzles count (None: all)."""
    S = len(losses)
    counts = torch.ones_like(steps, dtype=torch.bool) if there is None else there
    rows = []
    for done in range(limit):
        there = (steps == done) & counts
        rows.append(losses[:, there].mean(1).tolist() if there.any() else [math.nan] * S)
    return rows
