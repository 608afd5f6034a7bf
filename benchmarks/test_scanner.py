"""The scanner's processes: their memory over an hour of frames, what they take of a core while nobody is there, the age of a frame when looked at."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

import pytest
from figures import Figures, percentile
from presentations import Shown
from reading import Grey
from scanning import COMES, FPS, HALLS, HOUR, STAYS

from gate.specimen.screen import Scene
from gate.specimen.traveller import Shot
from hardware import recording, video
from hardware.chain import Look
from hardware.recorded import RecordedCamera
from hardware.scanner import LONGEST, STAMPS, scan

_MOST_MB, _GROWTH_MB = 130, 2
_CORE = 0.2
_QUIET_S, _IDLE_S = 3.0, 10.0
_LONGEST_S = 600
_OF_THE_DAY, _HARD = 2, 6
_INTERVAL_MS = 1000 / FPS
_LEEWAY_MS = 5.0
"""What the machine may add: a process that shares its cores is woken late, and a video's frame takes 3 ms to unpack."""
_LOOKS = {"half": 0.5, "1.3 times": 1.3, "2.5 times": 2.5}
_PLAYED = 3
_PER_S = os.sysconf("SC_CLK_TCK")
_HERE = Path(__file__).parent


@dataclass(slots=True)
class Running:
    """The scanner's processes, and what is heard of them: lines of their memory, symbols, and words for an operator."""

    process: "subprocess.Popen[str]"
    memory: list[Mapping[str, int]] = field(default_factory=list)
    symbols: list[bytes] = field(default_factory=list)
    talk: list[str] = field(default_factory=list)

    @property
    def pids(self) -> list[int]:
        """The keeper and its worker."""
        keeper = self.process.pid
        return [keeper, *map(int, Path(f"/proc/{keeper}/task/{keeper}/children").read_text().split())]

    def processor_s(self) -> float:
        """The processor's time that both have taken so far."""
        rows = (Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in self.pids)
        return sum(int(row[11]) + int(row[12]) for row in rows) / _PER_S


@pytest.fixture(scope="module")
def hall() -> list[Grey]:
    """Nobody is there."""
    scene = Scene.of((), Shot(()), 1)
    return [replace(scene, seed=seed).frame(0) for seed in range(HALLS)]


@pytest.fixture(scope="module")
def file(
    hall: Sequence[Grey], shown: Sequence[Shown], recordings: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The hall, travellers of the shipped day, and hard presentations of all strengths."""
    path = tmp_path_factory.mktemp("frames") / "frames"
    with path.open("wb") as out:
        for frames in (hall, *_of_the_day(recordings), *(one.frames for one in shown[:: len(shown) // _HARD][:_HARD])):
            for grey in frames:
                out.write(grey.tobytes())
    return path


def test_an_hour_of_frames(file: Path, figures: Figures) -> None:
    with _running(file, _OF_THE_DAY + _HARD, paced=False) as scanner:
        began = time.monotonic()
        assert scanner.process.wait(_LONGEST_S) == 0
        took = time.monotonic() - began
    assert scanner.talk == ["the scanner is reading"]  # and was never lost
    assert [row["frames"] for row in (scanner.memory[0], scanner.memory[-1])] == [0, HOUR]
    travellers = f"a hall in which every two minutes one of {_OF_THE_DAY + _HARD} travellers stays for {STAYS} frames"
    note = f"peak over {HOUR} frames, {travellers}; in {took:.0f} s"
    peak = figures.add("scanner, an hour of frames", scanner.memory[-1]["peak"] / 1e6, "MB", _MOST_MB, note)
    third = len(scanner.memory) // 3
    middle, last = (
        max(row["resident"] for row in rows) for rows in (scanner.memory[third:-third], scanner.memory[-third:])
    )
    growth = figures.add(
        "scanner, growth", (last - middle) / 1e6, "MB", _GROWTH_MB, "most of the last third over most of the middle one"
    )
    figures.add(
        "scanner, symbols sent in an hour", len(scanner.symbols), "", None, f"of {HOUR // COMES - 1} travellers"
    )
    assert scanner.symbols
    assert peak < _MOST_MB
    assert growth < _GROWTH_MB


def test_an_idle_core(file: Path, figures: Figures) -> None:
    with _running(file, 0, paced=True) as scanner:
        time.sleep(_QUIET_S)
        before, began = scanner.processor_s(), time.monotonic()
        time.sleep(_IDLE_S)
        share = (scanner.processor_s() - before) / (time.monotonic() - began)
    note = f"keeper and worker, {_IDLE_S:.0f} s of empty hall at {FPS} fps, the camera's own work not counted"
    assert figures.add("scanner, idle", share, "cores", _CORE, note) < _CORE


@pytest.mark.parametrize("name", _LOOKS)
def test_age_of_a_frame(recordings: Path, figures: Figures, name: str) -> None:
    runs = [_ages(one.directory, _LOOKS[name]) for one in recording.find(recordings)[:_PLAYED]]
    ages = [age for run in runs for age in run]
    note = f"of {len(ages)} frames in real time; a look takes {name} a frame's interval"
    figures.add(f"frame's age when looked at, {name}, median", percentile(ages, 0.5), "ms", None, note)
    figures.add(f"frame's age when looked at, {name}, max", max(ages), "ms", None, note)
    calmest = f"the calmest of {len(runs)} recordings; {_LEEWAY_MS:.0f} ms are for a process that is woken late"
    most = min(map(max, runs))
    figures.add(f"frame's age when looked at, {name}, calmest max", most, "ms", _INTERVAL_MS + _LEEWAY_MS, calmest)
    assert most <= _INTERVAL_MS + _LEEWAY_MS


def _of_the_day(recordings: Path) -> Iterator[Sequence[Grey]]:
    for one in recording.find(recordings)[:_OF_THE_DAY]:
        yield list(islice(video.read(one), STAYS))


@contextmanager
def _running(file: Path, comers: int, *, paced: bool) -> Iterator[Running]:
    """Both processes, from their first frame on; none is left afterwards."""
    path = file.with_name("symbols")
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as lane:
        lane.bind(str(path))
        lane.listen()
        command = [sys.executable, str(_HERE / "scanning.py"), str(path), str(file), str(comers), str(int(paced))]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own command
            found = Running(process)
            began = threading.Event()
            listeners = [threading.Thread(target=listen, args=(found, began)) for listen in (_hear, _listen)]
            listeners.append(threading.Thread(target=_take, args=(found, lane)))
            for listener in listeners:
                listener.start()
            try:
                assert began.wait(_LONGEST_S)
                yield found
            finally:
                process.terminate()
                for listener in listeners:
                    listener.join()


def _hear(found: Running, began: threading.Event) -> None:
    for line in found.process.stdout or ():
        found.memory.append(json.loads(line))
        began.set()


def _listen(found: Running, began: threading.Event) -> None:
    found.talk.extend(line.strip() for line in found.process.stderr or ())
    began.set()  # it has ended


def _take(found: Running, lane: socket.socket) -> None:
    """Take every symbol, as a controller does."""
    with suppress(OSError), lane.accept()[0] as scanner:
        while message := scanner.recv(STAMPS.size + LONGEST):
            found.symbols.append(message[STAMPS.size :])


class Nobody:
    """A lane that takes symbols and wants none."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []

    def send(self, message: bytes) -> bool:
        """There is room for all of them."""
        self.taken.append(message)
        return True

    def wanted(self) -> bytes | None:
        """Nothing is."""
        return None


def _ages(directory: Path, intervals: float) -> list[float]:
    """Play a recording in real time to looks that take so many frame intervals: how old each frame was when its look began, in ms."""
    ages: list[float] = []
    ours, theirs = socket.socketpair()
    with ours, closing(RecordedCamera(theirs)) as camera:
        ours.sendall(json.dumps({"joined": os.getpid()}).encode() + b"\n")
        order = {"play": str(directory), "start": time.monotonic() + 0.1, "paced": True}
        ours.sendall(json.dumps(order).encode() + b"\n")
        ours.shutdown(socket.SHUT_WR)
        scan(camera, _slow(camera.now, ages, intervals / FPS), Nobody())
    return ages[:-1]  # after the last no newer one comes: it may be of any age


def _slow(now: Callable[[], float], ages: list[float], seconds: float) -> Callable[[Grey, float], Look]:
    def look(_: Grey, captured_at: float) -> Look:
        ages.append(1e3 * (now() - captured_at))
        time.sleep(seconds)  # not a loop: a process that never waits is made to, and the camera's ages are asked for
        return Look()

    return look
