"""A specimen lane's world: its keys, its trust, and a code for every reason that a code can cause (FORMAT section 5)."""

import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from gate.credential.reasons import Reason
from gate.specimen.issuer import ControlPoint, Issuer, trust_list
from gate.specimen.phone import DeviceKey, Phone, armor, cose_key, envelope

REHEARSAL_SEED: Final = b"Utopia, 2026-11-02"
"""The world of the shipped recordings. Everybody knows its keys: they open nothing but a rehearsal."""

CONTROL_POINT: Final = "HZMB-HK"
LANE: Final = "7"
ENVIRONMENT: Final = "specimen"
SCOPES: Final = ("MO-PR", "HK-PR")
"""What the specimen lane admits; its issuers may also give MO-NR, which is then `not_eligible`."""

VALID_FROM: Final = 1577836800
VALID_UNTIL: Final = 2524608000
"""2020 to 2050: a specimen kit lies in a drawer for years and must still work. A real authority's times are days."""

STATUS_ENTRIES: Final = 4096
VALID_INDEX: Final = 1024
REVOKED_INDEX: Final = 2048
SUSPENDED_INDEX: Final = 3072
_HOUR: Final = 3600

Device = Literal["p256", "ed25519"]
Entropy = Callable[[str, int], bytes]
"""What a value is for, and how many bytes of it -> the bytes: secret and fresh, or repeatable from a seed."""


@dataclass(frozen=True, slots=True)
class Kit:
    """The keys of a specimen world. `issuers` maps a scope to who gives it."""

    macau: Issuer
    hong_kong: Issuer
    forger: Issuer
    point: ControlPoint
    elsewhere: ControlPoint

    def issuer_of(self, scope: str) -> Issuer:
        """Who gives this scope."""
        return self.hong_kong if scope in self.hong_kong.scopes else self.macau


@dataclass(frozen=True, slots=True)
class Showing:
    """What one code is made of: who shows it and when, and everything that a case may bend. Times are Unix seconds."""

    at: int
    device: Device = "p256"
    scope: str = "MO-PR"
    holder: str = ""
    aud: str = CONTROL_POINT
    made: int | None = None
    begins: int | None = None
    ends: int | None = None
    status_index: int = VALID_INDEX
    status_uri: str | None = None
    issuer: Issuer | None = None


@dataclass(frozen=True, slots=True)
class Specimen:
    """A specimen world that can show a code for any case."""

    kit: Kit
    entropy: Entropy

    @classmethod
    def from_seed(cls, seed: bytes) -> "Specimen":
        """The same seed gives the same keys and codes, to the byte: for recordings and tests."""
        entropy = _seeded(seed)
        return cls(make_kit(entropy), entropy)

    @classmethod
    def fresh(cls) -> "Specimen":
        """New keys that nobody else has."""
        return cls(make_kit(_fresh), _fresh)

    def code(
        self, case: str = "cleared", at: int = 0, device: Device = "p256", scope: str = "MO-PR", holder: str = ""
    ) -> str:
        """One code for `case` (a reason's word), as a phone would show it at `at` (Unix seconds). Raises KeyError for no such case."""
        return CASES[case](self, Showing(at, device, scope, holder))

    def status_uri(self, issuer: Issuer) -> str:
        """The name of an issuer's status list."""
        return f"urn:uto:{issuer.name.lower()}"

    def trust(self, now: int) -> dict[str, bytes]:
        """The files of a trust folder: the trust list and its status lists."""
        issuers = (self.kit.macau, self.kit.hong_kong)
        files = {f"status-{issuer.name.lower()}.cwt": self._status_list(issuer, now) for issuer in issuers}
        lists: list[dict[str, object]] = [
            {"uri": self.status_uri(issuer), "file": name, "issuer": issuer.kid.hex(), "entries": STATUS_ENTRIES}
            for issuer, name in zip(issuers, files, strict=True)
        ]
        entries = [issuer.entry(ENVIRONMENT, VALID_FROM, VALID_UNTIL) for issuer in issuers]
        policy = {"max_status_age": VALID_UNTIL - VALID_FROM}
        files["trust-list.json"] = trust_list(
            entries, (self.kit.point, self.kit.elsewhere), lists, issued=now, expires=VALID_UNTIL, policy=policy
        )
        return files

    def credential(self, showing: Showing, key: DeviceKey) -> bytes:
        """The credential behind a showing, for this device key."""
        rightful = self.kit.issuer_of(showing.scope)
        status = {"idx": showing.status_index, "uri": showing.status_uri or self.status_uri(rightful)}
        claims = {
            4: showing.at + 12 * _HOUR if showing.ends is None else showing.ends,
            6: showing.at - _HOUR if showing.begins is None else showing.begins,
            7: self._bytes("cti", showing, 12),
            8: {1: cose_key(key)},
            9: showing.scope,
            65535: {"status_list": status},
        }
        return (showing.issuer or rightful).credential(claims)

    def message(self, showing: Showing) -> bytes:
        """The phone's signed message, not yet sealed."""
        key = self.device_key(showing)
        made = showing.at if showing.made is None else showing.made
        return Phone(key, self.credential(showing, key)).message(showing.aud, made, self._bytes("cnonce", showing, 8))

    def sealed(self, message: bytes, showing: Showing, point: ControlPoint | None = None) -> str:
        """A message as the text of a code."""
        return armor(self.encrypt0(message, showing, point))

    def encrypt0(self, message: bytes, showing: Showing, point: ControlPoint | None = None) -> bytes:
        """A message sealed, for its own control point unless another is named."""
        ephemeral = X25519PrivateKey.from_private_bytes(self._bytes("ephemeral", showing, 32))
        return envelope(message, point or self.kit.point, ephemeral)

    def device_key(self, showing: Showing) -> DeviceKey:
        """The holder's device key, of the kind that the showing names."""
        secret = self._bytes("device", showing, 32)
        if showing.device == "ed25519":
            return Ed25519PrivateKey.from_private_bytes(secret)
        return ec.derive_private_key(int.from_bytes(secret, "big") % (1 << 255) + 1, ec.SECP256R1())

    def _bytes(self, what: str, showing: Showing, size: int) -> bytes:
        return self.entropy(f"{what}/{showing.holder}/{showing.device}/{showing.scope}/{showing.at}", size)

    def _status_list(self, issuer: Issuer, now: int) -> bytes:
        statuses = {REVOKED_INDEX: 1, SUSPENDED_INDEX: 2}
        uri = self.status_uri(issuer)
        return issuer.status_list(uri, statuses, entries=STATUS_ENTRIES, iat=min(now, VALID_FROM), exp=VALID_UNTIL)


def make_kit(entropy: Entropy) -> Kit:
    """Keys from entropy; kids too, as an authority would draw them."""

    def issuer(name: str, scopes: tuple[str, ...]) -> Issuer:
        key = Ed25519PrivateKey.from_private_bytes(entropy(f"issuer/{name}", 32))
        return Issuer(name, entropy(f"issuer kid/{name}", 8), key, scopes)

    def point(name: str) -> ControlPoint:
        key = X25519PrivateKey.from_private_bytes(entropy(f"point/{name}", 32))
        return ControlPoint(name, entropy(f"point kid/{name}", 4), key)

    return Kit(
        issuer("UTO-MO", ("MO-PR", "MO-NR")), issuer("UTO-HK", ("HK-PR",)), issuer("UTO-FORGER", ()),
        point(CONTROL_POINT), point("GBQ-MO"),
    )  # fmt: skip


def _seeded(seed: bytes) -> Entropy:
    def entropy(what: str, size: int) -> bytes:
        return hashlib.shake_256(hmac.digest(seed, what.encode(), "sha256")).digest(size)

    return entropy


def _fresh(_what: str, size: int) -> bytes:
    return secrets.token_bytes(size)


def _plain(specimen: Specimen, showing: Showing) -> str:
    return specimen.sealed(specimen.message(showing), showing)


def _bent(**changes: Any) -> Callable[[Specimen, Showing], str]:  # noqa: ANN401 - dataclasses.replace checks the names
    """A case that differs from a good showing in these fields; a callable value is given the specimen and the showing."""

    def code(specimen: Specimen, showing: Showing) -> str:
        values = {name: value(specimen, showing) if callable(value) else value for name, value in changes.items()}
        return _plain(specimen, replace(showing, **values))

    return code


def _stolen_kid(specimen: Specimen, showing: Showing) -> Issuer:
    """A known issuer's kid over a forger's key."""
    return replace(specimen.kit.issuer_of(showing.scope), key=specimen.kit.forger.key)


CASES: Final[dict[str, Callable[[Specimen, Showing], str]]] = {
    Reason.CLEARED: _plain,
    Reason.NOT_OURS: lambda _s, _c: "https://pay.example.uto/1/280011112222?amount=38.50&memo=egg%20tart",
    Reason.UNKNOWN_VERSION: lambda s, c: "EC2:" + _plain(s, c).removeprefix("EC1:"),
    Reason.MALFORMED: lambda s, c: s.sealed(s.message(c) + b"\x00", c),  # only a parser that looks for the end notices
    Reason.UNDECRYPTABLE: lambda s, c: s.sealed(s.message(c), c, s.kit.elsewhere),
    Reason.UNKNOWN_ISSUER: _bent(issuer=lambda s, _c: s.kit.forger),
    Reason.BAD_SIGNATURE: _bent(issuer=_stolen_kid),
    Reason.WRONG_PLACE: _bent(aud=lambda s, _c: s.kit.elsewhere.id),
    Reason.STALE: _bent(made=lambda _s, c: c.at - 300),
    Reason.FROM_THE_FUTURE: _bent(made=lambda _s, c: c.at + 120),
    Reason.EXPIRED: _bent(begins=lambda _s, c: c.at - 12 * _HOUR, ends=lambda _s, c: c.at - 60),
    Reason.NOT_YET_VALID: _bent(begins=lambda _s, c: c.at + _HOUR),
    Reason.REVOKED: _bent(status_index=REVOKED_INDEX),
    Reason.SUSPENDED: _bent(status_index=SUSPENDED_INDEX),
    Reason.STATUS_UNKNOWN: _bent(status_uri="urn:uto:nobody"),
    Reason.NOT_ELIGIBLE: _bent(scope="MO-NR"),
}
"""Reason -> a code that causes it. `replayed` and `anti_passback` take two showings; the rest are the lane's own fault, not a code's."""


def from_keys(keys: Mapping[str, object], facts: Mapping[str, str]) -> Specimen:
    """The world whose keys were kept, with fresh entropy for new codes. Raises KeyError or TypeError for what is not there."""

    def issuer(name: str, file: str, kid: str, scopes: tuple[str, ...]) -> Issuer:
        return Issuer(name, bytes.fromhex(facts[kid]), _signing(keys[file]), scopes)

    def point(name: str, file: str, kid: str) -> ControlPoint:
        return ControlPoint(name, bytes.fromhex(facts[kid]), sealing(keys[file]))

    fresh = make_kit(_fresh)
    kit = Kit(
        macau=issuer(facts.get("issuer_name", "UTO-MO"), "issuer", "issuer_kid", fresh.macau.scopes),
        hong_kong=issuer("UTO-HK", "issuer-hk", "issuer_hk_kid", fresh.hong_kong.scopes),
        forger=fresh.forger,
        point=point(CONTROL_POINT, "control-point", "control_point_kid"),
        elsewhere=point(fresh.elsewhere.id, "elsewhere", "elsewhere_kid"),
    )
    return Specimen(kit, _fresh)


def _signing(key: object) -> Ed25519PrivateKey:
    if not isinstance(key, Ed25519PrivateKey):
        raise TypeError("an Ed25519 key")
    return key


def sealing(key: object) -> X25519PrivateKey:
    """A control point's private key. Raises TypeError for what is none."""
    if not isinstance(key, X25519PrivateKey):
        raise TypeError("an X25519 key")
    return key
