"""New trust, taken whole or not at all: a TUF client (The Update Framework) over generations of a folder (FORMAT section 6).

The trust folder:

    root.json            the trust anchor that a technician put there: TUF's first root
    current -> g00000007 the generation in force
    g00000007/           trust-list.json, the status lists beside it, and metadata/ (TUF's own, by which nothing ever goes back)
    g00000006/           the one before it
    .next/               an update that is under way, or was cut off: the next one removes it

An update works in .next, made of links to the files of the current generation, and checks there all that a lane would check. Then it
makes every byte last, names the folder a generation, and moves the link. A cut at any moment leaves `current` at the old one or the new one,
and both are whole.
"""

import fcntl
import os
import re
import shutil
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from math import inf
from pathlib import Path
from typing import Final

from tuf.api import exceptions
from tuf.api.metadata import TargetFile
from tuf.ngclient import Updater, UpdaterConfig

from gate.controller import store
from gate.controller.health import utc
from gate.controller.sources import DEFAULT, Bounded, Limits, Progress, Source, TooLongError, unheard
from gate.credential.trust import Trust, check_succession, parse_trust_list
from gate.errors import ConfigError, FleetError, GateError, TrustError

ANCHOR: Final = "root.json"
_NEXT: Final = ".next"
_LINK: Final = ".current.new"
_FETCHED: Final = ".fetched"
_METADATA: Final = "metadata"
_SYNCS: Final = 8
"""Files made last at once: the disk commits them together, in a tenth of the time."""

_LONGEST: Final = 200
_FOLDER_MODE: Final = 0o755
_FILE_MODE: Final = 0o644
_GENERATION: Final = re.compile(r"g\d{8}\Z")

# One authority, its four roles, a few dozen files: some kilobytes each. Roots count from the anchor on: a new one every month for 21 years.
_BOUNDS: Final = UpdaterConfig(
    max_root_rotations=256,
    max_delegations=0,
    root_max_length=1 << 16,
    timestamp_max_length=1 << 12,
    snapshot_max_length=1 << 14,
    targets_max_length=1 << 18,
)


@dataclass(frozen=True, slots=True)
class Change:
    """What an update changed: the trust list's serial before (None: there was none) and after, and what is new, by name."""

    before: int | None
    after: int
    changed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Terms:
    """What an offer is judged by: the time (Unix seconds, never before the clock's floor), and the control point that must be in it.

    Nothing that says it was signed after `latest` is taken: the time where the clock is sure of it, else infinite.
    """

    now: float
    control_point: str
    latest: float = inf


def update(folder: Path, source: Source, terms: Terms, told: Progress = unheard, limits: Limits = DEFAULT) -> Change:
    """Bring a trust folder to what a source offers.

    Raises TrustError for what must not be taken, FleetError for a source or a folder that could not be used, ConfigError where there is no
    anchor: in each case the lane goes on with what it had.
    """
    with _alone(folder), _told(folder):
        _mend_link(folder)
        held = _held(folder)
        _sweep(folder)
        try:
            _clone(folder)
            offered = _offered(folder, Bounded(source.fetcher, limits, told), source, terms, held)
            changed = _changed(held, offered)
            if changed or _is_newer(folder):
                _commit(folder)
        finally:
            _sweep(folder)
    return Change(held.serial if held else None, offered.serial, changed)


def _offered(folder: Path, fetcher: Bounded, source: Source, terms: Terms, held: Trust | None) -> Trust:
    """What the source offers, in .next, and may follow what is held."""
    try:
        _fetch(folder, fetcher, source, terms.now)
        offered = store.load_generation(folder / _NEXT)
        if held is not None:
            check_succession(held, offered)
        _check_terms(offered, terms)
    except (GateError, OSError):
        with suppress(OSError):
            _keep_metadata(folder)
        raise
    return offered


def _check_terms(offered: Trust, terms: Terms) -> None:
    if offered.newest > terms.latest:
        raise TrustError(
            f"{store.TRUST_LIST}: expected nothing signed after {utc(terms.latest)}, got a list of {utc(offered.newest)}: {_AHEAD}"
        )
    if all(point.id != terms.control_point for point in offered.control_points.values()):
        raise TrustError(
            f"{store.TRUST_LIST}: expected control point {terms.control_point} in it, got none: this lane could open no code; {_ASK}"
        )


@contextmanager
def _told(folder: Path) -> Iterator[None]:
    """A folder that cannot be used, in words."""
    try:
        yield
    except GateError:
        raise
    except OSError as error:
        mend = "free space, or run this as the folder's owner"
        what = (error.strerror or str(error)).lower()
        raise FleetError(
            f"{folder}: expected a trust folder that can be written, got: {what}; {mend}; the trust held stays"
        ) from error


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One writer at a time; the kernel lets go for one that died."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise ConfigError(
            f"{folder}: expected the trust folder, got: {error.strerror}; make it, with {ANCHOR}"
        ) from None
    try:
        _lock(descriptor, folder)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, folder: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise FleetError(f"{folder}: another update is under way; wait for it to end") from None


def _held(folder: Path) -> Trust | None:
    """What is in force; None where there is nothing yet, or nothing that can be read: then TUF's own versions alone keep the order."""
    current = folder / store.CURRENT
    if current.is_dir() and not current.is_symlink():
        raise ConfigError(
            f"{current}: expected a link, got a folder: it was copied with its links followed; copy it with `cp -a`"
        )
    try:
        return store.load_trust(folder)
    except TrustError:
        return None


def _changed(held: Trust | None, offered: Trust) -> tuple[str, ...]:
    lists = {} if held is None else held.status_lists
    moved = tuple(uri for uri, listed in offered.status_lists.items() if listed != lists.get(uri))
    return moved if held is not None and held.digest == offered.digest else ("trust list", *moved)


# The TUF client.


class _Client(Updater):
    """tuf's client, by our clock and over files that are links.

    tuf reads the system clock once, when it begins, and judges every expiry by that: on a Pi that booted in 1970 nothing has expired.
    So that reading is replaced before any expiry is looked at; should tuf come to keep it elsewhere, this fails and does not go unnoticed.
    """

    def __init__(self, metadata: Path, source: Source, fetcher: Bounded, anchor: bytes, now: float) -> None:
        base = source.base
        super().__init__(
            str(metadata), f"{base}/metadata/", None, f"{base}/targets/", fetcher, _BOUNDS, bootstrap=anchor
        )
        zone = self._trusted_set.reference_time.tzinfo
        self._trusted_set.reference_time = datetime.fromtimestamp(now, zone)

    def fetch(self, name: str, folder: Path) -> None:
        """Have a target in a folder, under its own name, fetched where what lies there is another."""
        target = self.get_targetinfo(name)
        if target is None:
            raise TrustError(f"{name}: expected among the targets, got none of that name; {_ASK}")
        if target.length > store.MAX_FILE:
            raise TrustError(f"{name}: expected at most {store.MAX_FILE} bytes, got {target.length}; {_ASK}")
        if not self.find_cached_target(target, str(folder / name)):
            self._replace(target, folder)

    def _replace(self, target: TargetFile, folder: Path) -> None:
        """A file of its own: what lies there is a link to the current generation's."""
        fetched = folder / _FETCHED
        self.download_target(target, str(fetched))
        fetched.replace(folder / target.path)


def _fetch(folder: Path, fetcher: Bounded, source: Source, now: float) -> None:
    """Metadata and targets into .next. Raises TrustError or FleetError, in words."""
    following = folder / _NEXT
    try:
        client = _Client(following / _METADATA, source, fetcher, _anchor(folder), now)
        client.refresh()
        client.fetch(store.TRUST_LIST, following)
        entries = parse_trust_list((following / store.TRUST_LIST).read_bytes()).status_lists
        for name in dict.fromkeys(entry.file for entry in entries):
            client.fetch(name, following)
    except (exceptions.RepositoryError, exceptions.DownloadError) as error:
        raise _explained(error, fetcher.file or ANCHOR, source, now) from error
    _drop_others(following, {store.TRUST_LIST, *(entry.file for entry in entries)})


def _anchor(folder: Path) -> bytes:
    path = folder / ANCHOR
    try:
        return path.read_bytes()
    except OSError as error:
        mend = "put the authority's first root there"
        raise ConfigError(f"{path}: expected the trust anchor, got: {error.strerror}; {mend}") from None


def _drop_others(folder: Path, named: set[str]) -> None:
    for path in folder.iterdir():
        if path.is_file() and path.name not in named:
            path.unlink()


# Refusals, in an operator's words. What each means rests on tuf's exception and on the file that was fetched last.

_ASK: Final = "the trust held stays; ask the authority"
_AHEAD: Final = f"whoever signed it has a clock that is ahead; {_ASK}"
_ROLLBACK: Final = "an older state is offered (rollback)"
_MIXED: Final = "files of different states are offered together (mix-and-match)"
_FORGED: Final = "it is signed with other keys than this lane's root names (wrong root, or a forgery)"
_ENDLESS: Final = "it does not end where it must (endless data)"
_SLOW: Final = (
    "it does not come to an end in the time that an update may take (endless data, or a line that is too slow)"
)
_EXPIRED: Final = (
    "what is offered has expired: newer trust is withheld (freeze), or the authority has not signed in time"
)

_MEANINGS: Final[tuple[tuple[type[Exception], str], ...]] = (
    (exceptions.ExpiredMetadataError, _EXPIRED),
    (exceptions.UnsignedMetadataError, _FORGED),
    (exceptions.LengthOrHashMismatchError, _MIXED),
    (exceptions.DownloadLengthMismatchError, _ENDLESS),
    (TooLongError, _SLOW),
)
_VERSIONS: Final = {"root.json": "the chain of roots is broken", "targets.json": _MIXED}
_EXPIRED_FILE: Final = re.compile(r"(\w+)(?:\.json)? is expired\Z")
_THROUGH: Final = re.compile(r"^\w+\(.*?\): ")
"""The connection that urllib3 names first."""


def _explained(error: Exception, file: str, source: Source, now: float) -> GateError:
    """Why an update is refused, or that its source could not be reached: which file, what it looks like, what to do."""
    for kind, meaning in _MEANINGS:
        if isinstance(error, kind):
            return TrustError(f"{_whose(error, file)}: {meaning}{_detail(error, now)}; {_ASK}")
    if isinstance(error, exceptions.BadVersionNumberError):
        meaning = _VERSIONS.get(file, _ROLLBACK)
        return TrustError(f"{file}: {meaning}: {_plain(str(error))}; {_ASK}")
    if isinstance(error, exceptions.RepositoryError):
        return TrustError(f"{file}: expected TUF metadata that follows what is held, got: {_plain(str(error))}; {_ASK}")
    return FleetError(f"{source.name}: {file} could not be fetched: {_reason(error)}; the trust held stays")


def _whose(error: Exception, file: str) -> str:
    """The file that an error is about: tuf finds some to have expired only when it needs the next one."""
    found = _EXPIRED_FILE.search(str(error)) if isinstance(error, exceptions.ExpiredMetadataError) else None
    return f"{found[1]}.json" if found else file


def _detail(error: Exception, now: float) -> str:
    if isinstance(error, exceptions.ExpiredMetadataError):
        return f" (judged at {utc(now)}: check the clock)"
    return ""


def _reason(error: Exception) -> str:
    """What the network or the stick said, without the libraries that it came through."""
    cause = error.__cause__ or error
    text = str(getattr(cause, "reason", cause)) or "no answer in time"
    return _plain(_THROUGH.sub("", text))


def _plain(text: str) -> str:
    """A library's words as ours, and nothing of a stranger's that a terminal would obey."""
    shown = "".join(one if one.isprintable() else "?" for one in text[:_LONGEST])
    return (shown[:1].lower() if shown[1:2].islower() else shown[:1]) + shown[1:].rstrip(".")


# Generations.


def _mend_link(folder: Path) -> None:
    """Have `current` name the last generation where a copy of the folder, or somebody, lost the link: else what is trusted would begin anew."""
    generations = sorted(path.name for path in _generations(folder))
    if generations and not os.path.lexists(folder / store.CURRENT):
        _point_to(folder, generations[-1])


def _clone(folder: Path) -> None:
    """Begin .next with what is current."""
    current, following = folder / store.CURRENT, folder / _NEXT
    if current.exists():
        shutil.copytree(current.resolve(), following, symlinks=True, copy_function=_link)
    (following / _METADATA).mkdir(parents=True, exist_ok=True)


def _link(source: str, copy: str) -> None:
    """The same file twice; a copy where links are refused (another's file, a filesystem without)."""
    try:
        os.link(source, copy)
    except OSError:
        shutil.copyfile(source, copy)


def _keep_metadata(folder: Path) -> None:
    """Keep what TUF verified although the rest was refused (TUF 5.3.8, 5.4.5): a root that retired a stolen key must not be forgotten."""
    following = folder / _NEXT
    verified = following / _METADATA
    if not (folder / store.CURRENT).exists() or not _is_newer(folder):
        return
    aside = folder / f"{_NEXT}-{_METADATA}"
    verified.rename(aside)
    shutil.rmtree(following)
    _clone(folder)
    shutil.rmtree(verified)
    aside.rename(verified)
    _commit(folder)


def _is_newer(folder: Path) -> bool:
    """Whether .next holds metadata that the current generation does not."""
    return _bytes_of(folder / _NEXT / _METADATA) != _bytes_of(folder / store.CURRENT / _METADATA)


def _bytes_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _commit(folder: Path) -> None:
    """Make .next last, then the current generation."""
    following, fresh = folder / _NEXT, folder / f"g{_number(folder) + 1:08d}"
    written = [path for path in (following, *following.rglob("*")) if not path.is_symlink()]
    for path in written:
        _open_to_all(path)
    with ThreadPoolExecutor(_SYNCS) as pool:
        list(pool.map(store.sync, written))
    following.rename(fresh)
    store.sync(folder)
    _point_to(folder, fresh.name)


def _open_to_all(path: Path) -> None:
    """Nothing here is secret, and the controller is another user than whoever updates: no umask may keep it out."""
    mode = _FOLDER_MODE if path.is_dir() else _FILE_MODE
    if stat.S_IMODE(path.stat().st_mode) != mode:
        path.chmod(mode)


def _point_to(folder: Path, generation: str) -> None:
    link = folder / _LINK
    link.symlink_to(generation)
    link.replace(folder / store.CURRENT)
    store.sync(folder)


def _number(folder: Path) -> int:
    return max((int(path.name[1:]) for path in _generations(folder)), default=0)


def _generations(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if _GENERATION.match(path.name)]


def _sweep(folder: Path) -> None:
    """Remove what is neither current nor the one before it: older ones, and what an update left that was cut off."""
    current = (folder / store.CURRENT).resolve().name
    older = sorted(path.name for path in _generations(folder) if path.name < current)
    kept = {current, *older[-1:]}
    with suppress(FileNotFoundError):
        (folder / _LINK).unlink()
    for path in (*_generations(folder), *folder.glob(f"{_NEXT}*")):
        if path.name not in kept:
            shutil.rmtree(path)
