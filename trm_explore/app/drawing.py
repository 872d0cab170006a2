"""The drawing modules at addresses of their own, so that a browser fetches each once and not with every opened page.

`drawing/<hash of all>/<module>.js`, relative to the page's address, so that it works behind a proxy too. What
stands at an address never changes, so browsers may keep it. It is the same for everybody and no secret: who is asked
for a password gets it before.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from functools import cache
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from trm_explore.web import page_scripts

FOR_GOOD = {
    "Cache-Control": "public, max-age=31536000, immutable",
    "Vary": "Accept-Encoding",
    "X-Content-Type-Options": "nosniff",
}


class Drawn(NamedTuple):
    """A module as it is sent."""

    address: str  # relative to the page's
    plain: bytes
    packed: bytes  # the same, gzip


@cache
def _scripts() -> dict[str, str]:
    return page_scripts()


@cache
def drawn(name: str) -> Drawn:
    """A module, or a part that modules share. All are of one folder, whose name says what is in them."""
    mark = hashlib.sha256(json.dumps(_scripts()).encode()).hexdigest()[:16]
    plain = _scripts()[name].encode()
    return Drawn(f"drawing/{mark}/{name}.js", plain, gzip.compress(plain, mtime=0))


def modules() -> set[str]:
    """The names that have an address."""
    return {*_scripts()}


def drawing_route() -> Route:
    """Where the modules are."""
    names = modules()

    async def drawing(request: Request) -> Response:
        mark, module = request.path_params["mark"], request.path_params["module"]
        found = drawn(module) if module in names else None
        if found is None or found.address != f"drawing/{mark}/{module}.js":
            return PlainTextResponse("not found", 404)
        packs = "gzip" in request.headers.get("Accept-Encoding", "")
        encoding = {"Content-Encoding": "gzip"} if packs else {}
        body = found.packed if packs else found.plain
        return Response(body, media_type="text/javascript", headers=FOR_GOOD | encoding)

    return Route("/drawing/{mark}/{module}.js", drawing, methods=["GET"])
