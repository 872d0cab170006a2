"""The Sudoku task: what it serves, that held-out puzzles stay apart, people's files, pools and their cache."""

from functools import cache

import numpy as np
import pytest

from trm_explore.data import puzzle_file
from trm_explore.data.assets import asset
from trm_explore.data.sudoku_rules import BOXES, count_solutions, generate, parse_puzzle
from trm_explore.data.symmetry import augment, four_by_four_classes, symmetry_key
from trm_explore.tasks import sudoku
from trm_explore.tasks.sudoku import SudokuTask
from trm_explore.tasks.sudoku_pool import DIFFICULTIES, load_pool, make_pool, pool_chunks, save_pool
from trm_explore.tasks.sudoku_split import one_tenth


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    monkeypatch.setenv("TRM_EXPLORE_CACHE", str(folder))
    return folder


@cache
def some(size: int, count: int, givens: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(count)
    questions, answers = zip(*(generate(size, givens, rng) for _ in range(count)), strict=True)
    return np.array(questions), np.array(answers)


def text(digits: np.ndarray) -> str:
    return "".join(str(digit) for digit in digits).replace("0", ".")


def csv_text(questions, answers, split=None) -> str:
    lines = ["question,answer" + (",split" if split else "")]
    for i, (question, answer) in enumerate(zip(questions, answers, strict=True)):
        lines.append(f"{text(question)},{text(answer)}" + (f",{split[i]}" if split else ""))
    return "\n".join(lines) + "\n"


def keys(batch: dict, task: SudokuTask) -> set[int]:
    return set(symmetry_key(task.decode(batch["inputs"]), task.size).tolist())


def error_of(make, *args, **options) -> str:
    with pytest.raises(ValueError) as error:
        make(*args, **options)
    sentence = str(error.value)
    assert "\n" not in sentence and "Traceback" not in sentence
    return sentence


# What the task is


@pytest.mark.parametrize("size", BOXES)
def test_the_task_says_what_it_is(size):
    task = SudokuTask(size)
    assert (task.name, task.title) == (f"sudoku{size}", f"Sudoku {size}×{size}")
    assert (task.rows, task.cols, task.box, task.seq_len) == (size, size, BOXES[size], size * size)
    assert task.vocab_size == size + 2 == len(task.symbols) and task.symbols[:3] == ("", "", "1")
    assert task.loss == "cross_entropy" and task.help
    assert task.board() == {
        "kind": "grid",
        "rows": size,
        "cols": size,
        "box": list(BOXES[size]),
        "symbols": list(task.symbols),
    }
    example = parse_puzzle(task.example(), size)
    assert count_solutions(example) == 1
    assert symmetry_key(example[None], size)[0] in keys(task.held_out(20_000), task)  # never trained on


def test_tokens_are_the_published_ones():
    task = SudokuTask(4)
    assert task.encode(np.array([0, 1, 4], dtype=np.uint8)).tolist() == [1, 2, 5]
    assert task.encode(np.zeros(1, dtype=np.uint8)).dtype == np.int64
    assert task.decode(np.array([0, 1, 2, 5])).tolist() == [0, 0, 1, 4]


@pytest.mark.parametrize("size", BOXES)
@pytest.mark.parametrize("difficulty", DIFFICULTIES)
def test_samples_are_puzzles_with_one_solution_in_the_difficulty(size, difficulty):
    task = SudokuTask(size, difficulty=difficulty)
    low, high = DIFFICULTIES[difficulty][size]
    for batch in (task.sample(300, np.random.default_rng(0)), task.held_out(300)):
        assert batch["inputs"].dtype == batch["labels"].dtype == np.int64
        assert batch["inputs"].shape == batch["labels"].shape
        givens = (batch["inputs"] > 1).sum(1)
        assert givens.min() == low and givens.max() == high
        assert task.check(batch["inputs"], batch["labels"]).all()
        assert all(count_solutions(question) == 1 for question in task.decode(batch["inputs"][:20]))
    for one in range(4, high + 1) if size == 4 else ():
        share = (task.sample(4000, np.random.default_rng(1))["inputs"] > 1).sum(1) == one
        assert one < low or abs(share.mean() - 1 / (high - low + 1)) < 0.05


def test_samples_follow_the_generator_only():
    first = [SudokuTask(9, seed=seed).sample(5, np.random.default_rng(7))["inputs"] for seed in (0, 1)]
    assert np.array_equal(*first)
    assert not np.array_equal(first[0], SudokuTask(9).sample(5, np.random.default_rng(8))["inputs"])


@pytest.mark.parametrize("size", BOXES)
def test_held_out_is_fixed(size):
    """Neither the run's seed nor what was asked before changes it, and fewer are the first of more."""
    task, other = SudokuTask(size), SudokuTask(size, seed=5)
    other.sample(3, np.random.default_rng(0))
    many = task.held_out(300)["inputs"]
    assert np.array_equal(many[:100], other.held_out(100)["inputs"])
    assert np.array_equal(many, other.held_out(300)["inputs"])
    everything = task.held_out(10**6)["inputs"]
    assert len(np.unique(everything, axis=0)) == len(everything) > 400
    if size == 4:
        assert np.bincount((many > 1).sum(1))[4:].tolist() == [60] * 5


# Held out means apart, up to symmetry


def test_4x4_classes_are_apart():
    task = SudokuTask(4)
    classes = four_by_four_classes()
    all_keys = symmetry_key(classes.questions, 4)
    sampled, held = task.sample(20_000, np.random.default_rng(0)), task.held_out(20_000)
    # a key names its class, but for a few that name two: leave those out
    names = {}
    for key, one in set(zip(all_keys.tolist(), classes.class_id.tolist(), strict=True)):
        names[key] = one if key not in names else None
    trained = {names[key] for key in keys(sampled, task)} - {None}
    kept = {names[key] for key in keys(held, task)} - {None}
    assert not trained & kept
    assert len(kept) > 200 and len(trained) > 1500
    assert {int(g) for one in kept for g in classes.givens[classes.class_id == one]} == {4, 5, 6, 7, 8}


def test_4x4_training_puzzles_share_no_class_with_the_held_out(monkeypatch):
    """Exact: the class of every puzzle that can be drawn, on either side."""
    classes = four_by_four_classes()
    of = {question.tobytes(): one for question, one in zip(classes.questions, classes.class_id, strict=True)}
    monkeypatch.setattr(sudoku, "augment", lambda questions, answers, rng, size: (questions, answers))
    task = SudokuTask(4)
    held = {of[question.tobytes()] for question in task.decode(task.held_out(10**6)["inputs"])}
    trained = {
        of[question.tobytes()] for question in task.decode(task.sample(20_000, np.random.default_rng(0))["inputs"])
    }
    assert held and not held & trained
    assert len(held) == 225
    assert {of[question.tobytes()] for question in task._train[0]} == set(range(2236)) - held


@pytest.mark.parametrize("size", [6, 9])
def test_pool_puzzles_are_apart_by_key(size):
    task = SudokuTask(size)
    held = keys(task.held_out(10**6), task)
    assert not held & keys(task.sample(20_000, np.random.default_rng(0)), task)
    hard = SudokuTask(size, difficulty="hard", pool_size=100)
    assert not held & keys(hard.sample(2000, np.random.default_rng(0)), hard)  # nor in another task's training


# Judging an answer


def test_answers_are_judged_by_the_rules():
    task = SudokuTask(4)
    blank, batch = np.ones((1, 16), dtype=np.int64), task.held_out(1)
    assert task.check(blank, batch["labels"])[0]  # any right grid solves the empty puzzle
    assert not task.check(batch["inputs"], np.roll(batch["labels"], 4, axis=1))[0]
    assert not task.check(batch["inputs"], batch["inputs"])[0]
    assert not task.check(batch["inputs"], np.zeros_like(batch["labels"]))[0]


def test_wrong_cells():
    task = SudokuTask(4)
    inputs, labels = task.encode(parse_puzzle(".24.3......44.3.")), task.encode(parse_puzzle("1243342123144132"))
    assert task.wrong_cells(inputs, labels, labels) == task.wrong_cells(inputs, None, labels) == []
    answers = labels.copy()
    answers[0] = 3  # a 2 in the corner: clashes with the 2 beside it and the one below in the column
    assert task.wrong_cells(inputs, labels, answers) == [0]
    assert task.wrong_cells(inputs, None, answers) == [0, 1, 8]
    answers = labels.copy()
    answers[[0, 1]] = 1  # a blank where it was free, a given taken away
    assert task.wrong_cells(inputs, None, answers) == [0, 1]
    other = task.encode(np.array([0, 2, 1, 3, 4])[task.decode(labels)])
    assert task.wrong_cells(inputs, None, other) == [1]  # a right grid, but a given was changed


# Settings


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"size": 5}, "size=5 is no Sudoku known here; allowed are 4, 6 and 9"),
        ({"difficulty": "fiendish"}, "difficulty='fiendish' is not known; allowed are any, easy, medium, hard"),
        ({"pool_size": 99}, "pool_size=99 is too small; give at least 100, or 0 for what ships"),
        ({"pool_size": -1}, "pool_size=-1 is too small; give at least 100"),
        ({"eval_data": "e.csv"}, "eval_data='e.csv' needs data too"),
    ],
)
def test_wrong_settings(options, sentence):
    assert sentence in error_of(SudokuTask, **{"size": 4, **options})


# Pools and the cache


@pytest.mark.parametrize("size", [6, 9])
def test_the_shipped_pool_can_be_rebuilt(size):
    questions, answers = load_pool(asset(f"sudoku{size}.npz"), size)
    reports = []
    again = make_pool(size, 30, on_progress=lambda done, total: reports.append((done, total)))
    assert np.array_equal(again[0], questions[:30]) and np.array_equal(again[1], answers[:30])
    assert reports == [(25, 30), (30, 30)]
    assert all(count_solutions(question) == 1 for question in questions[:200])
    low, high = DIFFICULTIES["any"][size]
    givens = np.bincount((questions != 0).sum(1), minlength=high + 1)
    assert givens[:low].sum() == 0 and givens[low:].min() > 0.7 * len(questions) / (high - low + 1)


def test_a_longer_pool_goes_on_where_a_shorter_one_ends():
    questions, _ = make_pool(6, 40, "easy", seed=1)
    parts = [part[0] for part in pool_chunks(6, 10, 40, "easy", 1, chunk=7)]
    assert np.array_equal(np.concatenate(parts), questions[10:])


def test_shipped_pools_are_small():
    assert sum(asset(f"sudoku{size}.npz").stat().st_size for size in (6, 9)) < 700_000


def shipped_hard() -> int:
    low, high = DIFFICULTIES["hard"][6]
    givens = (load_pool(asset("sudoku6.npz"), 6)[0] != 0).sum(1)
    return int(((givens >= low) & (givens <= high)).sum())


def test_a_larger_pool_is_made_once_and_kept(own_cache):
    size = shipped_hard() + 60
    first = SudokuTask(6, difficulty="hard", pool_size=size)
    assert list(first.prepare()) == [(size - 35, size), (size - 10, size), (size, size)]
    assert list(first.prepare()) == []
    (file,) = own_cache.iterdir()
    assert file.suffix == ".npz"
    again = SudokuTask(6, difficulty="hard", pool_size=size)
    assert list(again.prepare()) == []
    assert len(again._train[0]) + len(again._held_out[0]) == size
    for mine, theirs in zip(first._train + first._held_out, again._train + again._held_out, strict=True):
        assert np.array_equal(mine, theirs)
    file.write_bytes(file.read_bytes()[:1000])  # broken: made again
    mended = SudokuTask(6, difficulty="hard", pool_size=size)
    assert len(list(mended.prepare())) == 3
    assert len(load_pool(file, 6)[0]) == size
    shipped = SudokuTask(6, difficulty="hard").held_out(50)["inputs"]
    assert np.array_equal(mended.held_out(50)["inputs"], shipped)  # the same, however large the pool


def test_closing_prepare_half_way_leaves_nothing(own_cache):
    task = SudokuTask(6, difficulty="hard", pool_size=shipped_hard() + 60)
    steps = task.prepare()
    next(steps)
    steps.close()
    assert not own_cache.exists() or not list(own_cache.iterdir())
    assert len(list(task.prepare())) == 3  # it can be asked again


def test_an_unwritable_cache_does_not_stop_training(own_cache):
    own_cache.write_text("a file where the folder should be")
    task = SudokuTask(6, difficulty="hard", pool_size=shipped_hard() + 30)
    assert len(list(task.prepare())) == 2
    assert task.sample(4, np.random.default_rng(0))["inputs"].shape == (4, 36)


def test_a_full_disk_leaves_no_half_file(tmp_path, monkeypatch):
    def full(stream, **arrays):
        stream.write(b"half")
        raise OSError(28, "No space left on device")

    good = some(6, 12, 14)
    save_pool(tmp_path / "pool.npz", *good)
    monkeypatch.setattr(np, "savez_compressed", full)
    with pytest.raises(OSError):
        save_pool(tmp_path / "pool.npz", *good)
    assert [path.name for path in tmp_path.iterdir()] == ["pool.npz"]
    assert np.array_equal(load_pool(tmp_path / "pool.npz", 6)[0], good[0])


def test_broken_pool_files_are_noticed(tmp_path, monkeypatch):
    questions, answers = some(6, 12, 14)
    path = tmp_path / "pool.npz"
    assert load_pool(path, 6) is None
    for bad in ((questions, questions), (questions[:5], answers), (questions.astype(int), answers.astype(int))):
        save_pool(path, *bad)
        assert load_pool(path, 6) is None
    np.savez(path, questions=questions)
    assert load_pool(path, 6) is None
    path.write_bytes(b"not a zip file")
    assert load_pool(path, 6) is None
    monkeypatch.setattr(sudoku, "asset", lambda name: path)
    assert "sudoku6.npz that ships with trm_explore is damaged: install it again" in error_of(SudokuTask(6).held_out, 1)


def test_where_the_cache_is(monkeypatch, tmp_path):
    monkeypatch.delenv("TRM_EXPLORE_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert sudoku.cache_folder() == tmp_path / "trm_explore"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert sudoku.cache_folder() == tmp_path / ".cache" / "trm_explore"


# People's files


def test_csv_with_bom_any_order_and_more_columns(tmp_path):
    questions, answers = some(9, 12, 40)
    lines = ["Answer,rating, QUESTION ,source"]  # the mark stands right before a name that is needed
    lines += [f"{text(answer)},3,{text(question)},me" for question, answer in zip(questions, answers, strict=True)]
    path = tmp_path / "mine.csv"
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(lines).encode() + b"\r\n\r\n")
    task = SudokuTask(9, data=str(path))
    batch = task.load(str(path))
    assert np.array_equal(batch["inputs"], task.encode(questions))
    assert np.array_equal(batch["labels"], task.encode(answers))
    assert len(task.held_out(100)["inputs"]) == 1
    sampled = task.sample(50, np.random.default_rng(0))
    assert task.check(sampled["inputs"], sampled["labels"]).all()
    assert not keys(task.held_out(100), task) & keys(task.sample(500, np.random.default_rng(0)), task)


@pytest.mark.parametrize("size", BOXES)
def test_text_files_are_answered_by_our_solver(tmp_path, size):
    questions, answers = some(size, 12, {4: 6, 6: 16, 9: 40}[size])
    path = tmp_path / "mine.txt"
    path.write_text("# my puzzles\n\n" + "\n".join(text(q).replace(".", "0") for q in questions) + "\n")
    task = SudokuTask(size, data=str(path))
    batch = task.load(str(path))
    assert np.array_equal(task.decode(batch["inputs"]), questions)
    assert np.array_equal(task.decode(batch["labels"]), answers)


def test_the_tenth_is_seeded_and_grouped(tmp_path):
    questions, answers = some(6, 60, 12)
    copies = augment(questions, answers, np.random.default_rng(0), 6)
    both = [np.concatenate(pair) for pair in ((questions, copies[0]), (answers, copies[1]))]
    path = tmp_path / "mine.csv"
    path.write_text(csv_text(*both) + csv_text(*both).partition("\n")[2])  # everything twice: duplicates are dropped
    tasks = [SudokuTask(6, data=str(path), seed=seed) for seed in (0, 0, 1)]
    held = [keys(task.held_out(1000), task) for task in tasks]
    assert held[0] == held[1] != held[2]
    for task, one in zip(tasks, held, strict=True):
        assert not one & keys(task.sample(5000, np.random.default_rng(0)), task)
        assert len(task.held_out(1000)["inputs"]) == 12 and len(task._train[0]) == 108 and task.dropped == 0


def test_one_tenth():
    assert one_tenth(np.array([1, 2], dtype=np.uint64), 0).sum() == 1
    crowd = np.array([7] * 30 + [8] * 2, dtype=np.uint64)
    assert (one_tenth(crowd, 0) == (crowd == 8)).all()
    crowd = np.array([7] * 30 + [8] * 20, dtype=np.uint64)  # none fits a tenth: the smallest
    assert (one_tenth(crowd, 0) == (crowd == 8)).all()
    assert one_tenth(np.arange(1000, dtype=np.uint64), 3).sum() == 100


def test_split_column_and_dropped_copies(tmp_path):
    questions, answers = some(6, 12, 14)
    copy = augment(questions[10:11], answers[10:11], np.random.default_rng(0), 6)
    path = tmp_path / "mine.csv"
    split = ["train"] * 9 + [" Test ", "eval", "VALIDATION", "train"]
    path.write_text(csv_text(np.concatenate([questions, copy[0]]), np.concatenate([answers, copy[1]]), split))
    task = SudokuTask(6, data=str(path))
    assert task.dropped == 1 and len(task._train[0]) == 9
    held = {text(question) for question in task.decode(task.held_out(99)["inputs"])}
    assert held == {text(question) for question in questions[9:]}


def test_eval_data_is_held_out_whole(tmp_path):
    questions, answers = some(9, 12, 40)
    (tmp_path / "train.csv").write_text(csv_text(questions, answers))
    (tmp_path / "eval.txt").write_text("\n".join(text(question) for question in questions[8:]))
    task = SudokuTask(9, data=str(tmp_path / "train.csv"), eval_data=str(tmp_path / "eval.txt"))
    assert task.dropped == 4 and len(task._train[0]) == 8 and len(task.held_out(99)["inputs"]) == 4
    both = str(tmp_path / "eval.txt")
    assert "only copies of the puzzles held out" in error_of(SudokuTask, 9, data=both, eval_data=both)


def test_difficulty_filters_a_file(tmp_path):
    path = tmp_path / "mine.csv"
    rows = [np.concatenate(pair) for pair in zip(some(9, 12, 40), some(9, 6, 34), strict=True)]
    path.write_text(csv_text(*rows))
    task = SudokuTask(9, data=str(path), difficulty="medium")
    assert len(task._train[0]) + len(task._held_out[0]) == 6
    sentence = error_of(SudokuTask, 9, data=str(path), difficulty="hard")
    assert "mine.csv' has no puzzle with 26 to 31 givens, as the difficulty wants: use difficulty any." in sentence


def test_long_files_are_prepared_with_progress_and_in_pieces(tmp_path, monkeypatch):
    monkeypatch.setattr(sudoku, "AT_ONCE", 10)
    monkeypatch.setattr(puzzle_file, "CHUNK", 7)
    questions, answers = some(9, 60, 45)
    path = tmp_path / "mine.txt"
    path.write_text("\n".join(text(question) for question in questions))
    task = SudokuTask(9, data=str(path))
    assert list(task.prepare()) == [(50, 60), (60, 60), (60, 60)]
    assert list(task.prepare()) == []
    assert np.array_equal(task.load(str(path))["labels"], task.encode(answers))


Q4, A4 = ".24.3......44.3.", "1243342123144132"
WRONG_FILES = [
    ("", "has no puzzles in it: give a CSV file with the columns question and answer, or a text file"),
    ("# only a remark\n", "has no puzzles in it"),
    ("question,answer\n", "has no puzzles in it"),
    (
        "quest,answer\n1,2\n",
        "line 1: it has no column question (or puzzle, quizzes, input, problem); its columns are 'quest', 'answer'",
    ),
    (
        f"question,answer\n{Q4},{A4}\n{Q4[:-1]},{A4}\n",
        "mine.csv, line 3, question: The puzzle has 15 cells, but 16 (4x4)",
    ),
    (f"question,answer\n{Q4},{A4[1:]}\n", "mine.csv, line 2, answer: The puzzle has 15 cells"),
    (
        f"question,answer\n{'.' * 36},{'.' * 36}\n",
        "line 2, question: The puzzle has 36 cells, but sudoku4 needs 16: use task sudoku6",
    ),
    (
        f"question,answer\n\n{Q4},{A4}\nk{Q4[1:]},{A4}\n",
        "line 4, question: The puzzle has 'k' in row 1 column 1, but only 1 to 4",
    ),
    (f"question,answer\n\u00e4{Q4[1:]},{A4}\n", "line 2, question: The puzzle has '\u00e4' in row 1 column 1"),
    (
        f"question,answer\n{Q4}\n",
        "mine.csv, line 2: it has 1 columns, but the first row names 2: complete or remove it.",
    ),
    (
        f"question,answer\n{Q4},2143342123144132\n",
        "line 2: The answer does not solve its question (row 1 column 2 is 2 in the question and 1 in the answer)",
    ),
    (
        f"question,answer\n{Q4},.243342123144132\n",
        "line 2: The answer does not solve its question (the answer leaves 1 cells blank)",
    ),
    (
        f"question,answer\n{Q4},3243342123144132\n",
        "line 2: The answer does not solve its question (3 stands twice in row 1)",
    ),
    (
        f"question,answer,split\n{Q4},{A4},dev\n",
        "line 2: split is 'dev', but only train and test, eval, val, validation are allowed.",
    ),
    (
        f"question,answer,split\n{Q4},{A4},train\n",
        "has no puzzle with split test: mark some, or remove the column split.",
    ),
    (f"question,answer,split\n{Q4},{A4},test\n", "has no puzzle with split train"),
    (
        f"question,answer\n{Q4},{A4}\n{Q4},{A4}\n",
        "has one puzzle only (symmetric copies do not count), but one to train on and one to evaluate on are needed",
    ),
    (f'question,answer\n{Q4},"{"1" * 200_000}"\n', "mine.csv, line 2: it has more than 100,000 characters"),
]


@pytest.mark.parametrize(("content", "sentence"), WRONG_FILES)
def test_wrong_csv_files(tmp_path, content, sentence):
    path = tmp_path / "mine.csv"
    path.write_text(content, encoding="utf-8")
    found = error_of(SudokuTask, 4, data=str(path))
    assert sentence in found and "mine.csv" in found


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (f"{Q4}\n\n12345\n", "mine.txt, line 3: The puzzle has 5 cells"),
        (f"{Q4}\n{Q4[:-1]}7\n", "mine.txt, line 2: The puzzle has '7' in row 4 column 4"),
        (
            f"# x\n{Q4}\n{'.' * 16}\n",
            "mine.txt, line 3: The puzzle has more than one solution, but exactly one is needed: correct it",
        ),
        (f"{Q4}\n11{'.' * 14}\n", "mine.txt, line 2: The puzzle breaks a rule: 1 stands twice in row 1"),
        ("12....3.........\n...4..3.12......\n", "has no solution, but exactly one is needed"),
    ],
)
def test_wrong_text_files(tmp_path, content, sentence):
    path = tmp_path / "mine.txt"
    path.write_text(content)
    assert sentence in error_of(SudokuTask, 4, data=str(path))
    assert sentence in error_of(SudokuTask(4).load, str(path))


def test_files_that_cannot_be_read(tmp_path, monkeypatch):
    assert "There is no file '/no/such.csv': give a CSV file" in error_of(SudokuTask, 4, data="/no/such.csv")
    assert "is a folder, not a file" in error_of(SudokuTask, 4, data=str(tmp_path))
    path = tmp_path / "mine.csv"
    path.write_bytes(b"question,answer\n\xff\xfe")
    assert "is not UTF-8 text (it has a byte 0xff in line 2): save it as UTF-8." in error_of(
        SudokuTask, 4, data=str(path)
    )

    def refuse(*args, **options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", refuse)
    assert "cannot be read (Permission denied)" in error_of(SudokuTask, 4, data="locked.csv")
