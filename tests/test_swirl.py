"""tasks/swirl.py against the flow itself, followed in small steps."""

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trm_explore.config.presets import TASK_PRESETS
from trm_explore.tasks.swirl import FINE, TURN, SwirlTask, _is_held_out, carried

places = st.floats(-1, 1, width=32)


def followed(point, steps=2000):
    """Where the flow brings a point in unit time, by Runge and Kutta's classical method."""

    def speed(p):
        return TURN * max(0.0, 1 - p @ p) ** 2 * np.array([-p[1], p[0]])

    h = 1 / steps
    for _ in range(steps):
        k1 = speed(point)
        k2 = speed(point + h / 2 * k1)
        k3 = speed(point + h / 2 * k2)
        k4 = speed(point + h * k3)
        point = point + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return point


@pytest.mark.parametrize("point", [(0.1, 0.05), (0.4, 0.2), (-0.5, 0.6), (0.0, -0.99), (0.9, 0.9)])
def test_a_point_arrives_where_the_flow_carries_it(point):
    assert np.allclose(carried(np.array([point]))[0], followed(np.array(point)), atol=1e-9)


@given(places, places)
def test_the_flow_keeps_the_distance_from_the_centre_and_moves_nothing_outside_the_circle(x, y):
    there = carried(np.array([[x, y]]))[0]
    assert np.isclose(np.hypot(*there), np.hypot(x, y))
    if np.hypot(x, y) >= 1:
        assert np.allclose(there, [x, y])


def test_a_batch_holds_points_of_the_square_and_where_they_arrive():
    task = SwirlTask()
    batch = task.sample(500, np.random.default_rng(0))
    points, there = batch["input_embeddings"], batch["labels"]
    assert points.shape == there.shape == (500, 1, 2) and points.dtype == there.dtype == np.float32
    assert (task.seq_len, task.input_size, task.vocab_size, task.loss) == (1, 2, 2, "mse")
    assert np.abs(points).max() <= 1 and (points.min(0) < -0.9).all() and (points.max(0) > 0.9).all()
    assert np.allclose(there[:, 0], carried(points[:, 0].astype(float)), atol=1e-6)


def test_no_cell_of_the_fine_lattice_has_points_of_both_sides():
    task = SwirlTask()
    trained, held = task.sample(20_000, np.random.default_rng(1)), task.held_out(3000)
    there, apart = (
        {tuple(cell) for cell in np.floor(batch["input_embeddings"][:, 0] * FINE).astype(int)}
        for batch in (trained, held)
    )
    assert not there & apart
    assert len(there | apart) > 0.98 * (2 * FINE) ** 2  # together they cover the square
    assert 0.09 < len(apart) / len(there | apart) < 0.11


def test_every_held_out_cell_lies_among_training_cells():
    row, column = np.mgrid[-FINE:FINE, -FINE:FINE]
    held = (column + 3 * row) % 10 == 0
    assert not (held[1:] & held[:-1]).any() and not (held[:, 1:] & held[:, :-1]).any()


def test_the_held_out_points_are_always_the_same_and_a_smaller_number_is_their_beginning():
    first, again, fewer = SwirlTask().held_out(500), SwirlTask().held_out(500), SwirlTask().held_out(7)
    for name in ("input_embeddings", "labels"):
        assert np.array_equal(first[name], again[name]) and np.array_equal(first[name][:7], fewer[name])


def test_the_first_held_out_point_goes_far():
    first = SwirlTask().held_out(1)
    assert np.linalg.norm(first["labels"] - first["input_embeddings"]) > 1


def test_one_generator_gives_the_same_points_twice_and_another_does_not():
    one, same, other = (SwirlTask().sample(50, np.random.default_rng(seed))["labels"] for seed in (0, 0, 1))
    assert np.array_equal(one, same) and not np.array_equal(one, other)


def test_an_answer_is_right_within_a_twentieth_of_the_circles_radius():
    task = SwirlTask()
    batch = task.held_out(40)
    angle = np.random.default_rng(0).uniform(0, 7, size=(40, 1))
    away = np.stack([np.cos(angle), np.sin(angle)], axis=2)
    for distance, right in ((0.049, True), (0.051, False)):
        answers = batch["labels"] + distance * away
        assert (task.check(batch["input_embeddings"], answers, batch["labels"]) == right).all()
        wrong = task.wrong_cells(batch["input_embeddings"][0], batch["labels"][0], answers[0])
        assert wrong == ([] if right else [0])


def test_the_companions_are_a_grid_over_the_square_with_their_own_targets():
    beside = SwirlTask().companions()
    points = beside["input_embeddings"][:, 0]
    assert points.shape == (81, 2) and len(np.unique(points, axis=0)) == 81
    assert np.allclose(np.unique(points.round(4)), np.linspace(-0.9, 0.9, 9))
    assert np.allclose(beside["labels"][:, 0], carried(points.astype(float)), atol=1e-6)


def test_the_plane_holds_every_point_and_every_target():
    board, batch = SwirlTask().board(), SwirlTask().sample(5000, np.random.default_rng(4))
    assert (board["kind"], board["rows"], board["cols"]) == ("plane", 1, 1)
    assert np.abs(batch["labels"]).max() <= board["extent"] >= np.abs(batch["input_embeddings"]).max()


def test_a_typed_point_can_be_read_and_the_example_goes_far_and_is_held_out():
    puzzle, remark = SwirlTask().read(" -0.25, 1e-1 ")
    assert np.allclose(puzzle["input_embeddings"], [[[-0.25, 0.1]]]) and not remark
    far, _ = SwirlTask().read(SwirlTask().example())
    assert np.linalg.norm(far["labels"] - far["input_embeddings"]) > 0.5
    assert _is_held_out(far["input_embeddings"][:, 0]).all()


@pytest.mark.parametrize("text", ["", "0.5", "1 2", "a b", "0 0 0", "nan 0", "inf 0", "-1.01 0"])
def test_what_is_no_point_is_refused_in_one_sentence(text):
    with pytest.raises(ValueError, match="is no point of the plane; give x and y, each from -1 to 1, such as 0.4 0.2$"):
        SwirlTask().read(text)


def test_data_are_made_far_faster_than_they_are_used():
    task, rng = SwirlTask(), np.random.default_rng(0)
    began = time.process_time()
    for _ in range(10):
        task.sample(TASK_PRESETS["swirl"]["batch_size"], rng)
    assert 10 * TASK_PRESETS["swirl"]["batch_size"] / (time.process_time() - began) > 50_000
