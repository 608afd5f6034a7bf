"""A recording's video: read and written with the FFmpeg inside OpenCV's own wheel, so that no system codec is needed.

MPEG-4 part 2 in .mp4: measured here at 3 ms a 1280x720 frame to read; VP9 is far slower to write and FFV1 far larger.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from hardware import DeviceError
from hardware.recording import Recording

Grey = NDArray[np.uint8]

# What FFmpeg and OpenCV print about a broken file, DeviceError says in one line. FFmpeg's level is read at first use.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


def read(recording: Recording) -> Iterator[Grey]:
    """Give the recording's frames, one at a time: (height, width) uint8, as many as it has times.

    Raises DeviceError at the frame that is missing, of another size, or more than there are times for.
    """
    if not recording.video_path.is_file():
        raise DeviceError(f"recording {recording.name}: expected a video at {recording.video_path}; record it again")
    # one thread: FFmpeg would start one a core, each with frames of its own
    video = cv2.VideoCapture(str(recording.video_path), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
    try:
        for number in range(1, len(recording.times) + 1):
            yield _frame(video, recording, number)
        if video.grab():
            expected = len(recording.times)
            raise DeviceError(f"recording {recording.name}: more frames than its {expected} times; record it again")
    finally:
        video.release()


def _frame(video: cv2.VideoCapture, recording: Recording, number: int) -> Grey:
    where = f"recording {recording.name}: frame {number} of {len(recording.times)}"
    good, picture = video.read()
    if not good:
        why = "the video is cut short" if video.isOpened() else "the file is not a video, or is cut short"
        raise DeviceError(f"{where} could not be read: {why}; record it again")
    height, width = picture.shape[:2]
    if (width, height) != (recording.camera.width, recording.camera.height):
        expected = f"{recording.camera.width}x{recording.camera.height}"
        raise DeviceError(f"{where} is {width}x{height}, expected {expected}; record it again")
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)


class Writer:
    """Writes grey frames of one size into an .mp4; a context manager. `fps` is nominal: true times stand beside it."""

    def __init__(self, path: Path, width: int, height: int, fps: float) -> None:
        self._path = path
        self._shape = (height, width)
        self._frames = 0
        fourcc = cv2.VideoWriter.fourcc(*"mp4v")
        self._video = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, fourcc, fps, (width, height), isColor=False)
        if not self._video.isOpened():
            raise DeviceError(
                f"{path}: could not be opened for {width}x{height} video; is its folder there and writable?"
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        else:
            self._video.release()

    def write(self, grey: Grey) -> None:
        """Add one frame, (height, width) uint8; DeviceError for any other, which OpenCV would silently leave out."""
        if grey.shape != self._shape or grey.dtype != np.uint8:
            raise DeviceError(f"{self._path}: expected a {self._shape} uint8 frame, got {grey.shape} {grey.dtype}")
        self._video.write(grey)
        self._frames += 1

    def close(self) -> None:
        """Finish the file and count its frames: OpenCV reports no error while writing, not even of a full disk."""
        self._video.release()
        video = cv2.VideoCapture(str(self._path), cv2.CAP_FFMPEG)
        kept = int(video.get(cv2.CAP_PROP_FRAME_COUNT))
        video.release()
        if kept != self._frames:
            raise DeviceError(f"{self._path}: {kept} of {self._frames} frames were kept; is the disk full?")
