"""What all figures share: paper, type, line styles, panels and files. No pyplot: a figure belongs to whoever asked.

A figure is drawn at the size it is printed in (`width` in inches: 3.3 is a column, 7 the whole page), with 7 and 8
point type, on white. Colour is never the only sign: every line has a dash and a marker of its own as well.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from trm_explore.config.checks import shown
from trm_explore.storage.whole import write_whole
from trm_explore.view.palette import step_colors

COLUMN, SQUARE, PAGE = 3.3, 4.2, 7.0  # inches; square figures need not fill a page
# The page's light colours (web/src/common.js).
INK, MUTE, LINE, BAD, PAPER = "#1f2937", "#5b6470", "#dcd9d2", "#b91c1c", "#ffffff"
LOW, MID, HIGH = "#1f5fae", "#f4f2ee", "#c2570c"
VALUES = LinearSegmentedColormap.from_list("values", [LOW, MID, HIGH])  # below, at and above the middle
STRENGTH = LinearSegmentedColormap.from_list("strength", [PAPER, *step_colors(5)[2::-1]])  # nothing to much
DASHES = ((0, (1, 1.3)), (0, (4, 1.6)), (0, (5, 1.3, 1, 1.3)), (0, (2.2, 1.2)), (0, (7, 1.3, 1, 1.3, 1, 1.3)))
MARKERS = "sD^vPX<>o"  # nine, and five dashes: only after 45 lines one comes again
STYLE = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib: the same figure on every machine
    "font.size": 8,
    "axes.labelsize": 8,
    "axes.titlesize": 8,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.minor.width": 0.4,
    "ytick.minor.width": 0.4,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "xtick.minor.size": 1.5,
    "ytick.minor.size": 1.5,
    "lines.linewidth": 1.3,
    "lines.markersize": 3.6,
    "hatch.linewidth": 0.5,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": MUTE,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.facecolor": PAPER,
    "figure.facecolor": PAPER,
    "savefig.facecolor": PAPER,
    "savefig.dpi": 300,
    "axes.unicode_minus": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "text.usetex": False,
    "path.simplify": True,
}
# Fonts go into the file (TrueType in PDF, outlines in SVG); no date and no random name: same figure, same bytes.
FILES = {
    "pdf": {"metadata": {"CreationDate": None, "ModDate": None}},
    "svg": {"metadata": {"Date": None}},
    "png": {},
}
EMBED = {"pdf.fonttype": 42, "svg.fonttype": "path", "svg.hashsalt": "trm_explore"}

Drawing = TypeVar("Drawing", bound=Callable[..., Any])


class Sheet(Figure):
    """A matplotlib Figure that a notebook shows as the last line of a cell, without pyplot or a backend."""

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        file = io.BytesIO()
        with rc_context(STYLE):
            self.savefig(file, format="png", dpi=200)
        return file.getvalue(), {"width": round(100 * self.get_figwidth())}


def on_paper(draw: Drawing) -> Drawing:
    """The function, with our type and lines while it draws; matplotlib's own settings are afterwards as they were."""

    @wraps(draw)
    def drawn(*arguments: Any, **named: Any) -> Any:
        with rc_context(STYLE):
            return draw(*arguments, **named)

    return drawn


def panel(ax: Axes | None, width: float, height: float, layout: str = "constrained") -> Axes:
    """The axes to draw in: the caller's own, or those of a new figure of `width` x `height` inches."""
    if ax is None:
        return sheet(width, height, layout).add_subplot()
    if not isinstance(ax, Axes):
        raise ValueError(f"ax is a {type(ax).__name__}; give a matplotlib Axes, or leave it out for a new figure")
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def panels(axes: Any, n: int, width: float, height: float, **grid: Any) -> list[Axes]:
    """The same for `n` axes side by side."""
    if axes is None:
        return list(sheet(width, height).subplots(1, n, squeeze=False, **grid)[0])
    found = list(getattr(axes, "flat", axes)) if not isinstance(axes, Axes) else [axes]
    if len(found) != n:
        raise ValueError(f"axes has {len(found)} axes, but this figure needs {n}; leave it out for a new figure")
    return [panel(ax, width, height) for ax in found]


def sheet(width: float, height: float, layout: str | None = "constrained") -> Sheet:
    """A new white figure; sizes in inches."""
    if isinstance(width, bool) or not isinstance(width, int | float) or not 2.5 <= width <= 40:
        raise ValueError(f"width={shown(width)} must be a number of inches from 2.5 to 40; 3.3 is a column, 7 a page")
    figure = Sheet(figsize=(width, height), layout=layout)
    if layout:
        figure.get_layout_engine().set(w_pad=0.03, h_pad=0.03, wspace=0.06)
    return figure


def save(figure: Figure, path: str | Path) -> Path:
    """Writes a PNG (300 dots an inch), SVG or PDF (both vectors, fonts embedded), by the name's suffix; the same figure
    gives the same bytes. ValueError for another suffix, OSError where the file cannot be written."""
    path = Path(path)
    kind = path.suffix.lower().removeprefix(".")
    if kind not in FILES:
        raise ValueError(
            f"path={shown(str(path), 200)} must end in .png, .svg or .pdf; the suffix says what is written"
        )
    if not isinstance(figure, Figure):
        raise ValueError(f"figure is a {type(figure).__name__}; give what a function of trm_explore.plots returned")
    try:
        with rc_context(STYLE | EMBED):
            figure.savefig(drawn := io.BytesIO(), format=kind, **FILES[kind])
        return write_whole(path, drawn.getvalue(), "figure")
    except OSError as error:
        advice = "choose a folder that exists and that you may write to"
        reason = getattr(error.__cause__, "strerror", None) or error.strerror
        raise OSError(error.errno, f"could not write the figure to {path}: {reason}; {advice}") from error


def mix(color: str, part: float, ground: str = PAPER) -> tuple[float, ...]:
    """`part` of a colour on the ground, as the page's tints are mixed."""
    return tuple(part * c + (1 - part) * g for c, g in zip(to_rgb(color), to_rgb(ground), strict=True))


def is_dark(color: Any) -> bool:
    """Whether white reads better on it than ink (relative luminance, ITU-R BT.709)."""
    return sum(part * c for part, c in zip((0.2126, 0.7152, 0.0722), to_rgb(color), strict=True)) < 0.5


def line_styles(n: int) -> list[dict[str, Any]]:
    """Colour, dash and marker of each of n lines; the last, the final answer's, is solid and a little stronger."""
    styles = []
    for k, color in enumerate(step_colors(n)):
        last = k == n - 1
        dash = "-" if last else DASHES[k % len(DASHES)]
        marker = {"marker": MARKERS[(k - n) % len(MARKERS)], "markeredgecolor": PAPER, "markeredgewidth": 0.5}
        styles.append({"color": color, "linestyle": dash, "linewidth": 1.7 if last else 1.2, **marker})
    return styles


def legend_above(ax: Axes, *, most: int = 10) -> None:
    """A legend over the axes, row by row, as wide as they are; of more than `most` lines the first, the last and some
    between."""
    handles, labels = ax.get_legend_handles_labels()
    if len(handles) < 2:
        return
    picked = range(len(handles))
    if len(handles) > most:
        picked = sorted({round(i * (len(handles) - 1) / (most // 2)) for i in range(most // 2 + 1)})
    room, inches = (
        ax.figure.get_figwidth() * (ax.get_position().width + 0.1),
        [0.4 + 0.06 * len(labels[i]) for i in picked],
    )
    columns = next((n for n in range(len(inches), 1, -1) if sum(max(inches[i::n]) for i in range(n)) <= room), 1)
    order = [i for column in range(columns) for i in picked[column::columns]]  # matplotlib fills column by column
    place = {"loc": "lower left", "bbox_to_anchor": (0, 1.0), "borderaxespad": 0.2}
    look = {"handlelength": 2.4, "columnspacing": 1.0, "handletextpad": 0.4}
    ax.legend([handles[i] for i in order], [labels[i] for i in order], ncols=columns, **place, **look)


def step_label(k: int, S: int) -> str:
    """The legend's words: "step 0", "1", "2 (final)"."""
    return ("step " if k == 0 else "") + str(k) + (" (final)" if k == S - 1 and S > 1 else "")


def whole_ticks(axis: Any) -> None:
    """Ticks at whole numbers only: steps and updates have no halves."""
    axis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))


def percent_ticks(ax: Axes) -> None:
    """The y axis from 0 to 100 %, of parts from 0 to 1."""
    ax.set_ylim(-0.02, 1.03)
    ax.set_yticks([0, 0.25, 0.5, 0.75, 1])
    ax.yaxis.set_major_formatter(FuncFormatter(lambda part, _: f"{100 * part:.0f} %"))
    light_grid(ax)


def light_grid(ax: Axes, axis: str = "y") -> None:
    ax.grid(axis=axis, color=LINE, linewidth=0.5)


def spread_marks(n: int, k: int, of: int) -> tuple[int, int]:
    """Where line k of `of` carries its markers: about eight along n points, shifted so that lines do not hide one
    another's."""
    every = max(1, n // 8)
    return (k * every // max(of, 1)) % every, every
