"""Keeps a scanner reading: a process that has everything imported and nothing open, beside the worker that looks.

The worker has the camera and parses strangers' pictures, so it may hang, crash or grow at any time. The keeper looks at
no picture; it sees from a shared page how far the worker is, kills the one that does not go on, and forks another,
which needs no interpreter and no import to start. Whoever keeps the keeper hears from it that it goes on itself.
"""

import ctypes
import gc
import mmap
import os
import resource
import select
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Final, NoReturn

from hardware.escalation import Escalation, Step
from hardware.scanner import Progress

RESTART: Final = os.EX_TEMPFAIL  # the exit code that asks whoever started the keeper to start it anew
MEMORY_LIMIT: Final = 256 << 20  # resident bytes of a worker; one that works well stays below half of it

_WALL: Final = 4 * MEMORY_LIMIT  # of data, resident or not: for a leak too quick to be looked at
_TICK_S: Final = 0.05
_END_S: Final = 0.2  # a killed process is gone before, unless a driver holds it; nobody says meanwhile that we go on
_LONGEST: Final = 300  # characters of a worker's last words
_GROWN: Final = f"the worker's memory grew above {MEMORY_LIMIT >> 20} MB"
_PAGE: Final = resource.getpagesize()
_PR_SET_PDEATHSIG: Final = 1

Work = Callable[[Progress], None]


def keep(work: Work, told: Callable[[str], None], alive: Callable[[float], None]) -> int:
    """Keep `work` going in a process of its own until it ends by itself; 0 then, or RESTART.

    `work` opens what it needs and calls its argument's `taken` and `done` at every frame, or `done` alone while it
    rests; what it raises is told and it is called again. `told` hears what an operator should know, `alive` the
    monotonic time at every turn of the loop. To be called by a process of one thread, without other children.
    """
    escalation = Escalation()
    gc.freeze()  # what a collection would touch in every worker is shared with them
    while (why := _watched(work, escalation, told, alive)) is not None:
        mend = escalation.lost(why)
        if mend.text:
            told(mend.text)
        if mend.after is None:
            return RESTART
        _rest(mend.after, alive)
    return 0


class Marks:
    """How often a worker went on, modulo 256, and what it is at: two bytes that both processes see."""

    def __init__(self) -> None:
        self._page = mmap.mmap(-1, 2)

    def taken(self) -> None:
        """A frame goes to the decoder."""
        self._mark(Step.DECODING)

    def done(self) -> None:
        """The next frame is waited for."""
        self._mark(Step.WAITING)

    def read(self) -> tuple[int, Step]:
        """Give both; what is no step is taken as the last one, for a worker may have been taken over."""
        count, step = self._page[:]
        return count, Step(min(step, Step.DECODING))

    def close(self) -> None:
        """Give the page back."""
        self._page.close()

    def _mark(self, step: Step) -> None:
        self._page[:] = bytes(((self._page[0] + 1) % 256, step))


class Worker:
    """A forked process that calls `work`, and the pipe for its last words. Raises OSError where none can be forked."""

    def __init__(self, work: Work) -> None:
        keeper = os.getpid()
        with _signals_later(), ExitStack() as undo:  # what fails is tried on and on: nothing may stay behind
            self.marks = undo.enter_context(closing(Marks()))
            self._words, theirs = os.pipe()
            undo.callback(os.close, self._words)
            try:
                self.pid = os.fork()
                if not self.pid:
                    _be(work, self.marks, theirs, keeper)
            finally:
                os.close(theirs)
            undo.callback(_kill, self.pid)
            self._life = os.pidfd_open(self.pid)
            undo.pop_all()

    def over(self, wait: float) -> bool:
        """Whether it has ended or said its last words, after at most `wait` seconds."""
        return bool(select.select([self._life, self._words], [], [], wait)[0])

    def resident(self) -> int:
        """Bytes of memory; 0 once it has gone."""
        with suppress(OSError):
            return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * _PAGE
        return 0

    def end(self) -> str | None:
        """End it, stopped or not, and let go of it; why it had ended by itself, or None if in order."""
        with suppress(ProcessLookupError):  # a dying process keeps the status that it died with
            signal.pidfd_send_signal(self._life, signal.SIGKILL)
        status = os.waitpid(self.pid, 0)[1] if select.select([self._life], [], [], _END_S)[0] else signal.SIGKILL
        said = self._said()
        for end in (self._life, self._words):
            os.close(end)
        self.marks.close()
        return "".join(filter(str.isprintable, said)) or (_how(status) if status else None)

    def _said(self) -> str:
        """Its last words; none where a driver holds it, or a child that it left: the pipe is open and empty then."""
        os.set_blocking(self._words, False)
        with suppress(BlockingIOError):
            return os.read(self._words, _LONGEST).decode(errors="replace")
        return ""


def _watched(
    work: Work, escalation: Escalation, told: Callable[[str], None], alive: Callable[[float], None]
) -> str | None:
    """Have one worker at work; why it is lost, or None where it ended in order."""
    escalation.began(time.monotonic())
    _bury()
    try:
        worker = Worker(work)
    except OSError as error:
        return f"no worker could be started ({(error.strerror or str(error)).lower()})"
    try:
        why = _lost(worker, escalation, told, alive)
    finally:
        ended = worker.end()
    return why or ended


def _lost(worker: Worker, escalation: Escalation, told: Callable[[str], None], alive: Callable[[float], None]) -> str:
    """Watch a worker until it has ended; or until it must, and why."""
    while True:
        over = worker.over(_TICK_S)
        now = time.monotonic()
        alive(now)
        for text in escalation.marked(*worker.marks.read(), now):
            told(text)
        why = escalation.overdue(now) or (_GROWN if worker.resident() > MEMORY_LIMIT else "")
        if over or why:
            return "" if over else why


def _rest(seconds: float, alive: Callable[[float], None]) -> None:
    """Let time pass; whoever keeps us must not take it for a hang."""
    until = time.monotonic() + seconds
    while (now := time.monotonic()) < until:
        alive(now)
        time.sleep(min(_TICK_S, until - now))


@contextmanager
def _signals_later() -> Iterator[None]:
    """No signal between a fork and the worker's own handlers: ours would run in it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM, signal.SIGINT))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _kill(pid: int) -> None:
    """End a worker that was forked just now and holds nothing yet."""
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def _bury() -> None:
    """Let those go that a driver held for longer than they could be waited for."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _be(work: Work, marks: Marks, words: int, keeper: int) -> NoReturn:
    """Be a worker, and never anything else: what is raised here must not go on in the keeper's code."""
    code = 1
    try:
        code = _live(work, marks, words, keeper)
    finally:
        os._exit(code)


def _live(work: Work, marks: Marks, words: int, keeper: int) -> int:
    """Be a worker; its exit code."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the keeper, who ends us
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGTERM, signal.SIGINT))
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != keeper:  # it died before we asked to die with it
        return 1
    _limit(resource.RLIMIT_DATA, _WALL)
    _limit(resource.RLIMIT_CORE, 0)  # a core would keep a traveller's picture
    return _speak(work, marks, words)


def _speak(work: Work, marks: Marks, words: int) -> int:
    try:
        work(marks)
    except MemoryError:
        said = _GROWN
    except OSError as error:
        said = str(error)
    except BaseException as error:  # noqa: BLE001 -- whatever it was, it is told in one line and another worker follows
        said = f"{type(error).__name__}: {error}"
    else:
        return 0
    os.write(words, " ".join(said.split()).encode(errors="replace")[:_LONGEST] or b"failed")
    return 1


def _limit(what: int, most: int) -> None:
    hard = resource.getrlimit(what)[1]
    resource.setrlimit(what, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def _how(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    return f"the worker was killed by signal {-code}" if code < 0 else f"the worker ended with exit code {code}"
