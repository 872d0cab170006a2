"""Schedules: how much each step's loss counts.

One entry in SCHEDULES is all that a schedule is: menus, checks, weight vectors, sentences, figures and tables are
derived from it. With deep supervision the total loss is sum(w_i * l_i) / sum(w_i), so only ratios matter; "decay" means
going back from the final step.

    SCHEDULES["linear_decay"].weight(0, 3, 0.5)      # step 0 of 3, base weight 0.5 -> 0.1667
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

FINAL = 1.0  # the final step's weight in the guide's schedules, whatever the base weight


@dataclass(frozen=True, slots=True)
class Schedule:
    """How the steps' losses are weighted."""

    title: str
    """What menus call it."""
    weight: Callable[[int, int, float], float] | None
    """(step i from 0, number of steps S, base weight b) -> the step's raw weight. None: the user gives the weights."""
    sentence: str
    """The formula in words; {b} is the base weight, {half} its half, {S} the number of steps."""
    source: str
    """Where the formula is from."""
    uses_base_weight: bool = True
    """Whether the base weight changes anything."""


def _early(weight: Callable[[int, int, float], float]) -> Callable[[int, int, float], float]:
    """A formula of the steps before the final one."""
    return lambda i, S, b: FINAL if i == S - 1 else weight(i, S, b)


GUIDE = "the deep-supervision guide"
SCHEDULES: dict[str, Schedule] = {
    "constant": Schedule(
        "constant",
        _early(lambda i, S, b: b),
        "Every early step counts b = {b}, the final one 1.",
        GUIDE,
    ),
    "linear_decay": Schedule(
        "linear decay",
        _early(lambda i, S, b: b * (i + 1) / S),
        "Step i of {S} counts b (i + 1) / {S}, with b = {b}; the final one 1.",
        GUIDE,
    ),
    "exponential_decay": Schedule(
        "exponential decay",
        _early(lambda i, S, b: b * 2.0 ** (i - (S - 1))),
        "Each step counts twice as much as the one before: b 2^i / 2^({S} - 1), with b = {b}; the final one 1.",
        GUIDE,
    ),
    "u_shaped": Schedule(
        "U-shaped",
        _early(lambda i, S, b: 1.0 if i == 0 else b / 2),
        "The first and the final step count 1, those between b / 2 = {half}.",
        GUIDE,
    ),
    "front_loaded": Schedule(
        "front-loaded",
        lambda i, S, b: 0.7**i,
        "The first step counts 1, each later one 0.7 of the one before.",
        "CGAR, arXiv 2511.08653",
        uses_base_weight=False,
    ),
    "custom": Schedule(
        "custom",
        None,
        "One weight a step, as given. Only the ratios matter: the sum divides the total.",
        "ours",
        uses_base_weight=False,
    ),
}
FORMULAS = tuple(name for name, schedule in SCHEDULES.items() if schedule.weight is not None)
