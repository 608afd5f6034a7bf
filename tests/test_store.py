"""What lies on disk: trust read whole or refused in words, files replaced whole."""

from pathlib import Path
from shutil import copytree

import pytest
from conftest import World
from hypothesis import given
from hypothesis import strategies as st

from gate.controller import store
from gate.errors import TrustError


@pytest.fixture
def folder(world: World, tmp_path: Path) -> Path:
    return copytree(world.folder, tmp_path / "lane")


def test_a_trust_folder_is_read_whole(folder: Path) -> None:
    trust = store.load_trust(folder / "trust")
    assert len(trust.issuers) == 2
    assert len(trust.status_lists) == 2
    keys = store.load_keys([folder / "keys" / "control-point.pem"], trust, "HZMB-HK")
    assert set(keys) <= set(trust.control_points)


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        TrustError,
        match=rf"{tmp_path}/trust-list.json: expected a file that can be read, got: No such file.*; put a trust",
    ):
        store.load_trust(tmp_path)


def test_a_status_list_that_is_missing_is_named(folder: Path) -> None:
    (folder / "trust" / "status-uto-mo.cwt").unlink()
    with pytest.raises(TrustError, match=r"status-uto-mo\.cwt: expected a file that can be read"):
        store.load_trust(folder / "trust")


def test_a_file_without_end_is_refused(folder: Path) -> None:
    (folder / "trust" / "trust-list.json").unlink()
    (folder / "trust" / "trust-list.json").symlink_to("/dev/zero")
    with pytest.raises(TrustError, match="expected at most 16777216 bytes, got more"):
        store.load_trust(folder / "trust")


@pytest.mark.parametrize("name", ["issuer", "elsewhere"])
def test_another_key_is_refused(folder: Path, name: str) -> None:
    trust = store.load_trust(folder / "trust")
    with pytest.raises(TrustError):
        store.load_keys([folder / "keys" / f"{name}.pem"], trust, "HZMB-HK")


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
