"""analysis/intervention.py: an edit does what it says, as little as it can, and what follows is the model's
own work."""

import copy
import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from trm_explore.analysis.intervention import (
    LEAD,
    Noise,
    Recovery,
    SetCell,
    _reading_symbol,
    intervene,
    recovered,
    smallest_move,
)
from trm_explore.config import ModelConfig
from trm_explore.model import RecursiveModel
from trm_explore.training.trajectory import Trajectory, record

VARIANTS = [
    {"mixer": "attention"},
    {"mixer": "mlp"},
    {"mixer": "conv"},
    {"mixer": "attention", "puzzle_emb_len": 2, "num_puzzle_identifiers": 1},
    {"states": "one"},
    {"networks": "two", "L_cycles": 3},
]


def real_model(**flat):
    return RecursiveModel(ModelConfig(vocab_size=2, seq_len=9, input_size=3, hidden_size=16, mixer="conv", **flat))


@pytest.fixture
def numbers():
    generator = torch.Generator().manual_seed(3)
    return {"input_embeddings": torch.randn(4, 9, 3, generator=generator), "board": (3, 3)}


def same(a: Trajectory, b: Trajectory, steps=slice(None)):
    names = ("answers", "halt", "z_H", "z_L", "change_H", "change_L")
    return all(np.array_equal(getattr(a, name)[steps], getattr(b, name)[steps]) for name in names)


@pytest.mark.parametrize("flat", VARIANTS, ids=str)
def test_without_edits_both_runs_are_a_recording_bit_for_bit(make_model, batch, flat):
    model = make_model(**flat)
    before, after = intervene(model, batch, [], H_cycles=5, keep_states=True)
    plain = record(model, batch, H_cycles=5, keep_states=True)
    assert same(before, plain) and same(after, plain)


@pytest.mark.parametrize("flat", VARIANTS, ids=str)
def test_a_set_cell_reads_so_and_only_it_has_changed_and_the_rest_follows_from_the_moved_state(make_model, batch, flat):
    model = make_model(**flat)
    for token in range(6):
        before, after = intervene(model, batch, [SetCell(1, 5, token)], H_cycles=4, keep_states=True)
        assert (after.answers[1, :, 5] == token).all()
        elsewhere = np.arange(16) != 5
        assert (after.answers[1][:, elsewhere] == before.answers[1][:, elsewhere]).all()
        assert same(before, after, slice(0, 1))
        moved = after.z_H[1] - before.z_H[1]
        assert not moved[:, elsewhere].any()
        length = np.linalg.norm(before.z_H[1, :, 5], axis=-1)
        assert np.linalg.norm(after.z_H[1, :, 5], axis=-1) == pytest.approx(length, rel=1e-5)
        if flat.get("states") == "one":
            assert np.array_equal(after.z_L[1], after.z_H[1])
        if model.config.puzzle_emb_len:
            continue  # a recording leaves the prefix out, so what follows cannot be computed from it
        carry = model.start(model.initial_carry(batch), batch)
        carry = carry._replace(z_H=torch.from_numpy(after.z_H[1]), z_L=torch.from_numpy(after.z_L[1]))
        with torch.no_grad():
            *_, last = model.cycles(carry, H_cycles=2)
        assert np.array_equal(last.z_H.numpy(), after.z_H[3])


def test_an_edit_of_one_puzzle_leaves_the_others(make_model, batch):
    for edit in (SetCell(0, 3, 1, puzzle=2), Noise(0, "z_L", 1.0, puzzle=2), Noise(0, puzzle=2)):
        before, after = intervene(make_model(), batch, [edit], H_cycles=3, keep_states=True)
        others = [0, 1, 3, 4]
        assert np.allclose(before.z_H[:, others], after.z_H[:, others]) and not np.allclose(before.z_H, after.z_H)


rows_and_states = st.integers(0, 2**32 - 1).map(np.random.default_rng).map(
    lambda rng: (rng.normal(size=(int(rng.integers(2, 7)), 8)), rng.normal(size=8), rng)
)  # fmt: skip


@given(rows_and_states)
def test_the_move_is_the_smallest_that_gives_the_lead(example):
    """z + m is the nearest point of a convex set exactly where no point y of it has (z - (z + m)) . (y - (z + m)) > 0;
    in two symbols it is the formula."""
    rows, z, rng = example
    token = int(rng.integers(len(rows)))
    move = smallest_move(z, rows, token)
    against = rows[token] - np.delete(rows, token, axis=0)
    assert (against @ (z + move) >= LEAD - 1e-3).all()
    if len(rows) == 2:
        (d,) = against
        assert move == pytest.approx(max(0.0, LEAD - d @ z) / (d @ d) * d, abs=1e-3)
    points = z + move + np.concatenate([width * rng.normal(size=(300, 8)) for width in (0.03, 0.3, 3.0)])
    inside = points[(points @ against.T >= LEAD).all(1)]
    assert ((inside - z - move) @ -move <= 0.002 * (1 + move @ move)).all()


@given(rows_and_states)
def test_brought_back_to_its_length_the_state_still_reads_so(example):
    rows, z, rng = example
    token = int(rng.integers(len(rows)))
    moved = _reading_symbol(z, rows, token)
    assert np.argmax(rows @ moved) == token and np.linalg.norm(moved) == pytest.approx(np.linalg.norm(z))


def test_where_the_symbol_already_leads_nothing_moves():
    rows = np.eye(4)
    assert np.array_equal(_reading_symbol(np.array([0.0, 3, 1, 1]), rows, 1), [0, 3, 1, 1])


def test_a_symbol_that_can_never_lead_is_refused_in_one_sentence():
    rows = np.array([[1.0, 0], [-1, 0], [0, 1], [0, -1], [0.1, 0.1]])
    with pytest.raises(ValueError, match="token=4 is nowhere this head's answer"):
        _reading_symbol(np.array([1.0, 2.0]), rows, 4)
    with pytest.raises(ValueError, match="token=0 is nowhere"):
        _reading_symbol(np.array([1.0, 2.0]), np.ones((2, 2)), 0)


def test_set_numbers_are_read_so_from_a_state_of_the_same_length(numbers):
    model = real_model()
    before, after = intervene(model, numbers, [SetCell(0, 4, (0.3, -0.2))], keep_states=True)
    assert after.answers[0, :, 4] == pytest.approx(np.tile([0.3, -0.2], (4, 1)), abs=1e-5)
    z, moved = before.z_H[0, :, 4], after.z_H[0, :, 4]
    assert np.linalg.norm(moved, axis=1) == pytest.approx(np.linalg.norm(z, axis=1), rel=1e-5)
    # The nearest on sphere and plane: what the head does not see keeps its direction.
    rows = model.lm_head.weight.detach().numpy()
    hidden = np.eye(16) - np.linalg.pinv(rows) @ rows
    a, b = z @ hidden, moved @ hidden
    assert (a * b).sum(1) == pytest.approx(np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1), rel=1e-5)
    assert after.answers[1:].shape == before.answers[1:].shape and not np.allclose(after.answers[1], before.answers[1])


def test_one_number_stands_for_all_and_numbers_out_of_reach_of_the_length_are_read_too(numbers):
    for number in (0.25, 100):
        _, after = intervene(real_model(), numbers, [SetCell(0, 4, number)])
        assert after.answers[0, :, 4] == pytest.approx(np.full((4, 2), number), rel=1e-4)


def test_noise_has_the_asked_size_and_follows_from_its_seed(make_model, batch):
    model = make_model(hidden_size=64)
    moves = []
    for seed in (0, 0, 1):
        for state in ("z_H", "z_L"):
            before, after = intervene(model, batch, [Noise(0, state, 0.5, seed)], keep_states=True)
            z, moved = getattr(before, state)[0], getattr(after, state)[0]
            sizes = np.sqrt(np.square(moved - z).mean((1, 2)) / np.square(z).mean((1, 2)))
            assert sizes == pytest.approx(np.full(5, 0.5), rel=0.1)
            other = "z_L" if state == "z_H" else "z_H"
            assert np.array_equal(getattr(before, other)[0], getattr(after, other)[0])
            moves.append(moved)
    assert np.array_equal(moves[0], moves[2]) and not np.array_equal(moves[0], moves[4])
    before, after = intervene(model, batch, [Noise(0, "z_H", 0.0)], keep_states=True)
    assert same(before, after)


def test_edits_add_up_in_their_order(make_model, batch):
    noise, cell = Noise(0, "z_H", 2.0), SetCell(0, 3, 1)
    _, both = intervene(make_model(), batch, [noise, cell, SetCell(1, 4, 2)], H_cycles=3)
    assert (both.answers[0, :, 3] == 1).all() and (both.answers[1, :, 4] == 2).all()


def test_the_model_the_batch_and_the_random_numbers_are_as_before(make_model, batch):
    model, state = make_model(), torch.random.get_rng_state()
    weights, given_ = copy.deepcopy(model.state_dict()), copy.deepcopy(batch)
    intervene(model, batch, [Noise(0), SetCell(1, 2, 3)])
    assert all(torch.equal(weights[name], value) for name, value in model.state_dict().items())
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(np.array_equal(given_[name], batch[name]) for name in batch)


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (SetCell(2, 0, 1), "after_step=2 is not there; allowed are 0 to 1; after the last step nothing follows"),
        (SetCell(-1, 0, 1), "after_step=-1 is not there"),
        (SetCell(0, 16, 1), "position=16 is not there; allowed are 0 to 15"),
        (SetCell(0, True, 1), "position=True is not there"),
        (SetCell(0, 0, 6), "token=6 is not there; allowed are 0 to 5"),
        (SetCell(0, 0, 1.0), "token=1.0 is not there"),
        (SetCell(0, 0, 1, puzzle=5), "puzzle=5 is not there; allowed are 0 to 4"),
        (Noise(0, "z"), "state='z' is not known; allowed are z_H and z_L"),
        (Noise(0, scale=-1.0), "scale=-1.0 must be a finite number of at least 0"),
        (Noise(0, scale=float("inf")), "scale=inf must be"),
        (Noise(0, seed=-1), "seed=-1 is not there"),
    ],
)
def test_edits_that_do_not_fit_get_one_sentence(make_model, batch, edit, said):
    with pytest.raises(ValueError, match=said):
        intervene(make_model(), batch, [edit])


def test_wrong_numbers_and_too_few_steps_get_one_sentence(make_model, batch, numbers):
    for token in (float("nan"), (1.0, 2.0, 3.0), "x"):
        with pytest.raises(ValueError, match=r"token=.* must be a finite number, or 2 of them"):
            intervene(real_model(), numbers, [SetCell(0, 0, token)])
    with pytest.raises(ValueError, match="H_cycles=1 leaves no step after an edit"):
        intervene(make_model(), batch, [Noise(0)], H_cycles=1)


def answers(*steps):
    """A trajectory of one puzzle with these answers."""
    none = np.zeros((len(steps), 1), np.float32)
    return Trajectory(none, None, np.array(steps)[:, None], none, None, None, none, none, none)


@pytest.mark.parametrize(
    ("after", "expected", "said"),
    [
        ([[1, 2], [3, 4], [3, 4]], ([0, 0, 0], None, None), "changed no answer"),
        ([[1, 9], [3, 4], [3, 4]], ([1, 0, 0], 0, 1), "changed 1 cell at step 0; from step 1 on the answer is that"),
        ([[1, 2], [9, 9], [3, 9]], ([0, 2, 1], 1, None), "did not come back: at the last step 1 cell still differs"),
        ([[9, 2], [3, 4], [9, 9]], ([1, 0, 2], 0, None), "at the last step 2 cells still differ."),
        ([[9, 2], [3, 9], [3, 4]], ([1, 1, 0], 0, 2), "from step 2 on"),
    ],
)
def test_recovered_says_from_which_step_on_the_answer_is_back(after, expected, said):
    got = recovered(answers([1, 2], [3, 4], [3, 4]), answers(*after))
    assert got == Recovery(*expected) and said in got.text
    assert json.loads(json.dumps(got.to_dict()))["back_at"] == expected[2]


def test_numbers_are_back_within_the_tasks_tolerance():
    before = answers([[0.0], [0.0]], [[1.0], [1.0]])
    after = answers([[0.5], [0.0]], [[1.1], [1.0]])
    assert recovered(before, after, tolerance=0.01) == Recovery([1, 0], 0, 1)
    assert recovered(before, after).back_at is None
