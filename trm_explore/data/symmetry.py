"""What leaves a Sudoku the same puzzle: augmentation, and keys that tell which puzzles are copies of one another.

Relabelling the digits, exchanging rows within a band, columns within a stack, bands, stacks and, where boxes are
square, rows with columns turns a puzzle into a copy that is no new puzzle. Training makes copies (`augment`); a split
into training and held-out puzzles must keep all copies on one side (`symmetry_key`, `four_by_four_classes`). Try it:

    >>> import numpy as np
    >>> from trm_explore.data.sudoku_rules import generate
    >>> from trm_explore.data.symmetry import augment, symmetry_key
    >>> question, answer = generate(9, 30, np.random.default_rng(0))
    >>> copy, _ = augment(question[None], answer[None], np.random.default_rng(1), 9)
    >>> bool(symmetry_key(copy, 9) == symmetry_key(question[None], 9))
    True
"""

from __future__ import annotations

from functools import cache
from itertools import permutations
from typing import NamedTuple

import numpy as np

from trm_explore.data.sudoku_rules import BOXES, is_solution

CHUNK = 2048  # puzzles hashed at a time: their arrays stay in the processor's cache


def _shuffled_lines(n: int, groups: int, each: int, rng: np.random.Generator) -> np.ndarray:
    """For n puzzles an order of rows (or columns): groups of `each` lines change places, and lines within them."""
    order = rng.random((n, groups)).argsort(1)[:, :, None]  # (n, groups, 1)
    within = rng.random((n, groups, each)).argsort(2)  # (n, groups, each)
    return (order * each + within).reshape(n, -1)


def distinct(questions: np.ndarray) -> np.ndarray:
    """(N, L) -> row numbers of the first of each different puzzle, in order. (np.unique takes 20 times as long.)"""
    rows = np.ascontiguousarray(questions).view(f"V{questions.shape[1]}").ravel().tolist()  # bytes
    first = dict(zip(reversed(rows), range(len(rows) - 1, -1, -1), strict=True))
    return np.array(sorted(first.values()), dtype=np.int64)


def augment(
    questions: np.ndarray, answers: np.ndarray, rng: np.random.Generator, size: int
) -> tuple[np.ndarray, np.ndarray]:
    """A random symmetric copy of each of the (N, L) puzzles, every one with its own transformation."""
    n, (box_rows, box_cols) = len(questions), BOXES[size]
    rows = _shuffled_lines(n, size // box_rows, box_rows, rng)
    cols = _shuffled_lines(n, size // box_cols, box_cols, rng)
    source = rows[:, :, None] * size + cols[:, None, :]  # (N, rows, cols): the cell each cell is taken from
    if box_rows == box_cols:
        source = np.where(rng.random((n, 1, 1)) < 0.5, source.transpose(0, 2, 1), source)
    source = source.reshape(n, -1)
    labels = np.zeros((n, size + 1), dtype=np.uint8)  # a blank stays a blank
    labels[:, 1:] = rng.random((n, size)).argsort(1) + 1
    return tuple(
        np.take_along_axis(labels, np.take_along_axis(digits, source, 1).astype(np.int64), 1)
        for digits in (questions, answers)
    )


def mix(values: np.ndarray, salt: int) -> np.ndarray:
    """Scramble (.., ) uint64 so that sums of the results tell multisets apart; wraps around on purpose."""
    values = values + np.uint64(salt * 0x9E3779B97F4A7C15 % 2**64)
    values = (values ^ (values >> np.uint64(32))) * np.uint64(0xD6E8FEB86659FD93)
    values = (values ^ (values >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
    return values ^ (values >> np.uint64(32))


def symmetry_key(questions: np.ndarray, size: int) -> np.ndarray:
    """(N, L) -> (N,) uint64 that all symmetric copies of a puzzle share; different puzzles nearly always differ.

    Colour refinement (Weisfeiler-Lehman): cells, rows, columns, boxes, bands, stacks and digits start with a colour
    each kind has in common, then take up their neighbours' colours a few times, always as a sum, so that order and
    names leave no trace. Copies therefore share the key for certain; a split by key never tears them apart.
    """
    chunks = [_keys(questions[i : i + CHUNK], size) for i in range(0, len(questions), CHUNK)]
    return np.concatenate(chunks) if chunks else np.zeros(0, dtype=np.uint64)


def _keys(questions: np.ndarray, size: int, rounds: int = 4) -> np.ndarray:
    n, (box_rows, box_cols) = len(questions), BOXES[size]
    down, across = size // box_rows, size // box_cols  # bands, stacks
    col_salt = 1 if box_rows == box_cols else 2  # rows and columns are of one kind where they can change places
    which = questions.astype(np.int64)
    cells = mix((questions > 0).astype(np.uint64), 0)  # (N, L)
    rows = np.ones((n, size), dtype=np.uint64)
    cols, boxes = rows * np.uint64(col_salt), np.ones((n, down, across), dtype=np.uint64)
    digits = np.ones((n, size + 1), dtype=np.uint64)
    digits[:, 0] = 0  # blanks have no digit in common
    for _ in range(rounds):
        grid = mix(cells, 3).reshape(n, size, size)
        rows = mix(rows + grid.sum(2), 4)
        cols = mix(cols + grid.sum(1), 3 + col_salt)
        boxes = mix(boxes + grid.reshape(n, down, box_rows, across, box_cols).sum((2, 4)), 6)
        for digit in range(1, size + 1):
            digits[:, digit] += (grid.reshape(n, -1) * (which == digit)).sum(1)
        digits[:, 1:] = mix(digits[:, 1:], 7)
        bands = mix(rows.reshape(n, down, box_rows).sum(2), 8).repeat(box_rows, 1)  # (N, size)
        stacks = mix(cols.reshape(n, across, box_cols).sum(2), 8).repeat(box_cols, 1)
        rows, cols = rows + bands, cols + stacks
        lines = mix(rows, 9)[:, :, None] + mix(cols, 9)[:, None, :]  # (N, size, size)
        lines += boxes.repeat(box_rows, 1).repeat(box_cols, 2)
        cells = mix(cells + lines.reshape(n, -1) + np.take_along_axis(digits, which, 1), 10)
    return mix(cells, 11).sum(1) + mix(digits[:, 1:], 12).sum(1)


class Classes(NamedTuple):
    """All 4x4 puzzles with one solution and 4 to 8 givens, on one grid of each of the two types. M puzzles."""

    questions: np.ndarray  # (M, 16) uint8
    answers: np.ndarray  # (M, 16) uint8
    givens: np.ndarray  # (M,)
    class_id: np.ndarray  # (M,): equal exactly for symmetric copies


@cache
def four_by_four_classes() -> Classes:
    """Every 4x4 puzzle there is, up to symmetry, with its class. Exact, by enumeration."""
    rows = np.array(list(permutations((1, 2, 3, 4))), dtype=np.uint8)  # (24, 4)
    grids = rows[np.indices((24,) * 4).reshape(4, -1).T].reshape(-1, 16)  # four rows of any kind
    grids = grids[is_solution(np.zeros_like(grids), grids)]  # (288, 16)
    lines = [(*a, *b) for a in ((0, 1), (1, 0)) for b in ((2, 3), (3, 2))]
    lines += [(*line[2:], *line[:2]) for line in lines]
    cells = np.arange(16).reshape(4, 4)
    moves = np.array([cells[np.ix_(r, c)].ravel() for r in lines for c in lines])  # (64, 16)
    moves = np.concatenate([moves, cells.T.ravel()[moves]])  # and transposed: (128, 16)
    masks = np.arange(1 << 16)
    given = (masks[:, None] >> np.arange(16)) & 1  # (65536, 16)
    fits = (given.sum(1) >= 4) & (given.sum(1) <= 8)
    masks, given = masks[fits], given[fits]
    parts, seen, classes = [], set(), 0
    for grid in grids:
        copies = _first_row_1234(grid[moves])  # (128, 16)
        if _first_row_1234(grid[None])[0].tobytes() in seen:
            continue
        seen |= {copy.tobytes() for copy in copies}
        unique = np.ones(len(masks), dtype=bool)
        for difference in np.unique((grids != grid) @ (1 << np.arange(16))):  # every other grid must contradict a given
            unique &= (masks & difference != 0) | (difference == 0)
        same = moves[(copies == _first_row_1234(grid[None])).all(1)]  # the grid's automorphisms, (A, 16)
        # the smallest mask a puzzle's mask can be turned into names its class
        powers = np.zeros((16, len(same)), dtype=np.float32)
        powers[same, np.arange(len(same))[:, None]] = 2.0 ** np.arange(16)
        smallest = (given[unique].astype(np.float32) @ powers).min(1)
        names, class_id = np.unique(smallest, return_inverse=True)
        questions = (given[unique] * grid).astype(np.uint8)
        parts.append((questions, np.broadcast_to(grid, questions.shape), given[unique].sum(1), class_id + classes))
        classes += len(names)
    return Classes(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def _first_row_1234(grids: np.ndarray) -> np.ndarray:
    """(N, 16) grids, relabelled so that the first row reads 1 2 3 4."""
    labels = np.argsort(grids[:, :4], axis=1) + 1  # where digit d stands in the first row is its new name
    return np.take_along_axis(labels, grids.astype(np.int64) - 1, 1).astype(np.uint8)
