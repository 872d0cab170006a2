"""supervision.py: the guide's figures, the formulas, and what each step's loss is."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from trm_explore.config import SupervisionConfig
from trm_explore.supervision import (
    IGNORE,
    SCHEDULES,
    answer_loss,
    deep_supervision_loss,
    halting_loss,
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
    assert set(formulas) | {"front_loaded"} == set(SCHEDULES)


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
    labels[3] = IGNORE  # none: its loss is 0
    expected = []
    for b in range(4):
        cells = [
            math.log(sum(math.exp(z) for z in logits[b, i].tolist())) - logits[b, i, labels[b, i]].item()
            for i in range(7)
            if labels[b, i] != IGNORE
        ]
        expected.append(sum(cells) / len(cells) if cells else 0.0)
    assert puzzle_losses(logits, labels).tolist() == pytest.approx(expected)
    assert answer_loss(logits, labels).item() == pytest.approx(sum(expected) / 4)


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
