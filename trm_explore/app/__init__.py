"""The Gradio page. `launch()` serves it; `build(runs)` only makes it."""

from __future__ import annotations

import errno
import os
import socket
import threading

# Before gradio is imported: no request leaves the machine, and no Node server stands before ours.
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("GRADIO_SSR_MODE", "False")

import gradio as gr
import torch

from trm_explore.app.page import CSS, HEAD, build
from trm_explore.app.settings import start_config
from trm_explore.events import UpdateDone
from trm_explore.runs import Runs
from trm_explore.training import train

__all__ = ["build", "launch", "theme"]


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
    host: str = "127.0.0.1",
    port: int = 7860,
    slots: int | None = None,
    lease: float = 30.0,
    block: bool = True,
    folders: tuple[str, ...] = (),
) -> tuple[gr.Blocks, Runs]:
    """Serves the page until interrupted (or, with block=False, returns it and its runs; close both).

    `folders`: tasks of the owner's own that it offers. ValueError where the address cannot be had or a folder is no
    task.
    """
    _check_address(host, port)
    torch.set_num_threads(1)  # runs ask for one thread each; this process must not start more behind their backs
    runs = Runs(slots=slots, lease=lease)
    page = build(runs, folders)
    page.queue(default_concurrency_limit=None)
    try:
        page.launch(
            server_name=host,
            server_port=port,
            share=False,
            quiet=True,
            prevent_thread_lock=True,
            theme=theme(),
            css=CSS,
            head=HEAD,
            footer_links=[],
            max_file_size="20mb",
        )
        threading.Thread(target=_warm_up).start()  # no daemon: a thread of torch must end before the process
        if block:
            print(f"trm_explore is at http://{host}:{port} (Ctrl-C ends it)", flush=True)
            page.block_thread()
    finally:
        if block:
            runs.close()
    return page, runs


def _warm_up() -> None:
    """One update of the start run, thrown away: what torch imports at its first optimiser makes nobody wait then."""
    for event in train(start_config()):
        if isinstance(event, UpdateDone):
            break


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
