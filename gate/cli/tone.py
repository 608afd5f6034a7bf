"""The tone of `gate aim`: it rises as it gets better, so that nobody need look at the screen while turning a lens.

It sounds where this machine has a player for it (aplay is on every Pi); elsewhere, as over ssh, the terminal's bell quickens.
Never on the lane's own sounder: its pins are the controller's, beside those that move the barrier.
"""

import os
import shutil
import subprocess
from collections.abc import Callable
from contextlib import suppress
from math import tau
from typing import Final, Protocol

import numpy as np

RATE: Final = 8000  # samples a second, a byte each
LOW_HZ, OCTAVES = 220.0, 2.0
SLOWEST_S, FASTEST_S = 1.5, 0.12
_SILENT: Final = 0.02  # a score below: nothing is in view
_CHUNK_S: Final = 0.25  # at most at once: a frame that took longer leaves a gap


class Tone(Protocol):
    """What tells a score by ear."""

    def sound(self, score: float, now: float) -> None:
        """Tell it, at `now` in seconds; called at every frame."""

    def close(self) -> None:
        """Be silent."""


def pitch(score: float) -> float:
    """The tone's hertz: two octaves from 0 to 1, by the same interval for the same step."""
    return float(LOW_HZ * 2 ** (OCTAVES * score))


def pause(score: float) -> float:
    """Seconds from one bell to the next, as of a parking sensor."""
    return float(SLOWEST_S * (FASTEST_S / SLOWEST_S) ** score)


def samples(hertz: float, count: int, phase: float) -> tuple[bytes, float]:
    """`count` samples of a sine, unsigned bytes, from a phase in radians; and the phase that the next go on from."""
    turned = phase + tau * hertz * np.arange(count + 1) / RATE
    wave = np.rint(128 + 60 * np.sin(turned[:-1])).astype(np.uint8)
    return wave.tobytes(), float(turned[-1] % tau)


class Silence:
    """No tone."""

    def sound(self, score: float, now: float) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


class Bell:
    """Rings the terminal's bell, the faster the better."""

    def __init__(self, ring: Callable[[], None]) -> None:
        self._ring = ring
        self._rung = float("-inf")

    def sound(self, score: float, now: float) -> None:
        """Ring, if it is time."""
        if score >= _SILENT and now - self._rung >= pause(score):
            self._rung = now
            self._ring()

    def close(self) -> None:
        """It is silent."""


class Player:
    """Plays a sine through a program that takes raw samples, and rings the bell where that has ended (no sound card)."""

    def __init__(self, command: list[str], otherwise: Tone) -> None:
        its, ours = os.pipe()
        silent = subprocess.DEVNULL
        self._process = subprocess.Popen(command, stdin=its, stdout=silent, stderr=silent)  # noqa: S603 - our own command
        os.close(its)
        os.set_blocking(ours, False)
        self._pipe = ours
        self._otherwise = otherwise
        self._phase = 0.0
        self._until: float | None = None

    def sound(self, score: float, now: float) -> None:
        """Play on until now; a player that does not keep up loses some."""
        if self._process.poll() is not None:
            self._otherwise.sound(score, now)
            return
        since = now if self._until is None else max(self._until, now - _CHUNK_S)
        self._until = now
        if score >= _SILENT:
            sound, self._phase = samples(pitch(score), round((now - since) * RATE), self._phase)
            with suppress(OSError):
                os.write(self._pipe, sound)

    def close(self) -> None:
        """End the player."""
        os.close(self._pipe)
        self._process.kill()
        self._process.wait()


def loud(ring: Callable[[], None]) -> Tone:
    """The tone that this machine can make."""
    program = shutil.which("aplay")
    if program is None:
        return Bell(ring)
    return Player([program, "-q", "-t", "raw", "-f", "U8", "-r", str(RATE), "-"], Bell(ring))
