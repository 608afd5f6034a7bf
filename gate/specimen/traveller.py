"""Who comes to the lane on the day of the rehearsal, what each shows and how, and how each must end.

Values only: the command line reads them in a process that never loads OpenCV. screen.py draws them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, Literal

from gate.credential.reasons import Reason
from gate.specimen.cases import Device, Specimen

MORNING: Final = 1793606400
"""2026-11-02 08:00:00 UTC, when the first traveller comes (Unix seconds)."""

_APART: Final = 60  # seconds from one traveller to the next
_FRAMES_A_SECOND: Final = 30


class App(StrEnum):
    """What the phone's page looks like."""

    BORDER = "border"
    FAMILY = "family"
    WALLET = "wallet"


@dataclass(frozen=True, slots=True)
class Pose:
    """Where the code's centre is, in millimetres before the lens (x right, y down, z away), and how it is turned, in degrees."""

    x: float = 0.0
    y: float = 0.0
    z: float = 215.0
    pitch: float = 0.0
    yaw: float = 0.0
    roll: float = 0.0


@dataclass(frozen=True, slots=True)
class Hand:
    """How a phone is held: poses at times (seconds from the start, increasing) and how much the hand shakes (1 is ordinary)."""

    path: tuple[tuple[float, Pose], ...]
    shake: float = 1.0
    app: App = App.BORDER


@dataclass(frozen=True, slots=True)
class Light:
    """Shares of what just saturates the sensor.

    `screen` is a white page's light, `hall` what a white sheet gives back in the hall, `uneven` how much more of it one side of the picture gets.
    `lamp` is where a ceiling lamp is, in millimetres as in Pose, and `glare` the peak of its reflection in the phone's glass.
    """

    screen: float = 0.62
    hall: float = 0.16
    uneven: float = 0.3
    lamp: tuple[float, float, float] = (-500.0, -1500.0, -300.0)
    glare: float = 0.0


@dataclass(frozen=True, slots=True)
class Lens:
    """A fixed-focus lens: sharp at `focus` mm, `aperture` mm wide, open for `exposure` seconds a frame.

    `moire` is the share of the display's own pixel grid that the lens lets through, to beat with the sensor's.
    """

    focus: float = 218.0
    aperture: float = 1.2
    exposure: float = 0.006
    moire: float = 0.0


@dataclass(frozen=True, slots=True)
class Lamp:
    """A round lamp that the phone's glass mirrors: where it is (mm, as in Pose), the peak of its reflection, its radius in mm."""

    place: tuple[float, float, float]
    glare: float
    radius: float = 55.0


@dataclass(frozen=True, slots=True)
class Spot:
    """Light on the lane's own glass, which stands still in the picture: its centre and radius in pixels, and its peak.

    A spot without a radius is a haze over everything.
    """

    x: float
    y: float
    radius: float
    peak: float


@dataclass(frozen=True, slots=True)
class Flicker:
    """A display that is dimmed by pulses: so many a second, each lasting a `duty` of its turn; `depth` is how much of the light goes out between."""

    hertz: float
    duty: float
    depth: float = 1.0


@dataclass(frozen=True, slots=True)
class Shot:
    """Everything that the camera sees but the codes' texts: one hand for each phone.

    `lamps` are more of them than the light's own, `pane` is what is seen in the lane's own glass.
    """

    hands: tuple[Hand, ...]
    seconds: float = 1.2
    light: Light = Light()
    lens: Lens = Lens()
    lamps: tuple[Lamp, ...] = ()
    pane: tuple[Spot, ...] = ()
    flicker: Flicker | None = None

    @property
    def times(self) -> tuple[float, ...]:
        """Seconds from the start, one a frame."""
        return tuple(round(frame / _FRAMES_A_SECOND, 6) for frame in range(round(self.seconds * _FRAMES_A_SECOND)))


@dataclass(frozen=True, slots=True)
class Code:
    """What a phone shows. `made_at` is Unix seconds; `kept` is how many characters a damaged code still has."""

    case: Reason
    made_at: int = 0
    device: Device = "p256"
    scope: str = "MO-PR"
    holder: str = ""
    kept: int | None = None

    def text(self, specimen: Specimen) -> str:
        """The text of the QR symbol, the same for the same specimen world."""
        return specimen.code(self.case, self.made_at, self.device, self.scope, self.holder)[: self.kept]


@dataclass(frozen=True, slots=True)
class Traveller:
    """One recording: who comes, when (Unix seconds of the first frame), what is shown, and how it must end."""

    name: str
    title: str
    codes: tuple[Code, ...]
    shot: Shot
    reason: Reason
    wall: int = 0

    @property
    def outcome(self) -> Literal["cleared", "referred"]:
        """How the lane must end."""
        return "cleared" if self.walks else "referred"

    @property
    def walks(self) -> bool:
        """Whether the traveller goes through: who is cleared does."""
        return self.reason is Reason.CLEARED

    def texts(self, specimen: Specimen) -> tuple[str, ...]:
        """The texts on the phones, one for each hand."""
        return tuple(code.text(specimen) for code in self.codes)


_BELOW: Final = Pose(x=30, y=185, z=250, pitch=-24, roll=9)
_RIGHT: Final = Pose(x=215, y=50, z=245, yaw=26, roll=-14)
_LEFT: Final = Pose(x=-215, y=60, z=250, yaw=-24, roll=12)


def _held(
    comes: Pose, at: Pose, seconds: float = 1.2, *, shake: float = 1.0, app: App = App.BORDER, goes: Pose | None = None
) -> Hand:
    """Come into view within 0.45 s and hold still, as far as a hand can; perhaps go again in the last 0.35 s."""
    settled = replace(at, x=at.x + 3, y=at.y - 4, z=at.z + 6, roll=at.roll - 1.5)
    stays = ((0.0, comes), (0.45, at))
    ends = ((seconds, settled),) if goes is None else ((seconds - 0.35, settled), (seconds, goes))
    return Hand(stays + ends, shake, app)


def _shown(case: Reason, device: Device = "p256", scope: str = "MO-PR") -> tuple[Code, ...]:
    return (Code(case, device=device, scope=scope),)


_DIM: Final = Light(screen=0.10, hall=0.04)
_GLARE: Final = Light(lamp=(25.0, -130.0, -260.0), glare=0.9)
_SUNNY: Final = Light(hall=0.34, uneven=0.8)
_TURNED: Final = Hand(
    ((0.0, _BELOW), (0.45, Pose(pitch=-8)), (0.6, Pose(pitch=-8)), (1.4, Pose(pitch=1))),
)
_APPROACH: Final = Hand(
    (
        (0.0, Pose(x=20, y=30, z=520, pitch=-8)),
        (0.35, Pose(x=12, y=14, z=470, pitch=-6)),
        (1.6, Pose(z=212)),
        (2.0, Pose(y=-3, z=205)),
    )
)
_TWO: Final = (
    _held(_LEFT, Pose(x=-50, y=6, z=238, yaw=-7, roll=5), 1.3),
    _held(_RIGHT, Pose(x=50, y=-4, z=226, yaw=8, roll=-4), 1.3, app=App.FAMILY),
)

# fmt: off
_COMERS: Final = (
    Traveller("mo-pr-p256", "Macau resident, P-256 phone", _shown(Reason.CLEARED),
              Shot((_held(_BELOW, Pose()),)), Reason.CLEARED),
    Traveller("hk-pr-ed25519", "Hong Kong resident, Ed25519 phone", _shown(Reason.CLEARED, "ed25519", "HK-PR"),
              Shot((_held(_RIGHT, Pose(x=6, z=212, yaw=5)),)), Reason.CLEARED),
    Traveller("replayed", "the same code again, from another hand", _shown(Reason.CLEARED, "ed25519", "HK-PR"),
              Shot((_held(_LEFT, Pose(x=-8, z=218, yaw=-6, roll=3)),)), Reason.REPLAYED),
    Traveller("low-brightness", "a phone with its brightness down", _shown(Reason.CLEARED, "ed25519"),
              Shot((_held(_BELOW, Pose(y=-6, pitch=-5)),), light=_DIM), Reason.CLEARED),
    Traveller("screenshot", "a screenshot five minutes old", _shown(Reason.STALE, "p256", "HK-PR"),
              Shot((_held(_RIGHT, Pose(roll=-4), goes=_RIGHT),)), Reason.STALE),
    Traveller("glare", "a lamp in the phone's glass", _shown(Reason.CLEARED, "p256", "HK-PR"),
              Shot((_TURNED,), light=_GLARE, seconds=1.5), Reason.CLEARED),
    Traveller("expired", "a credential that has expired", _shown(Reason.EXPIRED),
              Shot((_held(_LEFT, Pose(x=-10, z=220)),), light=_SUNNY), Reason.EXPIRED),
    Traveller("revoked", "a revoked credential", _shown(Reason.REVOKED, "ed25519", "HK-PR"),
              Shot((_held(_BELOW, Pose(y=5, z=200, roll=6)),)), Reason.REVOKED),
    Traveller("tilted", "a phone held at a slant", _shown(Reason.CLEARED),
              Shot((_held(_RIGHT, Pose(z=195, pitch=-18, yaw=22, roll=24)),)), Reason.CLEARED),
    Traveller("suspended", "a suspended credential", _shown(Reason.SUSPENDED),
              Shot((_held(_LEFT, Pose(x=-6, y=-8, z=186, yaw=1), goes=_BELOW),), lens=Lens(moire=0.09)), Reason.SUSPENDED),
    Traveller("forged-issuer", "signed by a forger under a known issuer's kid", _shown(Reason.BAD_SIGNATURE),
              Shot((_held(_BELOW, Pose(z=222, yaw=-9)),)), Reason.BAD_SIGNATURE),
    Traveller("unknown-issuer", "signed by nobody we know", _shown(Reason.UNKNOWN_ISSUER, "ed25519"),
              Shot((_held(_RIGHT, Pose(x=10, z=200)),), lens=Lens(exposure=0.010)), Reason.UNKNOWN_ISSUER),
    Traveller("wrong-control-point", "a code for another control point", _shown(Reason.WRONG_PLACE, "p256", "HK-PR"),
              Shot((_held(_BELOW, Pose(roll=-10)),), light=_SUNNY), Reason.WRONG_PLACE),
    Traveller("not-eligible", "a scope that this lane does not admit", _shown(Reason.NOT_ELIGIBLE, "ed25519"),
              Shot((_held(_LEFT, Pose(z=214), shake=3.0),), lens=Lens(exposure=0.012)), Reason.NOT_ELIGIBLE),
    Traveller("corrupted", "a code that was cut short", (Code(Reason.CLEARED, kept=403),),
              Shot((_held(_RIGHT, Pose(y=-5, z=208)),)), Reason.MALFORMED),
    Traveller("payment-app", "a payment app's code", _shown(Reason.NOT_OURS),
              Shot((_held(_BELOW, Pose(z=230), app=App.WALLET),)), Reason.NOT_OURS),
    Traveller("too-far", "held too far, then closer", _shown(Reason.CLEARED, "p256", "HK-PR"),
              Shot((_APPROACH,), seconds=2.0), Reason.CLEARED),
    Traveller("two-phones", "two phones side by side", (Code(Reason.CLEARED), Code(Reason.CLEARED, holder="second")),
              Shot(_TWO, seconds=1.3), Reason.CLEARED),
)
# fmt: on


def _in_order(comers: tuple[Traveller, ...]) -> Iterator[Traveller]:
    """Give each a time and a number; who replays comes 10 s after the code was made, while it is still fresh (FORMAT 3)."""
    for number, comer in enumerate(comers):
        replays = comer.reason is Reason.REPLAYED
        turn = MORNING + _APART * (number - replays)
        codes = tuple(replace(code, made_at=turn - 1) for code in comer.codes)
        wall = turn + 9 if replays else turn
        yield replace(comer, name=f"{number + 1:02}-{comer.name}", codes=codes, wall=wall)


DAY: Final = tuple(_in_order(_COMERS))
"""The travellers of the shipped recordings, in the order in which they come."""
