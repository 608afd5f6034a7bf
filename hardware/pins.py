"""Which wire is where, and the typed edge to gpiozero: every pin is opened here, on an explicitly built factory.

All inputs are contacts to ground with the Pi's pull-up on, so that a broken wire always reads as the safe value: a
broken beam, an open fire loop, a barrier that is not known to be closed, a key that is not turned.
"""

import importlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Final, Protocol

from gpiozero import DigitalInputDevice, Factory, GPIOZeroError, OutputDevice
from gpiozero.pins.mock import MockFactory, MockPin

from hardware import DeviceError

SENSORS: Final = ("entry", "exit", "closed", "fire", "officer")
# Contacts that are made while nothing happens: a through-beam receiver that sees its light, a fire loop that is whole.
NORMALLY_CLOSED: Final = frozenset({"entry", "exit", "fire"})
MOVERS: Final = ("release", "secure")
_HEADER: Final = range(28)
_LOW_AT_RESET: Final = range(9, 28)
_PI_4B: Final = "c03112"


@dataclass(frozen=True, slots=True)
class Wiring:
    """BCM numbers. Outputs are active high; `secure` is None for a barrier that closes by itself (a turnstile).

    Raises DeviceError with everything that is wrong at once: a pin used twice, a pin that the header has not, or an
    output that moves the barrier on GPIO 0 to 8, which a Pi pulls high from reset until a program claims it.
    """

    release: int = 17
    secure: int | None = 27
    ready: int = 22
    seen: int = 23
    proceed: int = 24
    referred: int = 25
    closed_lamp: int = 12
    out_of_order: int = 16
    sounder: int = 18
    entry: int = 5
    exit: int = 6
    closed: int = 13
    fire: int = 19
    officer: int = 26

    def __post_init__(self) -> None:
        used = {use: pin for use, pin in asdict(self).items() if pin is not None}
        if wrong := [*_off_header(used), *_used_twice(used), *_high_at_reset(used)]:
            raise DeviceError("; ".join(wrong))


def _off_header(used: Mapping[str, int]) -> Iterator[str]:
    for use, pin in used.items():
        if pin not in _HEADER:
            yield f"{use} is on GPIO {pin}: expected 0 to 27"


def _used_twice(used: Mapping[str, int]) -> Iterator[str]:
    first: dict[int, str] = {}
    for use, pin in used.items():
        if first.setdefault(pin, use) != use:
            yield f"GPIO {pin} is used by {first[pin]} and by {use}: give one of them a pin of its own"


def _high_at_reset(used: Mapping[str, int]) -> Iterator[str]:
    for use in MOVERS:
        if use in used and used[use] in _HEADER and used[use] not in _LOW_AT_RESET:
            yield f"{use} is on GPIO {used[use]}, which is pulled high at reset: move it to one of 9 to 27"


def refuse_ambient(environ: Mapping[str, str]) -> None:
    """Raise DeviceError if the environment would choose gpiozero's pin factory: the lane's is built explicitly."""
    if "GPIOZERO_PIN_FACTORY" in environ:
        raise DeviceError("GPIOZERO_PIN_FACTORY is set: the lane chooses its pin factory itself, unset the variable")


def lgpio_factory(chip: int = 0) -> Factory:
    """Gpiozero's lgpio factory on /dev/gpiochip`chip` (0 is the header of every Pi since kernel 6.6.45).

    Raises DeviceError if the library is missing or cannot be loaded, or the chip cannot be opened.
    """
    try:
        driver = importlib.import_module("gpiozero.pins.lgpio")
    except ImportError as exc:
        raise DeviceError(
            "the lgpio library is missing: apt install python3-lgpio, and make the venv with --system-site-packages"
        ) from exc
    except OSError as exc:  # lgpio makes a pipe in the working directory as it is imported: gpiozero issue 1106
        raise DeviceError(
            f"lgpio cannot write to its working directory: set LG_WD to a folder that it can ({exc})"
        ) from exc
    with translated(f"gpiochip{chip} cannot be opened: is the user in the group gpio?"):
        return driver.LGPIOFactory(chip=chip)


def simulated_factory(pin_class: type[MockPin] = MockPin) -> MockFactory:
    """Return a factory of mock pins on a Pi 4B's header; nothing is read from the environment."""
    return MockFactory(revision=_PI_4B, pin_class=pin_class)


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Turn whatever a pin driver raises into a DeviceError that begins with `what`."""
    try:  # whatever it is: lgpio's errors share no base with gpiozero's
        yield
    except DeviceError:
        raise
    except Exception as exc:
        raise _failure(what, exc) from exc


def _failure(what: str, cause: Exception) -> DeviceError:
    kind = "" if isinstance(cause, GPIOZeroError) else f"{type(cause).__name__}: "
    return DeviceError(f"{what} ({kind}{cause})")


class Line(Protocol):
    """An output that is either driven or not; both methods raise DeviceError if the pin cannot be written."""

    def on(self) -> None:
        """Drive the line."""

    def off(self) -> None:
        """Stop driving the line."""


class Output:
    """One active-high output, off from the moment that it is claimed; a `Line`. Raises only DeviceError."""

    def __init__(self, use: str, pin: int, factory: Factory) -> None:
        self._name = f"{use} (GPIO {pin})"
        with translated(f"{self._name} cannot be claimed as an output"):
            self._device = OutputDevice(pin, active_high=True, initial_value=False, pin_factory=factory)

    def on(self) -> None:
        """Drive the line."""
        try:  # not `translated`: this is on the way to the barrier
            self._device.on()
        except Exception as exc:
            raise _failure(f"{self._name} cannot be switched on", exc) from exc

    def off(self) -> None:
        """Stop driving the line."""
        try:
            self._device.off()
        except Exception as exc:
            raise _failure(f"{self._name} cannot be switched off", exc) from exc

    def close(self) -> None:
        """Let go of the pin; it does not switch it off first."""
        with translated(f"{self._name} cannot be let go"):
            self._device.close()


class Input:
    """One contact to ground, read as what it means: a broken beam, a made switch, an open loop, a turned key."""

    def __init__(self, sensor: str, pin: int, factory: Factory) -> None:
        self._name = f"{sensor} (GPIO {pin})"
        self._normally_closed = sensor in NORMALLY_CLOSED
        with translated(f"{self._name} cannot be claimed as an input"):
            self._device = DigitalInputDevice(pin, pull_up=True, pin_factory=factory)

    def read(self) -> bool:
        """Return the level at this moment, bounces and all. Raises DeviceError."""
        try:  # gpiozero calls a pulled-up pin active when it is low: the contact is made
            made = bool(self._device.is_active)
        except Exception as exc:
            raise _failure(f"{self._name} cannot be read", exc) from exc
        return made is not self._normally_closed

    def on_edge(self, call: Callable[[], None]) -> None:
        """Have `call` called at every edge, from the pin driver's own thread."""
        with translated(f"{self._name} cannot be watched"):
            self._device.when_activated = call
            self._device.when_deactivated = call

    def close(self) -> None:
        """Let go of the pin."""
        with translated(f"{self._name} cannot be let go"):
            self._device.close()


def close_all(pins: Mapping[str, Output] | Mapping[str, Input]) -> None:
    """Let go of all of them even if some refuse, then raise DeviceError naming those that did."""
    failures = []
    for pin in pins.values():
        try:
            pin.close()
        except DeviceError as exc:
            failures.append(str(exc))
    if failures:
        raise DeviceError("; ".join(failures))
