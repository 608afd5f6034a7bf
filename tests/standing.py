"""Plays the controller of `kept.py`: hears its symbols on the real socket, and has it kept by the real ScannerProcess."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Final

from gate.controller.scanner import ScannerProcess
from gate.controller.symbols import SymbolSocket, unpack

KEPT: Final = Path(__file__).with_name("kept.py")
REPO: Final = KEPT.parents[1]
LIMIT_S: Final = 15.0
GAP_S: Final = 0.3  # asked for again as soon as it is heard, a symbol comes at every frame or every other one
FLOWING: Final = 10  # of them


@dataclass
class Standing:
    """A scanner that reads a code thirty times a second, and everything that is heard of it."""

    folder: Path
    path: Path
    symbols: SymbolSocket
    told: SimpleQueue[str] = field(default_factory=SimpleQueue)
    seen: SimpleQueue[float] = field(default_factory=SimpleQueue)
    process: ScannerProcess | None = None

    @property
    def keeper(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def worker(self) -> int:
        """The keeper's child; 0 while there is none."""
        with suppress(OSError):
            return int((Path(f"/proc/{self.keeper}/task/{self.keeper}/children").read_text().split() or ["0"])[0])
        return 0

    def reads(self) -> float:
        """Wait for a symbol; when its frame was captured."""
        return self.seen.get(timeout=LIMIT_S)

    def arm(self) -> None:
        """Let the fault happen at the next frame."""
        (self.folder / "armed").touch()

    def outage(self, fault: Callable[[], object]) -> float:
        """The longest time without a symbol, by the frames' own times, until the fault is told of and symbols flow again."""
        with suppress(Empty):
            while True:
                self.seen.get_nowait()
        times = [self.reads()]
        fault()
        flowing = 0
        while flowing < FLOWING:
            times.append(self.reads())
            flowing = flowing + 1 if not self.told.empty() and times[-1] - times[-2] < GAP_S else 0
            assert times[-1] - times[0] < LIMIT_S, "the fault was never told of"
        return max(later - earlier for earlier, later in pairwise(times))

    def hear(self) -> list[str]:
        """Everything that the operator was told since the last time."""
        found: list[str] = []
        with suppress(Empty):
            while True:
                found.append(self.told.get_nowait())
        return found


@contextmanager
def standing(folder: Path, fault: str = "") -> Iterator[Standing]:
    """A scanner with that fault to be had, which reads already; nothing of it is left afterwards."""
    path = folder / "symbols"
    found = Standing(folder, path, SymbolSocket(path))
    threading.Thread(target=_listen, args=(found,), daemon=True).start()

    def spawn(environ: Mapping[str, str]) -> "subprocess.Popen[bytes]":
        command = [sys.executable, str(KEPT), str(path), fault, str(folder)]
        surroundings = {**os.environ, **environ, "PYTHONPATH": str(REPO)}
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, process_group=0, env=surroundings)  # noqa: S603 - our own command

    found.process = ScannerProcess(spawn, found.told.put, time.monotonic)
    try:
        found.reads()
        yield found
    finally:
        found.process.close()
        found.symbols.close()


def _listen(found: Standing) -> None:
    with suppress(OSError):
        while True:
            datagram = found.symbols.receive()
            if datagram is not None:
                symbol = unpack(datagram)
                found.seen.put(symbol.captured_at)
                found.symbols.ask_again(symbol.text)
