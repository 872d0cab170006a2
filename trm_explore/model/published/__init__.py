"""Checkpoints in the format of HRM and TRM: read as a model of ours, and written back.

    model = load_published("checkpoints/step_32550")           # ready for initial_carry and a published batch
    export_published(model, run_config, "checkpoints/mine")    # step_0 and all_config.yaml, which their code loads

Such a file is a state_dict that torch.save wrote, bare or inside a training's checkpoint, or safetensors; it is read
with weights_only, so that no code in it can run.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import torch
from torch import Tensor

from trm_explore.config import RunConfig
from trm_explore.config.checks import shown
from trm_explore.model.published.config_file import Settings, read_settings
from trm_explore.model.published.export import export_published
from trm_explore.model.published.names import bare, ours_of, theirs_of
from trm_explore.model.published.state_dict import find_file, read_state_dict
from trm_explore.model.published.variant import variant_of
from trm_explore.model.recursion import RecursiveModel

__all__ = ["Published", "PuzzleEmbedding", "export_published", "load_published", "read_published"]

PuzzleEmbedding = Literal["memory-map", "leave-out"]
CONFIG_NAME = "all_config.yaml"


class Published(NamedTuple):
    """A published checkpoint as ours."""

    model: RecursiveModel  # in evaluation mode, on the CPU
    config: RunConfig
    remarks: list[str]  # settings that no shape shows, and where each comes from


def load_published(
    path: str | Path, *, puzzle_embedding: PuzzleEmbedding = "memory-map", **given: Any
) -> RecursiveModel:
    """The model of a published file, as `read_published` reads it."""
    return read_published(path, puzzle_embedding=puzzle_embedding, **given).model


def read_published(
    path: str | Path,
    *,
    puzzle_embedding: PuzzleEmbedding = "memory-map",
    puzzle_table: PuzzleEmbedding | None = None,
    inside: str = "",
    H_cycles: int | None = None,
    L_cycles: int | None = None,
    num_heads: int | None = None,
    seq_len: int | None = None,
    puzzle_emb_len: int | None = None,
    pos_encodings: str | None = None,
    expansion: float | None = None,
    halt_max_steps: int | None = None,
    forward_dtype: str | None = None,
) -> Published:
    """Reads the file and, where it is there, the all_config.yaml beside it. The variant is told from keys and shapes;
    arguments say what these and the config file do not, else published values are taken.

    puzzle_embedding: `memory-map` leaves the table of puzzle vectors in the file until a row is read (it may have a
    million rows); `leave-out` drops it: the prefix is then empty for every puzzle. `path` may be the folder of the
    file; `inside` names one of several sets of weights in it, such as ema. ValueError, one sentence with the key,
    for anything that is no such file or contradicts itself.
    """
    if puzzle_table is not None:
        warnings.warn("puzzle_table is now puzzle_embedding", DeprecationWarning, stacklevel=2)
        puzzle_embedding = puzzle_table
    if puzzle_embedding not in get_args(PuzzleEmbedding):
        allowed = ", ".join(get_args(PuzzleEmbedding))
        raise ValueError(f"puzzle_embedding={shown(puzzle_embedding)} is not known; allowed are {allowed}")
    path, found = find_file(Path(path))
    given = {
        "H_cycles": H_cycles,
        "L_cycles": L_cycles,
        "num_heads": num_heads,
        "seq_len": seq_len,
        "puzzle_emb_len": puzzle_emb_len,
        "pos_encodings": pos_encodings,
        "expansion": expansion,
        "halt_max_steps": halt_max_steps,
        "forward_dtype": forward_dtype,
    }
    loaded, unwrapped = read_state_dict(path, inside)
    weights = _renamed(loaded, str(path))
    beside = path.parent / CONFIG_NAME
    there = beside.is_file()
    settings = read_settings(beside) if there else Settings({})
    config, remarks = variant_of(weights, settings, given, str(path))
    remarks = [*found, *unwrapped, *remarks]
    if there and (names := settings.unheard()):
        remarks.append(f"{CONFIG_NAME} beside it gives no setting that is known here; it has {names}")
    if puzzle_embedding == "leave-out":
        weights.pop("puzzle_emb", None)
        config = config.with_flat(num_puzzle_identifiers=0, puzzle_emb_ndim=None)
        remarks.append("the table of puzzle vectors is left out")
    model = RecursiveModel(config.model, config.supervision, config.train)
    if config.model.states == "one":
        weights["H_init"] = weights["L_init"]  # not read
    _fill(model, weights, str(path))
    return Published(model.eval(), config, remarks)


def _renamed(loaded: dict[str, Tensor], file: str) -> dict[str, Tensor]:
    """By our names."""
    weights: dict[str, Tensor] = {}
    for key, value in ((str(key), value) for key, value in loaded.items()):
        name = ours_of(bare(key))
        if name is None:
            raise ValueError(f"{file}: the key {key[:200]} belongs to no published model that is known here")
        if name in weights:
            raise ValueError(f"{file}: the key {key[:200]} is there twice, with different beginnings")
        if not value.is_floating_point():
            raise ValueError(f"{file}: {key} holds {value.dtype}, not weights")
        weights[name] = value
    return weights


def _fill(model: RecursiveModel, weights: dict[str, Tensor], file: str) -> None:
    """Copies the weights in, the table excepted: it stays where it is."""
    wanted = model.state_dict()
    for name in sorted(wanted.keys() ^ weights.keys()):
        state = "is missing" if name in wanted else "does not belong to the variant that the other keys show"
        raise ValueError(f"{file}: the key {theirs_of(name)} {state}")
    for name, tensor in wanted.items():
        if tensor.shape != weights[name].shape:
            raise ValueError(
                f"{file}: {theirs_of(name)} has shape {tuple(weights[name].shape)}, the other keys need "
                f"{tuple(tensor.shape)}"
            )
        if name != "puzzle_emb" and not torch.isfinite(weights[name]).all():
            raise ValueError(f"{file}: {theirs_of(name)} holds numbers that are not finite; that training had diverged")
    table = weights.pop("puzzle_emb", None)
    if table is not None:
        model.puzzle_emb = table.detach().float()  # itself, where it is float32
    model.load_state_dict(weights, strict=False)
