"""Configs and events -> the small JSON that static/ draws: a plan (what the controls say) and messages (what a run
has done).

docs/architecture.md has the two formats; tests hold golden examples of them against Python and against the ES modules.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from trm_explore import events as ev
from trm_explore.analysis import Finding
from trm_explore.config import RunConfig, SupervisionConfig
from trm_explore.palette import both_themes
from trm_explore.supervision import weights_for

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
    """What the ribbon shows before anything is computed: steps, weights, gradient scope, colours; JSON-ready."""
    supervision, steps = config.supervision, config.model.H_cycles
    weights = weights_for(supervision, steps)
    return {
        "task": config.task,
        "steps": steps,
        "L_cycles": config.model.L_cycles,
        "weights": [round(float(w), 6) for w in weights],
        "divisor": round(float(weights.sum()), 6),
        "enabled": supervision.enable_deep_supervision,
        "schedule": supervision.deep_supervision_schedule,
        "scope": supervision.scope,
        "scope_note": scope_note(config),
        "colors": both_themes(steps),
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


def scope_note(config: RunConfig) -> str:
    """What the gradient scope in force means here, in one sentence."""
    supervision = config.supervision
    if not supervision.enable_deep_supervision:
        if supervision.gradient_scope == "cycle":
            return "Supervision is off: the only loss is the final one, so scope cycle is the same as last."
        if supervision.scope == "full":
            return "Supervision is off: one loss, on the final answer, and its gradient runs back through every cycle."
        if supervision.scope == "one_step":
            return "Supervision is off: one loss, on the final answer, through its last L-cycle and H update (HRM)."
        return "Supervision is off: one loss, on the final answer, and its gradient stays in the last cycle, as in TRM."
    return {
        "one_step": "Scope one_step: only the last L-cycle and last H update carry gradient; early losses rescale it.",
        "last": "Scope last: only the final cycle carries gradient; the early losses teach nothing, only rescale it.",
        "cycle": "Scope cycle: every loss teaches its own cycle and stops at the border; memory of one cycle.",
        "full": "Scope full: every loss runs back through all cycles before it; memory grows with the cycles.",
    }[supervision.scope]


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
    `findings`: what diagnose found so far. Points carry the weights in use where these move.
    """
    s = config.supervision
    moving = s.enable_deep_supervision and (s.adaptive_weights, s.curriculum) != ("off", "off")
    points, evals, frames = [], [], []
    for event in events:
        if isinstance(event, ev.UpdateDone):
            losses = [_short(x) for x in event.step_losses]
            point = [event.update, round(event.seconds, 3), _short(event.loss), losses]
            points.append([*point, [_short(w) for w in event.weights]] if moving else point)
        elif isinstance(event, ev.Evaluated):
            evals.append(
                [event.update, [_short(x) for x in event.cell_accuracy], [_short(x) for x in event.exact_accuracy]]
            )
        elif isinstance(event, ev.Frame):
            frames.append(event.trajectory)
    return {
        "run": run_id,
        "key": key_of(config),
        "from": start,
        "steps": config.model.H_cycles,
        "colors": both_themes(config.model.H_cycles),
        "state": state,
        "text": text or status_text(config, state, position, latest),
        "points": points,
        "evals": evals,
        "frames": thinned(frames, FRAMES_A_MESSAGE),
        "total_updates": config.train.updates,
        "findings": [finding.text for finding in findings][:FINDINGS_A_MESSAGE],
    }


def status_text(config: RunConfig, state: str, position: int, latest: ev.Event | None) -> str:
    """One sentence on where the run stands."""
    updates = config.train.updates
    if isinstance(latest, ev.Failed):
        path = config.puzzles.data
        if path and path in latest.reason:  # an upload's place on the server says nothing to its owner
            return latest.reason.replace(path, Path(path).name)
        return f"{latest.reason}; {latest.advice}" if latest.advice else latest.reason
    if isinstance(latest, ev.Finished):
        done = "Done" if latest.reason == "done" else "Stopped"
        return f"{done} after {latest.update} of {updates} updates, {latest.seconds:.1f} s of training."
    at = f"update {latest.update} of {updates}" if isinstance(latest, ev.UpdateDone) else "the first update"
    if state == "queued":
        return f"Waiting for a free core: place {position} in line, before {at}."
    if state == "paused":
        return f"Paused {'after' if isinstance(latest, ev.UpdateDone) else 'before'} {at}."
    if isinstance(latest, ev.Preparing):
        return f"Generating {latest.what}: {latest.done} of {latest.total}."
    if isinstance(latest, ev.UpdateDone):
        return f"Training: {at}, {latest.update / max(latest.seconds, 1e-9):.0f} a second."
    return "Starting."


def _short(value: float) -> float | None:
    """Five digits are more than a screen shows; NaN is null."""
    return float(f"{value:.5g}") if value == value and abs(value) != float("inf") else None


def thinned(items: list[Any], most: int) -> list[Any]:
    """At most so many of them, evenly spread, first and last included."""
    if len(items) <= most:
        return items
    return [items[round(i * (len(items) - 1) / (most - 1))] for i in range(most)]
