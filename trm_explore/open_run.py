"""A run from a file that somebody brings along: a checkpoint, or a whole run as a ZIP; nothing in it is believed.

    opened = open_run("sudoku4-run.zip")
    opened.config, opened.events, opened.checkpoint

A checkpoint alone gives one frame, computed here. A ZIP holds config.json, events.jsonl and model.safetensors; nothing
is unpacked beside these three, and every number in them is looked at before it is shown.
"""

from __future__ import annotations

import math
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from trm_explore import events as ev
from trm_explore.checkpoint import Checkpoint, load_weights, read_checkpoint, slim
from trm_explore.config import RunConfig
from trm_explore.model import RecursiveModel
from trm_explore.tasks import Task, resolve
from trm_explore.training import shown_puzzle
from trm_explore.trajectory import frame_of, record

NAMES = ("config.json", "events.jsonl", "model.safetensors")
MOST_BYTES = 200_000_000  # unpacked
MOST_EVENTS = 100_000
MOST_STEPS = 256
PUZZLES = 64  # held-out ones among which the shown one is looked for


class Opened(NamedTuple):
    """What was in the file. The checkpoint holds the averaged weights only."""

    config: RunConfig
    events: list[ev.Event]
    checkpoint: Checkpoint


def open_run(path: str | Path, check: Callable[[RunConfig], None] | None = None) -> Opened:
    """`check` may refuse the config with ValueError, before anything is computed. ValueError,
    one sentence, for a file that is none, or whose parts do not fit each other."""
    path = Path(path)
    kind = path.suffix.lower()
    if kind == ".safetensors":
        checkpoint = slim(read_checkpoint(path))
        task, config = _resolved(checkpoint, path.name, check)
        return Opened(config, _as_events(checkpoint, config, task, path.name), checkpoint)
    if kind != ".zip":
        raise ValueError(f"{path.name} is neither a checkpoint (.safetensors) nor a run (.zip); give one of these")
    with tempfile.TemporaryDirectory() as folder:
        lines, weights = _unpacked(path, Path(folder))
        checkpoint = slim(read_checkpoint(weights))
    task, config = _resolved(checkpoint, path.name, check)
    _model(checkpoint, path.name)  # whether its weights fit
    events = [_checked(line, number, config, task) for number, line in enumerate(lines, 1)]
    if not any(isinstance(event, ev.UpdateDone | ev.Frame) for event in events):
        raise ValueError(f"{path.name} has no update in events.jsonl; there is nothing to show")
    return Opened(config, events, checkpoint)


def _unpacked(path: Path, folder: Path) -> tuple[list[str], Path]:
    """The lines of events.jsonl, and the checkpoint as a file."""
    try:
        with zipfile.ZipFile(path) as archive:
            sizes = {info.filename: info.file_size for info in archive.infolist()}
            for name in NAMES:
                if name not in sizes:
                    raise ValueError(f"{path.name} has no {name}; a run's ZIP holds {', '.join(NAMES)}")
            if (total := sum(sizes[name] for name in NAMES)) > MOST_BYTES:
                raise ValueError(f"{path.name} unpacks to {total:,} bytes; at most {MOST_BYTES:,} are read")
            parts = {}
            for name in NAMES[1:]:  # config.json is for people: the checkpoint says the same
                if archive.getinfo(name).compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                    raise NotImplementedError(f"{name} is packed in an unusual way")
                with archive.open(name) as file:
                    parts[name] = file.read(sizes[name] + 1)
                if len(parts[name]) != sizes[name]:
                    raise ValueError(f"{path.name}: {name} is not as long as it says; the file is damaged")
    except (zipfile.BadZipFile, zlib.error, OSError, RuntimeError, NotImplementedError, EOFError) as error:
        raise ValueError(f"{path.name} is not a whole ZIP file ({str(error)[:80]}); save it again") from error
    weights = folder / NAMES[2]
    weights.write_bytes(parts[NAMES[2]])
    lines = [line for line in parts[NAMES[1]].decode("utf-8", "replace").splitlines() if line.strip()]
    if len(lines) > MOST_EVENTS:
        raise ValueError(f"{path.name} holds {len(lines):,} events; at most {MOST_EVENTS:,} are read")
    return lines, weights


def _resolved(checkpoint: Checkpoint, name: str, check: Callable[[RunConfig], None] | None) -> tuple[Task, RunConfig]:
    config = checkpoint.config
    if config.puzzles.data or config.puzzles.eval_data:  # the user's own file did not come along
        config = config.with_flat(data="", eval_data="")
    if check is not None:
        check(config)
    task, resolved = resolve(config)
    if resolved.model != checkpoint.config.model:
        raise ValueError(f"{name} was made for other boards than those of task {config.task}; it cannot be shown here")
    return task, resolved


def _model(checkpoint: Checkpoint, name: str) -> RecursiveModel:
    model = RecursiveModel(checkpoint.config.model, checkpoint.config.supervision, checkpoint.config.train)
    prefix = next((key.split(".")[0] + "." for key in checkpoint.tensors), "model.")
    load_weights(model, checkpoint, prefix, name)
    return model.eval().requires_grad_(False)


def _as_events(checkpoint: Checkpoint, config: RunConfig, task: Task, name: str) -> list[ev.Event]:
    """A checkpoint alone: how it answers one puzzle now."""
    model, update = _model(checkpoint, name), int(checkpoint.scalars.get("update", 0))
    for _ in task.prepare():
        pass
    puzzle = shown_puzzle(task, config.with_flat(eval_puzzles=PUZZLES, shown_puzzle=None).train)
    trajectory = record(model, puzzle.batch, H_cycles=config.eval_steps)
    frame = frame_of(trajectory, task, label=puzzle.label, update=update)
    reason = "done" if update == config.train.updates else "stopped"
    return [ev.Frame(update, frame), ev.Finished(reason, update, float(checkpoint.scalars.get("seconds", 0.0)))]


def _checked(line: str, number: int, config: RunConfig, task: Task) -> ev.Event:
    """The event of a line, with the types that its class names and frames that the task could have made."""
    try:
        event = ev.from_json(line)
        if isinstance(event, ev.UpdateDone):
            _numbers(event.update, event.loss, event.halt_loss, event.lr, event.grad_norm, event.seconds)
            _lists(event.step_losses, event.weights, event.L_losses, *event.depth_losses)
        elif isinstance(event, ev.Evaluated):
            _numbers(event.update, event.puzzles)
            _lists(event.loss, event.cell_accuracy, event.exact_accuracy, event.r2)
        elif isinstance(event, ev.GradientsMeasured):
            _numbers(event.update)
            _lists(event.network, *event.states)
        elif isinstance(event, ev.Frame):
            _numbers(event.update)
            _frame(event.trajectory, task)
        elif isinstance(event, ev.Finished):
            _numbers(event.update, event.seconds)
            _claim(event.reason in ("done", "stopped"))
        elif isinstance(event, ev.Failed):
            _numbers(event.update)
            _claim(isinstance(event.reason, str) and isinstance(event.advice, str))
        elif isinstance(event, ev.Started):
            _numbers(event.parameters, event.threads, event.update, event.memory)
            return ev.Started(config.to_flat(), event.parameters, "", event.threads, event.update, event.memory)
        else:
            return ev.Preparing("puzzles", 1, 1)  # said nothing that is shown
        return event
    except (ValueError, TypeError, AttributeError, KeyError, IndexError, OverflowError) as error:
        raise ValueError(
            f"events.jsonl, line {number} is not what a training of task {config.task} says; save the run again"
        ) from error


def _frame(frame: dict[str, Any], task: Task) -> None:
    """A frame of this task: of a board as it draws them, every list as long as the board, every number a number."""
    board, plan = frame["board"], task.board()
    rows, cols = board["rows"], board["cols"]
    _claim(type(rows) is int and type(cols) is int and 0 < rows * cols <= 2500)
    _claim({k: v for k, v in board.items() if k not in ("rows", "cols")} == _without_size(plan))
    _claim(set(frame) <= {"update", "label", "board", "inputs", "given", "target", "steps", "others"})
    _claim(isinstance(frame["label"], str) and 0 < len(frame["steps"]) <= MOST_STEPS)
    cells, real = rows * cols, task.loss == "mse"
    symbols = range(-100, len(plan.get("symbols", ())))
    flat = [frame["inputs"], *([frame["target"]] if frame["target"] is not None else [])]
    _claim(len(frame["given"]) == cells and set(frame["given"]) <= {0, 1})
    for step in frame["steps"]:
        _claim(set(step) <= {"wrong", "loss", "halt", "change", "ids", "conf", "values", "notes"})
        _claim(step["wrong"] is None or all(type(i) is int and 0 <= i < cells for i in step["wrong"]))
        for name in ("loss", "halt", "change"):
            _claim(step[name] is None or _is_number(step[name]))
        flat.append(step["values" if real else "ids"])
        if not real:
            _claim(len(step["conf"]) == cells and all(_is_number(c) for c in step["conf"]))
            notes = step.get("notes", [""] * cells)
            _claim(len(notes) == cells and all(isinstance(note, str) and len(note) <= 16 for note in notes))
    for values in flat:
        if real:
            _claim(0 < len(values) <= 8 * cells and all(v is None or _is_number(v) for v in values))
        else:
            _claim(len(values) == cells and all(type(v) is int and v in symbols for v in values))
    others = frame.get("others", {"inputs": [], "steps": []})
    points = np.asarray([others["inputs"], *others["steps"]], dtype=float)  # ValueError where they are ragged
    _claim(points.size <= 100_000 and bool(np.isfinite(points).all()))


def _without_size(board: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in board.items() if name not in ("rows", "cols")}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _numbers(*values: Any) -> None:
    for value in values:
        _claim(isinstance(value, int | float) and not isinstance(value, bool) and abs(value) != math.inf)


def _lists(*lists: Any) -> None:
    for values in lists:
        _claim(isinstance(values, list) and len(values) <= MOST_STEPS)
        _numbers(*values)


def _claim(holds: bool) -> None:
    if not holds:
        raise ValueError
