"""What one run is: four parts (parts.py) and their sum, RunConfig. No torch, no files, no state.

The CLI's flags, the page's controls, checkpoints and saved runs are all derived from these fields; a field's name is
unique across the four, so a run is also one flat dict (the deep-supervision guide's dict is such a one):

    RunConfig.from_flat({"task": "sudoku4", "hidden_size": 64, "enable_deep_supervision": True}).to_flat()
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from trm_explore.config.checks import nearest, one_of, shown, text
from trm_explore.config.data import DataConfig
from trm_explore.config.model import ModelConfig
from trm_explore.config.presets import PRESETS, SIZES, TASK_PRESETS, Preset, preset_settings
from trm_explore.config.recipes import RECIPES
from trm_explore.config.supervision import SupervisionConfig
from trm_explore.config.training import TrainConfig

__all__ = [
    "ALIASES",
    "FIELDS",
    "PARTS",
    "PRESETS",
    "RECIPES",
    "SIZES",
    "UNCLEAR",
    "DataConfig",
    "ModelConfig",
    "Preset",
    "RunConfig",
    "SupervisionConfig",
    "TrainConfig",
]

# Other names for fields: those of the guide and of its scripts.
ALIASES = {
    "data_folder": "data",
    "sonar_dim": "hidden_size",
    "deep_supervision_enabled": "enable_deep_supervision",
    "curriculum_start_step": "curriculum_start_update",
    "curriculum_end_step": "curriculum_end_update",
    "global_batch_size": "batch_size",
    "lr_warmup_steps": "warmup_updates",
    # What people type, and the TRM paper's symbols.
    "learning_rate": "lr",
    "warmup_steps": "warmup_updates",
    "T": "H_cycles",
    "n": "L_cycles",
    "N_sup": "supervision_steps",
    "width": "hidden_size",
    "schedule": "deep_supervision_schedule",
}
# Names that could mean several settings, or none here: what to say before a guess by spelling.
UNCLEAR = {
    "steps": "H_cycles is how many answers an update gives, updates how many optimiser steps a run has, "
    "supervision_steps how many updates a puzzle stays",
    "max_steps": "updates is how many optimiser steps a run has",
    "iterations": "updates is how many optimiser steps a run has",
    "epochs": "updates is how long a run is; num_epochs is for the task embeddings",
    "layers": "L_layers is the network's depth",
    "num_layers": "L_layers is the network's depth",
    "cycles": "H_cycles are the outer recursions, L_cycles the inner ones",
    "deep_supervision": "enable_deep_supervision is the switch, deep_supervision_schedule the weights",
    "supervision": "enable_deep_supervision is the switch, gradient_scope how far a loss reaches back",
    "dropout": "these networks have none",
}
SWITCHES = {  # the guide's on/off names for settings that here have more than two values
    "curriculum_enabled": ("curriculum", "weight", "off"),
    "compute_gradient_stats": ("gradient_every", 500, 0),
}


_FROM_PRESET: Any = None  # the default of a part: filled in when the config is made


@dataclass(frozen=True, slots=True)
class RunConfig:
    """One run: a task, a network, its supervision, its training, its data.

    A part that is not given has what the task and the preset say: RunConfig(task="addition") is preset("addition").
    (A task that is a folder says nothing here; tasks.preset reads it.)
    """

    task: str = "sudoku4"
    """The task's name, or a folder with a task.json. In Python also a task object of one's own."""
    preset: Preset = "tiny"
    """What the run started from: a size, an advice of the guide, a published recipe (every field may differ)."""
    out: str = ""
    """Folder for config.json, events.jsonl and model.safetensors. Empty: keep nothing."""
    model: ModelConfig = _FROM_PRESET
    supervision: SupervisionConfig = _FROM_PRESET
    train: TrainConfig = _FROM_PRESET
    puzzles: DataConfig = _FROM_PRESET

    def __post_init__(self) -> None:
        if isinstance(self.task, int | float | None):
            text(self, "task")
        text(self, "out")
        one_of(self, "preset", Preset)
        self._fill_from_preset()
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

    def _fill_from_preset(self) -> None:
        """The parts that were not given, as the task and the preset have them."""
        missing = [part for part in PARTS if getattr(self, part) is _FROM_PRESET]
        if not missing:
            return
        own = TASK_PRESETS.get(self.task, {}) if isinstance(self.task, str) else getattr(self.task, "preset", {})
        own = own if isinstance(own, dict) else {}  # tasks.preset says what is wrong with it
        settings = {**(PRESETS | RECIPES)[self.preset], **preset_settings(own, self.preset, {})}
        for part in missing:
            of_part = {name: value for name, value in settings.items() if FIELDS.get(name) == part}
            object.__setattr__(self, part, PARTS[part](**of_part))

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
            raise ValueError(
                f"preset={shown(preset)} is not known; allowed are {', '.join(known)}{nearest(preset, known)}"
            )
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
                raise ValueError(unknown_setting(name))
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


def unknown_setting(name: str, known: Iterable[str] = (), listed: bool = True) -> str:
    """The sentence on a name that is no setting, wherever it was given: Python, command line, saved run, panel, link,
    program. `known`: the names that can be given there, where those are not all fields; `listed`: it may list them."""
    here = list(known) or list(FIELDS)
    ending = f"; known are {', '.join(here)}" if listed else ""
    if name in FIELDS and name not in here:
        return f"{shown(name)} cannot be set here{ending}"
    if name in UNCLEAR:
        ending = f"; {UNCLEAR[name]}"
    elif near := difflib.get_close_matches(name, [*here, *(one for one, own in ALIASES.items() if own in here)], 1):
        ending = f"; did you mean {ALIASES.get(near[0], near[0])}?"
    return f"{shown(name)} is not a setting of a run{ending}"


def guide_names(flat: dict[str, Any]) -> dict[str, Any]:
    """The same settings under our own names; ValueError where both names are given and differ."""
    renamed: dict[str, Any] = {}
    names: dict[str, str] = {}
    for name, value in flat.items():
        own, words = ALIASES.get(name, name), f"{name}={shown(value)}"
        if name in SWITCHES:
            if not isinstance(value, bool):
                raise ValueError(f"{words} must be True or False")
            own, on, off = SWITCHES[name]
            value = on if value else off
        if own in renamed and renamed[own] != value:
            raise ValueError(f"{own} is given twice, as {names[own]} and as {words}; give it once")
        renamed[own], names[own] = value, words
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
