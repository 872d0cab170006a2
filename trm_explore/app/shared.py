"""What the parts of the page have in common: one choice of task, one run, how events are listened to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from trm_explore.app.handlers import Handlers
from trm_explore.app.settings import CONTROLS
from trm_explore.runs.registry import Runs

# How events are listened to. Private: no endpoint of the API. At once: not in the queue of what computes.
QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
ONCE = {**QUIET, "concurrency_limit": None}  # by its user; of many users
MANY = {**ONCE, "trigger_mode": "multiple"}
AT_ONCE = {**QUIET, "queue": False}


@dataclass(frozen=True)
class Shared:
    """What the parts of the page have in common."""

    runs: Runs
    offered: tuple[str, ...]  # tasks
    handlers: Handlers
    controls: dict[str, Any]  # by the name of the field; settings.CONTROLS has their order
    run_id: gr.Textbox  # the visitor's own run; empty for none
    ticket: gr.Textbox  # the run that `watch` is asked to follow
    tabs: gr.Tabs

    @property
    def inputs(self) -> list[Any]:
        return [self.controls[name] for name in CONTROLS]


def settle(event: Any, shared: Shared, followed: list[Any]) -> None:
    """After an event that sets several controls: once they have settled, what follows them is made anew. The values are
    read after the wait, and of several such events none is left out, so that the last one counts."""
    handlers, asked = shared.handlers, [shared.run_id, *shared.inputs]
    waited = event.then(handlers.settle, None, None, trigger_mode="multiple", **AT_ONCE)
    waited.then(handlers.follow, asked, followed, trigger_mode="always_last", **AT_ONCE)
