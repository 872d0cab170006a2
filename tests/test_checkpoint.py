"""checkpoint.py: written whole or not at all, never unpickled, one sentence for every damaged file."""

import errno
import json
import os
import pickle
import stat

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from trm_explore.model.checkpoint import (
    FORMAT,
    Checkpoint,
    load_checkpoint,
    pick_device,
    read_checkpoint,
    slim,
    write_checkpoint,
)
from trm_explore.training import Training


@pytest.fixture(scope="module")
def checkpoint(tiny_run):
    """The whole state of a training after two updates."""
    training = Training(tiny_run(supervision_steps=3, deep_supervision_weight=0.25))
    stream = iter(training)
    while training.update < 2:
        next(stream)
    return training.checkpoint()


@pytest.fixture
def file(checkpoint, tmp_path):
    return write_checkpoint(tmp_path / "runs" / "model.safetensors", checkpoint)


def test_a_file_gives_back_what_was_written(checkpoint, file):
    back = read_checkpoint(file)
    assert back.config == checkpoint.config
    assert back.scalars == checkpoint.scalars
    assert back.tensors.keys() == checkpoint.tensors.keys()
    for name, tensor in checkpoint.tensors.items():
        assert back.tensors[name].dtype == tensor.dtype and torch.equal(back.tensors[name], tensor), name
    kinds = {name.split(".")[0] for name in back.tensors}
    assert kinds == {"model", "ema", "optimizer", "carry", "random", "running"}


def test_the_new_file_is_written_beside_the_old_one_so_that_it_can_take_its_place_at_once(
    checkpoint, file, monkeypatch
):
    moves, really = [], os.replace
    monkeypatch.setattr(os, "replace", lambda source, target: (moves.append((source, target)), really(source, target)))
    write_checkpoint(file, checkpoint)
    ((source, target),) = moves
    assert os.path.dirname(source) == os.path.dirname(target) and target == file


def test_others_may_read_the_file(file):
    assert stat.S_IMODE(os.stat(file).st_mode) == 0o644


def test_the_loaded_model_has_the_averaged_weights_and_is_in_evaluation_mode(checkpoint, file):
    model, config = load_checkpoint(file)
    assert config == checkpoint.config and not model.training
    assert model.supervision == config.supervision and model.train_config == config.train
    for name, value in model.state_dict().items():
        assert torch.equal(value, checkpoint.tensors[f"ema.{name}"])
    assert not torch.equal(model.lm_head.weight, checkpoint.tensors["model.lm_head.weight"])


def test_without_averaged_weights_the_raw_ones_are_loaded(checkpoint, tmp_path):
    raw = {name: value for name, value in checkpoint.tensors.items() if not name.startswith("ema.")}
    file = write_checkpoint(tmp_path / "raw.safetensors", checkpoint._replace(tensors=raw))
    model, _ = load_checkpoint(file)
    assert torch.equal(model.lm_head.weight, checkpoint.tensors["model.lm_head.weight"])


def test_a_slim_file_loads_to_the_same_model(checkpoint, file, tmp_path):
    small = write_checkpoint(tmp_path / "slim.safetensors", slim(checkpoint))
    assert {name.split(".")[0] for name in read_checkpoint(small).tensors} == {"ema"}
    assert small.stat().st_size < file.stat().st_size / 3
    weights, expected = (load_checkpoint(f)[0].state_dict() for f in (small, file))
    assert all(torch.equal(weights[name], expected[name]) for name in expected)


# ---- writing that fails ----------------------------------------------------------------


def full_disk(*_args, **_kwargs):
    raise OSError(errno.ENOSPC, "No space left on device")


def fail_at(place, monkeypatch):
    open_really = os.fdopen
    if place == "write":
        monkeypatch.setattr(os, "fdopen", lambda handle, mode: HalfWritten(open_really(handle, mode)))
    else:
        monkeypatch.setattr(os, {"create": "open"}.get(place, place), full_disk)


class HalfWritten:
    """A file on a disk that has room for 100 bytes."""

    def __init__(self, file):
        self.file = file

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()

    def write(self, data):
        self.file.write(data[:100])
        full_disk()


@pytest.mark.parametrize("place", ["create", "write", "fsync", "chmod", "replace"])
def test_a_full_disk_leaves_the_old_file_byte_for_byte_and_nothing_else(checkpoint, file, monkeypatch, place):
    old = file.read_bytes()
    changed = checkpoint._replace(scalars=checkpoint.scalars | {"update": 99})
    fail_at(place, monkeypatch)
    with pytest.raises(OSError) as error:
        write_checkpoint(file, changed)
    monkeypatch.undo()
    assert file.read_bytes() == old
    assert os.listdir(file.parent) == [file.name]
    assert error.value.errno == errno.ENOSPC
    assert error.value.strerror.startswith(f"could not save {file} (")
    assert error.value.strerror.endswith("No space left on device; the checkpoint that was there is untouched")
    write_checkpoint(file, changed)
    assert read_checkpoint(file).scalars["update"] == 99


def test_a_full_disk_without_an_old_file_leaves_nothing(checkpoint, tmp_path, monkeypatch):
    fail_at("fsync", monkeypatch)
    with pytest.raises(OSError, match="No space left on device$"):
        write_checkpoint(tmp_path / "new.safetensors", checkpoint)
    assert os.listdir(tmp_path) == []


def test_a_folder_that_cannot_be_made_is_said_with_the_path(checkpoint, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match="could not save .*model.safetensors"):
        write_checkpoint(tmp_path / "file" / "model.safetensors", checkpoint)


# ---- files that are not checkpoints ----------------------------------------------------------------


def sentence(path, reader=load_checkpoint):
    with pytest.raises(ValueError) as error:
        reader(path)
    assert "\n" not in str(error.value) and str(path) in str(error.value)
    return str(error.value)


def test_a_missing_file_and_a_folder(tmp_path):
    assert "there is no checkpoint" in sentence(tmp_path / "none.safetensors")
    assert "there is no checkpoint" in sentence(tmp_path)


@pytest.mark.parametrize("part", [0, 1e-5, 1e-4, 0.01, 0.3, 0.9, 0.99999])
def test_a_truncated_file(file, part):
    data = file.read_bytes()
    file.write_bytes(data[: int(part * len(data))])
    assert ("not a whole safetensors file" if file.stat().st_size else "is empty") in sentence(file)


def test_a_file_with_more_behind_it(file):
    file.write_bytes(file.read_bytes() + b"more")
    assert "not a whole safetensors file" in sentence(file)


@pytest.mark.parametrize("seed", range(5))
def test_random_bytes(tmp_path, seed):
    path = tmp_path / "noise.safetensors"
    path.write_bytes(np.random.default_rng(seed).bytes(1000))
    assert "not a whole safetensors file" in sentence(path)


class Malicious:
    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


@pytest.mark.parametrize("by", ["pickle", "torch"])
def test_a_pickle_is_refused_and_not_opened(tmp_path, by):
    path, trace = tmp_path / "model.safetensors", tmp_path / "trace"
    with open(path, "wb") as file:
        (pickle.dump if by == "pickle" else torch.save)({"weights": Malicious(trace)}, file)
    assert "is a file of torch.save, not one that trm-explore saved" in sentence(path)
    assert not trace.exists()
    with open(path, "rb") as file:
        pickle.load(file) if by == "pickle" else torch.load(file, weights_only=False)
    assert trace.exists()  # opened, it does its harm


@pytest.mark.parametrize("metadata", [None, {"format": "pt"}, {"format": "trm_explore 0"}])
def test_safetensors_of_others(tmp_path, metadata):
    path = tmp_path / "foreign.safetensors"
    save_file({"weight": torch.zeros(2)}, path, metadata=metadata)
    by = "another version of trm-explore" if metadata == {"format": "trm_explore 0"} else "another program"
    assert f"{by} saved it" in sentence(path)


@pytest.mark.parametrize(
    "header",
    [
        {},
        {"config": "{"},
        {"config": "null"},
        {"config": "[1]"},
        {"config": '{"colour": 3}'},
        {"config": '{"H_cycles": 0}'},
        {"config": '{"custom_weights": null}'},
        {"scalars": "nope"},
    ],
)
def test_a_damaged_header(tmp_path, checkpoint, header):
    path = tmp_path / "damaged.safetensors"
    good = {"config": json.dumps(checkpoint.config.to_flat()), "scalars": "{}"}
    save_file(slim(checkpoint).tensors, path, metadata={"format": FORMAT} | ((good | header) if header else {}))
    assert "has a damaged header" in sentence(path)


def damage(checkpoint, name, change):
    tensors = dict(checkpoint.tensors)
    if change == "missing":
        del tensors[name]
    elif change == "extra":
        tensors[name + "s"] = torch.zeros(1)
    else:
        tensors[name] = tensors[name][:-1]
    return checkpoint._replace(tensors=tensors)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("missing", "ema.lm_head.weight is missing"),
        ("extra", "ema.lm_head.weights does not belong to this model"),
        ("misshapen", "ema.lm_head.weight has shape (5, 16), its config needs (6, 16)"),
    ],
)
def test_a_tensor_that_does_not_fit_is_named(checkpoint, tmp_path, change, words):
    file = write_checkpoint(tmp_path / "odd.safetensors", damage(checkpoint, "ema.lm_head.weight", change))
    assert words in sentence(file)


def test_a_file_without_any_weights(checkpoint, tmp_path):
    file = write_checkpoint(tmp_path / "empty.safetensors", Checkpoint(checkpoint.config, {}, {}))
    assert "holds 0 numbers" in sentence(file)


def test_a_config_that_does_not_name_its_sizes(checkpoint, tmp_path):
    config = checkpoint.config.with_flat(vocab_size=None)
    file = write_checkpoint(tmp_path / "open.safetensors", checkpoint._replace(config=config))
    with pytest.raises(ValueError, match="vocab_size is not set"):
        load_checkpoint(file)


# ---- devices ----------------------------------------------------------------


@pytest.mark.parametrize("name", ["cuda:99", "tpu", "cuda:x", "", "meta"])
def test_a_device_that_is_not_there_is_refused_with_its_name(name):
    with pytest.raises(ValueError, match=f"device={name!r}"):
        pick_device(name)


@pytest.mark.parametrize(("cuda", "mps", "picked"), [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")])
def test_auto_picks_the_best_device_that_is_there(monkeypatch, cuda, mps, picked):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert pick_device("auto").type == picked
    assert pick_device("cpu").type == "cpu"


# ---- files that fit together but are not sound ------------------------------


def damaged(checkpoint, tmp_path, **tensors):
    return write_checkpoint(tmp_path / "bad.safetensors", checkpoint._replace(tensors=checkpoint.tensors | tensors))


def test_weights_that_are_not_finite_are_refused(checkpoint, tmp_path):
    weight = checkpoint.tensors["ema.lm_head.weight"].clone()
    weight[0, 0] = float("nan")
    assert "ema.lm_head.weight holds numbers that are not finite" in sentence(
        damaged(checkpoint, tmp_path, **{"ema.lm_head.weight": weight})
    )


def test_a_small_file_cannot_ask_for_a_huge_model(checkpoint, tmp_path):
    huge = checkpoint.config.with_flat(hidden_size=16_384, num_heads=1, L_layers=100)
    file = write_checkpoint(tmp_path / "huge.safetensors", checkpoint._replace(config=huge))
    assert "but its config asks for" in sentence(file)
