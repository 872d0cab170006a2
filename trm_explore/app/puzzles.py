"""Puzzles of the visitor's own: what was typed, pasted or read from a file as a batch. Whatever comes from the browser
is checked here; what is wrong is one sentence."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import numpy as np

from trm_explore.config.checks import is_number
from trm_explore.data.sudoku_rules import parse_puzzle
from trm_explore.data.text_file import PASTED, lines_of_bytes, lines_of_text
from trm_explore.tasks.base import Task, with_board
from trm_explore.tasks.sudoku import SudokuTask
from trm_explore.training.trajectory import inputs_of
from trm_explore.words import refusals

LONGEST = 100_000  # characters of a text or of a file's beginning
MOST_CELLS = 1024  # of one board; more would make others wait
MOST_FILE_BYTES = 1_000_000  # of what the browser sends of a file


def first_puzzle(task: Task, lines: Iterator[str], name: str = PASTED) -> str:
    """The first puzzle of a pasted text's or a file's lines."""
    found = task.first_text(lines, name)
    if not found.strip():
        raise ValueError(refusals.NO_PUZZLE)
    return found


def puzzle_of_file(task: Task, sent: Any, name: Any) -> str:
    """The first puzzle of a file that the browser has sent in base64."""
    name = str(name)[:80] if isinstance(name, str) and name else PASTED
    if not isinstance(sent, str) or len(sent) > 4 * MOST_FILE_BYTES // 3 + 4:
        raise ValueError(refusals.LONG_FILE.format(longest=MOST_FILE_BYTES // 1000))
    try:
        data = base64.b64decode(sent, validate=True)
    except ValueError:
        raise ValueError(refusals.NO_PUZZLE) from None
    return first_puzzle(task, lines_of_bytes(data, name), name)


def read_puzzle(task: Task, text: Any) -> tuple[dict[str, Any], str]:
    """A typed puzzle as a batch of one with its board's shape, and a remark. A Sudoku that breaks a rule or has no
    solution is a batch too, without labels: what the network makes of it is worth seeing. ValueError for all else."""
    if not isinstance(text, str) or len(text) > LONGEST:
        raise ValueError(refusals.LONG_PUZZLE.format(longest=LONGEST))
    text = first_puzzle(task, lines_of_text(text))
    try:
        batch, remark = task.read(text)
    except ValueError as error:
        if not isinstance(task, SudokuTask):
            raise
        batch = {"inputs": task.encode(parse_puzzle(text, task.size))[None]}  # refuses what is no board at all
        remark = str(error)
    cells = inputs_of(batch).shape[1]
    if cells > MOST_CELLS:
        raise ValueError(refusals.LARGE_PUZZLE.format(cells=cells, most=MOST_CELLS))
    return with_board(batch, task.shape_of(batch)), remark


def held_out_puzzle(task: Task, number: Any, most: int) -> dict[str, Any]:
    """Held-out puzzle `number`, from 0, as a batch of one with its board's shape."""
    if not is_number(number) or number != int(number) or not 0 <= number < most:
        raise ValueError(refusals.BAD_NUMBER.format(number=number if is_number(number) else "?", most=most - 1))
    puzzles = task.held_out(int(number) + 1)
    at = min(int(number), len(puzzles["labels"]) - 1)  # some tasks have fewer
    return {name: np.asarray(value)[at : at + 1] for name, value in puzzles.items()}
