"""What is known of a code that could not be read: where it is, how large, how sharp, how lit, and what is most amiss.

A cause is told by physics, each limit with its reason; it becomes words for the traveller, and figures for `gate aim`.
Grey pictures in, (height, width) uint8, values out: no clock, no memory.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from math import hypot
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]
Map = NDArray[np.float32]
Point = tuple[float, float]
Outline = tuple[Point, ...]
Rect = tuple[Point, tuple[float, float], float]  # as OpenCV has it: centre, sides, degrees

MODULES: Final = 77  # across a border code of version 15: what an unread code is taken for
AIM_PX: Final = 4.0  # pixels per module to aim for: there 90 % decode at a blur of 1.2 pixels

# Limits, each with its reason; "drawn" is measured on the specimen's camera, whose truth is known.
_SHARP: Final = 0.85  # sharpness: zxing-cpp reads drawn codes above it, far, moved or out of focus, few below 0.8
_LEAST_PX: Final = 1.75  # pixels per module: below, nine in ten are not read however sharp they are
_IN_FOCUS: Final = 3.0  # pixels of an edge as sharp as lens, sensor and our sampling give it: drawn 2.5 to 3.0
_FLAT: Final = 32  # grey levels: zxing-cpp takes less than 24 for an even surface, and noise is on it
_DIM: Final = 64  # grey level of light modules: a twentieth of the light that saturates
_SATURATED: Final = 250
_LIFTED: Final = 0.4  # level of dark modules, where light on the glass hides them
_LOST: Final = 0.4  # share of saturated pixels: half the modules are light, less their edges; more bled into the dark
_WHITE: Final = 0.9  # share of saturated pixels where a reflection has left no dark modules
_COVERED: Final = 0.05  # share of the code: M mends 15 % of codewords, and around a reflection more are harmed
_SPOT: Final = 0.25  # share of saturated pixels by which a corner outshines the code: one finder lost is the code lost
_CELLS: Final = 8  # across the code: each holds some dozens of modules
_BORDER: Final = 12.0  # pixels: the quiet zone's four modules, where they are three pixels wide
_CHANGES: Final = 3.0  # along a line across it, where blur has left few; a hall has none
_LINES: Final = 24  # that are looked at, each way

# Locating: shares of the peak of texture, and sizes.
_SHARES: Final = (0.1, 0.02)  # of a sharp code, and of a blurred one beside sharper things
_NEAR_SHARES: Final = (0.25, 0.1)  # with little else in view
_FLOOR: Final = 0.1  # (grey levels a pixel) squared, by 32: the sensor's noise stays below
_SMALLEST: Final = 40.0  # pixels of a side: a border code at half a pixel per module
_LARGE: Final = 200.0  # pixels of a side: a border code at the 2.6 pixels per module that are easily read
_LONG: Final = 0.65  # short side to long: a code held at 50 degrees
_SLIM: Final = 0.3  # the same, and how full a patch is: glare bites out much
_MARGIN: Final = 16  # pixels around a patch
_GRID_BORDER: Final = 2  # cells


class Cause(StrEnum):
    """What keeps a code from being read, as far as can be seen; `seen` where nothing is amiss."""

    SEEN = "seen"
    TOO_SMALL = "too_small"
    TOO_DARK = "too_dark"
    TOO_BRIGHT = "too_bright"
    BLURRED = "blurred"
    GLARE = "glare"
    CUT_OFF = "cut_off"


@dataclass(frozen=True, slots=True)
class Sighting:
    """One code in a frame, read or not.

    `outline`: its corners in pixels, in order around it, without the quiet zone. `module_px`: pixels across a module.
    `sharpness`: a module's width over an edge's, from dark to light: at 1.0 an edge is as wide as a module, more is
    sharper. `light` and `contrast`: the light modules' grey level, and what lies between them and the dark ones, both
    0 to 1. `saturation`: share of its pixels at 250 and above. `covered`: share of it that is white.
    """

    cause: Cause
    outline: Outline
    module_px: float
    sharpness: float
    contrast: float
    light: float
    saturation: float
    covered: float


def sight(grey: Grey, outline: Outline | None = None, modules: int = MODULES) -> Sighting | None:
    """Measure the likeliest code that was not read, at `outline` where an engine found it; None where there is none."""
    if outline is not None:
        return measure(grey, outline, modules)
    likely = (one for one in locate(grey) if _like_a_code(_flat(grey, one)))
    return next((measure(grey, one, modules) for one in likely), None)


def locate(grey: Grey, most: int = 2) -> tuple[Outline, ...]:
    """Give where something like a code may be, read or not, likeliest first: a hint of where to look, never a veto.

    It looks for patches, about square, that have edges both ways all over; a frame costs it about one zxing-cpp pass.
    """
    if min(grey.shape) < _SMALLEST:
        return ()
    apart: list[Rect] = []
    for rect in _patches(grey, 2, _SHARES):
        if len(apart) < most and not any(_overlap(rect, other) for other in apart):
            apart.append(rect)
    return tuple(_outline(_closer(grey, rect)) for rect in apart)


def measure(grey: Grey, outline: Outline, modules: int = MODULES) -> Sighting:
    """Measure the code within `outline`, `modules` across, and say what is most amiss."""
    flat = _flat(grey, outline)
    dark, light = _level(flat, 0.02), _level(flat, 0.98)
    module_px = max(_sides(outline)) / modules
    edge_px = _edge(flat, light - dark)
    cells = _saturated(flat)
    found = Sighting(
        cause=Cause.SEEN,
        outline=outline,
        module_px=module_px,
        sharpness=module_px / edge_px,
        contrast=(light - dark) / 255,
        light=light / 255,
        saturation=float(cells.mean()),
        covered=float(np.mean(cells > _WHITE)),
    )
    return replace(found, cause=_cause(found, grey.shape, cells, edge_px))


def modules_across(grey: Grey, outline: Outline) -> int:
    """Count the modules of a code that was read, from its timing patterns: 21 to 177 in steps of 4, 17 + 4 x version.

    `outline` must be an engine's own: half a module off and the count is not to be trusted.
    """
    flat = _flat(grey, outline).astype(np.float32)
    turned = [np.ascontiguousarray(np.rot90(flat, quarter)) for quarter in range(4)]
    return max(range(21, 178, 4), key=lambda count: sum(sorted(_alternation(one, count) for one in turned)[-2:]))


def _cause(found: Sighting, shape: tuple[int, ...], cells: Map, edge_px: float) -> Cause:
    """Name the first that holds: each hides what the later ones would be seen by. `cells` are shares of saturated pixels."""
    flat = found.contrast * 255 < _FLAT
    lifted = found.light - found.contrast > _LIFTED and found.sharpness > _SHARP  # what is blurred is flat too
    spot = float(np.max(cells[:: _CELLS - 1, :: _CELLS - 1]) - np.median(cells))
    amiss = {
        Cause.CUT_OFF: _cut_off(found.outline, shape),
        Cause.TOO_DARK: flat and found.light * 255 < _DIM,
        Cause.TOO_BRIGHT: np.percentile(cells, 10) > _LOST or (flat and lifted),
        Cause.GLARE: found.covered > _COVERED or spot > _SPOT,
        Cause.TOO_SMALL: found.sharpness < _SHARP and (edge_px < _IN_FOCUS or found.module_px < _LEAST_PX),
        Cause.BLURRED: found.sharpness < _SHARP,
    }
    return next((cause for cause, holds in amiss.items() if holds), Cause.SEEN)


def _cut_off(outline: Outline, shape: tuple[int, ...]) -> bool:
    height, width = shape
    xs, ys = zip(*outline, strict=True)
    room = min(*xs, *ys, width - max(xs), height - max(ys))
    return bool(room < _BORDER)


def _edge(flat: Grey, contrast: float) -> float:
    """Give how many pixels an edge takes from dark to light, along the way that it takes most: motion smears one way."""
    steps = (cv2.absdiff(flat[1:], flat[:-1]), cv2.absdiff(flat[:, 1:], flat[:, :-1]))
    steepest = min(_level(np.asarray(step, np.uint8), 0.97) for step in steps)
    return max(contrast, 1.0) / max(steepest, 1.0)


def _level(grey: Grey, share: float) -> float:
    """Give the level that this share of the pixels is at or below."""
    counts = np.cumsum(np.bincount(grey.ravel(), minlength=256))
    return float(np.searchsorted(counts, share * counts[-1]))


def _saturated(flat: Grey) -> Map:
    """Give the share of saturated pixels in each of _CELLS x _CELLS parts of the code."""
    white = (flat >= _SATURATED).astype(np.float32)
    return np.asarray(cv2.resize(white, (_CELLS, _CELLS), interpolation=cv2.INTER_AREA), np.float32)


def _like_a_code(flat: Grey) -> bool:
    """Whether lines across it, both ways, go from dark to light and back as a code's do."""
    smooth = cv2.blur(flat, (3, 3)).astype(np.int16)
    around = cv2.blur(flat, (flat.shape[0] // _CELLS | 1,) * 2).astype(np.int16)
    clear = 0.06 * (_level(flat, 0.98) - _level(flat, 0.02))
    signs = (smooth > around + clear).astype(np.int8) - (smooth < around - clear)
    across, down = _changes(signs), _changes(signs.T)
    return min(across, down) >= max(_CHANGES, max(across, down) / 4)


def _changes(signs: NDArray[np.int8]) -> float:
    """Give how often a line changes from dark to light or back, the median of some lines."""
    lines = signs[:: max(1, len(signs) // _LINES)]
    return float(np.median([np.count_nonzero(np.diff(line[line != 0])) for line in lines]))


def _alternation(flat: Map, count: int) -> float:
    """Give how well the seventh row alternates, were there `count` modules: its contrast, from -255 to 255."""
    side = flat.shape[0]
    columns = ((np.arange(8, count - 8) + 0.5) * side / count).astype(int)
    row = flat[int(6.5 * side / count), columns]
    return float(np.mean(row[1::2]) - np.mean(row[::2]))


def _flat(grey: Grey, outline: Outline) -> Grey:
    """Give the code as a square seen straight on, at its own size: one pixel is one of the frame's."""
    side = int(np.clip(sum(_sides(outline)) / 4, _SMALLEST, 800)) // _CELLS * _CELLS
    corners = np.array([(0, 0), (side, 0), (side, side), (0, side)], np.float32) - np.float32(0.5)
    view = cv2.getPerspectiveTransform(np.array(outline, np.float32), corners)
    flat = cv2.warpPerspective(grey, view, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(flat, np.uint8)


def _sides(outline: Outline) -> tuple[float, ...]:
    following = (*outline[1:], *outline[:1])
    return tuple(hypot(u - x, v - y) for (x, y), (u, v) in zip(outline, following, strict=True))


def _texture(grey: Grey, halvings: int) -> Map:
    """Give how strong the weaker of two crossing ways of edges is, on a grid of 2 ** (halvings + 1) pixels.

    It is the least eigenvalue of the structure tensor: an edge or a shadow has none, text and codes have, at any angle.
    What is narrower than five cells is taken away again, as the corner of a phone is.
    """
    small = _halved(grey, halvings)
    along, down = (cv2.Sobel(small, cv2.CV_16S, *way) for way in ((1, 0), (0, 1)))
    pairs = ((along, along), (down, down), (along, down))
    products = (cv2.multiply(one, other, scale=1 / 32, dtype=cv2.CV_16S) for one, other in pairs)  # within 16 bits
    xx, yy, xy = (cv2.boxFilter(_halved(product, 1), cv2.CV_32F, (5, 5)) for product in products)
    half = (xx - yy) / 2
    least = (xx + yy) / 2 - cv2.sqrt(half * half + xy * xy)
    return np.asarray(cv2.erode(least, np.ones((5, 5), np.uint8)), np.float32)


def _halved(picture: cv2.typing.MatLike, times: int) -> cv2.typing.MatLike:
    for _ in range(times):
        picture = cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)  # by two it is quickest
    return picture


def _patches(grey: Grey, halvings: int, shares: tuple[float, ...]) -> list[Rect]:
    """Give where texture is above these shares of its peak: square, full and strong ones first."""
    texture = _texture(grey, halvings)
    peak = float(np.max(texture))
    levels = [peak * share for share in shares if peak * share > _FLOOR]
    rated = [patch for level in levels for patch in _rated(texture, level, 2 << halvings)]
    return [rect for _, rect in sorted(rated, reverse=True)]


def _rated(texture: Map, level: float, scale: int) -> Iterator[tuple[float, Rect]]:
    """Give the patches above a level, in pixels, each with how much it is like a code."""
    contours, _ = cv2.findContours((texture > level).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    for contour in contours:
        (x, y), (wide, high), angle = cv2.minAreaRect(contour)
        if min(wide, high) * scale < _SMALLEST:
            continue
        left, top, columns, rows = cv2.boundingRect(contour)
        touches = (
            min(left, top) <= _GRID_BORDER
            or left + columns >= texture.shape[1] - _GRID_BORDER
            or top + rows >= texture.shape[0] - _GRID_BORDER
        )
        square = 1.0 if touches else min(wide, high) / max(wide, high)
        full = (cv2.contourArea(contour) + cv2.arcLength(contour, closed=True) / 2 + 1) / (wide * high)
        strength = float(texture[top : top + rows, left : left + columns].mean())
        if square > _SLIM and full > _SLIM:
            centre = x * scale + scale / 2, y * scale + scale / 2
            yield wide * high * full**2 * square * strength, (centre, (wide * scale, high * scale), angle)


def _closer(grey: Grey, rect: Rect) -> Rect:
    """Look again, finer: words and the edges of a phone run together with a small code. Glare would tear a code apart."""
    sides = rect[1]
    square = min(sides) > _LONG * max(sides) and max(sides) >= _LARGE
    left, top, wide, high = cv2.boundingRect(cv2.boxPoints(rect))
    left, top = max(left - _MARGIN, 0), max(top - _MARGIN, 0)
    part = grey[top : top + high + 2 * _MARGIN, left : left + wide + 2 * _MARGIN]
    if square and (max(sides) > 2 * _LARGE or np.mean(part[::4, ::4] >= _SATURATED) > _COVERED):
        return rect
    finer = _patches(part, 1 if max(wide, high) >= _LARGE else 0, _NEAR_SHARES)
    if not finer:
        return rect
    (x, y), sides, angle = finer[0]
    return (x + left, y + top), sides, angle


def _overlap(one: Rect, other: Rect) -> bool:
    """Whether they share more than a little of what they cover together."""
    kind, corners = cv2.rotatedRectangleIntersection(one, other)
    if kind == cv2.INTERSECT_NONE:
        return False
    shared = cv2.contourArea(cv2.convexHull(corners))
    return bool(shared > 0.3 * (np.prod(one[1]) + np.prod(other[1]) - shared))


def _outline(rect: Rect) -> Outline:
    return tuple((float(x), float(y)) for x, y in cv2.boxPoints(rect))
