"""The authority's side: issuers that sign credentials and status lists, and the trust list that names them. All of Utopia (UTO)."""

import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from gate.specimen.cbor import Tag, encode

CLAIM_EXP, CLAIM_IAT, CLAIM_CTI, CLAIM_CNF, CLAIM_SCOPE, CLAIM_STATUS = 4, 6, 7, 8, 9, 65535


@dataclass(frozen=True, slots=True)
class Issuer:
    """An issuer and its key; `kid` of 8 bytes; the scopes that it may give."""

    name: str
    kid: bytes
    key: Ed25519PrivateKey
    scopes: tuple[str, ...]

    def credential(self, claims: Mapping[int, object]) -> bytes:
        """The issuer's CWT over these claims (FORMAT section 2)."""
        return sign1(self.key.sign, {1: -19, 4: self.kid}, encode(claims))

    def status_list(self, uri: str, statuses: Mapping[int, int], *, entries: int, iat: int, exp: int) -> bytes:
        """A Token Status List CWT with two bits an entry; what is not named in `statuses` is valid (0)."""
        packed = bytearray(-(-entries * 2 // 8))
        for index, status in statuses.items():
            packed[index >> 2] |= status << 2 * (index & 3)
        content = {"bits": 2, "lst": zlib.compress(bytes(packed), 9)}
        header = {1: -19, 4: self.kid, 16: "application/statuslist+cwt"}
        return sign1(self.key.sign, header, encode({2: uri, 4: exp, 6: iat, 65533: content}))

    def entry(self, environment: str, valid_from: int, valid_until: int) -> dict[str, object]:
        """How a trust list names this issuer."""
        return {
            "name": self.name,
            "kid": self.kid.hex(),
            "key": self.key.public_key().public_bytes_raw().hex(),
            "environment": environment,
            "valid_from": valid_from,
            "valid_until": valid_until,
            "scopes": list(self.scopes),
        }


@dataclass(frozen=True, slots=True)
class ControlPoint:
    """A control point's id, its kid of 4 bytes and its X25519 key."""

    id: str
    kid: bytes
    key: X25519PrivateKey

    @property
    def public(self) -> bytes:
        """The 32 bytes that phones seal for."""
        return self.key.public_key().public_bytes_raw()

    def entry(self, valid_until: int | None = None) -> dict[str, object]:
        """How a trust list names this control point; `valid_until` (Unix seconds) for a key that is being replaced."""
        named: dict[str, object] = {"id": self.id, "kid": self.kid.hex(), "key": self.public.hex()}
        return named if valid_until is None else named | {"valid_until": valid_until}


def sign1(sign: Callable[[bytes], bytes], header: Mapping[int, object], payload: bytes) -> bytes:
    """A tagged COSE_Sign1 with an empty unprotected map (RFC 9052 section 4.4)."""
    protected = encode(header)
    signature = sign(encode(["Signature1", protected, b"", payload]))
    return encode(Tag(18, [protected, {}, payload, signature]))


def trust_list(
    issuers: Sequence[dict[str, object]],
    control_points: Sequence[ControlPoint | dict[str, object]],
    status_lists: Sequence[dict[str, object]],
    *,
    issued: int,
    expires: int,
    policy: Mapping[str, int],
    serial: int = 1,
) -> bytes:
    """The trust list's JSON, for reading by people too. A control point may come as its entry, with its end."""
    content = {
        "format": 1,
        "serial": serial,
        "issued": issued,
        "expires": expires,
        "issuers": list(issuers),
        "control_points": [point.entry() if isinstance(point, ControlPoint) else point for point in control_points],
        "status_lists": list(status_lists),
        "policy": dict(policy),
    }
    return json.dumps(content, indent=2).encode() + b"\n"
