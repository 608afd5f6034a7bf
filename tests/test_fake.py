"""The fakes on their own, and then the real devices against them: whatever is asked of the barrier, nobody is crushed."""

import math
import threading
import time
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardware import DeviceError
from hardware.barrier import Barrier
from hardware.fake import ContactPin, Follower, Geometry, SimulatedLane, Walker, World
from hardware.pins import Wiring, simulated_factory
from hardware.rhythm import soonest
from hardware.sensors import Change, Sensors

DEBOUNCE_S = 0.02


class Hall:
    """A simulated lane with real sensors and a real barrier, wound by hand."""

    def __init__(self, wiring: Wiring | None = None, geometry: Geometry | None = None) -> None:
        self.now = 100.0
        wiring = wiring or Wiring()
        self.world = World(self.now)
        factory = simulated_factory(ContactPin)
        self.lane = SimulatedLane(self.world, factory, wiring, lambda: self.now, geometry)
        self.sensors = Sensors(wiring, factory, DEBOUNCE_S, lambda: None)
        self.barrier = Barrier(wiring, factory, self.sensors.read, pulse_s=0.2)
        self.changes: list[Change] = []

    def wind(self, by: float) -> None:
        until = self.now + by
        while (due := soonest(self.world.next_due(), self.sensors.next_due(), self.barrier.next_due())) is not None:
            if due > until:
                break
            self.now = max(self.now, due)
            self._step()
        self.now = until
        self._step()

    def _step(self) -> None:
        self.world.run(self.now)
        self.barrier.run(self.now)
        self.changes += self.sensors.poll(self.now)

    @property
    def told(self) -> list[str]:
        return [happening.what for happening in self.lane.happened]

    @property
    def sensed(self) -> list[tuple[str, bool]]:
        return [(change.sensor, change.active) for change in self.changes]


class TestWorld:
    def test_actions_come_in_the_order_of_their_times_each_at_its_own(self) -> None:
        world, done = World(), list[tuple[str, float]]()
        for name, when in (("b", 2.0), ("a", 1.0), ("c", 2.0), ("never", math.inf)):
            world.at(when, lambda name=name: done.append((name, world.now)))  # type: ignore[misc]  # a lambda with a default
        assert world.next_due() == 1.0
        world.run(1.5)
        assert (done, world.now) == ([("a", 1.0)], 1.5)
        world.run(5.0)
        assert done[1:] == [("b", 2.0), ("c", 2.0)]
        assert world.next_due() is None

    def test_time_never_goes_backwards_and_what_is_past_is_done_at_once(self) -> None:
        world, done = World(10.0), list[float]()
        world.at(3.0, lambda: done.append(world.now))
        world.run(1.0)
        assert world.now == 10.0
        assert done == []
        world.run(10.0)
        assert done == [10.0]

    def test_an_action_may_plan_another_that_is_already_due(self) -> None:
        world, done = World(), list[float]()
        world.at(1.0, lambda: world.at(2.0, lambda: done.append(world.now)))
        world.run(3.0)
        assert done == [2.0]

    def test_only_an_earlier_entry_wakes_the_waiting(self) -> None:
        woken: list[int] = []
        world = World(changed=lambda: woken.append(1))
        world.at(5.0, lambda: None)
        world.at(6.0, lambda: None)
        assert len(woken) == 1
        world.at(4.0, lambda: None)
        assert len(woken) == 2

    def test_a_follower_keeps_a_world_at_the_real_clock(self) -> None:
        done = threading.Event()
        world = World(time.monotonic())
        follower = Follower(world, time.monotonic)
        world.at(time.monotonic() + 60, lambda: None)
        world.at(time.monotonic() + 0.01, done.set)
        assert done.wait(5)
        follower.close()


def test_the_lane_is_at_rest_at_first() -> None:
    hall = Hall()
    assert hall.sensors.levels() == {"entry": False, "exit": False, "closed": True, "fire": False, "officer": False}
    assert hall.lane.openness == 0.0
    assert hall.world.next_due() is None


def test_a_barrier_takes_time_to_open_and_its_switch_has_travel() -> None:
    hall = Hall()
    hall.barrier.release(hall.now)
    assert hall.sensors.read("closed")
    hall.wind(0.3)
    assert hall.lane.openness == pytest.approx(0.5)
    assert hall.sensed == [("closed", False)]
    hall.wind(1.0)
    assert hall.lane.openness == 1.0
    assert hall.told == ["opened"]


def test_it_closes_while_secured_and_stops_on_hold() -> None:
    hall = Hall()
    hall.barrier.release(hall.now)
    hall.wind(1.0)
    hall.barrier.secure(hall.now)
    hall.wind(0.4)
    hall.barrier.hold(hall.now)
    assert hall.lane.openness == pytest.approx(0.5)
    hall.wind(5.0)
    assert hall.lane.openness == pytest.approx(0.5)
    assert ("closed", True) not in hall.sensed
    hall.barrier.secure(hall.now)
    hall.wind(1.0)
    assert hall.sensed[-1] == ("closed", True)
    assert hall.told == ["opened", "shut"]


def test_a_contact_bounces_and_the_debounced_sensor_does_not() -> None:
    hall = Hall()
    hall.lane.break_beam("entry", broken=True)
    raw = [hall.sensors.read("entry")]
    while (due := hall.world.next_due()) is not None:
        hall.now = due
        hall.world.run(due)
        hall.changes += hall.sensors.poll(due)
        raw.append(hall.sensors.read("entry"))
    assert raw.count(False) >= 1
    assert raw[-1] is True
    hall.wind(1.0)
    assert hall.sensed == [("entry", True)]


def test_a_person_walks_through_when_the_barrier_has_opened() -> None:
    hall = Hall()
    hall.lane.expect_walker()
    hall.wind(10.0)
    assert hall.told == []
    hall.barrier.release(hall.now)
    hall.wind(1.9)
    assert hall.lane.people == 1
    hall.wind(10.0)
    assert hall.told == ["opened", "entered", "left"]
    assert hall.sensed == [("closed", False), ("entry", True), ("exit", True), ("entry", False), ("exit", False)]
    assert hall.lane.people == 0


def test_a_no_show_and_one_who_was_sent_away_do_not_walk() -> None:
    for walker, dismissed in ((Walker(reaction_s=math.inf), False), (Walker(), True)):
        hall = Hall()
        hall.lane.expect_walker(walker)
        if dismissed:
            hall.lane.dismiss()
        hall.barrier.release(hall.now)
        hall.wind(60.0)
        assert hall.told == ["opened"]


def test_a_tailgater_follows() -> None:
    hall = Hall()
    hall.lane.expect_walker(Walker(reaction_s=0.5))
    hall.lane.expect_walker(Walker(reaction_s=1.1))
    hall.barrier.release(hall.now)
    hall.wind(20.0)
    assert hall.told == ["opened", "entered", "entered", "left", "left"]
    assert hall.sensed[-1] == ("exit", False)


def test_one_who_stops_in_a_beam_keeps_it_broken_and_one_who_turns_back_is_not_out() -> None:
    hall = Hall()
    hall.lane.expect_walker(Walker(stops_at_m=0.5))
    hall.barrier.release(hall.now)
    hall.wind(600.0)
    assert hall.sensors.levels()["entry"] is True
    hall = Hall()
    hall.lane.expect_walker(Walker(stops_at_m=0.4, stops_for_s=1.0, turns_back=True))
    hall.barrier.release(hall.now)
    hall.wind(60.0)
    assert hall.told == ["opened", "entered", "turned back"]
    assert hall.sensed == [("closed", False), ("entry", True), ("entry", False)]


def test_a_jammed_leaf_stays_where_it_is() -> None:
    hall = Hall()
    hall.barrier.release(hall.now)
    hall.wind(0.3)
    hall.lane.jam()
    hall.wind(1.0)
    hall.barrier.secure(hall.now)
    hall.wind(2.0)
    assert hall.lane.openness == pytest.approx(0.5)
    hall.lane.unjam()
    hall.wind(2.0)
    assert hall.lane.openness == 0.0
    assert hall.told == ["jammed", "shut"]


def test_fire_frees_the_barrier_by_itself_and_while_it_closes() -> None:
    hall = Hall()
    hall.barrier.release(hall.now)
    hall.wind(1.0)
    hall.barrier.secure(hall.now)
    hall.wind(0.3)
    hall.lane.fire(burning=True)
    hall.wind(1.0)
    assert hall.lane.openness == 1.0
    assert hall.sensed[-1] == ("fire", True)
    hall.barrier.secure(hall.now)
    hall.wind(1.0)
    assert hall.lane.openness == 1.0
    hall.barrier.hold(hall.now)
    hall.lane.fire(burning=False)
    hall.wind(1.0)
    assert hall.sensors.levels()["fire"] is False


def test_a_turned_key_is_felt() -> None:
    hall = Hall()
    hall.lane.turn_key(turned=True)
    hall.wind(1.0)
    hall.lane.turn_key(turned=False)
    hall.wind(1.0)
    assert hall.sensed == [("officer", True), ("officer", False)]


def test_a_turnstile_closes_by_itself_but_not_on_a_person() -> None:
    hall = Hall(Wiring(secure=None))
    hall.barrier.release(hall.now)
    hall.wind(10.0)
    assert hall.told == ["opened", "shut"]
    hall = Hall(Wiring(secure=None))
    hall.lane.expect_walker(Walker(stops_at_m=0.75, stops_for_s=20.0))
    hall.barrier.release(hall.now)
    hall.wind(15.0)
    assert hall.lane.openness == 1.0
    hall.wind(30.0)
    assert hall.told == ["opened", "entered", "left", "shut"]


def test_the_fake_tells_a_crush_that_a_guard_without_eyes_would_do() -> None:
    """The assertion of every other test can fail: here the secure pin is driven past the guard."""
    hall = Hall()
    hall.lane.expect_walker(Walker(stops_at_m=0.75))
    hall.barrier.release(hall.now)
    hall.wind(5.0)
    hall.barrier._pins["secure"].on()
    assert hall.told[-1] == "crush"


def test_nobody_walks_into_a_leaf_that_is_shut_again() -> None:
    hall = Hall()
    hall.lane.expect_walker(Walker(reaction_s=3.0))
    hall.barrier.release(hall.now)
    hall.wind(1.0)
    hall.barrier.secure(hall.now)
    hall.wind(20.0)
    assert hall.told == ["opened", "shut", "entered"]
    hall.barrier.release(hall.now)
    hall.wind(20.0)
    assert hall.told == ["opened", "shut", "entered", "opened", "left"]


WALKERS = st.builds(
    Walker,
    reaction_s=st.floats(0, 3),
    speed_mps=st.floats(0.2, 3),
    depth_m=st.floats(0.2, 0.6),
    stops_at_m=st.one_of(st.none(), st.floats(0.0, 1.9)),
    stops_for_s=st.floats(0, 5),
    turns_back=st.booleans(),
)
ASKED = st.lists(
    st.tuples(st.sampled_from(["release", "secure", "hold", "fire", "jam", "unjam"]), st.floats(0, 2)), max_size=25
)
# beams close enough that a body of 0.2 m in the leaf's way is always in one of them
TIGHT = Geometry(entry_beam_m=0.65, leaf_m=0.75, exit_beam_m=0.85)


@settings(max_examples=80, deadline=None)
@given(st.lists(WALKERS, max_size=3), ASKED)
def test_whoever_walks_and_whatever_is_asked_nobody_is_crushed(
    walkers: list[Walker], asked: list[tuple[str, float]]
) -> None:
    hall = Hall(geometry=TIGHT)
    for walker in walkers:
        hall.lane.expect_walker(walker)
    acts = {
        "release": lambda: hall.barrier.release(hall.now),
        "secure": lambda: hall.barrier.secure(hall.now),
        "hold": lambda: hall.barrier.hold(hall.now),
        "fire": lambda: hall.lane.fire(burning=True),
        "jam": hall.lane.jam,
        "unjam": hall.lane.unjam,
    }
    for name, wait in asked:
        with suppress(DeviceError):
            acts[name]()
        hall.wind(wait)
    hall.wind(60.0)
    assert "crush" not in hall.told
    assert hall.told.count("left") + hall.told.count("turned back") + hall.lane.people <= len(walkers)
    assert hall.barrier.next_due() is None
