"""The rules of Sudoku without any learning: read, check, solve, count and generate 4x4, 6x6 and 9x9 puzzles.

A puzzle is a row of digits, 0 for a blank. Try it:

    >>> from trm_explore.data.sudoku_rules import parse_puzzle, solve
    >>> solve(parse_puzzle("1... ..3. .4.. ...2"))
    array([1, 3, 2, 4, 4, 2, 3, 1, 2, 4, 1, 3, 3, 1, 4, 2], dtype=uint8)
"""

from __future__ import annotations

import numpy as np

from trm_explore.config.checks import shown
from trm_explore.data.puzzle_file import BLANKS, one_puzzle

BOXES = {4: (2, 2), 6: (2, 3), 9: (3, 3)}  # size -> (rows, columns) of a box
SIZES = {size * size: size for size in BOXES}  # number of cells -> size
LENGTHS = "16 (4x4), 36 (6x6) or 81 (9x9)"
MOST_TRIES = 100_000  # ends the search in puzzles with very few givens, which could take hours; others need hundreds


def _units(size: int) -> tuple[tuple[int, int, int], ...]:
    """For every cell its row, column and box, numbered through: rows 0..n-1, columns n..2n-1, boxes 2n..3n-1."""
    box_rows, box_cols = BOXES[size]
    boxes_across = size // box_cols
    return tuple(
        (r, size + c, 2 * size + r // box_rows * boxes_across + c // box_cols) for r in range(size) for c in range(size)
    )


UNITS = {size: _units(size) for size in BOXES}
MEMBERS = {  # size -> (3n, n): the cells of every row, column and box
    size: np.array([[i for i, three in enumerate(units) if u in three] for u in range(3 * size)])
    for size, units in UNITS.items()
}


def size_of(digits: np.ndarray) -> int:
    return SIZES[len(digits)]


def parse_puzzle(text: str, size: int | None = None, alphabet: dict[str, int] | None = None) -> np.ndarray:
    """Read "12.. .0.." and the like, also rows and boxes as they are drawn; data/puzzle_file.py has what a blank may
    be. `alphabet`: sign -> digit, for puzzles of other signs than digits (None: found out). Gives (L,) uint8."""
    text = one_puzzle(text, size)
    found = SIZES.get(len(text))
    if found is None:
        wanted = LENGTHS if size is None else f"{size * size} ({size}x{size})"
        raise ValueError(f"The puzzle has {len(text)} cells, but {wanted} are needed: write '.' or '0' for each blank.")
    if size is not None and found != size:
        raise ValueError(
            f"The puzzle has {len(text)} cells, but sudoku{size} needs {size * size}: use task sudoku{found} for it."
        )
    values = dict.fromkeys(BLANKS, 0) | (alphabet or alphabet_of(text, found))
    for i, character in enumerate(text):
        if character not in values:
            row, column = i // found + 1, i % found + 1
            raise ValueError(
                f"The puzzle has {shown(character)} in row {row} column {column}, "
                f"but only 1 to {found} and '.' or '0' for a blank are allowed: replace it."
            )
    return np.array([values[character] for character in text], dtype=np.uint8)


def alphabet_of(cells: str, size: int) -> dict[str, int]:
    """The digit that each sign of a puzzle (with its answer, where there is one) stands for. Usually the digits; a
    puzzle without any may have letters or other signs, at most as many as digits: A is 1 where A, B, .. will do, else
    they are numbered as they sort."""
    digits = {str(digit): digit for digit in range(1, size + 1)}
    signs = set(cells) - set(BLANKS)
    letters = {sign.upper() for sign in signs}
    if not signs or len(letters) > size or not all(map(_is_sign, signs)):
        return digits
    in_order = [chr(ord("A") + i) for i in range(size)]
    if not letters <= set(in_order):
        in_order = sorted(letters)
    numbers = {letter: number for number, letter in enumerate(in_order, 1)}
    return {sign: numbers[sign.upper()] for sign in signs}


def _is_sign(character: str) -> bool:
    return character.isalpha() or (ord(character) > 127 and character.isprintable() and not character.isnumeric())


def _clashes(digits: np.ndarray):
    """(unit, digit, cells) for every digit that stands more than once in a row, column or box."""
    for unit, cells in enumerate(MEMBERS[size_of(digits)]):
        values = digits[cells]
        for digit in np.flatnonzero(np.bincount(values) > 1):
            if digit:
                yield unit, int(digit), cells[values == digit]


def check_rules(digits: np.ndarray) -> None:
    """Raise ValueError naming the first broken rule; blanks break none."""
    size = size_of(digits)
    for unit, digit, cells in _clashes(digits):
        kind, number = ("row", "column", "box")[unit // size], unit % size + 1
        times = {2: "twice"}.get(len(cells), f"{len(cells)} times")
        where = f"{kind} {number}"
        if kind == "box":
            corner = MEMBERS[size][unit][0]
            where += f" (the one that starts at row {corner // size + 1} column {corner % size + 1})"
        raise ValueError(f"The puzzle breaks a rule: {digit} stands {times} in {where}, once is allowed; change one.")


def conflicts(digits: np.ndarray) -> list[int]:
    """The cells that clash with another cell of their row, column or box."""
    return sorted({int(cell) for _, _, cells in _clashes(digits) for cell in cells})


def _search(digits: list[int], size: int, limit: int, orders: list[list[int]] | None = None) -> list[list[int]]:
    """Up to `limit` solutions by backtracking over bit masks. `orders`: each cell's digits in the order to try them."""
    units, everything = UNITS[size], (2 << size) - 2  # bit d stands for digit d
    digits, free = list(digits), [everything] * (3 * size)  # free: digits still missing in each row, column, box
    for i, digit in enumerate(digits):
        if digit:
            a, b, c = units[i]
            bit = 1 << digit
            if not free[a] & free[b] & free[c] & bit:
                return []
            free[a] ^= bit
            free[b] ^= bit
            free[c] ^= bit
    blanks = [i for i, digit in enumerate(digits) if not digit]
    empty = len(blanks)
    solutions: list[list[int]] = []
    tries = 0

    def only_place() -> tuple[int, int] | None:
        """(index in blanks, bit) of a digit with one place left in a unit; (-1, 0) where a digit has none."""
        once, twice = [0] * (3 * size), [0] * (3 * size)
        masks = []
        for i in blanks:
            a, b, c = units[i]
            mask = free[a] & free[b] & free[c]
            masks.append(mask)
            for u in (a, b, c):
                twice[u] |= once[u] & mask
                once[u] |= mask
        if once != free:
            return -1, 0
        for k, i in enumerate(blanks):
            a, b, c = units[i]
            if single := masks[k] & ~(twice[a] & twice[b] & twice[c]):
                return k, single & -single
        return None

    def fill() -> bool:
        """Fill the blank with the fewest candidates, then the rest; True once there are enough solutions."""
        nonlocal tries
        tries += 1
        if tries > MOST_TRIES:
            raise ValueError(
                f"The puzzle with {size * size - empty} givens was not decided in {MOST_TRIES:,} tries: add givens."
            )
        if not blanks:
            solutions.append(digits.copy())
            return len(solutions) >= limit
        fewest, best, candidates = size + 1, 0, 0
        for k, i in enumerate(blanks):
            a, b, c = units[i]
            mask = free[a] & free[b] & free[c]
            if (count := mask.bit_count()) < fewest:
                fewest, best, candidates = count, k, mask
                if count < 2:
                    break
        if fewest == 0:
            return False
        if fewest > 1 and orders is None and (place := only_place()):
            best, candidates = place
            if not candidates:
                return False
        cell, last = blanks[best], blanks.pop()  # take the cell out by putting the last one in its place
        if best < len(blanks):
            blanks[best] = last
        a, b, c = units[cell]
        for digit in orders[cell] if orders else range(1, size + 1):
            bit = 1 << digit
            if candidates & bit:
                free[a] ^= bit
                free[b] ^= bit
                free[c] ^= bit
                digits[cell] = digit
                if fill():
                    return True
                free[a] ^= bit
                free[b] ^= bit
                free[c] ^= bit
        digits[cell] = 0
        blanks.append(last)
        blanks[best] = cell
        return False

    fill()
    return solutions


def count_solutions(digits: np.ndarray, limit: int = 2) -> int:
    """How many solutions there are; counting stops at `limit`."""
    return len(_search(np.asarray(digits).tolist(), size_of(digits), limit))


def solve(digits: np.ndarray) -> np.ndarray | None:
    """A solution (L,), or None where there is none."""
    solutions = _search(np.asarray(digits).tolist(), size_of(digits), 1)
    return np.array(solutions[0], dtype=np.uint8) if solutions else None


def is_solution(questions: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """(N, L) puzzles and (N, L) answers -> (N,) bool: complete, the givens kept, every row, column and box right."""
    answers = np.asarray(answers)
    size = SIZES[answers.shape[1]]
    right = ((answers >= 1) & (answers <= size) & ((questions == 0) | (questions == answers))).all(1)
    bits = np.left_shift(1, np.clip(answers, 0, size).astype(np.int16), dtype=np.int16)  # (N, L)
    for cells in MEMBERS[size]:
        right &= np.bitwise_or.reduce(bits[:, cells], axis=1) == (2 << size) - 2  # n cells, n digits: each once
    return right


def generate(size: int, givens: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A random puzzle with exactly one solution: (question, answer), each (L,) uint8.

    A full grid loses digits in random order, as long as the solution stays the only one, until `givens` are left.
    Where no digit can go any more it keeps more than `givens`.
    """
    cells = size * size
    orders = rng.permuted(np.tile(np.arange(1, size + 1), (cells, 1)), axis=1).tolist()
    answer = _search([0] * cells, size, 1, orders)[0]
    question, left = list(answer), cells
    units, members = UNITS[size], MEMBERS[size]
    neighbours = [sorted({int(j) for u in three for j in members[u]} - {i}) for i, three in enumerate(units)]
    for cell in rng.permutation(cells).tolist():
        if left <= givens:
            break
        seen = {question[j] for j in neighbours[cell]}
        question[cell] = 0
        for other in range(1, size + 1):  # a second solution would have another digit here
            if other != answer[cell] and other not in seen:
                question[cell] = other
                if _search(question, size, 1):
                    question[cell] = answer[cell]
                    break
        else:
            question[cell], left = 0, left - 1
    return np.array(question, dtype=np.uint8), np.array(answer, dtype=np.uint8)
