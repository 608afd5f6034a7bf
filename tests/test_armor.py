"""The prefix, the limits and Base45: what is ours, and that nothing but exact Base45 is read."""

import base45
import pytest
from forge import outcome, text
from hypothesis import given
from hypothesis import strategies as st

from gate.credential.armor import MAX_CHARACTERS, decode_base45, glance, unarmor
from gate.credential.reasons import Reason, Refused
from gate.specimen.seal import base45 as encode_base45

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
NEAR = st.text(st.sampled_from(ALPHABET), max_size=40) | st.text(
    st.sampled_from(ALPHABET + "abz\n\u00e9\ud800"), max_size=12
)


def read(text: str) -> bytes | Reason:
    """What the verifier makes of the outermost layer: a look at it, then its bytes."""
    return glance(text) or outcome(unarmor, text)


@given(st.binary(min_size=1, max_size=600))
def test_base45_comes_back_as_it_went_in(data: bytes) -> None:
    assert decode_base45(base45.b45encode(data).decode()) == data
    assert unarmor("EC1:" + encode_base45(data)[:896]) == data[:597]


@given(NEAR)
def test_whatever_is_read_is_the_one_text_of_its_bytes(text: str) -> None:
    data = outcome(decode_base45, text)
    assert data is Reason.MALFORMED or encode_base45(data) == text


@given(st.text(st.sampled_from(ALPHABET), min_size=1, max_size=60))
def test_over_its_alphabet_it_agrees_with_the_package(text: str) -> None:
    try:
        expected = base45.b45decode(text)
    except ValueError:
        expected = Reason.MALFORMED
    assert outcome(decode_base45, text) == expected


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "nothing"),
        ("bb8", "alphabet"),
        ("BB8\n", "alphabet"),
        ("\u017f00", "ASCII"),
        ("\u0661\u0662\u0663", "ASCII"),  # digits elsewhere
        ("BB8\ud800", "ASCII"),
        ("B", "left over"),
        ("BB8B", "left over"),
        (":::", "range"),
        ("GGW", "range"),  # 65536
        ("U5", None),
        ("V5", "range"),  # 256 in one byte
        ("FGW", None),  # 65535
    ],
)
def test_the_edges_of_base45(text: str, why: str | None) -> None:
    if why is None:
        assert set(decode_base45(text)) == {255}
        return
    with pytest.raises(Refused, match=why):
        decode_base45(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", Reason.NOT_OURS),
        ("EC1", Reason.NOT_OURS),
        ("ec1:BB8", Reason.NOT_OURS),
        (" EC1:BB8", Reason.NOT_OURS),
        ("EC\u0662:BB8", Reason.NOT_OURS),
        ("EC12:BB8", Reason.NOT_OURS),
        ("ECX:BB8", Reason.NOT_OURS),
        ("HC1:BB8", Reason.NOT_OURS),
        ("x" * 1_000_000, Reason.NOT_OURS),
        ("EC0:BB8", Reason.UNKNOWN_VERSION),
        ("EC2:not even Base45", Reason.UNKNOWN_VERSION),
        ("EC1:", Reason.MALFORMED),
        ("EC1:bb8", Reason.MALFORMED),
        ("EC1:EC1:BB8", Reason.MALFORMED),
    ],
)
def test_what_is_not_an_ec1_text_says_what_it_is(text: str, reason: Reason) -> None:
    assert read(text) is reason


def test_the_longest_text_is_900_characters() -> None:
    longest = "EC1:" + encode_base45(bytes(597))
    assert (len(longest), unarmor(longest)) == (MAX_CHARACTERS, bytes(597))
    assert read("EC1:" + encode_base45(bytes(598))) is Reason.MALFORMED


def test_length_is_looked_at_before_the_characters() -> None:
    with pytest.raises(Refused, match="at most 900 characters, got 1000004"):
        unarmor("EC1:" + "\u00e9" * 1_000_000)


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    for shown in (text, "EC1:" + text):
        found = read(shown)
        if isinstance(found, bytes):
            assert "EC1:" + encode_base45(found) == shown
        else:
            assert found in {Reason.NOT_OURS, Reason.UNKNOWN_VERSION, Reason.MALFORMED}


def test_a_glance_lets_through_what_begins_as_every_code_does() -> None:
    assert glance(text()) is glance("EC1:9GQQJ9A60F85") is None
    for other in ("EC1:", "EC1:BB8", "EC1:9GQQJ9A60F8", "EC1:BB8EC1:9GQQJ9A60F85", "EC1:9GQQJ9A60F84" + "0" * 300):
        assert glance(other) is Reason.MALFORMED


def test_no_other_character_stands_for_anything() -> None:
    for other in map(chr, range(256)):
        assert other in ALPHABET or outcome(decode_base45, f"0{other}0") is Reason.MALFORMED


def test_a_text_of_the_longest_is_read_whole() -> None:
    data = bytes(number % 251 for number in range(597))
    assert unarmor("EC1:" + encode_base45(data)) == data
