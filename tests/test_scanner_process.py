"""Keeping a scanner running, with real child processes."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from queue import SimpleQueue

import pytest

from gate.controller.scanner import ScannerProcess

Spawn = Callable[[], "subprocess.Popen[bytes]"]
WAITS = "import sys; sys.stdin.read()"
DEAF = "import signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); sys.stdin.read()"


def child(code: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-S", "-E", "-c", code]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603 - our own command


class Stable:
    """Starts children, remembers them, and keeps what is told."""

    def __init__(self) -> None:
        self.children: list[subprocess.Popen[bytes]] = []
        self.started: SimpleQueue[int] = SimpleQueue()
        self.told: SimpleQueue[str] = SimpleQueue()
        self.code = WAITS
        self.fails = 0

    def spawn(self) -> "subprocess.Popen[bytes]":
        if self.children and self.fails:
            self.fails -= 1
            raise OSError(12, "Cannot allocate memory")
        self.children.append(child(self.code))
        self.started.put(self.children[-1].pid)
        return self.children[-1]

    def keep(self) -> ScannerProcess:
        return ScannerProcess(self.spawn, self.told.put, time.monotonic)


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


def test_one_that_cannot_be_started_at_first_is_an_error() -> None:
    def spawn() -> "subprocess.Popen[bytes]":
        return subprocess.Popen(["/nowhere/at/all"])

    with pytest.raises(FileNotFoundError):
        ScannerProcess(spawn, pytest.fail, time.monotonic)
