"""threads.py: the default number of threads follows from the size of the work, is said, and is the run's own."""

import json
import os
import subprocess
import sys

import pytest
import torch

from trm_explore.config import PRESETS, RunConfig
from trm_explore.model.cost import network_operations
from trm_explore.tasks import GENERATED, preset, resolve
from trm_explore.training import Training, train
from trm_explore.training import events as ev
from trm_explore.training.threads import OPERATIONS_A_THREAD, computing_with, threads_of, wanted_threads

RUN = """
import json, sys, torch
from trm_explore import preset, train
for given in (None, *map(int, sys.argv[1:])):
    if given:
        torch.set_num_threads(given)
    own = torch.get_num_threads()
    config = preset("sudoku4", updates=3, eval_every=1, eval_puzzles=32, frame_every=1, device="cpu")
    events = list(train(config))
    (started,) = [e for e in events if hasattr(e, "baselines")]
    losses = [e.step_losses for e in events if hasattr(e, "step_losses")]
    scores = [e.loss for e in events if hasattr(e, "exact_accuracy")]
    print(json.dumps([own, started.threads, losses, scores, torch.get_num_threads()]))
"""


def resolved(task: str, size: str, **flat) -> RunConfig:
    return resolve(preset(task, size, **flat))[1]


@pytest.mark.parametrize("task", GENERATED)
def test_every_tiny_preset_computes_with_one_thread(task):
    assert wanted_threads(resolved(task, "tiny")) == 1


def test_large_shapes_have_as_many_as_their_work_is_worth_and_the_machine_gives():
    small, paper = resolved("sudoku9", "small"), resolved("sudoku9", "paper")
    assert wanted_threads(small) == 2 and wanted_threads(paper) > 16
    with computing_with(3):
        assert threads_of(small) == 2 and threads_of(paper) == 3
    with computing_with(1):  # whoever gave PyTorch one thread, as torchrun does, has meant it
        assert threads_of(small) == threads_of(paper) == 1


@pytest.mark.parametrize("size", PRESETS)
def test_a_number_in_the_config_is_taken_as_it_is(size):
    asked = resolved("sudoku9", size, threads=3)
    assert wanted_threads(asked) == 3
    with computing_with(1):
        assert threads_of(asked) == 3


@pytest.mark.parametrize("split", [{"processes": 4}, {"gradient_accumulation": 4}])
def test_only_what_is_computed_at_a_time_counts(split):
    flat = {name: value for name, value in split.items() if name != "processes"}
    config = resolved("sudoku9", "small", batch_size=64, **flat)
    whole = 64 * network_operations(config.model)
    assert wanted_threads(config, split.get("processes", 1)) == int(whole / 4 // OPERATIONS_A_THREAD) == 1
    assert wanted_threads(resolved("sudoku9", "small", batch_size=64)) == int(whole // OPERATIONS_A_THREAD) == 4


@pytest.mark.slow
def test_the_default_gives_a_tiny_run_the_same_numbers_on_other_numbers_of_cores():
    """One core taken away where the system can, PyTorch given one or three threads, by the environment or in Python."""
    env = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}

    def told(program: str, *given: str, environment: dict = env) -> list[list]:
        command = [sys.executable, "-c", program, *given]
        ran = subprocess.run(command, capture_output=True, text=True, env=environment)
        assert ran.returncode == 0, ran.stderr
        return [json.loads(line) for line in ran.stdout.splitlines()]

    said = told(RUN, "1", "3") + told(RUN, environment=env | {"OMP_NUM_THREADS": "2"})
    assert [own for own, *_ in said[1:]] == [1, 3, 2], "the machines were all the same"
    if hasattr(os, "sched_setaffinity"):
        core = min(os.sched_getaffinity(0))
        alone = told(f"import os; os.sched_setaffinity(0, {{{core}}})\n" + RUN)
        assert alone[0][0] == 1
        said += alone
    for own, threads, losses, scores, after in said:
        assert threads == 1 and after == own
        assert losses == said[0][2] and scores == said[0][3]


def test_runs_in_turn_keep_their_own_threads_and_leave_the_callers(tiny_run):
    """As a comparison computes them: when the first has ended, the other goes on with its own number."""
    first, second = Training(tiny_run(threads=2, updates=1)), Training(tiny_run(threads=3, updates=2))
    seen = {first: [], second: []}
    for training in seen:
        training.model.net.register_forward_pre_hook(
            lambda *_, training=training: seen[training].append(torch.get_num_threads())
        )
    before = torch.get_num_threads()
    alive = [iter(training) for training in seen]
    while alive:
        for stream in [*alive]:
            if isinstance(next(stream), ev.Finished):
                alive.remove(stream)
            assert torch.get_num_threads() == before
    for training, threads in ((first, 2), (second, 3)):
        assert set(seen[training]) <= {threads}


def test_the_number_is_said(tiny_run):
    (started,) = [e for e in train(tiny_run(threads=0, updates=1)) if isinstance(e, ev.Started)]
    assert started.threads == 1
