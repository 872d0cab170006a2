"""How much one process does for how many people: what a run may cost, how many may be under way. Numbers are ours."""

from __future__ import annotations

from dataclasses import dataclass

from trm_explore.config import RunConfig
from trm_explore.cost import estimate
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
    keep_bytes: int = 256_000_000  # of weights that ended runs hold; the oldest let go first
    parameters: int | None = None  # weights of a run's network
    updates: int | None = None  # of a run
    seconds: float | None = None  # of computing, of a run
    upload_megabytes: int = 20  # of a file
    uploads_megabytes: int = 1_000  # of all files that wait on the server; the oldest go first
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
        keep_bytes=128_000_000,
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
        keep_bytes=64_000_000,
        parameters=500_000,
        updates=2_000,
        seconds=120.0,
        upload_megabytes=2,
        uploads_megabytes=200,
        viewers=30,
    ),
}
