"""COSE: exactly the listed headers, and the very bytes under a signature or a seal."""

import cbor2
import pytest
from forge import KEY, KIT, envelope, message, outcome
from hypothesis import given
from hypothesis import strategies as st

from gate.credential.cose import Encrypt0, Sign1, open_encrypt0, parse_encrypt0, parse_sign1
from gate.credential.reasons import Reason
from gate.specimen.cbor import Raw, Tag, encode

EK = bytes(range(32))
PROTECTED = encode({1: 41, 4: KIT.point.kid})


def outer(protected: object = PROTECTED, unprotected: object = None, ciphertext: object = b"sealed") -> bytes:
    return encode(Tag(16, [protected, {-4: EK} if unprotected is None else unprotected, ciphertext]))


@given(st.binary(max_size=300), st.binary(max_size=70000))
def test_what_is_signed_is_the_sig_structure(protected: bytes, payload: bytes) -> None:
    expected = cbor2.dumps(["Signature1", protected, b"", payload], canonical=True)
    assert Sign1(protected, payload, b"").signed() == expected


def test_an_envelope_is_read_and_opened() -> None:
    parsed = parse_encrypt0(outer())
    assert parsed == Encrypt0(PROTECTED, KIT.point.kid, EK, b"sealed")
    assert open_encrypt0(parse_encrypt0(envelope(b"within")), KEY) == b"within"


def test_the_headers_are_under_the_seal() -> None:
    sealed = parse_encrypt0(envelope(b"within"))
    other = Encrypt0(encode({1: 41, 4: bytes(4)}), sealed.kid, sealed.ek, sealed.ciphertext)
    assert outcome(open_encrypt0, other, KEY) is Reason.UNDECRYPTABLE


@pytest.mark.parametrize(
    "data",
    [
        b"",
        outer()[1:],  # no tag
        encode(Tag(18, [PROTECTED, {-4: EK}, b""])),
        encode(Tag(96, [PROTECTED, {-4: EK}, b""])),
        encode(Tag(16, Tag(16, [PROTECTED, {-4: EK}, b""]))),
        encode(Tag(16, [PROTECTED, {-4: EK}])),
        encode(Tag(16, [PROTECTED, {-4: EK}, b"", []])),
        outer() + b"\x00",
        outer(unprotected=[]),
        outer(unprotected={}),
        outer(unprotected={-4: EK[:31]}),
        outer(unprotected={-4: EK + b"\x00"}),
        outer(unprotected={-4: "x" * 32}),
        outer(unprotected={4: KIT.point.kid, -4: EK}),
        outer(unprotected={1: 41, -4: EK}),
        outer(unprotected={-5: EK}),
        outer(unprotected=Raw(b"\xa2" + 2 * encode({-4: EK})[1:])),  # twice
        outer(ciphertext=[]),
        outer(ciphertext="sealed"),
        outer(protected={1: 41, 4: KIT.point.kid}),  # not wrapped
        outer(protected=b""),
        outer(protected=encode({})),
        outer(protected=encode({1: 41})),
        outer(protected=encode({4: KIT.point.kid})),
        outer(protected=encode({1: 42, 4: KIT.point.kid})),  # HPKE-4
        outer(protected=encode({1: -41, 4: KIT.point.kid})),
        outer(protected=encode({1: "41", 4: KIT.point.kid})),
        outer(protected=encode({1: 41, 4: KIT.point.kid[:3]})),
        outer(protected=encode({1: 41, 4: KIT.point.kid + b"\x00"})),
        outer(protected=encode({1: 41, 2: [4], 4: KIT.point.kid})),  # crit
        outer(protected=PROTECTED + b"\x00"),
        outer(protected=b"\xa2\x04\x44" + KIT.point.kid + b"\x01\x18\x29"),  # not sorted
    ],
    ids=range(32),
)
def test_any_other_envelope_is_malformed(data: bytes) -> None:
    assert outcome(parse_encrypt0, data) is Reason.MALFORMED


@pytest.mark.parametrize(
    "data",
    [
        encode(Tag(98, [b"", {}, b"", bytes(64)])),
        encode([b"", {}, b"", bytes(64)]),
        encode(Tag(18, [b"", {}, b""])),
        encode(Tag(18, [b"", [], b"", bytes(64)])),  # what is falsy is not a map
        encode(Tag(18, [b"", {4: b"kid"}, b"", bytes(64)])),
        encode(Tag(18, [b"", {}, b"", bytes(63)])),
        encode(Tag(18, [b"", {}, b"", bytes(65)])),
        encode(Tag(18, [b"", {}, Raw(b"\xf6"), bytes(64)])),  # detached
    ],
    ids=range(8),
)
def test_any_other_sign1_is_malformed(data: bytes) -> None:
    assert outcome(parse_sign1, data) is Reason.MALFORMED


def test_a_sign1_keeps_its_bytes() -> None:
    tag = cbor2.loads(message())
    assert parse_sign1(message()) == Sign1(tag.value[0], tag.value[2], tag.value[3])


@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    assert outcome(parse_encrypt0, data) is Reason.MALFORMED
