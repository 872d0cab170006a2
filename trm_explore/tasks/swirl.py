"""Swirl: a point of the plane is carried along a flow for a fixed time; where does it arrive?

The flow turns around the centre, faster further in, and stands still outside the unit circle. So the answer is the
point turned by `TURN (1 - r^2)^2`, r its distance from the centre. One position, two numbers in, two out. Try it:

    >>> carried(np.array([[0.0, 1.0], [0.5, 0.0]])).round(3)
    array([[ 0.   ,  1.   ],
           [-0.462, -0.191]])
"""

from __future__ import annotations

from typing import Any

import numpy as np

from trm_explore.config.checks import shown
from trm_explore.tasks.base import Puzzles, RealTask

TURN = 2 * np.pi  # angle by which the innermost points are turned
EXTENT = 1.0  # points are drawn from the square [-EXTENT, EXTENT]^2, which the flow maps to itself
NEAR = 0.05  # an answer is right within this distance of the target
FINE = 32  # lattice cells a unit of length; a power of two, so that the cell of a float32 number is exact
HELD_OUT_SEED = 9  # one with which the first point, which is the one that a run shows, goes far
AT_ONCE = 4096  # points drawn at a time for the held-out ones
ACROSS = 9  # the companions' grid


class SwirlTask(RealTask):
    """Points of a square and where the flow carries them."""

    name, title = "swirl", "Swirl"
    help = (
        "A point is carried around the centre, faster further in; say where it arrives. Every step's answer is a place "
        "in the plane, so the way from step to step can be drawn as a line, and what a step does to other points as "
        "arrows."
    )
    rows = cols = seq_len = 1
    input_size = vocab_size = 2
    tolerance = NEAR**2 / 2  # a mean over two numbers

    def sample(self, n: int, rng: np.random.Generator) -> Puzzles:
        return self._batch(self._points(n, rng, held_out=False, at_once=n + n // 4 + 8))

    def held_out(self, n: int) -> Puzzles:
        return self._batch(self._points(n, np.random.default_rng(HELD_OUT_SEED), held_out=True, at_once=AT_ONCE))

    def read(self, text: str) -> tuple[Puzzles, str]:
        """Two numbers, x and y."""
        try:
            point = np.array([[float(word) for word in text.replace(",", " ").split()]], dtype=np.float32)
        except ValueError:
            point = np.zeros((1, 0))
        if point.shape != (1, 2) or not (np.abs(point) <= EXTENT).all():
            raise ValueError(
                f"puzzle={shown(text)} is no point of the plane; give x and y, each from {-EXTENT:g} to {EXTENT:g}, "
                f"such as {self.example()}"
            )
        return self._batch(point), ""

    def board(self) -> dict[str, Any]:
        return {"kind": "plane", "rows": 1, "cols": 1, "symbols": [], "box": None, "extent": EXTENT}

    def example(self) -> str:
        """A point that goes far."""
        return "0.4 0.2"

    def companions(self) -> Puzzles:
        """A grid of points over the whole square."""
        line = np.linspace(-0.9 * EXTENT, 0.9 * EXTENT, ACROSS)
        return self._batch(np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2).astype(np.float32))

    def browser_rule(self) -> dict[str, Any]:
        return {"name": "swirl", "turn": TURN}

    def challenges(self) -> dict[str, Puzzles]:
        """Near the centre, where the flow turns all the way round; where it stands still; outside of the square."""
        points = {"centre": (0.12, 0.05), "still": (0.8, 0.75), "outside": (1.5, 0.2)}
        return {name: self._batch(np.array([point], dtype=np.float32)) for name, point in points.items()}

    def _points(self, n: int, rng: np.random.Generator, *, held_out: bool, at_once: int) -> np.ndarray:
        """(n, 2) float32 points from one side of the split; drawn `at_once` at a time."""
        found = [np.zeros((0, 2), dtype=np.float32)]
        while sum(map(len, found)) < n:
            points = rng.uniform(-EXTENT, EXTENT, size=(at_once, 2)).astype(np.float32)
            found.append(points[_is_held_out(points) == held_out])
        return np.concatenate(found)[:n]

    def _batch(self, points: np.ndarray) -> Puzzles:
        there = carried(points.astype(np.float64)).astype(np.float32)
        return {"input_embeddings": points[:, None], "labels": there[:, None]}


def carried(points: np.ndarray) -> np.ndarray:
    """(N, 2) -> (N, 2): where the flow dp/dt = TURN max(0, 1 - r^2)^2 (-y, x) has brought them at t = 1."""
    x, y = points.T
    angle = TURN * np.maximum(1 - x * x - y * y, 0) ** 2  # r does not change on the way, so neither does the speed
    return np.stack([x * np.cos(angle) - y * np.sin(angle), x * np.sin(angle) + y * np.cos(angle)], axis=1)


def _is_held_out(points: np.ndarray) -> np.ndarray:
    """(N, 2) -> (N,) bool: every tenth cell of a fine lattice, in a regular pattern."""
    column, row = np.floor(points * np.float32(FINE)).astype(np.int64).T
    return (column + 3 * row) % 10 == 0
