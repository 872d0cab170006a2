"""Which of people's own puzzles are trained on and which are kept for evaluation, so that no copy is on both sides.

>>> from trm_explore.data.sudoku_file import read_puzzles
>>> steps = split_puzzles([read_puzzles("puzzles.csv", 9)], 9, givens=None, seed=0)
>>> while True:
...     done, total = next(steps)  # in the end StopIteration brings the Split
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np

from trm_explore.config.checks import shown
from trm_explore.data.sudoku_file import PuzzleFile
from trm_explore.data.symmetry import distinct, mix, symmetry_key


def one_tenth(keys: np.ndarray, seed: int) -> np.ndarray:
    """(N,) keys -> (N,) bool: about every tenth puzzle, at least one and never all, copies always together.

    Needs two different keys. Which ones are taken depends on keys and seed, not on the order of the puzzles.
    """
    groups, which, sizes = np.unique(keys, return_inverse=True, return_counts=True)
    order = mix(groups, 20 + seed).argsort()
    wanted = max(1, round(len(keys) / 10))
    taken = np.zeros(len(groups), dtype=bool)
    for group in order:
        if sizes[group] <= wanted:  # a crowd of copies larger than the tenth stays in training
            taken[group] = True
            wanted -= sizes[group]
            if not wanted:
                break
    if not taken.any():
        taken[sizes.argmin()] = True
    return taken[which]


@dataclass(frozen=True, eq=False)
class Split:
    """Training and held-out puzzles, no symmetric copy of a held-out one among the training ones."""

    train: tuple[np.ndarray, np.ndarray]  # questions and answers, (N, L) uint8 each
    held_out: tuple[np.ndarray, np.ndarray]
    dropped: int  # training puzzles left out because a copy of them is held out


def split_puzzles(
    files: list[PuzzleFile], size: int, givens: tuple[int, int] | None, seed: int
) -> Generator[tuple[int, int], None, Split]:
    """Split a file, or one to train on and one to evaluate on. (done, total) as it goes, the Split at the end.

    Held out is the second file, else what the column split says, else a seeded tenth. `givens`: fewest and most of the
    puzzles wanted.
    """
    parts = []
    for file in files:
        yield from file.answer()
        count = (file.questions != 0).sum(1)
        wanted = np.flatnonzero((count >= givens[0]) & (count <= givens[1]) if givens else count >= 0)
        rows = wanted[distinct(file.questions[wanted])]  # no puzzle twice
        if not len(rows):
            raise ValueError(
                f"{shown(file.path, 200)} has no puzzle with {givens[0]} to {givens[1]} givens, as "
                f"the difficulty wants: "
                "use difficulty any."
            )
        keys = np.zeros(len(rows), dtype=np.uint64)
        for i in range(0, len(rows), 20_000):
            keys[i : i + 20_000] = symmetry_key(file.questions[rows[i : i + 20_000]], size)
            yield min(i + 20_000, len(rows)), len(rows)
        parts.append((file, rows, keys))
    file, rows, keys = parts[0]
    if len(parts) == 2:
        held_file, held_rows, held_keys = parts[1]
        train = np.ones(len(rows), dtype=bool)
    else:
        if file.held_out is not None:
            held = file.held_out[rows]
            if held.all() or not held.any():
                missing = "train" if held.all() else "test"
                raise ValueError(
                    f"{shown(file.path, 200)} has no puzzle with split {missing}: mark some, or "
                    f"remove the column split."
                )
        elif len(np.unique(keys)) == 1:
            raise ValueError(
                f"{shown(file.path, 200)} has one puzzle only (symmetric copies do not count), but one to train on "
                "and one to evaluate on are needed: add puzzles."
            )
        else:
            held = one_tenth(keys, seed)
        held_file, held_rows, held_keys, train = file, rows[held], keys[held], ~held
    apart = train & ~np.isin(keys, held_keys)
    if not apart.any():
        raise ValueError(
            f"{shown(file.path, 200)} has only copies of the puzzles held out for evaluation: add "
            f"other puzzles to train on."
        )
    held_rows = np.random.default_rng(0).permutation(
        held_rows
    )  # files are often sorted: the first n shall be a mixture
    return Split(
        (file.questions[rows[apart]], file.answers[rows[apart]]),
        (held_file.questions[held_rows], held_file.answers[held_rows]),
        int(train.sum() - apart.sum()),
    )
