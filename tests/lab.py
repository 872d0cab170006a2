"""A real JupyterLab for the tests: `with serve(folder) as url: ...`, and what a person does in a notebook.

Its settings, runtime files and kernels live in a folder of their own; it asks nobody for news or updates.
"""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

QUIET = {"notification": {"fetchNews": "false", "checkForUpdates": False}}


@contextmanager
def serve(folder: Path, theme: str = "JupyterLab Light"):
    """JupyterLab over the notebooks of `folder`; gives its address."""
    own = folder.parent / f"{folder.name}-jupyter"
    settings = own / "settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    for name, values in (QUIET | {"themes": {"theme": theme}}).items():
        (settings / f"{name}.jupyterlab-settings").write_text(json.dumps(values))
    places = {"JUPYTER_CONFIG_DIR": "config", "JUPYTER_DATA_DIR": "data", "JUPYTER_RUNTIME_DIR": "runtime"}
    places |= {
        "IPYTHONDIR": "ipython",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
    }
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={port}"]
    command += [f"--ServerApp.root_dir={folder}", "--ServerApp.port_retries=0", "--IdentityProvider.token="]
    environment = os.environ | {name: str(own / place) for name, place in places.items()}
    url = f"http://127.0.0.1:{port}"
    with (own / "log").open("w") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
    try:
        wait_for(lambda: _answers(url), 60, lambda: (own / "log").read_text()[-2000:])
        yield url
    finally:
        server.terminate()
        server.wait(30)


def write_notebook(path: Path, cells: list[str]) -> None:
    made = [
        {"cell_type": "code", "id": f"cell-{n}", "source": cell, "metadata": {}, "outputs": [], "execution_count": None}
        for n, cell in enumerate(cells)
    ]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    path.write_text(json.dumps({"cells": made, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}))


def open_notebook(page, url: str, name: str) -> None:
    """Opens it and waits until its kernel, which is new, can compute."""
    others = {kernel["id"] for kernel in kernels(url)}
    page.goto(f"{url}/lab/tree/{name}?reset")
    page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
    own = lambda: [kernel for kernel in kernels(url) if kernel["id"] not in others]  # noqa: E731
    wait_for(lambda: [k for k in own() if k["execution_state"] == "idle" and k["connections"]], 60)
    page.wait_for_selector(".jp-Notebook-ExecutionIndicator[data-status=idle]")


def run_cell(page, n: int):
    """Shift and Enter in cell `n`; gives the cell."""
    cell = page.locator(".jp-Notebook .jp-Cell").nth(n)
    cell.locator(".cm-content").click()
    page.keyboard.press("Shift+Enter")
    return cell


def kernels(url: str) -> list[dict]:
    """Those that the server knows; none while it says that it cannot tell, as at the moment in which one starts."""
    try:
        return json.load(urllib.request.urlopen(f"{url}/api/kernels"))
    except urllib.error.HTTPError as error:
        error.close()
        return []


def wait_for(ready, seconds: float, said=lambda: ""):
    until = time.monotonic() + seconds
    while not (found := ready()):
        assert time.monotonic() < until, f"not within {seconds} s {said()}"
        time.sleep(0.1)
    return found


def _answers(url: str) -> bool:
    try:
        return urllib.request.urlopen(f"{url}/api/status", timeout=5).status == 200
    except OSError:
        return False
