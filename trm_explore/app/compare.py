"""The Compare tab: a question, a guess, up to four runs side by side, and the same again with several seeds."""

from __future__ import annotations

from typing import Any

import gradio as gr

from trm_explore.app.bridge import ask, by_state, host, link
from trm_explore.app.comparing import HERE, NEW, Comparing, buttons, guesses, recorded_group
from trm_explore.app.controls import control
from trm_explore.app.link_fields import Field, choice
from trm_explore.app.recipes import (
    BY_HAND,
    FIELDS,
    LETTERS,
    RECIPES,
    VARIED,
    configs_of,
    names_of,
    offered,
    variants_from,
    variants_of,
    variants_text,
)
from trm_explore.app.seeds import SEEDS, Repeats
from trm_explore.app.settings import start_config, values_of
from trm_explore.app.shared import AT_ONCE, MANY, ONCE, Shared, moved
from trm_explore.runs import STATES
from trm_explore.view.settings import SETTINGS
from trm_explore.words import compare_tab, page_controls

START = next(iter(RECIPES))
REMEMBER = 'trmShown.group(JSON.parse(props.value), () => trigger("turn"));'  # "turn": the group's state has changed
EDITED = f"() => {{ trmTurns.ask('compare_variants'); return ['{BY_HAND}', '{HERE}']; }}"
AWAIT = '(ticket) => { if (ticket) trmTurns.hold("watch_group"); }'
GUESSED = "(guess) => { window.trmStore?.set('guess', guess); return []; }"


def build(shared: Shared, tab: gr.Tab) -> list[Field]:
    """Puts the tab's components here and wires them; returned is what a link sets in it."""
    words, config = compare_tab.WORDS, start_config()
    variants = variants_of(START, values_of(config))
    names = names_of(configs_of(variants, values_of(config), shared.offered))
    comparing = Comparing(shared.runs, shared.offered)
    repeats = Repeats(shared.runs, comparing)
    group, ticket, token, runs_text = (
        gr.Textbox("", visible=False, elem_id=f"compare-{name}") for name in ("group", "ticket", "token", "told")
    )

    gr.Markdown(words["intro"], elem_id="compare-intro", elem_classes="trm-small")
    questions = [(title, name) for name, (title, _) in compare_tab.RECIPES.items()]
    recipe = gr.Radio(
        [*questions, (words["by_hand_choice"], BY_HAND)],
        value=START,
        label=words["recipe"],
        elem_id="recipe",
        interactive=True,
    )
    guess = gr.Radio(guesses(names)["choices"], value=None, label=words["guess"], elem_id="guess", interactive=True)
    with gr.Row(elem_id="compare-buttons"):
        start = gr.Button(words["start"], variant="primary", elem_id="compare-start", min_width=96)
        pause = gr.Button(page_controls.PAUSE, interactive=False, elem_id="compare-pause", min_width=96)
        stop = gr.Button(page_controls.STOP, interactive=False, elem_id="compare-stop", min_width=96)
        repeat = gr.Button(words["again"].format(seeds=SEEDS), elem_id="compare-seeds", min_width=160)
        enough = gr.Button(words["stop_seeds"], interactive=False, elem_id="compare-enough", min_width=120)
    note = gr.Markdown(compare_tab.RECIPES[START][1], elem_id="compare-note", elem_classes="trm-small")
    mounted = host("compare", "again")
    seeds_note = gr.Markdown("", elem_id="seeds-note", elem_classes="trm-small")
    seeds = gr.HTML("", elem_id="seeds", padding=False)
    with gr.Accordion(words["variants"], open=False, elem_id="variants"), gr.Row(equal_height=False):
        controls = [
            control for letter, variant in zip(LETTERS, variants, strict=True) for control in _variant(letter, variant)
        ]
    message = link("group", recorded_group(config.task, START), REMEMBER)

    inputs = shared.inputs
    picked = [*controls, guess, message, note, runs_text]
    recipe.input(**ask("compare_recipe"))
    tab.select(**ask("compare_see"))
    gr.on(moved(controls), None, None, [recipe, runs_text], js=EDITED, api_visibility="private")
    guess.input(None, guess, None, js=GUESSED, api_visibility="private")
    start.click(**ask("compare_begin"))
    shared.turn("compare_recipe", comparing.choose_recipe, [group, recipe, runs_text, *inputs], picked)
    shared.turn("compare_see", comparing.see_recipe, [group, recipe, *controls, *inputs], picked)
    shared.turn("compare_variants", comparing.name_variants, [*controls, *inputs], [guess, note, runs_text])
    inputs_of_group, answer = [group, guess, recipe, *controls, *inputs], [group, ticket, note]
    begun = shared.turn("compare_begin", comparing.begin_group, inputs_of_group, answer)
    begun.then(None, ticket, None, js=AWAIT, api_visibility="private")
    found = mounted.again(comparing.find_group, None, [group, ticket, note], **AT_ONCE)
    for event in (begun, found):
        event.then(comparing.follow_group, ticket, message, **MANY)
    looks = {state: buttons(state) for state in ("", *STATES)}
    message.turn(**by_state(looks, "trmShown.states.group"), outputs=[start, pause, stop])
    pause.click(comparing.pause_group, group, ticket, **AT_ONCE).then(comparing.follow_group, ticket, message, **MANY)
    stop.click(comparing.stop_group, group, None, **AT_ONCE)
    repeat.click(repeats.repeat, [recipe, *controls, *inputs], [token, seeds_note, seeds, repeat, enough], **ONCE)
    enough.click(repeats.stop_repeat, token, None, **AT_ONCE)

    def read(text: str) -> str:
        return NEW + variants_text(variants_from(text, values_of(config)))

    runs = Field("runs", runs_text, read, lambda text: text.removeprefix(NEW), usual="")
    return [runs, choice("recipe", recipe, (*RECIPES, BY_HAND), START)]  # set in this order


def choices(name: str) -> dict[str, Any]:
    """What a control of a variant offers, where it is a choice."""
    return {"choices": offered(name)} if offered(name) else {}


def _variant(letter: str, variant: list[Any]) -> list[Any]:
    """The controls of one variant, in the order of recipes.FIELDS."""
    values = dict(zip(FIELDS, variant, strict=True))
    with gr.Column(min_width=200, elem_classes="trm-variant"):
        return [
            gr.Checkbox(
                values["used"],
                label=compare_tab.WORDS["used"].format(letter=letter),
                info=compare_tab.WORDS["used_info"],
                elem_id=f"used-{letter}",
                interactive=True,
            ),
            *(
                control(SETTINGS[name], values[name], elem_id=f"{name}-{letter}", info=None, **choices(name))
                for name in VARIED
            ),
        ]


__all__ = ["build"]
