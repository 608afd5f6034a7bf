"""FORMAT.md: its worked example is what the specimen makes and what the verifier reads, and its words are the code's."""

import re
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

import gate.credential
from gate.credential.armor import MAX_CHARACTERS, unarmor
from gate.credential.claims import MAX_STATUS_URI, parse_key_binding
from gate.credential.cose import open_encrypt0, parse_encrypt0
from gate.credential.keys import ControlPointKey, load_ed25519, verify
from gate.credential.reasons import Reason
from gate.credential.trust import Policy, build_trust, parse_trust_list
from gate.credential.verifier import Moment, Place, Verifier
from gate.specimen.cases import CONTROL_POINT, ENVIRONMENT, LANE, REHEARSAL_SEED, Showing, Specimen
from gate.specimen.example import AT, BEGIN, END, annotate, section

PAGE = (Path(gate.credential.__file__).parent / "FORMAT.md").read_text(encoding="utf-8")
EXAMPLE = PAGE[PAGE.index(BEGIN) : PAGE.index(END) + len(END)]
PRIVATE, PUBLIC, ISSUER, TEXT, ENVELOPE, MESSAGE = re.findall(r"```\n(.*?)\n```", EXAMPLE, re.DOTALL)
WORLD = Specimen.from_seed(REHEARSAL_SEED)


def hexed(block: str) -> bytes:
    """The bytes of a block: what stands before each `#`, joined."""
    return bytes.fromhex("".join(line.partition("#")[0] for line in block.splitlines()))


def opened() -> ControlPointKey:
    key = X25519PrivateKey.from_private_bytes(hexed(PRIVATE))
    return ControlPointKey(key, key.public_key().public_bytes_raw())


def test_the_page_holds_exactly_what_the_generator_prints() -> None:
    assert section() == EXAMPLE, "mend: python -m gate.specimen.example, into gate/credential/FORMAT.md"
    assert PAGE.endswith(EXAMPLE)


def test_the_hex_is_what_the_specimen_makes() -> None:
    showing = Showing(AT)
    assert WORLD.code("cleared", at=1793606400) == TEXT
    assert hexed(MESSAGE) == WORLD.message(showing)
    assert hexed(ENVELOPE) == WORLD.encrypt0(WORLD.message(showing), showing)
    assert hexed(PUBLIC) == WORLD.kit.point.public == opened().public


def test_the_hex_is_what_the_verifier_reads() -> None:
    assert unarmor(TEXT) == hexed(ENVELOPE)
    assert open_encrypt0(parse_encrypt0(hexed(ENVELOPE)), opened()) == hexed(MESSAGE)
    shown = parse_key_binding(hexed(MESSAGE))
    inner = shown.credential.message
    verify(load_ed25519(hexed(ISSUER)), inner.signature, inner.signed())
    for line in ('3 aud: "HZMB-HK"', '9 scope: "MO-PR"', '"idx": 1024', '"uri": "urn:uto:uto-mo"', "1 alg: -9, ESP256"):
        assert f"# {line}" in re.sub(r"#\s+", "# ", MESSAGE)
    said = (shown.aud, shown.credential.scope, shown.credential.status_index, shown.credential.status_uri, shown.alg)
    assert said == ("HZMB-HK", "MO-PR", 1024, "urn:uto:uto-mo", -9)
    hour = 3600
    assert (shown.iat, shown.credential.iat, shown.credential.exp) == (AT, AT - hour, AT + 12 * hour)


@pytest.mark.parametrize(
    ("seconds", "reason"),
    [(-6, Reason.FROM_THE_FUTURE), (-5, Reason.CLEARED), (15, Reason.CLEARED), (16, Reason.STALE)],
)
def test_the_example_clears_when_the_page_says(seconds: int, reason: Reason) -> None:
    files = WORLD.trust(AT)
    trust = build_trust(parse_trust_list(files["trust-list.json"]), files)
    lane = Verifier(trust, {WORLD.kit.point.kid: opened()}, Place(CONTROL_POINT, LANE, ENVIRONMENT))
    assert lane.verify(TEXT, Moment(float(AT + seconds), trusted=True)).reason is reason


def test_the_annotation_shows_every_byte_or_says_so() -> None:
    assert list(annotate(b"\x82\x01\x02", ((0, "head", "both"), (1, "pair", "one and two")))) == [
        f"{'82':<72}# both",
        f"{'  0102':<72}#   one and two",
    ]
    with pytest.raises(ValueError, match="notes for 2 bytes, got them for 1"):
        list(annotate(b"\x01\x02", ((0, "item", "one"),)))


def test_the_page_knows_every_reason_and_no_other() -> None:
    named = re.search(r"## 5\. Reasons\n(.*?)\n\n[A-Z]?They are", PAGE, re.DOTALL)
    assert re.findall(r"`([a-z_]+)`", named.group(1)) == list(Reason)
    table = re.findall(r"^\| 4\.\d+ \|.*\| (.*) \|$", PAGE, re.MULTILINE)
    assert {word for cell in table for word in re.findall(r"`([a-z_]+)`", cell)} == set(Reason) - {Reason.CLEARED}


def test_the_pages_numbers_are_the_codes() -> None:
    policy = Policy()
    assert f"at most {MAX_CHARACTERS} characters" in PAGE
    assert f"at most\n  {MAX_STATUS_URI} bytes" in PAGE
    assert f"at most {policy.max_code_age} seconds old" in PAGE
    assert f"at most {policy.max_code_lead} seconds ahead" in PAGE
    assert f"`iat - {policy.max_credential_lead} <= now`" in PAGE
