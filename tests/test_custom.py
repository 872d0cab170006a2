"""tasks/custom.py and tasks/folder.py: an object or a folder of arrays is a whole task; what is wrong with it is one
sentence."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trm_explore.cli import main
from trm_explore.config import RunConfig
from trm_explore.data.labels import IGNORE
from trm_explore.model.checkpoint import load_checkpoint
from trm_explore.runs.registry import Runs
from trm_explore.tasks import TASKS, preset, resolve
from trm_explore.tasks.custom import LARGEST, CustomTask
from trm_explore.tasks.folder import FIELDS, FolderTask, _one_tenth
from trm_explore.training import events as ev
from trm_explore.training import train
from trm_explore.training.trajectory import picture_of

FAST = {"hidden_size": 16, "num_heads": 2, "swiglu_multiple": 8, "batch_size": 4, "updates": 2}
FAST |= {"threads": 1, "device": "cpu", "eval_puzzles": 4, "frame_every": 1, "gradient_every": 2}


class Reverse:
    """The least that an object must have."""

    rows, cols, vocab_size = 1, 4, 5

    def _puzzles(self, n, rng):
        inputs = rng.integers(0, 5, (n, 4))
        return {"inputs": inputs, "labels": inputs[:, ::-1]}

    def sample(self, n, rng):
        return self._puzzles(n, rng)

    def held_out(self, n):
        return self._puzzles(n, np.random.default_rng(0))


class Halve(Reverse):
    """The same of numbers: three in, two out."""

    loss, input_size, vocab_size, tolerance = "mse", 3, 2, 0.1

    def _puzzles(self, n, rng):
        inputs = rng.random((n, 4, 3))
        return {"input_embeddings": inputs, "labels": inputs[..., :2] / 2}


def made(base: type = Reverse, **changes):
    """An object of that class with some attributes replaced."""
    return type(base.__name__, (base,), changes)()


def batch(inputs, labels):
    return lambda self, n, rng: {"inputs": inputs(n), "labels": labels(n)}


def numbers(given, goal, width=2):
    """A sampler of constant numbers."""
    return lambda self, n, rng: {"input_embeddings": np.full((n, 4, 3), given), "labels": np.full((n, 4, width), goal)}


def zeros(n, dtype=np.int64):
    return np.zeros((n, 4), dtype)


def raising(error):
    def method(self, *_):
        raise error

    return method


def one_sentence(text: str) -> None:
    assert text and "\n" not in text and "Traceback" not in text and len(text) < 500


def refusal(own, **flat) -> str:
    """The one ValueError that a whole run with the object ends in, wherever it comes."""
    with pytest.raises(ValueError) as error:
        list(train(preset(own, **FAST | flat)))
    one_sentence(str(error.value))
    return str(error.value)


# ---- objects that are well


@pytest.mark.parametrize("own", [Reverse(), Halve()], ids=["symbols", "numbers"])
def test_the_least_object_trains_is_evaluated_and_shown(own):
    events = list(train(preset(own, enable_deep_supervision=True, eval_every=1, **FAST)))
    kinds = [type(event) for event in events]
    assert kinds[0] is ev.Started and kinds[-1] is ev.Finished and events[-1].reason == "done"
    assert {ev.UpdateDone, ev.Evaluated, ev.Frame, ev.GradientsMeasured} < set(kinds)
    for event in events:
        ev.to_json(event)
    frame = next(event.trajectory for event in events if isinstance(event, ev.Frame))
    assert frame["board"]["kind"] == ("heat" if hasattr(own, "loss") else "grid")
    assert (frame["board"]["rows"], frame["board"]["cols"]) == (1, 4) and len(frame["given"]) == 4


@pytest.mark.parametrize("own", [Reverse(), Halve()], ids=["symbols", "numbers"])
def test_a_solved_puzzle_of_ones_own_task_can_be_drawn(own):
    frame = picture_of(CustomTask(own))
    json.dumps(frame, allow_nan=False)
    assert frame["steps"][0]["wrong"] == []


def test_an_objects_preset_is_used_and_flags_override_it():
    own = made(preset={"mixer": "conv", "lr": 0.5, "updates": 7})
    assert (preset(own).model.mixer, preset(own).train.lr, preset(own).train.updates) == ("conv", 0.5, 7)
    assert preset(own, lr=0.25).train.lr == 0.25


def test_what_an_object_says_itself_counts():
    own = made(
        title="T",
        help="H",
        check=lambda self, inputs, answers, labels: answers[:, 0] == 1,
        given=lambda self, inputs: inputs == 2,
        wrong_cells=lambda self, inputs, labels, answers: np.array([3]),
        board=lambda self: {"kind": "grid", "symbols": list("abcde")},
        example=lambda self: "abcd",
        has_rule_checker=True,
    )
    task = CustomTask(own)
    inputs = np.array([[2, 1, 1, 1]])
    assert (task.title, task.help, task.example(), task.has_rule_checker) == ("T", "H", "abcd", True)
    assert task.check(inputs, np.array([[1, 0, 0, 0], [0, 0, 0, 0]])[:1], inputs).tolist() == [True]
    assert task.given(inputs).tolist() == [[True, False, False, False]]
    assert task.wrong_cells(inputs[0], None, inputs[0]) == [3]
    assert task.board() == {"rows": 1, "cols": 4, "box": None, "kind": "grid", "symbols": list("abcde")}


def test_what_an_object_does_not_say_has_defaults():
    task = CustomTask(Reverse())
    inputs, labels = np.array([[0, 1, 2, 3]]), np.array([[3, 2, IGNORE, 0]])
    answers = np.array([[3, 2, 4, 0]])
    assert task.check(inputs, answers, labels).tolist() == [True]
    assert task.check(inputs, answers + [[1, 0, 0, 0]], labels).tolist() == [False]
    assert task.wrong_cells(inputs[0], labels[0], answers[0] + [0, 1, 0, 0]) == [1]
    assert not task.given(inputs).any() and task.board()["symbols"] == list("01234")
    assert list(task.prepare()) == [] and task.baselines() == {} and task.companions() is None


# ---- objects that are wrong


@pytest.mark.parametrize(
    ("missing", "sentence"),
    [
        ({"sample"}, "it has no sample"),
        ({"held_out", "rows"}, "it has no held_out, rows"),
        ({"sample", "held_out", "rows", "cols", "vocab_size"}, "it has no sample, held_out, rows, cols, vocab_size"),
    ],
    ids=lambda value: value if isinstance(value, str) else ", ".join(sorted(value)),
)
def test_an_object_that_lacks_something_is_told_what(missing, sentence):
    kept = {name: value for name, value in vars(Reverse).items() if name not in missing and name[0] != "_"}
    own = type("Own", (), kept)()
    said = refusal(own)
    assert sentence in said and "docs/own_tasks.md" in said


@pytest.mark.parametrize(
    ("changes", "fragment"),
    [
        ({"vocab_size": "x"}, "vocab_size='x' must be a whole number from 1"),
        ({"vocab_size": 0}, "vocab_size=0 must be"),
        ({"rows": 2.0}, "rows=2.0 must be"),
        ({"cols": True}, "cols=True must be"),
        ({"rows": LARGEST + 1}, f"rows={LARGEST + 1} must be"),
        ({"loss": "mae"}, "loss='mae' is not known; allowed are cross_entropy and mse"),
        ({"loss": "mse"}, "input_size=None must be"),
        ({"sample": lambda self, n, rng: zeros(n)}, "sample must give a dict with inputs and labels, not ndarray"),
        ({"sample": lambda self, n, rng: {"inputs": zeros(n)}}, "sample must give a dict with inputs and labels"),
        ({"sample": batch(lambda n: np.zeros((n, 5), int), zeros)}, "must be (N, 4), for 1 x 4 positions"),
        ({"sample": batch(zeros, lambda n: np.zeros(n, int))}, "labels has shape (4,); it must be (N, 4)"),
        ({"sample": batch(zeros, lambda n: np.int64(3))}, "labels has shape ()"),
        ({"sample": batch(lambda n: zeros(n, float), zeros)}, "inputs has type float64; it must hold whole numbers"),
        ({"sample": batch(lambda n: zeros(n - 1), lambda n: zeros(n - 1))}, "3 puzzles, but 4 were asked for"),
        ({"sample": batch(zeros, lambda n: zeros(n - 1))}, "labels has 3 puzzles, but 4 were asked for"),
        ({"sample": lambda self, n, rng: {}["x"]}, "its sample raised KeyError: 'x'"),
        ({"sample": lambda self, n, rng: 1 / 0}, "its sample raised ZeroDivisionError: division by zero"),
        ({"sample": raising(RuntimeError("one\ntwo"))}, "its sample raised RuntimeError: one"),
        ({"sample": raising(AssertionError())}, "its sample raised AssertionError: no reason given"),
        ({"held_out": raising(KeyError("y"))}, "its held_out raised KeyError: 'y'"),
        ({"held_out": lambda self, n: None}, "held_out must give a dict with inputs and labels, not NoneType"),
        ({"held_out": lambda self, n: {"inputs": zeros(0), "labels": zeros(0)}}, "held_out: inputs has 0 puzzles"),
        ({"given": raising(IndexError("far"))}, "its given raised IndexError: far"),
        ({"check": lambda self, *_: np.zeros((4, 4), bool)}, "check gave shape (4, 4) for 4 answers"),
        ({"check": raising(KeyError("z"))}, "its check raised KeyError: 'z'"),
        ({"check": lambda self, inputs: None}, "its check raised TypeError"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else "",
)
def test_an_object_that_is_wrong_is_one_sentence(changes, fragment):
    said = refusal(made(**changes))
    assert said.startswith("custom:Reverse") and fragment in said


@pytest.mark.parametrize(
    ("changes", "fragment"),
    [
        ({"sample": batch(zeros, lambda n: np.full((n, 4), "a"))}, "labels has type <U1"),
        ({"sample": batch(zeros, lambda n: np.full((n, 4), None))}, "labels has type object"),
        ({"sample": batch(lambda n: zeros(n, complex), zeros)}, "inputs has type complex128"),
        ({"sample": batch(lambda n: [[1], [1, 2]], zeros)}, "inputs"),
        ({"sample": lambda self, n, rng: np.zeros(3) + np.zeros(4)}, "its sample raised ValueError: operands"),
        ({"held_out": raising(ValueError("one\ntwo"))}, "its held_out raised ValueError: one"),
        ({"prepare": lambda self: {}["x"]}, "its prepare raised KeyError: 'x'"),
        ({"prepare": lambda self: (1 / 0 for _ in range(3))}, "its prepare raised ZeroDivisionError"),
        ({"prepare": lambda self: [1]}, "prepare"),
        ({"wrong_cells": lambda self, *_: None}, "wrong_cells"),
        ({"given": lambda self, inputs: np.zeros(3)}, "given gave shape (3,)"),
        ({"board": lambda self: ["grid"]}, "board must give a dict, not list"),
        ({"board": lambda self: {"kind": "cube"}}, "kind='cube'"),
        ({"board": lambda self: {"kind": "heat"}}, "kind='heat'"),
        ({"board": lambda self: {"kind": "path"}}, "roles"),
        ({"board": lambda self: {"symbols": ["a"]}}, "symbols"),
        ({"board": raising(KeyError("b"))}, "its board raised KeyError: 'b'"),
        ({"preset": 3}, "preset"),
        ({"preset": {"preset": "small"}}, "preset"),
        ({"preset": {"task": "sudoku4"}}, "task"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else "",
)
def test_an_object_that_is_wrong_in_a_rarer_way_is_one_sentence_too(changes, fragment):
    assert fragment in refusal(made(**changes))


@pytest.mark.parametrize("worst", [5, -1, 2**40, -99])
@pytest.mark.parametrize("name", ["inputs", "labels"])
def test_a_token_outside_the_vocabulary_is_said_with_puzzle_and_position(name, worst):
    def sample(self, n, rng):
        arrays = {"inputs": zeros(n), "labels": zeros(n)}
        arrays[name][2, 3] = worst
        return arrays

    said = refusal(made(sample=sample))
    assert f"{name} holds {worst} (puzzle 2, position 3), outside the vocabulary; allowed are 0 to 4" in said
    assert (f"or {IGNORE} where nothing is scored" in said) == (name == "labels")


def test_minus_100_is_a_label_and_no_input():
    hidden = made(sample=batch(zeros, lambda n: np.where(np.arange(4) < 2, IGNORE, zeros(n))))
    assert list(train(preset(hidden, **FAST)))[-1].reason == "done"
    assert f"inputs holds {IGNORE}" in refusal(made(sample=batch(lambda n: zeros(n) + IGNORE, zeros)))


@pytest.mark.parametrize(
    ("changes", "fragment"),
    [
        ({"input_size": "x"}, "input_size='x' must be a whole number"),
        ({"tolerance": "x"}, "tolerance='x'"),
        ({"tolerance": None}, "tolerance=None"),
        ({"tolerance": -1.0}, "tolerance=-1.0"),
        ({"_puzzles": Reverse._puzzles}, "must give a dict with input_embeddings and labels"),
        (
            {"sample": numbers(np.nan, 0.0)},
            "numbers that are not finite",
        ),
        (
            {"sample": numbers(0.0, 1e300)},
            "numbers that are not finite",
        ),
        (
            {"sample": numbers(0.0, 0.0, 3)},
            "labels has shape (4, 4, 3); it must be (N, 4, 2)",
        ),
        (
            {"sample": numbers(0, 0.0)},
            "has type int64; it must hold real numbers",
        ),
        ({"board": lambda self: {"kind": "grid"}}, "kind='grid'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else "",
)
def test_a_task_of_numbers_that_is_wrong_is_one_sentence(changes, fragment):
    assert fragment in refusal(made(Halve, **changes))


@pytest.mark.parametrize("nothing", [None, 3, 2.5, True, [], {}, object()], ids=lambda it: type(it).__name__)
def test_what_is_no_task_at_all_is_refused(nothing):
    with pytest.raises(ValueError, match="^task=.*(must be text|is neither a task's name nor a task)") as error:
        resolve(preset(nothing))
    one_sentence(str(error.value))


def test_a_class_instead_of_its_object_is_refused():
    refusal(Reverse)


def test_sizes_that_contradict_the_object_are_refused():
    with pytest.raises(ValueError, match="^vocab_size=9 does not fit the task custom:Reverse, whose vocab_size is 5"):
        resolve(preset(Reverse(), vocab_size=9))
    for name, value in {"size": 5, "eval_size": 5, "base": 3, "loops": 0.5, "difficulty": "easy", "data": "x"}.items():
        with pytest.raises(ValueError, match=f"^{name}=.* has no meaning for the task custom:Reverse; leave it out$"):
            resolve(preset(Reverse(), **{name: value}))


def test_a_task_that_raises_ends_its_own_run_only():
    runs, calls = Runs(slots=2, lease=60), []

    def sample(self, n, rng):
        calls.append(n)
        return self._puzzles(n, rng) if len(calls) < 4 else {}["gone"]

    try:
        steady = runs.submit(preset(Reverse(), **FAST | {"updates": 100_000}))
        failing = runs.submit(preset(made(sample=sample), **FAST | {"updates": 100_000}))
        failing.join(60)
        last = failing.read()[0][-1]
        assert failing.state == "failed" and isinstance(last, ev.Failed) and last.update == 3
        assert last.reason == "custom:Reverse: its sample raised KeyError: 'gone'"
        at = steady.latest.update if isinstance(steady.latest, ev.UpdateDone) else 0
        end = time.monotonic() + 60
        while time.monotonic() < end and not (
            isinstance(steady.latest, ev.UpdateDone) and steady.latest.update > at + 3
        ):
            steady.read()
            time.sleep(0.01)
        assert steady.state == "running" and steady.latest.update > at + 3
    finally:
        runs.close()


def test_a_checkpoint_keeps_no_object_and_says_to_give_it_again(tmp_path):
    own = made(name="reverse")
    events = list(train(preset(own, out=str(tmp_path / "run"), **FAST)))
    saved = next(event.path for event in events if isinstance(event, ev.Saved))
    _, config = load_checkpoint(Path(saved))
    flat = config.to_flat()
    assert json.loads(json.dumps(flat)) == flat and flat["task"] == "custom:reverse"
    assert json.loads(json.dumps(preset(own).to_flat()))["task"] == "custom:reverse"
    with pytest.raises(ValueError, match="^task='custom:reverse' was a Python object.* give it again: .*with_flat"):
        resolve(config)
    assert resolve(config.with_flat(task=own))[0].name == "custom:reverse"
    further = train(config.with_flat(task=own, out="", updates=4), resume=saved)
    assert [event.update for event in further if isinstance(event, ev.UpdateDone)] == [3, 4]


# ---- folders


def arrays_of(n: int = 40, seed: int = 0) -> dict[str, np.ndarray]:
    return CustomTask(Reverse()).sample(n, np.random.default_rng(seed))


def written(folder: Path, arrays=None, **said) -> Path:
    """A folder's task as docs/own_tasks.md has it; `said` replaces fields of task.json (None leaves one out)."""
    folder.mkdir(exist_ok=True)
    description = {"name": "mine", "rows": 1, "cols": 4, "vocab_size": 5} | said
    (folder / "task.json").write_text(json.dumps({k: v for k, v in description.items() if v is not None}))
    for name, array in (arrays or arrays_of()).items():
        np.save(folder / f"{name}.npy", array)
    return folder


def rows_of(array: np.ndarray) -> set[bytes]:
    return {row.tobytes() for row in array}


def test_a_folder_comes_back_as_it_was_written(tmp_path):
    arrays = arrays_of(300)
    folder = written(tmp_path / "mine", arrays, title="T", help="H", board={"kind": "grid", "symbols": list("abcde")})
    task, config = resolve(preset(str(folder), **FAST))
    assert isinstance(task, FolderTask) and (task.title, task.help) == ("T", "H")
    assert task.board()["symbols"] == list("abcde") and config.to_flat()["task"] == str(folder)
    whole = {row.tobytes(): label.tolist() for row, label in zip(*arrays.values(), strict=True)}
    for puzzles in (task.sample(500, np.random.default_rng(1)), task.held_out(500)):
        for row, label in zip(puzzles["inputs"], puzzles["labels"], strict=True):
            assert whole[row.tobytes()] == label.tolist()
    drawn = task.sample(5000, np.random.default_rng(2))["inputs"]
    assert rows_of(drawn) | rows_of(task.held_out(500)["inputs"]) == rows_of(arrays["inputs"])
    assert not rows_of(drawn) & rows_of(task.held_out(500)["inputs"])
    assert list(train(config))[-1].reason == "done"
    assert RunConfig.from_flat(config.to_flat()) == config  # a checkpoint of it finds the folder again


def test_a_folder_of_numbers_trains(tmp_path):
    arrays = CustomTask(Halve()).sample(40, np.random.default_rng(0))
    arrays["inputs"] = arrays.pop("input_embeddings")
    folder = written(tmp_path / "mine", arrays, loss="mse", input_size=3, vocab_size=2, tolerance=0.1)
    assert list(train(preset(str(folder), **FAST)))[-1].reason == "done"


def test_a_folders_preset_is_used_and_a_foreign_setting_in_it_refused(tmp_path):
    folder = written(tmp_path / "mine", preset={"mixer": "conv", "pos_encodings": "none", "updates": 7})
    config = preset(str(folder))
    assert (config.model.mixer, config.train.updates) == ("conv", 7) and preset(
        str(folder), updates=9
    ).train.updates == 9
    written(tmp_path / "mine", preset={"hiden_size": 3})
    with pytest.raises(ValueError, match="did you mean hidden_size?"):
        preset(str(folder))


@pytest.mark.parametrize("foreign", [{"task": "sudoku4"}, {"preset": "small"}, {"out": "/tmp/x"}], ids=str)
def test_a_folders_preset_may_not_say_what_the_run_is(tmp_path, foreign):
    folder = written(tmp_path / "mine", preset=foreign)
    with pytest.raises(ValueError, match=f"{min(foreign)!r}") as error:
        preset(str(folder))
    one_sentence(str(error.value))


@settings(max_examples=40)
@given(
    st.lists(st.lists(st.integers(0, 4), min_size=4, max_size=4), min_size=1, max_size=60),
    st.randoms(use_true_random=False),
)
def test_the_held_out_tenth_never_shares_an_input_with_training(rows, random):
    inputs = np.array(rows, dtype=np.int64)
    held = _one_tenth(inputs)
    assert not rows_of(inputs[held]) & rows_of(inputs[~held])
    distinct = len(rows_of(inputs))
    assert len(rows_of(inputs[held])) == max(1, distinct // 10)
    order = list(range(len(rows)))
    random.shuffle(order)  # which they are hangs on the puzzles, not on their order in the file
    assert rows_of(inputs[order][_one_tenth(inputs[order])]) == rows_of(inputs[held])


def test_files_of_held_out_puzzles_are_used(tmp_path):
    arrays, other = arrays_of(10), arrays_of(6, seed=9)
    written(tmp_path / "mine", arrays | {f"eval_{name}": array for name, array in other.items()})
    task = FolderTask(str(tmp_path / "mine"))
    assert all(np.array_equal(task.held_out(99)[name], other[name]) for name in other)
    assert len(task.held_out(2)["labels"]) == 2
    assert rows_of(task.sample(999, np.random.default_rng(0))["inputs"]) == rows_of(arrays["inputs"])


def _drop(name):
    return lambda folder: (folder / name).unlink()


def _write(name, text):
    return lambda folder: (folder / name).write_text(text)


def _save(**arrays):
    return lambda folder: [np.save(folder / f"{name}.npy", array, allow_pickle=True) for name, array in arrays.items()]


def _say(**said):
    return lambda folder: written(folder, **said)


BROKEN = {
    "no task.json": (_drop("task.json"), "is not known; allowed are sudoku4"),
    "not JSON": (_write("task.json", "{rows: 1}"), "task.json is not JSON"),
    "not text": (lambda folder: (folder / "task.json").write_bytes(b"\xff\xfe{"), "task.json is not JSON"),
    "a list": (_write("task.json", "[]"), "must hold one JSON object, not list"),
    "a foreign field": (_say(colour="red"), f"'colour' is not known; allowed are {', '.join(sorted(FIELDS))}"),
    "no rows": (_say(rows=None), "it has no rows"),
    "a board of text": (_say(board="grid"), "board must be an object, not 'grid'"),
    "a preset of text": (_say(preset="small"), "preset must be an object, not 'small'"),
    "a vocabulary of text": (_say(vocab_size="5"), "vocab_size='5' must be a whole number"),
    "no inputs": (_drop("inputs.npy"), "has no inputs.npy"),
    "no labels": (_drop("labels.npy"), "has no labels.npy"),
    "no eval_labels": (_save(eval_inputs=zeros(3)), "has no eval_labels.npy"),
    "no array": (_write("inputs.npy", "1,2,3"), "inputs.npy is not a whole plain NumPy array"),
    "an empty file": (_write("inputs.npy", ""), "inputs.npy is not a whole plain NumPy array"),
    "half a file": (
        lambda f: (f / "inputs.npy").write_bytes((f / "inputs.npy").read_bytes()[:200]),
        "is not a whole plain",
    ),
    "a pickle": (_save(inputs=np.array([{"a": 1}], dtype=object)), "inputs.npy is not a whole plain NumPy array"),
    "another width": (_save(labels=np.zeros((40, 3), int)), "labels has shape (40, 3); it must be (N, 4)"),
    "another number": (_save(labels=zeros(39)), "labels has 39 puzzles, but there are 40 inputs"),
    "floats": (_save(inputs=zeros(40, float)), "inputs has type float64"),
    "letters": (_save(labels=np.full((40, 4), "a")), "its type is '<U1'"),
    "labels outside": (_save(labels=zeros(40) + 5), "labels holds 5 (puzzle 0, position 0), outside the vocabulary"),
    "no puzzles": (_save(inputs=zeros(0), labels=zeros(0)), "0 puzzles"),
    "one puzzle": (_save(inputs=zeros(1), labels=zeros(1)), "too few to hold a tenth of them out"),
    "the same puzzle": (_save(inputs=zeros(40), labels=zeros(40)), "too few to hold a tenth of them out"),
    "a kind that is none": (_say(board={"kind": "cube"}), "kind='cube'"),
    "too few symbols": (_say(board={"symbols": ["a"]}), "symbols"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_folder_is_one_sentence_with_status_2(tmp_path, capsys, what):
    folder = written(tmp_path / "mine")
    spoil, fragment = BROKEN[what]
    spoil(folder)
    assert main(["train", "--task", str(folder), "--updates", "1", "--threads", "1"]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("trm-explore: ") and err.count("\n") == 1 and fragment in err
    assert "namespace(" not in err and ("mine" in err or str(folder) in err)


def test_a_folder_trains_in_the_terminal_and_its_checkpoint_is_evaluated_and_shown(tmp_path, capsys):
    folder, out = written(tmp_path / "mine", preset={"eval_puzzles": 4, "batch_size": 4}), tmp_path / "run"
    argv = [
        "train",
        "--task",
        str(folder),
        "--updates",
        "2",
        "--threads",
        "1",
        "--hidden_size",
        "16",
        "--out",
        str(out),
    ]
    assert main(argv) == 0
    assert main(["evaluate", str(out)]) == 0
    assert main(["show", str(out)]) == 0
    assert "step 2:" in capsys.readouterr().out
    shutil.rmtree(folder)
    assert main(["evaluate", str(out)]) == 2
    assert str(folder) in capsys.readouterr().err


def test_a_name_that_is_no_task_says_which_there_are_and_a_path_which_file_is_missing():
    with pytest.raises(ValueError, match=f"^task='chess' is not known; allowed are {', '.join(TASKS)}$"):
        preset("chess")
    with pytest.raises(ValueError, match=r"^task='\./chess' is not known; .*, and there is no file chess/task\.json$"):
        preset("./chess")
