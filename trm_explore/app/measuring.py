"""What "Look inside" shows that takes longer than an answer, as JSON: accuracy by cycle and halting over held-out
puzzles, paths in latent space, gradients, influence, what supervision costs. Bounded by the number of puzzles."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from trm_explore.analysis.cost_measured import measure_cost
from trm_explore.analysis.influence import attention_maps, influence
from trm_explore.analysis.latent import latent_paths
from trm_explore.analysis.thinking import accuracy_by_cycle, halting_by_puzzle
from trm_explore.analysis.view import short
from trm_explore.app.looking import THRESHOLD, Question, puzzle_of
from trm_explore.app.models import NUMBERS, Seen, cycles_of, model_for, patience, recorded_model, seconds_of
from trm_explore.config import RunConfig
from trm_explore.config.checks import is_number
from trm_explore.model.carry import board_of
from trm_explore.model.cost import estimate, memory_size
from trm_explore.runs.registry import Runs
from trm_explore.tasks import resolve
from trm_explore.training.gradients import gradient_statistics
from trm_explore.training.trajectory import inputs_of
from trm_explore.view.palette import both_themes
from trm_explore.words import inside_tab, refusals

SECONDS = 4.0  # estimated, for all puzzles of a measurement
FEWEST = 16  # puzzles of a measurement, whatever it takes
COST_SECONDS = 4.0  # of the measured cost
CLOUD, GRADIENT = 48, 16  # puzzles at most of the cloud of states, and of a gradient's batch


def measure(question: Question, runs: Runs) -> dict[str, Any]:
    """{accuracy, halting, gradients, model}: what depends on the model alone; of a recorded one it is kept."""
    seen = model_for(question.source, question.task, question.run_id, runs)
    found = _of_model(seen) if question.source == "run" else _of_recorded(question.task, question.source)
    return found | {"model": question.model}


def paths(question: Question, runs: Runs) -> dict[str, Any]:
    """The way of this puzzle's z_H through the latent space, over the cloud of others."""
    seen = model_for(question.source, question.task, question.run_id, runs)
    cycles = cycles_of(seen, question.cycles)
    batch, _, _ = puzzle_of(seen, question)
    others = min(CLOUD, _affordable(seen, cycles))
    with patience():
        found = latent_paths(seen.model, seen.task, batch, others=others, H_cycles=cycles)
    return found.to_dict() | {"colors": both_themes(cycles), "key": question.key}


def reading(question: Question, cell: Any, runs: Runs) -> dict[str, Any]:
    """From where cell number `cell` gets what it says: {cell, rows, cols, matrix (S, L), heads, text}. `heads`: of
    networks with attention, one such matrix a head, means over calls and layers."""
    seen = model_for(question.source, question.task, question.run_id, runs)
    cycles = cycles_of(seen, question.cycles)
    batch, _, _ = puzzle_of(seen, question)
    L = inputs_of(batch).shape[1]
    if not is_number(cell) or cell != int(cell) or not 0 <= cell < L:
        raise ValueError(refusals.BAD_CELL.format(cell=cell if is_number(cell) else "?", most=L - 1))
    at, heads = int(cell), []
    with patience():
        found = influence(seen.model, batch, positions=[at], H_cycles=cycles)
        if seen.model.config.mixing.attends and L > 1:
            skipped = seen.model.config.puzzle_emb_len  # the prefix is no part of the board
            maps = attention_maps(seen.model, batch, H_cycles=cycles)[
                ..., skipped + at, skipped:
            ]  # (S, calls, layers, heads, L)
            heads = np.nanmean(maps, axis=(1, 2)).transpose(1, 0, 2)  # (heads, S, L)
    rows, cols = board_of(batch)
    answer = {"key": question.key, "cell": at, "rows": rows, "cols": cols, "matrix": short(found.matrix[:, 0], 3)}
    return answer | {"heads": short(np.asarray(heads), 3), "text": found.text}


@cache
def _of_recorded(task: str, kind: str) -> dict[str, Any]:
    return _of_model(recorded_model(task, kind))


def _of_model(seen: Seen) -> dict[str, Any]:
    """What depends on the model alone."""
    model, task, cycles, count = seen.model, seen.task, seen.most, _affordable(seen, seen.most)
    scope = seen.config.supervision.scope
    with patience():
        accuracy = accuracy_by_cycle(model, task, puzzles=count, H_cycles=cycles)
        halting = halting_by_puzzle(model, task, puzzles=min(count, 64), threshold=THRESHOLD, H_cycles=cycles)
        reached = gradient_statistics(model, task.held_out(min(count, GRADIENT)), gradient_scope=scope)
    return {
        "accuracy": accuracy.to_dict(),
        "halting": {"counts": halting.counts, "text": halting.text},
        "gradients": {
            "scope": scope,
            "network": short(reached.network, 3),
            "states": short(reached.states, 3),
        },
    }


def measured_cost(config: RunConfig) -> str:
    """An update timed here and now against one without supervision, in words."""
    return measure_cost(config, seconds=COST_SECONDS).text


def cost_text(config: RunConfig) -> str:
    """The estimated cost of an update against the same without supervision, in words."""
    if not config.supervision.enable_deep_supervision:
        return inside_tab.COST_SAME
    _, sized = resolve(config.with_flat(data="", eval_data=""))  # the user's own file is not read for it
    on, off = estimate(sized), estimate(without_supervision(sized))
    return inside_tab.COST_ESTIMATED.format(
        ratio=on.operations / off.operations,
        memory=on.memory / off.memory,
        with_memory=memory_size(on.memory),
        without_memory=memory_size(off.memory),
        weights=on.parameters,
    )


def without_supervision(config: RunConfig) -> RunConfig:
    """The same with one loss at the end, in its own gradient scope."""
    return config.with_flat(enable_deep_supervision=False, gradient_scope="auto")


def _affordable(seen: Seen, cycles: int) -> int:
    """How many puzzles a measurement may take."""
    return int(np.clip(SECONDS / seconds_of(seen, cycles), FEWEST, NUMBERS))
