"""analysis/cost_measured.py: what is counted is what autograd keeps; what is timed are a training's own updates."""

import json
from dataclasses import replace
from functools import partial

import pytest
import torch

from trm_explore.analysis import cost_measured
from trm_explore.analysis.cost_measured import CostMeasured, measure_cost
from trm_explore.tasks import resolve
from trm_explore.training.batches import next_batch
from trm_explore.training.update import forward_backward, plan_update

ON = {"enable_deep_supervision": True}
GOOD = CostMeasured(12, 0.0369, 0.0205, 1.8, 38_000_000, 12_700_000, 0.05, 1.79, 40e6)


patient = partial(measure_cost, seconds=60)  # a busy machine must not turn a test red


@pytest.fixture(autouse=True)
def few(monkeypatch):
    monkeypatch.setattr(cost_measured, "ENOUGH", 3)


def test_as_many_pairs_are_timed_as_are_enough_and_the_estimate_stands_beside(tiny_run):
    threads = torch.get_num_threads()
    got = patient(tiny_run(**ON, threads=2))
    assert got.updates == 3 and got.seconds > 0 and got.seconds_off > 0 and got.ratio > 0
    _, config = resolve(tiny_run(**ON))
    _, off = resolve(tiny_run())
    ratio = cost_measured.estimate(config).operations / cost_measured.estimate(off).operations
    assert got.estimated_ratio == pytest.approx(ratio) and got.estimated_seconds > 0
    assert torch.get_num_threads() == threads


def test_the_ratio_is_the_median_over_pairs_of_with_by_without(tiny_run, monkeypatch):
    """A clock of our own: the machine is twice as slow during the second pair, which the ratio does not notice."""
    clock = iter([9.0, 9.0, 3.0, 1.0, 6.0, 2.0, 4.0, 2.0])  # one of each uncounted, then pairs: with, without
    monkeypatch.setattr(cost_measured, "_one_update", lambda training: next(clock))
    got = patient(tiny_run(**ON))
    assert (got.updates, got.seconds, got.ratio) == (3, 4.0, 3.0)
    assert got.seconds_off == pytest.approx(got.seconds / got.ratio)  # the sentence does not contradict itself


def test_more_is_kept_with_the_long_gradient_and_not_with_one_cycle_at_a_time(tiny_run):
    full, cycle, same = (patient(tiny_run(**ON, gradient_scope=scope)) for scope in ("auto", "cycle", "full"))
    assert full.kept_off == cycle.kept_off and 2.5 < full.kept / full.kept_off < 3.5  # three H-cycles
    assert cycle.kept == pytest.approx(cycle.kept_off, rel=0.05)
    assert (same.kept, same.kept_off) == (full.kept, full.kept_off)  # without supervision in its own scope


@pytest.mark.parametrize("mixer", ["mlp", "conv", "attention"])
def test_what_is_kept_is_about_what_the_estimate_counts(tiny_run, mixer):
    got = patient(tiny_run(**ON, mixer=mixer, batch_size=64, hidden_size=64))
    assert 0.6 * got.estimated_kept < got.kept < 1.5 * got.estimated_kept


def test_the_count_is_every_saved_storage_once_and_without_the_weights(tiny_run):
    """By hand, on an update in scope full: nothing is freed before its one backward, so the most is the sum."""
    training = cost_measured.Training(tiny_run(**ON))
    with cost_measured._counted(training) as most:
        cost_measured._one_update(training)
    training = cost_measured.Training(tiny_run(**ON))
    list(training.task.prepare())
    carry = training.model.start(*next_batch(training.state, training.task))
    weights = {p.untyped_storage().data_ptr() for p in training.model.parameters()}
    sizes, held = {}, []

    def keep(tensor):
        held.append(tensor)
        if tensor.untyped_storage().data_ptr() not in weights:
            sizes[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        forward_backward(training.model, carry, plan_update(training.config, 0), training.config)
    assert most[0] == pytest.approx(sum(sizes.values()), rel=0.01)


def test_with_supervision_off_there_is_nothing_to_compare(tiny_run):
    got = patient(tiny_run())
    assert got.ratio == got.estimated_ratio == 1 and got.seconds == got.seconds_off and got.kept == got.kept_off
    assert "without deep supervision" not in got.text and "times as much" not in got.text


def test_what_is_computed_again_cannot_be_counted_and_nothing_is_said_of_it(tiny_run):
    got = patient(tiny_run(**ON, activation_checkpointing="call"))
    assert got.kept is None and got.kept_off is None and "keeps" not in got.text


def test_a_curriculum_is_measured_at_its_full_depth(tiny_run):
    plain = patient(tiny_run(**ON))
    assert patient(tiny_run(**ON, curriculum="H_cycles")).kept == plain.kept


def test_the_words_say_time_memory_and_what_was_expected():
    assert GOOD.text == (
        "One update takes 36.9 ms, 1.80 times as long as without deep supervision (20.5 ms; 1.79 estimated); "
        "medians of 12 updates. It keeps 38 MB for backward, 3.0 times as much."
    )
    assert "takes 1.5 s" in replace(GOOD, seconds=1.5).text and "; one update." in replace(GOOD, updates=1).text
    assert json.loads(json.dumps(GOOD.to_dict()))["ratio"] == 1.8


def test_it_ends_when_its_time_is_over(tiny_run):
    """Without an end all updates would be done, and there would be nothing to complain of."""
    with pytest.raises(ValueError, match=r"seconds=0.05 is too short: .* smaller batch_size \(now 256\)"):
        measure_cost(tiny_run(**ON, hidden_size=128, H_cycles=50, batch_size=256), seconds=0.05)
    for seconds in (0, -1.0, float("nan"), True):
        with pytest.raises(ValueError, match=r"seconds=.* must be a finite number above 0"):
            measure_cost(tiny_run(), seconds=seconds)
