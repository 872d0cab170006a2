"""Training as one stream of events. CLI, page, notebooks, tests and benchmarks all consume it; there is no other loop.

    for event in train("sudoku4", enable_deep_supervision=True):
        ...

The stream is pulled: nothing is computed until the next event is asked for, so pausing is to wait and stopping is to
close. `training.stop()` may be called from another thread; it is looked at before every call of the network.
`training.finish()` ends it after the update at hand, with a checkpoint. No print in here.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import torch

from trm_explore.config import RunConfig
from trm_explore.model import Batch, Carry, Cycle, RecursiveModel
from trm_explore.model.cancel import cancel_check
from trm_explore.model.checkpoint import CHECKPOINT_NAME, Checkpoint, find_checkpoint, pick_device, write_checkpoint
from trm_explore.model.compiled import compile_network
from trm_explore.model.cost import estimate
from trm_explore.tasks import as_run_config, resolve
from trm_explore.tasks.base import check_judged, judged
from trm_explore.training import events as ev
from trm_explore.training.batches import next_batch
from trm_explore.training.distributed import SINGLE_PROCESS, DistributedContext, share_of
from trm_explore.training.evaluation import scores_of
from trm_explore.training.gradients import gradient_statistics
from trm_explore.training.losses import deep_supervision_loss, losses_by_depth
from trm_explore.training.memory import check_memory, memory_full, out_of_memory
from trm_explore.training.recorded_example import recorded_example
from trm_explore.training.state import TrainingState
from trm_explore.training.threads import computing_with, threads_of
from trm_explore.training.trajectory import frame_of, record
from trm_explore.training.update import all_reduce, forward_backward, plan_update

MEASURED = 32  # held-out puzzles on which gradients are measured: always the same, so figures can be compared


class Stopped(Exception):
    """Raised inside the stream when `stop` was called."""


def train(
    run_config: RunConfig | str | Any, resume: str | Path | Checkpoint | None = None, **settings: Any
) -> Training:
    """A training that starts when it is iterated, and gives its events.

        for event in train("sudoku4", enable_deep_supervision=True, updates=200): print(event)

    `run_config`: a RunConfig; or a task (its name, a folder with a task.json, an object), which stands for its preset.
    `settings`: flat fields that override its own. `resume`: the checkpoint that it goes on from: a file, a run's
    folder, or what `Training.checkpoint()` gave. ValueError with one sentence for wrong settings.
    """
    return Training(as_run_config(run_config, **settings), resume)


class Training:
    """The iterable of events; `.model` and `.ema_model` for those who want to look inside between two events.

    `processes`: several that train together (distributed.py); each iterates one, and all see the same events, but only
    the first writes checkpoints.
    """

    def __init__(
        self,
        run_config: RunConfig,
        resume: str | Path | Checkpoint | None = None,
        processes: DistributedContext = SINGLE_PROCESS,
    ):
        self.task, self.config = resolve(run_config)
        self.processes = processes
        self._share = share_of(self.config.train.batch_size, processes)
        self.device = pick_device(self.config.train.device)
        check_memory(self.config, self.device, processes.count)
        try:
            self.state = TrainingState(self.config, self.device, (self.task.rows, self.task.cols), processes)
        except (MemoryError, RuntimeError) as error:
            if not out_of_memory(error):
                raise
            raise ValueError("; ".join(memory_full(self.config))) from error
        if resume is not None:
            self.state.restore(resume if isinstance(resume, Checkpoint) else find_checkpoint(resume))
        self._stop, self._ending, self._why = threading.Event(), threading.Event(), ""
        self._saved_at: int | None = None  # the update of the newest checkpoint in the run's folder
        self._early: ev.Saved | ev.Failed | None = None  # written while something was measured, to be told yet
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
        """Ends the stream at the next call of the network; from any thread. Nothing of a half-done update is kept. One
        of several processes ends them all, before the next update."""
        self._stop.set()

    def finish(self, why: str = "") -> None:
        """Ends the stream after the update at hand and what is measured after it, with a checkpoint where the run has a
        folder, and Finished("stopped", why); from any thread or signal handler. Before the first update nothing comes
        any more. One of several processes ends them all, after the same update."""
        self._why = why
        self._ending.set()

    def close(self) -> None:
        """Ends the stream now; only by the thread that iterates."""
        self._stream.close()

    def _before_call(self) -> None:
        if self._stop.is_set() and self.processes.count == 1:  # else the others would wait for this one
            raise Stopped

    def _before_measuring(self) -> None:
        """Who ends a run may not have the patience for a long evaluation: its update is saved at once."""
        self._before_call()
        if not (self._ending.is_set() and self.config.out and self.processes.count == 1):
            return
        if self._early is None and self._saved_at != self.update:
            self._early = self._saved(Path(self.config.out) / CHECKPOINT_NAME)

    def _before_beginning(self) -> None:
        self._before_call()
        if self._ending.is_set() and self.processes.count == 1:
            raise Stopped

    def _who_asked_to_end(self) -> tuple[bool, bool]:
        """Whether any process was asked to stop, or to finish."""
        requests = torch.tensor([int(self._stop.is_set()), int(self._ending.is_set())], device=self.device)
        stop, finish = self.processes.add(requests).tolist()
        return bool(stop), bool(finish)

    def _events(self) -> Generator[ev.Event]:
        threads, run = threads_of(self.config, self.processes.count), self._run()
        try:
            while True:
                # Between two events the thread's number is its caller's: another run may be computed in turn with this.
                with computing_with(threads):
                    event = next(run, None)
                if event is None:
                    break
                yield event
        except Stopped:
            pass
        except (MemoryError, RuntimeError) as error:
            if not out_of_memory(error):
                raise
            yield ev.Failed(self.update, *memory_full(self.config))
        finally:
            run.close()

    def _run(self) -> Generator[ev.Event]:
        for done, total in self.task.prepare():
            self._before_beginning()
            yield ev.Preparing(f"puzzles for {self.task.name}", done, total)
        self._count_epochs()
        c = self.config.train
        held_out = self.task.held_out(c.eval_puzzles)
        check_judged(f"{self.task.name}, held-out puzzles", held_out, self.task)
        self._example = recorded_example(self.task, c)
        remarks = [*self.task.remarks()]
        if c.compile:
            yield ev.Preparing("the compiled network", 0, 1)
            remarks += filter(None, [self._compile()])
        self._before_beginning()
        yield ev.Started(
            self.config.to_flat(),
            sum(p.numel() for p in self.model.parameters()),
            str(self.device),
            torch.get_num_threads(),
            self.update,
            estimate(self.config).memory,
            self.task.baselines(),
            remarks,
        )
        while self.update < c.updates:
            stop, finish = self._who_asked_to_end()
            if stop:
                raise Stopped
            if finish:
                yield from self._finished_early()
                return
            before, drawn = self.state.data_rng.bit_generator.state, self.state.drawn
            try:
                outcome = self._one_update()
            except BaseException:
                self.state.data_rng.bit_generator.state, self.state.drawn = before, drawn  # it never was
                raise
            yield outcome
            if isinstance(outcome, ev.Failed):
                return
            last = self.update == c.updates
            if _every(c.gradient_every, self.update) or (last and c.gradient_every):
                yield self._gradients(held_out)
            if _every(c.frame_every, self.update) or (last and c.frame_every):
                yield self._frame()
            if last or _every(c.eval_every, self.update):
                steps, processes = self.config.eval_steps, self.processes
                with cancel_check(self._before_measuring):
                    scores = scores_of(self.ema_model, self.task, held_out, H_cycles=steps, processes=processes)
                yield ev.Evaluated(self.update, int(judged(self.task, held_out).sum()), *scores)
            if self._early is not None or (self.config.out and (last or _every(c.save_every, self.update))):
                yield (saved := self._early or self._saved(Path(self.config.out) / CHECKPOINT_NAME))
                if isinstance(saved, ev.Failed):
                    return
        yield ev.Finished("done", self.update, self.seconds)

    def _finished_early(self) -> Iterator[ev.Event]:
        if self.config.out and self.update and self._saved_at != self.update:
            yield (saved := self._saved(Path(self.config.out) / CHECKPOINT_NAME))
            if isinstance(saved, ev.Failed):
                return
        yield ev.Finished("stopped", self.update, self.seconds, self._why)

    @torch.enable_grad()
    def _one_update(self) -> ev.UpdateDone | ev.Failed:
        """Sample, recur, go back (update.py), step."""
        began = time.perf_counter()
        state, c, s = self.state, self.config.train, self.config.supervision
        self.model.train()
        carry = self.model.start(*next_batch(state, self.task))
        plan = plan_update(self.config, self.update, state.running)
        state.optimizer.zero_grad()
        with cancel_check(self._before_call):
            outcome = forward_backward(
                self.model,
                carry,
                plan,
                self.config,
                processes=self.processes,
                tolerance=self.task.tolerance,
                loops_over_positions=self.task.loops_over_positions,
            )
        outcome = all_reduce(outcome, self.model, self.processes)
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), c.grad_clip)
        step_losses, halt_losses = outcome.step_losses.cpu(), outcome.halt_losses.cpu()
        L_losses = None if outcome.L_losses is None else outcome.L_losses.cpu()
        if not (torch.isfinite(norm) and torch.isfinite(step_losses).all()):
            return ev.Failed(
                self.update + 1,
                f"training diverged: the loss or its gradient is not finite at update {self.update + 1}",
                _advice(self.config),
            )
        lr = float(state.schedule.get_last_lr()[0])
        state.step(outcome.rows)
        state.running = state.running.add(step_losses, s.adaptive_decay)
        state.carry = self._finish(carry, outcome.last)
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
            losses_by_depth(
                outcome.puzzle_losses.cpu(),
                self.processes.gather(carry.steps).cpu(),
                limit,
                outcome.labelled.cpu(),
            )
            if limit > 1
            else [],
        )

    def _finish(self, carry: Carry, last: Cycle) -> Carry:
        """Who has halted is decided for the whole batch: its random numbers must not depend on the processes."""
        gather, mine = self.processes.gather, self.processes.part(self.config.train.batch_size)
        last = last._replace(q_halt=gather(last.q_halt))
        everyone = self.model.finish(carry._replace(steps=gather(carry.steps)), last, self.state.halt_rng)
        return everyone._replace(steps=everyone.steps[mine], halted=everyone.halted[mine])

    def _compile(self) -> str:
        return compile_network(self.model, self._share, (self.task.rows, self.task.cols))

    def _count_epochs(self) -> None:
        """Where the run's length is given in passes over the data, the updates that they take: every example stays
        steps_limit updates at most."""
        c = self.config.train
        if c.num_epochs is not None:
            updates = c.num_epochs * -(-self.task.train_windows // c.batch_size) * c.steps_limit
            self.state.set_length(updates)
            self.config = self.state.config

    def _gradients(self, held_out: Batch) -> ev.GradientsMeasured:
        batch = {name: value[:MEASURED] for name, value in held_out.items()}
        scope = self.config.supervision.scope
        with cancel_check(self._before_measuring):
            statistics = gradient_statistics(self.model, batch, gradient_scope=scope)
        return ev.GradientsMeasured(self.update, *statistics)

    def _frame(self) -> ev.Frame:
        example = self._example
        with cancel_check(self._before_measuring):
            trajectory = record(self.ema_model, example.batch, H_cycles=self.config.eval_steps)
        return ev.Frame(self.update, frame_of(trajectory, self.task, label=example.label, update=self.update))

    def checkpoint(self) -> Checkpoint:
        """All that the next updates depend on, and the config."""
        return self.state.snapshot()

    def save(self, path: str | Path) -> Path:
        """Writes a checkpoint that can be resumed; OSError leaves the one that was there. Several processes call it
        together; the first one writes."""
        checkpoint = self.checkpoint()
        return write_checkpoint(path, checkpoint) if self.processes.first else Path(path)

    def _saved(self, path: Path) -> ev.Saved | ev.Failed:
        reason = ""
        try:
            self.save(path)
        except OSError as error:
            reason = error.strerror or str(error)
        if self.processes.agree(bool(reason), self.device):
            reason = reason or "the first process could not save the checkpoint"
            return ev.Failed(self.update, reason, "free some space or choose another out folder")
        self._saved_at = self.update
        return ev.Saved(self.update, str(path))


def _every(n: int, update: int) -> bool:
    return bool(n) and update % n == 0


def _advice(config: RunConfig) -> str:
    knobs = [f"a lower lr (now {config.train.lr:g})"]
    if config.supervision.enable_deep_supervision:
        knobs.append(f"a lower deep_supervision_weight (now {config.supervision.deep_supervision_weight:g})")
    return f"try {' or '.join(knobs)}"
