"""Whether anything changed in view: an empty hall is glanced at every two seconds, a change in the frame that brings it or the next."""

from enum import Enum
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]

# Pixels between those that are compared, few rows as memory costs most: a code of 110 pixels, the smallest that can be read, has 90 of them.
_ROWS, _COLUMNS = 16, 8
_CHANGED: Final = 4  # of them: a pixel of noise is none
_LEVELS: Final = 8  # grey levels, more than the sensor's noise in good light; seven times the noise that is measured where it is more
_NOISES: Final = 7
_AWAKE_S: Final = 1.0  # after a change: whoever came holds still now, and the passes take their turns
_LOOK_S: Final = 2.0  # at the latest: a third of what an idle lane costs


class Attention(Enum):
    """What a frame deserves."""

    NONE = 0
    GLANCE = 1
    FULL = 2


class Idle:
    """Remembers the last view that was looked at. Times are seconds, of the frames' own clock."""

    def __init__(self) -> None:
        self._view: Grey | None = None
        self._awake_until = self._look_by = float("-inf")
        self._rested = False

    def attention(self, grey: Grey, at: float) -> Attention:
        """Say what this frame, captured at `at`, deserves: none where nothing changed since the last look, and a glance every two seconds.

        At rest only every second frame is compared: who comes is seen one frame later at most.
        """
        if self._rested and self._awake_until <= at < self._look_by:
            self._rested = False
            return Attention.NONE
        view = np.ascontiguousarray(grey[::_ROWS, ::_COLUMNS])
        if self._view is None or self._view.shape != view.shape or changed(self._view, view):
            self._awake_until = at + _AWAKE_S
        elif self._awake_until <= at < self._look_by:
            self._rested = True
            return Attention.NONE
        self._view, self._look_by, self._rested = view, at + _LOOK_S, False
        return Attention.FULL if at < self._awake_until else Attention.GLANCE


def changed(before: Grey, now: Grey) -> bool:
    """Say whether two views of one size differ by more than their noise, which is taken from the half that differs least."""
    away = cv2.absdiff(before, now)
    some = away[::2, ::2].ravel()
    noise = int(np.partition(some, some.size // 2)[some.size // 2])
    return noise > _LEVELS or int(np.count_nonzero(away > max(_LEVELS, _NOISES * noise))) >= _CHANGED
