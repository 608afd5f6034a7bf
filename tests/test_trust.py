"""The trust list: taken whole or not at all, and what is wrong is named."""

import json
from collections.abc import Callable

import msgspec
import pytest
from forge import AT, FILES, KIT, TRUST
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.credential.keys import on_curve
from gate.credential.trust import Policy, build_trust, parse_trust_list
from gate.errors import TrustError
from gate.specimen.cases import VALID_FROM, VALID_UNTIL

Content = dict[str, object]
NAME = "trust-list.json"


def content() -> Content:
    return json.loads(FILES[NAME])


def build(written: Content) -> None:
    build_trust(parse_trust_list(json.dumps(written).encode()), FILES)


def test_the_specimens_trust_is_built() -> None:
    assert (TRUST.serial, TRUST.issued, TRUST.expires) == (1, AT, VALID_UNTIL)
    assert set(TRUST.issuers) == {KIT.macau.kid, KIT.hong_kong.kid}
    issuer = TRUST.issuers[KIT.macau.kid]
    assert (issuer.name, issuer.kid, issuer.environment) == ("UTO-MO", KIT.macau.kid, "specimen")
    assert (issuer.valid_from, issuer.valid_until) == (VALID_FROM, VALID_UNTIL)
    assert issuer.scopes == {"MO-PR", "MO-NR"}
    assert issuer.key.raw == KIT.macau.key.public_key().public_bytes_raw()
    assert TRUST.control_points[KIT.point.kid] == ("HZMB-HK", KIT.point.public)
    assert {found.issuer_kid for found in TRUST.status_lists.values()} == set(TRUST.issuers)


def test_a_control_point_key_is_found_under_its_kids() -> None:
    written = content()
    second = written["control_points"][0] | {"kid": "00000001"}
    written["control_points"].append(second)
    trust = build_trust(parse_trust_list(json.dumps(written).encode()), FILES)
    assert trust.kids_of(KIT.point.public) == (KIT.point.kid, bytes.fromhex("00000001"))
    assert trust.kids_of(bytes(32)) == ()


def test_the_policy_has_the_formats_numbers_unless_it_says_others() -> None:
    written = content() | {"policy": {}}
    assert parse_trust_list(json.dumps(written).encode()).policy == Policy()
    assert (Policy().max_code_age, Policy().max_code_lead, Policy().max_credential_lead) == (15, 5, 5)


def at(path: str, value: object) -> Callable[[Content], None]:
    """Put a value at a path such as `issuers.0.kid`; `...` takes it away."""

    def bend(written: Content) -> None:
        *way, last = (int(step) if step.isdigit() else step for step in path.split("."))
        place = written
        for step in way:
            place = place[step]
        if value is ...:
            del place[last]
        else:
            place[last] = value

    return bend


def offpoint() -> str:
    return next(key.hex() for y in range(2, 99) if not on_curve(key := y.to_bytes(32, "little")))


@pytest.mark.parametrize(
    ("path", "value", "why"),
    [
        ("format", 2, r"format"),
        ("format", ..., "format"),
        ("serial", 0, "serial"),
        ("serial", True, "serial"),
        ("issued", -1, "issued"),
        ("expires", 1 << 33, "expires"),
        ("expires", 1.5, "expires"),
        ("extra", 1, "unknown field `extra`"),
        ("issuers", {}, "issuers"),
        ("issuers.0.kid", "00", "kid"),
        ("issuers.0.kid", "0" * 16 + "\n", "kid"),
        ("issuers.0.kid", "A" * 16, "kid"),
        ("issuers.0.kid", "\u0661" * 16, "kid"),
        ("issuers.0.key", "0" * 62, "key"),
        ("issuers.0.name", "", "name"),
        ("issuers.0.environment", "x" * 65, "environment"),
        ("issuers.0.scopes", [1], "scopes"),
        ("issuers.0.extra", 1, "unknown field `extra`"),
        ("control_points.0.kid", "0" * 16, "kid"),
        ("control_points.0.id", None, "id"),
        ("status_lists.0.uri", "x" * 28, "uri"),
        ("status_lists.0.file", "../secret", "file"),
        ("status_lists.0.file", "/etc/passwd", "file"),
        ("status_lists.0.file", "a/b", "file"),
        ("status_lists.0.file", "a\n", "file"),
        ("status_lists.0.file", "", "file"),
        ("status_lists.0.entries", 0, "entries"),
        ("status_lists.0.entries", 1 << 27, "entries"),
        ("policy", ..., "policy"),
        ("policy.max_code_age", 301, "max_code_age"),
        ("policy.max_code_lead", -1, "max_code_lead"),
        ("policy.max_cod_age", 9, "max_cod_age"),
    ],
)
def test_what_is_not_a_trust_list_is_named(path: str, value: object, why: str) -> None:
    written = content()
    at(path, value)(written)
    with pytest.raises(TrustError, match=f"^trust list: [a-z].*{why}"):
        build(written)


@pytest.mark.parametrize(
    ("path", "value", "why"),
    [
        ("issuers.0.key", "00" * 32, "small order"),
        ("issuers.0.key", "ff" * 31 + "7f", "canonical"),
        ("issuers.0.key", offpoint(), "on the curve"),
        ("issuers.1.kid", KIT.macau.kid.hex(), "each issuer once"),
        ("control_points.1.kid", KIT.point.kid.hex(), "each control point once"),
        ("status_lists.0.issuer", "00" * 8, "an issuer of this trust list"),
        ("status_lists.0.issuer", KIT.hong_kong.kid.hex(), "kid, got another"),
        ("status_lists.0.file", "missing.cwt", "missing.cwt, got none"),
        ("status_lists.0.file", NAME, "expected"),
        ("status_lists.0.uri", "urn:uto:other", "its own uri"),
        ("status_lists.0.entries", 4095 - 8, "entries"),
    ],
)
def test_what_cannot_be_trusted_is_named(path: str, value: object, why: str) -> None:
    written = content()
    at(path, value)(written)
    with pytest.raises(TrustError, match=why):
        build(written)


def test_a_status_list_named_twice_is_refused() -> None:
    written = content()
    written["status_lists"].append(written["status_lists"][0])
    with pytest.raises(TrustError, match="each status list once"):
        build(written)


@given(st.binary(max_size=80) | st.just(b"[" * 100_000) | st.just(b'{"x":' * 50_000) | st.just(b'{"\\xff": 1}'))
def test_any_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(TrustError, match=r"^trust list: "):
        parse_trust_list(data)


@settings(max_examples=40)
@given(st.integers(0, len(FILES[NAME]) - 1), st.binary(max_size=2))
def test_changed_bytes_are_refused_or_still_a_whole_list(where: int, change: bytes) -> None:
    data = FILES[NAME][:where] + change + FILES[NAME][where + 1 :]
    try:
        trust_list = parse_trust_list(data)
    except TrustError:
        return
    assert parse_trust_list(msgspec.json.encode(trust_list)) == trust_list
