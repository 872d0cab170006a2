"""What a run's viewers are sent: looked at ten times a second by one coroutine a viewer, no thread, made once for all.

Viewers look at the same moments, and what the first of them finds at a moment is what all find, so that the message is
made once however many watch. More viewers than the limit are served less often, none is refused.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any
from weakref import WeakKeyDictionary

from trm_explore.runs.registry import Runs
from trm_explore.runs.run import QUEUED, Run
from trm_explore.view.payload import message_of
from trm_explore.words import run_notes

PERIOD = 0.1  # seconds between two looks at a run
CHUNK = 1000  # events in one message at most, so that a long run found again comes in pieces


class Feed:
    """The viewers of all runs of a page."""

    def __init__(self, runs: Runs):
        self.runs = runs
        self._made: WeakKeyDictionary[Run, Look] = WeakKeyDictionary()

    async def messages(self, run: Run) -> AsyncIterator[dict[str, Any]]:
        """Messages until the run has ended and all of it was sent. Looking renews the run's lease."""
        async with aclosing(self._looks(run)) as looks:
            async for look, start, end in looks:
                yield look.message(start, end)

    async def texts(self, run: Run) -> AsyncIterator[str]:
        """The same as JSON. Text, because Gradio sends a structure as its difference to the one before, and counts
        wrong where lists in lists get shorter."""
        async with aclosing(self._looks(run)) as looks:
            async for look, start, end in looks:
                yield look.text(start, end)

    async def _looks(self, run: Run) -> AsyncIterator[tuple[Look, int, int]]:
        cursor, last_state = 0, None
        self.runs.viewers += 1
        try:
            while True:
                moment = self._moment()
                look = self._made.get(run)
                again = look is not None and look.events is not run.events  # it had ended, and goes on
                if look is None or look.moment != moment or again:
                    look = self._made[run] = Look(run, moment)
                run.read(look.count)
                end = min(look.count, cursor + CHUNK)
                if end > cursor or look.stands != last_state:
                    yield look, cursor, end
                    cursor, last_state = end, look.stands
                if look.ended and cursor == look.count:
                    return
                period = self._period()
                await asyncio.sleep(period - time.monotonic() % period)
        finally:
            self.runs.viewers -= 1

    def _period(self) -> float:
        return PERIOD * max(1, -(-self.runs.viewers // self.runs.limits.viewers))

    def _moment(self) -> int:
        return int(time.monotonic() / self._period())


class Look:
    """A run as all its viewers find it at one moment. It does not hold the run, which is forgotten while this stands
    under its name."""

    def __init__(self, run: Run, moment: int):
        self.id, self.config, self.events, self.moment = run.id, run.config, run.events, moment
        self.ended, self.state = run.ended, run.state  # before the events, which are then all there
        self.latest, self.findings, self.note = run.latest, run.findings, run.note
        place = run.place if self.state == QUEUED else (0, 0.0)
        self.stands = self.state, place[0], rounded(place[1]), self.note
        self.count = len(run.events)
        self._messages: dict[tuple[int, int], dict[str, Any]] = {}
        self._texts: dict[tuple[int, int], str] = {}

    def message(self, start: int, end: int) -> dict[str, Any]:
        """Events from `start` to `end` and where the run stands; the same object for everybody, so never changed."""
        if (start, end) not in self._messages:
            state, place, wait, _ = self.stands
            waits = run_notes.WAITS.format(place=place, wait=wait) if state == QUEUED and place else ""
            self._messages[start, end] = message_of(
                self.id,
                self.config,
                self.events[start:end],
                start=start,
                state=state,
                latest=self.latest,
                text=waits,
                findings=self.findings,
            )
        return self._messages[start, end]

    def text(self, start: int, end: int) -> str:
        """The message as JSON."""
        if (start, end) not in self._texts:
            self._texts[start, end] = json.dumps(self.message(start, end), separators=(",", ":"))
        return self._texts[start, end]


def rounded(seconds: float) -> str:
    """As exact as a guess may look, and the same for a while: 5 s, 40 s, 3 min."""
    if seconds < 57.5:
        return f"{max(5, 5 * round(seconds / 5))} s"
    return f"{max(1, round(seconds / 60))} min"
