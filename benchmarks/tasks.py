"""Trains every task with its preset and prints how fast it is learned; `--write` puts the table into docs/tasks.md.

    python benchmarks/tasks.py [maze poisson ...] [--seeds 3] [--seconds 60] [--threads 2] [--write]

Supervision on (linear_decay), seconds of training (data included, evaluation not) until 50, 90 and 99 % of 512 held-out
puzzles are wholly right at the final step (tasks of numbers: within their tolerance). sudoku9 is the longer run: one
seed, 600 seconds. Run it alone on the machine.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from trm_explore import TASKS, preset, train
from trm_explore.shipped.pairs import load_pair, pair_names, text_of
from trm_explore.shipped.recipe_runs import recorded_runs
from trm_explore.training import events as ev

DOC = Path(__file__).resolve().parent.parent / "docs" / "tasks.md"
FIGURES = "<!-- figures: written by benchmarks/tasks.py -->\n", "<!-- end of figures -->\n"
PAIRS = "<!-- pairs: written by benchmarks/tasks.py -->\n", "<!-- end of pairs -->\n"
COMPARE = DOC.with_name("compare.md")
RECIPES = "<!-- recipes: written by benchmarks/tasks.py -->\n", "<!-- end of recipes -->\n"
GOALS = (0.5, 0.9, 0.99)
ON = {"enable_deep_supervision": True, "deep_supervision_schedule": "linear_decay"}
LONG = {"sudoku9": (1, 600.0)}  # seeds and seconds of its own
EVALUATIONS = 40  # in a run, if it lasts as long as its preset says


@dataclass
class Learned:
    """One run."""

    reached: dict[float, float] = field(default_factory=dict)  # goal -> seconds
    best: list[float] = field(default_factory=list)  # exact accuracy by step at the end
    r2: list[float] = field(default_factory=list)
    seconds: float = 0.0
    updates: int = 0
    parameters: int = 0


def learn(task: str, seed: int, seconds: float, threads: int) -> Learned:
    config = preset(task, **ON, seed=seed, threads=threads, frame_every=0, eval_puzzles=512)
    config = config.with_flat(eval_every=max(1, config.train.updates // EVALUATIONS))
    run = Learned()
    for event in train(config):
        if isinstance(event, ev.Started):
            run.parameters = event.parameters
        elif isinstance(event, ev.UpdateDone):
            run.seconds, run.updates = event.seconds, event.update
        elif isinstance(event, ev.Evaluated):
            if run.seconds > seconds:
                break
            run.best, run.r2 = event.exact_accuracy, event.r2
            for goal in GOALS:
                if event.exact_accuracy[-1] >= goal:
                    run.reached.setdefault(goal, run.seconds)
    return run


def data_rate(task: str) -> float:
    """Examples a second from the task's sampler, one thread."""
    made = TASKS[task](preset(task))
    for _ in made.prepare():
        pass
    rng, batch = np.random.default_rng(0), preset(task).train.batch_size
    made.sample(batch, rng)
    count, began = 0, time.perf_counter()
    while time.perf_counter() - began < 1:
        made.sample(batch, rng)
        count += batch
    return count / (time.perf_counter() - began)


def row(task: str, runs: list[Learned], batch: int, rate: float) -> str:
    cells = []
    for goal in GOALS:
        times = sorted(run.reached.get(goal, float("inf")) for run in runs)
        words = ["–" if t == float("inf") else f"{t:.0f}" if t >= 10 else f"{t:.1f}" for t in times]
        cells.append(words[0] if len(set(words)) == 1 else f"{words[len(words) // 2]} ({words[0]} to {words[-1]})")
    final = ", ".join(f"{100 * statistics.median(step):.1f}" for step in zip(*(r.best for r in runs), strict=True))
    if runs[0].r2:
        final += f"; R2 {', '.join(f'{statistics.median(s):.3f}' for s in zip(*(r.r2 for r in runs), strict=True))}"
    speed = statistics.median(run.updates / run.seconds for run in runs)
    return (
        f"| {task} | {runs[0].parameters:,} | {' | '.join(cells)} | {final} | {speed:.1f} | "
        f"{speed * batch:,.0f} | {rate:,.0f} |"
    )


def main() -> None:
    names = [name for name in TASKS if name != "embeddings"]  # it reads files, and has no sampler of its own
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tasks", nargs="*", metavar="task", help=", ".join(names))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--write", action="store_true", help=f"put the table into {DOC.name}")
    parser.add_argument("--recorded", action="store_true", help="only put the shipped runs' scores into docs/")
    args = parser.parse_args()
    if args.recorded:
        write("\n".join(pairs()), PAIRS)
        write("\n".join(recipes()), RECIPES, COMPARE)
        return
    if unknown := set(args.tasks) - set(names):
        raise SystemExit(f"there is no task {min(unknown)!r}; allowed are {', '.join(names)}")
    heads = ["task", "weights", *(f"s to {100 * g:.0f} %" for g in GOALS), "exact % by step at the end"]
    heads += ["updates/s", "examples/s used", "examples/s made"]
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    print("\n".join(lines), flush=True)
    for task in args.tasks or names:
        seeds, seconds = LONG.get(task, (args.seeds, args.seconds))
        runs = [learn(task, seed, seconds, args.threads) for seed in range(seeds)]
        lines.append(row(task, runs, preset(task).train.batch_size, data_rate(task)))
        print(lines[-1], flush=True)
    where = (
        f"{args.seeds} seeds, {args.seconds:.0f} s of training each (sudoku9: 1 seed, 600 s), {args.threads} threads, "
        f"{os.cpu_count()} cores ({platform.machine()}), "
        f"Python {platform.python_version()}, torch {torch.__version__}. "
        "Medians (smallest to largest); – : not reached in that time."
    )
    print(where)
    if args.write:
        write("\n".join(lines) + f"\n\n{where}", FIGURES)


def pairs() -> list[str]:
    """The shipped pairs' scores, as a table and in words."""
    lines = ["| task | run | updates | s, one thread | exact % by step | at twice the steps |", f"|{'---|' * 6}"]
    there = [task for task in TASKS if task in pair_names()]
    for task in there:
        for kind, run in load_pair(task)["runs"].items():
            scores = [percents(run[name]) for name in ("scores", "twice_the_steps")]
            lines.append(f"| {task} | {kind} | {run['updates']} | {run['seconds']:.0f} | {' | '.join(scores)} |")
    words = [f"* **{task}**: {text_of(load_pair(task)).split(': ', 1)[1]}" for task in there]
    return [*lines, "", "In words:", "", *words]


def recipes() -> list[str]:
    """The recorded runs that answer the questions of a comparison: exact accuracy at the first and the last step."""
    from trm_explore.app.recipes import RECORDED

    lines = []
    for recipe, kinds in RECORDED.items():
        if "off-time" in kinds.values():  # the pairs: docs/tasks.md
            continue
        lines += [f"| {recipe} | {' | '.join(f'{a}: {kind}' for a, kind in kinds.items())} |", f"|{'---|' * 5}"]
        for task in (task for task in TASKS if task in pair_names()):
            runs, cells = recorded_runs(task), []
            for kind in kinds.values():
                first, *_, last = [100 * x for x in runs[kind]["scores"]["exact_accuracy"] * 2]  # some have one step
                cells.append(f"{first:.1f}, {last:.1f} ({runs[kind]['seconds']:.0f} s)")
            lines.append(f"| {task} | {' | '.join(cells)} |")
        lines.append("")
    return lines[:-1]


def percents(scores: dict) -> str:
    words = ", ".join(f"{100 * x:.1f}" for x in scores["exact_accuracy"])
    return words + (f"; R2 {', '.join(f'{x:.3f}' for x in scores['r2'])}" if scores["r2"] else "")


def write(text: str, marks: tuple[str, str], doc: Path = DOC) -> None:
    """Puts the text between two marks of the document."""
    before, rest = doc.read_text(encoding="utf-8").split(marks[0])
    after = rest.split(marks[1])[1]
    doc.write_text(before + marks[0] + "\n" + text + "\n\n" + marks[1] + after, encoding="utf-8")


if __name__ == "__main__":
    main()
