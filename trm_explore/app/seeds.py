"""A comparison repeated with several seeds: one run after the other, what is done is kept, and what it says."""

from __future__ import annotations

import asyncio
import base64
import secrets
import tempfile
import time
from collections.abc import AsyncIterator
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from trm_explore.analysis.seeds import compare_seeds
from trm_explore.app.comparing import Comparing
from trm_explore.app.feed import rounded
from trm_explore.app.handlers import Updates, visitor
from trm_explore.app.recipes import names_of
from trm_explore.app.settings import LIMITS
from trm_explore.config import RunConfig
from trm_explore.runs.registry import Runs
from trm_explore.runs.run import Run
from trm_explore.training import events as ev
from trm_explore.words import compare_tab

SEEDS = 5
PERIOD = 0.5  # seconds between two looks
SOLVED = 0.05  # where nobody solves more than this share, cells are compared


class Stopped(Exception):
    """The visitor has enough."""


class Repeats:
    """The handlers of "repeat with 5 seeds"."""

    def __init__(self, runs: Runs, comparing: Comparing):
        self.runs, self.comparing = runs, comparing
        self._stopped: dict[str, bool] = {}  # of the repeats under way, by their secret

    async def repeat(self, recipe: str, *values: Any) -> AsyncIterator[Updates]:
        """The question, the variants and the Train tab's values -> the secret with which it can be stopped, the note,
        the result, and how its two buttons look; again and again until all is done or stopped."""
        try:
            configs = await asyncio.to_thread(self.comparing.configs, recipe, *values)
        except (ValueError, OSError) as error:
            yield ["", compare_tab.WORDS["not_started"].format(error=error), gr.skip(), *buttons(False)]
            return
        token, asks = secrets.token_urlsafe(16), visitor()
        self._stopped[token] = False
        names = {letter: f"{letter} {name}" for letter, name in names_of(configs).items()}
        done: dict[str, list[list[ev.Event]]] = {name: [] for name in names.values()}
        seeds = seeds_from(configs)
        progress = Progress(len(seeds) * len(configs))
        try:
            for number, seed in enumerate(seeds):
                for letter, config in configs.items():
                    run = self.runs.submit(config.with_flat(seed=seed, frame_every=0), visitor=asks)
                    try:
                        async for note in self._watch(token, run, progress, f"{letter}", number):
                            yield [token, note, gr.skip(), *buttons(True)]
                    finally:
                        run.stop()
                    if isinstance(run.latest, ev.Failed):
                        raise ValueError(f"run {letter}, seed {seed}: {run.latest.reason}")
                    if self._stopped[token]:
                        raise Stopped
                    done[names[letter]].append([e for e in run.events if isinstance(e, ev.Evaluated)])
                    progress.took()
                yield [token, gr.skip(), await asyncio.to_thread(result_of, done), *buttons(True)]
            said = compare_tab.WORDS["seeds_done"].format(total=progress.total, first=seeds[0], last=seeds[-1])
            yield ["", said, gr.skip(), *buttons(False)]
        except Stopped:
            said = compare_tab.WORDS["seeds_stopped" if progress.done else "seeds_none"]
            figure = await asyncio.to_thread(result_of, done)
            yield ["", said.format(done=progress.done, total=progress.total), figure, *buttons(False)]
        except (ValueError, OSError) as error:
            yield ["", f"\u26a0 {error}", gr.skip(), *buttons(False)]
        finally:
            del self._stopped[token]

    def stop_repeat(self, token: str) -> None:
        """Stop pressed: the run at hand ends, what was done before it is kept."""
        if isinstance(token, str) and token in self._stopped:
            self._stopped[token] = True

    async def _watch(self, token: str, run: Run, progress: Progress, letter: str, number: int) -> AsyncIterator[str]:
        while not run.ended and not self._stopped[token]:
            run.read(len(run.events))  # renews the lease
            update, updates = getattr(run.latest, "update", 0), run.config.train.updates
            left = progress.left(update / updates)
            yield compare_tab.WORDS["seeds_progress"].format(
                seed=run.config.train.seed,
                round=number + 1,
                rounds=SEEDS,
                letter=letter,
                update=update,
                updates=updates,
                done=progress.done,
                total=progress.total,
                left=compare_tab.WORDS["seeds_left"].format(left=rounded(left)) if left else "",
            )
            await asyncio.sleep(PERIOD)


class Progress:
    """How much is done, and how long the rest will take."""

    def __init__(self, total: int):
        self.total, self.done, self._began = total, 0, time.monotonic()

    def took(self) -> None:
        self.done += 1

    def left(self, part: float) -> float | None:
        """Seconds, from the runs so far and the part of the one at hand; None before there is anything to judge by."""
        ready = self.done + part
        return (time.monotonic() - self._began) * (self.total - ready) / ready if ready > 0.05 else None


def seeds_from(configs: dict[str, RunConfig]) -> range:
    """Those that follow the Train tab's seed, itself included."""
    first = min(next(iter(configs.values())).train.seed, LIMITS["seed"][1] - SEEDS + 1)
    return range(first, first + SEEDS)


def scores_of(done: dict[str, list[list[ev.Event]]]) -> dict[str, dict[str, list[float]]]:
    """measure -> name -> one share a seed: the final answer's and the first step's at the last evaluation. Whole
    answers are compared, or cells where nobody solves any."""
    last = {name: [events[-1] for events in seeds] for name, seeds in done.items()}
    solves = any(event.exact_accuracy[-1] > SOLVED for events in last.values() for event in events)
    measure = "exact_accuracy" if solves else "cell_accuracy"
    words = compare_tab.WORDS["solved" if solves else "cells"]
    found = {}
    for title, step in ((compare_tab.WORDS["seeds_final"], -1), (compare_tab.WORDS["seeds_first"], 0)):
        shares = {name: [getattr(event, measure)[step] for event in events] for name, events in last.items()}
        found[title.format(measure=words)] = shares
    return found


def result_of(done: dict[str, list[list[ev.Event]]]) -> str:
    """The figure, a sentence for every difference, and how they were made, as HTML; empty while a variant lacks a
    run."""
    if not all(done.values()):
        return ""
    scores = scores_of(done)
    found = compare_seeds(scores)
    lines = "".join(f"<li>{escape(difference.text)}</li>" for difference in found)
    why = escape(compare_tab.WORDS["seeds_why"].format(count=len(found)))
    measure = "exact" if compare_tab.WORDS["solved"] in next(iter(scores)) else "cells"
    source = figure_source(done, measure)
    words = compare_tab.WORDS["seeds_figure"].format(
        names=", ".join(done), measure=compare_tab.WORDS["solved" if measure == "exact" else "cells"]
    )
    return (
        f'<figure class="trm-seeds"><img src="{source}" alt="{escape(words)}"/><figcaption><ul>{lines}</ul><p>{why} '
        f'<a href="{source}" download="seeds.svg">{escape(compare_tab.WORDS["seeds_save"])}</a></p></figcaption>'
        "</figure>"
    )


def figure_source(done: dict[str, list[list[ev.Event]]], measure: str) -> str:
    """The figure of plots.comparison as a data: address; nothing is fetched."""
    from trm_explore.plots.compare import comparison
    from trm_explore.plots.paper import save  # slow to import, and seldom asked for

    with tempfile.TemporaryDirectory() as folder:
        svg = save(comparison(done, measure=measure), Path(folder) / "seeds.svg").read_bytes()
    return f"data:image/svg+xml;base64,{base64.b64encode(svg).decode()}"


def buttons(busy: bool) -> Updates:
    """Repeat and Stop repeating."""
    return [gr.update(interactive=not busy), gr.update(interactive=busy)]
