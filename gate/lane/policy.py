"""From a verdict to a decision (FORMAT 4.10), and to the little of it that a traveller is told (FORMAT 5)."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from gate.credential.claims import Presentation
from gate.credential.reasons import Reason
from gate.credential.verifier import Verdict
from gate.lane.replay import Replay


class Answer(StrEnum):
    """What the sign and the lamps say: coarser than the reason, so that the screen betrays nothing (FORMAT 5)."""

    PROCEED = "proceed"
    NOT_THIS_CODE = "not_this_code"
    FRESH_CODE = "fresh_code"
    CHECK_CLOCK = "check_clock"
    OTHER_PLACE = "other_place"
    ALREADY_USED = "already_used"
    OUR_FAULT = "our_fault"
    COUNTER = "counter"


# FORMAT 5; whatever is not named there goes to the counter with one identical message.
ANSWERS: Mapping[Reason, Answer] = MappingProxyType(
    dict.fromkeys(Reason, Answer.COUNTER)
    | {
        Reason.CLEARED: Answer.PROCEED,
        Reason.NOT_OURS: Answer.NOT_THIS_CODE,
        Reason.UNKNOWN_VERSION: Answer.NOT_THIS_CODE,
        Reason.STALE: Answer.FRESH_CODE,
        Reason.FROM_THE_FUTURE: Answer.CHECK_CLOCK,
        Reason.WRONG_PLACE: Answer.OTHER_PLACE,
        Reason.REPLAYED: Answer.ALREADY_USED,
        Reason.CLOCK_UNTRUSTED: Answer.OUR_FAULT,
        Reason.TRUST_EXPIRED: Answer.OUR_FAULT,
        Reason.STATUS_UNKNOWN: Answer.OUR_FAULT,
    }
)


@dataclass(frozen=True, slots=True)
class Policy:
    """Whom this lane serves: the eligibility classes that it admits."""

    scopes: frozenset[str]


class Decision(NamedTuple):
    """What was decided about one presentation; `presentation` is None where nothing signed was read."""

    reason: Reason
    answer: Answer
    presentation: Presentation | None

    @property
    def cleared(self) -> bool:
        """Whether the traveller may pass."""
        return self.reason is Reason.CLEARED


# Of what nothing signed was read, junk first of all, the decision is ready. FORMAT 4: whatever else goes wrong is a refusal.
_UNSIGNED: Mapping[Reason, Decision] = MappingProxyType(
    {reason: Decision(reason, ANSWERS[reason], None) for reason in Reason}
    | {Reason.CLEARED: Decision(Reason.MALFORMED, ANSWERS[Reason.MALFORMED], None)}
)


class Desk:
    """Where verdicts become decisions: the lane's policy, its replay memory, and the stale code that was shown last.

    That code is all that is kept of one traveller for the next decision, and only until somebody else's is decided.
    """

    def __init__(self, policy: Policy, replay: Replay) -> None:
        self.policy = policy
        self.replay = replay
        self._stale: Presentation | None = None

    def decide(self, verdict: Verdict, wall: float) -> Decision:
        """Decide about a verdict at `wall` (Unix seconds). Whoever releases the barrier opens the transaction."""
        shown = verdict.presentation
        if shown is None:  # a code of something else in between: still the same traveller
            return _UNSIGNED[verdict.reason]
        reason = self._judge(shown, wall) if verdict.reason is Reason.CLEARED else verdict.reason
        answer = self._answer(reason, shown)
        self._stale = shown if reason is Reason.STALE else None
        return Decision(reason, answer, shown)

    def _judge(self, shown: Presentation, wall: float) -> Reason:
        if shown.scope not in self.policy.scopes:  # FORMAT 4.10, in this order
            return Reason.NOT_ELIGIBLE
        return self.replay.judge(shown, wall) or Reason.CLEARED

    def _answer(self, reason: Reason, presentation: Presentation) -> Answer:
        if reason is Reason.STALE and _is_second_try(presentation, self._stale):
            return Answer.CHECK_CLOCK
        return ANSWERS[reason]


def _is_second_try(presentation: Presentation, stale: Presentation | None) -> bool:
    """Another code of the same credential: the same code again is a picture of one, and no phone's clock is wrong."""
    if stale is None:
        return False
    same_credential = (presentation.issuer_kid, presentation.cti) == (stale.issuer_kid, stale.cti)
    return same_credential and (presentation.iat, presentation.cnonce) != (stale.iat, stale.cnonce)
