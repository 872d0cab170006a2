"""The page for a room: limits, the owner's page, a password, a path, and nobody in another's run."""

from __future__ import annotations

import asyncio
import gc
import gzip
import html
import json
import re
import subprocess
import sys
import urllib.error
import urllib.request
import weakref
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
import yaml
from background import ENDLESS, maker, until, updates
from conftest import large
from serving import ask, free_port, served
from starlette.applications import Starlette
from starlette.testclient import TestClient

from trm_explore import app, cli
from trm_explore.app import feed, handlers
from trm_explore.app.drawing import drawn
from trm_explore.app.feed import Feed, rounded
from trm_explore.app.handlers import Handlers
from trm_explore.app.owner import handle, memory, owner_route
from trm_explore.app.settings import START, page_config, values_of
from trm_explore.runs.limits import LIMITS
from trm_explore.runs.registry import Runs
from trm_explore.web import page_scripts
from trm_explore.words import page_controls, refusals

ROOT = Path(__file__).parent.parent
KEY = "a key & a half"


@pytest.fixture
def make_runs():
    with maker() as make:
        yield make


@pytest.fixture
def endless(tiny_run):
    return tiny_run(updates=ENDLESS, eval_every=0, frame_every=0)


def settings(**changes) -> list:
    return values_of(page_config("sudoku4", **(START | changes)))


# ---- what viewers are sent


async def some(stream, enough, seconds: float = 30.0) -> list[dict]:
    got = []
    async with asyncio.timeout(seconds):
        async for message in stream:
            got.append(message)
            if enough(got):
                break
    return got


def points(messages: list[dict]) -> list[int]:
    return [point[0] for message in messages for point in message["points"]]


def test_thirty_viewers_of_a_run_get_every_update_from_messages_made_once(make_runs, tiny_run, monkeypatch):
    made = []
    message_of = feed.message_of
    monkeypatch.setattr(feed, "message_of", lambda *a, **k: made.append(1) or message_of(*a, **k))
    runs = make_runs()
    run = runs.submit(tiny_run(updates=300))
    everything = Feed(runs)

    async def story():
        streams = [some(everything.messages(run), lambda got: False) for _ in range(30)]
        return await asyncio.gather(*streams)

    got = asyncio.run(story())
    assert all(points(messages) == list(range(1, 301)) for messages in got)
    assert all(messages[-1]["state"] == "finished" for messages in got)
    sent = sum(map(len, got))
    assert sent >= 30 and len(made) <= sent / 10
    assert runs.viewers == 0


def test_a_viewer_that_goes_is_not_counted_any_more(make_runs, endless):
    runs = make_runs()
    run = runs.submit(endless)

    async def story():
        stream = Feed(runs).messages(run)
        await anext(stream)
        assert runs.viewers == 1
        await stream.aclose()

    asyncio.run(story())
    assert runs.viewers == 0


def test_a_watched_run_is_let_go_of_when_it_is_forgotten(make_runs, tiny_run):
    runs = make_runs(keep=1)
    everything, gone = Feed(runs), []
    for _ in range(3):
        run = runs.submit(tiny_run(updates=2))
        asyncio.run(some(everything.messages(run), lambda got: False))
        run.join(20.0)
        gone.append(weakref.ref(run))
        del run
    gc.collect()
    assert [ref() is None for ref in gone] == [True, False, False]  # one is remembered, and the newest


def test_more_viewers_than_the_limit_are_served_less_often(make_runs):
    runs = make_runs(viewers=10)
    everything = Feed(runs)
    periods = []
    for runs.viewers in (0, 1, 10, 11, 20, 21):
        periods.append(round(everything._period() / feed.PERIOD))
    assert periods == [1, 1, 1, 2, 2, 3]


def test_who_waits_is_told_the_place_and_about_how_long(make_runs, endless):
    runs = make_runs(slots=1, slice=42.0)
    first = runs.submit(endless, visitor="a")
    until(lambda: len(updates(first)) > 2)
    second = runs.submit(endless, visitor="b")
    until(lambda: second.position == 1)
    (message,) = asyncio.run(some(Feed(runs).messages(second), bool))
    assert message["state"] == "queued"
    assert re.fullmatch(r"Waiting for a free core: place 1 in line, about (40|35) s\.", message["text"])


@pytest.mark.parametrize(("seconds", "said"), [(0, "5 s"), (12, "10 s"), (57, "55 s"), (58, "1 min"), (170, "3 min")])
def test_a_wait_is_said_as_exactly_as_it_is_known(seconds, said):
    assert rounded(seconds) == said


def test_why_a_limit_ended_a_run_is_said(make_runs, endless):
    runs = make_runs(seconds=0.2)
    messages = asyncio.run(
        some(Feed(runs).messages(runs.submit(endless)), lambda got: got[-1]["state"] == "interrupted")
    )
    said = "Stopped after 0.2 s of computing, which is the most that a run may have here. Resume goes on from there."
    assert messages[-1]["text"].endswith(said)


# ---- limits at the handlers


def test_a_run_beyond_the_limits_is_refused_at_its_control(make_runs):
    page = Handlers(make_runs(updates=500))
    _, ticket, plan, _, _, *marked = asyncio.run(page.train("", *settings(updates=501)))
    assert ticket == handlers.NOBODY and plan["error"].startswith("updates=501 are more than")
    assert marked == handlers.marks(plan["error"]) and page.runs.listed() == []


def test_two_tabs_are_two_visitors_and_neither_sees_or_steers_the_others_run(make_runs):
    page = Handlers(make_runs(slots=2, a_visitor=1))

    async def press(tab: str, run_id: str = "") -> list:
        class Request:
            session_hash = tab

        handlers.LocalContext.request.set(Request)
        try:
            return await page.train(run_id, *settings(updates=2000))
        finally:
            handlers.LocalContext.request.set(None)

    async def story():
        mine, yours = (await press("one"))[0], (await press("two"))[0]
        assert mine != yours and {run.visitor for run in page.runs.listed()} == {"one@", "two@"}
        assert (await press("one"))[2]["error"] == "one of your runs is under way, and 1 may be; stop one first"
        for run_id in (mine, yours):
            (message,) = await some(page.watch(run_id), bool)
            assert json.loads(message)["run"] == run_id
        page.stop("one"), page.stop(handle(mine)), page.stop("")  # no name but the secret steers
        assert page.runs.active() == 2
        assert page.find_again("two")[1] == handlers.NOBODY
        page.stop(mine)
        await asyncio.to_thread(page.runs.get(mine).join, 10)
        assert page.runs.get(mine).ended and not page.runs.get(yours).ended

    asyncio.run(story())


# ---- the owner's page


@pytest.fixture
def owner(make_runs):
    """(runs, get, post) over the owner's page."""
    runs = make_runs(slots=1)
    client = TestClient(Starlette(routes=[owner_route(runs, KEY)]), follow_redirects=False)
    path = "/owner?key=" + quote(KEY)
    return runs, lambda more="": client.get(path + more), lambda data: client.post(path, data=data), client


@pytest.mark.parametrize("wrong", ["", "?key=", "?key=a", f"?key={quote(KEY)}a", "?key=%ff%00é", f"?KEY={quote(KEY)}"])
def test_without_the_key_the_owners_page_shows_nothing(owner, endless, wrong):
    runs, _, _, client = owner
    run = runs.submit(endless)
    for answer in (client.get("/owner" + wrong), client.post("/owner" + wrong, data={"run": handle(run.id)})):
        assert answer.status_code == 403 and answer.text == refusals.OWNER_KEY
    assert not run.ended and not run._want_stop


def test_the_owner_sees_runs_visitors_memory_and_seconds_and_no_secret(owner, endless, tiny_run):
    runs, get, _, _ = owner
    first = runs.submit(endless, visitor="<script>alert(1)</script>")
    second = runs.submit(endless, visitor="b", paused=True)
    ended = runs.submit(tiny_run(updates=1), visitor="b")
    third = runs.submit(endless, visitor="c")
    until(lambda: len(updates(first)) > 2 and third.position)
    ended.stop()
    until(lambda: ended.ended)
    facts = get("&json=1").json()
    counts = {name: facts[name] for name in ("slots", "computing", "waiting", "paused", "ended", "visitors", "viewers")}
    assert counts == {"slots": 1, "computing": 1, "waiting": 1, "paused": 1, "ended": 1, "visitors": 3, "viewers": 0}
    assert facts["memory"] == pytest.approx(memory(), rel=0.5) and facts["cpu_seconds"] > 0 <= facts["up_seconds"]
    assert [run["run"] for run in facts["runs"]] == [handle(run.id) for run in (first, second, third, ended)]
    assert facts["runs"][2]["state"] == "queued, 1" and float(facts["runs"][0]["computed"]) >= 0
    answer = get()
    assert answer.headers["content-type"].startswith("text/html")
    for run in (first, second, third, ended):
        assert run.id not in answer.text and run.id not in json.dumps(facts) and handle(run.id) in answer.text
    assert "<script" not in answer.text and KEY not in answer.text and html.escape(KEY) not in answer.text
    assert answer.text.count("<form") == 3  # of the runs that can be stopped
    assert not re.search(r"(src|href)=|https?:|@import|url\(", answer.text)  # nothing is asked from elsewhere
    assert answer.headers["cache-control"] == "no-store" and answer.headers["referrer-policy"] == "no-referrer"


def test_the_owner_stops_a_run(owner, endless):
    runs, _, post, _ = owner
    run, other = runs.submit(endless), runs.submit(endless)
    assert post({"run": "nobody"}).status_code == 303
    answer = post({"run": handle(run.id)})
    assert answer.status_code == 303 and answer.headers["location"] == "?" + urlencode({"key": KEY})
    run.join(10)
    assert run.ended and not other.ended


def test_an_ended_run_stays_in_the_owners_list_only_for_a_while(owner, tiny_run):
    runs, get, _, _ = owner
    made = [runs.submit(tiny_run(updates=1), paused=True) for _ in range(22)]
    for run in made:
        run.stop()
    [run.join(10) for run in made]
    facts = get("&json=1").json()
    assert facts["ended"] == 22 and len(facts["runs"]) == 20
    assert facts["runs"][0]["run"] == handle(made[-1].id)


# ---- the command


@pytest.fixture
def launched(monkeypatch):
    """What `trm-explore app ARGS` would launch."""
    asked = []
    monkeypatch.setattr(app, "launch", lambda **given: asked.append(given))
    for name in ("SPACE_ID", "TRM_EXPLORE_PASSWORD"):
        monkeypatch.delenv(name, raising=False)

    def command(*args: str) -> dict:
        assert cli.main(["app", *args]) == 0
        return asked.pop()

    return command


def test_by_default_only_this_machine_is_served_and_without_limits(launched):
    given = launched()
    assert given["host"] is None and given["limits"] == LIMITS["none"] and given["password"] is None


def test_limits_are_chosen_by_name_and_single_ones_set(launched):
    assert launched("--limits", "classroom")["limits"] == LIMITS["classroom"]
    limits = launched("--limits", "space", "--runs", "3", "--lease", "9")["limits"]
    assert (limits.slots, limits.lease, limits.seconds) == (3, 9, LIMITS["space"].seconds)


def test_on_a_space_the_limits_are_small_and_the_password_may_come_unseen(launched, monkeypatch):
    monkeypatch.setenv("SPACE_ID", "somebody/trm")
    monkeypatch.setenv("TRM_EXPLORE_PASSWORD", "spring")
    assert launched()["limits"] == LIMITS["space"] and launched()["password"] is None  # launch reads it
    assert launched("--limits", "none", "--password", "autumn")["limits"] == LIMITS["none"]


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--owner-key", "short"], "owner_key has 5 characters; give at least 8"),
        (["--owner-key", "the same", "--password", "the same"], "owner_key is the same as password"),
        (["--root-path", "trm"], "root_path=trm is not a path; give one that starts with /"),
    ],
)
def test_wrong_words_of_the_owner_are_one_sentence(args, said, capsys):
    assert cli.main(["app", "--port", str(free_port()), *args]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("host", "alone"), [("127.0.0.1", True), ("::1", True), ("0.0.0.0", False), ("10.1.2.3", False)]
)
def test_who_listens_publicly_is_told(host, alone):
    assert app.is_private(host) is alone


def test_the_start_of_a_space_is_in_the_readme():
    space = yaml.safe_load((ROOT / "README.md").read_text().split("---\n")[1])
    assert (space["sdk"], space["app_file"], space["license"]) == ("gradio", "app.py", "mit")
    assert len(space["short_description"]) <= 60 and {"title", "emoji", "colorFrom", "colorTo"} <= space.keys()
    colors = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}
    assert {space["colorFrom"], space["colorTo"]} <= colors


def test_the_guide_for_classes_states_the_limits_that_are():
    rows = re.findall(r"^\| `(\w+)` \|([^|]*)\|([^|]*)\|([^|]*)\|", (ROOT / "docs/classroom.md").read_text(), re.M)
    assert {row[0] for row in rows} == set(vars(LIMITS["none"]))
    for name, *said in rows:
        for words, kind in zip(said, ("none", "classroom", "space"), strict=True):
            value = getattr(LIMITS[kind], name)
            expected = (
                {"slots": "one a core"}.get(name, "no limit") if value is None else f"{value:,}".removesuffix(".0")
            )
            assert words.strip() == expected, (name, kind)


# ---- the real server


@pytest.mark.slow
def test_a_served_page_asks_for_its_password_and_stands_under_its_path():
    with served("--password", "spring", "--root-path", "/trm", "--limits", "classroom", SPACE_ID="") as (url, lines):
        owner = re.search(r"http://\S+/owner\?key=\S+", "".join(lines))[0]
        key = owner.split("key=")[1]
        assert url in lines[0] and len(key) >= 22
        assert ask(owner)[0] == 200 and ask(owner[:-1])[0] == 403
        # Nothing of the page without the password, but its drawing code, which everybody may read.
        assert ask(url + "/gradio_api/info")[0] == 401 == ask(url + "/config")[0]
        request = urllib.request.Request(f"{url}/{drawn('ribbon').address}", headers={"Accept-Encoding": "gzip, br"})
        with urllib.request.urlopen(request, timeout=20) as got:  # Gradio's own packing leaves it alone
            assert got.headers["Content-Encoding"] == "gzip"
            assert gzip.decompress(got.read()).decode() == page_scripts()["ribbon"]
        kept = url + "/keep/recorded-sudoku4-on/run.csv"
        assert ask(kept) == (401, refusals.LOG_IN)
        config = json.loads(re.search(r"window.gradio_config = (\{.*?\});", ask(url + "/")[1])[1])
        assert config["auth_required"] and config["components"] == [] == config["dependencies"]
        assert config["auth_message"] == page_controls.PASSWORD
        browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
        assert ask(url + "/login", {"username": "anna", "password": "autumn"}, browser)[0] == 400
        assert ask(url + "/login", {"username": "anna", "password": "spring"}, browser)[0] == 200
        status, page = ask(url + "/", opener=browser)
        assert status == 200 and page_controls.HEADLINE in page
        assert ask(kept, opener=browser)[0] == 200
        # Under a path: what the page asks for is asked for there.
        config = json.loads(re.search(r"window.gradio_config = (\{.*?\});</script>", page)[1])
        assert config["root"].endswith("/trm")
        assert config["max_file_size"] == LIMITS["classroom"].upload_megabytes * 1024 * 1024
        absolute = re.findall(r"""(?:src|href)=["'](/[^/"'][^"']*)["']""", page)
        assert [path for path in absolute if not path.startswith("/trm")] in ([], ["/manifest.json"])  # Gradio's own


def train_with_file(url: str, path: str) -> dict:
    """What the server answers to Train pressed by somebody who says that this file was uploaded."""
    config = json.loads(ask(url + "/config")[1])
    values = {part["id"]: part["props"].get("value") for part in config["components"]}
    files = [part["id"] for part in config["components"] if part["type"] == "file"]
    buttons = [event for event in config["dependencies"] if event["api_name"].startswith("train")]
    train = next(event for event in buttons if len(event["inputs"]) > 2)  # the API's own has fewer
    forged = {"path": path, "meta": {"_type": "gradio.FileData"}}
    data = [forged if part in files else values[part] for part in train["inputs"]]
    assert forged in data
    sent = json.dumps({"data": data, "fn_index": train["id"], "session_hash": "forger"}).encode()
    api = url + config["api_prefix"] + "/queue/"
    request = urllib.request.Request(api + "join", sent, {"Content-Type": "application/json"})
    urllib.request.urlopen(request, timeout=30).close()
    with urllib.request.urlopen(api + "data?session_hash=forger", timeout=30) as stream:
        for line in stream:
            if line.startswith(b"data: ") and json.loads(line[6:])["msg"] == "process_completed":
                return json.loads(line[6:])
    raise AssertionError("no answer")


@pytest.mark.slow
def test_a_space_listens_to_the_network_and_reads_no_file_but_uploads(tmp_path):
    secret = tmp_path / "mine.csv"
    secret.write_text("question,answer\n0234341221434321,1234341221434321\n0034341221434321,1234341221434321\n")
    with served(SPACE_ID="somebody/trm", quiet=False) as (url, lines):
        assert lines[0].startswith("trm_explore is at http://0.0.0.0:")
        for path in (str(secret), "/etc/passwd", "/proc/self/environ"):
            answer = train_with_file(url, path)
            assert not answer["success"] and "root:" not in str(answer) and path not in str(answer)
        key = lines[1].split("key=")[1].strip()
        assert json.loads(ask(f"{url}/owner?key={key}&json=1")[1])["runs"] == []


@pytest.mark.slow
@large
def test_the_measurement_of_the_page_runs():
    command = [sys.executable, str(ROOT / "benchmarks" / "page.py"), "--quick"]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert ran.returncode == 0, ran.stderr
    (line,) = re.findall(r"^\| 2 \| (\d+) \| ([\d.]+)% \|", ran.stdout, re.MULTILINE)
    assert int(line[0]) > 0 and float(line[1]) > 0
    assert re.search(r"^memory over 3 runs: [\d.]+ MB before, [\d.]+ MB after", ran.stdout, re.MULTILINE)


def test_closed_runs_are_not_left_behind():
    runs = Runs()
    runs.close()
    assert runs.listed() == []
