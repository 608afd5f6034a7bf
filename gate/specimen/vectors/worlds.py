"""What a lane of the vectors trusts and which keys it holds: a few worlds that differ in their trust list."""

import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from gate.specimen.cases import ENVIRONMENT, VALID_FROM, VALID_UNTIL, Showing, Specimen
from gate.specimen.cbor import encode
from gate.specimen.issuer import ControlPoint, Issuer, sign1, trust_list

AT: Final = 1793606400
"""2026-11-02 08:00 UTC: when most vectors are judged."""

DAY: Final = 86400
MAX_TIME: Final = (1 << 33) - 1
"""The last time that EC1 can write (FORMAT 4.2)."""

POLICY: Final[Mapping[str, int]] = {
    "max_code_age": 15,
    "max_code_lead": 5,
    "max_credential_lead": 5,
    "max_credential_lifetime": 31 * DAY,
    "max_status_age": 2 * DAY,
    "trust_grace": 3 * DAY,
    "anti_passback": 60,
}

_UTOPIA: Final = Specimen.from_seed(b"Utopia, test vectors")
P256: Final = _UTOPIA.device_key(Showing(AT, "p256"))
ED25519: Final = _UTOPIA.device_key(Showing(AT, "ed25519"))
OTHER_P256: Final = _UTOPIA.device_key(Showing(AT, "p256", holder="another"))
ODD_P256: Final = _UTOPIA.device_key(Showing(AT, "p256", holder="odd 2"))
"""One whose y is odd; that of the two others is even."""

OTHER_ED25519: Final = _UTOPIA.device_key(Showing(AT, "ed25519", holder="another"))


def _issuer(name: str, *scopes: str) -> Issuer:
    entropy = _UTOPIA.entropy
    key = Ed25519PrivateKey.from_private_bytes(entropy(f"issuer/{name}", 32))
    return Issuer(name, entropy(f"issuer kid/{name}", 8), key, scopes)


def _point(name: str) -> ControlPoint:
    entropy = _UTOPIA.entropy
    key = X25519PrivateKey.from_private_bytes(entropy(f"point/{name}", 32))
    return ControlPoint("HZMB-HK", entropy(f"point kid/{name}", 4), key)


MACAU: Final = _UTOPIA.kit.macau
HONG_KONG: Final = _UTOPIA.kit.hong_kong
FORGER: Final = _UTOPIA.kit.forger
STOLEN_KID: Final = replace(MACAU, key=FORGER.key)
"""A known issuer's kid over a forger's key."""

REAL: Final = _issuer("UTO-REAL", "MO-PR")
"""An issuer whose environment is "production"."""

BRIEF: Final = _issuer("UTO-BRIEF", "MO-PR")
"""An issuer whose key is valid from `BRIEF_FROM` (inclusive) to `BRIEF_UNTIL` (exclusive)."""

BRIEF_FROM: Final = AT - 3600
BRIEF_UNTIL: Final = AT + 60

HERE: Final = _UTOPIA.kit.point
ELSEWHERE: Final = _UTOPIA.kit.elsewhere
PREVIOUS: Final = _point("previous")
"""The control point's key of before: published and held still."""

LEAVING: Final = _point("leaving")
"""One that is being replaced: held, and open for codes until `LEAVING_UNTIL` (exclusive)."""

LEAVING_UNTIL: Final = AT + 60
RETIRED: Final = _point("retired")
"""An older one, which the lane no longer holds."""


def _stored(data: bytes) -> bytes:
    """A zlib stream (RFC 1950) of one stored block: two libraries do not compress to the same bytes."""
    size = len(data).to_bytes(2, "little")
    block = b"\x01" + size + bytes(byte ^ 0xFF for byte in size) + data
    return b"\x78\x01" + block + zlib.adler32(data).to_bytes(4, "big")


@dataclass(frozen=True, slots=True)
class StatusList:
    """A status list as its issuer publishes it: what is not in `statuses` is valid (0). Times are Unix seconds."""

    uri: str
    issuer: Issuer = MACAU
    entries: int = 16
    statuses: Mapping[int, int] = field(default_factory=dict)
    bits: int = 2
    iat: int = AT - 3600
    exp: int = AT + DAY

    @property
    def file(self) -> str:
        """Its file's name beside the trust list."""
        return f"{self.uri.rpartition(':')[2]}.cwt"

    def signed(self) -> bytes:
        """The Token Status List CWT."""
        packed = bytearray(-(-self.entries * self.bits // 8))
        for index, status in self.statuses.items():
            packed[index * self.bits >> 3] |= status << (index * self.bits & 7)
        content = {"bits": self.bits, "lst": _stored(bytes(packed))}
        header = {1: -19, 4: self.issuer.kid, 16: "application/statuslist+cwt"}
        return sign1(self.issuer.key.sign, header, encode({2: self.uri, 4: self.exp, 6: self.iat, 65533: content}))

    def entry(self) -> dict[str, object]:
        """How the trust list names it."""
        return {"uri": self.uri, "file": self.file, "issuer": self.issuer.kid.hex(), "entries": self.entries}


VALID, REVOKED, SUSPENDED, UNNAMED = 1024, 2048, 3072, 1000
"""Indices of `MAIN`; at the last of them stands 3, which means nothing to EC1."""

MAIN: Final = StatusList("urn:uto:uto-mo", entries=4096, statuses={REVOKED: 1, SUSPENDED: 2, UNNAMED: 3})
LONGEST_URI: Final = "urn:uto:twenty-seven-octets"
LISTS: Final = (
    MAIN,
    StatusList("urn:uto:uto-hk", HONG_KONG, entries=4096, statuses={REVOKED: 1}),
    StatusList("urn:uto:uto-real", REAL),
    StatusList("urn:uto:uto-brief", BRIEF),
    StatusList("urn:uto:one-bit", statuses={1: 1, 15: 1}, bits=1),
    StatusList("urn:uto:long", entries=65540, bits=1),
    StatusList("urn:uto:short", statuses={1: 1}),
    StatusList("urn:uto:two-days-old", statuses={1: 1}, iat=AT - 2 * DAY),
    StatusList("urn:uto:ending", statuses={1: 1}, exp=AT),
    StatusList("urn:uto:ahead", statuses={1: 1}, iat=AT + 5),
    StatusList(LONGEST_URI),
)


@dataclass(frozen=True, slots=True)
class World:
    """A trust list with its status lists, and the control-point keys that the lane holds. Times are Unix seconds."""

    issued: int = AT - DAY
    expires: int = AT + 30 * DAY
    policy: Mapping[str, int] = field(default_factory=dict)
    lists: tuple[StatusList, ...] = LISTS
    held: tuple[ControlPoint, ...] = (HERE, PREVIOUS, LEAVING)

    def files(self) -> Iterator[tuple[str, bytes]]:
        """The world's files by name."""
        issuers = [issuer.entry(ENVIRONMENT, VALID_FROM, VALID_UNTIL) for issuer in (MACAU, HONG_KONG)]
        issuers += [
            REAL.entry("production", VALID_FROM, VALID_UNTIL),
            BRIEF.entry(ENVIRONMENT, BRIEF_FROM, BRIEF_UNTIL),
        ]
        points = (HERE, PREVIOUS, LEAVING.entry(LEAVING_UNTIL), RETIRED, ELSEWHERE)
        lists = [listed.entry() for listed in self.lists]
        policy = {**POLICY, **self.policy}
        yield (
            "trust-list.json",
            trust_list(issuers, points, lists, issued=self.issued, expires=self.expires, policy=policy),
        )
        yield from ((listed.file, listed.signed()) for listed in self.lists)
        held = {point.kid.hex(): point.key.private_bytes_raw().hex() for point in self.held}
        yield "control-point-keys.json", json.dumps(held, indent=2).encode() + b"\n"


WORLDS: Final[Mapping[str, World]] = {
    "utopia": World(),
    "overdue": World(issued=AT - 9 * DAY, expires=AT - 3 * DAY, lists=(MAIN,)),
    "patient": World(policy={"max_code_age": 300, "max_credential_lifetime": MAX_TIME}, lists=(MAIN,)),
    "hasty": World(policy={"max_code_age": 2, "max_code_lead": 0}, lists=(MAIN,)),
    "revoked-since": World(lists=(replace(MAIN, statuses={VALID: 1}, iat=AT),)),
}
