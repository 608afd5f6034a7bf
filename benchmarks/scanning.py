"""A scanner as `gate scan` has it, keeper and worker, before a camera that needs no hardware: it shows what is in a file of frames.

`python scanning.py SOCKET FRAMES COMERS PACED`: after the empty hall COMERS travellers are in the file of frames. Shown is an hour: the hall,
and every two minutes the next traveller; as fast as it is looked at, on the camera's own clock, or in real time where PACED is 1.
Every 50 seconds of it a line {"frames", "resident", "peak"} (bytes of the worker) goes to stdout.
"""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

import gate.cli.scan  # noqa: F401 - all that the real process has imported takes memory here as well
from hardware import keeper, scanner
from hardware.camera import Frame
from hardware.chain import Chain
from hardware.scanner import Progress

FPS: Final = 30
HOUR: Final = 3600 * FPS
SHAPE: Final = (720, 1280)
HALLS: Final = 8  # frames of the hall in the file, each with noise of its own
STAYS: Final = 20  # frames of a traveller in the file
COMES: Final = 120 * FPS  # frames from one traveller to the next
TOLD: Final = 50 * FPS

_SIZE: Final = SHAPE[0] * SHAPE[1]


class Camera:
    """Shows the hour. Each frame has memory of its own, as those of a camera have."""

    def __init__(self, file: Path, comers: int, *, paced: bool) -> None:
        self._file = file.open("rb")
        self._comers = comers
        self._paced = paced
        self._began = time.monotonic()
        self._number = 0

    def frames(self) -> Iterator[Frame]:
        """All of them."""
        for self._number in range(HOUR):
            if self._paced:
                time.sleep(max(0.0, self._due() - time.monotonic()))
            if self._number % TOLD == 0:
                _tell(self._number)
            yield Frame(self._due(), self._picture(which(self._number, self._comers)))
        _tell(HOUR)

    def now(self) -> float:
        """The time: the machine's, or that of the newest frame."""
        return time.monotonic() if self._paced else self._due()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _due(self) -> float:
        return self._began + self._number / FPS

    def _picture(self, index: int) -> NDArray[np.uint8]:
        self._file.seek(index * _SIZE)
        return np.fromfile(self._file, np.uint8, _SIZE).reshape(SHAPE)


def which(number: int, comers: int) -> int:
    """Which frame of the file is shown as the hour's frame of that number."""
    comer, since = divmod(number, COMES)
    if comers and comer and since < STAYS:
        return HALLS + STAYS * (comer % comers) + since
    return number % HALLS


def _tell(frames: int) -> None:
    rows = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    resident, peak = (int(rows[name].split()[0]) * 1024 for name in ("VmRSS", "VmHWM"))
    sys.stdout.write(json.dumps({"frames": frames, "resident": resident, "peak": peak}) + "\n")
    sys.stdout.flush()


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def main(path: Path, file: Path, comers: int, *, paced: bool) -> int:
    """Be the keeper, and its workers."""
    cv2.setNumThreads(1)

    def work(progress: Progress) -> None:
        with closing(Camera(file, comers, paced=paced)) as camera, closing(scanner.Controller(path)) as lane:
            scanner.scan(camera, Chain().look, lane, progress)

    return keeper.keep(work, _say, lambda _: None)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), paced=sys.argv[4] == "1"))
