"""`gate aim`: what the scanner makes of what is held up, live, for who sets up the camera. Nothing is recorded, nothing moves."""

import json
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import fields
from pathlib import Path
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.live import Live

from gate import config
from gate.cli import say, view
from gate.cli.camera import open_camera
from gate.cli.gauge import GOOD_SHARE, Gauge, Reading, State, as_json
from gate.cli.tone import Silence, Tone, loud
from hardware import DeviceError, recording, video
from hardware.camera import Camera, Frame
from hardware.chain import Chain, Look
from hardware.decoder import Symbol
from hardware.recorded import on_time
from hardware.recording import CameraSettings
from hardware.sighting import Sighting, measure, modules_across, sight

Grey = NDArray[np.uint8]

_REDRAWN_S: Final = 0.2  # a drawing takes as long as a frame or two
_TOLD_S: Final = 1.0
_HELD: Final = "if the lane runs, its scanner holds the camera: systemctl stop gate-scan, and start it again afterwards"


class Aimed(Camera, Protocol):
    """A camera that tells how it looks."""

    def settings(self) -> CameraSettings:
        """Tell how it took the newest frame."""


class Screen(Protocol):
    """Who is told of each frame."""

    def show(self, state: State, grey: Grey) -> None:
        """Show one frame."""

    def close(self) -> None:
        """The last was shown."""


def aim(arguments: Namespace) -> int:
    """Show frame after frame until the camera ends, the time is up or Ctrl-C; 0 if enough of the last were read."""
    gauge = Gauge()
    try:
        _aim(arguments, gauge)
    except DeviceError as error:
        if arguments.recording is None and not gauge.frames:  # which is how a camera fails that another holds
            raise DeviceError(f"{error}; {_HELD}") from error
        raise
    return 0 if gauge.share >= GOOD_SHARE else 1


def _aim(arguments: Namespace, gauge: Gauge) -> None:
    with closing(_camera(arguments)) as camera:
        screen: Screen = Lines() if arguments.json else _view(camera)
        tone = Silence() if arguments.quiet or arguments.json or not sys.stdout.isatty() else loud(_ring)
        with closing(screen), closing(tone), suppress(KeyboardInterrupt):
            watch(camera, arguments.seconds, gauge, screen, tone)
        _sum_up(gauge, camera.settings(), as_json=arguments.json)


def watch(camera: Camera, seconds: float | None, gauge: Gauge, screen: Screen, tone: Tone) -> None:
    """Take in the camera's frames, for some seconds or until it ends. Raises DeviceError."""
    chain = Chain()
    for frame in _for(camera, seconds):
        age = camera.now() - frame.captured_at
        state = gauge.take(_reading(frame, age, chain.look(frame.grey, frame.captured_at)))
        screen.show(state, frame.grey)
        tone.sound(state.score, camera.now())


def _for(camera: Camera, seconds: float | None) -> Iterator[Frame]:
    """Give a camera's frames; for so many seconds from the first on."""
    until = float("inf")
    for number, frame in enumerate(camera.frames()):
        if not number and seconds is not None:
            until = frame.captured_at + seconds
        if frame.captured_at >= until:
            break
        yield frame


def _reading(frame: Frame, age: float, look: Look) -> Reading:
    """What is measured of a frame: the largest code that was read, else the one that was not."""
    code = _of(frame.grey, look.symbols[0]) if look.symbols else look.unread or sight(frame.grey)
    return Reading(frame.captured_at, max(age, 0.0), len(look.symbols), code)


def _of(grey: Grey, symbol: Symbol) -> Sighting | None:
    """Measure a code that was read; None where its engine gives no four corners."""
    if len(set(symbol.corners)) != 4:  # noqa: PLR2004 - a square's
        return None
    return measure(grey, symbol.corners, symbol.modules or modules_across(grey, symbol.corners))


def _camera(arguments: Namespace) -> Aimed:
    if arguments.recording is not None:
        return Played(arguments.recording, paced=not arguments.fast)
    return open_camera(config.load(arguments.config).camera)


class Played:
    """A recording as a camera: at its own pace, leaving out what comes too late; or, not `paced`, every frame at once."""

    def __init__(
        self,
        folder: Path,
        *,
        paced: bool,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._recording = recording.load(folder)
        self._paced = paced
        self._clock = clock
        self._sleep = sleep
        self._at: float | None = None

    def frames(self) -> Iterator[Frame]:
        """Give its frames once."""
        start = self._clock()
        if self._paced:
            frames = on_time(self._recording, start, self._clock, self._wait, lambda: None)
            yield from (Frame(at, grey) for at, grey in frames)
            return
        for offset, grey in zip(self._recording.times, video.read(self._recording), strict=True):
            self._at = start + offset
            yield Frame(self._at, grey)

    def now(self) -> float:
        """Tell the time; where it is not paced, the newest frame's."""
        return self._clock() if self._at is None else self._at

    def settings(self) -> CameraSettings:
        """Tell what took it."""
        return self._recording.camera

    def close(self) -> None:
        """Nothing is held."""

    def _wait(self, until: float) -> None:
        self._sleep(until - self._clock())


def _view(camera: Aimed) -> Screen:
    console = Console(highlight=False)
    return Shown(camera, console) if console.is_terminal else Told()


class Lines:
    """--json: one object a line, for every frame."""

    def __init__(self) -> None:
        self._began: float | None = None

    def show(self, state: State, grey: Grey) -> None:  # noqa: ARG002 - a picture is no line
        """Print it."""
        if self._began is None:
            self._began = state.reading.at
        _print(json.dumps(as_json(state, self._began)))

    def close(self) -> None:
        """Nothing."""


class Told:
    """Without a terminal: one line a second."""

    def __init__(self) -> None:
        self._due = float("-inf")

    def show(self, state: State, grey: Grey) -> None:  # noqa: ARG002 - a picture is no line
        """Print it, if it is time."""
        if state.reading.at >= self._due:
            self._due = state.reading.at + _TOLD_S
            _print(view.line(state))

    def close(self) -> None:
        """Nothing."""


class Shown:
    """On a terminal: the view, drawn anew as often as is any use, with the picture where that fits."""

    def __init__(self, camera: Aimed, console: Console) -> None:
        self._camera = camera
        self._console = console
        # not redirected: the bell goes past it
        self._live = Live(console=console, auto_refresh=False, transient=True, redirect_stdout=False)
        self._live.start()
        self._due = float("-inf")

    def show(self, state: State, grey: Grey) -> None:
        """Draw it, if it is time."""
        if state.reading.at >= self._due:
            self._due = state.reading.at + _REDRAWN_S
            fits = self._console.width >= view.NEEDED[0] and self._console.height >= view.NEEDED[1]
            self._live.update(view.page(state, spoken(self._camera.settings()), grey if fits else None), refresh=True)

    def close(self) -> None:
        """Take it away."""
        self._live.stop()


def spoken(settings: CameraSettings) -> str:
    """A camera's settings in one line; those that it chooses itself are `auto`."""
    known = {field.name: getattr(settings, field.name) for field in fields(settings)}
    asked = known.pop("asked")
    head = "{kind} {width}x{height} at {fps:g} fps".format(**known)
    rest = (
        f"{name} {'auto' if known[name] is None else known[name]}" for name in ("exposure_us", "gain", "lens_position")
    )
    wanted = (f"asked for {name} {value:g}" for name, value in asked.items())
    return ", ".join((head, *rest, *wanted))


def _sum_up(gauge: Gauge, settings: CameraSettings, *, as_json: bool) -> None:
    total = gauge.summary()
    if as_json:
        camera = {field.name: getattr(settings, field.name) for field in fields(settings)}
        _print(json.dumps({"summary": total | {"camera": camera}}))
        return
    if not total["frames"]:
        say("no frame came")
        return
    enough = "enough" if gauge.share >= GOOD_SHARE else f"below {GOOD_SHARE:.0%}: not enough"
    _print(
        f"{total['read']} of {total['frames']} frames read in {total['seconds']} s; "
        f"of the last 2 s {gauge.share:.0%}, {enough}; camera: {spoken(settings)}"
    )


def _print(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _ring() -> None:
    sys.stdout.write("\a")
    sys.stdout.flush()
