"""A published data folder (HRM's and TRM's layout, docs/data.md) as a task: train/ is trained on, test/ is held out.

    resolve(preset("data/sudoku-extreme-1k-aug-1000"))

Training reads passes over the groups as published. An answer is right where it equals the labels, as published, also
where the rules would allow another. Batches carry puzzle_identifiers. Boards are drawn by vocabulary and length: 9x9
Sudokus, mazes, ARC's grids, else a plain grid.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from trm_explore.config.presets import TASK_PRESETS
from trm_explore.data.folder import Part, read_part
from trm_explore.data.passes import Passes
from trm_explore.data.votes import Votes
from trm_explore.tasks import maze
from trm_explore.tasks.base import Puzzles, Task
from trm_explore.tasks.maze import MazeTask
from trm_explore.tasks.sudoku import SudokuTask

# ARC's own colours, in the order of its numbers (arcprize.org), after pad and end.
COLOURS = ("#000000", "#0074d9", "#ff4136", "#2ecc40", "#ffdc00", "#aaaaaa", "#f012be", "#ff851b", "#7fdbff", "#870c25")
HELP = {
    "sudoku": "9\u00d79 Sudokus of a published data folder.",
    "maze": "Mazes of a published data folder: mark the way from S to G.",
    "arc": "ARC tasks of a published data folder: the question's grid in, the answer's grid out, a puzzle vector to "
    "tell the tasks apart.",
    "grid": "The puzzles of a published data folder.",
}
# What learns at all in a small network; the published recipes are others (docs/data.md).
PRESETS: dict[str, dict[str, Any]] = {
    "sudoku": {"batch_size": 64, "lr": 3e-3, "updates": 1500},
    "maze": TASK_PRESETS["maze"],
    "arc": {"mixer": "attention", "batch_size": 8},
    "grid": {"mixer": "attention"},
}


class PublishedTask(Task):
    """`folder` holds train/ and test/; `seed` decides the order in which training sees the examples."""

    in_epochs = True

    def __init__(self, folder: str, seed: int = 0):
        self.folder = Path(folder)
        self._train, self._test = read_part(folder, "train"), read_part(folder, "test")
        for name in ("seq_len", "vocab_size", "pad_id", "num_puzzle_identifiers"):
            ours, theirs = getattr(self._train, name), getattr(self._test, name)
            if ours != theirs:
                raise ValueError(f"{folder}: {name} is {ours} in train, but {theirs} in test; it must be the same")
        self.seq_len, self.vocab_size = self._train.seq_len, self._train.vocab_size
        self.num_puzzle_identifiers = self._train.num_puzzle_identifiers
        side = math.isqrt(self.seq_len)
        square = side * side == self.seq_len
        self.rows, self.cols = (side, side) if square else (1, self.seq_len)
        self.kind = kind_of(self.seq_len, self.vocab_size)
        self.name = f"published:{self.folder.resolve().name}"
        self.title, self.help = self.folder.resolve().name, HELP[self.kind]
        self._like = {"sudoku": lambda: SudokuTask(9), "maze": MazeTask}.get(self.kind, lambda: None)()
        self._passes = Passes(self._train.puzzle_indices, self._train.group_indices, seed)
        sizes = np.diff(self._train.puzzle_indices)  # a pass holds, of each group, one puzzle's examples: their mean
        per_group = np.add.reduceat(sizes, self._train.group_indices[:-1]) / np.diff(self._train.group_indices)
        self.train_windows = max(1, round(float(per_group.sum())))
        self._order = _spread(self._test)
        self._checked: set[str] = set()  # parts whose tokens have been looked at

    def prepare(self) -> Iterator[tuple[int, int]]:
        """Looks at all tokens once, so that a bad one ends the run before it begins."""
        parts = [part for part in (self._train, self._test) if part.folder.name not in self._checked]
        total, before = sum(part.examples for part in parts), 0
        for part in parts:
            for done, _ in part.check_tokens():
                yield before + done, total
            before += part.examples
            self._checked.add(part.folder.name)

    def sample(self, n: int, rng: np.random.Generator) -> Puzzles:
        """n training examples: a random group, a random puzzle of it, a random example of that."""
        self._finish()
        groups = rng.integers(self._train.groups, size=n)
        puzzles = rng.integers(self._train.group_indices[groups], self._train.group_indices[groups + 1])
        return self._train.batch(
            rng.integers(self._train.puzzle_indices[puzzles], self._train.puzzle_indices[puzzles + 1])
        )

    def draw(self, n: int, rng: np.random.Generator, drawn: int) -> Puzzles:
        """The next n examples of the published order, after `drawn` earlier ones."""
        self._finish()
        return self._train.batch(self._passes.rows(drawn, n))

    def held_out(self, n: int) -> Puzzles:
        """The first n examples of test/; where puzzles have copies, all puzzles as they are before any copy. With their
        ratings where there are any."""
        if "test" not in self._checked:
            for _ in self._test.check_tokens():
                pass
            self._checked.add("test")
        return self._test.rated(self._order[:n])

    def votes(self, folder: str = "") -> Votes | None:
        """What collects the answers to all copies of ARC's questions, those of another folder where one is named; None
        for other kinds."""
        return Votes(folder or self.folder, self._test.blank_identifier_id) if self.kind == "arc" else None

    def load(self, path: str) -> Puzzles:
        """All of another folder's test/ of the same kind; for Sudokus also a file of puzzles."""
        if not Path(path).is_dir() and self.kind == "sudoku":
            return self._without_name(self._like.load(path))
        part = read_part(path, "test")
        for name in ("seq_len", "vocab_size"):
            if getattr(part, name) != getattr(self, name):
                raise ValueError(
                    f"{path} has {name}={getattr(part, name)}, but the model was trained on {name}="
                    f"{getattr(self, name)}; give a folder of the same kind"
                )
        for _ in part.check_tokens():
            pass
        return part.rated(_spread(part))

    def read(self, text: str) -> tuple[Puzzles, str]:
        """A typed Sudoku or maze, with the blank identifier."""
        if self._like is None:
            return super().read(text)
        puzzle, remark = self._like.read(text)
        return self._without_name(puzzle), remark

    def first_text(self, lines: Iterator[str], name: str) -> str:
        return (self._like or super()).first_text(lines, name)

    def shape_of(self, puzzles: Puzzles) -> tuple[int, int]:
        return self._like.shape_of(puzzles) if self._like else (self.rows, self.cols)

    def given(self, inputs: np.ndarray) -> np.ndarray:
        return self._like.given(inputs) if self._like else np.zeros(np.shape(inputs), dtype=bool)

    def board(self) -> dict[str, Any]:
        shape = {"rows": self.rows, "cols": self.cols, "box": None}
        if self._like:
            return self._like.board() | {"rows": self.rows, "cols": self.cols}
        if self.kind == "arc":
            symbols = ["", "\u00b7", *(str(colour) for colour in range(10))]
            return {"kind": "grid", **shape, "symbols": symbols, "colors": [None, None, *COLOURS]}
        return {"kind": "grid", **shape, "symbols": [str(token) for token in range(self.vocab_size)]}

    def _finish(self) -> None:
        for _ in self.prepare():
            pass

    def _without_name(self, puzzles: Puzzles) -> Puzzles:
        blank = np.full(len(puzzles["inputs"]), self._train.blank_identifier_id, dtype=np.int64)
        return puzzles | {"puzzle_identifiers": blank}


def kind_of(seq_len: int, vocab_size: int) -> str:
    """What the boards are, by the published lengths and vocabularies."""
    side = math.isqrt(seq_len)
    if (seq_len, vocab_size) == (81, 11):
        return "sudoku"
    if side * side == seq_len and vocab_size == maze.MazeTask.vocab_size:
        return "maze"
    return "arc" if (seq_len, vocab_size) == (900, 12) else "grid"


def published_preset(folder: str) -> dict[str, Any]:
    """What a small network needs to learn such a folder."""
    part = read_part(folder, "train")
    return dict(PRESETS[kind_of(part.seq_len, part.vocab_size)])


def _spread(part: Part) -> np.ndarray:
    """(N,) the examples, first those of every group's first puzzle, then of every group's second: so that the first n
    are as many different puzzles as there are."""
    sizes = np.diff(part.group_indices)
    group = np.repeat(np.arange(part.groups), sizes)
    rank = np.arange(len(group)) - part.group_indices[group]  # of each puzzle within its group
    of_example = np.repeat(np.arange(len(group)), np.diff(part.puzzle_indices))
    return np.lexsort((group[of_example], rank[of_example]))
