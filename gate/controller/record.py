"""Keeps a lane's record: the journal and the passages, and what is written and told when the clock or the trust that both rest on changes.

Called at every step by the thread that owns the lane. What cannot be kept raises JournalError, and then it does not happen.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil, inf
from typing import Final

from gate.controller import health
from gate.controller.journal import Journal
from gate.controller.passages import Gap, Passages
from gate.controller.timekeeper import Timekeeper, when
from gate.credential.ages import TRUST_LIST, AgeOf, ages, changed, next_change
from gate.credential.claims import Presentation
from gate.credential.trust import Trust
from gate.errors import JournalError
from gate.lane.audit import Kind, Value
from gate.lane.clock import ClockState
from gate.lane.policy import Decision
from gate.lane.replay import Replay

_LOOK_S: Final = 60.0
_LOOK_SOON_S: Final = 1.0
"""How often a lane to which nothing happens looks at its clock, and how often it does where it waits for the time."""

_TELLS_AGE: Final = frozenset({ClockState.TRUSTED, ClockState.HOLDOVER})
"""When the clock may say what is old."""

_LACKING: Final[Mapping[Gap, str]] = {
    Gap.BEFORE_BOOT: "the power was cut",
    Gap.BEFORE_START: "the passages on the disk are damaged, or the lane was ended while it waited",
}


@dataclass(frozen=True, slots=True)
class Books:
    """Where a lane's record is kept. `written` is called once a step in which something was, for somebody else to sync it."""

    journal: Journal
    passages: Passages
    written: Callable[[], None]


class Record:
    """The record of one lane, whose passages are those of `replay`; `tell` takes what an operator should hear."""

    def __init__(
        self, books: Books, replay: Replay, time: Timekeeper, trust: Trust, tell: Callable[[str], None]
    ) -> None:
        self._books = books
        self._replay = replay
        self._time = time
        self._trust = trust
        self._tell = tell
        self._passing: Presentation | None = None
        self._ages: tuple[AgeOf, ...] = ()
        self._ages_due = -inf
        # Whoever may be missing passed before this (monotonic seconds, which count from the boot).
        self._gap_ends = time.now.monotonic if books.passages.gap is Gap.BEFORE_START else 0.0
        self._gap_recorded = False
        self._unsynced = False

    @property
    def time(self) -> Timekeeper:
        """What the lane knows of its clock."""
        return self._time

    def status(self, state: str) -> str:
        """The line of status for a lane in this state: with what is wrong with the clock, else with what ages."""
        if self._time.state in (ClockState.UNTRUSTED, ClockState.AHEAD):
            return f"{state}; clock {self._time.state.value}: {self._time.told()}"
        line = health.line(state, self._ages)
        if self._time.state is not ClockState.TRUSTED:
            line += f"; clock {self._time.state.value}"
        if self._books.passages.gap is not Gap.NOTHING:
            line += f"; everybody is referred until {when(self._replay.waits_until)}"
        return line

    def next_due(self) -> float:
        """When `look` wants to be called though nothing happens (monotonic seconds)."""
        waits = self._time.state is not ClockState.TRUSTED or self._books.passages.gap is not Gap.NOTHING
        look_s = _LOOK_SOON_S if waits else _LOOK_S
        ages_s = self._ages_due - self._time.now.wall
        return self._time.now.monotonic + (ages_s if 0 <= ages_s < look_s else look_s)

    def begin(self) -> None:
        """Write that the lane begins, and what is wrong already. Raises JournalError."""
        self._time.read()
        self.keep(Kind.START, {"trust": self._trust.serial})
        if self._time.state is not ClockState.TRUSTED:
            self._clock_changed()
        self._follow()

    def look(self) -> None:
        """Read the clock, once a step, and do what follows from that. Raises JournalError."""
        if self._time.read():
            self._clock_changed()
        self._follow()

    def take(self, trust: Trust) -> None:
        """Go on with other trust. Raises JournalError."""
        before, self._trust = self._trust, trust
        self._replay.adjust(trust.policy.anti_passback, trust.policy.max_code_age + trust.policy.max_code_lead)
        self._time.rely_on(trust)
        self._ages_due = -inf
        newer = f"trust list {before.serial} -> {trust.serial}"
        self._tell(newer if before.serial != trust.serial else f"new status lists under trust list {trust.serial}")
        self.keep(Kind.TRUST, {"what": TRUST_LIST, "before": before.serial, "trust": trust.serial})

    def decide(self, decision: Decision, wall: float, fields: Mapping[str, Value]) -> None:
        """Keep a decision made at `wall` (Unix seconds), and the use of a code that clears. Raises JournalError, and the use is given back."""
        cleared = decision.presentation if decision.cleared else None
        if cleared is not None:
            self._reserve(cleared, wall)
        try:
            self.keep(Kind.DECISION, {**fields, "who": self._who(decision.presentation)})
        except JournalError:
            if cleared is not None:
                self._books.passages.keep(self._replay.give_back())
            raise
        self._passing = cleared

    def commit(self) -> None:
        """Keep that somebody walks: on the disk a use that was reserved is a passage already. Raises JournalError."""
        self._replay.commit()
        self._settle(Kind.PASSAGE)

    def give_back(self) -> None:
        """Keep that nobody did (law 7). Raises JournalError."""
        try:
            self._unsynced = True
            self._books.passages.keep(self._replay.give_back())
        finally:
            self._settle(Kind.NO_SHOW)

    def keep(self, kind: Kind, fields: Mapping[str, Value]) -> None:
        """Keep a line in the journal. Raises JournalError."""
        self._unsynced = True
        self._books.journal.append(kind, self._time.now.wall, self._time.state, fields)

    def finish(self) -> None:
        """End a step, after its commands: forget what is old, and have what was written synced. Before, both would only be in the way.

        Raises JournalError.
        """
        try:
            if self._time.state in _TELLS_AGE:
                self._unsynced |= self._books.passages.tidy(self._time.now.wall)
        finally:
            if self._unsynced:
                self._unsynced = False
                self._books.written()

    def _reserve(self, presentation: Presentation, wall: float) -> None:
        """In the page cache before the barrier is released: a full disk keeps it shut."""
        passage = self._replay.open(presentation, wall)
        if passage is None:
            return
        try:
            self._unsynced = True
            self._books.passages.keep(passage)
        except JournalError:
            self._replay.give_back()
            raise

    def _settle(self, kind: Kind) -> None:
        shown, self._passing = self._passing, None
        self.keep(kind, {"who": self._who(shown)})

    def _who(self, shown: Presentation | None) -> str | None:
        return self._books.journal.who(shown.cti, self._time.now.wall) if shown else None

    # What follows from the time.

    def _clock_changed(self) -> None:
        told, doubt = self._time.told(), self._time.trust.doubt
        self._ages_due = -inf
        self._tell(told)
        self.keep(Kind.CLOCK, {"state": self._time.state.value, "why": None if doubt is None else doubt.value})

    def _follow(self) -> None:
        self._see_ages()
        if self._time.state is ClockState.TRUSTED and self._books.passages.gap is not Gap.NOTHING:
            self._wait_out_the_gap()

    def _see_ages(self) -> None:
        """Say that something is ageing before it bites."""
        if self._time.now.wall < self._ages_due:
            return
        known = self._time.state is not ClockState.UNTRUSTED
        before, self._ages = self._ages, ages(self._trust, self._time.now.wall if known else None)
        self._ages_due = next_change(self._ages)
        for text in health.told(before, self._ages):
            self._tell(text)
        for one in changed(before, self._ages):
            self.keep(Kind.TRUST, one.fields())

    def _wait_out_the_gap(self) -> None:
        """Nobody passes while somebody who is missing from the passages may be in their interval.

        Counted anew at every look, by the monotonic clock: a wall clock that was wrong and is set right must not end it early.
        """
        now, passages = self._time.now, self._books.passages
        self._replay.missed(now.wall - (now.monotonic - self._gap_ends) + self._time.margin_s)
        waits_s = self._replay.waits_until - now.wall
        if not self._gap_recorded:
            self._record_the_gap(waits_s)
        if waits_s <= 0:
            self._unsynced = True
            passages.fill()
            self._tell("nobody waits any more for who is missing from the passages")

    def _record_the_gap(self, waits_s: float) -> None:
        gap = self._books.passages.gap
        self._gap_recorded = True
        self._tell(
            f"{_LACKING[gap]}: who passed last is not known, so everybody is referred for {max(0, ceil(waits_s))} s"
        )
        self.keep(Kind.CUT, {"what": gap.value, "until": self._replay.waits_until})
