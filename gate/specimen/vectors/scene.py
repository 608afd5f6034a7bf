"""One showing: the code, layer by layer, and the lane that it is shown to. A good one by default; a vector bends one field of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from gate.specimen.cbor import Raw, Tag, encode
from gate.specimen.issuer import ControlPoint, Issuer
from gate.specimen.phone import DeviceKey, algorithm, armor, cose_key, signer
from gate.specimen.seal import seal
from gate.specimen.vectors.worlds import AT, HERE, MACAU, MAIN, P256, VALID

HOUR: Final = 3600
SIGN1: Final = 18
ENCRYPT0: Final = 16

Map = Mapping[Any, object]
Content = Map | Callable[[Map], bytes] | bytes | None
"""What a good map becomes: one with these labels changed (and those of None left out), what the function encodes, or these bytes."""

Items = Callable[[list[object]], object]
"""From an array's items, in bytes, to the whole layer."""

Sealing = Callable[[ControlPoint, bytes, bytes], tuple[bytes, bytes]]
"""For a control point, aad and plaintext: the encapsulated key and the ciphertext."""


def tagged(number: int) -> Items:
    """An array under this tag, as it should be."""
    return lambda items: Tag(number, items)


_AS_SIGN1: Final = tagged(SIGN1)
_AS_ENCRYPT0: Final = tagged(ENCRYPT0)


def properly(point: ControlPoint, aad: bytes, plaintext: bytes) -> tuple[bytes, bytes]:
    """Sealed as FORMAT section 2 says, with an ephemeral key that repeats."""
    return seal(point.public, X25519PrivateKey.from_private_bytes(bytes(range(32))), aad, plaintext)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A code and its lane. Times are Unix seconds; each layer's fields stand in the order in which they are made."""

    # the lane
    world: str = "utopia"
    at: float = AT
    trusted: bool = True
    control_point: str = "HZMB-HK"
    lane: str = "7"
    environment: str = "specimen"
    scopes: tuple[str, ...] = ("MO-PR", "HK-PR")

    # the credential
    issuer: Issuer = MACAU
    begins: int = AT - HOUR
    ends: int = AT + 12 * HOUR
    cti: bytes = b"pseudonym 01"
    holder: DeviceKey = P256
    scope: str = "MO-PR"
    index: int = VALID
    uri: str = MAIN.uri
    claims: Content = None
    issuer_header: Content = None
    credential: Items = _AS_SIGN1

    # the phone's message around it; `phone` signs, and is the holder's unless another is named
    phone: DeviceKey | None = None
    aud: str = "HZMB-HK"
    made: int = AT
    cnonce: bytes = b"number 1"
    payload: Content = None
    phone_header: Content = None
    message: Items = _AS_SIGN1
    plaintext: Callable[[bytes], bytes] = bytes

    # the envelope around that
    point: ControlPoint = HERE
    envelope_header: Content = None
    sealing: Sealing = properly
    envelope: Items = _AS_ENCRYPT0
    text: Callable[[str], str] = str


def code(scene: Scene) -> str:
    """The text that the phone of this scene shows."""
    protected = content({1: 41, 4: scene.point.kid}, scene.envelope_header)
    aad = encode(["Encrypt0", protected, b""])
    ek, ciphertext = scene.sealing(scene.point, aad, scene.plaintext(message(scene)))
    return scene.text(armor(encode(scene.envelope([protected, {-4: ek}, ciphertext]))))


def message(scene: Scene) -> bytes:
    """The phone's signed message, not yet sealed."""
    header = {1: algorithm(scene.holder), 13: Raw(credential(scene)), 16: 294}
    payload = content(payload_of(scene), scene.payload)
    return _signed(scene.phone or scene.holder, content(header, scene.phone_header), payload, scene.message)


def credential(scene: Scene) -> bytes:
    """The issuer's signed credential."""
    header = content({1: -19, 4: scene.issuer.kid}, scene.issuer_header)
    return _signed(scene.issuer.key, header, content(claims_of(scene), scene.claims), scene.credential)


def claims_of(scene: Scene) -> Map:
    """The credential's claims before they are bent."""
    status = {"idx": scene.index, "uri": scene.uri}
    return {
        4: scene.ends,
        6: scene.begins,
        7: scene.cti,
        8: {1: cose_key(scene.holder)},
        9: scene.scope,
        65535: {"status_list": status},
    }


def payload_of(scene: Scene) -> Map:
    """What the phone says, before it is bent."""
    return {3: scene.aud, 6: scene.made, 39: scene.cnonce}


def content(good: Map, bend: Content) -> bytes:
    """A layer's content, good or bent."""
    if isinstance(bend, bytes):
        return bend
    if isinstance(bend, Mapping):
        return encode({label: item for label, item in {**good, **bend}.items() if item is not None})
    return encode(good) if bend is None else bend(good)


def to_be_signed(protected: object, payload: object, context: str = "Signature1", external: bytes = b"") -> bytes:
    """Sig_structure (RFC 9052 section 4.4)."""
    return encode([context, protected, external, payload])


def _signed(key: DeviceKey, protected: bytes, payload: bytes, shape: Items) -> bytes:
    return encode(shape([protected, {}, payload, signer(key)(to_be_signed(protected, payload))]))
