"""CBOR as EC1 allows it: the one deterministic encoding (RFC 8949 section 4.2.1) of exactly what is expected, or a refusal.

A layer is asked whether it has the one form that it must have; nothing builds what came. So what FORMAT section 4.2 forbids (tags, floats, bignums,
indefinite lengths, unknown, unsorted or duplicate labels, depth) is never decoded at all: there is no code here that could. Measured at a
fifth of the time of a strict `cbor2.loads` + re-encode + type walk of one code's layers (FORMAT.md, Decisions).
"""

import re
from typing import Any, Final, TypeAlias

from gate.credential.reasons import malformed

_SHORTEST: Final = {
    b"UINT": rb"([\x00-\x17]|\x18[\x18-\xff]|\x19(?!\x00).{2}|\x1a(?!\x00\x00).{4}|\x1b(?!\x00{4}).{8})",
    b"BSTR": rb"([\x40-\x57]|\x58[\x18-\xff]|\x59(?!\x00).{2}|\x5a(?!\x00\x00).{4})",
    b"TSTR": rb"([\x60-\x77]|\x78[\x18-\xff]|\x79(?!\x00).{2})",
}
"""An unsigned integer, and a string's head, in their shortest form (RFC 8949 section 3). The first byte says how long each is: one reading only."""
_STRINGS: Final = re.compile(rb"(?<=BSTR)|(?<=TSTR)")

Form: TypeAlias = tuple[tuple[re.Pattern[bytes], bool], ...]
"""What must come, in parts; a part that ends with a string's head is marked."""


def form(written: bytes) -> Form:
    """A layer's form from a verbose regular expression over its bytes, in which UINT, BSTR and TSTR stand for any value of that type.

    Literals and groups of fixed size stand for themselves. So it reads like FORMAT section 2, and `re` compares the bytes.
    """
    return tuple((_compiled(part), part.endswith(b"STR")) for part in _STRINGS.split(written))


def _compiled(part: bytes) -> re.Pattern[bytes]:
    for word, shortest in _SHORTEST.items():
        part = part.replace(word, shortest)
    return re.compile(part, re.DOTALL | re.VERBOSE)


def read(expected: Form, data: bytes) -> list[bytes | Any]:
    """What stands in the groups and values of a layer of this form, encoded integers and strings' content: all of the layer, to its last byte.

    None for a group of an alternative that was not taken. Raises Refused (`malformed`).
    """
    found: list[bytes | Any] = []
    at = 0
    for part, ends_with_head in expected:
        match = part.match(data, at)
        if match is None:
            raise malformed("expected the listed labels, types and lengths, got others")
        found += match.groups()
        at = match.end()
        if ends_with_head:
            begin, at = at, at + _argument(found[-1])
            found[-1] = data[begin:at]
            if at > len(data):  # checked here, for `match` takes a place beyond the end for the end
                raise malformed(f"expected {at} bytes or more, got {len(data)}")
    if at != len(data):
        raise malformed(f"expected {at} bytes, got {len(data)}")
    return found


def uint(encoded: bytes, limit: int) -> int:
    """The value of a UINT, below `limit`. Raises Refused (`malformed`)."""
    value = _argument(encoded)
    if value >= limit:
        raise malformed(f"expected an integer below {limit}")
    return value


def text(content: bytes, limit: int) -> str:
    """The text of a TSTR, at most `limit` bytes of UTF-8. Raises Refused (`malformed`)."""
    if len(content) > limit:
        raise malformed(f"expected a text of at most {limit} bytes, got {len(content)}")
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise malformed("expected UTF-8 in a text") from None


def _argument(head: bytes) -> int:
    """RFC 8949 section 3, of a head in its shortest form."""
    return int.from_bytes(head[1:], "big") if len(head) > 1 else head[0] & 31


def bstr(data: bytes) -> bytes:
    """A byte string's encoding, for the structures that are signed (RFC 9052)."""
    length = len(data)
    if length < 24:  # noqa: PLR2004 - RFC 8949 section 3
        return bytes((0x40 | length,)) + data
    if length < 1 << 8:
        return b"\x58" + bytes((length,)) + data
    if length < 1 << 16:
        return b"\x59" + length.to_bytes(2, "big") + data
    return b"\x5a" + length.to_bytes(4, "big") + data  # a status list may be megabytes
