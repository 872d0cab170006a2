"""Sudoku as a task: 4x4 from all puzzles there are, 6x6 and 9x9 from a pool, or the user's own puzzles from a file.

Held-out puzzles are apart from the training ones up to symmetry: no relabelled or rearranged copy is on both sides.
Tokens are as published: 0 pad, 1 blank, digit + 1. Labels are whole solutions, so givens are scored too. Try it:

    >>> import numpy as np
    >>> task = SudokuTask(4)
    >>> batch = task.sample(2, np.random.default_rng(0))
    >>> task.check(batch["inputs"], batch["labels"])
    array([ True,  True])
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import numpy as np

from trm_explore.config.checks import shown
from trm_explore.data.assets import asset
from trm_explore.data.puzzle_file import first_question
from trm_explore.data.sudoku_file import read_puzzles
from trm_explore.data.sudoku_rules import (
    BOXES,
    check_rules,
    conflicts,
    count_solutions,
    is_solution,
    parse_puzzle,
    solve,
)
from trm_explore.data.symmetry import augment, distinct, four_by_four_classes, mix, symmetry_key
from trm_explore.tasks.base import Task
from trm_explore.tasks.sudoku_pool import (
    DIFFICULTIES,
    GENERATOR,
    POOL_SEED,
    Pool,
    cache_folder,
    load_pool,
    pool_chunks,
    save_pool,
)
from trm_explore.tasks.sudoku_split import split_puzzles

EXAMPLES = {
    4: ".24.3......44.3.",
    6: ".1.6.25..3....2..1164....3...6.4.5..",
    9: ".61....5.7.51..43..384752..84....5....6.8...7...9......9....8.21.28..3..5..23.1..",
}  # all of them held out
HELD_OUT_SEED = 3  # of the 4x4 classes; one with which the example, which the docs use, is held out
SMALLEST_POOL = 100  # below it the held-out tenth may be empty
FEW = 200  # held-out puzzles among which the hardest is looked for
COPIES = 4096  # held-out 4x4 puzzles drawn for each number of givens
AT_ONCE = 2000  # puzzles of a file up to which it is split right away, so that its errors come early


class SudokuTask(Task):
    """One size of Sudoku. `data`, `eval_data`: files of the user's; `seed` only chooses which tenth of `data` is held
    out. `pool_size` puzzles of 6x6 or 9x9 (0: those that ship); 4x4 and `data` have no use for it and refuse
    it."""

    has_rule_checker = True
    accepted_data_fields = ("data", "eval_data", "difficulty", "pool_size")

    def __init__(
        self,
        size: int,
        data: str = "",
        eval_data: str = "",
        difficulty: str = "any",
        pool_size: int = 0,
        seed: int = 0,
    ):
        if size not in BOXES:
            raise ValueError(f"size={shown(size)} is no Sudoku known here; allowed are 4, 6 and 9")
        if difficulty not in DIFFICULTIES:
            raise ValueError(f"difficulty={shown(difficulty)} is not known; allowed are {', '.join(DIFFICULTIES)}")
        if pool_size and pool_size < SMALLEST_POOL:
            raise ValueError(f"pool_size={pool_size} is too small; give at least {SMALLEST_POOL}, or 0 for what ships")
        if pool_size and (size == 4 or data):
            other = f"the puzzles come from {data}" if data else "4x4 puzzles are drawn from all there are"
            raise ValueError(f"pool_size={pool_size} has no effect here: {other}; leave it out, or give 0")
        if eval_data and not data:
            raise ValueError(f"eval_data={shown(eval_data, 200)} needs data too: the puzzles to train on")
        self.size, self.difficulty, self.pool_size, self.seed = size, difficulty, pool_size, seed
        self.name, self.title = f"sudoku{size}", f"Sudoku {size}\u00d7{size}"
        self.help = (
            f"Fill in the digits 1 to {size} so that each stands once in every row, column and box. "
            "The network sees the whole board and goes over its whole answer again in every step."
        )
        self.rows = self.cols = size
        self.box = BOXES[size]
        self.seq_len, self.vocab_size = size * size, size + 2
        self.symbols = ("", "", *(str(digit) for digit in range(1, size + 1)))
        self.dropped = 0  # the user's training puzzles left out because a symmetric copy of them is held out
        self._train: Pool | None = None  # sorted in groups; sampling takes a group, then one of its puzzles
        self._groups = np.zeros((0, 2), dtype=np.int64)  # (groups, 2): first puzzle and number of puzzles
        self._held_out: Pool | None = None
        self._files = [read_puzzles(path, size) for path in (data, eval_data) if path]
        if self._files and sum(len(file.questions) for file in self._files) <= AT_ONCE:
            self._finish()

    def prepare(self) -> Iterator[tuple[int, int]]:
        """Make ready what is not yet, (done, total) as it goes. Closing it half way leaves nothing behind."""
        if self._held_out is not None:
            return
        if self._files:
            yield from self._prepare_files()
        elif self.size == 4:
            self._prepare_classes()
        else:
            yield from self._prepare_pool()

    def sample(self, n: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """n training puzzles (n, L), each in a random symmetric copy."""
        self._finish()
        first, count = self._groups[rng.integers(len(self._groups), size=n)].T  # (n,) each
        chosen = first + (rng.random(n) * count).astype(np.int64)
        return self._batch(*augment(self._train[0][chosen], self._train[1][chosen], rng, self.size))

    def held_out(self, n: int) -> dict[str, np.ndarray]:
        """The first n held-out puzzles (or as many as there are), the same in every run."""
        self._finish()
        return self._batch(*(digits[:n] for digits in self._held_out))

    def load(self, path: str) -> dict[str, np.ndarray]:
        """All puzzles of a file, for evaluation."""
        file = read_puzzles(path, self.size)
        for _ in file.answer():
            pass
        return self._batch(file.questions, file.answers)

    def encode(self, digits: np.ndarray) -> np.ndarray:
        return np.asarray(digits).astype(np.int64) + 1

    def decode(self, tokens: np.ndarray) -> np.ndarray:
        return np.maximum(np.asarray(tokens) - 1, 0).astype(np.uint8)  # pad and blank: 0

    def check(self, inputs: np.ndarray, answers: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
        """(N, L) tokens -> (N,) bool by the rules: of several solutions each is right, whatever the label says."""
        return is_solution(self.decode(inputs), self.decode(answers))

    def wrong_cells(self, inputs: np.ndarray, labels: np.ndarray | None, answers: np.ndarray) -> list[int]:
        """Cells (L,) that differ from the label; without one, changed givens, blanks and cells in conflict."""
        if labels is not None:
            return np.flatnonzero(np.asarray(answers) != labels).tolist()
        given, digits = self.decode(inputs), self.decode(answers)
        bad = set(np.flatnonzero((digits == 0) | ((given != 0) & (given != digits))).tolist())
        return sorted(bad | set(conflicts(digits)))

    def given(self, inputs: np.ndarray) -> np.ndarray:
        """Which cells of (.., L) are given."""
        return np.asarray(inputs) > 1

    def read(self, text: str) -> tuple[dict[str, np.ndarray], str]:
        """A puzzle that somebody typed, as a batch of one, and a remark. Labels only where it has exactly one solution.

        ValueError for a wrong length or character, a broken rule, or no solution.
        """
        digits = parse_puzzle(text, self.size)
        check_rules(digits)
        solutions = count_solutions(digits)
        if not solutions:
            raise ValueError(f"the puzzle {shown(text.strip())} breaks no rule yet but has no solution; change a digit")
        inputs = self.encode(digits)[None]
        if solutions > 1:
            return {"inputs": inputs}, "This puzzle has several solutions; its answers are judged by the rules."
        return {"inputs": inputs, "labels": self.encode(solve(digits))[None]}, ""

    def first_text(self, lines: Iterator[str], name: str) -> str:
        return first_question(lines, name, self.size)

    def remarks(self) -> list[str]:
        if not self.dropped:
            return []
        return [f"{self.dropped} training puzzles are copies of held-out ones and are left out."]

    def board(self) -> dict[str, Any]:
        shape = {"rows": self.rows, "cols": self.cols, "box": list(self.box)}
        return {"kind": "grid", **shape, "symbols": list(self.symbols)}

    def example(self) -> str:
        """A puzzle to start with, with one solution."""
        return EXAMPLES[self.size]

    def browser_rule(self) -> dict[str, Any]:
        return {"name": "sudoku"}

    def challenges(self) -> dict[str, dict[str, np.ndarray]]:
        """Without a solution though no rule is broken yet; with several; and the one with the fewest givens."""
        digits = parse_puzzle(self.example(), self.size)
        solution = solve(digits)
        impossible = several = digits
        for cell in np.flatnonzero(digits == 0):
            for digit in range(1, self.size + 1):
                trial = digits.copy()
                trial[cell] = digit
                if digit != solution[cell] and not conflicts(trial) and not count_solutions(trial):
                    impossible = trial
                    break
            if impossible is not digits:
                break
        for cell in np.flatnonzero(digits):
            several = several.copy()
            several[cell] = 0
            if count_solutions(several) > 1:
                break
        known = self.held_out(FEW)
        hardest = int((known["inputs"] > 1).sum(1).argmin())
        return {
            "impossible": {"inputs": self.encode(impossible)[None]},
            "several": {"inputs": self.encode(several)[None]},
            "hard": {name: value[hardest : hardest + 1] for name, value in known.items()},
        }

    def _finish(self) -> None:
        for _ in self.prepare():
            pass

    def _batch(self, questions: np.ndarray, answers: np.ndarray) -> dict[str, np.ndarray]:
        return {"inputs": self.encode(questions), "labels": self.encode(answers)}

    def _set(self, train: Pool, held_out: Pool, groups: list[tuple[int, int]] | None = None) -> None:
        self._train = train
        self._groups = np.array(groups or [(0, len(train[0]))])
        self._held_out = held_out

    def _prepare_classes(self) -> None:
        """4x4: a fixed tenth of the classes of every number of givens is held out, the other classes are trained on."""
        classes, rng = four_by_four_classes(), np.random.default_rng(HELD_OUT_SEED)
        groups, train, held_out, ranks = [], [], [], []
        low, high = DIFFICULTIES[self.difficulty][4]
        first = 0
        for givens in range(4, 9):  # all of them, also where difficulty wants fewer: the random numbers stay the same
            rows = np.flatnonzero(classes.givens == givens)
            ids = np.unique(classes.class_id[rows])
            held = rng.choice(ids, max(2, round(len(ids) / 10)), replace=False)
            is_held = np.isin(classes.class_id[rows], held)
            drawn = rng.choice(rows[is_held], COPIES)
            copies = augment(classes.questions[drawn], classes.answers[drawn], rng, 4)
            if low <= givens <= high:
                once = distinct(copies[0])  # no puzzle twice
                held_out.append([digits[once] for digits in copies])
                ranks.append(np.arange(len(once)))
                train.append(rows[~is_held])
                groups.append((first, len(train[-1])))
                first += len(train[-1])
        order = np.concatenate(ranks).argsort(kind="stable")  # one of every number of givens, then the next of each
        rows = np.concatenate(train)
        held_out = tuple(np.concatenate(digits)[order] for digits in zip(*held_out, strict=True))
        self._set((classes.questions[rows], classes.answers[rows]), held_out, groups)

    def _prepare_pool(self) -> Iterator[tuple[int, int]]:
        """6x6, 9x9: a puzzle is held out if its symmetry key says so, whatever else is in the pool."""
        pool = load_pool(asset(f"{self.name}.npz"), self.size)
        if pool is None:
            raise ValueError(f"The file {self.name}.npz that ships with trm_explore is damaged: install it again.")
        within = self._within(pool[0])
        pool = tuple(digits[within] for digits in pool)
        wanted = self.pool_size or len(pool[0])
        if wanted > len(pool[0]):
            path = cache_folder() / f"{self.name}-{self.difficulty}-{wanted}-v{GENERATOR}.npz"
            cached = load_pool(path, self.size)
            if cached is None or len(cached[0]) != wanted:
                parts, done = [pool], len(pool[0])
                for part in pool_chunks(self.size, done, wanted, self.difficulty, POOL_SEED):
                    parts.append(part)
                    done += len(part[0])
                    yield done, wanted
                cached = tuple(np.concatenate(digits) for digits in zip(*parts, strict=True))
                with suppress(OSError):  # no room, or not allowed to write: then the next run makes the pool again
                    save_pool(path, *cached)
            pool = cached
        pool = tuple(digits[:wanted] for digits in pool)
        held = mix(symmetry_key(pool[0], self.size), 1) % np.uint64(10) == 0
        self._set(tuple(digits[~held] for digits in pool), tuple(digits[held] for digits in pool))

    def _prepare_files(self) -> Iterator[tuple[int, int]]:
        wanted = None if self.difficulty == "any" else DIFFICULTIES[self.difficulty][self.size]
        split = yield from split_puzzles(self._files, self.size, wanted, self.seed)
        self.dropped, self._files = split.dropped, []
        self._set(split.train, split.held_out)

    def _within(self, questions: np.ndarray) -> np.ndarray:
        """(N,) bool: which have as many givens as the difficulty wants."""
        low, high = DIFFICULTIES[self.difficulty][self.size]
        givens = (questions != 0).sum(1)
        return (givens >= low) & (givens <= high)
