"""What a change of one sensor means."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.errors import GateError
from gate.lane.inputs import Event, Inputs, Walk, fold

EMPTY = Inputs(entry=False, exit=False, closed=True, fire=False, officer=False)
SENSORS = ("entry", "exit", "closed", "fire", "officer")
CHANGES = st.lists(st.tuples(st.sampled_from(SENSORS), st.booleans()), max_size=60)


def told(*changes: str, inputs: Inputs = EMPTY) -> tuple[list[Event], Inputs]:
    """Each change is a sensor's name, with a minus where it ceases."""
    events = []
    for change in changes:
        inputs, event = fold(inputs, change.lstrip("-"), not change.startswith("-"))
        events += [event] if event else []
    return events, inputs


def test_a_person_walks_through_two_beams_set_wide_apart() -> None:
    events, inputs = told("entry", "-entry", "exit", "-exit")
    assert events == [Event.ENTERED, Event.LEFT]
    assert inputs == EMPTY


def test_a_person_walks_through_two_beams_set_close_together() -> None:
    assert told("entry", "exit", "-entry", "-exit")[0] == [Event.ENTERED, Event.LEFT]


def test_leaving_is_told_once_both_beams_are_clear() -> None:
    events, inputs = told("entry", "exit", "-exit")
    assert events == [Event.ENTERED]
    assert told("-entry", inputs=inputs)[0] == [Event.LEFT]


def test_walking_back_out_of_the_entry_is_not_leaving() -> None:
    events, inputs = told("entry", "-entry")
    assert events == [Event.ENTERED]
    assert inputs.walk is Walk.INSIDE
    assert inputs.clear


def test_somebody_new_after_one_who_walked_back_is_told() -> None:
    assert told("entry", "-entry", "entry", "-entry", "exit", "-exit")[0] == [
        Event.ENTERED,
        Event.ENTERED,
        Event.LEFT,
    ]


def test_a_second_person_behind_the_first_is_a_crowd_until_an_officer_looks() -> None:
    events, inputs = told("entry", "-entry", "exit", "entry", "-entry", "-exit", "exit", "-exit", "entry", "-entry")
    assert events == [Event.ENTERED, Event.ENTERED, Event.ENTERED]
    assert inputs.walk is Walk.CROWD
    assert told("officer", inputs=inputs) == ([Event.RESET], Inputs(**{**_levels(EMPTY), "officer": True}))


def test_an_officers_key_clears_no_walk_while_a_beam_is_broken() -> None:
    events, inputs = told("entry", "officer")
    assert events == [Event.ENTERED, Event.RESET]
    assert inputs.walk is Walk.INSIDE


def test_somebody_who_comes_in_by_the_exit_has_entered_too() -> None:
    assert told("exit", "-exit")[0] == [Event.ENTERED, Event.LEFT]


@pytest.mark.parametrize(
    ("sensor", "event"), [("closed", Event.CLOSED), ("fire", Event.FIRE), ("officer", Event.RESET)]
)
def test_a_switch_tells_when_it_becomes_active_and_only_then(sensor: str, event: Event) -> None:
    start = Inputs(entry=False, exit=False, closed=False, fire=False, officer=False)
    assert told(sensor, f"-{sensor}", sensor, inputs=start)[0] == [event, event]


@pytest.mark.parametrize("sensor", ["walk", "clear", "", "Entry", "exit "])
def test_a_sensor_that_does_not_exist_is_named(sensor: str) -> None:
    with pytest.raises(GateError, match=r"expected a sensor of entry, exit, closed, fire, officer, not '"):
        fold(EMPTY, sensor, active=True)


@given(CHANGES)
def test_whatever_the_sensors_do(changes: list[tuple[str, bool]]) -> None:
    inputs, entered, left = EMPTY, 0, 0
    for sensor, active in changes:
        before = inputs
        inputs, event = fold(inputs, sensor, active)
        assert getattr(inputs, sensor) is active
        assert {name: value for name, value in _levels(inputs).items() if name != sensor} == {
            name: value for name, value in _levels(before).items() if name != sensor
        }
        if getattr(before, sensor) is active:
            assert (inputs, event) == (before, None)
        entered += event is Event.ENTERED
        left += event is Event.LEFT
        assert left <= entered
        if event is Event.LEFT:
            assert inputs.clear
            assert inputs.walk is Walk.NOBODY
        if not inputs.clear:  # whoever stands in a beam is known of
            assert inputs.walk is not Walk.NOBODY


def _levels(inputs: Inputs) -> dict[str, bool]:
    return {name: getattr(inputs, name) for name in SENSORS}


def test_an_exit_beam_that_clears_and_breaks_again_is_one_person_leaving() -> None:
    events, inputs = told("entry", "exit", "-exit", "exit", "-exit")
    assert (events, inputs.walk) == ([Event.ENTERED], Walk.LEAVING)
    assert told("-entry", inputs=inputs) == ([Event.LEFT], EMPTY)
