"""A static site for any number of people: the stage with all trained pairs, the recorded runs, the comparisons.

    for line in write_site(Path("out"), recorded_group): print(line)      # what `trm-explore site --out out` does

It opens from a disk and from any static host, and asks nothing of others. index.html holds what the first view needs;
the rest lies beside it in data/, each file a script that hands over one value, since browsers fetch nothing from pages
that were opened from a disk. Training is left out: that needs PyTorch.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from trm_explore.data.assets import asset
from trm_explore.model.checkpoint import load_checkpoint
from trm_explore.shipped.pairs import checkpoint_name, load_pair, pair_names
from trm_explore.storage.whole import write_whole
from trm_explore.tasks import GENERATED
from trm_explore.view.payload import plan_of
from trm_explore.view.recorded import gallery_of, recorded_message, recorded_run, recorded_text
from trm_explore.web import page_script, template
from trm_explore.web.model_file import model_file
from trm_explore.words import page_controls, run_notes, site_page
from trm_explore.words.compare_tab import RECIPES

PLAYED = ("on", "off")  # kinds of runs whose models the stage plays
START = ("maze", "on")  # a task that needs its steps


def write_site(out: Path, group: Callable[[str, str], str], documents: bool = False) -> Iterator[str]:
    """Writes the files and yields the name of each. `group(task, recipe)`: the message of the recorded runs that answer
    a question (web/src/compare.js). `documents`: whether a folder documents/ will stand beside them."""
    (out / "data").mkdir(parents=True, exist_ok=True)
    tasks = [task for task in GENERATED if task in pair_names()]
    for task in tasks:
        for kind in PLAYED:
            yield _give(out, f"model-{task}-{kind}", model_of_pair(task, kind))
        for kind in page_controls.PAIRS:
            yield _give(out, f"run-{task}-{kind}", _run(task, kind))
        for recipe in RECIPES:
            found = json.loads(group(task, recipe))
            found["text"] = site_page.MEASURED.format(puzzles=load_pair(task)["puzzles"])
            yield _give(out, f"group-{task}-{recipe}", found)
    yield str(write_whole(out / "index.html", _index(tasks, documents)))


def model_of_pair(task: str, kind: str) -> dict[str, Any]:
    """The model file of a shipped run; its first puzzle is the one that is shown of the task."""
    model, config = load_checkpoint(asset(f"{checkpoint_name(task, kind)}.safetensors"))
    return model_file(model, config, first=load_pair(task)["shown_puzzle"])


def _run(task: str, kind: str) -> dict[str, Any]:
    """A recorded run: its plan, its message, and what was measured, in words."""
    plan = plan_of(recorded_run(task, kind)[0])
    run = load_pair(task)["runs"][kind]
    text = run_notes.RECORDED.format(kind=page_controls.PAIRS[kind], updates=run["updates"], seconds=run["seconds"])
    return {"plan": plan, "message": recorded_message(task, kind) | {"text": text}, "text": recorded_text(task)}


def _give(out: Path, name: str, value: Any) -> str:
    text = f"trmGive({json.dumps(name)}, {json.dumps(value, separators=(',', ':'))});\n"
    return str(write_whole(out / "data" / f"{name}.js", text))


def _index(tasks: list[str], documents: bool) -> str:
    task, kind = START
    data = {
        "tasks": gallery_of(tuple(tasks)),
        "models": {task: {kind: f"model-{task}-{kind}" for kind in PLAYED} for task in tasks},
        "kinds": [{"name": name, "title": title} for name, title in page_controls.PAIRS.items()],
        "recipes": [{"name": name, "title": title} for name, (title, *_) in RECIPES.items()],
        "start": {"task": task, "kind": kind, "run": _run(task, kind)},
    }
    link = f'<nav><a href="documents/index.html">{site_page.DOCUMENTS}</a></nav>'
    parts = {
        "title": page_controls.TITLE,
        "headline": page_controls.HEADLINE,
        "lead": page_controls.INTRO,
        "trained": page_controls.HOW_TRAINED,
        "trained_lead": site_page.TRAINED_LEAD,
        "kinds": site_page.KINDS,
        "compared": site_page.COMPARED,
        "compared_lead": site_page.COMPARED_LEAD,
        "guess": site_page.GUESS,
        "foot": site_page.FOOT,
    }
    filled = {name: html.escape(text) for name, text in parts.items()} | {
        "nav": link if documents else "",
        "data": json.dumps(data, separators=(",", ":")).replace("<", "\\u003c"),
        "script": page_script("site"),
    }
    return re.sub(r"<!--(\w+)-->", lambda place: filled[place[1]], template("site"))
