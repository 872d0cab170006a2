"""A widget over runs in the background: a thread hands on what they do, buttons and Python steer them."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Sequence
from math import inf
from typing import Any

import traitlets

from trm_explore.config import RunConfig
from trm_explore.runs.registry import Runs
from trm_explore.runs.run import ENDED, INTERRUPTED, PAUSED, Run
from trm_explore.training import events as ev
from trm_explore.view.comparison import state_of
from trm_explore.widgets.drawing import Drawing, Refused

PERIOD = 0.1  # seconds between two looks at the runs
BUTTONS = ("train", "pause", "go_on", "one_update", "stop")


class Live(Drawing):
    """`state`: that of the runs, "" before the first. A run whose widget was shown and is shown nowhere any more is
    stopped after `lease` seconds; `close` stops it at once. A subclass has `_configs` and `_content`."""

    state = traitlets.Unicode("").tag(sync=True)

    def __init__(self, lease: float, **traits: Any):
        self._runs = Runs(slots=1, lease=lease)
        self._members: tuple[Run, ...] = ()
        self._aims: dict[str, float] = {}  # by run: the update that one_update asked for; inf: its end
        self._views: set[str] = set()
        self._was_displayed = False  # whether it ever was
        self._follower: threading.Thread | None = None
        super().__init__(**traits)
        self.on_msg(self._heard)
        weakref.finalize(self, self._runs.close)  # also where Python ends

    def train(self) -> None:
        """Begins, or goes on after a pause. Returns at once; `wait` waits. ValueError where the settings are wrong."""
        self._begin(paused=False)

    def pause(self) -> None:
        """After the update at hand."""
        for run in self._members:
            run.pause()

    def go_on(self) -> None:
        """Goes on from the last update of a training that was ended because its widget was shown nowhere. ValueError
        where there is none."""
        self._runs.go_on([run for run in self._members if run.state == INTERRUPTED])
        if self._follower is not None:  # it followed them to their end
            self._follower.join(5)
        self._begin_following()

    def one_update(self) -> None:
        """Computes one more update (of every run) and pauses."""
        self._begin(paused=True)
        for run in self._members:
            self._aims[run.id] = max(_done(run), self._aims.get(run.id, 0)) + 1
            run.one_update()

    def stop(self) -> None:
        """Ends it; what was computed stays."""
        for run in self._members:
            self._aims[run.id] = inf
            run.stop()

    def wait(self, seconds: float | None = None) -> str:
        """Until the training has ended or is paused, or for so many seconds; returns the state."""
        end = time.monotonic() + (inf if seconds is None else seconds)
        while time.monotonic() < end and any(self._busy(run) for run in self._members):
            for run in self._members:
                run.read(len(run.events))  # whoever waits is somebody who looks
            time.sleep(0.02)
        if self._follower is not None and all(run.ended for run in self._members):
            self._follower.join(max(0.0, min(10.0, end - time.monotonic())))
        if self._members:
            self.state = state_of(run.state for run in self._members)
        return self.state

    def close(self) -> None:
        """Stops the training and takes the widget off the page."""
        if hasattr(self, "_runs"):  # not where the constructor has refused
            self._runs.close()
        super().close()

    def _busy(self, run: Run) -> bool:
        return not run.ended and (run.state != PAUSED or not run.paused or _done(run) < self._aims.get(run.id, 0))

    def _begin(self, paused: bool) -> None:
        active = [run for run in self._members if not run.ended]
        if not active:
            self._members = tuple(self._runs.submit_group(self._configs(), paused=paused))
            self._begin_following()
        elif not paused:
            for run in active:
                run.go_on()

    def _begin_following(self) -> None:
        self._follower = threading.Thread(target=self._follow, args=(self._members,), daemon=True)
        self._follower.start()

    def _follow(self, members: tuple[Run, ...]) -> None:
        cursors, last_state = [0] * len(members), None
        while self._members is members:
            states = [run.state for run in members]  # before the events, which then are all there
            if self._views or not self._was_displayed:  # looking renews the lease
                ends = [cursor + len(run.read(cursor)[0]) for run, cursor in zip(members, cursors, strict=True)]
                if ends != cursors or states != last_state:
                    self.send(self._content(members, states, cursors, ends, first=last_state is None))
                    self.state = state_of(states)
                    cursors, last_state = ends, states
            if all(state in ENDED for state in states):
                self.state = state_of(states)
                return
            time.sleep(PERIOD)

    def _heard(self, _: Any, content: Any, buffers: Any) -> None:
        """What a view says: that it came or goes, or which button was pressed."""
        do = content.get("do") if isinstance(content, dict) else None
        if do == "hello":
            self._views.add(content["view"])
            self._was_displayed = True
            if members := self._members:
                states, ends = [run.state for run in members], [len(run.events) for run in members]
                whole = self._content(members, states, [0] * len(members), ends, first=True)
                self.send({**whole, "to": content["view"]})
        elif do == "bye":
            self._views.discard(content["view"])
        elif do in BUTTONS:
            try:
                getattr(self, do)()
            except (ValueError, OSError) as error:
                self._refuse(str(error))

    def _configs(self) -> Sequence[RunConfig]:
        raise NotImplementedError

    def _content(
        self, members: Sequence[Run], states: list[str], starts: list[int], ends: list[int], first: bool
    ) -> dict[str, Any]:
        """Events from `starts` to `ends` as its modules take them, by name; `first`: begins anew."""
        raise NotImplementedError

    def _refuse(self, sentence: str) -> None:
        """Says in the widget why a button did nothing."""
        raise Refused(sentence)


def _done(run: Run) -> int:
    """Updates that it has computed."""
    return run.latest.update if isinstance(run.latest, ev.UpdateDone | ev.Finished) else 0
