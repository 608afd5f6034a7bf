"""A vector: what it is, what it must give, and its file (tests/vectors/README.md says how to read one)."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gate.credential.reasons import Reason
from gate.specimen.phone import DeviceKey, cose_key
from gate.specimen.vectors.scene import Scene, code

GENUINE: Final = frozenset(Reason) - {
    Reason.NOT_OURS, Reason.UNKNOWN_VERSION, Reason.MALFORMED, Reason.UNDECRYPTABLE, Reason.TRUST_EXPIRED,
    Reason.UNKNOWN_ISSUER, Reason.BAD_SIGNATURE, Reason.EXPIRED, Reason.NOT_YET_VALID,
}  # fmt: skip
"""The reasons that are given after both signatures held: then it is known what was shown."""


class Then(StrEnum):
    """What happens after a showing that was cleared."""

    NOTHING = ""
    WAITS = "waits"
    PASSES = "passes"
    NO_SHOW = "no-show"


@dataclass(frozen=True, slots=True)
class Step:
    """One showing, what it must give, and what the traveller does then."""

    scene: Scene
    expect: Reason
    then: Then = Then.NOTHING


@dataclass(frozen=True, slots=True)
class Case:
    """A vector of one or more showings. `good` names the vector that this one was, before it was bent in `bent` fields."""

    name: str
    clause: str
    comment: str
    steps: tuple[Step, ...]
    good: str = ""
    bent: int = 0
    incident: str = ""

    @property
    def expect(self) -> Reason:
        """What the last showing must give."""
        return self.steps[-1].expect

    @property
    def file(self) -> str:
        """The vector's file name: its clause and its name."""
        section, _, number = self.clause.partition(".")
        return f"{section:0>2}-{number or 0}-{self.name}.txt"


def good(name: str, clause: str, comment: str, scene: Scene, incident: str = "") -> Case:
    """A vector that is cleared, from which others are bent."""
    return Case(name, clause, comment, (Step(scene, Reason.CLEARED),), incident=incident)


def bent(
    base: Case,
    name: str,
    clause: str,
    expect: Reason,
    comment: str,
    incident: str = "",
    **defect: Any,  # noqa: ANN401 - dataclasses.replace checks the names
) -> Case:
    """A vector that is another one but for its defect: these fields of its scene."""
    step = Step(replace(base.steps[0].scene, **defect), expect)
    return Case(name, clause, comment, (step,), good=base.file, bent=len(defect), incident=incident)


def page(case: Case) -> str:
    """The vector's file."""
    last = case.steps[-1]
    header = {
        "comment": case.comment,
        "incident": case.incident,
        "clause": case.clause,
        "good": case.good,
        **_circumstances(last),
    }
    blocks = [header, *(_step(step, last) for step in case.steps)]
    return "\n".join("".join(_lines(block)) for block in blocks)


def _lines(block: Mapping[str, str]) -> Iterator[str]:
    return (f"{key}: {value}\n" for key, value in block.items() if value)


def _circumstances(step: Step) -> dict[str, str]:
    scene = step.scene
    return {
        "expect": step.expect,
        "at": f"{scene.at:.3f}".removesuffix(".000"),
        "clock": "trusted" if scene.trusted else "untrusted",
        "world": scene.world,
        "control-point": scene.control_point,
        "lane": scene.lane,
        "environment": scene.environment,
        "scopes": " ".join(scene.scopes),
    }


def _step(step: Step, last: Step) -> dict[str, str]:
    """What differs from the header, the text, what it holds where that is known, and what happens then."""
    usual = _circumstances(last)
    other = {key: value for key, value in _circumstances(step).items() if value != usual[key]}
    held = _held(step.scene) if step.expect in GENUINE else {}
    return {**other, "text": _quoted(code(step.scene)), **held, "then": step.then}


def _held(scene: Scene) -> dict[str, str]:
    """What both signatures say."""
    return {
        "control-point-kid": scene.point.kid.hex(),
        "issuer-kid": scene.issuer.kid.hex(),
        "credential-iat": str(scene.begins),
        "exp": str(scene.ends),
        "cti": scene.cti.hex(),
        "device-key": _key(scene.holder),
        "scope": _quoted(scene.scope),
        "status-idx": str(scene.index),
        "status-uri": _quoted(scene.uri),
        "aud": _quoted(scene.aud),
        "iat": str(scene.made),
        "cnonce": scene.cnonce.hex(),
    }


def _key(key: DeviceKey) -> str:
    public = cose_key(key)
    x = public[-2]
    assert isinstance(x, bytes)  # noqa: S101 - both kinds of COSE_Key have it
    if isinstance(key, Ed25519PrivateKey):
        return f"ed25519 {x.hex()}"
    return f"p256 {x.hex()} {'odd' if public[-3] else 'even'}"


def _quoted(text: str) -> str:
    """As a JSON string, so that every character and every space at an end is seen."""
    return json.dumps(text)
