"""The stage before the recorded camera: it tells the camera what to play, and the lane what time it is there."""

import contextlib
import json
import socket
import threading
from dataclasses import dataclass
from typing import Final

from gate.controller.devices import Clock
from gate.rehearsal.scene import Scene

_LINE: Final = 1 << 16


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
    """The two ends of a stream socket.

    `camera_end` is inherited by each scanner in turn: one that was killed is followed by another that joins in where the recording is by then.
    """

    def __init__(self, *, paced: bool) -> None:
        self._paced = paced
        self._own, self.camera_end = socket.socketpair()
        self._lock = threading.Lock()
        self._playing: bytes | None = None
        self._rest = b""

    def fileno(self) -> int:
        """What to wait on."""
        return self._own.fileno()

    def play(self, scene: Scene, start: float) -> None:
        """Have a scene played with its time 0 at `start` (monotonic seconds)."""
        order = {"play": scene.folder, "start": start, "paced": self._paced}
        with self._lock:
            self._playing = json.dumps(order).encode() + b"\n"
            self._own.sendall(self._playing)

    def resume(self) -> None:
        """Tell a new scanner what the one before it was playing; what that one had not even heard is forgotten."""
        with self._lock:
            if self._playing is not None:
                with contextlib.suppress(BlockingIOError):
                    self.camera_end.recv(_LINE, socket.MSG_DONTWAIT)
                self._own.sendall(self._playing)

    def messages(self) -> list[dict[str, object]]:
        """What the camera said, once `fileno` is readable."""
        *lines, self._rest = (self._rest + self._own.recv(_LINE)).split(b"\n")
        said = [json.loads(line) for line in lines]
        if any("played" in message or "failed" in message for message in said):
            with self._lock:
                self._playing = None
        return said

    def close(self) -> None:
        """Hang up."""
        self._own.close()
        self.camera_end.close()
