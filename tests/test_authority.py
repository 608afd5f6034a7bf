"""The authority's side: what it publishes is taken by a lane, and does to codes what it says. Rotation never strands an honest phone."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st
from offers import HK, MO, Offer, key, offer
from plant import NOW

from gate.controller import store
from gate.credential.keys import ControlPointKey
from gate.credential.reasons import Reason
from gate.credential.verifier import Moment, Place, Verifier
from gate.errors import GateError
from gate.specimen.authority import Authority
from gate.specimen.cases import CONTROL_POINT, ENVIRONMENT, LANE, VALID_INDEX, VALID_UNTIL, Showing, Specimen
from gate.specimen.issuer import ControlPoint, Issuer
from gate.specimen.repository import ROLES, Repository

DAY = 86400
LIFETIME = 31 * DAY


@pytest.fixture
def one(tmp_path: Path) -> Offer:
    offered = offer(tmp_path)
    offered.take()
    return offered


def verdict(offered: Offer, text: str, at: float = NOW, points: tuple[ControlPoint, ...] = ()) -> Reason:
    """What the lane that took the offer says; it holds the keys of these control points, by default the first one's."""
    trust = store.load_trust(offered.trust)
    points = points or (offered.specimen.kit.point,)
    keys = {point.kid: ControlPointKey(point.key, point.public) for point in points}
    return Verifier(trust, keys, Place(CONTROL_POINT, LANE, ENVIRONMENT)).verify(text, Moment(at, trusted=True)).reason


def publish(offered: Offer, authority: Authority, now: int = NOW) -> None:
    authority.publish(now, VALID_UNTIL)
    offered.take(now)


# Status.


def test_an_index_is_revoked_suspended_and_restored(one: Offer) -> None:
    code = one.specimen.code("cleared", NOW)
    for status, reason in ((1, Reason.REVOKED), (2, Reason.SUSPENDED), (0, Reason.CLEARED)):
        authority = one.authority()
        authority.mark(MO, VALID_INDEX, status, NOW)
        publish(one, authority)
        assert verdict(one, code) is reason


def test_two_changes_in_one_second_are_two_lists(one: Offer) -> None:
    times = []
    for index in (1, 2):
        one.revoke(index)
        one.take()
        times.append(store.load_trust(one.trust).status_lists[MO].iat)
    assert times == [NOW, NOW + 1]
    assert store.load_trust(one.trust).serial == 3


@settings(max_examples=20, deadline=None)
@given(marks=st.dictionaries(st.integers(0, 4095), st.integers(0, 2), max_size=20))
def test_what_is_not_marked_stays(tmp_path_factory: pytest.TempPathFactory, marks: dict[int, int]) -> None:
    one = offer(tmp_path_factory.mktemp("marks"))
    authority = one.authority()
    for index, status in marks.items():
        authority.mark(MO, index, status, NOW)
    authority.publish(NOW, VALID_UNTIL)
    one.take()
    trust = store.load_trust(one.trust)
    expected = {2048: 1, 3072: 2} | marks
    found = {index: trust.status_lists[MO].at(index) for index in range(4096)}
    assert found == dict.fromkeys(range(4096), 0) | expected
    assert trust.status_lists[HK].at(2048) == 1, "another issuer's list is not touched"


@pytest.mark.parametrize("index", [-1, 4096, 1 << 40])
def test_an_index_that_was_never_given_out(one: Offer, index: int) -> None:
    with pytest.raises(GateError, match=f"expected an index below 4096, got {index}"):
        one.authority().mark(MO, index, 1, NOW)


def test_a_list_that_nobody_named(one: Offer) -> None:
    with pytest.raises(GateError, match="expected one whose uri is urn:uto:none, got none"):
        one.authority().mark("urn:uto:none", 1, 1, NOW)


def test_a_list_cannot_be_signed_without_its_key(one: Offer) -> None:
    with pytest.raises(GateError, match="expected its private key among the authority's, got none"):
        Authority(one.repository, ()).mark(MO, 1, 1, NOW)


# Control points.


def new_point(offered: Offer) -> ControlPoint:
    return replace(offered.specimen.kit.point, kid=b"new!", key=X25519PrivateKey.from_private_bytes(bytes(range(32))))


def sealed_for(specimen: Specimen, point: ControlPoint, at: int) -> str:
    showing = Showing(at)
    return specimen.sealed(specimen.message(showing), showing, point)


def test_a_code_for_the_old_control_point_key_opens_during_the_overlap_and_not_after(one: Offer) -> None:
    old, new = one.specimen.kit.point, new_point(one)
    authority = one.authority()
    authority.succeed_point(old.kid, new, NOW)
    publish(one, authority)
    end = NOW + LIFETIME
    for at in (NOW, end - 1):
        for point in (old, new):
            assert verdict(one, sealed_for(one.specimen, point, at), at, (old, new)) is Reason.CLEARED
    assert verdict(one, sealed_for(one.specimen, old, end), end, (old, new)) is Reason.UNDECRYPTABLE
    assert verdict(one, sealed_for(one.specimen, new, end), end, (old, new)) is Reason.CLEARED


def test_the_lane_holds_the_keys_of_both(one: Offer, tmp_path: Path) -> None:
    old, new = one.specimen.kit.point, new_point(one)
    paths = [_pem(tmp_path / "old.pem", old), _pem(tmp_path / "new.pem", new)]
    assert set(store.load_keys(paths, store.load_trust(one.trust), CONTROL_POINT)) == {old.kid}, (
        "put there before it is published"
    )
    authority = one.authority()
    authority.succeed_point(old.kid, new, NOW)
    publish(one, authority)
    assert set(store.load_keys(paths, store.load_trust(one.trust), CONTROL_POINT)) == {old.kid, new.kid}


def _pem(path: Path, point: ControlPoint) -> Path:
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415 - here alone
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    path.write_bytes(point.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return path


# Issuers.


def test_an_issuer_gets_another_key_and_its_old_credentials_stay_good_until_they_expire(one: Offer) -> None:
    old = one.specimen.kit.macau
    new = Issuer("UTO-MO-2", b"new kid!", key("issuer 2"), old.scopes)
    authority = one.authority()
    assert authority.succeed_issuer(old.kid, new, NOW) == "urn:uto:uto-mo-2"
    publish(one, authority)
    later = Specimen(replace(one.specimen.kit, macau=new), one.specimen.entropy)
    assert verdict(one, one.specimen.code("cleared", NOW)) is Reason.CLEARED
    assert verdict(one, later.code("cleared", NOW)) is Reason.CLEARED
    assert verdict(one, later.code("revoked", NOW)) is Reason.REVOKED, "the new list begins with the old one's statuses"
    end = NOW + LIFETIME
    assert verdict(one, one.specimen.code("cleared", end - 1), end - 1) is Reason.CLEARED
    assert verdict(one, one.specimen.code("cleared", end), end) is Reason.UNKNOWN_ISSUER
    assert verdict(one, later.code("cleared", end), end) is Reason.CLEARED


def test_both_issuers_can_revoke_during_the_overlap(one: Offer) -> None:
    old = one.specimen.kit.macau
    new = Issuer("UTO-MO-2", b"new kid!", key("issuer 2"), old.scopes)
    authority = one.authority()
    uri = authority.succeed_issuer(old.kid, new, NOW)
    authority.mark(uri, VALID_INDEX, 1, NOW)
    publish(one, authority)
    later = Specimen(replace(one.specimen.kit, macau=new), one.specimen.entropy)
    assert verdict(one, later.code("cleared", NOW)) is Reason.REVOKED
    assert verdict(one, one.specimen.code("cleared", NOW)) is Reason.CLEARED
    authority = Authority(one.repository, (old.key, new.key, one.specimen.kit.hong_kong.key))
    authority.mark(MO, VALID_INDEX, 1, NOW)
    publish(one, authority)
    assert verdict(one, one.specimen.code("cleared", NOW)) is Reason.REVOKED


# The repository.


def test_the_same_keys_and_files_give_the_same_repository(tmp_path: Path) -> None:
    def tree(folder: Path) -> dict[str, bytes]:
        folder.mkdir()
        one = offer(folder)
        one.repository.rotate("root", key("another"))
        one.revoke(7)
        paths = [path for path in one.repository.folder.rglob("*") if path.is_file()]
        return {str(path.relative_to(folder)): path.read_bytes() for path in paths}

    assert tree(tmp_path / "one") == tree(tmp_path / "other")


def test_only_what_is_asked_for_is_kept_and_every_root(one: Offer) -> None:
    for number in range(3):
        one.repository.rotate("root", key(str(number)))
        one.revoke(number)
    names = sorted(path.name for path in (one.repository.folder / "metadata").iterdir())
    assert names == [
        "1.root.json", "2.root.json", "3.root.json", "4.root.json", "4.snapshot.json", "4.targets.json", "timestamp.json",
    ]  # fmt: skip
    assert len(list((one.repository.folder / "targets").iterdir())) == 3


def test_a_stick_holds_plain_files_only(one: Offer) -> None:
    assert not [path for path in one.repository.folder.rglob("*") if path.is_symlink()]


def test_a_published_repository_is_opened_again(one: Offer) -> None:
    again = Repository(one.repository.folder, {role: key(role) for role in ROLES})
    assert again.files() == one.repository.files()
    assert json.loads(again.root)["signed"]["_type"] == "root"
