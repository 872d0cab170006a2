"""A run as one file: a page that opens without a server, a table."""

import csv
import io
import json
import math

import pytest
import torch
from browser import launch

from trm_explore import load_checkpoint, preset, train
from trm_explore.cli import main
from trm_explore.model.checkpoint import CHECKPOINT_NAME
from trm_explore.shipped.pairs import checkpoint_name, pair_names
from trm_explore.training import events as ev
from trm_explore.view.recorded import recorded_run
from trm_explore.web.model_file import model_file
from trm_explore.web.report import csv_of, report_html
from trm_explore.words.percent import percent

CONFIG = preset(
    "sudoku4",
    enable_deep_supervision=True,
    deep_supervision_schedule="linear_decay",
    updates=6,
    eval_every=3,
    frame_every=3,
    eval_puzzles=16,
)


@pytest.fixture(scope="module")
def run():
    return list(train(CONFIG))


@pytest.fixture(scope="module")
def browser():
    with launch() as chromium:
        yield chromium


def opened(browser, tmp_path, text, **context):
    """The report as someone opens it who got it by mail, and what its page complained about or asked for."""
    path = tmp_path / "report.html"
    path.write_text(text, encoding="utf-8")
    page, complaints = browser.new_page(**context), []
    page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "request", lambda asked: complaints.append(asked.url) if not asked.url.startswith(("file:", "blob:")) else None
    )
    page.goto(path.as_uri())
    page.wait_for_selector("#player[data-ready='1']")
    return page, complaints


def test_the_report_opens_from_a_file_plays_and_asks_for_nothing(browser, tmp_path, run):
    page, complaints = opened(browser, tmp_path, report_html(CONFIG, run, note="Homework of group 3"))
    assert page.locator("#ribbon").get_attribute("data-steps") == "3"
    assert page.locator("#curves").get_attribute("data-points") == "6"
    assert page.locator("#player").get_attribute("data-frames") == "2"
    page.get_by_role("button", name="Previous step").click()
    page.wait_for_selector("#ribbon[data-step='1'], #ribbon[data-step='0']")  # one step is chosen for all three
    assert "Homework of group 3" in page.inner_text("body") and "--deep_supervision_schedule" in page.inner_text("body")
    assert not complaints
    page.close()


@pytest.mark.parametrize("width", (390, 1280))
def test_the_report_needs_no_sideways_scrolling(browser, tmp_path, run, width):
    page, _ = opened(browser, tmp_path, report_html(CONFIG, run), viewport={"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.close()


def test_the_runs_network_answers_in_the_report_without_a_server(browser, tmp_path, run):
    training = train(CONFIG)
    for _ in training:
        pass
    text = report_html(CONFIG, run, model=training.ema_model)
    assert len(text) < 1_500_000
    page, complaints = opened(browser, tmp_path, text)
    page.wait_for_selector("#stage[data-steps='12']")
    page.locator("#stage .st-board:visible [data-cell='0']").first.click()
    page.keyboard.press("1")
    page.wait_for_selector("#stage[data-own='1'][data-steps='12']")
    assert page.locator("#stage .st-verdict").inner_text()
    assert not complaints
    page.close()


@pytest.mark.parametrize("name", pair_names())
def test_a_report_with_a_tiny_model_of_every_task_can_be_sent_by_mail(run, name):
    model, config = load_checkpoint(checkpoint_name(name, "on"))
    assert len(report_html(config, recorded_run(name, "on")[1], model=model)) < 1_500_000


def test_the_command_writes_a_report_with_the_network_and_without_one_that_cannot_be_read(tmp_path, capsys):
    run, page = tmp_path / "run", tmp_path / "page.html"
    small = ["--updates", "2", "--eval_every", "2", "--eval_puzzles", "4", "--threads", "1", "--device", "cpu"]
    assert main(["train", "--task", "sudoku4", *small, "--out", str(run)]) == 0
    assert main(["report", str(run), "--out", str(page)]) == 0
    assert '<div id="stage">' in page.read_text(encoding="utf-8")
    (run / CHECKPOINT_NAME).write_bytes(b"damaged")
    assert main(["report", str(run), "--out", str(page)]) == 0
    assert "does not answer here" in capsys.readouterr().out
    assert '<div id="stage">' not in page.read_text(encoding="utf-8")


def test_a_model_is_exported_for_the_browser_by_command(tmp_path, capsys):
    path = tmp_path / "maze.json"
    assert main(["export", "maze-linear", "--web", str(path)]) == 0
    assert json.loads(path.read_text(encoding="utf-8")) == json.loads(
        json.dumps(model_file(*load_checkpoint("maze-linear")))
    )
    for wrong, said in ((["--web", "maze.txt"], "ends in .txt"), ([], "out is empty")):
        assert main(["export", "maze-linear", *wrong]) == 2
        assert said in capsys.readouterr().err


def test_a_network_whose_training_diverged_is_said(run):
    model, config = load_checkpoint("sudoku4-linear")
    with torch.no_grad():
        model.lm_head.weight[0, 0] = math.nan
    assert "its training had diverged" in report_html(config, run, model=model)


def test_a_network_that_no_browser_runs_is_said(run, monkeypatch):
    monkeypatch.setattr("trm_explore.web.model_file.MOST_BYTES", 1000)
    model, config = load_checkpoint("sudoku4-linear")
    text = report_html(config, run, model=model)
    assert "does not answer here: the model has 0 MB of weights" in text and '"models": {}' in text


def test_what_a_visitor_wrote_is_text_and_not_markup(browser, tmp_path, run):
    evil = "</script><img src=x onerror=alert(1)><b>"
    frame = next(event for event in run if isinstance(event, ev.Frame))
    named = ev.Frame(frame.update, frame.trajectory | {"label": evil})
    page, complaints = opened(browser, tmp_path, report_html(CONFIG, [*run, named], note=evil))
    assert page.locator("img").count() == 0 and evil in page.inner_text("body")
    assert not complaints
    page.close()


def test_the_last_evaluation_stands_in_the_report_as_a_table(run):
    last = [event for event in run if isinstance(event, ev.Evaluated)][-1]
    text = report_html(CONFIG, run)
    for cell, exact in zip(last.cell_accuracy, last.exact_accuracy, strict=True):
        assert f"<td>{percent(cell)}</td><td>{percent(exact)}</td>" in text


def test_a_long_run_keeps_its_first_and_last_update_and_a_bounded_size(run):
    done = next(event for event in run if isinstance(event, ev.UpdateDone))
    many = [ev.UpdateDone(i, 1.0, done.step_losses, done.weights, 0.0, 0.1, 1.0, float(i)) for i in range(1, 20_001)]
    text = report_html(CONFIG, many)
    assert "[1, 1.0, 1.0" in text and "[20000, 20000.0, 1.0" in text and len(text) < 600_000


def test_a_run_without_an_update_has_no_report():
    with pytest.raises(ValueError, match="no update yet"):
        report_html(CONFIG, [ev.Preparing("puzzles", 1, 2)])


def test_the_table_holds_what_the_events_hold(run):
    rows = list(csv.DictReader(io.StringIO(csv_of(run))))
    updates = [event for event in run if isinstance(event, ev.UpdateDone)]
    evals = {event.update: event for event in run if isinstance(event, ev.Evaluated)}
    assert [int(row["update"]) for row in rows] == [event.update for event in updates]
    for row, event in zip(rows, updates, strict=True):
        assert [float(row[f"loss_step_{k}"]) for k in range(3)] == event.step_losses
        seen = evals.get(event.update)
        solved = [row[f"solved_step_{k}"] for k in range(3)]
        assert solved == ["", "", ""] if seen is None else [float(x) for x in solved] == seen.exact_accuracy


def test_a_figure_that_is_not_a_number_is_an_empty_field_in_the_table():
    lost = ev.UpdateDone(1, math.nan, [math.nan, 1.0], [1.0, 1.0], 0.0, 0.1, 1.0, 0.5)
    row = next(csv.DictReader(io.StringIO(csv_of([lost]))))
    assert (row["loss"], row["loss_step_0"], row["loss_step_1"]) == ("", "", "1.0")


def test_lists_of_changing_length_get_a_column_for_every_step():
    short = ev.UpdateDone(1, 1.0, [1.0], [1.0], 0.0, 0.1, 1.0, 0.5)
    longer = ev.UpdateDone(2, 1.0, [2.0, 3.0], [1.0, 1.0], 0.0, 0.1, 1.0, 0.7)
    first, second = csv.DictReader(io.StringIO(csv_of([short, longer])))
    assert (first["loss_step_1"], second["loss_step_1"]) == ("", "3.0")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("run") / "kept"
    assert main(["train", "--task", "sudoku4", "--updates", "4", "--eval_puzzles", "8", "--out", str(path)]) == 0
    return path


def test_the_command_writes_a_page_and_a_table(folder, tmp_path, capsys):
    for name, start in (("report.html", "<!doctype html>"), ("run.csv", "update,seconds,loss")):
        assert main(["report", str(folder), "--out", str(tmp_path / name), "--note", "of mine"]) == 0
        text = (tmp_path / name).read_text(encoding="utf-8")
        assert text.startswith(start) and str(tmp_path / name) in capsys.readouterr().out
    assert "of mine" in (tmp_path / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("run_name", "out", "said"),
    [
        ("kept", "run.doc", "out=run.doc ends in .doc"),
        ("kept", "run", "ends in nothing"),
        ("nothing", "a.csv", "no run"),
    ],
)
def test_a_wrong_report_is_one_sentence_and_writes_nothing(folder, tmp_path, capsys, monkeypatch, run_name, out, said):
    monkeypatch.chdir(tmp_path)
    assert main(["report", str(folder.parent / run_name), "--out", out]) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1 and not any(tmp_path.iterdir())
