"""The outermost layer: the prefix, the limits and Base45 (FORMAT sections 1 and 4.1).

Junk must cost almost nothing: how a text begins and how long it is are looked at before any character is decoded.
"""

import re
from typing import Final

from gate.credential.reasons import Reason, malformed

PREFIX: Final = "EC1:"
MAX_CHARACTERS: Final = 900
_OTHER_VERSION: Final = re.compile(r"EC[0-9]:")
_BEGINNING: Final = PREFIX + "9GQQJ9A60F85"
"""How every code begins: its first 8 bytes are `16([ h'` and `{1: 41, 4:` with their heads (FORMAT section 2), and 2 bytes are 3 characters."""
_ALPHABET: Final = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
_FOREIGN: Final = 255
_VALUES: Final = bytes(_ALPHABET.find(c) if c in _ALPHABET else _FOREIGN for c in range(256))


def glance(text: str) -> Reason | None:
    """Why a text cannot be a code, seen from its beginning: `not_ours`, `unknown_version` or `malformed`; None where it may be one."""
    if text.startswith(_BEGINNING):
        return None
    if text.startswith(PREFIX):
        return Reason.MALFORMED
    return Reason.UNKNOWN_VERSION if _OTHER_VERSION.match(text) else Reason.NOT_OURS


def unarmor(text: str) -> bytes:
    """The bytes behind a text that `glance` let through. Raises Refused (`malformed`) where it is too long or not exact Base45."""
    if len(text) > MAX_CHARACTERS:
        raise malformed(f"expected at most {MAX_CHARACTERS} characters, got {len(text)}")
    return decode_base45(text[len(PREFIX) :])


def decode_base45(text: str) -> bytes:
    """Base45 (RFC 9285), exact: the whole alphabet and nothing else, no overflow, no odd character out.

    Our own: measured at a sixth of the time of the `base45` package, which also accepts a trailing newline. Raises Refused (`malformed`).
    """
    try:
        values = text.encode("ascii").translate(_VALUES)
    except UnicodeEncodeError:
        raise malformed("expected Base45, got a character outside ASCII") from None
    if not values or _FOREIGN in values:
        raise malformed("expected Base45, got a character outside its alphabet or nothing")
    groups, rest = divmod(len(values), 3)
    if rest == 1:
        raise malformed("expected Base45 in groups of three or two characters, got one left over")
    return _pairs(values, groups) + (_last(values) if rest else b"")


def _pairs(values: bytes, groups: int) -> bytes:
    """Two bytes for each group of three values, c + 45 d + 45^2 e: all groups at once, each in 32 bits of one large integer."""
    total = _lanes(values, groups, 0) + 45 * _lanes(values, groups, 1) + 45**2 * _lanes(values, groups, 2)
    sums = total.to_bytes(4 * groups, "big")
    if sums[1::4].count(0) != groups:  # 91124 at most, so that the third byte tells of everything above 65535
        raise malformed("expected Base45, got a group above its range")
    pairs = bytearray(2 * groups)
    pairs[0::2], pairs[1::2] = sums[2::4], sums[3::4]
    return bytes(pairs)


def _lanes(values: bytes, groups: int, place: int) -> int:
    """The value at one place of each group, 32 bits apart."""
    lanes = bytearray(4 * groups)
    lanes[3::4] = values[place : 3 * groups : 3]
    return int.from_bytes(lanes, "big")


def _last(values: bytes) -> bytes:
    """One byte for the two values that are left over."""
    value = values[-2] + 45 * values[-1]
    if value > 255:  # noqa: PLR2004 - a byte's
        raise malformed("expected Base45, got a last group above its range")
    return bytes((value,))
