"""Each pass: that it reads what a good picture shows, where it is, and what it was made for."""

from collections.abc import Callable
from typing import Final

import cv2
import numpy as np
import pytest
from hostile import OURS, Grey, code
from hypothesis import given, settings
from hypothesis import strategies as st

from hardware import passes
from hardware.decoder import FIRST, OPENCV, Pass, pyzbar_missing, zxing
from hardware.passes import CLOSER, QUICK, WIDE, larger, power, sharpened, smaller, then, thresholded

EVERY: Final = tuple({one.name: one for one in (FIRST, *QUICK, *CLOSER, *WIDE)}.values())
every_pass = pytest.mark.parametrize(
    "one",
    [
        pytest.param(
            one, marks=pytest.mark.skipif(one.name == "pyzbar" and bool(pyzbar_missing()), reason="no libzbar0")
        )
        for one in EVERY
    ],
    ids=lambda one: one.name,
)


def test_no_two_passes_have_the_same_name() -> None:
    """Costs are kept by it."""
    named = [one for one in vars(passes).values() if isinstance(one, Pass)]
    assert len({one.name for one in named}) == len({id(one) for one in named})


def test_none_that_may_hang_is_in_the_chain() -> None:
    assert OPENCV not in EVERY


@every_pass
@pytest.mark.parametrize("turn", range(4))
def test_each_reads_a_good_picture_where_it_is_however_it_is_turned(one: Pass, turn: int) -> None:
    picture = np.rot90(code(OURS, 5), turn)
    (symbol,), (first,) = one.read(picture), FIRST.read(picture)
    assert symbol.data == OURS.encode()
    gaps = [min(np.hypot(x - u, y - v) for u, v in first.corners) for x, y in symbol.corners]
    assert max(gaps) < 8, "pixels; an engine may begin at another corner"
    assert np.isclose(symbol.area, first.area, rtol=0.06)


@every_pass
@settings(max_examples=15, deadline=None)
@given(
    height=st.integers(21, 200),
    width=st.integers(21, 200),
    seed=st.integers(0, 99),
    levels=st.sampled_from([1, 2, 256]),
)
def test_none_raises_or_finds_a_text_in_noise(one: Pass, height: int, width: int, seed: int, levels: int) -> None:
    noise = np.random.default_rng(seed).integers(0, levels, (height, width)) * (255 // max(1, levels - 1))
    picture = noise.astype(np.uint8)
    kept = picture.copy()
    assert one.read(picture) == ()
    assert np.array_equal(picture, kept), "a picture is the camera's"


def out_of_focus(picture: Grey) -> Grey:
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), 2.7), np.uint8)


def noisy(picture: Grey) -> Grey:
    return np.clip(picture + np.random.default_rng(1).normal(0, 95, picture.shape), 0, 255).astype(np.uint8)


MADE_FOR: Final[dict[str, tuple[Pass, Callable[[Grey], Grey]]]] = {
    "noise": (passes.HALF, noisy),
    "defocus": (passes.SHARPENED, out_of_focus),
}


@pytest.mark.parametrize("fault", MADE_FOR)
def test_what_the_first_look_does_not_read_the_pass_for_it_does(fault: str) -> None:
    one, spoil = MADE_FOR[fault]
    picture = spoil(code(OURS, 5))
    assert FIRST.read(picture) == ()
    assert [symbol.data for symbol in one.read(picture)] == [OURS.encode()]


# The preparations.

GREY = st.integers(0, 2**32 - 1).map(lambda seed: np.random.default_rng(seed).integers(0, 256, (40, 60), np.uint8))


@given(picture=GREY, exponent=st.floats(0.2, 4))
def test_a_power_keeps_black_white_and_the_order_of_greys(picture: Grey, exponent: float) -> None:
    ramp = np.arange(256, dtype=np.uint8)[None]
    made = np.asarray(power(exponent)(ramp))
    assert (made[0, 0], made[0, 255]) == (0, 255)
    assert np.all(np.diff(made[0].astype(int)) >= 0)
    assert np.array_equal(np.asarray(power(1)(picture)), picture)
    assert np.all((made >= ramp) if exponent < 1 else (made <= ramp))


@given(picture=GREY)
def test_sizes_are_what_they_say(picture: Grey) -> None:
    assert np.asarray(smaller(2)(picture)).shape == (20, 30)
    assert np.asarray(larger(2)(picture)).shape == (80, 120)
    assert np.asarray(then(smaller(2), larger(2))(picture)).shape == picture.shape
    assert np.asarray(thresholded(11)(picture)).shape == picture.shape


@given(picture=GREY)
def test_a_threshold_leaves_black_and_white_and_sharpening_an_even_surface_nothing(picture: Grey) -> None:
    assert set(np.unique(np.asarray(thresholded(11)(picture)))) <= {0, 255}
    even = np.full_like(picture, picture[0, 0])
    assert np.array_equal(np.asarray(sharpened(2, 1.5)(even)), even)


def test_a_shade_across_the_code_is_evened_out() -> None:
    picture = (code(OURS, 4) * np.linspace(0.1, 1, 276)[None]).astype(np.uint8)
    one_threshold = Pass("even", zxing, thresholded(51))
    assert [symbol.data for symbol in one_threshold.read(picture)] == [OURS.encode()]
    flat = np.asarray(thresholded(51)(picture))
    dark = flat[40:-40, 40:-40] == 0
    left, right = dark[:, :90].mean(), dark[:, -90:].mean()
    assert abs(left - right) < 0.1
