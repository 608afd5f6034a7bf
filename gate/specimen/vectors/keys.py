"""FORMAT 4.4 to 4.7: whose signatures they are, and what they are worth."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gate.credential.reasons import Reason
from gate.specimen.cbor import Raw, Tag, encode
from gate.specimen.phone import DeviceKey, cose_key, signer
from gate.specimen.vectors import forgery, scene
from gate.specimen.vectors.case import Case, bent, good
from gate.specimen.vectors.odd import put
from gate.specimen.vectors.scene import HOUR, SIGN1, Items, Scene, to_be_signed
from gate.specimen.vectors.wire import OTHER_ISSUER, PHONE, PHONE_25519, PHONE_ODD
from gate.specimen.vectors.worlds import (
    AT,
    BRIEF,
    BRIEF_FROM,
    BRIEF_UNTIL,
    DAY,
    ED25519,
    FORGER,
    HONG_KONG,
    MACAU,
    ODD_P256,
    OTHER_ED25519,
    OTHER_P256,
    P256,
    REAL,
    STOLEN_KID,
)

_CAP: Final = 31 * DAY
_BRIEF_URI: Final = "urn:uto:uto-brief"


def cases() -> Iterator[Case]:
    """The vectors of issuers, keys and signatures."""
    yield from _trust_list()
    yield from _issuer()
    yield from _issuer_times()
    yield from _device_keys()
    yield from _issuer_signature()
    yield from _times()
    yield from _phone_signature()


# One vector a line: these are tables.
# fmt: off

def _trust_list() -> Iterator[Case]:
    grace = good(
        "trust-list-in-its-grace", "4.4", "three days less a millisecond after the trust list's end",
        Scene(world="overdue", at=AT - 0.001), "green-pass-overview #8",
    )  # fmt: skip
    yield grace
    yield bent(
        grace, "trust-list-after-its-grace", "4.4", Reason.TRUST_EXPIRED, "three days after it, and nobody is blamed",
        "green-pass-overview #8", at=AT,
    )  # fmt: skip


def _issuer() -> Iterator[Case]:
    def unknown(name: str, comment: str, base: Case = PHONE, incident: str = "", **defect: Any) -> Case:  # noqa: ANN401 - see `bent`
        return bent(base, name, "4.4", Reason.UNKNOWN_ISSUER, comment, incident, **defect)

    real = Scene(issuer=REAL, environment="production", uri="urn:uto:uto-real", index=0)
    production = good("production", "4.4", "a production key at a production gate", real)
    yield production
    yield unknown("unknown-issuer", "an issuer that the trust list does not name", issuer=FORGER)
    yield unknown("unknown-kid", "a known issuer's key under an unknown kid", issuer_header={4: FORGER.kid})
    yield unknown("specimen-key-at-a-production-gate", "a specimen key opens no production gate", incident="CVE-2021-40855", environment="production")
    yield unknown("production-key-at-a-specimen-gate", "nor the reverse", production, environment="specimen")
    yield unknown("scope-of-another-issuer", "a scope that another issuer gives", scope="HK-PR")
    yield unknown("issuer-of-another-scope", "an issuer that does not give this scope", OTHER_ISSUER, issuer=MACAU)
    yield unknown("scope-in-lower-case", "a scope in lower case", scope="mo-pr")
    yield unknown("scope-with-a-space", "a scope with a space behind", scope="MO-PR ")


def _issuer_times() -> Iterator[Case]:
    def brief(name: str, comment: str, **changes: Any) -> Case:  # noqa: ANN401 - see `bent`
        return good(name, "4.4", comment, Scene(**{"issuer": BRIEF, "uri": _BRIEF_URI, "index": 0, **changes}))

    def unknown(base: Case, name: str, comment: str, **defect: Any) -> Case:  # noqa: ANN401 - see `bent`
        return bent(base, name, "4.4", Reason.UNKNOWN_ISSUER, comment, **defect)

    first = brief("key-valid-since-the-credential", "issued in the first second of the issuer's key", begins=BRIEF_FROM)
    yield first
    yield unknown(first, "key-not-yet-valid-at-issue", "issued a second before the issuer's key was valid", begins=BRIEF_FROM - 1)
    now = brief("key-valid-since-now", "the first moment of the issuer's key is now", begins=BRIEF_FROM, at=BRIEF_FROM, made=BRIEF_FROM)
    yield now
    early = "a millisecond before it, though issued in its time by a clock a little ahead"
    yield unknown(now, "key-not-yet-valid", early, at=BRIEF_FROM - 0.001)
    last = brief("key-valid-to-the-last", "the last millisecond of the issuer's key", at=BRIEF_UNTIL - 0.001, made=BRIEF_UNTIL - 5)
    yield last
    yield unknown(last, "key-no-longer-valid", "the end of the issuer's key is now", at=BRIEF_UNTIL)
    ahead = brief(
        "issued-in-the-keys-last-second",
        "issued in the last second of the key, by a clock a little ahead",
        at=BRIEF_UNTIL - 5,
        made=BRIEF_UNTIL - 5,
        begins=BRIEF_UNTIL - 1,
    )
    yield ahead
    yield unknown(ahead, "key-no-longer-valid-at-issue", "issued when the issuer's key had ended", begins=BRIEF_UNTIL)


def _device_keys() -> Iterator[Case]:
    def malformed(name: str, comment: str, base: Case, **defect: Any) -> Case:  # noqa: ANN401 - see `bent`
        return bent(base, name, "4.5", Reason.MALFORMED, comment, **defect)

    def ed25519(x: bytes) -> dict[object, object]:
        return {8: {1: {1: 1, -1: 6, -2: x}}}

    for name, x in forgery.SMALL_ORDER.items():
        comment = "a device key of small order, and a signature that it verifies with an R of full order"
        yield malformed(f"device-key-{name}", comment, PHONE_25519, claims=ed25519(x), message=_signed_by(partial(forgery.keyless, x)))
    yield malformed("device-key-above-p", "a device key whose y is not below the prime", PHONE_25519, claims=ed25519(forgery.above_p()))
    comment = "a device key that is no point: refused where its signature is"
    yield bent(PHONE_25519, "device-key-off-curve", "4.5", Reason.BAD_SIGNATURE, comment, claims=ed25519(forgery.off_curve()))
    p256 = cose_key(P256)
    for name, x in {"off-curve": forgery.off_p256(), "above-p": forgery.above_p256()}.items():
        yield malformed(f"p256-key-{name}", "a device key that is no point of P-256", PHONE, claims={8: {1: {**p256, -2: x}}})
    small = bent(
        PHONE_25519,
        "phone-r-of-small-order",
        "4.5",
        Reason.BAD_SIGNATURE,
        "the phone's signature has the neutral element for R; the equation holds",
        message=_signed_by(lambda data: forgery.small_r(_edwards(ED25519), data)),
    )
    yield small
    yield bent(
        PHONE,
        "issuer-r-of-small-order",
        "4.5",
        Reason.BAD_SIGNATURE,
        "the issuer's signature has the neutral element for R; the equation holds",
        credential=_signed_by(lambda data: forgery.small_r(MACAU.key, data)),
    )


def _edwards(key: DeviceKey) -> Ed25519PrivateKey:
    assert isinstance(key, Ed25519PrivateKey)  # noqa: S101 - made so
    return key


def _signed_by(sign: Callable[[bytes], bytes], context: str = "Signature1", external: bytes = b"") -> Items:
    """The array with another signature."""

    def change(items: list[object]) -> object:
        return Tag(SIGN1, [*items[:3], sign(to_be_signed(items[0], items[2], context, external))])

    return change


def resigned(change: Callable[[bytes], bytes]) -> Items:
    """The array with its signature changed."""

    def items(given: list[object]) -> object:
        signature = given[3]
        assert isinstance(signature, bytes)  # noqa: S101 - as the scene makes it
        return Tag(SIGN1, [*given[:3], change(signature)])

    return items


def _flipped(at: int) -> Callable[[bytes], bytes]:
    return lambda data: data[: at % len(data)] + bytes((data[at] ^ 1,)) + data[at % len(data) + 1 :]


def _issuer_signature() -> Iterator[Case]:
    def bad(name: str, comment: str, base: Case = PHONE, incident: str = "", **defect: Any) -> Case:  # noqa: ANN401 - see `bent`
        return bent(base, name, "4.6", Reason.BAD_SIGNATURE, comment, incident, **defect)

    yield bad(
        "issuer-signature-of-another-key", "the issuer's kid and a forger's signature", incident="dgca-verifier-app-ios #141", issuer=STOLEN_KID
    )
    yield bad(
        "issuer-signature-of-another-issuer", "the issuer's kid and another known issuer's signature", credential=_signed_by(HONG_KONG.key.sign)
    )
    yield bad("issuer-signature-flipped", "one bit of R", credential=resigned(_flipped(0)))
    yield bad("issuer-signature-s-flipped", "one bit of s", credential=resigned(_flipped(32)))
    yield bad("issuer-signature-zero", "64 zero bytes", credential=put(SIGN1, signature=bytes(64)))
    yield bad("issuer-signature-above-order", "s + L for s", credential=resigned(forgery.above_order))
    yield bad("issuer-signature-of-another-context", "signed as one of many signatures", credential=_signed_by(MACAU.key.sign, "Signature"))
    yield bad("issuer-signature-with-external-aad", "signed with external data", credential=_signed_by(MACAU.key.sign, external=b"EC1"))
    yield bad(
        "issuer-signature-over-claims-alone",
        "signed without Sig_structure",
        credential=lambda items: Tag(SIGN1, [*items[:3], MACAU.key.sign(scene.content(scene.claims_of(Scene()), None))]),
    )
    yield bad("issuer-signature-of-other-claims", "another credential's signature", credential=_with_the_signature_of(Scene(cti=b"pseudonym 02")))
    yield bad("claims-changed", "a scope that the issuer did not sign", credential=_with_the_signature_of(Scene(), scope="MO-NR"))
    yield bad("credential-of-the-phone", "the phone signs its own credential", credential=_signed_by(signer(ED25519)), base=PHONE_25519)


def _with_the_signature_of(other: Scene, **changes: Any) -> Items:  # noqa: ANN401 - dataclasses.replace checks the names
    """The array of some claims under the signature of another scene's credential."""
    signature = scene.credential(other)[-64:]
    if not changes:
        return put(SIGN1, signature=signature)
    claims = encode({**scene.claims_of(other), 9: changes["scope"]})
    return put(SIGN1, payload=claims, signature=signature)


def _times() -> Iterator[Case]:
    last = good("last-moment", "4.6", "a credential's last second", Scene(ends=AT + 1))
    yield last
    yield bent(last, "expired-now", "4.6", Reason.EXPIRED, "its exp is now", ends=AT)
    yield bent(last, "expired-by-the-clock", "4.6", Reason.EXPIRED, "and is reached by the clock", at=AT + 1)
    yield good("last-millisecond", "4.6", "a millisecond before a credential's exp", Scene(ends=AT, at=AT - 0.001))
    first = good("first-moment", "4.6", "issued five seconds ahead of the lane's clock", Scene(begins=AT + 5))
    yield first
    yield bent(first, "not-yet-valid", "4.6", Reason.NOT_YET_VALID, "issued six seconds ahead", begins=AT + 6)
    yield bent(first, "not-yet-valid-by-a-millisecond", "4.6", Reason.NOT_YET_VALID, "five seconds and a millisecond ahead", at=AT - 0.001)
    longest = good("longest-life", "4.6", "as long a life as the trust list's cap", Scene(begins=AT - HOUR, ends=AT - HOUR + _CAP))
    yield longest
    yield bent(
        longest,
        "life-too-long",
        "4.6",
        Reason.MALFORMED,
        "a second longer, validly signed",
        "EU DCC 2021: fakes that were validly signed",
        ends=AT - HOUR + _CAP + 1,
    )


def _phone_signature() -> Iterator[Case]:
    def bad(name: str, comment: str, base: Case = PHONE, **defect: Any) -> Case:  # noqa: ANN401 - see `bent`
        return bent(base, name, "4.7", Reason.BAD_SIGNATURE, comment, **defect)

    yield bad("stolen-credential-p256", "a credential shown by another phone of its kind", phone=OTHER_P256)
    yield bad("stolen-credential-ed25519", "a credential shown by another phone of its kind", PHONE_25519, phone=OTHER_ED25519)
    yield bad("alg-of-the-other-key-p256", "a P-256 key, and the header says Ed25519", phone_header={1: -19})
    yield bad("alg-of-the-other-key-ed25519", "an Ed25519 key, and the header says ESP256", PHONE_25519, phone_header={1: -9})
    yield bad("device-key-is-the-issuers", "the issuer's own key for a device key, its signature good", PHONE_25519, holder=MACAU.key)
    yield good("device-key-of-another-issuer", "4.7", "a key that signs nothing else of this credential", Scene(holder=HONG_KONG.key))
    even = {8: {1: {**cose_key(ODD_P256), -3: False}}}
    yield bad("device-key-mirrored", "the point with the other y: another key", PHONE_ODD, claims=even)
    yield bad("phone-signature-flipped-p256", "one bit of r", message=resigned(_flipped(0)))
    yield bad("phone-signature-flipped-ed25519", "one bit of R", PHONE_25519, message=resigned(_flipped(0)))
    yield bad("phone-signature-r-zero", "r of zero", message=resigned(lambda data: bytes(32) + data[32:]))
    yield bad("phone-signature-s-zero", "s of zero", message=resigned(lambda data: data[:32] + bytes(32)))
    yield bad("phone-signature-r-and-s-of-n", "r and s of the group's order", message=put(SIGN1, signature=forgery.N.to_bytes(32, "big") * 2))
    yield bad("phone-signature-swapped", "s then r", message=resigned(lambda data: data[32:] + data[:32]))
    yield bad("phone-signature-above-order", "s + L for s", PHONE_25519, message=resigned(forgery.above_order))
    yield bad("phone-signature-of-another-context", "signed as one of many signatures", message=_signed_by(signer(P256), "Signature"))
    yield bad("phone-signature-with-external-aad", "signed with external data", message=_signed_by(signer(P256), external=b"EC1"))
    yield bad(
        "payload-of-another-code",
        "the payload of another code of this phone",
        message=put(SIGN1, payload=encode(scene.payload_of(Scene(made=AT + 5)))),
    )
    yield bad("credential-of-another-phone", "another holder's credential, put in after signing", message=_around(Scene(cti=b"pseudonym 02")))
    yield good(
        "phone-signature-twin", "4.7", "n - s for s: the other ECDSA signature that anybody can make of one", Scene(message=resigned(forgery.twin))
    )


def _around(other: Scene) -> Items:
    """The array with another credential in its header, and the signature left."""
    return put(SIGN1, protected=encode({1: -9, 13: Raw(scene.credential(other)), 16: 294}))
