"""Keys of published files <-> names of our weights. Facts of the format; shapes are equal on both sides.

Before a key stand `_orig_mod.` (compiled), `module.` (several GPUs), `model.` (loss head) and `inner.` (halting
wrapper), in the orders that are around.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

BEFORE = (".", "_orig_mod.", "_orig._mod.", "module.", "model.", "inner.")
WHOLE = {  # theirs -> ours
    "embed_tokens.embedding_weight": "embed_tokens",
    "embed_pos.embedding_weight": "embed_pos",
    "puzzle_emb.weights": "puzzle_emb",
    "lm_head.weight": "lm_head.weight",
    "q_head.weight": "q_head.weight",
    "q_head.bias": "q_head.bias",
    "H_init": "H_init",
    "L_init": "L_init",
}
NETS = {"L_level": "net", "H_level": "net_H"}
PARTS = {
    "self_attn.qkv_proj.weight": "mix.qkv_proj.weight",
    "self_attn.o_proj.weight": "mix.o_proj.weight",
    "mlp_t.gate_up_proj.weight": "mix.mlp_t.gate_up_proj.weight",
    "mlp_t.down_proj.weight": "mix.mlp_t.down_proj.weight",
    "mlp.gate_up_proj.weight": "mlp.gate_up_proj.weight",
    "mlp.down_proj.weight": "mlp.down_proj.weight",
}
OURS_WHOLE = {ours: theirs for theirs, ours in WHOLE.items()}
OURS_NETS = {ours: theirs for theirs, ours in NETS.items()}
OURS_PARTS = {ours: theirs for theirs, ours in PARTS.items()}
LAYER = re.compile(r"(\w+)\.layers\.(\d+)\.(.+)")


def bare(key: str) -> str:
    """The key without what stands before it."""
    while found := next((before for before in BEFORE if key.startswith(before)), None):
        key = key.removeprefix(found)
    return key


def ours_of(key: str) -> str | None:
    """Our name of a bare key; None where no published model has such a key."""
    if key in WHOLE:
        return WHOLE[key]
    match = LAYER.fullmatch(key)
    if match is None or match[1] not in NETS or match[3] not in PARTS:
        return None
    return f"{NETS[match[1]]}.layers.{int(match[2])}.{PARTS[match[3]]}"


def theirs_of(name: str) -> str:
    """The bare key of one of our names."""
    if name in OURS_WHOLE:
        return OURS_WHOLE[name]
    match = LAYER.fullmatch(name)
    if match is None or match[3] not in OURS_PARTS:
        raise ValueError(f"the weight {name} has no name in the published format")
    return f"{OURS_NETS[match[1]]}.layers.{match[2]}.{OURS_PARTS[match[3]]}"


def layers_in(names: Iterable[str], net: str) -> int:
    """How many layers our names give the network `net` or `net_H`: one more than the highest number."""
    numbers = [int(match[2]) for name in names if (match := LAYER.fullmatch(name)) and match[1] == net]
    return max(numbers, default=-1) + 1
