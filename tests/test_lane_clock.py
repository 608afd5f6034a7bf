"""Whether the wall clock may judge a code (gate.lane.clock; hardware.clock reads it)."""

from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.lane.clock import ClockState, ClockTrust, Doubt, Limits, Reading

NOW = 1_800_000_000.0
TRUSTED, HOLDOVER, AHEAD, UNTRUSTED = ClockState
LIMITS = Limits(drift_ppm=100.0, error_s=2.0)


def begun() -> ClockTrust:
    return ClockTrust(floor=NOW - 1000, limits=LIMITS)


def synchronised() -> ClockTrust:
    return begun().read(Reading(NOW, synchronised=True, monotonic=50.0))


def held(wall: float, monotonic: float) -> ClockState:
    return synchronised().read(Reading(NOW + wall, synchronised=False, monotonic=50.0 + monotonic)).state


def test_a_clock_begins_untrusted_and_stays_so_until_synchronised() -> None:
    assert begun().state is UNTRUSTED
    assert begun().read(Reading(NOW, synchronised=False, monotonic=50.0)).state is UNTRUSTED
    assert synchronised().state is TRUSTED


def test_holdover_lasts_until_the_worst_drift_reaches_the_limit() -> None:
    assert held(0, 0) is HOLDOVER
    assert held(19_999, 19_999) is HOLDOVER
    assert held(20_001, 20_001) is UNTRUSTED


@pytest.mark.parametrize("step", [-1.9, 1.9])
def test_a_small_step_is_borne(step: float) -> None:
    assert held(100 + step, 100) is HOLDOVER


@pytest.mark.parametrize("step", [-2.1, 2.1, 3600.0, -900.0])
def test_a_step_that_nobody_vouches_for_is_not(step: float) -> None:
    assert held(100 + step, 100) is UNTRUSTED


def test_a_step_and_drift_add_up() -> None:
    assert held(10_000 + 0.9, 10_000) is HOLDOVER
    assert held(10_000 + 1.1, 10_000) is UNTRUSTED


def test_many_small_steps_are_one_large_one() -> None:
    clock = synchronised()
    for count in range(1, 4):
        clock = clock.read(Reading(NOW + 1.0 * count, synchronised=False, monotonic=50.0))
    assert clock.state is UNTRUSTED


def test_a_monotonic_clock_that_went_back_vouches_for_nothing() -> None:
    assert held(0, -1) is UNTRUSTED


def test_below_the_floor_nobody_is_believed() -> None:
    assert begun().read(Reading(NOW - 1001, synchronised=True, monotonic=50.0)).state is UNTRUSTED
    assert begun().read(Reading(NOW - 1000, synchronised=True, monotonic=50.0)).state is TRUSTED


def test_trusted_time_only_moves_forward_but_for_a_small_step_back() -> None:
    clock = synchronised()
    assert clock.floor == NOW - 2
    assert clock.read(Reading(NOW - 1.5, synchronised=True, monotonic=51.0)).state is TRUSTED
    assert clock.read(Reading(NOW - 2.5, synchronised=True, monotonic=51.0)).state is UNTRUSTED


def test_it_recovers_by_itself() -> None:
    clock = synchronised().read(Reading(0.0, synchronised=False, monotonic=60.0))
    assert clock.state is UNTRUSTED
    assert clock.read(Reading(NOW + 20, synchronised=True, monotonic=70.0)).state is TRUSTED
    assert clock.read(Reading(NOW + 20, synchronised=False, monotonic=70.0)).state is HOLDOVER


def test_what_is_signed_raises_the_floor_and_never_lowers_it() -> None:
    assert begun().raised(NOW).floor == NOW
    assert begun().raised(0.0).floor == NOW - 1000
    for nonsense in (inf, nan):
        assert begun().raised(nonsense) == begun()


@pytest.mark.parametrize("wall", [nan, inf, -inf])
def test_a_time_that_is_none_is_untrusted_and_teaches_nothing(wall: float) -> None:
    for reading in (Reading(wall, synchronised=True, monotonic=51.0), Reading(NOW, synchronised=True, monotonic=wall)):
        clock = synchronised().read(reading)
        assert clock.state is UNTRUSTED
        assert (clock.floor, clock.synchronised) == (synchronised().floor, synchronised().synchronised)


def test_past_the_ceiling_it_judges_and_learns_nothing() -> None:
    clock = synchronised().under(NOW + 100)
    assert clock.read(Reading(NOW + 99, synchronised=True, monotonic=149.0)).state is TRUSTED
    ahead = clock.read(Reading(NOW + 100, synchronised=True, monotonic=150.0))
    assert (ahead.state, ahead.doubt) == (AHEAD, Doubt.PAST_CEILING)
    assert (ahead.floor, ahead.synchronised) == (clock.floor, clock.synchronised)
    back = ahead.read(Reading(NOW + 1, synchronised=True, monotonic=151.0))
    assert (back.state, back.doubt) == (TRUSTED, None)
    assert ahead.under(NOW + 1000).read(Reading(NOW + 101, synchronised=True, monotonic=151.0)).state is TRUSTED


def test_a_reading_past_the_ceiling_vouches_for_none_after_it() -> None:
    ahead = synchronised().under(NOW + 100).read(Reading(NOW + 9e8, synchronised=True, monotonic=60.0))
    assert ahead.read(Reading(NOW + 9e8, synchronised=False, monotonic=60.0)).state is UNTRUSTED
    assert ahead.read(Reading(NOW + 10, synchronised=False, monotonic=60.0)).state is HOLDOVER


@pytest.mark.parametrize(
    ("wall", "synced", "monotonic", "why"),
    [
        (nan, True, 51.0, Doubt.NO_TIME),
        (NOW, True, inf, Doubt.NO_TIME),
        (NOW - 1000, True, 51.0, Doubt.BELOW_FLOOR),
        (NOW + 1, True, 51.0, None),
        (NOW + 1, False, 51.0, Doubt.UNSYNCHRONISED),
        (NOW + 1, False, 49.0, Doubt.NEVER_SYNCHRONISED),
        (NOW + 9, False, 51.0, Doubt.STEPPED),
        (NOW + 30_000, False, 30_050.0, Doubt.DRIFTED),
        (NOW + 1e6, True, 51.0, Doubt.PAST_CEILING),
    ],
)
def test_a_doubt_is_named(wall: float, monotonic: float, why: Doubt | None, *, synced: bool) -> None:
    clock = synchronised().under(NOW + 1e6).read(Reading(wall, synchronised=synced, monotonic=monotonic))
    assert clock.doubt is why


def test_how_long_it_is_carried() -> None:
    assert LIMITS.holdover_s == 20_000
    assert Limits().holdover_s == 60_000


TIMES = st.floats(NOW - 5000, NOW + 50_000) | st.sampled_from([0.0, NOW - 1000, NOW, nan, inf])
READINGS = st.builds(Reading, TIMES, st.booleans(), st.floats(0, 50_000))


@given(st.lists(READINGS, max_size=30), st.just(inf) | st.floats(NOW - 2000, NOW + 60_000))
def test_whatever_the_clocks_say(readings: list[Reading], ceiling: float) -> None:
    clock = begun().under(ceiling)
    for reading in readings:
        before, clock = clock, clock.read(reading)
        assert clock.floor >= before.floor
        if clock.state is not UNTRUSTED:
            assert reading.wall >= before.floor
        if clock.state is TRUSTED:
            assert reading.synchronised
            assert clock.synchronised == reading
            assert reading.wall < ceiling
            assert clock.floor < ceiling or clock.floor == before.floor
        else:
            assert (clock.floor, clock.synchronised) == (before.floor, before.synchronised)
        if clock.state is HOLDOVER:
            assert before.synchronised is not None
            elapsed = reading.monotonic - before.synchronised.monotonic
            assert 0 <= elapsed <= LIMITS.error_s / LIMITS.drift_ppm * 1e6
            assert abs(reading.wall - before.synchronised.wall - elapsed) <= LIMITS.error_s
        if reading.synchronised and before.floor <= reading.wall < inf:
            assert clock.state is (TRUSTED if reading.wall < ceiling else AHEAD)
        assert (clock.doubt is None) == (clock.state is TRUSTED)


# What the readings above do not tell apart: found by breaking clock.py (`.ci/mutation`).


def test_a_clock_begins_in_doubt_and_bounds_no_error_before_it_is_synchronised() -> None:
    assert begun().doubt is Doubt.NEVER_SYNCHRONISED
    assert begun().error(Reading(NOW, synchronised=False, monotonic=50.0)) == inf
    assert synchronised().error(Reading(NOW, synchronised=False, monotonic=49.0)) == inf


def test_exactly_the_limit_is_within_it_and_as_much_drift_as_step_is_drift() -> None:
    assert held(2, 0) is HOLDOVER
    assert held(20_000, 20_000) is HOLDOVER
    clock = synchronised().read(Reading(NOW + 20_002, synchronised=False, monotonic=20_050.0))
    assert clock.doubt is Doubt.DRIFTED
