"""The modules of web/src/ inside Gradio: each is hosted by one gr.HTML; names they share live in one store on the page.

A module sees the same small `model` as under anywidget: get, set, on, off, save_changes. `plan` and `message` come
from the server through two hidden hosts; `step` is set by whichever module the user clicks. Messages are deltas: a
module that is mounted late first gets all of the run so far, joined. Components carry only a line of script each: what
they call is in bridge.js, which stands in the page's head, and the modules have addresses of their own (drawing.py).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gradio as gr

from trm_explore.app.drawing import drawn
from trm_explore.words import run_notes

SCRIPT = (Path(__file__).parent / "bridge.js").read_text(encoding="utf-8")
HEAD = f"<script>\nwindow.trmNotDrawn = {json.dumps(run_notes.NOT_DRAWN)};\n{SCRIPT}</script>"
REMEMBER = 'trmShown.run(value, () => trigger("turn"));'  # of a message; "turn": the run's state has changed
# Of a plan: what other tabs show of another task is made anew, where somebody has looked there.
# A step that was chosen on another task means nothing; links and stops of tours say theirs.
FOLLOW_TASK = """
if (value.task && value.task !== window.trmTask) {
  if (window.trmTask && !/arrive|visit/.test(trmTurns.now("settings"))) trmStore.set("step", undefined);
  if (window.trmTask && trmTurns.been("compare_see")) trmTurns.ask("compare_recipe");
  if (window.trmTask && trmTurns.been("inside_open")) trmTurns.ask("inside_begin");
  window.trmTask = value.task;
}
"""
TURNS = (  # lane_name, of all that is asked in lanes (bridge.js)
    *(f"settings_{name}" for name in ("follow", "pick", "pair", "size", "advise", "visit", "train", "one")),
    *(f"compare_{name}" for name in ("recipe", "see", "variants", "begin")),
    *(f"inside_{name}" for name in ("open", "begin", "model", "turn", "longer", "typed", "edit")),
    "reading_cell",
    "address_write",
)


def host(module: str, *events: str, scope: str = "", turns: dict[str, str] | None = None) -> gr.HTML:
    """A gr.HTML that runs a module of web/src/; `events`: the names that it emits, `turns`: those that are asked in a
    lane, with their names there. `scope`: of several modules of a kind each part of the page has its own, with its own
    message and step; `link("<scope>.message", ...)` feeds it."""
    arguments = [
        json.dumps(drawn(module).address),
        json.dumps(scope and f"{scope}."),
        *([json.dumps(turns)] if turns else []),
    ]
    named = "".join(f'\n// "{name}"' for name in events)  # Gradio looks for them in the text
    return gr.HTML(
        value="",
        html_template="<div></div>",  # constant, so that Gradio leaves our children alone
        js_on_load=f"trmHost(element, trigger, {', '.join(arguments)});{named}",
        apply_default_css=False,
        padding=False,
        elem_id=f"{scope}-{module}".replace(".", "-") if scope else module,
    )


def link(name: str, value: dict[str, Any] | str | None, extra: str = "") -> gr.HTML:
    """An unseen gr.HTML whose value, JSON or its text, is put into the store under `name`. `extra`: script that follows
    each time, which may use `value`, `props` and `trigger`."""
    after = f", (value) => {{{extra}}}" if extra else ""
    return gr.HTML(
        value=value,
        html_template="<div></div>",
        js_on_load=f"trmLink({json.dumps(name)}, props, watch{after});",
        apply_default_css=False,
        elem_id=f"link-{name.replace('.', '-')}",
        elem_classes="trm-link",
    )


def turns() -> gr.HTML:
    """The unseen gr.HTML through which everything is asked that goes in lanes; it stands outside of the tabs."""
    named = "".join(f'\n// "{name}"' for name in TURNS)
    return gr.HTML(
        value="",
        html_template="<div></div>",
        js_on_load=f'trmTurns.hold("settings_arrive");\ntrmTurns.start(trigger);{named}',
        apply_default_css=False,
        elem_id="turns",
        elem_classes="trm-link",
    )


def ask(turn: str, data: Any = None, value: str = "", of: Any = None) -> dict[str, Any]:
    """How an event of a component is listened to that asks for a turn: in the browser, so that none is ever dropped.
    `value`: the name under which the turn is given the value that the component `of` has now. An answer that comes
    before the turn may set another."""
    if value:
        js = f"(said) => {{ trmTurns.ask({json.dumps(turn)}, {{ {value}: said }}); return []; }}"
        return {"fn": None, "inputs": of, "outputs": None, "js": js, "api_visibility": "private"}
    said = f", {json.dumps(data)}" if data is not None else ""
    return {"fn": None, "js": f"() => {{ trmTurns.ask({json.dumps(turn)}{said}); }}", "api_visibility": "private"}


def by_state(looks: dict[str, list[Any]], state: str) -> dict[str, Any]:
    """How a change of state changes buttons: in the browser alone, from a table of their looks by state ("" for all
    that are not in it). `state`: the script's name for it."""
    table = json.dumps(looks)
    return {
        "fn": None,
        "js": f'() => {{ const looks = {table}; return looks[{state}] ?? looks[""]; }}',
        "api_visibility": "private",
    }
