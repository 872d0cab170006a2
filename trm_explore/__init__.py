"""trm_explore: see how tiny recursive networks reason.

    from trm_explore import RunConfig, train
    for event in train(RunConfig(task="sudoku4")): print(event)

The page is `python -m trm_explore app`; docs/architecture.md says which room holds what.
"""

from trm_explore.analysis import diagnose
from trm_explore.checkpoint import load_checkpoint
from trm_explore.config import ModelConfig, RunConfig, SupervisionConfig, TrainConfig
from trm_explore.evaluation import evaluate, evaluate_halting
from trm_explore.gradients import gradient_statistics
from trm_explore.model import RecursiveModel
from trm_explore.resources import asset
from trm_explore.supervision import deep_supervision_loss, supervision_weights
from trm_explore.tasks import TASKS, RealTask, Task, preset, resolve
from trm_explore.training import train
from trm_explore.trajectory import record

__version__ = "0.1.0"
__all__ = [
    "TASKS",
    "ModelConfig",
    "RealTask",
    "RecursiveModel",
    "RunConfig",
    "SupervisionConfig",
    "Task",
    "TrainConfig",
    "asset",
    "deep_supervision_loss",
    "diagnose",
    "evaluate",
    "evaluate_halting",
    "gradient_statistics",
    "load_checkpoint",
    "preset",
    "record",
    "resolve",
    "supervision_weights",
    "train",
]
