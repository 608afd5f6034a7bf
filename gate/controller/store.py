"""What the lane keeps on disk: trust read whole, files replaced whole."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from gate.credential.keys import ControlPointKey, load_control_point_key
from gate.credential.trust import Trust, build_trust, parse_trust_list
from gate.errors import TrustError

TRUST_LIST: Final = "trust-list.json"
_MAX_FILE: Final = 1 << 24


def load_trust(folder: Path) -> Trust:
    """The trust list of a folder with the status lists that it names. Raises TrustError."""
    trust_list = parse_trust_list(_read(folder / TRUST_LIST, "put a trust list there or name another folder"))
    files = {entry.file: _read(folder / entry.file, "update the trust folder") for entry in trust_list.status_lists}
    return build_trust(trust_list, files)


def load_keys(paths: Sequence[Path], trust: Trust, control_point: str) -> Mapping[bytes, ControlPointKey]:
    """A lane's private keys by the kids that the trust list gives their public halves. Raises TrustError."""
    found: dict[bytes, ControlPointKey] = {}
    for path in paths:
        key = load_control_point_key(_read(path, "name the control point's private key"))
        kids = [kid for kid in trust.kids_of(key.public) if trust.control_points[kid][0] == control_point]
        if not kids:
            raise TrustError(f"{path}: expected a key that the trust list publishes for {control_point}; name another")
        found.update((kid, key) for kid in kids)
    return found


def replace(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Put a file in place whole: after a power cut the old one or the new one stands there. Raises OSError."""
    fresh = path.with_name(f".{path.name}.new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make a new name in a folder last."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read(path: Path, mend: str) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_FILE + 1)
    except OSError as error:
        raise TrustError(f"{path}: expected a file that can be read, got: {error.strerror}; {mend}") from None
    if len(data) > _MAX_FILE:
        raise TrustError(f"{path}: expected at most {_MAX_FILE} bytes, got more; {mend}")
    return data
