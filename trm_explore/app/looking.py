"""What "Look inside" shows, as JSON: a model and one puzzle, thinking longer, disturbed, seen from inside.

No component in here; app/inside.py has them. Everything that comes from the browser is checked, every computation is
bounded, and what is wrong ends in one sentence (ValueError).
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch

from trm_explore import texts
from trm_explore.analysis.intervention import Edit, Noise, SetCell, intervene, recovered
from trm_explore.analysis.latent import latent_paths, state_change
from trm_explore.analysis.thinking import LONGER, accuracy_by_cycle, halting_by_puzzle, trained_cycles
from trm_explore.app.puzzles import editor_of, held_out_puzzle, read_puzzle, text_of
from trm_explore.checkpoint import load_checkpoint
from trm_explore.checks import is_number
from trm_explore.config import RunConfig
from trm_explore.cost import CPU_SPEED, estimate
from trm_explore.events import Frame
from trm_explore.gradients import gradient_statistics
from trm_explore.model import Batch, RecursiveModel
from trm_explore.pairs import KINDS, checkpoint_name, load_pair, pair_names
from trm_explore.palette import both_themes
from trm_explore.payload import message_of
from trm_explore.resources import asset
from trm_explore.runs import Runs
from trm_explore.tasks import Task, resolve
from trm_explore.trajectory import Trajectory, frame_of, record, to_device

NUMBERS = 200  # held-out puzzles that may be chosen
MOST_CYCLES = 64
MOST_EDITS = 8
ANSWER_SECONDS = 8.0  # estimated, for one answer; a model that needs more is none for a page
MEASURE_SECONDS = 4.0  # estimated, for all puzzles of a measurement
PATIENCE = 60.0  # seconds after which a measurement ends whatever was estimated
FEWEST, MOST = 16, 256  # puzzles of a measurement
THRESHOLD = 0.5  # halting probability from which a puzzle stops


@dataclass(frozen=True)
class Seen:
    """The model that is looked at, with its task."""

    model: RecursiveModel
    config: RunConfig
    task: Task
    shown: int  # held-out puzzle to begin with

    @property
    def trained(self) -> int:
        return min(trained_cycles(self.model), MOST_CYCLES)

    @property
    def most(self) -> int:
        """Cycles at inference, at most."""
        return min(LONGER * self.trained, MOST_CYCLES)


@dataclass(frozen=True)
class Asked:
    """What the visitor has set; as it came, unchecked."""

    source: Any  # a kind of recorded run, or "run"
    task: Any
    run_id: Any
    number: Any
    own: Any  # text of an own puzzle, empty for the held-out one
    cycles: Any


def model_for(source: Any, task: Any, run_id: Any, runs: Runs) -> Seen:
    """The model that `source` names: a recorded one of the task, or the visitor's own run."""
    if source == "run":
        run = runs.get(run_id) if isinstance(run_id, str) else None
        there = run.model() if run is not None else None
        if there is None:
            raise ValueError(texts.NO_RUN)
        model, config = there
        if config.task != task:
            raise ValueError(texts.OTHER_TASK.format(run=config.task, task=task))
        made, config = resolve(config)
        return Seen(model, config, _ready(made), _shown(task))
    if source not in KINDS:
        raise ValueError(texts.BAD_SOURCE.format(source=str(source)[:40], allowed=", ".join((*KINDS, "run"))))
    if task not in pair_names():
        raise ValueError(texts.NO_PAIR.format(task=str(task)[:40]))
    return recorded_model(task, source)


@cache
def recorded_model(task: str, kind: str) -> Seen:
    """A shipped model. Its task is shared by all visitors, so what it makes first is made here."""
    model, config = load_checkpoint(asset(f"{checkpoint_name(task, kind)}.safetensors"))
    made, config = resolve(config)
    return Seen(model, config, _ready(made), _shown(task))


def look(asked: Asked, edits: Any, runs: Runs) -> dict[str, Any]:
    """{puzzle, message, after, view, number, most, ...}: the puzzle for the editor, the answer for the player (and the
    one with the visitor's changes), and what is said about both."""
    seen = model_for(asked.source, asked.task, asked.run_id, runs)
    cycles = _whole(asked.cycles, seen.most) if asked.cycles is not None else seen.trained
    batch, label, remark = puzzle_of(seen, asked)
    _not_too_slow(seen, cycles)
    shape = batch["board"]
    changes = edits_of(edits)
    before, after = _answers(seen, _with_companions(seen.task, batch), changes, cycles)
    key = f"inside-{asked.source}-{asked.task}"
    return {
        "puzzle": editor_of(seen.task, batch, shape) | {"own": bool(asked.own), "error": "", "remark": remark, "turn": 0},
        "message": _message(seen, key, before, label, shape),
        "after": None if after is None else _message(seen, key, after, texts.WITH_EDITS.format(label=label), shape),
        "view": {
            "trained": seen.trained,
            "steps": cycles,
            "colors": both_themes(cycles),
            "halting": _halting(seen, batch, before, cycles),
            "change": state_change(_first(before)).to_dict(),
            "edits": [edit for edit in _listed(edits)],
            "recovery": None
            if after is None
            else recovered(before, after, tolerance=seen.task.tolerance).to_dict(),
        },
        "seen": seen,
    }


def measure(asked: Asked, runs: Runs) -> dict[str, Any]:
    """What takes longer: accuracy by cycle and halting over held-out puzzles, paths in latent space, gradients."""
    seen = model_for(asked.source, asked.task, asked.run_id, runs)
    cycles = _whole(asked.cycles, seen.most) if asked.cycles is not None else seen.trained
    batch, _, _ = puzzle_of(seen, asked)
    general = _of_model(seen) if asked.source == "run" else _of_recorded(asked.task, asked.source)
    paths = latent_paths(
        seen.model, seen.task, batch, others=min(48, _affordable(seen, cycles)), H_cycles=cycles, before_call=_patience()
    )
    return general | {"latent": paths.to_dict(), "colors": both_themes(cycles), "steps": cycles}


def puzzle_of(seen: Seen, asked: Asked) -> tuple[Batch, str, str]:
    """The puzzle as a batch of one with its board's shape, its name, and a remark."""
    if asked.own:
        batch, remark = read_puzzle(seen.task, asked.own)
        return batch, texts.OWN_PUZZLE, remark
    number = seen.shown if asked.number is None else asked.number
    return held_out_puzzle(seen.task, number, NUMBERS), texts.HELD_OUT_PUZZLE.format(number=int(number)), ""


def typed_puzzle(seen: Seen, typed: dict[str, Any]) -> str:
    """What the editor sent as the text of a puzzle; empty for the held-out one. ValueError where it is none."""
    if "cells" in typed:
        cells, rows, cols = typed["cells"], typed.get("rows"), typed.get("cols")
        if not isinstance(cells, list) or not all(is_number(x) for x in (rows, cols)):
            raise ValueError(texts.BAD_CELLS.format(most=seen.task.vocab_size - 1))
        text = text_of(seen.task, cells, (int(rows), int(cols)))
    else:
        text = typed.get("text") or ""
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
            raise ValueError(texts.BAD_EDITS) from None
    if not isinstance(edits, list) or not all(isinstance(change, dict) for change in edits):
        raise ValueError(texts.BAD_EDITS)
    if len(edits) > MOST_EDITS:
        raise ValueError(texts.MANY_EDITS.format(count=len(edits), most=MOST_EDITS))
    return edits


def _edit(change: dict[str, Any]) -> Edit:
    step, token = change.get("step"), change.get("token")
    if change.get("kind") == "noise":
        return Noise(step, str(change.get("state")), change.get("scale"), change.get("seed", 0), puzzle=0)
    if change.get("kind") == "cell":
        return SetCell(step, change.get("cell"), tuple(token) if isinstance(token, list) else token, puzzle=0)
    raise ValueError(texts.BAD_EDITS)


def _answers(seen: Seen, batch: Batch, edits: list[Edit], cycles: int) -> tuple[Trajectory, Trajectory | None]:
    settings = {"H_cycles": cycles, "before_call": _patience()}
    if edits:
        return intervene(seen.model, batch, edits, **settings)
    return record(seen.model, batch, loops_over_positions=seen.task.loops_over_positions, **settings), None


def _message(seen: Seen, key: str, answer: Trajectory, label: str, shape: tuple[int, int]) -> dict[str, Any]:
    """The answer as the player takes it: colours are those of its own number of steps."""
    frame = frame_of(answer, seen.task, label=label, shape=shape)
    config = seen.config.with_flat(H_cycles=answer.n_steps) if _plain(seen.config) else seen.config
    message = message_of(key, config, [Frame(0, frame)], state="inside", text=label)
    return message | {"steps": answer.n_steps, "colors": both_themes(answer.n_steps)}


def _plain(config: RunConfig) -> bool:
    """Whether another number of cycles contradicts nothing in it."""
    return config.supervision.deep_supervision_schedule != "custom"


def _first(answer: Trajectory) -> Trajectory:
    """Without the companions."""
    return answer.__class__(**{
        name: getattr(answer, name) for name in answer.__dataclass_fields__ if not name.startswith("change")
    } | {"change_H": answer.change_H[:, :1], "change_L": answer.change_L[:, :1]})


def _halting(seen: Seen, batch: Batch, answer: Trajectory, cycles: int) -> dict[str, Any]:
    """Where the model would stop on this puzzle, whether it should, and each step's verdict where there is one."""
    halt = [round(float(p), 3) for p in answer.halt[:, 0]]
    stop = next((k for k, p in enumerate(halt) if p > THRESHOLD), None)
    labels = batch.get("labels")
    right = None
    verdict, first = ("goes on" if stop is None else "stops"), None
    if labels is not None:
        inputs = batch["inputs"] if "inputs" in batch else batch["input_embeddings"]
        right = [bool(seen.task.check(inputs, answers[:1], labels)[0]) for answers in answer.answers]
        puzzles = {name: value for name, value in batch.items() if name != "board"}
        one = halting_by_puzzle(
            seen.model, seen.task, puzzles=puzzles, H_cycles=cycles, threshold=THRESHOLD, shape=batch["board"]
        ).puzzles[0]
        verdict, first = one.verdict, one.first_right
    note = "" if seen.config.supervision.enable_deep_supervision else texts.HALT_NOTE
    said = texts.HALTS[verdict].format(stop=stop, first=first) + note
    return {"halt": halt, "right": right, "stop": stop, "threshold": THRESHOLD, "text": said}


@cache
def _of_recorded(task: str, kind: str) -> dict[str, Any]:
    return _of_model(recorded_model(task, kind))


def _of_model(seen: Seen) -> dict[str, Any]:
    """What depends on the model alone."""
    stop = _patience()
    count = _affordable(seen, seen.most)
    settings = {"H_cycles": seen.most, "before_call": stop}
    accuracy = accuracy_by_cycle(seen.model, seen.task, puzzles=count, **settings)
    halting = halting_by_puzzle(seen.model, seen.task, puzzles=min(count, 64), threshold=THRESHOLD, **settings)
    puzzles = to_device(seen.task.held_out(min(count, 16)) | {"board": seen.task.held_out_shape()}, "cpu")
    scope = seen.config.supervision.scope
    reached = gradient_statistics(seen.model, puzzles, gradient_scope=scope, before_call=stop)
    return {
        "accuracy": accuracy.to_dict(),
        "halting": {"counts": halting.counts, "text": halting.text},
        "gradients": {"scope": scope, "network": _short(reached.network), "states": [_short(k) for k in reached.states]},
    }


def _with_companions(task: Task, batch: Batch) -> Batch:
    beside = task.companions()
    if beside is None:
        return batch
    joined = {name: np.concatenate([batch[name], beside[name]]) for name in beside if name in batch}
    return batch | joined


def _ready(task: Task) -> Task:
    """What the task makes first is made now, and as many held-out puzzles as are asked for."""
    for _ in task.prepare():
        pass
    task.held_out(MOST)
    return task


def _shown(task: Any) -> int:
    return load_pair(task)["shown_puzzle"] if task in pair_names() else 0


def _whole(cycles: Any, most: int) -> int:
    if not is_number(cycles) or cycles != int(cycles) or not 1 <= cycles <= most:
        raise ValueError(texts.BAD_CYCLES.format(cycles=cycles if is_number(cycles) else "?", most=most))
    return int(cycles)


def _seconds(seen: Seen, cycles: int) -> float:
    """Estimated for one puzzle, on one CPU thread."""
    config = seen.config
    return estimate(config).forward_operations / config.train.batch_size / config.model.H_cycles * cycles / CPU_SPEED


def _not_too_slow(seen: Seen, cycles: int) -> None:
    seconds = _seconds(seen, cycles)
    if seconds > ANSWER_SECONDS:
        raise ValueError(texts.SLOW_MODEL.format(seconds=seconds, cycles=cycles, most=ANSWER_SECONDS))


def _affordable(seen: Seen, cycles: int) -> int:
    """How many puzzles a measurement may take."""
    return int(np.clip(MEASURE_SECONDS / _seconds(seen, cycles), FEWEST, MOST))


def _patience() -> Any:
    """Called before every call of the network; ends what takes too long."""
    end = time.monotonic() + PATIENCE

    def check() -> None:
        if time.monotonic() > end:
            raise ValueError(texts.SLOW_MODEL.format(seconds=PATIENCE, cycles="so many", most=PATIENCE))

    return check


def _short(values: list[float]) -> list[float]:
    return [float(f"{value:.3g}") for value in values]


__all__ = ["Asked", "Seen", "look", "measure", "model_for", "torch"]
