"""What the lane knows of its clock, in words; the stories are in test_record.py."""

from dataclasses import replace
from math import inf, nan

import pytest
from forge import AT, TRUST
from hypothesis import given
from hypothesis import strategies as st
from plant import WoundClock

from gate.controller.timekeeper import BUILT, RECORDED, Timekeeper, when
from gate.lane.clock import ClockState

TIMES = st.floats(AT - 9e8, AT + 9e8) | st.sampled_from([nan, inf, -inf, 0.0, 1e18, float(AT)])


def keeper(clock: WoundClock, built: float = AT - 7200.0, recorded: float = AT - 60.0) -> Timekeeper:
    return Timekeeper(clock, replace(TRUST, issued=AT - 3600), {BUILT: built, RECORDED: recorded})


def at(wall: float, *, synced: bool = True) -> WoundClock:
    return WoundClock(now=100.0, wall_at_zero=wall - 100.0, synced=synced)


@pytest.mark.parametrize(("wall", "proof"), [(AT - 9000.0, BUILT), (AT - 4000.0, "was issued"), (AT - 100.0, RECORDED)])
def test_the_plainest_proof_is_named(wall: float, proof: str) -> None:
    time = keeper(at(wall))
    assert time.state is ClockState.UNTRUSTED
    assert proof in time.told()


def test_two_right_clocks_may_differ_a_little() -> None:
    assert keeper(at(AT - 62.9)).state is ClockState.TRUSTED
    assert keeper(at(AT - 63.1)).state is ClockState.UNTRUSTED
    assert keeper(at(float(AT))).margin_s == 6.0


def test_a_lane_that_has_nothing_begins_with_what_was_signed() -> None:
    time = Timekeeper(at(AT - 5.0), replace(TRUST, issued=AT), {})
    assert time.state is ClockState.UNTRUSTED
    assert "was issued" in time.told()


def test_only_changes_are_changes() -> None:
    clock = at(float(AT))
    time = keeper(clock)
    assert not time.read()
    clock.synced = False
    assert time.read()
    assert not time.read()
    clock.wall_at_zero -= 9e8
    assert time.read()
    clock.wall_at_zero += 9e8
    clock.synced = True
    assert time.read()
    assert time.moment(AT + 1.0).trusted


@given(st.lists(st.tuples(TIMES, st.booleans()), min_size=1, max_size=20))
def test_whatever_a_clock_says_it_is_put_in_words(readings: list[tuple[float, bool]]) -> None:
    clock = at(float(AT))
    time = keeper(clock)
    for wall, synced in readings:
        clock.wall_at_zero, clock.synced = wall - clock.now, synced
        time.read()
        assert time.told().startswith("the clock ")
        assert time.moment(wall).trusted is (time.state is not ClockState.UNTRUSTED)


@given(st.floats())
def test_every_number_is_a_time_or_none(wall: float) -> None:
    assert when(wall).endswith((" UTC", "no time at all"))
