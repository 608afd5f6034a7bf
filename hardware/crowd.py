"""Frames that no engine may have whole: a wall of finder patterns keeps zxing-cpp busy for 300 times as long as a phone does.

It tries triples of what looks like a finder pattern, and a native call cannot be interrupted. So such patterns are counted first, on a few
rows, and a frame with too many is made smaller until they are few or gone. Measured at 1280x720: a phone's frame has up to about 100 on
these rows, noise 200, a photographed monitor 570; walls of patterns 300 to 2800, and there zxing-cpp takes 0.1 ms for each.
"""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]

MOST: Final = 150  # on the rows that are counted: about 30 ms of zxing-cpp, one frame interval
_SHARE: Final = 0.08  # of the edges: in walls of patterns one in four begins such runs, scattered one in ten, in noise and photographs one in 15
_ROWS: Final = 32  # pixels from one row that is counted to the next
_EDGES: Final = 3 * MOST  # with fewer of them none is looked for
_HALVINGS: Final = 3
_WIDTHS: Final = np.array([[1], [1], [3], [1], [1]], np.float32)  # of a finder pattern's runs, in modules
_LEEWAY: Final = np.array([[0.5], [0.5], [1.2], [0.5], [0.5]], np.float32)


def thinned(grey: Grey) -> tuple[Grey, int]:
    """Give the picture as it is, or so many times smaller that few enough of its runs look like a finder pattern."""
    times = 1
    for _ in range(_HALVINGS):
        if not is_crowded(grey):
            break
        grey, times = (
            np.asarray(cv2.resize(grey, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8),
            times * 2,
        )
    return grey, times


def is_crowded(grey: Grey) -> bool:
    """Say whether too many runs, on every 32nd row, are as long as a finder pattern's: five of dark and light, 1:1:3:1:1."""
    rows = grey[::_ROWS]
    light = rows > rows.mean(axis=1, keepdims=True)
    edges = np.flatnonzero(light[:, 1:] != light[:, :-1])
    if edges.size < _EDGES:
        return False
    runs = np.diff(edges).astype(np.float32)
    five = np.stack([runs[start : runs.size - 4 + start] for start in range(5)])
    unit = five.sum(axis=0) / 7
    like = (np.abs(five - unit * _WIDTHS) < unit * _LEEWAY).all(axis=0)
    return int(np.count_nonzero(like)) > max(MOST, _SHARE * edges.size)
