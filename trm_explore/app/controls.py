"""The controls of a run, as components: those that matter first, and those of the second look."""

from __future__ import annotations

from typing import Any, get_args

import gradio as gr

from trm_explore.app.settings import LIMITS, start_config
from trm_explore.config import SCHEDULES, SIZES, Adaptive, Checkpointing, Curriculum, Difficulty, Scope
from trm_explore.data.text_file import FILE_TYPES
from trm_explore.words import texts


def switches(controls: dict[str, Any], offered: tuple[str, ...]) -> None:
    """The controls that matter first: what is asked, and how it is taught."""
    config = start_config()
    flat = config.to_flat()

    def words(name: str, **more: Any) -> dict[str, Any]:
        return {"label": texts.LABELS[name], "info": texts.INFO.get(name), "elem_id": name, "interactive": True, **more}

    schedules = [(schedule.title, name) for name, schedule in SCHEDULES.items()]
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


def more(controls: dict[str, Any]) -> gr.Markdown:
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
        file_types=list(FILE_TYPES), label=texts.LABELS["data"], elem_id="data", interactive=True, height=110
    )
    return gr.Markdown(texts.DATA_HELP, elem_id="data-help", elem_classes="trm-small")
