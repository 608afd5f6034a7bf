"""Status lists: who signed them, that they never inflate beyond what is announced, and what an index says."""

import random
import re
import tracemalloc
import zlib
from pathlib import Path

import cbor2
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


@given(
    packed=st.binary(min_size=2, max_size=3000), level=st.integers(0, 9), strategy=st.integers(0, 4), more=st.booleans()
)
def test_a_list_is_loaded_however_its_stream_was_made(*, packed: bytes, level: int, strategy: int, more: bool) -> None:
    """Stored, run-length, fixed or dynamic, with an empty block at its end or without: it ends with exactly the announced bytes, or is refused."""
    stream = zlib.compressobj(level, strategy=strategy)
    blocks = [stream.compress(packed), stream.flush(zlib.Z_FULL_FLUSH)] if more else [stream.compress(packed)]
    data = listed(lst=b"".join([*blocks, stream.flush()]))
    assert load(data, 4 * len(packed)).packed == packed
    refused(data, f"exactly {len(packed) - 1} bytes", 4 * len(packed) - 4)


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
    refused(listed(bits=0), "the listed labels, types and lengths")


@pytest.mark.parametrize(
    ("lst", "why"),
    [
        (b"", "exactly 5 bytes"),
        (b"no zlib", "zlib stream"),
        (zlib.compress(bytes(4)), "5 bytes for the 20 indices given out, got 4: it is shorter than its indices"),
        (zlib.compress(b""), "got 0: it is shorter than its indices"),
        (zlib.compress(bytes(6)), "exactly 5 bytes"),
        (zlib.compress(bytes(1_000_000), 9), "exactly 5 bytes"),
        (zlib.compress(bytes(5))[:-1], "exactly 5 bytes"),
        (zlib.compress(bytes(5))[:-4], "exactly 5 bytes"),
        (zlib.compress(bytes(5)) + b"\x00", "exactly 5 bytes"),
        (flipped(zlib.compress(bytes(5)), 80), "zlib stream"),  # its check sum
        (zlib.compress(bytes(5), wbits=31), "zlib stream"),  # gzip
    ],
    ids=range(11),
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
    refused(listed(lst=bytes(1 << 24)), "expected a zlib stream$")  # looked at


def test_the_number_of_entries_is_the_trust_lists() -> None:
    load(listed(), 17)  # 34 bits are five bytes too
    refused(listed(), "exactly 4 bytes for 16 entries", 16)
    refused(listed(), "6 bytes for the 21 indices given out, got 5: it is shorter", 21)


def test_a_list_that_expires_before_it_begins_is_refused() -> None:
    load(listed(bend={4: AT + 1}))
    for exp in (AT, AT - 1):
        refused(listed(bend={4: exp}), f"expected it to expire after {AT}, got {exp}")


def test_every_flipped_bit_is_refused() -> None:
    good = listed()
    for bit in range(8 * len(good)):
        refused(flipped(good, bit), "expected")


@settings(max_examples=50)
@given(st.binary(max_size=60), st.binary(max_size=60))
def test_any_bytes_are_refused(data: bytes, lst: bytes) -> None:
    refused(data, "expected")
    refused(listed(lst=lst), "expected")


# The lists of the IETF draft, which nobody here wrote, through our own loader: only the CWT around them is ours.

IETF = Path(__file__).parents[2] / "shared" / "vectors" / "status-list"
beside = pytest.mark.skipif(not IETF.is_dir(), reason="the third-party vectors are not beside the repository")
LONG = 1 << 20


def ietf(name: str) -> bytes:
    """What an example of the draft encodes, from its Markdown."""
    written = (IETF / f"{name}.md").read_text(encoding="utf-8")
    return bytes.fromhex("".join(written.split("encoded:")[-1].split()))


def ietf_list(name: str, entries: int) -> StatusList:
    found = cbor2.loads(ietf(name))
    return load(listed(bits=found["bits"], lst=found["lst"]), entries)


def ietf_statuses(bits: int) -> dict[int, int]:
    section = (IETF / "draft_test_vectors_section.md").read_text(encoding="utf-8")
    part = section.partition(f"## {bits}-bit Status List")[2].partition("\n## ")[0]
    return {int(index): int(status, 2) for index, status in re.findall(r"status\[(\d+)\] ?= ?0b([01]+)", part)}


@beside
@pytest.mark.parametrize(
    ("name", "statuses"),
    [
        ("status_list_encoding_cbor", [1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1]),
        ("status_list_encoding2_cbor", [1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3]),
    ],
)
def test_the_drafts_examples_are_loaded(name: str, statuses: list[int]) -> None:
    found = ietf_list(name, len(statuses))
    assert [found.at(index) for index in range(len(statuses))] == statuses


@beside
def test_the_drafts_long_list_of_one_bit_is_loaded() -> None:
    found = ietf_list("status_list_encoding1_long_cbor", LONG)
    assert {index: 1 for index in range(LONG) if found.at(index)} == ietf_statuses(1)


@beside
def test_the_drafts_long_list_of_two_bits_is_what_our_authority_writes() -> None:
    """Of this one only the statuses are beside the repository, not the bytes."""
    said = ietf_statuses(2)
    assert set(said.values()) == {1, 2, 3}
    found = load(ISSUER.status_list(URI, said, entries=LONG, iat=AT, exp=AT + 1), LONG)
    assert {index: status for index in range(LONG) if (status := found.at(index))} == said


@beside
def test_the_drafts_list_of_eight_bits_is_refused() -> None:
    found = cbor2.loads(ietf("status_list_encoding8_cbor"))
    refused(listed(bits=found["bits"], lst=found["lst"]), "expected", LONG)


@beside
def test_the_drafts_whole_token_is_not_ours() -> None:
    """ES256, a kid outside of what is signed, claims of its own: COSE that is good, and not what FORMAT section 6 lists."""
    data = bytes.fromhex("".join((IETF / "status_list_cwt.md").read_text(encoding="utf-8").split()))
    assert cbor2.loads(data).tag == 18
    refused(data, "expected")
