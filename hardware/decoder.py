"""From a grey picture to symbols: three native engines behind one small interface that never raises on a picture.

The picture is an attacker's: whatever an engine makes of it or raises, what cannot be read has no symbols.
That these parsers may also hang or crash is why they live in a process of their own.
"""

import importlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from itertools import cycle
from typing import Any, Final, Protocol

import cv2
import numpy as np
import zxingcpp
from numpy.typing import NDArray

Grey = NDArray[np.uint8]
Point = tuple[float, float]

SMALLEST: Final = 21  # modules of the smallest QR symbol: a picture below one pixel a module holds none


@dataclass(frozen=True, slots=True)
class Symbol:
    """One QR symbol: its bytes as they are, the engine that read them, its corners in pixels, in order around it."""

    data: bytes
    engine: str
    corners: tuple[Point, ...]

    @property
    def area(self) -> float:
        """Square pixels."""
        following = (*self.corners[1:], *self.corners[:1])
        return abs(sum(x * v - u * y for (x, y), (u, v) in zip(self.corners, following, strict=True))) / 2


class Engine(Protocol):
    """Reads a grey picture, (height, width) uint8: the symbols in it, largest first, each text once. Never raises."""

    @property
    def name(self) -> str:
        """The word for --engine."""

    def read(self, picture: object) -> tuple[Symbol, ...]:
        """Give the symbols; anything that is not such a picture has none."""


Parse = Callable[[Grey], Iterable[Symbol]]


@dataclass(frozen=True, slots=True)
class Pass:
    """One way to look: a picture prepared, made `shrink` times smaller if so, and an engine's parse of it."""

    name: str
    parse: Parse
    prepare: Callable[[Grey], cv2.typing.MatLike] = lambda grey: grey
    shrink: float = 1.0

    def read(self, picture: object) -> tuple[Symbol, ...]:
        """Give the symbols, their corners in the pixels of the picture that came."""
        grey = usable(picture)
        if grey is None:
            return ()
        try:
            found = tuple(self.parse(np.ascontiguousarray(self.prepare(grey))))
        except Exception:  # noqa: BLE001 -- the picture is an attacker's and the list of what native engines raise is open
            return ()
        return distinct(replace(symbol, corners=scaled(symbol.corners, self.shrink)) for symbol in found)


class Chain:
    """Every engine in the order of what it costs; remembers only whose turn it is."""

    name: Final = "chain"

    def __init__(self) -> None:
        self._turns = cycle(CHEAP)

    def read(self, picture: object) -> tuple[Symbol, ...]:
        """Take all passes that a still can have, up to the first that reads something."""
        passes = (FIRST, *CHEAP, *THOROUGH)
        return next(filter(None, (one.read(picture) for one in passes)), ())

    def glance(self, picture: object) -> tuple[Symbol, ...]:
        """Take the first pass and, on a miss, one further: the next frame comes soon and takes the next pass."""
        return FIRST.read(picture) or next(self._turns).read(picture)


def usable(picture: object) -> Grey | None:
    """Give the picture as every engine can take it, contiguous; None for one that holds no symbol whatever it shows."""
    match picture:
        case np.ndarray(dtype=np.dtype(), shape=(height, width)) if min(height, width) >= SMALLEST:
            return np.ascontiguousarray(picture) if picture.dtype == np.uint8 else None
    return None


def distinct(symbols: Iterable[Symbol]) -> tuple[Symbol, ...]:
    """Give each text once, its largest symbol, the largest first."""
    by_data: dict[bytes, Symbol] = {}
    for symbol in sorted(symbols, key=lambda symbol: symbol.area, reverse=True):
        by_data.setdefault(symbol.data, symbol)
    return tuple(by_data.values())


def scaled(corners: tuple[Point, ...], factor: float) -> tuple[Point, ...]:
    """Give the corners in a picture that is `factor` times as large."""
    return tuple((x * factor, y * factor) for x, y in corners)


def pyzbar_missing() -> str | None:
    """Say in one line why pyzbar cannot be used, or None when it can."""
    if _pyzbar():
        return None
    return "pyzbar is out: libzbar0 is not installed (apt install libzbar0); reading with zxing-cpp"


def _zxing(grey: Grey, binarizer: zxingcpp.Binarizer = zxingcpp.Binarizer.LocalAverage) -> Iterable[Symbol]:
    formats = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)
    for code in zxingcpp.read_barcodes(grey, formats=formats, binarizer=binarizer):
        if code.format != zxingcpp.BarcodeFormat.QRCode:
            continue  # Micro QR and rMQR come with the family; FORMAT knows neither
        place = code.position
        corners = (place.top_left, place.top_right, place.bottom_right, place.bottom_left)
        yield Symbol(code.bytes, "zxing", tuple((float(at.x), float(at.y)) for at in corners))


def _zxing_one_threshold(grey: Grey) -> Iterable[Symbol]:
    return _zxing(grey, binarizer=zxingcpp.Binarizer.GlobalHistogram)


def _zbar(grey: Grey) -> Iterable[Symbol]:
    pyzbar = _pyzbar()
    if not pyzbar:
        return
    for code in pyzbar.decode(grey, symbols=[pyzbar.ZBarSymbol.QRCODE]):
        yield Symbol(code.data, "pyzbar", tuple((float(x), float(y)) for x, y in code.polygon))


def _opencv(grey: Grey) -> Iterable[Symbol]:
    # bytes, not str: the texts' variant raises UnicodeDecodeError for all symbols because of one
    _, texts, places, _ = cv2.QRCodeDetectorAruco().detectAndDecodeBytesMulti(grey)
    for text, place in zip(texts, places, strict=True):
        if text:
            yield Symbol(bytes(text), "opencv", tuple((float(x), float(y)) for x, y in place))


@cache
def _pyzbar() -> Any:  # noqa: ANN401 -- a module without types
    """Give the module, or None where its import finds no libzbar0; asked once, as the search starts processes."""
    try:
        return importlib.import_module("pyzbar.pyzbar")
    except ImportError:
        return None


def _half(grey: Grey) -> cv2.typing.MatLike:
    return cv2.resize(grey, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)


def _third(grey: Grey) -> cv2.typing.MatLike:
    return cv2.resize(grey, None, fx=1 / 3, fy=1 / 3, interpolation=cv2.INTER_AREA)


def _half_evened(grey: Grey) -> cv2.typing.MatLike:
    return cv2.createCLAHE(2.0, (8, 8)).apply(_half(grey))


def _darker(grey: Grey) -> cv2.typing.MatLike:
    """Spread what a bright screen pressed together near white: gamma 2."""
    return cv2.LUT(grey, (np.arange(256) ** 2 / 255).astype(np.uint8))


def _thresholded(grey: Grey) -> cv2.typing.MatLike:
    return cv2.adaptiveThreshold(grey, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY, 101, 5)


def _closed(grey: Grey) -> cv2.typing.MatLike:
    """Close the gaps between a display's own pixels."""
    return cv2.morphologyEx(grey, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))


def _flattened(grey: Grey) -> cv2.typing.MatLike:
    """Divide by the light that falls on it, taken from an eighth of the size, and smooth what that sharpened."""
    height, width = grey.shape
    light = cv2.GaussianBlur(cv2.resize(grey, None, fx=0.125, fy=0.125, interpolation=cv2.INTER_AREA), (0, 0), 6)
    floor = np.maximum(cv2.resize(light, (width, height)), 1)
    return cv2.GaussianBlur(cv2.divide(grey, floor, scale=160), (0, 0), 0.8)


# The first pass reads nine in ten of real photographs; each cheap one costs about as much again and reads some that it
# missed, best first (measured on held-out photographs: 75 % of them read, with all six 80 %, in twice the time).
FIRST: Final = Pass("zxing", _zxing)
CHEAP: Final = (
    Pass("thresholded", _zxing_one_threshold, _thresholded),
    Pass("half, evened", _zxing, _half_evened, 2),
    Pass("darker", _zxing, _darker),
    Pass("half", _zxing_one_threshold, _half, 2),
    Pass("flattened", _zxing, _flattened),
    Pass("closed", _zxing, _closed),
)
PYZBAR: Final = Pass("pyzbar", _zbar)
OPENCV: Final = Pass("opencv", _opencv)
THOROUGH: Final = (Pass("third, pyzbar", _zbar, _third, 3), PYZBAR, OPENCV)  # ten and more times the first: stills only

ENGINES: Final[Mapping[str, Callable[[], Engine]]] = {
    "chain": Chain,
    "zxing": lambda: FIRST,
    "pyzbar": lambda: PYZBAR,
    "opencv": lambda: OPENCV,
}


def engine(name: str) -> Engine:
    """Give the engine of that name, one of ENGINES; KeyError for any other."""
    return ENGINES[name]()
