"""CBOR as EC1 allows it: the one deterministic encoding (RFC 8949 section 4.2.1) of exactly what is expected, or a refusal.

A reader that is asked for what must come next, not a decoder that builds what came. So nothing that FORMAT section 4.2 forbids (tags, floats,
bignums, indefinite lengths, unknown, unsorted or duplicate labels, depth) is ever decoded at all: there is no code here that could. Measured
at a fifth of the time of a strict `cbor2.loads` + re-encode + type walk of one code's seven parses (FORMAT.md, Decisions).
"""

import re
from typing import Any, Final

from gate.credential.reasons import malformed

_UINT, _BSTR, _TSTR = 0, 2, 3
"""Major types (RFC 8949 section 3.1) whose values vary; all others stand in literals."""
_SIZES: Final = {24: (1, 24), 25: (2, 1 << 8), 26: (4, 1 << 16), 27: (8, 1 << 32)}
"""Additional information -> bytes of the argument, and the least value that needs that many."""
_SHORTEST: Final = rb"([\x00-\x17]|\x18[\x18-\xff]|\x19(?!\x00).{2}|\x1a(?!\x00\x00).{4}|\x1b(?!\x00{4}).{8})"
"""An unsigned integer in its shortest form. It can be read in one way only, for its first byte says how long it is."""
_HEADS: Final = {size: bytes((0x40 | size,)) if size < 24 else bytes((0x58, size)) for size in (4, 8, 12, 32, 64)}  # noqa: PLR2004 - RFC 8949 section 3
"""The heads of the byte strings whose size FORMAT section 2 fixes."""


def form(written: bytes) -> re.Pattern[bytes]:
    """A run of items whose size their first bytes fix, written as a verbose expression; UINT stands for any unsigned integer, as a group."""
    return re.compile(written.replace(b"UINT", _SHORTEST), re.DOTALL | re.VERBOSE)


class Reader:
    """A cursor over encoded items. Each method raises Refused (`malformed`) unless the deterministic form of what it asks for comes next."""

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def literal(self, expected: bytes) -> None:
        """Exactly these bytes: the heads and labels that FORMAT section 2 fixes between two values."""
        if not self._data.startswith(expected, self._at):
            raise malformed("expected the listed labels and types, got others")
        self._at += len(expected)

    def run(self, expected: re.Pattern[bytes]) -> tuple[bytes | Any, ...]:
        """What varies in a run of this form: its groups, None for the alternative that was not taken. One step in C for many items."""
        found = expected.match(self._data, self._at)
        if found is None:
            raise malformed("expected the listed labels and types, got others")
        self._at = found.end()
        return found.groups()

    def uint(self, limit: int) -> int:
        """An unsigned integer below `limit`."""
        value = self._head(_UINT)
        if value >= limit:
            raise malformed(f"expected an integer below {limit}")
        return value

    def bstr(self, size: int | None = None) -> bytes:
        """A byte string, of `size` bytes where that is given."""
        if size is None:
            return self._take(self._head(_BSTR))
        if not self._data.startswith(_HEADS[size], self._at):
            raise malformed(f"expected a byte string of {size} bytes, got something else")
        self._at += len(_HEADS[size])
        return self._take(size)

    def tstr(self, limit: int) -> str:
        """A text of at most `limit` bytes of UTF-8."""
        length = self._head(_TSTR)
        if length > limit:
            raise malformed(f"expected a text of at most {limit} bytes, got {length}")
        try:
            return self._take(length).decode()
        except UnicodeDecodeError:
            raise malformed("expected UTF-8 in a text") from None

    def end(self) -> None:
        """Nothing more: no trailing byte."""
        if self._at != len(self._data):
            raise malformed(f"expected the end, got {len(self._data) - self._at} more bytes")

    def _take(self, length: int) -> bytes:
        end = self._at + length
        if end > len(self._data):
            raise malformed(f"expected {length} bytes, got the end")
        taken = self._data[self._at : end]
        self._at = end
        return taken

    def _head(self, major: int) -> int:
        if self._at >= len(self._data):
            raise malformed("expected one more item, got the end")
        first = self._data[self._at]
        if first >> 5 != major:
            raise malformed(f"expected major type {major}, got {first >> 5}")
        self._at += 1
        short = first & 31
        return short if short < 24 else self._argument(short)  # noqa: PLR2004 - RFC 8949 section 3

    def _argument(self, info: int) -> int:
        if info not in _SIZES:
            raise malformed("expected a definite length")
        size, least = _SIZES[info]
        value = int.from_bytes(self._take(size), "big")
        if value < least:
            raise malformed("expected the shortest form of an integer or length")
        return value


def uint(encoded: bytes, limit: int) -> int:
    """The value of a run's UINT, below `limit`. Raises Refused (`malformed`)."""
    value = int.from_bytes(encoded[1:], "big") if len(encoded) > 1 else encoded[0]
    if value >= limit:
        raise malformed(f"expected an integer below {limit}")
    return value


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
