"""Small inputs for the tests of data folders: four real Sudokus, four mazes, five made-up ARC tasks; and file digests.

The published builders were run once on exactly these files; test_datasets_parity.py holds the digests of what they
wrote.
"""

import csv
import hashlib
import json
from pathlib import Path

import numpy as np

from trm_explore.data.sudoku_rules import parse_puzzle, solve

QUESTIONS = (
    "2.71.....81..5..9..3.2....7....9....3.6.....55..8....3.............6..5..5.92.18.",
    "1.....47....8....3.35...1.8.142...8..8....7.......52...2....5.9.5.....3...1..7..2",
    "..1....26.9....7..6.....4.1.8......7.1.37.2...24..9......43..9..4.........9.67.8.",
    "1..62......7.............5.7.....3919.........3.....68...9...3...2.835....675.21.",
)
RATINGS = (2, 3, 1, 0)


def sudoku_rows() -> list[list[str]]:
    return [
        ["qqwing", question, "".join(map(str, solve(parse_puzzle(question)))), str(rating)]
        for question, rating in zip(QUESTIONS, RATINGS, strict=True)
    ]


MAZE_ROWS = [  # 5 x 5, hand-made: question, answer; rows parted by /
    ["SG###/#####/#   #/#####/     ", "SG###/#####/#   #/#####/     "],
    ["S    /#### /     / ####/    G", "Soooo/####o/ooooo/o####/ooooG"],
    ["  #  /  S  /##   /  G# /     ", "  #  /  S  /##o  /  G# /     "],
    ["#S  #/### #/    #/ ####/G    ", "#Soo#/###o#/oooo#/o####/G    "],
]


def maze_rows() -> list[list[str]]:
    return [["made", *(text.replace("/", "") for text in row), str(row[1].count("o"))] for row in MAZE_ROWS]


def write_csv(path: Path, rows: list[list[str]], header: str = "source,question,answer,rating") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows([header.split(","), *rows])
    return path


def write_csvs(folder: Path, rows: list[list[str]]) -> Path:
    """train.csv with the first three rows, test.csv with the others."""
    write_csv(folder / "train.csv", rows[:3])
    write_csv(folder / "test.csv", rows[3:])
    return folder


def arc_tasks() -> dict[str, dict]:
    """Five tasks in two subsets, with grids of several shapes: name -> {train, test} with outputs, as the files have
    them (the questions stand first)."""
    tasks = {}
    for number in range(5):
        shapes = [(1 + number, 3), (2, 1 + number), (3, 3)]
        pairs = []
        for i, (rows, cols) in enumerate(shapes):
            cells = (np.arange(rows * cols).reshape(rows, cols) * (number + 2) + i) % 10
            pairs.append({"input": cells.tolist(), "output": ((cells + 1) % 10)[:, ::-1].tolist()})
        tasks[f"task{number}"] = {"test": pairs[2:], "train": pairs[:2]}
    tasks["task4"]["train"][0] = {"input": [[0] * 30] * 30, "output": [[5] * 30]}  # as large as can be
    return tasks


SUBSETS = {"training": ("task0", "task1", "task2"), "evaluation": ("task3", "task4")}


def write_arc(folder: Path, solutions: tuple[str, ...] = ("training", "evaluation")) -> Path:
    """The kaggle files."""
    folder.mkdir(parents=True, exist_ok=True)
    tasks = arc_tasks()
    for subset, names in SUBSETS.items():
        asked = {
            name: {
                "test": [{"input": pair["input"]} for pair in tasks[name]["test"]],
                "train": tasks[name]["train"],
            }
            for name in names
        }
        (folder / f"arc-agi_{subset}_challenges.json").write_text(json.dumps(asked))
        if subset in solutions:
            answers = {name: [pair["output"] for pair in tasks[name]["test"]] for name in names}
            (folder / f"arc-agi_{subset}_solutions.json").write_text(json.dumps(answers))
    return folder


def digests(folder: Path) -> dict[str, str]:
    """File -> the first digits of its SHA-256; of arrays shape, type and numbers count. Inputs and labels count as
    uint8: the published builder writes augmented Sudokus as int64."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.name == "all__ratings.npy":
            continue
        data = path.read_bytes()
        if path.suffix == ".npy":
            array = np.load(path)
            array = array.astype(np.uint8) if path.name in ("all__inputs.npy", "all__labels.npy") else array
            data = f"{array.shape} {array.dtype} ".encode() + array.tobytes()
        found[path.relative_to(folder).as_posix()] = hashlib.sha256(data).hexdigest()[:12]
    return found
