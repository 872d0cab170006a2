"""The guided tours: tour_stops.TOURS with the figures put in, which come from the trained pairs that ship."""

from __future__ import annotations

from functools import cache
from types import SimpleNamespace
from typing import Any

from trm_explore.shipped.pairs import load_pair, pair_names
from trm_explore.words import tour_stops
from trm_explore.words.percent import percent


def links() -> dict[str, list[str]]:
    """Tour -> the query of every stop."""
    return {name: [link for link, *_ in stops] for name, (_, stops) in tour_stops.TOURS.items()}


@cache
def tours() -> list[dict[str, Any]]:
    """The tours as tours.js draws them: name, title, and stops of {link, at (CSS selector), title, text}."""
    figures = {task: figures_of(task) for task in pair_names()}
    return [
        {
            "name": name,
            "title": title,
            "stops": [
                {"link": link, "at": at, "title": heading, "text": text.format_map(figures)}
                for link, at, heading, text in stops
            ],
        }
        for name, (title, stops) in tour_stops.TOURS.items()
    ]


def figures_of(task: str) -> SimpleNamespace:
    """What was measured on a task's trained pair, as texts name it: puzzles, cost, and by kind of run updates, steps,
    twice (as many), solved, longer (whole answers right, by step)."""
    pair = load_pair(task)
    kinds = {
        kind.replace("-", "_"): SimpleNamespace(
            updates=run["updates"],
            steps=len(run["scores"]["exact_accuracy"]),
            twice=len(run["twice_the_steps"]["exact_accuracy"]),
            solved=[percent(x) for x in run["scores"]["exact_accuracy"]],
            longer=[percent(x) for x in run["twice_the_steps"]["exact_accuracy"]],
        )
        for kind, run in pair["runs"].items()
    }
    return SimpleNamespace(puzzles=pair["puzzles"], cost=f"{pair['cost']:.1f}", **kinds)
