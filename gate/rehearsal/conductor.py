"""Brings one traveller after the other before the camera, and judges how each ended."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Final, Protocol

from gate.controller.inbox import Message, Stop
from gate.controller.loop import AT_REST, Decided, Report, Settled, Told
from gate.controller.receipt import Receipt
from gate.errors import GateError
from gate.rehearsal.scene import UNREAD, Result, Scene
from gate.rehearsal.stage import Stage, StageClock

if TYPE_CHECKING:
    from gate.lane.machine import State
    from gate.lane.policy import Decision

_LEAD_S: Final = 0.05
"""From the order to the first frame: the camera opens the video meanwhile."""

_GRACE_S: Final = 0.3
"""After the last frame: a symbol may still be under way."""


class Walkway(Protocol):
    """The simulated people behind the pins."""

    def expect_walker(self) -> None:
        """Somebody waits at the reader until the barrier opens."""

    def dismiss(self) -> None:
        """Whoever waits goes away."""


class Audience(Protocol):
    """Who is told how it goes."""

    def began(self, scene: Scene) -> None:
        """A traveller comes."""

    def ended(self, result: Result) -> None:
        """A traveller has gone."""

    def told(self, text: str) -> None:
        """Something else happened."""


class Conductor:
    """Scene by scene. Called by one thread; `results` grows as travellers end, `failure` says why the rehearsal cannot go on."""

    def __init__(
        self,
        scenes: Sequence[Scene],
        stage: Stage,
        walkway: Walkway,
        clock: StageClock,
        put: Callable[[Message], None],
        audience: Audience,
    ) -> None:
        self._coming: Iterator[Scene] = iter(scenes)
        self._stage = stage
        self._walkway = walkway
        self._clock = clock
        self._state: State | None = None
        self._put = put
        self._audience = audience
        self._scene: Scene | None = None
        self._decision: Decision | None = None
        self._receipt = Receipt()
        self._give_up_at: float | None = None
        self.playing = False
        self.results: list[Result] = []
        self.failure: GateError | None = None

    def next_due(self) -> float | None:
        """When `run` wants to be called (monotonic seconds), or None."""
        return self._give_up_at

    def run(self, now: float) -> None:
        """A recording is over and nothing of it is under way any more."""
        if self._give_up_at is not None and now >= self._give_up_at:
            self._give_up_at = None
            self._end_if_over()

    def camera_said(self, message: dict[str, object]) -> None:
        """Hear the camera: its first frame is out, it has played all of them, or it cannot."""
        if "first" in message and not self.results:
            self._audience.told("first frame")
        if "failed" in message:
            self.playing = False
            self.failure = GateError(str(message["failed"]))
            self._put(Stop("the recording cannot be played"))
        if "played" in message:
            self.playing = False
            self._give_up_at = self._clock.monotonic() + _GRACE_S

    def lane_said(self, report: Report) -> None:
        """Hear the controller."""
        match report:
            case Told(text):
                self._audience.told(text)
            case Decided(decision, receipt, state):
                self._state = state
                if self._decision is None:
                    self._decision, self._receipt = decision, receipt
            case Settled(state):
                self._state = state
                self._end_if_over()

    def begin(self) -> None:
        """Bring the first traveller."""
        self._next()

    def _end_if_over(self) -> None:
        over = self._scene is not None and not self.playing and self._give_up_at is None
        if over and self.failure is None and self._state in AT_REST:
            self._end()

    def _end(self) -> None:
        if self._scene is None:
            return
        decision = self._decision
        result = Result(
            scene=self._scene,
            outcome=UNREAD if decision is None else "cleared" if decision.cleared else "referred",
            reason=None if decision is None else decision.reason.value,
            walked="left" in self._receipt.stages,
            receipt_ms=self._receipt.ms(),
        )
        self.results.append(result)
        self._audience.ended(result)
        self._next()

    def _next(self) -> None:
        self._scene = next(self._coming, None)
        self._decision, self._receipt = None, Receipt()
        self._walkway.dismiss()
        if self._scene is None:
            self._put(Stop("the rehearsal is over"))
            return
        self._audience.began(self._scene)
        self._walkway.expect_walker()
        start = self._clock.monotonic() + _LEAD_S
        self._clock.set_wall(self._scene.wall, start)
        self.playing = True
        self._stage.play(self._scene, start)
