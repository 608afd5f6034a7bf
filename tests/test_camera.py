"""Cameras: recorded ones on a clock that is wound by hand; the real ones' errors, and what they share."""

import importlib.util
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from socket import SHUT_WR, socket, socketpair

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware import DeviceError
from hardware.camera import TRIES, Frame, Picamera2Camera, RecordedCamera, V4L2Camera, newest, y_plane
from hardware.recording import CameraSettings, Recording, load, save
from hardware.video import Writer

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

    def play(self, recording: object, start: float = 100.0, *, paced: bool) -> None:
        self.end.sendall(json.dumps({"play": str(recording), "start": start, "paced": paced}).encode() + b"\n")

    def hang_up(self) -> None:
        self.end.shutdown(SHUT_WR)

    def heard(self) -> list[dict[str, object]]:
        """Everything that the camera has told so far."""
        self.end.settimeout(0)
        try:
            return [json.loads(line) for line in self.end.recv(65536).splitlines()]
        except BlockingIOError:
            return []


@pytest.fixture
def stage() -> Iterator[Stage]:
    clock = Clock()
    ours, theirs = socketpair()
    camera = RecordedCamera(theirs, clock, clock.pass_by)
    with ours:
        yield Stage(ours, camera, clock)
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
    assert stage.clock.slept[0] == 2.5
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
    camera = RecordedCamera(theirs, clock, clock.pass_by)
    Stage(ours, camera, clock).play(recording, paced=False)
    frames = camera.frames()
    next(frames)
    ours.close()
    assert len(list(frames)) <= len(TIMES)  # and no BrokenPipeError
    camera.close()


def wait_for(age: float, wait: float, clock: Clock) -> float:
    """A grab that takes `wait` seconds and gives a frame that is `age` old by then."""
    clock.now += wait
    return clock.now - age


@pytest.mark.parametrize(
    ("frames", "taken"),
    [
        ([(0.01, 0.0)], 1),  # young enough
        ([(0.5, 0.0), (0.2, 0.0), (0.03, 0.0)], 3),  # two were queued
        ([(0.5, 0.0), (0.5, 0.02)], 2),  # its stamp is old, but it was waited for
        ([(0.5, 0.0)] * 20, TRIES),  # never young and never waited for: the camera is as it is
    ],
)
def test_newest_leaves_the_queue_behind(frames: list[tuple[float, float]], taken: int) -> None:
    clock, left = Clock(), list(frames)
    captured_at = newest(lambda: wait_for(*left.pop(0), clock), clock, period=1 / 30)
    assert len(frames) - len(left) == taken
    assert captured_at == pytest.approx(clock.now - frames[taken - 1][0])


@given(height=st.integers(1, 20).map(lambda half: 2 * half), width=st.integers(1, 40), padding=st.integers(0, 64))
def test_the_y_plane_is_cut_from_its_padding(height: int, width: int, padding: int) -> None:
    luminance = np.arange(height * width, dtype=np.uint8).reshape(height, width)
    buffer = np.zeros((height * 3 // 2, width + padding), np.uint8)
    buffer[:height, :width] = luminance
    assert np.array_equal(y_plane(buffer, height, width), luminance)


@pytest.mark.parametrize("device", ["/dev/video-none", "/dev/null"])
def test_a_camera_that_is_not_there_is_named_with_the_mend(device: str) -> None:
    with pytest.raises(DeviceError, match=rf"camera {device} could not be opened; plug it in"):
        V4L2Camera(device, 1280, 720, 30.0)


@pytest.mark.skipif(importlib.util.find_spec("picamera2") is not None, reason="picamera2 is installed here")
def test_a_missing_picamera2_is_named_with_the_mend() -> None:
    with pytest.raises(DeviceError, match="apt install python3-picamera2, in a venv made with --system-site-packages"):
        Picamera2Camera(0, 1280, 720, 30.0)
