"""The table of puzzle vectors: one row a puzzle, read as a prefix of positions, trained row by row.

    rows = rows_of(table, identifiers)                 # (B, width), a leaf that collects the gradient
    sign_sgd(table, rows, lr=1e-2, weight_decay=0.1)   # only the rows of the batch move

As published with HRM (arXiv 2506.21734) and TRM: the table is no parameter, so neither AdamW nor the averaged weights
touch it; with gradients this sparse, the sign is what Adam would come to.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor


class EmbeddingRows(NamedTuple):
    """The rows that a batch uses."""

    identifiers: Tensor  # (B,) whole numbers
    values: Tensor  # (B, width) float32; after backward its .grad is theirs


def empty_table(rows: int, width: int) -> Tensor:
    """(rows, width) zeros, as published. Memory is taken only where something is written: tables can be huge."""
    return torch.from_numpy(np.zeros((rows, width), np.float32))


def rows_of(table: Tensor, identifiers: Tensor) -> EmbeddingRows:
    """A copy of the rows, for one update."""
    return EmbeddingRows(identifiers, table[identifiers.long()].detach().requires_grad_())


def prefix(values: Tensor, length: int, width: int) -> Tensor:
    """Vectors (B, n) -> (B, length, width): filled from the start, the rest 0. n is at most length x width."""
    return F.pad(values, (0, length * width - values.shape[1])).view(-1, length, width)


@torch.no_grad()
def sign_sgd(table: Tensor, rows: EmbeddingRows, *, lr: float, weight_decay: float) -> None:
    """row <- (1 - lr x weight_decay) row - lr x sign(gradient), in place, once for every row of the batch; gradients of
    puzzles with the same row are summed first. Without a gradient nothing moves."""
    if rows.values.grad is None:
        return
    once, place = rows.identifiers.long().unique(return_inverse=True)
    gradient = torch.zeros(len(once), table.shape[1], device=table.device)
    gradient.index_add_(0, place, rows.values.grad)
    table[once] = table[once] * (1 - lr * weight_decay) - lr * gradient.sign()
