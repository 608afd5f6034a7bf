"""The shipped recordings: small, the day's travellers, drawn by today's screen.py from the seed, and readable after compression."""

import importlib.util
from itertools import islice
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import zxingcpp

from gate.specimen.cases import REHEARSAL_SEED, Specimen
from gate.specimen.screen import Scene
from gate.specimen.traveller import DAY, Traveller
from hardware.recording import Recording, find, load
from hardware.video import read

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
SHIPPED = BENCHMARKS / "recordings"
SPECIMEN = Specimen.from_seed(REHEARSAL_SEED)
FEW = 6  # frames that are drawn or read where a few will do
EVERYBODY = pytest.mark.parametrize("comer", DAY, ids=lambda comer: comer.name)


def script() -> ModuleType:
    """benchmarks/record.py, which is no package's."""
    spec = importlib.util.spec_from_file_location("record", BENCHMARKS / "record.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


RECORD = script()


def shipped(comer: Traveller) -> Recording:
    return load(SHIPPED / comer.name)


def test_they_are_under_ten_megabytes() -> None:
    assert sum(file.stat().st_size for file in SHIPPED.rglob("*")) < 10_000_000


def test_they_are_the_day_and_nothing_else() -> None:
    assert [recording.name for recording in find(SHIPPED)] == [comer.name for comer in DAY]


@EVERYBODY
def test_what_stands_beside_the_video_is_what_the_day_says(comer: Traveller) -> None:
    assert shipped(comer) == RECORD.described(comer)


@EVERYBODY
def test_every_text_is_read_from_the_video_as_the_specimen_made_it(comer: Traveller) -> None:
    expected = {text.encode() for text in comer.texts(SPECIMEN)}
    seen: set[bytes] = set()
    for frame in islice(read(shipped(comer)), 12, None):
        found = zxingcpp.read_barcodes(frame, formats=zxingcpp.BarcodeFormat.QRCode)
        assert {symbol.bytes for symbol in found} <= expected
        seen |= {symbol.bytes for symbol in found}
        if seen == expected:
            return
    pytest.fail(f"{len(seen)} of {len(expected)} codes were read")


@EVERYBODY
def test_nothing_is_read_before_the_phone_has_come(comer: Traveller) -> None:
    first = next(read(shipped(comer)))
    assert not zxingcpp.read_barcodes(first, formats=zxingcpp.BarcodeFormat.QRCode)


@pytest.mark.parametrize("comer", DAY[::5], ids=lambda comer: comer.name)
def test_the_video_is_what_the_screen_draws_today(comer: Traveller) -> None:
    scene = Scene.of(comer.texts(SPECIMEN), comer.shot, RECORD.seed_of(comer))
    for number, seen in islice(enumerate(read(shipped(comer))), 16, 24, FEW):
        drawn = scene.frame(number).astype(int)
        assert np.abs(drawn - seen).mean() < 2.5
