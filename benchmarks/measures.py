"""Measures a checkout of this repository, and prints the table "Measures" of docs/architecture.md.

    python benchmarks/measures.py [CHECKOUT ...]      a folder (. is the default) or a revision, such as ff043f3^

One column a checkout: modules at the package's root, lines of Python by room, the drawing modules as a page fetches
them, and pairs of places that share six lines. Lines are counted as they stand, blank ones and comments too. What a
page fetches is asked of the checkout itself, so its Python needs what the page needs.

Two places share six lines where six lines in a row are equal, in the package's Python, or in its JavaScript and CSS as
written. Left out are blank lines, imports, comments and docstrings, and lines without two letters or digits in a row,
so that closing brackets make no match; longer stretches count once.
"""

from __future__ import annotations

import ast
import io
import os
import re
import subprocess
import sys
import tarfile
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import combinations
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SHARED = 6
FETCHED = """
from trm_explore.app.drawing import drawn, modules
print(sum(len(drawn(name).packed) for name in modules()))
"""
WRITTEN_BY_TOOLS = "dist"  # the bundles


@contextmanager
def checkout(name: str) -> Iterator[Path]:
    """A folder as it is, or a revision in a temporary one."""
    if (Path(name) / "trm_explore").is_dir():
        yield Path(name).resolve()
        return
    packed = subprocess.run(["git", "archive", name, "trm_explore"], cwd=ROOT, capture_output=True, check=True).stdout
    with tempfile.TemporaryDirectory() as folder, tarfile.open(fileobj=io.BytesIO(packed)) as files:
        files.extractall(folder, filter="data")
        yield Path(folder)


def sources(package: Path, *suffixes: str) -> list[Path]:
    """What people wrote."""
    found = (path for path in sorted(package.rglob("*")) if path.suffix in suffixes)
    return [path for path in found if WRITTEN_BY_TOOLS not in path.relative_to(package).parts]


def lines_by_room(package: Path) -> Counter[str]:
    """Lines of Python, by folder of the package; those of its root under "root"."""
    found: Counter[str] = Counter()
    for path in sources(package, ".py"):
        parts = path.relative_to(package).parts
        found[parts[0] if len(parts) > 1 else "root"] += path.read_text(encoding="utf-8").count("\n")
    return found


def fetched(folder: Path) -> int:
    """Bytes of the drawing modules, gzipped, as a page fetches them."""
    said = subprocess.run(
        [sys.executable, "-c", FETCHED],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
    )
    if said.returncode:
        raise SystemExit(f"{folder}: the page's modules cannot be read\n{said.stderr}")
    return int(said.stdout)


def code(path: Path) -> list[tuple[int, str]]:
    """(number, line) of the lines that count."""
    text, left_out = path.read_text(encoding="utf-8"), set()
    if path.suffix == ".py":
        for node in ast.walk(ast.parse(text)):
            of = node.body[0] if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and node.body else node
            docstring = of is not node and isinstance(of, ast.Expr) and isinstance(of.value, ast.Constant)
            if docstring or isinstance(node, ast.Import | ast.ImportFrom):
                of = of if docstring else node
                left_out |= set(range(of.lineno, (of.end_lineno or of.lineno) + 1))
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if (
            number not in left_out
            and re.search(r"\w\w", line)
            and not line.startswith(("#", "//", "*", "/*", "import "))
        ):
            found.append((number, line))
    return found


def pairs(package: Path) -> list[tuple[str, str]]:
    """Pairs of places (file:line) that share six lines."""
    where: dict[tuple[str, ...], list[tuple[Path, int]]] = defaultdict(list)
    texts = {path: code(path) for path in sources(package, ".py", ".js", ".css")}
    for path, text in texts.items():
        for at in range(len(text) - SHARED + 1):
            where[tuple(line for _, line in text[at : at + SHARED])].append((path, at))
    met = {pair for places in where.values() for pair in combinations(places, 2)}

    def begins(pair: tuple[tuple[Path, int], tuple[Path, int]]) -> bool:
        (one, at), (other, there) = pair
        return ((one, at - 1), (other, there - 1)) not in met

    def named(path: Path, at: int) -> str:
        return f"{path.relative_to(package)}:{texts[path][at][0]}"

    return sorted((named(*one), named(*other)) for one, other in filter(begins, met))


def measure(name: str) -> dict[str, str]:
    """What stands in one column, by row."""
    with checkout(name) as folder:
        package = folder / "trm_explore"
        rooms, shared = lines_by_room(package), pairs(package)
        for one, other in shared:
            print(f"{name}: {one} and {other} share {SHARED} lines", file=sys.stderr)
        column = {
            "modules at the root": str(len(list(package.glob("*.py")))),
            "drawing modules of a page, gzipped": f"{fetched(folder) / 1000:.0f} kB",
            f"pairs of places that share {SHARED} lines": str(len(shared)),
            "lines of Python": f"{sum(rooms.values()):,}",
        }
        return column | {
            f"… in `{room}/`" if room != "root" else "… at the root": f"{n:,}" for room, n in rooms.items()
        }


def main(names: list[str]) -> None:
    columns = {name: measure(name) for name in names}
    rows = list(dict.fromkeys(row for column in reversed(columns.values()) for row in column))
    print("| |", " | ".join(f"`{name}`" for name in columns), "|")
    print("|---|" + "---|" * len(columns))
    for row in rows:
        print(f"| {row} |", " | ".join(column.get(row, "") for column in columns.values()), "|")


if __name__ == "__main__":
    main(sys.argv[1:] or ["."])
