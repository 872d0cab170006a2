"""Widgets as a notebook draws them: each widget's own module in a real Chromium, with a model as anywidget's."""

import json
import re
from pathlib import Path

import pytest
from browser import launch

from trm_explore.tasks import preset
from trm_explore.training import events as ev
from trm_explore.training import train
from trm_explore.web import names
from trm_explore.widgets.comparison import Comparison
from trm_explore.widgets.drawing import module_of
from trm_explore.widgets.panel import TrainingPanel
from trm_explore.widgets.player import Player
from trm_explore.widgets.weights import Weights

STATIC = Path(__file__).parent.parent / "trm_explore" / "web" / "src"
MESSAGE = json.loads((Path(__file__).parent / "data" / "message.json").read_text(encoding="utf-8"))
QUICK = {"updates": 4, "eval_every": 2, "frame_every": 2, "eval_puzzles": 4, "hidden_size": 16, "num_heads": 2}
QUICK |= {"swiglu_multiple": 8, "batch_size": 4, "device": "cpu", "threads": 1}

MOUNT = """async ([source, state]) => {
  const listeners = {};
  const tell = (event, ...said) => { for (const f of [...(listeners[event] || [])]) f(...said); };
  const model = window.model = { saved: [], sent: [], changed: {},
    get: (name) => state[name],
    set(name, value) {
      if (state[name] === value) return;
      state[name] = this.changed[name] = value;
      tell("change:" + name);
    },
    save_changes() { this.saved.push(this.changed); this.changed = {}; },
    send(content) { this.sent.push(content); },
    hear(content) { tell("msg:custom", content); },
    on(name, f) { (listeners[name] ??= new Set()).add(f); }, off(name, f) { listeners[name]?.delete(f); },
    count: () => Object.values(listeners).reduce((sum, set) => sum + set.size, 0) };
  const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  const module = await import(url), el = document.createElement("div");
  window.dispose = module.default.render({ model, el });
  document.querySelector("main").append(el);  // a notebook may attach it late
}"""


@pytest.fixture(scope="module")
def context():
    with launch() as browser:
        yield browser.new_context(viewport={"width": 900, "height": 900}, reduced_motion="reduce")


@pytest.fixture
def page(context):
    complaints = []
    page = context.new_page()
    page.on("console", lambda line: complaints.append(line.text) if line.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.set_content("<!doctype html><html lang=en><body><main></main></body></html>")
    yield page
    page.wait_for_timeout(20)
    page.close()
    assert complaints == []


@pytest.fixture(scope="module")
def events():
    off = preset("sudoku4", **QUICK)
    return {"off": list(train(off)), "on": list(train(off.with_flat(enable_deep_supervision=True)))}


def mount(page, widget):
    state = {name: value for name, value in widget.get_state().items() if not name.startswith("_")}
    page.evaluate(MOUNT, [module_of(widget.modules), json.loads(json.dumps(state, default=str))])
    for name in widget.modules:
        page.wait_for_selector(f".trm-{name}[data-ready='1']", state="attached")
    widget.close()


def put(page, name, value):
    page.evaluate("([name, value]) => model.set(name, value)", [name, value])
    settle(page)


def hear(page, **content):
    page.evaluate("content => model.hear(content)", content)
    settle(page)


def settle(page):
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))")


def get(page, name):
    return page.evaluate("name => model.get(name)", name)


def sent(page):
    return page.evaluate("model.sent")


def saved(page):
    """Everything that Python was told, newest last."""
    return page.evaluate("model.saved")


@pytest.mark.parametrize("name", sorted(names()))
def test_every_module_can_stand_in_a_widget(name):
    source = module_of((name,))
    assert len(re.findall(r"\bexport (?:default|\{)", source)) == 1 and not re.search(r"\bimport\b", source)


@pytest.fixture
def panel(page):
    mount(page, TrainingPanel(deep_supervision_weight=0.3))
    return page


def test_controls_show_the_traits_and_set_them(panel):
    field = panel.locator
    assert field("[name=task]").input_value() == "sudoku4" and field("[name=enable_deep_supervision]").is_checked()
    assert field("[name=deep_supervision_weight]").input_value() == "0.3"
    field("[name=deep_supervision_schedule]").select_option("u_shaped")
    field("[name=H_cycles]").fill("5")
    field("[name=seed]").fill("7")
    field("[name=seed]").blur()
    field("[name=enable_deep_supervision]").uncheck()
    told = [{"deep_supervision_schedule": "u_shaped"}, {"H_cycles": 5}, {"seed": 7}, {"enable_deep_supervision": False}]
    assert saved(panel) == told
    put(panel, "H_cycles", 12)  # beyond the slider: it grows
    assert field("[name=H_cycles]").input_value() == "12"
    put(panel, "task", "maze")
    assert field("[name=task]").input_value() == "maze"


def test_what_does_not_act_cannot_be_changed(panel):
    field = panel.locator
    assert field("[name=custom_weights]").is_hidden() and field("[name=deep_supervision_weight]").is_visible()
    put(panel, "deep_supervision_schedule", "custom")
    assert field("[name=custom_weights]").is_visible() and field("[name=deep_supervision_weight]").is_hidden()
    field("[name=custom_weights]").fill("0.3, 0.4 1")
    field("[name=custom_weights]").blur()
    assert get(panel, "custom_weights") == [0.3, 0.4, 1]
    field("[name=custom_weights]").fill("0.3 many")
    field("[name=custom_weights]").blur()
    assert get(panel, "custom_weights") == []  # which the plan then says is wrong
    put(panel, "enable_deep_supervision", False)
    assert field("[name=deep_supervision_schedule]").is_disabled() and field("[name=gradient_scope]").is_enabled()


def test_an_empty_or_impossible_number_goes_back(panel):
    seed = panel.locator("[name=seed]")
    for wrong, right in (("", "0"), ("-3", "0"), ("2.6", "3")):
        seed.fill(wrong)
        seed.blur()
        assert seed.input_value() == right


def test_buttons_follow_the_state(panel):
    def enabled():
        return [panel.locator(f"[data-do={name}]").is_enabled() for name in ("train", "pause", "one_update", "stop")]

    assert enabled() == [True, False, True, False]
    for state, expected in (
        ("queued", [False, True, False, True]),
        ("running", [False, True, True, True]),
        ("paused", [False, True, True, True]),
        ("finished", [True, False, True, False]),
    ):
        put(panel, "state", state)
        assert enabled() == expected
        assert panel.locator("[data-do=pause]").inner_text() == ("Resume" if state == "paused" else "Pause")


def test_buttons_say_what_was_pressed(panel):
    for state, name, said in (
        ("", "train", "train"),
        ("running", "pause", "pause"),
        ("paused", "pause", "train"),
        ("paused", "one_update", "one_update"),
        ("paused", "stop", "stop"),
    ):
        put(panel, "state", state)
        panel.locator(f"[data-do={name}]").click()
        assert sent(panel)[-1] == {"do": said}


def test_messages_reach_ribbon_curves_and_player(panel):
    hear(panel, message=MESSAGE)
    assert panel.get_attribute(".trm-curves", "data-points") == str(len(MESSAGE["points"]))
    assert panel.get_attribute(".trm-player", "data-frames") == str(len(MESSAGE["frames"]))
    assert panel.get_attribute(".trm-ribbon", "data-run") == MESSAGE["run"]
    panel.locator(".trm-ribbon [data-col='0']").click()
    settle(panel)
    assert panel.get_attribute(".trm-player", "data-step") == "0" and {"step": 0} in saved(panel)
    panel.locator(".trm-player [data-cell='3']").click()
    assert saved(panel)[-1] == {"cell": 3}


def test_a_view_says_when_it_comes_and_goes_and_hears_only_what_is_for_it(panel):
    ((first),) = sent(panel)
    assert first["do"] == "hello"
    hear(panel, to="another", message=MESSAGE)
    assert panel.get_attribute(".trm-curves", "data-points") == "0"
    hear(panel, to=first["view"], message=MESSAGE)
    assert panel.get_attribute(".trm-curves", "data-points") == str(len(MESSAGE["points"]))
    panel.evaluate("dispose()")
    assert sent(panel)[-1] == {"do": "bye", "view": first["view"]} and panel.evaluate("model.count()") == 0


def test_keys_pressed_in_a_widget_are_not_jupyterlabs(panel):
    assert panel.locator("main > [data-lm-suppress-shortcuts=true] .trm-player").count() == 1


def test_the_player_goes_through_frames_steps_and_cells(page, events):
    frames = [event for event in events["on"] if isinstance(event, ev.Frame)]
    mount(page, Player(frames, frame=0, step=1))
    settle(page)
    assert page.get_attribute(".trm-player", "data-step") == "1"
    assert page.get_attribute(".trm-player", "data-update") == str(frames[0].update)
    slider = page.get_by_label("During training")
    slider.fill("1")
    assert saved(page)[-1] == {"frame": None}  # the newest
    put(page, "frame", 0)
    assert slider.input_value() == "0"
    slider.press("ArrowRight")
    settle(page)
    assert page.get_attribute(".trm-player", "data-update") == str(frames[-1].update)


def test_weights_are_drawn_with_their_numbers(page):
    mount(page, Weights(n_steps=3, base_weight=0.5, schedule="linear_decay"))
    assert page.locator(".tw-step b").all_inner_texts() == ["0.167", "0.333", "1"]
    assert page.locator(".tw-total").inner_text() == "total loss = (0.167 · l0 + 0.333 · l1 + 1 · l2) / 1.5"
    assert page.locator(".tw-rule").inner_text() == "Step i of 3 counts b (i + 1) / 3, with b = 0.5; the final one 1."
    heights = page.locator(".tw-bar i").evaluate_all("nodes => nodes.map(n => parseFloat(n.style.height))")
    assert heights == pytest.approx([100 / 6, 100 / 3, 100], abs=0.01)
    page.locator("select").select_option("constant")
    page.get_by_label("Weight of step 1").fill("0.8")
    assert saved(page) == [{"schedule": "constant"}, {"weights": [0.166667, 0.8, 1]}]


def test_runs_that_are_over_step_together(page, events):
    mount(page, Comparison(events))
    settle(page)
    assert page.get_attribute(".trm-compare", "data-points") == "4 4"
    page.get_by_label("Step of all boards").fill("0")
    assert saved(page)[-1] == {"board_step": 0}
    put(page, "board_step", 1)
    assert page.get_attribute(".trm-compare", "data-step") == "1"
    assert all("step 1" in text for text in page.locator(".tq-fact").all_inner_texts())
    page.get_by_role("button", name="final answers").click()
    assert get(page, "board_step") is None


def test_runs_under_way_are_compared_as_their_messages_come(page, events):
    configs = {"off": preset("sudoku4", **QUICK), "on": preset("sudoku4", **QUICK, enable_deep_supervision=True)}
    comparison = Comparison(configs)
    mount(page, comparison)
    settle(page)
    assert page.locator(".tq-status").inner_text() == "Not begun: press Train. The runs then compute in turn."
    page.locator("[data-do=train]").click()
    assert sent(page)[-1] == {"do": "train"}
    hear(page, group=Comparison(events).group)
    assert page.get_attribute(".trm-compare", "data-points") == "4 4"
    assert page.locator(".tq-names li").all_inner_texts()[1].split() == ["B", "on"]
