"""What the page shows before the first click: the shipped small model, run now on a held-out puzzle, and its recorded
training."""

from __future__ import annotations

from typing import Any

from trm_explore import events as ev
from trm_explore.app import texts
from trm_explore.checkpoint import load_checkpoint
from trm_explore.payload import message_of
from trm_explore.resources import asset
from trm_explore.tasks import resolve
from trm_explore.training import shown_puzzle
from trm_explore.trajectory import frame_of, record

RECORDED = "sudoku4-linear"  # .safetensors: averaged weights; .jsonl: the events of its training


def recorded_message() -> dict[str, Any]:
    """A whole message in the state "recorded"; its last frame is computed here and now from the shipped weights."""
    model, config = load_checkpoint(asset(f"{RECORDED}.safetensors"))
    lines = asset(f"{RECORDED}.jsonl").read_text(encoding="utf-8").splitlines()
    events = [ev.from_json(line) for line in lines]
    end = next(event for event in reversed(events) if isinstance(event, ev.Finished))
    task, config = resolve(config)
    puzzle = shown_puzzle(task, config.train)
    frame = frame_of(record(model, puzzle.batch), task, label=puzzle.label, update=end.update)
    frames = [event for event in events if isinstance(event, ev.Frame) and event.update < end.update]
    rest = [event for event in events if not isinstance(event, ev.Frame)]
    return message_of(
        "recorded",
        config,
        [*rest, *frames, ev.Frame(end.update, frame)],
        text=texts.RECORDED.format(updates=end.update),
    )
