"""`gate aim` whole: the real command on recordings made here, on a pipe, on a terminal, and where there is no camera."""

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from gate.cli import main
from gate.cli.aim import Played, spoken
from gate.cli.view import COLUMNS
from gate.specimen.symbol import modules
from hardware.recording import CameraSettings, Recording, save
from hardware.video import Writer

REPO = Path(__file__).parents[1]
SHIPPED = REPO / "benchmarks" / "recordings"
SIZE = (480, 640)
TEXT = "EC1:" + "8UADZCKFEOEDJOD2KC54EM" * 12
ACROSS = modules(TEXT).shape[0] - 8

Capture = pytest.CaptureFixture[str]


def picture(px: float) -> np.ndarray:
    frame = np.full(SIZE, 90, np.uint8)
    if px:
        code = cv2.resize(modules(TEXT, 8), None, fx=px / 8, fy=px / 8, interpolation=cv2.INTER_AREA)
        frame[40 : 40 + code.shape[0], 60 : 60 + code.shape[1]] = code
    return frame


def record(folder: Path, *parts: tuple[float, int], fps: int = 30) -> Path:
    """Some frames each of a code of so many pixels a module, none for 0."""
    folder.mkdir()
    pixels = [px for px, frames in parts for _ in range(frames)]
    with Writer(folder / "frames.mp4", SIZE[1], SIZE[0], fps) as video:
        for px in pixels:
            video.write(picture(px))
    times = tuple(frame / fps for frame in range(len(pixels)))
    taken = CameraSettings(kind="specimen", width=SIZE[1], height=SIZE[0], fps=fps, exposure_us=4000)
    save(folder, Recording(title="to aim at", wall=0.0, times=times, camera=taken))
    return folder


def aimed(capsys: Capture, folder: Path, *more: str) -> tuple[int, list[dict[str, Any]], dict[str, Any]]:
    code = main(["aim", "--recording", str(folder), "--fast", "--json", *more])
    *frames, last = map(json.loads, capsys.readouterr().out.splitlines())
    return code, frames, last["summary"]


def test_each_frame_is_told_and_then_all(tmp_path: Path, capsys: Capture) -> None:
    code, frames, total = aimed(capsys, record(tmp_path / "r", (0, 6), (4, 24)))
    assert code == 0
    assert [frame["at"] for frame in frames] == pytest.approx([number / 30 for number in range(30)], abs=1e-3)
    assert [frame["symbols"] for frame in frames] == [0] * 6 + [1] * 24
    assert {frame["module_px"] for frame in frames[:6]} == {None}
    assert frames[-1]["module_px"] == pytest.approx(4, rel=0.05)
    assert frames[-1]["share_read"] == pytest.approx(0.8)
    assert (total["frames"], total["read"], total["causes"]) == (30, 24, {"none": 6, "read": 24})
    assert total["camera"]["exposure_us"] == 4000


def test_too_few_read_is_no(tmp_path: Path, capsys: Capture) -> None:
    code, _, total = aimed(capsys, record(tmp_path / "r", (0, 8), (4, 12)))
    assert (code, total["share_read"]) == (1, 0.6)


def test_a_tiny_code_is_told_to_come_closer(tmp_path: Path, capsys: Capture) -> None:
    code, frames, _ = aimed(capsys, record(tmp_path / "r", (0.8, 5)))
    assert code == 1
    assert {(frame["cause"], frame["advice"]) for frame in frames} == {("too_small", "move it closer")}


def test_it_ends_when_the_time_is_up(tmp_path: Path, capsys: Capture) -> None:
    _, frames, _ = aimed(capsys, record(tmp_path / "r", (4, 30)), "--seconds", "0.5")
    assert len(frames) == 15


@pytest.mark.skipif(not SHIPPED.is_dir(), reason="the rehearsal's recordings are not here")
def test_a_phone_that_comes_closer_is_heard_to(capsys: Capture) -> None:
    _, frames, _ = aimed(capsys, SHIPPED / "17-too-far")
    sizes, scores = ([frame[name] or 0 for frame in frames] for name in ("module_px", "score"))
    assert frames[0]["cause"] == "too_small"
    for figures in (sizes, scores):
        thirds = [np.mean(third) for third in np.array_split(np.array(figures, float), 3)]
        assert thirds == sorted(thirds)
        assert thirds[2] > 1.5 * thirds[0]


def test_without_a_terminal_it_is_a_line_a_second(tmp_path: Path, capsys: Capture) -> None:
    assert main(["aim", "--recording", str(record(tmp_path / "r", (4, 61))), "--fast"]) == 0
    *lines, total = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert all(re.match(r"pixels per module 4\.\d, sharpness ", line) for line in lines)
    assert total == (
        "61 of 61 frames read in 2.0 s; of the last 2 s 100%, enough; "
        "camera: specimen 640x480 at 30 fps, exposure_us 4000, gain auto, lens_position auto"
    )


MISUSES = {
    "no configuration": ("--config {tmp}/none.toml", "none.toml: expected a file that can be read"),
    "no recording": ("--recording {tmp}/none", "a recording is a directory with recording.toml and a video"),
}


@pytest.mark.parametrize(("line", "said"), MISUSES.values(), ids=list(MISUSES))
def test_misuse_is_one_clear_line(tmp_path: Path, capsys: Capture, line: str, said: str) -> None:
    assert main(["aim", *line.format(tmp=tmp_path).split()]) == 2
    told = capsys.readouterr().err
    assert said in told
    assert told.count("\n") == 1


def test_a_recording_that_is_cut_short_is_not_blamed_on_a_camera(tmp_path: Path, capsys: Capture) -> None:
    folder = record(tmp_path / "r", (4, 5))
    (folder / "frames.mp4").write_bytes(b"")
    assert main(["aim", "--recording", str(folder)]) == 2
    told = capsys.readouterr().err
    assert "record it again" in told
    assert "gate-scan" not in told


@pytest.mark.skipif(Path("/dev/video0").exists(), reason="there is a camera here")
def test_a_camera_that_cannot_be_had_says_who_may_hold_it(tmp_path: Path, capsys: Capture) -> None:
    assert main(["specimen", "new", str(tmp_path / "lane")]) == 0
    toml = tmp_path / "lane" / "gate.toml"
    if "[camera]" not in toml.read_text():
        toml.write_text(toml.read_text() + '[camera]\nkind = "v4l2"\n')
    capsys.readouterr()
    assert main(["aim", "--config", str(toml)]) == 2
    told = capsys.readouterr().err
    assert "systemctl stop gate-scan" in told
    assert told.count("\n") == 1


def test_a_recording_keeps_its_pace_and_leaves_out_what_is_late(tmp_path: Path) -> None:
    now, slept = [100.0], []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    camera = Played(record(tmp_path / "r", (0, 12)), paced=True, clock=lambda: now[0], sleep=sleep)
    came: list[float] = []
    for frame in camera.frames():
        came.append(round((frame.captured_at - 100) * 30))
        assert 0 <= camera.now() - frame.captured_at < 1 / 30
        if len(came) == 3:
            now[0] += 0.110  # a consumer that took its time
    assert came == [0, 1, 2, 5, 6, 7, 8, 9, 10, 11]
    assert sum(slept) == pytest.approx(11 / 30 - 0.110, abs=0.01)


def test_settings_are_spoken_with_what_was_asked_otherwise() -> None:
    taken = CameraSettings(kind="v4l2", width=640, height=480, fps=30.0, gain=2.5, asked={"exposure_us": 4000})
    assert spoken(taken) == (
        "v4l2 640x480 at 30 fps, exposure_us auto, gain 2.5, lens_position auto, asked for exposure_us 4000"
    )


# In processes of their own.


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    """Our end and the command's of a terminal of 100 columns and 40 rows."""
    try:
        ours, its = pty.openpty()
    except OSError as error:  # a bare chroot has none
        if "CI" in os.environ:
            raise
        pytest.skip(f"no terminal can be opened here: {error}")
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
    yield ours, its
    os.close(ours)


def _written(ours: int) -> str:
    data = b""
    while True:
        try:
            more = os.read(ours, 1 << 16)
        except OSError:  # the other end was closed
            break
        data += more
    return data.decode()


def _start(*arguments: str, out: int = subprocess.PIPE) -> "subprocess.Popen[bytes]":
    environ = {**os.environ, "TERM": "xterm-256color", "PATH": str(Path(sys.executable).parent)}  # and so no player
    for size in ("COLUMNS", "LINES"):  # xdist sets them for its workers
        environ.pop(size, None)
    command = [sys.executable, "-m", "gate", "aim", *arguments]
    return subprocess.Popen(command, stdout=out, stderr=subprocess.PIPE, cwd=REPO, env=environ)  # noqa: S603 - our own command


def test_on_a_terminal_it_is_seen_and_heard(tmp_path: Path, terminal: tuple[int, int]) -> None:
    ours, its = terminal
    process = _start("--recording", str(record(tmp_path / "r", (4, 30))), "--fast", out=its)
    os.close(its)
    written = _written(ours)
    assert process.wait(10) == 0
    process.communicate()
    assert "▀" * COLUMNS in re.sub(r"\x1b\[[0-9;]*m", "", written)
    assert "pixels per module" in written
    assert "\a" in written
    assert "of the last 2 s 100%, enough" in written.splitlines()[-1]


def test_a_quiet_one_rings_no_bell(tmp_path: Path, terminal: tuple[int, int]) -> None:
    ours, its = terminal
    process = _start("--recording", str(record(tmp_path / "r", (4, 12))), "--fast", "--quiet", out=its)
    os.close(its)
    assert "\a" not in _written(ours)
    assert process.wait(10) == 0
    process.communicate()


def test_an_interrupt_ends_it_in_order(tmp_path: Path) -> None:
    with _start("--recording", str(record(tmp_path / "r", (4, 240))), "--json") as process:
        assert process.stdout is not None
        for _ in range(5):
            assert b'"module_px"' in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=10)
        assert (process.returncode, err) == (0, b"")
        total = json.loads(out.splitlines()[-1])["summary"]
        assert 5 <= total["read"] == total["frames"] < 240
