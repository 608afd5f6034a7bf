"""A code passes once (FORMAT 3): what this lane remembers of whom it let through, and of the one it is letting through.

Memory is bounded. What is forgotten leaves a floor behind: no presentation made at or before the floor is accepted,
whoever shows it, so forgetting never lets one presentation pass twice. By age this costs nobody anything, for such
codes are stale by then. By number it refuses a few fresh codes as `replayed` (the phone's next one passes), and it ends
the forgotten credential's anti-passback interval early: `capacity` must hold the passages of one interval.
"""

from dataclasses import dataclass
from typing import Final

from gate.credential.claims import Presentation
from gate.credential.reasons import Reason
from gate.errors import GateError

FRESH_S: Final = 20.0
"""How long a code can be fresh, in seconds: from 5 s before its time to 15 s after it (FORMAT 3)."""


@dataclass(frozen=True, slots=True)
class _Passage:
    """An accepted presentation: `(cti, iat, cnonce)` is its identity (FORMAT 3), `at` is when (Unix seconds)."""

    credential: tuple[bytes, bytes]
    iat: int
    cnonce: bytes
    at: float

    def is_of(self, presentation: Presentation) -> bool:
        return self == _passage(presentation, self.at)


def _passage(presentation: Presentation, at: float) -> _Passage:
    credential = presentation.issuer_kid, presentation.cti
    return _Passage(credential, presentation.iat, presentation.cnonce, at)


class Replay:
    """The passages of one lane, the latest of each credential, and at most one open transaction.

    `anti_passback_s`: a credential that passed is refused for so long; 0 or more. `capacity`: the most credentials
    remembered, at least 1. `fresh_s`: the whole freshness window, early and late; nothing younger is forgotten by age.
    """

    def __init__(self, anti_passback_s: float, capacity: int, fresh_s: float = FRESH_S) -> None:
        if not (anti_passback_s >= 0 and capacity >= 1 and fresh_s >= 0):
            raise GateError(
                "expected anti-passback and freshness of 0 s or more and a capacity of 1 or more, "
                f"not {anti_passback_s}, {fresh_s} and {capacity}"
            )
        self._anti_passback_s = anti_passback_s
        self._capacity = capacity
        self._retention_s = max(anti_passback_s, fresh_s)
        self._passed: dict[tuple[bytes, bytes], _Passage] = {}  # oldest passage first
        self._open: _Passage | None = None
        self._floor = -1

    def __len__(self) -> int:
        """Count the credentials remembered, without the open one."""
        return len(self._passed)

    def refuse_until(self, iat: int) -> None:
        """Accept nothing made at or before `iat` (Unix seconds): what passed before a restart is not remembered, and must not pass again."""
        self._floor = max(self._floor, iat)

    def judge(self, presentation: Presentation, wall: float) -> Reason | None:
        """Say why this presentation may not pass at `wall` (Unix seconds), or None. Changes nothing."""
        if self.is_open(presentation):
            return None  # FORMAT 3: idempotent while its transaction is open
        if presentation.iat <= self._floor:
            return Reason.REPLAYED
        last = self._last(presentation.issuer_kid, presentation.cti)
        if last is None:
            return None
        if presentation.iat <= last.iat:  # FORMAT 3: strictly greater, whatever the interval
            return Reason.REPLAYED
        return Reason.ANTI_PASSBACK if wall < last.at + self._anti_passback_s else None

    def is_open(self, presentation: Presentation) -> bool:
        """Whether the transaction that is open now is this presentation's."""
        return self._open is not None and self._open.is_of(presentation)

    def open(self, presentation: Presentation, wall: float) -> None:
        """Reserve the presentation's one use, when the barrier is released for it at `wall` (Unix seconds).

        Again for the one that is open changes nothing. Raises GateError when another is open or it may not pass.
        """
        if self.is_open(presentation):
            return
        if self._open is not None:
            raise GateError("expected one transaction at a time, not a second one before commit or give back")
        if (reason := self.judge(presentation, wall)) is not None:
            raise GateError(f"expected a presentation that may pass, not one that is {reason}")
        self._open = _passage(presentation, wall)

    def commit(self) -> None:
        """Spend the open use: somebody walked. Raises GateError when none is open."""
        passage = self._taken()
        self._passed.pop(passage.credential, None)
        self._passed[passage.credential] = passage
        self._forget(passage.at)

    def give_back(self) -> None:
        """Give the open use back: nobody walked (law 7). Raises GateError when none is open."""
        self._taken()

    def _taken(self) -> _Passage:
        if self._open is None:
            raise GateError("expected an open transaction to commit or give back, not none")
        passage, self._open = self._open, None
        return passage

    def _last(self, issuer_kid: bytes, cti: bytes) -> _Passage | None:
        credential = issuer_kid, cti
        if self._open is not None and self._open.credential == credential:
            return self._open  # a reservation counts as a passage until it is given back
        return self._passed.get(credential)

    def _forget(self, wall: float) -> None:
        while len(self._passed) > self._capacity or self._oldest().at < wall - self._retention_s:
            oldest = self._passed.pop(self._oldest().credential)
            self._floor = max(self._floor, oldest.iat)

    def _oldest(self) -> _Passage:
        return next(iter(self._passed.values()))
