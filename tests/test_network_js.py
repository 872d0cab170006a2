"""The network in JavaScript against the one in PyTorch, in a real Chromium: logits, frames, rules, disturbances."""

import base64
import json

import numpy as np
import pytest
import sources
import torch
from browser import launch
from conftest import large
from hypothesis import given, settings
from hypothesis import strategies as st

from trm_explore import load_checkpoint
from trm_explore.analysis.intervention import Noise, SetCell, intervene
from trm_explore.app.puzzles import read_puzzle
from trm_explore.config import ModelConfig
from trm_explore.data.labels import IGNORE
from trm_explore.model import RecursiveModel
from trm_explore.model.carry import board_of
from trm_explore.shipped.pairs import KINDS, checkpoint_name, pair_names
from trm_explore.tasks import preset, resolve
from trm_explore.tasks.poisson import PoissonTask
from trm_explore.training.trajectory import frame_of, inputs_of, record, unrolled
from trm_explore.view.editor import text_of
from trm_explore.web.model_file import MOST_BYTES, NETWORK, model_file
from trm_explore.words.drawings import DRAWING

pytestmark = pytest.mark.browser
PARTS = ("network", "disturb", "rules", "thought")
CLOSE = 1e-4  # logits


@pytest.fixture(scope="module")
def js():
    """js(body, argument): runs the body of a function of `given` with the modules in scope; JSON both ways."""
    with launch() as browser:
        page = browser.new_page()
        parts = sources.as_text(*PARTS)

        def run(body, argument):
            page.evaluate("given => { window.given = JSON.parse(given); }", json.dumps(argument))
            return page.evaluate(f"() => {{ {parts}\nconst given = window.given;\n{body} }}")

        yield run


LOGITS = """
const network = openNetwork(given.file);
let state = network.start({ inputs: given.inputs, rows: given.board[0], cols: given.board[1], vectors: given.vectors });
return given.logits.map((wanted) => {
  const found = network.cycle(state);
  state = found.state;
  let most = 0;
  wanted.forEach((value, i) => { most = Math.max(most, Math.abs(value - found.logits[i])); });
  const halts = found.halt.length;
  return [most, halts, found.halt[halts - 1]];
});
"""


def compare(js, model, file, batch, cycles):
    """Largest difference of the logits after every cycle, and of the last puzzle's halting logit."""
    with torch.no_grad():
        steps = list(unrolled(model, batch, H_cycles=cycles))
    inputs = inputs_of(batch)
    given = {
        "file": file,
        "inputs": inputs.reshape(len(inputs), -1).tolist(),
        "board": list(board_of(batch)),
        "vectors": [0] * len(inputs),
        "logits": [step.logits.ravel().tolist() for step in steps],
    }
    found = js(LOGITS, given)
    assert [count for _, count, _ in found] == [len(inputs)] * cycles
    halts = [abs(halt - float(step.q_halt[-1])) for (_, _, halt), step in zip(found, steps, strict=True)]
    return np.array([most for most, _, _ in found]), np.array(halts)


def own_rounding(model, batch, cycles):
    """By how much PyTorch's float32 logits differ from its float64 ones, by cycle: what rounding alone does."""
    fine = RecursiveModel(
        ModelConfig(**{**_fields(model.config), "forward_dtype": "float64"}), model.supervision, model.train_config
    ).eval()
    fine.load_state_dict(model.state_dict())
    with torch.no_grad():
        pairs = zip(unrolled(model, batch, H_cycles=cycles), unrolled(fine, batch, H_cycles=cycles), strict=True)
        return np.array([float((a.logits - b.logits).abs().max()) for a, b in pairs])


def _fields(config):
    return {name: getattr(config, name) for name in config.__dataclass_fields__}


@pytest.mark.parametrize(
    ("task", "kind"),
    [
        (task, kind) if kind == "on" else pytest.param(task, kind, marks=large)
        for task in pair_names()
        for kind in KINDS
    ],
)
def test_every_shipped_model_answers_as_in_pytorch_on_64_puzzles_at_twice_its_cycles(js, task, kind):
    model, config = load_checkpoint(checkpoint_name(task, kind))
    file, made = model_file(model, config), resolve(config)[0]
    batch, cycles = made.held_out(64), 2 * file["trained"]
    logits, halts = compare(js, model, file, batch, cycles)
    # Beyond its training a network may amplify rounding; PyTorch itself is then no nearer to the exact answer.
    allowed = np.maximum(CLOSE, 3 * own_rounding(model, batch, cycles))
    assert (logits <= allowed).all() and (halts <= allowed).all(), (logits, halts, allowed)


VARIANTS = {
    "attention, rope": {"mixer": "attention"},
    "attention, causal, learned positions": {"mixer": "attention", "causal": True, "pos_encodings": "learned"},
    "attention, a prefix with a table": {
        "mixer": "attention",
        "puzzle_emb_len": 2,
        "num_puzzle_identifiers": 3,
        "puzzle_emb_ndim": 24,
    },
    "attention, two networks": {"mixer": "attention", "networks": "two", "H_layers": 2, "L_layers": 1},
    "mlp": {"mixer": "mlp", "pos_encodings": "none"},
    "mlp, as published": {"mixer": "mlp", "mix_norm": "positions", "puzzle_emb_len": 1, "L_layers": 2},
    "mlp, one state": {"mixer": "mlp", "states": "one", "pos_encodings": "learned"},
    "conv": {"mixer": "conv", "pos_encodings": "none", "L_layers": 2},
    "conv, two networks": {"mixer": "conv", "pos_encodings": "none", "networks": "two"},
    "conv, one state": {"mixer": "conv", "pos_encodings": "none", "states": "one"},
}


@pytest.mark.parametrize("changes", VARIANTS.values(), ids=VARIANTS)
def test_every_kind_of_network_answers_as_in_pytorch(js, changes):
    settings = {"hidden_size": 16, "num_heads": 2, "swiglu_multiple": 8, "L_cycles": 2, **changes}
    task, config = resolve(preset("sudoku4", **settings))
    model = RecursiveModel(config.model, config.supervision, config.train, seed=3).eval()
    with torch.no_grad():
        model.q_head.weight.normal_(generator=torch.Generator().manual_seed(1))
        if model.puzzle_emb is not None:
            model.puzzle_emb.normal_(generator=torch.Generator().manual_seed(2))
    logits, halts = compare(js, model, model_file(model, config), task.held_out(3), 5)
    allowed = np.maximum(CLOSE, 3 * own_rounding(model, task.held_out(3), 5))
    assert (logits <= allowed).all() and (halts <= allowed).all()


@pytest.mark.parametrize("mixer", ["attention", "mlp", "conv"])
def test_real_inputs_answer_as_in_pytorch(js, mixer):
    task, config = resolve(preset("poisson", hidden_size=16, num_heads=2, mixer=mixer))
    model = RecursiveModel(config.model, config.supervision, config.train, seed=5).eval()
    logits, halts = compare(js, model, model_file(model, config), task.held_out(3), 4)
    assert (logits < CLOSE).all() and (halts < CLOSE).all()


THINK = """
const network = openNetwork(given.file), puzzle = puzzleOf(given.file, given.puzzle);
const frame = frameOf(given.file, puzzle);
const thought = think(network, given.file, { ...puzzle, given: given.puzzle.given }, given.edits ?? []);
for (let k = 0; k < given.cycles; k++) {
  const { step, others } = thought.next().value;
  frame.steps.push(step);
  if (others) frame.others.steps.push(others);
}
return frame;
"""


def close(found, wanted, where=""):
    """The two frames say the same; numbers up to rounding."""
    if isinstance(wanted, dict):
        for name in wanted.keys() - {"label", "update"}:
            close(found.get(name), wanted[name], f"{where}.{name}")
    elif isinstance(wanted, list | tuple):
        assert len(found) == len(wanted), where
        for i, (a, b) in enumerate(zip(found, wanted, strict=True)):
            close(a, b, f"{where}[{i}]")
    elif isinstance(wanted, float):
        assert found == pytest.approx(wanted, abs=0.011 if ".conf" in where else 2e-3, rel=2e-3), where
    else:
        assert found == wanted, where


@pytest.mark.parametrize("task", pair_names())
def test_a_frame_made_in_the_browser_is_the_one_that_python_makes(js, task):
    model, config = load_checkpoint(checkpoint_name(task, "on"))
    file, made = model_file(model, config, first=2), resolve(config)[0]
    cycles = file["trained"] + 2
    puzzle = {name: value[2:3] for name, value in made.held_out(3).items()}
    beside = made.companions()
    batch = puzzle
    if beside is not None:
        batch = {name: np.concatenate([value, beside[name]]) for name, value in puzzle.items() if name in beside}
    wanted = json.loads(json.dumps(frame_of(record(model, batch, H_cycles=cycles), made)))
    found = js(THINK, {"file": file, "puzzle": file["puzzles"][0], "cycles": cycles})
    close(found, wanted)


@pytest.mark.parametrize("task", ["maze", "sudoku4", "poisson", "swirl"])
def test_a_set_cell_and_noise_of_the_same_seed_do_what_they_do_in_python(js, task):
    model, config = load_checkpoint(checkpoint_name(task, "on"))
    file, made = model_file(model, config, first=0), resolve(config)[0]
    puzzle = made.held_out(1)
    real = made.loss == "mse"
    cell = 0 if real else int(np.flatnonzero(~made.given(inputs_of(puzzle)[0]))[0])
    token = (0.5,) * made.vocab_size if real else made.vocab_size - 1
    for python, browser in (
        (SetCell(1, cell, token), {"kind": "cell", "step": 1, "cell": cell, "token": token}),
        (Noise(1, "z_H", 0.7, 11), {"kind": "noise", "step": 1, "state": "z_H", "scale": 0.7, "seed": 11}),
        (Noise(0, "z_L", 1.0, 3), {"kind": "noise", "step": 0, "state": "z_L", "scale": 1.0, "seed": 3}),
    ):
        _, after = intervene(model, puzzle, [python], H_cycles=3)
        one = {**file, "task": {**file["task"], "companions": []}}
        found = js(THINK, {"file": one, "puzzle": file["puzzles"][0], "cycles": 3, "edits": [browser]})
        name = "values" if real else "ids"
        said = [step[name] for step in found["steps"]]
        if real:
            wanted = [made.answer_for_display(answer, None).ravel().tolist() for answer in after.answers[:, 0]]
            np.testing.assert_allclose(said, wanted, atol=5e-3)
        else:
            assert said == after.answers[:, 0].tolist()
        np.testing.assert_allclose([step["halt"] for step in found["steps"]], after.halt[:, 0], atol=2e-3)


def test_a_cell_can_be_set_to_every_symbol_and_reads_so(js):
    model, config = load_checkpoint(checkpoint_name("sudoku4", "on"))
    file = model_file(model, config, first=0)
    for token in range(2, 6):
        edit = {"kind": "cell", "step": 0, "cell": 5, "token": token}
        frame = js(THINK, {"file": file, "puzzle": file["puzzles"][0], "cycles": 2, "edits": [edit]})
        assert frame["steps"][0]["ids"][5] == token


RULES = """
const board = { ...given.board, rows: given.rows, cols: given.cols };
return given.puzzles.map(({ inputs, answers }) => {
  const rule = rules[given.rule.name], { target, note } = rule.solve(inputs, board, given.rule);
  const wrong = (answer) =>
    rule.wrong ? rule.wrong(inputs, target, answer, board) : target && differing(target, answer);
  return { target, note, wrong: answers.map(wrong) };
});
"""


def judged_in_browser(js, task, puzzles, shape):
    given = {"rule": task.browser_rule(), "board": task.board(), "rows": shape[0], "cols": shape[1], "puzzles": puzzles}
    return js(RULES, given)


def edited(task, rng, n):
    """n held-out puzzles in which some cells were changed, as a hand could."""
    inputs = inputs_of(task.held_out(n)).copy()
    board = task.board()
    if board.get("roles"):
        wall, way = board["roles"].index("wall"), board["roles"].index("open")
        for row in inputs:
            cells = rng.choice(np.flatnonzero((row == wall) | (row == way)), rng.integers(0, 8), replace=False)
            row[cells] = np.where(row[cells] == wall, way, wall)
    elif task.has_rule_checker and task.browser_rule()["name"] == "sudoku":
        for row in inputs:
            row[rng.choice(len(row), rng.integers(0, 4), replace=False)] = rng.integers(1, task.vocab_size)
    else:
        for row in inputs:
            symbols = [token for token, symbol in enumerate(board["symbols"]) if symbol.strip()]
            cells = np.flatnonzero(np.isin(row, symbols))
            changed = rng.choice(cells, 3, replace=False)
            row[changed] = rng.choice(symbols, 3)
    return inputs


@pytest.mark.parametrize("name", ["sudoku4", "sudoku6", "sudoku9", "maze", "reach", "addition", "sorting", "parity"])
def test_a_typed_puzzle_is_judged_in_the_browser_as_its_task_judges_it(js, name):
    task, rng = resolve(preset(name))[0], np.random.default_rng(4)
    inputs, shape = edited(task, rng, 40), task.held_out_shape()
    batches, puzzles = [], []
    for row in inputs:
        batch, remark = read_puzzle(task, text_of(task, row.tolist(), shape))
        assert inputs_of(batch)[0].tolist() == row.tolist()
        labels = batch.get("labels")
        base = row if labels is None else np.where(labels[0] == IGNORE, row, labels[0])
        answers = [base.copy() for _ in range(4)]
        for answer, changes in zip(answers[1:], (1, 3, len(row)), strict=True):
            answer[rng.choice(len(row), changes, replace=False)] = rng.integers(1, task.vocab_size)
        batches.append((labels, remark))
        puzzles.append({"inputs": row.tolist(), "answers": [answer.tolist() for answer in answers]})
    for (labels, remark), puzzle, found in zip(
        batches, puzzles, judged_in_browser(js, task, puzzles, shape), strict=True
    ):
        assert found["target"] == (None if labels is None else labels[0].tolist()), remark
        assert bool(found["note"] in ("impossible", "several", "unknown")) >= (labels is None)
        row = np.array(puzzle["inputs"])
        for answer, wrong in zip(puzzle["answers"], found["wrong"], strict=True):
            known = None if labels is None else labels[0]
            assert wrong == task.wrong_cells(row, known, np.array(answer))


@settings(max_examples=30)
@given(
    charges=st.lists(
        st.tuples(st.integers(0, 63), st.floats(-10, 10, width=32, allow_subnormal=False)), min_size=0, max_size=9
    )
)
def test_a_potential_in_the_browser_is_the_exact_one(js, charges):
    task = resolve(preset("poisson"))[0]
    sources_ = np.zeros(64, np.float32)
    for cell, charge in charges:
        sources_[cell] = charge
    (found,) = judged_in_browser(js, task, [{"inputs": sources_.tolist(), "answers": []}], (8, 8))
    wanted = task._batch(sources_[None])["labels"].ravel()
    np.testing.assert_allclose(found["target"], wanted, atol=1e-4 * max(1, np.abs(wanted).max()))


@settings(max_examples=30)
@given(x=st.floats(-2, 2), y=st.floats(-2, 2))
def test_a_point_in_the_browser_arrives_where_the_flow_carries_it(js, x, y):
    task = resolve(preset("swirl"))[0]
    (found,) = judged_in_browser(js, task, [{"inputs": [x, y], "answers": []}], (1, 1))
    np.testing.assert_allclose(found["target"], task._batch(np.array([[x, y]]))["labels"].ravel(), atol=1e-5)


@pytest.mark.parametrize("name", pair_names())
def test_prepared_puzzles_are_what_their_name_says(js, name):
    model, config = load_checkpoint(checkpoint_name(name, "on"))
    task, file = resolve(config)[0], model_file(model, config)
    assert len(file["challenges"]) == 3
    for kind, puzzle in file["challenges"].items():
        (found,) = judged_in_browser(
            js, task, [{"inputs": puzzle["inputs"], "answers": []}], (puzzle["rows"], puzzle["cols"])
        )
        assert (found["note"] == kind) == (kind in ("impossible", "several"))
        if puzzle["target"] is not None and kind != "several":
            np.testing.assert_allclose(found["target"], puzzle["target"], atol=1e-4)
        cells = puzzle["rows"] * puzzle["cols"]
        assert (cells > task.seq_len) == (kind in ("larger", "longer"))


OPEN = """
try { openNetwork(given); return null; }
catch (error) {
  return error instanceof Refusal ? { code: error.code, values: error.values } : { code: String(error) };
}
"""


@pytest.fixture(scope="module")
def good():
    return model_file(*load_checkpoint("maze-linear"))


def nan(file):
    data = np.frombuffer(base64.b64decode(file["data"]), "<f4").copy()
    data[100] = np.nan
    return base64.b64encode(data.tobytes()).decode()


SPOILED = {
    "a number": (lambda good: 3, "foreign"),
    "nothing": (lambda good: None, "foreign"),
    "another JSON": (lambda good: {"weights": [1, 2]}, "foreign"),
    "another version": (lambda good: {**good, "version": 2}, "version"),
    "a version that is a text": (lambda good: {**good, "version": "x" * 5000}, "version"),
    "cut": (lambda good: {**good, "data": good["data"][:-100]}, "cut"),
    "cut within a number": (lambda good: {**good, "data": good["data"][:-4]}, "cut"),
    "no base64": (lambda good: {**good, "data": "!" + good["data"][1:]}, "cut"),
    "no data": (lambda good: {**good, "data": None}, "cut"),
    "not a number": (lambda good: {**good, "data": nan(good)}, "cut"),
    "no tensors": (lambda good: {**good, "tensors": {}}, "cut"),
    "another shape": (lambda good: {**good, "tensors": {**good["tensors"], "H_init": [4, 8]}}, "cut"),
    "negative shape": (lambda good: {**good, "tensors": {**good["tensors"], "H_init": [-1]}}, "cut"),
    "too large": (lambda good: {**good, "tensors": {**good["tensors"], "more": [10**5, 10**5]}}, "large"),
    "no network": (lambda good: {**good, "network": None}, "cut"),
    "no width": (lambda good: {**good, "network": {**good["network"], "hidden_size": None}}, "cut"),
    "huge layers": (lambda good: {**good, "network": {**good["network"], "L_layers": 10**9}}, "cut"),
    "a foreign mixer": (lambda good: {**good, "network": {**good["network"], "mixer": "toString"}}, "mixer"),
    "the wrong mixer": (lambda good: {**good, "network": {**good["network"], "mixer": "attention"}}, "cut"),
}


@pytest.mark.parametrize(("spoil", "code"), SPOILED.values(), ids=SPOILED)
def test_a_file_that_is_none_of_ours_is_refused_by_name(js, good, spoil, code):
    found = js(OPEN, spoil(good))
    assert found["code"] == code
    sentence = DRAWING["network"][code].format_map(found["values"])
    assert len(sentence) < 200 and "{" not in sentence


def test_a_good_file_is_not_refused(js, good):
    assert js(OPEN, good) is None


START = """
try { openNetwork(given.file).start(given.puzzle); return null; }
catch (error) { return error instanceof Refusal ? error.code : String(error); }
"""


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"inputs": [[1] * 48]}, "length"),
        ({"inputs": [[1] * 48 + [6]]}, "value"),
        ({"inputs": [[1] * 48 + [-1]]}, "value"),
        ({"inputs": [[1] * 48 + [1.5]]}, "value"),
        ({"inputs": [[1] * 48 + [None]]}, "value"),
        ({"rows": 0}, "cells"),
        ({"rows": 5000, "cols": 5000}, "cells"),
        ({"inputs": []}, "cells"),
    ],
)
def test_a_puzzle_that_the_network_cannot_take_is_refused_by_name(js, good, change, code):
    puzzle = {"inputs": [[1] * 49], "rows": 7, "cols": 7, **change}
    assert js(START, {"file": good, "puzzle": puzzle}) == code
    assert code in DRAWING["network"]


def test_a_network_of_a_fixed_length_refuses_other_boards(js):
    file = model_file(*load_checkpoint("sudoku4-linear"))
    puzzle = {"inputs": [[1] * 36], "rows": 6, "cols": 6}
    assert js(START, {"file": file, "puzzle": puzzle}) == "length"


def test_the_file_holds_what_a_forward_pass_reads():
    read = {"vocab_size", "seq_len", "H_cycles", "L_cycles", "hidden_size", "mixer", "causal", "puzzle_emb_len"}
    assert read <= set(NETWORK) <= set(ModelConfig.__dataclass_fields__)


def test_models_that_no_browser_can_run_are_refused(monkeypatch):
    _, config = load_checkpoint("maze-linear")
    large_model = RecursiveModel(ModelConfig(vocab_size=6, seq_len=49, hidden_size=1024, mixer="conv", L_layers=2))
    assert sum(p.nbytes for p in large_model.parameters()) > MOST_BYTES
    with pytest.raises(ValueError, match="a browser is given at most 64 MB"):
        model_file(large_model, config)
    monkeypatch.setattr(PoissonTask, "input_for_display", lambda self, inputs: inputs[:1])
    with pytest.raises(ValueError, match="has no puzzle that can be drawn and typed"):
        model_file(*load_checkpoint("poisson-linear"))
