"""The page: what stands where, and which event of the training tab calls which handler. Built around the ribbon.

Three tabs over one choice of task: Train (this file), Compare, Look inside; each of the others is a file of its own
with a `build(shared)`, which puts its components where it is called and wires its own events.
"""

from __future__ import annotations

from pathlib import Path

import gradio as gr

from trm_explore.app import api, bring, compare, inside, share
from trm_explore.app.bridge import FOLLOW_TASK, REMEMBER, ask, by_state, host, link, turns
from trm_explore.app.controls import more, switches
from trm_explore.app.door import AGE
from trm_explore.app.guard import Page
from trm_explore.app.handlers import FITTED, MARKED, SCHEDULED, Handlers, buttons
from trm_explore.app.link_fields import SIZED
from trm_explore.app.model_files import models_of
from trm_explore.app.settings import ADVISED, CONTROLS, start_config
from trm_explore.app.shared import AT_ONCE, MANY, Follower, Shared, moved, setting
from trm_explore.config import PRESETS, SIZES
from trm_explore.runs import STATES, Runs
from trm_explore.tasks import GENERATED
from trm_explore.view.commands import as_command, as_python
from trm_explore.view.payload import plan_of
from trm_explore.view.recorded import gallery_of, recorded_message, recorded_text
from trm_explore.words import page_controls

# Gradio confines css to the page's inside; its outer margins are set here.
HEAD = (
    """<style>
.gradio-container { max-width: 1240px !important; width: 100%; margin: 0 auto; }
.gradio-container .main.app { padding-top: 12px; }
/* Contrast of at least 4.5 to 1, which the theme's own colours do not have. */
html body .gradio-container {
  --body-text-color-subdued: #68625d; --block-info-text-color: #68625d; --input-placeholder-color: #68625d;
  --block-label-text-color: #57534e; --block-title-text-color: #57534e; --color-accent: #0f766e;
  --button-primary-background-fill: #0f766e; --button-primary-background-fill-hover: #115e59; }
html body.dark .gradio-container {
  --body-text-color-subdued: #b3ada8; --block-info-text-color: #b3ada8; --input-placeholder-color: #b3ada8;
  --block-label-text-color: #d6d3d1; --block-title-text-color: #d6d3d1; --color-accent: #2dd4bf; }
html body:not(.dark) .cm-line span { color: var(--body-text-color) !important; }
@media (max-width: 640px) { .gradio-container .main.app { padding-left: 10px; padding-right: 10px; }
  /* Nothing, not even what the Tab key reaches, lies under the bar with Train. */
  .gradio-container { padding-bottom: 62px !important; }
  html { scroll-padding-bottom: 62px; }
  body:has(#stage [data-seen="1"]) #buttons, body:has(#stage[data-seen="1"]) #buttons,
  body:has(.tt-card) #buttons { position: static !important; } } /* a tour's card is there, and points at them */
</style>"""
    + share.HEAD
)
ADVISED_BY = [name for name in PRESETS if name not in SIZES]
# A run was begun: until its first message is there, what is shown is not it.
AWAIT = '(ticket) => { if (ticket) trmTurns.hold("watch_run"); }'
CSS = (Path(__file__).parent / "page.css").read_text(encoding="utf-8")


def build(runs: Runs, folders: tuple[str, ...] = (), opened: str = "", address: str = "") -> gr.Blocks:
    """The page over a registry of runs. `folders`: tasks of the owner's own, beside those of the project. `opened`: a
    file with a run or a checkpoint, which it opens with. `address`: under which others reach the page, for links that
    are made on the server's own computer; "" where that is not known, or nobody can."""
    offered = (*GENERATED, *folders)
    with Page(title=page_controls.TITLE, analytics_enabled=False, delete_cache=(600, int(AGE))) as page:
        gr.HTML(
            f"<header><h1>{page_controls.HEADLINE}</h1><p>{page_controls.INTRO}</p></header>",
            elem_id="intro",
            padding=False,
        )
        host("tasks", turns={"pick": "settings_pick"})
        host("stage")
        link("models", models_of(offered))
        share.rows(address)
        gr.HTML(
            f"<h2>{page_controls.HOW_TRAINED}</h2><p>{page_controls.HOW_TRAINED_INTRO}</p>",
            elem_id="how",
            padding=False,
        )
        run_id = gr.Textbox("", visible=False, elem_id="run-id")
        ticket = gr.Textbox("", visible=False, elem_id="ticket")
        handlers = Handlers(runs, offered)
        api.build(handlers)
        asked = turns()
        with gr.Tabs(elem_id="tabs") as tabs:
            shared = Shared(runs, offered, handlers, {}, run_id, ticket, tabs, asked)
            with gr.Tab(page_controls.TAB_TRAIN, id="train", elem_id="tab-train"):
                shown = _train(shared)
            with gr.Tab(page_controls.TAB_COMPARE, id="compare", elem_id="tab-compare") as tab:
                fields = compare.build(shared, tab)
            with gr.Tab(page_controls.TAB_INSIDE, id="inside", elem_id="tab-inside") as tab:
                fields += inside.build(shared, tab)
        if opened:
            shared.handlers.first = bring.adopt(opened, runs, offered, pinned=True).id
        _follow(shared, shown)
        share.wire(page, shared, shown, fields)
    return page


def _train(shared: Shared) -> share.Shown:
    """The training tab; returned is what a link sets in it."""
    handlers, controls, config = shared.handlers, shared.controls, start_config()
    with gr.Row(elem_id="switches", equal_height=False):
        switches(controls, shared.offered)
    with gr.Row(elem_id="buttons"):
        train = gr.Button(page_controls.TRAIN, variant="primary", elem_id="train", min_width=96)
        pause = gr.Button(page_controls.PAUSE, interactive=False, elem_id="pause", min_width=96)
        one = gr.Button(page_controls.ONE, elem_id="one", min_width=96)
        stop = gr.Button(page_controls.STOP, interactive=False, elem_id="stop", min_width=96)
    host("ribbon")
    with gr.Row(elem_id="recorded", equal_height=False):
        pair = gr.Radio(
            [(title, kind) for kind, title in page_controls.PAIRS.items()],
            value="on",
            label=page_controls.PAIR_TITLE,
            elem_id="pair",
            interactive=True,
        )
        measured = gr.Markdown(recorded_text(config.task), elem_id="measured", elem_classes="trm-small")
    with gr.Row(elem_id="pictures", equal_height=False):
        with gr.Column(scale=5, min_width=320):
            host("curves")
        with gr.Column(scale=2, min_width=300):
            host("player")
    with gr.Accordion(page_controls.MORE, open=False, elem_id="more"):
        data_help = more(controls)
        with gr.Row(elem_id="advice"):
            gr.Markdown(page_controls.ADVICE, elem_classes="trm-small")
            advice = [gr.Button(name, size="sm", elem_id=f"advice-{name}") for name in ADVISED_BY]
    message = link("message", recorded_message(config.task), REMEMBER)
    with gr.Accordion(page_controls.KEEP_TITLE, open=False, elem_id="take"):
        host("keep")
        brought = bring.build(shared, message, measured)
        command = gr.Code(
            as_command(config),
            language="shell",
            label="in a terminal",
            elem_id="command",
            wrap_lines=True,
            lines=2,
            max_lines=8,
        )
        python = gr.Code(
            as_python(config), language="python", label="in Python", elem_id="python", lines=8, max_lines=24
        )
    with gr.Accordion(page_controls.WHAT_TITLE, open=False, elem_id="what"):
        gr.Markdown(page_controls.WHAT)
    plan = link("plan", plan_of(config), FOLLOW_TASK)
    link("tasks", gallery_of(shared.offered))

    inputs, run_id, ticket = shared.inputs, shared.run_id, shared.ticket
    marked = [*(controls[name] for name in MARKED if name != "data"), data_help]
    said = [plan, command, python, *marked]
    schedule, fitting = ([controls[name] for name in names] for names in (SCHEDULED, FITTED))
    by_name = [CONTROLS.index(name) for name in ("enable_deep_supervision", "deep_supervision_schedule")]
    shared.followers.extend(
        [
            Follower(said, handlers.follow),
            Follower(schedule, lambda _run, *values: handlers.show_schedule(*(values[i] for i in by_name))),
            Follower(fitting, lambda _run, *values: handlers.fit(values[0])),
        ]
    )
    for name, button, act in (("train", train, handlers.train), ("one", one, handlers.one_update)):
        button.click(**ask(f"settings_{name}"))
        pressed = shared.turn(f"settings_{name}", act, [run_id, *inputs], [run_id, ticket, *said])
        pressed.then(handlers.watch, ticket, message, **MANY)
        pressed.then(None, ticket, None, js=AWAIT, api_visibility="private")
    brought.then(**ask("settings_follow"))
    for name, button in zip(ADVISED_BY, advice, strict=True):
        button.click(**ask("settings_advise", {"name": name}))
    looks = {state: buttons(state) for state in ("", *STATES)}
    message.turn(**by_state(looks, "trmShown.states.run"), outputs=[train, pause, one, stop])
    pause.click(handlers.pause, run_id, ticket, **AT_ONCE).then(handlers.watch, ticket, message, **MANY)
    stop.click(handlers.stop, run_id, None, **AT_ONCE)
    return share.Shown(message, measured, pair)


def _follow(shared: Shared, shown: share.Shown) -> None:
    """What the visitor does to the settings, and nothing that the page does itself: so an answer never asks again."""
    handlers, controls, run_id = shared.handlers, shared.controls, shared.run_id
    all_shown = [*shared.inputs, shown.message, shown.measured, shown.pair]
    sizes = [controls[name] for name in SIZED]
    advised = [controls[name] for name in ADVISED]
    gr.on(moved(one for name, one in controls.items() if name != "preset"), **ask("settings_follow"))
    gr.on(moved([controls["preset"]]), **ask("settings_size"))
    shown.pair.input(**ask("settings_pair", value="kind", of=shown.pair))
    for name, takes, act, sets in (
        ("follow", [], None, []),
        ("size", [controls["task"], controls["preset"]], lambda task, size, _: handlers.choose(task, size), sizes),
        ("pick", [run_id], handlers.pick, all_shown),
        (
            "pair",
            [run_id, controls["task"]],
            lambda run, task, said: handlers.show_pair(run, task, getattr(said, "kind", "")),
            all_shown,
        ),
        ("advise", [], lambda said: handlers.advise(getattr(said, "name", "")), advised),
    ):
        shared.turn(f"settings_{name}", **setting(shared, act, takes, sets))


__all__ = ["CSS", "HEAD", "build", "buttons"]
