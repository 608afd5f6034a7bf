"""The audit record: what a line is, what it may not hold, and that the chain shows every change."""

import json
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.errors import JournalError
from gate.lane.audit import Chain, Entry, Kind, Value, verify, who
from gate.lane.clock import ClockState

NOW = 1_800_000_000.0
VALUES = (
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63), (1 << 63) - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20).filter(lambda text: "EC1:" not in text)
)
FIELDS = st.dictionaries(st.sampled_from(["reason", "state", "who", "trust", "ms", "what", "list_2"]), VALUES)
ENTRIES = st.builds(Entry, st.sampled_from(Kind), st.floats(0, 2**33), st.sampled_from(ClockState), FIELDS)


def sealed(entries: list[Entry], chain: Chain = Chain()) -> tuple[list[bytes], Chain]:  # noqa: B008 - a frozen value
    lines = []
    for entry in entries:
        line, chain = chain.seal(entry)
        lines.append(line)
    return lines, chain


def entry(**fields: Value) -> Entry:
    return Entry(Kind.DECISION, NOW, ClockState.TRUSTED, fields)


def test_a_line_is_deterministic_json_with_its_own_hash() -> None:
    line, chain = Chain.begin().seal(entry(reason="cleared", ms=12.5))
    content = (
        b'{"at":1800000000.0,"clock":"trusted","kind":"decision","ms":12.5,"prev":"' + b"0" * 64
        + b'","reason":"cleared","seq":0}'
    )  # fmt: skip
    digest = sha256(content.replace(b'"kind"', b'"hash":"","kind"')).hexdigest()
    assert line == content.replace(b'"kind"', f'"hash":"{digest}","kind"'.encode()) + b"\n"
    assert chain == Chain(1, sha256(line.rstrip(b"\n")).hexdigest())


def test_a_line_follows_the_one_before_it() -> None:
    (first, second), _ = sealed([entry(), entry()])
    assert json.loads(second)["prev"] == sha256(first.rstrip(b"\n")).hexdigest()


@given(st.lists(ENTRIES, max_size=8))
def test_a_record_verifies_and_resumes(entries: list[Entry]) -> None:
    lines, chain = sealed(entries)
    assert all(line.count(b"\n") == 1 and line.endswith(b"\n") for line in lines)
    assert verify(lines) == chain
    assert verify(line.rstrip(b"\n") for line in lines) == chain
    if lines:
        assert Chain.resume(lines[-1]) == Chain.resume(lines[-1].rstrip(b"\n")) == chain
    for at in range(len(lines) + 1):
        assert verify(lines[at:], start=verify(lines[:at])) == chain


@given(st.lists(ENTRIES, min_size=1, max_size=8))
def test_a_line_says_what_was_entered(entries: list[Entry]) -> None:
    for number, (line, entered) in enumerate(zip(sealed(entries)[0], entries, strict=True)):
        content = json.loads(line)
        for name, value in entered.fields.items():
            assert content[name] == value
        assert (content["seq"], content["at"], content["kind"], content["clock"]) == (
            number,
            entered.at,
            entered.kind,
            entered.clock,
        )


def holds(lines: list[bytes], known: Chain) -> bool:
    """What one who knows the head can say of a record."""
    try:
        return verify(lines) == known
    except JournalError:
        return False


@given(st.lists(ENTRIES, min_size=1, max_size=6), st.data())
def test_one_changed_bit_is_found(entries: list[Entry], data: st.DataObject) -> None:
    lines, chain = sealed(entries)
    at = data.draw(st.integers(0, len(lines) - 1))
    line = bytearray(lines[at].rstrip(b"\n"))
    line[data.draw(st.integers(0, len(line) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(JournalError, match=rf"^line {at + 1}: "):
        verify([*lines[:at], bytes(line), *lines[at + 1 :]])
    assert holds(lines, chain)


@given(st.lists(ENTRIES, min_size=2, max_size=6), st.data())
def test_a_line_removed_doubled_or_moved_is_found(entries: list[Entry], data: st.DataObject) -> None:
    lines, chain = sealed(entries)
    at = data.draw(st.integers(0, len(lines) - 1))
    other = data.draw(st.integers(0, len(lines) - 1).filter(lambda other: other != at))
    assert not holds(lines[:at] + lines[at + 1 :], chain)
    assert not holds([*lines[:at], lines[at], *lines[at:]], chain)
    swapped = list(lines)
    swapped[at], swapped[other] = swapped[other], swapped[at]
    assert not holds(swapped, chain)


@given(st.lists(ENTRIES, min_size=2, max_size=6), ENTRIES, st.data())
def test_a_line_forged_with_its_hashes_in_order_is_found_by_the_next(
    entries: list[Entry], forged: Entry, data: st.DataObject
) -> None:
    lines, _ = sealed(entries)
    at = data.draw(st.integers(0, len(lines) - 2))
    forgery, _ = verify(lines[:at]).seal(forged)
    if forgery != lines[at]:
        with pytest.raises(JournalError, match=rf"^line {at + 2}: expected the hash of the line before it"):
            verify([*lines[:at], forgery, *lines[at + 1 :]])


def test_what_broke_is_said() -> None:
    lines, _ = sealed([entry(ms=1), entry(ms=2), entry(ms=3)])
    with pytest.raises(JournalError, match=r"^line 2: expected record 1, not 2: lines are missing, added or moved$"):
        verify([lines[0], lines[2]])
    with pytest.raises(JournalError, match=r"^line 1: expected record 0, not 1"):
        verify(lines[1:])
    with pytest.raises(JournalError, match=r"^line 3: expected the hash of its own content"):
        verify([*lines[:2], lines[2].replace(b'"ms":3', b'"ms":4')])
    with pytest.raises(JournalError, match=r"^line 1: .* as this program writes it"):
        verify([lines[0].replace(b'"ms":1', b'"ms": 1')])


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        b"null",
        b"[]",
        b"{}",
        b'{"seq":0',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"ms":1e999}',
        b'{"ms":NaN}',
        b'{"ms":' + b"9" * 5000 + b"}",
    ],
)
def test_what_is_no_line_is_refused(line: bytes) -> None:
    with pytest.raises(JournalError, match=r"^line 1: expected"):
        verify([line])
    with pytest.raises(JournalError, match="expected"):
        Chain.resume(line)


@given(st.binary(max_size=60))
def test_no_bytes_make_it_stumble(data: bytes) -> None:
    with pytest.raises(JournalError):
        Chain.resume(data)


@pytest.mark.parametrize("content", [{}, {"seq": True, "prev": "0"}, {"seq": 0.0, "prev": "0"}, {"seq": 0, "prev": 0}])
def test_a_line_that_is_sealed_but_tells_no_place_is_refused(content: dict[str, object]) -> None:
    def write(value: dict[str, object]) -> bytes:
        return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()

    line = write({**content, "hash": sha256(write({**content, "hash": ""})).hexdigest()})
    with pytest.raises(JournalError, match="expected a number and the hash of the line before it"):
        Chain.resume(line)


@pytest.mark.parametrize(
    "name",
    ["text", "cti", "device_key", "frame", "raw_text", "last_frame_no", "symbol", "nickname", "cnonce"],
)
def test_nothing_personal_is_recorded(name: str) -> None:
    with pytest.raises(JournalError, match="expected nothing personal in a record, not a field of"):
        entry(**{name: 1})


@pytest.mark.parametrize("name", ["seq", "at", "clock", "kind", "prev", "hash", "", "Text", "CTI", "a b", "x-y", "é"])
def test_a_field_is_named_plainly_and_not_as_the_lines_own(name: str) -> None:
    with pytest.raises(JournalError, match="expected a field's name in lower case that is not the line's own"):
        entry(**{name: 1})


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (float("nan"), "a finite number"),
        (float("inf"), "a finite number"),
        (1 << 63, "an integer of 64 bits"),
        (-(1 << 63) - 1, "an integer of 64 bits"),
        ("shown: EC1:6BF", "no code in a record"),
    ],
)
def test_a_value_is_finite_and_no_code(value: Value, said: str) -> None:
    with pytest.raises(JournalError, match=f"expected {said}") as error:
        entry(what=value)
    assert "6BF" not in str(error.value)


def test_a_value_is_no_bytes() -> None:
    fields: dict[str, object] = {"what": b"pseudonym-01"}
    with pytest.raises(JournalError, match="not bytes") as error:
        Entry(Kind.FAULT, NOW, ClockState.TRUSTED, fields)  # type: ignore[arg-type]  # what a caller without mypy may do
    assert "pseudonym" not in str(error.value)


def test_a_kind_and_a_clock_are_of_the_closed_lists() -> None:
    assert Entry("no_show", NOW, "holdover") == Entry(Kind.NO_SHOW, NOW, ClockState.HOLDOVER)
    for kind, clock in (("walk", "trusted"), ("stop", "right")):
        with pytest.raises(JournalError, match="expected a kind of record and a state of the clock"):
            Entry(kind, NOW, clock)


@pytest.mark.parametrize("at", [float("nan"), float("inf")])
def test_a_record_has_a_time(at: float) -> None:
    with pytest.raises(JournalError, match="expected a time in seconds"):
        Entry(Kind.STOP, at, ClockState.TRUSTED)


def test_who_is_found_again_with_the_days_key_alone() -> None:
    # RFC 4231, test case 2, cut to 16 bytes.
    assert who(b"Jefe", b"what do ya want for nothing?") == "5bdcc146bf60754e6a042426089575c7"
    assert who(b"another day", b"what do ya want for nothing?") != "5bdcc146bf60754e6a042426089575c7"
