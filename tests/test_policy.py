"""From a verdict to a decision, and to what a traveller is told."""

import pytest

from gate.credential.claims import Presentation
from gate.credential.reasons import Reason
from gate.credential.verifier import Verdict
from gate.lane.policy import ANSWERS, Answer, Decision, Desk, Policy
from gate.lane.replay import Replay

NOW = 1_800_000_000
SHOWN = Presentation(
    issuer_kid=b"issuer-1",
    cti=b"pseudonym-01",
    iat=NOW,
    cnonce=b"nonce-01",
    aud="HZMB-HK",
    scope="MO-PR",
    exp=NOW + 86_400,
    credential_iat=NOW - 86_400,
    status_uri="https://status.example/1",
    status_index=1,
)
NEXT = SHOWN._replace(iat=NOW + 5, cnonce=b"nonce-02")
OTHER = SHOWN._replace(cti=b"pseudonym-02")


def desk() -> Desk:
    return Desk(Policy(frozenset({"MO-PR", "HK-PR"})), Replay(60, 10))


def answers(*verdicts: tuple[Reason, Presentation | None]) -> list[Answer]:
    at = desk()
    return [at.decide(Verdict(reason, presentation), NOW).answer for reason, presentation in verdicts]


def test_a_genuine_presentation_of_an_admitted_class_is_cleared() -> None:
    decision = desk().decide(Verdict(Reason.CLEARED, SHOWN), NOW)
    assert decision == Decision(Reason.CLEARED, Answer.PROCEED, SHOWN)
    assert decision.cleared


def test_a_class_that_the_lane_does_not_admit_is_not_eligible() -> None:
    tourist = SHOWN._replace(scope="MO-PR ")
    decision = desk().decide(Verdict(Reason.CLEARED, tourist), NOW)
    assert decision == Decision(Reason.NOT_ELIGIBLE, Answer.COUNTER, tourist)
    assert not decision.cleared


def test_eligibility_comes_before_replay() -> None:
    at = desk()
    at.replay.open(SHOWN, NOW)
    at.replay.commit()
    assert at.decide(Verdict(Reason.CLEARED, SHOWN._replace(scope="XX")), NOW).reason is Reason.NOT_ELIGIBLE


def test_what_passed_is_replayed_and_what_follows_at_once_is_passback() -> None:
    at = desk()
    at.replay.open(SHOWN, NOW)
    at.replay.commit()
    assert at.decide(Verdict(Reason.CLEARED, SHOWN), NOW).answer is Answer.ALREADY_USED
    assert at.decide(Verdict(Reason.CLEARED, NEXT), NOW + 5) == Decision(Reason.ANTI_PASSBACK, Answer.COUNTER, NEXT)


def test_deciding_reserves_nothing() -> None:
    at = desk()
    assert at.decide(Verdict(Reason.CLEARED, SHOWN), NOW) == at.decide(Verdict(Reason.CLEARED, SHOWN), NOW)
    assert not at.replay.is_open(SHOWN)


def test_a_clearance_of_nothing_is_malformed() -> None:
    assert desk().decide(Verdict(Reason.CLEARED, None), NOW) == Decision(Reason.MALFORMED, Answer.COUNTER, None)


@pytest.mark.parametrize("reason", [reason for reason in Reason if reason is not Reason.CLEARED])
@pytest.mark.parametrize("presentation", [None, SHOWN])
def test_a_refusal_stays_one(reason: Reason, presentation: Presentation | None) -> None:
    decision = desk().decide(Verdict(reason, presentation), NOW)
    assert decision == Decision(reason, ANSWERS[reason], presentation)


def test_every_reason_has_its_answer() -> None:
    told = {answer: {reason.value for reason in Reason if ANSWERS[reason] is answer} for answer in Answer}
    assert told == {
        Answer.PROCEED: {"cleared"},
        Answer.NOT_THIS_CODE: {"not_ours", "unknown_version"},
        Answer.FRESH_CODE: {"stale"},
        Answer.CHECK_CLOCK: {"from_the_future"},
        Answer.OTHER_PLACE: {"wrong_place"},
        Answer.ALREADY_USED: {"replayed"},
        Answer.OUR_FAULT: {"clock_untrusted", "trust_expired", "status_unknown"},
        Answer.COUNTER: {
            "malformed", "undecryptable", "unknown_issuer", "bad_signature", "expired", "not_yet_valid",
            "revoked", "suspended", "not_eligible", "anti_passback",
        },
    }  # fmt: skip


STALE = Reason.STALE
FRESH, CLOCK, ELSEWHERE = Answer.FRESH_CODE, Answer.CHECK_CLOCK, Answer.OTHER_PLACE


def test_a_second_stale_code_of_one_phone_is_about_its_clock() -> None:
    assert answers((STALE, SHOWN), (STALE, NEXT), (STALE, SHOWN)) == [FRESH, CLOCK, CLOCK]


def test_the_same_picture_again_is_not_about_a_clock() -> None:
    assert answers((STALE, SHOWN), (STALE, SHOWN)) == [FRESH, FRESH]


def test_a_code_of_something_else_in_between_is_the_same_traveller() -> None:
    assert answers((STALE, SHOWN), (Reason.NOT_OURS, None), (STALE, NEXT))[-1] is CLOCK


@pytest.mark.parametrize("between", [(STALE, OTHER), (Reason.WRONG_PLACE, SHOWN), (Reason.CLEARED, SHOWN)])
def test_somebody_elses_turn_or_another_outcome_begins_anew(between: tuple[Reason, Presentation]) -> None:
    assert answers((STALE, SHOWN), between, (STALE, NEXT))[-1] is FRESH


def test_another_issuers_credential_is_another() -> None:
    assert answers((STALE, SHOWN), (STALE, NEXT._replace(issuer_kid=b"issuer-2"))) == [FRESH, FRESH]


def test_a_stale_code_without_a_presentation_is_never_a_second_try() -> None:
    assert answers((STALE, SHOWN), (STALE, None), (STALE, NEXT)) == [FRESH, FRESH, CLOCK]


def test_another_outcome_of_a_second_code_is_told_as_it_is() -> None:
    assert answers((STALE, SHOWN), (Reason.CLEARED, NEXT)) == [FRESH, Answer.PROCEED]
    assert answers((STALE, SHOWN), (Reason.WRONG_PLACE, NEXT)) == [FRESH, ELSEWHERE]
