"""Keeping a scanner running, with real child processes."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from queue import Empty, SimpleQueue

import pytest

from gate.controller.scanner import READING, ScannerProcess

WAITS = "import sys; sys.stdin.read()"
DEAF = "import signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); sys.stdin.read()"
# Says what it is told to, one message a line.
SPEAKS = """
import os, socket, sys
end = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
end.connect(os.environ["NOTIFY_SOCKET"])
for line in sys.stdin:
    end.send(line.strip().replace(";", chr(10)).encode())
"""


def child(code: str, environ: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-S", "-E", "-c", code]
    ends = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    return subprocess.Popen(command, process_group=0, env={**os.environ, **environ}, **ends)  # noqa: S603 - our own command


class Stable:
    """Starts children, remembers them, and keeps what is told."""

    def __init__(self) -> None:
        self.children: list[subprocess.Popen[bytes]] = []
        self.started: SimpleQueue[int] = SimpleQueue()
        self.told: SimpleQueue[str] = SimpleQueue()
        self.code = WAITS
        self.fails = 0
        self.ahead = 0.0

    def spawn(self, environ: Mapping[str, str]) -> "subprocess.Popen[bytes]":
        if self.children and self.fails:
            self.fails -= 1
            raise OSError(12, "Cannot allocate memory")
        self.children.append(child(self.code, environ))
        self.started.put(self.children[-1].pid)
        return self.children[-1]

    def keep(self) -> ScannerProcess:
        return ScannerProcess(self.spawn, self.told.put, lambda: time.monotonic() + self.ahead)

    def until(self, text: str) -> list[str]:
        """Everything that is told, until that is."""
        found = [self.told.get(timeout=5)]
        while found[-1] != text:
            found.append(self.told.get(timeout=5))
        return found

    def say(self, *messages: str) -> None:
        """Have the last child say them."""
        stdin = self.children[-1].stdin
        assert stdin is not None
        stdin.write("".join(f"{message}\n" for message in messages).encode())
        stdin.flush()


@pytest.fixture
def stable() -> Iterator[Stable]:
    found = Stable()
    yield found
    for one in found.children:
        assert one.poll() is not None, "no child is left"
        for end in (one.stdin, one.stdout):
            if end is not None:
                end.close()


def test_one_that_was_killed_is_followed_by_another_within_a_second(stable: Stable) -> None:
    scanner = stable.keep()
    first = stable.started.get(timeout=5)
    assert scanner.pid == first
    began = time.monotonic()
    os.kill(first, signal.SIGKILL)
    assert stable.told.get(timeout=5) == "scanner lost (killed by signal 9); another starts in 0.1 s"
    second = stable.started.get(timeout=5)
    assert time.monotonic() - began < 1
    assert second != first
    scanner.close()
    assert scanner.pid == second


def test_one_that_dies_at_once_is_started_less_and_less_often(stable: Stable) -> None:
    stable.code = "raise SystemExit(3)"
    scanner = stable.keep()
    told = [stable.told.get(timeout=5) for _ in range(4)]
    scanner.close()
    assert told == [f"scanner lost (exit code 3); another starts in {wait} s" for wait in (0.1, 0.2, 0.4, 0.8)]


def test_one_that_cannot_be_started_is_tried_again(stable: Stable) -> None:
    stable.fails = 2
    scanner = stable.keep()
    os.kill(stable.started.get(timeout=5), signal.SIGKILL)
    told = [stable.told.get(timeout=5) for _ in range(3)]
    assert told[1:] == [f"scanner lost (Cannot allocate memory); another starts in {wait} s" for wait in (0.2, 0.4)]
    assert stable.started.get(timeout=5)
    scanner.close()


def test_closing_ends_it(stable: Stable) -> None:
    scanner = stable.keep()
    scanner.close()
    assert stable.children[0].returncode == -signal.SIGTERM
    assert stable.told.empty(), "nobody was lost"


def test_one_that_does_not_listen_is_killed(stable: Stable) -> None:
    stable.code = DEAF
    scanner = stable.keep()
    stdout = stable.children[0].stdout
    assert stdout is not None
    stdout.readline()
    scanner.close()
    assert stable.children[0].returncode == -signal.SIGKILL


def test_closing_while_another_is_awaited_leaves_none(stable: Stable) -> None:
    scanner = stable.keep()
    os.kill(stable.started.get(timeout=5), signal.SIGKILL)
    stable.told.get(timeout=5)
    scanner.close()
    assert len(stable.children) == 1


def test_one_that_falls_silent_is_killed_and_followed_by_another(stable: Stable) -> None:
    stable.code = SPEAKS
    scanner = stable.keep()
    stable.say("WATCHDOG=1")
    stable.code = WAITS
    assert stable.told.get(timeout=15) == "scanner lost (silent for 1 s); another starts in 0.1 s"
    assert stable.children[0].wait(5) == -signal.SIGKILL
    scanner.close()


def test_one_that_is_stopped_and_all_that_it_started_are_killed(stable: Stable) -> None:
    stable.code = f"import os, signal\nif not os.fork():\n    signal.pause()\n{SPEAKS}"
    scanner = stable.keep()
    stable.say("STATUS=two of them")
    assert stable.told.get(timeout=5) == "two of them"
    os.killpg(scanner.pid, signal.SIGSTOP)
    stable.code = WAITS
    assert stable.told.get(timeout=5).startswith("scanner lost (silent for 1 s)")
    stdout = stable.children[0].stdout
    assert stdout is not None
    assert stdout.read() == b"", "the pipe's last writer is gone"
    scanner.close()


def test_what_it_says_is_told_when_it_changes_but_not_that_it_starts(stable: Stable) -> None:
    stable.code = SPEAKS
    scanner = stable.keep()
    stable.say("READY=1;STATUS=the camera starts", f"STATUS={READING}", "STATUS=away", "STATUS=away", "WATCHDOG=1")
    stable.say("STOPPING=1", "", "=", f"STATUS={READING}")
    assert [stable.told.get(timeout=5) for _ in range(2)] == ["away", READING]
    scanner.close()
    assert stable.told.empty()


def test_one_that_has_read_is_followed_at_once_whatever_it_said_last(stable: Stable) -> None:
    stable.code = SPEAKS
    scanner = stable.keep()
    fates = ((True, signal.SIGKILL, 0.1), (False, signal.SIGTERM, 0.2), (True, signal.SIGABRT, 0.1))
    for reads, number, wait in fates:
        pid = stable.started.get(timeout=5)
        if reads:
            stable.say(f"STATUS={READING}", f"STATUS=lost {pid}")
            stable.until(f"lost {pid}")
        os.kill(pid, number)
        assert stable.told.get(timeout=5) == f"scanner lost (killed by signal {number:d}); another starts in {wait} s"
    scanner.close()


def test_the_last_words_of_one_that_has_ended_meanwhile_are_told(stable: Stable) -> None:
    stable.code = f"{SPEAKS}\n    if 'last' in line:\n        os._exit(75)"

    def told(text: str) -> None:
        if text == "first":  # whoever listens is busy until it has ended
            stable.say("STATUS=last")
            os.waitid(os.P_PID, stable.children[0].pid, os.WEXITED | os.WNOWAIT)
        stable.told.put(text)

    scanner = ScannerProcess(stable.spawn, told, time.monotonic)
    stable.say("STATUS=first")
    stable.code = WAITS
    assert stable.until("scanner lost (exit code 75); another starts in 0.1 s")[:2] == ["first", "last"]
    scanner.close()


def test_one_that_flaps_is_told_of_once(stable: Stable) -> None:
    stable.code = SPEAKS
    scanner = stable.keep()
    told = []
    for turn in range(4):
        pid = stable.started.get(timeout=5)
        stable.say(f"STATUS={READING}", "STATUS=away", f"STATUS=turn {turn}")
        told += stable.until(f"turn {turn}")
        os.kill(pid, signal.SIGKILL)
    stable.started.get(timeout=5)
    scanner.close()
    lost = "scanner lost (killed by signal 9); another starts in 0.1 s"
    assert told == ["away", "turn 0", lost, READING, "turn 1", "turn 2", "turn 3"]
    assert stable.told.empty()


def test_who_has_read_for_ten_seconds_is_well_and_told_of_anew(stable: Stable) -> None:
    stable.code = SPEAKS
    scanner = stable.keep()
    stable.say("STATUS=away", f"STATUS={READING}", "STATUS=away", "STATUS=worse", f"STATUS={READING}")
    assert stable.until("worse") == ["away", READING, "worse"]
    stable.ahead += 9
    stable.say("WATCHDOG=1", "STATUS=worse", f"STATUS={READING}", "STATUS=worst", f"STATUS={READING}")
    assert stable.until("worst") == ["worst"], "not yet"
    told = ""
    while not told:
        stable.ahead += 11
        stable.say("WATCHDOG=1")
        with suppress(Empty):
            told = stable.told.get(timeout=0.05)
    assert told == READING, "the last word is true"
    stable.say("STATUS=away", f"STATUS={READING}")
    assert stable.until(READING) == ["away", READING]
    scanner.close()


def test_one_that_cannot_be_started_at_first_is_an_error() -> None:
    def spawn(_: Mapping[str, str]) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(["/nowhere/at/all"])

    with pytest.raises(FileNotFoundError):
        ScannerProcess(spawn, pytest.fail, time.monotonic)
