"""The training panel: controls, ribbon, curves and player over one run in the background."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import traitlets

from trm_explore.config import FIELDS, PARTS, RunConfig, guide_names
from trm_explore.config.checks import shown
from trm_explore.model import RecursiveModel
from trm_explore.runs.run import Run
from trm_explore.shipped.pairs import load_pair, pair_names
from trm_explore.tasks import GENERATED, preset, resolve
from trm_explore.training import events as ev
from trm_explore.view.payload import error_plan, message_of, plan_of
from trm_explore.view.settings import SETTINGS, START, WATCHED, few_frames
from trm_explore.widgets.drawing import Place, Refused
from trm_explore.widgets.live import Live

CONTROLS = {row.name: row for row in SETTINGS.values() if row.in_notebooks}


class Choice(traitlets.TraitType):
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
    # One trait a control.
    vars().update({name: Choice(START.get(name, row.default)).tag(sync=True) for name, row in CONTROLS.items()})
    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...

    step = Place().tag(sync=True)
    cell = Place().tag(sync=True)
    frame = Place().tag(sync=True)
    controls = traitlets.List(read_only=True).tag(sync=True)
    plan = traitlets.Dict(read_only=True).tag(sync=True)

    def __init__(self, config: RunConfig | None = None, task: Any = None, *, lease: float = 30.0, **flat: Any):
        self._watched = config is None and "frame_every" not in flat
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
        super().__init__(lease, **{field: config.to_flat()[field] for field in CONTROLS})
        self.set_trait("controls", self._controls())
        self._draw_plan()
        self.observe(self._on_task, "task")
        self.observe(self._on_schedule, "deep_supervision_schedule")
        self.observe(self._draw_plan, list(CONTROLS))

    @property
    def config(self) -> RunConfig:
        """The run that the controls describe; ValueError, one sentence, where they describe none."""
        chosen = {name: getattr(self, name) for name in CONTROLS}
        if chosen["deep_supervision_schedule"] != "custom":
            chosen["custom_weights"] = ()
        chosen["task"] = self._own.get(self.task, self.task)
        config = self._base.with_flat(**chosen)
        return few_frames(config) if self._watched else config

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
        options = {"task": [(name, name) for name in (*GENERATED, *self._own)]}
        return [
            {
                "name": row.name,
                "label": row.label,
                "info": row.help,
                "options": options.get(row.name, row.options) or None,
                "kind": row.kind,
                **({"least": row.least, "most": row.most_in_notebooks or row.most} if row.is_number else {}),
                **({"by": row.step or 1} if row.is_number else {}),
                **({"for_schedules": list(row.for_schedules)} if row.for_schedules else {}),
                **({"with_supervision": True} if row.with_supervision else {}),
            }
            for row in CONTROLS.values()
        ]

    def _on_task(self, _: Any) -> None:
        given = {name: value for name, value in self._given.items() if FIELDS[name] != "puzzles"}
        self._base = _preset(self._own.get(self.task, self.task), given)
        for name, row in CONTROLS.items():
            if row.of_the_task:
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
    flat = {**WATCHED, **shown, **given}
    return preset(task, flat.pop("preset", "tiny"), **flat)
