"""A symbol's modules, sampled where the symbol lies in a picture: also where paper is creased, a bottle is round or a lens bends.

An engine that finds a symbol takes it for flat, samples each module where the corners say, and gives up when too many are wrong. Here the
modules that were sampled are drawn again as they should look, with the patterns that every symbol of that size has, and the picture is
bent towards that drawing by optical flow; then they are sampled anew. Most modules are right from the start, so this settles in two or
three rounds. What the neighbours of a module blur into it is reckoned from the symbol itself and taken out again (`equalised`).
Measured on photographs: 20 of 54 in which zxing reads nothing are read this way. What is off by more than a module is not.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]
Levels = NDArray[np.float32]
Picture = NDArray[np.float32]
Point = tuple[float, float]

_PIXELS: Final = 4  # of the straightened picture, to a module
_MARGIN: Final = 2  # modules around the symbol
_WIDE: Final = 25  # modules over which light is levelled: right for one picture, where narrower windows make edges of evenly dark patches
_NEAR: Final = 9  # for the sum of several, where what matters more is that glare does not reach far
_CORE: Final = (1, 2)  # of a module's pixels those that its neighbours are not blurred into
_FEEDBACK: Final = 3  # rounds of the equaliser
_FAINT: Final = 0.35  # of a module's level, where 1 is light and -1 dark
_FLAT, _LOST = 0.045, 0.2  # doubt below which a symbol lies flat already, and above which none was ever made clear
_CLEARER: Final = 0.9  # of the doubt that was: where a round takes less of it the next ones do not help either
_NO_FLOW: Final = np.empty(0, np.float32)  # nothing is known of it before
_MIDDLE, _CONTRAST = 128, 80  # grey levels of what the flow compares
_FARTHEST: Final = 1.0  # modules that one round may move a point by: more would jump to a neighbour


@dataclass(frozen=True, slots=True)
class Place:
    """Where a symbol lies in a picture: its corners in pixels (top left, top right, bottom right, bottom left as it is held), its modules a side."""

    corners: tuple[Point, ...]
    modules: int


@dataclass(frozen=True, slots=True, eq=False)
class Straight:
    """A symbol laid flat. `light`: four pixels a module, with two modules around it; `levels`: each module's; `clear`: these equalised."""

    light: Picture
    levels: Levels
    clear: Levels

    @property
    def doubt(self) -> float:
        """Give the share of modules that are neither dark nor light: above about 0.08 no symbol was read."""
        return float(np.mean(np.abs(self.clear) < _FAINT))

    def near(self) -> Levels:
        """Give the levels to be added up over several pictures."""
        return _levelled(self.light, *_surroundings(self.light, _NEAR))


def straightened(grey: Grey, place: Place, rounds: int, least: float = 0.75) -> Iterator[Straight]:
    """Lay the symbol flat as it lies, then up to `rounds` times bent straighter, as long as that makes it clearer.

    Levels are (modules, modules) in standard deviations of the light around them, dark below 0, light above. Gives nothing where
    not even `least` of the finder patterns' modules are as they must be: a right place has more at once, a wrong one about half.
    """
    flat = _flat(place)
    if agreement(_sampled(grey, flat, place.modules)) < least:
        return
    away = np.zeros((place.modules + 2 * _MARGIN, place.modules + 2 * _MARGIN, 2), np.float32)
    doubt = 1.0
    for turn in range(rounds + 1):
        light = _laid_flat(grey, flat, away)
        mean, deviation = _surroundings(light, _WIDE)
        levels = _levelled(light, mean, deviation)
        straight = Straight(light, levels, equalised(levels))
        yield straight
        before, doubt = doubt, straight.doubt
        if turn == rounds or doubt > min(_LOST, _CLEARER * before) or (not turn and doubt < _FLAT):
            return
        away = _bent(away, _evened(light, mean, deviation), straight.clear)


def equalised(levels: Levels) -> Levels:
    """Take out of each module's level what its eight neighbours blurred into it, as an equaliser with decision feedback does.

    How much each neighbour gives is fitted to the symbol as it seems, and the modules are decided anew with it, three times.
    """
    decided = ideal(levels)
    gives, steady = _blur(decided, levels)
    own = max(float(gives[1, 1]), 1e-3)
    gives[1, 1] = 0
    for _ in range(_FEEDBACK):
        around = cv2.filter2D(_bordered(decided), -1, gives)[1:-1, 1:-1]
        clear = (levels - around - steady) / own
        decided = ideal(clear)
    return clear


def _blur(decided: Levels, levels: Levels) -> tuple[Levels, float]:
    """Fit what a module and its eight neighbours give to its level, (3, 3), and what is there without them (least squares)."""
    size = decided.shape[0]
    wide = _bordered(decided)
    nine = np.empty((10, size, size), np.float32)
    for one, (y, x) in enumerate(product(range(3), range(3))):
        nine[one] = wide[y : y + size, x : x + size]
    nine[9] = 1
    around = nine.reshape(10, -1)
    fitted = np.linalg.solve(around @ around.T + 1e-3 * np.eye(10, dtype=np.float32), around @ levels.ravel())
    return fitted[:9].reshape(3, 3).astype(np.float32), float(fitted[9])


def _bordered(decided: Levels) -> Levels:
    """Put one light module around the symbol."""
    return np.asarray(cv2.copyMakeBorder(decided, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=(1.0,)), np.float32)


def agreement(levels: Levels) -> float:
    """Give the share of the finder patterns' modules that are as they must be, 0.5 for noise. Timing patterns are the first to blur away."""
    wanted = patterns(levels.shape[0])
    corners = (np.s_[:8, :8], np.s_[:8, -8:], np.s_[-8:, :8])
    return float(np.mean([(levels[corner] > 0) == wanted[corner] for corner in corners]))


def ideal(levels: Levels) -> Levels:
    """Decide on each module: -1 dark, 1 light; those of the fixed patterns are as they must be."""
    wanted = patterns(levels.shape[0])
    return np.where(wanted >= 0, wanted, levels > 0).astype(np.float32) * 2 - 1


def render(levels: Levels) -> Grey:
    """Draw the modules as a clean symbol with its quiet zone, one pixel a module."""
    return np.pad(ideal(levels) > 0, 4, constant_values=True).astype(np.uint8) * np.uint8(255)


@cache
def patterns(modules: int) -> NDArray[np.int8]:
    """Draw what every symbol of this size has (ISO/IEC 18004 6.3): 0 dark, 1 light, -1 where its data are."""
    grid = np.full((modules, modules), -1, np.int8)
    timing = np.arange(8, modules - 8) % 2
    grid[6, 8:-8] = grid[8:-8, 6] = timing
    finder = np.ones((8, 8), np.int8)
    finder[:7, :7] = _rings(3)
    grid[:8, :8], grid[:8, -8:], grid[-8:, :8] = finder, finder[:, ::-1], finder[::-1]
    for y, x in _alignments(modules):
        grid[y - 2 : y + 3, x - 2 : x + 3] = _rings(2)
    return grid


def _rings(around: int) -> NDArray[np.int8]:
    """Draw a dark module or square with a light ring and a dark one around it."""
    away = np.abs(np.arange(-around, around + 1))
    ring = np.maximum(away[:, None], away[None, :])
    return np.asarray(ring == around - 1, np.int8)


def _alignments(modules: int) -> list[tuple[int, int]]:
    """Give the centres of the alignment patterns (ISO/IEC 18004 annex E, whose one irregular row is version 32)."""
    version = (modules - 17) // 4
    if version == 1:
        return []
    lines = version // 7 + 2
    step = 26 if version == 32 else (version * 4 + lines * 2 + 1) // (lines * 2 - 2) * 2  # noqa: PLR2004 -- the irregular row
    first, last = 6, modules - 7
    along = [first, *(last - step * line for line in range(lines - 1))]
    finders = {(first, first), (first, last), (last, first)}
    return [place for place in product(along, along) if place not in finders]


def _flat(place: Place) -> NDArray[np.float64]:
    """Give the homography from the straightened picture to the one that came."""
    # a pixel's centre is a whole number, its edges are not
    start, end = _MARGIN * _PIXELS - 0.5, (_MARGIN + place.modules) * _PIXELS - 0.5
    square = np.array([(start, start), (end, start), (end, end), (start, end)], np.float32)
    return np.asarray(cv2.getPerspectiveTransform(square, np.array(place.corners, np.float32)), np.float64)


def _sampled(grey: Grey, flat: NDArray[np.float64], modules: int) -> Levels:
    """Give a level of each module from one pixel of it, for most places that are tried are wrong."""
    points = _points(modules + 2 * _MARGIN)
    light = _at(grey, cv2.perspectiveTransform(points.reshape(-1, 1, 2), flat).reshape(points.shape))
    return np.asarray((light - cv2.blur(light, (_WIDE, _WIDE)))[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN], np.float32)


def _laid_flat(grey: Grey, flat: NDArray[np.float64], away: Picture) -> Picture:
    """Straighten the picture; `away` says how far from the flat place each module lies, in straightened pixels."""
    modules = away.shape[0]
    there = cv2.perspectiveTransform((_points(modules) + away).reshape(-1, 1, 2), flat).reshape(away.shape)
    each = _enlarged(np.asarray(there, np.float32))
    return _at(grey, each)


def _surroundings(light: Picture, window: int) -> tuple[Picture, Picture]:
    """Give the mean and the standard deviation of the light in a window of so many modules around each."""
    module = cv2.resize(light, None, fx=1 / _PIXELS, fy=1 / _PIXELS, interpolation=cv2.INTER_AREA)
    mean = cv2.blur(module, (window, window))
    variance = cv2.blur(module * module, (window, window)) - mean * mean
    return np.asarray(mean, np.float32), np.sqrt(np.maximum(variance, 2))


def _levelled(light: Picture, mean: Picture, deviation: Picture) -> Levels:
    """Give each module's level, from the middle of it."""
    first, last = (slice(core, None, _PIXELS) for core in _CORE)
    middle = (light[first, first] + light[first, last] + light[last, first] + light[last, last]) / 4
    inside = slice(_MARGIN, -_MARGIN)
    return np.asarray(((middle - mean) / deviation)[inside, inside], np.float32)


def _evened(light: Picture, mean: Picture, deviation: Picture) -> Grey:
    """Take away the light that falls on it, from every pixel, for the flow."""
    even = (light - _enlarged(mean)) * _enlarged(np.float32(_CONTRAST) / deviation) + _MIDDLE
    return np.asarray(np.clip(even, 0, 255), np.uint8)


def _bent(away: Picture, seen: Grey, levels: Levels) -> Picture:
    """Bend the picture towards what its modules should look like; how far, a module each."""
    wanted = np.pad(ideal(levels), _MARGIN, constant_values=1) * _CONTRAST + _MIDDLE
    drawn = cv2.blur(_enlarged(wanted, cv2.INTER_NEAREST).astype(np.uint8), (3, 3))
    flow = _flow().calc(drawn, seen, _NO_FLOW)
    flow = cv2.resize(flow, None, fx=1 / _PIXELS, fy=1 / _PIXELS, interpolation=cv2.INTER_AREA)
    flow = np.clip(cv2.GaussianBlur(flow, (0, 0), 1), -_FARTHEST * _PIXELS, _FARTHEST * _PIXELS)
    modules = _indices(away.shape[0]) + flow / _PIXELS
    return np.asarray(_at(away, modules) + flow, np.float32)


def _at(picture: Grey | Picture, places: cv2.typing.MatLike) -> Picture:
    """Give the picture at places, (height, width, 2) of x and y."""
    # the stubs do not know of one map with both: it takes a quarter of the time that two take
    found = cv2.remap(picture, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[call-overload]
    return np.asarray(found, np.float32)


def _enlarged(picture: Picture, how: int = cv2.INTER_LINEAR) -> Picture:
    """Give what has a value a module for every pixel."""
    return np.asarray(cv2.resize(picture, None, fx=_PIXELS, fy=_PIXELS, interpolation=how), np.float32)


@cache
def _indices(size: int) -> Picture:
    """Give each module's own place among the modules, (size, size, 2)."""
    along = np.arange(size, dtype=np.float32)
    return np.dstack(np.meshgrid(along, along))


@cache
def _points(size: int) -> Picture:
    """Give each module's middle in straightened pixels, (size, size, 2)."""
    return (_indices(size) + np.float32(0.5)) * _PIXELS - np.float32(0.5)


@cache
def _flow() -> cv2.DISOpticalFlow:
    return cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
