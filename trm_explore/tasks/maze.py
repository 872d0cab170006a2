"""Mazes: mark a shortest path from the start to the goal. Perfect mazes have one way only, braided ones have loops.

Held-out mazes are apart from the training ones by their walls: no wall layout is on both sides, nor a turned or
mirrored copy of one. Tokens are as published for Maze-Hard: 0 pad, then "# SGo" as 1 to 5. Boards have no outer wall:
outside the board the convolution sees zeros anyway, and 49 cells cost less than 81. Try it:

    >>> import numpy as np
    >>> task = MazeTask()
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

SYMBOLS = ("", "#", " ", "S", "G", "o")
ROLES = ("", "wall", "open", "start", "goal", "path")
WALL, OPEN, START, GOAL, PATH = range(1, 6)
TYPED = {"#": WALL, " ": OPEN, ".": OPEN, "o": OPEN, "S": START, "G": GOAL}
SMALLEST, LARGEST, OWN_SIZE = 3, 40, 4  # rooms a side
PUBLISHED = 900  # positions of Maze-Hard's boards, 30 x 30: 15 rooms a side, and a wall below and on the right
FEW = 64  # held-out mazes among which one is looked for in which a wall less makes a second way
AT_ONCE = 2048  # mazes tried in one go for the held-out ones


class MazeTask(Task):
    """`size`, `eval_size`: rooms a side (0: the task's own, and the same); `loops`: part of the dead ends opened;
    `seq_len` 900: boards of the published side, for models that were made for them."""

    name = "maze"
    title = "Maze"
    help = (
        "Mark the shortest way from S to G. A convolution sees only the neighbouring cells, so what the network knows "
        "spreads like a wave, a few cells a step."
    )
    vocab_size = len(SYMBOLS)
    accepted_data_fields = ("size", "eval_size", "loops")
    has_rule_checker = True

    def __init__(self, size: int = 0, eval_size: int = 0, loops: float = 0.0, seq_len: int | None = None):
        for name, value in (("size", size), ("eval_size", eval_size)):
            check_size(name, value, SMALLEST, LARGEST, "a maze has rooms a side")
        if not 0 <= loops <= 1:
            raise ValueError(f"loops={loops} must be from 0 (one way only) to 1 (no dead end)")
        self.rim = int(seq_len == PUBLISHED and size in (0, math.isqrt(PUBLISHED) // 2))
        self.size, self.loops = size or (math.isqrt(PUBLISHED) // 2 if self.rim else OWN_SIZE), loops
        self.eval_size = eval_size or self.size
        self.rows = self.cols = 2 * self.size - 1 + self.rim
        self.seq_len = self.rows * self.cols
        self._held_out = HeldOut(self._some_held_out)

    def sample(self, n: int, rng: np.random.Generator) -> Puzzles:
        """n training mazes (n, L), a new one each."""

        def make(wanted: int) -> list[np.ndarray]:
            walls = dig(wanted + wanted // 8, self.size, self.loops, rng)
            return [walls[~is_held_out(wall_key(walls))]]

        return self._puzzles(gather(n, make)[0], rng)

    def held_out(self, n: int) -> Puzzles:
        return self._held_out.first(n)

    def held_out_shape(self) -> tuple[int, int]:
        side = 2 * self.eval_size - 1 + self.rim
        return side, side

    def shape_of(self, puzzles: Puzzles) -> tuple[int, int]:
        side = math.isqrt(puzzles["inputs"].shape[1])  # all mazes here are squares, also typed ones
        return side, side

    def check(self, inputs: np.ndarray, answers: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
        """(N, L) tokens -> (N,) bool by the rules: any shortest path, marked exactly, on an otherwise unchanged
        board."""
        marked = answers == PATH
        right = (np.where(marked, OPEN, answers) == inputs).all(1)
        (rows,) = np.nonzero(right)
        inputs, marked = inputs[rows], marked[rows]
        ends = (inputs == START) | (inputs == GOAL)
        # A way over marked cells alone that is no longer than they are many, and no way at all is shorter.
        length = marked.sum(1) + 1
        right[rows] = (_apart(inputs != WALL, inputs) == length) & (_apart(marked | ends, inputs) == length)
        return right

    def wrong_cells(self, inputs: np.ndarray, labels: np.ndarray | None, answers: np.ndarray) -> list[int]:
        """Cells (L,) that differ from the label, unless the answer is another shortest path; without a label, changed
        cells and marks."""
        if self.check(inputs[None], answers[None])[0]:
            return []
        return np.flatnonzero(answers != (inputs if labels is None else labels)).tolist()

    def given(self, inputs: np.ndarray) -> np.ndarray:
        """Walls, start and goal stay as they are."""
        return np.asarray(inputs) != OPEN

    def read(self, text: str) -> tuple[Puzzles, str]:
        """A typed maze: # wall, '.' or blank (or o) open, S, G; rows parted by line ends or '/'; of any size."""
        inputs, remark = read_square(text, TYPED, WALL)
        exactly_one("S", int((inputs == START).sum()))
        exactly_one("G", int((inputs == GOAL).sum()))
        inputs = inputs[None]
        if _apart(inputs != WALL, inputs)[0] < 0:
            return {"inputs": inputs}, f"{remark} No way leads from S to G, so no answer is right.".strip()
        return {"inputs": inputs, "labels": solve(inputs)}, remark

    def board(self) -> dict[str, Any]:
        shape = {"rows": self.rows, "cols": self.cols, "box": None}
        return {"kind": "path", **shape, "symbols": list(SYMBOLS), "roles": list(ROLES)}

    def example(self) -> str:
        """A maze to start with; held out."""
        side, _ = self.held_out_shape()
        rows = self.held_out(1)["inputs"].reshape(side, side).tolist()
        return "/".join("".join("." if token == OPEN else SYMBOLS[token] for token in row) for row in rows)

    def browser_rule(self) -> dict[str, Any]:
        return {"name": "maze"}

    def challenges(self) -> dict[str, Puzzles]:
        """A goal that is walled in, two ways of the same length, and a maze of twice the side."""
        known = self.held_out(FEW)
        inputs, labels = known["inputs"], known["labels"]
        side, _ = self.held_out_shape()
        walled = inputs[0].copy()
        goal = int((walled == GOAL).argmax())
        beside = _beside(goal, side)
        walled[beside[inputs[0][beside] != START]] = WALL
        larger = MazeTask(self.size, 2 * self.size + (self.rim > 0), self.loops).held_out(1)
        found = {"impossible": {"inputs": walled[None]}, "larger": larger}
        for maze, way in zip(inputs, labels, strict=True):
            for wall in np.flatnonzero(maze == WALL):
                trial = maze.copy()
                trial[wall] = OPEN
                if _ways(trial[None]) > 1 and _apart(trial[None] != WALL, trial[None])[0] == (way == PATH).sum() + 1:
                    return {"several": {"inputs": trial[None], "labels": solve(trial[None])}, **found}
        return found

    def _some_held_out(self, rng: np.random.Generator) -> Puzzles:
        """Mazes of the held-out size; of another size than the training ones all are apart, and fewer will do."""
        same = self.eval_size == self.size
        walls = dig(AT_ONCE if same else AT_ONCE // 16, self.eval_size, self.loops, rng)
        return self._puzzles(walls[is_held_out(wall_key(walls))] if same else walls, rng)

    def _puzzles(self, walls: np.ndarray, rng: np.random.Generator) -> Puzzles:
        """(N, S, S) walls -> mazes with a start, a goal that is not near, and a path."""
        N, S, _ = walls.shape
        size = (S + 1) // 2
        room = _rooms(size)
        start = room[rng.integers(len(room), size=N)]
        far = distances(~walls, start).reshape(N, S * S)
        # From any room another is half a board away across and half a board down: size // 2 rooms, two moves each.
        chance = np.where(far[:, room] >= 4 * (size // 2), rng.random((N, len(room))), -1)
        goal = room[chance.argmax(1)]
        inputs = np.where(walls.reshape(N, S * S), WALL, OPEN)
        inputs[np.arange(N), start], inputs[np.arange(N), goal] = START, GOAL
        around = ((0, 0), (0, self.rim), (0, self.rim))
        both = {"inputs": inputs, "labels": solve(inputs, far)}
        return {
            name: np.pad(board.reshape(N, S, S), around, constant_values=WALL).reshape(N, -1)
            for name, board in both.items()
        }


def dig(n: int, size: int, loops: float, rng: np.random.Generator) -> np.ndarray:
    """n random mazes of size x size rooms as walls (n, 2 size - 1, 2 size - 1) bool, all dug side by side.

    Depth first: from the room dug last a door opens to a random untouched neighbour; where there is none, one goes
    back. That makes long winding ways. With `loops` such a part of the dead ends gets a second door.
    """
    rooms, S = size * size, 2 * size - 1
    number = np.full((size + 2, size + 2), rooms)  # `rooms` stands for none
    number[1:-1, 1:-1] = np.arange(rooms).reshape(size, size)
    near = [number[:-2, 1:-1], number[2:, 1:-1], number[1:-1, :-2], number[1:-1, 2:]]
    near = np.stack(near, axis=-1).reshape(rooms, 4)
    room = np.append(_rooms(size), 2 * S * S)  # a room's flat position; the door between two rooms lies half way
    door = np.minimum((room[:rooms, None] + room[near]) // 2, S * S)  # (rooms, 4), S * S where there is none
    walls = np.ones((n, S * S + 1), dtype=bool)
    walls[:, room[:rooms]] = False
    touched = np.zeros((n, rooms + 1), dtype=bool)
    touched[:, rooms] = True
    back = np.zeros((n, rooms), dtype=np.int64)  # from where each room was reached
    every = np.arange(n)
    here = rng.integers(rooms, size=n)
    touched[every, here], back[every, here] = True, here
    left = n * (rooms - 1)
    while left:
        closed = touched[every[:, None], near[here]]  # (n, 4)
        way = np.where(closed, -1, rng.random((n, 4), dtype=np.float32)).argmax(1)
        (go,) = np.nonzero(~closed.all(1))
        old, new = here[go], near[here[go], way[go]]
        here = back[every, here]
        here[go] = new
        walls[go, door[old, way[go]]] = False
        touched[go, new], back[go, new] = True, old
        left -= len(go)
    if loops:
        closed = walls[:, door]  # (n, rooms, 4)
        opened = (closed.sum(2) == 3) & (rng.random((n, rooms)) < loops)
        chance = np.where(closed & (door < S * S), rng.random(closed.shape), -1)
        maze, end = np.nonzero(opened)
        walls[maze, door[end, chance.argmax(2)[maze, end]]] = False
    return walls[:, :-1].reshape(n, S, S)


def solve(inputs: np.ndarray, far: np.ndarray | None = None) -> np.ndarray:
    """(N, L) solvable mazes -> the same with a shortest path marked; `far`: distances from the start, if known."""
    N, L = inputs.shape
    S = math.isqrt(L)
    if far is None:
        far = distances((inputs != WALL).reshape(N, S, S), (inputs == START).argmax(1))
    far = np.pad(far.reshape(N, S, S), ((0, 0), (1, 1), (1, 1)), constant_values=-1).reshape(-1)
    labels = np.full((N, S + 2, S + 2), WALL)
    labels[:, 1:-1, 1:-1] = inputs.reshape(N, S, S)
    flat = labels.reshape(-1)
    (here,) = np.nonzero(flat == GOAL)
    moves = np.array([-1, 1, -(S + 2), S + 2])
    while len(here := here[far[here] > 1]):  # back from the goal, all mazes side by side
        near = here[:, None] + moves
        here = near[np.arange(len(here)), (far[near] == far[here][:, None] - 1).argmax(1)]
        flat[here] = PATH
    return labels[:, 1:-1, 1:-1].reshape(N, L)


def _rooms(size: int) -> np.ndarray:
    """Flat positions of the size x size rooms on their board."""
    at = 2 * np.arange(size)
    return (at[:, None] * (2 * size - 1) + at).reshape(-1)


def _beside(cell: int, side: int) -> np.ndarray:
    """Flat positions above, left, right of and below a cell of a square board."""
    row, col = divmod(cell, side)
    near = [(row - 1, col), (row, col - 1), (row, col + 1), (row + 1, col)]
    return np.array([r * side + c for r, c in near if 0 <= r < side and 0 <= c < side])


def _ways(inputs: np.ndarray) -> int:
    """Cells that share the same place on a shortest way of a maze (1, L), at most: 1 where there is one way only."""
    side = math.isqrt(inputs.shape[1])
    free = (inputs != WALL).reshape(1, side, side)
    start, goal = (inputs == START).argmax(1), (inputs == GOAL).argmax(1)
    there, back = (distances(free, end).reshape(-1) for end in (start, goal))
    between = (there > 0) & (back > 0) & (there + back == there[goal[0]])
    return int(np.bincount(there[between], minlength=1).max())


def _apart(free: np.ndarray, inputs: np.ndarray) -> np.ndarray:
    """(N, L) free cells, mazes -> (N,) moves from start to goal over free cells, -1 where there is no way."""
    N, L = inputs.shape
    S = math.isqrt(L)
    far = distances(free.reshape(N, S, S), (inputs == START).argmax(1)).reshape(N, L)
    return far[np.arange(N), (inputs == GOAL).argmax(1)]
