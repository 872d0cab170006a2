"""The checks of lessons 4 to 6, a plain function an exercise; each raises NotYet with a hint, or returns."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from trm_explore.teach.cases import Check, NotYet, count, equal, listed, numbers, rng, shown, tried, truth

BOARDS = 4000


def stop_step(answer: Any) -> None:
    """stop_step(halt, threshold): the first step whose halting probability is above the threshold, else the last."""
    cases = (
        ([0.2, 0.6, 0.9], 0.5, 1, "the first probability above the threshold is that of step 1"),
        ([0.2, 0.6, 0.4], 0.5, 1, "it stops at step 1; what step 2 would have said does not count any more"),
        ([0.7, 0.1], 0.5, 0, "step 0 is above the threshold already"),
        ([0.1, 0.3, 0.2], 0.5, 2, "no step is above the threshold, so the last one answers"),
        ([0.5, 0.8], 0.5, 1, "0.5 is not above a threshold of 0.5"),
        ([0.2, 0.6, 0.9, 0.95], 0.8, 2, "the first probability above the threshold is that of step 2"),
    )
    for halt, threshold, wanted, why in cases:
        got = tried(answer, halt=np.array(halt), threshold=threshold)
        equal(f"for halt={halt}, threshold={threshold}", got, wanted, why)


def best_threshold(answer: Any) -> None:
    """best_threshold(halt, right, thresholds): the one with most right answers; of equal ones the quickest."""
    thresholds = [0.3, 0.5, 0.8, 0.9, 0.99]
    halt = np.array([[0.4, 0.6, 0.1], [0.7, 0.85, 0.2], [0.95, 0.95, 0.85]])
    right = np.array([[False, False, False], [False, True, False], [True, True, True]])
    cases = [(halt, right), (halt, right[::-1]), (halt, np.ones_like(right)), (halt, right & False)]
    draw = np.random.default_rng(0)
    cases += [(draw.random((4, 6)), draw.random((4, 6)) < 0.5) for _ in range(6)]
    for probabilities, good in cases:
        S, N = good.shape
        got = tried(answer, halt=probabilities, right=good, thresholds=thresholds)
        scores = {threshold: _score(probabilities, good, threshold) for threshold in thresholds}
        best = max(scores, key=scores.get)
        case = f"for {count(S, 'step')}, {count(N, 'puzzle')} and thresholds={thresholds}"
        chosen = None if got is None else numbers(got, f"{case} one of the thresholds is wanted")
        if chosen is not None and chosen.ndim == 0:
            chosen = next((one for one in thresholds if np.isclose(one, chosen)), None)
            if chosen is not None and scores[chosen] == scores[best]:
                continue  # of thresholds that are equally good and equally quick any is right
            if chosen is not None:
                words = [
                    f"{one} gets {scores[one][0]} right in {count(-scores[one][1], 'step')}" for one in (best, chosen)
                ]
                raise NotYet(f"{case} it gives {chosen}; wanted is {best}: {words[0]}, {words[1]}.")
        equal(
            case,
            got,
            best,
            "one of the thresholds, that with the most right answers, of equal ones in the fewest steps",
        )


def _score(halt: np.ndarray, right: np.ndarray, threshold: float) -> tuple[int, int]:
    """(right answers, -steps in all, step 0 being one) of a threshold."""
    above = halt > threshold
    stops = np.where(above.any(0), above.argmax(0), len(halt) - 1)
    return int(right[stops, np.arange(right.shape[1])].sum()), -int((stops + 1).sum())


def settled(answer: Any) -> None:
    """settled(answers): the first step whose answer is that of the step before, else the last."""
    a, b, c, mixed = [1, 2, 3], [1, 2, 4], [4, 2, 3], [3, 2, 1]
    cases = (
        ([a, b, b, b], 2, "step 2 is the first that changes nothing"),
        ([a, a, b], 1, "step 1 gives the answer of step 0 again; a later change does not count"),
        ([a, b, c], 2, "every step changes a cell, so the last one answers"),
        ([a, c, a, c], 3, "step 2 is like step 0, but not like the step before"),
        ([a, b, a], 2, "every step changes a cell, so the last one answers"),
        ([a, mixed, c, c, b], 3, "step 3 is the first that changes nothing"),
        ([a], 0, "there is one step only"),
    )
    for steps, wanted, why in cases:
        equal(f"for answers={steps}", tried(answer, answers=np.array(steps)), wanted, why)


def relative_change(answer: Any) -> None:
    """change(z, before): |z - before| / |before|, Frobenius norms over positions and width."""
    before, z = torch.randn(2, 5, 4, generator=rng(3))
    why = "the length of z - before, divided by the length of before"
    cases = (
        ("for a state that did not move", before, before, "its change has the length 0"),
        ("for a state that became twice as long", 2 * before, before, "it moved by its own length before"),
        ("for a state that became half as long", 0.5 * before, before, "it moved by half its length before"),
        ("for two random states of 5 cells, width 4,", z, before, why),
    )
    for case, after, state, reason in cases:
        got = tried(answer, z=after, before=state)
        equal(case, got, float((after - state).norm() / state.norm()), reason)


def back_at(answer: Any) -> None:
    """back_at(before, after): from which step on no answer differs any more; None where the last one does."""
    a, b = [1, 2, 3], [1, 2, 4]
    cases = (
        ([a, a, a, a], [a, b, a, a], 2, "only step 1 differs"),
        ([a, a, a, a], [b, a, b, a], 3, "step 2 differs again, so it is not back at step 1"),
        ([a, b, b], [a, b, b], 0, "no answer differs at all"),
        ([a, a, a], [a, b, b], None, "the last answer differs"),
        ([a, b], [b, b], 1, "step 1 is that of the undisturbed answer, step 0 is not"),
        ([a, b, a], [a, [3, 2, 1], a], 2, "step 1 differs in two cells"),
    )
    for before, after, wanted, why in cases:
        got = tried(answer, before=np.array(before), after=np.array(after))
        case = f"for before={before}, after={after}"
        if wanted is not None:
            equal(case, got, wanted, why)
        elif got is not None:
            raise NotYet(f"{case} it gives {shown(got)}; wanted is None: {why}.")


def smallest_move(answer: Any) -> None:
    """smallest_move(z, wanted, rival): the nearest state in which wanted's logit leads rival's by at least 1."""
    for seed in range(4):
        z, wanted, rival = torch.randn(3, 6, generator=rng(seed), dtype=torch.float64)
        apart = wanted - rival
        one = apart / (apart @ apart)  # a move along it changes the lead by 1
        there = z + (1 - apart @ z) * one
        for lead in (-3.0, 0.5, 1.0, 3.0):
            start = there + (lead - 1) * one
            least = there if lead < 1 else start
            case = f"from a lead of {lead:g}"
            moved = torch.from_numpy(listed(case, tried(answer, z=start, wanted=wanted, rival=rival), 6))
            now, way, enough = (float(x) for x in (apart @ moved, (moved - start).norm(), (least - start).norm()))
            if lead < 1 and not abs(now - 1) < 1e-5:
                raise NotYet(f"{case} it leads by {round(now, 4) + 0.0:g} after the move; wanted is a lead of 1.")
            if not torch.allclose(moved, least, rtol=1e-5, atol=1e-6):
                if lead < 1:
                    raise NotYet(
                        f"{case} it leads by 1 after the move, but the state moves by {way:.4g} and {enough:.4g} is "
                        "enough: go along wanted - rival and nowhere else."
                    )
                raise NotYet(f"{case} the state moves by {way:.4g}; nothing has to move where the lead is at least 1.")


def baseline(answer: Any) -> None:
    """baseline(labels): the part of the cells that the best constant answer gets right."""
    cases = (
        ([[0, 0, 1], [0, 1, 0]], "most labels are 0, four of six"),
        ([[1, 1, 1, 0]], "most labels are 1, three of four"),
        ([[2, 0, 1, 2]], "most labels are 2, two of four"),
        ([[0, 0, 0], [1, 1, 2]], "most labels are 0, three of six; the answer is the same for all puzzles"),
        ([[3, 3], [3, 3], [3, 3]], "all labels are 3"),
    )
    for labels, why in cases:
        wanted = max(sum(row.count(one) for row in labels) for one in range(4)) / sum(map(len, labels))
        equal(f"for labels={labels}", tried(answer, labels=np.array(labels)), wanted, why)


def held_out(answer: Any) -> None:
    """held_out(boards): which of (N, 6, 6) boards are held out; all 8 symmetric copies together, about a tenth."""
    boards = (np.random.default_rng(0).random((BOARDS, 6, 6)) < 0.4).astype(np.int64)
    which = _sides(answer, boards)
    some = boards[202::-1]
    alone = int((_sides(answer, some) != which[202::-1]).sum())
    if alone:
        raise NotYet(
            f"{alone} of {len(some)} boards change sides when they stand in another order and without the others; a "
            "board should always get the same answer."
        )
    for name, copies in (("turned", np.rot90(boards, 1, (1, 2))), ("mirrored", boards[:, :, ::-1])):
        differ = int((_sides(answer, copies) != which).sum())
        if differ:
            raise NotYet(
                f"{differ} of {BOARDS} boards change sides when they are {name}; a board and its copies are one."
            )
    if not 0.03 < which.mean() < 0.3:
        share = f"{which.sum()} of {BOARDS} boards"
        raise NotYet(f"{share} are held out; a tenth is wanted, and anything from 3 to 30 % will do.")
    living = boards.sum((1, 2))
    for n in range(12, 18):
        own = which[living == n]
        if own.all() or not own.any():
            raise NotYet(
                f"all {len(own)} boards with {n} living cells are {'held out' if own.all() else 'trained on'}, so that "
                "the two sides differ in kind; use where the cells are, not only how many."
            )


def _sides(answer: Any, boards: np.ndarray) -> np.ndarray:
    """(N,) bool: what the rule says of the boards."""
    got = tried(answer, boards=boards.copy())
    wish = f"for {len(boards)} boards a list of {len(boards)} times True or False is wanted"
    if got is None:
        raise NotYet(f"{wish}; this gives nothing back (None). Is there a return?")
    which = np.asarray(got.detach().cpu() if isinstance(got, torch.Tensor) else got)
    if which.shape != (len(boards),):
        raise NotYet(f"{wish}; this gives {shown(got) if which.ndim == 0 else f'the shape {which.shape}'}.")
    odd = [one for one in which.tolist() if not isinstance(one, bool | int | float) or one not in (0, 1)]
    if odd:
        raise NotYet(f"{wish}; this has {shown(odd[0])} in it.")
    return which.astype(bool)


def leaks(answer: Any) -> None:
    """leaks(predict, x): does an output depend on an input that comes after it?"""
    draw = np.random.default_rng(0)
    x = draw.standard_normal((3, 5, 4)).astype(np.float32)
    inputs = (x, x[:, ::-1].copy(), draw.standard_normal((2, 7, 3)).astype(np.float32))
    functions = (
        (lambda v: v.cumsum(1), False, "a running sum"),
        (lambda v: v.copy(), False, "each position by itself"),
        (lambda v: np.concatenate([np.zeros_like(v[:, :1]), v[:, :-1]], 1), False, "the vector before"),
        (lambda v: v + v.mean(0, keepdims=True), False, "each position and the mean of it over the puzzles"),
        (lambda v: np.concatenate([v[:, 1:], v[:, -1:]], 1), True, "the next vector"),
        (lambda v: v + 0.01 * v.mean(1, keepdims=True), True, "each position and a little of the mean of all"),
        (lambda v: _plus(v, 0, -1), True, "a first position that sees the last"),
        (lambda v: np.flip(np.flip(v, 1).cumsum(1), 1), True, "a sum from the end"),
        (lambda v: _plus(v, 0, 1), True, "a first position that sees the second, and no other leak"),
        (lambda v: _plus(v, 1, 2), True, "a second position that sees the third, and no other leak"),
        (lambda v: _plus(v, 1, 3), True, "a second position that sees the fourth, and no other leak"),
        (lambda v: _plus(v, -2, -1), True, "a last position but one that sees the last, and no other leak"),
        (lambda v: _plus(v, 1, 2, puzzle=-1), True, "a leak in the last puzzle only"),
        (lambda v: _plus(v, 1, 2, number=-1), True, "a leak in the last number of a vector only"),
    )
    for predict, wanted, what in functions:
        for given in inputs:
            case = f"for a predict that gives {what},"
            said = truth(case, tried(answer, predict=predict, x=given))
            if said != wanted:
                why = "an output depends on a later input" if wanted else "no output depends on a later input"
                raise NotYet(f"{case} it gives {said}; wanted is {wanted}: {why}.")


def _plus(v: np.ndarray, at: int, seen: int, puzzle: int | None = None, number: int | None = None) -> np.ndarray:
    """v, and at one position also what stands at another: in all puzzles or one, in all numbers or one."""
    out = v.copy()
    if v.shape[1] > max(at, seen, 1):  # of a shorter part, as far as there is one
        puzzles, width = (slice(None) if one is None else one for one in (puzzle, number))
        out[puzzles, at, width] += v[puzzles, seen, width]
    return out


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
