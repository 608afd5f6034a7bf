"""The laws are checked on the lines themselves, at every write, whatever is asked and whatever the sensors read."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from hardware import DeviceError
from hardware.guard import LOOK_S, SETTLE_S, Eyes, Guard

PULSE_S = 0.5
LONGEST_S = 4.0


@dataclass
class Plant:
    """Two lines and three sensors, with a memory of every level that was ever driven."""

    entry: bool = False
    exit: bool = False
    fire: bool = False
    blind: bool = False
    broken: set[str] = field(default_factory=set)
    driven: dict[str, bool] = field(default_factory=lambda: {"release": True, "secure": True})
    rises: list[str] = field(default_factory=list)

    def eye(self, name: str) -> Callable[[], bool]:
        def read() -> bool:
            if self.blind:
                raise DeviceError(f"{name} cannot be read")
            return bool(getattr(self, name))

        return read

    @property
    def eyes(self) -> Eyes:
        return Eyes(self.eye("entry"), self.eye("exit"), self.eye("fire"))

    @property
    def objects(self) -> bool:
        return self.entry or self.exit or self.fire or self.blind

    def write(self, name: str, *, level: bool) -> None:
        if f"{name} {'on' if level else 'off'}" in self.broken:
            raise DeviceError(f"{name} is broken")
        if level and not self.driven[name]:
            self.rises.append(name)
        self.driven[name] = level
        if level:
            assert self.driven != {"release": True, "secure": True}, "both driven"
            assert name == "release" or not self.objects, "pushed against a sensor"


@dataclass
class Wire:
    plant: Plant
    name: str

    def on(self) -> None:
        self.plant.write(self.name, level=True)

    def off(self) -> None:
        self.plant.write(self.name, level=False)


def guard_of(plant: Plant, *, turnstile: bool = False) -> Guard:
    secure = None if turnstile else Wire(plant, "secure")
    return Guard(Wire(plant, "release"), secure, plant.eyes, PULSE_S, LONGEST_S)


def lines(plant: Plant) -> tuple[bool, bool]:
    return plant.driven["release"], plant.driven["secure"]


def test_both_lines_are_switched_off_at_first() -> None:
    plant = Plant()
    assert lines(plant) == (True, True)
    guard = guard_of(plant)
    assert lines(plant) == (False, False)
    assert guard.next_due() is None


def test_a_release_is_a_pulse_that_ends_on_time() -> None:
    plant = Plant()
    guard = guard_of(plant)
    guard.release(10.0)
    assert lines(plant) == (True, False)
    assert guard.next_due() == 10.5
    guard.run(10.49)
    assert lines(plant) == (True, False)
    guard.run(10.5)
    assert lines(plant) == (False, False)
    assert guard.next_due() is None


@pytest.mark.parametrize("late", [10.5, 11.0, 1e9, 9.0, -math.inf, math.nan])
def test_a_pulse_ends_however_late_the_call_and_whatever_the_clock_does(late: float) -> None:
    plant = Plant()
    guard = guard_of(plant)
    guard.release(10.0)
    guard.run(late)
    assert lines(plant) == (False, False)
    guard.run(10.1)
    assert lines(plant) == (False, False)


def test_a_second_release_within_the_pulse_is_denied_and_does_not_lengthen_it() -> None:
    plant = Plant()
    guard = guard_of(plant)
    guard.release(10.0)
    with pytest.raises(DeviceError, match="law 6"):
        guard.release(10.4)
    assert guard.next_due() == 10.5
    guard.run(10.5)
    guard.release(10.6)
    assert plant.rises == ["release", "release"]


def test_a_release_after_an_overdue_pulse_falls_before_it_rises() -> None:
    plant = Plant()
    guard = guard_of(plant)
    guard.release(10.0)
    guard.release(12.0)
    assert plant.rises == ["release", "release"]
    assert guard.next_due() == 12.5


@pytest.mark.parametrize("pulse_s", [0.0, 0.099, 2.01, math.inf, math.nan, -1.0])
def test_a_pulse_out_of_bounds_makes_no_guard(pulse_s: float) -> None:
    plant = Plant()
    with pytest.raises(DeviceError, match="law 6"):
        Guard(Wire(plant, "release"), None, plant.eyes, pulse_s, LONGEST_S)


@pytest.mark.parametrize("pulse_s", [0.1, 2.0])
def test_a_pulse_at_its_bounds_does(pulse_s: float) -> None:
    plant = Plant(driven={"release": False, "secure": False})
    guard = Guard(Wire(plant, "release"), None, plant.eyes, pulse_s, 30.0)
    guard.release(0.0)
    assert guard.next_due() == pulse_s


@pytest.mark.parametrize("longest", [0.0, -1.0, 30.1, math.inf, math.nan])
def test_securing_is_bounded(longest: float) -> None:
    plant = Plant()
    with pytest.raises(DeviceError, match="at most 30"):
        Guard(Wire(plant, "release"), Wire(plant, "secure"), plant.eyes, PULSE_S, longest)


def test_securing_is_a_level_that_ends_by_itself() -> None:
    plant = Plant()
    guard = guard_of(plant)
    guard.secure(10.0)
    assert lines(plant) == (False, True)
    guard.run(13.99)
    assert lines(plant) == (False, True)
    guard.run(14.0)
    assert lines(plant) == (False, False)
    assert guard.next_due() is None
    guard.run(13.0)
    assert lines(plant) == (False, False)


@pytest.mark.parametrize("sensor", ["entry", "exit", "fire", "blind"])
def test_securing_waits_while_a_sensor_objects_or_cannot_be_read(sensor: str) -> None:
    plant = Plant()
    setattr(plant, sensor, True)
    guard = guard_of(plant)
    guard.secure(10.0)
    assert lines(plant) == (False, False)
    assert guard.next_due() == 10.0 + LOOK_S
    setattr(plant, sensor, False)
    guard.run(10.0 + LOOK_S)
    assert lines(plant) == (False, False)
    guard.run(10.0 + SETTLE_S)
    assert lines(plant) == (False, True)


@pytest.mark.parametrize("sensor", ["entry", "exit", "fire", "blind"])
def test_securing_that_was_never_possible_is_given_up(sensor: str) -> None:
    plant = Plant()
    setattr(plant, sensor, True)
    guard = guard_of(plant)
    guard.secure(10.0)
    guard.run(10.0 + LONGEST_S)
    setattr(plant, sensor, False)
    guard.run(10.1 + LONGEST_S)
    assert lines(plant) == (False, False)
    assert guard.next_due() is None


@pytest.mark.parametrize("sensor", ["entry", "exit", "fire", "blind"])
def test_an_objection_stops_a_barrier_that_is_closing_and_it_goes_on_after_quiet(sensor: str) -> None:
    plant = Plant()
    guard = guard_of(plant)
    guard.secure(10.0)
    setattr(plant, sensor, True)
    assert guard.next_due() == 10.0 + LOOK_S  # nobody has to wake it
    guard.run(10.0 + LOOK_S)
    assert lines(plant) == (False, False)
    setattr(plant, sensor, False)
    guard.run(10.1)
    assert lines(plant) == (False, False)  # a flickering beam keeps it still
    guard.run(10.0 + LOOK_S + SETTLE_S)
    assert lines(plant) == (False, True)


def test_a_stopped_barrier_does_not_go_on_after_hold_or_after_its_time() -> None:
    plant = Plant(entry=False)
    guard = guard_of(plant)
    for end in (lambda: guard.hold(10.2), lambda: guard.run(14.0)):
        guard.secure(10.0)
        plant.entry = True
        guard.run(10.1)
        end()
        plant.entry = False
        guard.run(13.0)
        assert lines(plant) == (False, False)
        assert guard.next_due() is None


def test_quiet_before_a_new_secure_is_not_owed_from_an_old_one() -> None:
    plant = Plant()
    guard = guard_of(plant)
    guard.secure(10.0)
    plant.exit = True
    guard.run(10.1)
    plant.exit = False
    guard.secure(10.15)
    assert lines(plant) == (False, True)


def test_the_first_push_waits_for_quiet_and_those_after_a_release_do_not() -> None:
    plant = Plant()
    guard = Guard(Wire(plant, "release"), Wire(plant, "secure"), plant.eyes, PULSE_S, LONGEST_S, first_quiet_s=1.0)
    guard.secure(10.0)
    guard.run(10.99)
    assert lines(plant) == (False, False)
    guard.run(11.0)
    assert lines(plant) == (False, True)
    guard.hold(11.1)
    guard.secure(11.2)
    assert lines(plant) == (False, False), "still nobody knows who is inside"
    guard.release(12.0)
    guard.secure(13.0)
    assert lines(plant) == (False, True)


def test_securing_ends_the_pulse_and_releasing_ends_securing() -> None:
    plant = Plant()
    guard = guard_of(plant)
    guard.release(10.0)
    guard.secure(10.1)
    assert lines(plant) == (False, True)
    guard.release(10.2)
    assert lines(plant) == (True, False)
    guard.run(10.7)
    assert lines(plant) == (False, False)


def test_a_secure_that_has_to_wait_ends_the_pulse_at_once() -> None:
    plant = Plant(entry=True)
    guard = guard_of(plant)
    guard.release(10.0)
    guard.secure(10.1)
    assert lines(plant) == (False, False)


def test_a_release_is_not_denied_by_people_or_fire() -> None:
    plant = Plant(entry=True, exit=True, fire=True, blind=True)
    guard = guard_of(plant)
    guard.release(10.0)
    assert lines(plant) == (True, False)


def test_hold_drives_nothing_at_any_time() -> None:
    plant = Plant()
    guard = guard_of(plant)
    guard.release(10.0)
    guard.hold(10.1)
    assert lines(plant) == (False, False)
    guard.secure(10.2)
    guard.hold(math.nan)
    assert lines(plant) == (False, False)
    assert guard.next_due() is None


@pytest.mark.parametrize("now", [math.nan, math.inf, -math.inf])
def test_a_time_that_is_none_is_denied(now: float) -> None:
    plant = Plant()
    guard = guard_of(plant)
    for act in (guard.release, guard.secure):
        with pytest.raises(DeviceError, match="expected a time"):
            act(now)
    assert plant.rises == []


def test_a_closed_guard_denies_everything_and_drives_nothing() -> None:
    plant = Plant()
    guard = guard_of(plant)
    guard.secure(10.0)
    guard.close()
    assert lines(plant) == (False, False)
    for act in (guard.release, guard.secure):
        with pytest.raises(DeviceError, match="closed"):
            act(10.1)
    plant.broken = {"release off", "secure off"}  # its pins may be gone by now: they are not touched
    guard.hold(10.1)
    guard.run(10.1)
    guard.close()
    assert plant.rises == ["secure"]
    assert guard.next_due() is None


def test_a_line_that_cannot_be_driven_is_told_and_nothing_stays_on() -> None:
    plant = Plant()
    guard = guard_of(plant)
    plant.broken = {"release on"}
    with pytest.raises(DeviceError, match="release is broken"):
        guard.release(10.0)
    assert guard.next_due() is None
    plant.broken = {"secure on"}
    with pytest.raises(DeviceError, match="secure is broken"):
        guard.secure(10.1)
    assert lines(plant) == (False, False)
    assert guard.next_due() is None


def test_an_eye_that_fails_in_a_way_nobody_thought_of_stops_the_barrier() -> None:
    levels = {"entry": False, "exit": False, "fire": False}
    plant = Plant(driven={"release": False, "secure": False})
    eyes = Eyes(*(partial(levels.__getitem__, sensor) for sensor in ("entry", "exit", "fire")))
    guard = Guard(Wire(plant, "release"), Wire(plant, "secure"), eyes, PULSE_S, LONGEST_S)
    guard.secure(10.0)
    assert lines(plant) == (False, True)
    del levels["exit"]
    with pytest.raises(KeyError):
        guard.run(10.1)
    assert lines(plant) == (False, False)
    assert guard.next_due() is None


def test_a_release_line_that_cannot_be_switched_off_never_leaves_the_barrier_pushing() -> None:
    plant = Plant()
    guard = guard_of(plant)
    guard.secure(10.0)
    plant.broken = {"release off"}
    with pytest.raises(DeviceError, match="release is broken"):
        guard.hold(10.1)
    assert lines(plant) == (False, False)


def test_a_pulse_that_could_not_be_ended_is_ended_at_the_next_call() -> None:
    plant = Plant()
    guard = guard_of(plant)
    guard.release(10.0)
    plant.broken = {"release off"}
    for now in (10.5, 10.6):
        with pytest.raises(DeviceError, match="release is broken"):
            guard.run(now)
    with pytest.raises(DeviceError, match="release is broken"):
        guard.secure(10.7)  # both must not be driven
    assert lines(plant) == (True, False)
    plant.broken = set()
    guard.run(10.8)
    assert lines(plant) == (False, False)


def test_a_turnstile_has_no_secure_line_but_the_same_laws() -> None:
    plant = Plant(driven={"release": False, "secure": False})
    guard = guard_of(plant, turnstile=True)
    guard.release(10.0)
    guard.secure(10.1)
    assert plant.driven["release"] is False
    plant.entry = True
    guard.run(10.2)
    guard.secure(10.3)
    guard.hold(10.4)
    guard.close()
    assert plant.rises == ["release"]


class AnySequence(RuleBasedStateMachine):
    """Any calls, any levels, pins that fail now and then, a clock that mostly goes forward."""

    def __init__(self) -> None:
        super().__init__()
        self.plant = Plant()
        self.guard = guard_of(self.plant)
        self.now = 0.0
        self.release_asked = self.secure_asked = -math.inf
        self.closed = False
        self.failed = False

    def call(self, act: Callable[[float], None]) -> bool:
        try:
            act(self.now)
        except DeviceError:
            self.failed = bool(self.plant.broken)
            return False
        self.failed = False
        return True

    @rule(by=st.floats(0.0, 1.5))
    def time_passes_and_it_runs(self, by: float) -> None:
        self.now += by
        self.call(self.guard.run)

    @rule()
    def it_runs_when_it_asked_to(self) -> None:
        self.now = max(self.now, self.guard.next_due() or self.now)
        self.call(self.guard.run)

    @rule()
    def release(self) -> None:
        running = self.plant.driven["release"] and self.now < self.release_asked + PULSE_S
        if self.call(self.guard.release):
            assert not running
            assert lines(self.plant) == (True, False)
            self.release_asked = self.now

    @rule()
    def secure(self) -> None:
        objected = self.plant.objects
        if self.call(self.guard.secure):
            assert lines(self.plant) == (False, not objected)
            self.secure_asked = self.now

    @rule()
    def hold(self) -> None:
        if self.call(self.guard.hold):
            assert lines(self.plant) == (False, False)

    @rule(sensor=st.sampled_from(["entry", "exit", "fire", "blind"]), level=st.booleans())
    def a_sensor_moves_and_wakes_it(self, sensor: str, level: bool) -> None:  # noqa: FBT001  hypothesis passes by name
        setattr(self.plant, sensor, level)
        self.call(self.guard.run)

    @rule(broken=st.sets(st.sampled_from(["release on", "secure on", "release off"]), max_size=2))
    def pins_break_or_mend(self, broken: set[str]) -> None:
        self.plant.broken = broken
        self.call(self.guard.run)

    @precondition(lambda self: not self.closed)
    @rule(sure=st.sampled_from([False, False, False, True]))
    def close(self, sure: bool) -> None:  # noqa: FBT001  hypothesis passes by name
        if sure and not self.plant.broken:
            self.guard.close()
            self.closed = True

    @invariant()
    def the_laws_hold_on_the_lines(self) -> None:
        release, secure = lines(self.plant)
        assert not (release and secure)
        assert not (secure and self.plant.objects)
        if not self.failed:
            assert not release or self.now < self.release_asked + PULSE_S
        assert not secure or self.now < self.secure_asked + LONGEST_S
        if self.closed:
            assert not release
            assert not secure

    @invariant()
    def whatever_is_driven_has_an_end_that_it_asks_for(self) -> None:
        if any(lines(self.plant)) and not self.failed:
            due = self.guard.next_due()
            assert due is not None
            assert self.now < due <= self.now + PULSE_S


TestAnySequence = AnySequence.TestCase
TestAnySequence.settings = settings(max_examples=150, stateful_step_count=25, deadline=None)


@settings(deadline=None)  # the machine may be busy
@given(st.lists(st.tuples(st.booleans(), st.floats(0.001, SETTLE_S - 0.001)), min_size=1, max_size=30))
def test_a_beam_that_flickers_faster_than_the_settling_time_keeps_the_barrier_still(
    flicker: list[tuple[bool, float]],
) -> None:
    plant = Plant()
    guard = guard_of(plant)
    guard.secure(0.0)
    plant.entry = True
    now = 0.01
    guard.run(now)
    for beam, lasts in flicker:
        plant.exit = beam
        guard.run(now)
        plant.exit = False
        now += lasts
        plant.entry = True  # seen broken at least once in every settling time
        guard.run(now)
        assert lines(plant) == (False, False)
        plant.entry = False
        guard.run(now)
        assert lines(plant) == (False, False)
