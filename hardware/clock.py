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
# Larger than struct timex anywhere. Its first word, `modes`, is 0: a question, needing no privilege, changing nothing.
_TIMEX_BYTES: Final = 512
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


@cache
def _libc() -> ctypes.CDLL:
    """Return the C library, opened once: opening it took a tenth of a whole clearance."""
    return ctypes.CDLL(None)


def _adjtimex() -> int:
    """Return the kernel's clock state, 0 to 5, or -1; OSError or AttributeError where there is no such call."""
    return int(_libc().adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES)))


def boot_id(path: Path = _BOOT_ID) -> bytes:
    """Return the 16 bytes that the kernel drew for this boot; none where it cannot be asked."""
    try:
        return UUID(path.read_text(encoding="ascii").strip()).bytes
    except (OSError, ValueError):
        return b""


@dataclass(frozen=True, slots=True)
class SystemClock:
    """CLOCK_MONOTONIC and Unix time in seconds."""

    adjtimex: Callable[[], int] = _adjtimex

    def monotonic(self) -> float:
        """Return seconds that never step; only differences mean anything."""
        return time.monotonic()

    def wall(self) -> float:
        """Return Unix seconds, right or wrong."""
        return time.time()

    def synchronised(self) -> bool:
        """Return whether the kernel says that the wall clock is kept right; False if it cannot be asked."""
        try:
            state = self.adjtimex()
        except (OSError, AttributeError):
            return False
        return 0 <= state < _TIME_ERROR
