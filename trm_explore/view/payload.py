"""Configs and events -> the small JSON that web/ draws: a plan (what the controls say) and messages (what a run
has done).

docs/formats.md has the two formats; tests hold golden examples of them against Python and against the ES modules.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from trm_explore.analysis.diagnosis import Finding
from trm_explore.config import RunConfig, SupervisionConfig
from trm_explore.runs.run import INTERRUPTED
from trm_explore.training import events as ev
from trm_explore.training.losses import gradient_reach, weights_for
from trm_explore.view.palette import both_themes
from trm_explore.words import run_notes

FRAMES_A_MESSAGE = 20
FINDINGS_A_MESSAGE = 3
# Where a run computes and what it keeps does not make it another experiment.
NOT_THE_EXPERIMENT = (
    "out",
    "device",
    "threads",
    "eval_every",
    "eval_puzzles",
    "eval_H_cycles",
    "frame_every",
    "shown_puzzle",
    "save_every",
    "activation_checkpointing",
    "gradient_every",
)


def plan_of(config: RunConfig) -> dict[str, Any]:
    """What the ribbon shows before anything is computed: steps, weights, gradient scope and what it `reach`es, colours;
    JSON-ready. `steps`: those of a training pass, which have weights; `read`: those of an evaluation, which may be
    more."""
    supervision, steps = config.supervision, config.model.H_cycles
    weights = weights_for(supervision, steps)
    return {
        "task": config.task,
        "steps": steps,
        "read": config.eval_steps,
        "beyond": beyond(config),
        "L_cycles": config.model.L_cycles,
        "weights": [round(float(w), 6) for w in weights],
        "divisor": round(float(weights.sum()), 6),
        "enabled": supervision.enable_deep_supervision,
        "schedule": supervision.deep_supervision_schedule,
        "scope": supervision.scope,
        "scope_note": scope_note(config),
        "reach": gradient_reach(supervision.scope, weights.tolist()),
        "colors": both_themes(max(steps, config.eval_steps)),
        "key": key_of(config),
        "error": "",
    }


def error_plan(error: str) -> dict[str, Any]:
    """The plan of settings that cannot be run: only the reason."""
    return {"error": error}


def key_of(config: RunConfig) -> str:
    """Equal for runs of the same experiment: same task, network, supervision, training and seed."""
    flat = {name: value for name, value in config.to_flat().items() if name not in NOT_THE_EXPERIMENT}
    if not config.supervision.enable_deep_supervision:  # then no weight acts
        for name in SupervisionConfig.__dataclass_fields__.keys() - {"enable_deep_supervision", "gradient_scope"}:
            del flat[name]
    flat["scope"] = config.supervision.scope
    del flat["gradient_scope"]
    for length in ("vocab_size", "seq_len", "input_size"):  # None until the task has filled them in
        del flat[length]
    return hashlib.sha256(json.dumps(flat, sort_keys=True).encode()).hexdigest()[:12]


def beyond(config: RunConfig) -> list[str]:
    """What each step of an evaluation is that comes after those of a training pass."""
    steps, trained = config.model.H_cycles, config.model.H_cycles * config.train.steps_limit
    return [run_notes.BEYOND["later" if step < trained else "training"] for step in range(steps, config.eval_steps)]


def scope_note(config: RunConfig) -> str:
    """What the gradient scope in force means here, in one sentence."""
    supervision = config.supervision
    if supervision.enable_deep_supervision:
        return run_notes.SCOPES[supervision.scope]
    return run_notes.SCOPES_OFF["cycle" if supervision.gradient_scope == "cycle" else supervision.scope]


def message_of(
    run_id: str,
    config: RunConfig,
    events: Iterable[ev.Event],
    *,
    start: int = 0,
    state: str = "recorded",
    position: int = 0,
    latest: ev.Event | None = None,
    text: str = "",
    findings: Iterable[Finding] = (),
) -> dict[str, Any]:
    """New events (from cursor `start` on) of a run, for ribbon, curves and player to append; start 0 begins anew.

    `latest` is the event that says where the run stands (see Run.latest); `text` replaces the sentence made from it.
    `findings`: what diagnose found so far. Points carry the weights in use where these move, and `reach` then says what
    the newest of them let the gradient pass through. An evaluation ends with the number of its puzzles.
    """
    s = config.supervision
    moving = s.enable_deep_supervision and (s.adaptive_weights, s.curriculum) != ("off", "off")
    points, evals, frames, weights = [], [], [], None
    for event in events:
        if isinstance(event, ev.UpdateDone):
            losses = [_short(x) for x in event.step_losses]
            point = [event.update, round(event.seconds, 3), _short(event.loss), losses]
            points.append([*point, [_short(w) for w in event.weights]] if moving else point)
            weights = event.weights if moving else None
        elif isinstance(event, ev.Evaluated):
            evals.append(
                [
                    event.update,
                    [_short(x) for x in event.cell_accuracy],
                    [_short(x) for x in event.exact_accuracy],
                    event.puzzles,
                ]
            )
        elif isinstance(event, ev.Frame):
            frames.append(event.trajectory)
    return {
        "run": run_id,
        "key": key_of(config),
        "from": start,
        "steps": config.model.H_cycles,
        "read": config.eval_steps,
        "beyond": beyond(config),
        "colors": both_themes(max(config.model.H_cycles, config.eval_steps)),
        "state": state,
        "text": text or status_text(config, state, position, latest),
        "points": points,
        "evals": evals,
        "frames": thinned(frames, FRAMES_A_MESSAGE),
        "total_updates": config.train.updates,
        "findings": [finding.text for finding in findings][:FINDINGS_A_MESSAGE],
        **({"reach": gradient_reach(s.scope, fitted(weights, config.model.H_cycles))} if weights else {}),
    }


def fitted(row: Sequence[float], steps: int) -> list[float]:
    """A number for each of `steps` steps: of a shorter list (curriculum, random cycles) the last entry is the final
    answer's, and what is missing is NaN; of a longer one the rest is left out."""
    if not row or len(row) >= steps:
        return [*row[:steps], *[math.nan] * (steps - len(row))]
    return [*row[:-1], *[math.nan] * (steps - len(row)), row[-1]]


def status_text(config: RunConfig, state: str, position: int, latest: ev.Event | None) -> str:
    """One sentence on where the run stands."""
    words, updates = run_notes.STATUS, config.train.updates
    if isinstance(latest, ev.Failed):
        path = config.puzzles.data
        if path and path in latest.reason:  # an upload's place on the server says nothing to its owner
            return latest.reason.replace(path, Path(path).name)
        return f"{latest.reason}; {latest.advice}" if latest.advice else latest.reason
    if isinstance(latest, ev.Finished):
        end = words["done" if latest.reason == "done" else "stopped"]
        parts = [end.format(update=latest.update, updates=updates, seconds=latest.seconds), latest.why]
        return " ".join(filter(None, [*parts, words["go_on"] if state == INTERRUPTED else ""]))
    begun = isinstance(latest, ev.UpdateDone)
    at = words["update"].format(update=latest.update, updates=updates) if begun else words["first"]
    if state == "queued":
        return words["queued"].format(position=position, at=at)
    if state == "paused":
        return words["paused_after" if begun else "paused_before"].format(at=at)
    if isinstance(latest, ev.Preparing):
        return words["preparing"].format(what=latest.what, done=latest.done, total=latest.total)
    if begun:
        return words["training"].format(at=at, rate=latest.update / max(latest.seconds, 1e-9))
    return words["starting"]


def _short(value: float) -> float | None:
    """Five digits are more than a screen shows; NaN is null."""
    return float(f"{value:.5g}") if value == value and abs(value) != float("inf") else None


def thinned(items: list[Any], most: int) -> list[Any]:
    """At most so many of them, evenly spread, first and last included."""
    if len(items) <= most:
        return items
    return [items[round(i * (len(items) - 1) / (most - 1))] for i in range(most)]
