"""The colours of steps: one per step, the same in page, widgets and figures. Early steps violet, the last amber.

The three anchors differ in lightness as well as hue, so that they stay apart for the colour-blind and in print.
Ours (design), interpolated linearly in sRGB for other numbers of steps.
"""

from __future__ import annotations

ANCHORS = {
    "light": ((59, 47, 127), (42, 127, 142), (208, 138, 29)),
    "dark": ((154, 140, 240), (79, 192, 207), (240, 181, 74)),
}


def step_colors(n_steps: int, theme: str = "light") -> list[str]:
    """`n_steps` colours as "#rrggbb", first step to last; theme "light" or "dark"."""
    anchors = ANCHORS[theme]
    if n_steps == 1:
        return [_hex(anchors[-1])]
    colors = []
    for i in range(n_steps):
        place = i * (len(anchors) - 1) / (n_steps - 1)
        left = min(int(place), len(anchors) - 2)
        part = place - left
        colors.append(_hex(tuple(a + part * (b - a) for a, b in zip(anchors[left], anchors[left + 1], strict=True))))
    return colors


def both_themes(n_steps: int) -> dict[str, list[str]]:
    """The payload's form: {"light": [...], "dark": [...]}."""
    return {theme: step_colors(n_steps, theme) for theme in ANCHORS}


def _hex(rgb: tuple[float, ...]) -> str:
    return "#" + "".join(f"{round(c):02x}" for c in rgb)
