"""Cameras: grey frames with the time at which each was captured, always the newest, never a queue.

A frame is (height, width) uint8. Times are seconds of CLOCK_MONOTONIC, which all processes of a machine share; but for
a recording that is not paced they are the recording's own, and so is what `now` tells.
"""

import importlib
import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from math import inf
from pathlib import Path
from socket import socket
from types import ModuleType
from typing import Any, Final, Protocol

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from hardware import DeviceError, video
from hardware.recording import load

Grey = NDArray[np.uint8]
Clock = Callable[[], float]

TRIES: Final = 8  # more than any driver queues
WAITED_S: Final = 0.003  # a frame that was queued comes sooner
CAPTURE_LIMIT_S: Final = 2.0  # a camera silent for so long is taken as hung (picamera2 #794, #1004)


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One frame: when it was captured, on its camera's clock, and its picture, (height, width) uint8."""

    captured_at: float
    grey: Grey


class Camera(Protocol):
    """Where frames come from."""

    def frames(self) -> Iterator[Frame]:
        """Give the newest frame whenever asked; ends where the camera does, raises DeviceError where it fails."""

    def now(self) -> float:
        """Tell the time on the clock that `captured_at` was read from."""

    def close(self) -> None:
        """Let the camera go."""


@dataclass(frozen=True, slots=True)
class Play:
    """What a stage asks for: the recording in a directory, with its time 0 at `start`; at its own pace if `paced`."""

    play: str
    start: float
    paced: bool


class RecordedCamera:
    """Plays what a stage tells it to, over a stream socket of JSON lines.

    From the stage: {"play": directory, "start": seconds, "paced": bool}. To it: {"first": captured_at} with the first
    frame; {"played": n} when the consumer has come back after the last of n frames, so all of its symbols have been
    sent; or {"failed": message}, and the camera goes on waiting. The stage hangs up to end.
    """

    def __init__(
        self, stage: socket, clock: Clock = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._stage = stage
        self._clock = clock
        self._sleep = sleep
        self._lead = 0.0  # of the machine's clock over the recording's, where it is not paced

    def frames(self) -> Iterator[Frame]:
        """Give the frames of one recording after the other; ends when the stage hangs up."""
        with self._stage.makefile("rb") as lines, suppress(ConnectionResetError):
            for line in lines:
                try:
                    yield from self._perform(msgspec.json.decode(line, type=Play))
                except (DeviceError, msgspec.DecodeError) as error:
                    self._tell(failed=str(error))

    def now(self) -> float:
        """Tell the time: the machine's, or the recording's own where that is not paced."""
        return self._clock() - self._lead

    def close(self) -> None:
        """Hang up."""
        self._stage.close()

    def _perform(self, play: Play) -> Iterator[Frame]:
        shown = 0
        for captured_at, grey in self._paced(play) if play.paced else self._unpaced(play):
            if not shown:
                self._tell(first=captured_at)
            shown += 1
            yield Frame(captured_at, grey)
        self._tell(played=shown)

    def _paced(self, play: Play) -> Iterator[tuple[float, Grey]]:
        """Give each frame at its time, but none whose successor is due: a slow consumer never builds a queue."""
        self._lead = 0.0
        recording = load(Path(play.play))
        due = [play.start + offset for offset in recording.times]
        for captured_at, following, grey in zip(due, (*due[1:], inf), video.read(recording), strict=True):
            early = captured_at - self._clock()
            if early > 0:
                self._sleep(early)
            elif following <= self._clock():
                continue
            yield captured_at, grey

    def _unpaced(self, play: Play) -> Iterator[tuple[float, Grey]]:
        recording = load(Path(play.play))
        for offset, grey in zip(recording.times, video.read(recording), strict=True):
            self._lead = self._clock() - (play.start + offset)
            yield play.start + offset, grey

    def _tell(self, **message: object) -> None:
        with suppress(OSError):  # a stage that has gone is noticed where its next line would be read
            self._stage.sendall(json.dumps(message).encode() + b"\n")


class V4L2Camera:
    """A Video4Linux camera through OpenCV, such as a USB one. Settings that are None stay as the driver has them."""

    def __init__(
        self,
        device: str,
        width: int,
        height: int,
        fps: float,
        exposure_us: int | None = None,
        gain: float | None = None,
        focus: float | None = None,
    ) -> None:
        self._device = device
        self._size = (height, width)
        self._period = 1 / fps
        self._camera = cv2.VideoCapture(device, cv2.CAP_V4L2)
        if not self._camera.isOpened():
            mend = "plug it in (v4l2-ctl --list-devices), and put this user into group video"
            raise DeviceError(f"camera {device} could not be opened; {mend}")
        self._ask(width, height, fps)
        self._settle("exposure_us", exposure_us and exposure_us / 100, _EXPOSURE)  # V4L2 counts in 100 us
        self._settle("gain", gain, ((cv2.CAP_PROP_GAIN, None),))
        self._settle("focus", focus, _FOCUS)

    def frames(self) -> Iterator[Frame]:
        """Give the newest frame for ever; DeviceError where the camera stops or sends another size."""
        while True:
            captured_at = newest(self._grab, self.now, self._period)
            good, picture = self._camera.retrieve()
            if not good or picture.shape[:2] != self._size:
                came = "x".join(map(str, picture.shape[1::-1])) if good else "none"
                height, width = self._size
                raise DeviceError(f"camera {self._device}: expected frames of {width}x{height}, got {came}")
            grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY) if picture.ndim > len(self._size) else picture
            yield Frame(captured_at, np.asarray(grey, np.uint8))

    def now(self) -> float:
        """Tell the machine's monotonic time, which V4L2 stamps frames with."""
        return time.monotonic()

    def close(self) -> None:
        """Let the device go."""
        self._camera.release()

    def _ask(self, width: int, height: int, fps: float) -> None:
        """Ask for the format; the first frame shows whether it is given. MJPEG, as raw 720p is too much for USB 2."""
        self._camera.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
        wanted = ((cv2.CAP_PROP_FRAME_WIDTH, width), (cv2.CAP_PROP_FRAME_HEIGHT, height), (cv2.CAP_PROP_FPS, fps))
        for what, value in (*wanted, (cv2.CAP_PROP_BUFFERSIZE, 1)):
            self._camera.set(what, value)

    def _settle(self, name: str, value: float | None, properties: tuple[tuple[int, float | None], ...]) -> None:
        """Set what was configured: in `properties` None stands for the value, a number switches an automatic off."""
        if value is None:
            return
        for what, fixed in properties:
            if not self._camera.set(what, value if fixed is None else fixed):
                raise DeviceError(
                    f"camera {self._device} does not take {name}; leave it out, or see v4l2-ctl --list-ctrls"
                )

    def _grab(self) -> float:
        asked = self.now()
        if not self._camera.grab():
            raise DeviceError(f"camera {self._device} gives no frames; is it still plugged in?")
        stamp = float(self._camera.get(cv2.CAP_PROP_POS_MSEC)) / 1000
        # some drivers stamp with another clock or not at all: then the frame is as old as the call that fetched it
        return stamp if asked - CAPTURE_LIMIT_S < stamp <= self.now() else asked


class Picamera2Camera:
    """A Raspberry Pi camera through picamera2: the Y plane of a YUV420 stream is the grey frame, made by the ISP.

    Set focus and exposure: a bright screen in a dark hall defeats both automatics, which None leaves on.
    `lens_position` is in dioptres (1 / metres), `gain` is the analogue one.
    """

    def __init__(
        self,
        number: int,
        width: int,
        height: int,
        fps: float,
        exposure_us: int | None = None,
        gain: float | None = None,
        lens_position: float | None = None,
    ) -> None:
        self._size = (height, width)
        self._period = 1 / fps
        self._request: Any = None
        picamera2 = _apt_module("picamera2")
        try:
            self._camera = picamera2.Picamera2(number)
            controls = self._controls(fps, exposure_us, gain, lens_position)
            stream = {"size": (width, height), "format": "YUV420"}
            # queue=False is no guarantee of the newest frame (picamera2 #849): newest() looks at its age
            self._camera.configure(self._camera.create_video_configuration(main=stream, queue=False, controls=controls))
            self._camera.start()
        except (
            RuntimeError,
            IndexError,
        ) as error:  # what picamera2 raises for no camera, a busy one, and a wrong number
            raise DeviceError(
                f"camera {number} could not be started: {error}; see rpicam-hello --list-cameras"
            ) from error

    def frames(self) -> Iterator[Frame]:
        """Give the newest frame for ever; DeviceError where the camera stops."""
        while True:
            # stamped when its exposure began, then read out and processed: a fresh one may be two periods old
            captured_at = newest(self._grab, self.now, 2 * self._period)
            yield Frame(captured_at, y_plane(self._request.make_array("main"), *self._size))

    def now(self) -> float:
        """Tell the machine's monotonic time."""
        return time.monotonic()

    def close(self) -> None:
        """Stop the camera and let it go."""
        self._release()
        self._camera.close()

    def _controls(
        self, fps: float, exposure_us: int | None, gain: float | None, lens_position: float | None
    ) -> dict[str, object]:
        period_us = round(1e6 / fps)
        wanted = {"FrameDurationLimits": (period_us, period_us), "ExposureTime": exposure_us, "AnalogueGain": gain}
        if lens_position is not None:
            if "AfMode" not in self._camera.camera_controls:
                raise DeviceError(
                    "camera.lens_position: this camera has no lens that moves; leave it out and turn its ring"
                )
            manual = _apt_module("libcamera").controls.AfModeEnum.Manual
            wanted |= {"AfMode": manual, "LensPosition": lens_position}
        return {name: value for name, value in wanted.items() if value is not None}

    def _grab(self) -> float:
        self._release()
        try:
            self._request = self._camera.capture_request(wait=CAPTURE_LIMIT_S)
        except TimeoutError:
            raise DeviceError(f"camera gives no frames: none for {CAPTURE_LIMIT_S} s; is its ribbon seated?") from None
        # Documented as CLOCK_BOOTTIME, found to be CLOCK_MONOTONIC (picamera2 #703, libcamera bug 254). They differ by
        # the time spent suspended, which a Pi never is; were it, a frame would count as captured when handed over.
        stamp = float(self._request.get_metadata()["SensorTimestamp"]) / 1e9
        return min(stamp, self.now())

    def _release(self) -> None:
        """Give the buffer back: the camera has few and stops when all are held."""
        if self._request is not None:
            self._request.release()
            self._request = None


_EXPOSURE: Final = ((cv2.CAP_PROP_AUTO_EXPOSURE, 1.0), (cv2.CAP_PROP_EXPOSURE, None))  # 1 is V4L2_EXPOSURE_MANUAL
_FOCUS: Final = ((cv2.CAP_PROP_AUTOFOCUS, 0.0), (cv2.CAP_PROP_FOCUS, None))


def newest(grab: Callable[[], float], now: Clock, period: float) -> float:
    """Grab until a frame did not wait in the driver's queue, and give when it was captured.

    It did not if it is at most `period` seconds old, or if we had to wait for it: some stamps are older than the frame.
    """
    for tried in count(1):
        asked = now()
        captured_at = grab()
        got = now()
        if got - captured_at <= period or got - asked >= WAITED_S or tried == TRIES:
            break
    return captured_at


def y_plane(yuv420: Grey, height: int, width: int) -> Grey:
    """Cut the luminance from a planar YUV420 buffer: its first `height` rows, less the padding that rounds a row up."""
    return yuv420[:height, :width]


def _apt_module(name: str) -> ModuleType:
    """Import what only apt has: PyPI's picamera2 comes without libcamera."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        mend = "apt install python3-picamera2, in a venv made with --system-site-packages"
        raise DeviceError(f"{name} could not be imported ({error}): {mend}") from error
