"""The deep-supervision guide's own code: docs/examples/guide_example.py, and the example and its inference by hand."""

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from trm_explore import RecursiveModel as RecursiveLLM

EXAMPLE = Path(__file__).parent.parent / "docs" / "examples" / "guide_example.py"
# The guide's lines, word for word; its batch has the config's numbers in place of the letters here.
LINES = [
    "import torch",
    "import torch.nn.functional as F",
    '"batch_size": 8,',
    '"seq_len": 256,',
    '"vocab_size": 1024,',
    '"H_cycles": 4,  # 4 recursive steps',
    '"L_cycles": 3,',
    '"L_layers": 4,',
    '"hidden_size": 1024,',
    '"expansion": 4.0,',
    '"num_heads": 16,',
    '"pos_encodings": "rope",',
    '"halt_max_steps": 10,',
    '"halt_exploration_prob": 0.1,',
    '"enable_deep_supervision": True,  # Enable deep supervision',
    '"deep_supervision_weight": 0.3,',
    "model = RecursiveLLM(config)",
    "carry = model.initial_carry(batch)",
    "optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)",
    "carry, outputs = model(carry, batch, t=0, enable_deep_supervision=True)",
    "total_loss = 0",
    "weights = [0.3, 0.4, 0.7, 1.0]  # Custom weights",
    'for i, step_logits in enumerate(outputs["intermediate_logits"]):',
    'loss_i = F.mse_loss(step_logits, batch["labels"][:, 0:1, :])',
    "total_loss += weights[i] * loss_i",
    "total_loss = total_loss / sum(weights)",
    "total_loss.backward()",
    "optimizer.step()",
    "model.eval()",
    "with torch.no_grad():",
    "carry = model.initial_carry(batch)",
    "carry, outputs = model(carry, batch)",
    'predictions = outputs["logits"]  # Only final output',
]
CONFIG = {  # the guide's, shrunk
    "batch_size": 2,
    "seq_len": 16,
    "vocab_size": 64,
    "H_cycles": 4,
    "L_cycles": 3,
    "L_layers": 2,
    "hidden_size": 64,
    "expansion": 4.0,
    "num_heads": 16,
    "pos_encodings": "rope",
    "halt_max_steps": 10,
    "halt_exploration_prob": 0.1,
    "enable_deep_supervision": True,
    "deep_supervision_weight": 0.3,
}
NEEDED = 16e9


def available() -> float:
    """Bytes of memory that are free now; 0 where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")
    except (AttributeError, ValueError):
        return 0.0


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(0)
    inputs, labels = torch.randn(2, 2, 16, 64, generator=generator)
    return {"input_embeddings": inputs, "labels": labels}


def assert_as_printed(lines: list[str], B: int, L: int, V: int) -> None:
    """Four steps with the guide's weights, their weighted mean, and an inference of final answers only."""
    steps = [re.fullmatch(r"step (\d): loss (\d+\.\d{4}), weight (\S+)", line) for line in lines]
    steps = [match for match in steps if match]
    assert [(int(m[1]), float(m[3])) for m in steps] == [(0, 0.3), (1, 0.4), (2, 0.7), (3, 1.0)]
    (total,) = (float(match[1]) for line in lines if (match := re.match(r"total loss (\d+\.\d{4})", line)))
    assert total == pytest.approx(sum(float(m[2]) * float(m[3]) for m in steps) / 2.4, abs=2e-4)
    assert lines[-1] == f"inference: predictions ({B}, {L}, {V}), and ['logits', 'q_halt_logits']"


def test_the_example_has_every_line_of_the_guides_and_one_other_import():
    code = [line.strip() for line in EXAMPLE.read_text(encoding="utf-8").splitlines()]
    places = []
    for line in LINES:
        assert line in code[places[-1] if places else 0 :], line
        places.append(code.index(line, places[-1] + 1 if places else 0))
    assert "from trm_explore import RecursiveModel as RecursiveLLM" in code
    inference = code.index("model.eval()")
    assert not any("enable_deep_supervision=" in line for line in code[inference:])  # off by default


def test_the_example_runs_on_a_small_network(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [str(EXAMPLE), "--small"])
    with torch.random.fork_rng():
        runpy.run_path(str(EXAMPLE), run_name="__main__")
    assert_as_printed(capsys.readouterr().out.splitlines(), 2, 32, 128)


@pytest.mark.slow
@pytest.mark.skipif(
    not os.environ.get("TRM_EXPLORE_LARGE") or available() < NEEDED,
    reason="a minute and 16 GB of free memory; set TRM_EXPLORE_LARGE=1 to run the guide's own size",
)
def test_the_example_runs_at_the_guides_own_size():
    """As a program of its own, so that its memory is given back; it must neither fail nor warn."""
    command = [sys.executable, "-W", "error", str(EXAMPLE)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900)
    assert (done.returncode, done.stderr) == (0, "")
    assert_as_printed(done.stdout.splitlines(), 8, 256, 1024)


def test_the_guides_training_step_learns_and_reaches_every_weight_of_the_recursion(batch):
    model = RecursiveLLM(CONFIG)
    assert (model.config.mixer, model.config.swiglu_multiple) == ("attention", 256)  # its dict says neither
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    carry = model.initial_carry(batch)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    totals = []
    for _ in range(4):
        carry, outputs = model(carry, batch, t=0, enable_deep_supervision=True)
        assert [tuple(logits.shape) for logits in outputs["intermediate_logits"]] == [(2, 1, 64)] * 4
        total_loss = 0
        weights = [0.3, 0.4, 0.7, 1.0]
        for i, step_logits in enumerate(outputs["intermediate_logits"]):
            loss_i = F.mse_loss(step_logits, batch["labels"][:, 0:1, :])
            total_loss += weights[i] * loss_i
        total_loss = total_loss / sum(weights)
        optimizer.zero_grad()
        total_loss.backward()
        optimizer.step()
        totals.append(total_loss.item())
    assert totals[-1] < totals[0]
    moved = {name for name, p in model.named_parameters() if not torch.equal(p, before[name])}
    assert {name for name in before if name.startswith(("net.", "lm_head."))} <= moved
    assert not carry.z_H.requires_grad  # the next call does not reach back into this one


def test_each_steps_loss_of_the_guides_loop_has_a_gradient_of_its_own(batch):
    """Also of the first cycle, that is: deep supervision is not only reported."""
    model = RecursiveLLM(CONFIG)
    _, outputs = model(model.initial_carry(batch), batch, t=0, enable_deep_supervision=True)
    norms = []
    for logits in outputs["intermediate_logits"]:
        loss = F.mse_loss(logits, batch["labels"][:, 0:1, :])
        gradients = torch.autograd.grad(loss, list(model.net.parameters()), retain_graph=True)
        norms.append(sum(g.square().sum() for g in gradients).item())
    assert all(norm > 0 for norm in norms) and len(set(norms)) == 4


def test_the_guides_inference_gives_the_final_output_only_and_keeps_no_graph(batch):
    model = RecursiveLLM(CONFIG)
    _, trained = model(model.initial_carry(batch), batch, enable_deep_supervision=True)
    model.eval()
    with torch.no_grad():
        carry = model.initial_carry(batch)
        carry, outputs = model(carry, batch)
        predictions = outputs["logits"]
    assert set(outputs) == {"logits", "q_halt_logits"} and predictions.shape == (2, 16, 64)
    assert not predictions.requires_grad
    assert torch.equal(predictions, trained["intermediate_logits"][-1])


def test_the_models_of_the_guides_dict_have_its_settings():
    model = RecursiveLLM(CONFIG)
    flat = {**vars_of(model.config), **vars_of(model.supervision), **vars_of(model.train_config)}
    assert {name: flat[name] for name in CONFIG} == CONFIG
    assert model.supervision.scope == "full" and model.config.mixer == "attention"


def vars_of(config):
    return {name: getattr(config, name) for name in config.__dataclass_fields__}
