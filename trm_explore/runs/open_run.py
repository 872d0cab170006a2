"""A run from a file that somebody brings along: a checkpoint, or a whole run as a ZIP; nothing in it is believed.

    opened = open_run("sudoku4-run.zip")
    opened.config, opened.events, opened.checkpoint

A checkpoint alone gives one frame, computed here. A ZIP holds config.json, events.jsonl and model.safetensors; nothing
is unpacked beside these three. Whatever is in them is held to `Limits` before anything is computed or allocated from
it, events to the type hints of their classes, and opening ends at a deadline.
"""

from __future__ import annotations

import io
import math
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from trm_explore.config import RunConfig
from trm_explore.model import RecursiveModel
from trm_explore.model.cancel import cancel_check
from trm_explore.model.checkpoint import Checkpoint, load_weights, read_checkpoint, read_header, slim
from trm_explore.runs.between import bytes_of_event, size_of
from trm_explore.runs.limits import Limits
from trm_explore.storage.untrusted import Deadline
from trm_explore.tasks import resolve
from trm_explore.tasks.base import Task
from trm_explore.training import events as ev
from trm_explore.training.recorded_example import recorded_example
from trm_explore.training.trajectory import frame_of, record

NAMES = ("config.json", "events.jsonl", "model.safetensors")
MOST_EVENTS = 100_000
MOST_LINE = 2_000_000  # bytes of one event
MOST_LISTED = 1_000_000  # bytes of a ZIP's own list of its files, of which three are read
MOST_CELLS = 2_500  # of a board
PUZZLES = 64  # held-out ones among which the shown one is looked for


class Opened(NamedTuple):
    """What was in the file. The checkpoint holds the averaged weights only."""

    config: RunConfig
    events: list[ev.Event]
    checkpoint: Checkpoint


def open_run(
    path: str | Path, check: Callable[[RunConfig], None] | None = None, limits: Limits | None = None
) -> Opened:
    """ValueError, one sentence, for a file that is none, whose parts do not fit each other, or that is beyond the
    limits (None: those of a page without limits for its visitors). `check` may refuse the config, too."""
    path, limits = Path(path), limits or Limits()
    kind, deadline = path.suffix.lower(), Deadline(limits.opening_seconds, f"opening {path.name}")

    def held(config: RunConfig) -> None:
        if check is not None:
            check(config)
        limits.check_opened(config)

    if kind == ".safetensors":
        checkpoint, task, config = _weights(path, path.name, held)
        return Opened(config, _as_events(checkpoint, config, task, path.name, deadline), checkpoint)
    if kind != ".zip":
        raise ValueError(f"{path.name} is neither a checkpoint (.safetensors) nor a run (.zip); give one of these")
    with tempfile.TemporaryDirectory() as folder, _opened(path, limits.opened_bytes) as archive:
        with _reading(path):
            weights = Path(folder) / NAMES[2]
            weights.write_bytes(_part(archive, NAMES[2], path))
        checkpoint, task, config = _weights(weights, path.name, held)
        _model(checkpoint, path.name)  # whether its weights fit
        events, room = [], limits.opened_bytes - size_of(checkpoint)
        for number, line in _lines(archive, path):
            if number % 100 == 1:
                deadline()
            events.append(_checked(line, number, config, task))
            room -= bytes_of_event(events[-1])
            if room < 0:
                raise ValueError(
                    f"{path.name} holds more than the {limits.opened_bytes:,} bytes that are kept of a run"
                )
    if not any(isinstance(event, ev.UpdateDone | ev.Frame) for event in events):
        raise ValueError(f"{path.name} has no update in events.jsonl; there is nothing to show")
    return Opened(config, events, checkpoint)


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Whatever a ZIP can have wrong, in one sentence."""
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, OSError, RuntimeError, NotImplementedError, EOFError) as error:
        raise ValueError(f"{path.name} is not a whole ZIP file ({str(error)[:80]}); save it again") from error


@contextmanager
def _opened(path: Path, most: int) -> Iterator[zipfile.ZipFile]:
    """The archive, where its three parts are there and unpack to at most `most` bytes."""
    with _reading(path):
        _check_list(path)
        archive = zipfile.ZipFile(path)
    with archive:
        sizes = {info.filename: info.file_size for info in archive.infolist()}
        for name in NAMES:
            if name not in sizes:
                raise ValueError(f"{path.name} has no {name}; a run's ZIP holds {', '.join(NAMES)}")
        if (total := sum(sizes[name] for name in NAMES)) > most:
            raise ValueError(f"{path.name} unpacks to {total:,} bytes; at most {most:,} are read")
        yield archive


def _check_list(path: Path) -> None:
    """A ZIP says at its end how long its list of files is; Python reads all of it into memory."""
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - 22 - 65_535 - 20))
        end = file.read()
    at = len(end) - 22 if end[-22:-18] == b"PK\5\6" and end.endswith(b"\0\0") else end.rfind(b"PK\5\6")
    if at < 0 or len(end) < at + 22:
        raise zipfile.BadZipFile("it has no end")
    if int.from_bytes(end[at + 12 : at + 16], "little") > MOST_LISTED or end[max(0, at - 20) : at].startswith(
        b"PK\6\7"
    ):
        raise ValueError(f"{path.name} lists more files than the {len(NAMES)} of a run; save the run again")


def _part(archive: zipfile.ZipFile, name: str, path: Path) -> bytes:
    with _member(archive, name) as file:
        size = archive.getinfo(name).file_size
        data = file.read(size + 1)
    if len(data) != size:
        raise ValueError(f"{path.name}: {name} is not as long as it says; the file is damaged")
    return data


def _member(archive: zipfile.ZipFile, name: str) -> Any:
    if archive.getinfo(name).compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise NotImplementedError(f"{name} is packed in an unusual way")
    return archive.open(name)


def _lines(archive: zipfile.ZipFile, path: Path) -> Iterator[tuple[int, str]]:
    """(number, line) of events.jsonl, as it is unpacked. config.json is for people: the checkpoint says the same."""
    with _reading(path), _member(archive, NAMES[1]) as packed:
        number, file = 0, io.BufferedReader(packed)
        while line := file.readline(MOST_LINE + 1):
            number += 1
            if len(line) > MOST_LINE:
                raise ValueError(f"events.jsonl, line {number} has more than {MOST_LINE:,} bytes; save the run again")
            if number > MOST_EVENTS:
                raise ValueError(f"{path.name} holds more than {MOST_EVENTS:,} events; at most so many are read")
            if line.strip():
                yield number, line.decode("utf-8", "replace")


def _weights(path: Path, name: str, held: Callable[[RunConfig], None]) -> tuple[Checkpoint, Task, RunConfig]:
    """What its header says is judged first, then the tensors are read. Sentences have the file's name: where it lies
    on the server is nobody's business."""
    _resolved(read_header(path, name)[0], name, held)
    checkpoint = slim(read_checkpoint(path, name))
    return checkpoint, *_resolved(checkpoint.config, name, held)


def _resolved(given: RunConfig, name: str, held: Callable[[RunConfig], None]) -> tuple[Task, RunConfig]:
    config = given
    if config.puzzles.data or config.puzzles.eval_data:  # the user's own file did not come along
        config = config.with_flat(data="", eval_data="")
    held(config)
    task, resolved = resolve(config)
    if resolved.model != given.model:
        raise ValueError(f"{name} was made for other boards than those of task {config.task}; it cannot be shown here")
    cells = math.prod(task.held_out_shape())
    if cells > MOST_CELLS:
        raise ValueError(f"{name} was made for boards of {cells:,} cells; at most {MOST_CELLS:,} are shown here")
    if cells > resolved.model.seq_len:  # held-out puzzles are larger than those of training
        held(config.with_flat(seq_len=cells))
    return task, resolved


def _model(checkpoint: Checkpoint, name: str) -> RecursiveModel:
    model = RecursiveModel(checkpoint.config.model, checkpoint.config.supervision, checkpoint.config.train)
    prefix = next((key.split(".")[0] + "." for key in checkpoint.tensors), "model.")
    load_weights(model, checkpoint, prefix, name)
    return model.eval().requires_grad_(False)


def _as_events(checkpoint: Checkpoint, config: RunConfig, task: Task, name: str, deadline: Deadline) -> list[ev.Event]:
    """A checkpoint alone: how it answers one puzzle now."""
    model, update = _model(checkpoint, name), checkpoint.scalars.get("update", 0)
    for _ in task.prepare():
        deadline()
    puzzle = recorded_example(task, config.with_flat(eval_puzzles=PUZZLES, shown_puzzle=None).train)
    deadline()
    with cancel_check(deadline):
        trajectory = record(model, puzzle.batch, H_cycles=config.eval_steps)
    frame = frame_of(trajectory, task, label=puzzle.label, update=update)
    reason = "done" if update == config.train.updates else "stopped"
    return [ev.Frame(update, frame), ev.Finished(reason, update, float(checkpoint.scalars.get("seconds", 0.0)))]


def _checked(line: str, number: int, config: RunConfig, task: Task) -> ev.Event:
    """The event of a line, as its class says, with frames that the task could have made."""
    try:
        event = ev.from_json(line, MOST_LINE)
        if isinstance(event, ev.Frame):
            _frame(event.trajectory, task, config.eval_steps)
        elif isinstance(event, ev.Started):
            return replace(event, config=config.to_flat(), device="")
        elif isinstance(event, ev.Preparing | ev.Saved):
            return ev.Preparing("puzzles", 1, 1)  # says nothing that is shown
        else:
            _steps(event, max(config.eval_steps, config.model.H_cycles * config.train.steps_limit))
        return event
    except (ValueError, TypeError, KeyError, IndexError, OverflowError) as error:
        raise ValueError(
            f"events.jsonl, line {number} is not what a training of task {config.task} says; save the run again"
        ) from error


def _steps(event: ev.Event, most: int) -> None:
    """Lists in events other than frames are over steps: none is longer than an answer, those of one event agree, and
    clocks have a time."""
    if isinstance(event, ev.UpdateDone):
        _claim(len(event.weights) in (0, len(event.step_losses)))  # recorded runs leave them out
    elif isinstance(event, ev.Evaluated):
        _claim(len(event.loss) == len(event.cell_accuracy) == len(event.exact_accuracy))
    _claim(math.isfinite(getattr(event, "seconds", 0.0)))
    ahead = [getattr(event, field.name) for field in fields(event)]
    while ahead:
        value = ahead.pop()
        if isinstance(value, list):
            _claim(len(value) <= most)
            ahead += value


def _frame(frame: dict[str, Any], task: Task, most: int) -> None:
    """A frame of this task: of a board as it draws them, every list as long as the board, every token one of its
    symbols. That numbers are numbers, the type hints have said."""
    board, plan = frame["board"], task.board()
    rows, cols = board["rows"], board["cols"]
    _claim(type(rows) is int and type(cols) is int and min(rows, cols) > 0 and rows * cols <= MOST_CELLS)
    _claim(_without_size(board) == _without_size(plan))
    _claim(0 < len(frame["steps"]) <= most)
    cells, real = rows * cols, task.loss == "mse"
    symbols = range(-100, len(plan.get("symbols", ())))
    flat = [frame["inputs"], *([frame["target"]] if frame["target"] is not None else [])]
    _claim(len(frame["given"]) == cells and set(frame["given"]) <= {0, 1})
    for step in frame["steps"]:
        _claim(step["wrong"] is None or len(step["wrong"]) <= cells and all(0 <= i < cells for i in step["wrong"]))
        flat.append(step["values" if real else "ids"])
        if not real:
            _claim(len(step["conf"]) == cells and None not in step["conf"])
            notes = step.get("notes", [""] * cells)
            _claim(len(notes) == cells and all(len(note) <= 16 for note in notes))
    for values in flat:
        if real:
            _claim(0 < len(values) <= 8 * cells)
        else:
            _claim(len(values) == cells and all(type(v) is int and v in symbols for v in values))
    others = frame.get("others", {"inputs": [], "steps": []})
    points = np.asarray([others["inputs"], *others["steps"]], dtype=float)  # ValueError where they are ragged
    _claim(points.size <= 100_000 and bool(np.isfinite(points).all()))


def _without_size(board: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in board.items() if name not in ("rows", "cols")}


def _claim(holds: bool) -> None:
    if not holds:
        raise ValueError
