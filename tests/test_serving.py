"""Where the page is really served: a Space, nginx, a computer of two users, a room; and other sites' pages.

What needs root (another user, a real nginx from Debian's package) is skipped with its reason where there is none.
"""

import json
import os
import re
import shutil
import subprocess
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest
from browser import launch
from serving import ask, free_port, proxied, served
from starlette.datastructures import Headers

from trm_explore import app
from trm_explore.app import door, environment
from trm_explore.runs.limits import LIMITS
from trm_explore.runs.registry import Runs

ROOT = Path(__file__).parent.parent
AS_1000 = (  # a user without rights, who may read where this checkout and its Python lie
    "setpriv",
    "--reuid=1000",
    "--regid=1000",
    "--clear-groups",
    "--inh-caps=-all,+dac_read_search",
    "--ambient-caps=-all,+dac_read_search",
)
root_only = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0 or not shutil.which("setpriv"),
    reason="changes the user: needs root",
)
NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


@pytest.fixture(scope="module")
def classroom():
    """The address of a page of a class under a path, for several tests: a start takes seconds."""
    with served("--root-path", "/trm", "--limits", "classroom", SPACE_ID="") as (url, _):
        yield url


@pytest.fixture(scope="module")
def in_the_network(tmp_path_factory):
    """(address, first lines that it prints, folder for temporary files) of a page that the network reaches, where
    another user has been before."""
    folder = tmp_path_factory.mktemp("temporary")
    folder.chmod(0o1777)
    (folder / "gradio" / "vibe_edit_history").mkdir(parents=True)
    here = {"TMPDIR": str(folder), "GRADIO_TEMP_DIR": ""}
    with served("--host", "0.0.0.0", "--limits", "space", SPACE_ID="", **here) as (url, lines):
        yield url, lines, folder


# ---- whose page may ask


@pytest.mark.parametrize(
    ("host", "origin", "own"),
    [
        ("school.example:7860", "http://school.example:7860", True),
        ("school.example", "https://school.example", True),
        ("school.example", "http://school.example:8080", True),  # a proxy that passes Host without its port
        ("127.0.0.1:7860", "http://127.0.0.1:7860", True),
        ("[::1]:7860", "http://[::1]:7860", True),
        ("SCHOOL.example:7860", "http://school.EXAMPLE:7860", True),
        ("school.example:7860", "http://school.example:9999", False),
        ("school.example", "https://evil.example", False),
        ("school.example", "https://school.example.evil.example", False),
        ("school.example", "https://evil.example#school.example", False),
        ("127.0.0.1:7860", "http://localhost:9", False),
        ("school.example", "null", False),
        ("school.example", "", False),
        ("school.example", "http://[", False),
        ("", "http://", False),
    ],
)
def test_only_the_pages_own_origin_is_its_own(host, origin, own):
    assert door.is_own_origin(Headers({"host": host, "origin": origin})) is own


def test_what_a_proxy_says_of_its_host_counts():
    headers = {"host": "127.0.0.1:7860", "x-forwarded-host": "school.example", "origin": "https://school.example"}
    assert door.is_own_origin(Headers(headers))


def test_another_sites_page_can_neither_read_nor_change_a_served_page(classroom):
    port = classroom.rsplit(":", 1)[1]

    def answer(origin, data=None, host=f"school.example:{port}"):
        request = urllib.request.Request(classroom + "/gradio_api/info", data, {"Host": host, "Origin": origin})
        try:
            with urllib.request.urlopen(request, timeout=30) as got:
                return got.status, got.headers.get("Access-Control-Allow-Origin")
        except urllib.error.HTTPError as error:
            return error.code, error.headers.get("Access-Control-Allow-Origin")

    own = f"http://school.example:{port}"
    assert answer(own) == (200, own)
    for origin in ("https://evil.example", "null", f"http://school.example:{int(port) - 1}"):
        assert answer(origin) == (200, None)  # the browser keeps it from that page
        assert answer(origin, b"{}")[0] == 403
    assert answer(own, b"{}")[0] == 405  # let in, and there is nothing to post to
    # Files that wait have a bound; a program that is no browser says no origin and is let in.
    assert ask(classroom + "/gradio_api/queue/join", {})[0] != 403


# ---- files that were uploaded


def test_uploads_leave_after_an_hour_and_the_oldest_first_where_there_is_no_room(tmp_path):
    for name, age, size in (("old", 2 * door.AGE, 10), ("second", 300, 60), ("third", 200, 60), ("new", 0, 60)):
        file = tmp_path / name / "file.csv"
        file.parent.mkdir()
        file.write_bytes(b"x" * size)
        os.utime(file, (time.time() - age,) * 2)
    left = lambda: sorted(path.parent.name for path in tmp_path.rglob("*.csv"))  # noqa: E731
    assert door.make_room(tmp_path, 1000) and left() == ["new", "second", "third"]
    assert door.make_room(tmp_path, 130) and left() == ["new", "third"]
    assert not door.make_room(tmp_path, 50) and left() == ["new"]  # somebody is using it
    assert door.make_room(tmp_path / "nowhere", 50)


def test_a_served_page_refuses_uploads_for_which_there_is_no_room(in_the_network):
    url, _, folder = in_the_network
    (uploads,) = folder.glob("gradio-*")
    full = uploads / "full"
    full.write_bytes(b"x" * (LIMITS["space"].uploads_megabytes * 1_000_000 + 1))
    assert ask(url + "/gradio_api/upload", {"a": 1})[0] == 507
    os.utime(full, (0, 0))
    assert ask(url + "/gradio_api/upload", {"a": 1})[0] != 507
    assert not full.exists()


# ---- one address never takes all


def test_one_address_gets_no_more_than_its_part_however_many_sessions_it_makes_up(tiny_run):
    runs = Runs(slots=1, active=6, an_address=3, a_visitor=2)
    try:
        for session in ("a", "b", "c"):
            runs.submit(tiny_run(updates=10**6), paused=True, visitor=f"{session}@1.2.3.4")
        with pytest.raises(ValueError, match="^3 runs from your address are under way, which is all it may have"):
            runs.submit(tiny_run(), visitor="d@1.2.3.4")
        runs.submit(tiny_run(updates=10**6), paused=True, visitor="a@5.6.7.8")
        runs.submit(tiny_run(updates=10**6), paused=True)  # a program of the owner's own has no address
    finally:
        runs.close()


# ---- what the environment says


def test_no_variable_of_gradios_changes_the_page(monkeypatch, tmp_path):
    for name in ("SSR_MODE", "SHARE", "MCP_SERVER", "ALLOWED_PATHS", "SERVER_NAME", "VIBE_MODE", "WATCH_DIRS", "NEW"):
        monkeypatch.setenv(f"GRADIO_{name}", "True")
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "mine"))
    environment.prepare()
    left = {name: value for name, value in os.environ.items() if name.startswith("GRADIO_")}
    ours = {name: value for name, value in environment.OURS.items() if name.startswith("GRADIO_")}
    assert left == ours | {"GRADIO_TEMP_DIR": str(tmp_path / "mine")} and (tmp_path / "mine").is_dir()


def test_uploads_of_two_users_of_a_computer_do_not_meet(monkeypatch, tmp_path):
    monkeypatch.delenv("GRADIO_TEMP_DIR", raising=False)
    monkeypatch.setattr(environment.tempfile, "gettempdir", lambda: str(tmp_path))
    own = environment.uploads()
    assert own.parent == tmp_path and own == environment.uploads() and own.stat().st_mode & 0o077 == 0
    own.rmdir()
    own.symlink_to(tmp_path)  # somebody has put something else there
    other = environment.uploads()
    assert other != own and other.parent == tmp_path and other.is_dir() and not other.is_symlink()


def test_uploads_without_a_place_are_one_sentence(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "file"))
    with pytest.raises(ValueError, match="^uploads have no place: .* cannot be written .*GRADIO_TEMP_DIR"):
        environment.uploads()


@root_only
@pytest.mark.slow
def test_the_page_starts_although_another_user_has_left_gradios_folder(in_the_network):
    first, _, folder = in_the_network  # root's
    for parent in folder.parents:
        if parent != Path("/") and parent.stat().st_mode & 0o005 != 0o005 and os.access(parent, os.W_OK):
            parent.chmod(parent.stat().st_mode | 0o055)
    with served(before=AS_1000, HOME="/", TMPDIR=str(folder), GRADIO_TEMP_DIR="") as (url, _):
        for address in (first, url):
            assert ask(address + "/config")[0] == 200
    assert {path.name for path in folder.glob("gradio-*")} == {"gradio-0", "gradio-1000"}


# ---- a Hugging Face Space


@contextmanager
def visitor(url, trouble):
    """A page of a browser; what it asks from elsewhere and what its console complains of is noted."""
    with launch() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.on("console", lambda m: trouble.append(f"{m.text} {m.location}") if m.type == "error" else None)
        page.on("pageerror", lambda e: trouble.append(str(e)))
        page.on("request", lambda r: None if r.url.startswith((url, "blob:", "data:")) else trouble.append(r.url))
        yield page


def alive(page):
    """Waits until ribbon, curves and player are drawn."""
    for name in ("ribbon", "curves", "player"):
        page.wait_for_selector(f"#{name}[data-ready='1'], #{name} [data-ready='1']", state="attached", timeout=60_000)


@pytest.mark.slow
@pytest.mark.browser
def test_a_space_serves_living_drawings_behind_its_password(tmp_path):
    """As on a Space: its variables, its user, code that cannot be written, node on the path."""
    code = tmp_path / "code"
    for name in ("trm_explore", "assets", "app.py"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        code.mkdir(exist_ok=True)
        copy(ROOT / name, code / name)
    node = tmp_path / "bin" / "node"
    node.parent.mkdir()
    node.write_text(f"#!/bin/sh\necho called >> {tmp_path}/called\nexec sleep 60\n")
    node.chmod(0o755)
    (tmp_path / "tmp").mkdir()
    (tmp_path / "tmp").chmod(0o1777)
    for parent in (tmp_path, *tmp_path.parents):
        if parent != Path("/") and os.access(parent, os.W_OK):
            parent.chmod(parent.stat().st_mode | 0o055)
    for path in (*code.rglob("*"), code):
        path.chmod(0o555 if path.is_dir() else 0o444)
    space = {
        "SPACE_ID": "somebody/trm",
        "SYSTEM": "spaces",
        "GRADIO_SSR_MODE": "True",
        "GRADIO_SERVER_NAME": "0.0.0.0",
        "GRADIO_ALLOWED_PATHS": "/",
        "GRADIO_THEME": "huggingface",
        "TRM_EXPLORE_PASSWORD": "spring",
        "PATH": f"{node.parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(code),
        "HOME": str(tmp_path / "nowhere"),
        "TMPDIR": str(tmp_path / "tmp"),
        "GRADIO_TEMP_DIR": "",
    }
    before = AS_1000 if root_only.args[0] is False else ()
    trouble: list[str] = []
    try:
        # not quiet: Gradio's hot reload complains that the package of real Spaces is not here
        with served(start=("app.py",), cwd=code, before=before, quiet=False, **space) as (url, lines):
            assert lines[0].startswith("trm_explore is at http://0.0.0.0:")
            assert ask(url + "/gradio_api/info")[0] == 401
            with visitor(url, trouble) as page:
                page.goto(url)
                page.get_by_label("username").fill("anna")
                page.get_by_label("password").fill("spring")
                page.get_by_role("button", name="Login").click()
                alive(page)
                page.click("#train")
                ran = "[data-state='running'], [data-state='finished']"
                page.wait_for_selector(f"#ribbon:is({ran}), #ribbon :is({ran})", state="attached", timeout=60_000)
    finally:
        for path in (code, *code.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
    assert not [line for line in trouble if "401" not in line], trouble  # asked before the password was given
    assert not (tmp_path / "called").exists(), "a Node server was started"


# ---- nginx


@contextmanager
def nginx(folder, port):
    """The address of a real nginx with the block of docs/classroom.md before the page at `port`."""
    block = re.search(r"```nginx\n(.*?)```", (ROOT / "docs" / "classroom.md").read_text(encoding="utf-8"), re.S)[1]
    assert block.count("127.0.0.1:7860") == 1
    own = free_port()
    logs = "".join(
        f"{name}_temp_path {folder}/{name}; " for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    config = folder / "nginx.conf"
    config.write_text(
        f"{'user root; ' if os.geteuid() == 0 else ''}daemon off; pid {folder}/pid; "
        f"error_log {folder}/error.log; events {{}}\n"
        f"http {{ access_log off; {logs}\n"
        f"server {{ listen 127.0.0.1:{own}; {block.replace('127.0.0.1:7860', f'127.0.0.1:{port}')} }} }}\n"
    )
    process = subprocess.Popen([NGINX, "-c", str(config), "-p", str(folder)], stderr=subprocess.PIPE, text=True)
    try:
        until = time.monotonic() + 30
        while ask_quietly(f"http://127.0.0.1:{own}/trm/") != 200:
            assert process.poll() is None, process.stderr.read()
            assert time.monotonic() < until, (folder / "error.log").read_text()
            time.sleep(0.1)
        yield f"http://127.0.0.1:{own}/trm/"
    finally:
        process.terminate()
        process.communicate(timeout=20)


def ask_quietly(url):
    try:
        return ask(url)[0]
    except OSError:
        return None


@pytest.mark.skipif(NGINX is None, reason="no nginx here (Debian's package nginx-light; make test installs it as root)")
@pytest.mark.slow
@pytest.mark.browser
def test_behind_a_real_nginx_the_page_trains_uploads_and_gives_files(classroom, tmp_path):
    from gradio_client import Client

    trouble: list[str] = []
    with nginx(tmp_path, int(classroom.rsplit(":", 1)[1])) as outer, visitor(outer, trouble) as page:
        page.goto(f"{outer}?updates=3000")
        alive(page)
        page.click("#train")
        ran = "[data-state='running'], [data-state='finished']"
        page.wait_for_selector(f"#ribbon:is({ran}), #ribbon :is({ran})", state="attached", timeout=60_000)
        page.click("#stop")
        ended = "[data-state='stopped'], [data-state='finished']"
        page.wait_for_selector(f"#ribbon:is({ended}), #ribbon :is({ended})", state="attached", timeout=60_000)
        with urllib.request.urlopen(outer + "keep/recorded-sudoku4-on/model.safetensors", timeout=30) as answer:
            checkpoint = tmp_path / "model.safetensors"
            checkpoint.write_bytes(answer.read())
        page.locator("#take").get_by_role("button").first.click()
        page.locator("#take input[type=file]").set_input_files(str(checkpoint))
        page.wait_for_function("() => document.querySelector('#take').innerText.includes('model.safetensors')")
        client = Client(outer, verbose=False)
        assert client.predict("linear_decay", 3, 0.5, api_name="/weights")[-1] == 1.0
        client.close()
        page.close()
    assert [line for line in trouble if "favicon" not in line and "404" not in line] == []


@pytest.mark.slow
@pytest.mark.browser
def test_behind_a_proxy_under_a_path_the_page_trains_and_asks_for_nothing_outside_of_it(classroom):
    trouble: list[str] = []
    with proxied(int(classroom.rsplit(":", 1)[1]), "/trm") as outer, visitor(outer, trouble) as page:
        page.goto(f"{outer}?updates=3000")
        alive(page)
        page.click("#train")
        page.wait_for_selector("#ribbon [data-state='running'], #ribbon[data-state='running']", timeout=60_000)
        page.click("#stop")
        page.wait_for_selector("#ribbon [data-state='stopped'], #ribbon[data-state='stopped']", timeout=60_000)
        page.close()
    assert trouble == []


# ---- links for a class


def test_a_server_knows_the_address_that_others_reach(monkeypatch):
    monkeypatch.delenv("SPACE_ID", raising=False)
    monkeypatch.setattr(app, "own_address", lambda: "192.168.1.20")
    assert app.reachable("127.0.0.1", 7860) == "" == app.reachable("::1", 7860)
    assert app.reachable("0.0.0.0", 7860) == "http://192.168.1.20:7860" == app.reachable("::", 7860)
    assert app.reachable("10.0.0.5", 80) == "http://10.0.0.5:80"
    assert app.reachable("fd00::5", 80) == "http://[fd00::5]:80"
    assert app.reachable("127.0.0.1", 7860, "/trm") == ""  # the browser knows it
    assert app.reachable("127.0.0.1", 7860, "https://school.example/trm/") == "https://school.example/trm"
    monkeypatch.setenv("SPACE_ID", "somebody/trm")
    assert app.reachable("0.0.0.0", 7860) == ""


def test_without_a_network_a_server_knows_no_address(monkeypatch):
    def unreachable(*_):
        raise OSError("Network is unreachable")

    monkeypatch.setattr(app.socket.socket, "connect", unreachable)
    assert app.own_address() == "" == app.reachable("0.0.0.0", 7860)


SHARE = """async ([source, shareable]) => {
  const state = { shareable, opened: { query: "task=maze" }, plan: { steps: 3 } };
  const model = { get: (name) => state[name], set: (name, value) => (state[name] = value) };
  Object.assign(model, { on() {}, off() {}, save_changes() {} });
  const el = document.createElement("div");
  document.body.replaceChildren(el);
  (await import(URL.createObjectURL(new Blob([source], { type: "text/javascript" })))).default.render({ model, el });
  el.querySelector("button").click();
  const notes = [...el.querySelectorAll(".ts-said:not([hidden])")].map((note) => note.textContent);
  return [el.querySelector("input").value, notes.join(" ")];
}"""


@pytest.mark.browser
def test_a_copied_link_carries_the_address_of_the_room_or_says_that_it_does_not():
    from trm_explore.web import script

    with launch() as browser:
        page = browser.new_page()
        page.route("**/*", lambda route: route.fulfill(body="<!doctype html><body></body>", content_type="text/html"))
        seen = {}
        for where in ("http://127.0.0.1:7860/", "http://localhost:7860/", "https://school.example/trm/"):
            for address in ("", "http://192.168.1.20:7860"):
                page.goto(where)
                seen[where, address] = page.evaluate(SHARE, [script("share"), {"hide": [], "address": address}])
    for (where, address), (link, notes) in seen.items():
        local = "school" not in where
        expected = f"{address}/" if local and address else where
        assert link == f"{expected}?task=maze", (where, address)
        assert ("works on this computer only" in notes) is (local and not address), (where, address)


def test_the_start_says_what_the_class_types(in_the_network, monkeypatch):
    monkeypatch.delenv("SPACE_ID", raising=False)
    url, lines, _ = in_the_network
    address = app.reachable("0.0.0.0", int(url.rsplit(":", 1)[1]))
    assert lines[1].startswith(f"for others in the network: {address}" if address else "what runs")
    assert json.loads(ask(f"{url}/config")[1])["components"]
