"""network.py: each part against a slow, independent reading of its formula. Float64 in, so that agreement can be
close."""

import math

import pytest
import torch
import torch.nn.functional as F

from trm_explore.config import MIXERS, ModelConfig
from trm_explore.model import network


def config(**changes):
    return ModelConfig(
        **{"vocab_size": 6, "seq_len": 12, "hidden_size": 8, "num_heads": 2, "swiglu_multiple": 4, **changes}
    )


def random(*shape, seed=0, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def generator():
    return torch.Generator().manual_seed(3)


def close(a, b, tolerance=1e-9):
    torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)


def swiglu(x, module):
    """The formula, with W gate-first, over the last axis."""
    inner = module.down_proj.weight.shape[1]
    gate_up = module.gate_up_proj.weight.double()
    gate, up = x @ gate_up[:inner].T, x @ gate_up[inner:].T
    return (gate / (1 + torch.exp(-gate)) * up) @ module.down_proj.weight.double().T


@pytest.mark.parametrize("eps", [1e-5, 0.3])
def test_rms_norm_is_torchs_without_a_gain(eps):
    x = random(3, 5, 8) * 4
    close(network.rms_norm(x, eps), F.rms_norm(x, (8,), eps=eps))
    close(network.rms_norm(x, eps), x / torch.sqrt((x**2).mean(-1, keepdim=True) + eps))


def test_rms_norm_of_bfloat16_is_computed_in_float32():
    x = (random(3, 257) * 30).bfloat16()
    assert torch.equal(network.rms_norm(x, 1e-5), network.rms_norm(x.float(), 1e-5).bfloat16())


def test_trunc_normal_is_a_normal_cut_at_two_sigma_with_the_std_that_was_asked_for():
    drawn = network.trunc_normal(200, 1000, std=0.3, generator=generator()).double()
    cut = random(400_000, seed=1)
    cut = cut[cut.abs() < 2]
    assert drawn.std().item() == pytest.approx(0.3, rel=0.01)
    assert drawn.abs().max().item() == pytest.approx(0.3 * 2 / cut.std().item(), rel=0.01)
    quantiles = torch.linspace(0.02, 0.98, 25, dtype=torch.float64)
    close(drawn.flatten().quantile(quantiles) / 0.3, (cut / cut.std()).quantile(quantiles), 0.02)


@pytest.mark.parametrize(
    ("width", "expansion", "multiple", "inner"),
    [(512, 4, 256, 1536), (64, 4, 64, 192), (81, 4, 64, 256), (96, 4, 256, 256), (96, 4.1, 256, 512), (3, 1, 1, 2)],
)
def test_swiglus_inner_width_is_two_thirds_rounded_up_to_the_multiple(width, expansion, multiple, inner):
    c = config(expansion=float(expansion), swiglu_multiple=multiple)
    assert c.inner_width(width) == inner
    module = network.SwiGLU(width, c, generator())
    assert (module.gate_up_proj.weight.shape, module.down_proj.weight.shape) == ((2 * inner, width), (width, inner))


def test_swiglu_is_its_formula():
    module, x = network.SwiGLU(8, config(), generator()), random(2, 12, 8)
    close(module(x), swiglu(x, module))


def slow_attention(x, module, heads, theta):
    """One head, one query, one key at a time; the rotation as a product of complex numbers (None: no rotation)."""
    B, L, D = x.shape
    d = D // heads
    q_all, k_all, v_all = (x @ module.qkv_proj.weight.double().T).split(D, dim=-1)
    out = torch.zeros_like(x)
    for b in range(B):
        for h in range(heads):
            q, k, v = (a[b, :, h * d : (h + 1) * d] for a in (q_all, k_all, v_all))
            if theta is not None:
                turn = [[complex(math.cos(a), math.sin(a)) for a in angles(i, d, theta)] for i in range(L)]
                turn = torch.tensor(turn, dtype=torch.complex128)
                q, k = (rotated(a, turn, d) for a in (q, k))
            for i in range(L):
                scores = torch.stack([(q[i] * k[j]).sum() / math.sqrt(d) for j in range(L)])
                for j, share in enumerate(scores.exp() / scores.exp().sum()):
                    out[b, i, h * d : (h + 1) * d] += share * v[j]
    return out @ module.o_proj.weight.double().T


def angles(position, d, theta):
    return [position * theta ** (-2 * i / d) for i in range(d // 2)]


def rotated(a, turn, d):
    """Pairs (a_i, a_{i + d/2}) as complex numbers, turned."""
    turned = torch.complex(a[:, : d // 2], a[:, d // 2 :]) * turn
    return torch.cat((turned.real, turned.imag), dim=-1)


@pytest.mark.parametrize(("heads", "theta"), [(1, 10000.0), (2, 100.0), (4, 10000.0)])
@pytest.mark.parametrize("positions", ["rope", "none"])
def test_attention_equals_a_slow_one_with_complex_rotation(heads, theta, positions):
    module = network.Attention(config(num_heads=heads, rope_theta=theta, pos_encodings=positions), generator())
    x = random(2, 12, 8)
    # RoPE's angles are float32 in the network, which bounds the agreement.
    close(module(x, None), slow_attention(x, module, heads, theta if positions == "rope" else None), 1e-5)


def test_without_positions_attention_does_not_know_the_order():
    x, order = random(2, 12, 8), torch.randperm(12, generator=generator())
    plain = network.Attention(config(pos_encodings="none"), generator())
    close(plain(x[:, order], None), plain(x, None)[:, order])
    rope = network.Attention(config(), generator())
    assert (rope(x[:, order], None) - rope(x, None)[:, order]).abs().max() > 1e-3


def test_mlp_mixing_acts_along_the_positions_and_on_every_channel_alike():
    module, x = network.MixMLP(config(mixer="mlp"), generator()), random(2, 12, 8)
    inner = module.mlp_t.down_proj.weight.shape[1]
    gate_up, down = module.mlp_t.gate_up_proj.weight.double(), module.mlp_t.down_proj.weight.double()
    hidden = torch.einsum("il,bld->bid", gate_up, x)
    close(module(x, None), torch.einsum("li,bid->bld", down, F.silu(hidden[:, :inner]) * hidden[:, inner:]))


@pytest.mark.parametrize("board", [(3, 4), (4, 3), (2, 6), (1, 12)])
def test_convolution_is_the_sum_over_the_cells_around(board):
    module, x = network.MixConv(config(mixer="conv"), generator()), random(2, 12, 8)
    rows, cols = board
    weight, expected = module.weight.double(), torch.zeros_like(x)
    for r in range(rows):
        for c in range(cols):
            for dr in (-1, 0, 1):
                for dc in (-1, 0, 1):
                    if 0 <= r + dr < rows and 0 <= c + dc < cols:
                        source = x[:, (r + dr) * cols + c + dc]
                        expected[:, r * cols + c] += source @ weight[:, :, dr + 1, dc + 1].T
    close(module(x, board), expected)


def test_convolution_takes_any_board_and_a_square_where_nothing_is_said():
    module = network.MixConv(config(mixer="conv"), generator())
    x = random(1, 49, 8)
    close(module(x, None), module(x, (7, 7)))
    with pytest.raises(ValueError, match=r"12 positions are not 3 x 3; give the batch an entry board"):
        module(random(1, 12, 8), None)
    with pytest.raises(ValueError, match=r"12 positions are not 5 x 2"):
        module(random(1, 12, 8), (5, 2))


@pytest.mark.parametrize("mixer", ["attention", "mlp", "conv"])
def test_a_layer_mixes_first_then_transforms_and_normalises_after_each_sum(mixer):
    c = config(mixer=mixer, rms_norm_eps=0.01, L_layers=2)
    net, x = network.TinyNetwork(c, generator()), random(2, 12, 8)
    y = x
    for layer in net.layers:
        y = F.rms_norm(y + layer.mix(y, (3, 4)), (8,), eps=0.01)
        y = F.rms_norm(y + swiglu(y, layer.mlp), (8,), eps=0.01)
    close(net(x, (3, 4)), y)


def test_layers_have_weights_of_their_own():
    first, second = network.TinyNetwork(config(L_layers=2), generator()).layers
    assert not torch.equal(first.mlp.gate_up_proj.weight, second.mlp.gate_up_proj.weight)


@pytest.mark.parametrize("mixer", ["attention", "mlp", "conv"])
def test_in_bfloat16_only_the_computation_is_rounded_not_the_weights(mixer):
    net, x = network.TinyNetwork(config(mixer=mixer), generator()), random(2, 12, 8)
    y = net(x.bfloat16(), (3, 4))
    assert y.dtype == torch.bfloat16 and all(p.dtype == torch.float32 for p in net.parameters())
    assert (y.double() - net(x, (3, 4))).abs().max() < 0.1


def test_linear_starts_with_the_deviation_of_its_fan_in_and_no_bias():
    linear = network.Linear(400, 300, generator(), bias=True)
    assert linear.weight.std().item() == pytest.approx(400**-0.5, rel=0.02)
    assert not linear.bias.any()
    x = random(5, 400)
    with torch.no_grad():
        linear.bias.fill_(2)
    close(linear(x), x @ linear.weight.double().T + 2)


def test_every_mixer_that_a_config_can_name_has_a_module_and_the_other_way_round():
    assert list(network.MIXERS) == list(MIXERS)


@pytest.mark.parametrize("mixer", MIXERS)
def test_a_mixer_takes_other_lengths_only_where_it_says_so(mixer):
    """fixed_length, measured: the module is called with a board of another size."""
    config = ModelConfig(vocab_size=6, seq_len=16, hidden_size=8, num_heads=2, swiglu_multiple=8, mixer=mixer)
    layer = network.MIXERS[mixer](config, torch.Generator().manual_seed(0))
    other = torch.zeros(1, 25, 8)
    if MIXERS[mixer].fixed_length:
        with pytest.raises(RuntimeError):
            layer(other, (5, 5))
    else:
        assert layer(other, (5, 5)).shape == other.shape
