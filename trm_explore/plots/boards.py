"""One answer of a frame as a picture, by its kind (grid, digits, path, heat, plane). view/frame.py says what it shows.

The same signs as on the page: tint = how sure, bold = given, ring = changed since the step before, red cross = wrong.
`k` is a step, or "puzzle" or "target". A board is drawn in cells: cell i covers x = col..col+1, y = row..row+1.
"""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Circle, Rectangle

from trm_explore.plots.paper import BAD, INK, LINE, MUTE, PAPER, VALUES, mix
from trm_explore.view.frame import Frame, changed, kind_of, tokens, unasked, values, wrong
from trm_explore.view.palette import step_colors

SIGN = 0.8  # cells that the sign of an addition takes at the left, and the carries above
TINY = 9.0  # points a cell: below this marks are simpler


def shape_of(frame: Frame) -> tuple[float, float]:
    """(width, height) of the picture, in cells."""
    rows, cols = frame["board"]["rows"], frame["board"]["cols"]
    return {"digits": (cols + SIGN, rows + 0.6), "plane": (1.0, 1.0)}.get(kind_of(frame), (cols, rows))


def draw_board(ax: Axes, frame: Frame, k: int | str, points: float) -> None:
    """Draws it into empty axes whose box has the picture's proportions; `points`: the size of a cell."""
    (width, height), kind = shape_of(frame), kind_of(frame)
    left, top = (-SIGN, -0.6) if kind == "digits" else (0, 0)
    ax.set_xlim(left, left + width)
    ax.set_ylim(top + height, top)
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines[:].set_visible(kind != "digits")
    ax.spines[:].set(linewidth=1.0, edgecolor=INK)
    {"path": _path, "heat": _heat, "plane": _plane}.get(kind, _symbols)(ax, frame, k, points)


def color_of(frame: Frame, k: int | str) -> str:
    """The colour of the step; the puzzle and the target have none of their own."""
    return step_colors(len(frame["steps"]))[k] if isinstance(k, int) else MUTE


def _symbols(ax: Axes, frame: Frame, k: int | str, points: float) -> None:
    board, color, symbols = frame["board"], color_of(frame, k), tokens(frame, k)
    rows, cols, digits = board["rows"], board["cols"], kind_of(frame) == "digits"
    sure = frame["steps"][k].get("conf") if isinstance(k, int) else None
    plain, tints = unasked(frame), []
    for i in range(rows * cols):
        tint = 0.0 if frame["given"][i] or plain[i] or sure is None else 0.06 + 0.40 * (sure[i] or 0) ** 2
        tints.append(mix(color, tint))
    ground = np.array(tints).reshape(rows, cols, 3)
    first = rows - 1 if digits else 0  # an addition's given numbers stand free
    edges, y = {"edgecolors": LINE, "linewidth": min(0.6, points / 20)}, np.arange(first, rows + 1)
    ax.pcolormesh(np.arange(cols + 1), y, ground[first:], **edges)
    text = {"ha": "center", "va": "center_baseline", "color": INK}
    if points >= 3.6:
        for i, token in enumerate(symbols):
            word = str(board["symbols"][token]).strip()
            size = points * min(0.62, 0.95 / max(1, len(word)))
            weight = "bold" if frame["given"][i] else "normal"
            ax.text(i % cols + 0.5, i // cols + 0.52, word, fontsize=size, fontweight=weight, **text)
    _rings(ax, changed(frame, k), cols, 0.08, points)
    _crosses(ax, wrong(frame, k), cols, points)
    if digits:
        notes = (frame["steps"][k].get("notes") if isinstance(k, int) else None) or []
        ax.plot([-SIGN, cols], [rows - 1] * 2, color=INK, linewidth=1.1, solid_capstyle="butt")
        ax.text(-SIGN / 2, rows - 1.5, board.get("sign", "+"), fontsize=0.62 * points, **text)
        for col in range(cols):
            note = next(filter(None, notes[col::cols]), "")
            small = text | {"color": mix(color, 0.75, INK), "fontweight": "bold", "fontsize": 0.45 * points}
            ax.text(col + 0.5, -0.28, note, **small)
    box_rows, box_cols = board.get("box") or (0, 0)
    for row in range(box_rows, rows, box_rows) if box_rows else ():
        ax.axhline(row, color=INK, linewidth=1.0)
    for col in range(box_cols, cols, box_cols) if box_cols else ():
        ax.axvline(col, color=INK, linewidth=1.0)


def _path(ax: Axes, frame: Frame, k: int | str, points: float) -> None:
    board, color, roles = frame["board"], color_of(frame, k), frame["board"]["roles"]
    rows, cols = board["rows"], board["cols"]
    own, said = ([roles[token] for token in row] for row in (frame["inputs"], tokens(frame, k)))
    said = [mine if mine in ("start", "goal") else role for mine, role in zip(own, said, strict=True)]
    sure = frame["steps"][k].get("conf") if isinstance(k, int) else None
    ground = np.ones((rows * cols, 3))
    for i in range(rows * cols):
        if own[i] == "wall":
            ground[i] = mix(INK, 0.82)
        if said[i] in ("path", "reached"):
            ground[i] = mix(color, 0.16 + 0.4 * (1 if sure is None else sure[i] or 0) ** 2)
    edges = {"edgecolors": LINE, "linewidth": 0.4} if points >= TINY else {"edgecolors": "face", "linewidth": 0.1}
    ax.pcolormesh(np.arange(cols + 1), np.arange(rows + 1), ground.reshape(rows, cols, 3), **edges)
    on = [role in ("path", "start", "goal") for role in said]
    line = {"color": mix(color, 0.88, INK), "linewidth": 0.28 * points, "solid_capstyle": "round"}
    for i in range(rows * cols):
        x, y = i % cols + 0.5, i // cols + 0.5
        if said[i] == "path":
            ax.plot([x, x], [y, y], **line)
        if on[i] and x + 1 < cols and on[i + 1]:
            ax.plot([x, x + 1], [y, y], **line)
        if on[i] and y + 1 < rows and on[i + cols]:
            ax.plot([x, x], [y, y + 1], **line)
    _rings(ax, changed(frame, k), cols, 0.14, points)
    for i, role in enumerate(own):
        if role in ("start", "goal"):
            x, y, r = i % cols + 0.5, i // cols + 0.5, max(0.4, 2.6 / points)
            look = {"facecolor": INK, "edgecolor": PAPER, "linewidth": 0.5, "zorder": 4}
            badge = Circle((x, y), r, **look) if role == "start" else Rectangle((x - r, y - r), 2 * r, 2 * r, **look)
            ax.add_patch(badge)
            if r * points >= 3.4:
                look = {"ha": "center", "va": "center_baseline", "color": PAPER, "fontweight": "bold", "zorder": 5}
                ax.text(x, y + 0.02, "S" if role == "start" else "G", fontsize=1.25 * r * points, **look)
    _crosses(ax, wrong(frame, k), cols, points)


def _rings(ax: Axes, cells: list[int], cols: int, inset: float, points: float) -> None:
    """A dark square inside each cell; none where cells are too small to show one."""
    side, look = 1 - 2 * inset, {"fill": False, "edgecolor": INK, "linewidth": min(0.9, points / 13), "zorder": 3}
    for i in cells if points >= 4 else ():
        ax.add_patch(Rectangle((i % cols + inset, i // cols + inset), side, side, **look))


def _crosses(ax: Axes, cells: list[int], cols: int, points: float) -> None:
    """A red cross with a white halo in the cell's corner; in tiny cells over the whole cell."""
    left, top, d = (0.1, 0.1, 0.8) if points < TINY else (0.64, 0.1, 0.26)
    scale = min(1.0, points / 12)
    for i in cells:
        x, y = i % cols + left, i // cols + top
        for color, width in ((PAPER, 2.6), (BAD, 1.2)):
            line = {"color": color, "linewidth": width * scale, "zorder": 6}
            ax.plot([x, x + d, np.nan, x, x + d], [y, y + d, np.nan, y + d, y], **line)


def _heat(ax: Axes, frame: Frame, k: int | str, points: float) -> None:
    board = frame["board"]
    rows, cols = board["rows"], board["cols"]
    low, high = board.get("range") or (-1, 1)
    heat = np.ma.masked_invalid(values(frame, k)[:, 0].reshape(rows, cols))
    ax.set_facecolor(INK)  # where there is no number
    span = {"vmin": low, "vmax": high if high > low else low + 1}
    ax.pcolormesh(np.arange(cols + 1), np.arange(rows + 1), heat, cmap=VALUES, edgecolors="face", linewidth=0.2, **span)
    _crosses(ax, wrong(frame, k), cols, points)


def _plane(ax: Axes, frame: Frame, k: int | str, points: float) -> None:
    """The point's way to step k (square: where it began; ring: where it should come to), the companions' last moves."""
    reach, colors, scale = frame["board"].get("extent") or 1, step_colors(len(frame["steps"])), min(1.0, points / 110)
    ax.set_xlim(-reach, reach)
    ax.set_ylim(-reach, reach)
    ax.axhline(0, color=LINE, linewidth=0.6, zorder=0)
    ax.axvline(0, color=LINE, linewidth=0.6, zorder=0)
    steps = list(range(k + 1)) if isinstance(k, int) else []
    beside = frame.get("others") or {"inputs": []}
    if beside["inputs"]:
        now = np.array(beside["steps"][k] if steps else beside["inputs"], dtype=float)
        before = np.array(beside["steps"][k - 1] if len(steps) > 1 else beside["inputs"], dtype=float)
        look = {"color": mix(color_of(frame, k), 0.55), "zorder": 1}
        if steps:
            heads = {"width": 0.006, "headwidth": 4, "headlength": 4, "headaxislength": 3.5, "minlength": 0.5}
            ax.quiver(*before.T, *(now - before).T, angles="xy", scale_units="xy", scale=1, **heads, **look)
        else:
            ax.scatter(*now.T, s=3 * scale, linewidths=0, **look)
    way = np.array([values(frame, s)[0, :2] for s in ["puzzle", *steps]])
    ax.plot(*way.T, color=INK, linewidth=1.1 * scale, zorder=3)
    start = {"color": INK, "markeredgecolor": PAPER, "markeredgewidth": 0.5, "zorder": 4}
    ax.plot(*way[0], marker="s", markersize=5 * scale, **start)
    if frame["target"] is not None:
        ring = {"fillstyle": "none", "color": INK, "markeredgewidth": 1.1 * scale, "zorder": 4}
        ax.plot(*values(frame, "target")[0, :2], marker="o", markersize=11 * scale, **ring)
    for s, place in zip(steps, way[1:], strict=True):
        size, edge = (7, INK) if s == k else (4.5, PAPER)
        look = {"color": colors[s], "markeredgecolor": edge, "markeredgewidth": 0.6, "zorder": 5}
        ax.plot(*place, marker="o", markersize=size * scale, **look)
    if wrong(frame, k):
        look = {"textcoords": "offset points", "color": BAD, "fontweight": "bold", "ha": "center", "va": "center"}
        ax.annotate("×", way[-1], (-6 * scale, 5 * scale), fontsize=9 * scale, zorder=6, annotation_clip=False, **look)
