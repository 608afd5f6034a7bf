"""Engines on drawn pictures, on whatever else the world may hold up, and on real photographs."""

import csv
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as shapes

from hardware.chain import Chain
from hardware.decoder import (
    ENGINES,
    FIRST,
    Engine,
    Found,
    Pass,
    Symbol,
    area,
    distinct,
    moved,
    pyzbar_missing,
    scaled,
    usable,
    zxing_modules,
)
from hardware.grid import Place

CODE = "EC1:" + "8UADZCKFEOEDJOD2KC54EM-DX.CH8FSKDQ$D.OE44E5$CS44+8DK44OEC3EFGVCD2" * 5
PHOTOS = Path(__file__).parents[2] / "shared" / "photos"

needs_zbar = pytest.mark.skipif(pyzbar_missing() is not None, reason=str(pyzbar_missing()))
READERS: dict[str, Engine] = {**ENGINES, "chain": Chain()}
every_engine = pytest.mark.parametrize(
    "name", [pytest.param(name, marks=needs_zbar if name == "pyzbar" else ()) for name in READERS]
)


def drawn(content: str | bytes, scale: int = 4, kind: str = "QRCode") -> np.ndarray:
    code = zxingcpp.create_barcode(content, getattr(zxingcpp.BarcodeFormat, kind))
    return np.pad(np.array(code.to_image(scale=scale, add_quiet_zones=True)), 20, constant_values=255)


def texts(symbols: tuple[Symbol, ...]) -> list[bytes]:
    return [symbol.data for symbol in symbols]


@every_engine
def test_each_engine_reads_a_drawn_code(name: str) -> None:
    picture = drawn(CODE)
    (symbol,) = READERS[name].read(picture)
    assert symbol.data == CODE.encode()
    side = picture.shape[0]
    assert len(symbol.corners) == 4
    assert all(20 <= x <= side - 20 and 20 <= y <= side - 20 for x, y in symbol.corners)
    assert 0.5 * side**2 < symbol.area < side**2


@pytest.mark.parametrize("times", [0.5, 2.0, 3.0])
def test_a_shrunk_pass_gives_corners_in_the_picture_that_came(times: float) -> None:
    def prepare(grey: np.ndarray) -> np.ndarray:
        return cv2.resize(grey, None, fx=1 / times, fy=1 / times, interpolation=cv2.INTER_AREA)

    picture = drawn(CODE, scale=9)
    (symbol,) = Pass("shrunk", FIRST.parse, prepare, times).read(picture)
    (first,) = FIRST.read(picture)
    assert np.allclose(symbol.corners, first.corners, atol=2 * times)


@pytest.mark.parametrize("name", ["zxing", "opencv", "chain"])
def test_bytes_come_as_they_are(name: str) -> None:
    data = bytes(range(256))
    assert texts(READERS[name].read(drawn(data))) == [data]


@pytest.mark.parametrize("kind", ["MicroQRCode", "RMQRCode"])
def test_its_small_relatives_are_not_read(kind: str) -> None:
    picture = drawn("EC1:AB12", kind=kind)
    assert zxingcpp.read_barcodes(picture, formats=zxingcpp.BarcodeFormat.QRCode)  # the library gives them
    assert Chain().read(picture) == ()


@every_engine
@settings(max_examples=40, deadline=None)
@given(
    picture=shapes.arrays(
        dtype=st.sampled_from([np.uint8, np.int8, np.uint16, np.float32, np.bool_, np.complex64]),
        shape=st.lists(st.integers(0, 60), max_size=4)
        .filter(lambda shape: np.prod(shape, dtype=int) < 9000)
        .map(tuple),
    )
)
def test_no_engine_raises_on_any_array(name: str, picture: np.ndarray) -> None:
    assert READERS[name].read(picture) == ()


@every_engine
@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1), height=st.integers(21, 90), width=st.integers(21, 90), levels=st.integers(2, 256)
)
def test_no_engine_raises_on_noise(name: str, seed: int, height: int, width: int, levels: int) -> None:
    noise = np.random.default_rng(seed).integers(0, levels, (height, width)) * (255 // (levels - 1))
    assert READERS[name].read(noise.astype(np.uint8)) == ()


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_a_damaged_code_is_read_right_or_not_at_all(seed: int) -> None:
    noise = np.random.default_rng(seed)
    picture = drawn(CODE)
    y, x = noise.integers(0, picture.shape[0] - 120, 2)
    picture[y : y + 120, x : x + 120] = noise.integers(0, 256, (120, 120))
    assert set(texts(Chain().read(picture))) <= {CODE.encode()}


@pytest.mark.parametrize(
    "picture", [None, b"picture", [[0]], np.zeros((0, 0), np.uint8), np.zeros((20, 400), np.uint8)]
)
@every_engine
def test_what_is_no_picture_has_no_symbols(name: str, picture: object) -> None:
    assert READERS[name].read(picture) == ()


def test_a_view_with_strides_is_a_picture_too() -> None:
    wide = np.zeros((*drawn(CODE).shape, 2), np.uint8)
    wide[..., 0] = drawn(CODE)
    usual = usable(wide[..., 0])
    assert usual is not None
    assert usual.flags.c_contiguous
    assert texts(FIRST.read(wide[::-1, ::-1, 0])) == [CODE.encode()]


@pytest.mark.parametrize("picture", [drawn(CODE), drawn(CODE)[::-1], 255 - drawn(CODE), np.rot90(drawn(CODE))])
def test_the_first_pass_reads_mirrored_inverted_and_turned_codes(picture: np.ndarray) -> None:
    assert texts(FIRST.read(picture)) == [CODE.encode()]


def test_two_codes_come_largest_first_and_equal_ones_once() -> None:
    small, large = drawn("small", scale=3), drawn("large", scale=6)
    picture = np.full((400, 700), 255, np.uint8)
    for code, x in ((small, 0), (large, 200), (small, 450)):
        picture[: code.shape[0], x : x + code.shape[1]] = code
    assert texts(Chain().read(picture)) == [b"large", b"small"]


SQUARE = st.tuples(st.sampled_from([b"a", b"b", b"c"]), st.floats(1, 100))


@given(squares=st.lists(SQUARE, max_size=6))
def test_distinct_keeps_the_largest_of_each_text(squares: list[tuple[bytes, float]]) -> None:
    symbols = [Symbol(data, "x", ((0.0, 0.0), (side, 0.0), (side, side), (0.0, side))) for data, side in squares]
    kept = distinct(symbols)
    assert {symbol.data: symbol.area for symbol in kept} == {
        data: pytest.approx(max(side**2 for other, side in squares if other == data)) for data, _ in squares
    }
    assert [symbol.area for symbol in kept] == sorted((symbol.area for symbol in kept), reverse=True)


def test_what_was_found_and_not_read_has_a_place() -> None:
    """Of three quarters of its modules nothing is left, but its finder patterns are."""
    picture = drawn(CODE, 5)
    side = picture.shape[0]
    (symbol,) = FIRST.read(picture)
    assert symbol.modules == 53
    picture[100 : side - 100, 80 : side - 80] = np.random.default_rng(1).integers(0, 256, (side - 200, side - 160))
    found = FIRST.look(picture)
    assert found.symbols == ()
    assert found.places[0].modules == 53
    assert np.allclose(found.places[0].corners, symbol.corners, atol=20)


def test_found_things_come_largest_first_and_nothing_is_found_where_there_is_none() -> None:
    def parse(_: np.ndarray) -> Iterator[Symbol | Place]:
        for side in (30.0, 90.0, 50.0, 20.0):
            square = ((0.0, 0.0), (side, 0.0), (side, side), (0.0, side))
            yield Place(square, 21)
            yield Symbol(b"%d" % side, "eye", square)

    found = Pass("three", parse).look(np.zeros((100, 100), np.uint8))
    assert [area(place.corners) for place in found.places] == [8100, 2500, 900], (
        "less than a pixel a module is no place"
    )
    assert texts(found.symbols) == [b"90", b"50", b"30", b"20"]
    assert Pass("three", parse).look(None) == Found()


@pytest.mark.parametrize("error", [ValueError, cv2.error, SystemError, UnicodeDecodeError("utf-8", b"", 0, 1, "")])
def test_a_pass_raises_nothing_that_an_engine_raises(error: Exception | type[Exception]) -> None:
    def parse(_: np.ndarray) -> Iterator[Symbol]:
        yield Symbol(b"before", "eye", ((0.0, 0.0),) * 4)
        raise error

    assert Pass("broken", parse).look(np.zeros((30, 30), np.uint8)) == Found()


def test_but_for_a_process_that_is_out_of_memory() -> None:
    """It is replaced; one that went on would read nothing ever after."""

    def parse(_: np.ndarray) -> Iterator[Symbol]:
        raise MemoryError

    with pytest.raises(MemoryError):
        Pass("leak", parse).look(np.zeros((30, 30), np.uint8))


POINTS = st.lists(st.tuples(st.floats(-1e4, 1e4), st.floats(-1e4, 1e4)), min_size=3, max_size=6).map(tuple)


@given(corners=POINTS, factor=st.floats(0.1, 10), by=st.tuples(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3)))
def test_an_area_grows_with_its_outline_and_does_not_move_with_it(
    corners: tuple[tuple[float, float], ...], factor: float, by: tuple[float, float]
) -> None:
    assert area(scaled(corners, factor)) == pytest.approx(area(corners) * factor**2, rel=1e-6, abs=1e-3)
    assert area(moved(corners, by)) == pytest.approx(area(corners), rel=1e-6, abs=1.0)
    assert area(corners[::-1]) == pytest.approx(area(corners), rel=1e-6, abs=1e-3)


@given(seed=st.integers(0, 2**32 - 1), size=st.sampled_from([21, 25, 61]))
def test_modules_of_noise_have_no_text(seed: int, size: int) -> None:
    assert zxing_modules(np.random.default_rng(seed).normal(size=(size, size)).astype(np.float32)) is None


def test_without_libzbar0_the_chain_reads_on_and_says_so() -> None:
    program = """
import sys; sys.modules["pyzbar.pyzbar"] = None  # as where its import finds no library
import numpy
from hardware.chain import engine
from hardware.decoder import pyzbar_missing
blank = numpy.full((60, 60), 255, numpy.uint8)
assert engine("pyzbar").read(blank) == engine("chain").read(blank) == ()
print(pyzbar_missing())
"""
    run = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)  # noqa: S603 -- our own
    assert run.stdout == "pyzbar is out: libzbar0 is not installed (apt install libzbar0); reading with zxing-cpp\n"


@pytest.mark.skipif(not PHOTOS.is_dir(), reason="the photographs are not beside this checkout")
def test_the_chain_reads_most_real_photographs() -> None:
    with (PHOTOS / "manifest.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["label_kind"] == "file"][::8]
    read = 0
    for row in rows:
        found = texts(Chain().read(cv2.imread(str(PHOTOS / row["path"]), cv2.IMREAD_GRAYSCALE)))
        wanted = {text.strip().encode() for text in json.loads(row["expected_texts_json"])}
        read += bool(wanted & {data.strip() for data in found})
    assert read >= 0.85 * len(rows)
