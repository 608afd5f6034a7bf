"""Causes on frames whose fault is known; figures on codes whose size, blur and light are known; and whatever else comes."""

from collections import Counter
from collections.abc import Callable
from time import process_time

import cv2
import faults
import numpy as np
import pytest
import zxingcpp
from faults import FAULTS, Drawn, draw
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as shapes

from gate.specimen.symbol import modules
from hardware.sighting import Cause, Outline, Sighting, locate, measure, modules_across, sight

ROUNDS = 4
TEXT = "EC1:" + "8UADZCKFEOEDJOD2KC54EM-DX.CH8FSKDQ$D.OE44E5$CS44+8DK44OEC3EFGVCD2" * 5
ACROSS = modules(TEXT).shape[0] - 8


def unread(frame: np.ndarray) -> bool:
    return not zxingcpp.read_barcodes(frame, formats=zxingcpp.BarcodeFormat.QRCode)


@pytest.fixture(scope="module")
def wrong() -> dict[Cause, list[Drawn]]:
    """Frames with one fault each; of a seed that no limit was chosen on."""
    return {
        cause: [draw(fault(np.random.default_rng((20261122, seed))), seed) for seed in range(ROUNDS)]
        for cause, fault in FAULTS.items()
    }


def test_what_is_amiss_is_named(wrong: dict[Cause, list[Drawn]]) -> None:
    told = Counter(
        (cause, found.cause if (found := sight(one.grey)) else None)
        for cause, drawn in wrong.items()
        for one in drawn
        if unread(one.grey)
    )
    right = {cause: told[cause, cause] for cause in FAULTS}
    assert told.total() >= 0.9 * ROUNDS * len(FAULTS)  # what is read has no fault to be named
    assert sum(right.values()) >= 0.85 * told.total(), told
    assert min(right.values()) >= ROUNDS / 2, told


def test_a_code_is_found_however_it_is_spoiled(wrong: dict[Cause, list[Drawn]]) -> None:
    shares = [
        max((overlap(outline, one.corners) for outline in locate(one.grey)), default=0.0)
        for drawn in wrong.values()
        for one in drawn
    ]
    assert np.mean(np.array(shares) > 0.6) >= 0.85, shares


@pytest.mark.parametrize("seed", range(3))
def test_a_good_code_is_seen_and_measured(seed: int) -> None:
    drawn = draw(faults.good(np.random.default_rng(seed)), seed)
    found = sight(drawn.grey, modules=faults.ACROSS)
    assert found is not None
    assert found.cause is Cause.SEEN
    assert found.module_px == pytest.approx(drawn.module_px, rel=0.08)
    assert found.sharpness > 1
    assert found.saturation == found.covered == 0


@pytest.mark.parametrize("seed", range(4))
def test_an_empty_hall_holds_nothing(seed: int) -> None:
    assert sight(draw(faults.empty(np.random.default_rng(seed)), seed).grey) is None


def test_a_page_of_words_is_no_code() -> None:
    page = np.full((720, 1280), 200, np.uint8)
    for row in range(40, 720, 60):
        cv2.putText(page, "Arrivals   Please have your documents ready", (40, row), 0, 1.4, 40, 2, cv2.LINE_AA)
    found = sight(page)
    assert found is None or found.cause in (Cause.CUT_OFF, Cause.TOO_SMALL)  # at worst: bring it closer


def overlap(outline: Outline, corners: np.ndarray) -> float:
    """What two outlines share of what they cover together, inside the frame."""
    frame = np.array([[0, 0], [1280, 0], [1280, 720], [0, 720]], np.float32)
    true = np.asarray(cv2.intersectConvexConvex(cv2.convexHull(corners.astype(np.float32)), frame)[1], np.float32)
    ours = cv2.convexHull(np.array(outline, np.float32))
    shared = cv2.intersectConvexConvex(true, ours)[0]
    return shared / (cv2.contourArea(true) + cv2.contourArea(ours) - shared)


def card(px: int, dark: int = 30, light: int = 220) -> tuple[np.ndarray, Outline]:
    """A code of `px` pixels a module on a card, and its outline."""
    flat = np.where(np.asarray(modules(TEXT, px)) > 0, light, dark).astype(np.uint8)
    start, end = 40 + 4 * px, 40 + (4 + ACROSS) * px
    picture = np.pad(flat, 40, constant_values=light)
    return picture, ((start, start), (end, start), (end, end), (start, end))


@given(px=st.integers(2, 7), dark=st.integers(0, 90), light=st.integers(140, 249))
@settings(max_examples=20)
def test_size_light_and_contrast_are_what_was_drawn(px: int, dark: int, light: int) -> None:
    picture, outline = card(px, dark, light)
    found = measure(picture, outline, ACROSS)
    assert found.module_px == pytest.approx(px)
    assert found.contrast == pytest.approx((light - dark) / 255, abs=0.09)  # cubic interpolation rings a little
    assert found.light == pytest.approx(light / 255, abs=0.06)


def test_sharpness_is_a_modules_width_over_an_edges() -> None:
    picture, outline = card(6)
    sharp = [
        measure(np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma)), outline, ACROSS).sharpness
        for sigma in (0.6, 1.2, 1.8, 2.4, 3.6)
    ]
    assert sharp == sorted(sharp, reverse=True)
    edge = np.sqrt(2 * np.pi) * 2.4  # of a step through that blur, from dark to light at its steepest
    assert sharp[3] == pytest.approx(6 / edge, rel=0.15)


def test_motion_one_way_is_seen_though_the_other_way_is_sharp() -> None:
    picture, outline = card(4)
    smeared = np.asarray(cv2.blur(picture, (9, 1)))
    found = measure(smeared, outline, ACROSS)
    assert (found.cause, measure(picture, outline, ACROSS).cause) == (Cause.BLURRED, Cause.SEEN)


def test_white_is_told_as_a_share() -> None:
    picture, outline = card(8, light=255)
    half = measure(picture, outline, ACROSS)
    assert half.saturation == pytest.approx(0.5, abs=0.1)
    assert (half.cause, half.covered) == (Cause.SEEN, 0)
    (left, top), (right, _), *_ = outline
    picture[int(top) : int(top) + 160, int(left) : int(left) + 320] = 255
    spot = measure(picture, outline, ACROSS)
    assert spot.cause is Cause.GLARE
    assert spot.covered == pytest.approx(160 * 320 / (right - left) ** 2, abs=0.06)


def test_a_reflection_on_one_finder_is_enough() -> None:
    picture, outline = card(8)
    (left, top), *_ = outline
    picture[int(top) - 40 : int(top) + 60, int(left) - 40 : int(left) + 60] = 255
    assert measure(picture, outline, ACROSS).cause is Cause.GLARE


def test_light_on_the_glass_that_drowns_the_code_is_too_bright() -> None:
    assert [measure(*card(4, dark, 190), ACROSS).cause for dark in (60, 165)] == [Cause.SEEN, Cause.TOO_BRIGHT]


@given(
    angle=st.floats(0, 360),
    px=st.floats(1.6, 5),
    x=st.floats(300, 980),
    y=st.floats(300, 420),
    light=st.integers(60, 255),
)
@settings(max_examples=25, deadline=None)
def test_a_code_is_located_at_any_angle_size_and_light(angle: float, px: float, x: float, y: float, light: int) -> None:
    code = np.asarray(modules(TEXT, 8))
    middle, half = (code.shape[0] - 1) / 2, ACROSS * 4
    turn = cv2.getRotationMatrix2D((middle, middle), angle, px / 8)
    turn[:, 2] += np.array([x - middle, y - middle])
    small = np.asarray(cv2.blur(code, (round(8 / px), round(8 / px))))
    frame = cv2.warpAffine(small, turn, (1280, 720), flags=cv2.INTER_LINEAR, borderValue=200)
    corners = np.array([[[middle + u * half, middle + v * half] for u, v in ((-1, -1), (1, -1), (1, 1), (-1, 1))]])
    true = np.asarray(cv2.transform(corners, turn)[0])
    outline, *_ = locate((frame.astype(int) * light // 255).astype(np.uint8))
    assert overlap(outline, true) > 0.75


@pytest.mark.parametrize("length", [1, 40, 200, 290, 400, 520, 1200, 2400, 4200])
def test_modules_are_counted(length: int) -> None:
    barcode = zxingcpp.create_barcode("A" * length, zxingcpp.BarcodeFormat.QRCode)
    bare = np.array(barcode.to_image(scale=3, add_quiet_zones=False), np.uint8)
    picture, end = np.pad(bare, 30, constant_values=255), 30.0 + bare.shape[0]
    outline = ((30.0, 30.0), (end, 30.0), (end, end), (30.0, end))
    for turned in range(4):
        assert modules_across(picture, outline[turned:] + outline[:turned]) == bare.shape[0] // 3


@given(
    shapes.arrays(np.uint8, st.tuples(st.integers(1, 90), st.integers(1, 90))) | st.just(np.zeros((0, 0), np.uint8)),
    st.tuples(*[st.tuples(st.floats(-200, 300), st.floats(-200, 300))] * 4),
)
@settings(deadline=None)
def test_nothing_escapes(grey: np.ndarray, outline: Outline) -> None:
    assert isinstance(sight(grey), Sighting | None)
    if grey.size:
        assert 0 <= measure(grey, outline).contrast <= 1
        assert 21 <= modules_across(grey, outline) <= 177


def test_locating_costs_no_more_than_reading() -> None:
    frame = draw(faults.good(np.random.default_rng(5)), 5).grey
    ours = min(_took(lambda: locate(frame)) for _ in range(10))
    engine = min(_took(lambda: unread(frame)) for _ in range(10))
    assert ours < 2 * engine  # 0.9 on a quiet machine


def _took(call: Callable[[], object]) -> float:
    began = process_time()
    call()
    return process_time() - began
