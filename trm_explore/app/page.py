"""The page: what stands where, and which event calls which handler. Built around the ribbon."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import gradio as gr

from trm_explore.app import texts
from trm_explore.app.bridge import RECALL, REMEMBER, host, link
from trm_explore.app.handlers import MARKED, Handlers, buttons
from trm_explore.app.recorded import gallery_of, recorded_message, recorded_text
from trm_explore.app.settings import ADVISED, CONTROLS, LIMITS, as_command, as_python, start_config
from trm_explore.config import PRESETS, SIZES
from trm_explore.parts import Adaptive, Checkpointing, Curriculum, Difficulty, Scope
from trm_explore.payload import plan_of
from trm_explore.runs import Runs
from trm_explore.tasks import GENERATED

# Gradio confines css to the page's inside; its outer margins are set here.
HEAD = """<style>
.gradio-container { max-width: 1240px !important; }
.gradio-container .main.app { padding-top: 12px; }
@media (max-width: 640px) { .gradio-container .main.app { padding-left: 10px; padding-right: 10px; } }
</style>"""
CSS = (Path(__file__).parent / "page.css").read_text(encoding="utf-8")


def build(runs: Runs, folders: tuple[str, ...] = ()) -> gr.Blocks:
    """The page over a registry of runs. `folders`: tasks of the owner's own, beside those of the project."""
    offered = (*GENERATED, *folders)
    handlers, config = Handlers(runs, offered), start_config()
    with gr.Blocks(title=texts.TITLE, analytics_enabled=False) as page:
        gr.HTML(f"<header><h1>{texts.HEADLINE}</h1><p>{texts.INTRO}</p></header>", elem_id="intro", padding=False)
        controls: dict[str, Any] = {}
        gallery = host("tasks", "pick")
        with gr.Row(elem_id="switches", equal_height=False):
            _switches(controls, offered)
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
            data_help = _more(controls)
            with gr.Row(elem_id="advice"):
                gr.Markdown(texts.ADVICE, elem_classes="trm-small")
                advice = [gr.Button(name, size="sm", elem_id=f"advice-{name}") for name in PRESETS if name not in SIZES]
        with gr.Accordion(texts.TAKE, open=False, elem_id="take"):
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
        run_id = gr.Textbox("", visible=False, elem_id="run-id")
        ticket = gr.Textbox("", visible=False, elem_id="ticket")
        message = link("message", recorded_message(config.task), REMEMBER)
        plan = link("plan", plan_of(config))
        link("tasks", gallery_of(offered))

        inputs = [controls[name] for name in CONTROLS]
        marked = [*(controls[name] for name in MARKED if name != "data"), data_help]
        quiet = {"show_progress": "hidden", "api_visibility": "private"}
        once = {**quiet, "concurrency_limit": None}  # by its user; of many users
        many = {**once, "trigger_mode": "multiple"}
        at_once = {**quiet, "queue": False}
        begun = [run_id, ticket, plan, *marked]

        followed = [plan, command, python, *marked]
        gr.on([c.change for c in inputs], handlers.follow, inputs, followed, trigger_mode="always_last", **at_once)
        for button in advice:
            button.click(handlers.advise, button, [controls[n] for n in ADVISED], **at_once)
        schedule = [controls[n] for n in ("deep_supervision_schedule", "deep_supervision_weight", "custom_weights")]
        shown_by = [controls["enable_deep_supervision"], schedule[0]]
        gr.on([c.change for c in shown_by], handlers.show_schedule, shown_by, schedule, **at_once)
        sizes = [controls[n] for n in ("H_cycles", "L_cycles", "updates")]
        moved = [controls["preset"].input(handlers.choose, [controls["task"], controls["preset"]], sizes, **at_once)]
        shown = [*inputs, message, measured, pair]
        moved.append(gallery.pick(handlers.pick, run_id, shown, **at_once))
        moved.append(pair.input(handlers.show_pair, [run_id, controls["task"], pair], shown, **at_once))
        for event in moved:
            event.then(handlers.settle, inputs, followed, **at_once)
        fitting = [controls["difficulty"], controls["data"]]
        controls["task"].change(handlers.fit, controls["task"], fitting, **at_once)
        presses = [
            train.click(handlers.train, [run_id, *inputs], begun, **once),
            one.click(handlers.one_update, [run_id, *inputs], begun, **once),
            page.load(handlers.find_again, run_id, [run_id, ticket, *inputs], js=RECALL, **once),
        ]
        for pressed in presses:
            pressed.then(handlers.watch, ticket, message, **many)
        message.turn(handlers.look, None, [train, pause, one, stop], **at_once)
        pause.click(handlers.pause, run_id, None, **at_once)
        stop.click(handlers.stop, run_id, None, **at_once)
    return page


def _switches(controls: dict[str, Any], offered: tuple[str, ...]) -> None:
    """The controls that matter first: what is asked, and how it is taught."""
    config = start_config()
    flat = config.to_flat()

    def words(name: str, **more: Any) -> dict[str, Any]:
        return {"label": texts.LABELS[name], "info": texts.INFO.get(name), "elem_id": name, "interactive": True, **more}

    schedules = [(title, name) for name, title in texts.SCHEDULES.items()]
    # Chosen in the gallery; here only so that it is a control like the others.
    controls["task"] = gr.Dropdown(list(offered), value=flat["task"], **words("task"), elem_classes="trm-link")
    controls["enable_deep_supervision"] = gr.Checkbox(
        flat["enable_deep_supervision"], **words("enable_deep_supervision")
    )
    controls["deep_supervision_schedule"] = gr.Dropdown(
        schedules, value=flat["deep_supervision_schedule"], **words("deep_supervision_schedule")
    )
    controls["deep_supervision_weight"] = gr.Slider(
        0, 1, value=flat["deep_supervision_weight"], step=0.05, **words("deep_supervision_weight"), buttons=[]
    )
    controls["custom_weights"] = gr.Textbox("", **words("custom_weights"), visible=False)
    controls["gradient_scope"] = gr.Radio(
        list(get_args(Scope)), value=flat["gradient_scope"], **words("gradient_scope")
    )
    controls["H_cycles"] = gr.Slider(
        *LIMITS["H_cycles"], value=flat["H_cycles"], step=1, **words("H_cycles"), buttons=[]
    )


def _more(controls: dict[str, Any]) -> gr.Markdown:
    """The controls of the second look; the line under the file control is returned, it says what is wrong with a
    file."""
    flat = start_config().to_flat()

    def words(name: str) -> dict[str, Any]:
        return {"label": texts.LABELS[name], "info": texts.INFO.get(name), "elem_id": name, "interactive": True}

    with gr.Row(equal_height=False):
        controls["preset"] = gr.Radio(list(SIZES), value=flat["preset"], **words("preset"))
        controls["L_cycles"] = gr.Slider(
            *LIMITS["L_cycles"], value=flat["L_cycles"], step=1, **words("L_cycles"), buttons=[]
        )
        controls["updates"] = gr.Number(flat["updates"], precision=0, **words("updates"))
        controls["seed"] = gr.Number(flat["seed"], precision=0, **words("seed"))
        controls["difficulty"] = gr.Radio(list(get_args(Difficulty)), value=flat["difficulty"], **words("difficulty"))
    with gr.Row(equal_height=False, elem_id="finer"):
        for name, kind in (("adaptive_weights", Adaptive), ("curriculum", Curriculum)):
            controls[name] = gr.Radio(list(get_args(kind)), value=flat[name], **words(name))
        name = "L_supervision_weight"
        controls[name] = gr.Slider(*LIMITS[name], value=flat[name], step=0.05, **words(name), buttons=[])
        name = "activation_checkpointing"
        controls[name] = gr.Radio(list(get_args(Checkpointing)), value=flat[name], **words(name))
    controls["data"] = gr.File(
        file_types=[".csv", ".txt"], label=texts.LABELS["data"], elem_id="data", interactive=True, height=110
    )
    return gr.Markdown(texts.DATA_HELP, elem_id="data-help", elem_classes="trm-small")


__all__ = ["CSS", "HEAD", "build", "buttons"]
