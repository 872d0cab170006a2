"""A task from a folder: task.json says what it is, inputs.npy and labels.npy hold the puzzles.

Held out are eval_inputs.npy and eval_labels.npy where they are there, else a tenth of the puzzles, chosen by their
content, so that equal inputs are never on both sides. docs/own_tasks.md has the fields of task.json.
"""

from __future__ import annotations

import zlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from trm_explore.config.checks import shown
from trm_explore.data.labels import labelled, without_labels
from trm_explore.data.text_file import read_json
from trm_explore.storage.npy import read_npy
from trm_explore.tasks.base import Puzzles
from trm_explore.tasks.custom import CustomTask, check_arrays

DESCRIPTION = "task.json"
FIELDS = {"name", "title", "help", "rows", "cols", "vocab_size", "input_size", "loss", "tolerance", "board", "preset"}


def describe(folder: str) -> dict[str, Any]:
    """task.json as a dict; ValueError where it is missing or says what nobody asks for."""
    path = Path(folder) / DESCRIPTION
    if not path.is_file():
        raise ValueError(
            f"task={shown(folder, 200)} is no task's name, and there is no {path}; docs/own_tasks.md has the format"
        )
    description = read_json(path)
    if not isinstance(description, dict):
        raise ValueError(f"{path} must hold one JSON object, not {type(description).__name__}")
    if foreign := description.keys() - FIELDS:
        raise ValueError(f"{path}: {shown(min(foreign))} is not known; allowed are {', '.join(sorted(FIELDS))}")
    if missing := [name for name in ("rows", "cols", "vocab_size") if name not in description]:
        raise ValueError(f"{path}: it has no {', '.join(missing)}; docs/own_tasks.md has the format")
    for name in ("preset", "board"):
        if not isinstance(description.get(name, {}), dict):
            raise ValueError(f"{path}: {name} must be an object, not {shown(description[name])}")
    return description


class FolderTask(CustomTask):
    """The puzzles of a folder. Drawn with replacement, so that an update may have any number of them. Those without a
    label are not trained on; held-out ones of that kind come last."""

    def __init__(self, folder: str):
        description = describe(folder)
        own = SimpleNamespace(**{name: value for name, value in description.items() if name not in ("board", "preset")})
        own.sample = own.held_out = None  # this class has both
        own.name = description.get("name", Path(folder).resolve().name)
        own.board = lambda: description.get("board", {})
        super().__init__(own)
        self.folder = Path(folder)
        self._unjudged = 0  # held-out puzzles without a label
        train, self._unlabelled = _labelled_first(self._arrays("inputs", "labels"))
        if self._unlabelled:
            train = {name: array[: -self._unlabelled] for name, array in train.items()}
        if (self.folder / "eval_inputs.npy").exists() or (self.folder / "eval_labels.npy").exists():
            self._train = train
            self._held_out, self._unjudged = _labelled_first(self._arrays("eval_inputs", "eval_labels"))
        else:
            held = _one_tenth(next(iter(train.values())))
            if held.all() or not held.any():
                raise ValueError(
                    f"{self.folder}: its puzzles are too few to hold a tenth of them out; add puzzles, or give "
                    "eval_inputs.npy and eval_labels.npy"
                )
            self._train = {name: array[~held] for name, array in train.items()}
            self._held_out = {name: array[held] for name, array in train.items()}

    def sample(self, n: int, rng: np.random.Generator) -> Puzzles:
        chosen = rng.integers(len(self._train["labels"]), size=n)
        return {name: array[chosen] for name, array in self._train.items()}

    def held_out(self, n: int) -> Puzzles:
        return {name: array[:n] for name, array in self._held_out.items()}

    def remarks(self) -> list[str]:
        counts = {"training": self._unlabelled, "held-out": self._unjudged}
        return [f"Of the {which} puzzles {n:,} without a label are left out." for which, n in counts.items() if n]

    def _arrays(self, inputs: str, labels: str) -> Puzzles:
        arrays = []
        for name in (inputs, labels):
            path = self.folder / f"{name}.npy"
            if not path.is_file():
                raise ValueError(f"{self.folder} has no {name}.npy; docs/own_tasks.md has the format")
            try:
                arrays.append(read_npy(path))
            except OSError as error:
                raise ValueError(f"{path} cannot be read: {error.strerror or error}") from None
        puzzles = check_arrays(str(self.folder), *arrays, self)
        if not labelled(puzzles["labels"]).any():
            raise ValueError(without_labels(f"{self.folder / labels}.npy", len(puzzles["labels"])))
        return puzzles


def _labelled_first(puzzles: Puzzles) -> tuple[Puzzles, int]:
    """The same puzzles, those without a label last, else in their order; and how many these are."""
    there = labelled(puzzles["labels"])
    if there.all():
        return puzzles, 0
    order = np.argsort(~there, kind="stable")
    return {name: array[order] for name, array in puzzles.items()}, int((~there).sum())


def _one_tenth(inputs: np.ndarray) -> np.ndarray:
    """(N,) bool by the inputs' own bytes: about a tenth, and equal inputs together."""
    keys = np.array([zlib.crc32(row.tobytes()) for row in np.ascontiguousarray(inputs)], dtype=np.uint64)
    distinct = np.unique(keys)
    taken = distinct[np.argsort(distinct * np.uint64(2654435761) % np.uint64(2**32))[: max(1, len(distinct) // 10)]]
    return np.isin(keys, taken)
