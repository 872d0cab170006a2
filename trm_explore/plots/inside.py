"""What happens inside: gradients by step, how far the states move, their paths, and who looks at whom."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from trm_explore.plots import paper
from trm_explore.plots.paper import INK, LINE, MUTE, PAGE, PAPER, SQUARE, on_paper, panel, panels
from trm_explore.plots.series import numbers, those
from trm_explore.training import events as ev
from trm_explore.training.trajectory import Trajectory
from trm_explore.view.palette import step_colors
from trm_explore.words.percent import percent


@on_paper
def gradient_by_step(measured: Any, *, axes: Any = None, width: float = PAGE) -> Figure:
    """What each step's loss alone sends back: into the shared network (bars), and into z_H after every H-cycle (a table
    from white, nothing, to dark). `measured`: what gradient_statistics returns, or a run's events, whose last
    measurement is drawn."""
    if not hasattr(measured, "network"):
        advice = "train with gradient_every above 0, or give what gradient_statistics(model, batch) returns"
        measured = those(measured, ev.GradientsMeasured, advice)[-1]
    network, states = numbers("network", measured.network, 1), numbers("states", measured.states, 2)
    S = len(network)
    if states.shape != (S, S):
        raise ValueError(f"states has the shape {states.shape}, but network has {S} steps; give ({S}, {S})")
    narrow = width < 5
    bars, table = panels(axes, 2, width, 1.7 if narrow else 2.3, width_ratios=[1, 1.25])
    bars.bar(range(S), np.nan_to_num(network), 0.75, color=step_colors(S), edgecolor=INK, linewidth=0.4)
    bars.set_xlabel("loss of step")
    bars.set_ylabel("gradient norm")
    bars.set_title("into the network", fontweight="normal")
    ticks = np.arange(0, S, -(-S // (5 if narrow else 8)))
    bars.set_xticks(ticks)
    paper.light_grid(bars)

    there = np.isfinite(states) & (states > 0)
    norms = np.ma.array(states, mask=~there)
    low, high = (float(states[there].min()), float(states[there].max())) if there.any() else (1.0, 1.0)
    low = min(low, high / 1.5)
    norm = LogNorm(low * (low / high) ** 0.15, high)  # so that the smallest one is not white
    table.set_facecolor(PAPER)
    edge = LINE if S < 20 else "none"
    mesh = table.pcolormesh(norms, cmap=paper.STRENGTH, norm=norm, edgecolors=edge, linewidth=0.5)
    size = min(7.0, table.figure.get_figwidth() * 0.42 / S * 72 / 3.4)
    for k, j in np.argwhere(np.ones_like(states, dtype=bool)) if size >= 5 else ():
        dark = there[k, j] and paper.is_dark(paper.STRENGTH(norm(states[k, j])))
        text = f"{states[k, j]:.2g}" if there[k, j] else "0" if states[k, j] == 0 else "–"
        table.text(j + 0.5, k + 0.5, text, ha="center", va="center", fontsize=size, color=PAPER if dark else INK)
    if size < 5:
        table.figure.colorbar(mesh, ax=table, label="gradient norm", fraction=0.05)
    table.set_xlim(0, S)
    table.set_ylim(S, 0)
    table.set_xticks(ticks + 0.5, ticks)
    table.set_yticks(ticks + 0.5, ticks)
    table.tick_params(length=0)
    table.set_xlabel("$z_H$ after H-cycle")
    table.set_ylabel("loss of step")
    table.set_title("into the answer state", fontweight="normal")
    return table.figure


@on_paper
def state_change(trajectory: Trajectory, *, ax: Axes | None = None, width: float = PAGE) -> Figure:
    """How far each H-cycle moves z_H and z_L, in units of their own size: the mean over the puzzles, and every puzzle
    (up to 50) faint behind. It falls towards 0 where the states come to rest."""
    if not isinstance(trajectory, Trajectory):
        raise ValueError(f"trajectory is a {type(trajectory).__name__}; give what record(model, batch) returns")
    S, ax, colors = trajectory.n_steps, panel(ax, width, 2.2), step_colors(3)
    steps, drawn = np.arange(S), []
    rows = (
        ("$z_H$, the answer", trajectory.change_H, colors[2], "-", "o"),
        ("$z_L$, the latent", trajectory.change_L, colors[0], (0, (4, 1.6)), "s"),
    )
    for label, change, color, dash, marker in rows:
        change = np.where(np.isfinite(change) & (change > 0), change, np.nan).astype(float)  # (S, B)
        if np.isnan(change).all():
            continue
        if change.shape[1] > 1:
            ax.plot(steps, change[:, :50], color=color, linewidth=0.4, alpha=0.35)
        mean = np.array([np.nan if np.isnan(row).all() else np.nanmean(row) for row in change])
        ax.plot(steps, mean, color=color, linestyle=dash, marker=marker, label=label, markeredgecolor=PAPER, zorder=3)
        drawn.append(change)
    if not drawn:
        raise ValueError("the trajectory has no change of a state that is finite and above 0; there is nothing to draw")
    ax.set_yscale("log")
    ax.set_xlim(-0.2, S - 0.8)
    paper.whole_ticks(ax.xaxis)
    ax.set_xlabel("step")
    ax.set_ylabel("change of the state,\nin units of its size")
    paper.light_grid(ax)
    paper.legend_above(ax)
    return ax.figure


@on_paper
def latent_paths(
    points: Any,
    explained: Any = None,
    *,
    cloud: Any = None,
    ax: Axes | None = None,
    width: float = SQUARE,
) -> Figure:
    """The way of every position's state through a plane, and their mean: points (S, L, 2), such as their two main
    directions. `explained`: the part of the variance that each axis shows. `cloud`: (N, 2) other states, grey. In place
    of the arrays: what analysis.latent.latent_paths returns."""
    if hasattr(points, "paths"):
        found = points
        points, explained, cloud = found.paths.swapaxes(0, 1), found.explained, found.cloud
    points = numbers("points", points, 3)
    S, L, two = points.shape
    if two != 2:
        raise ValueError(f"points has the shape {points.shape}; give (steps, positions, 2)")
    ax, colors = panel(ax, width, 0.9 * width), step_colors(S)
    if cloud is not None:
        cloud = numbers("cloud", cloud, 2)
        ax.scatter(*cloud[:, :2].T, s=3, color=LINE, linewidths=0, zorder=1, rasterized=len(cloud) > 5000)
    ax.plot(points[..., 0], points[..., 1], color=MUTE, linewidth=0.4, alpha=0.5, zorder=2)
    for k, place in enumerate(points):
        marker = paper.MARKERS[(k - S) % len(paper.MARKERS)]
        ax.scatter(*place.T, s=9 if L < 100 else 4, marker=marker, color=colors[k], linewidths=0, alpha=0.8, zorder=3)
    middle = np.stack([np.nanmean(points[..., axis], axis=1) for axis in (0, 1)], axis=-1)  # (S, 2)
    ax.plot(*middle.T, color=INK, linewidth=1.5, zorder=4)
    for k, place in enumerate(middle):
        marker = paper.MARKERS[(k - S) % len(paper.MARKERS)]
        look = {"markeredgecolor": INK, "markeredgewidth": 0.8, "linestyle": "none", "markersize": 6.5}
        ax.plot(*place, marker=marker, color=colors[k], label=paper.step_label(k, S), zorder=5, **look)
    share = None if explained is None else numbers("explained", explained, 1)
    for n, label in enumerate((ax.set_xlabel, ax.set_ylabel)):
        known = share is not None and len(share) > n
        label(f"main direction {n + 1}" + (f" ({percent(float(share[n]))} of the variance)" if known else ""))
    ax.margins(0.06)
    ax.set_aspect("equal", adjustable="datalim")
    paper.legend_above(ax)
    return ax.figure


@on_paper
def attention_map(
    weights: Any, board: Any = None, *, label: str = "weight", ax: Axes | None = None, width: float = SQUARE
) -> Figure:
    """Which position (a row) draws on which (a column): weights (L, L), 0 and above. `board`: a frame's or task's
    board, or (rows, cols); its rows are then set apart by lines and named. `label`: what the numbers are."""
    weights = numbers("weights", weights, 2)
    L = len(weights)
    if weights.shape != (L, L) or not np.isfinite(weights).all() or (weights < 0).any():
        raise ValueError(f"weights has the shape {weights.shape}; give (L, L), finite numbers of at least 0")
    rows, cols = (board["rows"], board["cols"]) if isinstance(board, dict) else board or (1, L)
    if rows * cols != L:
        raise ValueError(f"board is {rows} x {cols}, which is not the {L} positions of weights; give rows x cols = {L}")
    ax = panel(ax, width, 0.84 * width, layout="compressed")
    mesh = ax.imshow(weights, cmap=paper.STRENGTH, vmin=0, vmax=float(weights.max()) or 1, interpolation="nearest")
    ax.spines[["top", "right"]].set_visible(True)
    if rows > 1:
        for row in range(1, rows):
            ax.axhline(row * cols - 0.5, color=MUTE, linewidth=0.5)
            ax.axvline(row * cols - 0.5, color=MUTE, linewidth=0.5)
        every = max(1, rows // 9)
        names = [f"row {row + 1}" if row == 0 else str(row + 1) for row in range(0, rows, every)]
        middles = np.arange(0, rows, every) * cols + (cols - 1) / 2
        ax.set_xticks(middles, names)
        ax.set_yticks(middles, names)
        ax.tick_params(length=0)
    else:
        paper.whole_ticks(ax.xaxis)
        paper.whole_ticks(ax.yaxis)
    ax.set_xlabel("draws on position")
    ax.set_ylabel("position")
    ax.figure.colorbar(mesh, ax=ax, label=label, pad=0.02, aspect=30).outline.set_linewidth(0.5)
    return ax.figure
