"""`gate rehearse` whole: the real command, its scanner process, small recordings that are made here."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from gate.specimen.cases import REHEARSAL_SEED, Specimen
from gate.specimen.symbol import modules
from hardware.recording import CameraSettings, Expectation, Recording, save
from hardware.video import Writer

REPO = Path(__file__).parents[1]
SHIPPED = REPO / "benchmarks" / "recordings"
START = 1_793_600_000
SIZE = (480, 640)
FPS = 30
STAGES = ["captured", "decoded", "received", "verified", "decided", "commanded"]


def picture(text: str | None) -> np.ndarray:
    frame = np.full(SIZE, 90, np.uint8)
    if text is not None:
        code = modules(text, 4)
        frame[40 : 40 + code.shape[0], 120 : 120 + code.shape[1]] = code
    return frame


def record(folder: Path, number: int, case: str, expected: str, *, before: int = 3, after: int = 3) -> Path:
    """One traveller: `before` frames of nothing, the code for `after`."""
    wall = START + 60 * number
    pictures = [picture(None), picture(Specimen.from_seed(REHEARSAL_SEED).code(case, wall))]
    path = folder / f"{number:02d}-{case}"
    path.mkdir(parents=True)
    with Writer(path / "frames.mp4", SIZE[1], SIZE[0], FPS) as video:
        for frame in range(before + after):
            video.write(pictures[frame >= before])
    times = tuple(frame / FPS for frame in range(before + after))
    taken = CameraSettings(kind="specimen", width=SIZE[1], height=SIZE[0], fps=FPS)
    expect = Expectation(outcome="cleared" if expected == "cleared" else "referred", reason=expected)
    save(path, Recording(title=case, wall=wall + 1.0, times=times, camera=taken, expect=expect))
    return path


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four travellers."""
    folder = tmp_path_factory.mktemp("day")
    for number, case in enumerate(("cleared", "stale", "not_ours", "revoked")):
        record(folder, number, case, case)
    return folder


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One traveller who takes long to show a code."""
    return record(tmp_path_factory.mktemp("slow"), 0, "expired", "expired", before=60, after=30)


def rehearse(*arguments: object) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "gate", "rehearse", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=REPO)  # noqa: S603 - our own command


@pytest.fixture
def under_way(slow: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A rehearsal in real time whose first frame is out."""
    began = time.monotonic()
    process = rehearse(slow, "--json")
    until(process, "first frame")
    assert time.monotonic() - began < 4, "2 s on a machine that does nothing else"
    yield process
    process.kill()
    process.communicate(timeout=5)


def until(process: "subprocess.Popen[bytes]", *said: str) -> None:
    """Wait until it begins a line with one of them."""
    assert process.stderr is not None
    for line in iter(process.stderr.readline, b""):
        if line.decode().removeprefix("gate: ").startswith(said):
            return
    raise AssertionError(f"it never said {said!r}")


def children(pid: int) -> set[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return {int(child) for task in tasks for child in task.read_text().split()}


def test_a_day_in_miniature(day: Path) -> None:
    out, err = rehearse(day, "--fast", "--json").communicate(timeout=40)
    *travellers, last = map(json.loads, out.splitlines())
    assert [(one["traveller"], one["expected"], one["outcome"], one["reason"]) for one in travellers] == [
        ("00-cleared", "cleared", "cleared", "cleared"),
        ("01-stale", "referred", "referred", "stale"),
        ("02-not_ours", "referred", "referred", "not_ours"),
        ("03-revoked", "referred", "referred", "revoked"),
    ]
    assert [list(one["receipt_ms"]) for one in travellers] == [[*STAGES, "moved", "entered", "left"], *[STAGES] * 3]
    for one in travellers:
        assert sorted(one["receipt_ms"].values()) == list(one["receipt_ms"].values())
    summary = last["summary"]
    assert (summary["travellers"], summary["as_expected"], summary["budget_ms"]) == (4, 4, 2000)
    assert list(summary["captured_to_commanded_ms"]) == ["p50", "p95", "p99", "max"]
    assert b"Traceback" not in err


def test_travellers_come_in_the_order_of_their_own_time_and_one_who_ends_otherwise_is_1(tmp_path: Path) -> None:
    record(tmp_path, 5, "stale", "revoked").rename(tmp_path / "a-later")
    record(tmp_path, 1, "not_ours", "not_ours").rename(tmp_path / "b-earlier")
    process = rehearse(tmp_path, "--fast")
    out, _ = process.communicate(timeout=20)
    assert process.returncode == 1
    earlier, later, *_ = out.decode().splitlines()
    assert earlier.startswith("✓ b-earlier")
    assert later.startswith("✗ a-later")
    assert "expected referred (revoked)" in later
    assert "1 of 2 as expected" in out.decode()


def keeper(process: "subprocess.Popen[bytes]") -> int:
    (found,) = children(process.pid)
    return found


def worker(process: "subprocess.Popen[bytes]") -> int:
    (found,) = children(keeper(process))
    return found


HANGS = ("no frame for 1 s: ", "a picture kept the decoder for 1 s: ")  # stopped wherever it was
LOST = {
    "worker, killed": (worker, os.kill, signal.SIGKILL, ("the worker was killed by signal 9: ",)),
    "worker, stopped": (worker, os.kill, signal.SIGSTOP, HANGS),
    "keeper, killed": (keeper, os.kill, signal.SIGKILL, ("scanner lost (killed by signal 9)",)),
    "keeper, stopped": (keeper, os.kill, signal.SIGSTOP, ("scanner lost (silent for 1 s)",)),
    "both, stopped": (keeper, os.killpg, signal.SIGSTOP, ("scanner lost (silent for 1 s)",)),
}


@pytest.mark.parametrize(("whom", "send", "number", "said"), LOST.values(), ids=list(LOST))
def test_a_scanner_that_is_lost_is_followed_by_another_and_the_rehearsal_goes_on(
    under_way: "subprocess.Popen[bytes]",
    whom: Callable[["subprocess.Popen[bytes]"], int],
    send: Callable[[int, int], None],
    number: int,
    said: tuple[str, ...],
) -> None:
    lost = whom(under_way)
    began = time.monotonic()
    send(lost, number)
    until(under_way, *said)
    until(under_way, "the scanner is reading")
    assert time.monotonic() - began < 3, "2 s on a machine that does nothing else"
    out, err = under_way.communicate(timeout=20)
    assert json.loads(out.splitlines()[0])["reason"] == "expired"
    assert under_way.returncode == 0
    assert b"alarm" not in err
    assert b"Traceback" not in err


def test_a_picture_that_no_scanner_lives_through_ends_a_fast_rehearsal(tmp_path: Path) -> None:
    process = rehearse(record(tmp_path, 0, "expired", "expired", before=900, after=1), "--fast")
    until(process, "first frame")
    pause = threading.Event()
    ended = threading.Event()

    def kill() -> None:
        while not ended.is_set():
            for one in [child for kept in children(process.pid) for child in children(kept)]:
                with suppress(ProcessLookupError):
                    os.kill(one, signal.SIGKILL)
            pause.wait(0.2)  # long enough to join

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        _, err = process.communicate(timeout=40)
    finally:
        process.kill()
        ended.set()
        killer.join()
    assert process.returncode == 2
    assert err.decode().splitlines()[-1].endswith("expected a scanner to live through it, lost 5")


def test_ctrl_c_ends_a_rehearsal_secured(under_way: "subprocess.Popen[bytes]") -> None:
    began = time.monotonic()
    scanner = {keeper(under_way), worker(under_way)}
    under_way.send_signal(signal.SIGINT)
    until(under_way, "stopping: SIGINT")
    until(under_way, "stopped: the barrier is secured")
    assert under_way.wait(5) == 1
    assert time.monotonic() - began < 3
    assert not any(Path(f"/proc/{child}").exists() for child in scanner)


def test_a_reader_that_has_gone_ends_the_rehearsal(day: Path) -> None:
    process = rehearse(day / "02-not_ours", "--json")
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.wait(20) == 1
    assert b"Traceback" not in process.stderr.read()
    process.stderr.close()


def test_the_shipped_recordings(tmp_path: Path) -> None:
    """Every sixth of them; the benchmarks' budget plays them all, in real time."""
    some = sorted(path.parent for path in SHIPPED.glob("*/recording.toml"))[::6]
    if not some:
        pytest.skip("no recordings are here: python benchmarks/record.py benchmarks/recordings")
    for path in some:
        (tmp_path / path.name).symlink_to(path)
    process = rehearse(tmp_path, "--fast", "--json")
    out, err = process.communicate(timeout=60)
    *travellers, last = map(json.loads, out.splitlines())
    assert [one for one in travellers if not one["as_expected"]] == []
    assert len(travellers) == len(some)
    assert last["summary"]["captured_to_commanded_ms"]["max"] < last["summary"]["budget_ms"]
    assert process.returncode == 0, err
