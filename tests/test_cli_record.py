"""`gate record`: the frames of a camera, and how it took them, as a recording."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from gate.cli.record import write
from gate.config import CameraConfig
from gate.errors import GateError
from hardware import video
from hardware.camera import Frame
from hardware.recording import CameraSettings, load, told

CONFIGURED = CameraConfig(kind="v4l2", width=320, height=240)
ASKED = CameraSettings(kind="v4l2", width=320, height=240, fps=30.0, exposure_us=4167)


@dataclass
class Still:
    """A camera before a grey card, ten frames a second; it rounds its exposure as it pleases."""

    silent: bool = False
    time: float = 70.0

    def frames(self) -> Iterator[Frame]:
        while not self.silent:
            self.time += 0.1
            yield Frame(self.time, np.full((240, 320), 90, np.uint8))

    def now(self) -> float:
        return self.time

    def settings(self) -> CameraSettings:
        return told(ASKED, replace(ASKED, exposure_us=10_000, fps=10.0))

    def lacks(self) -> tuple[str, ...]:
        return ()

    def close(self) -> None:
        """Nothing is held."""


def test_a_recording_says_how_its_camera_took_it(tmp_path: Path) -> None:
    assert write(Still(), tmp_path, CONFIGURED, seconds=0.95, title="a grey card") == 9
    kept = load(tmp_path)
    assert (kept.camera.exposure_us, kept.camera.fps) == (10_000, 10.0)
    assert kept.camera.asked == {"exposure_us": 4167, "fps": 30.0}
    assert kept.times == pytest.approx([0.1 * number for number in range(9)])
    assert abs(float(next(video.read(kept)).mean()) - 90) < 2


def test_a_camera_without_frames_makes_no_recording(tmp_path: Path) -> None:
    with pytest.raises(GateError, match=r"expected frames, got none from the camera in 1\.0 s"):
        write(Still(silent=True), tmp_path, CONFIGURED, seconds=1.0, title="dark")
    assert not (tmp_path / "recording.toml").exists()
