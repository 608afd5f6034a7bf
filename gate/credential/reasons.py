"""The closed list of reasons (FORMAT section 5), and the exception that carries one through the verifier's own steps."""

from enum import StrEnum

from gate.errors import CredentialError


class Reason(StrEnum):
    """Why a traveller is cleared or referred: the same words in code, journal, metrics and screen texts."""

    CLEARED = "cleared"
    NOT_OURS = "not_ours"
    UNKNOWN_VERSION = "unknown_version"
    MALFORMED = "malformed"
    UNDECRYPTABLE = "undecryptable"
    UNKNOWN_ISSUER = "unknown_issuer"
    BAD_SIGNATURE = "bad_signature"
    WRONG_PLACE = "wrong_place"
    STALE = "stale"
    FROM_THE_FUTURE = "from_the_future"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    REVOKED = "revoked"
    SUSPENDED = "suspended"
    STATUS_UNKNOWN = "status_unknown"
    NOT_ELIGIBLE = "not_eligible"
    REPLAYED = "replayed"
    ANTI_PASSBACK = "anti_passback"
    CLOCK_UNTRUSTED = "clock_untrusted"
    TRUST_EXPIRED = "trust_expired"


class Refused(CredentialError):  # noqa: N818 - a refusal is no error, it is what the verifier is for
    """A check that did not hold. It never leaves the verifier, which turns it into a verdict.

    The message says which rule, never what the credential claims.
    """

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def malformed(message: str) -> Refused:
    """Bytes that are not what FORMAT sections 1 and 2 say."""
    return Refused(Reason.MALFORMED, message)
