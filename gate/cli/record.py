"""`gate record`: what the camera sees, to be rehearsed."""

import time
from argparse import Namespace
from collections.abc import Iterator
from contextlib import closing
from itertools import takewhile
from pathlib import Path

from rich.console import Console
from rich.progress import track

from gate import config
from gate.cli import say
from gate.cli.camera import open_camera
from gate.config import CameraConfig
from gate.errors import GateError
from hardware.camera import Frame, RealCamera
from hardware.recording import Recording, save
from hardware.video import Writer


def record(arguments: Namespace) -> int:
    """Record for some seconds into a new folder."""
    folder: Path = arguments.dir
    if folder.exists() and any(folder.iterdir()):
        raise GateError(f"{folder}: expected a new or empty folder; name another")
    settings = config.load(arguments.config).camera
    with closing(open_camera(settings)) as camera:
        folder.mkdir(parents=True, exist_ok=True)
        frames = write(camera, folder, settings, arguments.seconds, title=folder.name)
    say(f"{frames} frames in {folder}")
    return 0


def write(camera: RealCamera, folder: Path, asked: CameraConfig, seconds: float, title: str) -> int:
    """Record `seconds` of a camera's frames, and beside them how it took the last; how many there were. Raises DeviceError."""
    wall = time.time() - camera.now()
    times: list[float] = []
    with Writer(folder / "frames.mp4", asked.width, asked.height, asked.fps) as video:
        for frame in track(_for(camera, seconds), "recording", int(seconds * asked.fps), console=Console(stderr=True)):
            video.write(frame.grey)
            times.append(frame.captured_at)
        if not times:
            raise GateError(f"{folder}: expected frames, got none from the camera in {seconds} s")
    wall, times = wall + times[0], [at - times[0] for at in times]
    save(folder, Recording(title=title, wall=wall, times=tuple(times), camera=camera.settings()))
    return len(times)


def _for(camera: RealCamera, seconds: float) -> Iterator[Frame]:
    until = camera.now() + seconds
    return takewhile(lambda frame: frame.captured_at < until, camera.frames())
