"""What one can take along: a run as a page, a table, figures, a checkpoint, or whole, each at an address of its own.

`keep/<run>/<file>`, relative to the page's address, so that it works behind a proxy too. A run's id is a secret, and
whoever has it may read the run; the recorded ones are everybody's. On a page with a password one has to have given it.
Files are made when they are asked for and are nowhere stored.
"""

from __future__ import annotations

import io
import json
import re
import tempfile
import threading
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from trm_explore.config import RunConfig
from trm_explore.data.assets import asset
from trm_explore.model import RecursiveModel
from trm_explore.model.checkpoint import load_checkpoint
from trm_explore.runs.registry import Runs
from trm_explore.runs.run import NO_WEIGHTS
from trm_explore.shipped.pairs import checkpoint_name, load_pair, pair_names
from trm_explore.training import events as ev
from trm_explore.view.payload import status_text
from trm_explore.view.recorded import recorded_run
from trm_explore.web.model_file import model_file
from trm_explore.web.report import csv_of, report_html
from trm_explore.words import page_controls, refusals, run_notes

FIGURES = ("ribbon", "losses", "accuracy")
KINDS_OF_FIGURE = {"png": "image/png", "svg": "image/svg+xml", "pdf": "application/pdf"}
TYPES = {
    "report.html": "text/html; charset=utf-8",
    "run.csv": "text/csv; charset=utf-8",
    "model.safetensors": "application/octet-stream",
    "model.json": "application/json",
    "run.zip": "application/zip",
    **{f"{name}.{kind}": mime for name in FIGURES for kind, mime in KINDS_OF_FIGURE.items()},
}
DRAWING = threading.Lock()  # matplotlib's caches are not made for several threads


@dataclass(frozen=True)
class Kept:
    """A run that can be taken along."""

    config: RunConfig
    events: Sequence[ev.Event]
    note: str  # a sentence on where it comes from
    checkpoint: Callable[[], bytes]  # ValueError where there is none
    model: Callable[[], RecursiveModel | None]


def keep_route(runs: Runs) -> Route:
    """Where the files are."""

    def keep(request: Request) -> Response:
        if not _is_let_in(request):
            return PlainTextResponse(refusals.LOG_IN, 401)
        run, name = request.path_params["run"], request.path_params["name"]
        kept = find(run, runs)
        if kept is None or name not in TYPES:
            return PlainTextResponse(refusals.NOTHING_KEPT.format(allowed=", ".join(TYPES)), 404)
        try:
            body = make(kept, name)
        except ValueError as error:
            return PlainTextResponse(str(error), 409)
        there = f'attachment; filename="{kept.config.task}-{name}"' if _plain(kept.config.task) else "attachment"
        headers = {"Content-Disposition": there, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
        return Response(body, media_type=TYPES[name], headers=headers)

    return Route("/keep/{run}/{name}", keep, methods=["GET"])


def _is_let_in(request: Request) -> bool:
    """Whether who asks has given the page's password, if it has one: Gradio's own mark in the browser says so."""
    page = request.app
    if getattr(page, "auth", None) is None:
        return True
    marks = (f"access-token-{page.cookie_id}", f"access-token-unsecure-{page.cookie_id}")
    return any(request.cookies.get(mark) in page.tokens for mark in marks)


def find(name: str, runs: Runs) -> Kept | None:
    """The run of that id, or a recorded one named recorded-<task>-<kind>; None where there is none."""
    match = re.fullmatch(r"recorded-(\w+)-([\w-]+)", name)
    if match:
        task, kind = match.groups()
        if task not in pair_names() or kind not in load_pair(task)["runs"] or kind not in page_controls.PAIRS:
            return None
        config, events = recorded_run(task, kind)
        path = asset(f"{checkpoint_name(task, kind)}.safetensors")
        run = load_pair(task)["runs"][kind]
        note = run_notes.RECORDED.format(kind=page_controls.PAIRS[kind], updates=run["updates"], seconds=run["seconds"])
        return Kept(config, events, note, path.read_bytes, lambda: load_checkpoint(path)[0])
    run = runs.get(name)
    if run is None:
        return None
    note = "" if run.ended else status_text(run.config, run.state, run.position, run.latest)
    config = next((RunConfig.from_flat(e.config) for e in run.events if isinstance(e, ev.Started)), run.config)

    def model() -> RecursiveModel | None:
        try:
            now = run.model()
        except ValueError:  # busy with one long update: what is said of the run does not need it
            return None
        return now and now[0]

    return Kept(config, list(run.events), note, run.checkpoint_bytes, model)


def make(kept: Kept, name: str) -> bytes:
    """One of the files of TYPES. ValueError, one sentence, where the run has not come so far."""
    public = _public(kept.config)
    if name == "report.html":
        return report_html(public, kept.events, note=kept.note, model=kept.model()).encode()
    if name == "run.csv":
        return csv_of(kept.events).encode()
    if name == "model.safetensors":
        return kept.checkpoint()
    if name == "model.json":
        model = kept.model()
        if model is None:
            raise ValueError(NO_WEIGHTS)
        return json.dumps(model_file(model, kept.config), separators=(",", ":")).encode()
    if name == "run.zip":
        return _zipped(public, kept)
    return _drawn(kept, name)


def _drawn(kept: Kept, name: str) -> bytes:
    """One of the figures. What draws them is loaded when the first is asked for: the page opens without it."""
    from trm_explore import plots

    with DRAWING, tempfile.TemporaryDirectory() as folder:
        figure = {
            "ribbon": lambda: plots.ribbon(kept.config, kept.events),
            "losses": lambda: plots.step_losses(kept.events),
            "accuracy": lambda: plots.accuracy(kept.events),
        }[name.partition(".")[0]]()
        return plots.save(figure, Path(folder) / name).read_bytes()


def _zipped(public: RunConfig, kept: Kept) -> bytes:
    """A run's folder, as `trm-explore train --out` keeps it. Paths of the server are left out."""
    lines = []
    for event in kept.events:
        if isinstance(event, ev.Saved):
            continue
        if isinstance(event, ev.Started):
            event = ev.Started(**{**_fields(event), "config": public.to_flat()})
        lines.append(ev.to_json(event) + "\n")
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", json.dumps(public.to_flat(), indent=2) + "\n")
        archive.writestr("events.jsonl", "".join(lines))
        archive.writestr("model.safetensors", kept.checkpoint())
    return out.getvalue()


def _public(config: RunConfig) -> RunConfig:
    """A user's own puzzles by their bare names: where they lie on the server is nobody's business."""
    flat = config.to_flat()
    return config.with_flat(**{name: Path(flat[name]).name for name in ("data", "eval_data")})


def _fields(event: ev.Started) -> dict[str, object]:
    return {name: getattr(event, name) for name in event.__dataclass_fields__}


def _plain(task: str) -> bool:
    return bool(re.fullmatch(r"\w+", task))
