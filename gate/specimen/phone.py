"""A traveller's phone: it holds a device key and a credential and makes a code (FORMAT section 7)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from gate.specimen.cbor import Raw, Tag, encode
from gate.specimen.issuer import ControlPoint, sign1
from gate.specimen.seal import base45, seal

DeviceKey = Ed25519PrivateKey | ec.EllipticCurvePrivateKey
_ESP256 = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)  # RFC 6979: the same seed gives the same recording


@dataclass(frozen=True, slots=True)
class Phone:
    """A device key and the credential made for it."""

    key: DeviceKey
    credential: bytes

    def message(self, aud: str, iat: int, cnonce: bytes) -> bytes:
        """The key-binding token: what will be sealed."""
        header = {1: algorithm(self.key), 13: Raw(self.credential), 16: 294}
        return sign1(signer(self.key), header, encode({3: aud, 6: iat, 39: cnonce}))


def cose_key(key: DeviceKey) -> dict[int, object]:
    """The public half as a credential's `cnf` names it."""
    if isinstance(key, Ed25519PrivateKey):
        return {1: 1, -1: 6, -2: key.public_key().public_bytes_raw()}
    numbers = key.public_key().public_numbers()
    return {1: 2, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: bool(numbers.y & 1)}


def algorithm(key: DeviceKey) -> int:
    """Ed25519 or ESP256 (RFC 9864)."""
    return -19 if isinstance(key, Ed25519PrivateKey) else -9


def signer(key: DeviceKey) -> Callable[[bytes], bytes]:
    """What signs with this key, in COSE's form of a signature."""
    if isinstance(key, Ed25519PrivateKey):
        return key.sign

    def sign(message: bytes) -> bytes:
        r, s = decode_dss_signature(key.sign(message, _ESP256))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    return sign


def envelope(message: bytes, point: ControlPoint, ephemeral: X25519PrivateKey) -> bytes:
    """The message sealed for a control point: the COSE_Encrypt0."""
    protected: Mapping[int, object] = {1: 41, 4: point.kid}
    aad = encode(["Encrypt0", encode(protected), b""])
    ek, ciphertext = seal(point.public, ephemeral, aad, message)
    return encode(Tag(16, [encode(protected), {-4: ek}, ciphertext]))


def armor(data: bytes) -> str:
    """The text that the QR symbol holds."""
    return "EC1:" + base45(data)
