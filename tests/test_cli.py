"""cli.py: the four commands, the folder of a run, resuming, and one sentence with status 2 for everything wrong."""

from __future__ import annotations

import errno
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from trm_explore.cli import COMMANDS, main
from trm_explore.config import RunConfig
from trm_explore.data.assets import asset
from trm_explore.data.sudoku_rules import is_solution
from trm_explore.model.checkpoint import read_checkpoint
from trm_explore.shipped.pairs import pair_names
from trm_explore.tasks import GENERATED, TASKS, preset, resolve
from trm_explore.tasks.sudoku import SudokuTask
from trm_explore.training import events as ev

SMALL = ["train", "--task", "sudoku4", "--hidden_size", "16", "--swiglu_multiple", "8", "--batch_size", "4"]
SMALL += ["--updates", "4", "--eval_puzzles", "6", "--threads", "1", "--device", "cpu"]
EXAMPLE = ".24.3......44.3."


@pytest.fixture
def run(capsys):
    """run(*argv) -> (status, stdout, stderr)"""

    def run(*argv: object) -> tuple[int, str, str]:
        capsys.readouterr()
        status = main([str(word) for word in argv])
        return status, *capsys.readouterr()

    return run


@pytest.fixture
def refused(run):
    """refused(*argv) -> the sentence: status 2, nothing on stdout, one line on stderr, no traceback."""

    def refused(*argv: object, said: str = "") -> str:
        status, out, err = run(*argv)
        assert (status, out) == (2, said)
        assert err.startswith("trm-explore: ") and err.endswith("\n") and err.count("\n") == 1
        assert "Traceback" not in err
        return err.removeprefix("trm-explore: ").strip()

    return refused


def events_of(text: str) -> list[ev.Event]:
    return [ev.from_json(line) for line in text.splitlines()]


def losses(events: list[ev.Event]) -> dict[int, tuple]:
    """Everything an update says but for the clock; fails where one comes twice."""
    done = [event for event in events if isinstance(event, ev.UpdateDone)]
    assert [e.update for e in done] == list(range(done[0].update, done[0].update + len(done)))
    return {e.update: (e.loss, e.step_losses, e.halt_loss, e.lr, e.grad_norm) for e in done}


def csv_of(path: Path, count: int = 12) -> Path:
    """The first held-out 4x4 puzzles, in the published layout."""
    task, _ = resolve(preset("sudoku4"))
    batch, rows = task.held_out(count), ["source,question,answer,rating"]
    for question, answer in zip(task.decode(batch["inputs"]), task.decode(batch["labels"]), strict=True):
        rows.append("me," + "".join(map(str, question)).replace("0", ".") + "," + "".join(map(str, answer)) + ",1")
    path.write_text("\n".join(rows))
    return path


@pytest.fixture
def interrupted_at(monkeypatch):
    """interrupted_at(5): Ctrl-C while the fifth update is computed, once."""
    sample = SudokuTask.sample

    def arrange(update: int) -> None:
        calls = []

        def counted(self, n, rng):
            calls.append(n)
            if len(calls) == update:
                signal.raise_signal(signal.SIGINT)
            return sample(self, n, rng)

        monkeypatch.setattr(SudokuTask, "sample", counted)

    return arrange


# ---- help


@pytest.mark.parametrize("argv", [[], ["-h"], ["--help"], ["help"]])
def test_usage_names_every_command(run, argv):
    status, out, err = run(*argv)
    assert status == 0 and err == ""
    assert all(f"trm-explore {command} " in out for command in ("app", "train", "evaluate", "show"))


@pytest.mark.parametrize(
    ("command", "flags"),
    [
        ("train", ["--hidden_size", "--enable_deep_supervision", "--json", "--resume", "--data", "--pool_size"]),
        ("evaluate", ["--data", "--H_cycles", "--json"]),
        ("show", ["--puzzle", "--H_cycles"]),
        ("app", ["--port", "--host", "--runs", "--lease"]),
    ],
)
def test_every_command_has_its_help(capsys, command, flags):
    with pytest.raises(SystemExit) as end:
        main([command, "--help"])
    out, err = capsys.readouterr()
    assert end.value.code == 0 and err == "" and all(flag in out for flag in flags)


def test_help_shows_the_defaults_of_the_task_and_size_given(capsys):
    with pytest.raises(SystemExit):
        main(["train", "--task", "sudoku9", "--preset=paper", "--help"])
    out = " ".join(capsys.readouterr().out.split())
    assert "(default: 512)" in out and "(default: sudoku9)" in out


# ---- train


def test_json_is_event_lines_and_nothing_else_with_finished_last(run):
    status, out, err = run(*SMALL, "--json", "--eval_every", 2, "--frame_every", 2)
    events = events_of(out)
    assert status == 0 and err == ""
    assert isinstance(events[0], ev.Started) and isinstance(events[-1], ev.Finished)
    assert sorted(losses(events)) == [1, 2, 3, 4] and events[-1].reason == "done"
    assert {type(event) for event in events} == {ev.Started, ev.UpdateDone, ev.Evaluated, ev.Frame, ev.Finished}


def test_hyphens_and_underscores_are_the_same_and_reach_the_run(run):
    tail = ["constant", "--no-json", "--json"]
    hyphens = run(*SMALL, "--enable-deep-supervision", "--deep-supervision-schedule", *tail, "--H-cycles", 2)
    underscores = run(*SMALL, "--enable_deep_supervision", "--deep_supervision_schedule", *tail, "--H_cycles", 2)
    ours = [events_of(text[1]) for text in (hyphens, underscores)]
    assert ours[0][0].config == ours[1][0].config
    config = RunConfig.from_flat(ours[0][0].config)
    assert config.supervision.enable_deep_supervision and config.model.H_cycles == 2 and config.model.hidden_size == 16
    assert losses(ours[0]) == losses(ours[1])


def test_a_person_sees_the_guides_lines_and_the_end(run):
    status, out, err = run(*SMALL, "--log_every", 2, "--eval_every", 2)
    lines = out.splitlines()
    assert status == 0 and err == ""  # where nobody looks there is no progress bar
    assert lines[0].startswith("sudoku4: ") and "seed 0" in lines[0]
    steps = [line for line in lines if line.startswith("Step ")]
    number = r"\d\.\d{4}"
    pattern = rf"Step (\d)/4, Train Loss: {number} \| Steps: \['{number}', '{number}', '{number}'\]"
    assert [re.fullmatch(pattern, line)[1] for line in steps] == ["2", "4"]
    assert sum(line.startswith("Held-out after update") for line in lines) == 2
    assert re.fullmatch(r"Done: 4 updates in \d+\.\d s of training", lines[-1])


def test_a_preset_is_the_start_and_flags_change_it(run):
    _, out, _ = run(*SMALL, "--json", "--preset", "small", "--updates", 1)
    flat = events_of(out)[0].config
    assert (flat["preset"], flat["L_cycles"], flat["lr"], flat["hidden_size"]) == ("small", 4, 2e-3, 16)
    assert preset("sudoku4", "small").model.hidden_size == 128


def test_own_puzzles_train(run, tmp_path):
    status, out, _ = run(*SMALL, "--json", "--data", csv_of(tmp_path / "mine.csv", 40))
    assert status == 0 and events_of(out)[-1].reason == "done"


def test_the_folder_of_a_run_holds_it(run, tmp_path):
    folder = tmp_path / "deep" / "run"
    status, out, err = run(*SMALL, "--json", "--out", folder)
    assert (status, err) == (0, "")
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "events.jsonl", "model.safetensors"]
    assert (folder / "events.jsonl").read_text() == out
    config = RunConfig.from_flat(json.loads((folder / "config.json").read_text()))
    assert config == read_checkpoint(folder / "model.safetensors").config
    assert any(isinstance(event, ev.Saved) for event in events_of(out))


def test_a_run_is_never_overwritten(run, refused, tmp_path):
    folder, other = tmp_path / "run", tmp_path / "other"
    run(*SMALL, "--out", folder)
    run(*SMALL, "--out", other)
    before = {path: path.read_bytes() for path in folder.iterdir()}
    sentence = refused(*SMALL, "--out", folder)
    assert sentence.startswith(f"out={folder} holds a run already; choose another folder, or go on with --resume")
    # another run's checkpoint does not go on in this folder either
    refused("train", "--resume", other, "--out", folder, "--updates", 8)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize("on", [[], ["--enable_deep_supervision", "--supervision_steps", "2"]], ids=["off", "carry"])
def test_a_resumed_run_equals_an_uninterrupted_one(run, tmp_path, interrupted_at, on):
    small = [*SMALL, *on, "--json", "--save_every", 3, "--updates", 7, "--eval_every", 2, "--frame_every", 3]
    if on:  # with two updates a puzzle only every second one samples
        interrupted_at(3)
    else:
        interrupted_at(5)
    status, out, err = run(*small, "--out", tmp_path / "cut")
    events = events_of(out)
    assert status == 130 and isinstance(events[-1], ev.Finished) and events[-1].reason == "stopped"
    assert events[-1].update == max(losses(events)) >= 4
    assert max(losses(events)) == read_checkpoint(tmp_path / "cut" / "model.safetensors").scalars["update"]
    assert re.fullmatch(
        "trm-explore: stopped after update [45]; go on from update [45] with "
        f".* train --resume {tmp_path / 'cut'} --json\n",
        err,
    )
    with (tmp_path / "cut" / "events.jsonl").open("a") as log:
        log.write('{"event": "UpdateDone", "upd')  # as if the machine had gone down while writing
    status, out, err = run("train", "--resume", tmp_path / "cut", "--json")
    assert (status, err) == (0, "") and min(losses(events_of(out))) == events[-1].update + 1
    run(*small, "--out", tmp_path / "whole")

    cut, whole = (events_of((tmp_path / name / "events.jsonl").read_text()) for name in ("cut", "whole"))
    assert losses(cut) == losses(whole) and sorted(losses(cut)) == [1, 2, 3, 4, 5, 6, 7]
    for kind in (ev.Evaluated, ev.Frame):
        assert [e for e in cut if isinstance(e, kind)] == [e for e in whole if isinstance(e, kind)]
    assert [e.reason for e in cut if isinstance(e, ev.Finished)] == ["done"]
    ours, theirs = (read_checkpoint(tmp_path / name / "model.safetensors").tensors for name in ("cut", "whole"))
    assert ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_resume_takes_other_flags_and_goes_further(run, tmp_path):
    run(*SMALL, "--out", tmp_path / "run")
    _, out, _ = run("train", "--resume", tmp_path / "run" / "model.safetensors", "--updates", 6, "--json")
    assert sorted(losses(events_of(out))) == [5, 6]
    assert json.loads((tmp_path / "run" / "config.json").read_text())["updates"] == 6
    log = events_of((tmp_path / "run" / "events.jsonl").read_text())
    assert sorted(losses(log)) == [1, 2, 3, 4, 5, 6]
    assert [event.update for event in log if isinstance(event, ev.Finished)] == [6]  # the earlier end is none now


def test_resume_refuses_another_shape_and_weights_alone(refused, run, tmp_path):
    run(*SMALL, "--out", tmp_path / "run")
    sentence = refused("train", "--resume", tmp_path / "run", "--hidden_size", 32)
    assert sentence.endswith("was trained with hidden_size=16; it cannot go on with hidden_size=32")
    assert "holds weights only" in refused("train", "--resume", "sudoku4-linear", "--updates", 1000)


def test_ctrl_c_without_a_folder_says_that_nothing_was_kept(run, interrupted_at):
    interrupted_at(2)
    status, out, err = run(*SMALL, "--json")
    assert (status, err) == (
        130,
        "trm-explore: stopped after update 2; nothing was kept, because there is no --out folder\n",
    )
    assert events_of(out)[-1].reason == "stopped" and events_of(out)[-1].why == "Ctrl-C"


def test_a_run_that_diverges_says_what_to_try(run):
    status, out, err = run(*SMALL, "--lr", 1e30, "--warmup_updates", 0, "--grad_clip", 1e30, "--updates", 30, "--json")
    assert status == 2 and isinstance(events_of(out)[-1], ev.Failed)
    assert re.fullmatch(r"trm-explore: training diverged: .* at update \d+; try a lower lr \(now 1e\+30\)\n", err)


# ---- evaluate


def test_evaluate_on_held_out_puzzles_prints_every_step(run):
    status, out, err = run("evaluate", "sudoku4-linear", "--puzzles", 100)
    lines = out.splitlines()
    assert (status, err) == (0, "") and lines[0] == "100 puzzles of the held-out part of sudoku4"
    assert [line.split()[0] for line in lines[1:]] == ["step", "0", "1", "2"]


def test_evaluate_on_a_file_equals_the_same_puzzles_held_out(run, tmp_path):
    _, held_out, _ = run("evaluate", "sudoku4-linear", "--puzzles", 12, "--json")
    _, file, _ = run("evaluate", "sudoku4-linear", "--data", csv_of(tmp_path / "mine.csv", 12), "--json")
    scores = json.loads(held_out)
    assert scores == json.loads(file)
    assert list(scores) == ["puzzles", "loss", "cell_accuracy", "exact_accuracy"] and scores["puzzles"] == 12
    assert scores["exact_accuracy"][-1] > 0.9 and scores["loss"][0] > scores["loss"][-1]  # the shipped model refines


def test_evaluate_runs_more_cycles_than_were_trained(run):
    _, out, _ = run("evaluate", asset("sudoku4-linear"), "--puzzles", 20, "--json", "--H_cycles", 7)
    _, usual, _ = run("evaluate", asset("sudoku4-linear"), "--puzzles", 20, "--json")
    more, usual = json.loads(out), json.loads(usual)
    assert len(more["loss"]) == 7 and len(usual["loss"]) == 3
    assert more["loss"][:3] == usual["loss"]


def test_a_model_is_evaluated_and_shown_where_its_own_puzzles_are_gone(run, tmp_path):
    mine = csv_of(tmp_path / "mine.csv", 40)
    run(*SMALL, "--data", mine, "--out", tmp_path / "run")
    mine.unlink()
    for argv in (["evaluate", tmp_path / "run", "--puzzles", 4], ["show", tmp_path / "run"]):
        status, _, err = run(*argv)
        assert (status, err) == (0, "")


# ---- show


def boards(out: str) -> list[list[int]]:
    """The digits of every printed board, 0 for a blank; captions and remarks are skipped."""
    rows = [line for line in out.splitlines() if re.fullmatch(r"[.\d×* ]+", line)]
    digits = [int(c) for row in rows for c in row.replace(".", "0") if c.isdigit()]
    return [digits[i : i + 16] for i in range(0, len(digits), 16)]


def test_show_prints_the_puzzle_and_the_board_at_every_step(run):
    status, out, err = run("show", "sudoku4-linear", "--puzzle", EXAMPLE)
    assert (status, err) == (0, "")
    puzzle, *steps = boards(out)
    assert puzzle == [int(c) for c in EXAMPLE.replace(".", "0")] and len(steps) == 3
    assert [line.split(":")[0] for line in out.splitlines() if line.startswith("step")] == [
        "step 0",
        "step 1",
        "step 2",
    ]
    right = is_solution(np.array([puzzle], dtype=np.uint8), np.array([steps[-1]], dtype=np.uint8))[0]
    assert out.splitlines()[-1] == f"The final answer is {'right' if right else 'wrong'}."
    assert "several" not in out and "\033" not in out


def test_show_does_not_mind_spaces_and_zeros(run):
    plain = run("show", "sudoku4-linear", "--puzzle", EXAMPLE)
    assert run("show", "sudoku4-linear", "--puzzle", " 0240 3000 0004 4030 ") == plain


def test_show_takes_more_cycles_and_a_held_out_puzzle(run):
    status, out, _ = run("show", "sudoku4-linear", "--H_cycles", 5)
    assert status == 0 and len(boards(out)) == 6 and "loss" in out


@pytest.mark.parametrize("puzzle", ["1234341221434321", "12343412........", "1..............."])
def test_a_puzzle_with_several_solutions_is_said_to_have_them_and_judged_by_the_rules(run, puzzle):
    status, out, _ = run("show", "sudoku4-linear", "--puzzle", puzzle)
    shown, *steps = boards(out)
    assert status == 0 and ("several solutions" in out) == ("." in puzzle)
    assert ("loss" in out) == ("." not in puzzle)  # there is no one answer to measure against
    right = is_solution(np.array([shown], dtype=np.uint8), np.array([steps[-1]], dtype=np.uint8))[0]
    assert out.splitlines()[-1] == f"The final answer is {'right' if right else 'wrong'}."


@pytest.mark.parametrize(
    ("puzzle", "fragment"),
    [
        ("123", "has 3 cells"),
        (EXAMPLE + ".", "17"),
        (EXAMPLE.replace("3", "k", 1), "'k'"),
        (EXAMPLE.replace("3", "7", 1), "'7'"),
        ("11..............", "row 1"),
        ("123....4........", "has no solution"),
    ],
)
def test_a_puzzle_that_is_none_is_refused(refused, puzzle, fragment):
    assert fragment in refused("show", "sudoku4-linear", "--puzzle", puzzle)


# ---- bad input


def custom(*weights: object) -> list[object]:
    return ["--deep_supervision_schedule", "custom", "--custom_weights", *weights]


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (
            ["--mixer", "attention", "--num_heads", 3],
            "num_heads=3 does not divide hidden_size=16; try 8 or 16",
        ),
        (custom(0.3, -1, 1), "custom_weights=[0.3, -1.0, 1.0] must be at least 0, and not all 0"),
        (custom(0, 0, 0), "custom_weights=[0.0, 0.0, 0.0] must be at least 0, and not all 0"),
        (custom(0.3, "nan", 1), "custom_weights=(0.3, nan, 1.0) must be a list of finite numbers"),
        (custom(0.3, 1), "custom_weights has 2 numbers, but H_cycles=3 gives 3 steps; give one weight a step"),
        (["--deep_supervision_weight", -0.5], "deep_supervision_weight=-0.5 must be a finite number at least 0"),
        (["--deep_supervision_weight", "nan"], "deep_supervision_weight=nan must be a finite number"),
        (["--deep_supervision_weight", "inf"], "deep_supervision_weight=inf must be a finite number"),
        (["--updates", 0], "updates=0 must be a whole number of at least 1"),
        (
            ["--supervision_steps", 2, "--halt_max_steps", 3],
            "supervision_steps=2 and halt_max_steps=3 both say how long a puzzle stays",
        ),
        (["--task", "chess"], "task='chess' is not known; allowed are sudoku4, sudoku6, sudoku9"),
        (["--preset", "huge"], "preset='huge' is not known; allowed are tiny, small, paper"),
        (["--device", "tpu"], "device='tpu' is not known; allowed are auto, cpu, cuda, cuda:N, mps"),
        (["--device", "cuda"], "device='cuda' is not here; there is cpu, or take auto"),
        (["--data", "/nowhere/mine.csv"], "There is no file '/nowhere/mine.csv'"),
        (["--eval_data", "x.csv"], "eval_data='x.csv' needs data too"),
        (["--pool_size", 500], "pool_size=500 has no effect here: 4x4 puzzles are drawn from all there are"),
        (["--vocab_size", 11], "vocab_size=11 does not fit the task sudoku4"),
        (["--shown_puzzle", 10**6], "shown_puzzle=1000000 is not there"),
        (["--shown_puzzle", 10**9], "shown_puzzle=1000000000 is too large"),
        (["--hidden_size", 10**12], "hidden_size=1000000000000 is too large"),
        (["--batch_size", 10**12], "batch_size=1000000000000 is too large"),
        (["--expansion", 1e300], "expansion=1e+300 must be"),
        (["--seed", 10**30], "seed="),
        (["--hiden_size", 3], "'hiden_size' is not a setting of a run; did you mean hidden_size?"),
        (["--no-compil"], "'compil' is not a setting of a run; did you mean compile?"),
        (["--log_evry=3"], "'log_evry' is not a setting of a run; did you mean log_every?"),
        (["--resume", ""], "resume is empty"),
        (["--resume", "/nowhere/model.safetensors"], "there is no checkpoint /nowhere/model.safetensors"),
        (["--out", "/dev/null/run"], "could not write to /dev/null/run: Not a directory"),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, list) else "",
)
def test_wrong_settings_are_refused_in_one_sentence(refused, monkeypatch, flags, sentence):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert refused(*SMALL, *flags).startswith(sentence)


def test_an_unknown_command_is_refused_with_those_there_are(refused):
    assert refused("fly") == f"there is no command 'fly'; allowed are {', '.join(COMMANDS)}"


@pytest.mark.parametrize("flags", [["--updates", "many"], ["--task"]], ids=str)
def test_an_ill_typed_flag_has_the_librarys_box_and_status_2(capsys, flags):
    with pytest.raises(SystemExit) as end:
        main(["train", *flags])
    out, err = capsys.readouterr()
    assert end.value.code == 2 and out == "" and flags[0] in err and "Traceback" not in err


@pytest.mark.parametrize(
    ("content", "fragment"),
    [
        ("quest,answer\n1,2\n", "line 1: it has no column question (or puzzle, quizzes"),
        ("question,answer\n", "has no puzzles in it"),
        (f"question,answer\n{EXAMPLE},1111111111111111\n", "line 2"),
        (f"question,answer\n{EXAMPLE[:-1]},{EXAMPLE}\n", "line 2, question"),
        ("", "has no puzzles in it"),
    ],
)
@pytest.mark.parametrize("command", ["train", "evaluate"])
def test_a_file_that_is_no_puzzle_file_is_refused(refused, tmp_path, command, content, fragment):
    path = tmp_path / "mine.csv"
    path.write_text(content)
    argv = SMALL if command == "train" else ["evaluate", "sudoku4-linear"]
    sentence = refused(*argv, "--data", path)
    assert fragment in sentence and str(path) in sentence


@pytest.fixture
def no_checkpoints(tmp_path):
    """{kind: path} of files that are none of ours."""
    from safetensors.torch import save_file

    whole = asset("sudoku4-linear").read_bytes()
    files = {kind: tmp_path / f"{kind}.safetensors" for kind in ("cut", "text", "empty", "pickle", "foreign")}
    files["cut"].write_bytes(whole[: len(whole) // 2])
    files["text"].write_text("not a checkpoint")
    files["empty"].write_bytes(b"")
    torch.save({"weight": torch.zeros(3)}, files["pickle"])
    save_file({"weight": torch.zeros(3)}, files["foreign"])
    return files | {"folder": tmp_path, "missing": tmp_path / "nothing.safetensors"}


@pytest.mark.parametrize("kind", ["cut", "text", "empty", "pickle", "foreign", "folder", "missing"])
def test_a_file_that_is_no_checkpoint_is_refused_by_every_command(refused, no_checkpoints, kind):
    path = no_checkpoints[kind]
    for argv in (["evaluate", path], ["show", path], ["train", "--resume", path]):
        assert str(path) in refused(*argv)


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (["evaluate", "sudoku4-linear", "--puzzles", 0], "puzzles=0 must be"),
        (["evaluate", "sudoku4-linear", "--H_cycles", 0], "H_cycles=0 must be"),
        (["show", "sudoku4-linear", "--H_cycles", -1], "H_cycles=-1 must be"),
        (["evaluate", "sudoku4-linear", "--device", "toaster"], "device='toaster' is not known"),
        (["app", "--port", 0], "port=0 is not a port"),
        (["app", "--port", 65536], "port=65536 is not a port"),
        (["app", "--runs", -1], "runs=-1 must be"),
        (["app", "--lease", "nan"], "lease=nan must be"),
    ],
    ids=str,
)
def test_wrong_flags_of_the_other_commands_are_refused(refused, argv, sentence):
    assert refused(*argv).startswith(sentence)


def test_a_port_in_use_is_refused(refused):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        sentence = refused("app", "--port", port)
    assert sentence.startswith(f"cannot listen on 127.0.0.1 port {port} (Address already in use)")


def test_a_page_without_gradio_says_what_to_install(refused, monkeypatch):
    for name in [name for name in sys.modules if name.startswith("trm_explore.app")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "gradio", None)
    assert refused("app") == 'the page needs gradio, which is not installed; pip install "trm-explore[app]"'


# ---- a full disk


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="finds the name of an open file in Linux's /proc")
@pytest.mark.parametrize("broken", ["fsync", "replace"])
def test_no_space_while_saving_is_said_and_leaves_the_checkpoint_that_was_there(run, tmp_path, monkeypatch, broken):
    run(*SMALL, "--out", tmp_path / "run")
    saved = tmp_path / "run" / "model.safetensors"
    before = saved.read_bytes()

    whole = getattr(os, broken)

    def full(*arguments):
        file = arguments[1] if len(arguments) == 2 else os.readlink(f"/proc/self/fd/{arguments[0]}")
        if saved.name not in str(file):  # log and config may still be moved into place
            return whole(*arguments)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, broken, full)
        status, _, err = run("train", "--resume", saved, "--updates", 6)
    assert status == 2 and err.count("\n") == 1 and "Traceback" not in err
    assert err.startswith(f"trm-explore: could not save {saved} (") and "No space left on device" in err
    assert "the checkpoint that was there is untouched" in err and "free some space" in err
    assert saved.read_bytes() == before
    assert sorted(path.name for path in saved.parent.iterdir()) == ["config.json", "events.jsonl", saved.name]
    status, out, _ = run("train", "--resume", saved, "--updates", 6, "--json")  # with space again it goes on
    assert status == 0 and sorted(losses(events_of(out))) == [5, 6]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's /dev/full")
def test_no_space_for_the_log_is_said_with_the_folder(refused, tmp_path):
    (tmp_path / "config.json").symlink_to("/dev/full")
    sentence = refused(*SMALL, "--json", "--out", tmp_path)
    assert sentence == (
        f"could not write to {tmp_path}: No space left on device; free some space or choose another out folder"
    )


# ---- as a program


def program(*argv: object, **options) -> subprocess.Popen:
    command = [sys.executable, "-W", "error", "-m", "trm_explore", *map(str, argv)]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, cwd=Path(__file__).parent.parent, **streams, **options)


def test_the_module_is_the_program(run):
    with program(*SMALL, "--json") as process:
        out, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (0, "")
    assert losses(events_of(out)) == losses(events_of(run(*SMALL, "--json")[1]))


def test_a_reader_that_has_seen_enough_is_no_error():
    with program(*SMALL, "--json", "--updates", 10**6) as process:
        try:
            process.stdout.readline()
            process.stdout.close()
            assert process.wait(timeout=60) == 0
            assert process.stderr.read() == ""
        finally:
            process.kill()


# ---- tasks, embed, and looking at other tasks


def test_tasks_lists_every_task_with_a_puzzle_and_what_was_measured(run):
    status, out, err = run("tasks")
    assert (status, err) == (0, "")
    for name in GENERATED:
        task, _ = resolve(preset(name))
        assert f"{name}: {task.title}\n{task.help}\n" in out
    assert "\nembeddings\n" in out and "trm-explore embed FILE.txt --output_dir" in out
    assert out.count("\nsolved\n") == len(GENERATED) and "\033" not in out
    assert out.count("Measured on ") == len(pair_names()) > 0


def test_tasks_shows_only_those_that_are_named(run, refused):
    status, out, _ = run("tasks", "maze", "addition")
    assert status == 0 and out.startswith("maze: Maze\n") and "\naddition: Addition\n" in out and "sudoku" not in out
    puzzle, solved = out.split("\nsolved\n")[0].split("\n\n")[1:], out.split("\nsolved\n")[1]
    assert "S" in puzzle[0] and "G" in puzzle[0] and "o" not in puzzle[0] and "o" in solved.split("\n\n")[0]
    said = refused("tasks", "chess")
    assert said == f"task='chess' is not known; allowed are {', '.join(TASKS)}"


TEXT = "\n".join(f"This is line number {i} of a small text." for i in range(30))


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text(TEXT)
    return path


@pytest.mark.parametrize("source", ["file", "generated"])
def test_embedded_text_trains_with_its_baselines(run, tmp_path, text, source):
    argv = [text] if source == "file" else ["--generate", 40, "--seed", 3]
    sizes = ["--width", 16, "--seq_length", 3, "--chunk_size", 10]
    status, out, err = run("embed", *argv, "--output_dir", tmp_path / "chunks", *sizes)
    assert (status, err) == (0, "") and "width 16" in out and "training windows of 3 + 1" in out
    command = out.splitlines()[-1]
    assert command == (
        f"trm-explore train --task embeddings --data_folder {tmp_path / 'chunks'} --enable_deep_supervision"
    )
    assert list((tmp_path / "chunks").glob("train_embeddings_chunk_*.pt"))
    small = [
        "--updates",
        3,
        "--threads",
        1,
        "--batch_size",
        4,
        "--L_layers",
        1,
        "--H_cycles",
        2,
        "--swiglu_multiple",
        8,
    ]
    status, out, err = run(*command.split()[1:], *small, "--halt_max_steps", 2, "--log_every", 1)
    assert (status, err) == (0, "") and out.count("Baseline on held-out data, ") >= 2
    assert sum(line.startswith("Step ") for line in out.splitlines()) == 3


def test_a_second_text_is_held_out(run, tmp_path, text):
    other = tmp_path / "other.txt"
    other.write_text(TEXT.replace("small", "other"))
    sizes = ["--width", 16, "--seq_length", 3]
    status, out, _ = run("embed", text, "--val_text", other, "--output_dir", tmp_path / "chunks", *sizes)
    assert status == 0 and "27 training windows of 3 + 1, 27 held-out windows" in out
    assert list((tmp_path / "chunks").glob("val_embeddings_chunk_*.pt"))


def test_embed_refuses_what_it_cannot_do(run, refused, tmp_path, text):
    out = ["--output_dir", tmp_path / "chunks"]
    assert refused("embed", text, "--generate", 9, *out).startswith("there is both a text and --generate")
    assert refused("embed", *out).startswith("there is neither a text nor --generate")
    assert refused("embed", text).startswith("output_dir is empty")
    assert refused("embed", "--generate", -1, *out).startswith("generate=-1 must be")
    assert "nothing.txt" in refused("embed", tmp_path / "nothing.txt", *out)
    assert not (tmp_path / "chunks").exists() or not list((tmp_path / "chunks").iterdir())
    assert run("embed", text, *out, "--width", 16, "--seq_length", 3)[0] == 0
    before = {path: path.read_bytes() for path in (tmp_path / "chunks").iterdir()}
    assert str(tmp_path / "chunks") in refused("embed", text, *out, "--width", 16, "--seq_length", 3)  # not over these
    assert {path: path.read_bytes() for path in (tmp_path / "chunks").iterdir()} == before
    assert "there" in refused("train", "--task", "embeddings", "--data_folder", tmp_path / "nowhere", "--updates", 1)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """trained("maze") -> the folder of a run of two updates, made once."""
    made: dict[str, Path] = {}

    def folder_of(name: str) -> Path:
        if name not in made:
            made[name] = tmp_path_factory.mktemp("runs") / name
            small = ["--hidden_size", "16", "--num_heads", "2", "--swiglu_multiple", "8", "--batch_size", "4"]
            small += ["--updates", "2", "--eval_puzzles", "4", "--threads", "1", "--device", "cpu"]
            assert main(["train", "--task", name, *small, "--out", str(made[name])]) == 0
        return made[name]

    return folder_of


@pytest.mark.parametrize("name", ["maze", "reach", "addition", "sorting", "parity", "swirl", "poisson"])
def test_show_draws_every_task_at_every_step(run, trained, name):
    status, out, err = run("show", trained(name), "--H_cycles", 2)
    assert (status, err) == (0, "") and out.startswith("puzzle\n") and "\033" not in out
    assert [line.split(":")[0] for line in out.splitlines() if line.startswith("step")] == ["step 0", "step 1"]
    assert re.fullmatch(r"The final answer is (right|wrong)\.", out.splitlines()[-1])
    blocks = [block.splitlines() for block in out.split("\n\n") if block.strip()]
    puzzle = blocks[0][1:]
    rows = {"maze": 7, "reach": 8, "addition": 3, "sorting": 2, "parity": 1, "swirl": 1, "poisson": 8}[name]
    assert len(puzzle) == rows + (name == "addition")  # with the rule
    assert all(len(block) - 1 >= rows for block in blocks[1:3])


@pytest.mark.parametrize(
    ("name", "puzzle", "fragment"),
    [
        ("maze", "S.../##.#/G.../####", "step 0"),
        ("reach", "S.#/..#/###", "step 0"),
        ("addition", "27+5", "step 0"),
        ("addition", "9" * 20 + "+1", "trained on numbers of 8 digits"),
        ("sorting", "3 1 2 1 0 9", "trained on 8 digits"),
        ("parity", "0110", "step 0"),
        ("swirl", "0.4 0.2", "target"),
    ],
)
def test_show_takes_a_typed_puzzle_of_its_task_also_of_another_size(run, trained, name, puzzle, fragment):
    status, out, err = run("show", trained(name), "--puzzle", puzzle)
    assert (status, err) == (0, "") and fragment in out


def test_show_refuses_a_puzzle_that_is_none_for_its_task(refused, trained):
    assert "'x'" in refused("show", trained("maze"), "--puzzle", "Sx/.G")
    assert refused("show", trained("addition"), "--puzzle", "27-5").startswith("puzzle='27-5' is no addition")
    assert "reads no typed puzzles" in refused("show", trained("poisson"), "--puzzle", "1")


def test_evaluate_takes_boards_of_another_size_where_the_network_can(run, refused, trained):
    status, out, err = run("evaluate", trained("maze"), "--eval_size", 6, "--puzzles", 5, "--json")
    assert (status, err) == (0, "")
    scores = json.loads(out)
    assert scores["puzzles"] == 5 and len(scores["loss"]) == 3
    own = json.loads(run("evaluate", trained("maze"), "--puzzles", 5, "--json")[1])
    assert own["loss"] != scores["loss"] and "r2" not in own
    assert refused("evaluate", trained("maze"), "--eval_size", 1).startswith("eval_size=1 cannot be")
    assert refused("evaluate", trained("maze"), "--eval_size", -1).startswith("eval_size=-1 must be")
    assert refused("evaluate", trained("swirl"), "--eval_size", 5).startswith("eval_size=5 has no meaning for the task")
    assert refused("evaluate", "sudoku4-linear", "--eval_size", 6).startswith("eval_size=6 has no meaning for the task")


def test_evaluate_tells_numbers_by_r2(run, trained):
    scores = json.loads(run("evaluate", trained("poisson"), "--puzzles", 8, "--json")[1])
    assert len(scores["r2"]) == len(scores["loss"])
    for loss, r2 in zip(scores["loss"], scores["r2"], strict=True):
        assert (r2 < 1) == (loss > 0)
    assert "R2" in run("evaluate", trained("poisson"), "--puzzles", 8)[1]


def test_evaluate_halts_each_puzzle_for_itself(run, refused):
    everything = json.loads(run("evaluate", "sudoku4-linear", "--puzzles", 100, "--H_cycles", 3, "--json")[1])
    tail = ["--puzzles", 100, "--H_cycles", 3, "--json", "--halt_threshold"]
    never, soon, always = (
        json.loads(run("evaluate", "sudoku4-linear", *tail, threshold)[1])["halting"]
        for threshold in (0.9999999, 0.95, 0)
    )
    assert "halting" not in everything and soon["threshold"] == 0.95
    assert never["exact_accuracy"] == pytest.approx(everything["exact_accuracy"][-1]) and never["mean_steps"] == 3
    assert always["exact_accuracy"] == pytest.approx(everything["exact_accuracy"][0]) and always["mean_steps"] == 1
    assert 1 < soon["mean_steps"] < 3 and soon["stopped"] > 0.5
    status, out, _ = run("evaluate", "sudoku4-linear", "--puzzles", 100, "--halt_threshold", 0.5)
    assert status == 0 and "steps on average" in out.splitlines()[-1]
    for wrong in (1, -0.1, "nan"):
        assert refused("evaluate", "sudoku4-linear", "--halt_threshold", wrong).startswith("halt_threshold=")


def test_diagnose_says_what_a_kept_run_shows(run, refused, trained, tmp_path):
    status, out, err = run("diagnose", trained("maze"))
    assert (status, err) == (0, "") and out.strip()
    status, told, _ = run("diagnose", trained("maze"), "--json")
    findings = json.loads(told)
    assert status == 0 and isinstance(findings, list)
    assert out.strip() == ("\n".join(finding["text"] for finding in findings) or "Nothing stands out.")
    assert run("diagnose", trained("maze") / "events.jsonl")[1] == out
    assert str(tmp_path) in refused("diagnose", tmp_path)
    for nothing in ("", "no json\n", "no json\nno json\n"):
        (tmp_path / "events.jsonl").write_text(nothing)
        assert str(tmp_path) in refused("diagnose", tmp_path)


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--task", "maze", "--size", 1], "size=1 cannot be"),
        (["--task", "sudoku4", "--size", 5], "size=5 has no meaning for the task sudoku4; leave it out"),
        (["--task", "maze", "--base", 3], "base=3 has no meaning for the task maze; leave it out"),
        (["--task", "reach", "--loops", 0.5], "loops=0.5 has no meaning for the task reach; leave it out"),
        (["--task", "maze", "--difficulty", "easy"], "difficulty='easy' has no meaning for the task maze"),
        (["--task", "maze", "--data", "x.csv"], "data='x.csv' has no meaning for the task maze; leave it out"),
        (["--task", "maze", "--mixer", "mlp", "--eval_size", 6], "eval_size=6 is another size than in training"),
        (["--task", "maze", "--num_epochs", 2], "num_epochs=2 has no meaning for the task maze"),
        (["--task", "addition", "--base", 17], "base=17 is no base known here; allowed are 2 to 16"),
        (["--task", "embeddings"], "data='' names no folder of embeddings"),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, list) else "",
)
def test_settings_that_mean_nothing_to_the_task_are_refused_in_the_terminal(refused, flags, sentence):
    assert refused("train", *flags).startswith(sentence)


def test_every_task_trains_in_the_terminal(trained):
    for name in GENERATED:
        assert (trained(name) / "model.safetensors").is_file()


@pytest.fixture(scope="module")
def kept_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kept") / "run"
    assert main(["train", "--task", "addition", "--updates", "4", "--device", "cpu", "--out", str(folder)]) == 0
    return str(folder)


@pytest.mark.parametrize("encoding", ["cp1251", "cp437", "ascii", "cp932", "utf-8"])
def test_every_code_page_gets_the_output(encoding, kept_run, monkeypatch):
    """Windows' code pages and a plain C locale lack signs that texts have; the nearest of ASCII stands there."""
    commands = (["tasks"], ["show", "maze-linear"], ["evaluate", "sudoku4-linear", "--puzzles", "2"])
    commands += (["diagnose", kept_run], ["report", kept_run, "--out", kept_run + ".html"], ["help"])
    commands += (["show", "sudoku4-linear", "--puzzle", "\u042f\u2026\udcff"], ["evaluate", "\u4e2d\u0416\u00d7"])
    for command in commands:
        out, err = (io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="strict") for _ in range(2))
        monkeypatch.setattr(sys, "stdout", out)
        monkeypatch.setattr(sys, "stderr", err)
        status = main(command)
        out.flush(), err.flush()
        said = (out.buffer.getvalue() + err.buffer.getvalue()).decode(encoding)
        assert status == (2 if command[-1][0] in "\u042f\u4e2d" else 0) and said.strip(), (command, said)
        if command == ["tasks"]:
            assert ("Sudoku 4\u00d74" if encoding in ("cp932", "utf-8") else "Sudoku 4x4") in said


def test_the_environments_code_page_is_taken():
    env = {**os.environ, "PYTHONIOENCODING": "cp1251", "PYTHONUTF8": "0"}
    done = subprocess.run([sys.executable, "-m", "trm_explore", "tasks"], capture_output=True, env=env)
    assert done.returncode == 0 and b"Sudoku 4x4" in done.stdout and not done.stderr
