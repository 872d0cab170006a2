"""The checks of the lessons' exercises against the answers that students give: none that is wrong is called right, each
gets a hint with what came and what was wanted, and every way to write the right one is right."""

import linecache
import math
import statistics
import types

import numpy as np
import pytest
import torch

from trm_explore.teach.cases import a, count, shown
from trm_explore.teach.exercises import CHECKS, check

# ---- building blocks


def loop(net, x, z_H, z_L, H, L, order="LH", fresh="", input_again=True, keep="z_H", every=False, extra=0):
    steps, first_H, first_L = [], z_H, z_L
    for _ in range(H):
        z_L = first_L if "L" in fresh else z_L
        z_H = first_H if "H" in fresh else z_H
        for _ in range(L + extra):
            z_L = net(z_L + z_H + x) if input_again else net(z_L + z_H)
            if every:
                z_H = net(z_H + z_L)
        if not every:
            z_H = net(z_H + z_L + (x if order == "LHx" else 0))
        steps.append(z_L if keep == "z_L" else z_H)
    return steps


def in_place(net, x, z_H, z_L, H, L):
    z_L += 0 * x
    z_L *= 2
    return loop(net, x, z_H, z_L / 2, H, L)


def one_tensor(net, x, z_H, z_L, H, L):
    z_H, steps = z_H.clone(), []
    for _ in range(H):
        for _ in range(L):
            z_L = net(z_L + z_H + x)
        z_H.copy_(net(z_H + z_L))
        steps.append(z_H)
    return steps


def right_first(answers, solution):
    return next((i for i, row in enumerate(answers) if (row == solution).all()), -1)


def right_decay(S, b):
    return [b * (i + 1) / S for i in range(S - 1)] + [1.0]


def in_place_total(losses, weights):
    weights /= weights.sum()
    return (weights * losses).sum()


def right_interval(a, b):
    d = [x - y for x, y in zip(a, b, strict=True)]
    half = 4.303 * statistics.stdev(d) / math.sqrt(3)
    return statistics.mean(d) - half, statistics.mean(d) + half


def other_interval(quantile=4.303, spread=statistics.stdev, root=3**0.5, sign=1, middle=statistics.mean):
    def answer(a, b):
        d = [sign * (x - y) for x, y in zip(a, b, strict=True)]
        half = quantile * spread(d) / root
        return middle(d) - half, middle(d) + half

    return answer


def right_at(points, s):
    return max((p for p in points if p[0] <= s), default=(0, 0.0))[1]


def popping(points, s):
    reached = 0.0
    while points and points[0][0] <= s:
        reached = points.pop(0)[1]
    return reached


def right_stop(halt, threshold):
    return next((i for i, p in enumerate(halt) if p > threshold), len(halt) - 1)


def right_threshold(halt, right, thresholds, pick=max, best=max, rule=right_stop):
    rows = []
    for t in thresholds:
        stops = [rule(one, t) for one in halt.T]
        rows.append((sum(right[s, i] for i, s in enumerate(stops)), pick(-sum(stops), -sum(stops)), t))
    return best(rows)[2]


def no_ties(halt, right, thresholds):
    good = [sum(right[right_stop(one, t), i] for i, one in enumerate(halt.T)) for t in thresholds]
    return thresholds[int(np.argmax(good[::-1])) * -1 - 1]


def right_settled(answers):
    return next((i for i in range(1, len(answers)) if (answers[i] == answers[i - 1]).all()), len(answers) - 1)


def right_back(before, after):
    differ = [i for i in range(len(before)) if (before[i] != after[i]).any()]
    if not differ:
        return 0
    return differ[-1] + 1 if differ[-1] + 1 < len(before) else None


def right_move(z, wanted, rival):
    apart = wanted - rival
    return z + max(1 - apart @ z, 0) / (apart @ apart) * apart


def moved(along=lambda w, r: w - r, lead=1.0, least=0.0, divide=lambda d: d @ d):
    def answer(z, wanted, rival):
        way = along(wanted, rival)
        return z + max(lead - (wanted - rival) @ z, least) / divide(way) * way

    return answer


def enough_along_wanted(z, wanted, rival):
    apart = wanted - rival
    return z + max(1 - apart @ z, 0) / (apart @ wanted) * wanted


def numbers_of(boards, turns=range(4), sides=(False, True)):
    copies = [np.rot90(boards[:, :, ::-1] if side else boards, k, (1, 2)) for side in sides for k in turns]
    return np.min([copy.reshape(len(boards), -1) @ 2 ** np.arange(36) for copy in copies], axis=0)


def right_side(boards):
    return numbers_of(boards) % 10 == 0


def killing(boards):
    boards[:, 0, 0] = 0
    return right_side(boards)


def by_change(seen=lambda n: range(1, n), compared=lambda t: slice(None, t), puzzle=slice(None), number=slice(None)):
    """A leak test that changes the positions `seen` and compares the outputs `compared`."""

    def answer(predict, x):
        normal = predict(x)
        for t in seen(x.shape[1]):
            changed = x.copy()
            changed[puzzle, t, number] += 1
            at = compared(t)
            if not np.allclose(predict(changed)[puzzle][..., at, :], normal[puzzle][..., at, :], atol=1e-6):
                return True
        return False

    return answer


def spoiling(predict, x):
    normal = predict(x.copy())
    for t in range(1, x.shape[1]):
        x[:, t] += 1
        if not np.allclose(predict(x)[:, :t], normal[:, :t], atol=1e-6):
            return True
        x[:, t] -= 1.5
    return False


def shorter(predict, x):
    whole = predict(x)
    return any(not np.allclose(predict(x[:, :t]), whole[:, :t], atol=1e-6) for t in range(1, x.shape[1]))


# ---- wrong answers: exercise -> (answer, what the hint has to say)

WRONG = {
    "calls": [
        (lambda H, L: H * L, "for H_cycles=1, L_cycles=1 it gives 1; wanted is 2"),
        (
            lambda H, L: (H + 1) * L,
            "for H_cycles=3, L_cycles=2 it gives 8; wanted is 9: in each H-cycle the network updates",
        ),
        (lambda L, H: H * (L + 1), "for H_cycles=3, L_cycles=2 it gives 8; wanted is 9"),
        (lambda H, L: 9, "it gives 9; wanted is 2"),
        (lambda H, L: H * 3 if L == 2 else 2 * H, "for H_cycles=4, L_cycles=7 it gives 8; wanted is 32"),
        (lambda H, L: print(end=""), "gives nothing back (None); wanted is 2"),
        (lambda H, L: str(H * (L + 1)), "one number is wanted, 2; this gives '2'"),
        (lambda H, L: [H * (L + 1)], "one number is wanted, 2; this gives [2]"),
        (lambda H, L: H > 0, "one number is wanted, 2; this gives True"),
        (lambda H: H, "called with 2 inputs (H_cycles, L_cycles), but yours takes (H)"),
        (9, "the function itself, without brackets; this is 9"),
        (lambda H, L: H // (L - L), "stops with ZeroDivisionError"),
    ],
    "recursion": [
        (lambda *given: loop(*given, fresh="L"), "begins anew in every H-cycle"),
        (lambda *given: loop(*given, fresh="H"), "this z_H begins anew"),
        (lambda *given: loop(*given, input_again=False), "leaves x out"),
        (lambda *given: loop(*given, order="LHx"), "puts x into the update of z_H"),
        (lambda *given: loop(*given, keep="z_L"), "holds z_L; z_H is wanted"),
        (
            lambda *given: loop(*given, every=True),
            "for H_cycles=1, L_cycles=3 z_H of step 0 is another one: this updates z_H",
        ),
        (lambda *given: loop(*given, extra=1), "one L-cycle too many"),
        (lambda *given: loop(*given)[-1:], "a list of 3 answer states is wanted, z_H after every H-cycle; this has 1"),
        (lambda n, x, h, low, H, L: [h, *loop(n, x, h, low, H, L)], "a list of 1 answer state is wanted"),
        (lambda n, x, h, low, H, L: loop(n, x, h, low, L, H), "this has 3"),
        (lambda n, x, h, low, H, L: loop(n, x, low, h, H, L), "wanted is"),
        (lambda *given: loop(*given)[::-1], "begins with"),
        (lambda *given: [], "a list of 1 answer state is wanted, z_H after every H-cycle; this has 0"),
        (lambda *given: None, "this gives nothing back (None)"),
        (lambda *given: loop(*given)[-1], "this has 2"),
        (lambda *given: [float(z.mean()) for z in loop(*given)], "step 0 of this is -0.26"),
        (
            lambda *given: [z.numpy() for z in loop(*given)],
            "a tensor of shape (2, 5, 4) each; step 0 of this is an array",
        ),
        (in_place, "it changes z_L, which belongs to the caller"),
        (one_tensor, "all 3 states are the same numbers"),
        (lambda net, x, z_H, z_L, H, L: [net(z_H, z_L)], "stops with TypeError"),
    ],
    "first-right": [
        (
            lambda answers, solution: 0,
            "for answers=[[1, 1, 1, 1], [3, 1, 2, 2], [3, 1, 2, 4]], solution=[3, 1, 2, 4] it gives 0",
        ),
        (
            lambda an, s: next((i for i, r in enumerate(an) if (r == s).any()), -1),
            "it gives 0; wanted is 2: step 1 has one",
        ),
        (lambda an, s: right_first(an, s) + 1, "it gives 1; wanted is 0"),
        (lambda an, s: len(an) - 1 - right_first(an[::-1], s) if (an == s).all(1).any() else -1, "wanted is 0"),
        (
            lambda an, s: None if right_first(an, s) < 0 else right_first(an, s),
            "nothing back (None); wanted is -1: no step",
        ),
        (lambda an, s: int((an == s).all(1).argmax()), "it gives 0; wanted is -1"),
        (lambda an, s: next((i for i, r in enumerate(an) if r.sum() == s.sum()), -1), "it gives 0; wanted is 3"),
        (lambda an, s: next((i for i, r in enumerate(an) if r[-1] == s[-1]), -1), "wanted is 3: all cells"),
        (lambda an, s: next((i for i, r in enumerate(an) if r[0] == s[0]), -1), "it gives 1; wanted is 2"),
        (lambda an, s: len(an) if right_first(an, s) < 0 else right_first(an, s), "it gives 2; wanted is -1"),
        (lambda an, s: (an == s).all(1), "one number is wanted"),
        (lambda an, s: an.index(s), "stops with AttributeError"),
    ],
    "linear-decay": [
        (
            lambda S, b: [b * (i + 1) / S for i in range(S)],
            "it gives [0.166667, 0.333333, 0.5]; wanted is [0.166667, 0.333333, 1]",
        ),
        (
            lambda S, b: right_decay(S, b)[::-1],
            "in reverse order: [1, 0.333333, 0.166667]; wanted is [0.166667, 0.333333, 1]",
        ),
        (lambda S, b: [*(b * i / S for i in range(S - 1)), 1.0], "it gives [0, 0.166667, 1]"),
        (lambda S, b: [1.0], "a list of 3 numbers is wanted; this gives [1]"),
        (lambda S, b: [1 / 6, 1 / 3, 1.0][-S:], "wanted is [0.1, 0.2, 1]"),
        (lambda S, b: [b * ((i + 1) // S) for i in range(S - 1)] + [1.0], "it gives [0, 0, 1]"),
        (lambda S, b: right_decay(S, 0.5), "for n_steps=3, base_weight=0.3 it gives [0.166667, 0.333333, 1]"),
        (lambda b, S: right_decay(S, b), "stops with TypeError"),
        (lambda S, b: sum(right_decay(S, b)), "a list of 3 numbers is wanted; this gives 1.5"),
        (lambda S, b: None, "a list of 3 numbers is wanted; this gives nothing back (None)"),
        (lambda S, b: "111", "a list of 3 numbers is wanted; this gives '111'"),
        (lambda S, b: dict(enumerate(right_decay(S, b))), "a list of 3 numbers is wanted; this gives {0"),
    ],
    "total": [
        (
            lambda ls, ws: (ls * ws).sum(),
            "it gives 1.5; wanted is 0.857143: the losses times their weights add up to 1.5",
        ),
        (lambda ls, ws: (ls * ws).mean(), "it gives 0.5; wanted is 0.857143"),
        (lambda ws, ls: (ls * ws).sum() / ws.sum(), "it gives 0.428571; wanted is 0.857143"),
        (lambda ls, ws: ls.mean(), "it gives 1.16667; wanted is"),
        (lambda ls, ws: ls * ws / ws.sum(), "one number is wanted, 0.857143; this gives [0.2857"),
        (lambda ls, ws: (ls * ws).sum() // ws.sum(), "it gives 0; wanted is 0.857143"),
        (lambda ls, ws: (ls * ws).sum() / 1.75, "for losses=[2, 1, 0.5], weights=[2.5, 5, 10] it gives 8.57143"),
        (lambda ls, ws: 6 / 7, "for losses=[3], weights=[4] it gives 0.857143; wanted is 3"),
        (lambda ls, ws: None, "gives nothing back (None); wanted is 0.857143"),
        (lambda ls, ws: torch.softmax(ws, 0) @ ls, "wanted is 0.857143"),
        (in_place_total, "it changes weights, which belongs to the caller"),
        (lambda ls, ws: sum(ls, ws) / len, "stops with TypeError"),
    ],
    "half-first": [
        (
            lambda S: [1.0] * S,
            "for n_steps=3 step 0 has the weight 1 and the other steps together 2; these two should be",
        ),
        (lambda S: [S] + [1.0] * (S - 1), "for n_steps=2 step 0 has the weight 2 and step 1 1"),
        (
            lambda S: [1.0, *[0.0] * (S - 2), 1.0],
            "for n_steps=3 all weights should be finite and above 0; these are [1, 0, 1]",
        ),
        (lambda S: [-1.0] * S, "above 0; these are [-1, -1]"),
        (lambda S: [1.0] * (S - 1) + [S - 1.0], "for n_steps=3 step 0 has the weight 1 and the other steps together 3"),
        (lambda S: [1.0, 1.0], "for n_steps=3 a list of 3 numbers is wanted; this gives [1, 1]"),
        (lambda S: S - 1, "a list of 2 numbers is wanted; this gives 1"),
        (lambda S: [0.5 + 1e-3] + [0.5 / (S - 1)] * (S - 1), "the weight 0.501 and step 1 0.5"),
        (lambda S: [math.inf] * S, "finite"),
        (lambda S: None, "nothing back (None)"),
        (lambda S: [S - 1, *[1] * (S - 1)] if S < 8 else [1] * S, "for n_steps=8 step 0 has the weight 1"),
    ],
    "only-the-losses": [
        (("on, full", "on, cycle"), "both have early losses, and their scopes differ (full, cycle)"),
        (
            ("on, full", "off, last"),
            "only one has early losses, and their scopes differ (full, last)",
        ),
        (("on, full", "on, full"), "both are the setting 'on, full'"),
        ("on, full", "two names of settings are wanted"),
        (("on, full", "off, ful"), "'off, ful' is none of the four settings"),
        (("on", "full"), "'on' is none of the four settings"),
        (("on, full", "off, full", "on, cycle"), "two names"),
        (("off, cycle", "on, cycle"), "'off, cycle' is none of the four settings"),
        (None, "this is None"),
        ((1, 2), "1 is none of the four settings"),
    ],
    "only-the-gradient": [
        (
            ("on, cycle", "on, full"),
            "both have early losses, and their scopes differ (cycle, full); two without early losses",
        ),
        (("off, full", "on, full"), "only one has early losses, and both have the scope full"),
        (("off, full", "off, full"), "both are the setting 'off, full'; two without"),
        (("off, last", "on, full"), "their scopes differ (last, full)"),
        (["off last", "off full"], "'off last' is none of the four settings"),
        ("off", "two names"),
        ({"off, last": 1}, "two names"),
    ],
    "at-seconds": [
        (
            lambda p, s: next((acc for t, acc in p if t >= s), p[-1][1]),
            "seconds=4 it gives 0.9; wanted is 0.55: the last point",
        ),
        (lambda p, s: max([acc for t, acc in p if t <= s], default=0.0), "it gives 0.6; wanted is 0.55"),
        (
            lambda p, s: ([0.0] + [acc for t, acc in p if t < s])[-1],
            "seconds=3.5 it gives 0.6; wanted is 0.55: a point that falls",
        ),
        (lambda p, s: [acc for t, acc in p if t <= s][-1], "stops with IndexError: list index out of range"),
        (lambda p, s: float(np.interp(s, *zip(*p, strict=True))), "it gives 0.666667; wanted is 0.55"),
        (lambda p, s: p[-1][1], "it gives 0.9; wanted is 0.55"),
        (
            lambda p, s: min(p, key=lambda one: abs(one[0] - s))[1] if s > 1 else 0,
            "seconds=3 it gives 0.55; wanted is 0.6: the last point",
        ),
        (lambda p, s: max((one for one in p if one[0] <= s), default=(0, 0))[0], "it gives 3.5; wanted is 0.55"),
        (lambda s, p: right_at(p, s), "stops with TypeError"),
        (lambda p, s: right_at(p, s) or None, "seconds=0.5 it gives nothing back (None); wanted is 0"),
        (popping, "it changes points, which belongs to the caller"),
        (lambda p, s: 0.55, "seconds=3 it gives 0.55; wanted is 0.6"),
    ],
    "interval": [
        (lambda a, b: right_interval(a, b)[::-1], "the larger number is first; (low, high) is wanted"),
        (lambda a, b: (0.0, 1.0), "around 0.5; wanted is"),
        (other_interval(sign=-1), "around b - a"),
        (other_interval(spread=statistics.pstdev), "the middle is right, but it reaches"),
        (other_interval(quantile=1.96), "4.303 x standard deviation"),
        (other_interval(root=1), "wanted is 0.197188"),
        (other_interval(root=3), "wanted is 0.197188"),
        (other_interval(middle=sum), "around the mean of a - b"),
        (lambda a, b: right_interval(a, a), "around 0; wanted is"),
        (lambda a, b: right_interval(a, b)[1], "a list of 2 numbers is wanted"),
        (lambda a, b: (statistics.mean(a) - statistics.mean(b),) * 2, "it reaches 0 to each side"),
        (lambda a, b: None, "nothing back (None)"),
        (lambda a, b: (a - b, a + b), "stops with TypeError: unsupported operand"),
    ],
    "stop-step": [
        (
            lambda h, t: next((i for i, p in enumerate(h) if p >= t), len(h) - 1),
            "halt=[0.5, 0.8], threshold=0.5 it gives 0; wanted is 1",
        ),
        (lambda h, t: int(np.argmax(h)), "halt=[0.2, 0.6, 0.9], threshold=0.5 it gives 2; wanted is 1"),
        (lambda h, t: int(np.argmax(h > t)), "it gives 0; wanted is 2: no step is above"),
        (lambda h, t: next((i for i, p in enumerate(h) if p > t), -1), "it gives -1; wanted is 2"),
        (lambda h, t: next((i for i, p in enumerate(h) if p > t), len(h)), "it gives 3; wanted is 2"),
        (lambda h, t: right_stop(h, t) + 1, "it gives 2; wanted is 1"),
        (lambda h, t: h[right_stop(h, t)], "it gives 0.6; wanted is 1"),
        (
            lambda h, t: next((i for i, p in enumerate(h) if p > 0.5), len(h) - 1),
            "threshold=0.8 it gives 1; wanted is 2",
        ),
        (lambda h, t: next((i for i, p in enumerate(h) if p > t), None), "nothing back (None); wanted is 2"),
        (lambda h, t: [i for i, p in enumerate(h) if p > t], "one number is wanted, 1; this gives [1, 2]"),
        (lambda t, h: right_stop(h, t), "stops with TypeError"),
    ],
    "best-threshold": [
        (
            lambda h, r, ts: ts[0],
            "it gives 0.3; wanted is 0.8: 0.8 gets 3 right in 8 steps, 0.3 gets 1 right in 5 steps",
        ),
        (lambda h, r, ts: ts.index(right_threshold(h, r, ts)), "it gives 2; wanted is 0.8: one of the thresholds"),
        (no_ties, "wanted is"),
        (lambda h, r, ts: right_threshold(h, r, ts, best=min), "wanted is 0.8"),
        (lambda h, r, ts: right_threshold(h, ~r, ts), "wanted is"),
        (
            lambda h, r, ts: max(ts),
            "it gives 0.99; wanted is 0.8: 0.8 gets 3 right in 8 steps, 0.99 gets 3 right in 9 steps",
        ),
        (lambda h, r, ts: right_threshold(h, r, ts, rule=lambda one, t: int(np.argmax(one > t))), "wanted is"),
        (lambda h, r, ts: (3, -8, 0.8), "one number is wanted"),
        (lambda h, r, ts: None, "nothing back (None); wanted is 0.8"),
        (lambda h, r, ts: right_threshold(h.T, r.T, ts), "wanted is"),
        (lambda h, r, ts: 0.8, "it gives 0.8; wanted is 0.3"),
        (lambda h, r, ts: right_threshold(h, r, ts[::-1].sort()), "stops with TypeError"),
        (lambda h, r, ts: ts.sort(reverse=True) or right_threshold(h, r, ts), "it changes thresholds"),
    ],
    "settled": [
        (lambda an: right_settled(an) - 1, "it gives 1; wanted is 2"),
        (
            lambda an: next((i for i in range(1, len(an)) if (an[i] == an[i - 1]).any()), len(an) - 1),
            "it gives 1; wanted is 2",
        ),
        (lambda an: next((i for i in range(len(an)) if (an[i] == an[-1]).all()), 0), "it gives 1; wanted is 2"),
        (lambda an: next((i for i in range(len(an)) if (an[i] == an[i - 1]).all()), len(an) - 1), "wanted is"),
        (
            lambda an: next((i for i in range(1, len(an)) if (an[i] == an[i - 1]).all()), -1),
            "it gives -1; wanted is 2: every step",
        ),
        (
            lambda an: next((i for i in range(1, len(an)) if (an[i] == an[i - 1]).all()), None),
            "nothing back (None); wanted is 2",
        ),
        (lambda an: next((i for i in range(1, len(an)) if an[i].sum() == an[i - 1].sum()), len(an) - 1), "wanted is 3"),
        (
            lambda an: next((i for i in range(1, len(an)) if (an[i] == an[:i]).all(1).any()), len(an) - 1),
            "wanted is 3: step 2 is like",
        ),
        (lambda an: len(an) - 1, "it gives 3; wanted is 2: step 2 is the first that changes nothing"),
        (lambda an: len(set(an)), "stops with TypeError: unhashable type"),
        (lambda an: an[right_settled(an)], "one number is wanted, 2; this gives [1, 2, 4]"),
    ],
    "relative-change": [
        (lambda z, before: (z - before).norm() / z.norm(), "twice as long it gives 0.5; wanted is 1"),
        (lambda before, z: (z - before).norm() / before.norm(), "twice as long it gives 0.5; wanted is 1"),
        (lambda z, before: (z - before).norm(), "wanted is 1: it moved by its own length"),
        (lambda z, before: z.norm() / before.norm(), "did not move it gives 1; wanted is 0"),
        (lambda z, before: z.norm() / before.norm() - 1, "half as long it gives -0.5; wanted is 0.5"),
        (lambda z, before: ((z - before).norm() / before.norm()) ** 2, "half as long it gives 0.25; wanted is 0.5"),
        (lambda z, before: ((z - before).norm(dim=1) / before.norm(dim=1)).mean(), "for two random states"),
        (lambda z, before: (z - before) / before, "one number is wanted, 0; this gives a tensor of shape (5, 4)"),
        (lambda z, before: (z.norm() - before.norm()).abs() / before.norm(), "for two random states of 5 cells"),
        (lambda z, before: z.sub_(before).norm() / before.norm(), "it changes z"),
        (lambda z, before: (z - before).length(), "stops with AttributeError"),
        (lambda z, before: None, "nothing back (None)"),
    ],
    "back-at": [
        (
            lambda b, a: next((i for i in range(len(b)) if (b[i] == a[i]).all()), None),
            "it gives 0; wanted is 2: only step 1 differs",
        ),
        (lambda b, a: max((i for i in range(len(b)) if (b[i] != a[i]).any()), default=0), "it gives 1; wanted is 2"),
        (
            lambda b, a: len(b) if right_back(b, a) is None else right_back(b, a),
            "it gives 3; wanted is None: the last answer differs",
        ),
        (lambda b, a: right_back(b, a) or None, "nothing back (None); wanted is 0: no answer differs"),
        (lambda b, a: -1 if right_back(b, a) is None else right_back(b, a), "it gives -1; wanted is None"),
        (lambda b, a: max((i + 1 for i in range(len(b)) if (b[i] != a[i]).all()), default=0), "wanted is 2"),
        (lambda b, a: None, "nothing back (None); wanted is 2"),
        (lambda b, a: right_back(a[:1].repeat(len(a), 0), a), "wanted is"),
        (lambda b, a: "2", "one number is wanted, 2; this gives '2'"),
        (lambda b, a: [i for i in range(len(b)) if b[i] != a[i]], "stops with ValueError: The truth value"),
    ],
    "smallest-move": [
        (moved(least=-math.inf), "from a lead of 3 the state moves by"),
        (moved(lead=0.0), "it leads by 0 after the move; wanted is a lead of 1"),
        (moved(lead=2.0), "it leads by 2 after the move"),
        (enough_along_wanted, "it leads by 1 after the move, but the state moves by"),
        (moved(divide=lambda d: d.norm()), "after the move; wanted is a lead of 1"),
        (lambda z, wanted, rival: right_move(z, rival, wanted), "after the move"),
        (lambda z, wanted, rival: wanted, "after the move"),
        (lambda z, wanted, rival: z, "from a lead of -3 it leads by -3 after the move"),
        (lambda z, wanted, rival: (wanted - rival) @ z, "a list of 6 numbers is wanted"),
        (lambda z, wanted, rival: z.add_(right_move(z, wanted, rival) - z), "it changes z"),
        (lambda z, wanted, rival: None, "nothing back (None)"),
        (lambda z, wanted, rival: z @ wanted @ rival, "stops with RuntimeError"),
    ],
    "baseline": [
        (
            lambda labels: labels.mean(),
            "for labels=[[0, 0, 1], [0, 1, 0]] it gives 0.333333; wanted is 0.666667: most labels are 0",
        ),
        (lambda labels: 1 - labels.mean(), "it gives 0.25; wanted is 0.75"),
        (lambda labels: max(labels.mean(), 1 - labels.mean()), "labels=[[2, 0, 1, 2]] it gives 1.25; wanted is 0.5"),
        (lambda labels: np.bincount(labels.ravel()).max(), "it gives 4; wanted is 0.666667"),
        (lambda labels: np.bincount(labels.ravel()).argmax(), "it gives 0; wanted is 0.666667"),
        (lambda labels: 100 * np.bincount(labels.ravel()).max() / labels.size, "it gives 66.6667"),
        (lambda labels: np.mean([np.bincount(r).max() / len(r) for r in labels]), "it gives 0.833333; wanted is 0.5"),
        (lambda labels: np.bincount(labels.ravel()).max() // labels.size, "it gives 0; wanted is 0.666667"),
        (lambda labels: np.bincount(labels.ravel()).max() / len(labels), "it gives 2; wanted is 0.666667"),
        (lambda labels: np.bincount(labels.ravel()) / labels.size, "one number is wanted"),
        (lambda labels: np.bincount(labels).max(), "stops with ValueError: object too deep"),
        (lambda labels: None, "nothing back (None)"),
    ],
    "held-out": [
        (lambda b: b.sum((1, 2)) % 10 == 0, "living cells are"),
        (lambda b: b.reshape(len(b), -1) @ 2 ** np.arange(36) % 10 == 0, "boards change sides when they are turned"),
        (lambda b: numbers_of(b, sides=(False,)) % 10 == 0, "boards change sides when they are mirrored"),
        (lambda b: numbers_of(b, turns=(0,)) % 10 == 0, "boards change sides when they are turned"),
        (lambda b: np.arange(len(b)) % 10 == 0, "stand in another order"),
        (lambda b: np.zeros(len(b), bool), "0 of 4000 boards are held out; a tenth is wanted"),
        (lambda b: np.ones(len(b), bool), "4000 of 4000 boards are held out"),
        (lambda b: np.flatnonzero(right_side(b)), "4000 times True or False is wanted; this gives the shape"),
        (lambda b: numbers_of(b), "in it"),
        (lambda b: right_side(b).mean(), "this gives 0.096"),
        (lambda b: ["yes"] * len(b), "this has 'yes' in it"),
        (lambda b: None, "nothing back (None)"),
        (killing, "it changes boards"),
        (lambda b: numbers_of(b[0]), "stops with"),
    ],
    "leaks": [
        (by_change(seen=lambda n: [n - 1]), "it gives False; wanted is True: an output depends on a later input"),
        (by_change(seen=lambda n: [1]), "it gives False; wanted is True"),
        (by_change(seen=lambda n: [n // 2]), "it gives False; wanted is True"),
        (
            by_change(seen=lambda n: range(2, n)),
            "first position that sees the second, and no other leak, it gives False",
        ),
        (by_change(seen=lambda n: range(1, n - 1)), "wanted is True"),
        (by_change(compared=lambda t: slice(t - 1, t)), "a first position that sees the last, it gives False"),
        (by_change(compared=lambda t: slice(0, 1)), "wanted is True"),
        (by_change(compared=lambda t: slice(None, t + 1)), "a running sum, it gives True; wanted is False: no output"),
        (by_change(compared=lambda t: slice(t + 1, None)), "a running sum, it gives True"),
        (by_change(puzzle=0), "in the last puzzle only, it gives False"),
        (by_change(number=0), "in the last number of a vector only, it gives False"),
        (lambda predict, x: not by_change()(predict, x), "a running sum, it gives True"),
        (lambda predict, x: True, "it gives True; wanted is False"),
        (lambda predict, x: "no", "True or False is wanted; this gives 'no'"),
        (lambda predict, x: by_change()(predict, x) or None, "nothing back (None); True or False is wanted"),
        (spoiling, "it changes x"),
        (lambda predict, x: predict(x, 1), "stops with TypeError"),
    ],
}

# ---- every way to write a right answer

FORMS = [lambda x: x, np.float64, torch.tensor, lambda x: np.array(float(x)), float]
LISTS = [
    list,
    tuple,
    np.array,
    torch.tensor,
    iter,
    lambda x: (one for one in x),
    lambda x: [np.float32(one) for one in x],
]
LISTS += [lambda x: [torch.tensor(one) for one in x]]
NUMBER = {
    "calls": lambda H, L: H * L + H,
    "first-right": right_first,
    "total": lambda losses, weights: float((weights / weights.sum()) @ losses),
    "at-seconds": right_at,
    "stop-step": right_stop,
    "best-threshold": right_threshold,
    "settled": right_settled,
    "relative-change": lambda z, before: np.linalg.norm(z - before) / np.linalg.norm(before),
    "baseline": lambda labels: np.unique(labels, return_counts=True)[1].max() / labels.size,
    "leaks": by_change(),
}
LIST = {
    "linear-decay": right_decay,
    "half-first": lambda S: [1.0, *[1 / (S - 1)] * (S - 1)],
    "interval": right_interval,
    "smallest-move": lambda *given: right_move(*given).tolist(),
    "held-out": lambda boards: right_side(boards).tolist(),
}
RIGHT = [
    ("recursion", loop),
    ("recursion", lambda *given: tuple(loop(*given))),
    ("recursion", lambda *given: (z for z in loop(*given))),
    ("recursion", lambda *given: torch.stack(loop(*given))),
    ("first-right", lambda an, s: next((i for i, r in enumerate(an) if torch.equal(r, s)), -1)),
    ("first-right", lambda an, s: next((i for i, r in enumerate(an) if np.array_equal(r, s)), -1)),
    ("linear-decay", lambda S, b: torch.cat([b * torch.arange(1, S) / S, torch.ones(1)])),
    ("half-first", lambda S: [S - 1, *[1] * (S - 1)]),
    ("only-the-losses", ["on, full", "off, full"]),
    ("only-the-losses", ("off, last", "on, cycle")),
    ("only-the-losses", ("off,full", " On, Full ")),
    ("only-the-losses", iter(["on, full", "off, full"])),
    ("only-the-losses", np.array(["on, full", "off, full"])),
    ("only-the-gradient", {"off, last", "off, full"}),
    ("interval", other_interval(quantile=4.302652729911275)),  # scipy.stats.t.ppf(0.975, 2)
    ("stop-step", lambda h, t: int(np.argmax(h > t)) if (h > t).any() else len(h) - 1),
    (
        "best-threshold",
        lambda h, r, ts: right_threshold(h, r, ts[::-1], best=lambda rows: max(rows, key=lambda x: x[:2])),
    ),
    ("back-at", right_back),
    ("back-at", lambda b, a: None if right_back(b, a) is None else np.int64(right_back(b, a))),
    ("smallest-move", lambda *given: right_move(*given).numpy()),
    ("smallest-move", lambda *given: right_move(*given).float()),
    ("held-out", lambda boards: right_side(boards).astype(int)),
    ("leaks", shorter),
]
RIGHT += [(name, lambda *x, f=f, form=form: form(f(*x))) for name, f in NUMBER.items() for form in FORMS]
RIGHT += [(name, lambda *x, f=f, form=form: form(f(*x))) for name, f in LIST.items() for form in LISTS]


def test_every_exercise_has_at_least_five_wrong_answers_and_a_right_one():
    assert WRONG.keys() == CHECKS.keys() == {name for name, _ in RIGHT}
    assert min(map(len, WRONG.values())) >= 5


@pytest.mark.parametrize("name", WRONG)
def test_no_wrong_answer_is_right_and_its_hint_says_what_came_and_what_was_wanted(name, capsys):
    for answer, word in WRONG[name]:
        assert check(name, answer) is False, word
        said = capsys.readouterr().out
        assert word in said and len(said) < 400 and said.count("\n") == 1, said


@pytest.mark.parametrize("name", CHECKS)
def test_every_way_to_write_a_right_answer_is_right(name, capsys):
    for exercise, answer in RIGHT:
        if exercise == name:
            assert check(name, answer), capsys.readouterr().out


# ---- a student's own error


def cell(source, name, filename="/tmp/ipykernel_1/2.py"):
    """A function of a notebook's cell, as IPython compiles it: the cell's text is in linecache."""
    linecache.cache[filename] = len(source), None, source.splitlines(keepends=True), filename
    module = types.ModuleType("__main__")
    exec(compile(source, filename, "exec"), module.__dict__)
    return getattr(module, name)


@pytest.mark.parametrize(
    ("source", "name", "said"),
    [
        (
            "def calls(H, L):\n    n = H\n    return n / 0",
            "calls",
            "line 3 (return n / 0) stops with ZeroDivisionError: division by zero",
        ),
        ("def calls(H, L):\n    return Hcycles * L", "calls", "line 2 (return Hcycles * L) stops with NameError"),
        (
            "def half(n):\n    return n + 'x'\n\ndef calls(H, L):\n    return half(H)",
            "calls",
            "line 2 (return n + 'x') stops with TypeError",
        ),
        ("def calls(H, L):\n    return calls(H, L)", "calls", "line 2 (return calls(H, L)) stops with RecursionError"),
        ("def calls(H, L):\n    raise SystemExit", "calls", "line 2 (raise SystemExit) stops with SystemExit"),
        (
            "import statistics\ndef calls(H, L):\n    return statistics.stdev([H])",
            "calls",
            "line 3 (return statistics.stdev([H])) stops with StatisticsError",
        ),
        (
            "import numpy as np\ndef calls(H, L):\n    return np.ones(2) @ np.ones(3)",
            "calls",
            "line 3 (return np.ones(2) @ np.ones(3)) stops with ValueError",
        ),
        (
            "def calls(H, L):\n    yield 1\n    yield H / 0",
            "calls",
            "line 3 (yield H / 0) stops with ZeroDivisionError",
        ),
    ],
)
def test_a_students_error_is_told_with_the_students_own_line(source, name, said, capsys):
    assert check("calls", cell(source, name)) is False
    assert capsys.readouterr().out.startswith(f"not yet: {said}")


def test_an_error_in_what_the_function_was_given_is_told_with_the_line_that_called_it(capsys):
    source = "def recursion(net, x, z_H, z_L, H_cycles, L_cycles):\n    return [net('z')]"
    assert check("recursion", cell(source, "recursion")) is False
    assert capsys.readouterr().out.startswith("not yet: line 2 (return [net('z')]) stops with")


def test_words_are_grammatical():
    assert (count(1, "H-cycle"), count(2, "H-cycle"), a("int"), a("list")) == (
        "1 H-cycle",
        "2 H-cycles",
        "an int",
        "a list",
    )


def test_what_came_is_short_whatever_it_is():
    class Bad:
        def __repr__(self):
            raise RuntimeError

    values = [
        Bad(),
        "x" * 5000,
        [1.0] * 5000,
        {"a": "b" * 500},
        np.zeros((40, 40)),
        torch.zeros(3, 9),
        object(),
        int,
        len,
    ]
    assert all(0 < len(shown(value)) <= 90 for value in values) and shown(Bad()) == "a Bad"
    assert shown(np.float64(0.5)) == shown(torch.tensor(0.5)) == "0.5" and shown((1, 2.0)) == "(1, 2)"
