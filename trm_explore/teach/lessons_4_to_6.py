"""The checks of lessons 4 to 6, a plain function an exercise; each raises NotYet with a hint, or returns."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from trm_explore.teach.cases import Check, NotYet, called, numbers, rng, same


def stop_step(answer: Any) -> None:
    """stop_step(halt, threshold): the first step whose halting probability is above the threshold, else the last."""
    cases = (
        ([0.2, 0.6, 0.9], 0.5, 1, "the first probability above the threshold is that of step 1"),
        ([0.2, 0.6, 0.4], 0.5, 1, "it stops at step 1; what step 2 would have said does not count any more"),
        ([0.7, 0.1], 0.5, 0, "step 0 is above the threshold already"),
        ([0.1, 0.2, 0.3], 0.5, 2, "no step is above the threshold, so the last one answers"),
        ([0.5, 0.8], 0.5, 1, "0.5 is not above a threshold of 0.5"),
    )
    for halt, threshold, wanted, why in cases:
        for kind in (list, np.array):
            got = called(answer, kind(halt), threshold)
            same(got, wanted, f"for {halt} and a threshold of {threshold} it should be {wanted}: {why}.")


def best_threshold(answer: Any) -> None:
    """best_threshold(halt, right, thresholds): the one with most right answers; of equal ones the quickest."""
    thresholds = [0.3, 0.5, 0.8, 0.9, 0.99]
    halt = np.array([[0.4, 0.6, 0.1], [0.7, 0.85, 0.2], [0.95, 0.95, 0.85]])
    right = np.array([[False, False, False], [False, True, False], [True, True, True]])
    cases = (
        (halt, right, 0.8, "0.8 gets all three puzzles right, as 0.9 and 0.99 do, in fewer steps"),
        (halt, right[::-1], 0.3, "here answers get worse, so the lowest threshold is best"),
        (halt, np.ones_like(right), 0.3, "all answers are right, so the quickest threshold is the best"),
        (halt, right & False, 0.3, "no answer is ever right, so all are equally good and the quickest counts"),
    )
    for probabilities, good, wanted, why in cases:
        got = called(answer, probabilities.copy(), good.copy(), list(thresholds))
        same(got, wanted, f"of {thresholds} it should be {wanted} in a case of 3 steps and 3 puzzles: {why}.")


def settled(answer: Any) -> None:
    """settled(answers): the first step whose answer is that of the step before, else the last."""
    a, b, c = [1, 2, 3], [1, 2, 4], [4, 2, 3]
    cases = (
        ([a, b, b, b], 2, "step 2 is the first that changes nothing"),
        ([a, a, b], 1, "step 1 gives the answer of step 0 again; a later change does not count"),
        ([a, b, c], 2, "every step changes a cell, so the last one answers"),
        ([a, c, a, c], 3, "step 2 is like step 0, but not like the step before"),
        ([a], 0, "there is one step only"),
    )
    for steps, wanted, why in cases:
        same(called(answer, np.array(steps)), wanted, f"for {steps} it should be {wanted}: {why}.")


def relative_change(answer: Any) -> None:
    """change(z, before): |z - before| / |before|, Frobenius norms over positions and width."""
    before, z = torch.randn(2, 5, 4, generator=rng(3))
    wanted = (z - before).norm() / before.norm()
    got = called(answer, z.clone(), before.clone())
    same(called(answer, before.clone(), before.clone()), 0.0, "a state that did not move should give 0.")
    same(called(answer, 2 * before, before), 1.0, "a state that became twice as large moved by its own length: 1.")
    same(got, wanted, "it should be the length of the difference divided by the length of the state before.")


def back_at(answer: Any) -> None:
    """back_at(before, after): from which step on no answer differs any more; None where the last one does."""
    a, b = [1, 2, 3], [1, 2, 4]
    cases = (
        ([a, a, a, a], [a, b, a, a], 2, "only step 1 differs"),
        ([a, a, a, a], [b, a, b, a], 3, "step 2 differs again, so it is not back at step 1"),
        ([a, b, b], [a, b, b], 0, "no answer differs at all"),
        ([a, a, a], [a, b, b], None, "the last answer differs"),
        ([a, b], [b, b], 1, "compare with the undisturbed answer of the same step"),
    )
    for before, after, wanted, why in cases:
        got = answer(np.array(before), np.array(after)) if callable(answer) else called(answer)
        if got is ...:
            raise NotYet("the dots are still there; put your answer in their place and run the cell again.")
        if wanted is None and got is not None or wanted is not None and got is None:
            raise NotYet(f"for {before} and {after} it should be {wanted}, not {got}: {why}.")
        if wanted is not None:
            same(got, wanted, f"for {before} and {after} it should be {wanted}: {why}.")


def smallest_move(answer: Any) -> None:
    """smallest_move(z, wanted, rival): the nearest state in which wanted's logit leads rival's by 1."""
    for seed in range(4):
        z, wanted, rival = torch.randn(3, 6, generator=rng(seed), dtype=torch.float64)
        apart = wanted - rival
        there = z + (1 - apart @ z) / (apart @ apart) * apart
        far = there - (1 - float(apart @ there) + 3) / (apart @ apart) * apart  # the wanted symbol is far behind
        moved = numbers(called(answer, far.clone(), wanted.clone(), rival.clone()), 6)
        lead = float(apart @ moved)
        if abs(lead - 1) > 1e-5:
            raise NotYet(f"in the moved state the wanted symbol should lead by 1; it leads by {lead:.3f}.")
        same(moved, there, "it leads by 1, but a shorter move does it too: go along wanted - rival and nowhere else.")
        ahead = there + 2 / (apart @ apart) * apart
        kept = numbers(called(answer, ahead.clone(), wanted.clone(), rival.clone()), 6)
        same(kept, ahead, "where the wanted symbol leads by more than 1 already, nothing has to move.")


def baseline(answer: Any) -> None:
    """baseline(labels): the part of the cells that the best constant answer gets right."""
    cases = (
        ([[0, 0, 1], [0, 1, 0]], 4 / 6, "most labels are 0: four of six"),
        ([[1, 1, 1, 0]], 3 / 4, "here most labels are 1, so 1 is the best constant answer"),
        ([[2, 0, 1, 2]], 1 / 2, "labels may be other symbols than 0 and 1"),
    )
    for labels, wanted, why in cases:
        same(called(answer, np.array(labels)), wanted, f"for {labels} it should be {wanted:.3f}: {why}.")


def held_out(answer: Any) -> None:
    """held_out(boards): which of (N, 6, 6) boards are held out; all 8 symmetric copies together, about a tenth."""
    boards = (np.random.default_rng(0).random((4000, 6, 6)) < 0.4).astype(np.int64)
    which = np.asarray(called(answer, boards.copy()))
    if which.shape != (4000,) or not np.isin(which, (0, 1)).all():
        raise NotYet(f"for 4000 boards 4000 times True or False is wanted; this has the shape {which.shape}.")
    which = which.astype(bool)
    if (np.asarray(answer(boards[202::-1].copy())) != which[202::-1]).any():
        raise NotYet("the same board should always get the same answer, whatever boards stand beside it.")
    for name, copies in (("turned", np.rot90(boards, 1, (1, 2))), ("mirrored", boards[:, :, ::-1])):
        differ = int((np.asarray(answer(copies.copy())) != which).sum())
        if differ:
            raise NotYet(f"{differ} of 4000 boards change sides when they are {name}; a board and its copies are one.")
    if not 0.03 < which.mean() < 0.3:
        raise NotYet(f"{100 * which.mean():.1f} % are held out; a tenth is wanted, anything from 3 to 30 % will do.")
    living = boards.sum((1, 2))
    mixed = sum(0 < which[living == n].mean() < 1 for n in range(12, 18))
    if mixed < 6:
        raise NotYet(
            "boards with equally many living cells are all on one side, so that the held-out ones are of another kind "
            "than the others; use where the cells are, not only how many."
        )


def leaks(answer: Any) -> None:
    """leaks(predict, x): does an output depend on an input that comes after it?"""
    x = np.random.default_rng(0).standard_normal((3, 5, 4)).astype(np.float32)
    backwards = x[:, ::-1].copy()
    functions = (
        (lambda v: v.cumsum(1), False, "a running sum"),
        (lambda v: v, False, "each position by itself"),
        (lambda v: np.concatenate([np.zeros_like(v[:, :1]), v[:, :-1]], 1), False, "the vector before"),
        (lambda v: np.concatenate([v[:, 1:], v[:, -1:]], 1), True, "the next vector"),
        (lambda v: v + 0.01 * v.mean(1, keepdims=True), True, "each position and a little of the mean of all"),
        (lambda v: np.concatenate([v[:, :1] + v[:, -1:], v[:, 1:]], 1), True, "a first position that sees the last"),
        (lambda v: np.flip(np.flip(v, 1).cumsum(1), 1), True, "a sum from the end"),
    )
    for predict, wanted, what in functions:
        for given in (x, backwards):
            kept = given.copy()
            got = called(answer, predict, given)
            if not np.array_equal(kept, given):
                raise NotYet("it changes the array that it is given; change a copy, x.copy().")
            if bool(got) != wanted:
                verb = "leaks" if wanted else "does not leak"
                raise NotYet(f"a function that gives {what} {verb}; this says {bool(got)}.")


CHECKS: dict[str, Check] = {
    "stop-step": stop_step,
    "best-threshold": best_threshold,
    "settled": settled,
    "relative-change": relative_change,
    "back-at": back_at,
    "smallest-move": smallest_move,
    "baseline": baseline,
    "held-out": held_out,
    "leaks": leaks,
}
