"""Folders of embedding windows: train_embeddings_chunk_N.pt and val_embeddings_chunk_N.pt, read and written.

A chunk is a Python list of tensors (seq_length + 1, width), saved with torch.save: each is one window of consecutive
vectors. Chunks are read in the order of their numbers, one at a time, and never unpickled beyond tensors
(weights_only). Shapes: W windows of a chunk, R = seq_length + 1 rows of a window, D width. Try it:

    >>> from trm_explore.data.embedding_files import ChunkReader, chunk_paths
    >>> chunks = ChunkReader(chunk_paths("data_chunks", "train"))
    >>> chunks[0].shape
    (1000, 11, 1024)
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

import numpy as np
import torch

from trm_explore.config.checks import shown
from trm_explore.storage.lock import FolderLock
from trm_explore.storage.whole import write_whole

SPLITS = ("train", "val")
HOW = "`trm-explore embed FILE.txt --output_dir DIR` makes such a folder"
SAVE = "save each chunk with torch.save as a list of (seq_length + 1, width) float tensors"


def chunk_name(split: str, number: int) -> str:
    return f"{split}_embeddings_chunk_{number}.pt"


def chunk_paths(folder: str | Path, split: str) -> list[Path]:
    """The chunk files of one split in the order of their numbers (10 after 2); none is an empty list."""
    if not str(folder):
        raise ValueError(
            f"data='' names no folder of embeddings: give one that holds train_embeddings_chunk_0.pt; {HOW}"
        )
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        raise ValueError(
            f"there is no folder {shown(str(folder), 200)}: give one that holds embedding chunks; {HOW}"
        ) from None
    except NotADirectoryError:
        raise ValueError(
            f"{shown(str(folder), 200)} is a file, not a folder: give the folder of the chunks; {HOW}"
        ) from None
    except OSError as error:
        raise ValueError(f"{shown(str(folder), 200)} cannot be read ({error.strerror}): give another folder") from None
    matches = [re.fullmatch(rf"{split}_embeddings_chunk_([0-9]+)\.pt", name) for name in names]
    return [
        Path(folder, match[0]) for match in sorted(filter(None, matches), key=lambda match: (int(match[1]), match[0]))
    ]


def read_chunk(path: str | Path, shape: tuple[int, int] | None = None) -> np.ndarray:
    """(W, R, D) float32 of one file, checked; `shape` (R, D) is what the chunks before it had."""
    try:
        windows = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error.strerror}): give a folder whose chunks can be") from None
    except Exception as error:  # torch has no one error for what it cannot load
        if isinstance(error, MemoryError) or "allocate memory" in str(error):
            raise
        raise ValueError(
            f"{path} is damaged or a pickle of something else than tensors, which could run code and so is not "
            f"loaded: {SAVE}"
        ) from None
    if not isinstance(windows, list):
        raise ValueError(f"{path} holds a {type(windows).__name__} and not a list of tensors: {SAVE}")
    if not windows:
        raise ValueError(f"{path} is an empty list: remove the file, or save windows in it")
    for i, window in enumerate(windows):
        if not isinstance(window, torch.Tensor):
            raise ValueError(f"{path}, window {i} is a {type(window).__name__} and not a tensor: {SAVE}")
        if window.layout != torch.strided or not window.is_floating_point() or window.dim() != 2:
            raise ValueError(
                f"{path}, window {i} is a tensor of {str(window.dtype).removeprefix('torch.')} with shape "
                f"{tuple(window.shape)}: {SAVE}"
            )
        if window.shape[0] < 2 or window.shape[1] < 1:
            raise ValueError(
                f"{path}, window {i} has shape {tuple(window.shape)}, but a window needs at least 2 vectors, each to "
                "predict the next"
            )
        shape = shape or tuple(window.shape)
        if tuple(window.shape) != shape:
            raise ValueError(
                f"{path}, window {i} has shape {tuple(window.shape)} where {shape} is needed: all windows of a run "
                "have one length and one width"
            )
    chunk = np.empty((len(windows), *shape), dtype=np.float32)
    for i, window in enumerate(windows):
        chunk[i] = window.detach().float().numpy()
        windows[i] = None  # as it is copied it is let go: the chunk is not held twice
    bad = ~np.isfinite(chunk).all((1, 2))
    if bad.any():
        raise ValueError(
            f"{path}, window {int(bad.argmax())} holds a number that is not finite: leave that window out, or encode "
            "its texts again"
        )
    return chunk


class ChunkReader:
    """The chunks of several files by their place, all of one shape; holds one of them at a time."""

    def __init__(self, paths: list[Path]):
        self.paths = paths
        self.shape: tuple[int, int] | None = None  # (R, D), once the first chunk has been read
        self._held: tuple[int, np.ndarray] | None = None

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, i: int) -> np.ndarray:
        if self._held is None or self._held[0] != i:
            self._held = None  # before the next is read, so that there is never a second
            chunk = read_chunk(self.paths[i], self.shape)
            self.shape = self.shape or chunk.shape[1:]
            self._held = i, chunk
        return self._held[1]

    def gather(self, places: np.ndarray) -> np.ndarray:
        """Copies (N, R, D) of the windows at places (N, 2) = (chunk, window), in that order. A chunk is read once."""
        out = np.empty((len(places), *self.shape), dtype=np.float32)
        for chunk in np.unique(places[:, 0]):
            there = places[:, 0] == chunk
            out[there] = self[chunk][places[there, 1]]
        return out

    def release(self) -> None:
        """Let go of the chunk that is held."""
        self._held = None


class ChunkWriter:
    """Writes windows as chunks. The files get their names only when the block ends well; else nothing is left.

    with ChunkWriter("data_chunks", "train") as chunks:
        chunks.add(window)                                  # (R, D)
    """

    def __init__(self, folder: str | Path, split: str, chunk_size: int = 1000):
        if split not in SPLITS:
            raise ValueError(f"split={shown(split)} is not known; allowed are {', '.join(SPLITS)}")
        if chunk_size < 1:
            raise ValueError(f"chunk_size={chunk_size} must be at least 1: the windows of one file")
        self.folder, self.split, self.chunk_size = Path(folder), split, chunk_size
        self.written = 0  # windows
        self._rows: list[torch.Tensor] = []
        self._partial: list[Path] = []
        self._lock = FolderLock(self.folder, f".{split}.lock")  # the other split may be written beside it

    def __enter__(self) -> ChunkWriter:
        try:
            self._lock.__enter__()
        except OSError as error:
            raise ValueError(
                f"the folder {shown(str(self.folder), 200)} cannot be made ({error.strerror}): give "
                f"another output folder"
            ) from None
        try:
            self.check_empty()
        except ValueError:
            self._lock.__exit__()
            raise
        for left in self.folder.glob(f".{self.split}_embeddings_chunk_*.pt.partial"):  # its writer was killed
            left.unlink(missing_ok=True)
        return self

    def check_empty(self) -> None:
        """ValueError where the folder has chunks of this split."""
        there = chunk_paths(self.folder, self.split)
        if there:
            raise ValueError(
                f"{shown(str(self.folder), 200)} already holds {there[0].name}: give a new folder, "
                f"or remove its chunks first"
            )

    def add(self, window: np.ndarray) -> None:
        self._rows.append(torch.tensor(np.asarray(window, dtype=np.float32)))  # a copy, with a storage of its own
        self.written += 1
        if len(self._rows) == self.chunk_size:
            self._write()

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            if kind is None:
                if self._rows:
                    self._write()
                for number, path in enumerate(self._partial):
                    os.replace(path, self.folder / chunk_name(self.split, number))
                self._partial = []
        finally:
            for path in self._partial:
                path.unlink(missing_ok=True)
            self._lock.__exit__()

    def _write(self) -> None:
        path = self.folder / f".{chunk_name(self.split, len(self._partial))}.partial"
        self._partial.append(path)
        try:
            torch.save(self._rows, packed := io.BytesIO())
            write_whole(path, packed.getvalue())
        except OSError as error:
            raise ValueError(f"{error.strerror}: free some space, or give another output folder") from None
        self._rows = []


def write_chunks(folder: str | Path, split: str, windows: Iterable[np.ndarray], chunk_size: int = 1000) -> int:
    """Writes all windows (R, D) and returns their number; nothing is left in the folder where that fails."""
    with ChunkWriter(folder, split, chunk_size) as chunks:
        for window in windows:
            chunks.add(window)
    return chunks.written
