"""runs.py: a run in the background is steered, read, queued, leased and ended, and leaves nothing behind."""

from __future__ import annotations

import gc
import threading
import time
import weakref

import numpy as np
import pytest
from background import ENDLESS, maker, until, updates

import trm_explore.runs.run as runs_module
from trm_explore.runs.registry import Runs, cores
from trm_explore.runs.run import ENDED, INTERRUPTED
from trm_explore.tasks import TASKS, preset, resolve
from trm_explore.tasks.sudoku import SudokuTask
from trm_explore.training import events as ev
from trm_explore.training import train
from trm_explore.words import run_notes


@pytest.fixture
def make_runs():
    """make_runs(slots=1): closed afterwards."""
    with maker() as make:
        yield make


@pytest.fixture
def endless(tiny_run):
    return tiny_run(updates=ENDLESS, eval_every=0, frame_every=0)


def without_clock(event: ev.Event) -> str:
    seconds = getattr(event, "seconds", None)
    return repr(event).replace(repr(seconds), "0") if seconds is not None else repr(event)


# ---- reading


def test_reading_from_a_cursor_gives_every_event_once_and_in_order(make_runs, tiny_run):
    config = tiny_run(updates=6, eval_every=2, frame_every=3)
    run = make_runs().submit(config)
    cursor, read = 0, []
    while not (run.ended and cursor == len(run.events)):
        new, then = run.read(cursor)
        assert then == cursor + len(new)
        read, cursor = read + new, then
        time.sleep(0.003)
    assert [without_clock(e) for e in read] == [without_clock(e) for e in train(config)]  # a run adds and loses nothing
    assert run.state == "finished" and isinstance(read[-1], ev.Finished) and run.latest is read[-1]


def test_a_second_reader_reads_from_the_start(make_runs, tiny_run):
    run = make_runs().submit(tiny_run())
    run.join(30)
    assert run.read()[0] == run.read(0)[0] == run.events
    assert run.read(len(run.events)) == ([], len(run.events))


# ---- steering


def test_pause_holds_the_updates_and_go_on_continues(make_runs, endless):
    run = make_runs().submit(endless)
    until(lambda: len(updates(run)) > 2)
    run.pause()
    until(lambda: run.state == "paused")
    held = len(updates(run))
    time.sleep(0.2)
    assert len(updates(run)) == held and run.paused
    run.go_on()
    until(lambda: len(updates(run)) > held + 2)
    assert run.state == "running" and not run.paused
    assert updates(run) == list(range(1, len(updates(run)) + 1))


def test_one_update_computes_exactly_one_and_pauses(make_runs, endless):
    run = make_runs().submit(endless, paused=True)
    until(lambda: run.state == "paused")
    time.sleep(0.1)
    assert run.events == []  # nothing before it is asked for
    for wanted in ([1], [1, 2]):
        run.one_update()
        until(lambda wanted=wanted: updates(run) == wanted and run.state == "paused")
        time.sleep(0.1)
        assert updates(run) == wanted
    run.one_update()
    run.one_update()  # two clicks are two updates
    until(lambda: len(updates(run)) == 4 and run.state == "paused")
    run.go_on()
    until(lambda: len(updates(run)) > 6)


def test_one_update_of_a_computing_run_pauses_it(make_runs, endless):
    run = make_runs().submit(endless)
    until(lambda: run.state == "running")
    run.one_update()
    until(lambda: run.state == "paused")


def test_the_last_update_asked_for_ends_the_run(make_runs, tiny_run):
    run = make_runs().submit(tiny_run(updates=2), paused=True)
    run.one_update()
    until(lambda: updates(run) == [1] and run.state == "paused")
    run.one_update()
    until(lambda: run.ended)
    assert run.state == "finished" and run.events[-1].reason == "done"
    assert any(isinstance(event, ev.Evaluated) for event in run.events)


def test_stop_ends_in_the_middle_of_an_update(make_runs):
    # One update takes more than a minute here; between two calls of the network are milliseconds.
    slow = preset("sudoku9", "paper", batch_size=4, H_cycles=200, L_cycles=20, threads=1, device="cpu", eval_puzzles=1)
    run = make_runs().submit(slow)
    until(lambda: run.state == "running" and run.events)
    time.sleep(0.3)
    run.stop()
    run.join(10)
    assert run.state == "stopped" and updates(run) == []
    assert run.events[-1] == ev.Finished("stopped", 0, 0.0)


def test_stop_ends_a_paused_run_and_keeps_what_it_computed(make_runs, endless):
    run = make_runs().submit(endless, paused=True)
    run.one_update()
    until(lambda: updates(run) == [1] and run.state == "paused")
    run.stop()
    run.join(10)
    assert updates(run) == [1] and run.state == "stopped"
    assert (run.events[-1].reason, run.events[-1].update) == ("stopped", 1)
    run.stop(), run.pause(), run.go_on(), run.one_update()  # an ended run takes no harm
    assert run.state == "stopped"


def test_a_run_stopped_before_its_turn_only_says_so(make_runs, endless):
    runs = make_runs(slots=1)
    first = runs.submit(endless)
    until(lambda: first.state == "running")
    second = runs.submit(endless)
    until(lambda: second.position == 1)
    second.stop()
    second.join(10)
    assert second.events == [ev.Finished("stopped", 0, 0.0)]


# ---- the line


def test_the_line_is_first_come_first_served(make_runs, endless):
    runs, line = make_runs(slots=1), []
    first = runs.submit(endless)
    until(lambda: first.state == "running")
    for place in (1, 2, 3):
        line.append(runs.submit(endless))
        until(lambda place=place: line[-1].position == place and line[-1].state == "queued")
    assert first.position == 0 and runs.active() == 4
    line[1].stop()  # a stopped one leaves the line
    until(lambda: line[2].position == 2)
    first.stop()
    until(lambda: line[0].state == "running")
    assert line[0].position == 0 and line[2].position == 1 and line[2].state == "queued" and not line[2].events
    line[0].stop()
    until(lambda: line[2].state == "running")


def test_as_many_runs_compute_at_once_as_there_are_slots(make_runs, endless):
    runs = make_runs(slots=2)
    three = [runs.submit(endless) for _ in range(3)]
    until(lambda: sorted(run.state for run in three) == ["queued", "running", "running"])


def test_a_paused_run_gives_its_slot_to_the_next_and_queues_to_go_on(make_runs, endless):
    runs = make_runs(slots=1)
    first = runs.submit(endless)
    until(lambda: first.state == "running")
    second = runs.submit(endless)
    until(lambda: second.state == "queued")
    first.pause()
    until(lambda: second.state == "running")
    assert first.state == "paused" and first.position == 0
    first.go_on()
    until(lambda: first.state == "queued" and first.position == 1)
    held = len(updates(first))
    second.stop()
    until(lambda: len(updates(first)) > held)


def test_a_waiting_run_that_is_paused_leaves_the_line(make_runs, endless):
    runs = make_runs(slots=1)
    first = runs.submit(endless)
    until(lambda: first.state == "running")
    second = runs.submit(endless)
    until(lambda: second.position == 1)
    third = runs.submit(endless)
    until(lambda: third.position == 2)
    second.pause()
    until(lambda: third.position == 1 and second.state == "paused")
    first.stop()
    until(lambda: third.state == "running")
    assert second.events == [] and second.position == 0


def test_a_full_line_is_refused_with_a_sentence(make_runs, endless):
    runs = make_runs(slots=1, waiting=2)
    with runs.changed:  # their threads cannot stand in line yet: those count who are about to
        for _ in range(3):
            runs.submit(endless)
        with pytest.raises(ValueError, match="^2 runs wait already, which is all that fit; try again in a minute$"):
            runs.submit(endless)
    assert runs.active() == 3
    until(lambda: sum(run.state == "queued" for run in runs._all.values()) == 2)
    with pytest.raises(ValueError, match="^2 runs wait already"):
        runs.submit(endless)


# ---- leases and forgetting


def test_a_run_that_nobody_reads_is_stopped_and_one_that_is_read_goes_on(make_runs, endless):
    runs = make_runs(slots=2, lease=2.0)
    read, left = runs.submit(endless), runs.submit(endless)
    while not left.ended:
        read.read(0)
        time.sleep(0.02)
    assert left.state == INTERRUPTED and left.events[-1].reason == "stopped"
    assert not read.ended


def test_the_lease_of_paused_and_waiting_runs_ends_too_and_computes_nothing_more(make_runs, endless):
    runs = make_runs(slots=1, lease=0.5)
    computing, waiting = runs.submit(endless), None
    until(lambda: computing.state == "running")
    paused = runs.submit(endless, paused=True)
    waiting = runs.submit(endless)
    while not (paused.ended and waiting.ended):
        computing.read()
        time.sleep(0.02)
    nobody = run_notes.ENDED_BY["lease"].format(seconds=0.5)
    assert paused.events == waiting.events == [ev.Finished("stopped", 0, 0.0, nobody)]
    computing.one_update()
    until(lambda: computing.state == "paused")
    held = len(updates(computing))
    until(lambda: computing.ended)
    assert len(updates(computing)) == held and computing.events[-1].reason == "stopped"


def test_an_unknown_id_is_none_and_ids_cannot_be_guessed(make_runs, tiny_run):
    runs = make_runs()
    ids = {runs.submit(tiny_run()).id for _ in range(4)}
    assert runs.get("") is runs.get("nobody") is None
    assert len(ids) == 4 and all(len(run_id) >= 22 and runs.get(run_id).id == run_id for run_id in ids)


def test_ended_runs_are_forgotten_beyond_keep_the_oldest_first(make_runs, tiny_run, endless):
    runs = make_runs(slots=4, keep=2)
    active = runs.submit(endless)
    ended = []
    for _ in range(4):
        ended.append(runs.submit(tiny_run(updates=1)))
        ended[-1].join(30)
    runs.submit(tiny_run(updates=1))
    assert [runs.get(run.id) is run for run in ended] == [False, False, True, True]
    assert runs.get(active.id) is active


# ---- failing and ending


class Breaking(SudokuTask):
    """Serves a few batches, then breaks."""

    left = 3

    def sample(self, n: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
        self.left -= 1
        if self.left < 0:
            raise RuntimeError("the sampler broke")
        return super().sample(n, rng)


def test_a_task_that_raises_fails_its_run_and_no_other(make_runs, endless, monkeypatch):
    monkeypatch.setitem(TASKS, "breaking", lambda config: Breaking(4))
    runs = make_runs(slots=2)
    good = runs.submit(endless)
    bad = runs.submit(endless.with_flat(task="breaking"))
    bad.join(30)
    assert bad.state == "failed" and updates(bad) == [1, 2, 3]
    assert bad.events[-1] == ev.Failed(3, "RuntimeError: the sampler broke", "start the run again")
    assert bad.latest is bad.events[-1]
    held = len(updates(good))
    until(lambda: len(updates(good)) > held)
    next_one = runs.submit(endless)  # the slot came back
    until(lambda: next_one.state == "running")


def test_wrong_settings_fail_with_their_own_sentence(make_runs, tiny_run):
    run = make_runs().submit(tiny_run(data="/nowhere/puzzles.csv"))
    run.join(30)
    assert run.state == "failed"
    (failed,) = run.events
    assert "There is no file '/nowhere/puzzles.csv'" in failed.reason and failed.advice == ""


def test_a_run_that_diverges_is_failed_with_advice(make_runs, tiny_run):
    run = make_runs().submit(tiny_run(updates=50, lr=1e30, warmup_updates=0, grad_clip=1e30))
    run.join(30)
    assert run.state == "failed" and "diverged" in run.latest.reason and "a lower lr" in run.latest.advice


@pytest.mark.parametrize("end", ["finished", "stopped", "failed"])
def test_an_ended_run_holds_no_model(make_runs, endless, tiny_run, monkeypatch, end):
    models = []

    def watched(config):
        training = train(config)
        models.append(weakref.ref(training.model))
        return training

    monkeypatch.setattr(runs_module, "train", watched)
    monkeypatch.setitem(TASKS, "breaking", lambda config: Breaking(4))
    config = {"finished": tiny_run(), "stopped": endless, "failed": endless.with_flat(task="breaking")}[end]
    run = make_runs().submit(config)
    until(lambda: len(updates(run)) > 1)
    assert end != "stopped" or models[0]() is not None
    if end == "stopped":
        run.stop()
    run.join(30)
    gc.collect()
    assert run.state == end and len(models) == 1 and models[0]() is None


def test_close_ends_all_threads_whatever_they_do(make_runs, endless):
    before = set(threading.enumerate())
    runs = make_runs(slots=2)
    runs.submit(endless, paused=True)
    for _ in range(4):
        runs.submit(endless)
    until(lambda: sum(run.state == "running" for run in runs._all.values()) == 2)
    runs.close()
    assert set(threading.enumerate()) <= before
    assert runs.active() == 0 and all(run.state in ENDED for run in runs._all.values())


def test_a_run_can_be_stopped_while_its_puzzles_are_made(make_runs, tiny_run, monkeypatch):
    class Preparing(SudokuTask):
        def prepare(self):
            for done in range(ENDLESS):
                time.sleep(0.01)
                yield done, ENDLESS

    monkeypatch.setitem(TASKS, "slow", lambda config: Preparing(4))
    run = make_runs().submit(tiny_run(task="slow"))
    until(lambda: isinstance(run.latest, ev.Preparing))
    assert run.state == "preparing"
    run.stop()
    run.join(10)
    assert run.state == "stopped" and isinstance(run.events[-1], ev.Finished)


def test_there_are_as_many_slots_as_cores():
    assert Runs().slots == cores() >= 1


def test_a_run_keeps_the_config_it_was_given(make_runs, tiny_run):
    config = resolve(tiny_run())[1]
    assert make_runs().submit(config).config is config
