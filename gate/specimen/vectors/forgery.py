"""What an attacker can make who knows no secret of ours, or only a phone's: signatures and seals that a careless verifier takes."""

import hashlib
from collections.abc import Iterator
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

from gate.specimen.seal import labeled_expand, labeled_extract

P: Final = (1 << 255) - 19
"""The prime of edwards25519."""

L: Final = (1 << 252) + 27742317777372353535851937790883648493
"""The order of its base point."""

N: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""The order of P-256's base point."""

P256_PRIME: Final = (1 << 256) - (1 << 224) + (1 << 192) + (1 << 96) - 1

_D: Final = -121665 * pow(121666, -1, P) % P
_SIGN: Final = 1 << 255
_ORDER_8_Y: Final = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
_SMALL_Y: Final = {
    "order-1": 1,
    "order-2": P - 1,
    "order-4": 0,
    "order-8-low": _ORDER_8_Y,
    "order-8-high": P - _ORDER_8_Y,
    "order-1-above-p": P + 1,
    "order-4-above-p": P,
}
SMALL_ORDER: Final = {
    name + suffix: (y | sign).to_bytes(32, "little")
    for name, y in _SMALL_Y.items()
    for suffix, sign in (("", 0), ("-signed", _SIGN))
}
"""The 14 encodings of the points of small order, canonical or not (FORMAT 4.5)."""

LOW_ORDER_EK: Final = {
    "zero": bytes(32),
    "one": (1).to_bytes(32, "little"),
    "minus-one": (P - 1).to_bytes(32, "little"),
    "order-8": bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
}
"""Points of Curve25519 with which every key shares the secret zero."""

AES_128, AES_256, CHACHA20 = 1, 2, 3
"""The AEADs of HPKE (RFC 9180 section 7.3). Only the first is EC1's."""

_KEY_BYTES: Final = {AES_128: 16, AES_256: 32, CHACHA20: 32}


def keyless(key: bytes, message: bytes) -> bytes:
    """A signature under a small-order Ed25519 key, which has no private one; its R has full order.

    Where k is a multiple of 8, k * A vanishes and any R = s * B verifies: tried until it is.
    """
    for nonce in _nonces():
        r = nonce.public_key().public_bytes_raw()
        if _challenge(r, key, message) % 8 == 0:
            return r + (_scalar(nonce) % L).to_bytes(32, "little")
    raise AssertionError("expected a nonce in 2^64")


def small_r(key: Ed25519PrivateKey, message: bytes) -> bytes:
    """A signature by the key's own holder whose R is the neutral element: a library alone takes it."""
    public = key.public_key()
    r = SMALL_ORDER["order-1"]
    s = _challenge(r, public.public_bytes_raw(), message) * _scalar(key) % L
    signature = r + s.to_bytes(32, "little")
    public.verify(signature, message)
    return signature


def above_order(signature: bytes) -> bytes:
    """An Ed25519 signature with s + L for s: the same equation in other bytes (RFC 8032 section 5.1.7)."""
    return signature[:32] + (int.from_bytes(signature[32:], "little") + L).to_bytes(32, "little")


def twin(signature: bytes) -> bytes:
    """The other ECDSA signature that anybody makes of one: n - s for s."""
    return signature[:32] + (N - int.from_bytes(signature[32:], "big")).to_bytes(32, "big")


def off_curve() -> bytes:
    """32 canonical bytes that are no point of edwards25519."""
    return next(data for data in (y.to_bytes(32, "little") for y in range(2, 99)) if not _on_curve(data))


def above_p() -> bytes:
    """A point of edwards25519 with y + p for y, which fits for a y below 19 only."""
    y = next(y for y in range(2, 19) if _on_curve(y.to_bytes(32, "little")))
    return (y + P).to_bytes(32, "little")


def off_p256() -> bytes:
    """An x below the prime of P-256 that no y belongs to."""
    return next(data for data in (x.to_bytes(32, "big") for x in range(1, 99)) if not _on_p256(data))


def above_p256() -> bytes:
    """An x of P-256 with the prime added."""
    x = next(x for x in range(1, 99) if _on_p256(x.to_bytes(32, "big")))
    return (x + P256_PRIME).to_bytes(32, "big")


def share(public: bytes, ephemeral: X25519PrivateKey) -> tuple[bytes, bytes]:
    """The encapsulated key of `ephemeral`, and the X25519 secret that it shares with `public`."""
    return ephemeral.public_key().public_bytes_raw(), ephemeral.exchange(X25519PublicKey.from_public_bytes(public))


def hpke(
    shared: tuple[bytes, bytes], public: bytes, aad: bytes, plaintext: bytes, *, info: bytes = b"", aead: int = AES_128
) -> tuple[bytes, bytes]:
    """HPKE in base mode (RFC 9180) over (ek, X25519 secret), both taken as they come; EC1's own with the defaults."""
    ek, dh = shared
    kem = b"KEM\x00\x20"
    secret = labeled_expand(kem, labeled_extract(kem, b"", b"eae_prk", dh), b"shared_secret", ek + public, 32)
    suite = b"HPKE\x00\x20\x00\x01" + aead.to_bytes(2, "big")
    context = (
        b"\x00" + labeled_extract(suite, b"", b"psk_id_hash", b"") + labeled_extract(suite, b"", b"info_hash", info)
    )
    prk = labeled_extract(suite, secret, b"secret", b"")
    key = labeled_expand(suite, prk, b"key", context, _KEY_BYTES[aead])
    cipher = ChaCha20Poly1305(key) if aead == CHACHA20 else AESGCM(key)
    return ek, cipher.encrypt(labeled_expand(suite, prk, b"base_nonce", context, 12), plaintext, aad)


def _nonces() -> Iterator[Ed25519PrivateKey]:
    for number in range(1 << 64):
        yield Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"nonce %d" % number).digest())


def _scalar(key: Ed25519PrivateKey) -> int:
    """RFC 8032 section 5.1.5: the secret scalar."""
    half = int.from_bytes(hashlib.sha512(key.private_bytes_raw()).digest()[:32], "little")
    return half & (1 << 254) - 8 | 1 << 254


def _challenge(r: bytes, key: bytes, message: bytes) -> int:
    return int.from_bytes(hashlib.sha512(r + key + message).digest(), "little") % L


def _on_curve(data: bytes) -> bool:
    y2 = int.from_bytes(data, "little") ** 2
    return pow((y2 - 1) * (_D * y2 + 1), (P - 1) // 2, P) in (0, 1)


def _on_p256(x: bytes) -> bool:
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\x02" + x)
    except ValueError:
        return False
    return True
