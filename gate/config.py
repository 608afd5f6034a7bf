"""gate.toml -> one frozen tree, or an error that names the dotted path and the mend. Nothing starts on a configuration that is not whole.

Paths are relative to the file's own folder. What is not in the file has the default that stands here.
"""

import re
import tomllib
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from gate.errors import ConfigError

Name = Annotated[str, Meta(pattern="^[A-Za-z0-9][A-Za-z0-9._-]{0,31}\\Z")]
Place = Annotated[str, Meta(pattern="^[^\\x00]+\\Z")]
Url = Annotated[str, Meta(pattern="^(https?://[^\\s?#/][^\\s?#]*)?\\Z")]
Scope = Annotated[str, Meta(min_length=1, max_length=64)]
Pin = Annotated[int, Meta(ge=0, le=27)]
Walk = Annotated[float, Meta(ge=0.5, le=120)]
_LARGEST: Final = 1 << 20
_DIOPTRES: Final = 4.5


class LaneConfig(Struct, frozen=True, forbid_unknown_fields=True):
    """Which lane this is, and whom it admits."""

    control_point: Name
    name: Name
    scopes: Annotated[frozenset[Scope], Meta(min_length=1)]
    environment: Literal["production", "specimen"] = "production"


class TrustConfig(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the cached trust lies, and the control point's private keys (old ones too, while credentials made for them live).

    `url` is the authority's repository, with metadata/ and targets/ below it; empty where trust comes on a stick only.
    """

    folder: Place
    keys: Annotated[tuple[Place, ...], Meta(min_length=1)]
    url: Url = ""


class JournalConfig(Struct, frozen=True, forbid_unknown_fields=True):
    """Where audit records are kept, and after how many days a day's key is destroyed."""

    folder: Place = "journal"
    retention_days: Annotated[int, Meta(ge=1, le=3650)] = 30


class CameraConfig(Struct, frozen=True, forbid_unknown_fields=True):
    """The camera, set for a bright screen behind glass in a dark hall, which defeats both automatics.

    Exposure in microseconds, gain as a factor, lens position in dioptres (1 / metres); for "v4l2" the latter two in the
    driver's own steps. "auto" leaves a setting to the camera: for one whose driver does not take it.
    """

    kind: Literal["picamera2", "v4l2"] = "picamera2"
    device: Place = "/dev/video0"
    # The least that shows a code of 69 modules across 45 mm with 4 pixels a module, where every engine reads it,
    # in a view that a hand finds: 21 cm wide.
    width: Annotated[int, Meta(ge=320, le=4096)] = 1280
    height: Annotated[int, Meta(ge=240, le=3072)] = 720
    fps: Annotated[int, Meta(ge=5, le=120)] = 30
    # 1/240 s: a whole period of the 240 Hz at which many screens are dimmed, so that they show no bands; and short,
    # as no engine reads what is smeared. What is brighter than the hall needs no more light.
    exposure_us: Annotated[int, Meta(ge=50, le=33000)] | Literal["auto"] = 4167
    gain: Annotated[float, Meta(ge=1, le=1024)] | Literal["auto"] = "auto"
    lens_position: Annotated[float, Meta(ge=0, le=1024)] | Literal["auto"] | None = None

    def __post_init__(self) -> None:
        """Settings that contradict each other are refused."""
        longest = 1_000_000 // self.fps
        if self.exposure_us != "auto" and self.exposure_us > longest:
            raise ValueError(f"exposure_us: expected at most {longest}, as fps is {self.fps}, got {self.exposure_us}")

    @property
    def focus(self) -> float | Literal["auto"]:
        """The lens position: where none is named, 22 cm before a Pi's camera; a V4L2 driver's steps say nothing of that."""
        if self.lens_position is None:
            return _DIOPTRES if self.kind == "picamera2" else "auto"
        return self.lens_position


class ScannerConfig(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the scanner service meets the controller service."""

    socket: Place = "/run/gate/symbols.sock"


class PinsConfig(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the pins are: a Pi's header through lgpio, or a simulated lane."""

    factory: Literal["lgpio", "simulated"] = "lgpio"
    chip: Annotated[int, Meta(ge=0, le=15)] = 0


class WiringConfig(Struct, frozen=True, forbid_unknown_fields=True):
    """BCM numbers of the header's pins; `secure = "none"` for a barrier that closes by itself."""

    release: Pin = 17
    secure: Pin | Literal["none"] = 27
    ready: Pin = 22
    seen: Pin = 23
    proceed: Pin = 24
    referred: Pin = 25
    closed_lamp: Pin = 12
    out_of_order: Pin = 16
    sounder: Pin = 18
    entry: Pin = 5
    exit: Pin = 6
    closed: Pin = 13
    fire: Pin = 19
    officer: Pin = 26


class TimesConfig(Struct, frozen=True, forbid_unknown_fields=True):
    """How long each state may last, the release pulse and the sensors' debounce, in seconds."""

    referred: Walk = 2.0
    walk: Walk = 5.0
    passage: Walk = 10.0
    securing: Annotated[float, Meta(ge=0.5, le=30)] = 4.0
    pulse: Annotated[float, Meta(ge=0.1, le=2)] = 0.2
    debounce: Annotated[float, Meta(ge=0.001, le=0.5)] = 0.02


class Config(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole of gate.toml. `base` is the folder that relative paths start from."""

    lane: LaneConfig
    trust: TrustConfig
    journal: JournalConfig = JournalConfig()
    camera: CameraConfig = CameraConfig()
    scanner: ScannerConfig = ScannerConfig()
    pins: PinsConfig = PinsConfig()
    wiring: WiringConfig = WiringConfig()
    times: TimesConfig = TimesConfig()
    base: str = "."

    def path(self, name: str) -> Path:
        """A path of this configuration."""
        return Path(self.base, name)


def load(path: Path) -> Config:
    """The configuration in a file. Raises ConfigError."""
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
    except OSError as error:
        mend = "name a gate.toml, for example one made by `gate specimen new DIR`"
        raise ConfigError(f"{path}: expected a file that can be read, got: {error.strerror}; {mend}") from None
    if len(data) > _LARGEST:
        raise ConfigError(f"{path}: expected at most {_LARGEST} bytes, got more; name a gate.toml")
    return parse(data, path)


def parse(data: bytes, path: Path) -> Config:
    """The configuration in these bytes, as if they stood at `path`. Raises ConfigError."""
    tree = _tree(data, path)
    if "base" in tree:
        raise ConfigError(f"{path}: base: unknown key; remove it")
    try:
        return msgspec.convert(tree | {"base": str(path.parent)}, Config)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{path}: {_dotted(str(error))}") from None


def _tree(data: bytes, path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(data.decode())
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: expected UTF-8 text; save the file as UTF-8") from None
    except (ValueError, RecursionError) as error:  # tomllib's own; a number or a nesting without end
        raise ConfigError(f"{path}: expected TOML, got: {_lower(str(error))}; mend the line") from None


_WHERE = re.compile(r" - at `(?:key in )?\$\.?(?P<path>[^`]*)`$")
_UNKNOWN = re.compile(r"^Object contains unknown field `(?P<key>[^`]*)`")
_MISSING = re.compile(r"^Object missing required field `(?P<key>[^`]*)`")


def _dotted(message: str) -> str:
    """Msgspec's message with the dotted path first and the mend last."""
    where = _WHERE.search(message)
    parent = where["path"] if where else ""
    plain = _WHERE.sub("", message)
    if unknown := _UNKNOWN.match(plain):
        return f"{_join(parent, unknown['key'])}: unknown key; remove it or mend its spelling"
    if missing := _MISSING.match(plain):
        return f"{_join(parent, missing['key'])}: missing; add it"
    return f"{parent}: {_lower(plain)}; mend the value"


def _join(parent: str, key: str) -> str:
    return f"{parent}.{key}" if parent else key


def _lower(message: str) -> str:
    return message[:1].lower() + message[1:]
