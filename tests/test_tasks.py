"""tasks/__init__.py: the tasks there are, what each must offer, their presets, and what resolve fills in or refuses."""

import json

import numpy as np
import pytest
import torch

from trm_explore.config import PRESETS, SIZES, RunConfig
from trm_explore.config.presets import STRUCTURE, TASK_PRESETS
from trm_explore.data.labels import IGNORE
from trm_explore.model import RecursiveModel
from trm_explore.model.carry import board_of
from trm_explore.tasks import GENERATED, TASKS, preset, resolve
from trm_explore.tasks.base import RealTask, Task
from trm_explore.tasks.parity import ParityTask
from trm_explore.training.evaluation import evaluate
from trm_explore.training.gradients import gradient_statistics
from trm_explore.training.recorded_example import recorded_example
from trm_explore.training.trajectory import frame_of, inputs_of, picture_of, record
from trm_explore.view.terminal import board_text, step_caption

KINDS = {"cross_entropy": ("grid", "path", "digits"), "mse": ("heat", "plane")}
# (rows, cols), vocab_size of each task as it is without settings.
SHAPES = {
    "sudoku4": (4, 4, 6),
    "sudoku6": (6, 6, 8),
    "sudoku9": (9, 9, 11),
    "maze": (7, 7, 6),
    "reach": (8, 8, 5),
    "addition": (3, 9, 12),
    "sorting": (2, 8, 12),
    "parity": (1, 16, 3),
    "swirl": (1, 1, 2),
    "poisson": (8, 8, 1),
}
SIZED = ("maze", "reach", "addition", "sorting", "parity", "poisson")  # those that take size and eval_size
OTHER_SIZE = {"maze": 5, "reach": 10, "addition": 12, "sorting": 12, "parity": 24, "poisson": 10}


def task_of(name: str, **flat) -> Task:
    task, _ = resolve(preset(name, **flat))
    list(task.prepare())
    return task


@pytest.fixture(scope="module", params=GENERATED)
def task(request):
    """Every task that needs no files, ready."""
    return task_of(request.param)


def rows_of(array: np.ndarray) -> set[bytes]:
    return {np.ascontiguousarray(row).tobytes() for row in array}


# ---- the protocol


def test_the_tasks_are_those_of_the_table():
    assert list(TASKS) == [*SHAPES, "embeddings"] == list(TASK_PRESETS)
    assert list(GENERATED) == list(SHAPES)
    assert not TASKS.keys() & set(PRESETS)  # a name is never both


def test_a_task_says_what_it_is(task):
    rows, cols, vocab = SHAPES[task.name]
    assert (task.rows, task.cols, task.vocab_size, task.seq_len) == (rows, cols, vocab, rows * cols)
    assert isinstance(task, RealTask) == (task.loss == "mse") == (task.input_size is not None)
    assert 2 < len(task.title) < 25 and 30 < len(task.help) < 250 and task.help.endswith(".")
    assert (task.loss == "mse") == (task.tolerance > 0) and task.held_out_shape() == (rows, cols)


def test_titles_and_helps_are_each_tasks_own():
    tasks = [TASKS[name](RunConfig(task=name)) for name in GENERATED]
    assert len({task.title for task in tasks}) == len(tasks)
    assert len({task.help for task in tasks}) == len(tasks)


def checked_batch(task, puzzles, n, shape=None):
    L = task.seq_len if shape is None else shape[0] * shape[1]
    inputs, labels = inputs_of(puzzles), puzzles["labels"]
    if task.loss == "mse":
        assert puzzles.keys() - {"board"} == {"input_embeddings", "labels"}
        assert inputs.shape == (n, L, task.input_size) and labels.shape == (n, L, task.vocab_size)
        assert inputs.dtype == labels.dtype == np.float32
        assert np.isfinite(inputs).all() and np.isfinite(labels).all()
    else:
        assert puzzles.keys() - {"board"} == {"inputs", "labels"}
        assert inputs.shape == labels.shape == (n, L) and inputs.dtype == labels.dtype == np.int64
        assert inputs.min() >= 0 and inputs.max() < task.vocab_size and labels.max() < task.vocab_size
        assert ((labels >= 0) | (labels == IGNORE)).all() and (labels != IGNORE).any(1).all()


@pytest.mark.parametrize("n", [1, 7, 300])
def test_batches_have_the_shapes_types_and_symbols_that_the_task_says(task, n):
    checked_batch(task, task.sample(n, np.random.default_rng(n)), n)
    checked_batch(task, task.held_out(n), n)


def test_puzzles_to_look_at_carry_their_boards(task):
    """Taken alone, some of them, or put together, they can be recorded and measured as they are."""
    eight, shape = task.held_out(8), task.held_out_shape()
    assert eight["board"].shape == (8, 2) and (eight["board"] == shape).all()
    some = {name: values[[1, 5]] for name, values in eight.items()}
    both = {name: np.concatenate([values, eight[name]]) for name, values in some.items()}
    tensors = {name: torch.from_numpy(values) for name, values in both.items()}
    _, config = resolve(preset(task.name, mixer="conv", pos_encodings="none"))
    model = tiny_model(config)
    for puzzles, n in ((eight, 8), (some, 2), (both, 10), (tensors, 10)):
        trajectory = record(model, puzzles, H_cycles=1)
        assert trajectory.board == shape and trajectory.inputs.shape[0] == n
        assert len(gradient_statistics(model, puzzles, H_cycles=2).network) == 2
        _, outputs = model(model.initial_carry(puzzles), puzzles)
        assert len(outputs["logits"]) == n
        assert evaluate(model, task, puzzles, H_cycles=1) == evaluate(
            model, task, puzzles | {"board": shape}, H_cycles=1
        )
    if hasattr(task, "example") and type(task).read is not Task.read:
        typed, _ = task.read(task.example())
        assert record(model, typed, H_cycles=1).board == task.shape_of(typed)


def test_a_task_of_ones_own_class_gives_boards_too_and_one_that_is_said_stays():
    class Wide(ParityTask):
        def held_out(self, n):
            return super().held_out(n)

        def read(self, text):
            puzzles, remark = super().read(text)
            return puzzles | {"board": np.array([[2, 4]])}, remark

    assert Wide(8).held_out(3)["board"].tolist() == [[1, 8]] * 3
    assert Wide(8).read("01101000")[0]["board"].tolist() == [[2, 4]]
    assert Wide.held_out.__name__ == "held_out"


def test_boards_of_different_shapes_are_not_one_batch():
    few = resolve("parity")[0].held_out(4)
    for board, said in (
        (np.array([[1, 16], [1, 16], [4, 4], [4, 4]]), "^the batch has boards of different shapes; "),
        ((4, 4, 4), r"^board=\(4, 4, 4\) must be \(rows, cols\)"),
        ("4x4", "^board='4x4' must be"),
        (np.array([[1.5, 2.0]]), "^board=.* must be"),
    ):
        with pytest.raises(ValueError, match=said):
            board_of(few | {"board": board})
    assert board_of({}) is None and board_of({"board": [4, 4]}) == (4, 4)


def test_every_label_is_right_and_the_question_itself_is_no_answer(task):
    for puzzles in (task.sample(300, np.random.default_rng(0)), task.held_out(300)):
        inputs, labels = inputs_of(puzzles), puzzles["labels"]
        answers = labels if task.loss == "mse" else np.where(labels == IGNORE, inputs, labels)
        assert task.check(inputs, answers, labels).all() and (task.cells_right(answers, labels) == 1).all()
        assert all(task.wrong_cells(*one) == [] for one in zip(inputs, labels, answers, strict=True))
        right = task.check(inputs, inputs, labels)
        assert right.shape == (300,) and right.dtype == bool
        # The swirl stands still outside its circle: there the point itself is right.
        assert right.mean() < (0.4 if task.name == "swirl" else 0.01)


def test_one_wrong_cell_makes_an_answer_wrong_and_is_marked(task):
    puzzles, rng = task.held_out(64), np.random.default_rng(1)
    inputs, labels = inputs_of(puzzles), puzzles["labels"]
    cell = rng.integers(labels.shape[1], size=64)
    answers = labels.copy()
    if task.loss == "mse":
        answers[np.arange(64), cell] += 2 * np.sqrt(task.tolerance * labels[0].size)
    else:
        answers[np.arange(64), cell] = (answers[np.arange(64), cell] + 1) % task.vocab_size
    assert not task.check(inputs, answers, labels).any()
    assert task.cells_right(answers, labels) == pytest.approx(1 - 1 / labels.shape[1])
    for i in range(64):
        assert task.wrong_cells(inputs[i], labels[i], answers[i]) == [cell[i]]


def test_equal_seeds_give_equal_puzzles_and_others_others(task):
    first, same, other = (inputs_of(task.sample(50, np.random.default_rng(seed))) for seed in (3, 3, 4))
    assert np.array_equal(first, same) and not np.array_equal(first, other)
    assert len(rows_of(first)) > 40


def test_held_out_puzzles_are_always_the_same_and_the_first_of_more(task):
    again = task_of(task.name)
    few, many = task.held_out(20), again.held_out(200)
    for name in few:
        assert np.array_equal(few[name], many[name][:20]) and np.array_equal(many[name], task.held_out(200)[name])
    assert np.array_equal(inputs_of(task_of(task.name, seed=5).held_out(20)), inputs_of(few))  # in every run


def test_no_held_out_puzzle_is_ever_drawn_for_training(task):
    drawn = rows_of(inputs_of(task.sample(2000, np.random.default_rng(2))))
    assert not drawn & rows_of(inputs_of(task.held_out(500)))


def test_given_cells_are_where_question_and_answer_agree(task):
    puzzles = task.held_out(50)
    inputs, labels = inputs_of(puzzles), puzzles["labels"]
    given = task.given(inputs)
    assert given.dtype == bool and given.shape == labels.shape[:2]
    if task.loss == "cross_entropy":
        assert (inputs == labels)[given].all()
        assert given.any() == (task.name != "parity") and not given.all(1).any()
    else:
        assert not given.any()


def test_the_board_is_json_and_has_a_symbol_a_token(task):
    board = json.loads(json.dumps(task.board(), allow_nan=False))
    assert (board["rows"], board["cols"]) == (task.rows, task.cols) and board["kind"] in KINDS[task.loss]
    if task.loss == "cross_entropy":
        assert len(board["symbols"]) == task.vocab_size and all(len(symbol) <= 2 for symbol in board["symbols"])
    if board["kind"] == "path":
        assert len(board["roles"]) == task.vocab_size
        assert set(board["roles"]) <= {"", "wall", "open", "start", "goal", "path", "reached"}
    if board["box"]:
        assert task.rows % board["box"][0] == task.cols % board["box"][1] == 0
    assert task.board() is not task.board()  # frames change their own


def test_an_example_can_be_typed_in_again_and_is_held_out(task):
    if not hasattr(task, "example"):
        with pytest.raises(ValueError, match="reads no typed puzzles"):
            task.read("anything")
        return
    puzzles, remark = task.read(task.example())
    checked_batch(task, puzzles, 1)
    assert remark == "" and task.shape_of(puzzles) == (task.rows, task.cols)
    if task.loss == "cross_entropy":
        sampled = task.sample(5000, np.random.default_rng(8))
        assert not rows_of(puzzles["inputs"]) & rows_of(sampled["inputs"])


@pytest.mark.parametrize("text", ["", " ", "?", "1", "S", "x" * 5000, "\n\n", "\0", "9+", "nan nan", "1e999 0", "🙂"])
def test_what_is_no_puzzle_is_refused_in_one_sentence(task, text):
    try:
        puzzles, _ = task.read(text)
    except ValueError as error:
        assert str(error) and len(str(error)) < 6000 and "\n" not in str(error)
    else:
        assert len(inputs_of(puzzles)) == 1 and task.name in ("parity",)


# ---- what a network makes of them


def tiny_model(config: RunConfig) -> RecursiveModel:
    config = config.with_flat(hidden_size=16, num_heads=2, swiglu_multiple=8, L_cycles=1)
    return RecursiveModel(config.model, config.supervision, config.train, seed=0)


def test_a_recorded_trajectory_becomes_a_frame_and_text(task):
    _, config = resolve(preset(task.name))
    trajectory = record(tiny_model(config), recorded_example(task, config.train).batch, H_cycles=3)
    frame = json.loads(json.dumps(frame_of(trajectory, task, label="one", update=3), allow_nan=False))
    cells = task.rows * task.cols
    assert len(frame["steps"]) == 3 and len(frame["given"]) == cells
    width = 1 if task.loss == "cross_entropy" else len(frame["inputs"]) // cells
    assert len(frame["inputs"]) == len(frame["target"]) == cells * width
    for k, step in enumerate(frame["steps"]):
        assert len(step["values" if task.loss == "mse" else "ids"]) == cells * width
        assert step["loss"] > 0 and 0 <= step["halt"] <= 1 and set(step["wrong"]) <= set(range(cells))
        assert ("values" in step) == (task.loss == "mse") == ("conf" not in step)
        for color in (False, True):
            text = board_text(frame, k, color)
            assert text.strip() and ("\033" in text) <= color
        assert step_caption(frame, k).startswith(f"step {k}: ")
    assert board_text(frame, None, False).strip()
    if frame["board"]["kind"] == "plane":
        assert len(frame["others"]["inputs"]) == 81 and [len(step) for step in frame["others"]["steps"]] == [81] * 3


def test_a_tasks_picture_is_a_solved_puzzle(task):
    frame = json.loads(json.dumps(picture_of(task), allow_nan=False))
    (step,) = frame["steps"]
    assert step["wrong"] == [] and frame["target"] == (step["values"] if task.loss == "mse" else step["ids"])
    assert board_text(frame, 0, False) != board_text(frame, None, False) and "x" not in board_text(frame, 0, False)


@pytest.mark.parametrize("name", SIZED)
def test_a_network_trained_at_one_size_is_tested_at_another(name):
    task, config = resolve(preset(name, eval_size=OTHER_SIZE[name]))
    rows, cols = task.held_out_shape()
    assert (rows, cols) != (task.rows, task.cols) and config.model.seq_len == task.seq_len == task.rows * task.cols
    puzzles = task.held_out(6)
    checked_batch(task, puzzles, 6, (rows, cols))
    assert task.check(inputs_of(puzzles), puzzles["labels"], puzzles["labels"]).all()
    checked_batch(task, task.sample(5, np.random.default_rng(0)), 5)
    trajectory = record(tiny_model(config), puzzles, H_cycles=2)
    frame = frame_of(trajectory, task)
    assert (frame["board"]["rows"], frame["board"]["cols"], len(frame["given"])) == (rows, cols, rows * cols)
    assert board_text(frame, 1, False)


@pytest.mark.parametrize("name", SIZED)
@pytest.mark.parametrize("bound", [{"mixer": "mlp"}, {"mixer": "attention", "pos_encodings": "learned"}], ids=str)
def test_another_eval_size_is_refused_for_a_network_bound_to_one_length(name, bound):
    other = OTHER_SIZE[name]
    with pytest.raises(ValueError, match=f"^eval_size={other} is another size than in training.*leave eval_size out$"):
        resolve(preset(name, eval_size=other, **bound))
    resolve(preset(name, size=other, eval_size=other, **bound))  # the same size is none


@pytest.mark.parametrize(
    ("name", "size"), [("parity", 8), ("maze", 3), ("reach", 4), ("addition", 4), ("sorting", 4), ("poisson", 4)]
)
def test_the_smallest_size_still_has_both_sides_and_they_are_apart(name, size):
    task = task_of(name, size=size)
    held_out, drawn = task.held_out(300), task.sample(500, np.random.default_rng(0))
    assert len(held_out["labels"]) >= 20 and not rows_of(inputs_of(held_out)) & rows_of(inputs_of(drawn))


# ---- presets


@pytest.mark.parametrize("name", TASKS)
@pytest.mark.parametrize("size", PRESETS)
def test_a_preset_has_the_sizes_numbers_and_the_tasks_where_it_is_tiny(name, size):
    flat, own = preset(name, size).to_flat(), TASK_PRESETS[name]
    assert (flat["task"], flat["preset"]) == (name, size)
    if size in SIZES and size != "tiny":  # only the kind of network that the task needs, and never against the size
        own = {field: value for field, value in own.items() if field in STRUCTURE and field not in PRESETS[size]}
        if "mixer" in PRESETS[size]:
            own.pop("pos_encodings", None)
    assert flat == RunConfig().to_flat() | PRESETS[size] | own | {"task": name, "preset": size}


@pytest.mark.parametrize("name", [name for name in GENERATED if name != "swirl"])
@pytest.mark.parametrize("size", SIZES)
def test_every_size_of_network_can_tell_one_place_from_another(name, size):
    """Attention without positions sees a bag of cells, in which no path, sum or order can be found."""
    model = preset(name, size).model
    assert model.mixer != "attention" or model.pos_encodings != "none"


@pytest.mark.parametrize("name", ["swirl", "poisson"])
@pytest.mark.parametrize("size", SIZES)
def test_no_size_lets_the_halting_head_drown_a_small_squared_error(name, size):
    assert preset(name, size).train.halt_loss_weight == 0.001


def test_a_presets_numbers_can_be_overridden():
    assert preset("sudoku6").train.batch_size == 64 != preset("sudoku6", batch_size=8).train.batch_size == 8
    assert preset("sudoku4", "paper", hidden_size=256).model.hidden_size == 256
    assert preset("maze", mixer="attention").model.mixer == "attention"


def test_preset_refuses_what_is_not_known():
    with pytest.raises(ValueError) as error:
        preset("chess")
    assert str(error.value) == f"task='chess' is not known; allowed are {', '.join(TASKS)}"
    with pytest.raises(
        ValueError,
        match="^preset='huge' is not known; allowed are tiny, small, paper, reasoning, generation, prototyping, "
        "sudoku-extreme-mlp, sudoku-extreme-attention, maze-hard, arc$",
    ):
        preset("sudoku4", "huge")
    with pytest.raises(ValueError, match="did you mean hidden_size?"):
        preset("sudoku4", hiden_size=3)


# ---- resolve


@pytest.mark.parametrize("name", GENERATED)
def test_resolve_fills_in_lengths_and_nothing_else(name):
    asked = preset(name, seed=3)
    task, config = resolve(asked)
    lengths = {"vocab_size": task.vocab_size, "seq_len": task.seq_len, "input_size": task.input_size}
    assert config == asked.with_flat(**lengths) and task.name == name
    assert resolve(config)[1] == config  # its own numbers are no contradiction


MEANINGLESS = {
    "data": "x.csv",
    "difficulty": "easy",
    "pool_size": 500,
    "size": 5,
    "eval_size": 5,
    "base": 3,
    "loops": 0.5,
}
TAKES = {
    **dict.fromkeys(("sudoku4", "sudoku6", "sudoku9"), {"data", "eval_data", "difficulty", "pool_size"}),
    **dict.fromkeys(("reach", "sorting", "parity", "poisson"), {"size", "eval_size"}),
    "maze": {"size", "eval_size", "loops"},
    "addition": {"size", "eval_size", "base"},
    "swirl": set(),
}


@pytest.mark.parametrize("name", GENERATED)
def test_a_setting_that_means_nothing_to_a_task_is_refused(name):
    assert set(TASKS[name](RunConfig(task=name)).accepted_data_fields) == TAKES[name]
    for field, value in MEANINGLESS.items():
        if field not in TAKES[name]:
            with pytest.raises(ValueError) as error:
                resolve(preset(name, **{field: value}))
            assert str(error.value) == f"{field}={value!r} has no meaning for the task {name}; leave it out"
    with pytest.raises(
        ValueError, match=f"^num_epochs=2 has no meaning for the task {name}, whose puzzles have no end"
    ):
        resolve(preset(name, num_epochs=2))


@pytest.mark.parametrize(
    "wrong",
    [
        *({"task": name, field: 1} for name in SIZED for field in ("size", "eval_size")),
        *({"task": name, field: 100_000} for name in SIZED for field in ("size", "eval_size")),
        {"task": "addition", "base": 1},
        {"task": "addition", "base": 17},
        {"task": "maze", "loops": 1.5},
        {"task": "maze", "loops": -0.1},
        {"task": "maze", "size": -4},
        {"task": "maze", "size": 4.5},
        {"task": "addition", "base": True},
    ],
    ids=str,
)
def test_a_size_that_cannot_be_is_refused_with_its_value_and_what_is_allowed(wrong):
    field = [name for name in wrong if name != "task"][0]
    with pytest.raises(ValueError) as error:
        resolve(preset(**wrong))
    said = str(error.value)
    assert said.startswith(f"{field}={wrong[field]!r} ") and "\n" not in said
    assert "allowed" in said or "must be" in said or "give such a number" in said


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"vocab_size": 7}, "vocab_size=7 does not fit the task sudoku4, whose vocab_size is 6; leave it out"),
        ({"seq_len": 81}, "seq_len=81 does not fit the task sudoku4, whose seq_len is 16; leave it out"),
        ({"input_size": 2}, "input_size=2 does not fit the task sudoku4, whose input_size is None; leave it out"),
        (
            {"pool_size": 500},
            "pool_size=500 has no effect here: 4x4 puzzles are drawn from all there are; leave it out, or give 0",
        ),
    ],
)
def test_resolve_refuses_what_contradicts_the_task(wrong, sentence):
    with pytest.raises(ValueError) as error:
        resolve(RunConfig.from_flat(wrong))
    assert str(error.value) == sentence


def test_a_pool_size_beside_ones_own_puzzles_is_refused(tmp_path):
    path = tmp_path / "puzzles.csv"
    path.write_text("question,answer\n")
    with pytest.raises(ValueError, match="^pool_size=500 has no effect here: the puzzles come from .*puzzles.csv"):
        resolve(preset("sudoku9", data=str(path), pool_size=500))


def test_the_configs_data_settings_reach_the_task():
    task, _ = resolve(preset("sudoku9", difficulty="easy", pool_size=120, seed=5))
    assert (task.difficulty, task.pool_size, task.seed) == ("easy", 120, 5)
    givens = task.given(task.held_out(20)["inputs"]).sum(1)
    assert len(givens) and givens.min() >= 38
    maze, _ = resolve(preset("maze", size=5, eval_size=6, loops=0.5))
    assert (maze.size, maze.eval_size, maze.loops) == (5, 6, 0.5)
    addition, _ = resolve(preset("addition", size=6, base=2))
    assert (addition.size, addition.base, addition.vocab_size) == (6, 2, 4)
