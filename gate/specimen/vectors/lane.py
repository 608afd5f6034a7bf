"""FORMAT 4.8 to 4.10: the place, the clock, freshness, the status; and then the lane's own policy and memory. And the order of it all."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from gate.credential.reasons import Reason
from gate.specimen.issuer import ControlPoint
from gate.specimen.seal import seal
from gate.specimen.vectors import forgery
from gate.specimen.vectors.case import Case, Step, Then, bent, good
from gate.specimen.vectors.keys import resigned
from gate.specimen.vectors.scene import Scene
from gate.specimen.vectors.wire import OTHER_ISSUER, PHONE
from gate.specimen.vectors.worlds import (
    AT,
    ELSEWHERE,
    FORGER,
    MAIN,
    OTHER_P256,
    REVOKED,
    STOLEN_KID,
    SUSPENDED,
    UNNAMED,
)

_LANE: Final = good("lane-bound", "4.8", "a code for one lane, at that lane", Scene(aud="HZMB-HK/7"))


def cases() -> Iterator[Case]:
    """The vectors of the place and of the moment."""
    yield from _place()
    yield from _freshness()
    yield from _clock()
    yield from _status()
    yield from _status_times()
    yield from _policy()
    yield from _replay()
    yield from _anti_passback()
    yield from _order()


# One vector a line: these are tables.
# fmt: off

def _place() -> Iterator[Case]:
    def wrong(name: str, comment: str, aud: str, base: Case = PHONE) -> Case:
        return bent(base, name, "4.8", Reason.WRONG_PLACE, comment, aud=aud)

    yield _LANE
    yield wrong("another-place", "another control point's code, sealed for this one", "GBQ-MO")
    yield wrong("another-lane", "another lane's code", "HZMB-HK/8", _LANE)
    yield wrong("lane-with-a-zero", "a lane's name is no number", "HZMB-HK/07", _LANE)
    yield wrong("lane-and-more", "a lane's name that begins like this one's", "HZMB-HK/77", _LANE)
    yield wrong("lane-empty", "a lane without a name", "HZMB-HK/", _LANE)
    yield wrong("place-cut-short", "the beginning of the control point's id", "HZMB-H")
    yield wrong("place-with-a-space", "a space behind the id", "HZMB-HK ")
    yield wrong("place-in-lower-case", "the id in lower case", "hzmb-hk")


def _freshness() -> Iterator[Case]:
    def at(base: Case, seconds: float, name: str, comment: str, expect: Reason) -> Case:
        return bent(base, name, "4.8", expect, comment, at=AT + seconds)

    def fresh(name: str, comment: str, seconds: float, world: str = "utopia") -> Case:
        return good(name, "4.8", comment, Scene(at=AT + seconds, world=world))

    oldest, newest = (fresh("15-seconds-old", "as old as a code may be", 15), fresh("5-seconds-ahead", "as far ahead as a code may be", -5))
    yield from (oldest, newest)
    yield at(oldest, 15.001, "stale", "a millisecond older", Reason.STALE)
    yield at(oldest, 3600, "stale-for-an-hour", "a picture of an old code", Reason.STALE)
    yield at(newest, -5.001, "from-the-future", "a millisecond further", Reason.FROM_THE_FUTURE)
    oldest = fresh("2-seconds-old-where-2-may-be", "as old as this trust list lets a code be", 2, "hasty")
    newest = fresh("not-ahead-where-none-may-be", "not ahead at all, where none may be", 0, "hasty")
    yield from (oldest, newest)
    yield at(oldest, 2.001, "stale-by-the-trust-list", "a millisecond older", Reason.STALE)
    yield at(newest, -0.001, "from-the-future-by-the-trust-list", "a millisecond ahead", Reason.FROM_THE_FUTURE)


def _clock() -> Iterator[Case]:
    def untrusted(name: str, comment: str, base: Case = PHONE, incident: str = "") -> Case:
        return bent(base, name, "4.8", Reason.CLOCK_UNTRUSTED, comment, incident, trusted=False)

    def both(name: str, clause: str, expect: Reason, comment: str, incident: str = "", **defect: Any) -> Case:  # noqa: ANN401 - see `bent`
        return bent(PHONE, name, clause, expect, comment, incident, trusted=False, **defect)

    blame = "a clock that is not trusted blames nobody:"
    yield untrusted("clock-untrusted", "a good code, and a clock that is not trusted though it is right", incident="VerificaC19 #88")
    yield both("clock-of-1970", "4.8", Reason.CLOCK_UNTRUSTED, f"{blame} not for an iat in its future", "CovidCertificate-App-Android #271", at=0)
    yield both("clock-untrusted-and-expired", "4.8", Reason.CLOCK_UNTRUSTED, f"{blame} not for an expired credential", ends=AT - 60)
    yield both("clock-untrusted-and-not-yet-valid", "4.8", Reason.CLOCK_UNTRUSTED, f"{blame} not for one that begins later", begins=AT + 3600)
    yield both("clock-untrusted-and-stale", "4.8", Reason.CLOCK_UNTRUSTED, f"{blame} not for an old code", made=AT - 900)
    yield both("clock-untrusted-and-revoked", "4.8", Reason.CLOCK_UNTRUSTED, "the status is looked at later", index=REVOKED)
    yield both("clock-untrusted-and-trust-expired", "4.8", Reason.CLOCK_UNTRUSTED, "nor can the trust list's end be judged", world="overdue")
    yield both("clock-untrusted-and-forged", "4.6", Reason.BAD_SIGNATURE, "a forgery is a forgery at any time", issuer=STOLEN_KID)
    yield both("clock-untrusted-and-elsewhere", "4.8", Reason.WRONG_PLACE, "the place needs no clock", aud="GBQ-MO")
    yield both("clock-untrusted-and-life-too-long", "4.6", Reason.MALFORMED, "nor does the cap of a credential's life", ends=AT + 32 * 86400)


def _status() -> Iterator[Case]:
    def listed(name: str, expect: Reason, comment: str, base: Case = PHONE, incident: str = "", **defect: Any) -> Case:  # noqa: ANN401 - see `bent`
        return bent(base, name, "4.9", expect, comment, incident, **defect)

    def fine(name: str, comment: str, uri: str, index: int) -> Case:
        return good(name, "4.9", comment, Scene(uri=uri, index=index))

    unknown = Reason.STATUS_UNKNOWN
    neighbour = good(
        "status-of-the-neighbour", "4.9", "the index beside a revoked one", Scene(index=REVOKED + 1), "EU DCC 2021: one key for millions"
    )
    yield neighbour
    yield listed(
        "revoked", Reason.REVOKED, "a credential of a good issuer, revoked alone", neighbour, "EU DCC 2021: one key for millions", index=REVOKED
    )
    yield listed("suspended", Reason.SUSPENDED, "a suspended credential", index=SUSPENDED)
    yield listed("status-of-3", unknown, "a status that EC1 gives no meaning", index=UNNAMED)
    last = fine("last-index", "the last index of a list", MAIN.uri, MAIN.entries - 1)
    yield last
    yield listed("index-beyond-the-list", unknown, "one index beyond", last, index=MAIN.entries)
    short = fine("last-index-of-a-short-list", "the last index of a short list", "urn:uto:short", 15)
    yield short
    yield listed("index-beyond-a-short-list", unknown, "one beyond it, and within the others", short, index=16)
    yield fine("index-0", "the first index", "urn:uto:short", 0)
    bits = fine("one-bit-list", "a list of one bit an entry", "urn:uto:one-bit", 14)
    yield bits
    yield listed("revoked-in-a-one-bit-list", Reason.REVOKED, "the last entry of a list of one bit", bits, index=15)
    yield listed("index-beyond-a-one-bit-list", unknown, "one index beyond", bits, index=16)
    yield listed(
        "list-missing",
        unknown,
        "a list that the trust list does not name is no revocation",
        incident="eudi-srv-verifier-endpoint #555",
        uri="urn:uto:nobody",
    )
    yield listed("list-of-another-issuer", unknown, "a list of another issuer, where the index is valid", uri="urn:uto:uto-hk")
    yield listed("uri-in-upper-case", unknown, "a list's name in upper case", uri="URN:UTO:UTO-MO")


def _status_times() -> Iterator[Case]:
    for uri, inside, outside, what in (
        ("urn:uto:two-days-old", -0.001, 0, "of two days, the policy's greatest age"),
        ("urn:uto:ending", -0.001, 0, "at its end"),
        ("urn:uto:ahead", 0, -0.001, "issued five seconds ahead of the lane's clock"),
    ):
        name = f"list-{uri.rpartition(':')[2]}"
        within = good(name, "4.9", f"a status list {what}", Scene(uri=uri, index=0, at=AT + inside))
        yield within
        yield bent(within, f"{name}-revoked", "4.9", Reason.REVOKED, "it speaks still", index=1)
        yield bent(within, f"{name}-over", "4.9", Reason.STATUS_UNKNOWN, "a millisecond beyond", at=AT + outside)
        comment = "beyond it a list says nothing, so that this is not revoked"
        yield bent(within, f"{name}-over-revoked", "4.9", Reason.STATUS_UNKNOWN, comment, at=AT + outside, index=1)


def _policy() -> Iterator[Case]:
    visitor = good("scope-admitted", "4.10", "a visitor, at a lane that admits them", Scene(scope="MO-NR", scopes=("MO-NR",)))
    yield visitor
    yield bent(visitor, "not-eligible", "4.10", Reason.NOT_ELIGIBLE, "at a lane that does not", scopes=("MO-PR", "HK-PR"))
    yield bent(visitor, "not-eligible-by-a-prefix", "4.10", Reason.NOT_ELIGIBLE, "at a lane for a scope that begins so", scopes=("MO-NR2",))


_SHOWN: Final = Scene()


def _later(seconds: float, made: int | None = None, **changes: Any) -> Scene:  # noqa: ANN401 - dataclasses.replace checks the names
    """A code of the same credential, shown so much later; a new one where `made` says so."""
    new: dict[str, Any] = {} if made is None else {"made": AT + made, "cnonce": b"number 2"}
    return replace(_SHOWN, at=AT + seconds, **new, **changes)


def _story(name: str, comment: str, expect: Reason, last: Scene, then: Then = Then.PASSES, incident: str = "", first: Step | None = None) -> Case:
    """Somebody is cleared; then the last showing."""
    first = first or Step(_SHOWN, Reason.CLEARED, then)
    return Case(name, "4.10", comment, (first, Step(last, expect)), incident=incident)


def _resealed(point: ControlPoint, aad: bytes, plaintext: bytes) -> tuple[bytes, bytes]:
    return seal(point.public, X25519PrivateKey.from_private_bytes(bytes(range(2, 34))), aad, plaintext)


def _replay() -> Iterator[Case]:
    replayed = Reason.REPLAYED
    yield _story("replayed", "the same code after its passage", replayed, _later(3))
    yield _story(
        "replayed-sealed-again",
        "the same message in another envelope, which anybody at the gate's side could make",
        replayed,
        _later(3, sealing=_resealed),
    )
    yield _story("replayed-with-the-twin-signature", "the same message with n - s for s", replayed, _later(3, message=resigned(forgery.twin)))
    yield _story("replayed-iat", "another code of the same second", replayed, _later(3, made=0))
    yield _story("replayed-older-iat", "a code made before the one that passed", replayed, _later(3, made=-4))
    yield _story(
        "replayed-after-the-interval",
        "the same code where codes live longer than the anti-passback interval",
        replayed,
        replace(_later(61), world="patient"),
        first=Step(replace(_SHOWN, world="patient"), Reason.CLEARED, Then.PASSES),
    )
    yield _story("shown-again-while-open", "the same code while its barrier is released: nothing changes", Reason.CLEARED, _later(3), Then.WAITS)
    yield _story("older-code-while-open", "an older code of that credential, while its barrier is released", replayed, _later(3, made=-4), Then.WAITS)
    yield _story("newer-code-while-open", "a newer one", Reason.ANTI_PASSBACK, _later(5, made=5), Then.WAITS)
    yield _story("no-show", "the same code after nobody walked: its use was given back", Reason.CLEARED, _later(9), Then.NO_SHOW)
    yield _story(
        "refused-uses-nothing",
        "a code that was refused elsewhere in the order is not used up",
        Reason.CLEARED,
        _later(3, made=3),
        first=Step(replace(_SHOWN, aud="GBQ-MO"), Reason.WRONG_PLACE),
    )
    yield _story("shown-but-not-released", "a code that was cleared while nothing was released for it", Reason.CLEARED, _later(3), Then.NOTHING)
    yield _story(
        "revoked-since-it-passed",
        "a code that was used, and is revoked by now: a duplicate hides nothing",
        Reason.REVOKED,
        _later(3, world="revoked-since"),
        incident="Eventra #12578",
    )
    yield _story(
        "revoked-while-open", "nor does a release that is open", Reason.REVOKED, _later(3, world="revoked-since"), Then.WAITS, "Eventra #12578"
    )
    yield _story("not-eligible-any-more", "the lane's policy comes before its memory", Reason.NOT_ELIGIBLE, _later(3, scopes=("HK-PR",)))
    yield _story("stale-after-passing", "freshness comes before the memory", Reason.STALE, _later(16))


def _anti_passback() -> Iterator[Case]:
    yield _story("anti-passback", "a new code a millisecond before the interval's end", Reason.ANTI_PASSBACK, _later(59.999, made=55))
    yield _story("after-the-interval", "a new code at the interval's end", Reason.CLEARED, _later(60, made=55))
    yield _story(
        "next-traveller", "another credential of the same issuer, at once", Reason.CLEARED, _later(1, cti=b"pseudonym 02", holder=OTHER_P256)
    )
    other = OTHER_ISSUER.steps[0].scene
    yield _story(
        "same-cti-of-another-issuer", "the same pseudonym drawn by another issuer is somebody else", Reason.CLEARED, replace(other, at=AT + 1.0)
    )


def _order() -> Iterator[Case]:
    """Two faults at once, of neighbouring checks: the first gives the reason."""

    def first(name: str, clause: str, expect: Reason, comment: str, **defects: Any) -> Case:  # noqa: ANN401 - see `bent`
        return bent(PHONE, f"first-{name}", clause, expect, comment, **defects)

    no_key = {8: {1: {1: 1, -1: 6, -2: bytes(32)}}}
    yield first("not-ours", "4.1", Reason.NOT_OURS, "another prefix, then no Base45", text=lambda _: "ec1:?")
    yield first("unknown-version", "4.1", Reason.UNKNOWN_VERSION, "another version, then no Base45", text=lambda _: "EC2:?")
    yield first("envelope", "4.2", Reason.MALFORMED, "a bad envelope for another control point", point=ELSEWHERE, envelope_header={2: []})
    yield first(
        "undecryptable", "4.3", Reason.UNDECRYPTABLE, "for another control point, with a bad message within", point=ELSEWHERE, phone_header={2: []}
    )
    yield first("message", "4.2", Reason.MALFORMED, "a bad message of an unknown issuer", issuer=FORGER, payload={10: b""})
    yield first("trust-expired", "4.4", Reason.TRUST_EXPIRED, "an unknown issuer, when no trust is left", issuer=FORGER, world="overdue")
    yield first("unknown-issuer", "4.4", Reason.UNKNOWN_ISSUER, "an unknown issuer's credential for a small-order key", issuer=FORGER, claims=no_key)
    yield first("device-key", "4.5", Reason.MALFORMED, "a forged credential for a small-order key", issuer=STOLEN_KID, claims=no_key)
    yield first("issuer-signature", "4.6", Reason.BAD_SIGNATURE, "a forged credential that has expired", issuer=STOLEN_KID, ends=AT)
    yield first("expired", "4.6", Reason.EXPIRED, "an expired credential with too long a life", ends=AT, begins=AT - 40 * 86400)
    yield first("expired-stolen", "4.6", Reason.EXPIRED, "an expired credential on another's phone", ends=AT, phone=OTHER_P256)
    yield first("life", "4.6", Reason.MALFORMED, "too long a life, and another's phone", ends=AT + 40 * 86400, phone=OTHER_P256)
    yield first("phone-signature", "4.7", Reason.BAD_SIGNATURE, "another's phone at another place", phone=OTHER_P256, aud="GBQ-MO")
    yield first("wrong-place", "4.8", Reason.WRONG_PLACE, "an old code for another place", aud="GBQ-MO", made=AT - 900)
    yield first("stale", "4.8", Reason.STALE, "an old code of a revoked credential", made=AT - 900, index=REVOKED)
    yield first("from-the-future", "4.8", Reason.FROM_THE_FUTURE, "a code ahead, of a revoked credential", made=AT + 900, index=REVOKED)
    yield first("status", "4.9", Reason.REVOKED, "a revoked credential of a scope that is not admitted", index=REVOKED, scope="MO-NR")
    yield first("status-unknown", "4.9", Reason.STATUS_UNKNOWN, "no list, and a scope that is not admitted", uri="urn:uto:nobody", scope="MO-NR")
