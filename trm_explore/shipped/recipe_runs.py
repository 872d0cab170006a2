"""Recorded runs that answer the questions of a comparison at once, where no weights ship.

    for line in make_recipe_runs("maze", folder): ...   # what `trm-explore make-assets maze --what recipes` does
    run = recorded_runs("maze")["on-last"]              # curves, scores, and the answer to the pair's shown puzzle

They have the pair's seed, task and number of updates (pairs.py), and compute update by update in turn, so that their
seconds can be compared, whatever else the machine does. One JSON file a task holds them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from trm_explore.data.assets import asset, assets
from trm_explore.shipped.pairs import OTHERS, Recording, config_of_pair, short
from trm_explore.storage.whole import write_whole
from trm_explore.training import events as ev
from trm_explore.training import train
from trm_explore.training.recorded_example import recorded_example
from trm_explore.training.trajectory import frame_of, record

RECORDED = ("on", "off", *OTHERS)
POINTS = 30  # of a run's curve, kept


def file_of(task: str) -> str:
    """The asset's name."""
    return f"recipes-{task}.json"


def recorded_runs(task: str) -> dict[str, Any]:
    """kind -> run; none where none were recorded."""
    if file_of(task) not in assets():
        return {}
    stored = json.loads(asset(file_of(task)).read_text(encoding="utf-8"))
    return {kind: run | {"frame": stored["puzzle"] | run["frame"]} for kind, run in stored["runs"].items()}


def make_recipe_runs(task: str, folder: Path) -> Iterator[str]:
    """Trains them, as many updates as the task's pair in the folder, and writes the file; yields a line of text for
    each. ValueError where there is no pair."""
    path = folder / f"pairs-{task}.json"
    if not path.exists():
        raise ValueError(f"{path} is not there: make the pair first, with trm-explore make-assets {task} --what pairs")
    pair = json.loads(path.read_text(encoding="utf-8"))
    updates = pair["runs"]["on"]["updates"]
    recordings = {kind: Recording(train(config_of_pair(task, kind, updates))) for kind in RECORDED}
    going = list(recordings.values())
    while going:
        going = [recording for recording in going if recording.advance()]
    runs = {}
    for kind, recording in recordings.items():
        run = runs[kind] = recording.summary(POINTS) | {"frame": _frame(recording, pair["shown_puzzle"])}
        del run["twice_the_steps"]
        shares = ", ".join(f"{100 * share:.1f}" for share in run["scores"]["exact_accuracy"])
        yield f"{task} {kind}: {run['updates']} updates, {run['seconds']:.0f} s, exact % by step [{shares}]"
    frames = [run["frame"] for run in runs.values()]
    puzzle = {key: part for key, part in frames[0].items() if all(frame[key] == part for frame in frames)}
    for run in runs.values():  # what is the same for all is written once
        run["frame"] = {key: part for key, part in run["frame"].items() if key not in puzzle}
    text = json.dumps(ev.finite({"task": task, "puzzle": puzzle, "runs": runs}), separators=(",", ":"))
    write_whole(folder / file_of(task), text + "\n")


def _frame(recording: Recording, shown: int) -> dict[str, Any]:
    """The trained network's answer to the pair's puzzle."""
    training = recording.training
    puzzle = recorded_example(training.task, training.config.with_flat(shown_puzzle=shown).train)
    trajectory = record(training.ema_model, puzzle.batch, H_cycles=training.config.eval_steps)
    return short(frame_of(trajectory, training.task, label=puzzle.label, update=training.update))
