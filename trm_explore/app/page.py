"""The page: what stands where, and which event of the training tab calls which handler. Built around the ribbon.

Three tabs over one choice of task: Train (this file), Compare, Look inside; each of the others is a file of its own
with a `build(shared)`, which puts its components where it is called and wires its own events.
"""

from __future__ import annotations

from pathlib import Path

import gradio as gr

from trm_explore.app import api, bring, compare, inside, share
from trm_explore.app.bridge import REMEMBER, host, link
from trm_explore.app.controls import more, switches
from trm_explore.app.door import AGE
from trm_explore.app.guard import Page
from trm_explore.app.handlers import MARKED, Handlers, buttons
from trm_explore.app.recorded import gallery_of, recorded_message, recorded_text
from trm_explore.app.settings import ADVISED, start_config
from trm_explore.app.shared import AT_ONCE, MANY, ONCE, Shared, settle
from trm_explore.config import PRESETS, SIZES
from trm_explore.runs.registry import Runs
from trm_explore.tasks import GENERATED
from trm_explore.view.commands import as_command, as_python
from trm_explore.view.payload import plan_of
from trm_explore.words import texts

# Gradio confines css to the page's inside; its outer margins are set here.
HEAD = (
    """<style>
.gradio-container { max-width: 1240px !important; }
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
  body:has(.tt-card) #buttons { position: static !important; } } /* a tour's card is there, and points at them */
</style>"""
    + share.HEAD
)
CSS = (Path(__file__).parent / "page.css").read_text(encoding="utf-8")


def build(runs: Runs, folders: tuple[str, ...] = (), opened: str = "", address: str = "") -> gr.Blocks:
    """The page over a registry of runs. `folders`: tasks of the owner's own, beside those of the project. `opened`: a
    file with a run or a checkpoint, which it opens with. `address`: under which others reach the page, for links that
    are made on the server's own computer; "" where that is not known, or nobody can."""
    offered = (*GENERATED, *folders)
    with Page(title=texts.TITLE, analytics_enabled=False, delete_cache=(600, int(AGE))) as page:
        gr.HTML(f"<header><h1>{texts.HEADLINE}</h1><p>{texts.INTRO}</p></header>", elem_id="intro", padding=False)
        toured = share.rows(address)
        gallery = host("tasks", "pick")
        run_id = gr.Textbox("", visible=False, elem_id="run-id")
        ticket = gr.Textbox("", visible=False, elem_id="ticket")
        handlers = Handlers(runs, offered)
        api.build(handlers)
        with gr.Tabs(elem_id="tabs") as tabs:
            shared = Shared(runs, offered, handlers, {}, run_id, ticket, tabs)
            with gr.Tab(texts.TAB_TRAIN, id="train", elem_id="tab-train"):
                shown = _train(shared, gallery)
            with gr.Tab(texts.TAB_COMPARE, id="compare", elem_id="tab-compare"):
                fields = compare.build(shared)
            with gr.Tab(texts.TAB_INSIDE, id="inside", elem_id="tab-inside") as tab:
                fields += inside.build(shared, tab)
        if opened:
            shared.handlers.first = bring.adopt(opened, runs, offered, pinned=True).id
        share.wire(page, shared, toured, shown, fields)
    return page


def _train(shared: Shared, gallery: gr.HTML) -> share.Shown:
    """The training tab; returned is what a link sets in it."""
    handlers, controls, config = shared.handlers, shared.controls, start_config()
    with gr.Row(elem_id="switches", equal_height=False):
        switches(controls, shared.offered)
    with gr.Row(elem_id="buttons"):
        train = gr.Button(texts.TRAIN, variant="primary", elem_id="train", min_width=96)
        pause = gr.Button(texts.PAUSE, interactive=False, elem_id="pause", min_width=96)
        one = gr.Button(texts.ONE, elem_id="one", min_width=96)
        stop = gr.Button(texts.STOP, interactive=False, elem_id="stop", min_width=96)
    host("ribbon")
    with gr.Row(elem_id="recorded", equal_height=False):
        pair = gr.Radio(
            [(title, kind) for kind, title in texts.PAIRS.items()],
            value="on",
            label=texts.PAIR_TITLE,
            elem_id="pair",
            interactive=True,
        )
        measured = gr.Markdown(recorded_text(config.task), elem_id="measured", elem_classes="trm-small")
    with gr.Row(elem_id="pictures", equal_height=False):
        with gr.Column(scale=5, min_width=320):
            host("curves")
        with gr.Column(scale=2, min_width=300):
            host("player")
    with gr.Accordion(texts.MORE, open=False, elem_id="more"):
        data_help = more(controls)
        with gr.Row(elem_id="advice"):
            gr.Markdown(texts.ADVICE, elem_classes="trm-small")
            advice = [gr.Button(name, size="sm", elem_id=f"advice-{name}") for name in PRESETS if name not in SIZES]
    message = link("message", recorded_message(config.task), REMEMBER)
    with gr.Accordion(texts.KEEP_TITLE, open=False, elem_id="take"):
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
    with gr.Accordion(texts.WHAT_TITLE, open=False, elem_id="what"):
        gr.Markdown(texts.WHAT)
    plan = link("plan", plan_of(config))
    link("tasks", gallery_of(shared.offered))

    inputs, run_id, ticket = shared.inputs, shared.run_id, shared.ticket
    marked = [*(controls[name] for name in MARKED if name != "data"), data_help]
    followed = [plan, command, python, *marked]
    begun = [run_id, ticket, *followed]

    gr.on(
        [c.change for c in inputs], handlers.follow, [run_id, *inputs], followed, trigger_mode="always_last", **AT_ONCE
    )
    for button in advice:
        button.click(handlers.advise, button, [controls[n] for n in ADVISED], **AT_ONCE)
    schedule = [controls[n] for n in ("deep_supervision_schedule", "deep_supervision_weight", "custom_weights")]
    shown_by = [controls["enable_deep_supervision"], schedule[0]]
    gr.on([c.change for c in shown_by], handlers.show_schedule, shown_by, schedule, **AT_ONCE)
    sizes = [controls[n] for n in ("H_cycles", "L_cycles", "updates")]
    moved = [
        brought,
        controls["preset"].input(handlers.choose, [controls["task"], controls["preset"]], sizes, **AT_ONCE),
    ]
    shown = [*inputs, message, measured, pair]
    moved.append(gallery.pick(handlers.pick, run_id, shown, **AT_ONCE))
    moved.append(pair.input(handlers.show_pair, [run_id, controls["task"], pair], shown, **AT_ONCE))
    for event in moved:
        settle(event, shared, followed)
    fitting = [controls["difficulty"], controls["data"]]
    controls["task"].change(handlers.fit, controls["task"], fitting, **AT_ONCE)
    presses = [
        train.click(handlers.train, [run_id, *inputs], begun, **ONCE),
        one.click(handlers.one_update, [run_id, *inputs], begun, **ONCE),
    ]
    for pressed in presses:
        pressed.then(handlers.watch, ticket, message, **MANY)
    message.turn(handlers.look, None, [train, pause, one, stop], **AT_ONCE)
    pause.click(handlers.pause, run_id, ticket, **AT_ONCE).then(handlers.watch, ticket, message, **MANY)
    stop.click(handlers.stop, run_id, None, **AT_ONCE)
    return share.Shown(message, measured, pair, followed)


__all__ = ["CSS", "HEAD", "build", "buttons"]
