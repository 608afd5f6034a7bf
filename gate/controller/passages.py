"""Who passed, on disk: so that a code passes once and a passage keeps its interval, also across a restart and a power cut.

A reservation is in the page cache before the barrier is released (a full disk keeps it shut), with one write and without waiting for the disk: the
thread that syncs the journal syncs this too, a moment later. There is no record of somebody walking: what was reserved and not given back has passed.

What can be lost, and why nobody passes twice for it:

- A process that dies loses nothing: what it wrote is the kernel's. The next one finds the same boot id in the files and goes on.
- A power cut loses what was not synced yet: the passages of the last moment. Which they were is not known, but that some may be missing is: the boot
  id is another one, and the last record is not the one of a clean end. All of them passed before this boot, so nothing that was fresh then is
  accepted, and nobody passes before this boot + the anti-passback interval (or the freshness window, if that is longer; `Replay.missed`). What is
  waited for stays the same if the lane is restarted meanwhile. CLOCK_MONOTONIC counts from the boot, so a lane that
  takes 20 s to start refuses everybody for 46 s more (60 s, and 6 s for two clocks that may each be wrong by 3 s), and says so.
- A record that is not what was written (a worn card) stands for any number of them: the same, counted from this start.
- After a clean end, also before a reboot, nothing is missing and nobody waits.

Only one who sets the clock back behind the cut, as a time source that lies can, within what ClockTrust's floor leaves, may have a code that was lost
with the cut judged as new. Cards that say that they have synced and have not are covered as long as they keep their records in order.

Records have a fixed size and a check each. They lie in files of an hour at most, or of one interval where that is longer, each with a random key
of its own under which its credentials are marked (gate.lane.replay). A file goes, and its key with it, when the lane has forgotten all that is in
it: whoever takes the card and has a credential at hand can ask about the last two hours or so (or three intervals), and about nothing before, as
far as a card really erases. While the clock is not trusted nothing is known to be old, and nothing goes; nobody passes then either.
"""

import os
import secrets
from collections import deque
from collections.abc import Iterator, Sequence
from enum import IntEnum, StrEnum
from pathlib import Path
from struct import Struct
from typing import Final, NamedTuple
from zlib import crc32

from gate.controller import store
from gate.controller.journal import cannot, telling, write_whole
from gate.errors import JournalError
from gate.lane.replay import MARK_BYTES, Passage, Replay

_FILES: Final = "*.passages"
_MAGIC: Final = b"EC1P"
_KEY_BYTES: Final = 32
_CONTENT: Final = Struct("<16sQdB3x")  # a mark or a boot id, an iat or a floor, a time, a kind
_KIND_AT: Final = 32
_CHECK: Final = Struct("<I")  # CRC-32 of what stands before it
_CONTENT_AND_CHECK: Final = Struct(_CONTENT.format + "I")
_RECORD: Final = _CONTENT_AND_CHECK.size
_MOST: Final = 1 << 16
"""Records in one file, 2.6 MB: so many that `Replay` never holds the keys of more than a few."""

_LOOK_S: Final = 1800.0
"""How often it is looked whether anything can be forgotten."""


class Gap(StrEnum):
    """What may be missing from the passages: nothing, some before this boot, or some before this start."""

    NOTHING = "nothing"
    BEFORE_BOOT = "before_boot"
    BEFORE_START = "before_start"


class _Kind(IntEnum):
    PASSED = 1
    GIVEN_BACK = 2
    BEGUN = 3
    BEGUN_WITH_GAP = 4
    CLOSED = 5
    FLOOR = 6
    BEGUN_AFTER_CUT = 7


_KINDS: Final = frozenset(_Kind)
_OF_A_PASSAGE: Final = frozenset({_Kind.PASSED, _Kind.GIVEN_BACK})
_BEGUN: Final = {
    Gap.NOTHING: _Kind.BEGUN,
    Gap.BEFORE_BOOT: _Kind.BEGUN_AFTER_CUT,
    Gap.BEFORE_START: _Kind.BEGUN_WITH_GAP,
}
_GAPS: Final = {kind: gap for gap, kind in _BEGUN.items()}
"""What a run that began so, and did not end cleanly, leaves to the next one of the same boot: what was missing still is."""

_OF_A_RUN: Final = frozenset({*_GAPS, _Kind.CLOSED})


class _Record(NamedTuple):
    """`mark` is a boot id where a run begins, and `iat` a floor there and in FLOOR; elsewhere they are a passage's."""

    mark: bytes
    iat: int
    at: float
    kind: int

    def packed(self) -> bytes:
        return _checked(_CONTENT.pack(*self))


class _Segment(NamedTuple):
    """A file as it was found. `data` is what of it holds, `torn` how many bytes follow that do not; `key` is empty where nothing holds."""

    path: Path
    key: bytes
    data: bytes
    torn: int

    def records(self) -> Iterator[_Record]:
        """What is in it, in order."""
        for content in _CONTENT_AND_CHECK.iter_unpack(self.data[_RECORD:]):
            yield _Record(*content[:-1])

    def passages(self) -> Iterator[Passage]:
        """What `Replay.restore` takes."""
        for mark, iat, at, kind in self.records():
            if kind in _OF_A_PASSAGE:
                yield Passage(mark, iat, at, given_back=kind == _Kind.GIVEN_BACK)


class Passages:
    """The passages of one lane, in one folder: given back to its `Replay` when opened, kept from then on.

    All but `sync` is called by the thread that owns the lane; every failure is a JournalError. `boot` is the kernel's boot id of at most 16 bytes,
    empty where it cannot be told; `most` is how many fill a file. `gap` is what may be missing; `latest` is when the last of them passed (Unix
    seconds; 0 where none did).
    """

    def __init__(self, folder: Path, boot: bytes, replay: Replay, most: int = _MOST) -> None:
        self._folder = folder
        self._boot = boot.ljust(MARK_BYTES, b"\0")
        self._replay = replay
        self._most = most
        self._paths: dict[bytes, Path] = {}  # by key, oldest first
        self._retired: deque[int] = deque()  # files to be synced once more and closed
        self._dead: deque[Path] = deque()  # files to be removed once what follows from that is on the disk
        self._failed = False
        self._since = float("inf")  # the first passage in the file that is written now, Unix seconds
        self._looks_at = float("-inf")
        self.latest = 0.0
        with telling(f"{folder}: expected a folder for the passages"):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            found = [_read(path) for path in sorted(folder.glob(_FILES))]
            self.gap = _gap(found, self._boot)
            self._number = _number(found)
            self._take_back(found)
            self._count = 0
            self._file = self._resume(found)
            # On the disk before anybody passes: else a cut could leave the clean end of the run before as the last word.
            os.fdatasync(self._file)
            for segment in found[:-1]:  # known now, and on the disk: the next start need not find it again
                if segment.key and segment.torn:
                    os.truncate(segment.path, len(segment.data))

    def keep(self, passage: Passage) -> None:
        """Write a reservation, before the barrier is released for it, or that it was given back. Raises JournalError: then it is not so."""
        kind = _Kind.GIVEN_BACK if passage.given_back else _Kind.PASSED
        self._write(_Record(passage.mark, passage.iat, passage.at, kind))
        self._counted(passage)

    def fill(self) -> None:
        """Say that nobody who may be missing can be in their interval any more: from now on nothing is missing. Raises JournalError."""
        self.gap = Gap.NOTHING
        self._replay.found()
        self._write(self._begun())

    def tidy(self, wall: float) -> bool:
        """Forget what is too old, and begin another file with another key where it is time; `wall` is a trusted clock's (Unix seconds).

        Whether there is something to sync for that. Raises JournalError.
        """
        full = self._count >= self._most
        if not self._replay.idle or (wall < self._looks_at and not full):
            return False
        self._looks_at = wall + _LOOK_S
        self._replay.forget(wall)
        if full or wall - self._since >= max(_LOOK_S, self._replay.retention_s):
            self._turn()
        self._bury()
        return bool(self._retired or self._dead)

    def sync(self) -> None:
        """Put what was written on the disk, and remove what was forgotten. May take milliseconds; called from a thread of its own."""
        try:
            with telling(f"{self._folder}: expected to keep the passages"):
                os.fdatasync(self._file)
                if self._dead or self._retired:
                    self._sync_others()
        except JournalError:
            self._failed = True  # the kernel says it once, and from then on that these pages are clean
            raise

    def close(self) -> None:
        """Keep what was written, and close: a clean end where nothing is missing."""
        try:
            self.sync()
            if self.gap is Gap.NOTHING and not self._failed:
                self._write(_Record(self._boot, 0, 0.0, _Kind.CLOSED))
                self.sync()
        finally:
            os.close(self._file)

    def _take_back(self, found: Sequence[_Segment]) -> None:
        for segment in found:
            if not segment.key:
                self._dead.append(segment.path)
                continue
            self._paths[segment.key] = segment.path
            self._replay.restore(segment.key, segment.passages())
            for _, iat, at, kind in segment.records():
                if kind == _Kind.PASSED:
                    self.latest = max(self.latest, at)
                elif kind != _Kind.GIVEN_BACK:
                    self._replay.refuse_until(iat)

    def _resume(self, found: Sequence[_Segment]) -> int:
        """Go on in the last file, or begin the first one."""
        if not found or not found[-1].key:
            file = self._begin()
            store.sync(self._folder)
            store.sync(self._folder.parent)
            return file
        last = found[-1]
        file = os.open(last.path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        os.ftruncate(file, len(last.data))
        write_whole(file, self._begun().packed())
        for passage in last.passages():
            self._counted(passage)
        return file

    def _counted(self, passage: Passage) -> None:
        self._count += 1
        self._since = min(self._since, passage.at)

    def _begin(self) -> int:
        """Begin a file with a key of its own. Raises OSError."""
        path = self._folder / f"{self._number + 1:08d}.passages"
        key = secrets.token_bytes(_KEY_BYTES)
        file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            write_whole(file, _checked(_MAGIC + key) + self._begun().packed())
        except OSError:
            os.close(file)
            path.unlink()
            raise
        self._number += 1
        self._paths[key] = path
        self._replay.turn(key)
        return file

    def _begun(self) -> _Record:
        return _Record(self._boot, max(0, self._replay.floor), 0.0, _BEGUN[self.gap])

    def _turn(self) -> None:
        with telling(f"{self._folder}: expected to begin another file of passages"):
            before, self._file = self._file, self._begin()
        self._count, self._since = 0, float("inf")
        self._retired.append(before)

    def _bury(self) -> None:
        """Give up the files of which nothing is remembered, once it is written that nothing of their time is accepted."""
        kept = self._replay.keys
        dead = [key for key in self._paths if key not in kept]
        if dead:
            self._write(_Record(self._boot, max(0, self._replay.floor), 0.0, _Kind.FLOOR))
        self._dead.extend(self._paths.pop(key) for key in dead)

    def _sync_others(self) -> None:
        """In this order: what a file is followed by is on the disk, name and all, before the file is gone."""
        dead = len(self._dead)  # more may come meanwhile, whose floor is not on the disk yet
        os.fdatasync(self._file)
        while self._retired:
            os.fdatasync(self._retired[0])
            os.close(self._retired.popleft())
        store.sync(self._folder)
        for _ in range(dead):
            self._dead.popleft().unlink(missing_ok=True)

    def _write(self, record: _Record) -> None:
        try:
            write_whole(self._file, record.packed())
        except OSError as error:
            raise cannot(f"{self._folder}: expected to write the passages", error) from None


def _checked(content: bytes) -> bytes:
    return content + _CHECK.pack(crc32(content))


def _read(path: Path) -> _Segment:
    """A file up to where it does not hold any more. Raises OSError."""
    data = path.read_bytes()
    end = _RECORD if data.startswith(_MAGIC) and _holds(data, 0) else 0
    while end and _holds(data, end) and data[end + _KIND_AT] in _KINDS:
        end += _RECORD
    return _Segment(path, data[len(_MAGIC) : _CONTENT.size] if end else b"", data[:end], len(data) - end)


def _holds(data: bytes, start: int) -> bool:
    block = data[start : start + _RECORD]
    return len(block) == _RECORD and _checked(block[: _CONTENT.size]) == block


def _number(found: Sequence[_Segment]) -> int:
    return max((int(segment.path.stem) for segment in found if segment.path.stem.isdecimal()), default=0)


def _gap(found: Sequence[_Segment], boot: bytes) -> Gap:
    """What may be missing when a run begins in this boot."""
    # A torn write at the very end was never acknowledged, so nobody passed for it. Anything else was there once and is not now.
    if any(segment.torn for segment in found[:-1]) or (found and found[-1].torn >= _RECORD):
        return Gap.BEFORE_START
    runs = [record for segment in found for record in segment.records() if record.kind in _OF_A_RUN]
    if not runs or runs[-1].kind == _Kind.CLOSED:
        return Gap.NOTHING  # the first file is on the disk before the first passage
    before = runs[-1]
    if not (any(boot) and any(before.mark)):
        return Gap.BEFORE_START  # it cannot be told whether this is another boot
    if before.mark != boot:
        return Gap.BEFORE_BOOT
    return _GAPS[_Kind(before.kind)]
