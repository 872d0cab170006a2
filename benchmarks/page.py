"""Measures the page under 1, 4, 12 and 30 viewers of two running runs, and prints what docs/benchmarks.md quotes.

    python benchmarks/page.py [--viewers 1 4 12 30] [--seconds 20] [--runs 200] [--quick]

A second process serves the page and trains; viewers are simulated here, on loopback, with the page's own protocol
(one stream each, one event `watch`). An update counts as delivered if it arrived within a second. Latency: from the
end of an update to its arrival at the viewer. Serving: processor time of all threads but those that train. Growth:
memory after a number of further runs, each watched to its end by one of thirty visitors. Run it alone on the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from page_viewer import HOST, Viewer

TASKS, IN_TIME = ("sudoku4", "maze"), 1.0
KEEP = 10  # ended runs that the server remembers
VISITORS = 30  # of the runs over which memory is looked at, and so many runs before it: Gradio remembers every tab


# ---- the process that serves


def serve(port: int) -> None:
    """Obeys one JSON line after another on the standard input, and answers with one."""
    from trm_explore.app import launch
    from trm_explore.app.owner import memory
    from trm_explore.app.settings import page_config
    from trm_explore.runs.limits import Limits
    from trm_explore.runs.run import Run
    from trm_explore.training import events as ev

    stamps: dict[str, list[float]] = {}
    append = Run._append

    def stamped(run: Run, event: ev.Event) -> None:
        append(run, event)
        if isinstance(event, ev.UpdateDone):
            stamps.setdefault(run.id, []).append(time.monotonic())

    Run._append = stamped
    page, runs = launch(HOST, port, Limits(slots=len(TASKS), keep=KEEP, lease=60.0), block=False)

    def answer(said: dict[str, Any]) -> Any:
        if said["do"] == "start":
            for name in said["tasks"]:
                runs.submit(page_config(name, updates=said["updates"], enable_deep_supervision=True))
            return [run.id for run in runs.listed()[-len(said["tasks"]) :]]
        if said["do"] == "stamps":
            return stamps
        for run in runs.listed():
            run.stop() if said["do"] == "stop" else run.read(len(run.events))
        training = {run.worker.thread.native_id for run in runs.listed()}
        return {
            "updates": sum(len(stamps.get(run.id, [])) for run in runs.listed()),
            "memory": memory(),
            "serving": cpu_seconds(training),
            "threads": threading.active_count(),
            "now": time.monotonic(),
        }

    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)
    page.close()
    runs.close()


def cpu_seconds(training: set[int | None]) -> float:
    """Of all threads of this process but the ones that train; NaN where the system does not say."""
    total = 0.0
    try:
        for thread in os.listdir("/proc/self/task"):
            if int(thread) not in training:
                with suppress(FileNotFoundError):  # it ended just now
                    fields = Path(f"/proc/self/task/{thread}/stat").read_text().rsplit(") ", 1)[1].split()
                    total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    except FileNotFoundError:
        return float("nan")
    return total


class Server:
    """The other process."""

    def __init__(self):
        with socket.socket() as free:
            free.bind((HOST, 0))
            self.port = free.getsockname()[1]
        command = [sys.executable, str(Path(__file__).resolve()), "--serve", str(self.port)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.ask("look")  # answered as soon as it serves
        with urllib.request.urlopen(f"http://{HOST}:{self.port}/config", timeout=30) as answer:
            config = json.load(answer)
        self.watch = next(d["id"] for d in config["dependencies"] if d["api_name"] == "watch")
        self.prefix = config.get("api_prefix", "")

    def ask(self, do: str, **more: Any) -> Any:
        print(json.dumps({"do": do, **more}), file=self.process.stdin, flush=True)
        return json.loads(self.process.stdout.readline())


@contextmanager
def server() -> Iterator[Server]:
    one = Server()
    try:
        yield one
    finally:
        one.process.stdin.close()
        try:
            one.process.wait(20)
        except subprocess.TimeoutExpired:
            one.process.kill()


# ---- what is measured


async def measured(at: Server, runs: list[str], viewers: int, seconds: float, settle: float) -> dict[str, Any]:
    """So many viewers for so many seconds, spread over the runs, `settle` seconds after they have come."""
    watching = [Viewer(at, runs[i % len(runs)], f"v{viewers}x{i}") for i in range(viewers)]
    tasks = [asyncio.create_task(viewer.watch()) for viewer in watching]
    try:
        await asyncio.sleep(settle)  # all have caught up
        before = await asyncio.to_thread(at.ask, "look")
        begun = time.monotonic()
        while (left := begun + seconds - time.monotonic()) > 0:
            await asyncio.sleep(min(left, 10))
            after = await asyncio.to_thread(at.ask, "look")  # renews the leases, too
        await asyncio.sleep(IN_TIME)
        for task in tasks:
            if task.done():
                task.result()  # raises what went wrong
        if any(viewer.ended for viewer in watching):
            raise RuntimeError("a run ended before the measurement did; give it more updates")
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    stamps = await asyncio.to_thread(at.ask, "stamps")
    expected, latencies = 0, []
    for viewer in watching:
        for update, done in enumerate(stamps[viewer.run], 1):
            if before["now"] <= done <= after["now"]:
                expected += 1
                late = viewer.arrived.get(update, float("inf")) - done
                if late <= IN_TIME:
                    latencies.append(late)
    took = after["now"] - before["now"]
    return {
        "viewers": viewers,
        "speed": (after["updates"] - before["updates"]) / took,
        "serving": (after["serving"] - before["serving"]) / took,
        "memory": after["memory"],
        "expected": expected,
        "delivered": len(latencies),
        "latencies": np.array(latencies),
        "messages": sum(viewer.messages for viewer in watching),
    }


async def growth(at: Server, runs: int, updates: int, visitors: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """(before, after): what the server says after a run of every visitor, and after `runs` more."""
    before = at.ask("look")
    for number in range(visitors + runs):
        if number == visitors:
            before = at.ask("look")
        (run,) = at.ask("start", tasks=TASKS[:1], updates=updates)
        viewer = Viewer(at, run, f"g{number % visitors}")
        await asyncio.wait_for(viewer.watch(), 60)
        if sorted(viewer.arrived) != list(range(1, updates + 1)):
            raise RuntimeError(f"a viewer got the updates {sorted(viewer.arrived)} of {updates}")
    await asyncio.sleep(1.0)
    return before, at.ask("look")


def first_paint(port: int, times: int) -> list[float]:
    """Seconds from asking for the page until its ribbon is drawn, each time with an empty cache; none without a
    browser."""
    try:
        sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
        from browser import launch
    except ImportError:
        return []
    took = []
    with launch() as browser:
        for _ in range(times):
            context = browser.new_context(viewport={"width": 1280, "height": 900})
            page = context.new_page()
            began = time.perf_counter()
            page.goto(f"http://{HOST}:{port}")
            page.wait_for_selector("#ribbon [data-ready='1'], #ribbon[data-ready='1']", timeout=60_000)
            took.append(time.perf_counter() - began)
            context.close()
    return took


# ---- what is printed


def row(one: dict[str, Any], alone: float) -> str:
    late = 1000 * one["latencies"]
    p50, p95 = np.percentile(late, [50, 95]) if len(late) else (float("nan"), float("nan"))
    share = one["delivered"] / one["expected"] if one["expected"] else float("nan")
    each = 1000 * one["serving"] / one["viewers"]
    slower = 1 - one["speed"] / alone if alone else float("nan")
    return (
        f"| {one['viewers']} | {one['expected']} | {share:.1%} | {p50:.0f} | {p95:.0f} | {each:.0f} "
        f"| {one['speed']:.1f} | {slower:+.1%} | {one['memory'] / 1e6:.0f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--viewers", type=int, nargs="+", default=[1, 4, 12, 30])
    parser.add_argument("--seconds", type=float, default=20.0, help="of each measurement")
    parser.add_argument("--runs", type=int, default=200, help="over which memory is looked at")
    parser.add_argument("--quick", action="store_true", help="only to see that it runs")
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        serve(args.serve)
        return
    if args.quick:
        args.viewers, args.seconds, args.runs = [2], 3.0, 3
    settle = 0.5 if args.quick else 3.0
    print(f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    with server() as at:
        paints = [] if args.quick else first_paint(at.port, 3)
        if paints:
            print("first paint: " + ", ".join(f"{seconds:.2f} s" for seconds in paints))
        runs = at.ask("start", tasks=TASKS, updates=1_000_000)
        time.sleep(5.0 if not args.quick else 2.0)
        head = "viewers | updates to deliver | delivered | p50 ms | p95 ms | serving, ms of CPU a second and viewer"
        print(f"| {head} | updates/s in training | slower by | memory, MB |\n|{'---|' * 9}")
        for viewers in args.viewers:  # alone before and after, because the machine may change
            before, one, after = (asyncio.run(measured(at, runs, n, args.seconds, settle)) for n in (0, viewers, 0))
            print(row(one, (before["speed"] + after["speed"]) / 2), flush=True)
        at.ask("stop")
        before, after = asyncio.run(growth(at, args.runs, 2 if args.quick else 20, 2 if args.quick else VISITORS))
    print(
        f"memory over {args.runs} runs: {before['memory'] / 1e6:.1f} MB before, {after['memory'] / 1e6:.1f} MB after; "
        f"threads {before['threads']} before, {after['threads']} after"
    )


if __name__ == "__main__":
    main()
