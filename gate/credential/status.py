"""Status lists: Token Status List CWTs (IETF draft-ietf-oauth-status-list), signed by the issuer that they speak for (FORMAT section 6)."""

import zlib
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from gate.credential import keys
from gate.credential.cbor import Reader
from gate.credential.claims import MAX_STATUS_URI, MAX_TIME
from gate.credential.cose import read_sign1
from gate.credential.keys import Ed25519Key
from gate.credential.reasons import Refused
from gate.errors import TrustError

_ED25519_KID: Final = b"\xa3\x01\x32\x04"  # {1: -19, 4:
_TYP: Final = b"\x10\x78\x1aapplication/statuslist+cwt"  # 16:
_SUB: Final = b"\xa4\x02"  # {2:
_EXP: Final = b"\x04"  # 4:
_IAT: Final = b"\x06"  # 6:
_LST: Final = b"\x19\xff\xfd\xa2\x63lst"  # 65533: {"lst":
_BITS: Final = b"\x64bits"  # "bits":
_KID_BYTES: Final = 8
_MAX_COMPRESSED: Final = 1 << 24


class Status(IntEnum):
    """What a list says of one index; 3 is the application's own and means nothing here."""

    VALID = 0
    INVALID = 1
    SUSPENDED = 2


@dataclass(frozen=True, slots=True)
class StatusList:
    """One issuer's list, whole. `iat` and `exp` are Unix seconds; `packed` holds `bits` bits an entry, the first in the lowest bits."""

    uri: str
    issuer_kid: bytes
    iat: int
    exp: int
    bits: int
    entries: int
    packed: bytes

    def at(self, index: int) -> int:
        """The status of an index that is inside the list."""
        offset = index * self.bits
        return self.packed[offset >> 3] >> (offset & 7) & ((1 << self.bits) - 1)


def load_status_list(data: bytes, *, uri: str, issuer_kid: bytes, key: Ed25519Key, entries: int) -> StatusList:
    """A status list from its signed bytes; `entries` bounds what it may inflate to. Raises TrustError, naming the list."""
    try:
        return _parse(data, uri, issuer_kid, key, entries)
    except Refused as refusal:
        raise TrustError(f"status list {uri}: {refusal}") from None


def _parse(data: bytes, uri: str, issuer_kid: bytes, key: Ed25519Key, entries: int) -> StatusList:
    reader = Reader(data)
    message = read_sign1(reader)
    reader.end()
    _check_header(message.protected, uri, issuer_kid)
    keys.verify(key, message.signature, message.signed())
    claims = Reader(message.payload)
    claims.literal(_SUB)
    if claims.tstr(MAX_STATUS_URI) != uri:
        raise TrustError(f"status list {uri}: expected its own uri as the subject, got another")
    claims.literal(_EXP)
    exp = claims.uint(MAX_TIME)
    claims.literal(_IAT)
    iat = claims.uint(MAX_TIME)
    claims.literal(_LST)
    bits, packed = _unpack(claims, uri, entries)
    claims.end()
    return StatusList(uri, issuer_kid, iat, exp, bits, entries, packed)


def _check_header(protected: bytes, uri: str, issuer_kid: bytes) -> None:
    """`{1: -19, 4: kid, 16: "application/statuslist+cwt"}`."""
    header = Reader(protected)
    header.literal(_ED25519_KID)
    if header.bstr(_KID_BYTES) != issuer_kid:
        raise TrustError(f"status list {uri}: expected its own issuer's kid, got another")
    header.literal(_TYP)
    header.end()


def _unpack(claims: Reader, uri: str, entries: int) -> tuple[int, bytes]:
    """`{"lst": zlib, "bits": 1 or 2}`; never inflates beyond what the trust list announces."""
    compressed = claims.bstr()
    claims.literal(_BITS)
    bits = claims.uint(3)
    if not bits or len(compressed) > _MAX_COMPRESSED:
        raise TrustError(f"status list {uri}: expected 1 or 2 bits an entry in at most {_MAX_COMPRESSED} bytes")
    expected = -(-entries * bits // 8)
    inflate = zlib.decompressobj()
    try:
        packed = inflate.decompress(compressed, expected + 1)
    except zlib.error:
        raise TrustError(f"status list {uri}: expected a zlib stream") from None
    if len(packed) != expected or not inflate.eof or inflate.unused_data:
        raise TrustError(f"status list {uri}: expected exactly {expected} bytes for {entries} entries")
    return bits, packed
