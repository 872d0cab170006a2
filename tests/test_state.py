"""state.py: learning rate, averaged weights, and which checkpoints a training may go on from."""

import math

import pytest
import torch

from trm_explore.config import TrainConfig
from trm_explore.model.checkpoint import read_checkpoint, slim, write_checkpoint
from trm_explore.training import Training
from trm_explore.training import events as ev
from trm_explore.training.optimizer import learning_rate_factor


def test_the_learning_rate_warms_up_linearly_and_then_falls_as_a_cosine(tiny_run):
    lr, least, warmup, updates = 0.01, 0.2, 4, 11
    run = tiny_run(lr=lr, lr_min_ratio=least, warmup_updates=warmup, updates=updates)
    got = [e.lr for e in Training(run) if isinstance(e, ev.UpdateDone)]
    expected = [lr * (i + 1) / warmup for i in range(warmup)]
    for i in range(updates - warmup):
        cosine = math.cos(math.pi * i / (updates - warmup))
        expected.append(lr * (least + (1 - least) * (1 + cosine) / 2))
    assert got == pytest.approx(expected)


@pytest.mark.parametrize(
    ("warmup", "update", "factor"), [(0, 0, 1.0), (4, 3, 1.0), (4, 4, 1.0), (0, 10, 0.25), (50, 9, 1.0), (0, 99, 0.25)]
)
def test_the_learning_rates_corners(warmup, update, factor):
    config = TrainConfig(updates=10, warmup_updates=warmup, lr_min_ratio=0.25)
    assert learning_rate_factor(update, config) == pytest.approx(factor)


def test_the_rate_an_update_reports_is_the_one_it_uses(tiny_run):
    """Without weight decay, and with both of Adam's decays at 0, an update moves every weight by lr x its sign."""
    run = tiny_run(beta1=0.0, beta2=0.0, weight_decay=0.0, warmup_updates=2, lr=0.5, updates=3)
    training = Training(run)
    before = training.model.lm_head.weight.detach().clone()
    for event in training:
        if isinstance(event, ev.UpdateDone):
            now = training.model.lm_head.weight.detach().clone()
            moved = (now - before).abs().max().item()
            assert moved == pytest.approx(event.lr, rel=1e-3)
            before = now


def test_averaged_weights_follow_a_decay_that_warms_up(tiny_run):
    """The first average is the first weights; then a = d a + (1 - d) w with d = min(ema_decay, (1 + t) / (10 + t))."""
    decay, average, t = 0.3, None, 0
    training = Training(tiny_run(updates=8, ema_decay=decay, lr=0.05, warmup_updates=0))
    for event in training:
        if isinstance(event, ev.UpdateDone):
            weights = {name: p.detach().double() for name, p in training.model.named_parameters()}
            if average is None:
                average = weights
            else:
                d = min(decay, (1 + t) / (10 + t))
                average = {name: d * average[name] + (1 - d) * weights[name] for name in weights}
            t += 1
            for name, p in training.ema_model.named_parameters():
                torch.testing.assert_close(p.detach().double(), average[name], rtol=1e-5, atol=1e-6)
    assert t == 8 and decay < (1 + 4) / (10 + 4)  # both sides of the minimum were tried


@pytest.fixture(scope="module")
def trained(tiny_run):
    """Two updates done."""
    training = Training(tiny_run(supervision_steps=2))
    stream = iter(training)
    while training.update < 2:
        next(stream)
    return training


@pytest.fixture
def file(trained, tmp_path):
    return trained.save(tmp_path / "model.safetensors")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"task": "sudoku6"}, "task=sudoku4; it cannot go on with task=sudoku6"),
        ({"hidden_size": 32}, "hidden_size=16; it cannot go on with hidden_size=32"),
        ({"H_cycles": 5}, "H_cycles=3"),
        ({"mixer": "conv"}, "mixer=mlp"),
        ({"batch_size": 5}, "batch_size=4"),
    ],
)
def test_a_checkpoint_of_another_network_or_task_is_refused(tiny_run, file, change, words):
    with pytest.raises(ValueError) as error:
        Training(tiny_run(**change), resume=file)
    assert words in str(error.value) and str(file) in str(error.value)


def test_weights_without_a_training_state_cannot_be_resumed(tiny_run, trained, tmp_path):
    file = write_checkpoint(tmp_path / "slim.safetensors", slim(trained.checkpoint()))
    with pytest.raises(ValueError, match="holds weights only"):
        Training(tiny_run(), resume=file)


def without(mapping, *names):
    return {name: value for name, value in mapping.items() if name not in names}


@pytest.mark.parametrize(
    "damage",
    [
        lambda c: c._replace(scalars={}),
        lambda c: c._replace(scalars=[1]),
        lambda c: c._replace(scalars=without(c.scalars, "update")),
        lambda c: c._replace(scalars=c.scalars | {"data_random": {"bit_generator": "none"}}),
        lambda c: c._replace(tensors=without(c.tensors, "carry.steps")),
        lambda c: c._replace(tensors=without(c.tensors, "carry.data.inputs")),
        lambda c: c._replace(tensors=without(c.tensors, "ema.lm_head.weight")),
        lambda c: c._replace(tensors=c.tensors | {"random.halt": torch.zeros(3, dtype=torch.uint8)}),
        lambda c: c._replace(tensors=c.tensors | {"optimizer.x.step": torch.zeros(1)}),
    ],
)
def test_a_damaged_training_state_is_refused_in_one_sentence(tiny_run, trained, tmp_path, damage):
    file = write_checkpoint(tmp_path / "damaged.safetensors", damage(trained.checkpoint()))
    with pytest.raises(ValueError, match="its training state is damaged|damaged header: scalars") as error:
        Training(tiny_run(), resume=file)
    assert "\n" not in str(error.value)


def test_what_does_not_bind_the_weights_may_change_on_resuming(tiny_run, file):
    run = tiny_run(updates=3, lr=0.1, enable_deep_supervision=True, gradient_scope="cycle", ema_decay=0.5)
    kinds = [type(e).__name__ for e in Training(run, resume=file)]
    assert kinds == ["Started", "UpdateDone", "Frame", "Evaluated", "Finished"]


def test_averaging_that_begins_on_resuming_begins_with_the_weights(tiny_run, tmp_path):
    training = Training(tiny_run(ema_decay=0.0, updates=2))
    list(training)
    file = training.save(tmp_path / "raw.safetensors")
    resumed = Training(tiny_run(ema_decay=0.9, updates=3), resume=file)
    assert torch.equal(resumed.ema_model.lm_head.weight, training.model.lm_head.weight)
    list(resumed)
    assert torch.equal(resumed.ema_model.lm_head.weight, resumed.model.lm_head.weight)


# ---- what a resumed run may not change, and damage that only resuming meets


@pytest.fixture
def saved(tiny_run, tmp_path):
    training = Training(tiny_run(updates=4, supervision_steps=2))
    stream = iter(training)
    while training.update < 2:
        next(stream)
    return training.save(tmp_path / "model.safetensors")


@pytest.mark.parametrize("change", [{"seed": 7}, {"difficulty": "easy"}])
def test_a_resumed_run_keeps_what_decides_the_held_out_puzzles(tiny_run, saved, change):
    (name,) = change
    with pytest.raises(ValueError, match=f"was trained with {name}="):
        Training(tiny_run(updates=4, supervision_steps=2, **change), resume=saved)


def test_a_run_that_is_done_is_not_resumed_for_nothing(tiny_run, saved):
    with pytest.raises(ValueError, match="has done 2 updates already"):
        Training(tiny_run(updates=2, supervision_steps=2), resume=saved)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("optimizer.0.exp_avg", torch.zeros(3)),
        ("carry.z_H", torch.zeros(2, 2, 2)),
        ("carry.data.inputs", torch.full((4, 16), 99)),
    ],
)
def test_a_training_state_that_does_not_fit_is_refused(tiny_run, saved, name, value):
    whole = read_checkpoint(saved)
    write_checkpoint(saved, whole._replace(tensors=whole.tensors | {name: value}))
    with pytest.raises(ValueError, match="its training state is damaged|has a damaged header: scalars"):
        Training(tiny_run(updates=4, supervision_steps=2), resume=saved)


@pytest.mark.parametrize("wrong", [{"update": -5}, {"update": "x"}, {"seconds": "x"}, {"seconds": -1.0}])
def test_counters_that_cannot_be_are_refused(tiny_run, saved, wrong):
    whole = read_checkpoint(saved)
    write_checkpoint(saved, whole._replace(scalars=whole.scalars | wrong))
    with pytest.raises(ValueError, match="its training state is damaged|has a damaged header: scalars"):
        Training(tiny_run(updates=4, supervision_steps=2), resume=saved)
