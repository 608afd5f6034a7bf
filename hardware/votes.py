"""What several frames say together about one symbol: glare hides other modules in each, noise changes others, the code stays.

Each frame in which the symbol was found gives a level for each of its modules; the sum over frames is right where most of them are. Light
that a lamp adds can only make a dark module look light, so where frames disagree by much the darkest says more: both are tried.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from hardware.grid import Levels, Straight, equalised

_STRONGEST: Final = 1.5  # standard deviations: a patch of glare must not outvote the frames that saw the module
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
        self.darkest = np.minimum(self.darkest, other.darkest)
        self.clear = _FADES * self.clear + other.clear

    def results(self) -> Iterator[Levels]:
        """Give what the frames say together, in the order in which most is read."""
        yield self.total
        yield equalised(self.total)
        yield self.clear
        yield equalised(self.darkest)
        yield self.darkest


class Votes:
    """Ballots by the size of the symbol: two of one size are one symbol until one of them is read."""

    def __init__(self) -> None:
        self._ballots: dict[int, Ballot] = {}

    def add(self, straight: Straight) -> Iterator[Levels]:
        """Count a symbol as one frame shows it; give what all frames together say, nothing after the first."""
        modules = straight.levels.shape[0]
        ballot = self._ballots.get(modules)
        if ballot is None:
            self._ballots[modules] = Ballot.of(straight)
            return iter(())
        ballot.add(Ballot.of(straight))
        return ballot.results()

    def forget(self) -> None:
        """Begin anew: the symbol was read, or has gone."""
        self._ballots.clear()


def _bounded(levels: Levels) -> Levels:
    return np.clip(levels, -_STRONGEST, _STRONGEST)
