"""Draws a phone as the lane's camera sees it: flat pages (page.py) held in a moving hand, through a lens, in a hall, onto a sensor.

Light is linear and 1.0 just saturates the sensor; lengths are millimetres; only the last step makes grey levels of it.
Each frame depends on its seed and its number alone, so any one of them can be drawn by itself.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import pairwise
from math import tau

import cv2
import numpy as np
from numpy.typing import NDArray

from gate.specimen.page import SCALE, Grey, Page, draw
from gate.specimen.traveller import Flicker, Hand, Lamp, Light, Pose, Shot, Spot

WIDTH, HEIGHT = 1280, 720
FOCAL = 1000.0  # pixels

Picture = NDArray[np.float32]
Matrix = NDArray[np.float64]

_FINER = 2  # pixels of the drawing across one of the sensor's, so that the sensor averages as a real one does
_MARGIN = 12  # pixels around a phone into which its blurred edge may spill
_SMEAR = 4.0  # pixels that a phone may move from one sub-exposure to the next
_SUB_EXPOSURES = (3, 9)  # at least, at most
_LENS_SIGMA = 0.65  # pixels: what even a lens in focus and its sensor's colour mosaic blur
_WELL = 12000.0  # electrons that saturate a pixel: shot noise
_READOUT = 0.025  # seconds from the first row's exposure to the last one's: a shutter that rolls down the picture
_READ = 0.0007  # read noise, as a share of that
_GAMMA = 1 / 2.2

# A hand's tremor: hertz, and how far it moves the phone (mm) and turns it (degrees) at a shake of 1. Drift is slow and wide, tremor fast and small.
_TREMOR = ((0.9, 1.1, 0.7), (2.3, 0.5, 0.35), (5.1, 0.12, 0.12), (9.2, 0.06, 0.05))


@dataclass(frozen=True, slots=True)
class Tremor:
    """How one hand shakes: a phase (radians) for each rhythm of _TREMOR and each of the six ways a pose can move."""

    phases: Matrix
    shake: float

    def at(self, time: float) -> Matrix:
        """The offset (x, y, z mm; pitch, yaw, roll degrees) at a time in seconds."""
        hertz, length, angle = (np.array(column)[:, None] for column in zip(*_TREMOR, strict=True))
        waves = np.sin(tau * hertz * time + self.phases)
        sway: Matrix = np.hstack([waves[:, :3] * length, waves[:, 3:] * angle]).sum(axis=0)
        return self.shake * sway


@dataclass(frozen=True, slots=True)
class Phone:
    """One phone before the camera."""

    page: Page
    hand: Hand
    tremor: Tremor

    def pose(self, time: float) -> Matrix:
        """Where it is (x, y, z mm) and how it is turned (pitch, yaw, roll degrees), seconds from the start."""
        return on_path(self.hand, time) + self.tremor.at(time)

    def homography(self, time: float) -> Matrix:
        """From the page's pixels to the camera's, 3x3."""
        pose = self.pose(time)
        turned = rotation(pose[3:])
        plane = np.column_stack([turned[:, 0], turned[:, 1], pose[:3]])
        (x, y), per_mm = self.page.origin, self.page.per_mm
        to_mm = np.array([[1, 0, -x], [0, 1, -y], [0, 0, per_mm]]) / per_mm
        camera = np.array([[FOCAL, 0, (WIDTH - 1) / 2], [0, FOCAL, (HEIGHT - 1) / 2], [0, 0, 1]])
        return camera @ plane @ to_mm

    def pixels_a_module(self, time: float) -> float:
        """How large the camera sees one module of the code."""
        return float(FOCAL * self.page.module_mm / self.pose(time)[2])


@dataclass(frozen=True, slots=True)
class Scene:
    """All that one recording shows. `frame` draws any of its frames."""

    shot: Shot
    phones: tuple[Phone, ...]
    hall: Picture
    seed: int

    @classmethod
    def of(cls, texts: Sequence[str], shot: Shot, seed: int) -> "Scene":
        """Set the scene: one text for each of the shot's hands, and a seed for everything that is left to chance."""
        chance = np.random.default_rng(seed)
        phones = tuple(
            Phone(draw(text, hand.app), hand, Tremor(chance.uniform(0, tau, (len(_TREMOR), 6)), hand.shake))
            for text, hand in zip(texts, shot.hands, strict=True)
        )
        return cls(shot, phones, _hall(chance) * ambient(shot.light), seed)

    def frame(self, number: int) -> Grey:
        """One frame, (720, 1280) uint8."""
        time = self.shot.times[number]
        light = self.hall.copy()
        for phone in self.phones:
            _put(light, phone, self.shot, time)
        if self.shot.pane:
            light += _pane(self.shot.pane)
        return _sensor(light * _vignette(), np.random.default_rng((self.seed, number)))

    def frames(self) -> Iterator[Grey]:
        """All of them, in order."""
        return map(self.frame, range(len(self.shot.times)))


def on_path(hand: Hand, time: float) -> Matrix:
    """Where the hand means the phone to be: between two poses it starts and stops gently (the minimum-jerk path of a reach)."""
    for (start, before), (end, after) in pairwise(hand.path):
        if time < end:
            done = (time - start) / (end - start)
            eased = done**3 * (10 - 15 * done + 6 * done**2)
            return _six(before) + eased * (_six(after) - _six(before))
    return _six(hand.path[-1][1])


def _six(pose: Pose) -> Matrix:
    return np.array([pose.x, pose.y, pose.z, pose.pitch, pose.yaw, pose.roll])


def rotation(degrees: Matrix) -> Matrix:
    """The 3x3 rotation of (pitch, yaw, roll): about x, then y, then z."""
    turned = np.eye(3)
    for axis, angle in zip(np.eye(3), np.radians(degrees), strict=True):
        turned = np.asarray(cv2.Rodrigues(axis * angle)[0]) @ turned
    return turned


@lru_cache(maxsize=2)  # the same in every frame of a shot
def ambient(light: Light) -> Picture:
    """The hall's light over the picture: brighter on one side by `uneven`, (720, 1280)."""
    x, y = _grid()
    lit = (light.hall * (1 + light.uneven * (0.8 * x - 0.35 * y))).astype(np.float32)
    lit.flags.writeable = False
    return lit


def _grid() -> tuple[Picture, Picture]:
    """Give x and y over the picture, from -1 to 1."""
    x, y = np.linspace(-1, 1, WIDTH, dtype=np.float32), np.linspace(-1, 1, HEIGHT, dtype=np.float32)
    return x[None, :], y[:, None]


@cache
def _vignette() -> Picture:
    x, y = _grid()
    return np.asarray(1 - 0.16 * (x**2 + y**2) / 2, np.float32)


def _hall(chance: np.random.Generator) -> Picture:
    """What a sheet of white would not show: a far, dark, blurred hall, as reflectances (720, 1280)."""
    hall = np.full((HEIGHT, WIDTH), 0.22, np.float32)
    cv2.rectangle(hall, (0, 500), (WIDTH, HEIGHT), 0.34, -1)  # the floor
    for _ in range(7):  # pillars and people
        x, wide, tall = (int(chance.integers(*span)) for span in ((0, WIDTH), (30, 120), (200, 520)))
        cv2.rectangle(hall, (x, 560 - tall), (x + wide, 560), float(chance.uniform(0.05, 0.5)), -1)
    for x in chance.integers(0, WIDTH, 3):  # lamps of the ceiling
        cv2.rectangle(hall, (int(x), 30), (int(x) + 150, 60), 1.6, -1)
    coarse = cv2.resize(
        chance.normal(1, 0.05, (18, 32)).astype(np.float32), (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC
    )
    return np.asarray(_blurred(hall, 17) * coarse, np.float32)


def _put(light: Picture, phone: Phone, shot: Shot, time: float) -> None:
    """Put one phone before what is already there."""
    moments = time + shot.lens.exposure * np.linspace(-0.5, 0.5, _sub_exposures(phone, shot, time))
    views = [phone.homography(moment) for moment in moments]
    box = _box(phone.page, views)
    if box is None:
        return
    place = box.place
    layers = _mean([_exposed(phone.page, view, box) for view in views])
    glow, gives_back, there = cv2.split(_blurred(layers, _defocus(shot, phone.pose(time)[2])))
    if shot.lens.moire:
        glow *= 1 + shot.lens.moire * _mean([_beat(view, box) for view in views])
    if shot.flicker:
        glow *= banded(shot.flicker, shot.lens.exposure, time)[box.top : box.bottom]
    own = glow * shot.light.screen + gives_back * ambient(shot.light)[place]
    light[place] = light[place] * (1 - there) + own + there * _glares(phone, shot, box, time)


@dataclass(frozen=True, slots=True)
class Box:
    """The part of the picture that a phone takes up, in pixels."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def place(self) -> tuple[slice, slice]:
        """Its rows and columns."""
        return slice(self.top, self.bottom), slice(self.left, self.right)


def _box(page: Page, views: Sequence[Matrix]) -> Box | None:
    """The part of the picture that all these views of a page take up together, or None where that is nothing."""
    height, width = page.layers.shape[:2]
    corners = np.array([[[0, 0], [width, 0], [width, height], [0, height]]], np.float64)
    seen = np.concatenate([cv2.perspectiveTransform(corners, view)[0] for view in views])
    left, top = np.maximum(np.floor(seen.min(axis=0)) - _MARGIN, 0).astype(int)
    right, bottom = np.minimum(np.ceil(seen.max(axis=0)) + _MARGIN, (WIDTH, HEIGHT)).astype(int)
    return Box(int(left), int(top), int(right), int(bottom)) if left < right and top < bottom else None


def _sub_exposures(phone: Phone, shot: Shot, time: float) -> int:
    """As many as keep a moving phone from showing as separate ghosts."""
    half = shot.lens.exposure / 2
    ends = (phone.homography(time - half), phone.homography(time + half))
    before, after = (cv2.perspectiveTransform(np.array([[phone.page.origin]]), view)[0, 0] for view in ends)
    smear = float(np.linalg.norm(np.asarray(after) - np.asarray(before)))
    return int(np.clip(np.ceil(smear / _SMEAR) + 1, *_SUB_EXPOSURES))


def _exposed(page: Page, view: Matrix, box: Box) -> Picture:
    """The page's layers, 0..1, as they fall on the sensor's pixels inside the box at one moment."""
    half = (_FINER - 1) / 2  # a pixel's centre is a whole number, its edges are not
    finer = np.array([[_FINER, 0, half - _FINER * box.left], [0, _FINER, half - _FINER * box.top], [0, 0, 1]])
    width, height = box.right - box.left, box.bottom - box.top
    large = cv2.warpPerspective(page.layers, finer @ view, (width * _FINER, height * _FINER), flags=cv2.INTER_LINEAR)
    layers = cv2.resize(large, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(layers, np.float32) / np.float32(255)


def _beat(view: Matrix, box: Box) -> Picture:
    """The display's pixel grid, sampled where the sensor's pixels are: the two grids beat. From -2 to 2, (height, width) of the box."""
    x, y = np.meshgrid(
        np.arange(box.left, box.right, dtype=np.float64), np.arange(box.top, box.bottom, dtype=np.float64)
    )
    u, v, w = (row[0] * x + row[1] * y + row[2] for row in np.linalg.inv(view))
    pixels = tau * SCALE  # device pixels to one of the page's, in radians
    return np.asarray(np.cos(pixels * u / w) + np.cos(pixels * v / w), np.float32)


def _mean(pictures: Sequence[Picture]) -> Picture:
    return np.asarray(np.mean(pictures, axis=0), np.float32)


def _blurred(picture: Picture, sigma: float) -> Picture:
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma), np.float32)


def _defocus(shot: Shot, distance: float) -> float:
    """The blur at a distance, in pixels (standard deviation): a thin lens's circle of confusion, and the lens's own."""
    circle = FOCAL * shot.lens.aperture * abs(1 / shot.lens.focus - 1 / distance)
    return float(np.hypot(circle / 4, _LENS_SIGMA))


def _glares(phone: Phone, shot: Shot, box: Box, time: float) -> Picture | float:
    lamps = (Lamp(shot.light.lamp, shot.light.glare), *shot.lamps)
    return sum((_glare(phone, lamp, box, time) for lamp in lamps), 0.0)


def _glare(phone: Phone, lamp: Lamp, box: Box, time: float) -> Picture | float:
    """The lamp's reflection in the phone's glass: its mirror image, so that it runs twice as fast as the phone turns."""
    pose = phone.pose(time)
    normal = rotation(pose[3:])[:, 2]
    image = mirrored(np.array(lamp.place), pose[:3], normal)
    if not lamp.glare or image[2] <= 0:
        return 0.0
    centre = image[:2] * FOCAL / image[2] + np.array([WIDTH / 2, HEIGHT / 2])
    radius = FOCAL * lamp.radius / image[2]
    x, y = np.arange(box.left, box.right)[None, :], np.arange(box.top, box.bottom)[:, None]
    away = ((x - centre[0]) ** 2 + (y - centre[1]) ** 2) / radius**2
    # a core as wide as the lamp, and the haze that finger marks on the glass make of it
    return np.asarray(lamp.glare * (0.85 * np.exp(-(away**2)) + 0.15 * np.exp(-away / 9)), np.float32)


def mirrored(point: Matrix, on: Matrix, normal: Matrix) -> Matrix:
    """Where a point (x, y, z mm) is seen in a mirror that goes through `on` and stands square to `normal`, of length 1."""
    image: Matrix = point - 2 * np.dot(point - on, normal) * normal
    return image


@lru_cache(maxsize=1)  # the same in every frame of a shot
def _pane(spots: tuple[Spot, ...]) -> Picture:
    """What the lane's own glass adds to the picture."""
    return np.broadcast_to(sum((_shine(spot) for spot in spots), np.float32(0)), (HEIGHT, WIDTH)).astype(np.float32)


def _shine(spot: Spot) -> Picture | float:
    if not spot.radius:
        return spot.peak
    x, y = np.arange(WIDTH)[None, :] - spot.x, np.arange(HEIGHT)[:, None] - spot.y
    away = (x**2 + y**2) / spot.radius**2
    return np.asarray(spot.peak * np.exp(-(away**2)), np.float32)


def banded(flicker: Flicker, exposure: float, time: float) -> Picture:
    """How much of a flickering display's light each row gets, (720, 1) with a mean of about 1: dark bands that wander from frame to frame."""
    opens = flicker.hertz * (time - exposure / 2 + _READOUT * (np.arange(HEIGHT) / HEIGHT - 0.5))
    closes = opens + flicker.hertz * exposure
    lit = (_lit(closes, flicker.duty) - _lit(opens, flicker.duty)) / (flicker.hertz * exposure * flicker.duty)
    return np.asarray(1 + flicker.depth * (lit - 1), np.float32)[:, None]


def _lit(turns: Matrix, duty: float) -> Matrix:
    """How many turns' worth of light a display has given since turn 0."""
    whole = np.floor(turns)
    lit: Matrix = duty * whole + np.minimum(turns - whole, duty)
    return lit


def _sensor(light: Picture, chance: np.random.Generator) -> Grey:
    """Count photons, saturate, and give grey levels as a camera's luma has them."""
    sigma = np.sqrt(np.maximum(light, 0) / _WELL + _READ**2)
    seen = np.clip(light + sigma * chance.standard_normal(light.shape, np.float32), 0, 1)
    return np.asarray(np.rint(255 * seen**_GAMMA), np.uint8)
