"""What a code says, parsed and not yet believed (FORMAT section 2). A value that exists has the right shape; nothing more is promised."""

from dataclasses import dataclass
from typing import Final

from gate.credential.cbor import Reader
from gate.credential.cose import ALG, KID, Sign1, read_sign1
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
_TYP, _KCWT, _KB_CWT = 16, 13, 294
_AUD, _EXP, _IAT, _CTI, _CNF, _SCOPE, _CNONCE, _STATUS = 3, 4, 6, 7, 8, 9, 39, 65535
_KTY, _CRV, _X, _Y = 1, -1, -2, -3
_OKP, _EC2, _P256_CRV, _ED25519_CRV = 1, 2, 1, 6
_THREE_PAIRS: Final = 0xA3


@dataclass(frozen=True, slots=True)
class DeviceKey:
    """The phone's public key as the credential names it: x of 32 bytes; `odd` is y's sign for P-256, None for Ed25519."""

    x: bytes
    odd: bool | None

    @property
    def alg(self) -> int:
        """The one COSE algorithm that fits this key."""
        return ED25519 if self.odd is None else ESP256


@dataclass(frozen=True, slots=True)
class Credential:
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


@dataclass(frozen=True, slots=True)
class KeyBinding:
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
    payload.map(3)
    payload.label(_AUD)
    aud = payload.tstr(_MAX_TEXT)
    payload.label(_IAT)
    iat = payload.uint(MAX_TIME)
    payload.label(_CNONCE)
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
    header.map(3)
    header.label(ALG)
    alg = header.choice(ESP256, ED25519)
    header.label(_KCWT)
    credential = _credential(header)
    header.label(_TYP)
    header.label(_KB_CWT)
    header.end()
    return alg, credential


def _credential(header: Reader) -> Credential:
    """The issuer's CWT, inline as an array with tag 18."""
    message = read_sign1(header)
    issuer_kid = _issuer_kid(message.protected)
    claims = Reader(message.payload)
    claims.map(6)
    claims.label(_EXP)
    exp = claims.uint(MAX_TIME)
    claims.label(_IAT)
    iat = claims.uint(MAX_TIME)
    claims.label(_CTI)
    cti = claims.bstr(_CTI_BYTES)
    device_key = _cnf(claims)
    claims.label(_SCOPE)
    scope = claims.tstr(_MAX_TEXT)
    index, uri = _status(claims)
    claims.end()
    return Credential(message, issuer_kid, exp, iat, cti, device_key, scope, index, uri)


def _issuer_kid(protected: bytes) -> bytes:
    """`{1: -19, 4: kid}`: an issuer signs with Ed25519 and nothing else."""
    header = Reader(protected)
    header.map(2)
    header.label(ALG)
    header.label(ED25519)
    header.label(KID)
    kid = header.bstr(_ISSUER_KID_BYTES)
    header.end()
    return kid


def _cnf(claims: Reader) -> DeviceKey:
    """`8: {1: COSE_Key}` (RFC 8747): P-256 compressed or Ed25519, no other labels."""
    claims.label(_CNF)
    claims.map(1)
    claims.label(1)
    if claims.next_is(_THREE_PAIRS):
        claims.map(3)
        _key_type(claims, _OKP, _ED25519_CRV)
        return DeviceKey(claims.bstr(ED25519_BYTES), None)
    claims.map(4)
    _key_type(claims, _EC2, _P256_CRV)
    x = claims.bstr(P256_BYTES)
    claims.label(_Y)
    return DeviceKey(x, claims.boolean())


def _key_type(claims: Reader, kty: int, crv: int) -> None:
    claims.label(_KTY)
    claims.label(kty)
    claims.label(_CRV)
    claims.label(crv)
    claims.label(_X)


def _status(claims: Reader) -> tuple[int, str]:
    """`65535: {"status_list": {"idx": uint, "uri": tstr}}` (IETF Token Status List)."""
    claims.label(_STATUS)
    claims.map(1)
    claims.key("status_list")
    claims.map(2)
    claims.key("idx")
    index = claims.uint(_MAX_INDEX)
    claims.key("uri")
    return index, claims.tstr(MAX_STATUS_URI)
