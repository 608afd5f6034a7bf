"""The inbox: in order, bounded for symbols, and waiting no longer than it was told."""

import signal
import threading
import time
from collections.abc import Iterator

import pytest
from forge import VERIFIER
from hypothesis import given
from hypothesis import strategies as st

from gate.controller.inbox import (
    Failed,
    Inbox,
    Message,
    Moved,
    ScannerChanged,
    ScannerJoined,
    Shown,
    Stop,
    TrustLoaded,
    TrustRefused,
)
from hardware.clock import SystemClock

OTHERS = st.one_of(
    st.builds(Moved),
    st.builds(Stop, st.text()),
    st.builds(Failed, st.text()),
    st.builds(ScannerChanged, st.text()),
    st.builds(TrustLoaded, st.just(VERIFIER)),
    st.builds(TrustRefused, st.text()),
)


@pytest.fixture
def inbox() -> Inbox:
    return Inbox(SystemClock())


@given(messages=st.lists(st.one_of(OTHERS, st.builds(Shown, st.binary())), max_size=60))
def test_what_was_left_comes_out_in_order(messages: list[Message]) -> None:
    inbox = Inbox(SystemClock())
    for message in messages:
        inbox.put(message)
    assert [inbox.take() for _ in messages] == messages
    assert inbox.take() is None


def test_no_scanner_fills_the_memory_and_nothing_else_is_lost(inbox: Inbox) -> None:
    for _ in range(10_000):
        inbox.put(Shown(b"x"))
        inbox.put(ScannerJoined())
    inbox.put(Stop("now"))
    waiting = list(iter(inbox.take, None))
    assert len(waiting) < 100
    assert waiting[-1] == Stop("now")


def test_it_waits_no_longer_than_it_was_told(inbox: Inbox) -> None:
    began = time.monotonic()
    assert inbox.get(began + 0.05) is None
    assert 0.05 <= time.monotonic() - began < 2
    assert inbox.get(0.0) is None, "a time that has passed is no time to wait"


def test_it_waits_for_ever_where_nothing_is_due(inbox: Inbox) -> None:
    threading.Timer(0.02, inbox.put, (Moved(),)).start()
    assert inbox.get(None) == Moved()


@pytest.fixture
def on_alarm(inbox: Inbox) -> Iterator[None]:
    before = signal.signal(signal.SIGALRM, lambda *_: inbox.put(Stop("SIGALRM")))
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.usefixtures("on_alarm")
def test_a_signal_during_the_wait_is_a_message(inbox: Inbox) -> None:
    signal.setitimer(signal.ITIMER_REAL, 0.02)
    assert inbox.get(time.monotonic() + 5) == Stop("SIGALRM")
