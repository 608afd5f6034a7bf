"""Where codes were: windows around them, and what is forgotten."""

from typing import Final

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware.window import Outline, Whereabouts, Window, around

SHAPE: Final = (720, 1280)


def square(left: float, top: float, side: float) -> Outline:
    return ((left, top), (left + side, top), (left + side, top + side), (left, top + side))


IN_VIEW = st.builds(square, st.floats(0, 1180), st.floats(0, 620), st.floats(1, 100))


@given(outlines=st.lists(IN_VIEW, min_size=1, max_size=4))
def test_all_outlines_and_their_quiet_zones_lie_in_the_window(outlines: list[Outline]) -> None:
    window = around(outlines, SHAPE)
    assert 0 <= window.left < window.right <= 1280
    assert 0 <= window.top < window.bottom <= 720
    for outline in outlines:
        (left, top), _, (right, bottom), _ = outline
        room = 24 + 0.06 * (right - left)  # four modules of 65
        assert window.left <= max(0, left - room)
        assert window.top <= max(0, top - room)
        assert window.right >= min(1280, int(right + room))
        assert window.bottom >= min(720, int(bottom + room))


def test_what_is_cut_out_is_that_part_and_no_copy() -> None:
    picture = np.arange(720 * 1280, dtype=np.uint32).astype(np.uint8).reshape(SHAPE)
    part = Window(10, 20, 110, 70).of(picture)
    assert part.shape == (50, 100)
    assert np.shares_memory(part, picture)
    assert np.array_equal(part, picture[20:70, 10:110])


def test_a_code_by_itself_makes_a_small_part_of_the_frame() -> None:
    window = around([square(500, 300, 200)], SHAPE)
    assert window.of(np.empty(SHAPE, np.uint8)).size < 0.2 * 720 * 1280


def test_nothing_seen_is_no_window() -> None:
    where = Whereabouts()
    assert where.window(SHAPE, 0.0) is None
    where.seen([], 0.0)
    assert where.window(SHAPE, 0.0) is None


@pytest.mark.parametrize(("later", "known"), [(0.0, True), (0.5, True), (0.99, True), (1.0, False), (60.0, False)])
def test_it_is_forgotten_after_a_second(later: float, known: bool) -> None:  # noqa: FBT001 - a parameter of the table
    where = Whereabouts()
    where.seen([square(500, 300, 100)], 5.0)
    assert (where.window(SHAPE, 5.0 + later) is not None) == known


def test_a_clock_that_goes_back_forgets() -> None:
    where = Whereabouts()
    where.seen([square(500, 300, 100)], 50.0)
    assert where.window(SHAPE, 3.0) is None


def test_frames_without_a_code_leave_what_is_remembered_until_it_is_too_old() -> None:
    where = Whereabouts()
    where.seen([square(500, 300, 100)], 0.0)
    where.seen([], 0.9)
    assert where.window(SHAPE, 0.95) == around([square(500, 300, 100)], SHAPE)
    assert where.window(SHAPE, 1.5) is None


def test_the_last_ones_seen_count_all_of_them() -> None:
    where = Whereabouts()
    where.seen([square(0, 0, 50)], 0.0)
    both = [square(400, 300, 50), square(600, 300, 60)]
    where.seen(iter(both), 0.1)
    assert where.window(SHAPE, 0.2) == around(both, SHAPE)


@pytest.mark.parametrize("outlines", [[square(100, 0, 700)], [square(10, 10, 50), square(1150, 600, 50)]])
def test_most_of_the_frame_is_no_window(outlines: list[Outline]) -> None:
    where = Whereabouts()
    where.seen(outlines, 0.0)
    assert where.window(SHAPE, 0.0) is None


ANYWHERE = st.builds(square, st.floats(-5000, 5000), st.floats(-5000, 5000), st.floats(0, 3000))


@given(
    outlines=st.lists(ANYWHERE, min_size=1, max_size=3),
    shape=st.tuples(st.integers(21, 2000), st.integers(21, 2000)),
)
def test_wherever_they_were_a_window_is_a_part_of_the_frame(outlines: list[Outline], shape: tuple[int, int]) -> None:
    """An engine's corners may lie outside the picture, and the next camera's frames may be smaller."""
    where = Whereabouts()
    where.seen(outlines, 0.0)
    window = where.window(shape, 0.0)
    if window is not None:
        assert 0 <= window.left < window.right <= shape[1]
        assert 0 <= window.top < window.bottom <= shape[0]
