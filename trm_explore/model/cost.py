"""What a run will cost, from its config alone: weights, operations, seconds. An estimate; nothing is trained.

    estimate(config).seconds_per_update

Operations are counted in matrix products only (2 per multiply-add), as profilers do; backward counts twice a forward.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from trm_explore.config import ModelConfig, RunConfig

# Operations per second on one CPU thread: not measured but chosen low, as a slow laptop might reach with matrices as
# small as ours, so that an estimate promises too little rather than too much.
CPU_SPEED = 25e9
LAYER_SECONDS = 5e-4  # that a layer of the network takes at a call however small it is, chosen low likewise


@dataclass(frozen=True, slots=True)
class Cost:
    """Per optimiser update unless it says otherwise."""

    parameters: int
    forward_operations: float
    operations: float  # forward and backward, with the gradient scope in force
    memory: float  # bytes: weights, gradients, optimiser, averages, and the saved activations
    seconds_per_update: float  # on one CPU thread
    seconds: float  # the whole run


def estimate(config: RunConfig, speed: float = CPU_SPEED, processes: int = 1) -> Cost:
    """Cost of a run whose model has its vocab_size and seq_len (see tasks.resolve), on one CPU thread of `speed`
    op/s. Memory is that of one of so many `processes`."""
    m, B, kind = config.model, config.train.batch_size, config.train.activation_checkpointing
    last_call = network_operations(m, H_layers(m)) + 2 * m.seq_len * m.hidden_size * m.vocab_size
    cycle = m.L_cycles * network_operations(m) + last_call
    with_gradient = {
        "last": cycle,
        "one_step": network_operations(m) + last_call,
        "cycle": m.H_cycles * cycle,
        "full": m.H_cycles * cycle,
    }[config.supervision.scope]
    again = {"none": 0, "call": with_gradient, "cycle": max(cycle, with_gradient)}[kind]
    passes = B * (m.seq_len if loops_over_positions(config) else 1)
    forward = passes * m.H_cycles * cycle
    operations = forward + passes * (again + 2 * with_gradient)
    seconds = operations / speed
    at_a_time = -(-B // (processes * config.train.gradient_accumulation))
    memory = 4 * (5 * parameters(m) + table_numbers(m) + at_a_time * saved_activations(config))
    return Cost(parameters(m), forward, operations, memory, seconds, seconds * config.train.updates)


def answer_seconds(config: RunConfig, steps: int, speed: float = CPU_SPEED) -> float:
    """Of one answer to one puzzle in so many steps, on one CPU thread."""
    m = config.model
    last_call = network_operations(m, H_layers(m)) + 2 * m.seq_len * m.hidden_size * m.vocab_size
    passes = m.seq_len if loops_over_positions(config) else 1
    operations = m.L_cycles * network_operations(m) + last_call
    layers = m.L_cycles * m.L_layers + H_layers(m)
    return passes * steps * (operations / speed + layers * LAYER_SECONDS)


def smaller(config: RunConfig) -> dict[str, Any]:
    """The next smaller setting in memory, as one changed field: half the batch, else recomputing, else fewer
    cycles; empty where nothing is left."""
    if config.train.batch_size > 1:
        return {"batch_size": config.train.batch_size // 2}
    changes: list[dict[str, Any]] = []
    if config.train.activation_checkpointing != "call":
        changes.append({"activation_checkpointing": "call"})
    for name in ("H_cycles", "L_cycles"):
        fixed = name == "H_cycles" and config.supervision.deep_supervision_schedule == "custom"
        fewer = getattr(config.model, name) - 1
        if fewer >= (getattr(config.train, f"min_{name}") or 1) and not fixed:
            changes.append({name: fewer})
    now = estimate(config).memory
    return next((c for c in changes if estimate(config.with_flat(**c)).memory < now), {})


def saved_activations(config: RunConfig) -> float:
    """Activations saved for backward at a time, for one puzzle: a count of numbers."""
    m, kind = config.model, config.train.activation_checkpointing
    calls, state = m.L_cycles + 1, m.positions * m.hidden_size
    if config.supervision.scope == "one_step":
        calls = 2
    cycles = m.H_cycles if config.supervision.scope == "full" else 1
    if loops_over_positions(config):  # the graph of a whole window of passes is kept, in scope full
        cycles *= min(config.train.truncation_length, m.seq_len) if config.supervision.scope == "full" else 1
    H, L = saved_by_a_call(m, H_layers(m)), saved_by_a_call(m)
    if kind == "call":  # the input of every call, and one call computed again
        return cycles * calls * state + max(H, L)
    one = (calls - 1) * L + H
    if kind == "cycle":  # both states between cycles, and one cycle computed again
        return cycles * 2 * state + one
    return cycles * one


def loops_over_positions(config: RunConfig) -> bool:
    """Whether each position has a pass of its own: the guide's own loop over embeddings."""
    return config.task == "embeddings" and not config.model.causal


def H_layers(m: ModelConfig) -> int:
    """Layers of the network that updates z_H."""
    return m.H_layers or m.L_layers


def saved_by_a_call(m: ModelConfig, layers: int | None = None) -> float:
    """Activations saved for backward by one call of the network for one puzzle, a count: the inputs of its products and
    norms."""
    L, D = m.positions, m.hidden_size
    inner = L * m.inner_width(D) + m.mixing.saved(L, D, m.inner_width)
    return (layers or m.L_layers) * (9 * L * D + 4 * inner)


def network_operations(m: ModelConfig, layers: int | None = None) -> float:
    """One call of the tiny network (of so many layers; None: L_layers) for one puzzle, forward."""
    L, D = m.positions, m.hidden_size
    return (layers or m.L_layers) * (m.mixing.operations(L, D, m.inner_width) + 6 * L * D * m.inner_width(D))


def table_numbers(m: ModelConfig) -> int:
    """Numbers in the table of puzzle vectors, which is no part of the weights: it is read and trained by rows."""
    return m.num_puzzle_identifiers * m.puzzle_width


def parameters(m: ModelConfig) -> int:
    """Trainable weights."""
    L, D = m.positions, m.hidden_size
    positions = L * D if m.pos_encodings == "learned" else 0
    inputs = m.vocab_size * D if m.input_size is None else (m.input_size + 1) * D
    heads = inputs + m.vocab_size * D + 2 * D + 2
    layers = m.L_layers + (H_layers(m) if m.networks == "two" else 0)
    return layers * (m.mixing.parameters(L, D, m.inner_width) + 3 * D * m.inner_width(D)) + positions + heads


def memory_size(bytes: float) -> str:
    """0.4 GB, 12 GB, 80 MB."""
    gigabytes = bytes / 1e9
    return (
        f"{gigabytes:.0f} GB"
        if gigabytes >= 10
        else f"{gigabytes:.1f} GB"
        if gigabytes >= 0.1
        else f"{bytes / 1e6:.0f} MB"
    )
