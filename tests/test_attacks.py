"""Attacks, each by its name: what is known to have fooled verifiers is thrown at this one, and at every layer of it.

Whatever is bent, the layers around it are made anew (tests/mutate.py), and what becomes of it is judged by a second verdict, written from
FORMAT.md alone (tests/reference.py). A million more, and a fuzzer, run as a tier of CI (.ci/attacks).
"""

import hashlib
import hmac
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import permutations

import msgspec
import mutate
import pytest
import reference
from attack import Judge, bare, findings_of, status_faults, trust_faults
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from forge import (
    AT,
    ED25519,
    FILES,
    KEY,
    KIT,
    NOW,
    P256,
    PLACE,
    TRUST,
    VERIFIER,
    claims,
    credential,
    envelope,
    flipped,
    message,
    shown,
    signed,
    text,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from mutate import (
    CODES,
    CONFUSED,
    ED25519_CODE,
    ENCODED,
    OTHER_CODE,
    P256_CODE,
    Code,
    Layer,
    Ledger,
    Mutant,
    Signers,
    Tree,
    confuse,
    confusions,
    found,
    mutant,
    positions,
    replaced,
)

from gate.credential import hpke
from gate.credential.keys import on_curve
from gate.credential.reasons import Reason
from gate.credential.trust import build_trust, parse_trust_list
from gate.credential.verifier import Place, Verdict
from gate.errors import TrustError
from gate.lane.replay import Replay
from gate.specimen.cbor import Raw, Tag, encode
from gate.specimen.phone import DeviceKey, armor, cose_key, signer
from gate.specimen.phone import envelope as sealed_by_a_phone
from gate.specimen.seal import base45, labeled_expand, labeled_extract, seal

N = mutate.N
L = (1 << 252) + 27742317777372353535851937790883648493
P = reference.P25519
JUDGE = Judge()
DEVICES = pytest.mark.parametrize("device", [P256, ED25519], ids=["p256", "ed25519"])


def holds(given: Mutant) -> Reason:
    """It is judged as it must be; and how."""
    reason, facts = given.expected()
    faults = [*JUDGE.faults(given.code.text, (reason, facts))]
    assert not faults, (given.how, given.code.text)
    return reason


def reason(code: str) -> Reason:
    return VERIFIER.verify(code, NOW).reason


# The harness itself


def test_the_codes_to_be_bent_are_the_specimens_and_cleared() -> None:
    good = message()
    assert P256_CODE.parts[Layer.MESSAGE] == good
    assert P256_CODE.text == armor(P256_CODE.parts[Layer.ENVELOPE]) == text(good)
    for code in CODES:
        assert reason(code.text) is Reason.CLEARED
        for layer, write in mutate.WRITTEN.items():
            assert write(code.showing, code.parts) == encode(mutate.TREES[layer](code.showing, code.parts))
        pair = code.parts[Layer.PHONE_HEADER], code.parts[Layer.PAYLOAD]
        assert mutate.structure(*pair) == encode(["Signature1", pair[0], b"", pair[1]])
        assert armor(code.parts[Layer.ENVELOPE]) == code.text


@given(st.binary())
def test_the_harness_writes_base45_as_the_specimen_does(data: bytes) -> None:
    assert mutate.base45(data).decode() == base45(data)


LIES: Mapping[str, Callable[[str], Verdict]] = {
    "whatever else": lambda _: Verdict(Reason.CLEARED, VERIFIER.verify(P256_CODE.text, NOW).presentation),
    "another presentation": lambda code: VERIFIER.verify(code, NOW)._replace(
        presentation=VERIFIER.verify(OTHER_CODE.text, NOW).presentation
    ),
    "another reason": lambda code: VERIFIER.verify(code, NOW)._replace(reason=Reason.EXPIRED),
    "an exception": lambda code: {}[code],
    "a slow answer": lambda code: (sum(range(600_000)), VERIFIER.verify(code, NOW))[1],
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_the_judge_is_not_deaf(lie: Callable[[str], Verdict]) -> None:
    judge = Judge(verify=lambda code, _: lie(code))
    bad = mutant(P256_CODE, {Layer.CLAIMS: lambda tree: encode({**tree, 9: "HK-PR"})}, Signers.PHONE)
    assert [*judge.faults(bad.code.text, bad.expected())]
    assert not [*JUDGE.faults(bad.code.text, bad.expected())]


def test_the_judge_sees_what_the_net_catches() -> None:
    """A verifier whose keys break says `malformed`, as FORMAT 4 wants; without its net it is told apart from a refusal."""
    judge = Judge(bare=lambda code, _: {}[code])
    junk = mutant(P256_CODE, {Layer.MESSAGE: lambda tree: encode(tree) + b"\0"}, Signers.NOBODY)
    assert [*judge.faults(junk.code.text, junk.expected())] == [
        f"the net caught an exception: {KeyError(junk.code.text)!r}"
    ]
    with pytest.raises(LookupError, match="expected one net"):
        bare(hpke)


def test_the_judge_sees_a_spent_code_pass() -> None:
    forgetful = Judge(spent=Replay(60.0, 100))
    assert [*forgetful.faults(P256_CODE.text, mutant(P256_CODE, {}, Signers.NOBODY).expected())] == [
        "a spent code passes again"
    ]


# Every single bit

FLIPS: Sequence[tuple[Code, Layer, Signers]] = [
    (P256_CODE, Layer.TEXT, Signers.NOBODY),
    (P256_CODE, Layer.ENVELOPE, Signers.NOBODY),
    (P256_CODE, Layer.SEAL_HEADER, Signers.NOBODY),
    *((code, Layer.MESSAGE, Signers.NOBODY) for code in (P256_CODE, ED25519_CODE)),
    *((code, layer, Signers.PHONE) for code in (P256_CODE, ED25519_CODE) for layer in (Layer.PHONE_HEADER, Layer.PAYLOAD)),
    *((code, layer, Signers.BOTH) for code in (P256_CODE, ED25519_CODE) for layer in (Layer.ISSUER_HEADER, Layer.CLAIMS)),
]  # fmt: skip
"""The bits of the signatures, of the credential and of the device key are among those of the layers around them."""


def bits(layer: Layer, size: int) -> Iterator[int]:
    """All of them, but for the text and the ciphertext, which nothing parses: one bit a byte and more."""
    head = {Layer.TEXT: 20, Layer.ENVELOPE: 60}.get(layer, size)
    yield from range(8 * head)
    yield from range(8 * head, 8 * size, 7)


@pytest.mark.parametrize(("code", "layer", "signers"), FLIPS, ids=lambda part: getattr(part, "value", None))
def test_every_single_bit_flip_of_a_layer(code: Code, layer: Layer, signers: Signers) -> None:
    data = code.parts[layer]
    ends = set()
    for bit in bits(layer, len(data)):
        changed = flipped(data, bit)
        ends.add(holds(mutant(code, {layer: lambda _, new=changed: new}, signers, f"{layer}, bit {bit}")))
    if signers is Signers.NOBODY or layer is Layer.PHONE_HEADER:
        assert Reason.CLEARED not in ends  # FORMAT 4.6 and 4.7: what was signed is not what is shown
    assert ends - {Reason.MALFORMED, Reason.NOT_OURS}, "the flips must reach what stands behind the parser"


# Truncations, insertions, swaps, splices


def edits(data: bytes) -> Iterator[bytes]:
    for at in range(len(data)):
        yield data[:at]
        yield data[at + 1 :] if at else data[1:] + data[:1]
        yield data[:at] + b"\0" + data[at:]
        yield data[:at] + data[at + 1 : at + 2] + data[at : at + 1] + data[at + 2 :]
        yield data[:at] + data[at : at + 1] + data[at:]
    yield from (data + more for more in (b"\0", b"\xf6", b"\n", b" ", data))


EDITED = [
    (Layer.TEXT, Signers.NOBODY),
    (Layer.ENVELOPE, Signers.NOBODY),
    (Layer.SEAL_HEADER, Signers.NOBODY),
    (Layer.MESSAGE, Signers.NOBODY),
    (Layer.PHONE_HEADER, Signers.PHONE),
    (Layer.PAYLOAD, Signers.PHONE),
    (Layer.ISSUER_HEADER, Signers.BOTH),
    (Layer.CLAIMS, Signers.BOTH),
]


@pytest.mark.parametrize(("layer", "signers"), EDITED)
def test_truncations_insertions_and_swaps_at_every_place(layer: Layer, signers: Signers) -> None:
    data = P256_CODE.parts[layer]
    for changed in edits(data):
        ends = holds(mutant(P256_CODE, {layer: lambda _, new=changed: new}, signers, f"{layer}: {changed.hex()}"))
        assert ends is not Reason.CLEARED or signers is not Signers.NOBODY or changed == data


@pytest.mark.parametrize("signers", Signers)
def test_splices_of_two_valid_codes(signers: Signers) -> None:
    """A's credential in B's message, A's payload under B's signature, A's key with B's ciphertext: any layer, and both halves of any."""
    for ours, theirs in permutations(CODES, 2):
        for layer in Layer:
            other = theirs.parts[layer]
            if signers is Signers.NOBODY:
                assert holds(mutant(ours, {layer: lambda _, new=other: new}, signers, f"{layer} of another")) in (
                    {Reason.CLEARED}
                    if layer in (Layer.TEXT, Layer.ENVELOPE, Layer.MESSAGE) or other == ours.parts[layer]
                    else DISOWNED
                )
            for cut in range(0, len(other), 1 + len(other) // 12):
                halves = {layer: lambda tree, new=other, at=cut: encode(tree)[:at] + new[at:]}
                holds(mutant(ours, halves, signers, f"{layer} of another from {cut}"))


DISOWNED = {Reason.BAD_SIGNATURE, Reason.UNKNOWN_ISSUER, Reason.MALFORMED}


def test_the_key_of_one_envelope_and_the_ciphertext_of_another() -> None:
    one = sealed_by_a_phone(message(), KIT.point, X25519PrivateKey.from_private_bytes(b"1" * 32))
    other = sealed_by_a_phone(message(), KIT.point, X25519PrivateKey.from_private_bytes(b"2" * 32))
    assert reason(armor(one)) is reason(armor(other)) is Reason.CLEARED
    ciphertext = one.index(b"\x59")
    assert reason(armor(one[:ciphertext] + other[ciphertext:])) is Reason.UNDECRYPTABLE


# Type confusions at every position

KINDS: Mapping[str, tuple[str, ...]] = {
    "null, undefined and simple values": ("null", "undefined", "simple"),
    "floats, infinities and NaN": ("float", "NaN", "infinity", "as a float"),
    "bignums": ("bignum", "negative bignum", "as a bignum"),
    "tags": ("tag", "date", "epoch", "regex", "shared", "string reference", "fraction", "self-described", "encoded", "another tag", "untagged"),
    "indefinite lengths": ("endless", "in two", "break"),
    "heads that are not the shortest or reserved": ("head of", "reserved"),
    "another nesting": ("in a list", "in a map", "20 lists", "200 lists", "sign1 within", "twice", "nothing"),
    "a bool for an int and an int for a bool": ("as an integer", "as a boolean"),
    "text for bytes and bytes for text": ("as text", "as bytes"),
    "a list for a map and lists of another length": ("as a list", "one more of", "a null more", "without 0", "without 1", "without 2", "without 3"),
    "unknown labels, and crit": ("and label", "crit"),
    "duplicate, unsorted and missing labels": ("label", "without label", *(f"{at} and {at + 1} unsorted" for at in range(9))),
    "lengths without end": ("16 EiB", "2^64 - 1 items", "2^32 pairs"),
    "text that is no UTF-8": ("not UTF-8", "surrogate", "overlong"),
}  # fmt: skip
"""How the names of what is malformed begin, wherever it stands; every other confusion is judged by its values."""


def kind_of(name: str) -> str:
    return next((kind for kind, names in KINDS.items() if name.startswith(names)), "other values")


def named() -> Iterator[tuple[str, tuple[Code, Layer, tuple[object, ...], int]]]:
    names: dict[tuple[str, tuple[object, ...]], list[str]] = {}
    for code, layer, path, number in CONFUSED:
        where = (f"{id(code)} {layer}", path)
        if where not in names:
            item = found(mutate.TREES[layer](code.showing, code.parts), path)
            names[where] = [name for name, _ in confusions(item)]
        yield kind_of(names[where][number]), (code, layer, path, number)


BY_KIND: dict[str, list[tuple[Code, Layer, tuple[object, ...], int]]] = {}
for _kind, _confusion in named():
    BY_KIND.setdefault(_kind, []).append(_confusion)


@pytest.mark.parametrize("kind", [*KINDS])
def test_type_confusions_at_every_position_are_malformed(kind: str) -> None:
    for confusion in BY_KIND[kind]:
        given = confuse(*confusion)
        assert holds(given) is Reason.MALFORMED, given.how


@pytest.mark.parametrize("signers", [Signers.NOBODY, Signers.BOTH])
def test_other_values_at_every_position_are_judged_by_what_they_say(signers: Signers) -> None:
    cleared = 0
    for confusion in BY_KIND["other values"]:
        given, (code, *_) = confuse(*confusion, signers), confusion
        if holds(given) is Reason.CLEARED:
            cleared += 1
            assert signers is Signers.BOTH or given.code.text == code.text, given.how
    assert cleared


def test_an_empty_list_is_no_empty_map() -> None:
    """A sketch with `if unprotected:` took one for the other; the signatures do not cover it."""
    for layer in (Layer.MESSAGE, Layer.CREDENTIAL):
        lax = {layer: lambda tree: encode(replaced(tree, (("tagged", None), ("at", 1)), []))}
        assert holds(mutant(P256_CODE, lax, Signers.BOTH)) is Reason.MALFORMED


TREES = st.recursive(
    st.booleans() | st.integers(-(1 << 64), (1 << 64) - 1) | st.binary(max_size=65) | st.text(max_size=28)
    | st.sampled_from([*mutate.STRANGERS.values(), *mutate.RIVALS]),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(st.integers(-4, 40) | st.text(max_size=4), inner, max_size=5)
        | st.builds(Tag, st.sampled_from([2, 3, 16, 18, 24, 55799]), inner)
    ),
    max_leaves=8,
)  # fmt: skip


@settings(max_examples=150)
@given(st.sampled_from([P256_CODE, ED25519_CODE]), st.sampled_from(ENCODED), TREES, st.data())
def test_any_tree_at_any_position(code: Code, layer: Layer, new: Tree, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from([*positions(mutate.TREES[layer](code.showing, code.parts))]))
    holds(mutant(code, {layer: lambda tree: encode(replaced(tree, path, new))}, data.draw(st.sampled_from(Signers))))


# Algorithm confusion

ALGORITHMS = [
    -7,
    -8,
    -9,
    -19,
    -35,
    -36,
    -37,
    -47,
    -48,
    -50,
    -51,
    -257,
    -65535,
    0,
    1,
    4,
    5,
    7,
    10,
    24,
    "ES256",
    "none",
    b"\x28",
    False,
    [],
]


@DEVICES
@pytest.mark.parametrize("alg", ALGORITHMS, ids=str)
def test_algorithm_confusion_of_the_phones(device: DeviceKey, alg: Tree) -> None:
    """-7 (ES256) and -8 (EdDSA) mean the same signatures, but are not EC1's; -9 with an Ed25519 key, and the reverse, are no pair."""
    good = alg == mutate.algorithm(device)
    expected = Reason.CLEARED if good else Reason.BAD_SIGNATURE if alg in (-9, -19) else Reason.MALFORMED
    for key in (P256, ED25519):
        code = text(signed(signer(key), encode({1: alg, 13: Raw(credential(device=device)), 16: 294}), PAYLOAD))
        assert reason(code) is (expected if key is device or not good else Reason.BAD_SIGNATURE)


PAYLOAD = encode({3: PLACE.control_point, 6: AT, 39: bytes(8)})


@pytest.mark.parametrize("alg", [alg for alg in ALGORITHMS if alg != -19], ids=str)
def test_algorithm_confusion_of_the_issuers(alg: Tree) -> None:
    assert reason(text(message(credential(header={1: alg})))) is Reason.MALFORMED


@pytest.mark.parametrize("alg", [1, 3, 24, 35, 36, 37, 40, 42, 43, -25, "HPKE-0", False], ids=str)
def test_algorithm_confusion_of_the_seal(alg: Tree) -> None:
    assert reason(text(header={1: alg})) is Reason.MALFORMED


@DEVICES
def test_no_signature_at_all(device: DeviceKey) -> None:
    header = {13: Raw(credential(device=device)), 16: 294}
    for signature in (b"", bytes(64)):
        assert reason(text(signed(lambda _, s=signature: s, encode(header), PAYLOAD))) is Reason.MALFORMED
        with_alg = encode({1: mutate.algorithm(device), **header})
        expected = Reason.BAD_SIGNATURE if signature else Reason.MALFORMED
        assert reason(text(signed(lambda _, s=signature: s, with_alg, PAYLOAD))) is expected


def test_an_algorithm_in_the_unprotected_header() -> None:
    for unprotected in ({1: -9}, {1: -19}, {2: [1]}, {4: KIT.macau.kid}):
        header = encode({1: -9, 13: Raw(credential()), 16: 294})
        phones = Tag(18, [header, unprotected, PAYLOAD, signer(P256)(mutate.structure(header, PAYLOAD))])
        assert reason(text(encode(phones))) is Reason.MALFORMED
        protected = encode({1: -19, 4: KIT.macau.kid})
        issuers = Tag(18, [protected, unprotected, claims(), KIT.macau.key.sign(mutate.structure(protected, claims()))])
        assert reason(text(message(encode(issuers)))) is Reason.MALFORMED


@DEVICES
def test_a_public_key_as_the_secret_of_a_mac(device: DeviceKey) -> None:
    public = cose_key(device)[-2]
    for alg in (mutate.algorithm(device), 5, 7):
        header = encode({1: alg, 13: Raw(credential(device=device)), 16: 294})
        code = text(signed(lambda structure: hmac.digest(public, structure, "sha512"), header, PAYLOAD))
        assert reason(code) in (Reason.BAD_SIGNATURE, Reason.MALFORMED)


# Keys and who they belong to


def test_a_kid_that_matches_with_anothers_signature() -> None:
    """dgca-verifier-app-ios #141 showed green."""
    for named, signing in permutations((KIT.macau, KIT.hong_kong, KIT.forger), 2):
        for scope in ("MO-PR", "HK-PR"):
            code = shown({9: scope}, issuer=replace(named, key=signing.key))
            assert reason(code) is (Reason.BAD_SIGNATURE if scope in named.scopes else Reason.UNKNOWN_ISSUER)


def test_a_specimen_key_at_a_production_gate() -> None:
    """CVE-2021-40855. And the other way round: one environment's keys open nothing in the other."""
    entry = TRUST.issuers[KIT.macau.kid]
    for ours, theirs in (
        ("production", "specimen"),
        ("specimen", "production"),
        ("production", ""),
        ("production", "Production"),
    ):
        issuers = {KIT.macau.kid: replace(entry, environment=theirs)}
        gate = replace(
            VERIFIER, trust=replace(TRUST, issuers=issuers), place=Place(PLACE.control_point, PLACE.lane, ours)
        )
        for code in (shown(), WORLD_CODES["revoked"], WORLD_CODES["expired"]):
            assert gate.verify(code, NOW) == Verdict(Reason.UNKNOWN_ISSUER, None)


WORLD_CODES = {case: mutate.WORLD.code(case, AT) for case in ("revoked", "expired")}


def test_a_forged_code_encrypted_to_the_gates_public_key() -> None:
    """Anybody may seal for the gate: its key is public. What counts is who signed."""
    mallory = Ed25519PrivateKey.from_private_bytes(b"mallory, mallory, mallory, mall.")
    own = replace(KIT.forger, key=mallory, scopes=("MO-PR",))
    for issuer, expected in (
        (own, Reason.UNKNOWN_ISSUER),
        (replace(own, kid=KIT.macau.kid), Reason.BAD_SIGNATURE),
        (replace(own, kid=KIT.point.kid * 2), Reason.UNKNOWN_ISSUER),
    ):
        forged = message(credential(issuer=issuer, device=mallory), device=mallory)
        sealed = sealed_by_a_phone(forged, KIT.point, X25519PrivateKey.generate())
        assert reason(armor(sealed)) is expected
    for junk in (b"", b"\xf6", bytes(300), encode({}), credential(), envelope()):
        assert reason(text(junk)) is Reason.MALFORMED


def test_a_stolen_credential_shown_by_another_phone() -> None:
    mallory = Ed25519PrivateKey.from_private_bytes(b"m" * 32)
    for victim in (P256, ED25519):
        for alg in (-9, -19):
            header = encode({1: alg, 13: Raw(credential(device=victim)), 16: 294})
            assert reason(text(signed(mallory.sign, header, PAYLOAD))) is Reason.BAD_SIGNATURE


def test_the_device_key_is_the_issuers() -> None:
    """Else a status list or a credential could be shown as the phone's signature over a payload."""
    assert reason(shown(device=KIT.macau.key)) is Reason.BAD_SIGNATURE


# Signatures made malleable


def test_the_twin_of_an_ecdsa_signature_is_the_same_showing() -> None:
    """n - s verifies wherever s does: it is the same presentation, and passes once with it."""
    good = message()
    other = mutate.twin(good[-64:])
    first, second = VERIFIER.verify(text(good), NOW), VERIFIER.verify(text(good[:-64] + other), NOW)
    assert other != good[-64:]
    assert first == second
    assert second.reason is Reason.CLEARED
    passes_once(first, second)


def test_the_same_message_sealed_again_by_anybody_is_the_same_showing() -> None:
    first, second = (
        VERIFIER.verify(armor(sealed_by_a_phone(message(), KIT.point, X25519PrivateKey.generate())), NOW) for _ in "ab"
    )
    assert first == second
    assert first.reason is Reason.CLEARED
    passes_once(first, second)


def passes_once(first: Verdict, second: Verdict) -> None:
    replay = Replay(60.0, 100)
    for verdict in (first, second):
        assert verdict.presentation is not None
        assert replay.judge(verdict.presentation, NOW.wall) is None
    replay.open(first.presentation, NOW.wall)
    assert replay.judge(second.presentation, NOW.wall) is None  # FORMAT 3: the same one, while it is open
    replay.commit()
    for seconds in (0, 1, 15, 61, 600):
        assert replay.judge(second.presentation, NOW.wall + seconds) is Reason.REPLAYED


def test_other_forms_of_an_ecdsa_signature() -> None:
    """Zeros (CVE-2022-21449), the order, and what is the same modulo the order but does not fit."""
    good = message()
    r, s = (int.from_bytes(half, "big") for half in (good[-64:-32], good[-32:]))
    for first in (0, 1, N - 1, N, N + 1, r, N - r, (1 << 256) - 1):
        for second in (0, 1, N - 1, N, N + 1, (1 << 256) - 1, s ^ 1, *((s, N - s) if first != r else ())):
            changed = good[:-64] + first.to_bytes(32, "big") + second.to_bytes(32, "big")
            assert reason(text(changed)) is Reason.BAD_SIGNATURE
    swapped = good[:-64] + good[-32:] + good[-64:-32]
    assert reason(text(swapped)) is Reason.BAD_SIGNATURE


def test_an_ed25519_s_that_is_not_reduced() -> None:
    """s + kL, as often as it fits: RFC 8032 section 5.1.7 wants s < L."""
    for layer, code in ((Layer.PHONE_SIGNATURE, ED25519_CODE), (Layer.ISSUER_SIGNATURE, ED25519_CODE)):
        data = code.parts[layer]
        s = int.from_bytes(data[32:], "little")
        for more in range(1, 16):
            if s + more * L < 1 << 256:
                changed = data[:32] + (s + more * L).to_bytes(32, "little")
                given = mutant(code, {layer: lambda _, new=changed: new}, Signers.PHONE)
                assert holds(given) is Reason.BAD_SIGNATURE


SMALL = [y | sign for y in sorted(reference.SMALL_ORDER) for sign in (0, 1 << 255)]
"""The 14 encodings of the points of small order, canonical or not."""


def test_an_ed25519_r_of_small_order_in_a_signature_that_holds() -> None:
    """With R the identity, s = h a makes the equation hold: the holder of a key can sign so, in three encodings that are not the honest one."""
    secret = hashlib.sha512(seed_of(ED25519)).digest()
    a = int.from_bytes(secret[:32], "little") & ((1 << 254) - 8) | 1 << 254
    public = cose_key(ED25519)[-2]
    header = encode({1: -19, 13: Raw(credential(device=ED25519)), 16: 294})

    def sign(structure: bytes, point: int) -> bytes:
        encoded = point.to_bytes(32, "little")
        h = int.from_bytes(hashlib.sha512(encoded + public + structure).digest(), "little") % L
        return encoded + (h * a % L).to_bytes(32, "little")

    for point in SMALL:
        assert (
            reason(text(signed(lambda structure, r=point: sign(structure, r), header, PAYLOAD))) is Reason.BAD_SIGNATURE
        )
    identity = sign(mutate.structure(header, PAYLOAD), 1)
    assert reference.truly_signed(public, mutate.structure(header, PAYLOAD), identity)  # `cryptography` alone takes it


def seed_of(key: DeviceKey) -> bytes:
    assert isinstance(key, Ed25519PrivateKey)
    return key.private_bytes_raw()


@pytest.mark.parametrize("y", SMALL)
def test_a_key_of_small_order_and_the_constant_signature(y: int) -> None:
    """Under such a key one signature verifies every message, or one of eight."""
    public = y.to_bytes(32, "little")
    inner = credential({8: {1: {1: 1, -1: 6, -2: public}}})
    header = encode({1: -19, 13: Raw(inner), 16: 294})
    for r in (1, *SMALL):
        constant = r.to_bytes(32, "little") + bytes(32)
        assert reason(text(signed(lambda _, s=constant: s, header, PAYLOAD))) is Reason.MALFORMED
    written = msgspec.json.decode(FILES["trust-list.json"])
    written["issuers"][0]["key"] = public.hex()
    with pytest.raises(TrustError, match="issuer"):
        build_trust(parse_trust_list(msgspec.json.encode(written)), FILES)


def test_a_key_that_is_not_canonical_or_not_on_its_curve() -> None:
    for y in range(P, (1 << 255) - 1):
        inner = credential({8: {1: {1: 1, -1: 6, -2: y.to_bytes(32, "little")}}}, device=ED25519)
        assert reason(text(message(inner, device=ED25519))) is Reason.MALFORMED
    off = [y for y in range(2, 40) if not on_curve(y.to_bytes(32, "little"))]
    assert off
    for y in off:
        inner = credential({8: {1: {1: 1, -1: 6, -2: y.to_bytes(32, "little")}}})
        for signature in (bytes(64), b"\x01" + bytes(63), ED25519.sign(b"")):
            header = encode({1: -19, 13: Raw(inner), 16: 294})
            assert reason(text(signed(lambda _, s=signature: s, header, PAYLOAD))) is Reason.BAD_SIGNATURE


# The seal

LOW_ORDER = [
    0,
    1,
    325606250916557431795983626356110631294008115727848805560023387167927233504,
    39382357235489614581723061780553021112529911719440698176882885853963445705823,
    P - 1,
    P,
    P + 1,
]


@pytest.mark.parametrize("u", [u | high for u in LOW_ORDER for high in (0, 1 << 255)])
def test_an_all_zero_shared_secret(u: int) -> None:
    """Whoever sends a point of low order knows the secret without the gate's key, and can seal with it: it must be refused, not opened."""
    ek, aad = u.to_bytes(32, "little"), encode(["Encrypt0", encode({1: 41, 4: KIT.point.kid}), b""])
    ciphertext = sealed_with_zero(ek, aad, message())
    outer = encode(Tag(16, [encode({1: 41, 4: KIT.point.kid}), {-4: ek}, ciphertext]))
    assert reason(armor(outer)) is Reason.UNDECRYPTABLE


def sealed_with_zero(ek: bytes, aad: bytes, plaintext: bytes) -> bytes:
    """RFC 9180 section 4.1 and 5.1 for a Diffie-Hellman result of zeros."""
    kem, suite = b"KEM\x00\x20", b"HPKE\x00\x20\x00\x01\x00\x01"
    shared = labeled_expand(
        kem, labeled_extract(kem, b"", b"eae_prk", bytes(32)), b"shared_secret", ek + KEY.public, 32
    )
    context = (
        b"\x00" + labeled_extract(suite, b"", b"psk_id_hash", b"") + labeled_extract(suite, b"", b"info_hash", b"")
    )
    secret = labeled_extract(suite, shared, b"secret", b"")
    nonce = labeled_expand(suite, secret, b"base_nonce", context, 12)
    return AESGCM(labeled_expand(suite, secret, b"key", context, 16)).encrypt(nonce, plaintext, aad)


def test_the_seal_is_bound_to_its_header() -> None:
    """Sealed for us under another header, and shown under ours."""
    good = encode({1: 41, 4: KIT.point.kid})
    for header in (encode({1: 41, 4: KIT.elsewhere.kid}), encode({1: 42, 4: KIT.point.kid}), b"", b"\xa0"):
        aad = encode(["Encrypt0", header, b""])
        ephemeral = X25519PrivateKey.from_private_bytes(bytes(range(32)))
        ek, ciphertext = seal(KIT.point.public, ephemeral, aad, message())
        assert reason(armor(encode(Tag(16, [good, {-4: ek}, ciphertext])))) is Reason.UNDECRYPTABLE


# Trust data


@pytest.mark.parametrize("first", range(0, 600, 100))
def test_bent_trust_data_is_taken_as_signed_or_refused(first: int) -> None:
    for index in range(first, first + 100):
        for data, faults in trust_faults(7, index):
            assert not [*faults], data.hex()


@pytest.mark.parametrize("signed_again", [False, True])
def test_every_single_bit_flip_of_a_status_list(*, signed_again: bool) -> None:
    header, body = encode(mutate.STATUS_HEADER), encode(mutate.STATUS_CLAIMS)
    if signed_again:
        flips = [mutate.status_list(flipped(header, bit), body, Ledger()) for bit in range(8 * len(header))]
        flips += [mutate.status_list(header, flipped(body, bit), Ledger()) for bit in range(8 * len(body))]
    else:
        whole = FILES[mutate.STATUS_FILE]
        flips = [flipped(whole, bit) for bit in range(8 * len(whole))]
    for data in flips:
        assert not [*status_faults(data, reference.truly_signed)], data.hex()


# Some of the million


@pytest.mark.parametrize("first", range(len(CONFUSED), len(CONFUSED) + 3000, 500))
def test_some_of_the_million_mutants(first: int) -> None:
    findings = [finding for index in range(first, first + 500) for finding in findings_of(JUDGE, 3, index)]
    assert not findings


def test_the_mutants_are_the_same_every_time_and_end_in_many_ways() -> None:
    first, again = ([mutate.drawn(5, index).code.text for index in range(300)] for _ in "ab")
    assert first == again
    assert len(set(first)) > 290
    ends = {mutate.drawn(5, index).expected()[0] for index in range(300)}
    assert len(ends) >= 8
