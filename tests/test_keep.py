"""What one takes along from the page, and brings back to it."""

import asyncio
import io
import json
import zipfile
from pathlib import Path

import gradio as gr
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from trm_explore import preset
from trm_explore.app.bring import Bringing, adopt, controls_for
from trm_explore.app.handlers import NOBODY, Handlers
from trm_explore.app.keep import TYPES, keep_route
from trm_explore.app.settings import CONTROLS
from trm_explore.model.checkpoint import load_checkpoint
from trm_explore.runs.limits import LIMITS
from trm_explore.runs.registry import Runs
from trm_explore.tasks import GENERATED
from trm_explore.training import events as ev
from trm_explore.view.recorded import recorded_text
from trm_explore.words import page_controls

STARTS = {
    ".html": b"<!doctype html>",
    ".csv": b"update,",
    ".png": b"\x89PNG",
    ".svg": b"<?xml",
    ".pdf": b"%PDF",
    ".zip": b"PK",
}


@pytest.fixture
def runs():
    registry = Runs(slots=1)
    yield registry
    registry.close()


def client(runs):
    return TestClient(Starlette(routes=[keep_route(runs)]))


def trained(runs, **flat):
    run = runs.submit(preset("sudoku4", updates=3, eval_every=3, eval_puzzles=8, frame_every=3, threads=1, **flat))
    run.join(60)
    assert run.state == "finished", run.latest
    return run


@pytest.mark.parametrize("name", TYPES)
def test_every_file_of_a_recorded_run_is_what_its_name_says(runs, name):
    got = client(runs).get(f"/keep/recorded-sudoku4-on/{name}")
    assert got.status_code == 200 and got.headers["content-type"] == TYPES[name]
    assert got.headers["content-disposition"] == f'attachment; filename="sudoku4-{name}"'
    assert got.content.startswith(STARTS.get(Path(name).suffix, b""))


def test_the_own_run_gives_its_checkpoint_and_all_of_it(runs, tmp_path):
    run = trained(runs)
    path = tmp_path / "model.safetensors"
    path.write_bytes(client(runs).get(f"/keep/{run.id}/model.safetensors").content)
    model, config = load_checkpoint(path)
    mine, _ = run.model()
    for name, tensor in mine.state_dict().items():
        assert tensor.equal(model.state_dict()[name])
    assert config.train.updates == 3
    with zipfile.ZipFile(io.BytesIO(client(runs).get(f"/keep/{run.id}/run.zip").content)) as archive:
        lines = archive.read("events.jsonl").decode().splitlines()
        assert [ev.from_json(line) for line in lines] == [e for e in run.events if not isinstance(e, ev.Saved)]
        assert json.loads(archive.read("config.json"))["updates"] == 3


def test_where_an_upload_lies_on_the_server_is_told_to_nobody(runs, tmp_path):
    path = tmp_path / "secret-place" / "mine.csv"
    path.parent.mkdir()
    path.write_text("question,answer\n" + "12343412214343..,1234341221434321\n12343412....4321,1234341221434321\n" * 6)
    run = trained(runs, data=str(path))
    for name in ("report.html", "run.csv", "model.safetensors", "model.json", "run.zip"):
        body = client(runs).get(f"/keep/{run.id}/{name}").content
        parts = [body]
        if name == "run.zip":
            with zipfile.ZipFile(io.BytesIO(body)) as archive:
                parts = [archive.read(part) for part in archive.namelist()]
        assert not any(b"secret-place" in part for part in parts), name


@pytest.mark.parametrize(
    "path",
    ["nobody/run.csv", "recorded-sudoku4-off-full/run.csv", "recorded-nothing-on/run.csv", "recorded-sudoku4-on/../x",
     "recorded-sudoku4-on/run.exe", "recorded-..-on/run.csv", "%2e%2e/%2e%2e/etc/passwd"],
)  # fmt: skip
def test_what_is_not_there_is_not_found(runs, path):
    got = client(runs).get(f"/keep/{path}")
    assert got.status_code == 404


def test_a_run_without_an_update_says_so(runs):
    run = runs.submit(preset("sudoku4", updates=3, threads=1), paused=True)
    for name in ("report.html", "model.safetensors", "model.json", "losses.png"):
        got = client(runs).get(f"/keep/{run.id}/{name}")
        assert got.status_code == 409 and "\n" not in got.text and got.text


class Request:
    session_hash = "visitor"


def brought(runs, path, tasks=GENERATED):
    return asyncio.run(Bringing(Handlers(runs, tasks)).bring(str(path), Request()))


@pytest.fixture(scope="module")
def zipped(tmp_path_factory):
    path = tmp_path_factory.mktemp("kept") / "run.zip"
    path.write_bytes(client(Runs(slots=1)).get("/keep/recorded-maze-off/run.zip").content)
    return path


def test_a_run_that_is_brought_back_is_shown_and_can_be_looked_into(runs, zipped):
    run_id, ticket, said, measured, *values = brought(runs, zipped)
    run = runs.get(run_id)
    assert ticket == run_id and "task maze" in said and run.ended and runs.active() == 0
    assert measured == recorded_text("maze")
    assert dict(zip(CONTROLS, values, strict=True))["enable_deep_supervision"] is False
    model, config = run.model()
    assert config.task == "maze" and model.config == config.model
    (message,) = run_messages(runs, run_id)
    assert message["state"] == "finished" and message["text"].startswith("Done after")
    assert message["points"] and message["frames"]


def test_a_file_that_cannot_be_read_is_refused_without_its_place_on_the_server(runs, tmp_path):
    for path in (tmp_path / "gone.zip", tmp_path):  # a folder cannot be read as a file either
        shown, _, said, *others = brought(runs, path)
        assert said.startswith("\u26a0 ") and str(tmp_path) not in said and "\n" not in said
        assert {str(one) for one in (shown, *others)} == {str(gr.skip())}


def run_messages(runs, run_id):
    async def all_of_them():
        return [json.loads(text) async for text in Handlers(runs).watch(run_id)]

    return asyncio.run(all_of_them())


def test_a_file_that_is_no_run_leaves_everything_as_it_was(runs, tmp_path, zipped):
    path = tmp_path / "run.zip"
    path.write_bytes(b"nothing")
    first, ticket, said, *values = brought(runs, path)
    assert ticket == NOBODY and said.startswith("\u26a0 run.zip is not a whole ZIP file") and not runs.listed()
    assert all("__type__" in value for value in [first, *values])  # skipped
    assert "offers sudoku4" in brought(runs, zipped, ("sudoku4",))[2]


def test_a_network_beyond_the_limits_is_refused_before_it_is_computed(zipped):
    small = Runs(LIMITS["classroom"], parameters=100)
    assert "weights are more than a run may have here" in brought(small, zipped)[2] and not small.listed()


def test_what_the_page_opens_with_is_never_forgotten(zipped):
    runs = Runs(slots=1, keep=1, keep_bytes=1)
    first = adopt(zipped, runs, GENERATED, pinned=True)
    for _ in range(3):
        other = adopt(zipped, runs, GENERATED)
    assert runs.get(first.id) is first and first.model() is not None
    assert len(runs.listed()) == 2 and other.model() is None


def test_settings_that_the_page_does_not_offer_leave_the_controls_but_the_task():
    values = dict(zip(CONTROLS, controls_for(preset("maze", H_cycles=20), GENERATED), strict=True))
    assert values.pop("task") == "maze" and all("__type__" in value for value in values.values())
    assert page_controls.BRING_HELP
