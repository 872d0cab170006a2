"""The room words/ holds every word of the page and its drawings, so that a translation is a copy of that room.

Each word that is named is there, each that is there is used, and values are put where the text has places for them.
"""

import ast
import re
from functools import cache
from importlib import import_module
from pathlib import Path
from string import Formatter
from typing import Any, get_args

import pytest

from trm_explore.analysis.thinking import VERDICTS
from trm_explore.app import recipes
from trm_explore.app.link_fields import HIDDEN
from trm_explore.config import Scope
from trm_explore.data.assets import PACKAGE
from trm_explore.shipped.pairs import KINDS
from trm_explore.tasks import GENERATED, resolve
from trm_explore.view.settings import SETTINGS
from trm_explore.words import drawings

STATIC = sorted((PACKAGE / "web" / "src").glob("*.js"))
WORDS = {path.stem: import_module(f"trm_explore.words.{path.stem}") for path in (PACKAGE / "words").glob("[a-z]*.py")}
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


PAGE = [path for path in sorted((PACKAGE / "app").rglob("*.py")) if path.name != "__init__.py"]  # that one prints


@pytest.mark.parametrize("path", PAGE, ids=lambda path: path.stem)
def test_a_module_of_the_page_has_no_phrase_of_its_own(path):
    """Errors aside, which stand where they are raised, and markup and scripts, whose words the browser never shows."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    aside = {id(node) for raised in ast.walk(tree) if isinstance(raised, ast.Raise) for node in ast.walk(raised)}
    for block in ast.walk(tree):
        body = getattr(block, "body", None)
        if isinstance(body, list):
            aside |= {id(one.value) for one in body if isinstance(one, ast.Expr)}  # docstrings
    texts = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    phrases = [
        text.value
        for text in texts
        if id(text) not in aside and re.search(r"[A-Za-z]{2,} [a-z]{2,} [a-z]{2,}", text.value)
    ]
    assert [phrase for phrase in phrases if not re.search("<|=>|[{};]", phrase)] == []


# ---- the drawings: TEXTS.<section>.<name>, or a section under a short name of the module (const T = TEXTS.ribbon)

NAMED = re.compile(r"\b(\w+)\s*=\s*TEXTS\.(\w+)\b(?!\.)")


@cache
def spoken_by(path: Path) -> tuple[set[tuple[str, str]], dict[str, list[re.Pattern[str]]]]:
    """(section, name) that a module says; and of sections that it also asks by a computed name, what names may be."""
    code = code_of(path)
    short = {"TEXTS." + section: section for section in re.findall(r"\bTEXTS\.(\w+)", code)}
    short |= dict(NAMED.findall(code))
    said, computed = set(), {}
    for name, section in short.items():
        here = rf"(?<![\w.$]){re.escape(name)}"
        said |= {(section, key) for key in re.findall(rf"{here}\.(\w+)", code)}
        if re.search(rf"{here}\[", code):
            forms = [literal for literal in literals(code) if re.fullmatch(r"[\w.]+", literal)]
            forms += re.findall(rf"{here}\[`(.*?)`\]", code)
            computed[section] = [re.compile(".*".join(map(re.escape, re.split(r"\$\{.*?\}", form)))) for form in forms]
    return said, computed


def test_every_word_that_a_drawing_says_is_there():
    for path in STATIC:
        said, computed = spoken_by(path)
        assert {section for section, _ in said} | computed.keys() <= drawings.DRAWING.keys(), path.name
        missing = [f"TEXTS.{section}.{key}" for section, key in said if key not in drawings.DRAWING[section]]
        assert not missing, path.name


def asked_from_elsewhere() -> dict[str, set[str]]:
    """Sections of which a drawing asks words whose names others make: the tasks, the rules, the network's refusals."""
    code = {path.stem: code_of(path) for path in STATIC if path.stem in ("network", "disturb", "rules", "thought")}
    notes = {literal for name in ("rules", "thought") for literal in literals(code[name])} & drawings.DRAWING[
        "notes"
    ].keys()
    return {
        "challenges": {name for task in GENERATED for name in resolve(task)[0].challenges()},
        "network": set(re.findall(r'Refusal\("(\w+)"', code["network"] + code["disturb"])),
        "notes": notes,
    }


def test_every_word_of_the_drawings_is_said():
    elsewhere = asked_from_elsewhere()
    for section, names in elsewhere.items():
        assert drawings.DRAWING[section].keys() == names, section
    said = set().union(*(spoken_by(path)[0] for path in STATIC))
    computed = {section: forms for path in STATIC for section, forms in spoken_by(path)[1].items()}
    unused = [
        f"TEXTS.{section}.{key}"
        for section, words in drawings.DRAWING.items()
        for key in words
        if section not in elsewhere
        and (section, key) not in said
        and not any(form.fullmatch(key) for form in computed.get(section, ()))
    ]
    assert not unused


def fillings(path: Path) -> list[tuple[str, str, set[str]]]:
    """(section, name, names of values) of every fill(T.name, { ... }) with a plain text."""
    code = code_of(path)
    short = {"TEXTS." + section: section for section in re.findall(r"\bTEXTS\.(\w+)", code)} | dict(NAMED.findall(code))
    found = []
    for call in re.finditer(r"\bfill\(\s*((?:TEXTS\.)?\w+)\.(\w+),\s*\{", code):
        if call[1] not in short:
            continue
        depth, keys, piece = 1, set(), ""
        for sign in code[call.end() :]:
            depth += (sign in "{[(") - (sign in ")]}")
            if depth == 0 or (depth == 1 and sign == ","):
                keys |= set(re.findall(r"^\s*(\w+)", piece))
                piece = ""
                if depth == 0:
                    break
            else:
                piece += sign
        found.append((short[call[1]], call[2], keys))
    return found


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def test_values_are_put_where_the_drawings_have_places_for_them():
    found = [(path.name, *one) for path in STATIC for one in fillings(path)]
    assert len(found) > 50
    for module, section, name, keys in found:
        assert keys == places(drawings.DRAWING[section][name]), f"{module}: fill(TEXTS.{section}.{name})"


# ---- Python: a module of words/ by its name (refusals.NO_RUN), a table's line by its key (run_notes.STATUS["done"])

# Tables that are asked by a computed key, and the keys that may come.
KEYS = {
    ("page_controls", "PAIRS"): set(KINDS),
    ("page_controls", "HIDEABLE"): HIDDEN.keys() - {row.hide for row in SETTINGS.values()},
    ("inside_tab", "SOURCES"): {*KINDS, "run"},
    ("inside_tab", "HALTS"): {*VERDICTS, "stops", "goes on"},
    ("measurements", "HALTING_PARTS"): set(VERDICTS),
    ("measurements", "THINKING_FIGURES"): {"R2", "cells", "answers"},
    ("measurements", "PAIR_FIGURES"): {"exact_accuracy", "cell_accuracy", "r2"},
    ("measurements", "PAIR_WORDS"): {-1, 0, 1},
    ("measurements", "PAIR_IN_TIME"): {-1, 0, 1},
    ("run_notes", "SCOPES"): set(get_args(Scope)) - {"auto"},
    ("run_notes", "SCOPES_OFF"): set(get_args(Scope)) - {"auto"},
    ("compare_tab", "RECIPES"): set(recipes.RECIPES),
    ("compare_tab", "RECORDED"): {
        kind for name in ("on-off", "loss-gradient") for kind in recipes.RECORDED[name].values()
    },
}


class Uses(ast.NodeVisitor):
    """What a module takes from words/: `names` as (module, constant), `keys` of tables, tables taken `whole`, and
    `formats` as (module, constant, keys, names of values)."""

    def __init__(self, path: Path):
        self.modules, self.aliases = {}, {}
        self.names, self.keys, self.whole, self.formats = set(), set(), set(), []
        self.visit(ast.parse(path.read_text(encoding="utf-8")))

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        if node.module == "trm_explore.words":
            self.modules |= {alias.asname or alias.name: alias.name for alias in node.names}
        elif (node.module or "").startswith("trm_explore.words."):
            module = node.module.rpartition(".")[2]
            self.names |= {(module, alias.name) for alias in node.names}
            self.aliases |= {alias.asname or alias.name: (module, alias.name) for alias in node.names}

    def constant(self, node: ast.AST) -> tuple[str, str] | None:
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in self.modules:
            return self.modules[node.value.id], node.attr
        return self.aliases.get(node.id) if isinstance(node, ast.Name) else None

    def visit_Assign(self, node: ast.Assign) -> None:
        target, values = node.targets[0], node.value
        pairs = (
            zip(target.elts, values.elts, strict=False)
            if isinstance(target, ast.Tuple) and isinstance(values, ast.Tuple)
            else [(target, values)]
        )
        for name, value in pairs:
            if isinstance(name, ast.Name) and (found := self.constant(value)):
                self.aliases[name.id] = found
                self.names.add(found)
                if isinstance(value, ast.Name):
                    self.whole.add(found)
            else:
                self.visit(name)
                self.visit(value)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if found := self.constant(node):
            self.names.add(found)
            self.whole.add(found)
        self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> None:
        if found := self.aliases.get(node.id):
            self.whole.add(found)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        if found := self.constant(node.value):
            self.names.add(found)
            self.keys |= {(*found, key) for key in keys_of(node.slice)}
            if not keys_of(node.slice):
                self.whole.add(found)
        else:
            self.visit(node.value)
        self.visit(node.slice)

    def visit_Call(self, node: ast.Call) -> None:
        function = node.func
        if isinstance(function, ast.Attribute) and function.attr in ("format", "get"):
            text, keys = function.value, {""}
            if function.attr == "get" and (found := self.constant(text)):
                self.names.add(found)
                self.keys |= {(*found, key) for key in keys_of(node.args[0])}
                for part in node.args:
                    self.visit(part)
                return
            if isinstance(text, ast.Subscript):
                text, keys = text.value, keys_of(text.slice)
            if (found := self.constant(text)) and all(keyword.arg for keyword in node.keywords):
                self.formats.append((*found, keys, {keyword.arg for keyword in node.keywords}))
        self.generic_visit(node)


def keys_of(node: ast.expr) -> set[str]:
    """The keys that an expression may give: of an f-string with * for what it puts in. Empty: any."""
    if isinstance(node, ast.Constant):
        return {node.value}
    if isinstance(node, ast.IfExp):
        return keys_of(node.body) | keys_of(node.orelse)
    if isinstance(node, ast.JoinedStr):
        return {"".join(part.value if isinstance(part, ast.Constant) else "*" for part in node.values)}
    return set()


USES = {path: Uses(path) for path in sorted(PACKAGE.rglob("*.py"))}
LISTED = {("page_controls", "OWNER_HEADS"), ("tour_stops", "TOURS")}  # line by line, as they stand
LISTED |= {("drawings", "DRAWING")}  # above


def lines(module: str, name: str, keys: set[str]) -> list[str]:
    """The texts that these keys (see keys_of) of a table may mean; {""} means the constant itself."""
    value = getattr(WORDS[module], name)
    if not isinstance(value, dict):
        return [value] if isinstance(value, str) else []
    forms = [re.compile(".*".join(map(re.escape, key.split("*")))) for key in keys if isinstance(key, str) and key]
    return [text for key, text in value.items() if not forms or any(form.fullmatch(key) for form in forms)]


def names_in(module: str, context: type[ast.expr_context]) -> set[str]:
    """The constants that a module of words/ makes (ast.Store), or puts into others (ast.Load)."""
    nodes = ast.walk(ast.parse(Path(WORDS[module].__file__).read_text(encoding="utf-8")))
    return {
        node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, context) and node.id.isupper()
    }


def constants() -> list[tuple[str, str, Any]]:
    return [
        (module, name, getattr(made, name)) for module, made in WORDS.items() for name in names_in(module, ast.Store)
    ]


def test_every_word_that_python_names_is_there():
    for path, uses in USES.items():
        for module, name in uses.names:
            assert hasattr(WORDS[module], name), f"{path.name}: {module}.{name}"
        for module, name, key in uses.keys:
            found = getattr(WORDS[module], name)
            assert not isinstance(found, dict) or lines(module, name, {key}), f"{path.name}: {module}.{name}[{key!r}]"


def test_every_word_of_python_is_used():
    named = set().union(*(uses.names for uses in USES.values()))
    own = {(module, name) for module in WORDS for name in names_in(module, ast.Load)}
    unused = [f"{module}.{name}" for module, name, _ in constants() if (module, name) not in named | own]
    assert not unused


def test_every_line_of_a_table_is_used():
    keys = set().union(*(uses.keys for uses in USES.values()))
    whole = set().union(*(uses.whole for uses in USES.values()))
    tables = [(m, name, value) for m, name, value in constants() if isinstance(value, dict) and value]
    assert len(tables) > 8
    for module, name, table in tables:
        if (module, name) in KEYS:
            assert table.keys() == KEYS[module, name], f"{module}.{name}"
        elif (module, name) not in LISTED:
            assert (module, name) not in whole, f"{module}.{name} is asked by computed keys: which may come? (KEYS)"
            asked = {key for m, n, key in keys if (m, n) == (module, name)}
            said = [text for key in asked for text in lines(module, name, {key})]
            assert [key for key, text in table.items() if text not in said] == [], f"{module}.{name}"


def test_values_are_put_where_the_texts_have_places_for_them():
    found = [(path, *one) for path, uses in USES.items() for one in uses.formats]
    assert len(found) > 40
    for path, module, name, keys, values in found:
        texts = lines(module, name, keys)
        assert texts and all(places(text) <= values for text in texts), f"{path.name}: {module}.{name} {keys}"
        assert set().union(*map(places, texts)) == values, f"{path.name}: {module}.{name} {keys} has no place for all"


def test_a_translation_reaches_the_drawings(monkeypatch):
    from trm_explore.web import script

    monkeypatch.setitem(drawings.DRAWING, "ribbon", {**drawings.DRAWING["ribbon"], "head_step": "Schritt"})
    assert '"head_step": "Schritt"' in script("ribbon") and "Schritt" not in script("curves")
