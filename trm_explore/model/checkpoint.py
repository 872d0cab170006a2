"""Checkpoints: one safetensors file, written whole or not at all, never unpickled.

The run's config and scalars stand as JSON in the file's header; tensors are named `model.*` (raw weights), `ema.*`
(averaged weights, the ones to use) and, where training can be resumed, `optimizer.*`, `carry.*`, `random.*`.

    model, run_config = load_checkpoint("maze-linear")          # one that ships
    model, run_config = load_checkpoint("runs/first")           # a run's folder, or a file
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NamedTuple, NotRequired, TypedDict

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor

from trm_explore.config import RunConfig
from trm_explore.config.checks import nearest, shown
from trm_explore.data.assets import asset, checkpoints
from trm_explore.data.download import HUB, fetch_checkpoint
from trm_explore.model.cost import parameters
from trm_explore.model.foreign import IMPORT, check_ours
from trm_explore.model.recursion import RecursiveModel
from trm_explore.storage.untrusted import SAFE_WHOLE, Range, conform, parse_json
from trm_explore.storage.whole import write_whole

CHECKPOINT_NAME = "model.safetensors"  # in a run's folder
FORMAT = "trm_explore 1"
MOST_HEADER = 4_000_000  # bytes
TABLE = "model.puzzle_emb"  # puzzle vectors; there is no average of them


class Scalars(TypedDict):
    """What a training's state has beside its tensors; a checkpoint for evaluation needs none of it."""

    update: NotRequired[Annotated[int, Range(0, SAFE_WHOLE)]]
    seconds: NotRequired[Annotated[float, Range(0, 1e12)]]
    drawn: NotRequired[Annotated[int, Range(0, SAFE_WHOLE)]]  # examples taken from the task so far
    averaged: NotRequired[Annotated[int, Range(0, SAFE_WHOLE)]]  # updates in the averaged weights
    data_random: NotRequired[dict[str, Any]]  # NumPy's generator


class Checkpoint(NamedTuple):
    """What is in a file: the resolved config, JSON scalars, tensors on the CPU."""

    config: RunConfig
    scalars: dict[str, Any]
    tensors: dict[str, Tensor]


def checkpoint_bytes(checkpoint: Checkpoint) -> bytes:
    """What a file of it holds."""
    header = {
        "format": FORMAT,
        "config": json.dumps(checkpoint.config.to_flat()),
        "scalars": json.dumps(checkpoint.scalars),
    }
    return to_bytes({k: v.detach().cpu().contiguous() for k, v in checkpoint.tensors.items()}, metadata=header)


def write_checkpoint(path: str | Path, checkpoint: Checkpoint) -> Path:
    """Writes atomically: on any failure a file that was there before stays as it was, and OSError says why."""
    path, data = Path(path), checkpoint_bytes(checkpoint)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(error.errno, f"could not save {path}: {error.strerror}") from error
    return write_whole(path, data, "checkpoint")


def read_checkpoint(path: str | Path, name: str = "") -> Checkpoint:
    """Reads and checks a file that `write_checkpoint` wrote; ValueError with one sentence for anything else. `name`:
    what the sentence calls the file, if not by its path."""
    name = name or str(path)
    config, scalars = read_header(path, name)
    with _file(path, name) as file:
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a dict)
    held = sum(tensor.numel() for tensor in tensors.values())
    if None not in (config.model.vocab_size, config.model.seq_len) and parameters(config.model) > held:
        raise ValueError(  # before anything of that size is made
            f"{name} holds {held} numbers, but its config asks for {parameters(config.model)} weights; it is damaged"
        )
    return Checkpoint(config, scalars, tensors)


def read_header(path: str | Path, name: str = "") -> tuple[RunConfig, dict[str, Any]]:
    """Config and scalars of such a file, without its tensors; ValueError likewise."""
    path, name = Path(path), name or str(path)
    if not path.is_file():
        raise ValueError(f"there is no checkpoint {name}; give the path of a .safetensors file that trm-explore saved")
    check_ours(path, name)
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
    if MOST_HEADER < length <= path.stat().st_size:
        raise ValueError(f"{name} has a header of {length:,} bytes; at most {MOST_HEADER:,} are read")
    with _file(path, name) as file:
        header = file.metadata() or {}
    if header.get("format") != FORMAT:
        format_name = header.get("format")
        if str(format_name).startswith(FORMAT.split()[0]):
            raise ValueError(
                f"{name} has format {shown(format_name)}, not {FORMAT!r}; another version of trm-explore saved it"
            )
        raise ValueError(f"{name} has format {shown(format_name)}: another program saved it, not trm-explore; {IMPORT}")
    try:
        flat = parse_json(header["config"])
        if not isinstance(flat, dict):
            raise ValueError(f"its config is {shown(flat)}; it must be an object of settings")
        return RunConfig.from_flat(flat), conform(parse_json(header["scalars"]), Scalars, "scalars")
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{name} has a damaged header: {str(error)[:200]}") from error


@contextmanager
def _file(path: str | Path, name: str) -> Iterator[Any]:
    try:
        with safe_open(path, "pt") as file:
            yield file
    except (SafetensorError, OSError, ValueError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{name} is not a whole safetensors file ({str(error)[:100]}); it may be cut off or of another kind"
        ) from error


def find_checkpoint(name: str | Path) -> Path:
    """The checkpoint that somebody named: a file, a run's folder, one that ships with the project (maze-linear), or
    one on huggingface.co (hf://user/name). ValueError with one sentence where there is none."""
    if not str(name).strip():
        raise ValueError("the checkpoint's name is empty; give a file, a run's folder, or the name of a shipped one")
    if str(name).startswith(HUB):
        return fetch_checkpoint(str(name))
    path = Path(name)
    if os.path.isdir(path):  # whatever the name: no error
        if not (path / CHECKPOINT_NAME).is_file():
            raise ValueError(f"there is no checkpoint {path / CHECKPOINT_NAME}; give the folder of a run that has one")
        return path / CHECKPOINT_NAME
    if os.path.exists(path):
        return path
    shipped = checkpoints()
    if str(name).removesuffix(".safetensors") in shipped:
        return asset(str(name))
    raise ValueError(
        f"there is no checkpoint {str(name)[:200]}; give a .safetensors file, a run's folder, or the name of a shipped "
        f"one, such as maze-linear{nearest(str(name), shipped)}"
    )


def load_checkpoint(path: str | Path, device: str = "cpu") -> tuple[RecursiveModel, RunConfig]:
    """The model in evaluation mode, with its averaged weights where the file has them, and the run's config.

    `path`: what `find_checkpoint` takes: a file, a run's folder, the name of a shipped model or hf://user/name.
    `device`: as PyTorch names them. ValueError with one sentence for what is no checkpoint of ours.
    """
    path = find_checkpoint(path)
    checkpoint = read_checkpoint(path)
    prefix = "ema." if any(name.startswith("ema.") for name in checkpoint.tensors) else "model."
    model = RecursiveModel(checkpoint.config.model, checkpoint.config.supervision, checkpoint.config.train)
    load_weights(model, checkpoint, prefix, path)
    return model.eval().to(device), checkpoint.config


def load_weights(model: RecursiveModel, checkpoint: Checkpoint, prefix: str, path: str | Path) -> None:
    """Copies the tensors named prefix + name into the model; ValueError names the first that is missing, foreign or
    misshapen."""
    found = {k.removeprefix(prefix): v for k, v in checkpoint.tensors.items() if k.startswith(prefix)}
    if TABLE in checkpoint.tensors:  # kept once, under model.*
        found["puzzle_emb"] = checkpoint.tensors[TABLE]
    wanted = model.state_dict()
    for name in sorted(wanted.keys() ^ found.keys()):
        state = "is missing" if name in wanted else "does not belong to this model"
        raise ValueError(f"{path}: the tensor {prefix}{name} {state}; the file does not fit its own config")
    for name, tensor in wanted.items():
        if tensor.shape != found[name].shape:
            raise ValueError(
                f"{path}: {prefix}{name} has shape {tuple(found[name].shape)}, its config needs {tuple(tensor.shape)}"
            )
        if not torch.isfinite(found[name]).all():
            raise ValueError(f"{path}: {prefix}{name} holds numbers that are not finite; that training had diverged")
    model.load_state_dict(found)


def slim(checkpoint: Checkpoint) -> Checkpoint:
    """The averaged weights only, for evaluation and sharing: it cannot be resumed."""
    prefix = "ema." if any(name.startswith("ema.") for name in checkpoint.tensors) else "model."
    return checkpoint._replace(
        tensors={k: v for k, v in checkpoint.tensors.items() if k.startswith(prefix) or k == TABLE}
    )


def pick_device(name: str) -> torch.device:
    """`auto`: CUDA, else Apple's MPS, else the CPU; ValueError where the named device is not there."""
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return torch.device(next(kind for kind, is_there in there.items() if is_there))
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ValueError(f"device={shown(name)} is not known; allowed are auto, cpu, cuda, cuda:N, mps") from None
    count = torch.cuda.device_count() if device.type == "cuda" else 1
    if not there.get(device.type) or (device.index or 0) >= count:
        raise ValueError(
            f"device={shown(name)} is not here; there is {', '.join(k for k, v in there.items() if v)}, or take auto"
        )
    return device
