"""evaluation.py: scores against a loop over single puzzles."""

import numpy as np
import pytest
import torch

from trm_explore.evaluation import evaluate
from trm_explore.supervision import IGNORE
from trm_explore.tasks import Task


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
    labels[4] = IGNORE  # nothing to score
    return {"inputs": inputs, "labels": labels}


def one_by_one(model, puzzles, H_cycles):
    """(3, S): loss, cell and exact accuracy, a puzzle and a cell at a time."""
    sums = np.zeros((3, H_cycles))
    with torch.no_grad():
        for inputs, labels in zip(puzzles["inputs"], puzzles["labels"], strict=True):
            batch = {"inputs": torch.from_numpy(inputs)[None], "board": (4, 4)}
            for k, cycle in enumerate(model.cycles(model.initial_carry(batch), batch, H_cycles=H_cycles)):
                p = cycle.logits[0].double().softmax(-1).numpy()
                answer = p.argmax(-1)
                cells = [(-np.log(p[i, y]), answer[i] == y) for i, y in enumerate(labels) if y != IGNORE]
                if cells:
                    sums[:2, k] += np.mean(cells, axis=0)
                sums[2, k] += all(answer[i] % 2 == inputs[i] % 2 for i in range(2))
    return sums / len(puzzles["inputs"])


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
