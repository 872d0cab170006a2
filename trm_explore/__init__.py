"""trm_explore: see how tiny recursive networks reason.

    from trm_explore import RunConfig, train
    for event in train(RunConfig(task="sudoku4")): print(event)

The page is `python -m trm_explore app`; docs/architecture.md says which room holds what.
"""

import sys
import warnings
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

from trm_explore.analysis.diagnosis import diagnose
from trm_explore.config import ModelConfig, RunConfig, SupervisionConfig, TrainConfig
from trm_explore.data.assets import asset
from trm_explore.model import RecursiveModel
from trm_explore.model.checkpoint import load_checkpoint
from trm_explore.tasks import TASKS, preset, resolve
from trm_explore.tasks.base import RealTask, Task
from trm_explore.training import train
from trm_explore.training.evaluation import evaluate, evaluate_halting
from trm_explore.training.gradients import gradient_statistics
from trm_explore.training.losses import deep_supervision_loss, supervision_weights
from trm_explore.training.trajectory import record

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

# Where modules of the first release stand now: their old names lead there, with a warning.
MOVED = {
    "checkpoint": "model.checkpoint",
    "cost": "model.cost",
    "evaluation": "training.evaluation",
    "events": "training.events",
    "gradients": "training.gradients",
    "network": "model.network",
    "open_run": "runs.open_run",
    "pairs": "shipped.pairs",
    "parts": "config",
    "published": "model.published",
    "report": "web.report",
    "resources": "data.assets",
    "run_folder": "training.run_folder",
    "supervision": "training.losses",
    "trajectory": "training.trajectory",
    "update": "training.update",
}


class _EarlierNames(MetaPathFinder, Loader):
    """Imports trm_explore.NAME of the first release from where it stands now."""

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> ModuleSpec | None:
        package, _, name = fullname.rpartition(".")
        return ModuleSpec(fullname, self) if package == __name__ and name in MOVED else None

    def exec_module(self, module: ModuleType) -> None:
        new = f"{__name__}.{MOVED[module.__name__.rpartition('.')[2]]}"
        warnings.warn(f"{module.__name__} is now {new}; import it from there", DeprecationWarning, stacklevel=2)
        sys.modules[module.__name__] = import_module(new)


sys.meta_path.append(_EarlierNames())
