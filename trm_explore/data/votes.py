"""ARC as published: the answers to all augmented copies of a question are brought back and vote; pass@K counts a task's
questions whose true answer is among the K grids with the most votes, and averages over tasks.

    votes = Votes("data/arc-1")                                    # identifiers.json, test_puzzles.json
    votes.add(inputs, answers, halting, puzzle_identifiers)        # any number of batches
    votes.pass_at((1, 2))                                          # {1: 0.4, 2: 0.446}
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from trm_explore.data.arc import TEST_PUZZLES
from trm_explore.data.arc_grids import crop, grid_of, key_of, undo
from trm_explore.data.folder import read_identifiers
from trm_explore.data.text_file import read_json


class Candidate(NamedTuple):
    """One grid that was answered."""

    grid: np.ndarray  # (R, C) uint8 colours
    votes: int
    halting: float  # mean halting probability of the answers that gave it


class Votes:
    """Collects answers. `blank`: the identifier of rows that only fill up a batch."""

    def __init__(self, folder: str | Path, blank: int = 0):
        path = Path(folder) / TEST_PUZZLES
        self._names, self._blank = read_identifiers(folder), blank
        if not self._names or not path.is_file():
            missing = TEST_PUZZLES if self._names else "identifiers.json"
            raise ValueError(f"{folder} has no {missing}, which the vote needs; trm-explore data arc writes it")
        self._questions = _questions(path)
        self._cast: dict[tuple[str, bytes], dict[bytes, tuple[np.ndarray, list[float]]]] = {}

    def add(self, inputs: np.ndarray, answers: np.ndarray, halting: np.ndarray, identifiers: np.ndarray) -> None:
        """(N, 900) tokens each, (N,) halting probabilities, (N,) puzzle identifiers."""
        for row in np.flatnonzero(np.asarray(identifiers) != self._blank):
            number = int(identifiers[row])
            if number >= len(self._names):
                raise ValueError(
                    f"identifiers.json names {len(self._names)} puzzles, but an example has number {number}"
                )
            name, back = undo(self._names[number])
            question, answer = back(crop(inputs[row])), back(crop(answers[row]))
            given = self._cast.setdefault((name, key_of(question)), {})
            given.setdefault(key_of(answer), (answer, []))[1].append(float(halting[row]))

    def candidates(self, name: str, question: int) -> list[Candidate]:
        """What was answered to a task's question: most votes first, then the higher mean halting probability."""
        key, _ = self._questions[name][question]
        found = [
            Candidate(grid, len(halting), sum(halting) / len(halting))
            for grid, halting in self._cast.get((name, key), {}).values()
        ]
        return sorted(found, key=lambda one: (one.votes, one.halting), reverse=True)

    def pass_at(self, Ks: Sequence[int] = (1, 2, 5, 10, 100, 1000)) -> dict[int, float]:
        """K -> mean over the tasks of the part of their questions that are right; tasks without answers count as
        wrong."""
        right = dict.fromkeys(Ks, 0.0)
        for name, questions in self._questions.items():
            for number, (_, truth) in enumerate(questions):
                ranked = [key_of(one.grid) == truth for one in self.candidates(name, number)]
                for K in Ks:
                    right[K] += any(ranked[:K]) / len(questions)
        return {K: value / len(self._questions) for K, value in right.items()}

    def answered(self) -> int:
        """Tasks with an answer to each of their questions."""
        return sum(all((name, key) in self._cast for key, _ in own) for name, own in self._questions.items())

    def submission(self, attempts: int = 2) -> dict[str, list[dict[str, Any]]]:
        """The kaggle layout: a task's questions, each with attempt_1 to attempt_K as lists of colours. A question with
        fewer different answers repeats the first; one without any gets a 1 x 1 grid of colour 0."""
        answers: dict[str, list[dict[str, Any]]] = {}
        for name, questions in self._questions.items():
            answers[name] = []
            for number in range(len(questions)):
                grids = [one.grid.tolist() for one in self.candidates(name, number)[:attempts]] or [[[0]]]
                grids += [grids[0]] * (attempts - len(grids))
                answers[name].append({f"attempt_{i}": grid for i, grid in enumerate(grids, 1)})
        return answers


def _questions(path: Path) -> dict[str, list[tuple[bytes, bytes]]]:
    """Task -> (key of the question, key of its true answer), one pair a question."""
    said = read_json(path)
    try:
        return {
            name: [
                tuple(key_of(grid_of(pair[side], f"{path}, task {name}, {side}")) for side in ("input", "output"))
                for pair in puzzle["test"]
            ]
            for name, puzzle in said.items()
        }
    except (AttributeError, KeyError, TypeError):
        raise ValueError(f"{path} must hold tasks by name, each with test, a list of input and output") from None
