"""Training as one stream of events. CLI, page, notebooks, tests and benchmarks all consume it; there is no other loop.

    for event in train(preset("sudoku4", enable_deep_supervision=True)):
        ...

The stream is pulled: nothing is computed until the next event is asked for, so pausing is to wait and stopping is to
close. `training.stop()` may be called from another thread; it is looked at before every call of the network. No print
in here.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from trm_explore import events as ev
from trm_explore.checkpoint import Checkpoint, pick_device, write_checkpoint
from trm_explore.config import RunConfig, TrainConfig
from trm_explore.cost import estimate
from trm_explore.evaluation import evaluate
from trm_explore.model import Batch, RecursiveModel
from trm_explore.state import TrainingState
from trm_explore.supervision import answer_loss, deep_supervision_loss, halting_loss, weights_for
from trm_explore.tasks import Task, resolve
from trm_explore.trajectory import frame_of, record, to_device

CHECKPOINT_NAME = "model.safetensors"
MEMORY_FULL = "the device's memory is full; lower batch_size or H_cycles, or take a smaller preset"


def out_of_memory(error: Exception) -> bool:
    """Whether that is what an error means; on a CPU torch has no exception of its own for it."""
    said = str(error)
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "allocate memory" in said


class Stopped(Exception):
    """Raised inside the stream when `stop` was called."""


def train(run_config: RunConfig, resume: str | Path | None = None) -> Training:
    """A training that starts (or goes on from the checkpoint `resume`) when it is iterated. ValueError for wrong
    settings."""
    return Training(run_config, resume)


class Training:
    """The iterable of events; `.model` and `.ema_model` for those who want to look inside between two events."""

    def __init__(self, run_config: RunConfig, resume: str | Path | None = None):
        self.task, self.config = resolve(run_config)
        self.device = pick_device(self.config.train.device)
        _check_memory(self.config, self.device)
        self.state = TrainingState(self.config, self.device, (self.task.rows, self.task.cols))
        if resume is not None:
            self.state.restore(resume)
        self._stop = threading.Event()
        self._stream = self._events()

    @property
    def model(self) -> RecursiveModel:
        """The raw weights."""
        return self.state.model

    @property
    def ema_model(self) -> RecursiveModel:
        """The averaged weights that evaluation uses (the raw ones where ema_decay is 0)."""
        return self.state.ema_model

    @property
    def update(self) -> int:
        """Updates done."""
        return self.state.update

    @property
    def seconds(self) -> float:
        """The training clock: with data, without evaluation."""
        return self.state.seconds

    def __iter__(self) -> Iterator[ev.Event]:
        return self._stream

    def stop(self) -> None:
        """Ends the stream at the next call of the network; from any thread. Nothing of a half-done update is kept."""
        self._stop.set()

    def close(self) -> None:
        """Ends the stream now; only by the thread that iterates."""
        self._stream.close()

    def _before_call(self) -> None:
        if self._stop.is_set():
            raise Stopped

    def _events(self) -> Iterator[ev.Event]:
        threads = torch.get_num_threads()
        try:
            if self.config.train.threads:
                torch.set_num_threads(self.config.train.threads)
            yield from self._run()
        except Stopped:
            pass
        except (MemoryError, RuntimeError) as error:
            if not out_of_memory(error):
                raise
            yield ev.Failed(self.update, *MEMORY_FULL.split("; "))
        finally:
            torch.set_num_threads(threads)

    def _run(self) -> Iterator[ev.Event]:
        c = self.config.train
        for done, total in self.task.prepare():
            self._before_call()
            yield ev.Preparing(f"puzzles for {self.task.name}", done, total)
        held_out = self.task.held_out(c.eval_puzzles)
        self._shown = shown_puzzle(self.task, c)
        parameters = sum(p.numel() for p in self.model.parameters())
        yield ev.Started(self.config.to_flat(), parameters, str(self.device), torch.get_num_threads(), self.update)
        while self.update < c.updates:
            self._before_call()
            before = self.state.data_rng.bit_generator.state
            try:
                done = self._one_update()
            except BaseException:
                self.state.data_rng.bit_generator.state = before  # the half-done update never was
                raise
            yield done
            if isinstance(done, ev.Failed):
                return
            last = self.update == c.updates
            if _every(c.frame_every, self.update) or (last and c.frame_every):
                yield self._frame()
            if last or _every(c.eval_every, self.update):
                scores = evaluate(
                    self.ema_model, self.task, held_out, H_cycles=self._eval_cycles(), before_call=self._before_call
                )
                yield ev.Evaluated(self.update, len(held_out["inputs"]), *scores)
            if self.config.out and (last or _every(c.save_every, self.update)):
                try:
                    yield ev.Saved(self.update, str(self.save(Path(self.config.out) / CHECKPOINT_NAME)))
                except OSError as error:
                    yield ev.Failed(self.update, error.strerror, "free some space or choose another out folder")
                    return
        yield ev.Finished("done", self.update, self.seconds)

    @torch.enable_grad()
    def _one_update(self) -> ev.UpdateDone | ev.Failed:
        """Sample, recur, go back, step. In the scopes `last` and `cycle` backward runs inside the recursion: memory
        of one cycle."""
        began = time.perf_counter()
        supervision, c = self.config.supervision, self.config.train
        self.model.train()
        carry = self.model.start(*self._next_batch())
        labels = carry.data["labels"]
        weights = weights_for(supervision, self.config.model.H_cycles)
        at_once = supervision.scope == "full"
        losses: list[Tensor] = []
        halting: list[Tensor] = []
        total = torch.zeros((), device=self.device)
        self.state.optimizer.zero_grad()
        for cycle in self.model.cycles(carry, gradient_scope=supervision.scope, before_call=self._before_call):
            loss, halt = answer_loss(cycle.logits, labels), halting_loss(cycle.q_halt, cycle.logits, labels)
            share = float(weights[cycle.index] / weights.sum())
            # In scope `cycle` a share of 0 goes backward too: that is what frees the cycle's activations.
            if loss.requires_grad and (share or not at_once):
                part = share * (loss + c.halt_loss_weight * halt)
                if at_once:
                    total = total + part
                else:
                    part.backward()
            losses.append(loss.detach())
            halting.append(halt.detach())
        if at_once:
            total.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), c.grad_clip)
        step_losses, halt_losses = torch.stack(losses).cpu(), torch.stack(halting).cpu()
        if not (torch.isfinite(norm) and torch.isfinite(step_losses).all()):
            return ev.Failed(
                self.update + 1,
                f"training diverged: the loss or its gradient is not finite at update {self.update + 1}",
                _advice(self.config),
            )
        lr = self.state.schedule.get_last_lr()[0]
        self.state.step()
        self.state.carry = self.model.finish(carry, cycle, self.state.halt_rng)
        self.state.seconds += time.perf_counter() - began
        return ev.UpdateDone(
            self.update,
            deep_supervision_loss(step_losses, weights).item(),
            step_losses.tolist(),
            weights.tolist(),
            deep_supervision_loss(halt_losses, weights).item(),
            lr,
            norm.item(),
            self.seconds,
        )

    def _next_batch(self) -> tuple[Any, Batch]:
        """The carry, and a batch in which fresh puzzles stand where a puzzle has halted (all of them at first)."""
        c = self.config.train
        board = {"board": (self.task.rows, self.task.cols)}
        if self.state.carry is None:
            batch = to_device(self.task.sample(c.batch_size, self.state.data_rng), self.device) | board
            return self.model.initial_carry(batch), batch
        halted = self.state.carry.halted
        batch = dict(self.state.carry.data)
        if halted.any():
            fresh = to_device(self.task.sample(int(halted.sum()), self.state.data_rng), self.device)
            for name, value in fresh.items():
                batch[name] = batch[name].clone()
                batch[name][halted] = value
        return self.state.carry, batch

    def _eval_cycles(self) -> int:
        """A puzzle that stays several updates has its states carried on: that many times the cycles."""
        return self.config.model.H_cycles * self.config.train.steps_limit

    def _frame(self) -> ev.Frame:
        shown = self._shown
        trajectory = record(self.ema_model, shown.batch, H_cycles=self._eval_cycles(), before_call=self._before_call)
        return ev.Frame(self.update, frame_of(trajectory, self.task, label=shown.label, update=self.update))

    def checkpoint(self) -> Checkpoint:
        """All that the next updates depend on, and the config."""
        return self.state.snapshot()

    def save(self, path: str | Path) -> Path:
        """Writes a checkpoint that can be resumed; OSError leaves the one that was there."""
        return write_checkpoint(path, self.checkpoint())


class Shown(NamedTuple):
    """The held-out puzzle whose trajectory a run records, as a batch of one."""

    batch: Batch
    label: str


def shown_puzzle(task: Task, config: TrainConfig) -> Shown:
    """The chosen held-out puzzle, or the one with the fewest givens: there is most to refine in it."""
    if config.shown_puzzle is None:
        held_out = task.held_out(config.eval_puzzles)
        i = int(task.given(held_out["inputs"]).sum(1).argmin())
    else:
        held_out = task.held_out(config.shown_puzzle + 1)
        i = config.shown_puzzle
        if i >= len(held_out["inputs"]):
            raise ValueError(
                f"shown_puzzle={i} is not there: {len(held_out['inputs'])} puzzles are held out, counted from 0"
            )
    one = {name: value[i : i + 1] for name, value in held_out.items()}
    return Shown(one | {"board": (task.rows, task.cols)}, f"held-out puzzle {i}")


def _check_memory(config: RunConfig, device: torch.device) -> None:
    """Refuses what cannot fit, before the system ends the whole process for it."""
    if device.type == "cuda":
        there = torch.cuda.get_device_properties(device).total_memory
    elif hasattr(os, "sysconf"):
        there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    else:
        return  # Windows does not say
    needed = estimate(config).memory
    if needed > there:
        raise ValueError(
            f"batch_size={config.train.batch_size} with this model needs about {needed / 1e9:.0f} GB, {device} has "
            f"{there / 1e9:.0f} GB; lower batch_size, hidden_size or H_cycles, or take gradient_scope=cycle"
        )


def _every(n: int, update: int) -> bool:
    return bool(n) and update % n == 0


def _advice(config: RunConfig) -> str:
    knobs = [f"a lower lr (now {config.train.lr:g})"]
    if config.supervision.enable_deep_supervision:
        knobs.append(f"a lower deep_supervision_weight (now {config.supervision.deep_supervision_weight:g})")
    return f"try {' or '.join(knobs)}"
