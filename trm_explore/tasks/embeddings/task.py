"""Sequences of embeddings as a task of numbers: each vector of a window predicts the next one.

The windows come from a folder of chunk files (embedding_files.py), of which one is held at a time. Inputs are vectors
divided by their root mean square; labels are as they are in the files. Held out are the val chunks, or else the last
tenth of the windows; training windows that share a vector with them are dropped, because windows overlap. Shapes: N
windows, R rows of a window (seq_len + 1), D width. Try it:

    >>> task = EmbeddingsTask("data_chunks")
    >>> task.draw(8, rng, drawn=0)["labels"].shape
    (8, 10, 1024)
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from trm_explore.config.checks import shown
from trm_explore.data.embedding_files import HOW, ChunkReader, chunk_paths
from trm_explore.tasks.base import Puzzles, RealTask
from trm_explore.tasks.embeddings.rows import RowSet, Sums

ORDER = 5  # names the random numbers of the training order: they follow from seed, epoch and chunk alone
HELP = (
    "Predict the next sentence's embedding from those before it: a regression under squared error. An answer counts as "
    "right where it explains at least half of the variance. "
)
CAUSAL = "Each position sees only the vectors up to its own."
LEAKING = (
    "Here every position sees the whole window, its own target included, as in the loop this task comes from, so a low "
    "loss means nothing: it is kept to show what a leak looks like."
)


class EmbeddingsTask(RealTask):
    """Windows of a folder. `eval_data`: a second folder to evaluate on; `causal=False`: the loop that leaks; `seed`
    orders the training windows."""

    name = "embeddings"
    rows = 1
    accepted_data_fields = ("data", "eval_data")
    in_epochs = True

    def __init__(self, data: str, causal: bool = True, seed: int = 0, eval_data: str = ""):
        train, held_out = chunk_paths(data, "train"), chunk_paths(data, "val")
        if not train:
            raise ValueError(f"{shown(data, 200)} holds no train_embeddings_chunk_N.pt: give another folder; {HOW}")
        if eval_data:
            held_out = _evaluation_paths(eval_data)
        self.data, self.causal, self.seed = data, causal, seed
        self.title = "Embedding sequences" if causal else "Embedding sequences, the original's leaking loop"
        self.help = HELP + (CAUSAL if causal else LEAKING)
        self.loops_over_positions = not causal
        self.dropped = 0  # training windows left out because a held-out window has one of their vectors
        self._chunks = ChunkReader(train + held_out)  # one reader: never a training and a held-out chunk together
        self._files = len(train)
        R, D = self._chunks[0].shape[1:]
        self._chunks.release()
        self.seq_len = self.cols = R - 1
        self.vocab_size = self.input_size = D
        self._trained_windows: list[np.ndarray] | None = None  # per chunk, the windows (n,) that are trained on
        self._held: np.ndarray | None = None  # (V, 2) chunk and window of the held-out ones
        self._baselines: dict[str, float] = {}
        self._permuted: tuple[tuple[int, int], np.ndarray] | None = None  # ((epoch, chunk), its windows in that order)
        self._first: Puzzles | None = None  # the held-out windows that were asked for last

    def prepare(self) -> Iterator[tuple[int, int]]:
        """Reads and checks every chunk, one at a time. Closing it half way leaves nothing behind."""
        if self._trained_windows is not None:
            return
        files, chunks = self._files, self._chunks
        own = len(chunks) > files  # the folder says what is held out
        total = len(chunks) if own else 2 * files
        done = 0
        held: dict[int, np.ndarray] = {}
        if own:
            held = dict.fromkeys(range(files, len(chunks)), slice(None))
        else:
            sizes = []
            for i in range(files):
                sizes.append(len(chunks[i]))
                done += 1
                yield done, total
            held = _last_tenth(sizes)
        rows, labels, places = RowSet(self.vocab_size), Sums(self.vocab_size), []
        repeated = 0.0
        for i, which in held.items():
            windows = chunks[i][which]
            at = np.arange(len(chunks[i]))[which]
            places.append(np.stack([np.full_like(at, i), at], 1))
            rows.add(windows.reshape(-1, self.vocab_size))
            labels.add(windows[:, 1:])
            repeated += float(np.square(windows[:, 1:] - windows[:, :-1]).sum(dtype=np.float64))
            del windows  # before the next chunk is read
            done += own
            yield done, total
        windows_by_chunk, trained, dropped = [], Sums(self.vocab_size), 0
        for i in range(files):
            mine = np.ones(len(chunks[i]), dtype=bool)
            if not own and i in held:
                mine[held[i]] = False
            shared = mine & rows.find(chunks[i].reshape(-1, self.vocab_size)).reshape(len(mine), -1).any(1)
            windows_by_chunk.append(np.flatnonzero(mine & ~shared))
            dropped += int(shared.sum())
            trained.add(chunks[i][windows_by_chunk[-1]][:, 1:])
            done += 1
            yield done, total
        chunks.release()
        places = np.concatenate(places)
        if not trained.count:
            raise ValueError(
                f"{shown(self.data, 200)} leaves nothing to train on: {len(places)} windows are "
                f"held out and {dropped} share a "
                "vector with them; give more text, or held-out windows of other text as val_embeddings_chunk_N.pt"
            )
        self.dropped, self._held = dropped, places
        self.tolerance = labels.error_of(labels.mean) / 2
        self._baselines = {
            "repeat the last": repeated / (labels.count * self.vocab_size),
            "predict the mean": labels.error_of(trained.mean),
        }
        self._trained_windows = windows_by_chunk

    @property
    def train_windows(self) -> int:
        """The training windows of one epoch."""
        self._finish()
        return sum(len(windows) for windows in self._trained_windows)

    def sample(self, n: int, rng: np.random.Generator) -> Puzzles:
        """n training windows from a random place of the order of `draw` on."""
        return self.draw(n, rng, int(rng.integers(self.train_windows)))

    def draw(self, n: int, rng: np.random.Generator, drawn: int) -> Puzzles:
        """The n training windows after the first `drawn` ones: epoch after epoch, chunks shuffled, windows shuffled in
        a chunk. The order follows from the seed alone, so a resumed run goes on where it stopped."""
        self._finish()
        parts = []
        while n:
            chunk, windows = self._next(drawn, n)
            parts.append(self._chunks[chunk][windows])
            n, drawn = n - len(windows), drawn + len(windows)
        return _batch(np.concatenate(parts))

    def held_out(self, n: int) -> Puzzles:
        """At most n held-out windows, spread over all of them; those for a smaller n are the first of a larger one."""
        self._finish()
        n = min(n, len(self._held))
        if self._first is None or len(self._first["labels"]) < n:
            self._first = _batch(self._chunks.gather(self._held[_spread(len(self._held))[:n]]))
        return {name: value[:n] for name, value in self._first.items()}

    def load(self, path: str) -> Puzzles:
        """All windows of a folder's val chunks, or of its train chunks where it has none."""
        chunks = ChunkReader(_evaluation_paths(path))
        chunks.shape = self.seq_len + 1, self.vocab_size
        return _batch(np.concatenate([chunks[i] for i in range(len(chunks))]))

    def baselines(self) -> dict[str, float]:
        self._finish()
        return dict(self._baselines)

    def board(self) -> dict[str, Any]:
        """One cell a position: the share of the variance that is left unexplained there."""
        return {"kind": "heat", "rows": 1, "cols": self.cols, "symbols": [], "box": None, "range": [0, 1]}

    def remarks(self) -> list[str]:
        remarks = [] if self.causal else [LEAKING]
        if self.dropped:
            remarks.append(f"{self.dropped} training windows share a vector with held-out ones and are left out.")
        return remarks

    def input_for_display(self, inputs: np.ndarray) -> np.ndarray:
        """(L, D) -> (L, 1): before an answer all of the variance is left."""
        return np.ones((len(inputs), 1), dtype=np.float32)

    def answer_for_display(self, answers: np.ndarray, labels: np.ndarray | None) -> np.ndarray:
        """(L, D) -> (L, 1): squared error over the labels' variance, at most 1; NaN where there is no label."""
        if labels is None:
            return np.full((len(answers), 1), np.nan)
        error = np.square(answers - labels).mean(-1, keepdims=True)
        return np.clip(error / max(2 * self.tolerance, 1e-12), 0, 1)

    def _finish(self) -> None:
        for _ in self.prepare():
            pass

    def _next(self, drawn: int, n: int) -> tuple[int, np.ndarray]:
        """A chunk, and up to n of its windows, that come after the first `drawn` windows."""
        epoch, at = divmod(drawn, self.train_windows)
        order = np.random.default_rng([self.seed, ORDER, epoch]).permutation(self._files)
        ends = np.cumsum([len(self._trained_windows[i]) for i in order])
        place = int(np.searchsorted(ends, at, side="right"))
        chunk = int(order[place])
        if self._permuted is None or self._permuted[0] != (epoch, chunk):
            rng = np.random.default_rng([self.seed, ORDER, epoch, chunk + 1])
            self._permuted = (epoch, chunk), rng.permutation(self._trained_windows[chunk])
        first = at - (ends[place] - len(self._trained_windows[chunk]))
        return chunk, self._permuted[1][first : first + n]


def _evaluation_paths(folder: str) -> list:
    paths = chunk_paths(folder, "val") or chunk_paths(folder, "train")
    if not paths:
        raise ValueError(f"{shown(folder, 200)} holds no embedding chunks: give another folder; {HOW}")
    return paths


def _last_tenth(sizes: list[int]) -> dict[int, np.ndarray]:
    """{chunk: windows} of the last tenth of all windows, at least one."""
    ends = np.cumsum(sizes)
    start = int(ends[-1]) - max(1, int(ends[-1]) // 10)
    first = ends - sizes
    return {i: np.arange(max(start - first[i], 0), sizes[i]) for i in range(len(sizes)) if ends[i] > start}


def _spread(count: int) -> np.ndarray:
    """All of 0 .. count - 1, in steps of about the golden part of count: the first few lie all over them."""
    step = next(step for step in range(round(count * 0.618), 0, -1) if math.gcd(step, count) == 1) if count > 1 else 1
    return np.arange(count) * step % count


def _batch(windows: np.ndarray) -> Puzzles:
    inputs = windows[:, :-1]
    size = np.sqrt(np.square(inputs).mean(-1, keepdims=True))
    return {"input_embeddings": inputs / np.maximum(size, 1e-12), "labels": np.ascontiguousarray(windows[:, 1:])}
