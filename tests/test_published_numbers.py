"""The same numbers as the published code: tests/data/published-*.safetensors hold what it computed.

Three supervision steps of one model each: logits, halting values, loss, gradients, and the table of puzzle vectors
(tests/data/README.md says how the files were made).
"""

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from trm_explore.config import ModelConfig
from trm_explore.model import RecursiveModel
from trm_explore.model.network import trunc_normal
from trm_explore.model.published import read_published
from trm_explore.model.published.names import ours_of
from trm_explore.model.puzzle_embedding import sign_sgd
from trm_explore.training.losses import deep_supervision_loss
from trm_explore.training.update import forward_backward, plan_update

DATA = Path(__file__).parent / "data"
MODELS = ("trm-attention", "trm-mlp", "trm-single", "hrm")
PREFIX = "_orig_mod.model.inner."


def recorded(name):
    """(tensors, settings)"""
    with safe_open(DATA / f"published-{name}.safetensors", "pt") as file:
        settings = json.loads(file.metadata()["settings"])
        return {key: file.get_tensor(key) for key in file.keys()}, settings  # noqa: SIM118 (not a dict)


def part(tensors, before):
    return {key.removeprefix(before): value for key, value in tensors.items() if key.startswith(before)}


def bare_weights(name):
    return part(recorded(name)[0], "weights/model.inner.")


def opened(name, folder, **more):
    """The model, through the file format itself."""
    _, settings = recorded(name)
    path = folder / "step_7"
    torch.save({PREFIX + key: value for key, value in bare_weights(name).items()}, path)
    hidden = ("H_cycles", "L_cycles", "num_heads", "seq_len", "puzzle_emb_len", "halt_max_steps")
    given = {key: settings[key] for key in hidden} | more
    if name == "hrm":
        del given["puzzle_emb_len"]  # its code has no such setting
    return read_published(path, **given)


def close(a, b, tolerance=1e-5):
    torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance, check_dtype=False)


@pytest.mark.parametrize("name", MODELS)
def test_three_supervision_steps_give_the_published_codes_numbers(name, tmp_path):
    """Logits, halting values, who halts, loss and gradients, with puzzles that were replaced where one had halted.

    Their loss is a sum over the batch, which they divide by the batch's size before going back; ours is that mean.
    """
    tensors, _ = recorded(name)
    model, config, _ = opened(name, tmp_path)
    model.train()
    config = config.with_flat(halt_exploration_prob=0.0)
    model.train_config = config.train
    carry = None
    for call in range(3):
        there = part(tensors, f"call{call}/")
        batch = part(there, "batch/")
        carry = model.initial_carry(batch) if carry is None else carry
        model.zero_grad()
        carry = model.start(carry, batch)
        plan = plan_update(config, call)
        outcome = forward_backward(model, carry, plan, config)
        close(outcome.last.logits, there["logits"])
        close(outcome.last.q_halt, there["q_halt"])
        loss = deep_supervision_loss(outcome.step_losses, plan.weights)
        loss = loss + 0.5 * deep_supervision_loss(outcome.halt_losses, plan.weights)
        close(len(batch["labels"]) * loss, there["loss"][0])
        gradients = part(there, "gradient/model.inner.")
        if gradients:
            ours = dict(model.named_parameters())
            assert {ours_of(key) for key in gradients} == ours.keys()
            for key, expected in gradients.items():
                found = ours[ours_of(key)].grad
                close(torch.zeros_like(expected) if found is None else found, expected)
            close(outcome.rows.values.grad, there["rows_gradient"])
        carry = model.finish(carry, outcome.last)
        if name == "hrm":  # its own rule compares with a head that we do not train
            carry = carry._replace(halted=there["halted"].bool())
        assert carry.halted.tolist() == there["halted"].bool().tolist()
        assert carry.steps.tolist() == there["steps"].tolist()
    sign_sgd(model.puzzle_emb, outcome.rows, lr=0.01, weight_decay=0.1)
    close(model.puzzle_emb, tensors["table_after"])


@pytest.mark.parametrize("name", MODELS)
def test_the_recorded_numbers_would_show_a_difference(name, tmp_path):
    """Another number of cycles, norm or scope is far outside the tolerance: what is compared depends on them."""
    tensors, settings = recorded(name)
    batch = part(tensors, "call0/batch/")
    model = opened(name, tmp_path).model
    (*_, same) = model.cycles(model.initial_carry(batch), batch)
    (*_, other) = model.cycles(model.initial_carry(batch), batch, L_cycles=settings["L_cycles"] + 1)
    close(same.logits, tensors["call0/logits"])
    assert (other.logits - tensors["call0/logits"]).abs().max() > 1e-2


def test_initial_weights_are_drawn_as_published():
    """From the same random numbers the truncated normal gives the same weights; the halting head starts at 0 and -5."""
    tensors, _ = recorded("trm-attention")
    drawn = trunc_normal(16, 16, std=0.3, generator=torch.Generator().manual_seed(5))
    close(drawn, tensors["initial"], 1e-6)
    head = RecursiveModel(ModelConfig(vocab_size=7, seq_len=9, hidden_size=16)).q_head
    assert torch.equal(torch.cat((head.weight.flatten(), head.bias)), tensors["initial_q"])
