"""What every task offers. A task is data and rules: what a batch is, what "right" means, how an answer is drawn.

Two kinds. **Symbols** (`loss = "cross_entropy"`): inputs and labels are tokens, (N, L) int64, labels -100 where nothing
is scored. **Numbers** (`loss = "mse"`): input_embeddings (N, L, input_size) and labels (N, L, vocab_size), float32;
the head then gives vocab_size numbers a position. NumPy throughout; N puzzles, L positions. Puzzles to look at (held
out, typed, of a file) also have board (N, 2): rows and columns.
"""

from __future__ import annotations

import functools
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from trm_explore.config.checks import shown
from trm_explore.data.labels import IGNORE, Puzzles, labelled, without_labels
from trm_explore.data.puzzle_file import first_question


def judged(task: Task, puzzles: dict[str, Any]) -> np.ndarray:
    """(N,) bool: of which of the puzzles the task can say whether an answer is right."""
    there = labelled(puzzles["labels"])
    return np.ones_like(there) if task.has_rule_checker else there


def check_judged(where: str, puzzles: dict[str, Any], task: Task) -> None:
    """ValueError where the task can judge none of the puzzles."""
    if not judged(task, puzzles).any():
        raise ValueError(without_labels(where, len(puzzles["labels"])))


def with_board(puzzles: Puzzles, shape: tuple[int, int]) -> Puzzles:
    """The puzzles with the shape of their boards, board (N, 2): one pair a puzzle, so that whoever takes some of the
    puzzles takes their boards along. Those that have one keep it."""
    if "board" in puzzles:
        return puzzles
    n = len(next(iter(puzzles.values())))
    return puzzles | {"board": np.tile(np.array(shape, dtype=np.int64), (n, 1))}


# What gives puzzles to look at, and what says the shape of their boards.
HELD_OUT = ("held_out", "companions")
OTHERS = ("load", "read")
# What attributes of a task were called in the first release. Classes and objects that use these go on working.
EARLIER_NAMES = {
    "takes": "accepted_data_fields",
    "seen": "input_for_display",
    "drawn": "answer_for_display",
    "notes": "cell_annotations",
    "judges_without_labels": "has_rule_checker",
}


def _carrying_board(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def carrying(self: Task, *arguments: Any) -> Any:
        found = method(self, *arguments)
        puzzles, *remark = found if isinstance(found, tuple) else (found,)
        if not isinstance(puzzles, dict) or not puzzles:  # None: no companions
            return found
        puzzles = with_board(puzzles, self.held_out_shape() if name in HELD_OUT else self.shape_of(puzzles))
        return (puzzles, *remark) if remark else puzzles

    return carrying


class Task(ABC):
    """A task of symbols. What a task must say itself: the attributes below, `sample`, `held_out`, `board`, `given`."""

    name: str
    title: str
    help: str  # what the task shows, one or two sentences
    rows: int
    cols: int
    seq_len: int  # L, = rows x cols
    vocab_size: int
    loss = "cross_entropy"
    input_size: int | None = None  # width of real inputs; None: tokens
    tolerance = 0.0  # of tasks of numbers, see RealTask
    accepted_data_fields: tuple[str, ...] = ()  # the fields of DataConfig that mean something to it
    in_epochs = False  # True where a finite set of examples is read in order; `train_windows` then says how many
    train_windows = 0
    loops_over_positions = False  # True only for the guide's own loop over embeddings
    has_rule_checker = False  # True where `check` needs the rules only

    def __init_subclass__(cls, **settings: Any) -> None:
        """Puzzles that a task gives to look at carry the shape of their boards, whoever wrote the task."""
        super().__init_subclass__(**settings)
        for earlier, name in EARLIER_NAMES.items():
            if earlier in vars(cls) and name not in vars(cls):
                warnings.warn(f"{cls.__name__}.{earlier} is now {name}", DeprecationWarning, stacklevel=2)
                setattr(cls, name, vars(cls)[earlier])
        for name in (*HELD_OUT, *OTHERS):
            if callable(vars(cls).get(name)):
                setattr(cls, name, _carrying_board(name, vars(cls)[name]))

    if not TYPE_CHECKING:  # a type checker need not know of names that are going away

        def __getattr__(self, name: str) -> Any:
            """What the attribute is called now, for code of the first release."""
            if name not in EARLIER_NAMES:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            warnings.warn(f"Task.{name} is now {EARLIER_NAMES[name]}", DeprecationWarning, stacklevel=2)
            return getattr(self, EARLIER_NAMES[name])

    def prepare(self) -> Iterator[tuple[int, int]]:
        """(done, total) while something must be made first; nothing when all is there."""
        yield from ()

    @abstractmethod
    def sample(self, n: int, rng: np.random.Generator) -> Puzzles:
        """n training puzzles."""

    def draw(self, n: int, rng: np.random.Generator, drawn: int) -> Puzzles:
        """n training puzzles after `drawn` earlier ones; only tasks that read files in order care for the number."""
        return self.sample(n, rng)

    @abstractmethod
    def held_out(self, n: int) -> Puzzles:
        """At most n held-out puzzles, always the same ones, apart from the training ones up to symmetry."""

    def held_out_shape(self) -> tuple[int, int]:
        """(rows, cols) of the held-out puzzles; another than the training ones' where eval_size says so."""
        return self.rows, self.cols

    def shape_of(self, puzzles: Puzzles) -> tuple[int, int]:
        """(rows, cols) of puzzles that `read` or `load` gave."""
        return self.rows, self.cols

    def load(self, path: str) -> Puzzles:
        """All puzzles of a file of the user's, for evaluation."""
        raise ValueError(f"data={shown(path)}: the task {self.name} makes its own puzzles and reads none from files")

    def read(self, text: str) -> tuple[Puzzles, str]:
        """A puzzle that somebody typed, as a batch of one, and a remark; ValueError where it is none."""
        raise ValueError(
            f"puzzle={shown(text)}: the task {self.name} reads no typed puzzles; leave it out for a held-out one"
        )

    def first_text(self, lines: Iterator[str], name: str) -> str:
        """The first puzzle of a file's or a pasted text's lines, as `read` takes it; empty where there is none. `name`
        is for sentences."""
        return first_question(lines, name, block=bool(self.board().get("roles")))

    def check(self, inputs: np.ndarray, answers: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
        """(N,) bool: which whole answers are right, by the task's rules."""
        right: np.ndarray = ((answers == labels) | (labels == IGNORE)).all(1)
        return right

    def cells_right(self, answers: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """(N,) the part of a puzzle's labelled cells that are right."""
        scored = labels != IGNORE
        part: np.ndarray = ((answers == labels) & scored).sum(1) / np.maximum(scored.sum(1), 1)
        return part

    def wrong_cells(self, inputs: np.ndarray, labels: np.ndarray | None, answers: np.ndarray) -> list[int]:
        """One puzzle's (L,): positions to mark."""
        if labels is None:
            return []
        return np.flatnonzero((answers != labels) & (labels != IGNORE)).tolist()

    @abstractmethod
    def given(self, inputs: np.ndarray) -> np.ndarray:
        """Which cells of (.., L) are given, and so no work for the network."""

    def input_for_display(self, inputs: np.ndarray) -> np.ndarray:
        """Of tasks of numbers: one puzzle's input (L, input_size) as the numbers that the board shows, (L, k)."""
        return inputs

    def answer_for_display(self, answers: np.ndarray, labels: np.ndarray | None) -> np.ndarray:
        """Of tasks of numbers: one puzzle's answer (L, vocab_size) as the numbers that the board shows, (L, k)."""
        return answers

    def cell_annotations(self, inputs: np.ndarray, answers: np.ndarray) -> list[str] | None:
        """One puzzle's (L,) small words beside the cells, such as the carries of an addition; None: no such thing."""
        return None

    @abstractmethod
    def board(self) -> dict[str, Any]:
        """How it is drawn: kind, rows, cols, symbols and what the kind needs (docs/own_tasks.md has the table)."""

    def companions(self) -> Puzzles | None:
        """Further puzzles to record beside a shown one, such as the points around it in the plane; None: none."""
        return None

    def browser_rule(self) -> dict[str, Any] | None:
        """By which rule of web/src/rules.js a typed puzzle is judged where no Python runs: its name, and the numbers
        that it needs. None: only the puzzles with a label are judged there."""
        return None

    def challenges(self) -> dict[str, Puzzles]:
        """Prepared puzzles on which a network may go wrong, each a batch of one, by the name that the page has words
        for (words, "challenges"): without an answer, with several, larger than in training, ..."""
        return {}

    def remarks(self) -> list[str]:
        """What one should know of the data before trusting a figure, a sentence each; after `prepare`."""
        return []

    def baselines(self) -> dict[str, float]:
        """Losses on the held-out puzzles of answers that need no network, by name."""
        return {}


class RealTask(Task):
    """A task of numbers under mean squared error. An answer is right where its error is at most `tolerance`."""

    loss = "mse"
    input_size: int
    tolerance: float  # largest mean squared error, over positions and numbers, of an answer that counts as right
    offered_numbers: tuple[float, ...] = ()  # what an editor offers for a cell of the puzzle; none: it offers nothing

    def check(self, inputs: np.ndarray, answers: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
        right: np.ndarray = np.square(answers - labels).mean((1, 2)) <= self.tolerance
        return right

    def cells_right(self, answers: np.ndarray, labels: np.ndarray) -> np.ndarray:
        part: np.ndarray = (np.square(answers - labels).mean(2) <= self.tolerance).mean(1)
        return part

    def wrong_cells(self, inputs: np.ndarray, labels: np.ndarray | None, answers: np.ndarray) -> list[int]:
        if labels is None:
            return []
        errors = np.square(answers - labels).mean(-1)  # (L,)
        if errors.mean() <= self.tolerance:  # right as a whole: then nothing is marked
            return []
        return np.flatnonzero(errors > self.tolerance).tolist()

    def given(self, inputs: np.ndarray) -> np.ndarray:
        return np.zeros(inputs.shape[:-1], dtype=bool)
