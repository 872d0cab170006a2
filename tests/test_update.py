"""update.py: what an update plans, and its gradients against losses that are made by hand."""

import copy
import math
from collections import Counter

import pytest
import torch
import torch.nn.functional as F
from conftest import large
from hypothesis import given
from hypothesis import strategies as st
from torch.profiler import ProfilerActivity, profile

from trm_explore.config import MIXERS, RunConfig
from trm_explore.config.schedules import FORMULAS
from trm_explore.model.cancel import cancel_check
from trm_explore.training import Training, train
from trm_explore.training import events as ev
from trm_explore.training.losses import RunningLosses, adaptive_factors, answer_loss, halting_loss, supervision_weights
from trm_explore.training.update import Plan, forward_backward, plan_update

SCOPES = ["last", "cycle", "full"]
ON = {"enable_deep_supervision": True, "deep_supervision_schedule": "linear_decay"}
WEIGHTS = supervision_weights("linear_decay", 3)
EXACT = torch.tensor([0.25, 0.5, 1.25])  # their shares of the sum are exact in float32 too


def flat_run(**flat):
    return RunConfig.from_flat({"vocab_size": 6, "seq_len": 16, "updates": 40, **ON, **flat})


def updates_of(events):
    return [e for e in events if isinstance(e, ev.UpdateDone)]


def numbers_of(event):
    """All that an update says but for the clock."""
    return {name: repr(getattr(event, name)) for name in event.__dataclass_fields__ if name != "seconds"}


# ---- the plan ----------------------------------------------------------------


@given(st.integers(1, 9), st.floats(0, 5), st.sampled_from(sorted(FORMULAS)), st.integers(0, 99))
def test_without_extras_every_update_has_the_schedules_weights(S, b, schedule, update):
    run = flat_run(H_cycles=S, deep_supervision_weight=b, deep_supervision_schedule=schedule)
    plan = plan_update(run, update)
    assert (plan.H_cycles, plan.L_cycles) == (S, 2)
    assert torch.equal(plan.weights, supervision_weights(schedule, S, b))
    off = plan_update(run.with_flat(enable_deep_supervision=False, curriculum="weight", adaptive_weights="hard"), 3)
    assert off.weights.tolist() == [0.0] * (S - 1) + [1.0]


def test_the_weight_curriculum_ramps_the_guides_weights():
    run = flat_run(curriculum="weight", curriculum_start_update=10, curriculum_end_update=20)
    for update, part in [(0, 0.0), (10, 0.0), (13, 0.3), (20, 1.0), (39, 1.0)]:
        assert plan_update(run, update).weights.tolist() == pytest.approx([part / 6, part / 3, 1.0])


def test_a_curriculum_without_an_end_arrives_half_way_through_the_run():
    run = flat_run(curriculum="depth", H_cycles=4)
    assert [int((plan_update(run, update).weights > 0).sum()) for update in (0, 6, 7, 13, 14, 19, 20, 39)] == [
        *(1, 1, 2, 2, 3, 3, 4, 4)
    ]


@pytest.mark.parametrize("schedule", ["linear_decay", "front_loaded"])
@pytest.mark.parametrize("curriculum", ["weight", "depth", "H_cycles"])
@pytest.mark.parametrize("S", [1, 3, 400, 1000])
def test_in_every_stage_of_a_curriculum_something_is_supervised(S, curriculum, schedule):
    """Also where the schedule's own weight of the final step is too small for float32."""
    run = flat_run(H_cycles=S, curriculum=curriculum, deep_supervision_schedule=schedule)
    for update in (0, 1, 10, 19, 20):
        total = plan_update(run, update).weights.sum()
        assert 0 < total < math.inf


@pytest.mark.parametrize(
    ("curriculum", "counts", "supervised"),
    [("depth", [3] * 8, [1, 1, 2, 2, 3, 3, 3, 3]), ("H_cycles", [1, 1, 2, 2, 3, 3, 3, 3], [1, 1, 2, 2, 3, 3, 3, 3])],
)
def test_a_real_training_follows_its_curriculum(tiny_run, curriculum, counts, supervised):
    events = list(train(tiny_run(updates=8, curriculum=curriculum, eval_every=0, frame_every=0, **ON)))
    done = updates_of(events)
    assert [len(e.step_losses) for e in done] == [len(e.weights) for e in done] == counts
    assert [sum(w > 0 for w in e.weights) for e in done] == supervised
    assert all(e.weights[-1] == 1 for e in done)
    assert [len(e.loss) for e in events if isinstance(e, ev.Evaluated)] == [3]
    for e in done:
        total = sum(w * x for w, x in zip(e.weights, e.step_losses, strict=True)) / sum(e.weights)
        assert e.loss == pytest.approx(total, rel=1e-5)


def test_random_cycles_stay_in_their_range_take_every_value_alike_and_follow_from_seed_and_update():
    run = flat_run(H_cycles=4, min_H_cycles=2, L_cycles=5, min_L_cycles=3)
    plans = {update: plan_update(run, update) for update in range(900)}
    drawn = Counter((p.H_cycles, p.L_cycles) for p in plans.values())
    assert set(drawn) == {(h, n) for h in (2, 3, 4) for n in (3, 4, 5)}
    assert all(60 < count < 140 for count in drawn.values())  # 100 each, independent of one another
    assert all(torch.equal(p.weights, supervision_weights("linear_decay", p.H_cycles)) for p in plans.values())
    again = {update: plan_update(run, update)[:2] for update in reversed(range(900))}
    assert all(again[update] == plans[update][:2] for update in plans)
    other = [plan_update(run.with_flat(seed=1), update)[:2] for update in range(900)]
    assert other != [plans[update][:2] for update in range(900)]


def test_random_cycles_never_exceed_those_of_the_h_cycles_curriculum():
    run = flat_run(H_cycles=4, min_H_cycles=2, curriculum="H_cycles")
    assert {plan_update(run, update).H_cycles for update in range(6)} == {1}
    assert {plan_update(run, update).H_cycles for update in range(7, 14)} == {2}
    assert {plan_update(run, update).H_cycles for update in range(20, 90)} == {2, 3, 4}


def test_an_update_with_random_cycles_calls_the_network_as_often_as_planned(tiny_run):
    run = tiny_run(updates=6, min_H_cycles=1, min_L_cycles=1, L_cycles=3, eval_every=0, frame_every=0)
    training, calls, seen = Training(run), [], []
    training.model.net.register_forward_hook(lambda *_: calls.append(1))
    for event in training:
        if isinstance(event, ev.UpdateDone):
            plan = plan_update(training.config, event.update - 1)
            assert len(event.step_losses) == plan.H_cycles
            assert len(calls) == plan.H_cycles * (plan.L_cycles + 1)
            seen.append(plan[:2])
            calls.clear()
    assert len(set(seen)) > 2


@pytest.mark.parametrize("mode", ["hard", "progress"])
def test_adaptive_weights_are_the_schedules_times_the_factors_of_the_running_losses(mode):
    run = flat_run(adaptive_weights=mode, adaptive_strength=1.5)
    running = RunningLosses.none(3)
    assert torch.equal(plan_update(run, 0, running).weights, WEIGHTS)  # nothing seen yet
    running = running.add(torch.tensor([1.0, 0.9, 0.1]), 0.9)
    weights = plan_update(run, 1, running).weights
    torch.testing.assert_close(weights, WEIGHTS * adaptive_factors(torch.tensor([1.0, 0.9, 0.1]), mode, 1.5))
    assert weights[1] > WEIGHTS[1] and not weights.requires_grad
    assert torch.equal(plan_update(run.with_flat(adaptive_strength=0.0), 1, running).weights, WEIGHTS)
    assert torch.equal(plan_update(run.with_flat(adaptive_weights="off"), 1, running).weights, WEIGHTS)


def test_a_training_with_adaptive_weights_uses_the_running_mean_of_the_losses_before(tiny_run):
    run = tiny_run(updates=6, adaptive_weights="hard", adaptive_decay=0.5, eval_every=0, frame_every=0, **ON)
    averages, weight = torch.zeros(3, dtype=torch.float64), 0.0
    done = updates_of(train(run))
    for e in done:
        factors = adaptive_factors(averages / weight, "hard") if weight else torch.ones(3)
        assert e.weights == pytest.approx((WEIGHTS * factors).tolist(), rel=1e-5)
        averages = 0.5 * averages + 0.5 * torch.tensor(e.step_losses, dtype=torch.float64)
        weight = 0.5 * weight + 0.5
    assert done[-1].weights != pytest.approx(WEIGHTS.tolist(), rel=1e-3)


# ---- gradients against losses made by hand ----------------------------------------------------------------


@pytest.fixture
def in_float64(monkeypatch):
    """Logits are cast to float32 for the losses; here everything stays float64, so that small differences count."""
    monkeypatch.setattr(torch.Tensor, "float", torch.Tensor.double)


def exact_model(make_model, **flat):
    return make_model(pos_encodings="learned", forward_dtype="float64", **flat).double()


def losses_by_hand(model, batch, n_H, n_L, *, detached=(), starts=None):
    """Each step's (answer loss, halting loss, mean loss of the readings of z_L), the recursion written out.

    `detached`: cycles before which the states are cut off; `starts`: recorded states to begin each cycle with.
    """
    D, labels = model.config.hidden_size, batch["labels"]
    x = math.sqrt(0.5) * math.sqrt(D) * (model.embed_tokens[batch["inputs"]] + model.embed_pos)
    z_H, z_L = (init.expand_as(x) for init in (model.H_init, model.L_init))
    losses, states = [], []
    for h in range(n_H):
        if h in detached:
            z_H, z_L = z_H.detach(), z_L.detach()
        if starts is not None:
            z_H, z_L = starts[h]
        states.append((z_H, z_L))
        inner = []
        for _ in range(n_L):
            z_L = model.net(z_L + z_H + x, batch["board"])
            inner.append(answer_loss(z_L @ model.lm_head.weight.T, labels))
        z_H = model.net(z_H + z_L, batch["board"])
        logits, q = z_H @ model.lm_head.weight.T, z_H[:, 0] @ model.q_head.weight[0] + model.q_head.bias[0]
        losses.append((answer_loss(logits, labels), halting_loss(q, logits, labels), sum(inner) / n_L))
    return losses, states


def total_by_hand(losses, weights, halt_weight, L_weight):
    """(sum w (l + halt_weight q) + lambda sum w mean_L) / sum w"""
    weights = [float(w) for w in weights]
    steps = sum(w * (loss + halt_weight * q) for w, (loss, q, _) in zip(weights, losses, strict=True) if w)
    inner = sum(w * mean for w, (_, _, mean) in zip(weights, losses, strict=True) if w)
    return (steps + L_weight * inner) / sum(weights)


def started(model, batch):
    return model.start(model.initial_carry(batch), batch)


def went_back(model, batch, plan, run, **options):
    """(outcome, gradients) of one update."""
    model.zero_grad()
    outcome = forward_backward(model, started(model, batch), plan, run, **options)
    return outcome, {name: p.grad for name, p in model.named_parameters()}


def recorded_starts(model, batch, n_H, n_L):
    """The states that each cycle begins with, held fixed."""
    with torch.no_grad():
        return [(z_H.clone(), z_L.clone()) for z_H, z_L in losses_by_hand(model, batch, n_H, n_L)[1]]


@pytest.mark.parametrize("mixer", MIXERS)
@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("L_weight", [0.0, 0.7])
def test_an_updates_gradients_are_those_of_its_loss_made_by_hand(make_model, batch, in_float64, mixer, scope, L_weight):
    """For scope `cycle` of code detached by hand; for `last` of the last cycle alone, from its recorded start."""
    model = exact_model(make_model, mixer=mixer)
    run = flat_run(gradient_scope=scope, L_supervision_weight=L_weight, halt_loss_weight=0.3, L_cycles=3)
    outcome, got = went_back(model, batch, Plan(3, 3, EXACT), run)
    losses, _ = losses_by_hand(model, batch, 3, 3, detached=(1, 2) if scope == "cycle" else ())
    assert outcome.step_losses.tolist() == pytest.approx([loss.item() for loss, _, _ in losses], rel=1e-9)
    assert outcome.halt_losses.tolist() == pytest.approx([q.item() for _, q, _ in losses], rel=1e-9)
    assert outcome.puzzle_losses.mean(1).tolist() == pytest.approx(outcome.step_losses.tolist(), rel=1e-9)
    if L_weight:
        assert outcome.L_losses.tolist() == pytest.approx([mean.item() for _, _, mean in losses], rel=1e-9)
    else:
        assert outcome.L_losses is None
    kept = EXACT / EXACT.sum()
    if scope == "last":
        losses, _ = losses_by_hand(model, batch, 3, 3, starts=recorded_starts(model, batch, 3, 3))
        total = float(kept[-1]) * total_by_hand(losses, [0, 0, 1], 0.3, L_weight)
    else:
        total = total_by_hand(losses, EXACT, 0.3, L_weight)
    model.zero_grad()
    total.backward()
    assert got["q_head.weight"].abs().max() > 0
    for name, p in model.named_parameters():
        torch.testing.assert_close(got[name], p.grad, rtol=1e-8, atol=1e-12)
    assert not any(x.requires_grad for x in outcome[:1] + outcome[2:4])  # weights made from them send no gradient


@pytest.mark.parametrize("mixer", MIXERS)
@pytest.mark.parametrize("scope", SCOPES)
def test_an_updates_gradients_agree_with_finite_differences(make_model, batch, in_float64, mixer, scope):
    """For `last` and `cycle` of the surrogate in which every cycle begins with its recorded states."""
    model = exact_model(make_model, mixer=mixer)
    run = flat_run(gradient_scope=scope, L_supervision_weight=0.7, halt_loss_weight=0.3)
    _, exact = went_back(model, batch, Plan(3, 2, EXACT), run)
    starts = None if scope == "full" else recorded_starts(model, batch, 3, 2)
    weights, share = (EXACT, 1.0) if scope != "last" else (torch.tensor([0.0, 0.0, 1.0]), 0.625)
    generator, step = torch.Generator().manual_seed(0), 1e-6
    for name, p in model.named_parameters():
        direction = torch.randn(p.shape, generator=generator, dtype=p.dtype)
        values = []
        with torch.no_grad():
            for sign in (1, -2):
                p += sign * step * direction
                losses, _ = losses_by_hand(model, batch, 3, 2, starts=starts)
                values.append(share * total_by_hand(losses, weights, 0.3, 0.7).item())
            p += step * direction
        slope = (values[0] - values[1]) / (2 * step)
        assert slope == pytest.approx((exact[name] * direction).sum().item(), rel=1e-5, abs=1e-8), name


def test_l_cycle_supervision_is_the_heads_reading_of_every_l_cycle(make_model, batch, in_float64):
    """The total is (sum w l + lambda sum w mean_L) / sum w, built from model.cycles(read_L=True)."""
    model = exact_model(make_model, L_cycles=4)
    run = flat_run(L_supervision_weight=0.7, halt_loss_weight=0.0)
    outcome, got = went_back(model, batch, Plan(3, 4, EXACT), run)
    model.zero_grad()
    steps = inner = 0.0
    for cycle in model.cycles(model.initial_carry(batch), batch, read_L=True):
        assert len(cycle.L_logits) == 4
        assert torch.equal(cycle.L_logits[-1], model.lm_head(cycle.z_L))
        steps = steps + EXACT[cycle.index] * answer_loss(cycle.logits, batch["labels"])
        mean = sum(answer_loss(logits, batch["labels"]) for logits in cycle.L_logits) / 4
        assert outcome.L_losses[cycle.index].item() == pytest.approx(mean.item(), rel=1e-9)
        inner = inner + EXACT[cycle.index] * mean
    ((steps + 0.7 * inner) / EXACT.sum()).backward()
    for name, p in model.named_parameters():
        expected = torch.zeros_like(p) if p.grad is None else p.grad
        torch.testing.assert_close(got[name], expected, rtol=1e-8, atol=1e-12)


def test_l_cycle_losses_reach_the_events_and_the_reported_total(tiny_run):
    for e in updates_of(train(tiny_run(updates=2, L_supervision_weight=0.4, **ON))):
        assert len(e.L_losses) == 3
        steps = sum(w * (x + 0.4 * y) for w, x, y in zip(e.weights, e.step_losses, e.L_losses, strict=True))
        assert e.loss == pytest.approx(steps / sum(e.weights), rel=1e-5)
        assert ev.from_json(ev.to_json(e)) == e
    (e,) = updates_of(train(tiny_run(updates=1, L_supervision_weight=0.4)))  # supervision is off
    assert e.L_losses == [] and e.loss == e.step_losses[-1]


@pytest.mark.parametrize("L_weight", [0.0, 0.7])
def test_a_step_of_weight_zero_sends_exactly_nothing(make_model, batch, L_weight):
    """Bit for bit: steps of weight 0 after the supervised one might as well not be computed, those before it are only
    passed through, and in scope `cycle` only the supervised cycle itself learns."""
    model, weights = make_model(), torch.tensor([0.0, 1.0, 0.0])
    for scope in ("cycle", "full"):
        run = flat_run(gradient_scope=scope, L_supervision_weight=L_weight)
        _, three = went_back(model, batch, Plan(3, 2, weights), run)
        _, two = went_back(model, batch, Plan(2, 2, weights[:2]), run)
        _, last = went_back(model, batch, Plan(2, 2, weights[:2]), run.with_flat(gradient_scope="last"))
        for name in three:
            assert torch.equal(three[name], two[name]), (scope, name)
            assert scope == "full" or torch.equal(three[name], last[name]), name


def test_scope_last_computes_only_the_last_cycle_with_a_gradient(make_model, batch, in_float64):
    model, modes = exact_model(make_model), []
    model.net.register_forward_hook(lambda *_: modes.append(torch.is_grad_enabled()))
    _, got = went_back(model, batch, Plan(3, 2, EXACT), flat_run(gradient_scope="last"))
    assert modes == [False] * 6 + [True] * 3
    _, only = went_back(model, batch, Plan(3, 2, torch.tensor([0.0, 0.0, 1.0])), flat_run(gradient_scope="last"))
    for name in got:  # the early losses only rescale
        torch.testing.assert_close(got[name], 0.625 * only[name], rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("scope", SCOPES)
def test_gradients_are_added_to_those_that_are_there(make_model, batch, scope):
    model, run = make_model(), flat_run(gradient_scope=scope)
    _, once = went_back(model, batch, Plan(3, 2, WEIGHTS), run)
    once = {name: g.clone() for name, g in once.items()}
    forward_backward(model, started(model, batch), Plan(3, 2, WEIGHTS), run)
    for name, p in model.named_parameters():
        torch.testing.assert_close(p.grad, 2 * once[name])


# ---- activation checkpointing ----------------------------------------------------------------


@pytest.mark.parametrize("mixer", MIXERS)
@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("L_weight", [0.0, 0.7])
def test_checkpointing_changes_neither_losses_nor_gradients(make_model, batch, mixer, scope, L_weight):
    model = make_model(mixer=mixer, L_layers=2)
    plan, run = Plan(3, 2, WEIGHTS), flat_run(gradient_scope=scope, L_supervision_weight=L_weight)
    outcome, expected = went_back(model, batch, plan, run)
    for unit in ("cycle", "call"):
        got, gradients = went_back(model, batch, plan, run.with_flat(activation_checkpointing=unit))
        for a, b in zip(got[:4], outcome[:4], strict=True):
            assert (a is None and b is None) or torch.equal(a, b)
        assert torch.equal(got.last.z_H, outcome.last.z_H)
        for name in expected:
            torch.testing.assert_close(gradients[name], expected[name], rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(("scope", "with_gradient"), [("last", 1), ("cycle", 3), ("full", 3)])
def test_checkpointing_computes_every_call_with_a_gradient_once_more_and_asks_before_each(
    make_model, batch, scope, with_gradient
):
    model, plan, run = make_model(), Plan(3, 2, WEIGHTS), flat_run(gradient_scope=scope)
    for unit in ("none", "cycle", "call"):
        calls, asked = [], []
        handle = model.net.register_forward_pre_hook(lambda *_, calls=calls: calls.append(1))
        with cancel_check(lambda a=asked: a.append(1)):
            went_back(model, batch, plan, run.with_flat(activation_checkpointing=unit))
        handle.remove()
        assert len(calls) == len(asked) == 9 + (0 if unit == "none" else 3 * with_gradient)


def test_the_models_own_call_takes_checkpointing_from_its_config(make_model, batch):
    results = []
    for unit in ("none", "cycle", "call"):
        model, calls = make_model(activation_checkpointing=unit, L_supervision_weight=0.5, **ON), []
        _, outputs = model(model.initial_carry(batch), batch)
        assert [len(readings) for readings in outputs["L_logits"]] == [2, 2, 2]
        model.net.register_forward_pre_hook(lambda *_, calls=calls: calls.append(1))
        sum(logits.square().mean() for logits in outputs["intermediate_logits"]).backward()
        results.append((len(calls), model.embed_tokens.grad))
    assert [count for count, _ in results] == [0, 9, 9]
    for _, gradient in results[1:]:
        torch.testing.assert_close(gradient, results[0][1], rtol=1e-6, atol=1e-7)
    model.eval()
    with torch.no_grad():
        _, outputs = model(model.initial_carry(batch), batch)
    assert set(outputs) == {"logits", "q_halt_logits"}


@pytest.mark.parametrize("unit", ["cycle", "call"])
@pytest.mark.parametrize("scope", SCOPES)
def test_a_run_can_be_stopped_while_backward_computes_again_and_leaves_no_trace(tiny_run, tmp_path, unit, scope):
    run = tiny_run(
        updates=4, gradient_scope=scope, activation_checkpointing=unit, eval_every=0, frame_every=0, seed=2, **ON
    )
    whole = updates_of(train(run))
    training = Training(run)
    calls, stream = [], iter(training)
    while training.update < 2:
        next(stream)
    before = copy.deepcopy(training.checkpoint().tensors)
    when = 11 if scope != "cycle" else 5  # in scope cycle backward begins after the first three calls

    def stop(*_):
        calls.append(1)
        if len(calls) == when:
            training.stop()

    training.model.net.register_forward_pre_hook(stop)
    assert list(stream) == [] and len(calls) == when  # not one call more
    after = training.checkpoint()
    assert all(torch.equal(before[name], after.tensors[name]) for name in before)
    resumed = updates_of(train(run, resume=training.save(tmp_path / "stopped.safetensors")))
    assert [numbers_of(e) for e in resumed] == [numbers_of(e) for e in whole[2:]]


def test_what_is_raised_while_backward_computes_again_comes_out_as_it_is(make_model, batch):
    class Enough(Exception):
        pass

    for unit in ("cycle", "call"):
        calls = []

        def count(calls=calls):
            calls.append(1)
            if len(calls) > 12:
                raise Enough

        with pytest.raises(Enough), cancel_check(count):
            went_back(make_model(), batch, Plan(3, 2, WEIGHTS), flat_run(activation_checkpointing=unit))
        assert len(calls) == 13 and torch.is_grad_enabled()


def peak_of_an_update(tiny_run, **settings):
    """Peak of live bytes in one update, above those alive before it."""
    shape = {"task": "sudoku9", "mixer": "attention", "hidden_size": 128, "num_heads": 4, "L_layers": 2}
    shape |= {"swiglu_multiple": 64, "batch_size": 8, "L_cycles": 6, "updates": 9}
    stream = iter(training := Training(tiny_run(**shape, **settings)))
    while training.update < 1:
        next(stream)
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        training._one_update()
    changes = [e for e in profiler.profiler.kineto_results.events() if e.name() == "[memory]"]
    live = most = 0
    for change in sorted(changes, key=lambda e: e.start_ns()):
        live += change.nbytes()
        most = max(most, live)
    return most


@pytest.mark.slow
@pytest.mark.parametrize(("H_cycles", "least", "most"), [(3, 2.5, 3.1), pytest.param(5, 4.2, 5.1, marks=large)])
def test_memory_of_an_update_against_supervision_off(tiny_run, H_cycles, least, most):
    off = peak_of_an_update(tiny_run, H_cycles=H_cycles)

    def ratio(**settings):
        return peak_of_an_update(tiny_run, H_cycles=H_cycles, **ON, **settings) / off

    assert least <= ratio() <= most
    assert ratio(gradient_scope="cycle") <= 1.10
    assert ratio(activation_checkpointing="cycle") <= 1.10
    assert ratio(activation_checkpointing="call") <= 0.35


# ---- resuming ----------------------------------------------------------------


@pytest.mark.parametrize(
    "settings",
    [
        {"adaptive_weights": "hard"},
        {"adaptive_weights": "progress", "adaptive_strength": 3.0, "gradient_scope": "cycle"},
        {"adaptive_weights": "hard", "min_H_cycles": 1, "min_L_cycles": 1, "H_cycles": 4},
        {"curriculum": "weight"},
        {"curriculum": "depth", "adaptive_weights": "progress"},
        {"curriculum": "H_cycles", "L_supervision_weight": 0.5, "activation_checkpointing": "call"},
        {"gradient_every": 2, "halt_max_steps": 3, "halt_exploration_prob": 0.5},
    ],
    ids=lambda settings: " ".join(map(str, settings.values())),
)
def test_a_resumed_run_gives_exactly_the_numbers_of_an_uninterrupted_one(tiny_run, tmp_path, settings):
    run = tiny_run(updates=10, eval_every=0, frame_every=0, save_every=0, **ON, **settings)
    whole = list(train(run))
    training = Training(run)
    stream = iter(training)
    while training.update < 5:
        next(stream)
    resumed = list(train(run, resume=training.save(tmp_path / "half.safetensors")))
    assert [numbers_of(e) for e in updates_of(resumed)] == [numbers_of(e) for e in updates_of(whole)[5:]]
    assert numbers_of(resumed[-2]) == numbers_of(whole[-2])  # the evaluation
    measured = [
        [numbers_of(e) for e in events if isinstance(e, ev.GradientsMeasured) and e.update > 5]
        for events in (whole, resumed)
    ]
    assert measured[0] == measured[1] and bool(measured[0]) == ("gradient_every" in settings)


# ---- losses by true depth ----------------------------------------------------------------


def test_losses_of_puzzles_of_different_age_are_reported_by_their_true_depth(tiny_run):
    """[supervision step][H-cycle], each a mean over the puzzles that were there, and null where none was."""
    training = Training(tiny_run(halt_max_steps=4, batch_size=6, updates=8, eval_every=0, frame_every=0, **ON))
    with torch.no_grad():  # a head that halts about every second puzzle
        training.model.q_head.bias.zero_()
        training.model.q_head.weight.normal_(generator=torch.Generator().manual_seed(0))
    ages = torch.zeros(6, dtype=torch.long)
    mixed, empty = False, False
    for e in training:
        if not isinstance(e, ev.UpdateDone):
            continue
        assert [len(row) for row in e.depth_losses] == [3] * 4
        there = [int((ages == step).sum()) for step in range(4)]
        for count, row in zip(there, e.depth_losses, strict=True):
            assert all(math.isnan(x) == (count == 0) for x in row)
        for k in range(3):  # the step's loss is their mean, weighted by how many puzzles each is of
            mean = sum(n * row[k] for n, row in zip(there, e.depth_losses, strict=True) if n) / 6
            assert e.step_losses[k] == pytest.approx(mean, rel=1e-5)
        line = ev.to_json(e)
        assert ("null" in line) == (0 in there)
        assert repr(ev.from_json(line)) == repr(e)
        carry = training.state.carry
        ages = torch.where(carry.halted, 0, carry.steps)
        mixed, empty = mixed or sum(n > 0 for n in there) > 1, empty or 0 in there
    assert mixed and empty


def test_weights_go_by_the_step_within_the_update_however_old_a_puzzle_is(tiny_run):
    for e in updates_of(train(tiny_run(supervision_steps=3, updates=6, **ON))):
        assert e.weights == pytest.approx(WEIGHTS.tolist())
    (e,) = updates_of(train(tiny_run(updates=1, **ON)))
    assert e.depth_losses == []  # a puzzle stays one update: step_losses say it all


# ---- the loop over positions ----------------------------------------------------------------


@pytest.mark.parametrize("truncation", [1, 2, 5])
def test_visiting_the_positions_keeps_the_states_graph_inside_a_window(make_model, batch, in_float64, truncation):
    """Position t is read in pass t; states go on from pass to pass, and are cut off every `truncation` passes."""
    model, weights = exact_model(make_model), torch.tensor([0.25, 0.75])
    few = {"inputs": batch["inputs"][:2], "labels": batch["labels"][:2].clamp(min=0), "board": (4, 4)}
    run = flat_run(truncation_length=truncation)
    outcome, got = went_back(model, few, Plan(2, 2, weights), run, loops_over_positions=True)
    model.zero_grad()
    carry, total = started(model, few), 0.0
    losses = torch.zeros(2, dtype=torch.float64)
    for t in range(16):
        if t and t % truncation == 0:
            carry = carry._replace(z_H=carry.z_H.detach(), z_L=carry.z_L.detach())
        for cycle in model.cycles(carry, H_cycles=2):
            loss = F.cross_entropy(cycle.logits[:, t], few["labels"][:, t])
            losses[cycle.index] += loss.detach() / 16
            total = total + weights[cycle.index] * loss / 16
        carry = carry._replace(z_H=cycle.z_H, z_L=cycle.z_L)
    total.backward()
    assert outcome.step_losses.tolist() == pytest.approx(losses.tolist(), rel=1e-5)
    for name, p in model.named_parameters():
        expected = torch.zeros_like(p) if p.grad is None else p.grad
        torch.testing.assert_close(got[name], expected, rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("updates", [400, 3])  # of the config, which the epochs overrule
def test_a_resumed_run_counted_in_epochs_gives_exactly_the_numbers_of_an_uninterrupted_one(tmp_path, updates):
    generator = torch.Generator().manual_seed(0)
    windows = [torch.randn(4, 8, generator=generator) for _ in range(22)]  # two are held out
    torch.save(windows, tmp_path / "train_embeddings_chunk_0.pt")
    flat = {"task": "embeddings", "data": str(tmp_path), "mixer": "attention", "causal": True, "num_epochs": 3}
    flat["updates"] = updates
    flat |= {"hidden_size": 8, "num_heads": 1, "swiglu_multiple": 8, "batch_size": 4, "H_cycles": 1, "L_cycles": 1}
    flat |= {"eval_puzzles": 2, "eval_every": 0, "frame_every": 0, "threads": 1, "device": "cpu", "ema_decay": 0.0}
    run = RunConfig.from_flat(flat)
    whole = updates_of(train(run))
    assert len(whole) == 15  # fewer than those of the warm-up
    assert [e.lr for e in whole] == pytest.approx(
        [updated.lr for updated in updates_of(train(run.with_flat(num_epochs=None, updates=15)))]
    )
    training = Training(run)
    stream = iter(training)
    while training.update < len(whole) - 4:
        next(stream)
    resumed = updates_of(train(run, resume=training.save(tmp_path / "late.safetensors")))
    assert [numbers_of(e) for e in resumed] == [numbers_of(e) for e in whole[-4:]]
    with pytest.raises(ValueError, match="updates"):  # fewer epochs than are done
        list(train(run.with_flat(num_epochs=1), resume=tmp_path / "late.safetensors"))
