"""One column of the printed ribbon: the step's recursion, its piece of the gradient's way, its weight and scores."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Circle, FancyBboxPatch, Rectangle

from trm_explore.plots.paper import INK, MUTE, PAPER, mix
from trm_explore.training.losses import gradient_reach
from trm_explore.view.frame import Frame
from trm_explore.words.percent import percent

ROWS = {"step": 0.27, "recursion": 0.5, "loss weight": 0.58, "loss": 0.26, "solved": 0.46}  # inches
PAD = 0.07  # at a column's sides
TEXT = {"color": INK, "va": "center", "fontsize": 7.5}


class Live(NamedTuple):
    """What a run has said last, a number a step (NaN: nothing)."""

    update: int | None
    losses: np.ndarray
    weights: np.ndarray | None  # where they move during training
    evaluated: str | None  # on which puzzles, after which update
    cells: np.ndarray
    exact: np.ndarray
    frame: Frame | None


def draw_column(
    ax: Axes, plan: dict, live: Live, tops: dict[str, float], left: float, width: float, k: int, color: str, gap: bool
) -> None:
    """Column k but for its board; `gap`: steps before it are left out."""
    S, x, narrow = plan["steps"], left + PAD, width < 0.95
    y = tops["step"] + 0.12
    ax.text(x, y, str(k), **(TEXT | {"fontweight": "bold", "fontsize": 9}))
    ax.plot([x, x + 0.11 + 0.07 * (k > 9)], [y + 0.095] * 2, color=color, linewidth=2, solid_capstyle="butt")
    small = {"color": MUTE, "va": "center", "fontsize": 6.5}
    if k == S - 1:
        ax.text(x + 0.2 + 0.07 * (k > 9), y, "final" if narrow else "final answer", **small)
    if gap:
        ax.text(left, y, "…", ha="center", bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 0.5}, **small)

    weights = np.asarray(plan["weights"]) if live.weights is None else live.weights
    reach = plan["reach"] if live.weights is None else gradient_reach(plan["scope"], live.weights.tolist())
    arrow = reach[k]
    paint = (color, INK) if arrow != "none" else (mix(color, 0.3), mix(INK, 0.35))
    last_call = _chain(ax, plan["L_cycles"], x, tops["recursion"] + 0.16, width - 2 * PAD, paint)
    start = {"last_call": last_call, "inside": x, "end": x}.get(arrow, left)
    end = left + width - (PAD if arrow in ("inside", "last_call", "start") else 0)
    if arrow != "none":
        y = tops["recursion"] + 0.37
        ax.plot([start, end], [y, y], color=color, linewidth=1.4, solid_capstyle="butt")
    if arrow in ("inside", "last_call", "end"):
        ax.plot([start + 0.02], [y], marker="<", markersize=4.5, color=color, markeredgewidth=0)

    weight, base = weights[k], tops["loss weight"] + ROWS["loss weight"]
    off = not plan["enabled"] and k < S - 1
    if np.isfinite(weight):
        high = max(0.015, 0.44 * float(weight) / max(1.0, float(np.nanmax(weights))))
        ax.add_patch(Rectangle((x, base - high), 0.2, high, facecolor=color, linewidth=0))
    label = ("off" if narrow else "not\nsupervised") if off else f"{weight:.3f}" if np.isfinite(weight) else "–"
    look = {"fontsize": 6, "color": MUTE, "linespacing": 1.1} if off else {"fontsize": 7}
    ax.text(x + 0.25, base - 0.05, label, **(TEXT | {"va": "bottom"} | look))

    if "loss" in tops:
        ax.text(x, tops["loss"] + 0.135, short_number(live.losses[k]), **TEXT)
    if "solved" in tops:
        y, long = tops["solved"] + 0.135, width - 2 * PAD
        ax.text(x, y, percent(live.exact[k]), **TEXT)
        ax.add_patch(Rectangle((x, y + 0.085), long, 0.035, facecolor=mix(INK, 0.1), linewidth=0))
        part = 0.0 if np.isnan(live.exact[k]) else float(live.exact[k])
        ax.add_patch(Rectangle((x, y + 0.085), long * part, 0.035, facecolor=color, linewidth=0))
        if np.isfinite(live.cells[k]):
            ax.text(x, y + 0.21, f"cells {percent(live.cells[k])}", **(TEXT | {"fontsize": 6, "color": MUTE}))


def _chain(ax: Axes, L_cycles: int, x: float, y: float, room: float, paint: tuple[Any, Any]) -> float:
    """The L-cycles as circles (of more than fit one, and how many), then the H-cycle as a box; `paint`: of lines and of
    letters. Returns where the last L-cycle begins."""
    (color, ink), r, box = paint, 0.075, 0.15
    fit = int((room - box - 0.06) / (2 * r + 0.03))
    circles = L_cycles if L_cycles <= min(3, fit) else 1
    name = {"ha": "center", "va": "center_baseline", "fontsize": 5.5, "fontweight": "bold"}
    for _ in range(circles):
        last = x
        ax.add_patch(Circle((x + r, y), r, facecolor=PAPER, edgecolor=color, linewidth=1.1))
        ax.text(x + r, y + 0.003, "L", color=ink, **name)
        x += 2 * r + 0.03
    if circles < L_cycles:
        last = x
        ax.text(x, y, f"×{L_cycles}", color=ink, va="center", fontsize=6)
        x += 0.1 + 0.055 * len(str(L_cycles))
    ax.plot([x - 0.02, x + 0.06], [y, y], color=color, linewidth=1, solid_capstyle="butt", zorder=0)
    shape = {"boxstyle": "round,pad=0,rounding_size=0.03", "facecolor": color, "linewidth": 0}
    ax.add_patch(FancyBboxPatch((x + 0.06, y - 0.075), box, 0.15, **shape))
    ax.text(x + 0.06 + box / 2, y + 0.003, "H", color=PAPER, **name)
    return last


def short_number(x: float) -> str:
    """A loss in few digits, as on the page."""
    if not np.isfinite(x):
        return "–"
    for least, form in ((10, ".1f"), (1, ".2f"), (0.01, ".3f"), (1e-4, ".2g")):
        if abs(x) >= least:
            return format(x, form)
    return f"{x:.1e}" if x else "0"
