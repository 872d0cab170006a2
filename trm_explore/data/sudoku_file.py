"""People's Sudokus as digits: read by data/puzzle_file.py, checked, and answered where the file has no answers.

Every error names file and line. Try it:

    >>> from trm_explore.data.sudoku_file import read_puzzles
    >>> file = read_puzzles("puzzles.csv", 9)
    >>> file.questions.shape, file.answers.shape
    ((3200, 81), (3200, 81))
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trm_explore.config.checks import shown
from trm_explore.data.puzzle_file import BLANKS, Texts, one_puzzle, read_texts
from trm_explore.data.sudoku_rules import alphabet_of, check_rules, count_solutions, is_solution, parse_puzzle, solve
from trm_explore.data.text_file import foreign_byte, lines_of_file, not_utf8

NONE = 255  # of a character that is no digit
EVALUATION = ("test", "eval", "val", "validation")
HOW = "give a CSV file with the columns question and answer, or a text file with one puzzle a line or grids"


@dataclass(frozen=True, eq=False)
class Sudokus:
    """Some consecutive puzzles of a file. n puzzles, L cells."""

    name: str  # of the file
    lines: np.ndarray  # (n,) where each begins, counted from 1
    questions: np.ndarray  # (n, L) uint8 digits, 0 blank
    answers: np.ndarray | None  # (n, L) uint8; None: the file has none
    texts: Texts  # the same as they stand there, with ratings and splits

    def answered(self) -> np.ndarray:
        """(n, L) answers; of a file without any those of our solver. ValueError where there is not exactly one."""
        if self.answers is not None:
            return self.answers
        return np.stack([answer_of(self.name, line, q) for line, q in zip(self.lines, self.questions, strict=True)])


@dataclass(frozen=True, eq=False)
class PuzzleFile:
    """What one file holds, in its order. P puzzles, L cells."""

    path: str
    questions: np.ndarray  # (P, L) uint8
    answers: np.ndarray  # (P, L) uint8; of a file without answers all 0 until `answer` has run
    held_out: np.ndarray | None  # (P,) bool where the file has a column split
    rows: np.ndarray  # (P,) line numbers, counted from 1
    answered: bool

    def answer(self) -> Iterator[tuple[int, int]]:
        """Solve the puzzles of a file without answers, (done, total) as it goes; nothing where it came with them."""
        if self.answered:
            return
        for i, question in enumerate(self.questions):
            self.answers[i] = answer_of(self.path, self.rows[i], question)
            if i % 50 == 49 or i + 1 == len(self.questions):
                yield i + 1, len(self.questions)


def read_puzzles(path: str | Path, size: int) -> PuzzleFile:
    """Read and check a file of size x size puzzles; ValueError with file and line where something is wrong."""
    chunks = list(sudokus_of_file(path, size))
    if not chunks:
        raise ValueError(f"{shown(str(path), 200)} has no puzzles in it: {HOW}.")
    held_out = None
    if chunks[0].texts.splits is not None:
        held_out = np.concatenate([held_out_of(chunk.name, chunk.texts) for chunk in chunks])
    answered = chunks[0].answers is not None
    questions = np.concatenate([chunk.questions for chunk in chunks])
    answers = np.concatenate([chunk.answers for chunk in chunks]) if answered else np.zeros_like(questions)
    lines = np.concatenate([chunk.lines for chunk in chunks])
    return PuzzleFile(str(path), questions, answers, held_out, lines, answered)


def sudokus_of_file(path: str | Path, size: int) -> Iterator[Sudokus]:
    """All puzzles of a file in order, some at a time; answers that a file has are checked to solve their questions."""
    return sudokus_of(lines_of_file(path, HOW), str(path), size)


def sudokus_of(lines: Iterator[str], name: str, size: int) -> Iterator[Sudokus]:
    """The same of lines that are there already."""
    for texts in read_texts(lines, name, size):
        questions, answers = _digits(name, texts, size)
        if answers is not None:
            _check_answers(name, texts.lines, questions, answers)
        yield Sudokus(name, np.array(texts.lines), questions, answers, texts)


def answer_of(name: str, line: int, question: np.ndarray) -> np.ndarray:
    """(L,) the one solution of a question (L,); ValueError where there is not exactly one."""
    with _named(name, line):
        check_rules(question)
        number = count_solutions(question)
        if number != 1:
            fault = "has no solution" if number == 0 else "has more than one solution"
            raise ValueError(f"The puzzle {fault}, but exactly one is needed: correct it or take it out.")
        return solve(question)


def ratings_of(name: str, texts: Texts) -> np.ndarray | None:
    """(n,) float32 ratings of some puzzles; None without such a column, or where it holds words only. ValueError for
    what is no number among numbers."""
    if texts.ratings is None:
        return None
    try:
        ratings = np.array(texts.ratings, dtype=np.float32)
    except ValueError:
        ratings = np.array([np.nan])
    if not np.isfinite(ratings).all():
        numbers = [_is_number(text) for text in texts.ratings]
        if not any(numbers):
            return None
        i = numbers.index(False)
        raise ValueError(f"{name}, line {texts.lines[i]}: rating is {shown(texts.ratings[i])}; it must be a number")
    return ratings


def held_out_of(name: str, texts: Texts) -> np.ndarray | None:
    """(n,) bool of some puzzles, by their column split; None without it."""
    if texts.splits is None:
        return None
    splits = [text.strip().lower() for text in texts.splits]
    for i, split in enumerate(splits):
        if split != "train" and split not in EVALUATION:
            raise ValueError(
                f"{name}, line {texts.lines[i]}: split is {shown(texts.splits[i])}, but only train and "
                f"{', '.join(EVALUATION)} are allowed."
            )
    return np.array([split != "train" for split in splits])


def _is_number(text: str) -> bool:
    try:
        return bool(np.isfinite(np.float32(text)))
    except ValueError:
        return False


class _named:
    """Puts file and line before a ValueError's sentence."""

    def __init__(self, name: str, line: int, column: str = ""):
        self.where = f"{name}, line {line}{', ' if column else ''}{column}: "

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind, error, trace) -> None:
        if kind is ValueError:
            raise ValueError(f"{self.where}{error}") from None


def _digits(name: str, texts: Texts, size: int) -> tuple[np.ndarray, np.ndarray | None]:
    """Questions and answers (n, L) uint8 in one go; only rows that are written otherwise are looked at one by one."""
    columns = [texts.questions] if texts.answers is None else [texts.questions, texts.answers]
    values = np.full(256, NONE, dtype=np.uint8)  # character -> digit
    values[[ord(blank) for blank in BLANKS if ord(blank) < 255]] = 0
    values[ord("1") : ord("1") + size] = range(1, size + 1)
    arrays = []
    for column in columns:
        written = np.array(column, dtype=f"U{size * size}").view(np.uint32).reshape(len(column), -1)  # code points
        digits = values[np.minimum(written, 255)]
        digits[np.array([len(text) for text in column]) != size * size] = NONE
        arrays.append(digits)
    for i in np.flatnonzero(np.any([(digits == NONE).any(1) for digits in arrays], axis=0)):
        own = [one_puzzle(column[i], size) for column in columns]
        alphabet = alphabet_of("".join(own), size)
        for digits, text, what in zip(arrays, own, ("question", "answer"), strict=False):
            if byte := foreign_byte(text):
                raise ValueError(not_utf8(name, texts.lines[i], byte))
            with _named(name, texts.lines[i], what if len(columns) == 2 else ""):
                digits[i] = parse_puzzle(text, size, alphabet)
    return arrays[0], arrays[1] if len(arrays) == 2 else None


def _check_answers(name: str, lines: list[int], questions: np.ndarray, answers: np.ndarray) -> None:
    right = is_solution(questions, answers)
    if right.all():
        return
    i = int(right.argmin())
    size = int(len(questions[i]) ** 0.5)
    changed = np.flatnonzero((questions[i] != 0) & (questions[i] != answers[i]))
    with _named(name, lines[i]):
        if len(changed):
            r, c = changed[0] // size + 1, changed[0] % size + 1
            was, now = questions[i, changed[0]], answers[i, changed[0]]
            fault = f"row {r} column {c} is {was} in the question and {now or 'blank'} in the answer"
        elif (answers[i] == 0).any():
            fault = f"the answer leaves {(answers[i] == 0).sum()} cells blank"
        else:
            try:
                check_rules(answers[i])
            except ValueError as error:
                fault = str(error).split(": ")[1].split(",")[0]
        raise ValueError(f"The answer does not solve its question ({fault}): correct the row or take it out.")
