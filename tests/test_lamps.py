from itertools import combinations, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardware import DeviceError
from hardware.lamps import CUES, LAMPS, Lamps
from hardware.pins import Wiring, simulated_factory

WIRING = Wiring()
PINS = {lamp: getattr(WIRING, "closed_lamp" if lamp == "closed" else lamp) for lamp in LAMPS}


class Row:
    def __init__(self) -> None:
        self.factory = simulated_factory()
        self.lamps = Lamps(WIRING, self.factory)

    @property
    def lit(self) -> set[str]:
        return {lamp for lamp, pin in PINS.items() if self.factory.pin(pin).state}

    def wind(self, start: float, until: float) -> list[tuple[float, set[str]]]:
        shown = [(start, self.lit)]
        while (due := self.lamps.next_due()) is not None and due < until:
            self.lamps.run(due)
            shown.append((due, self.lit))
        return shown


def test_all_are_dark_at_first_and_after_close() -> None:
    row = Row()
    assert row.lit == set()
    row.lamps.show("out_of_order", 0.0)
    row.lamps.close()
    assert row.lit == set()
    with pytest.raises(DeviceError, match="lamp ready"):
        row.lamps.show("ready", 1.0)


@pytest.mark.parametrize("cue", CUES)
def test_a_cue_lights_its_own_lamps_and_no_others_whatever_was_before(cue: str) -> None:
    for before in CUES:
        row = Row()
        row.lamps.show(before, 0.0)
        row.lamps.show(cue, 0.1)
        assert row.lit == set(CUES[cue])


def test_seen_is_beside_what_is_shown_and_goes_by_itself() -> None:
    row = Row()
    row.lamps.show("ready", 0.0)
    row.lamps.show("seen", 1.0)
    assert row.lit == {"ready", "seen"}
    assert [lit for _, lit in row.wind(1.0, 9.0)][-1] == {"ready"}
    assert row.lamps.next_due() is None


def test_seen_hides_nothing_that_follows() -> None:
    row = Row()
    row.lamps.show("ready", 0.0)
    row.lamps.show("seen", 1.0)
    row.lamps.show("proceed", 1.05)
    assert row.lit == {"proceed"}


def test_no_two_cues_look_alike_even_without_colour() -> None:
    for one, other in combinations(CUES, 2):
        assert dict(CUES[one]) != dict(CUES[other])


def test_only_proceed_and_evacuate_light_the_lamp_that_says_go() -> None:
    assert {cue for cue, lamps in CUES.items() if "proceed" in lamps} == {"proceed", "evacuate"}


@pytest.mark.parametrize("cue", CUES)
def test_nothing_flashes_more_than_three_times_a_second(cue: str) -> None:
    row = Row()
    row.lamps.show(cue, 0.0)
    shown = row.wind(0.0, 10.0)
    for lamp in LAMPS:
        levels = [lamp in lit for _, lit in shown]
        rises = sum(later and not earlier for earlier, later in pairwise(levels))
        assert rises <= 30


def test_an_unknown_cue_is_named() -> None:
    with pytest.raises(DeviceError, match=r"expected a lamp cue, one of seen, ready, .*; got 'red'"):
        Row().lamps.show("red", 0.0)


@settings(deadline=None)  # the machine may be busy
@given(st.lists(st.tuples(st.sampled_from([*CUES, "seen"]), st.floats(0, 3)), max_size=20))
def test_after_any_cues_only_lamps_of_the_last_cue_and_seen_are_lit(cues: list[tuple[str, float]]) -> None:
    row, now, shown = Row(), 0.0, set[str]()
    for cue, wait in cues:
        now += wait
        row.lamps.run(now)
        row.lamps.show(cue, now)
        shown = shown if cue == "seen" else set(CUES[cue])
        assert row.lit - {"seen"} <= shown
        assert ("seen" in row.lit) is (cue == "seen")
