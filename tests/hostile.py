"""Frames that somebody holds up to hurt the scanner: valid codes of every odd kind, near codes, and pictures made to be slow to search.

Everything is drawn from numbers, so that a frame can be told by its name alone.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, Final

import cv2
import numpy as np
import zxingcpp
from numpy.typing import NDArray

Grey = NDArray[np.uint8]

WIDTH, HEIGHT = 1280, 720
OURS = "EC1:" + "8UADZCKFEOEDJOD2KC54EM-DX.CH8FSKDQ$D.OE44E5$CS44+8DK44OEC3EFGVCD2" * 5


@dataclass(frozen=True, slots=True)
class Hostile:
    """One frame, and every payload that may be read of it: of most there is none."""

    picture: Grey
    payloads: frozenset[bytes] = frozenset()
    must_read: bool = False


def code(content: str | bytes, scale: int = 4, kind: str = "QRCode", **options: Any) -> Grey:  # noqa: ANN401 -- zxing's own words
    """A drawn symbol with its quiet zone."""
    made = zxingcpp.create_barcode(content, getattr(zxingcpp.BarcodeFormat, kind), **options)
    return np.pad(np.array(made.to_image(scale=scale, add_quiet_zones=True), np.uint8), 4 * scale, constant_values=255)


def on_paper(*codes: Grey, height: int = HEIGHT, width: int = WIDTH) -> Grey:
    """Put codes side by side, in rows, until the paper is full."""
    paper = np.full((height, width), 255, np.uint8)
    x = y = tallest = 0
    for one in codes:
        tall, wide = one.shape
        if x + wide > width:
            x, y, tallest = 0, y + tallest, 0
        if y + tall > height or wide > width:
            break
        paper[y : y + tall, x : x + wide] = one
        x, tallest = x + wide, max(tallest, tall)
    return paper


def finder(module: int) -> Grey:
    """One finder pattern with white around it, 9 modules wide."""
    pattern = np.full((9, 9), 255, np.uint8)
    pattern[1:8, 1:8], pattern[2:7, 2:7], pattern[3:6, 3:6] = 0, 255, 0
    return np.kron(pattern, np.ones((module, module), np.uint8))


def tiled(tile: Grey, height: int = HEIGHT, width: int = WIDTH) -> Grey:
    """The whole picture of one tile."""
    down, across = -(-height // tile.shape[0]), -(-width // tile.shape[1])
    return np.ascontiguousarray(np.tile(tile, (down, across))[:height, :width])


def finders(module: int) -> Grey:
    """Finder patterns wall to wall: thousands where a module is a pixel."""
    return tiled(finder(module))


def scattered(module: int, many: int, seed: int = 1) -> Grey:
    """Finder patterns anywhere, as no grid is: every three of them might be a code's."""
    chance, paper, pattern = np.random.default_rng(seed), np.full((HEIGHT, WIDTH), 255, np.uint8), finder(module)
    side = pattern.shape[0]
    for y, x in zip(chance.integers(0, HEIGHT - side, many), chance.integers(0, WIDTH - side, many), strict=True):
        paper[y : y + side, x : x + side] = pattern
    return paper


def nested(rings: int, module: int) -> Grey:
    """Squares in squares in squares: a finder pattern at every scale about one middle."""
    side = np.arange(-rings * module, rings * module)
    ring = np.maximum(abs(side[:, None] + 0.5), abs(side[None, :] + 0.5)) // module
    return np.where(ring % 2 < 1, 0, 255).astype(np.uint8)


def rings(period: float) -> Grey:
    """Circles about the middle: 1:1:3:1:1 along some line everywhere."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    return np.where(np.hypot(x - WIDTH / 2, y - HEIGHT / 2) % period < period / 2, 0, 255).astype(np.uint8)


def checkered(module: int) -> Grey:
    """A chess board."""
    return tiled(np.kron(np.array([[0, 255], [255, 0]], np.uint8), np.ones((module, module), np.uint8)))


def striped(period: float, degrees: float) -> Grey:
    """Bars of 1:1:3:1:1 and white: every row has finder patterns wall to wall, and nothing else."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    turn = np.radians(degrees)
    module = ((x * np.cos(turn) + y * np.sin(turn)) % period * 9 / period).astype(int)
    return np.where(np.array([1, 0, 1, 0, 0, 0, 1, 0, 1])[module] > 0, 255, 0).astype(np.uint8)


def crossed(period: float) -> Grey:
    """The same both ways: a finder pattern at every crossing."""
    return np.asarray(np.maximum(striped(period, 0), striped(period, 90)), np.uint8)


def noise(low: int, high: int, blur: float, seed: int = 1) -> Grey:
    """Noise between two grey levels, made as coarse as `blur` pixels."""
    picture = np.random.default_rng(seed).integers(low, high, (HEIGHT, WIDTH)).astype(np.uint8)
    if not blur:
        return picture
    smooth = cv2.GaussianBlur(picture, (0, 0), blur)
    low, high = int(smooth.min()), int(smooth.max())
    return ((smooth.astype(int) - low) * 255 // (high - low)).astype(np.uint8)


def modules_of_noise(module: int, seed: int = 1) -> Grey:
    """Random modules: what the inside of a code looks like, wall to wall."""
    chance = np.random.default_rng(seed)
    small = 255 * chance.integers(0, 2, (HEIGHT // module + 1, WIDTH // module + 1), dtype=np.uint8)
    return np.ascontiguousarray(np.kron(small, np.ones((module, module), np.uint8))[:HEIGHT, :WIDTH])


def headless(scale: int, version: int = 40, seed: int = 1) -> Grey:
    """A large symbol whose modules are random but for its three finder patterns: found, sampled, corrected in vain."""
    side = 17 + 4 * version
    chance = np.random.default_rng(seed)
    modules = 255 * chance.integers(0, 2, (side + 8, side + 8), dtype=np.uint8)
    modules[:4], modules[-4:], modules[:, :4], modules[:, -4:] = (255,) * 4
    for y, x in ((3, 3), (3, side - 4), (side - 4, 3)):
        modules[y : y + 9, x : x + 9] = finder(1)
    return np.kron(modules, np.ones((scale, scale), np.uint8))


def one_finder_and_timing(scale: int) -> Grey:
    """A real code's finder patterns over a chess board: timing patterns everywhere, so that no version is plain."""
    board = checkered(scale)
    for y, x in ((0, 0), (0, 100), (55, 0)):
        board[y * scale : (y + 9) * scale, x * scale : (x + 9) * scale] = finder(scale)
    return board


def tiny(scale: int, height: int = HEIGHT, width: int = WIDTH) -> Grey:
    """As many version 1 symbols as the picture holds, each of another text."""
    first = code("00000", scale)
    many = (height // first.shape[0]) * (width // first.shape[1])
    return on_paper(*(code(f"{number:05}", scale) for number in range(many)), height=height, width=width)


def tiny_texts(scale: int) -> frozenset[bytes]:
    """What may be read of it."""
    side = code("00000", scale).shape[0]
    return frozenset(b"%05d" % number for number in range((HEIGHT // side) * (WIDTH // side)))


_VERSION_1_L, _CORRECTION, _SIDE = 19, 7, 21  # codewords of data, codewords of error correction, modules
_FORMAT = "111011111000100"  # error correction L, mask 0


def raw(data: bytes, scale: int = 8) -> Grey:
    """A version 1-L symbol whose 19 data codewords are these, whatever they mean: a valid symbol around any bits."""
    words = data + _remainder(data)
    bits = iter("".join(f"{word:08b}" for word in words))
    modules = np.ones((_SIDE, _SIDE), np.uint8)  # 1 is white
    free = np.ones((_SIDE, _SIDE), bool)
    for y, x in ((0, 0), (0, _SIDE - 8), (_SIDE - 8, 0)):
        corner = finder(1)[(y == 0) : (y == 0) + 8, (x == 0) : (x == 0) + 8] // 255
        modules[y : y + 8, x : x + 8] = corner
        free[y : y + 9 - (y > 0), x : x + 9 - (x > 0)] = False
    free[6, :], free[:, 6] = False, False
    modules[6, 8:13] = modules[8:13, 6] = [0, 1, 0, 1, 0]
    _write_format(modules)
    for y, x in _zigzag(free):
        dark = (next(bits) == "1") != ((y + x) % 2 == 0)
        modules[y, x] = not dark
    return np.pad(np.kron(255 * modules, np.ones((scale, scale), np.uint8)), 4 * scale, constant_values=255)


def _write_format(modules: Grey) -> None:
    around = [(8, x) for x in (0, 1, 2, 3, 4, 5, 7, 8)] + [(y, 8) for y in (7, 5, 4, 3, 2, 1, 0)]
    split = [(y, 8) for y in range(_SIDE - 1, _SIDE - 8, -1)] + [(8, x) for x in range(_SIDE - 8, _SIDE)]
    modules[_SIDE - 8, 8] = 0
    for places in (around, split):
        for (y, x), bit in zip(places, _FORMAT, strict=True):
            modules[y, x] = bit == "0"


def _zigzag(free: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Two columns at a time from the right, up and down in turn, over the timing column."""
    rights = (20, 18, 16, 14, 12, 10, 8, 5, 3, 1)
    for number, right in enumerate(rights):
        rows = range(_SIDE) if number % 2 else range(_SIDE - 1, -1, -1)
        yield from ((y, x) for y in rows for x in (right, right - 1) if free[y, x])


def _remainder(data: bytes) -> bytes:
    """The error correction codewords: Reed-Solomon over GF(256) with x^8 + x^4 + x^3 + x^2 + 1."""
    powers = [1]
    for _ in range(254):
        powers.append(powers[-1] << 1 ^ (0x11D if powers[-1] & 0x80 else 0))
    logs = {value: exponent for exponent, value in enumerate(powers)}

    def times(a: int, b: int) -> int:
        return powers[(logs[a] + logs[b]) % 255] if a and b else 0

    generator = [1]
    for exponent in range(_CORRECTION):
        shifted = [*generator, 0]
        generator = [
            one ^ times(before, powers[exponent]) for one, before in zip(shifted, [0, *generator], strict=True)
        ]
    left = [*data, *[0] * _CORRECTION]
    for at in range(len(data)):
        for place, factor in enumerate(generator):
            left[at + place] ^= times(left[at], factor) if place else 0
    return bytes(left[-_CORRECTION:])


def bits(*fields: tuple[int, int]) -> bytes:
    """Fields of (value, width) as the 19 codewords of a version 1-L symbol, with a terminator and the usual padding."""
    text = "".join(f"{value:0{width}b}" for value, width in fields) + "0000"
    text = text[: 8 * _VERSION_1_L]
    text += "0" * (-len(text) % 8)
    whole = bytes(int(text[at : at + 8], 2) for at in range(0, len(text), 8))
    return (whole + bytes([0xEC, 0x11] * 10))[:_VERSION_1_L]


LARGEST: Final = b"EC1:" + bytes(range(256)) * 11 + b"x" * 100
BINARY: Final = bytes(range(256))
_OURS = frozenset({OURS.encode()})
_A = (0x41, 8)
_BYTE_A = ((4, 4), (1, 8), _A)

# Valid symbols of odd contents: the fields of their bits, and what may be read of each.
ODD_BITS: Final[Mapping[str, tuple[tuple[tuple[int, int], ...], frozenset[bytes]]]] = {
    "one byte": (_BYTE_A, frozenset({b"A"})),
    "no bytes": (((4, 4), (0, 8)), frozenset({b""})),
    "nothing at all": ((), frozenset({b""})),
    "no digits": (((1, 4), (0, 10)), frozenset({b""})),
    "more bytes than there are": (((4, 4), (255, 8), _A), frozenset()),
    "digits above 999": (((1, 4), (3, 10), (1023, 10)), frozenset()),
    "letters above 44": (((2, 4), (2, 9), (2047, 11)), frozenset()),
    "an unknown mode": (((14, 4), _A), frozenset()),
    "kanji": (((8, 4), (1, 8), (0x0AB, 13)), frozenset({b"\x81\xeb"})),
    "kanji that is none": (((8, 4), (1, 8), (0x1FFF, 13)), frozenset({b"\xeb\xbf"})),
    "hanzi": (((13, 4), (1, 4), (1, 8), (0x0AB, 13)), frozenset({b"\xa2\xec"})),
    "ECI of UTF-8": (((7, 4), (26, 8), *_BYTE_A), frozenset({b"A"})),
    "ECI that nobody has": (((7, 4), (0b110, 3), (999999, 21), *_BYTE_A), frozenset({b"A"})),
    "FNC1 first": (((5, 4), *_BYTE_A), frozenset({b"A"})),
    "FNC1 second": (((9, 4), (37, 8), *_BYTE_A), frozenset({b"A", b"37A"})),
    "part 1 of 2": (((3, 4), (0, 4), (1, 4), (0x41, 8), *_BYTE_A), frozenset({b"A"})),
    "part 2 of 2": (((3, 4), (1, 4), (1, 4), (0x41, 8), *_BYTE_A), frozenset({b"A"})),
    "part 16 of 2": (((3, 4), (15, 4), (1, 4), (0x41, 8), *_BYTE_A), frozenset({b"A"})),
    "part 1 of 1, without contents": (((3, 4), (0, 4), (0, 4), (0, 8)), frozenset({b""})),
}


def _beside(kind: str, content: str) -> Hostile:
    """Ours beside another symbology."""
    return Hostile(on_paper(code(OURS), code(content, 3, kind)), _OURS, must_read=True)


def _parts() -> Hostile:
    """All three parts of one structured append beside each other."""
    options = cv2.QRCodeEncoder_Params()
    options.mode, options.structure_number = cv2.QRCodeEncoder_MODE_STRUCTURED_APPEND, 3
    text = "EC1:" + "A1B2C3" * 40
    parts = cv2.QRCodeEncoder.create(options).encodeStructuredAppend(text)
    drawn = [np.pad(np.kron(part, np.ones((4, 4), np.uint8)), 16, constant_values=255) for part in parts]
    each = [text[:81], text[81:162], text[162:]]  # OpenCV's own engine puts them together
    return Hostile(on_paper(*drawn), frozenset(part.encode() for part in (*each, text)))


def _at_4k() -> Hostile:
    picture = on_paper(code(LARGEST, 10, ec_level="L"), height=2160, width=3840)
    return Hostile(picture, frozenset({LARGEST}), must_read=True)


def _bad_payload(content: str | bytes, **options: Any) -> Hostile:  # noqa: ANN401 -- zxing's own words
    data = content if isinstance(content, bytes) else content.encode()
    return Hostile(on_paper(code(content, **options)), frozenset({data}), must_read=True)


OTHERS: Final[Mapping[str, str]] = {
    "Aztec": OURS, "DataMatrix": OURS, "PDF417": OURS[:200], "MaxiCode": OURS[:80], "Code128": "EC1:AB12", "Code39": "EC1 AB12",
    "EAN13": "5901234123457", "ITF": "1234567890", "DataBarOmni": "0950110153001", "MicroQRCode": "EC1:AB12", "RMQRCode": "EC1:AB12",
}  # fmt: skip
"""Other symbologies and what they say: never one of ours, whatever the text."""

ODD: Final[Mapping[str, Callable[[], Hostile]]] = {
    **{f"{kind} alone": partial(lambda kind, text: Hostile(on_paper(code(text, 3, kind))), *each) for each in OTHERS.items() for kind in each[:1]},
    **{f"{kind} beside ours": partial(_beside, *each) for each in OTHERS.items() for kind in each[:1]},
    **{
        f"bits: {name}": partial(lambda fields, may: Hostile(on_paper(raw(bits(*fields))), may), *each)
        for name, each in ODD_BITS.items()
    },
    "three parts": _parts,
    "version 40": lambda: Hostile(on_paper(code(LARGEST, 3, ec_level="L")), frozenset({LARGEST}), must_read=True),
    "version 40 at 4K": _at_4k,
    "binary": lambda: _bad_payload(BINARY),
    "zeros": lambda: _bad_payload(bytes(300)),
    "no UTF-8": lambda: _bad_payload(b"\xff\xfe\xc0\x80EC1:"),
    "control characters": lambda: _bad_payload(b"EC1:\x1d\x1e\x04\r\n"),
    "a text of two rows": lambda: _bad_payload("EC1:AB\nEC1:CD"),
    "ours": lambda: _bad_payload(OURS),
    "all black": lambda: Hostile(np.zeros((HEIGHT, WIDTH), np.uint8)),
    "all white": lambda: Hostile(np.full((HEIGHT, WIDTH), 255, np.uint8)),
    "one row of code": lambda: Hostile(np.ascontiguousarray(code(OURS)[60:61])),
    "as wide as a line": lambda: Hostile(np.tile(code(OURS)[60:82], (1, 60))),
    "as tall as a line": lambda: Hostile(np.tile(code(OURS)[:, 60:82], (60, 1))),
    "a code in a code": lambda: Hostile(_inside(), frozenset({OURS.encode(), b"inside"})),
    "two that overlap": lambda: Hostile(np.bitwise_and(on_paper(code(OURS)), np.roll(on_paper(code("other", 9)), 60, 1)), _OURS | {b"other"}),
    "half of one, half of another": lambda: Hostile(_halves(), frozenset()),
}  # fmt: skip


def _inside() -> Grey:
    picture, small = on_paper(code(OURS, 8)), code("inside", 2)
    side = small.shape[0]
    picture[300 : 300 + side, 300 : 300 + side] = small
    return picture


def _halves() -> Grey:
    """Two symbols of one size, the upper half of one over the lower half of the other: neither may be read."""
    one, other = code(OURS), code(OURS[::-1])
    return on_paper(np.vstack([one[: len(one) // 2], other[len(one) // 2 :]]))


# Slow to search, as measured; none of them holds a symbol unless it says so.
SLOW: Final[Mapping[str, Callable[[], Hostile]]] = {
    **{f"finders, {module} px": (lambda module=module: Hostile(finders(module))) for module in (1, 2, 3, 4, 6, 9)},
    **{
        f"scattered finders, {module} px": (lambda module=module, many=many: Hostile(scattered(module, many)))
        for module, many in ((1, 9000), (2, 4000), (3, 2000), (4, 1000), (8, 300))
    },
    **{f"nested, {module} px": (lambda module=module: Hostile(tiled(nested(39, module)))) for module in (1, 2, 4)},
    **{f"rings, {period} px": (lambda period=period: Hostile(rings(period))) for period in (4.0, 7.0, 14.3, 40.0)},
    **{
        f"chess board, {module} px": (lambda module=module: Hostile(checkered(module)))
        for module in (1, 2, 3, 5, 9, 17, 40)
    },
    **{
        f"bars, {period} px, {degrees} degrees": (
            lambda period=period, degrees=degrees: Hostile(striped(period, degrees))
        )
        for period, degrees in ((9, 0), (18, 0), (27, 0), (9, 90), (27, 90), (27, 45), (20.5, 13), (63, 0))
    },
    **{
        f"crossed bars, {period} px": (lambda period=period: Hostile(crossed(period))) for period in (9, 18, 27, 36, 63)
    },
    **{
        f"noise, {low} to {high}, blurred {blur}": (
            lambda low=low, high=high, blur=blur: Hostile(noise(low, high, blur))
        )
        for low, high, blur in ((0, 256, 0), (0, 256, 1), (0, 256, 2), (0, 256, 4), (120, 136, 0))
    },
    **{
        f"modules, {module} px": (lambda module=module: Hostile(modules_of_noise(module))) for module in (1, 2, 3, 4, 6)
    },
    **{f"headless, {scale} px": (lambda scale=scale: Hostile(on_paper(headless(scale)))) for scale in (2, 3)},
    "headless, four of them": lambda: Hostile(on_paper(*(headless(3, 22, seed) for seed in range(8)))),
    "headless, forty of them": lambda: Hostile(on_paper(*(headless(3, 5, seed) for seed in range(60)))),
    "timing everywhere, 3 px": lambda: Hostile(one_finder_and_timing(3)),
    "timing everywhere, 7 px": lambda: Hostile(one_finder_and_timing(7)),
    **{f"tiny codes, {scale} px": (lambda scale=scale: Hostile(tiny(scale), tiny_texts(scale))) for scale in (1, 2, 3)},
    "tiny codes, 2 px, noisy": lambda: Hostile(np.bitwise_xor(tiny(2), noise(0, 90, 0)), tiny_texts(2)),
    "forty of ours cut off": lambda: Hostile(on_paper(*[np.ascontiguousarray(code(OURS, 2)[:150])] * 40), _OURS),
}


@cache
def slow(name: str) -> Hostile:
    """One of SLOW, drawn once."""
    return SLOW[name]()


@cache
def odd(name: str) -> Hostile:
    """One of ODD, drawn once."""
    return ODD[name]()
