"""plots/: what is drawn is what was measured, at both widths, without touching matplotlib's state."""

import json
import math
import re
import struct
from dataclasses import replace
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.collections import FillBetweenPolyCollection, PathCollection, QuadMesh
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Rectangle
from matplotlib.text import Text

from trm_explore import plots
from trm_explore.analysis.latent import latent_paths
from trm_explore.model.cost import Cost, estimate
from trm_explore.plots.boards import changed
from trm_explore.plots.series import by_step, smoothed
from trm_explore.tasks import TASKS, preset, resolve
from trm_explore.training import events as ev
from trm_explore.training import train
from trm_explore.training.evaluation import Scores
from trm_explore.training.gradients import GradientStatistics
from trm_explore.training.run_folder import keep, read_events
from trm_explore.training.trajectory import Trajectory, picture_of, record, to_device
from trm_explore.view.palette import step_colors

DATA = Path(__file__).parent / "data"
FRAMES = json.loads((DATA / "frames.json").read_text(encoding="utf-8"))  # path, digits, plane, heat
FRAMES["grid"] = json.loads((DATA / "message.json").read_text(encoding="utf-8"))["frames"][-1]
S = 3


def update(n, losses, weights=(0.2, 0.3, 1.0)):
    return ev.UpdateDone(n, losses[-1], list(losses), list(weights), 0.1, 1e-3, 1.0, n / 10)


def evaluated(n, exact, cells=None, loss=None):
    return ev.Evaluated(n, 50, list(loss or exact), list(cells or exact), list(exact))


def made_up_trajectory(S=4, B=5, L=16):
    rng = np.random.default_rng(0)
    some, tokens = rng.random((S, B)).astype(np.float32) + 0.01, rng.integers(2, 6, (S, B, L))
    inputs = np.where(rng.random((B, L)) < 0.4, tokens[-1], 1)
    return Trajectory(inputs, tokens[-1], tokens, rng.random((S, B, L)), None, some, some, some, some[::-1])


RUN = [update(n, [2 / n, 1.5 / n, 1 / n]) for n in range(1, 30)] + [
    evaluated(n, [0.1, n / 40, n / 30]) for n in (10, 20, 30)
]
STATISTICS = GradientStatistics([0.5, 1.0, 2.0], [[1.0, 0.0, 0.0], [0.25, 0.5, 0.0], [0.01, 0.1, 1.0]])
SEEDS = [[evaluated(n, [0.1, 0.2, value * n]) for n in (1, 2)] for value in (0.1, 0.2, 0.45)]
COSTS = {"off": Cost(100, 1e6, 2e6, 4e6, 1, 1), "linear_decay": Cost(100, 1e6, 5e6, 6e6, 1, 1)}
ATTENTION = np.random.default_rng(0).random((16, 16))
PATHS = np.random.default_rng(1).normal(size=(S, 16, 2))
LINEAR = {"enable_deep_supervision": True, "deep_supervision_schedule": "linear_decay"}
# name -> (function, arguments): every figure; the last ones take axes, several or none
GALLERY = {
    "weight_vectors": (plots.weight_vectors, [], {}),
    "weights of 12 steps": (plots.weight_vectors, [], {"n_steps": 12}),
    "step_losses": (plots.step_losses, [RUN], {"log": True, "smooth": 0.5}),
    "accuracy": (plots.accuracy, [RUN], {}),
    "accuracy_by_cycle": (plots.accuracy_by_cycle, [Scores([1] * 6, [0.9] * 6, [0.5] * 6, [])], {"trained_cycles": 3}),
    "state_change": (plots.state_change, [made_up_trajectory()], {}),
    "latent_paths": (plots.latent_paths, [PATHS, [0.5, 0.2]], {"cloud": PATHS[0]}),
    "attention_map": (plots.attention_map, [ATTENTION, (4, 4)], {}),
    "comparison": (plots.comparison, [{"off": SEEDS, "linear_decay": SEEDS[:1]}], {}),
    "ribbon": (plots.ribbon, [preset("sudoku4", **LINEAR), RUN, FRAMES["path"]], {}),
    "ribbon of 16 steps": (plots.ribbon, [preset("sudoku4", H_cycles=16)], {}),
    "gradient_by_step": (plots.gradient_by_step, [STATISTICS], {}),
    "cost_bars": (plots.cost_bars, [COSTS], {}),
    **{f"refinement, {kind}": (plots.refinement, [frame], {}) for kind, frame in FRAMES.items()},
}
ON_ONE_AXES = [name for name in GALLERY if not name.startswith(("gradient", "cost", "refinement"))]
every_figure = pytest.mark.parametrize("name", GALLERY)


def drawn(name, **more):
    function, arguments, named = GALLERY[name]
    return function(*arguments, **named, **more)


def texts(figure):
    return [text.get_text() for text in figure.findobj(Text) if text.get_visible() and text.get_text()]


def lines(figure):
    """The named lines of the first axes: label -> line."""
    found = {line.get_label(): line for line in figure.axes[0].get_lines()}
    return {label: line for label, line in found.items() if not label.startswith("_")}


# ---- all figures


@every_figure
@pytest.mark.parametrize("width", [3.3, 7.0])
def test_everything_lies_inside_the_figure_and_can_be_read(name, width):
    figure = drawn(name, width=width)
    assert figure.get_figwidth() == width
    figure.draw_without_rendering()
    box = figure.get_tightbbox()  # of what is drawn, in inches
    assert box.x0 > -0.02 and box.y0 > -0.02 and box.x1 < width + 0.02 and box.y1 < figure.get_figheight() + 0.02
    # the symbols on boards grow and shrink with their cells; words do not
    words = [text for text in figure.findobj(Text) if text.get_visible() and len(text.get_text().strip()) > 1]
    assert all(text.get_fontsize() >= 5.5 for text in words)
    for ax in figure.axes:
        labels = [label for label in ax.get_xticklabels() if label.get_text() and label.get_visible()]
        boxes = sorted((label.get_window_extent() for label in labels), key=lambda box: box.x0)
        assert all(left.x1 <= right.x0 + 0.5 for left, right in zip(boxes, boxes[1:], strict=False))


@every_figure
def test_nothing_of_matplotlib_is_left_changed(name):
    before = dict(matplotlib.rcParams)
    figure = drawn(name, width=2.5)  # the narrowest: a layout that does not fit would warn
    assert isinstance(figure, Figure)
    figure.draw_without_rendering()
    assert dict(matplotlib.rcParams) == before
    from matplotlib import pyplot

    assert not pyplot.get_fignums()


@pytest.mark.parametrize("name", ON_ONE_AXES)
def test_a_figure_is_drawn_into_the_axes_it_is_given(name):
    figure = Figure(figsize=(9, 5))
    left, right = figure.subplots(1, 2)
    assert drawn(name, ax=right) is figure
    assert not left.lines and not left.patches and not left.collections and not left.texts
    assert right.lines or right.patches or right.collections or right.images


@pytest.mark.parametrize("name", ON_ONE_AXES)
def test_what_is_no_axes_is_refused(name):
    with pytest.raises(ValueError, match="^ax is a str; give a matplotlib Axes"):
        drawn(name, ax="left")


@pytest.mark.parametrize("name", ["gradient_by_step", "cost_bars", "refinement, heat"])
def test_figures_of_several_axes_take_as_many_as_they_need(name):
    own = [ax for ax in drawn(name).axes if ax.get_label() != "<colorbar>"]
    figure = Figure(figsize=(9, 5))
    axes = figure.subplots(1, len(own))
    assert drawn(name, axes=axes) is figure
    with pytest.raises(ValueError, match=f"axes has 1 axes, but this figure needs {len(own)}"):
        drawn(name, axes=axes[0])


@pytest.mark.parametrize("width", [0, -3, 1000, math.nan, "7", True, None])
def test_a_width_that_is_no_width_is_refused(width):
    with pytest.raises(ValueError, match=r"^width=.* must be a number of inches from 2\.5 to 40"):
        plots.accuracy(RUN, width=width)


def test_a_notebook_shows_a_figure_as_it_is():
    png, size = drawn("accuracy", width=3.3)._repr_png_()
    assert png[:4] == b"\x89PNG" and size == {"width": 330}
    assert struct.unpack(">I", png[16:20])[0] == 660


@pytest.mark.parametrize("n", [2, 3, 9, 16])
def test_every_line_has_a_colour_a_dash_and_a_marker_of_its_own(n):
    figure = plots.step_losses([update(k, np.arange(1.0, n + 1)) for k in (1, 2, 3)])
    found = [line for line in figure.axes[0].get_lines() if not line.get_label().startswith("_")]
    assert [to_hex(line.get_color()) for line in found] == step_colors(n)
    signs = {(str(line._unscaled_dash_pattern), line.get_marker()) for line in found}
    assert len(signs) == n


# ---- files


@pytest.mark.parametrize(
    ("suffix", "magic"), [("png", b"\x89PNG"), ("pdf", b"%PDF"), ("svg", b"<?xml"), ("PDF", b"%PDF")]
)
def test_the_same_figure_gives_the_same_file(tmp_path, suffix, magic):
    first, second = (plots.save(drawn("step_losses"), tmp_path / f"{name}.{suffix}") for name in "ab")
    assert first.read_bytes().startswith(magic)
    assert first.read_bytes() == second.read_bytes()


def test_a_pdf_is_of_vectors_and_carries_its_fonts(tmp_path):
    content = plots.save(drawn("refinement, grid"), tmp_path / "a.pdf").read_bytes()
    assert b"/FontFile2" in content and b"/Type3" not in content and b"/Subtype /Image" not in content


def test_an_svg_needs_no_font_of_its_reader(tmp_path):
    content = plots.save(drawn("accuracy"), tmp_path / "a.svg").read_text()
    assert "<text" not in content and "<image" not in content


def test_a_png_has_300_dots_an_inch(tmp_path):
    content = plots.save(drawn("accuracy", width=3.3), str(tmp_path / "a.png")).read_bytes()
    assert struct.unpack(">I", content[16:20])[0] == 990


@pytest.mark.parametrize("name", ["figure.jpg", "figure", ".png", "png"])
def test_a_file_of_another_kind_is_refused(tmp_path, name):
    with pytest.raises(ValueError, match=r"must end in \.png, \.svg or \.pdf"):
        plots.save(drawn("accuracy"), tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_written_is_one_sentence(tmp_path):
    with pytest.raises(OSError, match="could not write the figure to .*; choose a folder that exists"):
        plots.save(drawn("accuracy"), tmp_path / "none" / "a.png")
    with pytest.raises(ValueError, match="^figure is a list; give what a function of trm_explore.plots returned"):
        plots.save([], tmp_path / "a.png")


# ---- events


@pytest.mark.parametrize("function", [plots.step_losses, plots.accuracy, plots.gradient_by_step])
def test_events_without_what_is_drawn_are_refused(function):
    for events in ([], [ev.Finished("done", 0, 0.0)]):
        with pytest.raises(ValueError, match=rf"^none of the {len(events)} events is a \w+; \w+"):
            function(events)
    for wrong, said in (("runs/a", "events is a str"), (None, "events is a NoneType"), ([1], r"events\[0\] is a int")):
        with pytest.raises(ValueError, match=said):
            function(wrong)


def test_a_kept_run_draws_the_same_figures(tiny_run, tmp_path):
    run = tiny_run(H_cycles=2, updates=4, eval_every=2, gradient_every=2, frame_every=2, **LINEAR)
    events = list(keep(iter(train(run)), str(tmp_path / "run")))
    read = read_events(str(tmp_path / "run"))
    for function in (plots.step_losses, plots.accuracy, plots.gradient_by_step):
        assert texts(function(events)) == texts(function(read))
    both = [plots.save(plots.ribbon(run, given), tmp_path / "a.svg").read_bytes() for given in (events, read)]
    assert both[0] == both[1]
    assert "held-out puzzle" in " ".join(texts(plots.ribbon(run, events)))


@given(st.lists(st.lists(st.floats(0, 9), max_size=5), min_size=1, max_size=5))
def test_the_last_of_a_shorter_list_is_the_final_answers(rows):
    table = by_step(rows)
    for row, found in zip(rows, table, strict=True):
        if row:
            assert found[-1] == row[-1]
            assert found[: len(row) - 1].tolist() == row[:-1]
        assert np.isnan(found).sum() == table.shape[1] - len(row)


@given(st.lists(st.one_of(st.just(math.nan), st.floats(0, 9)), min_size=1, max_size=20), st.floats(0, 0.99))
def test_smoothing_is_a_weighted_mean_of_what_came_before(values, a):
    found = smoothed(np.array(values), a)
    for i, value in enumerate(values):
        seen = [v for v in values[: i + 1] if not math.isnan(v)]
        if math.isnan(value):
            assert math.isnan(found[i])
        else:
            weights = [a**age for age in range(len(seen) - 1, -1, -1)]
            assert found[i] == pytest.approx(np.average(seen, weights=weights))


# ---- curves


def test_the_bars_are_the_weights_and_their_sum_is_below():
    figure = plots.weight_vectors(["linear_decay", "custom"], 3, 0.6, custom=[1, 2, 0.5])
    heights = [bar.get_height() for bar in figure.axes[0].patches]
    assert heights == pytest.approx([0.2, 0.4, 1.0, 1, 2, 0.5])
    assert [to_hex(bar.get_facecolor()) for bar in figure.axes[0].patches] == 2 * step_colors(3)
    assert {"linear_decay\n÷ 1.6", "custom\n÷ 3.5"} <= set(texts(figure))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"schedules": []}, "schedules is empty; give some of constant, .*, custom"),
        ({"schedules": ["steep"]}, "schedule='steep' is not known; allowed are constant"),
        ({"n_steps": 0}, "n_steps=0 must be at least 1"),
        ({"custom": [1.0]}, "custom has 1 weights for 3 steps"),
    ],
)
def test_weights_that_are_none_are_refused(arguments, said):
    with pytest.raises(ValueError, match=said):
        plots.weight_vectors(**arguments)


def test_step_losses_are_the_events_numbers_with_gaps_where_there_are_none():
    events = [update(1, [3.0, 2.0, 1.0]), update(2, [math.nan, 2.5, math.inf]), update(3, [2.0, 0.5])]
    found = lines(plots.step_losses(events, against="seconds"))
    assert list(found) == ["step 0", "1", "2 (final)"]
    expected = ([3.0, math.nan, 2.0], [2.0, 2.5, math.nan], [1.0, math.nan, 0.5])
    for line, numbers in zip(found.values(), expected, strict=True):
        np.testing.assert_array_equal(line.get_xdata(), [0.1, 0.2, 0.3])
        np.testing.assert_array_equal(line.get_ydata(), numbers)


def test_a_lone_point_between_gaps_is_seen_by_its_marker():
    losses = [1.0 if n < 50 or n == 77 else math.nan for n in range(100)]
    found = lines(plots.step_losses([update(n, [loss, 1.0]) for n, loss in enumerate(losses)]))
    assert 77 in found["step 0"].get_markevery() and 77 not in found["1 (final)"].get_markevery()


def test_smoothed_losses_leave_the_single_ones_behind_them():
    figure = plots.step_losses(RUN, smooth=0.9, log=True)
    raw = [line for line in figure.axes[0].get_lines() if line.get_label().startswith("_")]
    assert len(raw) == 3 and figure.axes[0].get_yscale() == "log"
    np.testing.assert_allclose(raw[2].get_ydata(), [1 / n for n in range(1, 30)])
    assert lines(figure)["2 (final)"].get_ydata()[1] == pytest.approx((0.09 * 1 + 0.1 * 0.5) / 0.19)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"against": "hours"}, "against='hours' is not known; allowed are updates, seconds"),
        *(
            ({"smooth": smooth}, "smooth=.* must be a number from 0 to below 1")
            for smooth in (1, -0.1, True, "a", math.nan)
        ),
    ],
)
def test_losses_are_drawn_as_asked_or_not_at_all(arguments, said):
    with pytest.raises(ValueError, match=said):
        plots.step_losses(RUN, **arguments)


def test_losses_of_which_none_is_finite_make_no_figure():
    with pytest.raises(ValueError, match="none of the losses of 1 updates is a finite number"):
        plots.step_losses([update(1, [math.nan, math.nan])])


@pytest.mark.parametrize(("measure", "expected"), [("exact", [0.1, 0.4]), ("cells", [0.5, 0.8])])
def test_accuracy_is_the_evaluations_numbers(measure, expected):
    events = [evaluated(5, [0.0, 0.1], [0.2, 0.5]), evaluated(10, [0.3, 0.4], [0.6, 0.8])]
    final = lines(plots.accuracy(events, measure=measure))["1 (final)"]
    assert final.get_xdata().tolist() == [5, 10] and final.get_ydata().tolist() == expected
    with pytest.raises(ValueError, match="measure='loss' is not known; allowed are exact, cells"):
        plots.accuracy(events, measure="loss")


def test_accuracy_by_cycle_takes_every_kind_of_scores_and_shades_what_is_beyond_training():
    lists = {"exact_accuracy": [0.1, 0.2, 0.3, 0.4], "cell_accuracy": [0.5, 0.6, 0.7, 0.8]}
    kinds = (
        lists,
        Scores([1.0] * 4, lists["cell_accuracy"], lists["exact_accuracy"], []),
        ev.Evaluated(1, 5, [1.0] * 4, *reversed(lists.values())),
    )
    for scores in kinds:
        figure = plots.accuracy_by_cycle(scores, 3)
        points = [c.get_offsets() for c in figure.axes[0].collections if isinstance(c, PathCollection)]
        assert [p[:, 1].tolist() for p in points] == [lists["cell_accuracy"], lists["exact_accuracy"]]
        (shade,) = (patch for patch in figure.axes[0].patches if isinstance(patch, Rectangle))
        assert (shade.get_x(), shade.get_width()) == (2.5, 1)
        assert "beyond training" in texts(figure)
        assert "beyond training" not in texts(plots.accuracy_by_cycle(scores, 4))


@pytest.mark.parametrize(
    ("scores", "cycles", "said"),
    [
        (3, None, "scores, a int, has no exact_accuracy; give what evaluate"),
        ({"exact_accuracy": [], "cell_accuracy": []}, None, r"exact_accuracy has the shape \(0,\)"),
        ({"exact_accuracy": [1, 1], "cell_accuracy": [1]}, None, "cell_accuracy has 1 steps, but exact_accuracy has 2"),
        ({"exact_accuracy": [1], "cell_accuracy": [1]}, 0, "trained_cycles=0 must be a whole number of at least 1"),
    ],
)
def test_scores_that_do_not_fit_are_refused(scores, cycles, said):
    with pytest.raises(ValueError, match=said):
        plots.accuracy_by_cycle(scores, cycles)


# ---- inside


def test_gradients_are_drawn_as_measured_the_last_time():
    events = [ev.GradientsMeasured(1, [9.0] * 3, [[9.0] * 3] * 3), ev.GradientsMeasured(2, *STATISTICS)]
    for measured in (STATISTICS, events):
        bars, table = plots.gradient_by_step(measured).axes[:2]
        assert [bar.get_height() for bar in bars.patches] == STATISTICS.network
        assert [text.get_text() for text in table.texts] == ["1", "0", "0", "0.25", "0.5", "0", "0.01", "0.1", "1"]
    with pytest.raises(ValueError, match=r"states has the shape \(1, 2\), but network has 2 steps; give \(2, 2\)"):
        plots.gradient_by_step(GradientStatistics([1.0, 2.0], [[1.0, 2.0]]))


@pytest.mark.parametrize("steps", [1, 40])
def test_gradients_of_few_and_of_many_steps_are_drawn(steps):
    nothing = GradientStatistics([0.0] * steps, np.zeros((steps, steps)).tolist())
    plots.gradient_by_step(nothing).draw_without_rendering()
    some = GradientStatistics([math.nan] * steps, np.tril(np.full((steps, steps), 0.5)).tolist())
    plots.gradient_by_step(some).draw_without_rendering()


def test_state_change_is_the_mean_over_the_puzzles():
    trajectory = made_up_trajectory()
    found = lines(plots.state_change(trajectory))
    np.testing.assert_allclose(found["$z_H$, the answer"].get_ydata(), trajectory.change_H.mean(1), rtol=1e-6)
    np.testing.assert_allclose(found["$z_L$, the latent"].get_ydata(), trajectory.change_L.mean(1), rtol=1e-6)
    with pytest.raises(ValueError, match="trajectory is a str; give what record"):
        plots.state_change("z")
    still = np.zeros_like(trajectory.change_H)
    with pytest.raises(ValueError, match="no change of a state that is finite and above 0"):
        plots.state_change(replace(trajectory, change_H=still, change_L=still))


def test_latent_paths_show_every_position_and_their_mean():
    figure = plots.latent_paths(PATHS, [0.5, 0.25])
    ways = figure.axes[0].get_lines()
    assert len(ways) == 16 + 1 + S
    np.testing.assert_array_equal(ways[3].get_xydata(), PATHS[:, 3])
    np.testing.assert_allclose(ways[16].get_xydata(), PATHS.mean(1))
    assert {"main direction 1 (50 % of the variance)", "main direction 2 (25 % of the variance)"} <= set(texts(figure))
    for wrong in (PATHS[..., :1], PATHS[0], [], "ab"):
        with pytest.raises(ValueError, match="^points "):
            plots.latent_paths(wrong)


def test_attention_is_drawn_cell_by_cell():
    figure = plots.attention_map(ATTENTION, {"rows": 4, "cols": 4})
    np.testing.assert_array_equal(figure.axes[0].images[0].get_array(), ATTENTION)
    for weights, board, said in (
        (ATTENTION[:3], None, r"weights has the shape \(3, 16\); give \(L, L\)"),
        (-ATTENTION, None, "finite numbers of at least 0"),
        (ATTENTION, (3, 4), "board is 3 x 4, which is not the 16 positions"),
    ):
        with pytest.raises(ValueError, match=said):
            plots.attention_map(weights, board)


def test_measured_paths_can_be_drawn(task, make_model):
    measured = latent_paths(make_model(), task, task.held_out(1), others=4)
    figure = plots.latent_paths(measured)
    np.testing.assert_allclose(figure.axes[0].get_lines()[5].get_xydata(), measured.paths[5])


# ---- comparisons


def test_the_band_goes_from_the_lowest_to_the_highest_seed_around_the_mean():
    figure = plots.comparison({"three": SEEDS, "one": SEEDS[1:2]}, band="range")
    found = {line.get_label(): line for line in figure.axes[0].get_lines()}
    np.testing.assert_allclose(found["three (3 seeds)"].get_ydata(), [0.25, 0.5])
    np.testing.assert_allclose(found["one (1 seed)"].get_ydata(), [0.2, 0.4])
    (band,) = (c for c in figure.axes[0].collections if isinstance(c, FillBetweenPolyCollection))  # one seed has none
    corners = {tuple(np.round(corner, 6)) for corner in band.get_paths()[0].vertices}
    assert corners == {(1, 0.1), (1, 0.45), (2, 0.2), (2, 0.9)}


def test_the_bootstrap_is_the_same_every_time(tmp_path):
    first, second = (plots.save(drawn("comparison"), tmp_path / f"{name}.svg").read_bytes() for name in "ab")
    assert first == second


def test_a_comparison_shows_the_step_and_the_measure_that_was_asked_for():
    seeds = [[evaluated(1, [0.1, 0.9], [0.2, 0.8], [5.0, 6.0])]]
    for measure, step, expected in (("exact", -1, 0.9), ("exact", 0, 0.1), ("cells", 1, 0.8), ("loss", 0, 5.0)):
        (line,) = plots.comparison({"a": seeds}, measure=measure, step=step).axes[0].get_lines()
        assert line.get_ydata().tolist() == [expected]


@pytest.mark.parametrize(
    ("runs", "arguments", "said"),
    [
        ({}, {}, "runs must map a name to a list of event lists"),
        ([SEEDS], {}, "runs must map a name to a list of event lists"),
        ({"a": []}, {}, r"runs\['a'\] has no seed"),
        ({"a": SEEDS[0]}, {}, "events is a Evaluated"),
        ({"a": SEEDS}, {"step": 3}, r"step=3 is not there: runs\['a'\] has 3 steps"),
        ({"a": SEEDS}, {"step": 0.5}, r"step=0\.5 is not there"),
        ({"a": SEEDS}, {"band": "wide"}, "band='wide' is not known; allowed are ci, sd, range"),
        ({"a": SEEDS}, {"measure": "time"}, "measure='time' is not known; allowed are exact, cells, loss"),
    ],
)
def test_runs_that_cannot_be_compared_are_refused(runs, arguments, said):
    with pytest.raises(ValueError, match=said):
        plots.comparison(runs, **arguments)


def test_costs_are_multiples_of_the_first_or_of_the_one_named():
    operations, memory = plots.cost_bars(COSTS).axes
    assert [bar.get_width() for bar in operations.patches] == [1, 2.5]
    assert [bar.get_width() for bar in memory.patches] == [1, 1.5]
    assert "2.50×  5 Mop" in [text.get_text() for text in operations.texts]
    named = plots.cost_bars(COSTS, against="linear_decay").axes[0]
    assert [bar.get_width() for bar in named.patches] == [0.4, 1]
    for costs, against, said in (
        ({}, None, "costs must map names to what cost.estimate returns"),
        (COSTS, "on", "against='on' is not known; allowed are off, linear_decay"),
        ({"off": 3}, None, r"costs\['off'\] has no operations above 0"),
    ):
        with pytest.raises(ValueError, match=said):
            plots.cost_bars(costs, against=against)


def test_estimated_costs_can_be_drawn():
    configs = {"off": preset("sudoku4"), "on": preset("sudoku4", **LINEAR)}
    figure = plots.cost_bars({name: estimate(resolve(config)[1]) for name, config in configs.items()})
    assert figure.axes[0].patches[1].get_width() > 1


# ---- boards


def crosses(ax):
    return [line for line in ax.get_lines() if np.isnan(line.get_xdata()).any()]


@pytest.mark.parametrize("kind", FRAMES)
def test_every_wrong_and_every_changed_cell_is_marked(kind):
    frame = FRAMES[kind]
    boards = plots.refinement(frame).axes
    titles = [ax.get_title(loc="left") for ax in boards]
    named = [f"step {k}" for k in range(len(frame["steps"]))]
    target = ["target"] if frame["target"] is not None and kind != "plane" else []
    assert titles == ["puzzle", *named, *target]
    for k, ax in enumerate(boards[1 : 1 + len(named)]):
        wrong = frame["steps"][k]["wrong"] or []
        if kind == "plane":
            assert [text.get_text() for text in ax.texts if text.get_text() == "×"] == ["×"] * len(wrong)
        else:
            assert len(crosses(ax)) == 2 * len(wrong)  # each with a halo
        rings = [patch for patch in ax.patches if isinstance(patch, Rectangle) and not patch.get_fill()]
        assert len(rings) == len(changed(frame, k))
        if wrong and kind != "plane":
            assert f"{len(wrong)} wrong" in ax.get_xlabel()


def test_changed_cells_are_those_with_another_symbol_than_before():
    frame = FRAMES["grid"] | {"target": None}
    before, now = (frame["steps"][k]["ids"] for k in (0, 1))
    assert changed(frame, 0) == []
    assert changed(frame, 1) == [i for i in range(len(now)) if now[i] != before[i]]


@pytest.mark.parametrize("name", [name for name in TASKS if name != "embeddings"])  # which has no data of its own
def test_the_solution_of_every_task_is_drawn_without_a_mark(name):
    frame = picture_of(resolve(preset(name))[0])
    figure = plots.refinement(frame)
    step = figure.axes[1]
    assert not crosses(step)
    if frame["board"]["kind"] == "heat":
        mesh = next(c for c in step.collections if isinstance(c, QuadMesh))
        np.testing.assert_allclose(mesh.get_array().ravel(), frame["target"])
    if frame["board"]["kind"] in ("grid", "digits"):
        said = [text.get_text() for text in step.texts]
        symbols = [
            frame["board"]["symbols"][t if t >= 0 else own]
            for t, own in zip(frame["target"], frame["inputs"], strict=True)
        ]
        assert said[: len(symbols)] == [symbol.strip() for symbol in symbols]


def test_a_value_that_is_no_number_is_a_dark_cell_not_an_error():
    frame = json.loads(json.dumps(FRAMES["heat"]))
    frame["steps"][0]["values"][0] = None
    mesh = next(c for c in plots.refinement(frame).axes[1].collections if isinstance(c, QuadMesh))
    assert np.ma.getmaskarray(mesh.get_array()).sum() == 1


def test_a_recorded_inference_is_drawn_puzzle_by_puzzle(task, make_model):
    model = make_model()
    trajectory = record(model, task.held_out(3), H_cycles=2)
    figure = plots.refinement(trajectory, task, item=2)
    assert len(plots.refinement(trajectory, "sudoku4").axes) == len(figure.axes)
    shown = [text.get_text() for text in figure.axes[2].texts]
    assert shown == [task.board()["symbols"][token].strip() for token in trajectory.answers[1, 2]]
    for arguments, said in (
        ((trajectory, task, 3), "item=3 is not there: the trajectory has 3 puzzles"),
        ((trajectory, None, 0), "task is a NoneType; give the trajectory's task"),
        (("grid", task, 0), "trajectory is a str; give what record"),
    ):
        with pytest.raises(ValueError, match=said):
            plots.refinement(*arguments[:2], item=arguments[2])
    with pytest.raises(ValueError, match="the boards are 2 x 4, but the trajectory has 16 cells"):
        plots.refinement(trajectory, task, shape=(2, 4))


# ---- the ribbon


def test_the_ribbon_says_what_the_plan_and_the_run_say():
    events = [update(7, [0.5, 0.25, 12.0]), evaluated(5, [0.1, 0.995, 1.0], [0.5, 0.6, 0.7])]
    found = texts(plots.ribbon(preset("sudoku4", **LINEAR), events))
    for words in (
        "0.167",
        "0.333",
        "1.000",
        "divided by 1.5",
        "loss, update 7",
        "0.500",
        "0.250",
        "12.0",
        "10 %",
        "99.5 %",
        "100 %",
    ):
        assert words in found, words
    assert {"cells 50 %", "cells 70 %", "50 puzzles held out,\nupdate 5", "final answer"} <= set(found)
    assert "not\nsupervised" not in found


def test_the_ribbon_of_a_plan_alone_has_no_rows_for_a_run():
    found = texts(plots.ribbon(preset("sudoku4")))
    assert "solved" not in found and "answer" not in found and "loss" not in found
    assert found.count("not\nsupervised") == 2


def test_weights_that_move_are_shown_as_they_are_now():
    config = preset("sudoku4", adaptive_weights="hard", **LINEAR)
    found = texts(plots.ribbon(config, [update(1, [1.0, 1.0, 1.0], [0.7, 0.8, 0.9])]))
    assert {"0.700", "0.800", "0.900", "divided by 2.4"} <= set(found)


def test_of_many_steps_the_ribbon_shows_the_first_the_last_and_some_between():
    found = texts(plots.ribbon(preset("sudoku4", H_cycles=32, **LINEAR), width=3.3))
    assert "0" in found and "31" in found and "…" in found and "1" not in found
    assert "…" not in texts(plots.ribbon(preset("sudoku4", H_cycles=4), width=3.3))


def test_the_ribbon_has_a_circle_an_L_cycle():
    figure = plots.ribbon(preset("sudoku4", L_cycles=2))
    assert len([patch for patch in figure.axes[0].patches if isinstance(patch, Circle)]) == 3 * 2
    many = plots.ribbon(preset("sudoku4", L_cycles=7))
    assert len([patch for patch in many.axes[0].patches if isinstance(patch, Circle)]) == 3
    assert texts(many).count("×7") == 3


def test_a_ribbon_needs_a_config_and_events_that_say_something():
    with pytest.raises(ValueError, match="config is a dict; give a RunConfig"):
        plots.ribbon({})
    with pytest.raises(ValueError, match="none of the 0 events is a"):
        plots.ribbon(preset("sudoku4"), [])


# ---- docs/plots.md


@pytest.mark.slow
def test_every_line_of_the_gallery_draws_a_figure(tmp_path, monkeypatch):
    page = (Path(__file__).parent.parent / "docs" / "plots.md").read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)  # it writes losses.pdf
    blocks = re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    assert len(blocks) == 2 and all(block.count("updates=400") == 1 for block in blocks)
    names = {"latent_paths": latent_paths, "weights": ATTENTION}
    for block in blocks:
        exec(block.replace("updates=400", "updates=4, eval_every=2, eval_puzzles=8"), names)
    assert (tmp_path / "losses.pdf").stat().st_size > 5000
    names["batch"] = to_device(names["puzzles"], "cpu")
    lines = re.findall(r"^\| .* \| `(plots\..*)` \|$", page, re.MULTILINE)
    assert {re.match(r"plots\.(\w+)", line)[1] for line in lines} == set(plots.__all__) - {"save"}
    for line in lines:
        assert isinstance(eval(line, names), Figure), line
