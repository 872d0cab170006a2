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
from trm_explore.words import texts

SCRIPT = (Path(__file__).parent / "bridge.js").read_text(encoding="utf-8")
HEAD = f"<script>\nwindow.trmNotDrawn = {json.dumps(texts.NOT_DRAWN)};\n{SCRIPT}</script>"
# Of a message: a reload of the tab finds its run again, another tab does not take it over; and a change of state is
# told to the server, which knows how the buttons look then.
REMEMBER = """
const { run, state } = value;
if (!run.startsWith("recorded")) {
  sessionStorage.setItem("trm-run", run);
  if (window.trmState !== state) { window.trmState = state; trigger("turn", { state }); }
}
"""


def host(module: str, *events: str, scope: str = "") -> gr.HTML:
    """A gr.HTML that runs static/<module>.js; `events`: the names that it emits. `scope`: of several modules of a kind
    each part of the page has its own, with its own message and step; `link("<scope>.message", ...)` feeds it."""
    said = json.dumps(drawn(module).address), json.dumps(scope and f"{scope}.")
    named = "".join(f'\n// "{name}"' for name in events)  # Gradio looks for them in the text
    return gr.HTML(
        value="",
        html_template="<div></div>",  # constant, so that Gradio leaves our children alone
        js_on_load=f"trmHost(element, trigger, {', '.join(said)});{named}",
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
