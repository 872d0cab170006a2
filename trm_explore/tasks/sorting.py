"""Sorting: a row of digits, and under it the same digits in order, to be filled in.

Tokens: 0 where there is no cell (never here), 1 a blank, digit + 2. Labels are whole boards, so the given row is scored
too, as givens are in Sudoku. Rows with the same digits in another order are never on both sides of the split. Try it:

    >>> batch, remark = SortingTask(size=4).read("3 1 2 1")
    >>> batch["labels"].reshape(2, 4)[1] - 2
    array([1, 1, 2, 3])
"""

from __future__ import annotations

from typing import Any

import numpy as np

from trm_explore.config.checks import shown
from trm_explore.data.symmetry import mix
from trm_explore.tasks.base import Puzzles, Task

BLANK, FIRST = 1, 2  # tokens: blank, the digit 0
SIZES = range(4, 65)
HELD_OUT_SEED = 5
AT_ONCE = 4096  # rows drawn at a time for the held-out ones


class SortingTask(Task):
    """Rows of `size` digits; the held-out ones have `eval_size`. 0: 8 digits, and held out as in training."""

    accepted_data_fields = ("size", "eval_size")
    name, title = "sorting", "Sorting"
    help = (
        "Write the digits of the upper row into the lower one, in order. Every digit counts for every place, but the "
        "network sees only neighbouring places at a time, so the order is found step by step."
    )
    vocab_size = 10 + FIRST
    symbols = ("", " ", *"0123456789")

    def __init__(self, size: int = 0, eval_size: int = 0):
        for name, value in (("size", size), ("eval_size", eval_size)):
            if value and value not in SIZES:
                raise ValueError(
                    f"{name}={shown(value)} is no length for a row to sort; allowed are {SIZES[0]} "
                    f"to {SIZES[-1]} digits, "
                    "or 0 for the task's own"
                )
        self.size = size or 8
        self.eval_size = eval_size or self.size
        self.rows, self.cols = 2, self.size
        self.seq_len = self.rows * self.cols

    def sample(self, n: int, rng: np.random.Generator) -> Puzzles:
        return self._batch(self._digits(n, rng, self.size, held_out=False, at_once=n + n // 4 + 8))

    def held_out(self, n: int) -> Puzzles:
        rng = np.random.default_rng(HELD_OUT_SEED)
        return self._batch(self._digits(n, rng, self.eval_size, held_out=True, at_once=AT_ONCE))

    def held_out_shape(self) -> tuple[int, int]:
        return 2, self.eval_size

    def shape_of(self, puzzles: Puzzles) -> tuple[int, int]:
        return 2, puzzles["inputs"].shape[1] // 2

    def given(self, inputs: np.ndarray) -> np.ndarray:
        return np.asarray(inputs) != BLANK

    def read(self, text: str) -> tuple[Puzzles, str]:
        """Digits, with or without spaces or commas between them."""
        digits = [int(c) if c in "0123456789" else -1 for c in text if not c.isspace() and c != ","]
        if len(digits) not in SIZES or -1 in digits:
            raise ValueError(
                f"puzzle={shown(text)} is no row to sort; give {SIZES[0]} to {SIZES[-1]} digits from 0 to 9, "
                f"such as {self.example()}"
            )
        other = f"This network was trained on {self.size} digits; these are {len(digits)}."
        return self._batch(np.array([digits])), other if len(digits) != self.size else ""

    def board(self) -> dict[str, Any]:
        return {"kind": "grid", "rows": self.rows, "cols": self.cols, "symbols": list(self.symbols), "box": None}

    def example(self) -> str:
        """A held-out row, with its largest digits first: all have far to go."""
        rng = np.random.default_rng(HELD_OUT_SEED)
        row = self._digits(1, rng, self.size, held_out=True, at_once=AT_ONCE)[0]
        return " ".join(map(str, sorted(row.tolist(), reverse=True)))

    def browser_rule(self) -> dict[str, Any]:
        return {"name": "sorting"}

    def challenges(self) -> dict[str, Puzzles]:
        """A digit that is missing, a row that stands in the wrong order, and one of twice the length."""
        reversed_row, _ = self.read(self.example())
        hole = reversed_row["inputs"].copy()
        hole[0, self.size // 2] = BLANK
        longer = SortingTask(self.size, min(2 * self.size, SIZES[-1])).held_out(1)
        return {"impossible": {"inputs": hole}, "reversed": reversed_row, "longer": longer}

    def _digits(self, n: int, rng: np.random.Generator, size: int, *, held_out: bool, at_once: int) -> np.ndarray:
        """(n, size) digits from one side of the split; drawn `at_once` at a time."""
        found = [np.zeros((0, size), dtype=np.int64)]
        while sum(map(len, found)) < n:
            digits = rng.integers(10, size=(at_once, size))
            found.append(digits[_is_held_out(digits) == held_out])
        return np.concatenate(found)[:n]

    def _batch(self, digits: np.ndarray) -> Puzzles:
        given = digits + FIRST
        inputs = np.concatenate([given, np.full_like(given, BLANK)], axis=1)
        return {"inputs": inputs, "labels": np.concatenate([given, np.sort(given, axis=1)], axis=1)}


def _is_held_out(digits: np.ndarray) -> np.ndarray:
    """(N, size) -> (N,) bool: a fixed tenth, by a key of which digits there are and how often, whatever their order."""
    return mix(mix(digits.astype(np.uint64) + np.uint64(1), 3).sum(1), 4) % np.uint64(10) == 0
