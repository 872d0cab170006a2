"""Running parity: at each place of a row of bits, is the number of ones up to there odd?

Every place needs the answer of the place before it, so knowledge travels along the row from its left end. A network
that has learned this one local rule can go on applying it: longer rows need more cycles, not more training. Tokens: 0
pad, bit + 1. Held-out rows are apart from the training ones: one row in ten, chosen by a hash of its bits. Try it:

    >>> import numpy as np
    >>> task = ParityTask(8)
    >>> batch, _ = task.read("01101000")
    >>> batch["labels"] - 1
    array([[0, 1, 0, 0, 1, 1, 1, 1]])
"""

from __future__ import annotations

from typing import Any

import numpy as np

from trm_explore.config.checks import shown
from trm_explore.data.grids import HeldOut, check_size, gather, is_held_out
from trm_explore.data.symmetry import mix
from trm_explore.tasks.base import Puzzles, Task

SYMBOLS = ("", "0", "1")
SMALLEST, LARGEST, OWN_SIZE = 8, 512, 16  # bits a row
AT_ONCE = 4096  # rows tried in one go for the held-out ones


class ParityTask(Task):
    """`size`, `eval_size`: bits a row (0: the task's own, and the same)."""

    name = "parity"
    title = "Running parity"
    help = (
        "Say at each place whether the number of ones up to there is odd (1) or even (0). The answer grows along the "
        "row from the left; with more cycles than in training it grows along longer rows."
    )
    vocab_size = len(SYMBOLS)
    accepted_data_fields = ("size", "eval_size")
    has_rule_checker = True

    def __init__(self, size: int = 0, eval_size: int = 0):
        for name, value in (("size", size), ("eval_size", eval_size)):
            check_size(name, value, SMALLEST, LARGEST, "a row has bits")
        self.size = size or OWN_SIZE
        self.eval_size = eval_size or self.size
        self.rows, self.cols = 1, self.size
        self.seq_len = self.size
        self._held_out = HeldOut(self._some_held_out)

    def sample(self, n: int, rng: np.random.Generator) -> Puzzles:
        def make(wanted: int) -> list[np.ndarray]:
            bits = rng.integers(2, size=(wanted + wanted // 8, self.size))
            return [bits[~is_held_out(row_key(bits))]]

        return _batch(gather(n, make)[0])

    def held_out(self, n: int) -> Puzzles:
        return self._held_out.first(n)

    def held_out_shape(self) -> tuple[int, int]:
        return 1, self.eval_size

    def shape_of(self, puzzles: Puzzles) -> tuple[int, int]:
        return 1, puzzles["inputs"].shape[1]

    def check(self, inputs: np.ndarray, answers: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
        """(N, L) tokens -> (N,) bool by the rule."""
        return (answers == _batch(inputs - 1)["labels"]).all(1)

    def given(self, inputs: np.ndarray) -> np.ndarray:
        """No place of the answer is given: it is another row than the question."""
        return np.zeros(np.shape(inputs), dtype=bool)

    def read(self, text: str) -> tuple[Puzzles, str]:
        """Typed bits, such as 01101; blanks do not count."""
        bits = "".join(text.split())
        wrong = sorted(set(bits) - {"0", "1"})
        if wrong:
            raise ValueError(f"{shown(wrong[0])} stands in the row {shown(text.strip()[:40])}; allowed are 0 and 1")
        if not 1 <= len(bits) <= LARGEST:
            raise ValueError(f"the row {shown(text.strip()[:40])} has {len(bits)} bits; it must have 1 to {LARGEST}")
        return _batch(np.array([[int(bit) for bit in bits]])), ""

    def board(self) -> dict[str, Any]:
        return {"kind": "grid", "rows": self.rows, "cols": self.cols, "box": None, "symbols": list(SYMBOLS)}

    def example(self) -> str:
        """A row to start with; held out."""
        return "".join(str(token - 1) for token in self.held_out(1)["inputs"][0])

    def browser_rule(self) -> dict[str, Any]:
        return {"name": "parity"}

    def challenges(self) -> dict[str, Puzzles]:
        """A single one at the far left, ones only, and a row of twice the length."""
        single = np.zeros((1, self.eval_size), dtype=np.int64)
        single[0, 0] = 1
        return {
            "single": _batch(single),
            "ones": _batch(np.ones((1, self.eval_size), dtype=np.int64)),
            "longer": ParityTask(self.size, min(2 * self.size, LARGEST)).held_out(1),
        }

    def _some_held_out(self, rng: np.random.Generator) -> Puzzles:
        """Rows of the held-out size; of another size than the training ones all are apart."""
        bits = rng.integers(2, size=(AT_ONCE, self.eval_size))
        return _batch(bits[is_held_out(row_key(bits))] if self.eval_size == self.size else bits)


def row_key(bits: np.ndarray) -> np.ndarray:
    """(N, L) bits -> (N,) uint64, nearly always different for different rows."""
    numbers = mix(np.arange(1, bits.shape[1] + 1, dtype=np.uint64), 2)
    return mix(bits.astype(np.uint64) @ numbers, 3)


def _batch(bits: np.ndarray) -> Puzzles:
    return {"inputs": bits + 1, "labels": bits.cumsum(1) % 2 + 1}
