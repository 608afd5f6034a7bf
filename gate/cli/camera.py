"""The configured camera, opened."""

from typing import Literal, TypeVar

from gate.cli import say
from gate.config import CameraConfig
from hardware.camera import RealCamera
from hardware.picamera import Picamera2Camera
from hardware.recording import CameraSettings
from hardware.v4l2 import V4L2Camera

T = TypeVar("T", int, float)


def open_camera(settings: CameraConfig) -> RealCamera:
    """The configured camera; says what it lacks of that. Raises DeviceError."""
    asked = CameraSettings(
        kind=settings.kind,
        width=settings.width,
        height=settings.height,
        fps=float(settings.fps),
        exposure_us=chosen(settings.exposure_us),
        gain=chosen(settings.gain),
        lens_position=chosen(settings.focus),
    )
    camera: RealCamera = V4L2Camera(settings.device, asked) if settings.kind == "v4l2" else Picamera2Camera(0, asked)
    for lack in camera.lacks():
        say(lack)
    return camera


def chosen(setting: T | Literal["auto"]) -> T | None:
    """A setting as hardware takes it: None leaves it to the camera."""
    return None if setting == "auto" else setting
