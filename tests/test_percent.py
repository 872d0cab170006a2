"""percent.py: shares as text. test_static.py holds the drawings' copy of the rule to it."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trm_explore.app.tours import tours
from trm_explore.data.assets import PACKAGE
from trm_explore.words.percent import percent


@pytest.mark.parametrize(
    ("share", "said"),
    [
        (0, "0 %"),
        (0.0004, "< 0.1 %"),
        (0.0061, "0.6 %"),
        (0.0095, "1 %"),
        (0.125, "13 %"),  # half goes up, on both sides
        (0.499, "50 %"),
        (0.98, "98 %"),
        (0.987, "98.7 %"),
        (0.9996, "> 99.9 %"),
        (1, "100 %"),
        (None, "–"),
        (math.nan, "–"),
        (math.inf, "–"),
    ],
)
def test_shares_read_as_they_should(share, said):
    assert percent(share) == said


@given(st.floats(0, 1))
def test_all_and_none_are_said_of_all_and_none_only_and_nothing_is_far_off(share):
    said = percent(share)
    assert (said == "100 %") == (share == 1) and (said == "0 %") == (share == 0)
    assert abs(float(re.search(r"[\d.]+", said)[0]) - 100 * share) <= 0.5 + 1e-9


def test_no_other_place_makes_a_percentage_of_a_share_of_right_answers():
    """What is left are ticks of axes, widths in CSS, and a terminal's tables, which have a column of one precision."""
    for folder in ("web/src", "app", "analysis", "plots"):
        for path in Path(PACKAGE, folder).iterdir():
            if path.suffix in (".py", ".js"):
                source = path.read_text(encoding="utf-8")
                assert not re.search(r"toFixed\([01]\)\} %`|Math\.round\(100 \*", source) or path.name in (
                    "common.js",
                    "charts.js",
                ), path
                assert not re.search(r"\{100 \* [\w.]+:\.[01]f\} %", source) or path.name == "paper.py", path


def test_tours_say_shares_by_the_same_rule():
    said = {share for tour in tours() for stop in tour["stops"] for share in re.findall(r"[\d.]+ %", stop["text"])}
    assert said and all(percent(float(share[:-2]) / 100) == share for share in said)
