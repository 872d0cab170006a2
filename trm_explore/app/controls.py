"""The controls of a run, as components: those that matter first, and those of the second look."""

from __future__ import annotations

from typing import Any

import gradio as gr

from trm_explore.app.settings import CONTROLS, start_config, values_of
from trm_explore.data.text_file import FILE_TYPES
from trm_explore.view.settings import BUTTONS, SETTINGS, Place, Setting
from trm_explore.words import page_controls


def switches(controls: dict[str, Any], offered: tuple[str, ...]) -> None:
    """The controls that matter first: what is asked, and how it is taught."""
    # The task is chosen in the gallery; here only so that it is a control like the others.
    _put(controls, "switches", task={"choices": list(offered), "elem_classes": "trm-link"})


def more(controls: dict[str, Any]) -> gr.Markdown:
    """The controls of the second look; the line under the file control is returned, it says what is wrong with a
    file."""
    with gr.Row(equal_height=False):
        _put(controls, "more")
    with gr.Row(equal_height=False, elem_id="finer"):
        _put(controls, "finer")
    _put(controls, "file")
    return gr.Markdown(page_controls.DATA_HELP, elem_id="data-help", elem_classes="trm-small")


def control(row: Setting, value: Any, **more: Any) -> Any:
    """The component of a setting; `more` changes what it is made with."""
    words: dict[str, Any] = {"label": row.label, "elem_id": row.name, "interactive": True, **more}
    if row.kind == "file":
        return gr.File(file_types=list(FILE_TYPES), height=110, **words)
    words = {"info": row.help or None, "value": value, **words}
    if row.kind == "switch":
        return gr.Checkbox(**words)
    if row.kind == "choice":
        return (gr.Radio if len(row.options) <= BUTTONS else gr.Dropdown)(**{"choices": row.options, **words})
    if row.kind == "range":
        return gr.Slider(row.least, row.most, step=row.step or 1, buttons=[], **words)
    if row.kind == "number":
        return gr.Number(precision=0 if row.is_whole else None, **words)
    return gr.Textbox(**words)


def _put(controls: dict[str, Any], place: Place, **more: dict[str, Any]) -> None:
    """The controls of one place, as the page opens."""
    values = dict(zip(CONTROLS, values_of(start_config()), strict=True))
    for row in SETTINGS.values():
        if row.place == place:
            seen = row.acts_with(values["deep_supervision_schedule"])
            controls[row.name] = control(row, values[row.name], **{"visible": seen, **more.get(row.name, {})})
