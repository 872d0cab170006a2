"""texts.py holds every word of the page and its drawings, so that a translation is one file."""

import re
from pathlib import Path
from string import Formatter

import pytest

from trm_explore.data.assets import PACKAGE
from trm_explore.words import texts

STATIC = sorted((PACKAGE / "web" / "src").glob("*.js"))
SPOKEN = re.compile(r"\bTEXTS\.(\w+)(?:\.(\w+))?")
# Two words in a row inside quotes or backticks, outside of placeholders.
PHRASE = re.compile(r"[A-Za-z]{2,} [a-z]{2,}")
TECHNICAL = re.compile(
    r"\b[a-z]{2}-|system-ui|sans-serif|ui-monospace|<|=|--|[(\[]"
)  # classes, fonts, markup, selectors


def code_of(path: Path) -> str:
    """The module without comments and styles."""
    text = path.read_text(encoding="utf-8")
    text = re.sub(r"^\s*//.*$|\s//\s.*$", "", text, flags=re.MULTILINE)
    return re.sub(r"const (CSS|STYLE|\w+_CSS|LOOK|DARK) = [`\"].*?[`\"];", "", text, flags=re.DOTALL)


def literals(code: str) -> list[str]:
    return [a or b for a, b in re.findall(r'"([^"\n]*)"|`([^`\n]*)`', code)]


@pytest.mark.parametrize("path", STATIC, ids=lambda path: path.stem)
def test_a_module_of_static_has_no_phrase_of_its_own(path):
    said = []
    for literal in literals(code_of(path)):
        plain = re.sub(r"\$\{[^}]*\}", " ", literal)
        if PHRASE.search(plain) and not TECHNICAL.search(plain):
            said.append(literal)
    assert not said


def test_every_text_that_a_module_names_is_there_and_every_text_is_named():
    named, whole = set(), set()
    for path in STATIC:
        code = path.read_text(encoding="utf-8")
        for section, name in SPOKEN.findall(code):
            assert section in texts.DRAWING, f"{path.name}: TEXTS.{section}"
            if name:
                assert name in texts.DRAWING[section], f"{path.name}: TEXTS.{section}.{name}"
                named.add((section, name))
            else:  # a module that keeps its section under a short name
                whole.add(section)
                found = set(re.findall(r"\b(?:T|words|said|texts?|W)\.(\w+)", code))
                named |= {(section, name) for name in found if name in texts.DRAWING[section]}
    spoken = {section for section, _ in named} | whole
    assert spoken == set(texts.DRAWING)


@pytest.mark.parametrize("section", ["ribbon", "curves", "player", "answers"])
def test_every_text_of_the_first_drawings_is_used(section):
    code = "".join(path.read_text(encoding="utf-8") for path in STATIC)
    unused = [name for name in texts.DRAWING[section] if not re.search(rf"\b(?:T|TEXTS\.{section})\.{name}\b", code)]
    assert not unused


@pytest.mark.parametrize("table", ["STATUS", "SCOPES", "SCOPES_OFF"])
def test_sentences_end_and_have_only_named_places(table):
    for text in getattr(texts, table).values():
        assert all(name for _, name, _, _ in Formatter().parse(text) if name is not None)


def test_a_translation_reaches_the_drawings(monkeypatch):
    from trm_explore.web import script

    monkeypatch.setitem(texts.DRAWING, "ribbon", {**texts.DRAWING["ribbon"], "head_step": "Schritt"})
    assert '"head_step": "Schritt"' in script("ribbon") and "Schritt" not in script("curves")
