"""People's own Sudoku puzzles: reading and checking their files.

Two formats are read. CSV with at least the columns question and answer (the published Sudoku-Extreme layout), and if
there is one, `split` (train, or test, eval, val, validation). And plain text, one puzzle a line, which our solver
answers. Every error names file and row. Try it:

    >>> from trm_explore.tasks.sudoku_files import read_puzzles
    >>> file = read_puzzles("puzzles.csv", 9)
    >>> file.questions.shape, file.answers.shape
    ((3200, 81), (3200, 81))
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TextIO

import numpy as np

from trm_explore.tasks.puzzles import check_rules, count_solutions, is_solution, parse_puzzle, solve

EVALUATION = ("test", "eval", "val", "validation")
CHUNK = 50_000  # rows turned into arrays at a time, so that a file of gigabytes is never held as text
HOW = "give a CSV file with the columns question and answer, or a text file with one puzzle a line"


@dataclass(frozen=True, eq=False)
class PuzzleFile:
    """What one file holds, in its order. P puzzles, L cells."""

    path: str
    questions: np.ndarray  # (P, L) uint8
    answers: np.ndarray  # (P, L) uint8; of a text file all 0 until `answer` has run
    held_out: np.ndarray | None  # (P,) bool where the file has a column split
    rows: np.ndarray  # (P,) line numbers, counted from 1
    answered: bool

    def answer(self) -> Iterator[tuple[int, int]]:
        """Solve the puzzles of a text file, (done, total) as it goes; nothing where the file came with answers."""
        if self.answered:
            return
        for i, question in enumerate(self.questions):
            with _named(self.path, self.rows[i]):
                check_rules(question)
                number = count_solutions(question)
                if number != 1:
                    fault = "has no solution" if number == 0 else "has more than one solution"
                    raise ValueError(f"The puzzle {fault}, but exactly one is needed: correct it or take it out.")
                self.answers[i] = solve(question)
            if i % 50 == 49 or i + 1 == len(self.questions):
                yield i + 1, len(self.questions)


class _named:
    """Puts file and row before a ValueError's sentence."""

    def __init__(self, path: str, row: int, column: str = ""):
        self.where = f"{path}, row {row}{', ' if column else ''}{column}: "

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind, error, trace) -> None:
        if kind is ValueError:
            raise ValueError(f"{self.where}{error}") from None


def read_puzzles(path: str, size: int) -> PuzzleFile:
    """Read and check a file of size x size puzzles; ValueError with file and row where something is wrong."""
    path = str(path)
    try:
        with open(path, encoding="utf-8-sig", newline="") as stream:
            first = next((line for line in stream if _is_content(line)), "")
            stream.seek(0)
            is_csv = path.lower().endswith(".csv") or "," in first
            read = _read_csv if is_csv else _read_lines
            chunks = list(read(path, stream, size)) if first else []
    except FileNotFoundError:
        raise ValueError(f"There is no file {path!r}: {HOW}.") from None
    except IsADirectoryError:
        raise ValueError(f"{path!r} is a folder, not a file: {HOW}.") from None
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path!r} is not UTF-8 text (it has a byte {error.object[error.start]:#04x}): save it as UTF-8."
        ) from None
    except csv.Error as error:
        raise ValueError(f"{path!r} is not a CSV file that can be read ({error}): {HOW}.") from None
    except OSError as error:
        raise ValueError(f"{path!r} cannot be read ({error.strerror}): {HOW}.") from None
    if not chunks:
        raise ValueError(f"{path!r} has no puzzles in it: {HOW}.")
    questions, answers, held_out, rows = (
        None if parts[0] is None else np.concatenate(parts) for parts in zip(*chunks, strict=True)
    )
    return PuzzleFile(path, questions, answers, held_out, rows, is_csv)


def _is_content(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _read_lines(path: str, stream: TextIO, size: int) -> Iterator[tuple]:
    numbered = ((i, line.strip()) for i, line in enumerate(stream, 1) if _is_content(line))
    for rows, texts in _in_chunks(numbered):
        questions = _digits(path, rows, texts, size, "")
        yield questions, np.zeros_like(questions), None, np.array(rows)


def _read_csv(path: str, stream: TextIO, size: int) -> Iterator[tuple]:
    reader = csv.reader(stream)
    header = next((row for row in reader if any(row)), [])
    names = [name.strip().lower() for name in header]
    for name in ("question", "answer"):
        if name not in names:
            there = ", ".join(repr(name) for name in header[:12]) or "none"
            raise ValueError(f"{path!r} has no column {name!r}; its columns are {there}: name them in its first row.")
    columns = [names.index(name) for name in ("question", "answer", "split") if name in names]

    def numbered() -> Iterator[tuple]:
        for row in reader:
            if row:
                if len(row) <= max(columns):
                    raise ValueError(
                        f"{path}, row {reader.line_num}: it has {len(row)} columns, "
                        f"but the first row names {len(names)}: complete or remove it."
                    )
                yield reader.line_num, *(row[i] for i in columns)

    for rows, *texts in _in_chunks(numbered()):
        questions = _digits(path, rows, texts[0], size, "question")
        answers = _digits(path, rows, texts[1], size, "answer")
        _check_answers(path, rows, questions, answers)
        yield questions, answers, _held_out(path, rows, texts[2]) if len(texts) > 2 else None, np.array(rows)


def _in_chunks(numbered: Iterator[tuple]) -> Iterator[list[tuple]]:
    """Rows of (number, text, ...) -> columns (numbers, texts, ...), CHUNK rows at a time."""
    chunk = []
    for row in numbered:
        chunk.append(row)
        if len(chunk) == CHUNK:
            yield list(zip(*chunk, strict=True))
            chunk = []
    if chunk:
        yield list(zip(*chunk, strict=True))


def _digits(path: str, rows: tuple, texts: tuple, size: int, column: str) -> np.ndarray:
    """Texts -> (P, L) uint8 in one go; single rows are looked at only to say what is wrong with the first bad one."""
    cells = size * size
    texts = [text if len(text) == cells else "".join(text.split()) for text in texts]
    bad = next((i for i, text in enumerate(texts) if len(text) != cells), None)
    if bad is None:
        values = np.full(256, 255, dtype=np.uint8)  # character -> digit
        values[ord(".")] = 0
        values[ord("0") : ord("0") + size + 1] = range(size + 1)
        joined = "".join(texts).encode("ascii", "replace")  # one byte a character, so that rows stay aligned
        digits = values[np.frombuffer(joined, dtype=np.uint8)].reshape(-1, cells)
        wrong = (digits == 255).any(1)
        if not wrong.any():
            return digits
        bad = int(wrong.argmax())
    with _named(path, rows[bad], column):
        parse_puzzle(texts[bad], size)
    raise AssertionError("unreachable: parse_puzzle refuses what the table refuses")


def _check_answers(path: str, rows: tuple, questions: np.ndarray, answers: np.ndarray) -> None:
    right = is_solution(questions, answers)
    if right.all():
        return
    i = int(right.argmin())
    size = int(len(questions[i]) ** 0.5)
    changed = np.flatnonzero((questions[i] != 0) & (questions[i] != answers[i]))
    with _named(path, rows[i]):
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


def _held_out(path: str, rows: tuple, texts: tuple) -> np.ndarray:
    splits = [text.strip().lower() for text in texts]
    for i, split in enumerate(splits):
        if split != "train" and split not in EVALUATION:
            raise ValueError(
                f"{path}, row {rows[i]}: split is {texts[i]!r}, but only train and {', '.join(EVALUATION)} are allowed."
            )
    return np.array([split != "train" for split in splits])
