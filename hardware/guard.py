"""The one way to a pin that moves something: two lines, three sensors, time and the laws. It denies by default.

Law 2: the barrier is never pushed shut while a beam reads broken. Law 4: nor while the fire loop is open. Law 6: a
release is a pulse that ends here. And: release and secure are never driven together; the secure line cannot stay on
for ever; a pin or a sensor that fails means that nothing is driven. All times are CLOCK_MONOTONIC seconds. Every
denial and every failure is a DeviceError.

The guard does not wait to be told. While it secures it looks at the raw, undebounced sensors every LOOK_S; a glitch
stops the barrier at once, and it moves on only after SETTLE_S of quiet, so that a flickering beam keeps it still.
"""

import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from hardware import DeviceError
from hardware.pins import Line

SHORTEST_PULSE_S: Final = 0.1
LONGEST_PULSE_S: Final = 2.0
LONGEST_SECURE_S: Final = 30.0
LOOK_S: Final = 0.02
SETTLE_S: Final = 0.25

Read = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Eyes:
    """The three sensors that forbid securing, as they read now: True is a broken beam, an open fire loop."""

    entry: Read
    exit: Read
    fire: Read

    def objects(self) -> bool:
        """Return whether the barrier may not be pushed now (laws 2 and 4); a sensor that cannot be read objects."""
        try:
            return self.fire() or self.entry() or self.exit()
        except DeviceError:
            return True


@dataclass(frozen=True, slots=True)
class _Span:
    start: float
    end: float

    def holds(self, now: float) -> bool:
        # A clock that runs backwards, or is not a number, is outside every span: the line goes off.
        return self.start <= now < self.end


_NEVER: Final = _Span(math.inf, math.inf)


class Guard:
    """Drives `release` in pulses of `pulse_s` seconds and `secure` for at most `longest_secure_s`.

    Until a first release nobody knows who stands in the lane that a dead process left: the first push waits for `first_quiet_s` of quiet.
    `secure` is None where the barrier closes by itself. Owned by one thread, which calls `run(now)` at `next_due()`
    and whenever a sensor changed; being late only delays an end.
    """

    def __init__(
        self,
        release: Line,
        secure: Line | None,
        eyes: Eyes,
        pulse_s: float,
        longest_secure_s: float,
        first_quiet_s: float = 0.0,
    ) -> None:
        if not SHORTEST_PULSE_S <= pulse_s <= LONGEST_PULSE_S:
            raise DeviceError(f"a release pulse lasts {SHORTEST_PULSE_S} to {LONGEST_PULSE_S} s, not {pulse_s} (law 6)")
        if not 0 < longest_secure_s <= LONGEST_SECURE_S:
            raise DeviceError(f"securing lasts at most {LONGEST_SECURE_S} s, not {longest_secure_s}")
        self._release = release
        self._secure = secure
        self._eyes = eyes
        self._pulse_s = pulse_s
        self._longest_secure_s = longest_secure_s
        self._quiet_s = first_quiet_s
        self._closed = False
        self._pulse = self._securing = _NEVER
        self._still_until = self._look_at = -math.inf
        self._rest()

    def release(self, now: float) -> None:
        """Stop securing and begin a release pulse. Denied while one runs: a longer pulse is not a pulse (law 6)."""
        self._admit(now)
        self._drive(now)  # what is overdue ends first: the line falls before it rises again
        if self._pulse is not _NEVER:
            raise DeviceError("release denied: a release pulse is running (law 6)")
        self._pulse = _Span(now, now + self._pulse_s)
        self._quiet_s = 0.0
        self._securing = _NEVER
        self._drive(now)

    def secure(self, now: float) -> None:
        """End a release pulse and push the barrier shut, as soon and as long as no sensor objects.

        Whoever asks goes by debounced sensors, this by raw ones: a beam that flickers just now delays the push, it is no failure.
        """
        self._admit(now)
        self._pulse = _NEVER
        self._securing = _Span(now, now + self._longest_secure_s)
        self._still_until = now + self._quiet_s
        self._drive(now)

    def hold(self, now: float) -> None:
        """Drive nothing: the barrier stops where it is. Never denied."""
        del now  # stopping needs no time, but the three commands are called alike
        if not self._closed:
            self._rest()

    def next_due(self) -> float | None:
        """Return when `run` wants to be called, or None while nothing is driven."""
        dues = (self._pulse.end, self._securing.end, self._look_at if self._securing is not _NEVER else math.inf)
        due = min(dues)
        return None if math.isinf(due) else due

    def run(self, now: float) -> None:
        """End what is over, stop for what a sensor sees, go on when it has been quiet."""
        if not self._closed:
            self._drive(now)

    def close(self) -> None:
        """Drive nothing, and deny everything from here on."""
        if not self._closed:
            self._closed = True
            self._rest()

    def _admit(self, now: float) -> None:
        if self._closed:
            raise DeviceError("denied: the guard is closed")
        if not math.isfinite(now):
            raise DeviceError(f"denied: expected a time in seconds, got {now}")

    def _drive(self, now: float) -> None:
        if not self._pulse.holds(now):
            self._pulse = _NEVER  # over once is over, whatever the clock says next
        try:
            self._write(releasing=self._pulse is not _NEVER, pushing=self._may_push(now))
        except Exception:  # whatever it is, nothing stays driven
            with suppress(DeviceError):  # the first failure is the one to tell
                self._rest()
            raise

    def _may_push(self, now: float) -> bool:
        if not self._securing.holds(now):
            self._securing = _NEVER
            return False
        self._look_at = now + LOOK_S
        if self._eyes.objects():
            self._still_until = now + SETTLE_S
        return now >= self._still_until

    def _write(self, *, releasing: bool, pushing: bool) -> None:
        # What goes off goes off before anything goes on: the two are never driven together.
        if not releasing:
            self._release.off()
        if self._secure is not None and not pushing:
            self._secure.off()
        if releasing:
            self._release.on()
        if self._secure is not None and pushing:
            self._secure.on()

    def _rest(self) -> None:
        self._pulse = self._securing = _NEVER
        try:
            self._release.off()
        finally:  # a release line that fails must not leave the barrier pushing
            if self._secure is not None:
                self._secure.off()
