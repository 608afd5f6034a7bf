"""How long one frame takes: by each engine alone, by all passes of a still, and by a live look that knows the frames before."""

from collections.abc import Callable, Mapping
from functools import partial
from itertools import count
from pathlib import Path

import pytest
from figures import Figures, ratios, seconds
from pytest_benchmark.fixture import BenchmarkFixture
from reading import Grey

from hardware import recording, video
from hardware.chain import Chain
from hardware.decoder import FIRST, OPENCV, PYZBAR, Symbol, pyzbar_missing

pytestmark = pytest.mark.usefixtures("one_thread")

_ROUNDS = 10
_MOMENT_S = 1e-6
"""From one look to the next: so little that the lane stays awake."""

_needs_zbar = pytest.mark.skipif(pyzbar_missing() is not None, reason=str(pyzbar_missing()))
NAMES = ("zxing", "still", "look", pytest.param("pyzbar", marks=_needs_zbar), "opencv")
SCENES = ("empty hall", "phone")


def readers() -> dict[str, Callable[[Grey], tuple[Symbol, ...]]]:
    """The engines that are here, by name; `still` is what `gate decode` does, `look` what the lane's scanner does with each frame."""
    chain, at = Chain(), count()
    found = {
        "zxing": FIRST.read,
        "still": Chain().read,
        "look": lambda grey: chain.look(grey, next(at) * _MOMENT_S).symbols,
        "pyzbar": PYZBAR.read,
        "opencv": OPENCV.read,
    }
    return {name: read for name, read in found.items() if name != "pyzbar" or pyzbar_missing() is None}


@pytest.fixture(scope="module")
def frames(recordings: Path) -> Mapping[str, Grey]:
    """From the first recording of somebody who is cleared: the hall before anybody came, and the middle one of the frames that zxing reads."""
    first = next(one for one in recording.find(recordings) if one.expect and one.expect.outcome == "cleared")
    pictures = list(video.read(first))
    read = [picture for picture in pictures if FIRST.read(picture)]
    return {"empty hall": pictures[0], "phone": read[len(read) // 2]}


@pytest.mark.benchmark(group="decode", max_time=0.5)
@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize("name", NAMES)
def test_decode(benchmark: BenchmarkFixture, frames: Mapping[str, Grey], name: str, scene: str) -> None:
    found = benchmark(readers()[name], frames[scene])
    assert bool(found) is (scene == "phone") or name == "opencv"  # which reads few of the lane's codes


@pytest.mark.parametrize("scene", SCENES)
def test_engines_side_by_side(frames: Mapping[str, Grey], figures: Figures, scene: str) -> None:
    picture = frames[scene]
    calls = {name: partial(read, picture) for name, read in readers().items()}
    least = min(seconds(calls["zxing"]) for _ in range(_ROUNDS))
    assert figures.add(f"decode {scene}, zxing", least * 1e3, "ms", None, "1280x720, least of ten") > 0
    found = ratios(calls, "zxing", _ROUNDS)
    for name in sorted(found.keys() - {"zxing"}):
        figures.add(f"decode {scene}, {name}", found[name], "x", None, "to zxing, same frame")
