"""What `gate aim` draws: bars, a line, and the camera's view in half blocks."""

import io
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.text import Text
from test_gauge import BEST, reading

from gate.cli.gauge import State
from gate.cli.view import COLUMNS, NEEDED, bar, figures, line, page, picture
from hardware.sighting import Cause

READ = State(reading(1.0, 1, BEST, 0.012), 0.9, 30.0)
DARK = State(reading(1.0, 0, replace(BEST, cause=Cause.TOO_DARK)), 0.0, 30.0)
NOTHING = State(reading(1.0), 0.0, 30.0)
GREY = np.tile(np.linspace(0, 255, 1280).astype(np.uint8), (720, 1))


def drawn(state: State, grey: np.ndarray | None) -> str:
    console = Console(file=io.StringIO(), width=NEEDED[0], height=NEEDED[1], force_terminal=True, color_system="256")
    console.print(page(state, "specimen 1280x720", grey))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def cells(text: Text) -> list[str]:
    """The colours of every half block, row by row."""
    return [str(span.style) for span in text.spans for _ in range(span.end - span.start)]


@given(st.floats(-1, 100), st.floats(0.1, 50), st.floats(0.1, 50), st.integers(4, 60))
def test_a_bar_is_as_wide_as_it_is_told(value: float, full: float, aim: float, width: int) -> None:
    drawn = bar(value, full, aim, width)
    assert len(drawn) == width
    assert drawn.count("│") == 1


def test_a_bar_is_filled_by_its_share() -> None:
    assert [bar(value, 8.0, 4.0, 8) for value in (0, 2, 4, 9)] == ["····│···", "██··│···", "████│···", "████│███"]


def test_the_line_and_the_page_say_the_same_figures() -> None:
    for state in (READ, DARK, NOTHING):
        shown = drawn(state, None)
        for figure in figures(state):
            assert figure.words in line(state)
            assert figure.words in shown
        assert state.advice in line(state)
    assert "pixels per module 4.0" in line(READ)
    assert "pixels per module" not in line(NOTHING)


def test_the_page_fits_into_what_it_needs() -> None:
    rows = drawn(READ, GREY).split("\n")
    assert len(rows) <= NEEDED[1]
    assert drawn(READ, GREY).count("▀") > 0
    assert drawn(READ, None).count("▀") == 0


@pytest.mark.parametrize("shape", [(720, 1280), (480, 640), (240, 320), (3072, 4096), (30, 1000), (1000, 30)])
def test_any_frame_becomes_a_picture(shape: tuple[int, int]) -> None:
    rows = picture(np.zeros(shape, np.uint8), BEST.outline, read=True).plain.split("\n")[:-1]
    assert {len(row) for row in rows} == {COLUMNS}


def test_the_outline_is_marked_where_it_is() -> None:
    corners = ((320.0, 180.0), (960.0, 180.0), (960.0, 540.0), (320.0, 540.0))
    text = picture(GREY, corners, read=False)
    colours = cells(text)
    rows = len(text.plain.split("\n")) - 1
    marked = {(at // COLUMNS, at % COLUMNS) for at, colour in enumerate(colours) if "yellow" in colour}
    assert marked
    assert {column for _, column in marked} == set(range(15, 46))
    assert min(row for row, _ in marked) == pytest.approx(rows / 4, abs=1)
    assert not any("yellow" in colour for colour in cells(picture(GREY, (), read=False)))


def test_bright_is_bright() -> None:
    colours = cells(picture(GREY, (), read=False))
    assert colours[0] == "color(232) on color(232)"
    assert colours[COLUMNS - 1] == "color(254) on color(254)"
