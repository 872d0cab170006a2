"""The one reader of people's puzzles: every way to write them gives the same puzzles at every way in, and what cannot
be read is one sentence with the line and what was expected."""

import base64
import gzip
import json
import time
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reader_inputs import COUNT, FORMS, boxed, forms, line, rows, some, table, zipped

from trm_explore.app.looking import typed_puzzle
from trm_explore.app.models import recorded_model
from trm_explore.cli import main
from trm_explore.data.folder import read_part
from trm_explore.data.puzzle_file import BLANKS, one_puzzle
from trm_explore.data.sudoku import build_sudoku
from trm_explore.data.sudoku_file import read_puzzles
from trm_explore.data.sudoku_rules import BOXES, parse_puzzle
from trm_explore.data.text_file import LONGEST_LINE, lines_of_bytes
from trm_explore.tasks.sudoku import SudokuTask

every_form = pytest.mark.parametrize("form", FORMS)


def written(tmp_path, size: int, form: str):
    path = tmp_path / "mine.txt"  # what a file is does not stand in its name
    path.write_bytes(forms(size)[form])
    return path


# ---- every form, every way in


@pytest.mark.parametrize("size", BOXES)
@every_form
def test_a_file_of_puzzles_is_read_however_it_is_written(tmp_path, size, form):
    questions, answers = some(size)
    path = written(tmp_path, size, form)
    file = read_puzzles(path, size)
    for _ in file.answer():
        pass
    assert np.array_equal(file.questions, questions) and np.array_equal(file.answers, answers)
    task = SudokuTask(size)
    puzzles = task.load(str(path))  # what `evaluate --data` scores
    assert np.array_equal(task.decode(puzzles["inputs"]), questions)
    assert np.array_equal(task.decode(puzzles["labels"]), answers)


@every_form
def test_training_reads_every_form(tmp_path, form):
    questions, _ = some(4)
    task = SudokuTask(4, data=str(written(tmp_path, 4, form)))
    own = [task.decode(task.held_out(9)["inputs"]), task._train[0]]
    assert sorted(map(line, np.concatenate(own))) == sorted(map(line, questions))


@every_form
def test_a_data_folder_is_made_of_every_form(tmp_path, form):
    questions, answers = some(9)
    path = written(tmp_path, 9, form)
    for _ in build_sudoku(path, tmp_path / "out", test=path):
        pass
    part = read_part(tmp_path / "out", "test")
    assert np.array_equal(np.asarray(part.inputs) - 1, questions)
    assert np.array_equal(np.asarray(part.labels) - 1, answers)


@every_form
def test_the_page_takes_the_first_puzzle_of_every_form(form):
    seen = recorded_model("sudoku4", "on")
    questions, _ = some(4)
    data = forms(4)[form]
    text = typed_puzzle(seen, {"file": base64.b64encode(data).decode(), "name": "mine.txt"})
    assert line(parse_puzzle(text, 4)) == line(questions[0])
    if b"\0" not in data and "encoding" not in form:  # a text that can be pasted
        assert typed_puzzle(seen, {"text": data.decode()})


@pytest.mark.parametrize("form", ["csv", "boxes", "zip", "sdk", "UTF-16"])
def test_show_and_evaluate_take_a_file(tmp_path, capsys, form):
    path = written(tmp_path, 4, form)
    shown = []
    for puzzle in (path, line(some(4)[0][0]), "\n".join(boxed(some(4)[0][0]))):
        assert main(["show", "sudoku4-linear", "--puzzle", str(puzzle)]) == 0
        shown.append(capsys.readouterr().out)
    assert shown[0] == shown[1] == shown[2]
    assert main(["evaluate", "sudoku4-linear", "--data", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["puzzles"] == COUNT


def test_a_large_file_in_one_form_is_read_in_pieces_and_lines_are_counted_through(tmp_path, monkeypatch):
    monkeypatch.setattr("trm_explore.data.puzzle_file.CHUNK", 2)
    file = read_puzzles(written(tmp_path, 4, "csv"), 4)
    assert file.rows.tolist() == [2, 3, 4]
    assert read_puzzles(written(tmp_path, 4, "remarks at the head"), 4).rows.tolist() == [5, 6, 7]
    assert read_puzzles(written(tmp_path, 4, "grids with headings"), 4).rows.tolist() == [2, 7, 12]


def test_ratings_and_the_split_go_along(tmp_path):
    text = table(9, "difficulty;split;puzzle;solution", ";", more=lambda i: [str(i), ["train", "Test", "train"][i]])
    (tmp_path / "mine.csv").write_text(text)
    for _ in build_sudoku(tmp_path / "mine.csv", tmp_path / "out"):
        pass
    part = read_part(tmp_path / "out", "test")
    assert part.ratings.tolist() == [1] and np.array_equal(np.asarray(part.inputs) - 1, some(9)[0][1:2])


@pytest.mark.parametrize(
    "signs", ["ABCD", "dcba", "RGBY", "\U0001f7e5\U0001f7e9\U0001f7e6\U0001f7e8", "\u03b1\u03b2\u03b3\u03b4"]
)
def test_other_signs_than_digits_are_the_same_puzzle_with_other_names(tmp_path, signs):
    questions, answers = some(4)
    names = dict(zip("01234", "." + signs, strict=True))
    text = ["question,answer"]
    text += [",".join("".join(names[d] for d in line(two, "0")) for two in pair) for pair in zip(*some(4), strict=True)]
    (tmp_path / "mine.csv").write_text("\n".join(text), encoding="utf-8")
    file = read_puzzles(tmp_path / "mine.csv", 4)
    assert np.array_equal(file.questions == 0, questions == 0)
    for ours, theirs in ((file.questions, questions), (file.answers, answers)):
        renamed = {int(b): int(a) for a, b in zip(file.answers[0], answers[0], strict=True)} | {0: 0}
        assert np.array_equal(ours, np.vectorize(renamed.get)(theirs))
    if signs == "ABCD":
        assert np.array_equal(file.questions, questions)


# ---- round trips


@given(st.data(), st.sampled_from(sorted(BOXES)), st.sampled_from([b for b in BLANKS if b != "\u25a1"]))
def test_a_puzzle_drawn_in_any_way_is_read_back(data, size, blank):
    cells = data.draw(st.lists(st.integers(0, size), min_size=size * size, max_size=size * size))
    cells[0] = cells[0] or 1  # a board without a digit is no puzzle
    space = data.draw(st.sampled_from(["", " "]))
    how = data.draw(st.sampled_from(["line", "rows", "boxes", "frame", "slashes"]))
    text = {
        "line": line(cells, blank),
        "rows": "\n".join(rows(cells, blank)),
        "boxes": "\n".join(boxed(cells, blank, space=space)),
        "frame": "\n".join(boxed(cells, blank, frame=True, space=space)),
        "slashes": "/".join(rows(cells, blank)),
    }[how]
    assert parse_puzzle(text, size).tolist() == cells
    if how != "boxes" or blank != "-":  # without the size a line of dashes could be either
        assert one_puzzle(text, size).translate({ord(blank): "."}) == line(cells)


@given(st.binary(max_size=300))
def test_whatever_bytes_a_file_holds_they_are_lines_or_one_sentence(data):
    try:
        for text in lines_of_bytes(data, "mine.csv"):
            assert "\n" not in text
    except ValueError as error:
        assert "\n" not in str(error) and str(error).startswith("mine.csv")


@given(st.text(alphabet="12340.|-+*_,;\t# \n\r\"'xquestionaw[P]", max_size=120))
def test_whatever_text_is_pasted_is_a_puzzle_or_one_sentence(text):
    seen = recorded_model("sudoku4", "on")
    try:
        typed_puzzle(seen, {"text": text})
    except ValueError as error:
        assert "\n" not in str(error) and len(str(error)) < 400


# ---- refusals: the line, and what was expected

Q, A = line(some(4)[0][0]), line(some(4)[1][0])
REFUSED = {
    "a row is missing": ("1.3.\n34.2\n2143\n\n4.21\n", "line 1: the grid that begins here has 3 rows; it must have 4"),
    "the last grid is short": (
        "\n".join(rows(some(4)[0][0])) + "\n\n1.3.\n34.2\n",
        "line 6: the grid that begins here has 2 rows; it must have 4",
    ),
    "a cell is missing": (
        "1.3.\n34.2\n214\n4.21\n",
        "line 3: The puzzle has 3 cells, but 16 (4x4) are needed, or 4 as",
    ),
    "a column of no such name": ("a;b;c\n1;2;3\n", "line 1: it has no column question (or puzzle, quizzes"),
    "a long name of a column": (f"{'n' * 5000},b\n1,2\n", "line 1: it has no column question"),
    "a row is short": (f"id,question,answer\n1,{Q}\n", "line 2: it has 2 columns, but the first row names 3"),
    "an empty answer": (f"question,answer\n{Q},{A}\n{Q},\n", "line 3, answer: The puzzle has 0 cells, but 16 (4x4)"),
    "a lost quote": (f'question,answer\n{Q},"{A}\n{Q},{A}\n', "line 2, answer: The puzzle has"),
    "another size": (
        f"{line(some(6)[0][0])}\n",
        "line 1: The puzzle has 36 cells, but sudoku4 needs 16: use task sudoku6",
    ),
    "a letter": (f"{Q}\n{Q[:-1]}k\n", "line 2: The puzzle has 'k' in row 4 column 4, but only 1 to 4"),
    "a split of another name": (
        f"split,puzzle,solution\ndev,{Q},{A}\n",
        "line 2: split is 'dev', but only train and test",
    ),
    "a web page": ("<!DOCTYPE html>\n<html><body>404", "a web page (HTML)"),
    "a Git LFS pointer": ("version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "run `git lfs pull`"),
    "a long line": ("." * (LONGEST_LINE + 1), f"line 1: it has more than {LONGEST_LINE:,} characters"),
    "nothing": ("\n \n", "has no puzzles in it"),
}
REFUSED_BYTES = {
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(50), "is a picture"),
    "numbers": (b"\x93NUMPY\x01\x00", "is a NumPy array"),
    "zeros": (b"1\0" + bytes(50), "is no text"),
    "bzip2": (b"BZh91AY&SY", "is a bzip2 file; unpack it"),
    "a cut gzip": (gzip.compress(table(4).encode())[:-20], "is cut off or damaged"),
    "a cut zip": (zipped(**{"a.csv": table(4).encode()})[:-30], "is a zip file that is cut off or damaged"),
    "two files in a zip": (
        zipped(**{"a.csv": b"1", "b.csv": b"2"}),
        "must hold one file of puzzles, but it holds 'a.csv', 'b",
    ),
    "a workbook": (
        zipped(**{"[Content_Types].xml": b"<x/>", "xl/a.xml": b""}),
        "is a spreadsheet or document; save it",
    ),
    "no file in a zip": (zipped(), "but it holds nothing"),
}


@pytest.mark.parametrize("what", [*REFUSED, *REFUSED_BYTES])
def test_what_cannot_be_read_is_refused_with_the_line_and_what_is_expected(tmp_path, what):
    content, fragment = (REFUSED | REFUSED_BYTES)[what]
    path = tmp_path / "mine.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ValueError) as refused:
        read_puzzles(path, 4)
    said = str(refused.value)
    assert fragment in said and "mine.csv" in said and "\n" not in said and len(said) < 500 + len(str(path))


def bombs():
    yield "gzip", gzip.compress(b"0" * 50_000_000)
    yield "of lines", gzip.compress(b"\n" * 50_000_000)
    yield "of puzzles", gzip.compress(f"{Q}\n".encode() * 3_000_000)
    yield "zip", zipped(**{"a.csv": b"\n" * 50_000_000})


@pytest.mark.parametrize(("kind", "data"), list(bombs()), ids=lambda value: value if isinstance(value, str) else "")
def test_a_bomb_is_refused_at_once(tmp_path, kind, data):
    path = tmp_path / "bomb.gz"
    path.write_bytes(data)
    begun = time.process_time()
    with pytest.raises(ValueError, match="more than|lines before it are empty"):
        read_puzzles(path, 4)
    assert time.process_time() - begun < 10  # of this process alone


def test_a_zip_with_a_password_says_so(tmp_path):
    path = tmp_path / "mine.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.csv", table(4))
    data = bytearray(path.read_bytes())
    for head in (b"PK\x03\x04", b"PK\x01\x02"):  # the flag of encryption, in both places
        data[data.index(head) + (6 if head == b"PK\x03\x04" else 8)] |= 1
    path.write_bytes(data)
    with pytest.raises(ValueError, match="has a password"):
        read_puzzles(path, 4)
