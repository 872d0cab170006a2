"""charts.js, maps.js and compare.js alone in a real Chromium: a blank page, a fake model, no server."""

from __future__ import annotations

import json

import pytest
import sources
from browser import launch
from hypothesis import given, settings
from hypothesis import strategies as st

from trm_explore.app.comparing import recorded_group
from trm_explore.view.comparison import STYLES
from trm_explore.web import script
from trm_explore.words.drawings import DRAWING
from trm_explore.words.percent import percent

SAYS = DRAWING["compare"]
PAGE = "<!doctype html><html lang=en><body style='margin:0'><main style='padding:8px'></main></body></html>"
MOUNT = """async ([source, state]) => {
  const listeners = {};
  const model = window.model = { get: (name) => state[name], emitted: [],
    set(name, value) { state[name] = value; for (const f of [...(listeners["change:" + name] || [])]) f(); },
    emit: (name, data) => model.emitted.push([name, data]), save_changes() {},
    on(name, f) { (listeners[name] ??= new Set()).add(f); }, off(name, f) { listeners[name]?.delete(f); },
    count: () => Object.values(listeners).reduce((sum, set) => sum + set.size, 0) };
  const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  const module = await import(url), el = document.createElement("div");
  el.id = "compare";
  document.querySelector("main").append(el);
  window.dispose = module.default.render({ model, el });
}"""
# A page with one chart of each kind; window.use(kind, spec) shows it.
BENCH = """
export default { render({ el }) {
  const style = document.createElement("style");
  style.textContent = charts.STYLE + `.bench { ${LOOK}; max-width: 600px } .bench[data-theme=dark] { ${DARK} }`;
  const plane = maps.plane({ title: "Plane", empty: "no way" }), heat = maps.heat({ title: "Map", empty: "no map" });
  const made = { line: charts.line({ title: "Line", empty: "none yet" }), plane, heat };
  const root = h("div", "bench", style, ...Object.values(made).map((chart) => chart.node));
  el.append(root);
  for (const name in made) made[name].node.id = name;
  window.picked = [];
  for (const name of ["plane", "heat"]) made[name].onpick = (...place) => window.picked.push(place);
  const live = charts.live(root, Object.values(made), () => {});
  window.use = (name, spec) => { made[name].set(spec); live.request(); };
  live.now();
  return live.dispose;
} };
"""
COLOR = {"light": "#000000", "dark": "#ffffff"}


@pytest.fixture(scope="module")
def context():
    with launch() as browser:
        yield browser.new_context(viewport={"width": 1100, "height": 900}, reduced_motion="reduce")


@pytest.fixture
def page(context):
    """A fresh blank page; whatever its console complains about fails the test."""
    complaints = []
    page = context.new_page()
    page.on("console", lambda line: complaints.append(line.text) if line.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.set_viewport_size({"width": 1100, "height": 900})
    page.set_content(PAGE)
    yield page
    page.wait_for_timeout(20)
    page.close()
    assert complaints == []


def settle(page):
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))")


@pytest.fixture
def bench(page):
    parts = [sources.as_text("common", "charts", "maps")]
    page.evaluate(MOUNT, ["\n".join([f"const TEXTS = {json.dumps(DRAWING)};", *parts, BENCH]), {}])

    def use(name, **spec):
        page.evaluate("([name, spec]) => window.use(name, spec)", [name, spec])
        settle(page)
        return page.locator(f"#{name} canvas").evaluate("canvas => canvas.toDataURL()")

    page.use = use
    return page


def series(name, xs, ys, **more):
    return {"name": name, "color": COLOR, "xs": xs, "ys": ys, **more}


def tip(page, name):
    return page.locator(f"#{name} .tc-tip").inner_text().split()


# ---- charts


def test_bands_marks_markers_and_dashes_are_drawn(bench):
    xs, ys = [0, 1, 2, 3], [0.2, 0.4, 0.5, 0.9]
    pictures = [
        bench.use("line", series=[series("a", xs, ys, **more)], **{"y": {"low": 0, "high": 1.2}, **rest})
        for more, rest in (
            ({}, {}),
            ({"lo": [0.1, 0.2, None, 0.8], "hi": [0.3, 0.5, 0.6, 1.0]}, {}),
            ({"marker": "square"}, {}),
            ({"marker": "diamond"}, {}),
            ({"dash": [3, 3]}, {}),
            ({"pale": True}, {}),
            ({"bold": True}, {}),
            ({}, {"marks": [{"x": 2, "text": "trained"}]}),
            ({}, {"y": {"percent": True}}),
            ({}, {"y": {"log": True}}),
        )
    ]
    assert len(set(pictures)) == len(pictures)


def test_the_hover_card_speaks_of_every_run_at_its_own_x(bench):
    """Runs that have seconds of their own share no xs: each is read at its nearest point, none beyond its end."""
    a, b = series("a", [0, 10, 21, 30], [1, 2, 3, 4]), series("b", [0, 9.9, 15], [5, None, 7])
    bench.use("line", series=[a, b], x={"label": "seconds"})
    label = bench.locator("#line canvas").get_attribute("aria-label")
    assert label == "Line, seconds 30: a 4, b 7"
    bench.locator("#line canvas").focus()
    for key, words in [
        ("End", ["seconds", "30", "a", "4", "b", "–"]),
        ("Home", ["seconds", "0", "a", "1", "b", "5"]),
        ("ArrowRight", ["seconds", "9.9", "a", "2", "b", "–"]),
        ("ArrowRight", ["seconds", "10", "a", "2", "b", "–"]),
        ("ArrowRight", ["seconds", "15", "a", "2", "b", "7"]),
    ]:
        bench.keyboard.press(key)
        settle(bench)
        assert tip(bench, "line") == words
    assert bench.locator("#line .tc-tip").get_attribute("aria-live") == "polite"
    bench.keyboard.press("Escape")
    settle(bench)
    assert bench.locator("#line .tc-tip").is_hidden()


def test_new_points_leave_the_crosshair_where_it_is(bench):
    bench.use("line", series=[series("a", [0, 1, 2], [1, 2, 3])])
    bench.locator("#line canvas").focus()
    bench.keyboard.press("Home")
    bench.keyboard.press("ArrowRight")
    bench.use("line", series=[series("a", [0, 0.5, 1, 2, 3], [1, 9, 2, 3, 4])])
    assert tip(bench, "line") == ["x", "1", "a", "2"]


def test_without_points_the_words_stand_in_the_chart(bench):
    assert "none yet" in bench.locator("#line").inner_text()
    assert bench.locator("#line canvas").get_attribute("aria-label") == "Line: none yet"
    bench.use("line", series=[series("a", [1], [1])])
    assert bench.locator("#line .tc-empty").is_hidden()


def test_ways_in_the_plane_are_walked_and_picked(bench):
    ways = [
        {"name": "one", "color": COLOR, "points": [[0, 0], [1, 1]]},
        {"name": "two", "color": COLOR, "points": [[2, 0]]},
    ]
    bench.use("plane", ways=ways, cloud=[[0, 1], [2, 1]], step=1, x="PC 1", y="PC 2")
    assert bench.locator("#plane canvas").get_attribute("aria-label") == "Plane: one ends at 1, 1; two ends at 2, 0"
    bench.locator("#plane canvas").focus()
    for key, words in [
        ("ArrowRight", "one, step 0: 0, 0"),
        ("ArrowRight", "one, step 1: 1, 1"),
        ("ArrowDown", "two, step 0: 2, 0"),
    ]:
        bench.keyboard.press(key)
        settle(bench)
        assert bench.locator("#plane .tc-tip").inner_text() == words
    bench.keyboard.press("Enter")
    assert bench.evaluate("picked") == [[1, 0]]


def test_cells_of_a_map_are_walked_pointed_at_and_picked(bench):
    bench.use("heat", rows=2, cols=3, values=[0, 0.5, 1, None, 0.25, 0.1], color=COLOR, chosen=[0, 1])
    canvas = bench.locator("#heat canvas")
    assert canvas.get_attribute("aria-label") == "Map: 2 rows, 3 columns, 0 to 1, largest in row 1, column 3"
    canvas.focus()
    for key, words in [
        ("ArrowRight", "row 1, column 1: 0"),
        ("ArrowDown", "row 2, column 1: –"),
        ("ArrowRight", "row 2, column 2: 0.25"),
    ]:
        bench.keyboard.press(key)
        settle(bench)
        assert bench.locator("#heat .tc-tip").inner_text() == words
    box = canvas.bounding_box()
    side = min(box["width"] / 3, box["height"] / 2)
    left = box["x"] + (box["width"] - 3 * side) / 2
    bench.mouse.click(left + 2.5 * side, box["y"] + 0.5 * side)
    settle(bench)
    assert bench.evaluate("picked") == [[0, 2]] and bench.locator("#heat .tc-tip").inner_text() == "row 1, column 3: 1"


# ---- compare


def mount(page, message=None, guess=None):
    page.evaluate(MOUNT, [script("compare"), {"group": message, "guess": guess}])
    page.wait_for_selector("#compare[data-ready='1']")
    settle(page)


def put(page, name, value):
    page.evaluate("([name, value]) => model.set(name, value)", [name, value])
    settle(page)


def data(page, name):
    return page.locator("#compare").get_attribute(f"data-{name}")


def board(steps):
    cells = [{"ids": [3] * 4, "wrong": [0] if k < steps - 1 else []} for k in range(steps)]
    return {
        "update": 20,
        "label": "puzzle",
        "board": {"rows": 2, "cols": 2, "box": None, "symbols": list("01234")},
        "steps": cells,
    }


def run(letter, steps, solved, seconds=2.0, updates=(10, 20), **more):
    points = [[u, seconds * u / 20, 1.0, [1 / u + k / 10 for k in range(steps)]] for u in updates]
    evals = [[u, [0.5] * (steps - 1) + [0.9], [0.1] * (steps - 1) + [solved]] for u in updates]
    colors = {"light": ["#2a7f8e"] * steps, "dark": ["#4fc0cf"] * steps}
    message = {
        "run": letter,
        "from": 0,
        "steps": steps,
        "colors": colors,
        "points": points,
        "evals": evals,
        "frames": [board(steps)],
    }
    return {
        "letter": letter,
        "name": f"run {letter}",
        "style": STYLES[letter],
        "memory": 2.0,
        "message": message,
        **more,
    }


def group(*members, **more):
    message = {
        "group": "g",
        "first": True,
        "recorded": False,
        "state": "finished",
        "text": "Done.",
        "guess": "",
        "runs": members,
    }
    return json.dumps(message | more)


def verdict(page):
    return page.inner_text(".tq-verdict")


def test_before_anything_is_begun_the_words_say_what_to_do(page):
    mount(page)
    assert page.inner_text("#compare").strip() == SAYS["empty"] and data(page, "runs") is None


def test_recorded_runs_are_shown_whole_with_what_was_measured_afterwards(page):
    mount(page, recorded_group("sudoku4", "on-off"), guess="A")
    assert data(page, "runs") == "3" and data(page, "state") == "recorded"
    scores = {r["letter"]: r["scores"]["exact"] for r in json.loads(recorded_group("sudoku4", "on-off"))["runs"]}
    rows = page.locator("#compare tbody tr").all_inner_texts()
    assert [row.split()[0] for row in rows] == ["A", "B", "C"]
    assert percent(scores["B"][0]) in rows[1] and "400" in rows[1]
    assert "No difference worth the name between final answers that are right: A" in verdict(page)
    assert "C" not in verdict(page), "C stands beside the question"
    assert f"B {percent(scores['B'][0])}" in verdict(page)
    assert page.locator("#compare .bd").count() == 3
    put(page, "guess", "none")
    assert "You guessed no difference: that is what came out." in verdict(page)
    put(page, "guess", "B")
    assert "You guessed B: it came out otherwise." in verdict(page)


def test_a_recorded_run_without_an_answer_has_no_board(page):
    shown = json.loads(recorded_group("sudoku4", "loss-gradient"))
    shown["runs"][1]["message"]["frames"] = []
    mount(page, json.dumps(shown), guess="A")
    facts = page.locator("#compare .tq-run").all_inner_texts()
    assert [SAYS["no_board"] in fact for fact in facts] == [False, True, False, False]


def test_the_guess_made_before_the_start_is_judged_while_it_runs_and_afterwards(page):
    members = run("A", 3, 0.5), run("B", 3, 0.8)
    mount(page, group(*members, state="running", guess="B"), guess="A")  # a later guess does not count
    assert "Ahead, by final answers that are right: B 80 %. Behind: A 50 %." in verdict(page)
    assert "You guessed B: that is how it stands now." in verdict(page)
    put(page, "group", group(state="finished", first=False, guess="B"))
    assert "You guessed B: that is what came out." in verdict(page)
    put(page, "group", group(run("A", 3, 0.5), run("B", 3, 0.8), guess="none"))
    assert "You guessed no difference: it came out otherwise." in verdict(page)


def test_where_nobody_solves_anything_cells_are_compared_and_a_gap_of_two_points_is_none(page):
    mount(page, group(run("A", 2, 0.01), run("B", 2, 0.0)))
    assert "No difference worth the name between final answers that have cells right: A 90 %, B 90 %." in verdict(page)
    put(page, "group", group(run("A", 2, 0.50), run("B", 2, 0.515)))
    assert "No difference" in verdict(page)
    put(page, "group", group(run("A", 2, 0.50), run("B", 2, 0.53)))
    assert "Ahead, by final answers that are right: B 53 %. Behind: A 50 %." in verdict(page)


def test_all_who_lead_within_the_margin_are_right_and_those_who_lose_are_named(page):
    shares = {"A": 0.61, "B": 0.72, "C": 0.987, "D": 1.0}
    mount(page, group(*(run(letter, 2, share) for letter, share in shares.items())))
    said = "Ahead, with no difference worth the name between them, by final answers that are right: "
    assert said + "D 100 %, C 98.7 %. Behind: B 72 %, A 61 %." in verdict(page)
    for guess, right in {"A": False, "B": False, "C": True, "D": True, "none": False}.items():
        put(page, "group", group(first=False, guess=guess))
        assert SAYS["guess_right" if right else "guess_wrong"] in verdict(page), guess


def test_verdicts_over_many_results_agree_with_their_definition(page):
    """Who is right: all within two points of the best, where somebody is further off; else only who says "none"."""
    share = st.one_of(st.sampled_from([0, 0.5, 0.519, 0.52, 0.98, 0.981, 1]), st.floats(0, 1))
    cases = []

    @given(st.lists(share, min_size=2, max_size=4))
    @settings(max_examples=300)
    def collect(shares):
        cases.append(shares)

    collect()
    parts = sources.as_text("common", "answers", "boards", "charts", "compare")
    source = f"const TEXTS = {json.dumps(DRAWING)};\n{parts}".replace(
        "export default { render };",
        """return (cases) => cases.map((shares) => { const found = judged(shares.map((share, i) => ["ABCD"[i], share]));
          return { leaders: found.leaders.map(([letter]) => letter), behind: found.behind.map(([letter]) => letter),
            right: [..."ABCD", "none"].filter((guess) => guessedRight(found, guess)) }; });""",
    )
    for shares, found in zip(
        cases, page.evaluate("([source, cases]) => new Function(source)()(cases)", [source, cases]), strict=True
    ):
        best = max(shares)
        ahead = {letter for letter, one in zip("ABCD", shares, strict=False) if round(best - one, 9) < 0.02}
        assert set(found["leaders"]) == ahead and len(found["leaders"] + found["behind"]) == len(shares)
        assert set(found["right"]) == ({"none"} if len(ahead) == len(shares) else ahead)


def test_while_somebody_has_no_figures_nobody_is_ahead(page):
    late = run("B", 2, 0.9)
    late["message"]["evals"] = []
    for other in (late, run("B", 2, None)):
        mount(page, group(run("A", 2, 0.5), other, guess="A"))
        assert verdict(page) == SAYS["nobody"]
        page.evaluate("document.querySelector('main').replaceChildren()")


def test_recorded_results_wait_for_a_guess_or_for_who_does_without(page):
    mount(page, recorded_group("sudoku4", "on-off"))
    results = page.locator("#compare :is(.tq-verdict, .tq-pair, .tq-boards, table)")
    shown = lambda: {results.nth(n).is_visible() for n in range(results.count())}  # noqa: E731
    assert data(page, "waits") == "1" and shown() == {False}
    assert "with deep supervision, scope full" in page.inner_text("#compare"), "what is compared may be seen"
    page.get_by_role("button", name=SAYS["reveal"]).focus()
    page.keyboard.press("Enter")
    settle(page)
    assert data(page, "waits") == "0" and shown() == {True} and "At the first step" in verdict(page)
    assert page.evaluate("document.activeElement.className") == "tq-verdict", "a screen reader goes on at the verdict"
    put(page, "group", recorded_group("sudoku4", "depth"))
    assert data(page, "waits") == "1", "another question waits for its own guess"
    put(page, "guess", "D")
    assert data(page, "waits") == "0" and "You guessed D" in verdict(page)


def test_deltas_are_added_and_those_of_another_group_are_not(page):
    mount(page, group(run("A", 3, 0.5), run("B", 3, 0.8), state="running"))
    assert data(page, "points") == "2 2"
    news = {
        "letter": "B",
        "message": {"points": [[20, 2.0, 1, [1, 1, 1]], [21, 2.1, 1, [1, 1, 1]]], "evals": [], "frames": []},
    }
    put(page, "group", group(news, first=False, state="running"))
    assert data(page, "points") == "2 3"
    put(page, "group", group(news, first=False, group="other"))
    assert data(page, "points") == "2 3" and data(page, "state") == "running"
    put(page, "group", group(run("A", 2, 0.1), run("B", 2, 0.2), run("C", 2, 0.2), group="next"))
    assert data(page, "runs") == "3" and data(page, "points") == "2 2 2"
    assert page.locator("#compare .tq-names li").all_inner_texts() == ["A\nrun A", "B\nrun B", "C\nrun C"]


def test_boards_step_together_and_shorter_runs_stay_at_their_last(page):
    mount(page, group(run("A", 2, 0.5), run("B", 4, 0.8)))
    slider = page.get_by_label(SAYS["boards_step"])

    def facts():
        settle(page)
        return [text.split("\n")[2:] for text in page.locator("#compare .tq-run").all_inner_texts()]

    def places():
        return [text[-1].split(" · ")[0] for text in facts()]

    assert places() == ["step 1 of 0–1", "step 3 of 0–3"] and data(page, "step") == "last"
    slider.fill("0")
    assert places() == ["step 0 of 0–1", "step 0 of 0–3"]
    slider.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert places() == ["has no step 2; this is its last, 1", "step 2 of 0–3"] and data(page, "step") == "2"
    assert slider.get_attribute("aria-valuetext") == "step 2"
    page.get_by_role("button", name=SAYS["final_answers"]).click()
    assert places() == ["step 1 of 0–1", "step 3 of 0–3"]
    page.get_by_role("button", name=SAYS["play"]).click()
    assert places() == ["step 0 of 0–1", "step 0 of 0–3"]
    page.wait_for_function("document.getElementById('compare').dataset.step === '3'", timeout=60_000)
    page.get_by_role("button", name=SAYS["play"], exact=True).wait_for()  # it has stopped by itself


def test_a_run_that_reads_beyond_its_training_is_shown_to_the_last_step_read(page):
    one = run("A", 4, 0.5)
    one["message"] |= {"steps": 2, "read": 4}
    one["message"]["points"] = [[u, u / 10, 1.0, [0.5, 0.25]] for u in (10, 20)]
    mount(page, group(one, run("B", 2, 0.25)))
    page.get_by_label("Step of all boards").fill("2")
    settle(page)
    assert "step 2 of 0–3" in page.inner_text("#compare") and "has no step 2" in page.inner_text("#compare")
    page.get_by_role("combobox").select_option("all")
    settle(page)
    assert page.locator("#compare canvas").nth(0).get_attribute("aria-label").count("A, step") == 2
    scores = page.locator("#compare canvas").nth(1).get_attribute("aria-label")
    assert scores.count("A, step") == 4 and "A, step 3 50 %" in scores and "A, step 1 10 %" in scores


def test_curves_can_be_of_any_step_against_updates_or_own_seconds(page):
    mount(page, group(run("A", 3, 0.5, seconds=2.0), run("B", 3, 0.8, seconds=8.0)))
    loss, score = (page.locator("#compare canvas").nth(n) for n in (0, 1))
    label = lambda chart: chart.get_attribute("aria-label")  # noqa: E731
    assert label(loss) == "Loss of the final answer, update 20: A 0.25, B 0.25"
    page.get_by_label(SAYS["smoothing"]).fill("0")
    page.locator("#compare select").select_option("first")
    settle(page)
    assert label(loss) == "Loss of the first step, update 20: A 0.05, B 0.05"
    assert label(score) == "Solved (exact) on held-out puzzles, the first step, update 20: A 10 %, B 10 %"
    page.locator("#compare select").select_option("all")
    page.get_by_label(SAYS["in_seconds"]).check()
    page.get_by_label(SAYS["cells_instead"]).check()
    settle(page)
    assert data(page, "against") == "seconds"
    assert label(loss).startswith("Loss of all steps, after 8 s: A, step 0 0.05, A, step 1 0.15")
    assert "Cells right" in label(score) and label(score).endswith("B, step 2 90 %")
    score.focus()
    page.keyboard.press("Home")
    settle(page)
    card = page.locator("#compare .tc-tip").nth(1).inner_text()
    assert card.startswith("after 1 s") and card.count("–") == 3, "B's first evaluation came after 4 s of its own"


def test_evaluations_between_recorded_points_get_their_time_by_interpolation(page):
    one = run("A", 2, 0.5, seconds=20.0)
    one["message"]["evals"] = [[15, [0.5, 0.5], [0.1, 0.5]]]
    mount(page, group(one, run("B", 2, 0.6, seconds=20.0)))
    page.get_by_label(SAYS["in_seconds"]).check()
    page.locator("#compare canvas").nth(1).focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    settle(page)
    assert page.locator("#compare .tc-tip").nth(1).inner_text().startswith("after 15 s")


def test_each_run_has_dash_marker_and_letter_so_that_colour_is_never_the_only_sign(page):
    mount(page, group(*(run(letter, 2, 0.5) for letter in "ABCD")))
    signs = page.locator("#compare .tq-names .tc-sign svg").evaluate_all(
        "ns => ns.map(n => [n.children[0].getAttribute('stroke-dasharray'), n.children[1].getAttribute('d')].join('|'))"
    )
    assert (
        len(set(signs)) == 4
        and len({sign.split("|")[0] for sign in signs}) == len({sign.split("|")[1] for sign in signs}) == 4
    )
    colors = "[...document.querySelectorAll('.tq-names .tc-sign')].map(n => getComputedStyle(n).color)"
    light = page.evaluate(colors)
    page.evaluate("document.body.style.setProperty('--body-text-color', '#f3f4f6')")
    settle(page)
    page.wait_for_function("document.querySelector('.tq').dataset.theme === 'dark'")
    dark = page.evaluate(colors)
    assert len({*light, *dark}) == 8


def test_the_live_region_hears_of_changes_not_of_every_message(page):
    mount(page, group(run("A", 2, 0.5), run("B", 2, 0.5), state="running", text="update 1"))
    said = page.locator("#compare [role=status]")
    assert said.inner_text() == "update 1"
    put(page, "group", group(first=False, state="running", text="update 2"))
    assert said.inner_text() == "update 1" and page.inner_text(".tq-status") == "update 2"
    put(page, "group", group(first=False, state="finished", text="Done."))
    assert said.inner_text() == "Done."


def test_no_comparison_makes_the_phone_page_scroll_sideways(page):
    page.set_viewport_size({"width": 390, "height": 844})
    mount(
        page,
        group(*(run(letter, 3, 0.5, name="a rather long name of a run, scope full, 16 H-cycles") for letter in "ABCD")),
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    lefts = [page.locator("#compare .tq-run").nth(n).bounding_box()["x"] for n in range(4)]
    assert lefts[0] == lefts[2] < lefts[1] == lefts[3], "two boards a row"


def test_the_disposer_leaves_nothing_behind(page):
    mount(page, group(run("A", 2, 0.5), run("B", 2, 0.5)))
    assert page.evaluate("model.count()") > 0
    page.evaluate("dispose()")
    assert page.evaluate("model.count()") == 0
