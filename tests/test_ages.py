"""Ages: fresh, grace, stale, dead, in this order, each said before it bites."""

from collections.abc import Mapping
from dataclasses import replace
from math import inf

import msgspec
import pytest
from forge import AT, TRUST, URI, VERIFIER, shown
from hypothesis import given
from hypothesis import strategies as st

from gate.credential.ages import TRUST_LIST, Age, AgeOf, ages, changed, next_change, status_list, worst
from gate.credential.reasons import Reason
from gate.credential.trust import Policy, Trust
from gate.credential.verifier import Moment
from gate.specimen.cases import VALID_FROM

ORDER = [Age.FRESH, Age.GRACE, Age.STALE, Age.DEAD]
LISTED = status_list(URI)


def trusting(
    *, issued: int = AT, expires: int = AT + 1000, iat: int = AT, exp: int = AT + 1000, **policy: int | None
) -> Trust:
    """Trust with one status list, and these policy fields."""
    lists = {URI: replace(TRUST.status_lists[URI], iat=iat, exp=exp)}
    return replace(TRUST, issued=issued, expires=expires, status_lists=lists, policy=Policy(**policy))


def age_of(what: str, trust: Trust, wall: float | None) -> AgeOf:
    return next(one for one in ages(trust, wall) if one.what == what)


def turns(what: str, trust: Trust) -> list[tuple[float, Age]]:
    """(seconds after AT, what it is then), from one change to the next."""
    found = [age_of(what, trust, AT)]
    while found[-1].next_change < inf:
        found.append(age_of(what, trust, found[-1].next_change))
    return [(one.since - AT, one.age) for one in found]


def test_the_trust_list_ages() -> None:
    trust = trusting(trust_fresh=300, trust_grace=50)
    assert turns(TRUST_LIST, trust) == list(zip((0, 300, 1000, 1050), ORDER, strict=True))
    assert [age_of(TRUST_LIST, trust, AT + after).age for after in (-9, 299.99, 300, 999.99, 1000, 1049.99, 1050, 1e10)] == [
        Age.FRESH, Age.FRESH, Age.GRACE, Age.GRACE, Age.STALE, Age.STALE, Age.DEAD, Age.DEAD
    ]  # fmt: skip
    assert age_of(TRUST_LIST, trust, AT + 400) == AgeOf(TRUST_LIST, Age.GRACE, AT + 300, AT + 1000, AT + 1050)


def test_a_status_list_ages() -> None:
    trust = trusting(status_fresh=100, status_stale=200, max_status_age=300)
    assert turns(LISTED, trust) == list(zip((0, 100, 200, 300), ORDER, strict=True))
    assert age_of(LISTED, trust, AT + 300.5) == AgeOf(LISTED, Age.DEAD, AT + 300, inf, AT + 300)


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ({"max_status_age": 400}, (200, 300, 400)),
        ({"max_status_age": 9999}, (500, 750, 1000)),  # its own exp comes first
        ({"max_status_age": 400, "status_fresh": 350}, (300, 300, 400)),
        ({"max_status_age": 400, "status_stale": 100}, (100, 100, 400)),
        ({"max_status_age": 400, "status_stale": 400}, (200, 300, 400)),  # would never be stale
        ({"max_status_age": 9999, "status_fresh": 1000, "status_stale": 2000}, (500, 750, 1000)),
        ({"max_status_age": 9999, "status_fresh": 999, "status_stale": 2000}, (750, 750, 1000)),
        ({"max_status_age": 0}, (0, 0, 0)),
    ],
)
def test_a_turn_that_would_never_come_is_a_share_of_the_lists_life(
    policy: Mapping[str, int], expected: tuple[int, ...]
) -> None:
    trust = trusting(**policy)
    now = [age_of(LISTED, trust, AT + second).age for second in range(1001)]
    assert tuple(sum(ORDER.index(age) < index for age in now) for index in (1, 2, 3)) == expected


@pytest.mark.parametrize(("fresh", "expected"), [(None, 500), (0, 0), (999, 999), (1000, 500), (5000, 500)])
def test_a_trust_list_is_never_without_its_grace(fresh: int | None, expected: int) -> None:
    assert turns(TRUST_LIST, trusting(trust_fresh=fresh, trust_grace=9))[-3] == (expected, Age.GRACE)


def test_the_specimen_is_fresh_for_years() -> None:
    """A kit lies in a drawer."""
    year = 365 * 86400
    assert {one.age for one in ages(TRUST, AT + 5 * year)} == {Age.FRESH}
    assert next_change(ages(TRUST, AT)) > AT + 5 * year


def test_without_a_clock_nobody_can_tell() -> None:
    assert ages(trusting(trust_grace=50, iat=AT - 7), None) == (
        AgeOf("trust list", Age.UNKNOWN, AT, inf, AT + 1050),
        AgeOf("status list urn:uto:uto-mo", Age.UNKNOWN, AT - 7, inf, AT + 1000),
    )


def test_what_has_changed() -> None:
    trust = trusting(trust_grace=50, trust_fresh=300, status_fresh=100, status_stale=200, max_status_age=300)
    young, older, unknown = ages(trust, AT), ages(trust, AT + 150), ages(trust, None)
    assert changed((), young) == changed(young, young) == changed(older, older) == ()
    assert changed((), older) == changed(young, older) == changed(unknown, older) == older[1:]
    assert changed(older, young) == young[1:]
    assert changed((), unknown) == changed(older, unknown) == ()
    assert changed(unknown, young) == ()
    assert changed(older[:1], older) == older[1:]
    assert changed(older, ages(trust, AT + 250)) == ages(trust, AT + 250)[1:]
    longer = tuple(replace(one, dies=one.dies + 1) for one in older)
    assert changed(older, longer) == longer[1:]  # the trust list is fresh: nobody was told when it ends


def test_the_worst_and_the_next() -> None:
    fresh = AgeOf("a", Age.FRESH, 0, 10, 40)
    stale, sooner = AgeOf("b", Age.STALE, 0, 40, 40), AgeOf("c", Age.STALE, 0, 30, 30)
    dead = AgeOf("d", Age.DEAD, 0, inf, 5)
    assert worst((fresh, stale, sooner)) is worst((sooner, stale)) is sooner
    assert worst((stale, dead, sooner)) is dead
    assert worst((AgeOf("e", Age.GRACE, 0, 9, 9), stale)) is stale
    assert worst((fresh,)) is fresh
    assert [next_change((fresh, dead)), next_change((dead,)), next_change(())] == [10, inf, inf]


def test_what_the_journal_keeps() -> None:
    assert AgeOf("a", Age.STALE, 7, 40, 40).fields() == {"what": "a", "age": "stale", "dies": 40}


seconds = st.integers(0, 3000)
maybe = st.none() | seconds


@st.composite
def trusts(draw: st.DrawFn) -> Trust:
    """Any list that can be built: it expires after it began."""
    fresh, stale, cap = sorted(draw(st.tuples(seconds, seconds, seconds)))
    return trusting(
        issued=AT + (issued := draw(seconds)), expires=AT + issued + draw(st.integers(1, 3000)),
        iat=AT + (iat := draw(seconds)), exp=AT + iat + draw(st.integers(1, 3000)),
        trust_grace=draw(seconds), trust_fresh=draw(maybe), max_status_age=cap,
        status_fresh=draw(st.sampled_from((None, fresh))), status_stale=draw(st.sampled_from((None, stale))),
    )  # fmt: skip


walls = st.floats(AT - 100, AT + 12_000, allow_nan=False) | st.integers(AT - 100, AT + 12_000)


@given(trusts(), walls, walls)
def test_what_is_held_never_grows_younger(trust: Trust, one: float, other: float) -> None:
    earlier, later = sorted((one, other))
    for before, after in zip(ages(trust, earlier), ages(trust, later), strict=True):
        assert (before.what, before.dies) == (after.what, after.dies)
        assert ORDER.index(before.age) <= ORDER.index(after.age)
        assert (before.age is after.age) == (later < before.next_change)


@given(trusts(), walls)
def test_an_age_lasts_from_since_to_the_next_change(trust: Trust, wall: float) -> None:
    for one in ages(trust, wall):
        assert one.since <= wall or one.age is Age.FRESH
        assert wall < one.next_change
        assert (one.age is Age.DEAD) == (wall >= one.dies) == (one.next_change == inf)


@given(trusts())
def test_nothing_dies_unannounced(trust: Trust) -> None:
    """From any list's beginning to its death there is a time of grace or staleness, however the policy is set."""
    for what, begins in ((TRUST_LIST, trust.issued), (LISTED, trust.status_lists[URI].iat)):
        dies = age_of(what, trust, begins).dies
        said = {age_of(what, trust, wall).age for wall in (dies - 1, dies - 0.5)}
        assert dies == begins or said <= {Age.GRACE, Age.STALE}


@given(st.integers(-100, 1500))
def test_the_verdict_says_dead_when_the_age_does(after: int) -> None:
    """Never "revoked", never "bad signature": too old is said as it is (FORMAT 4.4, 4.9)."""
    issued = replace(TRUST, expires=AT + 1000, policy=msgspec.structs.replace(TRUST.policy, trust_grace=100))
    trust = replace(issued, policy=msgspec.structs.replace(issued.policy, max_status_age=AT + 500 - VALID_FROM))
    found = {one.what: one.age for one in ages(trust, AT + after)}
    verdict = replace(VERIFIER, trust=trust).verify(shown(payload={6: AT + after}), Moment(AT + after, trusted=True))
    dead = [reason for what, reason in DEATHS.items() if found[what] is Age.DEAD]
    assert verdict.reason == (dead[0] if dead else Reason.CLEARED)


DEATHS = {TRUST_LIST: Reason.TRUST_EXPIRED, LISTED: Reason.STATUS_UNKNOWN}
