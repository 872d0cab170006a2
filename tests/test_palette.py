"""palette.py: one colour a step."""

import re

import pytest

from trm_explore.view.palette import ANCHORS, both_themes, step_colors


@pytest.mark.parametrize("theme", ANCHORS)
@pytest.mark.parametrize("n_steps", range(1, 21))
def test_every_step_has_a_colour_of_its_own(n_steps, theme):
    colors = step_colors(n_steps, theme)
    assert len(set(colors)) == len(colors) == n_steps
    assert all(re.fullmatch("#[0-9a-f]{6}", color) for color in colors)
    first, _, last = ["#" + bytes(rgb).hex() for rgb in ANCHORS[theme]]
    assert colors[-1] == last
    assert n_steps == 1 or colors[0] == first


def test_the_middle_of_three_steps_is_the_middle_anchor():
    assert step_colors(3) == ["#" + bytes(rgb).hex() for rgb in ANCHORS["light"]]


def test_between_two_anchors_colours_mix_evenly():
    (r0, g0, b0), (r1, g1, b1), _ = ANCHORS["light"]
    half = step_colors(5)[1]
    assert half == "#" + bytes([round((r0 + r1) / 2), round((g0 + g1) / 2), round((b0 + b1) / 2)]).hex()


def test_both_themes_gives_the_payloads_two_lists():
    assert both_themes(4) == {"light": step_colors(4, "light"), "dark": step_colors(4, "dark")}
