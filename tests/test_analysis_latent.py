"""analysis/latent.py: the plane is the principal one of other puzzles' states, the same in every call."""

import json

import numpy as np
import pytest
import torch

from trm_explore.analysis.latent import SENT, StateChange, latent_paths, state_change
from trm_explore.training.trajectory import record


@pytest.mark.parametrize("state", ["z_H", "z_L"])
def test_the_plane_is_that_of_a_singular_value_decomposition_of_the_other_puzzles_states(make_model, task, state):
    model = make_model()
    puzzles = task.held_out(9)
    shown = {name: value[2:3] for name, value in puzzles.items()}
    got = latent_paths(model, task, shown, others=8, state=state, H_cycles=4)
    apart = {name: np.delete(value, 2, axis=0) for name, value in puzzles.items()} | {"board": (4, 4)}
    states = getattr(record(model, apart, H_cycles=4, keep_states=True), state)  # (S, 8, L, D)
    points = states.reshape(-1, 16).astype(np.float64)
    _, sizes, directions = np.linalg.svd(points - points.mean(0), full_matrices=False)
    assert got.explained == pytest.approx(sizes[:2] ** 2 / (sizes**2).sum())
    for mine, theirs in zip(got.directions, directions[:2], strict=True):
        assert abs(mine @ theirs) == pytest.approx(1, abs=1e-6) and mine[np.abs(mine).argmax()] > 0
    assert got.cloud == pytest.approx((points - points.mean(0)) @ got.directions.T)
    assert got.cloud_steps.tolist() == [k for k in range(4) for _ in range(8 * 16)]
    own = getattr(record(model, shown | {"board": (4, 4)}, H_cycles=4, keep_states=True), state)[:, 0]  # (S, L, D)
    assert got.paths == pytest.approx(((own - points.mean(0)) @ got.directions.T).transpose(1, 0, 2), abs=1e-5)
    start = (model.H_init if state == "z_H" else model.L_init).numpy()
    assert got.start == pytest.approx((start - points.mean(0)) @ got.directions.T, abs=1e-5)
    assert got.mean_path.shape == (5, 2) and got.mean_path[3] == pytest.approx(got.paths[:, 2].mean(0))


def test_the_same_model_always_gives_the_same_picture(make_model, task):
    one, two = (latent_paths(make_model(), task, task.held_out(3), puzzle=1, others=5).to_dict() for _ in range(2))
    assert one == two


@pytest.mark.parametrize("flat", [{"states": "one"}, {"mixer": "attention", "puzzle_emb_len": 2}], ids=str)
def test_variants_have_a_path_for_every_cell(make_model, task, flat):
    model = make_model(**flat)
    got = latent_paths(model, task, task.held_out(1), others=3)
    assert got.paths.shape == (16, 3, 2)
    if flat.get("states") == "one":
        assert got.start == pytest.approx((model.L_init.numpy() - got.center) @ got.directions.T, abs=1e-5)


def test_what_is_sent_is_small_and_ready_for_json(make_model, task):
    got = latent_paths(make_model(), task, task.held_out(1), others=40)
    sent = json.loads(json.dumps(got.to_dict()))
    assert len(got.cloud) == 3 * 40 * 16 > SENT >= len(sent["cloud"]) == len(sent["cloud_steps"]) > SENT / 2
    assert set(sent["cloud_steps"]) == {0, 1, 2}
    assert np.shape(sent["paths"]) == (16, 3, 2) and np.shape(sent["mean_path"]) == (4, 2)
    first, second = (round(100 * part) for part in sent["explained"])
    assert sent["text"] == f"The two directions hold {first} % and {second} % of the variance of z_H."


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"state": "z"}, "state='z' is not known; allowed are z_H and z_L"),
        ({"others": 1}, "others=1 puzzles make no cloud; give at least 2"),
        ({"puzzle": 3}, "puzzle=3 is not in this batch of 1; allowed are 0 to 0"),
    ],
)
def test_wrong_wishes_get_one_sentence(make_model, task, wrong, said):
    with pytest.raises(ValueError, match=said):
        latent_paths(make_model(), task, task.held_out(1), **wrong)


def test_the_change_is_the_mean_of_the_recorded_one(make_model, batch):
    t = record(make_model(), batch, H_cycles=4)
    got = state_change(t)
    assert got.z_H == pytest.approx(t.change_H.mean(1)) and got.z_L == pytest.approx(t.change_L.mean(1))


def test_a_network_that_gives_the_same_state_always_stands_still_from_its_second_step_on(make_model, batch):
    model = make_model(mixer="mlp")
    with torch.no_grad():
        for weight in (model.embed_tokens, *model.net.parameters()):
            weight.zero_()  # net(z) = norm(z): z_H's direction then follows from the start states alone
    got = state_change(record(model, batch, H_cycles=12))
    assert got.still_from is not None and got.still_from > 0 and "almost at rest" in got.text


@pytest.mark.parametrize(
    ("changes", "still", "said"),
    [
        ([1.0, 0.5, 0.005, 0.001], 2, "almost at rest: from step 2 on"),
        ([1.0, 0.005, 0.5, 0.001], 3, "from step 3 on"),
        ([1.0, 0.6, 0.5, 0.4], None, "still moves by 40 % of its length at the last step, hardly less than half way"),
        ([1.0, 0.5, 0.2, 0.02], None, "still moves by 2 % of its length at the last step: no fixed point yet"),
        ([1.0, float("nan")], None, "no fixed point"),
    ],
)
def test_the_sentence_says_whether_there_is_a_fixed_point(changes, still, said):
    got = StateChange(changes, changes)
    assert got.still_from == still and said in got.text
    assert json.loads(json.dumps(got.to_dict()))["still_from"] == still
