"""analysis/seeds.py: Student's t against plain integration, intervals that hold what they promise, sentences."""

from __future__ import annotations

import math
import random
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trm_explore.analysis.seeds import compare_seeds, interval, quantile, within

PUBLISHED = {
    (1, 0.95): 12.706,
    (2, 0.95): 4.303,
    (4, 0.95): 2.776,
    (4, 0.99): 4.604,
    (9, 0.99): 3.250,
    (30, 0.9): 1.697,
}


def integrated(t: float, df: int, pieces: int = 4000) -> float:
    """The density of Student's t, added up by Simpson's rule."""
    scale = math.exp(math.lgamma((df + 1) / 2) - math.lgamma(df / 2)) / math.sqrt(df * math.pi)
    density = [scale * (1 + (2 * t * i / pieces - t) ** 2 / df) ** (-(df + 1) / 2) for i in range(pieces + 1)]
    inner = 4 * sum(density[1:-1:2]) + 2 * sum(density[2:-1:2])
    return 2 * t / pieces / 3 * (density[0] + inner + density[-1])


@given(st.floats(0.01, 30), st.integers(1, 40))
def test_the_closed_form_is_the_integral_of_the_density(t, df):
    assert within(t, df) == pytest.approx(integrated(t, df), abs=1e-7)


@pytest.mark.parametrize("df, confidence", PUBLISHED)
def test_quantiles_are_those_of_the_printed_tables(df, confidence):
    assert quantile(confidence, df) == pytest.approx(PUBLISHED[df, confidence], abs=6e-4)


def test_settings_that_give_the_same_differ_by_nothing_and_missing_seeds_are_left_out():
    (found,) = compare_seeds({"final": {"A": [0.3, 0.7, 0.1], "B": [0.1 + 0.2, 0.7, 0.1]}})
    assert not found.larger_than_noise and "B has as many points as A" in found.text
    (found,) = compare_seeds({"final": {"A": [0.1, math.nan, 0.3, 0.2], "B": [0.5, 0.5, 0.7, 0.61]}})
    assert found.n == 3 and found.larger_than_noise and "B has 40.3 points more than A" in found.text


def test_an_interval_by_hand():
    low, high = interval([1, 2, 3, 4, 5])
    half = 2.7764451 * statistics.stdev([1, 2, 3, 4, 5]) / math.sqrt(5)
    assert (low, high) == (pytest.approx(3 - half), pytest.approx(3 + half))


def test_of_many_intervals_as_many_hold_the_truth_as_is_promised():
    rng = random.Random(0)
    held = 0
    for _ in range(4000):
        low, high = interval([rng.gauss(0.3, 2) for _ in range(5)])
        held += low < 0.3 < high
    assert 0.94 < held / 4000 < 0.96


def test_several_differences_hold_together():
    rng, wrong = random.Random(1), 0
    for _ in range(1500):  # no setting differs: whatever is called larger than the noise is an error
        scores = {name: [rng.gauss(0, 1) for _ in range(5)] for name in "ABCD"}
        wrong += any(d.larger_than_noise for d in compare_seeds({"m": scores, "n": dict(scores)}))
    assert wrong / 1500 < 0.06


def test_pairing_by_seed_sees_what_the_spread_of_seeds_would_hide():
    hard = [0.50, 0.70, 0.60, 0.90, 0.80]  # some seeds are harder than others, for both alike
    (found,) = compare_seeds(
        {"solved": {"off": hard, "on": [share + 0.03 + 0.001 * i for i, share in enumerate(hard)]}}
    )
    assert found.larger_than_noise and found.low < found.mean < found.high
    assert found.text == (
        "solved: on has 3.2 points more than off (mean of 5 seeds, paired; 95 % interval 3.0 to 3.4): "
        "larger than the noise between seeds."
    )


def test_noise_is_called_noise_and_less_is_called_less():
    (found,) = compare_seeds({"solved": {"on": [0.9, 0.8, 0.7], "off": [0.7, 0.9, 0.6]}})
    assert not found.larger_than_noise
    assert "off has 6.7 points less than on (mean of 3 seeds" in found.text
    assert found.text.endswith("no larger than the noise between seeds.") and "\N{MINUS SIGN}" in found.text


def test_only_seeds_that_both_have_are_compared_and_one_tells_nothing():
    (found,) = compare_seeds({"solved": {"on": [0.9, 0.8, 0.7], "off": [0.7]}})
    assert found.n == 1 and not found.larger_than_noise and "at least 2 are needed" in found.text
    (none,) = compare_seeds({"solved": {"on": [], "off": []}})
    assert none.n == 0 and none.text.startswith("solved: 0 seeds of off and on cannot tell")


def test_one_setting_is_nothing_to_compare():
    with pytest.raises(ValueError, match="solved: 1 setting cannot be compared; give at least two"):
        compare_seeds({"solved": {"on": [1.0]}})
