"""Whether a run is still there, at `alive/<run>`, for a page that has not heard of it for a while (bridge.js).

An address of its own and not one of Gradio's events, which answer nothing once their connection is lost.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from trm_explore.runs import Runs


def alive_route(runs: Runs) -> Route:
    """Whoever knows a run's id may ask; it is a secret."""

    async def alive(request: Request) -> Response:
        there = runs.get(request.path_params["run"]) is not None
        return JSONResponse({"alive": there}, headers={"Cache-Control": "no-store"})

    return Route("/alive/{run}", alive, methods=["GET"])
