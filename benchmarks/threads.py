"""Updates per second with one thread, the default and all cores, on an idle machine and beside busy processes.

    python benchmarks/threads.py [--repeats 3] [--seconds 4]

The kinds of threads take turns, so that a machine that slows down slows all of them. Busy processes are started here,
spin at normal priority, and are ended here.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import time
from contextlib import ExitStack

import torch

from trm_explore import preset, train
from trm_explore.tasks import resolve
from trm_explore.training.threads import threads_of

SHAPES = (("sudoku4", "tiny"), ("sudoku9", "small"))
LONGEST = 600  # seconds that a busy process lives if nobody ends it
BUSY = f"import time\nend = time.monotonic() + {LONGEST}\nwhile time.monotonic() < end: pass"


def rate(task: str, size: str, threads: int, seconds: float) -> float:
    """Updates per second over about so many seconds, at least two updates; the first one is not timed."""
    settings = {"updates": 10**6, "eval_every": 0, "frame_every": 0, "eval_puzzles": 1, "device": "cpu"}
    training = train(preset(task, size, enable_deep_supervision=True, threads=threads, **settings))
    stream = iter(training)
    while training.update < 1:
        next(stream)
    began, done = time.perf_counter(), 0
    while done < 2 or time.perf_counter() - began < seconds:
        next(stream)
        done += 1
    took = time.perf_counter() - began
    training.close()
    return done / took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4.0)
    args = parser.parse_args()
    everything = torch.get_num_threads()
    load = f", load {os.getloadavg()[0]:.1f} before" if hasattr(os, "getloadavg") else ""
    print(f"{platform.machine()}, {os.cpu_count()} cores, all is {everything} threads, torch {torch.__version__}{load}")
    print(f"updates per second, median of {args.repeats} (smallest to largest), {args.seconds:g} s each\n")
    print("| shape | beside | 1 thread | default | all |\n|---|---|---|---|---|")
    for task, size in SHAPES:
        default = threads_of(resolve(preset(task, size))[1])
        for busy in (0, 1, 2):
            rates: dict[int, list[float]] = {threads: [] for threads in (1, default, everything)}
            with ExitStack() as stack:
                for _ in range(busy):
                    process = subprocess.Popen([sys.executable, "-c", BUSY])
                    stack.callback(process.wait)
                    stack.callback(process.kill)
                for _ in range(args.repeats):
                    for threads, row in rates.items():
                        row.append(rate(task, size, threads, args.seconds))
            cells = [
                f"{statistics.median(row):.2f} ({min(row):.2f} to {max(row):.2f})"
                for row in (rates[1], rates[default], rates[everything])
            ]
            cells[1] += f", {default} thread{'s' * (default != 1)}"
            beside = ("nothing", "one busy process", "two busy processes")[busy]
            print(f"| {task} {size} | {beside} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
