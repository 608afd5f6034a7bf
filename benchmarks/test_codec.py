"""Our own code beside the library that could be in its place: where ours is not the faster, its reason falls."""

from typing import Any

import base45  # type: ignore[import-untyped]  # it ships no types
import cbor2
import pytest
from conftest import NOW, SpecimenLane
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from figures import Call, Figures, ratios
from pyhpke import AEADId, CipherSuite, KDFId, KEMId
from pytest_benchmark.fixture import BenchmarkFixture

from gate.credential import armor, claims, cose, hpke, keys
from gate.credential.keys import ControlPointKey

_ROUNDS = 200
_AAD = b"\x83\x68Encrypt0"
_PLAINTEXT = bytes(380)

Pair = dict[str, Call]


def _base45(lane: SpecimenLane) -> Pair:
    text = lane.specimen.code("cleared", NOW).removeprefix("EC1:")
    assert armor.decode_base45(text) == base45.b45decode(text)
    return {"ours": lambda: armor.decode_base45(text), "library": lambda: base45.b45decode(text)}


def _hpke(lane: SpecimenLane) -> Pair:
    """Both from the private key that a lane holds ready to the plaintext."""
    suite = CipherSuite.new(KEMId.DHKEM_X25519_HKDF_SHA256, KDFId.HKDF_SHA256, AEADId.AES128_GCM)
    point = lane.specimen.kit.point
    private = suite.kem.deserialize_private_key(point.key.private_bytes_raw())
    ek, sender = suite.create_sender_context(suite.kem.deserialize_public_key(point.public))
    sealed = sender.seal(_PLAINTEXT, _AAD)
    key = ControlPointKey(X25519PrivateKey.from_private_bytes(point.key.private_bytes_raw()), point.public)

    def ours() -> bytes:
        return hpke.open_base(key, ek, _AAD, sealed)

    def library() -> bytes:
        return suite.create_recipient_context(ek, private).open(sealed, _AAD)

    assert ours() == library() == _PLAINTEXT
    return {"ours": ours, "library": library}


def _cbor(lane: SpecimenLane) -> Pair:
    """The layers of a code. The library's part leaves out the walk that would still have to check every type and label."""
    outer = armor.unarmor(lane.specimen.code("cleared", NOW))
    point = lane.specimen.kit.point
    inner = cose.open_encrypt0(cose.parse_encrypt0(outer), ControlPointKey(point.key, point.public))

    def ours() -> claims.KeyBinding:
        cose.parse_encrypt0(outer)
        return claims.parse_key_binding(inner)

    def library() -> bytes:
        _deterministic(_deterministic(outer).value[0])
        message = _deterministic(inner).value
        _, credential, _ = _deterministic(message[0]).values()
        for part in (message[2], credential.value[0], credential.value[2]):
            _deterministic(part)
        return bytes(credential.value[3])

    assert ours().credential.message.signature == library()
    return {"ours": ours, "library": library}


def _deterministic(data: bytes) -> Any:  # noqa: ANN401 - whatever was encoded
    """A layer as cbor2 reads it strictly, refused if it was not written in the deterministic form."""
    item = cbor2.loads(data, allow_indefinite=False, allow_duplicate_keys=False, max_depth=6)
    if cbor2.dumps(item, canonical=True) != data:
        raise ValueError("expected the deterministic encoding")
    return item


def _ed25519(lane: SpecimenLane) -> Pair:
    """The issuer's signature of a code. Not our own code, but not the package that all the rest is verified by."""
    private = lane.specimen.kit.macau.key
    public, message = private.public_key(), bytes(230)
    signature, key = private.sign(message), keys.load_ed25519(public.public_bytes_raw())
    return {"ours": lambda: keys.verify(key, signature, message), "library": lambda: public.verify(signature, message)}


PAIRS = {
    "Ed25519 verify": (_ed25519, "cryptography"),
    "Base45 decode": (_base45, "base45"),
    "HPKE open": (_hpke, "pyhpke"),
    "CBOR, every layer": (_cbor, "cbor2 strict + re-encode"),
}


@pytest.mark.benchmark(group="codec", max_time=0.3)
@pytest.mark.parametrize("whose", ["ours", "library"])
@pytest.mark.parametrize("what", PAIRS)
def test_codec(benchmark: BenchmarkFixture, lane: SpecimenLane, what: str, whose: str) -> None:
    pair, _ = PAIRS[what]
    benchmark(pair(lane)[whose])


@pytest.mark.parametrize("what", PAIRS)
def test_ours_is_faster_than_the_library(lane: SpecimenLane, figures: Figures, what: str) -> None:
    pair, library = PAIRS[what]
    found = ratios(pair(lane), "library", _ROUNDS)["ours"]
    assert figures.add(f"{what}, ours", found, "x", 1.0, f"to {library}") < 1.0
