"""What a code says, parsed and not yet believed (FORMAT section 2). A value that exists has the right shape; nothing more is promised.

What lives for one verdict only is a NamedTuple: a frozen dataclass takes four times as long to make.
"""

from typing import Final, NamedTuple

from gate.credential import cbor
from gate.credential.cbor import form, text, uint
from gate.credential.cose import SIGN1, Sign1, parse_sign1
from gate.credential.keys import ED25519, ESP256

MAX_TIME: Final = 1 << 33
"""Times are below this (FORMAT section 4.2)."""

MAX_STATUS_URI: Final = 27
"""A status uri's most bytes, so that the symbol stays within version 16-M (FORMAT section 1)."""

_MAX_TEXT: Final = 255
_MAX_INDEX: Final = 1 << 64

# The forms of FORMAT section 2, in the deterministic encoding.
_PHONE_HEADER: Final = form(
    rb"""
    \xa3 \x01 ([\x28\x32])   # {1: -9 or -19,
    \x0d                     # 13:"""
    + SIGN1
    + rb"""
    \x10 \x19\x01\x26        # 16: 294}
"""
)
_PHONE_PAYLOAD: Final = form(rb"""
    \xa3 \x03 TSTR           # {3: aud,
    \x06 UINT                # 6: iat,
    \x18\x27 \x48 (.{8})     # 39: cnonce}
""")
_ALGORITHMS: Final = {b"\x28": ESP256, b"\x32": ED25519}
_ISSUER_HEADER: Final = form(rb"""
    \xa2 \x01 \x32           # {1: -19, an issuer signs with Ed25519 and nothing else
    \x04 \x48 (.{8})         # 4: kid}
""")
_CLAIMS: Final = form(rb"""
    \xa6 \x04 UINT           # {4: exp,
    \x06 UINT                # 6: iat,
    \x07 \x4c (.{12})        # 7: cti,
    \x08 \xa1 \x01 (?:       # 8: {1: a COSE_Key of one of two kinds (RFC 8747) and no other labels
      \xa4 \x01\x02 \x20\x01 \x21\x58\x20 (.{32}) \x22 ([\xf4\xf5])   # {1: 2, -1: 1, -2: x, -3: y is odd}
    | \xa3 \x01\x01 \x20\x06 \x21\x58\x20 (.{32})                     # {1: 1, -1: 6, -2: x}
    )                        # },
    \x09 TSTR                # 9: scope,
    \x19\xff\xff \xa1 \x6bstatus_list \xa2   # 65535: {"status_list": {
    \x63idx UINT             # "idx": idx,
    \x63uri TSTR             # "uri": uri}}}
""")
_TRUE: Final = b"\xf5"


class DeviceKey(NamedTuple):
    """The phone's public key as the credential names it: x of 32 bytes; `odd` is y's sign for P-256, None for Ed25519."""

    x: bytes
    odd: bool | None

    @property
    def alg(self) -> int:
        """The one COSE algorithm that fits this key."""
        return ED25519 if self.odd is None else ESP256


class Credential(NamedTuple):
    """The issuer's claims about a holder who has no name here. Times are Unix seconds."""

    message: Sign1
    issuer_kid: bytes
    exp: int
    iat: int
    cti: bytes
    device_key: DeviceKey
    scope: str
    status_index: int
    status_uri: str


class KeyBinding(NamedTuple):
    """What the phone signed: this credential, for this place, at this time (Unix seconds)."""

    message: Sign1
    alg: int
    credential: Credential
    aud: str
    iat: int
    cnonce: bytes


class Presentation(NamedTuple):
    """One showing of a credential, after both signatures held. `(cti, iat, cnonce)` is its identity (FORMAT section 3)."""

    issuer_kid: bytes
    cti: bytes
    iat: int
    cnonce: bytes
    aud: str
    scope: str
    exp: int
    credential_iat: int
    status_uri: str
    status_index: int


def parse_key_binding(data: bytes) -> KeyBinding:
    """The decrypted message: the phone's Sign1 around the issuer's. Raises Refused (`malformed`)."""
    message = parse_sign1(data)
    alg, credential = _phone_header(message.protected)
    aud, iat, cnonce = cbor.read(_PHONE_PAYLOAD, message.payload)
    return KeyBinding(message, alg, credential, text(aud, _MAX_TEXT), uint(iat, MAX_TIME), cnonce)


def presentation_of(shown: KeyBinding) -> Presentation:
    """The parts that a decision, the replay memory and the journal need."""
    credential = shown.credential
    return Presentation(
        credential.issuer_kid,
        credential.cti,
        shown.iat,
        shown.cnonce,
        shown.aud,
        credential.scope,
        credential.exp,
        credential.iat,
        credential.status_uri,
        credential.status_index,
    )


def _phone_header(protected: bytes) -> tuple[int, Credential]:
    alg, *credential = cbor.read(_PHONE_HEADER, protected)
    return _ALGORITHMS[alg], _credential(Sign1(*credential))


def _credential(message: Sign1) -> Credential:
    """The issuer's CWT, which stands inline as an array with tag 18."""
    (issuer_kid,) = cbor.read(_ISSUER_HEADER, message.protected)
    exp, iat, cti, p256, y, ed25519, scope, index, uri = cbor.read(_CLAIMS, message.payload)
    return Credential(
        message,
        issuer_kid,
        uint(exp, MAX_TIME),
        uint(iat, MAX_TIME),
        cti,
        DeviceKey(ed25519, None) if p256 is None else DeviceKey(p256, y == _TRUE),
        text(scope, _MAX_TEXT),
        uint(index, _MAX_INDEX),
        text(uri, MAX_STATUS_URI),
    )
