"""Trust only moves forward: every named attack on the way of an update is refused in words, and what is held stays whole."""

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from shutil import copytree, rmtree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from offers import HK, MO, Offer, key, offer, server, terms
from plant import NOW
from tuf.api.metadata import Metadata, MetaFile, Snapshot, Targets, Timestamp

from gate.controller import sources, store, updates
from gate.controller.updates import Change, Terms
from gate.errors import ConfigError, FleetError, TrustError
from gate.specimen.cases import VALID_UNTIL
from gate.specimen.repository import Repository

DAY = 86400
HERE = Path(__file__).parent


@pytest.fixture
def first(tmp_path: Path) -> Offer:
    """Published, not yet taken."""
    return offer(tmp_path)


@pytest.fixture
def held(first: Offer) -> Offer:
    """Taken once."""
    first.take()
    return first


def serial(trust: Path) -> int:
    return store.load_trust(trust).serial


def status(trust: Path, index: int) -> int:
    return store.load_trust(trust).status_lists[MO].at(index)


def refused(offered: Offer, said: str, **how: object) -> str:
    """Refused in these words; the trust that was held, its generation included, is as it was."""
    before, link = store.load_trust(offered.trust), (offered.trust / "current").resolve()
    held_files = {path.name: path.read_bytes() for path in link.iterdir() if path.is_file()}
    with pytest.raises(TrustError, match=said) as caught:
        offered.take(**how)  # type: ignore[arg-type]  # handed through
    assert store.load_trust(offered.trust) == before
    now_there = (offered.trust / "current").resolve()
    assert {path.name: path.read_bytes() for path in now_there.iterdir() if path.is_file()} == held_files
    assert not list(offered.trust.glob(".*")), "nothing is left over"
    text = str(caught.value)
    assert text[:1] == text[:1].lower()
    assert not text.endswith(".")
    return text


# What an update does.


def test_the_first_one_brings_everything(first: Offer) -> None:
    assert first.take() == Change(None, 1, ("trust list", MO, HK))
    assert os.readlink(first.trust / "current") == "g00000001"  # noqa: PTH115 - the text of the link is what counts
    assert sorted(path.name for path in first.trust.iterdir()) == ["current", "g00000001", "root.json"]


def test_one_changed_status_list(held: Offer) -> None:
    kept = (held.trust / "current" / "status-uto-hk.cwt").stat().st_ino
    held.revoke(1024)
    assert held.take() == Change(1, 2, ("trust list", MO))
    assert (serial(held.trust), status(held.trust, 1024)) == (2, 1)
    assert (held.trust / "current" / "status-uto-hk.cwt").stat().st_ino == kept, "what is the same is not fetched again"


def test_only_what_is_new_is_fetched(held: Offer) -> None:
    held.revoke(1024)
    asked: list[str] = []
    updates.update(held.trust, sources.stick(held.repository.folder), terms(NOW), lambda name, _: asked.append(name))
    assert asked == ["timestamp.json", "snapshot.json", "targets.json", "trust-list.json", "status-uto-mo.cwt"]


def test_a_lost_link_is_put_back_and_nothing_begins_anew(held: Offer) -> None:
    """A stick without links, or somebody, took it: else what was retired would be trusted again."""
    old = held.copy()
    held.revoke(1024)
    held.take()
    (held.trust / "current").unlink()
    with pytest.raises(TrustError, match="rollback"):
        held.take(folder=old)
    assert (serial(held.trust), status(held.trust, 1024)) == (2, 1)
    (held.trust / "current").unlink()
    with pytest.raises(FleetError):
        held.take(folder=held.trust.with_name("nowhere"))
    assert serial(held.trust) == 2


def test_no_umask_keeps_the_controller_out(first: Offer) -> None:
    before = os.umask(0o077)
    try:
        first.take()
    finally:
        os.umask(before)
    for path in (first.trust / "current").resolve().rglob("*"):
        if not path.is_symlink():
            assert stat.S_IMODE(path.stat().st_mode) == (0o755 if path.is_dir() else 0o644), path
    assert stat.S_IMODE((first.trust / "current").stat().st_mode) == 0o755


def test_what_is_yet_to_be_signed_is_refused_by_a_sure_clock(held: Offer) -> None:
    """One issuer whose clock is ahead would stop its own next lists, and with a trust list the lane's clock."""
    held.revoke(1024, now=NOW + 86400)
    stick = sources.stick(held.repository.folder)
    with pytest.raises(
        TrustError, match=r"expected nothing signed after .* got a list of .* has a clock that is ahead"
    ):
        updates.update(held.trust, stick, terms(NOW, NOW + 3.0))
    assert serial(held.trust) == 1
    assert updates.update(held.trust, stick, terms(NOW, NOW + 86400.0)).after == 2


def test_trust_without_this_control_point_is_refused(held: Offer) -> None:
    held.revoke(1024)
    with pytest.raises(TrustError, match="expected control point ELSEWHERE in it, got none"):
        updates.update(held.trust, sources.stick(held.repository.folder), Terms(NOW, "ELSEWHERE"))
    assert serial(held.trust) == 1


def test_a_folder_that_cannot_be_written_says_how_to_mend_it(held: Offer) -> None:
    held.revoke(1024)
    (held.trust / ".next").write_bytes(b"in the way")
    with pytest.raises(FleetError, match=r"expected a trust folder that can be written, got: .*; free space, or run"):
        held.take()
    assert serial(held.trust) == 1


def test_nothing_new_leaves_the_folder_alone(held: Offer) -> None:
    assert held.take() == Change(1, 1, ())
    assert os.readlink(held.trust / "current") == "g00000001"  # noqa: PTH115 - the text of the link is what counts


def test_a_timestamp_that_was_only_renewed_is_kept(held: Offer) -> None:
    """Else the older one could be offered again."""
    old = held.copy()
    held.repository.publish(held.repository.files(), VALID_UNTIL)
    assert held.take() == Change(1, 1, ())
    refused(held, r"timestamp\.json: an older state is offered \(rollback\)", folder=old)


def test_the_generation_before_stays_and_older_ones_go(held: Offer) -> None:
    for index in range(4):
        held.revoke(index)
        held.take()
    assert sorted(path.name for path in held.trust.glob("g*")) == ["g00000004", "g00000005"]


def test_a_status_list_that_is_named_no_more_goes(held: Offer) -> None:
    authority = held.authority()
    authority._list = replace(authority._list, status_lists=authority._list.status_lists[:1])
    authority.publish(NOW, VALID_UNTIL)
    held.take()
    assert sorted(path.name for path in (held.trust / "current").iterdir()) == [
        "metadata", "status-uto-mo.cwt", "trust-list.json",
    ]  # fmt: skip


def test_over_http_as_from_a_stick(first: Offer) -> None:
    pieces: list[tuple[str, int]] = []
    with server(first.repository.folder) as url:
        found = updates.update(first.trust, sources.http(url), terms(NOW), lambda *piece: pieces.append(piece))
        assert found == Change(None, 1, ("trust list", MO, HK))
        first.revoke(7)
        assert updates.update(first.trust, sources.http(f"{url}/"), terms(NOW)) == Change(1, 2, ("trust list", MO))
    sizes = {name: sum(size for one, size in pieces if one == name) for name, _ in pieces}
    assert sizes["trust-list.json"] == (first.trust / "g00000001" / "trust-list.json").stat().st_size


def test_what_cannot_be_linked_is_copied(held: Offer, tmp_path: Path) -> None:
    held.revoke(7)
    shm = Path("/dev/shm")  # noqa: S108 - another filesystem is the point
    if not os.access(shm, os.W_OK) or shm.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("no second filesystem here")
    updates._link(str(held.trust / "root.json"), str(shm / f"gate-{os.getpid()}"))
    copied = shm / f"gate-{os.getpid()}"
    assert copied.read_bytes() == (held.trust / "root.json").read_bytes()
    copied.unlink()


# Rotation.


@pytest.mark.parametrize("role", ["root", "targets", "snapshot", "timestamp"])
def test_a_role_gets_another_key(held: Offer, role: str) -> None:
    held.repository.rotate(role, key(f"{role} 2"))
    held.revoke(5)
    assert held.take() == Change(1, 2, ("trust list", MO))


def test_a_lane_that_slept_through_five_roots_follows(held: Offer) -> None:
    for number, role in enumerate(["root", "timestamp", "root", "targets", "root"]):
        held.repository.rotate(role, key(f"{role} {number}"))
    held.revoke(5)
    assert held.take() == Change(1, 2, ("trust list", MO))
    assert json.loads(held.repository.root)["signed"]["version"] == 6
    held.revoke(6)
    assert held.take() == Change(2, 3, ("trust list", MO))


def test_a_chain_of_roots_has_an_end(held: Offer) -> None:
    """At the bound the timestamp is not yet the chain's. A newer anchor mends it."""
    for number in range(257):
        held.repository.rotate("timestamp", key(f"timestamp {number}"))
    held.revoke(5)
    refused(held, r"timestamp\.json: it is signed with other keys")
    (held.trust / "root.json").write_bytes(held.repository.root)
    assert held.take().after == 2


def test_a_stolen_timestamp_key_is_of_no_use_once_its_retirement_was_seen(held: Offer) -> None:
    """TUF 5.3.8: the new root is kept although that update was refused."""
    thief = held.copy()
    held.repository.rotate("timestamp", key("timestamp 2"))
    with pytest.raises(TrustError, match="signed with other keys"):
        held.take()  # the root is new, what the role signed is still the old key's
    stolen = Repository(thief, held.repository._keys | {"timestamp": key("timestamp")})
    stolen.publish(held.specimen.trust(NOW), VALID_UNTIL)
    refused(held, r"timestamp\.json: it is signed with other keys", folder=thief)


# Attacks. Each offers something that a lane must not take.


def rollback(held: Offer) -> Path:
    old = held.copy()
    held.revoke(1)
    held.take()
    return old


def snapshot_rollback(held: Offer) -> Path:
    """The timestamp key alone is stolen: it can name an older snapshot, in a newer timestamp."""
    data = (held.repository.folder / "metadata" / "1.snapshot.json").read_bytes()
    held.revoke(1)
    held.take()
    (held.repository.folder / "metadata" / "1.snapshot.json").write_bytes(data)
    stale = MetaFile.from_data(1, data, ["sha256"])
    held.repository._next("timestamp", Timestamp(expires=moment(), snapshot_meta=stale))
    return held.repository.folder


def targets_rollback(held: Offer) -> Path:
    """The snapshot and timestamp keys are stolen, and name older targets."""
    data = (held.repository.folder / "metadata" / "1.targets.json").read_bytes()
    held.revoke(1)
    held.take()
    (held.repository.folder / "metadata" / "1.targets.json").write_bytes(data)
    _snapshot(held.repository, MetaFile.from_data(1, data, ["sha256"]))
    return held.repository.folder


def targets_vanish(held: Offer) -> Path:
    repository = held.repository
    version, data = repository._next("snapshot", Snapshot(expires=moment(), meta={"other.json": MetaFile(1)}))
    meta = MetaFile.from_data(version, data, ["sha256"])
    repository._next("timestamp", Timestamp(expires=moment(), snapshot_meta=meta))
    return repository.folder


def mixed_metadata(held: Offer) -> Path:
    """The new snapshot, with the targets metadata of before."""
    held.repository.rotate("targets", key("targets"))
    held.revoke(1)
    metadata = held.repository.folder / "metadata"
    other = offer(held.repository.folder.parent / _fresh(held), b"another").repository.folder
    (metadata / "2.targets.json").write_bytes((other / "metadata" / "1.targets.json").read_bytes())
    return held.repository.folder


def mixed_versions(held: Offer) -> Path:
    """Targets metadata that carries another version than its name, well signed."""
    held.revoke(1)
    repository = held.repository
    data = (repository.folder / "metadata" / "2.targets.json").read_bytes()
    (repository.folder / "metadata" / "3.targets.json").write_bytes(data)
    _snapshot(repository, MetaFile(3))
    return repository.folder


def mixed_targets(held: Offer) -> Path:
    """The new trust list, with a status list of before under the new one's name."""
    old = (held.repository.folder / "targets").glob("*.status-uto-mo.cwt")
    data = next(old).read_bytes()
    held.revoke(1)
    next((held.repository.folder / "targets").glob("*.status-uto-mo.cwt")).write_bytes(data)
    return held.repository.folder


def another_authority(held: Offer) -> Path:
    folder = held.repository.folder.parent / _fresh(held)
    keys = {role: key(f"another {role}") for role in ("root", "targets", "snapshot", "timestamp")}
    other = Repository.new(folder, keys, VALID_UNTIL)
    other.publish(held.specimen.trust(NOW), VALID_UNTIL)
    return folder


def forged_root(held: Offer) -> Path:
    """A second root that the first one's key has not signed."""
    folder = another_authority(held)
    keys = {role: key(f"another {role}") for role in ("root", "targets", "snapshot", "timestamp")}
    Repository(folder, keys).rotate("root", key("another root 2"))
    return folder


def skipped_root(held: Offer) -> Path:
    """The third root under the second one's name."""
    for number in (2, 3):
        held.repository.rotate("root", key(f"root {number}"))
    metadata = held.repository.folder / "metadata"
    (metadata / "2.root.json").write_bytes((metadata / "3.root.json").read_bytes())
    return held.repository.folder


def wrong_version_of_root(held: Offer) -> Path:
    metadata = held.repository.folder / "metadata"
    (metadata / "2.root.json").write_bytes((metadata / "1.root.json").read_bytes())
    return held.repository.folder


def expired(held: Offer) -> Path:
    held.revoke(1, expires=NOW - 1)
    return held.repository.folder


def garbage(held: Offer) -> Path:
    (held.repository.folder / "metadata" / "timestamp.json").write_bytes(b"{}")
    return held.repository.folder


def wrong_type(held: Offer) -> Path:
    metadata = held.repository.folder / "metadata"
    (metadata / "timestamp.json").write_bytes((metadata / "1.snapshot.json").read_bytes())
    return held.repository.folder


def no_trust_list(held: Offer) -> Path:
    files = held.repository.files()
    held.repository.publish({name: files[name] for name in files if name != "trust-list.json"}, VALID_UNTIL)
    return held.repository.folder


def no_status_list(held: Offer) -> Path:
    files = held.repository.files()
    held.repository.publish({name: files[name] for name in files if name != "status-uto-mo.cwt"}, VALID_UNTIL)
    return held.repository.folder


def kid_collision(held: Offer) -> Path:
    def collide(tree: dict[str, list[dict[str, object]]]) -> None:
        tree["issuers"].append(tree["issuers"][1] | {"kid": tree["issuers"][0]["kid"]})

    return _resaid(held, collide)


def kid_of_another_key(held: Offer) -> Path:
    """Within the new list each kid is there once; but yesterday it was another's."""

    def swap(tree: dict[str, list[dict[str, object]]]) -> None:
        tree["control_points"][0]["kid"], tree["control_points"][1]["kid"] = (
            tree["control_points"][1]["kid"], tree["control_points"][0]["kid"],
        )  # fmt: skip

    return _resaid(held, swap)


def short_status_list(held: Offer) -> Path:
    def promise_more(tree: dict[str, list[dict[str, object]]]) -> None:
        tree["status_lists"][0]["entries"] = 8192

    return _resaid(held, promise_more)


def path_traversal(held: Offer) -> Path:
    def climb(tree: dict[str, list[dict[str, object]]]) -> None:
        tree["status_lists"][0]["file"] = "../../root.json"

    return _resaid(held, climb)


def lower_serial(held: Offer) -> Path:
    """All of TUF's keys are good, the versions go up, and yet the list is older."""
    old = held.repository.files()
    held.revoke(1)
    held.take()
    held.repository.publish(old, VALID_UNTIL)
    return held.repository.folder


def not_a_trust_list(held: Offer) -> Path:
    held.repository.publish(held.repository.files() | {"trust-list.json": b"[]"}, VALID_UNTIL)
    return held.repository.folder


def endless_target(held: Offer) -> Path:
    held.revoke(1)
    path = next((held.repository.folder / "targets").glob("*.trust-list.json"))
    os.truncate(path, 1 << 40)  # sparse
    return held.repository.folder


def endless_metadata(held: Offer) -> Path:
    os.truncate(held.repository.folder / "metadata" / "timestamp.json", 1 << 40)
    return held.repository.folder


def padded_metadata(held: Offer) -> Path:
    """No more than some kilobytes are ever read of it, however well it is signed."""
    held.revoke(1)
    path = held.repository.folder / "metadata" / "timestamp.json"
    path.write_bytes(path.read_bytes() + b" " * 5000)
    return held.repository.folder


def announced_too_long(held: Offer) -> Path:
    repository = held.repository
    targets = repository._read("targets").signed
    targets.targets["trust-list.json"].length = (1 << 24) + 1
    version, data = repository._next("targets", Targets(expires=moment(), targets=targets.targets))
    _snapshot(repository, MetaFile.from_data(version, data, ["sha256"]))
    return repository.folder


Attack = Callable[[Offer], Path]
ATTACKS: list[tuple[Attack, str]] = [
    (rollback, r"timestamp\.json: an older state is offered \(rollback\): new timestamp version 1 must be >= 2"),
    (snapshot_rollback, r"timestamp\.json: an older state is offered \(rollback\): new snapshot version must be >= 2"),
    (targets_rollback, r"snapshot\.json: an older state is offered \(rollback\)"),
    (targets_vanish, r"snapshot\.json: expected TUF metadata that follows what is held"),
    (mixed_metadata, r"targets\.json: files of different states are offered together \(mix-and-match\)"),
    (mixed_versions, r"targets\.json: files of different states are offered together \(mix-and-match\)"),
    (mixed_targets, r"status-uto-mo\.cwt: files of different states .*mix-and-match"),
    (another_authority, r"timestamp\.json: it is signed with other keys .*wrong root, or a forgery"),
    (forged_root, r"root\.json: it is signed with other keys .*wrong root, or a forgery"),
    (skipped_root, r"root\.json: "),
    (wrong_version_of_root, r"root\.json: the chain of roots is broken: expected root version 2 instead got version 1"),
    (expired, r"timestamp\.json: what is offered has expired: .*freeze.*judged at 2026-11-02 .*check the clock"),
    (garbage, r"timestamp\.json: expected TUF metadata"),
    (wrong_type, r"timestamp\.json: expected TUF metadata that follows what is held, got: expected 'timestamp', got"),
    (no_trust_list, r"trust-list\.json: expected among the targets, got none"),
    (no_status_list, r"status-uto-mo\.cwt: expected among the targets, got none"),
    (kid_collision, "expected each issuer once, got one twice"),
    (kid_of_another_key, "control point"),
    (short_status_list, r"status list urn:uto:uto-mo: expected 2048 bytes for the 8192 .*shorter than its indices"),
    (path_traversal, r"trust list: .*regex"),
    (lower_serial, r"trust list: expected serial 2 or newer, got 1: .*rollback"),
    (not_a_trust_list, "trust list: expected `object`, got `array`"),
    (endless_target, r"trust-list\.json: it does not end where it must \(endless data\)"),
    (endless_metadata, r"timestamp\.json: it does not end where it must \(endless data\)"),
    (padded_metadata, r"timestamp\.json: it does not end where it must \(endless data\)"),
    (announced_too_long, "trust-list.json: expected at most 16777216 bytes, got 16777217"),
]


@pytest.mark.parametrize(("attack", "said"), ATTACKS, ids=[attack.__name__ for attack, _ in ATTACKS])
def test_an_attack_is_refused_in_words(held: Offer, attack: Attack, said: str) -> None:
    folder = attack(held)
    first_time = refused(held, said, folder=folder)
    assert refused(held, said, folder=folder) == first_time, "and again, whatever was learnt of it"


def test_after_every_attack_the_true_authority_is_heard(held: Offer) -> None:
    for attack in (another_authority, forged_root):
        refused(held, "other keys", folder=attack(held))
    held.revoke(9)
    assert held.take().after == 2


def test_the_first_update_can_be_attacked_too(first: Offer) -> None:
    with pytest.raises(TrustError, match="other keys"):
        first.take(folder=another_authority(first))
    assert sorted(path.name for path in first.trust.iterdir()) == ["root.json"]


def test_freeze_the_same_old_state_offered_for_ever(first: Offer) -> None:
    first.repository.publish(first.repository.files(), NOW + DAY)
    first.take()
    assert first.take(NOW + DAY - 1) == Change(1, 1, ())
    said = refused(first, r"timestamp\.json: what is offered has expired", now=NOW + DAY)
    assert "newer trust is withheld (freeze)" in said


def test_a_root_that_has_expired(tmp_path: Path) -> None:
    one = offer(tmp_path, expires=NOW + DAY)
    one.take()
    refused(one, r"root\.json: what is offered has expired", now=NOW + DAY)


@pytest.mark.parametrize("now", [0.0, NOW - 30 * DAY, VALID_UNTIL + 1.0, 2.0**33 - 1])
def test_expiry_is_judged_by_our_clock_and_not_by_the_systems(tmp_path: Path, now: float) -> None:
    """Breaks when tuf comes to keep its clock elsewhere: the metadata lives for an hour around `now`, or ended an hour before it."""
    lives, dead = tmp_path / "lives", tmp_path / "dead"
    for folder, end in ((lives, now + 3600), (dead, now - 3600)):
        folder.mkdir()
        one = offer(folder, expires=int(max(0, end)))
        if end > now:
            assert one.take(now).after == 1
        else:
            with pytest.raises(TrustError, match="has expired"):
                one.take(now)


# What is not an attack, but a folder or a source that cannot be used.


def test_a_trust_folder_without_an_anchor(first: Offer) -> None:
    (first.trust / "root.json").unlink()
    with pytest.raises(ConfigError, match=r"root\.json: expected the trust anchor, got: No such file"):
        first.take()


def test_no_trust_folder(first: Offer) -> None:
    rmtree(first.trust)
    with pytest.raises(ConfigError, match="expected the trust folder, got: No such file"):
        first.take()


def test_an_anchor_that_is_none(first: Offer) -> None:
    (first.trust / "root.json").write_bytes(b"{}")
    with pytest.raises(TrustError, match=r"root\.json: expected TUF metadata"):
        first.take()


def test_an_empty_stick(held: Offer, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(FleetError, match=r"empty: timestamp\.json could not be fetched: .*no such file"):
        held.take(folder=tmp_path / "empty")


def test_a_folder_that_was_copied_with_its_links_followed(held: Offer, tmp_path: Path) -> None:
    copied = Offer(held.repository, copytree(held.trust, tmp_path / "copied"), held.specimen)
    assert serial(copied.trust) == 1, "it can be read"
    with pytest.raises(ConfigError, match=r"expected a link, got a folder: .*copy it with `cp -a`"):
        copied.take()


def test_one_writer_at_a_time(held: Offer) -> None:
    with updates._alone(held.trust), pytest.raises(FleetError, match="another update is under way"):
        held.take()
    assert held.take().after == 1


def test_what_is_held_is_damaged_and_an_update_mends_it(held: Offer) -> None:
    os.truncate(held.trust / "current" / "status-uto-mo.cwt", 10)
    assert held.take() == Change(None, 1, ("trust list", MO, HK))
    assert serial(held.trust) == 1


def test_damage_does_not_let_an_older_state_in(held: Offer) -> None:
    old = held.copy()
    held.revoke(1)
    held.take()
    os.truncate(held.trust / "current" / "trust-list.json", 10)
    with pytest.raises(TrustError, match="rollback"):
        held.take(folder=old)


def test_foreign_files_are_left_alone(held: Offer) -> None:
    (held.trust / "notes.txt").write_text("from a technician")
    (held.trust / "g1").mkdir()
    held.revoke(1)
    held.take()
    assert (held.trust / "notes.txt").exists()
    assert (held.trust / "g1").exists()


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Offer:
    one = offer(tmp_path_factory.mktemp("lasting"))
    one.take()
    one.revoke(1)
    return one


FILES = ("timestamp.json", "2.snapshot.json", "2.targets.json", "2.root.json")


@settings(deadline=None)
@given(name=st.sampled_from(FILES), data=st.binary(max_size=300), at=st.integers(0, 2000))
def test_any_bytes_in_any_file_are_refused_in_words(lasting: Offer, name: str, data: bytes, at: int) -> None:
    path = lasting.repository.folder / "metadata" / name
    good = path.read_bytes() if path.exists() else b""
    spoilt(lasting, path, good[:at] + data + good[at + len(data) :])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
PLACES = ("signed", "_type", "version", "expires", "meta", "keys", "roles", "signatures", "spec_version")


@settings(deadline=None)
@given(name=st.sampled_from(FILES[:3]), where=st.sampled_from(PLACES), value=JSON)
def test_any_json_where_metadata_is_expected(lasting: Offer, name: str, where: str, value: object) -> None:
    """What tuf parses before it verifies: an exception that is not tuf's would be a traceback for the operator."""
    path = lasting.repository.folder / "metadata" / name
    tree = json.loads(path.read_bytes())
    (tree if where in tree else tree["signed"])[where] = value
    spoilt(lasting, path, json.dumps(tree).encode())


def spoilt(lasting: Offer, path: Path, data: bytes) -> None:
    """A lane that has the list before refuses, or takes what was truly signed.

    White space may differ where no digest is named, and tuf reads a null in place of its own default.
    """
    trial = Offer(
        lasting.repository, copytree(lasting.trust, lasting.trust.with_name("trial"), symlinks=True), lasting.specimen
    )
    good = path.read_bytes() if path.exists() else None
    path.write_bytes(data)
    try:
        assert trial.take() == Change(1, 2, ("trust list", MO))
        assert good is not None
        assert Metadata.from_bytes(data).signed == Metadata.from_bytes(good).signed
    except (TrustError, FleetError):
        assert serial(trial.trust) == 1
    finally:
        path.unlink()
        if good is not None:
            path.write_bytes(good)
        rmtree(trial.trust)


# A cut at any moment.


def test_a_cut_at_any_moment_leaves_the_old_or_the_new_one_whole(tmp_path: Path) -> None:
    """The update dies at its n-th call to the filesystem, for every n, and what it had not made last is lost, in whole or in part."""
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, str(HERE / "cut.py"), str(tmp_path)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert found["cuts"] > 60, "the update makes many calls; if few are seen, the harness is blind"
    assert found["old"] > 40
    assert found["new"] > 3, "a cut after the link has moved"
    assert found["lost"] > 100, "the cut really took bytes away"


def moment(seconds: int = VALID_UNTIL) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _fresh(held: Offer) -> str:
    return f"other-{len(list(held.repository.folder.parent.iterdir()))}"


def _snapshot(repository: Repository, targets: MetaFile) -> None:
    version, data = repository._next("snapshot", Snapshot(expires=moment(), meta={"targets.json": targets}))
    meta = MetaFile.from_data(version, data, ["sha256"])
    repository._next("timestamp", Timestamp(expires=moment(), snapshot_meta=meta))


def _resaid(held: Offer, change: Callable[[dict[str, list[dict[str, object]]]], None]) -> Path:
    """A trust list that says something else, well signed by everybody, under the next serial."""
    tree = json.loads(held.repository.files()["trust-list.json"])
    change(tree)
    tree["serial"] += 1
    held.repository.publish(held.repository.files() | {"trust-list.json": json.dumps(tree).encode()}, VALID_UNTIL)
    return held.repository.folder
