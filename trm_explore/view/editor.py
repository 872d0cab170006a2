"""What an editor of puzzles offers for a task: which cells may be changed, what may stand there, the puzzle as text."""

from __future__ import annotations

from typing import Any

from trm_explore.config.checks import is_number
from trm_explore.tasks.base import Task
from trm_explore.tasks.sudoku import SudokuTask
from trm_explore.training.trajectory import inputs_of
from trm_explore.words import refusals

UNIQUE = ("start", "goal")  # roles of which a board has one each
OFFERED = ("wall", "open", *UNIQUE)  # roles that belong to a question


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
        asked = [symbols[token] if symbols[token].strip() else "" for token in inputs]
        rows = [any(asked[row * shape[1] : (row + 1) * shape[1]]) for row in range(shape[0])]
        editable = [int(rows[i // shape[1]] and symbols[token] != "") for i, token in enumerate(inputs)]
        blank = None
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
