"""A viewer without a browser: one tab that watches a run with the page's own protocol, for benchmarks/page.py."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any, Protocol

HOST = "127.0.0.1"


class At(Protocol):
    """Where the page is: its port, the path of its queue, the number of its event `watch`."""

    port: int
    prefix: str
    watch: int


class Viewer:
    """One tab that watches a run: arrivals of its updates."""

    def __init__(self, at: At, run: str, name: str):
        self.at, self.run, self.name = at, run, name
        self.arrived: dict[int, float] = {}  # update -> when
        self.ended, self.messages = False, 0

    async def watch(self) -> None:
        """Until the run has ended; to be cancelled before."""
        reader, writer = await asyncio.open_connection(HOST, self.at.port, limit=2**24)
        try:
            body = json.dumps(
                {"data": [self.run], "fn_index": self.at.watch, "session_hash": self.name, "event_data": None}
            ).encode()
            joined = await asyncio.open_connection(HOST, self.at.port)
            head = f"POST {self.at.prefix}/queue/join HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\n"
            joined[1].write(f"{head}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)
            answer = await joined[0].read()
            joined[1].close()
            if b" 200 " not in answer.split(b"\r\n")[0]:
                raise RuntimeError(answer.decode(errors="replace"))
            path = f"{self.at.prefix}/queue/data?session_hash={self.name}"
            writer.write(f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\nAccept: text/event-stream\r\n\r\n".encode())
            await self._read(reader)
        finally:
            writer.close()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        value: Any = None
        while line := await reader.readline():
            if not line.startswith(b"data: "):  # a header, a chunk's length, an empty line
                continue
            now, said = time.monotonic(), json.loads(line[6:])
            if said["msg"] == "process_generating":
                (sent,) = said["output"]["data"]
                value = sent if value is None else patched(value, sent)
                self.messages += 1
                message = json.loads(value) if isinstance(value, str) else value
                for point in message["points"]:
                    self.arrived.setdefault(point[0], now)
            elif said["msg"] == "process_completed":
                if not said["success"]:
                    raise RuntimeError(str(said["output"]))
                self.ended = True
                return


def patched(value: Any, edits: list[Any]) -> Any:
    """A value after the edits that the stream sends instead of it: [kind, path, new]."""
    value = json.loads(json.dumps(value))
    for kind, path, new in edits:
        if not path:
            value = new if kind == "replace" else value + new
            continue
        place = value
        for key in path[:-1]:
            place = place[key]
        if kind == "delete":
            del place[path[-1]]
        elif kind == "add" and isinstance(place, list):
            place.insert(path[-1], new)
        else:
            place[path[-1]] = place[path[-1]] + new if kind == "append" else new
    return value
