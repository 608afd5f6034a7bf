"""What a phone's own display and glass do to its page: cracks, dead parts, fingers, filters. Flat pages in, flat pages out (page.py)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from gate.specimen.page import Grey, Page

Points = NDArray[np.int32]

_CODE_MM = 53.5  # an EC1 code with its quiet zone
_SKIN = 112  # gives back 44 % of the light that falls on it
_SPLINTER = 150  # what the broken edge of a splinter gives back


class Flaw(StrEnum):
    """What is wrong with a display."""

    CRACKS = "cracks"
    DEAD = "dead"
    FINGER = "finger"
    GRID = "grid"
    INVERTED = "inverted"
    FAINT = "faint"


@dataclass(frozen=True, slots=True)
class Wear:
    """One flaw, from 0 (none to speak of) to 1 (very bad)."""

    flaw: Flaw
    strength: float


def worn(page: Page, wear: Wear, chance: np.random.Generator) -> Page:
    """The page with this flaw; `chance` says where its cracks run."""
    layers = page.layers.copy()
    _FLAWS[wear.flaw](layers, page, wear.strength, chance)
    return replace(page, layers=layers)


def torn(before: Page, after: Page, share: float) -> Page:
    """A display that is being drawn anew: the upper `share` (0 to 1) of the code's rows shows `after` already. Both pages are of one size."""
    layers = before.layers.copy()
    half = _CODE_MM / 2 * before.per_mm
    row = int(before.origin[1] - half + 2 * half * share)
    layers[:row] = after.layers[:row]
    return replace(before, layers=layers)


def _cracks(layers: Grey, page: Page, strength: float, chance: np.random.Generator) -> None:
    """Cracks run from where the phone fell on; the splinters between them are askew by a hair, so that what they show is shifted."""
    hit = _somewhere(page, chance, 0.7)
    angles = np.sort(chance.uniform(0, 2 * np.pi, 5 + round(8 * strength)))
    cracks = [_crack(hit, angle, page, chance) for angle in angles]
    _shift_splinters(layers, cracks, strength, chance)
    wide = round(1 + 3 * strength)
    lines = [*cracks, *_rings(hit, cracks, chance)]
    for number, line in enumerate(lines):
        drawn = np.zeros(layers.shape[:2], np.uint8)
        cv2.polylines(drawn, [line], isClosed=False, color=255, thickness=wide + (number % 3 == 0))
        seen = (drawn > 0) & (layers[..., 2] > 0)
        layers[seen, 0] = layers[seen, 0] // 6  # a crack sends the display's light elsewhere
        layers[seen, 1] = np.maximum(layers[seen, 1], _SPLINTER)


def _crack(start: Points, angle: float, page: Page, chance: np.random.Generator) -> Points:
    """One crack as points, which wavers as it goes."""
    steps = 14
    angles = angle + np.cumsum(chance.normal(0, 0.16, steps))
    stride = 5.5 * page.per_mm
    path = start + np.cumsum(stride * np.column_stack([np.cos(angles), np.sin(angles)]), axis=0)
    return _whole(np.vstack([start, path]))


def _rings(hit: Points, cracks: list[Points], chance: np.random.Generator) -> list[Points]:
    """Shorter cracks from one long one to the next."""
    pairs = pairwise(cracks)
    at = chance.integers(1, 7, len(cracks))
    return [
        np.array([one[k], (8 * (one[k] + other[k]) + hit) // 17, other[k]], np.int32)
        for (one, other), k in zip(pairs, at, strict=False)
    ]


def _shift_splinters(layers: Grey, cracks: list[Points], strength: float, chance: np.random.Generator) -> None:
    for one, other in pairwise(cracks):
        splinter = np.zeros(layers.shape[:2], np.uint8)
        cv2.fillPoly(splinter, [np.vstack([one, other[::-1]])], 255)
        x, y = (round(shift) for shift in chance.normal(0, 2.6 * strength, 2))
        moved = np.roll(layers[..., 0], (y, x), axis=(0, 1))
        dimmer = chance.uniform(1 - 0.5 * strength, 1)
        layers[splinter > 0, 0] = (moved[splinter > 0] * dimmer).astype(np.uint8)


def _dead(layers: Grey, page: Page, strength: float, chance: np.random.Generator) -> None:
    """Rows and columns that stay dark or bright, and a black blot where the display leaks."""
    for _ in range(round(2 + 10 * strength)):
        along, value = int(chance.integers(2)), int(chance.choice([0, 0, 255]))
        middle = _somewhere(page, chance, 1.0)[1 - along]
        line = slice(middle, middle + int(chance.integers(1, 4)))
        place = (line, slice(None)) if along == 0 else (slice(None), line)
        lit = layers[(*place, 0)] > 0
        layers[(*place, 0)][lit] = value
    blot = np.zeros(layers.shape[:2], np.uint8)
    centre, size = _somewhere(page, chance, 0.7), page.per_mm * (2 + 7 * strength)
    for _ in range(6):
        x, y = (centre + chance.normal(0, 0.5 * size, 2)).astype(int)
        cv2.circle(blot, (int(x), int(y)), int(size * chance.uniform(0.4, 0.8)), 255, -1)
    layers[blot > 0, 0] = 0


def _finger(layers: Grey, page: Page, strength: float, chance: np.random.Generator) -> None:
    """A finger tip lies on the code's edge."""
    half, wide = _CODE_MM / 2 * page.per_mm, 8.5 * page.per_mm
    deep = (1 + 16 * strength) * page.per_mm + 4 * page.module_mm * page.per_mm
    across, side = chance.uniform(-0.75, 0.75) * half, chance.integers(4)
    x, y = ((across, half), (half, across), (across, -half), (-half, across))[side]
    out = np.array(((0, 1), (1, 0), (0, -1), (-1, 0))[side])
    tip = np.add(page.origin, (x, y)) - out * deep
    far = tip + out * 60 * page.per_mm
    drawn = np.zeros(layers.shape[:2], np.uint8)
    tip = tip + out * wide
    cv2.line(drawn, (int(tip[0]), int(tip[1])), (int(far[0]), int(far[1])), 255, int(2 * wide), cv2.LINE_8)
    layers[drawn > 0] = (0, _SKIN, 255)


def _grid(layers: Grey, page: Page, strength: float, chance: np.random.Generator) -> None:
    """A coarse display whose own pixels show: dark lines between them."""
    period = chance.uniform(0.5, 1.1) * page.module_mm * page.per_mm
    y, x = (np.arange(side) for side in layers.shape[:2])
    dark = 1 - strength * (0.5 + 0.5 * np.cos(2 * np.pi * x / period))[None, :] * 0.9
    dark = dark * (1 - strength * (0.5 + 0.5 * np.cos(2 * np.pi * y / period))[:, None])
    layers[..., 0] = (layers[..., 0] * dark).astype(np.uint8)


def _inverted(layers: Grey, page: Page, strength: float, chance: np.random.Generator) -> None:
    """The display's colours the other way round, its black not quite black."""
    del page, chance
    glow = layers[..., 0]
    lit = cv2.morphologyEx((glow > 0).astype(np.uint8), cv2.MORPH_CLOSE, np.ones((61, 61), np.uint8)) > 0
    glow[lit] = np.clip((255 - glow[lit]) * (1 - 0.6 * strength) + 25 * strength, 0, 255).astype(np.uint8)


def _faint(layers: Grey, page: Page, strength: float, chance: np.random.Generator) -> None:
    """A privacy filter, or an app that fades its page: black and white are nearly the same grey."""
    del page
    contrast, middle = 0.5 * 0.09**strength, chance.uniform(90, 170)
    glow = layers[..., 0]
    lit = cv2.morphologyEx((glow > 0).astype(np.uint8), cv2.MORPH_CLOSE, np.ones((61, 61), np.uint8)) > 0
    glow[lit] = np.rint(middle + contrast * (glow[lit].astype(float) - 127)).astype(np.uint8)


def _somewhere(page: Page, chance: np.random.Generator, share: float) -> Points:
    """A point in the middle `share` of the code, in the page's pixels."""
    half = _CODE_MM / 2 * page.per_mm * share
    return _whole(page.origin + chance.uniform(-half, half, 2))


def _whole(points: NDArray[np.float64]) -> Points:
    return np.asarray(np.rint(points), np.int32)


_FLAWS: Final[Mapping[Flaw, Callable[[Grey, Page, float, np.random.Generator], None]]] = {
    Flaw.CRACKS: _cracks,
    Flaw.DEAD: _dead,
    Flaw.FINGER: _finger,
    Flaw.GRID: _grid,
    Flaw.INVERTED: _inverted,
    Flaw.FAINT: _faint,
}
