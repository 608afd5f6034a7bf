"""Readiness and the watchdog, told to systemd (sd_notify(3)). Without NOTIFY_SOCKET nothing is sent."""

import contextlib
import socket
from collections.abc import Mapping


class Health:
    """The lane's voice to systemd. WATCHDOG=1 is sent by the loop after a completed step, by nobody else."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._address = environ.get("NOTIFY_SOCKET", "")
        # systemd kills at WatchdogSec; half of it is what sd_watchdog_enabled(3) asks for.
        usec = environ.get("WATCHDOG_USEC", "")
        self._interval = int(usec) / 2e6 if usec.isdecimal() else 0.0
        self._last = float("-inf")
        self._status = ""
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)

    def ready(self, status: str) -> None:
        """Say that the lane is ready, with its one line of status."""
        self._status = status
        self._send(f"READY=1\nSTATUS={status}")

    def status(self, status: str) -> None:
        """Say the one line that `systemctl status` shows, when it has changed."""
        if status != self._status:
            self._status = status
            self._send(f"STATUS={status}")

    def alive(self, now: float) -> None:
        """Say that a step of the loop was completed, at most once per half watchdog interval."""
        if self._interval and now - self._last >= self._interval:
            self._last = now
            self._send("WATCHDOG=1")

    def next_due(self) -> float | None:
        """When an idle loop must come back to say so (monotonic seconds), or None."""
        return self._last + self._interval if self._interval else None

    def close(self) -> None:
        """Say that the lane is stopping."""
        self._send("STOPPING=1")
        self._socket.close()

    def _send(self, message: str) -> None:
        if self._address:
            address = self._address.replace("@", "\0", 1) if self._address.startswith("@") else self._address
            with contextlib.suppress(OSError):  # a lost notice is what the watchdog is for
                self._socket.sendto(message.encode(), address)
