"""What strangers send to a served page, as programs do: it is refused at once, and other visitors notice nothing."""

import json
import threading
import time
import urllib.error
import urllib.request
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from serving import ask, served
from untrusted_inputs import checkpoint, parts, rewritten, sentence, zipped  # noqa: F401

from trm_explore.app.guard import LINES_A_MINUTE, MARK
from trm_explore.runs.limits import LIMITS

pytestmark = pytest.mark.slow
HOSTILE = [{"eval_H_cycles": 10**n} for n in (6, 7, 8, 9)] + [{"halt_max_steps": 10**n} for n in (4, 5, 7, 9)]


class Visitor:
    """One tab of a page, without a browser."""

    def __init__(self, url):
        self.api, self.url, self.session = url + "/gradio_api", url, uuid.uuid4().hex
        config = json.loads(ask(url + "/config")[1])
        self.events = {event["api_name"]: event for event in config["dependencies"]}
        self.values = {part["id"]: part["props"].get("value") for part in config["components"]}
        self.names = {part["id"]: part["props"].get("elem_id") for part in config["components"]}

    def post(self, path, body, kind="application/json"):
        """(status, text)"""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(self.api + path, data, {"Content-Type": kind})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def asks(self, name, data=None, **more):
        """The body of a request for an event; without `data` with its components' values as the page opens."""
        event = self.events[name]
        data = [self.values[part] for part in event["inputs"]] if data is None else data
        return {"data": data, "fn_index": event["id"], "session_hash": self.session, "event_data": None} | more

    def messages(self, body):
        """What an event that waits in line says, to its end."""
        status, text = self.post("/queue/join", body)
        if status != 200:
            yield {"msg": "process_completed", "success": False, "output": {"error": text}}
            return
        with urllib.request.urlopen(f"{self.api}/queue/data?session_hash={self.session}", timeout=60) as stream:
            for line in stream:
                if line.startswith(b"data:"):
                    yield (message := json.loads(line[5:]))
                    if message["msg"] in ("process_completed", "close_stream", "unexpected_error"):
                        return

    def result(self, body):
        last = list(self.messages(body))[-1]
        assert last["success"], last
        return last["output"]["data"]

    def watch(self, run):
        """Reads on in a thread until the page is no more."""

        def read():
            with suppress(OSError, ValueError):
                for _ in self.messages(self.asks("watch", [run])):
                    pass

        threading.Thread(target=read, daemon=True).start()

    def updates(self, run):
        """How many updates of a run there are now."""
        status, text = ask(f"{self.url}/keep/{run}/run.csv")
        assert status == 200, text
        return len(text.splitlines()) - 1

    def bring(self, name, data):
        """Uploads a file and opens it -> the sentence beside the control."""
        edge = uuid.uuid4().hex
        head = f'--{edge}\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'
        body = head.encode() + data + f"\r\n--{edge}--\r\n".encode()
        status, text = self.post("/upload", body, f"multipart/form-data; boundary={edge}")
        assert status == 200, text
        file = {"path": json.loads(text)[0], "orig_name": name, "meta": {"_type": "gradio.FileData"}}
        return self.result(self.asks("bring", [file]))[2]


def grows(visitor, run, beyond):
    """Waits until there are more updates than `beyond`."""
    until = time.monotonic() + 60
    while visitor.updates(run) <= beyond:
        assert time.monotonic() < until, "the run does not go on"
        time.sleep(0.1)


def begin(url):
    """(visitor, run): somebody trains and watches."""
    visitor = Visitor(url)
    values = visitor.asks("train_1")["data"]
    updates = next(
        place for place, part in enumerate(visitor.events["train_1"]["inputs"]) if visitor.names[part] == "updates"
    )
    values[updates] = LIMITS["space"].updates
    run = visitor.result(visitor.asks("train_1", values))[0]
    assert isinstance(run, str)
    visitor.watch(run)
    return visitor, run


@pytest.fixture(scope="module")
def url():
    """The address of a page with the limits of a Space. Whatever these tests send, its log has a few short lines."""
    log: list[str] = []
    with served("--limits", "space", log=log) as (address, _):
        yield address
    log = [line for line in log if "closing server" not in line]  # Gradio's last words
    assert not [line for line in log if MARK not in line]
    assert len(log) <= 2 * LINES_A_MINUTE and max(map(len, log), default=0) < 400, log


ODD = [
    None,
    5,
    True,
    "text",
    [],
    [[]] * 5_000,
    {},
    {"state": None, "task": None, "group": None, "run": None, "query": None},
    {"state": {}, "task": {}, "group": [], "run": {}, "query": {}},
    {"state": "x" * 100_000, "task": [[]] * 10_000, "group": 9**99, "run": [1], "query": "?" * 100_000},
]


def test_odd_events_are_short_refusals_and_few_lines_of_log(url):
    visitor = Visitor(url)
    # A card that is picked, a pair, a stop of a tour, a group that is found, a puzzle that is typed.
    for name in ("answer_2", "answer_3", "answer_6", "find_group", "typed"):
        wanted = len(visitor.events[name]["inputs"])
        for sent in ODD:
            for data in ([None] * wanted, [sent] * wanted, [], [sent] * 50, sent):
                body = visitor.asks(name, data if data is not None else [], event_data=sent) | {"data": data}
                status, text = visitor.post("/run/predict", body)
                assert "Traceback" not in text and (status == 200 or len(text) < 3_000), (name, status, text[:500])
        last = list(visitor.messages(visitor.asks(name, [ODD[5]] * wanted, event_data=ODD[6])))[-1]
        assert last["success"] or len(json.dumps(last)) < 3_000, str(last)[:500]
    assert ask(url + "/config")[0] == 200


def test_costly_files_are_refused_at_once_and_another_visitor_trains_on(url, parts, checkpoint):  # noqa: F811
    files = []
    for number, settings in enumerate(HOSTILE):
        data = rewritten(checkpoint, **settings)
        files += [(f"{number}.safetensors", data), (f"{number}.zip", zipped(parts | {"model.safetensors": data}))]
    first, run = begin(url)
    grows(first, run, 0)
    before, began = first.updates(run), time.monotonic()
    with ThreadPoolExecutor(8) as strangers:
        said = list(strangers.map(lambda file: Visitor(url).bring(*file), files))
    assert time.monotonic() - began < 2 * LIMITS["space"].opening_seconds  # any one of them would go on for ever
    for (name, _), text in zip(files, said, strict=True):
        assert text.startswith("\u26a0 ") and sentence(text) and "gradio" not in text, text
        assert any(word in text for word in ("_cycles=", "halt_max_steps=", "being opened")), (name, text)
    _, other = begin(url)  # somebody else's Train has an answer
    assert other != run
    grows(first, run, before)
