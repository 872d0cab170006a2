"""config.py and checks.py: what a run may be, and the one sentence for everything else."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trm_explore.config import (
    FIELDS,
    PRESETS,
    ModelConfig,
    RunConfig,
    SupervisionConfig,
)

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
