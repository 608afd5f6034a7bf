"""The tone rises: by its samples, by the rhythm of the bell, and through a player of our own."""

import os
import sys
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.cli.tone import FASTEST_S, RATE, SLOWEST_S, Bell, Player, pause, pitch, samples

scores = st.floats(0, 1)


def heard(sound: bytes) -> float:
    """The strongest frequency, hertz."""
    wave = np.frombuffer(sound, np.uint8).astype(float) - 128
    return float(np.argmax(np.abs(np.fft.rfft(wave))) * RATE / len(wave))


@given(scores, scores)
def test_better_is_higher_and_quicker(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert pitch(low) <= pitch(high)
    assert pause(low) >= pause(high)


@pytest.mark.parametrize("score", [0.0, 0.3, 0.7, 1.0])
def test_the_samples_sound_as_high_as_they_should(score: float) -> None:
    sound, _ = samples(pitch(score), RATE, 0.0)
    assert heard(sound) == pytest.approx(pitch(score), abs=1)


@given(st.floats(200, 900), st.integers(1, 500), st.integers(1, 500))
def test_one_stretch_goes_on_where_the_last_ended(hertz: float, first: int, second: int) -> None:
    one, phase = samples(hertz, first, 0.0)
    other, _ = samples(hertz, second, phase)
    whole, _ = samples(hertz, first + second, 0.0)
    joined = np.frombuffer(one + other, np.uint8).astype(int)
    assert np.abs(joined - np.frombuffer(whole, np.uint8)).max() <= 1


def rung(score: float, seconds: float = 6.0) -> list[float]:
    times: list[float] = []
    now = 0.0
    bell = Bell(lambda: times.append(now))
    while now < seconds:
        bell.sound(score, now)
        now += 1 / 30
    return times


def test_the_bell_quickens_and_is_silent_where_nothing_is() -> None:
    counts = [len(rung(score)) for score in (0.1, 0.4, 0.7, 1.0)]
    assert counts == sorted(set(counts))
    assert rung(0.0) == []
    assert all(FASTEST_S <= after - before < SLOWEST_S for before, after in pairwise(rung(1.0)))


def player(folder: Path, code: str, otherwise: Bell) -> Player:
    return Player([sys.executable, "-c", f"import sys; out = {str(folder / 'heard')!r}; {code}"], otherwise)


def until(path: Path, size: int) -> bytes:
    while not path.exists() or path.stat().st_size < size:
        os.sched_yield()
    return path.read_bytes()


def test_a_player_hears_a_rising_sine(tmp_path: Path) -> None:
    copy = "o = open(out, 'wb', 0)\nwhile data := sys.stdin.buffer.raw.read(4096): o.write(data)"
    tone = player(tmp_path, f"exec({copy!r})", Bell(lambda: None))
    for frame in range(61):
        tone.sound(0.2 if frame <= 30 else 0.9, frame / 30)
    sound = until(tmp_path / "heard", 2 * RATE - 60)
    tone.close()
    assert heard(sound[:7000]) == pytest.approx(pitch(0.2), abs=2)
    assert heard(sound[-7000:]) == pytest.approx(pitch(0.9), abs=2)


def test_a_player_that_ends_leaves_it_to_the_bell(tmp_path: Path) -> None:
    rings: list[int] = []
    tone = player(tmp_path, "sys.exit(1)", Bell(lambda: rings.append(1)))
    until_s = time.monotonic() + 20
    while not rings and time.monotonic() < until_s:
        tone.sound(1.0, time.monotonic())
    tone.close()
    assert rings


def test_a_player_that_does_not_listen_holds_nobody_up(tmp_path: Path) -> None:
    tone = player(tmp_path, "exec('import time; time.sleep(60)')", Bell(lambda: None))
    for second in range(600):
        tone.sound(0.5, second / 4)  # more than any pipe holds
    tone.close()
