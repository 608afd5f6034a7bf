"""A symbol's modules: what every symbol has, the equaliser on known blurs, and bent symbols laid flat."""

from collections.abc import Callable, Iterator
from typing import Final

import cv2
import numpy as np
import pytest
import zxingcpp
from hostile import OURS, code
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from hardware.decoder import FIRST, zxing_modules
from hardware.grid import Grey, Levels, Place, Straight, agreement, equalised, ideal, patterns, render, straightened

SIZES: Final = range(21, 178, 4)
SCALE: Final = 4
QUIET: Final = 8 * SCALE  # pixels: the engine's four modules of quiet zone, and four more


def symbol(content: str | bytes = OURS, version: int = 0) -> Levels:
    """A symbol's modules, -1 dark and 1 light."""
    made = zxingcpp.create_barcode(
        content, zxingcpp.BarcodeFormat.QRCode, **({"version": version} if version else {})
    ).to_image(scale=1, add_quiet_zones=False)
    return np.where(np.array(made) > 0, 1, -1).astype(np.float32)


MODULES: Final = symbol().shape[0]


# What every symbol has.


@pytest.mark.parametrize("version", range(1, 41))
def test_the_patterns_are_those_of_a_drawn_symbol(version: int) -> None:
    levels = symbol("A", version)
    known = patterns(17 + 4 * version)
    assert known.shape == levels.shape
    assert np.array_equal(known[known >= 0], (levels > 0)[known >= 0])
    assert agreement(levels) == 1.0


def test_no_pattern_is_left_out() -> None:
    """What sixty symbols of chance contents share is a pattern, or the version, which lies beside two of the finder patterns."""
    chance = np.random.default_rng(1)
    drawn = [symbol(chance.bytes(150), 7) > 0 for _ in range(60)]
    shared = np.all(drawn, axis=0) | ~np.any(drawn, axis=0)
    rows, columns = np.nonzero(shared & (patterns(45) < 0))
    places = set(zip(rows.tolist(), columns.tolist(), strict=True))
    data = {(y, x) for y, x in places if max(y, x) > 8 and (min(y, x) > 8 or max(y, x) < 34)}
    assert data <= {
        (24, 12)
    }  # where all eight masks do the same, so that a bit of the segment's head stays the same too


@given(size=st.sampled_from(SIZES), seed=st.integers(0, 2**32 - 1))
def test_noise_agrees_with_half_of_the_patterns(size: int, seed: int) -> None:
    noise = np.random.default_rng(seed).normal(size=(size, size)).astype(np.float32)
    assert 0.2 < agreement(noise) < 0.75
    assert agreement(ideal(noise)) == 1.0
    decided = ideal(noise)
    assert set(np.unique(decided)) == {-1.0, 1.0}
    free = patterns(size) < 0
    assert np.array_equal(decided[free] > 0, noise[free] > 0)


@pytest.mark.parametrize("version", [1, 7, 15, 25])
def test_what_is_rendered_is_read(version: int) -> None:
    content = "EC1:AB12"
    levels = symbol(content, version)
    picture = render(levels)
    assert picture.dtype == np.uint8
    assert picture.shape == (17 + 4 * version + 8,) * 2
    assert zxing_modules(levels) == content.encode()


# The equaliser.

NEIGHBOURS = st.lists(st.floats(-0.1, 0.1), min_size=8, max_size=8)


@settings(max_examples=40, deadline=None)
@given(gives=NEIGHBOURS, own=st.floats(0.3, 2), steady=st.floats(-0.3, 0.3))
def test_a_known_blur_is_taken_out_exactly(gives: list[float], own: float, steady: float) -> None:
    """Each neighbour gives up to a tenth, all of them up to four fifths of the module's own: no module is decided wrong."""
    levels = symbol()
    blurred = blur(levels, np.array([*gives[:4], 1.0, *gives[4:]], np.float32).reshape(3, 3)) * own + steady * own * 0.5
    assert np.array_equal(np.sign(blurred - steady * own * 0.5), levels)
    assert np.allclose(equalised(blurred), levels, atol=0.02)


@pytest.mark.parametrize("share", [0.15, 0.2, 0.25, 0.3])
def test_a_symmetric_blur_is_taken_out_however_flat_it_leaves_the_module(share: float) -> None:
    """A defocused one: `share` of a module for each of its four neighbours, half of that for each corner."""
    levels = symbol()
    blurred = blur(levels, np.array([[0.25, 0.5, 0.25], [0.5, 1 / share, 0.5], [0.25, 0.5, 0.25]], np.float32) * share)
    assert np.abs(blurred).min() < 0.6
    assert np.allclose(equalised(blurred), levels, atol=0.02)


@given(size=st.sampled_from([21, 45]), seed=st.integers(0, 2**32 - 1), gain=st.sampled_from([0.0, 1e-6, 1.0, 1e4]))
def test_noise_stays_finite(size: int, seed: int, gain: float) -> None:
    noise = np.random.default_rng(seed).normal(size=(size, size)).astype(np.float32) * np.float32(gain)
    assert np.all(np.isfinite(equalised(noise)))


def blur(levels: Levels, kernel: NDArray[np.float32]) -> Levels:
    around = np.pad(levels, 1, constant_values=1)
    return np.asarray(cv2.filter2D(around, -1, kernel)[1:-1, 1:-1], np.float32)


# Straightening. A bend gives, for places in the symbol from 0 to 1 each way, how far the picture lies from the flat one, 0 to 1 each way.

Bend = Callable[[NDArray[np.float32], NDArray[np.float32]], tuple[NDArray[np.float32] | float, NDArray[np.float32]]]

BENDS: dict[str, Bend] = {
    "cylinder": lambda u, _: (0.0, 4 * u * (1 - u)),
    "crease": lambda u, _: (0.0, 1 - 2 * np.abs(u - 0.5)),
    "wave": lambda u, v: (np.sin(2 * np.pi * v), np.sin(2 * np.pi * u)),
}


def bent(bend: str, modules: float, softness: float) -> Grey:
    """A symbol that lies up to so many modules from where its corners say, its edges softened by so many (standard deviation)."""
    flat = code(OURS, SCALE)
    y, x = np.mgrid[: flat.shape[0], : flat.shape[1]].astype(np.float32)
    u, v = (np.clip((along - QUIET) / (MODULES * SCALE), 0, 1) for along in (x, y))
    right, down = BENDS[bend](u, v)
    away = np.float32(modules * SCALE)
    picture = cv2.remap(flat, x + away * right, y + away * down, cv2.INTER_LINEAR, borderValue=255)
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), softness * SCALE), np.uint8)


def read(steps: Iterator[Straight]) -> bool:
    found = [
        data for straight in steps for data in (zxing_modules(straight.clear), zxing_modules(straight.levels)) if data
    ]
    assert set(found) <= {OURS.encode()}
    return bool(found)


@pytest.mark.parametrize("bend", BENDS)
def test_bent_and_blurred_symbols_that_the_engine_finds_but_cannot_read_are_read(bend: str) -> None:
    pictures = [bent(bend, modules, softness) for modules in (0.4, 0.5, 0.6) for softness in (0.45, 0.55)]
    missed = [(picture, found.places) for picture in pictures if not (found := FIRST.look(picture)).symbols]
    found = [(picture, places[0]) for picture, places in missed if places]
    assert len(found) >= 2, "or the pictures say nothing"
    laid_flat = [read(straightened(picture, place, 0)) for picture, place in found]
    straight = [read(straightened(picture, place, 3)) for picture, place in found]
    assert any(straight)
    assert all(after >= before for before, after in zip(laid_flat, straight, strict=True))


def test_a_third_of_them_are_read_and_most_of_these_need_the_bending() -> None:
    pictures = [
        bent(bend, modules, softness) for bend in BENDS for modules in (0.4, 0.5, 0.6) for softness in (0.45, 0.55)
    ]
    found = [(picture, place) for picture in pictures for place in FIRST.look(picture).places[:1]]
    laid_flat = sum(read(straightened(picture, place, 0)) for picture, place in found)
    straight = sum(read(straightened(picture, place, 3)) for picture, place in found)
    assert straight >= len(found) / 3
    assert laid_flat < straight / 2


def corners(left: float = QUIET, side: float = MODULES * SCALE) -> tuple[tuple[float, float], ...]:
    first, last = left - 0.5, left + side - 0.5
    return ((first, first), (last, first), (last, last), (first, last))


def test_a_flat_symbol_is_laid_flat_at_once_and_its_modules_are_its_own() -> None:
    (straight,) = straightened(code(OURS, SCALE), Place(corners(), MODULES), 3)
    assert straight.doubt < 0.01
    for levels in (straight.levels, straight.clear, straight.near()):
        assert levels.shape == (MODULES, MODULES)
        assert np.array_equal(np.sign(levels), symbol())


def test_there_are_at_most_so_many_rounds() -> None:
    picture = bent("wave", 0.5, 0.5)
    for rounds in range(4):
        assert len(list(straightened(picture, Place(corners(), MODULES), rounds))) <= rounds + 1


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1), softness=st.sampled_from([0, 0.8, 2, 4]), size=st.sampled_from([21, 25, 61, 77, 117]),
    at=st.lists(st.tuples(st.floats(0, 320), st.floats(0, 240)), min_size=4, max_size=4),
)  # fmt: skip
def test_noise_gives_nothing(seed: int, softness: float, size: int, at: list[tuple[float, float]]) -> None:
    noise = np.random.default_rng(seed).normal(128, 50, (240, 320))
    picture = np.clip(cv2.GaussianBlur(noise, (0, 0), softness) if softness else noise, 0, 255).astype(np.uint8)
    assert list(straightened(picture, Place(tuple(at), size), 2)) == []


@pytest.mark.parametrize("shade", [0, 128, 255])
def test_an_even_surface_gives_nothing(shade: int) -> None:
    assert list(straightened(np.full((200, 200), shade, np.uint8), Place(corners(10, 150), 25), 2)) == []


FAR = st.floats(-(2.0**31), 2.0**31)
NEAR = st.floats(-50, 450).map(round).map(float)
CORNERS = st.one_of(
    st.lists(st.tuples(NEAR, NEAR), min_size=4, max_size=4),
    st.lists(st.tuples(FAR, FAR), min_size=4, max_size=4),
    st.lists(st.tuples(st.sampled_from([0.0, 100.0, 300.0]), st.sampled_from([0.0, 100.0])), min_size=4, max_size=4),
    st.tuples(NEAR, NEAR).map(lambda corner: [corner] * 4),
)


@settings(max_examples=150, deadline=None)
@given(at=CORNERS, size=st.sampled_from(SIZES), rounds=st.integers(0, 3), shape=st.sampled_from([(21, 21), (300, 400)]))
def test_no_place_is_absurd_enough_to_raise(
    at: list[tuple[float, float]], size: int, rounds: int, shape: tuple[int, int]
) -> None:
    """Corners that coincide, lie in a line, cross over or are far outside the picture: whatever an engine may say."""
    picture = np.resize(code(OURS, SCALE), shape)
    for straight in straightened(picture, Place(tuple(at), size), rounds):
        assert np.all(np.isfinite(straight.clear))
        assert 0 <= straight.doubt <= 1
