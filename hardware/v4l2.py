"""A Video4Linux camera, such as a USB one, through OpenCV."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

import cv2
import numpy as np

from hardware import DeviceError
from hardware.camera import FIRST_LIMIT_S, NEXT_LIMIT_S, Clock, Frame, Grey, Newest
from hardware.recording import CameraSettings, told

_OLDEST_S: Final = 2.0  # an older frame's time is of another clock
_JPEG_START: Final = b"\xff\xd8"
_JPEG_END: Final = b"\xff\xd9"


class Driver(Protocol):
    """What of cv2.VideoCapture is used."""

    def set(self, what: int, value: float, /) -> bool:
        """Set a property; False where it cannot be."""

    def get(self, what: int, /) -> float:
        """Give a property; below 0 where there is none."""

    def grab(self) -> bool:
        """Wait for the oldest frame in the queue, and take it; decodes nothing."""

    def retrieve(self) -> tuple[bool, Any]:
        """Give the frame that was grabbed, as the camera sent it."""

    def release(self) -> None:
        """Close the device."""


@dataclass(frozen=True, slots=True)
class _Control:
    """A setting: its property, in `unit`s of ours, and what switches its automatic off."""

    name: str
    value: int
    unit: float = 1.0
    manual: tuple[tuple[int, float], ...] = ()

    def read(self, driver: Driver) -> float | None:
        """Tell what the driver has; None where it has no such control."""
        value = driver.get(self.value)
        return value * self.unit if value >= 0 else None


_CONTROLS: Final = (
    # 1 is V4L2_EXPOSURE_MANUAL; exposure counts in 100 us (V4L2_CID_EXPOSURE_ABSOLUTE)
    _Control("exposure_us", cv2.CAP_PROP_EXPOSURE, 100.0, ((cv2.CAP_PROP_AUTO_EXPOSURE, 1.0),)),
    _Control("gain", cv2.CAP_PROP_GAIN),
    _Control("lens_position", cv2.CAP_PROP_FOCUS, manual=((cv2.CAP_PROP_AUTOFOCUS, 0.0),)),
)


class V4L2Camera:
    """A Video4Linux camera. What of `asked` is None stays as the driver has it; `lens_position` is in its own steps.

    Takes frames as the device sends them and makes only the luminance of them: of a 720p JPEG in a third of the time
    that OpenCV's own way over colour takes. A frame that came torn is dropped. OpenCV's four buffers stay: with one the
    camera would stand still meanwhile. Raises DeviceError.
    """

    def __init__(
        self, device: str, asked: CameraSettings, driver: Driver | None = None, clock: Clock = time.monotonic
    ) -> None:
        self._device = device
        self._asked = asked
        self._clock = clock
        self._driver = _opened(device) if driver is None else driver
        self._ask()
        self._lacks = tuple(mend for mend in map(self._settle, _CONTROLS) if mend)
        self._format = _fourcc(self._driver.get(cv2.CAP_PROP_FOURCC))
        if self._format not in LUMINANCE:
            self.close()
            known = ", ".join(LUMINANCE)
            mend = "see v4l2-ctl --list-formats-ext, and set camera.width and camera.height to one that it has so"
            raise DeviceError(f"camera {device}: expected frames as {known}, got {self._format!r}; {mend}")
        self._newest = Newest(self._grab, self.now, 1 / asked.fps)

    def frames(self) -> Iterator[Frame]:
        """Give the newest frame for ever; DeviceError where the camera stops, sends another size, or only torn ones."""
        limit, since = FIRST_LIMIT_S, self.now()
        while self.now() - since < limit:
            captured_at = self._newest()
            grey = self._retrieve()
            if grey is not None:
                yield Frame(captured_at, grey)
                limit, since = NEXT_LIMIT_S, self.now()
        raise DeviceError(f"camera {self._device}: frames came torn for {limit} s; try another cable or port")

    def now(self) -> float:
        """Tell the machine's monotonic time, which V4L2 stamps frames with."""
        return self._clock()

    def settings(self) -> CameraSettings:
        """Tell how frames are taken, as the driver says."""
        exposure, gain, lens_position = (control.read(self._driver) for control in _CONTROLS)
        fps = self._driver.get(cv2.CAP_PROP_FPS)
        given = replace(
            self._asked,
            fps=fps if fps > 0 else self._asked.fps,
            exposure_us=None if exposure is None else round(exposure),
            gain=gain,
            lens_position=lens_position,
        )
        return told(self._asked, given)

    def lacks(self) -> tuple[str, ...]:
        """Tell in a line each what it was asked for and cannot do, with the mend."""
        return self._lacks

    def close(self) -> None:
        """Let the device go."""
        self._driver.release()

    def _ask(self) -> None:
        """Ask for the format; the frames show whether it is given. MJPEG, as raw 720p is too much for USB 2."""
        size = ((cv2.CAP_PROP_FRAME_WIDTH, self._asked.width), (cv2.CAP_PROP_FRAME_HEIGHT, self._asked.height))
        self._driver.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
        for what, value in (*size, (cv2.CAP_PROP_FPS, self._asked.fps), (cv2.CAP_PROP_CONVERT_RGB, 0)):
            self._driver.set(what, value)

    def _settle(self, control: "_Control") -> str | None:
        """Set what was asked, its automatic off before; the mend where the camera does not take it."""
        value = getattr(self._asked, control.name)
        if value is None:
            return None
        for what, number in control.manual:
            self._driver.set(what, number)  # what has no automatic cannot switch it off
        if self._driver.set(control.value, value / control.unit):
            return None
        return f'camera.{control.name}: this camera does not take it; set it to "auto", or see v4l2-ctl --list-ctrls'

    def _grab(self) -> float | None:
        if not self._driver.grab():
            raise DeviceError(f"camera {self._device} gives no frames; is it still plugged in?")
        stamp = self._driver.get(cv2.CAP_PROP_POS_MSEC) / 1000
        # some drivers stamp with another clock or not at all
        return stamp if 0 <= self.now() - stamp < _OLDEST_S else None

    def _retrieve(self) -> Grey | None:
        """Give the luminance of the frame that was grabbed; None where it came torn."""
        good, raw = self._driver.retrieve()
        if not good:
            return None
        shape = (self._asked.height, self._asked.width)
        grey = LUMINANCE[self._format](np.asarray(raw, np.uint8).reshape(-1), *shape)
        if grey is not None and grey.shape != shape:
            came = "x".join(map(str, grey.shape[::-1]))
            expected = f"{self._asked.width}x{self._asked.height}"
            raise DeviceError(
                f"camera {self._device}: expected frames of {expected}, got {came}; set camera.width and camera.height"
            )
        return grey


def _opened(device: str) -> Driver:
    camera = cv2.VideoCapture(device, cv2.CAP_V4L2)
    if not camera.isOpened():
        mend = "plug it in (v4l2-ctl --list-devices), and put this user into group video"
        raise DeviceError(f"camera {device} could not be opened; {mend}")
    return camera


def _fourcc(code: float) -> str:
    return int(code).to_bytes(4, "little").decode("latin-1") if 0 < code < 1 << 32 else ""


def jpeg(data: Grey, height: int, width: int) -> Grey | None:
    """Decode the luminance of a JPEG of any size; None where it is torn. The size asked for plays no part."""
    del height, width
    sent = data.tobytes()
    if not sent.startswith(_JPEG_START) or _JPEG_END not in sent[len(_JPEG_START) :]:
        return None
    try:
        picture = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)
    except cv2.error:  # a header that claims a picture without end
        return None
    return None if picture is None else np.asarray(picture, np.uint8)


def planar(data: Grey, height: int, width: int) -> Grey | None:
    """Cut the luminance from a format that has it first, all of it; None where some is missing."""
    return data[: height * width].reshape(height, width) if data.size >= height * width else None


def yuyv(data: Grey, height: int, width: int) -> Grey | None:
    """Take the luminance from pairs of luminance and colour; None where some is missing."""
    size = 2 * height * width
    return np.ascontiguousarray(data[:size:2]).reshape(height, width) if data.size >= size else None


LUMINANCE: Final[Mapping[str, Callable[[Grey, int, int], Grey | None]]] = {
    "MJPG": jpeg,
    "JPEG": jpeg,
    "YUYV": yuyv,
    "GREY": planar,
    "NV12": planar,
    "YU12": planar,
}
