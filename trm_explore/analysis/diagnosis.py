"""The guide's "Best Practices" and "Troubleshooting" as a function: what a run's events show, and what to try.

    for finding in diagnose("runs/first"):           # a run's folder, or its events
        print(finding.text)

Only what the events show: nothing is said of a run that is too short to tell, and the order of the steps is not
complained of once the task is solved, when it flips by chance. Thresholds are ours.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from trm_explore.config.checks import shown
from trm_explore.training import events as ev
from trm_explore.training.run_folder import read_events
from trm_explore.words import findings

WINDOW = 20  # updates in a mean
ENOUGH = 60  # updates before anything is said of losses
SAME = 0.98  # a loss above this part of another is no better than it


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a run shows."""

    kind: str  # diverged, memory, rising, no_refinement, first_step_stuck, baseline
    update: int  # the newest update that it rests on
    message: str  # what was seen, with its figures
    advice: str  # what to try

    @property
    def text(self) -> str:
        """Both, as one sentence."""
        return f"{self.message}; {self.advice}" if self.advice else self.message


def diagnose(events: str | Path | Iterable[ev.Event]) -> list[Finding]:
    """The findings of one run, most serious first; an empty list where all is as it should be. `events`: its events, or
    the folder that it was kept in (or its events.jsonl). ValueError where there is none."""
    if not isinstance(events, str | Path | Iterable):
        raise ValueError(f"{shown(events)} is no run; give a run's folder, or what train(...) gave")
    events = read_events(events) if isinstance(events, str | Path) else list(events)
    if other := [event for event in events if not isinstance(event, ev.Event)]:
        raise ValueError(f"{shown(other[0])} is no event of a run; give a run's folder, or what train(...) gave")
    started = next((e for e in reversed(events) if isinstance(e, ev.Started)), None)
    failed = next((e for e in reversed(events) if isinstance(e, ev.Failed)), None)
    if failed is not None:
        kind = "memory" if "memory" in failed.reason else "diverged" if "diverged" in failed.reason else "failed"
        return [Finding(kind, failed.update, failed.reason, failed.advice)]
    updates = [e for e in events if isinstance(e, ev.UpdateDone)]
    evaluations = [e for e in events if isinstance(e, ev.Evaluated)]
    if started is None or len(updates) < ENOUGH:
        return []
    config = started.config
    found: list[Finding | None] = []
    if not _solved(updates, evaluations):
        found = [
            _rising(updates, config),
            _no_refinement(evaluations, config),
            _first_step_stuck(updates, config),
            _no_better_than(started, evaluations),
        ]
    return [finding for finding in found if finding is not None]


def _solved(updates: list[ev.UpdateDone], evaluations: list[ev.Evaluated]) -> bool:
    """Nearly all answers right, or hardly any of the loss left: what remains is chance."""
    if not evaluations:
        return False
    last = evaluations[-1]
    explained = bool(last.r2) and last.r2[-1] >= 0.99
    return explained or last.exact_accuracy[-1] >= 0.95 or last.loss[-1] <= 0.03 * updates[0].step_losses[-1]


def _rising(updates: list[ev.UpdateDone], config: dict[str, Any]) -> Finding | None:
    windows = [updates[i : i + WINDOW] for i in range(0, len(updates) - WINDOW + 1, WINDOW)]
    means = [fmean(u.step_losses[-1] for u in window) for window in windows]
    now, best = fmean(u.step_losses[-1] for u in updates[-WINDOW:]), min(means)
    if not now > 2 * best or now < 0.5 * means[0]:
        return None
    if config["enable_deep_supervision"]:
        advice = findings.RISING_ADVICE_ON.format(lr=config["lr"], weight=config["deep_supervision_weight"])
    else:
        advice = findings.RISING_ADVICE.format(lr=config["lr"])
    return Finding("rising", updates[-1].update, findings.RISING.format(now=now, best=best), advice)


def _no_refinement(evaluations: list[ev.Evaluated], config: dict[str, Any]) -> Finding | None:
    """The final answer is no better than the first, at the two newest evaluations both."""
    newest = evaluations[-2:]
    if len(newest) < 2 or newest[0].update < ENOUGH:
        return None
    if any(len(e.loss) < 2 or not e.loss[-1] >= SAME * e.loss[0] for e in newest):
        return None
    loss = newest[-1].loss
    if not config["enable_deep_supervision"]:
        advice = findings.SUPERVISE
    elif config["deep_supervision_schedule"] != "exponential_decay":
        advice = findings.WEIGHT_LATER_STEPS.format(schedule=config["deep_supervision_schedule"])
    else:
        advice = findings.LOWER_WEIGHT.format(weight=config["deep_supervision_weight"])
    message = findings.NO_REFINEMENT.format(first=loss[0], last=loss[-1], step=len(loss) - 1)
    return Finding("no_refinement", newest[-1].update, message, advice)


def _first_step_stuck(updates: list[ev.UpdateDone], config: dict[str, Any]) -> Finding | None:
    """Supervised from the start, but its loss has not fallen."""
    if not config["enable_deep_supervision"] or len(updates[-1].step_losses) < 2:
        return None
    supervised = [u for u in updates if u.weights and u.weights[0] > 0]
    if len(supervised) < ENOUGH:
        return None
    first = fmean(u.step_losses[0] for u in supervised[:WINDOW])
    now = fmean(u.step_losses[0] for u in supervised[-WINDOW:])
    if not (math.isfinite(now) and now > SAME * first):
        return None
    if config["gradient_scope"] in ("last", "one_step"):
        advice = findings.LONGER_GRADIENT.format(scope=config["gradient_scope"])
    elif config["deep_supervision_schedule"] in ("linear_decay", "exponential_decay"):
        advice = findings.WEIGHT_EARLY_STEPS
    else:
        advice = findings.HIGHER_LR.format(lr=config["lr"])
    message = findings.FIRST_STEP_STUCK.format(first=first, now=now)
    return Finding("first_step_stuck", supervised[-1].update, message, advice)


def _no_better_than(started: ev.Started, evaluations: list[ev.Evaluated]) -> Finding | None:
    """No better than an answer that needs no network, in the run's second half."""
    if not started.baselines or not evaluations or evaluations[-1].update < started.config["updates"] / 2:
        return None
    name, baseline = min(started.baselines.items(), key=lambda item: item[1])
    loss = evaluations[-1].loss[-1]
    if loss < baseline:
        return None
    message = findings.BASELINE.format(loss=loss, baseline=baseline, name=name)
    return Finding("baseline", evaluations[-1].update, message, findings.BASELINE_ADVICE)
