"""Frames with one thing amiss each, drawn from a seed, so that what keeps a code from being read is known."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import cos, exp, log, sin, tau
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from gate.specimen.cases import Specimen
from gate.specimen.screen import Scene, rotation
from gate.specimen.symbol import modules
from gate.specimen.traveller import MORNING, Hand, Lens, Light, Pose, Shot
from hardware.sighting import Cause

TEXT: Final = Specimen.from_seed(b"faults").code("cleared", MORNING)
ACROSS: Final = modules(TEXT).shape[0] - 8
SECONDS: Final = 0.2
_MIDDLE: Final = 3  # of its six frames

Chance = np.random.Generator


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """A frame, and where its code truly is: corners and pixels per module."""

    grey: NDArray[np.uint8]
    corners: NDArray[np.float64]
    module_px: float


def draw(shot: Shot, seed: int) -> Drawn:
    scene = Scene.of([TEXT], shot, seed)
    time, phone = shot.times[_MIDDLE], scene.phones[0]
    (x, y), half = phone.page.origin, ACROSS * phone.page.module_mm * phone.page.per_mm / 2
    corners = np.array([[[x - half, y - half], [x + half, y - half], [x + half, y + half], [x - half, y + half]]])
    seen = np.asarray(cv2.perspectiveTransform(corners, phone.homography(time))[0], np.float64)
    return Drawn(scene.frame(_MIDDLE), seen, phone.pixels_a_module(time))


def good(chance: Chance) -> Shot:
    return _held(_pose(chance))


def empty(chance: Chance) -> Shot:
    return replace(_held(Pose(x=3000)), light=Light(hall=float(chance.uniform(0.02, 0.5))))


def too_small(chance: Chance) -> Shot:
    far = float(chance.uniform(330, 640))
    pose = _pose(chance, x=float(chance.uniform(-90, 90)), y=float(chance.uniform(-50, 50)), z=far)
    return replace(_held(pose), lens=Lens(focus=far))


def too_dark(chance: Chance) -> Shot:
    return replace(
        good(chance), light=Light(screen=_spread(chance, 0.002, 0.012), hall=float(chance.uniform(0.005, 0.03)))
    )


def too_bright(chance: Chance) -> Shot:
    return replace(good(chance), light=Light(screen=_spread(chance, 4, 40)))


def blurred(chance: Chance) -> Shot:
    """Out of focus by 1.5 to 4 pixels, or moved by 5 to 20 while the shutter was open."""
    if chance.random() < 0.5:
        return replace(good(chance), lens=Lens(focus=330, aperture=float(chance.uniform(4, 10))))
    pose, speed, way = _pose(chance), float(chance.uniform(40, 140)), float(chance.uniform(0, tau))
    x, y = cos(way) * speed * SECONDS / 2, sin(way) * speed * SECONDS / 2
    before, after = replace(pose, x=pose.x - x, y=pose.y - y), replace(pose, x=pose.x + x, y=pose.y + y)
    hand = Hand(((0.0, before), (SECONDS, after)), shake=0.3)
    return Shot((hand,), SECONDS, lens=Lens(exposure=0.03))


def glare(chance: Chance) -> Shot:
    """A lamp where its mirror image lies on the code."""
    pose = _pose(chance)
    normal = rotation(np.array([pose.pitch, pose.yaw, pose.roll]))[:, 2]
    middle = np.array([pose.x, pose.y, pose.z])
    on_code = middle + np.array([chance.uniform(-14, 14), chance.uniform(-14, 14), 0])
    image = on_code * (chance.uniform(650, 1100) / on_code[2])
    x, y, z = image - 2 * np.dot(image - middle, normal) * normal
    light = Light(lamp=(float(x), float(y), float(z)), glare=float(chance.uniform(1.5, 6)))
    return replace(_held(pose), light=light)


def cut_off(chance: Chance) -> Shot:
    """Beyond a side of the picture by a fifth to four fifths of the code."""
    pose, side = _pose(chance), float(chance.choice([-1.0, 1.0]))
    half, beyond = ACROSS * 0.63 / 2, float(chance.uniform(-0.6, 0.6))
    if chance.random() < 0.5:
        return _held(replace(pose, x=side * (0.640 * pose.z + beyond * half)))
    return _held(replace(pose, y=side * (0.360 * pose.z + beyond * half)))


FAULTS: Final[dict[Cause, Callable[[Chance], Shot]]] = {
    Cause.TOO_SMALL: too_small,
    Cause.TOO_DARK: too_dark,
    Cause.TOO_BRIGHT: too_bright,
    Cause.BLURRED: blurred,
    Cause.GLARE: glare,
    Cause.CUT_OFF: cut_off,
}


def _held(pose: Pose) -> Shot:
    return Shot((Hand(((0.0, pose),), shake=0.5),), SECONDS)


def _pose(chance: Chance, **fixed: float) -> Pose:
    spans = {"x": 25, "y": 20, "pitch": 8, "yaw": 8, "roll": 15}
    free = {name: float(chance.uniform(-span, span)) for name, span in spans.items()}
    return Pose(**({"z": float(chance.uniform(195, 225))} | free | fixed))


def _spread(chance: Chance, least: float, most: float) -> float:
    """As many between 1 and 2 as between 2 and 4."""
    return exp(float(chance.uniform(log(least), log(most))))
