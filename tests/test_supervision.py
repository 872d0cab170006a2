"""supervision.py: the guide's figures, the formulas, and what each step's loss is."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from trm_explore.config import SupervisionConfig
from trm_explore.config.schedules import FORMULAS
from trm_explore.data.labels import IGNORE
from trm_explore.training.gradients import gradient_statistics
from trm_explore.training.losses import (
    RunningLosses,
    active_count,
    adaptive_factors,
    answer_loss,
    answers_right,
    curriculum_progress,
    curriculum_weights,
    deep_supervision_loss,
    gradient_reach,
    halting_loss,
    losses_by_depth,
    puzzle_losses,
    supervision_weights,
    weights_for,
)

steps = st.integers(1, 24)
base = st.floats(0, 8)


@pytest.mark.parametrize(
    ("schedule", "weights", "divisor"),
    [
        ("constant", [0.5, 0.5, 1.0], 2.0),
        ("linear_decay", [0.167, 0.333, 1.0], 1.5),
        ("exponential_decay", [0.125, 0.25, 1.0], 1.375),
        ("u_shaped", [1.0, 0.25, 1.0], 2.25),
    ],
)
def test_the_guides_figures_for_three_steps(schedule, weights, divisor):
    got = supervision_weights(schedule, n_steps=3, base_weight=0.5)
    assert [round(w, 3) for w in got.tolist()] == weights
    assert got.sum().item() == pytest.approx(divisor)
    losses = [2.0, 3.0, 5.0]
    by_hand = (losses[0] * got[0] + losses[1] * got[1] + losses[2] * got[2]) / divisor
    assert float(deep_supervision_loss(torch.tensor(losses), got)) == pytest.approx(float(by_hand))


@given(steps, base)
def test_the_formulas_of_all_schedules(S, b):
    formulas = {
        "constant": [b for _ in range(S - 1)],
        "linear_decay": [b * (i + 1) / S for i in range(S - 1)],
        "exponential_decay": [b * 2**i / 2 ** (S - 1) for i in range(S - 1)],
        "u_shaped": [1.0 if i == 0 else b / 2 for i in range(S - 1)],
    }
    for schedule, early in formulas.items():
        assert supervision_weights(schedule, S, b).tolist() == pytest.approx([*early, 1.0])
    assert supervision_weights("front_loaded", S, b).tolist() == pytest.approx([0.7**i for i in range(S)])
    assert set(formulas) | {"front_loaded"} == set(FORMULAS)


def test_custom_weights_are_taken_as_given():
    assert supervision_weights("custom", 4, custom=[0.3, 0.4, 0.7, 0.5]).tolist() == pytest.approx([0.3, 0.4, 0.7, 0.5])


@given(st.data(), st.floats(1e-3, 1e3))
def test_the_total_is_the_weighted_mean_and_only_ratios_of_weights_matter(data, scale):
    S = data.draw(steps)
    losses = data.draw(st.lists(st.floats(0, 100), min_size=S, max_size=S))
    weights = data.draw(st.lists(st.floats(0.01, 10), min_size=S, max_size=S))
    total = float(deep_supervision_loss(torch.tensor(losses, dtype=torch.float64), weights))
    mean = math.fsum(w * loss for w, loss in zip(weights, losses, strict=True)) / math.fsum(weights)
    assert total == pytest.approx(mean, rel=1e-9)
    scaled = deep_supervision_loss(torch.tensor(losses, dtype=torch.float64), [scale * w for w in weights])
    assert float(scaled) == pytest.approx(total, rel=1e-9)
    assert min(losses) * (1 - 1e-9) <= total <= max(losses) * (1 + 1e-9)


@pytest.mark.parametrize(
    ("scope", "weights", "expected"),
    [
        ("last", [0, 0, 1], ["none", "none", "inside"]),
        ("last", [1, 1, 0], ["none", "none", "none"]),
        ("one_step", [1, 1, 1], ["none", "none", "last_call"]),
        ("cycle", [1, 0, 1], ["inside", "none", "inside"]),
        ("full", [1, 1, 1], ["end", "through", "start"]),
        ("full", [0, 0, 1], ["end", "through", "start"]),
        ("full", [1, 1, 0], ["end", "start", "none"]),
        ("full", [1, 0, 0], ["inside", "none", "none"]),
        ("full", [1], ["inside"]),
        ("full", [1, math.nan, 1], ["end", "through", "start"]),
    ],
)
def test_the_arrow_says_how_far_a_loss_reaches_back(scope, weights, expected):
    assert gradient_reach(scope, weights) == expected


@pytest.mark.parametrize("weights", [[1, 1, 1], [1, 0, 2], [1, 2, 0], [0, 1, 0]])
@pytest.mark.parametrize("scope", ["last", "one_step", "cycle", "full"])
def test_the_arrow_covers_the_steps_that_the_gradient_of_a_training_reaches(make_model, batch, scope, weights):
    """Measured: what the weighted losses send into z_H after each cycle."""
    measured = gradient_statistics(make_model(), batch, gradient_scope=scope).states
    reached = [any(weights[k] and row[cycle] > 0 for k, row in enumerate(measured)) for cycle in range(3)]
    assert [piece != "none" for piece in gradient_reach(scope, weights)] == reached


def test_gradients_reach_the_steps_in_proportion_to_their_weights():
    losses = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    deep_supervision_loss(losses, torch.tensor([0.5, 0.0, 1.5])).backward()
    assert losses.grad.tolist() == [0.25, 0.0, 0.75]


def test_a_step_of_weight_zero_sends_exactly_no_gradient_even_where_its_loss_is_not_finite():
    x = [torch.tensor(1.0, requires_grad=True) for _ in range(2)]
    deep_supervision_loss([x[0] / 0.0, x[1] * 2.0], [0.0, 1.0]).backward()
    assert x[0].grad is None and x[1].grad == 2.0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("constant", 0), "n_steps=0"),
        (("steep", 3), "schedule='steep' is not known; allowed are constant"),
        (("constant", 3, -0.5), "base_weight=-0.5"),
        (("constant", 3, math.nan), "base_weight=nan"),
        (("constant", 3, math.inf), "base_weight=inf"),
        (("constant", 3, 1e39), "must be finite in float32"),
        (("custom", 3, 0.5, [1.0, 2.0]), "custom has 2 weights for 3 steps"),
        (("custom", 3), "custom has 0 weights for 3 steps"),
        (("custom", 2, 0.5, [0.0, 0.0]), "not all 0"),
        (("custom", 2, 0.5, [1e-60, 0.0]), "not all 0"),
        (("custom", 2, 0.5, [-1.0, 2.0]), "at least 0"),
        (("custom", 2, 0.5, [math.nan, 2.0]), "finite"),
        (("custom", 2, 0.5, [3e38, 3e38]), "finite"),
    ],
)
def test_weights_that_cannot_work_are_refused(arguments, words):
    with pytest.raises(ValueError) as error:
        supervision_weights(*arguments)
    assert words in str(error.value)


@pytest.mark.parametrize(
    ("losses", "weights", "words"),
    [
        ([1.0], [1.0, 1.0], "1 step losses but 2 weights"),
        ([1.0, 1.0], [0.0, 0.0], "sum 0.0"),
        ([1.0], [math.inf], "sum inf"),
    ],
)
def test_a_total_without_a_meaning_is_refused(losses, weights, words):
    with pytest.raises(ValueError, match=words):
        deep_supervision_loss(torch.tensor(losses), weights)


def test_with_supervision_off_only_the_final_step_counts():
    off = SupervisionConfig(False, deep_supervision_weight=0.7)
    assert weights_for(off, 4).tolist() == [0.0, 0.0, 0.0, 1.0]
    on = SupervisionConfig(True, 0.7, "linear_decay")
    assert torch.equal(weights_for(on, 4), supervision_weights("linear_decay", 4, 0.7))
    assert weights_for(SupervisionConfig(True, 0.5, "custom", (1, 2)), 2).tolist() == [1.0, 2.0]


def test_the_loss_is_the_mean_over_a_puzzles_labelled_cells_then_over_the_puzzles():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(4, 7, 5, generator=generator, dtype=torch.float64)
    labels = torch.randint(0, 5, (4, 7), generator=generator)
    labels[0, 1:] = IGNORE  # one labelled cell
    labels[1, ::2] = IGNORE
    labels[3] = IGNORE  # none: its loss is 0, and it is not counted
    expected = []
    for b in range(4):
        cells = [
            math.log(sum(math.exp(z) for z in logits[b, i].tolist())) - logits[b, i, labels[b, i]].item()
            for i in range(7)
            if labels[b, i] != IGNORE
        ]
        expected.append(sum(cells) / len(cells) if cells else 0.0)
    assert puzzle_losses(logits, labels).tolist() == pytest.approx(expected)
    assert answer_loss(logits, labels).item() == pytest.approx(sum(expected) / 3)


def test_real_labels_are_scored_by_squared_error():
    generator = torch.Generator().manual_seed(0)
    logits, labels = torch.randn(2, 3, 4, 5, generator=generator)
    assert puzzle_losses(logits, labels).tolist() == pytest.approx(
        [F.mse_loss(logits[b], labels[b]).item() for b in range(3)]
    )
    assert answer_loss(logits, labels).item() == pytest.approx(F.mse_loss(logits, labels).item())


def test_the_halting_head_is_asked_whether_every_labelled_cell_is_right():
    labels = torch.tensor([[1, 2], [1, 2], [1, IGNORE]])
    logits = F.one_hot(torch.tensor([[1, 2], [1, 0], [1, 0]]), 3).float()  # right, half right, right where labelled
    q = torch.tensor([0.5, -2.0, 3.0])
    yes, no = -q.sigmoid().log(), -(1 - q.sigmoid()).log()
    assert halting_loss(q, logits, labels).item() == pytest.approx(((yes[0] + no[1] + yes[2]) / 3).item(), rel=1e-5)


# ---- curriculum ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("update", "progress"), [(0, 0.0), (10, 0.0), (11, 0.1), (15, 0.5), (19, 0.9), (20, 1.0), (99, 1.0)]
)
def test_a_curriculum_waits_then_moves_linearly_then_stays(update, progress):
    assert curriculum_progress(update, 10, 20) == pytest.approx(progress)


@given(steps, st.floats(0, 1), st.sampled_from(sorted(FORMULAS)))
def test_the_weight_curriculum_scales_the_early_steps_and_leaves_the_final_one(S, progress, schedule):
    base = supervision_weights(schedule, S)
    got = curriculum_weights(base, "weight", progress)
    assert got.tolist() == pytest.approx([progress * w for w in base[:-1].tolist()] + [base[-1].item()])
    assert torch.equal(base, supervision_weights(schedule, S))  # the given vector is not changed
    assert torch.equal(curriculum_weights(base, "weight", 1.0), base)
    assert torch.equal(curriculum_weights(base, "H_cycles", progress), base)


@given(steps, st.floats(0, 1), st.sampled_from(sorted(FORMULAS)))
def test_the_depth_curriculum_supervises_the_last_steps_with_their_own_weights_and_no_other(S, progress, schedule):
    base = supervision_weights(schedule, S)
    got, n = curriculum_weights(base, "depth", progress), active_count(S, progress)
    assert 1 <= n <= S
    assert torch.equal(got[S - n :], base[S - n :]) and not got[: S - n].any()
    assert torch.equal(curriculum_weights(base, "depth", 1.0), base)


@given(st.integers(1, 60), st.integers(1, 40), st.integers(0, 50))
def test_stages_are_of_equal_length_and_come_one_after_the_other(S, length, start):
    """S - 1 stages of `length` updates each from `start` on, then all S steps."""
    end = start + length * max(1, S - 1)
    stages = [active_count(S, curriculum_progress(update, start, end)) for update in range(end + 5)]
    assert stages == sorted(stages) and set(stages) == set(range(1, S + 1))
    assert stages[:start] == [1] * start and stages[end:] == [S] * 5
    assert [stages[start:end].count(k) for k in range(1, S)] == [length] * (S - 1)


# ---- adaptive weights ----------------------------------------------------------------

means = st.lists(st.floats(1e-6, 1e3), min_size=1, max_size=12)
strength = st.floats(0, 10)


def slow_factors(m, mode, strength):
    """The formulas of the docstring, one step after the other."""
    factors = [1.0]
    if len(m) == 1:
        return factors
    if mode == "hard":
        factors = []
        for i, loss in enumerate(m):
            ratio = (min(m) / m[0]) ** (1 / (len(m) - 1))  # of one step of a steady descent
            factors.append(min(4.0, max(0.25, (loss / (m[0] * ratio**i)) ** strength)))
        return factors
    improved = [(before - now) / before for before, now in zip(m, m[1:], strict=False)]
    for p in improved:
        stalled = 1.0
        if max(improved) > 0:
            stalled = 1 - min(1.0, max(0.0, p / max(improved)))
        factors.append(1 + strength * stalled)
    return factors


@given(means, strength, st.sampled_from(["hard", "progress"]))
def test_adaptive_factors_equal_their_formulas(m, strength, mode):
    got = adaptive_factors(torch.tensor(m), mode, strength)
    assert got.dtype == torch.float32 and not got.requires_grad
    exact = torch.tensor(m).tolist()  # as float32 holds them
    assert got.tolist() == pytest.approx(slow_factors(exact, mode, strength), rel=1e-4)


@given(means, strength)
def test_adaptive_factors_are_bounded_and_strength_zero_changes_nothing(m, strength):
    hard, progress = (adaptive_factors(torch.tensor(m), mode, strength) for mode in ("hard", "progress"))
    assert hard.min() >= 0.25 and hard.max() <= 4
    assert progress.min() >= 1 and progress.max() <= (1 + strength) * (1 + 1e-6) and progress[0] == 1
    for mode in ("hard", "progress"):
        assert adaptive_factors(torch.tensor(m), mode, 0.0).tolist() == [1.0] * len(m)
    assert torch.isfinite(adaptive_factors(torch.zeros(4), "hard")).all()  # solved to the last bit


def test_hard_favours_the_step_that_lags_behind_a_steady_descent():
    steady = [1.0, 0.1, 0.01, 0.001]
    assert adaptive_factors(torch.tensor(steady), "hard").tolist() == pytest.approx([1.0] * 4, rel=1e-4)
    lagging = [1.0, 0.1, 0.03, 0.001]  # step 2 is three times as high as it should be
    assert adaptive_factors(torch.tensor(lagging), "hard").tolist() == pytest.approx([1, 1, 3, 1], rel=1e-4)
    assert adaptive_factors(torch.tensor(lagging), "hard", 0.5)[2] == pytest.approx(3**0.5, rel=1e-4)


def test_progress_favours_the_step_whose_improvement_has_stalled():
    even = [1.0, 0.5, 0.25, 0.125]
    assert adaptive_factors(torch.tensor(even), "progress").tolist() == pytest.approx([1.0] * 4)
    stalled = [1.0, 0.5, 0.5, 0.25]
    assert adaptive_factors(torch.tensor(stalled), "progress").tolist() == pytest.approx([1, 1, 2, 1])
    worse = [1.0, 0.5, 0.6, 0.45]  # step 2 is worse than step 1, step 3 half as good as the best
    assert adaptive_factors(torch.tensor(worse), "progress", 3.0).tolist() == pytest.approx([1, 1, 4, 2.5])
    nowhere = [1.0, 1.0, 2.0]
    assert adaptive_factors(torch.tensor(nowhere), "progress", 0.5).tolist() == pytest.approx([1, 1.5, 1.5])


@given(st.data(), st.floats(0, 0.99))
def test_the_running_mean_is_a_moving_average_without_start_up_bias(data, decay):
    """Also where some updates have fewer steps: the others keep what they had."""
    S = data.draw(st.integers(1, 5))
    updates = data.draw(st.lists(st.lists(st.floats(0, 10), min_size=1, max_size=S), min_size=1, max_size=8))
    running, seen = RunningLosses.none(S), [[] for _ in range(S)]
    assert running.mean(1) is None
    for losses in updates:
        before = (running.sums.clone(), running.seen.clone())
        old, running = running, running.add(torch.tensor(losses), decay)
        assert torch.equal(old.sums, before[0]) and torch.equal(old.seen, before[1])  # a value
        for i, loss in enumerate(losses):
            seen[i].append(loss)
    for n in range(1, S + 1):
        if any(not losses for losses in seen[:n]):
            assert running.mean(n) is None
            continue
        for i, mean in enumerate(running.mean(n).tolist()):
            average = 0.0
            for loss in seen[i]:
                average = decay * average + (1 - decay) * loss
            assert mean == pytest.approx(average / (1 - decay ** len(seen[i])), rel=1e-5, abs=1e-9)


# ---- L-cycles, halting ----------------------------------------------------------------


@given(st.data(), st.floats(0, 10))
def test_the_total_with_l_cycle_losses_is_the_issues_formula(data, L_weight):
    S = data.draw(st.integers(1, 8))
    lists = st.lists(st.floats(0, 100), min_size=S, max_size=S)
    losses, inner = data.draw(lists), data.draw(lists)
    weights = data.draw(st.lists(st.floats(0.01, 10), min_size=S, max_size=S))
    got = deep_supervision_loss(
        torch.tensor(losses, dtype=torch.float64), weights, torch.tensor(inner, dtype=torch.float64), L_weight
    )
    summed = sum(w * x for w, x in zip(weights, losses, strict=True))
    summed += L_weight * sum(w * x for w, x in zip(weights, inner, strict=True))
    assert float(got) == pytest.approx(summed / sum(weights), rel=1e-9)


def test_a_step_of_weight_zero_leaves_out_its_l_cycle_losses_too():
    inner = [torch.tensor(1.0, requires_grad=True) for _ in range(2)]
    deep_supervision_loss(
        [torch.tensor(1.0), torch.tensor(1.0)], [0.0, 2.0], [inner[0] / 0.0, inner[1]], 0.5
    ).backward()
    assert inner[0].grad is None and inner[1].grad == 0.5
    with pytest.raises(ValueError, match="3 L-cycle losses but 2 weights"):
        deep_supervision_loss(torch.ones(2), [1, 1], torch.ones(3), 0.5)


@given(st.data())
def test_losses_by_true_depth_equal_a_loop_over_puzzles(data):
    S, B, limit = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 6)), data.draw(st.integers(1, 4))
    losses = torch.tensor(
        data.draw(st.lists(st.lists(st.floats(0, 9), min_size=B, max_size=B), min_size=S, max_size=S))
    )
    done = data.draw(st.lists(st.integers(0, limit - 1), min_size=B, max_size=B))
    got = losses_by_depth(losses, torch.tensor(done), limit)
    assert len(got) == limit and all(len(row) == S for row in got)
    for step in range(limit):
        for k in range(S):
            there = [losses[k, b].item() for b in range(B) if done[b] == step]
            if there:
                assert got[step][k] == pytest.approx(sum(there) / len(there), abs=1e-6)
            else:
                assert math.isnan(got[step][k])


def test_numbers_are_right_up_to_the_tolerance():
    labels = torch.zeros(3, 2, 1)
    answers = torch.tensor([[0.1, 0.1], [0.3, 0.0], [0.0, 0.0]])[..., None]  # squared errors 0.01, 0.045, 0
    assert answers_right(answers, labels, 0.02).tolist() == [True, False, True]
    assert answers_right(answers, labels).tolist() == [False, False, True]
