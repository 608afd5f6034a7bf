"""The vectors of tests/vectors, through the verifier and the desk: read from their files as another implementation would."""

import ast
import importlib
import inspect
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import FrameType, ModuleType

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from gate.credential.keys import ControlPointKey
from gate.credential.reasons import Reason
from gate.credential.trust import Trust, build_trust, parse_trust_list
from gate.credential.verifier import Moment, Place, Presentation, Verifier
from gate.lane.policy import Desk, Policy
from gate.lane.replay import Replay
from gate.specimen.vectors.book import cases, files
from gate.specimen.vectors.case import GENUINE, Case
from gate.specimen.vectors.scene import message

FOLDER = Path(__file__).parent / "vectors"
NAMES = sorted(path.name for path in FOLDER.glob("*.txt"))
CASES = {case.file: case for case in cases()}
CLAUSES = {"4", *(f"4.{number}" for number in range(1, 11))}

# Two fields are bent where the case is about two faults, or where a key needs a signature that fits it.
OF_TWO_FIELDS = ("first-", "clock-", "device-key-order-", "list-")

INCIDENTS = {
    "EU DCC 2021: fakes that were validly signed",
    "EU DCC 2021: one key for millions",
    "VerificaC19 #185",
    "VerificaC19 #88",
    "dgca-verifier-app-ios #141",
    "CVE-2021-40855",
    "green-pass-overview #8",
    "eudi-srv-verifier-endpoint #555",
    "Eventra #12578",
    "CovidCertificate-App-Android #271",
    "a sketch of ours that asked `if unprotected:`",
}


@dataclass(frozen=True, slots=True)
class World:
    trust: Trust
    keys: Mapping[bytes, ControlPointKey]


@cache
def blocks(name: str) -> tuple[dict[str, str], tuple[dict[str, str], ...]]:
    """The header, and each showing with what it takes from the header."""
    header, *showings = (
        dict(line.split(": ", 1) for line in block.splitlines())
        for block in (FOLDER / name).read_text(encoding="utf-8").split("\n\n")
    )
    return header, tuple({"scopes": "", **header, **showing} for showing in showings)


@cache
def world(name: str) -> World:
    found = {path.name: path.read_bytes() for path in (FOLDER / "worlds" / name).iterdir()}
    trust = build_trust(parse_trust_list(found["trust-list.json"]), found)
    held = json.loads(found["control-point-keys.json"])
    return World(trust, {bytes.fromhex(kid): control_point(bytes.fromhex(key)) for kid, key in held.items()})


def control_point(private: bytes) -> ControlPointKey:
    key = X25519PrivateKey.from_private_bytes(private)
    return ControlPointKey(key, key.public_key().public_bytes_raw())


def verifier(showing: Mapping[str, str]) -> Verifier:
    here = world(showing["world"])
    return Verifier(here.trust, here.keys, Place(showing["control-point"], showing["lane"], showing["environment"]))


def moment(showing: Mapping[str, str]) -> Moment:
    return Moment(float(showing["at"]), showing["clock"] == "trusted")


def read(presentation: Presentation | None) -> dict[str, str]:
    """What was read, in the words of the files: of what a presentation keeps."""
    if presentation is None:
        return {}
    return {
        "issuer-kid": presentation.issuer_kid.hex(),
        "credential-iat": str(presentation.credential_iat),
        "exp": str(presentation.exp),
        "cti": presentation.cti.hex(),
        "scope": json.dumps(presentation.scope),
        "status-idx": str(presentation.status_index),
        "status-uri": json.dumps(presentation.status_uri),
        "aud": json.dumps(presentation.aud),
        "iat": str(presentation.iat),
        "cnonce": presentation.cnonce.hex(),
    }


HELD = frozenset(
    {"issuer-kid", "credential-iat", "exp", "cti", "scope", "status-idx", "status-uri", "aud", "iat", "cnonce"}
)


@pytest.mark.parametrize("name", NAMES)
def test_vector(name: str) -> None:
    header, showings = blocks(name)
    policy = world(header["world"]).trust.policy
    replay = Replay(policy.anti_passback, 1000, policy.max_code_age + policy.max_code_lead)
    assert showings
    for showing in showings:
        verdict = verifier(showing).verify(json.loads(showing["text"]), moment(showing))
        decision = Desk(Policy(frozenset(showing["scopes"].split())), replay).decide(verdict, moment(showing).wall)
        assert decision.reason == showing["expect"]
        assert read(verdict.presentation) == {key: item for key, item in showing.items() if key in HELD}
        follow(replay, verdict.presentation, moment(showing).wall, showing.get("then"))


def follow(replay: Replay, shown: Presentation | None, wall: float, then: str | None) -> None:
    if then is None:
        return
    assert shown is not None
    replay.open(shown, wall)
    if then == "passes":
        replay.commit()
    elif then == "no-show":
        replay.give_back()
    else:
        assert then == "waits"


def test_the_files_are_what_the_specimen_makes_and_no_others() -> None:
    made = dict(files())
    found = {path.relative_to(FOLDER).as_posix(): path for path in FOLDER.rglob("*") if path.is_file()}
    assert set(found) - {"README.md"} == set(made)
    stale = [name for name, data in made.items() if found[name].read_bytes() != data]
    assert not stale, "python -m gate.specimen.vectors tests/vectors"


def test_every_reason_and_every_clause_has_a_vector() -> None:
    headers = [blocks(name)[0] for name in NAMES]
    assert {header["expect"] for header in headers} == set(Reason)
    assert {header["clause"] for header in headers} == CLAUSES
    assert {header.get("incident") for header in headers} == INCIDENTS | {None}


def test_a_vector_that_fails_is_a_cleared_one_but_for_one_defect() -> None:
    for name in NAMES:
        header, showings = blocks(name)
        if header["expect"] != Reason.CLEARED and len(showings) == 1:
            good, (sound,) = blocks(header["good"])
            assert good["expect"] == Reason.CLEARED, name
            assert sound["text"] != showings[0]["text"] or good | header != good, name
            two = CASES[name].name.startswith(OF_TWO_FIELDS)
            assert CASES[name].bent in ((1, 2) if two else (1,)), name


def test_every_story_begins_with_what_it_is_about() -> None:
    """Only the last showing of a vector with several can be what fails, but for the one that is about a refusal."""
    for name in NAMES:
        _, showings = blocks(name)
        reasons = {showing["expect"] for showing in showings[:-1]}
        assert reasons <= {Reason.CLEARED} or name == "04-10-refused-uses-nothing.txt"


def test_what_a_code_holds_is_told_where_both_signatures_held() -> None:
    for name in NAMES:
        for showing in blocks(name)[1]:
            assert ("cti" in showing) == (showing["expect"] in GENUINE)


# Every refusal in the verifier's path is reached by a vector.

PATH = tuple(
    importlib.import_module(f"gate.credential.{name}")
    for name in ("armor", "cbor", "claims", "cose", "hpke", "keys", "verifier")
)
NO_CODE_REACHES = {
    "expected a key of ": "the parser takes 32 bytes and no others; the trust list's keys go this way too",
    "expected a signature of ": "the parser takes 64 bytes and no others; vectors of other libraries go this way",
}


def refusals(module: ModuleType) -> Iterator[tuple[str, int, str]]:
    """File, line and text of each `raise` of a refusal."""
    source = inspect.getsource(module)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and isinstance(node.exc.func, ast.Name):
            text = ast.get_source_segment(source, node) or ""
            if node.exc.func.id in ("Refused", "malformed"):
                yield str(module.__file__), node.lineno, text


def lines_run() -> set[tuple[str, int]]:
    """The lines of the verifier's path that the vectors run."""
    reached: set[tuple[str, int]] = set()
    ours = {str(module.__file__) for module in PATH}

    def trace(frame: FrameType, _event: str, _: object) -> object:
        if frame.f_code.co_filename not in ours:
            return None
        reached.add((frame.f_code.co_filename, frame.f_lineno))
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        for name in NAMES:
            for showing in blocks(name)[1]:
                verifier(showing).verify(json.loads(showing["text"]), moment(showing))
    finally:
        sys.settrace(before)
    return reached


def test_every_refusal_of_the_verifier_is_reached() -> None:
    reached = lines_run()
    found = [refusal for module in PATH for refusal in refusals(module)]
    assert len(found) > 20
    missed = [refusal for refusal in found if refusal[:2] not in reached]
    assert not [text for _, _, text in missed if not any(reason in text for reason in NO_CODE_REACHES)]


# A vector that a careless verifier refuses by accident tests nothing: the forgeries must be such as a library alone takes.


@pytest.mark.parametrize(
    "case", [case for case in cases() if case.name.startswith("device-key-order-")], ids=lambda case: case.name
)
def test_a_library_alone_takes_a_signature_under_a_small_order_key(case: Case) -> None:
    protected, _, payload, signature = cbor2.loads(message(case.steps[0].scene)).value
    claims = cbor2.loads(cbor2.loads(protected)[13].value[2])
    key = Ed25519PublicKey.from_public_bytes(claims[8][1][-2])
    key.verify(signature, cbor2.dumps(["Signature1", protected, b"", payload]))
