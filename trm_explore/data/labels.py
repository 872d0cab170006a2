"""Which puzzles have a label: of tokens -100 where a cell is not scored, as in HRM's and TRM's published code.

A puzzle without any label says nothing of an answer. It is left out of losses, of the accuracies that compare with
labels, and of what they are divided by.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Puzzles = dict[str, np.ndarray]  # a batch by name: inputs (N, L), labels (N, L), board (N, 2), ...
IGNORE = -100  # of a cell that is not scored


def labelled(labels: Any) -> Any:
    """(N,) bool, which puzzles have a label at all; labels of tokens (N, L) or numbers (N, L, V), array or tensor."""
    scored = labels != IGNORE if labels.ndim == 2 else labels == labels  # numbers are all scored
    return scored.reshape(len(labels), -1).any(1)


def without_labels(where: str, count: int, ignored: int = IGNORE) -> str:
    """The sentence for data in which nothing is labelled; `ignored` is what stands in every cell."""
    none = "its only puzzle has no label" if count == 1 else f"none of the {count:,} puzzles has a label"
    return f"{where}: {none} (every cell is {ignored}); label at least one"
