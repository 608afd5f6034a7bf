"""Whether the wall clock may judge a code: synchronised, carried over for a bounded time, or not to be trusted.

Nobody's clock is believed for its own sake. A reading below the floor is wrong, whoever set it: time that was trusted
once only moves forward. Between synchronisations CLOCK_MONOTONIC is the witness: what it may have drifted by, and what
the wall clock has moved against it, must together stay within a limit that the freshness window can bear.

A synchronised reading past the ceiling, when all that the lane trusts is dead, may be right: the verdict then says so
itself (`trust_expired`). It may also be one false answer to a question about the time. So nothing is learnt from it:
the floor, which never comes down again, would keep the lane shut until that day.
"""

from dataclasses import dataclass
from enum import StrEnum
from math import inf, isfinite
from typing import NamedTuple


class ClockState(StrEnum):
    """How far the wall clock is trusted. Only UNTRUSTED refuses (FORMAT 4.8, `clock_untrusted`); only TRUSTED teaches."""

    TRUSTED = "trusted"
    HOLDOVER = "holdover"
    AHEAD = "ahead"
    UNTRUSTED = "untrusted"


class Doubt(StrEnum):
    """Why a clock is not trusted, or not wholly."""

    NO_TIME = "no_time"
    BELOW_FLOOR = "below_floor"
    NEVER_SYNCHRONISED = "never_synchronised"
    STEPPED = "stepped"
    DRIFTED = "drifted"
    UNSYNCHRONISED = "unsynchronised"
    PAST_CEILING = "past_ceiling"


class Reading(NamedTuple):
    """The clocks at one moment: Unix seconds, whether the system says they are synchronised, monotonic seconds."""

    wall: float
    synchronised: bool
    monotonic: float


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a clock may go unsynchronised: until `drift_ppm` (the worst, parts per million) may have made `error_s`.

    The defaults carry a lane for 16 hours 40 minutes: an uncompensated crystal, and a fifth of the 15 s of FORMAT 3.
    """

    drift_ppm: float = 50.0
    error_s: float = 3.0

    @property
    def holdover_s(self) -> float:
        """How long a clock that is not stepped is carried over, in seconds."""
        return self.error_s / self.drift_ppm * 1e6


class ClockTrust(NamedTuple):
    """What is known of the wall clock, anew at every step (so a NamedTuple). Begins with the floor of the last run (Unix seconds) and untrusted.

    `ceiling` is when what the lane trusts dies (Unix seconds). `synchronised` is the last reading that was synchronised,
    above the floor and below the ceiling. `doubt` says why the state is not TRUSTED.
    """

    floor: float
    limits: Limits = Limits()
    ceiling: float = inf
    state: ClockState = ClockState.UNTRUSTED
    doubt: Doubt | None = Doubt.NEVER_SYNCHRONISED
    synchronised: Reading | None = None

    def read(self, reading: Reading) -> "ClockTrust":
        """Take a reading: the clock with its new state. It recovers by itself once synchronised above the floor."""
        if not (isfinite(reading.monotonic) and isfinite(reading.wall)):
            return self._doubted(ClockState.UNTRUSTED, Doubt.NO_TIME)
        if reading.wall < self.floor:
            return self._doubted(ClockState.UNTRUSTED, Doubt.BELOW_FLOOR)
        if not reading.synchronised:
            return self._carried(reading)
        if reading.wall >= self.ceiling:
            return self._doubted(ClockState.AHEAD, Doubt.PAST_CEILING)
        # Room for the small steps back that synchronisation makes.
        floor = max(self.floor, reading.wall - self.limits.error_s)
        return self._replace(state=ClockState.TRUSTED, doubt=None, floor=floor, synchronised=reading)

    def raised(self, floor: float) -> "ClockTrust":
        """Raise the floor to a time that something signed proves (Unix seconds); a lower one changes nothing."""
        return self._replace(floor=max(self.floor, floor)) if isfinite(floor) else self

    def under(self, ceiling: float) -> "ClockTrust":
        """Take another ceiling (Unix seconds): other trust, another death. The next reading is judged by it."""
        return self._replace(ceiling=ceiling)

    def error(self, reading: Reading) -> float:
        """Bound how wrong the wall clock may be, in seconds: drift since it was synchronised, and any step since."""
        last = self.synchronised
        if last is None or reading.monotonic < last.monotonic:  # never synchronised, or not since this boot
            return inf
        return self._step(reading, last) + self._drift(reading, last)

    def _carried(self, reading: Reading) -> "ClockTrust":
        """Judge a reading that nobody vouches for by the last one that somebody did."""
        last, error = self.synchronised, self.error(reading)
        if last is None or error == inf:
            return self._doubted(ClockState.UNTRUSTED, Doubt.NEVER_SYNCHRONISED)
        if error <= self.limits.error_s:
            return self._doubted(ClockState.HOLDOVER, Doubt.UNSYNCHRONISED)
        stepped = self._step(reading, last) > self._drift(reading, last)
        return self._doubted(ClockState.UNTRUSTED, Doubt.STEPPED if stepped else Doubt.DRIFTED)

    def _step(self, reading: Reading, last: Reading) -> float:
        return abs(reading.wall - last.wall - (reading.monotonic - last.monotonic))

    def _drift(self, reading: Reading, last: Reading) -> float:
        return (reading.monotonic - last.monotonic) * self.limits.drift_ppm / 1e6

    def _doubted(self, state: ClockState, doubt: Doubt) -> "ClockTrust":
        return self._replace(state=state, doubt=doubt)
