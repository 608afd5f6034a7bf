"""What a code says, parsed and not yet believed (FORMAT section 2). A value that exists has the right shape; nothing more is promised.

What lives for one verdict only is a NamedTuple: a frozen dataclass takes four times as long to make.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

from gate.credential.cbor import Reader
from gate.credential.cose import Sign1, read_sign1
from gate.credential.keys import ED25519, ED25519_BYTES, ESP256, P256_BYTES

MAX_TIME: Final = 1 << 33
"""Times are below this (FORMAT section 4.2)."""

MAX_STATUS_URI: Final = 27
"""A status uri's most bytes, so that the symbol stays within version 16-M (FORMAT section 1)."""

_MAX_TEXT: Final = 255
_MAX_INDEX: Final = 1 << 64
_ISSUER_KID_BYTES: Final = 8
_CTI_BYTES: Final = 12
_CNONCE_BYTES: Final = 8

# What FORMAT section 2 fixes between two values, in the deterministic encoding.
_AUD: Final = b"\xa3\x03"  # {3:
_IAT: Final = b"\x06"  # 6:
_CNONCE: Final = b"\x18\x27"  # 39:
_PHONE_ALG: Final = b"\xa3\x01"  # {1:
_ALGORITHMS: Final = {0x28: ESP256, 0x32: ED25519}  # -9, -19
_KCWT: Final = b"\x0d"  # 13:
_TYP_KB_CWT: Final = b"\x10\x19\x01\x26"  # 16: 294
_ED25519_KID: Final = b"\xa2\x01\x32\x04"  # {1: -19, 4:
_EXP: Final = b"\xa6\x04"  # {4:
_CTI: Final = b"\x07"  # 7:
_CNF: Final = b"\x08\xa1\x01"  # 8: {1:
_IS_P256: Final = {0xA4: True, 0xA3: False}  # a map of four pairs, or of three
_P256: Final = b"\x01\x02\x20\x01\x21"  # 1: 2, -1: 1, -2:
_Y: Final = b"\x22"  # -3:
_BOOLEANS: Final = {0xF4: False, 0xF5: True}
_ED25519: Final = b"\x01\x01\x20\x06\x21"  # 1: 1, -1: 6, -2:
_SCOPE: Final = b"\x09"  # 9:
_STATUS_IDX: Final = b"\x19\xff\xff\xa1\x6bstatus_list\xa2\x63idx"  # 65535: {"status_list": {"idx":
_URI: Final = b"\x63uri"  # "uri":


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


@dataclass(frozen=True, slots=True)
class Presentation:
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
    reader = Reader(data)
    message = read_sign1(reader)
    reader.end()
    alg, credential = _phone_header(message.protected)
    payload = Reader(message.payload)
    payload.literal(_AUD)
    aud = payload.tstr(_MAX_TEXT)
    payload.literal(_IAT)
    iat = payload.uint(MAX_TIME)
    payload.literal(_CNONCE)
    cnonce = payload.bstr(_CNONCE_BYTES)
    payload.end()
    return KeyBinding(message, alg, credential, aud, iat, cnonce)


def presentation_of(shown: KeyBinding) -> Presentation:
    """The parts that a decision, the replay memory and the journal need."""
    credential = shown.credential
    return Presentation(
        issuer_kid=credential.issuer_kid,
        cti=credential.cti,
        iat=shown.iat,
        cnonce=shown.cnonce,
        aud=shown.aud,
        scope=credential.scope,
        exp=credential.exp,
        credential_iat=credential.iat,
        status_uri=credential.status_uri,
        status_index=credential.status_index,
    )


def _phone_header(protected: bytes) -> tuple[int, Credential]:
    """`{1: alg, 13: credential, 16: 294}`."""
    header = Reader(protected)
    header.literal(_PHONE_ALG)
    alg = header.one_of(_ALGORITHMS)
    header.literal(_KCWT)
    credential = _credential(header)
    header.literal(_TYP_KB_CWT)
    header.end()
    return alg, credential


def _credential(header: Reader) -> Credential:
    """The issuer's CWT, inline as an array with tag 18."""
    message = read_sign1(header)
    issuer_kid = _issuer_kid(message.protected)
    claims = Reader(message.payload)
    claims.literal(_EXP)
    exp = claims.uint(MAX_TIME)
    claims.literal(_IAT)
    iat = claims.uint(MAX_TIME)
    claims.literal(_CTI)
    cti = claims.bstr(_CTI_BYTES)
    device_key = _cnf(claims)
    claims.literal(_SCOPE)
    scope = claims.tstr(_MAX_TEXT)
    claims.literal(_STATUS_IDX)
    index = claims.uint(_MAX_INDEX)
    claims.literal(_URI)
    uri = claims.tstr(MAX_STATUS_URI)
    claims.end()
    return Credential(message, issuer_kid, exp, iat, cti, device_key, scope, index, uri)


def _issuer_kid(protected: bytes) -> bytes:
    """`{1: -19, 4: kid}`: an issuer signs with Ed25519 and nothing else."""
    header = Reader(protected)
    header.literal(_ED25519_KID)
    kid = header.bstr(_ISSUER_KID_BYTES)
    header.end()
    return kid


def _cnf(claims: Reader) -> DeviceKey:
    """`8: {1: COSE_Key}` (RFC 8747): P-256 compressed or Ed25519, no other labels."""
    claims.literal(_CNF)
    if claims.one_of(_IS_P256):
        claims.literal(_P256)
        x = claims.bstr(P256_BYTES)
        claims.literal(_Y)
        return DeviceKey(x, claims.one_of(_BOOLEANS))
    claims.literal(_ED25519)
    return DeviceKey(claims.bstr(ED25519_BYTES), None)
