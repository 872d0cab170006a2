"""config.py and checks.py: what a run may be, and the one sentence for everything else."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trm_explore.cli import main
from trm_explore.config import (
    ALIASES,
    FIELDS,
    PRESETS,
    RECIPES,
    SWITCHES,
    UNCLEAR,
    ModelConfig,
    RunConfig,
    SupervisionConfig,
    TrainConfig,
)
from trm_explore.tasks import TASKS, preset, resolve
from trm_explore.training import events as ev

positive = st.floats(1e-6, 1e6)
part = st.floats(0, 1, exclude_max=True)
count = st.integers(0, 10_000)
settings_of_a_run = st.fixed_dictionaries(
    {},
    optional={
        "task": st.sampled_from(["sudoku4", "sudoku9"]),
        "preset": st.sampled_from(list(PRESETS)),
        "out": st.text(),
        "vocab_size": st.none() | st.integers(1, 100),
        "hidden_size": st.sampled_from([32, 64, 96]),
        "num_heads": st.sampled_from([1, 2, 4]),
        "mixer": st.sampled_from(["attention", "mlp", "conv"]),
        "pos_encodings": st.sampled_from(["rope", "learned", "none"]),
        "expansion": st.floats(0.01, 64),
        "forward_dtype": st.sampled_from(["float32", "bfloat16", "float16", "float64"]),
        "enable_deep_supervision": st.booleans(),
        "deep_supervision_weight": positive,
        "gradient_scope": st.sampled_from(["auto", "last", "cycle", "full"]),
        "lr": positive,
        "ema_decay": part,
        "updates": st.integers(1, 10_000),
        "supervision_steps": st.none() | st.just(4),
        "halt_max_steps": st.none() | st.just(4),
        "shown_puzzle": st.none() | count,
        "seed": count,
        "device": st.sampled_from(["auto", "cpu", "cuda:1", "mps"]),
        "difficulty": st.sampled_from(["any", "hard"]),
        "pool_size": count,
    },
)
schedules = st.one_of(
    st.fixed_dictionaries(
        {
            "deep_supervision_schedule": st.sampled_from(["constant", "linear_decay", "u_shaped"]),
            "H_cycles": st.integers(1, 9),
        }
    ),
    st.lists(positive, min_size=1, max_size=6).map(
        lambda weights: {
            "deep_supervision_schedule": "custom",
            "custom_weights": weights,
            "H_cycles": len(weights),
        }
    ),
)


@given(settings_of_a_run, schedules)
def test_a_run_survives_the_trip_through_one_flat_json_object(flat, schedule):
    flat = flat | schedule
    run = RunConfig.from_flat(flat)
    line = json.dumps(run.to_flat(), allow_nan=False)
    assert RunConfig.from_flat(json.loads(line)) == run
    assert {name: run.to_flat()[name] for name in flat} == flat
    assert set(run.to_flat()) == set(FIELDS)


def test_each_field_belongs_to_one_part_only():
    parts = [len(getattr(RunConfig(), p).__dataclass_fields__) for p in ("model", "supervision", "train", "puzzles")]
    assert len(FIELDS) == sum(parts) + 3  # task, preset, out


def test_with_flat_leaves_the_first_run_as_it_was():
    first = RunConfig()
    assert first.with_flat(lr=0.5, H_cycles=7, task="sudoku9").to_flat() == first.to_flat() | {
        "lr": 0.5,
        "H_cycles": 7,
        "task": "sudoku9",
    }
    assert first == RunConfig()


@pytest.mark.parametrize(
    ("flat", "words"),
    [
        ({"hidden_sise": 3}, ["'hidden_sise'", "did you mean hidden_size?"]),
        ({"zzz": 3}, ["'zzz'", "known are task"]),
        ({"preset": "huge"}, ["preset='huge'", "tiny, small, paper"]),
        ({"hidden_size": 64, "num_heads": 7, "mixer": "attention"}, ["num_heads=7", "hidden_size=64", "8 or 16"]),
        ({"hidden_size": 9, "num_heads": 3, "mixer": "attention"}, ["hidden_size=9", "even", "pos_encodings=learned"]),
        ({"mixer": "lstm"}, ["mixer='lstm'", "attention, mlp, conv"]),
        ({"forward_dtype": "int8"}, ["forward_dtype='int8'", "bfloat16"]),
        ({"H_cycles": 0}, ["H_cycles=0", "at least 1"]),
        ({"H_cycles": True}, ["H_cycles=True", "whole number"]),
        ({"L_cycles": 2.0}, ["L_cycles=2.0", "whole number"]),
        ({"L_layers": "2"}, ["L_layers='2'", "whole number"]),
        ({"seq_len": -1}, ["seq_len=-1", "at least 1"]),
        ({"expansion": 0}, ["expansion=0", "above 0"]),
        ({"lr": "0.1"}, ["lr='0.1'", "finite number above 0"]),
        ({"lr": 10**400}, ["lr=1000", "finite number above 0"]),
        ({"lr": math.nan}, ["lr=nan", "finite number above 0"]),
        ({"lr": -1.0}, ["lr=-1.0", "above 0"]),
        ({"grad_clip": math.inf}, ["grad_clip=inf", "finite"]),
        ({"ema_decay": 1}, ["ema_decay=1", "at least 0 and below 1"]),
        ({"halt_exploration_prob": 1.5}, ["halt_exploration_prob=1.5", "at most 1"]),
        ({"enable_deep_supervision": 1}, ["enable_deep_supervision=1", "True or False"]),
        ({"deep_supervision_weight": -0.1}, ["deep_supervision_weight=-0.1", "at least 0"]),
        ({"deep_supervision_weight": math.nan}, ["deep_supervision_weight=nan", "finite"]),
        ({"deep_supervision_schedule": "linear"}, ["deep_supervision_schedule='linear'", "linear_decay"]),
        ({"custom_weights": [1.0]}, ["custom_weights=[1.0]", "set deep_supervision_schedule=custom"]),
        ({"supervision_steps": 3, "halt_max_steps": 4}, ["supervision_steps=3", "halt_max_steps=4", "same number"]),
        ({"device": "tpu"}, ["device='tpu'", "auto, cpu"]),
        ({"device": 3}, ["device=3", "text"]),
        ({"out": 3}, ["out=3", "text"]),
        ({"task": None}, ["task=None", "text"]),
        ({"data": 1}, ["data=1", "text"]),
        ({"eval_data": "b.csv"}, ["eval_data='b.csv'", "needs data"]),
        ({"difficulty": "easier"}, ["difficulty='easier'", "easy"]),
    ],
)
def test_a_wrong_setting_gives_one_sentence_with_its_name_and_value(flat, words):
    with pytest.raises(ValueError) as error:
        RunConfig.from_flat(flat)
    sentence = str(error.value)
    assert "\n" not in sentence
    assert [word for word in words if word not in sentence] == []


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ([0.5, 1.0], "2 numbers, but H_cycles=3"),
        ([-1.0, 1.0, 1.0], "custom_weights=[-1.0, 1.0, 1.0] must be at least 0"),
        ([0.0, 0.0, 0.0], "not all 0"),
        ([math.nan, 1.0, 1.0], "custom_weights=(nan, 1.0, 1.0) must be a list of finite numbers"),
        ([math.inf, 1.0, 1.0], "finite"),
        ([True, 1.0, 1.0], "custom_weights=(True, 1.0, 1.0)"),
        ("123", "custom_weights='123'"),
        (None, "custom_weights=None"),
        ([[1.0], 1.0, 1.0], "list of finite numbers"),
        ([1.0, 1.0, 0.0], "gradient_scope=last"),
    ],
)
def test_custom_weights_that_cannot_work_are_refused_before_any_training(weights, words):
    flat = {"enable_deep_supervision": True, "deep_supervision_schedule": "custom", "gradient_scope": "last"}
    with pytest.raises(ValueError) as error:
        RunConfig.from_flat(flat | {"custom_weights": weights})
    assert words in str(error.value)


@pytest.mark.parametrize(
    ("asked", "off", "on"),
    [("auto", "last", "full"), ("last", "last", "last"), ("cycle", "last", "cycle"), ("full", "full", "full")],
)
def test_the_gradient_scope_in_force(asked, off, on):
    assert SupervisionConfig(False, gradient_scope=asked).scope == off
    assert SupervisionConfig(True, gradient_scope=asked).scope == on


@pytest.mark.parametrize("mixer", ["attention", "mlp", "conv"])
def test_heads_divide_the_width_whatever_mixes(mixer):
    with pytest.raises(ValueError, match="num_heads=2 does not divide hidden_size=9"):
        ModelConfig(hidden_size=9, num_heads=2, mixer=mixer)


def test_an_odd_width_a_head_is_wrong_for_rope_only():
    assert ModelConfig(hidden_size=9, num_heads=3, mixer="mlp").num_heads == 3
    assert ModelConfig(hidden_size=9, num_heads=3, mixer="attention", pos_encodings="learned").num_heads == 3


@pytest.mark.parametrize(("give", "limit"), [({}, 1), ({"supervision_steps": 3}, 3), ({"halt_max_steps": 5}, 5)])
def test_how_long_a_puzzle_may_stay(give, limit):
    assert RunConfig.from_flat(give).train.steps_limit == limit


def test_presets_are_overridden_by_what_is_given():
    run = RunConfig.from_preset("paper", hidden_size=256, lr=0.5)
    assert (run.preset, run.model.hidden_size, run.model.swiglu_multiple, run.train.lr) == ("paper", 256, 256, 0.5)
    with pytest.raises(ValueError, match="preset='nano' is not known; allowed are tiny, small, paper"):
        RunConfig.from_preset("nano")


GUIDE = {  # the deep-supervision guide's "config = {...}", word for word
    "batch_size": 8,
    "seq_len": 256,
    "vocab_size": 1024,
    "H_cycles": 4,
    "L_cycles": 3,
    "L_layers": 4,
    "hidden_size": 1024,
    "expansion": 4.0,
    "num_heads": 16,
    "pos_encodings": "rope",
    "halt_max_steps": 10,
    "halt_exploration_prob": 0.1,
    "enable_deep_supervision": True,
    "deep_supervision_weight": 0.3,
}


def test_the_guides_flat_dict_is_taken_as_it_is():
    run = RunConfig.from_flat(GUIDE)
    assert {name: run.to_flat()[name] for name in GUIDE} == GUIDE
    assert (run.train.batch_size, run.model.L_layers, run.supervision.scope) == (8, 4, "full")


# ---- the guide's and its scripts' names ----------------------------------------------------------------

OTHER_NAMES = {  # another name: (ours, a value)
    "data_folder": ("data", "chunks"),
    "sonar_dim": ("hidden_size", 128),
    "deep_supervision_enabled": ("enable_deep_supervision", True),
    "curriculum_start_step": ("curriculum_start_update", 3),
    "curriculum_end_step": ("curriculum_end_update", 9),
    "global_batch_size": ("batch_size", 7),
    "lr_warmup_steps": ("warmup_updates", 12),
    "learning_rate": ("lr", 0.1),
    "warmup_steps": ("warmup_updates", 12),
    "T": ("H_cycles", 5),
    "n": ("L_cycles", 4),
    "N_sup": ("supervision_steps", 3),
    "width": ("hidden_size", 128),
    "schedule": ("deep_supervision_schedule", "u_shaped"),
}


@pytest.mark.parametrize("name", UNCLEAR)
def test_a_name_that_could_mean_several_settings_is_not_guessed_but_told_them(name):
    with pytest.raises(ValueError, match=f"^'{name}' is not a setting of a run; ") as told:
        RunConfig.from_flat({name: 1})
    assert "did you mean" not in str(told.value)
    assert name == "dropout" or any(field in str(told.value) for field in FIELDS)


def test_a_misspelt_other_name_leads_to_our_name():
    with pytest.raises(ValueError, match="did you mean lr\\?"):
        RunConfig.from_flat({"learnin_rate": 1})


# ---- a task brings its preset ---------------------------------------------------------------------------


@pytest.mark.parametrize("size", [*PRESETS, *RECIPES])
@pytest.mark.parametrize("task", TASKS)
def test_a_config_of_a_task_is_that_tasks_preset(task, size):
    assert RunConfig(task=task, preset=size) == preset(task, size)


def test_a_part_that_is_given_is_taken_as_it_is():
    train = TrainConfig(updates=7)
    config = RunConfig(task="addition", train=train)
    assert config.train is train
    assert config.model == preset("addition").model


def test_a_copy_keeps_its_numbers_when_only_its_task_changes():
    """Files hold every setting; reading one must not mix in what a task would like."""
    assert RunConfig().with_flat(task="addition").model == RunConfig().model


def test_every_other_name_is_listed_and_leads_to_a_field_of_its_own():
    assert {name: own for name, (own, _) in OTHER_NAMES.items()} == ALIASES
    assert not (set(ALIASES) | set(SWITCHES)) & set(FIELDS)
    assert set(ALIASES.values()) | {own for own, _, _ in SWITCHES.values()} <= set(FIELDS)


@pytest.mark.parametrize("name", OTHER_NAMES)
def test_another_name_is_the_same_setting_everywhere_a_run_is_made(name):
    own, value = OTHER_NAMES[name]
    expected = RunConfig.from_flat({own: value})
    assert expected != RunConfig()
    assert RunConfig.from_flat({name: value}) == expected == RunConfig().with_flat(**{name: value})
    assert RunConfig.from_preset("tiny", **{name: value}) == expected == preset("sudoku4", **{name: value})
    assert name not in expected.to_flat()
    assert RunConfig.from_flat({name: value, own: value}) == expected  # given twice, and the same


@pytest.mark.parametrize("name", OTHER_NAMES)
def test_both_names_with_different_values_are_refused_in_one_sentence(name):
    own, value = OTHER_NAMES[name]
    other = not value if isinstance(value, bool) else value * 2
    for flat in ({name: value, own: other}, {own: other, name: value}):
        with pytest.raises(ValueError) as error:
            RunConfig.from_flat(flat)
        sentence = str(error.value)
        assert own in sentence and name in sentence and repr(value) in sentence and repr(other) in sentence
        assert sentence.endswith("give it once") and "\n" not in sentence


def test_the_guides_switches_turn_settings_on_and_off():
    on = RunConfig.from_flat({"curriculum_enabled": True, "compute_gradient_stats": True})
    assert (on.supervision.curriculum, on.train.gradient_every > 0) == ("weight", True)
    off = on.with_flat(curriculum_enabled=False, compute_gradient_stats=False)
    assert off == RunConfig() == RunConfig.from_flat({"curriculum_enabled": False})
    for name in SWITCHES:
        with pytest.raises(ValueError, match=f"{name}='yes' must be True or False"):
            RunConfig.from_flat({name: "yes"})
    with pytest.raises(ValueError, match="curriculum is given twice, .*'depth' .*curriculum_enabled=.*give it once"):
        RunConfig.from_flat({"curriculum": "depth", "curriculum_enabled": True})


def test_the_scripts_own_config_of_a_curriculum_is_taken_as_it_is():
    """The keys of the guide's third script; values of its curriculum preset."""
    run = RunConfig.from_flat(
        {
            "deep_supervision_enabled": True,
            "deep_supervision_weight": 0.7,
            "deep_supervision_schedule": "linear_decay",
            "curriculum_enabled": True,
            "curriculum_start_step": 1000,
            "curriculum_end_step": 10_000,
            "compute_gradient_stats": True,
            "global_batch_size": 768,
            "lr": 1e-4,
            "lr_min_ratio": 0.1,
            "lr_warmup_steps": 2000,
            "weight_decay": 0.1,
        }
    )
    assert run.curriculum_span == (1000, 10_000) and run.supervision.scope == "full"
    assert (run.train.batch_size, run.train.warmup_updates) == (768, 2000)


# ---- presets ----------------------------------------------------------------


def test_the_presets_are_what_the_guide_advises():
    """Reasoning: 0.5 to 0.7 with linear_decay; generation: 0.2 to 0.4 with constant; prototyping: off."""
    s = {name: RunConfig.from_preset(name).supervision for name in ("reasoning", "generation", "prototyping")}
    assert s["reasoning"].enable_deep_supervision and s["reasoning"].deep_supervision_schedule == "linear_decay"
    assert 0.5 <= s["reasoning"].deep_supervision_weight <= 0.7
    assert s["generation"].enable_deep_supervision and s["generation"].deep_supervision_schedule == "constant"
    assert 0.2 <= s["generation"].deep_supervision_weight <= 0.4
    assert not s["prototyping"].enable_deep_supervision
    for name in s:  # the network is the tiny one, and a task keeps what it needs to be learned
        run = preset("sudoku6", name)
        assert run.model == preset("sudoku6").model and run.train == preset("sudoku6").train and run.preset == name
        assert preset("sudoku6", name, deep_supervision_weight=0.1).supervision.deep_supervision_weight == 0.1


# ---- settings that contradict each other ----------------------------------------------------------------

ON = {"enable_deep_supervision": True}
CUSTOM = ON | {"deep_supervision_schedule": "custom", "custom_weights": [1.0, 1.0, 1.0]}


@pytest.mark.parametrize(
    ("flat", "words"),
    [
        ({"curriculum": "weight", "curriculum_start_update": 9, "curriculum_end_update": 9}, ["=9", "is not after"]),
        ({"curriculum": "depth", "curriculum_start_step": 9, "curriculum_end_step": 3}, ["=9", "=3", "is not after"]),
        ({"curriculum": "weight", "curriculum_start_update": 200}, ["=200", "update 200", "curriculum_end_update"]),
        ({"curriculum": "weight", "updates": 1}, ["curriculum_start_update=0", "update 0"]),
        ({"curriculum": "steep"}, ["curriculum='steep'", "off, weight, depth, H_cycles"]),
        ({"curriculum_end_update": 0}, ["curriculum_end_update=0", "at least 1"]),
        (CUSTOM | {"curriculum": "depth"}, ["curriculum=depth", "custom", "curriculum=weight"]),
        (CUSTOM | {"curriculum": "H_cycles"}, ["curriculum=H_cycles", "custom", "curriculum=weight"]),
        (
            CUSTOM | {"curriculum": "weight", "custom_weights": [1.0, 1.0, 0.0]},
            ["[1.0, 1.0, 0.0]", "curriculum=weight"],
        ),
        (CUSTOM | {"min_H_cycles": 2}, ["min_H_cycles=2", "custom", "leave min_H_cycles out"]),
        ({"min_H_cycles": 4}, ["min_H_cycles=4", "H_cycles=3"]),
        ({"min_L_cycles": 3}, ["min_L_cycles=3", "L_cycles=2"]),
        ({"min_H_cycles": 0}, ["min_H_cycles=0", "at least 1"]),
        ({"causal": True, "mixer": "mlp"}, ["causal=True", "mixer=attention", "mixer=mlp"]),
        ({"causal": True, "mixer": "conv"}, ["causal=True", "mixer=attention", "mixer=conv"]),
        ({"causal": 1, "mixer": "attention"}, ["causal=1", "True or False"]),
        ({"adaptive_weights": "easy"}, ["adaptive_weights='easy'", "off, hard, progress"]),
        ({"adaptive_strength": -1}, ["adaptive_strength=-1", "at least 0"]),
        ({"adaptive_strength": 11}, ["adaptive_strength=11", "at most 10"]),
        ({"adaptive_decay": 1.0}, ["adaptive_decay=1.0", "below 1"]),
        ({"L_supervision_weight": -0.1}, ["L_supervision_weight=-0.1", "at least 0"]),
        ({"L_supervision_weight": math.inf}, ["L_supervision_weight=inf", "finite"]),
        ({"activation_checkpointing": "layer"}, ["activation_checkpointing='layer'", "none, cycle, call"]),
        ({"gradient_every": -1}, ["gradient_every=-1", "at least 0"]),
        ({"truncation_length": 0}, ["truncation_length=0", "at least 1"]),
        ({"num_epochs": 0}, ["num_epochs=0", "at least 1"]),
        ({"input_size": 0}, ["input_size=0", "at least 1"]),
    ],
)
def test_settings_that_contradict_each_other_give_one_sentence(flat, words):
    with pytest.raises(ValueError) as error:
        RunConfig.from_flat(flat)
    sentence = str(error.value)
    assert "\n" not in sentence and [word for word in words if word not in sentence] == []


def test_a_curriculum_that_is_off_may_have_any_span_and_one_that_fits_is_taken():
    assert RunConfig.from_flat({"curriculum_start_update": 9, "curriculum_end_update": 3}).curriculum_span == (9, 3)
    run = RunConfig.from_flat({"curriculum": "weight", "updates": 100, "curriculum_start_update": 49})
    assert run.curriculum_span == (49, 50)
    assert RunConfig.from_flat(CUSTOM | {"curriculum": "weight", "adaptive_weights": "hard"})


def test_epochs_need_a_task_that_has_an_end():
    with pytest.raises(ValueError, match="num_epochs=2 has no meaning for the task sudoku4.*give updates"):
        resolve(RunConfig.from_flat({"num_epochs": 2}))


# ---- the command line ----------------------------------------------------------------

SMALL = ["train", "--task", "sudoku4", "--swiglu_multiple", "8", "--updates", "6", "--eval_puzzles", "6"]
SMALL += ["--threads", "1", "--device", "cpu", "--frame_every", "0"]


@pytest.fixture
def command(capsys):
    """command(*flags) -> (status, events, stderr) of a tiny run."""

    def run(*flags):
        status = main([*SMALL, "--json", *map(str, flags)])
        out, err = capsys.readouterr()
        return status, [ev.from_json(line) for line in out.splitlines()], err

    return run


def test_the_guides_curriculum_flags_train_with_a_ramp(command):
    flags = ["--enable_deep_supervision", "--deep_supervision_schedule", "linear_decay", "--curriculum_enabled"]
    status, events, err = command(*flags, "--curriculum_start_step", 1, "--curriculum_end_step", 5)
    assert (status, err) == (0, "")
    weights = [e.weights for e in events if isinstance(e, ev.UpdateDone)]
    for w, part in zip(weights, [0, 0, 0.25, 0.5, 0.75, 1], strict=True):
        assert w == pytest.approx([part / 6, part / 3, 1.0])
    config = events[0].config
    assert (config["curriculum"], config["curriculum_start_update"], config["curriculum_end_update"]) == (
        "weight",
        1,
        5,
    )


def test_the_guides_names_are_taken_with_hyphens_an_equals_sign_and_turned_off(command):
    status, events, err = command(
        "--deep-supervision-enabled",
        "--deep-supervision-schedule=exponential_decay",
        "--curriculum-enabled",
        "--no-curriculum-enabled",
        "--global-batch-size=3",
        "--lr-warmup-steps=2",
        "--sonar_dim=32",
    )
    assert (status, err) == (0, "")
    wanted = {
        "enable_deep_supervision": True,
        "deep_supervision_schedule": "exponential_decay",
        "curriculum": "off",
        "batch_size": 3,
        "warmup_updates": 2,
        "hidden_size": 32,
    }
    assert {name: events[0].config[name] for name in wanted} == wanted
    _, events, _ = command("--no-deep-supervision-enabled")
    assert events[0].config["enable_deep_supervision"] is False


def test_asking_for_gradient_statistics_gives_some_even_in_a_short_run(command):
    status, events, err = command("--enable_deep_supervision", "--compute_gradient_stats")
    assert (status, err) == (0, "")
    measured = [e for e in events if isinstance(e, ev.GradientsMeasured)]
    assert measured and len(measured[-1].states) == 3
    _, events, _ = command("--compute_gradient_stats=False")
    assert events[0].config["gradient_every"] == 0
    _, events, _ = command("--no-compute-gradient-stats")
    assert events[0].config["gradient_every"] == 0


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (
            ["--curriculum_enabled", "--curriculum_start_step", 5, "--curriculum_end_step", 2],
            "curriculum_end_update=2 is not after curriculum_start_update=5",
        ),
        (
            ["--deep_supervision_schedule", "custom", "--custom_weights", 1, 1, 1, "--curriculum", "depth"],
            "curriculum=depth changes which steps are supervised",
        ),
        (["--min_H_cycles", 9], "min_H_cycles=9 is more than H_cycles=3"),
        (["--causal"], "causal=True needs mixer=attention"),
        (["--num_epochs", 3], "num_epochs=3 has no meaning for the task sudoku4"),
        (["--adaptive_strength", -1], "adaptive_strength=-1.0 must be"),
        (["--global_batch_size", 8, "--batch_size", 4], "batch_size is given twice"),
        (["--curriculum", "depth", "--curriculum_enabled"], "curriculum is given twice"),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, list) else "",
)
def test_flags_that_contradict_each_other_are_refused_with_status_2(command, flags, sentence, tmp_path):
    status, events, err = command(*flags, "--out", tmp_path / "run")
    assert (status, events) == (2, [])
    assert err.startswith(f"trm-explore: {sentence}") and err.count("\n") == 1
    assert not (tmp_path / "run").exists()  # nothing half-written
