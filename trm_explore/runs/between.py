"""A look at a training between two of its updates, from another thread; what a run keeps of its weights at its end."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import fields
from pathlib import Path
from sys import getsizeof

from trm_explore.model import RecursiveModel
from trm_explore.model.checkpoint import Checkpoint, load_weights, slim
from trm_explore.training import Training
from trm_explore.training.events import Event


class Between:
    """One thread updates, others look: never both at once, and who wants to look waits for one event at most."""

    def __init__(self):
        self._changed, self._inside, self._looking = threading.Condition(), False, 0

    @contextmanager
    def update(self) -> Iterator[None]:
        with self._changed:
            self._changed.wait_for(lambda: not self._looking)
            self._inside = True
        try:
            yield
        finally:
            with self._changed:
                self._inside = False
                self._changed.notify_all()

    @contextmanager
    def look(self, timeout: float) -> Iterator[bool]:
        """Whether one may look now: False where an update took longer than `timeout` seconds."""
        with self._changed:
            self._looking += 1
            try:
                yield self._changed.wait_for(lambda: not self._inside, timeout)
            finally:
                self._looking -= 1
                self._changed.notify_all()


def weights_of(training: Training) -> Checkpoint | None:
    """A copy of the averaged weights on the CPU, with the resolved config; None before the first update."""
    if training.update == 0:
        return None
    checkpoint = slim(training.checkpoint())
    return checkpoint._replace(
        tensors={name: tensor.detach().cpu().clone() for name, tensor in checkpoint.tensors.items()}
    )


def state_of(training: Training) -> Checkpoint:
    """A copy, on the CPU, of all that the next updates depend on."""
    checkpoint = training.checkpoint()
    return checkpoint._replace(
        tensors={name: tensor.detach().cpu().clone() for name, tensor in checkpoint.tensors.items()}
    )


def let_go(training: Training) -> None:
    """Gives the memory of an ended training back at once. Its optimiser and its schedule hold each other, so it would
    stay until Python next looks for such circles; and the C library keeps what was given back, unless it is asked."""
    training.state.optimizer.state.clear()
    training.state.optimizer.param_groups.clear()
    vars(training.state).clear()


def trim() -> None:
    """Hands unused memory back to the system, where its C library can do that."""
    with suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)


def model_of(checkpoint: Checkpoint) -> RecursiveModel:
    """The model of those weights, in evaluation mode."""
    model = RecursiveModel(checkpoint.config.model, checkpoint.config.supervision, checkpoint.config.train)
    prefix = next(iter(checkpoint.tensors)).split(".")[0] + "."  # ema. or model.
    load_weights(model, checkpoint, prefix, "the run")
    return model.eval().requires_grad_(False)


def without_places(checkpoint: Checkpoint) -> Checkpoint:
    """For a file that leaves the machine: the user's own puzzles by their bare names."""
    flat = checkpoint.config.to_flat()
    bare = {name: Path(flat[name]).name for name in ("data", "eval_data") if flat[name]}
    return checkpoint._replace(config=checkpoint.config.with_flat(**bare)) if bare else checkpoint


def size_of(checkpoint: Checkpoint) -> int:
    """Bytes of its tensors."""
    return sum(tensor.numel() * tensor.element_size() for tensor in checkpoint.tensors.values())


def bytes_of_event(event: Event) -> int:
    """Memory that an event keeps: its lists, numbers and texts."""
    total, ahead = 0, [getattr(event, field.name) for field in fields(event)]
    while ahead:
        value = ahead.pop()
        total += getsizeof(value)
        if isinstance(value, dict):
            ahead += value.values()
        elif isinstance(value, list | tuple):
            ahead += value
    return total
