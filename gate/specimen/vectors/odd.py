"""CBOR that no deterministic encoder writes, and changes of an array's items: what a decoder must refuse (FORMAT 4.2)."""

import struct
from collections.abc import Callable

from gate.specimen.cbor import Raw, encode, head
from gate.specimen.vectors.scene import Items, Map, tagged

NULL = Raw(b"\xf6")
NAN = Raw(b"\xf9\x7e\x00")


def pairs(*items: tuple[object, object]) -> bytes:
    """A map with its pairs in this order, whatever that is."""
    return head(5, len(items)) + b"".join(encode(label) + encode(item) for label, item in items)


def ordered(good: Map) -> list[tuple[object, object]]:
    """The pairs of a map in the order of their encoding."""
    return sorted(good.items(), key=lambda pair: encode(pair[0]))


def unsorted(good: Map) -> bytes:
    """Two labels have changed places."""
    first, second, *rest = ordered(good)
    return pairs(second, first, *rest)


def doubled(good: Map) -> bytes:
    """The last label stands twice, with the same value."""
    items = ordered(good)
    return pairs(*items, items[-1])


def endless(good: Map) -> bytes:
    """A map of indefinite length."""
    return b"\xbf" + encode(good)[1:] + b"\xff"


def wide(number: int) -> Raw:
    """An unsigned integer in eight bytes, whatever it needs."""
    return Raw(b"\x1b" + number.to_bytes(8, "big"))


def double(number: int) -> Raw:
    """A whole number as a float of 64 bits."""
    return Raw(b"\xfb" + struct.pack(">d", number))


def bignum(number: int) -> Raw:
    """An unsigned integer as tag 2 over its bytes."""
    data = number.to_bytes(-(-number.bit_length() // 8), "big")
    return Raw(b"\xc2" + encode(data))


def chunked(item: bytes | str) -> Raw:
    """A string of indefinite length, in two pieces."""
    half = len(item) // 2
    begins = b"\x5f" if isinstance(item, bytes) else b"\x7f"
    return Raw(begins + encode(item[:half]) + encode(item[half:]) + b"\xff")


def put(number: int, **places: object) -> Items:
    """The array with other items in some places: `protected`, `unprotected`, `payload` (or `ciphertext`), `signature`."""
    at = {"protected": 0, "unprotected": 1, "payload": 2, "ciphertext": 2, "signature": 3}

    def change(items: list[object]) -> object:
        changed = {at[place]: item for place, item in places.items()}
        return tagged(number)([changed.get(index, item) for index, item in enumerate(items)])

    return change


def raw(number: int, change: Callable[[bytes], bytes]) -> Items:
    """The whole layer's bytes, changed."""
    return lambda items: Raw(change(encode(tagged(number)(items))))
