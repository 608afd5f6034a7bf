"""The audit record on disk: one line an entry, a hash chain through all of them, nothing personal (gate.lane.audit).

A line is in the page cache before the barrier is released, so a full disk keeps it shut; it is on the disk a moment later, for fsync takes
milliseconds that a traveller need not wait for. A pseudonym can be found again while its day's key lives; then nobody can.
"""

import errno
import json
import os
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO, Final

from gate.controller import store
from gate.errors import JournalError
from gate.lane import audit
from gate.lane.audit import Chain, Entry, Kind, Value
from gate.lane.clock import ClockState

_FILES: Final = "*.jsonl"
_KEY_BYTES: Final = 32
_DAY_S: Final = 86400
_TAIL: Final = 1 << 16
"""Bytes looked at first for the last line: a month's file does not fit into a controller's memory."""


class Journal:
    """The journal of one lane, in one folder. Written by the one thread that owns the lane; every failure is a JournalError.

    `floor` is the last trusted time that was in it when it was opened (Unix seconds).
    """

    def __init__(self, folder: Path, retention_days: int, wall: float) -> None:
        self._folder = folder
        self._retention = timedelta(days=retention_days)
        self._begins = float("inf")  # of the day whose key is at hand, Unix seconds
        self._key = b""
        self._trusted = float("-inf")  # the last entry whose clock was trusted, Unix seconds
        self._forgets = 0.0
        with _told(f"{folder}: expected a folder for the journal"):
            folder.mkdir(parents=True, exist_ok=True, mode=0o750)
            self._chain, self.floor = _resume(folder)
            self._turn_day(wall)
            self._file = os.open(self._open_path(wall), os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)

    def append(self, kind: Kind, wall: float, clock: ClockState, fields: Mapping[str, Value]) -> None:
        """Write one entry, whole or not at all. `wall` is Unix seconds."""
        line, chain = self._chain.seal(Entry(kind, wall, clock, fields))
        try:
            _append(self._file, line)
        except OSError as error:
            raise _cannot(f"{self._folder}: expected to write the journal", error) from None
        self._chain = chain
        if clock is ClockState.TRUSTED:
            self._trusted = wall

    def who(self, cti: bytes, wall: float) -> str:
        """A pseudonym's mark in today's lines: found again only with the day's key."""
        if not self._begins <= wall < self._begins + _DAY_S:
            with _told(f"{self._folder}: expected to keep the day's key"):
                self._turn_day(wall)
        return audit.who(self._key, cti)

    def sync(self) -> None:
        """Put what was written on the disk, and destroy old keys. May take milliseconds; called from a thread of its own."""
        with _told(f"{self._folder}: expected to keep the journal"):
            os.fdatasync(self._file)
        if self._trusted >= self._forgets:
            with _told(f"{self._folder}: expected to destroy an old day's key"):
                self._forget(self._trusted)

    def close(self) -> None:
        """Keep what was written, and close."""
        try:
            self.sync()
        finally:
            os.close(self._file)

    def _open_path(self, wall: float) -> Path:
        return self._folder / f"{self._chain.seq:012d}-{_day(wall)}.jsonl"

    def _turn_day(self, wall: float) -> None:
        self._key = _day_key(self._folder, _day(wall))
        self._begins = wall - wall % _DAY_S

    def _forget(self, wall: float) -> None:
        """Destroy the keys of days past their retention, once a day; only a trusted clock may say that they are."""
        self._forgets = wall - wall % _DAY_S + _DAY_S
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
    """Every line of a journal, oldest first, without its newline. Raises JournalError, at once where there is no folder."""
    if not folder.is_dir():
        raise JournalError(f"{folder}: expected the folder of a journal, got none; a lane makes it when it runs")
    return _lines(sorted(folder.glob(_FILES)))


def _lines(paths: Sequence[Path]) -> Iterator[bytes]:
    for path in paths:
        with _told(f"{path}: expected a journal that can be read"), path.open("rb") as file:
            for line in file:
                yield line.removesuffix(b"\n")


def _append(file: int, line: bytes) -> None:
    """Write a line whole, or leave the file as it was. Raises OSError."""
    size = os.fstat(file).st_size
    try:
        if os.write(file, line) != len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # noqa: TRY301 - a short write is a full disk
    except OSError:
        os.ftruncate(file, size)
        raise


def _resume(folder: Path) -> tuple[Chain, float]:
    """The chain after the last whole line, and its time if it was trusted (Unix seconds; else 0): it cannot be earlier than that now.

    A line that a power cut tore is cut off, for it was never acknowledged.
    """
    for path in sorted(folder.glob(_FILES), reverse=True):
        last = _last_line(path)
        if last is not None:
            return _followed(path, last), _trusted_time(last)
    return Chain(), 0.0


def _trusted_time(line: bytes) -> float:
    content = json.loads(line)
    return float(content["at"]) if content["clock"] == ClockState.TRUSTED else 0.0


def _last_line(path: Path) -> bytes | None:
    """The last whole line of a file, None of an empty one; what is torn behind it is cut off. Raises OSError."""
    with path.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        data = _tail(file, min(size, _TAIL))
        if data.count(b"\n") <= 1:  # no whole line between two newlines
            data = _tail(file, size)
        whole = data.rfind(b"\n") + 1
        file.truncate(size - len(data) + whole)
    return data[:whole].splitlines()[-1] if whole else None


def _tail(file: BinaryIO, size: int) -> bytes:
    file.seek(-size, os.SEEK_END)
    return file.read()


def _followed(path: Path, last: bytes) -> Chain:
    try:
        return Chain.resume(last)
    except JournalError as error:
        mend = "keep this folder as it is and name another for the journal"
        raise JournalError(f"{path}: last line: {error}; {mend}") from None


@contextmanager
def _told(what: str) -> Iterator[None]:
    """An OSError as a JournalError that says what was expected."""
    try:
        yield
    except OSError as error:
        raise _cannot(what, error) from None


def _cannot(what: str, error: OSError) -> JournalError:
    return JournalError(f"{what}, got: {(error.strerror or str(error)).lower()}")


def _day(wall: float) -> str:
    return datetime.fromtimestamp(wall, UTC).date().isoformat()


def _day_key(folder: Path, day: str) -> bytes:
    path = folder / f"{day}.key"
    if not path.exists():
        store.replace(path, secrets.token_bytes(_KEY_BYTES), 0o600)
    return path.read_bytes()
