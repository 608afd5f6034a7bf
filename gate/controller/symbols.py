"""The scanner's socket: the one thing that crosses from the process that sees attackers' pictures is a symbol.

A datagram on a Unix seqpacket socket: `captured_at` and `decoded_at` (monotonic seconds, two little-endian doubles), then the text's bytes.
The scanner sends a symbol once as long as it stays in view. The other way goes the text of one that came while the lane was busy: the
scanner sends it again if it is still in view.
"""

import contextlib
import socket
import struct
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gate.controller.inbox import Failed, Inbox, ScannerJoined, Shown
from gate.errors import GateError

_HEAD: Final = struct.Struct("<dd")
MAX_TEXT: Final = 4096
_MAX_DATAGRAM: Final = _HEAD.size + MAX_TEXT
_LATEST: Final = 1e10
"""Seconds of CLOCK_MONOTONIC, more than any machine runs: with two of them one can always reckon."""


@dataclass(frozen=True, slots=True)
class Symbol:
    """A decoded text and when its frame was captured and decoded (monotonic seconds)."""

    text: str
    captured_at: float
    decoded_at: float


def unpack(datagram: bytes) -> Symbol:
    """A datagram as a symbol. Bytes that are not UTF-8 stay in the text as surrogates, which no prefix or alphabet of ours holds.

    Raises GateError for a datagram that no scanner of ours sends.
    """
    if not _HEAD.size < len(datagram) <= _MAX_DATAGRAM:
        raise GateError(f"symbol: expected {_HEAD.size + 1} to {_MAX_DATAGRAM} bytes, got {len(datagram)}")
    captured_at, decoded_at = _HEAD.unpack_from(datagram)
    if not 0 <= captured_at <= decoded_at < _LATEST:
        raise GateError("symbol: expected times of a machine's clock that run forward, got others")
    return Symbol(datagram[_HEAD.size :].decode("utf-8", "surrogateescape"), captured_at, decoded_at)


class SymbolSocket:
    """The listening end. One scanner at a time; the newest takes the place of one that went away, `joined` counts them."""

    def __init__(self, path: Path) -> None:
        """Listen at `path` (removed first: a dead process may have left it). Raises GateError."""
        self.path = path
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC)
        try:
            path.unlink(missing_ok=True)
            self._listener.bind(str(path))
            path.chmod(0o660)
        except OSError as error:
            self._listener.close()
            raise GateError(
                f"{path}: expected a place for the scanner's socket, got: {error.strerror or error}"
            ) from None
        self._listener.listen(1)
        self._peer: socket.socket | None = None
        self.joined = 0
        self.closed = False

    def fileno(self) -> int:
        """What to wait on: the scanner, or the listener while there is none."""
        return (self._peer or self._listener).fileno()

    def receive(self) -> bytes | None:
        """The next datagram; None when a scanner came or went, or when a datagram was longer than any of ours."""
        if self._peer is None:
            self._peer, _ = self._listener.accept()
            self.joined += 1
            return None
        try:
            datagram, _, flags, _ = self._peer.recvmsg(_MAX_DATAGRAM)
        except ConnectionError:  # killed, with something of ours unread
            datagram, flags = b"", 0
        if not datagram:
            self._peer.close()
            self._peer = None
        return None if not datagram or flags & socket.MSG_TRUNC else datagram

    def ask_again(self, text: str) -> None:
        """Ask the scanner for a text that it sent before, if that is still in view. A scanner that has gone sends what it sees anyway."""
        peer = self._peer
        if peer is not None:
            with contextlib.suppress(OSError):
                peer.send(text.encode("utf-8", "surrogateescape"), socket.MSG_DONTWAIT)

    def close(self) -> None:
        """Stop listening; a thread that waits in `receive` gets an OSError. May be called again."""
        self.closed = True
        for end in (self._peer, self._listener):
            if end is not None:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
                end.close()
        with contextlib.suppress(OSError):
            self.path.unlink()


def listen(symbols: SymbolSocket, inbox: Inbox) -> threading.Thread:
    """A thread that puts what the scanner sends into the inbox, until the socket is closed."""
    thread = threading.Thread(target=_receive, args=(symbols, inbox), name="symbols", daemon=True)
    thread.start()
    return thread


def _receive(symbols: SymbolSocket, inbox: Inbox) -> None:
    try:
        while True:
            before = symbols.joined
            datagram = symbols.receive()
            if symbols.joined > before:
                inbox.put(ScannerJoined())
            if datagram is not None:
                inbox.put(Shown(datagram))
    except OSError as error:
        if not symbols.closed:  # a lane that can hear no scanner is not in service
            inbox.put(Failed(f"the scanner's socket: {error.strerror or error}"))
