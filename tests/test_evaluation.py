"""evaluation.py: scores against a loop over single puzzles."""

import numpy as np
import pytest
import torch

from trm_explore.config import ModelConfig
from trm_explore.data.labels import IGNORE
from trm_explore.model import RecursiveModel
from trm_explore.tasks.base import RealTask, Task
from trm_explore.training.evaluation import evaluate, evaluate_halting


class FirstRow(Task):
    """A made-up task whose answer is right where two cells of the first row are, so that a random model scores too."""

    rows = cols = 4
    sample = held_out = given = board = None  # not needed here

    def check(self, inputs, answers, labels=None):
        assert inputs.shape == answers.shape == labels.shape
        return (answers[:, :2] % 2 == inputs[:, :2] % 2).all(1)


@pytest.fixture(scope="module")
def puzzles():
    rng = np.random.default_rng(0)
    inputs, labels = rng.integers(0, 6, (2, 23, 16))
    labels[rng.random((23, 16)) < 0.3] = IGNORE
    labels[4] = IGNORE  # nothing to score: left out of every mean
    return {"inputs": inputs, "labels": labels}


def one_by_one(model, puzzles, H_cycles):
    """(3, S): loss, cell and exact accuracy, a puzzle and a cell at a time."""
    sums, count = np.zeros((3, H_cycles)), 0
    with torch.no_grad():
        for inputs, labels in zip(puzzles["inputs"], puzzles["labels"], strict=True):
            if all(y == IGNORE for y in labels):
                continue
            count += 1
            batch = {"inputs": torch.from_numpy(inputs)[None], "board": (4, 4)}
            for k, cycle in enumerate(model.cycles(model.initial_carry(batch), batch, H_cycles=H_cycles)):
                p = cycle.logits[0].double().softmax(-1).numpy()
                answer = p.argmax(-1)
                cells = [(-np.log(p[i, y]), answer[i] == y) for i, y in enumerate(labels) if y != IGNORE]
                sums[:2, k] += np.mean(cells, axis=0)
                sums[2, k] += all(answer[i] % 2 == inputs[i] % 2 for i in range(2))
    return sums / count


@pytest.mark.parametrize("H_cycles", [None, 1, 5])
def test_scores_equal_those_of_single_puzzles(make_model, puzzles, H_cycles):
    model = make_model()
    scores = evaluate(model, FirstRow(), puzzles, H_cycles=H_cycles)
    expected = one_by_one(model, puzzles, H_cycles or 3)
    assert 0 < expected[2, 0] < 1 and 0 < expected[1, 0] < 1
    np.testing.assert_allclose(scores[:3], expected, rtol=1e-5)


@pytest.mark.parametrize("batch_size", [1, 7, 23, 24])
def test_the_batch_size_does_not_matter_also_where_the_last_batch_is_smaller(make_model, puzzles, batch_size):
    model = make_model()
    scores = evaluate(model, FirstRow(), puzzles, batch_size=batch_size)
    np.testing.assert_allclose(scores[:3], evaluate(model, FirstRow(), puzzles)[:3], rtol=1e-5)


def test_right_is_what_the_tasks_rules_say(make_model, task):
    """A model that writes the solution into every answer scores 1; with one cell wrong it solves nothing."""
    puzzles = task.held_out(9)
    model = make_model()

    class Knows(torch.nn.Module):
        def __init__(self, answers):
            super().__init__()
            self.answers = torch.from_numpy(answers)

        def forward(self, z_H):
            return torch.nn.functional.one_hot(self.answers, 6) * 9.0

    model.lm_head = Knows(puzzles["labels"])
    right = evaluate(model, task, puzzles)
    assert right.exact_accuracy == right.cell_accuracy == [1.0] * 3
    almost = puzzles["labels"].copy()
    almost[:, 5] = 2 + (almost[:, 5] - 1) % 4
    model.lm_head = Knows(almost)
    wrong = evaluate(model, task, puzzles)
    assert wrong.exact_accuracy == [0.0] * 3
    assert wrong.cell_accuracy == pytest.approx([15 / 16] * 3)


def test_evaluation_leaves_no_gradient_and_no_change_of_mode(make_model, puzzles):
    model = make_model().train()
    evaluate(model, FirstRow(), puzzles)
    assert model.training and torch.is_grad_enabled()
    assert all(p.grad is None for p in model.parameters())


# ---- halting, each puzzle for itself ----------------------------------------------------------------


def halting_model(make_model, puzzles):
    """A model whose halting head is undecided: some puzzles stop early, some late, some never."""
    model = make_model()
    batch = {"inputs": torch.from_numpy(puzzles["inputs"]), "board": (4, 4)}
    with torch.no_grad():
        q = torch.stack([c.q_halt for c in model.cycles(model.initial_carry(batch), batch, H_cycles=6)])
        scale = 2 / q.std()
        model.q_head.weight.mul_(scale)
        model.q_head.bias.sub_(scale * q.quantile(0.7))
    return model


def alone(model, puzzles, H_cycles, threshold, every):
    """(steps, cells right, answer right) of every puzzle, computed by itself and read off where it first says stop."""
    rows = []
    for inputs, labels in zip(puzzles["inputs"], puzzles["labels"], strict=True):
        if all(y == IGNORE for y in labels):
            continue
        batch = {"inputs": torch.from_numpy(inputs)[None], "board": (4, 4)}
        with torch.no_grad():
            cycles = list(model.cycles(model.initial_carry(batch), batch, H_cycles=H_cycles))
        may_stop = [k for k in range(1, H_cycles) if k % every == 0]
        says = [k for k in may_stop if torch.sigmoid(cycles[k - 1].q_halt[0]) > threshold]
        steps = says[0] if says else H_cycles
        answer = cycles[steps - 1].logits[0].argmax(-1).numpy()
        scored = labels != IGNORE
        cells = (answer == labels)[scored].mean()
        rows.append((steps, cells, all(answer[i] % 2 == inputs[i] % 2 for i in range(2))))
    return np.array(rows, dtype=float)


@pytest.mark.parametrize("threshold", [0.1, 0.5, 0.9])
@pytest.mark.parametrize(("H_cycles", "every"), [(6, 1), (6, 2), (7, 3), (1, 1), (2, 3)])
def test_halting_gives_every_puzzle_what_it_would_have_got_alone(make_model, puzzles, threshold, H_cycles, every):
    model = halting_model(make_model, puzzles)
    expected = alone(model, puzzles, H_cycles, threshold, every)
    for batch_size in (256, 5):
        got = evaluate_halting(
            model,
            FirstRow(),
            puzzles,
            H_cycles=H_cycles,
            threshold=threshold,
            every=every,
            batch_size=batch_size,
        )
        assert got.threshold == threshold
        assert got.mean_steps == pytest.approx(expected[:, 0].mean())
        assert got.cell_accuracy == pytest.approx(expected[:, 1].mean())
        assert got.exact_accuracy == pytest.approx(expected[:, 2].mean())
        assert got.stopped == pytest.approx((expected[:, 0] < H_cycles).mean())
    if (H_cycles, every, threshold) == (6, 1, 0.5):
        assert len(set(expected[:, 0])) > 2  # else it was not put to the test


def test_only_the_puzzles_that_have_not_stopped_are_computed_further(make_model, puzzles):
    model, sizes = halting_model(make_model, puzzles), []
    model.net.register_forward_pre_hook(lambda net, arguments: sizes.append(len(arguments[0])))
    steps = alone(model, puzzles, 6, 0.5, 1)[:, 0]
    sizes.clear()
    evaluate_halting(model, FirstRow(), puzzles, H_cycles=6, threshold=0.5)
    left = [int((steps >= k).sum()) for k in range(1, 7)]
    assert sizes == [n for n in left if n for _ in range(3)]  # three calls an H-cycle


def test_a_threshold_of_zero_stops_at_once_and_one_just_below_one_never(make_model, puzzles):
    model = halting_model(make_model, puzzles)
    fixed = evaluate(model, FirstRow(), puzzles, H_cycles=5)
    at_once = evaluate_halting(model, FirstRow(), puzzles, H_cycles=5, threshold=0.0)
    assert (at_once.mean_steps, at_once.stopped) == (1.0, 1.0)
    assert at_once.cell_accuracy == pytest.approx(fixed.cell_accuracy[0])
    assert at_once.exact_accuracy == pytest.approx(fixed.exact_accuracy[0])
    never = evaluate_halting(model, FirstRow(), puzzles, H_cycles=5, threshold=1 - 1e-6)
    assert (never.mean_steps, never.stopped) == (5.0, 0.0)
    assert never.cell_accuracy == pytest.approx(fixed.cell_accuracy[-1])
    assert never.exact_accuracy == pytest.approx(fixed.exact_accuracy[-1])


def test_a_higher_threshold_never_takes_fewer_steps(make_model, puzzles):
    model = halting_model(make_model, puzzles)
    thresholds = (0.0, 0.2, 0.5, 0.8, 0.99)
    steps = [evaluate_halting(model, FirstRow(), puzzles, H_cycles=6, threshold=x).mean_steps for x in thresholds]
    assert steps == sorted(steps) and steps[0] < steps[-1]


def test_halting_leaves_no_gradient_and_no_change_of_mode(make_model, puzzles):
    model = halting_model(make_model, puzzles).train()
    evaluate_halting(model, FirstRow(), puzzles, H_cycles=3)
    assert model.training and torch.is_grad_enabled()
    assert all(p.grad is None for p in model.parameters())


# ---- numbers ----------------------------------------------------------------


class Doubles(RealTask):
    """A made-up task of numbers: twice the input."""

    rows, cols, tolerance = 2, 2, 0.5
    sample = held_out = board = None  # not needed here


def test_numbers_are_scored_by_squared_error_tolerance_and_the_variance_explained(make_model):
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(9, 4, 3)).astype(np.float32)
    labels = 2 * inputs
    model = RecursiveModel(ModelConfig(input_size=3, vocab_size=3, seq_len=4, hidden_size=16))
    scores = evaluate(model, Doubles(), {"input_embeddings": inputs, "labels": labels}, batch_size=4)
    batch = {"input_embeddings": torch.from_numpy(inputs), "board": (2, 2)}
    with torch.no_grad():
        cycles = list(model.cycles(model.initial_carry(batch), batch))
    variance = sum(
        (labels[i, j, k] - labels[:, :, k].mean()) ** 2 for i in range(9) for j in range(4) for k in range(3)
    )
    for step, cycle in enumerate(cycles):
        squares = np.square(cycle.logits.numpy() - labels)
        assert scores.loss[step] == pytest.approx(squares.mean(), rel=1e-5)
        assert scores.cell_accuracy[step] == pytest.approx((squares.mean(2) <= 0.5).mean())
        assert scores.exact_accuracy[step] == pytest.approx((squares.mean((1, 2)) <= 0.5).mean())
        assert scores.r2[step] == pytest.approx(1 - squares.sum() / variance, rel=1e-4)
    assert evaluate(make_model(), FirstRow(), symbols(rng)).r2 == []


def symbols(rng):
    inputs, labels = rng.integers(0, 6, (2, 3, 16))
    return {"inputs": inputs, "labels": labels}
