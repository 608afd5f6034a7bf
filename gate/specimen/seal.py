"""HPKE sealing (RFC 9180, base mode, X25519, HKDF-SHA256, AES-128-GCM) and Base45, written from the RFCs without a look at the verifier's."""

from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"


def seal(public: bytes, ephemeral: X25519PrivateKey, aad: bytes, plaintext: bytes) -> tuple[bytes, bytes]:
    """The encapsulated key and the ciphertext for a control point's public key of 32 bytes."""
    ek = ephemeral.public_key().public_bytes_raw()
    dh = ephemeral.exchange(X25519PublicKey.from_public_bytes(public))
    kem = b"KEM\x00\x20"
    shared = labeled_expand(kem, labeled_extract(kem, b"", b"eae_prk", dh), b"shared_secret", ek + public, 32)
    suite = b"HPKE\x00\x20\x00\x01\x00\x01"
    context = (
        b"\x00" + labeled_extract(suite, b"", b"psk_id_hash", b"") + labeled_extract(suite, b"", b"info_hash", b"")
    )
    secret = labeled_extract(suite, shared, b"secret", b"")
    key = labeled_expand(suite, secret, b"key", context, 16)
    nonce = labeled_expand(suite, secret, b"base_nonce", context, 12)
    return ek, AESGCM(key).encrypt(nonce, plaintext, aad)


def base45(data: bytes) -> str:
    """RFC 9285 section 3."""
    return "".join(_group(data[at : at + 2]) for at in range(0, len(data), 2))


def _group(pair: bytes) -> str:
    value = int.from_bytes(pair, "big")
    digits = [value % 45, value // 45 % 45, value // 2025]
    return "".join(_ALPHABET[digit] for digit in digits[: len(pair) + 1])


def labeled_extract(suite: bytes, salt: bytes, label: bytes, ikm: bytes) -> bytes:
    """RFC 9180 section 4."""
    mac = hmac.HMAC(salt or bytes(32), hashes.SHA256())
    mac.update(b"HPKE-v1" + suite + label + ikm)
    return mac.finalize()


def labeled_expand(suite: bytes, prk: bytes, label: bytes, info: bytes, length: int) -> bytes:
    """RFC 9180 section 4."""
    labeled = length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info
    return HKDFExpand(hashes.SHA256(), length, labeled).derive(prk)
