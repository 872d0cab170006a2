"""What the parts of the page have in common: one choice of task, one run, how events are listened to."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import gradio as gr

from trm_explore.app.handlers import Handlers, Updates
from trm_explore.app.settings import CONTROLS
from trm_explore.runs.registry import Runs

# How events are listened to. Private: no endpoint of the API. At once: not in the queue of what computes.
QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
ONCE = {**QUIET, "concurrency_limit": None}  # by its user; of many users
MANY = {**ONCE, "trigger_mode": "multiple"}
AT_ONCE = {**QUIET, "queue": False}
MOVED = ("input", "release", "upload", "clear", "delete")  # the events of a control that its user makes


def moved(controls: Iterable[Any]) -> list[Any]:
    """The events with which users move these controls. Their `change` is none: it comes with every value that an answer
    sets, too, so that answers would ask again."""
    return [getattr(one, event) for one in controls for event in MOVED if event in map(str, one.EVENTS)]


@dataclass(frozen=True)
class Follower:
    """Components that say what the settings mean: `make(run_id, *values)` gives their values."""

    outputs: list[Any]
    make: Callable[..., Updates]


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
    turns: gr.HTML  # bridge.turns
    followers: list[Follower] = field(default_factory=list)  # each part adds its own

    @property
    def inputs(self) -> list[Any]:
        return [self.controls[name] for name in CONTROLS]

    def turn(self, name: str, fn: Callable[..., Any], inputs: Any, outputs: Any, **how: Any) -> Any:
        """Listens for what is asked under that name in its lane; returns the event."""
        event = getattr(self.turns, name)(fn, inputs, outputs, **{**AT_ONCE, **how, "trigger_mode": "multiple"})
        done: dict[str, Any] = {"fn": None, "js": f"() => trmTurns.done('{name}')", "api_visibility": "private"}
        event.then(**done)
        event.failure(**done)  # Gradio calls the other only after a success
        return event


def setting(shared: Shared, act: Callable[..., Any] | None, takes: list[Any], sets: list[Any]) -> dict[str, Any]:
    """fn, inputs, outputs of a listener that sets components, controls among them, and all that follows the controls,
    in one answer: so nothing on the page is ever of other settings than the rest. `act(*takes, event)` gives `sets`."""
    followers = shared.followers
    outputs = [*sets, *(part for follower in followers for part in follower.outputs)]
    outputs = list({id(part): part for part in outputs}.values())
    inputs = [*takes, shared.run_id, *shared.inputs]
    standing = inputs[len(takes) :]

    def answer(event: gr.EventData, *given: Any) -> Updates:
        own, stand = given[: len(takes)], list(given[len(takes) :])
        answers = list(zip(sets, act(*own, event), strict=True)) if act else []
        for part, update in answers:
            places = [i for i, one in enumerate(standing) if one is part]
            for place in places:
                stand[place] = _value(update, stand[place])
        made = [pair for one in followers for pair in zip(one.outputs, one.make(*stand), strict=True)]
        found: dict[int, Any] = {}
        for part, update in [*made, *answers]:
            found[id(part)] = _joined(found[id(part)], update) if id(part) in found else update
        return [found[id(part)] for part in outputs]

    return {"fn": answer, "inputs": inputs, "outputs": outputs}


def _is_update(value: Any) -> bool:
    return isinstance(value, dict) and value.get("__type__") == "update"


def _value(update: Any, before: Any) -> Any:
    """What a component's value is after the update."""
    return update.get("value", before) if _is_update(update) else update


def _joined(first: Any, second: Any) -> Any:
    """Two updates of one component as one; the second counts where both say the same thing."""
    first, second = (one if _is_update(one) else gr.update(value=one) for one in (first, second))
    return {**first, **second}
