"""Keeps the lane's time: what it knows of its clock, and what an operator hears of that."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from gate.controller.devices import Clock
from gate.controller.health import utc
from gate.credential.trust import Trust
from gate.credential.verifier import Moment
from gate.lane.clock import ClockState, ClockTrust, Doubt, Reading

BUILT: Final = "this software was built"
SIGNED: Final = "the trust list was issued"
RECORDED: Final = "its own last record"
_RAN: Final = "the time that it had until now"
_WAITING: Final = "waiting for time synchronisation"


class Timekeeper:
    """The clocks of one lane, and how far they are trusted.

    `floors` are times that are past, by what proves that (Unix seconds). Each is taken as far back as two right clocks may differ: an authority's
    may be a little ahead of ours, and ours of what it is once it was synchronised again. `now` is the last reading.
    """

    def __init__(self, clock: Clock, trust: Trust, floors: Mapping[str, float]) -> None:
        self._clock = clock
        self._floors: dict[str, float] = {}
        self.trust = ClockTrust(floor=0.0)
        for what, at in floors.items():
            self._raise(what, at)
        self.rely_on(trust)
        self.now = self._reading()
        self.trust = self.trust.read(self.now)

    @property
    def margin_s(self) -> float:
        """How far two readings may be apart in truth though they say the same time, in seconds: each may be wrong by the limit."""
        return 2 * self.trust.limits.error_s

    @property
    def state(self) -> ClockState:
        """How far the wall clock is trusted."""
        return self.trust.state

    def rely_on(self, trust: Trust) -> None:
        """Take what other trust proves of the time, and when it dies."""
        self._raise(
            SIGNED, float(trust.issued)
        )  # the authority's word; one issuer's wrong clock must not shut the lane
        self.trust = self.trust.under(float(trust.dies))

    def read(self) -> bool:
        """Read the clocks; whether they are trusted otherwise than before, or for another reason."""
        before = self.trust
        self.now = self._reading()
        self.trust = before.read(self.now)
        return (self.trust.state, self.trust.doubt) != (before.state, before.doubt)

    def moment(self, wall: float) -> Moment:
        """When something is judged at `wall` (Unix seconds)."""
        return Moment(wall, trusted=self.state is not ClockState.UNTRUSTED)

    def told(self) -> str:
        """How far the clock is trusted, and why no further: for an operator."""
        doubt = self.trust.doubt
        return "the clock is synchronised and trusted" if doubt is None else _SAYS[doubt](self)

    def says(self) -> str:
        """What the clock says."""
        return f"the clock says {when(self.now.wall)}"

    def earliest(self) -> str:
        """The first thing before which it cannot be: the plainest proof that the clock is wrong."""
        above = sorted((at, what) for what, at in self._floors.items() if at > self.now.wall)
        at, what = above[0] if above else (self.trust.floor, _RAN)
        return f"{what} ({when(at)})"

    def holds_until(self) -> str:
        """Until when an unsynchronised clock is trusted."""
        last = self.trust.synchronised
        return when(last.wall + self.trust.limits.holdover_s) if last else "now"

    def since(self) -> str:
        """When it was last synchronised."""
        last = self.trust.synchronised
        return when(last.wall) if last else "never"

    def _raise(self, what: str, at: float) -> None:
        self._floors[what] = at - self.trust.limits.error_s
        self.trust = self.trust.raised(self._floors[what])

    def _reading(self) -> Reading:
        return Reading(self._clock.wall(), synchronised=self._clock.synchronised(), monotonic=self._clock.monotonic())


def when(wall: float) -> str:
    """Unix seconds as a date and a time, whatever a clock may say."""
    try:
        return utc(wall)
    except (ValueError, OverflowError, OSError):
        return "no time at all"


_SAYS: Final[Mapping[Doubt, Callable[[Timekeeper], str]]] = MappingProxyType(
    {
        Doubt.NO_TIME: lambda at: f"{at.says()}: {_WAITING}",
        Doubt.BELOW_FLOOR: lambda at: f"{at.says()}, before {at.earliest()}: {_WAITING}",
        Doubt.NEVER_SYNCHRONISED: lambda at: (
            f"{at.says()}, and nothing has vouched for it since it started: {_WAITING}"
        ),
        Doubt.STEPPED: lambda at: f"{at.says()}, and was set to that by nobody known since {at.since()}: {_WAITING}",
        Doubt.DRIFTED: lambda at: (
            f"{at.says()}, but was last synchronised at {at.since()} and may be wrong by more than "
            f"{at.trust.limits.error_s:g} s: {_WAITING}"
        ),
        Doubt.UNSYNCHRONISED: lambda at: (
            f"the clock is not synchronised any more: it is trusted without until {at.holds_until()}"
        ),
        Doubt.PAST_CEILING: lambda at: (
            f"{at.says()}, when all that is trusted is dead since {when(at.trust.ceiling)}: "
            "set the clock right, or run `gate trust update`"
        ),
    }
)
