"""FORMAT 4.1 and 4.3: the text, and what only this control point's key opens. And the good vectors that others are bent from."""

from collections.abc import Iterator
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from gate.credential.reasons import Reason
from gate.specimen.cbor import encode
from gate.specimen.issuer import ControlPoint
from gate.specimen.seal import seal
from gate.specimen.vectors.case import Case, bent, good
from gate.specimen.vectors.forgery import AES_256, CHACHA20, LOW_ORDER_EK, hpke, share
from gate.specimen.vectors.odd import put
from gate.specimen.vectors.scene import ENCRYPT0, Items, Scene, Sealing, tagged
from gate.specimen.vectors.worlds import (
    ED25519,
    ELSEWHERE,
    HERE,
    HONG_KONG,
    LEAVING,
    LEAVING_UNTIL,
    ODD_P256,
    PREVIOUS,
    RETIRED,
)

_EPHEMERAL: Final = X25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
_WITHIN: Final = 4 + 3 * 100
"""Well within a text, and between two groups of its Base45."""

_LONGEST_LANE: Final = 214
"""A lane's name so long that a code for it has 900 characters."""

_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
"""Of Base45 (RFC 9285)."""

PHONE: Final = good("p256", "4", "a phone with a P-256 key, for the control point", Scene())
PHONE_25519: Final = good("ed25519", "4", "a phone with an Ed25519 key, for the control point", Scene(holder=ED25519))
PHONE_ODD: Final = good("p256-odd", "4", "a phone with a P-256 key whose y is odd", Scene(holder=ODD_P256))
OTHER_ISSUER: Final = good(
    "another-issuer",
    "4",
    "a credential of another issuer with another scope and status list",
    Scene(issuer=HONG_KONG, scope="HK-PR", uri="urn:uto:uto-hk"),
)
LONGEST: Final = good(
    "text-of-900-characters",
    "4.1",
    "the longest text, for a lane with a very long name",
    Scene(lane="7" * _LONGEST_LANE, aud="HZMB-HK/" + "7" * _LONGEST_LANE, index=20),
)


def cases() -> Iterator[Case]:
    """The vectors of the text and of the seal."""
    yield from (PHONE, PHONE_25519, PHONE_ODD, OTHER_ISSUER, LONGEST)
    yield from _not_ours()
    yield from _text()
    yield from _seal()


# One vector a line: these are tables.
# fmt: off

def _not_ours() -> Iterator[Case]:
    def shown(name: str, comment: str, text: str, expect: Reason = Reason.NOT_OURS) -> Case:
        return bent(PHONE, name, "4.1", expect, comment, text=lambda _: text)

    def begins(name: str, comment: str, prefix: str, expect: Reason = Reason.NOT_OURS) -> Case:
        return bent(PHONE, name, "4.1", expect, comment, text=lambda text: prefix + text[4:])

    yield shown("empty-text", "nothing at all", "")
    yield shown("web-address", "a payment app's code", "https://pay.example.uto/1/280011112222?amount=38.50")
    yield begins("lower-case-prefix", "the prefix in lower case", "ec1:")
    yield begins("space-before-prefix", "a space before the prefix", " EC1:")
    yield begins("byte-order-mark", "a byte order mark before the prefix", "\ufeffEC1:")
    yield begins("full-width-colon", "a full-width colon in the prefix", "EC1\uff1a")
    yield begins("health-certificate", "the prefix of an EU health certificate", "HC1:")
    yield begins("letter-for-a-version", "a letter where the version stands", "ECX:")
    yield begins("two-digit-version", "a version of two digits, which is nobody's", "EC10:")
    yield begins("superscript-version", "a superscript two, which some libraries call a digit", "EC\u00b2:")
    yield begins("arabic-digit-version", "an Arabic-Indic two, which some libraries call a digit", "EC\u0662:")
    for digit in "029":
        yield begins(f"version-{digit}", "another version's prefix", f"EC{digit}:", Reason.UNKNOWN_VERSION)
    yield begins("version-2-too-long", "another version may be longer", "EC2:" + "0" * 900, Reason.UNKNOWN_VERSION)


def _text() -> Iterator[Case]:
    def bad(name: str, comment: str, change: object, incident: str = "") -> Case:
        return bent(PHONE, name, "4.1", Reason.MALFORMED, comment, incident, text=change)

    comment = "an index that takes one byte more: one character too many, in a code that is good otherwise"
    yield bent(LONGEST, "text-of-901-characters", "4.1", Reason.MALFORMED, comment, index=200)
    yield bad("nothing-behind-prefix", "the prefix alone", lambda _: "EC1:")
    yield bad("lower-case-letter", "one letter of the Base45 in lower case", _lower_case_letter)
    yield bad("line-end", "a line end behind the Base45, which some libraries skip", lambda text: text + "\n")
    yield bad("line-end-within", "a line end within the Base45", lambda text: text[:_WITHIN] + "\n" + text[_WITHIN:])
    yield bad("equals-sign-behind", "padding, which Base45 has not", lambda text: text + "=")
    yield bad("kelvin-sign", "a Kelvin sign for a K, which it becomes in lower case", lambda text: text.replace("K", "\u212a"))
    groups = good("text-of-whole-groups", "4.1", "an even number of bytes: groups of three to the end", Scene(index=200))
    yield groups
    left_over = "one character left over, which some libraries pass over"
    yield bent(groups, "half-a-group", "4.1", Reason.MALFORMED, left_over, text=lambda text: text + "0")
    yield bad("group-above-65535", "a group of three worth 65536 more: the same two bytes, where they are not looked at", _group_above)
    yield bad("last-group-above-255", "two last characters worth 256 more: the same byte", _last_group_above)
    yield bad("prefix-twice", "the prefix twice", lambda text: "EC1:" + text)
    yield bad("junk-behind", "whole groups of Base45 behind a good code", lambda text: text + "ABC" * 3, "VerificaC19 #185")
    yield bad("two-codes", "a good code twice", lambda text: text + text[4:])
    yield bad("text-cut-short", "the last three characters are missing", lambda text: text[:-3])


def _lower_case_letter(text: str) -> str:
    at = next(at for at, character in enumerate(text) if at > _WITHIN and character.isalpha())
    return text[:at] + text[at].lower() + text[at + 1 :]


def _group_above(text: str) -> str:
    """The first group that has room for 65536 more has them."""
    groups = range(_WITHIN, len(text) - 3, 3)
    at = next(at for at in groups if _value(text[at : at + 3]) + (1 << 16) < len(_ALPHABET) ** 3)
    return text[:at] + _group(_value(text[at : at + 3]) + (1 << 16)) + text[at + 3 :]


def _last_group_above(text: str) -> str:
    return text[:-2] + _group(_value(text[-2:]) + (1 << 8))[:2]


def _value(group: str) -> int:
    return sum(_ALPHABET.index(character) * len(_ALPHABET) ** place for place, character in enumerate(group))


def _group(value: int) -> str:
    base = len(_ALPHABET)
    return "".join(_ALPHABET[value // base**place % base] for place in range(3))


def _seal() -> Iterator[Case]:
    def bad(name: str, comment: str, **defect: Any) -> Case:  # noqa: ANN401 - see `bent`
        return bent(PHONE, name, "4.3", Reason.UNDECRYPTABLE, comment, **defect)

    here = good("previous-control-point-key", "4.3", "sealed for the key of before, which the lane holds still", Scene(point=PREVIOUS))
    yield here
    until = Scene(point=LEAVING, at=LEAVING_UNTIL - 0.001, made=LEAVING_UNTIL - 5)
    leaving = good("leaving-control-point-key", "4.3", "the last millisecond of a key that is being replaced", until)
    yield leaving
    over = "its end is now"
    yield bent(leaving, "control-point-key-over", "4.3", Reason.UNDECRYPTABLE, over, at=LEAVING_UNTIL)
    blameless = "nor does a key end by a clock that is not trusted"
    yield bent(leaving, "clock-untrusted-and-key-over", "4.8", Reason.CLOCK_UNTRUSTED, blameless, at=LEAVING_UNTIL, trusted=False)
    yield bad("retired-control-point-key", "sealed for a key that the lane no longer holds", point=RETIRED)
    yield bad("elsewhere", "sealed for another control point", point=ELSEWHERE)
    yield bad("our-kid-anothers-key", "our kid, and sealed for another's key", point=ControlPoint("", HERE.kid, ELSEWHERE.key))
    yield bad("previous-kid", "sealed for our key under the kid of before", point=ControlPoint("", PREVIOUS.kid, HERE.key))
    yield bad("ciphertext-flipped", "one bit of the ciphertext", envelope=_flipped(9))
    yield bad("aead-tag-flipped", "one bit of the last byte", envelope=_flipped(-1))
    yield bad("ciphertext-cut-short", "the ciphertext without its last byte", sealing=_cut(-1))
    yield bad("ciphertext-of-15-bytes", "shorter than the tag of AES-GCM", sealing=_cut(15))
    yield bad("ciphertext-empty", "no ciphertext", sealing=_cut(0))
    yield bad(
        "another-eks", "the encapsulated key of another code", envelope=put(ENCRYPT0, unprotected={-4: _EPHEMERAL.public_key().public_bytes_raw()})
    )
    yield bad("info", "sealed with an info that is not empty", sealing=_sealed(info=b"EC1"))
    yield bad("aes-256", "sealed with AES-256-GCM under the name of AES-128-GCM", sealing=_sealed(aead=AES_256))
    yield bad("chacha20", "sealed with ChaCha20-Poly1305 under the name of AES-128-GCM", sealing=_sealed(aead=CHACHA20))
    yield bad("external-aad", "external data that is not empty", sealing=_authenticating("Encrypt0", b"EC1"))
    yield bad("another-context", "Enc_structure with the context of COSE_Encrypt", sealing=_authenticating("Encrypt", b""))
    yield bad("no-aad", "sealed without the headers", sealing=lambda point, _, data: _seal_over(point, b"", data))
    for name, ek in LOW_ORDER_EK.items():
        comment = "sealed with the shared secret zero, which this encapsulated key gives with every private key"
        yield bad(f"low-order-ek-{name}", comment, sealing=_zero(ek))


def _flipped(at: int) -> Items:
    def change(items: list[object]) -> object:
        protected, unprotected, ciphertext = items
        assert isinstance(ciphertext, bytes)  # noqa: S101 - as the scene makes it
        data = bytearray(ciphertext)
        data[at] ^= 1
        return tagged(ENCRYPT0)([protected, unprotected, bytes(data)])

    return change


def _cut(end: int) -> Sealing:
    def sealing(point: ControlPoint, aad: bytes, plaintext: bytes) -> tuple[bytes, bytes]:
        ek, ciphertext = _seal_over(point, aad, plaintext)
        return ek, ciphertext[:end]

    return sealing


def _seal_over(point: ControlPoint, aad: bytes, plaintext: bytes) -> tuple[bytes, bytes]:
    return seal(point.public, _EPHEMERAL, aad, plaintext)


def _sealed(info: bytes = b"", aead: int = 1) -> Sealing:
    return lambda point, aad, data: hpke(share(point.public, _EPHEMERAL), point.public, aad, data, info=info, aead=aead)


def _authenticating(context: str, external: bytes) -> Sealing:
    return lambda point, _, data: _seal_over(point, encode([context, encode({1: 41, 4: point.kid}), external]), data)


def _zero(ek: bytes) -> Sealing:
    return lambda point, aad, data: hpke((ek, bytes(32)), point.public, aad, data)
