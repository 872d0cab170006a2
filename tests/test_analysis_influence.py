"""analysis/influence.py: attention maps against the network's own output and a plain reference, derivatives against
finite differences."""

import json
import math

import numpy as np
import pytest
import torch

from trm_explore.analysis.influence import _probes, attention_maps, influence
from trm_explore.config import ModelConfig
from trm_explore.model import RecursiveModel
from trm_explore.model.cost import network_operations

ATTENTION = [
    {},
    {"pos_encodings": "none"},
    {"pos_encodings": "learned", "L_layers": 2},
    {"causal": True},
    {"puzzle_emb_len": 3, "num_puzzle_identifiers": 1},
    {"networks": "two", "H_layers": 2},
    {"states": "one"},
]


def plain_attention(x, qkv, heads, rope, causal):
    """(heads, L, L) and values (heads, L, d) of x (L, D), head by head, the rotation in complex numbers."""
    L, D = x.shape
    d = D // heads
    maps, values = [], []
    for h in range(heads):
        q, k, v = (x @ qkv[part * D + h * d : part * D + (h + 1) * d].T for part in range(3))
        if rope:
            angles = np.arange(L)[:, None] * 10000.0 ** (-2 * np.arange(d // 2) / d)
            turn = np.exp(1j * angles)
            q, k = ((z[:, : d // 2] + 1j * z[:, d // 2 :]) * turn for z in (q, k))
        scores = (q @ k.conj().T).real / math.sqrt(d)
        if causal:
            scores = np.where(np.tri(L, dtype=bool), scores, -np.inf)
        weights = np.exp(scores - scores.max(1, keepdims=True))
        maps.append(weights / weights.sum(1, keepdims=True))
        values.append(v)
    return np.array(maps), np.array(values)


@pytest.mark.parametrize("flat", ATTENTION, ids=str)
def test_attention_maps_are_those_that_the_network_mixes_with(make_model, batch, flat):
    model = make_model(mixer="attention", **flat)
    c, seen = model.config, []
    nets = [model.net] if model.net_H is None else [model.net, model.net_H]
    for net in nets:
        for depth, layer in enumerate(net.layers):
            layer.mix.register_forward_hook(
                lambda mix, inputs, out, depth=depth: seen.append((mix, depth, inputs, out))
            )
    maps = attention_maps(model, batch, puzzle=1, H_cycles=2)
    L, layers = 16 + c.puzzle_emb_len, max(len(net.layers) for net in nets)
    assert maps.shape == (2, c.L_cycles + 1, layers, 2, L, L) and maps.dtype == np.float32
    there = maps.reshape(-1, layers, 2, L, L)
    call = -1
    for mix, depth, (x, _), out in seen:  # in the order of the network's calls
        call += depth == 0
        weights = mix.qkv_proj.weight.detach().double().numpy()
        expected, values = plain_attention(
            x[0].double().numpy(), weights, 2, c.pos_encodings == "rope", flat.get("causal", False)
        )
        assert there[call, depth] == pytest.approx(expected, abs=1e-5)
        mixed = (there[call, depth] @ values).transpose(1, 0, 2).reshape(L, 16)
        assert out[0].numpy() == pytest.approx(mixed @ mix.o_proj.weight.detach().numpy().T, abs=1e-5)
    assert call + 1 == len(there)
    if flat.get("causal"):
        assert not maps[..., ~np.tri(L, dtype=bool)].any()
    if flat.get("networks") == "two":  # the L network has one layer, the H network two
        assert np.isnan(maps[:, :-1, 1]).all() and not np.isnan(maps[:, -1]).any()


@pytest.mark.parametrize("mixer", ["mlp", "conv"])
def test_without_attention_one_sentence_names_the_other_view(make_model, batch, mixer):
    with pytest.raises(ValueError, match=rf"mixer={mixer} has no attention to show; take influence\(\)"):
        attention_maps(make_model(mixer=mixer), batch)


def answers_by_hand(model, x, board, cycles):
    """z_H (N, P + L, D) after each cycle for embedded inputs x (N, P + L, D): the recursion written out."""
    z_H, z_L = model.H_init.double().expand_as(x), model.L_init.double().expand_as(x)
    if model.config.states == "one":
        z_H = z_L
    for _ in range(cycles):
        for _ in range(model.config.L_cycles):
            z_L = model.net(z_L + x if model.config.states == "one" else z_L + z_H + x, board)
        z_H = model.net(z_L if model.config.states == "one" else z_H + z_L, board)
        z_L = z_H if model.config.states == "one" else z_L
        yield z_H


def jacobians(model, one, cycles, size=1e-4):
    """(S, L, D, L, D) of z_H with respect to x, by central differences; the prefix left out."""
    P, D = model.config.puzzle_emb_len, 16
    with torch.no_grad():
        x = model.embed(one)
        moved = x.repeat(16 * D, 1, 1)
        index = torch.arange(16 * D)
        steps = torch.zeros_like(moved)
        steps[index, P + index // D, index % D] = size
        ahead = answers_by_hand(model, moved + steps, one["board"], cycles)
        behind = answers_by_hand(model, moved - steps, one["board"], cycles)
        found = [(a - b)[:, P:] / (2 * size) for a, b in zip(ahead, behind, strict=True)]  # (L D, L, D) each
    return torch.stack(found).permute(0, 2, 3, 1).unflatten(-1, (16, D)).numpy()


VARIANTS = [
    {"mixer": "mlp"},
    {"mixer": "conv"},
    {"mixer": "attention"},
    {"mixer": "attention", "causal": True},
    {"mixer": "attention", "pos_encodings": "learned"},
    {"mixer": "attention", "puzzle_emb_len": 2, "num_puzzle_identifiers": 1},
    {"mixer": "mlp", "states": "one"},
]


@pytest.fixture
def one(batch):
    return {"inputs": batch["inputs"][2:3], "labels": batch["labels"][2:3], "board": (4, 4)}


@pytest.mark.parametrize("flat", VARIANTS, ids=str)
def test_influence_is_the_size_of_finite_differences(make_model, batch, one, flat):
    model = make_model(forward_dtype="float64", **flat)
    J = jacobians(model, one, 3)
    got = influence(model, batch, puzzle=2, of="z_H", probes=16)
    assert got.matrix == pytest.approx(np.sqrt(np.square(J).sum((2, 4))), rel=1e-4, abs=1e-7)
    rows = model.lm_head.weight.detach().double().numpy()
    of_logits = np.einsum("vd,sidje->sivje", rows, J)
    got = influence(model, batch, puzzle=2)
    assert (got.probes, got.directions, got.positions) == (6, 6, list(range(16)))
    assert got.matrix == pytest.approx(np.sqrt(np.square(of_logits).sum((2, 4))), rel=1e-3, abs=1e-6)
    if flat.get("causal"):
        assert not got.matrix[:, ~np.tri(16, dtype=bool)].any() and got.matrix[:, np.tri(16, dtype=bool)].all()


def test_fewer_probes_are_the_mean_over_their_directions_and_say_so(make_model, batch, one):
    model = make_model(forward_dtype="float64")
    J = jacobians(model, one, 3)
    got = influence(model, batch, puzzle=2, of="z_H", probes=3, positions=[4, 0])
    seen = np.einsum("kd,sidje->sikje", _probes(3, 16, torch.device("cpu")).numpy(), J[:, [4, 0]])
    assert got.matrix == pytest.approx(np.sqrt(16 / 3 * np.square(seen).sum((2, 4))), rel=1e-4)
    assert got.positions == [4, 0] and "Estimated from 3 of 16 directions of each position's z_H." in got.text
    assert "Exact norms." in influence(model, batch, probes=6).text


@pytest.mark.parametrize(("count", "directions"), [(1, 5), (3, 7), (5, 5)])
def test_probes_are_orthonormal_and_always_the_same(count, directions):
    one, two = (_probes(count, directions, torch.device("cpu")) for _ in range(2))
    assert torch.equal(one, two) and torch.allclose(one @ one.T, torch.eye(count), atol=1e-6)


def test_a_convolution_reaches_one_cell_further_with_every_call_of_the_network():
    model = RecursiveModel(ModelConfig(vocab_size=4, seq_len=49, hidden_size=8, mixer="conv", L_cycles=1))
    inputs = torch.randint(0, 4, (1, 49), generator=torch.Generator().manual_seed(0))
    got = influence(model, {"inputs": inputs, "board": (7, 7)}, H_cycles=2)
    row, column = np.divmod(np.arange(49), 7)
    far = np.maximum(abs(row[:, None] - row), abs(column[:, None] - column))
    for step, radius in ((0, 2), (1, 4)):  # x is read by the L call; the H call carries it one cell on
        assert not got.matrix[step][far > radius].any() and got.matrix[step][far <= radius].all()


def test_a_small_budget_asks_for_less_and_says_for_what(make_model, batch):
    few = influence(make_model(), batch, budget=0)
    assert (few.positions, few.probes, few.matrix.shape) == ([0], 1, (3, 1, 16))
    all_of_it = influence(make_model(), batch)
    half = influence(make_model(), batch, positions=all_of_it.positions[::4])
    assert half.matrix == pytest.approx(all_of_it.matrix[:, ::4], rel=1e-5)
    # The budget that four positions' one probe needs, from the cost of an update's cycles.
    cycle = 3 * network_operations(make_model().config)
    assert influence(make_model(), batch, budget=4 * 6 * cycle).positions == [0, 5, 10, 15]
    assert influence(make_model(), batch, budget=32 * 6 * cycle).probes == 2


def test_boards_of_another_size_and_real_inputs_are_measured_too():
    model = RecursiveModel(ModelConfig(vocab_size=2, seq_len=9, input_size=3, hidden_size=8, mixer="conv"))
    numbers = torch.randn(1, 20, 3, generator=torch.Generator().manual_seed(0))
    got = influence(model, {"input_embeddings": numbers, "board": (4, 5)})
    assert got.matrix.shape == (3, 20, 20) and got.directions == 2 and np.isfinite(got.matrix).all()


def test_the_model_is_as_before_and_what_is_sent_is_ready_for_json(make_model, batch):
    model = make_model().train()
    with torch.no_grad():
        got = influence(model, batch, H_cycles=5)
        assert not torch.is_grad_enabled()
    assert model.training and all(p.grad is None for p in model.parameters())
    sent = json.loads(json.dumps(got.to_dict(), allow_nan=False))
    assert np.shape(sent["matrix"]) == (5, 16, 16) and sent["text"].startswith("Exact norms. Pairs with more than")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"of": "z_L"}, "of='z_L' is not known; allowed are logits and z_H"),
        ({"positions": [16]}, "positions holds 16, which is not there; allowed are 0 to 15"),
        ({"positions": []}, "positions is empty; give at least one of 0 to 15"),
        ({"probes": 0}, "probes=0 must be from 1 to 6"),
        ({"probes": 7}, "probes=7 must be from 1 to 6"),
        ({"puzzle": 5}, "puzzle=5 is not in this batch of 5"),
    ],
)
def test_wrong_wishes_get_one_sentence(make_model, batch, wrong, said):
    with pytest.raises(ValueError, match=said):
        influence(make_model(), batch, **wrong)
