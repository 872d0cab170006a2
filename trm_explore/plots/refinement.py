"""The answer of every step as a row of boards, the puzzle before and the target behind."""

from __future__ import annotations

import math
from typing import Any

from matplotlib.figure import Figure

from trm_explore.config.checks import shown
from trm_explore.plots.boards import draw_board, shape_of
from trm_explore.plots.paper import INK, MUTE, PAGE, Sheet, on_paper, panels, sheet
from trm_explore.tasks import resolve
from trm_explore.tasks.base import Task
from trm_explore.training.trajectory import Trajectory, frame_of
from trm_explore.view.frame import Frame, change, kind_of, verdict
from trm_explore.view.palette import step_colors

GAP, TITLE, WORDS = 0.12, 0.2, 0.34  # inches: between boards, over a board, under it
LEAST, MOST = 0.62, 1.7  # inches of a board's width
LONG = 3.2  # of boards that are wider than high


@on_paper
def refinement(
    trajectory: Trajectory | Frame,
    task: Task | str | None = None,
    *,
    item: int = 0,
    shape: tuple[int, int] | None = None,
    axes: Any = None,
    width: float = PAGE,
) -> Figure:
    """Puzzle `item` of a recorded inference: the puzzle, every step's answer, the target where it is known. In rows, as
    many boards as fit. `shape`: (rows, cols) of the boards, where they are not the task's held-out ones.

    In place of trajectory and task: a frame, such as a Frame event's `trajectory`. `axes`: one a board.
    """
    frame = frame_from(trajectory, task, item, shape)
    boards = boards_of(frame)
    if axes is None:
        places, cell = _laid_out(frame, len(boards), width)
    else:
        places = panels(axes, len(boards), width, 1.0)
        box = places[0].get_position()
        inches = box.width * places[0].figure.get_figwidth(), box.height * places[0].figure.get_figheight()
        across, down = shape_of(frame)
        cell = 72 * min(inches[0] / across, inches[1] / down)
        for ax in places:
            ax.set_box_aspect(down / across)
    colors = step_colors(len(frame["steps"]))
    for ax, k in zip(places, boards, strict=True):
        draw_board(ax, frame, k, cell)
        name = f"step {k}" if isinstance(k, int) else k
        ax.set_title(name, color=colors[k] if isinstance(k, int) else INK, loc="left", pad=3, fontsize=7.5)
        if isinstance(k, int):
            caption = "\n".join(filter(None, [verdict(frame, k), change(frame, k)]))
            ax.set_xlabel(caption, loc="left", fontsize=6.5, color=MUTE, labelpad=2)
    return places[0].figure


def boards_of(frame: Frame) -> list[int | str]:
    """What the strip shows: the puzzle, the steps, the target (in the plane a ring on every board says it)."""
    known = frame["target"] is not None and kind_of(frame) != "plane"
    return ["puzzle", *range(len(frame["steps"])), *(["target"] if known else [])]


def frame_from(trajectory: Any, task: Task | str | None, item: int, shape: tuple[int, int] | None = None) -> Frame:
    """The puzzle to draw; ValueError in one sentence where there is none."""
    if isinstance(trajectory, dict) and {"board", "steps", "inputs"} <= trajectory.keys():
        return trajectory
    if not isinstance(trajectory, Trajectory):
        raise ValueError(
            f"trajectory is a {type(trajectory).__name__}; give what record(model, batch) returns, or a frame"
        )
    task = resolve(task)[0] if isinstance(task, str) else task
    if not isinstance(task, Task):
        raise ValueError(f"task is a {type(task).__name__}; give the trajectory's task, such as resolve(config)[0]")
    B = len(trajectory.inputs)
    if isinstance(item, bool) or not isinstance(item, int) or not 0 <= item < B:
        raise ValueError(f"item={shown(item)} is not there: the trajectory has {B} puzzles, counted from 0")
    cells, (rows, cols) = trajectory.inputs.shape[1], shape or trajectory.board or task.held_out_shape()
    if rows * cols != cells:
        raise ValueError(
            f"the boards are {rows} x {cols}, but the trajectory has {cells} cells; give their shape=(rows, cols)"
        )
    return frame_of(trajectory, task, item=item, shape=shape)


def _laid_out(frame: Frame, n: int, width: float) -> tuple[list[Any], float]:
    """Axes for n boards in a figure of that width, row by row, and the size of a cell in points."""
    across, down = shape_of(frame)
    most = (LONG if across >= 2 * down else MOST) if kind_of(frame) != "plane" else 1.9
    most = min(most, 0.34 * across) if kind_of(frame) != "plane" else most  # short rows do not swell
    least = min(max(LEAST, 0.125 * across), most, width - 2 * GAP)  # a cell of 9 points holds a symbol of 5
    columns = max(1, min(n, int((width + GAP) / (least + GAP))))
    columns = math.ceil(n / math.ceil(n / columns))  # rows of like length
    size = min(most, (width - GAP) / columns - GAP)
    high, rows = size * down / across, math.ceil(n / columns)
    row = high + TITLE + WORDS
    figure: Sheet = sheet(width, rows * row + 0.04, layout=None)
    total, places = figure.get_figheight(), []
    for i in range(n):
        left, bottom = GAP + i % columns * (size + GAP), total - i // columns * row - TITLE - high
        places.append(figure.add_axes((left / width, bottom / total, size / width, high / total)))
    return places, 72 * size / across
