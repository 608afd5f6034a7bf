from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardware import DeviceError
from hardware.pins import Wiring, simulated_factory
from hardware.sounder import CUES, Sounder


class Booth:
    def __init__(self) -> None:
        self.factory = simulated_factory()
        self.sounder = Sounder(Wiring(), self.factory)

    @property
    def sounds(self) -> bool:
        return bool(self.factory.pin(Wiring().sounder).state)

    def hear(self, until: float) -> list[tuple[float, bool]]:
        heard = []
        while (due := self.sounder.next_due()) is not None and due < until:
            self.sounder.run(due)
            heard.append((round(due, 3), self.sounds))
        return heard


def test_it_is_silent_at_first() -> None:
    assert not Booth().sounds


def test_proceed_is_two_short_beats_and_referred_one_long() -> None:
    booth = Booth()
    booth.sounder.play("proceed", 0.0)
    assert booth.sounds
    assert booth.hear(9.0) == [(0.12, False), (0.2, True), (0.32, False), (0.4, False)]
    booth.sounder.play("referred", 10.0)
    assert booth.hear(19.0) == [(10.6, False), (10.7, False)]


@pytest.mark.parametrize("cue", CUES)
def test_every_cue_ends_by_itself_within_half_a_minute(cue: str) -> None:
    booth = Booth()
    booth.sounder.play(cue, 0.0)
    assert booth.sounds
    booth.hear(1e6)
    assert booth.sounder.next_due() is None
    assert not booth.sounds
    booth.sounder.play(cue, 0.0)
    booth.sounder.run(30.0)
    assert not booth.sounds


def test_no_two_cues_sound_alike() -> None:
    for one, other in combinations(CUES, 2):
        assert CUES[one] != CUES[other]


@pytest.mark.parametrize("cue", ["proceed", "referred", "alarm"])
def test_seen_cuts_off_no_other_but_is_cut_off_by_any(cue: str) -> None:
    booth = Booth()
    booth.sounder.play(cue, 0.0)
    before = booth.sounder.next_due()
    booth.sounder.play("seen", 0.01)
    assert booth.sounder.next_due() == before
    booth.sounder.play("seen", 100.0)  # the other is over, though nobody ran it
    assert booth.sounder.next_due() == pytest.approx(100.04)
    booth.sounder.play(cue, 100.01)
    assert booth.sounder.next_due() == pytest.approx(100.01 + CUES[cue].on_ms / 1000)


def test_silence_ends_an_alarm() -> None:
    booth = Booth()
    booth.sounder.play("alarm", 0.0)
    booth.sounder.silence(0.1)
    assert not booth.sounds
    assert booth.sounder.next_due() is None


def test_close_silences_and_lets_go() -> None:
    booth = Booth()
    booth.sounder.play("alarm", 0.0)
    booth.sounder.close()
    assert not booth.sounds
    with pytest.raises(DeviceError, match="sounder"):
        booth.sounder.play("seen", 1.0)


def test_an_unknown_cue_is_named() -> None:
    with pytest.raises(DeviceError, match=r"expected a sound, one of seen, .*; got 'fanfare'"):
        Booth().sounder.play("fanfare", 0.0)


@settings(deadline=None)  # the machine may be busy
@given(st.lists(st.tuples(st.sampled_from(list(CUES)), st.floats(0, 40)), max_size=15))
def test_whatever_is_played_there_is_silence_in_the_end(cues: list[tuple[str, float]]) -> None:
    booth, now = Booth(), 0.0
    for cue, wait in cues:
        now += wait
        booth.sounder.play(cue, now)
    booth.sounder.run(now + 30.0)
    assert not booth.sounds
    assert booth.sounder.next_due() is None
