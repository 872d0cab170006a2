"""The teacher's page (notebooks/README.md): a plan for every lesson, and links that the page understands."""

import re

import pytest
from lessons import FOLDER, LESSONS

from trm_explore.app.compare import START
from trm_explore.app.link_fields import choice, short, whole
from trm_explore.app.links import Links
from trm_explore.app.models import MOST_CYCLES, NUMBERS
from trm_explore.app.recipes import RECIPES
from trm_explore.app.tours import links as links_of_tours
from trm_explore.shipped.pairs import KINDS

TEXT = (FOLDER / "README.md").read_text()
PARTS = {int(part[0]): part for part in re.split(r"^## ", TEXT, flags=re.MULTILINE)[1:] if part[0].isdigit()}
FIELDS = [
    choice("recipe", None, tuple(RECIPES), START),
    choice("model", None, KINDS, "on"),
    whole("puzzle", None, 0, NUMBERS - 1),
    whole("cycles", None, 1, MOST_CYCLES),
    short("own", None),
]
LINKS = Links(tabs=("train", "compare", "inside"), tours=links_of_tours(), fields=FIELDS)


def test_every_lesson_is_listed_and_has_its_part():
    assert sorted(PARTS) == [int(path.name[:2]) for path in LESSONS]
    for path in LESSONS:
        assert f"]({path.name})" in TEXT


@pytest.mark.parametrize("number", sorted(PARTS))
def test_a_lesson_has_aim_plan_results_misconceptions_questions_and_links(number):
    for name in ("Aim", "What the class should see", "Misconceptions", "To discuss", "On the page"):
        assert f"**{name}.**" in PARTS[number], name
    assert re.search(r"`\?[\w]+=[^`]+`", PARTS[number])


@pytest.mark.parametrize("number", sorted(PARTS))
def test_a_plan_has_no_gap_and_ends_after_45_minutes(number):
    spans = [(int(a), int(b)) for a, b in re.findall(r"^\| (\d+) to (\d+) \|", PARTS[number], re.MULTILINE)]
    assert spans[0][0] == 0 and [b for _, b in spans[:-1]] == [a for a, _ in spans[1:]]
    assert spans[-1][1] == 45


@pytest.mark.parametrize("link", sorted(set(re.findall(r"`(\?[^`]+)`", TEXT))))
def test_the_page_uses_all_of_a_link(link):
    assert LINKS.read(link).left_out == []


def test_a_wrong_link_would_be_seen():
    assert LINKS.read("?tour=stopping&cycles=1000&task=sudoku5").left_out
