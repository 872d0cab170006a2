"""What each step's loss alone sends where: into the shared network, and into the answer state after each H-cycle.

    statistics = gradient_statistics(model, batch, gradient_scope="full")
    statistics.states[k][j]            # |d loss_k / d z_H after cycle j|: in `full` it fades (or not) going back

Nothing of a training is disturbed: gradients that the parameters hold, modes and random numbers stay as they are.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from trm_explore.model import Batch, RecursiveModel
from trm_explore.model.carry import to_device
from trm_explore.model.recursion import device_of
from trm_explore.training.losses import answer_loss


class GradientStatistics(NamedTuple):
    """Euclidean norms of the gradient of step k's own, unweighted loss. A loss reaches back to some cycles only: what
    it does not reach is 0."""

    network: list[float]  # (S,) with respect to the shared network's weights
    states: list[list[float]]  # (S, S): [k][j] with respect to z_H after H-cycle j


def gradient_statistics(
    model: RecursiveModel,
    batch: Batch,
    *,
    gradient_scope: str = "full",
    H_cycles: int | None = None,
    L_cycles: int | None = None,
) -> GradientStatistics:
    """Measured on a batch (inputs and labels, arrays or tensors, such as task.held_out(8)) from fresh states, through
    the gradient scope that training uses: `last`, `one_step`, `cycle` or `full`. Memory is that of scope `full` where
    the scope is."""
    batch = to_device(batch, device_of(model))
    weights = [p for name, p in model.named_parameters() if name.startswith(("net.", "net_H."))]
    states: list[Tensor] = []
    network, reached = [], []
    with torch.enable_grad():
        carry = model.start(model.initial_carry(batch), batch)
        for cycle in model.cycles(carry, H_cycles=H_cycles, L_cycles=L_cycles, gradient_scope=gradient_scope):
            states.append(cycle.z_H)
            loss = answer_loss(cycle.logits, batch["labels"], model.train_config.loss)
            if not loss.requires_grad:
                network.append(0.0)
                reached.append([0.0] * len(states))
                continue
            with_graph = [j for j, z in enumerate(states) if z.requires_grad]
            targets = [*weights, *(states[j] for j in with_graph)]
            gradients = torch.autograd.grad(loss, targets, retain_graph=True, allow_unused=True)
            network.append(_norm(gradients[: len(weights)]))
            row = dict(zip(with_graph, gradients[len(weights) :], strict=True))
            reached.append([_norm([row.get(j)]) for j in range(len(states))])
    S = len(states)
    return GradientStatistics(network, [row + [0.0] * (S - len(row)) for row in reached])


def _norm(gradients: tuple[Tensor | None, ...] | list[Tensor | None]) -> float:
    there = [g.float().norm() for g in gradients if g is not None]
    return torch.stack(there).norm().item() if there else 0.0
