"""Words and boards for the terminal: pure functions from events and frames to text."""

from __future__ import annotations

from typing import Any

from trm_explore import events as ev
from trm_explore.config import RunConfig

USAGE = """trm-explore: see how tiny recursive networks reason

  trm-explore app                                             the page, on this machine
  trm-explore train --task sudoku4 --enable_deep_supervision  train in the terminal
  trm-explore evaluate CHECKPOINT [--data FILE.csv]           accuracy at every step
  trm-explore show CHECKPOINT --puzzle ".24.3......44.3."     one answer, step by step

`trm-explore COMMAND --help` lists a command's flags."""

BOLD, RED, YELLOW, OFF = "\033[1m", "\033[31m", "\033[33m", "\033[0m"


def start_line(event: ev.Started, config: RunConfig) -> str:
    m, s = config.model, config.supervision
    return (
        f"{config.task}: {event.parameters:,} weights, {m.H_cycles} H-cycles of {m.L_cycles} L-cycles, deep "
        f"supervision {s.deep_supervision_schedule if s.enable_deep_supervision else 'off'}, gradient scope {s.scope}, "
        f"{event.device}, {event.threads} thread{'s' * (event.threads != 1)}, seed {config.train.seed}"
    )


def log_line(event: ev.UpdateDone, updates: int) -> str:
    """The guide's line (its "step" is our update; the list holds the losses of our steps)."""
    steps = [f"{loss:.4f}" for loss in event.step_losses]
    return f"Step {event.update}/{updates}, Train Loss: {event.loss:.4f} | Steps: {steps}"


def evaluation_line(event: ev.Evaluated) -> str:
    cells = ", ".join(f"{100 * a:.1f}" for a in event.cell_accuracy)
    exact = ", ".join(f"{100 * a:.1f}" for a in event.exact_accuracy)
    return f"Held-out after update {event.update}: exact % by step [{exact}], cells % [{cells}]"


def score_table(loss: list[float], cells: list[float], exact: list[float]) -> str:
    rows = [f"{'step':>4}  {'loss':>8}  {'cells right':>11}  {'exact':>7}"]
    for k, values in enumerate(zip(loss, cells, exact, strict=True)):
        rows.append(f"{k:>4}  {values[0]:>8.4f}  {100 * values[1]:>10.2f}%  {100 * values[2]:>6.2f}%")
    return "\n".join(rows)


def board_text(frame: dict[str, Any], step: int | None, color: bool) -> str:
    """The board after a step (None: the puzzle). Bold: given; `x` (red): wrong; `*` (yellow): changed since the step
    before."""
    board, now = frame["board"], frame["inputs"] if step is None else frame["steps"][step]["ids"]
    before = frame["steps"][step - 1]["ids"] if step else None
    wrong = set() if step is None else set(frame["steps"][step]["wrong"])
    box_rows, box_cols = board.get("box") or (board["rows"], board["cols"])
    lines = []
    for row in range(board["rows"]):
        if row and row % box_rows == 0:
            lines.append("")
        text = ""
        for col in range(board["cols"]):
            i = row * board["cols"] + col
            changed = before is not None and before[i] != now[i]
            mark = "x" if i in wrong else "*" if changed else " "
            paint = RED if i in wrong else YELLOW if changed else BOLD if frame["given"][i] else ""
            cell = (board["symbols"][now[i]] or ".") + mark
            gap = "  " if col and col % box_cols == 0 else ""
            text += gap + (f"{paint}{cell}{OFF}" if color and paint else cell) + " "
        lines.append(text.rstrip())
    return "\n".join(lines)


def step_caption(frame: dict[str, Any], step: int) -> str:
    """One line under or over a board: loss, wrong cells, confidence, halting."""
    s = frame["steps"][step]
    words = [f"{len(s['wrong'])} wrong" if s["wrong"] else "no mistake"]
    if s["loss"] is not None:
        words.append(f"loss {s['loss']:.4f}")
    words.append(f"mean confidence {100 * sum(s['conf']) / len(s['conf']):.0f} %")
    words.append(f"halting {100 * s['halt']:.0f} %")
    return f"step {step}: " + ", ".join(words)
