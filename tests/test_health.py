"""What systemd hears, on a real datagram socket."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from gate.controller.health import Health


@pytest.fixture(params=["path", "abstract"])
def systemd(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    """The end that systemd holds, and its name in the environment."""
    name = str(tmp_path / "notify") if request.param == "path" else f"@gate-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind(name.replace("@", "\0", 1) if name.startswith("@") else name)
        end.settimeout(5)
        yield end, name


def test_ready_alive_and_stopping(systemd: tuple[socket.socket, str]) -> None:
    end, name = systemd
    health = Health({"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "5000000"})
    health.ready("standby")
    assert end.recv(100) == b"READY=1\nSTATUS=standby"
    health.status("standby")  # said already
    health.status("released")
    assert end.recv(100) == b"STATUS=released"
    health.alive(100.0)
    assert end.recv(100) == b"WATCHDOG=1"
    assert health.next_due() == 102.5
    health.alive(102.4)  # not yet due
    health.alive(102.5)
    health.close()
    assert [end.recv(100), end.recv(100)] == [b"WATCHDOG=1", b"STOPPING=1"]


def test_an_idle_loop_must_come_at_once_for_the_first_time(systemd: tuple[socket.socket, str]) -> None:
    health = Health({"NOTIFY_SOCKET": systemd[1], "WATCHDOG_USEC": "5000000"})
    due = health.next_due()
    assert due is not None
    assert due < 0
    health.close()


@pytest.mark.parametrize("usec", ["", "0", "abc", "-5", "1e6"])
def test_without_a_watchdog_nothing_is_due(systemd: tuple[socket.socket, str], usec: str) -> None:
    end, name = systemd
    health = Health({"NOTIFY_SOCKET": name, "WATCHDOG_USEC": usec})
    health.alive(1.0)
    assert health.next_due() is None
    health.close()
    assert end.recv(100) == b"STOPPING=1"


@pytest.mark.parametrize(
    "environ", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "/nowhere/at/all"}, {"NOTIFY_SOCKET": "/" + "x" * 300}]
)
def test_nobody_listens(environ: dict[str, str]) -> None:
    health = Health(environ)
    health.ready("standby")
    health.close()
