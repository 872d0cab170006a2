"""Runs in the background: start, pause, one update, stop, read events from a cursor, lease, queue.

A Run owns a thread that pulls a Training and keeps its events; nobody trains inside a web handler. As many runs
compute at once as there are slots, the others wait in line and know their place. A paused run gives its slot back. A
run that nobody reads for `lease` seconds is stopped. The id is a secret: whoever has it may steer the run.
"""

from __future__ import annotations

import os
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from trm_explore import events as ev
from trm_explore.analysis import Finding, diagnose
from trm_explore.config import RunConfig
from trm_explore.training import train

QUEUED, PREPARING, RUNNING, PAUSED = "queued", "preparing", "running", "paused"
ENDED = ("finished", "stopped", "failed")


class Run:
    """One training in a thread. Made by `Runs.submit`; every method may be called from any thread."""

    def __init__(self, runs: Runs, config: RunConfig, paused: bool):
        self.id, self.config = secrets.token_urlsafe(16), config
        self.state = PAUSED if paused else QUEUED
        self.events: list[ev.Event] = []
        self.latest: ev.Event | None = None  # the newest event that says where the run stands
        self.findings: list[Finding] = []  # what diagnose makes of the events so far
        self.seen = time.monotonic()
        self._runs, self._training, self._updates_asked = runs, None, 0
        self._want_pause, self._want_stop = paused, False
        self._thread = threading.Thread(target=self._work, name=f"run-{self.id[:6]}", daemon=True)

    def read(self, cursor: int = 0) -> tuple[list[ev.Event], int]:
        """Events from `cursor` on, and the next cursor. Reading renews the lease."""
        self.seen = time.monotonic()
        new = self.events[cursor:]
        return new, cursor + len(new)

    @property
    def ended(self) -> bool:
        return self.state in ENDED

    @property
    def paused(self) -> bool:
        """Paused, or about to be after the update at hand."""
        return self._want_pause

    @property
    def position(self) -> int:
        """Place in the line: 0 while computing or paused, 1 for the next one."""
        return self._runs.position(self)

    def pause(self) -> None:
        with self._runs.changed:
            self._want_pause = True
            self._runs.changed.notify_all()

    def go_on(self) -> None:
        with self._runs.changed:
            self._want_pause, self._updates_asked = False, 0
            self._runs.changed.notify_all()

    def one_update(self) -> None:
        """Computes one more update and pauses (a running one pauses after its next update)."""
        with self._runs.changed:
            self._updates_asked, self._want_pause = self._updates_asked + 1, True
            self._runs.changed.notify_all()

    def stop(self) -> None:
        """Ends the run, also in the middle of an update; what it has computed stays readable."""
        with self._runs.changed:
            self._want_stop = True
            if self._training is not None:
                self._training.stop()
            self._runs.changed.notify_all()

    def join(self, timeout: float | None = None) -> None:
        self._thread.join(timeout)

    def _append(self, event: ev.Event) -> None:
        self.events.append(event)
        if isinstance(event, ev.Preparing | ev.UpdateDone | ev.Finished | ev.Failed):
            self.latest = event
        if isinstance(event, ev.Evaluated | ev.Finished):
            self.findings = diagnose(self.events)

    def _work(self) -> None:
        try:
            self._wait_for_turn()
            self._pull()
        except (ValueError, OSError) as error:  # wrong settings or files, already in one sentence
            self._append(ev.Failed(self._update(), str(error)))
        except Exception as error:  # a thread must not die silently: whatever it is, the page is told
            self._append(ev.Failed(self._update(), f"{type(error).__name__}: {error}", "start the run again"))
        finally:
            self._end()

    def _pull(self) -> None:
        if self._want_stop:
            return
        training = train(self.config)
        with self._runs.changed:
            self._training = training
        for event in training:
            self._append(event)
            if isinstance(event, ev.Preparing | ev.Started):
                self.state = PREPARING if isinstance(event, ev.Preparing) else RUNNING
            if isinstance(event, ev.UpdateDone):
                with self._runs.changed:
                    self._updates_asked = max(0, self._updates_asked - 1)
                last = event.update == self.config.train.updates  # after it comes only the end
                if self._want_pause and not self._updates_asked and not last:
                    self._wait_for_turn()
            if self._unwatched() or self._want_stop:
                training.close()
                return

    def _wait_for_turn(self) -> None:
        """Holds until this run may compute: not paused (or an update was asked for), and a slot is free for the first
        in line."""
        runs = self._runs
        with runs.changed:
            while not self._want_stop and not self._unwatched():
                if self._want_pause and not self._updates_asked:
                    self.state = PAUSED
                    runs.leave(self)
                elif runs.take_slot(self):
                    self.state = RUNNING if self._training else PREPARING
                    return
                else:
                    self.state = QUEUED
                runs.changed.wait(timeout=0.5)  # wakes also to look at the lease
            self._want_stop = True

    def _unwatched(self) -> bool:
        return time.monotonic() - self.seen > self._runs.lease

    def _update(self) -> int:
        return self._training.update if self._training else 0

    def _end(self) -> None:
        with self._runs.changed:
            last = self.events[-1] if self.events else None
            if not isinstance(last, ev.Finished | ev.Failed):
                seconds = self._training.seconds if self._training else 0.0
                self._append(ev.Finished("stopped", self._update(), seconds))
                last = self.events[-1]
            self._training = None  # the model's memory goes back; the events stay
            failed = isinstance(last, ev.Failed)
            self.state = "failed" if failed else "finished" if last.reason == "done" else "stopped"
            self._runs.leave(self)


class Runs:
    """All runs of a process: `slots` compute at once, `keep` ended ones stay readable, `waiting` at most stand in
    line."""

    def __init__(self, slots: int | None = None, lease: float = 30.0, keep: int = 100, waiting: int = 100):
        self.slots, self.lease, self.keep, self.waiting = slots or cores(), lease, keep, waiting
        self.changed = threading.Condition()
        self._all: OrderedDict[str, Run] = OrderedDict()
        self._line: list[Run] = []
        self._computing: set[Run] = set()

    def submit(self, config: RunConfig, paused: bool = False, check: Callable[[RunConfig], None] | None = None) -> Run:
        """A new run, in line. `check` may refuse the config with ValueError; so does a full line."""
        if check is not None:
            check(config)
        run = Run(self, config, paused)
        with self.changed:
            queued = sum(other.state == QUEUED for other in self._all.values())  # some have a slot in a moment
            waiting = queued - (self.slots - len(self._computing))
            if waiting >= self.waiting:
                raise ValueError(f"{waiting} runs wait already, which is all that fit; try again in a minute")
            self._all[run.id] = run
            ended = [other.id for other in self._all.values() if other.ended]
            for old in ended[: max(0, len(ended) - self.keep)]:
                del self._all[old]
        run._thread.start()
        return run

    def get(self, run_id: str) -> Run | None:
        """The run of that id, or None where it never was or was forgotten."""
        with self.changed:
            return self._all.get(run_id)

    def active(self) -> int:
        """How many runs have not ended."""
        with self.changed:
            return sum(not run.ended for run in self._all.values())

    def close(self, timeout: float = 10.0) -> None:
        """Stops every run and waits for their threads."""
        with self.changed:
            runs = list(self._all.values())
        for run in runs:
            run.stop()
        for run in runs:
            run.join(timeout)

    def position(self, run: Run) -> int:
        with self.changed:
            return self._line.index(run) + 1 if run in self._line else 0

    def take_slot(self, run: Run) -> bool:
        """With `changed` held: a slot if there is one and nobody is before this run in line."""
        if run in self._computing:
            return True
        if run not in self._line:
            self._line.append(run)
        if len(self._computing) < self.slots and self._line[0] is run:
            self._line.pop(0)
            self._computing.add(run)
            self.changed.notify_all()
            return True
        return False

    def leave(self, run: Run) -> None:
        """With `changed` held: gives back the slot or the place in line."""
        if run in self._computing or run in self._line:
            self._computing.discard(run)
            if run in self._line:
                self._line.remove(run)
            self.changed.notify_all()


def cores() -> int:
    """CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
