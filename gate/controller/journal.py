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
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from gate.controller import store
from gate.errors import JournalError
from gate.lane import audit
from gate.lane.audit import Chain, Entry, Kind, Value
from gate.lane.clock import ClockState

_FILES: Final = "*.jsonl"
_KEY_BYTES: Final = 32
_DAY_S: Final = 86400
_TRUSTED: Final = f'"clock":"{ClockState.TRUSTED.value}"'.encode()
"""What a line holds whose clock was trusted, and no other: a quote inside a value is escaped."""
_TAIL: Final = 1 << 16
"""Bytes looked at first for the last line: a month's file does not fit into a controller's memory."""


class Journal:
    """The journal of one lane, in one folder. Written by the one thread that owns the lane; every failure is a JournalError.

    `floor` is the last trusted time that was in it when it was opened (Unix seconds; 0 where there was none).
    """

    def __init__(self, folder: Path, retention_days: int, wall: float) -> None:
        self._folder = folder
        self._retention = timedelta(days=retention_days)
        self._begins = float("inf")  # of the day whose key is at hand, Unix seconds
        self._key = b""
        self._trusted = float("-inf")  # the last entry whose clock was trusted, Unix seconds
        self._forgets = 0.0
        with telling(f"{folder}: expected a folder for the journal"):
            folder.mkdir(parents=True, exist_ok=True, mode=0o750)
            self._chain = _resume(folder)
            self.floor = last_trusted(folder)
            self._turn_day(wall)
            self._file = os.open(self._open_path(wall), os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)

    def append(self, kind: Kind, wall: float, clock: ClockState, fields: Mapping[str, Value]) -> None:
        """Write one entry, whole or not at all. `wall` is Unix seconds."""
        line, chain = self._chain.seal(Entry(kind, wall, clock, fields))
        try:
            write_whole(self._file, line)
        except OSError as error:
            raise cannot(f"{self._folder}: expected to write the journal", error) from None
        self._chain = chain
        if clock is ClockState.TRUSTED:
            self._trusted = wall

    def who(self, cti: bytes, wall: float) -> str:
        """A pseudonym's mark in today's lines: found again only with the day's key."""
        if not self._begins <= wall < self._begins + _DAY_S:
            with telling(f"{self._folder}: expected to keep the day's key"):
                self._turn_day(wall)
        return audit.who(self._key, cti)

    def sync(self) -> None:
        """Put what was written on the disk, and destroy old keys. May take milliseconds; called from a thread of its own."""
        with telling(f"{self._folder}: expected to keep the journal"):
            os.fdatasync(self._file)
        if self._trusted >= self._forgets:
            with telling(f"{self._folder}: expected to destroy an old day's key"):
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
        """Destroy the keys of days past their retention, and of days to come, once a day; only a trusted clock may say which they are.

        Tomorrow's is made ready, for its first traveller must not wait for the disk.
        """
        self._forgets = wall - wall % _DAY_S + _DAY_S
        oldest, newest = _day(wall - self._retention.total_seconds()), _day(wall + _DAY_S)
        with suppress(OSError):  # else it is made when it is needed, or the lane hears then that it cannot be
            _day_key(self._folder, newest)
        for path in self._folder.glob("*.key"):
            if not oldest <= path.stem <= newest:  # a day to come was a wrong clock's, by which nobody passed
                path.unlink(missing_ok=True)


class Synced(Protocol):
    """Something that is written now and put on the disk later."""

    def sync(self) -> None:
        """Put what was written on the disk. Raises JournalError."""


class Syncer:
    """The thread that syncs what was written, in this order, when it is told; each failure goes to `failed`."""

    def __init__(self, things: Sequence[Synced], failed: Callable[[JournalError], None]) -> None:
        self._things = things
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
        done = False
        while not done:
            self._dirty.wait()
            self._dirty.clear()
            done = self._done  # asked before this round: what was written before the end was told is in it
            for thing in self._things:
                try:
                    thing.sync()
                except JournalError as error:
                    self._failed(error)


def read(folder: Path) -> Iterator[bytes]:
    """Every line of a journal, oldest first, without its newline. Raises JournalError, at once where there is no folder."""
    if not folder.is_dir():
        raise JournalError(f"{folder}: expected the folder of a journal, got none; a lane makes it when it runs")
    return _lines(sorted(folder.glob(_FILES)))


def last_trusted(folder: Path) -> float:
    """When the last line was written whose clock was trusted (Unix seconds), 0 where there is none: it cannot be earlier than that now.

    Changes nothing. Raises JournalError for what cannot be read.
    """
    try:
        paths = sorted(folder.iterdir(), reverse=True)  # a glob would pass over a folder that it may not read
    except FileNotFoundError:
        return 0.0
    except OSError as error:
        raise cannot(f"{folder}: expected a journal that can be read", error) from None
    for path in (path for path in paths if path.match(_FILES)):
        with telling(f"{path}: expected a journal that can be read"), path.open("rb") as file:
            found = _last_trusted(file)
        if found is not None:
            return found
    return 0.0


def _last_trusted(file: BinaryIO) -> float | None:
    """Look from the end, for hours of lines with a clock that nobody trusts may stand there."""
    if not os.fstat(file.fileno()).st_size:
        return None  # what is empty cannot be mapped
    with mmap(file.fileno(), 0, access=ACCESS_READ) as data:
        at = data.rfind(_TRUSTED, 0, data.rfind(b"\n") + 1)
        while at >= 0:
            begins = data.rfind(b"\n", 0, at) + 1
            when = _time(data[begins : data.find(b"\n", at)])
            if when is not None:
                return when
            at = data.rfind(_TRUSTED, 0, begins)
    return None


def _time(line: bytes) -> float | None:
    """When a line was written, None where it does not hold."""
    try:
        Chain.resume(line)
    except JournalError:
        return None
    return float(json.loads(line)["at"])


def _lines(paths: Sequence[Path]) -> Iterator[bytes]:
    for path in paths:
        with telling(f"{path}: expected a journal that can be read"), path.open("rb") as file:
            for line in file:
                yield line.removesuffix(b"\n")


def write_whole(file: int, data: bytes) -> None:
    """Append these bytes whole, or leave the file as it was. Raises OSError."""
    written = os.write(file, data)  # what raises has written nothing
    if written != len(data):  # a disk that is full after so many
        os.ftruncate(file, os.fstat(file).st_size - written)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _resume(folder: Path) -> Chain:
    """The chain after the last whole line. A line that a power cut tore is cut off, for it was never acknowledged."""
    for path in sorted(folder.glob(_FILES), reverse=True):
        last = _last_line(path)
        if last is not None:
            return _followed(path, last)
    return Chain()


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
        mend = "keep this folder as it is, name another for the journal and move `passages` there"
        raise JournalError(f"{path}: last line: {error}; {mend}") from None


@contextmanager
def telling(what: str) -> Iterator[None]:
    """An OSError as a JournalError that says what was expected."""
    try:
        yield
    except OSError as error:
        raise cannot(what, error) from None


def cannot(what: str, error: OSError) -> JournalError:
    """What was expected, and what the system said."""
    return JournalError(f"{what}, got: {(error.strerror or str(error)).lower()}")


def _day(wall: float) -> str:
    return datetime.fromtimestamp(wall, UTC).date().isoformat()


def _day_key(folder: Path, day: str) -> bytes:
    path = folder / f"{day}.key"
    if not path.exists():
        store.replace(path, secrets.token_bytes(_KEY_BYTES), 0o600)
    return path.read_bytes()
