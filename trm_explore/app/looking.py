"""What "Look inside" shows, as JSON: a model and one puzzle, thinking longer, disturbed, seen from inside.

No component in here; app/inside.py has them. Everything that comes from the browser is checked, every computation is
bounded, and what is wrong ends in one sentence (ValueError).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from trm_explore.analysis.intervention import Edit, Noise, SetCell, intervene, recovered
from trm_explore.analysis.latent import StateChange
from trm_explore.analysis.thinking import halting_by_puzzle
from trm_explore.app.models import NUMBERS, Seen, cycles_of, model_for, not_too_slow, patience
from trm_explore.app.puzzles import held_out_puzzle, puzzle_of_file, read_puzzle
from trm_explore.config import RunConfig
from trm_explore.config.checks import is_number
from trm_explore.model import Batch
from trm_explore.model.carry import board_of
from trm_explore.runs.registry import Runs
from trm_explore.tasks.base import Task, judged
from trm_explore.training.events import Frame
from trm_explore.training.trajectory import Trajectory, frame_of, inputs_of, record
from trm_explore.view.editor import editor_of, text_of
from trm_explore.view.palette import both_themes
from trm_explore.view.payload import message_of
from trm_explore.words import inside_tab, refusals

MOST_EDITS = 8
LARGEST = 1000  # number or strength of a change
THRESHOLD = 0.5  # halting probability from which a puzzle stops


@dataclass(frozen=True)
class Question:
    """What the visitor has set; as it came, unchecked."""

    source: Any  # a kind of recorded run, or "run"
    task: Any
    run_id: Any
    number: Any
    own: Any  # text of an own puzzle, empty for the held-out one
    cycles: Any

    @property
    def model(self) -> str:
        """Equal where the same model is looked at: stale responses are dropped."""
        return f"{self.source}/{self.task}"

    @property
    def key(self) -> str:
        """Equal where the same answer is looked at."""
        parts = (self.model, self.number, self.own, self.cycles)
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:12]


def look(question: Question, edits: Any, runs: Runs) -> dict[str, Any]:
    """{puzzle, message, after, view, seen}: the puzzle for the editor, the answer for the player, the one with the
    visitor's changes (None without any), what is said about them, and the model."""
    seen = model_for(question.source, question.task, question.run_id, runs)
    cycles = cycles_of(seen, question.cycles)
    batch, label, remark = puzzle_of(seen, question)
    not_too_slow(seen, cycles)
    shape = board_of(batch)
    changes = edits_of(edits)
    before, after = _answers(seen, _with_companions(seen.task, batch), changes, cycles)
    view = {"own": bool(question.own), "error": "", "remark": remark, "turn": 0}
    return {
        "puzzle": editor_of(seen.task, batch, shape) | view,
        "message": _message(seen, question.key, before, label),
        "after": after and _message(seen, question.key, after, inside_tab.WITH_EDITS.format(label=label)),
        "view": {
            "model": question.model,
            "key": question.key,
            "trained": seen.trained,
            "steps": cycles,
            "colors": both_themes(cycles),
            "halting": _halting(seen, batch, before, cycles),
            "change": StateChange(before.change_H[:, 0].tolist(), before.change_L[:, 0].tolist()).to_dict(),
            "edits": _listed(edits),
            "recovery": after and recovered(before, after, tolerance=seen.task.tolerance).to_dict(),
        },
        "seen": seen,
    }


def puzzle_of(seen: Seen, question: Question) -> tuple[Batch, str, str]:
    """The puzzle as a batch of one with its board's shape, its name, and a remark."""
    if question.own:
        batch, remark = read_puzzle(seen.task, question.own)
        return batch, inside_tab.OWN_PUZZLE, remark
    number = seen.shown if question.number is None else question.number
    return held_out_puzzle(seen.task, number, NUMBERS), inside_tab.HELD_OUT_PUZZLE.format(number=int(number)), ""


def typed_puzzle(seen: Seen, typed: dict[str, Any]) -> str:
    """What the editor sent as the text of a puzzle; empty for the held-out one. ValueError where it is none."""
    if "cells" in typed:
        cells, rows, cols = typed["cells"], typed.get("rows"), typed.get("cols")
        if not isinstance(cells, list) or not all(is_number(x) for x in (rows, cols)):
            raise ValueError(refusals.BAD_CELLS.format(most=seen.task.vocab_size - 1))
        text = text_of(seen.task, cells, (int(rows), int(cols)))
    else:
        text = (
            puzzle_of_file(seen.task, typed["file"], typed.get("name")) if "file" in typed else typed.get("text") or ""
        )
    if text:
        read_puzzle(seen.task, text)
    return text


def edits_of(edits: Any) -> list[Edit]:
    """The browser's list of changes (or its JSON); their numbers are checked where they are used."""
    return [_edit(change) for change in _listed(edits)]


def _listed(edits: Any) -> list[dict[str, Any]]:
    if isinstance(edits, str):
        try:
            edits = json.loads(edits or "[]")
        except (ValueError, RecursionError):
            raise ValueError(refusals.BAD_EDITS) from None
    if not isinstance(edits, list) or not all(isinstance(change, dict) for change in edits):
        raise ValueError(refusals.BAD_EDITS)
    if len(edits) > MOST_EDITS:
        raise ValueError(refusals.MANY_EDITS.format(count=len(edits), most=MOST_EDITS))
    return edits


def _edit(change: dict[str, Any]) -> Edit:
    step, token = change.get("step"), change.get("token")
    numbers = [*(token if isinstance(token, list) else [token]), change.get("scale")]
    if any(is_number(number) and abs(number) > LARGEST for number in numbers):  # states would not stay finite
        raise ValueError(refusals.LARGE_EDIT.format(most=LARGEST))
    if change.get("kind") == "noise":
        return Noise(step, str(change.get("state")), change.get("scale"), change.get("seed", 0), puzzle=0)
    if change.get("kind") == "cell":
        return SetCell(step, change.get("cell"), tuple(token) if isinstance(token, list) else token, puzzle=0)
    raise ValueError(refusals.BAD_EDITS)


def _answers(seen: Seen, batch: Batch, edits: list[Edit], cycles: int) -> tuple[Trajectory, Trajectory | None]:
    with patience():
        if edits:
            return intervene(seen.model, batch, edits, H_cycles=cycles)
        loops = seen.task.loops_over_positions
        return record(seen.model, batch, H_cycles=cycles, loops_over_positions=loops), None


def _message(seen: Seen, run: str, answer: Trajectory, label: str) -> dict[str, Any]:
    """The answer as the player takes it: colours are those of its own number of steps."""
    frame = frame_of(answer, seen.task, label=label)
    config = seen.config.with_flat(H_cycles=answer.n_steps) if _plain(seen.config) else seen.config
    message = message_of(f"inside-{run}", config, [Frame(0, frame)], state="inside", text=label)
    n = answer.n_steps
    return message | {"steps": n, "read": n, "beyond": [], "colors": both_themes(n)}


def _plain(config: RunConfig) -> bool:
    """Whether another number of cycles contradicts nothing in it."""
    return config.supervision.deep_supervision_schedule != "custom"


def _halting(seen: Seen, batch: Batch, answer: Trajectory, cycles: int) -> dict[str, Any]:
    """Where the model would stop on this puzzle, whether it should, and each step's verdict where there is one."""
    halt = [round(float(p), 3) for p in answer.halt[:, 0]]
    stop = next((k for k, p in enumerate(halt) if p > THRESHOLD), None)
    labels = batch.get("labels")
    right = None
    verdict, first = ("goes on" if stop is None else "stops"), None
    if labels is not None and judged(seen.task, batch)[0]:
        right = [bool(seen.task.check(inputs_of(batch), answers[:1], labels)[0]) for answers in answer.answers]
        settings = {"H_cycles": cycles, "threshold": THRESHOLD}
        one = halting_by_puzzle(seen.model, seen.task, puzzles=batch, **settings).puzzles[0]
        verdict, first = one.verdict, one.first_right
    note = "" if seen.config.supervision.enable_deep_supervision else inside_tab.HALT_NOTE
    sentence = inside_tab.HALTS[verdict].format(stop=stop, first=first) + note
    return {"halt": halt, "right": right, "stop": stop, "threshold": THRESHOLD, "text": sentence}


def _with_companions(task: Task, batch: Batch) -> Batch:
    beside = task.companions()
    if beside is None:
        return batch
    joined = {name: np.concatenate([batch[name], beside[name]]) for name in beside if name in batch}
    return batch | joined
