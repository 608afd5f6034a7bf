"""The barrier's two pins, reachable through the guard alone."""

from collections.abc import Callable
from functools import partial
from typing import Final

from gpiozero import Factory

from hardware.guard import Eyes, Guard
from hardware.pins import Output, Wiring, close_all

FIRST_QUIET_S: Final = 1.0
"""Longer than anybody who walks is between the two beams."""


class Barrier(Guard):
    """A guard over this lane's own pins, which `close` lets go of: `release`, `secure`, `hold`, `next_due`, `run`.

    `read` gives a sensor's level as it is now (`Sensors.read`); `pulse_s` and `longest_secure_s` are seconds, bounded
    by the guard.
    """

    def __init__(
        self,
        wiring: Wiring,
        factory: Factory,
        read: Callable[[str], bool],
        pulse_s: float = 0.5,
        longest_secure_s: float = 10.0,
    ) -> None:
        movers = {"release": wiring.release, "secure": wiring.secure}
        self._pins = {use: Output(use, pin, factory) for use, pin in movers.items() if pin is not None}
        eyes = Eyes(*(partial(read, sensor) for sensor in ("entry", "exit", "fire")))
        super().__init__(
            self._pins["release"], self._pins.get("secure"), eyes, pulse_s, longest_secure_s, FIRST_QUIET_S
        )

    def close(self) -> None:
        """Drive nothing, deny everything from here on, let go of the pins."""
        try:
            super().close()
        finally:
            close_all(self._pins)
