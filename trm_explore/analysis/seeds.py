"""Is a difference between settings larger than the noise between seeds? Means, intervals and one sentence a difference.

    scores = {"on": [0.98, 0.97, 0.99], "off": [0.95, 0.97, 0.94]}     # one number a seed, in the same order
    compare_seeds({"final answer": scores})[0].text

Runs are paired by seed: the same seed gives the same puzzles in the same order and the same first weights, so the
difference within a seed carries less noise than the two numbers do. The interval is Student's for the mean of those
differences (Student 1908; here after Abramowitz and Stegun 1964, 26.7.3 and 26.7.4). Where several differences are
spoken of, each interval is widened so that all of them hold together in 95 of 100 cases (Bonferroni's inequality).
Which differences are looked at is fixed before a run begins: every setting against the first, in every measure given.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from trm_explore.words import measurements

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Difference:
    """One setting against the first one, in one measure; shares from 0 to 1."""

    measure: str
    name: str
    base: str
    n: int  # seeds that both have
    mean: float  # of name - base
    low: float  # of the interval; NaN with fewer than two seeds
    high: float
    confidence: float  # of this interval alone

    @property
    def larger_than_noise(self) -> bool:
        """Whether the interval leaves out 0. Never with fewer than two seeds."""
        return self.low > 0 or self.high < 0

    @property
    def text(self) -> str:
        """Who is ahead, by how much, the interval, and what that means."""
        if self.n < 2:
            seeds = f"{self.n} seed{'s' * (self.n != 1)}"
            return measurements.SEEDS_FEW.format(measure=self.measure, seeds=seeds, name=self.name, base=self.base)
        points = _points(abs(self.mean))
        if points == "0.0":
            ahead = measurements.SEEDS_SAME
        elif self.mean >= 0:
            ahead = measurements.SEEDS_MORE.format(points=points)
        else:
            ahead = measurements.SEEDS_LESS.format(points=points)
        return measurements.SEEDS.format(
            measure=self.measure,
            name=self.name,
            points=ahead,
            base=self.base,
            n=self.n,
            confidence=100 * self.confidence,
            low=_points(self.low),
            high=_points(self.high),
            verdict=measurements.SEEDS_EFFECT if self.larger_than_noise else measurements.SEEDS_NOISE,
        )


def compare_seeds(scores: Mapping[str, Mapping[str, Sequence[float]]]) -> list[Difference]:
    """Every setting against the first of its measure: {measure: {name: [a share (0 to 1) for each seed]}}.

    Seeds are paired by place; where one setting has more, the rest of it is left out. ValueError with fewer than two
    settings.
    """
    count = sum(len(by_name) - 1 for by_name in scores.values())
    found = []
    for measure, by_name in scores.items():
        if len(by_name) < 2:
            raise ValueError(f"{measure}: {len(by_name)} setting cannot be compared; give at least two")
        base, *others = by_name
        for name in others:
            both = zip(by_name[base], by_name[name], strict=False)
            pairs = [round(b - a, 9) for a, b in both if math.isfinite(a) and math.isfinite(b)]  # no noise of floats
            confidence = 1 - (1 - CONFIDENCE) / count
            low, high = interval(pairs, confidence)
            mean = fmean(pairs) if pairs else math.nan
            found.append(Difference(measure, name, base, len(pairs), mean, low, high, confidence))
    return found


def interval(values: Sequence[float], confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Student's interval of the mean; (NaN, NaN) with fewer than two values."""
    if len(values) < 2:
        return math.nan, math.nan
    half = quantile(confidence, len(values) - 1) * stdev(values) / math.sqrt(len(values))
    return fmean(values) - half, fmean(values) + half


def within(t: float, df: int) -> float:
    """The probability that Student's t with a whole number of degrees of freedom lies between -t and t."""
    angle = math.atan(t / math.sqrt(df))
    sine, cosine = math.sin(angle), math.cos(angle)
    term, total = (cosine if df % 2 else 1.0), 0.0
    for k in range(1 + df % 2, df, 2):  # cos + 2/3 cos^3 + ... for odd df, 1 + 1/2 cos^2 + ... for even
        total += term
        term *= k / (k + 1) * cosine**2
    return 2 / math.pi * (angle + sine * total) if df % 2 else sine * total


def quantile(confidence: float, df: int) -> float:
    """The t that `within` gives `confidence` for."""
    low, high = 0.0, 1.0
    while within(high, df) < confidence:
        high *= 2
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if within(middle, df) < confidence else (low, middle)
    return high


def _points(share: float) -> str:
    """Hundredths, one digit behind the point."""
    return f"{100 * share:.1f}".replace("-0.0", "0.0").replace("-", "\N{MINUS SIGN}")
