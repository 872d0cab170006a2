"""What one run is: four parts (parts.py) and their sum, RunConfig. No torch, no files, no state.

The CLI's flags, the page's controls, checkpoints and saved runs are all derived from these fields; a field's name is
unique across the four, so a run is also one flat dict (the deep-supervision guide's dict is such a one):

    RunConfig.from_flat({"task": "sudoku4", "hidden_size": 64, "enable_deep_supervision": True}).to_flat()
"""

from __future__ import annotations

import difflib
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal

from trm_explore.checks import one_of, text
from trm_explore.parts import DataConfig, ModelConfig, SupervisionConfig, TrainConfig
from trm_explore.parts.recipes import RECIPES

__all__ = [
    "ALIASES",
    "FIELDS",
    "PARTS",
    "PRESETS",
    "RECIPES",
    "SIZES",
    "DataConfig",
    "ModelConfig",
    "Preset",
    "RunConfig",
    "SupervisionConfig",
    "TrainConfig",
]

Preset = Literal[
    "tiny",
    "small",
    "paper",
    "reasoning",
    "generation",
    "prototyping",
    "sudoku-extreme-mlp",
    "sudoku-extreme-attention",
    "maze-hard",
    "arc",
]
SIZES = ("tiny", "small", "paper")  # the others are tiny, with what the guide advises for such a task
PRESETS: dict[str, dict[str, Any]] = {
    "tiny": {},  # the dataclasses' defaults: what learns 4x4 Sudoku in seconds on two cores
    "small": {"hidden_size": 128, "L_cycles": 4, "lr": 2e-3},
    # The shape published with TRM: 2 layers of width 512, 8 heads, inner width rounded up to a multiple of 256.
    "paper": {
        "hidden_size": 512,
        "L_layers": 2,
        "num_heads": 8,
        "swiglu_multiple": 256,
        "L_cycles": 6,
        "mixer": "attention",
        "lr": 1e-4,
    },
    # The deep-supervision guide, "Adjust Based on Task": 0.5 to 0.7 with linear_decay, 0.2 to 0.4 with constant, off.
    "reasoning": {
        "enable_deep_supervision": True,
        "deep_supervision_weight": 0.6,
        "deep_supervision_schedule": "linear_decay",
    },
    "generation": {
        "enable_deep_supervision": True,
        "deep_supervision_weight": 0.3,
        "deep_supervision_schedule": "constant",
    },
    "prototyping": {"enable_deep_supervision": False},
}
# Other names for fields: those of the guide and of its scripts.
ALIASES = {
    "data_folder": "data",
    "sonar_dim": "hidden_size",
    "deep_supervision_enabled": "enable_deep_supervision",
    "curriculum_start_step": "curriculum_start_update",
    "curriculum_end_step": "curriculum_end_update",
    "global_batch_size": "batch_size",
    "lr_warmup_steps": "warmup_updates",
}
SWITCHES = {  # the guide's on/off names for settings that here have more than two values
    "curriculum_enabled": ("curriculum", "weight", "off"),
    "compute_gradient_stats": ("gradient_every", 500, 0),
}


@dataclass(frozen=True, slots=True)
class RunConfig:
    """One run: a task, a network, its supervision, its training, its data."""

    task: str = "sudoku4"
    """The task's name, or a folder with a task.json. In Python also a task object of one's own."""
    preset: Preset = "tiny"
    """What the run started from: a size, an advice of the guide, a published recipe (every field may differ)."""
    out: str = ""
    """Folder for config.json, events.jsonl and model.safetensors. Empty: keep nothing."""
    model: ModelConfig = field(default_factory=ModelConfig)
    supervision: SupervisionConfig = field(default_factory=SupervisionConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    puzzles: DataConfig = field(default_factory=DataConfig)

    def __post_init__(self) -> None:
        if isinstance(self.task, int | float | None):
            text(self, "task")
        text(self, "out")
        one_of(self, "preset", Preset)
        custom, steps = self.supervision.custom_weights, self.model.H_cycles
        if self.supervision.deep_supervision_schedule == "custom" and len(custom) != steps:
            raise ValueError(
                f"custom_weights has {len(custom)} numbers, but H_cycles={steps} gives {steps} steps; "
                "give one weight a step"
            )
        for name in ("H_cycles", "L_cycles"):
            least = getattr(self.train, f"min_{name}")
            if least is not None and least > getattr(self.model, name):
                raise ValueError(
                    f"min_{name}={least} is more than {name}={getattr(self.model, name)}; every update draws a number "
                    f"from the smaller to the larger"
                )
        if self.train.min_H_cycles is not None and self.supervision.deep_supervision_schedule == "custom":
            raise ValueError(
                f"min_H_cycles={self.train.min_H_cycles} changes the number of steps, but the schedule custom fixes "
                "one weight a step; take another schedule, or leave min_H_cycles out"
            )
        start, end = self.curriculum_span
        if self.supervision.curriculum != "off" and end <= start:
            raise ValueError(
                f"curriculum_start_update={start} is not before the curriculum's end, update {end}; "
                "start earlier, or set curriculum_end_update"
            )

    @property
    def eval_steps(self) -> int:
        """Steps in an evaluation: eval_H_cycles, else as many as training gives a puzzle."""
        return self.train.eval_H_cycles or self.model.H_cycles * self.train.steps_limit

    @property
    def curriculum_span(self) -> tuple[int, int]:
        """(first, last) update of the curriculum; it ends half way through the run unless its end is given."""
        end = self.supervision.curriculum_end_update
        return self.supervision.curriculum_start_update, self.train.updates // 2 if end is None else end

    @classmethod
    def from_preset(cls, preset: str = "tiny", **flat: Any) -> RunConfig:
        """A run of the named size or recipe; flat fields override it."""
        known = PRESETS | RECIPES
        if preset not in known:
            raise ValueError(f"preset={preset!r} is not known; allowed are {', '.join(known)}")
        return cls.from_flat({"preset": preset, **known[preset], **guide_names(flat)})

    @classmethod
    def from_flat(cls, flat: dict[str, Any]) -> RunConfig:
        """From one flat dict of field names; unknown names are refused."""
        return cls().with_flat(**flat)

    def with_flat(self, **flat: Any) -> RunConfig:
        """A copy with some fields changed, whichever part they belong to."""
        changes: dict[str, dict[str, Any]] = {part: {} for part in (*PARTS, "")}
        for name, value in guide_names(flat).items():
            if name not in FIELDS:
                near = difflib.get_close_matches(name, FIELDS, 1)
                hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(FIELDS)}"
                raise ValueError(f"{name!r} is not a setting of a run; {hint}")
            changes[FIELDS[name]][name] = tuple(value) if isinstance(value, list) else value
        parts = {part: replace(getattr(self, part), **changes[part]) for part in PARTS}
        return replace(self, **changes[""], **parts)

    def to_flat(self) -> dict[str, Any]:
        """Every field by its own name; JSON-ready."""
        flat = {name: getattr(self, name) for name in FIELDS if not FIELDS[name]}
        if not isinstance(self.task, str):  # an object cannot be written down; its name says that it was one
            flat["task"] = f"custom:{getattr(self.task, 'name', type(self.task).__name__)}"
        for part in PARTS:
            flat |= asdict(getattr(self, part))
        flat["custom_weights"] = list(flat["custom_weights"])
        return flat


def guide_names(flat: dict[str, Any]) -> dict[str, Any]:
    """The same settings under our own names; ValueError where both names are given and differ."""
    renamed: dict[str, Any] = {}
    said: dict[str, str] = {}
    for name, value in flat.items():
        own, words = ALIASES.get(name, name), f"{name}={value!r}"
        if name in SWITCHES:
            if not isinstance(value, bool):
                raise ValueError(f"{words} must be True or False")
            own, on, off = SWITCHES[name]
            value = on if value else off
        if own in renamed and renamed[own] != value:
            raise ValueError(f"{own} is given twice, as {said[own]} and as {words}; give it once")
        renamed[own], said[own] = value, words
    return renamed


PARTS: dict[str, type] = {
    "model": ModelConfig,
    "supervision": SupervisionConfig,
    "train": TrainConfig,
    "puzzles": DataConfig,
}
# field name -> the part it belongs to ("" for RunConfig's own).
FIELDS: dict[str, str] = {"task": "", "preset": "", "out": ""} | {
    f.name: part for part, cls in PARTS.items() for f in fields(cls)
}
