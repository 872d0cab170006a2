"""Checks of single settings, for the dataclasses in config.py: each raises ValueError with one sentence."""

from __future__ import annotations

import sys
from typing import Any, get_args


def whole(config: Any, name: str, least: int) -> None:
    value = getattr(config, name)
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(f"{name}={value!r} must be a whole number of at least {least}")


def boolean(config: Any, name: str) -> None:
    if not isinstance(getattr(config, name), bool):
        raise ValueError(f"{name}={getattr(config, name)!r} must be True or False")


def text(config: Any, name: str) -> None:
    if not isinstance(getattr(config, name), str):
        raise ValueError(f"{name}={getattr(config, name)!r} must be text")


def is_number(value: Any) -> bool:
    """A finite int or float, but no bool."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def number(
    config: Any,
    name: str,
    *,
    above: float | None = None,
    least: float | None = None,
    most: float | None = None,
    below: float | None = None,
) -> None:
    value = getattr(config, name)
    limits = [
        f"{word} {limit}"
        for word, limit in (("above", above), ("at least", least), ("at most", most), ("below", below))
        if limit is not None
    ]
    if (
        not is_number(value)
        or (above is not None and value <= above)
        or (least is not None and value < least)
        or (most is not None and value > most)
        or (below is not None and value >= below)
    ):
        raise ValueError(f"{name}={value!r} must be a finite number {' and '.join(limits)}")


def one_of(config: Any, name: str, kind: Any) -> None:
    value, allowed = getattr(config, name), get_args(kind)
    if value not in allowed:
        raise ValueError(f"{name}={value!r} is not known; allowed are {', '.join(allowed)}")
