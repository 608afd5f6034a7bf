"""Two ways to wind a rehearsal's time, each with a camera and a scanner that are this test."""

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from test_conductor import Everybody

from gate.controller.inbox import Inbox, Message, ScannerJoined, Shown, Stop
from gate.controller.loop import Settled
from gate.controller.symbols import SymbolSocket
from gate.lane.machine import State
from gate.rehearsal.conductor import Conductor
from gate.rehearsal.pace import Fast, Paced, Theatre
from gate.rehearsal.scene import Result, Scene
from gate.rehearsal.stage import Stage, StageClock
from hardware.clock import SystemClock
from hardware.fake import World
from hardware.scanner import Controller, pack

SCENE = Scene("one", "", "/1", 1000.0, 1.0, "unread", None)


@dataclass
class House:
    """A theatre with one scene."""

    theatre: Theatre
    inbox: Inbox
    people: Everybody

    def camera(self, **message: object) -> None:
        self.theatre.stage.camera_end.sendall(json.dumps(message).encode() + b"\n")


def house(stack: ExitStack, path: Path, people: Everybody, *, wound: bool) -> House:
    clock = StageClock(SystemClock(), wound=wound)
    inbox = Inbox(clock)
    stage = Stage(paced=not wound)
    stack.callback(stage.close)
    symbols = SymbolSocket(path / "s")
    stack.callback(symbols.close)
    conductor = Conductor([SCENE], stage, people, clock, inbox.put, people)
    return House(Theatre(conductor, stage, symbols, World(clock.monotonic()), clock), inbox, people)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as found:
        yield found


def until_stop(pace: Fast | Paced, due: float | None = None) -> list[Message]:
    heard: list[Message] = []
    while not any(isinstance(message, Stop) for message in heard):
        message = pace.get(due)
        if message is not None:
            heard.append(message)
    return heard


def test_fast_plays_a_scene_in_its_own_time(stack: ExitStack, tmp_path: Path) -> None:
    found = house(stack, tmp_path, Everybody(), wound=True)
    pace = Fast(found.theatre, found.inbox)
    pace.start()
    pace.hear(Settled(State.STANDBY))
    with closing(Controller(tmp_path / "s")) as scanner:
        scanner.send(pack(b"late", 900.0, 900.5))
        scanner.send(b"nonsense")
        found.camera(played=1)
        heard = until_stop(pace)
    assert [type(message) for message in heard] == [Shown, Stop], "nonsense is the controller's to refuse, at once"
    assert isinstance(heard[0], Shown)
    assert heard[0].datagram == b"nonsense"
    assert found.theatre.clock.monotonic() < 900, "the rehearsal was over before the late symbol's time came"
    assert found.people.heard[-1] == "ended one unread"


def test_fast_gives_back_at_the_time_that_was_asked_for(stack: ExitStack, tmp_path: Path) -> None:
    found = house(stack, tmp_path, Everybody(), wound=True)
    pace = Fast(found.theatre, found.inbox)
    assert pace.get(500.0) is None
    assert 500.0 <= found.theatre.clock.monotonic() < 501.0


def test_fast_lets_the_people_move_first(stack: ExitStack, tmp_path: Path) -> None:
    found = house(stack, tmp_path, Everybody(), wound=True)
    pace = Fast(found.theatre, found.inbox)
    moved: list[float] = []
    world = found.theatre.world
    assert isinstance(world, World)
    world.at(300.0, lambda: moved.append(world.now))
    assert pace.get(500.0) is None
    assert moved == [300.0]


def test_paced_plays_a_scene_and_passes_on_what_was_seen(stack: ExitStack, tmp_path: Path) -> None:
    found = house(stack, tmp_path, Everybody(), wound=False)
    pace = Paced(found.theatre, found.inbox)
    pace.start()
    with closing(Controller(tmp_path / "s")) as scanner:
        datagram = pack(b"EC1:A", 1.0, 2.0)
        scanner.send(datagram)
        assert [pace.get(None), pace.get(None)] == [ScannerJoined(), Shown(datagram)]
        pace.hear(Settled(State.STANDBY))
        found.camera(played=1)
        assert until_stop(pace) == [Stop("the rehearsal is over")]
        pace.close()


def test_paced_is_not_held_up_by_a_theatre_that_is_behind(stack: ExitStack, tmp_path: Path) -> None:
    found = house(stack, tmp_path, Everybody(), wound=False)
    pace = Paced(found.theatre, found.inbox)
    for _ in range(5_000):  # more than a socket takes
        pace._nudge()
    pace.close()
    pace._nudge()


class Gone(Everybody):
    """An audience whose ears are a broken pipe."""

    def ended(self, result: Result) -> None:
        super().ended(result)
        raise SystemExit(1)


def test_paced_ends_when_its_audience_has_gone(stack: ExitStack, tmp_path: Path) -> None:
    found = house(stack, tmp_path, Gone(), wound=False)
    pace = Paced(found.theatre, found.inbox)
    pace.start()
    pace.hear(Settled(State.STANDBY))
    found.camera(played=1)
    assert until_stop(pace) == [Stop("the rehearsal cannot go on")]
    with pytest.raises(SystemExit):
        pace.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "theatre"]
