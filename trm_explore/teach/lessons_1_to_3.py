"""The checks of lessons 1 to 3, a plain function an exercise; each raises NotYet with a hint, or returns."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from trm_explore.teach.cases import CLOSE, Check, NotYet, count, equal, listed, rng, shown, tried
from trm_explore.training.losses import supervision_weights

SETTINGS = ("off, last", "off, full", "on, cycle", "on, full")
T_QUANTILE = 4.303  # of Student's t for 95 % and three seeds, as the lesson has it; 4.30265 is right too


def calls(answer: Any) -> None:
    """calls(H_cycles, L_cycles): how often the network is applied."""
    for H, L in ((1, 1), (3, 2), (6, 2), (4, 7), (2, 5)):
        got = tried(answer, H_cycles=H, L_cycles=L)
        why = f"in each H-cycle the network updates z_L {count(L, 'time')} and z_H once"
        equal(f"for H_cycles={H}, L_cycles={L}", got, H * (L + 1), why)


def recursion(answer: Any) -> None:
    """recursion(net, x, z_H, z_L, H_cycles, L_cycles): a list with z_H after every H-cycle."""
    weight = torch.randn(4, 4, generator=rng(1), dtype=torch.float64)
    x, z_H, z_L = torch.randn(3, 2, 5, 4, generator=rng(2), dtype=torch.float64)

    def net(z: Tensor) -> Tensor:
        return torch.tanh(z @ weight)

    for H, L in ((1, 1), (1, 3), (3, 2)):
        case = f"for H_cycles={H}, L_cycles={L}"
        steps = tried(answer, net=net, x=x, z_H=z_H, z_L=z_L, H_cycles=H, L_cycles=L)
        wish = f"{case} a list of {count(H, 'answer state')} is wanted, z_H after every H-cycle"
        if steps is None:
            raise NotYet(f"{wish}; this gives nothing back (None). Is there a return?")
        if not isinstance(steps, list | tuple | Tensor):
            raise NotYet(f"{wish}; this gives {shown(steps)}.")
        if len(steps) != H:
            raise NotYet(f"{wish}; this has {len(steps)}.")
        for step, got in enumerate(steps):
            if not isinstance(got, Tensor) or got.shape != z_H.shape:
                raise NotYet(f"{wish}, a tensor of shape {tuple(z_H.shape)} each; step {step} of this is {shown(got)}.")
        found = [got.double() for got in steps]
        _compare_states(case, found, net, (x, z_H, z_L), (H, L))


def _compare_states(
    case: str, found: list[Tensor], net: Any, start: tuple[Tensor, ...], cycles: tuple[int, int]
) -> None:
    """NotYet where a state is another one, with the slip that leads to these states where it is a known one."""
    wanted = list(_unrolled(net, *start, *cycles))
    wrong = next((step for step, pair in enumerate(zip(found, wanted, strict=True)) if not torch.allclose(*pair)), None)
    if wrong is None:
        return
    for slip, why in SLIPS.items():
        other = list(_unrolled(net, *start, *cycles, slip))
        if all(torch.allclose(*pair) for pair in zip(found, other, strict=True)):
            raise NotYet(f"{case} z_H of step {wrong} is another one: {why}.")
    if len(found) > 1 and all(one is other or torch.equal(one, other) for one, other in pairwise(found)):
        raise NotYet(f"{case} all {len(found)} states are the same numbers; each H-cycle should give a new z_H.")
    came, goal = float(found[wrong].flatten()[0]), float(wanted[wrong].flatten()[0])
    raise NotYet(
        f"{case} z_H of step {wrong} begins with {came:.4f}; wanted is {goal:.4f}: L_cycles times z_L = net(z_L + z_H "
        "+ x), then z_H = net(z_H + z_L) once, and both go on into the next H-cycle."
    )


SLIPS = {
    "fresh z_L": "this z_L begins anew in every H-cycle; it should go on into the next",
    "fresh z_H": "this z_H begins anew in every H-cycle; it should go on into the next",
    "no x": "this leaves x out; z_L = net(z_L + z_H + x)",
    "x for z_H": "this puts x into the update of z_H too; z_H = net(z_H + z_L)",
    "no z_H": "this leaves z_H out of the update of z_L; z_L = net(z_L + z_H + x)",
    "z_L alone": "this leaves z_H out of its own update; z_H = net(z_H + z_L)",
    "gives z_L": "this list holds z_L; z_H is wanted",
    "z_H every time": "this updates z_H after every L-cycle; it should be once, after all of them",
    "one more": "this does one L-cycle too many",
    "one less": "this does one L-cycle too few",
    "z_H first": "this updates z_H before the L-cycles; it should be after them",
}


def _unrolled(net: Any, x: Tensor, z_H: Tensor, z_L: Tensor, H: int, L: int, slip: str = "") -> Iterator[Tensor]:
    """What the recursion gives, or what it would with one of the SLIPS."""
    first_H, first_L = z_H, z_L
    for _ in range(H):
        z_L = first_L if slip == "fresh z_L" else z_L
        z_H = first_H if slip == "fresh z_H" else z_H
        if slip == "z_H first":
            z_H = net(z_H + z_L)
        for _ in range(L + (slip == "one more") - (slip == "one less")):
            z_L = net(z_L + (0 if slip == "no z_H" else z_H) + (0 if slip == "no x" else x))
            if slip == "z_H every time":
                z_H = net(z_H + z_L)
        if slip not in ("z_H every time", "z_H first"):
            z_H = net((0 if slip == "z_L alone" else z_H) + z_L + (x if slip == "x for z_H" else 0))
        yield z_L if slip == "gives z_L" else z_H


def first_right(answer: Any) -> None:
    """first_right(answers, solution): the first step whose answer is the solution, -1 where there is none."""
    right = [3, 1, 2, 4]
    cases = (
        ([right, right], 0, "step 0 is right already"),
        ([[1, 1, 1, 1], [3, 1, 2, 2], right], 2, "step 1 has one cell wrong, step 2 none"),
        ([[4, 2, 1, 3], [2, 1, 2, 4], [3, 1, 1, 4], right, right], 3, "all cells have to agree, as from step 3 on"),
        ([[1, 1, 1, 1], [3, 1, 2, 2]], -1, "no step is right"),
        ([[3, 1, 2, 2], right, [1, 1, 1, 1]], 1, "that step 2 is wrong again does not count; the first right one does"),
    )

    def compared(array: Any) -> None:
        for steps, wanted, why in cases:
            got = tried(answer, answers=array(steps), solution=array(right))
            equal(f"for answers={steps}, solution={right}", got, wanted, why)

    try:
        compared(np.array)
    except NotYet as hint:
        try:
            compared(torch.tensor)  # torch.equal, say, takes tensors only: right as well
        except NotYet:
            raise hint from None


def linear_decay(answer: Any) -> None:
    """linear_decay(n_steps, base_weight): the weights of that schedule."""
    for S, b in ((3, 0.5), (1, 0.5), (3, 0.3), (6, 1.0), (4, 2.0)):
        case = f"for n_steps={S}, base_weight={b:g}"
        got = tried(answer, n_steps=S, base_weight=b)
        found, wanted = listed(case, got, S), supervision_weights("linear_decay", S, b).double().numpy()
        if not np.allclose(found, wanted, **CLOSE) and np.allclose(found, wanted[::-1], **CLOSE):
            raise NotYet(f"{case} the weights are in reverse order: {shown(found)}; wanted is {shown(wanted)}.")
        equal(case, found, wanted, "step i has base_weight * (i + 1) / n_steps, and the final one 1")


def total(answer: Any) -> None:
    """total(losses, weights): sum(w * l) / sum(w)."""
    cases = (([2.0, 1.0, 0.5], [0.25, 0.5, 1.0]), ([2.0, 1.0, 0.5], [2.5, 5.0, 10.0]), ([3.0], [4.0]))
    for losses, weights in (*cases, ([0.5, 3.0, 1.0, 2.0], [1.0, 0.0, 2.0, 0.5])):
        case = f"for losses={shown(losses)}, weights={shown(weights)}"
        got = tried(answer, losses=torch.tensor(losses), weights=torch.tensor(weights))
        added = float(np.dot(losses, weights))
        why = f"the losses times their weights add up to {added:g}, the weights to {sum(weights):g}"
        equal(case, got, added / sum(weights), why)


def half_first(answer: Any) -> None:
    """half_first(n_steps): any weights in which step 0 counts as much as all other steps together."""
    for S in (2, 3, 5, 8):
        case = f"for n_steps={S}"
        got = tried(answer, n_steps=S)
        weights = listed(case, got, S)
        if not np.isfinite(weights).all() or (weights <= 0).any():
            raise NotYet(f"{case} all weights should be finite and above 0; these are {shown(weights)}.")
        first, others = float(weights[0]), float(weights[1:].sum())
        if not math.isclose(first, others, rel_tol=1e-5):
            raise NotYet(
                f"{case} step 0 has the weight {first:.6g} and {'step 1' if S == 2 else 'the other steps together'} "
                f"{others:.6g}; these two should be equal."
            )


def only_the_losses(answer: Any) -> None:
    """The two settings that differ in their losses and in nothing else."""
    # With a loss at the last step only, scope `cycle` is the same as `last`: so the second pair differs in no more.
    _pair(
        answer, ({"off, full", "on, full"}, {"off, last", "on, cycle"}), "two that differ in the losses only are wanted"
    )


def only_the_gradient(answer: Any) -> None:
    """The two settings without early losses that differ in how far the gradient reaches."""
    _pair(answer, ({"off, last", "off, full"},), "two without early losses that differ in the gradient only are wanted")


def _pair(answer: Any, right: tuple[set[str], ...], wish: str) -> None:
    """Two names of settings, in any order; spaces and capitals do not matter."""
    names = list(answer) if isinstance(answer, tuple | list | set | np.ndarray | Iterator) else None
    if names is None or len(names) != 2:
        raise NotYet(f'two names of settings are wanted, such as ("on, full", "on, cycle"); this is {shown(answer)}.')
    chosen = []
    for name in names:
        parts = name.split(",") if isinstance(name, str) else []
        plain = ", ".join(part.strip().lower() for part in parts)
        if plain not in SETTINGS:
            raise NotYet(f"{shown(name)} is none of the four settings; they are {', '.join(map(repr, SETTINGS))}.")
        chosen.append(plain)
    if set(chosen) in right:
        return
    if chosen[0] == chosen[1]:
        raise NotYet(f"both are the setting {chosen[0]!r}; {wish}.")
    (one, first), (other, second) = (name.split(", ") for name in chosen)
    losses = {("on", "on"): "both have early losses", ("off", "off"): "neither has early losses"}.get(
        (one, other), "only one has early losses"
    )
    scopes = f"their scopes differ ({first}, {second})" if first != second else f"both have the scope {first}"
    raise NotYet(f"of {chosen[0]!r} and {chosen[1]!r} {losses}, and {scopes}; {wish}.")


def at_seconds(answer: Any) -> None:
    """at_seconds(points, seconds): of points (seconds, accuracy) the accuracy of the last that is not later."""
    points = [(1.0, 0.1), (2.0, 0.6), (3.5, 0.55), (5.0, 0.9)]
    cases = (
        (4.0, 0.55, "the last point that is not later is that at 3.5 s"),
        (3.5, 0.55, "a point that falls exactly on the time counts"),
        (3.0, 0.6, "the last point that is not later is that at 2 s"),
        (0.5, 0.0, "there is no point yet"),
        (9.0, 0.9, "after the last point that one counts"),
    )
    for seconds, wanted, why in cases:
        got = tried(answer, points=points, seconds=seconds)
        equal(f"for points={shown(points)}, seconds={seconds:g}", got, wanted, why)


def interval(answer: Any) -> None:
    """interval(a, b): (low, high) of the mean paired difference a - b, 95 % by Student's t, for 3 seeds."""
    for a, b in (
        ([0.9, 0.8, 0.97], [0.7, 0.75, 0.8]),
        ([0.5, 0.1, 0.4], [0.5, 0.3, 0.2]),
        ([1.0, 2.0, 4.0], [3.0, 3.0, 8.0]),
    ):
        case = f"for a={a}, b={b}"
        d = np.array(a, dtype=float) - np.array(b)
        middle, half = float(d.mean()), float(T_QUANTILE * d.std(ddof=1) / math.sqrt(3))
        got = tried(answer, a=a, b=b)
        low, high = (float(x) for x in listed(case, got, 2))
        wish = f"wanted is {shown((middle - half, middle + half))}"
        if low > high:
            raise NotYet(f"{case} it gives {shown((low, high))}: the larger number is first; (low, high) is wanted.")
        if not math.isclose((low + high) / 2, middle, rel_tol=1e-4, abs_tol=1e-6):
            slip = "b - a" if math.isclose((low + high) / 2, -middle, rel_tol=1e-4) else f"{(low + high) / 2:.6g}"
            raise NotYet(
                f"{case} it gives {shown((low, high))}, around {slip}; {wish}, around the mean of a - b, {middle:.6g}."
            )
        if not math.isclose((high - low) / 2, half, rel_tol=2e-4):
            raise NotYet(
                f"{case} the middle is right, but it reaches {(high - low) / 2:.6g} to each side; wanted is "
                f"{half:.6g}: 4.303 x standard deviation / sqrt(3), and the standard deviation divides by n - 1."
            )


CHECKS: dict[str, Check] = {
    "calls": calls,
    "recursion": recursion,
    "first-right": first_right,
    "linear-decay": linear_decay,
    "total": total,
    "half-first": half_first,
    "only-the-losses": only_the_losses,
    "only-the-gradient": only_the_gradient,
    "at-seconds": at_seconds,
    "interval": interval,
}
