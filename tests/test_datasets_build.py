"""Building data folders: what the published builders write, symmetric copies that stay puzzles, and refusals that leave
nothing behind."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from datasets_inputs import (
    QUESTIONS,
    SUBSETS,
    arc_tasks,
    digests,
    maze_rows,
    sudoku_rows,
    write_arc,
    write_csv,
    write_csvs,
)
from hypothesis import given
from hypothesis import strategies as st

from trm_explore.data import puzzle_file, writer
from trm_explore.data.arc import build_arc
from trm_explore.data.dihedral import BACK, WAYS, turned, turned_back
from trm_explore.data.folder import read_part
from trm_explore.data.maze import build_maze
from trm_explore.data.sudoku import build_sudoku, shuffled
from trm_explore.data.sudoku_rules import is_solution, parse_puzzle, solve
from trm_explore.data.symmetry import symmetry_key

PUBLISHED = json.loads((Path(__file__).parent / "data" / "datasets-digests.json").read_text())


def built(steps):
    """What a builder returns; its progress must rise and end where it said."""
    seen = []
    while True:
        try:
            seen.append(next(steps))
        except StopIteration as end:
            assert seen and all(0 <= done <= total for done, total in seen)
            assert seen[-1][0] == seen[-1][1]
            return end.value


# ---- the same folders as the published builders'


@pytest.mark.parametrize("name", ["sudoku", "sudoku_min"])
def test_sudokus_come_out_as_from_the_published_builder(tmp_path, name):
    source = write_csvs(tmp_path / "csv", sudoku_rows())
    options = {"sudoku": {"subsample_size": 2, "num_aug": 4, "seed": 5}, "sudoku_min": {"min_difficulty": 0}}[name]
    built(build_sudoku(source, tmp_path / "out", **options))
    assert digests(tmp_path / "out") == PUBLISHED[name]


def test_mazes_come_out_as_from_the_published_builder(tmp_path):
    source = write_csvs(tmp_path / "csv", maze_rows())
    built(build_maze(source, tmp_path / "out", subsample_size=2, aug=True, seed=5))
    assert digests(tmp_path / "out") == PUBLISHED["maze"]


def test_arc_comes_out_as_from_the_published_builder(tmp_path):
    built(build_arc([write_arc(tmp_path / "arc")], tmp_path / "out", num_aug=6))
    assert digests(tmp_path / "out") == PUBLISHED["arc"]


def test_arc_without_solutions_comes_out_as_from_the_published_builder_and_says_so(tmp_path):
    done = built(build_arc([write_arc(tmp_path / "arc", ("training",))], tmp_path / "out", num_aug=2, seed=3))
    assert digests(tmp_path / "out") == PUBLISHED["arc_unsolved"]
    assert (
        done.note == "arc-agi_evaluation_solutions.json is not there, so the answers to 2 questions are made up ([[0]])"
    )


def test_files_have_the_bytes_that_numpy_would_save(tmp_path):
    built(build_sudoku(write_csvs(tmp_path / "csv", sudoku_rows()), tmp_path / "out", num_aug=1))
    for path in (tmp_path / "out").rglob("*.npy"):
        np.save(tmp_path / "again.npy", np.load(path))
        assert path.read_bytes() == (tmp_path / "again.npy").read_bytes(), path


# ---- copies


@given(st.integers(0, 2**32 - 1))
def test_a_shuffled_sudoku_is_a_copy_with_the_copied_answer(seed):
    question, answer = parse_puzzle(QUESTIONS[0]), solve(parse_puzzle(QUESTIONS[0]))
    cells, tokens = shuffled(np.random.RandomState(seed))
    assert sorted(cells) == list(range(81)) and sorted(tokens) == list(range(11)) and tokens[:2].tolist() == [0, 1]
    copy, solved = (tokens[digits[cells] + 1] - 1 for digits in (question, answer))
    assert is_solution(copy[None], solved[None])[0]
    assert symmetry_key(copy[None], 9) == symmetry_key(question[None], 9)


def test_shuffles_reach_every_kind_of_change():
    drawn = [shuffled(np.random.RandomState(seed)) for seed in range(400)]
    assert len({tokens.tobytes() for _, tokens in drawn}) > 390
    starts = np.array([cells[0] for cells, _ in drawn])
    assert set(starts) == set(range(81))  # any cell may come to the corner
    along_row = np.array([abs(int(cells[1]) - int(cells[0])) < 3 for cells, _ in drawn])
    assert 150 < along_row.sum() < 250  # half of them transposed


@given(st.integers(1, 4), st.integers(1, 4), st.randoms(use_true_random=False))
def test_turning_is_undone_and_the_eight_ways_are_different(rows, cols, random):
    board = np.array([[random.randrange(10**6) for _ in range(cols)] for _ in range(rows)])
    for way in range(WAYS):
        assert np.array_equal(turned_back(turned(board, way), way), board)
        stacked = turned(np.stack([board, board]), way)
        assert all(np.array_equal(one, turned(board, way)) for one in stacked)
    assert sorted(BACK) == list(range(8))


def test_the_eight_ways_are_numbered_as_published():
    board = np.array([[1, 2, 3], [4, 5, 6]])
    shown = [
        [[1, 2, 3], [4, 5, 6]],
        [[3, 6], [2, 5], [1, 4]],
        [[6, 5, 4], [3, 2, 1]],
        [[4, 1], [5, 2], [6, 3]],
        [[3, 2, 1], [6, 5, 4]],
        [[4, 5, 6], [1, 2, 3]],
        [[1, 4], [2, 5], [3, 6]],
        [[6, 3], [5, 2], [4, 1]],
    ]
    assert [turned(board, way).tolist() for way in range(WAYS)] == shown


# ---- what goes where


def many_sudokus(n: int) -> list[list[str]]:
    """Copies of the four puzzles, each with the rating of its puzzle."""
    rows, rng = [], np.random.RandomState(1)
    for i in range(n):
        _, question, answer, rating = sudoku_rows()[i % 4]
        cells, tokens = shuffled(rng)
        two = (
            tokens[np.array([0 if c == "." else int(c) for c in text])[cells] + 1] - 1 for text in (question, answer)
        )
        texts = ["".join("." if d == 0 else str(d) for d in digits) for digits in two]
        rows.append(["copy", *texts, rating])
    return rows


def test_of_one_file_no_copy_is_on_both_sides(tmp_path, monkeypatch):
    monkeypatch.setattr(puzzle_file, "CHUNK", 7)  # several chunks
    monkeypatch.setattr("trm_explore.data.from_csv.TENTH", np.uint64(2))  # half of four puzzles, instead of a tenth
    path = write_csv(tmp_path / "all.csv", many_sudokus(40))
    done = built(build_sudoku(path, tmp_path / "out", num_aug=2))
    train, test = read_part(tmp_path / "out", "train"), read_part(tmp_path / "out", "test")
    keys = [set(symmetry_key(np.asarray(part.inputs) - 1, 9).tolist()) for part in (train, test)]
    assert keys[0] and keys[1] and not keys[0] & keys[1] and len(keys[0] | keys[1]) == 4
    assert (
        (done.train_puzzles, done.train_examples) == (train.groups, train.examples) == (train.groups, 3 * train.groups)
    )
    assert done.test_examples == test.examples and train.groups + test.examples == 40


def test_ratings_stay_with_their_puzzles_and_the_files_order_is_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(puzzle_file, "CHUNK", 3)
    rows = many_sudokus(11)
    write_csv(tmp_path / "csv" / "train.csv", rows)
    write_csv(tmp_path / "csv" / "test.csv", rows[:2])
    texts = {row[1]: float(row[3]) for row in rows}
    for number, options in enumerate(({}, {"subsample_size": 6, "seed": 2}, {"subsample_size": 99})):
        built(build_sudoku(tmp_path / "csv", tmp_path / f"out{number}", num_aug=3, **options))
        part = read_part(tmp_path / f"out{number}", "train")
        firsts = np.asarray(part.inputs)[part.group_indices[:-1]]
        questions = ["".join("." if token == 1 else str(token - 1) for token in row) for row in firsts]
        assert part.ratings.reshape(-1, 4).tolist() == [[texts[question]] * 4 for question in questions]
        assert len(set(questions)) == part.groups == min(options.get("subsample_size", 11), 11)
        drawn = np.random.RandomState(2).choice(11, 6, replace=False) if "seed" in options else range(11)
        assert questions == [rows[i][1] for i in drawn]


def test_equal_seeds_give_equal_folders_and_others_do_not(tmp_path):
    source = write_csvs(tmp_path / "csv", sudoku_rows())
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        built(build_sudoku(source, tmp_path / name, num_aug=2, subsample_size=2, seed=seed))
    assert digests(tmp_path / "a") == digests(tmp_path / "b") != digests(tmp_path / "c")


def test_without_a_column_of_ratings_there_is_no_array_of_them(tmp_path):
    for name, rows in (("train", sudoku_rows()[:3]), ("test", sudoku_rows()[3:])):
        write_csv(tmp_path / "csv" / f"{name}.csv", [row[1:3][::-1] for row in rows], "Answer,Question")
    assert not built(build_sudoku(tmp_path / "csv", tmp_path / "out")).rated
    assert not list((tmp_path / "out").rglob("*ratings*")) and read_part(tmp_path / "out", "train").ratings is None


def test_arc_copies_are_different_and_small_tasks_have_fewer(tmp_path):
    done = built(build_arc([write_arc(tmp_path / "arc")], tmp_path / "out", num_aug=40))
    part = read_part(tmp_path / "out", "train")
    assert done.train_puzzles == part.groups == 5 and (np.diff(part.group_indices) <= 41).all()
    names = json.loads((tmp_path / "out" / "identifiers.json").read_text())
    assert len(set(names)) == len(names) == part.num_puzzle_identifiers and names[0] == "<blank>"
    assert {name.split("|||")[0] for name in names[1:]} == set(arc_tasks())
    tested = json.loads((tmp_path / "out" / "test_puzzles.json").read_text())
    assert tested == {name: arc_tasks()[name] for name in ("task3", "task4")}


def test_arc_tasks_with_few_different_copies_get_no_more(tmp_path):
    folder = write_arc(tmp_path / "json")
    spoiled(lambda tasks: tasks["task0"].update(train=[{"input": [[1]], "output": [[0]]}], test=[{"input": [[0]]}]))(
        folder
    )
    (folder / "arc-agi_training_solutions.json").unlink()
    built(build_arc([folder], tmp_path / "out", num_aug=40))
    sizes = np.diff(read_part(tmp_path / "out", "train").group_indices)
    assert sorted(sizes)[0] == 9 and (sizes <= 41).all()  # nine colours, and a cell is the same however it is turned


# ---- refusals: one sentence, and nothing left behind

BAD_SUDOKUS = {
    "no such column": ("source,quest,answer,rating", None, "it has no column question (or puzzle"),
    "too short": (
        None,
        lambda rows: rows[1].__setitem__(1, "12"),
        "line 3, question: The puzzle has 2 cells, but 81",
    ),
    "a letter": (
        None,
        lambda rows: rows[2].__setitem__(1, "k" + QUESTIONS[2][1:]),
        "line 4, question: The puzzle has 'k' in row 1 column 1",
    ),
    "a sign beyond bytes": (
        None,
        lambda rows: rows[2].__setitem__(2, "日" + "1" * 80),
        "line 4, answer: The puzzle has '日' in row 1 column 1",
    ),
    "another answer": (
        None,
        lambda rows: rows[1].__setitem__(2, rows[0][2]),
        "line 3: The answer does not solve its question (row 1 column 1 is 1 in the question and 2 in the answer)",
    ),
    "a blank answer": (
        None,
        lambda rows: rows[0].__setitem__(2, rows[0][1]),
        "line 2: The answer does not solve its question (the answer leaves 57 cells blank)",
    ),
    "a wrong answer": (
        None,
        lambda rows: rows[0].__setitem__(2, "".join("8" if q == "." else q for q in rows[0][1])),
        "line 2: The answer does not solve its question (8 stands 6 times in row 1)",
    ),
    "a rating of words": (
        None,
        lambda rows: rows[2].__setitem__(3, "hard"),
        "line 4: rating is 'hard'; it must be a number",
    ),
    "an endless rating": (
        None,
        lambda rows: rows[2].__setitem__(3, "inf"),
        "line 4: rating is 'inf'; it must be a number",
    ),
    "a short row": (None, lambda rows: rows[1].__delitem__(slice(2, None)), "line 3: it has 2 columns"),
    "no rows": (None, lambda rows: rows.clear(), "train.csv has no puzzles in it"),
}


def refused(steps, folder: Path, out: str = "out") -> str:
    before = {path.relative_to(folder) for path in folder.rglob("*")}
    with pytest.raises((ValueError, OSError)) as error:
        for _ in steps:
            pass
    assert {path.relative_to(folder) for path in folder.rglob("*")} == before, "something was left behind"
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("what", BAD_SUDOKUS)
def test_a_bad_csv_is_refused_with_its_row(tmp_path, what):
    header, spoil, fragment = BAD_SUDOKUS[what]
    source = write_csvs(tmp_path, sudoku_rows())
    rows = sudoku_rows()[:3]
    if spoil:
        spoil(rows)
    write_csv(source / "train.csv", rows, header or "source,question,answer,rating")
    said = refused(build_sudoku(source, tmp_path / "out"), tmp_path)
    assert fragment in said and "train.csv" in said


BAD_MAZES = {
    "no square": (("S G",), "question has 3 cells, which is no square board"),
    "two starts": (("SS G", "SSoG"), "the question has 2 S and 1 G"),
    "another board": (("S  G", "So#G"), "the answer changes the board in row 2 column 1"),
    "no way": (("S## " + "####" + "####" + "G   ",) * 2, "the cells marked in the answer do not lead from S to G"),
    "another sign": (("S.?G",), "question has '.' at cell 2; allowed are '#', ' ', 'S', 'G', 'o'"),
}


@pytest.mark.parametrize("what", BAD_MAZES)
def test_a_bad_maze_is_refused_with_its_row(tmp_path, what):
    texts, fragment = BAD_MAZES[what]
    path = write_csv(tmp_path / "mazes.csv", [["x", texts[0], texts[-1], "1"]])
    said = refused(build_maze(path, tmp_path / "out"), tmp_path)
    assert "mazes.csv, line 2: " in said and fragment in said


def test_files_that_cannot_be_read_are_one_sentence(tmp_path):
    (tmp_path / "bytes.csv").write_bytes(b"question,answer\n\xff\xff,1\n")
    (tmp_path / "some").mkdir()
    cases = {
        "there is no file": build_sudoku(tmp_path / "nothing.csv", tmp_path / "out"),
        "some/train.csv": build_sudoku(tmp_path / "some", tmp_path / "out"),
        "is not UTF-8 text (it has a byte 0xff in line 2)": build_sudoku(tmp_path / "bytes.csv", tmp_path / "out"),
        "test='x.csv' has no use": build_sudoku(tmp_path / "some", tmp_path / "out", test="x.csv"),
    }
    for fragment, steps in cases.items():
        assert fragment in refused(steps, tmp_path)


def test_settings_that_cannot_be_are_one_sentence(tmp_path):
    source = write_csvs(tmp_path, sudoku_rows())
    unrated = write_csv(tmp_path / "unrated.csv", [row[1:3] for row in sudoku_rows()], "question,answer")
    out = tmp_path / "out"
    cases = {
        "subsample_size=0 must be at least 1": build_sudoku(source, out, subsample_size=0),
        "num_aug=-1 must be at least 0": lambda: build_sudoku(source, out, num_aug=-1),
        "no puzzles to train on that are rated 9 or more": build_sudoku(source, out, min_difficulty=9),
        "min_difficulty=1 needs a column rating": build_sudoku(unrated, out, min_difficulty=1),
        "no puzzles to hold out: 4 rows are too few": build_sudoku(unrated, out),
        "output_dir is empty": build_sudoku(source, ""),
        f"output_dir={str(tmp_path)!r} is there already": build_sudoku(source, tmp_path),
    }
    for fragment, steps in cases.items():
        if callable(steps):
            with pytest.raises(ValueError, match=re.escape(fragment)):
                steps()
        else:
            assert fragment in refused(steps, tmp_path)


def test_an_empty_folder_of_that_name_is_used(tmp_path):
    (tmp_path / "out").mkdir()
    built(build_sudoku(write_csvs(tmp_path / "csv", sudoku_rows()), tmp_path / "out"))
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["identifiers.json", "test", "train"]
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_a_full_disk_and_a_build_that_is_given_up_leave_nothing(tmp_path, monkeypatch):
    source = write_csvs(tmp_path, sudoku_rows())
    steps = build_sudoku(source, tmp_path / "out", num_aug=5)
    for _ in range(4):
        next(steps)
    assert [path for path in tmp_path.iterdir() if path.name.startswith(".out.")]
    steps.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["test.csv", "train.csv"]

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writer.PartWriter, "append", full)
    assert "the disk is full; nothing was kept" in refused(build_sudoku(source, tmp_path / "out"), tmp_path)


def spoiled(change):
    """A change to the training subset's tasks."""

    def spoil(folder: Path) -> None:
        path = folder / "arc-agi_training_challenges.json"
        tasks = json.loads(path.read_text())
        change(tasks)
        path.write_text(json.dumps(tasks))

    return spoil


BAD_ARC = {
    "no file": (lambda f: (f / "arc-agi_training_challenges.json").unlink(), "one file *_training_challenges.json is"),
    "two files": (lambda f: (f / "b_training_challenges.json").write_text("{}"), "but there are 2"),
    "no JSON": (lambda f: (f / "arc-agi_training_challenges.json").write_text("{"), "is not JSON that can be read"),
    "a list": (lambda f: (f / "arc-agi_training_challenges.json").write_text("[]"), "must hold one JSON object"),
    "no examples": (
        spoiled(lambda t: t["task1"].update(train=[])),
        "task task1: its list train is empty; it must have at least one example",
    ),
    "no list": (
        spoiled(lambda t: t["task1"].pop("test")),
        "task task1: it has no list test; it must have the lists tra",
    ),
    "no list but a number": (spoiled(lambda t: t["task1"].update(train=5)), "task1: its train is 5; it must be a list"),
    "no object": (spoiled(lambda t: t.update(task1="x" * 5000)), "task1: it is 'xxxx"),
    "no object for an example": (
        spoiled(lambda t: t["task1"]["test"].append([])),
        "its test example 1 is []; it must be",
    ),
    "a long name": (spoiled(lambda t: t.update({"y" * 5000: {}})), "it has no list train"),
    "no output": (
        spoiled(lambda t: t["task1"]["train"][1].pop("output")),
        "its train example 1 has no output; each tra",
    ),
    "no input": (
        spoiled(lambda t: t["task1"]["train"][0].pop("input")),
        "task task1: its train example 0 has no input",
    ),
    "a colour": (
        spoiled(lambda t: t["task2"]["train"][1].update(input=[[10]])),
        "task task2, train 1, input has a col",
    ),
    "ragged": (spoiled(lambda t: t["task2"]["train"][1].update(output=[[1], [1, 2]])), "train 1, output is no grid"),
    "too large": (spoiled(lambda t: t["task0"]["test"][0].update(input=[[1] * 31])), "task task0, test 0, input is no"),
    "half solved": (
        lambda f: (f / "arc-agi_training_solutions.json").write_text('{"task0": [[[1]]]}'),
        "task task1: it must have 1 solutions, one a question",
    ),
    "the same task": (spoiled(lambda t: t.update(task3=t["task0"])), "has"),
}


@pytest.mark.parametrize("what", BAD_ARC)
def test_bad_arc_files_are_refused_with_file_and_task(tmp_path, what):
    folder = write_arc(tmp_path / "arc", ("evaluation",) if what == "the same task" else ("training", "evaluation"))
    spoil, fragment = BAD_ARC[what]
    spoil(folder)
    said = refused(build_arc([folder], tmp_path / "out", num_aug=1), tmp_path)
    assert len(said) < 600
    assert fragment in said if what != "the same task" else "task3 stands in more than one of the subsets" in said


PUBLIC = {  # where a public repository's files are -> what is given
    "the repository": ("data/{}", ("",)),
    "its data": ("{}", ("",)),
    "both subsets' folders": ("{}", ("training", "evaluation")),
}


@pytest.mark.parametrize("layout", PUBLIC)
def test_arc_in_the_public_repositories_layout_is_the_same_data(tmp_path, layout):
    """One file a task, its answers inside, and further keys a task in either layout."""
    built(build_arc([write_arc(tmp_path / "kaggle")], tmp_path / "out", num_aug=6))
    where, given = PUBLIC[layout]
    for subset, names in SUBSETS.items():
        folder = tmp_path / "public" / where.format(subset)
        folder.mkdir(parents=True)
        for name in names:
            (folder / f"{name}.json").write_text(json.dumps({"name": name, **arc_tasks()[name], "level": [3]}))
        (folder / "._task0.json").write_bytes(b"a Mac's remark")
    built(build_arc([str(tmp_path / "public" / part) for part in given], tmp_path / "public_out", num_aug=6))
    assert digests(tmp_path / "public_out") == digests(tmp_path / "out") == PUBLISHED["arc"]


def test_further_keys_of_kaggles_arc_tasks_are_left_out(tmp_path):
    folder = write_arc(tmp_path / "arc")
    spoiled(lambda tasks: [task.update(name=name, tags=[]) for name, task in tasks.items()])(folder)
    built(build_arc([folder], tmp_path / "out", num_aug=6))
    assert digests(tmp_path / "out") == PUBLISHED["arc"]


def test_public_arc_questions_without_an_answer_are_said(tmp_path):
    for subset in SUBSETS:
        (tmp_path / subset).mkdir()
        pair = {"input": [[1, 2]], "output": [[2, 1]]}
        (tmp_path / subset / f"{subset}.json").write_text(json.dumps({"train": [pair], "test": [{"input": [[3]]}]}))
    done = built(build_arc([str(tmp_path)], tmp_path / "out", num_aug=1))
    assert done.note.count("so the answers to 1 questions are made up ([[0]])") == 2
    (tmp_path / "training" / "training.json").write_text('{"train": [], "test": []}')
    assert "training.json: its list train is empty" in refused(build_arc([str(tmp_path)], tmp_path / "b"), tmp_path)


def test_arc_settings_that_cannot_be_are_one_sentence(tmp_path):
    folder, out = write_arc(tmp_path / "arc"), tmp_path / "out"
    assert "no folder is given" in refused(build_arc([], out), tmp_path)
    assert "test_subset='x' is none" in refused(build_arc([folder], out, test_subset="x"), tmp_path)
    assert "named twice" in refused(build_arc([folder], out, subsets=("evaluation",) * 2), tmp_path)
    assert "num_aug=-1" in refused(build_arc([folder], out, num_aug=-1), tmp_path)
