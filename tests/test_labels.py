"""data/labels.py: a puzzle without any label is left out of every mean, numerator and denominator."""

import json
import math
import shutil

import numpy as np
import pytest
import torch
from datasets_inputs import sudoku_rows, write_csv
from hypothesis import given
from hypothesis import strategies as st
from test_custom import FAST, Reverse, written

from trm_explore.analysis.thinking import accuracy_by_cycle, halting_by_puzzle
from trm_explore.cli import main
from trm_explore.config import RunConfig
from trm_explore.data.figures import Figures
from trm_explore.data.labels import IGNORE, labelled
from trm_explore.data.ratings import by_rating
from trm_explore.tasks import preset, resolve
from trm_explore.tasks.base import Task
from trm_explore.tasks.folder import FolderTask
from trm_explore.training import events as ev
from trm_explore.training import train
from trm_explore.training.evaluation import evaluate, evaluate_halting, scores_of
from trm_explore.training.losses import answer_loss, halting_loss, losses_by_depth
from trm_explore.training.update import Plan, forward_backward

N, L = 6, 16
NONE, ALL = [False] * L, [True] * L
# Which cells of which puzzles have a label: none, all, or any of them.
MASKS = st.lists(st.sampled_from([NONE, ALL]) | st.lists(st.booleans(), min_size=L, max_size=L), min_size=N, max_size=N)


class Plain(Task):
    """A made-up task in which every labelled cell has to be right."""

    rows = cols = 4
    sample = held_out = given = board = None  # not needed here


class ByRules(Plain):
    """One that judges whole answers without labels: the first cell has to be even."""

    has_rule_checker = True

    def check(self, inputs, answers, labels=None):
        return answers[:, 0] % 2 == 0


def puzzles_of(mask, seed=0):
    inputs, labels = np.random.default_rng(seed).integers(0, 6, (2, N, L))
    return {"inputs": inputs, "labels": np.where(mask, labels, IGNORE)}


def chosen(puzzles, rows):
    return {name: value[rows] for name, value in puzzles.items()}


def rows_with_label(puzzles):
    """Slow and plain."""
    return [i for i, row in enumerate(puzzles["labels"].tolist()) if any(cell != -100 for cell in row)]


def close(got, wanted):
    assert list(got) == pytest.approx(list(wanted), rel=1e-5, abs=1e-7)


@pytest.fixture(scope="module")
def model(make_model):
    """Its answers are often those of the puzzles, so that something is right."""
    model = make_model()
    with torch.no_grad():
        model.q_head.weight.mul_(30)
    return model


@given(MASKS)
def test_a_puzzle_is_labelled_where_any_cell_is(mask):
    puzzles = puzzles_of(mask)
    expected = [i in rows_with_label(puzzles) for i in range(N)]
    assert labelled(puzzles["labels"]).tolist() == expected
    assert labelled(torch.from_numpy(puzzles["labels"])).tolist() == expected
    numbers = np.full((N, L, 2), float(IGNORE))  # of numbers all are labels, -100.0 too
    assert labelled(numbers).all() and labelled(torch.from_numpy(numbers)).all()


# ---- evaluation


def means_by_hand(model, puzzles, step, H_cycles=3):
    """(loss, cells, exact) of a step, a labelled puzzle and a cell at a time."""
    rows = []
    for i in rows_with_label(puzzles):
        batch = {"inputs": torch.from_numpy(puzzles["inputs"][i : i + 1]), "board": (4, 4)}
        with torch.no_grad():
            cycles = list(model.cycles(model.initial_carry(batch), batch, H_cycles=H_cycles))
        p = cycles[step].logits[0].double().softmax(-1).numpy()
        cells = [(-math.log(p[j, y]), p[j].argmax() == y) for j, y in enumerate(puzzles["labels"][i]) if y != -100]
        rows.append([*np.mean(cells, axis=0), all(right for _, right in cells)])
    return np.mean(np.array(rows, dtype=float), axis=0)


def easier(model, puzzles):
    """The labels of every second puzzle become the model's own answers at the last step."""
    batch = {"inputs": torch.from_numpy(puzzles["inputs"]), "board": (4, 4)}
    with torch.no_grad():
        *_, last = model.cycles(model.initial_carry(batch), batch)
    labels, answers = puzzles["labels"].copy(), last.logits.argmax(-1).numpy()
    labels[::2] = np.where(labels[::2] == IGNORE, IGNORE, answers[::2])
    return puzzles | {"labels": labels}


@given(MASKS, st.integers(1, N + 1))
def test_evaluation_leaves_puzzles_without_a_label_out_of_every_mean(model, mask, batch_size):
    puzzles = easier(model, puzzles_of(mask))
    rows = rows_with_label(puzzles)
    if not rows:
        with pytest.raises(ValueError, match=r"^puzzles: none of the 6 puzzles has a label"):
            evaluate(model, Plain(), puzzles)
        return
    seen = []
    scores = scores_of(model, Plain(), puzzles, batch_size=batch_size, watch=lambda _, right, *more: seen.append(right))
    for step in (0, 2):
        close([x[step] for x in scores[:3]], means_by_hand(model, puzzles, step))
    right = np.concatenate(seen, axis=1)
    assert not right[:, [i for i in range(N) if i not in rows]].any()  # nothing is known to be right of those
    close(right.mean(1) * N / len(rows), scores.exact_accuracy)
    cycles = accuracy_by_cycle(model, Plain(), puzzles=puzzles, H_cycles=3, shape=(4, 4))
    assert cycles.puzzles == len(rows)
    close(cycles.exact_accuracy, scores.exact_accuracy)


@given(MASKS, st.sampled_from([0.1, 0.5, 0.9]), st.integers(1, N))
def test_halting_leaves_them_out_too(model, mask, threshold, batch_size):
    puzzles = easier(model, puzzles_of(mask))
    rows = rows_with_label(puzzles)
    settings = {"H_cycles": 4, "threshold": threshold, "shape": (4, 4)}
    if not rows:
        for function in (
            evaluate_halting,
            lambda *given, **how: halting_by_puzzle(*given[:2], puzzles=given[2], **how),
        ):
            with pytest.raises(ValueError, match="none of the 6 puzzles has a label"):
                function(model, Plain(), puzzles, **settings)
        return
    alone = [evaluate_halting(model, Plain(), chosen(puzzles, [i]), **settings) for i in rows]
    close(evaluate_halting(model, Plain(), puzzles, batch_size=batch_size, **settings), np.mean(alone, axis=0))
    by_puzzle = halting_by_puzzle(model, Plain(), puzzles=puzzles, **settings)
    assert len(by_puzzle.puzzles) == len(rows) and by_puzzle.text.startswith(f"Of {len(rows)} puzzle")


@given(MASKS)
def test_where_the_rules_judge_every_answer_counts_and_cells_only_with_labels(model, mask):
    puzzles = puzzles_of(mask)
    rows = rows_with_label(puzzles)
    scores = evaluate(model, ByRules(), puzzles)
    halting = evaluate_halting(model, ByRules(), puzzles, H_cycles=3, threshold=0.99)
    labels_of_all = puzzles | {"labels": np.zeros_like(puzzles["labels"])}
    close(scores.exact_accuracy, evaluate(model, ByRules(), labels_of_all).exact_accuracy)
    assert (
        halting.mean_steps == evaluate_halting(model, ByRules(), labels_of_all, H_cycles=3, threshold=0.99).mean_steps
    )
    if rows:
        close([x[1] for x in scores[:2]], means_by_hand(model, puzzles, 1)[:2])
    else:
        assert math.isnan(scores.loss[0]) and math.isnan(scores.cell_accuracy[0]) and math.isnan(halting.cell_accuracy)


def test_accuracy_by_rating_counts_labelled_puzzles_only():
    puzzles = puzzles_of([ALL, NONE, ALL, NONE, ALL, NONE]) | {"ratings": np.array([0.0, 0, 1, 1, 1, 2])}
    exact = np.array([[True, False, False, False, True, False]] * 2)
    figures = Figures()
    figures.take(puzzles, exact, None, None)
    assert figures.bands() == by_rating(np.array([0.0, 1, 1]), exact[:, [0, 2, 4]])
    assert [(band.low, band.count) for band in figures.bands()] == [(0, 1), (1, 2)]


# ---- training


@given(MASKS)
def test_a_batchs_losses_are_means_over_its_labelled_puzzles(mask):
    puzzles = puzzles_of(mask)
    rows = rows_with_label(puzzles)
    generator = torch.Generator().manual_seed(1)
    logits, q = torch.randn(N, L, 6, generator=generator), torch.randn(N, generator=generator)
    labels = torch.from_numpy(puzzles["labels"])
    logits[::2] += 20 * torch.nn.functional.one_hot(labels[::2].clamp(min=0), 6)  # some are right as a whole
    answers, halts = [], []
    for i in rows:
        cells = [j for j in range(L) if labels[i, j] != -100]
        p = logits[i].double().softmax(-1)
        answers.append(np.mean([-math.log(p[j, labels[i, j]]) for j in cells]))
        target = all(logits[i, j].argmax() == labels[i, j] for j in cells)
        said = torch.sigmoid(q[i].double()).item()
        halts.append(-math.log(said if target else 1 - said))
    assert answer_loss(logits, labels).item() == pytest.approx(np.mean(answers) if rows else 0, rel=1e-5, abs=1e-6)
    assert halting_loss(q, logits, labels).item() == pytest.approx(np.mean(halts) if rows else 0, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize(
    "flat",
    [
        {"gradient_scope": "full", "L_supervision_weight": 0.5},
        {"gradient_scope": "cycle"},
        {"gradient_scope": "last", "gradient_accumulation": 4},
        {"gradient_scope": "full", "gradient_accumulation": 3, "L_supervision_weight": 0.5},
        {"gradient_scope": "last", "mixer": "attention", "puzzle_emb_len": 1, "num_puzzle_identifiers": 3},
    ],
    ids=str,
)
@pytest.mark.parametrize("rows", [[0, 2, 3], [5], [], [0, 1, 2, 3, 4, 5]])
def test_an_update_is_that_of_the_labelled_puzzles_alone(make_model, flat, rows):
    run = RunConfig.from_flat({"vocab_size": 6, "seq_len": 16, "enable_deep_supervision": True} | flat)
    one_part = run.with_flat(gradient_accumulation=1)
    model = make_model(**flat)
    puzzles = puzzles_of([ALL if i in rows else NONE for i in range(N)])
    plan = Plan(3, 2, torch.tensor([0.25, 0.5, 1.25]))

    def went_back(some, run):
        batch = {name: torch.from_numpy(value) for name, value in some.items()} | {"board": (4, 4)}
        if "puzzle_emb_len" in flat:
            batch["puzzle_identifiers"] = torch.arange(len(some["labels"])) % 3
        model.zero_grad()
        outcome = forward_backward(model, model.start(model.initial_carry(batch), batch), plan, run)
        return outcome, [torch.zeros_like(p) if p.grad is None else p.grad.clone() for p in model.parameters()]

    outcome, gradients = went_back(puzzles, run)
    assert outcome.labelled.tolist() == [i in rows for i in range(N)]
    losses = [outcome.step_losses, outcome.halt_losses, outcome.L_losses]
    if rows:
        expected, wanted = went_back(chosen(puzzles, rows), one_part)
        for got, value in zip(losses, (expected.step_losses, expected.halt_losses, expected.L_losses), strict=True):
            assert (got is None) == (value is None)
            if got is not None:
                torch.testing.assert_close(got, value, rtol=1e-5, atol=1e-6)
    else:
        wanted = [torch.zeros_like(p) for p in model.parameters()]
        assert all(not value.any() for value in losses if value is not None)
    for got, value in zip(gradients, wanted, strict=True):
        torch.testing.assert_close(got, value, rtol=1e-4, atol=1e-6)
    if outcome.rows is not None:
        without = [i for i in range(N) if i not in rows]
        assert torch.isfinite(outcome.rows.values.grad).all() and not outcome.rows.values.grad[without].any()


def test_losses_by_depth_count_labelled_puzzles_only():
    losses, steps = torch.tensor([[1.0, 0, 3, 0], [2.0, 0, 5, 0]]), torch.tensor([0, 0, 0, 1])
    rows = losses_by_depth(losses, steps, 2, torch.tensor([True, False, True, False]))
    assert rows[0] == [2.0, 3.5] and all(math.isnan(x) for x in rows[1])


class Some(Reverse):
    """Puzzles of which every third, by a random draw, has a label."""

    def sample(self, n, rng):
        puzzles = self._puzzles(n, rng)
        return puzzles | {"labels": np.where(rng.random((n, 1)) < 1 / 3, puzzles["labels"], IGNORE)}


@pytest.mark.parametrize("flat", [{"batch_size": 1}, {"batch_size": 2, "supervision_steps": 2}, {"halt_max_steps": 3}])
def test_every_update_learns_from_a_label_and_says_numbers_only(flat):
    training = train(preset(Some(), **(FAST | {"updates": 12, "adaptive_weights": "hard"} | flat)))
    seen = []
    for event in training:
        if isinstance(event, ev.UpdateDone):
            there = labelled(training.state.carry.data["labels"])
            seen.append(there.float().mean().item())
            assert there.any() and all(0 < loss < math.inf for loss in [event.loss, *event.step_losses])
            assert math.isfinite(event.grad_norm) and event.halt_loss > 0
    assert len(seen) == 12 and (flat.get("batch_size") == 1 or min(seen) < 1)


def test_training_puzzles_that_never_have_a_label_are_refused_in_one_sentence():
    own = type(
        "Never", (Some,), {"sample": lambda self, n, rng: self._puzzles(n, rng) | {"labels": np.full((n, 4), -100)}}
    )
    with pytest.raises(ValueError, match=r"^custom:Never: none of [\d,]+ training puzzles in a row has a label, so"):
        list(train(preset(own(), **FAST)))


def test_held_out_puzzles_without_any_label_are_refused_before_training():
    def held_out(self, n):
        return self._puzzles(n, np.random.default_rng(0)) | {"labels": np.full((n, 4), -100)}

    own = type("Blind", (Reverse,), {"held_out": held_out})
    with pytest.raises(ValueError, match=r"^custom:Blind, held-out puzzles: none of the 4 puzzles has a label"):
        list(train(preset(own(), **FAST)))
    judge = type("Judge", (own,), {"has_rule_checker": True, "check": lambda self, i, answers, _: answers[:, 0] > 1})
    (scores,) = [e for e in train(preset(judge(), **FAST)) if isinstance(e, ev.Evaluated)]
    assert scores.puzzles == 4 and all(0 <= x <= 1 for x in scores.exact_accuracy)
    assert '"loss": [null' in ev.to_json(scores)


# ---- files


def half_labelled(rows, seed=0):
    """Arrays of which every second puzzle has no label."""
    inputs = np.random.default_rng(seed).integers(0, 5, (rows, 4))
    return inputs, np.where(np.arange(rows)[:, None] % 2, inputs[:, ::-1], IGNORE)


def test_a_folders_unlabelled_puzzles_are_not_trained_on_and_held_out_ones_come_last(tmp_path):
    (inputs, labels), (asked, wanted) = half_labelled(20), half_labelled(20, 1)
    arrays = {"inputs": inputs, "labels": labels, "eval_inputs": asked, "eval_labels": wanted}
    task = FolderTask(str(written(tmp_path / "m", arrays)))
    assert labelled(task.sample(200, np.random.default_rng(0))["labels"]).all()
    assert task.remarks() == [
        f"Of the {which} puzzles 10 without a label are left out." for which in ("training", "held-out")
    ]
    held_out = task.held_out(99)
    assert labelled(held_out["labels"]).tolist() == [True] * 10 + [False] * 10
    assert np.array_equal(held_out["inputs"], np.concatenate([asked[1::2], asked[::2]]))
    alone = FolderTask(str(written(tmp_path / "split", {"inputs": inputs, "labels": labels})))
    assert (
        labelled(alone.held_out(99)["labels"]).all()
        and labelled(alone.sample(50, np.random.default_rng(0))["labels"]).all()
    )


def flat(value) -> list:
    if isinstance(value, dict):
        return [x for name in sorted(value) for x in flat(value[name])]
    return [x for item in value for x in flat(item)] if isinstance(value, list) else [value]


def test_a_folder_half_labelled_gives_the_scores_of_its_labelled_half_in_the_terminal(tmp_path, capsys):
    (inputs, labels), (asked, wanted) = half_labelled(20), half_labelled(20, 1)
    folder = written(tmp_path / "m", {"inputs": inputs, "labels": labels, "eval_inputs": asked, "eval_labels": wanted})
    flags = [f"--{name}={value}" for name, value in (FAST | {"eval_puzzles": 100, "frame_every": 0}).items()]
    assert main(["train", "--task", str(folder), *flags, "--json", "--out", str(tmp_path / "run")]) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (scores,) = [event for event in events if event["event"] == "Evaluated"]
    said = []
    for arrays in ((asked, wanted), (asked[1::2], wanted[1::2])):
        np.save(folder / "eval_inputs.npy", arrays[0])
        np.save(folder / "eval_labels.npy", arrays[1])
        assert main(["evaluate", str(tmp_path / "run"), "--json", "--halt_threshold", "0.5"]) == 0
        said.append(json.loads(capsys.readouterr().out))
        assert main(["evaluate", str(tmp_path / "run")]) == 0
        said.append(capsys.readouterr().out.splitlines()[0])
    assert said[0].pop("unlabelled") == 10 and "unlabelled" not in said[2]
    assert said[0].keys() == said[2].keys() and flat(said[0]) == pytest.approx(flat(said[2]))
    assert said[0]["puzzles"] == scores["puzzles"] == 10 and scores["exact_accuracy"] == said[0]["exact_accuracy"]
    assert said[1].endswith("; 10 without a label are left out") and said[3].startswith("10 puzzles of")
    np.save(folder / "eval_labels.npy", np.full((10, 4), IGNORE))
    assert main(["evaluate", str(tmp_path / "run")]) == 2
    err = capsys.readouterr().err
    assert "eval_labels.npy: none of the 10 puzzles has a label (every cell is -100); label at least one" in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("name", ["labels", "eval_labels"])
def test_a_folder_without_any_label_is_refused(tmp_path, name):
    inputs, labels = half_labelled(20)
    arrays = {"inputs": inputs, "labels": labels, "eval_inputs": inputs, "eval_labels": labels}
    folder = written(tmp_path / "m", arrays | {name: np.full((20, 4), IGNORE)})
    with pytest.raises(ValueError, match=rf"{name}\.npy: none of the 20 puzzles has a label"):
        FolderTask(str(folder))


def test_the_puzzle_that_a_run_watches_has_a_label():
    class LastOnly(Reverse):
        def held_out(self, n):
            puzzles = self._puzzles(n, np.random.default_rng(0))
            return puzzles | {"labels": np.where(np.arange(n)[:, None] < n - 1, IGNORE, puzzles["labels"])}

    frame = next(e.trajectory for e in train(preset(LastOnly(), **FAST)) if isinstance(e, ev.Frame))
    assert frame["label"] == "held-out puzzle 3" and frame["target"] is not None


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A published folder with the same three rated Sudokus in both parts."""
    path = tmp_path_factory.mktemp("published")
    for name in ("train.csv", "test.csv"):
        write_csv(path / "csv" / name, sudoku_rows()[:3])
    assert main(["data", "sudoku", str(path / "csv"), "--output_dir", str(path / "made")]) == 0
    return path / "made"


def without_labels(folder, part, rows):
    """The same folder in which `rows` of a part have no label."""
    path = folder / part / "all__labels.npy"
    labels = np.load(path)
    labels[rows] = 0
    np.save(path, labels)
    return folder


def test_published_folders_leave_them_out_too(published, tmp_path, capsys):
    flags = [f"--{name}={value}" for name, value in (FAST | {"batch_size": 2}).items()]
    half = without_labels(shutil.copytree(published, tmp_path / "half"), "test", [0, 2])
    half = without_labels(half, "train", [0, 1])
    assert main(["train", "--task", str(half), *flags, "--json", "--out", str(tmp_path / "run")]) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert all(min(e["step_losses"]) > 0 for e in events if e["event"] == "UpdateDone")
    assert [e["puzzles"] for e in events if e["event"] == "Evaluated"] == [1]
    assert main(["evaluate", str(tmp_path / "run"), "--json", "--halt_threshold", "0.5"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["puzzles"], said["unlabelled"]) == (1, 2) and [band["count"] for band in said["by_rating"]] == [1]
    assert max(said["exact_accuracy"]) == 0 and said["halting"]["exact_accuracy"] == 0
    assert main(["show", str(tmp_path / "run")]) == 0  # the first held-out puzzle has no label
    assert "The final answer is" not in capsys.readouterr().out


@pytest.mark.parametrize("part", ["train", "test"])
def test_a_published_part_without_any_label_is_refused_before_training(published, tmp_path, part):
    folder = without_labels(shutil.copytree(published, tmp_path / "none"), part, slice(None))
    with pytest.raises(ValueError, match=r"all__labels.npy: none of the 3 puzzles has a label \(every cell is 0\)"):
        list(train(preset(str(folder), **FAST)))
    if part == "test":
        task, _ = resolve(preset(str(published), **FAST))
        with pytest.raises(ValueError, match="has a label"):
            task.load(str(folder))
