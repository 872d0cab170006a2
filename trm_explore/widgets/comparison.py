"""Runs side by side: their curves on the same axes, their answers stepping together."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

import traitlets

from trm_explore.config import RunConfig
from trm_explore.config.checks import shown
from trm_explore.runs.registry import TOGETHER
from trm_explore.runs.run import Run
from trm_explore.tasks import resolve
from trm_explore.training import events as ev
from trm_explore.view.comparison import STYLES, Member, group_message, state_of
from trm_explore.view.payload import message_of
from trm_explore.widgets.drawing import Place
from trm_explore.widgets.live import Live
from trm_explore.words import compare_tab, run_notes


class Comparison(Live):
    """Compares up to four runs: `Comparison({"on": events_on, "off": events_off})` shows runs that are over,
    `Comparison({"on": config_on, "off": config_off})` trains them, update by update in turn, when it is told to.

    `events` are what the runs have said, by name; `board_step` is the step of all boards (None: each run's last).
    ValueError, one sentence, where there is nothing to compare. `lease`: seconds after which runs stop that are shown
    nowhere any more.
    """

    group = traitlets.Unicode("", read_only=True).tag(sync=True)
    board_step = Place().tag(sync=True)

    def __init__(self, runs: Mapping[str, RunConfig | Sequence[ev.Event]], *, lease: float = 30.0):
        self._compared = _members(runs)
        self._recorded = {} if _are_configs(runs) else {str(name): list(events) for name, events in runs.items()}
        self.modules = ("compare",) if self._recorded else ("steering", "compare")
        super().__init__(lease)
        self._id = secrets.token_urlsafe(8)
        recorded = list(self._recorded.values())
        n = len(self._compared)
        self.set_trait("group", self._group_text(recorded or [[]] * n, ["finished"] * n, first=True))

    @property
    def configs(self) -> dict[str, RunConfig]:
        """By name."""
        return {member.name: member.config for member in self._compared}

    @property
    def events(self) -> dict[str, list[ev.Event]]:
        """By name: all that the runs have said so far."""
        if self._recorded:
            return {name: list(events) for name, events in self._recorded.items()}
        said = [list(run.events) for run in self._members] or [[] for _ in self._compared]
        return {member.name: events for member, events in zip(self._compared, said, strict=True)}

    def picture(self) -> Any:
        """Whole answers right on held-out puzzles, by update, each run's final answer (or that of `board_step`)."""
        from trm_explore.plots.compare import comparison  # matplotlib is slow to import

        runs = {name: [events] for name, events in self.events.items()}
        return comparison(runs, step=-1 if self.board_step is None else self.board_step)

    def __repr__(self) -> str:
        return f"Comparison({', '.join(self.configs)}): {'recorded' if self._recorded else self.state or 'not begun'}"

    def _configs(self) -> Sequence[RunConfig]:
        if self._recorded:
            raise ValueError("these runs are over; give configs instead of events to train here")
        return list(self.configs.values())

    def _content(
        self, members: Sequence[Run], states: list[str], starts: list[int], ends: list[int], first: bool
    ) -> dict[str, Any]:
        news = [run.events[start:end] for run, start, end in zip(members, starts, ends, strict=True)]
        return {"group": self._group_text(news, states, first, [run.latest for run in members], starts)}

    def _group_text(
        self,
        news: list[list[ev.Event]],
        states: list[str],
        first: bool,
        latest: Sequence[ev.Event | None] = (),
        starts: Sequence[int] = (),
    ) -> str:
        compared, runs = zip(self._compared, news, states, strict=True), []
        for n, (member, events, state) in enumerate(compared):
            start = starts[n] if starts else 0
            message = message_of(f"{self._id}-{member.letter}", member.config, events, start=start, state=state)
            runs.append({"letter": member.letter, "message": message} | (member.opening() if first else {}))
        state = state_of(states) if latest or self._recorded else ""
        done = [event.update for event in latest if isinstance(event, ev.UpdateDone | ev.Finished)]
        counts = {"done": sum(done), "updates": sum(member.config.train.updates for member in self._compared)}
        counts |= {"why": next((event.why for event in latest if isinstance(event, ev.Finished) and event.why), "")}
        text = compare_tab.WORDS.get(f"state_{state}", compare_tab.WORDS["starting"]).format(**counts)
        if not latest:
            text = run_notes.RUNS_OVER if self._recorded else run_notes.RUNS_WAITING
        return group_message(self._id, runs, first=first, state=state, text=text, recorded=bool(self._recorded))


def _are_configs(runs: Mapping[str, Any]) -> bool:
    return all(isinstance(run, RunConfig) for run in runs.values())


def _members(runs: Any) -> tuple[Member, ...]:
    """ValueError, one sentence, where these are no runs to compare."""
    if not isinstance(runs, Mapping) or not runs:
        raise ValueError(f'runs={shown(runs)} must map names to configs or to events, such as {{"on": config, ...}}')
    if len(runs) > TOGETHER:
        raise ValueError(f"{len(runs)} runs cannot be compared at once; give 1 to {TOGETHER}")
    members, live = [], _are_configs(runs)
    for letter, (name, run) in zip(STYLES, runs.items(), strict=False):
        if live:
            config = resolve(run)[1]
        elif isinstance(run, RunConfig):
            raise ValueError(
                f"runs[{shown(name)}] is a config and others are not; give configs for all or events for all"
            )
        else:
            config = _config_of(name, run)
        members.append(Member(letter, str(name), config))
    return tuple(members)


def _config_of(name: Any, events: Any) -> RunConfig:
    """That of a run that is over, from its first event."""
    if isinstance(events, list | tuple):
        for event in events:
            if isinstance(event, ev.Started):
                return RunConfig.from_flat(event.config)
    raise ValueError(f"runs[{shown(name)}] has no Started event; give list(train(config)), or a config to train here")
