"""Status lists: who signed them, that they never inflate beyond what is announced, and what an index says."""

import random
import tracemalloc
import zlib

import pytest
from forge import AT, FILES, KIT, Bend, bent, flipped, signed
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.credential.keys import load_ed25519
from gate.credential.status import Status, StatusList, load_status_list
from gate.errors import TrustError
from gate.specimen.cases import REVOKED_INDEX, STATUS_ENTRIES, SUSPENDED_INDEX, VALID_FROM, VALID_UNTIL
from gate.specimen.cbor import Raw, Tag, encode
from gate.specimen.issuer import Issuer

URI = "urn:uto:list"
ISSUER = KIT.macau
KEY = load_ed25519(ISSUER.key.public_key().public_bytes_raw())
ENTRIES = 20


def listed(
    packed: bytes = bytes(5),
    *,
    bits: object = 2,
    lst: object = None,
    header: Bend = None,
    bend: Bend = None,
    issuer: Issuer = ISSUER,
) -> bytes:
    protected = bent({1: -19, 4: issuer.kid, 16: "application/statuslist+cwt"}, header)
    content = {"bits": bits, "lst": zlib.compress(packed) if lst is None else lst}
    return signed(issuer.key.sign, protected, bent({2: URI, 4: AT + 99, 6: AT, 65533: content}, bend))


def load(data: bytes, entries: int = ENTRIES, uri: str = URI) -> StatusList:
    return load_status_list(data, uri=uri, issuer_kid=ISSUER.kid, key=KEY, entries=entries)


def refused(data: bytes, why: str, entries: int = ENTRIES) -> None:
    with pytest.raises(TrustError, match=f"^status list {URI}: .*{why}"):
        load(data, entries)


def test_a_list_is_loaded() -> None:
    assert load(listed(b"\x24\x00\x00\x00\xc0")) == StatusList(
        URI, ISSUER.kid, AT, AT + 99, 2, ENTRIES, b"\x24\x00\x00\x00\xc0"
    )


def test_the_specimens_list_says_what_its_indices_are_for() -> None:
    found = load(FILES["status-uto-mo.cwt"], STATUS_ENTRIES, "urn:uto:uto-mo")
    said = {index: found.at(index) for index in range(STATUS_ENTRIES) if found.at(index)}
    assert said == {REVOKED_INDEX: Status.INVALID, SUSPENDED_INDEX: Status.SUSPENDED}
    assert (found.iat, found.exp) == (VALID_FROM, VALID_UNTIL)


@given(st.sampled_from([1, 2]), st.lists(st.integers(0, 3), min_size=1, max_size=70))
def test_an_index_says_what_was_packed(bits: int, statuses: list[int]) -> None:
    statuses = [status & (1 << bits) - 1 for status in statuses]
    number = sum(status << bits * index for index, status in enumerate(statuses))
    packed = number.to_bytes(-(-len(statuses) * bits // 8), "little")
    found = load(listed(packed, bits=bits), len(statuses))
    assert [found.at(index) for index in range(len(statuses))] == statuses


def test_a_list_of_more_than_65535_bytes_is_loaded() -> None:
    packed = random.Random(1).randbytes(70_000)  # noqa: S311 - a list that repeats
    data = listed(packed)
    assert len(data) > 1 << 16
    assert load(data, 4 * len(packed)).packed == packed


def test_a_list_of_another_issuer_is_refused() -> None:
    refused(listed(issuer=KIT.hong_kong), "kid, got another")
    refused(listed(issuer=KIT.forger, header={4: ISSUER.kid}), "signature that verifies")


def test_a_list_under_another_name_is_refused() -> None:
    refused(listed(bend={2: "urn:uto:other"}), "its own uri")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        listed() + b"\x00",
        listed()[1:],
        listed(header={1: -9}),
        listed(header={1: -8}),
        listed(header={4: bytes(7)}),
        listed(header={4: None}),
        listed(header={16: "application/statuslist+jwt"}),
        listed(header={16: "statuslist+cwt"}),
        listed(header={16: None}),
        listed(header={2: [4]}),
        listed(header=b""),
        listed(bend={2: None}),
        listed(bend={2: "x" * 28}),
        listed(bend={2: b"urn:uto:list"}),
        listed(bend={4: None}),
        listed(bend={4: 1 << 33}),
        listed(bend={6: -1}),
        listed(bend={1: "issuer"}),
        listed(bend={65533: {}}),
        listed(bend={65533: {"bits": 2}}),
        listed(bend={65533: [2, b""]}),
        listed(bend={65533: Raw(encode({"bits": 2, "lst": b""}) + b"\x00")}),
        listed(bits=3),
        listed(bits=4),
        listed(bits=8),
        listed(bits=-1),
        listed(bits=True),
        listed(bits=b"\x02"),
        listed(lst="text"),
        listed(bend=Tag(61, 0).number.to_bytes(1, "big")),
    ],
    ids=range(31),
)
def test_any_other_list_is_refused(data: bytes) -> None:
    refused(data, "expected")


def test_a_list_without_bits_is_refused() -> None:
    refused(listed(bits=0), "1 or 2 bits")


@pytest.mark.parametrize(
    ("lst", "why"),
    [
        (b"", "exactly 5 bytes"),
        (b"no zlib", "zlib stream"),
        (zlib.compress(bytes(4)), "exactly 5 bytes"),
        (zlib.compress(bytes(6)), "exactly 5 bytes"),
        (zlib.compress(bytes(1_000_000), 9), "exactly 5 bytes"),
        (zlib.compress(bytes(5))[:-1], "exactly 5 bytes"),
        (zlib.compress(bytes(5))[:-4], "exactly 5 bytes"),
        (zlib.compress(bytes(5)) + b"\x00", "exactly 5 bytes"),
        (flipped(zlib.compress(bytes(5)), 80), "zlib stream"),  # its check sum
        (zlib.compress(bytes(5), wbits=31), "zlib stream"),  # gzip
    ],
    ids=range(10),
)
def test_only_exactly_what_is_announced_is_inflated(lst: bytes, why: str) -> None:
    refused(listed(lst=lst), why)


def test_a_bomb_is_never_inflated() -> None:
    bomb = listed(lst=zlib.compress(bytes(50_000_000), 9))
    tracemalloc.start()
    refused(bomb, "exactly 5 bytes")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1_000_000


def test_a_list_too_long_to_look_at_is_refused() -> None:
    refused(listed(lst=bytes((1 << 24) + 1)), "at most 16777216 bytes")


def test_the_number_of_entries_is_the_trust_lists() -> None:
    load(listed(), 17)  # 34 bits are five bytes too
    for entries in (16, 21):
        refused(listed(), "entries", entries)


def test_every_flipped_bit_is_refused() -> None:
    good = listed()
    for bit in range(8 * len(good)):
        refused(flipped(good, bit), "expected")


@settings(max_examples=50)
@given(st.binary(max_size=60), st.binary(max_size=60))
def test_any_bytes_are_refused(data: bytes, lst: bytes) -> None:
    refused(data, "expected")
    refused(listed(lst=lst), "expected")
