"""Addition on paper: two numbers stand above each other, their sum is to be written below. Bases 2 to 16.

Tokens: 0 where there is no cell, 1 a blank, digit + 2. The board has three rows and one column more than the numbers
have digits; the most significant digit is left, and the first column of the sum takes the last carry. Labels are whole
boards, so the two numbers are scored too, as givens are in Sudoku. Try it:

    >>> task = AdditionTask(size=4)
    >>> batch, remark = task.read("999+1")
    >>> batch["labels"].reshape(3, 5)[2] - 2
    array([0, 1, 0, 0, 0])
"""

from __future__ import annotations

from typing import Any

import numpy as np

from trm_explore.config.checks import shown
from trm_explore.data.symmetry import mix
from trm_explore.tasks.base import Puzzles, Task

PAD, BLANK, FIRST = 0, 1, 2  # tokens: no cell, blank, the digit 0
DIGITS = "0123456789abcdef"
SIZES, BASES = range(4, 65), range(2, 17)
LONG = 0.5  # part of the sums that are made so that carries run far
PROPAGATE = 0.85  # part of their columns in which a + b = base - 1: a carry that comes in goes out again
HELD_OUT_SEED = 34  # one with which a carry runs through the whole first sum, which is the one that a run shows
AT_ONCE = 4096  # sums drawn at a time for the held-out ones


class AdditionTask(Task):
    """Numbers of `size` digits in `base`; the held-out ones have `eval_size` digits. 0: 8 digits, base 10, and held out
    as in training."""

    accepted_data_fields = ("size", "eval_size", "base")
    name, title = "addition", "Addition"
    help = (
        "Write the sum of two numbers under them. A digit may hang on a carry that comes from far to the right; the "
        "network sees only neighbouring columns at a time, so carries travel to the left, step after step."
    )

    def __init__(self, size: int = 0, eval_size: int = 0, base: int = 0):
        for name, value in (("size", size), ("eval_size", eval_size)):
            if value and value not in SIZES:
                raise ValueError(
                    f"{name}={shown(value)} is no length for the numbers to add; allowed are {SIZES[0]} to {SIZES[-1]} "
                    "digits, or 0 for the task's own"
                )
        if base and base not in BASES:
            raise ValueError(
                f"base={shown(base)} is no base known here; allowed are {BASES[0]} to {BASES[-1]}, or 0 for base 10"
            )
        self.size, self.base = size or 8, base or 10
        self.eval_size = eval_size or self.size
        self.rows, self.cols = 3, self.size + 1
        self.seq_len, self.vocab_size = self.rows * self.cols, self.base + FIRST
        self.symbols = ("", " ", *DIGITS[: self.base])

    def sample(self, n: int, rng: np.random.Generator) -> Puzzles:
        return self._batch(self._numbers(n, rng, self.size, held_out=False, at_once=n + n // 4 + 8))

    def held_out(self, n: int) -> Puzzles:
        rng = np.random.default_rng(HELD_OUT_SEED)
        return self._batch(self._numbers(n, rng, self.eval_size, held_out=True, at_once=AT_ONCE))

    def held_out_shape(self) -> tuple[int, int]:
        return 3, self.eval_size + 1

    def shape_of(self, puzzles: Puzzles) -> tuple[int, int]:
        return 3, puzzles["inputs"].shape[1] // 3

    def given(self, inputs: np.ndarray) -> np.ndarray:
        return np.asarray(inputs) != BLANK

    def cell_annotations(self, inputs: np.ndarray, answers: np.ndarray) -> list[str]:
        """A "1" over every column into which, going by the answer's digit there, a carry has come."""
        a, b, _ = np.maximum(np.asarray(inputs).reshape(3, -1) - FIRST, 0)  # no digit: 0
        digits = np.asarray(answers).reshape(3, -1)[2] - FIRST
        carry = (digits >= 0) & ((digits - a - b) % self.base == 1)
        return ["1" if here else "" for here in carry] + [""] * (2 * len(carry))

    def read(self, text: str) -> tuple[Puzzles, str]:
        """Two numbers with a plus between them, of any lengths up to 64 digits."""
        words = [word.strip() for word in text.lower().split("+")]
        allowed = DIGITS[: self.base]
        if len(words) != 2 or not all(words) or any(digit not in allowed for word in words for digit in word):
            raise ValueError(
                f"puzzle={shown(text)} is no addition in base {self.base}; give two numbers of the "
                f"digits {allowed} with a "
                f"plus between them, such as {self.example()}"
            )
        longest = max(map(len, words))
        if longest > SIZES[-1]:
            raise ValueError(
                f"the puzzle has a number of {longest} digits; at most {SIZES[-1]} are allowed, so shorten it"
            )
        length = max(longest, self.size)
        numbers = np.array([[[allowed.index(digit) for digit in word.zfill(length)] for word in words]])
        longer = f"This network was trained on numbers of {self.size} digits; these have {longest}."
        return self._batch(numbers), longer if longest > self.size else ""

    def board(self) -> dict[str, Any]:
        return {"kind": "digits", "rows": self.rows, "cols": self.cols, "symbols": list(self.symbols), "box": None}

    def example(self) -> str:
        """A held-out sum (but for bases that leave no choice) in which one carry runs through all columns."""
        numbers = np.random.default_rng(HELD_OUT_SEED).integers(self.base, size=(256, 2, self.size))
        numbers[:, 1] = self.base - 1 - numbers[:, 0]
        numbers[:, :, -1] = self.base - 1, 1
        return "+".join("".join(DIGITS[digit] for digit in row) for row in numbers[self._is_held_out(numbers).argmax()])

    def browser_rule(self) -> dict[str, Any]:
        return {"name": "addition"}

    def challenges(self) -> dict[str, Puzzles]:
        """A digit that is missing, one carry through all columns, and numbers of twice the length."""
        carry, _ = self.read(self.example())
        hole = carry["inputs"].copy()
        hole[0, 1 + self.size // 2] = BLANK
        longer = AdditionTask(self.size, min(2 * self.size, SIZES[-1]), self.base).held_out(1)
        return {"impossible": {"inputs": hole}, "carry": carry, "longer": longer}

    def _numbers(self, n: int, rng: np.random.Generator, size: int, *, held_out: bool, at_once: int) -> np.ndarray:
        """(n, 2, size) digits, most significant first, from one side of the split; drawn `at_once` at a time."""
        found = [np.zeros((0, 2, size), dtype=np.int64)]
        while sum(map(len, found)) < n:
            numbers = rng.integers(self.base, size=(at_once, 2, size))
            far = (rng.random((at_once, 1)) < LONG) & (rng.random((at_once, size)) < PROPAGATE)
            far[:, -1] = False  # no carry comes in there: whether one starts is left to chance
            numbers[:, 1] = np.where(far, self.base - 1 - numbers[:, 0], numbers[:, 1])
            found.append(numbers[self._is_held_out(numbers) == held_out])
        return np.concatenate(found)[:n]

    def _is_held_out(self, numbers: np.ndarray) -> np.ndarray:
        """(N, 2, size) -> (N,) bool: a fixed tenth, by a key that does not change when the two digits of a column are
        exchanged (so not with the order of the numbers either), nor with zeros in front."""
        low, high = np.sort(numbers[:, :, ::-1], axis=1).transpose(1, 0, 2).astype(np.uint64)
        place = np.arange(1, numbers.shape[2] + 1, dtype=np.uint64) << np.uint64(16)
        columns = np.where(high > 0, mix(place + (high << np.uint64(8)) + low, 1), np.uint64(0))
        return mix(columns.sum(1), 2) % np.uint64(10) == 0

    def _batch(self, numbers: np.ndarray) -> Puzzles:
        n, _, size = numbers.shape
        labels = np.full((n, 3, size + 1), PAD, dtype=np.int64)
        labels[:, :2, 1:] = numbers + FIRST
        inputs = labels.copy()
        inputs[:, 2] = BLANK
        carry = np.zeros(n, dtype=np.int64)
        for column in range(size - 1, -1, -1):
            carry, digit = np.divmod(numbers[:, :, column].sum(1) + carry, self.base)
            labels[:, 2, column + 1] = digit + FIRST
        labels[:, 2, 0] = carry + FIRST
        return {"inputs": inputs.reshape(n, -1), "labels": labels.reshape(n, -1)}
