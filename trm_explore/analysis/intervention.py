"""Change a running inference and see whether the model recovers: an answer's cell, or noise in a state.

    before, after = intervene(model, batch, [SetCell(after_step=0, position=3, token=2)], H_cycles=8)
    recovered(before, after).text                # "The edit changed 1 cell at step 0; from step 1 on the answer is ..."

To edit the puzzle itself, record another batch. All of this is ours. Shapes: B puzzles, L positions, D width, V symbols
or numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from trm_explore.analysis.view import View
from trm_explore.config.checks import is_number, shown
from trm_explore.model import Batch, Carry, Cycle, RecursiveModel
from trm_explore.model.carry import to_device
from trm_explore.model.recursion import device_of
from trm_explore.training.trajectory import Trajectory, inputs_of, record
from trm_explore.words import measurements

LEAD = 1.0  # logits by which a set symbol leads every other: enough to survive rounding, no more
TURNS = 20_000  # of the search for the smallest move; a few dozen are the rule


@dataclass(frozen=True, slots=True)
class SetCell:
    """After step `after_step` z_H at a position is moved as little as makes the head read `token` there: a symbol, or
    for tasks of numbers the number, or the V numbers."""

    after_step: int
    position: int
    token: int | float | tuple[float, ...]
    puzzle: int | None = None  # of the batch; None: every one


@dataclass(frozen=True, slots=True)
class Noise:
    """After step `after_step` normal noise is added to a whole state, `scale` times the state's root mean square."""

    after_step: int
    state: Literal["z_H", "z_L"] = "z_H"
    scale: float = 1.0
    seed: int = 0
    puzzle: int | None = None


Edit = SetCell | Noise


@dataclass(frozen=True, slots=True)
class Recovery:
    """What became of an edit in one puzzle, answer by answer against the undisturbed run. Steps from 0."""

    cells: list[int]  # (S,) cells that differ at each step
    first_changed: int | None  # the first step whose answer differs; None: no answer does
    back_at: int | None  # from this step on no answer differs any more; None: the last one does

    @property
    def text(self) -> str:
        """In words."""
        if self.first_changed is None:
            return measurements.EDIT_NOTHING
        step = self.first_changed
        cells = _cells(self.cells[step])
        if self.back_at is not None:
            return measurements.EDIT_BACK.format(cells=cells, step=step, back=self.back_at)
        count = self.cells[-1]
        left = measurements.EDIT_LEFT_ONE if count == 1 else measurements.EDIT_LEFT.format(count=count)
        return measurements.EDIT_STAYED.format(cells=cells, step=step, left=left)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self) | {"text": self.text}


def intervene(
    model: RecursiveModel,
    batch: Batch,
    edits: Sequence[Edit],
    *,
    H_cycles: int | None = None,
    keep_states: bool = False,
) -> tuple[Trajectory, Trajectory]:
    """(before, after): the same inference without and with the edits. In `after` a step that is edited shows the edited
    states and what the head reads in them; what follows goes on from there. The model is not touched.

    A set symbol: the nearest state, of the same length as before, in which it leads every other symbol. A set number:
    the nearest of the same length that the head reads so, else the nearest. ValueError for edits that do not fit.
    """
    batch = to_device(batch, device_of(model))
    S = model.config.H_cycles if H_cycles is None else H_cycles
    for edit in edits:
        _check(edit, model, batch, S)

    def edited(carry: Carry, *, H_cycles: int | None, **settings: Any) -> Iterator[Cycle]:
        for index in range(S):
            (cycle,) = model.cycles(carry, H_cycles=1, **settings)
            cycle = cycle._replace(index=index)
            for edit in edits:
                if edit.after_step == index:
                    cycle = (_set_cell if isinstance(edit, SetCell) else _add_noise)(model, edit, cycle)
                    cycle = _read(model, cycle)
            carry = carry._replace(z_H=cycle.z_H, z_L=cycle.z_L)
            yield cycle

    same = {"H_cycles": S, "keep_states": keep_states}
    return record(model, batch, **same), record(View(model, cycles=edited), batch, **same)


def recovered(before: Trajectory, after: Trajectory, *, puzzle: int = 0, tolerance: float = 0.0) -> Recovery:
    """Whether, and at which step, puzzle's answer is again that of the undisturbed run. Numbers are the same up to a
    mean squared difference of `tolerance` (the task's)."""
    a, b = before.answers[:, puzzle], after.answers[:, puzzle]  # (S, L) symbols, or (S, L, V) numbers
    if b.ndim == 3:
        squares = np.square(a - b).mean(2)  # (S, L)
        whole, cells = squares.mean(1) > tolerance, squares > tolerance
        cells &= whole[:, None]  # right as a whole: no cell counts
    else:
        cells = a != b
        whole = cells.any(1)
    steps = np.flatnonzero(whole)
    first = int(steps[0]) if len(steps) else None
    back = int(steps[-1]) + 1 if len(steps) and steps[-1] + 1 < len(a) else None
    return Recovery(cells.sum(1).tolist(), first, back)


def _read(model: RecursiveModel, cycle: Cycle) -> Cycle:
    """What the heads say of changed states."""
    logits = model.lm_head(cycle.z_H[:, model.config.puzzle_emb_len :]).float()
    return cycle._replace(logits=logits, q_halt=model.q_head(cycle.z_H[:, 0])[:, 0].float())


def _moved(model: RecursiveModel, cycle: Cycle, name: str, state: Tensor) -> Cycle:
    """The cycle with one state replaced; with states=one there is only one."""
    both = model.config.states == "one"
    return cycle._replace(**dict.fromkeys(("z_H", "z_L") if both else (name,), state))


def _set_cell(model: RecursiveModel, edit: SetCell, cycle: Cycle) -> Cycle:
    rows = model.lm_head.weight.detach().double().cpu().numpy()  # (V, D)
    z_H, at = cycle.z_H.clone(), model.config.puzzle_emb_len + edit.position
    for i in range(len(z_H)) if edit.puzzle is None else [edit.puzzle]:
        z = z_H[i, at].double().cpu().numpy()
        if model.config.input_size is None:
            state = _reading_symbol(z, rows, int(edit.token))
        else:
            state = _reading_numbers(z, rows, np.broadcast_to(np.asarray(edit.token, float), len(rows)))
        z_H[i, at] = torch.from_numpy(state)
    return _moved(model, cycle, "z_H", z_H)


def _reading_symbol(z: np.ndarray, rows: np.ndarray, token: int) -> np.ndarray:
    """(D,) the state nearest to z in which `token` leads by LEAD, brought back to z's length: the head has no bias, so
    the length does not decide who leads."""
    moved = z + smallest_move(z, rows, token)
    return moved * np.linalg.norm(z) / np.linalg.norm(moved)


def smallest_move(z: np.ndarray, rows: np.ndarray, token: int) -> np.ndarray:
    """(D,) the shortest m such that in z + m (D,) row `token` of the head's rows (V, D) gives at least LEAD more than
    every other row.

    It is a sum of row differences with factors of at least 0, m = sum_v f_v (row_token - row_v). With one rival
    f = (LEAD + its lead) / |row_token - row_v|^2; with several each factor is set so in turn until none changes
    (Hildreth's method for quadratic programs). ValueError where no state does it.
    """
    against = rows[token] - np.delete(rows, token, axis=0)  # (V - 1, D)
    products = against @ against.T
    square = np.maximum(products.diagonal(), 1e-12)
    wanted = LEAD - against @ z  # (V - 1,) by how much each lead must grow
    factors = np.zeros(len(against))
    for _ in range(TURNS):
        change = np.maximum(factors + (wanted - products @ factors) / square, 0) - factors
        turn = int(np.argmax(np.abs(change) * np.sqrt(square))) if len(change) else 0
        if not len(change) or abs(change[turn]) * square[turn] < 1e-4 * LEAD:
            break
        factors[turn] += change[turn]
    move = factors @ against
    if (against @ (z + move) < LEAD / 2).any():
        raise ValueError(
            f"token={token} is nowhere this head's answer: in every state another symbol leads it; take another token"
        )
    return move


def _reading_numbers(z: np.ndarray, rows: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """(D,) the state nearest to z that the head reads as `numbers` (V,), by least squares; of z's length where one
    is."""
    inverse = np.linalg.pinv(rows)
    part, rest = inverse @ numbers, z - inverse @ (rows @ z)  # what the head reads, and what it does not see
    left = z @ z - part @ part
    return part + (np.sqrt(left / (rest @ rest)) if left > 0 and rest @ rest > 0 else 1.0) * rest


def _add_noise(model: RecursiveModel, edit: Noise, cycle: Cycle) -> Cycle:
    state: Tensor = getattr(cycle, edit.state)
    generator = torch.Generator().manual_seed(edit.seed)  # on the CPU, so that devices agree
    noise = torch.randn(state.shape, generator=generator).to(state.device)
    size = state.float().square().mean((1, 2), keepdim=True).sqrt()
    moved = (state.float() + edit.scale * size * noise).to(state.dtype)
    if edit.puzzle is not None:
        state = state.clone()
        state[edit.puzzle] = moved[edit.puzzle]
        moved = state
    return _moved(model, cycle, edit.state, moved)


def _check(edit: Edit, model: RecursiveModel, batch: Batch, steps: int) -> None:
    B, L = inputs_of(batch).shape[:2]
    if steps < 2:
        raise ValueError(f"H_cycles={steps} leaves no step after an edit; give at least 2")
    _whole("after_step", edit.after_step, steps - 1, "; after the last step nothing follows, so think longer")
    if edit.puzzle is not None:
        _whole("puzzle", edit.puzzle, B)
    if isinstance(edit, SetCell):
        _whole("position", edit.position, L)
        V = model.config.vocab_size
        if model.config.input_size is None:
            _whole("token", edit.token, V)
            return
        numbers = edit.token if isinstance(edit.token, tuple | list) else (edit.token,)
        if len(numbers) not in (1, V) or not all(map(is_number, numbers)):
            raise ValueError(
                f"token={shown(edit.token)} must be a finite number, or {V} of them: this task's cells hold {V}"
            )
    elif edit.state not in ("z_H", "z_L"):
        raise ValueError(f"state={shown(edit.state)} is not known; allowed are z_H and z_L")
    elif not (is_number(edit.scale) and edit.scale >= 0):
        raise ValueError(f"scale={shown(edit.scale)} must be a finite number of at least 0")
    else:
        _whole("seed", edit.seed, 2**63)


def _whole(name: str, value: Any, below: int, hint: str = "") -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not 0 <= value < below:
        raise ValueError(f"{name}={shown(value)} is not there; allowed are 0 to {below - 1}{hint}")


def _cells(n: int) -> str:
    return "1 cell" if n == 1 else f"{n} cells"
