"""An active buzzer: a cue is a rhythm of one tone, and none lasts for ever."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from gpiozero import Factory

from hardware import DeviceError
from hardware.pins import Output, Wiring, close_all
from hardware.rhythm import Player, Rhythm

# The alarm sounds for 30 s; what it is about is shown by the lamps until an officer comes.
CUES: Final[Mapping[str, Rhythm]] = MappingProxyType(
    {
        "seen": Rhythm(40, 10, times=1),
        "proceed": Rhythm(120, 80, times=2),
        "referred": Rhythm(600, 100, times=1),
        "alarm": Rhythm(500, 250, times=40),
    }
)


class Sounder:
    """One buzzer on a pin of `factory`, silent at first. Raises DeviceError if the pin cannot be claimed or written."""

    def __init__(self, wiring: Wiring, factory: Factory) -> None:
        self._pin = Output("sounder", wiring.sounder, factory)
        self._player = Player(self._pin)

    def play(self, cue: str, now: float) -> None:
        """Sound one of CUES in place of the last; but "seen" cuts off no other. An unknown cue is a DeviceError."""
        if cue not in CUES:
            raise DeviceError(f"expected a sound, one of {', '.join(CUES)}; got {cue!r}")
        self._player.run(now)  # what ended unnoticed cuts nothing off
        if cue != "seen" or self._player.playing in (None, CUES["seen"]):
            self._player.play(CUES[cue], now)

    def silence(self, now: float) -> None:
        """Stop whatever sounds."""
        self._player.play(None, now)

    def next_due(self) -> float | None:
        """Return when `run` wants to be called, or None while it is silent."""
        return self._player.next_due()

    def run(self, now: float) -> None:
        """Bring the buzzer to what it should be at `now`."""
        self._player.run(now)

    def close(self) -> None:
        """Silent; let go of the pin."""
        try:
            self._player.play(None, 0.0)
        finally:
            close_all({"sounder": self._pin})
