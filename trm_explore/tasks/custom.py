"""A task of one's own: a Python object in the RunConfig, or a folder with task.json, inputs.npy and labels.npy.

    RunConfig(task=MyTask())              # an object with sample(n, rng), held_out(n), rows, cols, vocab_size
    RunConfig(task="folders/my_task")     # docs/own_tasks.md has the format

Whatever is wrong with it ends in one ValueError that says where: an object's batches are checked as they come, because
nobody else has.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from trm_explore.config.checks import is_number, shown
from trm_explore.data.labels import IGNORE
from trm_explore.tasks.base import Puzzles, RealTask, Task, check_judged
from trm_explore.tasks.own_board import board_of

WANTED = ("sample", "held_out", "rows", "cols", "vocab_size")
LARGEST = 1_000_000  # positions or symbols; more is a slip
SPOKEN = ("read", "load")  # their ValueErrors are sentences for whoever typed a puzzle or gave a file


class CustomTask(Task):
    """Somebody's object as a whole task: what it does not say gets a default, what it gives is checked."""

    def __init__(self, own: Any):
        missing = [name for name in WANTED if not hasattr(own, name)]
        if missing or isinstance(own, type):
            lacks = f"it has no {', '.join(missing)}" if missing else "it is a class; give an object of it"
            raise ValueError(
                f"task={_first_line(repr(own))} is neither a task's name nor a task: {lacks}; docs/own_tasks.md says "
                "what a task must have"
            )
        self.own = own
        self.name = f"custom:{getattr(own, 'name', type(own).__name__)}"
        self.title = str(getattr(own, "title", None) or self.name.removeprefix("custom:"))
        self.help = str(getattr(own, "help", "A task of your own."))
        self.rows, self.cols = _whole(self, "rows"), _whole(self, "cols")
        self.vocab_size = _whole(self, "vocab_size")
        self.loss = getattr(own, "loss", "cross_entropy")
        if self.loss not in ("cross_entropy", "mse"):
            raise ValueError(f"{self.name}: loss={shown(self.loss)} is not known; allowed are cross_entropy and mse")
        self.seq_len = self.rows * self.cols
        self.input_size = _whole(self, "input_size") if self.loss == "mse" else None
        self.tolerance = getattr(own, "tolerance", 0.0)
        if not is_number(self.tolerance) or not 0 <= self.tolerance < np.inf:
            raise ValueError(f"{self.name}: tolerance={shown(self.tolerance)} must be a finite number of at least 0")
        self.has_rule_checker = bool(_attribute(own, "has_rule_checker", "judges_without_labels", False))
        self._defaults = _Numbers if self.loss == "mse" else Task
        self._drawing = board_of(self, self._ask("board") if hasattr(own, "board") else {})

    def prepare(self) -> Iterator[tuple[int, int]]:
        steps = self._ask("prepare")
        steps = iter(()) if steps is None else self._call_own("prepare", iter, steps)
        while (step := self._call_own("prepare", next, steps, None)) is not None:
            yield self._call_own(
                "prepare", lambda done, total: (int(done), int(total)), *self._call_own("prepare", tuple, step)
            )

    def sample(self, n: int, rng: np.random.Generator) -> Puzzles:
        return self._checked("sample", n, self._ask("sample", n, rng))

    def held_out(self, n: int) -> Puzzles:
        return self._checked("held_out", None, self._ask("held_out", n))

    def load(self, path: str) -> Puzzles:
        puzzles = self._checked("load", None, self._ask("load", path))
        check_judged(f"{self.name}: load", puzzles, self)
        return puzzles

    def read(self, text: str) -> tuple[Puzzles, str]:
        return self._ask("read", text)

    def check(self, inputs: np.ndarray, answers: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
        right = np.asarray(self._ask("check", inputs, answers, labels))
        if right.shape != (len(answers),):
            raise ValueError(
                f"{self.name}: check gave shape {right.shape} for {len(answers)} answers; give one bool each"
            )
        return right.astype(bool)

    def cells_right(self, answers: np.ndarray, labels: np.ndarray) -> np.ndarray:
        return self._defaults.cells_right(self, answers, labels)

    def wrong_cells(self, inputs: np.ndarray, labels: np.ndarray | None, answers: np.ndarray) -> list[int]:
        wrong = self._ask("wrong_cells", inputs, labels, answers)
        return self._call_own("wrong_cells", lambda: [int(i) for i in wrong])

    def given(self, inputs: np.ndarray) -> np.ndarray:
        wanted = inputs.shape if self.loss == "cross_entropy" else inputs.shape[:-1]
        if not hasattr(self.own, "given"):
            return np.zeros(wanted, dtype=bool)
        given = np.asarray(self._ask("given", inputs))
        if given.shape != wanted:
            raise ValueError(f"{self.name}: given gave shape {given.shape}; it must be {wanted}, one bool a position")
        return given.astype(bool)

    def board(self) -> dict[str, Any]:
        """The object's own drawing, or a plain grid of the tokens' numbers (a heat map for numbers)."""
        return dict(self._drawing)

    def example(self) -> str:
        return str(self._ask("example")) if hasattr(self.own, "example") else ""

    def _ask(self, name: str, *arguments: Any) -> Any:
        """The object's answer, or the default where it has none; its own errors as one sentence."""
        if hasattr(self.own, name):
            return self._call_own(name, getattr(self.own, name), *arguments)
        return getattr(self._defaults, name)(self, *arguments)

    def _call_own(self, name: str, call: Callable[..., Any], *arguments: Any) -> Any:
        """What the call gives; an error in it is the object's `name`'s, in one sentence."""
        try:
            return call(*arguments)
        except Exception as error:
            if isinstance(error, ValueError) and name in SPOKEN:
                raise
            reason = _first_line(str(error)) or "no reason given"
            raise ValueError(f"{self.name}: its {name} raised {type(error).__name__}: {reason}") from error

    def _checked(self, name: str, n: int | None, puzzles: Any) -> Puzzles:
        """The batch with its arrays in the types that training needs; ValueError where they do not fit."""
        where = f"{self.name}: {name}"
        first = "inputs" if self.loss == "cross_entropy" else "input_embeddings"
        if not isinstance(puzzles, dict) or not {first, "labels"} <= puzzles.keys():
            raise ValueError(f"{where} must give a dict with {first} and labels, not {type(puzzles).__name__}")
        return check_arrays(where, puzzles[first], puzzles["labels"], self, n)


def _attribute(own: Any, name: str, earlier: str, default: Any) -> Any:
    """An attribute of somebody's object, also by its name of the first release."""
    if not hasattr(own, name) and hasattr(own, earlier):
        warnings.warn(f"{type(own).__name__}.{earlier} is now {name}", DeprecationWarning, stacklevel=4)
        return getattr(own, earlier)
    return getattr(own, name, default)


class _Numbers(RealTask):
    """What a task of numbers does where an object does not say; never made."""


def check_arrays(where: str, inputs: Any, labels: Any, task: Task, n: int | None = None) -> Puzzles:
    """Two arrays as a batch of the task, (N, L) tokens or (N, L, k) numbers; `n`: how many there must be."""
    inputs, labels = _array(where, "inputs", inputs), _array(where, "labels", labels)
    real = task.loss == "mse"
    wanted = (task.seq_len, task.input_size) if real else (task.seq_len,)
    goal = (task.seq_len, task.vocab_size) if real else (task.seq_len,)
    for name, array, shape in (("inputs", inputs, wanted), ("labels", labels, goal)):
        if array.shape[1:] != shape or not array.ndim:
            raise ValueError(
                f"{where}: {name} has shape {array.shape}; it must be (N, {', '.join(map(str, shape))}), for "
                f"{task.rows} x {task.cols} positions"
            )
        if len(array) != (len(inputs) if n is None else n) or not len(array):
            wish = f"{n} were asked for" if n is not None else f"there are {len(inputs)} inputs"
            raise ValueError(f"{where}: {name} has {len(array)} puzzles, but {wish}")
        if array.dtype.kind not in ("f" if real else "biu"):
            kind = "real numbers (float32)" if real else "whole numbers (int64)"
            raise ValueError(f"{where}: {name} has type {array.dtype}; it must hold {kind}")
    if real:
        with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, and is refused
            inputs, labels = inputs.astype(np.float32), labels.astype(np.float32)
        if not (np.isfinite(inputs).all() and np.isfinite(labels).all()):
            raise ValueError(f"{where}: inputs or labels hold numbers that are not finite")
        return {"input_embeddings": inputs, "labels": labels}
    for name, array, extra in (("inputs", inputs, ()), ("labels", labels, (IGNORE,))):
        bad = ((array < 0) | (array >= task.vocab_size)) & ~np.isin(array, extra)
        if bad.any():
            row, cell = np.argwhere(bad)[0]
            also = f", or {IGNORE} where nothing is scored" if extra else ""
            raise ValueError(
                f"{where}: {name} holds {array[row, cell]} (puzzle {row}, position {cell}), outside the vocabulary; "
                f"allowed are 0 to {task.vocab_size - 1}{also}"
            )
    return {"inputs": inputs.astype(np.int64), "labels": labels.astype(np.int64)}


def _array(where: str, name: str, values: Any) -> np.ndarray:
    try:
        return np.asarray(values)
    except (ValueError, TypeError) as error:  # rows of different lengths, say
        raise ValueError(f"{where}: {name} is no array: {_first_line(str(error))}") from None


def _first_line(text: str) -> str:
    return text.splitlines()[0][:200] if text else ""


def _whole(task: CustomTask, name: str) -> int:
    value = getattr(task.own, name, None)
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not 1 <= value <= LARGEST:
        raise ValueError(f"{task.name}: {name}={shown(value)} must be a whole number from 1 to {LARGEST}")
    return int(value)
