"""What a lane costs while nobody is there, and whether anybody waits for it to wake up."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import count, cycle, islice
from pathlib import Path

import pytest
from figures import Figures
from presentations import STRENGTHS, Shown
from reading import Grey, Read, reference, timed

from gate.specimen.screen import Scene
from gate.specimen.traveller import Light, Shot
from hardware import recording, video
from hardware.chain import Chain

pytestmark = pytest.mark.usefixtures("one_thread")

_FPS = 30
_FRAMES = 300
_FRESH = 30
"""Frames with noise of their own, over and over."""
_SETTLED = 60
"""Frames after which nobody has been there for long enough."""
_SHARE = 0.1
_LATER = 1
_QUIET_S, _QUIET_FPS = 3.0, 5
_HALLS = {"by day": Light(hall=0.25), "at night": Light(hall=0.03)}


@pytest.mark.parametrize("name", _HALLS)
def test_an_empty_hall(figures: Figures, name: str) -> None:
    scene = Scene.of((), Shot((), 1.0, _HALLS[name]), 1)
    frames = [replace(scene, seed=seed).frame(0) for seed in range(_FRESH)]
    chain = Chain(time.thread_time)
    look, ours, zxing = _live(chain), [], []
    for grey in islice(cycle(frames), _SETTLED + _FRAMES):
        ours.append(timed(look, grey)[0])
        zxing.append(timed(reference, grey)[0])
    mean, theirs = (sum(times[_SETTLED:]) / _FRAMES for times in (ours, zxing))
    longer = sum(took > _SHARE * theirs for took in ours[_SETTLED:])
    note = f"to zxing on the same {_FRAMES} frames, {1e3 * theirs:.2f} ms each; {longer} of them took longer than the target"
    share = figures.add(f"idle {name}, mean time of a frame", mean / theirs, "x", _SHARE, note)
    still = timed(chain.read, frames[0])[0]
    figures.add(f"idle {name}, mean time of a frame to a still's", mean / still, "x", None, "to all passes of a still")
    assert share <= _SHARE


@dataclass(frozen=True, slots=True)
class Arrival:
    """Somebody who comes into an empty hall: frames of the hall alone, and then theirs, thirty a second."""

    name: str
    hall: Sequence[Grey]
    frames: Sequence[Grey]


@dataclass(frozen=True, slots=True)
class Firsts:
    """The frame in which each is the first to read something (None: never): the reference, a chain that has idled, one that is just made."""

    name: str
    zxing: int | None
    idled: int | None
    fresh: int | None


@pytest.fixture(scope="module")
def firsts(shown: Sequence[Shown], recordings: Path) -> list[Firsts]:
    """Of the shipped day and of hard presentations, the weaker of every second kind."""
    return [_firsts(one) for one in (*_of_the_day(recordings), *map(_of_a_presentation, shown[:: 2 * STRENGTHS]))]


def test_nobody_waits_for_the_lane_to_wake(firsts: Sequence[Firsts], figures: Figures) -> None:
    read = [one for one in firsts if one.zxing is not None]
    missed = [one.name for one in read if one.idled is None]
    behind = [one.idled - one.zxing for one in firsts if one.idled is not None and one.zxing is not None]
    note = f"after {_QUIET_S:.0f} s of empty hall, {len(read)} of {len(firsts)} that zxing reads"
    most = figures.add("first code read after zxing's, most", max(behind), "frames", _LATER, note)
    figures.add("first code missed", len(missed), "", None, "none may be")
    assert missed == []
    assert most <= _LATER


def test_the_same_is_read_as_without_idling(firsts: Sequence[Firsts], figures: Figures) -> None:
    idled, fresh = (sum(getattr(one, who) is not None for one in firsts) for who in ("idled", "fresh"))
    both = [one.idled - one.fresh for one in firsts if one.idled is not None and one.fresh is not None]
    note = f"{idled} of {len(firsts)} read, {fresh} without"
    later = figures.add("first code read later after idling, mean", sum(both) / len(both), "frames", _LATER, note)
    assert later <= _LATER


def _of_the_day(recordings: Path) -> Iterable[Arrival]:
    for one in recording.find(recordings):
        frames = list(video.read(one))
        yield Arrival(one.name, frames[:2], frames)


def _of_a_presentation(shown: Shown) -> Arrival:
    """The hall as it is behind the phone, with the same light, lens and pane."""
    told = shown.presentation
    scene = replace(Scene.of(told.texts[:1], told.draft.shot, told.seed), phones=())
    return Arrival(told.name, [scene.frame(number) for number in range(3)], shown.frames)


def _firsts(arrival: Arrival) -> Firsts:
    idled, fresh = Chain(time.thread_time), Chain(time.thread_time)
    rests = _live(idled, 0.0, _QUIET_FPS)
    for grey in islice(cycle(arrival.hall), int(_QUIET_S * _QUIET_FPS)):
        rests(grey)
    looks = (reference, *(_live(chain, _QUIET_S) for chain in (idled, fresh)))
    return Firsts(arrival.name, *(_first(look, arrival.frames) for look in looks))


def _live(chain: Chain, since: float = 0.0, fps: float = _FPS) -> Read:
    """Look at one frame after the other, from `since` on."""
    times = (since + number / fps for number in count())
    return lambda grey: chain.look(grey, next(times)).symbols


def _first(read: Read, frames: Sequence[Grey]) -> int | None:
    return next((number for number, grey in enumerate(frames) if read(grey)), None)
