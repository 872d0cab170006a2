"""`trm-explore evaluate | show | diagnose`: look at what was trained."""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import tyro

from trm_explore.analysis.diagnosis import diagnose
from trm_explore.config import RunConfig
from trm_explore.config.checks import number, whole
from trm_explore.data.figures import Figures
from trm_explore.data.labels import labelled
from trm_explore.data.text_file import lines_of_file
from trm_explore.model.checkpoint import load_checkpoint, pick_device
from trm_explore.tasks import resolve
from trm_explore.tasks.base import Task, judged
from trm_explore.tasks.published_folder import PublishedTask
from trm_explore.training import events as ev
from trm_explore.training.evaluation import evaluate_halting, scores_of
from trm_explore.training.threads import computing_with, threads_of
from trm_explore.training.trajectory import frame_of, record
from trm_explore.view.terminal import board_text, halting_line, score_table, step_caption


@dataclass(frozen=True)
class Evaluate:
    """Cell and exact accuracy of a checkpoint at every step."""

    checkpoint: tyro.conf.Positional[str]
    """A file, a run's folder, the name of a shipped one, or hf://user/name."""
    data: str = ""
    """A file of puzzles to evaluate, all of them (docs/puzzles.md). Empty: the task's held-out ones."""
    H_cycles: int | None = None
    """Steps to run, also more than in training. None: as in training."""
    puzzles: int = 1000
    """How many held-out puzzles, where there is no data."""
    eval_size: int = 0
    """Another size of held-out puzzles, where the network can take it. 0: as in training."""
    halt_threshold: float | None = None
    """Also halt each puzzle for itself, once its halting probability is above this. None: all take every step."""
    device: str = "auto"
    """cpu, cuda, mps or auto."""
    json: bool = False
    """Print one JSON object."""


@dataclass(frozen=True)
class Show:
    """Print the board at every step of one inference."""

    checkpoint: tyro.conf.Positional[str]
    """A file, a run's folder, the name of a shipped one, or hf://user/name."""
    puzzle: str = ""
    """The puzzle, as the task writes it: a Sudoku row by row, . or 0 for a blank; an addition as 27+5. Or a file, of
    which the first puzzle is taken. Empty: a held-out one."""
    H_cycles: int | None = None
    """Steps to run, also more than in training. None: as in training."""


@dataclass(frozen=True)
class Diagnose:
    """Say what a kept run shows, and what to try."""

    run: tyro.conf.Positional[str]
    """The run's folder, or its events.jsonl."""
    json: bool = False
    """Print one JSON list."""


def run_evaluate(args: Evaluate) -> int:
    """Scores at every step; with a threshold also those of halting."""
    whole(args, "puzzles", 1)
    whole(args, "eval_size", 0)
    if args.H_cycles is not None:
        whole(args, "H_cycles", 1)
    if args.halt_threshold is not None:
        number(args, "halt_threshold", least=0, below=1)
    model, config = load_checkpoint(args.checkpoint, device=str(pick_device(args.device)))
    task, config = resolve(
        _without_files(config, args.data).with_flat(eval_size=args.eval_size or config.puzzles.eval_size)
    )
    puzzles = task.load(args.data) if args.data else task.held_out(args.puzzles)
    cycles = args.H_cycles or config.eval_steps
    figures = Figures(task.votes(args.data) if isinstance(task, PublishedTask) else None)
    with computing_with(threads_of(config)):
        scores = scores_of(model, task, puzzles, H_cycles=cycles, watch=figures.take)
    halting = None
    if args.halt_threshold is not None:
        if task.loops_over_positions:
            raise ValueError(
                f"halt_threshold={args.halt_threshold:g} has no meaning for a loop over positions: it never halts; "
                "leave it out"
            )
        # The halting head was taught at every step with supervision on, else only at the end of a call.
        every = 1 if config.supervision.enable_deep_supervision else min(config.model.H_cycles, cycles)
        how = {"H_cycles": cycles, "threshold": args.halt_threshold, "every": every}
        with computing_with(threads_of(config)):
            halting = evaluate_halting(model, task, puzzles, **how)
    count = int(judged(task, puzzles).sum())
    unlabelled = len(puzzles["labels"]) - count
    if args.json:
        result = {"puzzles": count, **scores._asdict(), **figures.as_json()}
        if unlabelled:
            result["unlabelled"] = unlabelled
        if not scores.r2:
            del result["r2"]
        if halting is not None:
            result["halting"] = halting._asdict()
        print(json.dumps(ev.finite(result)))
        return 0
    left_out = f"; {unlabelled} without a label are left out" if unlabelled else ""
    print(f"{count} puzzles of {args.data or 'the held-out part of ' + task.name}{left_out}")
    print(score_table(*scores))
    for name, loss in task.baselines().items():
        print(f"baseline, {name}: loss {loss:.4f}")
    if halting is not None:
        print(halting_line(halting, cycles))
    for line in figures.lines():
        print(line)
    return 0


def run_diagnose(args: Diagnose) -> int:
    """The findings of a run that was kept with --out."""
    findings = diagnose(args.run)
    if args.json:
        print(json.dumps([asdict(finding) for finding in findings]))
    else:
        print("\n".join(finding.text for finding in findings) or "Nothing stands out.")
    return 0


def _without_files(config: RunConfig, data: str) -> RunConfig:
    """The config of a checkpoint whose own files may be elsewhere by now; a folder of embeddings it cannot do without
    is replaced by the one given."""
    if config.task == "embeddings":
        return config.with_flat(data=data or config.puzzles.data)
    return config.with_flat(data="", eval_data="")


def _typed(task: Task, text: str) -> str:
    """The text of a puzzle, or that of the first one in the file that it names."""
    is_file = False
    with suppress(OSError, ValueError):  # what cannot be the name of a file is a puzzle
        is_file = Path(text).is_file()
    if not is_file:
        return text
    found = task.first_text(lines_of_file(text, "give a puzzle, or a file of puzzles"), text)
    if not found.strip():
        raise ValueError(f"{text} has no puzzle in it; give a puzzle, or a file of puzzles")
    return found


def run_show(args: Show) -> int:
    """The puzzle, then the board at every step."""
    if args.H_cycles is not None:
        whole(args, "H_cycles", 1)
    model, config = load_checkpoint(args.checkpoint)
    task, config = resolve(_without_files(config, ""))
    if args.puzzle:
        puzzle, note = task.read(_typed(task, args.puzzle))
    else:
        puzzle, note = task.held_out(1), ""
    cycles = args.H_cycles or config.eval_steps
    loops = task.loops_over_positions
    with computing_with(threads_of(config)):
        trajectory = record(model, puzzle, H_cycles=cycles, loops_over_positions=loops)
    frame = frame_of(trajectory, task)
    color = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    print(f"puzzle\n{board_text(frame, None, color)}\n")
    if note:
        print(note + "\n")
    for k in range(trajectory.n_steps):
        print(f"{step_caption(frame, k)}\n{board_text(frame, k, color)}\n")
    known = trajectory.labels is not None and labelled(trajectory.labels)[0]
    if not known and not task.has_rule_checker:
        return 0
    right = task.check(trajectory.inputs, trajectory.answers[-1], trajectory.labels)[0]
    print("The final answer is right." if right else "The final answer is wrong.")
    return 0
