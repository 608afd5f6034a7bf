"""What systemd hears, on a real datagram socket, and what an operator hears of ages."""

import os
import socket
from collections.abc import Iterator
from datetime import datetime
from math import inf
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.controller.health import UNTOLD, Health, line, sentence, told, utc
from gate.credential.ages import TRUST_LIST, Age, AgeOf, status_list

TEN = 1795514400
"""2026-11-24 10:00 UTC."""
LISTED = status_list("urn:uto:uto-mo")
MEND = "run `gate trust update`, or `gate trust import` from a stick"


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


# Ages, in words.


def aged(age: Age, what: str = TRUST_LIST) -> AgeOf:
    following = {Age.GRACE: TEN - 86400, Age.STALE: TEN}.get(age, inf)
    return AgeOf(what, age, TEN - 200_000, following, TEN)


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (aged(Age.FRESH), "trust list is fresh"),
        (
            aged(Age.GRACE, LISTED),
            "status list urn:uto:uto-mo is in its grace time: all works, but a newer one should have come; stale from "
            "2026-11-23 10:00 UTC, everybody whose credential it covers is refused from 2026-11-24 10:00 UTC; " + MEND,
        ),
        (aged(Age.STALE), "trust list is stale: everybody is refused from 2026-11-24 10:00 UTC; " + MEND),
        (
            aged(Age.DEAD, LISTED),
            "status list urn:uto:uto-mo is dead: everybody whose credential it covers is refused since "
            "2026-11-24 10:00 UTC; " + MEND,
        ),
        (aged(Age.UNKNOWN), UNTOLD),
    ],
)
def test_an_age_is_said_with_what_it_means(one: AgeOf, said: str) -> None:
    assert sentence(one) == said


def test_only_changes_are_told() -> None:
    fresh, stale = (aged(Age.FRESH), aged(Age.GRACE, LISTED)), (aged(Age.STALE), aged(Age.GRACE, LISTED))
    assert told((), fresh) == (sentence(fresh[1]),)
    assert told(fresh, fresh) == told(stale, stale) == ()
    assert told(fresh, stale) == (sentence(stale[0]),)
    assert told(stale, fresh) == ("trust list is fresh",)


def test_that_nobody_can_tell_is_told_once() -> None:
    unknown = (aged(Age.UNKNOWN), aged(Age.UNKNOWN, LISTED))
    stale = (aged(Age.STALE), aged(Age.FRESH, LISTED))
    assert told((), unknown) == told(stale, unknown) == (UNTOLD,)
    assert told(unknown, unknown) == ()
    assert told(unknown, stale) == (sentence(stale[0]),)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ((aged(Age.FRESH), aged(Age.FRESH, LISTED)), "standby"),
        (
            (aged(Age.FRESH), aged(Age.GRACE, LISTED)),
            "standby; status list urn:uto:uto-mo grace, dies 2026-11-24 10:00 UTC",
        ),
        ((aged(Age.STALE), aged(Age.GRACE, LISTED)), "standby; trust list stale, dies 2026-11-24 10:00 UTC"),
        ((aged(Age.DEAD), aged(Age.STALE, LISTED)), "standby; trust list dead, died 2026-11-24 10:00 UTC"),
        ((aged(Age.UNKNOWN),), "standby; ages unknown, the clock cannot be trusted"),
    ],
)
def test_the_status_line_says_the_worst_age(found: tuple[AgeOf, ...], said: str) -> None:
    assert line("standby", found) == said


@given(st.integers(0, 1 << 34))  # no list dies later: expires and grace are below 2^33 each
def test_every_time_that_a_list_can_hold_is_spelled(seconds: int) -> None:
    spelled = datetime.strptime(utc(seconds).replace("UTC", "+0000"), "%Y-%m-%d %H:%M %z")
    assert spelled.timestamp() == seconds - seconds % 60
