"""Writes a published data folder: row by row, so that memory stays small, and whole or not at all.

with new_folder("sudoku-1k") as folder:               # a temporary folder beside it, renamed at the end
    with PartWriter(folder / "train", examples=2, seq_len=81) as part:
        part.append(inputs, labels)                   # (n, 81) each, any number of times
        part.finish(vocab_size=11)
"""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from trm_explore.config.checks import shown
from trm_explore.data.folder import DESCRIPTION
from trm_explore.storage.whole import write_whole


def check_free(path: str | Path) -> None:
    """ValueError unless a new folder can take this name: nothing is there, or an empty folder."""
    if not str(path):
        raise ValueError("output_dir is empty; give the folder to write to, such as --output_dir data/sudoku-1k")
    path = Path(path)
    if (path.exists() or path.is_symlink()) and not (path.is_dir() and not any(path.iterdir())):
        raise ValueError(
            f"output_dir={shown(str(path), 200)} is there already and not empty; give another name, or remove it"
        )


def write_identifiers(folder: Path, names: list[str]) -> None:
    """identifiers.json: the puzzles' names by their number."""
    write_whole(folder / "identifiers.json", json.dumps(names))


class PartWriter:
    """One part (train or test) of `examples` examples. Tokens and ratings go to disk as they come."""

    def __init__(self, folder: Path, *, examples: int, seq_len: int, rated: bool = False):
        self.folder, self.examples, self.seq_len = folder, examples, seq_len
        self.done = 0
        folder.mkdir()
        self._files = ExitStack()
        self._inputs = self._start("inputs", np.dtype(np.uint8), (examples, seq_len))
        self._labels = self._start("labels", np.dtype(np.uint8), (examples, seq_len))
        self._ratings = self._start("ratings", np.dtype(np.float32), (examples,)) if rated else None

    def __enter__(self) -> PartWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self._files.close()

    def append(self, inputs: np.ndarray, labels: np.ndarray, ratings: np.ndarray | None = None) -> None:
        """(n, L) tokens below 256, (n, L), and (n,) ratings where there are any."""
        self._inputs.write(np.ascontiguousarray(inputs, dtype=np.uint8).tobytes())
        self._labels.write(np.ascontiguousarray(labels, dtype=np.uint8).tobytes())
        if self._ratings is not None:
            self._ratings.write(np.ascontiguousarray(ratings, dtype=np.float32).tobytes())
        self.done += len(inputs)

    def finish(
        self,
        *,
        vocab_size: int,
        puzzle_sizes: np.ndarray | None = None,
        group_sizes: np.ndarray | None = None,
        identifiers: np.ndarray | None = None,
        num_puzzle_identifiers: int = 1,
        total_puzzles: int | None = None,
    ) -> None:
        """The index arrays and dataset.json. `puzzle_sizes` (P,): examples of each puzzle (None: one); `group_sizes`
        (G,): puzzles of each group (None: one); `identifiers` (P,) (None: 0, the blank). `total_puzzles`: what
        dataset.json says of it, where that is not P (the published Sudoku and maze builders count groups)."""
        if self.done != self.examples:
            raise RuntimeError(f"{self.done} of {self.examples} examples were written")
        sizes = np.ones(self.examples, dtype=np.int64) if puzzle_sizes is None else np.asarray(puzzle_sizes)
        groups = np.ones(len(sizes), dtype=np.int64) if group_sizes is None else np.asarray(group_sizes)
        names = np.zeros(len(sizes), dtype=np.int32) if identifiers is None else identifiers
        arrays = {
            "puzzle_identifiers": names,
            "puzzle_indices": np.concatenate([[0], np.cumsum(sizes)]),
            "group_indices": np.concatenate([[0], np.cumsum(groups)]),
        }
        for name, array in arrays.items():
            np.save(self.folder / f"all__{name}.npy", array.astype(np.int32))
        mean = self.examples / len(sizes)
        description: dict[str, Any] = {
            "pad_id": 0,
            "ignore_label_id": 0,
            "blank_identifier_id": 0,
            "vocab_size": vocab_size,
            "seq_len": self.seq_len,
            "num_puzzle_identifiers": num_puzzle_identifiers,
            "total_groups": len(groups),
            "mean_puzzle_examples": mean,
            "total_puzzles": len(sizes) if total_puzzles is None else total_puzzles,
            "sets": ["all"],
        }
        write_whole(self.folder / DESCRIPTION, json.dumps(description))

    def _start(self, name: str, dtype: np.dtype, shape: tuple[int, ...]) -> BinaryIO:
        """A .npy file whose header is written and whose numbers follow."""
        file = self._files.enter_context((self.folder / f"all__{name}.npy").open("wb"))
        header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        return file
