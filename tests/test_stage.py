"""The stage, alone in a real Chromium: a blank page, model files, no server."""

import json

import pytest
from browser import launch
from served import PATIENCE
from test_static import PAGE

from trm_explore import load_checkpoint
from trm_explore.shipped.pairs import checkpoint_name, pair_names
from trm_explore.web import script
from trm_explore.web.model_file import model_file
from trm_explore.words.drawings import DRAWING

pytestmark = pytest.mark.browser
STAGE, STAGE_NOTES, CHALLENGES, NETWORK = (DRAWING[name] for name in ("stage", "notes", "challenges", "network"))

MOUNT = """async ([source, state]) => {
  const listeners = {};
  window.model = { get: (name) => state[name], save_changes() {},
    load: (place) => fetch(place).then((answer) => answer.json()),
    set(name, value) { state[name] = value; for (const f of [...(listeners["change:" + name] || [])]) f(); },
    on(name, f) { (listeners[name] ??= new Set()).add(f); }, off(name, f) { listeners[name]?.delete(f); },
    count: () => Object.values(listeners).reduce((sum, set) => sum + set.size, 0) };
  const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  const module = await import(url), el = document.createElement("div");
  el.id = "stage";
  document.querySelector("main").append(el);
  window.dispose = module.default.render({ model, el });
}"""


@pytest.fixture(scope="module")
def context():
    with launch() as browser:
        yield browser.new_context(viewport={"width": 1100, "height": 900}, reduced_motion="reduce")


@pytest.fixture
def page(context):
    """A fresh blank page; whatever its console complains about fails the test."""
    complaints = []
    page = context.new_page()
    page.set_default_timeout(PATIENCE * 1000)
    page.on("console", lambda line: complaints.append(line.text) if line.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.set_content(PAGE)
    yield page
    page.close()
    assert complaints == []


FILES = {}


def file_of(task, kind="on"):
    if (task, kind) not in FILES:
        FILES[task, kind] = model_file(*load_checkpoint(checkpoint_name(task, kind)))
    return FILES[task, kind]


def mount(page, task, models=None, before=""):
    if before:
        page.evaluate(before)
    models = models or {task: {"on": file_of(task)}}
    page.evaluate(MOUNT, [script("stage"), {"models": models, "plan": {"task": task}}])
    page.wait_for_selector("#stage[data-ready='1']", state="attached")


def data(page, name):
    return page.evaluate("name => document.getElementById('stage').dataset[name]", name)


def thought(page, steps=None):
    """Until the network has thought as long as it may; the steps then."""
    most = page.evaluate("model.get('models')")
    steps = steps or next(iter(next(iter(most.values())).values()))["most_cycles"]
    page.wait_for_function(f"document.getElementById('stage').dataset.steps === '{steps}'")
    return steps


def cell(page, i):
    return page.locator(f"#stage .st-board:visible [data-cell='{i}']").first


def verdict(page):
    return page.locator("#stage .st-verdict").inner_text()


@pytest.mark.parametrize("task", pair_names())
def test_every_task_is_answered_and_asks_for_a_hand(page, task):
    mount(page, task)
    thought(page)
    file = file_of(task)
    assert data(page, "task") == task and data(page, "step") == str(file["trained"] - 1)
    assert data(page, "wrong").isdigit() and verdict(page)
    assert page.locator("#stage .st-invite").inner_text().endswith("Can you fool it?")
    for name in file["challenges"]:
        page.get_by_role("button", name=CHALLENGES[name], exact=True).click()
        thought(page)
        assert data(page, "prepared") == name and data(page, "refused") == ""
        if name in STAGE_NOTES:
            assert STAGE_NOTES[name] in page.locator("#stage .st-said").inner_text()
        assert (verdict(page) == STAGE["fooled"]) == (name == "impossible")


def test_a_typed_digit_is_answered_and_undone(page):
    mount(page, "sudoku4")
    thought(page)
    inputs = file_of("sudoku4")["puzzles"][0]["inputs"]
    i = next(i for i, token in enumerate(inputs) if token == 1)
    before = cell(page, i).inner_text()
    cell(page, i).click()
    wanted = next(digit for digit in "1234" if digit != before)
    page.keyboard.press(wanted)
    thought(page)
    assert data(page, "own") == "1" and "given" in cell(page, i).get_attribute("class")
    assert cell(page, i).inner_text() == wanted and float(data(page, "first")) >= 0
    page.keyboard.press("Backspace")
    thought(page)
    assert "given" not in cell(page, i).get_attribute("class")
    page.get_by_role("button", name=STAGE["back"]).click()
    thought(page)
    assert data(page, "own") == "0" and cell(page, i).inner_text() == before


@pytest.mark.parametrize("key", ["7", "x", "0"])
def test_a_value_that_cannot_stand_there_is_one_sentence_and_changes_nothing(page, key):
    mount(page, "sudoku4")
    thought(page)
    cell(page, 0).click()
    page.keyboard.press(key)
    page.wait_for_function("document.getElementById('stage').dataset.refused !== ''")
    said = page.locator("#stage .st-refused").inner_text()
    assert said == f"{key} cannot stand here; allowed are 1, 2, 3, 4."
    assert data(page, "own") == "0"
    page.keyboard.press("ArrowRight")
    assert data(page, "own") == "0"


def test_a_cell_that_the_network_fills_is_not_the_visitors(page):
    mount(page, "addition")
    thought(page)
    cell(page, 20).click()
    page.keyboard.press("5")
    page.wait_for_function("document.getElementById('stage').dataset.refused !== ''")
    assert page.locator("#stage .st-refused").inner_text() == STAGE["fixed"]


def test_a_hole_in_a_sum_leaves_no_answer_right(page):
    mount(page, "addition")
    thought(page)
    cell(page, 3).click()
    page.get_by_role("button", name=STAGE["erase"]).click()
    thought(page)
    assert verdict(page) == STAGE["fooled"] and data(page, "own") == "1"


def test_walls_are_built_by_clicks_and_start_and_goal_are_moved_not_lost(page):
    mount(page, "maze")
    thought(page)
    board, inputs = page.locator("#stage .st-board svg:visible").first, file_of("maze")["puzzles"][0]["inputs"]
    box = board.bounding_box()
    side = box["width"] / 7

    def click(i):
        page.mouse.click(box["x"] + (i % 7 + 0.5) * side, box["y"] + (i // 7 + 0.5) * side)

    def walls():
        return page.evaluate("document.querySelector('#stage .b-wall').getAttribute('d')")

    before, open_cell, goal = walls(), inputs.index(2), inputs.index(4)
    click(open_cell)
    thought(page)
    page.wait_for_function(f"document.querySelector('#stage .b-wall').getAttribute('d') !== {json.dumps(before)}")
    click(open_cell)
    thought(page)
    page.wait_for_function(f"document.querySelector('#stage .b-wall').getAttribute('d') === {json.dumps(before)}")
    click(goal)  # stays
    thought(page)
    assert page.locator("#stage .b-letter").count() == 2
    page.get_by_role("button", name="goal", exact=True).click()
    click(open_cell)
    thought(page)
    assert page.locator("#stage .b-letter").count() == 2 and data(page, "own") == "1"


def test_a_charge_and_a_point_are_changed_by_hand(page):
    mount(page, "poisson")
    thought(page)
    question = page.locator("#stage .st-board").first
    question.click(position={"x": 12, "y": 12})
    thought(page)
    assert data(page, "own") == "1"
    page.evaluate("dispose()")
    mount(page, "swirl")
    thought(page)


def test_a_point_of_the_plane_is_dragged_and_moved_by_keys(page):
    mount(page, "swirl")
    thought(page)
    page.locator("#stage .st-board:visible").first.click(position={"x": 150, "y": 120})
    thought(page)
    assert data(page, "own") == "1"
    there = page.locator("#stage .b-in").get_attribute("x")
    page.keyboard.press("ArrowRight")
    page.wait_for_function(f"document.querySelector('#stage .b-in').getAttribute('x') !== '{there}'")


def test_how_long_it_thinks_is_a_slider_beyond_training_too(page):
    mount(page, "maze")
    most = thought(page)
    slider = page.get_by_role("slider", name=STAGE["slider"])
    for n in (1, most):
        slider.fill(str(n))
        page.wait_for_function(f"document.getElementById('stage').dataset.step === '{n - 1}'")
        assert page.locator("#stage .st-long").inner_text() == ("1 cycle" if n == 1 else f"{n} cycles")
    assert STAGE["beyond"] in slider.get_attribute("aria-valuetext")
    page.locator("#stage .st-line button").nth(1).click()
    page.wait_for_function("document.getElementById('stage').dataset.step === '1'")


def test_a_disturbed_state_is_thought_on_from_and_calmed(page):
    mount(page, "maze")
    thought(page)
    page.get_by_role("slider", name=STAGE["slider"]).fill("1")
    page.get_by_role("button", name=STAGE["noise"]).click()
    thought(page)
    assert page.locator("#stage .st-said").inner_text().startswith("Its state was disturbed after 1 cycle.")
    page.get_by_role("button", name=STAGE["calm"]).click()
    thought(page)
    assert "disturbed" not in page.locator("#stage .st-said").inner_text()
    assert data(page, "step") == "0"  # it thinks as long as before


def test_with_and_without_deep_supervision_are_one_press_apart_on_the_same_puzzle(page):
    files = {"maze": {"on": file_of("maze"), "off": file_of("maze", "off")}}
    mount(page, "maze", files)
    thought(page)
    page.get_by_role("slider", name=STAGE["slider"]).fill("1")
    page.get_by_role("button", name=STAGE["off_kind"], exact=True).click()
    page.wait_for_function("document.getElementById('stage').dataset.kind === 'off'")
    thought(page)
    assert data(page, "step") == "0" and int(data(page, "wrong")) > 0
    page.get_by_role("button", name=STAGE["on"], exact=True).click()
    page.wait_for_function("document.getElementById('stage').dataset.kind === 'on'")


def test_a_given_digit_that_the_network_contradicts_is_said_and_a_changed_prepared_puzzle_is_undone(page):
    mount(page, "sudoku4")
    thought(page)
    page.get_by_role("button", name=CHALLENGES["impossible"], exact=True).click()
    thought(page)
    inputs, i = file_of("sudoku4")["challenges"]["impossible"]["inputs"], 0
    undo = page.get_by_role("button", name=STAGE["back"])
    assert undo.is_hidden()  # nothing was changed yet
    for digit in "1234":
        cell(page, i).click()
        page.keyboard.press(digit)
        thought(page)
        said = page.locator("#stage .st-cell").inner_text()
        assert said.startswith(f"Row 1, column 1: {digit}") and "given" in said
        assert cell(page, i).inner_text() == digit
    undo.click()
    thought(page)
    assert data(page, "prepared") == "impossible" and data(page, "own") == "0"
    assert ("given" in cell(page, i).get_attribute("class")) == (inputs[i] > 1)


def test_a_finger_that_scrolls_over_a_maze_builds_nothing_and_a_tap_does(context):
    phone = context.browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, reduced_motion="reduce")
    page = phone.new_page()
    page.set_default_timeout(PATIENCE * 1000)
    page.set_content(PAGE)
    mount(page, "maze")
    thought(page)
    board = page.locator("#stage .st-board:visible").first
    box = board.bounding_box()
    touch = {"pointerType": "touch", "button": 0, "clientX": box["x"] + 20, "clientY": box["y"] + 20, "bubbles": True}
    board.locator("svg").dispatch_event("pointerdown", touch)
    board.locator("svg").dispatch_event("pointermove", {**touch, "clientY": box["y"] + 120})
    board.locator("svg").dispatch_event("pointercancel", touch)
    assert data(page, "own") == "0"
    board.tap(position={"x": 20, "y": 20})
    thought(page)
    assert data(page, "own") == "1"
    phone.close()


def test_another_puzzle_and_another_task(page):
    mount(page, "sudoku4", {task: {"on": file_of(task)} for task in ("sudoku4", "maze")})
    thought(page)
    before = page.locator("#stage .bd").last.inner_text()
    page.get_by_role("button", name=STAGE["another"]).click()
    thought(page)
    assert page.locator("#stage .bd").last.inner_text() != before
    page.evaluate("model.set('picked', 'maze')")
    page.wait_for_function("document.getElementById('stage').dataset.task === 'maze'")
    page.evaluate("model.set('plan', { task: 'custom' })")
    page.wait_for_function(f"document.querySelector('#stage').innerText.includes({json.dumps(STAGE['none'])})")


NO_WORKER = "void delete window.Worker"
BROKEN_WORKER = "void (window.Worker = class { constructor() { throw new Error('not allowed here'); } })"


@pytest.mark.parametrize("before", [NO_WORKER, BROKEN_WORKER])
def test_a_browser_without_workers_thinks_beside_the_page(page, before):
    mount(page, "sudoku4", before=before)
    thought(page)
    assert data(page, "wrong") == "0"


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda file: {**file, "data": file["data"][:-400]}, "cut"),
        (lambda file: {**file, "version": 9}, "version"),
        (lambda file: {**file, "format": "other"}, "foreign"),
    ],
)
def test_a_spoiled_file_is_one_sentence_and_what_was_there_stays(page, spoil, code):
    files = {"sudoku4": {"on": file_of("sudoku4"), "off": spoil(file_of("sudoku4", "off"))}}
    mount(page, "sudoku4", files)
    thought(page)
    page.get_by_role("button", name=STAGE["off_kind"], exact=True).click()
    page.wait_for_function("document.getElementById('stage').dataset.refused !== ''")
    said = page.locator("#stage .st-refused").inner_text()
    assert said == NETWORK[code].format(version=9)
    assert page.locator("#stage .bd:visible").count() and data(page, "task") == "sudoku4"
    assert data(page, "kind") == "on"  # the network that is there is still the one before
    cell(page, 0).click()
    page.keyboard.press("1")
    page.keyboard.press("2")
    thought(page)
    assert data(page, "refused") == ""


def test_a_file_that_does_not_come_is_one_sentence_and_what_was_there_stays(context):
    page = context.new_page()  # whose console says that nothing came, rightly
    page.set_default_timeout(PATIENCE * 1000)
    page.set_content(PAGE)
    page.route("**/nowhere.json", lambda route: route.abort())
    mount(page, "sudoku4", {"sudoku4": {"on": file_of("sudoku4"), "off": "http://localhost/nowhere.json"}})
    thought(page)
    page.get_by_role("button", name=STAGE["off_kind"], exact=True).click()
    page.wait_for_function("document.getElementById('stage').dataset.refused !== ''")
    assert page.locator("#stage .st-refused").inner_text() == STAGE["unreachable"]
    assert data(page, "kind") == "on" and verdict(page)
    page.close()


def test_it_plays_itself_once_and_not_under_reduced_motion(context):
    moving = context.browser.new_context(viewport={"width": 900, "height": 800})
    page = moving.new_page()
    page.set_default_timeout(PATIENCE * 1000)
    page.set_content(PAGE)
    mount(page, "maze")
    page.wait_for_function("document.getElementById('stage').dataset.playing === '1'")
    page.wait_for_function("document.getElementById('stage').dataset.step === '0'")
    page.wait_for_function("document.getElementById('stage').dataset.playing === '0'")
    assert data(page, "step") == "2"
    moving.close()


def test_nothing_is_left_behind(page):
    mount(page, "sudoku4")
    thought(page)
    page.evaluate("dispose()")
    assert page.evaluate("model.count()") == 0


def test_it_is_used_by_keys_alone_and_named_for_a_screen_reader(page):
    mount(page, "sudoku4")
    thought(page)
    board = page.locator("#stage .st-board:visible").first
    board.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.wait_for_selector("#stage .cursor")
    assert verdict(page) in board.get_attribute("aria-label")
    assert page.locator("#stage .st-cell").inner_text().startswith("Row ")
    unnamed = page.eval_on_selector_all(
        "#stage button, #stage input",
        "nodes => nodes.filter((n) => !(n.getAttribute('aria-label') || n.innerText.trim())).length",
    )
    assert unnamed == 0
