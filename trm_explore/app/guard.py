"""The page's boundary: whatever is sent to an event, its handler gives an answer or one short refusal.

A page's events are open to whoever has a session, so anything may arrive: no data, other types, lists without end. What
a handler or Gradio makes of that (an exception) becomes a short error for who asked and at most one line in the log,
of which only some a minute are written.
"""

from __future__ import annotations

import sys
import time
import traceback
from collections import deque
from typing import Any

import gradio as gr
from starlette.requests import Request
from starlette.responses import JSONResponse

from trm_explore.config.checks import shown
from trm_explore.words import refusals

MARK = "refused:"  # a line in the log begins so
LINES_A_MINUTE = 10


class Log:
    """Some lines a minute; how many were left out stands in the next one that is written."""

    def __init__(self) -> None:
        self._written: deque[float] = deque(maxlen=LINES_A_MINUTE)
        self._left_out = 0

    def refused(self, handler: str, error: BaseException) -> None:
        now = time.monotonic()
        if len(self._written) == LINES_A_MINUTE and now - self._written[0] < 60:
            self._left_out += 1
            return
        self._written.append(now)
        more = f" ({self._left_out} more before)" if self._left_out else ""
        self._left_out = 0
        where = traceback.extract_tb(error.__traceback__)
        at = f" ({where[-1].filename.rsplit('/', 1)[-1]}:{where[-1].lineno})" if where else ""
        sentence = f"{type(error).__name__}: {shown(str(error), 120)}{at}"
        print(f"{MARK} {handler}: {sentence}{more}", file=sys.stderr, flush=True)


LONGEST = 1_000  # characters of a sentence that is told


class Page(gr.Blocks):
    """Blocks whose events refuse what they cannot take."""

    def __init__(self, *arguments: Any, **settings: Any):
        super().__init__(*arguments, **settings)
        self.log = Log()

    async def process_api(self, block_fn: Any, *arguments: Any, event_data: Any = None, **settings: Any) -> Any:
        """As Gradio's own, which is called for every event, queued or not. Event data is an object, or empty."""
        if event_data is not None and not isinstance(event_data._data, dict):
            event_data._data = {}
        try:
            return await super().process_api(block_fn, *arguments, event_data=event_data, **settings)
        except gr.Error as error:  # a sentence already
            if error.print_exception:
                self.log.refused(str(getattr(block_fn, "name", block_fn)), error)
            # Gradio's own repeat what was sent, however long it is.
            sentence = error.message if len(error.message) <= LONGEST else refusals.REFUSED
            raise gr.Error(sentence, print_exception=False) from None
        except Exception as error:
            self.log.refused(str(getattr(block_fn, "name", block_fn)), error)
            raise gr.Error(refusals.REFUSED, print_exception=False) from None


async def not_a_request(request: Request, error: Exception) -> JSONResponse:
    """The answer to a body that is no request of a page. By itself FastAPI repeats all of it."""
    return JSONResponse({"detail": refusals.REFUSED}, 422)
