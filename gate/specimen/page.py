"""What the phone itself looks like, flat and sharp: its body, its status bar and the app's page around the code.

Everything is drawn in device pixels, as the phone's own display would light them, and only then handed to the camera's side (screen.py).
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from gate.specimen.symbol import modules
from gate.specimen.traveller import App

Grey = NDArray[np.uint8]

WIDTH, HEIGHT = 1080, 2340  # device pixels of the display
PIXELS_PER_MM = WIDTH / 68.0  # a display 68 mm wide, 147 mm tall
BEZEL = 44  # device pixels of black glass around the display
SCALE = 2  # device pixels to one pixel of the finished page
HAND = 260  # device pixels around the body, where the fingers of the hand that holds it are seen
LARGEST = 860  # device pixels of a code at most: an EC1 code has 10 a module and is 53 mm wide with its quiet zone
CODE_CENTRE = (HAND + BEZEL + WIDTH // 2, HAND + BEZEL + 1130)  # in the drawn picture, before it is scaled

_FONT = cv2.FONT_HERSHEY_DUPLEX
_BODY_GLOW, _GLASS, _SKIN = 0, 26, 105  # black glass gives back 10 % of the light that falls on it, skin 40 %


@dataclass(frozen=True, slots=True)
class Look:
    """How an app dresses its page: words, and grey levels 0..255 of emitted light."""

    title: str
    note: str
    paper: int
    ink: int
    band: int


LOOKS = {
    App.BORDER: Look("Border code", "Hold it to the reader", paper=236, ink=30, band=150),
    App.FAMILY: Look("Border code", "Second holder", paper=226, ink=40, band=90),
    App.WALLET: Look("U-Pay", "Scan to pay", paper=70, ink=240, band=120),
}


@dataclass(frozen=True, slots=True)
class Page:
    """A phone, flat.

    `layers` is (height, width, 3) uint8: light emitted, light given back (reflectance), and whether there is a phone or a hand at all.
    `origin` is the code's centre in its pixels; `per_mm` its pixels a millimetre; `module_mm` the width of one module of the code.
    """

    layers: Grey
    origin: tuple[float, float]
    per_mm: float
    module_mm: float


def draw(text: str, app: App = App.BORDER) -> Page:
    """Draw the phone that shows `text` as a QR code, in whole device pixels a module (FORMAT 7)."""
    look = LOOKS[app]
    code, module = _code(text)
    light = np.full((HEIGHT, WIDTH), look.paper, np.uint8)
    _status_bar(light, look)
    _words(light, look)
    _place_code(light, code)
    layers = cv2.resize(_body(light), None, fx=1 / SCALE, fy=1 / SCALE, interpolation=cv2.INTER_AREA)
    # a pixel's centre is a whole number, its edges are not
    origin = (CODE_CENTRE[0] / SCALE - 0.5, CODE_CENTRE[1] / SCALE - 0.5)
    return Page(np.asarray(layers, np.uint8), origin, PIXELS_PER_MM / SCALE, module / PIXELS_PER_MM)


def _code(text: str) -> tuple[Grey, int]:
    """Give the code with its quiet zone, and the device pixels of one module."""
    module = LARGEST // modules(text).shape[0]
    return modules(text, module), module


def _place_code(light: Grey, code: Grey) -> None:
    half, card = code.shape[0] // 2, code.shape[0] // 2 + 40
    x, y = CODE_CENTRE[0] - HAND - BEZEL, CODE_CENTRE[1] - HAND - BEZEL
    cv2.rectangle(
        light, (x - card, y - card), (x + card, y + card), 255, -1
    )  # black on white even in a dark app (FORMAT 7)
    light[y - half : y - half + code.shape[0], x - half : x - half + code.shape[1]] = code


def _status_bar(light: Grey, look: Look) -> None:
    cv2.putText(light, "08:00", (70, 84), _FONT, 1.6, look.ink, 3, cv2.LINE_AA)
    for bar in range(4):
        cv2.rectangle(light, (770 + 24 * bar, 84 - 10 * (bar + 1)), (786 + 24 * bar, 84), look.ink, -1)
    cv2.rectangle(light, (900, 44), (984, 84), look.ink, 4)
    cv2.rectangle(light, (908, 52), (956, 76), look.ink, -1)
    cv2.circle(light, (WIDTH // 2, 62), 26, 0, -1, cv2.LINE_AA)  # the front camera


def _words(light: Grey, look: Look) -> None:
    cv2.rectangle(light, (0, 130), (WIDTH, 330), look.band, -1)
    cv2.putText(light, look.title, (80, 260), _FONT, 2.6, look.ink, 5, cv2.LINE_AA)
    cv2.putText(light, look.note, (80, 460), _FONT, 1.8, look.ink, 3, cv2.LINE_AA)
    cv2.rectangle(light, (80, 1740), (1000, 1752), look.band, -1)  # how much of the code's five seconds is left
    cv2.rectangle(light, (80, 1740), (620, 1752), look.ink, -1)
    for row, width in enumerate((560, 760, 480)):
        cv2.rectangle(light, (80, 1850 + 90 * row), (80 + width, 1886 + 90 * row), look.band, -1)
    cv2.rectangle(light, (380, HEIGHT - 46), (700, HEIGHT - 36), look.ink, -1)


def _body(light: Grey) -> Grey:
    """Put the display into its glass, and the glass into a hand: three layers (emitted, given back, there at all)."""
    height, width = HEIGHT + 2 * BEZEL, WIDTH + 2 * BEZEL
    size = (height + 2 * HAND, width + 2 * HAND)
    glow, gives_back, there = (np.zeros(size, np.uint8) for _ in range(3))
    _fingers(gives_back, there, width, height)
    body = np.zeros(size, np.uint8)
    _rounded(body, (HAND, HAND), (width, height), 150)
    gives_back[body > 0], there[body > 0] = _GLASS, 255
    _thumb(gives_back, height)
    display = np.zeros(size, np.uint8)
    _rounded(display, (HAND + BEZEL, HAND + BEZEL), (WIDTH, HEIGHT), 110)
    lit = np.zeros(size, np.uint8)
    lit[HAND + BEZEL : HAND + BEZEL + HEIGHT, HAND + BEZEL : HAND + BEZEL + WIDTH] = light
    seen = (display > 0) & (gives_back == _GLASS)
    glow[seen] = lit[seen]
    return np.dstack([glow, gives_back, there])


def _rounded(mask: Grey, corner: tuple[int, int], size: tuple[int, int], radius: int) -> None:
    (x, y), (width, height) = corner, size
    cv2.rectangle(mask, (x + radius, y), (x + width - radius, y + height), 255, -1)
    cv2.rectangle(mask, (x, y + radius), (x + width, y + height - radius), 255, -1)
    for cx in (x + radius, x + width - radius):
        for cy in (y + radius, y + height - radius):
            cv2.circle(mask, (cx, cy), radius, 255, -1)


def _fingers(gives_back: Grey, there: Grey, width: int, height: int) -> None:
    """Four finger tips come round one edge, the ball of the thumb shows at the other: all behind the glass."""
    for knuckle in range(4):
        centre = (HAND + width + 20, HAND + int(height * 0.50) + 250 * knuckle)
        for layer, value in ((gives_back, _SKIN + 6 * knuckle), (there, 255)):
            cv2.ellipse(layer, centre, (135, 110), 0, 0, 360, value, -1, cv2.LINE_8)
    for layer, value in ((gives_back, _SKIN), (there, 255)):
        cv2.ellipse(layer, (HAND + 30, HAND + int(height * 0.80)), (190, 520), 12, 0, 360, value, -1, cv2.LINE_8)


def _thumb(gives_back: Grey, height: int) -> None:
    """The thumb lies on the glass, below the code."""
    cv2.ellipse(gives_back, (HAND + 90, HAND + int(height * 0.86)), (130, 330), 28, 0, 360, _SKIN + 10, -1, cv2.LINE_8)
