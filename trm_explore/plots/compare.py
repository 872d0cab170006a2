"""Runs beside one another: what they cost, and what they reach over several seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from trm_explore.config.checks import shown
from trm_explore.plots import paper
from trm_explore.plots.paper import INK, MUTE, PAGE, on_paper, panel, panels
from trm_explore.plots.series import MEASURE_NAMES, chosen, evaluations_of
from trm_explore.view.palette import step_colors

FIELDS = {"exact": "exact_accuracy", "cells": "cell_accuracy", "loss": "loss"}
BANDS = {  # seaborn's error bars
    "ci": (("ci", 95), "95 % bootstrap interval of the mean"),
    "sd": (("sd", 1), "one standard deviation"),
    "range": (("pi", 100), "from the lowest to the highest"),
}
HATCHES = ("", "////", "....", "\\\\\\\\", "xxxx", "----")


@on_paper
def comparison(
    runs: Mapping[str, Sequence[Any]],
    *,
    measure: str = "exact",
    step: int = -1,
    band: str = "ci",
    ax: Axes | None = None,
    width: float = PAGE,
) -> Figure:
    """The mean over seeds and a band: runs by name, each a list of one list of events a seed.

    `measure`: "exact", "cells" or "loss", on held-out puzzles; `step`: which one, -1 the final answer. `band`: "ci", a
    95 % bootstrap interval of the mean (fixed seed), "sd", or "range", lowest to highest. One seed has no band; what is
    no finite number is left out.
    """
    import seaborn  # slow to import, and only this figure needs it

    field = FIELDS[chosen("measure", measure, FIELDS)]
    errorbar, words = BANDS[chosen("band", band, BANDS)]
    if not isinstance(runs, Mapping) or not runs:
        raise ValueError('runs must map a name to a list of event lists, one a seed, such as {"off": [events, events]}')
    ax, names = panel(ax, width, 2.4), list(runs)
    for n, style in enumerate(paper.line_styles(len(names))):
        seeds = runs[names[n]]
        points = [point for events in seeds for point in _points(events, field, step, names[n])]
        if not points:
            raise ValueError(f"runs[{shown(names[n])}] has no seed; give at least one list of events")
        x, y = zip(*points, strict=True)
        style |= {"linewidth": 1.5, "err_kws": {"alpha": 0.18, "linewidth": 0}}
        style["label"] = f"{names[n]} ({len(seeds)} seed{'s' if len(seeds) > 1 else ''})"
        style["markevery"] = paper.spread_marks(len(set(x)), n, len(names))
        several = errorbar if len(seeds) > 1 else None
        seaborn.lineplot(x=x, y=y, errorbar=several, seed=0, ax=ax, legend=False, **style)
    paper.whole_ticks(ax.xaxis)
    if measure == "loss":
        paper.light_grid(ax)
    else:
        paper.percent_ticks(ax)
    which = "the final answer" if step == -1 else f"step {step}"
    ax.set_xlabel("update" + (f"\nband: {words}" if any(len(seeds) > 1 for seeds in runs.values()) else ""))
    ax.set_ylabel(f"{MEASURE_NAMES[measure]},\n{which}")
    paper.legend_above(ax)
    return ax.figure


def _points(events: Any, field: str, step: int, name: str) -> list[tuple[int, float]]:
    """(update, value) of one seed's evaluations."""
    points = []
    for event in evaluations_of(events):
        values = getattr(event, field)
        if isinstance(step, bool) or not isinstance(step, int) or not -len(values) <= step < len(values):
            raise ValueError(
                f"step={shown(step)} is not there: runs[{shown(name)}] has {len(values)} steps, from 0; -1 is the last"
            )
        points.append((event.update, values[step]))
    return points


@on_paper
def cost_bars(costs: Mapping[str, Any], *, against: str | None = None, axes: Any = None, width: float = PAGE) -> Figure:
    """Operations and memory of an update, as multiples of one config's (`against`, None: the first, such as supervision
    off): costs by name, each what cost.estimate returns."""
    if not isinstance(costs, Mapping) or not costs:
        raise ValueError('costs must map names to what cost.estimate returns, such as {"off": estimate(config)}')
    names = list(costs)
    against = names[0] if against is None else chosen("against", against, names)
    for name, cost in costs.items():
        for field in ("operations", "memory"):
            if not getattr(cost, field, 0) > 0:
                raise ValueError(
                    f"costs[{shown(name)}] has no {field} above 0; give what cost.estimate(config) returns"
                )
    height = 0.62 + 0.24 * len(names)
    pair = panels(axes, 2, width, height, sharey=True)
    rows = (("operations", "operations an update", _count), ("memory", "memory", _bytes))
    for ax, (field, title, say) in zip(pair, rows, strict=True):
        values = np.array([getattr(cost, field) for cost in costs.values()], dtype=float)
        times = values / getattr(costs[against], field)
        bars = ax.barh(range(len(names)), times, 0.68, color=step_colors(len(names)), edgecolor=INK, linewidth=0.4)
        for n, bar in enumerate(bars):
            bar.set_hatch(HATCHES[n % len(HATCHES)])
            inside = f"{times[n]:.2f}× " if ax.figure.get_figwidth() < 5 else f"{times[n]:.2f}×  {say(values[n])}"
            ax.text(times[n] + 0.03 * times.max(), n, inside, va="center", fontsize=6.5, color=INK)
        ax.axvline(1, color=MUTE, linewidth=0.7, linestyle=(0, (2, 2)))
        ax.set_xlim(0, times.max() * (1.5 if width < 5 else 1.55))
        ax.set_yticks(range(len(names)), names)
        ax.tick_params(axis="y", length=0)
        if not ax.yaxis_inverted():
            ax.invert_yaxis()
        ax.set_title(title, fontweight="normal")
        ax.set_xlabel(f"multiple of {against}")
    return pair[0].figure


def _count(n: float) -> str:
    for size, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M")):
        if n >= size:
            return f"{n / size:.3g} {letter}op"
    return f"{n:.3g} op"


def _bytes(n: float) -> str:
    for size, unit in ((1e9, "GB"), (1e6, "MB")):
        if n >= size:
            return f"{n / size:.3g} {unit}"
    return f"{n / 1e3:.3g} kB"
