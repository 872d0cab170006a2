"""What stands before every request: pages of other sites may neither read nor change this one; uploads have a bound.

A browser says in Origin whose page asks. Gradio by itself lets every site read ours, with the visitor's cookies, once
it is served under another name than localhost.
"""

from __future__ import annotations

import time
from pathlib import Path
from urllib.parse import urlsplit

from gradio.route_utils import CustomCORSMiddleware
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from trm_explore.words import refusals

SAFE = ("GET", "HEAD", "OPTIONS")
AGE = 3600.0  # seconds after which an upload may go
YOUNG = 60.0  # seconds in which an upload stays even where there is no room: somebody is using it


def is_own_origin(headers: Headers) -> bool:
    """Whether a request's Origin is the page's own. Host and, from a proxy, X-Forwarded-Host say where the page is;
    ports are compared where both sides name one, because some proxies pass Host without."""
    if headers.get("sec-fetch-site") == "same-origin":
        return True
    origin = _place(headers.get("origin", ""))
    hosts = [headers.get("host", ""), *headers.get("x-forwarded-host", "").split(",")]
    return origin[0] != "" and any(_same(origin, _place(f"//{host.strip()}")) for host in hosts if host.strip())


def _same(a: tuple[str, int | None], b: tuple[str, int | None]) -> bool:
    return a[0] == b[0] and (a[1] == b[1] or None in (a[1], b[1]))


def _place(address: str) -> tuple[str, int | None]:
    """(host, port or None); ("", None) for what is no address."""
    try:
        parts = urlsplit(address)
        return (parts.hostname or "").lower(), parts.port
    except ValueError:
        return "", None


# Gradio adds its own middleware outside of any that it is given, so the decision inside it is replaced.
CustomCORSMiddleware.is_valid_origin = lambda self, request_headers: is_own_origin(request_headers)


class Door:
    """ASGI middleware: refuses what another site's page sends, and uploads for which there is no room."""

    def __init__(self, app: ASGIApp, uploads: Path, room: int):
        self.app, self.uploads, self.room = app, uploads, room

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] not in SAFE:
            headers = Headers(scope=scope)
            if "origin" in headers and not is_own_origin(headers):
                return await PlainTextResponse(refusals.OTHER_SITE, 403)(scope, receive, send)
            if scope["path"].endswith("/upload") and not make_room(self.uploads, self.room):
                return await PlainTextResponse(refusals.NO_ROOM_FOR_FILES, 507)(scope, receive, send)
        await self.app(scope, receive, send)


def make_room(folder: Path, most: int) -> bool:
    """Whether the uploads in `folder` hold fewer than `most` bytes, once the old ones have gone: those older than AGE,
    then the oldest while there are too many bytes."""
    found = []
    for path in folder.rglob("*"):
        try:
            if path.is_file() and not path.is_symlink():
                about = path.stat()
                found.append((about.st_mtime, about.st_size, path))
        except OSError:  # another request has removed it
            continue
    now, held = time.time(), sum(size for _, size, _ in found)
    for changed, size, path in sorted(found, key=lambda one: one[0]):
        if now - changed < AGE and (held < most or now - changed < YOUNG):
            break
        path.unlink(missing_ok=True)
        held -= size
    return held < most
