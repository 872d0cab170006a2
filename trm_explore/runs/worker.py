"""The thread that computes one run, or the runs of a comparison update by update in turn, in one slot."""

from __future__ import annotations

import threading
import time

from trm_explore.runs.between import trim
from trm_explore.runs.run import PAUSED, PREPARING, QUEUED, RUNNING, Home, Run

LOOK = 0.5  # seconds between two looks at the lease while it waits


class Worker:
    """What stands in line: `members` share its slot, its visitor and its lease."""

    def __init__(self, runs: Home, members: tuple[Run, ...]):
        self.members, self.visitor = members, members[0].visitor
        self._runs = runs
        for run in members:
            run.worker = self
        self.thread = threading.Thread(target=self._work, name=f"run-{members[0].id[:6]}", daemon=True)

    @property
    def waiting(self) -> bool:
        return any(run.state == QUEUED for run in self.members)

    def left(self) -> float | None:
        """Seconds of computing left; None as long as no member has done an update."""
        known = [seconds for seconds in (run._left() for run in self.members) if seconds is not None]
        return sum(known) / len(known) * len(self.members) if known else None

    def unwatched(self) -> bool:
        """Whether nobody has read any of its runs for the time of a lease."""
        return time.monotonic() - max(run.seen for run in self.members) > self._runs.lease

    def _work(self) -> None:
        try:
            while self._wait_for_turn():
                for run in self.members:
                    if run._due() and not run._want_stop:
                        run._advance()
        finally:
            for run in self.members:
                run._end()
            with self._runs.changed:
                self._give_back()
            trim()

    def _wait_for_turn(self) -> bool:
        """Holds until a member may compute: not paused (or an update was asked for), and it is this one's turn. False
        when all have ended."""
        runs = self._runs
        with runs.changed:
            if runs.turns.is_over(self):
                self._give_back()
            while True:
                for run in self.members:
                    if not run.ended and run._over():
                        run._end()
                alive = [run for run in self.members if not run.ended]
                due = [run for run in alive if run._due()]
                if not alive:
                    return False
                if not due:
                    self._give_back()
                had_slot = self in runs.turns.computing
                has_slot = bool(due) and runs.turns.take(self)
                for run in alive:
                    at_work = RUNNING if run._training else PREPARING
                    run.state = PAUSED if run not in due else at_work if has_slot else QUEUED
                if has_slot:
                    if not had_slot:
                        runs.changed.notify_all()  # there may be a slot for the next one, too
                    return True
                runs.changed.wait(timeout=LOOK)

    def _give_back(self) -> None:
        if self._runs.turns.leave(self):
            self._runs.changed.notify_all()
