"""A whole lane for tests: the real controller, journal and devices on simulated pins, in a specimen world, with a clock wound by hand."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from gate import config
from gate.cli import assembly
from gate.cli.assembly import Circumstances
from gate.cli.specimen import write
from gate.config import Config
from gate.controller import journal
from gate.controller.devices import soonest
from gate.controller.inbox import Message, Shown, Stop
from gate.controller.loop import Controller, Decided, Report, Told
from gate.credential.verifier import Verifier
from gate.lane import audit
from gate.lane.machine import State
from gate.specimen.cases import Specimen
from hardware.scanner import pack

NOW = 1_793_600_000
SEED = b"tests"
BOOT = b"this boot's id.."
_DAY_S = 86400.0


def new_lane(folder: Path) -> Config:
    """A specimen lane's folder and its configuration."""
    write(folder, Specimen.from_seed(SEED), NOW - 3600)
    return config.load(folder / "gate.toml")


@dataclass(slots=True)
class WoundClock:
    """Time goes on when a test says so."""

    now: float = 100.0
    wall_at_zero: float = NOW - 100.0
    synced: bool = True

    def monotonic(self) -> float:
        return self.now

    def wall(self) -> float:
        return self.wall_at_zero + self.now

    def synchronised(self) -> bool:
        return self.synced


@dataclass(slots=True)
class Plant:
    """A lane, and everything that can happen to it."""

    settings: Config
    clock: WoundClock
    gear: assembly.SimulatedPlant
    controller: Controller
    reports: list[Report]
    specimen: Specimen = field(default_factory=lambda: Specimen.from_seed(SEED))

    @property
    def state(self) -> State:
        return self.controller.state

    @property
    def told(self) -> list[str]:
        return [report.text for report in self.reports if isinstance(report, Told)]

    @property
    def reasons(self) -> list[str]:
        return [report.decision.reason.value for report in self.reports if isinstance(report, Decided)]

    @property
    def happened(self) -> list[str]:
        return [one.what for one in self.gear.walkway.happened]

    def code(self, case: str = "cleared", holder: str = "") -> str:
        return self.specimen.code(case, int(self.clock.wall()), holder=holder)

    def show(self, text: str) -> None:
        self.say(Shown(pack(text.encode(), self.clock.now - 0.02, self.clock.now - 0.01)))

    def say(self, message: Message | None) -> None:
        self.controller.handle(message)

    def wind(self, seconds: float) -> None:
        """Let everything happen that is due in these seconds, each at its own time."""
        until = self.clock.now + seconds
        for _ in range(100_000):
            due = soonest(self.controller.next_due(), self.gear.world.next_due())
            if due is None or due > until or self.controller.stopped:
                break
            self.clock.now = max(self.clock.now, due)
            self.gear.world.run(self.clock.now)
            self.say(None)
        else:
            raise AssertionError("the lane asks to be called for ever")
        if not self.controller.stopped:
            self.clock.now = max(self.clock.now, until)
            self.gear.world.run(self.clock.now)
            self.say(None)

    def wind_to(self, *states: State, within: float = 60.0) -> None:
        until = self.clock.now + within
        while self.state not in states:
            assert self.clock.now < until, f"{self.state} did not end in {within} s"
            self.wind(0.02)

    def pin(self, name: str) -> bool:
        """Whether an output is driven."""
        device = {
            "release": lambda: self.gear.devices.barrier._pins["release"],
            "secure": lambda: self.gear.devices.barrier._pins["secure"],
        }[name]()
        return bool(device._device.value)

    def lines(self) -> list[dict[str, object]]:
        """The journal, its chain proved."""
        found = list(journal.read(self.settings.path(self.settings.journal.folder)))
        audit.verify(found)
        return [json.loads(line) for line in found]

    def end_sync(self) -> None:
        """The thread that syncs does what it was woken for, and ends: a process that is gone does nothing beside the next one."""
        self.controller._record._books.written.__self__.close()  # type: ignore[attr-defined]  # the bound method of a Syncer

    def kinds(self) -> list[str]:
        return [str(line["kind"]) for line in self.lines()]


@contextmanager
def plant(
    settings: Config,
    judge: Verifier,
    clock: WoundClock | None = None,
    gear: assembly.SimulatedPlant | None = None,
    boot: bytes = BOOT,
) -> Iterator[Plant]:
    """A lane that has begun, unless `start` is left to the test."""
    clock = clock or WoundClock()
    with ExitStack() as stack:
        gear = gear or assembly.simulated_plant(settings, clock, lambda _: None)
        stack.callback(gear.devices.close)
        reports: list[Report] = []
        around = Circumstances(boot, released=NOW - 7200.0)
        controller = assembly.controller(
            stack, settings, judge, gear.devices, clock, lambda _: None, reports.append, around
        )
        yield Plant(settings, clock, gear, controller, reports)


def stop(lane: Plant) -> None:
    """Ask it to end, as a signal does."""
    lane.say(Stop("SIGTERM"))
