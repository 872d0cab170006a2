"""Lesson 2 in a real JupyterLab in a real Chromium, as a student uses it: guesses, training, the player."""

import shutil

import pytest
from browser import launch
from lab import open_notebook, serve, wait_for
from lessons import FOLDER

pytestmark = [pytest.mark.slow, pytest.mark.browser]

LESSON = "02_supervise_every_step.ipynb"


@pytest.fixture
def page(tmp_path, monkeypatch):
    """The open lesson; fails on what the console complained of, and on what was asked from elsewhere."""
    monkeypatch.setenv("TRM_EXPLORE_FAST", "1")
    folder = tmp_path / "lessons"
    folder.mkdir()
    shutil.copy(FOLDER / LESSON, folder)
    trouble = []
    with serve(folder) as url, launch() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 1400}, reduced_motion="reduce")
        page.set_default_timeout(180_000)  # all cells take a minute where much else runs
        page.on("console", lambda m: trouble.append(f"console: {m.text}") if m.type == "error" else None)
        page.on("pageerror", lambda e: trouble.append(f"page error: {e}"))
        local = (url, url.replace("http", "ws"), "blob:", "data:")
        badge = "https://colab.research.google.com/assets/colab-badge.svg"  # the only picture from elsewhere
        page.route(badge, lambda route: route.fulfill(status=200, content_type="image/svg+xml", body="<svg/>"))
        left = lambda r: None if r.url.startswith((*local, badge)) else trouble.append(f"left: {r.url}")  # noqa: E731
        page.on("request", left)
        open_notebook(page, url, LESSON)
        yield page
        assert trouble == []


def test_student_guesses_trains_and_moves_the_player(page):
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
