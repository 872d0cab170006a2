"""The settings that people choose with a control: one row each, in the order in which pages and links have them.

From a row and its field in config/ follow the page's control, the notebook panel's, the name in links and in `hide`,
the range that is allowed, what /train takes, and what the tables in docs must say. A row says what the field does not:
words, a range for people, a place. Type, choices and start value are the field's.

    Setting("seed", "Seed", "same seed, same run", place="more", link="seed", least=0, most=100, in_notebooks=True)
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from trm_explore.config import FIELDS, PARTS, SCHEDULES, SIZES, RunConfig
from trm_explore.config.checks import is_number, shown
from trm_explore.tasks import GENERATED

Kind = Literal["switch", "choice", "range", "number", "weights", "text", "file"]
Place = Literal["switches", "more", "finer", "file"]  # rows of controls; the last three are folded under More settings
BUTTONS = 5  # so many choices stand side by side; more are a list
STOPS = 100  # a slider has no more; with more it is a box with a number
START = {"enable_deep_supervision": True, "deep_supervision_schedule": "linear_decay"}  # pages and panels open with it
# A run that is looked at computes with one thread, so that as many as there are cores go side by side, and is measured
# more often.
WATCHED = {"threads": 1, "eval_every": 25, "eval_puzzles": 128, "frame_every": 10}
FRAMES = 60  # of a run at most, or a few more


@cache
def _hint_of(name: str) -> Any:
    part = FIELDS[name]
    hint = get_type_hints(PARTS[part] if part else RunConfig)[name]
    kinds = [one for one in get_args(hint) if one is not NoneType]
    return kinds[0] if NoneType in get_args(hint) and len(kinds) == 1 else hint


@dataclass(frozen=True, slots=True)
class Setting:
    """A field of a run that has a control."""

    name: str
    """The field's."""
    label: str
    help: str = ""
    """A few words beside the control."""
    place: Place = "more"
    link: str = ""
    """Its name in links. Empty: never part of one."""
    hide: str = ""
    """The name with which a link takes the control off the page. Empty: only together with its row."""
    least: float | None = None
    most: float | None = None
    step: float | None = None
    """Of a slider. None: 1."""
    strict: bool = True
    """Whether a run may have no value outside of least and most here; else it is only the slider that ends there."""
    choices: tuple[str, ...] = ()
    """Those that are offered. Empty: all that the field's Literal has."""
    marked: bool = False
    """Errors are shown at the control, as they are anyway where people type and where a range is checked."""
    of_the_task: bool = False
    """Another task or size brings its own value."""
    with_supervision: bool = False
    """It can be changed only while deep supervision is on."""
    for_schedules: tuple[str, ...] = ()
    """The schedules with which it is shown. Empty: all."""
    in_notebooks: bool = False
    """The notebook panel has it too."""
    most_in_notebooks: float | None = None
    """There, where it differs."""
    in_compare: bool = False
    """Each run of a comparison has it; what is not varied there is as in the Train tab."""

    @property
    def hint(self) -> Any:
        """The field's type, without None."""
        return _hint_of(self.name)

    @property
    def default(self) -> Any:
        """The field's."""
        part = FIELDS[self.name]
        return getattr(PARTS[part]() if part else RunConfig(), self.name)

    @property
    def kind(self) -> Kind:
        if self.options:
            return "choice"
        if self.hint is bool:
            return "switch"
        if self.is_number:
            return "range" if (self.most - self.least) / (self.step or 1) <= STOPS else "number"
        if get_origin(self.hint) is tuple:
            return "weights"
        return "file" if self.place == "file" else "text"

    @property
    def options(self) -> list[tuple[str, str]]:
        """(title, value) of every choice; [] where it is none."""
        names = self.choices or (get_args(self.hint) if get_origin(self.hint) is Literal else ())
        return [(SCHEDULES[name].title if names == tuple(SCHEDULES) else name, name) for name in names]

    @property
    def is_number(self) -> bool:
        return self.hint in (int, float)

    @property
    def is_whole(self) -> bool:
        return self.hint is int

    @property
    def is_marked(self) -> bool:
        return self.marked or self.kind in ("number", "weights", "text", "file") or (self.is_number and self.strict)

    @property
    def by_task(self) -> bool:
        """Only tasks that name it (`accepted_data_fields`) have it: puzzles and their size are of some tasks alone."""
        return FIELDS[self.name] == "puzzles"

    def acts_with(self, schedule: str) -> bool:
        return not self.for_schedules or schedule in self.for_schedules

    @property
    def advice(self) -> str:
        """What numbers are allowed; the end of a sentence."""
        return f"give a {'whole number' if self.is_whole else 'number'} from {self.least} to {self.most}"

    @property
    def schema(self) -> dict[str, Any]:
        """Of a control's value, as JSON Schema: type, range, choices, words."""
        types = {bool: "boolean", int: "integer", float: "number"}
        known: dict[str, Any] = {"enum": [value for _, value in self.options]} if self.options else {}
        known = known or {"type": types.get(self.hint, "string")}
        if self.is_number and self.strict:
            known |= {"minimum": self.least, "maximum": self.most}
        words = [self.label, self.help, f"{self.least} to {self.most}" if self.is_number else ""]
        return {**known, "description": "; ".join(filter(None, words))}

    def number(self, value: Any) -> int | float:
        """The number that a control or a stranger gave, as the field's type; ValueError, one sentence that starts with
        the setting's name, where it is none or outside of the range."""
        if value is None:
            raise ValueError(f"{self.name} is empty; {self.advice}")
        whole = self.is_whole
        if not is_number(value) or (whole and value != int(value)) or not self.least <= value <= self.most:
            raise ValueError(f"{self.name}={shown(value)} is not possible here; {self.advice}")
        return int(value) if whole else float(value)


def few_frames(config: RunConfig) -> RunConfig:
    """A long run shows its puzzle less often: what it keeps of that would be most of its memory."""
    return config.with_flat(frame_every=max(WATCHED["frame_every"], config.train.updates // FRAMES))


SETTINGS: dict[str, Setting] = {
    row.name: row
    for row in (
        Setting(
            "task", "Task", "what is to be solved", place="switches", link="task", choices=GENERATED, in_notebooks=True
        ),
        Setting("preset", "Size", "paper: 7 million weights, for a GPU", link="size", choices=SIZES, marked=True),
        Setting(
            "enable_deep_supervision",
            "Deep supervision",
            "a loss at every step",
            place="switches",
            link="supervision",
            hide="supervision",
            in_notebooks=True,
            in_compare=True,
        ),
        Setting(
            "deep_supervision_schedule",
            "Schedule",
            "how losses are weighted",
            place="switches",
            link="schedule",
            hide="schedule",
            with_supervision=True,
            in_notebooks=True,
            in_compare=True,
        ),
        Setting(
            "deep_supervision_weight",
            "Base weight",
            "early losses",
            place="switches",
            link="weight",
            hide="weight",
            least=0,
            most=1,
            step=0.05,
            strict=False,
            with_supervision=True,
            for_schedules=tuple(name for name, schedule in SCHEDULES.items() if schedule.uses_base_weight),
            in_notebooks=True,
            in_compare=True,
        ),
        Setting(
            "custom_weights",
            "Custom weights",
            "one number a step, such as 0.3 0.4 1",
            place="switches",
            link="custom",
            with_supervision=True,
            for_schedules=tuple(name for name, schedule in SCHEDULES.items() if schedule.weight is None),
            in_notebooks=True,
        ),
        Setting(
            "gradient_scope",
            "Gradient scope",
            "how far a loss reaches back",
            place="switches",
            link="scope",
            hide="scope",
            in_notebooks=True,
            in_compare=True,
        ),
        Setting(
            "H_cycles",
            "H-cycles",
            "steps",
            place="switches",
            link="H_cycles",
            hide="cycles",
            least=1,
            most=8,
            of_the_task=True,
            in_notebooks=True,
            in_compare=True,
        ),
        Setting(
            "L_cycles",
            "L-cycles",
            "updates of z_L in each",
            link="L_cycles",
            least=1,
            most=8,
            of_the_task=True,
            in_notebooks=True,
        ),
        Setting(
            "updates",
            "Updates",
            "optimiser updates in all",
            link="updates",
            least=1,
            most=20_000,
            of_the_task=True,
            in_notebooks=True,
            most_in_notebooks=1_000_000,
        ),
        Setting("seed", "Seed", "same seed, same run", link="seed", least=0, most=2**31 - 1, in_notebooks=True),
        Setting("difficulty", "Difficulty", "fewer givens are harder", link="difficulty"),
        Setting(
            "adaptive_weights",
            "Adaptive weights",
            "follow the losses: steps that lag, or that stall",
            place="finer",
            link="adaptive",
        ),
        Setting(
            "curriculum",
            "Curriculum",
            "what grows in the run's first half",
            place="finer",
            link="curriculum",
            marked=True,
        ),
        Setting(
            "L_supervision_weight",
            "L-cycle supervision",
            "weight of a loss on z_L after every L-cycle",
            place="finer",
            link="L_weight",
            least=0,
            most=2,
            step=0.05,
        ),
        Setting(
            "activation_checkpointing",
            "Checkpointing",
            "keep less, compute again: memory for time",
            place="finer",
            link="checkpointing",
        ),
        Setting("data", "Own puzzles", place="file"),
    )
}
