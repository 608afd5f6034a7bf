"""Keys and signatures: strict loaders, for the libraries alone would load any 32 bytes as an Ed25519 key (FORMAT section 4.5).

Ed25519 is libsodium's (PyNaCl): measured at 0.5 to 0.6 of the time of `cryptography`'s, half of a whole verdict, and it refuses small-order and
non-canonical keys itself. P-256 and X25519 are `cryptography`'s, which is also the oracle of the other in the tests.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

from cryptography.exceptions import InternalError, InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, x25519
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from nacl.bindings import crypto_sign_open
from nacl.exceptions import BadSignatureError

from gate.credential.reasons import Reason, Refused, malformed
from gate.errors import TrustError

ESP256: Final = -9
ED25519: Final = -19
"""COSE algorithms (RFC 9864): P-256 with SHA-256, and Ed25519."""

ED25519_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64

_ECDSA: Final = ec.ECDSA(hashes.SHA256())
_P256: Final = ec.SECP256R1()
_P: Final = (1 << 255) - 19
_D: Final = -121665 * pow(121666, -1, _P) % _P
_SIGN_BIT: Final = 1 << 255
_ORDER_8_Y: Final = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
_SMALL_ORDER_Y: Final = frozenset((0, 1, _P - 1, _P, _P + 1, _ORDER_8_Y, _P - _ORDER_8_Y))
"""The y of the seven points of small order, canonical or not: with both signs, the 14 encodings of FORMAT section 4.5."""


class Ed25519Key(NamedTuple):
    """An Ed25519 public key that `load_ed25519` let through: its 32 bytes."""

    raw: bytes


PublicKey = Ed25519Key | ec.EllipticCurvePublicKey


@dataclass(frozen=True, slots=True)
class ControlPointKey:
    """A control point's X25519 key pair as a lane holds it; `public` is 32 bytes."""

    private: x25519.X25519PrivateKey
    public: bytes


def load_ed25519(data: bytes) -> Ed25519Key:
    """An Ed25519 public key from its 32 canonical bytes (RFC 8032 section 5.1.3), not of small order.

    Whether the point is on the curve costs as much as a verification; `verify` below fails for one that is not, and `on_curve` tells for
    keys that are loaded once. Raises Refused (`malformed`).
    """
    if len(data) != ED25519_BYTES:
        raise malformed(f"expected a key of {ED25519_BYTES} bytes, got {len(data)}")
    y = _y_of(data)
    if y in _SMALL_ORDER_Y:
        raise malformed("expected an Ed25519 key of full order, got one of small order")
    if y >= _P:
        raise malformed("expected a canonical Ed25519 key, got one at or above the prime")
    return Ed25519Key(data)


def on_curve(data: bytes) -> bool:
    """Whether 32 canonical bytes decode to a point of edwards25519 (RFC 8032 section 5.1.3). About 1.5 verifications: for stored keys only."""
    y2 = pow(_y_of(data), 2, _P)
    u, v = (y2 - 1) % _P, (_D * y2 + 1) % _P
    return pow(u * v, (_P - 1) // 2, _P) in (0, 1)  # Euler: u/v is a square exactly where u*v is


def load_p256(x: bytes, *, odd: bool) -> ec.EllipticCurvePublicKey:
    """A P-256 public key from its compressed point: x of 32 bytes and whether y is odd. Raises Refused (`malformed`)."""
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(_P256, (b"\x03" if odd else b"\x02") + x)
    except ValueError:
        raise malformed("expected a point of P-256, got none") from None


def verify(key: PublicKey, signature: bytes, message: bytes) -> None:
    """An Ed25519 signature (RFC 8032) or an ESP256 one, r || s (RFC 9053 section 2.1), by the key's own algorithm.

    Raises Refused (`bad_signature`).
    """
    if len(signature) != SIGNATURE_BYTES:
        raise Refused(Reason.BAD_SIGNATURE, f"expected a signature of {SIGNATURE_BYTES} bytes, got {len(signature)}")
    try:
        if isinstance(key, Ed25519Key):
            _refuse_small_r(signature)
            crypto_sign_open(signature + message, key.raw)
        else:
            key.verify(_der(signature), message, _ECDSA)
    except (BadSignatureError, InvalidSignature):
        raise Refused(Reason.BAD_SIGNATURE, "expected a signature that verifies") from None


def load_control_point_key(pem: bytes) -> ControlPointKey:
    """A control point's private key from PEM (PKCS8, not encrypted). Raises TrustError."""
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm, InternalError):  # the last of a key that is cut off
        raise TrustError("expected an unencrypted PKCS8 private key in PEM, got something else") from None
    if not isinstance(key, x25519.X25519PrivateKey):
        raise TrustError("expected an X25519 private key, got one of another kind")
    return ControlPointKey(key, key.public_key().public_bytes_raw())


def _y_of(data: bytes) -> int:
    return int.from_bytes(data, "little") & ~_SIGN_BIT


def _refuse_small_r(signature: bytes) -> None:
    if _y_of(signature[:32]) in _SMALL_ORDER_Y:  # FORMAT 4.5: R of small order
        raise Refused(Reason.BAD_SIGNATURE, "expected a signature whose R has full order")


def _der(signature: bytes) -> bytes:
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    return encode_dss_signature(r, s)
