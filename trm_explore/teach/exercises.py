"""Checking an exercise: right, or not yet and one hint. Never an error, so that a whole notebook can always be run."""

from __future__ import annotations

from typing import Any

from trm_explore.teach import lessons_1_to_3, lessons_4_to_6
from trm_explore.teach.cases import DOTS, Check, NotYet, stopped

CHECKS: dict[str, Check] = {**lessons_1_to_3.CHECKS, **lessons_4_to_6.CHECKS}


def check(name: str, answer: Any) -> bool:
    """Prints "right" or "not yet" with one hint, and says which it was. `answer`: a value, or the function that the
    exercise asks for; it is tried on small cases that the notebook does not show."""
    sentence = verdict(name, answer)
    print(f"right: {name}" if sentence is None else f"not yet: {sentence}")
    return sentence is None


def verdict(name: str, answer: Any) -> str | None:
    """None where it is right, else the hint in one sentence."""
    if name not in CHECKS:
        return f"there is no exercise named {name!r}; the exercises are {', '.join(CHECKS)}."
    if answer is ...:
        return DOTS
    try:
        CHECKS[name](answer)
    except NotYet as hint:
        return str(hint)
    except Exception as error:  # whatever an answer does that is compared
        return stopped(error)
    return None
