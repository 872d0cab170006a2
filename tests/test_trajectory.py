"""trajectory.py: a recording is what a plain call computes, and leaves no trace in the model."""

import json

import numpy as np
import pytest
import torch
from torch import nn

from trm_explore.data.labels import IGNORE
from trm_explore.model.cancel import cancel_check
from trm_explore.training.trajectory import frame_of, record, relative_change, to_device


@pytest.fixture
def puzzles(task):
    return task.held_out(3)


def test_shapes_and_kinds(make_model, batch):
    t = record(make_model(), batch, H_cycles=5, keep_states=True)
    assert t.n_steps == 5
    assert (t.answers.shape, t.answers.dtype) == ((5, 5, 16), np.int64)
    for name, shape in {
        "confidence": (5, 5, 16),
        "entropy": (5, 5, 16),
        "loss": (5, 5),
        "halt": (5, 5),
        "change_H": (5, 5),
        "change_L": (5, 5),
        "z_H": (5, 5, 16, 16),
        "z_L": (5, 5, 16, 16),
    }.items():
        assert (getattr(t, name).shape, getattr(t, name).dtype) == (shape, np.float32), name
    assert np.array_equal(t.inputs, batch["inputs"].numpy()) and np.array_equal(t.labels, batch["labels"].numpy())
    plain = record(make_model(), {"inputs": batch["inputs"]})
    assert plain.loss is plain.labels is plain.z_H is plain.z_L is None


@pytest.mark.parametrize("mixer", ["attention", "mlp", "conv"])
def test_the_last_step_is_the_plain_calls_answer(make_model, batch, mixer):
    model = make_model(mixer=mixer).eval()
    with torch.no_grad():
        _, outputs = model(model.initial_carry(batch), batch)
    t = record(model, batch)
    assert np.array_equal(t.answers[-1], outputs["logits"].argmax(-1).numpy())
    np.testing.assert_allclose(t.halt[-1], outputs["q_halt_logits"].sigmoid().numpy(), rtol=1e-6)


def test_confidence_entropy_loss_and_change_by_numpy(make_model, batch):
    model = make_model()
    t = record(model, batch, keep_states=True)
    head = model.lm_head.weight.detach().numpy().astype(float)
    labels = batch["labels"].numpy()
    for k in range(3):
        logits = t.z_H[k].astype(float) @ head.T
        p = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
        np.testing.assert_allclose(t.confidence[k], p.max(-1), rtol=1e-4)
        np.testing.assert_allclose(t.entropy[k], -(p * np.log(p)).sum(-1), rtol=1e-4)
        for b in range(5):
            cells = [-np.log(p[b, i, labels[b, i]]) for i in range(16) if labels[b, i] != IGNORE]
            assert t.loss[k, b] == pytest.approx(np.mean(cells), rel=1e-4)
            for name in ("H", "L"):
                states, first = getattr(t, f"z_{name}"), getattr(model, f"{name}_init").numpy()
                before = states[k - 1, b] if k else np.tile(first, (16, 1))
                change = np.linalg.norm(states[k, b] - before) / np.linalg.norm(before)
                assert getattr(t, f"change_{name}")[k, b] == pytest.approx(change, rel=1e-4)


def test_changes_fall_to_zero_at_a_fixed_point(make_model, batch):
    class Still(nn.Module):
        def forward(self, x, board):
            return torch.linspace(1, 2, x.numel()).view_as(x)

    model = make_model()
    model.net = Still()
    t = record(model, batch, H_cycles=4)
    for change in (t.change_H, t.change_L):
        assert (change[0] > 0.1).all() and not change[1:].any()


def test_change_is_in_units_of_the_state_before():
    before = torch.tensor([[[3.0, 4.0]], [[0.0, 0.0]]])
    after = torch.tensor([[[3.0, 4.5]], [[0.0, 0.0]]])
    assert relative_change(before, after).tolist() == pytest.approx([0.1, 0.0])


def test_more_cycles_than_in_training_begin_like_the_usual_ones(make_model, batch):
    usual, more = record(make_model(), batch), record(make_model(), batch, H_cycles=8)
    assert more.n_steps == 8
    assert np.array_equal(more.confidence[:3], usual.confidence)
    assert not np.array_equal(record(make_model(), batch, L_cycles=5).confidence, usual.confidence)


@pytest.mark.parametrize("training", [True, False])
def test_the_model_is_left_as_it_was(make_model, batch, training):
    model = make_model(halt_max_steps=3).train(training)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    state = torch.random.get_rng_state()
    record(model, batch)
    assert model.training is training and torch.is_grad_enabled()
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert all(p.grad is None and p.requires_grad for p in model.parameters())


def test_arrays_are_taken_as_tensors_are(make_model, batch):
    arrays = {name: value.numpy() if torch.is_tensor(value) else value for name, value in batch.items()}
    assert np.array_equal(record(make_model(), arrays).entropy, record(make_model(), batch).entropy)
    assert to_device(arrays, "cpu")["board"] == (4, 4)


@pytest.mark.parametrize("wrong", [{"H_cycles": 0}, {"L_cycles": -1}])
def test_less_than_one_cycle_is_refused(make_model, batch, wrong):
    (name, value), *_ = wrong.items()
    with pytest.raises(ValueError, match=f"{name}={value} must be at least 1"):
        record(make_model(), batch, **wrong)


def test_recording_can_be_stopped_before_any_call_of_the_network(make_model, batch):
    calls = []

    def stop():
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), cancel_check(stop):
        record(make_model(), batch)
    assert torch.is_grad_enabled()


def test_a_frame_is_strict_json_and_says_what_the_trajectory_says(make_model, task, puzzles):
    t = record(make_model(), puzzles)
    frame = frame_of(t, task, item=1, label="a puzzle", update=7)
    assert json.loads(json.dumps(frame, allow_nan=False)) == frame
    assert (frame["update"], frame["label"], frame["board"]) == (7, "a puzzle", task.board())
    assert frame["inputs"] == puzzles["inputs"][1].tolist() and frame["target"] == puzzles["labels"][1].tolist()
    assert [bool(g) for g in frame["given"]] == [token > 1 for token in frame["inputs"]]
    assert len(frame["steps"]) == 3
    for k, step in enumerate(frame["steps"]):
        assert step["ids"] == t.answers[k, 1].tolist()
        np.testing.assert_allclose(step["conf"], t.confidence[k, 1], atol=0.0051)
        assert step["wrong"] == [i for i in range(16) if step["ids"][i] != frame["target"][i]]
        for name, array in {"loss": t.loss, "halt": t.halt, "change": t.change_H}.items():
            assert step[name] == pytest.approx(float(array[k, 1]), rel=1e-3)


@pytest.mark.parametrize("labels", [None, IGNORE])
def test_a_frame_of_a_puzzle_without_an_answer_has_no_target_and_no_loss(make_model, task, puzzles, labels):
    batch = {"inputs": puzzles["inputs"]}
    if labels is not None:
        batch["labels"] = np.full_like(batch["inputs"], labels)
    frame = frame_of(record(make_model(), batch), task)
    assert frame["target"] is None
    for step in frame["steps"]:
        assert step["loss"] is None
        assert step["wrong"] == task.wrong_cells(puzzles["inputs"][0], None, np.array(step["ids"]))


def test_numbers_that_are_not_finite_are_null_in_a_frame(make_model, task, puzzles):
    model = make_model()
    with torch.no_grad():
        model.q_head.bias.fill_(float("nan"))
    frame = frame_of(record(model, puzzles), task)
    assert [step["halt"] for step in frame["steps"]] == [None] * 3
    json.dumps(frame, allow_nan=False)
