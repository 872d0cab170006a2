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

HOST, TASKS, IN_TIME = "127.0.0.1", ("sudoku4", "maze"), 1.0
VISITORS = 30  # of the runs over which memory is looked at, and so many runs before it: Gradio remembers every tab


# ---- the process that serves


def serve(port: int, keep: int) -> None:
    """Obeys one JSON line after another on the standard input, and answers with one."""
    from trm_explore import events as ev
    from trm_explore.app import launch
    from trm_explore.app.owner import memory
    from trm_explore.app.settings import page_config
    from trm_explore.runs import Limits, Run

    stamps: dict[str, list[float]] = {}
    append = Run._append

    def stamped(run: Run, event: ev.Event) -> None:
        append(run, event)
        if isinstance(event, ev.UpdateDone):
            stamps.setdefault(run.id, []).append(time.monotonic())

    Run._append = stamped
    page, runs = launch(HOST, port, Limits(slots=len(TASKS), keep=keep, lease=60.0), block=False)

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

    def __init__(self, keep: int):
        with socket.socket() as free:
            free.bind((HOST, 0))
            self.port = free.getsockname()[1]
        command = [sys.executable, str(Path(__file__).resolve()), "--serve", str(self.port), "--keep", str(keep)]
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
def server(keep: int = 100) -> Iterator[Server]:
    one = Server(keep)
    try:
        yield one
    finally:
        one.process.stdin.close()
        try:
            one.process.wait(20)
        except subprocess.TimeoutExpired:
            one.process.kill()


# ---- viewers


class Viewer:
    """One tab that watches a run: arrivals of its updates."""

    def __init__(self, at: Server, run: str, name: str):
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
                for point in value["points"]:
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


async def measured(at: Server, runs: list[str], viewers: int, seconds: float) -> dict[str, Any]:
    """So many viewers for so many seconds, spread over the runs."""
    watching = [Viewer(at, runs[i % len(runs)], f"v{viewers}x{i}") for i in range(viewers)]
    tasks = [asyncio.create_task(viewer.watch()) for viewer in watching]
    try:
        await asyncio.sleep(2.0)  # all have caught up
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
    return (
        f"| {one['viewers']} | {one['expected']} | {share:.1%} | {p50:.0f} | {p95:.0f} | {each:.0f} "
        f"| {one['speed']:.1f} | {1 - one['speed'] / alone:+.1%} | {one['memory'] / 1e6:.0f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--viewers", type=int, nargs="+", default=[1, 4, 12, 30])
    parser.add_argument("--seconds", type=float, default=20.0, help="of each measurement")
    parser.add_argument("--runs", type=int, default=200, help="over which memory is looked at")
    parser.add_argument("--quick", action="store_true", help="only to see that it runs")
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--keep", type=int, default=100, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        serve(args.serve, args.keep)
        return
    if args.quick:
        args.viewers, args.seconds, args.runs = [2], 1.0, 3
    print(f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    with server() as at:
        paints = [] if args.quick else first_paint(at.port, 3)
        if paints:
            print("first paint: " + ", ".join(f"{seconds:.2f} s" for seconds in paints))
        runs = at.ask("start", tasks=TASKS, updates=1_000_000)
        time.sleep(5.0 if not args.quick else 2.0)
        head = "viewers | updates to deliver | delivered | p50 ms | p95 ms | serving, ms of CPU a second and viewer"
        print(f"| {head} | updates/s in training | slower by | memory, MB |\n|{'---|' * 9}")
        for viewers in args.viewers:
            alone = [asyncio.run(measured(at, runs, 0, args.seconds))["speed"]]
            one = asyncio.run(measured(at, runs, viewers, args.seconds))
            alone.append(asyncio.run(measured(at, runs, 0, args.seconds))["speed"])  # the machine may have changed
            print(row(one, sum(alone) / 2), flush=True)
        at.ask("stop")
    with server(keep=10) as at:
        before, after = asyncio.run(growth(at, args.runs, 2 if args.quick else 20, 2 if args.quick else VISITORS))
    print(
        f"memory over {args.runs} runs: {before['memory'] / 1e6:.1f} MB before, {after['memory'] / 1e6:.1f} MB after; "
        f"threads {before['threads']} before, {after['threads']} after"
    )


if __name__ == "__main__":
    main()
