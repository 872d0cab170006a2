"""cost.py: its numbers against the real network."""

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from trm_explore.config import MIXERS, ModelConfig, RunConfig
from trm_explore.model import RecursiveModel
from trm_explore.model.cost import estimate, network_operations, parameters
from trm_explore.training.losses import answer_loss, weights_for


@pytest.mark.parametrize("mixer", MIXERS)
@pytest.mark.parametrize("positions", ["rope", "learned", "none"])
@pytest.mark.parametrize(("width", "layers", "multiple", "expansion"), [(8, 1, 8, 4.0), (24, 3, 64, 2.5)])
def test_parameters_are_those_of_the_real_model(mixer, positions, width, layers, multiple, expansion):
    config = ModelConfig(
        vocab_size=11,
        seq_len=36,
        hidden_size=width,
        L_layers=layers,
        swiglu_multiple=multiple,
        expansion=expansion,
        mixer=mixer,
        pos_encodings=positions,
    )
    assert parameters(config) == sum(p.numel() for p in RecursiveModel(config).parameters())


def test_the_paper_preset_has_the_published_number_of_parameters():
    """The 7M shape of TRM (arXiv 2510.04871) for 9x9 Sudoku: 11 symbols, 81 cells."""
    config = RunConfig.from_preset("paper", vocab_size=11, seq_len=81)
    assert parameters(config.model) == 6_828_034


def counted(config: RunConfig, backward: bool) -> int:
    """Operations of matrix products in one update, as torch's own counter sees them."""
    m, B = config.model, config.train.batch_size
    model = RecursiveModel(m)
    tokens = torch.randint(0, m.vocab_size, (2, B, m.seq_len), generator=torch.Generator().manual_seed(0))
    batch = dict(zip(("inputs", "labels"), tokens, strict=True))
    weights = weights_for(config.supervision, m.H_cycles)
    # MATH: the counter sees two matrix products there, and does not know the fused kernel of the CPU.
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH), torch.set_grad_enabled(backward):
        total = 0
        scope = config.supervision.scope
        for cycle in model.cycles(model.initial_carry(batch), batch, gradient_scope=scope):
            total = total + weights[cycle.index] * answer_loss(cycle.logits, batch["labels"])
        if backward:
            total.backward()
    return counter.get_total_flops()


@pytest.mark.parametrize("mixer", MIXERS)
@pytest.mark.parametrize(("on", "scope"), [(False, "last"), (True, "cycle"), (True, "full"), (False, "full")])
def test_operations_agree_with_torchs_counter(mixer, on, scope):
    config = RunConfig.from_flat(
        {
            "vocab_size": 11,
            "seq_len": 36,
            "hidden_size": 32,
            "L_layers": 2,
            "L_cycles": 3,
            "H_cycles": 4,
            "batch_size": 3,
            "mixer": mixer,
            "enable_deep_supervision": on,
            "gradient_scope": scope,
        }
    )
    cost = estimate(config)
    assert cost.forward_operations == pytest.approx(counted(config, backward=False), rel=0.01)
    assert cost.operations == pytest.approx(counted(config, backward=True), rel=0.03)


def test_seconds_follow_from_operations_speed_and_updates():
    config = RunConfig.from_flat({"vocab_size": 6, "seq_len": 16, "updates": 7})
    cost = estimate(config, speed=1e9)
    assert cost.seconds_per_update == cost.operations / 1e9
    assert cost.seconds == 7 * cost.seconds_per_update
    assert estimate(config.with_flat(batch_size=64)).operations == 2 * cost.operations


def test_layers_multiply_the_networks_operations():
    one = ModelConfig(vocab_size=6, seq_len=16)
    assert network_operations(ModelConfig(vocab_size=6, seq_len=16, L_layers=3)) == 3 * network_operations(one)


@pytest.mark.parametrize(("L_cycles", "scope", "megabytes"), [(2, "last", 48), (6, "last", 107), (6, "full", 312)])
def test_memory_is_near_what_the_profiler_counted(L_cycles, scope, megabytes):
    """The figures are those of docs/benchmarks.md (peak live bytes of one update, attention, batch 8)."""
    config = RunConfig.from_flat(
        {
            "vocab_size": 11,
            "seq_len": 81,
            "hidden_size": 128,
            "L_layers": 2,
            "mixer": "attention",
            "L_cycles": L_cycles,
            "batch_size": 8,
            "gradient_scope": scope,
            "enable_deep_supervision": True,
        }
    )
    assert estimate(config).memory / 1e6 == pytest.approx(megabytes, rel=0.35)
