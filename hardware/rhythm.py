"""Rhythms in time that comes in as an argument: what is on is a function of how long ago it began."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from hardware import DeviceError
from hardware.pins import Line


@dataclass(frozen=True, slots=True)
class Rhythm:
    """`times` beats, each `on_ms` on and then `off_ms` off; no `off_ms` is steady, no `times` is until replaced.

    Whole milliseconds, so that a change falls due exactly once. ValueError for a beat without a length.
    """

    on_ms: int
    off_ms: int = 0
    times: int | None = None

    def __post_init__(self) -> None:
        if self.on_ms <= 0 or self.off_ms < 0 or (self.times is not None and self.times <= 0):
            raise ValueError(f"expected a beat with a length, got {self}")

    def at(self, elapsed_ms: int) -> tuple[bool, float]:
        """Return whether it is on `elapsed_ms` after it began, and when it changes next (inf: never)."""
        beat_ms = self.on_ms + self.off_ms
        end_ms = math.inf if self.times is None else beat_ms * self.times
        if not 0 <= elapsed_ms < end_ms:
            return False, math.inf
        if not self.off_ms:
            return True, end_ms
        begun_ms = elapsed_ms - elapsed_ms % beat_ms
        on = elapsed_ms < begun_ms + self.on_ms
        return on, begun_ms + (self.on_ms if on else beat_ms)


STEADY: Final = Rhythm(1000)


class Player:
    """Plays one rhythm at a time on one line; a late call never shifts it, for all is computed from the start."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._rhythm: Rhythm | None = None
        self._start = 0.0
        self._due = math.inf

    @property
    def playing(self) -> Rhythm | None:
        """The rhythm that is being played, or None."""
        return self._rhythm

    def play(self, rhythm: Rhythm | None, now: float) -> None:
        """Begin `rhythm` at `now`, in place of the last; None stops. A failing line is a DeviceError."""
        self._rhythm, self._start = rhythm, now
        self.run(now)

    def next_due(self) -> float | None:
        """Return when `run` wants to be called, or None."""
        return None if math.isinf(self._due) else self._due

    def run(self, now: float) -> None:
        """Bring the line to what it should be at `now`. Raises DeviceError if it cannot be written."""
        on, change_ms = self._rhythm.at(self._elapsed_ms(now)) if self._rhythm else (False, math.inf)
        self._due = self._start + change_ms / 1000
        if not on and math.isinf(change_ms):
            self._rhythm = None
        (self._line.on if on else self._line.off)()

    def _elapsed_ms(self, now: float) -> int:
        # A microsecond early is on time: (start + 0.25) - start may come out as 0.2499999.
        return math.floor((now - self._start) * 1000 + 0.001)


def soonest(*dues: float | None) -> float | None:
    """Return the earliest of some `next_due()`s, or None if nothing is due."""
    return min((due for due in dues if due is not None), default=None)


def each(calls: Iterable[Callable[[], None]]) -> None:
    """Make every call, whatever happened to the one before it: one dead lamp must not darken the others. Raises the first DeviceError."""
    failures = []
    for call in calls:
        try:
            call()
        except DeviceError as failure:
            failures.append(failure)
    if failures:
        raise failures[0]
