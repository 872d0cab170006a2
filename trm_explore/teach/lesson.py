"""One lesson: its seed, what this computer means for it, and what was guessed and solved in it."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from statistics import median
from typing import Any

import torch

from trm_explore.config.checks import is_number
from trm_explore.tasks import preset
from trm_explore.teach import exercises
from trm_explore.teach.guess import Guess
from trm_explore.training import train
from trm_explore.training.events import UpdateDone

FAST = "TRM_EXPLORE_FAST"  # set to 1: everything is shortened, to see that a lesson runs
FAST_UPDATES, FAST_PUZZLES = 6, 24
TIMED = 8  # updates that are timed to say how fast this computer is


class Solved(dict[str, bool]):
    """Exercise -> whether it is solved; one that was not tried is not."""

    def __missing__(self, name: str) -> bool:
        return False


class Lesson:
    """What `setup` gives. `seed`; `device`, where it computes; `fast`, whether everything is shortened; `guesses` by
    key; `exercises`, True where solved."""

    def __init__(self, seed: int = 0, fast: bool = False):
        self.seed, self.fast, self.device = seed, fast, "cpu"
        self.guesses: dict[str, Guess] = {}
        self.exercises = Solved()

    def __repr__(self) -> str:
        return f"Lesson(seed={self.seed}, device={self.device!r}, fast={self.fast})"

    def updates(self, n: int) -> int:
        """n optimiser updates, or a few where everything is shortened."""
        return min(n, FAST_UPDATES) if self.fast else n

    def puzzles(self, n: int) -> int:
        """n puzzles, or a few where everything is shortened."""
        return min(n, FAST_PUZZLES) if self.fast else n

    def predict(self, key: str, question: str, options: Sequence[Any]) -> Guess:
        """Asks before the result is seen. As a cell's last line it shows buttons (a list of answers) or a slider (a
        range of whole numbers); a cell that is run again keeps the guess."""
        there = self.guesses.get(key)
        if there is None or (there.question, there.options) != (question, options):
            there = self.guesses[key] = Guess(key, question, options)
        return there

    def reveal(self, key: str, result: Any) -> None:
        """Prints the guess beside the result (a word, or a number). A key that nobody was asked for is said."""
        if key not in self.guesses:
            known = ", ".join(self.guesses) or "none so far"
            print(f"Nothing was asked as {key!r}; run the cell with the question first. Asked: {known}.")
            return
        if isinstance(result, torch.Tensor):
            result = result.item()
        self.guesses[key].result = result
        print(self.guesses[key].text)

    def check(self, name: str, answer: Any) -> None:
        """Right, or not yet and one hint; never an error."""
        self.exercises[name] = exercises.check(name, answer)

    def summary(self) -> None:
        """Prints all guesses beside their results, and which exercises are solved."""
        for guess in self.guesses.values():
            print(f"guess     {guess.text}")
        for name, solved in self.exercises.items():
            print(f"exercise  {name}: {'right' if solved else 'not yet'}")
        if not self.guesses and not self.exercises:
            print("Nothing was guessed or tried yet.")


def setup(seed: int = 0, *, updates: int = 0) -> Lesson:
    """Begins a lesson. Prints what this computer is and, where the lesson trains (`updates` of networks of the size of
    the 4x4 Sudoku's, in all), about how many minutes that takes here, timed on the spot.
    PyTorch computes with one thread from then on: the networks are small, and sums are the same on every such computer.

    TRM_EXPLORE_FAST=1 in the environment shortens everything. ValueError for a seed or a count that is none.
    """
    for name, value in (("seed", seed), ("updates", updates)):
        if not is_number(value) or value != int(value) or value < 0:
            raise ValueError(f"{name}={value!r} must be a whole number of at least 0")
    lesson = Lesson(int(seed), os.environ.get(FAST, "") == "1")
    torch.set_num_threads(1)
    cores = os.cpu_count() or 1
    print(f"This computer: {cores} core{'s' * (cores > 1)}, PyTorch {torch.__version__}; the lesson computes with one.")
    if torch.cuda.is_available():
        print(f"There is a GPU ({torch.cuda.get_device_name()}); the lesson does not need it and computes on the CPU.")
    else:
        print("No GPU; the lesson does not need one.")
    if lesson.fast:
        print(f"{FAST}=1: everything is shortened, so the pictures show little.")
    elif updates:
        minutes = updates * seconds_an_update() / 60
        about = f"about {minutes:.0f} minutes" if minutes >= 1.5 else "about a minute or less"
        print(f"The lesson trains small networks for {updates:,} updates in all: {about} here.")
    return lesson


def seconds_an_update() -> float:
    """Of the 4x4 Sudoku with supervision, on this computer: the median of a few."""
    config = preset("sudoku4", enable_deep_supervision=True, eval_every=0, frame_every=0, threads=1, device="cpu")
    training, times = train(config), []
    began = time.perf_counter()
    for event in training:
        if isinstance(event, UpdateDone):
            times.append(time.perf_counter() - began)
            began = time.perf_counter()
        if len(times) > TIMED:
            training.close()
            break
    return median(times[1:])
