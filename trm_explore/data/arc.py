"""ARC's tasks from their JSON files to a data folder with augmented copies, puzzle identifiers and test puzzles.

Read are kaggle's NAME_SUBSET_challenges.json and, where it is there, NAME_SUBSET_solutions.json, or the public
repositories' folder data/SUBSET with one file a task. Training holds the
demonstrations of all subsets, and the questions of those that are not tested on; test/ holds the questions of the
tested ones. With equal settings the folder is the published builder's, byte for byte (docs/data.md).
"""

from __future__ import annotations

import json
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from trm_explore.config.checks import shown
from trm_explore.data.arc_grids import (
    SIDE,
    VOCABULARY,
    Pair,
    board_of,
    changed,
    copy_name,
    grid_of,
    puzzle_key,
    random_change,
)
from trm_explore.data.from_csv import Written
from trm_explore.data.text_file import read_json
from trm_explore.data.writer import PartWriter, check_free, write_identifiers
from trm_explore.storage.whole import new_folder, write_whole

TRIES = 5  # draws for each wanted copy before fewer will do
TEST_PUZZLES = "test_puzzles.json"


@dataclass(frozen=True, eq=False)
class Group:
    """A puzzle and how its copies differ from it."""

    name: str
    pairs: dict[str, list[Pair]]  # train and test -> its examples there
    changes: list[tuple[int, np.ndarray] | None]  # None: as it is; else (way, colours)

    def name_of(self, change: tuple[int, np.ndarray] | None) -> str:
        return self.name if change is None else copy_name(self.name, *change)

    def pairs_of(self, part: str, change: tuple[int, np.ndarray] | None) -> list[Pair]:
        if change is None:
            return self.pairs[part]
        return [(changed(a, *change), changed(b, *change)) for a, b in self.pairs[part]]


def build_arc(
    folders: list[str] | tuple[str, ...],
    output_dir: str | Path,
    *,
    subsets: tuple[str, ...] = ("training", "evaluation"),
    test_subset: str = "evaluation",
    num_aug: int = 1000,
    seed: int = 42,
) -> Generator[tuple[int, int], None, Written]:
    """(done, total) as it goes; the folder appears at the end, whole. `num_aug` copies a puzzle are aimed at; small
    ones have fewer different ones. A subset without solutions gets a 1 x 1 grid of colour 0 as every answer, as
    published, and a note."""
    if test_subset not in subsets:
        raise ValueError(
            f"test_subset={shown(test_subset)} is none of the subsets {', '.join(subsets)}; name one of them"
        )
    if len(set(subsets)) != len(subsets):
        raise ValueError(f"subsets={', '.join(subsets)}: a subset is named twice; name each once")
    if num_aug < 0:
        raise ValueError(f"num_aug={num_aug} must be at least 0")
    check_free(output_dir)
    rng, notes = np.random.RandomState(seed), []
    read = {}
    for subset in subsets:
        read[subset], note = _puzzles(folders, subset)
        notes += [note] if note else []
    names = [name for puzzles in read.values() for name in puzzles]
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the task {_short(twice)} stands in more than one of the subsets; leave one of them out")
    groups, tested = [], {}
    for subset, puzzles in read.items():
        order = list(puzzles.items())
        rng.shuffle(order)
        for name, puzzle in order:
            if subset == test_subset:
                tested[name] = puzzle
            groups.append(_augmented(name, puzzle, subset == test_subset, num_aug, rng))
            yield len(groups), 2 * len(names)
    identifiers: dict[str, int] = {}
    for group in groups:
        for change in group.changes:
            identifiers.setdefault(group.name_of(change), 1 + len(identifiers))
    with new_folder(output_dir) as folder:
        counts = {}
        for part in ("train", "test"):
            own = [group for group in groups if group.pairs.get(part)]
            done = yield from _write(folder, part, own, identifiers, rng, len(groups) if part == "train" else None)
            counts[part] = done
        write_identifiers(folder, ["<blank>", *identifiers])
        write_whole(folder / TEST_PUZZLES, json.dumps(tested))
    return Written(str(output_dir), len(groups), *counts.values(), False, "; ".join(notes))


def _write(
    folder: Path,
    part: str,
    groups: list[Group],
    identifiers: dict[str, int],
    rng: np.random.RandomState,
    of: int | None,
) -> Generator[tuple[int, int], None, int]:
    """One part: in train all examples but one of a puzzle lie somewhere on the board, in test all at its corner."""
    sizes = [len(group.pairs[part]) for group in groups for _ in group.changes]
    names = [identifiers[group.name_of(change)] for group in groups for change in group.changes]
    with PartWriter(folder / part, examples=sum(sizes), seq_len=SIDE * SIDE) as writer:
        for done, group in enumerate(groups, 1):
            for change in group.changes:
                pairs = group.pairs_of(part, change)
                fixed = rng.randint(0, len(pairs))
                boards = [
                    _boards(pair, rng if part == "train" and i != fixed else None) for i, pair in enumerate(pairs)
                ]
                writer.append(*map(np.stack, zip(*boards, strict=True)))
            if of:
                yield of + done, 2 * of
        writer.finish(
            vocab_size=VOCABULARY,
            puzzle_sizes=np.array(sizes),
            group_sizes=np.array([len(group.changes) for group in groups]),
            identifiers=np.array(names),
            num_puzzle_identifiers=1 + len(identifiers),
        )
    return sum(sizes)


def _boards(pair: Pair, rng: np.random.RandomState | None) -> Pair:
    """An example's two boards, both grids with the same corner: at random where they fit, or at (0, 0)."""
    top = left = 0
    if rng is not None:
        top = rng.randint(0, SIDE - max(grid.shape[0] for grid in pair) + 1)
        left = rng.randint(0, SIDE - max(grid.shape[1] for grid in pair) + 1)
    return tuple(board_of(grid, top, left) for grid in pair)


def _augmented(name: str, puzzle: dict[str, Any], tested: bool, num_aug: int, rng: np.random.RandomState) -> Group:
    """The puzzle and up to num_aug different copies of it."""
    pairs: dict[str, list[Pair]] = {}
    for kind, examples in puzzle.items():
        for i, example in enumerate(examples):
            two = (grid_of(example[side], f"task {_short(name)}, {kind} {i}, {side}") for side in ("input", "output"))
            pairs.setdefault("test" if tested and kind == "test" else "train", []).append(tuple(two))
    group = Group(name, pairs, [None])
    every = [pair for part in pairs.values() for pair in part]
    seen = {puzzle_key(every)}
    for _ in range(TRIES * num_aug):
        change = random_change(rng)
        key = puzzle_key([(changed(a, *change), changed(b, *change)) for a, b in every])
        if key not in seen:
            seen.add(key)
            group.changes.append(change)
        if len(group.changes) > num_aug:
            break
    return group


def _puzzles(folders: list[str] | tuple[str, ...], subset: str) -> tuple[dict[str, Any], str]:
    """Name -> {train: examples, test: examples with outputs}, in the file's order, and a note; ValueError with file and
    task."""
    path = _source(folders, subset)
    if path.is_dir():
        files = _task_files(path)
        puzzles = {file.stem: _checked(read_json(file), str(file)) for file in files}
        answers_path, missing_from = path / "no solutions file", f"{path} has none for them"
    else:
        found = read_json(path)
        if not isinstance(found, dict) or not found:
            raise ValueError(f"{path} must hold one JSON object of tasks by name")
        puzzles = {name: _checked(puzzle, f"{path}, task {_short(name)}") for name, puzzle in found.items()}
        answers_path = path.with_name(path.name.replace("_challenges.json", "_solutions.json"))
        missing_from = f"{answers_path.name} is not there"
    if answers_path.is_file():
        answers = read_json(answers_path)
        for name, puzzle in puzzles.items():
            own = answers.get(name) if isinstance(answers, dict) else None
            if not isinstance(own, list) or len(own) != len(puzzle["test"]):
                raise ValueError(
                    f"{answers_path}, task {_short(name)}: it must have {len(puzzle['test'])} solutions, one a question"
                )
            for example, answer in zip(puzzle["test"], own, strict=True):
                example["output"] = answer
        return puzzles, ""
    missing = [example for puzzle in puzzles.values() for example in puzzle["test"] if "output" not in example]
    for example in missing:
        example["output"] = [[0]]
    return puzzles, f"{missing_from}, so the answers to {len(missing)} questions are made up ([[0]])" * bool(missing)


def _checked(puzzle: Any, where: str) -> dict[str, Any]:
    """The lists train and test of a task, in its order; whatever else it says is left out."""
    if not isinstance(puzzle, dict):
        raise ValueError(f"{where}: it is {shown(puzzle)}; it must be an object with the lists train and test")
    for kind in ("train", "test"):
        if kind not in puzzle:
            raise ValueError(f"{where}: it has no list {kind}; it must have the lists train and test")
        if not isinstance(puzzle[kind], list):
            raise ValueError(f"{where}: its {kind} is {shown(puzzle[kind])}; it must be a list of examples")
        if not puzzle[kind]:
            raise ValueError(f"{where}: its list {kind} is empty; it must have at least one example")
        for number, example in enumerate(puzzle[kind]):
            needed = ("input", "output") if kind == "train" else ("input",)
            if not isinstance(example, dict):
                raise ValueError(f"{where}: its {kind} example {number} is {shown(example)}; it must be an object")
            if lacking := [side for side in needed if side not in example]:
                raise ValueError(
                    f"{where}: its {kind} example {number} has no {' and no '.join(lacking)}; each {kind} example must "
                    f"have {' and '.join(needed)}"
                )
    return {kind: examples for kind, examples in puzzle.items() if kind in ("train", "test")}


def _source(folders: list[str] | tuple[str, ...], subset: str) -> Path:
    """The one kaggle file of a subset in all the folders, or the one folder with a file a task."""
    if not folders:
        raise ValueError("no folder is given; give the one that holds the kaggle files, *_challenges.json")
    here = [Path(folder) for folder in folders]
    found = [path for folder in here for path in sorted(folder.glob(f"*_{subset}_challenges.json"))]
    if not found:
        places = [place for folder in here for place in (folder / "data" / subset, folder / subset)]
        places += [folder for folder in here if folder.resolve().name == subset]
        found = [place for place in places if place.is_dir() and _task_files(place)]
    if len(found) != 1:
        those = f"there are {len(found)}: {', '.join(map(str, found[:3]))}" if found else "there is none"
        where = shown(", ".join(map(str, folders)), 300)[1:-1]
        raise ValueError(
            f"one file *_{_short(subset)}_challenges.json is needed in {where}, or one folder {_short(subset)} or "
            f"data/{_short(subset)} with a file a task, but {those}; give the folder that holds it, and --subsets for "
            "those that it has"
        )
    return found[0]


def _task_files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.glob("*.json") if not file.name.startswith("."))


def _short(name: str) -> str:
    return shown(name)[1:-1]
