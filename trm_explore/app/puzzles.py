"""Puzzles of the visitor's own: what the editor offers for a task, and what was typed, pasted or read from a file as a
batch. Whatever comes from the browser is checked here; what is wrong is one sentence."""

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
UNIQUE = ("start", "goal")  # roles of which a board has one each
OFFERED = ("wall", "open", *UNIQUE)  # roles that belong to a question
MOST_FILE_BYTES = 1_000_000  # of what the browser sends of a file


def editor_of(task: Task, batch: dict[str, Any], shape: tuple[int, int]) -> dict[str, Any]:
    """What the editor shows of a batch's first puzzle, JSON-ready.

    `cells`: its tokens, None where the task has no symbols to click on; `editable`: 1 where a cell may be changed;
    `choices`: [token, name] of what may stand there; `blank`: the token of an empty cell; `unique`: tokens of which
    there is one; `text`: the same puzzle as it would be typed; `reads`: whether the task takes typed puzzles at all.
    """
    board, inputs = task.board(), inputs_of(batch)[0]
    reads = "own" in task.__dict__ and hasattr(task.own, "read") or type(task).read is not Task.read
    shown = {"reads": reads, "kind": board["kind"], "rows": shape[0], "cols": shape[1], "box": board.get("box")}
    if task.loss == "mse":
        words = " ".join(f"{number:.3g}" for number in inputs.ravel()) if inputs.size <= 4 else ""
        return shown | {"cells": None, "text": words if reads else ""}
    symbols, roles = board["symbols"], board.get("roles") or []
    if roles:
        choices = [(token, name) for token, name in enumerate(roles) if name in OFFERED]
        editable, blank = [1] * len(inputs), roles.index("open")
    elif isinstance(task, SudokuTask):
        choices = [(token, symbol) for token, symbol in enumerate(symbols) if symbol]
        editable, blank = [1] * len(inputs), 1
    else:  # what stands in the question may be changed, what is to be found may not
        choices = [(token, symbol) for token, symbol in enumerate(symbols) if symbol.strip()]
        editable, blank = [int(bool(symbols[token].strip())) for token in inputs], None
    return shown | {
        "symbols": list(symbols),
        "roles": list(roles),
        "cells": inputs.tolist(),
        "editable": editable if reads else [0] * len(inputs),
        "choices": [list(choice) for choice in choices],
        "blank": blank,
        "unique": [token for token, name in choices if name in UNIQUE],
        "text": text_of(task, inputs.tolist(), shape) if reads else "",
    }


def text_of(task: Task, cells: list[int], shape: tuple[int, int]) -> str:
    """Tokens of a question as the task's `read` takes them. ValueError where they are none of the task's."""
    board, (rows, cols) = task.board(), shape
    symbols = board["symbols"]
    if not all(is_number(token) and token == int(token) and 0 <= token < len(symbols) for token in cells):
        raise ValueError(refusals.BAD_CELLS.format(most=len(symbols) - 1))
    if not 0 < len(cells) == rows * cols:
        raise ValueError(refusals.BAD_SHAPE.format(cells=len(cells), rows=rows, cols=cols))
    written = [symbols[int(token)].strip() for token in cells]
    lines = [written[row * cols : (row + 1) * cols] for row in range(rows)]
    if board.get("roles"):
        return "/".join("".join(symbol or "." for symbol in line) for line in lines)
    if board["kind"] == "digits":
        return "+".join("".join(line) for line in lines if any(line))
    blank = "." if isinstance(task, SudokuTask) else ""
    return "".join(symbol or blank for symbol in written)


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
