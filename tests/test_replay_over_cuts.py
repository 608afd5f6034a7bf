"""Nobody passes twice, whatever ends the lane: a state machine over the real record, with a disk that may lose what was not synced.

The disk of a cut is what had been synced, and of what was written after that any beginning, torn anywhere; a file that was removed may be back.
"""

import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from conftest import World
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from gate.controller.journal import Journal
from gate.controller.passages import Passages
from gate.controller.record import Books, Record
from gate.controller.timekeeper import RECORDED, Timekeeper
from gate.credential.claims import Presentation
from gate.credential.reasons import Reason
from gate.credential.trust import Trust
from gate.credential.verifier import Verdict
from gate.lane.clock import ClockState
from gate.lane.policy import Desk, Policy
from gate.lane.replay import Replay

NOW = 1_793_600_000.0
INTERVAL = 60.0
WRONG = 1.0
"""By how much a clock that is synchronised may be wrong, in seconds."""
HELD = 3.0
"""And by how much more one that is carried over, as far as the lane's limits let it."""


class After(Enum):
    """What follows a release; ENDED: nothing, for what comes next ends the lane."""

    WALKED = 1
    WAITED = 2
    ENDED = 3


END = ("cut", "killed", "stopped", "rebooted")
SOON = st.sampled_from([0.1, 2.0, 5.0, 12.0])


def code_of(cti: int, made: int, cnonce: int) -> Presentation:
    nonce = bytes([cnonce] * 8)
    return Presentation(bytes(8), cti.to_bytes(12), made, nonce, "HZMB-HK", "MO-PR", 1 << 32, 0, "urn:uto:x", 1)


@dataclass(slots=True)
class Clocks:
    """The true time, and what the lane is told."""

    true: float = NOW
    booted: float = NOW - 30.0
    off: float = 0.0
    synced: bool = True

    def monotonic(self) -> float:
        return self.true - self.booted

    def wall(self) -> float:
        return self.true + self.off

    def synchronised(self) -> bool:
        return self.synced


@dataclass(slots=True)
class Disk:
    """A folder, and what of it is on the disk for certain."""

    folder: Path
    synced: dict[str, bytes] = field(default_factory=dict)

    def now(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.folder.iterdir()} if self.folder.exists() else {}

    def sync(self) -> None:
        """What was removed since may come back until the next one: keep its bytes."""
        removed = {name: data for name, data in self.synced.items() if name not in self.now()}
        self.synced = removed | self.now()

    def cut(self, data: st.DataObject) -> None:
        """Lose what was not synced, from somewhere on."""
        written = self.now()
        for name in written.keys() | self.synced.keys():
            sure, all_of_it = self.synced.get(name, b""), written.get(name, b"")
            kept = data.draw(st.integers(len(sure), max(len(sure), len(all_of_it))))
            path = self.folder / name
            if name in written:
                path.write_bytes(all_of_it[:kept])
                if not sure and data.draw(st.booleans()):
                    path.unlink()
            elif data.draw(st.booleans()):
                path.write_bytes(sure)


class Lane:
    """One run of a lane: what the controller does with a shown code, without the pins."""

    def __init__(self, folder: Path, clocks: Clocks, boot: int, trust: Trust) -> None:
        self.clocks = clocks
        self.replay = Replay(INTERVAL, 1000)
        self.journal = Journal(folder, 30, clocks.wall())
        self.passages = Passages(folder / "passages", boot.to_bytes(16), self.replay)
        self.desk = Desk(Policy(frozenset({"MO-PR"})), self.replay)
        self.told: list[str] = []
        time = Timekeeper(clocks, trust, {RECORDED: max(self.journal.floor, self.passages.latest)})
        self.record = Record(
            Books(self.journal, self.passages, lambda: None), self.replay, time, trust, self.told.append
        )
        self.record.begin()
        self.record.finish()

    def show(self, presentation: Presentation) -> Reason:
        self.record.look()
        wall = self.clocks.wall()
        decision = self.desk.decide(Verdict(self._verdict(presentation, wall), presentation), wall)
        self.record.decide(decision, wall, {"reason": decision.reason.value})
        self.record.finish()
        return decision.reason

    def _verdict(self, presentation: Presentation, wall: float) -> Reason:
        if self.record.time.state is ClockState.UNTRUSTED:
            return Reason.CLOCK_UNTRUSTED
        fresh = -5 <= wall - presentation.iat <= 15
        return Reason.CLEARED if fresh else Reason.STALE

    def die(self) -> None:
        """As a killed process does: nothing is said, and its descriptors are closed."""
        for kept in (self.journal._file, self.passages._file):
            with suppress(OSError):
                os.close(kept)


class Cuts(RuleBasedStateMachine):
    """Travellers, clocks, and every way to end."""

    trust: Trust

    @initialize()
    def begins(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="gate-cuts-"))
        self.clocks = Clocks()
        self.disk = Disk(self.folder / "passages")
        self.boot = 1
        self.codes: list[Presentation] = []
        self.passed: dict[bytes, float] = {}  # a credential, and when it last did, in true time
        self.used: set[Presentation] = set()
        self.open: Presentation | None = None
        self.strangers = 1000
        self.start()

    def start(self) -> None:
        self.lane = Lane(self.folder, self.clocks, self.boot, self.trust)
        self.disk.sync()

    # What travellers do.

    @rule(cti=st.integers(1, 2), error=st.integers(-9, 4), cnonce=st.integers(1, 2), after=st.sampled_from(After))
    def comes(self, cti: int, error: int, cnonce: int, after: After) -> None:
        self.codes.append(code_of(cti, int(self.clocks.true) + error, cnonce))
        self.shows(self.codes[-1], after)

    @precondition(lambda self: self.codes)
    @rule(number=st.integers(1, 3), after=st.sampled_from(After))
    def shows_an_old_code(self, number: int, after: After) -> None:
        self.shows(self.codes[-number:][0], after)

    @rule(
        error=st.integers(-2, 4),
        ends=st.lists(st.tuples(st.sampled_from(END), SOON), min_size=1, max_size=3),
        data=st.data(),
    )
    def passes_and_comes_back_after_it_has_ended(
        self, error: int, ends: list[tuple[str, float]], data: st.DataObject
    ) -> None:
        """What somebody would do who knows how to cut the power."""
        self.an_honest_traveller_passes_in_the_end()
        code = code_of(1, int(self.clocks.true) + error, 1)
        self.shows(code, After.ENDED)
        for how, seconds in ends:
            self.ends(how, seconds, data)
        for seconds in (0.0, 5.0, 5.0, 10.0, 20.0):
            self.clocks.true += seconds
            self.shows(code, After.WALKED)
            self.shows(code_of(1, int(self.clocks.true), 1), After.WALKED)

    def ends(self, how: str, seconds: float, data: st.DataObject) -> None:
        match how:
            case "killed":
                self.the_process_is_killed(seconds)
            case "stopped":
                self.it_is_stopped(seconds, reboots=False)
            case "rebooted":
                self.it_is_stopped(seconds, reboots=True)
            case _:
                self.the_power_is_cut(seconds, 0.0, data)

    def shows(self, code: Presentation, after: After) -> None:
        if self.open is None and self.lane.show(code) is Reason.CLEARED:
            self.lets_through(code)
            _SETTLES[after](self)

    def lets_through(self, code: Presentation) -> None:
        """The barrier is released: from now on they may have passed."""
        assert code not in self.used, "a code passed twice"
        since = self.clocks.true - self.passed.get(code.cti, -1e9)
        assert since >= INTERVAL - 2 * (WRONG + HELD), f"a credential passed twice within {since} s"
        self.open = code

    def walks(self) -> None:
        self.lane.record.commit()
        self.lane.record.finish()
        self.has_passed()

    def does_not_walk(self) -> None:
        self.lane.record.give_back()
        self.lane.record.finish()
        self.open = None

    @precondition(lambda self: self.open)
    @rule()
    def somebody_walked(self) -> None:
        self.walks()

    def has_passed(self) -> None:
        if self.open is not None:
            self.used.add(self.open)
            self.passed[self.open.cti] = self.clocks.true
            self.open = None

    # What time does.

    @rule(seconds=st.sampled_from([0.1, 1.0, 2.0, 5.0, 9.0, 16.0, 30.0, 61.0, 4000.0]))
    def time_goes_on(self, seconds: float) -> None:
        self.clocks.true += seconds
        self.looks()

    @rule(off=st.floats(-WRONG, WRONG))
    def the_clock_is_synchronised(self, off: float) -> None:
        self.clocks.off, self.clocks.synced = off, True
        self.looks()

    @rule(off=st.sampled_from([0.0, -1.0, 1.0, -2.5, 2.5, -60.0, 60.0, -1e8, 3e8]))
    def the_clock_is_not(self, off: float) -> None:
        self.clocks.off, self.clocks.synced = self.clocks.off + off, False
        self.looks()

    def looks(self) -> None:
        self.lane.record.look()
        self.lane.record.finish()

    # What may end it.

    @rule()
    def the_disk_keeps_up(self) -> None:
        self.lane.passages.sync()
        self.lane.journal.sync()
        self.disk.sync()

    @rule(seconds=st.floats(0.1, 20.0))
    def the_process_is_killed(self, seconds: float) -> None:
        self.has_passed()
        self.lane.die()
        self.clocks.true += seconds
        self.start()

    @rule(seconds=st.floats(0.1, 20.0), reboots=st.booleans())
    def it_is_stopped(self, seconds: float, *, reboots: bool) -> None:
        self.has_passed()
        self.lane.passages.close()
        self.lane.journal.close()
        self.disk.sync()
        self.clocks.true += seconds
        if reboots:
            self.boots(0.1)
        self.start()

    @rule(
        seconds=st.sampled_from([0.5, 3.0, 10.0, 20.0, 45.0, 100.0]),
        off=st.sampled_from([0.0, -0.5, 0.5, -1e8]),
        data=st.data(),
    )
    def the_power_is_cut(self, seconds: float, off: float, data: st.DataObject) -> None:
        self.has_passed()
        self.lane.die()
        self.disk.cut(data)
        self.boots(seconds)
        self.clocks.off, self.clocks.synced = off, abs(off) <= WRONG
        self.start()

    def boots(self, seconds: float) -> None:
        """The kernel counts from here; the lane begins a little later."""
        self.boot += 1
        self.clocks.booted = self.clocks.true
        self.clocks.true += seconds

    # What must be so.

    @rule()
    def an_honest_traveller_passes_in_the_end(self) -> None:
        if self.open is not None:
            self.walks()
        self.clocks.off, self.clocks.synced = 0.0, True
        self.looks()
        self.clocks.true += INTERVAL + 40.0
        self.looks()
        self.strangers += 1
        code = code_of(self.strangers, int(self.clocks.wall()), 1)
        assert self.lane.show(code) is Reason.CLEARED, self.lane.told
        self.lets_through(code)
        self.walks()

    @invariant()
    def memory_is_bounded(self) -> None:
        assert len(self.lane.replay.keys) <= 4
        assert len(self.disk.now()) <= 6

    def teardown(self) -> None:
        if hasattr(self, "lane"):
            self.lane.die()
            shutil.rmtree(self.folder)


_SETTLES: dict[After, Callable[[Cuts], None]] = {
    After.WALKED: Cuts.walks,
    After.WAITED: Cuts.does_not_walk,
    After.ENDED: lambda _: None,
}


def test_nobody_passes_twice_whatever_ends_the_lane(world: World) -> None:
    Cuts.trust = world.judge.trust
    run_state_machine_as_test(
        Cuts,
        settings=settings(stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)),
    )
