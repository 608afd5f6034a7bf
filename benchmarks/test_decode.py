"""How long one frame takes, by engine, and what of real photographs each reads for its time."""

import csv
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
from figures import Figures, ratios, seconds
from numpy.typing import NDArray
from pytest_benchmark.fixture import BenchmarkFixture

from hardware import recording, video
from hardware.decoder import CHEAP, FIRST, OPENCV, PYZBAR, Chain, Symbol, pyzbar_missing

Grey = NDArray[np.uint8]
Read = Callable[[Grey], tuple[Symbol, ...]]

pytestmark = pytest.mark.usefixtures("one_thread")

_ROUNDS = 10
_EVERY = 2
"""Of the photographs, in the manifest's order: OpenCV's engine takes half a second for some."""

_needs_zbar = pytest.mark.skipif(pyzbar_missing() is not None, reason=str(pyzbar_missing()))
NAMES = ("zxing", "glance", pytest.param("pyzbar", marks=_needs_zbar), "opencv")
SCENES = ("empty hall", "phone")


def readers() -> dict[str, Read]:
    """The engines that are here, by name; `glance` is what the lane's scanner does with each frame."""
    found = {"zxing": FIRST.read, "glance": Chain().glance, "pyzbar": PYZBAR.read, "opencv": OPENCV.read}
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
    assert not (found and scene == "empty hall")


@pytest.mark.parametrize("scene", SCENES)
def test_engines_side_by_side(frames: Mapping[str, Grey], figures: Figures, scene: str) -> None:
    picture = frames[scene]
    times = {name: len(CHEAP) if name == "glance" else 1 for name in readers()}  # each glance takes another second pass
    calls = {name: partial(_read_often, read, picture, times[name]) for name, read in readers().items()}
    least = min(seconds(calls["zxing"]) for _ in range(_ROUNDS))
    assert figures.add(f"decode {scene}, zxing", least * 1e3, "ms", None, "1280x720, least of ten") > 0
    found = ratios(calls, "zxing", _ROUNDS)
    for name in sorted(found.keys() - {"zxing"}):
        figures.add(f"decode {scene}, {name}", found[name] / times[name], "x", None, "to zxing, same frame")


def _read_often(read: Read, picture: Grey, times: int) -> None:
    for _ in range(times):
        read(picture)


@dataclass(slots=True)
class Score:
    """What an engine read of the photographs so far, and in how long."""

    read: int = 0
    seconds: float = 0.0

    def take(self, read: Read, grey: Grey, texts: set[bytes]) -> None:
        """One photograph more: it counts as read where one of its texts is."""
        began = time.perf_counter()
        found = read(grey)
        self.seconds += time.perf_counter() - began
        self.read += bool(texts & {symbol.data.strip() for symbol in found})


def glances(grey: Grey) -> tuple[Symbol, ...]:
    """What the lane makes of a phone that is held still: glances, one after the other, until one reads something."""
    chain = Chain()
    return next(filter(None, (chain.glance(grey) for _ in CHEAP)), ())


def test_photographs(photos: Path, figures: Figures) -> None:
    engines = {name: read for name, read in readers().items() if name != "glance"} | {"glances": glances}
    scores = {name: Score() for name in engines}
    wanted = _labelled(photos)
    for path, texts in wanted:
        grey = np.asarray(cv2.imread(str(photos / path), cv2.IMREAD_GRAYSCALE), np.uint8)
        for name, read in engines.items():
            scores[name].take(read, grey, texts)
    for name, score in scores.items():
        share = 100 * score.read / len(wanted)
        figures.add(f"photographs read, {name}", share, "%", None, f"{len(wanted)} photographs")
        if name != "zxing":
            ratio = score.seconds / scores["zxing"].seconds
            figures.add(f"photographs, time, {name}", ratio, "x", None, "to zxing, sum over all")
    assert scores["glances"].read >= scores["zxing"].read > 0


def _labelled(photos: Path) -> list[tuple[str, set[bytes]]]:
    """Path and expected texts of the photographs whose texts are known."""
    with (photos / "manifest.csv").open(newline="") as file:
        rows = [(row["path"], json.loads(row["expected_texts_json"])) for row in csv.DictReader(file)]
    return [(path, {text.strip().encode() for text in texts}) for path, texts in rows if texts][::_EVERY]
