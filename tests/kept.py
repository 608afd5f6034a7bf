"""A scanner as a process: the real keeper, loop and decoder before a camera that shows one code, with a fault to be had.

`python kept.py SOCKET FAULT FOLDER`: once FOLDER/armed exists the fault happens, in the one worker that takes it away.
`standing.py` plays its controller.
"""

import ctypes
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import numpy as np
import zxingcpp
from numpy.typing import NDArray

from gate.controller.health import Health
from hardware import DeviceError, decoder, keeper, scanner
from hardware.camera import Frame
from hardware.chain import Look
from hardware.scanner import Progress

PERIOD_S: Final = 1 / 30
TEXT: Final = b"EC1:STANDING"


def picture() -> NDArray[np.uint8]:
    code = zxingcpp.create_barcode(TEXT.decode(), zxingcpp.BarcodeFormat.QRCode)
    return np.asarray(code.to_image(scale=4, add_quiet_zones=True), np.uint8)


def loops() -> None:
    while True:
        pass


def leaks() -> None:
    kept: list[bytes] = []
    while True:
        kept.append(b"x" * (24 << 20))
        time.sleep(0.01)


def leaks_at_once() -> None:
    kept: list[bytes] = []
    while True:
        kept.append(b"x" * (256 << 20))


def raises() -> None:
    raise ValueError("what no\nengine\tshould raise")


def hangs() -> None:
    time.sleep(3600)


def stalls() -> None:
    time.sleep(1.6)


def tears() -> None:
    raise DeviceError("camera none: expected frames of 1280x720, got 640x480")


def vanishes() -> None:
    raise DeviceError("camera none gives no frames; is it still plugged in?")


IN_DECODER: Final[dict[str, Callable[[], object]]] = {
    "loops": loops,
    "aborts": os.abort,
    "segfaults": lambda: ctypes.string_at(0),
    "leaks": leaks,
    "leaks at once": leaks_at_once,
    "raises": raises,
}
IN_CAMERA: Final[dict[str, Callable[[], object]]] = {
    "hangs": hangs,
    "stalls": stalls,
    "tears": tears,
    "vanishes": vanishes,
}


class Armed:
    """What may happen, once."""

    def __init__(self, folder: Path, faults: dict[str, Callable[[], object]], fault: str) -> None:
        self._file = folder / "armed"
        self._happen = faults.get(fault)

    def __call__(self) -> None:
        if self._happen is not None and self._file.exists():
            self._file.unlink()
            self._happen()


class Camera:
    """Shows one code thirty times a second; is away where FOLDER/unplugged is."""

    def __init__(self, folder: Path, fault: str) -> None:
        if (folder / "unplugged").exists():
            raise DeviceError("camera none could not be opened; plug it in")
        if (folder / "silent").exists():
            hangs()
        self._fault = Armed(folder, IN_CAMERA, fault)
        self._picture = picture()

    def frames(self) -> Iterator[Frame]:
        while True:
            time.sleep(PERIOD_S)
            self._fault()
            yield Frame(self.now(), self._picture)

    def now(self) -> float:
        return time.monotonic()

    def close(self) -> None:
        """Nothing is held."""


class Eye:
    """The first engine, which a picture may get the better of."""

    def __init__(self, folder: Path, fault: str) -> None:
        self._fault = Armed(folder, IN_DECODER, fault)

    def __call__(self, grey: NDArray[np.uint8], _: float) -> Look:
        self._fault()
        return Look(decoder.FIRST.read(grey))


def main(path: Path, fault: str, folder: Path) -> int:
    health = Health(os.environ)
    health.ready("the camera starts")

    def work(progress: Progress) -> None:
        with closing(Camera(folder, fault)) as camera, closing(scanner.Controller(path)) as lane:
            scanner.scan(camera, Eye(folder, fault), lane, progress)

    parent = os.getppid()

    def alive(now: float) -> None:
        if os.getppid() != parent:
            sys.exit(0)  # the tests were killed
        health.alive(now)

    return keeper.keep(work, health.status, alive)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])))
