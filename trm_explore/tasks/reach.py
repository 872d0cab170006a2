"""Flood fill: mark every open cell that can be reached from the start, moving up, down, left and right.

The simplest wave: a cell is reached if a neighbour is. A network of 3x3 convolutions cannot know in fewer calls than
the way is long, so every step shows how far the wave has come. Walls take a third of the cells, so that ways wind and
some open cells cannot be reached; grids in which the wave dies early are left out. Held-out grids are apart from the
training ones by their walls, up to turning and mirroring. Try it:

    >>> import numpy as np
    >>> task = ReachTask()
    >>> batch = task.sample(2, np.random.default_rng(0))
    >>> task.check(batch["inputs"], batch["labels"])
    array([ True,  True])
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from trm_explore.data.grids import (
    HeldOut,
    check_size,
    distances,
    exactly_one,
    gather,
    is_held_out,
    read_square,
    wall_key,
)
from trm_explore.tasks.base import Puzzles, Task

SYMBOLS = ("", "#", " ", "S", "o")
ROLES = ("", "wall", "open", "start", "reached")
WALL, OPEN, START, REACHED = range(1, 5)
TYPED = {"#": WALL, " ": OPEN, ".": OPEN, "o": OPEN, "S": START}
SMALLEST, LARGEST, OWN_SIZE = 4, 60, 8  # cells a side
WALLS = 0.35  # part of the cells; above 0.41 even a large board falls into pieces
AT_ONCE = 1024  # grids tried in one go for the held-out ones


class ReachTask(Task):
    """`size`, `eval_size`: cells a side (0: the task's own, and the same)."""

    name = "reach"
    title = "Flood fill"
    help = (
        "Mark every open cell that can be reached from S. A convolution sees only the neighbouring cells, so what is "
        "reached is found in several steps; on the way cells may become wrong again. More steps than in training can "
        "fill a larger board."
    )
    vocab_size = len(SYMBOLS)
    accepted_data_fields = ("size", "eval_size")
    has_rule_checker = True

    def __init__(self, size: int = 0, eval_size: int = 0):
        for name, value in (("size", size), ("eval_size", eval_size)):
            check_size(name, value, SMALLEST, LARGEST, "a grid to flood has cells a side")
        self.size = size or OWN_SIZE
        self.eval_size = eval_size or self.size
        self.rows = self.cols = self.size
        self.seq_len = self.rows * self.cols
        self._held_out = HeldOut(self._some_held_out)

    def sample(self, n: int, rng: np.random.Generator) -> Puzzles:
        """n training grids (n, L), a new one each."""

        def make(wanted: int) -> list[np.ndarray]:
            made = grids(2 * wanted, self.size, rng)  # about half are kept
            kept = ~self._is_held_out(made[0])
            return [array[kept] for array in made]

        return _batch(gather(n, make))

    def held_out(self, n: int) -> Puzzles:
        return self._held_out.first(n)

    def held_out_shape(self) -> tuple[int, int]:
        return self.eval_size, self.eval_size

    def shape_of(self, puzzles: Puzzles) -> tuple[int, int]:
        side = math.isqrt(puzzles["inputs"].shape[1])  # all grids here are squares, also typed ones
        return side, side

    def check(self, inputs: np.ndarray, answers: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
        """(N, L) tokens -> (N,) bool by the rules."""
        return (answers == fill(inputs)).all(1)

    def wrong_cells(self, inputs: np.ndarray, labels: np.ndarray | None, answers: np.ndarray) -> list[int]:
        return np.flatnonzero(answers != (fill(inputs[None])[0] if labels is None else labels)).tolist()

    def given(self, inputs: np.ndarray) -> np.ndarray:
        """Walls and start stay as they are."""
        return np.asarray(inputs) != OPEN

    def read(self, text: str) -> tuple[Puzzles, str]:
        """A typed grid: # wall, '.' or blank (or o) open, S start; rows parted by line ends or '/'; of any size."""
        inputs, remark = read_square(text, TYPED, WALL)
        exactly_one("S", int((inputs == START).sum()))
        return _batch([inputs[None]]), remark

    def board(self) -> dict[str, Any]:
        shape = {"rows": self.rows, "cols": self.cols, "box": None}
        return {"kind": "path", **shape, "symbols": list(SYMBOLS), "roles": list(ROLES)}

    def example(self) -> str:
        """A grid to start with; held out."""
        rows = self.held_out(1)["inputs"].reshape(self.held_out_shape()).tolist()
        return "/".join("".join("." if token == OPEN else SYMBOLS[token] for token in row) for row in rows)

    def browser_rule(self) -> dict[str, Any]:
        return {"name": "reach"}

    def challenges(self) -> dict[str, Puzzles]:
        """A start that is walled in, one long winding way, and a board of twice the side."""
        side, _ = self.held_out_shape()
        snake = np.full((side, side), OPEN)
        snake[1::2] = WALL
        snake[1::4, -1] = snake[3::4, 0] = OPEN  # the way turns at one end of each wall, then at the other
        snake[0, 0] = START
        walled = np.full((side, side), OPEN)
        middle = side // 2
        walled[middle - 1 : middle + 2, middle - 1 : middle + 2] = WALL
        walled[middle, middle] = START
        return {
            "enclosed": _batch([walled.reshape(1, -1)]),
            "snake": _batch([snake.reshape(1, -1)]),
            "larger": ReachTask(self.size, 2 * self.size).held_out(1),
        }

    def _is_held_out(self, inputs: np.ndarray) -> np.ndarray:
        side = math.isqrt(inputs.shape[1])
        return is_held_out(wall_key((inputs == WALL).reshape(len(inputs), side, side)))

    def _some_held_out(self, rng: np.random.Generator) -> Puzzles:
        """Grids of the held-out size; of another size than the training ones all are apart."""
        (inputs,) = grids(AT_ONCE, self.eval_size, rng)
        return _batch([inputs[self._is_held_out(inputs)] if self.eval_size == self.size else inputs])


def grids(n: int, size: int, rng: np.random.Generator) -> list[np.ndarray]:
    """[inputs (at most n, size^2)]: of n random grids those in which the wave runs at least `size` moves."""
    walls = rng.random((n, size * size), dtype=np.float32) < WALLS
    start = np.where(walls, -1, rng.random((n, size * size), dtype=np.float32)).argmax(1)
    walls[np.arange(n), start] = False
    far = distances(~walls.reshape(n, size, size), start).reshape(n, size * size).max(1)
    inputs = np.where(walls, WALL, OPEN)
    inputs[np.arange(n), start] = START
    return [inputs[far >= size]]


def fill(inputs: np.ndarray) -> np.ndarray:
    """(N, L) grids -> the same with every reached cell marked; a grid without a start stays as it is."""
    N, L = inputs.shape
    side = math.isqrt(L)
    starts = inputs == START
    far = distances((inputs != WALL).reshape(N, side, side), starts.argmax(1)).reshape(N, L)
    return np.where((far > 0) & (inputs == OPEN) & starts.any(1, keepdims=True), REACHED, inputs)


def _batch(arrays: list[np.ndarray]) -> Puzzles:
    return {"inputs": arrays[0], "labels": fill(arrays[0])}
