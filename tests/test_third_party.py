"""Vectors that nobody here wrote, through our own functions; they lie beside the repository, and are skipped where they do not."""

import json
import re
import zlib
from collections.abc import Iterator
from pathlib import Path

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from forge import NOW, VERIFIER, outcome

from gate.credential.armor import decode_base45
from gate.credential.claims import parse_key_binding
from gate.credential.cose import parse_encrypt0
from gate.credential.hpke import open_base
from gate.credential.keys import ControlPointKey, load_ed25519, load_p256, verify
from gate.credential.reasons import Reason
from gate.credential.status import StatusList

VECTORS = Path(__file__).parents[2] / "shared" / "vectors"
pytestmark = pytest.mark.skipif(not VECTORS.is_dir(), reason="the third-party vectors are not beside the repository")


def content(name: str) -> object:
    return json.loads((VECTORS / name).read_text(encoding="utf-8"))


def wycheproof(name: str) -> Iterator[tuple[dict[str, object], dict[str, object]]]:
    for group in content(f"wycheproof/{name}_test.json")["testGroups"]:
        for case in group["tests"]:
            yield group, case


def control_point(private: bytes) -> ControlPointKey:
    key = X25519PrivateKey.from_private_bytes(private)
    return ControlPointKey(key, key.public_key().public_bytes_raw())


def test_wycheproof_ed25519() -> None:
    cases = list(wycheproof("ed25519"))
    assert len(cases) > 50
    for group, case in cases:
        key = load_ed25519(bytes.fromhex(group["publicKey"]["pk"]))
        found = outcome(verify, key, bytes.fromhex(case["sig"]), bytes.fromhex(case["msg"]))
        assert (found is None) == (case["result"] == "valid"), case["tcId"]


def test_wycheproof_ecdsa_p256() -> None:
    cases = list(wycheproof("ecdsa_secp256r1_sha256_p1363"))
    assert len(cases) > 100
    for group, case in cases:
        x, y = (int(group["publicKey"][name], 16) for name in ("wx", "wy"))
        key = load_p256(x.to_bytes(32, "big"), odd=bool(y & 1))
        assert key.public_numbers().y == y
        signature = bytes.fromhex(case["sig"])
        found = outcome(verify, key, signature, bytes.fromhex(case["msg"]))
        # RFC 9053 section 2.1 fixes the size; the odd sizes that Wycheproof lets through are not COSE's
        expected = case["result"] == "valid" and len(signature) == 64
        assert (found is None) == expected, case["tcId"]


def test_wycheproof_x25519() -> None:
    """What has an all-zero shared secret is refused before the cipher; everything else would reach it and fail there."""
    refused = 0
    for _, case in wycheproof("x25519"):
        key = control_point(bytes.fromhex(case["private"]))
        with pytest.raises(ValueError, match=r"of full order|sealed for this control point") as refusal:
            open_base(key, bytes.fromhex(case["public"]), b"", bytes(32))
        zero = "ZeroSharedSecret" in case["flags"]
        assert ("of full order" in str(refusal.value)) == zero, case["tcId"]
        refused += zero
    assert refused > 5


def test_cctv_ed25519() -> None:
    seen = set()
    for case in content("cctv/ed25519vectors.json"):
        flags = set(case["flags"] or ())
        key = outcome(load_ed25519, bytes.fromhex(case["key"]))
        assert (key is Reason.MALFORMED) == bool(flags & {"low_order_A", "non_canonical_A"}), case["number"]
        if key is not Reason.MALFORMED and "low_order_R" in flags:
            found = outcome(verify, key, bytes.fromhex(case["sig"]), case["msg"].encode())
            assert found is Reason.BAD_SIGNATURE, case["number"]
            seen.add("R")
        seen |= flags
    assert {"R", "low_order_A", "non_canonical_A"} <= seen


def test_rfc_9180() -> None:
    (vector,) = (v for v in content("hpke-rfc9180/base-x25519.json") if (v["kdf_id"], v["aead_id"]) == (1, 1))
    key = control_point(bytes.fromhex(vector["skRm"]))
    assert key.public.hex() == vector["pkRm"]
    first = vector["encryptions"][0]  # the only one of a single-shot message: sequence number 0
    enc, aad, ct, info = (bytes.fromhex(s) for s in (vector["enc"], first["aad"], first["ct"], vector["info"]))
    assert open_base(key, enc, aad, ct, info).hex() == first["pt"]
    assert outcome(open_base, key, enc, aad, ct) is Reason.UNDECRYPTABLE


@pytest.mark.parametrize("aad", ["default", "external"])
@pytest.mark.parametrize("info", ["default", "external"])
def test_cose_hpke(aad: str, info: str) -> None:
    text = (VECTORS / "cose-hpke" / "testvectors.txt").read_text(encoding="utf-8")
    private = cbor2.loads(bytes.fromhex(re.search(r"^HPKE-3 COSE_Key:+ (\w+)", text, re.MULTILINE).group(1)))[-4]
    row = rf"^HPKE-3 Encrypt0 with {aad} aad and {info} info\s+Ciphertext: (\w+)"
    protected, unprotected, ciphertext = cbor2.loads(bytes.fromhex(re.search(row, text, re.MULTILINE).group(1))).value
    external = {"default": b"", "external": b"external-aad"}[aad]
    structure = cbor2.dumps(["Encrypt0", protected, external])
    found = open_base(
        control_point(private),
        unprotected[-4],
        structure,
        ciphertext,
        {"default": b"", "external": b"external-info"}[info],
    )
    assert found == b"hpke test payload"


def test_base45_of_rfc_9285() -> None:
    vectors = content("base45/rfc9285.json")
    for plain, encoded in [*vectors["encode"], *((plain, text) for text, plain in vectors["decode"])]:
        assert decode_base45(encoded) == plain.encode()
    for text in vectors["ok"]:
        assert isinstance(outcome(decode_base45, text), bytes)
    for text in vectors["reject"]:
        assert outcome(decode_base45, text) is Reason.MALFORMED


def status_list(name: str, entries: int) -> StatusList:
    written = (VECTORS / "status-list" / f"{name}_cbor.md").read_text(encoding="utf-8")
    listed = cbor2.loads(bytes.fromhex("".join(written.split("encoded:")[-1].split())))
    return StatusList("", b"", 0, 0, listed["bits"], entries, zlib.decompress(listed["lst"]))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("status_list_encoding", [1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1]),
        ("status_list_encoding2", [1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3]),
    ],
)
def test_the_status_list_examples(name: str, expected: list[int]) -> None:
    found = status_list(name, len(expected))
    assert [found.at(index) for index in range(len(expected))] == expected


@pytest.mark.parametrize(("bits", "name"), [(1, "status_list_encoding1_long"), (8, "status_list_encoding8")])
def test_the_status_list_vectors(bits: int, name: str) -> None:
    section = (VECTORS / "status-list" / "draft_test_vectors_section.md").read_text(encoding="utf-8")
    part = section.partition(f"## {bits}-bit Status List")[2].partition("\n## ")[0]
    said = {int(index): int(value, 2) for index, value in re.findall(r"status\[(\d+)\] ?= ?0b([01]+)", part)}
    assert len(said) > 10
    found = status_list(name, 1 << 20)
    assert {index: found.at(index) for index in said} == said
    assert {index for index in range(1 << 20) if found.packed[index * bits >> 3] and found.at(index)} == {
        index for index, value in said.items() if value
    }


def test_other_cose_is_not_ours() -> None:
    files = sorted((VECTORS / "cose-wg").rglob("*.json"))
    assert files
    for file in files:
        data = bytes.fromhex(json.loads(file.read_text(encoding="utf-8"))["output"]["cbor"])
        for parse in (parse_encrypt0, parse_key_binding):
            assert outcome(parse, data) is Reason.MALFORMED, file.name


def test_other_health_and_identity_codes_are_not_ours() -> None:
    texts = [json.loads(file.read_text(encoding="utf-8")).get("PREFIX") for file in VECTORS.glob("eu-dcc/*.json")]
    codes = [text for text in texts if text]
    assert codes
    for code in codes:
        assert VERIFIER.verify(code, NOW).reason is Reason.NOT_OURS
        ours = "EC1:" + code.removeprefix("HC1:")[:896]
        assert VERIFIER.verify(ours, NOW).reason is Reason.MALFORMED
