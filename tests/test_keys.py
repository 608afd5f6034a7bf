"""Keys and signatures: what loads, what verifies, and what `cryptography` alone would let through."""

import base64
import hashlib

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from forge import ED25519, P256, flipped, outcome
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.credential.keys import PublicKey, load_control_point_key, load_ed25519, load_p256, on_curve, verify
from gate.credential.reasons import Reason, Refused
from gate.errors import TrustError
from gate.specimen.phone import signer

P = (1 << 255) - 19
L = (1 << 252) + 27742317777372353535851937790883648493
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
D = -121665 * pow(121666, P - 2, P) % P
SIGN = 1 << 255
MESSAGE = b"one traveller"


def order_8_y() -> int:
    """y of a point of order 8, from the curve's equation: y^2 = (1 - sqrt(1 + d)) / -d, doubled twice to (0, -1)."""
    root = square_root((1 + D) % P)
    return next(y for r in (root, P - root) if (y := square_root((r - 1) * pow(D, P - 2, P) % P)) is not None)


def square_root(a: int) -> int | None:
    """RFC 8032 section 5.1.3."""
    candidate = pow(a, (P + 3) // 8, P)
    for root in (candidate, candidate * pow(2, (P - 1) // 4, P) % P):
        if root * root % P == a % P:
            return root
    return None


Y8 = order_8_y()
SMALL = [y | sign for y in (0, 1, P - 1, P, P + 1, Y8, P - Y8) for sign in (0, SIGN)]


def loaded(key: ec.EllipticCurvePrivateKey | Ed25519PrivateKey) -> PublicKey:
    """The public half as a verdict takes it."""
    public = key.public_key()
    return load_ed25519(public.public_bytes_raw()) if isinstance(public, Ed25519PublicKey) else public


def encoded(y: int) -> bytes:
    return y.to_bytes(32, "little")


@pytest.mark.parametrize("y", SMALL)
def test_each_of_the_14_encodings_of_small_order_is_refused(y: int) -> None:
    """As a key, one constant signature would verify every message under it; as R, it needs no key of full order."""
    assert outcome(load_ed25519, encoded(y)) is Reason.MALFORMED
    assert outcome(verify, loaded(ED25519), encoded(y) + bytes(32), MESSAGE) is Reason.BAD_SIGNATURE


def test_a_small_order_key_would_have_verified_everything() -> None:
    """Why the loader is there: this is `cryptography` alone."""
    Ed25519PublicKey.from_public_bytes(encoded(1)).verify(encoded(1) + bytes(32), MESSAGE)


@pytest.mark.parametrize("y", range(P, 1 << 255))
@pytest.mark.parametrize("sign", [0, SIGN])
def test_every_encoding_at_or_above_the_prime_is_refused(y: int, sign: int) -> None:
    assert outcome(load_ed25519, encoded(y | sign)) is Reason.MALFORMED


@pytest.mark.parametrize("size", [0, 31, 33, 64])
def test_an_ed25519_key_has_32_bytes(size: int) -> None:
    assert outcome(load_ed25519, b"\x09" * size) is Reason.MALFORMED


@given(st.binary(min_size=32, max_size=32))
def test_a_made_key_loads_and_is_on_the_curve(secret: bytes) -> None:
    raw = Ed25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()
    assert load_ed25519(raw).raw == raw
    assert on_curve(raw)


@settings(max_examples=60)
@given(st.integers(2, P - 2), st.sampled_from([0, SIGN]))
def test_the_curve_is_that_of_the_rfc(y: int, sign: int) -> None:
    x2 = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    assert on_curve(encoded(y | sign)) is (square_root(x2) is not None)


@settings(max_examples=40)
@given(st.binary(min_size=32, max_size=32), st.booleans())
def test_a_p256_key_loads_where_there_is_a_point(x: bytes, odd: bool) -> None:  # noqa: FBT001 - hypothesis gives it
    key = outcome(load_p256, x, odd=odd)
    if key is Reason.MALFORMED:
        prime = 2**256 - 2**224 + 2**192 + 2**96 - 1
        b = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
        number = int.from_bytes(x, "big")
        square = (number**3 - 3 * number + b) % prime
        assert number >= prime or pow(square, (prime - 1) // 2, prime) != 1
    else:
        numbers = key.public_numbers()
        assert (numbers.x, bool(numbers.y & 1)) == (int.from_bytes(x, "big"), odd)


def test_a_p256_key_needs_its_whole_x() -> None:
    assert outcome(load_p256, bytes(31), odd=True) is Reason.MALFORMED
    assert outcome(load_p256, b"\xff" * 32, odd=True) is Reason.MALFORMED


@pytest.mark.parametrize("key", [P256, ED25519])
def test_nothing_but_the_very_signature_of_the_very_message_verifies(key: ec.EllipticCurvePrivateKey) -> None:
    signature = signer(key)(MESSAGE)
    public = loaded(key)
    verify(public, signature, MESSAGE)
    assert outcome(verify, public, signature, MESSAGE + b".") is Reason.BAD_SIGNATURE
    long_s = signature[:32] + b"\x00" + signature[32:]  # the same numbers for ECDSA
    for bit in range(0, 512, 3):
        assert outcome(verify, public, flipped(signature, bit), MESSAGE) is Reason.BAD_SIGNATURE
    for other in (b"", signature[:63], signature + b"\x00", b"\x00" + signature, bytes(64), long_s):
        assert outcome(verify, public, other, MESSAGE) is Reason.BAD_SIGNATURE


def test_an_r_of_small_order_is_refused_though_the_equation_holds() -> None:
    """Who has the key can choose r = 0; OpenSSL takes it, and other verifiers do not."""
    a = int.from_bytes(hashlib.sha512(ED25519.private_bytes_raw()).digest()[:32], "little")
    a = a & ((1 << 254) - 8) | 1 << 254
    public = ED25519.public_key()
    k = int.from_bytes(hashlib.sha512(encoded(1) + public.public_bytes_raw() + MESSAGE).digest(), "little")
    signature = encoded(1) + encoded(k * a % L)
    public.verify(signature, MESSAGE)  # `cryptography` alone
    assert outcome(verify, loaded(ED25519), signature, MESSAGE) is Reason.BAD_SIGNATURE


@given(st.binary(min_size=64, max_size=64) | st.integers(0, 511), st.binary(max_size=40))
def test_the_two_libraries_agree_on_every_signature(bent: bytes | int, message: bytes) -> None:
    """libsodium, which judges here, and `cryptography`; small order apart, which only we refuse."""
    signature = flipped(ED25519.sign(message), bent) if isinstance(bent, int) else bent
    for shown in (signature, ED25519.sign(message)):
        try:
            ED25519.public_key().verify(shown, message)
            expected = None
        except InvalidSignature:
            expected = Reason.BAD_SIGNATURE
        assert outcome(verify, loaded(ED25519), shown, message) is expected


def test_an_ed25519_signature_has_one_form() -> None:
    """s + L would verify where it is not reduced (RFC 8032 section 5.1.7)."""
    signature = signer(ED25519)(MESSAGE)
    s = int.from_bytes(signature[32:], "little") + L
    other = signature[:32] + s.to_bytes(32, "little")
    assert outcome(verify, loaded(ED25519), other, MESSAGE) is Reason.BAD_SIGNATURE


def test_an_ecdsa_signature_has_two_forms_and_no_more() -> None:
    """Which is why no signature is a presentation's identity (FORMAT 3)."""
    signature = signer(P256)(MESSAGE)
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    verify(P256.public_key(), signature[:32] + (N - s).to_bytes(32, "big"), MESSAGE)
    for wrong in ((0, s), (r, 0), (0, 0), (N, s), (r, N), (N - r, s)):
        data = b"".join(n.to_bytes(32, "big") for n in wrong)
        assert outcome(verify, P256.public_key(), data, MESSAGE) is Reason.BAD_SIGNATURE


def test_a_key_that_is_no_point_verifies_nothing() -> None:
    """The device key's curve check is left to the verification."""
    y = next(y for y in range(2, 99) if not on_curve(encoded(y)))
    assert outcome(verify, load_ed25519(encoded(y)), signer(ED25519)(MESSAGE), MESSAGE) is Reason.BAD_SIGNATURE


def pem(key: object, encryption: object = None, form: PrivateFormat = PrivateFormat.PKCS8) -> bytes:
    return key.private_bytes(Encoding.PEM, form, encryption or NoEncryption())


# An X25519 key of 31 bytes in an otherwise good PKCS8: `cryptography` calls that an error of its own.
CUT_OFF = (
    b"-----BEGIN PRIVATE KEY-----\n"
    + base64.b64encode(bytes.fromhex("302d020100300506032b656e0421041f") + bytes(31))
    + b"\n-----END PRIVATE KEY-----\n"
)


def test_a_control_point_key_is_read_from_pem() -> None:
    private = X25519PrivateKey.from_private_bytes(bytes(range(32)))
    key = load_control_point_key(pem(private))
    assert key.private.private_bytes_raw() == bytes(range(32))
    assert key.public == private.public_key().public_bytes_raw()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "unencrypted PKCS8"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "unencrypted PKCS8"),
        (pem(X25519PrivateKey.generate(), BestAvailableEncryption(b"secret")), "unencrypted PKCS8"),
        (CUT_OFF, "unencrypted PKCS8"),
        (pem(Ed25519PrivateKey.generate()), "X25519"),
        (pem(ec.generate_private_key(ec.SECP256R1())), "X25519"),
    ],
    ids=["nothing", "no key", "encrypted", "cut off", "Ed25519", "P-256"],
)
def test_any_other_file_says_what_was_expected(data: bytes, why: str) -> None:
    with pytest.raises(TrustError, match=why):
        load_control_point_key(data)


@given(st.binary(max_size=200), st.binary(max_size=60))
def test_any_bytes_for_a_key_are_refused(data: bytes, inner: bytes) -> None:
    for file in (data, b"-----BEGIN PRIVATE KEY-----\n" + inner + b"\n-----END PRIVATE KEY-----\n"):
        with pytest.raises(TrustError):
            load_control_point_key(file)


@pytest.mark.parametrize("y", SMALL)
def test_our_own_look_at_r_comes_before_the_librarys(y: int) -> None:
    """libsodium refuses such an R as well. Ours says so, and stays when the library changes its mind."""
    with pytest.raises(Refused, match="R has full order"):
        verify(loaded(ED25519), encoded(y) + b"\x01" * 32, MESSAGE)


def test_the_point_whose_x_is_0_is_on_the_curve() -> None:
    assert on_curve(encoded(1))


def test_a_key_of_a_kind_that_the_library_does_not_know_is_refused() -> None:
    key = bytes.fromhex("300e 020100 3005 06032a0304 04020400")  # PKCS8 with the kind 1.2.3.4
    file = base64.encodebytes(key)
    with pytest.raises(TrustError, match="unencrypted PKCS8"):
        load_control_point_key(b"-----BEGIN PRIVATE KEY-----\n" + file + b"-----END PRIVATE KEY-----\n")
