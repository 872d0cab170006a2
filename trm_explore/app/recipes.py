"""What is compared: up to four variants of the Train tab's settings, by recipe or by hand -> configs with names.

A variant is five settings; all others are those of the Train tab, so that nothing else differs.
"""

from __future__ import annotations

import re
from typing import Any, get_args

from trm_explore.app.settings import CONTROLS, LIMITS, check, config_of
from trm_explore.config import SCHEDULES, RunConfig, Scope
from trm_explore.config.schedules import FORMULAS
from trm_explore.shipped.pairs import CONTROL
from trm_explore.view.commands import short_number
from trm_explore.view.payload import key_of
from trm_explore.words import compare_tab, refusals

LETTERS = "ABCD"
VARIED = (
    "enable_deep_supervision",
    "deep_supervision_schedule",
    "deep_supervision_weight",
    "gradient_scope",
    "H_cycles",
)
FIELDS = ("used", *VARIED)  # of one variant, in the order in which its controls come
BY_HAND = "by-hand"
UNUSED = "-"  # a variant that takes no part, in a link

_ON, _OFF = {"enable_deep_supervision": True}, {"enable_deep_supervision": False}
RECIPES: dict[str, tuple[dict[str, Any], ...]] = {
    "on-off": ({**_ON, "gradient_scope": "auto"}, {**_OFF, "gradient_scope": "auto"}),
    "schedule": tuple(
        {**_ON, "deep_supervision_schedule": name}
        for name in ("linear_decay", "constant", "exponential_decay", "front_loaded")
    ),
    "loss-gradient": tuple(
        {**supervision, "gradient_scope": scope} for supervision in (_ON, _OFF) for scope in ("full", "last")
    ),
    "depth": tuple({**_ON, "H_cycles": cycles} for cycles in (1, 2, 4, 6)),
}
# The recorded runs that answer a recipe at once, by kind (pairs.py), under the letters of its variants. Letters beyond
# those stand beside the question.
RECORDED = {
    "on-off": {"A": "on", "B": "off", "C": "off-time"},
    "schedule": {"A": "on", "B": "on-constant", "C": "on-exponential_decay", "D": "on-front_loaded"},
    "loss-gradient": {"A": "on", "B": "on-last", "C": CONTROL, "D": "off"},
    "depth": {"A": "on-1", "B": "on-2", "C": "on-4", "D": "on-6"},
}


def variants_of(recipe: Any, values: list[Any] | tuple[Any, ...]) -> list[list[Any]]:
    """The four variants of a recipe over the Train tab's values; those that it does not need are not used. ValueError
    where there is no such recipe."""
    if not isinstance(recipe, str) or recipe not in RECIPES:
        raise ValueError(f"recipe={recipe!r:.60} is not known; choose one of {', '.join(RECIPES)}")
    base = dict(zip(CONTROLS, values, strict=True))
    if base["deep_supervision_schedule"] == "custom":  # its weights fit one number of steps only
        base["deep_supervision_schedule"] = "linear_decay"
    changes = RECIPES[recipe]
    variants = [[True, *({**base, **change}[name] for name in VARIED)] for change in changes]
    return variants + [[False, *(base[name] for name in VARIED)]] * (len(LETTERS) - len(changes))


def variants_text(variants: list[Any] | tuple[Any, ...]) -> str:
    """Variants as a link carries them: five settings with commas, `/` between two, - for one that takes no part."""
    parts = []
    for used, *chosen in variants:
        if not used:  # whatever stands there
            parts.append(UNUSED)
            continue
        supervision, schedule, weight, scope, cycles = chosen
        parts.append(f"{int(bool(supervision))},{schedule},{short_number(float(weight))},{scope},{int(cycles)}")
    while parts[-1:] == [UNUSED]:
        parts.pop()
    return "/".join(parts) or UNUSED


def variants_from(text: str, values: list[Any] | tuple[Any, ...]) -> list[list[Any]]:
    """The four variants of such a text; those that are not used take the Train tab's values. ValueError where it is
    none."""
    base, parts = dict(zip(CONTROLS, values, strict=True)), text.split("/")
    if len(parts) > len(LETTERS):
        raise ValueError(f"runs={text!r:.40} names {len(parts)} runs; {refusals.LINK_RUNS}")
    found = []
    for part in (*parts, *[UNUSED] * (len(LETTERS) - len(parts))):
        match = re.fullmatch(r"([01]),(\w+),(\d(?:\.\d{1,4})?),(\w+),(\d{1,3})", part, re.ASCII)
        if part == UNUSED:
            found.append([False, *(base[name] for name in VARIED)])
            continue
        if not match:
            raise ValueError(f"runs has {part!r:.40}; {refusals.LINK_RUNS}")
        supervision, schedule, weight, scope, cycles = match.groups()
        low, high = LIMITS["H_cycles"]
        known = schedule in FORMULAS and scope in get_args(Scope)
        if not (known and float(weight) <= 1 and low <= int(cycles) <= high):
            raise ValueError(f"runs has {part!r:.40}; {refusals.LINK_RUNS}")
        found.append([True, supervision == "1", schedule, float(weight), scope, int(cycles)])
    taking_part = [tuple(one) for one in found if one[0]]
    if len(taking_part) < 2 or len(set(taking_part)) < len(taking_part):
        raise ValueError(f"runs={text!r:.40} is nothing to compare; {refusals.LINK_RUNS}")
    return found


def configs_of(
    variants: list[Any], values: list[Any] | tuple[Any, ...], tasks: tuple[str, ...]
) -> dict[str, RunConfig]:
    """letter -> config of every variant that is used. ValueError, one sentence, where one cannot run here, where fewer
    than two are used, and where two are the same experiment."""
    if len(variants) > len(LETTERS):
        raise ValueError(f"{len(variants)} runs cannot be compared at once; give at most {len(LETTERS)}")
    base, found = dict(zip(CONTROLS, values, strict=True)), {}
    for letter, variant in zip(LETTERS, variants, strict=False):
        if not isinstance(variant, list | tuple) or len(variant) != len(FIELDS):
            raise ValueError(f"run {letter} is not a list of {len(FIELDS)} settings; give {', '.join(FIELDS)}")
        used, *chosen = variant
        if not used:
            continue
        changed = base | dict(zip(VARIED, chosen, strict=True))
        changed["custom_weights"] = "" if changed["deep_supervision_schedule"] != "custom" else base["custom_weights"]
        if not isinstance(changed["enable_deep_supervision"], bool):
            raise ValueError(f"run {letter}: enable_deep_supervision must be on or off; tick the box or leave it")
        try:
            found[letter] = check(config_of(list(changed.values()), tasks))
        except ValueError as error:
            raise ValueError(f"run {letter}: {error}") from None
    if len(found) < 2:
        raise ValueError(f"{len(found) or 'no'} run is chosen, which is nothing to compare; let at least two take part")
    seen: dict[str, str] = {}
    for letter, config in found.items():
        other = seen.setdefault(key_of(config), letter)
        if other != letter:
            raise ValueError(f"runs {other} and {letter} have the same settings; change one or leave it out")
    return found


def names_of(configs: dict[str, RunConfig]) -> dict[str, str]:
    """letter -> what sets this run apart from the others, in words; the gradient scope is the one in force."""
    parts = {letter: _words(config) for letter, config in configs.items()}
    differ = [field for field in next(iter(parts.values())) if len({words[field] for words in parts.values()}) > 1]
    return {letter: ", ".join(words[field] for field in differ if words[field]) for letter, words in parts.items()}


def _words(config: RunConfig) -> dict[str, str]:
    s, cycles, words = config.supervision, config.model.H_cycles, compare_tab.WORDS
    weighted = s.enable_deep_supervision and SCHEDULES[s.deep_supervision_schedule].uses_base_weight
    return {
        "supervision": words["on" if s.enable_deep_supervision else "off"],
        "schedule": SCHEDULES[s.deep_supervision_schedule].title if s.enable_deep_supervision else "",
        "weight": words["base"].format(weight=s.deep_supervision_weight) if weighted else "",
        "scope": words["scope"].format(scope=s.scope),
        "depth": words["depth_one" if cycles == 1 else "depth"].format(cycles=cycles),
    }
