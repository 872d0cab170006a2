"""From people's files to a data folder: what Sudokus and mazes share. Which rows go where, and how they are copied, is
drawn from numpy.random.RandomState(seed), whose numbers never change: equal settings give equal folders.

The order of the draws is that of the published builders, so that theirs, run after numpy.random.seed(seed), give the
same examples in the same order (docs/data.md says what was compared).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trm_explore.config.checks import shown
from trm_explore.data.writer import PartWriter, check_free, write_identifiers
from trm_explore.storage.whole import new_folder

SKIP, TRAIN, TEST = 0, 1, 2  # where a row goes
TENTH = np.uint64(10)


@dataclass(frozen=True, eq=False)
class Rows:
    """Some consecutive puzzles of a file. n puzzles, L cells."""

    questions: np.ndarray  # (n, L) uint8 tokens
    answers: np.ndarray  # (n, L) uint8 tokens
    ratings: np.ndarray | None  # (n,) float32, where the file has them
    held_out: np.ndarray | None = None  # (n,) bool, where the file says it


@dataclass(frozen=True)
class Kind:
    """What a kind of puzzle brings along."""

    read: Callable[[Path], Iterator[Rows]]
    """All puzzles of a file, checked; ValueError with file and line for the first that is none."""
    vocab_size: int
    keys: Callable[[Rows], np.ndarray]  # (n,) uint64 that symmetric copies share
    copies: Callable[[np.ndarray, np.ndarray, np.random.RandomState], tuple[np.ndarray, np.ndarray]]
    """One question and answer (L,) -> itself and its augmented copies, (1 + A, L) each."""
    copies_each: int  # A, the same for every puzzle


@dataclass(frozen=True)
class Written:
    """What a folder holds now."""

    folder: str
    train_puzzles: int
    train_examples: int
    test_examples: int
    rated: bool
    note: str = ""


def build(
    source: str | Path,
    output_dir: str | Path,
    kind: Kind,
    *,
    test: str | Path = "",
    subsample_size: int | None = None,
    min_difficulty: float | None = None,
    seed: int = 0,
) -> Generator[tuple[int, int], None, Written]:
    """(done, total) as it goes; the folder appears at the end, whole.

    `source`: a folder with train.csv and test.csv, or a file of puzzles. `test`: the second file; without it a column
    split decides, or a tenth of the first is held out, by a key that symmetric copies share. `subsample_size`: so many
    training puzzles, drawn at random (None: all). `min_difficulty`: only rows rated at least so (published option).
    """
    files = _files(source, test)
    if subsample_size is not None and subsample_size < 1:
        raise ValueError(f"subsample_size={subsample_size} must be at least 1, or left out for all puzzles")
    rng = np.random.RandomState(seed)
    check_free(output_dir)
    with new_folder(output_dir) as folder:
        where, rated, L = yield from _sorted_out(files, kind, min_difficulty)
        total = int((where == TRAIN).sum())
        drawn = None
        if subsample_size is not None and subsample_size < total:
            drawn = rng.choice(total, size=subsample_size, replace=False)
        puzzles = total if drawn is None else len(drawn)
        each = 1 + kind.copies_each
        tests = int((where == TEST).sum())
        whole, done = puzzles * each + tests, 0
        with PartWriter(folder / "train", examples=puzzles * each, seq_len=L, rated=rated) as part:
            for rows in _in_order(_picked(files, kind, where, TRAIN), drawn):
                for i in range(len(rows.questions)):
                    inputs, labels = kind.copies(rows.questions[i], rows.answers[i], rng)
                    ratings = None if rows.ratings is None else np.repeat(rows.ratings[i], each)
                    part.append(inputs, labels, ratings)
                    yield part.done, whole
            done = part.done
            part.finish(vocab_size=kind.vocab_size, group_sizes=np.full(puzzles, each), total_puzzles=puzzles)
        with PartWriter(folder / "test", examples=tests, seq_len=L, rated=rated) as part:
            for rows in _picked(files, kind, where, TEST):
                part.append(rows.questions, rows.answers, rows.ratings)
                yield done + part.done, whole
            part.finish(vocab_size=kind.vocab_size)
        write_identifiers(folder, ["<blank>"])
    return Written(str(output_dir), puzzles, puzzles * each, tests, rated)


def _files(source: str | Path, test: str | Path) -> list[Path]:
    """The CSV files to read: one, or one to train on and one to test on."""
    source = Path(source)
    if source.is_dir():
        if test:
            raise ValueError(
                f"test={shown(str(test), 200)} has no use where {source} is a folder; its test.csv is read"
            )
        files = [source / "train.csv", source / "test.csv"]
    else:
        files = [source, Path(test)] if test else [source]
    for file in files:
        if not file.is_file():
            raise ValueError(f"there is no file {file}; give a CSV file, or a folder that holds train.csv and test.csv")
    return files


def _sorted_out(files: list[Path], kind: Kind, least: float | None) -> Generator[tuple[int, int], None, tuple]:
    """Reads and checks all rows once: where each goes, (rows,) uint8 over all files; whether all are rated; L."""
    parts, rated, read, total = [], True, 0, sum(file.stat().st_size for file in files)
    cells = 0
    for place, file in enumerate(files):
        size, seen, count = file.stat().st_size, 0, 0
        for rows in kind.read(file):
            count += len(rows.questions)
            cells = cells or rows.questions.shape[1]
            if rows.questions.shape[1] != cells:
                raise ValueError(
                    f"{file}: its puzzles have {rows.questions.shape[1]} cells, those of {files[0]} {cells}"
                )
            rated = rated and rows.ratings is not None
            if least is not None and rows.ratings is None:
                raise ValueError(f"min_difficulty={least:g} needs a column rating, which {file} has not; leave it out")
            to = np.full(len(rows.questions), TEST if place else TRAIN, dtype=np.uint8)
            if len(files) == 1:
                to[kind.keys(rows) % TENTH == 0 if rows.held_out is None else rows.held_out] = TEST
            if least is not None:
                to[rows.ratings < least] = SKIP
            parts.append(to)
            seen = min(size, seen + 2 * rows.questions.size)  # near enough for a bar
            yield (read + seen) // 1000, max(1, total // 1000)
        read += size
        if not count:
            raise ValueError(f"{file} has no puzzles in it; give a file that has")
    where = np.concatenate(parts)
    for code, name in ((TRAIN, "train on"), (TEST, "hold out")):
        if not (where == code).any():
            few = "" if least is None else f" that are rated {least:g} or more"
            more = "" if len(files) == 2 else ", or a second file with --test"
            raise ValueError(
                f"{files[0]} has no puzzles to {name}{few}: {len(where)} rows are too few; give more{more}"
            )
    return where, rated, cells


def _picked(files: list[Path], kind: Kind, where: np.ndarray, code: int) -> Iterator[Rows]:
    """The rows that go to one part, read again."""
    at = 0
    for file in files:
        for rows in kind.read(file):
            (some,) = np.nonzero(where[at : at + len(rows.questions)] == code)
            at += len(rows.questions)
            if len(some):
                yield _some(rows, some)


def _some(rows: Rows, which: np.ndarray) -> Rows:
    ratings = None if rows.ratings is None else rows.ratings[which]
    return Rows(rows.questions[which], rows.answers[which], ratings)


def _in_order(chunks: Iterator[Rows], drawn: np.ndarray | None) -> Iterator[Rows]:
    """The chunks as they are; or those of their rows that were drawn, gathered in the order of the draw."""
    if drawn is None:
        yield from chunks
        return
    rank = np.argsort(drawn)
    ordered, at, parts = drawn[rank], 0, []
    for rows in chunks:
        low, high = np.searchsorted(ordered, [at, at + len(rows.questions)])
        parts.append(_some(rows, ordered[low:high] - at))
        at += len(rows.questions)
    places = np.argsort(rank)  # where the k-th drawn row stands among those gathered in file order
    rated = all(rows.ratings is not None for rows in parts)
    yield Rows(
        np.concatenate([rows.questions for rows in parts])[places],
        np.concatenate([rows.answers for rows in parts])[places],
        np.concatenate([rows.ratings for rows in parts])[places] if rated else None,
    )
