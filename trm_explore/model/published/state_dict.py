"""The names and tensors in somebody's file: a bare state_dict, one inside a training's checkpoint, or safetensors."""

from __future__ import annotations

import pickle
import re
import warnings
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from trm_explore.config.checks import shown
from trm_explore.model.checkpoint import FORMAT
from trm_explore.model.foreign import kind_of
from trm_explore.model.published.names import bare, ours_of

ENDINGS = (".safetensors", ".pt", ".pth", ".ckpt", ".bin")
STEP = re.compile(r"step_(\d+)")  # what the published code calls its checkpoints
DEEP = 3  # dicts within each other in which weights are looked for


def find_file(path: Path) -> tuple[Path, list[str]]:
    """The checkpoint that a path names, and remarks: a folder stands for the one in it, of step_N the last."""
    if not path.is_dir():
        return path, []
    files = [file for file in sorted(path.iterdir()) if file.is_file()]
    steps = sorted((int(match[1]), file) for file in files if (match := STEP.fullmatch(file.name)))
    there = [file for file in files if file.suffix.lower() in ENDINGS or file.name == "checkpoint"]
    there += [file for _, file in steps[-1:]]
    if len(there) != 1:
        names = ", ".join(shown(file.name) for file in there[:5]) + ", \u2026" * (len(there) > 5)
        raise ValueError(
            f"{path} is a folder with "
            + (
                f"{len(there)} checkpoints: {names}; give one of them"
                if there
                else f"no checkpoint (step_N, checkpoint, *{', *'.join(ENDINGS)}); give the file"
            )
        )
    return there[0], [f"{there[0].name} of the folder is read"]


def read_state_dict(path: Path, inside: str = "") -> tuple[dict[str, Tensor], list[str]]:
    """Names and tensors, and remarks. `inside`: which of several dicts of the file, such as ema or a.b. ValueError, one
    sentence, for what has none, or several."""
    if not path.is_file():
        raise ValueError(f"there is no file {path}; give a checkpoint of HRM or TRM, such as step_32550")
    try:
        kind = kind_of(path, str(path))
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror or error}") from None
    loaded = _safetensors(path) if kind == "safetensors" else _torch(path)
    found = _dicts(loaded)
    if known := {name: held for name, held in found.items() if any(ours_of(bare(str(key))) for key in held)}:
        found = known  # the others are of the optimiser and the like
    if inside:
        if inside not in found:
            raise ValueError(f"{path} holds no weights in {shown(inside)}; it has {_names(found)}")
        return found[inside], [f"weights from {inside!r} in the file"]
    if not found:
        held = _names(loaded) if isinstance(loaded, dict) else f"a {type(loaded).__name__}"
        raise ValueError(f"{path} is no state_dict of names and tensors; it holds {held}")
    if len(found) > 1:
        raise ValueError(f"{path} holds several sets of weights: {_names(found)}; name one with inside (--inside NAME)")
    ((name, weights),) = found.items()
    return weights, [f"weights from {name!r} in the file"] if name else []


def _dicts(value: Any, place: str = "", depth: int = 0) -> dict[str, dict[str, Tensor]]:
    """Every dict that holds tensors only, by its place ("" for the whole file)."""
    if not isinstance(value, dict) or not value:
        return {}
    if all(isinstance(inner, Tensor) for inner in value.values()):
        return {place: value}
    found = {}
    for name, inner in value.items() if depth < DEEP else ():
        found |= _dicts(inner, f"{place}.{name}".removeprefix("."), depth + 1)
    return found


def _names(there: dict[Any, Any]) -> str:
    listed = [shown(name) for name in list(there)[:8]]
    return ", ".join(listed) + ", \u2026" * (len(there) > 8) or "nothing"


def _safetensors(path: Path) -> dict[str, Tensor]:
    """Mapped: what is not used is not read."""
    try:
        with safe_open(path, "pt") as file:
            if (file.metadata() or {}).get("format") == FORMAT:
                raise ValueError(
                    f"{path} was saved by trm-explore itself; it needs no import: give it to evaluate, show, app --open"
                )
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except (SafetensorError, OSError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{path} is not a whole safetensors file ({_short(error)}); it may be cut off: download it again"
        ) from error


def _torch(path: Path) -> Any:
    try:
        return _loaded(path)
    except (pickle.UnpicklingError, AttributeError, EOFError, KeyError, TypeError, IndexError, ImportError) as error:
        raise ValueError(
            f"{path} holds more than tensors, or is damaged, and is not opened ({_short(error)}); "
            "give a bare state_dict: torch.save(model.state_dict(), FILE)"
        ) from error
    except (RuntimeError, ValueError, OSError, SafetensorError) as error:
        raise ValueError(f"{path} is no whole file that torch.save wrote ({_short(error)})") from error


def _loaded(path: Path) -> Any:
    """Mapped, so that a huge table stays in the file; the oldest files cannot be mapped. PyTorch goes by the name of
    the file where it is called .safetensors."""
    if path.suffix == ".safetensors":
        with path.open("rb") as file:
            return torch.load(file, map_location="cpu", weights_only=True)
    try:
        return torch.load(path, map_location="cpu", mmap=True, weights_only=True)
    except RuntimeError as error:
        if "mmap can only be used" not in str(error):
            raise
        with warnings.catch_warnings(action="ignore"):  # of what else a foreign file may hold; it is refused below
            return torch.load(path, map_location="cpu", weights_only=True)


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:80] or type(error).__name__
