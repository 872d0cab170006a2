"""9x9 Sudokus from people's files, Sudoku-Extreme's among them, to a data folder with augmented copies.

Tokens as published: 0 pad, 1 blank, digit + 1. A copy relabels the digits and moves bands, rows in a band, stacks,
columns in a stack, and half of the copies are transposed first: every one is a valid puzzle with the copied answer.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from functools import partial
from pathlib import Path

import numpy as np

from trm_explore.data.from_csv import Kind, Rows, Written, build
from trm_explore.data.sudoku_file import held_out_of, ratings_of, sudokus_of_file
from trm_explore.data.symmetry import mix, symmetry_key

SIZE, CELLS, VOCABULARY = 9, 81, 11
HOLD_OUT = 30  # salt of the keys by which a tenth of a single file is held out


def build_sudoku(
    source: str | Path, output_dir: str | Path, *, num_aug: int = 0, seed: int = 0, **options
) -> Generator[tuple[int, int], None, Written]:
    """`num_aug` copies beside every training puzzle; test puzzles stay as they are. Other options: from_csv.build."""
    if num_aug < 0:
        raise ValueError(f"num_aug={num_aug} must be at least 0")
    kind = Kind(partial(_read, {}), VOCABULARY, _keys, partial(_copies, num_aug), num_aug)
    return build(source, output_dir, kind, seed=seed, **options)


def shuffled(rng: np.random.RandomState) -> tuple[np.ndarray, np.ndarray]:
    """One random symmetry: where each cell of the copy comes from, (81,), and token -> token, (11,).

    The numbers are drawn in the published builder's order: digits, transposition, bands, rows of each band, stacks,
    columns of each stack.
    """
    tokens = np.concatenate([[0, 1], rng.permutation(9) + 2])
    transposed = rng.rand() < 0.5
    rows = _lines(rng)
    cols = _lines(rng)
    cells = rows[:, None] * 9 + cols
    if transposed:
        cells = cells % 9 * 9 + cells // 9
    return cells.reshape(-1), tokens.astype(np.uint8)


def _lines(rng: np.random.RandomState) -> np.ndarray:
    """(9,) an order of rows or columns that keeps those of a band together."""
    return np.concatenate([3 * band + rng.permutation(3) for band in rng.permutation(3)])


def _copies(number: int, question: np.ndarray, answer: np.ndarray, rng: np.random.RandomState) -> tuple:
    inputs, labels = (np.empty((1 + number, CELLS), dtype=np.uint8) for _ in range(2))
    inputs[0], labels[0] = question, answer
    for i in range(1, 1 + number):
        cells, tokens = shuffled(rng)
        inputs[i], labels[i] = tokens[question[cells]], tokens[answer[cells]]
    return inputs, labels


def _read(solved: dict[tuple[Path, int], np.ndarray], path: Path) -> Iterator[Rows]:
    """`solved`: our solver's answers, which the second reading does not compute again."""
    for chunk in sudokus_of_file(path, SIZE):
        key = path, int(chunk.lines[0])
        answers = solved.get(key)
        if answers is None:
            answers = chunk.answered()
            if chunk.answers is None:
                solved[key] = answers
        name, texts = chunk.name, chunk.texts
        yield Rows(chunk.questions + 1, answers + 1, ratings_of(name, texts), held_out_of(name, texts))


def _keys(rows: Rows) -> np.ndarray:
    return mix(symmetry_key(rows.questions - 1, SIZE), HOLD_OUT)
