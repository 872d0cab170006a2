"""`trm-explore data sudoku | maze | arc | check`: make a data folder in the published layout, or look at one."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import tyro
from tqdm import tqdm

from trm_explore.config.checks import whole
from trm_explore.data.arc import build_arc
from trm_explore.data.download import REPOSITORIES, fetch
from trm_explore.data.folder import PARTS, read_part
from trm_explore.data.from_csv import Written
from trm_explore.data.maze import build_maze
from trm_explore.data.sudoku import build_sudoku
from trm_explore.data.writer import check_free
from trm_explore.tasks.published_folder import kind_of

KINDS = {"sudoku": "9x9 Sudokus", "maze": "mazes", "arc": "ARC grids", "grid": "plain grids"}


@dataclass(frozen=True)
class Sudoku:
    """9x9 Sudokus from CSV files with the columns question, answer and, if known, rating."""

    source: tyro.conf.Positional[str]
    """A CSV file, a folder with train.csv and test.csv, or sudoku-extreme, which is then fetched."""
    output_dir: str = ""
    """Folder to write to; it must not be there yet."""
    test: str = ""
    """A second CSV file to hold out. Empty: a tenth of the first, all symmetric copies together."""
    subsample_size: int | None = None
    """So many training puzzles, drawn at random. None: all."""
    num_aug: int = 0
    """Augmented copies beside each training puzzle; 1000 as published."""
    min_difficulty: float | None = None
    """Only puzzles rated at least so. None: all."""
    seed: int = 0
    """Of the draw and the copies."""


@dataclass(frozen=True)
class Maze:
    """Square mazes from CSV files with the columns question, answer and, if known, rating."""

    source: tyro.conf.Positional[str]
    """A CSV file, a folder with train.csv and test.csv, or maze-hard, which is then fetched."""
    output_dir: str = ""
    """Folder to write to; it must not be there yet."""
    test: str = ""
    """A second CSV file to hold out. Empty: a tenth of the first, turned and mirrored copies together."""
    subsample_size: int | None = None
    """So many training mazes, drawn at random. None: all."""
    aug: bool = False
    """All 8 turned and mirrored copies of each training maze."""
    seed: int = 0
    """Of the draw."""


@dataclass(frozen=True)
class Arc:
    """ARC tasks from their JSON files, with augmented copies and puzzle identifiers."""

    folders: tyro.conf.Positional[tuple[str, ...]]
    """Where *_SUBSET_challenges.json and *_SUBSET_solutions.json lie, or data/SUBSET with one file a task."""
    output_dir: str = ""
    """Folder to write to; it must not be there yet."""
    subsets: tuple[str, ...] = ("training", "evaluation")
    """Which subsets to read, in this order."""
    test_subset: str = "evaluation"
    """The one whose questions are held out; its demonstrations are trained on, as published."""
    num_aug: int = 1000
    """Augmented copies to aim at beside each task."""
    seed: int = 42
    """Of order, copies and places on the board; 42 as published."""


@dataclass(frozen=True)
class Check:
    """Read a data folder, check all of it, and say what it holds."""

    folder: tyro.conf.Positional[str]
    """The folder with train and test."""


@dataclass(frozen=True)
class Data:
    """Data folders in the layout that HRM and TRM publish; docs/data.md describes it."""

    what: tyro.conf.OmitSubcommandPrefixes[
        Annotated[Sudoku, tyro.conf.subcommand("sudoku")]
        | Annotated[Maze, tyro.conf.subcommand("maze")]
        | Annotated[Arc, tyro.conf.subcommand("arc")]
        | Annotated[Check, tyro.conf.subcommand("check")]
    ]


def run(args: Data) -> int:
    """Writes, or checks; 0."""
    what = args.what
    if isinstance(what, Check):
        for line in contents(what.folder):
            print(line)
        return 0
    check_free(what.output_dir)  # before anything is fetched
    whole(what, "seed", 0)
    if what.seed >= 2**32:
        raise ValueError(f"seed={what.seed} is too large; it must be below {2**32}")
    if isinstance(what, Arc):
        steps = build_arc(
            what.folders,
            what.output_dir,
            subsets=what.subsets,
            test_subset=what.test_subset,
            num_aug=what.num_aug,
            seed=what.seed,
        )
    else:
        source = fetch(what.source) if what.source in REPOSITORIES else what.source
        options: dict[str, Any] = {"test": what.test, "subsample_size": what.subsample_size, "seed": what.seed}
        if isinstance(what, Sudoku):
            options |= {"num_aug": what.num_aug, "min_difficulty": what.min_difficulty}
        else:
            options |= {"aug": what.aug}
        steps = (build_sudoku if isinstance(what, Sudoku) else build_maze)(source, what.output_dir, **options)
    done = _with_progress_bar(steps)
    rated = ", with ratings" if done.rated else ""
    print(
        f"{done.folder}: {done.train_examples} training examples of {done.train_puzzles} puzzles and their copies, "
        f"{done.test_examples} held out{rated}"
    )
    if done.note:
        print(f"Note: {done.note}")
    print(f"trm-explore train --task {done.folder} --enable_deep_supervision")
    return 0


def contents(folder: str) -> list[str]:
    """What a folder holds, a line a part; ValueError for the first thing that is wrong with it."""
    lines = []
    for name in PARTS:
        part = read_part(folder, name)
        for _ in part.check_tokens():
            pass
        sizes = np.diff(part.group_indices)
        rated = "" if part.ratings is None else f", rated {part.ratings.min():g} to {part.ratings.max():g}"
        lines.append(
            f"{name}: {part.examples} examples of {len(part.puzzle_identifiers)} puzzles in {part.groups} groups of "
            f"{sizes.min()} to {sizes.max()}{rated}"
        )
    kind = KINDS[kind_of(part.seq_len, part.vocab_size)]
    return [
        f"{kind}: {part.seq_len} cells, {part.vocab_size} symbols, {part.num_puzzle_identifiers} identifiers",
        *lines,
    ]


def _with_progress_bar(steps: Generator[tuple[int, int], None, Written]) -> Written:
    """Runs it to its end with a progress bar; what it returns."""
    with tqdm(desc="writing", unit="", leave=False, dynamic_ncols=True, disable=None) as bar:
        while True:
            try:
                done, total = next(steps)
            except StopIteration as end:
                return end.value
            if total != bar.total:  # reading the files is counted for itself
                bar.reset(total)
            bar.update(done - bar.n)
