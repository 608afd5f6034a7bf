"""How old what is trusted is, and when that begins to matter: fresh -> grace -> stale -> dead, and never back without a newer list.

- fresh: younger than its refresh interval; nothing to say.
- grace: a newer one should have come; everything works.
- stale: past its own expiry, or the policy's stale age; everything still works, and the operator hears when it will stop.
- dead: nothing rests on it any more: `trust_expired`, or `status_unknown` for whoever the list speaks for (FORMAT 4.4 and 4.9).

The trust list is fresh until `issued + trust_fresh`, in grace until `expires`, stale until `Trust.dies`. A status list is fresh until
`iat + status_fresh`, in grace until `iat + status_stale`, stale until `Trust.status_dies`. A turn that the policy does not set, or sets so late
that it would never come, lies at one half (the end of fresh) or three quarters (the end of grace) of the list's own life: so something is
always said before it bites.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import inf
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:  # the scanner has a health too, and must load no keys
    from gate.credential.trust import Trust

TRUST_LIST: Final = "trust list"
_HALF: Final = 2
_THREE_QUARTERS: Final = 3


class Age(StrEnum):
    """How old something is, the youngest first. UNKNOWN is no age: there is no clock that could tell."""

    FRESH = "fresh"
    GRACE = "grace"
    STALE = "stale"
    DEAD = "dead"
    UNKNOWN = "unknown"


_ORDER: Final = tuple(Age)


@dataclass(frozen=True, slots=True)
class AgeOf:
    """How old one thing is: `what` is TRUST_LIST, or "status list" and its uri. Times are Unix seconds.

    It has been so `since`; the next age begins at `next_change` (infinite where none does); from `dies` on it is refused.
    """

    what: str
    age: Age
    since: int
    next_change: float
    dies: int

    def fields(self) -> dict[str, str | int]:
        """What the journal keeps of it."""
        return {"what": self.what, "age": self.age.value, "dies": self.dies}


def status_list(uri: str) -> str:
    """What the status list of this uri is called among the ages."""
    return f"status list {uri}"


def ages(trust: "Trust", wall: float | None) -> tuple[AgeOf, ...]:
    """The age of the trust list, then of each status list, at `wall` (Unix seconds); None where no clock can be trusted to tell."""
    return tuple(_age_of(what, turns, wall) for what, turns in _turns(trust))


def changed(before: Sequence[AgeOf], after: Sequence[AgeOf]) -> tuple[AgeOf, ...]:
    """What of `after` has another known age than before, or another end. What was unknown or not there is taken to have been fresh."""
    known = {one.what: _told_of(one) for one in before if one.age is not Age.UNKNOWN}
    return tuple(one for one in after if one.age is not Age.UNKNOWN and _told_of(one) != known.get(one.what))


def worst(found: Sequence[AgeOf]) -> AgeOf:
    """The one to worry about first: the oldest, and of those the first to die. `found` is what `ages` gave."""
    return max(found, key=lambda one: (_ORDER.index(one.age), -one.dies))


def next_change(found: Sequence[AgeOf]) -> float:
    """When to look again (Unix seconds); infinite where nothing will change by itself."""
    return min((one.next_change for one in found), default=inf)


def _told_of(one: AgeOf) -> tuple[Age, int] | None:
    """What is said about it: nothing of what is fresh, and of all else when it ends."""
    return None if one.age is Age.FRESH else (one.age, one.dies)


def _age_of(what: str, turns: tuple[int, int, int, int], wall: float | None) -> AgeOf:
    """`turns` are when each age begins, none before the one in front of it."""
    *_, dies = turns
    if wall is None:
        return AgeOf(what, Age.UNKNOWN, turns[0], inf, dies)
    index = max(bisect_right(turns, wall) - 1, 0)  # by a clock a little behind its maker's it is as fresh as can be
    following = turns[index + 1] if _ORDER[index] is not Age.DEAD else inf
    return AgeOf(what, _ORDER[index], turns[index], following, dies)


def _turns(trust: "Trust") -> Iterator[tuple[str, tuple[int, int, int, int]]]:
    policy = trust.policy
    grace = _turn(trust.issued, trust.expires, policy.trust_fresh, _HALF)
    yield TRUST_LIST, (trust.issued, grace, trust.expires, trust.dies)
    for uri, listed in trust.status_lists.items():
        dies = trust.status_dies[uri]
        stale = _turn(listed.iat, dies, policy.status_stale, _THREE_QUARTERS)
        grace = _turn(listed.iat, dies, policy.status_fresh, _HALF)
        yield status_list(uri), (listed.iat, min(grace, stale), stale, dies)


def _turn(begins: int, ends: int, after: int | None, quarters: int) -> int:
    """`begins + after` where that comes before `ends`, and a share of the time between where it does not."""
    if after is not None and begins + after < ends:
        return begins + after
    return begins + (ends - begins) * quarters // 4
