"""The page's controls as one table, and what they mean: control values -> RunConfig."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from trm_explore.config import RunConfig
from trm_explore.config.checks import is_number, shown
from trm_explore.model.checkpoint import pick_device
from trm_explore.model.cost import estimate
from trm_explore.shipped.pairs import load_pair, pair_names
from trm_explore.tasks import GENERATED, TASKS, preset, resolve
from trm_explore.view.commands import short_number
from trm_explore.words import texts

# Every control, in the order in which handlers get their values; each is a field of a run.
CONTROLS = (
    "task",
    "enable_deep_supervision",
    "deep_supervision_schedule",
    "deep_supervision_weight",
    "custom_weights",
    "gradient_scope",
    "H_cycles",
    "L_cycles",
    "preset",
    "updates",
    "seed",
    "difficulty",
    "data",
    "adaptive_weights",
    "curriculum",
    "L_supervision_weight",
    "activation_checkpointing",
)
# What a preset of the guide sets.
ADVISED = ("enable_deep_supervision", "deep_supervision_schedule", "deep_supervision_weight")
LIMITS = {"H_cycles": (1, 8), "L_cycles": (1, 8), "updates": (1, 20_000), "seed": (0, 2**31 - 1)}
LIMITS |= {"L_supervision_weight": (0, 2)}
SECONDS_AN_UPDATE = 4.0  # more than this is no live page; refused with the estimate
# On the page a run computes with one thread, so that as many runs as cores go side by side; it is looked at more often.
PAGE = {"threads": 1, "eval_every": 25, "eval_puzzles": 128, "frame_every": 10}
FRAMES = 60  # of a run at most, or a few more
START = {
    "enable_deep_supervision": True,
    "deep_supervision_schedule": "linear_decay",
}


def start_config() -> RunConfig:
    """What the page opens with; the recorded run in assets/ was made with it."""
    return page_config("sudoku4", **START)


def page_config(task: str, **flat: Any) -> RunConfig:
    """A task's run as the page computes it, showing the puzzle that tells most."""
    return _few_frames(preset(task, "tiny", **PAGE, **flat, shown_puzzle=_shown(task)))


def _few_frames(config: RunConfig) -> RunConfig:
    """A long run shows its puzzle less often: what it keeps of that would be most of its memory."""
    return config.with_flat(frame_every=max(PAGE["frame_every"], config.train.updates // FRAMES))


def shown_config(task: str, kind: str = "on") -> RunConfig:
    """The settings that the page shows for a task by itself: those of its recorded run, where it has one."""
    if task not in pair_names():
        return page_config(task)
    updates = load_pair(task)["runs"][kind]["updates"]
    return page_config(task, **(START if kind == "on" else {}), updates=updates)


def _shown(task: str) -> int | None:
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
    for name, (least, most) in LIMITS.items():
        value, whole = chosen[name], name != "L_supervision_weight"
        kind = "whole number" if whole else "number"
        if value is None:
            raise ValueError(f"{name} is empty; give a {kind} from {least} to {most}")
        if not is_number(value) or (whole and value != int(value)) or not least <= value <= most:
            raise ValueError(f"{name}={shown(value)} is not possible here; give a {kind} from {least} to {most}")
        chosen[name] = int(value) if whole else float(value)
    for name in ("task", "preset"):
        if not isinstance(chosen[name], str):
            raise ValueError(f"{name}={shown(chosen[name])} is not known; choose one of the list")
    if chosen["task"] not in tasks:  # also not a folder on the server that its owner has not offered
        raise ValueError(f"task={shown(chosen['task'])} is not known; allowed are {', '.join(tasks)}")
    chosen["data"] = chosen["data"] or ""
    takes = (
        resolve(preset(chosen["task"]))[0].accepted_data_fields if chosen["task"] in TASKS else ()
    )  # a folder takes none of them
    for name, nothing in (("difficulty", "any"), ("data", "")):  # not shown then
        chosen[name] = chosen[name] if name in takes else nothing
    chosen["custom_weights"] = _numbers(chosen["custom_weights"]) if _is_custom(chosen) else ()
    on_page = None if chosen["data"] or chosen["difficulty"] != "any" else _shown(chosen["task"])
    return _few_frames(preset(chosen.pop("task"), chosen.pop("preset"), **PAGE, **chosen, shown_puzzle=on_page))


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
    return f"preset={config.preset}: " + texts.TOO_SLOW.format(
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
        raise ValueError(texts.BAD_WEIGHTS.format(text=shown(text))) from None
