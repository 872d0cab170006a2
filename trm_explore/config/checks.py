"""Checks of single settings, for the dataclasses in config.py: each raises ValueError with one sentence."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterable
from typing import Any, get_args

# No machine could follow beyond these: a slip of the keyboard gets a sentence instead of a full memory.
MOST = {
    **dict.fromkeys(("H_cycles", "L_cycles", "threads"), 1_000),
    **dict.fromkeys(("hidden_size", "swiglu_multiple", "num_heads"), 16_384),
    **dict.fromkeys(("vocab_size", "seq_len", "batch_size", "eval_puzzles"), 1_000_000),
    **dict.fromkeys(("eval_H_cycles", "halt_max_steps", "supervision_steps"), 100_000),
    "L_layers": 100,
    "shown_puzzle": 1_000_000,
    "pool_size": 10_000_000,
    "seed": 2**63 - 1,
}

LONGEST = 60  # characters of a value inside a sentence


def shown(value: Any, most: int = LONGEST) -> str:
    """A value inside a sentence: its repr on one line, and of a long one the beginning."""
    if isinstance(value, str | bytes):
        said = repr(value[: most + 1])  # not all of a long text is written out first
        long = len(value) > most
    else:
        try:
            said = " ".join(repr(value).split())
        except Exception:  # somebody's object, or a number that is too long for Python to write out
            said = f"a {type(value).__name__}"
        long = len(said) > most
    return said[:most].rstrip() + "\u2026" if long or len(said) > 4 * most else said


def nearest(name: Any, known: Iterable[str]) -> str:
    """Ends the sentence about an unknown name: what somebody may have meant; empty where nothing is near."""
    near = difflib.get_close_matches(name[:LONGEST], list(known), 1) if isinstance(name, str) else []
    return f"; did you mean {near[0]}?" if near else ""


def whole(config: Any, name: str, least: int) -> None:
    value, most = getattr(config, name), MOST.get(name, 10**9)
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(f"{name}={shown(value)} must be a whole number of at least {least}")
    if value > most:
        raise ValueError(f"{name}={shown(value)} is too large; it must be at most {most}")


def boolean(config: Any, name: str) -> None:
    if not isinstance(getattr(config, name), bool):
        raise ValueError(f"{name}={shown(getattr(config, name))} must be True or False")


def text(config: Any, name: str) -> None:
    if not isinstance(getattr(config, name), str):
        raise ValueError(f"{name}={shown(getattr(config, name))} must be text")


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
        raise ValueError(f"{name}={shown(value)} must be a finite number {' and '.join(limits)}")


def one_of(config: Any, name: str, kind: Any) -> None:
    value, allowed = getattr(config, name), get_args(kind)
    if value not in allowed:
        raise ValueError(
            f"{name}={shown(value)} is not known; allowed are {', '.join(allowed)}{nearest(value, allowed)}"
        )
