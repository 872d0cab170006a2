"""What draws in a browser: ES modules for the page, notebooks and reports. Touch: src/.

`script("ribbon")` is the whole text of one module; `template("report")` is a page around them. What a module draws is
decided in view/; here it is only drawn. Common parts stand before the modules that need them (NEEDS). report.py makes a
run into one HTML file that plays without a server.
"""

import json
import re
from pathlib import Path

from trm_explore.words.texts import DRAWING

SOURCES = Path(__file__).resolve().parent / "src"
SHARED_SCRIPTS = ("common", "answers", "boards", "charts", "maps")  # texts that modules need before them, in this order
BOARDS = SHARED_SCRIPTS[:3]  # all that most modules need
NEEDS = {
    "keep": ("common",),
    "share": ("common",),
    "tours": ("common",),
    "curves": ("common", "charts"),
    "compare": SHARED_SCRIPTS[:4],
    "inside": SHARED_SCRIPTS,
    "thinking": ("common", "charts"),
    "editor": ("common",),
    "steering": ("common",),
    "weights": ("common",),
}


def script(name: str) -> str:
    """The source of a drawing module of src/, whole: an ES module that imports nothing. Its words come before it, as
    TEXTS (texts.DRAWING)."""
    parts = (*NEEDS.get(name, BOARDS), name)
    sources = [(SOURCES / f"{part}.js").read_text(encoding="utf-8") for part in parts]
    spoken = sorted(set(re.findall(r"\bTEXTS\.(\w+)", "".join(sources))))
    return "\n".join([f"const TEXTS = {json.dumps({section: DRAWING[section] for section in spoken})};", *sources])


def names() -> set[str]:
    """The drawing modules that can be asked for."""
    return {path.stem for path in SOURCES.glob("*.js")} - {*SHARED_SCRIPTS}


def template(name: str) -> str:
    """The HTML page of that name."""
    return (SOURCES / f"{name}.html").read_text(encoding="utf-8")
