"""A Raspberry Pi camera, through picamera2."""

import importlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import ModuleType
from typing import Any, Final

import numpy as np

from hardware import DeviceError
from hardware.camera import FIRST_LIMIT_S, NEXT_LIMIT_S, Frame, Grey, Newest
from hardware.recording import CameraSettings, told

# Planar YUV with the luminance first. The ISP gives any; libcamera may choose another than was asked.
_LUMINANCE_FIRST: Final = frozenset({"YUV420", "YVU420", "NV12", "NV21"})
_NO_CONTROL: Final = {
    "FrameDurationLimits": "camera.fps: this camera has a frame rate of its own; see rpicam-hello --list-cameras",
    "ExposureTime": 'camera.exposure_us: this camera does not take it; set it to "auto"',
    "AnalogueGain": 'camera.gain: this camera does not take it; set it to "auto"',
    "LensPosition": 'camera.lens_position: this lens does not move; turn its ring, and set it to "auto"',
}
_HALL_LIGHT_US: Final = 10_000  # lamps on 50 Hz mains, as in Hong Kong and Macau, flicker a hundred times a second


class Picamera2Camera:
    """A Raspberry Pi camera: the Y plane of a YUV420 stream is the grey frame, made by the ISP.

    What of `asked` is None is left to the camera, but automatic exposure then keeps highlights, which a phone in a dark
    hall is, and does not beat with the hall's lamps. `lens_position` is in dioptres (1 / metres), `gain` is the
    analogue one. A control that the camera has not is left out and told by `lacks`. Raises DeviceError.
    """

    def __init__(self, number: int, asked: CameraSettings) -> None:
        self._asked = asked
        self._metadata: Mapping[str, Any] = {}
        self._request: Any = None
        picamera2 = _apt_module("picamera2")
        try:
            self._camera = picamera2.Picamera2(number)
        except (RuntimeError, IndexError) as error:  # no camera, a busy one, a wrong number
            raise _not_started(number, error) from error
        try:
            self._lacks = self._start()
        except (RuntimeError, DeviceError) as error:
            self._camera.close()
            raise _not_started(number, error) from error
        self._newest = Newest(self._grab, self.now, 1 / asked.fps)

    def frames(self) -> Iterator[Frame]:
        """Give the newest frame for ever; DeviceError where the camera stops."""
        while True:
            captured_at = self._newest()
            grey = y_plane(self._request.make_array("main"), self._asked.height, self._asked.width)
            self._release()  # while the frame is decoded the camera has all its buffers
            yield Frame(captured_at, grey)

    def now(self) -> float:
        """Tell the machine's monotonic time."""
        return time.monotonic()

    def settings(self) -> CameraSettings:
        """Tell how it took the newest frame, from the metadata that came with that."""
        return told(self._asked, given(self._asked, self._metadata))

    def lacks(self) -> tuple[str, ...]:
        """Tell in a line each what it was asked for and cannot do, with the mend."""
        return self._lacks

    def close(self) -> None:
        """Stop the camera and let it go."""
        self._release()
        self._camera.close()

    def _start(self) -> tuple[str, ...]:
        wanted = controls(self._asked, _apt_module("libcamera").controls)
        known = self._camera.camera_controls
        size = (self._asked.width, self._asked.height)
        # queue=True keeps one finished frame, the newest: a decoder slower than the camera does not wait for another
        configuration = self._camera.create_video_configuration(
            main={"size": size, "format": "YUV420"},
            queue=True,
            controls={name: value for name, value in wanted.items() if name in known},
        )
        self._camera.configure(configuration)
        main = self._camera.camera_configuration()["main"]
        if main["format"] not in _LUMINANCE_FIRST or tuple(main["size"]) != size:
            got = f"{main['format']} of {'x'.join(map(str, main['size']))}"
            raise DeviceError(f"expected YUV420 of {size[0]}x{size[1]}, got {got}; set camera.width and camera.height")
        self._camera.start()
        return tuple(mend for name, mend in _NO_CONTROL.items() if name in wanted and name not in known)

    def _grab(self) -> float:
        self._release()
        limit = NEXT_LIMIT_S if self._metadata else FIRST_LIMIT_S
        try:
            self._request = self._camera.capture_request(wait=limit)
        except TimeoutError:
            raise DeviceError(f"camera gives no frames: none for {limit} s; is its ribbon seated?") from None
        self._metadata = self._request.get_metadata()
        # Documented as CLOCK_BOOTTIME, found to be CLOCK_MONOTONIC (picamera2 #703, libcamera bug 254). They differ by
        # the time spent suspended, which a Pi never is; were it, a frame would count as captured when handed over.
        return min(float(self._metadata["SensorTimestamp"]) / 1e9, self.now())

    def _release(self) -> None:
        """Give the buffer back: the camera has few and stops when all are held."""
        if self._request is not None:
            self._request.release()
            self._request = None


def controls(asked: CameraSettings, names: ModuleType) -> dict[str, object]:
    """Put what is asked into libcamera's controls; `names` is its module of them. Frame rate and lens are held still."""
    period_us = round(1e6 / asked.fps)
    wanted: dict[str, object] = {"FrameDurationLimits": (period_us, period_us)}
    if asked.exposure_us is None:
        wanted |= {"AeFlickerMode": names.AeFlickerModeEnum.Manual, "AeFlickerPeriod": _HALL_LIGHT_US}
    if asked.exposure_us is None or asked.gain is None:
        wanted["AeConstraintMode"] = names.AeConstraintModeEnum.Highlight
    if asked.lens_position is not None:
        wanted |= {"AfMode": names.AfModeEnum.Manual, "LensPosition": asked.lens_position}
    fixed = {"ExposureTime": asked.exposure_us, "AnalogueGain": asked.gain}
    return wanted | {name: value for name, value in fixed.items() if value is not None}


def given(asked: CameraSettings, metadata: Mapping[str, Any]) -> CameraSettings:
    """Tell how a frame was taken, from its metadata: what is not in it is not known."""
    duration = metadata.get("FrameDuration")
    exposure = metadata.get("ExposureTime")
    return replace(
        asked,
        fps=round(1e6 / duration, 3) if duration else asked.fps,
        exposure_us=None if exposure is None else round(exposure),
        gain=metadata.get("AnalogueGain"),
        lens_position=metadata.get("LensPosition"),
    )


def y_plane(yuv420: Grey, height: int, width: int) -> Grey:
    """Cut the luminance from a planar YUV420 buffer: its first `height` rows, less the padding that rounds a row up."""
    return np.ascontiguousarray(yuv420[:height, :width])


def _not_started(number: int, error: Exception) -> DeviceError:
    return DeviceError(f"camera {number} could not be started: {error}; see rpicam-hello --list-cameras")


def _apt_module(name: str) -> ModuleType:
    """Import what only apt has: PyPI's picamera2 comes without libcamera."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        mend = "apt install python3-picamera2, in a venv made with --system-site-packages"
        raise DeviceError(f"{name} could not be imported ({error}): {mend}") from error
