"""Prints the figures behind docs/guide.md: schedules, weights, extras, gradients, halting, on the start task.

    python benchmarks/guide.py [schedules] [extras] [gradients] [halting] [embeddings] [--seeds 3]     # or all

Everything is 4x4 Sudoku, preset tiny, 400 updates, one thread, evaluated every 10 updates on 512 held-out puzzles: one
task of many, whose order need not hold elsewhere. Run it alone on the machine; docs/guide.md quotes what it printed.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import tempfile
from pathlib import Path

import numpy as np
import torch

from trm_explore import preset, train
from trm_explore.data.embedding_files import write_chunks
from trm_explore.data.encode import embed_file
from trm_explore.data.encoders import NGramEncoder
from trm_explore.data.sentences import generate
from trm_explore.training import events as ev
from trm_explore.training.evaluation import evaluate, evaluate_halting

ON = {"enable_deep_supervision": True, "deep_supervision_schedule": "linear_decay"}
SETTINGS = {"threads": 1, "eval_every": 10, "eval_puzzles": 512, "frame_every": 0}
SCHEDULES = {
    "off, scope last": {},
    "off, scope full": {"gradient_scope": "full"},
    "constant": ON | {"deep_supervision_schedule": "constant"},
    "linear_decay": ON,
    "exponential_decay": ON | {"deep_supervision_schedule": "exponential_decay"},
    "u_shaped": ON | {"deep_supervision_schedule": "u_shaped"},
    "front_loaded": ON | {"deep_supervision_schedule": "front_loaded"},
    "linear_decay, scope cycle": ON | {"gradient_scope": "cycle"},
    "linear_decay, weight 0.2": ON | {"deep_supervision_weight": 0.2},
    "linear_decay, weight 1.0": ON | {"deep_supervision_weight": 1.0},
}
EXTRAS = {
    "linear_decay": ON,
    "adaptive hard": ON | {"adaptive_weights": "hard"},
    "adaptive progress": ON | {"adaptive_weights": "progress"},
    "L-cycle weight 0.5": ON | {"L_supervision_weight": 0.5},
    "curriculum weight": ON | {"curriculum": "weight"},
    "curriculum depth": ON | {"curriculum": "depth"},
    "curriculum H_cycles": ON | {"curriculum": "H_cycles"},
    "random H-cycles 1 to 3": ON | {"min_H_cycles": 1},
    "supervision_steps 3": ON | {"supervision_steps": 3},
}


def learn(settings: dict, seed: int) -> tuple[float, float, list[float]]:
    """(updates to 99 %, seconds to 99 %, exact accuracy by step at the end); infinity where it was not reached."""
    reached, seconds, exact = (float("inf"), float("inf")), 0.0, []
    for event in train(preset("sudoku4", **SETTINGS, **settings, seed=seed)):
        if isinstance(event, ev.UpdateDone):
            seconds = event.seconds
        elif isinstance(event, ev.Evaluated):
            exact = event.exact_accuracy
            if reached[0] == float("inf") and exact[-1] >= 0.99:
                reached = event.update, seconds
    return *reached, exact


def compare(title: str, rows: dict[str, dict], seeds: int, clock: bool) -> None:
    """A row a setting; `clock`: with a column of seconds, for which the machine must be idle."""
    heads = ["", "updates to 99 %", *(["seconds to 99 %"] if clock else []), "exact % by step at the end"]
    print(f"\n{title}, {seeds} seeds\n\n| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    for name, settings in rows.items():
        runs = [learn(settings, seed) for seed in range(seeds)]
        updates, seconds = (spread([run[i] for run in runs]) for i in (0, 1))
        steps = zip(*(run[2][:3] for run in runs), strict=True)
        exact = ", ".join(f"{100 * statistics.median(step):.1f}" for step in steps)
        print(f"| {name} | {updates} | {f'{seconds} | ' if clock else ''}{exact} |", flush=True)


def spread(values: list[float]) -> str:
    """Median (smallest to largest)."""
    words = ["not reached" if v == float("inf") else f"{v:.0f}" if v >= 20 else f"{v:.1f}" for v in sorted(values)]
    return f"{words[len(words) // 2]} ({words[0]} to {words[-1]})"


def schedules(seeds: int) -> None:
    compare("Schedules, gradient scopes, base weights", SCHEDULES, seeds, clock=True)


def extras(seeds: int) -> None:
    compare("Adaptive weights, L-cycles, curricula, depth", EXTRAS, seeds, clock=False)


def gradients(seeds: int) -> None:
    """The final loss's gradient in the state after each H-cycle, of 6, scope full, early and late."""
    print("\nGradient of the final step's loss in z_H after each of 6 cycles, scope full, as a part of the last one's")
    print("\n| | update | by cycle |\n|---|---|---|")
    for name, settings in (("supervision off", {"gradient_scope": "full"}), ("on, linear_decay", ON)):
        config = preset("sudoku4", **SETTINGS, **settings, H_cycles=6, updates=200, gradient_every=1)
        for event in train(config):
            if isinstance(event, ev.GradientsMeasured) and event.update in (1, 50, 200):
                row = event.states[-1]
                print(f"| {name} | {event.update} | {', '.join(f'{x / row[-1]:.2f}' for x in row)} |", flush=True)


def halting(seeds: int) -> None:
    """A model trained with halting: fixed depth against per-puzzle halting at several thresholds."""
    print("\nHalting, halt_max_steps 4 of 3 H-cycles, 600 updates\n")
    print("| | exact % | steps on average |\n|---|---|---|")
    training = train(preset("sudoku4", **SETTINGS, **ON, halt_max_steps=4, updates=600))
    for _ in training:
        pass
    model, task = training.ema_model, training.task
    puzzles = task.held_out(512)
    exact = evaluate(model, task, puzzles, H_cycles=12).exact_accuracy
    for k in (1, 2, 3, 6, 12):
        print(f"| fixed depth | {100 * exact[k - 1]:.1f} | {k} |")
    for threshold in (0.1, 0.5, 0.9, 0.99):
        scores = evaluate_halting(model, task, puzzles, H_cycles=12, threshold=threshold)
        print(f"| halting above {threshold} | {100 * scores.exact_accuracy:.1f} | {scores.mean_steps:.2f} |")


def embeddings(seeds: int) -> None:
    """The generated text through hashed n-grams, and pure noise: causal, and the loop that leaks."""
    small = {"hidden_size": 64, "num_heads": 4, "L_layers": 1, "L_cycles": 2, "batch_size": 32, "lr": 3e-3}
    small |= {"halt_max_steps": None, "threads": 1, "eval_every": 0, "eval_puzzles": 256, "frame_every": 0}
    print(
        "\n2,000 generated lines, n-grams of width 128, windows of 10 + 1; 300 updates of batch 32, width 64, 1 layer"
    )
    print("\n| | held-out loss by step | repeat the last | predict the mean |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        text, noise = Path(folder) / "text", Path(folder) / "noise"
        for _ in embed_file(generate(2000), text, NGramEncoder(128)):
            pass
        rows = np.random.default_rng(0).standard_normal((2000, 6, 16)).astype(np.float32)
        write_chunks(noise, "train", rows)
        on, off = ON, {"enable_deep_supervision": False}
        causal, leak = {"causal": True}, {"causal": False, "gradient_scope": "full"}
        loops = {"H_cycles": 1, "L_cycles": 1, "updates": 400}
        for name, data, settings in (
            ("text, causal, supervision on", text, small | {"updates": 300} | causal | on),
            ("text, causal, supervision off", text, small | {"updates": 300} | causal | off),
            ("noise, causal", noise, small | loops | causal),
            ("noise, the loop that leaks", noise, small | loops | leak),
        ):
            for event in train(preset("embeddings", data=str(data), **settings)):
                if isinstance(event, ev.Started):
                    baselines = " | ".join(f"{x:.3f}" for x in event.baselines.values())
                elif isinstance(event, ev.Evaluated):
                    losses = ", ".join(f"{x:.3f}" for x in event.loss)
            print(f"| {name} | {losses} | {baselines} |", flush=True)


def main() -> None:
    parts = {"schedules": schedules, "extras": extras, "gradients": gradients, "halting": halting}
    parts["embeddings"] = embeddings
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="part", help=", ".join(parts))
    parser.add_argument("--seeds", type=int, default=3)
    args = parser.parse_args()
    if unknown := set(args.parts) - set(parts):
        raise SystemExit(f"there is no part {min(unknown)!r}; allowed are {', '.join(parts)}")
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, torch {torch.__version__}"
    )
    for name in args.parts or parts:
        parts[name](args.seeds)


if __name__ == "__main__":
    main()
