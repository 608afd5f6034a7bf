"""What `gate aim` makes of frames, without a screen: a reading each, how good it is from 0 to 1, and what to do about it."""

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import quantiles
from typing import Final

from hardware.sighting import AIM_PX, Cause, Sighting

WINDOW_S: Final = 2.0
GOOD_SHARE: Final = 0.8  # of the frames: of three in a row, a tenth of a second, one then is read in 99 of 100 cases
AIM_SHARPNESS: Final = 1.2  # what a lens in focus gives from 3 pixels per module on; engines need 0.85
AIM_CONTRAST: Final = 0.5
LIGHT_SHARE: Final = 0.5  # of a code's modules: what of them is saturated harms nothing

SHOW: Final = "show a code"
HOLD: Final = "nothing is amiss that can be seen: hold it still"
ADVICE: Final[Mapping[Cause, str]] = {
    Cause.TOO_SMALL: "move it closer",
    Cause.TOO_DARK: "more light: turn the phone's brightness up, then raise camera.exposure_us or camera.gain",
    Cause.TOO_BRIGHT: "less light: shade the glass from sun and lamps, then lower camera.gain or camera.exposure_us",
    Cause.BLURRED: "hold it still; if it stays blurred, clean the glass and set camera.lens_position",
    Cause.GLARE: "a lamp is mirrored in it: tilt the phone, or shade the lamp",
    Cause.CUT_OFF: "move it towards the middle",
}


@dataclass(frozen=True, slots=True)
class Reading:
    """One frame: when it was captured, how old it was when it had come (seconds), how many symbols were read, and the code in it."""

    at: float
    age: float
    symbols: int
    code: Sighting | None

    @property
    def read(self) -> bool:
        """Whether a symbol was read."""
        return self.symbols > 0


@dataclass(frozen=True, slots=True)
class State:
    """The newest frame and the last two seconds: the share of frames that were read, and frames a second (0 where unknown)."""

    reading: Reading
    share: float
    fps: float

    @property
    def score(self) -> float:
        """How good it is."""
        return score(self.reading.code, self.share)

    @property
    def advice(self) -> str:
        """What to do next."""
        return advice(self.reading)


class Gauge:
    """Takes readings in, tells the state of the last two seconds, and at the end of all."""

    def __init__(self) -> None:
        self._window: deque[tuple[float, bool]] = deque()
        self._ages: list[float] = []
        self._causes: Counter[str] = Counter()
        self._first = self._last = 0.0
        self._read = 0

    def take(self, reading: Reading) -> State:
        """Count a frame in."""
        if not self._ages:
            self._first = reading.at
        self._last = reading.at
        self._ages.append(reading.age)
        self._read += reading.read
        self._causes["read" if reading.read else reading.code.cause.value if reading.code else "none"] += 1
        self._window.append((reading.at, reading.read))
        while reading.at - self._window[0][0] > WINDOW_S:
            self._window.popleft()
        return State(reading, self.share, self.fps)

    @property
    def frames(self) -> int:
        """How many were taken in."""
        return len(self._ages)

    @property
    def share(self) -> float:
        """The share of the last two seconds' frames that were read."""
        return sum(read for _, read in self._window) / max(len(self._window), 1)

    @property
    def fps(self) -> float:
        """Frames a second in the last two; 0 where there was but one."""
        if not self._window or self._window[-1][0] <= self._window[0][0]:
            return 0.0
        return (len(self._window) - 1) / (self._window[-1][0] - self._window[0][0])

    def summary(self) -> dict[str, object]:
        """All frames, as --json has them."""
        cuts = quantiles([*self._ages, *self._ages] or [0.0, 0.0], n=100, method="inclusive")
        ages = {"p50": cuts[49], "p95": cuts[94], "max": max(self._ages, default=0.0)}
        return {
            "frames": self.frames,
            "seconds": round(self._last - self._first, 3),
            "read": self._read,
            "share_read": round(self.share, 3),
            "fps": round(self.fps, 1),
            "age_ms": {name: round(1e3 * age, 1) for name, age in ages.items()},
            "causes": dict(self._causes),
        }


def score(code: Sighting | None, share: float) -> float:
    """How good it is, 0 to 1: half is what the code looks like, half the share of frames read; rises with every part.

    What it looks like is the product of size, sharpness and contrast, each as a share of what to aim for, and of what
    is not lost to saturation: none makes up for another.
    """
    if code is None:
        return share / 2
    lost = max(0.0, code.saturation - LIGHT_SHARE) / (1 - LIGHT_SHARE)
    looks = (
        min(code.module_px / AIM_PX, 1)
        * min(code.sharpness / AIM_SHARPNESS, 1)
        * min(code.contrast / AIM_CONTRAST, 1)
        * (1 - lost)
        * (1 - code.covered)
    )
    return (looks + share) / 2


def advice(reading: Reading) -> str:
    """Say in words what to do next; for a code that is read, what would make it better."""
    code = reading.code
    if code is None:
        return "read" if reading.read else SHOW
    if not reading.read:
        return ADVICE.get(code.cause, HOLD)
    wanting = {
        f"move it closer: {AIM_PX:g} pixels per module are better": code.module_px < AIM_PX,
        "the focus could be sharper: camera.lens_position": code.sharpness < AIM_SHARPNESS,
        "more light would do it good": code.contrast < AIM_CONTRAST,
    }
    return next((f"read; {text}" for text, wants in wanting.items() if wants), "read; it could not be better")


def as_json(state: State, began: float) -> dict[str, object]:
    """One frame as --json has it: times since the first frame, seconds; None where no code was seen."""
    reading, code = state.reading, state.reading.code
    names = ("module_px", "sharpness", "contrast", "light", "saturation", "covered")
    return {
        "at": round(reading.at - began, 4),
        "age_ms": round(1e3 * reading.age, 1),
        "symbols": reading.symbols,
        "cause": code.cause.value if code and not reading.read else None,
        **{name: round(getattr(code, name), 3) if code else None for name in names},
        "outline": _rounded(code.outline) if code else None,
        "share_read": round(state.share, 3),
        "fps": round(state.fps, 1),
        "score": round(state.score, 3),
        "advice": state.advice,
    }


def _rounded(outline: Sequence[tuple[float, float]]) -> list[list[float]]:
    return [[round(x, 1), round(y, 1)] for x, y in outline]
