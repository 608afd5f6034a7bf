"""Shipped fakes with physics: a barrier that takes time and can jam, beams that bounce, a person who walks.

`World` is an agenda on simulated time. Wind it by hand (`run(now)` at `next_due()`), or let a `Follower` do so by a
real clock. `SimulatedLane` watches the output pins of a factory made by `simulated_factory(ContactPin)` and makes or
breaks the contacts on its input pins.
"""

import heapq
import itertools
import math
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from gpiozero.pins.mock import MockFactory, MockPin

from hardware.pins import NORMALLY_CLOSED, SENSORS, Wiring

Action = Callable[[], None]

_BEFORE_M: Final = -0.5  # where a walker waits: at the reader, short of the entry beam
_BOUNCES: Final = 3


class ContactPin(MockPin):  # type: ignore[misc]  # gpiozero ships no types
    """A mock pin that is wired: to a contact stronger than the pull resistor, to a listener of what is driven."""

    def __init__(self, factory: MockFactory, info: Any) -> None:  # noqa: ANN401  gpiozero ships no types
        super().__init__(factory, info)
        self.driven: Callable[[], None] = lambda: None
        self.made: bool | None = None

    def wire(self, *, made: bool) -> None:
        """Make or break the contact to ground; nothing is felt while the pin is an output."""
        self.made = made
        if self._function == "input":
            (self.drive_low if made else self.drive_high)()

    def _set_pull(self, value: str) -> None:
        super()._set_pull(value)
        if self.made is not None:
            self.wire(made=self.made)

    def _set_state(self, value: float) -> None:
        before = self._state
        super()._set_state(value)
        if self._state != before:
            self.driven()


class World:
    """An agenda of actions on simulated time, in seconds; safe to use from several threads.

    `changed()` is called when something becomes due earlier than all that was: a thread that sleeps until
    `next_due()` must look again.
    """

    def __init__(self, now: float = 0.0, changed: Action = lambda: None) -> None:
        self.now = now
        self.changed = changed
        self.lock = threading.RLock()
        self._agenda: list[tuple[float, int, Action]] = []
        self._order = itertools.count()

    def at(self, when: float, action: Action) -> None:
        """Do `action` at `when`, or at once if that has passed; never, if `when` is inf."""
        with self.lock:
            if math.isinf(when):
                return
            sooner = not self._agenda or when < self._agenda[0][0]
            heapq.heappush(self._agenda, (max(when, self.now), next(self._order), action))
        if sooner:
            self.changed()

    def next_due(self) -> float | None:
        """Return the time of the next action, or None."""
        with self.lock:
            return self._agenda[0][0] if self._agenda else None

    def run(self, now: float) -> None:
        """Do all that is due by `now`, each at its own time; then it is `now`. Time never goes backwards."""
        with self.lock:
            while self._agenda and self._agenda[0][0] <= now:
                when, _, action = heapq.heappop(self._agenda)
                self.now = max(self.now, when)
                action()
            self.now = max(self.now, now)


class Follower:
    """A thread that lets a world follow a real clock, so that the lane's pins move by themselves. `close()` ends it."""

    def __init__(self, world: World, clock: Callable[[], float]) -> None:
        self._world = world
        self._clock = clock
        self._woken = threading.Event()
        self._closed = False
        world.changed = self._woken.set
        self._thread = threading.Thread(target=self._follow, name="world", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop following; what is on the agenda stays there."""
        self._closed = True
        self._woken.set()
        self._thread.join()

    def _follow(self) -> None:
        while True:
            self._woken.clear()  # before the look at what wakes it, or a close in between would be slept through
            if self._closed:
                return
            self._world.run(self._clock())
            due = self._world.next_due()
            self._woken.wait(None if due is None else max(0.0, due - self._clock()))


@dataclass(frozen=True, slots=True)
class Geometry:
    """Where things are, in metres from the entry's edge, and how fast the leaf is, in seconds for the whole way."""

    entry_beam_m: float = 0.5
    leaf_m: float = 0.75
    exit_beam_m: float = 1.0
    out_m: float = 2.0
    open_s: float = 0.6
    close_s: float = 0.8
    passable: float = 0.8  # of the way open: a walker goes on from here
    switch: float = 0.02  # of the way open: below it the closed switch is made
    self_close_s: float = 3.0  # a barrier without a secure line: after it opened
    bounce_s: float = 0.004


@dataclass(frozen=True, slots=True)
class Walker:
    """Someone who sets out `reaction_s` after the barrier opened (inf: never, a no-show), at `speed_mps`.

    They are `depth_m` from front to back. Where `stops_at_m` is given, they stand there for `stops_for_s` (inf: for
    good), and then go on, or back if `turns_back`.
    """

    reaction_s: float = 0.6
    speed_mps: float = 1.2
    depth_m: float = 0.4
    stops_at_m: float | None = None
    stops_for_s: float = math.inf
    turns_back: bool = False

    def legs(self, out_m: float) -> list[tuple[float, float]]:
        """Return where to walk to, and how long to stand there, in metres and seconds."""
        if self.stops_at_m is None:
            return [(out_m, 0.0)]
        return [(self.stops_at_m, self.stops_for_s), (_BEFORE_M if self.turns_back else out_m, 0.0)]


@dataclass(slots=True)
class _Leaf:
    """A leaf's place, 0 shut to 1 open, as a function of time: where it was, when, and how fast it goes."""

    place: float = 0.0
    since: float = 0.0
    speed: float = 0.0
    turns: int = 0

    def at(self, now: float) -> float:
        return min(1.0, max(0.0, self.place + self.speed * (now - self.since)))

    def go(self, now: float, speed: float) -> None:
        self.place, self.since, self.speed = self.at(now), now, speed
        self.turns += 1

    def rest(self, now: float, place: float) -> None:
        self.place, self.since, self.speed = place, now, 0.0
        self.turns += 1

    def reaches(self, place: float) -> float:
        """Return when it will be at `place`, or inf."""
        way = place - self.place
        return self.since + way / self.speed if way * self.speed > 0 else math.inf


@dataclass(slots=True)
class _Person:
    walker: Walker
    place: float = _BEFORE_M
    legs: list[tuple[float, float]] = field(default_factory=list)
    inside: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Happening:
    """What happened in the lane, and when: opened, shut, jammed, entered, left, turned back, or crush."""

    at: float
    what: str


class SimulatedLane:
    """The walkway behind the pins of `factory`: shut, empty, its fire loop whole, its key not turned.

    `clock` tells the world's time. `happened` tells what became of everyone. A "crush" is a leaf that was pushed
    while a person stood in its way: there must be none.
    """

    def __init__(
        self,
        world: World,
        factory: MockFactory,
        wiring: Wiring,
        clock: Callable[[], float],
        geometry: Geometry | None = None,
    ) -> None:
        self.happened: list[Happening] = []
        self._world = world
        self._clock = clock
        self._geometry = geometry or Geometry()
        self._leaf = _Leaf(since=world.now)
        self._people: list[_Person] = []
        self._expected: list[Walker] = []
        self._jammed = self._on_fire = False
        self._zones = {
            "entry": self._geometry.entry_beam_m,
            "leaf": self._geometry.leaf_m,
            "exit": self._geometry.exit_beam_m,
        }
        self._contacts: dict[str, ContactPin] = {sensor: factory.pin(getattr(wiring, sensor)) for sensor in SENSORS}
        self._active = dict.fromkeys(SENSORS, False)
        self._release: ContactPin = factory.pin(wiring.release)
        self._secure: ContactPin | None = None if wiring.secure is None else factory.pin(wiring.secure)
        self._feel_all()
        self._release.driven = self._at_the_clock(self._release_moved)
        if self._secure is not None:
            self._secure.driven = self._at_the_clock(self._secure_moved)

    def expect_walker(self, walker: Walker | None = None) -> None:
        """Let someone wait at the reader until the barrier opens. A tailgater is a second one who reacts later."""
        with self._world.lock:
            self._expected.append(walker or Walker())

    def dismiss(self) -> None:
        """Send away whoever waits at the reader; who is walking goes on."""
        with self._world.lock:
            self._expected.clear()

    def jam(self) -> None:
        """Block the leaf where it is until `unjam`."""
        self._now_do(lambda: self._set_jam(jammed=True))

    def unjam(self) -> None:
        """Free a jammed leaf; it moves if something drives it."""
        self._now_do(lambda: self._set_jam(jammed=False))

    def fire(self, *, burning: bool) -> None:
        """Open or close the fire loop; an open one frees the barrier by its own wires (law 4)."""
        self._now_do(lambda: self._set_fire(burning=burning))

    def turn_key(self, *, turned: bool) -> None:
        """Turn the officer's key, or turn it back."""
        self._now_do(lambda: self._feel("officer", active=turned))

    def break_beam(self, sensor: str, *, broken: bool) -> None:
        """Hold something into the entry or exit beam that is not a person, or take it away."""
        self._now_do(lambda: self._feel(sensor, active=broken))

    @property
    def openness(self) -> float:
        """How far the barrier is open, 0 to 1."""
        with self._world.lock:
            return self._leaf.at(max(self._world.now, self._clock()))

    @property
    def people(self) -> int:
        """How many people are past the reader and not yet out."""
        with self._world.lock:
            return len(self._people)

    # Time: whatever comes from outside first lets the world catch up with the clock.

    def _now_do(self, action: Action) -> None:
        with self._world.lock:
            self._world.run(self._clock())
            action()

    def _at_the_clock(self, action: Action) -> Action:
        return lambda: self._now_do(action)

    def _tell(self, what: str) -> None:
        self.happened.append(Happening(self._world.now, what))

    # The leaf.

    def _release_moved(self) -> None:
        if self._release.state:  # the rising edge; the falling one means nothing to a drive
            self._move(1 / self._geometry.open_s)

    def _secure_moved(self) -> None:
        secured = self._secure is not None and bool(self._secure.state)
        if not self._on_fire:
            self._move(-1 / self._geometry.close_s if secured else 0.0)

    def _set_fire(self, *, burning: bool) -> None:
        self._on_fire = burning
        self._feel("fire", active=burning)
        if burning:
            self._move(1 / self._geometry.open_s)

    def _set_jam(self, *, jammed: bool) -> None:
        self._jammed = jammed
        if jammed:
            self._tell("jammed")
            self._move(0.0)
        elif self._on_fire or self._release.state:
            self._move(1 / self._geometry.open_s)
        else:
            self._secure_moved()

    def _move(self, speed: float) -> None:
        now = self._world.now
        self._leaf.go(now, 0.0 if self._jammed else speed)
        places = {
            self._geometry.switch: self._switch_edge,
            self._geometry.passable: self._passable,
            1.0: self._opened,
            0.0: self._shut,
        }
        for place, action in places.items():
            self._world.at(self._leaf.reaches(place), partial(self._unless_turned, self._leaf.turns, action))
        self._look_for_crush()

    def _unless_turned(self, turn: int, action: Action) -> None:
        if self._leaf.turns == turn:
            action()

    def _switch_edge(self) -> None:
        self._feel("closed", active=self._leaf.speed < 0)

    def _shut(self) -> None:
        self._tell("shut")
        self._leaf.rest(self._world.now, 0.0)

    def _opened(self) -> None:
        self._tell("opened")
        self._leaf.rest(self._world.now, 1.0)
        if self._secure is None:
            self._close_later()

    def _close_later(self) -> None:
        when = self._world.now + self._geometry.self_close_s
        self._world.at(when, partial(self._unless_turned, self._leaf.turns, self._close_itself))

    def _close_itself(self) -> None:
        # A turnstile's own spring; it waits for whoever is in the way.
        if self._on_fire:
            return
        if self._in_zone("leaf"):
            self._close_later()
        else:
            self._move(-1 / self._geometry.close_s)

    def _look_for_crush(self) -> None:
        if self._leaf.speed < 0 and self._in_zone("leaf"):
            self._tell("crush")

    # People.

    def _passable(self) -> None:
        if self._leaf.speed <= 0:
            return
        for walker in self._expected:
            person = _Person(walker, legs=walker.legs(self._geometry.out_m))
            self._world.at(self._world.now + walker.reaction_s, partial(self._set_out, person))
        self._expected.clear()
        for person in self._people:  # who waited before a shut leaf
            if "waiting" in person.inside:
                person.inside.discard("waiting")
                self._walk(person)

    def _set_out(self, person: _Person) -> None:
        self._people.append(person)
        self._walk(person)

    def _walk(self, person: _Person) -> None:
        """Go on to the next edge of a zone, or to the end of this leg of the way."""
        target, _ = person.legs[0]
        ahead = [
            edge for zone in self._zones for edge in self._edges(zone, person) if _between(person.place, edge, target)
        ]
        place = min(ahead, key=lambda edge: abs(edge - person.place), default=target)
        took_s = abs(place - person.place) / person.walker.speed_mps
        forward = target >= person.place
        self._world.at(self._world.now + took_s, lambda: self._arrive(person, place, forward=forward))

    def _edges(self, zone: str, person: _Person) -> tuple[float, float]:
        half = person.walker.depth_m / 2
        return self._zones[zone] - half, self._zones[zone] + half

    def _arrive(self, person: _Person, place: float, *, forward: bool) -> None:
        if (
            forward
            and place == self._edges("leaf", person)[0]
            and self._leaf.at(self._world.now) < self._geometry.passable
        ):
            person.inside.add("waiting")  # nobody walks into a shut leaf
            return
        person.place = place
        self._occupy(person, forward=forward)
        target, stand_s = person.legs[0]
        if place != target:
            self._walk(person)
        elif len(person.legs) == 1:
            self._leave(person)
        else:
            person.legs.pop(0)
            self._world.at(self._world.now + stand_s, lambda: self._walk(person))

    def _occupy(self, person: _Person, *, forward: bool) -> None:
        before = frozenset(person.inside)
        for zone in self._zones:
            low, high = self._edges(zone, person)
            there = low <= person.place < high if forward else low < person.place <= high
            (person.inside.add if there else person.inside.discard)(zone)
        if "entry" in person.inside - before and forward:
            self._tell("entered")
        for beam in ("entry", "exit"):
            if (beam in person.inside) is not (beam in before):
                self._feel(beam, active=bool(self._in_zone(beam)))
        self._look_for_crush()

    def _leave(self, person: _Person) -> None:
        self._people.remove(person)
        self._tell("left" if person.place > self._geometry.leaf_m else "turned back")

    def _in_zone(self, zone: str) -> int:
        return sum(zone in person.inside for person in self._people)

    # Contacts.

    def _feel_all(self) -> None:
        self._active["closed"] = True
        for sensor, active in self._active.items():
            self._wire(sensor, active=active)

    def _feel(self, sensor: str, *, active: bool) -> None:
        """Change a contact as a real one does: it bounces for a few milliseconds and then stays."""
        if self._active[sensor] is active:
            return
        self._active[sensor] = active
        self._wire(sensor, active=active)
        for bounce in range(1, _BOUNCES + 1):
            when = self._world.now + self._geometry.bounce_s * bounce / _BOUNCES
            self._world.at(when, partial(self._bounce, sensor, off=bounce < _BOUNCES and bounce % 2 == 1))

    def _bounce(self, sensor: str, *, off: bool) -> None:
        self._wire(sensor, active=self._active[sensor] is not off)

    def _wire(self, sensor: str, *, active: bool) -> None:
        self._contacts[sensor].wire(made=active is not (sensor in NORMALLY_CLOSED))


def _between(start: float, edge: float, end: float) -> bool:
    return start < edge < end or end < edge < start
