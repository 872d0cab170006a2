"""Runs side by side -> the JSON that web/src/compare.js draws: what each of them is, once, then what each has done.

A group message is `{group, first, recorded, state, text, guess, asks, runs}`; a run in it `{letter, message}`, the
message as payload.message_of makes it (a delta), and in the first one also `{name, style, memory, scores}`. `first:
true` begins anew. It is sent as text: Gradio sends a structure as its difference to the one before, and that loses its
way in lists within lists that become shorter.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from trm_explore.config import RunConfig
from trm_explore.model.cost import estimate
from trm_explore.runs.run import INTERRUPTED
from trm_explore.training import events as ev

# Colour, dash and marker of each run, so that no colour is the only sign. Blue, vermilion, green and purple stay apart
# for the colour-blind (after Okabe and Ito), darker or lighter until they have contrast 3 with the page; ours.
STYLES = {
    "A": {"color": {"light": "#0b62a8", "dark": "#6cb4f3"}, "dash": [], "marker": "disc"},
    "B": {"color": {"light": "#bf4a06", "dark": "#f6935c"}, "dash": [7, 4], "marker": "square"},
    "C": {"color": {"light": "#0b7a56", "dark": "#4fcaa0"}, "dash": [2, 4], "marker": "triangle"},
    "D": {"color": {"light": "#8b3c8b", "dark": "#dc98dc"}, "dash": [10, 4, 2, 4], "marker": "diamond"},
}


@dataclass(frozen=True, slots=True)
class Member:
    """One run of a comparison."""

    letter: str
    name: str
    config: RunConfig

    def opening(self, scores: dict[str, Any] | None = None) -> dict[str, Any]:
        """What is told once. `scores`: measured afterwards, {exact: [steps], cells: [steps], puzzles}."""
        entry = {
            "letter": self.letter,
            "name": self.name,
            "style": STYLES[self.letter],
            "memory": memory_factor(self.config),
        }
        return entry | ({"scores": scores} if scores else {})


def memory_factor(config: RunConfig) -> float | None:
    """The estimated memory of an update as a multiple of the same settings without supervision (scope last); None
    where the task's lengths are not known."""
    if config.model.vocab_size is None or config.model.seq_len is None:
        return None
    off = config.with_flat(
        enable_deep_supervision=False,
        deep_supervision_schedule="constant",
        custom_weights=(),
        gradient_scope="auto",
        adaptive_weights="off",
        curriculum="off",
        L_supervision_weight=0.0,
    )
    return round(estimate(config).memory / estimate(off).memory, 2)


def group_message(
    group: str,
    runs: Iterable[dict[str, Any]],
    *,
    first: bool,
    state: str,
    text: str,
    guess: str = "",
    recorded: bool = False,
    asks: bool = False,
) -> str:
    """The whole message, as JSON; `runs` as in the head of this module, only those with news. `asks`: the results stay
    hidden until somebody has guessed, or does without."""
    message = {
        "group": group,
        "first": first,
        "recorded": recorded,
        "state": state,
        "text": text,
        "guess": guess,
        "asks": asks,
        "runs": list(runs),
    }
    return json.dumps(message, allow_nan=False)


def state_of(states: Iterable[str]) -> str:
    """Where a group stands, from where its runs stand: the liveliest of them; when all have ended, the worst end."""
    found = set(states)
    for state in ("running", "preparing", "queued", "paused", "failed", INTERRUPTED, "stopped"):
        if state in found:
            return state
    return "finished"


def seconds_left(members: Iterable[tuple[RunConfig, ev.Event | None, bool]]) -> float | None:
    """Of computing, for (config, newest event, ended) of each run, one after the other in one slot; None while a run
    has not computed its first update."""
    left = 0.0
    for config, latest, ended in members:
        if ended:
            continue
        if not isinstance(latest, ev.UpdateDone):
            return None
        left += (config.train.updates - latest.update) * latest.seconds / latest.update
    return left
