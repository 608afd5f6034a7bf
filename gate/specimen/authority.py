"""The authority of a specimen world: what its published trust list says next, and who signs it.

All its memory is what it has published, and its keys. Nothing is taken back at once: a key that is replaced stays named until the
longest-lived credential that was made for it, or with it, has expired (FORMAT section 6).
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeVar

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec.structs import replace

from gate.credential.keys import load_ed25519
from gate.credential.status import StatusList, load_status_list
from gate.credential.trust import (
    ControlPointEntry,
    IssuerEntry,
    StatusListEntry,
    TrustList,
    parse_trust_list,
)
from gate.errors import GateError
from gate.specimen.issuer import ControlPoint, Issuer
from gate.specimen.repository import Repository

TRUST_LIST: Final = "trust-list.json"

T = TypeVar("T")


class Authority:
    """A repository and the issuers' keys. Changes gather here, and are in force once they are published."""

    def __init__(self, repository: Repository, signing: Iterable[Ed25519PrivateKey]) -> None:
        self.repository = repository
        self._files = repository.files()
        self._list = parse_trust_list(self._files[TRUST_LIST])
        self._signing = {key.public_key().public_bytes_raw().hex(): key for key in signing}

    @property
    def trust_list(self) -> TrustList:
        """What is going to be published, but for its serial and its times."""
        return self._list

    def mark(self, uri: str, index: int, status: int, now: int) -> None:
        """Give an index of a status list a status: 0 valid, 1 invalid (revoked), 2 suspended. Raises GateError."""
        entry = _one(self._list.status_lists, "uri", uri)
        if not 0 <= index < entry.entries:
            raise GateError(f"status list {uri}: expected an index below {entry.entries}, got {index}")
        listed = self._listed(entry)
        iat = max(now, listed.iat + 1)  # two changes in one second: the later list is still the newer one
        self._write(entry, _statuses(listed) | {index: status}, iat, listed.exp)

    def succeed_issuer(self, old: bytes, new: Issuer, now: int) -> str:
        """Name a new issuer key in place of an old one, whose credentials stay good until they expire; its status list's uri.

        The new key has a status list of its own, which begins with the old one's statuses: a list speaks for one key.
        """
        entry = _one(self._list.issuers, "kid", old.hex())
        before = _one(self._list.status_lists, "issuer", old.hex())
        named = new.name.lower()
        fresh = StatusListEntry(f"urn:uto:{named}", f"status-{named}.cwt", new.kid.hex(), before.entries)
        until = min(entry.valid_until, now + self._list.policy.max_credential_lifetime)
        self._signing[new.key.public_key().public_bytes_raw().hex()] = new.key
        self._list = replace(
            self._list,
            issuers=(
                *(replace(one, valid_until=until) if one is entry else one for one in self._list.issuers),
                msgspec.convert(new.entry(entry.environment, entry.valid_from, entry.valid_until), IssuerEntry),
            ),
            status_lists=(*self._list.status_lists, fresh),
        )
        listed = self._listed(before)
        self._write(fresh, _statuses(listed), now, listed.exp)
        return fresh.uri

    def succeed_point(self, old: bytes, new: ControlPoint, now: int) -> None:
        """Name a new control-point key beside an old one, which goes on opening what was sealed for it until no credential needs it."""
        entry = _one(self._list.control_points, "kid", old.hex())
        until = now + self._list.policy.max_credential_lifetime
        self._list = replace(
            self._list,
            control_points=(
                *(replace(one, valid_until=until) if one is entry else one for one in self._list.control_points),
                msgspec.convert(new.entry(), ControlPointEntry),
            ),
        )

    def publish(self, now: int, expires: int) -> None:
        """Sign and publish everything under the next serial. Times are Unix seconds."""
        issued = max(now, self._list.issued)
        self._list = replace(self._list, serial=self._list.serial + 1, issued=issued, expires=expires)
        data = msgspec.json.encode(self._list, order="deterministic")
        self._files[TRUST_LIST] = msgspec.json.format(data, indent=2) + b"\n"
        named = {TRUST_LIST, *(entry.file for entry in self._list.status_lists)}
        self._files = {name: data for name, data in self._files.items() if name in named}
        self.repository.publish(self._files, expires)

    def _listed(self, entry: StatusListEntry) -> StatusList:
        issuer = _one(self._list.issuers, "kid", entry.issuer)
        key = load_ed25519(bytes.fromhex(issuer.key))
        kid = bytes.fromhex(entry.issuer)
        return load_status_list(self._files[entry.file], uri=entry.uri, issuer_kid=kid, key=key, entries=entry.entries)

    def _write(self, entry: StatusListEntry, statuses: Mapping[int, int], iat: int, exp: int) -> None:
        issuer = self._issuer(_one(self._list.issuers, "kid", entry.issuer))
        self._files[entry.file] = issuer.status_list(entry.uri, statuses, entries=entry.entries, iat=iat, exp=exp)

    def _issuer(self, entry: IssuerEntry) -> Issuer:
        if entry.key not in self._signing:
            raise GateError(f"issuer {entry.kid}: expected its private key among the authority's, got none")
        return Issuer(entry.name, bytes.fromhex(entry.kid), self._signing[entry.key], tuple(entry.scopes))


def _statuses(listed: StatusList) -> dict[int, int]:
    """What is not valid, by its index."""
    return {index: status for index in range(listed.entries) if (status := listed.at(index))}


def _one(entries: Sequence[T], field: str, value: str) -> T:
    for entry in entries:
        if getattr(entry, field) == value:
            return entry
    raise GateError(f"trust list: expected one whose {field} is {value}, got none")
