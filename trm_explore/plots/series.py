"""Events -> arrays. Lists over steps may differ in length within a run (curriculum, random cycles): the last entry is
always the final answer's, as in the page; a step that an update did not have is NaN, and so a gap in the line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar, get_args

import numpy as np

from trm_explore.config.checks import shown
from trm_explore.training import events as ev

Kind = TypeVar("Kind")
MEASURES = {"exact": "exact_accuracy", "cells": "cell_accuracy"}
MEASURE_NAMES = {"exact": "whole answers right", "cells": "cells right", "loss": "held-out loss"}


def those(events: Any, kind: type[Kind], advice: str) -> list[Kind]:
    """The events of one kind; ValueError in one sentence where there are none, or where these are no events."""
    if isinstance(events, str | dict) or not isinstance(events, Iterable):
        raise ValueError(
            f"events is a {type(events).__name__}; give list(train(config)), or read_events(folder) of a kept run"
        )
    events = list(events)
    for i, event in enumerate(events):
        if type(event) not in ev.KINDS.values():
            raise ValueError(f"events[{i}] is a {type(event).__name__}; give what train(config) yields")
    found = [event for event in events if isinstance(event, kind)]
    if not found:
        names = " or ".join(one.__name__ for one in get_args(kind) or [kind])
        raise ValueError(f"none of the {len(events)} events is a {names}; {advice}")
    return found


def updates_of(events: Any) -> list[ev.UpdateDone]:
    return those(events, ev.UpdateDone, "train for at least one update")


def evaluations_of(events: Any) -> list[ev.Evaluated]:
    return those(events, ev.Evaluated, "train with eval_every above 0, or for longer")


def by_step(rows: Sequence[Sequence[float]]) -> np.ndarray:
    """(N, S) float64 from N lists of up to S numbers: the last of each is the final answer's."""
    S = max((len(row) for row in rows), default=0)
    table = np.full((len(rows), S), np.nan)
    for n, row in enumerate(rows):
        if len(row):
            table[n, : len(row) - 1] = row[:-1]
            table[n, S - 1] = row[-1]
    return np.where(np.isfinite(table), table, np.nan)


def smoothed(values: np.ndarray, smooth: float) -> np.ndarray:
    """(N,) exponential running mean, without the pull towards zero at its start; gaps stay gaps (as in the page)."""
    out, total, weight = np.full(len(values), np.nan), 0.0, 0.0
    for i, value in enumerate(values):
        if not np.isnan(value):
            total, weight = smooth * total + (1 - smooth) * value, smooth * weight + (1 - smooth)
            out[i] = total / weight
    return out


def chosen(name: str, value: Any, allowed: Iterable[str]) -> Any:
    """The value, if it is one of those allowed."""
    allowed = list(allowed)
    if value not in allowed:
        raise ValueError(f"{name}={shown(value)} is not known; allowed are {', '.join(allowed)}")
    return value


def numbers(name: str, values: Any, dimensions: int) -> np.ndarray:
    """An array of numbers with so many dimensions, none of them empty; ValueError in one sentence otherwise."""
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"{name} is no table of numbers; give an array of {dimensions} dimensions") from None
    if array.ndim != dimensions or array.size == 0:
        raise ValueError(f"{name} has the shape {array.shape}; give {dimensions} dimensions, none of them empty")
    return array
