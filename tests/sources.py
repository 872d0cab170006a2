"""The JavaScript sources of drawings, for tests of the parts that modules share."""

import re
from pathlib import Path

import trm_explore

FOLDER = Path(trm_explore.__file__).parent / "web" / "src"
NAMES = sorted(path.stem for path in FOLDER.glob("*.js"))


def read(name: str) -> str:
    return (FOLDER / f"{name}.js").read_text(encoding="utf-8")


def as_text(*names: str) -> str:
    """These parts one after the other, as the text of a function or script: without imports and exports."""
    joined = "\n".join(map(read, names))
    return re.sub(
        r"^export (?=const|function|class)", "", re.sub(r"^import [^;]*;\n", "", joined, flags=re.M), flags=re.M
    )
