"""The stage: its clock, and what it tells the camera and hears from it."""

import json
import select
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plant import WoundClock

from gate.rehearsal.scene import Scene
from gate.rehearsal.stage import Stage, StageClock

SCENE = Scene("one", "a title", "/recordings/one", 1000.0, 2.0, None, None)


@pytest.fixture
def stage() -> Iterator[Stage]:
    found = Stage(paced=True)
    yield found
    found.close()


def orders(stage: Stage) -> list[object]:
    """What the camera has been told and has not read yet."""
    if not select.select([stage.camera_end], [], [], 0)[0]:
        return []
    return [json.loads(line) for line in stage.camera_end.recv(1 << 16).splitlines()]


def test_a_scene_is_ordered_as_the_camera_reads_it(stage: Stage) -> None:
    stage.play(SCENE, 5.0)
    assert orders(stage) == [{"play": "/recordings/one", "start": 5.0, "paced": True}]


JOINED: dict[str, object] = {"joined": 7}


def say(stage: Stage, message: dict[str, object]) -> list[dict[str, object]]:
    """The camera says it; what the stage makes of that."""
    stage.camera_end.sendall(json.dumps(message).encode() + b"\n")
    return stage.messages()


def test_a_new_scanner_hears_what_is_playing_after_its_own_echo(stage: Stage) -> None:
    assert say(stage, JOINED) == []
    assert orders(stage) == [JOINED]
    stage.play(SCENE, 5.0)
    assert say(stage, JOINED) == []
    order = {"play": "/recordings/one", "start": 5.0, "paced": True}
    assert orders(stage) == [order, JOINED, order]  # what stands before the echo was meant for another


@pytest.mark.parametrize("last", [{"played": 3}, {"failed": "no such frame"}])
def test_what_is_over_is_not_played_again(stage: Stage, last: dict[str, object]) -> None:
    stage.play(SCENE, 5.0)
    orders(stage)
    assert say(stage, last) == [last]
    say(stage, JOINED)
    assert orders(stage) == [JOINED]


def test_a_recording_that_no_scanner_lives_through_is_given_up(stage: Stage) -> None:
    for _ in range(2):  # each recording has the same chance
        stage.play(SCENE, 5.0)
        assert [say(stage, JOINED) for _ in range(5)] == [[]] * 5
    assert say(stage, JOINED) == [{"failed": "/recordings/one: expected a scanner to live through it, lost 5"}]
    orders(stage)
    say(stage, JOINED)
    assert orders(stage) == [JOINED]


@given(cuts=st.lists(st.integers(0, 60), max_size=5))
def test_lines_that_come_in_pieces(cuts: list[int]) -> None:
    stage = Stage(paced=True)
    said = [{"first": 1.0}, {"played": 30}]
    data = b"".join(json.dumps(one).encode() + b"\n" for one in said)
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    heard: list[dict[str, object]] = []
    for start, end in pairwise(edges):
        stage.camera_end.sendall(data[start:end])
        heard += stage.messages()
    stage.close()
    assert heard == said


def test_real_time_is_the_machines_own() -> None:
    real = WoundClock(now=50.0)
    clock = StageClock(real, wound=False)
    clock.set_wall(1000.0, 49.0)
    assert (clock.monotonic(), clock.wall(), clock.synchronised()) == (50.0, 1001.0, True)
    real.now = 52.0
    assert clock.wall() == 1003.0


@given(steps=st.lists(st.tuples(st.sampled_from(["stand", "go", "advance", "real"]), st.floats(0, 100)), max_size=30))
def test_a_wound_clock_never_goes_back(steps: list[tuple[str, float]]) -> None:
    real = WoundClock(now=50.0)
    clock = StageClock(real, wound=True)
    last = clock.monotonic()
    for what, seconds in steps:
        if what == "real":
            real.now += seconds
        elif what == "advance":
            clock.stand()
            clock.advance(seconds)
        else:
            (clock.stand if what == "stand" else clock.go)()
        assert clock.monotonic() >= last
        last = clock.monotonic()


def test_a_standing_clock_takes_no_notice_of_the_real_one() -> None:
    real = WoundClock(now=50.0)
    clock = StageClock(real, wound=True)
    clock.go()
    real.now = 51.5
    clock.stand()
    real.now = 90.0
    assert clock.monotonic() == 2.5
    clock.advance(7.0)
    assert clock.monotonic() == 7.0
