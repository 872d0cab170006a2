"""The task embeddings: its files, its order, its split, its baselines, against brute force."""

import os
import pickle
import re
import weakref

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from trm_explore.data import embedding_files
from trm_explore.data.embedding_files import ChunkReader, ChunkWriter, chunk_paths, read_chunk, write_chunks
from trm_explore.tasks.embeddings.rows import RowSet, Sums
from trm_explore.tasks.embeddings.task import EmbeddingsTask

WIDTH, ROWS = 6, 4


def separate(count, seed=0, rows=ROWS, width=WIDTH):
    """Windows that share no vector."""
    return np.random.default_rng(seed).standard_normal((count, rows, width)).astype(np.float32)


def sliding(count, seed=0):
    """Windows of one long row of vectors, each one vector further."""
    row = np.random.default_rng(seed).standard_normal((count + ROWS - 1, WIDTH)).astype(np.float32)
    return np.stack([row[i : i + ROWS] for i in range(count)])


@pytest.fixture
def folder(tmp_path):
    """folder(windows, val=None, chunk_size=5) -> the path of a folder of chunks."""

    def make(windows, val=None, chunk_size=5, name="chunks"):
        write_chunks(tmp_path / name, "train", windows, chunk_size)
        if val is not None:
            write_chunks(tmp_path / name, "val", val, chunk_size)
        return str(tmp_path / name)

    return make


def epoch_of(task, epoch=0):
    n = task.train_windows
    return task.draw(n, np.random.default_rng(0), epoch * n)["labels"]


def as_set(labels):
    return {window.tobytes() for window in np.ascontiguousarray(labels)}


# ---- files


def test_chunks_are_read_in_the_order_of_their_numbers(tmp_path):
    for number in (10, 2, 0, 1):
        torch.save([torch.full((ROWS, WIDTH), float(number))], tmp_path / f"train_embeddings_chunk_{number}.pt")
    (tmp_path / "train_embeddings_chunk_x.pt").touch()
    (tmp_path / "train_embeddings_chunk_3.pt.bak").touch()
    chunks = ChunkReader(chunk_paths(tmp_path, "train"))
    assert [int(chunks[i][0, 0, 0]) for i in range(len(chunks))] == [0, 1, 2, 10]


def test_what_is_written_is_the_guides_format_and_is_read_again(folder):
    windows = separate(12)
    paths = chunk_paths(folder(windows), "train")
    assert [path.name for path in paths] == [f"train_embeddings_chunk_{n}.pt" for n in range(3)]
    lists = [torch.load(path, weights_only=True) for path in paths]
    assert [len(windows) for windows in lists] == [5, 5, 2] and all(type(windows) is list for windows in lists)
    first = lists[0][0]
    assert first.shape == (ROWS, WIDTH) and first.dtype == torch.float32
    assert first.untyped_storage().nbytes() == first.numel() * 4  # a window drags no others into memory
    np.testing.assert_array_equal(np.concatenate([read_chunk(path) for path in paths]), windows)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_floating_types_are_cast(tmp_path, dtype):
    path = tmp_path / "train_embeddings_chunk_0.pt"
    torch.save([torch.ones(ROWS, WIDTH, dtype=dtype, requires_grad=True)], path)
    assert read_chunk(path).dtype == np.float32


def test_files_in_torchs_older_format_are_read(tmp_path):
    path = tmp_path / "train_embeddings_chunk_0.pt"
    torch.save([torch.ones(ROWS, WIDTH)], path, _use_new_zipfile_serialization=False)
    assert read_chunk(path).shape == (1, ROWS, WIDTH)


class Trap:
    """A pickle that would make a folder where it is loaded."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


def nan_window():
    window = torch.zeros(ROWS, WIDTH)
    window[2, 1] = float("nan")
    return window


GOOD = torch.zeros(ROWS, WIDTH)
BAD_CHUNKS = {
    "dict": ({"a": GOOD}, "holds a dict and not a list of tensors"),
    "tensor": (torch.zeros(2, ROWS, WIDTH), "holds a Tensor and not a list"),
    "empty": ([], "is an empty list"),
    "number": ([GOOD, 3.0], "window 1 is a float and not a tensor"),
    "integers": ([GOOD.long()], "window 0 is a tensor of int64"),
    "flat": ([GOOD, GOOD[0]], "window 1 is a tensor of float32 with shape (6,)"),
    "one row": ([GOOD[:1]], "needs at least 2 vectors"),
    "mixed width": ([GOOD, GOOD[:, :3]], "window 1 has shape (4, 3) where (4, 6) is needed"),
    "mixed length": ([GOOD, GOOD[:3]], "window 1 has shape (3, 6) where (4, 6) is needed"),
    "nan": ([GOOD, GOOD, nan_window()], "window 2 holds a number that is not finite"),
    "infinite": ([GOOD / 0 + 1, GOOD + float("inf")], "window 0 holds a number that is not finite"),
    "too large": ([torch.full((ROWS, WIDTH), 1e300, dtype=torch.float64)], "not finite"),
    "sparse": ([GOOD.to_sparse()], "window 0 is a tensor"),
}


@pytest.mark.parametrize("name", BAD_CHUNKS)
def test_a_chunk_that_is_no_list_of_windows_is_refused_with_file_and_reason(tmp_path, name):
    held, reason = BAD_CHUNKS[name]
    torch.save(held, tmp_path / "train_embeddings_chunk_7.pt")
    with pytest.raises(ValueError, match=rf"train_embeddings_chunk_7\.pt.*{re.escape(reason)}") as error:
        EmbeddingsTask(str(tmp_path))
    assert "\n" not in str(error.value)


def test_a_pickle_that_carries_code_is_refused_and_not_run(tmp_path):
    path, sprung = tmp_path / "train_embeddings_chunk_0.pt", tmp_path / "sprung"
    for save in (torch.save, lambda held, path: path.write_bytes(pickle.dumps(held))):
        save([Trap(sprung)], path)
        with pytest.raises(ValueError, match=r"chunk_0\.pt.*could run code and so is not loaded") as error:
            read_chunk(path)
        assert not sprung.exists() and "\n" not in str(error.value)


@pytest.mark.parametrize("damage", [b"", b"no chunk at all", None])
def test_a_damaged_file_is_named(folder, damage):
    (path,) = chunk_paths(folder(separate(3)), "train")
    path.write_bytes(path.read_bytes()[:-100] if damage is None else damage)
    with pytest.raises(ValueError, match=r"train_embeddings_chunk_0\.pt is damaged"):
        read_chunk(path)


def test_files_of_different_width_do_not_go_together(folder, tmp_path):
    path = folder(separate(3))
    torch.save([torch.zeros(ROWS, WIDTH + 1)], tmp_path / "chunks" / "train_embeddings_chunk_1.pt")
    with pytest.raises(ValueError, match=r"chunk_1\.pt, window 0 has shape \(4, 7\) where \(4, 6\) is needed"):
        list(EmbeddingsTask(path).prepare())


def test_folders_that_are_none_are_refused_in_one_sentence(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "empty").mkdir()
    for data, reason in (
        ("", "names no folder"),
        (str(tmp_path / "nowhere"), "there is no folder"),
        (str(tmp_path / "file"), "is a file, not a folder"),
        (str(tmp_path / "empty"), "holds no train_embeddings_chunk_N.pt"),
    ):
        with pytest.raises(ValueError, match=reason) as error:
            EmbeddingsTask(data)
        assert "\n" not in str(error.value)


def test_a_failing_writer_leaves_nothing(tmp_path):
    def windows():
        yield from separate(7)
        raise KeyError("the encoder broke")

    for there in (False, True):
        if there:
            (tmp_path / "new").mkdir()
        with pytest.raises(KeyError):
            write_chunks(tmp_path / "new", "train", windows(), 3)
        assert (tmp_path / "new").exists() == there
    assert not list((tmp_path / "new").iterdir())


def test_no_chunk_has_its_name_before_all_are_written(tmp_path):
    with ChunkWriter(tmp_path, "train", 2) as chunks:
        for window in separate(5):
            chunks.add(window)
            assert not chunk_paths(tmp_path, "train")
    assert len(chunk_paths(tmp_path, "train")) == 3 and len(list(tmp_path.iterdir())) == 3


def test_a_folder_that_holds_chunks_is_not_written_over(folder):
    path = folder(separate(3))
    with pytest.raises(ValueError, match=r"already holds train_embeddings_chunk_0\.pt"):
        write_chunks(path, "train", separate(3, 1))
    np.testing.assert_array_equal(read_chunk(chunk_paths(path, "train")[0]), separate(3))


@pytest.mark.parametrize("own", [False, True])
def test_memory_holds_one_chunk_and_not_the_folder(folder, monkeypatch, own):
    path = folder(separate(40), separate(15, 1) if own else None)
    seen = []

    def counted(path, shape=None):
        assert not [ref for ref in seen if ref() is not None], f"{path} is read while another chunk is alive"
        chunk = read_chunk(path, shape)
        seen.append(weakref.ref(chunk))
        return chunk

    monkeypatch.setattr(embedding_files, "read_chunk", counted)
    task = EmbeddingsTask(path)
    for _ in task.prepare():
        pass
    batches = [task.held_out(10), epoch_of(task), task.draw(7, None, 20), task.sample(9, np.random.default_rng(0))]
    assert len(seen) > 20 and len(batches) == 4
    assert sum(ref() is not None for ref in seen) <= 1


# ---- batches and their order


def test_each_vector_predicts_the_next_and_inputs_have_unit_size(folder):
    windows = 50 * separate(20)
    task = EmbeddingsTask(folder(windows))
    assert (task.rows, task.cols, task.seq_len) == (1, ROWS - 1, ROWS - 1)
    assert task.vocab_size == task.input_size == WIDTH
    batch = task.held_out(2)
    assert as_set(batch["labels"]) == as_set(windows[18:, 1:])
    for inputs, labels in zip(batch["input_embeddings"], batch["labels"], strict=True):
        (window,) = [window for window in windows if (window[1:] == labels).all()]
        for vector, raw in zip(inputs, window[:-1], strict=True):
            np.testing.assert_allclose(vector, raw / np.sqrt((raw**2).sum() / WIDTH), rtol=1e-5)
    assert batch["input_embeddings"].dtype == batch["labels"].dtype == np.float32


def test_a_vector_of_zeros_stays_one(folder):
    windows = separate(20)
    windows[:, 0] = 0
    batch = EmbeddingsTask(folder(windows), eval_data=folder(separate(3, 1), name="other")).draw(3, None, 0)
    assert not batch["input_embeddings"][:, 0].any() and np.isfinite(batch["input_embeddings"]).all()


def test_an_epoch_has_every_training_window_once_and_each_epoch_its_own_order(folder):
    windows = separate(50)
    task = EmbeddingsTask(folder(windows, chunk_size=7))
    assert task.train_windows == 45
    first, second = epoch_of(task), epoch_of(task, 1)
    assert as_set(first) == as_set(second) == as_set(windows[:45, 1:])
    assert not np.array_equal(first, second)
    assert not np.array_equal(first, windows[:45, 1:])
    assert not np.array_equal(epoch_of(EmbeddingsTask(task.data, seed=1)), first)


def test_in_each_epoch_the_windows_of_a_chunk_come_in_another_order(folder):
    task = EmbeddingsTask(folder(separate(40), chunk_size=40))  # one chunk: nothing else can be shuffled
    assert len({epoch_of(task, epoch).tobytes() for epoch in range(4)}) == 4


@pytest.fixture(scope="module")
def fifty(tmp_path_factory):
    path = tmp_path_factory.mktemp("fifty") / "chunks"
    write_chunks(path, "train", separate(50), 7)
    task = EmbeddingsTask(str(path))
    return task, task.draw(135, None, 0)["labels"]


@given(sizes=st.lists(st.integers(1, 30), max_size=9), skip=st.integers(0, 60))
def test_batches_go_on_where_the_last_one_stopped_whatever_their_size(fifty, sizes, skip):
    task, whole = fifty
    drawn = skip
    for n in sizes:
        n = min(n, 135 - drawn)
        if n < 1:
            break
        rng = np.random.default_rng(n)
        np.testing.assert_array_equal(task.draw(n, rng, drawn)["labels"], whole[drawn : drawn + n])
        drawn += n


def test_a_new_task_of_the_same_seed_goes_on_in_the_same_order(fifty):
    task, whole = fifty
    np.testing.assert_array_equal(EmbeddingsTask(task.data).draw(40, None, 60)["labels"], whole[60:100])


# ---- the split


def test_the_last_tenth_is_held_out_and_no_vector_is_on_both_sides(folder):
    windows = sliding(60)
    task = EmbeddingsTask(folder(windows))
    held = task.held_out(99)["labels"]
    assert as_set(held) == as_set(windows[54:, 1:])
    held_rows = {row.tobytes() for row in windows[54:].reshape(-1, WIDTH)}
    clear = [w for w in windows[:54] if not any(row.tobytes() in held_rows for row in w)]
    assert as_set(epoch_of(task)) == as_set(np.stack(clear)[:, 1:])
    assert task.dropped == 54 - len(clear) == ROWS - 1
    assert task.train_windows == len(clear)


def test_val_chunks_decide_where_there_are_any_and_their_copies_are_dropped(folder):
    windows, val = separate(20), separate(6, 1)
    val[2, 1] = windows[4, 3]  # one vector of a held-out window also stands in a training window
    task = EmbeddingsTask(folder(windows, val))
    assert as_set(task.held_out(99)["labels"]) == as_set(val[:, 1:])
    assert task.dropped == 1
    assert as_set(epoch_of(task)) == as_set(np.delete(windows, 4, 0)[:, 1:])


def test_vectors_that_differ_by_half_precision_count_as_the_same(folder):
    windows, val = separate(20, width=64), separate(6, 1, width=64)
    windows[4, 3] = val[2, 1].astype(np.float16)
    windows[9, 0] = val[0, 0] * np.float32(1 + 1e-4)
    task = EmbeddingsTask(folder(windows, val))
    assert task.train_windows == 18 and task.dropped == 2


def test_a_second_folder_can_be_the_held_out_one(folder):
    task = EmbeddingsTask(folder(separate(20), separate(5, 1)), eval_data=folder(separate(8, 2), name="other"))
    assert as_set(task.held_out(99)["labels"]) == as_set(separate(8, 2)[:, 1:])
    assert task.train_windows == 20


@pytest.mark.parametrize("windows", [separate(1), sliding(4), np.repeat(separate(1), 30, 0)])
def test_where_nothing_is_left_to_train_on_one_sentence_says_so(folder, windows):
    with pytest.raises(
        ValueError, match="leaves nothing to train on: [0-9]+ windows are held out and [0-9]+ share"
    ) as e:
        list(EmbeddingsTask(folder(windows)).prepare())
    assert "\n" not in str(e.value)


def test_closing_the_preparation_half_way_leaves_nothing_behind(folder):
    task = EmbeddingsTask(folder(separate(40)))
    preparing = task.prepare()
    next(preparing)
    preparing.close()
    assert task.train_windows == 36
    assert not list(task.prepare())


def test_progress_only_grows_and_ends_at_its_total(folder):
    for val in (None, separate(7, 1)):
        steps = list(EmbeddingsTask(folder(separate(40), val, name=str(val is None))).prepare())
        assert [done for done, _ in steps] == sorted(done for done, _ in steps)
        assert steps[-1][0] == steps[-1][1] and len({total for _, total in steps}) == 1


def test_held_out_windows_are_spread_and_fewer_are_the_first_of_more(folder):
    task = EmbeddingsTask(folder(separate(10), separate(100, 1)))
    many, few = task.held_out(100), task.held_out(10)
    np.testing.assert_array_equal(many["labels"][:10], few["labels"])
    fresh = EmbeddingsTask(task.data)
    np.testing.assert_array_equal(fresh.held_out(10)["labels"], few["labels"])
    np.testing.assert_array_equal(fresh.held_out(100)["labels"], many["labels"])
    places = [int(np.flatnonzero((separate(100, 1)[:, 1:] == w).all((1, 2)))[0]) for w in few["labels"]]
    assert min(places) < 33 and max(places) > 66
    assert len(task.held_out(1000)["labels"]) == 100


@given(seed=st.integers(0, 10**6), width=st.integers(4, 200), scale=st.floats(1e-3, 1e3))
def test_a_row_is_found_again_within_half_precision_and_others_are_not(seed, width, scale):
    rng = np.random.default_rng(seed)
    rows = (scale * rng.standard_normal((20, width))).astype(np.float32)
    noise = 1 + 2**-11 * rng.uniform(-1, 1, rows.shape)  # what rounding to half precision does at most
    known = RowSet(width)
    assert not known.find(rows).any()
    known.add(rows[:10])
    assert known.find((rows * noise).astype(np.float32))[:10].all()
    known.add(rows[10:15])
    assert known.find(rows).tolist() == [True] * 15 + [False] * 5


# ---- baselines and pictures


@given(seed=st.integers(0, 10**6), count=st.integers(1, 9))
def test_the_error_of_a_constant_follows_from_sums(seed, count):
    rng = np.random.default_rng(seed)
    labels, constant = rng.normal(3, 2, (count, 3, WIDTH)).astype(np.float32), rng.standard_normal(WIDTH)
    sums = Sums(WIDTH)
    for window in labels:
        sums.add(window)
    np.testing.assert_allclose(sums.error_of(constant), np.mean((labels - constant) ** 2), rtol=1e-5)
    np.testing.assert_allclose(sums.mean, labels.mean((0, 1)), rtol=1e-5)


@pytest.mark.parametrize("own", [False, True])
def test_baselines_and_tolerance_are_those_of_brute_force(folder, own):
    windows, val = 3 + sliding(60), 1 + separate(11, 5)
    task = EmbeddingsTask(folder(windows, val if own else None))
    held = val if own else windows[54:]
    trained = windows if own else windows[:51]
    mean = trained[:, 1:].mean((0, 1), dtype=np.float64)
    expected = {
        "repeat the last": np.mean((held[:, 1:] - held[:, :-1]) ** 2),
        "predict the mean": np.mean((held[:, 1:] - mean) ** 2),
    }
    assert task.baselines() == pytest.approx(expected, rel=1e-5)
    assert task.tolerance == pytest.approx(held[:, 1:].var((0, 1)).mean() / 2, rel=1e-5)


def test_an_answer_is_right_where_it_explains_half_of_the_variance(folder):
    task = EmbeddingsTask(folder(separate(20), separate(6, 1)))
    batch = task.held_out(6)
    labels, size = batch["labels"], np.float32(np.sqrt(task.tolerance))
    for error, right in ((0.99, True), (1.01, False)):
        assert (task.check(batch["input_embeddings"], labels + error * size, labels) == right).all()
    assert task.answer_for_display(labels[0] + size, labels[0]) == pytest.approx(np.full((ROWS - 1, 1), 0.5), rel=1e-4)
    assert (task.answer_for_display(labels[0] + 9 * size, labels[0]) == 1).all() and not task.answer_for_display(
        labels[0], labels[0]
    ).any()
    assert np.isnan(task.answer_for_display(labels[0], None)).all()
    assert task.board() == {"kind": "heat", "rows": 1, "cols": 3, "symbols": [], "box": None, "range": [0, 1]}


def test_the_leaking_loop_says_so(folder):
    path = folder(separate(20))
    causal, leaking = EmbeddingsTask(path, causal=True), EmbeddingsTask(path, causal=False)
    assert not causal.loops_over_positions and leaking.loops_over_positions
    assert "leak" in leaking.title and "its own target included" in leaking.help
    assert "leak" not in causal.title + causal.help


def test_a_folder_is_loaded_for_evaluation_by_its_val_chunks_else_whole(folder):
    task = EmbeddingsTask(folder(separate(20), separate(6, 1)))
    assert as_set(task.load(task.data)["labels"]) == as_set(separate(6, 1)[:, 1:])
    assert len(task.load(folder(separate(9, 2), name="other"))["labels"]) == 9
    with pytest.raises(ValueError, match=r"has shape \(4, 5\) where \(4, 6\) is needed"):
        task.load(folder(separate(9, 2, width=5), name="narrow"))
