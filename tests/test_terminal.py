"""terminal.py: the guide's line, tables, and boards as text."""

import numpy as np
import pytest

from trm_explore import events as ev
from trm_explore.tasks.sudoku import SudokuTask
from trm_explore.terminal import (
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
        "cpu, 1 thread, seed 7"
    )
    assert "deep supervision off, gradient scope last, cpu, 4 threads" in start_line(
        ev.Started({}, 1, "cpu", 4), tiny_run()
    )


def test_the_evaluation_line_gives_both_accuracies_of_every_step():
    line = evaluation_line(ev.Evaluated(50, 256, [1.0, 0.5], [0.7512, 0.999], [0.1, 0.95]))
    assert line == "Held-out after update 50: exact % by step [10.0, 95.0], cells % [75.1, 99.9]"


def test_the_table_has_a_row_a_step_under_its_heads():
    lines = score_table([1.5, 0.25], [0.75, 1.0], [0.125, 1.0]).splitlines()
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


def test_wrong_cells_are_marked_x_and_changed_ones_with_a_star():
    first, second, third = (board_text(marked(), k, color=False).splitlines()[0] for k in range(3))
    assert first == "1  2x   3x 4"  # nothing has changed before the first step
    assert second == "1  3*   3x 4"
    assert third == "1  3    2x 1x"  # wrong is said before changed


def test_colours_only_where_asked_for_and_never_left_on():
    plain, painted = (board_text(marked(), 1, color=color) for color in (False, True))
    assert "\033" not in plain
    first = painted.splitlines()[0]
    assert f"{BOLD}1 {OFF}" in first and f"{YELLOW}3*{OFF}" in first and f"{RED}3x{OFF}" in first
    assert painted.count("\033[") == 2 * painted.count(OFF)
    for code in (BOLD, RED, YELLOW, OFF):
        painted = painted.replace(code, "")
    assert [line.rstrip() for line in painted.splitlines()] == plain.splitlines()


@pytest.mark.parametrize(
    ("wrong", "loss", "caption"),
    [
        ([3, 5], 0.25, "step 1: 2 wrong, loss 0.2500, mean confidence 50 %, halting 12 %"),
        ([], None, "step 1: no mistake, mean confidence 50 %, halting 12 %"),
    ],
)
def test_the_caption_says_how_the_step_stands(wrong, loss, caption):
    shown = marked()
    shown["steps"][1] |= {"wrong": wrong, "loss": loss}
    assert step_caption(shown, 1) == caption
