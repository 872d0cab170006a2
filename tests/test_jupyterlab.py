"""A real JupyterLab in a real Chromium: the training panel, of which Python reads what is clicked, and lesson 2 as a
student uses it, with guesses, training and the player."""

import shutil
from contextlib import contextmanager

import nbformat
import pytest
from browser import launch
from lab import open_notebook, run_cell, serve, wait_for, write_notebook
from lessons import FOLDER
from nbclient import NotebookClient
from nbconvert import HTMLExporter

pytestmark = [pytest.mark.slow, pytest.mark.browser]

CELLS = [
    "from trm_explore.widgets import TrainingPanel, Weights\n"
    "panel = TrainingPanel(updates=100_000, eval_every=20, frame_every=5, eval_puzzles=16, device='cpu')\n"
    "panel",
    "weights = Weights(n_steps=4)\nweights",
    "print('busy') or [x * x for x in range(10)][3]",
    "from trm_explore.training.events import UpdateDone\n"
    "done = [event.update for event in panel.events if isinstance(event, UpdateDone)]\n"
    "print('read:', panel.state, panel.step, panel.cell, panel.H_cycles, panel.run.config.model.H_cycles, done[-1],\n"
    "      weights.schedule, weights.weights)",
]


LESSON = "02_supervise_every_step.ipynb"
BADGE = "https://colab.research.google.com/assets/colab-badge.svg"  # the only picture from elsewhere


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    """opened("panel.ipynb", height): a notebook in one JupyterLab; fails on what the console complained of, and on what
    was asked from elsewhere."""
    folder = tmp_path_factory.mktemp("lab") / "notebooks"
    folder.mkdir()
    write_notebook(folder / "panel.ipynb", CELLS)
    shutil.copy(FOLDER / LESSON, folder)

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRM_EXPLORE_FAST", "1")  # shortens lessons
        with serve(folder) as url, launch() as browser:
            context = browser.new_context(reduced_motion="reduce")

            @contextmanager
            def open_one(name, height):
                trouble = []
                page = context.new_page()
                page.set_viewport_size({"width": 1280, "height": height})
                page.set_default_timeout(180_000)  # all cells take a minute where much else runs
                page.on("console", lambda m: trouble.append(f"console: {m.text}") if m.type == "error" else None)
                page.on("pageerror", lambda e: trouble.append(f"page error: {e}"))
                badge = lambda route: route.fulfill(status=200, content_type="image/svg+xml", body="<svg/>")  # noqa: E731
                page.route(BADGE, badge)
                local = (url, url.replace("http", "ws"), "blob:", "data:", BADGE)
                left = lambda r: None if r.url.startswith(local) else trouble.append(f"left: {r.url}")  # noqa: E731
                page.on("request", left)
                open_notebook(page, url, name)
                yield page
                page.close()
                assert trouble == []

            yield open_one


@pytest.fixture(scope="module")
def notebook(opened):
    """The notebook with the panel."""
    with opened("panel.ipynb", 1100) as page:
        yield page


def test_student_guesses_trains_and_moves_the_player(opened):
    with opened(LESSON, 1400) as page:
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_text("Run All Cells", exact=True).click()
        page.get_by_text("exercise  half-first: not yet").wait_for()  # the last cell has run

        question = page.locator(".jp-OutputArea", has=page.locator("text=Before any training the smallest loss has"))
        question.get_by_role("button", name="step 1", exact=True).click()
        question.get_by_text("your guess: step 1").wait_for()

        panel = page.locator(".jp-OutputArea", has=page.locator(".trm-steering")).first
        panel.scroll_into_view_if_needed()
        panel.locator("[name=updates]").fill("3000")  # a frame every 50
        panel.locator("[data-do=train]").click()
        curves = panel.locator(".trm-curves")
        player = panel.locator(".trm-player")
        wait_for(lambda: int(curves.get_attribute("data-points") or 0) > 12, 60)
        wait_for(lambda: int(player.get_attribute("data-frames") or 0) > 0, 60)
        panel.locator("[data-do=stop]").click()
        panel.locator(".trm-steering[data-state=stopped]").wait_for()

        for step in (0, 1):
            panel.locator(f".trm-ribbon [data-col='{step}']").click()
            wait_for(lambda step=step: player.get_attribute("data-step") == str(step), 60)
        panel.get_by_label("Next step").click()
        wait_for(lambda: player.get_attribute("data-step") == "2", 60)


def test_the_panel_trains_in_jupyterlab_and_python_reads_what_was_clicked(notebook):
    page = notebook
    cell = run_cell(page, 0)
    train, pause, one, stop = (cell.locator(f"[data-do={name}]") for name in ("train", "pause", "one_update", "stop"))
    train.click()
    page.wait_for_function("document.querySelector('.trm-curves')?.dataset.points > 10")
    run_cell(page, 2).get_by_text("9", exact=True).wait_for()  # the kernel is free while it trains
    assert cell.locator(".trm-steering").get_attribute("data-state") == "running"
    pause.click()
    page.wait_for_selector(".trm-steering[data-state=paused]")
    page.wait_for_timeout(300)  # the last update's message
    points = int(cell.locator(".trm-curves").get_attribute("data-points"))
    one.click()
    page.wait_for_function(f"document.querySelector('.trm-curves').dataset.points == {points + 1}")
    losses = cell.locator(".trm-curves").get_attribute("data-last-losses")
    assert losses.count(",") == 2 and "null" not in losses  # one a step
    cell.locator(".trm-ribbon [data-col='0']").click()
    cell.get_by_label("Next step").click()
    page.wait_for_function("document.querySelector('.trm-player').dataset.step == 1")
    cell.locator(".trm-player [data-cell='6']").click()
    page.keyboard.press("Shift+ArrowRight")  # to the next cell of the board, not of the notebook
    cell.locator("[name=H_cycles]").fill("5")
    page.wait_for_function("document.querySelector('.trm-ribbon').dataset.steps == 5")
    stop.click()
    page.wait_for_selector(".trm-steering[data-state=stopped]")
    second = run_cell(page, 1)
    second.locator("select").select_option("exponential_decay")
    second.get_by_text("total loss = (0.063", exact=False).wait_for()
    assert page.locator(".jp-Notebook .jp-Cell").count() == len(CELLS)  # no key pressed in a widget made one
    said = run_cell(page, 3).locator(".jp-OutputArea pre").inner_text()
    expected = f"read: stopped 1 7 5 3 {points + 1} exponential_decay [0.0625, 0.125, 0.25, 1.0]"
    assert " ".join(said.split()) == expected


def test_a_panel_shown_again_has_the_whole_run(notebook):
    page = notebook
    points = page.locator(".trm-curves").first.get_attribute("data-points")
    page.locator(".jp-Notebook .jp-Cell").nth(2).locator(".cm-content").click()
    page.keyboard.press("Control+A")
    page.keyboard.insert_text("panel")
    run_cell(page, 2)
    page.wait_for_function(f"document.querySelectorAll('.trm-curves')[1]?.dataset.points == {points}")


def test_a_panel_survives_a_reload_of_the_page(notebook):
    page = notebook
    points = page.locator(".trm-curves").first.get_attribute("data-points")
    page.keyboard.press("Control+S")
    page.wait_for_selector(".jp-mod-current.jp-mod-dirty", state="detached")
    page.reload()
    page.wait_for_function(f"document.querySelector('.trm-curves')?.dataset.points == {points}")
    assert page.locator("[name=H_cycles]").first.input_value() == "5"


def test_a_notebook_run_without_a_browser_shows_the_picture():
    cells = ["from trm_explore.widgets import TrainingPanel\npanel = TrainingPanel(updates=3, device='cpu')"]
    cells += ["panel.train()\npanel.wait()", "panel"]
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(made, timeout=60, store_widget_state=False).execute()
    assert made.cells[1].outputs[0]["data"]["text/plain"] == "'finished'"
    shown = made.cells[2].outputs[0]["data"]
    assert "application/vnd.jupyter.widget-view+json" in shown
    page, _ = HTMLExporter().from_notebook_node(made)
    assert f"data:image/png;base64,{shown['image/png'].strip()}" in page
