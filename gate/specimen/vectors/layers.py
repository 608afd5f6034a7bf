"""FORMAT 4.2: every layer is exactly what it must be, in its one encoding. All of these are `malformed`, or just are not."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from gate.credential.reasons import Reason
from gate.specimen.cbor import Raw, Tag, encode
from gate.specimen.phone import cose_key
from gate.specimen.vectors import odd
from gate.specimen.vectors.case import Case, bent, good
from gate.specimen.vectors.odd import put, raw
from gate.specimen.vectors.scene import ENCRYPT0, SIGN1, Content, Items, Map, Scene, credential, tagged
from gate.specimen.vectors.wire import PHONE, PHONE_25519
from gate.specimen.vectors.worlds import AT, ED25519, LONGEST_URI, MAX_TIME, P256

_LAYERS: Final = {"envelope": ENCRYPT0, "message": SIGN1, "credential": SIGN1}
"""The arrays and their tags; also the names of the fields of a scene that shape them."""

_MAPS: Final[Mapping[str, tuple[int, ...]]] = {
    "envelope_header": (1, 4),
    "phone_header": (1, 13, 16),
    "payload": (3, 6, 39),
    "issuer_header": (1, 4),
    "claims": (4, 6, 7, 8, 9, 65535),
}
"""The maps within them, by the names of the fields that bend them, and their labels."""

_TWO_MANY: Final = 1 << 33
# One vector a line: these are tables.
# fmt: off

_Change = tuple[str, Callable[[Map], bytes]]
_MAP_CHANGES: Final[dict[str, _Change]] = {
    "unsorted": ("two labels in the wrong order", odd.unsorted),
    "label-twice": ("a label twice, with the same value", odd.doubled),
    "unknown-label": ("a label that EC1 does not list", lambda good: encode({**good, 70000: 0})),
    "trailing-byte": ("a byte behind the map", lambda good: encode(good) + b"\x00"),
    "empty": ("nothing where the map must be", lambda _: b""),
}
_MAP_CHANGES_ONCE: Final[dict[str, _Change]] = {
    "indefinite": ("a map of indefinite length", odd.endless),
    "array": ("an array in place of the map", lambda good: encode([item for pair in good.items() for item in pair])),
    "cut-short": ("the map without its last byte", lambda good: encode(good)[:-1]),
    "text-label": ("a label that is a text", lambda good: encode({**good, "1": 0})),
    "nan-label": ("NaN for a label", lambda good: odd.pairs(*odd.ordered(good), (odd.NAN, 0))),
    "wide-label": ("the first label in two bytes", lambda good: encode(good)[:1] + b"\x18" + encode(good)[1:]),
}


def cases() -> Iterator[Case]:
    """The vectors of the layers."""
    for layer in ("envelope", "message"):
        yield _bad(f"{layer}-trailing-byte", f"{layer}: a byte behind it", **_only(layer, raw(_LAYERS[layer], lambda data: data + b"\x00")))
        yield _bad(f"{layer}-cut-short", f"{layer}: its last byte is missing", **_only(layer, raw(_LAYERS[layer], lambda data: data[:-1])))
    for layer, tag in _LAYERS.items():
        yield from _array(layer, tag)
    for layer in ("message", "credential"):
        yield from _sign1(layer)
    for layer, labels in _MAPS.items():
        yield from _map(layer, labels)
    yield from _envelope()
    yield from _plaintext()
    yield from _headers()
    yield from _payload()
    yield from _claims()
    yield from _device_key()
    yield from _status()
    yield from _limits()
    yield from _lengths()


def _bad(name: str, comment: str, base: Case = PHONE, incident: str = "", **defect: Any) -> Case:  # noqa: ANN401 - see `bent`
    return bent(base, name, "4.2", Reason.MALFORMED, comment, incident, **defect)


def _field(layer: str) -> str:
    return layer.replace("_", "-")


def _only(field: str, bend: Any) -> dict[str, Any]:  # noqa: ANN401 - the scene's fields have several types
    """One field of a scene, named by a table."""
    return {field: bend}


def _array(layer: str, tag: int) -> Iterator[Case]:
    for name, (comment, change) in (_ARRAYS | (_ARRAYS_ONCE if layer == "message" else {})).items():
        yield _bad(f"{layer}-{name}", f"{layer}: {comment}", **_only(layer, change(tag)))


def _items(change: Callable[[list[object]], list[object]]) -> Callable[[int], Items]:
    """A change of an array's items, under its own tag."""
    return lambda tag: lambda items: Tag(tag, change(items))


def _whole(change: Callable[[bytes], bytes]) -> Callable[[int], Items]:
    """A change of a layer's bytes."""
    return lambda tag: raw(tag, change)


_Shape = tuple[str, Callable[[int], Items]]
_ARRAYS: Final[dict[str, _Shape]] = {
    "untagged": ("no tag", lambda _: lambda items: items),
    "tag-of-many": ("the tag for several recipients or signers", lambda tag: tagged({16: 96, 18: 98}[tag])),
    "item-more": ("one item more", _items(lambda items: [*items, b""])),
    "item-less": ("one item less", _items(lambda items: items[:-1])),
    "indefinite": ("an array of indefinite length", _whole(lambda data: data[:1] + b"\x9f" + data[2:] + b"\xff")),
    "protected-bare": ("the protected header as a map, not wrapped in bytes", _items(lambda items: _bare(items, 0))),
    "content-null": ("null for the payload or ciphertext, as if detached", lambda tag: put(tag, payload=odd.NULL)),
}
_ARRAYS_ONCE: Final[dict[str, _Shape]] = {
    "tag": ("the tag of a COSE_Mac0", lambda _: tagged(17)),
    "tagged-twice": ("the tag of a CWT around it", lambda tag: lambda items: Tag(61, Tag(tag, items))),
    "wide-tag": ("its tag in two bytes where one is enough", _whole(lambda data: b"\xd8\x12" + data[1:])),
    "wide-array": ("its array's length in two bytes", _whole(lambda data: data[:1] + b"\x98\x04" + data[2:])),
    "map": ("a map in place of the array", _whole(lambda data: data[:1] + b"\xa2" + data[2:])),
    "protected-indefinite": ("its protected header in pieces", _items(lambda items: [odd.chunked(_bytes(items[0])), *items[1:]])),
    "payload-text": ("its payload as text", _items(lambda items: [*items[:2], _bytes(items[2]).hex(), items[3]])),
    "payload-wide": ("its payload's length in four bytes", _items(lambda items: [*items[:2], _wide(_bytes(items[2])), items[3]])),
}


def _bytes(item: object) -> bytes:
    assert isinstance(item, bytes)  # noqa: S101 - as the scene makes it
    return item


def _wide(data: bytes) -> Raw:
    return Raw(b"\x5a" + len(data).to_bytes(4, "big") + data)


def _sign1(layer: str) -> Iterator[Case]:
    def bad(name: str, comment: str, items: Items, incident: str = "") -> Case:
        return _bad(f"{layer}-{name}", f"{layer}: {comment}", incident=incident, **_only(layer, items))

    instead = "where the unprotected header must be {}"
    yield bad("unprotected-array", f"[] {instead}", put(SIGN1, unprotected=[]), "a sketch of ours that asked `if unprotected:`")
    yield bad("unprotected-null", f"null {instead}", put(SIGN1, unprotected=odd.NULL))
    yield bad("unprotected-alg", "the algorithm in the unprotected header too", put(SIGN1, unprotected={1: -19}))
    yield bad("unprotected-kid", "a kid in the unprotected header", put(SIGN1, unprotected={4: b"12345678"}))
    yield bad("payload-bare", "the payload as a map, not wrapped in bytes", lambda items: Tag(SIGN1, _bare(items, 2)))
    yield bad("signature-of-63-bytes", "a signature without its last byte", _signature(lambda data: data[:-1]))
    yield bad("signature-of-65-bytes", "a signature with one byte more", _signature(lambda data: data + b"\x00"))


def _bare(items: list[object], place: int) -> list[object]:
    """One item no longer wrapped in bytes."""
    return [Raw(_bytes(item)) if index == place else item for index, item in enumerate(items)]


def _signature(change: Callable[[bytes], bytes]) -> Items:
    return lambda items: Tag(SIGN1, [*items[:3], change(_bytes(items[3]))])


def _map(layer: str, labels: tuple[int, ...]) -> Iterator[Case]:
    name = layer.replace("_", "-")
    for label in labels:
        yield _bad(f"{name}-without-{label}", f"{name}: the label {label} is missing", **_only(layer, {label: None}))
    for kind, (comment, change) in (_MAP_CHANGES | (_MAP_CHANGES_ONCE if layer == "claims" else {})).items():
        yield _bad(f"{name}-{kind}", f"{name}: {comment}", **_only(layer, change))


def _envelope() -> Iterator[Case]:
    def unprotected(name: str, comment: str, change: Callable[[bytes], object]) -> Case:
        def items(given: list[object]) -> object:
            header = given[1]
            assert isinstance(header, dict)  # noqa: S101 - as the scene makes it
            return Tag(ENCRYPT0, [given[0], change(header[-4]), given[2]])

        return _bad(f"envelope-unprotected-{name}", f"envelope: {comment}", envelope=items)

    yield unprotected("empty", "no encapsulated key", lambda _: {})
    yield unprotected("array", "an array for the unprotected header", lambda ek: [-4, ek])
    yield unprotected("alg", "the algorithm in the unprotected header too", lambda ek: {1: 41, -4: ek})
    yield unprotected("kid", "the kid in the unprotected header too", lambda ek: {4: b"kid!", -4: ek})
    yield unprotected("ek-twice", "the encapsulated key twice", lambda ek: Raw(odd.pairs((-4, ek), (-4, ek))))
    yield unprotected("ek-of-31-bytes", "an encapsulated key without its last byte", lambda ek: {-4: ek[:-1]})
    yield unprotected("ek-of-33-bytes", "an encapsulated key with one byte more", lambda ek: {-4: ek + b"\x00"})
    yield unprotected("ek-in-pieces", "an encapsulated key of indefinite length", lambda ek: {-4: odd.chunked(ek)})


def _plaintext() -> Iterator[Case]:
    def bad(name: str, comment: str, change: Callable[[bytes], bytes]) -> Case:
        return _bad(f"plaintext-{name}", comment, plaintext=change)

    yield bad("empty", "an empty message, well sealed", lambda _: b"")
    yield bad("wrapped", "the message wrapped in a byte string", encode)
    yield bad("self-described", "the tag of self-described CBOR before the message", lambda data: encode(Tag(55799, Raw(data))))
    yield bad("credential-alone", "the credential without a phone's message around it", lambda _: credential(Scene()))
    yield bad("deep", "arrays nested a thousand deep", lambda _: b"\x81" * 1000 + b"\x80")
    yield bad("huge-length", "a byte string that announces 2^64 - 1 bytes", lambda _: b"\xd2\x84\x5b" + b"\xff" * 8)


def _headers() -> Iterator[Case]:
    def envelope(name: str, comment: str, bend: Content) -> Case:
        return _bad(f"envelope-header-{name}", f"envelope-header: {comment}", envelope_header=bend)

    yield envelope("alg-35", "HPKE-0, another suite", {1: 35})
    yield envelope("alg-49", "HPKE-3 as key encryption, not integrated", {1: 49})
    yield envelope("alg-float", "41.0", {1: odd.double(41)})
    yield envelope("alg-bignum", "41 as a bignum", {1: odd.bignum(41)})
    yield envelope("kid-of-3-bytes", "a kid of 3 bytes", {4: b"kid"})
    yield envelope("kid-of-5-bytes", "a kid of 5 bytes", {4: b"kid!!"})
    yield envelope("crit", "crit, which a verifier must understand", {2: [4]})
    for number in (-7, -8):
        yield _bad(f"phone-header-alg{number}", f"phone-header: algorithm {number}, which EC1 does not use", phone_header={1: number})
    yield _bad(
        "phone-header-kcwt-bytes", "phone-header: the credential wrapped in bytes", phone_header=lambda good: encode({**good, 13: good[13].data})
    )
    yield _bad("phone-header-kcwt-null", "phone-header: null for the credential", phone_header={13: odd.NULL})
    yield _bad("phone-header-typ-293", "phone-header: the type of the credential without a key binding", phone_header={16: 293})
    yield _bad("phone-header-typ-text", "phone-header: the type as text", phone_header={16: "kb+cwt"})
    yield _bad("phone-header-crit", "phone-header: crit, which a verifier must understand", phone_header={2: [13]})
    for number in (-8, -9):
        yield _bad(f"issuer-header-alg{number}", f"issuer-header: algorithm {number}, and issuers use -19 only", issuer_header={1: number})
    yield _bad("issuer-header-kid-of-7-bytes", "issuer-header: a kid of 7 bytes", issuer_header={4: b"1234567"})
    yield _bad("issuer-header-kid-of-9-bytes", "issuer-header: a kid of 9 bytes", issuer_header={4: b"123456789"})
    yield _bad("issuer-header-crit", "issuer-header: crit, which a verifier must understand", issuer_header={2: [4]})


_NUMBERS: Final[Mapping[str, tuple[str, Callable[[int], object]]]] = {
    "text": ("as text", str),
    "float": ("as a float", odd.double),
    "bignum": ("as a bignum", odd.bignum),
    "wide": ("in eight bytes where five are enough", odd.wide),
    "negative": ("below zero", lambda number: -number),
    "date-tag": ("with the tag of a date", lambda number: Tag(1, number)),
    "true": ("true, which is no number", lambda _: True),
    "null": ("null", lambda _: odd.NULL),
    "2-to-the-33": ("2^33, beyond what a time may be", lambda _: _TWO_MANY),
}


def _numbers(layer: str, label: int, what: str, number: int, *kinds: str) -> Iterator[Case]:
    for name in kinds or _NUMBERS:
        comment, change = _NUMBERS[name]
        yield _bad(f"{layer}-{what}-{name}", f"{layer}: {what} {comment}", **_only(layer, {label: change(number)}))


def _payload() -> Iterator[Case]:
    def bad(name: str, comment: str, bend: Content) -> Case:
        return _bad(f"payload-{name}", f"payload: {comment}", payload=bend)

    yield bad("aud-bytes", "aud as bytes", {3: b"HZMB-HK"})
    yield bad("aud-array", "aud as an array of one, which JWTs allow", {3: ["HZMB-HK"]})
    yield bad("aud-in-pieces", "aud of indefinite length", {3: odd.chunked("HZMB-HK")})
    yield bad("aud-wide", "aud's length in two bytes", {3: Raw(b"\x78\x07HZMB-HK")})
    yield bad("aud-no-utf-8", "aud that is no UTF-8", {3: Raw(b"\x67HZMB-H\xff")})
    yield from _numbers("payload", 6, "iat", AT)
    yield bad("cnonce-of-7-bytes", "a cnonce of 7 bytes", {39: bytes(7)})
    yield bad("cnonce-of-9-bytes", "a cnonce of 9 bytes", {39: bytes(9)})
    yield bad("exp", "a claim of the credential's", {4: AT + 60})
    yield bad("nonce", "a nonce, which EC1 has not", {10: bytes(8)})


def _claims() -> Iterator[Case]:
    def bad(name: str, comment: str, bend: Content) -> Case:
        return _bad(f"claims-{name}", f"claims: {comment}", claims=bend)

    yield from _numbers("claims", 4, "exp", AT + 12 * 3600, "text", "float", "date-tag")
    yield from _numbers("claims", 6, "iat", AT - 3600, "text", "negative", "2-to-the-33")
    yield bad("cti-of-11-bytes", "a cti of 11 bytes", {7: bytes(11)})
    yield bad("cti-of-13-bytes", "a cti of 13 bytes", {7: bytes(13)})
    yield bad("scope-bytes", "scope as bytes", {9: b"MO-PR"})
    yield bad("scope-array", "scope as an array", {9: ["MO-PR"]})
    yield bad("scope-in-pieces", "scope of indefinite length", {9: odd.chunked("MO-PR")})
    yield bad("nbf", "a time before which it is not valid, which EC1 has not", {5: AT})
    yield bad("aud", "an audience in the credential", {3: "HZMB-HK"})
    yield bad("nested", "arrays nested too deep in a claim", {9: Raw(b"\x81" * 7 + b"\x80")})


def _device_key() -> Iterator[Case]:
    p256, ed25519 = cose_key(P256), cose_key(ED25519)

    def bad(name: str, comment: str, key: Mapping[int, object] | None = None, **claim: object) -> Case:
        confirmation = claim.get("cnf", {1: key})
        return _bad(f"cnf-{name}", f"cnf: {comment}", claims={8: confirmation})

    yield bad("empty", "no key", cnf={})
    yield bad("kid", "a kid beside the key", cnf={1: p256, 3: b"kid"})
    yield bad("key-id", "a key with a kid of its own", {**p256, 2: b"kid"})
    yield bad("key-alg", "a key with an algorithm of its own", {**p256, 3: -9})
    yield bad("private-key", "a key with its private half", {**p256, -4: bytes(32)})
    yield bad("p256-uncompressed", "y as a coordinate, not as a boolean", {**p256, -3: bytes(32)})
    yield bad("p256-y-number", "1 for true", {**p256, -3: int(bool(p256[-3]))})
    yield bad("p256-without-y", "x without y", {label: item for label, item in p256.items() if label != -3})  # noqa: PLR2004 - y's label
    yield bad("p256-x-of-31-bytes", "x without its last byte", {**p256, -2: _bytes(p256[-2])[:-1]})
    yield bad("p256-x-of-33-bytes", "x as a compressed point with its first byte", {**p256, -2: b"\x02" + _bytes(p256[-2])})
    yield bad("p384", "another curve", {**p256, -1: 2})
    yield bad("x25519", "a key of X25519", {**ed25519, -1: 4})
    yield bad("ed25519-as-ec2", "an Ed25519 key under the type of P-256", {**ed25519, 1: 2})
    yield bad("ed25519-with-y", "an Ed25519 key with a sign", {**ed25519, -3: False})
    yield bad("ed25519-x-of-31-bytes", "an Ed25519 key without its last byte", {**ed25519, -2: _bytes(ed25519[-2])[:-1]})
    yield bad("ed25519-x-of-33-bytes", "an Ed25519 key with one byte more", {**ed25519, -2: _bytes(ed25519[-2]) + b"\x00"})


def _status() -> Iterator[Case]:
    listed = {"idx": 1024, "uri": "urn:uto:uto-mo"}

    def bad(name: str, comment: str, status: object, incident: str = "") -> Case:
        return _bad(f"status-{name}", f"status: {comment}", incident=incident, claims={65535: status})

    def inner(name: str, comment: str, **changes: object) -> Case:
        bent = {key: item for key, item in {**listed, **changes}.items() if item is not None}
        return bad(name, comment, {"status_list": bent})

    yield bad("empty", "an empty status claim, which is an error and no revocation", {}, "eudi-srv-verifier-endpoint #555")
    yield bad("another-kind", "another kind of status beside the list", {"status_list": listed, "identifier_list": {}})
    yield bad("unnamed", "the list without its name", listed)
    yield inner("without-idx", "no index", idx=None)
    yield inner("without-uri", "no uri", uri=None)
    yield inner("unknown-key", "a key that EC1 does not list", bits=2)
    yield inner("idx-negative", "an index below zero", idx=-1)
    yield inner("idx-float", "an index as a float", idx=odd.double(1024))
    yield inner("idx-2-to-the-64", "an index as a bignum of 2^64", idx=odd.bignum(1 << 64))
    yield inner("idx-true", "true for an index", idx=True)
    yield inner("uri-bytes", "a uri as bytes", uri=b"urn:uto:uto-mo")
    yield bad("unsorted", "uri before idx", {"status_list": Raw(odd.pairs(("uri", listed["uri"]), ("idx", 1024)))})


def _lengths() -> Iterator[Case]:
    """Integers and lengths at the edges of their shortest forms (RFC 8949 section 3): one form is right, a longer one is not."""

    def at(index: int) -> Case:
        return good(f"idx-{index}", "4.2", f"an index of {index}, in its shortest form", Scene(uri="urn:uto:long", index=index))

    def named(length: int) -> Case:
        aud = "HZMB-HK/".ljust(length, "7")
        comment = f"an aud of {length} bytes, its length in its shortest form"
        return good(f"aud-of-{length}-bytes", "4.2", comment, Scene(lane=aud.removeprefix("HZMB-HK/"), aud=aud))

    for index, longer in ((23, b"\x18\x17"), (255, b"\x19\x00\xff"), (65535, b"\x1a\x00\x00\xff\xff")):
        yield from (at(index), at(index + 1))
        bend = {65535: {"status_list": {"idx": Raw(longer), "uri": "urn:uto:long"}}}
        yield _bad(f"idx-{index}-longer", f"an index of {index}, in a longer form", at(index), claims=bend)
    for point in ("WIZ", "WIZE"):
        comment = f"a payload of {20 + len(point)} bytes, at a control point with a short id: its length in its shortest form"
        yield good(f"payload-of-{20 + len(point)}-bytes", "4.2", comment, Scene(control_point=point, aud=point))
    yield from (named(23), named(24))
    longer_aud = {3: Raw(b"\x78\x17" + b"HZMB-HK/".ljust(23, b"7"))}
    yield _bad("aud-of-23-bytes-longer", "an aud of 23 bytes, its length in a longer form", named(23), payload=longer_aud)


def _limits() -> Iterator[Case]:
    """The bounds from their good side, and one beyond."""
    longest = good("uri-of-27-bytes", "4.2", "the longest uri", Scene(uri=LONGEST_URI, index=0))
    yield longest
    yield _bad("uri-of-28-bytes", "one byte too many in a uri", longest, uri=LONGEST_URI + "x")
    latest = good(
        "exp-of-the-last-time", "4.2", "exp of 2^33 - 1, where the policy lets a credential live so long", Scene(world="patient", ends=MAX_TIME)
    )
    yield latest
    yield _bad("exp-beyond-the-last-time", "exp of 2^33", latest, ends=MAX_TIME + 1)
    future = "iat of 2^33 - 1 can be read, and is not yet there"
    yield bent(PHONE, "iat-of-the-last-time", "4.8", Reason.FROM_THE_FUTURE, f"payload: {future}", made=MAX_TIME)
    yield bent(
        PHONE, "credential-iat-of-the-last-time", "4.4", Reason.UNKNOWN_ISSUER, f"claims: {future}: no issuer's key is so long valid", begins=MAX_TIME
    )
    largest = "the largest index can be read, and is beyond the list"
    yield bent(PHONE, "idx-of-2-to-the-64-less-1", "4.9", Reason.STATUS_UNKNOWN, largest, index=(1 << 64) - 1)
    yield bent(PHONE, "aud-empty", "4.8", Reason.WRONG_PLACE, "an empty aud is a text like another", aud="")
    yield bent(PHONE_25519, "scope-empty", "4.4", Reason.UNKNOWN_ISSUER, "an empty scope is a text like another", scope="")
    yield good("time-above-2-to-the-32", "4.2", "a time that takes nine bytes", Scene(world="patient", ends=(1 << 32) + 5))
