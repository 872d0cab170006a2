"""The page served by a process of its own, and visitors who mind what the browser says: fixtures to import.

from served import chromium, data, site, visit, wait_for  # noqa: F401
"""

import atexit
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest
from browser import launch

from trm_explore.app.guard import MARK

PATIENCE = 60  # seconds that a state may be long in coming where a machine is slow or busy; only failures take so long
LEASE = 6.0  # seconds that a run lives on when nobody watches it
# What Gradio's client itself says when a reload cuts its open stream; the page that it speaks of is gone by then.
CUT_BY_RELOAD = ("AbortError: signal is aborted", "Unexpected error Connection errored out")


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def start(port, said):
    """The page as people start it, with one slot and a short lease, once it answers -> (its address, its process). What
    it says goes into the file `said`."""
    command = [sys.executable, "-m", "trm_explore", "app", "--port", str(port), "--runs", "1", "--lease", str(LEASE)]
    with said.open("w") as out:
        server = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)
    url = f"http://127.0.0.1:{port}"
    while url not in said.read_text(encoding="utf-8"):
        assert server.poll() is None, said.read_text(encoding="utf-8")
        time.sleep(0.05)
    return url, server


@contextmanager
def serve(port):
    """A page of a test's own: its address and its process."""
    with tempfile.TemporaryDirectory(prefix="served-") as folder:
        url, server = start(port, Path(folder) / "said.txt")
        try:
            yield url, server
        finally:
            server.terminate()
            server.wait()
            said = (Path(folder) / "said.txt").read_text(encoding="utf-8")
    assert "Traceback" not in said, said


@cache
def started() -> tuple[str, Path]:
    """(address, file with all it says) of the page. One server for every file of a test process, which ends it: it
    takes seconds to start."""
    folder = tempfile.TemporaryDirectory(prefix="served-")
    said = Path(folder.name) / "said.txt"
    url, server = start(free_port(), said)

    def end():
        server.terminate()
        server.wait()
        folder.cleanup()

    atexit.register(end)
    return url, said


@pytest.fixture(scope="module")
def site():
    """The address of the page; afterwards fails on an error that it told in its terminal."""
    url, said = started()
    before = len(said.read_text(encoding="utf-8"))
    yield url
    news = said.read_text(encoding="utf-8")[before:]
    assert "Traceback" not in news and MARK not in news, news


@pytest.fixture(scope="module")
def chromium():
    with launch() as browser:
        yield browser


@pytest.fixture
def visit(site, chromium, request):
    """visit("?task=maze", width=390) opens the page, visit() with the smallest Sudoku, visit("?") as its address alone
    does; afterwards fails on what the console complained of, and on what
    was asked from elsewhere."""
    trouble, contexts = [], []

    def open_page(query="", width=1280, **settings):
        context = chromium.new_context(viewport={"width": width, "height": 900}, **settings)
        contexts.append(context)
        context.set_default_timeout(PATIENCE * 1000)
        page = context.new_page()
        page.on("console", lambda m: trouble.append(f"console: {m.text}") if m.type == "error" else None)
        page.on("pageerror", lambda e: trouble.append(f"page error: {e}"))
        local = (site, "blob:", "data:")
        page.on("request", lambda r: None if r.url.startswith(local) else trouble.append(f"left the machine: {r.url}"))
        go(page, f"{site}/{query or '?task=sudoku4'}")
        return page

    yield open_page
    for context in contexts:
        context.close()
    again = {"reload", "go"} & {*request.function.__code__.co_names}
    trouble = [line for line in trouble if not (again and any(cut in line for cut in CUT_BY_RELOAD))]
    assert not trouble, trouble


def go(page, url):
    """Opens an address and waits until its link has been read."""
    page.goto(url)
    settled(page)


def settled(page):
    """Until the link of the page has been read and the address written anew."""
    page.wait_for_selector("#share [data-link]", state="attached", timeout=PATIENCE * 1000)


def unfold(page, title):
    """Opens a folded part. Gradio sets its controls once more shortly after it has made them: no person is so quick
    that this would undo what they chose, but a test is."""
    page.get_by_role("button", name=title).click()
    page.wait_for_timeout(400)


def enter(page, box, value):
    """Puts a number into a box and leaves it, again until it stays there (see unfold)."""

    def stays():
        box.fill(str(value))
        box.press("Tab")
        page.wait_for_timeout(200)
        return box.input_value() == str(value)

    wait_for(page, stays)


def data(page, name, key):
    """el.dataset[key] of a module's element."""
    found = "([name, key]) => document.querySelector(`#${name}[data-ready], #${name} [data-ready]`)?.dataset[key]"
    return page.evaluate(found, [name, key])


def wait_for(page, ready, seconds=PATIENCE):
    """Until ready() is true."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if ready():
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"not within {seconds} s")
