"""The page's state as the query of a link, `?task=maze&supervision=0&step=1`: read within the limits of the controls,
and written again.

A link names its task, and holds only what differs from how the page shows the task by itself (settings of its recorded
run); without anything it is the page as it opens. NAMES are the
short names of the settings; the full names of the fields are read as well. A part of the page with a state of its own
adds its fields (`Field`). What cannot be used is named, the rest is used. docs/teaching_with_the_page.md has the list.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, urlencode

from trm_explore.app.link_fields import FIELDS, HIDDEN, NAMES, NO, SIZED, YES, Field, setting_from, setting_text
from trm_explore.app.settings import CONTROLS, OPENING, config_of, shown_config, values_of
from trm_explore.config import SIZES, unknown_setting
from trm_explore.shipped.pairs import KINDS, pair_names
from trm_explore.tasks import GENERATED, preset
from trm_explore.view.settings import SETTINGS
from trm_explore.words import refusals

LONGEST = 2000  # characters of a query
STEPS = 64  # the modules draw no more


@dataclass
class Opened:
    """What a link says. `values`: of the controls, in the order of CONTROLS. `more`: of the parts' fields, by name."""

    values: list[Any]
    kind: str = "on"  # of the recorded runs
    tab: str = ""
    step: int | None = None
    tour: tuple[str, int] | None = None  # and its stop, from 0
    more: dict[str, Any] = field(default_factory=dict)
    chosen: bool = False  # it sets something that a run depends on, or which recorded run is shown
    left_out: list[str] = field(default_factory=list)  # "name=value (why)"

    @property
    def notice(self) -> str:
        """One sentence that names what was left out; empty where nothing was."""
        named, rest = self.left_out[:4], len(self.left_out) - 4
        listed = "; ".join([*named, *([refusals.LINK_MORE.format(count=rest)] if rest > 0 else [])])
        return refusals.LINK_LEFT_OUT.format(listed=listed) if named else ""


class Links:
    """Reads and writes links over the tasks that a page offers, its tabs, its tours (name -> a query for every stop)
    and the fields of its parts."""

    def __init__(
        self,
        tasks: tuple[str, ...] = GENERATED,
        tabs: Iterable[str] = ("train",),
        tours: Mapping[str, list[str]] | None = None,
        fields: Iterable[Field] = (),
    ):
        self.tasks, self.tabs, self.tours = tasks, tuple(tabs), dict(tours or {})
        self.opening = OPENING if OPENING in tasks else tasks[0]
        self.fields = {one.name: one for one in fields}
        taken = self.fields.keys() & {*FIELDS, *NAMES, "pair", "tab", "step", "tour", "stop", "hide", "embed"}
        if taken:
            raise ValueError(f"the link's name {min(taken)} is taken; give the field of this part another name")

    def read(self, query: Any) -> Opened:
        """What the query of a link says; never an error, whatever it is."""
        left_out: list[str] = []
        given = self._given(query, left_out)
        tour = self._tour(given, left_out)
        if tour:  # a stop is a link itself, and what is said beside it comes on top
            given = self._given(self.tours[tour[0]][tour[1]], []) | given

        def take(name: str, allowed: Iterable[str], usual: str) -> str:
            value = given.pop(name, usual)
            if value not in allowed:
                left_out.append(_left(name, value, refusals.LINK_ALLOWED.format(listed=", ".join(allowed))))
                return usual
            return value

        named = bool(given.keys() & {*FIELDS, "pair"})
        # A link that says anything of a run names its task. Those of the first release did not where it was this one.
        usual = self.tasks[0] if given.keys() & {*FIELDS, *self.fields, "pair"} else self.opening
        task = take("task", self.tasks, usual)
        kind = take("pair", KINDS if task in pair_names() else KINDS[:1], "on")
        size = take("size", SIZES, "tiny")
        opened = Opened(
            list(sized(task, kind, size)), kind, tour=tour, chosen=named or task != self.opening, left_out=left_out
        )
        opened.tab = take("tab", self.tabs, self.tabs[0])
        if "step" in given:
            step = given.pop("step")
            if step.isascii() and step.isdigit() and len(step) < 4 and int(step) < STEPS:
                opened.step = int(step)
            else:
                left_out.append(_left("step", step, refusals.LINK_STEP.format(most=STEPS - 1)))
        for name in [name for name in given if name in self.fields]:
            try:
                opened.more[name] = self.fields[name].read(given[name])
            except ValueError as error:
                left_out.append(_left(name, given[name], _advice(error)))
        self._set(opened, {FIELDS[name]: text for name, text in given.items() if name in FIELDS})
        return opened

    def write(
        self, values: list[Any] | tuple[Any, ...], kind: str = "on", more: Mapping[str, Any] | None = None
    ) -> str:
        """The query of the link to these settings, without `?`. ValueError where they are no run."""
        now = dict(zip(CONTROLS, values_of(config_of(values, self.tasks)), strict=True))
        task, size = now["task"], now["preset"]
        kind = kind if kind in KINDS and task in pair_names() else "on"
        usual = dict(zip(CONTROLS, sized(task, kind, size), strict=True))
        usual |= {"task": "", "preset": "tiny"}
        now["custom_weights"] = now["custom_weights"].replace(" ", ",")
        fields = {name: setting_text(now[field]) for field, name in NAMES.items() if now[field] != usual[field]}
        fields |= {"pair": kind} if kind != "on" else {}
        for name, value in (more or {}).items():
            part = self.fields[name]
            with suppress(ValueError):  # a state of the part that no link can carry, such as settings made by hand
                text = part.write(value)
                if value != part.usual and part.write(part.read(text)) == text:
                    fields[name] = text
        return "" if fields == {"task": self.opening} else urlencode(fields, safe=",/")

    def _given(self, query: Any, left_out: list[str]) -> dict[str, str]:
        """Name -> text of all that is known; the last counts where one is said twice."""
        if not isinstance(query, str) or len(query) > LONGEST:
            left_out.append(refusals.LINK_TOO_LONG.format(most=LONGEST))
            return {}
        given = {}
        known = {*FIELDS, *self.fields, "pair", "tab", "step", "tour", "stop"}
        for name, value in parse_qsl(query.removeprefix("?"), keep_blank_values=True):
            name = NAMES.get(name, name)
            if name in known:
                given[name] = value
            elif name == "hide":
                unknown = [part for part in filter(None, value.split(",")) if part not in HIDDEN]
                left_out += [_left(name, part, refusals.LINK_NO_PART) for part in unknown]
            elif name == "embed":
                left_out += [] if value in YES + NO else [_left(name, value, refusals.LINK_YES)]
            elif name == "data":
                left_out.append(_left(name, value, refusals.LINK_NO_FILE))
            elif not name.startswith("__"):  # __theme and the like are Gradio's own
                others = (
                    *NAMES.values(),
                    *FIELDS,
                    *self.fields,
                    "pair",
                    "tab",
                    "step",
                    "tour",
                    "stop",
                    "hide",
                    "embed",
                )
                left_out.append(_left(name, value, unknown_setting(_plain(name, 30), others, listed=False)))
        return given

    def _tour(self, given: dict[str, str], left_out: list[str]) -> tuple[str, int] | None:
        name, stop = given.pop("tour", None), given.pop("stop", "1")
        if name is None:
            return None
        if name not in self.tours:
            left_out.append(_left("tour", name, refusals.LINK_ALLOWED.format(listed=", ".join(self.tours))))
            return None
        stops = len(self.tours[name])
        if stop in map(str, range(1, stops + 1)):
            return name, int(stop) - 1
        left_out.append(_left("stop", stop, refusals.LINK_STOP.format(most=stops)))
        return name, 0

    def _set(self, opened: Opened, given: dict[str, str]) -> None:
        """Sets the settings one at a time, each as soon as it gives a run together with those before it: so the order
        in the link does not matter, and one wrong setting costs no other."""
        waiting = dict(given)
        if "custom_weights" in given and given.get("deep_supervision_schedule", "custom") != "custom":
            opened.left_out.append(_left("custom", waiting.pop("custom_weights"), refusals.LINK_CUSTOM))
        while waiting:
            failed = {}
            for name, text in waiting.items():
                try:
                    opened.values = self._with(opened.values, name, text)
                except ValueError as error:
                    failed[name] = _left(NAMES[name], text, _advice(error))
            if len(failed) == len(waiting):
                opened.left_out += failed.values()
                return
            waiting = {name: waiting[name] for name in failed}

    def _with(self, values: list[Any], name: str, text: str) -> list[Any]:
        """The settings with one of them changed; ValueError where that is no run."""
        changed = dict(zip(CONTROLS, values, strict=True)) | {name: setting_from(name, text)}
        if name == "custom_weights":  # they are looked at only under their schedule, so that comes with them
            changed["deep_supervision_schedule"] = "custom"
        settled = values_of(config_of(list(changed.values()), self.tasks))
        if SETTINGS[name].by_task and settled[CONTROLS.index(name)] != changed[name]:
            raise ValueError(refusals.LINK_NOT_HERE)
        return settled


@cache
def sized(task: str, kind: str, size: str) -> tuple[Any, ...]:
    """The controls' values when the page shows a task's recorded run of a kind and then a size was chosen."""
    values = dict(zip(CONTROLS, values_of(shown_config(task, kind)), strict=True))
    if size != "tiny":
        own = preset(task, size).to_flat()
        values |= {"preset": size, **{name: own[name] for name in SIZED}}
    return tuple(values.values())


def _advice(error: ValueError) -> str:
    """What is allowed: an error's sentence says it after the semicolon."""
    return str(error).split("; ", 1)[-1]


def _left(name: str, value: str, why: str) -> str:
    """A field that was left out, for the notice; of what a stranger wrote not too much."""
    return f"{_plain(f'{name}={value}', 40)} ({why})"


def _plain(text: str, most: int) -> str:
    printable = "".join(letter if letter.isprintable() else "�" for letter in text)
    return printable if len(printable) <= most else printable[:most] + "…"
