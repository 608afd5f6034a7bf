"""From a grey picture to symbols: three native engines behind one small interface that never raises on a picture.

The picture is an attacker's: whatever an engine makes of it or raises, what cannot be read has no symbols.
That these parsers may also hang or crash is why they live in a process of their own.
"""

import importlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from math import inf
from typing import Any, Final, Protocol

import cv2
import numpy as np
import zxingcpp
from numpy.typing import NDArray

from hardware import grid
from hardware.grid import Place, Point

Grey = NDArray[np.uint8]

LARGEST: Final = (1 << 15) - 1  # pixels of a side: OpenCV counts places in pictures with 16 bits
SMALLEST: Final = 21  # modules of the smallest QR symbol: a picture below one pixel a module holds none


@dataclass(frozen=True, slots=True)
class Symbol:
    """One QR symbol: its bytes as they are, the engine that read them, its corners in pixels, in order around it.

    `modules` a side, 0 where the engine does not tell.
    """

    data: bytes
    engine: str
    corners: tuple[Point, ...]
    modules: int = 0

    @property
    def area(self) -> float:
        """Square pixels."""
        return area(self.corners)

    @property
    def is_ours(self) -> bool:
        """Whether it begins like a border code."""
        return self.data.startswith(b"EC")


@dataclass(frozen=True, slots=True)
class Found:
    """What one look gave: symbols, the largest first, each text once; and places where a symbol lies that was not read, the largest first.

    A place has a pixel a module at least.
    """

    symbols: tuple[Symbol, ...] = ()
    places: tuple[Place, ...] = ()


class Engine(Protocol):
    """Reads a grey picture, (height, width) uint8: the symbols in it, largest first, each text once. Never raises."""

    @property
    def name(self) -> str:
        """The word for --engine."""

    def read(self, picture: object) -> tuple[Symbol, ...]:
        """Give the symbols; anything that is not such a picture has none."""


Parse = Callable[[Grey], Iterable[Symbol | Place]]
Prepare = Callable[[Grey], cv2.typing.MatLike]


@dataclass(frozen=True, slots=True)
class Pass:
    """One way to look: a picture prepared, made `shrink` times smaller if so, and an engine's parse of it.

    `cost` is its time for a pixel as a ratio to the first look's, as measured; `most` pixels of a picture are worth it where there is a choice.
    """

    name: str
    parse: Parse
    prepare: Prepare = lambda grey: grey
    shrink: float = 1.0
    cost: float = 1.0
    most: float = inf

    def read(self, picture: object) -> tuple[Symbol, ...]:
        """Give the symbols, their corners in the pixels of the picture that came."""
        return self.look(picture).symbols

    def look(self, picture: object) -> Found:
        """Give the symbols, and the places of those that were not read. Raises MemoryError: a process that leaks is replaced."""
        grey = usable(picture)
        if grey is None:
            return Found()
        try:
            found = tuple(self.parse(np.ascontiguousarray(self.prepare(grey))))
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001 -- the picture is an attacker's and the list of what native engines raise is open
            return Found()
        placed = [replace(one, corners=scaled(one.corners, self.shrink)) for one in found]
        places = [one for one in placed if isinstance(one, Place) and area(one.corners) >= one.modules**2]
        return Found(
            distinct(one for one in placed if isinstance(one, Symbol)),
            tuple(sorted(places, key=lambda place: area(place.corners), reverse=True)),
        )


def usable(picture: object) -> Grey | None:
    """Give the picture as every engine can take it, contiguous; None for one that holds no symbol whatever it shows."""
    match picture:
        case np.ndarray(dtype=np.dtype(), shape=(height, width)) if (
            min(height, width) >= SMALLEST and max(height, width) < LARGEST
        ):
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


def moved(corners: tuple[Point, ...], by: Point) -> tuple[Point, ...]:
    """Give the corners in a picture of which this one was cut out at `by`."""
    return tuple((x + by[0], y + by[1]) for x, y in corners)


def area(corners: tuple[Point, ...]) -> float:
    """Give the square pixels within the corners."""
    following = (*corners[1:], *corners[:1])
    return abs(sum(x * v - u * y for (x, y), (u, v) in zip(corners, following, strict=True))) / 2


def pyzbar_missing() -> str | None:
    """Say in one line why pyzbar cannot be used, or None when it can."""
    if _pyzbar():
        return None
    return "pyzbar is out: libzbar0 is not installed (apt install libzbar0); reading with zxing-cpp"


def zxing(grey: Grey, binarizer: zxingcpp.Binarizer = zxingcpp.Binarizer.LocalAverage) -> Iterator[Symbol | Place]:
    """Read with zxing-cpp, and tell where it found a symbol that it could not read: measured, that costs nothing."""
    formats = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)
    for code in zxingcpp.read_barcodes(grey, formats=formats, binarizer=binarizer, return_errors=True):
        # Micro QR and rMQR come with the family; FORMAT knows neither, and their versions are no numbers
        modules = _modules(code)
        place = code.position
        corners = tuple(
            (float(at.x), float(at.y))
            for at in (place.top_left, place.top_right, place.bottom_right, place.bottom_left)
        )
        if code.error is None and code.format == zxingcpp.BarcodeFormat.QRCode:
            yield Symbol(code.bytes, "zxing", corners, modules)
        elif code.error is not None and modules:
            yield Place(corners, modules)


def zxing_one_threshold(grey: Grey) -> Iterator[Symbol | Place]:
    """Read with zxing-cpp, one threshold for the whole picture: quicker, and right for what has no shade of its own."""
    return zxing(grey, zxingcpp.Binarizer.GlobalHistogram)


def zxing_modules(levels: grid.Levels) -> bytes | None:
    """Read the modules of one symbol (dark below 0); None where they are too wrong to be corrected."""
    found = zxingcpp.read_barcodes(
        grid.render(levels),
        formats=zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode),
        binarizer=zxingcpp.Binarizer.BoolCast,
        is_pure=True,
    )
    return next((code.bytes for code in found if code.format == zxingcpp.BarcodeFormat.QRCode), None)


def zbar(grey: Grey) -> Iterator[Symbol]:
    """Read with pyzbar; nothing where it is missing."""
    pyzbar = _pyzbar()
    if not pyzbar:
        return
    for code in pyzbar.decode(grey, symbols=[pyzbar.ZBarSymbol.QRCODE]):
        yield Symbol(code.data, "pyzbar", tuple((float(x), float(y)) for x, y in code.polygon))


def _opencv(grey: Grey) -> Iterator[Symbol]:
    # bytes, not str: the texts' variant raises UnicodeDecodeError for all symbols because of one
    _, texts, places, _ = cv2.QRCodeDetectorAruco().detectAndDecodeBytesMulti(grey)
    for text, place in zip(texts, places, strict=True):
        if text:
            yield Symbol(bytes(text), "opencv", tuple((float(x), float(y)) for x, y in place))


def _modules(code: Any) -> int:  # noqa: ANN401 -- a library without types
    """Give a symbol's modules a side by its version, 1 to 40; 0 for Micro QR, rMQR, and where no version was found."""
    version = str((code.extra or {}).get("Version", ""))
    return 17 + 4 * int(version) if version.isdecimal() else 0


@cache
def _pyzbar() -> Any:  # noqa: ANN401 -- a module without types
    """Give the module, or None where its import finds no libzbar0; asked once, as the search starts processes."""
    try:
        return importlib.import_module("pyzbar.pyzbar")
    except ImportError:
        return None


FIRST: Final = Pass("zxing", zxing)
PYZBAR: Final = Pass("pyzbar", zbar, cost=12, most=250_000)
OPENCV: Final = Pass("opencv", _opencv, cost=25)

ENGINES: Final[Mapping[str, Engine]] = {one.name: one for one in (FIRST, PYZBAR, OPENCV)}
"""The engines alone, by the word for --engine; the chain of them is in chain.py."""
