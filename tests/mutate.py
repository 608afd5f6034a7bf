"""Mutants of good codes: layers bent, the layers around them made anew, so that the change reaches the parser.

Who signs again decides what a mutant tries. Nobody: somebody changes what others signed. The phone: its holder changes what the issuer
signed. Both: nothing is forged at all, and only the parser stands between a wrong form and a clearance.
"""

import copy
import json
import random
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from itertools import islice
from typing import Any, Final

import reference
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from forge import AT, ED25519, FILES, KIT, NOW, P256, PLACE, URI, WORLD
from pyhpke import KEMKey, KEMKeyPair

from gate.credential.reasons import Reason
from gate.specimen.cbor import Raw, Tag, encode, head
from gate.specimen.issuer import Issuer
from gate.specimen.phone import DeviceKey, algorithm, cose_key, signer

Tree = Any
Bend = Callable[[Tree], bytes]
"""A layer's tree, of what gate.specimen.cbor encodes -> that layer's bytes, no longer what they were."""

LANE: Final = reference.Lane.of(
    FILES, KIT, (PLACE.control_point, f"{PLACE.control_point}/{PLACE.lane}"), PLACE.environment
)
N: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


# A good code, layer by layer


class Layer(StrEnum):
    """From the inside out."""

    DEVICE_KEY = "device key"
    CLAIMS = "claims"
    ISSUER_HEADER = "issuer's header"
    ISSUER_SIGNATURE = "issuer's signature"
    CREDENTIAL = "credential"
    PHONE_HEADER = "phone's header"
    PAYLOAD = "payload"
    PHONE_SIGNATURE = "phone's signature"
    MESSAGE = "message"
    SEAL_HEADER = "seal's header"
    ENVELOPE = "envelope"
    TEXT = "text"


ENCODED: Final = tuple(layer for layer in Layer if layer is not Layer.TEXT and "signature" not in layer)
"""The layers that are CBOR."""
UNSEALED: Final = (Layer.SEAL_HEADER, Layer.ENVELOPE, Layer.TEXT)


class Signers(StrEnum):
    """Who signs again what was bent."""

    NOBODY = "nobody"
    PHONE = "the phone"
    BOTH = "the issuer and the phone"


@dataclass(frozen=True, slots=True)
class Showing:
    """What one code says and who made it. Times are Unix seconds."""

    device: DeviceKey = P256
    issuer: Issuer = KIT.macau
    scope: str = "MO-PR"
    aud: str = PLACE.control_point
    iat: int = AT
    exp: int = AT + 43200
    begins: int = AT - 3600
    index: int = 1024
    cti: bytes = bytes(range(12))
    cnonce: bytes = bytes(range(8))


def status_claim(showing: Showing) -> Tree:
    return {"status_list": {"idx": showing.index, "uri": WORLD.status_uri(showing.issuer)}}


Parts = dict[Layer, bytes]
TREES: Final[Mapping[Layer, Callable[[Showing, Parts], Tree]]] = {
    Layer.DEVICE_KEY: lambda s, _: cose_key(s.device),
    Layer.CLAIMS: lambda s, p: {
        4: s.exp, 6: s.begins, 7: s.cti, 8: {1: Raw(p[Layer.DEVICE_KEY])}, 9: s.scope, 65535: status_claim(s)
    },
    Layer.ISSUER_HEADER: lambda s, _: {1: -19, 4: s.issuer.kid},
    Layer.CREDENTIAL: lambda _, p: sign1(p[Layer.ISSUER_HEADER], p[Layer.CLAIMS], p[Layer.ISSUER_SIGNATURE]),
    Layer.PHONE_HEADER: lambda s, p: {1: algorithm(s.device), 13: Raw(p[Layer.CREDENTIAL]), 16: 294},
    Layer.PAYLOAD: lambda s, _: {3: s.aud, 6: s.iat, 39: s.cnonce},
    Layer.MESSAGE: lambda _, p: sign1(p[Layer.PHONE_HEADER], p[Layer.PAYLOAD], p[Layer.PHONE_SIGNATURE]),
    Layer.SEAL_HEADER: lambda _, _p: {1: 41, 4: KIT.point.kid},
    Layer.ENVELOPE: lambda _, p: Tag(16, [p[Layer.SEAL_HEADER], {-4: EK}, sealed(p[Layer.SEAL_HEADER], p[Layer.MESSAGE])]),
    Layer.TEXT: lambda _, p: Raw(b"EC1:" + base45(p[Layer.ENVELOPE])),
}  # fmt: skip
SIGNED: Final = {
    Layer.ISSUER_SIGNATURE: (Layer.ISSUER_HEADER, Layer.CLAIMS),
    Layer.PHONE_SIGNATURE: (Layer.PHONE_HEADER, Layer.PAYLOAD),
}
WITHIN: Final[Mapping[Layer, tuple[Layer, ...]]] = {
    Layer.CLAIMS: (Layer.DEVICE_KEY,),
    **SIGNED,
    Layer.CREDENTIAL: (Layer.ISSUER_HEADER, Layer.CLAIMS, Layer.ISSUER_SIGNATURE),
    Layer.PHONE_HEADER: (Layer.CREDENTIAL,),
    Layer.MESSAGE: (Layer.PHONE_HEADER, Layer.PAYLOAD, Layer.PHONE_SIGNATURE),
    Layer.ENVELOPE: (Layer.SEAL_HEADER, Layer.MESSAGE),
    Layer.TEXT: (Layer.ENVELOPE,),
}


WRITTEN: Final[Mapping[Layer, Callable[[Showing, Parts], bytes]]] = {
    Layer.CREDENTIAL: lambda _, p: written(p[Layer.ISSUER_HEADER], p[Layer.CLAIMS], p[Layer.ISSUER_SIGNATURE]),
    Layer.PHONE_HEADER: lambda s, p: b"\xa3\x01%b\x0d%b\x10\x19\x01\x26" % (encode(algorithm(s.device)), p[Layer.CREDENTIAL]),
    Layer.MESSAGE: lambda _, p: written(p[Layer.PHONE_HEADER], p[Layer.PAYLOAD], p[Layer.PHONE_SIGNATURE]),
    Layer.ENVELOPE: lambda _, p: b"\xd0\x83%b\xa1\x23%b%b" % (
        bstr(p[Layer.SEAL_HEADER]), bstr(EK), bstr(sealed(p[Layer.SEAL_HEADER], p[Layer.MESSAGE]))
    ),
}  # fmt: skip
"""The same as the trees' encoding, where only what is within was bent: an encoder's walk of each would take half the attack's time."""


def sign1(protected: bytes, payload: bytes, signature: bytes) -> Tag:
    return Tag(18, [protected, {}, payload, signature])


def written(protected: bytes, payload: bytes, signature: bytes) -> bytes:
    return b"\xd2\x84%b\xa0%b%b" % (bstr(protected), bstr(payload), bstr(signature))


def structure(protected: bytes, payload: bytes) -> bytes:
    return b"\x84\x6aSignature1%b\x40%b" % (bstr(protected), bstr(payload))


def bstr(data: bytes) -> bytes:
    return head(2, len(data)) + data


_EPHEMERAL: Final = X25519PrivateKey.from_private_bytes(bytes(range(32)))
EK, _CONTEXT = reference.SUITE.create_sender_context(
    KEMKey.from_pyca_cryptography_key(KIT.point.key.public_key()),
    eks=KEMKeyPair(
        KEMKey.from_pyca_cryptography_key(_EPHEMERAL), KEMKey.from_pyca_cryptography_key(_EPHEMERAL.public_key())
    ),
)
_TRIPLES: Final = [bytes(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"[n // 45**i % 45] for i in range(3)) for n in range(1 << 16)]  # fmt: skip


def sealed(protected: bytes, message: bytes) -> bytes:
    """The ciphertext for the specimen's control point. One encapsulated key for all: a million of them would take the time of the attack."""
    return copy.copy(_CONTEXT).seal(message, b"\x83\x68Encrypt0%b\x40" % bstr(protected))


def base45(data: bytes) -> bytes:
    """RFC 9285 from a table, at a tenth of the specimen's time."""
    pairs, odd = divmod(len(data), 2)
    text = b"".join(map(_TRIPLES.__getitem__, struct.unpack(f">{pairs}H", data[: 2 * pairs])))
    return text + (_TRIPLES[data[-1]][:2] if odd else b"")


# Whose signature it is


class Ledger:
    """Every message that the rightful keys signed: whatever else bears a signature is forged."""

    def __init__(self, earlier: Mapping[tuple[bytes, bytes], bytes] | None = None) -> None:
        self._earlier = earlier or {}
        self.made: dict[tuple[bytes, bytes], bytes] = {}

    def sign(self, key: DeviceKey, message: bytes) -> bytes:
        entry = public(key), message
        found = self._earlier.get(entry) or self.made.get(entry)
        if found is None:
            found = self.made[entry] = signer(key)(message)
        return found

    def signed(self, key: bytes, message: bytes, signature: bytes) -> bool:
        entry = key, message
        made = self._earlier.get(entry) or self.made.get(entry)
        return made is not None and signature in (made, twin(made) if len(key) == 33 else made)


def public(key: DeviceKey) -> bytes:
    """As the reference names a key."""
    named = cose_key(key)
    return named[-2] if -3 not in named else bytes((2 | named[-3],)) + named[-2]


def twin(signature: bytes) -> bytes:
    """The other signature of ECDSA that verifies wherever this one does: n - s for s."""
    return signature[:32] + (N - int.from_bytes(signature[32:], "big")).to_bytes(32, "big")


# Bending it


@dataclass(frozen=True, slots=True)
class Code:
    """A code with all its layers."""

    showing: Showing
    parts: Parts

    @property
    def text(self) -> str:
        return self.parts[Layer.TEXT].decode("utf-8", "surrogateescape")


@dataclass(frozen=True, slots=True)
class Mutant:
    """A bent code, what its makers signed, and whether its outermost layers are as a phone makes them."""

    code: Code
    ledger: Ledger
    sealed: bool
    how: str = ""

    def expected(self) -> tuple[Reason, reference.Facts | None]:
        if self.sealed:
            return reference.judged(self.code.parts[Layer.MESSAGE], NOW.wall, LANE, self.ledger.signed)
        return reference.verdict(self.code.text, NOW.wall, LANE, self.ledger.signed)


def assemble(showing: Showing, ledger: Ledger) -> Code:
    """A code as its makers make it."""
    return bend(Code(showing, {}), {}, Signers.BOTH, ledger)


def bend(code: Code, bends: Mapping[Layer, Bend], signers: Signers, ledger: Ledger) -> Code:
    """The code with these layers bent and everything around them made anew; what nobody signs again keeps its old signature."""
    parts: Parts = {}
    changed: set[Layer] = set()
    for layer in Layer:
        if code.parts and layer not in bends and changed.isdisjoint(WITHIN.get(layer, ())):
            parts[layer] = code.parts[layer]
            continue
        if layer in WRITTEN and layer not in bends:
            parts[layer] = WRITTEN[layer](code.showing, parts)
        else:
            signature = layer in SIGNED
            tree = _signature(code, parts, layer, signers, ledger) if signature else TREES[layer](code.showing, parts)
            parts[layer] = bends.get(layer, encode)(tree)
        if parts[layer] != code.parts.get(layer):
            changed.add(layer)
    return replace(code, parts=parts)


def _signature(code: Code, parts: Parts, layer: Layer, signers: Signers, ledger: Ledger) -> Raw:
    by_issuer = layer is Layer.ISSUER_SIGNATURE
    if code.parts and signers in (Signers.NOBODY, Signers.PHONE if by_issuer else Signers.NOBODY):
        return Raw(code.parts[layer])
    message = structure(*(parts[signed] for signed in SIGNED[layer]))
    return Raw(ledger.sign(code.showing.issuer.key if by_issuer else code.showing.device, message))


def mutant(code: Code, bends: Mapping[Layer, Bend], signers: Signers, how: str = "") -> Mutant:
    ledger = Ledger(LEDGER.made)
    return Mutant(bend(code, bends, signers, ledger), ledger, bends.keys().isdisjoint(UNSEALED), how)


LEDGER: Final = Ledger()
P256_CODE, ED25519_CODE, OTHER_CODE = (
    assemble(showing, LEDGER)
    for showing in (
        Showing(),
        Showing(ED25519, aud="HZMB-HK/7", cti=bytes(12), cnonce=bytes(8)),
        Showing(ED25519, KIT.hong_kong, "HK-PR", index=7, cti=b"c" * 12, cnonce=b"cnonce!!"),
    )
)
CODES: Final = (P256_CODE, ED25519_CODE, OTHER_CODE)


# What a tree's items can be confused with


def raw(text: str) -> Raw:
    return Raw(bytes.fromhex(text))


STRANGERS: Final[Mapping[str, Tree]] = {
    "null": raw("f6"), "undefined": raw("f7"), "false": False, "true": True, "simple 0": raw("e0"), "simple 32": raw("f820"),
    "simple 255": raw("f8ff"), "simple false in two bytes": raw("f814"), "float 0": raw("f90000"), "float -0": raw("f98000"),
    "float 1": raw("f93c00"), "NaN": raw("f97e00"), "NaN with a payload": raw("f97e01"), "NaN of 8 bytes": raw("fb7ff8000000000000"),
    "infinity": raw("f97c00"), "float of 4": raw("fa47c35000"), "float of 8": raw("fb3ff199999999999a"), "zero": 0, "one": 1, "-1": -1,
    "2^33": 1 << 33, "2^63": 1 << 63, "2^64 - 1": (1 << 64) - 1, "-2^64": raw("3bffffffffffffffff"),
    "bignum 0": raw("c240"), "bignum 1": raw("c24101"), "bignum 2^64": raw("c249010000000000000000"), "negative bignum": raw("c34100"),
    "bignum of 600 bits": Tag(2, b"\xff" * 75), "empty bytes": b"", "empty text": "", "empty list": [], "empty map": {},
    "eight bytes": bytes(8), "12 bytes": bytes(12), "32 bytes": bytes(32), "64 bytes": bytes(64),
    "not UTF-8": raw("61ff"), "surrogate": raw("63eda080"),
    "overlong UTF-8": raw("62c080"), "date": raw("c074323032362d31312d30325430303a30303a30305a"), "epoch": raw("c11a6ae80000"),
    "regex": raw("d8236128"), "shared": raw("d81c81d81d00"), "string reference": raw("d9010080"), "fraction": raw("c4820101"),
    "self-described": raw("d9d9f700"), "encoded": raw("d81841f6"), "sign1 within": raw("d28440a04040"), "endless bytes": raw("5f4101ff"),
    "endless text": raw("7f6161ff"), "endless list": raw("9fff"), "endless map": raw("bfff"), "break": raw("ff"),
    "reserved": raw("1c"), "reserved map": raw("bc"),
    "20 lists deep": raw("81" * 20 + "00"), "200 lists deep": raw("81" * 200 + "00"), "16 EiB of bytes": raw("5bffffffffffffffff"),
    "2^64 - 1 items": raw("9bffffffffffffffff"), "2^32 pairs": raw("ba ffffffff"), "nothing": raw(""), "crit": {2: [1]},
}  # fmt: skip
"""What stands in an item's place."""

RIVALS: Final = (
    -7, -8, -9, -19, -257, 5, 10, 35, 41, 42, 294, 293, AT - 16, AT - 15, AT + 5, AT + 6, AT + 43200, AT - 1, AT,
    2048, 2048, 2048, 3072, 3072, 3072, 4095, 4096, 23, 24, AT - 50, AT + 50, AT + 4000, AT - 31 * 86400, 255, 256, 65535, 65536,
    "HZMB-HK", "HZMB-HK/7", "GBQ-MO", "HZMB-HK/8", "MO-NR", "HK-PR", "MO-PR",
    "urn:uto:uto-hk", "urn:uto:uto-mo", "u" * 27, "u" * 28, "x" * 256, KIT.macau.kid, KIT.hong_kong.kid, KIT.forger.kid, KIT.elsewhere.kid,
    KIT.macau.key.public_key().public_bytes_raw(), b"\x01" + bytes(31), b"\xff" * 32,
)  # fmt: skip
"""Values that mean something somewhere: other algorithms, the edges of windows, other places, scopes, lists and keys."""


def confusions(item: Tree) -> Iterator[tuple[str, Tree]]:
    """Everything that is put in this item's place: strangers, and the same thing in another dress."""
    yield from STRANGERS.items()
    data = encode(item)
    yield "in a list", [item]
    yield "in a map", {0: item}
    yield "in bytes", data
    yield "tag 2", Tag(2, item)
    yield "tag 18", Tag(18, item)
    yield "tag 55799", Tag(55799, item)
    yield "twice", Raw(data + data)
    yield from _dresses(item)
    if data:
        yield from ((f"head of {1 + size} bytes", long) for size, long in _long_heads(data))


def _dresses(item: Tree) -> Iterator[tuple[str, Tree]]:
    match item:
        case bool():
            yield "as an integer", int(item)
            yield "the other", not item
        case int():
            yield from _numbers(item)
        case bytes():
            yield "as text", item.decode("latin-1")
            yield "as text's bytes", Raw(head(3, len(item)) + item)
            yield "endless", Raw(b"\x5f" + encode(item) + b"\xff")
            yield "in two", Raw(b"\x5f" + encode(item[:1]) + encode(item[1:]) + b"\xff")
            yield "one more", item + b"\0"
            yield "one less", item[:-1]
        case str():
            yield "as bytes", item.encode()
            yield "endless", Raw(b"\x7f" + encode(item) + b"\xff")
            yield "with a zero", item + "\0"
            yield "other case", item.swapcase()
        case list():
            yield from _rows(item)
        case Mapping():
            yield from _maps(item)
        case Tag(number, inner):
            yield "untagged", inner
            yield "another tag", Tag(number + 1, inner)
            yield "tagged twice", Tag(number, item)


def _numbers(item: int) -> Iterator[tuple[str, Tree]]:
    yield "as a float of 4", Raw(b"\xfa" + struct.pack(">f", item))
    yield "as a float of 8", Raw(b"\xfb" + struct.pack(">d", item))
    magnitude = item if item >= 0 else -1 - item
    yield "as a bignum", Tag(2 if item >= 0 else 3, magnitude.to_bytes(max(1, magnitude.bit_length() + 7 >> 3), "big"))
    yield "as text", str(item)
    yield "negated", -1 - item
    for more in (1, -1, 1 << 32, -256):
        if -(1 << 64) <= item + more < 1 << 64:  # beyond, only a bignum can say it
            yield f"{'plus' if more > 0 else 'minus'} {abs(more)}", item + more
    if item in (0, 1):
        yield "as a boolean", bool(item)


def _rows(item: list[Tree]) -> Iterator[tuple[str, Tree]]:
    yield "endless", Raw(b"\x9f" + b"".join(map(encode, item)) + b"\xff")
    yield "one more", [*item, 0]
    yield "a null more", [*item, raw("f6")]
    for at in range(len(item)):
        yield f"without {at}", item[:at] + item[at + 1 :]
        yield f"{at} twice", [*item[:at], item[at], *item[at:]]
    for at in range(len(item) - 1):
        yield f"{at} and {at + 1} swapped", [*item[:at], item[at + 1], item[at], *item[at + 2 :]]


def _maps(item: Mapping[Tree, Tree]) -> Iterator[tuple[str, Tree]]:
    pairs = sorted((encode(label), encode(value)) for label, value in item.items())
    yield "as a list", [part for pair in item.items() for part in pair]
    yield "endless", Raw(b"\xbf" + b"".join(map(b"".join, pairs)) + b"\xff")
    for stranger in (
        0,
        2,
        1 << 16,
        -1,
        -70000,
        "crit",
        b"",
        False,
        raw("f6"),
        raw("f97e00"),
        raw("f90001"),
        raw("c24101"),
        raw("80"),
        raw("a0"),
    ):
        yield f"and label {stranger}", {**item, stranger: [1]}
    for at in range(len(pairs)):
        yield f"without label {at}", _map(pairs[:at] + pairs[at + 1 :])
        yield f"label {at} twice", _map([*pairs[:at], pairs[at], *pairs[at:]])
        yield f"label {at} twice, null first", _map([*pairs[:at], (pairs[at][0], b"\xf6"), *pairs[at:]])
        yield f"label {at} twice, null last", _map([*pairs[: at + 1], (pairs[at][0], b"\xf6"), *pairs[at + 1 :]])
    for at in range(len(pairs) - 1):
        yield f"{at} and {at + 1} unsorted", _map([*pairs[:at], pairs[at + 1], pairs[at], *pairs[at + 2 :]])
        (one, mine), (other, theirs) = pairs[at : at + 2]
        yield f"{at} and {at + 1} crossed", _map([*pairs[:at], (one, theirs), (other, mine), *pairs[at + 2 :]])


def _map(pairs: Sequence[tuple[bytes, bytes]]) -> Raw:
    return Raw(head(5, len(pairs)) + b"".join(map(b"".join, pairs)))


def _long_heads(data: bytes) -> Iterator[tuple[int, Raw]]:
    """The same item with a longer head than it needs."""
    major, info = data[0] >> 5, data[0] & 31
    size = 0 if info < 24 else 1 << info - 24
    argument = info if info < 24 else int.from_bytes(data[1 : 1 + size], "big")
    if major == 7 or info > 27:
        return
    for more, longer in enumerate((1, 2, 4, 8)):
        if longer > size:
            yield longer, Raw(bytes((major << 5 | 24 + more,)) + argument.to_bytes(longer, "big") + data[1 + size :])


# Where in a tree

Path = tuple[tuple[str, Any], ...]


def positions(tree: Tree) -> Iterator[Path]:
    """Every position of a tree: each item, each label, each tagged item. The tree is the specimen's own, before it is encoded."""
    yield ()
    match tree:
        case Mapping():
            for label, value in tree.items():
                yield (("label", label),)
                yield from ((("of", label), *path) for path in positions(value))
        case list():
            for at, value in enumerate(tree):
                yield from ((("at", at), *path) for path in positions(value))
        case Tag(_, inner):
            yield from ((("tagged", None), *path) for path in positions(inner))


def found(tree: Tree, path: Path) -> Tree:
    for kind, where in path:
        tree = where if kind == "label" else tree.item if kind == "tagged" else tree[where]
    return tree


def replaced(tree: Tree, path: Path, new: Tree) -> Tree:
    """The tree with something else at a position."""
    if not path:
        return new
    (kind, where), *rest = path
    if kind == "tagged":
        return Tag(tree.number, replaced(tree.item, tuple(rest), new))
    if kind == "at":
        return [*tree[:where], replaced(tree[where], tuple(rest), new), *tree[where + 1 :]]
    if kind == "label":
        return {(_key(new) if label == where else label): value for label, value in tree.items()}
    return {**tree, where: replaced(tree[where], tuple(rest), new)}


def _key(item: Tree) -> Tree:
    """An item that can be a dict's label, and never equals another: 1 is True to Python."""
    return Raw(encode(item))


# The mutations that are drawn

Draw = random.Random
Mutation = Callable[[Draw, Tree, bytes], Tree]
"""A layer's tree (an encoded one stands as Raw), and the same layer of another code -> a tree."""


def _confused(draw: Draw, tree: Tree, _other: bytes) -> Tree:
    path = draw.choice([*positions(tree)])
    if draw.random() < 0.4:  # cheaper than to list everything
        return replaced(tree, path, draw.choice(_STRANGERS))
    return replaced(tree, path, draw.choice([*confusions(found(tree, path))])[1])


_STRANGERS: Final = tuple(STRANGERS.values())


def _rival(draw: Draw, tree: Tree, other: bytes) -> Tree:
    """A value of the right type, and size, that means something else."""
    fitting = {path: fits for path in positions(tree) if (fits := _rivals(path, found(tree, path)))}
    if not fitting:
        return _flipped(draw, tree, other)
    path = draw.choice([*fitting])
    return replaced(tree, path, draw.choice(fitting[path]))


def _rivals(path: Path, item: Tree) -> Sequence[Tree]:
    if not path or path[-1][0] == "label" or isinstance(item, bool):
        return ()
    match item:
        case int():
            return _INTEGERS
        case str():
            return _TEXTS
        case bytes():
            return _BYTES.get(len(item), ())
    return ()


_INTEGERS: Final = tuple(rival for rival in RIVALS if isinstance(rival, int))
_TEXTS: Final = tuple(rival for rival in RIVALS if isinstance(rival, str))
_BYTES: Final = {
    n: tuple(rival for rival in RIVALS if isinstance(rival, bytes) and len(rival) == n) for n in (4, 8, 32)
}


def _flipped(draw: Draw, tree: Tree, _other: bytes) -> Tree:
    data = bytearray(encode(tree))
    if data:
        data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
    return Raw(bytes(data))


def _edited(draw: Draw, tree: Tree, _other: bytes) -> Tree:
    """A few bytes out, a few in."""
    data = encode(tree)
    at = draw.randint(0, len(data))
    return Raw(data[:at] + draw.randbytes(draw.randrange(4)) + data[at + draw.randrange(4) :])


def _cut(draw: Draw, tree: Tree, _other: bytes) -> Tree:
    data = encode(tree)
    return Raw(data[: draw.randint(0, len(data))])


def _repeated(draw: Draw, tree: Tree, _other: bytes) -> Tree:
    data = encode(tree)
    start, end = sorted((draw.randint(0, len(data)), draw.randint(0, len(data))))
    return Raw(data[:end] + data[start:end][:300] + data[end:])


def _swapped(draw: Draw, tree: Tree, _other: bytes) -> Tree:
    data = bytearray(encode(tree))
    if len(data) > 1:
        at = draw.randrange(len(data) - 1)
        data[at], data[at + 1] = data[at + 1], data[at]
    return Raw(bytes(data))


def _spliced(draw: Draw, tree: Tree, other: bytes) -> Tree:
    data = encode(tree)
    at = draw.randint(0, len(data))
    return Raw(draw.choice((other, data[:at] + other[at:], other[:at] + data[at:], data + other)))


def _extreme(draw: Draw, tree: Tree, _other: bytes) -> Tree:
    data = bytearray(encode(tree))
    if data:
        data[draw.randrange(len(data))] = draw.choice(
            (0, 0x1F, 0x20, 0x3B, 0x5F, 0x7F, 0x80, 0xA0, 0xC2, 0xD2, 0xF6, 0xFF)
        )
    return Raw(bytes(data))


def _lengthened(draw: Draw, tree: Tree, _other: bytes) -> Tree:
    return Raw(encode(tree) + draw.choice((b"\0", b"\xf6", b"\xff", b"\n", b" ", b"\x00" * 400, b"0" * 999)))


ON_BYTES: Final[Sequence[Mutation]] = (
    _flipped,
    _flipped,
    _edited,
    _cut,
    _repeated,
    _swapped,
    _spliced,
    _extreme,
    _lengthened,
)
_MUTATIONS: Final[Sequence[Mutation]] = (*(_confused,) * 3, *(_rival,) * 11, *ON_BYTES)


def confused() -> Iterator[tuple[Code, Layer, Path, int]]:
    """Every confusion at every position of every layer, by its number; for an Ed25519 phone where its layers are others."""
    layers = [(P256_CODE, layer) for layer in ENCODED]
    for code, layer in (*layers, (ED25519_CODE, Layer.DEVICE_KEY), (ED25519_CODE, Layer.PHONE_HEADER)):
        tree = TREES[layer](code.showing, code.parts)
        for path in positions(tree):
            yield from ((code, layer, path, number) for number, _ in enumerate(confusions(found(tree, path))))


def confuse(code: Code, layer: Layer, path: Path, number: int, signers: Signers = Signers.BOTH) -> Mutant:
    """One of those, signed again, so that only the parser can refuse it."""
    item = found(TREES[layer](code.showing, code.parts), path)
    name, new = next(islice(confusions(item), number, None))
    how = f"{layer}: {path}: {name}; signed again by {signers}"
    return mutant(code, {layer: lambda tree: encode(replaced(tree, path, new))}, signers, how)


CONFUSED: Final = tuple(confused())


def numbered(seed: int, index: int) -> Mutant:
    """The mutant of this number: first every confusion at every position, then those that are drawn."""
    return confuse(*CONFUSED[index]) if index < len(CONFUSED) else drawn(seed, index)


def drawn(seed: int, index: int) -> Mutant:
    """A mutant of up to four mutations in any layers: the same every time."""
    draw = random.Random(seed << 40 | index)  # noqa: S311 - must repeat
    code, other = draw.sample(CODES, 2)
    plan: dict[Layer, list[Mutation]] = {}
    for _ in range(draw.choices((1, 2, 3, 4), (10, 4, 2, 1))[0]):
        plan.setdefault(draw.choice(_LAYERS), []).append(draw.choice(_MUTATIONS))
    signers = draw.choices((*Signers,), (2, 3, 5))[0]
    bends = {layer: _bending(draw, mutations, other.parts[layer]) for layer, mutations in plan.items()}
    how = "; ".join(f"{layer}: {', '.join(m.__name__[1:] for m in mutations)}" for layer, mutations in plan.items())
    return mutant(code, bends, signers, f"{how}; signed again by {signers}")


_LAYERS: Final = (
    *Layer,
    *((Layer.CLAIMS, Layer.PAYLOAD, Layer.DEVICE_KEY, Layer.PHONE_HEADER, Layer.ISSUER_HEADER, Layer.CLAIMS) * 3),
)
"""The layers that are parsed last are drawn more often: whatever is bent around them hides them."""


def _bending(draw: Draw, mutations: Sequence[Mutation], other: bytes) -> Bend:
    def bent(tree: Tree) -> bytes:
        for mutation in mutations:
            tree = mutation(draw, tree, other)
        return encode(tree)

    return bent


# What a lane trusts, bent

LIST: Final = "trust-list.json"
STATUS_FILE: Final = "status-uto-mo.cwt"
STATUS: Final = reference.strict(FILES[STATUS_FILE]).value
STATUS_HEADER: Final = {1: -19, 4: KIT.macau.kid, 16: "application/statuslist+cwt"}
STATUS_CLAIMS: Final = dict(reference.status_claims(FILES[STATUS_FILE]))
_JSON_STRANGERS: Final = (
    None, True, False, 0, -1, 1, 1.0, 1e400, 0.5, 1 << 33, 1 << 64, "", "x", "00" * 4, "00" * 8, "00" * 32, "0" * 65,
    [], {}, [[]], {"": 0}, "\ud800", "\0",
    KIT.macau.kid.hex(), URI, "../trust-list.json",
)  # fmt: skip


def status_list(header: bytes, claims: bytes, ledger: Ledger | None) -> bytes:
    """The specimen's status list with another header and claims, signed by its issuer into a ledger; without one, bearing the old signature."""
    signature = ledger.sign(KIT.macau.key, structure(header, claims)) if ledger else STATUS[3]
    return encode(sign1(header, claims, signature))


def drawn_status(seed: int, index: int) -> bytes:
    """A status list of this number. Signed again three times of four, or nothing behind the signature is ever reached."""
    draw = random.Random(seed << 40 | index)  # noqa: S311 - must repeat
    trees: list[Tree] = [STATUS_HEADER, STATUS_CLAIMS]
    which = draw.choice((0, 1, 1, 1, 2))
    if which < 2:
        trees[which] = draw.choice((_confused, _rival, _flipped, _deflated))(draw, trees[which], STATUS[2])
    data = status_list(*map(encode, trees), Ledger() if draw.random() < 0.75 else None)
    return encode(draw.choice(ON_BYTES)(draw, Raw(data), data)) if which == 2 else data


def _deflated(draw: Draw, tree: Tree, _other: bytes) -> Tree:
    """Another stream in the list: longer, shorter, cut, with something behind it, or a bomb."""
    if 65533 not in tree:
        return tree
    stream = _stream(draw.choice((0, 1, 1023, 1024, 1025, 512, 1 << 24)))
    changed = draw.choice((stream, stream[: draw.randint(0, len(stream))], stream + b"\0", stream * 2))
    return {**tree, 65533: {"bits": draw.choice((0, 1, 2, 2, 2, 3)), "lst": changed}}


@cache
def _stream(size: int) -> bytes:
    return zlib.compress(bytes(size))


def drawn_list(seed: int, index: int) -> bytes:
    """A trust list of this number."""
    draw = random.Random(seed << 40 | index)  # noqa: S311 - must repeat
    tree: Tree = json.loads(FILES[LIST])
    for _ in range(draw.choice((1, 1, 2))):
        path = draw.choice([path for path in positions(tree) if not path or path[-1][0] != "label"])
        tree = replaced(tree, path, draw.choice((*_JSON_STRANGERS, found(tree, draw.choice([*positions(tree)])))))
    data = json.dumps(tree).encode()
    return data if draw.random() < 0.7 else encode(draw.choice(ON_BYTES)(draw, Raw(data), data))
