"""The scanner's socket, with real sockets: what comes through, and that nothing that is sent does harm."""

import socket
import struct
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gate.controller.inbox import Failed, Inbox, ScannerJoined, Shown
from gate.controller.symbols import MAX_TEXT, Symbol, SymbolSocket, listen, unpack
from gate.errors import GateError
from hardware import DeviceError
from hardware.clock import SystemClock
from hardware.scanner import LONGEST, Controller, pack

TIMES = st.floats(0, 1e9)


@given(text=st.binary(min_size=1, max_size=LONGEST), captured=TIMES, took=st.floats(0, 60))
def test_what_the_scanner_packs_is_unpacked(text: bytes, captured: float, took: float) -> None:
    symbol = unpack(pack(text, captured, captured + took))
    assert (symbol.captured_at, symbol.decoded_at) == (captured, captured + took)
    assert symbol.text.encode("utf-8", "surrogateescape") == text


@given(datagram=st.binary(max_size=5000))
def test_any_datagram_is_a_symbol_or_refused(datagram: bytes) -> None:
    try:
        symbol = unpack(datagram)
    except GateError:
        return
    assert isinstance(symbol, Symbol)
    assert 0 <= symbol.captured_at <= symbol.decoded_at < 1e10


@pytest.mark.parametrize(
    ("captured", "decoded"),
    [
        (1.0, 0.5),
        (-1.0, 1.0),
        (float("nan"), 1.0),
        (1.0, float("nan")),
        (1.0, float("inf")),
        (0.0, 1e300),
        (1e300, 1e300),
    ],
)
def test_times_that_cannot_be_are_refused(captured: float, decoded: float) -> None:
    with pytest.raises(GateError, match="expected times"):
        unpack(pack(b"EC1:A", captured, decoded))


@pytest.mark.parametrize("datagram", [b"", b"x", pack(b"", 1.0, 1.0), pack(b"x" * (MAX_TEXT + 1), 1.0, 1.0)])
def test_lengths_that_cannot_be_are_refused(datagram: bytes) -> None:
    with pytest.raises(GateError, match="expected 17 to 4112 bytes"):
        unpack(datagram)


def test_the_two_ends_agree_on_the_longest() -> None:
    assert MAX_TEXT == LONGEST
    assert struct.calcsize("<dd") == 16


@pytest.fixture
def symbols(tmp_path: Path) -> Iterator[SymbolSocket]:
    opened = SymbolSocket(tmp_path / "symbols.sock")
    yield opened
    opened.close()


@pytest.fixture
def inbox(symbols: SymbolSocket) -> Iterator[Inbox]:
    """An inbox that a thread fills from the socket."""
    clock = SystemClock()
    found = Inbox(clock)
    thread = listen(symbols, found)
    yield found
    symbols.close()
    thread.join(5)
    assert not thread.is_alive()


def connect(path: Path) -> socket.socket:
    """As any process might: what a scanner of ours never sends can be sent too."""
    found = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    found.connect(str(path))
    return found


def heard(inbox: Inbox) -> str:
    message = inbox.get(SystemClock().monotonic() + 5)
    while message == ScannerJoined():
        message = inbox.get(SystemClock().monotonic() + 5)
    assert isinstance(message, Shown)
    return unpack(message.datagram).text


def test_a_symbol_crosses(symbols: SymbolSocket, inbox: Inbox) -> None:
    with connect(symbols.path) as scanner:
        scanner.send(pack(b"EC1:A", 1.0, 2.0))
        assert heard(inbox) == "EC1:A"


def test_whoever_connects_is_told_of(symbols: SymbolSocket, inbox: Inbox) -> None:
    for _ in range(2):
        with closing(Controller(symbols.path)):
            assert inbox.get(SystemClock().monotonic() + 5) == ScannerJoined()


def test_one_scanner_after_another(symbols: SymbolSocket, inbox: Inbox) -> None:
    for number in range(3):
        with connect(symbols.path) as scanner:
            scanner.send(pack(b"%d" % number, 1.0, 2.0))
            assert heard(inbox) == str(number)


def test_a_second_scanner_waits_for_the_first_to_go(symbols: SymbolSocket, inbox: Inbox) -> None:
    with connect(symbols.path) as first, connect(symbols.path) as second:
        second.send(pack(b"second", 1.0, 2.0))
        first.send(pack(b"first", 1.0, 2.0))
        assert heard(inbox) == "first"
        first.close()
        assert heard(inbox) == "second"


def test_what_is_too_long_is_dropped_and_the_next_is_heard(symbols: SymbolSocket, inbox: Inbox) -> None:
    with connect(symbols.path) as scanner:
        scanner.send(pack(b"x" * 60_000, 1.0, 2.0))
        scanner.send(pack(b"after", 1.0, 2.0))
        assert heard(inbox) == "after"


def test_an_empty_datagram_ends_that_scanner_only(symbols: SymbolSocket, inbox: Inbox) -> None:
    with connect(symbols.path) as scanner:
        scanner.send(b"")
    with connect(symbols.path) as scanner:
        scanner.send(pack(b"after", 1.0, 2.0))
        assert heard(inbox) == "after"


def test_a_scanner_that_was_reset_ends_that_scanner_only(symbols: SymbolSocket) -> None:
    scanner = connect(symbols.path)
    assert symbols.receive() is None
    assert symbols._peer is not None
    symbols._peer.send(b"unread")  # a peer that dies with this unread is a reset connection
    scanner.close()
    assert symbols.receive() is None
    with connect(symbols.path) as scanner:
        assert symbols.receive() is None
        scanner.send(pack(b"after", 1.0, 2.0))
        assert symbols.receive() == pack(b"after", 1.0, 2.0)


# The other way.


@pytest.fixture
def scanner(symbols: SymbolSocket) -> Iterator[Controller]:
    """A scanner of ours, that was let in."""
    opened = Controller(symbols.path)
    assert symbols.receive() is None
    yield opened
    opened.close()


@given(text=st.binary(min_size=1, max_size=LONGEST))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_what_is_asked_for_again_is_what_the_scanner_sent(
    symbols: SymbolSocket, scanner: Controller, text: bytes
) -> None:
    """Byte for byte, also where it is no UTF-8: by these bytes the scanner knows what it saw."""
    scanner.send(pack(text, 1.0, 2.0))
    datagram = symbols.receive()
    assert datagram is not None
    symbols.ask_again(unpack(datagram).text)
    assert scanner.wanted() == text
    assert scanner.wanted() is None


def test_it_is_asked_from_another_thread_than_the_one_that_listens(symbols: SymbolSocket, inbox: Inbox) -> None:
    scanner = Controller(symbols.path)
    scanner.send(pack(b"EC1:A", 1.0, 2.0))
    assert heard(inbox) == "EC1:A"
    symbols.ask_again("EC1:A")
    assert scanner.wanted() == b"EC1:A"
    scanner.close()


def test_asking_nobody_is_no_harm(symbols: SymbolSocket) -> None:
    symbols.ask_again("EC1:A")
    scanner = Controller(symbols.path)
    symbols.receive()
    scanner.close()
    symbols.ask_again("EC1:A")
    assert symbols.receive() is None
    symbols.ask_again("EC1:A")


def test_the_next_scanner_is_not_asked_for_what_another_sent(symbols: SymbolSocket, scanner: Controller) -> None:
    """It sends what it sees anyway."""
    scanner.close()
    symbols.ask_again("EC1:A")
    assert symbols.receive() is None
    following = Controller(symbols.path)
    assert symbols.receive() is None
    assert following.wanted() is None
    following.close()


def test_a_scanner_that_does_not_listen_holds_nobody_up(symbols: SymbolSocket, scanner: Controller) -> None:
    for number in range(2000):
        symbols.ask_again(f"{number:04000}")
    assert scanner.wanted() == b"0" * 4000


def test_asking_after_the_end_is_no_harm(symbols: SymbolSocket, scanner: Controller) -> None:
    symbols.close()
    symbols.ask_again("EC1:A")
    with pytest.raises(DeviceError, match="the controller has gone"):
        scanner.wanted()


def test_a_socket_that_is_lost_is_a_failure_of_the_lane(symbols: SymbolSocket, inbox: Inbox) -> None:
    symbols._listener.shutdown(socket.SHUT_RDWR)
    message = inbox.get(SystemClock().monotonic() + 5)
    assert isinstance(message, Failed)
    assert message.what.startswith("the scanner's socket: ")


def test_a_socket_that_a_dead_process_left_is_no_obstacle(tmp_path: Path) -> None:
    path = tmp_path / "symbols.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as left:
        left.bind(str(path))
    opened = SymbolSocket(path)
    assert path.stat().st_mode & 0o777 == 0o660
    opened.close()
    opened.close()
    assert not path.exists()


@pytest.mark.parametrize("name", ["none/symbols.sock", "x" * 200, "."])
def test_a_place_that_cannot_be_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(GateError, match=r"expected a place for the scanner's socket, got: (?!None)"):
        SymbolSocket(tmp_path / name)
