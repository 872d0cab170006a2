"""`trm-explore tasks | make-assets`: what there is to learn, and the trained pairs that ship with the project."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tyro

from trm_explore.config.checks import shown
from trm_explore.data.assets import folder
from trm_explore.shipped.pairs import load_pair, make_pairs, pair_names, text_of
from trm_explore.shipped.recipe_runs import make_recipe_runs
from trm_explore.tasks import GENERATED, TASKS, preset, resolve
from trm_explore.training.trajectory import picture_of
from trm_explore.view.terminal import board_text

TASK_NEEDS_FILES = (
    "Sequences of embeddings, from a folder of chunk files: make one with trm-explore embed FILE.txt --output_dir "
    "FOLDER, then train with --task embeddings --data_folder FOLDER."
)


@dataclass(frozen=True)
class Tasks:
    """List the tasks: what each shows, a puzzle of it, and what was measured."""

    names: tyro.conf.Positional[tuple[str, ...]] = ()
    """Only these. Empty: all."""


@dataclass(frozen=True)
class MakeAssets:
    """Train the pairs (with and without supervision) and write them, as those that ship were made."""

    names: tyro.conf.Positional[tuple[str, ...]] = ()
    """Only these tasks. Empty: all."""
    out: str = ""
    """Folder to write to. Empty: the project's own assets."""
    what: Literal["all", "pairs", "recipes"] = "all"
    """The pairs, the runs that answer the questions of a comparison, or both."""
    measure: bool = False
    """Measure anew how many updates without supervision take as long as those with it."""


def run_tasks(args: Tasks) -> int:
    """Prints them; 0."""
    color = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    with_pairs = pair_names()
    for name in _known(args.names, tuple(TASKS)):
        if name not in GENERATED:
            print(f"{name}\n{TASK_NEEDS_FILES}\n")
            continue
        task, _ = resolve(preset(name))
        frame = picture_of(task)
        print(f"{name}: {task.title}\n{task.help}\n")
        print(f"{board_text(frame, None, color)}\n\nsolved\n{board_text(frame, 0, color)}\n")
        if name in with_pairs:
            print(f"{text_of(load_pair(name))}\n")
    return 0


def run_make_assets(args: MakeAssets) -> int:
    """Trains and writes; 0."""
    out = Path(args.out) if args.out else folder()
    out.mkdir(parents=True, exist_ok=True)
    for name in _known(args.names, GENERATED):
        for line in _made(name, out, args):
            print(line, flush=True)
    return 0


def _made(name: str, out: Path, args: MakeAssets) -> Iterator[str]:
    if args.what != "recipes":
        yield from make_pairs(name, out, measure=args.measure)
    if args.what != "pairs":
        yield from make_recipe_runs(name, out)


def _known(names: tuple[str, ...], there: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if name not in there:
            raise ValueError(f"task={shown(name)} is not known; allowed are {', '.join(there)}")
    return names or there
