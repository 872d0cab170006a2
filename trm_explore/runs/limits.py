"""How much one process does for how many people: what a run may cost, how many may be under way. Numbers are ours."""

from __future__ import annotations

from dataclasses import dataclass

from trm_explore.config import RunConfig
from trm_explore.model.cost import answer_seconds, estimate
from trm_explore.tasks import resolve


@dataclass(frozen=True)
class Limits:
    """None: no limit. Sizes of a run are checked when it is submitted, its seconds while it computes."""

    slots: int | None = None  # that compute at once; None: one a core
    slice: float = 30.0  # seconds after which a computing run lets the next in line have its slot
    lease: float = 30.0  # seconds after which a run that nobody reads is stopped
    waiting: int = 100  # in line
    active: int = 200  # runs that have not ended, paused ones included: each may hold a model
    a_visitor: int | None = None  # the same, of one visitor
    an_address: int | None = None  # the same, of all visitors from one address
    keep: int = 100  # ended runs that stay readable
    keep_bytes: int = 512_000_000  # that ended runs hold: weights first, then whole runs are let go, the oldest first
    parameters: int | None = None  # weights of a run's network
    updates: int | None = None  # of a run
    seconds: float | None = None  # of computing, of a run
    upload_megabytes: int = 20  # of a file
    uploads_megabytes: int = 1_000  # of all files that wait on the server; the oldest go first
    opened_bytes: int = 200_000_000  # of one opened run: its parts unpacked, and what is kept of it
    opened_steps: int = 256  # of an answer of an opened model, however few it was trained with
    answer_seconds: float = 60.0  # estimated, of that answer
    opening_seconds: float = 120.0  # that opening a file may take
    opening: int = 2  # files that are opened at once
    viewers: int = 100  # more than these are served less often

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value is not None and not (value > 0 or (value == 0 and name in ("waiting", "keep", "keep_bytes"))):
                raise ValueError(f"{name}={value} is not a limit; give a number above 0")

    def check(self, config: RunConfig) -> None:
        """ValueError, one sentence that starts with the field's name, where a run is larger than is allowed."""
        updates = config.train.updates
        if self.updates is not None and updates > self.updates:
            raise ValueError(f"updates={updates} are more than a run may have here; give at most {self.updates}")
        self._check_parameters(config)

    def check_opened(self, config: RunConfig) -> None:
        """ValueError, one sentence, where a model that somebody brings is larger than a run may be here, or where one
        answer of it takes more. Judged by the config alone: nothing is made of it before."""
        steps, data = config.eval_steps, config.puzzles
        if steps > self.opened_steps:
            many = {"eval_H_cycles": config.train.eval_H_cycles, "H_cycles": config.model.H_cycles}
            many |= {"halt_max_steps": config.train.halt_max_steps, "supervision_steps": config.train.supervision_steps}
            name = max(many, key=lambda name: many[name] or 0)
            raise ValueError(
                f"{name}={many[name]} asks for answers of {steps:,} steps; models of at most {self.opened_steps} steps "
                "are opened here"
            )
        if data.pool_size:
            raise ValueError(f"pool_size={data.pool_size} asks for puzzles that are not here; train with pool_size=0")
        self._check_parameters(config)
        m = config.model
        if None in (m.vocab_size, m.seq_len):
            raise ValueError(f"vocab_size={m.vocab_size} and seq_len={m.seq_len} must be numbers in a saved run")
        seconds = answer_seconds(config, steps)
        if seconds > self.answer_seconds:
            raise ValueError(
                f"one answer of this model takes about {seconds:.3g} s on one CPU thread, with H_cycles={m.H_cycles}, "
                f"L_cycles={m.L_cycles} and {steps} steps; at most {self.answer_seconds:g} s are given here"
            )

    def _check_parameters(self, config: RunConfig) -> None:
        if self.parameters is None:
            return
        if config.model.vocab_size is None or config.model.seq_len is None:
            _, config = resolve(config)
        if (weights := estimate(config).parameters) > self.parameters:
            raise ValueError(
                f"preset={config.preset}: {weights:,} weights are more than a run may have here, which is "
                f"{self.parameters:,}; choose a smaller size"
            )


# A comparison is up to four runs, so a visitor may have it and one more.
LIMITS = {
    "none": Limits(),
    "classroom": Limits(
        slice=15.0,
        active=150,
        a_visitor=5,
        an_address=75,
        keep_bytes=256_000_000,
        opened_bytes=32_000_000,
        answer_seconds=8.0,
        opening_seconds=20.0,
        parameters=1_000_000,
        updates=5_000,
        seconds=300.0,
        upload_megabytes=5,
        uploads_megabytes=500,
        viewers=40,
    ),
    "space": Limits(
        slice=15.0,
        waiting=40,
        active=60,
        a_visitor=4,
        an_address=30,
        keep=40,
        keep_bytes=128_000_000,
        opened_bytes=16_000_000,
        opened_steps=128,
        answer_seconds=4.0,
        opening_seconds=15.0,
        parameters=500_000,
        updates=2_000,
        seconds=120.0,
        upload_megabytes=2,
        uploads_megabytes=200,
        viewers=30,
    ),
}
