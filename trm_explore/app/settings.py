"""What the page's controls mean: their values -> RunConfig. view/settings.py has the row of each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from trm_explore.config import RunConfig
from trm_explore.config.checks import shown
from trm_explore.model.checkpoint import pick_device
from trm_explore.model.cost import estimate
from trm_explore.shipped.pairs import load_pair, pair_names
from trm_explore.tasks import GENERATED, TASKS, preset, resolve
from trm_explore.view.commands import short_number
from trm_explore.view.settings import SETTINGS, START, WATCHED, few_frames
from trm_explore.words import refusals

CONTROLS = tuple(SETTINGS)  # every control, in the order in which handlers get their values
LIMITS = {row.name: (row.least, row.most) for row in SETTINGS.values() if row.is_number and row.strict}
# What a preset of the guide sets.
ADVISED = ("enable_deep_supervision", "deep_supervision_schedule", "deep_supervision_weight")
OPENING = "maze"  # the page opens with a task that needs its steps
SECONDS_AN_UPDATE = 4.0  # more than this is no live page; refused with the estimate


def start_config() -> RunConfig:
    """What the page opens with; the recorded run in assets/ was made with it."""
    return page_config(OPENING, **START)


def page_config(task: str, **flat: Any) -> RunConfig:
    """A task's run as the page computes it, showing the puzzle that tells most."""
    return few_frames(preset(task, "tiny", **WATCHED, **flat, shown_puzzle=_telling_puzzle(task)))


def shown_config(task: str, kind: str = "on") -> RunConfig:
    """The settings that the page shows for a task by itself: those of its recorded run, where it has one."""
    if task not in pair_names():
        return page_config(task)
    updates = load_pair(task)["runs"][kind]["updates"]
    return page_config(task, **(START if kind == "on" else {}), updates=updates)


def _telling_puzzle(task: str) -> int | None:
    return load_pair(task)["shown_puzzle"] if task in pair_names() else None


def values_of(config: RunConfig) -> list[Any]:
    """The controls' values that give this config."""
    flat = config.to_flat()
    flat["custom_weights"] = " ".join(map(short_number, flat["custom_weights"]))
    flat["data"] = flat["data"] or None
    return [flat[name] for name in CONTROLS]


def config_of(values: list[Any] | tuple[Any, ...], tasks: tuple[str, ...] = GENERATED) -> RunConfig:
    """The run that the controls describe; `tasks`: those that are offered. ValueError, in one sentence that starts with
    the field's name, where they describe none."""
    chosen = dict(zip(CONTROLS, values, strict=True))
    for name in LIMITS:
        chosen[name] = SETTINGS[name].number(chosen[name])
    for name in ("task", "preset"):
        if not isinstance(chosen[name], str):
            raise ValueError(f"{name}={shown(chosen[name])} is not known; choose one of the list")
    if chosen["task"] not in tasks:  # also not a folder on the server that its owner has not offered
        raise ValueError(f"task={shown(chosen['task'])} is not known; allowed are {', '.join(tasks)}")
    chosen["data"] = chosen["data"] or ""
    known = chosen["task"] in TASKS  # a folder of the owner's takes none of them
    takes = resolve(preset(chosen["task"]))[0].accepted_data_fields if known else ()
    for row in SETTINGS.values():
        if row.by_task and row.name not in takes:  # not shown then
            chosen[row.name] = row.default
    chosen["custom_weights"] = _numbers(chosen["custom_weights"]) if _is_custom(chosen) else ()
    on_page = None if chosen["data"] or chosen["difficulty"] != "any" else _telling_puzzle(chosen["task"])
    return few_frames(preset(chosen.pop("task"), chosen.pop("preset"), **WATCHED, **chosen, shown_puzzle=on_page))


def check(config: RunConfig) -> RunConfig:
    """The config with its task's lengths; ValueError where it cannot run here, too slow included."""
    if slow := too_slow(config):
        raise ValueError(slow)
    try:
        _, config = resolve(config)
    except ValueError as error:
        path = config.puzzles.data
        if path and path in str(error):  # the server's name for the upload says nothing to its owner
            name = Path(path).name
            name = name if len(name) <= 60 else name[:60] + "…"
            raise ValueError(f"data: {str(error).replace(path, name)}") from None
        raise
    return config


def too_slow(config: RunConfig) -> str:
    """Why a run would be no live page here, with the estimate; empty where it is fast enough."""
    if pick_device(config.train.device).type != "cpu":
        return ""
    _, sized = resolve(config.with_flat(data="", eval_data=""))  # the user's own file is not read for it
    cost = estimate(sized)
    if cost.seconds_per_update <= SECONDS_AN_UPDATE:
        return ""
    return f"preset={config.preset}: " + refusals.TOO_SLOW.format(
        seconds=cost.seconds_per_update,
        updates=config.train.updates,
        parameters=cost.parameters,
        device="one CPU thread",
        limit=SECONDS_AN_UPDATE,
    )


def _is_custom(chosen: dict[str, Any]) -> bool:
    return chosen["deep_supervision_schedule"] == "custom"


def _numbers(text: str | None) -> tuple[float, ...]:
    try:
        return tuple(float(word) for word in (text or "").replace(",", " ").replace(";", " ").split())
    except (ValueError, AttributeError, TypeError):
        raise ValueError(refusals.BAD_WEIGHTS.format(text=shown(text))) from None
