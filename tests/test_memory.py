"""memory.py and its estimate: what cannot fit is refused, what ran out ends in one sentence with a smaller setting."""

import os

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from trm_explore.analysis.diagnosis import diagnose
from trm_explore.cli import main
from trm_explore.config import RunConfig
from trm_explore.model.cost import estimate, memory_size, smaller
from trm_explore.training import Training, train
from trm_explore.training import events as ev
from trm_explore.training.memory import memory_full, out_of_memory

FULL = {
    "cuda": torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    "cpu": RuntimeError("[enforce fail at alloc_cpu.cpp:121] DefaultCPUAllocator: can't allocate memory: 9 bytes"),
    "mps": RuntimeError("MPS backend out of memory (MPS allocated: 9.00 GB, max allowed: 9.07 GB)"),
    "python": MemoryError(),
}
shapes = st.fixed_dictionaries(
    {
        "vocab_size": st.integers(2, 20),
        "seq_len": st.integers(1, 100),
        "hidden_size": st.sampled_from([16, 64, 128]),
        "mixer": st.sampled_from(["attention", "mlp", "conv"]),
        "L_layers": st.integers(1, 3),
        "H_cycles": st.integers(1, 6),
        "L_cycles": st.integers(1, 6),
        "batch_size": st.integers(1, 64),
        "enable_deep_supervision": st.booleans(),
        "gradient_scope": st.sampled_from(["auto", "last", "cycle", "full"]),
        "activation_checkpointing": st.sampled_from(["none", "cycle", "call"]),
    }
)


def memory(flat, **changes):
    return estimate(RunConfig.from_flat(flat | changes)).memory


# ---- the estimate ----------------------------------------------------------------


@given(shapes, st.sampled_from(["seq_len", "hidden_size", "L_layers", "batch_size", "vocab_size"]))
def test_more_of_anything_never_needs_less_memory(flat, name):
    assert memory(flat, **{name: 2 * flat[name]}) > memory(flat)
    for cycles in ("H_cycles", "L_cycles"):
        assert memory(flat, **{cycles: flat[cycles] + 1}) >= memory(flat)


@given(shapes)
def test_a_longer_gradient_needs_more_and_checkpointing_per_call_less(flat):
    flat = flat | {"enable_deep_supervision": True, "activation_checkpointing": "none"}
    last, cycle, full = (memory(flat, gradient_scope=scope) for scope in ("last", "cycle", "full"))
    assert last == cycle <= full and (flat["H_cycles"] == 1 or cycle < full)
    call = memory(flat, gradient_scope="full", activation_checkpointing="call")
    per_cycle = memory(flat, gradient_scope="full", activation_checkpointing="cycle")
    assert call <= per_cycle and call < full
    assert flat["H_cycles"] == 1 or per_cycle < full


@given(shapes)
def test_the_next_smaller_setting_is_smaller_until_none_is_left(flat):
    run, tries = RunConfig.from_flat(flat), 0
    while change := smaller(run):
        assert len(change) == 1
        assert estimate(run.with_flat(**change)).memory < estimate(run).memory, change
        assert memory_full(run)[1].startswith(f"{next(iter(change))}={next(iter(change.values()))} would need about ")
        run, tries = run.with_flat(**change), tries + 1
        assert tries < 40
    assert run.train.batch_size == 1
    assert memory_full(run)[1] == "take a smaller preset"


def test_a_smaller_setting_is_one_that_the_config_allows():
    custom = {"deep_supervision_schedule": "custom", "custom_weights": [1.0, 1.0, 1.0], "enable_deep_supervision": True}
    random = {"min_H_cycles": 3, "enable_deep_supervision": True}
    for extras in (custom, random):
        run = RunConfig.from_flat({"vocab_size": 6, "seq_len": 16, **extras})
        while change := smaller(run):
            run = run.with_flat(**change)
        assert run.model.H_cycles == 3


def test_a_loop_over_positions_keeps_the_graph_of_a_window():
    """The guide's own loop over embeddings: `truncation_length` positions are kept, each position is a pass."""
    shape = {"vocab_size": 32, "seq_len": 16, "input_size": 32, "mixer": "attention", "enable_deep_supervision": True}
    shape |= {"task": "embeddings", "hidden_size": 64, "causal": False}
    short, long = (estimate(RunConfig.from_flat(shape | {"truncation_length": n})) for n in (1, 8))
    weights = 20 * short.parameters
    assert long.memory - weights == pytest.approx(8 * (short.memory - weights))
    one_pass = estimate(RunConfig.from_flat(shape | {"causal": True}))
    assert short.operations == pytest.approx(16 * one_pass.operations)
    assert short.memory == one_pass.memory


@pytest.mark.parametrize(
    ("size", "text"), [(12.4e9, "12 GB"), (3.14e9, "3.1 GB"), (0.4e9, "0.4 GB"), (8e7, "80 MB"), (1e5, "0 MB")]
)
def test_sizes_are_said_in_round_numbers(size, text):
    assert memory_size(size) == text


# ---- running out ----------------------------------------------------------------


@pytest.mark.parametrize("error", FULL.values(), ids=FULL)
def test_every_devices_way_to_say_that_its_memory_is_full_is_known(error):
    assert out_of_memory(error)


@pytest.mark.parametrize(
    "error",
    [RuntimeError("mat1 and mat2 shapes cannot be multiplied"), RuntimeError("element 0 of tensors"), KeyError(1)],
)
def test_other_errors_are_not_taken_for_it(error):
    assert not out_of_memory(error)


@pytest.mark.parametrize("error", FULL.values(), ids=FULL)
@pytest.mark.parametrize("when", ["forward", "backward", "evaluation"])
def test_a_run_that_finds_no_memory_ends_in_one_sentence_with_the_next_smaller_setting(tiny_run, error, when):
    run = tiny_run(updates=4, batch_size=8, frame_every=0, enable_deep_supervision=True, eval_every=2)
    training = Training(run)
    stream = iter(training)
    while training.update < 2:
        next(stream)

    def full(*_, **__):
        raise error

    if when == "forward":
        training.model.cycles = full
    elif when == "backward":
        training.model.lm_head.register_full_backward_hook(full)
    else:
        training.ema_model.cycles = full
    *before, failed = list(stream)
    assert not any(isinstance(e, ev.UpdateDone | ev.Failed) for e in before)
    assert isinstance(failed, ev.Failed) and failed.update == 2
    sentence = f"{failed.reason}; {failed.advice}"
    needed, less = (memory_size(estimate(c).memory) for c in (training.config, training.config.with_flat(batch_size=4)))
    assert sentence == (
        f"the device's memory is full: this run needs about {needed}; batch_size=4 would need about {less}"
    )
    assert [(f.kind, f.text) for f in diagnose([failed])] == [("memory", sentence)]
    assert training.update == 2 and torch.is_grad_enabled()


def test_what_the_data_had_drawn_for_the_update_that_found_no_memory_is_put_back(tiny_run):
    run = tiny_run(updates=3, frame_every=0)
    training = Training(run)
    stream = iter(training)
    while training.update < 1:
        next(stream)
    before, drawn = training.state.data_rng.bit_generator.state, training.state.drawn
    training.model.cycles = lambda *_, **__: (_ for _ in ()).throw(MemoryError())
    assert isinstance(list(stream)[-1], ev.Failed)
    assert training.state.data_rng.bit_generator.state == before and training.state.drawn == drawn


def test_another_error_of_the_library_is_not_hidden(tiny_run):
    training = Training(tiny_run())
    training.model.cycles = lambda *_, **__: (_ for _ in ()).throw(RuntimeError("shapes cannot be multiplied"))
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        list(training)


def test_a_network_that_cannot_even_be_made_is_refused_in_the_same_words(tiny_run, monkeypatch):
    def full(*_, **__):
        raise FULL["cpu"]

    monkeypatch.setattr("trm_explore.training.loop.TrainingState", full)
    with pytest.raises(ValueError, match="memory is full: this run needs about .*; batch_size=2 would need about "):
        train(tiny_run())


# ---- refused before it starts ----------------------------------------------------------------


@pytest.fixture
def machine(monkeypatch):
    """machine(bytes): as if it had that much memory."""
    real = os.sysconf

    def with_memory(size):
        pages = {"SC_PAGE_SIZE": 1, "SC_PHYS_PAGES": size}
        monkeypatch.setattr(os, "sysconf", lambda name: pages[name] if name in pages else real(name))

    return with_memory


def test_what_is_estimated_to_need_more_than_there_is_is_refused_before_anything_is_made(
    tiny_run, machine, monkeypatch
):
    run = tiny_run(hidden_size=256, batch_size=512, enable_deep_supervision=True)
    resolved = run.with_flat(vocab_size=6, seq_len=16)
    needed, less = (memory_size(estimate(c).memory) for c in (resolved, resolved.with_flat(batch_size=256)))
    machine(int(estimate(resolved).memory) + 1)
    Training(run)
    machine(int(estimate(resolved).memory) - 1)
    monkeypatch.setattr("trm_explore.training.loop.TrainingState", lambda *_: pytest.fail("it was made"))
    with pytest.raises(ValueError) as error:
        train(run)
    sentence = str(error.value)
    assert sentence.startswith(f"batch_size=512 with this model needs about {needed}, cpu has ")
    assert sentence.endswith(f"; batch_size=256 would need about {less}") and "\n" not in sentence


def test_the_command_line_refuses_it_with_status_2_and_leaves_no_folder(capsys, machine, tmp_path):
    machine(10**6)
    argv = ["train", "--hidden_size", "64", "--device", "cpu", "--out", str(tmp_path / "run")]
    assert main(argv) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and not (tmp_path / "run").exists()
    assert err.startswith("trm-explore: batch_size=32 with this model needs about ")
    assert "batch_size=16 would need about" in err


def test_where_nothing_smaller_is_left_a_smaller_preset_is_advised(tiny_run, machine):
    machine(10**4)
    with pytest.raises(ValueError, match="; take a smaller preset$"):
        train(tiny_run(batch_size=1, H_cycles=1, L_cycles=1, activation_checkpointing="call"))


def test_the_estimate_is_in_the_first_event(tiny_run):
    training = Training(tiny_run(activation_checkpointing="call", enable_deep_supervision=True))
    started = next(iter(training))
    assert started.memory == estimate(training.config).memory > 0
