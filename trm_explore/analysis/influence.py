"""Which position looks at, or moves, which: attention maps, and for every mixing the sizes of derivatives.

    attention_maps(model, batch)                 # (S, calls, layers, heads, L, L): softmax(q k / sqrt(d))
    influence(model, batch).matrix               # (S, L, L): |d logits[i] / d x[j]|, i reads, j is moved

Influence is the Frobenius norm of a block of the Jacobian: by how much the logits of position i after a step change,
all directions taken together, when the embedded input x[j] moves a little: through all cycles up to that step. (Ours.)
Shapes: S steps, L positions, D width, V symbols or numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from trm_explore.analysis.view import View, one_puzzle, short
from trm_explore.config.checks import shown
from trm_explore.model import Batch, Carry, RecursiveModel
from trm_explore.model.carry import to_device
from trm_explore.model.cost import network_operations
from trm_explore.model.network import Attention, rotary, rotate
from trm_explore.model.recursion import device_of
from trm_explore.words import measurements
from trm_explore.words.percent import percent

BUDGET = 60e9  # operations that a call may take unless told otherwise: a few seconds on one thread
MOST = 12  # probes unless told otherwise: all directions of the logits of every task here
ROWS = 256  # cotangents at a time, so that memory stays bounded
SEED = 0  # of the probes' directions


@dataclass(frozen=True, slots=True)
class Influence:
    """Derivatives of what positions read with respect to what positions are given."""

    of: str  # logits or z_H
    matrix: np.ndarray  # (S, R, L): step, reading position (see positions), moved position
    positions: list[int]  # (R,) the positions that read
    probes: int  # directions of a position's reading that were asked for
    directions: int  # that it has: V, or D for z_H. With as many probes the norms are exact

    @property
    def text(self) -> str:
        """How exact it is, and how far it reaches."""
        if self.probes == self.directions:
            how = measurements.INFLUENCE_EXACT
        else:
            how = measurements.INFLUENCE_ESTIMATED.format(probes=self.probes, directions=self.directions, of=self.of)
        share = (self.matrix > 0.01 * self.matrix.max((1, 2), keepdims=True)).mean((1, 2))
        first, last = (percent(float(part)) for part in (share[0], share[-1]))
        return measurements.INFLUENCE.format(how=how, first=first, last=last)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "of": self.of,
            "matrix": short(self.matrix, 3),
            "positions": self.positions,
            "probes": self.probes,
            "directions": self.directions,
            "text": self.text,
        }


def attention_maps(
    model: RecursiveModel,
    batch: Batch,
    *,
    puzzle: int = 0,
    H_cycles: int | None = None,
) -> np.ndarray:
    """(S, calls, layers, heads, P + L, P + L) float32: how much each position (row) takes from each (column), summing
    to 1 over the columns. Calls are the L-cycles in order, then the H update; P positions of the prefix come first.
    Networks of different depth: layers that are not there are NaN. ValueError where nothing attends.
    """
    if not model.config.mixing.attends:
        raise ValueError(f"mixer={model.config.mixer} has no attention to show; take influence(), which needs none")
    carry = _started(model, batch, puzzle)
    calls: list[list[Tensor]] = []

    def watched(net: nn.Module) -> Callable[..., Tensor]:
        def call(z: Tensor, board: tuple[int, int] | None) -> Tensor:
            maps = []
            for layer in net.layers:
                maps.append(attention_of(layer.mix, z)[0])
                z = layer(z, board)
            calls.append(maps)
            return z

        return call

    parts = {"net": watched(model.net), "net_H": None if model.net_H is None else watched(model.net_H)}
    with torch.no_grad():
        steps = sum(1 for _ in View(model, **parts).cycles(carry, H_cycles=H_cycles))
    layers, one = max(map(len, calls)), calls[0][0]
    found = one.new_full((len(calls), layers, *one.shape), math.nan)
    for kept, maps in zip(found, calls, strict=True):
        kept[: len(maps)] = torch.stack(maps)
    return found.unflatten(0, (steps, -1)).cpu().numpy()


def attention_of(attention: Attention, x: Tensor) -> Tensor:
    """(B, heads, L, L) float32: softmax(q k^T / sqrt(d)) of x (B, L, D), as the module computes it inside."""
    B, L, D = x.shape
    width = D // attention.heads
    q, k, _ = attention.qkv_proj(x).view(B, L, 3, attention.heads, width).permute(2, 0, 3, 1, 4)
    if attention.rope:
        cos, sin = rotary(L, width, attention.theta, x.device)
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
    scores = (q.float() @ k.float().transpose(-1, -2)) / math.sqrt(width)
    if attention.causal:
        scores = scores.masked_fill(torch.ones(L, L, dtype=torch.bool, device=x.device).triu(1), -math.inf)
    return scores.softmax(-1)


def influence(
    model: RecursiveModel,
    batch: Batch,
    *,
    puzzle: int = 0,
    of: str = "logits",
    positions: Sequence[int] | None = None,
    H_cycles: int | None = None,
    probes: int | None = None,
    budget: float = BUDGET,
) -> Influence:
    """How much each position's reading (`of` logits, or z_H) moves with each position's input, after every step.

    The norm is exact with as many probes as a position's reading has directions (V, or D for z_H). Fewer are an
    estimate: random orthonormal directions Q (K, V) from a fixed seed, |J|^2 ~ V/K sum_k |q_k J|^2, right in the mean.
    `probes` None: as many as `budget` operations allow, MOST at most. Where they do not even allow one for every
    position, so many evenly spaced positions read. `positions` may be given: one alone is exact and quick.
    """
    carry = _started(model, batch, puzzle)
    P, S = model.config.puzzle_emb_len, H_cycles or model.config.H_cycles
    L = carry.z_H.shape[1] - P
    if of not in ("logits", "z_H"):
        raise ValueError(f"of={shown(of)} is not known; allowed are logits and z_H")
    directions = model.config.vocab_size if of == "logits" else model.config.hidden_size
    rows = _rows(model, S, budget * model.config.seq_len / L)
    if positions is None:
        count = min(L, max(1, rows))
        positions = np.linspace(0, L - 1, count).round().astype(int).tolist() if count < L else range(L)
    positions = [int(p) for p in positions]
    if not positions:
        raise ValueError(f"positions is empty; give at least one of 0 to {L - 1}")
    for p in positions:
        if not 0 <= p < L:
            raise ValueError(f"positions holds {p}, which is not there; allowed are 0 to {L - 1}")
    if probes is None:
        probes = min(directions, MOST, max(1, rows // len(positions)))
    if not 1 <= probes <= directions:
        raise ValueError(f"probes={probes} must be from 1 to {directions}, the directions of a position's {of}")
    x = model.embed(carry.data).detach().requires_grad_()
    asked = torch.zeros(len(positions), probes, 1, L, directions, dtype=torch.float32, device=x.device)
    for row, p in enumerate(positions):
        asked[row, :, 0, p] = _probes(probes, directions, x.device)
    asked = asked.flatten(0, 1)
    matrix = []
    with torch.enable_grad():
        for cycle in View(model, embed=lambda data: x).cycles(carry, H_cycles=S):
            read = cycle.logits if of == "logits" else cycle.z_H[:, P:]
            moved = [
                torch.autograd.grad(read, x, part.to(read.dtype), retain_graph=True, is_grads_batched=True)[0]
                for part in asked.split(ROWS)
            ]
            squares = torch.cat(moved)[:, 0, P:].double().square().sum(-1)  # (R * probes, L)
            matrix.append(squares.view(len(positions), probes, L).sum(1) * (directions / probes))
    return Influence(of, torch.stack(matrix).sqrt().cpu().numpy(), positions, probes, directions)


def _probes(count: int, directions: int, device: torch.device) -> Tensor:
    """(count, directions) orthonormal rows; the unit directions where they are all asked for."""
    if count == directions:
        return torch.eye(directions, device=device)
    generator = torch.Generator().manual_seed(SEED)
    full = torch.randn(directions, count, generator=generator, dtype=torch.float64)
    return torch.linalg.qr(full)[0].T.float().to(device)


def _rows(model: RecursiveModel, steps: int, budget: float) -> int:
    """Rows of the Jacobian that so many operations allow: going back from step k costs k + 1 cycles."""
    cycle = network_operations(model.config) * (model.config.L_cycles + 1)
    return int(budget / (cycle * steps * (steps + 1) / 2))


def _started(model: RecursiveModel, batch: Batch, puzzle: int) -> Carry:
    one = one_puzzle(to_device(batch, device_of(model)), puzzle)
    return model.start(model.initial_carry(one), one)
