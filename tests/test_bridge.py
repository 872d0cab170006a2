"""bridge.py and drawing.py: the drawing modules at addresses of their own, each fetched once a browser."""

from __future__ import annotations

import asyncio
import gzip
import json
import re

import pytest
from served import chromium, data, go, site, visit  # noqa: F401
from starlette.applications import Starlette
from starlette.testclient import TestClient

from trm_explore.app import drawing
from trm_explore.app.bridge import host, link
from trm_explore.app.drawing import drawing_route, drawn, modules
from trm_explore.app.page import build
from trm_explore.runs.registry import Runs
from trm_explore.web import names, page_scripts

HOSTED = re.compile(r'^trmHost\(element, trigger, "(drawing/[0-9a-f]{16}/(\w+)\.js)", ".*"(?:, \{.*\})?\);')


@pytest.fixture(scope="module")
def page():
    runs = Runs(slots=1)

    async def built():  # outside of a loop Gradio makes loops that it never closes
        return build(runs)

    yield asyncio.run(built())
    runs.close()


@pytest.fixture
def client():
    return TestClient(Starlette(routes=[drawing_route()]))


def scripts_of(page):
    """What the page's components run when they are mounted, by element."""
    props = [component["props"] for component in page.config["components"]]
    return {prop["elem_id"]: prop["js_on_load"] for prop in props if str(prop.get("js_on_load")).startswith("trm")}


def test_each_picture_is_the_module_as_it_was_built(page, client):
    hosted = [match.groups() for match in map(HOSTED.match, scripts_of(page).values()) if match]
    assert {"tasks", "ribbon", "curves", "player", "keep", "share", "tours", "compare", "inside", "editor"} <= {
        module for _, module in hosted
    }
    for address, module in hosted:
        got = client.get(f"/{address}")
        assert got.status_code == 200 and got.text == page_scripts()[module], module


def test_an_opened_page_carries_no_drawing_code(page):
    for name, text in scripts_of(page).items():
        assert len(text) < 500, name
    assert len(json.dumps(page.config, default=str)) < 320_000
    assert "const TEXTS" not in json.dumps(page.config, default=str)


def test_events_are_named_in_the_script_and_texts_are_passed_as_json():
    hosted = host("tasks", "pick", scope='a"b')
    assert hosted.pick and '"a\\"b."' in hosted.js_on_load
    with pytest.raises(AttributeError, match="visit"):
        _ = hosted.visit
    followed = link("plan", None, 'trigger("turn", { state: value.state });')
    assert followed.turn and followed.js_on_load.startswith('trmLink("plan", props, watch, (value) => {')
    assert link("plan", None).js_on_load == 'trmLink("plan", props, watch);'


@pytest.mark.parametrize("encoding", ["gzip", "identity", "br"])
def test_a_module_is_kept_for_good_and_packed_for_who_takes_that(client, encoding):
    got = client.get("/" + drawn("player").address, headers={"Accept-Encoding": encoding})
    assert got.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert got.headers["content-type"] == "text/javascript; charset=utf-8"
    assert got.headers["vary"] == "Accept-Encoding"
    assert got.headers.get("content-encoding") == ("gzip" if encoding == "gzip" else None)
    assert got.text == page_scripts()["player"]
    length = int(got.headers["content-length"])
    whole = len(page_scripts()["player"].encode())
    assert length < whole / 1.8 if encoding == "gzip" else length == whole


def test_another_text_has_another_address(monkeypatch):
    before = drawn("player")
    others = page_scripts()
    monkeypatch.setattr(drawing, "_scripts", lambda: others | {"player": others["player"] + "\n// new"})
    drawn.cache_clear()
    try:
        after, ribbon = drawn("player"), drawn("ribbon")
    finally:
        drawn.cache_clear()
    assert after.address != before.address and ribbon.address.split("/")[1] == after.address.split("/")[1]
    assert gzip.decompress(after.packed) == after.plain == before.plain + b"\n// new"


@pytest.mark.parametrize(
    "path",
    [
        "/drawing/0123456789abcdef/player.js",  # of another version
        "/drawing/" + "0" * 16 + "/nothing.js",
        "/drawing/x/common.js",
        "/drawing/x/..%2f..%2fapp%2fbridge.js",
        "/drawing/x/../player.js",
        "/drawing/x/player",
        "/drawing/" + drawn("player").address.split("/")[1] + "/common.js",
    ],
)
def test_nothing_else_is_there(client, path):
    assert client.get(path).status_code == 404


def test_every_module_and_every_shared_part_has_an_address():
    assert modules() == {*page_scripts()} > names() >= {"tasks", "ribbon", "curves", "player", "tours"}
    assert len({drawn(module).address for module in modules()}) == len(modules())


FETCHED = """() => performance.getEntriesByType("resource").filter((e) => e.name.includes("/drawing/"))
  .map((e) => [new URL(e.name).pathname.slice(1), e.transferSize])"""


@pytest.mark.slow
@pytest.mark.browser
def test_a_browser_fetches_each_module_once_and_only_what_it_shows(visit, site):  # noqa: F811
    first = visit()
    assert data(first, "ribbon", "state") == "recorded"
    fetched = dict(first.evaluate(FETCHED))
    assert drawn("player").address in fetched and all(fetched.values())
    assert drawn("compare").address not in fetched  # its tab was not opened
    second = first.context.new_page()
    go(second, site)
    second.wait_for_selector("#ribbon [data-ready='1']")
    again = dict(second.evaluate(FETCHED))
    assert again.keys() == fetched.keys() and not any(again.values())
