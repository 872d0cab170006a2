"""The puzzle editor and the intervention panel, alone in a real Chromium: a blank page, a fake model, no server."""

import base64

import numpy as np
import pytest
from browser import launch
from test_static import FRAMES, MESSAGE, MOUNT, PAGE

from trm_explore.app.models import recorded_model
from trm_explore.app.puzzles import held_out_puzzle, read_puzzle
from trm_explore.data.sudoku_rules import conflicts
from trm_explore.model.carry import board_of
from trm_explore.view.editor import editor_of
from trm_explore.web import script

BOARDS = FRAMES | {"grid": MESSAGE["frames"][0]}
SAID = {"own": False, "error": "", "remark": "", "turn": 0}
LATER = 450  # ms; the editor tells the server 300 ms after the last key


@pytest.fixture(scope="module")
def context():
    with launch() as browser:
        yield browser.new_context(viewport={"width": 1000, "height": 900}, reduced_motion="reduce")


@pytest.fixture
def page(context):
    complaints = []
    page = context.new_page()
    page.on("console", lambda line: complaints.append(line.text) if line.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.set_content(PAGE)
    yield page
    page.close()
    assert complaints == []


def mount(page, name, **state):
    page.evaluate(MOUNT, [{name: script(name)}, state])
    page.wait_for_selector(f"#{name}[data-ready='1']", state="attached")
    page.evaluate("() => { window.sent = []; model.emit = (name, data) => sent.push([name, data]); }")
    settle(page)


def settle(page):
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))")


def put(page, name, value):
    page.evaluate("([name, value]) => model.set(name, value)", [name, value])
    settle(page)


def sent(page):
    return page.evaluate("sent")


def edit(page, name, number=0, text=None, **said):
    """The editor over a held-out puzzle of a task, or a typed one."""
    task = recorded_model(name, "on").task
    batch = held_out_puzzle(task, number, 9) if text is None else read_puzzle(task, text)[0]
    puzzle = editor_of(task, batch, board_of(batch)) | SAID | said
    mount(page, "editor", puzzle=puzzle)
    return puzzle


def cells(page):
    return [int(token) for token in page.evaluate("document.getElementById('editor').dataset.cells").split(",")]


def cell(page, i):
    return page.locator(f"#editor [data-cell='{i}']")


def said(page):
    return page.locator("#editor [aria-live]").inner_text()


def test_digits_and_arrows_write_a_sudoku_and_one_message_tells_the_server(page):
    edit(page, "sudoku4", text="." * 16)
    cell(page, 0).click()
    for key in ("1", "ArrowRight", "2", "ArrowDown", "3", "ArrowLeft", "9", "4", "Backspace"):
        page.keyboard.press(key)
    settle(page)
    assert cells(page) == [2, 3, 1, 1, 1, 4] + [1] * 10  # 9 is no symbol here
    assert page.evaluate("document.activeElement.dataset.cell") == "4" and sent(page) == []
    page.wait_for_timeout(LATER)
    ((name, data),) = sent(page)
    assert name == "typed" and data["cells"] == cells(page) and (data["rows"], data["cols"]) == (4, 4)
    assert data["turn"] == 5


def test_a_conflict_is_marked_and_said_as_one_types(page):
    edit(page, "sudoku4", text="1...............")
    cell(page, 3).click()
    page.keyboard.press("1")
    settle(page)
    assert page.locator("#editor .clash").count() == 2 and sent(page) == []
    assert "1 stands twice in row 1" in said(page)
    assert "breaks a rule" in cell(page, 3).get_attribute("aria-label")
    sign = page.evaluate("getComputedStyle(document.querySelector('#editor .clash'), '::after').content")
    assert sign == '"!"'  # not by colour alone
    page.keyboard.press("Delete")
    settle(page)
    assert page.locator("#editor .clash").count() == 0 and said(page) == ""


@pytest.mark.parametrize(("name", "size"), [("sudoku4", 4), ("sudoku6", 6), ("sudoku9", 9)])
def test_conflicts_are_those_of_the_rules(page, name, size):
    """Random boards, judged by the project's own rules in Python."""
    puzzle = edit(page, name)
    rng = np.random.default_rng(size)
    for part in (0.25, 0.25, 0.6, 0.6, 0.9):
        digits = np.where(rng.random(size * size) < part, rng.integers(1, size + 1, size * size), 0).astype(np.uint8)
        put(page, "puzzle", puzzle | {"cells": [int(digit) + 1 for digit in digits]})
        marked = page.eval_on_selector_all("#editor .clash", "nodes => nodes.map(n => Number(n.dataset.cell))")
        assert marked == conflicts(digits)


def test_buttons_write_where_there_is_no_keyboard(page):
    edit(page, "sudoku4", text="." * 16)
    cell(page, 6).click()
    page.get_by_role("button", name="Write 3").click()
    settle(page)
    assert cells(page)[6] == 4
    page.get_by_role("button", name="Empty the cell").click()
    settle(page)
    assert cells(page)[6] == 1
    page.get_by_role("button", name="Write 2").click()
    page.get_by_role("button", name="Clear").click()
    settle(page)
    assert cells(page) == [1] * 16


def test_a_click_turns_walls_and_the_buttons_move_start_and_goal(page):
    edit(page, "maze", text="S.#/.../..G")
    cell(page, 1).click()
    cell(page, 2).click()
    settle(page)
    assert cells(page)[1:3] == [1, 2]  # wall, open
    cell(page, 0).click()
    settle(page)
    assert cells(page)[0] == 3  # the start is no wall
    cell(page, 4).focus()
    page.get_by_role("button", name="Write start").click()
    settle(page)
    assert cells(page)[4] == 3 and cells(page).count(3) == 1
    page.keyboard.press("ArrowRight")
    page.keyboard.press("g")
    settle(page)
    assert cells(page)[5] == 4 and cells(page).count(4) == 1


def test_a_row_of_digits_goes_on_by_itself_and_the_answer_row_stays_shut(page):
    edit(page, "addition", text="11111111+22222222")
    cell(page, 8).click()
    for key in "934":
        page.keyboard.press(key)
    settle(page)
    assert [token - 2 for token in cells(page)[8:13]] == [9, -2, 3, 4, 2]  # over the shut first column
    assert cell(page, 20).is_disabled()
    assert cells(page)[18:] == [1] * 9


def test_a_pasted_puzzle_a_typed_line_and_a_file_are_sent_as_text(page):
    edit(page, "sudoku4")
    paste = """(text) => {
      const data = new DataTransfer();
      data.setData("text/plain", text);
      const event = new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true });
      document.querySelector("#editor [data-cell]").dispatchEvent(event);
    }"""
    page.evaluate(paste, ".24.3......44.3.")
    page.get_by_label("Paste or type a puzzle").fill("12..34")
    page.keyboard.press("Enter")
    long = b"question,answer\n" + b"1" * 100_000
    page.locator("#editor input[type=file]").set_input_files({"name": "p.csv", "mimeType": "text/csv", "buffer": long})
    page.wait_for_function("sent.length === 3")
    assert [data["text"] for _, data in sent(page)[:2]] == [".24.3......44.3.", "12..34"]
    of_file = sent(page)[2][1]
    assert base64.b64decode(of_file["file"]) == long[:65536] and of_file["name"] == "p.csv"  # its bytes as they are
    assert {data["turn"] for _, data in sent(page)} == {0}


def test_an_answer_to_an_older_edit_comes_too_late_and_an_error_keeps_the_cells(page):
    puzzle = edit(page, "sudoku4", text="." * 16)
    cell(page, 0).click()
    page.keyboard.press("1")
    page.keyboard.press("2")
    put(page, "puzzle", puzzle | {"turn": 1, "remark": "of the first edit"})
    assert cells(page)[0] == 3 and said(page) == ""
    put(page, "puzzle", {"only": True, "turn": 2, "own": True, "error": "", "remark": "several solutions"})
    assert cells(page)[0] == 3 and said(page) == "several solutions"
    put(page, "puzzle", {"only": True, "turn": 0, "own": True, "error": "no puzzle", "remark": ""})
    assert cells(page)[0] == 3 and said(page) == "no puzzle"
    put(page, "puzzle", puzzle)  # another puzzle was chosen
    assert cells(page)[0] == 1


def test_back_gives_the_own_puzzle_up(page):
    edit(page, "sudoku4", own=True)
    page.get_by_role("button", name="Back to the held-out puzzle").click()
    assert sent(page) == [["typed", {"turn": 0}]]


def test_tasks_of_numbers_take_a_line_or_nothing(page):
    edit(page, "swirl")
    assert page.locator("#editor [data-cell]").count() == 0
    assert page.get_by_label("Paste or type a puzzle").is_visible()
    task = recorded_model("poisson", "on").task
    put(page, "puzzle", editor_of(task, held_out_puzzle(task, 0, 9), (8, 8)) | SAID)
    assert "takes no puzzles of your own" in page.inner_text("#editor")
    assert not page.get_by_label("Paste or type a puzzle").is_visible()


@pytest.mark.parametrize("name", ["sudoku4", "sudoku9", "maze", "addition", "parity"])
def test_the_editor_fits_a_phone(page, name):
    page.set_viewport_size({"width": 390, "height": 800})
    edit(page, name)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    sizes = page.eval_on_selector_all("#editor .ed-pad button", "nodes => nodes.map(n => n.offsetHeight)")
    assert all(size >= 36 for size in sizes)
    page.set_viewport_size({"width": 1000, "height": 900})


def test_every_cell_is_named_and_one_of_them_is_in_the_order_of_tabs(page):
    edit(page, "sudoku4", text="1...............")
    assert cell(page, 0).get_attribute("aria-label") == "Row 1, column 1: 1"
    assert cell(page, 5).get_attribute("aria-label") == "Row 2, column 2: empty"
    assert page.locator("#editor [data-cell][tabindex='0']").count() == 1


@pytest.mark.parametrize("name", ["editor", "intervene", "thinking", "inside"])
def test_disposing_leaves_no_listener(page, name):
    mount(page, name, message={"frames": [BOARDS["grid"]], "from": 0}, step=0)
    assert page.evaluate("model.count()") > 0
    page.evaluate("name => disposers[name]()", name)
    assert page.evaluate("model.count()") == 0


# --- the panel that changes the running answer


def panel(page, kind="grid", **state):
    frame = BOARDS[kind]
    view = {"edits": [], "recovery": None, "colors": {"light": ["#111"] * 9, "dark": ["#eee"] * 9}}
    mount(page, "intervene", message={"frames": [frame], "from": 0}, view=view, **state)
    return view, frame


def test_a_cell_is_set_at_the_players_step_and_place(page):
    _, frame = panel(page, step=0, cell=2)
    assert "After step 0, row 1, column 3" in page.inner_text("#intervene")
    symbol = frame["board"]["symbols"][3]
    page.get_by_role("button", name=f"Let it say {symbol}", exact=True).click()
    assert sent(page) == [["edits", {"edits": [{"kind": "cell", "step": 0, "cell": 2, "token": 3}]}]]
    page.get_by_role("button", name=f"Let it say {frame['board']['symbols'][2]}", exact=True).click()
    assert [edit["token"] for edit in sent(page)[1][1]["edits"]] == [2]  # instead of the other
    page.get_by_role("button", name="Take back").click()
    assert sent(page)[2][1]["edits"] == []


def test_nothing_can_be_changed_after_the_last_step_and_one_click_goes_back(page):
    _, frame = panel(page, step=len(BOARDS["grid"]["steps"]) - 1, cell=2)
    assert page.get_by_role("button", name="Let it say").first.is_disabled()
    assert page.get_by_role("button", name="Add noise").is_disabled()
    page.get_by_role("button", name="Go to step 0").click()
    settle(page)
    assert page.evaluate("model.get('step')") == 0
    assert page.get_by_role("button", name="Let it say").first.is_enabled()


def test_noise_goes_into_the_chosen_state_with_the_chosen_strength_anew_each_time(page):
    panel(page, step=0)
    page.get_by_role("button", name="State z_L").click()
    slider = page.get_by_label("Strength of the noise")
    slider.fill("2")
    for _ in range(2):
        page.get_by_role("button", name="Add noise").click()
    first, second = sent(page)[1][1]["edits"]
    assert (first["kind"], first["step"], first["state"], first["scale"]) == ("noise", 0, "z_L", 2)
    assert first["seed"] != second["seed"]


def test_the_outcome_is_said_and_both_players_stand_at_one_step(page):
    view, _ = panel(page, step=0)
    recovery = {"cells": [1, 0], "first_changed": 0, "back_at": 1, "text": "It came back at step 1."}
    put(
        page, "view", view | {"edits": [{"kind": "noise", "step": 0, "state": "z_H", "scale": 1}], "recovery": recovery}
    )
    assert "It came back at step 1." in page.locator("#intervene .iv-outcome").inner_text()
    assert page.locator("#intervene .iv-strip").get_attribute("aria-label") == "Cells that differ, by step: 1, 0"
    put(page, "step", 1)
    assert page.evaluate("model.get('after.step')") == 1
    put(page, "after.step", 0)
    assert page.evaluate("model.get('step')") == 0


def test_a_number_is_set_in_tasks_of_numbers(page):
    panel(page, "plane", step=0)
    page.get_by_label("x", exact=True).fill("0.5")
    page.get_by_label("y", exact=True).fill("-0.25")
    page.get_by_role("button", name="Set", exact=True).click()
    assert sent(page)[0][1]["edits"] == [{"kind": "cell", "step": 0, "cell": 0, "token": [0.5, -0.25]}]
