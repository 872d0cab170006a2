"""What the events of the Compare tab do: begin, watch, pause and stop a group of runs, and show the recorded ones."""

from __future__ import annotations

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import gradio as gr

from trm_explore.app.feed import CHUNK, PERIOD, rounded
from trm_explore.app.handlers import NOBODY, Updates, visitor
from trm_explore.app.recipes import (
    BY_HAND,
    FIELDS,
    LETTERS,
    RECIPES,
    RECORDED,
    configs_of,
    names_of,
    variants_from,
    variants_of,
    variants_text,
)
from trm_explore.config import RunConfig
from trm_explore.runs import INTERRUPTED, PAUSED, PREPARING, QUEUED, RUNNING, Run, Runs
from trm_explore.shipped.pairs import config_of_pair, evaluations_of, load_pair, pair_names
from trm_explore.shipped.recipe_runs import recorded_runs
from trm_explore.tasks import resolve
from trm_explore.training import events as ev
from trm_explore.view.comparison import Member, group_message, seconds_left, state_of
from trm_explore.view.payload import message_of
from trm_explore.view.recorded import recorded_message
from trm_explore.words import compare_tab, page_controls, run_notes

KEPT = 200  # groups that are remembered, their runs by id only
NEW = "link:"  # before runs by hand that a link has told and that are not set yet
HERE = "edited"  # in their place: runs that are just being edited here; no link carries that
VALUES = len(LETTERS) * len(FIELDS)  # of the four variants' controls


@dataclass(frozen=True)
class Group:
    """Runs that were begun together."""

    members: tuple[Member, ...]
    runs: tuple[Run, ...]
    guess: str


class Comparing:
    """The tab's handlers over one registry of runs."""

    def __init__(self, runs: Runs, tasks: tuple[str, ...]):
        self.runs, self.tasks = runs, tasks
        self._groups: OrderedDict[str, tuple[tuple[Member, ...], tuple[str, ...], str]] = OrderedDict()

    def choose_recipe(self, group: str, recipe: str, runs_text: str, *values: Any) -> Updates:
        """A question, or another task -> the variants, what can be guessed, the recorded runs where some are at hand
        and none of the visitor's own is under way, the note, what a link tells of runs by hand. `told`: that before;
        with NEW it came from a link, and is set now. Where they were edited here, `name_variants` answers, not this:
        this answer may come later, when they have been edited again."""
        runs_text = runs_text if isinstance(runs_text, str) else ""  # a page may send anything
        if recipe == BY_HAND:
            return self._by_hand(runs_text, values)
        try:
            variants = variants_of(recipe, values)
            names = names_of(configs_of(variants, values, self.tasks))
        except ValueError as error:
            return [*[gr.skip()] * (VALUES + 2), f"\u26a0 {error}", gr.skip()]
        message = gr.skip() if self._live(group) else recorded_group(values[0], recipe)
        return [
            *(value for variant in variants for value in variant),
            guesses(names),
            message,
            compare_tab.RECIPES[recipe][1],
            "" if runs_text and not runs_text.startswith(NEW) else gr.skip(),
        ]

    def _by_hand(self, runs_text: str, values: tuple[Any, ...]) -> Updates:
        text = runs_text.removeprefix(NEW)
        as_they_are = [*[gr.skip()] * (VALUES + 2), gr.skip() if runs_text else compare_tab.WORDS["by_hand"], gr.skip()]
        if text == runs_text:
            return as_they_are
        try:
            controls = [value for one in variants_from(text, values) for value in one]
        except ValueError:
            return as_they_are
        guess, note, _ = self.name_variants(*controls, *values)  # the note says where they do not fit this task
        return [*controls, guess, gr.skip(), note, text]

    def see_recipe(self, group: str, recipe: str, *values: Any) -> Updates:
        """The tab is opened -> as above, with the settings that the Train tab has now; the visitor's own runs stay.
        Where the variants' controls, which come first, are set so already, they are left alone: somebody may change
        them before this answer is there."""
        found = self.choose_recipe(group, recipe, HERE if recipe == BY_HAND else "", *values[VALUES:])
        if "value" in found[VALUES]:
            del found[VALUES]["value"]  # a guess that was made stays, too
        if found[:VALUES] == list(values[:VALUES]):
            found[: VALUES + 1] = [gr.skip()] * (VALUES + 1)
            found[VALUES + 2] = gr.skip()
        if self._of(group):
            found[VALUES : VALUES + 2] = [gr.skip(), gr.skip()]
        return found

    def name_variants(self, *values: Any) -> Updates:
        """Variants changed by hand -> what can be guessed, the error where there is one, and what a link tells of
        them."""
        try:
            configs = self.configs(BY_HAND, *values)
        except ValueError as error:
            return [gr.skip(), f"\u26a0 {error}", gr.skip()]
        return [guesses(names_of(configs)), compare_tab.WORDS["by_hand"], variants_text(_by_letter(values))]

    async def begin_group(self, group: str, guess: str | None, recipe: str, *values: Any) -> Updates:
        """Start pressed -> the group, the ticket to watch it with, the note. The variants' controls count only where
        they were set by hand: a recipe is read from the Train tab as it is now."""
        if self._live(group):
            for run in self._of(group):
                run.go_on()
            return [gr.skip(), NOBODY, gr.skip()]
        try:
            configs = await asyncio.to_thread(self.configs, recipe, *values)
            begun = self.runs.submit_group(list(configs.values()), visitor=visitor())
        except (ValueError, OSError) as error:
            return [gr.skip(), NOBODY, compare_tab.WORDS["not_started"].format(error=error)]
        names = names_of(configs)
        members = tuple(Member(letter, names[letter], config) for letter, config in configs.items())
        new = secrets.token_urlsafe(16)
        guess = guess if guess in (*names, "none") else ""
        self._groups[new] = members, tuple(run.id for run in begun), guess
        while len(self._groups) > KEPT:
            self._groups.popitem(last=False)
        return [new, new, ""]

    async def follow_group(self, ticket: str) -> AsyncIterator[str]:
        """Messages of a group until all its runs have ended and all of it was sent. Looking renews the leases."""
        group = self._find(ticket)
        if group is None:
            yield gr.skip()
            return
        self.runs.viewers += 1
        try:
            async for message in self._messages(ticket, group):
                yield message
        finally:
            self.runs.viewers -= 1

    async def _messages(self, ticket: str, group: Group) -> AsyncIterator[str]:
        cursors, last_state, first = [0] * len(group.runs), None, True
        while True:
            ended = all(run.ended for run in group.runs)  # before the events, which are then all there
            news = []
            for n, (member, run) in enumerate(zip(group.members, group.runs, strict=True)):
                events = run.read(cursors[n])[0][:CHUNK]
                if events or first:
                    message = message_of(run.id, run.config, events, start=cursors[n], state=run.state)
                    entry = member.opening() if first else {"letter": member.letter}
                    news.append(entry | {"message": message})
                cursors[n] += len(events)
            stands = state_of(run.state for run in group.runs), self._text(group)
            if news or stands != last_state:
                yield group_message(ticket, news, first=first, state=stands[0], text=stands[1], guess=group.guess)
                last_state, first = stands, False
            if ended and all(cursor == len(run.events) for cursor, run in zip(cursors, group.runs, strict=True)):
                return
            await asyncio.sleep(PERIOD)

    def pause_group(self, group: str) -> str:
        """Pauses all runs of the group, or lets all go on; those that were ended for their viewer, too -> the ticket to
        watch these with."""
        runs = self._of(group)
        interrupted = [run for run in runs if run.state == INTERRUPTED]
        if interrupted and all(run.ended for run in runs):
            try:
                self.runs.go_on(interrupted, visitor())
            except ValueError as error:
                gr.Warning(str(error))
                return NOBODY
            return group
        for run in runs:
            if not run.ended:
                run.go_on() if run.paused else run.pause()
        return NOBODY

    def stop_group(self, group: str) -> None:
        for run in self._of(group):
            run.stop()

    def find_group(self, found: gr.EventData) -> Updates:
        """After a reload: the tab's group, the ticket to watch it from its start, and a note where it is gone."""
        group = getattr(found, "group", None)
        known = self._find(group)
        return [group, group, gr.skip()] if known else [gr.skip(), NOBODY, compare_tab.WORDS["gone"]]

    def configs(self, recipe: Any, *values: Any) -> dict[str, RunConfig]:
        """letter -> config, of the recipe or, by hand, of the variants' values; the Train tab's come last."""
        train = list(values[VALUES:])
        variants = _by_letter(values) if recipe == BY_HAND else variants_of(recipe, train)
        return configs_of(variants, train, self.tasks)

    def _find(self, ticket: Any) -> Group | None:
        """None where there was no such group, and where one of its runs has been forgotten."""
        found = self._groups.get(ticket) if isinstance(ticket, str) else None
        if found is None:
            return None
        members, ids, guess = found
        runs = tuple(run for run in map(self.runs.get, ids) if run is not None)
        return Group(members, runs, guess) if len(runs) == len(ids) else None

    def _of(self, group: Any) -> tuple[Run, ...]:
        found = self._find(group)
        return found.runs if found else ()

    def _live(self, group: str) -> bool:
        return any(not run.ended for run in self._of(group))

    def _text(self, group: Group) -> str:
        """One sentence on where the group stands."""
        failed = next((run for run in group.runs if isinstance(run.latest, ev.Failed)), None)
        letters = {id(run): member.letter for member, run in zip(group.members, group.runs, strict=True)}
        if failed is not None:
            return f"{letters[id(failed)]}: {failed.latest.reason}"
        state = state_of(run.state for run in group.runs)
        if state == "queued":
            place, wait = self.runs.place(group.runs[0])
            return run_notes.WAITS.format(place=place, wait=rounded(wait)) if place else compare_tab.WORDS["starting"]
        done = ", ".join(f"{letters[id(run)]} {getattr(run.latest, 'update', 0)}" for run in group.runs)
        words = compare_tab.WORDS[f"state_{state}"].format(
            done=done,
            updates=group.runs[0].config.train.updates,
            why=next((run.note for run in group.runs if run.state == INTERRUPTED), ""),
        )
        left = seconds_left((run.config, run.latest, run.ended) for run in group.runs) if state == "running" else None
        return words + (compare_tab.WORDS["left"].format(left=rounded(left)) if left else "")


def buttons(state: str) -> Updates:
    """Start, Pause, Stop as they should look in a group's state ("" for none)."""
    active, halted = state in (QUEUED, PREPARING, RUNNING, PAUSED), state in (PAUSED, INTERRUPTED)
    return [
        gr.update(interactive=not active),
        gr.update(interactive=active or halted, value=page_controls.RESUME if halted else page_controls.PAUSE),
        gr.update(interactive=active),
    ]


def _by_letter(values: tuple[Any, ...]) -> list[list[Any]]:
    """The variants' controls, which come before those of the Train tab, by variant."""
    size = len(FIELDS)
    return [list(values[i : i + size]) for i in range(0, VALUES, size)]


def guesses(names: dict[str, str]) -> Any:
    """The choices of the prediction."""
    choices = [(f"{letter}: {name}", letter) for letter, name in names.items()]
    return gr.update(choices=[*choices, (compare_tab.WORDS["none"], "none")], value=None)


def nothing(recipe: str) -> str:
    """The message where no recorded runs answer a recipe."""
    return group_message(f"none-{recipe}", [], first=True, state="", text=compare_tab.WORDS["no_record"])


@cache
def recorded_group(task: str, recipe: str) -> str:
    """The shipped runs that answer a recipe, whole; a message without runs where there are none."""
    if recipe not in RECORDED or task not in pair_names():
        return nothing(recipe)
    puzzles, letters = load_pair(task)["puzzles"], LETTERS[: len(RECIPES[recipe])]
    kinds = RECORDED[recipe].values()
    there = load_pair(task)["runs"] if "off-time" in kinds else recorded_runs(task)  # computed together, both
    found = {letter: (kind, there[kind]) for letter, kind in RECORDED[recipe].items() if kind in there}
    if len(found) < 2:
        return nothing(recipe)
    configs = {a: resolve(config_of_pair(task, kind, run["updates"]))[1] for a, (kind, run) in found.items()}
    words, names, runs = compare_tab.RECORDED, names_of(configs), []
    if all(kind in words for kind, _ in found.values()):  # shorter, and off-time has a name at all
        names = {letter: words[kind] for letter, (kind, _) in found.items()}
    for letter, (kind, run) in found.items():
        points = [
            ev.UpdateDone(update, loss, steps, [], 0, 0, 0, seconds) for update, seconds, loss, steps in run["points"]
        ]
        message = message_of(f"recorded-{task}-{kind}", configs[letter], [*points, *evaluations_of(run, puzzles)])
        frames = [run["frame"]] if "frame" in run else recorded_message(task, kind)["frames"]
        scores = {
            "exact": run["scores"]["exact_accuracy"],
            "cells": run["scores"]["cell_accuracy"],
            "puzzles": puzzles,
        }
        totals = {"updates": run["updates"], "seconds": run["seconds"]}
        member = Member(letter, names[letter], configs[letter])
        message |= {"frames": frames}
        runs.append(member.opening(scores | totals) | {"message": message, "beside": letter not in letters})
    text = compare_tab.WORDS["recorded"].format(puzzles=puzzles)
    text += "".join(
        compare_tab.WORDS["not_recorded"].format(letter=letter) for letter in letters if letter not in found
    )
    return group_message(
        f"recorded-{task}-{recipe}", runs, first=True, state="recorded", text=text, recorded=True, asks=True
    )
