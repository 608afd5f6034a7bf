"""The specimen's own encoder and seal against cbor2, pyhpke and base45; and that every case gives exactly its reason."""

from dataclasses import replace

import base45
import cbor2
import pytest
import zxingcpp
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from forge import AT, ED25519, KEY, NOW, P256, VERIFIER, WORLD
from hypothesis import given, settings
from hypothesis import strategies as st
from pyhpke import AEADId, CipherSuite, KDFId, KEMId, KEMKey

from gate.credential.keys import ControlPointKey
from gate.credential.reasons import Reason
from gate.credential.trust import build_trust, parse_trust_list
from gate.credential.verifier import Moment, Place, Verifier
from gate.lane.policy import Desk, Policy
from gate.lane.replay import Replay
from gate.specimen.cases import CASES, ENVIRONMENT, LANE, SCOPES, Device, Showing, Specimen, from_keys
from gate.specimen.cbor import Raw, Tag, encode
from gate.specimen.issuer import ControlPoint
from gate.specimen.phone import algorithm, cose_key, envelope
from gate.specimen.seal import base45 as base45_of
from gate.specimen.seal import seal
from gate.specimen.symbol import modules

SUITE = CipherSuite.new(KEMId.DHKEM_X25519_HKDF_SHA256, KDFId.HKDF_SHA256, AEADId.AES128_GCM)
LABELS = st.integers(-(1 << 64), (1 << 64) - 1)
ITEMS = st.recursive(
    st.booleans() | LABELS | st.binary(max_size=300) | st.text(max_size=80),
    lambda inner: (
        st.lists(inner, max_size=30)
        | st.dictionaries(LABELS, inner, max_size=30)
        | st.dictionaries(st.text(max_size=9), inner, max_size=4)
        | st.builds(Tag, st.integers(100000, 1 << 32), inner)  # below are tags that cbor2 gives a meaning
    ),
    max_leaves=20,
)


def theirs(item: object) -> object:
    """The item as cbor2 writes it, with maps in the order of RFC 8949 section 4.2.1."""
    if isinstance(item, Tag):
        return cbor2.CBORTag(item.number, theirs(item.item))
    if isinstance(item, list):
        return [theirs(inner) for inner in item]
    if isinstance(item, dict):
        return {label: theirs(item[label]) for label in sorted(item, key=cbor2.dumps)}
    return item


@given(ITEMS)
def test_its_cbor_is_cbor2s(item: object) -> None:
    assert encode(item) == cbor2.dumps(theirs(item))


def test_its_cbor_can_be_wrong_on_purpose_and_not_by_accident() -> None:
    assert encode([Raw(b"\x18\x00"), b""]) == b"\x82\x18\x00\x40"
    with pytest.raises(TypeError, match="got float"):
        encode([1.5])


@given(st.binary(max_size=600))
def test_its_base45_is_the_packages(data: bytes) -> None:
    assert base45_of(data) == base45.b45encode(data).decode()


@settings(max_examples=30)
@given(st.binary(min_size=32, max_size=32), st.binary(max_size=400), st.binary(max_size=40))
def test_what_it_seals_pyhpke_opens(secret: bytes, plaintext: bytes, aad: bytes) -> None:
    ek, ciphertext = seal(KEY.public, X25519PrivateKey.from_private_bytes(secret), aad, plaintext)
    recipient = SUITE.create_recipient_context(ek, KEMKey.from_pyca_cryptography_key(KEY.private))
    assert recipient.open(ciphertext, aad) == plaintext


def test_its_envelope_is_cose() -> None:
    point = ControlPoint("HZMB-HK", b"kid!", KEY.private)
    found = cbor2.loads(envelope(b"within", point, X25519PrivateKey.from_private_bytes(bytes(32))))
    protected, unprotected, ciphertext = found.value
    assert (found.tag, cbor2.loads(protected), set(unprotected)) == (16, {1: 41, 4: b"kid!"}, {-4})
    recipient = SUITE.create_recipient_context(unprotected[-4], KEMKey.from_pyca_cryptography_key(KEY.private))
    assert recipient.open(ciphertext, cbor2.dumps(["Encrypt0", protected, b""])) == b"within"


@pytest.mark.parametrize("device", ["p256", "ed25519"])
def test_its_message_is_signed_as_cose_says(device: Device) -> None:
    showing = Showing(AT, device)
    key = WORLD.device_key(showing)
    message = cbor2.loads(WORLD.message(showing))
    protected, unprotected, payload, signature = message.value
    header = cbor2.loads(protected)
    inner = header[13].value
    assert (message.tag, header[13].tag, unprotected, inner[1]) == (18, 18, {}, {})
    assert (header[1], header[16], algorithm(key)) == ({"p256": -9, "ed25519": -19}[device], 294, header[1])
    assert cbor2.loads(inner[0]) == {1: -19, 4: WORLD.kit.macau.kid}
    assert cbor2.loads(inner[2])[8] == {1: cose_key(key)}
    issuer = WORLD.kit.macau.key.public_key()
    issuer.verify(inner[3], cbor2.dumps(["Signature1", inner[0], b"", inner[2]]))
    if isinstance(key, Ed25519PrivateKey):
        key.public_key().verify(signature, cbor2.dumps(["Signature1", protected, b"", payload]))


def judged(specimen: Specimen, code: str, at: int, scopes: frozenset[str] = frozenset(SCOPES)) -> Reason:
    files = specimen.trust(at)
    point = specimen.kit.point
    trust = build_trust(parse_trust_list(files["trust-list.json"]), files)
    keys = {point.kid: ControlPointKey(point.key, point.public)}
    verdict = Verifier(trust, keys, Place(point.id, LANE, ENVIRONMENT)).verify(code, Moment(float(at), trusted=True))
    return Desk(Policy(scopes), Replay(60.0, 10)).decide(verdict, float(at)).reason


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("device", ["p256", "ed25519"])
@pytest.mark.parametrize("scope", SCOPES)
def test_every_case_gives_exactly_its_reason(case: str, device: Device, scope: str) -> None:
    assert judged(WORLD, WORLD.code(case, AT, device, scope), AT) == case


def test_there_is_a_case_for_every_reason_that_one_code_can_cause() -> None:
    ours = {Reason.CLOCK_UNTRUSTED, Reason.TRUST_EXPIRED}
    of_two_showings = {Reason.REPLAYED, Reason.ANTI_PASSBACK}
    assert set(CASES) == set(Reason) - ours - of_two_showings


def test_what_no_code_causes_the_lane_still_says() -> None:
    code = WORLD.code("cleared", AT)
    assert VERIFIER.verify(code, Moment(float(AT), trusted=False)).reason is Reason.CLOCK_UNTRUSTED
    expired = replace(VERIFIER, trust=replace(VERIFIER.trust, expires=0))
    assert expired.verify(code, NOW).reason is Reason.TRUST_EXPIRED


def test_a_seed_repeats_a_world_to_the_byte() -> None:
    one, same, other = (Specimen.from_seed(seed) for seed in (b"one", b"one", b"other"))
    for case in CASES:
        assert one.code(case, AT) == same.code(case, AT)
    assert one.trust(AT) == same.trust(AT)
    assert one.code("cleared", AT) != other.code("cleared", AT)
    assert one.kit.point.public != other.kit.point.public


def test_holders_devices_and_times_give_other_codes() -> None:
    make = [
        lambda: WORLD.code("cleared", AT),
        lambda: WORLD.code("cleared", AT + 5),
        lambda: WORLD.code("cleared", AT, holder="another"),
        lambda: WORLD.code("cleared", AT, device="ed25519"),
        lambda: WORLD.code("cleared", AT, scope="HK-PR"),
    ]
    assert len({code() for code in make}) == len(make)


def test_a_fresh_world_is_nobody_elses_and_works() -> None:
    one, other = Specimen.fresh(), Specimen.fresh()
    code = one.code("cleared", AT)
    assert code != one.code("cleared", AT)
    assert judged(one, code, AT) is Reason.CLEARED
    assert judged(other, code, AT) is Reason.UNDECRYPTABLE


def test_a_world_is_made_again_from_its_keys() -> None:
    kit = WORLD.kit
    keys = {"issuer": kit.macau.key, "issuer-hk": kit.hong_kong.key}
    keys |= {"control-point": kit.point.key, "elsewhere": kit.elsewhere.key}
    facts = {"issuer_kid": kit.macau.kid.hex(), "issuer_hk_kid": kit.hong_kong.kid.hex()}
    facts |= {"control_point_kid": kit.point.kid.hex(), "elsewhere_kid": kit.elsewhere.kid.hex()}
    again = from_keys(keys, facts)
    for case in CASES:
        assert judged(WORLD, again.code(case, AT), AT) == case
    for wrong in ("issuer", "control-point"):
        with pytest.raises(TypeError, match="25519 key"):
            from_keys(keys | {wrong: P256}, facts)
    with pytest.raises(KeyError):
        from_keys({}, facts)


@pytest.mark.parametrize("device", [P256, ED25519])
def test_a_code_fits_its_symbol(device: object) -> None:
    """Version 15-M with the longest aud that a lane of HZMB-HK has (FORMAT 1): 77 modules and a quiet zone of 4."""
    code = WORLD.code("cleared", AT, "ed25519" if device is ED25519 else "p256")
    assert len(code) <= 600
    picture = modules(code)
    assert picture.shape == (85, 85)
    assert [found.text for found in zxingcpp.read_barcodes(modules(code, 4))] == [code]
