"""training.py: the one stream, what an update does, and how it stops, resumes and fails."""

import errno
import math
import os
import shutil
import threading

import pytest
import torch
from torch.profiler import ProfilerActivity, profile

from trm_explore.training import CHECKPOINT_NAME, Training, train
from trm_explore.training import events as ev
from trm_explore.training.evaluation import evaluate
from trm_explore.training.memory import out_of_memory
from trm_explore.training.trajectory import record


def updates_of(events):
    return [e for e in events if isinstance(e, ev.UpdateDone)]


def without_time(event):
    """An event as a dict; clocks left out."""
    return {"kind": type(event).__name__} | {
        name: getattr(event, name) for name in event.__dataclass_fields__ if name != "seconds"
    }


def after(training, update):
    """The training, pulled until `update` updates are done."""
    stream = iter(training)
    while training.update < update:
        next(stream)
    return training


def assert_same_state(a, b):
    a, b = a.checkpoint(), b.checkpoint()
    assert a.scalars | {"seconds": 0} == b.scalars | {"seconds": 0}
    assert a.tensors.keys() == b.tensors.keys()
    assert [name for name in a.tensors if not torch.equal(a.tensors[name], b.tensors[name])] == []


# ---- the stream ----------------------------------------------------------------


def test_the_order_and_cadence_of_events(tiny_run, tmp_path):
    run = tiny_run(updates=5, frame_every=2, eval_every=3, save_every=2, out=str(tmp_path))
    events = list(train(run))
    assert [(type(e).__name__, getattr(e, "update", None)) for e in events] == [
        ("Started", 0),
        ("UpdateDone", 1),
        ("UpdateDone", 2),
        ("Frame", 2),
        ("Saved", 2),
        ("UpdateDone", 3),
        ("Evaluated", 3),
        ("UpdateDone", 4),
        ("Frame", 4),
        ("Saved", 4),
        ("UpdateDone", 5),
        ("Frame", 5),
        ("Evaluated", 5),
        ("Saved", 5),
        ("Finished", 5),
    ]
    assert events[-1].reason == "done" and events[-2].path == str(tmp_path / CHECKPOINT_NAME)
    assert os.listdir(tmp_path) == [CHECKPOINT_NAME]
    assert [ev.to_json(ev.from_json(ev.to_json(e))) for e in events] == [ev.to_json(e) for e in events]


def test_with_every_cadence_at_zero_only_the_end_is_evaluated_and_saved(tiny_run, tmp_path):
    run = tiny_run(updates=3, frame_every=0, eval_every=0, save_every=0, out=str(tmp_path))
    kinds = [type(e).__name__ for e in train(run)]
    assert kinds == ["Started", *["UpdateDone"] * 3, "Evaluated", "Saved", "Finished"]


def test_the_first_event_says_what_is_run(tiny_run):
    training = Training(tiny_run())
    started = next(iter(training))
    assert started.config == training.config.to_flat()
    assert (started.config["vocab_size"], started.config["seq_len"]) == (6, 16)
    assert started.parameters == sum(p.numel() for p in training.model.parameters())
    assert (started.device, started.threads, started.update) == ("cpu", 1, 0)


def test_an_update_reports_its_losses_their_weighted_mean_and_the_clock(tiny_run):
    run = tiny_run(enable_deep_supervision=True, deep_supervision_schedule="linear_decay", updates=3, H_cycles=4)
    done = updates_of(train(run))
    for event in done:
        assert event.weights == pytest.approx([0.125, 0.25, 0.375, 1.0])
        total = sum(w * x for w, x in zip(event.weights, event.step_losses, strict=True)) / 1.75
        assert event.loss == pytest.approx(total)
        assert event.halt_loss == pytest.approx(math.log1p(math.exp(-5)), rel=0.2)  # "surely go on", and rightly
    assert 0 < done[0].seconds < done[1].seconds < done[2].seconds


def test_nothing_is_computed_until_it_is_asked_for(tiny_run):
    training = Training(tiny_run())
    calls = []
    training.model.net.register_forward_hook(lambda *_: calls.append(1))
    stream = iter(training)
    next(stream)
    assert calls == []
    next(stream)
    assert len(calls) == 9 and training.update == 1


def test_the_same_seed_gives_the_same_events_and_another_one_others(tiny_run):
    settings = {"enable_deep_supervision": True, "halt_max_steps": 3, "frame_every": 2}
    first, again, other = ([without_time(e) for e in train(tiny_run(seed=s, **settings))] for s in (3, 3, 4))
    assert first == again
    assert [e["step_losses"] for e in first if e["kind"] == "UpdateDone"] != [
        e["step_losses"] for e in other if e["kind"] == "UpdateDone"
    ]


def test_torchs_own_random_numbers_are_left_alone(tiny_run):
    state = torch.random.get_rng_state()
    list(train(tiny_run(halt_max_steps=3, halt_exploration_prob=1.0)))
    assert torch.equal(torch.random.get_rng_state(), state)


def test_a_consumer_without_gradients_trains_all_the_same(tiny_run):
    expected = [e.step_losses for e in updates_of(train(tiny_run()))]
    with torch.no_grad():
        assert [e.step_losses for e in updates_of(train(tiny_run()))] == expected


def test_the_thread_count_is_the_runs_own_and_given_back_at_every_kind_of_end(tiny_run):
    def threads_inside(end):
        training, inside = Training(tiny_run(threads=2, updates=2)), []
        training.model.net.register_forward_pre_hook(lambda *_: inside.append(torch.get_num_threads()))
        stream = iter(training)
        while training.update < 1:
            next(stream)
            assert torch.get_num_threads() == 1, "between two events it is the caller's"
        end(training, stream)
        return set(inside)

    def fails(training, stream):
        training.model.net.register_forward_pre_hook(lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            list(stream)

    ends = {
        "done": lambda training, stream: list(stream),
        "closed": lambda training, stream: training.close(),
        "stopped": lambda training, stream: (training.stop(), list(stream)),
        "error": fails,
    }
    for name, end in ends.items():
        assert threads_inside(end) == {2}, name
        assert torch.get_num_threads() == 1, name


# ---- what an update does ----------------------------------------------------------------


def test_learning_lowers_every_steps_loss(tiny_run):
    run = tiny_run(hidden_size=48, batch_size=32, updates=70, warmup_updates=10, enable_deep_supervision=True)
    losses = torch.tensor([e.step_losses for e in updates_of(train(run))])  # (updates, S)
    assert (losses[-5:].mean(0) < 0.7 * losses[:3].mean(0)).all()


def one_update(config):
    """The gradients that one update used, and its event; without clipping."""
    training = Training(config.with_flat(grad_clip=1e9))
    event = updates_of([next(stream) for stream in [iter(training)] for _ in range(2)])[0]
    return {name: p.grad for name, p in training.model.named_parameters()}, event


def test_supervision_with_scope_last_reports_the_early_losses_and_only_rescales_the_gradient(tiny_run):
    off, off_event = one_update(tiny_run())
    on, on_event = one_update(
        tiny_run(enable_deep_supervision=True, deep_supervision_schedule="linear_decay", gradient_scope="last")
    )
    assert on_event.step_losses == pytest.approx(off_event.step_losses, rel=1e-6)
    assert off_event.weights == [0, 0, 1] and off_event.loss == off_event.step_losses[-1]
    for name in off:
        torch.testing.assert_close(on[name], off[name] / 1.5, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("scope", ["cycle", "full"])
def test_a_step_of_weight_zero_teaches_nothing(tiny_run, scope):
    """All weight on the last step: scope cycle is then scope last, scope full the long gradient alone."""
    custom = {"deep_supervision_schedule": "custom", "custom_weights": [0, 0, 2], "enable_deep_supervision": True}
    got, _ = one_update(tiny_run(gradient_scope=scope, **custom))
    expected, _ = one_update(tiny_run(gradient_scope="last" if scope == "cycle" else "full"))
    for name in got:
        assert torch.equal(got[name], expected[name]), name


def test_an_updates_gradient_is_that_of_its_loss_and_the_halting_loss(tiny_run):
    settings = {"enable_deep_supervision": True, "halt_loss_weight": 0.25, "gradient_scope": "full"}
    got, _ = one_update(tiny_run(**settings))
    training = Training(tiny_run(**settings))
    puzzles = training.task.sample(4, training.state.data_rng)
    inputs, labels = torch.from_numpy(puzzles["inputs"]), torch.from_numpy(puzzles["labels"])
    batch = {"inputs": inputs, "board": (4, 4)}
    total, model = 0, training.model
    for cycle in model.cycles(model.initial_carry(batch), batch):
        answer = -cycle.logits.log_softmax(-1).gather(2, labels[..., None]).mean()
        right = (cycle.logits.argmax(-1) == labels).all(1)
        halt = -torch.where(right, cycle.q_halt, -cycle.q_halt).sigmoid().log().mean()
        total = total + (1.0 if cycle.index == 2 else 0.5) / 2 * (answer + 0.25 * halt)
    total.backward()
    for name, p in model.named_parameters():
        torch.testing.assert_close(got[name], p.grad, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("clip", [0.01, 1e6])
def test_large_gradients_are_scaled_down_to_the_limit_and_reported_as_they_were(tiny_run, clip):
    training = Training(tiny_run(grad_clip=clip))
    event = [next(iter(training)) for _ in range(2)][1]
    used = torch.cat([p.grad.flatten() for p in training.model.parameters()]).norm().item()
    assert event.grad_norm > 0.1
    assert used == pytest.approx(min(clip, event.grad_norm), rel=1e-4)


def test_a_puzzle_stays_supervision_steps_updates_and_its_states_go_on(tiny_run):
    """With a learning rate of almost nothing, the updates' losses are those of one long recursion."""
    training = Training(tiny_run(supervision_steps=3, lr=1e-30, weight_decay=0.0, updates=7))
    seen = []
    for event in training:
        if isinstance(event, ev.UpdateDone):
            data = training.state.carry.data
            seen.append((data["inputs"].clone(), data["labels"].clone(), event.step_losses))
    for first in (0, 3):
        inputs, labels, _ = seen[first]
        assert all(torch.equal(seen[first + i][0], inputs) and torch.equal(seen[first + i][1], labels) for i in (1, 2))
        assert not torch.equal(seen[first + 3][0], inputs)
        long = record(training.model, {"inputs": inputs, "labels": labels, "board": (4, 4)}, H_cycles=9)
        losses = [loss for i in range(3) for loss in seen[first + i][2]]
        assert losses == pytest.approx(long.loss.mean(1).tolist(), rel=1e-5)


def test_with_halting_on_only_the_puzzles_that_have_halted_are_replaced(tiny_run):
    training = Training(tiny_run(halt_max_steps=4, batch_size=12, updates=9))
    with torch.no_grad():  # a head that halts about every second puzzle
        training.model.q_head.bias.zero_()
        training.model.q_head.weight.normal_(generator=torch.Generator().manual_seed(0))
    before, kinds = None, set()
    for event in training:
        if isinstance(event, ev.UpdateDone):
            carry = training.state.carry
            if before is not None:
                same = (carry.data["inputs"] == before.data["inputs"]).all(1)
                assert torch.equal(same, ~before.halted)
                assert torch.equal(carry.steps, torch.where(before.halted, 1, before.steps + 1))
                kinds |= set(same.tolist())
            assert carry.halted[carry.steps == 4].all()
            before = carry
    assert kinds == {True, False}


def test_held_out_puzzles_are_scored_with_the_averaged_weights_over_all_steps_of_a_puzzle(tiny_run, task):
    training = Training(tiny_run(updates=3, lr=0.05, warmup_updates=0, supervision_steps=2))
    scores = [e for e in training if isinstance(e, ev.Evaluated)][0]
    held_out = task.held_out(6)
    assert (scores.puzzles, len(scores.loss)) == (6, 6)
    assert scores.loss == pytest.approx(evaluate(training.ema_model, task, held_out, H_cycles=6).loss)
    assert scores.loss != pytest.approx(evaluate(training.model, task, held_out, H_cycles=6).loss, rel=1e-3)


def test_without_averaging_the_raw_weights_are_scored(tiny_run, task):
    training = Training(tiny_run(updates=3, ema_decay=0.0))
    scores = [e for e in training if isinstance(e, ev.Evaluated)][0]
    assert training.ema_model is training.model
    assert scores.loss == pytest.approx(evaluate(training.model, task, task.held_out(6)).loss)


def test_the_shown_puzzle_is_the_chosen_one_else_the_one_with_the_fewest_givens(tiny_run, task):
    def shown(**settings):
        return [e for e in train(tiny_run(updates=1, **settings)) if isinstance(e, ev.Frame)][0].trajectory

    held_out = task.held_out(9)["inputs"]
    assert shown(shown_puzzle=8)["inputs"] == held_out[8].tolist()
    assert sum(shown()["given"]) == (held_out[:6] > 1).sum(1).min()
    with pytest.raises(ValueError, match="shown_puzzle=1000000 is not there"):
        shown(shown_puzzle=1_000_000)


@pytest.mark.slow
def test_memory_of_scope_cycle_is_one_cycles_and_of_scope_full_grows_with_them(tiny_run):
    """Peak of live bytes in one update, against supervision off."""
    shape = {
        "task": "sudoku9",
        "mixer": "attention",
        "hidden_size": 128,
        "num_heads": 4,
        "L_layers": 2,
        "swiglu_multiple": 64,
        "batch_size": 8,
        "H_cycles": 3,
    }

    def peak(**supervision):
        training = after(Training(tiny_run(**shape, updates=2, **supervision)), 1)
        with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
            training._one_update()
        events = [e for e in profiler.profiler.kineto_results.events() if e.name() == "[memory]"]
        live = most = 0
        for event in sorted(events, key=lambda e: e.start_ns()):
            live += event.nbytes()
            most = max(most, live)
        return most

    off = peak(enable_deep_supervision=False)
    for weight in (0.5, 0.0):
        assert peak(enable_deep_supervision=True, gradient_scope="cycle", deep_supervision_weight=weight) < 1.10 * off
    assert peak(enable_deep_supervision=True, gradient_scope="full") > 2 * off


# ---- stopping ----------------------------------------------------------------


def stop_at(training, call, model=None):
    """Another thread stops the training while the network is called for the `call`-th time."""
    calls = []

    def hook(*_):
        calls.append(1)
        if len(calls) == call:
            thread = threading.Thread(target=training.stop)
            thread.start()
            thread.join()

    (model or training.model).net.register_forward_hook(hook)
    return calls


@pytest.mark.parametrize("call", [1, 5, 9])
def test_stop_from_another_thread_ends_the_stream_before_the_next_call_of_the_network(tiny_run, call):
    training, whole = (after(Training(tiny_run()), 2) for _ in range(2))
    calls = stop_at(training, call)
    rest = list(training)
    assert len(calls) == call
    # 9 calls are an update: the last one comes too late to stop it.
    assert (training.update, len(rest)) == ((2, 0) if call < 9 else (3, 1))
    assert list(training) == []
    assert_same_state(training, after(whole, training.update))


@pytest.mark.parametrize("place", ["before the next update", "inside an update", "in an evaluation", "in a frame"])
def test_a_stopped_run_that_is_resumed_gives_the_numbers_of_one_that_never_stopped(tiny_run, tmp_path, place):
    run = tiny_run(
        updates=6,
        supervision_steps=2,
        enable_deep_supervision=True,
        eval_every=3 if place == "in an evaluation" else 0,
        frame_every=3 if place == "in a frame" else 0,
    )
    expected = list(train(run))
    training = after(Training(run), 3)
    if place == "before the next update":
        training.stop()
    else:
        stop_at(training, 2, training.model if place == "inside an update" else training.ema_model)
    assert [e for e in training if isinstance(e, ev.UpdateDone)] == []
    assert training.update == 3
    resumed = list(train(run, resume=training.save(tmp_path / "stopped.safetensors")))
    assert [without_time(e) for e in updates_of(resumed)] == [without_time(e) for e in updates_of(expected)[3:]]
    assert without_time(resumed[-2]) == without_time(expected[-2])


def test_close_ends_the_stream_between_two_events(tiny_run):
    training = after(Training(tiny_run()), 2)
    training.close()
    assert list(training) == [] and training.update == 2
    assert_same_state(training, after(Training(tiny_run()), 2))


# ---- resuming ----------------------------------------------------------------


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"supervision_steps": 3, "enable_deep_supervision": True},
        {"halt_max_steps": 4, "halt_exploration_prob": 0.5, "enable_deep_supervision": True, "gradient_scope": "cycle"},
        {"ema_decay": 0.0, "mixer": "conv", "pos_encodings": "learned"},
    ],
    ids=["plain", "carry", "halting", "no average"],
)
def test_a_resumed_run_gives_bit_for_bit_the_numbers_of_an_uninterrupted_one(tiny_run, tmp_path, settings):
    run = tiny_run(
        updates=12,
        warmup_updates=3,
        eval_every=4,
        frame_every=3,
        save_every=5,
        batch_size=6,
        out=str(tmp_path / "a"),
        **settings,
    )
    first, expected, steps = Training(run), [], set()
    if "halt_max_steps" in settings:
        with torch.no_grad():  # a head that halts some puzzles early, so that the carry is a mixture
            first.model.q_head.bias.zero_()
            first.model.q_head.weight.normal_(generator=torch.Generator().manual_seed(2))
    for event in first:
        expected.append(event)
        if isinstance(event, ev.Saved) and event.update == 5:
            shutil.copy(event.path, tmp_path / "at5.safetensors")
            expected = []
            steps = set(first.state.carry.steps.tolist())
    second = Training(run, resume=tmp_path / "at5.safetensors")
    assert second.update == 5 and second.seconds > 0
    got = list(second)
    assert isinstance(got[0], ev.Started) and got[0].update == 5
    assert [without_time(e) for e in got[1:]] == [without_time(e) for e in expected]
    assert {type(e).__name__ for e in got} >= {"UpdateDone", "Evaluated", "Frame", "Saved", "Finished"}
    assert_same_state(first, second)
    if "halt_max_steps" in settings:
        assert len(steps) > 1  # else halting was not put to the test


# ---- failing ----------------------------------------------------------------


def test_a_diverging_run_ends_with_failed_and_names_the_knob(tiny_run):
    events = list(train(tiny_run(lr=1e6, warmup_updates=0, updates=200, eval_every=0, frame_every=0)))
    done, failed = events[1:-1], events[-1]
    assert isinstance(failed, ev.Failed) and failed.update == len(done) + 1 < 200
    assert f"not finite at update {failed.update}" in failed.reason
    assert failed.advice == "try a lower lr (now 1e+06)"
    assert all(math.isfinite(x) for e in done for x in e.step_losses)


def test_a_loss_that_is_not_finite_is_not_learned_from(tiny_run):
    training = after(Training(tiny_run(lr=0.003, enable_deep_supervision=True, deep_supervision_weight=0.7)), 1)
    with torch.no_grad():
        training.model.lm_head.weight[0, 0] = math.nan
    before = {name: value.clone() for name, value in training.ema_model.state_dict().items()}
    events = list(training)
    assert len(events) == 1 and isinstance(events[0], ev.Failed)
    assert events[0].advice == "try a lower lr (now 0.003) or a lower deep_supervision_weight (now 0.7)"
    assert training.update == 1
    assert all(torch.equal(before[name], value) for name, value in training.ema_model.state_dict().items())


def test_a_device_whose_memory_is_full_ends_the_run_with_advice(tiny_run):
    training = after(Training(tiny_run()), 1)

    def full(*_):
        raise torch.OutOfMemoryError("CUDA out of memory")

    training.model.net.register_forward_hook(full)
    (failed,) = training
    assert isinstance(failed, ev.Failed) and "batch_size" in failed.advice and "memory is full" in failed.reason


def test_a_full_disk_ends_the_run_with_failed_and_keeps_the_checkpoint_that_was_there(tiny_run, tmp_path, monkeypatch):
    training = Training(tiny_run(out=str(tmp_path), save_every=2))
    stream = iter(training)
    saved = next(e for e in stream if isinstance(e, ev.Saved))
    old = (tmp_path / CHECKPOINT_NAME).read_bytes()

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    events = list(stream)
    assert saved.update == 2 and isinstance(events[-1], ev.Failed) and events[-1].update == 4
    assert "No space left on device" in events[-1].reason and str(tmp_path) in events[-1].reason
    assert "free some space" in events[-1].advice
    assert (tmp_path / CHECKPOINT_NAME).read_bytes() == old and os.listdir(tmp_path) == [CHECKPOINT_NAME]


def test_wrong_settings_are_refused_before_the_stream_starts(tiny_run):
    with pytest.raises(ValueError, match="vocab_size=9 does not fit the task sudoku4"):
        train(tiny_run(vocab_size=9))
    with pytest.raises(ValueError, match="device='cuda:99'"):
        train(tiny_run(device="cuda:99"))


def test_what_cannot_fit_is_refused_before_anything_is_made(tiny_run):
    with pytest.raises(ValueError, match=r"batch_size=1000000 with this model needs about \d+ GB, cpu has \d+ GB"):
        Training(tiny_run(hidden_size=4096, batch_size=1_000_000, device="cpu"))


@pytest.mark.parametrize(
    ("error", "meant"),
    [
        (MemoryError(), True),
        (torch.OutOfMemoryError("CUDA out of memory"), True),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried 9 bytes"), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
    ],
)
def test_only_errors_of_memory_are_taken_for_a_full_memory(error, meant):
    assert out_of_memory(error) is meant
