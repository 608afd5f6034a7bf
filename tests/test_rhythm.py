import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardware.rhythm import STEADY, Player, Rhythm, soonest


class Tape:
    """A line that remembers when it changed; `now` is wound by hand."""

    def __init__(self) -> None:
        self.now = 0.0
        self.level = False
        self.edges: list[tuple[float, bool]] = []

    def on(self) -> None:
        self._set(level=True)

    def off(self) -> None:
        self._set(level=False)

    def _set(self, *, level: bool) -> None:
        if level is not self.level:
            self.edges.append((self.now, level))
        self.level = level


def wind(player: Player, tape: Tape, until: float) -> None:
    """Call `run` exactly when it asks to be called."""
    while (due := player.next_due()) is not None and due <= until:
        assert due > tape.now, "asked for a time that has been"
        tape.now = due
        player.run(due)


RHYTHMS = st.builds(Rhythm, st.integers(1, 2000), st.integers(0, 2000), st.one_of(st.none(), st.integers(1, 50)))
STARTS = st.floats(0, 1e9)


@pytest.mark.parametrize(("on", "off", "times"), [(0, 1, 1), (-1, 0, None), (1, -1, None), (1, 1, 0)])
def test_a_beat_without_a_length_is_no_rhythm(on: int, off: int, times: int | None) -> None:
    with pytest.raises(ValueError, match="beat with a length"):
        Rhythm(on, off, times)


def test_two_beats() -> None:
    tape = Tape()
    player = Player(tape)
    player.play(Rhythm(120, 80, times=2), 0.0)
    wind(player, tape, 10.0)
    assert tape.edges == [(0.0, True), (0.12, False), (0.2, True), (0.32, False)]
    assert player.playing is None
    assert player.next_due() is None


def test_steady_is_on_and_asks_for_nothing() -> None:
    tape = Tape()
    player = Player(tape)
    player.play(STEADY, 5.0)
    player.run(1e9)
    assert tape.level
    assert player.next_due() is None
    assert player.playing is STEADY
    player.play(None, 1e9)
    assert not tape.level


def test_a_beat_without_a_pause_is_one_long_beat() -> None:
    assert Rhythm(100, 0, times=3).at(299) == (True, 300)
    assert Rhythm(100, 0, times=3).at(300) == (False, math.inf)


def test_a_clock_before_the_start_is_dark() -> None:
    assert Rhythm(100, 100).at(-1) == (False, math.inf)


@settings(deadline=None)  # the machine may be busy
@given(RHYTHMS, STARTS)
def test_wound_by_its_own_dues_it_changes_only_where_the_rhythm_says_and_never_asks_twice(
    rhythm: Rhythm, start: float
) -> None:
    tape = Tape()
    tape.now = start
    player = Player(tape)
    player.play(rhythm, start)
    wind(player, tape, start + 4.0)
    beat = rhythm.on_ms + rhythm.off_ms
    for count, (at, level) in enumerate(tape.edges):
        assert level is (count % 2 == 0)
        if rhythm.off_ms:
            expected_ms = count // 2 * beat + (0 if level else rhythm.on_ms)
            assert at - start == pytest.approx(expected_ms / 1000, abs=1e-5)
    if rhythm.times is not None and rhythm.times * beat < 3_900:
        assert tape.edges[-1][1] is False
        assert len(tape.edges) == (2 * rhythm.times if rhythm.off_ms else 2)


@settings(deadline=None)  # the machine may be busy
@given(RHYTHMS, st.integers(0, 200_000))
def test_a_late_call_shows_what_a_punctual_one_would(rhythm: Rhythm, late_ms: int) -> None:
    late = Tape()
    player = Player(late)
    player.play(rhythm, 0.0)
    player.run(late_ms / 1000)
    in_time = rhythm.times is None or late_ms < rhythm.times * (rhythm.on_ms + rhythm.off_ms)
    assert late.level is (in_time and late_ms % (rhythm.on_ms + rhythm.off_ms) < rhythm.on_ms)


def test_soonest() -> None:
    assert soonest() is None
    assert soonest(None, None) is None
    assert soonest(3.0, None, 2.0) == 2.0
