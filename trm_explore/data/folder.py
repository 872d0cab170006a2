"""Reads one part (train or test) of a published data folder: memory-mapped, and checked before anything uses it.

DIR/train and DIR/test hold dataset.json and five arrays. N examples of L positions belong to P puzzles, these to G
groups (a puzzle and its augmented copies): puzzle p owns the examples puzzle_indices[p] to puzzle_indices[p + 1],
group g the puzzles group_indices[g] to group_indices[g + 1]. Layout: TRM's and HRM's published code. Try it:

    >>> part = read_part("sudoku-extreme-1k", "test")
    >>> part.batch(np.arange(2))["inputs"].shape
    (2, 81)
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from trm_explore.config.checks import shown
from trm_explore.data.labels import IGNORE, without_labels
from trm_explore.data.text_file import read_json
from trm_explore.storage.npy import read_npy

DESCRIPTION = "dataset.json"
PARTS = ("train", "test")
NUMBERS = {  # what dataset.json must say: name -> the least value that makes sense
    "vocab_size": 1,
    "seq_len": 1,
    "pad_id": 0,
    "blank_identifier_id": 0,
    "num_puzzle_identifiers": 1,
}
AT_ONCE = 1 << 24  # tokens that a check looks at in one go
WHERE = "docs/data.md has the layout"


@dataclass(frozen=True, eq=False)
class Part:
    """One checked part. The arrays of examples stay on disk."""

    folder: Path  # DIR/train or DIR/test
    vocab_size: int
    seq_len: int
    pad_id: int
    ignore_label_id: int | None  # labels of this value are not scored
    blank_identifier_id: int
    num_puzzle_identifiers: int
    inputs: np.ndarray  # (N, L) tokens
    labels: np.ndarray  # (N, L) tokens
    puzzle_identifiers: np.ndarray  # (P,) int64
    puzzle_indices: np.ndarray  # (P + 1,) int64, first example of each puzzle, then N
    group_indices: np.ndarray  # (G + 1,) int64, first puzzle of each group, then P
    ratings: np.ndarray | None  # (N,) float32, our addition: the CSV's column rating

    @property
    def examples(self) -> int:
        return len(self.inputs)

    @property
    def groups(self) -> int:
        return len(self.group_indices) - 1

    def batch(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """inputs (n, L), labels (n, L) with IGNORE, puzzle_identifiers (n,): int64, of the examples `rows` (n,)."""
        labels = self.labels[rows].astype(np.int64)
        if self.ignore_label_id is not None:
            labels[labels == self.ignore_label_id] = IGNORE
        puzzles = np.searchsorted(self.puzzle_indices, rows, side="right") - 1
        inputs = self.inputs[rows].astype(np.int64)
        return {"inputs": inputs, "labels": labels, "puzzle_identifiers": self.puzzle_identifiers[puzzles]}

    def rated(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """The same, with ratings (n,) float32 where the folder has them."""
        batch = self.batch(rows)
        return batch if self.ratings is None else batch | {"ratings": self.ratings[rows].astype(np.float32)}

    def check_tokens(self, most: int | None = None) -> Iterator[tuple[int, int]]:
        """(done, total) while the tokens of the first `most` examples (None: all) are looked at; ValueError names the
        first outside the vocabulary, or says that nothing in all of the part is labelled."""
        found = self.ignore_label_id is None  # any label
        total = self.examples if most is None else min(most, self.examples)
        step = max(1, AT_ONCE // self.seq_len)
        for first in range(0, total, step):
            for name in ("inputs", "labels"):
                rows = np.asarray(getattr(self, name)[first : min(first + step, total)])
                free = self.ignore_label_id if name == "labels" else None
                found = found or (name == "labels" and bool((rows != free).any()))
                if self._fits(rows):
                    continue
                bad = (rows < 0) | (rows >= self.vocab_size)
                if free is not None:
                    bad &= rows != free
                if bad.any():
                    row, cell = np.argwhere(bad)[0]
                    raise ValueError(
                        f"{_array_path(self.folder, name)}: example {first + row} has {rows[row, cell]} at position "
                        f"{cell}, outside the vocabulary; {DESCRIPTION} allows 0 to {self.vocab_size - 1}: correct one "
                        "of them"
                    )
            yield min(first + step, total), total
        if not found and total == self.examples:
            path = _array_path(self.folder, "labels")
            raise ValueError(without_labels(str(path), total, self.ignore_label_id))

    def _fits(self, rows: np.ndarray) -> bool:
        return not rows.size or (int(rows.min()) >= 0 and int(rows.max()) < self.vocab_size)


def is_published(folder: str | Path) -> bool:
    """Whether a folder has a part with a dataset.json, or at least both parts: then it is meant to be one."""
    described = any(os.path.isfile(os.path.join(folder, part, DESCRIPTION)) for part in PARTS)
    return described or all(os.path.isdir(os.path.join(folder, part)) for part in PARTS)  # whatever the name: no error


def read_part(folder: str | Path, part: str) -> Part:
    """DIR/train or DIR/test; ValueError with one sentence for whatever does not fit together. Tokens are not looked at
    yet: `check_tokens` does."""
    here = Path(folder) / part
    description = _described(here)
    arrays: dict[str, np.ndarray] = {}
    for name in ("inputs", "labels"):
        arrays[name] = _array(here, name, mapped=True)
        if arrays[name].ndim != 2 or arrays[name].shape[1] != description["seq_len"] or not len(arrays[name]):
            raise ValueError(
                f"{_array_path(here, name)} has shape {arrays[name].shape}; it must be "
                f"(examples, {description['seq_len']}), as seq_len in {DESCRIPTION} says"
            )
    if len(arrays["inputs"]) != len(arrays["labels"]):
        raise ValueError(
            f"{here} has {len(arrays['inputs'])} inputs, but {len(arrays['labels'])} labels; they must be as many"
        )
    for name in ("puzzle_identifiers", "puzzle_indices", "group_indices"):
        arrays[name] = _array(here, name).astype(np.int64)
        if arrays[name].ndim != 1:
            raise ValueError(f"{_array_path(here, name)} has shape {arrays[name].shape}; it must have one dimension")
    identifiers = arrays["puzzle_identifiers"]
    _check_offsets(here, "puzzle_indices", arrays["puzzle_indices"], len(identifiers), len(arrays["inputs"]), "example")
    groups = len(arrays["group_indices"]) - 1
    _check_offsets(here, "group_indices", arrays["group_indices"], groups, len(identifiers), "puzzle")
    bad = (identifiers < 0) | (identifiers >= description["num_puzzle_identifiers"])
    if bad.any():
        at = int(bad.argmax())
        raise ValueError(
            f"{_array_path(here, 'puzzle_identifiers')}: puzzle {at} has {identifiers[at]}; {DESCRIPTION} allows 0 to "
            f"{description['num_puzzle_identifiers'] - 1}: correct one of them"
        )
    ratings = None
    if _array_path(here, "ratings").is_file():
        ratings = _array(here, "ratings")
        if ratings.shape != arrays["inputs"].shape[:1]:
            raise ValueError(
                f"{_array_path(here, 'ratings')} has shape {ratings.shape}; it must be ({len(arrays['inputs'])},), a "
                "number an example"
            )
    names = ("vocab_size", "seq_len", "pad_id", "ignore_label_id", "blank_identifier_id", "num_puzzle_identifiers")
    return Part(here, **{name: description[name] for name in names}, **arrays, ratings=ratings)


def read_identifiers(folder: str | Path) -> list[str]:
    """identifiers.json: the puzzles' names by their number; empty where there is none (only ARC needs it)."""
    path = Path(folder) / "identifiers.json"
    if not path.is_file():
        return []
    names = read_json(path)
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError(f"{path} must hold one list of names; {WHERE}")
    return names


def _described(here: Path) -> dict[str, Any]:
    """dataset.json, checked."""
    path = here / DESCRIPTION
    if not path.is_file():
        raise ValueError(
            f"there is no {path}; a published data folder has train and test, each with {DESCRIPTION} and "
            f"five arrays: {WHERE}"
        )
    description = read_json(path)
    if not isinstance(description, dict):
        raise ValueError(f"{path} must hold one JSON object, not {type(description).__name__}")
    description.setdefault("ignore_label_id", None)
    if missing := NUMBERS.keys() - description.keys():
        missing = [name for name in NUMBERS if name in missing]
        raise ValueError(f"{path} has no {', '.join(missing)}; it must have {', '.join(NUMBERS)}: {WHERE}")
    for name, least in NUMBERS.items():
        _check_whole(path, name, description.get(name), least)
    if description["ignore_label_id"] is not None:
        _check_whole(path, "ignore_label_id", description["ignore_label_id"], -(2**31))
    sets = description.get("sets", ["all"])
    if sets != ["all"]:
        raise ValueError(
            f"{path} has sets={shown(sets)}; only ['all'] is read here, as the published builders write it"
        )
    return description


def _check_whole(path: Path, name: str, value: Any, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value < 2**31:
        raise ValueError(f"{path}: {name}={shown(value)} must be a whole number of at least {least}")


def _check_offsets(here: Path, name: str, offsets: np.ndarray, count: int, end: int, of_what: str) -> None:
    """0, rising, `count` + 1 of them, the last one `end`."""
    path = _array_path(here, name)
    if count < 1 or len(offsets) != count + 1:
        raise ValueError(
            f"{path} has {len(offsets)} entries; it must have {max(count, 1) + 1}, one more than there are of them"
        )
    falling = np.flatnonzero(np.diff(offsets) <= 0)
    if offsets[0] != 0 or offsets[-1] != end or len(falling):
        at = 0 if offsets[0] != 0 else int(falling[0]) + 1 if len(falling) else count
        raise ValueError(
            f"{path}: entry {at} is {offsets[at]}; the entries must start at 0, rise, and end at {end}, the number of "
            f"{of_what}s"
        )


def _array_path(here: Path, name: str) -> Path:
    return here / f"all__{name}.npy"


def _array(here: Path, name: str, mapped: bool = False) -> np.ndarray:
    path = _array_path(here, name)
    if not path.is_file():
        raise ValueError(f"{here} has no {path.name}; {WHERE}")
    try:
        array = read_npy(path, mapped)
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror or error}") from None
    if array.dtype.kind not in ("iuf" if name == "ratings" else "iu"):
        raise ValueError(f"{path} has type {array.dtype}; it must hold whole numbers")
    return array
