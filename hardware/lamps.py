"""Status lamps. A cue is told by its lamp's place, shape and rhythm, never by colour alone; all flash below 3 Hz."""

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import Final

from gpiozero import Factory

from hardware import DeviceError
from hardware.pins import Output, Wiring, close_all
from hardware.rhythm import STEADY, Player, Rhythm, each, soonest

_BRISK: Final = Rhythm(250, 250)
_CALM: Final = Rhythm(500, 500)
_SLOW: Final = Rhythm(1000, 1000)

# cue -> what each lamp of it does; every other lamp is dark
CUES: Final[Mapping[str, Mapping[str, Rhythm]]] = MappingProxyType(
    {
        "ready": {"ready": STEADY},
        "proceed": {"proceed": STEADY},
        "referred": {"referred": _CALM},
        "closed": {"closed": STEADY},
        "out_of_order": {"closed": STEADY, "out_of_order": _SLOW},
        "evacuate": {"proceed": _BRISK, "out_of_order": _BRISK},
    }
)
# Over whatever is shown, and gone by itself or with the next cue: it says that a code was seen, and hides nothing.
SEEN: Final = Rhythm(300, 1, times=1)
LAMPS: Final = ("ready", "seen", "proceed", "referred", "closed", "out_of_order")


class Lamps:
    """Six lamps on pins of `factory`, dark at first. Raises DeviceError if a pin cannot be claimed or written."""

    def __init__(self, wiring: Wiring, factory: Factory) -> None:
        pins = (wiring.ready, wiring.seen, wiring.proceed, wiring.referred, wiring.closed_lamp, wiring.out_of_order)
        self._pins = {lamp: Output(f"lamp {lamp}", pin, factory) for lamp, pin in zip(LAMPS, pins, strict=True)}
        self._players = {lamp: Player(pin) for lamp, pin in self._pins.items()}

    def show(self, cue: str, now: float) -> None:
        """Show one of CUES in place of the last, or "seen" for a moment beside it. Another is a DeviceError."""
        if cue == "seen":
            self._players["seen"].play(SEEN, now)
        elif cue in CUES:
            each(partial(player.play, CUES[cue].get(lamp), now) for lamp, player in self._players.items())
        else:
            raise DeviceError(f"expected a lamp cue, one of seen, {', '.join(CUES)}; got {cue!r}")

    def next_due(self) -> float | None:
        """Return when `run` wants to be called, or None while nothing flashes."""
        return soonest(*(player.next_due() for player in self._players.values()))

    def run(self, now: float) -> None:
        """Bring every lamp to what it should be at `now`."""
        each(partial(player.run, now) for player in self._players.values())

    def close(self) -> None:
        """All dark; let go of the pins."""
        try:
            for player in self._players.values():
                player.play(None, 0.0)
        finally:
            close_all(self._pins)
