"""Bringing a run or a checkpoint back to the page: it becomes a run that has ended, to be looked at like any other."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import gradio as gr

from trm_explore.app.handlers import NOBODY, Handlers, visitor
from trm_explore.app.settings import CONTROLS, config_of, values_of
from trm_explore.app.shared import MANY, ONCE, Shared
from trm_explore.config import RunConfig
from trm_explore.runs.open_run import open_run
from trm_explore.runs.registry import Runs
from trm_explore.runs.run import Run
from trm_explore.training.memory import out_of_memory
from trm_explore.view.recorded import recorded_text
from trm_explore.words import page_controls, refusals, run_notes


def adopt(path: str | Path, runs: Runs, tasks: tuple[str, ...], *, pinned: bool = False, visitor: str = "") -> Run:
    """The file as an ended run. ValueError, one sentence, where it is none, or none for this page. `pinned`: it is
    never forgotten."""

    def check(config: RunConfig) -> None:
        if config.task not in tasks:
            raise ValueError(refusals.BROUGHT_TASK.format(task=str(config.task)[:60], allowed=", ".join(tasks)))

    try:
        with runs.opening(visitor):
            opened = open_run(path, check=check, limits=runs.limits)
    except (MemoryError, RuntimeError) as error:
        if out_of_memory(error):
            raise ValueError(refusals.BROUGHT_LARGE.format(name=Path(path).name)) from error
        raise
    return runs.adopt(opened.config, opened.events, opened.checkpoint, visitor=visitor, pinned=pinned)


def build(shared: Shared, message: gr.HTML, measured: gr.Markdown) -> Any:
    """The file control, and a line that says what came of it; returns the event that sets the controls."""
    file = gr.File(
        label=page_controls.BRING, file_types=[".safetensors", ".zip"], elem_id="bring", interactive=True, height=110
    )
    note = gr.Markdown(page_controls.BRING_HELP, elem_id="bring-help", elem_classes="trm-small")
    bring = Bringing(shared.handlers)
    outputs = [shared.run_id, shared.ticket, note, measured, *shared.inputs]
    brought = file.upload(bring.bring, file, outputs, **ONCE)
    brought.then(shared.handlers.watch, shared.ticket, message, **MANY)
    return brought


class Bringing:
    """The handler."""

    def __init__(self, handlers: Handlers):
        self.runs, self.tasks = handlers.runs, handlers.tasks

    async def bring(self, path: Any, request: gr.Request) -> list[Any]:
        """A file was chosen -> the run that is shown now, its ticket, a sentence, what was measured on its task, its
        settings as the controls' values; where it is refused everything stays but the sentence."""
        nothing = [gr.skip()] * (1 + len(CONTROLS))
        if not isinstance(path, str):
            return [gr.skip(), NOBODY, page_controls.BRING_HELP, *nothing]
        try:
            run = await asyncio.to_thread(adopt, path, self.runs, self.tasks, visitor=visitor(request))
        except (ValueError, OSError) as error:
            sentence = getattr(error, "strerror", None) or error  # without the path, which is the server's
            return [gr.skip(), NOBODY, f"\u26a0 {sentence}", *nothing]
        sentence = run_notes.BROUGHT.format(name=Path(path).name, task=run.config.task)
        return [run.id, run.id, sentence, recorded_text(run.config.task), *controls_for(run.config, self.tasks)]


def controls_for(config: RunConfig, tasks: tuple[str, ...]) -> list[Any]:
    """The controls' values that give the config; where the page's limits do not allow them, its task alone."""
    values = values_of(config.with_flat(data="", eval_data=""))
    try:
        config_of(values, tasks)
    except ValueError:
        return [config.task if name == "task" else gr.skip() for name in CONTROLS]
    return values
