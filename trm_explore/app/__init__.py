"""The Gradio page. `launch()` serves it; `build(runs)` only makes it.

page.py lays it out and wires events; controls.py and settings.py are the settings, handlers.py the buttons, feed.py a
run's messages; comparing.py and inside.py the tabs; links.py what an address says; keep.py and bring.py files that
leave and come; owner.py the owner's page. bridge.js hosts the modules of web/. Nothing is computed or decided here.
"""

from __future__ import annotations

import errno
import gc
import os
import secrets
import socket
import threading
from hmac import compare_digest
from pathlib import Path
from urllib.parse import quote

from trm_explore.app import environment

environment.prepare()  # before gradio is imported

# ruff: noqa: E402
import gradio as gr
import torch
from fastapi.exceptions import RequestValidationError
from starlette.middleware import Middleware

from trm_explore.app import bridge
from trm_explore.app.alive import alive_route
from trm_explore.app.door import Door
from trm_explore.app.drawing import drawing_route
from trm_explore.app.guard import not_a_request
from trm_explore.app.keep import keep_route
from trm_explore.app.model_files import model_route
from trm_explore.app.owner import owner_route
from trm_explore.app.page import CSS, HEAD, build
from trm_explore.app.settings import start_config
from trm_explore.runs.limits import LIMITS, Limits
from trm_explore.runs.registry import Runs
from trm_explore.training import train
from trm_explore.training.events import UpdateDone
from trm_explore.words import page_controls, run_notes

__all__ = ["build", "launch", "theme"]
SHORTEST_KEY = 8  # characters
SESSIONS = 3  # tabs for every viewer of which Gradio remembers the page's state, some 300 kB each; the oldest go first


def theme() -> gr.themes.Base:
    """Calm: neutral greys, one teal, the machine's own fonts: nothing is fetched."""
    return gr.themes.Default(
        primary_hue="teal",
        secondary_hue="teal",
        neutral_hue="stone",
        radius_size="md",
        font=["system-ui", "sans-serif"],
    )


def launch(
    host: str | None = None,
    port: int = 7860,
    limits: Limits | None = None,
    block: bool = True,
    folders: tuple[str, ...] = (),
    password: str | None = None,
    owner_key: str = "",
    root_path: str = "",
    opened: str = "",
) -> tuple[gr.Blocks, Runs]:
    """Serves the page until interrupted (or, with block=False, returns it and its runs; close both).

    `host`: None is this machine only. `folders`: tasks of the owner's own that it offers. `opened`: a file
    with a run or a checkpoint, shown first. `password`: asked of everybody; None: that of the environment variable
    TRM_EXPLORE_PASSWORD, if there is one. `owner_key`: for /owner; made up where it
    is empty. `root_path`: under which a proxy shows the page. On a Hugging Face Space host and limits are the Space's.
    ValueError where the address cannot be had, a folder is no task, or the file no run.
    """
    space = on_a_space()
    host = ("0.0.0.0" if space else "127.0.0.1") if host is None else host
    _check_address(host, port)
    password = os.environ.get("TRM_EXPLORE_PASSWORD", "") if password is None else password
    _check_secrets(password, owner_key, root_path)
    torch.set_num_threads(1)  # runs ask for one thread each; this process must not start more behind their backs
    runs = Runs(limits or LIMITS["space" if space else "none"])
    owner_key = owner_key or secrets.token_urlsafe(16)
    address = reachable(host, port, root_path)
    page = build(runs, folders, opened, address)
    page.space_id = None  # else every visitor's browser fetches web fonts, and asks huggingface.co about the Space
    page.queue(default_concurrency_limit=None)
    uploads = Path(os.environ["GRADIO_TEMP_DIR"])
    try:
        page.launch(
            server_name=host,
            server_port=port,
            share=False,
            ssr_mode=False,
            mcp_server=False,
            run_history=False,
            quiet=True,
            prevent_thread_lock=True,
            theme=theme(),
            css=CSS,
            head=HEAD + bridge.HEAD,
            footer_links=[],
            state_session_capacity=SESSIONS * runs.limits.viewers,
            max_file_size=f"{runs.limits.upload_megabytes}mb",
            auth=(lambda name, given: compare_digest(given.encode(), password.encode())) if password else None,
            auth_message=page_controls.PASSWORD if password else None,
            root_path=root_path,
            app_kwargs={
                "routes": [
                    owner_route(runs, owner_key),
                    keep_route(runs),
                    alive_route(runs),
                    drawing_route(),
                    model_route(),
                ],
                "exception_handlers": {RequestValidationError: not_a_request},
                "middleware": [Middleware(Door, uploads=uploads, room=runs.limits.uploads_megabytes * 1_000_000)],
            },
        )
        threading.Thread(target=_warm_up).start()  # no daemon: a thread of torch must end before the process
        if block:
            base = f"http://{f'[{host}]' if ':' in host else host}:{port}"
            print(f"trm_explore is at {base} (Ctrl-C ends it)", flush=True)
            if address and not is_private(host):
                print(f"for others in the network: {address}", flush=True)
            print(f"what runs, for its owner only: {base}/owner?key={quote(owner_key, safe='')}", flush=True)
            if not password and not space and not is_private(host):
                print("everybody in the network may open it; --password asks for one", flush=True)
            page.block_thread()
    finally:
        if block:
            runs.close(why=run_notes.ENDED_BY["server"])
    return page, runs


def on_a_space() -> bool:
    """Whether this is a Hugging Face Space, which says so in its environment."""
    return bool(os.environ.get("SPACE_ID"))


def is_private(host: str) -> bool:
    """Whether only this machine reaches that address."""
    return host in ("localhost", "::1") or host.startswith("127.")


def reachable(host: str, port: int, root_path: str = "") -> str:
    """The address under which others reach the page, as far as the server can know: "" on a Space and behind a proxy
    that names a path only (the browser knows it there), and where only this computer is listened to."""
    if root_path.startswith(("http://", "https://")):
        return root_path.rstrip("/")
    if root_path or on_a_space() or is_private(host):
        return ""
    if host in ("0.0.0.0", "::"):
        host = own_address()
    return f"http://{f'[{host}]' if ':' in host else host}:{port}" if host else ""


def own_address() -> str:
    """This computer's address in the network that it is in; "" where it is in none. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as trial:
        try:
            trial.connect(("10.255.255.255", 9))  # chooses the way a packet would go, and so the address it would have
            found = trial.getsockname()[0]
        except OSError:
            return ""
    return "" if found.startswith(("127.", "0.")) else found


def _warm_up() -> None:
    """One update of the start run, thrown away: what torch imports at its first optimiser makes nobody wait then. After
    it Python's collector, for which everybody waits, need no longer look at the half a million things that stay."""
    for event in train(start_config()):
        if isinstance(event, UpdateDone):
            break
    gc.collect()
    gc.freeze()


def _check_secrets(password: str, owner_key: str, root_path: str) -> None:
    if owner_key and len(owner_key) < SHORTEST_KEY:
        raise ValueError(
            f"owner_key has {len(owner_key)} characters; give at least {SHORTEST_KEY}, or none and one is made up"
        )
    if owner_key and owner_key == password:
        raise ValueError("owner_key is the same as password, which everybody knows; give another")
    if root_path and not root_path.startswith(("/", "http://", "https://")):
        raise ValueError(f"root_path={root_path} is not a path; give one that starts with /, such as /trm")


def _check_address(host: str, port: int) -> None:
    if not host.strip():
        raise ValueError("host is empty; give 127.0.0.1 for this machine only, or 0.0.0.0 for every network it is in")
    if not 0 < port < 65536:
        raise ValueError(f"port={port} is not a port; give a number from 1 to 65535")
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                advice = (
                    f"a page started before may have it: stop that, or choose another with --port {port % 65535 + 1}"
                )
            else:
                advice = "give an address of this machine, such as 127.0.0.1, and a port above 1023"
            raise ValueError(f"cannot listen on {host} port {port} ({error.strerror}); {advice}") from error
