"""A CBOR encoder of the specimen's own: deterministic (RFC 8949 section 4.2.1), with a way to write what a verifier must refuse."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tag:
    """A tagged item."""

    number: int
    item: object


@dataclass(frozen=True, slots=True)
class Raw:
    """Bytes that stand for themselves: already encoded, or wrong on purpose."""

    data: bytes


def encode(item: object) -> bytes:  # noqa: PLR0911 - one return a type
    """The deterministic encoding of integers, booleans, texts, bytes, lists, maps, tags and raw bytes."""
    match item:
        case Raw(data):
            return data
        case bool():
            return b"\xf5" if item else b"\xf4"
        case int():
            return head(0, item) if item >= 0 else head(1, -1 - item)
        case bytes():
            return head(2, len(item)) + item
        case str():
            return head(3, len(item.encode())) + item.encode()
        case Tag(number, inner):
            return head(6, number) + encode(inner)
        case Mapping():
            pairs = sorted((encode(key), encode(value)) for key, value in item.items())
            return head(5, len(pairs)) + b"".join(key + value for key, value in pairs)
        case Sequence():
            return head(4, len(item)) + b"".join(map(encode, item))
    raise TypeError(f"expected something that EC1 writes, got {type(item).__name__}")


def head(major: int, argument: int) -> bytes:
    """An item's head in its shortest form."""
    if argument < 24:  # noqa: PLR2004 - RFC 8949 section 3
        return bytes((major << 5 | argument,))
    size = next(n for n in (1, 2, 4, 8) if argument < 1 << 8 * n)
    return bytes((major << 5 | 24 + size.bit_length() - 1,)) + argument.to_bytes(size, "big")
