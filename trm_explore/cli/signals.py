"""Ctrl-C (SIGINT), SIGTERM and SIGHUP: how a command ends when somebody ends it. Exit status 130, 143, 129.

A training finishes its update, saves and says how it goes on; every other command unwinds, so that nothing of it is
left half done. SIGHUP stays ignored where it was (nohup).
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

NAMES = ("SIGINT", "SIGTERM", "SIGHUP")  # the last is not known on Windows
WHY = {"SIGINT": "Ctrl-C", "SIGTERM": "SIGTERM", "SIGHUP": "SIGHUP, as where its terminal was closed"}


class Ended(KeyboardInterrupt):
    """Raised in the main thread when a signal asks the command to end."""

    def __init__(self, number: int):
        super().__init__(number)
        self.number = number


def status_of(end: BaseException) -> int:
    """The exit status of a command that such an exception ended."""
    return 128 + getattr(end, "number", signal.SIGINT)


class Signals:
    """Handlers for these signals inside the `with` block; outside of the main thread they are left alone.

    The first signal calls `gently`, once it is set, with a name for the signal; before, and for a second Ctrl-C, Ended
    is raised at once. A second SIGTERM or SIGHUP changes nothing: a closed terminal sends more than one.
    """

    def __init__(self) -> None:
        self.gently: Callable[[str], None] | None = None
        self.came = 0  # the number of the first
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Signals:
        if threading.current_thread() is threading.main_thread():
            for name in NAMES:
                number = getattr(signal, name, None)
                if number is None or (name == "SIGHUP" and signal.getsignal(number) == signal.SIG_IGN):
                    continue
                self._before[number] = signal.signal(number, self._has_come)
        return self

    def __exit__(self, *_: object) -> None:
        for number, before in self._before.items():
            signal.signal(number, signal.SIG_DFL if before is None else before)

    @property
    def status(self) -> int:
        """The exit status that tells of the first signal; 130 where another process got it."""
        return 128 + (self.came or signal.SIGINT)

    def _has_come(self, number: int, _: FrameType | None) -> None:
        first = not self.came
        self.came = self.came or number
        if first and self.gently is not None:
            self.gently(WHY[signal.Signals(number).name])
        elif first or number == signal.SIGINT:
            raise Ended(number)
