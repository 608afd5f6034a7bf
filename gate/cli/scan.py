"""`gate scan`: the scanner process. It has the camera and nothing else: no key, no pin, no trust is loaded here."""

import os
import select
import signal
import socket
import sys
from argparse import Namespace
from pathlib import Path
from typing import Literal, TypeVar

from gate import config
from gate.cli import say
from gate.config import CameraConfig
from gate.controller.health import Health
from hardware import DeviceError, decoder, scanner
from hardware.camera import Camera, Picamera2Camera, RecordedCamera, V4L2Camera

T = TypeVar("T", int, float)


def scan(arguments: Namespace) -> int:
    """Frames in, symbols out, until the controller has gone."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    if missing := decoder.pyzbar_missing():
        say(missing)
    camera, path = _recorded(arguments) if arguments.stage is not None else _real(arguments)
    lane = scanner.connect(path)
    health = Health(os.environ)
    health.ready("reading")
    gone = select.poll()
    gone.register(lane, 0)  # POLLHUP alone: nothing is ever received

    def look() -> None:
        if gone.poll(0):
            raise DeviceError("the controller has gone")
        health.alive(camera.now())  # a frame was received: systemd ends a scanner that hangs

    def send(message: bytes) -> None:
        lane.send(message)

    try:
        scanner.scan(camera, decoder.Chain().glance, send, beat=look)
    finally:
        camera.close()
        lane.close()
    return 0


def open_camera(settings: CameraConfig) -> Camera:
    """The configured camera. Raises DeviceError."""
    size = settings.width, settings.height, settings.fps
    settled = chosen(settings.exposure_us), chosen(settings.gain), chosen(settings.lens_position)
    if settings.kind == "v4l2":
        return V4L2Camera(settings.device, *size, *settled)
    return Picamera2Camera(0, *size, *settled)


def chosen(setting: T | Literal["auto"]) -> T | None:
    """A setting as hardware takes it: None leaves it to the camera."""
    return None if setting == "auto" else setting


def _real(arguments: Namespace) -> tuple[Camera, Path]:
    settings = config.load(arguments.config)
    return open_camera(settings.camera), arguments.socket or settings.path(settings.scanner.socket)


def _recorded(arguments: Namespace) -> tuple[Camera, Path]:
    return RecordedCamera(socket.socket(fileno=arguments.stage)), arguments.socket
