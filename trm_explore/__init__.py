"""Train Tiny Recursive Models in seconds, and see how they reason.

A Tiny Recursive Model (TRM) applies one small network again and again and refines its whole answer with every pass; a
pass's answer is a step. *Deep supervision* puts a loss on every step, not only on the last.

Train a task by its name, with any settings beside it. A training is a stream of events; nothing is computed until the
next one is asked for.

    >>> from trm_explore import *
    >>> training = train("sudoku4", enable_deep_supervision=True, updates=20)
    >>> for event in training:
    ...     if type(event).__name__ == "Evaluated":
    ...         print("update", event.update, "loss by step", [round(loss, 1) for loss in event.loss])
    update 20 loss by step [..., ..., ...]

Load a model: one that ships, the folder of a run, a file, or hf://user/name. How good is it, after each step?

    >>> model, config = load_checkpoint("maze-linear")
    >>> model
    RecursiveModel(... weights, conv, D=..., H_cycles=..., L_cycles=...)
    >>> scores = evaluate(model, "maze", 100)
    >>> scores.exact_accuracy[0] < 0.5 < 0.9 < scores.exact_accuracy[-1]
    True

Watch it think; with H_cycles=... for longer than in training. A batch is a dict of NumPy arrays, one row a puzzle.

    >>> task, config = resolve(config)
    >>> puzzles = task.held_out(8)
    >>> trajectory = record(model, puzzles)
    >>> trajectory
    Trajectory(... steps of 8 puzzles, 49 positions, labelled)
    >>> right = [task.check(trajectory.inputs, answers, trajectory.labels).sum() for answers in trajectory.answers]
    >>> int(right[0]) < int(right[-1])
    True

What a step's loss weighs, and what it teaches:

    >>> supervision_weights("linear_decay", n_steps=3)
    tensor([0.1667, 0.3333, 1.0000])
    >>> statistics = gradient_statistics(model, puzzles)      # of each step's loss alone
    >>> len(statistics.network) == model.config.H_cycles
    True

All settings of a run are one RunConfig, flat by name, from a preset; flags of the command line have the same names.

    >>> config = preset("addition", "small", H_cycles=8, deep_supervision_schedule="u_shaped")
    >>> config.model.H_cycles, config.train.lr, config.with_flat(lr=1e-3).train.lr
    (8, 0.002, 0.001)

A run that is kept in a folder (`out="runs/first"` on the command line) is diagnosed, resumed and loaded by it:
`diagnose("runs/first")`, `train(config, resume="runs/first")`, `load_checkpoint("runs/first")`. What cannot be taken is
a ValueError of one sentence: what was given, what is allowed, what to do.

Further rooms: `trm_explore.analysis` (longer thought, interventions, latent space, influence, seeds), `plots` (figures
for print), `widgets` (panels for notebooks), `training.events` (what a training says), `model` (the recursion); a task
of one's own is any object with rows, cols, vocab_size, sample(n, rng) and held_out(n). The page: `python -m trm_explore
app`; all commands: `python -m trm_explore --help`.
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
