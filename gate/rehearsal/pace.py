"""Two ways to wind the time of a rehearsal around the same conductor.

Real: as at a gate. Fast: one thread does everything in the order of the recordings' own time and waits for nothing but the decoders.
"""

import contextlib
import select
import socket
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Final, Protocol

from gate.controller.devices import soonest
from gate.controller.inbox import Inbox, Message, Shown, Stop
from gate.controller.loop import Report
from gate.controller.symbols import SymbolSocket, listen, unpack
from gate.errors import GateError
from gate.rehearsal.conductor import Conductor
from gate.rehearsal.stage import Stage, StageClock

_LOOK_S: Final = 0.2


class World(Protocol):
    """The simulated lane's agenda; `changed` is called when something becomes due earlier."""

    changed: Callable[[], None]

    def next_due(self) -> float | None:
        """When something happens next, or None."""

    def run(self, now: float) -> None:
        """Let everything happen that is due."""


@dataclass(frozen=True, slots=True)
class Theatre:
    """What stands around the controller in a rehearsal."""

    conductor: Conductor
    stage: Stage
    symbols: SymbolSocket
    world: World
    clock: StageClock

    def next_due(self) -> float | None:
        """When the people or the conductor do something next, or None."""
        return soonest(self.world.next_due(), self.conductor.next_due())

    def run(self, now: float) -> None:
        """Let them."""
        self.world.run(now)
        self.conductor.run(now)

    def listen(self) -> None:
        """Hear the camera, once the stage is readable."""
        for message in self.stage.messages():
            self.conductor.camera_said(message)


class Paced:
    """Real time: the controller waits on its own inbox as at a gate; the theatre has a thread, the scanner's socket another."""

    def __init__(self, theatre: Theatre, inbox: Inbox) -> None:
        self._theatre = theatre
        self._inbox = inbox
        self._reports: SimpleQueue[Report] = SimpleQueue()
        self._woken, self._wake = socket.socketpair()
        self._wake.settimeout(0)
        self._ending = False
        self._error: BaseException | None = None
        theatre.world.changed = self._nudge
        self._threads = [
            threading.Thread(target=self._follow, name="theatre", daemon=True),
            listen(theatre.symbols, inbox),
        ]

    def get(self, until: float | None) -> Message | None:
        """The next message, or None at `until` (monotonic seconds)."""
        return self._inbox.get(until)

    def start(self) -> None:
        """Bring the first traveller."""
        self._threads[0].start()

    def hear(self, report: Report) -> None:
        """Pass on what the controller says, to the theatre's own thread."""
        self._reports.put(report)
        self._nudge()

    def close(self) -> None:
        """End the theatre. Raises what ended it before."""
        self._ending = True
        self._nudge()
        self._theatre.symbols.close()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()
        self._woken.close()
        self._wake.close()
        if self._error is not None:
            raise self._error

    def _nudge(self) -> None:
        with contextlib.suppress(OSError):  # full: it is awake already; closed: it has ended
            self._wake.send(b"!")

    def _follow(self) -> None:
        try:
            self._perform()
        except BaseException as error:  # noqa: BLE001 - raised again by `close`; a thread's own end would leave the lane waiting
            self._error = error
            self._inbox.put(Stop("the rehearsal cannot go on"))

    def _perform(self) -> None:
        theatre = self._theatre
        theatre.conductor.begin()
        while not self._ending:
            due = theatre.next_due()
            wait = None if due is None else max(0.0, due - theatre.clock.monotonic())
            ready = _ready((theatre.stage, self._woken), wait)
            if theatre.stage in ready:
                theatre.listen()
            if self._woken in ready:
                self._woken.recv(1 << 12)
            self._pass_reports()
            theatre.run(theatre.clock.monotonic())

    def _pass_reports(self) -> None:
        with contextlib.suppress(Empty):
            while True:
                self._theatre.conductor.lane_said(self._reports.get_nowait())


class Fast:
    """One thread that winds the clock: whatever is due first happens first, and no time is spent waiting for it.

    While a recording plays, nobody knows what the camera will see next, so time stands still until a symbol comes or the recording ends.
    """

    def __init__(self, theatre: Theatre, inbox: Inbox) -> None:
        self._theatre = theatre
        self._inbox = inbox
        self._seen: deque[tuple[float, bytes]] = deque()

    def get(self, until: float | None) -> Message | None:
        """The next message, or None at `until` (seconds of the wound clock)."""
        clock = self._theatre.clock
        clock.stand()
        message = self._next(until)
        clock.go()
        return message

    def start(self) -> None:
        """Bring the first traveller."""
        self._theatre.conductor.begin()

    def hear(self, report: Report) -> None:
        """Pass on what the controller says."""
        self._theatre.conductor.lane_said(report)

    def close(self) -> None:
        """Nothing runs on by itself here."""

    def _next(self, until: float | None) -> Message | None:
        while (message := self._inbox.take()) is None:
            if self._theatre.conductor.playing and not self._seen:
                self._watch()
            elif self._turn(until):
                return None
        return message

    def _turn(self, until: float | None) -> bool:
        """Let the earliest thing happen; true if that is `until`."""
        seen = self._seen[0][0] if self._seen else None
        due = soonest(until, seen, self._theatre.next_due())
        if due is None:
            self._watch()
            return False
        self._theatre.clock.advance(due)
        self._theatre.run(due)
        if until is not None and until <= due:
            return True
        if seen is not None and seen <= due:
            self._inbox.put(Shown(self._seen.popleft()[1]))
        return False

    def _watch(self) -> None:
        """Wait for the camera or the scanner; what was seen before the camera spoke is taken first."""
        symbols, stage = self._theatre.symbols, self._theatre.stage
        ready = _ready((stage, symbols), _LOOK_S)
        while _ready((symbols,), 0):
            self._see(symbols.receive())
        if stage in ready:
            self._theatre.listen()

    def _see(self, datagram: bytes | None) -> None:
        if datagram is None:
            return
        try:
            self._seen.append((unpack(datagram).decoded_at, datagram))
        except GateError:
            self._inbox.put(Shown(datagram))  # the controller says what is wrong with it


class _HasFileno(Protocol):
    def fileno(self) -> int: ...


def _ready(sources: Sequence[_HasFileno], wait: float | None) -> list[_HasFileno]:
    return select.select(sources, [], [], wait)[0]
