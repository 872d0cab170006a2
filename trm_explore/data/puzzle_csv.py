"""Reads the CSV files of Sudoku-Extreme and Maze-Hard a chunk at a time: columns question and answer, perhaps rating.

>>> for rows in read_rows("train.csv", {".": 1, "1": 2, "2": 3}):    # character -> token
...     rows.questions.shape, rows.answers.shape                     # (n, L) uint8 each
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

CHUNK = 20_000  # rows held as text at a time
HOW = "give a CSV file with the columns question and answer, and rating where it is known"


@dataclass(frozen=True, eq=False)
class Rows:
    """Some consecutive rows of a file. n rows, L cells."""

    path: Path
    numbers: np.ndarray  # (n,) line numbers in the file, counted from 1
    questions: np.ndarray  # (n, L) uint8 tokens
    answers: np.ndarray  # (n, L) uint8 tokens
    ratings: np.ndarray | None  # (n,) float32, where the file has the column

    def fault(self, i: int, what: str) -> ValueError:
        """The error of row i of this chunk."""
        return ValueError(f"{self.path}, row {self.numbers[i]}: {what}; correct the row or take it out")


def read_rows(path: str | Path, alphabet: dict[str, int], cells: int | None = None) -> Iterator[Rows]:
    """All rows in order. `cells`: L; None: as many as the first row has, a square number. ValueError with file and row
    where something cannot be read."""
    path = Path(path)
    tokens = np.full(256, 255, dtype=np.uint8)  # character -> token
    for character, token in alphabet.items():
        tokens[ord(character)] = token
    try:
        with open(path, encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream)
            columns = _columns(path, next(reader, []))
            for texts in _chunks(path, reader, columns):
                rows = _rows(path, texts, tokens, alphabet, cells)
                cells = rows.questions.shape[1]
                yield rows
    except FileNotFoundError:
        raise ValueError(f"there is no file {path}; {HOW}") from None
    except IsADirectoryError:
        raise ValueError(f"{path} is a folder; {HOW}") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 text (it has a byte {error.object[error.start]:#04x})") from None
    except csv.Error as error:
        raise ValueError(f"{path} is not a CSV file that can be read ({error}); {HOW}") from None


def _columns(path: Path, header: list[str]) -> dict[str, int]:
    """Column name -> its place."""
    names = [name.strip().lower() for name in header]
    for name in ("question", "answer"):
        if name not in names:
            there = ", ".join(repr(name[:20]) for name in header[:8]) or "none"
            raise ValueError(f"{path} has no column {name!r} in its first row, only {there}; {HOW}")
    return {name: names.index(name) for name in ("question", "answer", "rating") if name in names}


def _chunks(path: Path, reader, columns: dict[str, int]) -> Iterator[tuple[list, dict[str, list[str]]]]:
    """(line numbers, {column: texts}), CHUNK rows at a time."""
    numbers, texts = [], {name: [] for name in columns}
    for row in reader:
        if not row:
            continue
        if len(row) <= max(columns.values()):
            raise ValueError(f"{path}, row {reader.line_num}: it has {len(row)} columns, fewer than the first row")
        numbers.append(reader.line_num)
        for name, at in columns.items():
            texts[name].append(row[at])
        if len(numbers) == CHUNK:
            yield numbers, texts
            numbers, texts = [], {name: [] for name in columns}
    if numbers:
        yield numbers, texts


def _rows(path: Path, chunk: tuple, tokens: np.ndarray, alphabet: dict[str, int], cells: int | None) -> Rows:
    numbers, texts = chunk
    cells = cells or len(texts["question"][0])
    if cells < 1 or math.isqrt(cells) ** 2 != cells:
        raise ValueError(f"{path}, row {numbers[0]}: question has {cells} cells, which is no square board")
    arrays = []
    for name in ("question", "answer"):
        odd = next((i for i, text in enumerate(texts[name]) if len(text) != cells), None)
        if odd is not None:
            raise ValueError(
                f"{path}, row {numbers[odd]}: {name} has {len(texts[name][odd])} cells; it must have {cells}"
            )
        joined = "".join(texts[name]).encode("latin-1", "replace")  # one byte a character: rows stay in line
        array = tokens[np.frombuffer(joined, dtype=np.uint8)].reshape(-1, cells)
        if (array == 255).any():
            row, cell = np.argwhere(array == 255)[0]
            raise ValueError(
                f"{path}, row {numbers[row]}: {name} has {texts[name][row][cell]!r} at cell {cell + 1}; allowed are "
                f"{', '.join(map(repr, alphabet))}"
            )
        arrays.append(array)
    return Rows(path, np.array(numbers), *arrays, _ratings(path, numbers, texts.get("rating")))


def _ratings(path: Path, numbers: list[int], texts: list[str] | None) -> np.ndarray | None:
    if texts is None:
        return None
    try:
        ratings = np.array(texts, dtype=np.float32)
    except ValueError:
        ratings = np.array([np.nan])
    if not np.isfinite(ratings).all():
        i = next(i for i, text in enumerate(texts) if not _is_number(text))
        raise ValueError(f"{path}, row {numbers[i]}: rating is {texts[i][:40]!r}; it must be a number")
    return ratings


def _is_number(text: str) -> bool:
    try:
        return bool(np.isfinite(np.float32(text)))
    except ValueError:
        return False
