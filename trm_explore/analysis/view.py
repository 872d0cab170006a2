"""What the analyses share: a model seen with some of its parts replaced, one puzzle of a batch, numbers short enough
to send."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from trm_explore.model import Batch, RecursiveModel
from trm_explore.training.trajectory import inputs_of


class View:
    """A model with some parts replaced, the weights shared: `View(model, embed=...).cycles(carry)`.

    No hook is set and the model is not touched, so threads may look into one model at the same time.
    """

    cycles = RecursiveModel.cycles

    def __init__(self, model: RecursiveModel, **parts: Any):
        self.__dict__.update(parts, _model=model)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)  # asked for what is not replaced


def one_puzzle(batch: Batch, puzzle: int) -> Batch:
    """Puzzle number `puzzle` of a batch of tensors, as a batch of one."""
    n = len(inputs_of(batch))
    if not 0 <= puzzle < n:
        raise ValueError(f"puzzle={puzzle} is not in this batch of {n}; allowed are 0 to {n - 1}")
    return {k: v[puzzle : puzzle + 1] if isinstance(v, torch.Tensor) else v for k, v in batch.items()}


def short(values: Any, digits: int = 4) -> Any:
    """Arrays and lists as nested lists, numbers to `digits` significant digits, None where one is not finite."""
    if isinstance(values, np.ndarray | np.generic):
        values = values.tolist()
    if isinstance(values, float):
        return float(f"{values:.{digits}g}") if math.isfinite(values) else None
    if isinstance(values, dict):
        return {name: short(value, digits) for name, value in values.items()}
    return [short(value, digits) for value in values] if isinstance(values, list | tuple) else values
