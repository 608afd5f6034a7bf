"""The controller: one thread that owns the lane, and the loop that turns messages and time into steps of it.

`Controller` is the whole path of a symbol in reading order: received, verified, decided, commanded. It reads no clock but the one it is
given and waits for nothing; `run` does the waiting.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from gate.controller.devices import Clock, Devices, soonest
from gate.controller.health import Health
from gate.controller.inbox import Failed, Message, Moved, ScannerChanged, Shown, Stop, Waiting
from gate.controller.journal import Journal
from gate.controller.receipt import Receipt
from gate.controller.symbols import Symbol, unpack
from gate.credential.claims import Presentation
from gate.credential.verifier import Moment, Verifier
from gate.errors import GateError, JournalError
from gate.lane.audit import Kind, Value
from gate.lane.clock import ClockState, ClockTrust, Reading
from gate.lane.inputs import Event, fold
from gate.lane.machine import Command, Lane, State, Step, Timers, deadline, start, step
from gate.lane.policy import Decision, Desk

_SAME_SHOWING_S: Final = 1.5
"""The same text again within this is the same showing: the scanner repeats what stays in view every half second."""


@dataclass(frozen=True, slots=True)
class Decided:
    """A symbol was decided on and its commands carried out; `state` is what they led to."""

    decision: Decision
    receipt: Receipt
    state: State


@dataclass(frozen=True, slots=True)
class Settled:
    """The lane came to rest: standby, evacuation or out of service."""

    state: State


@dataclass(frozen=True, slots=True)
class Told:
    """Something that an operator should hear."""

    text: str


Report = Decided | Settled | Told


class SecureFailedError(GateError):
    """The barrier could not be secured: the process ends, and the unit's ExecStopPost secures (law 5)."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What a controller is made of. `written` is called after each journal entry, for somebody else to sync it."""

    verifier: Verifier
    desk: Desk
    clock_trust: ClockTrust
    timers: Timers
    devices: Devices
    journal: Journal
    written: Callable[[], None]
    clock: Clock
    report: Callable[[Report], None]


class Controller:
    """One lane. Every method is called by the thread that owns it."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._devices = parts.devices
        self._clock = parts.clock
        self._clock_trust = parts.clock_trust
        self._inputs = parts.devices.inputs()
        self._lane = Lane(State.OUT_OF_SERVICE, parts.clock.monotonic(), occupied=not self._inputs.clear)
        self._last_text = ""
        self._last_seen = float("-inf")
        self._receipt: Receipt | None = None
        self._passing: Presentation | None = None
        self._stopping = False
        self.stopped = False

    @property
    def state(self) -> State:
        """Where the lane is."""
        return self._lane.state

    def start(self) -> None:
        """Secure the barrier if nobody is in the way, and begin."""
        self._record(Kind.START, {"trust": self._parts.verifier.trust.serial})
        self._take(start(self._inputs, self._clock.monotonic()))

    def handle(self, message: Message | None) -> None:
        """One step: what is due first, then the message."""
        self._run_due()
        match message:
            case Shown(datagram):
                self._shown(datagram)
            case ScannerChanged(text):
                self._parts.report(Told(text))
                self._record(Kind.SCANNER, {"what": text})
            case Failed(what):
                self._fault(what)
            case Stop(why):
                self._stop(why)
            case Moved() | None:
                pass
        self._finish_stopping()

    def next_due(self) -> float | None:
        """When `handle(None)` wants to be called though nothing happens (monotonic seconds), or None."""
        return soonest(deadline(self._lane, self._parts.timers), self._devices.next_due())

    # A symbol: the path of a clearance, in reading order.

    def _shown(self, datagram: bytes) -> None:
        received = self._clock.monotonic()
        try:
            symbol = unpack(datagram)
        except GateError as error:
            self._parts.report(Told(str(error)))
            return
        if self._lane.state is not State.STANDBY or self._stopping or self._is_same_showing(symbol, received):
            return
        receipt = Receipt()
        receipt.mark("captured", symbol.captured_at)
        receipt.mark("decoded", symbol.decoded_at)
        receipt.mark("received", received)
        self._cue_seen(received)
        self._decide(symbol, receipt)

    def _is_same_showing(self, symbol: Symbol, now: float) -> bool:
        same = symbol.text == self._last_text and now - self._last_seen < _SAME_SHOWING_S
        self._last_text, self._last_seen = symbol.text, now
        return same

    def _cue_seen(self, now: float) -> None:
        """Law 8: the cue that a code was seen comes before the decision."""
        self._perform((Command.SHOW_SEEN, Command.SOUND_SEEN), now)

    def _decide(self, symbol: Symbol, receipt: Receipt) -> None:
        wall = self._clock.wall()
        moment = Moment(wall, trusted=self._clock_state() is not ClockState.UNTRUSTED)
        verdict = self._parts.verifier.verify(symbol.text, moment)
        receipt.mark("verified", self._clock.monotonic())
        decision = self._parts.desk.decide(verdict, wall)
        receipt.mark("decided", self._clock.monotonic())
        if not self._record(Kind.DECISION, self._on_record(decision, receipt)):
            return  # what is not on record does not happen
        self._receipt = receipt
        if decision.cleared and decision.presentation is not None:
            self._parts.desk.replay.open(decision.presentation, wall)
            self._passing = decision.presentation
        self._event(Event.CLEARED if decision.cleared else Event.REFUSED)
        receipt.mark("commanded", self._clock.monotonic())
        self._parts.report(Decided(decision, receipt, self._lane.state))

    def _on_record(self, decision: Decision, receipt: Receipt) -> Mapping[str, Value]:
        return {
            "reason": decision.reason.value,
            "who": self._who(decision.presentation),
            "trust": self._parts.verifier.trust.serial,
            "ms": receipt.ms()["decided"],
        }

    # Events, time and commands.

    def _run_due(self) -> None:
        try:
            self._sense()
            self._devices.run(self._clock.monotonic())
        except OSError as error:
            self._fault(str(error))
        due = deadline(self._lane, self._parts.timers)
        if due is not None and self._clock.monotonic() >= due:
            self._event(Event.TIMEOUT)

    def _sense(self) -> None:
        for change in self._devices.sensors.poll(self._clock.monotonic()):
            self._inputs, event = fold(self._inputs, change.sensor, change.active)
            self._mark(change.sensor, event, change.at, active=change.active)
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
        if self._lane.state is not before.state:
            self._changed(before.state)

    def _perform(self, commands: tuple[Command, ...], now: float) -> None:
        """Every command is tried, whatever happened to the one before it; a failure becomes FAULT afterwards (law 5)."""
        failed: OSError | None = None
        for command in commands:
            try:
                self._account(command)
                self._devices.perform(command, now)
            except OSError as error:
                if command is Command.SECURE:
                    raise SecureFailedError(f"the barrier could not be secured: {error}") from error
                failed = failed or error
        if failed is not None:
            self._fault(str(failed))

    def _account(self, command: Command) -> None:
        """The commands that are bookkeeping (law 7)."""
        if command is Command.COMMIT:
            self._parts.desk.replay.commit()
            self._passing = None
        elif command is Command.GIVE_BACK:
            self._parts.desk.replay.give_back()
            self._record(Kind.NO_SHOW, {"who": self._who(self._passing)})
            self._passing = None
        elif command is Command.ALARM:
            self._record(Kind.ALARM, {"state": self._lane.state.value})
            self._parts.report(Told(f"alarm: the lane is {self._lane.state.value}"))

    def _changed(self, before: State) -> None:
        if before is State.PASSING and self._receipt is not None:
            self._record(Kind.PASSAGE, {"ms": self._receipt.ms().get("left")})
        if self._lane.state is State.EVACUATION:
            self._record(Kind.EVACUATION, {})
        if self._lane.state in _AT_REST:
            self._parts.report(Settled(self._lane.state))
            self._receipt = None

    def _fault(self, what: str) -> None:
        self._parts.report(Told(f"fault: {what}"))
        self._record(Kind.FAULT, {"what": what})
        self._event(Event.FAULT)

    # The end: nobody is trapped, and the barrier is secured (law 2 still holds).

    def _stop(self, why: str) -> None:
        if self._stopping:
            self.stopped = True  # asked twice: do not wait for anybody
            return
        self._stopping = True
        self._parts.report(Told(f"stopping: {why}"))
        self._record(Kind.STOP, {"what": why})
        if self._lane.state is State.RELEASED:
            self._event(Event.TIMEOUT)  # nobody has walked: take the release back

    def _finish_stopping(self) -> None:
        if self._stopping and self._lane.state in _SECURED:
            self.stopped = True

    # The record and the clock.

    def _record(self, kind: Kind, fields: Mapping[str, Value]) -> bool:
        """Keep an entry; where that fails the lane goes out of service, for nobody passes unrecorded."""
        try:
            self._parts.journal.append(kind, self._clock.wall(), self._clock_state(), fields)
        except JournalError as error:
            self._parts.report(Told(f"fault: {error}"))
            if self._lane.state is not State.OUT_OF_SERVICE:
                self._event(Event.FAULT)
            return False
        self._parts.written()
        return True

    def _who(self, shown: Presentation | None) -> str | None:
        return self._parts.journal.who(shown.cti, self._clock.wall()) if shown else None

    def _clock_state(self) -> ClockState:
        clock = self._clock
        reading = Reading(clock.wall(), synchronised=clock.synchronised(), monotonic=clock.monotonic())
        self._clock_trust = self._clock_trust.read(reading)
        return self._clock_trust.state


_AT_REST: Final = frozenset({State.STANDBY, State.EVACUATION, State.OUT_OF_SERVICE})
_SECURED: Final = _AT_REST | {State.REFERRED}


def run(controller: Controller, inbox: Waiting, health: Health, clock: Clock) -> None:
    """Run a lane until it is told to stop; its devices are left undriven whatever happens."""
    controller.start()
    health.ready(controller.state.value)
    while not controller.stopped:
        due = soonest(controller.next_due(), health.next_due())
        controller.handle(inbox.get(due))
        health.alive(clock.monotonic())
