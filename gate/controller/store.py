"""What the lane keeps on disk: trust read whole, files replaced whole."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from gate.credential.keys import ControlPointKey, load_control_point_key
from gate.credential.trust import Trust, build_trust, parse_trust_list
from gate.errors import TrustError

TRUST_LIST: Final = "trust-list.json"
CURRENT: Final = "current"
"""A link in the trust folder to the generation that is in force: a folder that is never written into again."""

MAX_FILE: Final = 1 << 24


def load_trust(folder: Path) -> Trust:
    """What the trust folder's current generation holds. Raises TrustError."""
    # The link is followed once: it may move to the next generation while we read.
    return load_generation(Path(os.path.realpath(folder / CURRENT)))


def load_generation(folder: Path) -> Trust:
    """The trust list of a folder with the status lists that it names. Raises TrustError."""
    trust_list = parse_trust_list(_read(folder / TRUST_LIST, "run `gate trust update`, or name another trust folder"))
    files = {entry.file: _read(folder / entry.file, "run `gate trust update`") for entry in trust_list.status_lists}
    return build_trust(trust_list, files)


def load_keys(paths: Sequence[Path], trust: Trust, control_point: str) -> Mapping[bytes, ControlPointKey]:
    """A lane's private keys by the kids that the trust list gives their public halves.

    A key that the list does not name is passed over: one that is yet to be published, or one that was retired (FORMAT section 6). Raises
    TrustError for a key of another control point, and where none is left.
    """
    found: dict[bytes, ControlPointKey] = {}
    for path in paths:
        key = load_control_point_key(_read(path, "name the control point's private key"))
        kids = trust.kids_of(key.public)
        if not all(trust.control_points[kid].id == control_point for kid in kids):
            raise TrustError(f"{path}: expected a key of {control_point}, got another control point's; name another")
        found.update((kid, key) for kid in kids)
    if not found:
        named = ", ".join(str(path) for path in paths)
        raise TrustError(f"{named}: expected a key that the trust list publishes for {control_point}; name another")
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
    sync(path.parent)


def sync(path: Path) -> None:
    """Make a file's bytes last, or a folder's names."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read(path: Path, mend: str) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE + 1)
    except OSError as error:
        raise TrustError(f"{path}: expected a file that can be read, got: {error.strerror}; {mend}") from None
    if len(data) > MAX_FILE:
        raise TrustError(f"{path}: expected at most {MAX_FILE} bytes, got more; {mend}")
    return data
