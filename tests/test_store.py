"""What lies on disk: trust read whole or refused in words, files replaced whole."""

import os
from pathlib import Path
from shutil import copytree
from threading import Thread

import pytest
from conftest import World
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from gate.controller import store
from gate.errors import TrustError


@pytest.fixture
def folder(world: World, tmp_path: Path) -> Path:
    return copytree(world.folder, tmp_path / "lane", symlinks=True)


def test_a_trust_folder_is_read_whole(folder: Path) -> None:
    trust = store.load_trust(folder / "trust")
    assert len(trust.issuers) == 2
    assert len(trust.status_lists) == 2
    keys = store.load_keys([folder / "keys" / "control-point.pem"], trust, "HZMB-HK")
    assert set(keys) <= set(trust.control_points)


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        TrustError,
        match=rf"{tmp_path}/current/trust-list.json: expected a file that can be read, got: No such file.*; run `gate trust update`",
    ):
        store.load_trust(tmp_path)


def test_a_status_list_that_is_missing_is_named(folder: Path) -> None:
    (folder / "trust" / "current" / "status-uto-mo.cwt").unlink()
    with pytest.raises(TrustError, match=r"status-uto-mo\.cwt: expected a file that can be read"):
        store.load_trust(folder / "trust")


def test_the_link_is_followed_once(folder: Path) -> None:
    """What is read together was written together, also when an update moves the link between two files."""
    trust, listed = folder / "trust", folder / "trust" / "current" / "trust-list.json"
    before, data = store.load_trust(trust), listed.read_bytes()
    listed.unlink()
    os.mkfifo(listed)
    (trust / "g00000002").mkdir()
    (trust / "fresh").symlink_to("g00000002")

    def move_then_write() -> None:
        with listed.open("wb") as file:  # open once somebody reads
            (trust / "fresh").replace(trust / "current")
            file.write(data)

    thread = Thread(target=move_then_write)
    thread.start()
    assert store.load_trust(trust) == before
    thread.join()


def test_a_file_without_end_is_refused(folder: Path) -> None:
    (folder / "trust" / "current" / "trust-list.json").unlink()
    (folder / "trust" / "current" / "trust-list.json").symlink_to("/dev/zero")
    with pytest.raises(TrustError, match="expected at most 16777216 bytes, got more"):
        store.load_trust(folder / "trust")


@pytest.mark.parametrize("name", ["issuer", "elsewhere"])
def test_another_key_is_refused(folder: Path, name: str) -> None:
    trust = store.load_trust(folder / "trust")
    with pytest.raises(TrustError):
        store.load_keys([folder / "keys" / f"{name}.pem"], trust, "HZMB-HK")


def test_a_key_that_the_list_does_not_name_is_passed_over(world: World, folder: Path, tmp_path: Path) -> None:
    """One that is yet to be published, or was retired (FORMAT 6): it stops no lane as long as another one opens codes."""
    trust, held = store.load_trust(folder / "trust"), folder / "keys" / "control-point.pem"
    key = X25519PrivateKey.generate()
    spare = tmp_path / "spare.pem"
    spare.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    assert set(store.load_keys([spare, held], trust, "HZMB-HK")) == {world.specimen.kit.point.kid}
    with pytest.raises(TrustError, match=rf"{spare}: expected a key that the trust list publishes for HZMB-HK"):
        store.load_keys([spare], trust, "HZMB-HK")
    with pytest.raises(TrustError, match="expected a key of HZMB-HK, got another control point's"):
        store.load_keys([held, folder / "keys" / "elsewhere.pem"], trust, "HZMB-HK")


@given(data=st.binary(max_size=200))
def test_any_bytes_for_a_key_are_refused_in_words(
    world: World, tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "some.pem"
    path.write_bytes(data)
    with pytest.raises(TrustError, match="expected an unencrypted PKCS8 private key"):
        store.load_keys([path], world.judge.trust, "HZMB-HK")


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    store.replace(path, b"one")
    before = path.stat().st_ino
    store.replace(path, b"two", 0o600)
    assert path.read_bytes() == b"two"
    assert path.stat().st_ino != before, "the old one is never written into"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["file"]


def test_what_cannot_be_put_in_place_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "folder"
    (path / "inside").mkdir(parents=True)
    with pytest.raises(OSError, match="directory"):
        store.replace(path, b"two")
    assert [one.name for one in tmp_path.iterdir()] == ["folder"]
