"""The outermost layer: the prefix, the limits and Base45 (FORMAT sections 1 and 4.1).

Junk must cost almost nothing: the prefix and the length are looked at before any character is decoded.
"""

import re
import struct
from typing import Final

from gate.credential.reasons import Reason, Refused, malformed

PREFIX: Final = "EC1:"
MAX_CHARACTERS: Final = 900
_OTHER_VERSION: Final = re.compile(r"EC[0-9]:")
_ALPHABET: Final = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
_FOREIGN: Final = 255
_VALUES: Final = bytes(_ALPHABET.find(c) if c in _ALPHABET else _FOREIGN for c in range(256))


def unarmor(text: str) -> bytes:
    """The bytes behind a shown text.

    Raises Refused: `not_ours`, `unknown_version`, or `malformed` for an EC1 text that is too long or not exact Base45.
    """
    if not text.startswith(PREFIX):
        if _OTHER_VERSION.match(text):
            raise Refused(Reason.UNKNOWN_VERSION, "expected version 1 of the code, got another digit")
        raise Refused(Reason.NOT_OURS, "expected a text that begins with EC1:")
    if len(text) > MAX_CHARACTERS:
        raise malformed(f"expected at most {MAX_CHARACTERS} characters, got {len(text)}")
    return decode_base45(text[len(PREFIX) :])


def decode_base45(text: str) -> bytes:
    """Base45 (RFC 9285), exact: the whole alphabet and nothing else, no overflow, no odd character out.

    A table of our own: measured at a third of the time of the `base45` package, which also accepts a trailing newline.
    Raises Refused (`malformed`).
    """
    try:
        values = text.encode("ascii").translate(_VALUES)
    except UnicodeEncodeError:
        raise malformed("expected Base45, got a character outside ASCII") from None
    if not values or _FOREIGN in values:
        raise malformed("expected Base45, got a character outside its alphabet or nothing")
    whole, rest = divmod(len(values), 3)
    if rest == 1:
        raise malformed("expected Base45 in groups of three or two characters, got one left over")
    words = [c + 45 * d + 2025 * e for c, d, e in zip(values[0::3], values[1::3], values[2::3], strict=False)]
    try:
        head = struct.pack(f">{whole}H", *words)
        tail = struct.pack("B", values[-2] + 45 * values[-1]) if rest else b""
    except struct.error:
        raise malformed("expected Base45, got a group above its range") from None
    return head + tail
