"""What the tasks on grids share: distances by a wave, a key that symmetric wall layouts share, the held-out tenth.

Boards here have no outer wall: what lies outside counts as closed. Try it:

    >>> import numpy as np
    >>> distances(np.ones((1, 2, 3), dtype=bool), np.array([0]))
    array([[[0, 1, 2],
            [1, 2, 3]]], dtype=int32)
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from trm_explore.data.labels import Puzzles
from trm_explore.data.symmetry import mix

TENTH = np.uint64(10)
HELD_OUT_SEED = 7  # of all held-out puzzles made by these generators
ROUNDS = 40  # without one new puzzle: then there are no more
LARGEST_TYPED = 100  # cells a side of a grid that somebody types


def check_size(name: str, size: int, least: int, most: int, of_what: str) -> None:
    """ValueError unless `size` is possible; 0 stands for the task's own and is always allowed."""
    if size and not least <= size <= most:
        raise ValueError(f"{name}={size} cannot be: {of_what}, {least} to {most}; give such a number, or 0 for its own")


def distances(free: np.ndarray, start: np.ndarray) -> np.ndarray:
    """(N, R, C) bool, (N,) flat positions -> (N, R, C) int32: moves over free cells from the start, -1 where none
    leads."""
    N, R, C = free.shape
    fresh = np.zeros((N, R + 2, C + 2), dtype=bool)  # a closed border: no move leaves its board
    fresh[:, 1:-1, 1:-1] = free
    fresh = fresh.reshape(-1)
    moves = np.array([-1, 1, -(C + 2), C + 2])
    front = (np.arange(N) * (R + 2) + start // C + 1) * (C + 2) + start % C + 1
    far = np.full(fresh.shape, -1, dtype=np.int32)
    steps = 0
    while len(front):
        fresh[front], far[front] = False, steps
        near = (front[:, None] + moves).reshape(-1)
        near = near[fresh[near]]
        order = np.arange(len(near), dtype=np.int32)
        far[near] = order
        front = near[far[near] == order]  # a cell reached from two sides counts once
        steps += 1
    return np.ascontiguousarray(far.reshape(N, R + 2, C + 2)[:, 1:-1, 1:-1])


def eight_copies(board: np.ndarray) -> list[np.ndarray]:
    """A square board (.., S, S) turned and mirrored in the 8 ways there are."""
    turned = [np.rot90(board, k, axes=(-2, -1)) for k in range(4)]
    return [*turned, *(copy.swapaxes(-1, -2) for copy in turned)]


def wall_key(walls: np.ndarray) -> np.ndarray:
    """(N, S, S) bool -> (N,) uint64 that the 8 symmetric copies of a layout share; others nearly always differ.

    Every cell has a random number, a layout's hash is the sum over its walls, and its key the smallest of 8 hashes.
    """
    side = walls.shape[-1]
    numbers = mix(np.arange(1, side * side + 1, dtype=np.uint64), side).reshape(side, side)
    copies = np.stack([copy.reshape(-1) for copy in eight_copies(numbers)], axis=1)  # (L, 8)
    return mix((walls.reshape(len(walls), side * side).astype(np.uint64) @ copies).min(1), 1)


def is_held_out(keys: np.ndarray) -> np.ndarray:
    """(N,) bool: one key in ten belongs to the held-out side, whatever the run."""
    return keys % TENTH == 0


def gather(n: int, make: Callable[[int], list[np.ndarray]]) -> list[np.ndarray]:
    """n rows of every array, from a maker that is asked for some and may return fewer."""
    parts: list[list[np.ndarray]] = []
    have = 0
    while have < n:
        parts.append(make(n - have + 8))
        have += len(parts[-1][0])
    return [np.concatenate(arrays)[:n] for arrays in zip(*parts, strict=True)]


class HeldOut:
    """The puzzles of a maker in a fixed order, none twice. `make(rng)` gives some held-out puzzles, perhaps none."""

    def __init__(self, make: Callable[[np.random.Generator], Puzzles]):
        self._make, self._rng = make, np.random.default_rng(HELD_OUT_SEED)
        self._parts: list[Puzzles] = []
        self._seen: set[bytes] = set()
        self._barren = 0  # rounds in a row that brought nothing new

    def first(self, n: int) -> Puzzles:
        """The first n, or as many as there are; the same ones whatever was asked for before."""
        while not self._parts or (len(self._seen) < n and self._barren < ROUNDS):
            some, before = self._make(self._rng), len(self._seen)
            new = [i for i, row in enumerate(some["inputs"].astype(np.uint8)) if self._is_new(row.tobytes())]
            self._parts.append({name: value[new] for name, value in some.items()})
            self._barren = 0 if len(self._seen) > before else self._barren + 1
        self._parts = [{name: np.concatenate([part[name] for part in self._parts]) for name in self._parts[0]}]
        return {name: value[:n] for name, value in self._parts[0].items()}

    def _is_new(self, puzzle: bytes) -> bool:
        before = len(self._seen)
        self._seen.add(puzzle)
        return len(self._seen) > before


def read_square(text: str, tokens: dict[str, int], wall: int) -> tuple[np.ndarray, str]:
    """A typed grid, rows parted by line ends or "/", as the (L,) tokens of a square, and a remark. ValueError where it
    is no grid. What the square has and the text has not is wall: to a board without an outer wall that is the same."""
    rows = text.replace("\r", "").replace("/", "\n").strip("\n").split("\n")
    quoted = repr(text if len(text) <= 40 else text[:37] + "...")
    if not any(row.strip() for row in rows):
        raise ValueError(f"the grid {quoted} is empty; type rows such as S../.#.")
    unknown = sorted(set("".join(rows)) - set(tokens))
    if unknown:
        raise ValueError(f"{unknown[0][:20]!r} stands in the grid {quoted}; allowed are {', '.join(map(repr, tokens))}")
    wide, side = len(rows[0]), max(len(rows), *map(len, rows))
    odd = next((i for i, row in enumerate(rows) if len(row) != wide), None)
    if odd is not None:
        raise ValueError(
            f"row {odd + 1} of the grid {quoted} has {len(rows[odd])} cells, but the first has {wide}; make all rows "
            "equally long, with '.' for open cells"
        )
    if not 2 <= side <= LARGEST_TYPED:
        raise ValueError(f"the grid {quoted} has {side} cells a side; it must have 2 to {LARGEST_TYPED}")
    grid = np.full((side, side), wall, dtype=np.int64)
    for i, row in enumerate(rows):
        grid[i, :wide] = [tokens[char] for char in row]
    square = len(rows) == wide
    remark = "" if square else f"The grid is {len(rows)} x {wide}; walls make it a square of {side} x {side}."
    return grid.reshape(-1), remark


def exactly_one(name: str, count: int) -> None:
    """ValueError unless a typed grid has one such cell."""
    if count != 1:
        raise ValueError(f"the grid has {count} cells {name}; it must have exactly one")
