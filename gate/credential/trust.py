"""What the gate trusts: the trust list and the status lists that it names, cached whole (FORMAT section 6).

Bytes in, one frozen `Trust` out. A list that cannot be used raises TrustError and what was trusted before stays; nothing is half taken.
What is trusted only moves forward: `check_succession` stands between the trust that is held and the one that is offered.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import pairwise
from math import inf
from typing import Annotated, Final, NamedTuple, TypeVar

import msgspec
from msgspec import Meta, Struct

from gate.credential import keys
from gate.credential.claims import MAX_STATUS_URI
from gate.credential.keys import Ed25519Key
from gate.credential.reasons import Refused
from gate.credential.status import StatusList, load_status_list
from gate.errors import TrustError

FORMAT: Final = 1
_HOUR: Final = 3600
_DAY: Final = 24 * _HOUR
_MAX_ROWS: Final = 1024
"""Of each kind in one list: every issuer's key costs a verification or two to load. A border has dozens."""
_MAX_ENTRIES: Final = 1 << 27
"""Of all status lists together: 32 MB at two bits. One border has a few million."""
_MAX_REASON: Final = 200
"""Characters of a parser's complaint that are passed on: it quotes what it read."""

K = TypeVar("K")
V = TypeVar("V")

Seconds = Annotated[int, Meta(ge=0, lt=1 << 33)]
Kid4 = Annotated[str, Meta(pattern="^[0-9a-f]{8}\\Z")]
Kid8 = Annotated[str, Meta(pattern="^[0-9a-f]{16}\\Z")]
Key32 = Annotated[str, Meta(pattern="^[0-9a-f]{64}\\Z")]
# What an operator reads stays on its line: no control character can write over it.
Word = Annotated[str, Meta(min_length=1, max_length=64, pattern="^[^\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029]*\\Z")]
Uri = Annotated[str, Meta(min_length=1, max_length=MAX_STATUS_URI, pattern="^[!-~]*\\Z")]
FileName = Annotated[str, Meta(pattern="^(?!metadata\\Z)[a-z0-9][a-z0-9._-]{0,63}\\Z")]  # where TUF keeps its own


class IssuerEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """One issuer key. Valid from `valid_from` (inclusive) to `valid_until` (exclusive), Unix seconds."""

    name: Word
    kid: Kid8
    key: Key32
    environment: Word
    valid_from: Seconds
    valid_until: Seconds
    scopes: frozenset[Word]


class ControlPointEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """One control point's public key: what phones seal for. From `valid_until` (Unix seconds), if any, it opens nothing any more."""

    id: Word
    kid: Kid4
    key: Key32
    valid_until: Seconds | None = None


class StatusListEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """Where a status list lies beside the trust list, whose it is, and how many entries it has."""

    uri: Uri
    file: FileName
    issuer: Kid8
    entries: Annotated[int, Meta(gt=0, le=1 << 26)]


class Policy(Struct, frozen=True, forbid_unknown_fields=True):
    """Windows, caps and grace periods, in seconds: settable here, never by a code (FORMAT section 3).

    `trust_fresh`, `status_fresh` and `status_stale` are when ages turn (`gate.credential.ages`), counted from `issued` or `iat`; None is a
    share of the list's own life.
    """

    max_code_age: Annotated[int, Meta(ge=1, le=300)] = 15
    max_code_lead: Annotated[int, Meta(ge=0, le=60)] = 5
    max_credential_lead: Annotated[int, Meta(ge=0, le=60)] = 5
    max_credential_lifetime: Seconds = 31 * _DAY
    max_status_age: Seconds = 2 * _DAY
    trust_grace: Seconds = 3 * _DAY
    anti_passback: Seconds = 60
    trust_fresh: Seconds | None = None
    status_fresh: Seconds | None = None
    status_stale: Seconds | None = None

    def __post_init__(self) -> None:
        """Raise ValueError, which msgspec names the place of, where a list would be older before it is younger."""
        named = ("status_fresh", "status_stale", "max_status_age")
        times = ((name, value) for name in named if (value := getattr(self, name)) is not None)
        for (earlier, first), (later, second) in pairwise(times):
            if first > second:
                raise ValueError(f"expected {earlier} <= {later}, got {first} and {second}")


class TrustList(Struct, frozen=True, forbid_unknown_fields=True):
    """The trust list as it is written in JSON."""

    format: Annotated[int, Meta(ge=FORMAT, le=FORMAT)]
    serial: Annotated[int, Meta(ge=1, lt=1 << 53)]  # every JSON reader's integers reach that far, and the journal's
    issued: Seconds
    expires: Seconds
    issuers: Annotated[tuple[IssuerEntry, ...], Meta(max_length=_MAX_ROWS)]
    control_points: Annotated[tuple[ControlPointEntry, ...], Meta(max_length=_MAX_ROWS)]
    status_lists: Annotated[tuple[StatusListEntry, ...], Meta(max_length=_MAX_ROWS)]
    policy: Policy


@dataclass(frozen=True, slots=True)
class Issuer:
    """An issuer whose key passed every check of FORMAT section 4.5. Times are Unix seconds."""

    name: str
    kid: bytes
    key: Ed25519Key
    environment: str
    valid_from: int
    valid_until: int
    scopes: frozenset[str]


class ControlPoint(NamedTuple):
    """A control point's id and public key of 32 bytes; `valid_until` is infinite where the list names no end (Unix seconds)."""

    id: str
    key: bytes
    valid_until: float


@dataclass(frozen=True, slots=True)
class Trust:
    """Everything that a verdict rests on, looked up by the bytes that a code carries. Times are Unix seconds.

    `digest` is the SHA-256 of what the list says, however it was written. From `dies` on the list, and from `status_dies` on each status list
    (by its uri), proves nothing. `newest` is the latest time that something in here says it was signed at.
    """

    serial: int
    digest: bytes
    issued: int
    expires: int
    policy: Policy
    issuers: Mapping[bytes, Issuer]
    control_points: Mapping[bytes, ControlPoint]
    status_lists: Mapping[str, StatusList]
    dies: int = field(init=False)
    status_dies: Mapping[str, int] = field(init=False)
    newest: int = field(init=False)

    def __post_init__(self) -> None:
        """Work out once what every verdict compares with."""
        lists = self.status_lists.items()
        cap = self.policy.max_status_age
        object.__setattr__(self, "dies", self.expires + self.policy.trust_grace)
        object.__setattr__(self, "status_dies", {uri: min(listed.exp, listed.iat + cap) for uri, listed in lists})
        object.__setattr__(self, "newest", max((self.issued, *(listed.iat for _, listed in lists))))

    def kids_of(self, public: bytes) -> tuple[bytes, ...]:
        """Under which control-point kids this public key is published."""
        return tuple(kid for kid, point in self.control_points.items() if point.key == public)

    def opens(self, kid: bytes, wall: float) -> bool:
        """Whether what was sealed for a kid may still be opened (FORMAT 4.3); of a kid that is not listed nothing is known against it."""
        point = self.control_points.get(kid)
        return point is None or wall < point.valid_until


def parse_trust_list(data: bytes) -> TrustList:
    """The trust list from its JSON. Raises TrustError with the path of what is wrong."""
    try:
        return msgspec.json.decode(data, type=TrustList)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:  # the second for a label that is not UTF-8
        raise TrustError(f"trust list: {_one_line(str(error))}") from None


def build_trust(trust_list: TrustList, status_files: Mapping[str, bytes]) -> Trust:
    """The trust that a list and its status files (name -> bytes) give together. Raises TrustError."""
    if trust_list.issued >= trust_list.expires:
        raise TrustError(f"trust list: expected it to expire after {trust_list.issued}, got {trust_list.expires}")
    if sum(entry.entries for entry in trust_list.status_lists) > _MAX_ENTRIES:
        raise TrustError(f"trust list: expected at most {_MAX_ENTRIES} entries in all status lists, got more")
    issuers = _unique("issuer", ((bytes.fromhex(entry.kid), _issuer(entry)) for entry in trust_list.issuers))
    points = ((bytes.fromhex(entry.kid), _control_point(entry)) for entry in trust_list.control_points)
    lists = ((entry.uri, _status_list(entry, issuers, status_files)) for entry in trust_list.status_lists)
    trust = Trust(
        serial=trust_list.serial,
        digest=sha256(msgspec.json.encode(trust_list, order="deterministic")).digest(),
        issued=trust_list.issued,
        expires=trust_list.expires,
        policy=trust_list.policy,
        issuers=issuers,
        control_points=_unique("control point", points),
        status_lists=_unique("status list", lists),
    )
    _check_names(trust)
    return trust


def check_succession(held: Trust, offered: Trust) -> None:
    """Refuse trust that would go back: raises TrustError with what it looks like; `held` stays then. The same trust again is no step back.

    What may go: an issuer, a control point, a status list that the offered one no longer names. Nothing rests on them any more.
    """
    _check_serial(held, offered)
    _check_names(held, offered)
    for uri in held.status_lists.keys() & offered.status_lists.keys():
        _check_status(held.status_lists[uri], offered.status_lists[uri])


def _check_serial(held: Trust, offered: Trust) -> None:
    if offered.serial < held.serial:
        raise TrustError(f"trust list: expected serial {held.serial} or newer, got {offered.serial}: {_ROLLBACK}")
    if offered.serial == held.serial and offered.digest != held.digest:
        raise TrustError(
            f"trust list: expected under serial {held.serial} the list that is held, got another; raise the serial with every change"
        )
    if offered.issued < held.issued:
        raise TrustError(
            f"trust list: expected one issued at {held.issued} or later, got {offered.issued}: {_ROLLBACK}"
        )


_ROLLBACK: Final = "somebody offers an old state (rollback); what is held stays"


def _check_names(*trusts: Trust) -> None:
    """A kid, a key and a uri keep what they name, within one list and from one to the next: who signed or opened what never becomes another."""
    bound: dict[tuple[str, str], str] = {}
    for what, name, meaning in (named for trust in trusts for named in _names(trust)):
        before = bound.setdefault((what, name), meaning)
        if before != meaning:
            raise TrustError(f"{what} {name}: expected {before}, got {meaning} too; name each new thing anew")


def _names(trust: Trust) -> Iterator[tuple[str, str, str]]:
    """(what kind of name, the name, what it names)."""
    for issuer in trust.issuers.values():
        yield "issuer kid", issuer.kid.hex(), f"key {issuer.key.raw.hex()}"
        yield (
            "issuer key",
            issuer.key.raw.hex(),
            f"environment {issuer.environment}",
        )  # a test key never becomes a real one
    for kid, point in trust.control_points.items():
        yield "control point kid", kid.hex(), f"key {point.key.hex()}"
        yield (
            "control point key",
            point.key.hex(),
            f"control point {point.id}",
        )  # else one place reads what is meant for another
    for listed in trust.status_lists.values():
        yield "status list", listed.uri, f"issuer {listed.issuer_kid.hex()}"


def _check_status(held: StatusList, offered: StatusList) -> None:
    """Newer, or the very same; and never without an index that was given out."""
    if offered.iat < held.iat:
        raise TrustError(f"status list {held.uri}: expected one of {held.iat} or later, got {offered.iat}: {_ROLLBACK}")
    if offered.iat == held.iat and _said(offered) != _said(held):
        raise TrustError(
            f"status list {held.uri}: expected the list of {held.iat} that is held, got another of that time"
        )
    if offered.entries < held.entries:
        raise TrustError(
            f"status list {held.uri}: expected at least the {held.entries} indices already given out, got {offered.entries} entries"
        )


def _said(listed: StatusList) -> tuple[int, int, bytes]:
    return listed.exp, listed.bits, listed.packed


def _issuer(entry: IssuerEntry) -> Issuer:
    raw = bytes.fromhex(entry.key)
    try:
        key = keys.load_ed25519(raw)
    except Refused as refusal:
        raise TrustError(f"issuer {entry.kid}: {refusal}") from None
    if not keys.on_curve(raw):
        raise TrustError(f"issuer {entry.kid}: expected a key on the curve, got none")
    if entry.valid_from >= entry.valid_until:
        raise TrustError(f"issuer {entry.kid}: expected valid_until after {entry.valid_from}, got {entry.valid_until}")
    kid = bytes.fromhex(entry.kid)
    return Issuer(entry.name, kid, key, entry.environment, entry.valid_from, entry.valid_until, entry.scopes)


def _control_point(entry: ControlPointEntry) -> ControlPoint:
    until = inf if entry.valid_until is None else entry.valid_until
    return ControlPoint(entry.id, bytes.fromhex(entry.key), until)


def _status_list(entry: StatusListEntry, issuers: Mapping[bytes, Issuer], files: Mapping[str, bytes]) -> StatusList:
    issuer = issuers.get(bytes.fromhex(entry.issuer))
    if issuer is None:
        raise TrustError(f"status list {entry.uri}: expected an issuer of this trust list, got {entry.issuer}")
    if entry.file not in files:
        raise TrustError(f"status list {entry.uri}: expected the file {entry.file}, got none")
    return load_status_list(
        files[entry.file], uri=entry.uri, issuer_kid=issuer.kid, key=issuer.key, entries=entry.entries
    )


def _unique(what: str, pairs: Iterable[tuple[K, V]]) -> dict[K, V]:
    found: dict[K, V] = {}
    for key, value in pairs:
        if key in found:
            raise TrustError(f"trust list: expected each {what} once, got one twice")
        found[key] = value
    return found


def _one_line(complaint: str) -> str:
    """What a parser complained of, in bounds and in one line: it may quote what it read."""
    shown = "".join(c if c.isprintable() else "?" for c in complaint[:_MAX_REASON])
    return shown[:1].lower() + shown[1:]
