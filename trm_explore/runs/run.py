"""One training in the background: how it is read and steered (from any thread), and how its worker advances it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Condition, Thread
from typing import Protocol

from trm_explore.analysis.diagnosis import Finding, diagnose
from trm_explore.config import RunConfig
from trm_explore.model import RecursiveModel
from trm_explore.model.checkpoint import Checkpoint, checkpoint_bytes, slim, write_checkpoint
from trm_explore.runs.between import Between, bytes_of_event, let_go, model_of, state_of, weights_of, without_places
from trm_explore.runs.limits import Limits
from trm_explore.runs.turns import Turns
from trm_explore.training import Training, train
from trm_explore.training import events as ev
from trm_explore.words import run_notes

QUEUED, PREPARING, RUNNING, PAUSED = "queued", "preparing", "running", "paused"
INTERRUPTED = "interrupted"  # ended, though not by its viewer: it can go on from its last update
ENDED = ("finished", "stopped", "failed", INTERRUPTED)
STATES = (QUEUED, PREPARING, RUNNING, PAUSED, *ENDED)
NO_WEIGHTS = "the run has no weights to save yet; let it compute an update first"


class Home(Protocol):
    """What a run and its worker know of the registry."""

    changed: Condition
    limits: Limits
    lease: float
    turns: Turns

    def place(self, run: Run) -> tuple[int, float]: ...
    def has_ended(self, run: Run) -> None: ...


class Computes(Protocol):
    """What a run knows of its worker."""

    thread: Thread

    def unwatched(self) -> bool: ...


class Run:
    """Made by `Runs.submit` and `Runs.submit_group`. Names without underscore may be used from any thread."""

    def __init__(self, runs: Home, config: RunConfig, paused: bool, visitor: str):
        self.id, self.config, self.visitor = secrets.token_urlsafe(16), config, visitor
        self.state = PAUSED if paused else QUEUED
        self.events: list[ev.Event] = []
        self.latest: ev.Event | None = None  # the newest event that says where the run stands
        self.findings: list[Finding] = []  # what diagnose makes of the events so far
        self.kept_bytes = 0  # of its events
        self.pinned = False  # never forgotten
        self.opened = False  # from a file
        self.note = ""  # why it was ended, where its viewer did not do it
        self.computed = 0.0  # seconds in which it had a slot and worked
        self.seen = self.made = time.monotonic()
        self.worker: Computes | None = None  # set by the registry; an adopted run has none
        self._runs, self._between = runs, Between()
        self._training: Training | None = None
        self._stream: Iterator[ev.Event] = iter(())
        self._checkpoint: Checkpoint | None = (
            None  # of an ended run: the averaged weights; of an interrupted one all its state
        )
        self._computed_before = 0.0  # it was last let go on; the limit counts from there
        self._done, self._updates_asked, self._want_pause, self._want_stop = 0, 0, paused, False

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
        return self.place[0]

    @property
    def wait(self) -> float:
        """About how many seconds until its turn; 0 where it does not wait."""
        return self.place[1]

    @property
    def place(self) -> tuple[int, float]:
        """(position, wait)"""
        return self._runs.place(self)

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

    def stop(self, why: str = "") -> None:
        """Ends the run, also in the middle of an update; what it has computed stays readable. `why`: a sentence, where
        it is not its viewer who does it; the run can then go on."""
        with self._runs.changed:
            if why and not self._want_stop:
                self.note = why
            self._want_stop = True
            if (training := self._training) is not None:
                training.stop()
            self._runs.changed.notify_all()

    def join(self, timeout: float | None = None) -> None:
        if self.worker is not None:
            self.worker.thread.join(timeout)

    def weights(self, timeout: float = 10.0) -> Checkpoint | None:
        """A copy of the averaged weights, as they were between two updates, and the resolved config. None before the
        first update, and where an ended run has been asked to let go of them. ValueError where an update takes longer
        than `timeout` seconds."""
        with self._between.look(timeout) as may:
            training = self._training
            if training is None:
                return self._checkpoint and slim(self._checkpoint)
            if not may:
                raise ValueError(f"the run is busy with one update for {timeout:g} s now; pause it, then ask again")
            return weights_of(training)

    def model(self, timeout: float = 10.0) -> tuple[RecursiveModel, RunConfig] | None:
        """The model with those weights, in evaluation mode on the CPU, and the resolved config. Else as `weights`."""
        checkpoint = self.weights(timeout)
        return None if checkpoint is None else (model_of(checkpoint), checkpoint.config)

    def save(self, path: str | Path) -> Path:
        """Writes those weights as a checkpoint for evaluation and sharing; ValueError before the first update."""
        return write_checkpoint(path, self._public())

    def checkpoint_bytes(self) -> bytes:
        """What `save` writes."""
        return checkpoint_bytes(self._public())

    def _public(self) -> Checkpoint:
        checkpoint = self.weights()
        if checkpoint is None:
            raise ValueError(NO_WEIGHTS)
        return without_places(checkpoint)

    def _adopt(self, events: list[ev.Event], checkpoint: Checkpoint) -> None:
        """Becomes an ended run that was computed elsewhere."""
        self.events, self._checkpoint, self.opened = events, checkpoint, True
        self.kept_bytes = sum(map(bytes_of_event, events))
        self.latest = next(
            (e for e in reversed(events) if isinstance(e, ev.UpdateDone | ev.Finished | ev.Failed)), None
        )
        self.findings = diagnose(events)
        self.state = "finished"

    # ---- for its worker, in the worker's thread

    def _due(self) -> bool:
        """Whether it wants to compute."""
        return not self.ended and (not self._want_pause or self._updates_asked > 0)

    def _left(self) -> float | None:
        """Seconds of computing left, from what its updates took so far."""
        if self.ended:
            return 0.0
        done = self._done
        return (self.config.train.updates - done) * self.computed / done if done else None

    def _advance(self) -> None:
        """Computes until an update is done, or to the end after the last one."""
        began = time.monotonic()
        try:
            self._pull(began)
        except (ValueError, OSError) as error:  # wrong settings or files, already in one sentence
            self._append(ev.Failed(self._update(), str(error)))
        except Exception as error:  # a thread must not die silently: whatever it is, the page is told
            self._append(ev.Failed(self._update(), f"{type(error).__name__}: {error}", "start the run again"))
        finally:
            self.computed += time.monotonic() - began
        if self.events and isinstance(self.events[-1], ev.Finished | ev.Failed):
            self._end()

    def _pull(self, began: float) -> None:
        if self._training is None:
            training = train(self.config, resume=self._checkpoint) if self._checkpoint else train(self.config)
            with self._runs.changed:
                self._training, self._stream, self._checkpoint = training, iter(training), None
        most = self._runs.limits.seconds
        while not self._over():
            with self._between.update():
                event = next(self._stream, None)
            if event is None:
                self._want_stop = True
                return
            self._append(event)
            if isinstance(event, ev.Preparing | ev.Started):
                self.state = PREPARING if isinstance(event, ev.Preparing) else RUNNING
            if most is not None and self.computed - self._computed_before + time.monotonic() - began > most:
                self.stop(run_notes.ENDED_BY["seconds"].format(seconds=most))
                return
            if isinstance(event, ev.UpdateDone):
                with self._runs.changed:
                    self._done = event.update
                    self._updates_asked = max(0, self._updates_asked - 1)
                if event.update < self._training.config.train.updates:
                    return  # after the last one comes only the end

    def _over(self) -> bool:
        """Whether it is to end; of one that nobody watches it is noted."""
        if not self._want_stop and self.worker.unwatched():
            self.stop(run_notes.ENDED_BY["lease"].format(seconds=self._runs.lease))
        return self._want_stop

    def _go_on_again(self, visitor: str) -> None:
        """With the registry's lock held: an interrupted run is in line again. Its end is none now."""
        self.events = [event for event in self.events if not isinstance(event, ev.Finished)]
        self.latest = next((e for e in reversed(self.events) if isinstance(e, ev.UpdateDone)), None)
        self.state, self.note, self.visitor, self.seen = QUEUED, "", visitor, time.monotonic()
        self._want_stop = self._want_pause = False
        self._updates_asked, self._computed_before = 0, self.computed

    def _forget_state(self) -> None:
        """Keeps the weights only: it cannot go on any more."""
        self._checkpoint, self.state = self._checkpoint and slim(self._checkpoint), "stopped"

    def _append(self, event: ev.Event) -> None:
        self.events.append(event)
        self.kept_bytes += bytes_of_event(event)
        if isinstance(event, ev.Preparing | ev.UpdateDone | ev.Finished | ev.Failed):
            self.latest = event
        if isinstance(event, ev.Evaluated | ev.Finished):
            self.findings = diagnose(self.events)

    def _update(self) -> int:
        return self._training.update if self._training else 0

    def _end(self) -> None:
        if self.ended:
            return
        training, seconds, update = self._training, 0.0, self._update()
        failed = bool(self.events) and isinstance(self.events[-1], ev.Failed)
        total = training.config.train.updates if training else self.config.train.updates
        interrupted = bool(self.note) and not failed and update < total
        if training is not None:
            seconds = training.seconds
            training.close()
            with self._between.update():  # nobody looks now
                with suppress(Exception):  # a device that broke may not give them; the run has to end all the same
                    self._checkpoint = state_of(training) if interrupted and update else weights_of(training)
                self._training, self._stream = None, iter(())
                let_go(training)
        with self._runs.changed:
            last = self.events[-1] if self.events else None
            if not isinstance(last, ev.Finished | ev.Failed):
                self._append(ev.Finished("stopped", update, seconds, self.note))
                last = self.events[-1]
            ended = "failed" if failed else "finished" if last.reason == "done" else "stopped"
            self.state = INTERRUPTED if interrupted and ended == "stopped" else ended
            self._runs.has_ended(self)
