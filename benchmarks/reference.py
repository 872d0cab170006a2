"""Prints how long a training step takes beside the PyPI package tiny-recursive-model, and whether bfloat16 learns too.

    pip install tiny-recursive-model x-transformers       # where trm_explore is installed; not needed elsewhere
    python benchmarks/reference.py [--pairs 15] [--threads 1] [--device cpu] [--curve]

Both take the same step: width 128, 81 positions, 11 symbols, 3 H-cycles (all but the last without gradient) of 6
L-cycles, 2 layers, cross-entropy plus the halting loss, backward, AdamW. Theirs is the package's model around the
encoder of its README (x_transformers.Encoder, 4 heads); ours is attention with RoPE, 4 heads. Supervision is off. Times
are medians of steps taken in turn, in one process; the ratio is the median of the pairs' ratios. Run it alone.

--curve trains sudoku4 with this network in float32 (five seeds) and in compiled bfloat16 (three of these), and says
which losses of the latter lie inside the band of the former. docs/benchmarks.md quotes both tables.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import time
from collections.abc import Callable

import torch

from trm_explore import preset, train
from trm_explore.model import RecursiveModel
from trm_explore.model.compiled import compile_network
from trm_explore.training import events as ev
from trm_explore.training.update import forward_backward, plan_update

SHAPE = {"mixer": "attention", "hidden_size": 128, "num_heads": 4, "L_layers": 2, "L_cycles": 6, "H_cycles": 3}
OURS = {
    "float32": {},
    "bfloat16": {"forward_dtype": "bfloat16"},
    "float32, compiled": {"compile": True},
    "bfloat16, compiled": {"forward_dtype": "bfloat16", "compile": True},
}
LENGTH, SYMBOLS = 81, 11


def puzzles(batch: int, device: str) -> tuple[torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(0)
    made = [torch.randint(1, SYMBOLS, (batch, LENGTH), generator=draw).to(device) for _ in range(2)]
    return made[0], made[1]


def theirs(batch: int, device: str) -> Callable[[], None]:
    """One step of the package's model."""
    try:
        from tiny_recursive_model import TinyRecursiveModel
        from x_transformers import Encoder
    except ImportError as error:
        raise SystemExit(f"{error.name} is missing: pip install tiny-recursive-model x-transformers") from None
    torch.manual_seed(0)
    network = Encoder(dim=128, depth=2, heads=4)
    model = TinyRecursiveModel(
        dim=128, num_tokens=SYMBOLS, network=network, num_refinement_blocks=3, num_latent_refinements=6
    ).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    inputs, labels = puzzles(batch, device)
    outputs, latents = model.get_initial()

    def step() -> None:
        loss, *_ = model(inputs, outputs.detach(), latents.detach(), labels=labels)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


def ours(batch: int, device: str, settings: dict) -> Callable[[], None]:
    """One step of ours."""
    flat = {name: value for name, value in settings.items() if name != "compile"}
    config = preset("sudoku9", **SHAPE, batch_size=batch, **flat).with_flat(vocab_size=SYMBOLS, seq_len=LENGTH)
    model = RecursiveModel(config.model, config.supervision, config.train).to(device).train()
    if settings.get("compile") and (said := compile_network(model, batch, (9, 9))):
        raise SystemExit(said)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    inputs, labels = puzzles(batch, device)
    data = {"inputs": inputs, "labels": labels, "board": (9, 9)}
    carry, plan = model.start(model.initial_carry(data), data), plan_update(config, 0)

    def step() -> None:
        forward_backward(model, carry, plan, config)
        optimizer.step()
        optimizer.zero_grad()

    return step


def seconds(step: Callable[[], None], device: str) -> float:
    if device == "cuda":
        torch.cuda.synchronize()
    began = time.perf_counter()
    step()
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - began


def compare(pairs: int, device: str) -> None:
    print("| batch | tiny-recursive-model, ms | " + " | ".join(f"ours, {name}" for name in OURS) + " |")
    print("|---" * (2 + len(OURS)) + "|")
    for batch in (8, 64):
        torch.compiler.reset()  # else what was compiled for other shapes counts against a limit
        reference = theirs(batch, device)
        steps = {name: ours(batch, device, settings) for name, settings in OURS.items()}
        for step in (reference, *steps.values()):
            for _ in range(2):
                step()
        taken: dict[str, list[float]] = {name: [] for name in ("reference", *steps)}
        for _ in range(pairs):
            for name, step in {"reference": reference, **steps}.items():
                taken[name].append(seconds(step, device))
        cells = []
        for name in steps:
            ratios = [a / b for a, b in zip(taken[name], taken["reference"], strict=True)]
            cells.append(f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")
        print(
            f"| {batch} | {1000 * statistics.median(taken['reference']):.0f} | " + " | ".join(cells) + " |", flush=True
        )


def curve(updates: int = 300, seeds: int = 5, others: int = 3) -> None:
    def losses(seed: int, **settings) -> list[float]:
        run = preset("sudoku4", **SHAPE, **settings, lr=1e-3, seed=seed, updates=updates, eval_every=0, frame_every=0)
        done = [event.loss for event in train(run) if isinstance(event, ev.UpdateDone)]
        return [statistics.mean(done[i : i + 30]) for i in range(0, updates, 30)]  # of 30 updates each

    torch.compiler.reset()
    plain = list(zip(*(losses(seed) for seed in range(seeds)), strict=True))
    fast = list(zip(*(losses(seed, forward_dtype="bfloat16", compile=True) for seed in range(others)), strict=True))
    print(f"\n| updates | float32, {seeds} seeds | bfloat16, compiled, seeds 0 to {others - 1} | of these inside |")
    print("|---|---|---|---|")
    for i, (a, b) in enumerate(zip(plain, fast, strict=True)):
        inside = sum(min(a) <= x <= max(a) for x in b)
        print(f"| {30 * i + 1} to {30 * i + 30} | {_range(a)} | {_range(b)} | {inside} of {others} |", flush=True)


def _range(values: tuple[float, ...]) -> str:
    return f"{min(values):.4f} to {max(values):.4f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=15)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--curve", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    name = torch.cuda.get_device_name() if args.device == "cuda" else platform.processor() or platform.machine()
    print(f"{name}, torch {torch.__version__}, {args.threads} thread{'s' * (args.threads != 1)}\n")
    if args.pairs:
        compare(args.pairs, args.device)
    if args.curve:
        curve()


if __name__ == "__main__":
    main()
