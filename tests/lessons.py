"""The lessons as tests see them: read, with the solutions put in, executed."""

import copy
import os
import re
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

FOLDER = Path(__file__).parent.parent / "notebooks"
LESSONS = sorted(FOLDER.glob("*.ipynb"))
SOLUTION = re.compile(r"<details><summary>Solution</summary>\n\n```python\n(.*?)\n```\n\n</details>", re.DOTALL)


def read(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)


def exercises(book: nbformat.NotebookNode) -> list[int]:
    """The cells that a student fills in."""
    return [n for n, cell in enumerate(book.cells) if "exercise" in cell.metadata.get("tags", [])]


def solution(book: nbformat.NotebookNode, n: int) -> str:
    """What stands folded away directly below exercise cell n."""
    below = book.cells[n + 1]
    found = SOLUTION.match(below.source) if below.cell_type == "markdown" else None
    assert found, f"no solution stands directly below the exercise {book.cells[n].source.splitlines()[0]!r}"
    return found[1]


def solved(book: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """A copy with every exercise replaced by its solution."""
    done = copy.deepcopy(book)
    for n in exercises(book):
        done.cells[n].source = solution(book, n)
        assert done.cells[n].source != book.cells[n].source
    return done


def tried_before(book: nbformat.NotebookNode, done: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """A copy of `done` in which each exercise as it stands in `book` is run above its solution, tagged `tried`."""
    both = copy.deepcopy(done)
    for n in reversed(exercises(book)):
        tried = copy.deepcopy(book.cells[n])
        tried.id, tried.metadata = f"tried-{n}", {"tags": ["tried"]}
        both.cells.insert(n, tried)
    return both


def execute(book: nbformat.NotebookNode, folder: Path) -> nbformat.NotebookNode:
    """Run from top to bottom, everything shortened; AssertionError with the message of a cell that fails."""
    done = copy.deepcopy(book)
    client = NotebookClient(done, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(folder)}})
    here = {"TRM_EXPLORE_FAST": "1", "PYTHONPATH": str(FOLDER.parent), "IPYTHONDIR": str(folder / ".ipython")}
    try:
        client.execute(env={**os.environ, **here})
    except CellExecutionError as error:
        raise AssertionError(str(error)) from None
    return done


def said(cell: nbformat.NotebookNode) -> str:
    """What a cell printed."""
    return "".join(output.text for output in cell.outputs if output.output_type == "stream" and output.name == "stdout")
