"""Poisson's equation on a grid: from charges to the potential they make, -Laplace u = f with u = 0 outside the grid.

Input: f, two to five point charges on different cells, each of strength 1 to 2 and either sign. Label: u, solved
exactly by the inverse of the 5-point matrix (4 on the diagonal, -1 for each neighbour), times a constant that gives u
a mean square of 1. What an iterative solver reaches by going over the grid again and again, the network may learn to
reach with each step.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from trm_explore.config.checks import shown
from trm_explore.data.symmetry import mix
from trm_explore.tasks.base import Puzzles, RealTask

SIZES = range(4, 33)
FEWEST, MOST = 2, 5  # charges
WEAKEST, STRONGEST = 1.0, 2.0
HELD_OUT_SEED = 10
AT_ONCE = 2048  # sources drawn at a time for the held-out ones


class PoissonTask(RealTask):
    """Grids of `size` x `size`, the held-out ones of `eval_size`. 0: 8, and held out as in training."""

    accepted_data_fields = ("size", "eval_size")
    name, title = "poisson", "Poisson"
    help = (
        "Charges lie on a grid; find the potential around them. Every charge is felt everywhere, but the network sees "
        "only neighbouring cells at a time, so it must relax the grid, as an iterative solver does."
    )
    input_size = vocab_size = 1
    offered_numbers = (-STRONGEST, -WEAKEST, 0.0, WEAKEST, STRONGEST)
    tolerance = 0.01  # 1 % of the potential's mean square

    def __init__(self, size: int = 0, eval_size: int = 0):
        for name, value in (("size", size), ("eval_size", eval_size)):
            if value and value not in SIZES:
                raise ValueError(
                    f"{name}={shown(value)} is no side for a grid here; allowed are {SIZES[0]} to {SIZES[-1]}, "
                    "or 0 for the task's own"
                )
        self.rows = self.cols = self.size = size or 8
        self.eval_size = eval_size or self.size
        self.seq_len = self.size**2

    def sample(self, n: int, rng: np.random.Generator) -> Puzzles:
        return self._batch(self._sources(n, rng, self.size, held_out=False, at_once=n + n // 4 + 8))

    def held_out(self, n: int) -> Puzzles:
        rng = np.random.default_rng(HELD_OUT_SEED)
        return self._batch(self._sources(n, rng, self.eval_size, held_out=True, at_once=AT_ONCE))

    def held_out_shape(self) -> tuple[int, int]:
        return self.eval_size, self.eval_size

    def board(self) -> dict[str, Any]:
        shape = {"rows": self.rows, "cols": self.cols}
        return {"kind": "heat", **shape, "symbols": [], "box": None, "range": [-3.0, 3.0]}

    def browser_rule(self) -> dict[str, Any]:
        return {"name": "poisson", "scale": self.scale}

    def challenges(self) -> dict[str, Puzzles]:
        """A charge five times as strong as the strongest in training, one on every cell, and a grid of twice the
        side."""
        size = self.size
        strong = np.zeros((size, size), np.float32)
        strong[size // 2, size // 3] = 5 * STRONGEST
        checked = np.where(np.indices((size, size)).sum(0) % 2, STRONGEST, -STRONGEST).astype(np.float32)
        larger = PoissonTask(size, min(2 * size, SIZES[-1])).held_out(1)
        return {
            "strong": self._batch(strong.reshape(1, -1)),
            "everywhere": self._batch(checked.reshape(1, -1)),
            "larger": larger,
        }

    @cached_property
    def scale(self) -> float:
        """1 / the root mean square of u on grids of the training size; on all sizes the same, so that the equation is.

        Charges of either sign are independent, so the squares of what each one makes add up.
        """
        strength = (STRONGEST**3 - WEAKEST**3) / (STRONGEST - WEAKEST) / 3  # mean square of a uniform number
        charges = (FEWEST + MOST) / 2
        return float((charges * strength * np.square(_inverse(self.size)).mean()) ** -0.5)

    @cached_property
    def _inverses(self) -> dict[int, np.ndarray]:
        """By the grid's size: (L, L), from f to u, scaled."""
        return {size: _inverse(size) * self.scale for size in {self.size, self.eval_size}}

    def _sources(self, n: int, rng: np.random.Generator, size: int, *, held_out: bool, at_once: int) -> np.ndarray:
        """(n, L) float32 sources from one side of the split; drawn `at_once` at a time."""
        found = [np.zeros((0, size * size), dtype=np.float32)]
        while sum(map(len, found)) < n:
            cells = rng.random((at_once, size * size)).argpartition(MOST, axis=1)[:, :MOST]  # different ones
            there = np.arange(MOST) < rng.integers(FEWEST, MOST + 1, size=(at_once, 1))
            strength = rng.uniform(WEAKEST, STRONGEST, size=cells.shape) * rng.choice([-1.0, 1.0], size=cells.shape)
            sources = np.zeros((at_once, size * size), dtype=np.float32)
            np.put_along_axis(sources, cells, np.where(there, strength, 0), axis=1)
            found.append(sources[_is_held_out(sources) == held_out])
        return np.concatenate(found)[:n]

    def _batch(self, sources: np.ndarray) -> Puzzles:
        potential = (sources @ self._inverses[round(sources.shape[1] ** 0.5)]).astype(np.float32)
        return {"input_embeddings": sources[..., None], "labels": potential[..., None]}


def _inverse(size: int) -> np.ndarray:
    """(L, L) inverse of the 5-point matrix of a size x size grid."""
    along = 2 * np.eye(size) - np.eye(size, k=1) - np.eye(size, k=-1)
    return np.linalg.inv(np.kron(along, np.eye(size)) + np.kron(np.eye(size), along))


def _is_held_out(sources: np.ndarray) -> np.ndarray:
    """(N, L) -> (N,) bool: a fixed tenth, by a key of the charged cells, whatever the strengths and signs; the eight
    symmetric copies of a source share it."""
    size = round(sources.shape[1] ** 0.5)
    grid = mix(np.arange(size * size, dtype=np.uint64), 5).reshape(size, size)
    copies = [np.rot90(flipped, turn).ravel() for flipped in (grid, grid.T) for turn in range(4)]
    charged = sources != 0
    keys = [mix(np.where(charged, copy, np.uint64(0)).sum(1), 6) for copy in copies]
    return np.minimum.reduce(keys) % np.uint64(10) == 0
