"""The verdict a second time, from FORMAT.md's text alone: plain and slow, on cbor2, base45 and pyhpke, with nothing of gate.credential but its words.

Who signed what is a question to the caller: attacks know every message that the rightful keys signed, a fuzzer asks `cryptography`.
"""

import json
import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import base45
import cbor2
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from pyhpke import AEADId, CipherSuite, KDFId, KEMId, KEMKey
from pyhpke.exceptions import PyHPKEError

from gate.credential.reasons import Reason
from gate.specimen.cases import Kit

SUITE: Final = CipherSuite.new(KEMId.DHKEM_X25519_HKDF_SHA256, KDFId.HKDF_SHA256, AEADId.AES128_GCM)
P25519: Final = (1 << 255) - 19
P256: Final = (1 << 256) - (1 << 224) + (1 << 192) + (1 << 96) - 1
P256_B: Final = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
ORDER_8: Final = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
SMALL_ORDER: Final = frozenset({0, 1, P25519 - 1, P25519, P25519 + 1, ORDER_8, P25519 - ORDER_8})
MAX_TIME: Final = 1 << 33
MAX_URI: Final = 27
MAX_TEXT: Final = 255
"""The verifier's own bound of a scope or aud, in bytes of UTF-8: FORMAT has none but the code's 900 characters."""

Facts = dict[str, object]
Signed = Callable[[bytes, bytes, bytes], bool]
"""Whether a key (32 bytes for Ed25519, the compressed point of 33 for P-256) signed these bytes with this signature."""


class Stop(Exception):  # noqa: N818 - an answer
    """The first check that does not hold."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


def need(held: object, reason: Reason = Reason.MALFORMED) -> None:
    if held is not True:
        raise Stop(reason)


@dataclass(frozen=True, slots=True)
class Lane:
    """What a lane trusts and where it stands. `points`: kid -> control-point key; `trust`: the trust list's JSON."""

    trust: Mapping[str, Any]
    points: Mapping[bytes, KEMKey]
    places: tuple[str, str]
    environment: str
    statuses: Mapping[str, tuple[int, bytes]]
    issuers: Mapping[str, Mapping[str, Any]]
    dies: Mapping[str, int]

    @classmethod
    def of(cls, files: Mapping[str, bytes], kit: Kit, places: tuple[str, str], environment: str) -> "Lane":
        trust = json.loads(files["trust-list.json"])
        points = {kit.point.kid: KEMKey.from_pyca_cryptography_key(kit.point.key)}
        claims = {entry["uri"]: status_claims(files[entry["file"]]) for entry in trust["status_lists"]}
        age = trust["policy"]["max_status_age"]
        statuses = {uri: (said[65533]["bits"], zlib.decompress(said[65533]["lst"])) for uri, said in claims.items()}
        dies = {uri: min(said[4], said[6] + age) for uri, said in claims.items()}
        return cls(trust, points, places, environment, statuses, {i["kid"]: i for i in trust["issuers"]}, dies)

    def policy(self, name: str, default: int) -> int:
        return self.trust["policy"].get(name, default)


def status_claims(cwt: bytes) -> dict[int, Any]:
    return dict(cbor2.loads(cbor2.loads(cwt).value[2]))


def verdict(text: str, at: float, lane: Lane, signed: Signed) -> tuple[Reason, Facts | None]:
    """The reason and, once both signatures held, what was presented. The clock is trusted. (FORMAT section 4, in its order.)"""
    try:
        plaintext = opened(text, lane)
    except Stop as stop:
        return stop.reason, None
    return judged(plaintext, at, lane, signed)


def judged(plaintext: bytes, at: float, lane: Lane, signed: Signed) -> tuple[Reason, Facts | None]:
    """The same for what an envelope held that opened."""
    facts: Facts | None = None
    try:
        shown = parsed(plaintext)
        check_issuer(shown, at, lane, signed)
        facts = shown["facts"]
        check_here_and_now(facts, at, lane)
        check_status(facts, at, lane)
    except Stop as stop:
        return stop.reason, facts
    return Reason.CLEARED, facts


# FORMAT 4.1 to 4.3


def opened(text: str, lane: Lane) -> bytes:
    if not text.startswith("EC1:"):
        raise Stop(Reason.UNKNOWN_VERSION if re.match("EC[0-9]:", text) else Reason.NOT_OURS)
    need(len(text) <= 900)
    protected, ek, ciphertext = envelope(armored(text[4:]))
    header = strict(protected)
    need(labels(header) == {1, 4})
    need(is_int(header[1]) and header[1] == 41 and is_bytes(header[4], 4))
    key = lane.points.get(header[4])
    if key is None:
        raise Stop(Reason.UNDECRYPTABLE)
    return decrypted(key, ek, cbor2.dumps(["Encrypt0", protected, b""]), ciphertext)


def armored(body: str) -> bytes:
    try:
        data = base45.b45decode(body)
    except ValueError:
        raise Stop(Reason.MALFORMED) from None
    need(bool(data) and base45.b45encode(data).decode() == body)
    return data


def envelope(data: bytes) -> tuple[bytes, bytes, bytes]:
    protected, unprotected, ciphertext = tagged(strict(data), 16, 3)
    need(labels(unprotected) == {-4})
    need(is_bytes(protected) and is_bytes(unprotected[-4], 32) and is_bytes(ciphertext))
    return protected, unprotected[-4], ciphertext


@lru_cache(maxsize=4)
def decrypted(key: KEMKey, ek: bytes, aad: bytes, ciphertext: bytes) -> bytes:
    try:
        return SUITE.create_recipient_context(ek, key).open(ciphertext, aad)
    except (PyHPKEError, ValueError):
        raise Stop(Reason.UNDECRYPTABLE) from None


# FORMAT 4.2


def strict(data: object) -> Any:  # noqa: ANN401 - whatever the bytes hold
    """The item behind bytes that are its deterministic encoding. Every map of EC1 sorts alike in both RFCs' orders."""
    need(isinstance(data, bytes))
    try:
        item = cbor2.loads(data)
        again = cbor2.dumps(item, canonical=True)
    except Exception:  # noqa: BLE001 - cbor2 has a dozen of them, down to a tag's own ValueError
        raise Stop(Reason.MALFORMED) from None
    need(again == data)
    return item


def tagged(item: object, number: int, length: int) -> list[Any]:
    need(isinstance(item, cbor2.CBORTag) and item.tag == number)
    need(isinstance(item.value, list | tuple) and len(item.value) == length)
    return list(item.value)


def labels(item: object) -> set[object]:
    """A map's labels, each with the type that EC1 has for it: `True == 1`, but it is another label."""
    need(isinstance(item, Mapping))
    need(all(type(label) in (int, str) for label in item))
    return set(item)


def is_int(item: object, limit: int = 1 << 64) -> bool:
    return type(item) is int and item < limit


def is_uint(item: object, limit: int) -> bool:
    return is_int(item, limit) and item >= 0


def is_bytes(item: object, size: int | None = None) -> bool:
    return isinstance(item, bytes) and size in (None, len(item))


def is_text(item: object, limit: int) -> bool:
    return isinstance(item, str) and len(item.encode()) <= limit


def parsed(plaintext: bytes) -> dict[str, Any]:
    protected, unprotected, payload, signature = tagged(strict(plaintext), 18, 4)
    header, said = strict(protected), strict(payload)
    need(labels(unprotected) == set())
    need(is_bytes(signature, 64))
    need(labels(header) == {1, 13, 16} and labels(said) == {3, 6, 39})
    need(is_int(header[1]) and header[1] in (-9, -19) and is_int(header[16]) and header[16] == 294)
    need(is_text(said[3], MAX_TEXT) and is_uint(said[6], MAX_TIME) and is_bytes(said[39], 8))
    inner = credential(header[13])
    facts = inner.pop("facts") | {"aud": said[3], "iat": said[6], "cnonce": said[39]}
    return inner | {"facts": facts, "alg": header[1], "phone": (structure(protected, payload), signature)}


def credential(item: object) -> dict[str, Any]:
    protected, unprotected, payload, signature = tagged(item, 18, 4)
    header, claims = strict(protected), strict(payload)
    need(labels(unprotected) == set())
    need(is_bytes(signature, 64))
    need(labels(header) == {1, 4} and is_int(header[1]) and header[1] == -19 and is_bytes(header[4], 8))
    need(labels(claims) == {4, 6, 7, 8, 9, 65535})
    need(is_uint(claims[4], MAX_TIME) and is_uint(claims[6], MAX_TIME) and is_bytes(claims[7], 12))
    need(is_text(claims[9], MAX_TEXT) and labels(claims[8]) == {1})
    index, uri = status_claim(claims[65535])
    facts = {
        "issuer_kid": header[4], "exp": claims[4], "credential_iat": claims[6], "cti": claims[7],
        "scope": claims[9], "status_index": index, "status_uri": uri,
    }  # fmt: skip
    return {"facts": facts, "key": cose_key(claims[8][1]), "issuer": (structure(protected, payload), signature)}


def status_claim(item: object) -> tuple[int, str]:
    need(labels(item) == {"status_list"})
    listed = item["status_list"]
    need(labels(listed) == {"idx", "uri"})
    need(is_uint(listed["idx"], 1 << 64) and is_text(listed["uri"], MAX_URI))
    return listed["idx"], listed["uri"]


def cose_key(item: object) -> tuple[int, bytes, bool | None]:
    """The algorithm that fits, x, and y's sign."""
    named = labels(item)
    need(named in ({1, -1, -2, -3}, {1, -1, -2}))
    kind = (2, 1) if -3 in named else (1, 6)
    need(is_int(item[1]) and is_int(item[-1]) and (item[1], item[-1]) == kind and is_bytes(item[-2], 32))
    if -3 not in named:
        return -19, item[-2], None
    need(isinstance(item[-3], bool))
    return -9, item[-2], item[-3]


def structure(protected: bytes, payload: bytes) -> bytes:
    """What is signed: RFC 9052's Sig_structure."""
    return cbor2.dumps(["Signature1", protected, b"", payload])


# FORMAT 4.4 to 4.7


def check_issuer(shown: Mapping[str, Any], at: float, lane: Lane, signed: Signed) -> None:
    facts, issuer = shown["facts"], lane.issuers.get(shown["facts"]["issuer_kid"].hex())
    need(at < lane.trust["expires"] + lane.policy("trust_grace", 3 * 86400), Reason.TRUST_EXPIRED)
    need(issuer is not None and issuer["environment"] == lane.environment, Reason.UNKNOWN_ISSUER)
    need(facts["scope"] in issuer["scopes"], Reason.UNKNOWN_ISSUER)
    for moment in (facts["credential_iat"], at):
        need(issuer["valid_from"] <= moment < issuer["valid_until"], Reason.UNKNOWN_ISSUER)
    alg, x, odd = shown["key"]
    need(is_p256(x) if alg == -9 else is_full_order(x))
    raw = bytes.fromhex(issuer["key"])
    need(signed(raw, *shown["issuer"]), Reason.BAD_SIGNATURE)
    check_times(facts, at, lane)
    need(shown["alg"] == alg and x != raw, Reason.BAD_SIGNATURE)
    need(signed(x if odd is None else bytes((2 | odd,)) + x, *shown["phone"]), Reason.BAD_SIGNATURE)


def is_p256(x: bytes) -> bool:
    number = int.from_bytes(x, "big")
    if number >= P256:
        return False
    right = (pow(number, 3, P256) - 3 * number + P256_B) % P256
    return pow(right, (P256 - 1) // 2, P256) in (0, 1)


def is_full_order(x: bytes) -> bool:
    y = int.from_bytes(x, "little") & ~(1 << 255)
    return y < P25519 and y not in SMALL_ORDER


def check_times(facts: Facts, at: float, lane: Lane) -> None:
    need(at < facts["exp"], Reason.EXPIRED)
    need(at >= facts["credential_iat"] - lane.policy("max_credential_lead", 5), Reason.NOT_YET_VALID)
    need(facts["exp"] - facts["credential_iat"] <= lane.policy("max_credential_lifetime", 31 * 86400))


# FORMAT 4.8 and 4.9


def check_here_and_now(facts: Facts, at: float, lane: Lane) -> None:
    need(facts["aud"] in lane.places, Reason.WRONG_PLACE)
    need(at - facts["iat"] <= lane.policy("max_code_age", 15), Reason.STALE)
    need(at - facts["iat"] >= -lane.policy("max_code_lead", 5), Reason.FROM_THE_FUTURE)


def check_status(facts: Facts, at: float, lane: Lane) -> None:
    entry = next((e for e in lane.trust["status_lists"] if e["uri"] == facts["status_uri"]), None)
    need(entry is not None and entry["issuer"] == facts["issuer_kid"].hex(), Reason.STATUS_UNKNOWN)
    need(at < lane.dies[entry["uri"]] and facts["status_index"] < entry["entries"], Reason.STATUS_UNKNOWN)
    bits, packed = lane.statuses[entry["uri"]]
    number = int.from_bytes(packed, "little") >> facts["status_index"] * bits & (1 << bits) - 1
    said = {0: None, 1: Reason.REVOKED, 2: Reason.SUSPENDED}.get(number, Reason.STATUS_UNKNOWN)
    if said is not None:
        raise Stop(said)


# FORMAT 6


def status(
    data: bytes, uri: str, kid: bytes, key: bytes, entries: int, signed: Signed
) -> tuple[int, int, int, bytes] | None:
    """A status list's iat, exp, bits an entry and entries, packed; None where it must be refused."""
    try:
        protected, unprotected, payload, signature = tagged(strict(data), 18, 4)
        header, said = strict(protected), strict(payload)
        need(labels(unprotected) == set() and labels(header) == {1, 4, 16} and labels(said) == {2, 4, 6, 65533})
        need(is_int(header[1]) and (header[1], header[4], header[16]) == (-19, kid, "application/statuslist+cwt"))
        need(is_bytes(signature, 64) and signed(key, structure(protected, payload), signature))
        need(said[2] == uri and is_uint(said[4], MAX_TIME) and is_uint(said[6], MAX_TIME) and said[6] < said[4])
        return said[6], said[4], *unpacked(said[65533], entries)
    except Stop:
        return None


def unpacked(item: object, entries: int) -> tuple[int, bytes]:
    need(labels(item) == {"bits", "lst"})
    need(is_int(item["bits"]) and item["bits"] in (1, 2) and is_bytes(item["lst"]))
    expected = -(-entries * item["bits"] // 8)
    stream = zlib.decompressobj()
    try:
        packed = stream.decompress(item["lst"], expected + 1)
    except zlib.error:
        raise Stop(Reason.MALFORMED) from None
    need(stream.eof and not stream.unused_data and len(packed) == expected)
    return item["bits"], packed


def truly_signed(key: bytes, message: bytes, signature: bytes) -> bool:
    """`Signed` asked of `cryptography`, where nobody kept what was signed: for keys that passed the checks of FORMAT 4.5."""
    try:
        if len(key) == 32:
            ed25519.Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
        else:
            point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), key)
            numbers = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
            point.verify(encode_dss_signature(*numbers), message, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True
