"""The public face accepts what people type, says in one sentence what it cannot take, and prints little."""

import doctest
import inspect
import operator
import re
from pathlib import Path

import numpy as np
import pytest
import torch

import trm_explore
from trm_explore import (
    TASKS,
    ModelConfig,
    RunConfig,
    analysis,
    diagnose,
    evaluate,
    evaluate_halting,
    gradient_statistics,
    load_checkpoint,
    preset,
    record,
    resolve,
    supervision_weights,
    train,
)
from trm_explore.analysis.influence import influence
from trm_explore.data.assets import asset, checkpoints
from trm_explore.model.cancel import cancel_check, present_check
from trm_explore.tasks import as_run_config
from trm_explore.training import events as ev

SMALL = {"updates": 2, "batch_size": 4, "eval_puzzles": 4, "threads": 1, "device": "cpu"}


def weights(model):
    return torch.cat([p.flatten() for p in model.parameters()])


# ---- tasks and runs


@pytest.mark.parametrize("name", ["sudoku4", "addition"])
def test_a_tasks_name_stands_for_its_preset(name):
    own = resolve(preset(name))[1]
    assert resolve(name)[1] == own == train(name).config == train(preset(name)).config
    assert resolve(name)[0].name == train(name).task.name == name


def test_arguments_keep_their_names():
    config = preset("sudoku4", **SMALL)
    assert train(run_config=config, resume=None).config == resolve(config=config)[1]
    assert diagnose(events=[]) == []


def test_settings_beside_a_name_or_a_config_override_it():
    assert train("maze", updates=7, T=2).config == resolve(preset("maze", updates=7, T=2))[1]
    assert train(preset("maze", seed=3), updates=7).config == resolve(preset("maze", seed=3, updates=7))[1]
    events = list(train("sudoku4", enable_deep_supervision=True, frame_every=0, **SMALL))
    assert isinstance(events[-1], ev.Finished) and events[0].config["enable_deep_supervision"]


def test_a_folder_and_an_object_stand_for_their_presets():
    class Copy:
        rows, cols, vocab_size = 1, 4, 3
        preset = {"updates": 5}

        def sample(self, n, rng):
            inputs = rng.integers(3, size=(n, 4))
            return {"inputs": inputs, "labels": inputs}

        def held_out(self, n):
            return self.sample(n, np.random.default_rng(0))

    assert train(Copy()).config.train.updates == 5
    with pytest.raises(ValueError, match=r"there is no file nowhere.*task\.json"):
        preset(Path("nowhere/task"))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("sudok4", "^task='sudok4' is not known; allowed are sudoku4, .*, embeddings; did you mean sudoku4\\?$"),
        ("Maze", "; did you mean maze\\?$"),
        ("", "^task='' is not known; allowed are sudoku4"),
        ("x" * 5000, "^task='x{59}\u2026 is not known; allowed are sudoku4, [a-z0-9, ]*embeddings$"),
        (5, "^task=5 must be text$"),
        (None, "^task=None must be text$"),
        ({"task": "maze"}, "^{'task': 'maze'} is a dict of settings; give RunConfig.from_flat"),
        (["maze"], "is neither a task's name nor a task"),
    ],
)
def test_what_is_no_run_is_one_sentence(wrong, said):
    model, _ = load_checkpoint("parity-linear")
    for accepts in (train, resolve, lambda run: evaluate(model, run)):
        with pytest.raises(ValueError, match=said) as error:
            accepts(wrong)
        assert len(str(error.value)) < 400


def test_an_unknown_preset_or_setting_is_told_the_nearest():
    with pytest.raises(ValueError, match="^preset='papr' is not known; allowed are tiny, .*; did you mean paper\\?$"):
        preset("sudoku4", "papr")
    with pytest.raises(FileNotFoundError, match="; did you mean maze-linear.safetensors\\?$"):
        asset("maze-liner")
    with pytest.raises(ValueError, match="^mixer='atention' is not known; .*; did you mean attention\\?$"):
        preset("sudoku4", mixer="atention")
    with pytest.raises(ValueError, match="^schedule='linear' is not known; .*; did you mean linear_decay\\?$"):
        supervision_weights("linear", 3)
    with pytest.raises(ValueError, match="did you mean updates\\?$"):
        train("sudoku4", updats=3)
    assert as_run_config("maze") == preset("maze") and as_run_config(config := RunConfig()) is config


# ---- models


def test_a_model_is_loaded_by_the_names_that_the_command_line_takes(tmp_path):
    assert "maze-linear" in checkpoints() and all(asset(name).suffix == ".safetensors" for name in checkpoints())
    named, config = load_checkpoint("maze-linear")
    for path in ("maze-linear.safetensors", asset("maze-linear"), str(asset("maze-linear"))):
        assert torch.equal(weights(load_checkpoint(path)[0]), weights(named))
    training = train("sudoku4", out=str(tmp_path / "run"), frame_every=0, **SMALL)
    list(training)
    kept, its_config = load_checkpoint(tmp_path / "run")
    assert torch.equal(weights(kept), weights(training.ema_model)) and its_config == training.config
    more = train("sudoku4", tmp_path / "run", frame_every=0, **(SMALL | {"updates": 3}))
    assert [event.update for event in more if isinstance(event, ev.UpdateDone)] == [3]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (
            "maze-liner",
            "^there is no checkpoint maze-liner; give .*such as maze-linear; did you mean maze-linear\\?$",
        ),
        ("runs/none", "^there is no checkpoint runs/none; give a .safetensors file, a run's folder, or the name"),
        ("pairs-maze.json", "^there is no checkpoint pairs-maze.json; "),
        (" ", "^the checkpoint's name is empty; "),
        ("x" * 5000, "^there is no checkpoint x{200}; "),
    ],
)
def test_what_is_no_model_is_one_sentence(wrong, said):
    with pytest.raises(ValueError, match=said) as error:
        load_checkpoint(wrong)
    assert len(str(error.value)) < 400
    with pytest.raises(ValueError, match=said):
        train("sudoku4", resume=wrong)


# ---- evaluation


def test_a_model_is_evaluated_by_its_tasks_name_on_held_out_puzzles():
    model, config = load_checkpoint("maze-linear")
    task, _ = resolve(config)
    scores = evaluate(model, "maze", 40)
    assert scores == evaluate(model, task, task.held_out(40)) == evaluate(model, config, 40)
    assert scores.exact_accuracy[-1] > 0.8
    puzzles = {name: torch.from_numpy(values) for name, values in task.held_out(40).items()}
    assert evaluate(model, task, puzzles) == scores
    one = evaluate_halting(model, "maze", 40)
    assert one == evaluate_halting(model, task, task.held_out(40), H_cycles=model.config.H_cycles)


@pytest.mark.parametrize(
    ("task", "puzzles", "said"),
    [
        ("maze", 9, "^the model was made for vocab_size=12, the task maze has 6; give the task that it was trained on"),
        ("sorting", 9, "^the model was made for seq_len=27, the task sorting has 16; "),
        ("addition", 0, "^puzzles=0 must be at least 1$"),
        ("addition", "9", "^puzzles='9' must be a number of held-out puzzles, or a dict with inputs and labels"),
        ("addition", {"inputs": np.zeros((1, 27), int)}, "must be a number of held-out puzzles, or a dict"),
    ],
)
def test_what_cannot_be_evaluated_is_one_sentence(task, puzzles, said):
    model, _ = load_checkpoint("addition-linear")
    for score in (evaluate, evaluate_halting):
        with pytest.raises(ValueError, match=said):
            score(model, task, puzzles)


def test_what_is_no_model_or_no_batch_is_one_sentence():
    model, config = load_checkpoint("parity-linear")
    task, _ = resolve(config)
    puzzle, edit = task.held_out(1), analysis.SetCell(0, 0, 1)
    takers = (
        lambda model, batch: record(model, batch),
        lambda model, batch: gradient_statistics(model, batch),
        lambda model, batch: analysis.intervene(model, batch, [edit]),
        lambda model, batch: analysis.latent_paths(model, task, batch),
        lambda model, batch: influence(model, batch),
        lambda model, batch: evaluate(model, task, batch),
        lambda model, batch: analysis.accuracy_by_cycle(model, "parity", puzzles=batch),
        lambda model, batch: analysis.halting_by_puzzle(model, "parity", puzzles=batch),
    )
    for take in takers:
        for other, kind in (
            (load_checkpoint("parity-linear"), "tuple"),
            (train("parity"), "Training"),
            ("parity", "str"),
        ):
            with pytest.raises(
                ValueError, match=f"^model is a {kind}; give a RecursiveModel: .* the ema_model of a train"
            ):
                take(other, puzzle)
        for other in (puzzle["inputs"], [puzzle], "parity"):
            with pytest.raises(ValueError, match="must be a number of held-out puzzles|^a batch is a dict of arrays"):
                take(model, other)
        for lacking in ({}, {"labels": puzzle["labels"]}):
            with pytest.raises(ValueError, match="must be a number of held-out puzzles|^a batch needs inputs"):
                take(model, lacking)


# ---- what is printed


def test_a_printed_object_is_a_line():
    model, config = load_checkpoint("sudoku4-linear")
    task, _ = resolve(config)
    trajectory = record(model, task.held_out(64), keep_states=True)
    assert repr(trajectory) == "Trajectory(3 steps of 64 puzzles, 16 positions, labelled, with states)"
    assert repr(record(model, {"inputs": trajectory.inputs[:1]})) == "Trajectory(3 steps of 1 puzzle, 16 positions)"
    assert repr(TASKS) == f"TASKS({', '.join(TASKS)})"
    assert re.fullmatch(r"RecursiveModel\([\d,]+ weights, \w+, D=64, H_cycles=3, L_cycles=2\)", repr(model))
    for event in train("sudoku4", enable_deep_supervision=True, frame_every=1, gradient_every=1, **SMALL):
        assert len(repr(event)) < 500, event
    assert len(repr(ModelConfig())) < 700


def test_the_page_of_help_says_what_is_so():
    """Every example in the package's docstring gives what stands there, and every public function is in one."""
    examples = doctest.DocTestParser().get_doctest(trm_explore.__doc__, {}, "trm_explore", None, 0)
    out = []
    runner = doctest.DocTestRunner(verbose=False, optionflags=doctest.ELLIPSIS)
    assert runner.run(examples, out=out.append).failed == 0, "".join(out)
    functions = {name for name in trm_explore.__all__ if inspect.isfunction(getattr(trm_explore, name))}
    shown = {name for name in functions if f"{name}(" in trm_explore.__doc__}
    assert functions - shown == {"asset", "deep_supervision_loss", "evaluate_halting"}


INTERNAL = {"before_call", "watch", "processes", "how"}


@pytest.mark.parametrize("name", [*trm_explore.__all__, *(f"analysis.{name}" for name in analysis.__all__)])
def test_no_signature_shows_what_only_the_inside_uses(name):
    found = operator.attrgetter(name)(trm_explore)
    for function in [found, *(vars(found).values() if isinstance(found, type) else ())]:
        if callable(function) and not isinstance(function, type):
            assert not INTERNAL & inspect.signature(function).parameters.keys(), function


def test_checks_around_one_another_are_all_made_and_end_with_their_block(tiny_run):
    made = []
    model, batch = load_checkpoint("sudoku4-linear")[0], resolve("sudoku4")[0].held_out(1)
    with cancel_check(lambda: made.append("outer")):
        with cancel_check(lambda: made.append("inner")):
            record(model, batch, H_cycles=1)
        inside, made = made, []
        list(train(tiny_run(updates=1, H_cycles=1, frame_every=0)))  # a training makes its own besides
    assert inside == ["outer", "inner"] * 3 and set(made) == {"outer"} and len(made) > 3
    made.clear()
    record(model, batch, H_cycles=1)
    assert made == [] and present_check() is None


def test_all_names_are_there():
    for name in trm_explore.__all__:
        assert hasattr(trm_explore, name)
