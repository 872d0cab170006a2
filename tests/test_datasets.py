"""Reading published data folders: the arrays as they are, passes over groups, and one sentence for what is broken."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trm_explore.data import folder as reading
from trm_explore.data.folder import is_published, read_identifiers, read_part
from trm_explore.data.labels import IGNORE
from trm_explore.data.passes import Passes
from trm_explore.data.ratings import by_rating

PUZZLES = [2, 1, 3, 1, 1]  # examples of each puzzle
GROUPS = [2, 1, 2]  # puzzles of each group


def write_part(here: Path, **changes) -> Path:
    """A part as the published builders write it, by plain NumPy; `changes` replace arrays and fields of dataset.json
    (None leaves one out)."""
    here.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    n = sum(PUZZLES)
    arrays = {
        "inputs": rng.integers(1, 7, (n, 4)),  # int64, as augmented Sudokus are published
        "labels": rng.integers(0, 7, (n, 4)).astype(np.uint8),
        "puzzle_identifiers": np.arange(len(PUZZLES), dtype=np.int32),
        "puzzle_indices": np.cumsum([0, *PUZZLES]).astype(np.int32),
        "group_indices": np.cumsum([0, *GROUPS]).astype(np.int32),
    }
    said = {
        "pad_id": 0,
        "ignore_label_id": 0,
        "blank_identifier_id": 0,
        "vocab_size": 7,
        "seq_len": 4,
        "num_puzzle_identifiers": len(PUZZLES),
        "total_groups": len(GROUPS),
        "mean_puzzle_examples": n / len(PUZZLES),
        "total_puzzles": len(PUZZLES),
        "sets": ["all"],
    }
    for name, value in changes.items():
        (arrays if name in arrays or name == "ratings" else said)[name] = value
    for name, array in arrays.items():
        if array is not None:
            np.save(here / f"all__{name}.npy", array, allow_pickle=True)
    (here / "dataset.json").write_text(json.dumps({name: v for name, v in said.items() if v is not None}))
    return here


@pytest.fixture
def data(tmp_path):
    write_part(tmp_path / "train")
    return tmp_path


def test_a_batch_is_what_the_arrays_hold(data):
    part = read_part(data, "train")
    rows = np.array([7, 0, 4, 4])
    batch = part.batch(rows)
    inputs, labels = (np.load(data / "train" / f"all__{name}.npy")[rows] for name in ("inputs", "labels"))
    assert np.array_equal(batch["inputs"], inputs)
    assert np.array_equal(batch["labels"], np.where(labels == 0, IGNORE, labels.astype(int)))
    assert (batch["labels"] == IGNORE).any()
    assert batch["puzzle_identifiers"].tolist() == [4, 0, 2, 2]  # puzzles own 2, 1, 3, 1 and 1 examples
    assert {value.dtype for value in batch.values()} == {np.dtype(np.int64)}
    assert (part.examples, part.groups, part.ratings) == (8, 3, None)


def test_tokens_stay_on_the_disk(data):
    part = read_part(data, "train")
    assert isinstance(part.inputs, np.memmap) and isinstance(part.labels, np.memmap)


@pytest.mark.parametrize("ignore", [None, 3])
def test_the_ignored_label_is_the_one_that_dataset_json_names(data, ignore):
    write_part(data / "train", ignore_label_id=ignore)
    labels = np.load(data / "train" / "all__labels.npy").astype(int)
    read = read_part(data, "train").batch(np.arange(8))["labels"]
    assert np.array_equal(read, np.where(labels == ignore, IGNORE, labels) if ignore else labels)


def test_a_negative_ignored_label_is_no_fault_and_other_negative_ones_are(data):
    labels = np.full((8, 4), 2)
    labels[3, 1] = IGNORE
    write_part(data / "train", labels=labels, ignore_label_id=IGNORE)
    part = read_part(data, "train")
    assert list(part.check_tokens()) == [(8, 8)] and part.batch(np.array([3]))["labels"].tolist() == [[2, IGNORE, 2, 2]]
    write_part(data / "train", labels=labels)
    with pytest.raises(ValueError, match="example 3 has -100 at position 1"):
        list(read_part(data, "train").check_tokens())


def test_ratings_are_read_where_they_are(data):
    write_part(data / "train", ratings=np.arange(8, dtype=np.float32))
    assert read_part(data, "train").ratings.tolist() == list(range(8))


def test_the_check_sees_every_token_however_it_is_cut(data, monkeypatch):
    monkeypatch.setattr(reading, "AT_ONCE", 12)  # three rows at a time
    assert list(read_part(data, "train").check_tokens()) == [(3, 8), (6, 8), (8, 8)]
    for row in range(8):
        inputs = np.ones((8, 4), dtype=np.uint8)
        inputs[row, 2] = 7
        write_part(data / "train", inputs=inputs)
        with pytest.raises(ValueError, match=f"all__inputs.npy: example {row} has 7 at position 2, outside the vocab"):
            list(read_part(data, "train").check_tokens())
        assert (
            list(read_part(data, "train").check_tokens(most=row))
            == [(min(d, row), row) for d in (3, 6, 9)][: -(-row // 3)]
        )


def test_identifiers_are_names_by_number(data):
    assert read_identifiers(data) == []
    (data / "identifiers.json").write_text('["<blank>", "a"]')
    assert read_identifiers(data) == ["<blank>", "a"]
    for text in ("{}", "[1]", "["):
        (data / "identifiers.json").write_text(text)
        with pytest.raises(ValueError, match="identifiers.json"):
            read_identifiers(data)


def test_what_is_taken_for_such_a_folder(tmp_path):
    assert not is_published(tmp_path) and not is_published(tmp_path / "nothing")
    (tmp_path / "train").mkdir()
    assert not is_published(tmp_path)  # anything may have a folder of that name
    (tmp_path / "test").mkdir()
    assert is_published(tmp_path)
    write_part(tmp_path / "other" / "test")
    assert is_published(tmp_path / "other")


BROKEN = {
    "no folder": (
        lambda f: (f / "train").rename(f / "x"),
        "there is no {}/train/dataset.json; a published data folder",
    ),
    "no inputs": (
        lambda f: write_part(f / "train") and (f / "train" / "all__inputs.npy").unlink(),
        "has no all__inputs",
    ),
    "no groups": (lambda f: (f / "train" / "all__group_indices.npy").unlink(), "train has no all__group_indices.npy"),
    "no JSON": (lambda f: (f / "train" / "dataset.json").write_text("{"), "dataset.json is not JSON that can be read"),
    "a list": (lambda f: (f / "train" / "dataset.json").write_text("[]"), "must hold one JSON object, not list"),
    "no vocabulary": ({"vocab_size": None}, "dataset.json has no vocab_size; it must have vocab_size, seq_len"),
    "half a length": ({"seq_len": 4.5}, "seq_len=4.5 must be a whole number"),
    "a text": ({"ignore_label_id": "0"}, "ignore_label_id='0' must be a whole number"),
    "two sets": ({"sets": ["all", "b"]}, "sets=['all', 'b']; only ['all'] is read here"),
    "another length": ({"seq_len": 5}, "all__inputs.npy has shape (8, 4); it must be (examples, 5)"),
    "fewer labels": ({"labels": np.ones((7, 4), int)}, "has 8 inputs, but 7 labels"),
    "a flat array": ({"labels": np.ones(32, int)}, "all__labels.npy has shape (32,)"),
    "no examples": ({"inputs": np.ones((0, 4), int)}, "all__inputs.npy has shape (0, 4)"),
    "fractions": ({"inputs": np.ones((8, 4))}, "all__inputs.npy has type float64; it must hold whole numbers"),
    "objects": ({"inputs": np.array([[{}] * 4] * 8)}, "all__inputs.npy is not a whole plain NumPy array"),
    "half a file": (lambda f: cut(f / "train" / "all__labels.npy"), "all__labels.npy is not a whole plain NumPy array"),
    "an empty file": (lambda f: (f / "train" / "all__inputs.npy").write_bytes(b""), "all__inputs.npy is not a whole"),
    "a late start": ({"puzzle_indices": np.array([1, 2, 3, 6, 7, 8])}, "puzzle_indices.npy: entry 0 is 1; the entries"),
    "a step back": ({"puzzle_indices": np.array([0, 2, 1, 6, 7, 8])}, "entry 2 is 1"),
    "an empty puzzle": ({"puzzle_indices": np.array([0, 2, 2, 6, 7, 8])}, "entry 2 is 2"),
    "an end too far": ({"puzzle_indices": np.array([0, 2, 3, 6, 7, 9])}, "entry 5 is 9; the entries must start at 0"),
    "too few puzzles": ({"puzzle_indices": np.array([0, 2, 8])}, "puzzle_indices.npy has 3 entries; it must have 6"),
    "groups too far": ({"group_indices": np.array([0, 2, 6])}, "group_indices.npy: entry 2 is 6"),
    "no groups in it": ({"group_indices": np.array([0])}, "group_indices.npy has 1 entries; it must have 2"),
    "a square of groups": ({"group_indices": np.zeros((2, 2), int)}, "it must have one dimension"),
    "an identifier": ({"puzzle_identifiers": np.array([0, 1, 5, 2, 3])}, "puzzle 2 has 5; dataset.json allows 0 to 4"),
    "below zero": ({"puzzle_identifiers": np.array([0, 1, -1, 2, 3])}, "puzzle 2 has -1"),
    "few ratings": ({"ratings": np.ones(3)}, "all__ratings.npy has shape (3,); it must be (8,)"),
    "words": ({"ratings": np.array(["a"] * 8)}, "all__ratings.npy is not a whole plain NumPy array: its type is '<U1'"),
}


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-5])


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_folder_is_one_sentence(data, what):
    spoil, fragment = BROKEN[what]
    if callable(spoil):
        spoil(data)
    else:
        write_part(data / "train", **spoil)
    with pytest.raises(ValueError) as error:
        read_part(data, "train")
    assert fragment.format(data) in str(error.value) and "\n" not in str(error.value)
    assert str(data) in str(error.value)


# ---- passes


def offsets(sizes) -> np.ndarray:
    return np.cumsum([0, *sizes])


folders = st.lists(
    st.lists(st.integers(1, 4), min_size=1, max_size=4), min_size=1, max_size=6
)  # groups of puzzle sizes


@given(folders, st.integers(0, 100), st.integers(1, 60))
def test_a_pass_takes_every_group_once_and_all_examples_of_one_of_its_puzzles(groups, seed, n):
    sizes = [size for group in groups for size in group]
    puzzle_indices, group_indices = offsets(sizes), offsets([len(group) for group in groups])
    rows = Passes(puzzle_indices, group_indices, seed).rows(0, n).tolist()
    assert len(rows) == n
    while rows:  # pass by pass, puzzle by puzzle
        left = set(range(len(groups)))
        while left and rows:
            puzzle = int(np.searchsorted(puzzle_indices, rows[0], side="right")) - 1
            group = int(np.searchsorted(group_indices, puzzle, side="right")) - 1
            assert group in left
            left.remove(group)
            own = set(range(puzzle_indices[puzzle], puzzle_indices[puzzle + 1]))
            taken, rows = rows[: len(own)], rows[len(own) :]
            assert set(taken) == own if len(taken) == len(own) else set(taken) < own and len(set(taken)) == len(taken)


@given(folders, st.integers(0, 40), st.lists(st.integers(0, 15), max_size=6))
def test_where_the_stream_is_cut_changes_nothing(groups, first, pieces):
    arrays = offsets([size for group in groups for size in group]), offsets([len(group) for group in groups])
    at, parts, passes = first, [], Passes(*arrays, seed=3)
    for n in pieces:
        parts.append(passes.rows(at, n))
        at += n
    whole = Passes(*arrays, seed=3).rows(first, sum(pieces))  # as after resuming: it has not seen what came before
    assert np.array_equal(np.concatenate([*parts, whole[:0]]), whole)


def test_passes_differ_and_follow_the_seed_and_choose_every_puzzle():
    arrays = offsets([1] * 40), offsets([4] * 10)  # ten groups of four copies
    rows = Passes(*arrays, seed=0).rows(0, 4000).reshape(400, 10)
    assert not np.array_equal(rows[0], rows[1]) and len(np.unique(rows)) == 40
    counts = np.bincount(rows.ravel(), minlength=40)  # each copy a quarter of 400 passes
    assert counts.min() > 60 and counts.max() < 140
    assert not np.array_equal(rows[0], Passes(*arrays, seed=1).rows(0, 10))


def test_the_examples_of_a_puzzle_come_in_every_order():
    rows = Passes(offsets([3]), offsets([1]), seed=0).rows(0, 300).reshape(100, 3)
    assert len({tuple(row) for row in rows.tolist()}) == 6


# ---- ratings


def test_few_ratings_are_bands_of_their_own():
    exact = np.array([[True, False, True, True], [True, True, True, False]])
    bands = by_rating(np.array([2.0, 0.0, 2.0, 0.5]), exact)
    assert [(band.low, band.high, band.count) for band in bands] == [(0, 0, 1), (0.5, 0.5, 1), (2, 2, 2)]
    assert [band.exact_accuracy for band in bands] == [[0, 1], [1, 0], [1, 1]]


@given(st.lists(st.integers(0, 60), min_size=1, max_size=200), st.integers(1, 9), st.randoms(use_true_random=False))
def test_bands_hold_every_puzzle_once_and_equal_ratings_together(ratings, most, random):
    ratings = np.array(ratings, dtype=np.float32)
    exact = np.array([[random.random() < 0.5 for _ in ratings] for _ in range(2)])
    bands = by_rating(ratings, exact, most)
    assert 1 <= len(bands) <= most and sum(band.count for band in bands) == len(ratings)
    assert all(before.high < after.low for before, after in zip(bands, bands[1:], strict=False))
    total = sum(np.array(band.exact_accuracy) * band.count for band in bands)
    assert np.allclose(total, exact.sum(1))  # weighted by their counts the bands give the whole
    if len(np.unique(ratings)) == len(ratings) > most:  # then they are about equally large
        assert max(band.count for band in bands) - min(band.count for band in bands) <= 1


def test_ratings_of_another_number_of_puzzles_are_refused():
    with pytest.raises(ValueError, match=re.escape("ratings have shape (3,) and answers (1, 2)")):
        by_rating(np.zeros(3), np.zeros((1, 2), dtype=bool))
