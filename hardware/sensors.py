"""The lane's five inputs, debounced in time that comes in as an argument.

The pin driver's thread only says that something moved; levels are read by the one thread that owns the lane.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from gpiozero import Factory

from hardware.pins import SENSORS, Input, Wiring, close_all
from hardware.rhythm import soonest

BEAMS: Final = frozenset({"entry", "exit"})
GAP_S: Final = 0.25
"""How long a beam must be whole to be believed so: longer than legs, a strap, or the step from one beam to the other break it for."""


@dataclass(frozen=True, slots=True)
class Change:
    """`sensor` became `active` at `at`, CLOCK_MONOTONIC seconds: when its level was first seen, not when believed."""

    sensor: str
    active: bool
    at: float


@dataclass(slots=True)
class Debounce:
    """A level that is believed once it was unchanged for `debounce_s`, or for `cease_s` where it says that something ceased.

    `since` is when one not yet believed began.
    """

    active: bool
    debounce_s: float
    cease_s: float
    since: float | None = None

    def see(self, now: float, *, active: bool, moved: bool) -> float | None:
        """Take in the level, and whether it `moved` since the last look; return when a newly believed one began."""
        if active is self.active:
            self.since = None
            return None
        if self.since is None or moved:
            self.since = now
        if now < self.since + self._wait():
            return None
        began, self.since, self.active = self.since, None, active
        return began

    def next_due(self) -> float | None:
        """Return when a level would be believed if it stays, or None."""
        return None if self.since is None else self.since + self._wait()

    def _wait(self) -> float:
        return self.cease_s if self.active else self.debounce_s


class Sensors:
    """Inputs entry, exit (True: beam broken), closed (switch made), fire (loop open), officer (key turned).

    `wake()` is called from the pin driver's thread, once between two polls however often a contact bounces. What
    cannot be claimed or read is a DeviceError.
    """

    def __init__(self, wiring: Wiring, factory: Factory, debounce_s: float, wake: Callable[[], None]) -> None:
        pins = (wiring.entry, wiring.exit, wiring.closed, wiring.fire, wiring.officer)
        self._inputs = {sensor: Input(sensor, pin, factory) for sensor, pin in zip(SENSORS, pins, strict=True)}
        cease = {sensor: max(debounce_s, GAP_S if sensor in BEAMS else 0.0) for sensor in SENSORS}
        self._levels = {
            sensor: Debounce(contact.read(), debounce_s, cease[sensor]) for sensor, contact in self._inputs.items()
        }
        self._wake = wake
        self._moved: set[str] = set()
        for sensor, contact in self._inputs.items():
            contact.on_edge(self._edge_of(sensor))

    def read(self, sensor: str) -> bool:
        """Return a sensor's level at this moment, not debounced: what the guard goes by."""
        return self._inputs[sensor].read()

    def levels(self) -> dict[str, bool]:
        """Return the believed levels; at first those that were read when the sensors were opened."""
        return {sensor: level.active for sensor, level in self._levels.items()}

    def poll(self, now: float) -> list[Change]:
        """Read every input and return what is newly believed, in the order of SENSORS.

        Raises DeviceError, and then believes nothing, where one cannot be read: no change is lost.
        """
        moved, self._moved = self._moved, set()  # first, so that an edge during the reading wakes again
        now_active = {sensor: contact.read() for sensor, contact in self._inputs.items()}
        changes = []
        for sensor, level in self._levels.items():
            began = level.see(now, active=now_active[sensor], moved=sensor in moved)
            if began is not None:
                changes.append(Change(sensor, level.active, began))
        return changes

    def next_due(self) -> float | None:
        """Return when `poll` wants to be called even if nothing moves, or None."""
        return soonest(*(level.next_due() for level in self._levels.values()))

    def close(self) -> None:
        """Let go of the pins."""
        close_all(self._inputs)

    def _edge_of(self, sensor: str) -> Callable[[], None]:
        def edge() -> None:
            moved = self._moved
            asleep = not moved
            moved.add(sensor)
            if asleep:
                self._wake()

        return edge
