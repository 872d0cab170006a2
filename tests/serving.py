"""The page served by a process of its own, with any options and environment, and requests to it."""

import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import contextmanager
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
