"""A recorded camera, on a clock that is wound by hand."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from socket import SHUT_WR, socket, socketpair

import numpy as np
import pytest

from hardware.camera import Frame
from hardware.recorded import BEAT_S, RecordedCamera
from hardware.recording import CameraSettings, Recording, load, save
from hardware.video import Writer

JOINED = b'{"joined": %d}\n' % os.getpid()
TIMES = tuple(number / 10 for number in range(8))  # ten a second


@dataclass
class Clock:
    """A clock that only moves when someone sleeps or works."""

    now: float = 100.0
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    def pass_by(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@dataclass
class Stage:
    """The far end of a recorded camera, its camera, and their clock."""

    end: socket
    camera: RecordedCamera
    clock: Clock
    rests: list[float]

    def welcome(self) -> None:
        """Echo what the camera begins with, as if it had been said already."""
        self.end.sendall(JOINED)

    def play(self, recording: object, start: float = 100.0, *, paced: bool) -> None:
        self.end.sendall(json.dumps({"play": str(recording), "start": start, "paced": paced}).encode() + b"\n")

    def hang_up(self) -> None:
        self.end.shutdown(SHUT_WR)

    def heard(self) -> list[dict[str, object]]:
        """Everything that the camera has told so far."""
        self.end.settimeout(0)
        try:
            return [json.loads(line) for line in self.end.recv(65536).removeprefix(JOINED).splitlines()]
        except BlockingIOError:
            return []


@pytest.fixture
def stage() -> Iterator[Stage]:
    clock = Clock()
    rests: list[float] = []
    ours, theirs = socketpair()
    camera = RecordedCamera(theirs, lambda: rests.append(clock()), clock, clock.pass_by)
    with ours:
        found = Stage(ours, camera, clock, rests)
        found.welcome()
        yield found
    camera.close()


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    directory = tmp_path / "01-walls"
    directory.mkdir()
    with Writer(directory / "frames.mp4", 64, 48, 10) as video:
        for number in range(len(TIMES)):
            video.write(np.full((48, 64), 25 * number + 10, np.uint8))
    camera = CameraSettings(kind="specimen", width=64, height=48, fps=10.0)
    save(directory, Recording(title="walls", wall=0.0, times=TIMES, camera=camera))
    return directory


def number_of(frame: Frame) -> int:
    return round((float(frame.grey.mean()) - 10) / 25)


def test_a_paced_recording_gives_each_frame_at_its_time(stage: Stage, recording: Path) -> None:
    stage.play(recording, start=102.5, paced=True)
    stage.hang_up()
    seen = [(number_of(frame), frame.captured_at, stage.clock()) for frame in stage.camera.frames()]
    assert [number for number, _, _ in seen] == list(range(8))
    assert all(when == pytest.approx(captured_at) for _, captured_at, when in seen)
    assert seen[0][1] == 102.5
    assert [slept <= BEAT_S for slept in stage.clock.slept] == [True] * len(stage.clock.slept)
    assert sum(stage.clock.slept) == pytest.approx(2.5 + 0.7)
    assert max(later - earlier for earlier, later in pairwise(stage.rests)) <= BEAT_S + 1e-9
    assert stage.heard() == [{"first": 102.5}, {"played": 8}]


def test_a_slow_consumer_gets_the_newest_frame_and_builds_no_queue(stage: Stage, recording: Path) -> None:
    stage.play(recording, paced=True)
    stage.hang_up()
    seen = []
    for frame in stage.camera.frames():
        assert stage.clock() - frame.captured_at < 0.1 + 1e-9  # never older than a frame's time
        seen.append(number_of(frame))
        stage.clock.pass_by(0.25)
    assert seen == [0, 2, 5, 7]
    assert stage.heard()[-1] == {"played": 4}


def test_a_scanner_that_starts_late_joins_in_at_the_frame_that_is_due(stage: Stage, recording: Path) -> None:
    stage.clock.now = 100.45
    stage.play(recording, paced=True)
    stage.hang_up()
    frames = list(stage.camera.frames())
    assert [number_of(frame) for frame in frames] == [4, 5, 6, 7]
    assert stage.heard() == [{"first": pytest.approx(100.4)}, {"played": 4}]


def test_an_unpaced_recording_gives_every_frame_without_waiting_on_its_own_clock(stage: Stage, recording: Path) -> None:
    stage.play(recording, start=5000.0, paced=False)
    stage.hang_up()
    numbers = []
    for frame in stage.camera.frames():
        assert stage.camera.now() == pytest.approx(frame.captured_at)
        stage.clock.pass_by(0.25)  # the time that decoding takes is real, and what the recording's clock goes on by
        assert stage.camera.now() == pytest.approx(frame.captured_at + 0.25)
        numbers.append(number_of(frame))
    assert numbers == list(range(8))
    assert stage.clock.slept == [0.25] * 8
    assert stage.heard() == [{"first": 5000.0}, {"played": 8}]


def test_played_is_told_only_when_the_consumer_has_come_back(stage: Stage, recording: Path) -> None:
    stage.play(recording, paced=False)
    stage.hang_up()
    frames = stage.camera.frames()
    for _ in TIMES:
        next(frames)
    assert stage.heard() == [{"first": 100.0}]
    assert next(frames, None) is None
    assert stage.heard() == [{"played": 8}]


def test_after_an_unpaced_recording_a_paced_one_is_on_the_machines_clock_again(stage: Stage, recording: Path) -> None:
    stage.play(recording, start=5000.0, paced=False)
    stage.play(recording, start=101.0, paced=True)
    stage.hang_up()
    for frame in stage.camera.frames():
        assert stage.camera.now() == pytest.approx(frame.captured_at)
    assert stage.camera.now() == stage.clock()


def test_what_cannot_be_read_is_told_and_the_next_recording_plays(stage: Stage, recording: Path) -> None:
    cut = load(recording)
    save(recording.parent / "02-cut", replace(cut, times=(*cut.times, 9.0)))
    (recording.parent / "02-cut" / "frames.mp4").write_bytes(cut.video_path.read_bytes())
    stage.play(recording.parent / "nowhere", paced=False)
    stage.end.sendall(b'{"play": 1}\n' + b"not json\n")
    stage.play(recording.parent / "02-cut", paced=False)
    stage.play(recording, paced=False)
    stage.hang_up()
    assert len(list(stage.camera.frames())) == 16
    nowhere, wrong, junk, _, short, _, played = stage.heard()
    assert "nowhere/recording.toml: no such file" in str(nowhere["failed"])
    assert "`str`" in str(wrong["failed"])
    assert "malformed" in str(junk["failed"])
    assert "recording 02-cut: frame 9 of 9 could not be read" in str(short["failed"])
    assert played == {"played": 8}


def test_a_stage_that_goes_ends_the_frames(recording: Path) -> None:
    clock = Clock()
    ours, theirs = socketpair()
    camera = RecordedCamera(theirs, clock=clock, sleep=clock.pass_by)
    stage = Stage(ours, camera, clock, [])
    stage.welcome()
    stage.play(recording, paced=False)
    frames = camera.frames()
    next(frames)
    ours.close()
    assert len(list(frames)) <= len(TIMES)  # and no BrokenPipeError
    camera.close()


def test_a_camera_joins_and_plays_nothing_that_was_meant_for_one_before_it(recording: Path) -> None:
    ours, theirs = socketpair()
    clock = Clock()
    camera = RecordedCamera(theirs, clock=clock, sleep=clock.pass_by)
    stage = Stage(ours, camera, clock, [])
    ours.sendall(b'f a line", "paced": false}\n')
    stage.play(recording, 1.0, paced=False)
    ours.sendall(b'{"joined": 1}\n')
    stage.play(recording, 2.0, paced=False)
    stage.welcome()
    stage.play(recording, 3.0, paced=False)
    stage.hang_up()
    with ours:
        assert [frame.captured_at for frame in camera.frames()] == [3.0 + at for at in TIMES]
        assert ours.recv(65536).splitlines()[0] == JOINED.rstrip()
    camera.close()


def test_a_camera_at_rest_says_that_it_is_well_until_it_is_hung_up_on() -> None:
    ours, theirs = socketpair()
    clock = Clock()
    rests = 0

    def rest() -> None:
        nonlocal rests
        rests += 1
        if rests == 3:
            ours.shutdown(SHUT_WR)

    with ours:
        camera = RecordedCamera(theirs, rest, clock, clock.pass_by)
        assert list(camera.frames()) == []
    assert rests == 3
    camera.close()
