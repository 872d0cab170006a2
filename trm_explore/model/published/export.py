"""A model of ours as a checkpoint that the published code loads: a folder with step_N and all_config.yaml."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import torch

from trm_explore.config import ModelConfig, RunConfig
from trm_explore.model.published.config_file import write_settings
from trm_explore.model.published.names import theirs_of
from trm_explore.model.recursion import RecursiveModel
from trm_explore.storage.whole import write_whole

PREFIX = "model.inner."
ARCHITECTURES = {  # (networks, states) -> the class in the published code
    ("shared", "two"): "recursive_reasoning.trm@TinyRecursiveReasoningModel_ACTV1",
    ("shared", "one"): "recursive_reasoning.trm_singlez@TinyRecursiveReasoningModel_ACTV1",
    ("two", "two"): "recursive_reasoning.hrm@HierarchicalReasoningModel_ACTV1",
}


def export_published(model: RecursiveModel, config: RunConfig, folder: str | Path, step: int = 0) -> Path:
    """Writes `folder`/step_`step` and `folder`/all_config.yaml; returns the first. ValueError where the published code
    has no such network, or a file is there already."""
    check_exportable(model.config)
    folder = Path(folder)
    file, beside = folder / f"step_{step}", folder / "all_config.yaml"
    for path in (file, beside):
        if path.exists():
            raise ValueError(f"{path} is there already; choose another folder")
    tensors = {name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()}
    if model.config.states == "one":
        del tensors["H_init"]
    m = model.config
    if m.puzzle_emb_len and not m.num_puzzle_identifiers:  # an empty prefix is a row of zeros there
        tensors["puzzle_emb"] = torch.zeros(1, m.hidden_size)
    folder.mkdir(parents=True, exist_ok=True)
    packed = io.BytesIO()
    torch.save({PREFIX + theirs_of(name): value for name, value in tensors.items()}, packed)
    write_whole(beside, write_settings(settings_of(config, m)))
    try:  # last: where the weights are, their settings are
        write_whole(file, packed.getvalue())
    except OSError:
        beside.unlink(missing_ok=True)
        raise
    return file


def settings_of(config: RunConfig, m: ModelConfig) -> dict[str, Any]:
    """The published settings of a run, nested as in all_config.yaml."""
    t = config.train
    arch = {
        "name": ARCHITECTURES[m.networks, m.states],
        "loss": {"name": "losses@ACTLossHead", "loss_type": f"{t.loss}_cross_entropy"},
        "H_cycles": m.H_cycles,
        "L_cycles": m.L_cycles,
        "H_layers": m.H_layers or (m.L_layers if m.networks == "two" else 0),
        "L_layers": m.L_layers,
        "hidden_size": m.hidden_size,
        "num_heads": m.num_heads,
        "expansion": m.expansion,
        "puzzle_emb_ndim": m.puzzle_width if m.puzzle_emb_len else 0,
        "puzzle_emb_len": m.puzzle_emb_len,
        "pos_encodings": m.pos_encodings,
        "rms_norm_eps": m.rms_norm_eps,
        "rope_theta": m.rope_theta,
        "mlp_t": m.mixer == "mlp",
        "halt_max_steps": t.steps_limit,
        "halt_exploration_prob": t.halt_exploration_prob,
        "forward_dtype": m.forward_dtype,
    }
    return {
        "arch": arch,
        "lr": t.lr,
        "lr_min_ratio": t.lr_min_ratio,
        "lr_warmup_steps": t.warmup_updates,
        "global_batch_size": t.batch_size,
        "beta1": t.beta1,
        "beta2": t.beta2,
        "weight_decay": t.weight_decay,
        "puzzle_emb_lr": t.puzzle_emb_lr,
        "puzzle_emb_weight_decay": t.puzzle_emb_weight_decay,
        "seed": t.seed,
    }


def check_exportable(m: ModelConfig) -> None:
    """ValueError, with the setting, where the published code has no such network."""
    if m.mixer == "conv" or m.causal or m.input_size is not None:
        setting = "mixer=conv" if m.mixer == "conv" else "causal=True" if m.causal else f"input_size={m.input_size}"
        raise ValueError(f"{setting} is ours; the published code has no such network, so it cannot be exported")
    if m.mixer == "mlp" and m.mix_norm != "positions":
        raise ValueError(
            "mixer=mlp with mix_norm=width is ours; the published mlp_t has mix_norm=positions, "
            "so it cannot be exported"
        )
    widths = [m.hidden_size, *([m.positions] if m.mixer == "mlp" else [])]
    for width in widths:
        published = -(-round(m.expansion * width * 2 / 3) // 256) * 256
        if m.inner_width(width) != published:
            raise ValueError(
                f"swiglu_multiple={m.swiglu_multiple} makes an inner width of {m.inner_width(width)}, the published "
                f"code's 256 makes {published}; only a network with swiglu_multiple=256 can be exported"
            )
    if m.networks == "two" and m.puzzle_emb_len != (-(-m.puzzle_width // m.hidden_size) if m.puzzle_emb_len else 0):
        raise ValueError(
            f"puzzle_emb_len={m.puzzle_emb_len} is not what HRM's code makes of a vector of {m.puzzle_width} numbers, "
            f"{-(-m.puzzle_width // m.hidden_size)}; it cannot be exported"
        )
