"""`trm-explore import | export`: checkpoints in the format of HRM and TRM."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from trm_explore.config.checks import whole
from trm_explore.model.checkpoint import Checkpoint, load_checkpoint, write_checkpoint
from trm_explore.model.cost import table_numbers
from trm_explore.model.published import PuzzleEmbedding, read_published
from trm_explore.model.published.export import export_published
from trm_explore.storage.whole import write_whole
from trm_explore.tasks import resolve
from trm_explore.web.model_file import model_file


@dataclass(frozen=True)
class Import:
    """Open a published checkpoint (a state_dict such as step_32550) and write it as one of ours."""

    path: tyro.conf.Positional[str]
    """The file, or its folder. An all_config.yaml beside it is read too."""
    out: str = ""
    """Where to write, for evaluate, show and the page. Empty: only say what the file is."""
    task: str = ""
    """What it is evaluated on: a task's name or a published data folder. Empty: told from vocabulary and length."""
    puzzle_embedding: Annotated[PuzzleEmbedding, tyro.conf.arg(aliases=["--puzzle_table"])] = "memory-map"
    """The table of puzzle vectors: memory-map keeps it, leave-out drops it."""
    inside: str = ""
    """Which set of weights, where the file holds several, such as ema."""
    H_cycles: int | None = None
    """None: what all_config.yaml says, else as published; likewise below."""
    L_cycles: int | None = None
    """L-cycles in each H-cycle."""
    num_heads: int | None = None
    """Attention heads."""
    seq_len: int | None = None
    """Positions of a puzzle, without the prefix."""
    puzzle_emb_len: int | None = None
    """Positions of the prefix."""
    expansion: float | None = None
    """Of SwiGLU."""
    halt_max_steps: int | None = None
    """Calls that a puzzle stays at most."""


@dataclass(frozen=True)
class Export:
    """Write a checkpoint of ours in the published format (a folder with step_N and all_config.yaml), or as a file that
    runs in a browser."""

    checkpoint: tyro.conf.Positional[str]
    """A file, a run's folder, the name of a shipped one, or hf://user/name."""
    out: str = ""
    """The folder, for the published format."""
    step: int = 0
    """N, of the published format."""
    web: str = ""
    """A .json file to write: the model, held-out puzzles and what a browser needs to run them without a server."""


def run_import(args: Import) -> int:
    """Says what the file is, and writes it."""
    hidden = ("H_cycles", "L_cycles", "num_heads", "seq_len", "puzzle_emb_len", "expansion", "halt_max_steps")
    given = {name: getattr(args, name) for name in hidden}
    for name in hidden:
        if name != "expansion" and given[name] is not None:
            whole(args, name, 0 if name == "puzzle_emb_len" else 1)
    model, config, remarks = read_published(
        args.path, puzzle_embedding=args.puzzle_embedding, inside=args.inside, **given
    )
    if args.task:
        config = config.with_flat(task=args.task)
        resolve(config)  # whether they fit
    m = config.model
    kind = "HRM: two networks" if m.networks == "two" else "TRM, one state" if m.states == "one" else "TRM"
    layers = f"{m.L_layers}" if m.networks == "shared" else f"{m.H_layers} and {m.L_layers}"
    print(
        f"{kind}, {m.mixer}, {layers} layers of width {m.hidden_size}, {m.vocab_size} symbols, {m.seq_len} positions; "
        f"{sum(p.numel() for p in model.parameters()):,} weights, {table_numbers(m):,} numbers in the table of "
        f"{m.num_puzzle_identifiers:,} puzzle vectors"
    )
    print("; ".join(remarks))
    if args.out:
        tensors = {f"model.{name}": value for name, value in model.state_dict().items()}
        print(f"Saved {write_checkpoint(args.out, Checkpoint(config, {'update': 0}, tensors))}")
    return 0


def run_export(args: Export) -> int:
    """Writes the averaged weights, as the published code does."""
    whole(args, "step", 0)
    if not (args.out.strip() or args.web.strip()):
        raise ValueError("out is empty; give a folder, or with --web a .json file for a browser")
    web = Path(args.web)
    if args.web and web.suffix != ".json":
        raise ValueError(f"web={args.web} ends in {web.suffix or 'nothing'}; give a file that ends in .json")
    model, config = load_checkpoint(args.checkpoint)
    if args.out:
        print(f"Saved {export_published(model, config, Path(args.out), args.step)}")
    if args.web:
        text = json.dumps(model_file(model, config), separators=(",", ":"))
        write_whole(web, text)
        print(f"Saved {web}: {len(text) / 1e3:,.0f} kB")
    return 0
