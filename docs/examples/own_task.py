"""A task of one's own, as an object and as a folder: reverse a row of letters.

python docs/examples/own_task.py [FOLDER]      # trains on the object; with a folder, writes the task there too
"""

import json
import sys
from pathlib import Path

import numpy as np

from trm_explore import preset, train
from trm_explore.training.events import Evaluated

LETTERS = "abcdefgh"


class Reverse:
    """The least that a task must have: its sizes, `sample` and `held_out`. The rest has defaults."""

    name = "reverse"
    rows, cols, vocab_size = 1, 8, len(LETTERS)
    preset = {"mixer": "mlp", "updates": 300, "eval_every": 50}  # settings of a run that learns it

    def _puzzles(self, n, rng, held_out):
        """Rows whose letters, as numbers, add up to a multiple of 8 are held out; all others are trained on."""
        inputs = rng.integers(0, 8, (n, self.cols))
        remainder = 0 if held_out else rng.integers(1, 8, n)
        inputs[:, -1] = (remainder - inputs[:, :-1].sum(1)) % 8
        return {"inputs": inputs, "labels": inputs[:, ::-1].copy()}

    def sample(self, n, rng):
        return self._puzzles(n, rng, held_out=False)

    def held_out(self, n):
        return self._puzzles(n, np.random.default_rng(0), held_out=True)

    def board(self):  # optional: letters instead of numbers
        return {"kind": "grid", "symbols": list(LETTERS)}


def write_folder(folder: Path) -> None:
    """The same task as files: `trm-explore train --task FOLDER` learns it."""
    folder.mkdir(parents=True, exist_ok=True)
    task = Reverse()
    description = {"name": "reverse", "rows": 1, "cols": 8, "vocab_size": 8}
    description |= {"board": task.board(), "preset": task.preset}
    (folder / "task.json").write_text(json.dumps(description, indent=2))
    for prefix, puzzles in (("", task.sample(2000, np.random.default_rng(1))), ("eval_", task.held_out(200))):
        for name, array in puzzles.items():
            np.save(folder / f"{prefix}{name}.npy", array)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        write_folder(Path(sys.argv[1]))
    for event in train(preset(Reverse(), enable_deep_supervision=True)):
        if isinstance(event, Evaluated):
            print(f"update {event.update}: exact by step {[round(a, 3) for a in event.exact_accuracy]}")
