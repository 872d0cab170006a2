"""Weights, losses and accuracy: one line or bar a step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from trm_explore.config import SCHEDULES
from trm_explore.config.checks import shown
from trm_explore.config.schedules import FORMULAS
from trm_explore.plots import paper
from trm_explore.plots.paper import INK, LINE, MUTE, PAGE, on_paper, panel
from trm_explore.plots.series import (
    MEASURE_NAMES,
    MEASURES,
    by_step,
    chosen,
    evaluations_of,
    numbers,
    smoothed,
    updates_of,
)
from trm_explore.training.losses import supervision_weights
from trm_explore.view.palette import step_colors

AXES = {"updates": "update", "seconds": "seconds of training"}


@on_paper
def weight_vectors(
    schedules: Sequence[str] | None = None,
    n_steps: int = 3,
    base_weight: float = 0.5,
    *,
    custom: Sequence[float] | None = None,
    ax: Axes | None = None,
    width: float = PAGE,
) -> Figure:
    """The raw loss weight of every step, a group of bars a schedule (None: all that have a formula), with the divisor,
    their sum, under its name. `custom`: the weights of the schedule "custom"."""
    names = [*FORMULAS, *(["custom"] if custom is not None else [])] if schedules is None else list(schedules)
    if not names:
        raise ValueError(f"schedules is empty; give some of {', '.join(SCHEDULES)}")
    groups = [supervision_weights(name, n_steps, base_weight, custom).numpy() for name in names]
    ax, colors = panel(ax, width, 1.9), step_colors(n_steps)
    inches = ax.figure.get_figwidth()
    bar, room = 0.82 / n_steps, inches / (len(names) * n_steps)  # room: inches a bar
    numbered = n_steps < 9 and room > 0.13
    for g, weights in enumerate(groups):
        places = g - 0.41 + bar * (np.arange(n_steps) + 0.5)
        ax.bar(places, weights, 0.86 * bar, color=colors, edgecolor=INK, linewidth=0.4 if n_steps < 9 else 0)
        for k, (place, weight) in enumerate(zip(places, weights, strict=True)):
            if room > 0.3:
                ax.text(place, weight + 0.02, f"{weight:.3g}", ha="center", va="bottom", fontsize=6.5, color=INK)
            if numbered:
                ax.text(place, -0.02, str(k), ha="center", va="top", fontsize=6, color=MUTE)
    words = [name.replace("_", "_\n" if inches < 6 else "_") for name in names]
    under = [f"{word}\n÷ {weights.sum():.4g}" for word, weights in zip(words, groups, strict=True)]
    ax.set_xticks(range(len(names)), under, fontsize=7 if inches > 4 else 6)
    ax.tick_params(axis="x", length=0, pad=9 if numbered else 2)
    ax.set_xlim(-0.5, len(names) - 0.5)
    ax.set_ylim(0, max(float(weights.max()) for weights in groups) * 1.12)
    ax.set_ylabel("loss weight of the step")
    paper.light_grid(ax)
    return ax.figure


@on_paper
def step_losses(
    events: Any,
    *,
    log: bool = False,
    smooth: float = 0,
    against: str = "updates",
    ax: Axes | None = None,
    width: float = PAGE,
) -> Figure:
    """The training loss of every step, unweighted. `smooth`: of the running mean, 0 (none) to below 1, as on the page;
    the single losses then stay behind it, faint. `against`: "updates", or "seconds" of the training clock."""
    chosen("against", against, AXES)
    if isinstance(smooth, bool) or not isinstance(smooth, int | float) or not 0 <= smooth < 1:
        raise ValueError(f"smooth={shown(smooth)} must be a number from 0 to below 1; 0 draws the losses as they are")
    done = updates_of(events)
    losses = by_step([event.step_losses for event in done])  # (N, S)
    if np.isnan(losses).all():
        raise ValueError(f"none of the losses of {len(done)} updates is a finite number; there is nothing to draw")
    x = np.array([event.update if against == "updates" else event.seconds for event in done], dtype=float)
    ax = panel(ax, width, 2.4)
    for line, style in zip(losses.T, paper.line_styles(losses.shape[1]), strict=True):
        if smooth:
            ax.plot(x, line, color=style["color"], linewidth=0.5, alpha=0.3)
    _lines(ax, x, np.stack([smoothed(line, smooth) for line in losses.T]))
    if log:
        ax.set_yscale("log")
    else:
        ax.set_ylim(bottom=min(0.0, float(np.nanmin(losses))))
    if against == "updates":
        paper.whole_ticks(ax.xaxis)
    ax.set_xlabel(AXES[against])
    ax.set_ylabel("training loss of the step")
    paper.light_grid(ax)
    paper.legend_above(ax)
    return ax.figure


@on_paper
def accuracy(events: Any, *, measure: str = "exact", ax: Axes | None = None, width: float = PAGE) -> Figure:
    """What every step gets right on held-out puzzles during training: "exact", whole answers, or "cells"."""
    field = MEASURES[chosen("measure", measure, MEASURES)]
    found = evaluations_of(events)
    parts = by_step([getattr(event, field) for event in found])
    ax = panel(ax, width, 2.4)
    _lines(ax, np.array([event.update for event in found], dtype=float), parts.T)
    paper.whole_ticks(ax.xaxis)
    paper.percent_ticks(ax)
    ax.set_xlabel("update")
    ax.set_ylabel(f"held-out puzzles:\n{MEASURE_NAMES[measure]}")
    paper.legend_above(ax)
    return ax.figure


@on_paper
def accuracy_by_cycle(
    scores: Any, trained_cycles: int | None = None, *, ax: Axes | None = None, width: float = PAGE
) -> Figure:
    """Whole answers and cells right after every H-cycle of one evaluation, with more cycles than in training shaded.

    `scores`: what evaluate returns, an Evaluated event, or anything with lists (a number a step) `exact_accuracy` and
    `cell_accuracy`, as attributes or keys. `trained_cycles`: H-cycles that training gave a puzzle (None: as `scores`
    says in `trained`, if it does).
    """
    lists = {measure: numbers(field, _of(scores, field), 1) for measure, field in MEASURES.items()}
    S = len(lists["exact"])
    trained_cycles = getattr(scores, "trained", None) if trained_cycles is None else trained_cycles
    if len(lists["cells"]) != S:
        raise ValueError(
            f"cell_accuracy has {len(lists['cells'])} steps, but exact_accuracy has {S}; give equally many"
        )
    if trained_cycles is not None and (not isinstance(trained_cycles, int) or trained_cycles < 1):
        raise ValueError(f"trained_cycles={shown(trained_cycles)} must be a whole number of at least 1")
    ax, colors = panel(ax, width, 2.2), step_colors(S)
    if trained_cycles is not None and trained_cycles < S:
        ax.axvspan(trained_cycles - 0.5, S - 0.5, color=LINE, alpha=0.45, linewidth=0)
        nearby = np.concatenate([values[trained_cycles:] for values in lists.values()])
        free = max((0.07, 0.3, 0.5, 0.7, 0.93), key=lambda y: np.nanmin(np.abs(nearby - y)))  # where no curve is
        ax.text(trained_cycles - 0.4, free, "beyond training", fontsize=7, color=MUTE, va="center")
    steps = np.arange(S)
    for measure, marker, dash in (("cells", "s", (0, (4, 1.6))), ("exact", "o", "-")):
        ax.plot(steps, lists[measure], linestyle=dash, color=MUTE, linewidth=1, zorder=2)
        full = measure == "exact"
        face = {"facecolors": colors if full else "none", "edgecolors": INK if full else colors}
        ax.scatter(
            steps,
            lists[measure],
            s=(30 if measure == "cells" else 14) / (1 if S < 20 else 2),
            marker=marker,
            linewidths=0.7,
            zorder=3,
            **face,
        )
        end = {
            "marker": marker,
            "markerfacecolor": colors[-1] if full else "none",
            "markeredgecolor": INK if full else colors[-1],
        }
        ax.plot([], [], linestyle=dash, color=MUTE, label=MEASURE_NAMES[measure], markeredgewidth=0.7, **end)
    ax.set_xlim(-0.5, S - 0.5)
    paper.whole_ticks(ax.xaxis)
    paper.percent_ticks(ax)
    ax.set_xlabel("step (H-cycles from 0)")
    ax.set_ylabel("held-out puzzles")
    paper.legend_above(ax)
    return ax.figure


def _of(scores: Any, field: str) -> Any:
    """An attribute or a key."""
    value = scores.get(field) if isinstance(scores, dict) else getattr(scores, field, None)
    if value is None:
        raise ValueError(f"scores, a {type(scores).__name__}, has no {field}; give what evaluate(model, ...) returns")
    return value


def _lines(ax: Axes, x: np.ndarray, lines: np.ndarray) -> None:
    """lines (S, N), one a step. A lone point between gaps is seen by its marker."""
    S, N = lines.shape
    styles = paper.line_styles(S)
    for k, (line, style) in enumerate(zip(lines, styles, strict=True)):
        there = ~np.isnan(line)
        alone = there & ~np.r_[False, there[:-1]] & ~np.r_[there[1:], False]
        start, every = paper.spread_marks(N, k, S)
        marks = sorted({*range(start, N, every), *np.flatnonzero(alone).tolist()})
        ax.plot(x, line, label=paper.step_label(k, S), markevery=marks, **style)
