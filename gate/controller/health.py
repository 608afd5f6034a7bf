"""How the lane is, in words: to systemd (sd_notify(3); without NOTIFY_SOCKET nothing is sent), and what an operator hears of ages."""

import contextlib
import socket
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from gate.credential import ages
from gate.credential.ages import TRUST_LIST, Age, AgeOf

UNTOLD: Final = "the clock cannot be trusted, so nobody can say how old the trust list and the status lists are"

_MEND: Final = "run `gate trust update`, or `gate trust import` from a stick"


class Health:
    """The lane's voice to systemd. WATCHDOG=1 is sent by the loop after a completed step, by nobody else."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._address = environ.get("NOTIFY_SOCKET", "")
        # systemd kills at WatchdogSec; half of it is what sd_watchdog_enabled(3) asks for.
        usec = environ.get("WATCHDOG_USEC", "")
        self._interval = int(usec) / 2e6 if usec.isdecimal() else 0.0
        self._last = float("-inf")
        self._status = ""
        # Not blocking: a lane goes on where the one who listens is stopped.
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)

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


def told(before: Sequence[AgeOf], after: Sequence[AgeOf]) -> tuple[str, ...]:
    """What an operator should hear now that the ages were `before` and are `after` (both from `ages.ages`; the first time from none)."""
    unknown = _unknown(after) and not _unknown(before)
    return ((UNTOLD,) if unknown else ()) + tuple(sentence(one) for one in ages.changed(before, after))


def sentence(one: AgeOf) -> str:
    """What an age means, for an operator."""
    return _SAYS[one.age](one)


def line(state: str, found: Sequence[AgeOf]) -> str:
    """The one line of status: the lane's state, and the worst age where it is not fresh."""
    if not found:  # a lane that could not begin has not looked
        return state
    one = ages.worst(found)
    if one.age is Age.FRESH:
        return state
    if one.age is Age.UNKNOWN:
        return f"{state}; ages unknown, the clock cannot be trusted"
    return f"{state}; {one.what} {one.age.value}, {'died' if one.age is Age.DEAD else 'dies'} {utc(one.dies)}"


def utc(seconds: float) -> str:
    """Unix seconds as a date and a time, to the minute."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"


def _unknown(found: Sequence[AgeOf]) -> bool:
    return any(one.age is Age.UNKNOWN for one in found)


def _who(one: AgeOf) -> str:
    return "everybody" if one.what == TRUST_LIST else "everybody whose credential it covers"


_SAYS: Final[Mapping[Age, Callable[[AgeOf], str]]] = {
    Age.FRESH: lambda one: f"{one.what} is fresh",
    Age.GRACE: lambda one: (
        f"{one.what} is in its grace time: all works, but a newer one should have come; "
        f"stale from {utc(one.next_change)}, {_who(one)} is refused from {utc(one.dies)}; {_MEND}"
    ),
    Age.STALE: lambda one: f"{one.what} is stale: {_who(one)} is refused from {utc(one.dies)}; {_MEND}",
    Age.DEAD: lambda one: f"{one.what} is dead: {_who(one)} is refused since {utc(one.dies)}; {_MEND}",
    Age.UNKNOWN: lambda _: UNTOLD,
}
