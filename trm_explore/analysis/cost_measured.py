"""What one optimiser update costs with these settings, measured here and now, against one without deep supervision:
one loss at the end, in its own gradient scope.

    measure_cost(preset("sudoku4", enable_deep_supervision=True), seconds=4).text

Two trainings of the one kind there is (training/loop.py) take turns, so that a machine that slows down slows both.
Saved activations are counted during an update that is not timed. (Ours.)
"""

from __future__ import annotations

import statistics
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from trm_explore.analysis.view import short
from trm_explore.config import RunConfig
from trm_explore.config.checks import is_number, shown
from trm_explore.model.cost import estimate, memory_size, saved_activations
from trm_explore.training import Training
from trm_explore.training import events as ev
from trm_explore.words import measurements

# Nothing but updates, each as costly as a late one.
PLAIN = {
    "updates": 1_000_000,
    "num_epochs": None,
    "curriculum": "off",
    "eval_every": 0,
    "frame_every": 0,
    "gradient_every": 0,
    "out": "",
}
ENOUGH = 30  # pairs of updates: the median then moves little


@dataclass(frozen=True, slots=True)
class CostMeasured:
    """One update with the settings as they are, and `off`: the same with deep supervision off."""

    updates: int  # pairs of updates that were timed
    seconds: float  # median
    seconds_off: float  # by the ratio, so that what is said of the three agrees
    ratio: float  # median over the pairs; 1 where supervision is off anyway
    kept: int | None  # most bytes of saved activations at a time; None where it cannot be counted
    kept_off: int | None
    estimated_seconds: float  # cost.estimate, on one thread
    estimated_ratio: float
    estimated_kept: float  # bytes

    @property
    def text(self) -> str:
        """In words."""
        time = _milliseconds(self.seconds)
        if self.ratio == 1:
            text = measurements.COST_ALONE.format(time=time)
        else:
            text = measurements.COST_AGAINST_OFF.format(
                time=time,
                ratio=self.ratio,
                time_off=_milliseconds(self.seconds_off),
                estimated=self.estimated_ratio,
            )
        one = self.updates == 1
        text += measurements.COST_ONE if one else measurements.COST_MEDIANS.format(updates=self.updates)
        if self.kept is None:
            return text
        memory = memory_size(self.kept)
        if self.kept_off and self.kept != self.kept_off:
            return text + measurements.COST_KEEPS_MORE.format(memory=memory, ratio=self.kept / self.kept_off)
        return text + measurements.COST_KEEPS.format(memory=memory)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return short(asdict(self)) | {"text": self.text}


def measure_cost(config: RunConfig, *, seconds: float = 4.0) -> CostMeasured:
    """Measures for at most about `seconds`, less where ENOUGH pairs are done; puzzles are prepared before that.

    Kept bytes: on a GPU the allocator's peak above what was there before the update, on a CPU the tensors that autograd
    saves; None on a CPU with activation_checkpointing, whose second computation saves out of sight. ValueError for
    settings that cannot run, and where not one update of each kind fits into the time.
    """
    if not (is_number(seconds) and seconds > 0):
        raise ValueError(f"seconds={shown(seconds)} must be a finite number above 0")
    config = config.with_flat(**PLAIN)
    kinds = [config]
    if config.supervision.enable_deep_supervision:
        kinds.append(config.with_flat(enable_deep_supervision=False, gradient_scope="auto"))
    trainings = [Training(kind) for kind in kinds]
    for training in trainings:
        for _ in training.task.prepare():
            pass
    with ExitStack() as stack:
        for training in trainings:  # closed in reverse order: the first one's closing restores torch's threads
            stack.callback(training.close)
        timer = threading.Timer(seconds, lambda: [training.stop() for training in trainings])
        timer.daemon = True
        timer.start()
        stack.callback(timer.cancel)
        kept, times = [], [[] for _ in trainings]
        for training in trainings:
            with _counted(training) as most:
                _one_update(training)
            kept.append(most[0])
        while len(times[-1]) < ENOUGH:
            took = [_one_update(training) for training in trainings]
            if None in took:
                break
            for row, time in zip(times, took, strict=True):
                row.append(time)
    if not times[-1]:
        raise ValueError(
            f"seconds={seconds:g} is too short: two updates of each kind do not fit into it; give more, or take a "
            f"smaller batch_size (now {config.train.batch_size})"
        )
    on, off = times[0], times[-1]
    seconds_on, ratio = statistics.median(on), statistics.median(a / b for a, b in zip(on, off, strict=True))
    resolved = [training.config for training in trainings]
    guesses = [estimate(kind).seconds_per_update for kind in resolved]
    return CostMeasured(
        len(on),
        seconds_on,
        seconds_on / ratio,
        ratio,
        kept[0],
        kept[-1],
        guesses[0],
        guesses[0] / guesses[-1],
        4.0 * resolved[0].train.batch_size * saved_activations(resolved[0]),
    )


def _one_update(training: Training) -> float | None:
    """Seconds of the next update by the training's own clock; None where the time was over."""
    before = training.seconds
    for event in training:
        if isinstance(event, ev.UpdateDone):
            return training.seconds - before
        if isinstance(event, ev.Failed):
            raise ValueError(f"{event.reason}; {event.advice}")
    return None


@contextmanager
def _counted(training: Training) -> Iterator[list[int | None]]:
    """Afterwards the list's one entry says how many bytes of activations were saved at a time, at most."""
    most: list[int | None] = [None]
    if training.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(training.device)
        before = torch.cuda.memory_allocated(training.device)
        yield most
        most[0] = torch.cuda.max_memory_allocated(training.device) - before
        return
    if training.config.train.activation_checkpointing != "none":
        yield most
        return
    weights = {p.untyped_storage().data_ptr() for p in training.model.parameters()}
    holders: dict[int, int] = {}  # storage -> saved tensors that hold it
    now, most[0] = 0, 0

    class Saved:
        def __init__(self, tensor: Tensor):
            nonlocal now
            self.tensor, storage = tensor, tensor.untyped_storage()
            self.at, self.bytes = storage.data_ptr(), storage.nbytes()
            if self.at not in weights:
                holders[self.at] = holders.get(self.at, 0) + 1
                now += self.bytes if holders[self.at] == 1 else 0
                most[0] = max(most[0], now)

        def __del__(self) -> None:
            nonlocal now
            if self.at not in weights:
                holders[self.at] -= 1
                now -= 0 if holders[self.at] else self.bytes

    with torch.autograd.graph.saved_tensors_hooks(Saved, lambda saved: saved.tensor):
        yield most


def _milliseconds(seconds: float) -> str:
    return f"{1000 * seconds:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"
