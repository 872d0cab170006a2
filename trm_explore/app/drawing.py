"""The drawing modules at addresses of their own, so that a browser fetches each once and not with every opened page.

`drawing/<hash of its text>/<module>.js`, relative to the page's address, so that it works behind a proxy too. What
stands at an address never changes, so browsers may keep it. It is the same for everybody and no secret: who is asked
for a password gets it before.
"""

from __future__ import annotations

import gzip
import hashlib
from functools import cache
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from trm_explore.web import names, script

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
def drawn(module: str) -> Drawn:
    """A module of static/, whole (resources.script)."""
    plain = script(module).encode()
    mark = hashlib.sha256(plain).hexdigest()[:16]
    return Drawn(f"drawing/{mark}/{module}.js", plain, gzip.compress(plain, mtime=0))


def modules() -> set[str]:
    """The names that have an address."""
    return names()


def drawing_route() -> Route:
    """Where the modules are."""
    names = modules()  # only these are ever joined to the folder

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
