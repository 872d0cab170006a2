"""Prints what supervision costs: time and activation memory of one update against supervision off.

    python benchmarks/cost.py [--pairs 7] [--device cpu] [--dtypes float32 bfloat16]

Memory is the peak of live bytes of one update above what was alive before it (torch's profiler; saved-tensor hooks do
not see what is computed again). Time is the median of interleaved pairs: each setting runs one update beside one of
supervision off, in turn. Run it alone on the machine. The last table is Markdown; docs/guide.md quotes it.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import time

import torch
from torch.profiler import ProfilerActivity, profile

from trm_explore import preset, train
from trm_explore.training import events as ev

SHAPE = {"mixer": "attention", "hidden_size": 128, "L_layers": 2, "L_cycles": 6, "batch_size": 8}
QUIET = {"eval_puzzles": 1, "frame_every": 0, "eval_every": 0, "updates": 10_000}
ON = {"enable_deep_supervision": True, "deep_supervision_schedule": "linear_decay"}
SETTINGS = {
    "off, scope last": {},
    "off, scope full": {"gradient_scope": "full"},
    "on, scope last": ON | {"gradient_scope": "last"},
    "on, scope cycle": ON | {"gradient_scope": "cycle"},
    "on, scope full": ON,
    "on, full, checkpointing per cycle": ON | {"activation_checkpointing": "cycle"},
    "on, full, checkpointing per call": ON | {"activation_checkpointing": "call"},
}
# Counting a forward as 1 and a backward as 2 for every H-cycle; off, scope last: H forwards, one backward.
THEORY = {"on, scope full": lambda H: 3 * H / (H + 2), "on, scope cycle": lambda H: 3 * H / (H + 2)}


def started(**settings):
    """A training that has done its first update (which imports and allocates what later ones do not)."""
    training = train(preset("sudoku9", **SHAPE, **QUIET, **settings))
    for event in training:
        if isinstance(event, ev.UpdateDone):
            return training


def one(training) -> None:
    assert isinstance(next(iter(training)), ev.UpdateDone)


def seconds(training) -> float:
    if training.device.type == "cuda":
        torch.cuda.synchronize()
    began = time.perf_counter()
    one(training)
    if training.device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - began


def peak_bytes(training) -> int:
    """Peak of live bytes in one update, above those alive before it."""
    if training.device.type == "cuda":
        torch.cuda.synchronize()
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        one(training)
        return torch.cuda.max_memory_allocated() - before
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        one(training)
    changes = [e for e in profiler.profiler.kineto_results.events() if e.name() == "[memory]"]
    live = most = 0
    for change in sorted(changes, key=lambda e: e.start_ns()):
        live += change.nbytes()
        most = max(most, live)
    return most


def table(H: int, dtype: str, device: str, pairs: int) -> list[str]:
    base = started(H_cycles=H, forward_dtype=dtype, device=device)
    base_peak = peak_bytes(base)
    lines = [f"| {'off, scope last':<35} | 1.00 | | 1.00 ({base_peak / 1e6:.0f} MB) |"]
    for name, settings in SETTINGS.items():
        if not settings:
            continue
        training = started(H_cycles=H, forward_dtype=dtype, device=device, **settings)
        ratios = []
        for _ in range(pairs):
            off = seconds(base)
            ratios.append(seconds(training) / off)
        peak = peak_bytes(training)
        training.close()
        theory = f"{THEORY[name](H):.2f}" if name in THEORY else ""
        lines.append(f"| {name:<35} | {statistics.median(ratios):.2f} | {theory} | {peak / base_peak:.2f} |")
        print(lines[-1], [round(r, 2) for r in sorted(ratios)], flush=True)
    base.close()
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--dtypes", nargs="+", default=["float32", "bfloat16"])
    args = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads, torch {torch.__version__}")
    print(f"width 128, length 81, 2 layers, L_cycles 6, batch 8, attention, device {args.device}")
    parts = []
    for dtype in args.dtypes:
        for H in (3, 5):
            print(f"\n{dtype}, H_cycles {H}")
            rows = table(H, dtype, args.device, args.pairs)
            heads = ["| against supervision off | time | counted | memory |", "|---|---|---|---|"]
            parts += [f"\n**{dtype}, H_cycles = {H}**\n", *heads, *rows]
    print("\n".join(parts))


if __name__ == "__main__":
    main()
