"""published/: files in the format of HRM and TRM are told apart by keys and shapes, opened, refused, written back."""

import json
import os
import pickle

import pytest
import torch
import yaml
from datasets_inputs import sudoku_rows, write_csvs
from hypothesis import given
from hypothesis import strategies as st
from test_published_numbers import MODELS, PREFIX, bare_weights, opened, recorded

from trm_explore.cli import main
from trm_explore.config import RunConfig
from trm_explore.model import RecursiveModel
from trm_explore.model.checkpoint import load_checkpoint
from trm_explore.model.published import load_published, read_published
from trm_explore.model.published.config_file import read_settings, write_settings
from trm_explore.model.published.export import export_published
from trm_explore.model.published.names import bare, ours_of, theirs_of
from trm_explore.tasks import resolve

TRM = {"hidden_size": 64, "num_heads": 1, "swiglu_multiple": 256, "puzzle_emb_len": 16, "num_puzzle_identifiers": 3}
TRM |= {"mixer": "attention", "loss": "stablemax", "halt_max_steps": 16, "lr": 1e-4, "gradient_scope": "last"}
HRM = {"networks": "two", "H_layers": 2, "puzzle_emb_len": 1, "gradient_scope": "one_step"}
MLP_T = {"mixer": "mlp", "mix_norm": "positions", "pos_encodings": "none"}
SUDOKU, MAZE, ARC = ({"vocab_size": v, "seq_len": n} for v, n in ((11, 81), (6, 900), (12, 900)))
SHAPES = {  # settings -> (H_cycles, L_cycles, task), as published for such a shape
    "Sudoku, attention": (TRM | SUDOKU | {"L_layers": 2}, (3, 6, "sudoku9")),
    "Sudoku, mlp_t": (TRM | SUDOKU | MLP_T, (3, 6, "sudoku9")),
    "Sudoku, one state": (TRM | SUDOKU | {"states": "one"}, (3, 6, "sudoku9")),
    "Sudoku, HRM": (TRM | SUDOKU | HRM, (2, 2, "sudoku9")),
    "Sudoku, no table": (TRM | SUDOKU | {"puzzle_emb_len": 0, "num_puzzle_identifiers": 0}, (3, 6, "sudoku9")),
    "Maze, learned": (TRM | MAZE | {"pos_encodings": "learned"}, (3, 4, "maze")),
    "ARC, attention": (TRM | ARC, (3, 4, "arc")),
}


def made(flat):
    config = RunConfig.from_flat(flat)
    model = RecursiveModel(config.model, config.supervision, config.train, seed=3)
    if model.puzzle_emb is not None:
        model.puzzle_emb.normal_(generator=torch.Generator().manual_seed(1))
    return model, config


def same(a, b):
    a, b = a.state_dict(), b.state_dict()
    assert a.keys() == b.keys()
    for name, value in a.items():
        if name != "H_init" or "L_init" not in a or not torch.equal(b["H_init"], b["L_init"]):
            assert torch.equal(value, b[name]), name


def saved(tensors, folder, name="step_1"):
    torch.save(tensors, folder / name)
    return folder / name


def keys_of(name="trm-attention", before=PREFIX):
    return {before + key: value for key, value in bare_weights(name).items()}


# what shapes do not show, for a fixture
HIDDEN = {"seq_len": 9, "num_heads": 2, "puzzle_emb_len": 3, "H_cycles": 3, "L_cycles": 2}


# ---- which model is it


@pytest.mark.parametrize(("flat", "usual"), SHAPES.values(), ids=SHAPES)
def test_the_variant_is_told_from_keys_and_shapes(flat, usual, tmp_path):
    """No config file, and a name that says something else."""
    model, config = made(flat | {"H_cycles": usual[0], "L_cycles": usual[1]})
    file = export_published(model, config, tmp_path / "out", step=5)
    (tmp_path / "out" / "all_config.yaml").unlink()
    file = file.rename(tmp_path / "out" / "step_5_maze_attn_type")
    there = read_published(file)
    assert there.config.model == config.model and there.config.supervision == config.supervision
    for name in ("loss", "halt_max_steps", "lr", "halt_loss_weight"):
        assert getattr(there.config.train, name) == getattr(config.train, name)
    assert there.config.task == usual[2] and not there.model.training
    same(model, there.model)
    assert f"H_cycles={usual[0]} (as published)" in there.remarks


BEGINNINGS = (
    "",
    "model.inner.",
    "_orig_mod.model.inner.",
    "module.model.inner.",
    "inner.",
    "_orig._mod.model.inner.",
    ".model.inner.",
    "_orig_mod.module.model.inner.",
    "module._orig_mod.model.inner.",
)


@pytest.mark.parametrize("before", BEGINNINGS)
def test_whatever_stands_before_the_keys_is_taken_off(before, tmp_path):
    model = load_published(saved(keys_of(before=before), tmp_path), **HIDDEN)
    same(model, opened("trm-attention", tmp_path).model)


@given(st.sampled_from(sorted({name for m in MODELS for name in bare_weights(m)})), st.sampled_from(BEGINNINGS))
def test_names_go_there_and_back(key, before):
    assert theirs_of(ours_of(bare(before + key))) == key


def test_buffers_of_bfloat16_are_read_exactly(tmp_path):
    tensors = keys_of()
    for key in ("H_init", "L_init"):
        tensors[PREFIX + key] = tensors[PREFIX + key].bfloat16()
    model = load_published(saved(tensors, tmp_path), **HIDDEN)
    assert model.H_init.dtype == torch.float32
    assert torch.equal(model.H_init.bfloat16(), tensors[PREFIX + "H_init"])


def test_the_oldest_files_which_cannot_be_mapped_are_read_too(tmp_path):
    torch.save(keys_of(), tmp_path / "old", _use_new_zipfile_serialization=False)
    same(load_published(tmp_path / "old", **HIDDEN), opened("trm-attention", tmp_path).model)


def test_a_published_batch_goes_in_as_it_is(tmp_path):
    """int32 tokens, labels and identifiers, from initial_carry on."""
    tensors, _ = recorded("trm-attention")
    batch = {key: tensors[f"call0/batch/{key}"] for key in ("inputs", "labels", "puzzle_identifiers")}
    model = opened("trm-attention", tmp_path).model
    _, outputs = model(model.initial_carry(batch), batch)
    torch.testing.assert_close(outputs["logits"], tensors["call0/logits"], rtol=1e-5, atol=1e-5)


# ---- the config file


def with_config(folder, **arch):
    base = {"H_cycles": 2, "L_cycles": 5, "num_heads": 4, "puzzle_emb_len": 3, "hidden_size": 16, "L_layers": 1}
    said = {"arch": {**base, "loss": {"loss_type": "softmax_cross_entropy"}, **arch}, "lr": 0.0003, "evaluators": []}
    (folder / "all_config.yaml").write_text(yaml.dump(said))
    return saved(keys_of(), folder)


def test_the_config_file_says_what_shapes_do_not_show(tmp_path):
    there = read_published(with_config(tmp_path, halt_max_steps=8), seq_len=9)
    m, t = there.config.model, there.config.train
    assert (m.H_cycles, m.L_cycles, m.num_heads, m.puzzle_emb_len) == (2, 5, 4, 3)
    assert (t.loss, t.lr, t.halt_max_steps) == ("softmax", 0.0003, 8)
    assert {"H_cycles=2 (all_config.yaml)", "seq_len=9 (given)", "pos_encodings=rope (as published)"} <= set(
        there.remarks
    )


@pytest.mark.parametrize(
    ("arch", "given", "said"),
    [
        ({"hidden_size": 32}, {}, "arch.hidden_size=32, but the shapes in"),
        ({"L_layers": 2}, {}, "arch.L_layers=2, but the shapes in"),
        ({"mlp_t": True}, {}, "arch.mlp_t=True, but the shapes in"),
        ({"puzzle_emb_ndim": 512}, {}, "arch.puzzle_emb_ndim=512, but the shapes in"),
        ({}, {"H_cycles": 3}, "H_cycles=3 contradicts all_config.yaml, which says 2; leave it out"),
        ({"H_cycles": "many"}, {}, "all_config.yaml says arch.H_cycles='many', which is no possible value; correct it"),
        ({"H_cycles": 0}, {}, "H_cycles=0 must be a whole number of at least 1"),
        ({"pos_encodings": "learned"}, {}, "arch.pos_encodings='learned', which is no possible value"),
        ({"num_heads": 5}, {}, "num_heads=5 does not divide"),
        ({"expansion": 64}, {}, "mlp.down_proj.weight is 256 wide, but expansion=64 makes 768; give expansion"),
    ],
)
def test_a_config_file_that_contradicts_is_refused(tmp_path, arch, given, said):
    with pytest.raises(ValueError) as error:
        read_published(with_config(tmp_path, **arch), seq_len=9, **given)
    assert said in str(error.value) and "\n" not in str(error.value)


@given(
    st.dictionaries(
        st.sampled_from(["lr", "arch", "H_cycles", "loss"]),
        st.none()
        | st.booleans()
        | st.integers(-(10**6), 10**6)
        | st.floats(-1e6, 1e6)
        | st.sampled_from(["rope", "losses@ACTLossHead", "a.b/c d"])
        | st.lists(st.integers(), max_size=2)
        | st.dictionaries(st.sampled_from(["inner", "name"]), st.integers() | st.just("x"), min_size=1),
    )
)
def test_the_config_file_is_read_as_a_yaml_package_reads_it(tmp_path_factory, said):
    path = tmp_path_factory.mktemp("yaml") / "all_config.yaml"
    path.write_text(yaml.dump(said))
    flat = {}
    for name, value in said.items():
        inner = value.items() if isinstance(value, dict) else [(None, value)]
        flat |= {f"{name}.{key}" if key else name: v for key, v in inner if not isinstance(v, list)}
    found = {name: value for name, value in read_settings(path).items() if name in flat}
    assert found == flat
    assert yaml.safe_load(write_settings(said)) == (said or None)


# ---- what is refused


class Payload:
    """Unpickled, it would make a file."""

    def __init__(self, trace):
        self.trace = str(trace)

    def __reduce__(self):
        return open, (self.trace, "w")


def broken(change):
    tensors = keys_of()
    change(tensors)
    return tensors


def _drop(key):
    return lambda tensors: tensors.pop(PREFIX + key)


def _set(key, value):
    return lambda tensors: tensors.update({PREFIX + key: value})


GATE = "L_level.layers.0.mlp.gate_up_proj.weight"
BAD = {
    "missing": (_drop("lm_head.weight"), "the key lm_head.weight is missing"),
    "no embedding": (_drop("embed_tokens.embedding_weight"), "the key embed_tokens.embedding_weight is missing"),
    "no L_init": (_drop("L_init"), "the key L_init is missing"),
    "no network": (_drop("L_level.layers.0.mlp.down_proj.weight"), "the key L_level.layers.0.mlp.down_proj.weight is"),
    "foreign": (_set("rotary", torch.zeros(2)), "the key _orig_mod.model.inner.rotary belongs to no published model"),
    "half a layer": (_set("L_level.layers.1.mlp.down_proj.weight", torch.zeros(16, 256)), "is missing"),
    "misshapen": (_set(GATE, torch.zeros(512, 8)), f"{GATE} has shape (512, 8), the other keys need (512, 16)"),
    "one axis": (_set("embed_tokens.embedding_weight", torch.zeros(7)), "has shape (7,); it must have 2 axes"),
    "not finite": (_set("q_head.bias", torch.tensor([0.0, float("nan")])), "q_head.bias holds numbers that are not"),
    "whole numbers": (_set("q_head.bias", torch.tensor([1, 2])), "q_head.bias holds torch.int64, not weights"),
    "twice": (lambda tensors: tensors.update({"L_init": torch.zeros(16)}), "the key L_init is there twice"),
    "another vector": (_set("puzzle_emb.weights", torch.zeros(5, 99)), "puzzle_emb_len=3 positions hold 48 numbers"),
}


@pytest.mark.parametrize(("change", "said"), BAD.values(), ids=BAD)
def test_a_file_that_is_no_such_model_is_refused_with_the_key(tmp_path, change, said):
    with pytest.raises(ValueError) as error:
        load_published(saved(broken(change), tmp_path), **HIDDEN)
    assert said in str(error.value) and "\n" not in str(error.value)


def test_without_its_length_an_unknown_vocabulary_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"has 7 symbols, which is none of the published vocabularies .* give seq_len"):
        load_published(saved(keys_of(), tmp_path))


def test_lengths_that_contradict_an_mlp_over_positions_are_refused(tmp_path):
    file = saved(keys_of("trm-mlp"), tmp_path)
    with pytest.raises(
        ValueError, match=r"mlp_t.gate_up_proj.weight is for 12 positions, but puzzle_emb_len=3 and seq"
    ):
        load_published(file, **HIDDEN | {"seq_len": 81})


@pytest.mark.parametrize("name", ["pickle", "torch", "list", "text", "cut", "empty", "folder"])
def test_what_is_no_state_dict_is_never_run_and_refused(tmp_path, name, capsys):
    file, trace = tmp_path / name, tmp_path / "ran"
    if name == "pickle":
        file.write_bytes(pickle.dumps({"H_init": Payload(trace)}))
    elif name == "torch":
        torch.save({"H_init": Payload(trace)}, file)
    elif name == "list":
        torch.save([torch.zeros(2)], file)
    elif name == "text":
        file.write_text("step: 1\n")
    elif name == "cut":
        whole = saved(keys_of(), tmp_path, "whole").read_bytes()
        file.write_bytes(whole[: len(whole) // 2])
    elif name == "empty":
        file.write_bytes(b"")
    else:
        file.mkdir()
    assert main(["import", str(file)]) == 2
    said = capsys.readouterr().err
    assert said.startswith("trm-explore: ") and said.count("\n") == 1 and str(file) in said
    assert not trace.exists()


# ---- the table of puzzle vectors


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="memory is read from /proc")
def test_a_huge_table_stays_in_the_file_until_a_row_is_read(tmp_path):
    tensors = keys_of() | {PREFIX + "puzzle_emb.weights": torch.zeros(876_406, 40)}
    tensors[PREFIX + "puzzle_emb.weights"][876_405] = 7.0
    file = saved(tensors, tmp_path)
    del tensors
    before = resident()
    model = load_published(file, **HIDDEN)
    assert resident() - before < 40e6 < file.stat().st_size
    batch = {"inputs": torch.zeros(1, 9, dtype=torch.int32), "puzzle_identifiers": torch.tensor([876_405])}
    assert model.embed(batch)[0, 0].tolist() == [28.0] * 16  # sqrt(16) x 7
    assert torch.equal(load_published(file, **HIDDEN).puzzle_emb[:3], torch.zeros(3, 40))


def test_the_table_can_be_left_out(tmp_path):
    file = saved(keys_of(), tmp_path)
    there = read_published(file, puzzle_embedding="leave-out", **HIDDEN)
    assert there.model.puzzle_emb is None and "the table of puzzle vectors is left out" in there.remarks
    batch = {"inputs": torch.zeros(1, 9, dtype=torch.int32)}
    assert not there.model.embed(batch)[:, :3].any()
    with pytest.raises(ValueError, match="puzzle_embedding='no' is not known; allowed are memory-map, leave-out"):
        load_published(file, puzzle_embedding="no")


def test_the_table_is_left_out_by_the_argument_s_earlier_name_too(tmp_path, capsys):
    file = saved(keys_of(), tmp_path)
    with pytest.warns(DeprecationWarning, match="^puzzle_table is now puzzle_embedding$"):
        assert load_published(file, puzzle_table="leave-out", **HIDDEN).puzzle_emb is None
    hidden = [word for name, value in HIDDEN.items() for word in (f"--{name}", str(value))]
    for flag in ("--puzzle_embedding", "--puzzle_table", "--puzzle-table"):
        assert main(["import", str(file), flag, "leave-out", *hidden]) == 0
        assert "the table of puzzle vectors is left out" in capsys.readouterr().out


# ---- back, and through the house


@pytest.mark.parametrize("name", MODELS)
def test_export_gives_the_file_back(name, tmp_path):
    model, config, _ = opened(name, tmp_path)
    file = export_published(model, config, tmp_path / "out", step=12)
    assert file.name == "step_12"
    written = torch.load(file, weights_only=True)
    original = keys_of(name, "model.inner.")
    assert written.keys() == original.keys()
    for key, value in original.items():
        assert torch.equal(written[key], value), key
    again = read_published(file, seq_len=9)  # everything else stands in its all_config.yaml
    assert again.config == config
    with pytest.raises(ValueError, match="step_12 is there already; choose another folder"):
        export_published(model, config, tmp_path / "out", step=12)


def test_an_empty_prefix_is_exported_as_a_row_of_zeros(tmp_path):
    model, config = made(TRM | SUDOKU | {"num_puzzle_identifiers": 0})
    file = export_published(model, config, tmp_path / "out")
    assert not torch.load(file, weights_only=True)["model.inner.puzzle_emb.weights"].any()
    back, batch = load_published(file), {"inputs": torch.ones(1, 81, dtype=torch.int32)}
    assert torch.equal(back.embed(batch), model.embed(batch))


@pytest.mark.parametrize(
    ("flat", "said"),
    [
        ({"mixer": "conv", "num_puzzle_identifiers": 0, "puzzle_emb_len": 0}, "mixer=conv is ours"),
        ({"causal": True}, "causal=True is ours"),
        ({"mixer": "mlp"}, "mixer=mlp with mix_norm=width is ours"),
        ({"swiglu_multiple": 64}, "swiglu_multiple=64 makes an inner width of 192, the published code's 256 makes 256"),
        (HRM | {"puzzle_emb_len": 4}, "puzzle_emb_len=4 is not what HRM's code makes of a vector of 64 numbers, 1"),
    ],
)
def test_what_the_published_code_does_not_have_is_not_exported(tmp_path, flat, said):
    model, config = made(TRM | SUDOKU | flat)
    with pytest.raises(ValueError) as error:
        export_published(model, config, tmp_path / "out")
    assert said in str(error.value) and not (tmp_path / "out").exists()


def test_import_evaluate_show_and_export_in_the_terminal(tmp_path, capsys):
    model, config = made(TRM | SUDOKU | {"H_cycles": 1, "L_cycles": 1, "halt_max_steps": 2})
    file, ours = export_published(model, config, tmp_path / "published", 7), str(tmp_path / "ours.safetensors")
    assert main(["import", str(file)]) == 0
    said = capsys.readouterr().out
    assert "TRM, attention, 1 layers of width 64, 11 symbols, 81 positions" in said and "Saved" not in said
    assert "H_cycles=1 (all_config.yaml)" in said and "seq_len=81 (as published)" in said
    assert main(["import", str(file), "--out", ours]) == 0
    same(load_checkpoint(ours)[0], model)
    capsys.readouterr()
    assert main(["evaluate", ours, "--puzzles", "3", "--device", "cpu", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["exact_accuracy"]) == 2
    assert main(["show", ours]) == 0
    assert "final answer" in capsys.readouterr().out
    assert main(["export", ours, "--out", str(tmp_path / "back"), "--step", "7"]) == 0
    same(load_published(tmp_path / "back" / "step_7"), model)
    assert main(["export", ours, "--out", ""]) == 2
    assert main(["import", str(file), "--H_cycles", "0"]) == 2
    assert "H_cycles=0 must be a whole number of at least 1" in capsys.readouterr().err


def test_a_data_folder_can_be_its_task(tmp_path, capsys):
    """So that any published checkpoint is evaluated on the data that belongs to it."""
    write_csvs(tmp_path / "csv", sudoku_rows())
    assert (
        main(["data", "sudoku", str(tmp_path / "csv"), "--output_dir", str(tmp_path / "data"), "--num_aug", "0"]) == 0
    )
    model, config = made(TRM | SUDOKU | {"H_cycles": 1, "L_cycles": 1, "halt_max_steps": 1})
    file, ours = str(export_published(model, config, tmp_path / "published")), str(tmp_path / "ours.safetensors")
    assert main(["import", file, "--task", str(tmp_path / "data"), "--out", ours]) == 0
    capsys.readouterr()
    assert main(["evaluate", ours, "--device", "cpu"]) == 0
    assert "the held-out part of published:data" in capsys.readouterr().out
    assert main(["import", file, "--task", "sudoku4", "--out", ours]) == 2
    assert "vocab_size=11 does not fit the task sudoku4" in capsys.readouterr().err


def test_a_model_without_a_task_here_says_so_in_one_sentence(tmp_path, capsys):
    model, config = made(TRM | ARC | {"H_cycles": 1})
    ours = str(tmp_path / "arc.safetensors")
    assert main(["import", str(export_published(model, config, tmp_path / "arc")), "--out", ours]) == 0
    capsys.readouterr()
    assert main(["evaluate", ours]) == 2
    said = capsys.readouterr().err
    assert said.startswith("trm-explore: task='arc' is not known") and said.count("\n") == 1


def test_a_maze_model_has_boards_of_the_published_side(tmp_path, capsys):
    model, config = made(TRM | MAZE | {"H_cycles": 1, "L_cycles": 1, "halt_max_steps": 1})
    file, ours = str(export_published(model, config, tmp_path / "maze")), str(tmp_path / "maze.safetensors")
    assert main(["import", file, "--out", ours]) == 0
    assert main(["evaluate", ours, "--puzzles", "2", "--device", "cpu"]) == 0
    assert main(["show", ours]) == 0
    capsys.readouterr()
    task, _ = resolve(config.with_flat(task="maze"))
    puzzles = task.held_out(3)
    assert (task.rows, task.held_out_shape(), puzzles["inputs"].shape) == (30, (30, 30), (3, 900))
    assert task.check(puzzles["inputs"], puzzles["labels"]).all()
