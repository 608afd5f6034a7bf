"""Where new trust comes from: a server or a folder on a stick, both as tuf fetches, both bounded in bytes and in time.

tuf bounds each file. What bounds the whole is here: a source that drips, hangs or never ends is left after a stated time, whatever it
waits in (a name that is looked up, a handshake, a stick that does not answer).
"""

import os
import re
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, Queue
from typing import Final

from tuf.api.exceptions import DownloadError, DownloadHTTPError, DownloadLengthMismatchError, SlowRetrievalError
from tuf.ngclient import FetcherInterface
from tuf.ngclient.urllib3_fetcher import Urllib3Fetcher

from gate import __version__

Progress = Callable[[str, int], None]
"""Told of every piece: the file's name and how many bytes more there are of it."""

_PIECE: Final = 1 << 16
_NOT_FOUND: Final = 404
_PREFIX: Final = re.compile(r"^(?:\d+|[0-9a-f]{64})\.")
"""A version or a digest before a file's own name: TUF's consistent snapshots."""


def unheard(_file: str, _size: int) -> None:
    """The progress that nobody asked for."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one update may take: seconds in all, seconds without a byte, bytes in all.

    Two minutes carry 16 MB over a line of 1.1 Mbit/s; 64 MiB hold a status list of 2.8 million entries for hundreds of issuers.
    """

    seconds: float = 120.0
    silence: int = 5
    size: int = 1 << 26


DEFAULT: Final = Limits()


class TooLongError(SlowRetrievalError):
    """All the time that an update may take is used up."""


@dataclass(frozen=True, slots=True)
class Source:
    """A repository: its name for people, the base that its files' names are joined to, and what fetches them."""

    name: str
    base: str
    fetcher: FetcherInterface


def http(url: str, limits: Limits = DEFAULT) -> Source:
    """A repository behind HTTP or HTTPS; `metadata/` and `targets/` lie below `url`."""
    agent = f"gate/{__version__}"
    return Source(url, url.rstrip("/"), Urllib3Fetcher(limits.silence, _PIECE, agent))


def stick(folder: Path) -> Source:
    """A repository in a folder, as it lies on a stick."""
    return Source(str(folder), ".", FolderFetcher(folder))


class FolderFetcher(FetcherInterface):
    """Files of a folder that a stranger may have filled: plain files only, no link is followed, nothing outside is read."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def _fetch(self, url: str) -> Iterator[bytes]:
        *folders, name = [part for part in url.split("/") if part != "."]
        try:
            descriptor = _open(self._folder, folders, name)
        except FileNotFoundError:
            raise DownloadHTTPError(f"{url}: no such file", _NOT_FOUND) from None
        except OSError as error:
            raise DownloadError(f"{url}: {error.strerror}") from None
        return _pieces(descriptor, url)


def _open(folder: Path, folders: list[str], name: str) -> int:
    """A file below a folder, reached without following a link."""
    at = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for part in folders:
            below = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=at)
            os.close(at)
            at = below
        # Not to wait for the other end of a FIFO.
        return os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=at)
    finally:
        os.close(at)


def _pieces(descriptor: int, url: str) -> Iterator[bytes]:
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise DownloadError(f"{url}: expected a plain file, got something else")
        while piece := os.read(descriptor, _PIECE):
            yield piece
    finally:
        os.close(descriptor)


class Bounded(FetcherInterface):
    """Another fetcher's files, as long as time and bytes last. One update long; `file` is the one that was asked for last."""

    def __init__(self, inner: FetcherInterface, limits: Limits, progress: Progress) -> None:
        self.file = ""
        self._inner = inner
        self._until = time.monotonic() + limits.seconds
        self._left = limits.size
        self._progress = progress

    def _fetch(self, url: str) -> Iterator[bytes]:
        self.file = _PREFIX.sub("", url.rpartition("/")[2])
        return self._bounded(url)

    def _bounded(self, url: str) -> Iterator[bytes]:
        pump = _Pump(self._inner, url)
        try:
            while (piece := pump.next(self._until - time.monotonic())) is not None:
                self._left -= len(piece)
                if self._left < 0:
                    raise DownloadLengthMismatchError("more bytes than an update may have")
                self._progress(self.file, len(piece))
                yield piece
        finally:
            pump.leave()


class _Pump:
    """Fetches one file in a thread of its own, which may hang for ever: nothing but its own pieces is waited for."""

    def __init__(self, inner: FetcherInterface, url: str) -> None:
        self._ready: Queue[bytes | DownloadError | None] = Queue(maxsize=1)
        self._left = threading.Event()
        threading.Thread(target=self._run, args=(inner, url), name="fetch", daemon=True).start()

    def next(self, seconds: float) -> bytes | None:
        """The next piece, None at the end. Raises DownloadError, and its TooLongError when the time is up."""
        try:
            found = self._ready.get(timeout=max(0.0, seconds))
        except Empty:
            raise TooLongError("the time is up") from None
        if isinstance(found, DownloadError):
            raise found
        return found

    def leave(self) -> None:
        """Wait for nothing more: the thread ends at its next piece."""
        self._left.set()
        with suppress(Empty):
            self._ready.get_nowait()

    def _run(self, inner: FetcherInterface, url: str) -> None:
        try:
            for piece in inner.fetch(url):
                self._ready.put(piece)
                if self._left.is_set():
                    return
            self._ready.put(None)
        except DownloadError as error:
            self._ready.put(error)
        except Exception as error:  # noqa: BLE001 - whatever a network can raise is one thing to us, and must reach who waits
            self._ready.put(DownloadError(str(error)))
