"""What the lane's sensors say, and what a change of one of them means.

Two beams cross the walkway, one at the entry and one at the exit. They see a person only while the person stands in
one of them, so the fold remembers how far somebody has come. What two beams cannot tell, it leaves to a timer or to an
officer:

- between the beams nobody is seen: whoever broke the entry beam and not yet the exit beam counts as inside, though they
  may have walked back;
- an entry beam broken again before anyone reached the exit is the same person (an arm, a bag), or somebody new after
  the first walked back: it is told again, and the table decides;
- an entry beam broken again after somebody reached the exit is a second person behind the first: from then on only an
  officer says when the lane is empty, for two beams cannot count two people out.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType

from gate.errors import GateError


class Event(StrEnum):
    """What can happen to a lane (DESIGN, "The lane")."""

    CLEARED = "cleared"
    REFUSED = "refused"
    ENTERED = "entered"
    LEFT = "left"
    CLOSED = "closed"
    TIMEOUT = "timeout"
    FAULT = "fault"
    FIRE = "fire"
    RESET = "reset"


class Walk(StrEnum):
    """How far somebody has come, as far as two beams can tell."""

    NOBODY = "nobody"
    INSIDE = "inside"
    LEAVING = "leaving"
    CROWD = "crowd"


@dataclass(frozen=True, slots=True)
class Inputs:
    """The levels now, debounced, and the walk so far.

    `entry` and `exit` are broken beams, `closed` is the barrier's switch made, `fire` is the loop open, `officer` is
    the key turned. `walk` is the fold's own memory and starts as it is.
    """

    entry: bool
    exit: bool
    closed: bool
    fire: bool
    officer: bool
    walk: Walk = Walk.NOBODY

    @property
    def clear(self) -> bool:
        """Neither beam is broken. It does not say that nobody stands between them: the walk and `Lane.occupied` do."""
        return not (self.entry or self.exit)


# What a break of a beam means, by the walk so far. Who comes in by the exit has entered too: law 2 is for them as well.
_BROKEN: Mapping[tuple[str, Walk], tuple[Walk, Event | None]] = MappingProxyType(
    {
        ("entry", Walk.NOBODY): (Walk.INSIDE, Event.ENTERED),
        ("entry", Walk.INSIDE): (Walk.INSIDE, Event.ENTERED),
        ("entry", Walk.LEAVING): (Walk.CROWD, Event.ENTERED),
        ("entry", Walk.CROWD): (Walk.CROWD, Event.ENTERED),
        ("exit", Walk.NOBODY): (Walk.LEAVING, Event.ENTERED),
        ("exit", Walk.INSIDE): (Walk.LEAVING, None),
        ("exit", Walk.LEAVING): (Walk.LEAVING, None),
        ("exit", Walk.CROWD): (Walk.CROWD, None),
    }
)
# What the other sensors mean when they become active. That they cease is a level, not an event.
_ACTIVE: Mapping[str, Event] = MappingProxyType({"closed": Event.CLOSED, "fire": Event.FIRE, "officer": Event.RESET})
_SET: Mapping[str, Callable[[Inputs, bool], Inputs]] = MappingProxyType(
    {
        "entry": lambda inputs, active: replace(inputs, entry=active),
        "exit": lambda inputs, active: replace(inputs, exit=active),
        "closed": lambda inputs, active: replace(inputs, closed=active),
        "fire": lambda inputs, active: replace(inputs, fire=active),
        "officer": lambda inputs, active: replace(inputs, officer=active),
    }
)


def fold(inputs: Inputs, sensor: str, active: bool) -> tuple[Inputs, Event | None]:  # noqa: FBT001 - a level, not a switch
    """Take one debounced change of one sensor: the inputs after it, and the event that it is, if any.

    `sensor` is `entry`, `exit`, `closed`, `fire` or `officer`; anything else raises GateError. ENTERED comes with each
    break of the entry beam and with the first sign of anybody, LEFT when
    the lane is clear behind one who reached the exit. A level that is already so is no event.
    """
    if sensor not in _SET:
        raise GateError(f"expected a sensor of {', '.join(_SET)}, not {sensor!r}")
    after = _SET[sensor](inputs, active)
    if after == inputs:
        return inputs, None
    return _switch(after, sensor, active=active) if sensor in _ACTIVE else _beam(after, sensor, broken=active)


def _beam(inputs: Inputs, sensor: str, *, broken: bool) -> tuple[Inputs, Event | None]:
    if broken:
        walk, event = _BROKEN[sensor, inputs.walk]
        return replace(inputs, walk=walk), event
    if inputs.clear and inputs.walk is Walk.LEAVING:
        return replace(inputs, walk=Walk.NOBODY), Event.LEFT
    return (
        inputs,
        None,
    )  # between the beams, or back out by the entry: not to be told apart, so the passing timer speaks


def _switch(inputs: Inputs, sensor: str, *, active: bool) -> tuple[Inputs, Event | None]:
    if not active:
        return inputs, None
    if (
        sensor == "officer" and inputs.clear
    ):  # the officer has looked, and the beams agree: the next break is somebody new
        return replace(inputs, walk=Walk.NOBODY), Event.RESET
    return inputs, _ACTIVE[sensor]
