"""Opening what somebody brings along: whole files come back as they were, all others are refused in one sentence."""

import io
import json
import pickle
import zipfile

import pytest
from conftest import examples
from hypothesis import given
from hypothesis import strategies as st

from trm_explore.app.keep import find, make
from trm_explore.runs.open_run import MOST_EVENTS, open_run
from trm_explore.runs.registry import Runs
from trm_explore.tasks import GENERATED
from trm_explore.training import events as ev
from trm_explore.view.payload import message_of
from trm_explore.web.report import report_html


def kept(task, kind="on"):
    return make(find(f"recorded-{task}-{kind}", Runs(slots=1)), "run.zip")


@pytest.fixture(scope="module")
def whole():
    """A ZIP's parts, by name."""
    with zipfile.ZipFile(io.BytesIO(kept("sudoku4"))) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write(path, parts):
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return path


@pytest.mark.parametrize("task", GENERATED)
def test_a_run_that_was_taken_along_opens_again(tmp_path, task):
    path = tmp_path / "run.zip"
    path.write_bytes(kept(task))
    opened, run = open_run(path), find(f"recorded-{task}-on", Runs(slots=1))
    assert [ev.to_json(event) for event in opened.events] == [ev.to_json(event) for event in run.events]
    assert opened.config.to_flat() == run.config.to_flat()


def test_a_checkpoint_alone_answers_one_puzzle_now(tmp_path):
    path = tmp_path / "model.safetensors"
    path.write_bytes(make(find("recorded-maze-on", Runs(slots=1)), "model.safetensors"))
    frame, end = open_run(path).events
    assert end.update == frame.update > 0
    assert frame.trajectory["board"]["kind"] == "path" and len(frame.trajectory["steps"]) >= 3


def refused(path, *words):
    with pytest.raises(ValueError) as caught:
        open_run(path)
    said = str(caught.value)
    assert said.count("\n") == 0 and all(word in said for word in words), said


def test_what_is_no_run_is_refused(tmp_path, whole):
    (tmp_path / "a.txt").write_text("hello")
    refused(tmp_path / "a.txt", "a.txt is neither")
    (tmp_path / "b.zip").write_bytes(b"PK\x03\x04 and no more")
    refused(tmp_path / "b.zip", "not a whole ZIP")
    (tmp_path / "c.safetensors").write_bytes(pickle.dumps({"a": 1}))
    refused(tmp_path / "c.safetensors", "is a file of torch.save, not one that trm-explore saved")
    for name in whole:
        refused(write(tmp_path / "d.zip", {k: v for k, v in whole.items() if k != name}), f"has no {name}")
    refused(write(tmp_path / "e.zip", whole | {"events.jsonl": b""}), "has no update")
    line = b'{"event": "Saved", "update": 1, "path": "/etc/passwd"}\n'
    refused(write(tmp_path / "f.zip", whole | {"events.jsonl": line * (MOST_EVENTS + 1)}), "events; at most")
    cut = whole["model.safetensors"][:-100]
    refused(write(tmp_path / "g.zip", whole | {"model.safetensors": cut}), "not a whole safetensors file")


def test_a_zip_that_lies_about_its_sizes_or_is_damaged_is_refused(tmp_path, whole):
    data = bytearray(kept("sudoku4"))
    for at in range(200, len(data), len(data) // 40):
        broken = bytes(data[:at]) + b"\xff\x00\xff\x00" + bytes(data[at + 4 :])
        path = tmp_path / "broken.zip"
        path.write_bytes(broken)
        try:
            open_run(path)  # a hit in a part that is not read does no harm
        except ValueError as error:
            assert str(error).count("\n") == 0


def test_nothing_of_a_zip_lands_outside(tmp_path, whole):
    open_run(write(tmp_path / "run.zip", whole | {"../evil.txt": b"out", "/tmp/evil-absolute.txt": b"out"}))
    assert sorted(path.name for path in tmp_path.parent.rglob("evil*")) == []


@examples(300)
@given(data=st.data())
def test_whatever_stands_in_the_events_is_shown_safely_or_refused(tmp_path_factory, whole, data):
    """Any value of any event is replaced by another; what is let through can be drawn and reported."""
    events = [json.loads(line) for line in whole["events.jsonl"].decode().splitlines()]
    chosen = data.draw(st.sampled_from([events[0], events[-1], next(e for e in events if e["event"] == "Evaluated")]))
    place, key = chosen, data.draw(st.sampled_from(sorted(chosen)))
    while isinstance(place[key], dict | list) and place[key] and data.draw(st.booleans()):
        place = place[key]
        key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
    numbers = st.floats() | st.integers(-(2**70), 2**70)
    other = st.recursive(st.none() | st.booleans() | numbers | st.text(max_size=5), lambda x: st.lists(x, max_size=3))
    place[key] = data.draw(other | st.dictionaries(st.text(max_size=3), numbers, max_size=2))
    lines = "".join(json.dumps(event) + "\n" for event in events)
    path = write(tmp_path_factory.mktemp("fuzz") / "run.zip", whole | {"events.jsonl": lines.encode()})
    try:
        opened = open_run(path)
    except ValueError as error:
        assert "line" in str(error) and str(error).count("\n") == 0
        return
    json.dumps(message_of("x", opened.config, opened.events), allow_nan=False)
    report_html(opened.config, opened.events)
