"""What a frame shows (training.trajectory.frame_of), decided once for print and terminal: which cells are asked about,
what stands in them, which have changed or are wrong, and the words below an answer.

`k` is a step, or "puzzle" or "target". Cells count from 0, row by row. The page decides the same in web/src/answers.js,
since the frames that it makes never come here; a test holds the two to each other.
"""

from __future__ import annotations

import math
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import numpy as np

from trm_explore.data.labels import IGNORE
from trm_explore.words.drawings import DRAWING

Frame = dict[str, Any]
REAL = ("heat", "plane")  # kinds of boards whose answers are numbers
WORDS = DRAWING["answers"]


def kind_of(frame: Frame) -> str:
    """What is drawn: grid, digits, path, heat or plane. Frames of older runs do not say it: a grid."""
    return frame["board"].get("kind") or "grid"


def unasked(frame: Frame) -> list[bool]:
    """Cells that the network is not asked about: the puzzle's own symbol stands there, whatever it says."""
    if frame.get("target") is not None:
        return [token == IGNORE for token in frame["target"]]
    return [kind_of(frame) != "grid" and bool(given) for given in frame["given"]]


def tokens(frame: Frame, k: int | str) -> list[int]:
    """The symbol of every cell."""
    answer = _list(frame, k, "ids")
    return [own if skip else token for own, token, skip in zip(frame["inputs"], answer, unasked(frame), strict=True)]


def values(frame: Frame, k: int | str) -> np.ndarray:
    """(cells, numbers a cell); what is not a number is NaN."""
    flat = [math.nan if x is None else x for x in _list(frame, k, "values")]
    return np.array(flat, dtype=float).reshape(len(frame["given"]), -1)


def _list(frame: Frame, k: int | str, name: str) -> list[Any]:
    return frame["steps"][k][name] if isinstance(k, int) else frame["inputs" if k == "puzzle" else "target"]


def changed(frame: Frame, k: int | str) -> list[int]:
    """Cells whose symbol is another than at the step before."""
    if not isinstance(k, int) or k == 0 or kind_of(frame) in REAL:
        return []
    return [i for i, (a, b) in enumerate(zip(tokens(frame, k - 1), tokens(frame, k), strict=True)) if a != b]


def wrong(frame: Frame, k: int | str) -> list[int]:
    """Cells whose answer is wrong; [] also where nothing can be said (see is_judged)."""
    return list(frame["steps"][k].get("wrong") or []) if isinstance(k, int) else []


def is_judged(frame: Frame, k: int) -> bool:
    """Whether it is known what is wrong: there is a target, or the rules of a grid tell."""
    known = frame["steps"][k].get("wrong") is not None
    return known and (kind_of(frame) == "grid" or frame.get("target") is not None or bool(wrong(frame, k)))


def verdict(frame: Frame, k: int) -> str:
    """How right the answer is, in words; "" where nothing can be said."""
    n = len(wrong(frame, k))
    if kind_of(frame) == "plane" and frame.get("target") is not None and is_judged(frame, k):
        off = np.linalg.norm(values(frame, k)[0] - values(frame, "target")[0])
        if np.isfinite(off):
            return WORDS["off"].format(off=short(off)) if n else WORDS["on_target"]
    if not is_judged(frame, k):
        return ""
    return WORDS["wrong"].format(n=n) if n else WORDS["solved"]


def change(frame: Frame, k: int) -> str:
    """What changed since the step before, in words: how many symbols, or how far numbers moved; "" at the first step,
    but for a point of the plane, which has moved from its place in the puzzle."""
    kind = kind_of(frame)
    if kind not in REAL:
        n = len(changed(frame, k))
        return "" if not k else WORDS["changed"].format(n=n) if n else DRAWING["ribbon"]["unchanged"]
    if kind == "plane":
        way = np.linalg.norm(values(frame, k)[0] - values(frame, k - 1 if k else "puzzle")[0])
    else:
        way = np.abs(values(frame, k)[:, 0] - values(frame, k - 1)[:, 0]).mean() if k else math.nan
    return WORDS["moved"].format(way=short(way)) if np.isfinite(way) else ""


def short(x: float) -> str:
    """A number of an answer: two digits behind the point at most, with the minus sign of mathematics. Exact halves are
    rounded away from 0, as JavaScript's toFixed does it."""
    if abs(x) < 0.005:
        return "0"
    rounded = Decimal(float(x)).quantize(Decimal("0.01"), ROUND_HALF_UP)
    return f"{rounded:f}".rstrip("0").rstrip(".").replace("-", "\u2212")
