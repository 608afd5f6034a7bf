"""`gate scan`: the scanner process. It has the camera and nothing else: no key, no pin, no trust is loaded here.

It is two: a keeper that opens nothing, and the worker that it forks, watches and replaces (hardware/keeper.py).
"""

import importlib
import os
import signal
import socket
import sys
from argparse import Namespace
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import cv2

from gate import config
from gate.cli import say
from gate.cli.camera import open_camera
from gate.controller.health import Health
from hardware import decoder, keeper, scanner
from hardware.camera import Camera
from hardware.chain import Chain
from hardware.recorded import RecordedCamera
from hardware.scanner import Progress

Open = Callable[[Progress], Camera]


def scan(arguments: Namespace) -> int:
    """Frames in, symbols out, until this process is ended or the stage hangs up."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    camera, path = _recorded(arguments) if arguments.stage is not None else _real(arguments)
    if missing := decoder.pyzbar_missing():
        say(missing)
    cv2.setNumThreads(1)  # the keeper must be of one thread to fork
    health = Health(os.environ)
    health.ready("the camera starts")
    kept = _kept_by_us()
    parent = os.getppid()

    def told(text: str) -> None:
        health.status(text)
        if not kept:  # who keeps it says it itself
            say(text)

    def alive(now: float) -> None:
        if kept and os.getppid() != parent:
            sys.exit(0)  # nobody is left to end us
        health.alive(now)

    return keeper.keep(lambda progress: _work(camera, path, progress), told, alive)


def _work(open_one: Open, path: Path, progress: Progress) -> None:
    """Be the worker: everything is opened here, and the kernel closes it however this ends. Raises DeviceError."""
    with closing(open_one(progress)) as camera, closing(scanner.Controller(path)) as controller:
        scanner.scan(camera, Chain().look, controller, progress)


def _kept_by_us() -> bool:
    """Whether a controller started this process and hears what it says; systemd shows a status, but keeps only what is on stderr."""
    return "NOTIFY_SOCKET" in os.environ and os.environ.get("SYSTEMD_EXEC_PID") != str(os.getpid())


def _real(arguments: Namespace) -> tuple[Open, Path]:
    settings = config.load(arguments.config)
    if settings.camera.kind == "picamera2":
        with suppress(ImportError):  # told by the worker; here it is only so that no worker has to wait for it
            importlib.import_module("picamera2")
    path = arguments.socket or settings.path(settings.scanner.socket)
    return lambda _: open_camera(settings.camera), path


def _recorded(arguments: Namespace) -> tuple[Open, Path]:
    stage = socket.socket(fileno=arguments.stage)
    return lambda progress: RecordedCamera(stage, progress.done), arguments.socket
