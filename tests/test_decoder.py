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

from hardware.decoder import (
    CHEAP,
    ENGINES,
    FIRST,
    THOROUGH,
    Chain,
    Pass,
    Symbol,
    distinct,
    engine,
    pyzbar_missing,
    usable,
)

CODE = "EC1:" + "8UADZCKFEOEDJOD2KC54EM-DX.CH8FSKDQ$D.OE44E5$CS44+8DK44OEC3EFGVCD2" * 5
PHOTOS = Path(__file__).parents[2] / "shared" / "photos"

needs_zbar = pytest.mark.skipif(pyzbar_missing() is not None, reason=str(pyzbar_missing()))
every_engine = pytest.mark.parametrize(
    "name", [pytest.param(name, marks=needs_zbar if name == "pyzbar" else ()) for name in ENGINES]
)


def drawn(content: str | bytes, scale: int = 4, kind: str = "QRCode") -> np.ndarray:
    code = zxingcpp.create_barcode(content, getattr(zxingcpp.BarcodeFormat, kind))
    return np.pad(np.array(code.to_image(scale=scale, add_quiet_zones=True)), 20, constant_values=255)


def texts(symbols: tuple[Symbol, ...]) -> list[bytes]:
    return [symbol.data for symbol in symbols]


@every_engine
def test_each_engine_reads_a_drawn_code(name: str) -> None:
    picture = drawn(CODE)
    (symbol,) = engine(name).read(picture)
    assert symbol.data == CODE.encode()
    side = picture.shape[0]
    assert len(symbol.corners) == 4
    assert all(20 <= x <= side - 20 and 20 <= y <= side - 20 for x, y in symbol.corners)
    assert 0.5 * side**2 < symbol.area < side**2


@pytest.mark.parametrize("one", CHEAP, ids=[one.name for one in CHEAP])
def test_each_cheap_pass_reads_a_drawn_code_where_it_is(one: Pass) -> None:
    picture = drawn(CODE)
    (symbol,), (first,) = one.read(picture), FIRST.read(picture)
    assert symbol.data == CODE.encode()
    assert np.allclose(symbol.corners, first.corners, atol=6)


@needs_zbar
def test_a_shrunk_pass_gives_corners_in_the_picture_that_came() -> None:
    picture = drawn(CODE, scale=9)
    (symbol,) = THOROUGH[0].read(picture)
    assert np.isclose(symbol.area, FIRST.read(picture)[0].area, rtol=0.05)


@pytest.mark.parametrize("name", ["zxing", "opencv", "chain"])
def test_bytes_come_as_they_are(name: str) -> None:
    data = bytes(range(256))
    assert texts(engine(name).read(drawn(data))) == [data]


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
    assert engine(name).read(picture) == ()


@every_engine
@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1), height=st.integers(21, 90), width=st.integers(21, 90), levels=st.integers(2, 256)
)
def test_no_engine_raises_on_noise(name: str, seed: int, height: int, width: int, levels: int) -> None:
    noise = np.random.default_rng(seed).integers(0, levels, (height, width)) * (255 // (levels - 1))
    assert engine(name).read(noise.astype(np.uint8)) == ()


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_a_damaged_code_is_read_right_or_not_at_all(seed: int) -> None:
    noise = np.random.default_rng(seed)
    picture = drawn(CODE)
    y, x = noise.integers(0, picture.shape[0] - 120, 2)
    picture[y : y + 120, x : x + 120] = noise.integers(0, 256, (120, 120))
    assert set(texts(Chain().glance(picture))) <= {CODE.encode()}


@pytest.mark.parametrize(
    "picture", [None, b"picture", [[0]], np.zeros((0, 0), np.uint8), np.zeros((20, 400), np.uint8)]
)
@every_engine
def test_what_is_no_picture_has_no_symbols(name: str, picture: object) -> None:
    assert engine(name).read(picture) == ()


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


def stubborn() -> Iterator[np.ndarray]:
    """Pictures in a row of ever worse light and noise."""
    noise = np.random.default_rng(7)
    for sigma in range(10, 120, 4):
        blurred = cv2.GaussianBlur(drawn(CODE), (0, 0), 1.0 + sigma / 60)
        yield np.clip(blurred + noise.normal(0, sigma, blurred.shape), 0, 255).astype(np.uint8)


def test_a_live_lane_reads_in_six_frames_what_a_still_reads_with_cheap_passes() -> None:
    missed = [picture for picture in stubborn() if not FIRST.read(picture)]
    saved = [picture for picture in missed if any(one.read(picture) for one in CHEAP)]
    assert saved  # or the pictures say nothing about the passes
    for picture in saved:
        chain = Chain()
        assert any(texts(chain.glance(picture)) == [CODE.encode()] for _ in CHEAP)


def test_without_libzbar0_the_chain_reads_on_and_says_so() -> None:
    program = """
import sys; sys.modules["pyzbar.pyzbar"] = None  # as where its import finds no library
import numpy
from hardware.decoder import engine, pyzbar_missing
blank = numpy.full((60, 60), 255, numpy.uint8)
assert engine("pyzbar").read(blank) == engine("chain").read(blank) == ()
print(pyzbar_missing())
"""
    run = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)  # noqa: S603 -- our own
    assert run.stdout == "pyzbar is out: libzbar0 is not installed (apt install libzbar0); reading with zxing-cpp\n"


def test_an_engine_of_another_name_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        engine("wechat")


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
