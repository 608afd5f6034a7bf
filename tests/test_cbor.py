"""The reader: it reads the deterministic form of what is asked for, and cbor2 agrees with every byte of it."""

from collections.abc import Callable

import cbor2
import pytest
from forge import outcome
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.credential.cbor import Reader, bstr, form, uint
from gate.credential.reasons import Reason, Refused
from gate.specimen import cbor as specimen

LABELS = st.integers(-(1 << 64), (1 << 64) - 1) | st.text(st.characters(codec="ascii"), max_size=5)
UINTS = st.integers(0, (1 << 64) - 1)
BOOLEAN = form(rb"([\xf4\xf5])")
INTEGER = form(rb"UINT")
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


def boolean(reader: Reader) -> bool:
    (found,) = reader.run(BOOLEAN)
    return found == b"\xf5"


def integer(reader: Reader) -> int:
    """An unsigned integer both ways: as a run's, and asked for alone."""
    (found,) = reader.run(INTEGER)
    assert Reader(found).uint(1 << 64) == uint(found, 1 << 64)
    return uint(found, 1 << 64)


def read(reader: Reader, shape: object) -> object:
    """What comes next, asked for by the shape: plain values, with a tag as a pair."""
    return READS[type(shape)](reader, shape)


def read_list(reader: Reader, shape: list[object]) -> list[object]:
    reader.literal(specimen.head(4, len(shape)))
    return [read(reader, item) for item in shape]


def read_tag(reader: Reader, shape: specimen.Tag) -> tuple[int, object]:
    reader.literal(specimen.head(6, shape.number))
    return shape.number, read(reader, shape.item)


def read_map(reader: Reader, shape: dict[object, object]) -> dict[object, object]:
    reader.literal(specimen.head(5, len(shape)))
    found = {}
    for label in sorted(shape, key=specimen.encode):
        reader.literal(specimen.encode(label))
        found[label] = read(reader, shape[label])
    return found


READS = {
    bool: lambda reader, _: boolean(reader),
    int: lambda reader, _: integer(reader),
    bytes: lambda reader, _: reader.bstr(),
    str: lambda reader, _: reader.tstr(1000),
    list: read_list,
    dict: read_map,
    specimen.Tag: read_tag,
}


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
    reader = Reader(data)

    def everything() -> object:
        found = read(reader, shape)
        reader.end()
        return found

    return outcome(everything)


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


REFUSED: list[tuple[str, Callable[[Reader], object]]] = [
    ("", lambda r: r.uint(9)),
    ("1800", lambda r: r.uint(99)),  # 0 in two bytes
    ("1817", lambda r: r.uint(99)),
    ("1900ff", lambda r: r.uint(999)),
    ("1a0000ffff", lambda r: r.uint(1 << 33)),
    ("1b00000000ffffffff", lambda r: r.uint(1 << 33)),
    ("1b0000000200000000", lambda r: r.uint(1 << 33)),  # too large
    ("09", lambda r: r.uint(9)),
    ("19ff", lambda r: r.uint(999)),  # the end inside an argument
    ("1c", lambda r: r.uint(99)),  # reserved
    ("1f", lambda r: r.uint(99)),
    ("20", lambda r: r.uint(99)),
    ("f5", lambda r: r.uint(99)),  # a boolean is no integer
    ("f90000", lambda r: r.uint(99)),  # 0.0
    ("c24100", lambda r: r.uint(99)),  # a bignum
    ("02", lambda r: r.literal(b"\x01")),
    ("a2", lambda r: r.literal(b"\xa2\x01")),
    ("", lambda r: r.literal(b"\x01")),
    ("2a", lambda r: r.run(BOOLEAN)),
    ("", lambda r: r.run(BOOLEAN)),
    ("1800", lambda r: r.run(INTEGER)),
    ("1817", lambda r: r.run(INTEGER)),
    ("1900ff", lambda r: r.run(INTEGER)),
    ("1a0000ffff", lambda r: r.run(INTEGER)),
    ("1b00000000ffffffff", lambda r: r.run(INTEGER)),
    ("19ff", lambda r: r.run(INTEGER)),
    ("1c", lambda r: r.run(INTEGER)),
    ("1f", lambda r: r.run(INTEGER)),
    ("20", lambda r: r.run(INTEGER)),
    ("1b0000000200000000", lambda r: uint(r.run(INTEGER)[0], 1 << 33)),
    ("09", lambda r: uint(r.run(INTEGER)[0], 9)),
    ("4101", lambda r: r.bstr(4)),
    ("450102030405", lambda r: r.bstr(4)),
    ("44010203", lambda r: r.bstr(4)),
    ("5804" + "00" * 4, lambda r: r.bstr(4)),
    ("4201", lambda r: r.bstr()),
    ("5f4101ff", lambda r: r.bstr()),  # indefinite
    ("580101", lambda r: r.bstr()),
    ("5bffffffffffffffff", lambda r: r.bstr()),  # 16 EiB
    ("7f6161ff", lambda r: r.tstr(9)),
    ("61ff", lambda r: r.tstr(9)),  # not UTF-8
    ("63eda080", lambda r: r.tstr(9)),  # a surrogate
    ("62c080", lambda r: r.tstr(9)),  # overlong
    ("626161", lambda r: r.tstr(1)),
    ("00", lambda r: r.end()),
]


@pytest.mark.parametrize(("data", "ask"), REFUSED)
def test_anything_but_the_one_form_is_refused(data: str, ask: Callable[[Reader], object]) -> None:
    with pytest.raises(Refused) as refused:
        ask(Reader(bytes.fromhex(data)))
    assert refused.value.reason is Reason.MALFORMED


def test_the_edges_that_are_read() -> None:
    reader = Reader(
        bytes.fromhex("08 17 1818 1900ff".replace("00ff", "0100") + "1b00000001ffffffff f4 f5 a26161 60 40")
    )
    assert [reader.uint(9), reader.uint(24), reader.uint(25), reader.uint(257)] == [8, 23, 24, 256]
    assert reader.uint(1 << 33) == (1 << 33) - 1
    assert [boolean(reader), boolean(reader)] == [False, True]
    reader.literal(b"\xa2\x61a")
    assert (reader.tstr(0), reader.bstr()) == ("", b"")
    reader.end()
    reader.end()


@pytest.mark.parametrize("size", [0, 1, 23, 24, 255, 256, 65535, 65536, 70000])
def test_a_byte_strings_encoding_is_cbor2s(size: int) -> None:
    assert bstr(bytes(size)) == cbor2.dumps(bytes(size)) == specimen.encode(bytes(size))
