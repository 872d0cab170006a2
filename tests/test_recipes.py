"""The published trainings as presets, and the settings of training that they need."""

import importlib
import sys

import pytest
import torch

from trm_explore import preset, train
from trm_explore.config import PRESETS, RECIPES, RunConfig
from trm_explore.model import compiled
from trm_explore.model.cost import parameters
from trm_explore.tasks import resolve
from trm_explore.training import events as ev
from trm_explore.training.optimizer import optimizer_for

# What the published files say: README.md and config/*.yaml of TRM's code, commit e7b6871; weights of public files.
PUBLISHED = {
    "sudoku-extreme-mlp": {
        "L_cycles": 6,
        "mixer": "mlp",
        "weight_decay": 1.0,
        "puzzle_emb_lr": 1e-4,
        "updates": 65_104,
    },
    "sudoku-extreme-attention": {"L_cycles": 6, "mixer": "attention", "weight_decay": 1.0, "updates": 65_104},
    "maze-hard": {"L_cycles": 4, "mixer": "attention", "weight_decay": 1.0, "puzzle_emb_lr": 1e-4, "updates": 65_104},
    "arc": {"L_cycles": 4, "mixer": "attention", "weight_decay": 0.1, "puzzle_emb_lr": 1e-2, "updates": 518_071},
}
ALL = {
    "H_cycles": 3,
    "L_layers": 2,
    "hidden_size": 512,
    "num_heads": 8,
    "puzzle_emb_len": 16,
    "batch_size": 768,
    "lr": 1e-4,
    "lr_min_ratio": 1.0,
    "warmup_updates": 2000,
    "beta1": 0.9,
    "beta2": 0.95,
    "ema_decay": 0.999,
    "loss": "stablemax",
    "halt_max_steps": 16,
    "halt_exploration_prob": 0.1,
    "halt_loss_weight": 0.5,
    "forward_dtype": "bfloat16",
    "gradient_scope": "last",
    "enable_deep_supervision": False,
}
TINY = {"hidden_size": 16, "num_heads": 2, "swiglu_multiple": 8, "batch_size": 8, "updates": 3, "eval_puzzles": 4}
TINY |= {"threads": 1, "frame_every": 0, "device": "cpu"}


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_recipe_says_what_was_published(name):
    flat = preset("sudoku9", name).to_flat()
    wanted = ALL | PUBLISHED[name]
    assert {field: flat[field] for field in wanted} == wanted
    assert name in RECIPES and name not in PRESETS


@pytest.mark.parametrize(
    ("name", "weights"), [("sudoku-extreme-mlp", 5_028_866), ("sudoku-extreme-attention", 6_828_034)]
)
def test_a_recipe_has_as_many_weights_as_the_published_model(name, weights):
    _, config = resolve(preset("sudoku9", name))
    assert parameters(config.model) == weights


def losses(**flat):
    training = train(RunConfig.from_flat({"task": "sudoku4"} | TINY | flat))
    return [event.loss for event in training if isinstance(event, ev.UpdateDone)], training


@pytest.mark.parametrize("scope", ["last", "cycle", "full"])
def test_a_batch_in_parts_gives_the_same_training(scope):
    how = {"enable_deep_supervision": True, "gradient_scope": scope}
    whole, parts = losses(**how), losses(**how, gradient_accumulation=3)
    assert whole[0] == pytest.approx(parts[0], rel=1e-5)
    for one, other in zip(whole[1].model.parameters(), parts[1].model.parameters(), strict=True):
        assert torch.allclose(one, other, atol=1e-5)


def test_a_batch_in_parts_keeps_less_for_backward():
    def kept(**flat):
        """Numbers that autograd keeps at most at once in one update."""
        now, most = [0], [0]

        class Held:
            def __init__(self, tensor):
                self.tensor = tensor
                now[0] += tensor.numel()
                most[0] = max(most[0], now[0])

            def __del__(self):
                now[0] -= self.tensor.numel()

        training = train(
            RunConfig.from_flat({"task": "sudoku4"} | TINY | {"updates": 1, "gradient_scope": "full"} | flat)
        )
        with torch.autograd.graph.saved_tensors_hooks(Held, lambda held: held.tensor):
            for _ in training:
                pass
        return most[0]

    assert kept(gradient_accumulation=4) < 0.5 * kept()


def test_parts_are_no_more_than_the_batch():
    with pytest.raises(ValueError, match="gradient_accumulation=9 is more than batch_size=8"):
        RunConfig.from_flat(TINY | {"gradient_accumulation": 9})


def test_adam_atan2_moves_every_weight_by_lr_times_the_angle():
    """After the first update m and sqrt(v) are equal but for their sign: atan2 gives a quarter of pi."""
    pytest.importorskip("adam_atan2_pytorch")
    config = RunConfig.from_flat(TINY | {"optimizer": "adam_atan2", "lr": 0.1, "weight_decay": 0.0}).train
    weight = torch.nn.Parameter(torch.tensor([1.0, -2.0, 3.0]))
    weight.grad = torch.tensor([5.0, -1e-12, 2.0])
    optimizer_for([weight], config).step()
    moved = 0.1 * torch.pi / 4
    assert torch.allclose(weight.detach(), torch.tensor([1.0 - moved, -2.0 + moved, 3.0 - moved]), atol=1e-6)


def test_a_run_with_adam_atan2_resumes_exactly(tmp_path):
    pytest.importorskip("adam_atan2_pytorch")
    flat = {"task": "sudoku4"} | TINY | {"optimizer": "adam_atan2", "updates": 4}
    whole = losses(**flat)[0]
    half = train(RunConfig.from_flat(flat))
    stream = iter(half)
    while half.update < 2:
        next(stream)
    half.save(tmp_path / "half.safetensors")
    rest = train(RunConfig.from_flat(flat), resume=tmp_path / "half.safetensors")
    assert [event.loss for event in rest if isinstance(event, ev.UpdateDone)] == whole[2:]
    with pytest.raises(ValueError, match="another optimiser"):
        train(RunConfig.from_flat(flat | {"optimizer": "adamw"}), resume=tmp_path / "half.safetensors")


def test_without_its_package_adam_atan2_is_one_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "adam_atan2_pytorch", None)
    with pytest.raises(ValueError, match=r"optimizer=adam_atan2 needs the package adam-atan2-pytorch"):
        losses(optimizer="adam_atan2")


def test_a_constant_learning_rate_stays_after_the_warm_up():
    training = train(RunConfig.from_flat({"task": "sudoku4"} | TINY | {"lr_min_ratio": 1.0, "warmup_updates": 2}))
    assert [event.lr for event in training if isinstance(event, ev.UpdateDone)] == pytest.approx([2.5e-3, 5e-3, 5e-3])


@pytest.mark.filterwarnings("ignore")  # the compiler warns of its own ways
def test_where_compiling_fails_the_run_says_so_and_goes_on(monkeypatch):
    def broken(*_):
        raise RuntimeError("no C++ compiler\nmore lines")

    monkeypatch.setattr(compiled, "_try_out", broken)
    events = list(train(RunConfig.from_flat({"task": "sudoku4"} | TINY | {"compile": True})))
    (started,) = [event for event in events if isinstance(event, ev.Started)]
    said = "compile=True cannot be had here (no C++ compiler); the run goes on without it"
    assert said in started.remarks and isinstance(events[-1], ev.Finished)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # the compiler warns of its own ways
def test_a_compiled_network_trains_as_the_plain_one():
    importlib.import_module("torch._dynamo").reset()
    plain, (made, training) = losses()[0], losses(compile=True)
    assert made == pytest.approx(plain, rel=1e-4)
    assert training.model.net._compiled_call_impl is not None
