"""Presets: which settings a run starts from. A size, an advice of the guide or a published recipe; and what each task
needs to be learned. Plain dicts of settings, laid over the dataclasses' defaults.

benchmarks/tasks.py prints what the tasks' presets reach on two cores, and in how many seconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from trm_explore.config.recipes import RECIPES

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
if TYPE_CHECKING:
    Preset = str
else:
    Preset = Literal[(*PRESETS, *RECIPES)]

# What a task needs to be learned, beside the preset's own numbers.
TASK_PRESETS: dict[str, dict[str, Any]] = {
    "sudoku4": {},
    "sudoku6": {"batch_size": 64, "lr": 4e-3, "updates": 600, "eval_H_cycles": 6},
    "sudoku9": {"batch_size": 64, "lr": 3e-3, "updates": 1500},
    "maze": {
        "mixer": "conv",
        "pos_encodings": "none",
        "hidden_size": 32,
        "expansion": 2.0,
        "H_cycles": 3,
        "L_cycles": 6,
        "batch_size": 32,
        "lr": 2e-3,
        "grad_clip": 0.1,  # gradients have rare spikes, a thousand times their size: with 0.5 a run lost all it knew
        "warmup_updates": 60,
        "updates": 600,
    },
    "reach": {
        "mixer": "conv",
        "pos_encodings": "none",
        "hidden_size": 32,
        "expansion": 2.0,
        "H_cycles": 3,
        "L_cycles": 3,
        "supervision_steps": 3,  # the states are carried on: what has been reached must also be kept
        "batch_size": 32,
        "lr": 3e-3,
        "updates": 900,
    },
    "addition": {
        "mixer": "conv",
        "pos_encodings": "none",
        "hidden_size": 32,
        "expansion": 2.0,
        "H_cycles": 5,
        "L_cycles": 1,
        "batch_size": 64,
        "lr": 6e-3,
        "updates": 800,
    },
    "sorting": {
        "mixer": "conv",
        "pos_encodings": "none",
        "hidden_size": 48,
        "expansion": 2.0,
        "H_cycles": 4,
        "L_cycles": 2,
        "batch_size": 64,
        "lr": 5e-3,
        "updates": 1000,
    },
    "parity": {
        "mixer": "conv",
        "pos_encodings": "none",
        "hidden_size": 32,
        "expansion": 2.0,
        # More than 16 bits need: the last ones learn to keep the answer, so that further ones do no harm.
        "H_cycles": 6,
        "L_cycles": 4,
        "batch_size": 32,
        "lr": 3e-3,
        "updates": 400,
    },
    "swirl": {
        "mixer": "attention",  # of one position: a linear layer
        "pos_encodings": "none",
        "hidden_size": 64,
        "expansion": 2.0,
        "H_cycles": 4,
        "L_cycles": 1,
        "batch_size": 256,
        "lr": 3e-3,
        "updates": 600,
        # The squared error falls below 0.001; the halting head's loss, of the order of 0.5, would drown it.
        "halt_loss_weight": 0.001,
    },
    "poisson": {
        "mixer": "conv",
        "pos_encodings": "none",
        "hidden_size": 32,
        "expansion": 2.0,
        "H_cycles": 4,
        "L_cycles": 2,
        "batch_size": 32,
        "lr": 6e-3,
        "updates": 1000,
        # The squared error falls below 0.01; the halting head's loss, of the order of 0.5, would drown it.
        "halt_loss_weight": 0.001,
    },
    "embeddings": {  # the defaults of the guide's scripts
        "mixer": "attention",
        "causal": True,
        "L_layers": 4,
        "L_cycles": 3,
        "num_heads": 16,
        "swiglu_multiple": 256,
        "batch_size": 8,
        "lr": 1e-4,
        "halt_max_steps": 10,
        "num_epochs": 1,
    },
}
# What of a task's own numbers is the kind of network it needs, and so holds for every size of one.
STRUCTURE = ("mixer", "pos_encodings", "causal", "num_epochs", "eval_H_cycles", "halt_loss_weight")


def preset_settings(own: dict[str, Any], size: str, flat: dict[str, Any]) -> dict[str, Any]:
    """Of a task's `own` settings those that hold under the preset `size` beside the `flat` settings given by hand."""
    if size in RECIPES:  # a whole training: nothing of the task's own is left to say
        own = {}
    elif size in SIZES and size != "tiny":
        own = {name: value for name, value in own.items() if name in STRUCTURE and name not in PRESETS[size]}
        if "mixer" in PRESETS[size]:  # a convolution knows its places, attention must be told
            own.pop("pos_encodings", None)
    own = dict(own)
    if "updates" in flat and "num_epochs" not in flat:
        own["num_epochs"] = None  # whoever says updates means them
    if "eval_H_cycles" not in flat and _more(flat.get("H_cycles"), own.get("eval_H_cycles")):
        own["eval_H_cycles"] = None  # whoever trains more steps reads them all
    return own


def _more(cycles: Any, read: Any) -> bool:
    return isinstance(cycles, int) and isinstance(read, int) and cycles > read
