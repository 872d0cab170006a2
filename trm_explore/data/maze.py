"""Mazes from tables, as Maze-Hard has them, to a data folder; training mazes turned and mirrored where asked for.

Characters as published: "#" wall, " " open, "S" start, "G" goal, "o" the way in an answer; tokens 1 to 5 in that order,
0 pads. Boards are square, of any size; the published ones are 30x30.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from functools import partial
from pathlib import Path

import numpy as np

from trm_explore.config.checks import shown
from trm_explore.data.dihedral import WAYS, turned
from trm_explore.data.from_csv import Kind, Rows, Written, build
from trm_explore.data.grids import distances, wall_key
from trm_explore.data.puzzle_file import Texts, read_texts
from trm_explore.data.sudoku_file import held_out_of, ratings_of
from trm_explore.data.text_file import foreign_byte, lines_of_file, not_utf8

ALPHABET = {character: token for token, character in enumerate("# SGo", 1)}
WALL, OPEN, START, GOAL, WAY = ALPHABET.values()
VOCABULARY = 6
NONE = 255  # of a character that is no cell
CHUNK = 5_000  # mazes held as text at a time
HOW = "give a CSV file with the columns question and answer, and rating where it is known"


def build_maze(
    source: str | Path, output_dir: str | Path, *, aug: bool = False, seed: int = 0, **options
) -> Generator[tuple[int, int], None, Written]:
    """`aug`: all 8 turned and mirrored copies of every training maze, else only itself. Other options:
    from_csv.build."""
    number = WAYS - 1 if aug else 0
    kind = Kind(_read, VOCABULARY, _keys, partial(_copies, 1 + number), number)
    return build(source, output_dir, kind, seed=seed, **options)


def _copies(number: int, question: np.ndarray, answer: np.ndarray, rng: np.random.RandomState) -> tuple:
    side = math.isqrt(len(question))
    boards = np.stack([question, answer]).reshape(2, side, side)
    copies = np.stack([turned(boards, way) for way in range(number)], axis=1)  # (2, number, side, side)
    return tuple(copies.reshape(2, number, -1))


def _read(path: Path) -> Iterator[Rows]:
    cells = 0
    for texts in read_texts(lines_of_file(path, HOW), str(path), chunk=CHUNK):
        cells = cells or len(texts.questions[0])
        if cells < 1 or math.isqrt(cells) ** 2 != cells:
            raise ValueError(f"{path}, line {texts.lines[0]}: question has {cells} cells, which is no square board")
        questions = _tokens(path, texts, "question", texts.questions, cells)
        answers = _tokens(path, texts, "answer", texts.answers or [], cells)
        _check(path, texts.lines, questions, answers)
        yield Rows(questions, answers, ratings_of(str(path), texts), held_out_of(str(path), texts))


def _tokens(path: Path, texts: Texts, what: str, column: list[str], cells: int) -> np.ndarray:
    """(n, L) uint8 of a column."""
    odd = next((i for i, text in enumerate(column) if len(text) != cells), None)
    if odd is not None:
        raise ValueError(
            f"{path}, line {texts.lines[odd]}: {what} has {len(column[odd])} cells; it must have {cells}, as the first"
        )
    values = np.full(256, NONE, dtype=np.uint8)  # character -> token
    values[[ord(character) for character in ALPHABET]] = list(ALPHABET.values())
    written = np.array(column, dtype=f"U{cells}").view(np.uint32).reshape(-1, cells)  # code points
    tokens = values[np.minimum(written, 255)]
    if (tokens == NONE).any():
        row, cell = np.argwhere(tokens == NONE)[0]
        character = column[row][cell]
        if byte := foreign_byte(character):
            raise ValueError(not_utf8(str(path), texts.lines[row], byte))
        raise ValueError(
            f"{path}, line {texts.lines[row]}: {what} has {shown(character)} at cell {cell + 1}; allowed are "
            f"{', '.join(map(repr, ALPHABET))}"
        )
    return tokens


def _check(path: Path, lines: list[int], questions: np.ndarray, answers: np.ndarray) -> None:
    """An answer is its question with a way from S to G marked; whether it is a shortest one is not looked at."""

    def fault(i: int, what: str) -> ValueError:
        return ValueError(f"{path}, line {lines[i]}: {what}; correct the row or take it out")

    side = math.isqrt(questions.shape[1])
    ends = (questions == START).sum(1), (questions == GOAL).sum(1)
    same = (np.where(answers == WAY, OPEN, answers) == questions).all(1)
    for i in np.flatnonzero((ends[0] != 1) | (ends[1] != 1) | ~same):
        if ends[0][i] != 1 or ends[1][i] != 1:
            raise fault(i, f"the question has {ends[0][i]} S and {ends[1][i]} G; it must have one of each")
        at = int((np.where(answers[i] == WAY, OPEN, answers[i]) != questions[i]).argmax())
        raise fault(i, f"the answer changes the board in row {at // side + 1} column {at % side + 1}")
    free = (answers == WAY) | (questions == START) | (questions == GOAL)
    far = distances(free.reshape(-1, side, side), (questions == START).argmax(1)).reshape(answers.shape)
    reached = far[np.arange(len(far)), (questions == GOAL).argmax(1)]
    if (reached < 0).any():
        raise fault(int((reached < 0).argmax()), "the cells marked in the answer do not lead from S to G")


def _keys(rows: Rows) -> np.ndarray:
    side = math.isqrt(rows.questions.shape[1])
    return wall_key((rows.questions == WALL).reshape(-1, side, side))
