"""In which order training sees the examples of a published folder: passes over its groups.

A pass visits every group once in random order, takes one puzzle of it at random, and all examples of that puzzle in
random order (published sampling; Sudokus and mazes have one example a puzzle). Where an example stands in the stream
is a pure function of the seed, so that a resumed run goes on where it was.

>>> import numpy as np
>>> passes = Passes(np.array([0, 1, 2, 3]), np.array([0, 1, 3]), seed=0)    # three puzzles in two groups
>>> len(passes.rows(0, 10))
10
"""

from __future__ import annotations

from bisect import bisect_right

import numpy as np


class Passes:
    """The endless stream of examples. `puzzle_indices` (P + 1,) and `group_indices` (G + 1,) as in the folder."""

    def __init__(self, puzzle_indices: np.ndarray, group_indices: np.ndarray, seed: int):
        self._puzzles, self._groups, self._seed = puzzle_indices, group_indices, seed
        self._begins = [0]  # where each pass begins in the stream, as far as is known
        self._held: tuple[int, np.ndarray] | None = None  # one pass: number and its rows
        self._single = len(puzzle_indices) - 1 == puzzle_indices[-1]  # one example a puzzle: all passes equally long

    def rows(self, first: int, n: int) -> np.ndarray:
        """(n,) examples: those at places `first` to `first + n` of the stream."""
        parts, place, end = [], first, first + n
        while place < end:
            number, begin = self._at(place)
            rows = self._pass(number)[place - begin : end - begin]
            parts.append(rows)
            place += len(rows)
        return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)

    def _at(self, place: int) -> tuple[int, int]:
        """The pass that holds a place of the stream, and where that pass begins."""
        if self._single:
            length = len(self._groups) - 1
            return place // length, place // length * length
        while self._begins[-1] <= place:
            self._begins.append(self._begins[-1] + len(self._pass(len(self._begins) - 1)))
        number = bisect_right(self._begins, place) - 1
        return number, self._begins[number]

    def _pass(self, number: int) -> np.ndarray:
        """The examples of one whole pass, in order."""
        if self._held is None or self._held[0] != number:
            rng = np.random.default_rng([self._seed, number])
            order = rng.permutation(len(self._groups) - 1)
            puzzles = rng.integers(self._groups[order], self._groups[order + 1])
            first, size = self._puzzles[puzzles], self._puzzles[puzzles + 1] - self._puzzles[puzzles]
            if self._single:
                rows = first
            else:  # by puzzle, and within a puzzle in random order
                which = np.repeat(np.arange(len(puzzles)), size)
                within = np.arange(len(which)) - np.repeat(np.cumsum(size) - size, size)
                rows = (first[which] + within)[np.lexsort((rng.random(len(which)), which))]
            self._held = number, rows
        return self._held[1]
