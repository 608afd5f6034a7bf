"""Ways to look at a picture again after the first look read nothing: each prepares it so that an engine sees what it could not see.

The order is that of measured yield: what the next one reads of what is left, for its time. pyzbar has stills only, as the last pass on a part:
on a whole frame it takes 14 times as long as the first look, on the part where the code is a little more than twice, and there it reads one
in ten of what nothing else read: it still finds a symbol of which a finger, a drop or glare covers a finder pattern.
"""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from hardware.decoder import PYZBAR, Pass, Prepare, zxing, zxing_one_threshold

Grey = NDArray[np.uint8]


def smaller(times: float) -> Prepare:
    """Make the picture that many times smaller: noise, a display's own pixels and scratches go, large modules stay."""
    return lambda grey: cv2.resize(grey, None, fx=1 / times, fy=1 / times, interpolation=cv2.INTER_AREA)


def larger(times: float) -> Prepare:
    """Make it larger: modules of a pixel or two become some that can be sampled."""
    return lambda grey: cv2.resize(grey, None, fx=times, fy=times, interpolation=cv2.INTER_CUBIC)


def thresholded(window: int, below: int = 5) -> Prepare:
    """Compare each pixel with the mean of the window around it: uneven light, a shade, glare beside the code."""
    mean, binary = cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY
    return lambda grey: cv2.adaptiveThreshold(grey, 255, mean, binary, window, below)


def power(exponent: float) -> Prepare:
    """Spread what lies near black (below 1) or what a bright screen pressed together near white (above 1)."""
    table = np.rint(255 * (np.arange(256) / 255) ** exponent).astype(np.uint8)
    return lambda grey: cv2.LUT(grey, table)


def sharpened(sigma: float, amount: float) -> Prepare:
    """Give back the edges that defocus of about `sigma` pixels, at most 2, took."""
    return lambda grey: cv2.addWeighted(grey, 1 + amount, cv2.GaussianBlur(grey, (9, 9), sigma), -amount, 0)


def then(first: Prepare, second: Prepare) -> Prepare:
    """Do one after the other."""
    return lambda grey: second(np.asarray(first(grey), np.uint8))


HALF: Final = Pass("half", zxing_one_threshold, smaller(2), 2, cost=0.4)
ONE_THRESHOLD: Final = Pass("one threshold", zxing_one_threshold, cost=0.8)
HALF_THRESHOLDED: Final = Pass(
    "half, thresholded", zxing_one_threshold, then(smaller(2), thresholded(101, 15)), 2, cost=0.9
)
THRESHOLDED: Final = Pass("thresholded", zxing_one_threshold, thresholded(101), cost=2.5)
SHARPENED: Final = Pass("sharpened", zxing, sharpened(2, 1.5), cost=3.5)
DARK: Final = Pass("dark", zxing, power(0.5), cost=1.5)
LARGER: Final = Pass("larger", zxing, larger(2), 0.5, cost=6, most=120_000)

QUICK: Final = (ONE_THRESHOLD, HALF_THRESHOLDED)
"""For a whole picture: together little more than a first look."""

CLOSER: Final = (LARGER, SHARPENED, DARK, PYZBAR)
"""For the part of a picture in which a code seems to be: a sixth of the pixels, so that costly ones can be afforded there."""

WIDE: Final = (HALF, *QUICK, THRESHOLDED)
"""For a whole frame, frame after frame, where nobody knows where a code is."""
