"""Which puzzles a run learns from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from trm_explore.config.checks import number, one_of, shown, text, whole

Difficulty = Literal["any", "easy", "medium", "hard"]


@dataclass(frozen=True, slots=True)
class DataConfig:
    """Which puzzles, and how large."""

    data: str = ""
    """Own puzzles: a CSV with the columns question and answer, or a text file with one puzzle a line. Empty: the
    task's own."""
    eval_data: str = ""
    """A second such file for evaluation. Empty: a split of the first."""
    difficulty: Difficulty = "any"
    """A rough dial: fewer givens are harder."""
    pool_size: int = 0
    """Generate (once, then cached) a pool of this many puzzles. 0: what ships with the project."""
    size: int = 0
    """Side of a board (of a maze: in rooms), digits of a number, length of a row. 0: the task's own."""
    eval_size: int = 0
    """Another size for the held-out puzzles, where the network can take it. 0: the same."""
    base: int = 0
    """Base of the numbers, for addition. 0: the task's own."""
    loops: float = 0.0
    """Part of the dead ends that are opened, so that mazes have loops. 0: a perfect maze, with one way only."""

    def __post_init__(self) -> None:
        text(self, "data")
        text(self, "eval_data")
        one_of(self, "difficulty", Difficulty)
        for name in ("pool_size", "size", "eval_size", "base"):
            whole(self, name, 0)
        number(self, "loops", least=0, most=1)
        if self.eval_data and not self.data:
            raise ValueError(f"eval_data={shown(self.eval_data, 200)} needs data too: the puzzles to train on")
