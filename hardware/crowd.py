"""Frames that no engine may have whole: a wall of finder patterns keeps zxing-cpp busy for 300 times as long as a phone does.

It tries triples of what looks like a finder pattern, and a native call cannot be interrupted. So runs like a finder pattern's are counted first,
on a few rows, and a picture in which they are many, and many among its edges, is made smaller until they are few or gone. Measured at
1280x720: walls have 300 to 3700 such runs, one edge in four; noise, moire and photographs up to 600, one edge in nine at most.
"""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from hardware.passes import smaller

Grey = NDArray[np.uint8]

MOST: Final = 90  # on those rows: about 20 ms of zxing-cpp
_SHARE: Final = 0.15  # of the edges: in walls of patterns one in four begins such runs, in noise, moire and photographs one in ten at most
_ROWS: Final = 23  # that are counted, of any picture
_TILE: Final = 81  # pixels along a row, whose mean parts dark from light: beside a lamp, too
_BARELY: Final = 4  # grey levels above it: an even wall's noise is neither
_EDGES: Final = 3 * MOST  # with fewer of them none is looked for
_LEAST: Final = 8  # times smaller: what is crowded even then stays so
_halved: Final = smaller(2)
_WIDTHS: Final = np.array([[1], [1], [3], [1], [1]], np.float32)  # of a finder pattern's runs, in modules
_LEEWAY: Final = np.array([[0.5], [0.5], [1.2], [0.5], [0.5]], np.float32)


def thinned(grey: Grey, *, once: bool = False) -> tuple[Grey, int]:
    """Give the picture as it is, or so many times smaller that few enough of its runs look like a finder pattern; at least `once` smaller if so."""
    times, least = 1, 2 if once else 1
    while times < least or (times < _LEAST * least and is_crowded(grey)):
        grey, times = np.asarray(_halved(grey), np.uint8), times * 2
    return grey, times


def is_crowded(grey: Grey) -> bool:
    """Say whether too many runs, on some rows, are as long as a finder pattern's: five of dark and light, 1:1:3:1:1."""
    rows = np.ascontiguousarray(grey[:: _stride(grey.shape[0])])
    light = rows > np.asarray(cv2.blur(rows, (_TILE, 1)), np.int16) + _BARELY
    edges = np.flatnonzero(light[:, 1:] != light[:, :-1])
    if edges.size < _EDGES:
        return False
    runs = np.diff(edges).astype(np.float32)
    five = np.stack([runs[start : runs.size - 4 + start] for start in range(5)])
    unit = five.sum(axis=0) / 7
    like = (np.abs(five - unit * _WIDTHS) < unit * _LEEWAY).all(axis=0)
    return int(np.count_nonzero(like)) > max(MOST, _SHARE * edges.size)


def _stride(height: int) -> int:
    """Give the pixels from one row that is counted to the next: odd, so that no pattern of an even period hides between them."""
    return max(1, height // _ROWS) | 1
