"""The static site, opened from a disk in a real Chromium that is cut off."""

import re

import pytest
from browser import launch
from served import PATIENCE

from trm_explore.cli import main
from trm_explore.shipped.pairs import pair_names
from trm_explore.words import site_page

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("site") / "new"
    assert main(["site", "--out", str(out)]) == 0
    return out


@pytest.fixture(scope="module")
def browser():
    with launch() as chromium:
        yield chromium


@pytest.fixture
def opened(folder, browser):
    """opened("#maze", width=390): the page, and the files that it has read."""
    pages, complaints = [], []

    def open_page(where="", width=1366, height=768):
        context = browser.new_context(
            viewport={"width": width, "height": height}, reduced_motion="reduce", offline=True
        )
        context.set_default_timeout(PATIENCE * 1000)
        page, read = context.new_page(), []
        pages.append(context)
        page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda asked: read.append(asked.url))
        page.goto((folder / "index.html").as_uri() + where)
        page.wait_for_selector("#stage[data-steps='12'], #stage[data-steps='24'], #stage[data-steps='16']")
        return page, read

    yield open_page
    for context in pages:
        context.close()
    assert not complaints


def test_the_first_view_is_small_and_nothing_is_asked_of_others(opened, folder):
    page, read = opened()
    files = [url for url in read if url.startswith("file:")]
    assert all(url.startswith((folder.as_uri(), "blob:")) for url in read)
    size = sum((folder / url.removeprefix(folder.as_uri() + "/").partition("#")[0]).stat().st_size for url in files)
    assert size < 400_000, files
    assert page.locator("#stage").get_attribute("data-task") == "maze"
    assert page.evaluate("document.documentElement.scrollWidth") <= 1366


@pytest.mark.parametrize("task", ["sudoku6", "swirl"])
def test_a_task_is_chosen_answers_and_shows_how_it_was_trained(opened, task):
    page, _ = opened()
    page.locator(f".tk-card[data-task={task}]").click()
    page.wait_for_selector(f"#stage[data-task={task}]")
    page.wait_for_selector(f"#player[data-run='recorded-{task}-on']")
    page.get_by_role("group", name=site_page.KINDS).get_by_text("without, as many updates").click()
    page.wait_for_selector(f"#player[data-run='recorded-{task}-off']")
    assert page.evaluate("location.hash") == f"#{task}"


def test_a_link_opens_a_task_and_its_comparison_is_asked_before_it_is_shown(opened):
    page, _ = opened("#parity", width=390, height=844)
    page.wait_for_selector("#player[data-run='recorded-parity-on']")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.locator("#compare").scroll_into_view_if_needed()
    page.wait_for_selector("#compare[data-group='recorded-parity-on-off']")
    guesses = page.get_by_role("group", name=site_page.GUESS)
    guesses.get_by_text("A: ").click()
    page.wait_for_selector("#compare[data-group='recorded-parity-on-off'] canvas, #compare svg")
    page.get_by_role("button", name="Which schedule?").click()
    page.wait_for_selector("#compare[data-group='recorded-parity-schedule']")


def test_every_trained_pair_is_there(folder):
    names = {path.name for path in (folder / "data").iterdir()}
    for task in pair_names():
        assert {f"model-{task}-on.js", f"model-{task}-off.js", f"run-{task}-off-time.js"} <= names
    assert (folder / "documents" / "stage.html").is_file()  # and the documents, which index.html leads to
    assert 'href="documents/index.html"' in (folder / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"https?://", (folder / "index.html").read_text(encoding="utf-8"))


def test_a_folder_with_other_files_is_left_alone(tmp_path, capsys):
    (tmp_path / "thesis.txt").write_text("mine", encoding="utf-8")
    for out, said in (
        (tmp_path, "has other files in it"),
        (tmp_path / "thesis.txt", "is a file"),
        ("", "out is empty"),
    ):
        assert main(["site", "--out", str(out)]) == 2
        assert said in capsys.readouterr().err
    (tmp_path / "data").mkdir()  # somebody's own
    assert main(["site", "--out", str(tmp_path)]) == 2
    assert {path.name for path in tmp_path.iterdir()} == {"thesis.txt", "data"}
