"""What the checks of the exercises are made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

Check = Callable[[Any], None]


class NotYet(Exception):
    """An answer is not right yet; the text is the hint, one sentence."""


def called(function: Any, *inputs: Any) -> Any:
    """What the student's function gives; NotYet where it is no function or says nothing."""
    if not callable(function):
        raise NotYet(f"check wants the function itself, without brackets; this is a {type(function).__name__}.")
    result = function(*inputs)
    if result is ...:
        raise NotYet("the dots are still there; put your answer in their place and run the cell again.")
    if result is None:
        raise NotYet("the function gives nothing back; it needs a return.")
    return result


def numbers(value: Any, n: int | None = None) -> Tensor:
    """A student's list, array or tensor as a (n,) float64 tensor; NotYet where it is none."""
    try:
        if isinstance(value, Tensor):
            found = value.detach().double().cpu()
        elif isinstance(value, Sequence):
            found = torch.tensor([float(one) for one in value], dtype=torch.float64)
        else:
            found = torch.as_tensor(value, dtype=torch.float64)
    except (TypeError, ValueError, RuntimeError):
        raise NotYet(f"numbers are wanted; this is {value!r:.60}.") from None
    if n is not None and tuple(found.shape) != (n,):
        raise NotYet(f"{n} numbers are wanted; these have the shape {tuple(found.shape)}.")
    return found


def same(value: Any, wanted: Any, hint: str) -> None:
    """Numbers equal to six digits, else NotYet with the hint."""
    wanted = torch.as_tensor(wanted, dtype=torch.float64)
    if wanted.dim() == 0:
        found = numbers(value)
        if found.dim():
            raise NotYet(f"one number is wanted; this has the shape {tuple(found.shape)}.")
    else:
        found = numbers(value, len(wanted))
    if not torch.allclose(found, wanted, rtol=1e-5, atol=1e-6, equal_nan=True):
        raise NotYet(hint)


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)
