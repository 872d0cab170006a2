"""The tours: their texts say what the shipped runs show, every stop is a link to something on the page, and a tour can
be taken by keyboard alone, on a phone, and with parts of the page hidden."""

from __future__ import annotations

import re
from itertools import pairwise
from urllib.parse import parse_qs

import pytest
import served
from conftest import large
from playwright.sync_api import expect
from served import data, wait_for

from trm_explore.app.link_fields import choice
from trm_explore.app.links import Links
from trm_explore.app.recipes import RECIPES
from trm_explore.app.tours import figures_of, links, tours
from trm_explore.shipped.pairs import load_pair
from trm_explore.training.losses import supervision_weights
from trm_explore.view.recorded import recorded_message, recorded_text
from trm_explore.words import tour_stops
from trm_explore.words.percent import percent

site, chromium, visit = served.site, served.chromium, served.visit
RECIPE = choice("recipe", None, tuple(RECIPES), next(iter(RECIPES)))
LINKS = Links(tabs=("train", "compare", "inside"), tours=links(), fields=[RECIPE])
STOPS = [(tour["name"], number, stop) for tour in tours() for number, stop in enumerate(tour["stops"], 1)]
TEMPLATES = {
    (name, number): stop[3] for name, (_, stops) in tour_stops.TOURS.items() for number, stop in enumerate(stops, 1)
}
every_stop = pytest.mark.parametrize(("tour", "number", "stop"), STOPS, ids=lambda x: x if isinstance(x, str) else None)


def exact(task: str, kind: str, what: str = "scores") -> list[float]:
    return load_pair(task)["runs"][kind][what]["exact_accuracy"]


# ---- what they say


def test_there_are_five_short_tours():
    assert [tour["name"] for tour in tours()] == ["recursion", "supervision", "schedule", "stopping", "cost"]
    assert all(4 <= len(tour["stops"]) <= 6 for tour in tours())
    assert all(len(stop["text"]) < 300 and not re.search(r"[{}]", stop["text"]) for *_, stop in STOPS)


@every_stop
def test_every_stop_is_a_link_without_a_fault(tour, number, stop):
    opened = LINKS.read(f"tour={tour}&stop={number}")
    assert opened.tour == (tour, number - 1) and opened.chosen and not opened.left_out
    alone = LINKS.read(stop["link"])
    assert opened.values == alone.values and not alone.left_out


@every_stop
def test_shares_are_those_that_the_page_says_beside_the_recorded_run(tour, number, stop):
    """In the ribbon or in the line of what was measured; those of twice the steps stand in the pair's file only."""
    template = TEMPLATES[tour, number]
    for task, share in re.findall(r"\{(\w+)(\.\w+\.solved\[\d\])\}", template):
        said = f"{{{task}{share}}}".format_map({task: figures_of(task)})
        assert said in recorded_text(task) or said in map(percent, recorded_message(task)["evals"][-1][2])
        assert parse_qs(stop["link"])["task"] == [task]  # it is what one sees


def test_the_recorded_sudoku_has_mistakes_at_first_and_none_at_last():
    wrong = [len(step["wrong"]) for step in recorded_message("sudoku4")["frames"][0]["steps"]]
    assert wrong[0] > 0 and wrong[-1] == 0 and len(wrong) == 3


def test_schedules_are_as_described():
    """Constant, doubling, high at both ends, and 0.7 of the one before."""
    of = lambda name: supervision_weights(name, n_steps=5, base_weight=0.5).tolist()  # noqa: E731
    assert of("constant") == pytest.approx([0.5] * 4 + [1])
    assert all(b == pytest.approx(2 * a) for a, b in pairwise(of("exponential_decay")[:-1]))
    assert of("u_shaped") == pytest.approx([1, 0.25, 0.25, 0.25, 1])
    assert all(b == pytest.approx(0.7 * a) for a, b in pairwise(of("front_loaded")))
    linear = of("linear_decay")
    assert len({round(b - a, 6) for a, b in pairwise(linear[:-1])}) == 1 and linear[-1] == 1


def test_early_answers_gain_much_and_the_last_of_the_sudoku_hardly():
    on, off, long = exact("sudoku4", "on"), exact("sudoku4", "off"), exact("sudoku4", "off-full")
    assert on[0] - off[0] > 0.3 and abs(on[2] - off[2]) < 0.01
    assert off[0] < long[0] < on[0]  # between


def test_where_the_final_answer_gains_and_where_not():
    for task, gains in [("maze", True), ("addition", True), ("reach", False), ("sudoku4", False)]:
        assert (exact(task, "on")[-1] - exact(task, "off-time")[-1] > 0.02) == gains
    assert load_pair("sudoku4")["cost"] > 1.5


def test_some_networks_have_nothing_left_to_do_some_go_on_and_some_spoil_it():
    parity = exact("parity", "on")
    assert parity[3:] == [1, 1, 1] and parity[2] < 0.6
    better = exact("sudoku6", "on", "twice_the_steps")
    assert better[11] - better[5] > 0.02
    spoiled = exact("sorting", "on", "twice_the_steps")
    assert spoiled[3] > 0.99 and spoiled[7] < 0.1


def test_halting_is_near_0_while_many_cells_are_wrong_and_near_1_when_none_is():
    for step in recorded_message("parity")["frames"][0]["steps"]:
        assert step["halt"] < 0.1 if len(step["wrong"]) > 5 else step["halt"] > 0.9 or step["wrong"]


# ---- in the browser


def card(page):
    return page.get_by_role("dialog")


def at(page) -> tuple[str, str]:
    query = parse_qs(page.evaluate("location.search.slice(1)"))
    return query.get("tour", [""])[0], query.get("stop", [""])[0]


# What one sees of the elements, as the browser's own IntersectionObserver says it: cut by all that clips them, not by
# the window; with the card, the light, and the window's height.
MEASURE = """(selector) => new Promise((done) => {
  const nodes = [...document.querySelectorAll(selector)].filter((node) => node.getClientRects().length);
  const rect = (node) => {
    const { left, top, right, bottom } = node.getBoundingClientRect();
    return { left, top, right, bottom };
  };
  const card = document.querySelector(".tt-card"), light = document.querySelector(".tt-light");
  if (!nodes.length || !card) return done(null);
  const observer = new IntersectionObserver((entries) => {
    observer.disconnect();
    const seen = entries.filter((entry) => entry.isIntersecting).map((entry) => entry.intersectionRect);
    const union = (side, of) => of(...seen.map((box) => box[side]));
    const [left, top] = [union("left", Math.min), union("top", Math.min)];
    const it = { left, top, right: union("right", Math.max), bottom: union("bottom", Math.max) };
    const title = card.querySelector("h2").textContent, lit = getComputedStyle(light).opacity === "1";
    done({ card: rect(card), light: rect(light), lit, high: innerHeight, title, it });
  }, { rootMargin: "20000px 0px" });
  nodes.forEach((node) => observer.observe(node));
})"""
MOVING = "['.tt-light', '.tt-card'].map((x) => getComputedStyle(document.querySelector(x)).transitionDuration)"
AROUND = {"left": -5, "top": -5, "right": 5, "bottom": 5}  # px of light around what it surrounds


def faults(page, stop) -> list[str]:
    """What is wrong with the card and the light of a stop, in words; [] where nothing is."""
    seen = page.evaluate(MEASURE, stop["at"])
    if seen is None or seen["title"] != stop["title"]:
        return ["not shown yet"]
    card, it, found = seen["card"], seen["it"], []
    over = [min(card[b], it[b]) - max(card[a], it[a]) for a, b in [("left", "right"), ("top", "bottom")]]
    if min(over) > 0:
        found.append(f"the card covers {over[0]:.0f} x {over[1]:.0f} px")
    off = {side: round(seen["light"][side] - it[side] - AROUND[side], 1) for side in it}
    if not seen["lit"] or max(map(abs, off.values())) > 1:
        found.append(f"the light is off by {off}")
    if it["top"] < -1 or it["bottom"] > seen["high"] + 1:
        found.append(f"from {it['top']:.0f} to {it['bottom']:.0f} of {seen['high']} px")
    if card["left"] < 0 or card["top"] < 0 or card["bottom"] > seen["high"] + 1:
        found.append(f"the card is not within the window: {card}")
    return found


def without_faults(page, stop, where) -> None:
    """Until card and light are right, twice in a row: what loads late may move them."""
    last: list[list[str]] = [["never looked"]]

    def right():
        last.append(faults(page, stop))
        return not last[-1] and not last[-2]

    try:
        wait_for(page, right, seconds=20)
    except AssertionError:
        raise AssertionError(f"{where}: {last[-1]}") from None


@pytest.mark.browser
@pytest.mark.slow
def test_a_tour_is_taken_by_keyboard_alone_and_gives_the_focus_back(visit):
    page = visit()
    link = page.locator("#tours a[data-tour='supervision']")
    for _ in range(30):
        page.keyboard.press("Tab")
        if link.evaluate("node => node === document.activeElement"):
            break
    page.keyboard.press("Enter")
    (tour,) = [one for one in tours() if one["name"] == "supervision"]
    for number, stop in enumerate(tour["stops"], 1):
        expect(card(page)).to_contain_text(stop["text"], timeout=served.PATIENCE * 1000)
        expect(
            card(page).get_by_role("button", name="Done" if number == len(tour["stops"]) else "Next")
        ).to_be_focused()
        wait_for(page, lambda number=number: at(page) == ("supervision", str(number)))
        without_faults(page, stop, number)
        box = card(page).bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= 1280 and box["y"] >= 0 and box["y"] + box["height"] <= 900
        page.keyboard.press("ArrowRight")
    expect(card(page)).to_be_visible()  # the last stop is not left by an arrow too many
    page.keyboard.press("ArrowLeft")
    expect(card(page)).to_contain_text(tour["stops"][-2]["text"])
    page.keyboard.press("Escape")
    expect(card(page)).to_have_count(0)
    expect(link).to_be_focused()
    wait_for(page, lambda: page.evaluate("location.search").startswith("?task=reach"))  # as the tour left it


@pytest.mark.browser
@pytest.mark.slow
def test_a_stop_of_a_tour_sets_the_page(visit):
    page = visit("?tour=schedule&stop=2")
    weights = lambda: [page.locator(f"#ribbon [data-col='{k}']").get_attribute("data-weight") for k in range(3)]  # noqa: E731
    expect(card(page)).to_contain_text("Constant")
    wait_for(page, lambda: weights() == ["0.5", "0.5", "1"])
    card(page).get_by_role("button", name="Next").click()
    wait_for(page, lambda: weights() == ["0.125", "0.25", "1"])
    card(page).get_by_role("button", name="Back").click()
    wait_for(page, lambda: weights() == ["0.5", "0.5", "1"])
    page.locator("#tours a[data-tour='recursion']").evaluate("node => node.click()")
    wait_for(page, lambda: data(page, "ribbon", "step") == "0")
    for _ in range(2):
        card(page).get_by_role("button", name="Next").click()
    wait_for(page, lambda: data(page, "ribbon", "step") == "2")


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize(
    ("width", "height"),
    [
        (390, 844),
        (1366, 768),
        pytest.param(820, 1180, marks=large),
        pytest.param(1920, 1080, marks=large),
    ],
)
def test_no_card_covers_what_it_speaks_of_and_the_light_surrounds_it_at_every_stop(visit, width, height):
    """And what a card says of the ribbon stands in the ribbon; and where less motion is asked for, none moves."""
    page = visit(width=width, reduced_motion="reduce")
    page.set_viewport_size({"width": width, "height": height})
    for tour in tours():
        page.locator(f"#tours a[data-tour='{tour['name']}']").click()
        for number, stop in enumerate(tour["stops"], 1):
            expect(card(page)).to_contain_text(stop["text"], timeout=served.PATIENCE * 1000)
            without_faults(page, stop, f"{tour['name']} {number} at {width} px")
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            assert set(page.evaluate(MOVING)) == {"0s"}
            if ".solved" in TEMPLATES[tour["name"], number] and stop["at"].startswith("#ribbon"):
                for share in re.findall(r"[\d.]+ %", stop["text"]):
                    expect(page.locator("#ribbon")).to_contain_text(share)
            card(page).locator(".tt-next").click()
        expect(card(page)).to_have_count(0)


@pytest.mark.browser
@pytest.mark.slow
def test_the_light_follows_what_scrolls_and_changes_size_and_waits_for_what_comes_late(visit):
    page = visit("?tour=recursion&stop=1", width=1366)
    (tour,) = [one for one in tours() if one["name"] == "recursion"]
    first, second = tour["stops"][:2]
    page.set_viewport_size({"width": 1366, "height": 768})
    without_faults(page, first, "at first")
    page.mouse.wheel(0, 90)  # by hand: the page is not scrolled back, and the light is where the element is
    wait_for(page, lambda: [fault for fault in faults(page, first) if "light" in fault or "covers" in fault] == [])
    page.set_viewport_size({"width": 390, "height": 844})
    without_faults(page, first, "on a narrower window")
    page.evaluate("document.querySelector('#intro').style.paddingTop = '120px'")  # what is above has loaded late
    without_faults(page, first, "pushed down")
    # The second stop's element is taken out of sight for longer than any time that was ever waited for.
    page.evaluate("document.querySelector('#ribbon').style.display = 'none'")
    card(page).get_by_role("button", name="Next").click()
    page.wait_for_timeout(2000)
    expect(card(page)).to_contain_text(first["text"])  # not skipped
    page.evaluate("document.querySelector('#ribbon').style.display = ''")
    expect(card(page)).to_contain_text(second["text"], timeout=served.PATIENCE * 1000)
    without_faults(page, second, "late")


@pytest.mark.browser
@pytest.mark.slow
def test_stops_whose_part_is_hidden_are_left_out(visit):
    page = visit("?hide=ribbon,gallery&tour=recursion&stop=1")
    expect(card(page)).to_contain_text("Step through it", timeout=served.PATIENCE * 1000)
    expect(card(page)).to_contain_text("stop 4 of 6")
    card(page).get_by_role("button", name="Next").click()
    expect(card(page)).to_have_count(0)  # neither of the two that are left is on this page
