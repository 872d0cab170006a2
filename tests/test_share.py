"""Links: what they say is read within the limits of the controls, what cannot be used is named, writing and reading
belong together, and a run of one's own is found again where it should be."""

from __future__ import annotations

import asyncio
import re
from itertools import permutations
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import pytest
from conftest import examples
from hypothesis import assume, given
from hypothesis import strategies as st
from test_app import START, any_controls

from trm_explore.app.handlers import Handlers
from trm_explore.app.link_fields import FIELDS, HIDDEN, HIDEABLE, NAMES, Field, choice
from trm_explore.app.links import Links
from trm_explore.app.page import build
from trm_explore.app.settings import CONTROLS, LIMITS, config_of, start_config, values_of
from trm_explore.app.share import AWAY, HEAD, Sharing
from trm_explore.app.tours import links as links_of_tours
from trm_explore.config import SIZES
from trm_explore.runs.registry import Runs
from trm_explore.shipped.pairs import KINDS
from trm_explore.tasks import GENERATED
from trm_explore.view.recorded import recorded_message, recorded_text
from trm_explore.words import refusals, run_notes

LINKS = Links(tabs=("train", "compare", "inside"), tours=links_of_tours())
PAGE = (Path(__file__).parent.parent / "docs" / "teaching_with_the_page.md").read_text(encoding="utf-8")


def said(opened) -> dict:
    return dict(zip(CONTROLS, opened.values, strict=True))


def changed(query: str) -> dict:
    """What a link changes of how the page opens."""
    return {name: value for name, value in said(LINKS.read(query)).items() if value != START[name]}


# ---- what a link says


@pytest.mark.parametrize(
    ("query", "change"),
    [
        ("task=sudoku4", {}),
        (
            "?supervision=0&schedule=constant",
            {"enable_deep_supervision": False, "deep_supervision_schedule": "constant"},
        ),
        ("?enable_deep_supervision=off", {"enable_deep_supervision": False}),  # full names are read as well
        ("?H_cycles=5&seed=7&weight=0.25", {"H_cycles": 5, "seed": 7, "deep_supervision_weight": 0.25}),
        ("?custom=0.3,0.4,1", {"deep_supervision_schedule": "custom", "custom_weights": "0.3 0.4 1"}),
        ("?scope=cycle&scope=last", {"gradient_scope": "last"}),
        ("?task=sudoku4&__theme=dark&hide=schedule&embed=1", {}),
    ],
)
def test_a_link_sets_the_controls(query, change):
    opened = LINKS.read(query)
    assert changed(query) == change and not opened.left_out


def test_a_task_comes_with_what_the_page_shows_for_it_and_pair_and_size_with_theirs():
    maze, off, small = said(LINKS.read("task=maze")), said(LINKS.read("pair=off-time")), said(LINKS.read("size=small"))
    assert maze["task"] == "maze" and maze["enable_deep_supervision"] and maze["updates"] == 600
    assert not off["enable_deep_supervision"] and off["updates"] == 768
    assert small["preset"] == "small" and small["L_cycles"] == 4


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("H_cycles=99", "H_cycles=99 (give a whole number from 1 to 8)"),
        ("H_cycles=two", "H_cycles=two (give a number)"),
        ("updates=1e9", "updates=1e9 (give a number)"),
        ("L_weight=nan", "L_weight=nan (give a number from 0 to 2)"),
        ("weight=7", "weight=7 (give a number from 0 to 1)"),
        ("supervision=maybe", "supervision=maybe (give 1 or 0)"),
        ("foo=1", "foo=1 ('foo' is not a setting of a run)"),
        ("H_cycle=5", "H_cycle=5 ('H_cycle' is not a setting of a run; did you mean H_cycles?)"),
        ("hid=more", "hid=more ('hid' is not a setting of a run; did you mean hide?)"),
        ("lr=1", "lr=1 ('lr' cannot be set here)"),
        ("step=-1", "step=-1 (give a whole number from 0 to 63)"),
        ("stop=9&tour=cost", "stop=9 (give a whole number from 1 to 6)"),
        ("hide=schedule,sky", "hide=sky (no part that can be hidden)"),
        ("embed=x", "embed=x (give 1 or 0)"),
        ("data=/etc/passwd", "data=/etc/passwd (an uploaded file is never part of a link)"),
        ("task=maze&difficulty=hard", "difficulty=hard (this task has no such setting)"),
        ("schedule=constant&custom=1,2,3", "custom=1,2,3 (custom weights belong to schedule=custom)"),
    ],
)
def test_what_cannot_be_used_is_named_in_one_sentence_and_the_rest_is_used(query, named):
    opened = LINKS.read(f"{query}&seed=5")
    assert opened.notice == refusals.LINK_LEFT_OUT.format(listed=named)
    assert said(opened)["seed"] == 5


def test_of_many_wrong_fields_four_are_named_and_of_a_long_one_its_beginning():
    notice = LINKS.read("&".join(f"x{i}={'y' * 200}" for i in range(9))).notice
    assert notice.count("is not a setting of a run") == 4 and "and 5 more" in notice and len(notice) < 400
    assert LINKS.read("x" * 2001).notice == refusals.LINK_LEFT_OUT.format(
        listed="everything, because it is longer than 2000 characters"
    )


def test_the_order_of_the_fields_does_not_matter():
    fields = ["H_cycles=4", "custom=1,2,3,4", "schedule=custom", "task=maze"]
    read = [said(LINKS.read("&".join(order))) for order in permutations(fields)]
    assert all(one == read[0] for one in read)
    assert read[0]["custom_weights"] == "1 2 3 4" and read[0]["H_cycles"] == 4


def test_a_stop_of_a_tour_is_a_link_and_what_is_said_beside_it_comes_on_top():
    opened = LINKS.read("tour=schedule&stop=2&scope=cycle")
    assert opened.tour == ("schedule", 1)
    assert said(opened)["deep_supervision_schedule"] == "constant" and said(opened)["gradient_scope"] == "cycle"


# ---- writing and reading


@given(any_controls(), st.sampled_from(KINDS), st.sampled_from(SIZES))
def test_what_is_written_is_read_again(values, kind, size):
    """Whatever the controls say. The uploaded file stays behind."""
    values[CONTROLS.index("data")], values[CONTROLS.index("preset")] = None, size
    try:
        config = config_of(values)
    except ValueError:
        assume(False)
    opened = LINKS.read(LINKS.write(values, kind))
    assert opened.values == values_of(config) and opened.kind == kind and not opened.left_out


def test_a_link_holds_only_what_differs_from_how_the_page_shows_the_task():
    assert LINKS.write(list(START.values())) == "task=sudoku4"
    assert LINKS.write(LINKS.read("task=reach").values) == "task=reach"
    assert LINKS.write(LINKS.read("pair=off").values, "off") == "task=sudoku4&pair=off"
    assert LINKS.write(list((START | {"seed": 3, "data": "/tmp/x/own.csv"}).values())) == "task=sudoku4&seed=3"


@pytest.mark.parametrize("query", ["", "?", "?tab=inside", "?step=1", "?hide=stage", "?__theme=dark"])
def test_a_link_that_says_nothing_of_a_run_is_the_page_as_it_opens(query):
    opened = LINKS.read(query)
    assert opened.values == values_of(start_config()) and LINKS.write(opened.values) == ""


@pytest.mark.parametrize("query", ["seed=7", "pair=off", "size=small", "difficulty=hard"])
def test_links_of_the_first_release_that_name_no_task_are_of_the_smallest_sudoku(query):
    assert LINKS.read(query).values[CONTROLS.index("task")] == "sudoku4" and LINKS.read(query).chosen


# ---- whatever anybody writes


def inside_the_limits(opened) -> None:
    config = config_of(opened.values)  # raises where the controls would refuse it
    for name, (least, most) in LIMITS.items():
        assert least <= said(opened)[name] <= most
    assert config.task in GENERATED and not config.puzzles.data and opened.kind in KINDS
    assert opened.tab in LINKS.tabs and (opened.step is None or 0 <= opened.step < 64)
    assert len(opened.notice) < 600 and "\n" not in opened.notice


@given(st.text(max_size=300) | st.text("&=?%+;,.0123456789taskmzeHcyl_", max_size=300) | st.integers() | st.none())
@examples(2000)
@pytest.mark.slow
def test_no_text_at_all_gives_an_error_or_a_run_beyond_the_limits(query):
    inside_the_limits(LINKS.read(query))


# As people, machines and the ill-willed write them.
WORDS = (
    "0 1 -1 2 8 9 1e99 nan inf on auto full cycle custom constant ../.. maze sudoku9 small paper hard off lag 0.5 <b> %"
)
ODD = st.sampled_from(["", "\x00", "1,2,3", "9" * 400, *WORDS.split()])
FIELD = st.sampled_from([*NAMES.values(), "pair", "tab", "step", "tour", "stop", "hide", "embed", "data", "x"])


@given(st.lists(st.tuples(FIELD, ODD | st.text(max_size=12)), max_size=8))
@examples(600)
@pytest.mark.slow
def test_no_values_of_the_known_fields_do_either(pairs):
    inside_the_limits(LINKS.read("&".join(f"{name}={value}" for name, value in pairs)))


# ---- other parts of the page


def test_a_part_of_the_page_adds_fields_of_its_own():
    links = Links(fields=[choice("recipe", None, ("on-or-off", "depth"), "on-or-off")])
    assert links.read("recipe=depth").more == {"recipe": "depth"}
    assert links.read("recipe=sky").more == {} and "allowed are on-or-off, depth" in links.read("recipe=sky").notice
    start = list(START.values())
    assert links.write(start, more={"recipe": "on-or-off"}) == "task=sudoku4"
    assert links.write(start, more={"recipe": "depth"}) == "task=sudoku4&recipe=depth"
    assert links.write(start, more={"recipe": "by-hand"}) == "task=sudoku4"  # no link carries that
    with pytest.raises(ValueError, match="seed is taken"):
        Links(fields=[Field("seed", None, str)])


# ---- the page


@pytest.fixture
def runs():
    runs = Runs(slots=1)
    yield runs
    runs.close()


@pytest.fixture
def sharing(runs):
    shared = SimpleNamespace(runs=runs, handlers=Handlers(runs, GENERATED))
    return Sharing(shared, LINKS)


def own_run(runs, **changes):
    return runs.submit(config_of(list((START | {"updates": 3, "seed": 9} | changes).values())), paused=True)


def parts(answer):
    """run, ticket, controls, message, what share.js is told"""
    run, ticket, *rest = answer
    *_, opened = rest
    return run, ticket, rest[: len(CONTROLS)], rest[len(CONTROLS)], opened


def test_a_reload_finds_the_run_and_a_link_that_is_opened_anew_comes_before_it(sharing, runs):
    run = own_run(runs)
    for query, again in [("?seed=4&step=1", "again"), ("", ""), ("?hide=more&step=1", "")]:
        found, ticket, values, message, opened = parts(sharing.arrive(run.id, query, again))
        assert found == ticket == run.id and values == values_of(run.config) and not opened.get("forget")
    found, ticket, values, message, opened = parts(sharing.arrive(run.id, "?task=maze&seed=4", ""))
    assert found == ticket == "" and opened["forget"] and opened["query"] == "task=maze&seed=4"
    assert dict(zip(CONTROLS, values, strict=True))["seed"] == 4 and message == recorded_message("maze")


def test_with_a_run_that_is_found_comes_what_was_measured_on_its_task(sharing, runs):
    run = own_run(runs, task="maze")
    _, _, *rest = sharing.arrive(run.id, "", "again")
    assert recorded_text("maze") in rest[len(CONTROLS) :]


def test_a_plain_address_changes_nothing(sharing):
    found, ticket, values, message, opened = parts(sharing.arrive("", "", ""))
    assert ticket == "" and [found, message, *values] == [gr.skip()] * (2 + len(CONTROLS))
    assert opened == {"query": "", "step": None, "tour": None, "notice": ""}


def test_a_tour_comes_before_a_run_that_has_ended_and_leaves_one_that_computes_its_figures(sharing, runs):
    run = own_run(runs)
    visited = SimpleNamespace(query="?tour=recursion&stop=5", count=1)
    *values, message, measured, kind, tabs, opened = sharing.visit(run.id, visited)
    assert values[0] == "maze" and message == gr.skip() and opened["notice"] == run_notes.LINK_BUSY
    run.stop()
    run.join(20)
    *values, message, measured, kind, tabs, opened = sharing.visit(run.id, visited)
    assert message == recorded_message("maze") and opened["notice"] == "" and opened["step"] == 0
    assert parts(sharing.arrive(run.id, "?tour=recursion&stop=5", "again"))[0] == ""
    visited.shown = "recorded-maze-on"  # these figures are on the page already
    assert sharing.visit(run.id, visited)[len(CONTROLS)] == gr.skip()


def test_a_visit_from_nowhere_is_answered_like_a_plain_link(sharing):
    *values, message, measured, kind, tabs, opened = sharing.visit("", SimpleNamespace(query=None))
    assert values == values_of(start_config()) and kind == "on"


def test_the_address_is_the_controls_link_and_says_when_a_file_stays_behind(sharing):
    ask = lambda **changes: sharing.address("on", *(START | changes).values())  # noqa: E731
    assert ask(seed=8) == {"query": "task=sudoku4&seed=8", "file": False}
    assert ask(data="/tmp/x/own.csv")["file"] is True
    assert ask(H_cycles=None) == gr.skip()  # half typed


def test_everything_that_can_be_hidden_is_on_the_page():
    async def built():
        return build(Runs(slots=1))

    page = asyncio.run(built())
    names = {component["props"].get("elem_id") for component in page.config["components"]}
    for place in HIDDEN.values():
        assert {place.removesuffix("-button") for place in re.findall(r"#([\w-]+)", place)} <= names
        assert f"{place} {{ {AWAY} }}" in HEAD
    assert HIDDEN.keys() == HIDEABLE.keys()


def test_the_page_for_teachers_lists_every_name():
    for name in [*FIELDS, *HIDDEN, "pair", "tab", "step", "tour", "stop", "hide", "embed", *LINKS.tours]:
        assert f"`{name}`" in PAGE, f"docs/teaching_with_the_page.md lacks {name}"
