"""Which model is it? Told from keys and shapes; what these do not show comes from the config file, from arguments, or
is the published value.

Published values (TRM, arXiv 2510.04871, and HRM, arXiv 2506.21734, with their released settings): 16 supervision steps,
stablemax loss, heads of width 64, a prefix of 16 positions (HRM: as many as the vector needs), three H-cycles of six
L-cycles for Sudoku and of four for mazes and ARC, HRM two of two.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from torch import Tensor

from trm_explore.config import RunConfig
from trm_explore.config.checks import is_number, shown
from trm_explore.model.published.config_file import Settings
from trm_explore.model.published.names import layers_in, theirs_of

# vocabulary -> (task here, positions, L-cycles)
KNOWN = {11: ("sudoku9", 81, 6), 6: ("maze", 900, 4), 12: ("arc", 900, 4)}
SOFTMAX = "softmax_cross_entropy"  # the other loss there is is stablemax
# How it was trained, where no config file says so. Nothing is clipped there.
PUBLISHED_TRAINING = {"lr": 1e-4, "lr_min_ratio": 1.0, "warmup_updates": 2000, "batch_size": 768, "grad_clip": 1e9}
HIDDEN = ("H_cycles", "L_cycles", "num_heads", "pos_encodings", "halt_max_steps", "seq_len", "puzzle_emb_len")


class Variant(NamedTuple):
    """A run of that model, and where its settings come from, a sentence each."""

    config: RunConfig
    remarks: list[str]


def variant_of(weights: dict[str, Tensor], settings: Settings, given: dict[str, Any], file: str) -> Variant:
    """`weights` by our names, the table included; `settings` of the config file; `given` arguments (None: not given).

    ValueError, one sentence with the key, where something is missing or contradicts.
    """
    shapes = {name: tuple(value.shape) for name, value in weights.items()}

    def shape(name: str, dims: int = 2) -> tuple[int, ...]:
        if name not in shapes:
            raise ValueError(f"{file}: the key {theirs_of(name)} is missing; every published checkpoint has it")
        if len(shapes[name]) != dims:
            raise ValueError(f"{file}: {theirs_of(name)} has shape {shapes[name]}; it must have {dims} axes")
        return shapes[name]

    V, D = shape("embed_tokens")
    inner = shape("net.layers.0.mlp.down_proj.weight")[1]
    two, one = layers_in(shapes, "net_H") > 0, "H_init" not in shapes
    mixing = "net.layers.0.mix.mlp_t.gate_up_proj.weight"
    mlp = mixing in shapes
    where, seen = Sources(settings, given), {}
    if mlp:
        seen["positions"] = shape(mixing)[1]
    elif "embed_pos" in shapes:
        seen["positions"] = shape("embed_pos")[0]
    rows, width = shape("puzzle_emb") if "puzzle_emb" in shapes else (0, None)
    task, usual_length, usual_L = KNOWN.get(V, ("published", None, 6))

    prefix = where.take("puzzle_emb_len", 0 if not rows else -(-width // D) if two else 16)
    if not prefix and rows:  # published: 0 means as many as the vector needs
        prefix = -(-width // D)
    length = where.take("seq_len", seen["positions"] - prefix if "positions" in seen else usual_length)
    if length is None:
        raise ValueError(
            f"{file} has {V} symbols, which is none of the published vocabularies (11, 6, 12), and its shapes do not "
            "show how many positions a puzzle has; give seq_len"
        )
    if "positions" in seen and seen["positions"] != prefix + length:
        name = theirs_of(mixing if mlp else "embed_pos")
        raise ValueError(
            f"{file}: {name} is for {seen['positions']} positions, but puzzle_emb_len={prefix} and seq_len={length} "
            f"make {prefix + length}; leave one of them out"
        )
    flat = {
        "vocab_size": V,
        "seq_len": length,
        "hidden_size": D,
        "L_layers": layers_in(shapes, "net"),
        "networks": "two" if two else "shared",
        "H_layers": layers_in(shapes, "net_H") if two else None,
        "states": "one" if one else "two",
        "mixer": "mlp" if mlp else "attention",
        "mix_norm": "positions" if mlp else "width",
        "num_heads": where.take("num_heads", max(1, D // 64)),
        "pos_encodings": "learned"
        if "embed_pos" in shapes
        else where.take("pos_encodings", "none" if mlp else "rope", ("rope", "none")),
        "puzzle_emb_len": prefix,
        "num_puzzle_identifiers": rows,
        "puzzle_emb_ndim": None if width == D else width,
        "H_cycles": where.take("H_cycles", 2 if two else 3),
        "L_cycles": where.take("L_cycles", 2 if two else usual_L),
        "halt_max_steps": where.take("halt_max_steps", 16),
        "halt_exploration_prob": where.take("halt_exploration_prob", 0.1),
        "rms_norm_eps": where.take("rms_norm_eps", 1e-5),
        "rope_theta": where.take("rope_theta", 10000.0),
        "expansion": float(where.take("expansion", 4.0)),
        "swiglu_multiple": 256,
        "forward_dtype": given.get("forward_dtype") or "float32",
        "gradient_scope": "one_step" if two else "last",
        "loss": "softmax" if settings.get("arch.loss.loss_type") == SOFTMAX else "stablemax",
        **PUBLISHED_TRAINING,
        "task": task if (V, length) in {(v, n) for v, (_, n, _) in KNOWN.items()} else "published",
        "preset": "paper",
    }
    flat |= where.training()
    if not mlp and flat["num_heads"] and D % flat["num_heads"]:
        raise ValueError(f"{file}: num_heads={flat['num_heads']} does not divide its width {D}; give num_heads")
    config = RunConfig.from_flat(flat)
    _agree(settings, config, file)
    usual = -(-width // D) if rows and two else prefix
    if inner != config.model.inner_width(D):
        raise ValueError(
            f"{file}: {theirs_of('net.layers.0.mlp.down_proj.weight')} is {inner} wide, but expansion="
            f"{config.model.expansion:g} makes {config.model.inner_width(D)}; give expansion"
        )
    remarks = where.remarks(config)
    if prefix != usual:  # no shape of an attention model shows it, and another one gives other answers
        remarks.append(
            f"HRM's code has a prefix of {usual} positions for vectors of {width} numbers, not puzzle_emb_len={prefix}"
            "; is the config file of this model?"
        )
    return Variant(config, remarks)


class Sources:
    """Takes each hidden setting from the config file, else the argument, else the published value, and remembers."""

    def __init__(self, settings: Settings, given: dict[str, Any]):
        self.settings, self.given = settings, given
        self.taken: dict[str, str] = {}

    def take(self, name: str, published: Any, allowed: tuple[Any, ...] = ()) -> Any:
        in_file, given = self.settings.get(f"arch.{name}"), self.given.get(name)
        fits = (
            isinstance(in_file, str) and in_file in (allowed or (in_file,))
            if isinstance(published, str)
            else is_number(in_file)
        )
        if in_file is not None and not fits:
            raise ValueError(
                f"all_config.yaml says arch.{name}={shown(in_file)}, which is no possible value; correct it"
            )
        if None not in (in_file, given) and in_file != given:
            raise ValueError(f"{name}={given} contradicts all_config.yaml, which says {shown(in_file)}; leave it out")
        if in_file is not None:
            self.taken[name] = "all_config.yaml"
            return in_file
        if given is not None:
            self.taken[name] = "given"
            return given
        self.taken[name] = "as published"
        return published

    def training(self) -> dict[str, Any]:
        """What the config file says of the training, by our names."""
        names = {
            "lr": "lr",
            "lr_min_ratio": "lr_min_ratio",
            "lr_warmup_steps": "warmup_updates",
            "global_batch_size": "batch_size",
            "beta1": "beta1",
            "beta2": "beta2",
            "weight_decay": "weight_decay",
            "puzzle_emb_lr": "puzzle_emb_lr",
            "puzzle_emb_weight_decay": "puzzle_emb_weight_decay",
        }
        in_file = {ours: self.settings.get(theirs) for theirs, ours in names.items()}
        return {ours: value for ours, value in in_file.items() if value is not None}

    def remarks(self, config: RunConfig) -> list[str]:
        flat = config.to_flat()
        return [f"{name}={flat[name]} ({self.taken[name]})" for name in HIDDEN if name in self.taken]


def _agree(settings: Settings, config: RunConfig, file: str) -> None:
    """The config file against the shapes."""
    m = config.model
    seen = {
        "hidden_size": m.hidden_size,
        "L_layers": m.L_layers,
        "mlp_t": m.mixer == "mlp",
        "puzzle_emb_ndim": m.puzzle_width if m.num_puzzle_identifiers else 0,
    }
    if m.networks == "two":
        seen["H_layers"] = m.H_layers
    for name, value in seen.items():
        in_file = settings.get(f"arch.{name}", value)
        if in_file != value and not (isinstance(in_file, float) and math.isclose(in_file, value)):
            raise ValueError(f"all_config.yaml says arch.{name}={shown(in_file)}, but the shapes in {file} say {value}")
