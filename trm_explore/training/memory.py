"""Memory: refused before a run where it cannot fit, said in one sentence where it ran out, with a smaller setting."""

from __future__ import annotations

import os

import torch

from trm_explore.config import RunConfig
from trm_explore.model.cost import estimate, memory_size, smaller


def out_of_memory(error: Exception) -> bool:
    """Whether that is what an error means; on a CPU torch has no exception of its own for it."""
    text = str(error)
    return (
        isinstance(error, MemoryError | torch.OutOfMemoryError) or "allocate memory" in text or "out of memory" in text
    )


def check_memory(config: RunConfig, device: torch.device, processes: int = 1) -> None:
    """Refuses what cannot fit, before the system ends the whole process for it. Of several processes each needs its
    share."""
    if device.type == "cuda":
        there = torch.cuda.get_device_properties(device).total_memory
    elif hasattr(os, "sysconf"):
        there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    else:
        return  # Windows does not say
    needed = estimate(config, processes=processes).memory
    if needed > there:
        raise ValueError(
            f"batch_size={config.train.batch_size} with this model needs about {memory_size(needed)}, {device} has "
            f"{memory_size(there)}; {_smaller_setting(config)}"
        )


def memory_full(config: RunConfig) -> tuple[str, str]:
    """(reason, advice) for a run that found no memory: what it needs, and what the next smaller setting would."""
    needed = memory_size(estimate(config).memory)
    return f"the device's memory is full: this run needs about {needed}", _smaller_setting(config)


def _smaller_setting(config: RunConfig) -> str:
    change = smaller(config)
    if not change:
        return "take a smaller preset"
    (name, value), *_ = change.items()
    return f"{name}={value} would need about {memory_size(estimate(config.with_flat(**change)).memory)}"
