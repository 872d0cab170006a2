"""view/settings.py: a row and its field are all that a control needs, links of earlier releases say what they said, and
the tables in docs name what is there."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest
from safetensors import safe_open
from safetensors.torch import save_file

from trm_explore.app.api import SETTABLE, Endpoints
from trm_explore.app.handlers import Handlers
from trm_explore.app.links import Links
from trm_explore.app.settings import CONTROLS, page_config, shown_config, values_of
from trm_explore.cli.train import Train, translated
from trm_explore.config import FIELDS, PRESETS, SCHEDULES, RunConfig, unknown_setting
from trm_explore.data.assets import asset
from trm_explore.model.checkpoint import read_checkpoint
from trm_explore.runs.registry import Runs
from trm_explore.tasks import GENERATED, preset
from trm_explore.training.losses import supervision_weights
from trm_explore.view.settings import SETTINGS, START, Kind, Place
from trm_explore.widgets.panel import TrainingPanel

ROOT = Path(__file__).parent.parent
OPENS = dict(zip(CONTROLS, values_of(shown_config("sudoku4")), strict=True))
every_row = pytest.mark.parametrize("row", SETTINGS.values(), ids=lambda row: row.name)


def document(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


# ---- rows and fields


@every_row
def test_a_row_is_of_a_field_and_offers_what_the_field_takes(row):
    assert row.name in FIELDS and row.label and row.place in get_args(Place) and row.kind in get_args(Kind)
    for _, value in row.options:
        flat = {row.name: value} | ({"custom_weights": (1, 1, 1)} if value == "custom" else {})
        assert RunConfig().with_flat(**flat).to_flat()[row.name] == value
    assert row.is_number == (row.least is not None) == (row.most is not None)
    if row.is_number:
        for value in (row.least, row.most):
            assert row.number(value) == value
            assert row.name == "H_cycles" or RunConfig().with_flat(**{row.name: row.number(value)})
        assert row.least <= OPENS[row.name] <= row.most


@pytest.mark.parametrize("what", ["link", "hide", "label"])
def test_names_are_given_once(what):
    named = [getattr(row, what) for row in SETTINGS.values() if getattr(row, what)]
    assert len(set(named)) == len(named)


@pytest.mark.parametrize("task", GENERATED)
def test_what_a_task_brings_lies_within_the_ranges(task):
    for flat in (preset(task, size).to_flat() for size in PRESETS):
        for row in SETTINGS.values():
            assert not row.is_number or row.least <= flat[row.name] <= row.most


def test_the_panel_has_the_rows_that_are_in_notebooks_in_their_order():
    panel = TrainingPanel()
    rows = [row for row in SETTINGS.values() if row.in_notebooks]
    assert [(one["name"], one["label"], one["kind"]) for one in panel.controls] == [
        (row.name, row.label, row.kind) for row in rows
    ]
    assert all(panel.has_trait(row.name) for row in rows)
    assert {name: getattr(panel, name) for name in START} == START
    panel.close()


@pytest.mark.parametrize("updates", [400, 20_000])
def test_page_and_panel_keep_as_many_frames_of_a_run(updates):
    panel, own = TrainingPanel(updates=updates), TrainingPanel(updates=updates, frame_every=7)
    assert panel.config.train.frame_every == page_config("sudoku4", updates=updates).train.frame_every
    assert updates / panel.config.train.frame_every <= 61 and own.config.train.frame_every == 7
    panel.close()
    own.close()


# In a process of its own, since pages are made of the rows when they are imported. `truncation_length` and `loss` are
# fields without a control; a number and a choice, folded, in links and in notebooks.
NEW_ROWS = """
import json
from trm_explore.view.settings import SETTINGS, Setting

new = [
    Setting("truncation_length", "Truncation", place="finer", link="cut", least=1, most=64, in_notebooks=True),
    Setting("loss", "Loss", "of an answer", link="loss", hide="loss", marked=True, in_notebooks=True, in_compare=True,
        with_supervision=True),
]
SETTINGS.update({row.name: row for row in new})
from trm_explore.app.api import Endpoints
from trm_explore.app.handlers import Handlers, marks
from trm_explore.app.links import Links
from trm_explore.app.page import build
from trm_explore.app.recipes import variants_from, variants_text
from trm_explore.app.settings import CONTROLS, config_of, start_config, values_of
from trm_explore.app.share import HEAD
from trm_explore.runs.registry import Runs
from trm_explore.widgets import TrainingPanel

runs = Runs(slots=1)
parts = {part["props"].get("elem_id"): part["type"] for part in build(runs).config["components"]}
link = Links().read("cut=5&loss=stablemax")
values = dict(zip(CONTROLS, link.values))
try:
    config_of(list((values | {"truncation_length": 65}).values()))
except ValueError as error:
    said = str(error)
panel = TrainingPanel(truncation_length=3)
panel.loss = "stablemax"
RUNS, start = "1,constant,0.25,cycle,3,stablemax/0,constant,0.5,full,4,softmax", values_of(start_config())
print(json.dumps({
    "parts": [parts["truncation_length"], parts["loss"]],
    "link": [values["truncation_length"], values["loss"], link.left_out, Links().write(link.values)],
    "run": [config_of(link.values).to_flat()[row.name] for row in new],
    "said": said,
    "marked": sum("loss=" in str(one) for one in marks("loss=x is not known")),
    "hidden": "html[data-hide~=loss] #loss" in HEAD,
    "panel": [panel.config.train.truncation_length, panel.config.train.loss, len(panel.controls)],
    "compare": [parts["loss-C"], variants_text(variants_from(RUNS, start)), variants_from(RUNS, start)[1]],
    "off without supervision": [one["name"] for one in panel.controls if one.get("with_supervision")],
    "api": Endpoints(Handlers(runs))._config("sudoku4", {"truncation_length": 9}).train.truncation_length,
}))
panel.close()
runs.close()
"""


def test_a_field_and_its_row_are_all_that_a_new_control_needs():
    ran = subprocess.run([sys.executable, "-c", NEW_ROWS], cwd=ROOT, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout.splitlines()[-1]) == {
        "parts": ["slider", "radio"],
        "link": [5, "stablemax", [], "task=sudoku4&cut=5&loss=stablemax"],
        "run": [5, "stablemax"],
        "said": "truncation_length=65 is not possible here; give a whole number from 1 to 64",
        "marked": 1,
        "hidden": True,
        "panel": [3, "stablemax", 12],
        "compare": [
            "radio",
            "1,constant,0.25,cycle,3,stablemax/0,constant,0.5,full,4,softmax",
            [True, False, "constant", 0.5, "full", 4, "softmax"],
        ],
        "off without supervision": [
            "deep_supervision_schedule",
            "deep_supervision_weight",
            "custom_weights",
            "loss",
        ],
        "api": 9,
    }


# ---- links

# As the releases before view/settings.py wrote them, and as people did by hand: what they change of how the page opens.
OLD_LINKS = {
    "task=sudoku4&size=small": {"preset": "small", "L_cycles": 4},
    "supervision=0": {"enable_deep_supervision": False},
    "supervision=off&schedule=u_shaped": {
        "enable_deep_supervision": False,
        "deep_supervision_schedule": "u_shaped",
    },
    "schedule=exponential_decay&weight=0.7": {
        "deep_supervision_schedule": "exponential_decay",
        "deep_supervision_weight": 0.7,
    },
    "custom=0.3,0.4,1": {"deep_supervision_schedule": "custom", "custom_weights": "0.3 0.4 1"},
    "custom=0.3%200.4%201": {"deep_supervision_schedule": "custom", "custom_weights": "0.3 0.4 1"},
    "scope=one_step": {"gradient_scope": "one_step"},
    "H_cycles=5&L_cycles=3": {"H_cycles": 5, "L_cycles": 3},
    "updates=1200&seed=2147483647": {"updates": 1200, "seed": 2147483647},
    "difficulty=hard": {"difficulty": "hard"},
    "adaptive=hard&curriculum=depth&L_weight=0.5&checkpointing=call": {
        "adaptive_weights": "hard",
        "curriculum": "depth",
        "L_supervision_weight": 0.5,
        "activation_checkpointing": "call",
    },
    "pair=off": {"enable_deep_supervision": False, "deep_supervision_schedule": "constant"},
    "enable_deep_supervision=no&deep_supervision_schedule=constant&deep_supervision_weight=1&gradient_scope=last": {
        "enable_deep_supervision": False,
        "deep_supervision_schedule": "constant",
        "deep_supervision_weight": 1.0,
        "gradient_scope": "last",
    },
    "preset=small&custom_weights=1,2,3&adaptive_weights=progress&L_supervision_weight=2": {
        "preset": "small",
        "L_cycles": 4,
        "deep_supervision_schedule": "custom",
        "custom_weights": "1 2 3",
        "adaptive_weights": "progress",
        "L_supervision_weight": 2.0,
    },
    "activation_checkpointing=cycle&hide=schedule,scope,weight,supervision,cycles,more&embed=1": {
        "activation_checkpointing": "cycle"
    },
}


@pytest.mark.parametrize("query", OLD_LINKS)
def test_old_links_say_what_they_said(query):
    opened = Links().read(query)
    said = dict(zip(CONTROLS, opened.values, strict=True))
    assert not opened.left_out
    assert {name: value for name, value in said.items() if value != OPENS[name]} == OLD_LINKS[query]


def test_a_link_is_written_as_it_was():
    query = "task=maze&size=small&supervision=0&schedule=constant&weight=0.25&scope=cycle&H_cycles=4&updates=7&seed=3"
    query += "&adaptive=progress&L_weight=0.5&checkpointing=call"
    assert Links().write(Links().read("&".join(reversed(query.split("&")))).values) == query


# ---- names that are no settings

GIVEN = {  # where -> who is given H_cycle=3
    "Python": lambda tmp_path: RunConfig.from_flat({"H_cycle": 3}),
    "preset": lambda tmp_path: preset("maze", H_cycle=3),
    "panel": lambda tmp_path: TrainingPanel(H_cycle=3),
    "command line": lambda tmp_path: translated(["--H_cycle", "3"], Train),
    "program": lambda tmp_path: asked_by_a_program({"H_cycle": 3}),
    "checkpoint": lambda tmp_path: read_checkpoint(of_later(tmp_path)),
}


def asked_by_a_program(settings: dict) -> RunConfig:
    runs = Runs(slots=1)
    try:
        return Endpoints(Handlers(runs))._config("maze", settings)
    finally:
        runs.close()


def of_later(folder: Path) -> Path:
    """A checkpoint whose config has a field that we do not know."""
    path = folder / "model.safetensors"
    with safe_open(asset("sudoku4-linear.safetensors"), "pt") as file:
        tensors, header = {name: file.get_tensor(name) for name in file.keys()}, file.metadata()  # noqa: SIM118
    save_file(tensors, path, header | {"config": json.dumps(json.loads(header["config"]) | {"H_cycle": 3})})
    return path


@pytest.mark.parametrize("where", GIVEN)
def test_a_name_that_is_no_setting_is_told_the_same_wherever_it_is_given(where, tmp_path):
    sentence = unknown_setting("H_cycle")
    assert sentence == "'H_cycle' is not a setting of a run; did you mean H_cycles?"
    with pytest.raises(ValueError, match=re.escape(sentence)):
        GIVEN[where](tmp_path)


def test_a_link_tells_it_too_and_the_rest_of_it_is_used():
    opened = Links().read("H_cycle=3&seed=4")
    assert opened.left_out == [f"H_cycle=3 ({unknown_setting('H_cycle')})"]
    assert dict(zip(CONTROLS, opened.values, strict=True))["seed"] == 4


def test_a_field_that_cannot_be_set_somewhere_is_told_what_can():
    assert unknown_setting("lr", ("seed", "updates")) == "'lr' cannot be set here; known are seed, updates"
    assert unknown_setting("zzz", ("seed",)) == "'zzz' is not a setting of a run; known are seed"
    assert unknown_setting("zzz", ("seed",), listed=False) == "'zzz' is not a setting of a run"
    assert unknown_setting("learnin_rate", ("seed",)).endswith("known are seed")  # lr cannot be set there


# ---- documents


def table_row(text: str, first: str) -> list[str]:
    """The cells of the table's row that begins with this one."""
    (line,) = re.findall(rf"^\| {re.escape(first)} \|.*$", text, re.MULTILINE)
    return [cell.strip() for cell in line.strip("|").split(" | ")]


def ticked(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


def test_the_table_of_links_names_every_setting_with_its_range_and_choices():
    text = document("teaching_with_the_page.md").split("## Fields")[1].split("## Hiding")[0]
    lines = {name: line for line in re.findall(r"^\|.*\|$", text, re.MULTILINE) for name in ticked(line.split("|")[1])}
    for row in SETTINGS.values():
        if not row.link:
            continue
        cells = lines[row.link].split(" | ")
        if row.is_number:
            assert f"{row.least} to {row.most}" in cells[-1], row.link
        elif row.kind == "switch":
            assert ticked(cells[-1]) == ["1", "0"]
        elif row.options and row.name != "task" and "More settings" not in cells[-1]:
            assert ticked(cells[-1]) == [value for _, value in row.options], row.link


def test_the_table_of_hiding_names_every_control_that_can_be_hidden():
    rows = re.findall(r"^\| (.*?) \| single controls \|$", document("teaching_with_the_page.md"), re.MULTILINE)
    assert [name for cells in rows for name in ticked(cells)] == [row.hide for row in SETTINGS.values() if row.hide]


def test_the_table_of_widgets_names_the_panels_controls():
    said = ticked(table_row(document("widgets.md"), "the controls")[1])
    assert said == [row.name for row in SETTINGS.values() if row.in_notebooks]


def test_the_table_of_train_names_what_programs_can_set_with_range_and_choices():
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \| (.*?) \|$", document("api.md").split("## Settings")[1], re.MULTILINE)
    assert [name for name, _, _ in rows] == list(SETTABLE)
    for name, words, values in rows:
        row = SETTINGS[name]
        assert words == f"{row.label}: {row.help}"
        if row.is_number:
            assert values == f"{row.least} to {row.most}"
        else:
            assert ticked(values) == ([value for _, value in row.options] or ticked(values))


def guides_flags(head: str) -> dict[str, str]:
    """Every flag that the guide's table under this head says we take, and the default that it says ("" for none)."""
    found = {}
    for line in document("guide.md").split(head)[1].split("\n\n")[0].splitlines():
        cells = [cell.strip() for cell in line[1:-1].split("|")]
        names = re.findall(r"`--([\w-]+)`", cells[0])
        if names and (len(cells) == 3 or cells[1].startswith("the same")):
            said = cells[-2].split(", ")
            found |= dict(zip(names, said if len(said) == len(names) else [""] * len(names), strict=True))
    return found


@pytest.mark.parametrize(
    ("head", "config", "flags"),
    [
        ("| flag | default | meaning |", RunConfig(), 4),
        ("| there | here | default | note |", preset("embeddings"), 17),  # those of the first guide's scripts
    ],
)
def test_the_guides_tables_of_flags_say_what_the_parser_takes_and_its_defaults(head, config, flags):
    said = guides_flags(head)
    assert len(said) == flags
    for flag, default in said.items():
        (word,) = translated([f"--{flag}"], Train)
        name = word.removeprefix("--").replace("-", "_")
        assert name in FIELDS, flag
        value = config.to_flat()[name]
        if re.fullmatch(r"`?[\w.-]+`?( \(there.*)?", default):  # not where the data decide
            word = default.split(" ")[0].strip("`")
            assert word == ("off" if value is False else str(value)) or float(word) == value, flag


@pytest.mark.parametrize("name", ["guide.md", "recursion.md"])
def test_the_tables_of_schedules_name_every_schedule(name):
    rows = re.findall(
        r"^\| `(\w+)` \|(.*)\|$", document(name).split("| schedule | w")[1].split("\n\n")[0], re.MULTILINE
    )
    assert [name for name, _ in rows] == list(SCHEDULES)
    for schedule, rest in rows:
        cells = [cell.strip() for cell in rest.split("|")]
        if name == "guide.md" and schedule != "custom":
            weights = [float(weight) for weight in supervision_weights(schedule, n_steps=3, base_weight=0.5)]
            assert [float(one) for one in cells[1].split(", ")] == [round(weight, 3) for weight in weights]
            assert float(cells[2]) == round(sum(weights), 3)
