"""The chain: passes, and the straightening of bent symbols, behind one interface, for a still and for the frames of a live camera.

A live frame has a share of the frame interval. It is looked at whole; while nothing is read the costly passes take turns, first where the code
was last, as many a frame as fit, so that somebody who holds a phone still for a fifth of a second gets all of them where a first look takes
2 ms; and what each frame shows of a symbol that was found adds up.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from math import inf
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hardware.crowd import is_crowded, thinned
from hardware.decoder import (
    ENGINES,
    FIRST,
    PYZBAR,
    Engine,
    Found,
    Pass,
    Symbol,
    area,
    distinct,
    moved,
    scaled,
    usable,
    zxing_modules,
)
from hardware.grid import Place, Point, Straight, straightened
from hardware.idle import Attention, Idle
from hardware.passes import CLOSER, QUICK, THRESHOLDED, WIDE
from hardware.sighting import Sighting, locate, sight
from hardware.votes import Votes
from hardware.window import Whereabouts, Window, around

Grey = NDArray[np.uint8]
Clock = Callable[[], float]

SHARE_S: Final = 0.02  # of a frame's 33 ms: the rest is the camera's, the other process' and the machine's
_LOOKS: Final = 3  # first looks at least, on a machine for which one is most of that share: fewer frames a second, but all that can be read
_LATEST_S: Final = 0.06  # seconds, whatever they take
_FADES: Final = 0.9  # what is left of a pass's cost each time that it is passed over
_MANY: Final = 24  # turns: every pass has come up by then
_ROUNDS: Final = 2  # of straightening: a third one read no further photograph
_SURE: Final = 0.85  # of a still's finder patterns: one picture must show what several may show together
_PLACES: Final = 2  # that are straightened after one pass: noise looks like a symbol's corner now and then
_LARGEST: Final = 117  # modules: those of larger symbols are too small to be bent, and an EC1 code has 65 to 81
_SAME: Final = 1.5  # modules: a place whose corners are so near those of another is the same
_DOUBT: Final = 0.1  # share of modules: with more of them in doubt none was ever read
_SURFACE: Final = 0.8  # of the view
_HEAVY: Final = 20  # times the usual first look: what scattered patterns or many codes make of it; then the next frames are looked at smaller
_AGAIN: Final = 8  # frames: so often it is tried whether that is over
_SIGHT_EVERY: Final = 4  # frames: so often it is asked why nothing is read, for the time of two to three first looks
_WIDE_EVERY: Final = 3  # turns: so often a pass has the whole frame though a code was seen in a part of it


@dataclass(frozen=True, slots=True)
class Look:
    """What a frame showed: its symbols, the largest first; or what is known of a code in it that was not read."""

    symbols: tuple[Symbol, ...] = ()
    unread: Sighting | None = None


class Chain:
    """Reads stills with `read`, which remembers nothing; and a live camera's frames with `look`, which remembers those before."""

    name: Final = "chain"

    def __init__(
        self, clock: Clock = time.perf_counter, share_s: float = SHARE_S, closer: tuple[Pass, ...] = CLOSER
    ) -> None:
        self._closer = closer
        # slanting stripes keep zbar busy for seconds: a shirt must not stop a lane, so it has stills only
        self._near = (THRESHOLDED, *(one for one in closer if one is not PYZBAR))
        self._clock = clock
        self._share_s = share_s
        self._idle = Idle()
        self._where = Whereabouts()
        self._votes = Votes()
        self._first_cost = 0.0  # seconds a pixel, of the last first look
        self._usual_cost = inf  # the least of them
        self._costs: dict[str, float] = {}  # of each pass, as a ratio to it
        self._last = Look()
        self._unread: Sighting | None = None
        self._frames = self._turns = 0
        self._late = False

    def read(self, picture: object) -> tuple[Symbol, ...]:
        """Take all passes that a still can have, up to the first that reads something."""
        grey = usable(picture)
        if grey is None:
            return ()
        tried: list[Place] = []
        for one, part in _for_a_still(grey, self._closer):
            found = _look(one, grey, part)
            bent = () if found.symbols else filter(None, [_read_bent(grey, place) for place in _new(found, tried)])
            if symbols := found.symbols or distinct(bent):
                return symbols
        return ()

    def look(self, picture: object, at: float) -> Look:
        """Look at a frame captured at `at` (seconds) for about its share of time; one that is like the last one shows what that did."""
        grey = usable(picture)
        if grey is None:
            return Look()
        attention = self._idle.attention(grey, at)
        if attention is not Attention.NONE:
            self._last = self._looked(grey, at, attention)
        return self._last

    def _looked(self, grey: Grey, at: float, attention: Attention) -> Look:
        began = self._clock()
        self._frames += 1
        heavy = self._first_cost > _HEAVY * self._usual_cost and bool(self._frames % _AGAIN)
        fewer, times = thinned(grey, once=heavy)
        if times > 1:
            return Look(_in_place(FIRST.look(fewer), times).symbols)
        if self._where.is_gone(at):
            self._votes.forget()
        found = self._timed(FIRST, grey, None)
        symbols = found.symbols
        if attention is Attention.FULL and not self._has_more(symbols):
            until = began + min(_LATEST_S, max(self._share_s, _LOOKS * self._first_cost * grey.size))
            if not symbols and not self._frames % _SIGHT_EVERY and self._clock() + self._first_cost * grey.size < until:
                self._unread = self._sighted(grey, found, at)
            symbols = distinct([*symbols, *self._further(grey, at, found, until)])
        if symbols:
            self._unread = None
        elif attention is Attention.GLANCE:
            symbols = self._last.symbols  # what a further pass read is there as it was
        if self._has_more(symbols):
            self._votes.forget()
            self._turns = 0
            self._where.seen([symbol.corners for symbol in symbols], at)
        return Look(symbols, self._unread)

    def _has_more(self, symbols: tuple[Symbol, ...]) -> bool:
        """Say whether a border code was read, or a text that the frame before did not have: a poster in view must not hide a phone."""
        known = {symbol.data for symbol in self._last.symbols}
        return any(symbol.is_ours or symbol.data not in known for symbol in symbols)

    def _sighted(self, grey: Grey, found: Found, at: float) -> Sighting | None:
        """Say what is known of a code that was not read; what fills the view is a surface, not a code."""
        place = next(iter(found.places), None)
        seen = sight(grey, place.corners, place.modules) if place else sight(grey)
        if seen is None or area(seen.outline) > _SURFACE * grey.size:
            return None
        self._where.seen([seen.outline], at)
        return seen

    def _further(self, grey: Grey, at: float, found: Found, until: float) -> tuple[Symbol, ...]:
        """Straighten what was found and count its votes, and let the passes take their turns, until the time is up; each pass once.

        A pass whose time did not come any more is the first in the next frame.
        """
        tried: list[Place] = []
        done: set[tuple[Pass, Window | None]] = set()
        window = self._where.window(grey.shape, at)
        whole = until - self._clock()
        while True:
            for place in () if self._late else _new(found, tried):
                if symbol := self._bent(grey, place, at, until):
                    return (symbol,)
            turn = self._affordable(grey, window, whole)
            if turn is None or turn in done:
                self._late = False
                return ()
            if self._clock() + self._cost(turn[0], _pixels(grey, turn[1])) > until and (done or not self._late):
                self._late = True
                return ()
            self._turns += 1
            done.add(turn)
            more = self._timed(turn[0], grey, turn[1])
            if more.symbols:
                return more.symbols
            found = Found((), (*found.places, *more.places) if self._late else more.places)
            self._late = False

    def _affordable(self, grey: Grey, window: Window | None, whole: float) -> tuple[Pass, Window | None] | None:
        """Give whose turn it is, and where, of those that fit into `whole` seconds, a frame's; None where none does."""
        for _ in range(_MANY):
            one, part = self._turn(window)
            size = _pixels(grey, part)
            if size <= one.most and self._cost(one, size) <= whole and (part is None or not is_crowded(part.of(grey))):
                return one, part
            self._turns += 1
            if one.name in self._costs:
                self._costs[one.name] *= _FADES  # a machine that was busy once must not keep it from its turn for ever
        return None

    def _turn(self, window: Window | None) -> tuple[Pass, Window | None]:
        """Give whose turn it is, and where: also where a code was seen, some of the turns look at the whole frame."""
        round_, turn = divmod(self._turns, _WIDE_EVERY)
        if window is None:
            return WIDE[self._turns % len(WIDE)], None
        if turn == _WIDE_EVERY - 1:
            return WIDE[round_ % len(WIDE)], None
        return self._near[(self._turns - round_) % len(self._near)], window

    def _timed(self, one: Pass, grey: Grey, part: Window | None) -> Found:
        began = self._clock()
        found = _look(one, grey, part)
        took = (self._clock() - began) / _pixels(grey, part)
        if one is FIRST:
            self._first_cost = took
            self._usual_cost = min(self._usual_cost, took)
        elif self._first_cost:
            self._costs[one.name] = took / self._first_cost
        return found

    def _cost(self, one: Pass, size: int) -> float:
        """Give the seconds that a pass will take for so many pixels: as much more than a first look as last time."""
        return self._costs.get(one.name, one.cost) * self._first_cost * size

    def _bent(self, grey: Grey, place: Place, at: float, until: float) -> Symbol | None:
        straight = None
        for straight in straightened(grey, place, _ROUNDS):
            if (data := _clear(straight)) is not None:
                return _symbol(data, place)
            if self._clock() > until:
                break
        if straight is None:
            return None
        self._where.seen([place.corners], at)
        # two first looks at most, and worth a late frame
        together = map(zxing_modules, self._votes.add(straight, place))
        return next((_symbol(data, place) for data in together if data is not None), None)


def _new(found: Found, tried: list[Place]) -> Iterator[Place]:
    """Give the places that were not tried before and do not belong to a symbol that was read, and note them as tried."""
    read = [Place(symbol.corners, symbol.modules) for symbol in found.symbols]
    fit = [place for place in found.places if place.modules <= _LARGEST]
    for place in fit[:_PLACES]:
        if not any(_same(place, other) for other in (*tried, *read)):
            tried.append(place)
            yield place


def _same(one: Place, other: Place) -> bool:
    away = np.abs(np.array(one.corners) - np.array(other.corners)).max()
    module = np.sqrt(area(other.corners)) / max(1, other.modules)
    return one.modules == other.modules and bool(away < _SAME * module)


def _read_bent(grey: Grey, place: Place) -> Symbol | None:
    """Read a symbol as it is straightened."""
    read = map(_clear, straightened(grey, place, _ROUNDS, _SURE))
    return next((_symbol(data, place) for data in read if data is not None), None)


def _clear(straight: Straight) -> bytes | None:
    """Read a symbol that was laid flat, unless that is hopeless."""
    if straight.doubt > _DOUBT:
        return None
    return next(filter(None, map(zxing_modules, (straight.clear, straight.levels))), None)


def _symbol(data: bytes, place: Place) -> Symbol:
    return Symbol(data, "straightened", place.corners, place.modules)


def _for_a_still(grey: Grey, closer: tuple[Pass, ...]) -> Iterator[tuple[Pass, Window | None]]:
    """Give the passes for a still, by their yield, and the part of it that each looks at: None for all of it."""
    yield from ((one, None) for one in (FIRST, *QUICK))
    for outline in locate(grey, most=1):
        part = around([outline], grey.shape)
        yield from ((one, part) for one in closer if _pixels(grey, part) <= one.most)
    yield THRESHOLDED, None


def _look(one: Pass, grey: Grey, part: Window | None) -> Found:
    """Look at a part of the picture, or all of it; corners are the whole picture's."""
    if part is None:
        return one.look(grey)
    return _in_place(one.look(part.of(grey)), 1, (part.left, part.top))


def _in_place(found: Found, times: int, by: Point = (0, 0)) -> Found:
    """Give what was found in a picture that was made so many times smaller, or cut out at `by`, with the whole one's corners."""

    def there(corners: tuple[Point, ...]) -> tuple[Point, ...]:
        return moved(scaled(corners, times), by)

    return Found(
        tuple(replace(symbol, corners=there(symbol.corners)) for symbol in found.symbols),
        tuple(replace(place, corners=there(place.corners)) for place in found.places),
    )


def _pixels(grey: Grey, part: Window | None) -> int:
    return grey.size if part is None else part.pixels


def engine(name: str) -> Engine:
    """Give the engine of that name: "chain" or one of ENGINES; KeyError for any other."""
    return Chain() if name == Chain.name else ENGINES[name]
