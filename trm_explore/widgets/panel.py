"""The training panel: controls, ribbon, curves and player over one run in the background."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, get_args

import traitlets

from trm_explore.config import FIELDS, PARTS, SCHEDULES, RunConfig, Scope, guide_names
from trm_explore.config.checks import shown
from trm_explore.model import RecursiveModel
from trm_explore.runs.run import Run
from trm_explore.shipped.pairs import load_pair, pair_names
from trm_explore.tasks import GENERATED, preset, resolve
from trm_explore.training import events as ev
from trm_explore.view.payload import error_plan, message_of, plan_of
from trm_explore.widgets.drawing import Place, Refused
from trm_explore.widgets.live import Live
from trm_explore.words import texts

# As on the page: one thread, looked at often, supervised.
LIVE = {"threads": 1, "eval_every": 25, "eval_puzzles": 128, "frame_every": 10}
START = {"enable_deep_supervision": True, "deep_supervision_schedule": "linear_decay"}
KINDS: dict[str, dict[str, Any]] = {
    "task": {"kind": "choice"},
    "enable_deep_supervision": {"kind": "switch"},
    "deep_supervision_schedule": {"kind": "choice"},
    "deep_supervision_weight": {
        "kind": "range",
        "least": 0,
        "most": 1,
        "by": 0.05,
        "for_schedules": [name for name, schedule in SCHEDULES.items() if schedule.uses_base_weight],
    },
    "custom_weights": {
        "kind": "weights",
        "for_schedules": [name for name, schedule in SCHEDULES.items() if schedule.weight is None],
    },
    "gradient_scope": {"kind": "choice"},
    "H_cycles": {"kind": "range", "least": 1, "most": 8, "by": 1},
    "L_cycles": {"kind": "range", "least": 1, "most": 8, "by": 1},
    "updates": {"kind": "number", "least": 1, "most": 1_000_000, "by": 1},
    "seed": {"kind": "number", "least": 0, "most": 2**31 - 1, "by": 1},
}
OF_THE_TASK = ("H_cycles", "L_cycles", "updates")  # another task brings its own


class Setting(traitlets.TraitType):
    """A field of a run, checked as RunConfig checks it."""

    info_text = "a setting of a run"

    def validate(self, panel: Any, value: Any) -> Any:
        part, fields = FIELDS[self.name], {self.name: value}
        if self.name == "custom_weights":
            fields["deep_supervision_schedule"] = "custom"
        try:
            if self.name == "task":
                return panel._known(value)
            checked = getattr(PARTS[part](**fields), self.name)
        except ValueError as error:
            raise Refused(str(error)) from None
        return list(checked) if self.name == "custom_weights" else checked


class TrainingPanel(Live):
    """Trains one network while the notebook goes on.

        panel = TrainingPanel(task="maze", seed=3)
        panel                       # as a cell's last line: the panel
        panel.H_cycles = 5          # what can be clicked is a trait
        panel.train(); panel.wait() # and what can be pressed a method

    `config`: a RunConfig, with `flat` changed in it; else the preset of `task` (a name, a folder, or a task object) as
    the page trains it, with `flat` changed. ValueError, one sentence, where they describe no run. `lease`: seconds
    after which a run stops that is shown nowhere any more.
    """

    modules: ClassVar = ("steering", "ribbon", "curves", "player")
    task = Setting("sudoku4").tag(sync=True)
    enable_deep_supervision = Setting(True).tag(sync=True)
    deep_supervision_schedule = Setting("linear_decay").tag(sync=True)
    deep_supervision_weight = Setting(0.5).tag(sync=True)
    custom_weights = Setting().tag(sync=True)
    gradient_scope = Setting("auto").tag(sync=True)
    H_cycles = Setting(3).tag(sync=True)
    L_cycles = Setting(3).tag(sync=True)
    updates = Setting(400).tag(sync=True)
    seed = Setting(0).tag(sync=True)
    step = Place().tag(sync=True)
    cell = Place().tag(sync=True)
    frame = Place().tag(sync=True)
    controls = traitlets.List(read_only=True).tag(sync=True)
    plan = traitlets.Dict(read_only=True).tag(sync=True)

    def __init__(self, config: RunConfig | None = None, task: Any = None, *, lease: float = 30.0, **flat: Any):
        if config is None:
            self._given = START | guide_names(flat)
            config = _preset("sudoku4" if task is None else task, self._given)
        elif not isinstance(config, RunConfig):
            raise ValueError(f"config is a {type(config).__name__}; give a RunConfig, or say task={shown(config)}")
        elif task is not None:
            raise ValueError(
                f"task={shown(task)} is given beside a config, whose task is {shown(config.task)}; give one of them"
            )
        else:
            self._given, config = {"preset": config.preset}, config.with_flat(**flat)
        resolve(config)
        self._base, self._own = config, {}
        name = config.to_flat()["task"]
        if name not in GENERATED:
            self._own[name] = config.task
        super().__init__(lease, **{field: config.to_flat()[field] for field in KINDS})
        self.set_trait("controls", self._controls())
        self._draw_plan()
        self.observe(self._on_task, "task")
        self.observe(self._on_schedule, "deep_supervision_schedule")
        self.observe(self._draw_plan, list(KINDS))

    @property
    def config(self) -> RunConfig:
        """The run that the controls describe; ValueError, one sentence, where they describe none."""
        chosen = {name: getattr(self, name) for name in KINDS}
        if chosen["deep_supervision_schedule"] != "custom":
            chosen["custom_weights"] = ()
        chosen["task"] = self._own.get(self.task, self.task)
        return self._base.with_flat(**chosen)

    @property
    def run(self) -> Run | None:
        """The newest run; its `config` stays as it was when it began."""
        return self._members[0] if self._members else None

    @property
    def events(self) -> list[ev.Event]:
        """All that the newest run has said so far."""
        return list(self.run.events) if self.run else []

    @property
    def model(self) -> RecursiveModel:
        """A copy of the newest run's averaged weights, in evaluation mode on the CPU; ValueError before the first
        update."""
        found = self.run.model() if self.run else None
        if found is None:
            raise ValueError("there are no weights yet; press Train, or call train() and then wait()")
        return found[0]

    def picture(self) -> Any:
        """The ribbon: of the newest run, else of what the controls say."""
        from trm_explore.plots import ribbon  # matplotlib is slow to import

        ready = any(isinstance(event, ev.UpdateDone) for event in self.events)
        return ribbon(self.run.config, self.events) if ready else ribbon(self.config)

    def __repr__(self) -> str:
        at = self.run.latest.update if self.run and isinstance(self.run.latest, ev.UpdateDone | ev.Finished) else 0
        return f"TrainingPanel(task={self.task!r}, seed={self.seed}): {self.state or 'not begun'}, update {at}"

    def _known(self, task: Any) -> str:
        if task not in (*GENERATED, *self._own):
            raise ValueError(f"task={shown(task)} is not known; allowed are {', '.join((*GENERATED, *self._own))}")
        return task

    def _controls(self) -> list[dict[str, Any]]:
        options = {
            "task": [(name, name) for name in (*GENERATED, *self._own)],
            "deep_supervision_schedule": [(schedule.title, name) for name, schedule in SCHEDULES.items()],
            "gradient_scope": [(name, name) for name in get_args(Scope)],
        }
        return [
            {"name": name, "label": texts.LABELS[name], "info": texts.INFO.get(name), "options": options.get(name)}
            | kind
            for name, kind in KINDS.items()
        ]

    def _on_task(self, _: Any) -> None:
        given = {name: value for name, value in self._given.items() if FIELDS[name] != "puzzles"}
        self._base = _preset(self._own.get(self.task, self.task), given)
        for name in OF_THE_TASK:
            setattr(self, name, self._base.to_flat()[name])

    def _on_schedule(self, _: Any) -> None:
        """Custom weights begin with those of the schedule before."""
        if self.deep_supervision_schedule == "custom" and len(self.custom_weights) != self.H_cycles:
            self.custom_weights = self.plan.get("weights") or [1.0] * self.H_cycles

    def _draw_plan(self, _: Any = None) -> None:
        try:
            plan = plan_of(self.config) | {"task": self.task}
        except ValueError as error:
            plan = error_plan(str(error))
        self.set_trait("plan", plan)

    def _configs(self) -> Sequence[RunConfig]:
        config = self.config
        resolve(config)
        return [config]

    def _content(
        self, members: Sequence[Run], states: list[str], starts: list[int], ends: list[int], first: bool
    ) -> dict[str, Any]:
        run, start = members[0], starts[0]
        message = message_of(
            run.id,
            run.config,
            run.events[start : ends[0]],
            start=start,
            state=states[0],
            latest=run.latest,
            findings=run.findings,
        )
        return {"message": message}

    def _refuse(self, sentence: str) -> None:
        self.set_trait("plan", error_plan(sentence))


def _preset(task: Any, given: dict[str, Any]) -> RunConfig:
    """A task's run as the page trains it, with the fields in `given`."""
    shown = {"shown_puzzle": load_pair(task)["shown_puzzle"]} if task in pair_names() else {}
    if given.get("data") or given.get("difficulty", "any") != "any":
        shown = {}
    flat = {**LIVE, **shown, **given}
    return preset(task, flat.pop("preset", "tiny"), **flat)
