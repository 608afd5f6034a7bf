"""Flaws of a display: each does what it says to the flat page and nothing else, and the same from the same chance."""

import numpy as np
import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.specimen.glass import Flaw, Wear, torn, worn
from gate.specimen.page import Grey, Page, draw

TEXT = "EC1:" + "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:" * 10
OTHER = TEXT[::-1]
PAGE, NEXT = draw(TEXT), draw("EC1:" + OTHER[:-4])


def read(page: Page) -> list[str]:
    glow = np.ascontiguousarray(page.layers[..., 0])
    return [symbol.text for symbol in zxingcpp.read_barcodes(glow, formats=zxingcpp.BarcodeFormat.QRCode)]


def code_of(page: Page) -> Grey:
    x, y = map(round, page.origin)
    return page.layers[y - 190 : y + 190, x - 190 : x + 190, 0]


def changed(page: Page) -> float:
    """The share of the code's pixels that give another light."""
    return float(np.mean(code_of(page) != code_of(PAGE)))


def flawed(flaw: Flaw, strength: float, seed: int = 1) -> Page:
    return worn(PAGE, Wear(flaw, strength), np.random.default_rng(seed))


@pytest.mark.parametrize("flaw", Flaw)
def test_a_flaw_is_seen_and_the_page_that_came_stays_as_it_was(flaw: Flaw) -> None:
    before = PAGE.layers.copy()
    assert changed(flawed(flaw, 0.8)) > 0.01
    assert np.array_equal(PAGE.layers, before)


@pytest.mark.parametrize("flaw", Flaw)
def test_the_same_chance_gives_the_same_flaw(flaw: Flaw) -> None:
    assert np.array_equal(flawed(flaw, 0.6).layers, flawed(flaw, 0.6).layers)


@pytest.mark.parametrize("flaw", [Flaw.CRACKS, Flaw.DEAD, Flaw.FINGER])
def test_another_chance_gives_another_flaw(flaw: Flaw) -> None:
    assert not np.array_equal(flawed(flaw, 0.6, 1).layers, flawed(flaw, 0.6, 2).layers)


@pytest.mark.parametrize("flaw", Flaw)
def test_a_slight_flaw_leaves_the_flat_code_readable(flaw: Flaw) -> None:
    assert read(flawed(flaw, 0.0)) == [TEXT]


@settings(max_examples=12, deadline=None)
@given(st.sampled_from(Flaw), st.floats(0, 1), st.integers(0, 2**32 - 1))
def test_a_flaw_never_makes_another_text(flaw: Flaw, strength: float, seed: int) -> None:
    assert set(read(flawed(flaw, strength, seed))) <= {TEXT}


@settings(max_examples=12, deadline=None)
@given(st.sampled_from(Flaw), st.floats(0, 1), st.integers(0, 2**32 - 1))
def test_light_comes_only_from_where_a_phone_is(flaw: Flaw, strength: float, seed: int) -> None:
    glow, _, there = np.moveaxis(flawed(flaw, strength, seed).layers, -1, 0)
    assert not glow[there == 0].any()


def test_worse_glass_changes_more() -> None:
    for flaw in (Flaw.CRACKS, Flaw.DEAD, Flaw.FINGER):
        slight, bad = (np.mean([changed(flawed(flaw, strength, seed)) for seed in range(4)]) for strength in (0.1, 0.9))
        assert slight < bad


def test_cracks_give_back_light_and_a_finger_gives_none() -> None:
    assert (flawed(Flaw.CRACKS, 0.9).layers[..., 1] == 150).sum() > 500
    finger = flawed(Flaw.FINGER, 0.9).layers
    assert not finger[..., 0][finger[..., 1] == 112].any()


def test_faint_black_and_white_are_nearly_one_grey() -> None:
    levels = code_of(flawed(Flaw.FAINT, 1.0))
    assert np.ptp(levels) < 0.1 * np.ptp(code_of(PAGE))


def test_inverted_is_the_other_way_round() -> None:
    flipped, plain = code_of(flawed(Flaw.INVERTED, 0.3)).astype(float), code_of(PAGE).astype(float)
    assert np.corrcoef(flipped.ravel(), plain.ravel())[0, 1] < -0.99


def test_a_display_drawn_anew_shows_the_new_rows_above_the_old() -> None:
    assert read(torn(PAGE, NEXT, 0.0)) == [TEXT]
    assert read(torn(PAGE, NEXT, 1.0)) == ["EC1:" + OTHER[:-4]]
    half = torn(PAGE, NEXT, 0.5)
    middle = round(PAGE.origin[1])
    assert np.array_equal(half.layers[: middle - 2], NEXT.layers[: middle - 2])
    assert np.array_equal(half.layers[middle + 2 :], PAGE.layers[middle + 2 :])
    assert read(half) == []
