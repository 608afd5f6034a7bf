"""The scanner's process as the controller sees it: started, watched, started again (DESIGN, concurrency).

Native decoders parse attackers' pictures and a camera can hang for ever, so the scanner may die or stop at any time; the lane must not.
The scanner says that it is well in systemd's own way (sd_notify(3)), whether systemd keeps it or this does.
"""

import math
import os
import select
import signal
import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from subprocess import Popen

READING: Final = "the scanner is reading"
"""The status of a scanner that is well."""

_FIRST_WAIT_S: Final = 0.1
_LONGEST_WAIT_S: Final = 5.0
_PATIENCE_S: Final = 1.0
_START_S: Final = 10.0
"""An interpreter and OpenCV from a slow card."""
_SILENT_S: Final = 1.0
_STEADY_S: Final = 10.0
"""Who has read for so long is well."""
_ASKED_USEC: Final = 500_000
"""It speaks at every half of this: three may be late before it is taken for dead."""
_LONGEST: Final = 4096

Spawn = Callable[[Mapping[str, str]], "Popen[bytes]"]


class ScannerProcess:
    """Keeps one scanner running from a thread of its own. `told` hears what an operator should know.

    `spawn` starts one, in a process group of its own, with these variables in its environment.
    """

    def __init__(self, spawn: Spawn, told: Callable[[str], None], monotonic: Callable[[], float]) -> None:
        self._spawn = spawn
        self._told = told
        self._monotonic = monotonic
        self._ending = threading.Event()
        self._turn = threading.Lock()
        self._last = READING
        self._said = {READING}  # since it was well
        self._has_read = False  # the one that runs now
        self._reading_since = math.inf
        with ExitStack() as stack:
            self._ear = stack.enter_context(_Ear())
            self._process = spawn(self._ear.environ)
            self._open = stack.pop_all()
        self._thread = threading.Thread(target=self._watch, name="scanner", daemon=True)
        self._thread.start()

    @property
    def pid(self) -> int:
        """The process that runs now, or ran last."""
        return self._process.pid

    def close(self) -> None:
        """End the scanner: asked first, killed after a second."""
        with self._turn:  # none is started behind our back
            self._ending.set()
            self._process.terminate()
        self._thread.join(_PATIENCE_S)
        self._kill()
        self._thread.join()
        self._open.close()

    def _watch(self) -> None:
        wait, why = _FIRST_WAIT_S, self._follow()
        while not self._ending.is_set():
            self._reading_since = math.inf
            self._tell(f"scanner lost ({why}); another starts in {wait:.1f} s")
            self._ending.wait(wait)
            why = self._start_another() or self._follow()
            # one that has read was well: its successor comes at once again, whatever that one's last words were
            wait = _FIRST_WAIT_S if self._has_read else min(wait * 2, _LONGEST_WAIT_S)

    def _start_another(self) -> str:
        """Start one unless we are ending; why it could not be, or nothing."""
        self._ear.said()  # by the one before
        self._has_read = False
        with self._turn:
            try:
                if not self._ending.is_set():
                    self._process = self._spawn(self._ear.environ)
            except OSError as error:
                return error.strerror or str(error)
        return ""

    def _follow(self) -> str:
        """Listen to the scanner until it has ended, or until it is silent and killed; how it ended."""
        try:
            life = os.pidfd_open(self._process.pid)
        except ProcessLookupError:  # gone, and `close` has seen it
            return _how(self._process.wait())
        try:
            heard, patience = self._monotonic(), _START_S
            while ready := _ready(self._ear.fileno(), life, wait=heard + patience - self._monotonic()):
                self._hear()  # its last words too: they say why
                if life in ready:
                    return _how(self._process.wait())
                heard, patience = self._monotonic(), _SILENT_S
        finally:
            os.close(life)
        self._kill()
        self._process.wait()
        return f"silent for {patience:g} s"

    def _hear(self) -> None:
        if self._monotonic() - self._reading_since >= _STEADY_S:
            self._be_well()
        for words in self._ear.said():
            if "STATUS" in words and "READY" not in words:  # that one has started is no news
                self._take(words["STATUS"])

    def _take(self, status: str) -> None:
        reads = status == READING
        self._has_read |= reads
        self._reading_since = self._monotonic() if reads else math.inf
        self._tell(status)

    def _be_well(self) -> None:
        if self._last != READING:
            self._told(READING)
        self._last, self._said = READING, {READING}

    def _tell(self, text: str) -> None:
        """Tell what was not said since the scanner was well: a camera that flaps is not told of all day."""
        if text in self._said:
            return
        if self._said == {READING}:
            self._said.clear()  # that it reads again is said at once, the first time
        self._said.add(text)
        self._last = text
        self._told(text)

    def _kill(self) -> None:
        """The whole group: who keeps the scanner reading, and who looks, stopped or not."""
        if self._process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)


class _Ear:
    """Where a scanner says how it is: a socket that only this user's processes reach."""

    def __init__(self) -> None:
        self._folder = TemporaryDirectory(prefix="gate-scanner-")
        path = str(Path(self._folder.name, "notify"))
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
        self._socket.bind(path)
        self.environ: Mapping[str, str] = {"NOTIFY_SOCKET": path, "WATCHDOG_USEC": str(_ASKED_USEC)}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()
        self._folder.cleanup()

    def fileno(self) -> int:
        """What to wait on."""
        return self._socket.fileno()

    def said(self) -> list[Mapping[str, str]]:
        """What was said since the last time: each message's words."""
        found: list[Mapping[str, str]] = []
        with suppress(BlockingIOError):
            while True:
                lines = self._socket.recv(_LONGEST).decode(errors="replace").splitlines()
                found.append({name: text for name, _, text in (line.partition("=") for line in lines)})
        return found


def _ready(*descriptors: int, wait: float) -> list[int]:
    return select.select(descriptors, [], [], max(0.0, wait))[0]


def _how(code: int) -> str:
    return f"killed by signal {-code}" if code < 0 else f"exit code {code}"
