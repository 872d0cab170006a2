"""Vectors seen in passing: which of them come again (RowSet), and sums over them (Sums).

Of a vector only a few numbers are kept, so a folder of any size can be gone through. D width.
"""

from __future__ import annotations

import numpy as np

ROW_SEED = 13  # of the directions by which vectors are compared


class Sums:
    """Running sums of labels (.., D), in float64: enough for the error of any constant prediction."""

    def __init__(self, width: int):
        self.count, self.total, self.squares = 0, np.zeros(width), 0.0

    def add(self, labels: np.ndarray) -> None:
        self.count += labels[..., 0].size
        self.total += labels.reshape(-1, len(self.total)).sum(0, dtype=np.float64)
        self.squares += float(np.square(labels).sum(dtype=np.float64))

    @property
    def mean(self) -> np.ndarray:
        return self.total / self.count

    def error_of(self, constant: np.ndarray) -> float:
        """Mean squared error of predicting `constant` (D,) everywhere; of the own mean: the variance."""
        squares = self.squares - 2 * constant @ self.total + self.count * constant @ constant
        return max(float(squares) / (self.count * len(constant)), 0.0)


class RowSet:
    """Vectors that are found again although they differ as much as half precision rounds.

    Encoders give the same text slightly different vectors in different batches, so equal bits would miss copies. A
    vector is told by five numbers, its length and four projections of its direction, each known to a cell of the width
    CELL; one that is added goes into every cell within a quarter of CELL, so that rounding cannot part two copies.
    """

    CELL = 0.01  # half precision moves these numbers by about 0.0005

    def __init__(self, width: int):
        rng = np.random.default_rng(ROW_SEED)
        self._directions = rng.standard_normal((width, 4)).astype(np.float32) / np.float32(np.sqrt(width))
        self._factors = rng.integers(1, 2**63, size=5, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
        self._keys = np.zeros(0, dtype=np.uint64)  # sorted

    def add(self, rows: np.ndarray) -> None:
        cells = self._cells(rows)
        keys = np.zeros((len(rows), 1), dtype=np.uint64)
        for cell, factor in zip(cells.T, self._factors, strict=True):
            near = np.floor(np.stack([cell - 0.25, cell + 0.25], 1)).astype(np.int64).astype(np.uint64) * factor
            keys = (keys[:, :, None] + near[:, None, :]).reshape(len(rows), -1)
        self._keys = np.union1d(self._keys, keys)

    def find(self, rows: np.ndarray) -> np.ndarray:
        """(n, D) -> (n,) bool: which of them were added."""
        cells = np.floor(self._cells(rows)).astype(np.int64).astype(np.uint64)
        return np.isin((cells * self._factors).sum(1, dtype=np.uint64), self._keys)

    def _cells(self, rows: np.ndarray) -> np.ndarray:
        size = np.sqrt(np.square(rows).mean(1, keepdims=True)) + np.float32(1e-30)
        return np.concatenate([rows / size @ self._directions, np.log(size)], 1).astype(np.float64) / self.CELL
