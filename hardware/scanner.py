"""The scanner process: frames in, symbols out. No frame leaves it, and it may be killed at any time."""

import socket
import struct
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from hardware import DeviceError
from hardware.camera import Camera
from hardware.decoder import Symbol

STAMPS: Final = struct.Struct("<dd")  # captured_at, decoded_at, in seconds of the camera's clock
LONGEST: Final = 4096  # bytes: any QR symbol holds less
REPEAT_S: Final = 0.5

Reader = Callable[[NDArray[np.uint8]], Sequence[Symbol]]


def scan(
    camera: Camera,
    reader: Reader,
    send: Callable[[bytes], None],
    repeat_s: float = REPEAT_S,
    beat: Callable[[], None] | None = None,
) -> None:
    """Read each frame and send its new symbols, until the camera ends; `beat` is called after every frame.

    A symbol that stays in view is sent again every `repeat_s` seconds, so that a lane that was busy hears it again.
    Raises DeviceError where the camera fails or the controller has gone.
    """
    cv2.setNumThreads(1)  # a thread a core would only take memory, and the second core from the controller
    sent: dict[bytes, float] = {}
    for frame in camera.frames():
        symbols = reader(frame.grey)
        decoded_at = max(camera.now(), frame.captured_at)
        sent = {data: at for data, at in sent.items() if 0 <= frame.captured_at - at < repeat_s}
        for symbol in ours_first(symbols):
            if symbol.data not in sent and len(symbol.data) <= LONGEST:
                _deliver(send, pack(symbol.data, frame.captured_at, decoded_at))
                sent[symbol.data] = frame.captured_at
        if beat:
            beat()


def ours_first(symbols: Iterable[Symbol]) -> list[Symbol]:
    """Order a frame's symbols: what begins like a border code before anything else in view, then as the engine did."""
    return sorted(symbols, key=lambda symbol: not symbol.data.startswith(b"EC"))


def pack(data: bytes, captured_at: float, decoded_at: float) -> bytes:
    """Make one message: both times as little-endian doubles, then the symbol's bytes as they are."""
    return STAMPS.pack(captured_at, decoded_at) + data


def connect(path: Path) -> socket.socket:
    """Connect to the controller's listening socket; DeviceError where there is none."""
    lane = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        lane.connect(str(path))
    except OSError as error:
        lane.close()
        raise DeviceError(
            f"{path}: the controller does not listen: {(error.strerror or str(error)).lower()}"
        ) from error
    return lane


def _deliver(send: Callable[[bytes], None], message: bytes) -> None:
    try:
        send(message)
    except OSError as error:
        raise DeviceError(f"the controller has gone: {(error.strerror or str(error)).lower()}") from error
