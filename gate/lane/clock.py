"""Whether the wall clock may judge a code: synchronised, carried over for a bounded time, or not to be trusted.

Nobody's clock is believed for its own sake. A reading below the floor is wrong, whoever set it: time that was trusted
once only moves forward. Between synchronisations CLOCK_MONOTONIC is the witness: what it may have drifted by, and what
the wall clock has moved against it, must together stay within a limit that the freshness window can bear.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from math import isfinite


class ClockState(StrEnum):
    """How far the wall clock is trusted. Only UNTRUSTED refuses (FORMAT 4.8, `clock_untrusted`)."""

    TRUSTED = "trusted"
    HOLDOVER = "holdover"
    UNTRUSTED = "untrusted"


@dataclass(frozen=True, slots=True)
class Reading:
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


@dataclass(frozen=True, slots=True)
class ClockTrust:
    """What is known of the wall clock. Begins with the floor of the last run (Unix seconds) and untrusted.

    `synchronised` is the last reading that was both synchronised and above the floor.
    """

    floor: float
    limits: Limits = Limits()
    state: ClockState = ClockState.UNTRUSTED
    synchronised: Reading | None = None

    def read(self, reading: Reading) -> "ClockTrust":
        """Take a reading: the clock with its new state. It recovers by itself once synchronised above the floor."""
        if not (isfinite(reading.monotonic) and isfinite(reading.wall) and reading.wall >= self.floor):
            return replace(self, state=ClockState.UNTRUSTED)
        if reading.synchronised:
            # Room for the small steps back that synchronisation makes.
            floor = max(self.floor, reading.wall - self.limits.error_s)
            return replace(self, state=ClockState.TRUSTED, floor=floor, synchronised=reading)
        held = self.error(reading) <= self.limits.error_s
        return replace(self, state=ClockState.HOLDOVER if held else ClockState.UNTRUSTED)

    def raised(self, floor: float) -> "ClockTrust":
        """Raise the floor to a time that something signed proves (Unix seconds); a lower one changes nothing."""
        return replace(self, floor=max(self.floor, floor)) if isfinite(floor) else self

    def error(self, reading: Reading) -> float:
        """Bound how wrong the wall clock may be, in seconds: drift since it was synchronised, and any step since."""
        last = self.synchronised
        if last is None or reading.monotonic < last.monotonic:  # never synchronised, or not since this boot
            return float("inf")
        elapsed = reading.monotonic - last.monotonic
        step = abs(reading.wall - last.wall - elapsed)
        return step + elapsed * self.limits.drift_ppm / 1e6
