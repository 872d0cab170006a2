"""Words and boards for the terminal: pure functions from events and frames to text."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from trm_explore.config import RunConfig
from trm_explore.model.cost import memory_size
from trm_explore.training import events as ev
from trm_explore.training.evaluation import HaltingScores
from trm_explore.view.frame import changed, kind_of, tokens, values, verdict, wrong
from trm_explore.words.percent import percent

USAGE = """trm-explore: see how tiny recursive networks reason

  trm-explore app                                             the page, on this machine
  trm-explore train --task sudoku4 --enable_deep_supervision  train in the terminal
  trm-explore evaluate CHECKPOINT [--data FILE.csv]           accuracy at every step
  trm-explore diagnose FOLDER                                 what a kept run shows, and what to try
  trm-explore report FOLDER --out report.html                 the run as one page that plays without a server
  trm-explore data sudoku FILE.csv --output_dir FOLDER        puzzles as a folder in the published layout
  trm-explore embed FILE.txt --output_dir FOLDER              text as sequences of embeddings, to train on
  trm-explore import STEP_N --out FILE.safetensors            a checkpoint of HRM or TRM as one of ours
  trm-explore show CHECKPOINT --puzzle ".24.3......44.3."     one answer, step by step

`trm-explore COMMAND --help` lists a command's flags."""

BOLD, RED, YELLOW, OFF = "\033[1m", "\033[31m", "\033[33m", "\033[0m"
SHADES = " ░▒▓█"


def start_line(event: ev.Started, config: RunConfig) -> str:
    m, s, t = config.model, config.supervision, config.train
    words = [
        f"{config.task}: {event.parameters:,} weights, {m.H_cycles} H-cycles of {m.L_cycles} L-cycles",
        f"deep supervision {s.deep_supervision_schedule if s.enable_deep_supervision else 'off'}",
        f"gradient scope {s.scope}",
    ]
    if s.enable_deep_supervision:
        extras = {"adaptive": s.adaptive_weights, "curriculum": s.curriculum}
        words += [f"{name} {value}" for name, value in extras.items() if value != "off"]
        words += [f"L-cycle weight {s.L_supervision_weight:g}"] if s.L_supervision_weight else []
    if t.activation_checkpointing != "none":
        words.append(f"checkpointing per {t.activation_checkpointing}")
    words.append(f"{event.device}, {event.threads} thread{'s' * (event.threads != 1)}, seed {t.seed}")
    words.append(f"about {memory_size(event.memory)} of memory")
    lines = [", ".join(words), *(f"Note: {remark}" for remark in event.remarks)]
    lines += [f"Baseline on held-out data, {name}: loss {loss:.4g}" for name, loss in event.baselines.items()]
    return "\n".join(lines)


def log_line(event: ev.UpdateDone, updates: int) -> str:
    """The guide's line (its "step" is our update; the list holds the losses of our steps). Puzzles that stay several
    updates add a list by true depth for every supervision step at which there were any."""
    line = f"Step {event.update}/{updates}, Train Loss: {event.loss:.4f} | Steps: {_losses(event.step_losses)}"
    if event.L_losses:
        line += f" | L-cycles: {_losses(event.L_losses)}"
    depths = [f"{i}: {_losses(row)}" for i, row in enumerate(event.depth_losses) if row[0] == row[0]]
    return line + (f" | By supervision step {', '.join(depths)}" if depths else "")


def _losses(values: list[float]) -> list[str]:
    return [f"{loss:.4f}" for loss in values]


def evaluation_line(event: ev.Evaluated) -> str:
    exact, cells = (_few([f"{100 * a:.1f}" for a in row]) for row in (event.exact_accuracy, event.cell_accuracy))
    line = f"Held-out after update {event.update}: exact % by step {exact}, cells % {cells}"
    if event.r2:
        line += f", loss {_few([f'{x:.4g}' for x in event.loss])}, R2 {_few([f'{x:.3f}' for x in event.r2])}"
    return line


def _few(words: list[str], most: int = 8) -> str:
    """[a, b, c, d, ..., y, z]: of many steps the first and the last."""
    shown = words if len(words) <= most else [*words[:4], "...", *words[-2:]]
    return f"[{', '.join(shown)}]"


def gradient_line(event: ev.GradientsMeasured) -> str:
    """What each step's loss alone sends into the network, and the final loss into each cycle's state."""
    network, states = ([f"{x:.3g}" for x in row] for row in (event.network, event.states[-1]))
    return (
        f"Gradient after update {event.update}: into the network by step [{', '.join(network)}], "
        f"of the final loss into the state after each cycle [{', '.join(states)}]"
    )


def score_table(loss: list[float], cells: list[float], exact: list[float], r2: list[float]) -> str:
    rows = [f"{'step':>4}  {'loss':>8}  {'cells right':>11}  {'exact':>7}" + ("       R2" if r2 else "")]
    for k, (of_loss, of_cells, of_puzzles) in enumerate(zip(loss, cells, exact, strict=True)):
        row = f"{k:>4}  {of_loss:>8.4f}  {100 * of_cells:>10.2f}%  {100 * of_puzzles:>6.2f}%"
        rows.append(row + (f"  {r2[k]:>7.4f}" if r2 else ""))
    return "\n".join(rows)


def halting_line(scores: HaltingScores, steps: int) -> str:
    return (
        f"halting at probability {scores.threshold:g}: exact {100 * scores.exact_accuracy:.2f}%, cells right "
        f"{100 * scores.cell_accuracy:.2f}%, {scores.mean_steps:.2f} of {steps} steps on average, "
        f"{100 * scores.stopped:.1f}% stopped early"
    )


def board_text(frame: dict[str, Any], step: int | None, color: bool) -> str:
    """The board after a step (None: the puzzle), by its kind. Bold: given; `×` (red): wrong; `*` (yellow): changed
    since the step before."""
    kind, k = kind_of(frame), "puzzle" if step is None else step
    if kind in ("heat", "plane"):
        return (_heat_text if kind == "heat" else _plane_text)(frame, k, color)
    board = frame["board"]
    rows, cols = board["rows"], board["cols"]
    crossed, other, cells = wrong(frame, k), changed(frame, k), []
    for i, token in enumerate(tokens(frame, k)):
        symbol = _path_symbol(frame, i, token) if kind == "path" else (board["symbols"][token].strip() or ".")
        mark = "×" if i in crossed else "*" if i in other else " "
        bold = frame["given"][i] and kind != "path"
        paint = RED if i in crossed else YELLOW if i in other else BOLD if bold else ""
        cells.append(f"{paint}{symbol}{mark}{OFF}" if color and paint else symbol + mark)
    lines = [cells[row * cols : (row + 1) * cols] for row in range(rows)]
    if kind == "path":
        return "\n".join("".join(line).rstrip() for line in lines)
    if kind == "digits":
        return _digits_text(lines, [] if step is None else frame["steps"][step].get("notes") or [], board)
    box_rows, box_cols = board.get("box") or (rows, cols)
    texts = []
    for row, line in enumerate(lines):
        if row and row % box_rows == 0:
            texts.append("")
        gaps = ("  " if col and col % box_cols == 0 else "" for col in range(cols))
        texts.append("".join(f"{gap}{cell} " for gap, cell in zip(gaps, line, strict=True)).rstrip())
    return "\n".join(texts)


def _path_symbol(frame: dict[str, Any], i: int, token: int) -> str:
    """Walls, start and goal as the puzzle has them, and what the answer marks."""
    roles = frame["board"]["roles"]
    own = roles[frame["inputs"][i]]
    if own not in ("start", "goal") and roles[token] in ("path", "reached"):
        return "o"
    return {"wall": "#", "open": ".", "start": "S", "goal": "G"}.get(own, " ")


def _digits_text(lines: list[list[str]], notes: list[str], board: dict[str, Any]) -> str:
    """The carries, the numbers, a rule and what stands under it."""
    cols, last = board["cols"], board["rows"] - 1
    carries = [next(filter(None, notes[col::cols]), "") for col in range(cols)]
    texts = ["  " + " ".join(f"{carry:<2}" for carry in carries).rstrip()] if any(carries) else []
    for row, line in enumerate(lines):
        if row and row == last:
            texts.append("  " + "-" * (3 * cols - 2))
        texts.append((f"{board.get('sign', '+')} " if row == last - 1 else "  ") + " ".join(line).rstrip())
    return "\n".join(text.rstrip() for text in texts)


def _heat_text(frame: dict[str, Any], k: int | str, color: bool) -> str:
    """Numbers, or from 11 columns on shades from the lowest value (blank) to the highest; of several numbers a cell the
    first."""
    board, crossed = frame["board"], wrong(frame, k)
    low, high = board.get("range") or (-1, 1)
    cols, cells = board["cols"], []
    for i, value in enumerate(values(frame, k)[:, 0]):
        if cols > 10:
            place = min(max((value - low) / (high - low), 0.0), 1.0)
            shade = "?" if math.isnan(value) else SHADES[round(place * (len(SHADES) - 1))]
            text = shade + ("×" if i in crossed else shade)
        else:
            text = _number(value).rjust(7) + ("×" if i in crossed else " ")
        cells.append(f"{RED}{text}{OFF}" if color and i in crossed else text)
    return "\n".join("".join(cells[row : row + cols]).rstrip() for row in range(0, len(cells), cols))


def _plane_text(frame: dict[str, Any], k: int | str, color: bool) -> str:
    """A line a point: where it is, and the target."""
    aims = None if frame.get("target") is None else values(frame, "target")
    lines = []
    for i, point in enumerate(values(frame, k)):
        text = _point(point) + (" ×" if i in wrong(frame, k) else "")
        text = f"{RED}{text}{OFF}" if color and i in wrong(frame, k) else text
        lines.append(text + (f"  target {_point(aims[i])}" if aims is not None else ""))
    return "\n".join(lines)


def _point(numbers: np.ndarray) -> str:
    return "(" + ", ".join(map(_number, numbers)) + ")"


def _number(value: float) -> str:
    return "?" if math.isnan(value) else f"{value:.2f}"


def step_caption(frame: dict[str, Any], step: int) -> str:
    """One line under or over a board: how right it is, loss, confidence (of symbols), halting."""
    s = frame["steps"][step]
    words = [said] if (said := verdict(frame, step)) else []
    if s["loss"] is not None:
        words.append(f"loss {s['loss']:.4f}")
    if s.get("conf"):
        words.append(f"mean confidence {percent(sum(s['conf']) / len(s['conf']))}")
    if s["halt"] is not None:
        words.append(f"halting {percent(s['halt'])}")
    return f"step {step}: " + ", ".join(words)
