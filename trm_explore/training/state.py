"""All that the next updates depend on: weights, averaged weights, optimiser, schedule, random numbers, carry, counters.

`snapshot` and `restore` turn it into a checkpoint and back, so that a resumed run gives the numbers of an uninterrupted
one. It knows nothing of events; loop.py drives it.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.optim.lr_scheduler import LambdaLR
from torch.optim.swa_utils import AveragedModel

from trm_explore.config import RunConfig
from trm_explore.config.checks import shown
from trm_explore.model import Carry, RecursiveModel
from trm_explore.model.checkpoint import Checkpoint, load_weights, read_checkpoint
from trm_explore.model.puzzle_embedding import EmbeddingRows, sign_sgd
from trm_explore.training.distributed import SINGLE_PROCESS, DistributedContext
from trm_explore.training.losses import RunningLosses
from trm_explore.training.optimizer import (
    learning_rate_factor,
    optimizer_for,
    restore_slots,
    slots_of,
    warmed_up_average,
)


class TrainingState:
    """The state at update 0 of a resolved config, on a device; `board` is the task's (rows, cols). Of several
    `processes` each holds all of it but the carry, of which it holds its part."""

    def __init__(
        self,
        config: RunConfig,
        device: torch.device,
        board: tuple[int, int],
        processes: DistributedContext = SINGLE_PROCESS,
    ):
        c = config.train
        self.config, self.device, self.board, self.processes = config, device, board, processes
        self.model = RecursiveModel(config.model, config.supervision, c, seed=c.seed).to(device)
        self.average = AveragedModel(self.model, multi_avg_fn=warmed_up_average(c.ema_decay)) if c.ema_decay else None
        if self.average:  # the table is not averaged, as published; one is enough
            self.average.module.puzzle_emb = self.model.puzzle_emb
        self.optimizer = optimizer_for(self.model.parameters(), c)
        self.schedule = LambdaLR(self.optimizer, lambda update: learning_rate_factor(update, self.config.train))
        self.data_rng = np.random.default_rng(c.seed)
        self.halt_rng = torch.Generator().manual_seed(c.seed)
        self.carry: Carry | None = None
        self.running = RunningLosses.none(config.model.H_cycles)  # for adaptive weights
        self.update, self.seconds = 0, 0.0
        self.drawn = 0  # examples taken from the task so far

    @property
    def ema_model(self) -> RecursiveModel:
        """The averaged weights (the raw ones where ema_decay is 0)."""
        return self.average.module if self.average else self.model

    def step(self, rows: EmbeddingRows | None = None) -> None:
        """One optimiser update with the gradients that are there; then schedule and average move on. `rows`: of the
        table of puzzle vectors, with theirs."""
        self.optimizer.step()
        if rows is not None:
            c = self.config.train
            lr = c.puzzle_emb_lr * learning_rate_factor(self.update, c)
            sign_sgd(self.model.puzzle_emb, rows, lr=lr, weight_decay=c.puzzle_emb_weight_decay)
        self.schedule.step()
        if self.average:
            self.average.update_parameters(self.model)
        self.update += 1

    def set_length(self, updates: int) -> None:
        """Where a run's length is known only with its data: as if the config had said `updates`."""
        if self.update >= updates:
            raise ValueError(
                f"num_epochs={self.config.train.num_epochs} are {updates} updates, and the checkpoint has done "
                f"{self.update} already; give a larger num_epochs"
            )
        self.config = self.config.with_flat(updates=updates)
        self.set_learning_rate()

    def set_learning_rate(self) -> None:
        """That of the update which comes next: after resuming, and where the run's length has become known."""
        lr = self.config.train.lr * learning_rate_factor(self.update, self.config.train)
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        progress = {"last_epoch": self.update, "_step_count": self.update + 1, "_last_lr": [lr]}
        self.schedule.load_state_dict(self.schedule.state_dict() | progress)

    def snapshot(self) -> Checkpoint:
        """Everything, for a file. Several processes call it together."""
        tensors = {f"model.{k}": v for k, v in self.model.state_dict().items()}
        if self.average:
            averaged = self.average.module.state_dict()
            tensors |= {f"ema.{k}": v for k, v in averaged.items() if k != "puzzle_emb"}
        tensors |= {f"optimizer.{name}": value for name, value in slots_of(self.optimizer).items()}
        tensors["random.halt"] = self.halt_rng.get_state()
        tensors |= {f"running.{name}": value for name, value in self.running._asdict().items()}
        if self.carry is not None:
            fields = {k: getattr(self.carry, k) for k in self._carried()}
            fields |= {f"data.{k}": v for k, v in self.carry.data.items() if isinstance(v, Tensor)}
            tensors |= {f"carry.{k}": self.processes.gather(v) for k, v in fields.items()}
        scalars = {
            "update": self.update,
            "seconds": self.seconds,
            "drawn": self.drawn,
            "averaged": int(self.average.n_averaged) if self.average else 0,
            "data_random": self.data_rng.bit_generator.state,
        }
        return Checkpoint(self.config, scalars, tensors)

    def restore(self, path: str | Path | Checkpoint) -> None:
        """Goes on from a file, or from what one holds; ValueError where it was another network or task, holds weights
        only, or is damaged."""
        saved = path if isinstance(path, Checkpoint) else read_checkpoint(path)
        path = "the run" if isinstance(path, Checkpoint) else path
        then, now = saved.config.to_flat(), self.config.to_flat()
        for config in (then, now):  # a file may have moved, but not become another
            config |= {name: Path(config[name]).name for name in ("data", "eval_data")}
        puzzles = ("seed", "data", "eval_data", "difficulty", "pool_size")  # they decide which ones are held out
        for name in ("task", "batch_size", *puzzles, *self.config.model.__dataclass_fields__):
            if then[name] != now[name]:
                raise ValueError(
                    f"{path} was trained with {name}={then[name]}; it cannot go on with {name}={now[name]}"
                )
        if "random.halt" not in saved.tensors:
            raise ValueError(f"{path} holds weights only, for evaluation; a training cannot go on from it")
        load_weights(self.model, saved, "model.", path)
        try:
            if self.average:
                load_weights(self.average.module, saved, "ema." if saved.scalars["averaged"] else "model.", path)
                self.average.n_averaged.fill_(saved.scalars["averaged"])
            self._restore(saved)
        except (KeyError, TypeError, ValueError, RuntimeError, IndexError) as error:
            raise ValueError(f"{path}: its training state is damaged ({str(error)[:100]})") from error
        if self.config.train.num_epochs is None and self.update >= self.config.train.updates:
            raise ValueError(f"{path} has done {self.update} updates already; give --updates a number above that")

    def _restore(self, saved: Checkpoint) -> None:
        scalars = saved.scalars
        if not isinstance(scalars["update"], int) or scalars["update"] < 0 or not 0 <= scalars["seconds"] < math.inf:
            raise ValueError(f"update {shown(scalars['update'])}, seconds {shown(scalars['seconds'])}")
        slots = {k.removeprefix("optimizer."): v for k, v in saved.tensors.items() if k.startswith("optimizer.")}
        restore_slots(self.optimizer, slots, list(self.model.parameters()))
        self.update, self.seconds = saved.scalars["update"], saved.scalars["seconds"]
        self.drawn = saved.scalars.get("drawn", 0)  # not in files of the first version, which had no use for it
        if not isinstance(self.drawn, int) or self.drawn < 0:
            raise ValueError(f"drawn {shown(self.drawn)}")
        if "running.sums" in saved.tensors:
            running = RunningLosses(saved.tensors["running.sums"], saved.tensors["running.seen"])
            if any(part.shape != self.running.sums.shape for part in running):
                raise ValueError(f"running losses of shape {tuple(running.sums.shape)}")
            self.running = running
        self.set_learning_rate()
        self.data_rng.bit_generator.state = saved.scalars["data_random"]
        self.halt_rng.set_state(saved.tensors["random.halt"])
        if "carry.z_H" in saved.tensors:
            carry = {k.removeprefix("carry."): v for k, v in saved.tensors.items() if k.startswith("carry.")}
            if (B := self.config.train.batch_size) != len(carry["z_H"]):
                raise ValueError(f"carry.z_H holds {len(carry['z_H'])} puzzles, not {B}")
            carry = {k: v[self.processes.part(B)].to(self.device) for k, v in carry.items()}
            data = {k.removeprefix("data."): v for k, v in carry.items() if k.startswith("data.")}
            first = self.model.initial_carry(data | {"board": self.board})
            for name in self._carried():
                kept, fresh = carry[name], getattr(first, name)
                if (kept.shape, kept.dtype) != (fresh.shape, fresh.dtype):
                    raise ValueError(f"carry.{name} has shape {tuple(kept.shape)} and type {kept.dtype}")
            if (
                "inputs" in data
                and not 0 <= int(data["inputs"].min()) <= int(data["inputs"].max()) < self.config.model.vocab_size
            ):
                raise ValueError("carry.data.inputs holds tokens that are not in the vocabulary")
            self.carry = first._replace(**{"z_L": carry["z_H"]} | {k: carry[k] for k in self._carried()})

    def _carried(self) -> tuple[str, ...]:
        """What of the carry is kept; one state is kept once."""
        states = ("z_H",) if self.config.model.states == "one" else ("z_H", "z_L")
        return (*states, "steps", "halted")
