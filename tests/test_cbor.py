"""Forms: the deterministic encoding of what is asked for and nothing else, and cbor2 agrees with every byte of it."""

from collections.abc import Iterator

import cbor2
import pytest
from forge import outcome
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.credential.cbor import Form, bstr, form, read, text, uint
from gate.credential.reasons import Reason
from gate.specimen import cbor as specimen

LABELS = st.integers(-(1 << 64), (1 << 64) - 1) | st.text(st.characters(codec="ascii"), max_size=5)
UINTS = st.integers(0, (1 << 64) - 1)
LEAVES = UINTS | st.binary(max_size=300) | st.text(max_size=80) | st.booleans()
SHAPES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(LABELS, inner, max_size=4)
        | st.builds(specimen.Tag, st.sampled_from([16, 18, 24, 65535]), inner)
    ),
    max_leaves=12,
)
ANYTHING = st.recursive(
    st.none() | st.integers(-(1 << 70), 1 << 70) | st.floats() | st.binary(max_size=9) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(LABELS, inner, max_size=3),
    max_leaves=6,
)


def literal(data: bytes) -> bytes:
    return b"".join(b"\\x%02x" % byte for byte in data)


def written(shape: object) -> bytes:  # noqa: PLR0911 - one return a type
    """The form of exactly this shape, with any values in it."""
    match shape:
        case bool():
            return rb" ([\xf4\xf5])"
        case int():
            return b" UINT"
        case bytes():
            return b" BSTR"
        case str():
            return b" TSTR"
        case specimen.Tag(number, item):
            return literal(specimen.head(6, number)) + written(item)
        case dict():
            pairs = sorted((specimen.encode(label), written(item)) for label, item in shape.items())
            return literal(specimen.head(5, len(shape))) + b"".join(literal(label) + item for label, item in pairs)
        case list():
            return literal(specimen.head(4, len(shape))) + b"".join(map(written, shape))
    raise AssertionError(shape)


def valued(shape: object, found: Iterator[bytes]) -> object:  # noqa: PLR0911 - one return a type
    """The same shape with the values that were read, in plain types; a tag as a pair."""
    match shape:
        case bool():
            return next(found) == b"\xf5"
        case int():
            return uint(next(found), 1 << 64)
        case bytes():
            return next(found)
        case str():
            return text(next(found), 400)
        case specimen.Tag(number, item):
            return number, valued(item, found)
        case dict():
            return {label: valued(shape[label], found) for label in sorted(shape, key=specimen.encode)}
        case list():
            return [valued(item, found) for item in shape]
    raise AssertionError(shape)


def plain(item: object) -> object:
    """What cbor2 decoded, in the same plain values."""
    if isinstance(item, cbor2.CBORTag):
        return item.tag, plain(item.value)
    if isinstance(item, (list, tuple)):
        return [plain(inner) for inner in item]
    if isinstance(item, (dict, cbor2.frozendict)):
        return {label: plain(inner) for label, inner in item.items()}
    return item


def whole(data: bytes, shape: object) -> object:
    """Everything, by the shape; or a reason."""
    return outcome(lambda: valued(shape, iter(read(form(written(shape)), data))))


def deterministic(item: object) -> object:
    """The item with its maps in the order of RFC 8949 section 4.2.1: cbor2's own `canonical` has RFC 7049's, by length first."""
    if isinstance(item, cbor2.CBORTag):
        return cbor2.CBORTag(item.tag, deterministic(item.value))
    if isinstance(item, list | tuple):
        return [deterministic(inner) for inner in item]
    if isinstance(item, dict | cbor2.frozendict):
        return {label: deterministic(item[label]) for label in sorted(item, key=cbor2.dumps)}
    return item


def agrees(data: bytes, found: object) -> None:
    item = cbor2.loads(data)
    assert plain(item) == found
    assert cbor2.dumps(deterministic(item)) == data


@given(SHAPES)
def test_what_is_read_is_what_cbor2_reads(shape: object) -> None:
    data = specimen.encode(shape)
    found = whole(data, shape)
    agrees(data, found)


@given(SHAPES, st.data())
def test_changed_bytes_are_refused_or_mean_the_same_to_cbor2(shape: object, data: st.DataObject) -> None:
    changed = bytearray(specimen.encode(shape))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(changed) - 1))
        changed[at : at + 1] = data.draw(st.binary(max_size=2))
        if not changed:
            return
    found = whole(bytes(changed), shape)
    if found is not Reason.MALFORMED:
        agrees(bytes(changed), found)


@settings(max_examples=50)
@given(ANYTHING, SHAPES)
def test_other_items_are_refused_unless_they_have_the_shape(item: object, shape: object) -> None:
    data = cbor2.dumps(item, canonical=True)
    found = whole(data, shape)
    assert found is Reason.MALFORMED or plain(cbor2.loads(data)) == found


@settings(max_examples=20)
@given(SHAPES)
def test_every_proper_beginning_is_refused(shape: object) -> None:
    data = specimen.encode(shape)
    for end in range(len(data)):
        assert whole(data[:end], shape) is Reason.MALFORMED
    assert whole(data + b"\x00", shape) is Reason.MALFORMED


INTEGER, BYTES, TEXT = form(b"UINT"), form(b"BSTR"), form(b"TSTR")
NOT_INTEGERS = [
    "",
    "1800",  # 0 in two bytes
    "1817",
    "1900ff",
    "1a0000ffff",
    "1b00000000ffffffff",
    "19ff",  # the end inside an argument
    "1c",  # reserved
    "1f",
    "20",
    "f5",  # a boolean is no integer
    "f90000",  # 0.0
    "c24100",  # a bignum
    "0000",
]
NOT_BYTES = [
    "",
    "4201",
    "410102",
    "5801",
    "580101",
    "581700",
    "5f4101ff",  # indefinite
    "590018" + "00" * 24,
    "5affffffff",  # 4 GiB
    "5bffffffffffffffff",  # 16 EiB
    "6101",
]
NOT_TEXT = ["", "62", "6261", "7f6161ff", "781761", "4161", "7a00000001"]


@pytest.mark.parametrize(
    ("expected", "data"),
    [
        (expected, data)
        for expected, every in ((INTEGER, NOT_INTEGERS), (BYTES, NOT_BYTES), (TEXT, NOT_TEXT))
        for data in every
    ],
)
def test_anything_but_the_one_form_is_refused(expected: Form, data: str) -> None:
    assert outcome(read, expected, bytes.fromhex(data)) is Reason.MALFORMED


@pytest.mark.parametrize("content", ["ff", "eda080", "c080"], ids=["no UTF-8", "a surrogate", "overlong"])
def test_a_text_is_utf_8(content: str) -> None:
    assert outcome(text, bytes.fromhex(content), 9) is Reason.MALFORMED


@pytest.mark.parametrize("data", ["08", "17", "1818", "190100", "1a00010000", "1b00000001ffffffff"])
def test_an_integer_is_below_its_limit(data: str) -> None:
    (encoded,) = read(INTEGER, bytes.fromhex(data))
    value = cbor2.loads(bytes.fromhex(data))
    assert uint(encoded, value + 1) == value
    assert outcome(uint, encoded, value) is Reason.MALFORMED


def test_a_text_is_within_its_limit() -> None:
    assert (text(b"ab", 2), text(b"", 0)) == ("ab", "")
    assert outcome(text, b"ab", 1) is Reason.MALFORMED


def test_an_alternative_that_was_not_taken_is_none() -> None:
    either = form(rb"(?: \xf4 (.) | \xf5 (..) ) UINT")
    assert read(either, b"\xf4a\x05") == [b"a", None, b"\x05"]
    assert read(either, b"\xf5ab\x05") == [None, b"ab", b"\x05"]


@pytest.mark.parametrize("size", [0, 1, 23, 24, 255, 256, 65535, 65536, 70000])
def test_a_byte_strings_encoding_is_cbor2s(size: int) -> None:
    assert bstr(bytes(size)) == cbor2.dumps(bytes(size)) == specimen.encode(bytes(size))


@pytest.mark.parametrize("value", [0, 23, 24, 255, 256, 65535, 65536, (1 << 32) - 1, 1 << 32, (1 << 64) - 1])
def test_an_integer_is_read_at_each_change_of_its_length(value: int) -> None:
    (encoded,) = read(INTEGER, cbor2.dumps(value))
    assert uint(encoded, 1 << 64) == value


@pytest.mark.parametrize("length", [0, 23, 24, 255, 256, 65535, 65536])
def test_a_string_is_read_at_each_change_of_its_heads_length(length: int) -> None:
    assert read(BYTES, bstr(b"x" * length)) == [b"x" * length]
    assert read(form(b"BSTR UINT"), bstr(b"x" * length) + b"\x07")[1] == b"\x07"
    if length < 1 << 16:
        assert read(TEXT, cbor2.dumps("x" * length)) == [b"x" * length]
    for size, head, least in ((1, b"\x58", 24), (2, b"\x59", 256), (4, b"\x5a", 65536)):
        if length < least:  # a longer head than it needs
            assert outcome(read, BYTES, head + length.to_bytes(size) + b"x" * length) is Reason.MALFORMED
            assert (
                outcome(read, TEXT, bytes((head[0] | 0x20,)) + length.to_bytes(size) + b"x" * length)
                is Reason.MALFORMED
            )
