"""Widgets from Python: traits, refusals, runs in the background, the picture beside them. No browser, no kernel."""

import base64
import gc
import json
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import traitlets
from background import until
from hypothesis import given
from hypothesis import strategies as st

from trm_explore.config import SupervisionConfig
from trm_explore.data.assets import asset
from trm_explore.model.checkpoint import load_checkpoint
from trm_explore.tasks import preset, resolve
from trm_explore.training import events as ev
from trm_explore.training import train
from trm_explore.training.losses import supervision_weights
from trm_explore.training.trajectory import frame_of, record
from trm_explore.widgets.comparison import Comparison
from trm_explore.widgets.drawing import Drawing, Place
from trm_explore.widgets.panel import TrainingPanel
from trm_explore.widgets.player import Player
from trm_explore.widgets.weights import Weights

QUICK = {"updates": 6, "eval_every": 3, "frame_every": 3, "eval_puzzles": 4, "hidden_size": 16, "num_heads": 2}
QUICK |= {"swiglu_multiple": 8, "batch_size": 4, "device": "cpu"}


@pytest.fixture
def panel():
    """panel(**flat): a small one, closed at the end; `.heard` collects what it sends."""
    made = []

    def make(**flat):
        one = TrainingPanel(**(QUICK | flat))
        one.heard = []
        one.send = lambda content, buffers=None: one.heard.append(content)
        made.append(one)
        return one

    yield make
    for one in made:
        one.close()


@pytest.fixture(scope="module")
def events():
    """Those of a run without and with supervision."""
    off = preset("sudoku4", threads=1, **QUICK)
    return {"off": list(train(off)), "on": list(train(off.with_flat(enable_deep_supervision=True)))}


def press(widget, **content):
    """What a view's message does."""
    widget._handle_custom_msg(content, [])


def threads():
    return [thread for thread in threading.enumerate() if "run-" in thread.name or "_follow" in thread.name]


# ---- the training panel


def test_a_panel_trains_and_gives_config_events_and_weights(panel):
    one = panel(seed=3)
    assert one.state == "" and one.run is None and one.events == []
    one.train()
    assert one.wait(60) == one.state == "finished"
    assert one.config == one.run.config and one.config.train.seed == 3
    kinds = [type(event) for event in one.events]
    assert kinds.count(ev.UpdateDone) == 6 and kinds[-1] is ev.Finished
    trained = list(train(one.config))
    losses = [[event.loss for event in all_of if isinstance(event, ev.UpdateDone)] for all_of in (one.events, trained)]
    assert losses[0] == losses[1]  # the same stream as train(config)
    task, config = resolve(one.config)
    found = record(one.model, task.held_out(2))
    assert found.n_steps == config.model.H_cycles


def test_messages_are_deltas_without_gap_or_repeat(panel):
    one = panel(updates=40)
    one.train()
    one.wait(60)
    messages = [content["message"] for content in one.heard]
    assert messages[0]["from"] == 0 and messages[-1]["state"] == "finished"
    assert [p[0] for message in messages for p in message["points"]] == list(range(1, 41))
    assert len(messages) < 40  # thinned by time, not one an update


def test_pause_one_update_stop(panel):
    one = panel(updates=100_000, eval_every=0, frame_every=0)
    one.one_update()
    assert one.wait(60) == "paused" and one.run.latest.update == 1
    one.one_update()
    assert one.wait(60) == "paused" and one.run.latest.update == 2
    first = one.run
    one.train()
    until(lambda: one.run.latest.update > 4)
    one.pause()
    assert one.wait(60) == "paused" and one.run is first
    one.stop()
    assert one.wait(60) == "stopped"
    one.one_update()
    assert one.wait(60) == "paused" and one.run is not first


def test_a_view_that_comes_late_gets_the_whole_run_and_nobody_else(panel):
    one = panel()
    one.train()
    one.wait(60)
    one.heard.clear()
    press(one, do="hello", view="b")
    (content,) = one.heard
    assert content["to"] == "b" and content["message"]["from"] == 0
    assert len(content["message"]["points"]) == 6 and content["message"]["state"] == "finished"


def test_buttons_do_what_methods_do(panel):
    one = panel(updates=100_000)
    for button, state in (("one_update", "paused"), ("train", "running"), ("pause", "paused"), ("stop", "stopped")):
        press(one, do=button)
        until(lambda state=state: one.state == state)
    press(one, do="close")
    press(one, other=3)
    assert one.comm is not None  # only buttons are obeyed


def test_a_button_says_in_the_widget_why_it_did_nothing(panel):
    one = panel()
    one.deep_supervision_schedule = "custom"
    one.custom_weights = [1, 2]
    press(one, do="train")
    assert one.run is None and one.plan["error"].startswith("custom_weights has 2 numbers, but H_cycles=3")
    with pytest.raises(ValueError, match="custom_weights has 2 numbers"):
        one.train()


def test_a_panel_that_is_shown_nowhere_any_more_stops(panel):
    one = panel(updates=100_000, lease=0.3)
    press(one, do="hello", view="a")
    one.train()
    until(lambda: one.run.latest)
    time.sleep(0.8)
    assert not one.run.ended  # shown: it goes on
    press(one, do="bye", view="a")
    until(lambda: one.run.ended)
    until(lambda: one.state == "interrupted")
    at = one.run.latest.update
    press(one, do="hello", view="a")
    press(one, do="go_on")  # the button that paused it
    until(lambda: one.run.latest and one.run.latest.update > at)
    assert one.state in ("queued", "preparing", "running")


def test_a_panel_that_was_never_shown_goes_on(panel):
    one = panel(updates=100_000, lease=0.3, eval_every=0, frame_every=0)
    one.train()
    time.sleep(0.8)
    assert not one.run.ended


def test_close_leaves_no_thread(panel):
    before = set(threads())
    one = panel(updates=100_000)
    one.train()
    until(lambda: one.run.latest)
    assert set(threads()) - before
    one.close()
    until(lambda: not set(threads()) - before)
    assert one.run.ended and one.comm is None


def test_controls_are_traits_and_the_plan_follows_them(panel):
    one = panel()
    seen = []
    one.observe(lambda change: seen.append(change["new"]["weights"]), "plan")
    one.deep_supervision_schedule = "constant"
    one.deep_supervision_weight = 0.25
    assert seen[-1] == [0.25, 0.25, 1.0] == one.plan["weights"]
    one.H_cycles = 5
    assert one.plan["steps"] == one.config.model.H_cycles == 5
    one.enable_deep_supervision = False
    assert one.plan["scope"] == "last" and not one.plan["enabled"]


def test_what_a_page_sends_sets_the_same_traits(panel):
    one = panel()
    one.set_state({"H_cycles": 4, "seed": 7, "step": 1, "cell": 3, "enable_deep_supervision": False})
    assert (one.H_cycles, one.seed, one.step, one.cell) == (4, 7, 1, 3)
    assert one.config.train.seed == 7 and one.plan["steps"] == 4


def test_custom_weights_begin_with_those_of_the_schedule_before(panel):
    one = panel(deep_supervision_schedule="constant", deep_supervision_weight=0.4)
    one.deep_supervision_schedule = "custom"
    assert one.custom_weights == [0.4, 0.4, 1.0] == list(one.config.supervision.custom_weights)


def test_another_task_brings_its_own_numbers_and_keeps_the_supervision(panel):
    one = TrainingPanel(seed=5, deep_supervision_schedule="u_shaped")
    try:
        one.task = "parity"
        own = preset("parity")
        assert (one.H_cycles, one.L_cycles, one.updates) == (own.model.H_cycles, own.model.L_cycles, own.train.updates)
        assert (
            one.config.model.mixer == own.model.mixer and one.seed == 5 and one.deep_supervision_schedule == "u_shaped"
        )
        assert resolve(one.config)[0].name == "parity" and one.plan["task"] == "parity"
    finally:
        one.close()


def test_difficulty_belongs_to_the_task_it_was_given_for(panel):
    one = panel(difficulty="hard")
    assert one.config.puzzles.difficulty == "hard"
    one.task = "parity"
    resolve(one.config)


def test_a_config_is_kept_whole(panel):
    config = preset("reach", lr=3e-3, H_cycles=4, frame_every=0)
    one = TrainingPanel(config, seed=2)
    try:
        assert one.config == config.with_flat(seed=2)
    finally:
        one.close()


class Reverse:
    """A task that a student has made."""

    rows, cols, vocab_size = 1, 4, 5

    def sample(self, n, rng):
        inputs = rng.integers(0, 5, (n, 4))
        return {"inputs": inputs, "labels": inputs[:, ::-1]}

    def held_out(self, n):
        return self.sample(n, np.random.default_rng(0))


def test_a_task_of_ones_own_is_offered():
    one = TrainingPanel(task=Reverse(), **QUICK)
    try:
        assert one.task == "custom:Reverse"
        assert one.controls[0]["name"] == "task" and ("custom:Reverse", "custom:Reverse") in one.controls[0]["options"]
        one.task = "parity"
        one.task = "custom:Reverse"
        assert isinstance(one.config.task, Reverse)
        one.updates = 3
        one.train()
        assert one.wait(60) == "finished"
    finally:
        one.close()


@pytest.mark.parametrize(
    "name, value, said",
    [
        ("task", "mazes", "task='mazes' is not known; allowed are sudoku4"),
        ("H_cycles", 0, "H_cycles=0 must be a whole number of at least 1"),
        ("seed", "three", "seed='three' must be a whole number"),
        ("deep_supervision_weight", -1, "deep_supervision_weight=-1 must be a finite number at least 0"),
        (
            "deep_supervision_schedule",
            "linear",
            "deep_supervision_schedule='linear' is not known; allowed are constant",
        ),
        ("gradient_scope", None, "gradient_scope=None is not known"),
        ("custom_weights", [0, 0], "custom_weights=[0, 0] must be at least 0, and not all 0"),
        ("step", -1, "step=-1 must be a whole number of at least 0, or None"),
        ("cell", True, "cell=True must be a whole number"),
    ],
)
def test_a_wrong_trait_is_refused_in_one_sentence_and_changes_nothing(panel, name, value, said):
    one = panel()
    before = getattr(one, name)
    with pytest.raises(traitlets.TraitError) as refused:
        setattr(one, name, value)
    assert isinstance(refused.value, ValueError) and str(refused.value).startswith(said)
    assert getattr(one, name) == before


@pytest.mark.parametrize(
    "given, said",
    [
        ({"config": "maze"}, "config is a str; give a RunConfig, or say task='maze'"),
        ({"config": preset("maze"), "task": "maze"}, "task='maze' is given beside a config"),
        ({"task": "mazes"}, "task='mazes' is not known"),
        ({"H_cycle": 3}, "'H_cycle' is not a setting of a run; did you mean H_cycles?"),
        ({"H_cycles": 0}, "H_cycles=0 must be"),
        ({"custom_weights": [1, 2]}, "custom_weights=[1, 2] are used only by the schedule custom"),
        ({"task": "maze", "difficulty": "hard"}, "difficulty='hard' has no meaning for the task maze"),
    ],
)
def test_a_wrong_panel_is_refused_in_one_sentence(given, said):
    with pytest.raises(ValueError) as refused:
        TrainingPanel(**given)
    assert str(refused.value).startswith(said)
    gc.collect()  # what was half made goes quietly


def test_without_weights_the_model_says_so(panel):
    with pytest.raises(ValueError, match="no weights yet; press Train"):
        panel().model  # noqa: B018


# ---- pictures


def test_every_widget_shows_its_picture_where_no_widget_can_be(panel, events):
    trained = panel()
    trained.train()
    trained.wait(60)
    frames = [event for event in events["on"] if isinstance(event, ev.Frame)]
    for widget in (panel(), trained, Player(frames), Weights(), Comparison(events)):
        data, metadata = widget._repr_mimebundle_()
        assert data["application/vnd.jupyter.widget-view+json"]["model_id"] == widget.model_id
        assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG") and metadata["image/png"]["width"] > 100
        assert data["text/plain"] == repr(widget) and len(repr(widget)) < 200
        widget.close()


def test_the_picture_of_a_trained_panel_shows_the_run(panel):
    one = panel()
    plan = one.picture()
    one.train()
    one.wait(60)
    assert one.picture().get_figheight() > plan.get_figheight()  # losses, solved and boards come in


def test_nothing_to_draw_is_no_error_when_shown():
    widget = Comparison({"a": preset("sudoku4", **QUICK)})
    assert "image/png" not in widget._repr_mimebundle_()[0]
    with pytest.raises(ValueError):
        widget.picture()
    widget.close()


def test_ipython_asks_for_the_bundle_on_ipywidgets_7_too():
    assert Drawing._ipython_display_ is None


# ---- the player


def test_the_player_plays_a_trajectory(panel):
    model, config = load_checkpoint(asset("sudoku4-linear"))
    task, config = resolve(config)
    found = record(model, task.held_out(3), H_cycles=5)
    player = Player(found, task, item=2, label="mine")
    assert (
        player.frames
        == [frame_of(found, task, item=2, label="mine")]
        == Player(found, "sudoku4", item=2, label="mine").frames
    )
    assert player.message["steps"] == len(player.message["colors"]["light"]) == 5
    player.step, player.cell = 3, 7
    assert (player.step, player.cell, player.frame) == (3, 7, None)


def test_the_player_plays_the_frames_of_a_run(events):
    player = Player(events["on"], frame=0)
    recorded = [event.trajectory for event in events["on"] if isinstance(event, ev.Frame)]
    assert player.frames == recorded and player.frame == 0
    assert Player(recorded[0]).frames == recorded[:1]


@pytest.mark.parametrize(
    "what, more, said",
    [
        (5, {}, "there is nothing to play in a int"),
        ({"board": {}}, {}, "a frame has no inputs"),
        ([], {}, "there is no frame in the list"),
        ([ev.Finished("done", 1, 1.0)], {}, "there is no frame in the list"),
    ],
)
def test_what_cannot_be_played_is_refused_in_one_sentence(what, more, said):
    with pytest.raises(ValueError) as refused:
        Player(what, **more)
    assert str(refused.value).startswith(said)


def test_a_trajectory_needs_its_task_and_a_puzzle_that_is_there(make_model, batch, task):
    found = record(make_model(), batch)
    for more, said in (
        ({}, "task is missing"),
        ({"task": task, "item": 5}, "item=5 is not there: the trajectory has puzzles 0 to 4"),
    ):
        with pytest.raises(ValueError, match=said):
            Player(found, **more)
    with pytest.raises(ValueError, match="speed=3 is not a setting of a player"):
        Player(found, task, speed=3)


# ---- weights


@given(
    st.sampled_from(["constant", "linear_decay", "exponential_decay", "u_shaped", "front_loaded"]),
    st.integers(1, 9),
    st.floats(0, 2),
)
def test_weights_are_those_of_training(schedule, n, base):
    weights = Weights(n, base, schedule)
    expected = supervision_weights(schedule, n, base).tolist()
    assert weights.weights == pytest.approx(expected, abs=1e-6) and weights.divisor == pytest.approx(
        sum(expected), abs=1e-5
    )
    assert len(weights.colors["light"]) == n
    weights.close()


def test_weights_of_ones_own_are_the_schedule_custom():
    weights = Weights()
    weights.weights = [1, 2, 0.5, 1]
    assert (weights.schedule, weights.n_steps, weights.weights) == ("custom", 4, [1.0, 2.0, 0.5, 1.0])
    weights.n_steps = 5
    assert weights.weights == [1.0, 2.0, 0.5, 1.0, 1.0]
    weights.n_steps = 2
    assert weights.weights == [1.0, 2.0]
    weights.schedule = "u_shaped"
    weights.n_steps = 3
    assert weights.weights == [1.0, 0.25, 1.0]
    SupervisionConfig(enable_deep_supervision=True, deep_supervision_schedule="custom", custom_weights=weights.weights)
    assert Weights(weights=[3, 1]).n_steps == 2


def test_a_page_that_moves_a_bar_makes_the_schedule_custom():
    weights = Weights()
    weights.set_state({"weights": [0.5, 0.25, 1]})
    assert (weights.schedule, weights.weights) == ("custom", [0.5, 0.25, 1.0])


@pytest.mark.parametrize(
    "given, said",
    [
        ({"schedule": "linear"}, "schedule='linear' is not known; allowed are constant"),
        ({"n_steps": 0}, "n_steps=0 must be a whole number of at least 1"),
        ({"base_weight": -1}, "base_weight=-1 must be a finite number"),
        ({"weights": []}, "weights is empty"),
        ({"weights": [0, 0]}, "weights=[0, 0] must be at least 0, and not all 0"),
    ],
)
def test_wrong_weights_are_refused_in_one_sentence(given, said):
    with pytest.raises(ValueError) as refused:
        Weights(**given)
    assert str(refused.value).startswith(said)


# ---- the comparison


def test_runs_that_are_over_are_compared_without_a_kernel(events):
    comparison = Comparison(events)
    group = json.loads(comparison.group)
    assert group["recorded"] and group["first"] and group["state"] == "finished"
    assert [(run["letter"], run["name"]) for run in group["runs"]] == [("A", "off"), ("B", "on")]
    assert [len(run["message"]["points"]) for run in group["runs"]] == [6, 6]
    assert comparison.events == events and comparison.configs["on"].supervision.enable_deep_supervision
    assert comparison.modules == ("compare",)  # nothing to train
    with pytest.raises(ValueError, match="these runs are over"):
        comparison.train()


def test_configs_are_trained_in_turn():
    base = preset("sudoku4", threads=1, **QUICK)
    comparison = Comparison({"off": base, "on": base.with_flat(enable_deep_supervision=True)})
    heard = []
    comparison.send = lambda content, buffers=None: heard.append(content)
    assert json.loads(comparison.group)["state"] == "" and comparison.events == {"off": [], "on": []}
    try:
        comparison.train()
        assert comparison.wait(60) == "finished"
    finally:
        comparison.close()
    groups = [json.loads(content["group"]) for content in heard]
    assert groups[0]["first"] and not any(group["first"] for group in groups[1:])
    for n, name in enumerate(("off", "on")):
        points = [p[0] for group in groups for p in group["runs"][n]["message"]["points"]]
        assert points == [1, 2, 3, 4, 5, 6]
        assert [e.update for e in comparison.events[name] if isinstance(e, ev.UpdateDone)] == points
    assert groups[-1]["text"] == "Done: 12 of 12 updates."


def test_what_cannot_be_compared_is_refused_in_one_sentence(events):
    config = preset("sudoku4", **QUICK)
    for runs, said in (
        ([config], "runs=[RunConfig("),
        ({}, "runs={} must map names to configs or to events"),
        ({"a": config, "b": events["on"]}, "runs['a'] is a config and others are not"),
        ({"a": [events["on"]]}, "runs['a'] has no Started event"),
        ({str(n): config for n in range(5)}, "5 runs cannot be compared at once; give 1 to 4"),
        ({"a": config.with_flat(task="nothing")}, "task='nothing' is not known"),
    ):
        with pytest.raises(ValueError) as refused:
            Comparison(runs)
        assert str(refused.value).startswith(said)


# ---- the module


def test_a_place_takes_numpys_numbers_and_nothing_else():
    class Here(traitlets.HasTraits):
        place = Place()

    here = Here(place=np.int64(3))
    assert here.place == 3 and type(here.place) is int
    for wrong in (1.0, "1", True, -1):
        with pytest.raises(ValueError):
            here.place = wrong


SHUT = """
import time
from trm_explore.widgets import TrainingPanel
panel = TrainingPanel(updates=100_000, eval_every=0, frame_every=0, device="cpu")
panel.train()
while panel.state != "running":
    time.sleep(0.01)
"""


def test_the_end_of_python_ends_the_training():
    ended = subprocess.run([sys.executable, "-c", SHUT], capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_no_refusal_repeats_a_long_value(make_model, batch):
    long = "x" * 5000
    run = record(make_model(), batch)
    for make in (
        lambda: TrainingPanel(long),
        lambda: TrainingPanel(config=long),
        lambda: TrainingPanel(preset("sudoku4"), task=long),
        lambda: Comparison(long),
        lambda: Comparison({long: []}),
        lambda: Player(run, "sudoku4", item=long),
        lambda: Player(run, "sudoku4", **{long[:100]: long}),
        lambda: Player(run, "sudoku4", step=long),
    ):
        with pytest.raises((ValueError, traitlets.TraitError)) as refused:
            make()
        assert len(str(refused.value)) < 400 and "\n" not in str(refused.value), str(refused.value)[:200]
