"""`gate scan`: the scanner process. It has the camera and nothing else: no key, no pin, no trust is loaded here."""

import select
import signal
import socket
import sys
from argparse import Namespace
from pathlib import Path

from gate import config
from gate.cli import say
from gate.config import CameraConfig
from hardware import DeviceError, decoder, scanner
from hardware.camera import Camera, Picamera2Camera, RecordedCamera, V4L2Camera


def scan(arguments: Namespace) -> int:
    """Frames in, symbols out, until the controller has gone."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    if missing := decoder.pyzbar_missing():
        say(missing)
    camera, path = _recorded(arguments) if arguments.stage is not None else _real(arguments)
    lane = scanner.connect(path)
    gone = select.poll()
    gone.register(lane, 0)  # POLLHUP alone: nothing is ever received

    def look() -> None:
        if gone.poll(0):
            raise DeviceError("the controller has gone")

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
    if settings.kind == "v4l2":
        return V4L2Camera(settings.device, *size, settings.exposure_us, settings.gain, settings.lens_position)
    return Picamera2Camera(0, *size, settings.exposure_us, settings.gain, settings.lens_position)


def _real(arguments: Namespace) -> tuple[Camera, Path]:
    settings = config.load(arguments.config)
    return open_camera(settings.camera), arguments.socket or settings.path(settings.scanner.socket)


def _recorded(arguments: Namespace) -> tuple[Camera, Path]:
    return RecordedCamera(socket.socket(fileno=arguments.stage)), arguments.socket
