"""Measures what a live training panel costs the training, and prints what docs/widgets.md quotes.

    python benchmarks/widgets.py [--seconds 10] [--rounds 6] [--task sudoku4]

In a real kernel, with a client that reads what it sends (as a notebook server does): the same run alone and under a
shown panel, in turn, in updates a second of wall-clock time. What the browser draws, it draws in its own process. Run
it alone on the machine.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import threading
from queue import Empty

from jupyter_client.manager import start_new_kernel

CODE = """
import json, time
from trm_explore.training.events import UpdateDone
from trm_explore.runs import Runs
from trm_explore.widgets import TrainingPanel

TASK, SECONDS, ROUNDS = {task!r}, {seconds}, {rounds}

def updates(run):
    return sum(isinstance(event, UpdateDone) for event in run.events)

def rate(run):
    while updates(run) < 30:
        time.sleep(0.05)
    began, before = time.perf_counter(), updates(run)
    time.sleep(SECONDS)
    after, ended = updates(run), time.perf_counter()
    run.stop()
    run.join()
    return (after - before) / (ended - began)

panel = TrainingPanel(task=TASK, updates=1_000_000)
panel._handle_custom_msg({{"do": "hello", "view": "benchmark"}}, [])

def alone():
    return rate(Runs(slots=1, lease=1e9).submit(panel.config))

def shown():
    panel.train()
    return rate(panel.run)

found = []
for number in range(ROUNDS):
    kinds = [("alone", alone), ("shown", shown)]
    found.append({{name: measure() for name, measure in (kinds if number % 2 else kinds[::-1])}})
print("FOUND", json.dumps(found))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=10.0, help="of one measurement")
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--task", default="sudoku4")
    options = parser.parse_args()

    manager, client = start_new_kernel()
    heard, over = {"messages": 0, "bytes": 0}, threading.Event()

    def read() -> None:
        while not over.is_set():
            try:
                message = client.get_iopub_msg(timeout=0.5)
            except Empty:
                continue
            if message["msg_type"] == "comm_msg":
                heard["messages"] += 1
                heard["bytes"] += len(json.dumps(message["content"]["data"]))
            elif message["msg_type"] == "stream" and "FOUND" in message["content"]["text"]:
                heard["found"] = json.loads(message["content"]["text"].split("FOUND", 1)[1])
            elif message["msg_type"] == "error":
                heard["error"] = message["content"]["evalue"]

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        client.execute(CODE.format(**vars(options)), reply=True, timeout=None)
        over.wait(1.0)  # what it printed last is still on its way
    finally:
        over.set()
        reader.join()
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    if "found" not in heard:
        raise SystemExit(heard.get("error", "the kernel said nothing"))
    rounds = heard["found"]
    ratios = [round_["shown"] / round_["alone"] for round_ in rounds]
    print(f"{platform.machine()}, {os.cpu_count()} cores, task {options.task}, {len(rounds)} rounds")
    for name in ("alone", "shown"):
        rates = [round_[name] for round_ in rounds]
        print(f"{name}: median {statistics.median(rates):.1f} updates a second ({min(rates):.1f} to {max(rates):.1f})")
    cost = 100 * (1 - statistics.median(ratios))
    print(f"cost of the panel: {cost:.1f} % (rounds: {', '.join(f'{100 * (1 - r):.1f}' for r in ratios)})")
    print(f"messages: at most ten a second, {heard['bytes'] / heard['messages'] / 1e3:.1f} kB each")


if __name__ == "__main__":
    main()
