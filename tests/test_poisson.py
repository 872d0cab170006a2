"""tasks/poisson.py against the equation itself, neighbour by neighbour, and against a plain iterative solver."""

import time

import numpy as np
import pytest

from trm_explore.config.presets import TASK_PRESETS
from trm_explore.tasks.poisson import PoissonTask, _is_held_out


def grids(batch):
    """f and u, (N, size, size) each."""
    size = round(batch["labels"].shape[1] ** 0.5)
    return (batch[name][..., 0].astype(float).reshape(-1, size, size) for name in ("input_embeddings", "labels"))


def neighbours(u):
    """The sum of the four neighbours of every cell, 0 outside."""
    wide = np.pad(u, ((0, 0), (1, 1), (1, 1)))
    return wide[:, :-2, 1:-1] + wide[:, 2:, 1:-1] + wide[:, 1:-1, :-2] + wide[:, 1:-1, 2:]


def copies(grid):
    """The eight symmetric copies of a grid."""
    return [np.rot90(flipped, turn) for flipped in (grid, grid.T) for turn in range(4)]


@pytest.mark.parametrize(("size", "eval_size"), [(4, 0), (8, 0), (8, 13), (11, 6)])
def test_every_label_solves_the_equation_also_on_grids_of_another_size(size, eval_size):
    task = PoissonTask(size, eval_size)
    for batch in (task.sample(50, np.random.default_rng(0)), task.held_out(50)):
        f, u = grids(batch)
        assert np.allclose(4 * u - neighbours(u), task.scale * f, atol=1e-4)


def test_a_plain_iterative_solver_comes_to_the_same_answer():
    task = PoissonTask(6)
    f, u = grids(task.held_out(10))
    guess = np.zeros_like(u)
    for _ in range(300):
        guess = (neighbours(guess) + task.scale * f) / 4
    assert np.allclose(guess, u, atol=1e-4)


def test_a_batch_holds_two_to_five_charges_of_strength_one_to_two_and_either_sign():
    task = PoissonTask()
    batch = task.sample(3000, np.random.default_rng(1))
    assert batch["input_embeddings"].shape == batch["labels"].shape == (3000, 64, 1)
    assert batch["input_embeddings"].dtype == batch["labels"].dtype == np.float32
    f = batch["input_embeddings"][..., 0]
    counts = np.bincount((f != 0).sum(1))
    assert counts[:2].tolist() == [0, 0] and len(counts) == 6 and (np.abs(counts[2:] / 3000 - 1 / 4) < 0.05).all()
    strength = np.abs(f[f != 0])
    assert 1 <= strength.min() < 1.01 and 1.99 < strength.max() <= 2
    assert 0.45 < (f[f != 0] > 0).mean() < 0.55
    assert ((f != 0).sum(0) > 50).all()  # every cell is charged at times


@pytest.mark.parametrize("size", [4, 8, 12])
def test_the_potential_has_a_mean_square_of_one(size):
    task = PoissonTask(size)
    squares = [
        np.square(batch["labels"]).mean()
        for batch in (task.sample(20_000, np.random.default_rng(2)), task.held_out(4000))
    ]
    assert 0.97 < 0.9 * squares[0] + 0.1 * squares[1] < 1.03


@pytest.mark.parametrize("size", [4, 5, 8])
def test_no_held_out_source_has_the_charged_cells_of_a_training_source_not_even_turned_or_mirrored(size):
    task = PoissonTask(size)

    def sources(batch):
        return batch["input_embeddings"][..., 0].reshape(-1, size, size) != 0

    trained = {grid.tobytes() for grid in sources(task.sample(20_000, np.random.default_rng(3)))}
    held = {copy.tobytes() for grid in sources(task.held_out(1000)) for copy in copies(grid)}
    assert trained and held and not trained & held


def test_about_a_tenth_of_all_sources_is_held_out():
    charged = (np.random.default_rng(4).random((5000, 64)) < 0.04).astype(np.float32)
    assert 0.08 < _is_held_out(charged).mean() < 0.12


def test_the_held_out_sources_are_always_the_same_and_a_smaller_number_is_their_beginning():
    first, again, fewer = PoissonTask().held_out(300), PoissonTask().held_out(300), PoissonTask().held_out(7)
    for name in ("input_embeddings", "labels"):
        assert np.array_equal(first[name], again[name]) and np.allclose(first[name][:7], fewer[name], atol=1e-6)


def test_one_generator_gives_the_same_sources_twice_and_another_does_not():
    one, same, other = (PoissonTask().sample(50, np.random.default_rng(seed))["labels"] for seed in (0, 0, 1))
    assert np.array_equal(one, same) and not np.array_equal(one, other)


def test_held_out_grids_may_be_larger_than_those_in_training():
    task = PoissonTask(size=5, eval_size=9)
    assert task.seq_len == 25 and task.held_out_shape() == (9, 9)
    assert task.held_out(3)["labels"].shape == (3, 81, 1)
    assert task.scale == PoissonTask(5).scale != PoissonTask(9).scale


def test_an_answer_is_right_up_to_an_error_of_a_tenth_of_the_potentials_usual_size():
    task = PoissonTask()
    batch = task.held_out(20)
    sign = np.random.default_rng(0).choice([-1, 1], size=batch["labels"].shape)
    for error, right in ((0.099, True), (0.101, False)):
        answers = batch["labels"] + error * sign
        assert (task.check(batch["input_embeddings"], answers, batch["labels"]) == right).all()
    one_off = batch["labels"][0].copy()
    one_off[17] += 0.9  # 0.81 / 64 is more than the tolerance
    assert task.wrong_cells(batch["input_embeddings"][0], batch["labels"][0], one_off) == [17]


def test_nearly_all_potentials_lie_in_the_range_that_is_drawn():
    task = PoissonTask()
    board = task.board()
    assert (board["kind"], board["rows"], board["cols"]) == ("heat", 8, 8)
    low, high = board["range"]
    labels = task.sample(5000, np.random.default_rng(5))["labels"]
    assert ((labels < low) | (labels > high)).mean() < 0.03


@pytest.mark.parametrize(("name", "value"), [("size", 3), ("size", -8), ("eval_size", 33)])
def test_a_side_that_cannot_be_is_refused(name, value):
    with pytest.raises(ValueError) as error:
        PoissonTask(**{name: value})
    assert str(error.value) == (
        f"{name}={value} is no side for a grid here; allowed are 4 to 32, or 0 for the task's own"
    )


def test_data_are_made_far_faster_than_they_are_used():
    task, rng = PoissonTask(), np.random.default_rng(0)
    task.sample(1, rng)  # the inverse is computed once
    began = time.process_time()
    for _ in range(10):
        task.sample(TASK_PRESETS["poisson"]["batch_size"], rng)
    assert 10 * TASK_PRESETS["poisson"]["batch_size"] / (time.process_time() - began) > 5_000
