"""How a task of one's own is drawn: what it said itself, checked, over a plain grid (a heat map for numbers)."""

from __future__ import annotations

from typing import Any

from trm_explore.config.checks import shown
from trm_explore.tasks.base import Task

KINDS = {"cross_entropy": ("grid", "path", "digits"), "mse": ("heat", "plane")}
ROLES = ("", "wall", "open", "start", "goal", "path", "reached")
FIELDS = ("kind", "rows", "cols", "box", "symbols", "roles", "sign", "range", "extent")


def board_of(task: Task, given: Any) -> dict[str, Any]:
    """The whole board; ValueError in one sentence for what could not be drawn."""
    where, kinds = f"{task.name}: board", KINDS[task.loss]
    if not isinstance(given, dict):
        raise ValueError(f"{where} must give a dict, not {type(given).__name__}")
    if foreign := [name for name in given if name not in FIELDS]:
        raise ValueError(f"{where} has {shown(foreign[0])}, which is not known; allowed are {', '.join(FIELDS)}")
    numbers = [str(token) for token in range(task.vocab_size)]
    plain = {"range": [-1, 1]} if task.loss == "mse" else {"symbols": numbers}
    board = {"kind": kinds[0], "box": None, **plain, **given, "rows": task.rows, "cols": task.cols}
    if board["kind"] not in kinds:
        raise ValueError(
            f"{where} has kind={shown(board['kind'])}; allowed with loss={task.loss} are {', '.join(kinds)}"
        )
    for name in ("symbols", "roles"):
        texts = board.get(name)
        needed = task.loss == "cross_entropy" and (name == "symbols" or board["kind"] == "path")
        if needed and not (
            isinstance(texts, list | tuple)
            and len(texts) == task.vocab_size
            and all(isinstance(text, str) and (name == "symbols" or text in ROLES) for text in texts)
        ):
            kind = "a text" if name == "symbols" else f"one of {', '.join(map(repr, ROLES))}"
            raise ValueError(f"{where} needs {name}: a list of {task.vocab_size}, {kind} a token, not {texts!r:.60}")
    if board["kind"] == "plane" and not task.input_size == task.vocab_size == 2:
        raise ValueError(
            f"{where} has kind='plane', which needs input_size=2 and vocab_size=2, not {task.input_size} and "
            f"{task.vocab_size}"
        )
    box, width = board["box"], board.get("range", [-1, 1])
    if box is not None and not (_pair(box, int) and min(box) >= 1):
        raise ValueError(f"{where} has box={shown(box)}; give [rows, cols], or leave it out")
    if not (_pair(width, (int, float)) and width[0] < width[1]):
        raise ValueError(f"{where} has range={shown(width)}; give [low, high] with low below high")
    return board


def _pair(value: Any, kind: Any) -> bool:
    return isinstance(value, list | tuple) and len(value) == 2 and all(isinstance(part, kind) for part in value)
