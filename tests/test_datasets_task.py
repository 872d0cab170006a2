"""A published folder as a task, from the command that writes it to a trained checkpoint; and fetching by name."""

import json
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from datasets_inputs import maze_rows, sudoku_rows, write_arc, write_csv, write_csvs
from test_datasets import write_part

from trm_explore.cli import main
from trm_explore.data import download
from trm_explore.data.assets import asset
from trm_explore.data.folder import read_part
from trm_explore.data.labels import IGNORE
from trm_explore.data.passes import Passes
from trm_explore.model.checkpoint import load_checkpoint
from trm_explore.tasks import preset, resolve
from trm_explore.tasks.maze import MazeTask
from trm_explore.tasks.published_folder import PublishedTask
from trm_explore.tasks.sudoku import SudokuTask
from trm_explore.training import events as ev
from trm_explore.training import train

FAST = {"hidden_size": 16, "num_heads": 2, "swiglu_multiple": 8, "batch_size": 3, "updates": 3, "threads": 1}
FAST |= {"eval_puzzles": 4, "device": "cpu", "H_cycles": 2, "L_cycles": 1}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """One folder of each kind, made by the command line; a plain one made by hand."""
    path = tmp_path_factory.mktemp("data")
    write_csvs(path / "sudokus", sudoku_rows())
    write_csvs(path / "mazes", maze_rows())
    write_arc(path / "json")
    for argv in (
        ["sudoku", "sudokus", "--num_aug", "3"],
        ["maze", "mazes", "--aug"],
        ["arc", "json", "--num_aug", "2"],
    ):
        source = str(path / argv.pop(1))
        assert main(["data", argv[0], source, "--output_dir", str(path / argv[0]), *argv[1:]]) == 0
    for part in ("train", "test"):
        write_part(path / "grid" / part)
    return path


@pytest.mark.parametrize("kind", ["sudoku", "maze", "arc", "grid"])
def test_every_kind_of_folder_trains_and_is_drawn(made, kind):
    task, config = resolve(preset(str(made / kind), **FAST))
    assert isinstance(task, PublishedTask) and task.kind == kind and task.name == f"published:{kind}"
    board = task.board()
    assert len(board["symbols"]) == task.vocab_size and board["rows"] * board["cols"] == task.seq_len
    assert (board["kind"], board["box"]) == ("path" if kind == "maze" else "grid", [3, 3] if kind == "sudoku" else None)
    events = list(train(config))
    assert [event.update for event in events if isinstance(event, ev.UpdateDone)] == [1, 2, 3]
    assert isinstance(events[-1], ev.Finished) and any(isinstance(event, ev.Frame) for event in events)
    prepared = [(event.done, event.total) for event in events if isinstance(event, ev.Preparing)]
    assert prepared[-1][0] == prepared[-1][1] == read_part(made / kind, "train").examples + len(task._order)


def test_training_sees_the_passes_and_evaluation_all_of_test(made):
    task = PublishedTask(str(made / "arc"), seed=4)
    train_part, test_part = read_part(made / "arc", "train"), read_part(made / "arc", "test")
    passes = Passes(train_part.puzzle_indices, train_part.group_indices, 4)
    rng = np.random.default_rng(0)
    for n, drawn in ((3, 0), (5, 3), (40, 8)):
        drawn_now, wanted = task.draw(n, rng, drawn), train_part.batch(passes.rows(drawn, n))
        assert all(np.array_equal(drawn_now[name], wanted[name]) for name in wanted)
    held_out = task.held_out(10**6)
    everything = test_part.batch(np.arange(test_part.examples))
    assert sorted(map(bytes, held_out["inputs"])) == sorted(map(bytes, everything["inputs"]))
    sampled = task.sample(400, rng)
    assert set(map(bytes, sampled["inputs"])) == set(
        map(bytes, train_part.batch(np.arange(train_part.examples))["inputs"])
    )


def test_the_first_held_out_examples_are_different_tasks_as_they_are(made):
    names = json.loads((made / "arc" / "identifiers.json").read_text())
    firsts = PublishedTask(str(made / "arc")).held_out(2)["puzzle_identifiers"]
    assert sorted(names[number] for number in firsts) == ["task3", "task4"]
    all_of_them = PublishedTask(str(made / "arc")).held_out(99)["puzzle_identifiers"]
    assert [names[number][:5] for number in all_of_them[2:4]] != ["task3", "task3"]


def test_an_epoch_is_one_pass(made):
    sudoku, arc = PublishedTask(str(made / "sudoku")), PublishedTask(str(made / "arc"))
    assert sudoku.train_windows == 3  # three groups of one puzzle and its copies
    assert arc.train_windows == 3 * 3 + 2 * 2  # three tasks with their question, two without
    updates = list(train(preset(str(made / "sudoku"), **FAST | {"updates": 1, "num_epochs": 4, "batch_size": 2})))
    assert sum(isinstance(event, ev.UpdateDone) for event in updates) == 4 * 2


def test_a_resumed_run_sees_what_an_uninterrupted_one_sees(made, tmp_path):
    config = preset(str(made / "arc"), **FAST | {"updates": 6, "supervision_steps": 2})
    training, losses = train(config), []
    for event in training:
        if isinstance(event, ev.UpdateDone):
            losses.append(event.loss)
            if event.update == 3:  # in the middle of a puzzle's stay
                saved = training.save(tmp_path / "model.safetensors")
    rest = train(config, resume=saved)
    assert [event.loss for event in rest if isinstance(event, ev.UpdateDone)] == losses[3:] and len(losses) == 6


def test_a_table_of_puzzle_vectors_takes_its_rows_from_the_folder(made):
    arc = preset(str(made / "arc"), puzzle_emb_len=1, **FAST)
    task, config = resolve(arc)
    assert config.model.num_puzzle_identifiers == task.num_puzzle_identifiers > 5
    training = train(arc)
    before = training.model.puzzle_emb.clone()
    list(training)
    changed = (training.model.puzzle_emb != before).any(1)
    assert changed.any() and not changed[0]  # puzzles of the batches, never the blank
    assert resolve(preset(str(made / "arc"), **FAST))[1].model.num_puzzle_identifiers == 0
    with pytest.raises(ValueError, match="num_puzzle_identifiers=2 is too small for the task published:arc, which has"):
        resolve(arc.with_flat(num_puzzle_identifiers=2))


def test_answers_are_judged_by_the_labels_as_published(made):
    task = PublishedTask(str(made / "maze"))
    puzzles = task.held_out(1)
    labels = puzzles["labels"]
    assert task.check(puzzles["inputs"], labels, labels).all()
    other = labels.copy()
    other[0, 0] = 3 - other[0, 0] if other[0, 0] < 3 else 1
    assert not task.check(puzzles["inputs"], other, labels).any()
    arc = PublishedTask(str(made / "arc")).held_out(1)
    filled = np.where(arc["labels"] == IGNORE, 7, arc["labels"])  # what lies outside the grid is not scored
    assert (arc["labels"] == IGNORE).any() and task.check(arc["inputs"], filled, arc["labels"]).all()


def test_typed_puzzles_are_those_of_our_own_tasks_with_a_blank_identifier(made):
    for kind, own in (("sudoku", SudokuTask(9)), ("maze", MazeTask())):
        text = sudoku_rows()[0][1] if kind == "sudoku" else "S..../####./...../.####/....G"
        task = PublishedTask(str(made / kind))
        (puzzle, remark), (wanted, same) = task.read(text), own.read(text)
        assert puzzle.pop("puzzle_identifiers").tolist() == [0] and remark == same
        assert all(np.array_equal(puzzle[name], wanted[name]) for name in wanted)
        assert task.shape_of(puzzle) == own.shape_of(wanted)
        assert np.array_equal(task.given(puzzle["inputs"]), own.given(wanted["inputs"]))
    with pytest.raises(ValueError, match="reads no typed puzzles"):
        PublishedTask(str(made / "arc")).read("1")


def test_other_folders_and_files_are_loaded_for_evaluation(made, tmp_path):
    task = PublishedTask(str(made / "sudoku"))
    assert len(task.load(str(made / "sudoku"))["labels"]) == 1
    loaded = task.load(str(made / "sudokus" / "train.csv"))
    assert loaded["inputs"].shape == (3, 81) and loaded["puzzle_identifiers"].tolist() == [0, 0, 0]
    with pytest.raises(ValueError, match=r"maze has seq_len=25, but the model was trained on seq_len=81"):
        task.load(str(made / "maze"))
    with pytest.raises(ValueError, match="there is no .*nothing/test/dataset.json"):
        PublishedTask(str(made / "maze")).load(str(tmp_path / "nothing"))


def test_ratings_and_votes_are_there_where_the_folder_has_them(made):
    sudoku, arc = PublishedTask(str(made / "sudoku")), PublishedTask(str(made / "arc"))
    assert sudoku.held_out(5)["ratings"].tolist() == [0.0] == sudoku.load(str(made / "sudoku"))["ratings"].tolist()
    assert sudoku.votes() is None and "ratings" not in sudoku.draw(2, np.random.default_rng(0), 0)
    assert "ratings" not in arc.held_out(5) and arc.votes().pass_at((1,)) == {1: 0.0}


def test_a_folder_with_a_task_json_is_read_by_it(made, tmp_path):
    shutil.copytree(made / "grid", tmp_path / "both")
    (tmp_path / "both" / "task.json").write_text("{}")
    with pytest.raises(ValueError, match="it has no rows"):
        resolve(preset(str(tmp_path / "both")))


# ---- the command line


def one_line(capsys, argv) -> str:
    assert main(argv) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("trm-explore: ") and err.count("\n") == 1
    return err


def test_from_csv_to_checkpoint_in_the_terminal(made, tmp_path, capsys):
    flags = [word for name, value in FAST.items() for word in (f"--{name}", str(value))]
    run = str(tmp_path / "run")
    assert main(["train", "--task", str(made / "sudoku"), *flags, "--out", run]) == 0
    assert main(["evaluate", run]) == 0
    assert main(["evaluate", run, "--data", str(made / "sudokus" / "train.csv")]) == 0
    assert main(["show", run, "--puzzle", sudoku_rows()[1][1]]) == 0
    assert "step 1:" in capsys.readouterr().out


def test_what_was_written_and_what_is_there_is_said(made, tmp_path, capsys):
    assert main(["data", "sudoku", str(made / "sudokus"), "--output_dir", str(tmp_path / "s"), "--num_aug", "2"]) == 0
    out = capsys.readouterr().out
    assert "9 training examples of 3 puzzles and their copies, 1 held out, with ratings" in out
    assert f"trm-explore train --task {tmp_path / 's'}" in out
    for kind, words in {
        "sudoku": "9x9 Sudokus: 81 cells, 11 symbols, 1 identifiers",
        "maze": "mazes: 25 cells, 6 symbols, 1 identifiers",
        "arc": "ARC grids: 900 cells, 12 symbols",
        "grid": "plain grids: 4 cells, 7 symbols, 5 identifiers",
    }.items():
        assert main(["data", "check", str(made / kind)]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert lines[0].startswith(words) and lines[1].startswith("train: ") and lines[2].startswith("test: ")
    assert lines[1] == "train: 8 examples of 5 puzzles in 3 groups of 1 to 2"


def test_missing_solutions_are_said(tmp_path, capsys):
    folder = write_arc(tmp_path / "json", ())
    assert main(["data", "arc", str(folder), "--output_dir", str(tmp_path / "out"), "--num_aug", "0"]) == 0
    assert "Note: arc-agi_training_solutions.json is not there" in capsys.readouterr().out


def test_what_is_wrong_is_one_sentence_with_status_2(made, tmp_path, capsys):
    folder = str(made / "sudokus")
    assert "output_dir is empty" in one_line(capsys, ["data", "sudoku", folder])
    assert "seed=-1 must be" in one_line(capsys, ["data", "maze", folder, "--output_dir", "x", "--seed", "-1"])
    too_large = ["data", "sudoku", folder, "--output_dir", "x", "--seed", str(2**32)]
    assert "it must be below 4294967296" in one_line(capsys, too_large)
    assert "question has '2' at cell 1" in one_line(
        capsys, ["data", "maze", folder, "--output_dir", str(tmp_path / "x")]
    )
    assert "there is no" in one_line(capsys, ["data", "check", str(tmp_path)])
    assert not list(tmp_path.iterdir())


def test_a_broken_folder_ends_training_with_one_sentence_before_it_begins(made, tmp_path, capsys):
    flags = [word for name, value in FAST.items() for word in (f"--{name}", str(value))]
    shutil.copytree(made / "grid", tmp_path / "bad")
    write_part(tmp_path / "bad" / "test", seq_len=4, vocab_size=8)
    assert "vocab_size is 7 in train, but 8 in test" in one_line(
        capsys, ["train", "--task", str(tmp_path / "bad"), *flags]
    )
    inputs = np.ones((8, 4), dtype=np.uint8)
    inputs[5, 3] = 9
    write_part(tmp_path / "bad" / "test", inputs=inputs)
    assert main(["train", "--task", str(tmp_path / "bad"), *flags]) == 2
    assert "example 5 has 9 at position 3, outside the vocabulary" in capsys.readouterr().err
    shutil.rmtree(tmp_path / "bad" / "test")
    assert "bad/test/dataset.json" in one_line(capsys, ["train", "--task", str(tmp_path / "bad"), *flags])


# ---- fetching by name


@pytest.fixture
def hub(monkeypatch):
    """What huggingface_hub is asked for, and a folder to answer with; nothing reaches the network."""
    import huggingface_hub

    asked, state = [], {"folder": None}

    def get(repository, file, *, repo_type, local_files_only):
        asked.append((repository, file, repo_type, local_files_only))
        if state["folder"] is None or local_files_only:
            raise OSError("no route to the hub.\nmore words")
        return str(state["folder"] / file)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", get)
    return asked, state


def test_a_name_is_fetched_and_then_built(hub, tmp_path, capsys):
    asked, state = hub
    state["folder"] = write_csvs(tmp_path / "cache", sudoku_rows())
    assert main(["data", "sudoku", "sudoku-extreme", "--output_dir", str(tmp_path / "out")]) == 0
    fetched = [entry for entry in asked if not entry[3]]
    assert fetched == [("sapientinc/sudoku-extreme", f"{part}.csv", "dataset", False) for part in ("train", "test")]
    assert read_part(tmp_path / "out", "train").examples == 3


def test_offline_one_sentence_says_what_to_fetch_and_where_to_put_it(hub, tmp_path, capsys):
    said = one_line(capsys, ["data", "maze", "maze-hard", "--output_dir", str(tmp_path / "out")])
    assert "could not be fetched (no route to the hub); fetch train.csv and test.csv from" in said
    assert "https://huggingface.co/datasets/sapientinc/maze-30x30-hard-1k" in said and "give that folder" in said
    with pytest.raises(ValueError, match="there is no data set 'x' to fetch"):
        download.fetch("x")


def test_without_huggingface_hub_one_sentence_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ValueError, match=re.escape("pip install 'trm-explore[hub]', or fetch train.csv")):
        download.fetch("sudoku-extreme")


@pytest.mark.parametrize(("name", "file"), [("", "model.safetensors"), ("/small/a.safetensors", "small/a.safetensors")])
def test_a_checkpoint_is_fetched_by_the_name_of_its_repository(hub, tmp_path, name, file):
    asked, state = hub
    state["folder"] = tmp_path
    (tmp_path / file).parent.mkdir(exist_ok=True)
    shutil.copy(asset("sudoku4-linear"), tmp_path / file)
    model, config = load_checkpoint(f"hf://somebody/sudoku{name}")
    assert config.task == "sudoku4" and model.config == load_checkpoint("sudoku4-linear")[0].config
    assert asked == [("somebody/sudoku", file, "model", here_only) for here_only in (True, False)]


def test_a_checkpoint_that_cannot_be_fetched_is_one_sentence(hub, monkeypatch, capsys):
    said = one_line(capsys, ["evaluate", "hf://somebody/sudoku"])
    assert "could not be fetched (no route to the hub); fetch model.safetensors from" in said
    assert "https://huggingface.co/somebody/sudoku, and give its path instead" in said
    for name in ("hf://", "hf://somebody", "hf://a/b/c", "hf://a b/c", "hf://a/b/../../x.bin"):
        with pytest.raises(ValueError, match=f"^{name!r} names no checkpoint on the hub; give hf://user/name"):
            load_checkpoint(name)
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ValueError, match=re.escape("pip install 'trm-explore[hub]', or fetch model.safetensors")):
        load_checkpoint("hf://somebody/sudoku")


def test_nothing_is_fetched_where_the_folder_is_taken(hub, tmp_path, capsys):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("x")
    said = one_line(capsys, ["data", "sudoku", "sudoku-extreme", "--output_dir", str(tmp_path / "out")])
    assert "is there already" in said and not hub[0]


@pytest.mark.slow
def test_only_download_py_needs_huggingface_hub(made):
    code = (
        "import sys; sys.modules['huggingface_hub'] = None\n"
        "from trm_explore.data import arc, download, folder, maze, sudoku, votes\n"
        f"print(folder.read_part({str(made / 'sudoku')!r}, 'train').examples)"
    )
    ran = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True)
    assert (ran.stdout, ran.stderr) == ("12\n", "")


def test_a_csv_alone_holds_a_part_of_itself_out(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("trm_explore.data.from_csv.TENTH", np.uint64(2))
    path = write_csv(tmp_path / "all.csv", sudoku_rows())
    assert main(["data", "sudoku", str(path), "--output_dir", str(tmp_path / "out")]) == 0
    assert main(["data", "check", str(tmp_path / "out")]) == 0
    second = ["data", "sudoku", str(path), "--test", str(path), "--output_dir", str(tmp_path / "both")]
    assert (
        main(second) == 0 and "4 training examples of 4 puzzles and their copies, 4 held out" in capsys.readouterr().out
    )


def test_evaluate_says_accuracy_by_rating_and_the_vote(made, tmp_path, capsys):
    flags = [word for name, value in FAST.items() for word in (f"--{name}", str(value))]
    for kind in ("sudoku", "arc"):
        assert main(["train", "--task", str(made / kind), *flags, "--out", str(tmp_path / kind)]) == 0
    capsys.readouterr()
    assert main(["evaluate", str(tmp_path / "sudoku"), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    (band,) = said["by_rating"]
    assert (band["low"], band["count"]) == (0, 1) and band["exact_accuracy"] == said["exact_accuracy"]
    assert "pass_at" not in said
    assert main(["evaluate", str(tmp_path / "sudoku")]) == 0
    assert "last step" in capsys.readouterr().out
    assert main(["evaluate", str(tmp_path / "arc"), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["puzzles"] == 6 and set(said["pass_at"]) == {"1", "2", "5", "10", "100", "1000"}
    assert main(["evaluate", str(tmp_path / "arc"), "--data", str(made / "arc")]) == 0
    assert "votes of the copies evaluated: pass@1 0.00%" in capsys.readouterr().out
