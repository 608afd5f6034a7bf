"""Hard presentations, frame after frame: which of them the reference engine reads and which ours reads, and which of the two is first."""

import io
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from figures import Figures, percentile
from presentations import NUMBERS, Shown
from reading import Grey, Read, Texts, reference, texts_of, timed
from rich.console import Console
from rich.table import Table

from hardware.chain import Chain

pytestmark = pytest.mark.usefixtures("one_thread")

_FRAME_MS = 1000 / 30


@dataclass(frozen=True, slots=True)
class Watched:
    """How one reader fared with a presentation: the frame at which it first read the text (None: never), and when it told (seconds)."""

    frame: int | None
    told: float
    wrong: bool
    seconds: float
    looks: int


@dataclass(slots=True)
class Watch:
    """A reader that watches a presentation. Its times are those of its own thread, as if nothing else ran."""

    wanted: Texts
    frame: int | None = None
    told: float = float("inf")
    wrong: bool = False
    seconds: float = 0.0
    looks: int = 0

    def look(self, read: Read, grey: Grey, number: int, begins: float) -> float:
        """Look at one frame at a time; when that is done."""
        took, symbols = timed(read, grey)
        found = texts_of(symbols)
        self.seconds, self.looks, self.wrong = (
            self.seconds + took,
            self.looks + 1,
            self.wrong or not found <= self.wanted,
        )
        if self.frame is None and found & self.wanted:
            self.frame, self.told = number, begins + took
        return begins + took

    def over(self) -> Watched:
        """What came of it."""
        return Watched(self.frame, self.told, self.wrong, self.seconds, self.looks)


def watched_by_reference(shown: Shown, frames: Sequence[Grey]) -> Watched:
    """Every frame is looked at, however long that takes: nothing is held against the reference."""
    watch = Watch(shown.wanted)
    for number, (at, frame) in enumerate(zip(shown.times, frames, strict=True)):
        watch.look(reference, frame, number, at)
    return watch.over()


def watched_by_chain(shown: Shown, frames: Sequence[Grey]) -> Watched:
    """As live: while it looks at one frame the next ones come and only the newest is kept."""
    chain, watch, times = Chain(time.thread_time), Watch(shown.wanted), shown.times
    now, number = 0.0, 0
    while number < len(times):
        at = times[number]
        now = watch.look(_live(chain, at), frames[number], number, max(now, at))
        number = max(number + 1, int(np.searchsorted(times, now, "right")) - 1)
    return watch.over()


def _live(chain: Chain, at: float) -> Read:
    return lambda grey: chain.look(grey, at).symbols


@dataclass(frozen=True, slots=True)
class Compared:
    """One presentation, by the reference and by ours."""

    shown: Shown
    reference: Watched
    ours: Watched

    @property
    def late(self) -> bool:
        """Whether ours told of a later frame than the reference, or not at all."""
        first, mine = self.reference.frame, self.ours.frame
        return first is not None and (mine is None or mine > first)


@pytest.fixture(scope="module")
def compared(shown: Sequence[Shown], request: pytest.FixtureRequest) -> list[Compared]:
    """All presentations, watched by both."""
    found = [_compared(one, one.frames) for one in shown]
    _tell(request, found)
    return found


def _compared(shown: Shown, frames: Sequence[Grey]) -> Compared:
    return Compared(shown, watched_by_reference(shown, frames), watched_by_chain(shown, frames))


def test_presentations(compared: Sequence[Compared], seed: int, figures: Figures) -> None:
    never = [one for one in compared if one.reference.frame is None]
    rescued = sum(one.ours.frame is not None for one in never)
    late = [one.shown.presentation.name for one in compared if one.late]
    read, made_of = (
        sum(one.ours.frame is not None for one in compared),
        f"of {len(compared)}, {len(NUMBERS)} frames each, seed {seed}",
    )
    figures.add("presentations read, zxing", len(compared) - len(never), "", None, made_of)
    figures.add("presentations read, chain", read, "", None, made_of)
    unread = figures.add(
        "never read by zxing, nor by the chain", 1 - rescued / len(never), "x", 0.5, f"of {len(never)}"
    )
    figures.add("presentations read later than by zxing", len(late), "", None, "none may be")
    assert not any(one.ours.wrong for one in compared)
    assert late == []
    assert unread <= 0.5


def test_time_of_presentations(compared: Sequence[Compared], figures: Figures) -> None:
    both = [one for one in compared if None not in (one.reference.frame, one.ours.frame)]
    behind = [1e3 * (one.ours.told - one.reference.told) for one in both]
    theirs, ours = ([getattr(one, who) for one in compared] for who in ("reference", "ours"))
    missed = sum(one.looks for one in theirs) - sum(one.looks for one in ours)
    figures.add("symbol after zxing's, median", percentile(behind, 0.5), "ms", None, "less than 0: before it")
    figures.add("symbol after zxing's, p95", percentile(behind, 0.95), "ms", None, "a frame is 33 ms")
    figures.add("presentations, mean time of a look", _mean(ours) / _mean(theirs), "x", None, "to zxing on every frame")
    figures.add("frames missed while looking", missed, "", None, f"of {sum(one.looks for one in theirs)}")
    assert max(behind) < _FRAME_MS


def _mean(watched: Sequence[Watched]) -> float:
    return sum(one.seconds for one in watched) / sum(one.looks for one in watched)


def _tell(request: pytest.FixtureRequest, compared: Sequence[Compared]) -> None:
    """Show where we lose: by kind, the first frame that each reads."""
    table = Table(
        "kind", "strength", "first frame read, zxing", "chain", title="hard presentations", title_justify="left"
    )
    for one in compared:
        told, mine = one.shown.presentation, _frame(one.ours) + (" late" if one.late else "")
        table.add_row(told.kind, f"{told.strength:.2f}", _frame(one.reference), mine)
    out = io.StringIO()
    Console(file=out, width=100).print(table)
    with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        request.config.get_terminal_writer().write(f"\n{out.getvalue()}")


def _frame(watched: Watched) -> str:
    return "never" if watched.frame is None else str(watched.frame)
