"""The loop's one inbox: everything that happens outside the thread that owns the lane becomes a message here."""

from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Final, Protocol

from gate.controller.devices import Clock
from gate.credential.verifier import Verifier

_MOST_WAITING: Final = 64


@dataclass(frozen=True, slots=True)
class Shown:
    """A datagram from the scanner, as it came."""

    datagram: bytes


@dataclass(frozen=True, slots=True)
class Moved:
    """A sensor moved; its level is read by the loop."""


@dataclass(frozen=True, slots=True)
class ScannerChanged:
    """The scanner started, or was lost and why."""

    text: str


@dataclass(frozen=True, slots=True)
class ScannerJoined:
    """A scanner has connected: the first one, or another in its place."""


@dataclass(frozen=True, slots=True)
class Failed:
    """Something that the lane needs has failed."""

    what: str


@dataclass(frozen=True, slots=True)
class TrustLoaded:
    """New trust is on the disk, and a verifier made of it."""

    verifier: Verifier


@dataclass(frozen=True, slots=True)
class TrustRefused:
    """New trust is on the disk and cannot be used, and why; what is held stays."""

    text: str


@dataclass(frozen=True, slots=True)
class Stop:
    """End the loop with the barrier secured; the second one does not wait for anybody."""

    why: str


Message = Shown | Moved | ScannerChanged | ScannerJoined | Failed | TrustLoaded | TrustRefused | Stop


class Waiting(Protocol):
    """Where the loop waits."""

    def get(self, until: float | None) -> Message | None:
        """The next message, or None at `until` (monotonic seconds; None waits for ever)."""


class Inbox:
    """A SimpleQueue, whose `put` may be called from a signal handler, a pin's callback or any thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._queue: SimpleQueue[Message] = SimpleQueue()

    def put(self, message: Message) -> None:
        """Leave a message. Symbols beyond what a loop could ever be behind are dropped: no scanner may fill the memory."""
        if isinstance(message, Shown | ScannerJoined) and self._queue.qsize() >= _MOST_WAITING:
            return
        self._queue.put(message)

    def get(self, until: float | None) -> Message | None:
        """The next message, or None at `until` (monotonic seconds; None waits for ever)."""
        wait = None if until is None else max(0.0, until - self._clock.monotonic())
        try:
            return self._queue.get(timeout=wait)
        except Empty:
            return None

    def take(self) -> Message | None:
        """The next message if there is one."""
        try:
            return self._queue.get_nowait()
        except Empty:
            return None
