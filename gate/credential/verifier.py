"""The verdict: is this text a genuine code, and may it be shown here and now?

The checks of FORMAT section 4, in its order. One function. Whatever goes wrong inside it is a refusal; no exception leaves it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from gate.credential import cose, keys
from gate.credential.armor import glance, unarmor
from gate.credential.claims import Credential, DeviceKey, KeyBinding, Presentation, parse_key_binding, presentation_of
from gate.credential.keys import ControlPointKey, PublicKey
from gate.credential.reasons import Reason, Refused, malformed
from gate.credential.status import Status
from gate.credential.trust import Issuer, Trust


@dataclass(frozen=True, slots=True)
class Place:
    """Where a lane stands: its control point's id, its own name there, and its environment ("production" or "specimen")."""

    control_point: str
    lane: str
    environment: str

    def is_meant_by(self, aud: str) -> bool:
        """Exactly the control point, or exactly this lane of it (FORMAT 4.8)."""
        return aud == self.control_point or aud == f"{self.control_point}/{self.lane}"  # noqa: PLR1714 - the first is nearly all


@dataclass(frozen=True, slots=True)
class Moment:
    """When a code is judged: Unix seconds, and whether the clock that says so may be trusted."""

    wall: float
    trusted: bool


class Verdict(NamedTuple):
    """The reason, and the presentation once both its signatures held (None before that)."""

    reason: Reason
    presentation: Presentation | None


@dataclass(frozen=True, slots=True)
class Verifier:
    """A lane's verifier: what it trusts, the keys it holds by their kid (old ones too), and where it stands."""

    trust: Trust
    control_point_keys: Mapping[bytes, ControlPointKey]
    place: Place

    def verify(self, text: str, moment: Moment) -> Verdict:
        """The verdict on a shown text, by every check of FORMAT section 4 but the last (policy and replay are the lane's)."""
        presentation = None
        try:
            if (junk := glance(text)) is not None:
                return Verdict(junk, None)
            shown = self._open(text, moment)
            self._check_issuer(shown, moment)
            presentation = presentation_of(shown)
            self._check_here_and_now(presentation, moment)
            self._check_status(presentation, moment)
        except Refused as refusal:
            return Verdict(refusal.reason, presentation)
        except Exception:  # noqa: BLE001 - FORMAT 4, "whatever else goes wrong inside it is a refusal"
            return Verdict(Reason.MALFORMED, None)
        return Verdict(Reason.CLEARED, presentation)

    def _open(self, text: str, moment: Moment) -> KeyBinding:
        """FORMAT 4.1 to 4.3: from text to parsed, unbelieved claims."""
        envelope = cose.parse_encrypt0(unarmor(text))
        key = self.control_point_keys.get(envelope.kid)
        if key is None or (moment.trusted and not self.trust.opens(envelope.kid, moment.wall)):
            raise Refused(Reason.UNDECRYPTABLE, "expected a control-point key that this lane holds, within its time")
        return parse_key_binding(cose.open_encrypt0(envelope, key))

    def _check_issuer(self, shown: KeyBinding, moment: Moment) -> None:
        """FORMAT 4.4 to 4.7: both signatures and what they are worth."""
        credential = shown.credential
        issuer = self._issuer(credential, moment)
        device_key = _load(credential.device_key)  # FORMAT 4.5
        keys.verify(issuer.key, credential.message.signature, credential.message.signed())  # FORMAT 4.6
        self._check_times(credential, moment)
        if shown.alg != credential.device_key.alg or credential.device_key.x == issuer.key.raw:  # FORMAT 4.7
            raise Refused(Reason.BAD_SIGNATURE, "expected a device key of its own, used with its own algorithm")
        keys.verify(device_key, shown.message.signature, shown.message.signed())

    def _issuer(self, credential: Credential, moment: Moment) -> Issuer:
        """FORMAT 4.4. A time that cannot be judged is left to `_check_here_and_now`, which says `clock_untrusted`."""
        if moment.trusted and moment.wall >= self.trust.dies:
            raise Refused(Reason.TRUST_EXPIRED, "expected a trust list within its time")
        issuer = self.trust.issuers.get(credential.issuer_kid)
        if issuer is None or issuer.environment != self.place.environment or credential.scope not in issuer.scopes:
            raise Refused(Reason.UNKNOWN_ISSUER, "expected an issuer known here for this scope")
        now = moment.wall if moment.trusted else credential.iat
        if not (
            issuer.valid_from <= credential.iat < issuer.valid_until and issuer.valid_from <= now < issuer.valid_until
        ):
            raise Refused(Reason.UNKNOWN_ISSUER, "expected an issuer key within its validity")
        return issuer

    def _check_times(self, credential: Credential, moment: Moment) -> None:
        """FORMAT 4.6: exp > now >= iat - 5, and a lifetime within the cap."""
        policy = self.trust.policy
        if moment.trusted and moment.wall >= credential.exp:
            raise Refused(Reason.EXPIRED, "expected a credential that has not expired")
        if moment.trusted and moment.wall < credential.iat - policy.max_credential_lead:
            raise Refused(Reason.NOT_YET_VALID, "expected a credential that has begun")
        if credential.exp - credential.iat > policy.max_credential_lifetime:
            raise malformed("expected a credential's lifetime within the cap")

    def _check_here_and_now(self, shown: Presentation, moment: Moment) -> None:
        """FORMAT 4.8: the place, the clock, freshness."""
        if not self.place.is_meant_by(shown.aud):
            raise Refused(Reason.WRONG_PLACE, "expected a code for this control point or lane")
        if not moment.trusted:
            raise Refused(Reason.CLOCK_UNTRUSTED, "expected a clock that can be trusted")
        age = moment.wall - shown.iat
        if age > self.trust.policy.max_code_age:
            raise Refused(Reason.STALE, "expected a fresh code")
        if age < -self.trust.policy.max_code_lead:
            raise Refused(Reason.FROM_THE_FUTURE, "expected a code that was made before now")

    def _check_status(self, shown: Presentation, moment: Moment) -> None:
        """FORMAT 4.9: a missing, foreign, old or short list is never called revoked."""
        listed = self.trust.status_lists.get(shown.status_uri)
        if (
            listed is None
            or listed.issuer_kid != shown.issuer_kid
            or not listed.iat <= moment.wall + self.trust.policy.max_credential_lead
            or moment.wall >= self.trust.status_dies[listed.uri]
            or shown.status_index >= listed.entries
        ):
            raise Refused(Reason.STATUS_UNKNOWN, "expected a status list of this issuer, in time and long enough")
        status = listed.at(shown.status_index)
        if status != Status.VALID:
            raise Refused(_STATUS_REASONS.get(status, Reason.STATUS_UNKNOWN), "expected the status valid")


_STATUS_REASONS: Mapping[int, Reason] = {Status.INVALID: Reason.REVOKED, Status.SUSPENDED: Reason.SUSPENDED}


def _load(key: DeviceKey) -> PublicKey:
    return keys.load_ed25519(key.x) if key.odd is None else keys.load_p256(key.x, odd=key.odd)
