"""The trust list: taken whole or not at all, and what is wrong is named."""

import json
import tracemalloc
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from math import inf

import msgspec
import pytest
from forge import AT, FILES, KIT, TRUST
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.credential.keys import on_curve
from gate.credential.trust import ControlPoint, Policy, Trust, build_trust, check_succession, parse_trust_list
from gate.errors import TrustError
from gate.specimen.cases import STATUS_ENTRIES, VALID_FROM, VALID_UNTIL
from gate.specimen.issuer import trust_list

Content = dict[str, object]
NAME = "trust-list.json"


def content() -> Content:
    return json.loads(FILES[NAME])


def build(written: Content, files: Mapping[str, bytes] = FILES) -> Trust:
    return build_trust(parse_trust_list(json.dumps(written).encode()), files)


def test_the_specimens_trust_is_built() -> None:
    assert (TRUST.serial, TRUST.issued, TRUST.expires) == (1, AT, VALID_UNTIL)
    assert set(TRUST.issuers) == {KIT.macau.kid, KIT.hong_kong.kid}
    issuer = TRUST.issuers[KIT.macau.kid]
    assert (issuer.name, issuer.kid, issuer.environment) == ("UTO-MO", KIT.macau.kid, "specimen")
    assert (issuer.valid_from, issuer.valid_until) == (VALID_FROM, VALID_UNTIL)
    assert issuer.scopes == {"MO-PR", "MO-NR"}
    assert issuer.key.raw == KIT.macau.key.public_key().public_bytes_raw()
    assert TRUST.control_points[KIT.point.kid] == ControlPoint("HZMB-HK", KIT.point.public, inf)
    assert {found.issuer_kid for found in TRUST.status_lists.values()} == set(TRUST.issuers)


def test_a_control_point_key_is_found_under_its_kids() -> None:
    written = content()
    second = written["control_points"][0] | {"kid": "00000001"}
    written["control_points"].append(second)
    trust = build_trust(parse_trust_list(json.dumps(written).encode()), FILES)
    assert trust.kids_of(KIT.point.public) == (KIT.point.kid, bytes.fromhex("00000001"))
    assert trust.kids_of(bytes(32)) == ()


def test_what_a_verdict_compares_with_is_worked_out_once() -> None:
    trust = build(content() | {"expires": AT + 1000, "policy": {"trust_grace": 50, "max_status_age": VALID_UNTIL - AT}})
    assert trust.dies == AT + 1050
    assert trust.status_dies == {f"urn:uto:uto-{name}": VALID_FROM + VALID_UNTIL - AT for name in ("mo", "hk")}
    lists = {uri: replace(listed, exp=AT + 7, iat=AT + 5) for uri, listed in trust.status_lists.items()}
    later = replace(trust, status_lists=lists)  # worked out anew
    assert (set(later.status_dies.values()), later.newest, trust.newest) == ({AT + 7}, AT + 5, AT)
    assert replace(trust, status_lists={}).newest == AT


def test_a_key_that_is_replaced_opens_until_its_end() -> None:
    written = content()
    written["control_points"][0]["valid_until"] = AT + 10
    trust = build(written)
    assert [trust.opens(KIT.point.kid, AT + after) for after in (-9, 9.999, 10, 99)] == [True, True, False, False]
    assert trust.opens(KIT.elsewhere.kid, 1e12)  # it has no end
    assert trust.opens(b"gone", 1e12)  # what is not listed is the lane's own to keep


def test_the_policy_has_the_formats_numbers_unless_it_says_others() -> None:
    written = content() | {"policy": {}}
    assert parse_trust_list(json.dumps(written).encode()).policy == Policy()
    day = 86400
    assert msgspec.structs.astuple(Policy()) == (15, 5, 5, 31 * day, 2 * day, 3 * day, 60, None, None, None)


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
        ("format", 0, "format"),
        ("format", ..., "format"),
        ("serial", 0, "serial"),
        ("serial", True, "serial"),
        ("serial", 1 << 53, "serial"),
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
        ("control_points.0.extra", 1, "unknown field `extra`"),
        ("status_lists.0.extra", 1, "unknown field `extra`"),
        ("status_lists.0.uri", "", "uri"),
        ("status_lists.0.uri", "x" * 28, "uri"),
        ("status_lists.0.file", "../secret", "file"),
        ("status_lists.0.file", "/etc/passwd", "file"),
        ("status_lists.0.file", "a/b", "file"),
        ("status_lists.0.file", "a\n", "file"),
        ("status_lists.0.file", "", "file"),
        ("status_lists.0.entries", 0, "entries"),
        ("status_lists.0.entries", (1 << 26) + 1, "entries"),
        ("policy", ..., "policy"),
        ("policy.max_code_age", 301, "max_code_age"),
        ("policy.max_code_age", 0, "max_code_age"),
        ("policy.max_code_lead", -1, "max_code_lead"),
        ("policy.max_code_lead", 61, "max_code_lead"),
        ("policy.max_credential_lead", -1, "max_credential_lead"),
        ("policy.max_credential_lead", 61, "max_credential_lead"),
        ("policy.max_cod_age", 9, "max_cod_age"),
        ("policy.trust_fresh", -1, "trust_fresh"),
        ("policy.status_stale", 0.5, "status_stale"),
        (
            "policy",
            {"status_fresh": 9, "status_stale": 8},
            "status_fresh <= status_stale, got 9 and 8.*policy",
        ),
        ("policy", {"status_stale": 9, "max_status_age": 8}, "status_stale <= max_status_age, got 9 and 8.*policy"),
        ("policy", {"status_fresh": 9, "max_status_age": 8}, "status_fresh <= max_status_age, got 9 and 8.*policy"),
        ("control_points.0.valid_until", -1, "valid_until"),
        ("status_lists.0.uri", "urn:x y", "uri"),
        ("status_lists.0.uri", "urn:x\nREADY=1", "uri"),
        ("status_lists.0.uri", "urn:x\n", "uri"),
        ("issuers.0.name", "x\n", "name"),
        ("issuers.0.name", "\x1b[2J", "name"),
        ("control_points.0.id", "x\u2028y", "id"),
        ("x" * 5000 + "\n", 1, r"unknown field `x{169}$"),
        ("x\ny", 1, r"(?<=: o)bject contains unknown field `x\?y`$"),
    ],
)
def test_what_is_not_a_trust_list_is_named(path: str, value: object, why: str) -> None:
    written = content()
    at(path, value)(written)
    with pytest.raises(TrustError, match=f"^trust list: [a-z].*{why}"):
        build(written)


@pytest.mark.parametrize(
    ("path", "least", "most"),
    [
        ("serial", 1, (1 << 53) - 1),
        ("issued", 0, (1 << 33) - 1),
        ("policy.max_code_age", 1, 300),
        ("policy.max_code_lead", 0, 60),
        ("policy.max_credential_lead", 0, 60),
        ("policy.anti_passback", 0, (1 << 33) - 1),
        ("status_lists.0.entries", 1, 1 << 26),
        ("status_lists.0.uri", "!", "~" * 27),
        ("status_lists.0.file", "a", "a" * 64),
        ("issuers.0.name", "\u6fb3", "x" * 64),
        ("policy", {"status_fresh": 9, "status_stale": 9, "max_status_age": 9}, {"status_fresh": 8, "status_stale": 9}),
    ],
)
def test_what_is_just_within_its_bounds_is_parsed(path: str, least: object, most: object) -> None:
    for value in (least, most):
        written = content()
        at(path, value)(written)
        parse_trust_list(json.dumps(written).encode())


def test_a_uri_that_is_spelled_like_a_kid_is_no_kid() -> None:
    written = content()
    uri = written["status_lists"][0]["uri"] = KIT.macau.kid.hex()
    signed = KIT.macau.status_list(uri, {}, entries=STATUS_ENTRIES, iat=VALID_FROM, exp=VALID_UNTIL)
    assert uri in build(written, {**FILES, written["status_lists"][0]["file"]: signed}).status_lists


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
        ("status_lists.0.entries", STATUS_ENTRIES - 8, "exactly 1022 bytes for 4088 entries"),
        (
            "status_lists.0.entries",
            STATUS_ENTRIES + 1,
            "4097 indices given out, got 1024: it is shorter than its indices",
        ),
        ("expires", AT, f"^trust list: expected it to expire after {AT}, got {AT}$"),
        ("issuers.0.valid_from", VALID_UNTIL, f"valid_until after {VALID_UNTIL}"),
        # One key in two roles, under kids of their own.
        ("issuers.1.key", KIT.macau.key.public_key().public_bytes_raw().hex(), "signature that verifies"),
        (
            "control_points.1.key",
            KIT.point.public.hex(),
            "control point key .*expected control point HZMB-HK, got control point GBQ",
        ),
    ],
)
def test_what_cannot_be_trusted_is_named(path: str, value: object, why: str) -> None:
    written = content()
    at(path, value)(written)
    with pytest.raises(TrustError, match=why):
        build(written)


def test_one_key_in_two_environments_is_refused() -> None:
    written = content()
    copy = {"kid": "00" * 8, "environment": "production"}
    written["issuers"].append(written["issuers"][0] | copy)
    with pytest.raises(
        TrustError, match=r"issuer key [0-9a-f]{64}: expected environment specimen, got environment prod"
    ):
        build(written)
    written["issuers"][-1]["environment"] = "specimen"
    assert len(build(written).issuers) == 3  # a second kid is a way to rotate


@pytest.mark.parametrize("kind", ["issuers", "control_points", "status_lists"])
def test_a_list_of_endless_rows_is_refused(kind: str) -> None:
    written = content()
    written[kind] = written[kind][:1] * 1025
    with pytest.raises(TrustError, match=rf"^trust list: expected `array` of length <= 1024 .*{kind}"):
        build(written)


def test_lists_that_would_fill_the_memory_together_are_refused() -> None:
    written = content()
    written["status_lists"] = [written["status_lists"][0] | {"entries": 1 << 26}] * 2 + written["status_lists"][1:]
    with pytest.raises(TrustError, match="at most 134217728 entries in all status lists"):
        build(written)
    written["status_lists"].pop()  # as many as there may be
    with pytest.raises(TrustError, match=r"urn:uto:uto-mo: .* shorter than its indices"):
        build(written)


def test_a_status_list_named_twice_is_refused() -> None:
    written = content()
    written["status_lists"].append(written["status_lists"][0])
    with pytest.raises(TrustError, match="each status list once"):
        build(written)


# Trust only moves forward.


def successor(bend: Callable[[Content], None] = lambda _: None, **status: object) -> Trust:
    """The next trust after `held`, bent; `status` are the fields of its Macau status list that differ."""
    written = content() | {"serial": 8, "issued": AT + 1}
    bend(written)
    entry = written["status_lists"][0]
    told = {"iat": VALID_FROM, "exp": VALID_UNTIL, "entries": STATUS_ENTRIES, "statuses": {}} | status
    signed = KIT.macau.status_list(entry["uri"], **told)
    entry["entries"] = told["entries"]
    return build(written, {**FILES, entry["file"]: signed})


def as_held(written: Content) -> None:
    written.update(serial=7, issued=AT)


HELD = successor(as_held)


def test_newer_trust_is_taken() -> None:
    check_succession(HELD, successor())
    check_succession(HELD, successor(iat=VALID_FROM + 1, statuses={5: 1}, entries=STATUS_ENTRIES + 4))
    check_succession(HELD, successor(at("serial", 900)))


def test_the_same_trust_again_is_no_step_back() -> None:
    check_succession(HELD, HELD)
    check_succession(TRUST, build(dict(reversed(content().items()))))  # written otherwise


def test_a_newer_status_list_needs_no_newer_trust_list() -> None:
    newer = successor(as_held, iat=VALID_FROM + 1, statuses={5: 1})
    check_succession(HELD, newer)
    with pytest.raises(TrustError, match="rollback"):
        check_succession(newer, HELD)


def test_what_is_no_longer_named_may_go() -> None:
    def drop(written: Content) -> None:
        written["issuers"].pop()
        written["status_lists"].pop()
        written["control_points"].pop()

    check_succession(HELD, successor(drop))
    check_succession(successor(drop), successor(at("serial", 9)))


def test_a_control_point_key_may_be_given_an_end() -> None:
    check_succession(HELD, successor(at("control_points.0.valid_until", AT + 10)))


OTHER_KEY = KIT.forger.key.public_key().public_bytes_raw().hex()


@pytest.mark.parametrize(
    ("path", "value", "why"),
    [
        (
            "serial",
            6,
            r"trust list: expected serial 7 or newer, got 6: somebody offers an old state \(rollback\); what is held stays$",
        ),
        ("serial", 7, "expected under serial 7 the list that is held, got another; raise the serial"),
        ("issued", AT - 1, f"expected one issued at {AT} or later, got {AT - 1}: .*rollback"),
        (
            "issuers.0.environment",
            "production",
            "issuer key .*expected environment specimen, got environment production",
        ),
        (
            "control_points.0.id",
            "HZMB-MO",
            "control point key .*expected control point HZMB-HK, got control point HZMB-MO",
        ),
        (
            "control_points.0.key",
            OTHER_KEY,
            f"^control point kid {KIT.point.kid.hex()}: expected key {KIT.point.public.hex()}, got key {OTHER_KEY} too; name each",
        ),
    ],
)
def test_trust_that_goes_back_is_refused(path: str, value: object, why: str) -> None:
    with pytest.raises(TrustError, match=why):
        check_succession(HELD, successor(at(path, value)))


@pytest.mark.parametrize(
    ("status", "why"),
    [
        ({"iat": VALID_FROM - 1}, f"uto-mo: expected one of {VALID_FROM} or later, got {VALID_FROM - 1}: .*rollback"),
        ({"statuses": {5: 1}}, f"uto-mo: expected the list of {VALID_FROM} that is held, got another of that time"),
        ({"exp": VALID_UNTIL - 1}, "got another of that time"),
        (
            {"iat": VALID_FROM + 1, "entries": STATUS_ENTRIES - 4},
            "uto-mo: expected at least the 4096 indices already given out, got 4092",
        ),
    ],
)
def test_a_status_list_that_goes_back_is_refused(status: Mapping[str, object], why: str) -> None:
    with pytest.raises(TrustError, match=why):
        check_succession(HELD, successor(**status))


def test_an_issuers_kid_that_names_another_key_is_refused() -> None:
    """Whoever signs with the new key would speak for everybody who was signed by the old one."""
    stolen = replace(KIT.macau, key=KIT.forger.key)
    entries = [stolen.entry("specimen", VALID_FROM, VALID_UNTIL)]
    offered = build(
        json.loads(trust_list(entries, [KIT.point], [], issued=AT + 1, expires=VALID_UNTIL, policy={}, serial=8))
    )
    with pytest.raises(
        TrustError, match=f"^issuer kid {KIT.macau.kid.hex()}: expected key .*, got key {OTHER_KEY} too"
    ):
        check_succession(HELD, offered)


def test_a_uri_that_moves_to_another_issuer_is_refused() -> None:
    written = content() | {"serial": 8, "issued": AT + 1}
    moved = written["status_lists"][0] | {"issuer": KIT.hong_kong.kid.hex()}
    written["status_lists"] = [moved]
    signed = KIT.hong_kong.status_list(moved["uri"], {}, entries=STATUS_ENTRIES, iat=VALID_FROM + 1, exp=VALID_UNTIL)
    with pytest.raises(TrustError, match=f"^status list urn:uto:uto-mo: expected issuer {KIT.macau.kid.hex()}, got"):
        check_succession(HELD, build(written, {moved["file"]: signed}))


@cache
def state(serial: int, issued: int, iat: int, revoked: int, entries: int) -> Trust:
    def bend(written: Content) -> None:
        written.update(serial=1 + serial, issued=AT + issued)

    return successor(bend, iat=VALID_FROM + iat, statuses={revoked: 1}, entries=STATUS_ENTRIES + 4 * entries)


states = st.builds(state, *[st.integers(0, 1)] * 5)


def follows(held: Trust, offered: Trust) -> bool:
    try:
        check_succession(held, offered)
    except TrustError:
        return False
    return True


@given(states, states, states)
def test_forward_is_one_way(one: Trust, two: Trust, three: Trust) -> None:
    assert follows(one, one)
    if follows(one, two):
        assert one == two or not follows(two, one)
        assert not follows(two, three) or follows(one, three)


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
    try:
        trust = build_trust(trust_list, FILES)
    except TrustError:
        return
    assert (trust.digest == TRUST.digest) == (trust == TRUST)


def test_a_list_of_bombs_is_read_in_bounded_memory() -> None:
    """Each status file may inflate to what is announced and no further, and each is looked at once."""
    bomb = KIT.macau.status_list("urn:uto:uto-mo", {}, entries=1 << 24, iat=VALID_FROM, exp=VALID_UNTIL)
    files = {**FILES, content()["status_lists"][0]["file"]: bomb}
    tracemalloc.start()
    with pytest.raises(TrustError, match="exactly 1024 bytes"):
        build(content(), files)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1_000_000
