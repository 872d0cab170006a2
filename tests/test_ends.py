"""How a training in the terminal ends, by real signals to real processes: nothing is lost, nothing is mixed."""

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from trm_explore.cli import main
from trm_explore.cli.signals import Ended, Signals
from trm_explore.model.cancel import present_check
from trm_explore.model.checkpoint import read_checkpoint
from trm_explore.storage.lock import FolderLock
from trm_explore.training import events as ev
from trm_explore.training.run_folder import read_events

SMALL = ["--task", "sudoku4", "--hidden_size", "16", "--num_heads", "2", "--swiglu_multiple", "8", "--batch_size", "4"]
SMALL += ["--eval_puzzles", "6", "--threads", "1", "--device", "cpu", "--frame_every", "0", "--eval_every", "0"]
ENDLESS = ["--updates", "1000000", "--save_every", "1000000", "--json"]

posix = pytest.mark.skipif(os.name == "nt", reason="signals as POSIX has them")


def start(*argv, env=None, **options) -> subprocess.Popen:
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    command = [sys.executable, "-W", "error", "-m", "trm_explore", "train", *map(str, argv)]
    return subprocess.Popen(command, env=os.environ | (env or {}), **streams, **options)


def read_until(process: subprocess.Popen, kind: str, count: int = 1) -> str:
    """Reads its events until so many of a kind have come -> what it has read."""
    read = ""
    while count:
        line = process.stdout.readline()
        assert line, process.stderr.read()
        count -= line.startswith(f'{{"event": "{kind}"')
        read += line
    return read


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@posix
@pytest.mark.parametrize(("name", "status"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_a_signal_lets_the_update_finish_saves_and_names_the_command_that_goes_on(tmp_path, name, status):
    folder = tmp_path / "a run's folder"
    with start(*SMALL, *ENDLESS, "--out", folder, preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL)) as p:
        printed = read_until(p, "UpdateDone", 3)
        p.send_signal(getattr(signal, name))
        rest, said = p.communicate()
    assert p.returncode == status
    log = (folder / "events.jsonl").read_text(encoding="utf-8")
    updates = [[line for line in text.splitlines() if '"UpdateDone"' in line] for text in (printed + rest, log)]
    assert updates[0] == updates[1] and '"Finished"' in rest.splitlines()[-1] and '"stopped"' in rest.splitlines()[-1]
    assert names(folder) == ["config.json", "events.jsonl", "model.safetensors"]
    *_, done, saved, finished = read_events(str(folder))
    assert isinstance(done, ev.UpdateDone) and isinstance(saved, ev.Saved) and finished.reason == "stopped"
    assert finished.why.startswith("Ctrl-C" if name == "SIGINT" else name)
    assert done.update == saved.update == finished.update
    assert read_checkpoint(folder / "model.safetensors").scalars["update"] == done.update
    begin = f"trm-explore: stopped after update {done.update}; go on from update {done.update} with "
    assert said.startswith(begin) and said.count("\n") == 1
    words = shlex.split(said.removeprefix(begin))
    assert words[words.index("train") :] == ["train", "--resume", str(folder), "--json"]
    if name == "SIGINT":  # the command that it names does go on
        assert main([*words[words.index("train") :], "--updates", str(done.update + 2)]) == 0
        numbers = [event.update for event in read_events(str(folder)) if isinstance(event, ev.UpdateDone)]
        assert numbers == list(range(1, done.update + 3))


@posix
def test_under_nohup_a_closed_terminal_ends_nothing(tmp_path):
    ignored = {"preexec_fn": lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)}
    with start(*SMALL, *ENDLESS, **ignored) as process:
        read_until(process, "UpdateDone")
        process.send_signal(signal.SIGHUP)
        read_until(process, "UpdateDone", 50)
        process.send_signal(signal.SIGTERM)
        out, said = process.communicate()
    assert process.returncode == 143 and ev.from_json(out.splitlines()[-1]).why == "SIGTERM"
    assert said.endswith("; nothing was kept, because there is no --out folder\n")


@posix
def test_ended_while_puzzles_are_made_a_run_leaves_nothing_behind(tmp_path):
    slow = ["--task", "sudoku9", "--pool_size", "20000", "--json", "--updates", "5", "--out", tmp_path / "deep" / "run"]
    with start(*slow, env={"TRM_EXPLORE_CACHE": str(tmp_path / "cache")}) as process:
        read_until(process, "Preparing")
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate()
    assert process.returncode == 143 and names(tmp_path) == []
    assert said == "trm-explore: stopped before the first update; nothing was saved yet, the same command begins anew\n"


@posix
def test_a_folder_in_use_is_refused_and_one_killed_before_its_first_save_begins_anew(tmp_path, capsys):
    folder, other = tmp_path / "run", tmp_path / "other"
    with start(*SMALL, *ENDLESS, "--out", folder) as process:
        read_until(process, "UpdateDone", 3)
        os.kill(process.pid, signal.SIGSTOP)  # so that nothing in the folder changes by itself
        before = {path.name: path.read_bytes() for path in folder.iterdir()}
        assert main(["train", *SMALL, *ENDLESS, "--out", str(folder)]) == 2
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
        process.kill()
    refusal = f"trm-explore: out={folder} is in use: process {process.pid} writes to it; wait until it has ended, "
    assert capsys.readouterr().err == refusal + "stop it, or choose another folder\n"
    for left in (".model.safetensors.abc_1234", ".model.safetensors.0123abcd.tmp", "events.tmp"):
        (folder / left).write_text("half")  # as killed in the middle of a write
    again = ["train", *SMALL, "--json", "--out", str(folder)]
    assert main([*again, "--updates", "1000000", "--lr", "0.5"]) == 2  # another run's log is not lost for this one
    refusal = f"trm-explore: out={folder} holds the log of a run with lr="
    assert capsys.readouterr().err.startswith(refusal)
    events = (folder / "events.jsonl").read_text().replace('"updates": 1000000', '"updates": 3')
    (folder / "events.jsonl").write_text(events)
    assert main([*again, "--updates", "3"]) == 0
    assert names(folder) == ["config.json", "events.jsonl", "model.safetensors"]
    assert main([*again[:-1], str(other), "--updates", "3"]) == 0
    told, expected = (read_events(str(where)) for where in (folder, other))
    assert [e.loss for e in told if isinstance(e, ev.UpdateDone)] == [
        e.loss for e in expected if isinstance(e, ev.UpdateDone)
    ]
    assert main([*again, "--updates", "3"]) == 2  # now there is something to lose
    assert "holds a run already" in capsys.readouterr().err


def test_a_log_whose_checkpoint_was_moved_away_is_not_begun_anew(tmp_path, capsys):
    run = ["train", *SMALL, "--json", "--updates", "2", "--out", str(tmp_path / "run")]
    assert main(run) == 0
    log = (tmp_path / "run" / "events.jsonl").read_bytes()
    (tmp_path / "run" / "model.safetensors").unlink()
    assert main(run) == 2 and "holds a run already; choose another folder\n" in capsys.readouterr().err
    assert (tmp_path / "run" / "events.jsonl").read_bytes() == log


def test_two_that_resume_one_run_are_not_mixed(tmp_path, capsys):
    run = ["train", *SMALL, "--json", "--updates", "2", "--out", str(tmp_path / "run")]
    assert main(run) == 0
    before = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()}
    with FolderLock(tmp_path / "run"):
        assert main(["train", "--resume", str(tmp_path / "run"), "--updates", "4"]) == 2
        assert f"is in use: process {os.getpid()} writes to it" in capsys.readouterr().err
        elsewhere = ["--updates", "4", "--out", str(tmp_path / "other")]
        assert main(["train", "--resume", str(tmp_path / "run"), *elsewhere]) == 0
        assert main(["diagnose", str(tmp_path / "run")]) == 0  # who only reads needs no lock
    assert {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()} == before


@posix
def test_the_second_ctrl_c_ends_at_once_and_a_second_sigterm_or_sighup_does_not():
    asked = []
    with Signals() as signals, pytest.raises(Ended):  # nothing is under way that could be finished
        signal.raise_signal(signal.SIGTERM)
    with Signals() as signals:
        signals.gently = asked.append
        for name in (signal.SIGTERM, signal.SIGTERM, signal.SIGHUP):
            signal.raise_signal(name)
        assert asked == ["SIGTERM"]
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        assert signals.status == 143
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


@posix
def test_an_update_is_saved_before_a_long_evaluation_goes_on(tmp_path, monkeypatch):
    """Whoever sends SIGTERM may send SIGKILL soon."""
    from trm_explore.training import loop as training

    seen = []

    def slow(model, task, held_out, **how):
        before_call = present_check()
        before_call()
        seen.append((tmp_path / "run" / "model.safetensors").exists())
        signal.raise_signal(signal.SIGTERM)
        for _ in range(3):
            before_call()
            seen.append((tmp_path / "run" / "model.safetensors").exists())
        return [0.0], [0.0], [0.0], []

    monkeypatch.setattr(training, "scores_of", slow)
    run = ["train", *SMALL, "--eval_every", "2", "--json", "--updates", "9", "--out", str(tmp_path / "run")]
    assert main(run) == 143 and seen == [False, True, True, True]
    kinds = [type(event).__name__ for event in read_events(str(tmp_path / "run"))]
    assert kinds == ["Started", "UpdateDone", "UpdateDone", "Evaluated", "Saved", "Finished"]
    assert read_checkpoint(tmp_path / "run" / "model.safetensors").scalars["update"] == 2


@posix
@pytest.mark.slow
def test_a_signal_to_one_of_two_processes_ends_both_after_the_same_update(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    shared = {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    shared |= {"OMP_NUM_THREADS": "1"} | ({"GLOO_SOCKET_IFNAME": "lo"} if sys.platform == "linux" else {})
    folder = tmp_path / "run"
    pair = [
        start(*SMALL, *ENDLESS, "--out", folder, env=shared | {"RANK": str(rank), "LOCAL_RANK": str(rank)})
        for rank in range(2)
    ]
    try:
        read_until(pair[0], "UpdateDone", 3)
        pair[1].send_signal(signal.SIGTERM)
        (_, said), (nothing, errors) = (process.communicate() for process in pair)
    finally:
        for process in pair:
            process.kill()
    assert [process.returncode for process in pair] == [130, 143] and (nothing, errors) == ("", "")
    *_, saved, finished = read_events(str(folder))
    assert saved.update == finished.update and finished.reason == "stopped"
    assert read_checkpoint(folder / "model.safetensors").scalars["update"] == saved.update
    assert f"torchrun --nproc_per_node=2 -m trm_explore train --resume {folder} --json" in said


def test_a_run_ended_again_and_again_gives_the_numbers_of_one_that_never_was(tmp_path, monkeypatch):
    from trm_explore.tasks.sudoku import SudokuTask

    sample, calls = SudokuTask.sample, []

    def interrupted(self, n, rng):
        calls.append(n)
        if len(calls) % 2:
            signal.raise_signal(signal.SIGINT)
        return sample(self, n, rng)

    run = ["train", *SMALL, "--json", "--updates", "5", "--ema_decay", "0.9"]
    assert main([*run, "--out", str(tmp_path / "whole")]) == 0
    monkeypatch.setattr(SudokuTask, "sample", interrupted)
    status = main([*run, "--out", str(tmp_path / "cut")])
    while status == 130:
        calls.append(0) if len(calls) % 4 else None
        status = main(["train", "--resume", str(tmp_path / "cut"), "--json"])
    assert status == 0
    ours, theirs = (read_checkpoint(tmp_path / name / "model.safetensors").tensors for name in ("cut", "whole"))
    assert ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)
    logs = [
        [json.loads(line) for line in (tmp_path / name / "events.jsonl").read_text().splitlines()]
        for name in ("cut", "whole")
    ]
    ours, theirs = ([e["loss"] for e in log if e["event"] == "UpdateDone"] for log in logs)
    assert ours == theirs
