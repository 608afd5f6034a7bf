"""The claims: what is parsed is exactly what FORMAT section 2 lists, and cbor2 reads the same."""

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from forge import (
    AT,
    CNONCE,
    CTI,
    ED25519,
    KIT,
    P256,
    URI,
    Bend,
    claims,
    credential,
    flipped,
    message,
    outcome,
)
from hypothesis import given
from hypothesis import strategies as st

from gate.credential.claims import DeviceKey, KeyBinding, Presentation, parse_key_binding, presentation_of
from gate.credential.reasons import Reason
from gate.specimen.cbor import Raw, Tag, encode
from gate.specimen.phone import DeviceKey as PrivateKey

X = bytes(32)
EC2 = {1: 2, -1: 1, -2: X, -3: True}
OKP = {1: 1, -1: 6, -2: X}


@pytest.mark.parametrize(("device", "alg"), [(P256, -9), (ED25519, -19)])
def test_a_message_is_parsed(device: PrivateKey, alg: int) -> None:
    shown = parse_key_binding(message(device=device))
    key = device.public_key()
    expected = (
        DeviceKey(key.public_bytes_raw(), None)
        if isinstance(device, Ed25519PrivateKey)
        else DeviceKey(key.public_numbers().x.to_bytes(32, "big"), bool(key.public_numbers().y & 1))
    )
    assert (shown.alg, shown.credential.device_key, expected.alg) == (alg, expected, alg)
    assert presentation_of(shown) == Presentation(
        issuer_kid=KIT.macau.kid,
        cti=CTI,
        iat=AT,
        cnonce=CNONCE,
        aud="HZMB-HK",
        scope="MO-PR",
        exp=AT + 43200,
        credential_iat=AT - 3600,
        status_uri=URI,
        status_index=1024,
    )


def test_the_signed_bytes_are_the_very_bytes() -> None:
    shown = parse_key_binding(message())
    outer = cbor2.loads(message()).value
    inner = cbor2.loads(outer[0])[13].value
    assert [shown.message.protected, shown.message.payload, shown.message.signature] == [outer[0], outer[2], outer[3]]
    assert shown.credential.message.payload == inner[2]


def status(content: object) -> Bend:
    return {65535: {"status_list": content}}


CLAIMS: list[Bend] = [
    *({label: None} for label in (4, 6, 7, 8, 9, 65535)),  # left out
    *({label: 1} for label in (1, 2, 3, 5, 10, 39, -1)),  # added
    {"4": 1},
    *({label: wrong} for label in (4, 6) for wrong in (-1, 1 << 33, True, "1", b"1", Raw(b"\xfb" + bytes(8)))),
    {4: Raw(b"\xc2\x41\x01")},  # a bignum
    {4: Tag(1, AT)},
    *({7: wrong} for wrong in (bytes(11), bytes(13), "x" * 12, [])),
    *({8: wrong} for wrong in ({}, {2: EC2}, {1: EC2, 2: b"kid"}, EC2, {1: encode(EC2)}, {1: []})),
    *({8: {1: EC2 | wrong}} for wrong in ({1: 1}, {1: 3}, {-1: 2}, {-1: 6}, {-2: X[:31]}, {-2: X + b"\x00"})),
    *({8: {1: EC2 | wrong}} for wrong in ({-3: 0}, {-3: 1}, {-3: X}, {2: b"kid"}, {3: -9}, {-4: X})),
    *({8: {1: OKP | wrong}} for wrong in ({1: 2}, {-1: 4}, {-1: 7}, {-2: X[:31]}, {-2: "x" * 32}, {-4: X}, {3: -19})),
    {8: {1: {label: item for label, item in EC2.items() if label != -3}}},
    *({9: wrong} for wrong in (b"MO-PR", 1, ["MO-PR"], "x" * 256, Raw(b"\x61\xff"))),
    {65535: {}},
    {65535: {"status_list": {"idx": 1, "uri": URI}, "identifier_list": {}}},
    {65535: {"identifier_list": {"idx": 1, "uri": URI}}},
    *(status(wrong) for wrong in ({}, {"idx": 1}, {"uri": URI}, {"idx": 1, "uri": URI, "x": 1}, [1, URI])),
    *(status({"idx": wrong, "uri": URI}) for wrong in (-1, True, "1", Raw(b"\xc2\x49" + b"\x01" * 9))),
    *(status({"idx": 1, "uri": wrong}) for wrong in ("x" * 28, b"x", 1, "\u00e9" * 14)),
    b"",
    b"\xa0",
    claims() + b"\x00",
    claims()[:-1],
    encode([1, 2]),
    b"\xbf" + claims()[1:] + b"\xff",  # indefinite
    b"\xb8\x06" + claims()[1:],
    b"\xa7" + encode({4: AT})[1:] + claims()[1:],  # twice
]
GOOD = {
    "issuer": encode({1: -19, 4: KIT.macau.kid}),
    "phone": encode({1: -9, 13: Raw(credential()), 16: 294}),
    "payload": encode({3: "HZMB-HK", 6: AT, 39: CNONCE}),
}
ISSUER_HEADER: list[Bend] = [
    GOOD["issuer"] + b"\x00",
    {1: -9},
    {1: -8},  # EdDSA of any curve
    {1: -7},
    {1: None},
    {4: None},
    {4: bytes(7)},
    {4: bytes(9)},
    {2: [4]},
    {16: 61},
    {33: b"certificate"},
    b"",
]
PHONE_HEADER: list[Bend] = [
    GOOD["phone"] + b"\x00",
    {1: -8},
    {1: -7},
    {1: -35},
    {1: 9},
    {1: None},
    {13: None},
    {13: credential()},  # wrapped
    {13: [Raw(credential())]},
    {13: Raw(credential()[1:])},  # no tag
    {13: Tag(61, Raw(credential()))},
    {16: None},
    {16: 293},
    {16: "kb+cwt"},
    {2: [13]},
    {4: b"kid"},
    b"",
]
PAYLOAD: list[Bend] = [
    GOOD["payload"] + b"\x00",
    *({label: None} for label in (3, 6, 39)),
    *({label: 1} for label in (1, 4, 5, 7, 10)),
    *({3: wrong} for wrong in (b"HZMB-HK", ["HZMB-HK"], "x" * 256, 3)),
    *({6: wrong} for wrong in (-1, 1 << 33, "1", False)),
    *({39: wrong} for wrong in (bytes(7), bytes(9), "x" * 8, [])),
    b"",
    b"\xf6",
]


@pytest.mark.parametrize("bend", CLAIMS, ids=range(len(CLAIMS)))
def test_other_claims_are_malformed(bend: Bend) -> None:
    assert outcome(parse_key_binding, message(credential(bend))) is Reason.MALFORMED


@pytest.mark.parametrize("bend", ISSUER_HEADER, ids=range(len(ISSUER_HEADER)))
def test_another_issuer_header_is_malformed(bend: Bend) -> None:
    assert outcome(parse_key_binding, message(credential(header=bend))) is Reason.MALFORMED


@pytest.mark.parametrize("bend", PHONE_HEADER, ids=range(len(PHONE_HEADER)))
def test_another_phone_header_is_malformed(bend: Bend) -> None:
    assert outcome(parse_key_binding, message(header=bend)) is Reason.MALFORMED


@pytest.mark.parametrize("bend", PAYLOAD, ids=range(len(PAYLOAD)))
def test_another_payload_is_malformed(bend: Bend) -> None:
    assert outcome(parse_key_binding, message(payload=bend)) is Reason.MALFORMED


@pytest.mark.parametrize("data", [b"", message() + b"\x00", message()[1:], encode([Raw(message())])])
def test_another_message_is_malformed(data: bytes) -> None:
    assert outcome(parse_key_binding, data) is Reason.MALFORMED


def test_what_is_bent_is_good_before_it_is_bent() -> None:
    good = message(
        credential(claims(), header=GOOD["issuer"]),
        header=GOOD["phone"],
        payload=GOOD["payload"],
    )
    assert isinstance(outcome(parse_key_binding, good), KeyBinding)
    for fields in (EC2, OKP):
        assert isinstance(outcome(parse_key_binding, message(credential({8: {1: fields}}))), KeyBinding)


def test_the_edges_that_are_parsed() -> None:
    edges = {4: (1 << 33) - 1, 6: 0, 9: "x" * 255, 65535: {"status_list": {"idx": (1 << 64) - 1, "uri": "x" * 27}}}
    shown = parse_key_binding(message(credential(edges), payload={3: "", 6: (1 << 33) - 1}))
    presentation = presentation_of(shown)
    assert (presentation.exp, presentation.credential_iat, presentation.iat) == ((1 << 33) - 1, 0, (1 << 33) - 1)
    assert (presentation.status_index, len(presentation.status_uri)) == ((1 << 64) - 1, 27)


def test_every_flipped_bit_is_refused_or_read_alike_by_cbor2() -> None:
    """No signature stands in the way here: each bit reaches the parser."""
    for device in (P256, ED25519):
        good = message(device=device)
        for bit in range(8 * len(good)):
            agrees(flipped(good, bit))


@given(st.data())
def test_spliced_bytes_are_refused_or_read_alike_by_cbor2(data: st.DataObject) -> None:
    good = message()
    at = data.draw(st.integers(0, len(good)))
    agrees(good[:at] + data.draw(st.binary(max_size=3)) + good[at + data.draw(st.integers(0, 3)) :])


def agrees(data: bytes) -> None:
    shown = outcome(parse_key_binding, data)
    if shown is Reason.MALFORMED:
        return
    assert isinstance(shown, KeyBinding)
    protected, unprotected, payload, signature = layer(data).value
    header = layer(protected)
    inner = header[13].value
    said = layer(inner[2])
    assert (unprotected, inner[1], signature, header[16]) == ({}, {}, shown.message.signature, 294)
    assert (header[1], layer(inner[0])) == (shown.alg, {1: -19, 4: shown.credential.issuer_kid})
    assert layer(payload) == {3: shown.aud, 6: shown.iat, 39: shown.cnonce}
    credential = shown.credential
    key = credential.device_key
    cose = {1: 1, -1: 6, -2: key.x} if key.odd is None else {1: 2, -1: 1, -2: key.x, -3: key.odd}
    assert said == {
        4: credential.exp,
        6: credential.iat,
        7: credential.cti,
        8: {1: cose},
        9: credential.scope,
        65535: {"status_list": {"idx": credential.status_index, "uri": credential.status_uri}},
    }


def layer(data: bytes) -> cbor2.CBORTag:
    """What cbor2 reads, which encodes to the same bytes again (within EC1 its canonical order is the deterministic one)."""
    item = cbor2.loads(data)
    assert cbor2.dumps(item, canonical=True) == data
    return item


@pytest.mark.parametrize("odd", [False, True])
def test_a_compressed_key_is_read_with_its_sign(odd: bool) -> None:  # noqa: FBT001 - parametrized
    shown = parse_key_binding(message(credential({8: {1: {**EC2, -3: odd}}})))
    assert shown.credential.device_key == DeviceKey(X, odd)
