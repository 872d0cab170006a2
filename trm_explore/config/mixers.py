"""Mixers: how positions talk to each other. One entry states what a mixer costs and what it can take; no torch here.

The module that computes it is the class of the same name in network.MIXERS (a test holds the two lists equal). What an
entry states is used wherever it matters: checks of the config, estimates of cost and memory, which boards a network can
take. L is the number of positions, D the width, inner(n) SwiGLU's inner width for the width n; each number is that of
one layer, of one puzzle.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

Size = Callable[[int, int, Callable[[int], int]], float]  # (L, D, inner) -> a number


@dataclass(frozen=True, slots=True)
class Mixer:
    """What is known of a mixer without making one."""

    sentence: str
    parameters: Size
    """Trainable weights."""
    operations: Size
    """Operations of the matrix products of a forward call, two a multiply-add."""
    saved: Size
    """Inner activations of a SwiGLU of its own, which count like those of the layer's SwiGLU in what backward needs."""
    fixed_length: bool = False
    """Whether its weights are bound to one number of positions."""
    attends: bool = False
    """Whether each position takes a weighted mean over the others: it can be causal, turn positions by RoPE, and show
    attention maps."""
    any_positions: bool = True
    """Whether positions may stand before the board's own (puzzle_emb_len)."""
    norm_over_positions: bool = False
    """Whether RMSNorm after it may run over the positions (mix_norm=positions)."""


MIXERS: dict[str, Mixer] = {
    "attention": Mixer(
        "every position looks at every other",
        parameters=lambda L, D, inner: 4 * D * D,
        operations=lambda L, D, inner: 8 * L * D * D + 4 * L * L * D,  # q, k, v, out; scores and their sum over values
        saved=lambda L, D, inner: 0,
        attends=True,
    ),
    "mlp": Mixer(
        "an MLP over positions",
        parameters=lambda L, D, inner: 3 * L * inner(L),
        operations=lambda L, D, inner: 6 * D * L * inner(L),
        saved=lambda L, D, inner: D * inner(L),
        fixed_length=True,
        norm_over_positions=True,
    ),
    "conv": Mixer(
        "a 3x3 convolution over the board",
        parameters=lambda L, D, inner: 9 * D * D,
        operations=lambda L, D, inner: 18 * L * D * D,
        saved=lambda L, D, inner: 0,
        any_positions=False,
    ),
}
