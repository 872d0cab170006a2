"""The published variants as settings: two networks, one state, puzzle vectors, one-step gradient, stablemax."""

import json
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from trm_explore.cli import main
from trm_explore.config import ModelConfig, RunConfig
from trm_explore.model import RecursiveModel
from trm_explore.model.checkpoint import load_checkpoint, read_checkpoint, slim, write_checkpoint
from trm_explore.model.cost import estimate, parameters, table_numbers
from trm_explore.model.network import rms_norm
from trm_explore.model.puzzle_embedding import EmbeddingRows, rows_of, sign_sgd
from trm_explore.training import train
from trm_explore.training.events import UpdateDone
from trm_explore.training.losses import answer_loss, answers_right, log_probabilities, puzzle_losses
from trm_explore.training.trajectory import record
from trm_explore.training.update import forward_backward, plan_update

PREFIX = {"puzzle_emb_len": 3, "num_puzzle_identifiers": 4, "puzzle_emb_ndim": 20}
VARIANTS = {
    "TRM attention": {"mixer": "attention", **PREFIX},
    "TRM mlp_t": {"mixer": "mlp", "mix_norm": "positions", "pos_encodings": "none", **PREFIX},
    "HRM": {"mixer": "attention", "networks": "two", "H_layers": 2, "gradient_scope": "one_step"},
    "HRM learned": {"mixer": "attention", "networks": "two", "pos_encodings": "learned", **PREFIX},
    "one state": {"mixer": "attention", "states": "one", **PREFIX},
    "registers": {"mixer": "attention", "puzzle_emb_len": 2},
    "stablemax": {"loss": "stablemax"},
}
every_variant = pytest.mark.parametrize("flat", VARIANTS.values(), ids=VARIANTS)


def with_identifiers(batch):
    return batch | {"puzzle_identifiers": torch.tensor([1, 3, 0, 3, 2])}


def shaken(model):
    """A table is 0 at first: give it numbers."""
    if model.puzzle_emb is not None:
        model.puzzle_emb.normal_(generator=torch.Generator().manual_seed(5))
    return model


def slow_cycles(model, batch, n_H, n_L, with_gradient=lambda h, call: True):
    """The recursion written out: [(z_H, z_L, logits, q)], from the model's parts only."""
    c, D = model.config, model.config.hidden_size
    P, B = c.puzzle_emb_len, len(batch["inputs"])
    tokens = model.embed_tokens[batch["inputs"]]
    vectors = torch.zeros(B, P * D)
    if c.num_puzzle_identifiers:
        for i, row in enumerate(batch.get("puzzle_identifiers", torch.zeros(B, dtype=torch.long))):
            vectors[i, : c.puzzle_width] = model.puzzle_emb[row]
    x = torch.cat((vectors.view(B, P, D), tokens), 1)
    if c.pos_encodings == "learned":
        x = (x + model.embed_pos) / math.sqrt(2)
    x = x * math.sqrt(D)
    z_H, z_L = (init.expand_as(x) for init in (model.H_init, model.L_init))
    board, upper = batch["board"], model.net_H if c.networks == "two" else model.net
    steps = []
    for h in range(n_H):
        for call in range(n_L):
            with torch.set_grad_enabled(with_gradient(h, call)):
                z_L = model.net(z_L + x, board) if c.states == "one" else model.net(z_L + (z_H + x), board)
        with torch.set_grad_enabled(with_gradient(h, n_L)):
            z_H = upper(z_L, board) if c.states == "one" else upper(z_H + z_L, board)
        if c.states == "one":
            z_L = z_H
        q = z_H[:, 0] @ model.q_head.weight[0] + model.q_head.bias[0]
        steps.append((z_H, z_L, z_H[:, P:] @ model.lm_head.weight.T, q))
    return steps


def close(a, b, tolerance=2e-5):
    torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)


@every_variant
def test_the_recursion_is_its_formula(make_model, batch, flat):
    model, batch = shaken(make_model(**flat)), with_identifiers(batch)
    cycles = list(model.cycles(model.initial_carry(batch), batch))
    for cycle, (z_H, z_L, logits, q) in zip(cycles, slow_cycles(model, batch, 3, 2), strict=True):
        close(cycle.z_H, z_H)
        close(cycle.z_L, z_L)
        close(cycle.logits, logits)
        close(cycle.q_halt, q)
    assert cycles[0].logits.shape == (5, 16, 6)


def test_norm_over_positions_is_that_of_the_published_mlp_t(make_model):
    """There the block is transposed first, so its first norm runs over a channel's positions."""
    layer = make_model(**VARIANTS["TRM mlp_t"]).net.layers[0]
    z = torch.randn(2, 19, 16, generator=torch.Generator().manual_seed(0))
    turned = z.transpose(1, 2)
    turned = turned + layer.mix.mlp_t(turned)
    turned = turned / (turned.square().mean(-1, keepdim=True) + 1e-5).sqrt()
    close(layer(z, None), rms_norm(turned.transpose(1, 2) + layer.mlp(turned.transpose(1, 2)), 1e-5))


@every_variant
@pytest.mark.parametrize("checkpointing", ["none", "cycle", "call"])
def test_one_step_sends_the_gradient_through_the_last_L_call_and_the_last_H_call_only(
    make_model, batch, flat, checkpointing
):
    model, batch = shaken(make_model(**flat)), with_identifiers(batch)

    def gradients(logits, q):
        loss = answer_loss(logits, batch["labels"]) + q.sum()
        found = torch.autograd.grad(loss, list(model.parameters()), allow_unused=True)
        return [torch.zeros(()) if g is None else g for g in found]

    *early, last = model.cycles(
        model.initial_carry(batch), batch, L_cycles=3, gradient_scope="one_step", checkpointing=checkpointing
    )
    assert not any(cycle.logits.requires_grad for cycle in early)
    *_, (_, _, logits, q) = slow_cycles(model, batch, 3, 3, lambda h, call: (h, call) in {(2, 2), (2, 3)})
    for ours, slow in zip(gradients(last.logits, last.q_halt), gradients(logits, q), strict=True):
        close(ours, slow, 1e-4)


def test_old_configs_draw_the_same_weights_and_variants_only_add_theirs(make_model):
    plain, rich = make_model(mixer="attention"), make_model(mixer="attention", networks="two", **PREFIX)
    more = rich.state_dict()
    for name, value in plain.state_dict().items():
        assert torch.equal(value, more.pop(name)), name
    assert {name.split(".")[0] for name in more} == {"net_H", "puzzle_emb"}
    assert not rich.puzzle_emb.any()


def test_a_puzzles_vector_is_that_of_its_identifier_and_row_0_without_one(make_model, batch):
    model = shaken(make_model(**VARIANTS["TRM attention"]))
    named = with_identifiers(batch)
    first = model.embed(named)[:, :3].flatten(1)
    close(first[:, :20], 4 * model.puzzle_emb[named["puzzle_identifiers"]])  # sqrt(16), and zeros behind
    assert not first[:, 20:].any()
    close(model.embed(batch)[:, :3].flatten(1)[:, :20], 4 * model.puzzle_emb[:1].expand(5, -1))


def test_without_a_table_the_prefix_starts_empty(make_model, batch):
    assert not make_model(**VARIANTS["registers"]).embed(batch)[:, :2].any()


# ---- the table of puzzle vectors


def test_sign_sgd_moves_the_rows_of_the_batch_by_the_sign_of_their_summed_gradient():
    table = torch.randn(6, 4, generator=torch.Generator().manual_seed(1))
    before, gradient = table.clone(), torch.randn(5, 4, generator=torch.Generator().manual_seed(2))
    rows = rows_of(table, torch.tensor([2, 5, 2, 0, 2]))
    rows.values.backward(gradient)
    sign_sgd(table, rows, lr=0.1, weight_decay=0.5)
    for row, places in {0: [3], 2: [0, 2, 4], 5: [1]}.items():
        for column in range(4):
            total = sum(float(gradient[place, column]) for place in places)
            expected = (1 - 0.05) * float(before[row, column]) - 0.1 * math.copysign(1, total)
            assert float(table[row, column]) == pytest.approx(expected, abs=1e-6)
    assert torch.equal(table[[1, 3, 4]], before[[1, 3, 4]])


def test_without_a_gradient_no_row_moves():
    table = torch.ones(3, 2)
    sign_sgd(table, EmbeddingRows(torch.tensor([0, 1]), torch.ones(2, 2)), lr=1.0, weight_decay=1.0)
    assert torch.equal(table, torch.ones(3, 2))


@pytest.mark.parametrize("scope", ["last", "one_step", "cycle", "full"])
def test_an_update_gives_the_rows_the_gradient_of_the_loss(tiny_run, make_model, batch, scope):
    """Against finite differences would be noise: against the same loss through the table itself."""
    flat = {**VARIANTS["TRM attention"], "gradient_scope": scope, "enable_deep_supervision": scope in ("cycle", "full")}
    config = tiny_run(vocab_size=6, seq_len=16, **flat)
    model, batch = shaken(make_model(**flat)), with_identifiers(batch)
    outcome = forward_backward(model, model.start(model.initial_carry(batch), batch), plan_update(config, 0), config)
    vectors = model.puzzle_emb[batch["puzzle_identifiers"]].clone().requires_grad_()
    carry = model.start(model.initial_carry(batch), batch | {"puzzle_rows": vectors})
    plan, total = plan_update(config, 0), 0
    for cycle in model.cycles(carry, gradient_scope=scope):
        right = answers_right(cycle.logits, batch["labels"]).float()
        loss = answer_loss(cycle.logits, batch["labels"])
        loss = loss + 0.5 * F.binary_cross_entropy_with_logits(cycle.q_halt, right)
        total = total + plan.weights[cycle.index] / plan.weights.sum() * loss
    total.backward()
    close(outcome.rows.values.grad, vectors.grad, 1e-6)
    assert vectors.grad.abs().max() > 1e-6 and "puzzle_rows" not in outcome.last._asdict()


def test_training_moves_the_table_and_only_there(tiny_run):
    moved = train(tiny_run(**VARIANTS["TRM attention"], updates=1, warmup_updates=4))
    list(moved)
    table = moved.model.puzzle_emb
    close(table[0].abs(), torch.full_like(table[0], 0.01))  # a run of one update has one of warm-up at most
    assert not table[1:].any()  # the task's puzzles have no identifiers
    assert moved.ema_model.puzzle_emb is table
    still = train(tiny_run(**VARIANTS["TRM attention"], puzzle_emb_lr=0.0))
    list(still)
    assert not still.model.puzzle_emb.any()


# ---- stablemax


@given(st.lists(st.lists(st.floats(-50, 50), min_size=4, max_size=4), min_size=1, max_size=5), st.data())
def test_stablemax_is_its_formula(rows, data):
    logits = torch.tensor(rows)
    found = log_probabilities(logits, "stablemax")
    for row, log_p in zip(logits.tolist(), found.tolist(), strict=True):
        s = [x + 1 if x >= 0 else 1 / (1 - x) for x in row]
        assert log_p == pytest.approx([math.log(value / sum(s)) for value in s], rel=1e-5, abs=1e-6)
    labels = torch.tensor([data.draw(st.sampled_from([-100, 0, 1, 2, 3])) for _ in rows])
    scored = [-found[i, label].item() for i, label in enumerate(labels.tolist()) if label >= 0]
    loss = puzzle_losses(logits[None], labels[None], "stablemax").item()
    assert loss == pytest.approx(sum(scored) / max(1, len(scored)), rel=1e-5, abs=1e-6)


def test_stablemax_is_computed_in_float64():
    """s(1000) = 1001 and s(-1000) = 1/1001: in float32 the difference of two logarithms near 7 would be lost."""
    log_p = log_probabilities(torch.tensor([1000.0, -1000.0]), "stablemax")
    assert log_p.dtype == torch.float32 and log_p[0].item() == pytest.approx(-(1001**-2), rel=1e-5)


def test_stablemax_has_a_finite_gradient_everywhere():
    """torch.where computes both branches; 1 / (1 - x) at x = 1 must not reach the gradient."""
    logits = torch.tensor([[[-3.0, 0.0, 1.0, 1e4]]], requires_grad=True)
    puzzle_losses(logits, torch.tensor([[1]]), "stablemax").sum().backward()
    assert torch.isfinite(logits.grad).all() and logits.grad[0, 0, 1] < 0


def test_a_run_with_stablemax_reports_teaches_and_records_it(tiny_run, task):
    training = train(tiny_run(loss="stablemax", updates=1, ema_decay=0.0, seed=4))
    done = next(event for event in training if isinstance(event, UpdateDone))
    fresh = train(tiny_run(loss="stablemax", updates=1, ema_decay=0.0, seed=4))
    puzzles = {k: torch.from_numpy(v) for k, v in task.draw(4, np.random.default_rng(4), 0).items()}
    *_, cycle = fresh.model.cycles(fresh.model.initial_carry(puzzles), puzzles)
    assert done.step_losses[-1] == pytest.approx(
        answer_loss(cycle.logits, puzzles["labels"], "stablemax").item(), rel=1e-5
    )
    shown = record(fresh.model, puzzles)
    close(
        torch.from_numpy(shown.confidence[-1]), log_probabilities(cycle.logits, "stablemax").exp().max(-1)[0].detach()
    )
    close(torch.from_numpy(shown.loss[-1]), puzzle_losses(cycle.logits, puzzles["labels"], "stablemax").detach())


# ---- through the whole house


@every_variant
def test_a_run_is_kept_and_goes_on_with_the_same_numbers(tiny_run, tmp_path, flat):
    run = tiny_run(**flat, supervision_steps=3, eval_every=0, frame_every=0)
    whole = [event.loss for event in train(run) if isinstance(event, UpdateDone)]
    half, events = train(run), []
    for event in half:
        events.append(event)
        if isinstance(event, UpdateDone) and event.update == 2:
            break
    file = write_checkpoint(tmp_path / "half.safetensors", half.checkpoint())
    rest = [event.loss for event in train(run, resume=file) if isinstance(event, UpdateDone)]
    assert rest == whole[2:]
    model, config = load_checkpoint(file)
    small, _ = load_checkpoint(write_checkpoint(tmp_path / "slim.safetensors", slim(read_checkpoint(file))))
    assert config.model == half.config.model
    for name, value in half.ema_model.state_dict().items():
        assert torch.equal(model.state_dict()[name], value) and torch.equal(small.state_dict()[name], value), name


@every_variant
def test_evaluate_and_show_open_it(tiny_run, tmp_path, capsys, flat):
    training = train(tiny_run(**flat, updates=1))
    list(training)
    file = str(training.save(tmp_path / "model.safetensors"))
    assert main(["evaluate", file, "--puzzles", "5", "--halt_threshold", "0.5", "--device", "cpu"]) == 0
    assert "5 puzzles" in capsys.readouterr().out
    assert main(["show", file]) == 0
    assert "final answer" in capsys.readouterr().out


@every_variant
def test_a_trajectory_has_the_boards_positions_only(make_model, batch, flat):
    model = shaken(make_model(**flat))
    seen = record(model, batch, keep_states=True)
    assert seen.answers.shape == (3, 5, 16) and seen.z_H.shape == seen.z_L.shape == (3, 5, 16, 16)


def counted(config, backward):
    """Operations of matrix products in one update, as torch's own counter sees them."""
    m, B = config.model, config.train.batch_size
    model = RecursiveModel(m)
    tokens = torch.randint(0, m.vocab_size, (2, B, m.seq_len), generator=torch.Generator().manual_seed(0))
    batch = dict(zip(("inputs", "labels"), tokens, strict=True))
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH), torch.set_grad_enabled(backward):
        scope = config.supervision.scope
        total = sum(
            answer_loss(cycle.logits, batch["labels"])
            for cycle in model.cycles(model.initial_carry(batch), batch, gradient_scope=scope)
        )
        if backward:
            total.backward()
    return counter.get_total_flops()


@every_variant
@pytest.mark.parametrize("scope", ["last", "one_step", "full"])
def test_the_estimate_counts_the_variants_parameters_and_operations(flat, scope):
    flat = flat | {"vocab_size": 11, "seq_len": 36, "hidden_size": 32, "L_layers": 2, "L_cycles": 3, "batch_size": 3}
    flat |= {"H_layers": 3} if flat.get("networks") == "two" else {}
    config = RunConfig.from_flat(flat | {"gradient_scope": scope, "enable_deep_supervision": scope == "full"})
    model, cost = RecursiveModel(config.model), estimate(config)
    assert cost.parameters == parameters(config.model) == sum(p.numel() for p in model.parameters())
    assert table_numbers(config.model) == (0 if model.puzzle_emb is None else model.puzzle_emb.numel())
    assert cost.forward_operations == pytest.approx(counted(config, backward=False), rel=0.01)
    assert cost.operations == pytest.approx(counted(config, backward=True), rel=0.04)


def test_the_published_shapes_have_the_published_number_of_weights():
    """Sudoku-Extreme: all numbers of the file, buffers included, as counted in public checkpoints."""
    trm = {"vocab_size": 11, "seq_len": 81, "puzzle_emb_len": 16, "num_puzzle_identifiers": 1}
    for flat, numbers in (
        ({"mixer": "attention"}, 6_829_570),
        ({"mixer": "mlp", "mix_norm": "positions", "pos_encodings": "none"}, 5_030_402),
    ):
        config = RunConfig.from_preset("paper", **trm, **flat).model
        assert parameters(config) + table_numbers(config) + 2 * 512 == numbers
    hrm = trm | {"puzzle_emb_len": 1, "networks": "two", "L_layers": 4, "H_layers": 4}
    config = RunConfig.from_preset("paper", **hrm).model
    assert parameters(config) + table_numbers(config) + 2 * 512 == 27_276_802


@pytest.mark.parametrize(
    ("flat", "said"),
    [
        ({"H_layers": 2}, "H_layers=2 needs networks=two"),
        ({"networks": "three"}, "networks='three' is not known; allowed are shared, two"),
        ({"networks": "two", "states": "one"}, "networks=two needs states=two"),
        ({"mix_norm": "positions", "mixer": "attention"}, "mix_norm=positions needs mixer=mlp, not attention"),
        (
            {"puzzle_emb_len": 2, "mixer": "conv"},
            "puzzle_emb_len=2 has no place on the board of mixer=conv; take mixer=attention or mlp",
        ),
        ({"puzzle_emb_len": -1}, "puzzle_emb_len=-1 must be a whole number of at least 0"),
        ({"num_puzzle_identifiers": 3}, "puzzle_emb_len=0 positions hold 0 numbers, but a puzzle's vector has 64"),
        (
            {"num_puzzle_identifiers": 3, "puzzle_emb_len": 1, "puzzle_emb_ndim": 65},
            "puzzle_emb_len=1 positions hold 64 numbers, but a puzzle's vector has 65",
        ),
        ({"H_layers": 101, "networks": "two"}, "H_layers=101 must be a finite number at most 100"),
    ],
)
def test_a_variant_that_cannot_be_is_refused_in_one_sentence(flat, said):
    with pytest.raises(ValueError) as error:
        ModelConfig(**flat)
    assert said in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("flat", "said"),
    [
        ({"loss": "l1"}, "loss='l1' is not known; allowed are softmax, stablemax"),
        ({"puzzle_emb_lr": -1.0}, "puzzle_emb_lr=-1.0 must be a finite number at least 0"),
        ({"gradient_scope": "two"}, "gradient_scope='two' is not known; allowed are auto, last, one_step, cycle, full"),
    ],
)
def test_a_wrong_setting_of_a_variant_is_refused_in_one_sentence(flat, said):
    with pytest.raises(ValueError, match=said):
        RunConfig.from_flat(flat)


@every_variant
def test_every_variant_trains_from_the_command_line(capsys, flat):
    words = ["train", "--task", "sudoku4", "--updates", "1", "--batch_size", "2", "--hidden_size", "16", "--json"]
    words += ["--num_heads", "2", "--eval_puzzles", "2", "--device", "cpu", "--threads", "1", "--frame_every", "0"]
    for name, value in flat.items():
        words += [f"--{name}", str(value)]
    assert main(words) == 0
    started, *_ = capsys.readouterr().out.splitlines()
    assert flat.items() <= json.loads(started)["config"].items()
