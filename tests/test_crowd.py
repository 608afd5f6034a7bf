"""Crowds of finder patterns are thinned; whatever a lane sees otherwise is left as it is."""

from collections.abc import Callable
from typing import Final

import cv2
import hostile
import numpy as np
import pytest
from hostile import HEIGHT, OURS, WIDTH, Grey
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.specimen.screen import Scene
from gate.specimen.traveller import Hand, Light, Pose, Shot
from hardware.crowd import is_crowded, thinned
from hardware.decoder import FIRST


def bars(module: int) -> Grey:
    """Finder patterns side by side in every row: bars of 1:1:3:1:1."""
    one = np.repeat(np.array([255, 0, 255, 0, 0, 0, 255, 0], np.uint8), module)
    return np.tile(one, (HEIGHT, WIDTH // one.size + 1))[:, :WIDTH]


WALLS: Final[dict[str, Callable[[int], Grey]]] = {"finders": hostile.finders, "bars": bars}


@pytest.mark.parametrize("module", [1, 2, 3])
@pytest.mark.parametrize("wall", WALLS)
def test_a_wall_of_finder_patterns_is_thinned_until_it_is_none(wall: str, module: int) -> None:
    picture = WALLS[wall](module)
    assert is_crowded(picture)
    fewer, times = thinned(picture)
    assert times in (2, 4, 8)
    assert fewer.shape == (HEIGHT // times, WIDTH // times)
    assert fewer.dtype == np.uint8
    assert not is_crowded(fewer)


def phone(pose: Pose, light: Light | None = None) -> Grey:
    shot = Shot((Hand(((0.0, pose),)),), light=light or Light())
    return Scene.of([OURS], shot, 1).frame(0)


ORDINARY: Final[dict[str, Callable[[], Grey]]] = {
    "phone": lambda: phone(Pose()),
    "near": lambda: phone(Pose(z=150)),
    "far": lambda: phone(Pose(z=320)),
    "tilted": lambda: phone(Pose(roll=30, pitch=20)),
    "dark": lambda: phone(Pose(), Light(screen=0.05, hall=0.01)),
    "version 40": lambda: hostile.on_paper(hostile.code("A" * 4000, 4)),
    "even": lambda: np.full((HEIGHT, WIDTH), 128, np.uint8),
    "chess board": lambda: hostile.checkered(9),
}


@pytest.mark.parametrize("name", ORDINARY)
def test_an_ordinary_frame_is_left_as_it_is(name: str) -> None:
    picture = ORDINARY[name]()
    same, times = thinned(picture)
    assert times == 1
    assert same is picture


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1), sigma=st.floats(1, 90), softness=st.floats(0, 4),
    shape=st.sampled_from([(720, 1280), (480, 640), (1080, 1920)]),
)  # fmt: skip
def test_noise_is_left_as_it_is(seed: int, sigma: float, softness: float, shape: tuple[int, int]) -> None:
    noise = np.random.default_rng(seed).normal(120, sigma, shape)
    blurred = cv2.GaussianBlur(noise, (0, 0), softness) if softness > 0.1 else noise
    _, times = thinned(np.clip(blurred, 0, 255).astype(np.uint8))
    assert times == 1


def test_a_code_before_a_wall_of_patterns_is_still_read_where_its_modules_are_larger() -> None:
    picture = hostile.finders(1)
    code = hostile.code("EC1:AB12", 8)
    picture[200 : 200 + code.shape[0], 400 : 400 + code.shape[1]] = code
    fewer, times = thinned(picture)
    assert times > 1
    assert [symbol.data for symbol in FIRST.read(fewer)] == [b"EC1:AB12"]


@pytest.mark.parametrize("shape", [(21, 21), (21, 5000), (5000, 21), (22, 23)])
@pytest.mark.parametrize("fill", [0, 255, None])
def test_any_shape_will_do(shape: tuple[int, int], fill: int | None) -> None:
    picture = (
        np.random.default_rng(1).integers(0, 256, shape, np.uint8) if fill is None else np.full(shape, fill, np.uint8)
    )
    fewer, times = thinned(picture)
    assert fewer.shape[0] * times <= shape[0] + times
    assert fewer.size > 0
