"""Times every lesson in notebooks/, from top to bottom in a kernel of its own: at full length and shortened.

    python benchmarks/lessons.py [01 04 ...] [--cells 3] [--fast]

Lessons should take at most 180 s as shipped on 2 cores, and 25 s with TRM_EXPLORE_FAST=1; starting the kernel and
importing are inside. `--cells`: so many of the slowest cells are named. `--fast`: only the shortened runs. Exercises
stay unsolved. Run it alone on the machine; it needs `pip install -e ".[notebooks]" nbclient`.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import time
from pathlib import Path

import nbformat
import torch
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parent.parent
FULL, FAST = 180, 25  # seconds that a lesson may take
LONGEST = 1800  # seconds, of a cell


def timed(path: Path, fast: bool) -> tuple[float, list[tuple[float, str]]]:
    """Seconds in all, and those of each code cell with its first line. An error in a cell ends the script."""
    book = nbformat.read(path, as_version=4)
    began: list[float] = []

    def note(cell: nbformat.NotebookNode, cell_index: int) -> None:
        began.append(time.perf_counter())

    with tempfile.TemporaryDirectory() as folder:
        where = {"metadata": {"path": folder}}
        client = NotebookClient(book, timeout=LONGEST, kernel_name="python3", resources=where, on_cell_execute=note)
        here = {"TRM_EXPLORE_FAST": str(int(fast)), "PYTHONPATH": str(ROOT), "IPYTHONDIR": folder}
        start = time.perf_counter()
        client.execute(env={**os.environ, **here})
        end = time.perf_counter()
    cells = [cell.source.splitlines() or [""] for cell in book.cells if cell.cell_type == "code"]
    names = [lines[0][:50] for lines in cells]
    took = [after - before for before, after in zip(began, [*began[1:], end], strict=True)]
    return end - start, sorted(zip(took, names[: len(took)], strict=True), reverse=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lessons", nargs="*", metavar="lesson", help="how a file's name begins; default: all")
    parser.add_argument("--cells", type=int, default=1, help="slowest cells to name")
    parser.add_argument("--fast", action="store_true", help="only shortened")
    args = parser.parse_args()
    there = sorted((ROOT / "notebooks").glob("*.ipynb"))
    chosen = [path for path in there if not args.lessons or path.name.startswith(tuple(args.lessons))]
    if not chosen:
        raise SystemExit(f"no lesson begins with {args.lessons}; there are {', '.join(path.stem for path in there)}")
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads, "
        f"Python {platform.python_version()}, torch {torch.__version__}\n"
    )
    print(f"| lesson | s as shipped (at most {FULL}) | s shortened (at most {FAST}) | slowest cells |")
    print("|---|---|---|---|")
    late = []
    for path in chosen:
        short, cells = timed(path, fast=True)
        full = "–"
        if not args.fast:
            seconds, cells = timed(path, fast=False)
            full = f"{seconds:.0f}"
            late += [path.stem] if seconds > FULL else []
        late += [path.stem] if short > FAST else []
        slowest = "; ".join(f"{took:.0f} s `{name}`" for took, name in cells[: args.cells])
        print(f"| {path.stem} | {full} | {short:.0f} | {slowest} |", flush=True)
    if late:
        sys.exit(f"too slow: {', '.join(dict.fromkeys(late))}")


if __name__ == "__main__":
    main()
