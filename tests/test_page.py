"""The flat phone: what it shows is the code, to the module, in whole device pixels."""

import numpy as np
import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.specimen import page
from gate.specimen.traveller import App

BASE45 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
TEXT = "EC1:" + BASE45 * 12


def read(drawn: page.Page) -> list[str]:
    glow = np.ascontiguousarray(drawn.layers[..., 0])
    return [symbol.text for symbol in zxingcpp.read_barcodes(glow, formats=zxingcpp.BarcodeFormat.QRCode)]


@pytest.mark.parametrize("app", App)
def test_every_app_shows_the_code(app: App) -> None:
    assert read(page.draw(TEXT, app)) == [TEXT]


@settings(max_examples=6, deadline=None)
@given(st.text(alphabet=BASE45, min_size=1, max_size=896))
def test_any_code_of_a_legal_length_is_shown_in_whole_device_pixels(body: str) -> None:
    drawn = page.draw("EC1:" + body)
    pixels = drawn.module_mm * page.PIXELS_PER_MM
    assert read(drawn) == ["EC1:" + body]
    assert pixels == pytest.approx(round(pixels))
    assert pixels >= 6


def test_a_border_code_is_drawn_between_50_and_55_mm_wide() -> None:
    modules = 77 + 8  # version 15 and its quiet zone
    assert 50 <= page.draw(TEXT).module_mm * modules <= 55


def test_the_origin_is_the_middle_of_the_code() -> None:
    drawn = page.draw(TEXT)
    glow = np.ascontiguousarray(drawn.layers[..., 0])
    (symbol,) = zxingcpp.read_barcodes(glow, formats=zxingcpp.BarcodeFormat.QRCode)
    corners = symbol.position
    middle = (corners.top_left.x + corners.bottom_right.x) / 2, (corners.top_left.y + corners.bottom_right.y) / 2
    assert middle == pytest.approx(drawn.origin, abs=1.5)


def test_the_code_is_black_on_white_even_in_a_dark_app() -> None:
    light, dark = page.draw(TEXT, App.BORDER), page.draw(TEXT, App.WALLET)
    x, y = map(round, light.origin)
    around = slice(y - 190, y + 190), slice(x - 190, x + 190), 0
    assert np.array_equal(light.layers[around], dark.layers[around])
    assert page.LOOKS[App.WALLET].paper < 128


def test_only_the_display_gives_light_and_only_the_phone_and_the_hand_are_there() -> None:
    glow, gives_back, there = np.moveaxis(page.draw(TEXT).layers, -1, 0)
    assert not glow[there == 0].any()
    assert not gives_back[there == 0].any()
    assert set(np.unique(there[(glow > 0)])) <= {255}
    assert 0 == there[0, 0] == there[-1, -1]
