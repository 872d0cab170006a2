"""Mazes from CSV files, as Maze-Hard has them, to a data folder; training mazes turned and mirrored where asked for.

Characters as published: "#" wall, " " open, "S" start, "G" goal, "o" the way in an answer; tokens 1 to 5 in that order,
0 pads. Boards are square, of any size; the published ones are 30x30.
"""

from __future__ import annotations

import math
from collections.abc import Generator
from functools import partial
from pathlib import Path

import numpy as np

from trm_explore.data.dihedral import WAYS, turned
from trm_explore.data.from_csv import Kind, Written, build
from trm_explore.data.puzzle_csv import Rows
from trm_explore.tasks.grids import distances, wall_key

ALPHABET = {character: token for token, character in enumerate("# SGo", 1)}
WALL, OPEN, START, GOAL, WAY = ALPHABET.values()
VOCABULARY = 6


def build_maze(
    source: str | Path, output_dir: str | Path, *, aug: bool = False, seed: int = 0, **options
) -> Generator[tuple[int, int], None, Written]:
    """`aug`: all 8 turned and mirrored copies of every training maze, else only itself. Other options:
    from_csv.build."""
    number = WAYS - 1 if aug else 0
    kind = Kind(ALPHABET, VOCABULARY, None, _check, _keys, partial(_copies, 1 + number), number)
    return build(source, output_dir, kind, seed=seed, **options)


def _copies(number: int, question: np.ndarray, answer: np.ndarray, rng: np.random.RandomState) -> tuple:
    side = math.isqrt(len(question))
    boards = np.stack([question, answer]).reshape(2, side, side)
    copies = np.stack([turned(boards, way) for way in range(number)], axis=1)  # (2, number, side, side)
    return tuple(copies.reshape(2, number, -1))


def _check(rows: Rows) -> None:
    """An answer is its question with a way from S to G marked; whether it is a shortest one is not looked at."""
    questions, answers = rows.questions, rows.answers
    side = math.isqrt(questions.shape[1])
    ends = (questions == START).sum(1), (questions == GOAL).sum(1)
    same = (np.where(answers == WAY, OPEN, answers) == questions).all(1)
    for i in np.flatnonzero((ends[0] != 1) | (ends[1] != 1) | ~same):
        if ends[0][i] != 1 or ends[1][i] != 1:
            raise rows.fault(i, f"the question has {ends[0][i]} S and {ends[1][i]} G; it must have one of each")
        at = int((np.where(answers[i] == WAY, OPEN, answers[i]) != questions[i]).argmax())
        raise rows.fault(i, f"the answer changes the board in row {at // side + 1} column {at % side + 1}")
    free = (answers == WAY) | (questions == START) | (questions == GOAL)
    far = distances(free.reshape(-1, side, side), (questions == START).argmax(1)).reshape(answers.shape)
    reached = far[np.arange(len(far)), (questions == GOAL).argmax(1)]
    if (reached < 0).any():
        raise rows.fault(int((reached < 0).argmax()), "the cells marked in the answer do not lead from S to G")


def _keys(rows: Rows) -> np.ndarray:
    side = math.isqrt(rows.questions.shape[1])
    return wall_key((rows.questions == WALL).reshape(-1, side, side))
