"""What lessons stand on: a set-up that speaks, guesses beside results, checks that never raise."""

import ast
import re

import pytest
import torch
from lessons import LESSONS, exercises, read, solution

from trm_explore.teach import CHECKS, check, setup
from trm_explore.teach.guess import WIDGET, Guess


@pytest.fixture
def lesson(monkeypatch, capsys):
    monkeypatch.setenv("TRM_EXPLORE_FAST", "1")
    made = setup(seed=3)
    capsys.readouterr()
    return made


# ---- set-up


def test_setup_says_what_there_is_and_how_many_minutes_that_means(monkeypatch, capsys):
    monkeypatch.delenv("TRM_EXPLORE_FAST", raising=False)
    monkeypatch.setattr("trm_explore.teach.lesson.seconds_an_update", lambda: 0.12)
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    made = setup(seed=5, updates=1500)
    first, second, third = capsys.readouterr().out.splitlines()
    assert first.startswith("This computer: 2 cores, PyTorch ") and "GPU" in second
    assert third == "The lesson trains small networks for 1,500 updates in all: about 3 minutes here."
    assert (made.seed, made.fast, made.device) == (5, False, "cpu")
    assert (made.updates(400), made.puzzles(1000)) == (400, 1000)


def test_setup_names_the_gpu_that_is_not_needed(monkeypatch, capsys):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.get_device_name", lambda: "a fast one")
    setup()
    assert "a fast one" in capsys.readouterr().out


def test_an_update_is_timed_without_touching_torchs_random_numbers():
    from trm_explore.teach.lesson import seconds_an_update

    before = torch.random.get_rng_state()
    assert 0 < seconds_an_update() < 60
    assert torch.equal(torch.random.get_rng_state(), before)


def test_fast_shortens_everything_and_says_so(monkeypatch, capsys):
    monkeypatch.setenv("TRM_EXPLORE_FAST", "1")
    made = setup(updates=10_000)
    assert made.fast and made.updates(400) < 20 and made.puzzles(1000) < 50 and made.updates(3) == 3
    assert "TRM_EXPLORE_FAST=1" in capsys.readouterr().out


@pytest.mark.parametrize("wrong", [{"seed": -1}, {"seed": "a"}, {"seed": 1.5}, {"updates": -3}, {"updates": True}])
def test_wrong_setup_is_one_sentence(wrong):
    with pytest.raises(ValueError, match=r"^\w+=.+ must be a whole number of at least 0$"):
        setup(**wrong)


# ---- guesses


def test_guess_stands_beside_the_result(lesson, capsys):
    guess = lesson.predict("early", "How many, in percent?", range(0, 101))
    lesson.reveal("early", 25.04)
    guess.value = 40
    lesson.reveal("early", torch.tensor(25.0))
    lesson.predict("which", "Which is better?", ["on", "off"]).value = "on"
    lesson.reveal("which", "on")
    lesson.reveal("which", "off")
    assert capsys.readouterr().out.splitlines() == [
        "How many, in percent? [no guess, result: 25]",
        "How many, in percent? [your guess: 40, result: 25] off by 15",
        "Which is better? [your guess: on, result: on] right",
        "Which is better? [your guess: on, result: off] another result",
    ]
    lesson.summary()
    assert capsys.readouterr().out.count("result:") == 2


def test_a_cell_that_is_run_again_keeps_its_guess_and_a_changed_question_does_not(lesson):
    lesson.predict("early", "How many?", range(0, 101)).value = 7
    assert lesson.predict("early", "How many?", range(0, 101)).value == 7
    assert lesson.predict("early", "How many now?", range(0, 101)).value is None


def test_result_without_a_question_is_said_and_does_not_stop_the_notebook(lesson, capsys):
    lesson.reveal("never asked", 1)
    assert "Nothing was asked as 'never asked'" in capsys.readouterr().out


def test_guess_is_words_for_a_terminal_and_buttons_for_a_notebook(lesson):
    guess = lesson.predict("which", "Is a < b?", ["yes", "no"])
    bundle = guess._repr_mimebundle_()
    assert bundle["text/plain"] == repr(guess) and "lesson.guesses['which'].value = ..." in repr(guess)
    assert set(bundle[WIDGET]) == {"version_major", "version_minor", "model_id"}
    question, control, seen = guess._widget.children
    assert "a &lt; b" in question.value and control.value is None and "no guess" in seen.value
    control.value = "no"
    assert guess.value == "no" and "<b>no</b>" in seen.value
    number = lesson.predict("n", "How many?", range(0, 101, 5))
    number._repr_mimebundle_()
    assert number.value is None  # a slider stands somewhere, but nothing was chosen
    number._widget.children[1].value = 35
    assert number.value == 35


@pytest.mark.parametrize("options", [None, [], range(0), "ab", 5, list(range(13))])
def test_question_without_possible_answers_is_refused_in_one_sentence(options):
    with pytest.raises(ValueError, match=r"^options.* range"):
        Guess("k", "?", options)


def test_guess_that_is_no_answer_is_refused_in_one_sentence():
    guess = Guess("k", "?", ["yes", "no"])
    with pytest.raises(ValueError, match=r"^'maybe' is not one of the answers; they are 'yes', 'no'$"):
        guess.value = "maybe"


# ---- checks

RIGHT = {}  # name -> the lesson's imports, the solution
for path in LESSONS:
    book = read(path)
    code = next(cell.source for cell in book.cells if cell.cell_type == "code")
    lines = ast.parse(re.sub(r"%.*", "pass", code)).body
    imports = "\n".join(ast.unparse(line) for line in lines if isinstance(line, ast.Import | ast.ImportFrom))
    for n in exercises(book):
        RIGHT[re.search(r'lesson\.check\("([\w-]+)"', book.cells[n].source)[1]] = imports, solution(book, n)


class Broken:
    """An answer on which everything fails."""

    def __getattr__(self, name):
        raise RuntimeError("broken\nwith a second line")

    def __call__(self, *_):
        raise RecursionError

    def __float__(self):
        raise OverflowError


JUNK = [None, ..., 0, 1.5, "text", [], {}, (), object(), Broken(), torch.zeros(2, 2), int, lambda: 1, lambda *_: None]
JUNK += [lambda *_: ..., lambda *_: 1 / 0, lambda *_: "text", lambda *_: [Broken()], lambda *_: [None] * 3]
JUNK += [lambda *_: torch.full((3,), torch.nan), lambda *_: [torch.zeros(1)] * 3]


@pytest.mark.parametrize("name", CHECKS)
def test_check_never_raises_and_says_not_yet_in_one_line(name, capsys):
    for junk in JUNK:
        assert check(name, junk) is False
        said = capsys.readouterr().out
        assert re.fullmatch(r"not yet: .{10,300}\n", said), f"{junk!r}: {said!r}"


@pytest.mark.parametrize("name", CHECKS)
def test_check_says_right_to_its_solution(name, lesson, capsys):
    names = {}
    for source in RIGHT[name]:
        exec(source, names)
        names["lesson"] = lesson
    assert capsys.readouterr().out == f"right: {name}\n" and lesson.exercises == {name: True}


def test_check_of_an_unknown_exercise_names_those_that_there_are(capsys):
    assert check("no such", 1) is False
    said = capsys.readouterr().out
    assert said.startswith("not yet: there is no exercise named 'no such'") and "recursion" in said


def loop(net, x, z_H, z_L, H, L, order="LH", fresh=False, input_again=True):
    steps, first = [], z_L
    for _ in range(H):
        z_L = first if fresh else z_L
        for _ in range(L):
            z_L = net(z_L + z_H + x) if input_again else net(z_L + z_H)
        z_H = net(z_H + z_L + (x if order == "LHx" else 0))
        steps.append(z_H)
    return steps


def in_place(net, x, z_H, z_L, H, L):
    z_L += 0 * x
    z_L *= 2
    return loop(net, x, z_H, z_L / 2, H, L)


ALMOST = [  # nearly right answers, and a word of the hint that they should get
    ("calls", lambda H, L: H * L, "z_H"),
    ("calls", lambda H, L: (H + 1) * L, "another number"),
    ("recursion", lambda *given: loop(*given, fresh=True), "go on into the next"),
    ("recursion", lambda *given: loop(*given, input_again=False), "z_L = net"),
    ("recursion", lambda *given: loop(*given, order="LHx"), "one cycle of each"),
    ("recursion", lambda *given: loop(*given)[-1:], "a list of 3 answer states"),
    ("recursion", in_place, "write z_L = "),
    ("first-right", lambda answers, solution: int((answers == solution).all(1).float().argmax()), ""),
    ("first-right", lambda answers, solution: 0, "only the last of three steps"),
    ("first-right", lambda a, s: next((i for i, r in enumerate(a) if (r == s).any()), -1), "all cells"),
    ("linear-decay", lambda S, b: [b * (i + 1) / S for i in range(S)], "the final one 1"),
    ("linear-decay", lambda S, b: [1.0, *[b * (S - i) / S for i in range(1, S)]], "step i has"),
    ("linear-decay", lambda S, b: [1.0], "numbers are wanted"),
    ("total", lambda losses, weights: (losses * weights).sum(), "divide by the sum"),
    ("total", lambda losses, weights: (losses * weights).mean(), ""),
    ("half-first", lambda S: [1.0] * S, "% of all weight"),
    ("half-first", lambda S: [1.0, *[0.0] * (S - 2), 1.0], "no weight at all"),
    ("half-first", lambda S: [-1.0] * S, "at least 0"),
    ("only-the-losses", ("on, full", "off, last"), "same gradient scope"),
    ("only-the-losses", "on, full", "two names"),
    ("only-the-gradient", ("on, cycle", "on, full"), "no early losses"),
    ("at-seconds", lambda points, s: next((a for t, a in points if t >= s), points[-1][1]), "earlier one counts"),
    ("at-seconds", lambda points, s: max([a for t, a in points if t <= s], default=0.0), "it should be 0.55"),
    ("at-seconds", lambda points, s: [a for t, a in points if t < s][-1:][0], ""),
    ("interval", lambda a, b: (0.0, 1.0), "around the mean"),
    ("interval", lambda a, b: (sum(a) / 3 - sum(b) / 3, sum(a) / 3 - sum(b) / 3), "width"),
]


@pytest.mark.parametrize(("name", "answer", "word"), ALMOST)
def test_nearly_right_answer_gets_its_hint(name, answer, word, capsys):
    assert check(name, answer) is False
    assert word in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("linear-decay", lambda S, b: torch.cat([b * torch.arange(1, S) / S, torch.ones(1)])),
        ("total", lambda losses, weights: float((weights / weights.sum()) @ losses)),
        ("half-first", lambda S: torch.tensor([1.0, *[1 / (S - 1)] * (S - 1)])),
        ("interval", lambda a, b: torch.tensor(interval_of(a, b))),
        ("only-the-losses", ["on, full", "off, full"]),
        ("only-the-losses", ("off, last", "on, cycle")),
    ],
)
def test_another_right_answer_is_right_too(name, answer):
    assert check(name, answer)


def interval_of(a, b):
    d = torch.tensor(a) - torch.tensor(b)
    half = 4.303 * float(d.std()) / 3**0.5
    return float(d.mean()) - half, float(d.mean()) + half
