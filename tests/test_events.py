"""events.py: one JSON line an event, and back."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trm_explore.training import events as ev

number = st.floats()  # NaN and both infinities among them
numbers = st.lists(number, max_size=4)
finite = st.floats(allow_nan=False, allow_infinity=False)
whole = st.integers(0, 10**6)
any_json = st.recursive(
    st.none() | st.booleans() | whole | st.text() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
objects = st.dictionaries(st.text(), any_json, max_size=3)
cells = st.lists(st.none() | finite, max_size=4)
frames = st.fixed_dictionaries(
    {
        "update": st.none() | whole,
        "label": st.text(),
        "board": objects,
        "inputs": cells,
        "given": st.lists(st.integers(0, 1), max_size=4),
        "target": st.none() | cells,
        "steps": st.lists(
            st.fixed_dictionaries(
                {
                    "wrong": st.none() | st.lists(whole, max_size=4),
                    "loss": st.none() | finite,
                    "halt": st.none() | finite,
                    "change": st.none() | finite,
                },
                optional={"ids": st.lists(whole), "conf": cells, "values": cells, "notes": st.lists(st.text())},
            ),
            max_size=2,
        ),
    },
    optional={
        "others": st.fixed_dictionaries({"inputs": st.lists(cells), "steps": st.lists(st.lists(cells, max_size=2))})
    },
)
EVENTS = {
    ev.Preparing: st.builds(ev.Preparing, st.text(), whole, whole),
    ev.Started: st.builds(
        ev.Started,
        objects,
        whole,
        st.text(),
        whole,
        whole,
        finite,
        st.dictionaries(st.text(), finite),
        st.lists(st.text()),
    ),
    ev.UpdateDone: st.builds(
        ev.UpdateDone, whole, number, numbers, numbers, number, number, number, number, numbers, st.lists(numbers)
    ),
    ev.Evaluated: st.builds(ev.Evaluated, whole, whole, numbers, numbers, numbers, numbers),
    ev.GradientsMeasured: st.builds(ev.GradientsMeasured, whole, numbers, st.lists(numbers)),
    ev.Frame: st.builds(ev.Frame, whole, frames),
    ev.Saved: st.builds(ev.Saved, whole, st.text()),
    ev.Finished: st.builds(ev.Finished, st.sampled_from(["done", "stopped"]), whole, number),
    ev.Failed: st.builds(ev.Failed, whole, st.text(), st.text()),
}


def as_written(value):
    """What the line can hold: numbers that are not finite all come back as NaN, told apart here by a word."""
    if isinstance(value, float):
        return value if math.isfinite(value) else "not finite"
    if isinstance(value, list):
        return [as_written(v) for v in value]
    return value


def fields_of(event):
    return {name: as_written(getattr(event, name)) for name in event.__dataclass_fields__}


def test_every_kind_of_event_is_tried_below():
    assert set(EVENTS) == set(ev.KINDS.values()) == set(ev.Event.__args__)


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_an_event_survives_the_trip_through_one_line_of_strict_json(kind, data):
    event = data.draw(EVENTS[kind])
    line = ev.to_json(event)
    assert "\n" not in line
    body = json.loads(line, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))
    assert next(iter(body.items())) == ("event", kind.__name__)
    back = ev.from_json(line)
    assert type(back) is kind
    assert fields_of(back) == fields_of(event)


def test_nan_is_null_in_the_line_and_nan_again_afterwards():
    event = ev.Evaluated(3, 2, [math.nan, 0.5], [1.0], [math.inf])
    body = json.loads(ev.to_json(event))
    assert (body["loss"], body["exact_accuracy"]) == ([None, 0.5], [None])
    back = ev.from_json(ev.to_json(event))
    assert math.isnan(back.loss[0]) and math.isnan(back.exact_accuracy[0]) and back.loss[1] == 0.5


def test_null_stays_null_where_it_does_not_mean_a_number():
    step = {"wrong": None, "loss": None, "halt": None, "change": None, "values": [None, 0.5]}
    board = {"rows": 1, "cols": 2}
    frame = ev.Frame(
        1,
        {
            "update": 1,
            "label": "",
            "board": board,
            "inputs": [1, 2],
            "given": [0, 1],
            "target": None,
            "steps": [step],
        },
    )
    assert ev.from_json(ev.to_json(frame)) == frame


@pytest.mark.parametrize(
    "line",
    [
        "",
        "{",
        "3",
        "null",
        "[]",
        '"Saved"',
        "{}",
        '{"event": "Exploded"}',
        '{"event": ["Saved"]}',
        '{"event": "Saved", "update": 1}',
        '{"event": "Saved", "update": 1, "path": "a", "more": 2}',
    ],
)
def test_a_line_that_is_no_event_is_refused_with_its_beginning(line):
    with pytest.raises(ValueError, match="not an event line") as error:
        ev.from_json(line)
    assert repr(line) in str(error.value) and "UpdateDone" in str(error.value)


def test_events_cannot_be_changed():
    with pytest.raises(AttributeError):
        ev.Saved(1, "a").path = "b"
