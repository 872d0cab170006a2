"""One of several processes of test_processes.py: trains every case with the others; the first prints what came of it.

RANK=0 WORLD_SIZE=2 MASTER_ADDR=127.0.0.1 MASTER_PORT=29500 python tests/trained_together.py FOLDER
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch

from trm_explore.config import RunConfig
from trm_explore.data.labels import IGNORE
from trm_explore.tasks.sudoku import SudokuTask
from trm_explore.training import Training
from trm_explore.training import events as ev
from trm_explore.training.distributed import joined

TINY = {
    "task": "sudoku4",
    "hidden_size": 16,
    "num_heads": 2,
    "swiglu_multiple": 8,
    "batch_size": 6,
    "updates": 4,
    "eval_puzzles": 5,
    "frame_every": 0,
    "threads": 1,
    "device": "cpu",
    "lr": 1e-3,
}
ON = {"enable_deep_supervision": True}
CASES = {
    "last": {"gradient_scope": "last"},
    "one_step": {"gradient_scope": "one_step"},
    "cycle": ON | {"gradient_scope": "cycle", "adaptive_weights": "hard"},
    "full": ON | {"gradient_scope": "full", "L_supervision_weight": 0.3},
    "halting": {"halt_max_steps": 3, "halt_exploration_prob": 0.5, "updates": 6},
    "in parts": {"gradient_accumulation": 2, "supervision_steps": 2},
    "clipped": {"grad_clip": 0.01},
    "puzzle vectors": {
        "mixer": "attention",
        "puzzle_emb_len": 1,
        "num_puzzle_identifiers": 2,
        "gradient_scope": "last",
    },
}


class PartlyLabelled(SudokuTask):
    """4x4 Sudoku in which the puzzles of one of two processes often have no label at all."""

    def __init__(self):
        super().__init__(4)
        self.name = "partly labelled"

    def sample(self, n, rng):
        puzzles = super().sample(n, rng)
        there = (np.arange(n) >= 3) & (rng.random(n) < 0.7)  # none in the first half: that of the first process
        return puzzles | {"labels": np.where(there[:, None], puzzles["labels"], IGNORE)}

    def held_out(self, n):
        puzzles = super().held_out(n)
        return puzzles | {"labels": np.where(np.arange(n)[:, None] % 2, puzzles["labels"], IGNORE)}


CASES["partly labelled"] = ON | {"gradient_accumulation": 2, "supervision_steps": 2, "task": PartlyLabelled()}
HALTING = TINY | CASES["halting"]


def run(config: dict, resume=None, shaken: int | None = None, **how) -> dict:
    """What a training says that does not depend on the clock, and the sums of its weights and its puzzle vectors.
    `shaken`, a seed: every weight is first moved by one rounding of float32, up or down."""
    training = Training(RunConfig.from_flat(config), resume=resume, **how)
    if shaken is not None:
        generator = torch.Generator().manual_seed(shaken)
        with torch.no_grad():
            for p in training.model.parameters():
                p.mul_(1 + torch.finfo(p.dtype).eps * (2 * torch.randint(2, p.shape, generator=generator) - 1))
    said = {"updates": [], "scores": []}
    for event in training:
        if isinstance(event, ev.UpdateDone):
            said["updates"].append(
                [event.loss, *event.step_losses, event.halt_loss, event.grad_norm, event.depth_losses]
            )
        elif isinstance(event, ev.Evaluated):
            said["scores"].append([event.loss, event.cell_accuracy, event.exact_accuracy])
    said["weights"] = [p.double().abs().sum().item() for p in training.model.parameters()]
    if training.model.puzzle_emb is not None:
        said["table"] = training.model.puzzle_emb.tolist()
    return said


def threads() -> list[str]:
    """The names of those threads that torch.distributed started, where the system tells them (Linux)."""
    names = [(task / "comm").read_text().strip() for task in Path("/proc/self/task").glob("*")]
    return [name for name in names if name.startswith(("gloo", "pt_"))]


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    with joined("cpu") as processes:
        said = {name: run(TINY | case, processes=processes) for name, case in CASES.items()}
        whole = folder / "two.safetensors"
        half = Training(RunConfig.from_flat(HALTING), processes=processes)
        stream = iter(half)
        while half.update < 3:
            next(stream)
        half.save(whole)
        processes.agree(True, torch.device("cpu"))  # nobody reads before the first one has written
        said["resumed"] = run(HALTING, resume=whole, processes=processes)
        said["resumed from one"] = run(HALTING, resume=folder / "one.safetensors", processes=processes)
        stopped = Training(RunConfig.from_flat(TINY | {"updates": 50}), processes=processes)
        for event in stopped:
            if isinstance(event, ev.UpdateDone) and event.update == 2 and not processes.first:
                stopped.stop()
        said["stopped"] = stopped.update
        try:
            Training(RunConfig.from_flat(TINY | {"batch_size": 7}), processes=processes)
        except ValueError as error:
            said["refused"] = str(error)
        full = Training(RunConfig.from_flat(TINY | {"updates": 1, "out": str(folder / "a file")}), processes=processes)
        said["full disk"] = [event.reason for event in full if isinstance(event, ev.Failed)]
    said["threads left"] = threads()
    if processes.first:
        print(json.dumps(said))
    else:
        assert said["threads left"] == [], said["threads left"]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
