"""What the controller asks of the lane's devices, and which command is which call. The devices themselves are hardware's."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Final, Protocol

from gate.lane.inputs import Inputs
from gate.lane.machine import Command


class Timed(Protocol):
    """A device with something due later. Times are monotonic seconds; what fails raises OSError."""

    def next_due(self) -> float | None:
        """When `run` wants to be called, or None."""

    def run(self, now: float) -> None:
        """Do what is due."""

    def close(self) -> None:
        """Leave everything undriven."""


class Barrier(Timed, Protocol):
    """Releases in pulses, secures while nothing objects, holds."""

    def release(self, now: float) -> None:
        """Begin a release pulse."""

    def secure(self, now: float) -> None:
        """Begin to secure."""

    def hold(self, now: float) -> None:
        """Drive nothing."""


class Lamps(Timed, Protocol):
    """One cue at a time."""

    def show(self, cue: str, now: float) -> None:
        """Show a cue until the next."""


class Sounder(Timed, Protocol):
    """One cue at a time."""

    def play(self, cue: str, now: float) -> None:
        """Sound a cue once."""


class Change(Protocol):
    """A debounced change of one sensor, at the time when it was first seen."""

    @property
    def sensor(self) -> str:
        """Which one."""

    @property
    def active(self) -> bool:
        """What it says now."""

    @property
    def at(self) -> float:
        """Monotonic seconds."""


class Sensors(Protocol):
    """Debounced inputs; see gate.lane.inputs for what they mean."""

    def levels(self) -> Mapping[str, bool]:
        """The levels that are believed now."""

    def poll(self, now: float) -> Sequence[Change]:
        """What is newly believed."""

    def next_due(self) -> float | None:
        """When `poll` wants to be called though nothing moves, or None."""

    def close(self) -> None:
        """Let go of the inputs."""


class Clock(Protocol):
    """Monotonic seconds, Unix seconds, and whether the latter are synchronised with the world's."""

    def monotonic(self) -> float:
        """CLOCK_MONOTONIC, seconds."""

    def wall(self) -> float:
        """Unix seconds."""

    def synchronised(self) -> bool:
        """Whether the wall clock is disciplined."""


@dataclass(frozen=True, slots=True)
class Devices:
    """Everything that moves, shines, sounds and senses."""

    barrier: Barrier
    lamps: Lamps
    sounder: Sounder
    sensors: Sensors

    def inputs(self) -> Inputs:
        """The sensors' levels, with nobody on their way."""
        levels = self.sensors.levels()
        return Inputs(levels["entry"], levels["exit"], levels["closed"], levels["fire"], levels["officer"])

    def perform(self, command: Command, now: float) -> None:
        """Carry out a command; one that is bookkeeping moves nothing. Raises OSError."""
        call = _CALLS.get(command)
        if call is not None:
            call(self, now)

    def run(self, now: float) -> None:
        """Do what is due; a device that fails does not keep the others from it. Raises OSError, the first."""
        dues = ((device, device.next_due()) for device in self._timed())
        # What drives the barrier is asked before its time too: a beam may just have broken (law 2).
        _all(
            partial(device.run, now)
            for device, due in dues
            if due is not None and (due <= now or device is self.barrier)
        )

    def next_due(self) -> float | None:
        """When something here is due next (monotonic seconds), or None."""
        return soonest(self.sensors.next_due(), *(device.next_due() for device in self._timed()))

    def close(self) -> None:
        """Leave everything undriven, the barrier first, whatever fails. Raises OSError, the first."""
        _all((self.barrier.close, self.lamps.close, self.sounder.close, self.sensors.close))

    def _timed(self) -> tuple[Timed, ...]:
        return (self.barrier, self.lamps, self.sounder)


def soonest(*dues: float | None) -> float | None:
    """The earliest of what is due at all."""
    return min((due for due in dues if due is not None), default=None)


def _all(calls: Iterable[Callable[[], None]]) -> None:
    """Make every call, whatever happened to the one before it. Raises the first OSError."""
    failures = [failure for call in calls if (failure := _failure(call))]
    if failures:
        raise failures[0]


def _failure(call: Callable[[], None]) -> OSError | None:
    try:
        call()
    except OSError as error:
        return error
    return None


def _show(cue: str) -> Callable[[Devices, float], None]:
    return lambda devices, now: devices.lamps.show(cue, now)


def _play(cue: str) -> Callable[[Devices, float], None]:
    return lambda devices, now: devices.sounder.play(cue, now)


_CALLS: Final[Mapping[Command, Callable[[Devices, float], None]]] = MappingProxyType(
    {
        Command.RELEASE: lambda devices, now: devices.barrier.release(now),
        Command.SECURE: lambda devices, now: devices.barrier.secure(now),
        Command.HOLD: lambda devices, now: devices.barrier.hold(now),
        Command.SHOW_READY: _show("ready"),
        Command.SHOW_SEEN: _show("seen"),
        Command.SHOW_PROCEED: _show("proceed"),
        Command.SHOW_REFERRED: _show("referred"),
        Command.SHOW_CLOSED: _show("closed"),
        Command.SHOW_OUT_OF_ORDER: _show("out_of_order"),
        Command.SHOW_EVACUATE: _show("evacuate"),
        Command.SOUND_SEEN: _play("seen"),
        Command.SOUND_PROCEED: _play("proceed"),
        Command.SOUND_REFERRED: _play("referred"),
        Command.SOUND_ALARM: _play("alarm"),
    }
)
