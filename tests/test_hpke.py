"""Opening HPKE, with pyhpke as the one that seals."""

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from forge import flipped, outcome
from hypothesis import given, settings
from hypothesis import strategies as st
from pyhpke import AEADId, CipherSuite, KDFId, KEMId, KEMKey

from gate.credential.hpke import open_base
from gate.credential.keys import ControlPointKey
from gate.credential.reasons import Reason

SUITE = CipherSuite.new(KEMId.DHKEM_X25519_HKDF_SHA256, KDFId.HKDF_SHA256, AEADId.AES128_GCM)
P = (1 << 255) - 19
LOW_ORDER = [
    0,
    1,
    325606250916557431795983626356110631294008115727848805560023387167927233504,
    39382357235489614581723060781553021112529911719440698176882885853963445705823,
    P - 1,
    P,
    P + 1,
]
"""The u of the points of small order on Curve25519 and its twist (RFC 7748 section 6.1 has the reason), canonical or not."""


def control_point(secret: bytes) -> ControlPointKey:
    private = X25519PrivateKey.from_private_bytes(secret)
    return ControlPointKey(private, private.public_key().public_bytes_raw())


KEY = control_point(bytes(range(32)))


def sealed(key: ControlPointKey, plaintext: bytes, aad: bytes = b"", info: bytes = b"") -> tuple[bytes, bytes]:
    ek, context = SUITE.create_sender_context(KEMKey.from_pyca_cryptography_key(key.private.public_key()), info)
    return ek, context.seal(plaintext, aad)


@settings(max_examples=40)
@given(st.binary(min_size=32, max_size=32), st.binary(max_size=400), st.binary(max_size=40), st.binary(max_size=40))
def test_what_pyhpke_seals_is_opened(secret: bytes, plaintext: bytes, aad: bytes, info: bytes) -> None:
    key = control_point(secret)
    ek, ciphertext = sealed(key, plaintext, aad, info)
    assert open_base(key, ek, aad, ciphertext, info) == plaintext


def test_nothing_but_the_very_message_opens() -> None:
    ek, ciphertext = sealed(KEY, b"credential", b"aad")
    assert open_base(KEY, ek, b"aad", ciphertext) == b"credential"
    assert outcome(open_base, KEY, ek, b"aae", ciphertext) is Reason.UNDECRYPTABLE
    assert outcome(open_base, KEY, ek, b"aad", ciphertext, b"info") is Reason.UNDECRYPTABLE
    assert outcome(open_base, control_point(bytes(32)), ek, b"aad", ciphertext) is Reason.UNDECRYPTABLE
    for bit in range(8 * len(ciphertext)):
        assert outcome(open_base, KEY, ek, b"aad", flipped(ciphertext, bit)) is Reason.UNDECRYPTABLE
    for bit in range(256):  # the top bit too: it does not change the exchange, but it is in the KEM's context
        assert outcome(open_base, KEY, flipped(ek, bit), b"aad", ciphertext) is Reason.UNDECRYPTABLE


@pytest.mark.parametrize("size", [0, 1, 15, 16])
def test_a_ciphertext_shorter_than_its_tag_is_refused(size: int) -> None:
    ek, _ = sealed(KEY, b"")
    assert outcome(open_base, KEY, ek, b"", bytes(size)) is Reason.UNDECRYPTABLE


@pytest.mark.parametrize("u", LOW_ORDER)
@pytest.mark.parametrize("top", [0, 1 << 255])
def test_an_all_zero_shared_secret_is_refused(u: int, top: int) -> None:
    """Sealed for the all-zero secret, as an attacker without any key would: the key schedule alone would open it."""
    ek = (u | top).to_bytes(32, "little")
    assert outcome(open_base, KEY, ek, b"", bytes(32)) is Reason.UNDECRYPTABLE


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_any_bytes_are_refused(ek: bytes, ciphertext: bytes) -> None:
    assert outcome(open_base, KEY, ek, b"", ciphertext) is Reason.UNDECRYPTABLE
