"""Where the losses are put, how they are weighted, how far they reach back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from trm_explore.config.checks import boolean, is_number, number, one_of, shown, whole
from trm_explore.config.schedules import SCHEDULES

if TYPE_CHECKING:
    ScheduleName = str
else:
    ScheduleName = Literal[tuple(SCHEDULES)]
Scope = Literal["auto", "last", "one_step", "cycle", "full"]
Adaptive = Literal["off", "hard", "progress"]
Curriculum = Literal["off", "weight", "depth", "H_cycles"]


@dataclass(frozen=True, slots=True)
class SupervisionConfig:
    """Where the loss is put and how far it reaches back: two switches."""

    enable_deep_supervision: bool = False
    """A loss at every step (H-cycle), not only the last."""
    deep_supervision_weight: float = 0.5
    """Base weight of the intermediate losses (the final step's is 1)."""
    deep_supervision_schedule: ScheduleName = "constant"
    """How the steps' losses are weighted."""
    custom_weights: tuple[float, ...] = ()
    """One weight a step, for the schedule custom."""
    gradient_scope: Scope = "auto"
    """How far a loss reaches back: last H-cycle only, one_step (that cycle's last L-cycle and its H update, as in HRM),
    each its own cycle, or full; auto is last when supervision is off, else full."""
    adaptive_weights: Adaptive = "off"
    """Weights follow the running losses: hard favours steps that lag behind a steady descent, progress those that
    hardly improve on the step before (training/losses.py has the formulas). With supervision on."""
    adaptive_strength: float = 1.0
    """How strongly they follow; 0 leaves the schedule as it is."""
    adaptive_decay: float = 0.95
    """Memory of the running mean of each step's loss."""
    L_supervision_weight: float = 0.0
    """Weight of a loss on z_L after every L-cycle, beside each step's own. 0: none. With supervision on."""
    curriculum: Curriculum = "off"
    """Over the run the early steps' weight grows from 0 (weight), more and more of the last steps are supervised
    (depth), or the H-cycles grow from 1 (H_cycles). With supervision on."""
    curriculum_start_update: int = 0
    """Where the curriculum begins to move."""
    curriculum_end_update: int | None = None
    """Where it has arrived. None: half of the run."""

    def __post_init__(self) -> None:
        one_of(self, "deep_supervision_schedule", ScheduleName)
        one_of(self, "gradient_scope", Scope)
        boolean(self, "enable_deep_supervision")
        number(self, "deep_supervision_weight", least=0, most=1e30)
        self._check_extras()
        weights = self.custom_weights
        if not isinstance(weights, (tuple, list)) or not all(map(is_number, weights)):
            raise ValueError(
                f"custom_weights={shown(weights)} must be a list of finite numbers, one a step, such as 0.3 0.4 1.0"
            )
        object.__setattr__(self, "custom_weights", tuple(float(w) for w in weights))
        if weights and (min(weights) < 0 or not any(weights)):
            raise ValueError(f"custom_weights={list(weights)} must be at least 0, and not all 0")
        if weights and not 1e-30 <= max(weights) <= 1e30:
            raise ValueError(f"custom_weights={list(weights)} must have a largest between 1e-30 and 1e30; scale them")
        if weights and self.deep_supervision_schedule != "custom":
            raise ValueError(
                f"custom_weights={list(weights)} are used only by the schedule custom, not by "
                f"{self.deep_supervision_schedule}; set deep_supervision_schedule=custom or leave them out"
            )
        if self.curriculum == "weight" and weights and not weights[-1]:
            raise ValueError(
                f"custom_weights={list(weights)} end in 0, but curriculum=weight starts with the final step alone; "
                "give it a weight"
            )
        if self.enable_deep_supervision and self.scope in ("last", "one_step") and weights and not weights[-1]:
            raise ValueError(
                f"custom_weights={list(weights)} end in 0, but with gradient_scope={self.scope} only the final step "
                "teaches; give it a weight, or take gradient_scope cycle or full"
            )

    def _check_extras(self) -> None:
        one_of(self, "adaptive_weights", Adaptive)
        one_of(self, "curriculum", Curriculum)
        number(self, "adaptive_strength", least=0, most=10)
        number(self, "adaptive_decay", least=0, below=1)
        number(self, "L_supervision_weight", least=0, most=1e6)
        whole(self, "curriculum_start_update", 0)
        if self.curriculum_end_update is not None:
            whole(self, "curriculum_end_update", 1)
            if self.curriculum != "off" and self.curriculum_end_update <= self.curriculum_start_update:
                raise ValueError(
                    f"curriculum_end_update={self.curriculum_end_update} is not after "
                    f"curriculum_start_update={self.curriculum_start_update}; let it end later, or start earlier"
                )
        if self.deep_supervision_schedule == "custom" and self.curriculum in ("depth", "H_cycles"):
            raise ValueError(
                f"curriculum={self.curriculum} changes which steps are supervised, but the schedule custom fixes one "
                "weight a step; take another schedule, or curriculum=weight"
            )

    @property
    def scope(self) -> Literal["last", "one_step", "cycle", "full"]:
        """The gradient scope in force: auto resolved, and `cycle` without supervision is `last`."""
        if self.gradient_scope == "auto":
            return "full" if self.enable_deep_supervision else "last"
        if self.gradient_scope == "cycle" and not self.enable_deep_supervision:
            return "last"
        return self.gradient_scope
