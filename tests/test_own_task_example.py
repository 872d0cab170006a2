"""docs/examples/own_task.py does what docs/own_tasks.md says of it: as an object, as a folder, and as a script."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import large

from trm_explore.tasks import preset, resolve
from trm_explore.training import train
from trm_explore.training.events import Evaluated, Finished

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "docs" / "examples" / "own_task.py"
FAST = {"hidden_size": 16, "batch_size": 4, "updates": 2, "eval_puzzles": 4, "threads": 1, "device": "cpu"}


@pytest.fixture(scope="module")
def example():
    spec = importlib.util.spec_from_file_location("own_task", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_object_has_no_held_out_row_among_its_training_rows(example):
    task, _ = resolve(preset(example.Reverse()))
    train_rows = {tuple(row) for row in task.sample(5000, np.random.default_rng(0))["inputs"].tolist()}
    held_out = task.held_out(500)
    assert not train_rows & {tuple(row) for row in held_out["inputs"].tolist()}
    assert all(np.array_equal(held_out[name], task.held_out(500)[name]) for name in held_out)
    assert (held_out["labels"] == held_out["inputs"][:, ::-1]).all()
    assert task.board()["symbols"] == list("abcdefgh")


def test_the_folder_it_writes_is_the_same_task(example, tmp_path):
    example.write_folder(tmp_path / "reverse")
    own, _ = resolve(preset(example.Reverse()))
    task, config = resolve(preset(str(tmp_path / "reverse"), **FAST))
    assert task.board() == own.board() and config.model.mixer == "mlp"
    assert (task.rows, task.cols, task.vocab_size) == (own.rows, own.cols, own.vocab_size)
    assert np.array_equal(task.held_out(200)["inputs"], own.held_out(200)["inputs"])
    assert isinstance(list(train(config))[-1], Finished)


@pytest.mark.slow
def test_the_script_learns_it_and_writes_the_folder(tmp_path):
    said = subprocess.run(
        [sys.executable, "-W", "error", EXAMPLE, tmp_path / "reverse"],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert said.returncode == 0 and said.stderr == ""
    last = json.loads(said.stdout.splitlines()[-1].split("by step ")[1])
    assert last[-1] > 0.9
    assert json.loads((tmp_path / "reverse" / "task.json").read_text())["name"] == "reverse"


@large
@pytest.mark.slow
def test_the_preset_learns_it(example):
    events = list(train(preset(example.Reverse(), enable_deep_supervision=True, threads=1, device="cpu")))
    assert [event for event in events if isinstance(event, Evaluated)][-1].exact_accuracy[-1] > 0.9
