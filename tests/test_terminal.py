"""terminal.py: the guide's line, tables, and boards as text."""

import json
from pathlib import Path

import numpy as np
import pytest

from trm_explore.tasks.sudoku import SudokuTask
from trm_explore.training import events as ev
from trm_explore.view.terminal import (
    BOLD,
    OFF,
    RED,
    YELLOW,
    board_text,
    evaluation_line,
    log_line,
    score_table,
    start_line,
    step_caption,
)

# One small frame a kind of board, made by hand; test_static.py draws the same ones.
FRAMES = json.loads((Path(__file__).parent / "data" / "frames.json").read_text(encoding="utf-8"))


def frame(size: int, inputs: list[int], *answers: list[int], wrong: list[list[int]] | None = None) -> dict:
    """A frame as trajectory.frame_of makes it, from digits (0: blank)."""
    task = SudokuTask(size)
    tokens = [task.encode(np.array(digits)).tolist() for digits in (inputs, *answers)]
    steps = [
        {"ids": ids, "conf": [0.5] * len(ids), "wrong": wrong[k] if wrong else [], "loss": 0.25, "halt": 0.125}
        for k, ids in enumerate(tokens[1:])
    ]
    return {"board": task.board(), "inputs": tokens[0], "given": [int(d > 0) for d in inputs], "steps": steps}


def counted(size: int) -> list[int]:
    """0, 1, 2 .. size, 0, 1 .. over the whole board."""
    return [i % (size + 1) for i in range(size * size)]


def test_the_log_line_is_the_guides():
    event = ev.UpdateDone(100, 0.34211, [0.45212, 0.38907, 0.28514], [0.2, 0.5, 1.0], 0.1, 1e-3, 1.0, 2.0)
    assert log_line(event, 1000) == "Step 100/1000, Train Loss: 0.3421 | Steps: ['0.4521', '0.3891', '0.2851']"


def test_the_start_line_says_what_is_compared(tiny_run):
    event = ev.Started({}, 40834, "cpu", 1)
    on = tiny_run(enable_deep_supervision=True, deep_supervision_schedule="u_shaped", gradient_scope="cycle", seed=7)
    assert start_line(event, on) == (
        "sudoku4: 40,834 weights, 3 H-cycles of 2 L-cycles, deep supervision u_shaped, gradient scope cycle, "
        "cpu, 1 thread, seed 7, about 0 MB of memory"
    )
    assert "deep supervision off, gradient scope last, cpu, 4 threads" in start_line(
        ev.Started({}, 1, "cpu", 4), tiny_run()
    )


def test_the_evaluation_line_gives_both_accuracies_of_every_step():
    line = evaluation_line(ev.Evaluated(50, 256, [1.0, 0.5], [0.7512, 0.999], [0.1, 0.95]))
    assert line == "Held-out after update 50: exact % by step [10.0, 95.0], cells % [75.1, 99.9]"


def test_the_table_has_a_row_a_step_under_its_heads():
    lines = score_table([1.5, 0.25], [0.75, 1.0], [0.125, 1.0], []).splitlines()
    assert [line.split() for line in lines] == [
        ["step", "loss", "cells", "right", "exact"],
        ["0", "1.5000", "75.00%", "12.50%"],
        ["1", "0.2500", "100.00%", "100.00%"],
    ]
    assert len({len(line) for line in lines}) == 1  # aligned


def test_a_4x4_board_has_boxes_of_2x2():
    assert board_text(frame(4, counted(4)), None, color=False) == (
        ".  1    2  3\n"  #
        "4  .    1  2\n"
        "\n"
        "3  4    .  1\n"
        "2  3    4  ."
    )


def test_a_6x6_board_has_boxes_of_2x3():
    lines = board_text(frame(6, counted(6)), None, color=False).splitlines()
    assert lines[:5] == [".  1  2    3  4  5", "6  .  1    2  3  4", "", "5  6  .    1  2  3", "4  5  6    .  1  2"]
    assert [i for i, line in enumerate(lines) if not line] == [2, 5]


def test_a_9x9_board_has_boxes_of_3x3():
    lines = board_text(frame(9, counted(9)), None, color=False).splitlines()
    assert lines[0] == ".  1  2    3  4  5    6  7  8"
    assert [i for i, line in enumerate(lines) if not line] == [3, 7] and len(lines) == 11


def marked() -> dict:
    """Cell 0 is given; 1 changes and gets right; 2 stays wrong; 3 is right until it changes."""
    rest = [1] * 12
    return frame(
        4,
        [1, 0, 0, 0, *rest],
        [1, 2, 3, 4, *rest],
        [1, 3, 3, 4, *rest],
        [1, 3, 2, 1, *rest],
        wrong=[[1, 2], [2], [2, 3]],
    )


def test_wrong_cells_are_marked_with_a_cross_and_changed_ones_with_a_star():
    first, second, third = (board_text(marked(), k, color=False).splitlines()[0] for k in range(3))
    assert first == "1  2×   3× 4"  # nothing has changed before the first step
    assert second == "1  3*   3× 4"
    assert third == "1  3    2× 1×"  # wrong is said before changed


def test_colours_only_where_asked_for_and_never_left_on():
    plain, painted = (board_text(marked(), 1, color=color) for color in (False, True))
    assert "\033" not in plain
    first = painted.splitlines()[0]
    assert f"{BOLD}1 {OFF}" in first and f"{YELLOW}3*{OFF}" in first and f"{RED}3×{OFF}" in first
    assert painted.count("\033[") == 2 * painted.count(OFF)
    for code in (BOLD, RED, YELLOW, OFF):
        painted = painted.replace(code, "")
    assert [line.rstrip() for line in painted.splitlines()] == plain.splitlines()


@pytest.mark.parametrize(
    ("wrong", "loss", "caption"),
    [
        ([3, 5], 0.25, "step 1: 2 wrong, loss 0.2500, mean confidence 50 %, halting 13 %"),
        ([], None, "step 1: solved, mean confidence 50 %, halting 13 %"),
    ],
)
def test_the_caption_says_how_the_step_stands(wrong, loss, caption):
    shown = marked()
    shown["steps"][1] |= {"wrong": wrong, "loss": loss}
    assert step_caption(shown, 1) == caption


def test_a_maze_shows_what_the_answer_marks_on_the_puzzles_own_walls():
    maze = FRAMES["path"]
    assert maze["steps"][0]["ids"][0] == maze["board"]["roles"].index("path") and maze["target"][0] == -100
    puzzle, first, second = (board_text(maze, k, color=False).splitlines() for k in (None, 0, 1))
    assert puzzle[1] == "# S . . # . #"
    assert first[0] == "# # # # # # #"  # nobody asked the network about the wall that it marks
    assert first[1:3] == ["# S o o # . #", "# o×# .×# . #"]
    assert second[1:4] == ["# S o o # o×#", "# .*# o*# . #", "# . # o*o*.×#"]


def test_a_path_over_a_scored_wall_is_shown_and_wrong():
    maze = FRAMES["path"] | {"target": [0, *FRAMES["path"]["target"][1:]]}
    first = maze["steps"][0]
    maze["steps"] = [first | {"wrong": [0, *first["wrong"]]}]
    assert board_text(maze, 0, color=False).startswith("o×# # #")


def test_a_sum_has_its_carries_above_and_its_rule_under_the_numbers():
    assert board_text(FRAMES["digits"], 1, color=False) == (
        "     1  1\n"  #
        "  0  7  8  5\n"
        "+ 0  4  3  6\n"
        "  ----------\n"
        "  0× 2* 2* 1"
    )
    assert board_text(FRAMES["digits"], None, color=False).splitlines()[-1] == "  .  .  .  ."
    assert f"{BOLD}7 {OFF}" in board_text(FRAMES["digits"], 0, color=True)


def test_the_plane_is_told_in_coordinates():
    assert board_text(FRAMES["plane"], None, color=False) == "(1.20, 0.30)  target (-0.40, 0.90)"
    assert board_text(FRAMES["plane"], 1, color=False) == "(0.30, 1.10) ×  target (-0.40, 0.90)"
    assert board_text(FRAMES["plane"] | {"target": None}, 2, color=True) == "(-0.35, 0.95)"


def test_a_field_is_a_table_of_numbers():
    lines = board_text(FRAMES["heat"], 1, color=False).splitlines()
    assert lines[1] == "   0.14    0.42×   0.28    0.07" and lines[3].split() == ["0.00", "-0.56×", "-0.21", "0.00"]
    assert f"{RED}   0.42×{OFF}" in board_text(FRAMES["heat"], 1, color=True)


def test_a_wide_field_is_shaded_over_its_range_and_what_lies_outside_counts_as_the_end():
    values = [-9.0, -1.0, -0.5, 0.0, 0.5, 1.0, 9.0, None, *[0.0] * 4]
    step = {"values": values, "wrong": [3], "loss": None, "halt": None}
    board = {"kind": "heat", "rows": 1, "cols": 12, "symbols": [], "box": None, "range": [-1, 1]}
    wide = {"board": board, "inputs": [0.0] * 12, "given": [0] * 12, "target": None, "steps": [step]}
    assert board_text(wide, 0, color=False) == "    ░░▒×▓▓████??▒▒▒▒▒▒▒▒"
    assert f"{RED}▒×{OFF}" in board_text(wide, 0, color=True)


def test_of_several_numbers_a_cell_the_first_is_shown():
    field = FRAMES["heat"] | {"inputs": [x for i in range(16) for x in (i / 100, 5.0)]}
    assert board_text(field, None, color=False).split()[:3] == ["0.00", "0.01", "0.02"]


def test_the_caption_of_numbers_has_no_confidence_and_no_verdict_without_a_target():
    assert step_caption(FRAMES["heat"], 1) == "step 1: 2 wrong, loss 0.0200, halting 30 %"
    plane = FRAMES["plane"] | {"target": None}
    plane["steps"] = [{**step, "wrong": [], "loss": None} for step in plane["steps"]]
    assert step_caption(plane, 0) == "step 0: halting 10 %"
