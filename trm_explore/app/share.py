"""Links on the page: opening one sets the page to it, the address follows the controls, `hide` and `embed` take parts
away, and the stops of the tours are links too. What a link says is links.py's matter; static/share.js and tours.js do
the rest in the browser.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from trm_explore.app.bridge import host, link
from trm_explore.app.link_fields import HIDDEN, HIDEABLE, Field
from trm_explore.app.links import Links, Opened
from trm_explore.app.settings import CONTROLS
from trm_explore.app.shared import AT_ONCE, MANY, Shared, setting
from trm_explore.app.tours import links as links_of_tours
from trm_explore.app.tours import tours
from trm_explore.view.recorded import recorded_text
from trm_explore.words import run_notes

AWAY = "display: none !important; --taken-away: 1;"  # by which tours.js knows that no wait brings it back
# Before anything is drawn, so that what is hidden never shows. Names that are not in the table hide nothing.
HEAD = f"""<script>
(() => {{
  const said = new URLSearchParams(location.search), root = document.documentElement;
  root.dataset.hide = (said.get("hide") ?? "").replaceAll(",", " ");
  if (["1", "on", "true", "yes"].includes(said.get("embed"))) root.dataset.embed = "1";
}})();
</script><style>
{" ".join(f"html[data-hide~={name}] {place} {{ {AWAY} }}" for name, place in HIDDEN.items())}
html[data-hide~=gradient] #ribbon .tr-chain {{ opacity: 1 !important; }}
html[data-embed] :is(#intro, #ways, footer) {{ display: none !important; }}
html[data-embed] .gradio-container .main.app {{ max-width: none !important; padding: 4px !important; }}
</style>"""
# The tab's own run, the link, and whether it is one that this tab was at already: then it is a reload, and the run is
# found again; a link that is opened anew comes first.
ARRIVE = """(run, query, reload, ...rest) => {
  const again = performance.getEntriesByType("navigation")[0]?.type === "reload"
    || sessionStorage.getItem("trm-address") === location.search;
  const own = sessionStorage.getItem("trm-run") || sessionStorage.getItem("trm-run-gone") || "";
  return [own, location.search, again ? "again" : "", ...rest];
}"""
# What a link sets of runs to compare is made out at once: the tab may be open.
OPENED = 'if (value.compare) trmTurns.ask("compare_recipe");'


@dataclass(frozen=True)
class Shown:
    """Components of the training tab that a link sets beside its controls, and what follows its controls."""

    message: gr.HTML
    measured: gr.Markdown
    pair: gr.Radio


class Sharing:
    """The handlers. `links`: what links mean on this page."""

    def __init__(self, shared: Shared, links: Links):
        self.runs, self.handlers, self.links = shared.runs, shared.handlers, links

    def arrive(self, run_id: str, query: str, again: str) -> list[Any]:
        """The page is opened -> run, ticket to watch it with, controls, and the rest that a link sets.

        The tab's own run comes first on a reload, and where the link sets nothing that a run depends on; else the link.
        """
        opened, own, run_id = self.links.read(query), run_id, run_id or self.handlers.first
        run = self.runs.get(run_id)
        gone = bool(own and run is None and (again or not opened.chosen))
        if run is not None and (again or not opened.chosen) and not (opened.tour and run.ended):
            found_run, ticket, *values = self.handlers.find_again(run_id)
            opened.values = values
            beside = [gr.skip(), recorded_text(run.config.task), gr.skip()]
            return [found_run, ticket, *self._more(opened, values, beside), self._instructions(opened)]
        if opened.chosen:
            return [
                "",
                "",
                *self._all("", opened),
                self._instructions(opened, **{"forget": True} | _gone(gone, opened)),
            ]
        nothing = [gr.skip()] * len(CONTROLS)
        return [
            gr.skip(),
            "",
            *self._more(opened, nothing, [gr.skip()] * 3),
            self._instructions(opened, **_gone(gone, opened)),
        ]

    def visit(self, run_id: str, visited: gr.EventData) -> list[Any]:
        """A stop of a tour is visited: the page is set to its link; a run of one's own that computes keeps its
        figures."""
        opened, run = self.links.read(getattr(visited, "query", "")), self.runs.get(run_id)
        busy = run is not None and not run.ended
        instructions = self._instructions(opened, visit=str(getattr(visited, "count", ""))[:20] or "0")
        instructions["notice"] = run_notes.LINK_BUSY if busy else ""
        answer = self._all(run_id, opened)
        if getattr(visited, "shown", "") == f"recorded-{opened.values[0]}-{opened.kind}":  # they are there already
            answer[len(CONTROLS) + len(self.links.fields)] = gr.skip()
        return [*answer, instructions]

    def address(self, kind: str, *values: Any) -> Any:
        """Something was set -> the link to what the page says now; nothing where it says no run."""
        chosen, more = values[: len(CONTROLS)], values[len(CONTROLS) :]
        try:
            query = self.links.write(chosen, kind, dict(zip(self.links.fields, more, strict=True)))
        except ValueError:
            return gr.skip()
        return {"query": query, "file": bool(chosen[CONTROLS.index("data")])}

    def _all(self, run_id: str, opened: Opened) -> list[Any]:
        *_, message, measured, kind = self.handlers.show_pair(run_id, opened.values[0], opened.kind)
        return self._more(opened, opened.values, [message, measured, kind])

    def _more(self, opened: Opened, values: list[Any], shown: list[Any]) -> list[Any]:
        """Values for the controls, the parts' fields, what is shown beside them, and the tab."""
        parts = [opened.more.get(name, gr.skip()) for name in self.links.fields]
        return [*values, *parts, *shown, gr.Tabs(selected=opened.tab)]

    def _instructions(self, opened: Opened, **more: Any) -> dict[str, Any]:
        """What share.js and tours.js are told; forget: the tab's run is not its own any more."""
        try:
            query = self.links.write(opened.values, opened.kind, opened.more)
        except (ValueError, TypeError):  # nothing was set: the page is as it opens
            query = ""
        instructions = {"query": query, "step": opened.step, "tour": opened.tour, "notice": opened.notice}
        if {"recipe", "runs"} & opened.more.keys():
            instructions["compare"] = True
        return json.loads(json.dumps(instructions | more))


def _gone(gone: bool, opened: Opened) -> dict[str, Any]:
    """Of a run of this tab that is not there any more: the page forgets it, and says so."""
    return {"forget": True, "notice": f"{run_notes.RUN_GONE} {opened.notice}".strip()} if gone else {}


def rows(address: str = "") -> None:
    """The slim row under the introduction: tours, and links. `address`: see page.build."""
    with gr.Row(elem_id="ways"):
        host("tours", turns={"visit": "settings_visit"})
        host("share")
    link("tours", tours())
    link("shareable", {"address": address, "hide": [[name, HIDEABLE[name]] for name in HIDDEN]})


def wire(page: gr.Blocks, shared: Shared, shown: Shown, fields: Iterable[Field] = ()) -> None:
    """Listens for links; called when all tabs are built. `fields`: what the other parts add to links."""
    tab_ids = [tab.id for tab in shared.tabs.children if isinstance(tab, gr.Tab)]
    links = Links(shared.offered, tab_ids, links_of_tours(), fields)
    sharing, inputs = Sharing(shared, links), shared.inputs
    parts = [field.part for field in links.fields.values()]
    query = gr.Textbox("", visible=False, elem_id="query")
    again = gr.Textbox("", visible=False, elem_id="again")
    opened, address = link("opened", None, OPENED), link("address", None)
    all_set = [*inputs, *parts, shown.message, shown.measured, shown.pair, shared.tabs, opened]
    arrive = setting(
        shared,
        lambda *given: sharing.arrive(*given[:3]),
        [shared.run_id, query, again],
        [shared.run_id, shared.ticket, *all_set],
    )
    arrived = page.load(**arrive, js=ARRIVE, **AT_ONCE)
    for event in (arrived.then, arrived.failure):
        event(None, None, None, js='() => trmTurns.done("settings_arrive")', api_visibility="private")
    arrived.then(shared.handlers.watch, shared.ticket, shown.message, **MANY)
    shared.turn("settings_visit", **setting(shared, sharing.visit, [shared.run_id], all_set))
    shared.turn("address_write", sharing.address, [shown.pair, *inputs, *parts], address)
