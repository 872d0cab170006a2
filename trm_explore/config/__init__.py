"""What one run is, as frozen dataclasses: no torch, no files, no state.

    RunConfig(task="maze")                      # with the maze's own preset
    RunConfig.from_flat({"task": "sudoku4", "hidden_size": 64})

run.py has RunConfig; model.py, supervision.py, training.py and data.py its four parts; schedules.py and mixers.py one
entry a schedule or mixer; presets.py and recipes.py what a run starts from; checks.py what a wrong value is told. A
field is declared once, here: flags, controls, checkpoints and saved runs follow from it.
"""

from trm_explore.config.data import DataConfig, Difficulty
from trm_explore.config.mixers import MIXERS, Mixer
from trm_explore.config.model import Dtype, MixNorm, ModelConfig, Networks, Positions, States
from trm_explore.config.presets import PRESETS, SIZES, Preset
from trm_explore.config.recipes import RECIPES
from trm_explore.config.run import ALIASES, FIELDS, PARTS, SWITCHES, UNCLEAR, RunConfig, guide_names, unknown_setting
from trm_explore.config.schedules import SCHEDULES, Schedule
from trm_explore.config.supervision import Adaptive, Curriculum, Scope, SupervisionConfig
from trm_explore.config.training import Checkpointing, Loss, TrainConfig

__all__ = [
    "ALIASES",
    "FIELDS",
    "MIXERS",
    "PARTS",
    "PRESETS",
    "RECIPES",
    "SCHEDULES",
    "SIZES",
    "SWITCHES",
    "UNCLEAR",
    "Adaptive",
    "Checkpointing",
    "Curriculum",
    "DataConfig",
    "Difficulty",
    "Dtype",
    "Loss",
    "MixNorm",
    "Mixer",
    "ModelConfig",
    "Networks",
    "Positions",
    "Preset",
    "RunConfig",
    "Schedule",
    "Scope",
    "States",
    "SupervisionConfig",
    "TrainConfig",
    "guide_names",
    "unknown_setting",
]
