"""Files that people bring: settings beside a checkpoint, JSON, checkpoints as other programs write them."""

import json
import zipfile

import numpy as np
import pytest
import torch
import yaml
from datasets_inputs import write_arc
from safetensors.torch import save_file
from test_published import HIDDEN, HRM, SUDOKU, TRM, keys_of, made, same, saved

from trm_explore.cli import main
from trm_explore.data.arc import build_arc
from trm_explore.data.folder import read_identifiers, read_part
from trm_explore.data.text_file import read_json
from trm_explore.model.checkpoint import Checkpoint, load_checkpoint, write_checkpoint
from trm_explore.model.published import export_published, load_published, read_published
from trm_explore.model.published.config_file import read_settings
from trm_explore.runs.open_run import open_run
from trm_explore.tasks.folder import describe

# ---- all_config.yaml

ARCH = {"H_cycles": 2, "L_cycles": 5, "num_heads": 4, "seq_len": 9, "puzzle_emb_len": 3, "pos_encodings": "rope"}
WRITTEN = {  # the same settings
    "block": yaml.safe_dump({"arch": ARCH, "lr": 0.0003}),
    "flow": yaml.safe_dump({"arch": ARCH, "lr": 0.0003}, default_flow_style=True),
    "flow inside": "arch: " + json.dumps(ARCH) + "\nlr: 3e-4\n",
    "document marks and a remark": "---\n" + yaml.safe_dump({"lr": 0.0003, "arch": ARCH}) + "# the end\n...\n",
    "an anchor": "base: &base " + json.dumps(ARCH) + "\narch: *base\nlr: .0003\n",
    "dots in names": "".join(f"arch.{name}: {value}\n" for name, value in ARCH.items()) + "lr: 0.0003\n",
    "tabs and Windows' ends": "arch:\r\n" + "".join(f"  {k}:\t{v}\r\n" for k, v in ARCH.items()) + "lr: 0.0003\r\n",
    "a tag of somebody's": "a: !mine [1]\nb: !!python/name:os.system\n" + yaml.safe_dump({"arch": ARCH, "lr": 0.0003}),
}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("how", WRITTEN)
def test_a_config_file_is_read_however_it_is_written(tmp_path, how, encoding):
    (tmp_path / "all_config.yaml").write_bytes(WRITTEN[how].encode(encoding))
    there = read_published(saved(keys_of(), tmp_path))
    m = there.config.model
    assert (m.H_cycles, m.L_cycles, m.num_heads, m.seq_len, m.puzzle_emb_len) == (2, 5, 4, 9, 3)
    assert there.config.train.lr == 0.0003 and "H_cycles=2 (all_config.yaml)" in there.remarks


@pytest.mark.parametrize("number", ["1e-05", "1E-5", "1.0e-05", "0.00001", "+1e-5", ".01e-3"])
def test_a_number_of_the_config_file_is_a_number_with_and_without_a_point(tmp_path, number):
    (tmp_path / "c.yaml").write_text(f"lr: {number}\n")
    assert read_settings(tmp_path / "c.yaml") == {"lr": 1e-5}


@pytest.mark.parametrize(
    ("text", "has"),
    [("", "nothing"), ("# nothing yet\n", "nothing"), ("model: {n_embd: 64}\nseed: 1\n", "'model.n_embd', 'seed'")],
)
def test_a_config_file_that_gives_no_setting_is_said(tmp_path, text, has, capsys):
    (tmp_path / "all_config.yaml").write_text(text)
    flags = [part for name, value in HIDDEN.items() for part in (f"--{name}", str(value))]
    assert main(["import", str(saved(keys_of(), tmp_path)), *flags]) == 0
    assert f"all_config.yaml beside it gives no setting that is known here; it has {has}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("arch: [", "is not YAML that can be read: expected the node content, but found '<stream end>'"),
        ("a list\n", "holds 'a list', not settings by name"),
        ("- 1\n" * 5000, "holds [1, 1, 1,"),
        ("{" * 2000, "it nests too deep"),
        ("a: !!int x", "invalid literal"),
        ("arch: {H_cycles: true}", "arch.H_cycles=True, which is no possible value"),
        ("arch: {H_cycles: [2]}", "arch.H_cycles=[2], which is no possible value"),
        ("arch: {H_cycles: " + "x" * 5000 + "}", "which is no possible value"),
        ("a: &a {x: 1, y: 2}\nb: &b {a: *a, b: *a}\n" + "c: [*b]\n", None),
        ("version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "a Git LFS pointer"),
        ("<!DOCTYPE html><html></html>", "a web page"),
        ("a: 1\n" * 300_000, "has 1,500,000 bytes, and at most 1,000,000 are read"),
        ("a0: &a0 {x: 1}\n" + "".join(f"a{n}: &a{n} {{x: *a{n - 1}, y: *a{n - 1}}}\n" for n in range(1, 40)), "more"),
    ],
)  # fmt: skip
def test_a_config_file_that_cannot_be_read_is_one_short_sentence(tmp_path, text, said):
    (tmp_path / "all_config.yaml").write_text(text)
    file = saved(keys_of(), tmp_path)
    if said is None:
        assert read_published(file, **HIDDEN)
        return
    with pytest.raises(ValueError) as error:
        read_published(file, **HIDDEN)
    sentence = str(error.value)
    assert said in sentence and "all_config.yaml" in sentence and "\n" not in sentence and len(sentence) < 400


# ---- JSON

ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_json_is_read_with_and_without_a_byte_order_mark(tmp_path, encoding):
    """task.json, identifiers.json and ARC's files come through one reader."""
    description = {"rows": 2, "cols": 2, "vocab_size": 5, "title": "Übung"}
    (tmp_path / "task.json").write_bytes(json.dumps(description, ensure_ascii=False).encode(encoding))
    assert describe(str(tmp_path)) == description
    (tmp_path / "identifiers.json").write_bytes('["<blank>", "one"]'.encode(encoding))
    assert read_identifiers(tmp_path) == ["<blank>", "one"]
    folder = write_arc(tmp_path / "arc")
    list(build_arc([folder], tmp_path / "plain", num_aug=1))
    for path in folder.iterdir():
        path.write_bytes(path.read_text().encode(encoding))
    list(build_arc([folder], tmp_path / "marked", num_aug=1))
    name = "train/all__inputs.npy"
    assert np.array_equal(np.load(tmp_path / "plain" / name), np.load(tmp_path / "marked" / name))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "it is empty"),
        (b"{", "Expecting property name"),
        (b"version https://git-lfs.github.com/spec/v1\n", "it is a Git LFS pointer, not the file itself; run `git lfs"),
        (b"<html>", "it is a web page (HTML)"),
        (b"\xff\xff\xff", "it is not UTF-8 text"),
        (b"[" * 100_000, "more than 32 deep"),
        (b"[NaN]", "NaN"),
        (b'{"a": 1, "a": 2}', "'a'"),
    ],
)
def test_json_that_cannot_be_read_is_one_sentence(tmp_path, data, said):
    path = tmp_path / "task.json"
    path.write_bytes(data)
    with pytest.raises(ValueError) as error:
        read_json(path)
    sentence = str(error.value)
    assert sentence.startswith(f"{path} is not JSON that can be read: ") and said in sentence and "\n" not in sentence


def test_a_dataset_json_without_a_field_is_told_which(tmp_path):
    (tmp_path / "test").mkdir()
    (tmp_path / "test" / "dataset.json").write_text('{"vocab_size": 11, "seq_len": 81, "sets": ["all"]}')
    with pytest.raises(
        ValueError, match=r"has no pad_id, blank_identifier_id, num_puzzle_identifiers; it must have voc"
    ):
        read_part(tmp_path, "test")


# ---- checkpoints of other programs


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A small model, and a folder with its published checkpoint."""
    model, config = made(TRM | SUDOKU | {"H_cycles": 1, "L_cycles": 1, "halt_max_steps": 1})
    return model, export_published(model, config, tmp_path_factory.mktemp("published") / "run", 7)


@pytest.fixture(scope="module")
def ours(published, tmp_path_factory):
    model, file = published
    path = tmp_path_factory.mktemp("ours") / "model.safetensors"
    tensors = {f"model.{name}": value for name, value in model.state_dict().items()}
    return write_checkpoint(path, Checkpoint(read_published(file).config, {"update": 0}, tensors))


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 132\n"
NO_CHECKPOINTS = {  # the bytes of a file, made from those of a whole one -> what is said of it
    "a Git LFS pointer": (lambda whole: POINTER, "is a Git LFS pointer, not the file itself; run `git lfs pull`"),
    "empty": (lambda whole: b"", "is empty"),
    "HTML": (lambda whole: b"\n<!DOCTYPE html><html>Sign in</html>", "is a web page (HTML), not the file itself"),
    "cut": (lambda whole: whole[: len(whole) // 2], "cut off"),
    "cut in its header": (lambda whole: whole[:100], "cut off"),
    "a few bytes": (lambda whole: b"abc", "not a whole safetensors file"),
    "noise": (lambda whole: bytes(range(1, 256)) * 40, "not a whole safetensors file"),
    "text": (lambda whole: b"step: 1\n" * 100, "not a whole safetensors file"),
    "a picture": (lambda whole: b"\x89PNG\r\n\x1a\n" + bytes(99), "is a picture"),
}


@pytest.mark.parametrize("what", NO_CHECKPOINTS)
def test_what_is_no_checkpoint_is_one_sentence_at_every_way_in(tmp_path, ours, what, capsys):
    make, said = NO_CHECKPOINTS[what]
    for name in ("model.safetensors", "step_10", "my run.ckpt"):
        file = tmp_path / name
        file.write_bytes(make(ours.read_bytes()))
        for command in ("import", "evaluate", "show", "export"):
            more = ["--out", str(tmp_path / "out")] if command == "export" else []
            assert main([command, str(file), *more]) == 2
            sentence = capsys.readouterr().err
            assert sentence.startswith("trm-explore: ") and sentence.count("\n") == 1 and len(sentence) < 500
            assert str(file) in sentence
            if name == "model.safetensors" and (command != "import" or "safetensors" not in said):
                assert said in sentence
        with pytest.raises(ValueError, match=r"^[^\n]{20,500}$"):
            load_checkpoint(file)
    with pytest.raises(ValueError) as error:
        open_run(tmp_path / "model.safetensors")  # the page: a sentence with the file's name, without its folder
    assert said in str(error.value) and str(tmp_path) not in str(error.value)


def _zip(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", "{}")


FOREIGN = {  # what another program wrote, for evaluate -> what to do
    "torch": (lambda path: saved(keys_of(), path.parent, path.name), "is a file of torch.save, not one that trm-ex"),
    "old torch": (
        lambda path: torch.save(keys_of(), path, _use_new_zipfile_serialization=False),
        "`trm-explore import FILE --out model.safetensors` reads checkpoints of HRM and TRM",
    ),
    "safetensors": (
        lambda path: save_file(keys_of(), path, {"format": "pt"}),
        "has format 'pt': another program saved it",
    ),
    "bare safetensors": (lambda path: save_file(keys_of(), path), "`trm-explore import FILE --out model.safetensors`"),
    "a later version": (
        lambda path: save_file(keys_of(), path, {"format": "trm_explore 9"}),
        "another version of trm-e",
    ),
    "a ZIP run": (_zip, "is a ZIP file; if it is a run of the page, unpack it"),
}


@pytest.mark.parametrize("what", FOREIGN)
def test_evaluate_of_another_programs_checkpoint_says_what_to_do(tmp_path, what, capsys):
    make, said = FOREIGN[what]
    make(tmp_path / "model.safetensors")
    assert main(["evaluate", str(tmp_path / "model.safetensors")]) == 2
    sentence = capsys.readouterr().err
    assert said in sentence and sentence.count("\n") == 1


def _lightning(weights):
    return {
        "epoch": 3,
        "state_dict": weights,
        "optimizer_states": [{"state": {0: {"exp_avg": torch.zeros(2)}}, "param_groups": [{"lr": 1e-4}]}],
        "callbacks": {"ema": {"decay": torch.ones(1)}},
    }


WRAPPED = {
    "state_dict": _lightning,
    "model_state_dict": lambda weights: {"model_state_dict": weights, "step": 10, "rng": {"cpu": torch.zeros(2)}},
    "ema": lambda weights: {"ema": weights},
    "state.model": lambda weights: {"state": {"model": weights, "optimizer": {"state": {0: {"m": torch.zeros(2)}}}}},
}


@pytest.mark.parametrize("name", WRAPPED)
def test_a_wrapped_checkpoint_is_unwrapped_and_said(tmp_path, published, name, capsys):
    model, file = published
    wrapped = saved(WRAPPED[name](torch.load(file, weights_only=True)), tmp_path, "last.ckpt")
    same(load_published(wrapped, H_cycles=1, L_cycles=1), model)
    assert main(["import", str(wrapped)]) == 0
    assert f"weights from '{name}' in the file" in capsys.readouterr().out


def test_of_several_sets_of_weights_one_is_asked_for_by_name(tmp_path, published, capsys):
    model, file = published
    weights = torch.load(file, weights_only=True)
    other = {key: value + 1 for key, value in weights.items()}
    both = str(saved({"model": other, "ema": weights, "optimizer": {"state": {"m": torch.zeros(1)}}}, tmp_path))
    assert main(["import", both]) == 2
    assert "holds several sets of weights: 'model', 'ema'; name one with inside (--inside" in capsys.readouterr().err
    assert main(["import", both, "--inside", "ema", "--out", str(tmp_path / "ours.safetensors")]) == 0
    same(load_checkpoint(tmp_path / "ours.safetensors")[0], model)
    assert main(["import", both, "--inside", "x" * 5000]) == 2
    sentence = capsys.readouterr().err
    assert "it has 'model', 'ema'" in sentence and len(sentence) < 400
    nothing = str(saved({f"part {n}": n for n in range(30)}, tmp_path, "nothing.pt"))
    assert main(["import", nothing]) == 2
    assert "is no state_dict of names and tensors; it holds 'part 0', 'part 1', " in capsys.readouterr().err


def test_safetensors_of_another_program_are_imported_and_ours_need_no_import(tmp_path, published, ours, capsys):
    model, file = published
    there = tmp_path / "weights.safetensors"
    save_file(
        {key: value.clone() for key, value in torch.load(file, weights_only=True).items()}, there, {"format": "pt"}
    )
    same(load_published(there), model)
    pickled = tmp_path / "called.safetensors"
    pickled.write_bytes(file.read_bytes())  # the bytes count, not the name
    same(load_published(pickled), model)
    assert main(["import", str(ours)]) == 2
    assert "was saved by trm-explore itself; it needs no import" in capsys.readouterr().err


def test_a_folder_stands_for_the_checkpoint_in_it(tmp_path, published, capsys):
    model, file = published
    for name in ("step_7", "step_30", "step_9", "step_30_predictions.1"):
        (tmp_path / name).write_bytes(file.read_bytes() if name == "step_30" else b"")
    (tmp_path / "all_config.yaml").write_bytes((file.parent / "all_config.yaml").read_bytes())
    there = read_published(tmp_path)
    same(there.model, model)
    assert "step_30 of the folder is read" in there.remarks and "H_cycles=1 (all_config.yaml)" in there.remarks
    (tmp_path / "other.pt").touch()
    assert main(["import", str(tmp_path)]) == 2
    assert "is a folder with 2 checkpoints: 'other.pt', 'step_30'; give one of them" in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    assert main(["import", str(tmp_path / "empty")]) == 2
    assert "is a folder with no checkpoint (step_N, checkpoint, *.safetensors" in capsys.readouterr().err


def test_a_config_file_of_another_prefix_than_hrms_is_said(tmp_path):
    """No shape of an attention model shows the prefix, and with another one the answers are others."""
    model, config = made(TRM | SUDOKU | HRM)
    file = export_published(model, config, tmp_path / "run")
    assert not any("prefix" in remark for remark in read_published(file).remarks)
    beside = file.parent / "all_config.yaml"
    beside.write_text(beside.read_text().replace("puzzle_emb_len: 1", "puzzle_emb_len: 16"))
    said = "HRM's code has a prefix of 1 positions for vectors of 64 numbers, not puzzle_emb_len=16"
    assert any(said in remark for remark in read_published(file).remarks)
