"""A run as one file to hand in: a page with ribbon, curves and a playable trajectory that opens without a server, and
with the run's network, which answers what is typed.

    Path("report.html").write_text(report_html(config, events, model=model), encoding="utf-8")
    Path("run.csv").write_text(csv_of(events), encoding="utf-8")

The page holds the drawing modules of web/src/, the run's messages and the model (model_file.py); it fetches nothing.
"""

from __future__ import annotations

import csv
import html
import io
import json
import re
from collections.abc import Sequence
from typing import Any

from trm_explore.analysis.diagnosis import diagnose
from trm_explore.config import RunConfig
from trm_explore.model import RecursiveModel
from trm_explore.tasks import TASKS, resolve
from trm_explore.training import events as ev
from trm_explore.view.commands import as_command, as_python
from trm_explore.view.payload import message_of, plan_of, thinned
from trm_explore.web import page_script, template
from trm_explore.web.model_file import model_file
from trm_explore.words import report_page
from trm_explore.words.percent import percent

POINTS = 2000  # updates in the curves; of a longer run every so many-th


def report_html(
    config: RunConfig, events: Sequence[ev.Event], *, note: str = "", model: RecursiveModel | None = None
) -> str:
    """One self-contained HTML page of a run. `note`: a sentence of one's own on top. `model`: the run's network, which
    then answers on the page; where a browser cannot run it, the page says why. ValueError for a run without an update
    or a frame: there would be nothing to see."""
    if not any(isinstance(event, ev.UpdateDone | ev.Frame) for event in events):
        raise ValueError("the run has no update yet, so there is nothing to report; let it train first")
    task = resolve(config)[0] if config.task in TASKS else None
    title = report_page.TITLE.format(task=task.title if task else config.task)
    message = _message(config, events)
    models, without = _models(config, model)
    data = json.dumps({"plan": plan_of(config), "message": message, "models": models}).replace("<", "\\u003c")
    lead = (note, _settings(config), without)
    parts = {
        "title": html.escape(title),
        "lead": "\n".join(f"<p>{html.escape(line)}</p>" for line in lead if line),
        "body": _figures(events) + _again(config),
        "data": data,
        "stage": '<div id="stage"></div>' if models else "",
        "script": page_script("report"),
    }
    page = template("report")
    return re.sub(r"<!--(\w+)-->", lambda place: parts[place[1]], page)


def _models(config: RunConfig, model: RecursiveModel | None) -> tuple[dict[str, Any], str]:
    """The run's network as the stage takes it, and why there is none."""
    if model is None:
        return {}, ""
    try:
        return {config.task: {"run": model_file(model, config, first=config.train.shown_puzzle or 0)}}, ""
    except ValueError as error:
        return {}, report_page.NO_MODEL.format(reason=error)


def csv_of(events: Sequence[ev.Event]) -> str:
    """What a run measured as one table: a row an update or evaluation, a column a figure and step. Numbers as they were
    computed; empty where there is none."""
    rows: dict[int, dict[str, Any]] = {}
    for event in events:
        if isinstance(event, ev.UpdateDone):
            row = {"update": event.update, "seconds": event.seconds, "loss": event.loss, "lr": event.lr}
            row |= {"grad_norm": event.grad_norm, "halt_loss": event.halt_loss}
            row |= _columns("loss_step", event.step_losses) | _columns("weight_step", event.weights)
            rows.setdefault(event.update, {}).update(row)
        elif isinstance(event, ev.Evaluated):
            row = {"update": event.update, "held_out_puzzles": event.puzzles}
            row |= _columns("held_out_loss_step", event.loss) | _columns("cells_step", event.cell_accuracy)
            row |= _columns("solved_step", event.exact_accuracy) | _columns("r2_step", event.r2)
            rows.setdefault(event.update, {}).update(row)
    names = list(dict.fromkeys(name for row in rows.values() for name in row))
    out = io.StringIO()
    writer = csv.DictWriter(out, names or ["update"], lineterminator="\n")
    writer.writeheader()
    writer.writerows({n: "" if v != v else v for n, v in row.items()} for _, row in sorted(rows.items()))
    return out.getvalue()


def _columns(name: str, values: Sequence[float]) -> dict[str, float]:
    return {f"{name}_{k}": value for k, value in enumerate(values)}


def _message(config: RunConfig, events: Sequence[ev.Event]) -> dict[str, Any]:
    """All of the run as one message, of a long one not every update."""
    points = [event for event in events if isinstance(event, ev.UpdateDone)]
    rest = [event for event in events if not isinstance(event, ev.UpdateDone)]
    latest = next((e for e in reversed(events) if isinstance(e, ev.UpdateDone | ev.Finished | ev.Failed)), None)
    state = "recorded"  # the player begins to play when the page is opened
    shown = [*thinned(points, POINTS), *rest]
    return message_of("report", config, shown, state=state, latest=latest, findings=diagnose(list(events)))


def _settings(config: RunConfig) -> str:
    s, m, t = config.supervision, config.model, config.train
    on = f"{s.deep_supervision_schedule} schedule" if s.enable_deep_supervision else "off"
    return report_page.SETTINGS.format(
        supervision=on, scope=s.scope, H=m.H_cycles, L=m.L_cycles, width=m.hidden_size, mixer=m.mixer, seed=t.seed
    )


def _figures(events: Sequence[ev.Event]) -> str:
    """The last evaluation as a table, for print and for those who do not see the drawings."""
    last = next((event for event in reversed(events) if isinstance(event, ev.Evaluated)), None)
    if last is None:
        return ""
    rows = zip(last.loss, last.cell_accuracy, last.exact_accuracy, strict=True)
    cells = []
    for k, (loss, cell, exact) in enumerate(rows):
        said = (
            k,
            f"{loss:.4g}" if loss == loss else "–",
            percent(cell),
            percent(exact),
        )  # of shipped runs no loss is kept
        cells.append(f"<tr>{''.join(f'<td>{text}</td>' for text in said)}</tr>")
    heads = "".join(f"<th scope=col>{name}</th>" for name in report_page.HEADS)
    caption = report_page.HELD_OUT.format(puzzles=last.puzzles, update=last.update)
    return f'<h2>{caption}</h2><div class="wide"><table><tr>{heads}</tr>{"".join(cells)}</table></div>'


def _again(config: RunConfig) -> str:
    command, python = html.escape(as_command(config)), html.escape(as_python(config))
    return f"<h2>{report_page.AGAIN}</h2><pre>{command}</pre><pre>{python}</pre>"
