"""The page's three endpoints for programs (docs/api.md): weights, train, record. All others are private.

    from gradio_client import Client
    Client("http://127.0.0.1:7860").predict("linear_decay", 3, 0.5, api_name="/weights")

What is asked for is checked as the page's controls are, and counts against the same limits.
"""
# No postponed annotations here: gradio reads the types of the arguments and results.

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any, Literal

import gradio as gr

from trm_explore.app.handlers import Handlers, visitor
from trm_explore.app.looking import Question, look
from trm_explore.app.settings import CONTROLS, check, config_of, page_config, values_of
from trm_explore.config import unknown_setting
from trm_explore.config.schedules import FORMULAS
from trm_explore.shipped.pairs import KINDS
from trm_explore.training.losses import supervision_weights
from trm_explore.view.settings import SETTINGS
from trm_explore.words import arguments

MOST_STEPS = 64
SETTABLE = tuple(name for name in CONTROLS if name not in ("task", "data"))  # one is given already, one is a file here


class Endpoints:
    """What programs may call; `handlers` are the page's."""

    def __init__(self, handlers: Handlers):
        self.runs, self.tasks, self.feed = handlers.runs, handlers.tasks, handlers.feed

    def weights(self, schedule: Literal[FORMULAS], n_steps: int = 3, base_weight: float = 0.5) -> list[float]:
        """The raw loss weight of every step under a schedule, first step first."""
        return _with_its_errors(lambda: _weights(schedule, n_steps, base_weight))

    async def train(self, task: str, settings: dict[str, Any], request: gr.Request) -> AsyncIterator[str]:
        """Trains on this server and sends what is new about ten times a second, as messages of docs/formats.md
        (each as JSON text: nested structures do not survive gradio's way of sending differences).
        `settings`: controls of the page by name, such as {"enable_deep_supervision": true, "updates": 100}; what is
        left out is the task's own. Who stops listening ends the run."""
        config = await asyncio.to_thread(_with_its_errors, lambda: check(self._config(task, settings)))
        run = _with_its_errors(lambda: self.runs.submit(config, visitor=visitor(request)))
        try:
            async with aclosing(self.feed.texts(run)) as messages:
                async for message in messages:
                    yield message
        finally:
            run.stop()

    async def record(
        self,
        task: str,
        puzzle: str = "",
        cycles: int | None = None,
        model: Literal[(*KINDS, "run")] = "on",
        run: str = "",
    ) -> dict[str, Any]:
        """One answer, step by step, as a frame of docs/formats.md. `puzzle`: as the task writes it; empty for a
        held-out one. `model`: a recorded one of the task (on, off, off-time), or "run" for the run whose id is `run`.
        `cycles`: None for as many H-cycles as in training, up to four times that."""
        question = Question(model, task, run, None, puzzle, cycles)
        looked = await asyncio.to_thread(_with_its_errors, lambda: look(question, [], self.runs))
        return looked["message"]["frames"][0]

    def _config(self, task: Any, settings: Any) -> Any:
        if task not in self.tasks:
            raise ValueError(f"task={str(task)[:60]} is not known; allowed are {', '.join(self.tasks)}")
        named = settings if isinstance(settings, dict) else None
        if named is None:
            raise ValueError('settings is not an object of names and values, such as {"updates": 100}')
        for name in named:
            if name not in SETTABLE:
                raise ValueError(unknown_setting(str(name), SETTABLE))
        values = dict(zip(CONTROLS, values_of(page_config(task)), strict=True))
        return config_of([{**values, **named}[name] for name in CONTROLS], self.tasks)


def build(handlers: Handlers) -> None:
    """Opens the endpoints; before any other event, so that their names are theirs."""
    endpoints = Endpoints(handlers)
    schemas = _parameters(handlers.tasks)
    for function in (endpoints.weights, endpoints.train, endpoints.record):
        event = gr.api(function, api_name=function.__name__, concurrency_limit=None)
        components = gr.context.get_blocks_context().fns[event["id"]].inputs
        for part, schema in zip(components, schemas[function.__name__].values(), strict=True):
            part.api_info().update(schema)
            if "properties" in schema:  # those and no others
                part.api_info().pop("additionalProperties", None)


def _parameters(tasks: tuple[str, ...]) -> dict[str, dict[str, dict[str, Any]]]:
    """endpoint -> parameter -> what its type hint does not say of it, as JSON Schema: words, ranges, names."""
    settings = {name: SETTINGS[name].schema for name in SETTABLE}
    task = {"enum": list(tasks), "description": SETTINGS["task"].help}
    words = arguments.WORDS
    return {
        "weights": {
            "schedule": {"description": SETTINGS["deep_supervision_schedule"].help},
            "n_steps": {"minimum": 1, "maximum": MOST_STEPS, "description": words["n_steps"].format(most=MOST_STEPS)},
            "base_weight": {"minimum": 0, "description": SETTINGS["deep_supervision_weight"].help},
        },
        "train": {
            "task": task,
            "settings": {"properties": settings, "description": words["settings"]},
        },
        "record": {
            "task": task,
            "puzzle": {"description": words["puzzle"]},
            "cycles": {"description": words["cycles"]},
            "model": {"description": words["model"]},
            "run": {"description": words["run"]},
        },
    }


def _weights(schedule: Any, n_steps: Any, base_weight: Any) -> list[float]:
    if not isinstance(n_steps, int) or isinstance(n_steps, bool) or not 1 <= n_steps <= MOST_STEPS:
        raise ValueError(f"n_steps={str(n_steps)[:40]} is not possible; give a whole number from 1 to {MOST_STEPS}")
    if schedule == "custom":
        raise ValueError("schedule=custom has the weights that you give; ask for one of the others")
    weights = supervision_weights(schedule, n_steps=n_steps, base_weight=base_weight)
    return [round(weight, 6) for weight in weights.tolist()]


def _with_its_errors(work: Any) -> Any:
    """What `work` returns; its one-sentence errors reach the client as they are."""
    try:
        return work()
    except (ValueError, OSError) as error:
        raise gr.Error(str(error), print_exception=False) from None
