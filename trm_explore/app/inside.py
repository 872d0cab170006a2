"""The tab "Look inside": one model and one puzzle; what stands where, and what its events do.

looking.py and measuring.py compute, in threads, so that the page of others goes on; the modules of web/src/ draw what
they give, all in the scope "inside".
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import gradio as gr

from trm_explore.app.bridge import ask, host, link
from trm_explore.app.link_fields import Field, choice, short, whole
from trm_explore.app.looking import Question, look, typed_puzzle
from trm_explore.app.measuring import cost_text, measure, measured_cost, paths, reading
from trm_explore.app.models import MOST_CYCLES, NUMBERS, Seen, model_for
from trm_explore.app.settings import check, config_of, start_config
from trm_explore.app.shared import AT_ONCE, ONCE, Follower, Shared, moved
from trm_explore.runs.registry import Runs
from trm_explore.shipped.pairs import KINDS
from trm_explore.words import inside_tab

LAST = {**ONCE, "trigger_mode": "always_last"}  # of many moves of a control the last one counts
HEAVY = {**LAST, "concurrency_limit": 2, "concurrency_id": "inside"}  # what takes seconds; others wait
QUEUED = {**ONCE, "queue": True}  # an answer takes a moment
NO_EDITS = "[]"
Updates = list[Any]


class Inside:
    """The tab's event handlers. `show` gives values for the outputs that `build` wires: puzzle, message, after, view,
    the column of the second player, own, edits, number, cycles, the last two as a link says them, said."""

    def __init__(self, runs: Runs, offered: tuple[str, ...]):
        self.runs, self.offered = runs, offered

    async def open(self, opened: str, *values: Any) -> Updates:
        """The tab was opened: as it was left; the first time as a link says, else with the puzzle that tells most.
        `opened`: the task that is shown in it, empty before."""
        *which, number, own, cycles, edits, linked_number, linked_cycles = values
        task = which[1] if isinstance(which[1], str) else ""
        if opened:
            return [task, *await self.show(*which, number, own, cycles, edits)]
        answer = await self.show(*which, _linked(linked_number), own, _linked(linked_cycles), NO_EDITS)
        if answer[-1]:  # not there: that is said, and the usual puzzle shown
            answer = [*(await self.show(*which, None, "", None, NO_EDITS))[:-1], answer[-1]]
        return [task, *answer]

    async def begin(self, opened: str, source: Any, task: Any, run_id: Any) -> Updates:
        """Another task: its own puzzle, as many cycles as in training. Nothing while the tab has not been opened, and
        where opening it, with a link's puzzle, was quicker than the change of the task that the link sets too."""
        if opened in ("", task):
            return [gr.skip(), *_skipped()]
        return [task, *await self.show(source, task, run_id, None, "", None, NO_EDITS)]

    async def model(self, source: Any, task: Any, run_id: Any, number: Any, own: Any) -> Updates:
        """Another model: the same puzzle, as many cycles as in its training."""
        return await self.show(source, task, run_id, number, own, None, NO_EDITS)

    async def turn(self, source: Any, task: Any, run_id: Any, number: Any, cycles: Any) -> Updates:
        """Another held-out puzzle."""
        return await self.show(source, task, run_id, number, "", cycles, NO_EDITS)

    async def longer(self, *values: Any) -> Updates:
        """Another number of cycles; changes after its last step go."""
        *question, cycles, edits = values
        try:
            remaining = [edit for edit in json.loads(edits) if edit["step"] < cycles - 1]
        except (ValueError, TypeError, KeyError, RecursionError):
            remaining = []
        return await self.show(*question, cycles, json.dumps(remaining))

    async def typed(self, source: Any, task: Any, run_id: Any, number: Any, own: Any, cycles: Any, typed: gr.EventData):
        """The editor's puzzle; what is wrong with it is said there."""
        sent = {name: getattr(typed, name, None) for name in ("cells", "rows", "cols", "text", "file", "name", "turn")}
        turn = sent["turn"] if isinstance(sent["turn"], int) else 0
        try:
            seen = await asyncio.to_thread(model_for, source, task, run_id, self.runs)
            text = await asyncio.to_thread(typed_puzzle, seen, {k: v for k, v in sent.items() if v is not None})
        except ValueError as error:
            view = {"only": True, "turn": turn, "own": bool(own), "error": str(error), "remark": ""}
            return [view, *_skipped()[1:]]
        answer = await self.show(source, task, run_id, number, text, cycles, NO_EDITS)
        if isinstance(answer[0], dict):
            answer[0] = answer[0] | {"turn": turn}
        return answer

    async def edit(
        self, source: Any, task: Any, run_id: Any, number: Any, own: Any, cycles: Any, changed: gr.EventData
    ) -> Updates:
        """The panel's changes of the running answer."""
        edits = getattr(changed, "edits", None)
        return await self.show(
            source, task, run_id, number, own, cycles, edits if isinstance(edits, list) else NO_EDITS
        )

    async def show(
        self, source: Any, task: Any, run_id: Any, number: Any, own: Any, cycles: Any, edits: Any
    ) -> Updates:
        """Everything about this puzzle, or the reason why not, beside the controls."""
        question = Question(source, task, run_id, number, own, cycles)
        try:
            seen = await asyncio.to_thread(model_for, source, task, run_id, self.runs)
        except ValueError as error:
            nothing = {"run": "inside-none", "from": 0, "frames": [], "state": "inside"}
            skipped = _skipped()
            view = {"none": True, "edits": [], "recovery": None}
            return [skipped[0], nothing, skipped[2], view, gr.update(visible=False), *skipped[5:-1], _warning(error)]
        try:
            question = _within(question, seen)
            found = await asyncio.to_thread(look, question, edits, self.runs)
        except ValueError as error:
            return [*_skipped()[:-1], _warning(error)]
        return [
            found["puzzle"],
            found["message"],
            found["after"] or gr.skip(),
            found["view"],
            gr.update(visible=found["after"] is not None),
            own or "",
            json.dumps(found["view"]["edits"]),
            question.number,
            gr.update(
                value=question.cycles,
                maximum=seen.most,
                info=inside_tab.CYCLES_INFO.format(trained=seen.trained, most=seen.most),
            ),
            "" if own or question.number == seen.shown else str(int(question.number)),
            "" if question.cycles == seen.trained else str(int(question.cycles)),
            "",
        ]

    async def measure(self, *values: Any) -> Any:
        """What depends on the model alone."""
        return await self._computed(measure, Question(*values))

    async def paths(self, *values: Any) -> Any:
        return await self._computed(paths, Question(*values))

    async def ask(
        self, source: Any, task: Any, run_id: Any, number: Any, own: Any, cycles: Any, chosen: gr.EventData
    ) -> Any:
        """A cell was chosen -> from where it gets its information."""
        question = Question(source, task, run_id, number, own, cycles)
        return await self._computed(reading, question, getattr(chosen, "cell", None))

    async def _computed(self, compute: Callable[..., dict[str, Any]], question: Question, *more: Any) -> Any:
        """What it computes; nothing where `show` says why not."""
        try:
            seen = await asyncio.to_thread(model_for, question.source, question.task, question.run_id, self.runs)
            return await asyncio.to_thread(compute, _within(question, seen), *more, self.runs)
        except ValueError:
            return gr.skip()

    def cost(self, *values: Any) -> str:
        """The training tab's controls moved -> the estimate."""
        try:
            return cost_text(config_of(values, self.offered))
        except ValueError as error:
            return _warning(error)

    async def measured_cost(self, *values: Any) -> Updates:
        """The button -> the same, measured here, and a name for the settings that it is of."""
        of = settings_key(values)
        try:
            config = await asyncio.to_thread(lambda: check(config_of(values, self.offered)))
            return [await asyncio.to_thread(measured_cost, config), of]
        except (ValueError, OSError) as error:
            return [_warning(error), of]

    def still(self, of: str, *values: Any) -> Any:
        """What was measured stays, or goes where the settings are others by now."""
        return gr.skip() if of == settings_key(values) else ""


def build(shared: Shared, tab: gr.Tab) -> list[Field]:
    """The tab's content, where it is called; returned is what a link sets in it."""
    inside = Inside(shared.runs, shared.offered)
    opened = gr.Textbox("", visible=False, elem_id="inside-opened")
    own = gr.Textbox("", visible=False, elem_id="inside-own")
    edits = gr.Textbox(NO_EDITS, visible=False, elem_id="inside-edits")
    linked = [gr.Textbox("", visible=False, elem_id=f"inside-linked-{name}") for name in ("puzzle", "cycles")]
    gr.Markdown(inside_tab.INTRO, elem_classes="trm-small")
    with gr.Row(elem_id="inside-controls", equal_height=False):
        sources = [(title, kind) for kind, title in inside_tab.SOURCES.items()]
        source = gr.Radio(sources, value="on", label=inside_tab.MODEL, elem_id="inside-model", interactive=True)
        words = {"step": 1, "interactive": True, "buttons": []}
        info = inside_tab.NUMBER_INFO.format(most=NUMBERS - 1)
        number = gr.Slider(
            0, NUMBERS - 1, value=0, label=inside_tab.NUMBER, info=info, elem_id="inside-number", **words
        )
        cycles = gr.Slider(1, MOST_CYCLES, value=3, label=inside_tab.CYCLES, info=" ", elem_id="inside-cycles", **words)
    note = gr.Markdown("", elem_id="inside-said", elem_classes="trm-said")
    with gr.Row(elem_id="inside-boards", equal_height=False):
        with gr.Column(scale=4, min_width=300):
            host("editor", scope="inside", turns={"typed": "inside_typed"})
        with gr.Column(scale=5, min_width=300):
            host("player", scope="inside")
        with gr.Column(scale=5, min_width=300, visible=False) as beside:
            host("player", scope="inside.after")
    gr.Markdown(inside_tab.INTERVENE)
    host("intervene", scope="inside", turns={"edits": "inside_edit"})
    gr.Markdown(inside_tab.THINKING)
    host("thinking", scope="inside")
    gr.Markdown(inside_tab.STATES)
    host("inside", scope="inside", turns={"ask": "reading_cell"})
    gr.Markdown(inside_tab.COST)
    cost = gr.Markdown(cost_text(start_config()), elem_id="inside-cost")
    with gr.Row(elem_id="inside-measure"):
        button = gr.Button(inside_tab.MEASURE, elem_id="inside-measure-button", size="sm", scale=0)
        exact = gr.Markdown("", elem_id="inside-measured", elem_classes="trm-small")
    exact_of = gr.Textbox("", visible=False, elem_id="inside-measured-of")
    links = [link(f"inside.{name}", None) for name in ("puzzle", "message", "after.message", "view")]
    measured, latent, influence = (link(f"inside.{name}", None) for name in ("measured", "latent", "influence"))

    task, run_id = shared.controls["task"], shared.run_id
    which = [source, task, run_id]
    question = [*which, number, own, cycles]
    measure_it, latent_paths = (inside.measure, measured), (inside.paths, latent)
    shown = [*links, beside, own, edits, number, cycles, *linked, note]
    tab.select(**ask("inside_open"))
    for control, turn in ((source, "model"), (number, "turn"), (cycles, "longer")):
        gr.on(moved([control]), **ask(f"inside_{turn}"))
    for name, act, inputs, outputs, heavy in (
        ("open", inside.open, [opened, *question, edits, *linked], [opened, *shown], (measure_it, latent_paths)),
        ("begin", inside.begin, [opened, *which], [opened, *shown], (measure_it, latent_paths)),
        ("model", inside.model, [*which, number, own], shown, (measure_it, latent_paths)),
        ("turn", inside.turn, [*which, number, cycles], shown, (latent_paths,)),
        ("longer", inside.longer, [*question, edits], shown, (latent_paths,)),
        ("typed", inside.typed, question, shown, (latent_paths,)),
        ("edit", inside.edit, question, shown, ()),
    ):
        event = shared.turn(f"inside_{name}", act, inputs, outputs, **QUEUED)
        for fn, output in heavy:
            event.then(fn, question, output, **HEAVY)
    shared.turn("reading_cell", inside.ask, question, influence, **{**HEAVY, "queue": True})
    shared.followers.append(Follower([cost, exact], lambda _run, *values: [inside.cost(*values), ""]))
    measuring = button.click(lambda: inside_tab.MEASURING, None, exact, **AT_ONCE)
    timed = measuring.then(inside.measured_cost, shared.inputs, [exact, exact_of], **{**ONCE, "concurrency_limit": 1})
    timed.then(inside.still, [exact_of, *shared.inputs], exact, **AT_ONCE)
    return [
        choice("model", source, KINDS, "on"),
        whole("puzzle", linked[0], 0, NUMBERS - 1),
        whole("cycles", linked[1], 1, MOST_CYCLES),
        short("own", own),
    ]


def settings_key(values: Any) -> str:
    """Equal where the controls have the same values."""
    return hashlib.sha256(repr(list(values)).encode()).hexdigest()[:12]


def _linked(text: Any) -> int | None:
    """A number as a link says it; None where it says none."""
    return int(text) if isinstance(text, str) and text.isascii() and text.isdigit() and len(text) < 10 else None


def _within(question: Question, seen: Seen) -> Question:
    """The number of the puzzle and of the cycles filled in where nobody has chosen yet."""
    number = seen.shown if question.number is None else question.number
    return replace(question, number=number, cycles=seen.trained if question.cycles is None else question.cycles)


def _skipped() -> Updates:
    return [gr.skip()] * 12


def _warning(error: Exception) -> str:
    return f"\u26a0 {error}"
