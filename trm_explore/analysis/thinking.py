"""Thinking longer than in training, and stopping: is more thought better, and does the halting head know when to stop?

    accuracy_by_cycle(model, task).text          # "After the 3 cycles of training 98 % of the answers are right; ..."
    halting_by_puzzle(model, task).text          # "Of 64 puzzles 60 stop where the answer is right, ..."

Cycles count from 1, steps from 0: step k is the answer after k + 1 cycles. Thresholds and words are ours.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from trm_explore.analysis.view import short
from trm_explore.model import RecursiveModel
from trm_explore.tasks.base import Task, check_judged, judged
from trm_explore.training.evaluation import evaluate, puzzles_of, task_of
from trm_explore.training.trajectory import inputs_of, record
from trm_explore.words import measurements
from trm_explore.words.percent import percent

LONGER = 4  # times training's cycles, where nobody says how far
SAME = 0.02  # two points of a hundred are no difference
VERDICTS = (
    "stopped right",
    "stopped too early",
    "stopped wrong",
    "never stopped, though right",
    "never stopped, never right",
)


@dataclass(frozen=True, slots=True)
class AccuracyByCycle:
    """Means over puzzles after 1, 2, ... cycles, (S,) each."""

    trained: int  # the cycles that training gives a puzzle
    puzzles: int
    loss: list[float]  # cross-entropy in nats, or squared error
    cell_accuracy: list[float]
    exact_accuracy: list[float]
    r2: list[float]  # of tasks of numbers; else empty

    @property
    def text(self) -> str:
        """What happens beyond training, in words."""
        name, curve = self._telling_curve
        say = percent if name != "R2" else "{:.2f}".format
        at = min(self.trained, len(curve)) - 1
        there, end = curve[at], curve[-1]
        best = int(np.argmax(curve[at:])) + at
        figure = measurements.THINKING_FIGURES[name].format(figure=say(there))
        text, steps = measurements.THINKING.format(cycles=_cycles(at + 1), figure=figure), len(curve)
        if steps > self.trained:
            if curve[best] > there + SAME:
                text += measurements.THINKING_HELPS.format(figure=say(curve[best]), cycles=best + 1)
                if end < curve[best] - SAME:
                    text += measurements.THINKING_FALLS.format(figure=say(end), cycles=steps)
            elif end < there - SAME:
                text += measurements.THINKING_HARMS.format(figure=say(end), cycles=steps)
            else:
                text += measurements.THINKING_SAME.format(figure=say(end), cycles=steps)
        return text + measurements.THINKING_PUZZLES.format(puzzles=self.puzzles)

    @property
    def _telling_curve(self) -> tuple[str, list[float]]:
        """The curve that tells most: whole answers, but where hardly one is right cells, or R2."""
        if max(self.exact_accuracy) >= 0.05:
            return "answers", self.exact_accuracy
        return ("R2", self.r2) if self.r2 else ("cells", self.cell_accuracy)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return short(asdict(self)) | {"text": self.text}


@dataclass(frozen=True, slots=True)
class PuzzleHalting:
    """One puzzle: where it would stop, and whether it should have. Steps from 0; None: at no step."""

    stop: int | None  # the first step whose halting probability is above the threshold
    right_at_stop: bool | None
    right_at_end: bool
    first_right: int | None
    verdict: str  # one of VERDICTS
    halt: list[float]  # (S,) the halting probability by step


@dataclass(frozen=True, slots=True)
class HaltingByPuzzle:
    """Every puzzle, and the sum in words."""

    threshold: float
    steps: int
    puzzles: list[PuzzleHalting]

    @property
    def counts(self) -> dict[str, int]:
        """How many puzzles have each verdict."""
        found = Counter(puzzle.verdict for puzzle in self.puzzles)
        return {verdict: found[verdict] for verdict in VERDICTS}

    @property
    def text(self) -> str:
        """The counts as a sentence."""
        parts = [measurements.HALTING_PARTS[verdict].format(count=n) for verdict, n in self.counts.items() if n]
        stops = [puzzle.stop for puzzle in self.puzzles if puzzle.stop is not None]
        mean = measurements.HALTING_MEAN.format(mean=np.mean(stops) + 1, steps=self.steps) if stops else ""
        return measurements.HALTING.format(
            puzzles=len(self.puzzles), parts=", ".join(parts), mean=mean, threshold=self.threshold
        )

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return short(asdict(self), 3) | {"counts": self.counts, "text": self.text}


def trained_cycles(model: RecursiveModel) -> int:
    """H-cycles that training gives a puzzle at most: those of an update times the updates that it stays."""
    return model.config.H_cycles * model.train_config.steps_limit


def accuracy_by_cycle(
    model: RecursiveModel,
    task: Task | str | Any,
    *,
    puzzles: int | dict[str, Any] = 128,
    H_cycles: int | None = None,
    shape: tuple[int, int] | None = None,
) -> AccuracyByCycle:
    """Accuracy after every cycle up to H_cycles (None: four times training's), on held-out puzzles or given ones
    (NumPy: inputs, labels) of boards of `shape`."""
    task = task_of(model, task)
    puzzles = puzzles_of(task, puzzles)
    S = _steps(model, H_cycles)
    scores = evaluate(model, task, puzzles, H_cycles=S, shape=shape)
    return AccuracyByCycle(trained_cycles(model), int(judged(task, puzzles).sum()), *scores)


def halting_by_puzzle(
    model: RecursiveModel,
    task: Task | str | Any,
    *,
    puzzles: int | dict[str, Any] = 64,
    H_cycles: int | None = None,
    threshold: float = 0.5,
    shape: tuple[int, int] | None = None,
) -> HaltingByPuzzle:
    """Where each puzzle's halting head would stop, seen from an inference that goes on to H_cycles all the same (None:
    four times training's). Puzzles without a label are left out, but for tasks that judge by their rules."""
    if not 0 <= threshold < 1:
        raise ValueError(f"threshold={threshold} must be a probability from 0 to below 1")
    task = task_of(model, task)
    puzzles = puzzles_of(task, puzzles)
    check_judged("puzzles", puzzles, task)
    puzzles = {name: value[judged(task, puzzles)] for name, value in puzzles.items()}
    trajectory = record(
        model,
        {"board": task.held_out_shape()} | puzzles | ({"board": shape} if shape else {}),
        H_cycles=_steps(model, H_cycles),
        loops_over_positions=task.loops_over_positions,
    )
    labels = puzzles["labels"]
    right = np.stack([task.check(inputs_of(puzzles), answers, labels) for answers in trajectory.answers])  # (S, N)
    rows = [_one(right[:, i], trajectory.halt[:, i], threshold) for i in range(len(labels))]
    return HaltingByPuzzle(threshold, trajectory.n_steps, rows)


def _one(right: np.ndarray, halt: np.ndarray, threshold: float) -> PuzzleHalting:
    """right, halt (S,): one puzzle's verdict."""
    stop, first = _first(halt > threshold), _first(right)
    if stop is None:
        verdict = VERDICTS[3] if first is not None else VERDICTS[4]
    elif right[stop]:
        verdict = VERDICTS[0]
    else:
        verdict = VERDICTS[1] if right[stop:].any() else VERDICTS[2]
    at_stop = None if stop is None else bool(right[stop])
    return PuzzleHalting(stop, at_stop, bool(right[-1]), first, verdict, halt.tolist())


def _first(true: np.ndarray) -> int | None:
    return int(true.argmax()) if true.any() else None


def _cycles(n: int) -> str:
    return "1 cycle" if n == 1 else f"{n} cycles"


def _steps(model: RecursiveModel, H_cycles: int | None) -> int:
    if H_cycles is not None and H_cycles < 1:
        raise ValueError(f"H_cycles={H_cycles} must be at least 1")
    return H_cycles or LONGER * trained_cycles(model)
