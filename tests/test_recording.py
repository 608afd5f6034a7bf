"""A recording's own file: what is written is what is read, and whatever is wrong is named."""

import math
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware import DeviceError
from hardware.recording import CameraSettings, Expectation, Recording, find, load, save, told

PLAIN = Recording(
    title="an ordinary phone",
    wall=1793606400.0,
    times=(0.0, 0.033, 0.066),
    camera=CameraSettings(kind="specimen", width=1280, height=720, fps=30.0),
    expect=Expectation(outcome="referred", reason="stale"),
    specimen={"seed": "a", "shot": {"distance_mm": 210.5, "glare": [0.1, 2]}, "walks": True},
)

TEXT = st.text(max_size=30)
NUMBER = st.floats(allow_nan=False, allow_infinity=False)
POSITIVE = st.floats(min_value=1e-3, max_value=1e6)
VALUE = st.recursive(
    TEXT | st.integers() | NUMBER | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
CAMERA = st.builds(
    CameraSettings,
    kind=TEXT,
    width=st.integers(16, 8192),
    height=st.integers(16, 8192),
    fps=POSITIVE,
    exposure_us=st.none() | st.integers(0, 10**6),
    gain=st.none() | POSITIVE,
    lens_position=st.none() | POSITIVE,
    asked=st.dictionaries(st.sampled_from(["fps", "exposure_us", "gain"]), st.integers(0, 10**6) | POSITIVE),
)
EXPECT = st.builds(
    Expectation,
    outcome=st.sampled_from(["cleared", "referred", "unread"]),
    reason=st.none() | st.from_regex(r"\A[a-z_]+\Z"),
)
RECORDING = st.builds(
    Recording,
    title=TEXT,
    wall=NUMBER,
    times=st.sets(st.floats(min_value=0, max_value=1e6), min_size=1, max_size=20).map(
        lambda times: tuple(sorted(times))
    ),
    camera=CAMERA,
    video=st.sampled_from(["frames.mp4", "a.avi"]),
    expect=st.none() | EXPECT,
    specimen=st.dictionaries(TEXT, VALUE, max_size=4),
)


def written(directory: Path, change: str = "", to: str = "") -> Path:
    """Write PLAIN, with one piece of its text changed."""
    save(directory, PLAIN)
    file = directory / "recording.toml"
    text = file.read_text()
    assert change in text
    file.write_text(text.replace(change, to, 1))
    return directory


@given(recording=RECORDING)
def test_what_is_saved_is_what_is_loaded(tmp_path_factory: pytest.TempPathFactory, recording: Recording) -> None:
    directory = tmp_path_factory.getbasetemp() / "again"
    save(directory, recording)
    assert load(directory) == recording


@given(value=st.dictionaries(TEXT, VALUE, max_size=5))
def test_the_file_is_toml_that_anyone_reads(tmp_path_factory: pytest.TempPathFactory, value: dict[str, object]) -> None:
    directory = tmp_path_factory.getbasetemp() / "toml"
    save(directory, replace(PLAIN, specimen=value))
    assert tomllib.loads((directory / "recording.toml").read_text(encoding="utf-8")).get("specimen", {}) == value


def test_a_loaded_recording_knows_its_name_and_its_video(tmp_path: Path) -> None:
    recording = load(written(tmp_path / "01-ordinary"))
    assert (recording.name, recording.video_path) == ("01-ordinary", tmp_path / "01-ordinary" / "frames.mp4")


@pytest.mark.parametrize(
    ("change", "to", "complaint"),
    [
        ("format = 1\n", "", "format: expected 1"),
        ("format = 1", "format = 2", "format: expected 1"),
        ('title = "an ordinary phone"\n', "", "missing required field `title`"),
        ("wall = 1793606400.0", 'wall = "noon"', "wall: expected `float`, got `str`"),
        ("wall = 1793606400.0", "wall = nan", "finite wall"),
        ("[0.0, 0.033, 0.066]", "[]", "times: expected finite"),
        ("[0.0, 0.033, 0.066]", "[0.0, inf]", "times: expected finite"),
        ("[0.0, 0.033, 0.066]", "[0.0, nan, 0.1]", "times: expected finite"),
        ("[0.0, 0.033, 0.066]", "[-0.1, 0.0]", "times: expected finite"),
        ("[0.0, 0.033, 0.066]", "[0.0, 0.05, 0.05]", "times: expected increasing seconds, frame 3 is 0.05 after 0.05"),
        ("[0.0, 0.033, 0.066]", '[0.0, "x"]', "times[1]: expected `float`, got `str`"),
        ("[0.0, 0.033, 0.066]", "0.0", "times: expected `array`, got `float`"),
        ('video = "frames.mp4"', 'video = "../secret.mp4"', "video: expected `str` matching"),
        ("width = 1280", "width = 0", "camera.width: expected `int` >= 16"),
        ("width = 1280", "width = true", "camera.width: expected `int`, got `bool`"),
        ("fps = 30.0", "fps = 0.0", "camera.fps: expected `float` > 0.0"),
        ('kind = "specimen"', 'knid = "specimen"', "camera.knid: unknown key, expected one of"),
        ("fps = 30.0", "fps = 30.0\nasked = 4167", "camera.asked: expected `object`, got `int`"),
        ("fps = 30.0", 'fps = 30.0\nasked = { gain = "auto" }', "expected `int | float`, got `str`"),
        ('outcome = "referred"', 'outcome = "maybe"', "expect.outcome: invalid enum value 'maybe'"),
        ('reason = "stale"', 'reason = "too old"', "expect.reason: expected `str` matching"),
        ('title = "an', 'tilte = "an', "tilte: unknown key, expected one of"),
        ('title = "an', 'directory = "/"\ntitle = "an', "directory: unknown key"),
        ("[camera]", "[camera", "not TOML"),
        ("[camera]", "camera = 1\n[other]", "other: unknown key"),
        ("wall =", "wall = " + "[" * 20_000 + "\nwall =", "not TOML"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, change: str, to: str, complaint: str) -> None:
    written(tmp_path, change, to)
    with pytest.raises(DeviceError, match=r"recording\.toml: ") as caught:
        load(tmp_path)
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


@given(junk=st.binary(max_size=200))
def test_junk_for_a_file_is_a_device_error(tmp_path_factory: pytest.TempPathFactory, junk: bytes) -> None:
    directory = tmp_path_factory.getbasetemp()
    (directory / "recording.toml").write_bytes(junk)
    with pytest.raises(DeviceError):
        load(directory)


def test_a_missing_recording_is_a_device_error(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="no such file"):
        load(tmp_path / "nowhere")


def test_a_folder_for_a_file_is_a_device_error(tmp_path: Path) -> None:
    (tmp_path / "recording.toml").mkdir()
    with pytest.raises(DeviceError, match="is a directory"):
        load(tmp_path)


def test_find_gives_one_recording_or_a_folder_of_them_by_name(tmp_path: Path) -> None:
    for name in ("02-b", "01-a", "10-c"):
        written(tmp_path / name)
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "README.md").touch()
    assert [recording.name for recording in find(tmp_path)] == ["01-a", "02-b", "10-c"]
    assert [recording.name for recording in find(tmp_path / "02-b")] == ["02-b"]


def test_find_leaves_no_folder_out_in_silence(tmp_path: Path) -> None:
    written(tmp_path / "01-a")
    (tmp_path / "02-b").mkdir()
    with pytest.raises(DeviceError, match=r"02-b/recording\.toml: no such file"):
        find(tmp_path)


@pytest.mark.parametrize(
    ("name", "complaint"), [("", "gate record"), ("nowhere", "no such file"), ("file", "not a directory")]
)
def test_find_says_how_to_make_one(tmp_path: Path, name: str, complaint: str) -> None:
    if name == "file":
        (tmp_path / name).touch()
    with pytest.raises(DeviceError, match=complaint):
        find(tmp_path / name)


def test_a_place_that_cannot_be_written_is_a_device_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DeviceError, match="could not be written"):
        save(tmp_path / "file", PLAIN)


def test_a_value_that_toml_has_no_word_for_is_a_device_error(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="not NoneType"):
        save(tmp_path, replace(PLAIN, specimen={"seed": None}))


def test_not_a_number_never_increases(tmp_path: Path) -> None:
    save(tmp_path, replace(PLAIN, times=(0.0, math.nan)))
    with pytest.raises(DeviceError, match="times"):
        load(tmp_path)


def test_reading_what_is_to_be_played_loads_no_opencv() -> None:
    program = "import sys, hardware.recording; sys.exit(any(name in sys.modules for name in ('cv2', 'numpy')))"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0  # noqa: S603 -- our own interpreter and text


SETTING = st.none() | st.floats(1, 1e6)


@given(wanted=SETTING, got=SETTING)
def test_what_a_camera_gave_otherwise_is_told_beside_what_was_asked(wanted: float | None, got: float | None) -> None:
    asked, given_ = (replace(PLAIN.camera, gain=gain) for gain in (wanted, got))
    took = told(asked, given_)
    assert took.gain == got
    near = wanted is None or (got is not None and abs(got - wanted) <= 0.03 * max(got, wanted))
    assert took.asked == ({} if near else {"gain": wanted})


def test_a_recording_of_a_camera_that_gave_what_was_asked_says_no_more_than_before(tmp_path: Path) -> None:
    save(tmp_path, replace(PLAIN, camera=told(PLAIN.camera, PLAIN.camera)))
    assert "asked" not in (tmp_path / "recording.toml").read_text()
