"""The weight vector of a schedule, to be played with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import traitlets

from trm_explore.config import SCHEDULES, ModelConfig, SupervisionConfig
from trm_explore.training.losses import supervision_weights
from trm_explore.view.palette import both_themes
from trm_explore.widgets.drawing import Drawing, Refused

FIELDS = {
    "schedule": "deep_supervision_schedule",
    "base_weight": "deep_supervision_weight",
    "weights": "custom_weights",
}


class Setting(traitlets.TraitType):
    """Checked as the configs check it."""

    info_text = "a setting of the weights"

    def validate(self, widget: Any, value: Any) -> Any:
        own = FIELDS.get(self.name, self.name)
        try:
            if self.name == "n_steps":
                return ModelConfig(H_cycles=value).H_cycles
            if self.name == "weights":
                value = list(value) if isinstance(value, Sequence) or hasattr(value, "tolist") else value
                given = SupervisionConfig(deep_supervision_schedule="custom", custom_weights=value)
                if not given.custom_weights:
                    raise ValueError("weights is empty; give one number a step, such as 0.3 0.4 1")
                return [round(weight, 6) for weight in given.custom_weights]
            return getattr(SupervisionConfig(**{own: value}), own)
        except ValueError as error:
            raise Refused(str(error).replace("H_cycles", "n_steps").replace(own, self.name)) from None


class Weights(Drawing):
    """How much each step's loss counts: `Weights(n_steps=4, base_weight=0.3)`.

    Traits: `schedule`, `base_weight`, `n_steps`, and `weights`, the raw weights, which follow them. Setting `weights`
    (or moving a bar) makes the schedule "custom". The total is sum(w * l) / sum(w). ValueError, one sentence, for what
    is no weight vector.
    """

    modules: ClassVar = ("weights",)
    schedule = Setting("linear_decay").tag(sync=True)
    base_weight = Setting(0.5).tag(sync=True)
    n_steps = Setting(3).tag(sync=True)
    weights = Setting().tag(sync=True)
    colors = traitlets.Dict(read_only=True).tag(sync=True)
    options = traitlets.List(read_only=True).tag(sync=True)

    def __init__(
        self,
        n_steps: int = 3,
        base_weight: float = 0.5,
        schedule: str = "linear_decay",
        *,
        weights: Sequence[float] | None = None,
    ):
        first = {"schedule": schedule, "base_weight": base_weight, "n_steps": n_steps}
        super().__init__(**first, weights=[1.0])
        self.set_trait(
            "options",
            [
                {"name": name, "title": s.title, "sentence": s.sentence, "uses_base_weight": s.uses_base_weight}
                for name, s in SCHEDULES.items()
            ],
        )
        self._following = False
        self._follow()
        self.observe(self._follow, ["schedule", "base_weight", "n_steps"])
        self.observe(self._taken, "weights")
        if weights is not None:
            self.weights = weights

    @property
    def divisor(self) -> float:
        """The sum of the weights."""
        return sum(self.weights)

    def picture(self) -> Any:
        """The chosen schedule's weights as bars; with a formula, beside those of the others."""
        from trm_explore.plots.curves import weight_vectors  # matplotlib is slow to import

        custom = self.weights if self.schedule == "custom" else None
        return weight_vectors(None, self.n_steps, self.base_weight, custom=custom)

    def __repr__(self) -> str:
        listed = ", ".join(f"{weight:.4g}" for weight in self.weights)
        return f"Weights({self.schedule}: {listed}; divisor {self.divisor:.4g})"

    def _follow(self, change: Any = None) -> None:
        """The weights follow the settings; custom ones keep what they were, as far as there are steps."""
        if self._following:
            return
        old = self.weights
        if self.schedule == "custom":
            weights = [*old, *[1.0] * self.n_steps][: self.n_steps]
            weights = weights if any(weights) else [1.0] * self.n_steps
        else:
            weights = supervision_weights(self.schedule, self.n_steps, self.base_weight).tolist()
        self._set(weights)

    def _taken(self, change: Any) -> None:
        if not self._following:
            self._set(change["new"], schedule="custom", n_steps=len(change["new"]))

    def _set(self, weights: list[float], **more: Any) -> None:
        self._following = True
        try:
            for name, value in more.items():
                setattr(self, name, value)
            self.set_trait("colors", both_themes(len(weights)))
            self.weights = weights
        finally:
            self._following = False
