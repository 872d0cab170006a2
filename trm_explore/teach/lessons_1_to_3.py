"""The checks of lessons 1 to 3, a plain function an exercise; each raises NotYet with a hint, or returns."""

from __future__ import annotations

import math
from typing import Any

import torch

from trm_explore.supervision import supervision_weights
from trm_explore.teach.cases import Check, NotYet, called, numbers, rng, same


def calls(answer: Any) -> None:
    """calls(H_cycles, L_cycles): how often the network is applied."""
    for H, L in ((1, 1), (3, 2), (6, 2), (4, 7)):
        hint = f"with {H} H-cycles of {L} L-cycles it is another number; z_H is updated by the network too."
        same(called(answer, H, L), H * (L + 1), hint)


def recursion(answer: Any) -> None:
    """recursion(net, x, z_H, z_L, H_cycles, L_cycles): a list with z_H after every H-cycle."""
    weight = torch.randn(4, 4, generator=rng(1), dtype=torch.float64)
    x, first_H, first_L = torch.randn(3, 2, 5, 4, generator=rng(2), dtype=torch.float64)

    def net(z: torch.Tensor) -> torch.Tensor:
        return torch.tanh(z @ weight)

    for H, L in ((1, 1), (1, 3), (3, 2)):
        kept = first_H.clone(), first_L.clone()
        steps = called(answer, net, x, *kept, H, L)
        if not torch.equal(kept[0], first_H) or not torch.equal(kept[1], first_L):
            raise NotYet("it changes the tensors that it is given; write z_L = ..., not z_L += ...")
        if not isinstance(steps, list | tuple) or len(steps) != H:
            raise NotYet(f"with {H} H-cycles a list of {H} answer states is wanted: append z_H after every H-cycle.")
        z_H, z_L = first_H, first_L
        for step, got in enumerate(steps):
            for _ in range(L):
                z_L = net(z_L + z_H + x)
            z_H = net(z_H + z_L)
            if not isinstance(got, torch.Tensor) or got.shape != z_H.shape:
                raise NotYet("the list should hold z_H itself, a tensor of z_H's shape.")
            if not torch.allclose(got, z_H):
                where = "even with one cycle of each" if H == L == 1 else f"with H_cycles={H}, L_cycles={L}"
                raise NotYet(
                    f"z_H of step {step} is another one {where}: first z_L = net(z_L + z_H + x), L_cycles times, then "
                    "z_H = net(z_H + z_L) once, and both go on into the next H-cycle."
                )


def first_right(answer: Any) -> None:
    """first_right(answers, solution): the first step whose answer is the solution, -1 where there is none."""
    solution = torch.tensor([3, 1, 2, 4])
    wrong, other = torch.tensor([3, 1, 2, 2]), torch.tensor([1, 1, 1, 1])
    cases = (
        ([solution, solution], 0, "where step 0 is right already"),
        ([other, wrong, solution], 2, "where only the last of three steps is right; all cells have to agree"),
        ([other, wrong], -1, "where no step is right"),
        ([wrong, solution, other], 1, "where a later step is wrong again; the first right one counts"),
    )
    for steps, wanted, where in cases:
        for kind in (torch.stack, lambda rows: torch.stack(rows).numpy()):
            like = solution if kind is torch.stack else solution.numpy()
            same(called(answer, kind(steps), like), wanted, f"it should be {wanted} {where}.")


def linear_decay(answer: Any) -> None:
    """linear_decay(n_steps, base_weight): the weights of that schedule."""
    for S, b in ((1, 0.5), (3, 0.5), (3, 0.3), (6, 1.0)):
        got = numbers(called(answer, S, b), S)
        hint = f"for {S} steps and b = {b:g} the weights differ; step i has b (i + 1) / S, the final one 1."
        same(got, supervision_weights("linear_decay", S, b).double(), hint)


def total(answer: Any) -> None:
    """total(losses, weights): sum(w * l) / sum(w)."""
    losses, weights = torch.tensor([2.0, 1.0, 0.5]), torch.tensor([0.25, 0.5, 1.0])
    got = numbers(called(answer, losses, weights))
    if got.dim() == 0 and math.isclose(float(got), float((weights * losses).sum()), rel_tol=1e-5):
        raise NotYet("the weighted losses are added up; now divide by the sum of the weights.")
    same(
        got, (weights * losses).sum() / weights.sum(), "multiply each loss by its weight, add up, divide by their sum."
    )
    same(called(answer, losses, 10 * weights), got, "with all weights ten times as large the total should be the same.")
    same(called(answer, losses[:1], torch.tensor([3.0])), losses[0], "of one step alone the total is its loss.")


def half_first(answer: Any) -> None:
    """half_first(n_steps): any weights in which step 0 counts as much as all other steps together."""
    for S in (2, 3, 5):
        weights = numbers(called(answer, S), S)
        if not torch.isfinite(weights).all() or (weights < 0).any() or not weights.any():
            raise NotYet("weights are finite, at least 0, and not all 0.")
        share = float(weights[0] / weights.sum())
        hint = f"for {S} steps step 0 has {100 * share:.0f} % of all weight; it should be half."
        same(share, 0.5, hint)
        if not (weights[1:] > 0).all():
            raise NotYet("it is half, but a later step has no weight at all; let each of them count.")


def only_the_losses(answer: Any) -> None:
    """The two settings that differ in their losses and in nothing else."""
    # With a loss at the last step only, scope `cycle` is the same as `last`: so the second pair differs in no more.
    wanted = {"off, full", "on, full"}, {"off, last", "on, cycle"}
    _pair(answer, wanted, "which two have the same gradient scope, one with early losses, one without?")


def only_the_gradient(answer: Any) -> None:
    """The two settings without early losses that differ in how far the gradient reaches."""
    _pair(answer, ({"off, last", "off, full"},), "which two have no early losses, but another scope?")


def _pair(answer: Any, wanted: tuple[set[str], ...], hint: str) -> None:
    if not isinstance(answer, tuple | list | set) or len(answer) != 2 or not all(isinstance(x, str) for x in answer):
        raise NotYet('two names of settings are wanted, such as ("on, full", "on, cycle").')
    if set(answer) not in wanted:
        raise NotYet(hint)


def at_seconds(answer: Any) -> None:
    """at_seconds(points, seconds): of points (seconds, accuracy) the accuracy of the last that is not later."""
    points = [(1.0, 0.1), (2.0, 0.6), (3.5, 0.55), (5.0, 0.9)]
    cases = (
        (4.0, 0.55, "between two points the earlier one counts, because the later one is not reached yet"),
        (3.5, 0.55, "a point that falls exactly on the time counts"),
        (0.5, 0.0, "before the first point nothing is learned: 0.0"),
        (9.0, 0.9, "after the last point the last one counts"),
    )
    for seconds, wanted, why in cases:
        same(called(answer, list(points), seconds), wanted, f"at {seconds:g} s it should be {wanted:g}: {why}.")


def interval(answer: Any) -> None:
    """interval(a, b): (low, high) of the mean paired difference a - b, 95 % by Student's t, for 3 seeds."""
    for a, b in (([0.9, 0.8, 0.97], [0.7, 0.75, 0.8]), ([0.5, 0.1, 0.4], [0.5, 0.3, 0.2])):
        d = torch.tensor(a, dtype=torch.float64) - torch.tensor(b, dtype=torch.float64)
        middle, spread = d.mean(), d.std() / math.sqrt(3)
        got = numbers(called(answer, list(a), list(b)), 2)
        if not math.isclose(float(got.mean()), float(middle), rel_tol=1e-5, abs_tol=1e-9):
            raise NotYet("the interval should lie around the mean of the differences a - b, seed by seed.")
        same(
            (got[1] - got[0]) / 2,
            4.303 * spread,
            "its middle is right, its width is not: 4.303 x standard deviation / sqrt(3) on each side, and the "
            "standard deviation divides by n - 1.",
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
