"""The three ES modules of the page, alone in a real Chromium: a blank page, a fake model, no server."""

import copy
import gzip
import hashlib
import json
import random
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import sources
from browser import launch

import trm_explore
from trm_explore.app.link_fields import HIDDEN
from trm_explore.shipped.pairs import pair_names
from trm_explore.tasks import preset
from trm_explore.training.losses import gradient_reach
from trm_explore.view.frame import change, changed, short, verdict
from trm_explore.view.payload import plan_of
from trm_explore.view.recorded import recorded_message, recorded_run
from trm_explore.web import names, page_scripts, script
from trm_explore.words.drawings import DRAWING
from trm_explore.words.percent import percent

TESTS = Path(__file__).parent
PLAN = json.loads((TESTS / "data" / "plan.json").read_text(encoding="utf-8"))
MESSAGE = json.loads((TESTS / "data" / "message.json").read_text(encoding="utf-8"))
FRAMES = json.loads((TESTS / "data" / "frames.json").read_text(encoding="utf-8"))  # one by hand a kind of board
ON = {"enable_deep_supervision": True, "deep_supervision_schedule": "linear_decay"}
NAMES = ("ribbon", "curves", "player")

# The fake model counts its listeners, so that a disposer that leaves one behind is found.
MOUNT = """async ([sources, state]) => {
  const listeners = {};
  const model = window.model = { saves: 0, get: (name) => state[name],
    set(name, value) {
      if (state[name] === value) return;
      state[name] = value;
      for (const f of [...(listeners["change:" + name] || [])]) f();
    },
    save_changes() { model.saves++; },
    on(name, f) { (listeners[name] ??= new Set()).add(f); }, off(name, f) { listeners[name]?.delete(f); },
    count: () => Object.values(listeners).reduce((sum, set) => sum + set.size, 0) };
  window.disposers = {};
  for (const name in sources) {
    const url = URL.createObjectURL(new Blob([sources[name]], { type: "text/javascript" }));
    const module = await import(url), el = document.createElement("div");
    el.id = name;
    const attach = () => document.querySelector("main").append(el);
    if (!state.detached) attach();
    window.disposers[name] = module.default.render({ model, el });
    if (state.detached) attach();
  }
}"""
ENDED = "model.get('step') === 2 && document.getElementById('player').dataset.playing === '0'"
PAGE = "<!doctype html><html lang=en><body style='margin:0'><main style='padding:8px'></main></body></html>"


@pytest.fixture(scope="module")
def context():
    with launch() as browser:
        yield browser.new_context(viewport={"width": 1100, "height": 900}, reduced_motion="reduce")


@pytest.fixture
def page(context):
    """A fresh blank page; whatever its console complains about fails the test."""
    complaints = []
    page = context.new_page()
    page.on("console", lambda line: complaints.append(line.text) if line.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.set_content(PAGE)
    yield page
    page.wait_for_timeout(20)
    page.close()
    assert complaints == []


def mount(page, plan=PLAN, message=MESSAGE, step=2, names=NAMES, detached=False):
    sources = {name: script(name) for name in names}
    state = {"plan": plan, "message": message, "step": step, "detached": detached}
    page.evaluate(MOUNT, [sources, state])
    for name in names:
        page.wait_for_selector(f"#{name}[data-ready='1']", state="attached")
    settle(page)


def settle(page):
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))")


def put(page, name, value):
    page.evaluate("([name, value]) => model.set(name, value)", [name, value])
    settle(page)


def get(page, name):
    return page.evaluate("name => model.get(name)", name)


def data(page, element, name):
    return page.evaluate("([id, name]) => document.getElementById(id).dataset[name]", [element, name])


def columns(page, name):
    return page.eval_on_selector_all("#ribbon [data-col]", f"nodes => nodes.map(n => n.dataset.{name})")


def texts(page, selector):
    return page.locator(selector).all_inner_texts()


def delta(**changes):
    """A message that adds to the golden one instead of starting anew."""
    return {**MESSAGE, "from": 99, "points": [], "evals": [], "frames": [], **changes}


def plan(steps, **changes):
    weights = [0.5 * (k + 1) / steps for k in range(steps - 1)] + [1.0]
    colors = {"light": ["#2a7f8e"] * steps, "dark": ["#4fc0cf"] * steps}
    return {
        **PLAN,
        "steps": steps,
        "read": steps,
        "weights": weights,
        "divisor": sum(weights),
        "reach": gradient_reach(PLAN["scope"], weights),
        "colors": colors,
        **changes,
    }


def run_of(steps, rows=4, box=(2, 2), updates=(10, 20), **changes):
    """A whole run with `steps` steps on a square board; step 0 is wrong in cell 0, the last step nowhere."""
    cells = rows * rows
    board = {"rows": rows, "cols": rows, "box": box, "symbols": [str(i) for i in range(rows + 2)]}
    early = {"ids": [3] + [2] * (cells - 1), "wrong": [0]}
    answers = [early] * (steps - 1) + [{"ids": [2] * cells, "wrong": []}]  # optional fields left out
    frames = [{"update": u, "label": "puzzle", "board": board, "steps": answers} for u in updates]
    points = [[u, u / 10, 1 / u, [1 / u + k / 100 for k in range(steps)]] for u in updates]
    evals = [[u, [0.9] * steps, [0.5] * steps] for u in updates]
    colors = {"light": ["#2a7f8e"] * steps, "dark": ["#4fc0cf"] * steps}
    return {"run": f"run-{steps}", "key": PLAN["key"], "from": 0, "steps": steps, "colors": colors, "state": "finished",
            "text": "", "points": points, "evals": evals, "frames": frames, "total_updates": 20, **changes}  # fmt: skip


# --- files


@pytest.mark.parametrize("name", sorted(names()))
def test_modules_are_self_contained(name):
    source = script(name)
    assert not re.search(r"\bimport\b", source) and "http" not in source and "fetch(" not in source
    assert len(re.findall(r"\bexport\s*\{", source)) == 1 and " as default" in source


def test_a_pages_modules_import_each_other_only_and_are_small():
    there = page_scripts()
    for name, source in there.items():
        imported = {*re.findall(r'(?:from|import)"\./([\w-]+)\.js"', source)}
        assert imported <= there.keys() and len(re.findall(r"\bimport\b", source)) == len(imported), name
        assert "http" not in source and "fetch(" not in source
    assert names() <= there.keys()
    sizes = {name: len(gzip.compress(source.encode())) for name, source in there.items()}
    assert sizes.pop("stage") < 20_000  # which has the network in it
    assert sum(sizes.values()) < 70_000


def test_the_bundles_were_made_of_the_sources_as_they_are():
    """`make web` wrote dist/sha256: whoever changes src/ makes the bundles anew, and nobody changes them by hand."""
    web = sources.FOLDER.parent
    files = [web / "build.mjs", *web.glob("src/*.js"), *web.glob("dist/*/*.js")]
    found = sorted((path.relative_to(web).as_posix(), path) for path in files)
    made = (web / "dist" / "sha256").read_text(encoding="utf-8")
    assert made == "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {name}\n" for name, path in found)


NODE = Path(trm_explore.__file__).parent.parent / "node_modules" / ".bin"
with_node = pytest.mark.skipif(not (NODE / "esbuild").exists(), reason="npm install was not done: only `make web` is")


@with_node
def test_sources_are_formatted_and_typed():
    subprocess.run(["npm", "run", "-s", "check"], cwd=NODE.parent.parent, check=True)


@with_node
def test_a_fresh_build_is_what_was_committed(tmp_path):
    root = NODE.parent.parent
    shutil.copytree(root / "trm_explore" / "web", tmp_path / "web")
    (tmp_path / "node_modules").symlink_to(root / "node_modules")
    subprocess.run(["node", "web/build.mjs"], cwd=tmp_path, check=True)
    made = [tmp_path / "web" / "dist", root / "trm_explore" / "web" / "dist"]
    fresh, kept = ({path.relative_to(at): path.read_bytes() for path in at.rglob("*.*")} for at in made)
    assert fresh == kept


def test_golden_messages_hold_to_the_contract():
    assert PLAN["key"] == MESSAGE["key"] and MESSAGE["from"] == 0
    assert len(PLAN["weights"]) == PLAN["steps"] == MESSAGE["steps"]
    assert PLAN["divisor"] == pytest.approx(sum(PLAN["weights"]), abs=1e-5)
    for frame in MESSAGE["frames"]:
        for answer in frame["steps"]:
            unlike = [i for i, (a, b) in enumerate(zip(answer["ids"], frame["target"], strict=True)) if a != b]
            assert answer["wrong"] == unlike


@pytest.mark.parametrize("kind", FRAMES)
def test_golden_frames_hold_to_the_contract(kind):
    frame = FRAMES[kind]
    board, cells = frame["board"], frame["board"]["rows"] * frame["board"]["cols"]
    assert board["kind"] == kind and len(frame["given"]) == cells
    for answer in frame["steps"]:
        if "values" in answer:
            assert len(answer["values"]) == len(frame["target"]) and not len(frame["target"]) % cells
            continue
        unlike = [i for i, (a, b) in enumerate(zip(answer["ids"], frame["target"], strict=True)) if b not in (-100, a)]
        assert answer["wrong"] == unlike
        assert len(answer["conf"]) == len(answer["ids"]) == len(frame["inputs"]) == cells
        assert len(answer.get("notes", answer["ids"])) == cells


# --- all three


def test_nothing_yet_is_said_in_words(page):
    mount(page, None, None, None)
    assert "as soon as the settings are read" in page.inner_text("#ribbon")
    assert "press Train" in page.inner_text("#curves") and "press Train" in page.inner_text("#player")
    put(page, "plan", PLAN)
    assert texts(page, "#ribbon .tr-loss") == ["–"] * 3
    assert texts(page, "#ribbon .tr-answer") == ["press Train"] * 3
    put(page, "message", MESSAGE)
    assert "press Train" not in page.inner_text("#ribbon")


def test_rendering_while_detached_draws_once_attached(page):
    mount(page, detached=True)
    page.wait_for_function("document.querySelector('#curves canvas').width > 300")
    assert data(page, "player", "step") == "2"


def test_choosing_a_column_moves_curves_and_player(page):
    mount(page, step=2)
    page.click("#ribbon [data-col='0'] .tr-loss")
    settle(page)
    assert get(page, "step") == 0 and page.evaluate("model.saves") == 1
    assert [data(page, name, "step") for name in NAMES] == ["0", "0", "0"]
    page.keyboard.press("ArrowRight")
    settle(page)
    assert get(page, "step") == 1 and data(page, "player", "step") == "1"
    assert page.get_attribute("#ribbon [data-col='1']", "aria-checked") == "true"
    page.keyboard.press("End")
    settle(page)
    assert get(page, "step") == 2


@pytest.mark.parametrize("steps", [1, 16])
@pytest.mark.parametrize("rows, box", [(4, (2, 2)), (9, (3, 3))])
def test_no_number_of_steps_makes_the_phone_page_scroll_sideways(page, steps, rows, box):
    page.set_viewport_size({"width": 390, "height": 844})
    mount(page, plan(steps), run_of(steps, rows, box), step=steps - 1)
    page.get_by_label("show as table").check()
    settle(page)
    assert len(columns(page, "col")) == steps
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    if steps > 1:
        assert page.evaluate("document.querySelector('.tr-scroll').scrollLeft") > 0, "the chosen column is in view"
        assert page.locator(".tr-heads").bounding_box()["x"] < 20, "row heads stay"


def test_a_new_run_makes_everything_forget(page):
    mount(page)
    put(page, "message", run_of(2, 6, (2, 3), updates=(10,)))
    assert data(page, "curves", "points") == "1" and data(page, "player", "frames") == "1"
    assert data(page, "ribbon", "run") == "run-2" and data(page, "player", "update") == "10"
    assert page.locator("#player [data-cell]").count() == 36
    put(page, "message", {**run_of(2), "points": [], "evals": [], "frames": []})
    assert data(page, "curves", "points") == "0" and data(page, "curves", "lastLosses") == "[]"
    assert "press Train" in page.inner_text("#player") and texts(page, "#ribbon .tr-loss") == ["–"] * 3


def test_missing_fields_do_no_harm(page):
    mount(page, {"steps": 2}, {"run": "a", "steps": 2, "frames": run_of(2)["frames"]}, step=0)
    put(page, "message", {"run": "b"})
    put(page, "message", {})
    put(page, "plan", None)
    put(page, "step", 99)


def test_disposers_leave_nothing_behind(page):
    mount(page)
    assert page.evaluate("model.count()") > 0
    page.evaluate("for (const dispose of Object.values(disposers)) dispose()")
    assert page.evaluate("model.count()") == 0
    draws = data(page, "curves", "draws")
    put(page, "message", delta(points=[[400, 12.0, 0.1, [0.1, 0.1, 0.1]]]))
    page.evaluate("document.body.className = 'dark'")
    page.set_viewport_size({"width": 700, "height": 900})
    page.wait_for_timeout(450)
    assert data(page, "curves", "draws") == draws and data(page, "curves", "points") == "6"


def test_step_colours_follow_the_theme(page):
    mount(page)
    color = "getComputedStyle(document.querySelector('#ribbon [data-col=\"0\"] .tr-bar i')).backgroundColor"
    assert page.evaluate(color) == "rgb(59, 47, 127)"
    page.evaluate("document.body.style.setProperty('--body-text-color', '#f3f4f6')")
    settle(page)
    assert page.evaluate(color) == "rgb(154, 140, 240)"
    assert page.get_attribute("#player .tp", "data-theme") == "dark"


# --- ribbon


def test_ribbon_shows_plan_and_run(page):
    mount(page)
    assert columns(page, "col") == ["0", "1", "2"]
    assert [w.split()[0] for w in texts(page, "#ribbon .tr-weight")] == ["0.167", "0.333", "1.000"]
    assert texts(page, "#ribbon .tr-loss") == ["0.315", "0.166", "0.030"]
    assert "final answer" in texts(page, "#ribbon .tr-step")[2]
    solved = texts(page, "#ribbon .tr-solved")
    assert "61 %" in solved[0] and "cells 99.2 %" in solved[0]
    assert [v.split(",")[0] for v in texts(page, "#ribbon .tr-verdict")] == ["4 wrong", "solved", "solved"]
    assert page.locator("#ribbon [data-col='0'] .wrong").count() == 4
    assert page.locator("#ribbon [data-col='1'] .changed").count() == 4
    label = page.get_attribute("#ribbon [data-col='1']", "aria-label")
    assert "Loss weight 0.333" in label and "Loss 0.166" in label and "Solved 80 %" in label and "4 changed" in label


def said_in_python(frame, k):
    return ", ".join(filter(None, [verdict(frame, k), change(frame, k)]))


def test_numbers_of_answers_are_rounded_alike_in_python_and_on_the_page(page):
    numbers = [0, 0.004, 0.005, 0.125, -0.125, 0.375, 1.005, 2.675, -1.995, 0.1, 12, -3.5, 99.995, 1e-9, 1234.565]
    numbers += [n / 256 for n in range(-300, 300, 7)]
    mount(page, names=("ribbon",))
    text = f"const TEXTS = {json.dumps(DRAWING)};\n{sources.as_text('common', 'answers')}; return answers.short"
    said = page.evaluate("([source, numbers]) => numbers.map(new Function(source)())", [text, numbers])
    assert said == [short(number) for number in numbers]


@pytest.mark.parametrize("kind", [*FRAMES, *(task for task in pair_names() if task not in ("embeddings",))])
def test_the_ribbon_says_of_every_answer_what_print_and_terminal_say(page, kind):
    frame = FRAMES[kind] if kind in FRAMES else recorded_message(kind)["frames"][-1]
    frames = [frame, {**frame, "target": None}]  # and as of a puzzle that nobody has solved
    for one in frames:
        steps = len(one["steps"])
        plan = plan_of(preset("sudoku4", H_cycles=steps))
        page.set_content(PAGE)
        message = {**MESSAGE, "steps": steps, "read": steps, "frames": [one], "points": [], "evals": []}
        mount(page, plan=plan, message=message, step=0, names=("ribbon",))
        assert texts(page, "#ribbon .tr-verdict") == [said_in_python(one, k) for k in range(steps)]
        for k in range(steps):
            marked = page.locator(f"#ribbon [data-col='{k}'] .changed").count()
            assert marked == len(changed(one, k)) or one["board"].get("kind") in ("path", "heat", "plane")


@pytest.mark.parametrize(
    "scope, arrows, lit",
    [
        ("last", ["none", "none", "inside"], ["0", "0", "1"]),
        ("one_step", ["none", "none", "last_call"], ["0", "0", "1"]),
        ("cycle", ["inside", "inside", "inside"], ["1", "1", "1"]),
        ("full", ["end", "through", "start"], ["1", "1", "1"]),
    ],
)
def test_gradient_arrows(page, scope, arrows, lit):
    mount(page, plan_of(preset("sudoku4", gradient_scope=scope, **ON)), None, names=["ribbon"])
    assert columns(page, "arrow") == arrows and columns(page, "lit") == lit
    visible = page.eval_on_selector_all("#ribbon .tr-arrow", "nodes => nodes.map(n => n.getClientRects().length > 0)")
    assert visible == [arrow != "none" for arrow in arrows]
    begins = page.eval_on_selector_all(
        "#ribbon [data-col='2'] :is(.tr-chain i, .tr-chain em, .tr-arrow)",
        "nodes => nodes.map(n => Math.round(n.getBoundingClientRect().left))",
    )
    assert begins[-1] == {"one_step": begins[1], "full": begins[0] - 13}.get(scope, begins[0]), (
        "two L-cycles, the arrow"
    )


def test_a_gradient_that_weights_of_now_let_pass_is_drawn_as_python_says(page):
    told = plan_of(preset("sudoku4", gradient_scope="cycle", curriculum="depth", L_cycles=7, **ON))
    said = {**MESSAGE, "key": told["key"], "points": [[300, 9.5, 0.1, [0.3, 0.2, 0.1], [0, 0, 1]]]}
    mount(page, told, {**said, "reach": ["none", "none", "inside"]}, names=["ribbon"])
    assert columns(page, "arrow") == ["none", "none", "inside"]
    put(page, "message", delta(run=MESSAGE["run"], key=told["key"]))
    assert columns(page, "arrow") == ["none", "none", "inside"], "a delta without updates says nothing new"
    put(page, "plan", plan_of(preset("sudoku4", gradient_scope="one_step", L_cycles=7, **ON)))
    assert columns(page, "arrow") == ["none", "none", "last_call"], "other settings: the plan's own"
    left = "nodes => nodes.map(n => n.getBoundingClientRect().left)"
    times, arrow = page.eval_on_selector_all("#ribbon [data-col='2'] :is(.tr-chain em, .tr-arrow)", left)
    assert abs(times - arrow) <= 1


def test_columns_out_of_sight_to_the_right_are_spoken_of_on_every_task_and_width(page):
    for task in pair_names():
        config = recorded_run(task, "on")[0]
        page.set_viewport_size({"width": 1240, "height": 900})
        page.evaluate("document.querySelector('main').replaceChildren()")
        mount(page, plan_of(config), recorded_message(task), step=0, names=["ribbon"])
        for width in (390, 820, 1366, 1920):
            page.set_viewport_size({"width": min(width, 1240), "height": 900})
            settle(page)
            last, frame = page.eval_on_selector_all(
                "#ribbon :is(.tr-col:last-child, .tr-scroll)",
                "nodes => nodes.map(n => n.getBoundingClientRect().right).reverse()",
            )
            hidden = last > frame + 2
            assert (page.inner_text("#ribbon .tr-more") != "") == hidden, (task, width)
            if hidden:
                page.evaluate("document.querySelector('#ribbon .tr-scroll').scrollLeft = 1e6")
                settle(page)
                assert page.inner_text("#ribbon .tr-more") == "", "at the end nothing is left to be said"
                page.evaluate("document.querySelector('#ribbon .tr-scroll').scrollLeft = 0")


def test_rows_of_the_ribbon_can_be_hidden_by_name(page):
    mount(page, names=["ribbon"])
    named = {"weights": ("loss weight", "0.333"), "losses": ("0.166",), "solved": ("80 %",), "gradient": ("gradient",)}
    for name, words in named.items():
        assert all(word in page.inner_text("#ribbon") for word in words)
        style = page.add_style_tag(content=f"{HIDDEN[name]} {{ display: none !important }}")
        assert not any(word in page.inner_text("#ribbon") for word in words), name
        tops = page.eval_on_selector_all(
            "#ribbon :is(.tr-h-answer, .tr-answer)",
            "nodes => nodes.map(n => Math.round(n.getBoundingClientRect().top))",
        )
        assert len(set(tops)) == 1, "heads stay beside their rows"
        style.evaluate("node => node.remove()")


def test_shares_are_said_as_python_says_them(page):
    """By one rule (percent.py), also where a share is exactly half way."""
    shares = [None, 0, 1, *(k / 256 for k in range(257)), *(k / 1000 for k in range(1001)), 1e-5, 4e-4, 0.9996, 0.99951]
    mount(page, PLAN, None, names=["ribbon"])
    said = page.evaluate(
        "([source, shares]) => shares.map(new Function(`${source}; return percent`)())",
        [sources.as_text("common"), shares],
    )
    assert said == [percent(share) for share in shares]


def test_supervision_off(page):
    mount(page, plan_of(preset("sudoku4", gradient_scope="cycle")), None, names=["ribbon"])
    assert ["not supervised" in w for w in texts(page, "#ribbon .tr-weight")] == [True, True, False]
    assert columns(page, "arrow") == ["none", "none", "inside"], "cycle with supervision off is last"


def beyond(steps, read, **changes):
    """A plan and a run that trains `steps` and reads `read`."""
    more = {
        "read": read,
        "beyond": ["beyond training"] * (read - steps),
        "colors": {"light": ["#2a7f8e"] * read, "dark": ["#fff"] * read},
    }
    seen = [0.1 * k for k in range(read)]
    evals = [[20, seen, seen]]
    return plan(steps, **more), run_of(steps, **more | {"evals": evals, "frames": run_of(read)["frames"]}, **changes)


def test_steps_read_beyond_training_have_columns_with_answers_but_no_loss(page):
    mount(page, *beyond(2, 4), step=None)
    assert columns(page, "weight") == ["0.25", "1", "", ""] and columns(page, "lit") == ["1", "1", "0", "0"]
    assert columns(page, "arrow") == ["end", "start", "none", "none"]
    assert [text.startswith("0.") for text in texts(page, "#ribbon .tr-loss")] == [True, True, False, False]
    assert [text.split()[0] for text in texts(page, "#ribbon .tr-solved")] == ["0", "10", "20", "30"]
    assert ["beyond training" in text for text in texts(page, "#ribbon .tr-weight")] == [False, False, True, True]
    assert ["final" in text for text in texts(page, "#ribbon .tr-step")] == [False] * 3 + [True]
    assert page.locator("#ribbon .tr-board:not([hidden])").count() == 4
    assert "beyond training" in page.inner_text("#player") and data(page, "player", "step") == "3"
    assert data(page, "curves", "step") == "3"
    page.get_by_label("show as table").check()
    settle(page)
    losses, scores = texts(page, "#curves table")
    assert "step 1" in losses and "step 2" not in losses and "step 3" in scores and "30 % (30 %)" in scores
    page.click("#ribbon [data-col='1'] .tr-loss")
    settle(page)
    assert "beyond training" not in page.inner_text("#player")


def test_an_evaluation_that_reads_fewer_steps_ends_with_the_last_that_it_read(page):
    mount(page, *beyond(3, 2), step=None)
    assert [text.split()[0] for text in texts(page, "#ribbon .tr-solved")] == ["0", "10", "–"]
    assert ["final" in text for text in texts(page, "#ribbon .tr-step")] == [False, True, False]
    assert columns(page, "weight")[2] == "1" and "beyond" not in page.inner_text("#ribbon")


def test_other_settings_dim_the_figures_of_the_run_before(page):
    mount(page)
    assert page.get_attribute("#ribbon .tr", "data-stale") == "0"
    put(page, "plan", plan(5, key="other"))
    assert page.get_attribute("#ribbon .tr", "data-stale") == "1"
    assert "press Train to run these settings" in page.inner_text("#ribbon .tr-stale")
    assert texts(page, "#ribbon .tr-loss") == ["0.315", "0.166", "0.030", "–", "–"]


def test_an_error_is_shown_in_place(page):
    mount(page, {**PLAN, "weights": [], "divisor": None, "error": "L_cycles is 0; allowed are 1 to 12."})
    assert page.inner_text("#ribbon [role=alert]") == "L_cycles is 0; allowed are 1 to 12."
    assert texts(page, "#ribbon .tr-weight") == ["–"] * 3


def test_the_ribbon_says_what_was_found(page):
    mount(page, message={**MESSAGE, "findings": ["first", "second", "third", "fourth"]})
    assert texts(page, "#ribbon [role=status] li") == ["first", "second", "third"]
    silent = delta()
    silent.pop("findings", None)
    put(page, "message", silent)
    assert len(texts(page, "#ribbon [role=status] li")) == 3, "a message that does not speak of them leaves them"
    put(page, "message", delta(findings=["<b>fifth</b>"]))
    assert texts(page, "#ribbon [role=status] li") == ["<b>fifth</b>"]
    put(page, "message", {**run_of(2), "findings": []})
    assert texts(page, "#ribbon [role=status] li") == []


def test_live_weights_stand_in_for_the_plans_while_the_settings_are_the_runs(page):
    mount(page)
    live = delta(points=[[301, 9.4, 0.2, [0.3, 0.2, 0.1], [0.25, 0.5, 0.75]]])
    put(page, "message", live)
    assert [w.split()[0] for w in texts(page, "#ribbon .tr-weight")] == ["0.250", "0.500", "0.750"]
    assert columns(page, "weight") == ["0.25", "0.5", "0.75"]
    assert "live, divided by 1.500" in page.inner_text("#ribbon .tr-heads")
    assert "Loss weight 0.500" in page.get_attribute("#ribbon [data-col='1']", "aria-label")
    put(page, "plan", {**PLAN, "key": "other"})
    assert [w.split()[0] for w in texts(page, "#ribbon .tr-weight")] == ["0.167", "0.333", "1.000"]
    assert "live" not in page.inner_text("#ribbon .tr-heads")
    put(page, "plan", PLAN)
    put(page, "message", delta(points=[[302, 9.5, 0.2, [0.3, 0.2, 0.1]]]))
    assert "live" not in page.inner_text("#ribbon .tr-heads"), "this point has no weights of its own"


def test_fewer_live_weights_than_columns_end_with_the_final_answers(page):
    mount(page)
    put(page, "message", delta(points=[[301, 9.4, 0.2, [0.3, 0.1], [0.25, 0.75]]]))
    assert [w.split()[0] for w in texts(page, "#ribbon .tr-weight")] == ["0.250", "–", "0.750"]


# --- curves


def test_curves_collect_points(page):
    mount(page)
    assert data(page, "curves", "points") == "6" and data(page, "curves", "evals") == "2"
    # A gap, then an update with fewer steps than the run (its last loss is the final answer's).
    more = delta(points=[[301, 9.4, 0.2, [0.3, None, 0.02]], [302, 9.5, 0.2, [0.25, 0.15]]])
    put(page, "message", more)
    assert data(page, "curves", "points") == "8"
    assert json.loads(data(page, "curves", "lastLosses")) == [0.25, 0.15]
    put(page, "message", copy.deepcopy(more))  # delivered twice
    assert data(page, "curves", "points") == "8"
    label = page.locator("#curves canvas").first.get_attribute("aria-label")
    assert label.endswith("update 302: step 0 0.25, step 1 –, step 2 0.15")
    page.get_by_label("show as table").check()
    settle(page)
    assert "302" in page.inner_text("#curves table >> nth=0")
    assert "61 % (99.2 %)" in page.inner_text("#curves table >> nth=1")


def test_curves_switches_redraw(page):
    mount(page)
    picture = "document.querySelector('#curves canvas').toDataURL()"
    seen = [page.evaluate(picture)]
    for switch in (
        lambda: page.get_by_label("log scale").check(),
        lambda: page.get_by_label("smoothing").fill("0.9"),
        lambda: page.get_by_label("x in seconds").check(),
        lambda: put(page, "step", 0),
    ):
        switch()
        settle(page)
        seen.append(page.evaluate(picture))
    assert len(set(seen)) == 5
    page.get_by_label("cells right instead").check()
    settle(page)
    assert "Cells right" in page.locator("#curves canvas").nth(1).get_attribute("aria-label")


def test_curves_crosshair_by_mouse_and_keys(page):
    mount(page, names=["curves"])
    canvas, tip = page.locator("#curves canvas").first, page.locator("#curves .tc-tip").first
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + box["width"] - 60, box["y"] + 60)
    tip.wait_for(state="visible")
    assert "update 300" in tip.inner_text() and "0.166" in tip.inner_text() and "0.0917" in tip.inner_text()
    page.mouse.move(0, 0)
    tip.wait_for(state="hidden")
    canvas.focus()
    for key, update in [("ArrowLeft", 300), ("ArrowLeft", 200), ("Home", 1), ("End", 300)]:
        page.keyboard.press(key)
        settle(page)
        assert f"update {update} ·" in tip.inner_text()


def test_curves_hold_many_points_and_draw_once_a_frame(page):
    points = [[u, u / 30, 1 / u, [1 / u, None if u % 50 == 0 else 0.5 / u, 0.2 / u]] for u in range(1, 20_001)]
    mount(page, PLAN, {**MESSAGE, "points": points}, names=["curves"])
    assert data(page, "curves", "points") == "20000"
    before = int(data(page, "curves", "draws"))
    burst = [delta(points=[[20_000 + i, 700.0, 1.0, [1.0, 1.0, 1.0]]]) for i in range(1, 51)]
    page.evaluate("burst => { for (const message of burst) model.set('message', message) }", burst)
    settle(page)
    assert data(page, "curves", "points") == "20050"
    assert int(data(page, "curves", "draws")) <= before + 4


# --- player


def marks(page, name):
    return page.eval_on_selector_all(f"#player [data-cell].{name}", "nodes => nodes.map(n => Number(n.dataset.cell))")


def test_player_marks_and_words(page):
    mount(page, step=0)
    frame = MESSAGE["frames"][-1]
    for k, answer in enumerate(frame["steps"]):
        put(page, "step", k)
        before = frame["steps"][k - 1]["ids"] if k else answer["ids"]
        assert marks(page, "wrong") == answer["wrong"]
        assert marks(page, "changed") == [i for i in range(16) if answer["ids"][i] != before[i]]
        assert texts(page, "#player [data-cell]") == [frame["board"]["symbols"][i] for i in answer["ids"]]
    assert marks(page, "given") == [i for i in range(16) if frame["given"][i]]
    assert page.inner_text("#player .tp-text").startswith("step 2 of 0–2 · 0 changed · 0 wrong · loss")
    assert page.inner_text("#player .tp-verdict").startswith("solved")
    put(page, "step", 1)
    page.hover("#player [data-cell='0']")
    page.locator("#player [data-cell='0'].cursor").wait_for()
    words = page.inner_text("#player .tp-cell")
    assert words.startswith("Row 1, column 1: ") and "confidence" in words and "step 0" in words


def test_player_buttons_keys_and_scrubber(page):
    mount(page, step=0)
    page.get_by_label("Next step").click()
    settle(page)
    assert get(page, "step") == 1
    page.get_by_label("Previous step").click()
    settle(page)
    assert get(page, "step") == 0
    page.focus("#player .tp-board")
    for key, step in [("ArrowRight", 1), ("End", 2), ("ArrowRight", 2), ("Home", 0), ("ArrowLeft", 0)]:
        page.keyboard.press(key)
        settle(page)
        assert get(page, "step") == step
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowDown")
    settle(page)
    assert marks(page, "cursor") == [4] and get(page, "step") == 0
    page.get_by_label("Step", exact=True).fill("2")
    settle(page)
    assert data(page, "player", "step") == "2" and data(page, "ribbon", "step") == "2"


def test_player_plays_from_the_first_step_to_the_last(page):
    mount(page, step=2)
    page.get_by_label("Play", exact=True).click()
    settle(page)
    assert get(page, "step") == 0 and data(page, "player", "playing") == "1"
    assert page.get_attribute("#player .tp-text", "aria-live") == "off"
    page.wait_for_function(ENDED, timeout=60_000)
    page.keyboard.press("Space")  # the play button still has the focus
    page.get_by_label("Pause").wait_for()
    page.click("#ribbon [data-col='1'] .tr-loss")
    settle(page)
    assert data(page, "player", "playing") == "0" and get(page, "step") == 1, "choosing a step elsewhere stops playing"


def test_choosing_the_step_that_is_shown_stops_playing_too(page):
    mount(page, step=2)
    page.evaluate("""() => {
      document.querySelector("#player [aria-label=Play]").click();
      document.querySelector("#ribbon [data-col='0']").click();
    }""")
    settle(page)
    assert data(page, "player", "playing") == "0" and get(page, "step") == 0


def test_player_plays_a_recorded_answer_by_itself_once(page):
    page.emulate_media(reduced_motion="no-preference")
    mount(page, message={**MESSAGE, "state": "recorded"}, step=None)
    page.wait_for_function("document.getElementById('player').dataset.playing === '1'")
    page.wait_for_function(ENDED, timeout=60_000)
    put(page, "message", {**MESSAGE, "state": "recorded"})
    assert data(page, "player", "playing") == "0"


def test_player_stays_still_under_reduced_motion(page):
    mount(page, message={**MESSAGE, "state": "recorded"}, step=2)
    assert data(page, "player", "playing") == "0" and get(page, "step") == 2


def test_player_goes_back_through_training(page):
    mount(page)
    scrubber = page.get_by_label("During training")
    assert data(page, "player", "frames") == "2" and data(page, "player", "update") == "300"
    scrubber.fill("0")
    settle(page)
    assert data(page, "player", "update") == "100"
    assert page.inner_text("#player .tp-verdict").startswith("2 cells wrong")
    newest = MESSAGE["frames"][-1]
    put(page, "message", delta(frames=[{**newest, "update": 350}]))
    assert data(page, "player", "frames") == "3" and data(page, "player", "update") == "100", "scrubbed back: stays"
    scrubber.fill("2")
    put(page, "message", delta(frames=[{**newest, "update": 400}]))
    assert data(page, "player", "update") == "400", "at the newest: follows"
    put(page, "message", delta(frames=[{**newest, "update": 400 + i} for i in range(1, 131)]))
    assert int(data(page, "player", "frames")) <= 120 and data(page, "player", "update") == "530"


def test_player_draws_boxes_and_boards_of_changing_size(page):
    mount(page, plan(2), run_of(2, 6, (2, 3), updates=(10,)), step=0)
    assert len(marks(page, "right")) == 6 and len(marks(page, "below")) == 12
    bigger = run_of(2, 9, (3, 3), updates=(20,))["frames"]
    put(page, "message", {**run_of(2), "from": 5, "points": [], "evals": [], "frames": bigger})
    assert page.locator("#player [data-cell]").count() == 81
    assert page.locator("#ribbon [data-col='0'] .tr-board span").count() == 81
    assert len(marks(page, "right")) == 18 and marks(page, "wrong") == [0]


# --- kinds of boards


def show(page, frame, step=1, names=("ribbon", "player"), **changes):
    steps = len(frame["steps"])
    message = {**run_of(steps), "key": PLAN["key"], "frames": [frame], **changes}
    mount(page, plan(steps), message, step, names)


def cells_of(page, layer, cols, where="#player"):
    """The cells that a layer of an SVG board has something in: each part of its path begins with M and a place."""
    paths = page.eval_on_selector_all(f"{where} svg path.{layer}", "nodes => nodes.map(n => n.getAttribute('d'))")
    starts = [
        part.replace(",", " ").split("h")[0].split("v")[0].split("l")[0].split()
        for d in paths
        for part in d.split("M")[1:]
    ]
    return sorted({int(float(y)) * cols + int(float(x)) for x, y in starts})


def legend(page):
    return [words.replace("\n", "") for words in texts(page, "#player .tp-legend > span")]


def walk(page, *keys):
    page.focus("#player .tp-board")
    for key in keys:
        page.keyboard.press(f"Shift+{key}")
    settle(page)
    return page.inner_text("#player .tp-cell")


def pointed(page, x, y):
    """The words on the place x, y (0 to 1) of the player's picture."""
    picture = page.locator("#player .tp-board svg")
    picture.scroll_into_view_if_needed()
    box = picture.bounding_box()
    page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
    settle(page)
    return page.inner_text("#player .tp-cell")


def test_a_maze_is_drawn_by_roles(page):
    maze = FRAMES["path"]
    show(page, maze, step=0)
    roles = maze["board"]["roles"]
    for k, answer in enumerate(maze["steps"]):
        put(page, "step", k)
        marked = [i for i, token in enumerate(answer["ids"]) if roles[token] == "path" and maze["target"][i] != -100]
        before = maze["steps"][k - 1]["ids"] if k else answer["ids"]
        changed = [i for i in range(49) if before[i] != answer["ids"][i]]
        for where in ("#player", f"#ribbon [data-col='{k}']"):
            assert cells_of(page, "b-lit", 7, where) == marked, "not the wall nobody asked about"
            assert cells_of(page, "b-cross", 7, where) == answer["wrong"]
            assert cells_of(page, "b-ring", 7, where) == changed
            assert cells_of(page, "b-wall", 7, where) == [i for i in range(49) if roles[maze["inputs"][i]] == "wall"]
        assert f"{len(answer['wrong'])} wrong" in page.inner_text("#player .tp-text")
    assert page.locator("#player .tp-board svg text").all_text_contents() == ["S", "G"]
    assert legend(page) == ["wall", "Sstart", "Ggoal", "━path", "changed", "wrong", "confidence"]


def test_a_way_is_joined_only_where_its_cells_touch(page):
    show(page, FRAMES["path"], step=2)
    way = page.get_attribute("#player svg path.b-line", "d")
    # Seven cells between S and G: eight joints, and a dot on each of the seven.
    assert way.count("h1") + way.count("v1") == 8 and way.count("h0") == 7
    put(page, "step", 0)
    way = page.get_attribute("#player svg path.b-line", "d")
    assert "M1.5 1.5v1" in way and "M2.5 1.5v1" not in way


def test_maze_cells_are_described_by_mouse_and_keys(page):
    show(page, FRAMES["path"], step=1)
    assert pointed(page, 2.5 / 7, 1.5 / 7).startswith(
        "Row 2, column 3: path · confidence 95 % · unchanged since step 0"
    )
    assert pointed(page, 5.5 / 7, 1.5 / 7) == (
        "Row 2, column 6: path · confidence 45 % · was open at step 0 · wrong, should be open"
    )
    page.mouse.move(0, 0)
    settle(page)
    assert walk(page, "ArrowRight") == "Row 1, column 1: wall · given"
    assert walk(page, "ArrowDown", "ArrowRight").startswith("Row 2, column 2: start · given")
    assert page.get_attribute("#player svg .b-cursor", "d").startswith("M0.95 0.95")
    assert page.get_attribute("#player .tp-board", "aria-label").startswith(
        "maze 1, step 1 of 0–2 · 5 changed · 3 wrong"
    )


def test_large_mazes_need_few_nodes(page):
    n, rng = 81, random.Random(0)
    ids = [rng.choice([0, 1, 1]) for _ in range(n * n)]
    ids[0], ids[-1] = 2, 3
    answers = [{"ids": [4 if i == 1 and rng.random() < p else i for i in ids], "wrong": [5, 7]} for p in (0.3, 0.6)]
    board = {**FRAMES["path"]["board"], "rows": n, "cols": n}
    show(page, {"update": 1, "label": "", "board": board, "inputs": ids, "target": ids, "steps": answers}, step=1)
    assert page.locator("#player .tp-board svg *").count() < 30
    assert cells_of(page, "b-cross", n) == [5, 7]
    page.mouse.move(0, 0)
    assert pointed(page, 80.5 / 81, 80.5 / 81).startswith("Row 81, column 81: goal")


def test_reached_cells_are_lit_and_not_joined(page):
    flood = copy.deepcopy(FRAMES["path"])
    flood["board"]["roles"][4] = "reached"
    show(page, flood, step=2)
    assert len(cells_of(page, "b-lit", 7)) == 7 and page.locator("#player svg path.b-line").count() == 0
    assert "reached" in legend(page) and "━path" not in legend(page)


def test_a_sum_stands_under_its_carries(page):
    show(page, FRAMES["digits"], step=1)
    assert texts(page, "#player .bd-note") == ["", "1", "1", ""]
    assert texts(page, "#player [data-cell]") == [*"0785", *"0436", *"0221"]
    assert marks(page, "given") == list(range(8)) and marks(page, "wrong") == [8] and marks(page, "changed") == [9, 10]
    rule, tops = (
        page.locator("#player .bd-rule").bounding_box(),
        [page.locator(f"#player [data-cell='{i}']").bounding_box() for i in (4, 8)],
    )
    assert tops[0]["y"] < rule["y"] < tops[1]["y"]
    page.hover("#player [data-cell='9']")
    page.locator("#player [data-cell='9'].cursor").wait_for()
    words = page.inner_text("#player .tp-cell")
    assert words == "Row 3, column 2: 2 · carry 1 · confidence 90 % · was 1 at step 0"
    page.hover("#player [data-cell='1']")
    page.locator("#player [data-cell='1'].cursor").wait_for()
    assert page.inner_text("#player .tp-cell") == "Row 1, column 2: 7 · given"
    assert legend(page)[-1] == "1carry" and texts(page, "#ribbon .tr-verdict")[1] == "1 wrong, 2 changed"


@pytest.mark.parametrize("width", [390, 900])
@pytest.mark.parametrize("cols", [3, 12, 20])
def test_a_row_of_digits_has_cells_of_a_readable_size(page, width, cols):
    page.set_viewport_size({"width": width, "height": 800})
    board = {"kind": "grid", "rows": 1, "cols": cols, "symbols": list("0123456789"), "box": None}
    answers = [{"ids": [i % 10 for i in range(cols)], "conf": [0.5] * cols, "wrong": []}] * 2
    show(
        page, {"update": 1, "label": "row", "board": board, "inputs": [0] * cols, "given": [0] * cols, "steps": answers}
    )
    cell = page.locator("#player [data-cell='0']")
    side = cell.bounding_box()["width"]
    assert 14 < side <= 52 and cell.evaluate("n => parseFloat(getComputedStyle(n).fontSize)") > 8
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert "given" not in " ".join(legend(page)), "nothing is given here"


def test_the_plane_shows_the_way_from_input_to_target(page):
    plane = FRAMES["plane"]
    show(page, plane, step=1)

    def place(point):  # 200 units a side, y upwards
        return [
            pytest.approx(100 * (1 + point[0] / 1.5), abs=0.06),
            pytest.approx(100 * (1 - point[1] / 1.5), abs=0.06),
        ]

    def points(selector):
        read = (
            "(n) => { const d = n.getAttribute('d'); return d.slice(1).split('L').map(p => p.split(',').map(Number)) }"
        )
        return page.locator(selector).evaluate(read)

    answers = [s["values"] for s in plane["steps"]]
    assert points("#player .b-way") == [place(p) for p in (plane["inputs"], *answers[:2])]
    assert points("#player .b-later") == [place(p) for p in answers[1:]]
    assert points("#ribbon [data-col='2'] .b-way") == [place(p) for p in (plane["inputs"], *answers)]
    now = page.locator("#player .b-dot.now")
    assert [float(now.get_attribute(a)) for a in ("cx", "cy")] == place(answers[1])
    aim = page.locator("#player .b-aim")
    assert [float(aim.get_attribute(a)) for a in ("cx", "cy")] == place(plane["target"])
    # An arrow a companion, from where it was to where it is; one that hardly moves is a dot.
    arrows = page.get_attribute("#player .b-arrow", "d")
    assert arrows.count("L") == 4 * 3 and arrows.count("h0") == 0
    first = [[float(x) for x in p.split(",")] for p in arrows.split("M")[1].split("L")]
    assert first == [place(plane["others"]["steps"][k][0]) for k in (0, 1)]
    assert page.inner_text("#player .tp-verdict").startswith("0.73 off")
    put(page, "step", 2)
    assert page.get_attribute("#player .b-arrow", "d").count("h0") == 1
    assert page.inner_text("#player .tp-verdict").startswith("on target")
    assert "moved 0.67 · 0.07 from the target" in page.inner_text("#player .tp-text")
    assert legend(page) == ["input", "answer", "target", "wrong", "→companions: last move"]


def test_points_of_the_plane_are_described(page):
    show(page, FRAMES["plane"], step=1)
    x, y = FRAMES["plane"]["steps"][1]["values"]
    assert (
        pointed(page, (1 + x / 1.5) / 2, (1 - y / 1.5) / 2)
        == "The point: (0.3, 1.1) · at step 0 (1, 0.75) · target (−0.4, 0.9), 0.73 away"
    )
    assert "Point at the tip of an arrow" in pointed(page, 0.9, 0.95)
    page.mouse.move(0, 0)
    settle(page)
    assert walk(page, "ArrowRight", "ArrowRight") == "Companion 1: (−1.2, −0.1) · at step 0 (−1.1, −0.6)"
    put(page, "step", 0)
    assert page.inner_text("#player .tp-cell") == "Companion 1: (−1.1, −0.6) · as given (−1, −1)"


def test_a_field_is_coloured_by_value(page):
    field = FRAMES["heat"]
    show(page, field, step=2)
    values = field["steps"][2]["values"]
    shades = page.eval_on_selector_all(
        "#player .b-value", "ns => ns.map(n => [n.getAttribute('d'), getComputedStyle(n).fill])"
    )
    assert sum(d.count("M") for d, _ in shades) == 16
    colour = {}
    for d, fill in shades:
        for part in d.split("M")[1:]:
            x, y = part.split("h")[0].split()
            colour[4 * int(y) + int(x)] = fill
    assert len(set(colour.values())) == len({round(10 * v) for v in values})
    assert colour[0] == colour[3] != colour[5] != colour[13]
    put(page, "step", 1)
    assert cells_of(page, "b-cross", 4) == [5, 13]
    assert (
        pointed(page, 0.3, 0.3)
        == "Row 2, column 2: 0.42 · was 0.24 at step 0 · target 0.6 · wrong: too far from the target"
    )
    assert legend(page) == ["−1 (blue) to 1 (orange)", "wrong"]  # with the cross of the board
    assert "moved 0.06 · 2 wrong" in page.inner_text("#player .tp-text")
    assert page.inner_text("#player .tp-verdict").startswith("2 cells wrong")


def test_low_and_high_are_told_apart_in_both_themes(page):
    show(page, FRAMES["heat"], step=2)
    fills = "[...document.querySelectorAll('#player .b-value')].map(n => getComputedStyle(n).fill)"
    light = page.evaluate(fills)
    page.evaluate("document.body.style.setProperty('--body-text-color', '#f3f4f6')")
    settle(page)
    dark = page.evaluate(fills)
    assert len(set(light)) == len(light) and len(set(dark)) == len(dark) and not set(light) & set(dark)


def test_numbers_that_are_none_do_no_harm(page):
    field, plane = copy.deepcopy(FRAMES["heat"]), copy.deepcopy(FRAMES["plane"])
    field["steps"][1]["values"][0] = None
    show(page, field)
    assert cells_of(page, "b-odd", 4) == [0] and pointed(page, 0.1, 0.1).startswith("Row 1, column 1: no number")
    plane["steps"][1]["values"] = [None, 1.0]
    plane["others"]["steps"][1][0] = [None, None]
    put(page, "message", {**run_of(3), "run": "next", "frames": [plane]})
    assert page.locator("#player .b-dot").count() == 2 and "NaN" not in page.inner_html("#player .tp-board")


def test_without_a_target_numbers_are_not_called_right(page):
    mount(page, plan(3), None, step=2)
    for kind in ("plane", "heat"):
        frame = {**FRAMES[kind], "target": None}
        frame["steps"] = [{**answer, "wrong": [], "loss": None} for answer in frame["steps"]]
        put(page, "message", {**run_of(3), "run": kind, "frames": [frame]})
        assert page.inner_text("#player .tp-verdict").startswith("step 2")
        assert all(words.startswith("moved") for words in texts(page, "#ribbon .tr-verdict")[1:])


def test_one_run_may_show_boards_of_every_kind(page):
    show(page, FRAMES["path"], step=2)
    for update, kind in enumerate(["heat", "digits", "plane", "path"], 500):
        fresh = {**FRAMES[kind], "update": update}
        put(page, "message", {**run_of(3), "from": 5, "points": [], "evals": [], "frames": [fresh]})
        assert page.locator("#player .tp-board svg").count() == (kind != "digits")
        assert page.locator("#ribbon .tr-board svg").count() == 3 * (kind != "digits")
        assert page.inner_text("#player .tp-label").startswith(fresh["label"])


@pytest.mark.parametrize("kind", FRAMES)
def test_no_kind_of_board_makes_the_phone_page_scroll_sideways(page, kind):
    page.set_viewport_size({"width": 390, "height": 844})
    show(page, FRAMES[kind])
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
