"""The lessons: each runs from top to bottom as shipped and with its solutions, and keeps to the form of all lessons."""

import ast
import copy
import re
import tomllib
from functools import cache
from pathlib import Path

import pytest
from conftest import large
from lessons import FOLDER, LESSONS, execute, exercises, read, said, solution, solved, tried_before

import trm_explore.teach as teach

PROJECT = tomllib.loads((FOLDER.parent / "pyproject.toml").read_text())["project"]
every_lesson = pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)

ADDRESS = re.compile(r"git\+(https://github\.com/[\w.-]+/[\w.-]+)@v([\w.]+)\"")
SETUP = re.compile(
    r"try:\n    import trm_explore\nexcept ModuleNotFoundError:\n"
    r"    %pip install -q \"trm-explore\[notebooks\] @ git\+https://\S+\"\n\n"
    r"(?:(?:(?:import|from) .*|    \w+,|\))?\n)+lesson = setup\(seed=0(?:, updates=[\d_]+)?\)$"
)
EXERCISE = re.compile(r"^### Exercise \d (●{1,3}) \((\d+) minutes\)$", re.MULTILINE)


@cache
def book_of(path: Path):
    return read(path)


def words(path: Path) -> str:
    """All text of a lesson."""
    return "\n\n".join(cell.source for cell in book_of(path).cells if cell.cell_type == "markdown")


def code(path: Path) -> list[str]:
    return [cell.source for cell in book_of(path).cells if cell.cell_type == "code"]


def test_there_are_lessons_numbered_from_1():
    assert [path.stem[:3] for path in LESSONS] == [f"{n:02}_" for n in range(1, len(LESSONS) + 1)]


# ---- they run


@pytest.mark.slow
@pytest.mark.parametrize(
    "path", [pytest.param(path, marks=() if path.stem[:2] == "01" else large, id=path.stem) for path in LESSONS]
)
def test_lesson_runs_as_shipped_and_its_checks_say_not_yet(path, tmp_path):
    done = execute(book_of(path), tmp_path)
    for n in exercises(done):
        assert re.match(r"not yet: .+\n$", said(done.cells[n])), said(done.cells[n])


@pytest.mark.slow
@every_lesson
def test_lesson_runs_with_its_solutions_and_its_checks_say_not_yet_before_and_right_after(path, tmp_path):
    book = book_of(path)
    done = execute(tried_before(book, solved(book)), tmp_path)
    tried = [cell for cell in done.cells if "tried" in cell.metadata.get("tags", [])]
    assert len(tried) == len(exercises(book)) == len(exercises(done))
    for cell in tried:
        assert re.match(r"not yet: .+\n$", said(cell)), said(cell)
    for n in exercises(done):
        assert re.match(r"right: [\w-]+\n$", said(done.cells[n])), said(done.cells[n])


@large
@pytest.mark.slow
@every_lesson
def test_cells_can_be_run_again_once_all_have_run(path, tmp_path):
    book = solved(book_of(path))
    again = [copy.deepcopy(cell) for cell in reversed(book.cells) if cell.cell_type == "code"]
    for n, cell in enumerate(again):
        cell.id = f"again-{n}"
    book.cells += again
    execute(book, tmp_path)


# ---- their form


@every_lesson
def test_nothing_of_a_run_is_kept_in_git(path):
    for cell in book_of(path).cells:
        assert not cell.get("outputs") and cell.get("execution_count") is None
        assert set(cell.metadata) <= {"tags"}
    assert set(book_of(path).metadata) == {"kernelspec", "language_info"}


@every_lesson
def test_lesson_begins_with_what_one_needs_and_what_one_will_be_able_to(path):
    first = book_of(path).cells[0].source
    assert re.match(rf"# {int(path.stem[:2])} · ", first)
    assert "**You need**" in first and re.search(r"\*\*\d+ minutes\*\*", first) and "GPU" in first
    assert 3 <= first.split("**After this lesson you can**")[1].count("\n- ") <= 4


@every_lesson
def test_badge_and_installation_name_this_version(path):
    (address, installed) = ADDRESS.search(code(path)[0]).groups()
    badge = re.search(
        r"\(https://colab\.research\.google\.com/github/([\w.-]+/[\w.-]+)/blob/v([\w.]+)/(\S+)\)", words(path)
    )
    assert installed == badge[2] == PROJECT["version"]
    assert badge[3] == f"notebooks/{path.name}" and address == f"https://github.com/{badge[1]}"
    assert address == PROJECT.get("urls", {}).get("Repository", address)


def test_all_lessons_are_in_one_repository():
    assert len({ADDRESS.search(code(path)[0])[1] for path in LESSONS}) <= 1


@every_lesson
def test_one_cell_sets_up_and_needs_no_restart(path):
    assert SETUP.match(code(path)[0]), code(path)[0]
    for source in code(path)[1:]:
        assert not re.search(r"^\s*[%!]|\binstall\b|sys\.path|setup\(", source, re.MULTILINE)


@every_lesson
def test_sections_go_from_idea_to_change(path):
    parts = re.split(r"^## ", words(path), flags=re.MULTILINE)[1:]
    titles = [part.split("\n")[0] for part in parts]
    numbered = [part for part, title in zip(parts, titles, strict=True) if re.match(r"\d ", title)]
    assert 3 <= len(numbered) <= 5 and titles[len(numbered) :] == ["What we saw", "Summary"]
    for n, part in enumerate(numbered, start=1):
        assert part.startswith(f"{n} ")
        idea = re.search(r"\*\*Idea\.\*\*(.*?)\n\n", part, re.DOTALL)
        assert idea, f"section {n} has no idea"
        assert "**Predict.**" in part and "**Investigate.**" in part, f"section {n} lacks a step"
    assert sum("**Change" in part for part in numbered) >= 2
    assert "**References.**" in parts[-1] and "<details>" in parts[-2]


@every_lesson
def test_every_question_is_asked_before_its_result_is_shown(path):
    asked = []
    for source in code(path):
        for key in re.findall(r"lesson\.reveal\(\s*\"([^\"]+)\"", source):
            assert key in asked, f"{key!r} is answered before it is asked"
        asked += re.findall(r"lesson\.predict\(\s*\"([^\"]+)\"", source)
    shown = re.findall(r"lesson\.reveal\(\s*\"([^\"]+)\"", "\n".join(code(path)))
    assert sorted(asked) == sorted(shown) and len(set(asked)) == len(asked)


@every_lesson
def test_exercises_have_level_minutes_hint_check_and_solution(path):
    book = book_of(path)
    headed = EXERCISE.findall(words(path))
    assert 2 <= len(headed) <= 3 and len(exercises(book)) >= len(headed)
    assert len(re.findall(r"<details><summary>Hint</summary>", words(path))) >= len(headed)
    for n in exercises(book):
        name = re.search(r"lesson\.check\(\"([\w-]+)\", \w+\)$", book.cells[n].source)[1]
        assert name in teach.CHECKS
        assert "..." in book.cells[n].source and solution(book, n).endswith(
            f'lesson.check("{name}", ' + book.cells[n].source.rsplit(" ", 1)[1]
        )


def test_every_check_belongs_to_an_exercise():
    asked = [name for path in LESSONS for name in re.findall(r"lesson\.check\(\"([\w-]+)\"", "\n".join(code(path)))]
    assert sorted(asked) == sorted(teach.CHECKS), "checks and exercises differ"


@every_lesson
def test_no_function_outside_the_exercises_is_longer_than_12_lines(path):
    book = book_of(path)
    for n, cell in enumerate(book.cells):
        if cell.cell_type == "code" and n not in exercises(book):
            source = re.sub(r"^(\s*)%.*$", r"\1pass", cell.source, flags=re.MULTILINE)
            for node in ast.walk(ast.parse(source)):
                if isinstance(node, ast.FunctionDef):
                    length = node.end_lineno - node.lineno + 1
                    assert length <= 12, f"{node.name} has {length} lines; put it into the package"


@every_lesson
def test_a_lesson_needs_no_address_outside_to_run(path):
    for source in code(path):
        assert "://" not in re.sub(r"%pip install .*", "", source)


@every_lesson
def test_links_to_files_of_the_project_lead_somewhere(path):
    for target in re.findall(r"\]\((?!https?://)([^)#]+)", words(path)):
        assert (FOLDER / target).exists(), f"{path.name} points to {target}, which is not there"


@every_lesson
def test_under_every_widget_stands_a_static_picture(path):
    sources = code(path)
    for n, source in enumerate(sources):
        shown = re.search(r"^(\w+) = (?:Player|TrainingPanel|Weights|Comparison)\(", source, re.MULTILINE)
        if shown and re.search(rf"^{shown[1]}$", source, re.MULTILINE):
            assert re.search(r"plots\.\w+\(|\.picture\(\)", sources[n + 1]), f"no picture under {shown[1]}"
