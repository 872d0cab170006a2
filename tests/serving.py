"""The page served by a process of its own, with any options and environment, requests to it, and a proxy before it."""

import asyncio
import os
import re
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from contextlib import closing, contextmanager, suppress
from urllib.parse import urlencode


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextmanager
def served(
    *args: str,
    quiet: bool = True,
    start=("-m", "trm_explore", "app"),
    before=(),
    cwd=None,
    log=None,
    **environment: str,
):
    """(address, first lines that it prints) of `trm-explore app ARGS`; afterwards no traceback may stand in its log,
    if `quiet`. `log`: a list that its lines after the first are put into at the end. `start`: what Python is given
    instead; `before`: words before it, such as those of a program that changes the user."""
    port = free_port()
    command = [*before, sys.executable, *start, "--port", str(port), *args]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=os.environ | environment, cwd=cwd
    )
    try:
        said = []
        for line in process.stdout:
            said.append(line)
            if line.startswith("trm_explore is at "):
                break
        else:
            raise AssertionError("it did not start: " + "".join(said))
        lines = [line, process.stdout.readline()]
        yield f"http://127.0.0.1:{port}", lines
    finally:
        process.terminate()
        said = process.communicate(timeout=30)[0]
        if log is not None:
            log += said.splitlines()
    assert not (quiet and "Traceback" in said), said


def ask(url: str, data: dict | None = None, opener=None, **headers: str) -> tuple[int, str]:
    body = None if data is None else urlencode(data).encode()
    request = urllib.request.Request(url, body, headers)
    try:
        with (opener or urllib.request.build_opener()).open(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@contextmanager
def proxied(port: int, prefix: str):
    """The address of a reverse proxy that shows what is at `port` under a path, and nothing outside of it."""

    async def pass_on(reader, writer):
        open_ones.add(asyncio.current_task())  # a loop holds its tasks weakly
        with closing(writer):
            await passed(reader, writer)

    async def passed(reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        verb, path, rest = head.split(" ", 2)
        if not path.startswith(prefix + "/"):
            writer.write(b"HTTP/1.1 204 Nothing\r\nConnection: close\r\n\r\n")
            outside.append(path)
        else:
            inner = await asyncio.open_connection("127.0.0.1", port)
            rest = re.sub(r"(?i)\r\nconnection: [^\r]*", "", rest).replace("\r\n", "\r\nConnection: close\r\n", 1)
            inner[1].write(f"{verb} {path.removeprefix(prefix)} {rest}".encode("latin-1"))
            with closing(inner[1]):
                there = asyncio.create_task(pump(reader, inner[1]))
                try:
                    await pump(inner[0], writer)
                finally:
                    there.cancel()

    async def pump(reader, writer):
        with suppress(ConnectionError):
            while part := await reader.read(65536):
                writer.write(part)
                await writer.drain()

    async def serve():
        server = await asyncio.start_server(pass_on, "127.0.0.1", own, limit=2**20)
        ready.set()
        async with server:
            while not ended.is_set():
                await asyncio.sleep(0.05)
        for task in open_ones:
            task.cancel()
        await asyncio.gather(*open_ones, return_exceptions=True)

    open_ones: set[asyncio.Task] = set()
    own, ready, ended, outside = free_port(), threading.Event(), threading.Event(), []
    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(10)
    try:
        yield f"http://127.0.0.1:{own}{prefix}/"
    finally:
        ended.set()
        thread.join(20)
    assert set(outside) <= {"/favicon.ico"}  # which browsers ask for by themselves
