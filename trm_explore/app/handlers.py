"""What the page's events do. Handlers only start, steer and read runs (runs.py); none of them trains."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import gradio as gr
from gradio.context import LocalContext

from trm_explore.app.feed import Feed
from trm_explore.app.link_fields import SIZED
from trm_explore.app.settings import ADVISED, CONTROLS, check, config_of, shown_config, too_slow, values_of
from trm_explore.config import PRESETS, RunConfig
from trm_explore.runs.registry import Runs
from trm_explore.runs.run import INTERRUPTED
from trm_explore.shipped.pairs import KINDS, pair_names
from trm_explore.tasks import GENERATED, preset, resolve
from trm_explore.view.commands import as_command, as_python
from trm_explore.view.payload import error_plan, plan_of
from trm_explore.view.recorded import nothing_recorded, recorded_message, recorded_text
from trm_explore.view.settings import SETTINGS
from trm_explore.words import page_controls

MARKED = tuple(row.name for row in SETTINGS.values() if row.is_marked)  # controls that can show an error, data last
FITTED = tuple(row.name for row in SETTINGS.values() if row.by_task)
SCHEDULED = tuple(row.name for row in SETTINGS.values() if row.with_supervision or row.for_schedules)
NOBODY = ""  # a ticket with which nothing is watched

Updates = list[Any]


class Handlers:
    """The page's event handlers over one registry of runs. Return values fit the outputs that page.py wires."""

    def __init__(self, runs: Runs, tasks: tuple[str, ...] = GENERATED):
        self.runs, self.tasks, self.feed = runs, tasks, Feed(runs)
        self.first = NOBODY  # a run that the page opens with

    def follow(self, run_id: str, *values: Any) -> Updates:
        """Controls moved -> plan, command, Python, and the error beside its control (or all marks cleared). Where they
        stand as the run that is shown has set them, all three are that run's own: one that was brought here may have
        settings that no control has."""
        try:
            config = config_of(values, self.tasks)
        except ValueError as error:
            return [error_plan(str(error)), gr.skip(), gr.skip(), *marks(str(error))]
        own = self._config_of(run_id)
        if own is not None and config == self._on_controls(own):
            return [*_plan_and_commands(own), *marks("")]
        slow = too_slow(config) or self._beyond(config)
        plan, *commands = _plan_and_commands(config)
        return [plan | {"error": slow}, *commands, *marks(slow)]

    def _config_of(self, run_id: Any) -> RunConfig | None:
        run = self.runs.get(run_id) if isinstance(run_id, str) else None
        return run and run.config

    def _on_controls(self, config: RunConfig) -> RunConfig | None:
        """What the controls make of such a run's settings; None where they cannot say them."""
        try:
            return config_of(values_of(config), self.tasks)
        except ValueError:
            return None

    def _beyond(self, config: RunConfig) -> str:
        """Why the limits forbid such a run; empty where they do not."""
        try:
            self.runs.limits.check(config)
        except ValueError as error:
            return str(error)
        return ""

    def choose(self, task: str, size: str) -> Updates:
        """Another task or size -> its own cycles and updates (SIZED)."""
        if task not in self.tasks or not isinstance(size, str) or size not in PRESETS:
            return [gr.skip()] * len(SIZED)
        own = preset(task, size).to_flat()
        return [own[name] for name in SIZED]

    def pick(self, run_id: str, picked: gr.EventData) -> Updates:
        """A task chosen in the gallery -> its settings, its recorded run, what was measured."""
        return self._recorded(run_id, getattr(picked, "task", None), "on")

    def show_pair(self, run_id: str, task: str, kind: str) -> Updates:
        """One of the task's recorded runs -> its settings and figures."""
        return self._recorded(run_id, task, kind)

    def fit(self, task: str) -> Updates:
        """Only the controls that mean something to the task are shown (FITTED)."""
        takes = resolve(preset(task))[0].accepted_data_fields if task in self.tasks else ()
        return [gr.update(visible=name in takes) for name in FITTED]

    def _recorded(self, run_id: str, task: Any, kind: Any) -> Updates:
        skipped = [gr.skip()] * (len(CONTROLS) + 3)
        if task not in self.tasks or kind not in KINDS:
            return skipped
        run = self.runs.get(run_id)
        busy = run is not None and not run.ended  # then its figures stay
        config = shown_config(task, kind)
        if task not in pair_names():
            message = nothing_recorded(config)
            return [*values_of(config), gr.skip() if busy else message, "", gr.skip()]
        message = gr.skip() if busy else recorded_message(task, kind)
        return [*values_of(config), message, recorded_text(task), kind]

    def advise(self, name: str) -> Updates:
        """A preset of the guide -> supervision, schedule and base weight as it advises."""
        if not isinstance(name, str) or name not in PRESETS:
            return [gr.skip()] * len(ADVISED)
        config = preset("sudoku4", name).to_flat()
        return [config[field] for field in ADVISED]

    def show_schedule(self, enabled: bool, schedule: str) -> Updates:
        """Only the controls that act are shown (SCHEDULED)."""
        return [
            gr.update(interactive=enabled or not row.with_supervision, visible=row.acts_with(schedule))
            for row in map(SETTINGS.__getitem__, SCHEDULED)
        ]

    async def train(self, run_id: str, *values: Any) -> Updates:
        """Train pressed -> the run, the ticket to watch it with, and what `follow` returns."""
        return await self._begin(run_id, values, one=False)

    async def one_update(self, run_id: str, *values: Any) -> Updates:
        """One update pressed; returns what `train` does."""
        return await self._begin(run_id, values, one=True)

    async def watch(self, ticket: str) -> AsyncIterator[str]:
        """Messages of a run, as JSON, until it has ended and all of it was sent. Looking renews the run's lease.

        The only event that repeats, so it has one output: Gradio spends most of a message's time on outputs.
        """
        run = self.runs.get(ticket)
        if run is None:
            yield gr.skip()
            return
        async with aclosing(self.feed.texts(run)) as messages:
            async for message in messages:
                yield message

    def pause(self, run_id: str) -> str:
        """Pauses a computing or waiting run, lets a paused one go on, and one that was ended for its viewer -> the
        ticket to watch that one with."""
        run = self.runs.get(run_id)
        if run is None or run.state in ("finished", "failed"):
            return NOBODY
        if not run.ended:
            run.go_on() if run.paused else run.pause()
            return NOBODY
        try:
            self.runs.go_on([run], visitor())
        except ValueError as error:
            gr.Warning(str(error))
            return NOBODY
        return run_id

    def stop(self, run_id: str) -> None:
        run = self.runs.get(run_id)
        if run is not None:
            run.stop()

    def find_again(self, run_id: str) -> Updates:
        """After a reload: the tab's run, the ticket to watch it from its start, and its own settings."""
        run = self.runs.get(run_id)
        if run is None:
            return [gr.skip(), NOBODY, *[gr.skip()] * len(CONTROLS)]
        return [run_id, run_id, *values_of(run.config)]

    async def _begin(self, run_id: str, values: tuple[Any, ...], one: bool) -> Updates:
        run = self.runs.get(run_id)
        if run is not None and not run.ended:  # it is watched already
            run.one_update() if one else run.go_on()
            return [gr.skip(), NOBODY, *[gr.skip()] * 3, *marks("")]
        try:
            config = await asyncio.to_thread(lambda: check(config_of(values, self.tasks)))
            run = self.runs.submit(config, paused=one, visitor=visitor())
        except (ValueError, OSError) as error:
            return [gr.skip(), NOBODY, error_plan(str(error)), gr.skip(), gr.skip(), *marks(str(error))]
        if one:
            run.one_update()
        return [run.id, run.id, *_plan_and_commands(config), *marks("")]


def _plan_and_commands(config: RunConfig) -> Updates:
    """Plan, command, Python."""
    return [plan_of(config), as_command(config), as_python(config)]


def visitor(request: Any = None) -> str:
    """Who asks: one tab of one browser, and the address that it comes from, as "session@address" (runs.address_of);
    empty outside of an event. The session is chosen by the browser, the address is not."""
    request = request or LocalContext.request.get(None)
    session = str(getattr(request, "session_hash", None) or "")
    address = getattr(getattr(request, "client", None), "host", "") if request is not None else ""
    return f"{session}@{address}" if session or address else ""


def marks(error: str) -> Updates:
    """At every control that can be wrong the error, where the sentence starts with its name, else its usual one."""
    errors = {name: f"\u26a0 {error}" if error.startswith(name) else None for name in MARKED}
    infos = [gr.update(info=errors[name] or SETTINGS[name].help) for name in MARKED if name != "data"]
    return [*infos, errors["data"] or page_controls.DATA_HELP]


def buttons(state: str) -> Updates:
    """Train, Pause, One update, Stop as they should look in a run's state ("" for none)."""
    active, halted = state in ("queued", "preparing", "running", "paused"), state in ("paused", INTERRUPTED)
    return [
        gr.update(interactive=not active),
        gr.update(interactive=active or halted, value=page_controls.RESUME if halted else page_controls.PAUSE),
        gr.update(interactive=state != "queued"),
        gr.update(interactive=active),
    ]
