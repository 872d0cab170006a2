"""analysis/diagnosis.py: what a run's events show, what to try, and when nothing is said."""

import math

import pytest
import torch

from trm_explore.analysis.diagnosis import Finding, diagnose
from trm_explore.config import RunConfig
from trm_explore.training import Training, train
from trm_explore.training import events as ev

ON = {"enable_deep_supervision": True, "deep_supervision_schedule": "linear_decay", "deep_supervision_weight": 0.7}
FALLING = [1.0, 0.8, 0.6, 0.4, 0.35, 0.3, 0.28, 0.26, 0.25, 0.24]  # of ten stretches of a run
BETTER = [0.5, 0.3, 0.2]  # held-out losses by step, as they should be
WORSE = [0.5, 0.49, 0.52]


def run(final=FALLING, *, first=None, evaluations=(BETTER, BETTER), exact=0.5, length=200, weights=None, **extras):
    """The events of a made-up run of `length` updates: losses of the first and the final step in ten stretches."""
    flat, baselines = dict(extras.pop("config", {})), extras.pop("baselines", {})
    config = RunConfig.from_flat({"updates": length, **flat}).to_flat()
    events = [ev.Started(config, 1000, "cpu", 1, baselines=baselines)]
    first = first or [2 * x for x in final]
    every = length // max(1, len(evaluations))
    left = list(evaluations)
    for update in range(1, length + 1):
        at = (update - 1) * 10 // length
        weighted = weights(update) if weights else [0.3, 0.5, 1.0]
        steps = [first[at], (first[at] + final[at]) / 2, final[at]]
        events.append(ev.UpdateDone(update, final[at], steps, weighted, 0.1, 1e-3, 1.0, update / 10))
        if update % every == 0 and left:
            events.append(ev.Evaluated(update, 9, left.pop(0), [0.9] * 3, [exact] * 3, extras.get("r2", [])))
    events.append(ev.Finished("done", length, length / 10))
    return events


def kinds(events):
    return [finding.kind for finding in diagnose(events)]


# ---- silence ----------------------------------------------------------------


@pytest.mark.parametrize("config", [{}, ON])
def test_nothing_is_said_of_a_run_that_goes_well(config):
    assert diagnose(run(config=config)) == []


def test_nothing_is_said_of_nothing_and_of_a_run_that_is_too_short_to_tell():
    assert diagnose([]) == []
    assert diagnose(run()[:1]) == []
    bad = {"first": [2.0] * 10, "evaluations": (WORSE, WORSE), "config": ON, "baselines": {"predict the mean": 0.01}}
    assert diagnose(run([1.0] * 9 + [9.0], length=50, **bad)) == []
    assert {"rising", "no_refinement", "baseline"} <= set(kinds(run([1.0] * 8 + [9.0] * 2, **bad)))


def test_a_run_is_given_by_its_folder_its_log_or_its_events(tmp_path):
    events = run([1.0] * 8 + [9.0] * 2)
    log = tmp_path / "events.jsonl"
    log.write_text("".join(ev.to_json(event) + "\n" for event in events))
    for kept in (tmp_path, str(tmp_path), log, events):
        assert kinds(kept) == ["rising"]
    for wrong, said in (
        (str(tmp_path / "none"), "^there is no run '.*none'; give a folder"),
        ([0.5], "^0.5 is no event of a run; give a run's folder"),
        ({"loss": 1}, "^'loss' is no event of a run; "),
        (3, "^3 is no run; give a run's folder"),
    ):
        with pytest.raises(ValueError, match=said):
            diagnose(wrong)


def test_events_may_come_from_any_iterable_and_without_a_beginning_nothing_is_said():
    assert kinds(iter(run([1.0] * 8 + [9.0] * 2))) == ["rising"]
    assert diagnose(run([1.0] * 8 + [9.0] * 2)[1:]) == []


@pytest.mark.parametrize(
    "solved",
    [
        {"exact": 0.96},
        {"r2": [0.5, 0.9, 0.995]},
        {"evaluations": ([0.01, 0.01, 0.011], [0.01, 0.01, 0.011])},  # hardly any of the first loss is left
    ],
    ids=["answers right", "variance explained", "loss gone"],
)
def test_the_order_of_the_steps_is_not_complained_of_once_the_task_is_solved(solved):
    worse = {"evaluations": (WORSE, WORSE), "first": [0.5] * 10, "config": ON}
    assert "no_refinement" in kinds(run(**worse))
    assert diagnose(run(**worse | solved)) == []


def test_an_order_that_flips_once_is_chance():
    assert diagnose(run(evaluations=(WORSE, BETTER))) == []
    assert diagnose(run(evaluations=(BETTER, WORSE))) == []
    assert diagnose(run(evaluations=(WORSE,))) == []
    assert kinds(run(evaluations=(BETTER, WORSE, WORSE), length=150)) == ["no_refinement"]


def test_one_evaluation_at_the_very_beginning_does_not_count_for_the_order():
    assert diagnose(run(evaluations=(WORSE, WORSE), length=100)) == []  # at updates 50 and 100
    assert kinds(run(evaluations=(WORSE, WORSE), length=120)) == ["no_refinement"]  # at updates 60 and 120


def test_a_run_with_one_step_has_no_order():
    events = [
        ev.Evaluated(e.update, 9, e.loss[-1:], [0.5], [0.5]) if isinstance(e, ev.Evaluated) else e
        for e in run(evaluations=(WORSE, WORSE), config={"H_cycles": 1})
    ]
    events = [
        ev.UpdateDone(e.update, e.loss, e.step_losses[-1:], [1.0], 0.1, 1e-3, 1.0, 0.1)
        if isinstance(e, ev.UpdateDone)
        else e
        for e in events
    ]
    assert diagnose(events) == []


def test_a_step_that_a_depth_curriculum_does_not_supervise_yet_is_not_expected_to_learn():
    stuck = {"first": [2.0] * 10, "config": ON | {"curriculum": "depth"}}
    assert diagnose(run(weights=lambda update: [0.0, 0.5, 1.0], **stuck)) == []
    late = run(weights=lambda update: [0.3 * (update > 150), 0.5, 1.0], **stuck)
    assert diagnose(late) == []  # supervised for fifty updates only
    long = run(weights=lambda update: [0.3 * (update > 100), 0.5, 1.0], **stuck)
    assert kinds(long) == ["first_step_stuck"]


def test_losses_that_are_not_numbers_are_no_reason_to_complain_or_to_fail():
    events = run(evaluations=([math.nan] * 3, [math.nan] * 3), baselines={"predict the mean": 0.4})
    assert "no_refinement" not in kinds(events)


def test_the_last_wavering_of_a_solved_run_is_not_called_divergence():
    """Such as one that was resumed: its first losses are small already."""
    wavering = [0.02, 0.01, 0.008, 0.01, 0.009, 0.02, 0.01, 0.009, 0.02, 0.02]
    assert diagnose(run(wavering, exact=0.99, evaluations=([0.1, 0.05, 0.02],) * 2)) == []


# ---- findings ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({}, ["try enable_deep_supervision with deep_supervision_schedule=linear_decay"]),
        (ON, ["deep_supervision_schedule=exponential_decay", "instead of linear_decay"]),
        (ON | {"deep_supervision_schedule": "exponential_decay"}, ["a lower deep_supervision_weight (now 0.7)"]),
    ],
)
def test_later_steps_that_are_no_better_than_earlier_ones_are_told_with_what_the_guide_advises(config, words):
    (finding,) = diagnose(run(evaluations=(WORSE, WORSE), config=config))
    assert (finding.kind, finding.update) == ("no_refinement", 200)
    assert "later steps are no better" in finding.message
    assert "0.5 at step 0, 0.52 at step 2" in finding.message
    assert all(word in finding.text for word in words)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"gradient_scope": "last"}, "gradient_scope=last"),
        ({}, "deep_supervision_schedule=constant"),
        ({"deep_supervision_schedule": "constant", "lr": 0.002}, "a higher lr (now 0.002)"),
    ],
)
def test_a_supervised_first_step_that_does_not_learn_is_told(config, words):
    (finding,) = diagnose(run(first=[2.0] * 10, config=ON | config))
    assert finding.kind == "first_step_stuck" and "step 0 is not learning" in finding.message
    assert words in finding.advice
    assert diagnose(run(first=[2.0] * 10)) == []  # without supervision nobody expects it to


@pytest.mark.parametrize(("config", "more"), [({"lr": 0.02}, False), (ON | {"lr": 0.02}, True)])
def test_a_loss_that_rises_far_above_its_best_names_the_knobs(config, more):
    losses = [1.0, 0.5, 0.3, 0.2, 0.2, 0.3, 0.5, 0.7, 0.9, 0.9]
    (finding,) = diagnose(run(losses, config=config))
    assert finding.kind == "rising" and finding.update == 200
    assert "risen to 0.9, from 0.2" in finding.message and "lower lr (now 0.02)" in finding.advice
    assert ("deep_supervision_weight (now 0.7)" in finding.advice) is more
    wobble = [1.0, 0.5, 0.2, 0.1, 0.01, 0.01, 0.01, 0.01, 0.03, 0.03]  # three times the best, but far below the start
    assert diagnose(run(wobble, config=config)) == []


def test_no_better_than_an_answer_without_a_network_is_told_in_the_second_half():
    baselines = {"repeat the last": 0.4, "predict the mean": 0.15}
    (finding,) = diagnose(run(baselines=baselines))
    assert finding.kind == "baseline" and "0.2, and 0.15 for 'predict the mean'" in finding.message
    assert diagnose(run(baselines=baselines, evaluations=(BETTER, [0.5, 0.3, 0.1]))) == []
    early = run(baselines=baselines, length=400, evaluations=[BETTER] * 8)[:190]
    assert diagnose(early) == []


def test_the_most_serious_comes_first_and_the_end_of_a_failed_run_says_it_all():
    events = run([1.0] * 8 + [9.0] * 2, evaluations=(WORSE, WORSE), baselines={"predict the mean": 0.1})
    assert kinds(events) == ["rising", "no_refinement", "baseline"]
    failed = [*events[:-1], ev.Failed(100, "training diverged: not finite", "try a lower lr (now 1)")]
    assert diagnose(failed) == [Finding("diverged", 100, "training diverged: not finite", "try a lower lr (now 1)")]
    full = [*events[:-1], ev.Failed(100, "the device's memory is full: this run needs about 9 GB", "batch_size=1")]
    assert kinds(full) == ["memory"]
    disk = [*events[:-1], ev.Failed(100, "could not save: No space left on device", "")]
    assert [f.text for f in diagnose(disk)] == ["could not save: No space left on device"]


def test_every_finding_is_one_sentence_and_survives_the_file():
    events = run(
        [1.0] * 8 + [9.0] * 2, first=[9.0] * 10, evaluations=(WORSE, WORSE), baselines={"mean": 0.1}, config=ON
    )
    findings = diagnose(events)
    assert len(findings) == 4
    assert all("\n" not in f.text and f.text == f"{f.message}; {f.advice}" for f in findings)
    assert diagnose([ev.from_json(ev.to_json(e)) for e in events]) == findings


# ---- real runs ----------------------------------------------------------------


def test_a_real_run_that_diverges_is_found_and_names_the_guides_knob(tiny_run):
    events = list(train(tiny_run(lr=1e6, warmup_updates=0, updates=200, eval_every=0, frame_every=0, **ON)))
    (finding,) = diagnose(events)
    assert finding.kind == "diverged" and finding.update < 200
    assert "a lower lr (now 1e+06)" in finding.advice
    assert "a lower deep_supervision_weight (now 0.7)" in finding.advice


@pytest.mark.slow
def test_a_real_run_that_learns_has_nothing_to_complain_of(tiny_run):
    run = tiny_run(hidden_size=48, batch_size=32, updates=120, warmup_updates=10, frame_every=0, **ON)
    assert diagnose(train(run)) == []


def test_a_real_run_whose_steps_are_made_equal_is_told_so(tiny_run):
    """A network that gives back its input has the same answer at every step."""
    training = Training(tiny_run(updates=100, eval_every=20, frame_every=0))
    training.model.net.forward = training.ema_model.net.forward = lambda z, board=None: torch.zeros_like(z)
    assert "no_refinement" in kinds(training)
