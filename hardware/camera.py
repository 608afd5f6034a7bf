"""Cameras: grey frames with the time at which each was captured, always the newest, never a queue.

A frame is (height, width) uint8. Times are seconds of CLOCK_MONOTONIC, which all processes of a machine share; but for
a recording that is not paced they are the recording's own, and so is what `now` tells.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from hardware.recording import CameraSettings

Grey = NDArray[np.uint8]
Clock = Callable[[], float]

TRIES: Final = 8  # more than any driver queues
WAITED_S: Final = 0.003  # a frame that was queued comes sooner
FIRST_LIMIT_S: Final = 2.0  # a camera silent for so long is taken as hung (picamera2 #794, #1004)
NEXT_LIMIT_S: Final = 0.7  # once a frame has come: sooner than who watches us gives up, who knows no mend


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One frame: when it was captured, on its camera's clock, and its picture, (height, width) uint8."""

    captured_at: float
    grey: Grey


class Camera(Protocol):
    """Where frames come from."""

    def frames(self) -> Iterator[Frame]:
        """Give the newest frame whenever asked; ends where the camera does, raises DeviceError where it fails."""

    def now(self) -> float:
        """Tell the time on the clock that `captured_at` was read from."""

    def close(self) -> None:
        """Let the camera go."""


class RealCamera(Camera, Protocol):
    """A camera with a lens, that is told how to look."""

    def settings(self) -> CameraSettings:
        """Tell how it took the newest frame, read back from its driver, and what of that was asked otherwise."""

    def lacks(self) -> tuple[str, ...]:
        """Tell in a line each what it was asked for and cannot do, with the mend."""


class Newest:
    """Grabs from a driver that queues until no newer frame is there; only `grab` waits.

    Each frame comes out of a camera some time after it was captured: exposed, read out, processed. The least such delay
    seen is the camera's own; a frame is the newest while it is no older than that and one frame interval, for then the
    next has not come out yet. So what is handed over never lay waiting for more than a frame interval. Of a frame whose
    time `grab` cannot tell (None) only that is known: it was not queued if it had to be waited for.
    """

    def __init__(self, grab: Callable[[], float | None], now: Clock, period: float) -> None:
        self._grab = grab
        self._now = now
        self._period = period
        self._delay: float | None = None

    @property
    def delay(self) -> float:
        """The camera's own delay in seconds, from capture to hand-over; 0 until it is known."""
        return self._delay or 0.0

    def __call__(self) -> float:
        """Leave the queue behind, and tell when the frame grabbed last was captured; else when it was asked for."""
        for tried in count(1):
            asked = self._now()
            captured_at = self._grab()
            got = self._now()
            age = None if captured_at is None else got - captured_at
            if self._is_newest(age, waited=got - asked >= WAITED_S, last=tried == TRIES):
                break
        return asked if captured_at is None else captured_at

    def _is_newest(self, age: float | None, *, waited: bool, last: bool) -> bool:
        if age is None:
            return waited or last
        if last or (self._delay is None and waited):
            self._delay = age  # it cannot have been queued: a delay that has grown is learned anew
            return True
        if self._delay is None:
            return False  # at the start the queue holds frames of before
        self._delay = min(self._delay, age)
        return age - self._delay <= self._period
