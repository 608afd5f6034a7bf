"""Idle: what may be passed over, and that nothing that comes into view is. The frames' clock is wound by hand."""

from collections.abc import Iterable
from itertools import pairwise
from typing import Final

import numpy as np
import pytest
from hostile import Grey
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from hardware.idle import Attention, Idle

FRAME_S: Final = 1 / 32  # so that times add up without rounding
CLEAR: Final = 18  # times the noise is the contrast of a code that is seen at once
LOOK_S: Final = 2.0
HEIGHT, WIDTH = 240, 320
NDFloat = NDArray[np.float64]


def hall(seed: int = 1) -> NDFloat:
    """Some furniture, in grey levels of light."""
    chance = np.random.default_rng(seed)
    view = np.full((HEIGHT, WIDTH), 90.0)
    for _ in range(8):
        y, x = chance.integers(0, (HEIGHT, WIDTH))
        view[y : y + 70, x : x + 50] = chance.uniform(20, 180)
    return view


def seen(view: NDFloat, sigma: float, chance: np.random.Generator) -> Grey:
    """What a camera of so much noise makes of it."""
    return np.clip(view + chance.normal(0, sigma, view.shape), 0, 255).astype(np.uint8)


def looks(idle: Idle, frame: Grey, at: float) -> bool:
    return idle.attention(frame, at) is not Attention.NONE


def looked_at(idle: Idle, frames: Iterable[Grey], began: float = 0.0) -> list[float]:
    """When it does not rest."""
    timed = ((began + number * FRAME_S, frame) for number, frame in enumerate(frames))
    return [at for at, frame in timed if looks(idle, frame, at)]


@pytest.mark.parametrize("sigma", [0.0, 1.0, 3.0, 6.0])
def test_where_nothing_changes_it_looks_every_other_second(sigma: float) -> None:
    chance, view = np.random.default_rng(2), hall()
    times = looked_at(Idle(), (seen(view, sigma, chance) for _ in range(32 * 8)))
    assert times[:32] == [number * FRAME_S for number in range(32)], "it is awake for a second after the first"
    gaps = [after - before for before, after in pairwise([*times[31:], 8.0])]
    assert all(LOOK_S - 0.1 <= gap <= LOOK_S for gap in gaps[:-1])
    assert gaps[-1] <= LOOK_S


def asleep(view: NDFloat, sigma: float, chance: np.random.Generator) -> tuple[Idle, float]:
    """One that rests, and the time of its next frame."""
    idle = Idle()
    for at in (0.0, 1.0 - FRAME_S):
        assert looks(idle, seen(view, sigma, chance), at)
    assert not looks(idle, seen(view, sigma, chance), 1.0)
    return idle, 1.0 + FRAME_S


def wakes(idle: Idle, frame: Grey, at: float) -> bool:
    """At rest every other frame is compared: what comes is looked at in the frame that brings it or in the next."""
    return looks(idle, frame, at) or looks(idle, frame, at + FRAME_S)


@settings(max_examples=100, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1), sigma=st.floats(0, 6), side=st.integers(64, 90), contrast=st.integers(40, 180),
    middle=st.integers(90, 165), module=st.integers(1, 6),
    left=st.integers(0, WIDTH - 64), top=st.integers(0, HEIGHT - 64),
)  # fmt: skip
def test_a_code_that_appears_is_looked_at_no_more_than_a_frame_later(
    seed: int, sigma: float, side: int, contrast: int, middle: int, module: int, left: int, top: int
) -> None:
    """64 pixels wide and of 40 grey levels at least, half of it darker and half of it lighter than the wall behind."""
    contrast = max(contrast, round(CLEAR * sigma))
    chance = np.random.default_rng(seed)
    view = np.full((HEIGHT, WIDTH), float(middle))
    idle, at = asleep(view, sigma, chance)
    modules = chance.integers(0, 2, (-(-side // module),) * 2)
    code = np.kron(modules, np.ones((module, module)))[: HEIGHT - top, : WIDTH - left][:side, :side]
    view[top : top + side, left : left + side] = middle + (code - 0.5) * contrast
    assert wakes(idle, seen(view, sigma, chance), at)


@pytest.mark.parametrize("side", [64, 110, 200])
@pytest.mark.parametrize("sigma", [0.0, 3.0, 6.0])
def test_a_code_in_a_furnished_hall_too(side: int, sigma: float) -> None:
    chance, view = np.random.default_rng(side), hall()
    for left, top in chance.integers(0, (WIDTH - side, HEIGHT - side), (30, 2)):
        idle, at = asleep(view, sigma, chance)
        with_code = view.copy()
        modules = np.kron(chance.integers(0, 2, (side // 2, side // 2)), np.ones((2, 2)))
        with_code[top : top + side, left : left + side] = 30 + 170 * modules
        assert wakes(idle, seen(with_code, sigma, chance), at)


def test_after_a_change_it_is_awake_for_a_second() -> None:
    chance, view = np.random.default_rng(3), hall()
    idle, at = asleep(view, 1.0, chance)
    view[50:100, 50:100] += 60
    times = looked_at(idle, (seen(view, 1.0, chance) for _ in range(110)), at)
    assert times[0] <= at + FRAME_S
    assert times[:32] == [times[0] + number * FRAME_S for number in range(32)]
    assert len(times) == 33, "and then every other second"


def test_what_changed_has_all_attention_for_a_second_and_what_did_not_a_glance() -> None:
    chance, view = np.random.default_rng(3), hall()
    idle, at = asleep(view, 1.0, chance)
    given = [idle.attention(seen(view, 1.0, chance), at + number * FRAME_S) for number in range(66)]
    assert [one for one in given if one is not Attention.NONE] == [Attention.GLANCE]
    view[50:100, 50:100] += 60
    given = [idle.attention(seen(view, 1.0, chance), at + (66 + number) * FRAME_S) for number in range(33)]
    assert given[1:] == [Attention.FULL] * 32 or given[:-1] == [Attention.FULL] * 32


def test_what_keeps_moving_keeps_it_awake() -> None:
    chance, idle = np.random.default_rng(4), Idle()
    frames = []
    for number in range(100):
        view = hall()
        view[60:140, 2 * number : 2 * number + 60] = 200
        frames.append(seen(view, 1.0, chance))
    assert len(looked_at(idle, frames)) == 100


@pytest.mark.parametrize("change", [-30.0, 12.0, 60.0])
def test_a_change_of_the_light_of_the_whole_view_wakes_it(change: float) -> None:
    chance, view = np.random.default_rng(5), hall()
    idle, at = asleep(view, 2.0, chance)
    assert wakes(idle, seen(view + change, 2.0, chance), at)


@settings(max_examples=30, deadline=None)
@given(steps=st.lists(st.floats(-0.5, 0.5), min_size=40, max_size=40))
def test_light_that_drifts_slowly_is_seen_sooner_or_later(steps: list[float]) -> None:
    """It is compared with what was looked at, not with the frame before: no drift can hide what it adds up to."""
    idle, at = asleep(np.full((HEIGHT, WIDTH), 90.0), 0.0, np.random.default_rng(0))
    looked = 90
    for number, light in enumerate(np.cumsum(steps) + 90):
        frame = np.full((HEIGHT, WIDTH), np.uint8(light))
        if not wakes(idle, frame, at + 2 * number * FRAME_S):
            assert abs(int(frame[0, 0]) - looked) <= 8
        else:
            looked = int(frame[0, 0])


@pytest.mark.parametrize("shape", [(HEIGHT, WIDTH + 8), (WIDTH, HEIGHT), (21, 21), (480, 640)])
def test_a_frame_of_another_size_wakes_it(shape: tuple[int, int]) -> None:
    idle, at = asleep(np.full((HEIGHT, WIDTH), 90.0), 0.0, np.random.default_rng(0))
    assert wakes(idle, np.full(shape, 90, np.uint8), at)
    assert looks(idle, np.full(shape, 90, np.uint8), at + 2 * FRAME_S)


def test_a_single_pixel_of_noise_does_not_wake_it() -> None:
    idle, at = asleep(np.full((HEIGHT, WIDTH), 90.0), 0.0, np.random.default_rng(0))
    frame = np.full((HEIGHT, WIDTH), 90, np.uint8)
    frame[80, 80] = 255
    assert not looks(idle, frame, at)


def test_a_camera_that_uses_its_frame_again_does_not_blind_it() -> None:
    """Frames come in the same memory again and again."""
    idle, frame = Idle(), np.full((HEIGHT, WIDTH), 90, np.uint8)
    looked_at(idle, (frame for _ in range(40)))
    frame[50:100, 50:100] = 200
    assert wakes(idle, frame, 40 * FRAME_S)


@settings(max_examples=40, deadline=None)
@given(times=st.lists(st.floats(0, 1000), min_size=1, max_size=30))
def test_whatever_the_clock_does_it_never_rests_for_longer_than_two_seconds(times: list[float]) -> None:
    """The next recording begins with its own time: earlier or later."""
    idle, view = Idle(), np.full((HEIGHT, WIDTH), 90, np.uint8)
    looked = float("-inf")
    for at in times:
        if not looks(idle, view, at):
            assert at - looked < LOOK_S
        else:
            looked = at


def test_a_clock_that_goes_back_does_not_send_it_to_sleep() -> None:
    chance, view = np.random.default_rng(6), hall()
    idle = Idle()
    looked_at(idle, (seen(view, 1.0, chance) for _ in range(40)), 500.0)
    view[50:100, 50:100] += 60
    assert looked_at(idle, (seen(view, 1.0, chance) for _ in range(3)), 3.0) == [3.0, 3.0 + FRAME_S, 3.0 + 2 * FRAME_S]
