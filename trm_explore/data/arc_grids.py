"""ARC's grids as tokens and back, and its augmented copies, as published.

A grid of up to 30 x 30 colours lies somewhere on a board of 30 x 30 tokens: 0 pad, 1 end (one row below the grid and
one column right of it, where there is room), colour + 2. A copy of a puzzle exchanges the colours 1 to 9 (0 stays) and
turns or mirrors every grid; its name says how: NAME|||t3|||0725..., so that an answer can be brought back.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np

from trm_explore.config.checks import shown
from trm_explore.data.dihedral import WAYS, turned, turned_back

SIDE = 30
COLOURS = 10
VOCABULARY = COLOURS + 2
END, FIRST = 1, 2  # tokens: the end of a grid, colour 0
MARK = "|||"
Pair = tuple[np.ndarray, np.ndarray]  # one example: what is shown, what is asked for; (R, C) uint8 colours each


def grid_of(cells: Any, where: str) -> np.ndarray:
    """Lists of colours as (R, C) uint8; ValueError, beginning with `where`, for what is no grid."""
    try:
        grid = np.array(cells)
    except ValueError:  # rows of different lengths
        grid = np.zeros(0)
    if grid.ndim != 2 or not 1 <= grid.shape[0] <= SIDE or not 1 <= grid.shape[1] <= SIDE:
        raise ValueError(f"{where} is no grid: it must be 1 to {SIDE} rows of equal length, 1 to {SIDE}")
    if grid.dtype.kind not in "iu" or grid.min() < 0 or grid.max() >= COLOURS:
        raise ValueError(f"{where} has a colour outside 0 to {COLOURS - 1}, or no whole number")
    return grid.astype(np.uint8)


def board_of(grid: np.ndarray, top: int = 0, left: int = 0) -> np.ndarray:
    """(R, C) colours with their corner at (top, left) of the board -> (900,) uint8 tokens."""
    (rows, cols), board = grid.shape, np.zeros((SIDE, SIDE), dtype=np.uint8)
    bottom, right = top + rows, left + cols
    board[top:bottom, left:right] = grid + FIRST
    if bottom < SIDE:
        board[bottom, left:right] = END
    if right < SIDE:
        board[top:bottom, right] = END
    return board.reshape(-1)


def crop(tokens: np.ndarray) -> np.ndarray:
    """(900,) tokens -> (R, C) uint8 colours: the largest rectangle from the upper left corner that holds colours only,
    the first of equally large ones; (0, 0) where there is none."""
    board = np.asarray(tokens).reshape(SIDE, SIDE)
    colour = (board >= FIRST) & (board < VOCABULARY)
    widths = np.minimum.accumulate(
        np.where(colour.all(1), SIDE, colour.argmin(1))
    )  # of the rectangles 1, 2, .. rows high
    areas = widths * np.arange(1, SIDE + 1)
    rows = int(areas.argmax())
    height = rows + 1 if areas[rows] else 0
    return (board[:height, : widths[rows] if height else 0] - FIRST).astype(np.uint8)


def key_of(grid: np.ndarray) -> bytes:
    """Equal for equal grids only."""
    return bytes(grid.shape) + np.ascontiguousarray(grid).tobytes()


def puzzle_key(pairs: list[Pair]) -> bytes:
    """Equal for puzzles with the same examples, in whatever order."""
    keys = sorted(len(a).to_bytes(2, "big") + a + b for a, b in ((key_of(x), key_of(y)) for x, y in pairs))
    return hashlib.sha256(b"".join(len(key).to_bytes(2, "big") + key for key in keys)).digest()


def random_change(rng: np.random.RandomState) -> tuple[int, np.ndarray]:
    """One augmentation: a way to turn, and colour -> colour, (10,) uint8. Drawn in the published builder's order."""
    way = int(rng.randint(0, WAYS))
    return way, np.concatenate([[0], rng.permutation(COLOURS - 1) + 1]).astype(np.uint8)


def changed(grid: np.ndarray, way: int, colours: np.ndarray) -> np.ndarray:
    """The grid of the copy."""
    return turned(colours[grid], way)


def copy_name(name: str, way: int, colours: np.ndarray) -> str:
    return f"{name}{MARK}t{way}{MARK}{''.join(map(str, colours))}"


def undo(name: str) -> tuple[str, Callable[[np.ndarray], np.ndarray]]:
    """Of a copy's name the puzzle's own name, and the function that brings its grids back; ValueError where the name
    says no augmentation that is known."""
    if MARK not in name:
        return name, lambda grid: grid
    *_, way, colours = name.split(MARK)
    if not (way[:1] == "t" and way[1:] in "01234567" and len(way) == 2 and sorted(colours) == list("0123456789")):
        raise ValueError(
            f"the puzzle name {shown(name, 200)} does not end in {MARK}tN{MARK} and a permutation of 0123456789"
        )
    back = np.argsort([int(colour) for colour in colours]).astype(np.uint8)
    return name.split(MARK)[0], lambda grid: back[turned_back(grid, int(way[1:]))]
