"""What the page shows before the first click: a shipped small model of the task, run now on a held-out puzzle, and its
recorded training."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

from trm_explore.config import RunConfig
from trm_explore.data.assets import asset
from trm_explore.model.checkpoint import load_checkpoint
from trm_explore.shipped.pairs import SETTINGS, checkpoint_name, evaluations_of, load_pair, pair_names, text_of
from trm_explore.tasks import preset, resolve
from trm_explore.training import events as ev
from trm_explore.training.recorded_example import recorded_example
from trm_explore.training.trajectory import frame_of, picture_of, record
from trm_explore.view.payload import message_of
from trm_explore.words import page_controls, run_notes


@cache
def recorded_run(task: str, kind: str) -> tuple[RunConfig, tuple[ev.Event, ...]]:
    """The config and the events of a shipped run; its frame is computed here and now from the shipped weights."""
    pair = load_pair(task)
    run = pair["runs"][kind]
    model, config = load_checkpoint(asset(f"{checkpoint_name(task, kind)}.safetensors"))
    made, config = resolve(config)
    puzzle = recorded_example(made, config.with_flat(shown_puzzle=pair["shown_puzzle"]).train)
    trajectory = record(model, puzzle.batch, H_cycles=config.eval_steps)
    frame = frame_of(trajectory, made, label=puzzle.label, update=run["updates"])
    points = [
        ev.UpdateDone(update, loss, steps, [], math.nan, math.nan, math.nan, seconds)
        for update, seconds, loss, steps in run["points"]
    ]
    evals = evaluations_of(run, pair["puzzles"])
    end = ev.Finished("done", run["updates"], run["seconds"])
    return config, (*points, *evals, ev.Frame(run["updates"], frame), end)


@cache
def recorded_message(task: str, kind: str = "on") -> dict[str, Any]:
    """A whole message in the state "recorded"."""
    config, events = recorded_run(task, kind)
    pair = load_pair(task)
    run, puzzles = pair["runs"][kind], pair["puzzles"]
    text = run_notes.RECORDED_HERE.format(
        kind=page_controls.PAIRS[kind], updates=run["updates"], seconds=run["seconds"]
    )
    text += run_notes.RECORDED_ON.format(puzzles=puzzles, during=min(SETTINGS["eval_puzzles"], puzzles))
    return message_of(f"recorded-{task}-{kind}", config, events, text=text)


@cache
def gallery_of(tasks: tuple[str, ...]) -> list[dict[str, Any]]:
    """Name, title, help and a picture of each task."""
    made = {name: resolve(preset(name))[0] for name in tasks}
    return [
        {"name": name, "title": task.title, "help": task.help, "frame": picture_of(task)} for name, task in made.items()
    ]


def nothing_recorded(config: RunConfig) -> dict[str, Any]:
    """The message of a task without a shipped pair."""
    return message_of("recorded-none", config, [], text=run_notes.NOTHING_RECORDED)


def recorded_text(task: str) -> str:
    """What was measured for the task's trained pair; empty where it has none."""
    return text_of(load_pair(task)) if task in pair_names() else ""
