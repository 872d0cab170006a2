"""analysis/: every view of the inside works on the shipped model of every task, and says what those models do."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from trm_explore.analysis import cost_measured, influence
from trm_explore.analysis.influence import attention_maps
from trm_explore.analysis.intervention import Noise, SetCell, intervene, recovered
from trm_explore.analysis.latent import latent_paths, state_change
from trm_explore.analysis.thinking import VERDICTS, accuracy_by_cycle, halting_by_puzzle
from trm_explore.data.assets import asset
from trm_explore.model.checkpoint import load_checkpoint
from trm_explore.tasks import GENERATED, resolve


def shipped(name):
    model, config = load_checkpoint(asset(f"{name}-linear.safetensors"))
    task, config = resolve(config)
    return model, task, task.held_out(2)


def assert_ready_for_json(*views):
    for view in views:
        assert len(json.dumps(view.to_dict(), allow_nan=False)) < 200_000 and view.text[-1] in ".)"


@pytest.mark.parametrize("name", GENERATED)
def test_thinking_intervening_and_latent_paths_work_for_every_task(name):
    model, task, batch = shipped(name)
    S = model.config.H_cycles
    accuracy = accuracy_by_cycle(model, task, puzzles=8, H_cycles=S + 1)
    halting = halting_by_puzzle(model, task, puzzles=8, H_cycles=S + 1)
    token = 0.5 if task.loss == "mse" else 2
    before, after = intervene(model, batch, [SetCell(0, 0, token), Noise(1, "z_L", 0.1)], H_cycles=S + 1)
    read = after.answers[0, :, 0]
    assert read == pytest.approx(read * 0 + token, abs=1e-4)
    paths = latent_paths(model, task, batch, others=4)
    assert paths.paths.shape == (task.held_out(1)["labels"].shape[1], S, 2)
    assert_ready_for_json(accuracy, halting, recovered(before, after, tolerance=task.tolerance), paths)
    assert len(accuracy.loss) == len(halting.puzzles[0].halt) == S + 1
    assert_ready_for_json(state_change(after))


@pytest.mark.parametrize("name", GENERATED)
def test_influence_and_attention_work_for_every_task(name):
    model, task, batch = shipped(name)
    S, L = model.config.H_cycles, task.held_out(1)["labels"].shape[1]
    one = influence(model, batch, positions=[L // 2])
    assert one.matrix.shape == (S, 1, L) and one.matrix.max() > 0 and one.probes == model.config.vocab_size
    assert_ready_for_json(one)
    if model.config.mixer == "attention":
        maps = attention_maps(model, batch)
        assert maps.shape == (S, model.config.L_cycles + 1, 1, 4, L, L) and maps.sum(-1) == pytest.approx(1)


@pytest.mark.slow
def test_the_shipped_models_show_what_the_views_are_for():
    """One keeps improving with longer thought, one does not; a wrong cell is put right again; a fixed point exists."""
    model, task, batch = shipped("sudoku6")
    assert "thinking longer helps" in accuracy_by_cycle(model, task, puzzles=64).text
    model, task, _ = shipped("sorting")
    assert "thinking longer harms" in accuracy_by_cycle(model, task, puzzles=64).text
    model, task, batch = shipped("sudoku4")
    halting = halting_by_puzzle(model, task, puzzles=64)
    assert halting.counts["stopped right"] > 50
    before, after = intervene(model, batch, [SetCell(0, 0, int(batch["labels"][0, 0]) % 4 + 2)])
    back = recovered(before, after)
    assert (back.first_changed, back.cells[0]) == (0, 1) and back.back_at is not None
    assert state_change(intervene(model, batch, [Noise(2)], H_cycles=12)[0]).still_from is not None


def test_the_examples_of_the_docs_run_and_say_what_they_say(monkeypatch):
    monkeypatch.setattr(cost_measured, "ENOUGH", 2)
    text = (Path(__file__).parent.parent / "docs" / "inside.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    names = {}
    for block in blocks:
        exec(block, names)
    assert len(blocks) == 6 and names["paths"].paths.shape == (16, 3, 2)
    assert set(re.findall(r"^\| ([a-z, ]+) \| (?:never )?stops", text, re.MULTILINE)) == set(VERDICTS)
