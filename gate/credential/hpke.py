"""HPKE (RFC 9180), the one suite of EC1 and opening only: base mode, X25519, HKDF-SHA256, AES-128-GCM; info is empty.

Our own, because with the mode, the suite and `info` fixed most of the key schedule is a constant: measured at half of pyhpke's time
(FORMAT.md, Decisions), and `cryptography`'s own HPKE takes no aad, which COSE-HPKE needs. pyhpke stays the oracle in the tests.
"""

from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import x25519
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gate.credential.keys import ControlPointKey
from gate.credential.reasons import Reason, Refused

EK_BYTES: Final = 32
_KEY_BYTES: Final = 16
_NONCE_BYTES: Final = 12
_VERSION: Final = b"HPKE-v1"
_KEM: Final = _VERSION + b"KEM" + (0x0020).to_bytes(2, "big")
_SUITE: Final = _VERSION + b"HPKE" + b"".join(n.to_bytes(2, "big") for n in (0x0020, 0x0001, 0x0001))
_BLOCK_BYTES: Final = 64
_IPAD: Final = bytes(byte ^ 0x36 for byte in range(256))
_OPAD: Final = bytes(byte ^ 0x5C for byte in range(256))

# LabeledExtract and LabeledExpand (RFC 9180 section 4) put these before what varies.
_EAE_PRK: Final = _KEM + b"eae_prk"
_SHARED_SECRET: Final = EK_BYTES.to_bytes(2, "big") + _KEM + b"shared_secret"
_SECRET: Final = _SUITE + b"secret"
_KEY: Final = _KEY_BYTES.to_bytes(2, "big") + _SUITE + b"key"
_NONCE: Final = _NONCE_BYTES.to_bytes(2, "big") + _SUITE + b"base_nonce"
_ONE_BLOCK: Final = b"\x01"
"""HKDF-Expand's counter (RFC 5869 section 2.3): nothing here is longer than one hash."""


def open_base(key: ControlPointKey, ek: bytes, aad: bytes, ciphertext: bytes, info: bytes = b"") -> bytes:
    """The plaintext of a single-shot message (RFC 9180 section 6.1). `ek` is the encapsulated key, 32 bytes.

    Raises Refused (`undecryptable`), also for an all-zero shared secret (RFC 9180 section 7.1.4).
    """
    context = _CONTEXT if not info else _key_schedule_context(info)
    prk = _hmac(_decapsulate(key, ek), _SECRET)
    aead = AESGCM(_hmac(prk, _KEY + context + _ONE_BLOCK)[:_KEY_BYTES])
    nonce = _hmac(prk, _NONCE + context + _ONE_BLOCK)[:_NONCE_BYTES]
    try:
        return aead.decrypt(nonce, ciphertext, aad)
    except InvalidTag:
        raise Refused(Reason.UNDECRYPTABLE, "expected a message sealed for this control point") from None


def _decapsulate(key: ControlPointKey, ek: bytes) -> bytes:
    """RFC 9180 section 4.1, Decap."""
    try:
        shared = key.private.exchange(x25519.X25519PublicKey.from_public_bytes(ek))
    except ValueError:  # OpenSSL refuses the all-zero secret of a low-order ek (FORMAT 4.3)
        raise Refused(Reason.UNDECRYPTABLE, "expected an encapsulated key of full order") from None
    return _hmac(_hmac(b"", _EAE_PRK + shared), _SHARED_SECRET + ek + key.public + _ONE_BLOCK)


def _hmac(key: bytes, message: bytes) -> bytes:
    """HMAC-SHA256 (RFC 2104) for keys of up to a block: five of these a code, at seven tenths of `hmac.digest`'s time."""
    block = key.ljust(_BLOCK_BYTES, b"\0")
    return sha256(block.translate(_OPAD) + sha256(block.translate(_IPAD) + message).digest()).digest()


def _key_schedule_context(info: bytes) -> bytes:
    """RFC 9180 section 5.1, base mode."""
    return b"\x00" + _hmac(b"", _SUITE + b"psk_id_hash") + _hmac(b"", _SUITE + b"info_hash" + info)


_CONTEXT: Final = _key_schedule_context(b"")
