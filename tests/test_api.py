"""The page's three endpoints for programs."""

import asyncio
import json
import re
from pathlib import Path
from typing import get_args

import gradio as gr
import pytest
from gradio_client import Client
from hypothesis import given
from hypothesis import strategies as st
from served import site  # noqa: F401

from trm_explore import supervision_weights
from trm_explore.app.api import Endpoints
from trm_explore.app.handlers import Handlers
from trm_explore.app.settings import CONTROLS
from trm_explore.config import Scope
from trm_explore.config.schedules import FORMULAS
from trm_explore.runs.registry import Runs
from trm_explore.tasks import GENERATED
from trm_explore.view.settings import SETTINGS

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
)


class Request:
    session_hash = "visitor"


@pytest.fixture(scope="module")
def runs():
    registry = Runs(slots=1)
    yield registry
    registry.close()


@pytest.fixture(scope="module")
def endpoints(runs):
    return Endpoints(Handlers(runs))


@pytest.fixture(scope="module")
def client(site):  # noqa: F811
    connected = Client(site, verbose=False)
    yield connected
    connected.close()


def trained(endpoints, *arguments):
    async def all_of_them():
        return [json.loads(text) async for text in endpoints.train(*arguments, Request())]

    return asyncio.run(all_of_them())


@pytest.mark.slow
def test_three_endpoints_and_no_more_are_open(client):
    assert set(client.view_api(return_format="dict")["named_endpoints"]) == {"/weights", "/train", "/record"}


@pytest.mark.slow
def test_what_can_be_asked_is_described_by_name_type_range_and_words(client):
    endpoints = client.view_api(return_format="dict")["named_endpoints"]
    asked = {end: {one["parameter_name"]: one["type"] for one in said["parameters"]} for end, said in endpoints.items()}
    assert all(kind["description"] for parameters in asked.values() for kind in parameters.values())
    assert list(asked["/record"]) == ["task", "puzzle", "cycles", "model", "run"]
    assert asked["/record"]["model"]["enum"] == ["on", "off", "off-time", "run"]
    weights = asked["/weights"]
    assert list(weights) == ["schedule", "n_steps", "base_weight"] and weights["schedule"]["enum"] == list(FORMULAS)
    assert (weights["n_steps"]["type"], weights["n_steps"]["maximum"]) == ("integer", 64)
    assert list(asked["/train"]) == ["task", "settings"] and asked["/train"]["task"]["enum"] == list(GENERATED)
    settings = asked["/train"]["settings"]["properties"]
    assert settings == {name: SETTINGS[name].schema for name in CONTROLS if name not in ("task", "data")}
    assert settings["H_cycles"] == {
        "type": "integer",
        "minimum": 1,
        "maximum": 8,
        "description": "H-cycles; steps; 1 to 8",
    }
    assert settings["enable_deep_supervision"]["type"] == "boolean"
    assert settings["gradient_scope"]["enum"] == list(get_args(Scope))


@pytest.mark.slow
def test_a_program_gets_weights_an_answer_and_a_training(client):
    weights = client.predict("linear_decay", 3, 0.5, api_name="/weights")
    assert weights == pytest.approx(supervision_weights("linear_decay", n_steps=3, base_weight=0.5).tolist(), abs=1e-6)
    frame = client.predict("sudoku4", ".24.3......44.3.", 9, api_name="/record")
    assert len(frame["steps"]) == 9 and not frame["steps"][-1]["wrong"]
    job = client.submit("sudoku4", {"updates": 5, "enable_deep_supervision": True}, api_name="/train")
    messages = [json.loads(text) for text in job]
    assert [point[0] for message in messages for point in message["points"]] == [1, 2, 3, 4, 5]
    assert messages[0]["from"] == 0 and messages[-1]["state"] == "finished"
    with pytest.raises(Exception, match="updates=20001 is not possible here"):
        client.predict("sudoku4", {"updates": 20_001}, api_name="/train")


def test_who_stops_listening_ends_the_run(endpoints, runs):
    async def first():
        stream = endpoints.train("sudoku4", {"updates": 20_000}, Request())
        message = json.loads(await anext(stream))
        await stream.aclose()
        return message

    run = runs.get(asyncio.run(first())["run"])
    run.join(30)
    assert run.state == "stopped"


def test_settings_are_the_tasks_own_where_they_are_left_out(endpoints, runs):
    messages = trained(endpoints, "parity", {"updates": 1})
    config = runs.get(messages[0]["run"]).config
    assert (config.task, config.train.updates, config.supervision.enable_deep_supervision) == ("parity", 1, False)


@pytest.mark.parametrize(
    ("task", "wanted", "said"),
    [
        ("nothing", {}, "task=nothing is not known"),
        (["sudoku4"], {}, "is not known"),
        ("sudoku4", [], "settings is not an object"),
        ("sudoku4", {"lr": 1}, "'lr' cannot be set here; known are preset, enable_deep_supervision"),
        ("sudoku4", {"H_cycle": 1}, "'H_cycle' is not a setting of a run; did you mean H_cycles?"),
        ("sudoku4", {"data": "/etc/passwd"}, "'data' cannot be set here"),
        ("sudoku4", {"task": "maze"}, "'task' cannot be set here"),
        ("sudoku4", {"preset": "paper"}, "too slow for this page"),
    ],
)
def test_a_wrong_training_is_one_sentence_and_no_run(endpoints, runs, task, wanted, said):
    before = len(runs.listed())
    with pytest.raises(gr.Error, match=re.escape(said)):
        trained(endpoints, task, wanted)
    assert len(runs.listed()) == before


@given(ANYTHING, ANYTHING, ANYTHING)
def test_weights_of_anything_are_weights_or_a_sentence(endpoints, schedule, n_steps, base_weight):
    try:
        weights = endpoints.weights(schedule, n_steps, base_weight)
    except gr.Error as error:
        assert "\n" not in str(error) and str(error)
    else:
        assert len(weights) == n_steps and all(weight >= 0 for weight in weights)


@given(ANYTHING, st.dictionaries(st.sampled_from(CONTROLS) | st.text(max_size=4), ANYTHING, max_size=4) | ANYTHING)
def test_no_settings_lead_to_a_traceback(endpoints, task, wanted):
    try:
        endpoints._config("sudoku4" if task is None else task, wanted)
    except ValueError as error:
        assert "\n" not in str(error) and str(error)


@given(ANYTHING, ANYTHING, ANYTHING, ANYTHING, ANYTHING)
def test_no_question_for_an_answer_leads_to_a_traceback(endpoints, task, puzzle, cycles, model, run):
    try:
        asyncio.run(endpoints.record("sudoku4" if task is None else task, puzzle, cycles, model, run))
    except gr.Error as error:
        assert "\n" not in str(error) and str(error)


def test_the_docs_name_every_setting_and_show_what_comes_back(endpoints):
    text = (Path(__file__).parent.parent / "docs" / "api.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in text for name in CONTROLS if name not in ("task", "data"))
    assert json.dumps(endpoints.weights("linear_decay", 3, 0.5)) in text
