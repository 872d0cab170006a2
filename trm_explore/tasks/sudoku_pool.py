"""Pools of generated Sudoku puzzles: how they are made, the files they are kept in, the cache on this machine.

A pool is a list of puzzles named by size, difficulty and seed; its first puzzles are the same however long it is. The
two that ship were made by

    >>> for size, count in ((6, 6000), (9, 5000)):
    ...     save_pool(Path(f"assets/sudoku{size}.npz"), *make_pool(size, count))
"""

from __future__ import annotations

import io
import os
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from trm_explore.data.sudoku_rules import generate, is_solution
from trm_explore.storage.whole import write_whole

# Fewest and most givens. A rough dial: fewer givens are mostly harder, but it depends on which they are.
DIFFICULTIES = {
    "any": {4: (4, 8), 6: (10, 18), 9: (26, 45)},
    "easy": {4: (7, 8), 6: (16, 18), 9: (38, 45)},
    "medium": {4: (5, 6), 6: (13, 15), 9: (32, 37)},
    "hard": {4: (4, 4), 6: (10, 12), 9: (26, 31)},
}
POOL_SEED = 2025  # fixed: everyone's pools and held-out puzzles are the same
GENERATOR = 1  # goes up when the same seed would give other puzzles; part of the cache files' names

Pool = tuple[np.ndarray, np.ndarray]  # questions and answers, each (P, L) uint8


def pool_chunks(size: int, start: int, stop: int, difficulty: str, seed: int, chunk: int = 25) -> Iterator[Pool]:
    """Puzzles number start to stop of the endless list that size, difficulty and seed name, a few at a time."""
    low, high = DIFFICULTIES[difficulty][size]
    puzzles = []
    for number in range(start, stop):
        rng = np.random.default_rng([seed, size, low, high, number])  # each its own: chunks do not matter
        givens = int(rng.integers(low, high + 1))
        question, answer = generate(size, givens, rng)
        while np.count_nonzero(question) > givens:  # digging got stuck: another grid
            question, answer = generate(size, givens, rng)
        puzzles.append((question, answer))
        if len(puzzles) == chunk or number + 1 == stop:
            yield tuple(np.array(part) for part in zip(*puzzles, strict=True))
            puzzles = []


def make_pool(
    size: int,
    count: int,
    difficulty: str = "any",
    seed: int = POOL_SEED,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Pool:
    """`count` puzzles with one solution, givens uniform in the difficulty's range."""
    parts, done = [], 0
    for part in pool_chunks(size, 0, count, difficulty, seed):
        parts.append(part)
        done += len(part[0])
        on_progress(done, count)
    return tuple(np.concatenate(arrays) for arrays in zip(*parts, strict=True))


def cache_folder() -> Path:
    """Where generated puzzles are kept: TRM_EXPLORE_CACHE, or the user's cache folder."""
    own = os.environ.get("TRM_EXPLORE_CACHE")
    return Path(own) if own else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "trm_explore"


def load_pool(path: Path, size: int) -> tuple[np.ndarray, np.ndarray] | None:
    """(questions, answers) of a pool file, or None where it is missing or broken in any way."""
    try:
        with open(path, "rb") as stream, np.load(stream, allow_pickle=False) as arrays:
            questions, answers = arrays["questions"], arrays["answers"]
        shapes_fit = questions.ndim == 2 and questions.shape == answers.shape and questions.shape[1] == size * size
        sound = shapes_fit and questions.dtype == answers.dtype == np.uint8 and is_solution(questions, answers).all()
        return (questions, answers) if sound else None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
        return None


def save_pool(path: Path, questions: np.ndarray, answers: np.ndarray) -> None:
    """Write a pool file whole or not at all: others see the old file or the new one. OSError on a full disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    packed = io.BytesIO()
    np.savez_compressed(packed, questions=questions, answers=answers)
    write_whole(path, packed.getvalue(), "pool")
