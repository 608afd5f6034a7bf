"""What the gate trusts: the trust list and the status lists that it names, cached whole (FORMAT section 6).

Bytes in, one frozen `Trust` out. A list that cannot be used raises TrustError and what was trusted before stays; nothing is half taken.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Final, TypeVar

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

K = TypeVar("K")
V = TypeVar("V")

Seconds = Annotated[int, Meta(ge=0, lt=1 << 33)]
Kid4 = Annotated[str, Meta(pattern="^[0-9a-f]{8}\\Z")]
Kid8 = Annotated[str, Meta(pattern="^[0-9a-f]{16}\\Z")]
Key32 = Annotated[str, Meta(pattern="^[0-9a-f]{64}\\Z")]
Word = Annotated[str, Meta(min_length=1, max_length=64)]
FileName = Annotated[str, Meta(pattern="^[a-z0-9][a-z0-9._-]{0,63}\\Z")]


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
    """One control point's public key: what phones seal for."""

    id: Word
    kid: Kid4
    key: Key32


class StatusListEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """Where a status list lies beside the trust list, whose it is, and how many entries it has."""

    uri: Annotated[str, Meta(min_length=1, max_length=MAX_STATUS_URI)]
    file: FileName
    issuer: Kid8
    entries: Annotated[int, Meta(gt=0, le=1 << 26)]


class Policy(Struct, frozen=True, forbid_unknown_fields=True):
    """Windows, caps and grace periods, in seconds: settable here, never by a code (FORMAT section 3)."""

    max_code_age: Annotated[int, Meta(ge=1, le=300)] = 15
    max_code_lead: Annotated[int, Meta(ge=0, le=60)] = 5
    max_credential_lead: Annotated[int, Meta(ge=0, le=60)] = 5
    max_credential_lifetime: Seconds = 31 * _DAY
    max_status_age: Seconds = 2 * _DAY
    trust_grace: Seconds = 3 * _DAY
    anti_passback: Seconds = 60


class TrustList(Struct, frozen=True, forbid_unknown_fields=True):
    """The trust list as it is written in JSON."""

    format: Annotated[int, Meta(ge=FORMAT, le=FORMAT)]
    serial: Annotated[int, Meta(ge=1)]
    issued: Seconds
    expires: Seconds
    issuers: tuple[IssuerEntry, ...]
    control_points: tuple[ControlPointEntry, ...]
    status_lists: tuple[StatusListEntry, ...]
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


@dataclass(frozen=True, slots=True)
class Trust:
    """Everything that a verdict rests on, looked up by the bytes that a code carries."""

    serial: int
    issued: int
    expires: int
    policy: Policy
    issuers: Mapping[bytes, Issuer]
    control_points: Mapping[bytes, tuple[str, bytes]]
    status_lists: Mapping[str, StatusList]

    def kids_of(self, public: bytes) -> tuple[bytes, ...]:
        """Under which control-point kids this public key is published."""
        return tuple(kid for kid, (_, key) in self.control_points.items() if key == public)


def parse_trust_list(data: bytes) -> TrustList:
    """The trust list from its JSON. Raises TrustError with the path of what is wrong."""
    try:
        return msgspec.json.decode(data, type=TrustList)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:  # the second for a label that is not UTF-8
        raise TrustError(f"trust list: {str(error)[:1].lower()}{str(error)[1:]}") from None


def build_trust(trust_list: TrustList, status_files: Mapping[str, bytes]) -> Trust:
    """The trust that a list and its status files (name -> bytes) give together. Raises TrustError."""
    issuers = _unique("issuer", ((bytes.fromhex(entry.kid), _issuer(entry)) for entry in trust_list.issuers))
    points = ((bytes.fromhex(entry.kid), (entry.id, bytes.fromhex(entry.key))) for entry in trust_list.control_points)
    lists = ((entry.uri, _status_list(entry, issuers, status_files)) for entry in trust_list.status_lists)
    return Trust(
        serial=trust_list.serial,
        issued=trust_list.issued,
        expires=trust_list.expires,
        policy=trust_list.policy,
        issuers=issuers,
        control_points=_unique("control point", points),
        status_lists=_unique("status list", lists),
    )


def _issuer(entry: IssuerEntry) -> Issuer:
    raw = bytes.fromhex(entry.key)
    try:
        key = keys.load_ed25519(raw)
    except Refused as refusal:
        raise TrustError(f"issuer {entry.kid}: {refusal}") from None
    if not keys.on_curve(raw):
        raise TrustError(f"issuer {entry.kid}: expected a key on the curve, got none")
    kid = bytes.fromhex(entry.kid)
    return Issuer(entry.name, kid, key, entry.environment, entry.valid_from, entry.valid_until, entry.scopes)


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
