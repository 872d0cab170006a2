"""What moves the weights: AdamW, or Adam-atan2; the learning rate over a run; averaged weights.

Adam-atan2 (arXiv 2407.05872) divides by no epsilon: an update is lr x atan2(m, sqrt(v)), m and v as in Adam. HRM and
TRM were published with it. The class comes from the package adam-atan2-pytorch, an optional extra; its factor of 1.27
is set to 1, which the published runs had, so that learning rates mean the same here and there.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from trm_explore.config import TrainConfig

COUNTERS = ("step", "steps")  # the names of AdamW's and of Adam-atan2's count of updates


def optimizer_for(parameters: Iterable[nn.Parameter], config: TrainConfig) -> Optimizer:
    """The config's optimiser; weight decay is decoupled in both (w <- (1 - lr x weight_decay) w). ValueError where its
    package is not installed."""
    settings = {"lr": config.lr, "betas": (config.beta1, config.beta2), "weight_decay": config.weight_decay}
    if config.optimizer == "adamw":
        return torch.optim.AdamW(parameters, **settings)
    try:
        from adam_atan2_pytorch import AdamAtan2
    except ImportError:
        raise ValueError(
            "optimizer=adam_atan2 needs the package adam-atan2-pytorch, which is not installed; "
            'run pip install "trm-explore[adam-atan2]", or take optimizer=adamw'
        ) from None
    return AdamAtan2(parameters, a=1.0, **settings)


def slots_of(optimizer: Optimizer) -> dict[str, Tensor]:
    """An optimiser's state, named `index.slot`; a count that is kept as a plain number becomes a tensor."""
    state = optimizer.state_dict()["state"]
    return {
        f"{index}.{slot}": torch.as_tensor(value) for index, slots in state.items() for slot, value in slots.items()
    }


def restore_slots(optimizer: Optimizer, saved: dict[str, Tensor], weights: list[nn.Parameter]) -> None:
    """Back from `slots_of`; ValueError where it belongs to other weights or to another optimiser."""
    slots: dict[int, dict[str, Any]] = {}
    for name, value in saved.items():
        index, slot = name.split(".")
        slots.setdefault(int(index), {})[slot] = value
    if slots and slots.keys() != set(range(len(weights))):
        raise ValueError(f"optimiser state of {len(slots)} of {len(weights)} weights")
    plain = not isinstance(optimizer, torch.optim.AdamW)
    for index, values in slots.items():
        if ("steps" if plain else "step") not in values:
            raise ValueError(f"optimizer.{index} has {', '.join(sorted(values))}, which is another optimiser's")
        for slot, value in values.items():
            if value.shape != (() if slot in COUNTERS else weights[index].shape):
                raise ValueError(f"optimizer.{index}.{slot} has shape {tuple(value.shape)}")
        if plain:
            values["steps"] = int(values["steps"])
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": slots, "param_groups": groups})


def learning_rate_factor(update: int, config: TrainConfig) -> float:
    """lr's factor for the update that follows `update` done ones: linear warm-up, then cosine down to lr_min_ratio (1:
    it stays, as published)."""
    warmup = min(config.warmup_updates, config.updates)
    if update < warmup:
        return (update + 1) / warmup
    place = min(1.0, (update - warmup) / max(1, config.updates - warmup))
    return config.lr_min_ratio + (1 - config.lr_min_ratio) * 0.5 * (1 + math.cos(math.pi * place))


def warmed_up_average(decay: float):
    """EMA with the decay min(decay, (1+t)/(10+t)): a constant one remembers the random start for too long."""

    def average(averaged: list[Tensor], current: list[Tensor], t: Tensor) -> None:
        t = int(t)
        torch._foreach_lerp_(averaged, current, 1 - min(decay, (1 + t) / (10 + t)))

    return average
