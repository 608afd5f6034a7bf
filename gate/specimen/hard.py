"""Hard presentations: what travellers really hold up, in kinds and strengths, as values that draw their own frames.

A family comes from one seed; another seed gives another family of the same kinds, so that nothing can be tuned to one.
Strength 0 is what the best single engine still reads, 1 about what several frames together still hold.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from itertools import count
from typing import Final

import numpy as np

from gate.specimen.cases import SCOPES, Specimen
from gate.specimen.glass import Flaw, Wear, torn, worn
from gate.specimen.page import Grey, Page, draw
from gate.specimen.screen import FOCAL, HEIGHT, WIDTH, Matrix, Scene, mirrored, rotation
from gate.specimen.traveller import MORNING, Flicker, Hand, Lamp, Lens, Light, Pose, Shot, Spot

SECONDS: Final = 1.0
_HALF: Final = 24.3  # mm from the code's middle to its edge: 77 modules, without their quiet zone
_RENEWED: Final = 5  # seconds after which a phone shows its next code (FORMAT 7)
_DEPTH: Final = 900.0  # mm behind the lens at which the phone's glass shows a lamp


@dataclass(frozen=True, slots=True)
class Draft:
    """How one phone is shown: it comes from `comes`, is held at `begins` and drifts to `ends`."""

    begins: Pose
    ends: Pose
    comes: Pose | None = None
    shake: float = 1.0
    light: Light = field(default_factory=Light)
    lens: Lens = field(default_factory=Lens)
    glints: tuple["Glint", ...] = ()
    pane: tuple[Spot, ...] = ()
    flicker: Flicker | None = None
    wear: tuple[Wear, ...] = ()
    renewal: float = 0.0

    @property
    def shot(self) -> Shot:
        """The same for the camera."""
        held = ((0.0, self.begins), (SECONDS, self.ends))
        path = held if self.comes is None else ((0.0, self.comes), (0.3, self.begins), held[1])
        lamps = tuple(glint.lamp(self.begins, self.ends) for glint in self.glints)
        return Shot((Hand(path, self.shake),), SECONDS, self.light, self.lens, lamps, self.pane, self.flicker)


@dataclass(frozen=True, slots=True)
class Glint:
    """A lamp that the phone's glass mirrors where the code is: at (u, v), from -1 to 1 over the code, `radius` pixels wide.

    `when` is how far on its way the phone is then, 0 to 1.
    """

    u: float
    v: float
    radius: float
    peak: float
    when: float = 0.5

    def lamp(self, begins: Pose, ends: Pose) -> Lamp:
        """The lamp that does so."""
        before, after = _six(begins), _six(ends)
        pose = before + self.when * (after - before)
        turned = rotation(pose[3:])
        seen = pose[:3] + turned @ (np.array([self.u, self.v, 0.0]) * _HALF)
        x, y, z = mirrored(seen * _DEPTH / seen[2], pose[:3], turned[:, 2])
        return Lamp((float(x), float(y), float(z)), self.peak, self.radius * _DEPTH / FOCAL)


@dataclass(frozen=True, slots=True)
class Presentation:
    """One showing. `texts` are what may be read of it: the code, and the one that follows it where it is renewed meanwhile."""

    name: str
    kind: str
    strength: float
    texts: tuple[str, ...]
    draft: Draft
    seed: int

    def frames(self, numbers: Iterable[int] | None = None) -> Iterator[Grey]:
        """The frames of these numbers, by default all in order: (720, 1280) uint8, 30 a second."""
        shot = self.draft.shot
        scene = Scene.of(self.texts[:1], shot, self.seed)
        before, after = self._pages()
        for number in range(len(shot.times)) if numbers is None else numbers:
            page = torn(before, after, _renewed(shot.times[number], self.draft.renewal)) if after else before
            yield replace(scene, phones=(replace(scene.phones[0], page=page),)).frame(number)

    def _pages(self) -> tuple[Page, Page | None]:
        pages = [
            reduce(lambda page, wear: worn(page, wear, np.random.default_rng(self.seed)), self.draft.wear, draw(text))
            for text in self.texts
        ]
        return pages[0], pages[1] if len(pages) > 1 else None


def _renewed(time: float, lasts: float) -> float:
    """How much of the display shows the next code already, where it takes `lasts` seconds about the middle to be drawn."""
    return float(np.clip((time - SECONDS / 2 + lasts / 2) / lasts, 0, 1))


@dataclass(frozen=True, slots=True)
class Trouble:
    """How strong, and the chance from which a trouble takes what it leaves to chance."""

    strength: float
    chance: np.random.Generator = field(repr=False)

    def between(self, weak: float, strong: float) -> float:
        """From weak to strong as the strength says."""
        return weak + self.strength * (strong - weak)

    def times(self, weak: float, strong: float) -> float:
        """The same for what goes by factors."""
        return float(weak * (strong / weak) ** self.strength)

    def about(self, spread: float) -> float:
        """Anything from -spread to spread."""
        return float(self.chance.uniform(-spread, spread))

    def either(self) -> int:
        """-1 or 1."""
        return int(self.chance.choice([-1, 1]))

    def weaker(self, share: float) -> "Trouble":
        """One of several at once."""
        return replace(self, strength=self.strength * share)


def _usual(trouble: Trouble) -> Draft:
    """A phone as a calm traveller holds it; every second one is only coming into view when the first frame is taken."""
    pose = Pose(
        trouble.about(22), trouble.about(9), 208 + trouble.about(12),
        trouble.about(8), trouble.about(8), trouble.about(12),
    )  # fmt: skip
    drift = replace(
        pose,
        x=pose.x + trouble.about(6),
        y=pose.y + trouble.about(5),
        z=pose.z + trouble.about(9),
        pitch=pose.pitch + trouble.about(2),
    )
    side = trouble.either()
    comes = Pose(pose.x + 190 * side, 60, 245, yaw=22 * side, roll=-12 * side) if trouble.either() > 0 else None
    light = Light(screen=0.6 + trouble.about(0.15), hall=0.16 + trouble.about(0.07))
    return Draft(pose, drift, comes, 1 + trouble.about(0.4), light)


def _dim(draft: Draft, trouble: Trouble) -> Draft:
    return replace(
        draft, light=replace(draft.light, screen=trouble.times(0.05, 0.004), hall=trouble.times(0.04, 0.008))
    )


def _overexposed(draft: Draft, trouble: Trouble) -> Draft:
    """The screen is so bright that white spills over black, in the lens and in the lane's dusty glass."""
    screen = trouble.times(1.2, 5.0)
    lens = replace(draft.lens, aperture=trouble.between(1.2, 2.0), focus=205)
    return replace(
        draft, light=replace(draft.light, screen=screen), lens=lens, pane=(*draft.pane, Spot(0, 0, 0, 0.045 * screen))
    )


def _sunlit(draft: Draft, trouble: Trouble) -> Draft:
    """The sun shines on the display: its glass and the haze before it are brighter than the code."""
    light = replace(draft.light, screen=trouble.times(0.3, 0.06), hall=trouble.times(1.6, 4.6), uneven=0.4)
    return replace(draft, light=light)


def _moving_glare(draft: Draft, trouble: Trouble) -> Draft:
    """A lamp runs over the code as the phone is turned."""
    ends = replace(
        draft.ends,
        pitch=draft.begins.pitch + trouble.between(7, 2.5) * trouble.either(),
        yaw=draft.begins.yaw + trouble.about(2),
    )
    glint = Glint(trouble.about(0.35), trouble.about(0.35), trouble.between(45, 95), trouble.between(0.8, 1.6))
    return replace(draft, ends=ends, glints=(*draft.glints, glint))


def _finder_glare(draft: Draft, trouble: Trouble) -> Draft:
    """A lamp on one finder pattern, from which it hardly moves."""
    u, v = ((-1, -1), (1, -1), (-1, 1))[trouble.chance.integers(3)]
    glint = Glint(u * 0.82, v * 0.82, trouble.between(6, 48), trouble.between(0.6, 1.2))
    return replace(draft, ends=draft.begins, shake=trouble.between(1.2, 0.6), glints=(*draft.glints, glint))


def _two_glares(draft: Draft, trouble: Trouble) -> Draft:
    spots = (Glint(u + trouble.about(0.3), trouble.about(0.7), trouble.between(18, 50), 1.3) for u in (-0.5, 0.5))
    return replace(draft, glints=(*draft.glints, *spots))


def _tube(draft: Draft, trouble: Trouble) -> Draft:
    """A row of lamps: a bright bar across the code."""
    lean, radius = trouble.about(0.7), trouble.between(6, 20)
    row = (Glint(u, lean * u + 0.2, radius, 1.0) for u in np.linspace(-1.1, 1.1, 9))
    return replace(draft, glints=(*draft.glints, *row))


def _still_glare(draft: Draft, trouble: Trouble) -> Draft:
    """A lamp in the lane's own glass, under which the phone is held."""
    pose = draft.begins
    x, y = (FOCAL * at / pose.z + half for at, half in ((pose.x, WIDTH / 2), (pose.y, HEIGHT / 2)))
    spot = Spot(x + trouble.about(70), y + trouble.about(70), trouble.between(30, 85), 1.2)
    ends = replace(draft.ends, x=pose.x + trouble.between(12, 5) * trouble.either(), y=pose.y + trouble.about(6))
    return replace(draft, ends=ends, pane=(*draft.pane, spot))


def _drops(draft: Draft, trouble: Trouble) -> Draft:
    """Drops or finger marks on the lane's own glass."""
    pose, many = draft.begins, round(trouble.between(6, 45))
    x, y = (FOCAL * at / pose.z + half for at, half in ((pose.x, WIDTH / 2), (pose.y, HEIGHT / 2)))
    drops = (
        Spot(x + trouble.about(150), y + trouble.about(150), 7 + trouble.about(4), 0.5 + trouble.about(0.3))
        for _ in range(many)
    )
    return replace(draft, pane=(*draft.pane, *drops))


def _near(draft: Draft, trouble: Trouble) -> Draft:
    """Too near for the lens."""
    lens = replace(draft.lens, aperture=trouble.between(2.0, 4.2))
    begins = replace(draft.begins, x=draft.begins.x / 3, y=draft.begins.y / 3, z=trouble.between(135, 122))
    return replace(draft, lens=lens, begins=begins, ends=replace(begins, z=begins.z + 10 + trouble.about(8)))


def _far(draft: Draft, trouble: Trouble) -> Draft:
    """Out of focus because the lens was set for nearer."""
    lens = replace(draft.lens, focus=150.0, aperture=trouble.between(1.6, 4.0))
    return replace(draft, lens=lens)


def _small(draft: Draft, trouble: Trouble) -> Draft:
    """Held far away, coming nearer in vain."""
    z = trouble.between(245, 410)
    return replace(draft, begins=replace(draft.begins, z=z * 1.1), ends=replace(draft.ends, z=z))


def _shaken(draft: Draft, trouble: Trouble) -> Draft:
    """A hand that trembles while the shutter is open for long."""
    return replace(
        draft, shake=trouble.between(4, 11), lens=replace(draft.lens, exposure=trouble.between(0.010, 0.028))
    )


def _passing(draft: Draft, trouble: Trouble) -> Draft:
    """A phone that is never held still."""
    way = trouble.between(70, 190) * trouble.either()
    begins, ends = replace(draft.begins, x=-way / 2), replace(draft.ends, x=way / 2)
    return replace(
        draft, begins=begins, ends=ends, comes=None, lens=replace(draft.lens, exposure=trouble.between(0.006, 0.020))
    )


def _tilted(draft: Draft, trouble: Trouble) -> Draft:
    tilt, side = trouble.between(38, 66), trouble.either()
    turned = {"yaw": tilt * side} if trouble.either() > 0 else {"pitch": tilt * side}
    begins = replace(draft.begins, roll=trouble.about(40), **turned)
    eased = {name: value * 0.9 for name, value in turned.items()}
    return replace(draft, begins=begins, ends=replace(draft.ends, roll=begins.roll, **eased))


def _rotated(draft: Draft, trouble: Trouble) -> Draft:
    roll, z = trouble.about(180), trouble.between(240, 380)
    begins = replace(draft.begins, roll=roll, z=z, yaw=trouble.between(8, 28) * trouble.either())
    return replace(draft, begins=begins, ends=replace(begins, roll=roll + 20, z=z * 0.95))


def _cut_off(draft: Draft, trouble: Trouble) -> Draft:
    """The code's edge is outside the picture; at a low strength it comes in at last."""
    roll = trouble.about(8)
    inside = HEIGHT / 2 / FOCAL * draft.begins.z - _HALF  # how far down the middle may be
    begins = replace(draft.begins, y=inside + trouble.between(2.6, 3.6), roll=roll, pitch=0, yaw=0)
    return replace(draft, begins=begins, ends=replace(begins, y=inside + trouble.between(-5, 2.2)), comes=None)


def _moire(draft: Draft, trouble: Trouble) -> Draft:
    near = {"z": 187 + trouble.about(5), "pitch": trouble.about(3), "yaw": trouble.about(3)}
    begins, ends = replace(draft.begins, **near), replace(draft.ends, **near)
    return replace(draft, begins=begins, ends=ends, lens=replace(draft.lens, moire=trouble.between(0.15, 0.6)))


def _banded(draft: Draft, trouble: Trouble) -> Draft:
    """A display dimmed by pulses, before a shutter that rolls."""
    flicker = Flicker(
        float(trouble.chance.choice([120.0, 180.0, 240.0])) * (1 + trouble.about(0.04)),
        trouble.between(0.6, 0.27),
        trouble.between(0.8, 1.0),
    )
    return replace(
        draft,
        flicker=flicker,
        lens=replace(draft.lens, exposure=0.0012),
        light=replace(draft.light, screen=trouble.between(0.35, 0.12)),
    )


def _renewing(draft: Draft, trouble: Trouble) -> Draft:
    """The next code replaces the one before row by row, slower than a frame; with a wandering hand besides."""
    return replace(draft, renewal=trouble.between(0.05, 0.9))


def _inverted_far(draft: Draft, trouble: Trouble) -> Draft:
    """White on black, further and further away."""
    z = trouble.between(200, 330)
    dark = Wear(Flaw.INVERTED, trouble.strength)
    return replace(
        draft, begins=replace(draft.begins, z=z + 12), ends=replace(draft.ends, z=z), wear=(*draft.wear, dark)
    )


def _flawed(flaw: Flaw) -> "Bend":
    def bend(draft: Draft, trouble: Trouble) -> Draft:
        return replace(draft, wear=(*draft.wear, Wear(flaw, trouble.strength)))

    return bend


Bend = Callable[[Draft, Trouble], Draft]
_cracked, _dead, _finger, _grid, _faint = map(_flawed, (Flaw.CRACKS, Flaw.DEAD, Flaw.FINGER, Flaw.GRID, Flaw.FAINT))

KINDS: Final[Mapping[str, tuple[Bend, ...]]] = {
    "dim": (_dim,),
    "overexposed": (_overexposed,),
    "sunlit": (_sunlit,),
    "glare, moving": (_moving_glare,),
    "glare, standing": (_still_glare,),
    "glare on a finder": (_finder_glare,),
    "glare, twice": (_two_glares,),
    "glare of a tube": (_tube,),
    "drops": (_drops,),
    "cracked": (_cracked,),
    "dead rows": (_dead,),
    "finger": (_finger,),
    "too near": (_near,),
    "out of focus": (_far,),
    "small": (_small,),
    "shaken": (_shaken,),
    "passing": (_passing,),
    "tilted": (_tilted,),
    "rotated": (_rotated,),
    "cut off": (_cut_off,),
    "moire": (_moire,),
    "coarse display": (_grid,),
    "inverted": (_inverted_far,),
    "faint": (_faint,),
    "banded": (_banded,),
    "renewed": (_renewing,),
    "dim and small": (_dim, _small),
    "tilted in glare": (_tilted, _moving_glare),
    "cracked in glare": (_cracked, _moving_glare),
    "dim and shaken": (_dim, _shaken),
    "blurred in glare": (_far, _still_glare),
    "tilted and banded": (_tilted, _banded),
}
_SHARE: Final = 0.6  # of the strength for each of several troubles at once


def family(seed: int, strengths: int = 2) -> tuple[Presentation, ...]:
    """Every kind `strengths` times, spread over strength 0 to 1. The same seed gives the same to the pixel."""
    specimen = Specimen.from_seed(b"hard presentations %d" % seed)
    number = count()
    return tuple(
        _presentation(kind, (step + 0.5) / strengths, 0.5 / strengths, specimen, (seed, next(number)))
        for kind in KINDS
        for step in range(strengths)
    )


def _presentation(kind: str, middle: float, spread: float, specimen: Specimen, seed: tuple[int, int]) -> Presentation:
    chance = np.random.default_rng(seed)
    strength = float(middle + chance.uniform(-spread, spread))
    trouble, bends = Trouble(strength, chance), KINDS[kind]
    each = trouble if len(bends) == 1 else trouble.weaker(_SHARE)
    draft = reduce(lambda draft, bend: bend(draft, each), bends, _usual(trouble))
    made = MORNING + 60 * seed[1]
    times = (made, made + _RENEWED) if draft.renewal else (made,)
    scope = str(chance.choice(SCOPES))
    texts = tuple(specimen.code("cleared", at, scope=scope, holder=f"hard {seed[1]}") for at in times)
    return Presentation(
        f"{seed[1]:03}-{kind.replace(',', '').replace(' ', '-')}",
        kind,
        strength,
        texts,
        draft,
        int(chance.integers(2**31)),
    )


def _six(pose: Pose) -> Matrix:
    return np.array([pose.x, pose.y, pose.z, pose.pitch, pose.yaw, pose.roll])
