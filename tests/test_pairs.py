"""pairs.py: what was measured with and without supervision, in words that fit the figures; the pairs that ship are as
they say."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import pytest
import torch

from trm_explore.cli import main
from trm_explore.data import assets as resources
from trm_explore.data.assets import asset, assets, folder
from trm_explore.model.checkpoint import load_checkpoint, read_checkpoint
from trm_explore.shipped import pairs, recipe_runs
from trm_explore.shipped.pairs import (
    CONTROL,
    KINDS,
    OTHERS,
    checkpoint_name,
    config_of_pair,
    load_pair,
    make_pairs,
    pair_names,
    text_of,
)
from trm_explore.shipped.recipe_runs import RECORDED, make_recipe_runs, recorded_runs
from trm_explore.tasks import GENERATED, resolve
from trm_explore.tasks.sudoku import SudokuTask
from trm_explore.training.evaluation import evaluate

ROOT = Path(__file__).parent.parent

RUNS = (*KINDS, CONTROL)
LARGEST = {"pairs": 5_000_000, "recipes": 600_000}  # bytes that they add to a download


# ---- the words


def made_up(on: list[float], off: list[float], off_time: list[float], name: str = "exact_accuracy") -> dict:
    """A pair with these scores by step under one name; the others are such as must not be told."""
    runs = {}
    for kind, told in zip(RUNS, (on, off, off_time, [0.02] * len(on)), strict=True):
        nothing = [0.011] * len(told)
        scores = {"exact_accuracy": nothing, "cell_accuracy": nothing, "r2": nothing if name == "r2" else []}
        runs[kind] = {"scores": scores | {name: told}}
    return {"task": "maze", "cost": 1.8, "puzzles": 700, "runs": runs}


BETTER, EQUAL, WORSE = "the final answer is better with it", "about as good either way", "the final answer is worse"


@pytest.mark.parametrize(
    ("on", "off", "off_time", "fragments", "never"),
    [
        (0.95, 0.60, 0.70, [BETTER], ["worse", "not worth", "about as good"]),
        (0.95, 0.92, 0.70, [BETTER], ["worse", "not worth", "about as good"]),
        (0.95, 0.94, 0.96, [EQUAL], ["better", "worse", "not worth"]),
        (0.95, 0.95, 0.95, [EQUAL], ["better", "worse", "not worth"]),
        (0.80, 0.95, 0.90, [WORSE], ["better", "about as good"]),
        (0.95, 0.60, 0.94, ["better with it after as many updates", "no better in as much time"], ["worse"]),
        (0.80, 0.20, 0.95, ["better with it after as many updates", "worse in as much time"], ["about as good"]),
        (0.80, 0.81, 0.95, ["not worth its time"], ["better"]),
        (0.80, 0.95, 0.81, ["not worth its time"], ["better"]),
        # The longer run without it was the worse one: then supervision is worth its time.
        (0.94, 0.95, 0.20, ["better in as much time"], ["not worth"]),
        (0.80, 0.95, 0.20, ["better in as much time", "worse"], ["not worth"]),
    ],
)
@pytest.mark.parametrize("name", ["exact_accuracy", "r2", "cell_accuracy"])
def test_the_verdict_fits_the_final_scores(on, off, off_time, fragments, never, name):
    said = text_of(made_up([0.5, on], [0.01, off], [0.02, off_time], name))
    verdict = said.split(". The long gradient")[0].rsplit(": ", 1)[1]
    assert all(fragment in verdict for fragment in fragments), verdict
    assert not any(word in verdict for word in never), verdict


def test_the_words_have_the_first_and_last_steps_and_the_number_of_puzzles():
    said = text_of(made_up([0.52, 0.9], [0.014, 0.7], [0.031, 0.8]))
    assert said.startswith("Measured on 700 held-out puzzles, one seed: ") and "\n" not in said
    assert "step 0 solves 52 % with supervision, 1 % without (3 % in as much time)" in said
    assert "the last step 90 % against 70 % (80 %)" in said
    assert said.endswith(
        " The long gradient alone, without early losses (scope full): step 0 solves 2 %, the last 2 %."
    )


def test_where_nothing_is_solved_r2_or_cells_are_told_as_what_they_are():
    r2 = text_of(made_up([0.912, 0.99], [-3.0, 0.9], [0.2, 0.9], "r2"))
    assert "step 0 has an R2 of 0.91" in r2 and "-3" in r2 and "%" not in r2 and "solves" not in r2
    cells = text_of(made_up([0.6, 0.7], [0.3, 0.6], [0.3, 0.6], "cell_accuracy"))
    assert "step 0 has 60 % of the cells right with supervision, 30 % without" in cells and "solves" not in cells


def test_a_score_just_below_one_is_not_rounded_to_all():
    said = text_of(made_up([0.5, 0.996], [0.5, 1.0], [0.5, 0.985]))
    assert "the last step 99.6 % against 100 % (98.5 %)" in said


def test_the_control_differs_from_both_in_one_thing_each():
    on, off, control = (config_of_pair("maze", kind) for kind in ("on", "off", CONTROL))
    assert on.supervision.scope == control.supervision.scope == "full" != off.supervision.scope
    assert not control.supervision.enable_deep_supervision and on.supervision.enable_deep_supervision
    assert control.with_flat(gradient_scope=off.supervision.gradient_scope) == off


# ---- making them


@pytest.fixture
def small(monkeypatch):
    """Pairs of six updates over forty puzzles; the list says how often the cost was measured, and as what."""
    whole, measured = config_of_pair, []
    sizes = {"hidden_size": 16, "num_heads": 2, "swiglu_multiple": 8, "batch_size": 4, "eval_puzzles": 6}

    def tiny(task, kind, updates=None):
        config = whole(task, kind, updates or 6)
        return config.with_flat(**sizes)

    def cost(task):
        measured.append(1.58334)  # 6 updates of it are 9.50004, of the rounded one 9.498
        return measured[-1]

    monkeypatch.setattr(pairs, "config_of_pair", tiny)
    monkeypatch.setattr(recipe_runs, "config_of_pair", tiny)
    monkeypatch.setattr(pairs, "cost_of_supervision", cost)
    monkeypatch.setattr(pairs, "PUZZLES", 40)
    monkeypatch.setattr(pairs, "SEARCHED", 20)
    return measured


def counts_of(path) -> dict[str, int]:
    return {kind: run["updates"] for kind, run in json.loads(path.read_text())["runs"].items()}


@pytest.mark.parametrize("task", ["sudoku4", "swirl"])
def test_make_pairs_writes_three_checkpoints_and_their_figures(small, tmp_path, task):
    lines = list(make_pairs(task, tmp_path))
    names = {f"{checkpoint_name(task, kind)}.safetensors" for kind in KINDS}
    assert {path.name for path in tmp_path.iterdir()} == names | {f"pairs-{task}.json"} and len(names) == 3
    assert [line.split(":")[0] for line in lines] == [*(f"{task} {kind}" for kind in RUNS), task]
    assert ("R2 [" in lines[0]) == (task == "swirl") and "Measured on 40 held-out puzzles" in lines[-1]
    pair = json.loads((tmp_path / f"pairs-{task}.json").read_text())
    assert pair["puzzles"] == 40 and 0 <= pair["shown_puzzle"] < 20 and set(pair["runs"]) == set(RUNS)
    for kind in KINDS:  # of the control only the figures are kept
        run = pair["runs"][kind]
        model, config = load_checkpoint(tmp_path / f"{checkpoint_name(task, kind)}.safetensors")
        assert config.supervision.enable_deep_supervision == (kind == "on")
        made, config = resolve(config)
        steps = config.eval_steps
        assert len(run["scores"]["loss"]) == steps and len(run["twice_the_steps"]["loss"]) == 2 * steps
        assert (
            run["updates"] == config.train.updates
            and run["points"][0][0] == 1
            and run["evals"][-1][0] == run["updates"]
        )
        fresh = evaluate(model, made, made.held_out(40), H_cycles=steps)
        assert run["scores"]["loss"] == pytest.approx(fresh.loss, rel=1e-3)
        assert run["scores"]["exact_accuracy"] == pytest.approx(fresh.exact_accuracy, abs=1e-3)


def test_pairs_made_again_are_the_same_runs_until_the_cost_is_measured_anew(small, tmp_path):
    path = tmp_path / "pairs-sudoku4.json"
    list(make_pairs("sudoku4", tmp_path))
    first, counts = json.loads(path.read_text()), counts_of(path)
    weights = {file.name: read_checkpoint(file).tensors for file in tmp_path.glob("*.safetensors")}
    assert counts["on"] == counts["off"] == counts[CONTROL] == 6 and len(small) == 1
    assert counts["off-time"] == round(6 * first["cost"])  # of the number as it is stored
    list(make_pairs("sudoku4", tmp_path))
    assert counts_of(path) == counts and len(small) == 1  # the stored cost, whatever this machine is like today
    again = json.loads(path.read_text())
    for kind in RUNS:
        assert again["runs"][kind]["scores"] == first["runs"][kind]["scores"]
    for name, tensors in weights.items():
        now = read_checkpoint(tmp_path / name).tensors
        assert now.keys() == tensors.keys() and all(torch.equal(now[key], tensors[key]) for key in now)
    first["cost"] = 3.0
    path.write_text(json.dumps(first))
    list(make_pairs("sudoku4", tmp_path))
    assert counts_of(path)["off-time"] == 18 and len(small) == 1
    list(make_pairs("sudoku4", tmp_path, measure=True))
    assert counts_of(path)["off-time"] == round(6 * 1.583) and len(small) == 2


def test_the_number_of_puzzles_told_is_the_number_there_was(small, tmp_path, monkeypatch):
    whole = SudokuTask.held_out
    monkeypatch.setattr(SudokuTask, "held_out", lambda self, n: whole(self, min(n, 25)))  # fewer than PUZZLES
    assert "Measured on 25 held-out puzzles" in list(make_pairs("sudoku4", tmp_path))[-1]


def test_the_command_makes_them_where_it_is_told(small, tmp_path, capsys):
    command = ["make-assets", "sudoku4", "--out", str(tmp_path / "new")]
    assert main([*command, "--what", "pairs"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(RUNS) + 1 and len(list((tmp_path / "new").iterdir())) == 4
    assert main([*command, "--what", "recipes"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(RECORDED) and len(list((tmp_path / "new").iterdir())) == 5
    assert main([*command, "--measure"]) == 0 and len(small) == 2
    assert len(capsys.readouterr().out.splitlines()) == len(RUNS) + 1 + len(RECORDED)
    assert main(["make-assets", "chess", "--out", str(tmp_path / "new")]) == 2
    assert "task='chess' is not known; allowed are sudoku4, " in capsys.readouterr().err


def test_recipe_runs_answer_the_pairs_puzzle_and_are_stored_once(small, tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="make the pair first"):
        list(make_recipe_runs("sudoku4", tmp_path))
    assert not list(tmp_path.iterdir())
    list(make_pairs("sudoku4", tmp_path))
    lines = list(make_recipe_runs("sudoku4", tmp_path))
    assert [line.split(":")[0] for line in lines] == [f"sudoku4 {kind}" for kind in RECORDED]
    monkeypatch.setattr(resources, "folder", lambda: tmp_path)
    runs, pair = recorded_runs("sudoku4"), load_pair("sudoku4")
    assert set(runs) == {"on", "off", *OTHERS}
    for kind in ("on", "off", CONTROL):  # by turns or one after the other: the same settings and seed, the same figures
        assert runs[kind]["scores"] == pair["runs"][kind]["scores"]
    for kind in RECORDED:
        frame, config = runs[kind]["frame"], config_of_pair("sudoku4", kind)
        assert len(frame["steps"]) == config.eval_steps == len(runs[kind]["scores"]["loss"])
        assert frame["inputs"] == runs[CONTROL]["frame"]["inputs"] and f"{pair['shown_puzzle']}" in frame["label"]
    (tmp_path / "recipes-sudoku4.json").unlink()
    assert recorded_runs("sudoku4") == {}


@pytest.mark.slow
def test_supervision_is_measured_to_cost_time_and_not_too_much():
    assert 1.0 < pairs.cost_of_supervision("sudoku4") < 3.5  # theory: 1.8 for 3 H-cycles


# ---- what ships


def test_pairs_ship_whole_and_small():
    there = assets()
    assert "sudoku4" in pair_names() and set(pair_names()) <= set(GENERATED)
    wanted = {f"{checkpoint_name(task, kind)}.safetensors" for task in pair_names() for kind in KINDS}
    checkpoints = {name for name in there if name.endswith(".safetensors")}
    assert checkpoints == wanted  # none is left over
    for part, largest in LARGEST.items():
        files = [f"{part}-{task}.json" for task in pair_names()] + list(checkpoints if part == "pairs" else ())
        assert sum((folder() / name).stat().st_size for name in files) < largest


@pytest.mark.parametrize("task", pair_names())
def test_a_shipped_pairs_figures_fit_its_settings(task):
    pair = load_pair(task)
    assert pair["task"] == task and set(pair["runs"]) == set(RUNS) and "Measured on" in text_of(pair)
    runs = pair["runs"]
    updates = config_of_pair(task, "on").train.updates
    assert runs["on"]["updates"] == runs["off"]["updates"] == runs[CONTROL]["updates"] == updates
    assert runs["off-time"]["updates"] == round(updates * pair["cost"])
    for kind in KINDS:
        _, config = load_checkpoint(asset(checkpoint_name(task, kind)))
        expected = resolve(config_of_pair(task, kind, runs[kind]["updates"]))[1].to_flat()
        assert config.to_flat() == expected
    for kind in RUNS:
        assert len(runs[kind]["points"]) <= 2 * pairs.POINTS


def check_pair(task: str, kinds: tuple[str, ...]) -> None:
    """The stored scores are those of the stored weights on the same puzzles."""
    pair = load_pair(task)
    for kind in kinds:
        model, config = load_checkpoint(asset(checkpoint_name(task, kind)))
        made, config = resolve(config)
        puzzles = made.held_out(pairs.PUZZLES)
        fresh = evaluate(model, made, puzzles, H_cycles=config.eval_steps)
        stored = pair["runs"][kind]["scores"]
        assert len(puzzles["labels"]) == pair["puzzles"]
        assert stored["exact_accuracy"] == pytest.approx(fresh.exact_accuracy, abs=1.1e-3)
        assert stored["cell_accuracy"] == pytest.approx(fresh.cell_accuracy, abs=1e-3)
        assert stored["r2"] == pytest.approx(fresh.r2, abs=1e-3, rel=1e-3)


def test_a_shipped_models_scores_are_those_that_were_stored():
    check_pair("sudoku4", ("on",))


@pytest.mark.slow
@pytest.mark.parametrize("task", pair_names())
def test_every_shipped_models_scores_are_those_that_were_stored(task):
    check_pair(task, KINDS)


def test_the_documents_have_the_scores_as_they_are_written_today(tmp_path, monkeypatch):
    """`python benchmarks/tasks.py --recorded` changes nothing in docs/tasks.md and docs/compare.md."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    script = importlib.import_module("tasks")
    parts = [(script.pairs(), script.PAIRS, "tasks.md"), (script.recipes(), script.RECIPES, "compare.md")]
    for made, marks, name in parts:
        copy = tmp_path / name
        copy.write_text((ROOT / "docs" / name).read_text(encoding="utf-8"), encoding="utf-8")
        script.write("\n".join(made), marks, copy)
        assert copy.read_text(encoding="utf-8") == (ROOT / "docs" / name).read_text(encoding="utf-8"), name
