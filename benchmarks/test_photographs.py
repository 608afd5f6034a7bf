"""What the chain reads of real photographs and of the project's own phone frames, for its time, beside the reference engine.

Photographs whose texts nobody knows (no two engines agreed on one) count as read where anything is read, for every reader alike.
A text is wrong that stands on no photograph of the set, where all that a photograph shows is known: two codes, one within the other, are a
picture of both, whichever of them the set's own label names.
"""

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
from figures import Figures
from reading import READERS, Grey, Score, Still, Texts, normalised, scored, timed

from hardware.decoder import PYZBAR, Pass, Symbol, pyzbar_missing
from hardware.passes import CLOSER, QUICK, WIDE
from hardware.sighting import locate
from hardware.window import around

pytestmark = pytest.mark.usefixtures("one_thread")

_MORE_READ, _MORE_READ_HARD, _MORE_THAN_PYZBAR = 1.03, 1.13, 1.2
_MEAN, _MEAN_HARD, _P95, _OF_PYZBAR = 2.0, 2.5, 5.0, 0.2

_needs_zbar = pytest.mark.skipif(pyzbar_missing() is not None, reason=str(pyzbar_missing()))


@dataclass(frozen=True, slots=True)
class Scores:
    """What each reader read of photographs and of phone frames, in one run; and the stills that the reference missed."""

    labelled: Sequence[bool]
    photographs: dict[str, Score]
    phones: dict[str, Score]
    missed: Sequence[Still]

    def of_labelled(self, name: str) -> Score:
        """A reader's score of the photographs whose texts are known."""
        return self.photographs[name].among(self.labelled)

    def of_all(self, name: str) -> Score:
        """Its score of everything."""
        return Score([*self.photographs[name].readings, *self.phones[name].readings])


@pytest.fixture(scope="module")
def photographs(photos: Path) -> list[Still]:
    """All photographs of the manifest."""
    with (photos / "manifest.csv").open(newline="") as file:
        return [_photograph(photos / row["path"], row) for row in csv.DictReader(file)]


@pytest.fixture(scope="module")
def scores(photographs: Sequence[Still], phone_frames: Sequence[Still]) -> Scores:
    """Every reader on every still, in turns."""
    known: Texts = frozenset().union(*(still.texts for still in photographs))
    of_photographs = scored(READERS | {"pyzbar": PYZBAR.read}, photographs, known)
    of_phones = scored(READERS, phone_frames)
    readings = (*of_photographs["zxing"].readings, *of_phones["zxing"].readings)
    stills = (*photographs, *phone_frames)
    missed = [still for still, reading in zip(stills, readings, strict=True) if not reading.read]
    return Scores([bool(still.texts) for still in photographs], of_photographs, of_phones, missed)


def test_labelled_photographs(scores: Scores, figures: Figures) -> None:
    zxing, ours = (scores.of_labelled(name) for name in ("zxing", "chain"))
    told = _told(figures, "labelled photographs", zxing, ours)
    fewer = figures.add(
        "labelled photographs, zxing's reads for one of ours", zxing.read / ours.read, "x", 1 / _MORE_READ, told
    )
    mean = figures.add("labelled photographs, mean time", ours.seconds / zxing.seconds, "x", _MEAN, "to zxing's mean")
    p95 = figures.add("labelled photographs, p95 of time", ours.p95 / zxing.p95, "x", _P95, "to zxing's p95")
    over_mean = ours.p95 * len(zxing.readings) / zxing.seconds
    figures.add("labelled photographs, p95 of time over a mean", over_mean, "x", None, "to zxing's mean")
    figures.add("wrong texts", len(ours.wrong), "", None, f"of all photographs; zxing {len(zxing.wrong)}; none may be")
    assert scores.photographs["chain"].wrong == []
    assert fewer <= 1 / _MORE_READ
    assert mean <= _MEAN
    assert p95 <= _P95


def test_hard_photographs_and_phone_frames(scores: Scores, figures: Figures) -> None:
    for name, each in (("all photographs", scores.photographs), ("phone frames", scores.phones)):
        note = _told(figures, name, each["zxing"], each["chain"])
        figures.add(f"{name}, mean time", each["chain"].seconds / each["zxing"].seconds, "x", None, note)
    zxing, ours = (scores.of_all(name) for name in ("zxing", "chain"))
    name = "photographs and phone frames"
    told = _told(figures, name, zxing, ours)
    fewer = figures.add(
        f"{name}, zxing's reads for one of ours", zxing.read / ours.read, "x", 1 / _MORE_READ_HARD, told
    )
    mean = figures.add(f"{name}, mean time", ours.seconds / zxing.seconds, "x", _MEAN_HARD, "to zxing's mean")
    figures.add(f"{name}, p95 of time", ours.p95 / zxing.p95, "x", None, "to zxing's p95")
    assert scores.phones["chain"].wrong == []
    assert fewer <= 1 / _MORE_READ_HARD
    assert mean <= _MEAN_HARD


@_needs_zbar
def test_against_pyzbar_alone(scores: Scores, figures: Figures) -> None:
    pyzbar, ours = (scores.of_labelled(name) for name in ("pyzbar", "chain"))
    fewer = pyzbar.read / ours.read
    note = f"{ours.read} to {pyzbar.read} of {len(ours.readings)} labelled photographs"
    figures.add("pyzbar's reads for one of ours", fewer, "x", 1 / _MORE_THAN_PYZBAR, note)
    share = figures.add("time, to pyzbar's", ours.seconds / pyzbar.seconds, "x", _OF_PYZBAR, "labelled photographs")
    assert fewer <= 1 / _MORE_THAN_PYZBAR
    assert share <= _OF_PYZBAR


@_needs_zbar
def test_pyzbar_in_its_place(scores: Scores, figures: Figures) -> None:
    zxing, ours, without = (scores.of_all(name) for name in ("zxing", "chain", "chain without pyzbar"))
    note = f"{ours.read} with pyzbar's pass, {without.read} without"
    assert figures.add("stills that pyzbar's pass adds", ours.read - without.read, "", None, note) >= 0
    took = (ours.seconds - without.seconds) / zxing.seconds
    figures.add("time that pyzbar's pass takes", took, "x", None, "to zxing on all stills")


def test_yields(scores: Scores, figures: Figures) -> None:
    """What each pass alone reads of the stills that the reference missed: on the whole picture, and on the part where a code seems to be."""
    known: Texts = frozenset().union(*(still.texts for still in scores.missed))
    whole = {f"{one.name}, whole": one for one in dict.fromkeys((*QUICK, *WIDE, PYZBAR))}
    near = {f"{one.name}, part": one for one in CLOSER}
    parts = [Still(_part(still.grey), still.texts, still.all_known) for still in scores.missed]
    found = scored({name: one.read for name, one in whole.items()}, scores.missed, known)
    found |= scored({name: partial(_within, one) for name, one in near.items()}, parts, known)
    looks = sum(timed(READERS["zxing"], still.grey)[0] for still in scores.missed)
    for name, score in found.items():
        _tell_yield(figures, name, found, looks)
        assert score.seconds > 0


def _tell_yield(figures: Figures, name: str, found: dict[str, Score], looks: float) -> None:
    mine = found[name]
    others = [score for other, score in found.items() if other != name]
    alone = sum(
        one.read and not any(score.readings[number].read for score in others)
        for number, one in enumerate(mine.readings)
    )
    each = mine.seconds / looks
    a_read = each * len(mine.readings) / mine.read if mine.read else float("inf")
    note = f"of {len(mine.readings)} that zxing missed, {alone} by it alone; {each:.2f} x a first look, {a_read:.3g} x a read"
    figures.add(f"yield of {name}", mine.read, "", None, note)


def _told(figures: Figures, name: str, zxing: Score, ours: Score) -> str:
    total = len(ours.readings)
    figures.add(f"{name} read, zxing", 100 * zxing.read / total, "%", None, f"{zxing.read} of {total}")
    by = ", ".join(f"{count} {engine}" for engine, count in ours.engines.most_common())
    figures.add(f"{name} read, chain", 100 * ours.read / total, "%", None, f"{ours.read} of {total}: {by}")
    return f"{ours.read} to {zxing.read} of {total}"


def _photograph(path: Path, row: dict[str, str]) -> Still:
    texts = frozenset(normalised(one) for one in json.loads(row["expected_texts_json"]))
    codes = int(row.get("n_codes") or 1)
    grey = np.asarray(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE), np.uint8)
    return Still(grey, texts, bool(texts) and codes <= len(texts))


def _within(one: Pass, grey: Grey) -> tuple[Symbol, ...]:
    """As the chain does: a part that is too large for a pass is not for it."""
    return one.read(grey) if grey.size <= one.most else ()


def _part(grey: Grey) -> Grey:
    """As the chain takes it: where a code seems to be; the whole picture where none seems to be."""
    return next((around([outline], grey.shape).of(grey) for outline in locate(grey, most=1)), grey)
