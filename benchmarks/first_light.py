"""Prints the figures of first light: how fast the start task is learned, what the live page costs, how soon it answers.

    python benchmarks/first_light.py [learn] [point] [page] [start]      # all where none is named

Run it alone on the machine. Nothing here is a test; docs/benchmarks.md quotes what it printed, and where.
"""

from __future__ import annotations

import json
import os
import platform
import socket
import statistics
import subprocess
import sys
import threading
import time
import urllib.request
import uuid
from pathlib import Path

import torch

from trm_explore import preset, train
from trm_explore.app import launch
from trm_explore.app.settings import config_of, start_config, values_of
from trm_explore.training import events as ev

ROOT = Path(__file__).resolve().parent.parent
ON = {"enable_deep_supervision": True, "deep_supervision_schedule": "linear_decay"}


def learn(seeds: int = 5) -> None:
    """Seconds of training until 99 % of held-out puzzles are exactly right, for supervision on and off."""
    print(
        "\nsudoku4, 2 threads, seconds of training (updates) to 99 % exact, then exact % by step after the last update"
    )
    for name, flat in (("on, linear_decay", ON), ("off", {})):
        times = []
        for seed in range(seeds):
            config = preset("sudoku4", **flat, seed=seed, threads=2, eval_every=10, eval_puzzles=512, frame_every=0)
            seconds, reached, exact = 0.0, None, []
            for event in train(config):
                if isinstance(event, ev.UpdateDone):
                    seconds = event.seconds
                elif isinstance(event, ev.Evaluated):
                    exact = event.exact_accuracy
                    if reached is None and exact[-1] >= 0.99:
                        reached = (seconds, event.update)
            times.append(reached[0] if reached else float("inf"))
            when = f"{reached[0]:5.1f} s ({reached[1]})" if reached else "not reached"
            print(f"  supervision {name:<17} seed {seed}: {when}   {[round(100 * a, 1) for a in exact]}", flush=True)
        print(f"  supervision {name:<17} median {statistics.median(times):.1f} s")


class Viewer:
    """Speaks the page's protocol from a process of its own: joins the queue, reads the event stream."""

    # Prints the seconds from its request to the first message with a point (later messages are differences).
    SCRIPT = """
import json, sys, time, urllib.request
url, train, watch, session, data = *sys.argv[1:5], json.loads(sys.argv[5])
def event(fn, data):
    body = json.dumps({"fn_index": int(fn), "session_hash": session, "data": data}).encode()
    join = urllib.request.Request(url + "/gradio_api/queue/join", body, {"Content-Type": "application/json"})
    urllib.request.urlopen(join).read()
    with urllib.request.urlopen(url + "/gradio_api/queue/data?session_hash=" + session) as stream:
        for line in stream:
            yield line.replace(b" ", b"")
            if b'"msg":"process_completed"' in line.replace(b" ", b""):
                break
began, told = time.time(), False
*_, done = event(train, data)
ticket = json.loads(done[5:])["output"]["data"][1]
for line in event(watch, [ticket]):
    if not told and (b'"points":[[' in line or b'"points",0]' in line):
        told = True
        print(time.time() - began, flush=True)
"""

    def __init__(self, url: str, page, values: list):
        train, watch = (next(str(i) for i, f in page.fns.items() if f.name == name) for name in ("train", "watch"))
        arguments = [url, train, watch, uuid.uuid4().hex, json.dumps(["", *values])]
        self.process = subprocess.Popen(
            [sys.executable, "-c", self.SCRIPT, *arguments], stdout=subprocess.PIPE, text=True
        )

    def first_point(self) -> float:
        return float(self.process.stdout.readline())

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()


def serve():
    """The page in this process, on a free port."""
    port = free_port()
    page, runs = launch(port=port, block=False)
    return page, runs, f"http://127.0.0.1:{port}"


def free_port() -> int:
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return trial.getsockname()[1]


def newest(runs, before: set[str]):
    """The run that was started since."""
    while True:
        for run_id, run in list(runs._all.items()):
            if run_id not in before:
                return run
        time.sleep(0.005)


def point(tries: int = 5) -> None:
    """From the click's request to the first point of the curve, server side and transport included."""
    page, runs, url = serve()
    print("\nfrom Train to the first point on the curve, seconds (request to the message with it)")
    for task, size in (("sudoku4", "tiny"), ("sudoku4", "small"), ("sudoku9", "tiny")):
        config = preset(task, size, **ON)
        taken = []
        for _ in range(tries):
            before = set(runs._all)
            viewer = Viewer(url, page, values_of(config))
            taken.append(viewer.first_point())
            run = newest(runs, before)
            run.stop()
            viewer.close()
            run.join()
        print(f"  {task} {size}: median {statistics.median(taken):.2f}, worst {max(taken):.2f}", flush=True)
    runs.close()
    page.close()


def page(pairs: int = 6, seconds: float = 8.0) -> None:
    """Updates a second with and without a viewer, alternating; the server is up in both arms."""
    site, runs, url = serve()
    config = start_config().with_flat(updates=20_000)
    rates: dict[str, list[float]] = {"alone": [], "watched": []}
    print(f"\nupdates per second of one run, {pairs} alternating pairs of {seconds:.0f} s, server up in both")
    for _ in range(pairs):
        for arm in rates:
            before = set(runs._all)
            if arm == "watched":
                viewer = Viewer(url, site, values_of(config))
                run = newest(runs, before)
            else:
                run = runs.submit(config_of(values_of(config)))
            while not isinstance(run.latest, ev.UpdateDone):
                time.sleep(0.01)
            time.sleep(1)
            first, began = run.latest.update, time.perf_counter()
            end = began + seconds
            while time.perf_counter() < end:
                time.sleep(0.5)
                run.seen = time.monotonic()  # alone: nobody reads, so the lease is renewed here
            rates[arm].append((run.latest.update - first) / (time.perf_counter() - began))
            run.stop()
            run.join()
            if arm == "watched":
                viewer.close()
    runs.close()
    site.close()
    for arm, values in rates.items():
        print(f"  {arm:<8} median {statistics.median(values):.2f}  {[round(v, 2) for v in values]}")
    ratios = [b / a for a, b in zip(rates["alone"], rates["watched"], strict=True)]
    print(f"  watched / alone, pair by pair: median {statistics.median(ratios):.3f}  {[round(r, 3) for r in ratios]}")


def start(tries: int = 3) -> None:
    """`make app` on a set-up machine, until the page answers."""
    print("\nfrom `make app` (set up before) to the page's first answer, seconds")
    taken = []
    for _ in range(tries):
        port, began = free_port(), time.perf_counter()
        command = ["make", "-s", "app", f"ARGS=--port {port}"]
        server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, start_new_session=True)
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}", timeout=5) as answer:
                    answer.read()
                break
            except OSError:
                time.sleep(0.05)
        taken.append(time.perf_counter() - began)
        os.killpg(server.pid, 15)
        server.wait()
    print(f"  median {statistics.median(taken):.1f}, worst {max(taken):.1f}")


def main() -> None:
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, torch {torch.__version__}"
    )
    parts = {"learn": learn, "point": point, "page": page, "start": start}
    for name in sys.argv[1:] or parts:
        if name not in parts:
            raise SystemExit(f"there is no part {name!r}; allowed are {', '.join(parts)}")
        parts[name]()


if __name__ == "__main__":
    main()
    for thread in threading.enumerate():  # Gradio's server threads are daemons
        assert thread is threading.main_thread() or thread.daemon
