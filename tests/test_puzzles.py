"""Rules, generator and symmetries of Sudoku, checked against counters and tables made in another way."""

from functools import cache
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trm_explore.data import sudoku_rules as puzzles
from trm_explore.data.sudoku_rules import (
    BOXES,
    check_rules,
    conflicts,
    count_solutions,
    generate,
    is_solution,
    parse_puzzle,
    solve,
)
from trm_explore.data.symmetry import augment, distinct, four_by_four_classes, symmetry_key

seeds = st.integers(0, 2**32 - 1)
sizes = st.sampled_from(sorted(BOXES))
few = settings(max_examples=25, deadline=None)
GIVENS = {4: (4, 8), 6: (10, 18), 9: (27, 45)}


def peers(size: int, cell: int) -> set[int]:
    """Written without the tables of puzzles.py: cells that share row, column or box."""
    (rows, cols), (r, c) = BOXES[size], divmod(cell, size)
    return {
        i * size + j
        for i in range(size)
        for j in range(size)
        if (i, j) != (r, c) and (i == r or j == c or (i // rows, j // cols) == (r // rows, c // cols))
    }


PEERS = {size: [peers(size, cell) for cell in range(size * size)] for size in BOXES}


def naive_count(digits: list[int], size: int, limit: int = 2) -> int:
    """Plain backtracking over candidate lists."""
    free = [
        (cell, [d for d in range(1, size + 1) if all(digits[p] != d for p in PEERS[size][cell])])
        for cell in range(size * size)
        if digits[cell] == 0
    ]
    if not free:
        return int(all(digits[cell] != digits[p] for cell in range(size * size) for p in PEERS[size][cell]))
    cell, candidates = min(free, key=lambda one: len(one[1]))
    total = 0
    for digit in candidates:
        total += naive_count([*digits[:cell], digit, *digits[cell + 1 :]], size, limit - total)
        if total >= limit:
            break
    return total


@cache
def all_grids() -> np.ndarray:
    """The 288 grids of 4x4, row by row. (288, 16)"""
    grids: list[tuple[int, ...]] = [()]
    for _ in range(4):
        grids = [
            (*grid, *row)
            for grid in grids
            for row in permutations((1, 2, 3, 4))
            if all((*grid, *row)[p] != (*grid, *row)[i] for i in range(len(grid) + 4) for p in PEERS[4][i] if p < i)
        ]
    return np.array(grids, dtype=np.uint8)


def puzzle(size: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return generate(size, int(rng.integers(GIVENS[size][0], GIVENS[size][1] + 1)), rng)


@cache
def some(size: int, count: int = 60) -> tuple[np.ndarray, np.ndarray]:
    questions, answers = zip(*(puzzle(size, seed) for seed in range(count)), strict=True)
    return np.array(questions), np.array(answers)


@few
@given(sizes, seeds)
def test_generated_puzzles_have_exactly_one_solution(size, seed):
    question, answer = puzzle(size, seed)
    assert question.dtype == answer.dtype == np.uint8
    assert naive_count(question.tolist(), size) == 1
    assert is_solution(question[None], answer[None]).all()
    assert np.array_equal(solve(question), answer)


@few
@given(sizes, seeds)
def test_digging_stops_at_the_givens_or_where_nothing_more_can_go(size, seed):
    rng = np.random.default_rng(seed)
    wanted = int(rng.integers(GIVENS[size][0], GIVENS[size][1] + 1))
    question, _ = generate(size, wanted, rng)
    assert np.count_nonzero(question) >= wanted
    if np.count_nonzero(question) > wanted:
        for cell in np.flatnonzero(question):
            less = question.copy()
            less[cell] = 0
            assert count_solutions(less) == 2


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 4), min_size=16, max_size=16), seeds)
def test_4x4_counts_agree_with_all_288_grids(noise, seed):
    """Random digits, and random holes in a real grid: none, one and many solutions."""
    assert len(all_grids()) == 288
    rng = np.random.default_rng(seed)
    holes = all_grids()[rng.integers(288)] * (rng.random(16) < 0.35)
    for digits in (np.array(noise, dtype=np.uint8) * (rng.random(16) < 0.3), holes):
        fits = ((digits == 0) | (all_grids() == digits)).all(1)
        assert count_solutions(digits, limit=400) == fits.sum()
        assert count_solutions(digits) == min(2, fits.sum())
        solution = solve(digits)
        assert (solution is None) == (not fits.any())
        assert solution is None or is_solution(digits[None], solution[None])[0]


@few
@given(st.sampled_from((6, 9)), seeds)
def test_counts_agree_with_the_naive_counter(size, seed):
    """A digit moved or removed: often none or several solutions."""
    question, answer = puzzle(size, seed)
    rng = np.random.default_rng(seed)
    cell, other = rng.choice(np.flatnonzero(question), 2, replace=False)
    for digits in (question.copy(), question.copy()):
        digits[cell] = 0
        assert count_solutions(digits) == naive_count(digits.tolist(), size)
        question = digits
        question[other] = question[other] % size + 1
        assert count_solutions(question) == naive_count(question.tolist(), size)


def test_a_search_without_end_is_refused(monkeypatch):
    monkeypatch.setattr(puzzles, "MOST_TRIES", 20)
    with pytest.raises(ValueError, match=r"The puzzle with 0 givens was not decided in 20 tries: add givens\."):
        count_solutions(np.zeros(81, dtype=np.uint8))


@few
@given(sizes, seeds)
def test_is_solution_finds_every_fault(size, seed):
    question, answer = puzzle(size, seed)
    rng = np.random.default_rng(seed)
    cell = int(rng.integers(size * size))
    faults = np.tile(answer, (4, 1))
    faults[0, cell] = faults[0, cell] % size + 1  # another digit
    faults[1, cell] = 0  # a blank
    faults[2, cell] = size + 1  # no digit of this size
    relabelled = np.array([0, *np.roll(np.arange(1, size + 1), 1)], dtype=np.uint8)
    faults[3] = relabelled[answer]  # rules kept, givens changed
    assert not is_solution(np.tile(question, (4, 1)), faults).any()
    assert is_solution(np.zeros((1, size * size)), faults[3:])[0]


@pytest.mark.parametrize("lines", ["rows", "columns", "boxes"])
def test_is_solution_looks_at_rows_columns_and_boxes(lines):
    """Grids that break one kind of rule only."""
    shifted = np.array([[1, 2, 3, 4], [2, 3, 4, 1], [3, 4, 1, 2], [4, 1, 2, 3]])  # Latin square, boxes broken
    same_rows = np.array([[1, 2, 3, 4], [3, 4, 1, 2]] * 2)  # rows and boxes right, columns broken
    grid = {"boxes": shifted, "columns": same_rows, "rows": same_rows.T}[lines]
    assert not is_solution(np.zeros((1, 16)), grid.reshape(1, 16)).any()


def test_parsing():
    expected = [0, 2, 4, 0, 3, 0, 0, 0, 0, 0, 0, 4, 4, 0, 3, 0]
    assert parse_puzzle(".24.3......44.3.").tolist() == expected
    assert parse_puzzle(" 0240\n3...\t...4 4030 ", 4).tolist() == expected
    assert count_solutions(parse_puzzle(".24.3......44.3.")) == 1
    assert [len(parse_puzzle("." * cells)) for cells in (16, 36, 81)] == [16, 36, 81]


@pytest.mark.parametrize(
    ("text", "size", "sentence"),
    [
        ("123", None, "has 3 cells, but 16 (4x4), 36 (6x6) or 81 (9x9) are needed: write '.' or '0' for each blank."),
        ("", None, "has 0 cells, but 16 (4x4), 36 (6x6) or 81 (9x9) are needed: write"),
        ("." * 80, 9, "has 80 cells, but 81 (9x9) are needed: write '.' or '0' for each blank."),
        ("." * 81, 4, "has 81 cells, but sudoku4 needs 16: use task sudoku9 for it."),
        ("1.....k.........", None, "has 'k' in row 2 column 3, but only 1 to 4 and '.' or '0' for a blank are allowed"),
        ("5...............", 4, "has '5' in row 1 column 1, but only 1 to 4"),
        ("." * 35 + "7", 6, "has '7' in row 6 column 6, but only 1 to 6"),
        ("\u00b2" + "." * 15, 4, "has '\u00b2' in row 1 column 1"),
    ],
)
def test_parsing_says_what_is_wrong(text, size, sentence):
    with pytest.raises(ValueError) as error:
        parse_puzzle(text, size)
    assert sentence in str(error.value)


@pytest.mark.parametrize(
    ("text", "sentence", "cells"),
    [
        ("....3.3.........", "3 stands twice in row 2, once is allowed; change one.", [4, 6]),
        ("1...1...........", "1 stands twice in column 1, once is allowed", [0, 4]),
        ("..........2....2", "2 stands twice in box 4 (the one that starts at row 3 column 3)", [10, 15]),
        ("444.............", "4 stands 3 times in row 1", [0, 1, 2]),
    ],
)
def test_broken_rules_are_named(text, sentence, cells):
    digits = parse_puzzle(text)
    with pytest.raises(ValueError) as error:
        check_rules(digits)
    assert sentence in str(error.value)
    assert conflicts(digits) == cells
    assert count_solutions(digits) == 0
    assert solve(digits) is None


@few
@given(sizes, seeds)
def test_conflicts_are_the_cells_with_an_equal_peer(size, seed):
    digits = np.random.default_rng(seed).integers(0, size + 1, size * size).astype(np.uint8)
    digits[np.random.default_rng(seed).random(size * size) < 0.7] = 0
    assert conflicts(digits) == [
        cell
        for cell in range(size * size)
        if digits[cell] and any(digits[p] == digits[cell] for p in PEERS[size][cell])
    ]
    if not conflicts(digits):
        check_rules(digits)


@few
@given(sizes, seeds)
def test_copies_are_valid_unique_and_share_the_key(size, seed):
    questions, answers = some(size)
    copies, solutions = augment(questions, answers, np.random.default_rng(seed), size)
    assert copies.dtype == np.uint8 and is_solution(copies, solutions).all()
    assert ((copies != 0).sum(1) == (questions != 0).sum(1)).all()
    assert naive_count(copies[seed % len(copies)].tolist(), size) == 1
    assert np.array_equal(symmetry_key(copies, size), symmetry_key(questions, size))


@pytest.mark.parametrize("size", BOXES)
def test_augmentation_reaches_every_cell_and_transposes_square_boxes(size):
    """One marked pair of cells in a row: in the copies it lies everywhere, and upright only where boxes are square."""
    question = np.zeros((4000, size * size), dtype=np.uint8)
    question[:, :2] = (1, 2)
    copies, _ = augment(question, question, np.random.default_rng(0), size)
    assert (copies != 0).any(0).all()
    first, second = (np.sort(copies.nonzero()[1].reshape(-1, 2), axis=1)).T
    upright = (first % size == second % size).mean()
    assert upright == 0 if size == 6 else 0.4 < upright < 0.6
    assert {tuple(sorted(set(row.tolist()))) for row in copies[:500]} >= {(0, 1, 2), (0, 1, size)}


@pytest.mark.parametrize(("size", "least"), [(4, 0.6), (6, 1.0), (9, 1.0)])
def test_keys_tell_most_puzzles_apart(size, least):
    questions, _ = some(size)
    assert len(np.unique(symmetry_key(questions, size))) >= least * len(questions)


def test_keys_do_not_exchange_rows_and_columns_where_boxes_are_not_square():
    digits = np.zeros((1, 36), dtype=np.uint8)
    digits[0, :3] = (1, 2, 3)
    upright = digits.reshape(6, 6).T.reshape(1, 36)
    assert symmetry_key(digits, 6) != symmetry_key(upright, 6)
    assert symmetry_key(np.zeros((0, 36), dtype=np.uint8), 6).shape == (0,)


def test_keys_do_not_depend_on_the_other_puzzles():
    questions, _ = some(9)
    assert np.array_equal(symmetry_key(np.tile(questions, (40, 1)), 9)[-60:], symmetry_key(questions, 9))


def test_4x4_classes_are_complete_and_exact():
    classes = four_by_four_classes()
    assert len(np.unique(classes.class_id)) == 2236
    assert is_solution(classes.questions, classes.answers).all()
    assert np.array_equal((classes.questions != 0).sum(1), classes.givens)
    counted = {g: len(np.unique(classes.class_id[classes.givens == g])) for g in range(4, 9)}
    assert counted == {4: 13, 5: 96, 6: 376, 7: 711, 8: 1040}  # 13 with 4 givens is well known
    for row in range(0, len(classes.givens), 997):
        assert count_solutions(classes.questions[row]) == 1
    assert len(np.unique(classes.answers, axis=0)) == 2  # one grid of each type


def orbit(question: np.ndarray) -> set[bytes]:
    """Every copy of a 4x4 puzzle, one generator of the symmetry group after the other, until nothing new comes."""
    swap_rows, swap_bands = [1, 0, 2, 3], [2, 3, 0, 1]
    found, fresh = {question.tobytes()}, [question]
    while fresh:
        grid = fresh.pop().reshape(4, 4)
        swapped = np.array([0, 2, 1, 3, 4], dtype=np.uint8)[grid]
        turned = np.array([0, 2, 3, 4, 1], dtype=np.uint8)[grid]
        for copy in (grid[swap_rows], grid[swap_bands], grid.T, swapped, turned):
            if copy.tobytes() not in found:
                found.add(copy.tobytes())
                fresh.append(np.frombuffer(copy.tobytes(), dtype=np.uint8))
    return found


def test_4x4_classes_are_the_orbits_under_all_symmetries():
    """All puzzles with 4 givens, copied by hand: each orbit holds the puzzles of one class and no other."""
    classes = four_by_four_classes()
    four = classes.givens == 4
    questions, ids = classes.questions[four], classes.class_id[four]
    total = 0
    for one in np.unique(ids):
        copies = orbit(questions[ids == one][0])
        total += len(copies)
        assert [question.tobytes() in copies for question in questions] == (ids == one).tolist()
    assert total == 25728  # 4x4 puzzles with 4 givens and one solution, a published count


def test_the_key_never_splits_a_4x4_class():
    classes = four_by_four_classes()
    keys = symmetry_key(classes.questions, 4)
    pairs = set(zip(keys.tolist(), classes.class_id.tolist(), strict=True))
    assert len(pairs) == 2236
    assert len({key for key, _ in pairs}) > 2200  # and hardly ever merges two


def test_distinct_keeps_the_first_of_each_in_order():
    rows = np.array([[3, 0], [1, 0], [3, 0], [0, 3], [1, 0]], dtype=np.uint8)
    assert distinct(rows).tolist() == [0, 1, 3]
