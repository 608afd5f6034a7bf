"""The system's clocks, whether something keeps the wall clock right, and which boot of the system this is."""

import ctypes
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final
from uuid import UUID

_TIME_ERROR: Final = 5  # adjtimex(2): the clock is not synchronised
_TIMEX_BYTES: Final = 512
"""More than struct timex has left anywhere."""
_MOST_ERROR_S: Final = 2.0
"""The kernel lets its bound grow by 0.5 ms a second once nothing sets the clock any more, and says so itself only at 16 s, nearly nine hours later.

Time daemons ask at least every 2048 s, by which the bound is 1 s and what the server's own is.
"""
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


@cache
def _libc() -> ctypes.CDLL:
    """Return the C library, opened once: opening it took a tenth of a whole clearance."""
    return ctypes.CDLL(None)


class _Timex(ctypes.Structure):
    """The beginning of struct timex (adjtimex(2)), and room for the rest. `modes` 0 is a question: it needs no privilege and changes nothing."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("rest", ctypes.c_char * _TIMEX_BYTES),
    )


def _adjtimex() -> tuple[int, float]:
    """Return the kernel's clock state, 0 to 5, or -1, and the most that it may be wrong by, in seconds.

    OSError or AttributeError where there is no such call.
    """
    timex = _Timex()
    return int(_libc().adjtimex(ctypes.byref(timex))), timex.maxerror / 1e6


def boot_id(path: Path = _BOOT_ID) -> bytes:
    """Return the 16 bytes that the kernel drew for this boot; none where it cannot be asked."""
    try:
        return UUID(path.read_text(encoding="ascii").strip()).bytes
    except (OSError, ValueError):
        return b""


@dataclass(frozen=True, slots=True)
class SystemClock:
    """CLOCK_MONOTONIC and Unix time in seconds."""

    adjtimex: Callable[[], tuple[int, float]] = _adjtimex

    def monotonic(self) -> float:
        """Return seconds that never step; only differences mean anything."""
        return time.monotonic()

    def wall(self) -> float:
        """Return Unix seconds, right or wrong."""
        return time.time()

    def synchronised(self) -> bool:
        """Return whether the kernel says that the wall clock is kept right; False if it cannot be asked."""
        try:
            state, error_s = self.adjtimex()
        except (OSError, AttributeError):
            return False
        return 0 <= state < _TIME_ERROR and error_s <= _MOST_ERROR_S
