"""The shipped models at addresses of their own, as the stage fetches them (web/model_file.py).

`model/<task>-<kind>.json`, relative to the page's address. Made when first asked for, the same for everybody; a browser
that has one asks only whether it is still the same.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from trm_explore.shipped.pairs import pair_names
from trm_explore.web.site import PLAYED, model_of_pair


class Packed(NamedTuple):
    """A model file as it is sent."""

    plain: bytes
    gzip: bytes
    mark: str  # its ETag


def models_of(tasks: Sequence[str]) -> dict[str, dict[str, str]]:
    """By task, and by kind of run, where its file is; tasks without a shipped model are left out."""
    return {task: {kind: f"model/{task}-{kind}.json" for kind in PLAYED} for task in tasks if task in pair_names()}


@cache
def packed(task: str, kind: str) -> Packed:
    """The file of a shipped model; its first puzzle is the one that the page shows of the task."""
    plain = json.dumps(model_of_pair(task, kind), separators=(",", ":")).encode()
    return Packed(plain, gzip.compress(plain, 6, mtime=0), f'"{hashlib.sha256(plain).hexdigest()[:16]}"')


def model_route() -> Route:
    """Where the model files are."""
    known = {f"{task}-{kind}": (task, kind) for task in pair_names() for kind in PLAYED}

    async def model(request: Request) -> Response:
        name = known.get(request.path_params["name"])
        if name is None:
            return PlainTextResponse("not found", 404)
        found = await run_in_threadpool(packed, *name)
        headers = {"Cache-Control": "no-cache", "ETag": found.mark, "Vary": "Accept-Encoding"}
        if request.headers.get("If-None-Match", "").removeprefix("W/") == found.mark:
            return Response(status_code=304, headers=headers)
        packs = "gzip" in request.headers.get("Accept-Encoding", "")
        body, encoding = (found.gzip, {"Content-Encoding": "gzip"}) if packs else (found.plain, {})
        return Response(body, media_type="application/json", headers=headers | encoding)

    return Route("/model/{name}.json", model, methods=["GET"])
