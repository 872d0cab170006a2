"""The owner's page, at /owner?key=...: what runs, for whom, what it costs, and a button that stops a run.

One page of HTML without script, that asks for itself again every few seconds; `&json=1` gives the same as JSON. Whoever
has no key sees nothing. The page has no run's id, with which one could watch it: only a name made from it.
"""

from __future__ import annotations

import hashlib
import hmac
import html
import os
import time
from typing import Any
from urllib.parse import parse_qs, urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from trm_explore.model.cost import memory_size
from trm_explore.runs.registry import Runs
from trm_explore.runs.run import QUEUED, Run
from trm_explore.words import page_controls, refusals, run_notes

SHOWN = 20  # ended runs, the newest
HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",  # the key stands in the address
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
    "frame-ancestors 'none'",
}
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="5">
<meta name="viewport" content="width=device-width"><title>{title}</title><style>
:root {{ color-scheme: light dark; }}
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 24px auto; max-width: 1100px; padding: 0 12px; }}
div {{ overflow-x: auto; }} table {{ border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }}
th, td {{ text-align: left; padding: 4px 10px 4px 0; border-bottom: 1px solid #8886; white-space: nowrap; }}
form {{ margin: 0; }}
</style></head><body><h1>{title}</h1><p>{summary}</p><div><table><thead><tr>{head}</tr></thead><tbody>
{rows}
</tbody></table></div></body></html>
"""


def owner_route(runs: Runs, key: str) -> Route:
    """The page over these runs, for who has the key."""
    began = time.monotonic()

    async def owner(request: Request) -> Response:
        given = request.query_params.get("key", "")
        if not hmac.compare_digest(given.encode(), key.encode()):
            return PlainTextResponse(refusals.OWNER_KEY, 403, HEADERS)
        if request.method == "POST":
            asked = parse_qs((await request.body())[:1000].decode("latin-1")).get("run", [""])[0]
            for run in runs.listed():
                if handle(run.id) == asked:
                    run.stop(run_notes.ENDED_BY["owner"])
            return RedirectResponse("?" + urlencode({"key": key}), 303, HEADERS)
        facts = overview(runs) | {"up_seconds": round(time.monotonic() - began)}
        if "json" in request.query_params:
            return JSONResponse(facts, headers=HEADERS)
        return HTMLResponse(page(facts), headers=HEADERS)

    return Route("/owner", owner, methods=["GET", "POST"])


def handle(secret: str) -> str:
    """A short name for a secret, that does not give it away."""
    return hashlib.sha256(secret.encode()).hexdigest()[:10]


def overview(runs: Runs) -> dict[str, Any]:
    """What there is to know, JSON-ready. Memory in bytes, of the whole process."""
    listed = runs.listed()
    active = [run for run in listed if not run.ended]
    ended = [run for run in listed if run.ended][::-1]
    return {
        "slots": runs.slots,
        "computing": sum(run.state in ("preparing", "running") for run in active),
        "waiting": sum(run.state == QUEUED for run in active),
        "paused": sum(run.state == "paused" for run in active),
        "ended": len(ended),
        "visitors": len({run.visitor for run in active}),
        "viewers": runs.viewers,
        "memory": memory(),
        "cpu_seconds": round(time.process_time(), 1),
        "runs": [_row(run) for run in (*active, *ended[:SHOWN])],
    }


def page(facts: dict[str, Any]) -> str:
    """The same as HTML. Nothing that a visitor can name stands in it unescaped."""
    rows = []
    for run in facts["runs"]:
        cells = "".join(f"<td>{html.escape(str(run[name]))}</td>" for name in page_controls.OWNER_HEADS)
        stop = (
            f'<form method="post"><button name="run" value="{run["run"]}" '
            f'aria-label="{page_controls.STOP} {run["run"]}">{page_controls.STOP}</button></form>'
        )
        rows.append(f"<tr>{cells}<td>{'' if run['ended'] else stop}</td></tr>")
    return PAGE.format(
        title=page_controls.OWNER_TITLE,
        summary=page_controls.OWNER_SUMMARY.format(**facts | {"memory": memory_size(facts["memory"])}),
        head="".join(f"<th>{head}</th>" for head in (*page_controls.OWNER_HEADS.values(), "")),
        rows="\n".join(rows),
    )


def memory() -> int:
    """Bytes of the machine's memory that this process has now; 0 where the system does not say it in a file."""
    if not os.path.exists("/proc/self/statm"):
        return 0
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _row(run: Run) -> dict[str, Any]:
    latest = run.latest
    place = run.position
    return {
        "run": handle(run.id),
        "visitor": handle(run.visitor)[:6] if run.visitor else "",
        "task": str(run.config.task),
        "size": run.config.preset,
        "state": f"{run.state}, {place}" if place else run.state,
        "update": f"{getattr(latest, 'update', 0) if latest else 0} / {run.config.train.updates}",
        "computed": f"{run.computed:.1f}",
        "age": f"{time.monotonic() - run.made:.0f}",
        "ended": run.ended,
    }
