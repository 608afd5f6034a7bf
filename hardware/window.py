"""Where in the frame the code is: what is remembered from one frame to the next, as a hint that never stands for the whole frame."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hardware.grid import Point

Grey = NDArray[np.uint8]
Outline = Sequence[Point]

# Of the code's size, on each side: its quiet zone, and how far a hand moves it from one frame to the next.
_AROUND: Final = 0.3
_LEAST: Final = 24.0  # pixels, for a small one
_SMALLEST: Final = 21  # pixels of a side: a code in less cannot be read
_SHARE: Final = 0.5  # of a picture: a larger part is not worth a look of its own
_FORGOTTEN_S: Final = 1.0  # a code that was not seen for so long may be anywhere


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a picture, in pixels."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def pixels(self) -> int:
        """How many; none where it lies outside the picture."""
        return max(0, self.right - self.left) * max(0, self.bottom - self.top)

    def of(self, grey: Grey) -> Grey:
        """Cut it out."""
        return grey[self.top : self.bottom, self.left : self.right]


def around(outlines: Iterable[Outline], shape: tuple[int, ...]) -> Window:
    """Give the part of a picture of that shape that holds all of these outlines, with some room."""
    corners = np.array([corner for outline in outlines for corner in outline])
    room = _LEAST + _AROUND * float(np.ptp(corners, axis=0).max())
    (left, top), (right, bottom) = corners.min(axis=0) - room, corners.max(axis=0) + room
    height, width = shape
    return Window(max(0, int(left)), max(0, int(top)), min(width, int(right)), min(height, int(bottom)))


class Whereabouts:
    """Where codes were seen last. Times are seconds of the frames' own clock."""

    def __init__(self) -> None:
        self._outlines: tuple[Outline, ...] = ()
        self._seen_at = float("-inf")

    def seen(self, outlines: Iterable[Outline], at: float) -> None:
        """Remember where they are; none leaves what is remembered."""
        if found := tuple(outlines):
            self._outlines, self._seen_at = found, at

    def is_gone(self, at: float) -> bool:
        """Say whether none was seen for so long that whoever held it may have left."""
        return not 0 <= at - self._seen_at < _FORGOTTEN_S

    def window(self, shape: tuple[int, ...], at: float) -> Window | None:
        """Give the part of a picture of that shape in which all of them were, with some room.

        None where that is not known, too long ago, or so much of the picture that all of it may be looked at as well.
        """
        if self.is_gone(at):
            return None
        window = around(self._outlines, shape)
        return window if _SMALLEST**2 <= window.pixels <= _SHARE * shape[0] * shape[1] else None
