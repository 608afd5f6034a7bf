"""Status lists: Token Status List CWTs (IETF draft-ietf-oauth-status-list), signed by the issuer that they speak for (FORMAT section 6)."""

import zlib
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from gate.credential import cbor, keys
from gate.credential.cbor import form, text, uint
from gate.credential.claims import MAX_STATUS_URI, MAX_TIME
from gate.credential.cose import parse_sign1
from gate.credential.keys import Ed25519Key
from gate.credential.reasons import Refused
from gate.errors import TrustError

_HEADER: Final = form(rb"""
    \xa3 \x01 \x32                             # {1: -19,
    \x04 \x48 (.{8})                           # 4: kid,
    \x10 \x78\x1a application/statuslist\+cwt    # 16: typ}
""")
_CLAIMS: Final = form(rb"""
    \xa4 \x02 TSTR               # {2: uri,
    \x04 UINT                    # 4: exp,
    \x06 UINT                    # 6: iat,
    \x19\xff\xfd \xa2 \x63lst BSTR   # 65533: {"lst": zlib,
    \x64bits ([\x01\x02])         # "bits": 1 or 2}}
""")
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
    message = parse_sign1(data)
    (kid,) = cbor.read(_HEADER, message.protected)
    if kid != issuer_kid:
        raise TrustError(f"status list {uri}: expected its own issuer's kid, got another")
    keys.verify(key, message.signature, message.signed())
    subject, exp, iat, compressed, bits = cbor.read(_CLAIMS, message.payload)
    if text(subject, MAX_STATUS_URI) != uri:
        raise TrustError(f"status list {uri}: expected its own uri as the subject, got another")
    begins, ends = uint(iat, MAX_TIME), uint(exp, MAX_TIME)
    if begins >= ends:
        raise TrustError(f"status list {uri}: expected it to expire after {begins}, got {ends}")
    (size,) = bits
    return StatusList(uri, issuer_kid, begins, ends, size, entries, _inflated(compressed, size, uri, entries))


def _inflated(compressed: bytes, bits: int, uri: str, entries: int) -> bytes:
    """What the zlib stream holds, never more than the trust list announces."""
    if len(compressed) > _MAX_COMPRESSED:
        raise TrustError(f"status list {uri}: expected a zlib stream of at most {_MAX_COMPRESSED} bytes, got more")
    expected = -(-entries * bits // 8)
    inflate = zlib.decompressobj()
    try:
        packed = inflate.decompress(compressed, expected)  # a longer stream has not come to its end then
    except zlib.error:
        raise TrustError(f"status list {uri}: expected a zlib stream") from None
    if inflate.eof and len(packed) < expected:  # an index that was given out would have no status
        raise TrustError(
            f"status list {uri}: expected {expected} bytes for the {entries} indices given out, got {len(packed)}: "
            "it is shorter than its indices; ask its issuer for the whole list"
        )
    if not inflate.eof or inflate.unused_data:
        raise TrustError(
            f"status list {uri}: expected exactly {expected} bytes for {entries} entries in one zlib stream"
        )
    return packed
