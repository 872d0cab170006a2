"""What is compared: up to four variants of the Train tab's settings, by recipe or by hand -> configs with names.

A variant is the settings whose rows are `in_compare` (view/settings.py); all others are those of the Train tab, so that
nothing else differs.
"""

from __future__ import annotations

from typing import Any

from trm_explore.app.link_fields import setting_from, setting_text
from trm_explore.app.settings import CONTROLS, check, config_of
from trm_explore.config import SCHEDULES, RunConfig
from trm_explore.shipped.pairs import CONTROL
from trm_explore.view.payload import key_of
from trm_explore.view.settings import SETTINGS, START
from trm_explore.words import compare_tab, refusals

LETTERS = "ABCD"
VARIED = tuple(row.name for row in SETTINGS.values() if row.in_compare)
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
    """Variants as a link carries them: settings with commas, `/` between two, - for one that takes no part."""
    parts = []
    for used, *chosen in variants:
        if not used:  # whatever stands there
            parts.append(UNUSED)
            continue
        parts.append(",".join(map(setting_text, chosen)))
    while parts[-1:] == [UNUSED]:
        parts.pop()
    return "/".join(parts) or UNUSED


def variants_from(text: str, values: list[Any] | tuple[Any, ...]) -> list[list[Any]]:
    """The four variants of such a text; those that are not used take the Train tab's values. ValueError where it is
    none."""
    base, parts = dict(zip(CONTROLS, values, strict=True)), text.split("/")
    if len(parts) > len(LETTERS):
        raise ValueError(f"runs={text!r:.40} names {len(parts)} runs; {_how_to_give_runs()}")
    found = []
    for part in (*parts, *[UNUSED] * (len(LETTERS) - len(parts))):
        if part == UNUSED:
            found.append([False, *(base[name] for name in VARIED)])
            continue
        try:
            found.append([True, *(_chosen(name, text) for name, text in zip(VARIED, part.split(","), strict=True))])
        except ValueError:
            raise ValueError(f"runs has {part!r:.40}; {_how_to_give_runs()}") from None
    taking_part = [tuple(one) for one in found if one[0]]
    if len(taking_part) < 2 or len(set(taking_part)) < len(taking_part):
        raise ValueError(f"runs={text!r:.40} is nothing to compare; {_how_to_give_runs()}")
    return found


def offered(name: str) -> list[tuple[str, str]]:
    """(title, value) of every choice that a variant has; [] where it is none. Custom weights are of one number of
    steps."""
    return [(title, value) for title, value in SETTINGS[name].options if value != "custom"]


def _chosen(name: str, text: str) -> Any:
    """A setting of a variant from a link's text; ValueError where it is none."""
    value = setting_from(name, text)
    if offered(name) and value not in dict(map(reversed, offered(name))):
        raise ValueError(f"{name}={text!r:.40} is not known")
    return value


def _how_to_give_runs() -> str:
    names = ", ".join(SETTINGS[name].link for name in VARIED)
    example = variants_text([[True, *(START.get(name, SETTINGS[name].default) for name in VARIED)]])
    return refusals.LINK_RUNS.format(settings=names, example=example)


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
        for name in VARIED:
            if SETTINGS[name].kind == "switch" and not isinstance(changed[name], bool):
                raise ValueError(f"run {letter}: {name} must be on or off; tick the box or leave it")
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
