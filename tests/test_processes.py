"""processes.py: several processes train as one, but for roundings, and one can go on where the other stopped."""

import json
import os
import socket
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from trained_together import CASES, HALTING, TINY, run

from trm_explore.config import RunConfig
from trm_explore.training import train
from trm_explore.training.distributed import SINGLE_PROCESS, DistributedContext, joined, share_of

SCRIPT = Path(__file__).parent / "trained_together.py"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Holds a checkpoint that one process wrote after 3 updates, and a file where a folder is wanted."""
    folder = tmp_path_factory.mktemp("together")
    half = train(RunConfig.from_flat(HALTING))
    stream = iter(half)
    while half.update < 3:
        next(stream)
    half.save(folder / "one.safetensors")
    (folder / "a file").write_text("")
    return folder


@pytest.fixture(scope="module")
def together(folder):
    """What two processes said."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    shared = os.environ | {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "OMP_NUM_THREADS": "1"}
    shared |= {"GLOO_SOCKET_IFNAME": "lo"} if sys.platform == "linux" else {}
    pair = [
        subprocess.Popen(
            [sys.executable, str(SCRIPT), str(folder)],
            env=shared | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    said = [process.communicate(timeout=300) for process in pair]
    assert [process.returncode for process in pair] == [0, 0], [errors[-2000:] for _, errors in said]
    assert said[1][0] == ""
    return json.loads(said[0][0])


def flat(value) -> list[float]:
    return [x for item in value for x in flat(item)] if isinstance(value, list) else [value]


@cache
def expected(case: str, after: int = 0) -> tuple[dict, dict]:
    """(what one process says of the updates after so many, how far roundings move each kind of number). Several
    processes add the same numbers in another order, which float32 rounds otherwise, and the optimiser makes more of
    that where a gradient is almost 0. How much more is measured: by trainings whose weights begin one rounding off."""
    whole, *shaken = (run(TINY | CASES[case], shaken=seed) for seed in (None, 1, 2, 3))
    for said in (whole, *shaken):
        said["updates"] = said["updates"][after:]
    return whole, {name: max(apart(whole[name], said[name]) for said in shaken) for name in whole}


def apart(one, other) -> float:
    """The largest difference between two lists of numbers, of numbers above 1 relative to them; inf where one of two is
    no number."""
    one, other = np.array(flat(one)), np.array(flat(other))
    assert one.shape == other.shape and (np.isnan(one) == np.isnan(other)).all()
    return float(np.nanmax(np.abs(one - other) / np.maximum(1, np.abs(one)), initial=0))


def assert_same(said: dict, case: str, after: int = 0) -> None:
    whole, roundings = expected(case, after)
    assert said.keys() == whole.keys()
    for name in whole:
        # One rounding at the start stands for the many on the way; a share that is forgotten or counted twice, or
        # another puzzle, moves losses and gradients by a thousandth at the very least.
        allowed = min(1e-5 + 10 * roundings[name], 5e-4)
        assert apart(said[name], whole[name]) <= allowed, (name, roundings[name])


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_two_processes_train_and_evaluate_as_one(together, case):
    assert_same(together[case], case)


@pytest.mark.slow
@pytest.mark.parametrize("case", ["resumed", "resumed from one"])
def test_two_processes_go_on_from_either_checkpoint(together, case):
    assert_same(together[case], "halting", after=3)


@pytest.mark.slow
def test_one_process_goes_on_where_two_have_stopped(together, folder):
    assert_same(run(HALTING, resume=folder / "two.safetensors"), "halting", after=3)


@pytest.mark.slow
def test_one_that_is_stopped_stops_both_before_the_next_update(together):
    assert together["stopped"] == 2


@pytest.mark.slow
def test_a_batch_that_cannot_be_shared_out_is_refused(together):
    assert together["refused"] == "batch_size=7 cannot be shared out equally to 2 processes; take 8"


@pytest.mark.slow
def test_when_the_first_cannot_save_all_end(together):
    (reason,) = together["full disk"]
    assert reason.startswith("could not save")


@pytest.mark.slow
def test_nothing_of_the_connection_outlives_it(together):
    assert together["threads left"] == []


@given(st.integers(0, 100), st.integers(1, 9))
def test_the_parts_are_everything_once_and_in_order(n, count):
    parts = [list(range(n))[DistributedContext(rank, count).part(n)] for rank in range(count)]
    assert sum(parts, []) == list(range(n)) and max(map(len, parts)) - min(map(len, parts)) <= 1


def test_one_process_sends_nothing():
    number = torch.ones(2)
    alone = SINGLE_PROCESS
    assert alone.gather(number) is number and alone.add(number) is number and alone.part(5) == slice(0, 5)
    assert alone.first and alone.agree(True, number.device) and not alone.agree(False, number.device)
    assert share_of(7, alone) == 7


def test_without_torchrun_there_is_one(monkeypatch):
    for name in ("WORLD_SIZE", "RANK"):
        monkeypatch.delenv(name, raising=False)
    with joined("auto") as processes:
        assert processes == SINGLE_PROCESS


@pytest.mark.slow
def test_torchrun_trains_and_only_the_first_process_writes_and_speaks(tmp_path):
    settings = {name: value for name, value in TINY.items() if name != "updates"} | {"updates": 2, "eval_puzzles": 2}
    flags = [word for name, value in settings.items() for word in (f"--{name}", str(value))]
    ran = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2", "-m", "trm_explore"]
        + ["train", *flags, "--json", "--out", str(tmp_path / "run")],
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        timeout=300,
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    said = [json.loads(line)["event"] for line in ran.stdout.splitlines()]
    assert said.count("UpdateDone") == 2 and said.count("Finished") == 1
    kept = [json.loads(line)["event"] for line in (tmp_path / "run" / "events.jsonl").read_text().splitlines()]
    assert kept.count("UpdateDone") == 2 and (tmp_path / "run" / "model.safetensors").is_file()
