"""The stage before the recorded camera: it tells the camera what to play, and the lane what time it is there."""

import json
import socket
from dataclasses import dataclass
from typing import Final

from gate.controller.devices import Clock
from gate.rehearsal.scene import Scene

_CHUNK: Final = 1 << 16
_LIVES: Final = 5
"""Scanners that one recording may cost before the rehearsal is given up."""


@dataclass(slots=True)
class StageClock:
    """Wall time is the recording's own, and goes on from where it ended; monotonic time is real, or wound by hand.

    Wound: it runs while the controller works and stands still while it waits, but for what `advance` says.
    """

    real: Clock
    wound: bool
    _wall_at: tuple[float, float] = (0.0, 0.0)
    _base: float = 1.0
    _running_since: float | None = None

    def monotonic(self) -> float:
        """Seconds; the machine's own unless wound."""
        if not self.wound:
            return self.real.monotonic()
        since = self._running_since
        return self._base + (0.0 if since is None else self.real.monotonic() - since)

    def wall(self) -> float:
        """Unix seconds where the recording was made."""
        wall, at = self._wall_at
        return wall + self.monotonic() - at

    def synchronised(self) -> bool:
        """A recording knows its time."""
        return True

    def set_wall(self, wall: float, at: float) -> None:
        """Say that it is `wall` (Unix seconds) at `at` (monotonic seconds)."""
        self._wall_at = wall, at

    def stand(self) -> None:
        """Stand still, if wound."""
        self._base = self.monotonic()
        self._running_since = None

    def go(self) -> None:
        """Go on, if wound."""
        self._base, self._running_since = self.monotonic(), self.real.monotonic()

    def advance(self, to: float) -> None:
        """Wind a standing clock forward; it never goes back."""
        self._base = max(self._base, to)


class Stage:
    """The two ends of a stream socket. To be used by one thread.

    `camera_end` is inherited by each scanner in turn: one that was lost is followed by another that joins in where the recording is by then.
    """

    def __init__(self, *, paced: bool) -> None:
        self._paced = paced
        self._own, self.camera_end = socket.socketpair()
        self._playing: dict[str, object] | None = None
        self._joined = 0
        self._rest = b""

    def fileno(self) -> int:
        """What to wait on."""
        return self._own.fileno()

    def play(self, scene: Scene, start: float) -> None:
        """Have a scene played with its time 0 at `start` (monotonic seconds)."""
        self._playing = {"play": scene.folder, "start": start, "paced": self._paced}
        self._joined = 0
        self._send(self._playing)

    def messages(self) -> list[dict[str, object]]:
        """What the camera said, once `fileno` is readable; to a scanner that joins it is told what is playing."""
        *lines, self._rest = (self._rest + self._own.recv(_CHUNK)).split(b"\n")
        return [said for line in lines for said in self._hear(json.loads(line))]

    def close(self) -> None:
        """Hang up."""
        self._own.close()
        self.camera_end.close()

    def _hear(self, message: dict[str, object]) -> list[dict[str, object]]:
        if "joined" in message:
            return self._welcome(message)
        if "played" in message or "failed" in message:
            self._playing = None
        return [message]

    def _welcome(self, message: dict[str, object]) -> list[dict[str, object]]:
        """Echo, for what was sent before was meant for a scanner that is gone, and say what is playing; but a picture may kill them all."""
        self._send(message)
        if self._playing is None:
            return []
        self._joined += 1
        if self._joined > _LIVES:
            folder, self._playing = self._playing["play"], None
            return [{"failed": f"{folder}: expected a scanner to live through it, lost {_LIVES}"}]
        self._send(self._playing)
        return []

    def _send(self, message: dict[str, object]) -> None:
        self._own.sendall(json.dumps(message).encode() + b"\n")
