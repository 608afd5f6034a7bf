"""What is done when a scanner's worker hangs, dies or grows, by the marks that it leaves and the time. Pure.

A worker that is lost is followed by another, which opens the camera anew. Where that one brings no frame either, though
one has before, everything starts anew; a keeper that never saw a frame has done so already, and goes on trying about
once a second. What an operator hears is said once, until the scanner has been well for a while.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final


class Step(IntEnum):
    """What a worker is at; it marks each change."""

    STARTING = 0  # the camera has brought no frame yet
    WAITING = 1  # for the next frame
    DECODING = 2  # a frame's picture


READING: Final = "the scanner is reading"
PATIENCE_S: Final[Mapping[Step, float]] = {Step.STARTING: 3.0, Step.WAITING: 1.0, Step.DECODING: 1.0}
WAITS_S: Final = (0.0, 0.1, 0.2, 0.4, 0.8)  # before another worker starts, by the losses since it was well
STEADY_S: Final = 10.0  # who has read for so long is well

_OVERDUE: Final[Mapping[Step, str]] = {
    Step.STARTING: f"no first frame for {PATIENCE_S[Step.STARTING]:g} s",
    Step.WAITING: f"no frame for {PATIENCE_S[Step.WAITING]:g} s",
    Step.DECODING: f"a picture kept the decoder for {PATIENCE_S[Step.DECODING]:g} s",
}
_REOPEN: Final = "the camera is opened anew"
_DECODE: Final = "another decoder takes over"
_RESTART: Final = "the whole scanner starts anew"


@dataclass(frozen=True, slots=True)
class Mend:
    """What follows a loss: another worker `after` seconds, or None: everything starts anew. `text` is for the operator."""

    after: float | None
    text: str


class Escalation:
    """The worker of now, as its marks tell, and what happened to those before it. Times are seconds of one clock."""

    def __init__(self) -> None:
        self._count = 0
        self._step = Step.STARTING
        self._since = 0.0  # when the last mark was seen
        self._reading_since: float | None = None
        self._has_read = False  # this worker or one before it
        self._losses = 0  # since it was well
        self._said: set[str] = set()
        self._last = ""

    def began(self, now: float) -> None:
        """A worker has started."""
        self._count, self._step, self._since, self._reading_since = 0, Step.STARTING, now, None

    def marked(self, count: int, step: Step, now: float) -> tuple[str, ...]:
        """Hear how many marks the worker has left and what it is at; what the operator should hear of that."""
        if count == self._count:
            return ()
        self._count, self._step, self._since = count, step, now
        if self._reading_since is None:
            self._reading_since = now
        if step is not Step.WAITING:
            return ()
        self._has_read = True
        if now - self._reading_since < STEADY_S:
            return self._news(READING)
        self._losses = 0
        self._said.clear()
        return self._news(READING) if self._last != READING else ()

    def overdue(self, now: float) -> str:
        """Why the worker must go, or nothing."""
        return _OVERDUE[self._step] if now - self._since > PATIENCE_S[self._step] else ""

    def lost(self, why: str) -> Mend:
        """The worker is lost."""
        restart = self._has_read and self._reading_since is None
        after = None if restart else WAITS_S[min(self._losses, len(WAITS_S) - 1)]
        if not self._losses:
            self._said.discard(READING)  # that it reads again is said at once, the first time
        self._losses += 1
        mend = _RESTART if restart else _DECODE if self._step is Step.DECODING else _REOPEN
        return Mend(after, "".join(self._news(f"{why}: {mend}")))

    def _news(self, text: str) -> tuple[str, ...]:
        """Give the text, unless it was said since the scanner was well: a camera that flaps is not told of all day."""
        if text in self._said:
            return ()
        self._said.add(text)
        self._last = text
        return (text,)
