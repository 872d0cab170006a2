"""Where the states go: two principal directions of the latent space with the paths through it, and how far every cycle
still moves.

    paths = latent_paths(model, task, task.held_out(1))
    paths.mean_path                              # (S + 1, 2): from the start state through the steps
    state_change(record(model, batch, H_cycles=12)).text

The plane is fitted to the states of *other* held-out puzzles, so that the path shown does not choose its own
coordinates. Shapes: S steps, L positions, D width, M points of the cloud.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from trm_explore.analysis.view import one_puzzle, short
from trm_explore.config.checks import shown as short_repr
from trm_explore.model import Batch, RecursiveModel
from trm_explore.model.carry import to_device
from trm_explore.model.recursion import device_of
from trm_explore.tasks.base import Task
from trm_explore.training.evaluation import puzzles_of, task_of
from trm_explore.training.trajectory import Trajectory, inputs_of, record
from trm_explore.words import measurements
from trm_explore.words.percent import percent

SENT = 600  # points of the cloud that to_dict keeps: as many as an eye can use
STILL = 0.01  # a state that moves by less than this part of its length stands still


@dataclass(frozen=True, slots=True)
class LatentPaths:
    """Everything in the coordinates of two principal directions."""

    state: str  # z_H or z_L
    cloud: np.ndarray  # (M, 2) states of other puzzles, every step and position
    cloud_steps: np.ndarray  # (M,) the step each belongs to
    start: np.ndarray  # (2,) the state that every position starts from
    paths: np.ndarray  # (L, S, 2) the shown puzzle's, one a position
    explained: np.ndarray  # (2,) part of the cloud's variance along each direction
    center: np.ndarray  # (D,) the cloud's mean
    directions: np.ndarray  # (2, D) orthonormal

    @property
    def mean_path(self) -> np.ndarray:
        """(S + 1, 2) the mean over the positions, from the start state on."""
        return np.concatenate([self.start[None], self.paths.mean(0)])

    @property
    def text(self) -> str:
        """What of the cloud one sees."""
        first, second = map(percent, self.explained.tolist())
        return measurements.DIRECTIONS.format(first=first, second=second, state=self.state)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready; of the cloud every k-th point, SENT at most."""
        every = max(1, -(-len(self.cloud) // SENT))
        return {
            "state": self.state,
            "cloud": short(self.cloud[::every], 3),
            "cloud_steps": self.cloud_steps[::every].tolist(),
            "start": short(self.start, 3),
            "paths": short(self.paths, 3),
            "mean_path": short(self.mean_path, 3),
            "explained": short(self.explained, 3),
            "text": self.text,
        }


@dataclass(frozen=True, slots=True)
class StateChange:
    """How far each cycle moved the states, in units of their own length: |z - z before| / |z before|, mean over
    puzzles."""

    z_H: list[float]  # (S,)
    z_L: list[float]

    @property
    def still_from(self) -> int | None:
        """The first step from which on z_H stands still, if it does."""
        moving = [k for k, change in enumerate(self.z_H) if not change < STILL]
        first = moving[-1] + 1 if moving else 0
        return first if first < len(self.z_H) else None

    @property
    def text(self) -> str:
        """Does it come to rest? A small change for good need not be none: many small moves add up."""
        if self.still_from is not None:
            return measurements.AT_REST.format(step=self.still_from)
        change = 100 * self.z_H[-1]
        if len(self.z_H) > 2 and self.z_H[-1] > 0.5 * self.z_H[len(self.z_H) // 2]:
            return measurements.NO_FIXED_POINT.format(change=change)
        return measurements.PERHAPS_FIXED_POINT.format(change=change)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {"z_H": short(self.z_H), "z_L": short(self.z_L), "still_from": self.still_from, "text": self.text}


def latent_paths(
    model: RecursiveModel,
    task: Task | str | Any,
    batch: Batch,
    *,
    puzzle: int = 0,
    others: int = 64,
    state: str = "z_H",
    H_cycles: int | None = None,
) -> LatentPaths:
    """The path of one puzzle of a batch (inputs; board=(rows, cols) where it is not the held-out puzzles') over the
    cloud of `others` held-out puzzles.

    Principal component analysis of the cloud in float64; the sign is such that a direction's largest entry is
    positive, so the same model always gives the same picture.
    """
    task = task_of(model, task)
    if state not in ("z_H", "z_L"):
        raise ValueError(f"state={short_repr(state)} is not known; allowed are z_H and z_L")
    if others < 2:
        raise ValueError(f"others={others} puzzles make no cloud; give at least 2")
    settings = {"H_cycles": H_cycles, "keep_states": True}
    shown = one_puzzle({"board": task.held_out_shape()} | to_device(batch, device_of(model)), puzzle)
    there = puzzles_of(task, others + 1)
    inputs, own = inputs_of(there), inputs_of(shown).cpu().numpy()
    if inputs.shape[1:] == own.shape[1:]:
        apart = (inputs != own).any(tuple(range(1, inputs.ndim)))
        there = {name: value[apart] for name, value in there.items()}
    there = {name: value[:others] for name, value in there.items()}
    path = getattr(record(model, shown, **settings), state)[:, 0].astype(np.float64)  # (S, L, D)
    states = getattr(record(model, there, **settings), state)  # (S, N, L, D)
    S, D = len(states), states.shape[-1]
    points = states.reshape(-1, D).astype(np.float64)
    center = points.mean(0)
    around = points - center
    variances, vectors = np.linalg.eigh(around.T @ around / len(points))  # ascending
    directions = vectors[:, :-3:-1].T  # (2, D); one row where D is 1
    largest = directions[np.arange(len(directions)), np.abs(directions).argmax(1)]
    directions = directions * np.where(largest < 0, -1.0, 1.0)[:, None]
    start = (model.H_init if state == "z_H" and model.config.states == "two" else model.L_init).double().cpu().numpy()

    def seen(z: np.ndarray) -> np.ndarray:
        return (z - center) @ directions.T

    return LatentPaths(
        state,
        seen(points),
        np.repeat(np.arange(S), len(points) // S),
        seen(start),
        seen(path).transpose(1, 0, 2),
        variances[: -len(directions) - 1 : -1] / max(variances.sum(), 1e-300),
        center,
        directions,
    )


def state_change(trajectory: Trajectory) -> StateChange:
    """How far every cycle of a recording moved the states."""
    return StateChange(trajectory.change_H.mean(1).tolist(), trajectory.change_L.mean(1).tolist())
