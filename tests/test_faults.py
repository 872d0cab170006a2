"""docs/faults.md: every fault has a row, and every test that a row names exists."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (ROOT / "docs" / "faults.md").read_text(encoding="utf-8").splitlines()
    if re.match(r"\| [RBP]\d+ ", line)
]


@cache
def functions(file: str) -> set[str]:
    tree = ast.parse((ROOT / "tests" / file).read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_every_named_test_exists(row):
    assert len(row) == 3, f"{row[0]}: give the id, what is right, and the tests"
    named = re.findall(r"`(test_\w+\.py)::(test_\w+)`", row[2])
    assert named, f"{row[0]} names no test as `test_file.py::test_name`"
    for file, test in named:
        assert test in functions(file), f"{row[0]}: tests/{file} has no {test}"
