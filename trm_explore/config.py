"""What one run is: four parts (parts.py) and their sum, RunConfig. No torch, no files, no state.

The CLI's flags, the page's controls, checkpoints and saved runs are all derived from these fields; a field's name is
unique across the four, so a run is also one flat dict (the deep-supervision guide's dict is such a one):

    RunConfig.from_flat({"task": "sudoku4", "hidden_size": 64, "enable_deep_supervision": True}).to_flat()
"""

from __future__ import annotations

import difflib
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from trm_explore.checks import one_of, text
from trm_explore.parts import (
    DataConfig,
    Difficulty,
    Dtype,
    Mixer,
    ModelConfig,
    Positions,
    Preset,
    Schedule,
    Scope,
    SupervisionConfig,
    TrainConfig,
)

__all__ = [
    "FIELDS",
    "MODEL_PRESETS",
    "PARTS",
    "TRAIN_PRESETS",
    "DataConfig",
    "Difficulty",
    "Dtype",
    "Mixer",
    "ModelConfig",
    "Positions",
    "Preset",
    "RunConfig",
    "Schedule",
    "Scope",
    "SupervisionConfig",
    "TrainConfig",
]

MODEL_PRESETS: dict[str, dict[str, Any]] = {
    "tiny": {},  # the defaults below: what learns 4x4 Sudoku in seconds on two cores
    "small": {"hidden_size": 128, "L_cycles": 4},
    # The shape published with TRM: 2 layers of width 512, 8 heads, inner width rounded up to a multiple of 256.
    "paper": {
        "hidden_size": 512,
        "L_layers": 2,
        "num_heads": 8,
        "swiglu_multiple": 256,
        "L_cycles": 6,
        "mixer": "attention",
    },
}
TRAIN_PRESETS: dict[str, dict[str, Any]] = {"tiny": {}, "small": {"lr": 2e-3}, "paper": {"lr": 1e-4}}


@dataclass(frozen=True, slots=True)
class RunConfig:
    """One run: a task, a network, its supervision, its training, its data."""

    task: str = "sudoku4"
    """The task's name."""
    preset: Preset = "tiny"
    """The size the run started from (every field may differ from it)."""
    out: str = ""
    """Folder for config.json, events.jsonl and model.safetensors. Empty: keep nothing."""
    model: ModelConfig = field(default_factory=ModelConfig)
    supervision: SupervisionConfig = field(default_factory=SupervisionConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    puzzles: DataConfig = field(default_factory=DataConfig)

    def __post_init__(self) -> None:
        text(self, "task")
        text(self, "out")
        one_of(self, "preset", Preset)
        custom, steps = self.supervision.custom_weights, self.model.H_cycles
        if self.supervision.deep_supervision_schedule == "custom" and len(custom) != steps:
            raise ValueError(
                f"custom_weights has {len(custom)} numbers, but H_cycles={steps} gives {steps} steps; "
                "give one weight a step"
            )

    @classmethod
    def from_preset(cls, preset: str = "tiny", **flat: Any) -> RunConfig:
        """A run of the named size; flat fields override it."""
        if preset not in MODEL_PRESETS:
            raise ValueError(f"preset={preset!r} is not known; allowed are {', '.join(MODEL_PRESETS)}")
        return cls.from_flat({"preset": preset, **MODEL_PRESETS[preset], **TRAIN_PRESETS[preset], **flat})

    @classmethod
    def from_flat(cls, flat: dict[str, Any]) -> RunConfig:
        """From one flat dict of field names; unknown names are refused."""
        return cls().with_flat(**flat)

    def with_flat(self, **flat: Any) -> RunConfig:
        """A copy with some fields changed, whichever part they belong to."""
        changes: dict[str, dict[str, Any]] = {part: {} for part in (*PARTS, "")}
        for name, value in flat.items():
            if name not in FIELDS:
                near = difflib.get_close_matches(name, FIELDS, 1)
                hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(FIELDS)}"
                raise ValueError(f"{name!r} is not a setting of a run; {hint}")
            changes[FIELDS[name]][name] = tuple(value) if isinstance(value, list) else value
        parts = {part: replace(getattr(self, part), **changes[part]) for part in PARTS}
        return replace(self, **changes[""], **parts)

    def to_flat(self) -> dict[str, Any]:
        """Every field by its own name; JSON-ready."""
        nested = asdict(self)
        flat = {name: nested[name] for name in FIELDS if not FIELDS[name]}
        for part in PARTS:
            flat |= nested[part]
        flat["custom_weights"] = list(flat["custom_weights"])
        return flat


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
