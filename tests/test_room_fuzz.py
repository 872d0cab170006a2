"""Whatever is sent for a control, a run's id, a ticket or an event: one sentence or nothing, no other exception, and no
run beyond the limits."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from conftest import examples
from hypothesis import example, given, settings
from hypothesis import strategies as st

from trm_explore.app.handlers import NOBODY, Handlers, marks
from trm_explore.app.settings import CONTROLS, START, check, config_of, page_config, values_of
from trm_explore.config import PRESETS, RunConfig
from trm_explore.model.cost import estimate
from trm_explore.runs.limits import LIMITS
from trm_explore.runs.registry import Runs
from trm_explore.tasks import GENERATED, resolve
from trm_explore.view.settings import FRAMES, SETTINGS

USUAL = dict(zip(CONTROLS, values_of(page_config("sudoku4", **START)), strict=True))
CHOICES = {row.name: [value for _, value in row.options] for row in SETTINGS.values() if row.options} | {
    "task": [*GENERATED, "embeddings", "../tasks", "/etc"],
    "preset": [*PRESETS],
    "data": [None, "", "/etc/passwd", "../../etc/passwd", "\0", "x" * 5000],
}
# All that JSON can say, and all that a handler could be called with besides.
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.binary(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
NEAR = st.sampled_from([0, 1, -1, 2, 3.0, 2.5, 8, 9, 500, 2000, 2001, 20_000, 20_001, 2**31, 10**400, "3", True, 1e-9])


@st.composite
def sent(draw) -> list[Any]:
    """The controls as the page opens, some of them with a value near what is allowed, a few with anything."""
    values = dict(USUAL)
    for name in draw(st.lists(st.sampled_from(CONTROLS), max_size=6)):
        choices = st.sampled_from(CHOICES[name]) if name in CHOICES else NEAR
        values[name] = draw(choices | NEAR | ANYTHING)
    return list(values.values())


class Refusing(Runs):
    """Checks like the real ones, and notes instead of starting threads."""

    def __init__(self, name: str):
        super().__init__(LIMITS[name])
        self.began: list[RunConfig] = []

    def submit(self, config: RunConfig, **more: Any) -> Any:
        self.limits.check(config)
        self.began.append(config)
        return SimpleNamespace(id="new", one_update=lambda: None)


def one_sentence(error: str) -> bool:
    return bool(error) and "\n" not in error and len(error) < 600 and "Traceback" not in error


@pytest.mark.slow
@examples(1200)
@given(sent())
@example([None] * len(CONTROLS))
@example([[]] * len(CONTROLS))
@example([{}] * len(CONTROLS))
def test_any_controls_are_a_run_or_a_sentence(values):
    try:
        config = config_of(values)
    except ValueError as error:
        assert one_sentence(str(error))
        return
    assert config.task in GENERATED and config.train.threads == 1
    assert config.train.updates // config.train.frame_every < 2 * FRAMES
    assert config_of(values_of(config)) == config
    json.dumps(config.to_flat())


@pytest.mark.slow
@examples(800)
@given(sent(), st.sampled_from(["classroom", "space"]), st.booleans(), ANYTHING)
def test_train_begins_no_run_beyond_the_limits_whatever_is_sent(values, limits, one, run_id):
    runs = Refusing(limits)
    page = Handlers(runs)
    outcome = asyncio.run((page.one_update if one else page.train)(run_id, *values))
    if not runs.began:
        assert outcome[1] == NOBODY and one_sentence(outcome[2]["error"])
        assert outcome[5:] == marks(outcome[2]["error"])
        return
    (config,) = runs.began
    allowed = LIMITS[limits]
    assert config.train.updates <= allowed.updates and config.train.threads == 1 and not config.out
    assert estimate(resolve(config)[1]).parameters <= allowed.parameters
    assert config.model.H_cycles <= 8 and config.model.L_cycles <= 8


@examples(300)
@given(ANYTHING, ANYTHING, ANYTHING)
def test_any_id_ticket_or_event_does_nothing(run_id, ticket, state):
    page = Handlers(Runs())
    page.pause(run_id), page.stop(run_id), page.find_again(run_id)
    page.choose(ticket, state), page.advise(state), page.fit(ticket)
    page.show_pair(run_id, ticket, state), page.pick(run_id, SimpleNamespace(task=ticket))

    async def watched() -> list[Any]:
        return [message async for message in page.watch(ticket)]

    assert len(asyncio.run(watched())) == 1 and page.runs.listed() == [] and page.runs.viewers == 0


@settings(max_examples=100)
@given(sent())
def test_to_follow_the_controls_is_never_an_error(values):
    plan = Handlers(Runs()).follow("", *values)[0]
    assert one_sentence(plan["error"]) if plan.get("error") else plan["steps"] >= 1


@pytest.mark.parametrize("path", ["/etc/passwd", "/nowhere/x.csv", ".", "/", "\0", "a" * 5000])
def test_a_file_that_is_none_is_a_sentence_without_its_place(path):
    values = list((USUAL | {"data": path}).values())
    with pytest.raises((ValueError, OSError)) as error:
        check(config_of(values))
    assert one_sentence(str(error.value))
    assert "/etc" not in str(error.value) and str(Path.cwd()) not in str(error.value)
