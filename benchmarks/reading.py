"""What readers read of single pictures, side by side, and in how much of the processor's time.

The time is this thread's own (`time.thread_time`), not the wall's: every reader here works in one thread, and a machine that does something else
meanwhile takes its turns from the wall's clock alone. Readers take turns on each picture, so that ratios hold while the machine changes its speed.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import zxingcpp
from figures import percentile
from numpy.typing import NDArray

from gate.cli.decode import text
from hardware.chain import Chain
from hardware.decoder import PYZBAR, Symbol
from hardware.passes import CLOSER

Grey = NDArray[np.uint8]
Texts = frozenset[str]
Read = Callable[[Grey], Sequence[Symbol]]

_CHAIN, _WITHOUT = Chain(), Chain(closer=tuple(one for one in CLOSER if one is not PYZBAR))


def reference(grey: Grey) -> tuple[Symbol, ...]:
    """The best single engine, as it comes; its corners are of no use here."""
    found = zxingcpp.read_barcodes(grey, formats=zxingcpp.BarcodeFormat.QRCode)
    return tuple(Symbol(code.bytes, "reference", ()) for code in found)


READERS: dict[str, Read] = {"zxing": reference, "chain": _CHAIN.read, "chain without pyzbar": _WITHOUT.read}
"""For every picture; `zxing` is the reference."""


@dataclass(frozen=True, slots=True)
class Still:
    """One picture, and the texts in it; whether those are all of them, so that any other is wrong."""

    grey: Grey
    texts: Texts
    all_known: bool = True


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reader made of a still: whether it read a right text, or anything where none is known; the wrong texts; whose the symbols are."""

    read: bool
    wrong: Texts
    seconds: float
    engines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Score:
    """A reader's readings, in the order of the stills."""

    readings: Sequence[Reading]

    @property
    def read(self) -> int:
        """Of how many it read something right."""
        return sum(one.read for one in self.readings)

    @property
    def wrong(self) -> list[str]:
        """The wrong texts."""
        return sorted(spelled for one in self.readings for spelled in one.wrong)

    @property
    def seconds(self) -> float:
        """All its time."""
        return sum(one.seconds for one in self.readings)

    @property
    def p95(self) -> float:
        """Seconds."""
        return percentile([one.seconds for one in self.readings], 0.95)

    @property
    def engines(self) -> Counter[str]:
        """How often a still was read by the pass of which engine."""
        return Counter(engine for one in self.readings for engine in one.engines[:1] if one.read)

    def among(self, chosen: Sequence[bool]) -> "Score":
        """Only those of some stills."""
        return Score([one for one, is_chosen in zip(self.readings, chosen, strict=True) if is_chosen])


def normalised(spelled: str) -> str:
    """A text as texts are compared: what encodes it may end lines and texts as it likes."""
    return spelled.replace("\r\n", "\n").strip()


def texts_of(symbols: Iterable[Symbol]) -> Texts:
    """What symbols say, to be compared."""
    return frozenset(normalised(text(symbol.data)) for symbol in symbols)


def scored(readers: Mapping[str, Read], stills: Iterable[Still], never_wrong: Texts = frozenset()) -> dict[str, Score]:
    """Have every reader read every still, in turns. A text is wrong that is neither the still's nor among `never_wrong`."""
    found: dict[str, list[Reading]] = {name: [] for name in readers}
    for still in stills:
        for name, read in readers.items():
            found[name].append(_reading(read, still, never_wrong))
    return {name: Score(readings) for name, readings in found.items()}


def timed(read: Read, grey: Grey) -> tuple[float, Sequence[Symbol]]:
    """Read, and tell the seconds of this thread that it took."""
    began = time.thread_time()
    found = read(grey)
    return time.thread_time() - began, found


def _reading(read: Read, still: Still, never_wrong: Texts) -> Reading:
    seconds, symbols = timed(read, still.grey)
    texts = texts_of(symbols)
    wrong = texts - still.texts - never_wrong if still.all_known else frozenset()
    read_it = bool(texts & still.texts) if still.texts else bool(texts)
    return Reading(read_it, wrong, seconds, tuple(symbol.engine for symbol in symbols))
