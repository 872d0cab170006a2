"""runs/ with many people: fair turns, waits, limits, comparisons in one slot, and weights taken between updates."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from dataclasses import dataclass, replace

import pytest
import torch
from background import ENDLESS, maker, until, updates
from hypothesis import given
from hypothesis import strategies as st

from trm_explore.model.checkpoint import load_checkpoint, read_checkpoint
from trm_explore.model.cost import estimate
from trm_explore.runs.between import Between
from trm_explore.runs.limits import LIMITS, Limits
from trm_explore.runs.registry import TOGETHER, Runs
from trm_explore.runs.run import INTERRUPTED
from trm_explore.runs.turns import Turns
from trm_explore.tasks import GENERATED, preset, resolve
from trm_explore.training import events as ev
from trm_explore.training import train


@pytest.fixture
def make_runs():
    with maker() as make:
        yield make


@pytest.fixture
def endless(tiny_run):
    return tiny_run(updates=ENDLESS, eval_every=0, frame_every=0)


# ---- who is next


@dataclass(eq=False)
class Member:
    visitor: str
    seconds: float | None = None

    def left(self):
        return self.seconds


def served(turns: Turns, members: list[Member]) -> list[Member]:
    """Everybody asks all the time; who computes gives back at once."""
    done = []
    while len(done) < len(members):
        for member in members:
            if member not in done and turns.take(member):
                done.append(member)
                turns.leave(member)
                break
    return done


def line_of(visitors: str, slots: int = 1) -> tuple[Turns, list[Member]]:
    """A line of members named by their visitors, behind one that computes in every slot."""
    turns = Turns(slots, 30.0)
    for _ in range(slots):
        assert turns.take(Member("someone else", 10.0))
    members = [Member(visitor, 10.0) for visitor in visitors]
    for member in members:
        assert not turns.take(member)
    return turns, members


def test_of_one_visitor_the_first_that_came_is_the_first():
    turns, members = line_of("aaaa")
    assert turns.order() == members


def test_a_visitor_with_many_runs_starves_nobody():
    turns, members = line_of("aaaabc")
    assert "".join(member.visitor for member in turns.order()) == "abcaaa"


def test_who_computes_already_comes_after_who_does_not():
    turns = Turns(2, 30.0)
    one, other, late = Member("a"), Member("a"), Member("b")
    assert turns.take(one) and turns.take(Member("c")) and not turns.take(other) and not turns.take(late)
    assert turns.order() == [late, other]


def test_to_leave_and_come_again_wins_nothing():
    turns, (first, second) = line_of("ab")
    turns.leave(first)
    again = Member("a")
    turns.take(again)
    assert turns.order() == [second, again]


@given(st.text("abcd", min_size=1, max_size=12), st.integers(1, 3))
def test_the_order_that_is_shown_is_the_order_that_is_served(visitors, slots):
    turns, members = line_of(visitors, slots)
    shown = turns.order()
    assert sorted(map(id, shown)) == sorted(map(id, members))
    assert [turns.place(member)[0] for member in shown] == list(range(1, len(shown) + 1))
    for member in list(turns.computing):
        turns.leave(member)
    turns.slots = 1
    assert served(turns, members) == shown


@given(st.lists(st.sampled_from("abc"), max_size=60))
def test_no_two_visitors_turns_differ_by_more_than_one_while_both_wait(visitors):
    turns, members = line_of("".join(visitors))
    got = dict.fromkeys("abc", 0)
    for member in turns.order():
        waiting = {other.visitor for other in turns.line}
        got[member.visitor] += 1
        turns.line.remove(member)
        counts = [got[visitor] for visitor in waiting]
        assert max(counts) - min(counts) <= 1


def test_visitors_who_are_gone_are_forgotten():
    turns, members = line_of("abc")
    for member in (*members, *turns.computing):
        assert turns.leave(member) and not turns.leave(member)
    assert turns._turn == {} and turns.computing == {} and turns.line == []


def test_the_wait_is_what_is_left_before_one():
    turns = Turns(2, 30.0)
    assert turns.take(Member("x", 12.0)) and turns.take(Member("y", 100.0))  # free in 12 s, and after the slice
    line = [Member("a", 10.0), Member("b", 40.0), Member("c"), Member("d")]
    for member in line:
        turns.take(member)
    turns.typical = 5.0  # of whom nothing is known
    waits = [turns.place(member)[1] for member in line]
    assert waits == pytest.approx([12, 22, 30, 35], abs=0.5)
    assert turns.place(Member("z")) == (0, 0.0)


def test_a_run_lets_the_next_compute_after_its_slice_and_both_advance(make_runs, endless):
    runs = make_runs(slots=1, slice=0.05)
    first, second = runs.submit(endless, visitor="a"), runs.submit(endless, visitor="b")
    until(lambda: len(updates(first)) > 20 and len(updates(second)) > 20)
    assert {first.state, second.state} <= {"queued", "running", "preparing"}
    until(lambda: first.state == "queued" and first.position == 1 and first.wait <= 0.05)
    second.stop()
    until(lambda: first.state == "running")
    held = len(updates(first))
    until(lambda: len(updates(first)) > held + 50)
    assert first.position == 0 == first.wait  # alone, it keeps its slot
    assert updates(first) == list(range(1, len(updates(first)) + 1))


# ---- a comparison


def test_runs_of_a_comparison_compute_update_by_update_in_turn(make_runs, tiny_run):
    configs = [tiny_run(updates=12, eval_every=3, H_cycles=n) for n in (1, 2, 3)]
    order = []
    runs = make_runs(slots=3)
    with runs.changed:
        group = runs.submit_group(configs, visitor="a")
        for number, run in enumerate(group):
            append = run._append

            def noted(event, number=number, append=append):
                append(event)
                if isinstance(event, ev.UpdateDone):
                    order.append((event.update, number))

            run._append = noted
    group[0].join(30)
    assert order == [(update, number) for update in range(1, 13) for number in range(3)]
    for run, config in zip(group, configs, strict=True):
        assert run.state == "finished" and run.config is config and run.visitor == "a"
        assert [repr(e.loss) for e in run.events if isinstance(e, ev.UpdateDone)] == [
            repr(e.loss) for e in train(config) if isinstance(e, ev.UpdateDone)
        ]  # to stand beside others changes no number
    assert len({run.id for run in group}) == 3


def test_a_comparison_has_one_slot_and_one_place_in_line(make_runs, endless):
    runs = make_runs(slots=1)
    group = runs.submit_group([endless] * 2)
    until(lambda: all(len(updates(run)) > 3 for run in group))
    other = runs.submit_group([endless] * 3)
    until(lambda: all(run.position == 1 and run.state == "queued" for run in other))
    alone = runs.submit(endless)
    until(lambda: alone.position == 2)
    assert len(runs.turns.computing) == 1


def test_a_run_of_a_comparison_may_be_paused_and_stopped_alone(make_runs, endless):
    first, second = make_runs(slots=1).submit_group([endless] * 2)
    until(lambda: len(updates(first)) > 2)
    first.pause()
    until(lambda: first.state == "paused")
    held = len(updates(first)), len(updates(second))
    until(lambda: len(updates(second)) > held[1] + 3)
    assert len(updates(first)) == held[0] and second.state == "running"
    first.stop()
    until(lambda: first.ended)
    until(lambda: len(updates(second)) > held[1] + 6)
    second.pause()
    until(lambda: second.state == "paused" and not second._runs.turns.computing)
    second.stop()
    second.join(10)
    assert first.state == second.state == "stopped"


def test_a_run_that_fails_leaves_the_others_of_its_comparison_alone(make_runs, tiny_run):
    bad = tiny_run(updates=50, lr=1e30, warmup_updates=0, grad_clip=1e30)
    group = make_runs().submit_group([bad, tiny_run(updates=50)])
    group[1].join(30)
    assert [run.state for run in group] == ["failed", "finished"]


def test_who_reads_one_run_of_a_comparison_keeps_all(make_runs, endless):
    runs = make_runs(slots=1, lease=1.2)
    group = runs.submit_group([endless] * 2)
    end = time.monotonic() + 2 * 1.2
    while time.monotonic() < end:
        group[0].read()
        time.sleep(0.02)
    assert not any(run.ended for run in group)
    until(lambda: all(run.state == INTERRUPTED for run in group))


@pytest.mark.parametrize("n", [0, TOGETHER + 1])
def test_a_comparison_has_one_to_four_runs(make_runs, endless, n):
    with pytest.raises(ValueError, match=rf"^{n} runs cannot be compared at once; give 1 to 4$"):
        make_runs().submit_group([endless] * n)


# ---- weights


def same(model, state) -> bool:
    return all(torch.equal(value, state[name]) for name, value in model.state_dict().items())


def test_there_are_no_weights_before_the_first_update(make_runs, endless):
    run = make_runs().submit(endless, paused=True)
    until(lambda: run.state == "paused")
    assert run.model() is None
    with pytest.raises(ValueError, match="^the run has no weights to save yet; let it compute an update first$"):
        run.checkpoint_bytes()
    run.stop()
    run.join(10)
    assert run.model() is None


def test_a_paused_runs_model_is_what_a_training_of_its_own_gives(make_runs, tiny_run):
    config = tiny_run(updates=50)
    run = make_runs().submit(config, paused=True)
    for n in range(1, 4):
        run.one_update()
        until(lambda n=n: len(updates(run)) == n and run.state == "paused")
    model, resolved = run.model()
    training = train(config)
    for event in training:
        if isinstance(event, ev.UpdateDone) and event.update == 3:
            break
    assert same(model, training.ema_model.state_dict()) and resolved == training.config
    assert not model.training and not any(p.requires_grad for p in model.parameters())
    run.one_update()
    until(lambda: len(updates(run)) == 4)
    assert same(model, training.ema_model.state_dict())  # a copy: the run goes on without it


def test_a_live_runs_model_is_taken_between_two_updates(make_runs, endless):
    """All of it belongs to the same update: each is found among those of a training alone."""
    run = make_runs().submit(endless)
    until(lambda: len(updates(run)) > 2)
    taken = [run.model()[0].state_dict() for _ in range(5)]
    assert run.state == "running"
    run.stop()
    last = len(updates(run)) + 2
    training, found = train(endless), set()
    for event in training:
        if isinstance(event, ev.UpdateDone):
            found |= {i for i, state in enumerate(taken) if same(training.ema_model, state)}
            if len(found) == len(taken) or event.update > last:
                break
    assert found == set(range(5))


def test_many_threads_may_ask_for_the_model_at_once(make_runs, endless):
    run, got, trouble = make_runs().submit(endless), [], []
    until(lambda: len(updates(run)) > 2)

    def ask():
        try:
            for _ in range(20):
                got.append(run.model()[1])
        except BaseException as error:
            trouble.append(error)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    [thread.start() for thread in threads]
    time.sleep(0.05)
    run.stop()  # in the middle
    [thread.join(30) for thread in threads]
    assert trouble == [] and len(got) == 80 and None not in got


def test_the_wait_for_a_long_update_is_bounded():
    between, inside, out = Between(), threading.Event(), threading.Event()

    def update():
        with between.update():
            inside.set()
            out.wait(30)

    thread = threading.Thread(target=update)
    thread.start()
    inside.wait(30)
    with between.look(0.05) as may:
        assert not may
    out.set()
    with between.look(30) as may:
        assert may
    thread.join(30)


def test_a_run_that_is_busy_says_so(make_runs, tiny_run):
    slow = preset("sudoku9", "paper", batch_size=4, H_cycles=200, L_cycles=20, threads=1, device="cpu", eval_puzzles=1)
    run = make_runs().submit(slow)
    until(lambda: run.state == "running" and run.events)
    time.sleep(0.2)
    with pytest.raises(ValueError, match=r"^the run is busy with one update for 0\.1 s now; pause it, then ask again$"):
        run.model(timeout=0.1)
    run.stop()


@pytest.mark.parametrize("ema_decay", [0.0, 0.99])
def test_an_ended_run_keeps_its_averaged_weights_and_nothing_else(make_runs, tiny_run, tmp_path, ema_decay):
    config = tiny_run(updates=3, ema_decay=ema_decay)
    run = make_runs().submit(config)
    run.join(30)
    training = train(config)
    list(training)
    model, _ = run.model()
    assert same(model, training.ema_model.state_dict())
    loaded, saved_config = load_checkpoint(run.save(tmp_path / "deeper" / "run.safetensors"))
    assert same(loaded, training.ema_model.state_dict()) and saved_config == training.config
    (tmp_path / "sent").write_bytes(run.checkpoint_bytes())
    prefix = "ema." if ema_decay else "model."
    assert all(name.startswith(prefix) for name in read_checkpoint(tmp_path / "sent").tensors)
    assert same(load_checkpoint(tmp_path / "sent")[0], training.ema_model.state_dict())


def test_a_saved_run_does_not_name_a_folder_of_the_server(make_runs, tiny_run, tmp_path):
    puzzles = tmp_path / "somewhere" / "mine.csv"
    puzzles.parent.mkdir()
    answer = "1234341221434321"
    puzzles.write_text("question,answer\n" + "".join(f"{'0' * n}{answer[n:]},{answer}\n" for n in (1, 2, 3)))
    run = make_runs().submit(tiny_run(updates=1, data=str(puzzles), eval_puzzles=1))
    run.join(30)
    assert run.state == "finished", run.latest
    data = run.checkpoint_bytes()
    assert b"mine.csv" in data and b"somewhere" not in data
    assert run.model()[1].puzzles.data == str(puzzles)  # on the server it can be read again


def test_ended_runs_let_go_of_weights_beyond_a_size_the_oldest_first(make_runs, tiny_run):
    ended = []
    _, config = resolve(tiny_run(updates=1))
    runs = make_runs()
    for _ in range(4):
        ended.append(runs.submit(config))
        ended[-1].join(30)
        room = int(2.5 * 4 * estimate(config).parameters) + 4 * ended[0].kept_bytes  # all events, some weights
        runs.limits = replace(runs.limits, keep_bytes=room)
    assert [run.model() is not None for run in ended] == [False, False, True, True]
    assert all(run.events for run in ended)


def test_the_memory_of_a_run_comes_back_at_its_end_and_not_some_time_later(make_runs, endless):
    run = make_runs().submit(endless)
    until(lambda: len(updates(run)) > 2)
    state = run._training.state
    held = [weakref.ref(p) for p in (*state.model.parameters(), *state.ema_model.parameters())]
    held += [weakref.ref(slot["exp_avg"]) for slot in state.optimizer.state.values()]
    del state
    gc.collect()
    gc.disable()
    try:
        run.stop()
        run.join(10)
        assert len(held) > 20 and not any(ref() is not None for ref in held)
    finally:
        gc.enable()


def test_over_many_runs_no_thread_and_no_tensor_is_left(make_runs, tiny_run):
    runs = make_runs(slots=2, keep=2)

    def alive() -> tuple[int, int, int]:
        gc.collect()
        tensors = sum(issubclass(type(thing), torch.Tensor) for thing in gc.get_objects())
        return tensors, threading.active_count(), len(runs.listed())

    def many(n: int) -> None:
        for i in range(n):
            group = runs.submit_group([tiny_run(updates=2, seed=i, eval_every=1)] * 2)
            alone = runs.submit(tiny_run(updates=50), paused=i % 2 == 0)
            group[0].join(30)
            alone.stop()
            alone.join(30)

    many(3)
    before = alive()
    many(10)
    assert alive() == before


# ---- limits


def test_a_run_that_is_too_large_is_refused_with_a_sentence(make_runs, tiny_run):
    runs = make_runs(updates=100, parameters=1000)
    with pytest.raises(ValueError, match="^updates=101 are more than a run may have here; give at most 100$"):
        runs.submit(tiny_run(updates=101))
    weights = estimate(resolve(tiny_run())[1]).parameters
    for config in (tiny_run(), resolve(tiny_run())[1]):
        with pytest.raises(ValueError, match=f"^preset=tiny: {weights:,} weights are more than a run may have here, "):
            runs.submit_group([config])
    assert runs.listed() == []


def test_a_run_computes_no_longer_than_it_may(make_runs, endless):
    run = make_runs(seconds=0.3).submit(endless)
    run.join(30)
    assert run.state == INTERRUPTED and len(updates(run)) > 3 and 0.3 <= run.computed < 3
    assert run.note == "Stopped after 0.3 s of computing, which is the most that a run may have here."
    assert isinstance(run.events[-1], ev.Finished) and run.model() is not None


def test_to_wait_and_to_pause_are_not_computing(make_runs, endless):
    runs = make_runs(slots=1)
    run = runs.submit(endless, paused=True)
    run.one_update()
    until(lambda: len(updates(run)) == 1 and run.state == "paused")
    computed = run.computed
    time.sleep(0.3)
    runs.submit(endless)
    run.go_on()
    until(lambda: run.state == "queued")
    time.sleep(0.2)
    assert run.computed == computed


def test_a_visitor_has_so_many_runs_and_others_are_not_touched_by_it(make_runs, endless):
    runs = make_runs(slots=1, a_visitor=2)
    mine = [runs.submit(endless, visitor="a", paused=paused) for paused in (False, True)]
    with pytest.raises(ValueError, match="^2 of your runs are under way, and 2 may be; stop one first$"):
        runs.submit(endless, visitor="a")
    runs.submit(endless, visitor="b")
    with pytest.raises(ValueError, match="^one of your runs is under way, and 2 may be; stop one first$"):
        runs.submit_group([endless] * 2, visitor="b")
    mine[1].stop()
    until(lambda: mine[1].ended)
    runs.submit(endless, visitor="a")


def test_paused_runs_count_among_all_that_are_held(make_runs, endless):
    runs = make_runs(active=3)
    for visitor in "abc":
        runs.submit(endless, visitor=visitor, paused=True)
    with pytest.raises(ValueError, match="^3 runs are under way, which is all that fit; try again in a minute$"):
        runs.submit(endless, visitor="d")


@pytest.mark.parametrize("name", ["classroom", "space"])
def test_every_task_of_the_page_fits_every_set_of_limits(name):
    for task in GENERATED:
        LIMITS[name].check(preset(task))
    with pytest.raises(ValueError, match="^preset=paper: 6,828,034 weights"):
        LIMITS[name].check(preset("sudoku9", "paper", updates=1))


def test_limits_are_numbers_above_zero():
    for wrong in ({"slice": 0}, {"waiting": -1}, {"seconds": 0.0}, {"lease": float("nan")}):
        with pytest.raises(ValueError, match="is not a limit; give a number above 0$"):
            Limits(**wrong)
    assert Runs(LIMITS["classroom"], slots=3).limits.a_visitor == 5
