"""The Raspberry Pi camera: what it asks libcamera for, what it reads back. The real picamera2 is run by .ci/picamera2-tier."""

import importlib.util
from dataclasses import replace
from types import ModuleType, SimpleNamespace
from typing import cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware import DeviceError
from hardware.picamera import Picamera2Camera, controls, y_plane
from hardware.picamera import given as as_given
from hardware.recording import CameraSettings, told

ASKED = CameraSettings(kind="picamera2", width=1280, height=720, fps=30.0)
# libcamera's own, by their names: the module itself is a Pi's
NAMES = cast(
    "ModuleType",
    SimpleNamespace(
        AeFlickerModeEnum=SimpleNamespace(Manual="flicker by hand"),
        AeConstraintModeEnum=SimpleNamespace(Highlight="keep highlights"),
        AfModeEnum=SimpleNamespace(Manual="focus by hand"),
    ),
)


def test_what_is_configured_switches_every_automatic_off() -> None:
    asked = replace(ASKED, exposure_us=4167, gain=2.0, lens_position=4.5)
    assert controls(asked, NAMES) == {
        "FrameDurationLimits": (33333, 33333),
        "ExposureTime": 4167,
        "AnalogueGain": 2.0,
        "AfMode": "focus by hand",
        "LensPosition": 4.5,
    }


def test_an_automatic_that_is_left_on_keeps_highlights() -> None:
    assert controls(replace(ASKED, exposure_us=4167), NAMES) == {
        "FrameDurationLimits": (33333, 33333),
        "ExposureTime": 4167,
        "AeConstraintMode": "keep highlights",
    }


def test_automatic_exposure_does_not_beat_with_lamps_on_50_hz() -> None:
    wanted = controls(ASKED, NAMES)
    assert (wanted["AeFlickerMode"], wanted["AeFlickerPeriod"]) == ("flicker by hand", 10_000)
    assert "ExposureTime" not in wanted
    assert "LensPosition" not in wanted


@given(fps=st.integers(5, 120))
def test_the_frame_rate_is_held(fps: int) -> None:
    shortest, longest = cast("tuple[int, int]", controls(replace(ASKED, fps=float(fps)), NAMES)["FrameDurationLimits"])
    assert shortest == longest
    assert 1e6 / shortest == pytest.approx(fps, rel=1e-4)


def test_what_came_with_a_frame_is_told_beside_what_was_asked() -> None:
    asked = replace(ASKED, exposure_us=4167, gain=2.0, lens_position=4.5)
    metadata = {"ExposureTime": 4158, "AnalogueGain": 1.0, "FrameDuration": 33328, "LensPosition": 4.5, "Lux": 30.0}
    took = told(asked, as_given(asked, metadata))
    assert (took.exposure_us, took.gain, took.lens_position, took.fps) == (4158, 1.0, 4.5, 30.005)
    assert took.asked == {"gain": 2.0}


def test_what_did_not_come_with_a_frame_is_not_known() -> None:
    asked = replace(ASKED, exposure_us=4167, lens_position=4.5)
    took = told(asked, as_given(asked, {"SensorTimestamp": 1}))
    assert (took.exposure_us, took.lens_position, took.fps) == (None, None, 30.0)
    assert took.asked == {"exposure_us": 4167, "lens_position": 4.5}


@given(height=st.integers(1, 20).map(lambda half: 2 * half), width=st.integers(1, 40), padding=st.integers(0, 64))
def test_the_y_plane_is_cut_from_its_padding(height: int, width: int, padding: int) -> None:
    luminance = np.arange(height * width, dtype=np.uint8).reshape(height, width)
    buffer = np.zeros((height * 3 // 2, width + padding), np.uint8)
    buffer[:height, :width] = luminance
    assert np.array_equal(y_plane(buffer, height, width), luminance)
    assert y_plane(buffer, height, width).flags.c_contiguous


@pytest.mark.skipif(importlib.util.find_spec("picamera2") is not None, reason="picamera2 is installed here")
def test_a_missing_picamera2_is_named_with_the_mend() -> None:
    with pytest.raises(DeviceError, match="apt install python3-picamera2, in a venv made with --system-site-packages"):
        Picamera2Camera(0, ASKED)
