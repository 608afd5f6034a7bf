"""A code built layer by layer by the specimen's encoder, so that a test can bend any field and sign and seal again around it."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from gate.credential.keys import ControlPointKey
from gate.credential.reasons import Refused
from gate.credential.trust import build_trust, parse_trust_list
from gate.credential.verifier import Moment, Place, Verifier
from gate.specimen.cases import CONTROL_POINT, ENVIRONMENT, LANE, VALID_INDEX, Showing, Specimen
from gate.specimen.cbor import Raw, Tag, encode
from gate.specimen.issuer import ControlPoint, Issuer
from gate.specimen.phone import DeviceKey, algorithm, armor, cose_key, signer
from gate.specimen.seal import seal

AT: Final = 1793606400
WORLD: Final = Specimen.from_seed(b"Utopia, for tests")
KIT: Final = WORLD.kit
FILES: Final = WORLD.trust(AT)
TRUST: Final = build_trust(parse_trust_list(FILES["trust-list.json"]), FILES)
PLACE: Final = Place(CONTROL_POINT, LANE, ENVIRONMENT)
P256: Final = WORLD.device_key(Showing(AT, "p256"))
ED25519: Final = WORLD.device_key(Showing(AT, "ed25519"))
KEY: Final = ControlPointKey(KIT.point.key, KIT.point.public)
VERIFIER: Final = Verifier(TRUST, {KIT.point.kid: KEY}, PLACE)
NOW: Final = Moment(float(AT), trusted=True)
URI: Final = WORLD.status_uri(KIT.macau)
CTI: Final = bytes(range(12))
CNONCE: Final = bytes(range(8))

Bend = bytes | Mapping[object, object] | None
"""Instead of a good map: these bytes; or the map with these labels changed, and those of None left out."""


def claims(bend: Bend = None, device: DeviceKey = P256) -> bytes:
    good = {
        4: AT + 43200,
        6: AT - 3600,
        7: CTI,
        8: {1: cose_key(device)},
        9: "MO-PR",
        65535: {"status_list": {"idx": VALID_INDEX, "uri": URI}},
    }
    return bent(good, bend)


def credential(
    bend: Bend = None, *, header: Bend = None, issuer: Issuer = KIT.macau, device: DeviceKey = P256
) -> bytes:
    return signed(issuer.key.sign, bent({1: -19, 4: issuer.kid}, header), claims(bend, device))


def message(
    inner: bytes | None = None, *, header: Bend = None, payload: Bend = None, device: DeviceKey = P256
) -> bytes:
    if inner is None:
        inner = credential(device=device)
    protected = bent({1: algorithm(device), 13: Raw(inner), 16: 294}, header)
    return signed(signer(device), protected, bent({3: CONTROL_POINT, 6: AT, 39: CNONCE}, payload))


def envelope(plaintext: bytes | None = None, *, header: Bend = None, point: ControlPoint = KIT.point) -> bytes:
    protected = bent({1: 41, 4: point.kid}, header)
    ephemeral = X25519PrivateKey.from_private_bytes(bytes(range(32)))
    aad = encode(["Encrypt0", protected, b""])
    ek, ciphertext = seal(point.public, ephemeral, aad, message() if plaintext is None else plaintext)
    return encode(Tag(16, [protected, {-4: ek}, ciphertext]))


def text(plaintext: bytes | None = None, *, header: Bend = None, point: ControlPoint = KIT.point) -> str:
    return armor(envelope(plaintext, header=header, point=point))


def shown(bend: Bend = None, *, payload: Bend = None, issuer: Issuer = KIT.macau, device: DeviceKey = P256) -> str:
    """A whole code with these claims and this payload, everything around them good."""
    return text(message(credential(bend, issuer=issuer, device=device), payload=payload, device=device))


def signed(sign: Callable[[bytes], bytes], protected: bytes, payload: bytes) -> bytes:
    return encode(Tag(18, [protected, {}, payload, sign(encode(["Signature1", protected, b"", payload]))]))


def bent(good: Mapping[object, object], bend: Bend) -> bytes:
    if isinstance(bend, bytes):
        return bend
    return encode({label: item for label, item in {**good, **(bend or {})}.items() if item is not None})


def flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit >> 3] ^= 1 << (bit & 7)
    return bytes(changed)


def forged(issuer: Issuer) -> Issuer:
    """This issuer's kid over a key that is not its own."""
    return replace(issuer, key=KIT.forger.key)


def outcome(call: Callable[..., object], *args: object, **kwargs: object) -> object:
    """What the call gives, or the reason of its refusal."""
    try:
        return call(*args, **kwargs)
    except Refused as refusal:
        return refusal.reason
