"""What a checkpoint's file is, by its first bytes: ours, a published one, or something else, said in one sentence."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Literal

from trm_explore.data.text_file import HEAD, what_is

Kind = Literal["safetensors", "torch", "zip", "unknown"]
IMPORT = "`trm-explore import FILE --out model.safetensors` reads checkpoints of HRM and TRM and writes one of ours"


def kind_of(path: Path, name: str) -> Kind:
    """Which reader the file is for, whatever it is called; ValueError where it is surely no checkpoint, such as a Git
    LFS pointer. `name` is for sentences."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    if head[4:9] == b"\0\0\0\0{":  # the header's length, any bytes, then its JSON
        return "safetensors"
    if what := what_is(head):
        raise ValueError(f"{name} is {what}")
    if head.startswith(b"PK\3\4"):
        try:
            with zipfile.ZipFile(path) as archive:
                inside = archive.namelist()
        except (zipfile.BadZipFile, OSError, NotImplementedError, UnicodeError):
            return "torch" if b"data.pkl" in head else "zip"  # cut off: the list stands at its end
        return "torch" if any(part.endswith("/data.pkl") for part in inside) else "zip"
    return "torch" if head.startswith(b"\x80") else "unknown"  # a pickle, as torch.save once wrote


def check_ours(path: Path, name: str) -> None:
    """ValueError where the file is no safetensors file; says what to do with it."""
    kind = kind_of(path, name)
    if kind == "torch":
        raise ValueError(f"{name} is a file of torch.save, not one that trm-explore saved; {IMPORT}")
    if kind == "zip":
        raise ValueError(f"{name} is a ZIP file; if it is a run of the page, unpack it and give its model.safetensors")
