"""Training as one stream of events. CLI, page, notebooks, tests and benchmarks all consume it; there is no other loop.

    for event in train(preset("sudoku4", enable_deep_supervision=True)):
        ...

The stream is pulled: nothing is computed until the next event is asked for, so pausing is to wait and stopping is to
close. `training.stop()` may be called from another thread; it is looked at before every call of the network. No print
in here.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from trm_explore import events as ev
from trm_explore.checkpoint import Checkpoint, pick_device, write_checkpoint
from trm_explore.config import RunConfig, TrainConfig
from trm_explore.cost import estimate
from trm_explore.evaluation import evaluate
from trm_explore.gradients import gradient_statistics
from trm_explore.memory import check_memory, memory_full, out_of_memory
from trm_explore.model import Batch, RecursiveModel
from trm_explore.state import TrainingState
from trm_explore.supervision import deep_supervision_loss, losses_by_depth
from trm_explore.tasks import Task, resolve
from trm_explore.trajectory import frame_of, inputs_of, record, to_device
from trm_explore.update import go_back, plan_update

CHECKPOINT_NAME = "model.safetensors"
MEASURED = 32  # held-out puzzles on which gradients are measured: always the same, so figures can be compared


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
        check_memory(self.config, self.device)
        try:
            self.state = TrainingState(self.config, self.device, (self.task.rows, self.task.cols))
        except (MemoryError, RuntimeError) as error:
            if not out_of_memory(error):
                raise
            raise ValueError("; ".join(memory_full(self.config))) from error
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
            yield ev.Failed(self.update, *memory_full(self.config))
        finally:
            torch.set_num_threads(threads)

    def _run(self) -> Iterator[ev.Event]:
        for done, total in self.task.prepare():
            self._before_call()
            yield ev.Preparing(f"puzzles for {self.task.name}", done, total)
        self._count_epochs()
        c = self.config.train
        held_out = self.task.held_out(c.eval_puzzles)
        self._shown = shown_puzzle(self.task, c)
        yield ev.Started(
            self.config.to_flat(),
            sum(p.numel() for p in self.model.parameters()),
            str(self.device),
            torch.get_num_threads(),
            self.update,
            estimate(self.config).memory,
            self.task.baselines(),
            self.task.remarks(),
        )
        while self.update < c.updates:
            self._before_call()
            before, drawn = self.state.data_rng.bit_generator.state, self.state.drawn
            try:
                done = self._one_update()
            except BaseException:
                self.state.data_rng.bit_generator.state, self.state.drawn = before, drawn  # it never was
                raise
            yield done
            if isinstance(done, ev.Failed):
                return
            last = self.update == c.updates
            if _every(c.gradient_every, self.update) or (last and c.gradient_every):
                yield self._gradients(held_out)
            if _every(c.frame_every, self.update) or (last and c.frame_every):
                yield self._frame()
            if last or _every(c.eval_every, self.update):
                scores = evaluate(
                    self.ema_model, self.task, held_out, H_cycles=self._eval_cycles(), before_call=self._before_call
                )
                yield ev.Evaluated(self.update, len(held_out["labels"]), *scores)
            if self.config.out and (last or _every(c.save_every, self.update)):
                try:
                    yield ev.Saved(self.update, str(self.save(Path(self.config.out) / CHECKPOINT_NAME)))
                except OSError as error:
                    yield ev.Failed(self.update, error.strerror, "free some space or choose another out folder")
                    return
        yield ev.Finished("done", self.update, self.seconds)

    @torch.enable_grad()
    def _one_update(self) -> ev.UpdateDone | ev.Failed:
        """Sample, recur, go back (update.py), step."""
        began = time.perf_counter()
        state, c, s = self.state, self.config.train, self.config.supervision
        self.model.train()
        carry = self.model.start(*self._next_batch())
        plan = plan_update(self.config, self.update, state.running)
        state.optimizer.zero_grad()
        outcome = go_back(
            self.model,
            carry,
            plan,
            self.config,
            tolerance=self.task.tolerance,
            loops_over_positions=self.task.loops_over_positions,
            before_call=self._before_call,
        )
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), c.grad_clip)
        step_losses, halt_losses = outcome.step_losses.cpu(), outcome.halt_losses.cpu()
        L_losses = None if outcome.L_losses is None else outcome.L_losses.cpu()
        if not (torch.isfinite(norm) and torch.isfinite(step_losses).all()):
            return ev.Failed(
                self.update + 1,
                f"training diverged: the loss or its gradient is not finite at update {self.update + 1}",
                _advice(self.config),
            )
        lr = state.schedule.get_last_lr()[0]
        state.step(outcome.rows)
        state.running = state.running.add(step_losses, s.adaptive_decay)
        state.carry = self.model.finish(carry, outcome.last, state.halt_rng)
        state.seconds += time.perf_counter() - began
        limit = c.steps_limit
        return ev.UpdateDone(
            self.update,
            deep_supervision_loss(step_losses, plan.weights, L_losses, s.L_supervision_weight).item(),
            step_losses.tolist(),
            plan.weights.tolist(),
            deep_supervision_loss(halt_losses, plan.weights).item(),
            lr,
            norm.item(),
            self.seconds,
            [] if L_losses is None else L_losses.tolist(),
            losses_by_depth(outcome.puzzle_losses.cpu(), carry.steps.cpu(), limit) if limit > 1 else [],
        )

    def _count_epochs(self) -> None:
        """Where the run's length is given in passes over the data, the updates that they take: every example stays
        steps_limit updates at most."""
        c = self.config.train
        if c.num_epochs is not None:
            updates = c.num_epochs * -(-self.task.train_windows // c.batch_size) * c.steps_limit
            self.state.set_length(updates)
            self.config = self.state.config

    def _next_batch(self) -> tuple[Any, Batch]:
        """The carry, and a batch in which fresh puzzles stand where a puzzle has halted (all of them at first)."""
        c = self.config.train
        board = {"board": (self.task.rows, self.task.cols)}
        if self.state.carry is None:
            batch = self._draw(c.batch_size) | board
            return self.model.initial_carry(batch), batch
        halted = self.state.carry.halted
        batch = dict(self.state.carry.data)
        if halted.any():
            for name, value in self._draw(int(halted.sum())).items():
                batch[name] = batch[name].clone()
                batch[name][halted] = value
        return self.state.carry, batch

    def _draw(self, n: int) -> Batch:
        fresh = self.task.draw(n, self.state.data_rng, self.state.drawn)
        self.state.drawn += n
        return to_device(fresh, self.device)

    def _gradients(self, held_out: Batch) -> ev.GradientsMeasured:
        few = {name: value[:MEASURED] for name, value in held_out.items()}
        batch = to_device(few, self.device) | {"board": self.task.held_out_shape()}
        scope = self.config.supervision.scope
        statistics = gradient_statistics(self.model, batch, gradient_scope=scope, before_call=self._before_call)
        return ev.GradientsMeasured(self.update, *statistics)

    def _eval_cycles(self) -> int:
        """As configured; else a puzzle that stays several updates has its states carried on: that many times the
        cycles."""
        return self.config.eval_steps

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
        i = int(task.given(inputs_of(held_out)).sum(1).argmin())
    else:
        held_out = task.held_out(config.shown_puzzle + 1)
        i = config.shown_puzzle
        if i >= len(held_out["labels"]):
            raise ValueError(
                f"shown_puzzle={i} is not there: {len(held_out['labels'])} puzzles are held out, counted from 0"
            )
    one = {name: value[i : i + 1] for name, value in held_out.items()}
    beside = task.companions()
    if beside is not None:
        one = {name: np.concatenate([value, beside[name]]) for name, value in one.items()}
    return Shown(one | {"board": task.held_out_shape()}, f"held-out puzzle {i}")


def _every(n: int, update: int) -> bool:
    return bool(n) and update % n == 0


def _advice(config: RunConfig) -> str:
    knobs = [f"a lower lr (now {config.train.lr:g})"]
    if config.supervision.enable_deep_supervision:
        knobs.append(f"a lower deep_supervision_weight (now {config.supervision.deep_supervision_weight:g})")
    return f"try {' or '.join(knobs)}"
