"""What evaluating on a published folder says beyond the means at every step: accuracy by rating, ARC's pass@K.

figures = Figures(task.votes())                       # None where nothing votes
scores_of(model, task, puzzles, watch=figures.take)   # batch by batch
figures.bands(), figures.passes()
"""

from __future__ import annotations

from typing import Any

import numpy as np

from trm_explore.data.labels import labelled
from trm_explore.data.ratings import Band, by_rating
from trm_explore.data.votes import Votes

PASSES = (1, 2, 5, 10, 100, 1000)  # K, as published


class Figures:
    """Collects judged batches. S steps, B puzzles, L positions."""

    def __init__(self, votes: Votes | None = None):
        self._votes = votes
        self._ratings: list[np.ndarray] = []
        self._exact: list[np.ndarray] = []

    def take(self, puzzles: dict[str, Any], exact: np.ndarray, answers: np.ndarray, halting: np.ndarray) -> None:
        """One batch of arrays; which whole answers are right, (S, B) bool; the last step's answers (B, L) and halting
        probabilities (B,)."""
        if "ratings" in puzzles:
            there = labelled(puzzles["labels"])  # the others are neither right nor wrong
            self._ratings.append(puzzles["ratings"][there])
            self._exact.append(exact[:, there])
        if self._votes is not None:
            self._votes.add(puzzles["inputs"], answers, halting, puzzles["puzzle_identifiers"])

    def bands(self) -> list[Band]:
        """Accuracy by rating; nothing where the puzzles have none."""
        return by_rating(np.concatenate(self._ratings), np.concatenate(self._exact, axis=1)) if self._ratings else []

    def passes(self) -> dict[int, float]:
        """K -> pass@K; nothing where nothing votes."""
        return {} if self._votes is None else self._votes.pass_at(PASSES)

    def as_json(self) -> dict[str, Any]:
        """Both, for JSON; only what there is."""
        bands, passes = [band._asdict() for band in self.bands()], self.passes()
        result: dict[str, Any] = {"by_rating": bands} if bands else {}
        return result | ({"pass_at": {str(K): value for K, value in passes.items()}} if passes else {})

    def lines(self) -> list[str]:
        """Both, for a person: exact accuracy of the first and the last step by rating, and pass@K."""
        lines = []
        if bands := self.bands():
            lines.append(f"{'rating':>15}  {'puzzles':>8}  {'step 0':>8}  {'last step':>9}")
            for low, high, count, exact in bands:
                words = f"{low:g}" if low == high else f"{low:g} to {high:g}"
                lines.append(f"{words:>15}  {count:>8}  {100 * exact[0]:>7.2f}%  {100 * exact[-1]:>8.2f}%")
        if passes := self.passes():
            scores = ", ".join(f"pass@{K} {100 * value:.2f}%" for K, value in passes.items())
            lines.append(f"votes of the copies evaluated: {scores}; {self._votes.answered()} tasks have answers")
        return lines
