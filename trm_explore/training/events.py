"""What a training tells the world: frozen events, JSON round trip, no torch.

    for event in train("sudoku4"): print(to_json(event))

One JSON object a line, `"event"` first; a number that is not finite is null and comes back as NaN. Lists over steps
have that update's number of steps, the final one last (a curriculum may change it). What a field may be, its type hint
says: `from_json` holds a line to the hints, whoever wrote it.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field, fields
from typing import Any, Literal, NotRequired, TypedDict, get_args

from trm_explore.config.checks import shown
from trm_explore.storage.untrusted import MOST_TEXT, conform, parse_json


@dataclass(frozen=True, slots=True)
class Preparing:
    """Something must be made before training starts, such as a pool of puzzles."""

    what: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Started:
    """The first update follows. `update` is where it goes on from (0, or the resumed one's)."""

    config: dict[str, Any] = field(repr=False)  # of the run, flat
    parameters: int
    device: str
    threads: int
    update: int = 0
    memory: float = 0.0  # bytes that an update is estimated to need
    baselines: dict[str, float] = field(default_factory=dict)  # held-out losses of answers that need no network
    remarks: list[str] = field(default_factory=list)  # what one should know of the task's data


@dataclass(frozen=True, slots=True)
class UpdateDone:
    """One optimiser update."""

    update: int  # 1 .. updates
    loss: float  # sum(w*l)/sum(w), the answer's loss
    step_losses: list[float]  # (S,) unweighted
    weights: list[float]  # (S,) raw weights in use
    halt_loss: float  # the halting head's, weighted like the steps
    lr: float
    grad_norm: float  # before clipping
    seconds: float  # training clock so far: with data, without evaluation
    L_losses: list[float] = field(default_factory=list)  # (S,) mean over a step's L-cycles, with L-cycle supervision
    # [supervision step][H-cycle] where puzzles stay several updates; NaN where no puzzle was
    depth_losses: list[list[float]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Evaluated:
    """Held-out puzzles, averaged weights, every step."""

    update: int
    puzzles: int
    loss: list[float]
    cell_accuracy: list[float]  # over labelled cells, givens included
    exact_accuracy: list[float]  # whole answers right, by the task's rules
    r2: list[float] = field(default_factory=list)  # tasks of numbers: the part of the labels' variance explained


@dataclass(frozen=True, slots=True)
class GradientsMeasured:
    """What each step's loss alone sends back (gradients.py), on held-out puzzles, raw weights."""

    update: int
    network: list[float]  # (S,) norm in the shared network
    states: list[list[float]]  # (S, S) norm of step k's loss in z_H after cycle j


class Step(TypedDict):
    """One step of a recorded trajectory. L cells; null is a number that is not finite, or one that is not known."""

    wrong: list[int] | None  # cells
    loss: float | None
    halt: float | None  # probability that the answer is right, as the halting head sees it
    change: float | None  # of z_H, relative
    ids: NotRequired[list[int]]  # (L,) tokens
    conf: NotRequired[list[float | None]]  # (L,) their probabilities
    values: NotRequired[list[float | None]]  # of a task of numbers, in place of the two
    notes: NotRequired[list[str]]  # (L,)


class Companions(TypedDict):
    """Other puzzles that are drawn with it, on a plane."""

    inputs: list[list[float | None]]
    steps: list[list[list[float | None]]]


class Recorded(TypedDict):
    """One puzzle of a recorded trajectory, as `trajectory.frame_of` gives it."""

    update: int | None
    label: str
    board: dict[str, Any]  # as the task draws it, with rows and cols
    inputs: list[float | None]  # tokens or numbers
    given: list[int]  # (L,) 1 where the cell was given
    target: list[float | None] | None
    steps: list[Step]
    others: NotRequired[Companions]


@dataclass(frozen=True, slots=True)
class Frame:
    """A recorded trajectory of one held-out puzzle, in the form that web/ draws (see payload.py)."""

    update: int
    trajectory: Recorded = field(repr=False)


@dataclass(frozen=True, slots=True)
class Saved:
    """A checkpoint was written, whole."""

    update: int
    path: str


@dataclass(frozen=True, slots=True)
class Finished:
    """The end: reason "done" or "stopped" (who stops a stream that does not say so itself appends it)."""

    reason: Literal["done", "stopped"]
    update: int
    seconds: float
    why: str = ""  # of one that was stopped: what ended it


@dataclass(frozen=True, slots=True)
class Failed:
    """The end: what went wrong, in one sentence, and what to try."""

    update: int
    reason: str
    advice: str = field(default="")


Event = Preparing | Started | UpdateDone | Evaluated | GradientsMeasured | Frame | Saved | Finished | Failed
KINDS: dict[str, type] = {kind.__name__: kind for kind in get_args(Event)}


def to_json(event: Event) -> str:
    """One line, strict JSON."""
    body = {f.name: getattr(event, f.name) for f in fields(event)}
    return json.dumps(finite({"event": type(event).__name__, **body}), allow_nan=False)


def from_json(line: str, most: int = MOST_TEXT) -> Event:
    """The event that `to_json` wrote; ValueError for anything else, and for a line of more than `most` characters."""
    try:
        body = parse_json(line, most)
        kind = KINDS.get(str(body.pop("event", ""))) if isinstance(body, dict) else None
        if kind is not None:
            event: Event = kind(**conform(body, kind))
            return event
        reason = ""
    except ValueError as error:
        reason = f" ({error})"
    raise ValueError(f"not an event line: {shown(line, 80)}; each line is an object with one of {list(KINDS)}{reason}")


def finite(value: Any) -> Any:
    """The same JSON value with every number that is not finite as None."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {k: finite(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(v) for v in value]
    return value
