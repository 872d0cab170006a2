"""What goes into the recursion and what comes out of it: batch, carry, cycle. Values, never changed in place.

Shapes: B puzzles, L positions, P positions of the prefix (ModelConfig.puzzle_emb_len), D width, V vocabulary.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from trm_explore.config import ModelConfig
from trm_explore.config.checks import shown

Batch = dict[str, Any]  # by name: inputs (B, L), labels (B, L), ...; board: (rows, cols), or (B, 2), one a puzzle


class Carry(NamedTuple):
    """The recurrent state between calls. With states=one both states are the same tensor."""

    z_H: Tensor  # (B, P + L, D) answer state
    z_L: Tensor  # (B, P + L, D) latent state
    steps: Tensor  # (B,) calls that the present puzzle has had
    halted: Tensor  # (B,) bool: finished; the next call starts the batch's puzzle there
    data: Batch  # the puzzles being worked on


class Cycle(NamedTuple):
    """What one H-cycle gives: one step."""

    index: int
    z_H: Tensor  # (B, P + L, D)
    z_L: Tensor  # (B, P + L, D)
    logits: Tensor  # (B, L, V) float32
    q_halt: Tensor  # (B,) float32, halting logit, read at position 0 (of the prefix, where there is one) as published
    L_logits: tuple[Tensor, ...] = ()  # the head's reading of z_L after each L-cycle, each (B, L, V), where asked for


def lead_of(batch: Batch, config: ModelConfig) -> tuple[int, int]:
    """(B, L) of a batch, checked against what a network of this config can take; ValueError where it cannot."""
    width = config.input_size or config.hidden_size
    names = ("input_embeddings",) if config.input_size else ("inputs", "input_embeddings")
    name = next((name for name in names if name in batch), None)
    if name is None:
        raise ValueError(f"a batch needs {' or '.join(names)}; this one has {sorted(batch)}")
    shape = tuple(batch[name].shape)
    if len(shape) != (2 if name == "inputs" else 3) or (name != "inputs" and shape[2] != width):
        wanted = "(B, L)" if name == "inputs" else f"(B, L, {width})"
        raise ValueError(f"{name} has shape {shape}; it must be {wanted}")
    if config.fixed_length and shape[1] != config.seq_len:
        raise ValueError(f"{name} has {shape[1]} positions; this network was made for seq_len={config.seq_len}")
    return shape[0], shape[1]


def position_of(t: int, length: int) -> slice:
    """Position t alone, as a slice of the position axis."""
    if not 0 <= t < length:
        raise ValueError(f"t={t} is not a position of this batch; allowed are 0 to {length - 1}, or None for all")
    return slice(t, t + 1)


def board_of(batch: Batch) -> tuple[int, int] | None:
    """(rows, cols) of a batch's boards; None where it does not say. ValueError where they differ."""
    board = batch.get("board")
    if board is None:
        return None
    shape = np.asarray(board.cpu() if isinstance(board, Tensor) else board)
    if shape.shape[-1:] != (2,) or shape.ndim > 2 or not shape.size or shape.dtype.kind not in "iu":
        raise ValueError(f"board={shown(board)} must be (rows, cols), or one such pair a puzzle")
    rows, cols = shape.reshape(-1, 2)[0].tolist()
    if (shape != (rows, cols)).any():
        raise ValueError("the batch has boards of different shapes; give those of each shape in a batch of their own")
    return rows, cols


def to_device(batch: Batch, device: torch.device | str) -> Batch:
    """The batch with arrays as tensors on the device, and its board as one pair; other entries as they are."""

    def move(value: Any) -> Any:
        if isinstance(value, np.ndarray):
            value = torch.from_numpy(value)
        return value.to(device) if isinstance(value, Tensor) else value

    if not isinstance(batch, dict):
        raise ValueError(
            f"a batch is a dict of arrays, inputs and labels, such as task.held_out(8), not a {type(batch).__name__}"
        )
    board = {} if batch.get("board") is None else {"board": board_of(batch)}
    return {name: move(value) for name, value in batch.items() if name != "board"} | board
