"""Files that people bring: settings beside a checkpoint, JSON, checkpoints as other programs write them."""

import json

import numpy as np
import pytest
import yaml
from datasets_inputs import write_arc
from test_published import HIDDEN, keys_of, saved

from trm_explore.cli import main
from trm_explore.data.arc import build_arc
from trm_explore.data.folder import read_identifiers
from trm_explore.data.text_file import read_json
from trm_explore.model.published import read_published
from trm_explore.model.published.config_file import read_settings
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
