"""The scanner process: frames in, symbols out. No frame leaves it, and it may be killed at any time."""

import select
import socket
import struct
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from hardware import DeviceError
from hardware.camera import Camera
from hardware.chain import Look
from hardware.decoder import Symbol

STAMPS: Final = struct.Struct("<dd")  # captured_at, decoded_at, in seconds of the camera's clock
LONGEST: Final = 4096  # bytes: any QR symbol holds less
_FULL_S: Final = 0.3  # a controller that takes nothing for so long is busy
GONE_S: Final = 1.0  # a symbol that was not read for so long has left, and is a new one when it comes back

Looker = Callable[[NDArray[np.uint8], float], Look]


class Lane(Protocol):
    """The controller, as the scanner knows it."""

    def send(self, message: bytes) -> bool:
        """Hand over one message; false where the lane has no room for it now. Raises DeviceError where the controller has gone."""

    def wanted(self) -> bytes | None:
        """Give a text that the lane could not attend to when it was sent, or None. Raises DeviceError where the controller has gone."""


class Progress(Protocol):
    """Who is told how far the loop is: between the two a decoder works, otherwise the camera is waited for."""

    def taken(self) -> None:
        """A frame has come and goes to the reader."""

    def done(self) -> None:
        """It was read, and its symbols are sent."""


def scan(camera: Camera, look: Looker, lane: Lane, progress: Progress | None = None) -> None:
    """Look at each frame and send its new symbols, until the camera ends; `progress` is told of every frame.

    A symbol that stays in view is sent once, and once more when the lane asks for it: it was busy, and is free now.
    Raises DeviceError where the camera fails or the controller has gone.
    """
    cv2.setNumThreads(1)  # a thread a core would only take memory, and the second core from the controller
    shown = Shown()
    for frame in camera.frames():
        if progress:
            progress.taken()
        symbols = look(frame.grey, frame.captured_at).symbols
        decoded_at = max(camera.now(), frame.captured_at)
        while (text := lane.wanted()) is not None:
            shown.forget(text)
        has_room = True
        for symbol in shown.new(symbols, frame.captured_at):
            has_room = has_room and lane.send(pack(symbol.data, frame.captured_at, decoded_at))
            if not has_room:
                shown.forget(symbol.data)  # the next frame tries again
        if progress:
            progress.done()


class Shown:
    """Which symbols are in view and were sent. Times are seconds of the camera's clock."""

    def __init__(self) -> None:
        self._seen: dict[bytes, float] = {}

    def new(self, symbols: Iterable[Symbol], at: float) -> list[Symbol]:
        """Give those of a frame captured at `at` that are to be sent, in their order, and remember all of them."""
        ours = [symbol for symbol in ours_first(symbols) if len(symbol.data) <= LONGEST]
        self._seen = {data: seen for data, seen in self._seen.items() if 0 <= at - seen < GONE_S}
        new = [symbol for symbol in ours if symbol.data not in self._seen]
        self._seen |= {symbol.data: at for symbol in ours}
        return new

    def forget(self, data: bytes) -> None:
        """Take a symbol for new if it is still in view."""
        self._seen.pop(data, None)


def ours_first(symbols: Iterable[Symbol]) -> list[Symbol]:
    """Order a frame's symbols: what begins like a border code before anything else in view, then as the engine did."""
    return sorted(symbols, key=lambda symbol: not symbol.is_ours)


def pack(data: bytes, captured_at: float, decoded_at: float) -> bytes:
    """Make one message: both times as little-endian doubles, then the symbol's bytes as they are."""
    return STAMPS.pack(captured_at, decoded_at) + data


class Controller:
    """The controller's socket: symbols one way; the other way the texts that it wants again."""

    def __init__(self, path: Path) -> None:
        """Connect; DeviceError where nobody listens."""
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.settimeout(_FULL_S)
        try:
            self._socket.connect(str(path))
        except OSError as error:
            self._socket.close()
            raise DeviceError(f"{path}: the controller does not listen: {_why(error)}") from error

    def send(self, message: bytes) -> bool:
        """Hand over one message; false where the controller has taken none for a while."""
        try:
            self._socket.send(message)
        except TimeoutError:
            return False
        except OSError as error:
            raise DeviceError(f"the controller has gone: {_why(error)}") from error
        return True

    def wanted(self) -> bytes | None:
        """Give the next text that is wanted again, or None."""
        if not select.select([self._socket], [], [], 0)[0]:
            return None
        try:
            text = self._socket.recv(LONGEST)
        except OSError as error:
            raise DeviceError(f"the controller has gone: {_why(error)}") from error
        if not text:
            raise DeviceError("the controller has gone")
        return text

    def close(self) -> None:
        """Hang up."""
        self._socket.close()


def _why(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
