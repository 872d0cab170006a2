"""All runs of a process: who may begin, who computes, who is remembered."""

from __future__ import annotations

import os
import statistics
import threading
from collections import OrderedDict, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from trm_explore.config import RunConfig
from trm_explore.model.checkpoint import Checkpoint
from trm_explore.runs.between import size_of
from trm_explore.runs.limits import Limits
from trm_explore.runs.run import INTERRUPTED, Run
from trm_explore.runs.turns import Turns
from trm_explore.runs.worker import Worker
from trm_explore.training.events import Event
from trm_explore.words import refusals

OPENING_WAIT = 3.0  # seconds that a file waits for its turn to be opened
TOGETHER = 4  # runs in one comparison at most


class Runs:
    """`limits`, or single ones by name: Runs(slots=1, lease=60)."""

    def __init__(self, limits: Limits | None = None, **changes: Any):
        self.limits = replace(limits or Limits(), **changes)
        self.slots, self.lease = self.limits.slots or cores(), self.limits.lease
        self.changed = threading.Condition()
        self.turns = Turns(self.slots, self.limits.slice)
        self.viewers = 0  # how many watch runs now; counted by who shows them
        self._opening: list[str] = []  # whose files are being opened
        self._all: OrderedDict[str, Run] = OrderedDict()
        self._took: deque[float] = deque(maxlen=10)  # seconds of computing of the runs that ended last

    def submit(self, config: RunConfig, paused: bool = False, visitor: str = "") -> Run:
        """A new run, in line. ValueError, one sentence, where it is beyond the limits. `visitor`: who asks; turns are
        fair between visitors. What follows the last @ in it is the address that they come from."""
        return self._submit([config], paused, visitor)[0]

    def submit_group(self, configs: Sequence[RunConfig], paused: bool = False, visitor: str = "") -> list[Run]:
        """Runs of a comparison: they share one slot and compute update by update in turn, so that their seconds can be
        compared. Each is read and steered like any other."""
        if not 0 < len(configs) <= TOGETHER:
            raise ValueError(f"{len(configs)} runs cannot be compared at once; give 1 to {TOGETHER}")
        return self._submit(configs, paused, visitor)

    def _submit(self, configs: Sequence[RunConfig], paused: bool, visitor: str) -> list[Run]:
        for config in configs:
            self.limits.check(config)
        members = tuple(Run(self, config, paused, visitor) for config in configs)
        worker = Worker(self, members)
        with self.changed:
            self._check_room(len(members), visitor)
            self._remember(members)
        worker.thread.start()
        return list(members)

    def go_on(self, runs: Sequence[Run], visitor: str = "") -> None:
        """Lets interrupted runs go on from their last update, in one slot as those of a comparison. ValueError, one
        sentence, where they cannot."""
        for run in runs:
            run.join(5)  # it has ended; its thread does so now
        with self.changed:
            if not runs or any(run.state != INTERRUPTED for run in runs):
                raise ValueError(refusals.NO_STATE)
            if any(run.worker.thread.is_alive() for run in runs):
                raise ValueError(refusals.STILL_ENDING)
            self._check_room(len(runs), visitor)
            for run in runs:
                run._go_on_again(visitor)
            worker = Worker(self, tuple(runs))
        worker.thread.start()

    def adopt(
        self, config: RunConfig, events: Sequence[Event], kept: Checkpoint, visitor: str = "", pinned: bool = False
    ) -> Run:
        """A run that was computed elsewhere, as an ended one: it is read, and looked into, like any other. `pinned`:
        it is never forgotten. ValueError where its network is beyond the limits. Of one visitor's as many are kept as
        may be under way: the newest."""
        self.limits.check_opened(config)
        run = Run(self, config, False, visitor)
        run.pinned = pinned
        run._adopt(list(events), kept)
        with self.changed:
            self._remember((run,))
            own = [r.id for r in self._all.values() if r.opened and not r.pinned and r.visitor == visitor]
            for old in own[: -self.limits.a_visitor] if self.limits.a_visitor is not None else ():
                del self._all[old]
            self.has_ended(run)
        return run

    @contextmanager
    def opening(self, visitor: str = "") -> Iterator[None]:
        """A place to open a file in; ValueError where this visitor has one, or where all are taken for some seconds.
        The file counts as a run of its visitor that is under way."""
        with self.changed:
            if visitor and visitor in self._opening:
                raise ValueError("a file of yours is being opened already; wait for it")
            self._check_room(1, visitor)
            if not self.changed.wait_for(lambda: len(self._opening) < self.limits.opening, OPENING_WAIT):
                raise ValueError(f"{len(self._opening)} files are being opened, which is all that fit; try again soon")
            self._opening.append(visitor)
        try:
            yield
        finally:
            with self.changed:
                self._opening.remove(visitor)
                self.changed.notify_all()

    def _remember(self, runs: Sequence[Run]) -> None:
        for run in runs:
            self._all[run.id] = run
        ended = [other.id for other in self._all.values() if other.ended and not other.pinned]
        for old in ended[: max(0, len(ended) - self.limits.keep)]:
            del self._all[old]

    def _check_room(self, more: int, visitor: str) -> None:
        active = [run for run in self._all.values() if not run.ended]
        own, most = sum(run.visitor == visitor for run in active), self.limits.a_visitor
        if most is not None and own + more > most:
            have = f"{own} of your runs are" if own != 1 else "one of your runs is"
            raise ValueError(f"{have} under way, and {most} may be; stop one first")
        most, address = self.limits.an_address, address_of(visitor)
        if most is not None and address and sum(address_of(run.visitor) == address for run in active) + more > most:
            raise ValueError(f"{most} runs from your address are under way, which is all it may have; try again soon")
        if len(active) + more > self.limits.active:
            raise ValueError(f"{len(active)} runs are under way, which is all that fit; try again in a minute")
        queued = sum(worker.waiting for worker in {run.worker for run in active})  # some have a slot in a moment
        waiting = queued - (self.slots - len(self.turns.computing))
        if waiting >= self.limits.waiting:
            raise ValueError(f"{waiting} runs wait already, which is all that fit; try again in a minute")

    def get(self, run_id: str) -> Run | None:
        """The run of that id, or None where it never was or was forgotten."""
        with self.changed:
            return self._all.get(run_id) if isinstance(run_id, str) else None  # a page may send anything

    def listed(self) -> list[Run]:
        """All that are remembered, oldest first."""
        with self.changed:
            return list(self._all.values())

    def active(self) -> int:
        """How many runs have not ended."""
        return sum(not run.ended for run in self.listed())

    def close(self, timeout: float = 10.0, why: str = "") -> None:
        """Stops every run and waits for their threads. `why`: a sentence for their viewers."""
        runs = self.listed()
        for run in runs:
            run.stop(why)
        for run in runs:
            run.join(timeout)

    def place(self, run: Run) -> tuple[int, float]:
        """(place in line, about how many seconds until its turn); zeros where it does not wait."""
        with self.changed:
            return self.turns.place(run.worker) if run._due() else (0, 0.0)

    def has_ended(self, run: Run) -> None:
        """With `changed` held: learns how long runs take, and lets go of what is beyond `keep_bytes`: weights, oldest
        first, then whole runs, but never the newest."""
        if run.computed:
            self._took.append(run.computed)
            self.turns.typical = statistics.median(self._took)
        ended = [other for other in self._all.values() if other.ended and not other.pinned]
        beyond = -self.limits.keep_bytes
        beyond += sum(other.kept_bytes + (size_of(other._checkpoint) if other._checkpoint else 0) for other in ended)
        for other in ended:
            if beyond > 0 and other._checkpoint is not None:
                if other.state == INTERRUPTED:  # its weights alone may still fit
                    before = size_of(other._checkpoint)
                    other._forget_state()
                    beyond -= before - size_of(other._checkpoint)
                    if beyond <= 0:
                        break
                beyond -= size_of(other._checkpoint)
                other._checkpoint = None
        for other in ended[:-1]:
            if beyond > 0:
                beyond -= other.kept_bytes
                del self._all[other.id]


def address_of(visitor: str) -> str:
    """The address in a visitor's name, "" where it has none."""
    return visitor.rpartition("@")[2] if "@" in visitor else ""


def cores() -> int:
    """CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
