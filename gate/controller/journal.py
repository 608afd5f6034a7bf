"""The audit record on disk: one line an entry, a hash chain through all of them, nothing personal (gate.lane.audit).

A line is in the page cache before the barrier is released, so a full disk keeps it shut; it is on the disk a moment later, for fsync takes
milliseconds that a traveller need not wait for. A pseudonym can be found again while its day's key lives; then nobody can.
"""

import errno
import os
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from gate.controller import store
from gate.errors import JournalError
from gate.lane import audit
from gate.lane.audit import Chain, Entry, Kind, Value
from gate.lane.clock import ClockState

_LINES: Final = "*.jsonl"
_KEY_BYTES: Final = 32


class Journal:
    """The journal of one lane, in one folder. Written by the one thread that owns the lane; every failure is a JournalError."""

    def __init__(self, folder: Path, retention_days: int, wall: float) -> None:
        self._folder = folder
        self._retention = timedelta(days=retention_days)
        self._day = ""
        self._key = b""
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o750)
            self._chain = _resume(folder)
            self._file = os.open(self._open_path(wall), os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
            self._turn_day(wall)
        except OSError as error:
            raise JournalError(f"{folder}: expected a folder for the journal, got: {error.strerror}") from None

    def append(self, kind: Kind, wall: float, clock: ClockState, fields: Mapping[str, Value]) -> None:
        """Write one entry, whole or not at all. `wall` is Unix seconds."""
        sealed, chain = self._chain.seal(Entry(kind, wall, clock, fields))
        line = sealed + b"\n"
        size = os.fstat(self._file).st_size
        try:
            if os.write(self._file, line) != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # noqa: TRY301 - a short write is a full disk
        except OSError as error:
            os.ftruncate(self._file, size)
            raise JournalError(f"{self._folder}: expected to write the journal, got: {error.strerror}") from None
        self._chain = chain

    def who(self, cti: bytes, wall: float) -> str:
        """A pseudonym's mark in today's lines: found again only with the day's key."""
        self._turn_day(wall)
        return audit.who(self._key, cti)

    def sync(self) -> None:
        """Put what was written on the disk. May take milliseconds; called from a thread of its own."""
        try:
            os.fdatasync(self._file)
        except OSError as error:
            raise JournalError(f"{self._folder}: expected to keep the journal, got: {error.strerror}") from None

    def close(self) -> None:
        """Keep what was written, and close."""
        try:
            self.sync()
        finally:
            os.close(self._file)

    def _open_path(self, wall: float) -> Path:
        return self._folder / f"{self._chain.seq:012d}-{_day(wall)}.jsonl"

    def _turn_day(self, wall: float) -> None:
        day = _day(wall)
        if day != self._day:
            self._day, self._key = day, _day_key(self._folder, day)
            self._forget(wall)

    def _forget(self, wall: float) -> None:
        """Destroy the keys of days past their retention."""
        oldest = _day(wall - self._retention.total_seconds())
        for path in self._folder.glob("*.key"):
            if path.stem < oldest:
                path.unlink(missing_ok=True)


class Syncer:
    """The thread that syncs the journal after each entry; a failure goes to `failed`."""

    def __init__(self, journal: Journal, failed: Callable[[JournalError], None]) -> None:
        self._journal = journal
        self._failed = failed
        self._dirty = threading.Event()
        self._done = False
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Something was written."""
        self._dirty.set()

    def close(self) -> None:
        """Sync once more and end."""
        self._done = True
        self._dirty.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._done:
            self._dirty.wait()
            self._dirty.clear()
            try:
                self._journal.sync()
            except JournalError as error:
                self._failed(error)


def read(folder: Path) -> Iterator[bytes]:
    """Every line of a journal, oldest first, without its newline. Raises JournalError."""
    try:
        for path in sorted(folder.glob(_LINES)):
            yield from path.read_bytes().splitlines()
    except OSError as error:
        raise JournalError(f"{folder}: expected a journal, got: {error.strerror}") from None


def _resume(folder: Path) -> Chain:
    """The chain after the last whole line; a line that a power cut tore is cut off, for it was never acknowledged."""
    for path in sorted(folder.glob(_LINES), reverse=True):
        data = path.read_bytes()
        whole = data.rfind(b"\n") + 1
        if whole != len(data):
            os.truncate(path, whole)
        if whole:
            return Chain.resume(data[:whole].splitlines()[-1])
    return Chain()


def _day(wall: float) -> str:
    return datetime.fromtimestamp(wall, UTC).date().isoformat()


def _day_key(folder: Path, day: str) -> bytes:
    path = folder / f"{day}.key"
    if not path.exists():
        store.replace(path, secrets.token_bytes(_KEY_BYTES), 0o600)
    return path.read_bytes()
