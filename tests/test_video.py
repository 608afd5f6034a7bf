"""Videos that are really written, cut and garbled: frames come back, or one line that says which did not."""

import resource
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from hardware import DeviceError
from hardware.recording import CameraSettings, Recording
from hardware.video import Writer, read

WIDTH, HEIGHT, FRAMES = 64, 48, 9


def frame(number: int) -> np.ndarray:
    """A wall whose brightness tells its number: it survives compression."""
    return np.full((HEIGHT, WIDTH), 20 * number + 10, np.uint8)


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    with Writer(tmp_path / "frames.mp4", WIDTH, HEIGHT, 30.0) as video:
        for number in range(FRAMES):
            video.write(frame(number))
    return Recording(
        title="walls",
        wall=0.0,
        times=tuple(number / 30 for number in range(FRAMES)),
        camera=CameraSettings(kind="specimen", width=WIDTH, height=HEIGHT, fps=30.0),
        directory=tmp_path,
    )


def test_the_frames_that_were_written_are_read_in_order(recording: Recording) -> None:
    pictures = list(read(recording))
    assert len(pictures) == FRAMES
    for number, picture in enumerate(pictures):
        assert picture.shape == (HEIGHT, WIDTH)
        assert picture.dtype == np.uint8
        assert abs(float(picture.mean()) - (20 * number + 10)) < 3


def test_each_frame_has_memory_of_its_own(recording: Recording) -> None:
    assert not any(np.shares_memory(one, other) for one, other in pairwise(read(recording)))


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def garble(data: bytes) -> bytes:
    return data[:100] + bytes(len(data) - 100)


@pytest.mark.parametrize("damage", [cut, garble, lambda _: b"", lambda _: b"not a video" * 100])
def test_a_file_that_is_no_whole_video_is_named(recording: Recording, damage: Callable[[bytes], bytes]) -> None:
    recording.video_path.write_bytes(damage(recording.video_path.read_bytes()))
    with pytest.raises(DeviceError, match=r"frame 1 of 9 could not be read: .*record it again"):
        list(read(recording))


def test_fewer_frames_than_times_name_the_first_that_is_missing(recording: Recording) -> None:
    longer = replace(recording, times=(*recording.times, 1.0, 2.0))
    frames = read(longer)
    for _ in range(FRAMES):
        next(frames)
    with pytest.raises(DeviceError, match=r"frame 10 of 11 could not be read: the video is cut short"):
        next(frames)


def test_more_frames_than_times_are_an_error(recording: Recording) -> None:
    shorter = replace(recording, times=recording.times[:-1])
    with pytest.raises(DeviceError, match=r"more frames than its 8 times"):
        list(read(shorter))


def test_frames_of_another_size_are_an_error(recording: Recording) -> None:
    other = replace(recording, camera=replace(recording.camera, width=1280, height=720))
    with pytest.raises(DeviceError, match=r"frame 1 of 9 is 64x48, expected 1280x720"):
        next(read(other))


@pytest.mark.parametrize("make", [Path.unlink, lambda path: (path.unlink(), path.mkdir())])
def test_a_missing_video_is_named_with_its_path(recording: Recording, make: Callable[[Path], None]) -> None:
    make(recording.video_path)
    with pytest.raises(DeviceError, match=r"expected a video at .*frames\.mp4"):
        next(read(recording))


def test_broken_files_print_nothing(recording: Recording, capfd: pytest.CaptureFixture[str]) -> None:
    recording.video_path.write_bytes(cut(recording.video_path.read_bytes()))
    with pytest.raises(DeviceError):
        list(read(recording))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("wrong", [np.zeros((HEIGHT, WIDTH + 2), np.uint8), np.zeros((HEIGHT, WIDTH), np.float32)])
def test_a_frame_that_does_not_fit_is_refused(tmp_path: Path, wrong: np.ndarray) -> None:
    with Writer(tmp_path / "frames.mp4", WIDTH, HEIGHT, 30.0) as video:
        video.write(frame(0))
        with pytest.raises(DeviceError, match=r"expected a \(48, 64\) uint8 frame"):
            video.write(wrong)


def test_a_folder_that_is_not_there_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="is its folder there"):
        Writer(tmp_path / "nowhere" / "frames.mp4", WIDTH, HEIGHT, 30.0)


def test_frames_that_the_disk_did_not_keep_are_noticed(tmp_path: Path) -> None:
    video = Writer(tmp_path / "frames.mp4", WIDTH, HEIGHT, 30.0)
    noise = np.random.default_rng(1)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, before[1]))  # a disk that is full after 2 kB
    try:
        for _ in range(FRAMES):
            video.write(noise.integers(0, 256, (HEIGHT, WIDTH), np.uint8))
        with pytest.raises(DeviceError, match="of 9 frames were kept; is the disk full"):
            video.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
