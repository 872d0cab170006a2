"""Accuracy by the puzzles' rating, for folders that keep one (all__ratings.npy, from the CSV's column rating).

>>> import numpy as np
>>> [band.count for band in by_rating(np.array([0., 0., 7.]), np.array([[True, False, True]]))]
[2, 1]
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

MOST_BANDS = 8


class Band(NamedTuple):
    """The puzzles rated from `low` to `high`, both included."""

    low: float
    high: float
    count: int
    exact_accuracy: list[float]  # one number a step


def by_rating(ratings: np.ndarray, exact: np.ndarray, most: int = MOST_BANDS) -> list[Band]:
    """(N,) ratings, (S, N) whole answers right -> bands from the lowest rating to the highest, disjoint.

    Each different rating is a band of its own where there are at most `most`; else they are cut into about equally
    large parts, so that equal ratings stay together.
    """
    if exact.ndim != 2 or ratings.shape != exact.shape[1:]:
        raise ValueError(f"ratings have shape {ratings.shape} and answers {exact.shape}; they must be (N,) and (S, N)")
    values, which, counts = np.unique(ratings, return_inverse=True, return_counts=True)
    if len(values) > most:
        band = (np.cumsum(counts) - counts) * most // len(ratings)  # by where a rating begins
    else:
        band = np.arange(len(values))
    found = []
    for number in np.unique(band):
        own = values[band == number]
        rows = (ratings >= own[0]) & (ratings <= own[-1])
        found.append(Band(float(own[0]), float(own[-1]), int(rows.sum()), exact[:, rows].mean(1).tolist()))
    return found
