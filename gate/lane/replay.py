"""A code passes once (FORMAT 3): what this lane remembers of whom it let through, and of the one it is letting through.

A credential is remembered as a mark of 16 bytes, made with a key that is changed from time to time: what is remembered, here or on a disk, names
nobody, not even to one who has the credential at hand, once that key is gone. All that was marked with one key is forgotten before the key is.

Memory is bounded. What is forgotten leaves a floor behind: no presentation made at or before the floor is accepted,
whoever shows it, so forgetting never lets one presentation pass twice. By age this costs nobody anything, for such
codes are stale by then. By number it refuses a few fresh codes as `replayed` (the phone's next one passes), and it ends
the forgotten credential's anti-passback interval early: `capacity` must hold the passages of one interval.

It survives a restart through the passages that `open` and `give_back` give out, for somebody to keep before the barrier is released, and that
`restore` takes back: one that was opened and not given back has passed. Where some may be missing, `missed` has everybody wait until no
credential that they could be of may still be in its interval.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import islice, takewhile
from math import floor, inf
from typing import Final, NamedTuple

from gate.credential.claims import Presentation
from gate.credential.reasons import Reason
from gate.errors import GateError

FRESH_S: Final = 20.0
"""How long a code can be fresh, in seconds: from 5 s before its time to 15 s after it (FORMAT 3)."""

MARK_BYTES: Final = 16
"""A mark's length: among 100,000 credentials no two share one (2^-95)."""


class Passage(NamedTuple):
    """What is kept of an accepted presentation: whose (a mark), its `iat`, when (Unix seconds), and whether its use was given back."""

    mark: bytes
    iat: int
    at: float
    given_back: bool = False


@dataclass(frozen=True, slots=True)
class _Generation:
    """The passages marked with one key, oldest first: mark -> (iat, at). Plain tuples: Python's collector need not look at them."""

    key: bytes
    passed: dict[bytes, tuple[int, float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Open:
    """The open transaction: the whole presentation, for `(cti, iat, cnonce)` is its identity (FORMAT 3), and what is kept of it."""

    presentation: Presentation
    passage: Passage


class Replay:
    """The passages of one lane, the latest of each credential, and at most one open transaction.

    `anti_passback_s`: a credential that passed is refused for so long; 0 or more. `capacity`: the most credentials
    remembered, at least 1. `fresh_s`: the whole freshness window, early and late; nothing younger is forgotten by age.
    Raises GateError for others.
    """

    def __init__(self, anti_passback_s: float, capacity: int, fresh_s: float = FRESH_S) -> None:
        if capacity < 1:
            raise GateError(f"expected a capacity of 1 or more, not {capacity}")
        self.adjust(anti_passback_s, fresh_s)
        self._capacity = capacity
        self._generations = [_Generation(b"")]  # oldest first; the last one takes what passes now
        self._open: _Open | None = None
        self._floor = -1
        self._missed = -inf

    def __len__(self) -> int:
        """Count the credentials remembered, without the open one."""
        return sum(len(generation.passed) for generation in self._generations)

    @property
    def keys(self) -> tuple[bytes, ...]:
        """The keys whose marks still count, the one of now last; what was kept under any other may be destroyed."""
        return tuple(generation.key for generation in self._generations)

    @property
    def floor(self) -> int:
        """No presentation made at or before this (Unix seconds) is accepted."""
        return self._floor

    @property
    def retention_s(self) -> float:
        """How long a passage is remembered at least, in seconds, while there is room."""
        return max(self._anti_passback_s, self._fresh_s)

    @property
    def idle(self) -> bool:
        """Whether no transaction is open."""
        return self._open is None

    @property
    def waits_until(self) -> float:
        """When the last of the passages that may be missing is out of its interval and its code is stale (Unix seconds): nobody passes before."""
        return self._missed + self.retention_s

    def adjust(self, anti_passback_s: float, fresh_s: float) -> None:
        """Take new intervals (seconds, 0 or more) from now on, for what is remembered too; what was forgotten stays so. Raises GateError."""
        if not (anti_passback_s >= 0 and fresh_s >= 0):
            raise GateError(f"expected anti-passback and freshness of 0 s or more, not {anti_passback_s} and {fresh_s}")
        self._anti_passback_s = anti_passback_s
        self._fresh_s = fresh_s

    def refuse_until(self, iat: int) -> None:
        """Accept nothing made at or before `iat` (Unix seconds)."""
        self._floor = max(self._floor, iat)

    def missed(self, until: float) -> None:
        """Some that passed up to `until` (Unix seconds) are not remembered: none of their codes may pass again, nor they within their interval.

        Who they are is not known, so it is everybody: nothing that can have been fresh then, and nobody before `waits_until`.
        """
        self._missed = max(self._missed, until)
        self.refuse_until(floor(until + self._fresh_s))

    def found(self) -> None:
        """Nobody who may be missing can be in their interval any more: a longer one, later, does not call them back."""
        self._missed = -inf

    def judge(self, presentation: Presentation, wall: float) -> Reason | None:
        """Say why this presentation may not pass at `wall` (Unix seconds), or None. Changes nothing."""
        if self.is_open(presentation):
            return None  # FORMAT 3: idempotent while its transaction is open
        if wall < self.waits_until:
            return Reason.ANTI_PASSBACK  # it may be one that passed: nothing worse is known of it
        if presentation.iat <= self._floor:
            return Reason.REPLAYED
        iat, at = self._last(presentation)
        if presentation.iat <= iat:  # FORMAT 3: strictly greater, whatever the interval
            return Reason.REPLAYED
        return Reason.ANTI_PASSBACK if wall < at + self._anti_passback_s else None

    def is_open(self, presentation: Presentation) -> bool:
        """Whether the transaction that is open now is this presentation's."""
        return self._open is not None and _identity(self._open.presentation) == _identity(presentation)

    def open(self, presentation: Presentation, wall: float) -> Passage | None:
        """Reserve the presentation's one use, when the barrier is to be released for it at `wall` (Unix seconds).

        Gives what must be kept before that; None for the one that is open already. Raises GateError when another is open or it may not pass.
        """
        if self.is_open(presentation):
            return None
        if self._open is not None:
            raise GateError("expected one transaction at a time, not a second one before commit or give back")
        if (reason := self.judge(presentation, wall)) is not None:
            raise GateError(f"expected a presentation that may pass, not one that is {reason}")
        passage = Passage(_mark(self._generations[-1].key, presentation), presentation.iat, wall)
        self._open = _Open(presentation, passage)
        return passage

    def commit(self) -> None:
        """Spend the open use: somebody walked. What was kept of it stays as it is. Raises GateError when none is open."""
        taken = self._taken()
        for generation in self._generations:
            generation.passed.pop(_mark(generation.key, taken.presentation), None)
        _keep(self._generations[-1], taken.passage)
        self.forget(taken.passage.at)

    def give_back(self) -> Passage:
        """Give the open use back: nobody walked (law 7). Gives what must be kept, or it counts as passed. Raises GateError when none is open."""
        return self._taken().passage._replace(given_back=True)

    def turn(self, key: bytes) -> None:
        """Mark what passes from now on with this key (at most 64 bytes). Raises GateError while a transaction is open."""
        if self._open is not None:
            raise GateError("expected a commit or give back before another key")
        self._generations.append(_Generation(key))
        self.forget(-inf)

    def restore(self, key: bytes, passages: Iterable[Passage]) -> None:
        """Take back what was kept under a key, in its order, the key of now being the last that is restored."""
        self.turn(key)
        for passage in _counted(passages):
            self._generations[-1].passed.pop(passage.mark, None)
            _keep(self._generations[-1], passage)
        self.forget(-inf)

    def forget(self, wall: float) -> None:
        """Forget what is too old at `wall` (Unix seconds) or too much, and the keys of which nothing is left."""
        long_ago = wall - self.retention_s
        over = len(self) - self._capacity
        surplus = over + (self._capacity >> 6) if over > 0 else 0  # some at once: the walk to the oldest is long
        for generation in self._generations:
            passed = generation.passed
            number = min(surplus, len(passed))
            surplus -= number
            old = takewhile(lambda item: item[1][1] < long_ago, islice(passed.items(), number, None))
            for mark, (iat, _) in [*islice(passed.items(), number), *old]:
                del passed[mark]
                self._floor = max(self._floor, iat)
        *before, now = self._generations
        self._generations = [*(generation for generation in before if generation.passed), now]

    def _taken(self) -> _Open:
        if self._open is None:
            raise GateError("expected an open transaction to commit or give back, not none")
        taken, self._open = self._open, None
        return taken

    def _last(self, presentation: Presentation) -> tuple[int, float]:
        """The last accepted `iat` of this credential, and when; -1 and long ago where there is none."""
        if self._open is not None and _credential(self._open.presentation) == _credential(presentation):
            return self._open.passage.iat, self._open.passage.at  # a reservation counts until it is given back
        for generation in reversed(self._generations):
            if generation.passed and (found := generation.passed.get(_mark(generation.key, presentation))):
                return found
        return -1, -inf


def _credential(presentation: Presentation) -> tuple[bytes, bytes]:
    return presentation.issuer_kid, presentation.cti


def _identity(presentation: Presentation) -> tuple[bytes, bytes, int, bytes]:
    return presentation.issuer_kid, presentation.cti, presentation.iat, presentation.cnonce


def _mark(key: bytes, presentation: Presentation) -> bytes:
    """Both have a fixed length (FORMAT 2), so what is hashed is one credential's only."""
    return blake2b(presentation.issuer_kid + presentation.cti, digest_size=MARK_BYTES, key=key).digest()


def _keep(generation: _Generation, passage: Passage) -> None:
    generation.passed[passage.mark] = passage.iat, passage.at


def _counted(passages: Iterable[Passage]) -> Iterator[Passage]:
    """Those that were not given back by the very next one."""
    pending: Passage | None = None
    for passage in passages:
        if pending is not None and passage != pending._replace(given_back=True):
            yield pending
        pending = None if passage.given_back else passage
    if pending is not None:
        yield pending
