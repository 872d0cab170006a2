"""The names in links: of settings, of what can be hidden, and the fields that a part of the page adds of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from trm_explore.view.commands import short_number
from trm_explore.view.settings import SETTINGS
from trm_explore.words import page_controls, refusals

# Of the settings, in the order in which a link has them; an uploaded file is never part of one.
NAMES = {row.name: row.link for row in SETTINGS.values() if row.link}
FIELDS = {name: field_name for field_name, name in NAMES.items()}
LONGEST_TEXT = 1200  # of one field, as it stands in a link
SIZED = tuple(row.name for row in SETTINGS.values() if row.of_the_task)  # what choosing a size sets
YES, NO = ("1", "on", "true", "yes"), ("0", "off", "false", "no")
# What `hide` can take off the page: name -> the elements.
HIDDEN = {
    "intro": ":is(#intro, #how)",
    "tours": "#tours",
    "share": "#share",
    "gallery": "#tasks",
    "stage": "#stage",
    "tabs": "#tabs > .tab-wrapper",
    "compare": "#tab-compare-button",
    "inside": "#tab-inside-button",
    **{row.hide: f"#{row.name}" for row in SETTINGS.values() if row.hide},
    "buttons": "#buttons",
    "ribbon": "#ribbon",
    "weights": "#ribbon :is(.tr-weight, .tr-h-weight)",
    "gradient": "#ribbon :is(.tr-arrow, .tr-h-rec small, .tr-scope)",
    "losses": "#ribbon :is(.tr-loss, .tr-h-loss)",
    "solved": "#ribbon :is(.tr-solved, .tr-h-solved)",
    "recorded": "#recorded",
    "curves": "#curves",
    "player": "#player",
    "more": "#more",
    "take": "#take",
    "what": "#what",
}

HIDEABLE = page_controls.HIDEABLE | {row.hide: row.label for row in SETTINGS.values() if row.hide}  # their words


@dataclass(frozen=True)
class Field:
    """One value of another part of the page that a link carries: its name there, the component that holds it, how text
    is read (ValueError: the sentence says what is allowed after a semicolon) and written."""

    name: str
    part: Any
    read: Callable[[str], Any]
    write: Callable[[Any], str] = str
    usual: Any = None  # then the link leaves it out


def choice(name: str, part: Any, allowed: Iterable[str], usual: str) -> Field:
    """The field of a part that is one of some words."""

    def read(text: str) -> str:
        if text not in allowed:
            raise ValueError(f"{name}={text} is not known; {refusals.LINK_ALLOWED.format(listed=', '.join(allowed))}")
        return text

    return Field(name, part, read, usual=usual)


def whole(name: str, part: Any, least: int, most: int) -> Field:
    """The field of a part that holds a whole number as text, empty where nobody has chosen one."""

    def read(text: str) -> str:
        if not (text.isascii() and text.isdigit() and len(text) < 10 and least <= int(text) <= most):
            raise ValueError(f"{name} is no such number; {refusals.LINK_WHOLE.format(least=least, most=most)}")
        return str(int(text))

    return Field(name, part, read, usual="")


def short(name: str, part: Any) -> Field:
    """The field of a part that holds a text, empty where there is none; a long one is no matter for a link."""

    def read(text: str) -> str:
        if len(quote(text)) > LONGEST_TEXT:
            raise ValueError(f"{name} is long; {refusals.LINK_TEXT.format(most=LONGEST_TEXT)}")
        return text

    return Field(name, part, read, usual="")


def setting_from(name: str, text: str) -> Any:
    """A control's value from a link's text; what is no number stays text, for config_of to name."""
    row = SETTINGS[name]
    if row.kind == "switch":
        if text.lower() not in YES + NO:
            raise ValueError(refusals.LINK_YES)
        return text.lower() in YES
    if not row.is_number:
        return text
    try:
        value = int(text) if row.is_whole else float(text)
    except ValueError:
        raise ValueError(refusals.LINK_NUMBER) from None
    return row.number(value)  # also where it is only the slider that ends there


def setting_text(value: Any) -> str:
    """A control's value as a link carries it."""
    if isinstance(value, bool):
        return str(int(value))
    return short_number(value) if isinstance(value, float) else str(value)
