"""What draws in a browser: ES modules for the page, notebooks and reports. Touch: src/, then `make web`.

`script("ribbon")` is one module whole, for notebooks; `page_scripts()` are all of them for the page, which fetches what
they share once; `page_script("report")` is the one script of a page that stands alone, `template("report")` its HTML.
What a module draws is decided in view/; here it is only drawn. model_file.py writes a model for network.js, which runs
it in the browser; report.py makes a run into one HTML file that answers without a server, site.py a static site.

src/ holds the sources, dist/ what esbuild makes of them: nobody who runs it needs node (CONTRIBUTING.md).
"""

import json
import re
from pathlib import Path

from trm_explore.words.drawings import DRAWING

SOURCES = Path(__file__).resolve().parent / "src"
BUNDLES = SOURCES.with_name("dist")
END = re.compile(r"export\s*\{\s*([\w$]+) as default\s*\};?\s*$")  # as esbuild writes `export default`


def script(name: str) -> str:
    """A drawing module, whole: an ES module that imports nothing."""
    return _with_words((BUNDLES / "alone" / f"{name}.js").read_text(encoding="utf-8"))


def body(name: str) -> tuple[str, str]:
    """A drawing module as the text of a function or script, and the name that its object with `render` has there."""
    source = script(name)
    end = END.search(source)
    assert end, f"dist/alone/{name}.js does not end with its export"
    return source[: end.start()], end[1]


def page_script(name: str) -> str:
    """The one script of a page that stands alone, "report" or "site", ready to be put between <script> tags."""
    source = _with_words((BUNDLES / "whole" / f"{name}.js").read_text(encoding="utf-8"))
    return source.replace("</script", "<\\/script")


def page_scripts() -> dict[str, str]:
    """All drawing modules and the parts that they share, by name: ES modules that import each other as ./NAME.js."""
    files = sorted((BUNDLES / "page").glob("*.js"))
    return {path.stem: _with_words(path.read_text(encoding="utf-8")) for path in files}


def _with_words(source: str) -> str:
    """The words that it says stand before it, as TEXTS (drawings.DRAWING): they are Python's."""
    spoken = sorted(set(re.findall(r"\bTEXTS\.(\w+)", source)))
    return f"const TEXTS = {json.dumps({name: DRAWING[name] for name in spoken})};\n{source}" if spoken else source


def names() -> set[str]:
    """The drawing modules that can be asked for."""
    return {path.stem for path in (BUNDLES / "alone").glob("*.js")}


def template(name: str) -> str:
    """The HTML page of that name."""
    return (SOURCES / f"{name}.html").read_text(encoding="utf-8")
