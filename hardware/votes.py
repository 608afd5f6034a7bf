"""What several frames say together about one symbol: glare hides other modules in each, noise changes others, the code stays.

Each frame in which the symbol was found gives a level for each of its modules; the sum over frames is right where most of them are. Light
that a lamp adds can only make a dark module look light, so where frames disagree by much the darkest says more: both are tried.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from hardware.grid import Levels, Place, Straight, equalised

_STRONGEST: Final = 1.5  # standard deviations: a patch of glare must not outvote the frames that saw the module
_MOST: Final = 4  # symbols that votes are counted for
_RISES: Final = 0.1  # what the darkest level of a module rises by in each frame, for the same reason
_FADES: Final = 0.9  # what a frame still counts when the next one has come: a code that was renewed wins within a few


@dataclass(slots=True)
class Ballot:
    """The frames' votes for the modules of one symbol: levels as they are, the darkest of them, and levels that were equalised first."""

    total: Levels
    darkest: Levels
    clear: Levels

    @classmethod
    def of(cls, straight: Straight) -> "Ballot":
        """Count the first frame."""
        near = _bounded(straight.near())
        return cls(near, near, _bounded(straight.clear))

    def add(self, other: "Ballot") -> None:
        """Count one frame more."""
        self.total = _FADES * self.total + other.total
        self.darkest = np.minimum(self.darkest + _RISES, other.darkest)
        self.clear = _FADES * self.clear + other.clear

    def results(self) -> Iterator[Levels]:
        """Give what the frames say together, in the order in which most is read."""
        yield self.total
        yield equalised(self.total)
        yield self.clear
        yield equalised(self.darkest)
        yield self.darkest


class Votes:
    """A ballot for each symbol, told apart by its size and by where it was in the frame before."""

    def __init__(self) -> None:
        self._ballots: list[tuple[Place, Ballot]] = []

    def add(self, straight: Straight, place: Place) -> Iterator[Levels]:
        """Count a symbol as one frame shows it; give what all frames together say, nothing after the first."""
        for number, (before, ballot) in enumerate(self._ballots):
            if _is_same(place, before):
                ballot.add(Ballot.of(straight))
                self._ballots[number] = place, ballot
                return ballot.results()
        self._ballots = [*self._ballots, (place, Ballot.of(straight))][-_MOST:]
        return iter(())

    def forget(self) -> None:
        """Begin anew: the symbol was read, or has gone."""
        self._ballots.clear()


def _is_same(place: Place, before: Place) -> bool:
    """Say whether two places are one symbol's: two phones are at least a symbol's width apart."""
    now, then = np.array(place.corners), np.array(before.corners)
    moved = float(np.hypot(*(now.mean(axis=0) - then.mean(axis=0))))
    return place.modules == before.modules and moved < float(np.ptp(then, axis=0).max()) / 2


def _bounded(levels: Levels) -> Levels:
    return np.clip(levels, -_STRONGEST, _STRONGEST)
