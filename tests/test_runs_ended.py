"""A run that is ended for its viewer says why, and goes on from its last update as one that never was."""

import asyncio
import json
from dataclasses import replace

import pytest
from background import ENDLESS, maker, until, updates

from trm_explore.app.handlers import NOBODY, Handlers, buttons
from trm_explore.runs.between import size_of
from trm_explore.runs.run import INTERRUPTED
from trm_explore.training import events as ev
from trm_explore.training import train
from trm_explore.words import page_controls, run_notes


@pytest.fixture
def make():
    with maker() as make:
        yield make


def losses(events) -> list[float]:
    return [event.loss for event in events if isinstance(event, ev.UpdateDone)]


def ended_by(how, runs, run) -> str:
    """Ends a run for its viewer; the reason that it should give."""
    if how == "lease":
        runs.lease = 0.0  # as if nobody had looked for that long
        return run_notes.ENDED_BY["lease"].format(seconds=0)
    if how == "seconds":
        runs.limits = replace(runs.limits, seconds=1e-9)
        return run_notes.ENDED_BY["seconds"].format(seconds=runs.limits.seconds)
    run.stop(run_notes.ENDED_BY["owner"])
    return run_notes.ENDED_BY["owner"]


@pytest.mark.parametrize("how", ["lease", "seconds", "owner"])
def test_it_says_why_and_goes_on_with_the_numbers_of_one_that_was_never_ended(make, tiny_run, how):
    config = tiny_run(updates=60, supervision_steps=2, enable_deep_supervision=True)
    runs = make()
    run = runs.submit(config)
    until(lambda: len(updates(run)) >= 3)
    why = ended_by(how, runs, run)
    until(lambda: run.ended)
    at = run.latest.update
    assert run.state == INTERRUPTED and run.events[-1].why == why and 0 < at < 60
    runs.lease, runs.limits = 60.0, replace(runs.limits, seconds=60.0)
    runs.go_on([run])
    until(lambda: run.ended)
    assert run.state == "finished" and updates(run) == list(range(1, 61))
    assert losses(run.events) == losses(train(config))
    assert [event.reason for event in run.events if isinstance(event, ev.Finished)] == ["done"]


def test_one_that_was_ended_before_its_first_update_begins_then(make, tiny_run):
    runs = make(lease=0.05)
    run = runs.submit(tiny_run(updates=3), paused=True)
    until(lambda: run.ended)
    assert run.state == INTERRUPTED and run.weights() is None
    runs.lease = 60.0
    runs.go_on([run])
    until(lambda: run.ended)
    assert updates(run) == [1, 2, 3]


def test_one_that_its_viewer_stopped_or_that_failed_does_not_go_on(make, tiny_run):
    runs = make()
    run = runs.submit(tiny_run(updates=ENDLESS))
    until(lambda: updates(run))
    run.stop()
    until(lambda: run.ended)
    assert run.state == "stopped" and run.events[-1].why == ""
    with pytest.raises(ValueError, match="cannot go on"):
        runs.go_on([run])


def test_all_that_is_kept_of_it_counts_and_where_there_is_no_room_the_weights_stay(make, tiny_run):
    runs = make()
    run = runs.submit(tiny_run(updates=ENDLESS))
    until(lambda: updates(run))
    run.stop("why")
    until(lambda: run.ended)
    whole, weights = size_of(run._checkpoint), size_of(run.weights())
    assert whole > 3 * weights
    small = make(keep_bytes=2 * weights)
    run = small.submit(tiny_run(updates=ENDLESS))
    until(lambda: updates(run))
    run.stop("why")
    until(lambda: run.ended)
    assert run.state == "stopped" and size_of(run._checkpoint) == weights


def test_runs_of_a_comparison_go_on_together(make, tiny_run):
    runs = make()
    group = runs.submit_group([tiny_run(updates=ENDLESS, seed=seed) for seed in (1, 2)])
    until(lambda: all(updates(run) for run in group))
    group[0].stop("why")
    until(lambda: group[0].ended)
    with pytest.raises(ValueError, match="still under way"):
        runs.go_on(group[:1])
    group[1].stop("why")
    until(lambda: group[1].ended)
    before = [len(updates(run)) for run in group]
    runs.go_on(group)
    until(lambda: all(len(updates(run)) > count for run, count in zip(group, before, strict=True)))
    for run in group:
        assert updates(run) == list(range(1, len(updates(run)) + 1))


def test_on_the_page_one_click_goes_on_and_the_reason_is_read(make, tiny_run):
    runs = make()
    handlers = Handlers(runs)
    run = runs.submit(tiny_run(updates=200))
    until(lambda: updates(run))
    run.stop(run_notes.ENDED_BY["owner"])
    until(lambda: run.ended)
    at = run.latest.update

    async def read() -> list[dict]:
        return [json.loads(text) async for text in handlers.watch(run.id)]

    last = asyncio.run(read())[-1]
    assert last["state"] == INTERRUPTED
    assert last["text"].startswith(f"Stopped after {at} of 200 updates") and run_notes.ENDED_BY["owner"] in last["text"]
    assert last["text"].endswith(run_notes.STATUS["go_on"])
    _, pause, _, stop = buttons(INTERRUPTED)
    assert pause["interactive"] and pause["value"] == page_controls.RESUME and not stop["interactive"]
    assert handlers.pause(run.id) == run.id  # the ticket to watch it with
    messages = asyncio.run(read())
    assert messages[0]["from"] == 0 and messages[-1]["state"] == "finished"
    assert updates(run) == list(range(1, 201))
    assert handlers.pause(run.id) == NOBODY


def test_what_is_kept_is_bounded_where_some_were_interrupted_and_some_opened(make, tiny_run):
    runs = make()
    kept = lambda run: run.kept_bytes + (size_of(run._checkpoint) if run._checkpoint else 0)  # noqa: E731
    for number in range(6):
        run = runs.submit(tiny_run(updates=ENDLESS))
        until(lambda run=run: updates(run))
        run.stop("why")
        until(lambda run=run: run.ended)
        run.join(10)
        opened = runs.adopt(
            run._checkpoint.config, [e for e in run.events if isinstance(e, ev.UpdateDone)], run.weights()
        )
        if number == 1:
            runs.limits = replace(runs.limits, keep_bytes=sum(map(kept, runs.listed())) + kept(opened) // 2)
        assert sum(map(kept, runs.listed())) <= runs.limits.keep_bytes
        assert opened in runs.listed()
    assert all(
        run._checkpoint is not None for run in runs.listed() if run.state == INTERRUPTED
    )  # or it could not go on
    assert any(run._checkpoint is None for run in runs.listed()) and run.state == INTERRUPTED
