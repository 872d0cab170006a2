"""The small panel under a question of a lesson: buttons for answers, a slider for numbers."""

from __future__ import annotations

from html import escape
from typing import Any

import ipywidgets


def asking(guess: Any) -> ipywidgets.Widget:
    """A widget that sets `guess.value` (teach.Guess). Nothing counts as chosen before the first click."""
    options, seen = guess.options, ipywidgets.HTML()

    def chosen(change: Any) -> None:
        guess.value = change["new"]
        say()

    def say() -> None:
        seen.value = "<i>no guess yet</i>" if guess.value is None else f"your guess: <b>{escape(str(guess.value))}</b>"

    wide = {"layout": ipywidgets.Layout(width="min(100%, 30em)")}
    if isinstance(options, range):
        start = options[len(options) // 2] if guess.value is None else guess.value
        limits = {"min": options[0], "max": options[-1], "step": options.step}
        control: Any = ipywidgets.IntSlider(value=start, **limits, **wide)
    else:
        pairs = [(str(option), option) for option in options]
        fit = {"style": {"button_width": "initial"}}
        control = ipywidgets.ToggleButtons(options=pairs, value=guess.value, **fit)
    control.observe(chosen, "value")
    say()
    question = ipywidgets.HTML(f"<b>Your guess.</b> {escape(guess.question)}")
    return ipywidgets.VBox([question, control, seen])
