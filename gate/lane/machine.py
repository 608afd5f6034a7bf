"""The lane's state machine: one table, read top to bottom.

Its laws (DESIGN, "The lane"); the tests hold every reachable state to them:

1. Only a clearance at standby releases the barrier; one clearance, one passage.
2. What the table does not list is an alarm, and an alarm never closes on a person: secure only when the beams are clear
   and nobody is inside.
3. Every state but standby, evacuation and out of service ends by itself. Only an officer ends the last two.
4. Fire beats everything: the loop frees the barrier without us, and nothing is driven against it while it is open.
5. A fault is a FAULT event, whatever the lane was doing.
6. Nothing here is a level: RELEASE is a pulse that the hardware ends, SECURE is bounded there, HOLD drives nothing.
7. Nobody passes unconfirmed: each RELEASE ends in one COMMIT (somebody walked) or one GIVE_BACK (nobody did).
8. The sign follows the state: whoever changes the state says what to show.

`python -m gate.lane.machine` prints the diagram and the rows; LANE.md holds them.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from gate.lane.inputs import Event, Inputs, Walk

__all__ = [
    "AT_ONCE",
    "TABLE",
    "UNLISTED",
    "Command",
    "Event",
    "Lane",
    "Row",
    "State",
    "Step",
    "Timers",
    "When",
    "deadline",
    "diagram",
    "page",
    "rows",
    "start",
    "step",
]


class State(StrEnum):
    """Where the lane is."""

    STANDBY = "standby"
    REFERRED = "referred"
    RELEASED = "released"
    PASSING = "passing"
    SECURING = "securing"
    EVACUATION = "evacuation"
    OUT_OF_SERVICE = "out_of_service"


class Command(StrEnum):
    """What the lane wants done, in the order given. Each is to be tried even when one before it failed."""

    RELEASE = "release"
    SECURE = "secure"
    SECURE_IF_CLEAR = (
        "secure_if_clear"  # in the table only: `step` makes it SECURE or, where somebody may be, HOLD (law 2)
    )
    HOLD = "hold"  # stop a securing barrier, drive nothing
    COMMIT = "commit"  # the code's single use is spent
    GIVE_BACK = "give_back"  # a no-show's is not
    ALARM = "alarm"  # for the record
    SHOW_READY = "show_ready"
    SHOW_SEEN = "show_seen"  # the loop's own cue, before any decision (law 8); no row has it
    SHOW_PROCEED = "show_proceed"
    SHOW_REFERRED = "show_referred"
    SHOW_CLOSED = "show_closed"
    SHOW_OUT_OF_ORDER = "show_out_of_order"
    SHOW_EVACUATE = "show_evacuate"
    SOUND_SEEN = "sound_seen"  # the loop's own, like SHOW_SEEN
    SOUND_PROCEED = "sound_proceed"
    SOUND_REFERRED = "sound_referred"
    SOUND_ALARM = "sound_alarm"


class When(StrEnum):
    """What must hold for a row. Where it does not, the row's `otherwise` is taken, or the lane stays as it is."""

    ALWAYS = "always"
    LOOKED = "beams clear, no fire"  # an officer's word that the lane is empty, which the beams must not contradict
    TAILGATED = "a second person behind"
    AT_EXIT = "exit beam alone"


@dataclass(frozen=True, slots=True)
class Row:
    """One cell of the table."""

    state: State
    commands: tuple[Command, ...] = ()
    when: When = When.ALWAYS
    otherwise: "Row | None" = None


@dataclass(frozen=True, slots=True)
class Lane:
    """The lane now.

    `since` is when it came to its state, in monotonic seconds. `occupied`: somebody came in and was not seen to leave.
    """

    state: State
    since: float
    occupied: bool


@dataclass(frozen=True, slots=True)
class Step:
    """The lane after one event, and what to do. `listed` is false for what the table does not know: our defect."""

    lane: Lane
    commands: tuple[Command, ...]
    listed: bool = True


@dataclass(frozen=True, slots=True)
class Timers:
    """How long a state may last, in seconds, all above zero."""

    referred: float = 3.0
    released: float = 5.0
    passing: float = 15.0
    securing: float = 5.0


_OUT = (Command.ALARM, Command.SHOW_OUT_OF_ORDER, Command.SOUND_ALARM)
_EVACUATE = (Command.SHOW_EVACUATE, Command.SOUND_ALARM)
_RETURN = Row(State.SECURING, (Command.SECURE_IF_CLEAR, Command.SHOW_CLOSED), When.LOOKED)

# Law 2. The two pairs that are not listed are timeouts of states that have no timer.
UNLISTED = Row(State.OUT_OF_SERVICE, (Command.SECURE_IF_CLEAR, *_OUT))

# Law 1: a verdict counts at standby alone. The rest of these mean nothing where they stand.
_STAYS: Mapping[State, tuple[Event, ...]] = MappingProxyType(
    {
        # A person may step up to a secured barrier before showing a code: see AT_ONCE.
        State.STANDBY: (Event.ENTERED,),
        State.REFERRED: (Event.CLEARED, Event.REFUSED, Event.ENTERED),
        # A barrier that is slow to leave its switch makes it again.
        State.RELEASED: (Event.CLEARED, Event.REFUSED, Event.CLOSED, Event.RESET),
        # A turnstile makes its switch while the person is still in it: the beams say when they are out.
        State.PASSING: (Event.CLEARED, Event.REFUSED, Event.CLOSED, Event.RESET),
        State.SECURING: (Event.CLEARED, Event.REFUSED, Event.RESET),
        State.OUT_OF_SERVICE: (Event.CLEARED, Event.REFUSED, Event.CLOSED, Event.FAULT),
        # Laws 3 and 4: all but the officer, even the timeout that can not be.
        State.EVACUATION: tuple(event for event in Event if event is not Event.RESET),
    }
)

TABLE: Mapping[tuple[State, Event], Row] = MappingProxyType(
    {
        **{(state, event): Row(state) for state, events in _STAYS.items() for event in events},
        # A verdict (law 1)
        (State.STANDBY, Event.CLEARED): Row(
            State.RELEASED, (Command.RELEASE, Command.SHOW_PROCEED, Command.SOUND_PROCEED)
        ),
        (State.STANDBY, Event.REFUSED): Row(State.REFERRED, (Command.SHOW_REFERRED, Command.SOUND_REFERRED)),
        # A passage (law 7)
        (State.RELEASED, Event.ENTERED): Row(State.PASSING, (Command.COMMIT, Command.SHOW_PROCEED)),
        # Somebody who stood between the beams already walked out: that was the passage (law 1).
        (State.RELEASED, Event.LEFT): Row(
            State.SECURING, (Command.SECURE_IF_CLEAR, Command.COMMIT, Command.SHOW_CLOSED)
        ),
        (State.PASSING, Event.LEFT): Row(State.SECURING, (Command.SECURE_IF_CLEAR, Command.SHOW_CLOSED)),
        (State.SECURING, Event.CLOSED): Row(State.STANDBY, (Command.SHOW_READY,)),
        # Time (law 3)
        (State.REFERRED, Event.TIMEOUT): Row(State.STANDBY, (Command.SHOW_READY,)),
        (State.RELEASED, Event.TIMEOUT): Row(
            State.SECURING, (Command.SECURE_IF_CLEAR, Command.GIVE_BACK, Command.SHOW_CLOSED)
        ),
        # Somebody inside does not leave, or walked back. The beams cannot tell: do not drive the barrier (law 2).
        (State.PASSING, Event.TIMEOUT): Row(State.OUT_OF_SERVICE, (Command.HOLD, *_OUT)),
        # Jammed: what it pushes against may be what the beams do not see (law 2).
        (State.SECURING, Event.TIMEOUT): Row(State.OUT_OF_SERVICE, (Command.HOLD, *_OUT)),
        # People where they should not be (laws 1 and 2)
        (State.PASSING, Event.ENTERED): Row(State.OUT_OF_SERVICE, (Command.HOLD, *_OUT), When.TAILGATED),
        # A bag or a foot after its owner: the same passage goes on. By the entry it is somebody new.
        (State.SECURING, Event.ENTERED): Row(
            State.PASSING,
            (Command.HOLD, Command.SHOW_PROCEED),
            When.AT_EXIT,
            otherwise=Row(State.OUT_OF_SERVICE, (Command.HOLD, *_OUT)),
        ),
        # Only where the barrier was held, for somebody was taken to be inside: they have left after a no-show.
        (State.SECURING, Event.LEFT): Row(State.SECURING, (Command.SECURE_IF_CLEAR, Command.ALARM)),
        # Over a secured barrier, or into the exit beam from outside: an officer looks, the lane goes on.
        (State.STANDBY, Event.LEFT): Row(State.REFERRED, (Command.ALARM, Command.SHOW_REFERRED, Command.SOUND_ALARM)),
        (State.REFERRED, Event.LEFT): Row(State.REFERRED, (Command.ALARM, Command.SOUND_ALARM)),
        # Pushed off its switch while it was secured, and back.
        (State.STANDBY, Event.CLOSED): Row(State.STANDBY, (Command.ALARM,)),
        (State.REFERRED, Event.CLOSED): Row(State.REFERRED, (Command.ALARM,)),
        # It may have been securing: stop. When they have left, secure behind them.
        (State.OUT_OF_SERVICE, Event.ENTERED): Row(State.OUT_OF_SERVICE, (Command.HOLD,)),
        (State.OUT_OF_SERVICE, Event.LEFT): Row(State.OUT_OF_SERVICE, (Command.SECURE_IF_CLEAR,)),
        # An officer (law 3)
        (State.STANDBY, Event.RESET): Row(State.STANDBY, (), When.LOOKED),
        (State.REFERRED, Event.RESET): Row(State.STANDBY, (Command.SHOW_READY,)),
        (State.OUT_OF_SERVICE, Event.RESET): _RETURN,
        (State.EVACUATION, Event.RESET): _RETURN,
        # Faults (laws 2, 5 and 7)
        (State.STANDBY, Event.FAULT): UNLISTED,
        (State.REFERRED, Event.FAULT): UNLISTED,
        (State.RELEASED, Event.FAULT): Row(State.OUT_OF_SERVICE, (Command.SECURE_IF_CLEAR, Command.GIVE_BACK, *_OUT)),
        (State.PASSING, Event.FAULT): UNLISTED,
        (State.SECURING, Event.FAULT): UNLISTED,
        # Fire (laws 4 and 7)
        (State.STANDBY, Event.FIRE): Row(State.EVACUATION, (Command.HOLD, *_EVACUATE)),
        (State.REFERRED, Event.FIRE): Row(State.EVACUATION, (Command.HOLD, *_EVACUATE)),
        (State.RELEASED, Event.FIRE): Row(State.EVACUATION, (Command.HOLD, Command.GIVE_BACK, *_EVACUATE)),
        (State.PASSING, Event.FIRE): Row(State.EVACUATION, (Command.HOLD, *_EVACUATE)),
        (State.SECURING, Event.FIRE): Row(State.EVACUATION, (Command.HOLD, *_EVACUATE)),
        (State.OUT_OF_SERVICE, Event.FIRE): Row(State.EVACUATION, (Command.HOLD, *_EVACUATE)),
    }
)

# What a command waits for may be so already, and then no edge will tell: the person stands in the entry beam while
# showing the code, and a barrier that nobody pushed never left its switch. Only one that was told to secure is closed.
AT_ONCE: Mapping[Command, tuple[Callable[[Inputs], bool], Event]] = MappingProxyType(
    {
        Command.RELEASE: (lambda inputs: inputs.entry, Event.ENTERED),
        Command.SECURE: (lambda inputs: inputs.closed, Event.CLOSED),
    }
)

_HOLDS: Mapping[When, Callable[[Inputs], bool]] = MappingProxyType(
    {
        When.ALWAYS: lambda _: True,
        When.LOOKED: lambda inputs: inputs.clear and not inputs.fire,
        When.TAILGATED: lambda inputs: inputs.walk is Walk.CROWD,
        When.AT_EXIT: lambda inputs: inputs.exit and not inputs.entry,
    }
)


def start(inputs: Inputs, now: float) -> Step:
    """Begin, whatever was before: evacuated on fire, secured when the beams are clear, else out of service.

    `now` is monotonic seconds.
    """
    lane = Lane(State.OUT_OF_SERVICE, now, occupied=not inputs.clear)
    if inputs.fire:
        return _take(lane, TABLE[State.OUT_OF_SERVICE, Event.FIRE], Event.FIRE, inputs, now)
    if inputs.clear:
        return _at_once(_take(lane, _RETURN, Event.RESET, inputs, now), inputs, now)
    return Step(lane, (Command.HOLD, *_OUT))


def step(lane: Lane, event: Event, inputs: Inputs, now: float) -> Step:
    """Take one event: the lane after it, and what to do.

    `inputs` are those after the event; `now` is monotonic seconds. A CLEARED whose step has no RELEASE changed nothing:
    the code's use must not be reserved for it.
    """
    row = TABLE.get((lane.state, event))
    if row is None:
        return _take(lane, UNLISTED, event, inputs, now, listed=False)
    return _at_once(_take(lane, row, event, inputs, now), inputs, now)


def deadline(lane: Lane, timers: Timers) -> float | None:
    """When a TIMEOUT is due (monotonic seconds), or None where only an event ends the state (law 3)."""
    seconds = {
        State.REFERRED: timers.referred,
        State.RELEASED: timers.released,
        State.PASSING: timers.passing,
        State.SECURING: timers.securing,
    }.get(lane.state)
    return None if seconds is None else lane.since + seconds


def _take(lane: Lane, row: Row, event: Event, inputs: Inputs, now: float, *, listed: bool = True) -> Step:
    if not _HOLDS[row.when](inputs):
        return _take(lane, row.otherwise or Row(lane.state), event, inputs, now)
    occupied = _occupied(lane, event) and row.when is not When.LOOKED
    empty = inputs.clear and not occupied and not inputs.fire  # laws 2 and 4
    commands = tuple(_resolved(command, empty=empty) for command in row.commands)
    since = lane.since if row.state is lane.state else now  # staying must not put off the timer (law 3)
    return Step(Lane(row.state, since, occupied), commands, listed)


def _occupied(lane: Lane, event: Event) -> bool:
    return event is Event.ENTERED or (lane.occupied and event is not Event.LEFT)


def _resolved(command: Command, *, empty: bool) -> Command:
    if command is not Command.SECURE_IF_CLEAR:
        return command
    return Command.SECURE if empty else Command.HOLD


def _at_once(done: Step, inputs: Inputs, now: float) -> Step:
    for command in done.commands:
        is_so, event = AT_ONCE.get(command, (None, Event.CLOSED))
        if is_so is not None and is_so(inputs):
            then = _take(done.lane, TABLE[done.lane.state, event], event, inputs, now)
            return Step(then.lane, done.commands + then.commands)
    return done


def diagram() -> str:
    """Draw the table as a Mermaid state diagram. Rows that stay are left out: `rows` has them."""
    lines = ["stateDiagram-v2", f"    [*] --> {State.SECURING}"]
    for source, event, row in _ordered():
        if row.state is not source:
            when = "" if row.when is When.ALWAYS else f" [{row.when}]"
            lines.append(f"    {source} --> {row.state} : {event}{when}")
    return "\n".join(lines)


def rows() -> str:
    """List the table in Markdown, in the order of the states; then what each state takes no notice of."""
    lines = ["| at | event | when | then | commands |", "|---|---|---|---|---|"]
    idle: dict[State, list[Event]] = {state: [] for state in State}
    for source, event, row in _ordered():
        if row == Row(source):
            idle[source].append(event)
        else:
            cells = (source, event, row.when, row.state, ", ".join(row.commands) or "none")
            lines.append(f"| {' | '.join(cells)} |")
    lines += ["", "Listed, and nothing happens:", ""]
    lines += [f"- {state}: {', '.join(events)}" for state, events in idle.items() if events]
    return "\n".join(lines)


def page() -> str:
    """Write the part of LANE.md that is drawn from the table."""
    return f"```mermaid\n{diagram()}\n```\n\n{rows()}"


def _ordered() -> Iterator[tuple[State, Event, Row]]:
    for state in State:
        for event in Event:
            row = TABLE.get((state, event))
            while row is not None:
                yield state, event, row
                row = row.otherwise


if __name__ == "__main__":
    print(page())  # noqa: T201 - printing is what the module is run for
