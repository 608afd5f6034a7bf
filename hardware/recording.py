"""A recording: frames of one showing, with their times. Needs no OpenCV: a small process can read it.

A recording is a directory that holds one video and recording.toml:

    format = 1
    title = "a resident with an ordinary phone"
    video = "frames.mp4"
    wall = 1793606400.0          # Unix seconds at time 0
    times = [0.0, 0.0333]        # seconds since then, one for each frame of the video, strictly increasing

    [camera]                     # what took it: kind, width, height, fps; exposure_us, gain, lens_position where known
                                 # and `asked`: what of these the camera was asked for and gave otherwise
    [expect]                     # optional: outcome = "cleared" | "referred" | "unread"; reason where there is one
    [specimen]                   # optional: how it was made, in its maker's own words
"""

import json
import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from hardware import DeviceError

FORMAT = 1
FILE = "recording.toml"
_STEP = 0.03  # a driver rounds what it is asked to steps of its own

Outcome = Literal["cleared", "referred", "unread"]
Word = Annotated[str, msgspec.Meta(pattern="^[a-z_]+$")]
FileName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
Side = Annotated[int, msgspec.Meta(ge=16, le=8192)]
Positive = Annotated[float, msgspec.Meta(gt=0)]


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraSettings:
    """What took the frames. `kind` is "specimen" for drawn ones; `fps` is nominal, the times are the truth.

    Exposure in microseconds, gain as a factor, lens position in dioptres; for "v4l2" the latter two in the driver's own
    steps. As the camera gave them; where it was asked for something else, that stands in `asked` by its name.
    """

    kind: str
    width: Side
    height: Side
    fps: Positive
    exposure_us: int | None = None
    gain: float | None = None
    lens_position: float | None = None
    asked: Mapping[str, int | float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """How a traveller with this recording must end: `unread` is one whose code the lane never sees."""

    outcome: Outcome
    reason: Word | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One recording, checked. `wall` is Unix seconds at time 0, `times` are seconds since then."""

    title: str
    wall: float
    times: tuple[float, ...]
    camera: CameraSettings
    video: FileName = "frames.mp4"
    expect: Expectation | None = None
    specimen: Mapping[str, Any] = field(default_factory=dict)
    directory: Path = field(default=Path(), compare=False)  # where it lies says nothing of what it is

    @property
    def name(self) -> str:
        """The directory's own name, which is the recording's."""
        return self.directory.name

    @property
    def video_path(self) -> Path:
        """The video file."""
        return self.directory / self.video


def told(asked: CameraSettings, given: CameraSettings) -> CameraSettings:
    """Tell what a camera gave, and beside it what it was asked for where that is something else."""
    names = ("fps", "exposure_us", "gain", "lens_position")
    pairs = {name: (getattr(asked, name), getattr(given, name)) for name in names}
    return replace(given, asked={name: wanted for name, (wanted, got) in pairs.items() if _is_else(wanted, got)})


def load(directory: Path) -> Recording:
    """Read and check one recording; its video is only read when it is played.

    Raises DeviceError, which names the file, the key and the mend.
    """
    file = directory / FILE
    table = _read(file)
    if table.pop("format", None) != FORMAT:
        raise DeviceError(f"{file}: format: expected {FORMAT}; this gate reads no other, record it again")
    _refuse_unknown(file, table)
    try:
        recording = msgspec.convert({**table, "directory": directory}, Recording)
    except msgspec.ValidationError as error:
        raise DeviceError(f"{file}: {_plain(error)}") from None
    _refuse_wrong_times(file, recording)
    return recording


def find(path: Path) -> tuple[Recording, ...]:
    """Find the recordings at `path`: that one, or one in each of its folders, by name.

    Raises DeviceError where there is none, and for a folder that holds none: it would silently be left out.
    """
    if (path / FILE).exists():
        return (load(path),)
    try:
        folders = sorted(entry for entry in path.iterdir() if entry.is_dir() and entry.name[0] not in "._")
    except OSError as error:
        raise DeviceError(f"{path}: expected a recording or a folder of recordings: {_cause(error)}") from None
    if not folders:
        raise DeviceError(f"{path}: no {FILE} and no folder that could hold one; make one with `gate record`")
    return tuple(load(folder) for folder in folders)


def save(directory: Path, recording: Recording) -> None:
    """Write recording.toml; the video is its writer's. Raises DeviceError where it cannot be written."""
    head = {"format": FORMAT, "title": recording.title, "video": recording.video, "wall": recording.wall}
    tables = {"camera": _filled(recording.camera), "expect": _filled(recording.expect), "specimen": recording.specimen}
    lines = [*_lines({**head, "times": recording.times})]
    for name, table in tables.items():
        if table:
            lines += ["", f"[{name}]", *_lines(table)]
    try:
        directory.mkdir(parents=True, exist_ok=True)
        (directory / FILE).write_bytes("\n".join([*lines, ""]).encode())
    except OSError as error:
        raise DeviceError(f"{directory / FILE}: could not be written: {_cause(error)}") from None


def _is_else(wanted: float | None, got: float | None) -> bool:
    if wanted is None:
        return False
    return got is None or not math.isclose(wanted, got, rel_tol=_STEP, abs_tol=1e-6)


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_bytes().decode())
    except OSError as error:
        raise DeviceError(f"{file}: {_cause(error)}; a recording is a directory with {FILE} and a video") from None
    except (ValueError, RecursionError) as error:
        raise DeviceError(f"{file}: not TOML: {error}") from None


def _refuse_unknown(file: Path, table: dict[str, Any]) -> None:
    """Refuse a key that is not ours: it is one of ours misspelt, and msgspec would let it pass."""
    known: dict[str, type] = {"": Recording, "camera": CameraSettings, "expect": Expectation}
    for name, kind in known.items():
        part = table if not name else table.get(name)
        expected = {one.name for one in fields(kind)} - {"directory"}
        for key in part if isinstance(part, dict) else ():
            if key not in expected:
                dotted = f"{name}.{key}" if name else key
                raise DeviceError(f"{file}: {dotted}: unknown key, expected one of {', '.join(sorted(expected))}")


def _refuse_wrong_times(file: Path, recording: Recording) -> None:
    times = recording.times
    if not times or not all(map(math.isfinite, (*times, recording.wall))) or times[0] < 0:
        raise DeviceError(f"{file}: times: expected finite seconds from 0 on, one for each frame, and a finite wall")
    for frame, (before, after) in enumerate(pairwise(times), start=2):
        if after <= before:
            raise DeviceError(f"{file}: times: expected increasing seconds, frame {frame} is {after} after {before}")


def _plain(error: msgspec.ValidationError) -> str:
    """Turn msgspec's "Expected `float`, got `str` - at `$.wall`" into "wall: expected `float`, got `str`"."""
    what, _, where = str(error).partition(" - at `$")
    key = re.sub(r"\[\.\.\.\]", "", where.strip("`.")) or FILE
    return f"{key}: {what[0].lower()}{what[1:]}"


def _cause(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


def _filled(values: CameraSettings | Expectation | None) -> dict[str, Any]:
    """Give what is known: TOML has no null."""
    if values is None:
        return {}
    pairs = {one.name: getattr(values, one.name) for one in fields(values)}
    return {key: value for key, value in pairs.items() if value not in (None, {})}


def _lines(table: Mapping[str, Any]) -> list[str]:
    return [f"{_key(key)} = {_toml(value)}" for key, value in table.items()]


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else _toml(key)


def _toml(value: object) -> str:
    match value:
        case bool() | str():
            # JSON's words and escapes are TOML's too, but for DEL, which TOML wants escaped
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case int() | float():
            return repr(value)
        case list() | tuple():
            return f"[{', '.join(map(_toml, value))}]"
        case Mapping():
            return f"{{ {', '.join(_lines(value))} }}" if value else "{}"
    raise DeviceError(f"a recording keeps texts, numbers, truths, lists and tables, not {type(value).__name__}")
