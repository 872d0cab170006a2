"""gradients.py: what each step's loss alone sends, against gradients by hand, and that a training does not notice."""

import copy

import pytest
import torch

from trm_explore.config import MIXERS
from trm_explore.training import Training
from trm_explore.training import events as ev
from trm_explore.training.gradients import gradient_statistics
from trm_explore.training.losses import answer_loss

SCOPES = ["last", "cycle", "full"]
ON = {"enable_deep_supervision": True, "deep_supervision_schedule": "linear_decay"}


def by_hand(model, batch, scope):
    """(network, states): for each step a recursion of its own, and the squares of its gradients added up."""
    S = model.config.H_cycles
    network, states = [], []
    for k in range(S):
        network.append(0.0)
        states.append([0.0] * S)
        if scope == "last" and k < S - 1:
            continue
        x = model.embed(batch)
        z_H, z_L = (init.expand_as(x) for init in (model.H_init, model.L_init))
        answers = []
        for h in range(k + 1):
            alone = scope == "cycle" or (scope == "last" and h == S - 1)
            if alone:
                z_H, z_L = z_H.detach(), z_L.detach()
            for _ in range(model.config.L_cycles):
                z_L = model.net(z_L + z_H + x, batch["board"])
            z_H = model.net(z_H + z_L, batch["board"])
            answers.append(z_H)
        loss = answer_loss(model.lm_head(z_H), batch["labels"])
        reached = range(k + 1) if scope == "full" else [k]
        targets = [*model.net.parameters(), *(answers[j] for j in reached)]
        gradients = torch.autograd.grad(loss, targets)
        squares = [g.square().sum().item() for g in gradients]
        n = len(targets) - len(reached)
        network[k] = sum(squares[:n]) ** 0.5
        for j, square in zip(reached, squares[n:], strict=True):
            states[k][j] = square**0.5
    return network, states


@pytest.mark.parametrize("mixer", MIXERS)
@pytest.mark.parametrize("scope", SCOPES)
def test_statistics_equal_gradients_taken_one_step_at_a_time(make_model, batch, mixer, scope):
    model = make_model(mixer=mixer, H_cycles=4, L_layers=2)
    network, states = by_hand(model, batch, scope)
    got = gradient_statistics(model, batch, gradient_scope=scope)
    assert got.network == pytest.approx(network, rel=1e-4)
    for row, expected in zip(got.states, states, strict=True):
        assert row == pytest.approx(expected, rel=1e-4, abs=1e-12)


def test_a_loss_reaches_no_later_cycle_and_no_further_back_than_its_scope(make_model, batch):
    reach = {
        "full": [[True, False, False], [True, True, False], [True, True, True]],
        "cycle": [[True, False, False], [False, True, False], [False, False, True]],
        "last": [[False, False, False], [False, False, False], [False, False, True]],
    }
    for scope, expected in reach.items():
        got = gradient_statistics(make_model(), batch, gradient_scope=scope)
        assert [[x > 0 for x in row] for row in got.states] == expected
        assert [x > 0 for x in got.network] == [row[k] for k, row in enumerate(expected)]


def test_other_numbers_of_cycles_can_be_measured(make_model, batch):
    model, calls = make_model(), []
    model.net.register_forward_hook(lambda *_: calls.append(1))
    got = gradient_statistics(model, batch, H_cycles=5, L_cycles=1)
    assert len(got.network) == len(got.states) == len(got.states[0]) == 5 and len(calls) == 10


def test_measuring_leaves_gradients_modes_weights_and_random_numbers_as_they_are(make_model, batch):
    model = make_model().train()
    for i, p in enumerate(model.parameters()):
        p.grad = None if i % 2 else torch.full_like(p, 0.25)
    before = copy.deepcopy(model.state_dict())
    grads = {name: None if p.grad is None else p.grad.clone() for name, p in model.named_parameters()}
    same = {name: p.grad for name, p in model.named_parameters()}
    state = torch.random.get_rng_state()
    for scope in SCOPES:
        with torch.no_grad():  # whatever the caller's own mode
            got = gradient_statistics(model, batch, gradient_scope=scope)
            assert not torch.is_grad_enabled()
        assert got.network[-1] > 0
    assert model.training and torch.equal(torch.random.get_rng_state(), state)
    for name, p in model.named_parameters():
        assert p.grad is same[name] and (p.grad is None or torch.equal(p.grad, grads[name]))
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    gradient_statistics(model.eval(), batch)
    assert not model.training


def updates_of(events):
    return [
        {name: repr(getattr(e, name)) for name in e.__dataclass_fields__ if name != "seconds"}
        for e in events
        if isinstance(e, ev.UpdateDone | ev.Evaluated)
    ]


@pytest.mark.parametrize(
    "settings", [{}, ON, ON | {"gradient_scope": "cycle", "halt_max_steps": 3, "activation_checkpointing": "call"}]
)
def test_a_training_that_is_measured_has_bit_for_bit_the_numbers_of_one_that_is_not(tiny_run, settings):
    settings = {"updates": 6, "frame_every": 0, "eval_every": 3, **settings}
    quiet, measured = Training(tiny_run(**settings)), Training(tiny_run(gradient_every=1, **settings))
    plain, events = list(quiet), list(measured)
    assert updates_of(events) == updates_of(plain)
    a, b = quiet.checkpoint().tensors, measured.checkpoint().tensors
    assert a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)
    assert [e.update for e in events if isinstance(e, ev.GradientsMeasured)] == [1, 2, 3, 4, 5, 6]
    assert not any(isinstance(e, ev.GradientsMeasured) for e in plain)


@pytest.mark.parametrize(
    ("settings", "scope"), [({}, "last"), (ON, "full"), (ON | {"gradient_scope": "cycle"}, "cycle")]
)
def test_a_run_measures_the_raw_weights_on_held_out_puzzles_in_its_own_scope(tiny_run, task, settings, scope):
    training = Training(tiny_run(updates=4, gradient_every=4, lr=0.05, warmup_updates=0, **settings))
    (event,) = [e for e in training if isinstance(e, ev.GradientsMeasured)]
    batch = {name: torch.from_numpy(value) for name, value in task.held_out(6).items()} | {"board": (4, 4)}
    expected = gradient_statistics(training.model, batch, gradient_scope=scope)
    assert (event.update, event.network) == (4, pytest.approx(expected.network))
    assert event.states == [pytest.approx(row) for row in expected.states]
    assert ev.from_json(ev.to_json(event)) == event


def test_a_measurement_can_be_stopped_and_the_update_before_it_stays(tiny_run):
    training = Training(tiny_run(gradient_every=2, frame_every=0, **ON))
    stream = iter(training)
    while training.update < 2:
        next(stream)
    training.model.net.register_forward_pre_hook(lambda *_: training.stop())
    assert list(stream) == [] and training.update == 2


def test_measuring_costs_time_between_updates_and_not_in_the_training_clock(tiny_run):
    """Curves against seconds stay comparable."""
    training = Training(tiny_run(updates=2, gradient_every=1, frame_every=0, eval_every=0))
    seconds = []
    for event in training:
        if isinstance(event, ev.UpdateDone | ev.GradientsMeasured):
            seconds.append(training.seconds)
    assert len(seconds) == 4 and seconds[0] == seconds[1] < seconds[2] == seconds[3]
