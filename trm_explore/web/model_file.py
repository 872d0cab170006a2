"""A trained model as one JSON value for web/src/network.js, which runs it in a browser without a server.

    file = model_file(*load_checkpoint("maze-linear"))
    Path("maze.json").write_text(json.dumps(file))             # `trm-explore export maze-linear --web maze.json`

In it: the network's numbers and shape; what the page must know of the task; held-out puzzles, and prepared ones on
which a network may go wrong. Format 1: `format`, `version`, `network` (ModelConfig's fields that a forward pass reads),
`trained` (cycles that training gave a puzzle), `most_cycles` (that the page offers), `colors` (of the steps), `tensors`
(name -> shape, in order), `data` (their float32 numbers, little end first, in base64), `task`, `puzzles`, `challenges`.
The browser computes in float32, whatever `forward_dtype` is.
"""

from __future__ import annotations

import base64
from typing import Any

import numpy as np

from trm_explore.analysis.thinking import LONGER, trained_cycles
from trm_explore.config import RunConfig
from trm_explore.data.labels import IGNORE
from trm_explore.model import Batch, RecursiveModel
from trm_explore.model.carry import board_of
from trm_explore.tasks import resolve
from trm_explore.tasks.base import Task, with_board
from trm_explore.training.trajectory import inputs_of
from trm_explore.view.editor import editor_of
from trm_explore.view.palette import both_themes

FORMAT, VERSION = "trm_explore-web-model", 1  # as in web/src/network.js
MOST_CYCLES = 24  # that a browser is asked to think, where training did not think longer
PUZZLES = 24  # held-out ones in a file
MOST_BYTES = 64_000_000  # of weights; a browser that opens more stops answering
NETWORK = (
    *("vocab_size", "seq_len", "H_cycles", "L_cycles", "L_layers", "networks", "states", "hidden_size", "num_heads"),
    *("mixer", "mix_norm", "pos_encodings", "rms_norm_eps", "rope_theta", "causal", "input_size", "puzzle_emb_len"),
)
EDITOR = ("choices", "blank", "unique", "roles")  # of editor_of: what is the same for every puzzle


def model_file(
    model: RecursiveModel, config: RunConfig, *, puzzles: int = PUZZLES, first: int | None = None
) -> dict[str, Any]:
    """JSON-ready. `config`: the run's, as load_checkpoint gives it; its task makes the puzzles. `puzzles`: how many
    held-out ones; `first`: the number of the one that is shown first (None: the run's own).

    ValueError for a model that a browser cannot run: one that is too large or has diverged, or whose task has no board
    to type into.
    """
    task, config = resolve(config)
    if task.loops_over_positions or (task.loss == "mse" and not _shows_its_numbers(task)):
        raise ValueError(
            f"task={config.task} has no puzzle that can be drawn and typed in a browser; take a model of another task"
        )
    c = model.config
    held_out = task.held_out(max(puzzles, (config.train.shown_puzzle or 0) + 1) if first is None else first + puzzles)
    number = (config.train.shown_puzzle or 0) if first is None else first
    order = [number, *(i for i in range(len(inputs_of(held_out))) if i != number)][:puzzles]
    chosen = [{name: value[i : i + 1] for name, value in held_out.items()} for i in order]
    rows = sorted({0, *(_identifier(batch) for batch in chosen)})
    tensors = {name: value for name, value in model.state_dict().items() if name != "puzzle_emb"}
    if model.puzzle_emb is not None:  # tables can be huge: the rows that these puzzles use, and row 0, "none"
        tensors["puzzle_emb"] = model.puzzle_emb[rows]
    arrays = {name: value.detach().float().cpu().numpy() for name, value in tensors.items()}
    if not all(np.isfinite(array).all() for array in arrays.values()):
        raise ValueError("the model has weights that are not finite: its training had diverged, so take another")
    size = sum(array.nbytes for array in arrays.values())
    if size > MOST_BYTES:
        raise ValueError(
            f"the model has {size / 1e6:,.0f} MB of weights; a browser is given at most {MOST_BYTES / 1e6:,.0f} MB, "
            "so take a smaller hidden_size or fewer layers"
        )
    data = b"".join(array.astype("<f4").tobytes() for array in arrays.values())
    trained = trained_cycles(model)
    most = min(LONGER * trained, max(MOST_CYCLES, trained + 2))
    network = {name: getattr(c, name) for name in NETWORK}
    return {
        "format": FORMAT,
        "version": VERSION,
        "network": network | {"H_layers": c.H_layers or c.L_layers, "fixed_length": c.fixed_length},
        "trained": trained,
        "most_cycles": most,
        "colors": both_themes(most),
        "weights": sum(p.numel() for p in model.parameters()),
        "task": _task(task, config, chosen),
        "puzzles": [_puzzle(task, batch, rows.index(_identifier(batch))) for batch in chosen],
        "challenges": {
            name: _puzzle(task, with_board(batch, task.shape_of(batch)), 0)
            for name, batch in task.challenges().items()
            if not c.fixed_length or inputs_of(batch).shape[1] == c.seq_len
        },
        "tensors": {name: list(array.shape) for name, array in arrays.items()},
        "data": base64.b64encode(data).decode(),
    }


def _task(task: Task, config: RunConfig, puzzles: list[Batch]) -> dict[str, Any]:
    """What the page must know of the task. `given`: of every symbol whether a cell that holds it is given; None where
    the cell decides, too: then each puzzle says it."""
    said: dict[str, Any] = {
        "name": config.task,
        "title": task.title,
        "help": task.help,
        "loss": task.loss,
        "tolerance": task.tolerance,
        "probabilities": config.train.loss,
        "board": task.board(),
        "rule": task.browser_rule(),
    }
    if task.loss == "mse":
        beside = task.companions()
        return said | {
            "companions": [] if beside is None else [_numbers(one) for one in inputs_of(beside)],
            "numbers": list(getattr(task, "offered_numbers", ())),
        }
    by_symbol = task.given(np.arange(task.vocab_size)[None])[0]
    alike = all((by_symbol[inputs_of(one)] == task.given(inputs_of(one))).all() for one in puzzles)
    editor = editor_of(task, puzzles[0], _shape(task, puzzles[0]))
    return said | {
        "given": by_symbol.astype(int).tolist() if alike else None,
        "editor": {name: editor[name] for name in EDITOR},
    }


def _puzzle(task: Task, batch: Batch, vector: int) -> dict[str, Any]:
    """One puzzle: what the network sees, the label where there is one, the board's shape, the cells to change."""
    inputs, labels, shape = inputs_of(batch)[0], batch.get("labels"), _shape(task, batch)
    said = {"rows": shape[0], "cols": shape[1], "vector": vector}
    if task.loss == "mse":
        target = None if labels is None else _numbers(labels[0])
        return said | {"inputs": _numbers(inputs), "target": target}
    known = labels is not None and (labels[0] != IGNORE).any()
    return said | {
        "inputs": inputs.tolist(),
        "target": labels[0].tolist() if known else None,
        "editable": editor_of(task, batch, shape)["editable"],
        "given": task.given(inputs[None])[0].astype(int).tolist(),
    }


def _shape(task: Task, batch: Batch) -> tuple[int, int]:
    return board_of(batch) or task.held_out_shape()


def _identifier(batch: Batch) -> int:
    return int(batch["puzzle_identifiers"][0]) if "puzzle_identifiers" in batch else 0


def _numbers(values: np.ndarray) -> list[float]:
    """Seven digits, which are all that float32 has."""
    return [float(f"{value:.7g}") for value in values.ravel()]


def _shows_its_numbers(task: Task) -> bool:
    """Whether the board draws the very numbers that the network sees and gives."""
    inputs = inputs_of(task.held_out(1))[0]
    return bool(np.array_equal(task.input_for_display(inputs), inputs))
