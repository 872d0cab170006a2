"""What lessons stand on: a set-up that speaks, guesses beside results, checks that never raise."""

import ast
import re

import pytest
import torch
from lessons import LESSONS, exercises, read, solution

from trm_explore.teach.exercises import CHECKS, check
from trm_explore.teach.guess import WIDGET, Guess
from trm_explore.teach.lesson import setup


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
        assert re.fullmatch(r"not yet: .{10,400}\n", said), f"{junk!r}: {said!r}"


@pytest.mark.parametrize("name", CHECKS)
def test_check_says_right_to_its_solution(name, lesson, capsys):
    names = {}
    for source in RIGHT[name]:
        exec(source, names)
        names["lesson"] = lesson
    assert capsys.readouterr().out == f"right: {name}\n" and lesson.exercises == {name: True}


def test_an_exercise_that_was_left_out_is_not_solved_and_stops_no_cell(lesson):
    assert lesson.exercises["recursion"] is False and lesson.exercises == {}


def test_check_of_an_unknown_exercise_names_those_that_there_are(capsys):
    assert check("no such", 1) is False
    said = capsys.readouterr().out
    assert said.startswith("not yet: there is no exercise named 'no such'") and "recursion" in said
