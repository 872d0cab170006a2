"""The maze task: mazes are mazes, paths are shortest, held-out wall layouts stay apart, typed mazes."""

import math
import time
from collections import deque

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trm_explore.config.presets import TASK_PRESETS
from trm_explore.data.grids import eight_copies, wall_key
from trm_explore.tasks.maze import GOAL, OPEN, PATH, ROLES, START, SYMBOLS, WALL, MazeTask, dig, solve


def moves_between(inputs: np.ndarray, allowed) -> int | None:
    """Moves from S to G over cells whose token is allowed, by a plain breadth-first search; None: no way."""
    side = math.isqrt(len(inputs))
    grid = inputs.reshape(side, side)
    start, goal = (tuple(np.argwhere(grid == token)[0].tolist()) for token in (START, GOAL))
    queue, seen = deque([(start, 0)]), {start}
    while queue:
        (r, c), moves = queue.popleft()
        if (r, c) == goal:
            return moves
        for at in ((r - 1, c), (r + 1, c), (r, c - 1), (r, c + 1)):
            if at not in seen and 0 <= at[0] < side and 0 <= at[1] < side and grid[at] in allowed:
                seen.add(at)
                queue.append((at, moves + 1))
    return None


def is_right(inputs: np.ndarray, answer: np.ndarray) -> bool:
    """The rule in plain words: only open cells are marked, all else is as it was, the marks are one shortest way."""
    if any(a != i and not (a == PATH and i == OPEN) for a, i in zip(answer.tolist(), inputs.tolist(), strict=True)):
        return False
    shortest = moves_between(inputs, {OPEN, START, GOAL})
    if shortest is None or (answer == PATH).sum() != shortest - 1:
        return False
    return moves_between(answer, {PATH, START, GOAL}) == shortest


def layouts(batch: dict) -> set[bytes]:
    """Each maze's wall layout in the one of its 8 copies whose bytes come first."""
    walls = batch["inputs"] == WALL
    side = math.isqrt(walls.shape[1])
    return {min(copy.tobytes() for copy in eight_copies(wall.reshape(side, side))) for wall in walls}


def typed(text: str) -> np.ndarray:
    task = MazeTask()
    return task.read(text)[0]["inputs"][0]


def error_of(make, *args, **options) -> str:
    with pytest.raises(ValueError) as error:
        make(*args, **options)
    sentence = str(error.value)
    assert "\n" not in sentence
    return sentence


# Mazes


@pytest.mark.parametrize("size", [3, 4, 7])
def test_a_perfect_maze_has_exactly_one_way_between_any_two_rooms(size):
    for walls in dig(40, size, 0.0, np.random.default_rng(size)):
        free = np.argwhere(~walls)
        assert len(free) == 2 * size * size - 1  # rooms and doors of a tree
        seen, todo = {(0, 0)}, [(0, 0)]
        while todo:
            r, c = todo.pop()
            for at in ((r - 1, c), (r + 1, c), (r, c - 1), (r, c + 1)):
                if at not in seen and list(at) in free.tolist():
                    seen.add(at)
                    todo.append(at)
        assert len(seen) == len(free)  # and all of it hangs together


def doors_of_rooms(walls: np.ndarray) -> np.ndarray:
    free = np.pad(~walls, ((0, 0), (1, 1), (1, 1)))
    around = free[:, :-2, 1:-1] * 1 + free[:, 2:, 1:-1] + free[:, 1:-1, :-2] + free[:, 1:-1, 2:]
    return around[:, ::2, ::2]


def test_with_all_loops_no_dead_end_is_left_and_with_half_of_them_about_half():
    ends = {
        loops: (doors_of_rooms(dig(400, 5, loops, np.random.default_rng(1))) == 1).sum() for loops in (0.0, 0.5, 1.0)
    }
    assert ends[1.0] == 0
    assert 0.3 < ends[0.5] / ends[0.0] < 0.6  # a new door may end two dead ends at once


def test_rooms_are_open_and_corners_between_four_rooms_are_walls():
    walls = dig(50, 4, 0.7, np.random.default_rng(2))
    assert not walls[:, ::2, ::2].any() and walls[:, 1::2, 1::2].all()


@pytest.mark.parametrize("loops", [0.0, 0.8])
def test_every_label_is_a_shortest_path_by_plain_search(loops):
    task = MazeTask(5, loops=loops)
    batch = task.sample(60, np.random.default_rng(0))
    assert batch["inputs"].shape == batch["labels"].shape == (60, 81)
    assert batch["inputs"].dtype == batch["labels"].dtype == np.int64
    for inputs, label in zip(batch["inputs"], batch["labels"], strict=True):
        assert ((inputs == START).sum(), (inputs == GOAL).sum(), (inputs == PATH).sum()) == (1, 1, 0)
        assert is_right(inputs, label)
    assert task.check(batch["inputs"], batch["labels"]).all()
    assert not task.check(batch["inputs"], batch["inputs"]).any()


@pytest.mark.parametrize("size", [3, 4, 5, 8])
def test_start_and_goal_are_never_near(size):
    labels = MazeTask(size, loops=1.0).sample(200, np.random.default_rng(0))["labels"]
    assert ((labels == PATH).sum(1) + 1 >= 4 * (size // 2)).all()


# What is right


def test_any_shortest_path_is_right_and_nothing_else():
    task, inputs = MazeTask(), typed("S../.#./..G")
    way = {
        "over": "Soo/.#o/..G",
        "under": "S../o#./ooG",
        "both": "Soo/o#o/ooG",
        "half": "So./.#o/..G",
        "none": "S../.#./..G",
    }
    way |= {"wall": "Soo/.oo/..G", "no wall": "Soo/..o/..G", "no goal": "Soo/.#o/..o", "two starts": "Soo/S#o/..G"}
    tokens = dict(zip("#.SGo", (WALL, OPEN, START, GOAL, PATH), strict=True))
    for name, text in way.items():
        answer = np.array([tokens[char] for char in text.replace("/", "")])
        assert (
            bool(task.check(inputs[None], answer[None])[0]) == is_right(inputs, answer) == (name in {"over", "under"})
        )
        label = solve(inputs[None])[0]
        assert bool(task.wrong_cells(inputs, label, answer)) == (name not in {"over", "under"})


def test_a_detour_is_wrong():
    task, inputs = MazeTask(), typed("S.G/...")
    detour = inputs.copy()
    detour[[3, 4, 5]] = PATH
    assert not task.check(inputs[None], detour[None])[0]


@given(st.integers(0, 2**32 - 1), st.integers(0, 4))
def test_check_is_the_rule_on_shaken_answers(seed, shakes):
    rng = np.random.default_rng(seed)
    task = MazeTask(3, loops=1.0)
    batch = task.sample(4, rng)
    answers = batch["labels"].copy()
    for answer in answers:
        answer[rng.integers(25, size=shakes)] = rng.integers(6, size=shakes)
    expected = [is_right(*pair) for pair in zip(batch["inputs"], answers, strict=True)]
    assert task.check(batch["inputs"], answers).tolist() == expected


def test_an_answer_without_start_and_goal_is_wrong_not_an_error():
    blank = np.full((1, 25), OPEN)
    assert not MazeTask(3).check(blank, blank)[0]


def test_walls_start_and_goal_are_given():
    task, inputs = MazeTask(), typed("S.#/..G/...")
    assert task.given(inputs).tolist() == [True, False, True, False, False, True, False, False, False]


# Held out


def test_the_8_copies_of_a_layout_share_a_key_and_different_layouts_do_not():
    walls = dig(300, 5, 0.0, np.random.default_rng(3))
    keys = wall_key(walls)
    for copy in eight_copies(walls):
        assert (wall_key(copy) == keys).all()
    different = {min(copy.tobytes() for copy in eight_copies(wall)) for wall in walls}
    assert len(set(keys.tolist())) == len(different) > 250


@pytest.mark.parametrize(("size", "loops"), [(3, 0.0), (4, 0.0), (4, 0.5)])
def test_no_held_out_wall_layout_is_trained_on_up_to_symmetry(size, loops):
    task = MazeTask(size, loops=loops)
    held_out = layouts(task.held_out(300))
    trained = layouts(task.sample(6000, np.random.default_rng(0)))
    assert len(held_out) >= 2 and len(trained) >= 10  # of the 12 layouts of 3 x 3 rooms that digging finds
    assert not held_out & trained


def test_held_out_mazes_are_always_the_same_none_twice_and_few_are_the_first_of_many():
    task, other = MazeTask(), MazeTask()
    few, many = task.held_out(10), task.held_out(300)
    assert len(np.unique(many["inputs"], axis=0)) == 300
    for name in many:
        assert (few[name] == many[name][:10]).all() and (other.held_out(300)[name] == many[name]).all()
    assert task.check(many["inputs"], many["labels"]).all()


def test_where_a_size_has_few_mazes_held_out_gives_as_many_as_there_are():
    batch = MazeTask(3).held_out(10**6)
    assert 0 < len(batch["inputs"]) < 10**5
    assert len(np.unique(batch["inputs"], axis=0)) == len(batch["inputs"])


def test_held_out_mazes_can_have_another_size():
    task = MazeTask(4, eval_size=6)
    assert (task.rows, task.cols, task.seq_len, task.held_out_shape()) == (7, 7, 49, (11, 11))
    batch = task.held_out(20)
    assert batch["inputs"].shape == (20, 121) and task.shape_of(batch) == (11, 11)
    assert task.check(batch["inputs"], batch["labels"]).all()
    assert task.sample(3, np.random.default_rng(0))["inputs"].shape == (3, 49)


def test_the_same_generator_gives_the_same_mazes_and_goes_on_to_new_ones():
    task, a, b = MazeTask(), np.random.default_rng(5), np.random.default_rng(5)
    first = task.sample(8, a)["inputs"]
    assert (first == task.sample(8, b)["inputs"]).all()
    assert (first != task.sample(8, a)["inputs"]).any()


@pytest.mark.slow
def test_mazes_are_made_far_faster_than_training_takes_them():
    task, rng = MazeTask(), np.random.default_rng(0)
    best = 0.0
    for _ in range(5):  # the best of a few: the machine may be busy
        began = time.process_time()  # what others compute meanwhile does not count
        for _ in range(20):
            task.sample(32, rng)
        best = max(best, 640 / (time.process_time() - began))
    assert best > 3000


# Wrong settings, and what the task says of itself


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"size": 2}, "size=2 cannot be: a maze has rooms a side, 3 to 40; give such a number, or 0 for its own"),
        ({"size": 41}, "size=41 cannot be: a maze has rooms a side, 3 to 40; give such a number, or 0 for its own"),
        (
            {"eval_size": 1},
            "eval_size=1 cannot be: a maze has rooms a side, 3 to 40; give such a number, or 0 for its own",
        ),
        ({"loops": 1.5}, "loops=1.5 must be from 0 (one way only) to 1 (no dead end)"),
        ({"loops": float("nan")}, "loops=nan must be from 0 (one way only) to 1 (no dead end)"),
    ],
)
def test_sizes_that_cannot_be_are_refused(options, sentence):
    assert error_of(MazeTask, **options) == sentence


def test_the_board_names_every_token():
    task = MazeTask()
    board = task.board()
    assert (board["kind"], board["rows"], board["cols"], board["box"]) == ("path", 7, 7, None)
    assert len(board["symbols"]) == len(board["roles"]) == task.vocab_size == len(SYMBOLS) == len(ROLES)
    assert "".join(SYMBOLS[1:]) == "# SGo"
    assert (task.name, TASK_PRESETS["maze"]["mixer"]) == ("maze", "conv") and task.title and task.help


# Typed mazes


@pytest.mark.parametrize("size", [3, 4])
def test_the_example_is_the_first_held_out_maze(size):
    task = MazeTask(eval_size=size)
    puzzles, remark = task.read(task.example())
    held_out = task.held_out(1)
    assert remark == "" and all((puzzles[name] == held_out[name]).all() for name in held_out)


def test_rows_may_be_lines_and_open_cells_blanks_and_a_typed_path_is_no_hint():
    task = MazeTask()
    expected = task.read("S.#/..#/#.G")[0]
    for text in ("S #\n  #\n# G", "So#/.o#/#oG\n", "S.#\r\n..#\r\n#.G\r\n"):
        assert (task.read(text)[0]["inputs"] == expected["inputs"]).all()


def test_a_maze_that_is_no_square_is_filled_up_with_walls():
    task = MazeTask()
    puzzles, remark = task.read("S..G")
    assert remark == "The grid is 1 x 4; walls make it a square of 4 x 4."
    assert task.shape_of(puzzles) == (4, 4)
    assert puzzles["labels"][0].tolist() == [START, PATH, PATH, GOAL, *[WALL] * 12]


def test_a_maze_without_a_way_has_no_label_and_no_right_answer():
    task = MazeTask()
    puzzles, remark = task.read("S#G/.#.")
    assert (
        remark == "The grid is 2 x 3; walls make it a square of 3 x 3. No way leads from S to G, so no answer is right."
    )
    assert "labels" not in puzzles and not task.check(puzzles["inputs"], puzzles["inputs"])[0]
    assert task.read("S#G/.#./.#.")[1] == "No way leads from S to G, so no answer is right."


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "the grid '' is empty; type rows such as S../.#."),
        ("\n \n", "the grid '\\n \\n' is empty; type rows such as S../.#."),
        ("SxG", "'x' stands in the grid 'SxG'; allowed are '#', ' ', '.', 'o', 'S', 'G'"),
        (
            "S..\n.G",
            "row 2 of the grid 'S..\\n.G' has 2 cells, but the first has 3; make all rows equally long, with '.' for "
            "open cells",
        ),
        ("...", "the grid has 0 cells S; it must have exactly one"),
        ("S.S/G..", "the grid has 2 cells S; it must have exactly one"),
        ("S.G/G..", "the grid has 2 cells G; it must have exactly one"),
        ("S", "the grid 'S' has 1 cells a side; it must have 2 to 100"),
        ("S" + "." * 100, f"the grid 'S{'.' * 36}...' has 101 cells a side; it must have 2 to 100"),
    ],
)
def test_text_that_is_no_maze_is_refused_in_one_sentence(text, sentence):
    assert error_of(MazeTask().read, text) == sentence
