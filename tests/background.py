"""Runs in the background, for tests: waited for, looked at, closed afterwards."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from trm_explore.runs.registry import Runs
from trm_explore.runs.run import Run
from trm_explore.training import events as ev

ENDLESS = 1_000_000  # updates; such a run ends only when it is stopped


def until(condition: Callable[[], object], seconds: float = 60.0) -> object:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.005)
    raise AssertionError(f"not within {seconds} s")


def updates(run: Run) -> list[int]:
    return [event.update for event in run.events if isinstance(event, ev.UpdateDone)]


@contextmanager
def maker() -> Iterator[Callable[..., Runs]]:
    """make(slots=1): with a long lease; closed at the end."""
    made = []

    def make(**options) -> Runs:
        made.append(Runs(**{"lease": 60.0} | options))
        return made[-1]

    yield make
    for runs in made:
        runs.close()
