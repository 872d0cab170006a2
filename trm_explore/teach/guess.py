"""A guess, made before one knows: a question, its possible answers, what was chosen, and later the result."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

WIDGET = "application/vnd.jupyter.widget-view+json"
MOST = 12  # answers that buttons can show


class Guess:
    """`value` is the guess (None: none yet); it may be set, `lesson.guesses["early"].value = 30`, or clicked where the
    notebook shows widgets. `options`: a list of answers, or a range of whole numbers."""

    def __init__(self, key: str, question: str, options: Sequence[Any]):
        if not isinstance(options, range | list | tuple) or not len(options):
            raise ValueError(
                f"options={options!r} must be a list of answers, such as ['yes', 'no'], or a range of whole numbers, "
                "such as range(0, 101)"
            )
        if not isinstance(options, range) and len(options) > MOST:
            raise ValueError(f"options has {len(options)} answers; give at most {MOST}, or a range")
        self.key, self.question, self.options = key, question, options
        self.result: Any = None
        self._value: Any = None
        self._widget: Any = None

    @property
    def value(self) -> Any:
        return self._value

    @value.setter
    def value(self, value: Any) -> None:
        if value is not None and value not in self.options:
            raise ValueError(f"{value!r} is not one of the answers; they are {self.allowed}")
        self._value = value

    @property
    def allowed(self) -> str:
        """The possible answers in words."""
        if isinstance(self.options, range):
            return f"whole numbers from {self.options[0]} to {self.options[-1]}"
        return ", ".join(map(repr, self.options))

    @property
    def text(self) -> str:
        """Guess beside result, as far as there are any."""
        guessed = "no guess" if self.value is None else f"your guess: {self.value}"
        if self.result is None:
            return f"{self.question} [{guessed}]"
        word = isinstance(self.result, str)
        sentence = f"{self.question} [{guessed}, result: {self.result if word else f'{self.result:.3g}'}]"
        if self.value is None:
            return sentence
        if word or isinstance(self.value, str):
            return f"{sentence} {'right' if self.value == self.result else 'another result'}"
        return f"{sentence} off by {abs(self.value - self.result):.3g}"

    def __repr__(self) -> str:
        how = f"lesson.guesses[{self.key!r}].value = ..."
        return f"{self.question}\nYour guess ({self.allowed}): {self.value}\nTo change it: {how}"

    def _repr_mimebundle_(self, **wanted: Any) -> dict[str, Any]:
        """Buttons or a slider where widgets can be shown, and words for where they cannot. Understood by ipywidgets 7
        and 8."""
        bundle: dict[str, Any] = {"text/plain": repr(self)}
        if self._widget is None:
            try:
                from trm_explore.widgets.asking import asking
            except ImportError:
                return bundle
            self._widget = asking(self)
        view = {"version_major": 2, "version_minor": 0, "model_id": self._widget.model_id}
        return {**bundle, WIDGET: view}
