import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardware import DeviceError
from hardware.fake import ContactPin
from hardware.pins import NORMALLY_CLOSED, SENSORS, Wiring, simulated_factory
from hardware.sensors import GAP_S, Change, Debounce, Sensors

DEBOUNCE_S = 0.02


class Bench:
    """Five contacts at rest: beams clear, barrier closed, loop whole, key not turned."""

    def __init__(self, **levels: bool) -> None:
        self.factory = simulated_factory(ContactPin)
        self.wakes = 0
        self.set(**{**dict.fromkeys(SENSORS, False), "closed": True, **levels})
        self.sensors = Sensors(Wiring(), self.factory, DEBOUNCE_S, self._wake)

    def _wake(self) -> None:
        self.wakes += 1

    def set(self, **levels: bool) -> None:
        for sensor, active in levels.items():
            self.factory.pin(getattr(Wiring(), sensor)).wire(made=active is not (sensor in NORMALLY_CLOSED))


def test_the_first_levels_are_those_that_were_found() -> None:
    assert Bench().sensors.levels() == {"entry": False, "exit": False, "closed": True, "fire": False, "officer": False}
    assert Bench(fire=True, closed=False).sensors.levels()["fire"] is True
    assert Bench().sensors.next_due() is None
    assert Bench().sensors.poll(0.0) == []


@pytest.mark.parametrize("sensor", SENSORS)
def test_a_level_counts_when_it_lasted_and_is_dated_when_it_was_first_seen(sensor: str) -> None:
    bench = Bench()
    active = not bench.sensors.levels()[sensor]
    bench.set(**{sensor: active})
    assert bench.sensors.read(sensor) is active  # the guard sees it at once
    assert bench.sensors.poll(10.0) == []
    assert bench.sensors.levels()[sensor] is not active
    assert bench.sensors.next_due() == 10.0 + DEBOUNCE_S
    assert bench.sensors.poll(10.0 + DEBOUNCE_S / 2) == []
    assert bench.sensors.poll(10.0 + DEBOUNCE_S) == [Change(sensor, active, 10.0)]
    assert bench.sensors.levels()[sensor] is active
    assert bench.sensors.next_due() is None
    assert bench.sensors.poll(11.0) == []


def test_changes_come_in_the_order_of_the_sensors() -> None:
    bench = Bench()
    bench.set(fire=True, exit=True)
    bench.sensors.poll(1.0)
    assert [change.sensor for change in bench.sensors.poll(2.0)] == ["exit", "fire"]


def test_a_bounce_between_two_looks_starts_the_wait_again() -> None:
    bench = Bench()
    bench.set(entry=True)
    bench.sensors.poll(1.0)
    bench.set(entry=False)
    bench.set(entry=True)
    assert bench.sensors.poll(1.0 + DEBOUNCE_S) == []
    assert bench.sensors.poll(1.0 + 2 * DEBOUNCE_S) == [Change("entry", active=True, at=1.0 + DEBOUNCE_S)]


def test_many_edges_wake_once_until_the_next_look() -> None:
    bench = Bench()
    for _ in range(50):
        bench.set(entry=True, exit=True)
        bench.set(entry=False, exit=False)
    assert bench.wakes == 1
    bench.sensors.poll(1.0)
    bench.set(officer=True)
    assert bench.wakes == 2


def test_closed_inputs_cannot_be_read() -> None:
    bench = Bench()
    bench.sensors.close()
    with pytest.raises(DeviceError, match=r"entry \(GPIO 5\) cannot be read"):
        bench.sensors.poll(1.0)


SPELLS = st.lists(st.floats(0.0001, DEBOUNCE_S * 0.999), min_size=1, max_size=40)


@settings(deadline=None)  # the machine may be busy
@given(SPELLS, st.booleans())
def test_any_bounce_shorter_than_the_debounce_makes_at_most_one_change(spells: list[float], ends_active: bool) -> None:  # noqa: FBT001  hypothesis passes by name
    bench, now, changes = Bench(), 1.0, list[Change]()
    for count, spell in enumerate(spells):
        bench.set(entry=count % 2 == 0)
        changes += bench.sensors.poll(now)
        now += spell
    bench.set(entry=ends_active)
    changes += bench.sensors.poll(now)
    assert changes == []
    now += DEBOUNCE_S
    changes += bench.sensors.poll(now)
    assert [change.active for change in changes] == ([True] if ends_active else [])


@settings(deadline=None)  # the machine may be busy
@given(st.lists(st.tuples(st.floats(0.0001, 0.1), st.booleans()), max_size=60))
def test_what_is_believed_was_unchanged_for_the_debounce_and_every_change_is_one(
    looks: list[tuple[float, bool]],
) -> None:
    level, now, seen, believed = (
        Debounce(active=False, debounce_s=DEBOUNCE_S, cease_s=DEBOUNCE_S),
        0.0,
        [(-1.0, False)],
        False,
    )
    for wait, active in looks:
        now += wait
        seen.append((now, active))
        began = level.see(now, active=active, moved=False)
        if began is not None:
            believed = not believed
            assert active is believed
            assert all(then is believed for at, then in seen if at >= began)
            assert now - began >= DEBOUNCE_S * 0.999
        assert level.active is believed
        due = level.next_due()
        assert (due is not None) is (active is not believed)
        assert due is None or due > now


def test_a_beam_that_is_whole_for_the_step_to_the_next_one_is_still_broken() -> None:
    beam = Debounce(active=True, debounce_s=DEBOUNCE_S, cease_s=GAP_S)
    assert beam.see(1.0, active=False, moved=True) is None
    assert beam.next_due() == 1.0 + GAP_S
    assert beam.see(1.0 + GAP_S / 2, active=False, moved=False) is None
    assert beam.see(1.0 + GAP_S * 0.9, active=True, moved=True) is None
    assert beam.see(2.0, active=False, moved=True) is None
    assert beam.see(2.0 + GAP_S, active=False, moved=False) == 2.0
    assert beam.see(3.0, active=True, moved=True) is None
    assert beam.see(3.0 + DEBOUNCE_S, active=True, moved=False) == 3.0, "broken is believed at once"
