"""The conductor: one traveller after the other, and how each is judged."""

import json
import select
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from plant import WoundClock

from gate.controller.inbox import Message, Stop
from gate.controller.loop import Decided, Settled, Told
from gate.controller.receipt import Receipt
from gate.credential.reasons import Reason
from gate.lane.machine import State
from gate.lane.policy import ANSWERS, Decision
from gate.rehearsal.conductor import Conductor
from gate.rehearsal.scene import Result, Scene
from gate.rehearsal.stage import Stage, StageClock


@dataclass
class Everybody:
    """The people at the reader and the audience, who remember what they were told."""

    waiting: int = 0
    heard: list[str] = field(default_factory=list)

    def expect_walker(self) -> None:
        self.waiting += 1

    def dismiss(self) -> None:
        self.waiting = 0

    def began(self, scene: Scene) -> None:
        self.heard.append(f"began {scene.name}")

    def ended(self, result: Result) -> None:
        self.heard.append(f"ended {result.scene.name} {result.outcome}")

    def told(self, text: str) -> None:
        self.heard.append(text)


@dataclass
class Evening:
    """A conductor with two scenes, and everything around it."""

    clock: WoundClock = field(default_factory=WoundClock)
    people: Everybody = field(default_factory=Everybody)
    messages: list[Message] = field(default_factory=list)
    stage: Stage = field(default_factory=lambda: Stage(paced=False))

    def __post_init__(self) -> None:
        scenes = [
            Scene("one", "", "/1", 1000.0, 1.0, "cleared", "cleared"),
            Scene("two", "", "/2", 2000.0, 1.0, "referred", "stale"),
        ]
        self.stage_clock = StageClock(self.clock, wound=False)
        self.conductor = Conductor(scenes, self.stage, self.people, self.stage_clock, self.messages.append, self.people)
        self.conductor.begin()

    def decided(self, reason: Reason, *stages: str) -> Receipt:
        receipt = Receipt()
        for number, stage in enumerate(("captured", "commanded", *stages)):
            receipt.mark(stage, self.clock.now + number)
        state = State.RELEASED if reason is Reason.CLEARED else State.REFERRED
        self.conductor.lane_said(Decided(Decision(reason, ANSWERS[reason], None), receipt, state))
        return receipt

    def over(self) -> None:
        self.conductor.camera_said({"played": 30})
        due = self.conductor.next_due()
        assert due is not None
        self.clock.now = due
        self.conductor.run(due)


@pytest.fixture
def evening() -> Iterator[Evening]:
    found = Evening()
    yield found
    found.stage.close()


def test_two_travellers(evening: Evening) -> None:
    conductor = evening.conductor
    conductor.lane_said(Settled(State.STANDBY))
    receipt = evening.decided(Reason.CLEARED)
    assert evening.people.waiting == 1
    evening.over()
    assert conductor.results == [], "somebody is walking"
    receipt.mark("left", evening.clock.now)
    conductor.lane_said(Settled(State.STANDBY))
    evening.decided(Reason.STALE)
    conductor.lane_said(Settled(State.STANDBY))
    assert len(conductor.results) == 1, "the second is before the camera still"
    evening.over()
    assert [(one.outcome, one.reason, one.as_expected) for one in conductor.results] == [
        ("cleared", "cleared", True),
        ("referred", "stale", True),
    ]
    assert evening.messages == [Stop("the rehearsal is over")]
    assert evening.people.heard == ["began one", "ended one cleared", "began two", "ended two referred"]


def test_wall_time_is_the_recordings_own(evening: Evening) -> None:
    assert select.select([evening.stage.camera_end], [], [], 0)[0]
    order = json.loads(evening.stage.camera_end.recv(1000))
    evening.clock.now = order["start"]
    assert evening.stage_clock.wall() == 1000.0


def test_who_is_never_read(evening: Evening) -> None:
    evening.conductor.lane_said(Settled(State.STANDBY))
    evening.over()
    assert evening.conductor.results[0].outcome == "unread"
    assert not evening.conductor.results[0].as_expected


def test_the_first_decision_counts(evening: Evening) -> None:
    receipt = evening.decided(Reason.CLEARED)
    receipt.mark("left", evening.clock.now + 3)
    evening.decided(Reason.REPLAYED)
    evening.conductor.lane_said(Settled(State.STANDBY))
    evening.over()
    assert evening.conductor.results[0].as_expected


def test_a_recording_that_cannot_be_played_ends_the_rehearsal(evening: Evening) -> None:
    evening.conductor.lane_said(Settled(State.STANDBY))
    evening.conductor.camera_said({"failed": "recording one: frame 3 is missing"})
    assert str(evening.conductor.failure) == "recording one: frame 3 is missing"
    assert evening.messages == [Stop("the recording cannot be played")]
    assert not evening.conductor.playing
    evening.conductor.lane_said(Settled(State.STANDBY))
    assert evening.conductor.results == []


def test_what_the_lane_tells_is_passed_on(evening: Evening) -> None:
    evening.conductor.lane_said(Told("scanner lost"))
    evening.conductor.camera_said({"first": 1.0})
    assert evening.people.heard[1:] == ["scanner lost", "first frame"]
