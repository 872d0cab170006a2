"""What strangers send: a run's parts, and the same with whatever else in its header; for tests of what is refused."""

import io
import json
import zipfile

import pytest
from safetensors.torch import save

from trm_explore.app.keep import find, make
from trm_explore.model.checkpoint import FORMAT, read_checkpoint
from trm_explore.runs.registry import Runs


@pytest.fixture(scope="module")
def parts():
    """The parts of a whole run's ZIP, by name."""
    with zipfile.ZipFile(io.BytesIO(make(find("recorded-sudoku4-on", Runs(slots=1)), "run.zip"))) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="module")
def checkpoint(parts, tmp_path_factory):
    path = tmp_path_factory.mktemp("whole") / "whole.safetensors"
    path.write_bytes(parts["model.safetensors"])
    return read_checkpoint(path)


def rewritten(checkpoint, scalars=None, **settings):
    """The bytes of the checkpoint with other settings in its header, which no config of ours has checked."""
    flat = checkpoint.config.to_flat() | settings
    said = json.dumps(checkpoint.scalars) if scalars is None else scalars
    return save(checkpoint.tensors, metadata={"format": FORMAT, "config": json.dumps(flat), "scalars": said})


def zipped(parts, **changed):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, data in (parts | {name.replace("_", "."): data for name, data in changed.items()}).items():
            archive.writestr(name, data)
    return out.getvalue()


def sentence(error):
    text = str(error)
    return bool(text) and "\n" not in text and "Traceback" not in text and len(text) < 700


COSTLY = [
    {"eval_H_cycles": 10**4},
    {"eval_H_cycles": 10**6},
    {"eval_H_cycles": 10**9},
    {"halt_max_steps": 10**4},
    {"halt_max_steps": 10**9},
    {"supervision_steps": 10**5},
    {"H_cycles": 1000},
    {"L_cycles": 1000, "H_cycles": 250},
    {"pool_size": 10_000_000},
    {"eval_H_cycles": int("9" * 4000)},
]
