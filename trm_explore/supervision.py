"""Deep supervision: schedules -> weight vector, answers -> step losses, both -> one number. Pure functions.

    supervision_weights("linear_decay", n_steps=3, base_weight=0.5)      # tensor([0.1667, 0.3333, 1.0000])
    deep_supervision_loss(step_losses, weights)                          # sum(w*l) / sum(w)

Steps count from 0; the last is the final answer. "decay" means: going back from the final step. Because the total is
divided by the sum of the weights, only their ratios matter.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from trm_explore.config import SupervisionConfig

IGNORE = -100  # a label that is not scored (PyTorch's and the published code's convention)

# step i of S, base weight b -> weight. The first four end in 1.0 by definition; front_loaded is taken as it is.
# constant, linear_decay, exponential_decay, u_shaped: the deep-supervision guide. front_loaded: CGAR, arXiv 2511.08653.
SCHEDULES = {
    "constant": lambda i, S, b: b,
    "linear_decay": lambda i, S, b: b * (i + 1) / S,
    "exponential_decay": lambda i, S, b: b * 2.0 ** (i - (S - 1)),
    "u_shaped": lambda i, S, b: 1.0 if i == 0 else b / 2,
    "front_loaded": lambda i, S, b: 0.7**i,
}


def supervision_weights(
    schedule: str, n_steps: int, base_weight: float = 0.5, custom: Sequence[float] | None = None
) -> Tensor:
    """The raw weight of every step, (S,) float32; the total loss divides by their sum.

    Raises ValueError for an unknown schedule, weights that are negative, not finite or all zero, or a custom list
    whose length is not `n_steps`.
    """
    if n_steps < 1:
        raise ValueError(f"n_steps={n_steps} must be at least 1")
    if schedule == "custom":
        weights = [float(w) for w in custom or ()]
        if len(weights) != n_steps:
            raise ValueError(f"custom has {len(weights)} weights for {n_steps} steps; give one weight a step")
    elif schedule in SCHEDULES:
        if not (math.isfinite(base_weight) and base_weight >= 0):
            raise ValueError(f"base_weight={base_weight} must be a finite number of at least 0")
        weights = [SCHEDULES[schedule](i, n_steps, base_weight) for i in range(n_steps)]
        if schedule != "front_loaded":
            weights[-1] = 1.0
    else:
        raise ValueError(f"schedule={schedule!r} is not known; allowed are {', '.join([*SCHEDULES, 'custom'])}")
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


def deep_supervision_loss(step_losses: Sequence[Tensor] | Tensor, weights: Sequence[float] | Tensor) -> Tensor:
    """sum(w*l) / sum(w) over the steps. A step of weight 0 is left out, so that it sends exactly no gradient."""
    if len(step_losses) != len(weights):
        raise ValueError(f"{len(step_losses)} step losses but {len(weights)} weights; there must be one weight a step")
    divisor = float(sum(weights))
    if not (math.isfinite(divisor) and divisor > 0):
        raise ValueError(f"the weights' sum {divisor} must be finite and above 0")
    return sum(float(w) / divisor * loss for loss, w in zip(step_losses, weights, strict=True) if float(w))


def puzzle_losses(logits: Tensor, labels: Tensor) -> Tensor:
    """(B,) loss of each puzzle: the mean over its labelled cells.

    Whole-number labels (B, L), IGNORE where unlabelled: cross-entropy of logits (B, L, V). Real labels (B, L, V):
    squared error.
    """
    if labels.is_floating_point():
        return (logits - labels).square().mean(dim=(1, 2))
    cells = F.cross_entropy(logits.transpose(1, 2), labels, ignore_index=IGNORE, reduction="none")  # (B, L)
    return cells.sum(1) / (labels != IGNORE).sum(1).clamp(min=1)


def answer_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """One step's loss: mean over a puzzle's labelled cells, then over the batch. A scalar."""
    return puzzle_losses(logits, labels).mean()


def halting_loss(q_halt: Tensor, logits: Tensor, labels: Tensor) -> Tensor:
    """Binary cross-entropy of the halting logit (B,) against "is the whole answer right?" (TRM, arXiv 2510.04871)."""
    right = ((logits.argmax(-1) == labels) | (labels == IGNORE)).all(1)
    return F.binary_cross_entropy_with_logits(q_halt, right.to(q_halt.dtype))
