"""Links of the documents that lead out of docs/ (to lessons, the README) name the file: the site does not hold it."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def on_page_markdown(markdown: str, **_: object) -> str:
    """`[lesson 5](../notebooks/05.ipynb)` -> `lesson 5 (notebooks/05.ipynb)`; a link to a file that is not there stays,
    and strict building then refuses it."""

    def outside(link: re.Match[str]) -> str:
        path = link[2].split("#")[0]
        return f"{link[1]} (`{path}` in the repository)" if (ROOT / path).exists() else link[0]

    return re.sub(r"\[([^\]]+)\]\(\.\./([^)]+)\)", outside, markdown)
