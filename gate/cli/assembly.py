"""Puts a lane together from its configuration: the pure core, the devices, the journal, the clock."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

import msgspec
from gpiozero import Factory

from gate import RELEASED
from gate.config import Config, WiringConfig
from gate.controller import store
from gate.controller.devices import Clock, Devices
from gate.controller.inbox import Failed, Message, Moved
from gate.controller.journal import Journal, Syncer
from gate.controller.loop import Controller, Parts, Report, Told
from gate.controller.passages import Passages
from gate.controller.record import Books, Record
from gate.controller.timekeeper import BUILT, RECORDED, Timekeeper
from gate.credential.verifier import Place, Verifier
from gate.errors import ConfigError
from gate.lane.machine import Timers
from gate.lane.policy import Desk, Policy
from gate.lane.replay import Replay
from hardware import DeviceError, pins
from hardware.barrier import Barrier
from hardware.clock import boot_id
from hardware.fake import ContactPin, SimulatedLane, World
from hardware.lamps import Lamps
from hardware.sensors import Sensors
from hardware.sounder import Sounder

_REMEMBERED: Final = 131072
"""Credentials whose last passage is remembered: days of a lane's traffic at 30 passages a minute."""


@dataclass(frozen=True, slots=True)
class SimulatedPlant:
    """Devices on simulated pins, and the walkway behind them."""

    devices: Devices
    world: World
    walkway: SimulatedLane


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a lane cannot know from its configuration: the kernel's boot id, and when its software was built (Unix seconds)."""

    boot: bytes
    released: float = RELEASED


def verifier(config: Config) -> Verifier:
    """The lane's verifier, with its trust and keys from disk. Raises TrustError."""
    lane = config.lane
    trust = store.load_trust(config.path(config.trust.folder))
    keys = store.load_keys([config.path(name) for name in config.trust.keys], trust, lane.control_point)
    return Verifier(trust, keys, Place(lane.control_point, lane.name, lane.environment))


def wiring(config: WiringConfig) -> pins.Wiring:
    """The wiring as hardware takes it. Raises ConfigError for pins that clash."""
    numbers = msgspec.structs.asdict(config)
    try:
        return pins.Wiring(**(numbers | {"secure": None if config.secure == "none" else config.secure}))
    except DeviceError as error:
        raise ConfigError(f"wiring: {error}") from None


def devices(config: Config, put: Callable[[Moved], None]) -> Devices:
    """The devices on a Pi's header. Raises DeviceError."""
    return _devices(config, wiring(config.wiring), pins.lgpio_factory(config.pins.chip), put)


def simulated_plant(config: Config, clock: Clock, put: Callable[[Moved], None]) -> SimulatedPlant:
    """The same devices on simulated pins. Raises DeviceError."""
    wires = wiring(config.wiring)
    factory = pins.simulated_factory(ContactPin)
    world = World(clock.monotonic())
    walkway = SimulatedLane(world, factory, wires, clock.monotonic)
    return SimulatedPlant(_devices(config, wires, factory, put), world, walkway)


def _devices(config: Config, wires: pins.Wiring, factory: Factory, put: Callable[[Moved], None]) -> Devices:
    times = config.times
    sensors = Sensors(wires, factory, times.debounce, lambda: put(Moved()))
    barrier = Barrier(wires, factory, sensors.read, times.pulse, times.securing)
    return Devices(barrier, Lamps(wires, factory), Sounder(wires, factory), sensors)


def controller(
    stack: ExitStack,
    config: Config,
    judge: Verifier,
    devices: Devices,
    clock: Clock,
    put: Callable[[Message], None],
    report: Callable[[Report], None],
    circumstances: Circumstances | None = None,
) -> Controller:
    """A controller and its record, which is closed with the stack. Raises JournalError."""
    around = circumstances or Circumstances(boot_id())
    rules, times = judge.trust.policy, config.times
    folder = config.path(config.journal.folder)
    journal = Journal(folder, config.journal.retention_days, clock.wall())
    stack.callback(journal.close)
    replay = Replay(rules.anti_passback, _REMEMBERED, rules.max_code_age + rules.max_code_lead)
    passages = Passages(folder / "passages", around.boot, replay)
    stack.callback(passages.close)
    # The passages first: they are few, and what is not on the disk makes everybody wait after a cut.
    syncer = Syncer((passages, journal), lambda error: put(Failed(str(error))))
    stack.callback(syncer.close)
    floors = {BUILT: around.released, RECORDED: max(journal.floor, passages.latest)}
    time = Timekeeper(clock, judge.trust, floors)
    books = Books(journal, passages, syncer.wake)
    parts = Parts(
        verifier=judge,
        desk=Desk(Policy(config.lane.scopes), replay),
        timers=Timers(times.referred, times.walk, times.passage, times.securing),
        devices=devices,
        record=Record(books, replay, time, judge.trust, lambda text: report(Told(text))),
        clock=clock,
        report=report,
    )
    return Controller(parts)
