"""The four parts of a run's config: model, supervision, training, data; frozen, checked when made. No torch.

Every wrong value raises ValueError with one sentence: what, its value, what is allowed.
"""

from trm_explore.parts.data import DataConfig, Difficulty
from trm_explore.parts.mixers import MIXERS, Mixer
from trm_explore.parts.model import Dtype, MixNorm, ModelConfig, Networks, Positions, States
from trm_explore.parts.schedules import SCHEDULES, Schedule
from trm_explore.parts.supervision import Adaptive, Curriculum, Scope, SupervisionConfig
from trm_explore.parts.training import Checkpointing, Loss, TrainConfig

__all__ = [
    "MIXERS",
    "SCHEDULES",
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
    "Schedule",
    "Scope",
    "States",
    "SupervisionConfig",
    "TrainConfig",
]
