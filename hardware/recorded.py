"""A camera that plays recordings, as a stage tells it to."""

import json
import os
import select
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import dropwhile
from math import inf
from pathlib import Path
from socket import socket
from typing import Final

import msgspec

from hardware import DeviceError, video
from hardware.camera import Clock, Frame, Grey
from hardware.recording import Recording, load

BEAT_S: Final = 0.2  # how often a camera at rest says that it is well
_CHUNK: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Play:
    """What a stage asks for: the recording in a directory, with its time 0 at `start`; at its own pace if `paced`."""

    play: str
    start: float
    paced: bool


def on_time(
    recording: Recording, start: float, clock: Clock, wait: Callable[[float], None], late: Callable[[], None]
) -> Iterator[tuple[float, Grey]]:
    """Give each frame at its time, with the recording's time 0 at `start`; but none whose successor is due.

    `wait` lets the time pass until then; `late` is called for each frame that is left out.
    """
    due = [start + offset for offset in recording.times]
    for captured_at, following, grey in zip(due, (*due[1:], inf), video.read(recording), strict=True):
        if captured_at > clock():
            wait(captured_at)
        elif following <= clock():
            late()
            continue
        yield captured_at, grey


class RecordedCamera:
    """Plays what a stage tells it to, over a stream socket of JSON lines; `rests` is called often while nothing plays.

    To the stage, first of all: {"joined": process id}. From it, after the same line as the echo: {"play": directory,
    "start": seconds, "paced": bool}; what stands before the echo was meant for a process before this one. To it:
    {"first": captured_at} with the first frame; {"played": n} when the consumer has come back after the last of n
    frames, so all of its symbols have been sent; or {"failed": message}, and the camera goes on waiting. The stage
    hangs up to end.
    """

    def __init__(
        self,
        stage: socket,
        rests: Callable[[], None] = lambda: None,
        clock: Clock = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._stage = stage
        self._rests = rests
        self._clock = clock
        self._sleep = sleep
        self._lead = 0.0  # of the machine's clock over the recording's, where it is not paced

    def frames(self) -> Iterator[Frame]:
        """Give the frames of one recording after the other; ends when the stage hangs up."""
        joined = json.dumps({"joined": os.getpid()}).encode()
        self._send(joined)
        with suppress(ConnectionResetError):
            for line in dropwhile(lambda line: line != joined, self._lines()):
                if line != joined:
                    yield from self._order(line)

    def now(self) -> float:
        """Tell the time: the machine's, or the recording's own where that is not paced."""
        return self._clock() - self._lead

    def close(self) -> None:
        """Hang up."""
        self._stage.close()

    def _lines(self) -> Iterator[bytes]:
        rest = b""
        while True:
            while not select.select([self._stage], [], [], BEAT_S)[0]:
                self._rests()
            data = self._stage.recv(_CHUNK)
            if not data:
                return
            *lines, rest = (rest + data).split(b"\n")
            yield from lines

    def _order(self, line: bytes) -> Iterator[Frame]:
        try:
            yield from self._perform(msgspec.json.decode(line, type=Play))
        except (DeviceError, msgspec.DecodeError) as error:
            self._tell(failed=str(error))

    def _perform(self, play: Play) -> Iterator[Frame]:
        shown = 0
        for captured_at, grey in self._paced(play) if play.paced else self._unpaced(play):
            if not shown:
                self._tell(first=captured_at)
            shown += 1
            yield Frame(captured_at, grey)
        self._tell(played=shown)

    def _paced(self, play: Play) -> Iterator[tuple[float, Grey]]:
        """Give each frame at its time, but none whose successor is due: a slow consumer never builds a queue."""
        self._lead = 0.0
        recording = load(Path(play.play))
        yield from on_time(recording, play.start, self._clock, self._nap, self._rests)

    def _nap(self, until: float) -> None:
        while (early := until - self._clock()) > 0:
            self._sleep(min(early, BEAT_S))
            self._rests()

    def _unpaced(self, play: Play) -> Iterator[tuple[float, Grey]]:
        recording = load(Path(play.play))
        for offset, grey in zip(recording.times, video.read(recording), strict=True):
            self._lead = self._clock() - (play.start + offset)
            yield play.start + offset, grey

    def _tell(self, **message: object) -> None:
        self._send(json.dumps(message).encode())

    def _send(self, line: bytes) -> None:
        with suppress(OSError):  # a stage that has gone is noticed where its next line would be read
            self._stage.sendall(line + b"\n")
