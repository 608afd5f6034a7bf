"""The verdict: every check of FORMAT section 4, in its order, at its edges; and that nothing the world sends clears or escapes."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import cbor2
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from forge import (
    AT,
    CNONCE,
    CTI,
    ED25519,
    KEY,
    KIT,
    NOW,
    P256,
    TRUST,
    URI,
    VERIFIER,
    claims,
    credential,
    envelope,
    flipped,
    forged,
    message,
    shown,
    signed,
    text,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.credential.armor import unarmor
from gate.credential.keys import ControlPointKey, on_curve
from gate.credential.reasons import Reason
from gate.credential.verifier import Moment, Place, Verdict, Verifier
from gate.specimen.cbor import Raw, Tag, encode
from gate.specimen.phone import DeviceKey, armor, cose_key, signer
from gate.specimen.seal import base45

N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
P = (1 << 255) - 19
UNTRUSTED = Moment(float(AT), trusted=False)
DEVICES = pytest.mark.parametrize("device", [P256, ED25519], ids=["p256", "ed25519"])
ELSEWHERE = {3: "GBQ-MO"}
OTHER_SCOPE = {9: "HK-PR"}
EXPIRED = {4: AT}
REVOKED = {65535: {"status_list": {"idx": 2048, "uri": URI}}}


def reason(code: str, moment: Moment = NOW, verifier: Verifier = VERIFIER) -> Reason:
    return verifier.verify(code, moment).reason


def when(seconds: float, *, trusted: bool = True) -> Moment:
    return Moment(AT + seconds, trusted)


def trusting(**changes: object) -> Verifier:
    return replace(VERIFIER, trust=replace(TRUST, **changes))


def policy(**changes: int) -> Verifier:
    return trusting(policy=msgspec.structs.replace(TRUST.policy, **changes))


def issuer(**changes: object) -> Verifier:
    return trusting(issuers={KIT.macau.kid: replace(TRUST.issuers[KIT.macau.kid], **changes)})


def status(**changes: object) -> Verifier:
    return trusting(status_lists={URI: replace(TRUST.status_lists[URI], **changes)})


def at_index(index: int) -> str:
    return shown({65535: {"status_list": {"idx": index, "uri": URI}}})


@DEVICES
def test_a_good_code_is_cleared(device: DeviceKey) -> None:
    verdict = VERIFIER.verify(shown(device=device), NOW)
    assert verdict.reason is Reason.CLEARED
    presentation = verdict.presentation
    assert (presentation.issuer_kid, presentation.cti) == (KIT.macau.kid, CTI)
    assert (presentation.iat, presentation.cnonce) == (AT, CNONCE)


# FORMAT 4.3


def test_the_kid_names_the_key_that_opens() -> None:
    assert reason(text(point=KIT.elsewhere)) is Reason.UNDECRYPTABLE  # no such key here
    here = replace(KIT.elsewhere, kid=KIT.point.kid)
    assert reason(text(point=here)) is Reason.UNDECRYPTABLE  # our kid over another key


def test_an_older_control_point_key_still_opens() -> None:
    new = X25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
    renewed = ControlPointKey(new, new.public_key().public_bytes_raw())
    keys = {b"new!": renewed, KIT.point.kid: KEY}
    assert reason(text(), verifier=replace(VERIFIER, control_point_keys=keys)) is Reason.CLEARED
    assert reason(text(), verifier=replace(VERIFIER, control_point_keys={b"new!": renewed})) is Reason.UNDECRYPTABLE


@pytest.mark.parametrize(("ends", "expected"), [(AT + 1, Reason.CLEARED), (AT, Reason.UNDECRYPTABLE)])
def test_an_older_control_point_key_opens_until_its_end(ends: int, expected: Reason) -> None:
    point = TRUST.control_points[KIT.point.kid]._replace(valid_until=ends)
    overlap = trusting(control_points={KIT.point.kid: point})
    assert reason(text(), verifier=overlap) is expected
    assert (
        reason(text(), when(0, trusted=False), overlap) is Reason.CLOCK_UNTRUSTED
    )  # no clock can say that it has ended


def test_a_key_that_the_list_no_longer_names_opens_while_the_lane_holds_it() -> None:
    """FORMAT 6: it stays on the lane until the last credential made for it has expired."""
    assert reason(text(), verifier=trusting(control_points={})) is Reason.CLEARED


def test_an_all_zero_shared_secret_does_not_open() -> None:
    outer = unarmor(text())
    ek = outer.index(b"\x23\x58\x20") + 3
    assert reason(armor(outer[:ek] + bytes(32) + outer[ek + 32 :])) is Reason.UNDECRYPTABLE


# FORMAT 4.4


def test_the_trust_list_ends_after_its_grace() -> None:
    verifier = trusting(expires=AT - TRUST.policy.trust_grace)
    assert reason(shown(), when(-0.001), verifier) is Reason.CLEARED
    assert reason(shown(), NOW, verifier) is Reason.TRUST_EXPIRED
    assert reason(shown(), UNTRUSTED, verifier) is Reason.CLOCK_UNTRUSTED


def test_an_unknown_issuer_is_named_so() -> None:
    assert reason(shown(issuer=KIT.forger)) is Reason.UNKNOWN_ISSUER


def test_a_specimen_key_opens_no_production_gate() -> None:
    production = replace(VERIFIER, place=Place("HZMB-HK", "7", "production"))
    assert reason(shown(), verifier=production) is Reason.UNKNOWN_ISSUER
    assert reason(shown(), verifier=issuer(environment="production")) is Reason.UNKNOWN_ISSUER


def test_an_issuer_gives_only_its_scopes() -> None:
    assert reason(shown(OTHER_SCOPE)) is Reason.UNKNOWN_ISSUER
    assert reason(shown({9: "MO-NR"})) is Reason.CLEARED  # whether the lane admits it is the lane's
    assert reason(shown({9: ""})) is Reason.UNKNOWN_ISSUER


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"valid_from": AT - 3600}, Reason.CLEARED),  # the credential's iat
        ({"valid_from": AT - 3599}, Reason.UNKNOWN_ISSUER),
        ({"valid_until": AT + 1}, Reason.CLEARED),
        ({"valid_until": AT}, Reason.UNKNOWN_ISSUER),  # now
        ({"valid_until": AT - 3600}, Reason.UNKNOWN_ISSUER),
    ],
)
def test_an_issuer_key_is_valid_when_it_signed_and_now(changes: Mapping[str, int], expected: Reason) -> None:
    assert reason(shown(), verifier=issuer(**changes)) is expected


def test_without_a_clock_an_issuer_key_is_judged_by_the_credential_alone() -> None:
    assert reason(shown(), UNTRUSTED, issuer(valid_until=AT)) is Reason.CLOCK_UNTRUSTED
    assert reason(shown(), UNTRUSTED, issuer(valid_until=AT - 3600)) is Reason.UNKNOWN_ISSUER


# FORMAT 4.5


@pytest.mark.parametrize("y", [0, 1, P - 1, P, P + 1, P + 5, (1 << 255) - 1])
def test_a_device_key_of_small_order_or_another_form_is_malformed(y: int) -> None:
    """Under the first five one constant signature would verify; 01 00.. with s = 0 is it."""
    for sign in (0, 1 << 255):
        key = {1: 1, -1: 6, -2: (y | sign).to_bytes(32, "little")}
        inner = credential({8: {1: key}}, device=ED25519)
        constant = signed(lambda _: b"\x01" + bytes(63), phone_header(inner, -19), payload())
        assert reason(text(constant)) is Reason.MALFORMED


def test_a_device_key_that_is_no_point_is_refused() -> None:
    y = next(y for y in range(2, 99) if not on_curve(y.to_bytes(32, "little")))
    inner = credential({8: {1: {1: 1, -1: 6, -2: y.to_bytes(32, "little")}}})
    assert reason(text(message(inner, device=ED25519))) is Reason.BAD_SIGNATURE
    inner = credential({8: {1: {1: 2, -1: 1, -2: b"\xff" * 32, -3: True}}})
    assert reason(text(message(inner))) is Reason.MALFORMED


def test_a_signature_with_an_r_of_small_order_is_refused() -> None:
    small = b"\x01" + bytes(63)
    phones = signed(lambda _: small, phone_header(credential(device=ED25519), -19), payload())
    assert reason(text(phones)) is Reason.BAD_SIGNATURE
    issuers = signed(lambda _: small, encode({1: -19, 4: KIT.macau.kid}), claims())
    assert reason(text(message(issuers))) is Reason.BAD_SIGNATURE


def phone_header(inner: bytes, alg: int) -> bytes:
    return encode({1: alg, 13: Raw(inner), 16: 294})


def payload() -> bytes:
    return encode({3: "HZMB-HK", 6: AT, 39: CNONCE})


# FORMAT 4.6


@DEVICES
def test_a_forged_credential_is_a_bad_signature(device: DeviceKey) -> None:
    assert reason(shown(issuer=forged(KIT.macau), device=device)) is Reason.BAD_SIGNATURE


def test_claims_are_the_issuers_own() -> None:
    good, other = credential(), claims({9: "MO-NR"})
    assert reason(text(message(good.replace(claims(), other)))) is Reason.BAD_SIGNATURE


@pytest.mark.parametrize(
    ("bend", "expected"),
    [
        ({4: AT + 1}, Reason.CLEARED),
        ({4: AT}, Reason.EXPIRED),
        ({6: AT + 5}, Reason.CLEARED),
        ({6: AT + 6}, Reason.NOT_YET_VALID),
    ],
)
def test_a_credential_has_its_time(bend: Mapping[int, int], expected: Reason) -> None:
    assert reason(shown(bend)) is expected


def test_a_credentials_time_is_judged_to_the_fraction() -> None:
    assert reason(shown({4: AT}), when(-0.001)) is Reason.CLEARED
    assert reason(shown({6: AT + 5}), when(-0.001)) is Reason.NOT_YET_VALID


def test_a_credentials_lifetime_has_a_cap() -> None:
    cap = TRUST.policy.max_credential_lifetime
    assert reason(shown({4: AT + 1, 6: AT + 1 - cap})) is Reason.CLEARED
    assert reason(shown({4: AT + 1, 6: AT - cap})) is Reason.MALFORMED
    assert reason(shown({4: AT + 1, 6: AT - cap}), UNTRUSTED) is Reason.MALFORMED  # it needs no clock


# FORMAT 4.7


def test_the_alg_is_the_device_keys_own() -> None:
    for key, alg in ((P256, -19), (ED25519, -9)):
        code = text(signed(signer(key), phone_header(credential(device=key), alg), payload()))
        assert reason(code) is Reason.BAD_SIGNATURE
        for other in (P256, ED25519):  # nor by whoever's signature of that alg
            crossed = signed(signer(other), phone_header(credential(device=key), alg), payload())
            assert reason(text(crossed)) is Reason.BAD_SIGNATURE


def test_the_issuers_key_is_no_device_key() -> None:
    assert reason(shown(device=KIT.macau.key)) is Reason.BAD_SIGNATURE
    assert reason(shown(device=KIT.hong_kong.key)) is Reason.CLEARED  # a key that signs nothing else here


@DEVICES
def test_only_the_phone_of_the_credential_shows_it(device: DeviceKey) -> None:
    stolen = credential(device=device)
    other = P256 if device is ED25519 else ED25519
    assert reason(text(message(stolen, device=other))) is Reason.BAD_SIGNATURE
    theirs = signed(signer(fresh(device)), phone_header(stolen, -19 if device is ED25519 else -9), payload())
    assert reason(text(theirs)) is Reason.BAD_SIGNATURE


def fresh(device: DeviceKey) -> DeviceKey:
    if isinstance(device, Ed25519PrivateKey):
        return Ed25519PrivateKey.from_private_bytes(bytes(32))
    return ec.derive_private_key(7, ec.SECP256R1())


def test_a_malleated_signature_is_the_same_presentation() -> None:
    good = message()
    s = int.from_bytes(good[-32:], "big")
    other = good[:-32] + (N - s).to_bytes(32, "big")
    assert other != good
    assert VERIFIER.verify(text(other), NOW) == VERIFIER.verify(text(good), NOW)


# FORMAT 4.8


@pytest.mark.parametrize(
    ("aud", "expected"),
    [
        ("HZMB-HK", Reason.CLEARED),
        ("HZMB-HK/7", Reason.CLEARED),
        ("HZMB-HK/8", Reason.WRONG_PLACE),
        ("HZMB-HK/07", Reason.WRONG_PLACE),
        ("HZMB-HK/77", Reason.WRONG_PLACE),
        ("HZMB-HK/", Reason.WRONG_PLACE),
        ("HZMB-HK/7/", Reason.WRONG_PLACE),
        ("HZMB-H", Reason.WRONG_PLACE),
        ("HZMB-HK ", Reason.WRONG_PLACE),
        ("hzmb-hk", Reason.WRONG_PLACE),
        ("7", Reason.WRONG_PLACE),
        ("", Reason.WRONG_PLACE),
        ("GBQ-MO", Reason.WRONG_PLACE),
    ],
)
def test_a_code_is_for_this_control_point_or_this_lane_exactly(aud: str, expected: Reason) -> None:
    assert reason(shown(payload={3: aud})) is expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (15, Reason.CLEARED),
        (15.001, Reason.STALE),
        (16, Reason.STALE),
        (-5, Reason.CLEARED),
        (-5.001, Reason.FROM_THE_FUTURE),
        (-6, Reason.FROM_THE_FUTURE),
    ],
)
def test_a_code_is_fresh_from_5_before_to_15_after(seconds: float, expected: Reason) -> None:
    assert reason(shown(), when(seconds)) is expected


def test_the_window_is_the_trust_lists() -> None:
    verifier = policy(max_code_age=2, max_code_lead=0)
    assert reason(shown(), when(2), verifier) is Reason.CLEARED
    assert reason(shown(), when(3), verifier) is Reason.STALE
    assert reason(shown(), when(0), verifier) is Reason.CLEARED
    assert reason(shown(), when(-0.5), verifier) is Reason.FROM_THE_FUTURE


@pytest.mark.parametrize("wall", [0.0, -1.0, float(AT), 4e9])
def test_a_clock_that_is_not_trusted_blames_nobody(wall: float) -> None:
    moment = Moment(wall, trusted=False)
    for bend in ({}, EXPIRED, {6: AT + 9000}, REVOKED):
        assert reason(shown(bend), moment) is Reason.CLOCK_UNTRUSTED
    assert reason(shown(payload={6: AT - 900}), moment) is Reason.CLOCK_UNTRUSTED
    assert reason(shown(payload=ELSEWHERE), moment) is Reason.WRONG_PLACE
    assert reason(shown(issuer=forged(KIT.macau)), moment) is Reason.BAD_SIGNATURE


@pytest.mark.parametrize("wall", [float("nan"), float("inf"), -float("inf"), 0.0])
def test_a_clock_that_lies_clears_nobody(wall: float) -> None:
    assert reason(shown(), Moment(wall, trusted=True)) is not Reason.CLEARED


# FORMAT 4.9


@pytest.mark.parametrize(
    ("index", "expected"),
    [(0, Reason.CLEARED), (2048, Reason.REVOKED), (3072, Reason.SUSPENDED), (2047, Reason.CLEARED)],
)
def test_a_status_is_what_the_list_says(index: int, expected: Reason) -> None:
    assert reason(at_index(index)) is expected


def test_a_status_of_3_means_nothing_here() -> None:
    verifier = status(packed=b"\x03" + bytes(1023))
    assert reason(at_index(0), verifier=verifier) is Reason.STATUS_UNKNOWN
    assert reason(at_index(1), verifier=verifier) is Reason.CLEARED


def test_a_list_of_one_bit_revokes_and_never_suspends() -> None:
    verifier = status(bits=1, entries=16, packed=b"\x02\x80")
    expected = {1: Reason.REVOKED, 15: Reason.REVOKED, 16: Reason.STATUS_UNKNOWN}
    for index in range(17):
        assert reason(at_index(index), verifier=verifier) is expected.get(index, Reason.CLEARED)


@pytest.mark.parametrize("index", [4096, 1 << 20, (1 << 64) - 1])
def test_an_index_beyond_the_list_is_unknown(index: int) -> None:
    assert reason(at_index(4095)) is Reason.CLEARED
    assert reason(at_index(index)) is Reason.STATUS_UNKNOWN


def test_a_missing_list_is_unknown_and_never_revoked() -> None:
    assert reason(shown(REVOKED), verifier=trusting(status_lists={})) is Reason.STATUS_UNKNOWN
    assert reason(shown({65535: {"status_list": {"idx": 1024, "uri": "urn:uto:none"}}})) is Reason.STATUS_UNKNOWN


def test_a_list_of_another_issuer_does_not_count() -> None:
    other = {65535: {"status_list": {"idx": 1024, "uri": "urn:uto:uto-hk"}}}
    assert "urn:uto:uto-hk" in TRUST.status_lists
    assert reason(shown(other)) is Reason.STATUS_UNKNOWN


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"iat": AT + 5}, Reason.CLEARED),
        ({"iat": AT + 6}, Reason.STATUS_UNKNOWN),  # from the future
        ({"exp": AT + 1}, Reason.CLEARED),
        ({"exp": AT}, Reason.STATUS_UNKNOWN),
        ({"iat": AT - 99}, Reason.CLEARED),
        ({"iat": AT - 100}, Reason.STATUS_UNKNOWN),  # the policy's age
    ],
)
def test_a_list_has_its_time(changes: Mapping[str, int], expected: Reason) -> None:
    lists = {URI: replace(TRUST.status_lists[URI], **({"iat": AT} | changes))}
    trust = replace(TRUST, status_lists=lists, policy=msgspec.structs.replace(TRUST.policy, max_status_age=100))
    assert reason(shown(REVOKED), verifier=replace(VERIFIER, trust=trust)) is (
        Reason.REVOKED if expected is Reason.CLEARED else Reason.STATUS_UNKNOWN
    )
    assert reason(shown(), verifier=replace(VERIFIER, trust=trust)) is expected


# The order of FORMAT section 4: every fault, each in one code together with everything that is checked after it.

LATER = {9: "MO-PR"} | EXPIRED | REVOKED
OLD = {3: "GBQ-MO", 6: AT - 900}


def wrong_at_every_later_step() -> Iterator[tuple[Reason, str]]:
    """(the reason of the first fault, a code with it and all later faults)."""
    inner = credential(LATER | {8: {1: cose_key(P256)}}, issuer=forged(KIT.macau))
    all_wrong = message(inner, payload=OLD, device=ED25519)
    yield Reason.NOT_OURS, "ec1:" + base45(b"?")
    yield Reason.UNKNOWN_VERSION, "EC2:?"
    yield Reason.MALFORMED, "EC1:?"
    yield Reason.MALFORMED, armor(envelope(all_wrong, point=KIT.elsewhere) + b"\x00")
    yield Reason.UNDECRYPTABLE, text(all_wrong + b"\x00", point=KIT.elsewhere)
    small = {8: {1: {1: 1, -1: 6, -2: bytes(32)}}}
    unknown = message(credential(LATER | small, issuer=KIT.forger), payload=OLD)
    yield Reason.MALFORMED, text(unknown + b"\x00")
    yield Reason.UNKNOWN_ISSUER, text(unknown)
    yield Reason.UNKNOWN_ISSUER, text(message(credential(LATER | small | OTHER_SCOPE), payload=OLD))
    yield Reason.MALFORMED, text(message(credential(LATER | small, issuer=forged(KIT.macau)), payload=OLD))
    yield Reason.BAD_SIGNATURE, text(all_wrong)
    cap = TRUST.policy.max_credential_lifetime
    swapped = {"payload": OLD, "device": ED25519}
    yield Reason.EXPIRED, text(message(credential(LATER | {6: AT - cap - 1}), **swapped))
    yield Reason.NOT_YET_VALID, text(message(credential(LATER | {4: AT + cap + 9, 6: AT + 6}), **swapped))
    yield Reason.MALFORMED, text(message(credential(REVOKED | {4: AT + cap, 6: AT - 1}), **swapped))
    yield Reason.BAD_SIGNATURE, text(message(credential(REVOKED), **swapped))
    yield Reason.WRONG_PLACE, shown(REVOKED, payload=OLD)
    yield Reason.STALE, shown(REVOKED, payload={6: AT - 900})
    yield Reason.FROM_THE_FUTURE, shown(REVOKED, payload={6: AT + 900})
    yield Reason.REVOKED, shown(REVOKED)


@pytest.mark.parametrize(("expected", "code"), [*wrong_at_every_later_step()], ids=range(18))
def test_the_first_check_that_fails_gives_the_reason(expected: Reason, code: str) -> None:
    assert reason(code) is expected


def test_what_is_shown_is_known_once_both_signatures_held() -> None:
    for code, known in (
        (shown(EXPIRED), False),
        (text(message(device=P256)[:-1] + b"\x00"), False),
        (shown(payload=ELSEWHERE), True),
        (shown(payload={6: AT - 900}), True),
        (shown(REVOKED), True),
    ):
        verdict = VERIFIER.verify(code, NOW)
        assert (verdict.presentation is not None, verdict.reason is Reason.CLEARED) == (known, False)


# Whatever the world sends


class Unreadable(dict[bytes, ControlPointKey]):
    """Keys that cannot be looked up: a broken card, a bug."""

    def get(self, *_: object) -> ControlPointKey:
        raise OSError("the key is gone")


def test_whatever_else_goes_wrong_is_a_refusal() -> None:
    verifier = replace(VERIFIER, control_point_keys=Unreadable())
    assert verifier.verify(shown(), NOW) == Verdict(Reason.MALFORMED, None)
    verifier = trusting(status_lists={URI: replace(TRUST.status_lists[URI], packed=b"")})  # shorter than it says
    assert verifier.verify(shown(), NOW) == Verdict(Reason.MALFORMED, None)


@given(st.text() | st.text(st.characters(codec="ascii")).map("EC1:".__add__))
def test_any_text_is_refused(code: str) -> None:
    assert reason(code) in {Reason.NOT_OURS, Reason.UNKNOWN_VERSION, Reason.MALFORMED}


@given(st.binary(max_size=600))
def test_any_bytes_are_refused(data: bytes) -> None:
    assert reason(armor(data)) is Reason.MALFORMED


@given(st.binary(max_size=400))
def test_anything_sealed_for_us_is_refused(plaintext: bytes) -> None:
    assert reason(text(plaintext)) is Reason.MALFORMED


@settings(max_examples=60)
@given(st.data())
def test_no_changed_text_clears(data: st.DataObject) -> None:
    good = shown()
    at = data.draw(st.integers(0, len(good)))
    changed = good[:at] + data.draw(st.text(max_size=2)) + good[at + data.draw(st.integers(0, 2)) :]
    assert (reason(changed) is Reason.CLEARED) == (changed == good)


def every(data: bytes, step: int) -> Iterator[bytes]:
    """The bytes with one bit flipped, sampled: each byte at least once where `step` is below 8."""
    for bit in range(0, 8 * len(data), step):
        yield flipped(data, bit)


def test_no_bit_of_the_envelope_can_be_flipped() -> None:
    for changed in every(envelope(), 5):
        assert reason(armor(changed)) in {Reason.MALFORMED, Reason.UNDECRYPTABLE}


@DEVICES
def test_no_bit_within_the_seal_can_be_flipped(device: DeviceKey) -> None:
    expected = {Reason.MALFORMED, Reason.UNKNOWN_ISSUER, Reason.BAD_SIGNATURE}
    for changed in every(message(device=device), 5):
        assert reason(text(changed)) in expected


def test_no_bit_of_a_header_under_the_seal_can_be_flipped() -> None:
    for changed in every(encode({1: 41, 4: KIT.point.kid}), 1):
        assert reason(text(header=changed)) in {Reason.MALFORMED, Reason.UNDECRYPTABLE}


def shape(item: object) -> object:
    """What a layer is made of: labels, types and the sizes of its bytes, but not their values."""
    if isinstance(item, cbor2.CBORTag):
        return item.tag, shape(item.value)
    if isinstance(item, list | tuple):
        return tuple(map(shape, item))
    if isinstance(item, dict | cbor2.frozendict):
        return {label: shape(inner) for label, inner in item.items()}
    return (bytes, len(item)) if isinstance(item, bytes) else type(item)


def clears_only_what_is_like(changed: bytes, good: bytes, code: str) -> None:
    """Signed again by its rightful key, a layer may clear with other values; never with another shape."""
    if reason(code) is Reason.CLEARED:
        item = cbor2.loads(changed)
        assert shape(item) == shape(cbor2.loads(good))
        assert cbor2.dumps(item, canonical=True) == changed


@DEVICES
def test_flipped_claims_that_the_issuer_signed(device: DeviceKey) -> None:
    good = claims(device=device)
    for changed in every(good, 2):
        inner = credential(changed)
        clears_only_what_is_like(changed, good, text(message(inner, device=device)))


def test_flipped_headers_that_the_issuer_signed() -> None:
    good = encode({1: -19, 4: KIT.macau.kid})
    for changed in every(good, 1):
        code = text(message(credential(header=changed)))
        assert reason(code) in {Reason.MALFORMED, Reason.UNKNOWN_ISSUER}


@DEVICES
def test_flipped_payloads_and_headers_that_the_phone_signed(device: DeviceKey) -> None:
    good = encode({3: "HZMB-HK", 6: AT, 39: CNONCE})
    for changed in every(good, 1):
        clears_only_what_is_like(changed, good, text(message(payload=changed, device=device)))
    header = phone_header(credential(device=device), -19 if device is ED25519 else -9)
    for changed in every(header, 7):
        assert reason(text(message(header=changed, device=device))) is not Reason.CLEARED


ITEMS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 65), 1 << 65)
    | st.floats()
    | st.binary(max_size=33)
    | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.integers(-4, 40) | st.text(max_size=4), inner, max_size=4)
        | st.builds(cbor2.CBORTag, st.integers(0, 70000), inner)
    ),
    max_leaves=8,
)


@settings(max_examples=80)
@given(st.sampled_from([4, 6, 7, 8, 9, 65535, 3, 39]), ITEMS)
def test_any_item_in_place_of_a_claim_is_judged_without_an_exception(label: int, item: object) -> None:
    bend = {label: Raw(cbor2.dumps(item, canonical=True))}
    code = shown(payload=bend) if label in (3, 39) else shown(bend)
    assert isinstance(reason(code), Reason)
    if reason(code) is Reason.CLEARED:
        assert label in (4, 6, 7, 39)
        assert isinstance(item, int if label in (4, 6) else bytes)


def test_an_inner_tag_and_a_nested_seal_are_malformed() -> None:
    assert reason(text(encode(Tag(61, Raw(message()))))) is Reason.MALFORMED
    assert reason(text(envelope())) is Reason.MALFORMED
    assert reason(text(credential())) is Reason.MALFORMED


def test_an_issuer_key_begins_and_ends_to_the_second() -> None:
    assert reason(shown({6: AT}), NOW, issuer(valid_from=AT)) is Reason.CLEARED
    assert reason(shown({6: AT + 1}), NOW, issuer(valid_from=AT + 1)) is Reason.UNKNOWN_ISSUER  # begun, but not yet now
    assert (
        reason(shown({6: AT + 1}), NOW, issuer(valid_until=AT + 1)) is Reason.UNKNOWN_ISSUER
    )  # ended, but not yet now
