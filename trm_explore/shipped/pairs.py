"""Trained pairs: for each task one small model trained with deep supervision and two without, and how good they are.

    for line in make_pairs("maze", folder): ...     # what `trm-explore make-assets maze` does
    pair = load_pair("maze")                        # the figures that were stored, with a text made from them

The runs: `on` (linear_decay), `off` with as many updates, `off-time` with as many updates as fit into the time of `on`,
and as a control `off-full`: no early losses, but the long gradient. The number of updates of `off-time` is stored, so
that whoever makes them again gets the same runs on a slower machine. Kept are the averaged weights (not the control's),
and in one JSON file a task the curves and the scores on held-out puzzles.
"""

from __future__ import annotations

import json
import math
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from trm_explore.config import RunConfig
from trm_explore.data.assets import asset, assets
from trm_explore.model.checkpoint import slim, write_checkpoint
from trm_explore.storage.whole import write_whole
from trm_explore.tasks import preset
from trm_explore.training import Training, train
from trm_explore.training import events as ev
from trm_explore.training.evaluation import evaluate
from trm_explore.training.trajectory import record
from trm_explore.words import measurements
from trm_explore.words.percent import percent

KINDS = ("on", "off", "off-time")  # those whose weights ship
CONTROL = "off-full"  # no early losses, but the long gradient that supervision brings along; only its scores ship
ON = {"enable_deep_supervision": True, "deep_supervision_schedule": "linear_decay"}
# Settings of runs that answer the questions of a comparison, besides; recipe_runs.py records them.
OTHERS: dict[str, dict[str, Any]] = {
    CONTROL: {"gradient_scope": "full"},
    "on-last": {**ON, "gradient_scope": "last"},
    **{f"on-{name}": {**ON, "deep_supervision_schedule": name} for name in ("constant", "exponential_decay")},
    "on-front_loaded": {**ON, "deep_supervision_schedule": "front_loaded"},
    **{f"on-{cycles}": {**ON, "H_cycles": cycles} for cycles in (1, 2, 4, 6)},
}
SETTINGS = {"threads": 1, "seed": 0, "device": "cpu", "eval_puzzles": 256}
LENGTH = {"sudoku9": 250}  # updates, where the preset's run is too long for a pair
PUZZLES = 1000  # held-out puzzles that the scores are measured on
POINTS = 80  # of a run's curve, kept
SEARCHED = 256  # held-out puzzles among which the one that is shown is chosen
ROUNDS, UPDATES_A_ROUND = 5, 6  # of the time measurement


def checkpoint_name(task: str, kind: str) -> str:
    """The asset's name, without suffix; the supervised one carries its schedule's name."""
    return f"{task}-{'linear' if kind == 'on' else kind}"


def pair_names() -> list[str]:
    """The tasks whose pairs ship."""
    return [name.removeprefix("pairs-").removesuffix(".json") for name in assets() if name.startswith("pairs-")]


def load_pair(task: str) -> dict[str, Any]:
    """What was stored for a task: `runs` by kind, `cost` (time of an update with supervision, in updates without)."""
    return json.loads(asset(f"pairs-{task}.json").read_text(encoding="utf-8"))


def config_of_pair(task: str, kind: str, updates: int | None = None) -> RunConfig:
    """The run of one kind; `updates` None: the preset's."""
    own = {"on": ON, **OTHERS}.get(kind, {})
    config = preset(task, **SETTINGS, **own)
    updates = updates or LENGTH.get(task, config.train.updates)
    return config.with_flat(updates=updates, eval_every=max(1, updates // 20), frame_every=0)


def evaluations_of(run: dict[str, Any], puzzles: int) -> list[ev.Evaluated]:
    """The evaluations of a stored run, without losses. The last is that of its scores: on all the held-out `puzzles`
    that the figures of a pair are measured on, so that all places show the same; those before it were made during
    training, on fewer."""
    *during, (end, _, _) = run["evals"]
    scores, nothing = run["scores"], [math.nan] * len(run["scores"]["exact_accuracy"])
    few = min(SETTINGS["eval_puzzles"], puzzles)
    found = [ev.Evaluated(update, few, nothing, cells, exact) for update, cells, exact in during]
    return [*found, ev.Evaluated(end, puzzles, nothing, scores["cell_accuracy"], scores["exact_accuracy"])]


def make_pairs(task: str, folder: Path, measure: bool = False) -> Iterator[str]:
    """Trains the three and writes them into the folder; yields a line of text after each. `measure`: find the number of
    updates of equal time anew."""
    path = folder / f"pairs-{task}.json"
    before = json.loads(path.read_text(encoding="utf-8")) if path.exists() and not measure else {}
    cost = before.get("cost") or round(cost_of_supervision(task), 3)  # as it is stored: the same counts again
    updates = config_of_pair(task, "on").train.updates
    counts = {"on": updates, "off": updates, "off-time": round(updates * cost), CONTROL: updates}
    runs: dict[str, Any] = {}
    for kind, count in counts.items():
        training = train(config_of_pair(task, kind, count))
        recording = Recording(training)
        while recording.advance():
            pass
        runs[kind] = recording.summary()
        if kind == "on":
            puzzle = telling_puzzle(training)
        size = ""
        if kind in KINDS:
            path_of = folder / f"{checkpoint_name(task, kind)}.safetensors"
            size = f", {write_checkpoint(path_of, slim(training.checkpoint())).stat().st_size / 1e3:.0f} kB"
        scores = runs[kind]["scores"]
        yield (
            f"{task} {kind}: {count} updates, {runs[kind]['seconds']:.0f} s, exact % by step "
            f"{_percents(scores['exact_accuracy'])}{_r2(scores)}{size}"
        )
    puzzles = len(training.task.held_out(PUZZLES)["labels"])  # some tasks have fewer
    pair = {"task": task, "cost": cost, "puzzles": puzzles, "shown_puzzle": puzzle, "runs": runs}
    write_whole(path, json.dumps(ev.finite(pair)) + "\n")
    yield f"{task}: {text_of(pair)}"


def telling_puzzle(training: Training) -> int:
    """The held-out puzzle, by number, in which most happens: right in the end, and better with as many steps as can
    be."""
    task = training.task
    puzzles = task.held_out(SEARCHED)
    trajectory = record(training.ema_model, puzzles, H_cycles=training.config.eval_steps)
    right = task.check(trajectory.inputs, trajectory.answers[-1], trajectory.labels)
    ranks = []
    for i in range(len(puzzles["labels"])):
        one = trajectory.inputs[i], trajectory.labels[i]
        wrong = [len(task.wrong_cells(*one, answers[i])) for answers in trajectory.answers]
        better = sum(now < before for before, now in zip(wrong, wrong[1:], strict=False))
        far = trajectory.loss[0, i] if task.loss == "mse" else wrong[0]
        ranks.append((bool(right[i]), better, float(far)))
    return ranks.index(max(ranks))


def cost_of_supervision(task: str) -> float:
    """Time of an update with supervision, in updates without; median of interleaved rounds."""
    trainings = {kind: train(config_of_pair(task, kind, 10_000)) for kind in ("on", "off")}
    ratios = []
    for number in range(ROUNDS + 1):
        taken = {}
        for kind, training in trainings.items():
            began = time.perf_counter()
            _some_updates(training, UPDATES_A_ROUND)
            taken[kind] = time.perf_counter() - began
        if number:  # the first round prepares puzzles
            ratios.append(taken["on"] / taken["off"])
    for training in trainings.values():
        training.close()
    return statistics.median(ratios)


def text_of(pair: dict[str, Any]) -> str:
    """What was measured, in words, also where supervision makes no difference or costs accuracy."""
    name = "exact_accuracy"
    if _unsolved(pair):
        name = "r2" if pair["runs"]["on"]["scores"]["r2"] else "cell_accuracy"
    say = _number if name == "r2" else percent

    def says(share: float) -> str:
        return measurements.PAIR_FIGURES[name].format(figure=say(share))

    first, last = ({kind: run["scores"][name][step] for kind, run in pair["runs"].items()} for step in (0, -1))
    early = measurements.PAIR_EARLY.format(on=says(first["on"]), off=say(first["off"]), in_time=say(first["off-time"]))
    final = measurements.PAIR_FINAL.format(on=say(last["on"]), off=say(last["off"]), in_time=say(last["off-time"]))
    control = measurements.PAIR_CONTROL.format(first=says(first[CONTROL]), last=say(last[CONTROL]))
    return measurements.PAIR.format(
        puzzles=pair["puzzles"], early=early, final=final, verdict=_verdict(last), control=control
    )


def _verdict(last: dict[str, float]) -> str:
    """What the final answers say; two points of a hundred are no difference."""
    by_updates, by_time = (_better(last["on"] - last[kind]) for kind in ("off", "off-time"))
    word = measurements.PAIR_WORDS[by_updates]
    if by_updates == by_time:
        return measurements.PAIR_SAME.format(word=word) if by_updates else measurements.PAIR_EVEN.format(word=word)
    if max(by_updates, by_time) <= 0:
        return measurements.PAIR_NOT_WORTH_IT
    return measurements.PAIR_DEPENDS.format(word=word, in_time=measurements.PAIR_IN_TIME[by_time])


def _better(gap: float) -> int:
    """Two points of a hundred are no difference."""
    return 0 if abs(gap) < 0.02 else 1 if gap > 0 else -1


def _unsolved(pair: dict[str, Any]) -> bool:
    """Hardly a whole answer is right in any of the runs: then cells are compared."""
    return all(run["scores"]["exact_accuracy"][-1] < 0.05 for run in pair["runs"].values())


class Recording:
    """A training, and what is kept of it."""

    def __init__(self, training: Training):
        self.training, self.points, self.evals, self.seconds = training, [], [], 0.0

    def advance(self) -> bool:
        """Goes on to the end of the next update; False where there is none. ValueError where the run fails."""
        for event in self.training:
            if isinstance(event, ev.UpdateDone):
                self.points.append([event.update, round(event.seconds, 2), event.loss, event.step_losses])
                self.seconds = event.seconds
                return True
            if isinstance(event, ev.Evaluated):
                self.evals.append([event.update, event.cell_accuracy, event.exact_accuracy])
            elif isinstance(event, ev.Failed):
                raise ValueError(f"{self.training.task.name}: {event.reason}; {event.advice}")
        return False

    def summary(self, points: int = POINTS) -> dict[str, Any]:
        """JSON-ready, with so many points of the curve, and the scores of the averaged weights."""
        training = self.training
        puzzles, steps = training.task.held_out(PUZZLES), training.config.eval_steps
        scores = evaluate(training.ema_model, training.task, puzzles, H_cycles=steps)._asdict()
        longer = evaluate(training.ema_model, training.task, puzzles, H_cycles=2 * steps)._asdict()
        return {
            "updates": training.update,
            "seconds": round(self.seconds, 1),
            "scores": short(scores),
            "twice_the_steps": short(longer),
            "points": short(self.points[:: max(1, len(self.points) // points)]),
            "evals": short(self.evals),
        }


def _some_updates(training: Training, count: int) -> None:
    done = 0
    for event in training:
        done += isinstance(event, ev.UpdateDone)
        if done == count:
            return


def short(value: Any) -> Any:
    """Four digits are enough for curves and tables."""
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, dict):
        return {name: short(part) for name, part in value.items()}
    return [short(part) for part in value] if isinstance(value, list | tuple) else value


def _number(value: float) -> str:
    return f"{value:.2f}"


def _percents(shares: list[float]) -> str:
    return "[" + ", ".join(f"{100 * share:.1f}" for share in shares) + "]"


def _r2(scores: dict[str, Any]) -> str:
    return f", R2 [{', '.join(f'{x:.3f}' for x in scores['r2'])}]" if scores["r2"] else ""
