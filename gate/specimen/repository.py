"""A TUF repository as an authority publishes it: plain files in a folder, signed for real. The folder serves a web server and a stick alike."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.signer import CryptoSigner, SSlibKey
from tuf.api.metadata import Metadata, MetaFile, Root, Signed, Snapshot, TargetFile, Targets, Timestamp

ROLES: Final = (Root.type, Targets.type, Snapshot.type, Timestamp.type)
_DIGESTS: Final = ["sha256"]

Keys = Mapping[str, Ed25519PrivateKey]


class Repository:
    """`metadata/` and `targets/` below a folder, and the key of each role. What is published is all its memory."""

    def __init__(self, folder: Path, keys: Keys) -> None:
        self.folder = folder
        self._keys = dict(keys)

    @classmethod
    def new(cls, folder: Path, keys: Keys, expires: int) -> "Repository":
        """A repository with its first root and nothing published yet. `expires` in Unix seconds, as everywhere here."""
        for name in ("metadata", "targets"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        repository = cls(folder, keys)
        root = Root(version=1, expires=_moment(expires))
        for role in ROLES:
            root.add_key(_public(keys[role]), role)
        repository._put(root, Root.type)
        return repository

    @property
    def root(self) -> bytes:
        """The newest root: what a lane is given as its trust anchor."""
        return self._path(Root.type, self._newest(Root.type)).read_bytes()

    def files(self) -> dict[str, bytes]:
        """The targets that are published, by their names."""
        targets = self._read(Targets.type).signed.targets.values()
        return {target.path: (self.folder / "targets" / _stored(target)).read_bytes() for target in targets}

    def publish(self, files: Mapping[str, bytes], expires: int) -> None:
        """Make these the targets; the timestamp comes last, and with it they are in force."""
        targets = {name: TargetFile.from_data(name, data, _DIGESTS) for name, data in files.items()}
        for name, target in targets.items():
            _write(self.folder / "targets" / _stored(target), files[name])
        end, meta = _moment(expires), {}
        version, data = self._next(Targets.type, Targets(expires=end, targets=targets))
        meta["targets.json"] = MetaFile.from_data(version, data, _DIGESTS)
        version, data = self._next(Snapshot.type, Snapshot(expires=end, meta=meta))
        self._next(Timestamp.type, Timestamp(expires=end, snapshot_meta=MetaFile.from_data(version, data, _DIGESTS)))
        self._drop_others({_stored(target) for target in targets.values()})

    def rotate(self, role: str, key: Ed25519PrivateKey) -> None:
        """Give a role another key, by a new root that the old root's key and the new one's have both signed (TUF 5.3.4).

        What the role has signed stays as it is: publish anew.
        """
        old, root = self._keys, self._read(Root.type).signed
        root.version += 1
        root.revoke_key(_public(old[role]).keyid, role)
        root.add_key(_public(key), role)
        self._keys = old | {role: key}
        self._put(root, Root.type, *((old[role],) if role == Root.type else ()))

    def _next(self, role: str, signed: Signed) -> tuple[int, bytes]:
        """A role's next version, signed and written."""
        signed.version = self._newest(role) + 1
        return signed.version, self._put(signed, role)

    def _put(self, signed: Signed, role: str, *also: Ed25519PrivateKey) -> bytes:
        metadata: Metadata[Any] = Metadata(signed)
        for key in (self._keys[role], *also):
            metadata.sign(CryptoSigner(key, _public(key)), append=True)
        data = metadata.to_bytes()
        _write(self._path(role, signed.version), data)
        return data

    def _read(self, role: str) -> Metadata[Any]:
        return Metadata.from_file(str(self._path(role, self._newest(role))))

    def _path(self, role: str, version: int) -> Path:
        """Consistent snapshots: every file but the timestamp carries its version."""
        name = f"{role}.json" if role == Timestamp.type else f"{version}.{role}.json"
        return self.folder / "metadata" / name

    def _newest(self, role: str) -> int:
        """The highest version of a role; 0 before its first."""
        if role == Timestamp.type:
            path = self._path(role, 0)
            return Metadata.from_file(str(path)).signed.version if path.exists() else 0
        found = (self.folder / "metadata").glob(f"*.{role}.json")
        return max((int(path.name.partition(".")[0]) for path in found), default=0)

    def _drop_others(self, stored: set[str]) -> None:
        """Remove what no client asks for any more: other targets, older snapshots and targets metadata. Every root stays."""
        kept = {self._path(role, self._newest(role)).name for role in (Targets.type, Snapshot.type)}
        outdated = [
            path for role in (Targets.type, Snapshot.type) for path in (self.folder / "metadata").glob(f"*.{role}.json")
        ]
        for path in (*outdated, *(self.folder / "targets").iterdir()):
            if path.name not in kept | stored:
                path.unlink()


def _public(key: Ed25519PrivateKey) -> SSlibKey:
    return SSlibKey.from_crypto(key.public_key())


def _stored(target: TargetFile) -> str:
    return f"{target.hashes['sha256']}.{target.path}"


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _write(path: Path, data: bytes) -> None:
    """Whole, for a client may be reading; a specimen need not survive a power cut."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_bytes(data)
    fresh.replace(path)
