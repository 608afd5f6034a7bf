"""A code passes once: the bounded memory against a naive model that forgets nothing."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.credential.claims import Presentation
from gate.credential.reasons import Reason
from gate.errors import GateError
from gate.lane.replay import FRESH_S, Replay

NOW = 1_800_000_000


def shown(iat: int = 0, *, cti: int = 1, issuer: int = 1, cnonce: int = 1) -> Presentation:
    return Presentation(
        issuer_kid=bytes([issuer] * 8),
        cti=bytes([cti] * 12),
        iat=NOW + iat,
        cnonce=bytes([cnonce] * 8),
        aud="HZMB-HK",
        scope="MO-PR",
        exp=NOW + 86_400,
        credential_iat=NOW - 86_400,
        status_uri="https://status.example/1",
        status_index=1,
    )


def passed(replay: Replay, presentation: Presentation, at: float) -> None:
    replay.open(presentation, NOW + at)
    replay.commit()


def test_what_was_never_seen_may_pass() -> None:
    assert Replay(60, 10).judge(shown(), NOW) is None


def test_a_presentation_is_its_own_while_open_and_refused_afterwards() -> None:
    replay = Replay(0, 10)
    replay.open(shown(), NOW)
    assert replay.is_open(shown())
    assert replay.judge(shown(), NOW + 1) is None
    replay.open(shown(), NOW + 1)  # idempotent
    replay.commit()
    assert not replay.is_open(shown())
    assert replay.judge(shown(), NOW + 1) is Reason.REPLAYED


@pytest.mark.parametrize("other", [shown(cnonce=2), shown(-1), shown(-1, cnonce=2)])
def test_an_older_or_equal_code_of_the_credential_is_replayed_even_while_open(other: Presentation) -> None:
    replay = Replay(0, 10)
    replay.open(shown(), NOW)
    assert not replay.is_open(other)
    assert replay.judge(other, NOW) is Reason.REPLAYED
    replay.commit()
    assert replay.judge(other, NOW + 1000) is Reason.REPLAYED


def test_a_newer_code_waits_for_the_interval_counted_from_the_passage() -> None:
    replay = Replay(60, 10)
    passed(replay, shown(), at=3.0)
    assert replay.judge(shown(5), NOW + 62.9) is Reason.ANTI_PASSBACK
    assert replay.judge(shown(5), NOW + 63.0) is None
    assert replay.judge(shown(0, cnonce=2), NOW + 63.0) is Reason.REPLAYED  # before the interval is looked at
    assert replay.judge(shown(0, cnonce=2), NOW + 4.0) is Reason.REPLAYED


def test_a_newer_code_of_the_open_credential_waits_too() -> None:
    replay = Replay(60, 10)
    replay.open(shown(), NOW)
    assert replay.judge(shown(5), NOW + 5) is Reason.ANTI_PASSBACK


def test_what_is_given_back_leaves_no_trace() -> None:
    replay = Replay(60, 10)
    replay.open(shown(), NOW)
    replay.give_back()
    assert replay.judge(shown(), NOW + 5) is None
    assert replay.judge(shown(-3, cnonce=2), NOW + 5) is None
    assert len(replay) == 0


def test_what_passed_before_counts_again_when_a_later_code_is_given_back() -> None:
    replay = Replay(10, 10)
    passed(replay, shown(), at=0)
    replay.open(shown(20), NOW + 20)
    replay.give_back()
    assert replay.judge(shown(), NOW + 21) is Reason.REPLAYED
    assert replay.judge(shown(20), NOW + 21) is None


def test_a_credential_is_its_issuers() -> None:
    replay = Replay(60, 10)
    passed(replay, shown(issuer=1), at=0)
    assert replay.judge(shown(issuer=2), NOW) is None


def test_what_is_dropped_for_room_never_passes_again() -> None:
    replay = Replay(0, 1)
    passed(replay, shown(0, cti=1), at=0)
    passed(replay, shown(3, cti=2), at=3)
    assert len(replay) == 1
    assert replay.judge(shown(0, cti=1), NOW + 3) is Reason.REPLAYED
    assert replay.judge(shown(0, cti=3), NOW + 3) is Reason.REPLAYED  # the price: somebody else's code of that second
    assert replay.judge(shown(1, cti=3), NOW + 3) is None


def test_the_floor_only_rises() -> None:
    replay = Replay(0, 1)
    passed(replay, shown(5, cti=1), at=5)
    passed(replay, shown(3, cti=2), at=6)
    passed(replay, shown(7, cti=3), at=7)
    assert replay.judge(shown(5, cti=1), NOW + 8) is Reason.REPLAYED


def test_a_second_passage_makes_a_credential_the_youngest() -> None:
    replay = Replay(0, 2)
    passed(replay, shown(0, cti=1), at=0)
    passed(replay, shown(1, cti=2), at=1)
    passed(replay, shown(2, cti=1), at=2)
    passed(replay, shown(3, cti=3), at=3)
    assert replay.judge(shown(1, cti=9), NOW + 3) is Reason.REPLAYED  # 2 was dropped, with its floor
    assert replay.judge(shown(2, cti=9), NOW + 3) is None  # 1 was not


@pytest.mark.parametrize(("anti_passback", "kept"), [(0.0, FRESH_S), (100.0, 100.0)])
def test_what_is_old_is_forgotten(anti_passback: float, kept: float) -> None:
    replay = Replay(anti_passback, 10)
    passed(replay, shown(0, cti=1), at=0)
    passed(replay, shown(200, cti=2), at=kept)
    assert len(replay) == 2
    passed(replay, shown(300, cti=3), at=kept + 0.5)
    assert len(replay) == 2
    assert replay.judge(shown(0, cti=1), NOW) is Reason.REPLAYED  # though the clock were put back


def test_misuse_is_refused() -> None:
    replay = Replay(60, 10)
    for settle in (replay.commit, replay.give_back):
        with pytest.raises(GateError, match="expected an open transaction"):
            settle()
    replay.open(shown(), NOW)
    with pytest.raises(GateError, match="one transaction at a time"):
        replay.open(shown(cti=2), NOW)
    replay.commit()
    with pytest.raises(GateError, match="not one that is replayed"):
        replay.open(shown(), NOW)


@pytest.mark.parametrize("bad", [(-1.0, 10, 20.0), (60.0, 0, 20.0), (60.0, 10, -1.0), (float("nan"), 10, 20.0)])
def test_a_memory_that_cannot_be_is_refused(bad: tuple[float, int, float]) -> None:
    with pytest.raises(GateError, match="expected anti-passback and freshness"):
        Replay(*bad)


class Naive:
    """Keeps every passage for ever and looks through all of them."""

    def __init__(self, anti_passback_s: float) -> None:
        self.anti_passback_s = anti_passback_s
        self.passages: list[tuple[Presentation, float]] = []

    def judge(self, presentation: Presentation, wall: float) -> Reason | None:
        its = [
            (old, at)
            for old, at in self.passages
            if (old.issuer_kid, old.cti) == (presentation.issuer_kid, presentation.cti)
        ]
        if any(presentation.iat <= old.iat for old, _ in its):
            return Reason.REPLAYED
        if any(wall < at + self.anti_passback_s for _, at in its):
            return Reason.ANTI_PASSBACK
        return None


SHOWING = st.tuples(
    st.integers(0, 8),  # seconds since the last one
    st.integers(-15, 5),  # its age, fresh
    st.integers(1, 4),  # whose
    st.integers(1, 2),  # cnonce
    st.booleans(),  # walks
)


@settings(max_examples=300)
@given(st.lists(SHOWING, max_size=60), st.sampled_from([0.0, 7.0, 60.0]))
def test_with_room_for_all_it_judges_as_one_that_forgets_nothing(
    showings: list[tuple[int, int, int, int, bool]], anti_passback: float
) -> None:
    replay, naive, wall = Replay(anti_passback, 100), Naive(anti_passback), NOW
    for seconds, age, cti, cnonce, walks in showings:
        wall += seconds
        presentation = shown(wall + age - NOW, cti=cti, cnonce=cnonce)
        assert replay.judge(presentation, wall) == naive.judge(presentation, wall)
        if replay.judge(presentation, wall) is None:
            replay.open(presentation, wall)
            assert replay.judge(presentation, wall) is None
            if walks:
                replay.commit()
                naive.passages.append((presentation, wall))
            else:
                replay.give_back()


@settings(max_examples=300)
@given(
    st.lists(st.tuples(st.integers(-30, 30), st.integers(-40, 40), st.integers(1, 6), st.integers(1, 2)), max_size=60),
    st.integers(1, 4),
)
def test_with_little_room_and_a_clock_that_jumps_nothing_passes_twice(
    showings: list[tuple[int, int, int, int]], capacity: int
) -> None:
    replay, wall = Replay(10, capacity), NOW
    let_through: set[Presentation] = set()
    for seconds, age, cti, cnonce in showings:
        wall += seconds
        presentation = shown(wall + age - NOW, cti=cti, cnonce=cnonce)
        if replay.judge(presentation, wall) is None:
            assert presentation not in let_through
            passed(replay, presentation, at=wall - NOW)
            let_through.add(presentation)
        assert len(replay) <= capacity


def test_after_a_restart_nothing_made_before_it_passes() -> None:
    replay = Replay(0, 10)
    replay.refuse_until(NOW + 5)
    replay.refuse_until(NOW)  # only rises
    assert replay.judge(shown(5), NOW + 6) is Reason.REPLAYED
    assert replay.judge(shown(6), NOW + 6) is None
