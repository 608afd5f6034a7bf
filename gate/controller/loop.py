"""The controller: one thread that owns the lane, and the loop that turns messages and time into steps of it.

`Controller` is the whole path of a symbol in reading order: received, verified, decided, commanded. It reads no clock but the one it is
given and waits for nothing; `run` does the waiting.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from gate.controller.devices import Clock, Devices, soonest
from gate.controller.health import Health
from gate.controller.inbox import (
    Failed,
    Message,
    Moved,
    ScannerChanged,
    ScannerJoined,
    Shown,
    Stop,
    TrustLoaded,
    TrustRefused,
    Waiting,
)
from gate.controller.receipt import Receipt
from gate.controller.record import Record
from gate.controller.symbols import Symbol, unpack
from gate.credential.verifier import Verifier
from gate.errors import GateError, JournalError
from gate.lane.audit import Kind, Value
from gate.lane.inputs import Event, fold
from gate.lane.machine import Command, Lane, State, Step, Timers, deadline, start, step
from gate.lane.policy import Decision, Desk

_MOST_MISSED: Final = 8
_SAME_SHOWING_S: Final = 1.5
"""The same text again within this is the same showing: a scanner that was replaced sends what is in view once more."""


@dataclass(frozen=True, slots=True)
class Decided:
    """A symbol was decided on and its commands carried out; `state` is what they led to."""

    decision: Decision
    receipt: Receipt
    state: State


AT_REST: Final = frozenset({State.STANDBY, State.EVACUATION, State.OUT_OF_SERVICE})
"""Where nobody is under way: a passage or a referral is over."""


@dataclass(frozen=True, slots=True)
class Settled:
    """The lane came to rest: standby, evacuation or out of service."""

    state: State


@dataclass(frozen=True, slots=True)
class Told:
    """Something that an operator should hear."""

    text: str


@dataclass(frozen=True, slots=True)
class Free:
    """The lane is free, and was not when this text came: the scanner may send it again if it is still in view."""

    missed: str


Report = Decided | Settled | Told | Free


class SecureFailedError(GateError):
    """The barrier could not be secured: the process ends, and the unit's ExecStopPost secures (law 5)."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What a controller is made of. The record's passages are those of the desk's replay memory."""

    verifier: Verifier
    desk: Desk
    timers: Timers
    devices: Devices
    record: Record
    clock: Clock
    report: Callable[[Report], None]


class Controller:
    """One lane. Every method is called by the thread that owns it."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._devices = parts.devices
        self._clock = parts.clock
        self._record = parts.record
        self._verifier = parts.verifier
        self._inputs = parts.devices.inputs()
        self._lane = Lane(State.OUT_OF_SERVICE, parts.clock.monotonic(), occupied=not self._inputs.clear)
        self._last_text = ""
        self._missed: list[str] = []
        self._last_seen = float("-inf")
        self._receipt: Receipt | None = None
        self._faults: set[str] = set()
        self._stop_by: float | None = None
        self.stopped = False

    @property
    def state(self) -> State:
        """Where the lane is."""
        return self._lane.state

    @property
    def status(self) -> str:
        """The lane's line of status."""
        return self._record.status(self._lane.state.value)

    @property
    def at_peace(self) -> bool:
        """Whether the barrier is where it may be left: shut, or free because of fire."""
        return self._inputs.closed or self._lane.state is State.EVACUATION

    def start(self) -> None:
        """Secure the barrier if nobody is in the way, and begin. Raises SecureFailedError, as `handle` does."""
        failure = self._failure(self._record.begin)
        self._take(start(self._inputs, self._clock.monotonic()))
        if failure is not None:
            self._fault(str(failure))
        self._attempt(self._record.finish)

    def handle(self, message: Message | None) -> None:
        """One step: what is due first, then the message."""
        self._attempt(self._record.look)
        self._run_due()
        match message:
            case Shown(datagram):
                self._shown(datagram)
            case ScannerJoined():
                self._last_seen = self._clock.monotonic()  # what it sends first may have been in view all the time
            case ScannerChanged(text):
                self._parts.report(Told(text))
                self._keep(Kind.SCANNER, {"what": text})
            case Failed(what):
                self._fault(what)
            case TrustLoaded(verifier):
                self._take_trust(verifier)
            case TrustRefused(text):
                self._refuse_trust(text)
            case Stop(why):
                self._stop(why)
            case Moved() | None:
                pass
        self._finish_stopping()
        self._attempt(self._record.finish)

    def next_due(self) -> float | None:
        """When `handle(None)` wants to be called though nothing happens (monotonic seconds), or None."""
        stop_by = self._stop_by if self._lane.state in _ENDS else None
        ends = deadline(self._lane, self._parts.timers)
        return soonest(ends, self._devices.next_due(), self._record.next_due(), stop_by)

    # Trust: another verifier between two symbols. Whoever is under way goes on with what was decided.

    def _take_trust(self, verifier: Verifier) -> None:
        """The watch has made it ready and has seen that trust only moves forward: here it must take no time."""
        self._verifier = verifier
        self._attempt(self._record.take, verifier.trust)
        self._attempt(self._record.look)

    def _refuse_trust(self, why: str) -> None:
        self._parts.report(Told(f"new trust was refused: {why}"))
        self._keep(Kind.TRUST, {"what": why, "trust": self._verifier.trust.serial})

    # A symbol: the path of a clearance, in reading order.

    def _shown(self, datagram: bytes) -> None:
        received = self._clock.monotonic()
        try:
            symbol = unpack(datagram)
        except GateError as error:
            self._parts.report(Told(str(error)))
            return
        if self._is_same_showing(symbol, received):
            return
        if not self._is_open():
            self._miss(symbol.text)
            return
        self._last_text, self._last_seen = symbol.text, received
        receipt = Receipt()
        receipt.mark("captured", symbol.captured_at)
        receipt.mark("decoded", symbol.decoded_at)
        receipt.mark("received", received)
        self._perform((Command.SHOW_SEEN, Command.SOUND_SEEN), received)  # law 8: before the decision
        if self._is_open():
            self._decide(symbol, receipt)

    def _miss(self, text: str) -> None:
        """Remember a text that came while the lane was busy: the newest, border codes before anything else in view."""
        newest = (text, *(other for other in self._missed if other != text))
        self._missed = sorted(newest, key=lambda one: not one.startswith("EC"))[:_MOST_MISSED]

    def _is_same_showing(self, symbol: Symbol, now: float) -> bool:
        """Whether this text was decided on and has stayed in view since; what came while the lane was busy was not."""
        same = symbol.text == self._last_text and now - self._last_seen < _SAME_SHOWING_S
        if same:
            self._last_seen = now
        return same

    def _is_open(self) -> bool:
        return self._lane.state is State.STANDBY and self._stop_by is None

    def _decide(self, symbol: Symbol, receipt: Receipt) -> None:
        wall = self._record.time.now.wall  # the reading that was judged, at the beginning of this step
        verdict = self._verifier.verify(symbol.text, self._record.time.moment(wall))
        receipt.mark("verified", self._clock.monotonic())
        decision = self._parts.desk.decide(verdict, wall)
        receipt.mark("decided", self._clock.monotonic())
        try:
            self._record.decide(decision, wall, self._on_record(decision, receipt))
        except JournalError as error:
            self._fault(str(error))  # what is not on record does not happen
            return
        self._receipt = receipt
        self._event(Event.CLEARED if decision.cleared else Event.REFUSED)
        receipt.mark("commanded", self._clock.monotonic())
        self._parts.report(Decided(decision, receipt, self._lane.state))

    def _on_record(self, decision: Decision, receipt: Receipt) -> Mapping[str, Value]:
        return {
            "reason": decision.reason.value,
            "trust": self._verifier.trust.serial,
            "ms": receipt.ms()["decided"],
        }

    # Events, time and commands.

    def _run_due(self) -> None:
        for due in (self._sense, self._run_devices):  # a sensor that fails must not keep a pulse from its end (law 6)
            try:
                due()
            except OSError as error:
                self._fault(str(error))
        ends = deadline(self._lane, self._parts.timers)
        if ends is not None and self._clock.monotonic() >= ends:
            self._event(Event.TIMEOUT)

    def _run_devices(self) -> None:
        self._devices.run(self._clock.monotonic())

    def _sense(self) -> None:
        for change in self._devices.sensors.poll(self._clock.monotonic()):
            self._inputs, event = fold(self._inputs, change.sensor, change.active)
            self._mark(change.sensor, event, change.at, active=change.active)
            if event is Event.RESET:
                self._keep(Kind.RESET, {"state": self._lane.state.value})
            if event is not None:
                self._event(event)

    def _mark(self, sensor: str, event: Event | None, at: float, *, active: bool) -> None:
        if self._receipt is None:
            return
        if sensor == "closed" and not active:
            self._receipt.mark("moved", at)
        elif event is Event.ENTERED:
            self._receipt.mark("entered", at)
        elif event is Event.LEFT:
            self._receipt.mark("left", at)

    def _event(self, event: Event) -> None:
        self._take(step(self._lane, event, self._inputs, self._clock.monotonic()))

    def _take(self, taken: Step) -> None:
        before, self._lane = self._lane, taken.lane
        self._perform(taken.commands, self._clock.monotonic())
        if (
            self._lane.state is not before.state and self._lane.state is taken.lane.state
        ):  # else a fault took it further
            self._changed()

    def _perform(self, commands: tuple[Command, ...], now: float) -> None:
        """Every command is tried, whatever happened to the one before it; a failure becomes FAULT afterwards (law 5)."""
        failures: list[tuple[Command, OSError | JournalError]] = []
        for command in commands:
            if command is Command.COMMIT and Command.RELEASE in dict(failures):
                command = Command.GIVE_BACK  # noqa: PLW2901 - the barrier never moved: nobody passed (law 7)
            if failure := self._try(command, now):
                failures.append((command, failure))
        for command, failure in failures:
            if command is Command.SECURE and isinstance(failure, OSError):
                self._failure(self._record.keep, Kind.FAULT, {"what": str(failure)})
                raise SecureFailedError(f"the barrier could not be secured: {failure}") from failure
        for _, failure in failures:
            self._fault(str(failure))

    def _try(self, command: Command, now: float) -> OSError | JournalError | None:
        try:
            self._account(command)
            self._devices.perform(command, now)
        except (OSError, JournalError) as error:
            return error
        return None

    def _account(self, command: Command) -> None:
        """The commands that are bookkeeping (law 7). Raises JournalError."""
        if command is Command.COMMIT:
            self._record.commit()
        elif command is Command.GIVE_BACK:
            self._record.give_back()
        elif command is Command.ALARM:
            self._parts.report(Told(f"alarm: the lane is {self._lane.state.value}"))
            self._record.keep(Kind.ALARM, {"state": self._lane.state.value})

    def _changed(self) -> None:
        if self._lane.state not in _FAULTED:
            self._faults.clear()
        if self._lane.state is State.EVACUATION:
            self._keep(Kind.EVACUATION, {})
        if self._is_open():
            for text in self._missed:
                self._parts.report(Free(text))  # whoever came meanwhile may still hold it up
            self._missed = []
        if self._lane.state in AT_REST:
            self._parts.report(Settled(self._lane.state))
            self._receipt = None

    def _fault(self, what: str) -> None:
        """Out of service. What fails again there was told: a device that fails at every look must not fill the disk."""
        if what in self._faults and self._lane.state in _FAULTED:
            return
        self._faults.add(what)
        self._parts.report(Told(f"fault: {what}"))
        self._failure(self._record.keep, Kind.FAULT, {"what": what})
        self._event(Event.FAULT)

    # The end: nobody is trapped, and the barrier is secured (law 2 still holds).

    def _stop(self, why: str) -> None:
        if self._stop_by is not None:
            self._end()  # asked twice: do not wait for anybody
            return
        timers = self._parts.timers
        self._stop_by = self._clock.monotonic() + timers.passing + timers.securing
        self._parts.report(Told(f"stopping: {why}"))
        self._keep(Kind.STOP, {"what": why})
        if self._lane.state is State.RELEASED:
            self._event(Event.TIMEOUT)  # nobody has walked: take the release back

    def _finish_stopping(self) -> None:
        if self._stop_by is None or self.stopped or self._lane.state not in _ENDS:
            return
        if not self._is_closing() or self._clock.monotonic() >= self._stop_by:
            self._end()

    def _is_closing(self) -> bool:
        """Out of service with the barrier open: it is being secured now, or will be once somebody has left."""
        if self._lane.state is not State.OUT_OF_SERVICE or self._inputs.closed:
            return False
        awaited = self._lane.occupied or not self._inputs.clear
        return awaited or self._devices.barrier.next_due() is not None

    def _end(self) -> None:
        self.stopped = True
        self._parts.report(Told(f"stopped: the barrier is {'secured' if self._inputs.closed else 'not secured'}"))

    # The record: where it cannot be kept the lane goes out of service.

    def _keep(self, kind: Kind, fields: Mapping[str, Value]) -> None:
        """Keep an entry that nothing waits for."""
        self._attempt(self._record.keep, kind, fields)

    def _attempt(self, deed: Callable[..., None], *what: object) -> None:
        failure = self._failure(deed, *what)
        if failure is not None:
            self._fault(str(failure))

    def _failure(self, deed: Callable[..., None], *what: object) -> JournalError | None:
        try:
            deed(*what)
        except JournalError as error:
            return error
        return None


_FAULTED: Final = frozenset({State.EVACUATION, State.OUT_OF_SERVICE})
_ENDS: Final = AT_REST | {State.REFERRED}
"""Where a lane that was told to stop may end; every other state leads to one of these by itself (law 3)."""


def run(controller: Controller, inbox: Waiting, health: Health, clock: Clock) -> None:
    """Run a lane until it is told to stop. Raises SecureFailedError; whoever opened the devices closes them, whatever happens."""
    controller.start()
    health.ready(controller.status)
    while not controller.stopped:
        due = soonest(controller.next_due(), health.next_due())
        controller.handle(inbox.get(due))
        health.status(controller.status)
        health.alive(clock.monotonic())
