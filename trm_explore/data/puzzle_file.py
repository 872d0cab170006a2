"""The one reader of people's puzzles: from lines of text to the texts of questions and answers.

Two kinds of files are told apart by what stands in them. A table has a header with a column of questions (COLUMNS has
the names), or rows with a whole Sudoku in them; its separator is found out. Else every line is a whole Sudoku, or a row
of one: plain grids, boxed grids, .sdm and .sdk. What the texts mean is for others: data/sudoku_file.py, data/maze.py.

>>> for texts in read_texts(iter(["1.3.", "34.2", "2143", "4.21"]), "the text", side=4):
...     texts.lines, texts.questions
([1], ['1.3.34.221434.21'])
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice

from trm_explore.config.checks import shown
from trm_explore.data.text_file import PASTED, foreign_byte, not_utf8

# What a column is for -> its names, the first that a file has. Case and white space around them do not count.
COLUMNS = {
    "question": (
        *("question", "puzzle", "quiz", "problem", "input", "sudoku", "grid", "board"),
        *("questions", "puzzles", "quizzes", "problems", "inputs", "sudokus"),
    ),
    "answer": (
        *("answer", "solution", "output", "target", "label", "solved"),
        *("answers", "solutions", "outputs", "targets", "labels"),
    ),
    "rating": ("rating", "difficulty"),
    "split": ("split",),
}
NEEDED = "question (or puzzle, quizzes, input, problem)"
SEPARATORS = (",", ";", "\t", "|", " ")
BLANKS = ".0*_-xX?\u00b7\u25a1"  # an empty cell
BOXES = {4: 2, 6: 2, 9: 3}  # side of a Sudoku -> rows of a box
WHOLE = {side * side: side for side in BOXES}  # cells -> side
CHUNK = 20_000  # rows held as text at a time, so that a file of gigabytes never is

BETWEEN = re.compile("[\\s|,;/'\"\\[\\](){}:!\u2500-\u257f]+")  # stands between cells and means nothing
RULE = set("-+=_*.'`\u2014\u2013")  # what a line between boxes is made of
HEADING = re.compile(r"(?i)\W*(grid|puzzle|sudoku|board|game|problem|number|nr|no)\b[\s.:#]*\d*\W*")
NOT_ASKED = re.compile(r"(?i)\W*(solution|answer)s?\b[\s.:#]*\d*\W*")
SECTION = re.compile(r"\[\s*([A-Za-z]\w*)\s*\]")


@dataclass(frozen=True)
class Texts:
    """Some puzzles of a file, in its order, as texts."""

    lines: list[int]  # where each begins, counted from 1
    questions: list[str]
    answers: list[str] | None  # None: the file has none
    ratings: list[str] | None
    splits: list[str] | None


@dataclass(frozen=True)
class Table:
    separator: str
    columns: dict[str, int]  # what for -> place
    names: int  # columns that the header names; 0 without one
    tight: bool  # no blank after the separator


def read_texts(lines: Iterator[str], name: str, side: int | None = None, chunk: int = 0) -> Iterator[Texts]:
    """All puzzles, `chunk` at a time (0: CHUNK). `side`: of Sudokus; None: of other puzzles, which only a table can
    hold, and in which a blank is a cell. ValueError with the line, what stands there and what is expected."""
    numbered, chunk = enumerate(lines, 1), chunk or CHUNK
    head = []  # remarks before the puzzles
    for number, line in numbered:
        if not line.strip() or line.lstrip().startswith("#") or line.strip().lower().startswith("sep="):
            if side is None and _header_in(line):
                break
            continue
        head = [(number, line)]
        break
    if not head:
        return
    number, line = head[0]
    if (table := _header_in(line)) and not (side and table.names == 1):
        if side is None and "answer" not in table.columns:
            raise ValueError(f"{name} has no column answer (or solution, solutions); name it in its first row.")
        yield from _in_chunks(_rows(numbered, table, name, side), chunk)
    elif side is None:
        raise ValueError(_no_column(name, number, line))
    elif table := _bare_table(line):
        yield from _in_chunks(_rows(chain(head, numbered), table, name, side), chunk)
    else:
        if _looks_like_a_header(line, side):
            raise ValueError(_no_column(name, number, line))
        puzzles = _grids(numbered if _header_in(line) else chain(head, numbered), name, side)
        yield from _in_chunks(((at, {"question": text}) for at, text in puzzles), chunk)


def first_question(lines: Iterator[str], name: str, side: int | None = None, block: bool = False) -> str:
    """The text of the first puzzle of any task; empty where there is none. `side`: of a Sudoku. Else it is what a table
    has in its column of questions, or the first line, with `block` the lines up to an empty one."""
    if side:
        return next((texts.questions[0] for texts in read_texts(lines, name, side, chunk=1)), "")
    numbered = enumerate(lines, 1)
    found: list[str] = []
    for _, line in numbered:
        if not line.strip():
            if found:
                break
        elif not found and (table := _header_in(line)):
            return next((row["question"] for _, row in _rows(numbered, table, name, None)), "")
        else:
            found.append(line)
            if not block:
                break
    return "\n".join(found)


def one_puzzle(text: str, side: int | None = None) -> str:
    """The cells of one Sudoku, however it is written: in a line, in rows, with boxes drawn."""
    bare = _cells(text)
    if "\n" in text.strip() and len(bare) != (side or 0) ** 2:
        for guess in (side,) if side else BOXES:
            try:
                found = list(islice(_grids(enumerate(text.splitlines(), 1), PASTED, guess), 2))
            except ValueError:
                continue
            if len(found) == 1:  # a field of a table with two has lost its quote
                return found[0][1]
    return bare


def _rows(numbered: Iterable[tuple[int, str]], table: Table, name: str, side: int | None) -> Iterator[tuple]:
    """(line, {what for: text}) of every row of a table."""
    last = [0, 0]  # the line read last, and how many a csv.reader has counted by then

    def fed() -> Iterator[str]:
        for number, line in numbered:
            last[0], last[1] = number, last[1] + 1
            if side is None or not line.startswith("#"):
                yield line + "\n"
            else:
                yield "\n"

    counted, least = 0, max(table.columns.values())
    try:
        for row in _fields(fed(), table):
            first, counted = last[0] - (last[1] - counted) + 1, last[1]
            if not any(text.strip() for text in row):
                continue
            if len(row) == table.names + 1 and row[-1].strip():
                row = row[1:]  # R names rows, but not that column
            if len(row) <= least and (byte := foreign_byte("".join(row))):
                raise ValueError(not_utf8(name, first, byte))
            if len(row) <= least:
                wanted = (
                    f"the first row names {table.names}" if table.names else f"the first row has {least + 1} or more"
                )
                raise ValueError(
                    f"{name}, line {first}: it has {len(row)} columns, but {wanted}: complete or remove it."
                )
            yield first, {what: row[at] for what, at in table.columns.items()}
    except csv.Error as error:
        raise ValueError(f"{name}, line {last[0]}: it is no row of a table ({error}); look for a lost quote") from None


def _fields(lines: Iterator[str], table: Table) -> Iterator[list[str]]:
    if table.separator == " " and not table.names:  # a table without a header, parted by any white space
        return (line.split() for line in lines)
    return csv.reader(lines, delimiter=table.separator, skipinitialspace=not table.tight)


def _header_in(line: str) -> Table | None:
    """The table that a line is the header of."""
    for separator in SEPARATORS:
        try:
            row = next(csv.reader([line.strip()], delimiter=separator, skipinitialspace=True), [])
        except csv.Error:
            continue
        names = [name.strip().strip("\"'").lower() for name in row]
        found = {
            what: next((names.index(one) for one in known if one in names), None) for what, known in COLUMNS.items()
        }
        columns = {what: at for what, at in found.items() if at is not None}
        if "question" in columns and (separator != " " or "answer" in columns):
            spaced = len(row) > 1 and all(part[:1] == " " for part in line.split(separator)[1:])
            return Table(separator, columns, len(row), separator != " " and not spaced)
    return None


def _bare_table(line: str) -> Table | None:
    """The table without a header that a line is a row of: a column of whole Sudokus, perhaps one with answers."""
    for separator in SEPARATORS:
        row = line.split() if separator == " " else next(csv.reader([line], delimiter=separator), [])
        boards = [at for at, text in enumerate(row) if len(_cells(text)) in WHOLE]
        if len(row) > 1 and boards:
            return Table(separator, dict(zip(("question", "answer"), boards, strict=False)), 0, False)
    return None


def _looks_like_a_header(line: str, side: int) -> bool:
    fits = len(_cells_in(line, side)) in (side, *WHOLE) or _header_in(line)
    words = [field.strip().strip("\"'") for field in re.split("[,;\t|]", line)]
    named = len(words) > 1 and all(word[:1].isalpha() for word in words if word)
    return not fits and not _is_title(line.strip()) and (named or re.search(r"[^\W\d_xX]{3}", line) is not None)


def _no_column(name: str, number: int, line: str) -> str:
    row = max((line.split(separator) for separator in SEPARATORS[:4]), key=len)
    there = ", ".join(shown(text.strip()) for text in row[:8])
    return (
        f"{name}, line {number}: it has no column {NEEDED}; its columns are {there}: name the column of puzzles in the "
        "first row."
    )


def _in_chunks(puzzles: Iterator[tuple[int, dict[str, str]]], size: int) -> Iterator[Texts]:
    lines: list[int] = []
    texts: dict[str, list[str]] = {}
    for line, puzzle in puzzles:
        lines.append(line)
        for what, text in puzzle.items():
            texts.setdefault(what, []).append(text)
        if len(lines) == size:
            yield _texts(lines, texts)
            lines, texts = [], {}
    if lines:
        yield _texts(lines, texts)


def _texts(lines: list[int], texts: dict[str, list[str]]) -> Texts:
    return Texts(lines, texts["question"], texts.get("answer"), texts.get("rating"), texts.get("split"))


# ---- Sudokus without a table


def _cells(text: str) -> str:
    return BETWEEN.sub("", text)


def _cells_in(line: str, side: int) -> str:
    """The cells of a line: what stands between them taken out; empty fields of a grid from a spreadsheet are blanks."""
    for separator in ",;\t":
        fields = [field.strip().strip('"') for field in line.strip(" \r").split(separator)]
        if len(fields) in (side + 1, side * side + 1) and not fields[-1]:
            fields.pop()
        if len(fields) in (side, side * side) and all(len(field) < 2 for field in fields):
            return "".join(field or "." for field in fields)
    return _cells(line.split(" #")[0])


def _is_rule(cells: str, side: int) -> bool:
    """Whether a line stands between boxes, or around them."""
    signs = set(cells)
    return signs <= RULE and len(cells) != side and bool(signs & set("-+=_*\u2014\u2013")) or bool(signs & set("+="))


class _Board:
    """The rows of the Sudokus that come one under the other, until they are whole."""

    def __init__(self, name: str, side: int):
        self.name, self.side = name, side
        self.rows: list[tuple[int, str, bool]] = []  # line, cells, whether it may be a rule
        self.paragraph = 0  # rows since the last empty line

    def add(self, number: int, cells: str) -> Iterator[tuple[int, str]]:
        self.rows.append((number, cells, set(cells) <= {"-"} or set(cells) <= {"_"} or set(cells) <= {"*"}))
        self.paragraph += 1
        if len(self.rows) == self.side and not any(maybe for *_, maybe in self.rows):
            yield from self.end()

    def empty_line(self, number: int) -> Iterator[tuple[int, str]]:
        paragraph, self.paragraph = self.paragraph, 0
        sure = sum(not maybe for *_, maybe in self.rows)
        if len(self.rows) and (not sure or self.side in (sure, len(self.rows))):
            yield from self.end()
        elif paragraph and paragraph not in (1, BOXES[self.side]) and sure == len(self.rows):
            self.refuse()  # bands of boxes and single rows may be parted by empty lines, nothing else

    def end(self) -> Iterator[tuple[int, str]]:
        """The Sudokus that are whole; ValueError where a part of one is left."""
        sure = [row for row in self.rows if not row[2]]
        rows = sure if len(sure) % self.side == 0 else self.rows
        if len(rows) % self.side:
            self.refuse()
        self.rows, self.paragraph = [], 0
        for at in range(0, len(rows), self.side):
            yield rows[at][0], "".join(cells for _, cells, _ in rows[at : at + self.side])

    def refuse(self) -> None:
        raise ValueError(
            f"{self.name}, line {self.rows[0][0]}: the grid that begins here has {len(self.rows)} rows; it must have "
            f"{self.side}"
        )


def _grids(numbered: Iterable[tuple[int, str]], name: str, side: int) -> Iterator[tuple[int, str]]:
    """(line, cells) of every Sudoku in lines and rows."""
    board, asked = _Board(name, side), True
    for number, line in numbered:
        text = line.strip()
        if _is_title(text):
            section = SECTION.fullmatch(text)
            yield from board.end()
            asked = not NOT_ASKED.fullmatch(text) and (section is None or section[1].lower() == "puzzle")
            continue
        if not asked or text.startswith("#"):
            continue
        if not text:
            yield from board.empty_line(number)
            continue
        cells = _cells_in(text, side)
        if not cells or _is_rule(cells, side):
            continue
        if len(cells) == side:
            yield from board.add(number, cells)
        elif len(cells) in WHOLE:
            yield from board.end()
            yield number, cells
        else:
            byte = foreign_byte(cells)
            raise ValueError(
                not_utf8(name, number, byte)
                if byte
                else f"{name}, line {number}: The puzzle has {len(cells)} cells, but {side * side} ({side}x{side}) are "
                f"needed, or {side} as a row of a grid: write '.' or '0' for each blank."
            )
    yield from board.end()


def _is_title(text: str) -> bool:
    return any(pattern.fullmatch(text) for pattern in (SECTION, HEADING, NOT_ASKED))
