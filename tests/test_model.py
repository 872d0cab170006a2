"""model.py: the recursion against one written out by hand, what each gradient scope sends where, and the carry."""

import copy
import math

import pytest
import torch
import torch.nn.functional as F

from trm_explore.config import MIXERS, ModelConfig, SupervisionConfig
from trm_explore.model import Carry, Cycle, RecursiveModel
from trm_explore.model.cancel import cancel_check
from trm_explore.training.losses import answer_loss, deep_supervision_loss, supervision_weights

SCOPES = ["last", "cycle", "full"]
WEIGHTS = supervision_weights("linear_decay", 3)


def by_hand(model, batch, n_H, n_L, detached=(), starts=None):
    """The recursion as DESIGN writes it: a list of (z_H, z_L) after every H-cycle.

    `detached`: cycles before which the states are cut off; `starts`: states to begin each cycle with instead.
    """
    D = model.config.hidden_size
    x = math.sqrt(D) * model.embed_tokens[batch["inputs"]]
    if model.embed_pos is not None:  # both summands have the size of one: the sum is scaled back
        x = math.sqrt(0.5) * (x + math.sqrt(D) * model.embed_pos)
    z_H, z_L = (init.expand_as(x) for init in (model.H_init, model.L_init))
    states = []
    for h in range(n_H):
        if h in detached:
            z_H, z_L = z_H.detach(), z_L.detach()
        if starts is not None:
            z_H, z_L = starts[h]
        for _ in range(n_L):
            z_L = model.net(z_L + z_H + x, batch["board"])
        z_H = model.net(z_H + z_L, batch["board"])
        states.append((z_H, z_L))
    return states


def total_of(model, states, labels, weights=WEIGHTS):
    """Both heads' losses at every step, weighted; computed from the states, so that float64 stays float64."""
    losses = []
    for z_H, _ in states:
        q = model.q_head(z_H[:, 0])[:, 0]
        losses.append(answer_loss(model.lm_head(z_H), labels) + F.softplus(q).mean())
    return deep_supervision_loss(losses, weights)


def states_of(model, batch, **options):
    return [(cycle.z_H, cycle.z_L) for cycle in model.cycles(model.initial_carry(batch), batch, **options)]


def gradients(model, total):
    model.zero_grad()
    total.backward()
    return {name: p.grad.clone() for name, p in model.named_parameters()}


def assert_close(a, b, tolerance=1e-6):
    torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)


# ---- forward ----------------------------------------------------------------


@pytest.mark.parametrize("mixer", MIXERS)
@pytest.mark.parametrize("positions", ["rope", "learned"])
@pytest.mark.parametrize("scope", SCOPES)
def test_cycles_equal_the_recursion_written_by_hand(make_model, batch, mixer, positions, scope):
    model = make_model(mixer=mixer, pos_encodings=positions, L_layers=2)
    expected = by_hand(model, batch, 3, 2)
    cycles = list(model.cycles(model.initial_carry(batch), batch, gradient_scope=scope))
    assert [cycle.index for cycle in cycles] == [0, 1, 2]
    for cycle, (z_H, z_L) in zip(cycles, expected, strict=True):
        assert_close(cycle.z_H, z_H)
        assert_close(cycle.z_L, z_L)
        assert_close(cycle.logits, z_H @ model.lm_head.weight.T)
        assert_close(cycle.q_halt, z_H[:, 0] @ model.q_head.weight[0] + model.q_head.bias[0])


def test_the_network_is_called_once_for_every_l_cycle_and_once_for_the_h_cycle(make_model, batch):
    model, calls = make_model(H_cycles=3, L_cycles=4), []
    model.net.register_forward_hook(lambda *_: calls.append(1))
    seen = [len(calls) for _ in model.cycles(model.initial_carry(batch), batch)]
    assert seen == [5, 10, 15]
    calls.clear()
    assert len(list(model.cycles(model.initial_carry(batch), batch, H_cycles=7, L_cycles=1))) == 7
    assert len(calls) == 14


def test_more_cycles_than_configured_begin_like_the_configured_ones(make_model, batch):
    model = make_model()
    usual, more = states_of(model, batch), states_of(model, batch, H_cycles=5)
    assert len(more) == 5
    assert torch.equal(more[2][0], usual[2][0])
    fewer = states_of(model, batch, H_cycles=1)
    assert len(fewer) == 1 and torch.equal(fewer[0][1], usual[0][1])


def test_going_on_from_a_carry_is_the_same_as_not_having_stopped(make_model, batch):
    model = make_model(supervision_steps=9)
    carry = model.initial_carry(batch)
    for _ in range(2):
        carry, outputs = model(carry, batch)
    assert_close(outputs["logits"], by_hand(model, batch, 6, 2)[-1][0] @ model.lm_head.weight.T)


def test_tokens_are_scaled_to_the_size_of_the_states_and_given_embeddings_are_not(make_model, batch):
    model = make_model()
    given = model.embed(batch)
    assert_close(given, 4.0 * model.embed_tokens[batch["inputs"]])
    same = {"input_embeddings": given.detach(), "board": (4, 4)}
    assert torch.equal(states_of(model, same)[-1][0], states_of(model, batch)[-1][0])


def test_a_network_without_bound_positions_takes_shorter_boards(make_model):
    inputs = torch.ones(2, 6, dtype=torch.long)
    for mixer in ("attention", "conv"):
        _, outputs = (m := make_model(mixer=mixer))(m.initial_carry(b := {"inputs": inputs, "board": (2, 3)}), b)
        assert outputs["logits"].shape == (2, 6, 6)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_lower_precision_rounds_states_but_neither_weights_nor_answers(make_model, batch, dtype):
    model = make_model(forward_dtype=dtype)
    cycle = list(model.cycles(model.initial_carry(batch), batch))[-1]
    assert cycle.z_H.dtype == cycle.z_L.dtype == getattr(torch, dtype)
    assert cycle.logits.dtype == cycle.q_halt.dtype == torch.float32
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    assert (cycle.logits - states_of(make_model(), batch)[-1][0] @ model.lm_head.weight.T).abs().max() < 0.3


# ---- gradient scopes ----------------------------------------------------------------


@pytest.mark.parametrize(("scope", "detached"), [("full", ()), ("cycle", (1, 2))])
@pytest.mark.parametrize("mixer", MIXERS)
def test_gradients_are_those_of_code_detached_by_hand(make_model, batch, scope, detached, mixer):
    model = make_model(mixer=mixer, pos_encodings="learned")
    expected = gradients(model, total_of(model, by_hand(model, batch, 3, 2, detached), batch["labels"]))
    got = gradients(model, total_of(model, states_of(model, batch, gradient_scope=scope), batch["labels"]))
    assert_close(got, expected)


def test_backward_inside_the_loop_gives_the_gradients_of_the_sum(make_model, batch):
    model = make_model()
    expected = gradients(model, total_of(model, by_hand(model, batch, 3, 2, (1, 2)), batch["labels"]))
    model.zero_grad()
    for cycle in model.cycles(model.initial_carry(batch), batch, gradient_scope="cycle"):
        only_this = F.one_hot(torch.tensor(cycle.index), 3).float()
        share = float(WEIGHTS[cycle.index] / WEIGHTS.sum())
        (share * total_of(model, [(cycle.z_H, cycle.z_L)] * 3, batch["labels"], only_this)).backward()
    assert_close({name: p.grad for name, p in model.named_parameters()}, expected)


def test_scope_last_touches_only_the_last_cycle(make_model, batch):
    model = make_model()
    cycles = list(model.cycles(model.initial_carry(batch), batch, gradient_scope="last"))
    assert [cycle.logits.requires_grad for cycle in cycles] == [False, False, True]
    with torch.no_grad():
        start = by_hand(model, batch, 2, 2)[-1]
    final = by_hand(model, batch, 1, 2, starts=[start])
    expected = gradients(model, total_of(model, final, batch["labels"], [1.0]))
    assert_close(gradients(model, total_of(model, [cycles[-1][1:3]], batch["labels"], [1.0])), expected)


def test_the_three_scopes_differ(make_model, batch):
    model = make_model()
    got = [
        gradients(model, total_of(model, states_of(model, batch, gradient_scope=scope), batch["labels"]))
        for scope in SCOPES
    ]
    for a, b in ((0, 1), (1, 2), (0, 2)):
        assert (got[a]["embed_tokens"] - got[b]["embed_tokens"]).norm() > 0.01 * got[b]["embed_tokens"].norm()


@pytest.mark.parametrize("mixer", MIXERS)
@pytest.mark.parametrize("scope", SCOPES)
def test_gradients_agree_with_finite_differences(make_model, batch, scope, mixer):
    """In float64. For `last` and `cycle` of the surrogate in which every cycle starts from its recorded states."""
    model = make_model(mixer=mixer, pos_encodings="learned", forward_dtype="float64").double()
    labels, names = batch["labels"], [name for name, _ in model.named_parameters()]
    initial = tuple(init.expand(5, 16, 16) for init in (model.H_init, model.L_init))
    with torch.no_grad():
        starts = [initial, *by_hand(model, batch, 2, 2)]

    def surrogate():
        if scope == "full":
            return total_of(model, by_hand(model, batch, 3, 2), labels)
        states = by_hand(model, batch, 3, 2, starts=starts)
        weights = WEIGHTS if scope == "cycle" else torch.tensor([0.0, 0.0, 1.0])
        return total_of(model, states, labels, weights)

    if scope == "last":
        total = total_of(model, states_of(model, batch, gradient_scope=scope)[-1:], labels, [1.0])
    else:
        total = total_of(model, states_of(model, batch, gradient_scope=scope), labels)
    exact = gradients(model, total)
    generator, step = torch.Generator().manual_seed(0), 1e-6
    for _ in range(3):
        direction = {
            name: torch.randn(p.shape, generator=generator, dtype=p.dtype) for name, p in model.named_parameters()
        }
        values = []
        with torch.no_grad():
            for sign in (1, -2):  # to +step, then to -step
                for name, p in model.named_parameters():
                    p += sign * step * direction[name]
                values.append(surrogate().item())
            for name, p in model.named_parameters():
                p += step * direction[name]
        slope = (values[0] - values[1]) / (2 * step)
        assert slope == pytest.approx(sum((exact[n] * direction[n]).sum().item() for n in names), rel=1e-6)


@pytest.mark.parametrize("scope", SCOPES)
def test_the_consumers_gradient_mode_is_its_own(make_model, batch, scope):
    model = make_model()
    cycles = model.cycles(model.initial_carry(batch), batch, gradient_scope=scope)
    next(cycles)
    assert torch.is_grad_enabled()
    with torch.no_grad():
        assert not next(cycles).logits.requires_grad
        assert not torch.is_grad_enabled()
    assert torch.is_grad_enabled()
    assert next(cycles).logits.requires_grad
    other = model.cycles(model.initial_carry(batch), batch, gradient_scope=scope)
    next(other)
    other.close()
    assert torch.is_grad_enabled()


def test_raising_before_a_call_stops_in_the_middle_of_a_cycle(make_model, batch):
    model, calls, done = make_model(L_cycles=4), [], []
    model.net.register_forward_hook(lambda *_: calls.append(1))

    def stop():
        if len(calls) == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), cancel_check(stop):
        for cycle in model.cycles(model.initial_carry(batch), batch, gradient_scope="last"):
            done.append(cycle.index)
    assert (len(calls), done) == (7, [0])
    assert torch.is_grad_enabled()


# ---- the call ----------------------------------------------------------------


def call(model, batch, **options):
    return model(model.initial_carry(batch), batch, **options)[1]


def test_deep_supervision_is_off_in_evaluation_and_follows_the_config_in_training(make_model, batch):
    for configured in (False, True):
        model = make_model(enable_deep_supervision=configured)
        assert ("intermediate_logits" in call(model.train(), batch)) is configured
        assert "intermediate_logits" not in call(model.eval(), batch)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("configured", [False, True])
def test_the_calls_argument_beats_the_config(make_model, batch, training, configured):
    model = make_model(enable_deep_supervision=configured).train(training)
    on = call(model, batch, enable_deep_supervision=True)
    assert len(on["intermediate_logits"]) == 3 and on["intermediate_logits"][-1] is on["logits"]
    assert all(logits.requires_grad for logits in on["intermediate_logits"])
    off = call(model, batch, enable_deep_supervision=False)
    assert set(off) == {"logits", "q_halt_logits"}
    assert torch.equal(off["logits"], on["logits"])


def test_intermediate_logits_are_every_steps_answer(make_model, batch):
    model = make_model()
    got = call(model, batch, enable_deep_supervision=True)["intermediate_logits"]
    for logits, (z_H, _) in zip(got, by_hand(model, batch, 3, 2), strict=True):
        assert_close(logits, z_H @ model.lm_head.weight.T)


@pytest.mark.parametrize("t", [0, 7, 15])
def test_t_picks_one_position_of_all_logits(make_model, batch, t):
    model = make_model()
    every = call(model, batch, enable_deep_supervision=True)
    one = call(model, batch, t=t, enable_deep_supervision=True)
    assert torch.equal(one["logits"], every["logits"][:, t : t + 1])
    assert torch.equal(one["intermediate_logits"][0], every["intermediate_logits"][0][:, t : t + 1])
    assert one["logits"].shape == (5, 1, 6)


def test_the_gradient_reaches_as_far_as_the_supervisions_scope(make_model, batch):
    for scope, reach in {"auto": [True] * 3, "cycle": [True] * 3, "last": [False, False, True]}.items():
        model = make_model(enable_deep_supervision=True, gradient_scope=scope)
        logits = call(model, batch)["intermediate_logits"]
        assert [x.requires_grad for x in logits] == reach
    full, last = (
        gradients(m, answer_loss(call(m, batch)["logits"], batch["labels"]) + 0 * call(m, batch)["q_halt_logits"].sum())
        for m in (make_model(gradient_scope=s) for s in ("full", "auto"))
    )
    assert (full["embed_tokens"] - last["embed_tokens"]).norm() > 0.01 * full["embed_tokens"].norm()


# ---- the carry ----------------------------------------------------------------


def some_carry(model, batch, halted, steps):
    generator = torch.Generator().manual_seed(5)
    z = torch.randn(2, 5, 16, 16, generator=generator)
    other = {"inputs": batch["inputs"].flip(0), "labels": batch["labels"].flip(0), "board": (4, 4)}
    return Carry(z[0], z[1], torch.tensor(steps), torch.tensor(halted), other)


def test_the_first_call_starts_every_puzzle(make_model, batch):
    model = make_model()
    first = model.initial_carry(batch)
    assert first.halted.all()
    carry = model.start(first, batch)
    assert torch.equal(carry.z_H, model.H_init.expand(5, 16, 16)) and torch.equal(
        carry.z_L, model.L_init.expand(5, 16, 16)
    )
    assert not carry.halted.any() and not carry.steps.any()
    assert torch.equal(carry.data["inputs"], batch["inputs"])


def test_where_a_puzzle_has_halted_the_batchs_starts_and_the_others_go_on(make_model, batch):
    model = make_model()
    halted = [True, False, True, False, False]
    old = some_carry(model, batch, halted, [3, 1, 2, 0, 5])
    new = model.start(old, batch)
    for i, fresh in enumerate(halted):
        source = batch if fresh else old.data
        assert torch.equal(new.data["inputs"][i], source["inputs"][i])
        assert torch.equal(new.data["labels"][i], source["labels"][i])
        assert torch.equal(new.z_H[i], model.H_init.expand(16, 16) if fresh else old.z_H[i])
        assert torch.equal(new.z_L[i], model.L_init.expand(16, 16) if fresh else old.z_L[i])
    assert new.steps.tolist() == [0, 1, 0, 0, 5] and not new.halted.any()
    assert old.halted.tolist() == halted  # a value, never changed in place


def finished(model, steps, q_halt, seed=0):
    """The carry after a call with the given halting logits (B,)."""
    B = len(q_halt)
    z = torch.ones(B, 16, 16, requires_grad=True)
    data = {"inputs": torch.zeros(B, 16, dtype=torch.long)}
    carry = Carry(z, z, torch.full((B,), steps), torch.zeros(B, dtype=torch.bool), data)
    cycle = Cycle(2, z * 2, z * 3, z, torch.as_tensor(q_halt))
    return model.finish(carry, cycle, torch.Generator().manual_seed(seed))


def test_after_a_call_states_are_detached_and_one_step_is_counted(make_model):
    carry = finished(make_model(), 4, [0.0])
    assert not carry.z_H.requires_grad and not carry.z_L.requires_grad
    assert (carry.z_H[0, 0, 0], carry.z_L[0, 0, 0], carry.steps.tolist()) == (2, 3, [5])


@pytest.mark.parametrize(
    ("settings", "training", "steps_before", "halted"),
    [  # halting logits -1, 0, 1
        ({}, True, 0, [True, True, True]),
        ({"supervision_steps": 3}, True, 1, [False, False, False]),
        ({"supervision_steps": 3}, True, 2, [True, True, True]),
        ({"halt_max_steps": 3, "halt_exploration_prob": 0.0}, True, 0, [False, False, True]),
        ({"halt_max_steps": 3, "halt_exploration_prob": 0.0}, True, 2, [True, True, True]),
        ({"halt_max_steps": 3, "halt_exploration_prob": 0.0}, False, 0, [False, False, False]),
        ({"halt_max_steps": 3, "halt_exploration_prob": 0.0}, False, 2, [True, True, True]),
        ({"halt_max_steps": 3, "halt_exploration_prob": 1.0}, True, 0, [False, False, False]),
    ],
)
def test_who_halts(make_model, settings, training, steps_before, halted):
    model = make_model(**settings).train(training)
    assert finished(model, steps_before, [-1.0, 0.0, 1.0]).halted.tolist() == halted


def test_exploration_keeps_a_random_part_for_a_random_while_and_is_repeated_by_its_generator(make_model):
    """With 5 steps at most, an explored puzzle stays 2 to 5: after the 3rd, half of them may stop."""
    model, q = make_model(halt_max_steps=5, halt_exploration_prob=0.4), torch.ones(4000)
    first = finished(model, 2, q).halted
    assert (~first).float().mean().item() == pytest.approx(0.4 * 2 / 4, abs=0.03)
    assert (~finished(model, 0, q).halted).float().mean().item() == pytest.approx(0.4, abs=0.03)
    assert finished(model, 4, q).halted.all()
    assert torch.equal(first, finished(model, 2, q).halted)
    assert not torch.equal(first, finished(model, 2, q, seed=1).halted)


# ---- around it ----------------------------------------------------------------


def test_weights_follow_the_seed_and_torchs_own_random_numbers_are_left_alone(make_model, batch):
    state = torch.random.get_rng_state()
    a, b, c = make_model(seed=4), make_model(seed=4), make_model(seed=5)
    model = make_model(halt_max_steps=3)
    model(model.initial_carry(batch), batch, generator=torch.Generator().manual_seed(0))
    assert torch.equal(torch.random.get_rng_state(), state)
    for name, value in a.state_dict().items():
        assert torch.equal(value, b.state_dict()[name])
    assert not torch.equal(a.net.layers[0].mlp.down_proj.weight, c.net.layers[0].mlp.down_proj.weight)


def test_initial_states_are_buffers_and_the_halting_head_starts_at_go_on():
    model = RecursiveModel(ModelConfig(vocab_size=6, seq_len=16))
    assert {"H_init", "L_init"} == {name for name, _ in model.named_buffers()}
    assert not model.q_head.weight.any() and model.q_head.bias.tolist() == [-5.0, -5.0]


def test_a_deep_copy_answers_alike_and_is_trained_apart(make_model, batch):
    model = make_model()
    twin = copy.deepcopy(model)
    before = call(twin, batch)["logits"]
    assert torch.equal(call(model, batch)["logits"], before)
    with torch.no_grad():
        model.lm_head.weight.zero_()
    assert torch.equal(call(twin, batch)["logits"], before)


def test_supervision_given_beside_the_guides_dict_wins():
    flat = {"vocab_size": 6, "seq_len": 16, "enable_deep_supervision": False}
    model = RecursiveModel(flat, SupervisionConfig(True))
    assert model.supervision.enable_deep_supervision


tokens = torch.zeros(5, 16, dtype=torch.long)


@pytest.mark.parametrize(
    ("mixer", "wrong", "words"),
    [
        ("mlp", {"labels": tokens}, "a batch needs inputs or input_embeddings; this one has ['labels']"),
        ("mlp", {"inputs": tokens[0]}, "inputs has shape (16,); it must be (B, L)"),
        ("mlp", {"input_embeddings": torch.zeros(5, 16)}, "shape (5, 16); it must be (B, L, 16)"),
        ("mlp", {"input_embeddings": torch.zeros(5, 16, 9)}, "shape (5, 16, 9); it must be (B, L, 16)"),
        ("mlp", {"inputs": tokens[:, :9]}, "9 positions; this network was made for seq_len=16"),
        ("conv", {"inputs": tokens[:, :6]}, "6 positions are not 2 x 2; give the batch an entry board"),
    ],
)
def test_a_batch_that_does_not_fit_is_refused(make_model, mixer, wrong, words):
    model = make_model(mixer=mixer)
    with pytest.raises(ValueError) as error:
        call(model, wrong)
    assert words in str(error.value)


def test_a_carry_of_another_batch_and_a_wrong_position_are_refused(make_model, batch):
    model = make_model()
    with pytest.raises(ValueError, match=r"shape \(5, 16\) is not the carry's \(2, 16\); make a new one"):
        model(model.initial_carry({"inputs": tokens[:2]}), batch)
    for t in (-1, 16):
        with pytest.raises(ValueError, match=f"t={t} is not a position of this batch; allowed are 0 to 15"):
            call(model, batch, t=t)
    with pytest.raises(ValueError, match="vocab_size is not set"):
        RecursiveModel(ModelConfig(seq_len=16))
    with pytest.raises(ValueError, match="'hidden_sise' is not a setting of a run; did you mean hidden_size"):
        RecursiveModel({"hidden_sise": 16})


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("mixer", MIXERS)
def test_cuda_gives_the_cpus_answers(make_model, batch, mixer):
    model = make_model(mixer=mixer)
    expected = call(model, batch)["logits"]
    there = {name: value.cuda() if torch.is_tensor(value) else value for name, value in batch.items()}
    assert_close(call(model.cuda(), there)["logits"].cpu(), expected, 1e-4)
