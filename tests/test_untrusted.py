# ruff: noqa: F811 (fixtures that are imported are named again where they are used)
"""What comes from outside costs nothing before it is believed: files, arrays, JSON, and what is sent to a page."""

import asyncio
import gzip
import io
import os
import random
import struct
import time
import zipfile
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from shutil import rmtree

import gradio as gr
import numpy as np
import pytest
from conftest import LARGE
from datasets_inputs import write_arc
from reader_inputs import boxed, some, table
from untrusted_inputs import COSTLY, checkpoint, parts, rewritten, sentence, zipped  # noqa: F401

from trm_explore.app.bring import adopt
from trm_explore.app.guard import LINES_A_MINUTE, MARK, Page
from trm_explore.data.arc import build_arc
from trm_explore.data.sudoku_file import read_puzzles
from trm_explore.runs.limits import LIMITS
from trm_explore.runs.open_run import open_run
from trm_explore.runs.registry import Runs
from trm_explore.storage.npy import read_npy
from trm_explore.storage.untrusted import parse_json
from trm_explore.tasks import GENERATED
from trm_explore.tasks.folder import FolderTask
from trm_explore.words import refusals

MUTATED = 5_000 if LARGE else 200  # files of each kind
GROWTH, SECONDS = 64e6, 2.0


@contextmanager
def memory():
    """Gives a function that says, afterwards, by how many bytes the process had grown at most; 0 where the system does
    not tell."""
    status, before = Path("/proc/self/status"), 0

    def peak():
        lines = status.read_text().splitlines()
        return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM"))

    told = status.exists() and os.access("/proc/self/clear_refs", os.W_OK)
    if told:
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew, at what is held now
        before = peak()
    found = []
    yield lambda: found[0]
    found.append(peak() - before if told else 0)


def refused(path, data, limits="space"):
    path.write_bytes(data)
    runs, began = Runs(LIMITS[limits], slots=1), time.process_time()
    with pytest.raises(ValueError) as caught:
        adopt(path, runs, GENERATED, visitor="somebody")
    assert sentence(caught.value) and str(path.parent) not in str(caught.value), str(caught.value)
    assert time.process_time() - began < SECONDS and not runs.listed() and not runs._opening
    return str(caught.value)


@pytest.mark.parametrize("limits", ["space", "none"])
@pytest.mark.parametrize("settings", COSTLY, ids=lambda s: f"{next(iter(s))}-{len(str(next(iter(s.values()))))}")
def test_a_header_that_asks_for_much_work_is_refused_at_once(tmp_path, parts, checkpoint, settings, limits):
    data = rewritten(checkpoint, **settings)
    said = refused(tmp_path / "hostile.safetensors", data, limits)
    assert any(name in said for name in settings) or "too large" in said, said
    refused(tmp_path / "hostile.zip", zipped(parts | {"model.safetensors": data}), limits)


@pytest.mark.parametrize("scalars", ["[]", "5", "null", '{"update": null}', '{"update": 1e400}', '{"seconds": "1"}'])
def test_scalars_of_another_type_are_one_sentence(tmp_path, checkpoint, scalars):
    assert "header" in refused(tmp_path / "odd.safetensors", rewritten(checkpoint, scalars))


LINES = {
    "a text of megabytes": b'{"event": "Failed", "update": 1, "reason": "' + b"x" * 30_000_000 + b'"}\n',
    "a long text": b'{"event": "Failed", "update": 1, "reason": "' + b"x" * 100_000 + b'"}\n',
    "lists without end": b'{"event": "Started", "config": {}, "parameters": [' + b"[]," * 10_000_000 + b"[]]}\n",
    "blank lines": b"\n" * 12_000_000,
    "deep": b'{"event": "Frame", "update": 1, "trajectory": ' + b"[" * 50_000 + b"]" * 50_000 + b"}\n",
    "digits": b'{"event": "Finished", "reason": "done", "update": ' + b"9" * 4000 + b', "seconds": 1}\n',
    "a name twice": b'{"event": "Finished", "reason": "done", "update": 1, "update": 2, "seconds": 1}\n',
    "true for 1": b'{"event": "Finished", "reason": "done", "update": true, "seconds": 1}\n',
    "half a character": b'{"event": "Failed", "update": 1, "reason": "\\ud800"}\n',
    "steps": b'{"event": "Evaluated", "update": 1, "puzzles": 1, "loss": ['
    + b"0," * 5000
    + b'0], "cell_accuracy": [], '
    b'"exact_accuracy": []}\n',
}


@pytest.mark.parametrize("line", LINES.values(), ids=LINES.keys())
def test_what_is_long_or_odd_in_the_events_is_refused_before_it_is_kept(tmp_path, parts, line):
    data = zipped(parts, events_jsonl=line + parts["events.jsonl"])
    with memory() as grown:
        said = refused(tmp_path / "odd.zip", data, "none")
    assert grown() < GROWTH, f"{said}: {grown() / 1e6:.0f} MB"


def test_a_list_of_files_without_end_is_not_read(tmp_path, parts):
    out = io.BytesIO(zipped(parts))
    with zipfile.ZipFile(out, "a") as archive:
        for number in range(15_000):
            archive.writestr(f"{number:050}", b"")
    assert "lists more files" in refused(tmp_path / "many.zip", out.getvalue(), "none")


def test_all_that_is_kept_of_a_run_counts_and_opened_ones_count_for_their_visitor(tmp_path, parts):
    path = tmp_path / "run.zip"
    path.write_bytes(zipped(parts))
    runs = Runs(LIMITS["space"], slots=1)
    other = adopt(path, runs, GENERATED, visitor="another")
    mine = [adopt(path, runs, GENERATED, visitor="me") for _ in range(6)]
    assert other.kept_bytes > len(parts["events.jsonl"])
    assert runs.listed() == [other, *mine[-LIMITS["space"].a_visitor :]]
    runs.limits = replace(runs.limits, keep_bytes=int(2.5 * other.kept_bytes))
    adopt(path, runs, GENERATED, visitor="me")
    assert len(runs.listed()) == 2  # their events alone are as much as is kept


def test_opening_has_few_places_and_one_a_visitor():
    runs = Runs(LIMITS["space"], slots=1, opening=1)
    with runs.opening("a"):
        with pytest.raises(ValueError, match="of yours"), runs.opening("a"):
            pass
        with pytest.raises(ValueError, match="try again"), runs.opening("b"):
            pass
    with runs.opening("b"):
        pass


def test_opening_ends_at_its_deadline(tmp_path, parts):
    (tmp_path / "m.safetensors").write_bytes(parts["model.safetensors"])
    with pytest.raises(ValueError, match="took longer than"):
        open_run(tmp_path / "m.safetensors", limits=replace(LIMITS["space"], opening_seconds=1e-9))


# ---- arrays


def npy(header, data=b"", version=1):
    text = header.encode("latin1")
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H", len(text)) + text + data


BAD_ARRAYS = {
    "512 GiB": npy("{'descr': '<i8', 'fortran_order': False, 'shape': (68719476736,), }", b"\0" * 64),
    "token": npy("{'descr': '<i8', 'fortran_order': False, 'shape': (1,"),
    "overflow": npy(f"{{'descr': '<i8', 'fortran_order': False, 'shape': ({'9' * 40},), }}"),
    "negative": npy("{'descr': '<i8', 'fortran_order': False, 'shape': (-1,), }"),
    "true": npy("{'descr': '<i8', 'fortran_order': False, 'shape': (True,), }", b"\0" * 8),
    "object": npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", b"\x80\x04N."),
    "text": npy("{'descr': '<U5', 'fortran_order': False, 'shape': (1,), }", b"\0" * 20),
    "record": npy("{'descr': [('a', '<i8')], 'fortran_order': False, 'shape': (1,), }", b"\0" * 8),
    "deep": npy("(" * 5000 + ")" * 5000),
    "nothing": b"",
    "pickle": b"\x80\x04N.",
    "version": npy("{}", version=9),
}


@pytest.mark.parametrize("data", BAD_ARRAYS.values(), ids=BAD_ARRAYS.keys())
@pytest.mark.parametrize("mapped", [False, True])
def test_what_is_no_plain_array_is_one_sentence(tmp_path, data, mapped):
    (tmp_path / "a.npy").write_bytes(data)
    with pytest.raises(ValueError, match="not a whole plain NumPy array") as caught:
        read_npy(tmp_path / "a.npy", mapped)
    assert sentence(caught.value)


@pytest.mark.parametrize("dtype", ["<i8", ">i4", "|u1", "<f4", ">f8", "|b1"])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("mapped", [False, True])
def test_plain_arrays_of_every_order_come_as_they_are(tmp_path, dtype, order, mapped):
    array = np.asarray(np.arange(12).reshape(3, 4) % 2, dtype=dtype, order=order)
    np.save(tmp_path / "a.npy", array)
    got = read_npy(tmp_path / "a.npy", mapped)
    assert np.array_equal(got, array) and (mapped or got.dtype.isnative)


# ---- mutated files


def mutated(data, rng):
    """One to four of: bytes changed, cut, doubled, or a number or bracket put in."""
    data = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(data) or 1)
        kind = rng.randrange(5)
        if kind == 0:
            data[at : at + 1] = bytes([rng.randrange(256)])
        elif kind == 1:
            del data[at : at + rng.choice([1, 2, 50, len(data)])]
        elif kind == 2:
            data[at:at] = data[at : at + rng.choice([1, 8, 500])] * rng.choice([1, 3])
        elif kind == 3:
            words = [b"1e400", b"-1", b"null", b"[", b"{}", b"9" * 30, b"NaN", b'"', b"\\ud800", b"true", b"\xff"]
            data[at:at] = rng.choice(words)
        else:
            data[at : at + 4] = struct.pack("<I", rng.choice([0, 1, 2**31, 2**32 - 1]))
    return bytes(data)


def opens(data, path, parts):
    path.write_bytes(data)
    adopt(path, Runs(LIMITS["space"], slots=1), GENERATED)


def opens_array(data, path, parts):
    path.write_bytes(data)
    read_npy(path)


def opens_events(data, path, parts):
    opens(zipped(parts, events_jsonl=data), path, parts)


def opens_folder(data, path, parts):
    (path.parent / "task.json").write_bytes(data)
    FolderTask(str(path.parent))


def opens_puzzles(data, path, parts):
    path.write_bytes(data)
    for _ in read_puzzles(path, 9).answer():
        pass


def opens_arc(data, path, parts):
    (path.parent / "arc" / "arc-agi_training_challenges.json").write_bytes(data)
    for _ in build_arc(
        [path.parent / "arc"], path.parent / "out", subsets=("training",), test_subset="training", num_aug=1
    ):
        pass
    rmtree(path.parent / "out")


KINDS = {
    "checkpoint": ("a.safetensors", opens),
    "zip": ("a.zip", opens),
    "events": ("a.zip", opens_events),
    "npy": ("a.npy", opens_array),
    "task": ("a.json", opens_folder),
    "table": ("a.csv", opens_puzzles),
    "grids": ("a.txt", opens_puzzles),
    "packed": ("a.csv.gz", opens_puzzles),
    "arc": ("a.json", opens_arc),
}


@pytest.mark.parametrize("kind", KINDS)
def test_mutated_files_are_opened_or_one_sentence(tmp_path, parts, kind):
    name, read = KINDS[kind]
    np.save(tmp_path / "inputs.npy", np.arange(400).reshape(100, 4) % 3)
    np.save(tmp_path / "labels.npy", np.arange(400).reshape(100, 4) % 3)
    write_arc(tmp_path / "arc", solutions=())
    whole = {
        "checkpoint": parts["model.safetensors"],
        "zip": zipped(parts),
        "events": parts["events.jsonl"],
        "npy": (tmp_path / "inputs.npy").read_bytes(),
        "task": b'{"rows": 2, "cols": 2, "vocab_size": 3, "title": "a", "preset": {"lr": 0.01}, "board": {}}',
        "table": table(9).encode(),
        "grids": "\n\n".join("\n".join(boxed(question)) for question in some(9)[0]).encode(),
        "packed": gzip.compress(table(9).encode()),
        "arc": (tmp_path / "arc" / "arc-agi_training_challenges.json").read_bytes(),
    }[kind]
    rng, slowest, largest = random.Random(kind), 0.0, 0
    head = whole[:6000] if kind == "checkpoint" else whole  # weights are checked elsewhere; the header is what speaks
    read(whole, tmp_path / name, parts)
    for _ in range(MUTATED):
        data = mutated(head, rng) + whole[len(head) :]
        with memory() as grown:
            began = time.process_time()
            try:
                read(data, tmp_path / name, parts)
            except ValueError as error:
                assert sentence(error), str(error)
            slowest = max(slowest, time.process_time() - began)
        largest = max(largest, grown())
    print(f"{kind}: {MUTATED} files, slowest {slowest:.2f} s, most {largest / 1e6:.1f} MB")
    assert largest < GROWTH and slowest < SECONDS


def test_json_of_any_form_is_a_value_or_one_sentence():
    for text in ("1e400", "NaN", "-Infinity", '{"a":1,"a":1}', "[" * 10**6, '"\\ud800"', "9" * 5000, "", "\0", "[1,]"):
        with pytest.raises(ValueError) as caught:
            parse_json(text)
        assert sentence(caught.value)


# ---- what is sent to a page


def test_what_a_handler_cannot_take_is_a_short_refusal_and_few_lines_of_log(capsys):
    async def send():  # the page is built in here, too: outside of a loop Gradio makes loops that it never closes
        with Page() as page:
            text = gr.Textbox()
            gr.on(text.change, lambda event: event["no"], text, text)
        function = page.fns[min(page.fns)]
        for value in [None, 5, [], {}, "x", [[[]]] * 1000] * 20:
            with pytest.raises(gr.Error) as caught:
                await page.process_api(block_fn=function, inputs=[value], event_data=gr.EventData(None, None))
            assert caught.value.message == refusals.REFUSED and not caught.value.print_exception

    asyncio.run(send())
    log = capsys.readouterr().err
    assert log.count("\n") == log.count(MARK) == LINES_A_MINUTE and "Traceback" not in log
