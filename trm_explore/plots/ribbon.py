"""The printed ribbon: the recursion unrolled, one column a step, as on the page (web/src/ribbon.js).

From the config: L-cycles and H-cycle, how far a loss reaches back, loss weights. From a run: losses, accuracy, answers.
"""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from trm_explore.config import RunConfig
from trm_explore.plots.boards import draw_board, shape_of
from trm_explore.plots.paper import LINE, MUTE, PAGE, on_paper, sheet
from trm_explore.plots.refinement import frame_from
from trm_explore.plots.ribbon_column import PAD, ROWS, TEXT, Live, draw_column
from trm_explore.plots.series import those
from trm_explore.tasks.base import Task
from trm_explore.training import events as ev
from trm_explore.view.frame import Frame, change, verdict
from trm_explore.view.palette import step_colors
from trm_explore.view.payload import fitted, plan_of

WORDS, NOTE = 0.36, 0.13  # inches: below a board, a line of the note


@on_paper
def ribbon(
    config: RunConfig,
    events: Any = None,
    trajectory: Any = None,
    task: Task | str | None = None,
    *,
    item: int = 0,
    ax: Axes | None = None,
    width: float = PAGE,
) -> Figure:
    """One column a step; of more steps than fit, the first, the last and some between. `events`: a run's, whose last
    losses, accuracy and recorded answer are shown. `trajectory` with its `task`, or a frame: the answers of puzzle
    `item` instead."""
    if not isinstance(config, RunConfig):
        raise ValueError(f"config is a {type(config).__name__}; give a RunConfig, such as preset('sudoku4')")
    plan = plan_of(config)
    live = _live(config, events, plan["steps"])
    frame = live.frame if trajectory is None else frame_from(trajectory, task, item)
    names = [
        name
        for name in ROWS
        if (name != "loss" or live.update is not None) and (name != "solved" or live.evaluated is not None)
    ]
    if ax is not None and not isinstance(ax, Axes):
        raise ValueError(f"ax is a {type(ax).__name__}; give a matplotlib Axes, or leave it out for a new figure")
    if ax is not None:
        box = ax.get_position()
        width, given = box.width * ax.figure.get_figwidth(), box.height * ax.figure.get_figheight()
    head = 0.98 if width > 5 else 0.72
    least = 0.8 if width > 5 else 0.6
    columns = _some(plan["steps"], max(1, int((width - head) / least)))
    column = (width - head) / len(columns)
    note = textwrap.wrap(plan["scope_note"], int(width * 72 / 3.7))
    fixed = sum(ROWS[name] for name in names) + 0.06 + NOTE * len(note)
    across, down = shape_of(frame) if frame else (1, 0)
    side = min(column - 2 * PAD, 1.5 * max(1, across / max(down, 1)))  # of the board
    if ax is None:
        height = fixed + (side * down / across + WORDS + 0.1 if frame else 0)
        ax = sheet(width, height, layout=None).add_axes((0, 0, 1, 1))
    else:
        height = given
        side = min(side, max(0.1, (height - fixed - WORDS - 0.1) * across / max(down, 1)))
    ax.set_xlim(0, width)
    ax.set_ylim(height, 0)
    ax.set_axis_off()

    tops, y = {}, 0.02
    for name in names:
        tops[name] = y
        y += ROWS[name]
    tops["answer"] = y
    bottom = height - NOTE * len(note) - 0.03
    _heads(ax, plan, live, tops, width, frame)
    colors = step_colors(plan["steps"])
    for place, k in enumerate(columns):
        left = head + place * column
        ax.plot([left, left], [0.02, bottom], color=LINE, linewidth=0.6)
        gap = place and k != columns[place - 1] + 1
        draw_column(ax, plan, live, tops, left, column, k, colors[k], bool(gap))
        if frame and k < len(frame["steps"]):
            foot = tops["answer"] + 0.08 + side * down / across
            inside = ((left + PAD) / width, 1 - foot / height, side / width, side * down / across / height)
            draw_board(ax.inset_axes(inside), frame, k, 72 * side / across)
            caption = "\n".join(filter(None, [verdict(frame, k), change(frame, k)]))
            ax.text(left + PAD, foot + 0.05, caption, fontsize=6.5 if column > 0.75 else 5.6, color=MUTE, va="top")
        elif frame:
            ax.text(left + PAD, tops["answer"] + 0.15, "–", **TEXT)
    for n, line in enumerate(note):
        ax.text(0.03, bottom + 0.08 + NOTE * n, line, color=MUTE, va="center", fontsize=6.5)
    return ax.figure


def _live(config: RunConfig, events: Any, S: int) -> Live:
    none = np.full(S, np.nan)
    if events is None:
        return Live(None, none, None, None, none, none, None)
    found = those(events, ev.UpdateDone | ev.Evaluated | ev.Frame, "train for at least one update, or leave events out")
    last = {type(event): event for event in found}
    update, scores, frame = (last.get(kind) for kind in (ev.UpdateDone, ev.Evaluated, ev.Frame))
    s = config.supervision
    moving = s.enable_deep_supervision and (s.adaptive_weights, s.curriculum) != ("off", "off")
    return Live(
        update and update.update,
        np.array(fitted(update.step_losses if update else [], S)),
        np.array(fitted(update.weights, S)) if update and moving and update.weights else None,
        scores and held_out(scores),
        np.array(fitted(scores.cell_accuracy if scores else [], S)),
        np.array(fitted(scores.exact_accuracy if scores else [], S)),
        frame and frame.trajectory,
    )


def held_out(scores: ev.Evaluated) -> str:
    """What an evaluation was on, and when."""
    puzzles = f"{scores.puzzles:,} puzzles " if scores.puzzles else ""  # not known of a run that a person has made up
    return f"{puzzles}held out,\nupdate {scores.update}"


def _some(S: int, most: int) -> list[int]:
    return sorted({round(i * (S - 1) / max(1, min(S, most) - 1)) for i in range(min(S, most))}) if most > 1 else [S - 1]


def _heads(ax: Axes, plan: dict, live: Live, tops: dict[str, float], width: float, frame: Frame | None) -> None:
    """The names of the rows, with what they count, and the lines between rows."""
    divisor = plan["divisor"] if live.weights is None else float(np.nansum(live.weights))
    under = {
        "recursion": "← gradient",
        "loss weight": f"divided by {divisor:.4g}" if width > 5 else f"÷ {divisor:.4g}",
        "solved": live.evaluated or "",
        "answer": (frame or {}).get("label") or "",
    }
    for name, top in tops.items():
        if name == "answer" and not frame:
            continue
        if name != "step":
            ax.plot([0, width], [top, top], color=LINE, linewidth=0.6)
        title = f"loss, update {live.update}" if name == "loss" and width > 5 else name
        ax.text(0.03, top + 0.135, title, **(TEXT | {"fontsize": 7}))
        if under.get(name):
            lines = "\n".join(textwrap.fill(line, 20 if width > 5 else 13) for line in under[name].split("\n"))
            ax.text(0.03, top + 0.24, lines, color=MUTE, va="top", fontsize=6, linespacing=1.25)
