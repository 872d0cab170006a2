"""The modules of static/ inside Gradio: each is hosted by one gr.HTML; names they share live in one store on the page.

A module sees the same small `model` as under anywidget: get, set, on, off, save_changes. `plan` and `message` come
from the server through two hidden hosts; `step` is set by whichever module the user clicks. Messages are deltas: a
module that is mounted late first gets all of the run so far, joined.
"""

from __future__ import annotations

import json
from typing import Any

import gradio as gr

from trm_explore.resources import script

STORE = """
window.trmStore ??= (() => {
  const values = {}, listeners = {}, lists = ["points", "evals", "frames"];
  let joined = null;  // the run so far, for a module that is mounted late
  const join = (m) => {
    if (!m) return;
    if (!joined || m.from === 0) joined = { ...m, ...Object.fromEntries(lists.map((k) => [k, [...m[k]]])) };
    else {
      const before = joined;
      joined = { ...m, from: 0, ...Object.fromEntries(lists.map((k) => [k, before[k]])) };
      for (const k of lists) joined[k].push(...m[k]);
    }
  };
  return {
    get: (name) => values[name],
    set: (name, value) => {
      if (name === "message") join(value);
      values[name] = value;
      for (const call of [...(listeners[name] ?? [])]) call();
    },
    on: (name, call) => (listeners[name] ??= new Set()).add(call),
    off: (name, call) => listeners[name]?.delete(call),
    joined: () => joined,
  };
})();
"""

HOST = """
const store = window.trmStore;
let mounting = true;
const scope = %s;  // modules of one scope share their names with each other only
const name = (event) => scope + event.split(":")[1];
const model = {
  get: (key) => (mounting && scope + key === "message" ? store.joined() : store.get(scope + key)),
  set: (key, value) => store.set(scope + key, value),
  save_changes: () => {},
  emit: (name, data) => trigger(name, data),
  on: (event, call) => store.on(name(event), call),
  off: (event, call) => store.off(name(event), call),
};
const url = URL.createObjectURL(new Blob([%s], { type: "text/javascript" }));
import(url).then((module) => {
  const dispose = module.default.render({ model, el: element });
  mounting = false;
  URL.revokeObjectURL(url);
  // Gradio has no hook for removal.
  const gone = new MutationObserver(() => { if (!element.isConnected) { gone.disconnect(); dispose?.(); } });
  gone.observe(document.body, { childList: true, subtree: true });
});
"""

LINK = """
const put = () => {
  if (!props.value) return;
  const value = typeof props.value === "string" ? JSON.parse(props.value) : props.value;
  window.trmStore.set(%s, value);
  %s
};
put();
watch("value", put);
"""
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
    named = "".join(f'// "{name}"\n' for name in events)  # Gradio looks for them in the text
    return gr.HTML(
        value="",
        html_template="<div></div>",  # constant, so that Gradio leaves our children alone
        js_on_load=STORE + HOST % (json.dumps(scope and f"{scope}."), json.dumps(script(module))) + named,
        apply_default_css=False,
        padding=False,
        elem_id=f"{scope}-{module}".replace(".", "-") if scope else module,
    )


def link(name: str, value: dict[str, Any] | None, extra: str = "") -> gr.HTML:
    """An unseen gr.HTML whose value is put into the store under `name`."""
    return gr.HTML(
        value=value,
        html_template="<div></div>",
        js_on_load=STORE + LINK % (json.dumps(name), extra),
        apply_default_css=False,
        elem_id=f"link-{name.replace('.', '-')}",
        elem_classes="trm-link",
    )
